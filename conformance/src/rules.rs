//! The rules of the ORM, one line each, and the table of the cases that test them.

use std::collections::BTreeMap;

use crate::case::Cover;
use crate::cases;
use crate::outcome::Outcome;
use crate::report::{Report, TargetReport};

/// One rule of the ORM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its number, from 1.
    pub number: u16,
    /// The promise.
    pub text: &'static str,
}

const fn rule(number: u16, text: &'static str) -> Rule {
    Rule { number, text }
}

impl Rule {
    /// Returns the ids of the cases that test it, in the order of the list.
    pub fn cases(&self) -> impl Iterator<Item = &'static str> {
        let cover = Cover::Rule(self.number);
        cases::cases()
            .filter(move |case| case.covers.contains(&cover))
            .map(|case| case.id)
    }
}

/// Every rule, by number.
#[rustfmt::skip]
pub const RULES: [Rule; 42] = [
    rule(1, "`get` of a loaded row returns its handle without a statement; an unknown key costs one SELECT; a missing row is `None`"),
    rule(2, "a query returns loaded rows by their existing handles and keeps the loaded values; `populate_existing` overwrites them"),
    rule(3, "two handles of one row are equal and lead to the same object"),
    rule(4, "a stale or foreign handle is an error, never another row"),
    rule(5, "a second object with a mapped key is `IdentityConflict` at the flush; `add` never fails"),
    rule(6, "rows read as plain values bypass the identity map and show flushed changes; all of this holds for keys of several columns and of any type"),
    rule(7, "an equal value is not written; floats are compared by bits; in-place edits are detected"),
    rule(8, "an UPDATE names only the changed columns; a second flush, and a commit with nothing to do, send nothing"),
    rule(9, "between flushes the session reports correctly what is new, dirty and deleted, and each column's history"),
    rule(10, "expressions and blind writes are part of the unit of work's UPDATE"),
    rule(11, "only deferred columns (`Deferred<T>` fields, and declared columns of records) may be unloaded; they are neither read nor written unless requested or set"),
    rule(12, "the order of a flush depends on foreign keys and on the order of `add`, never on chance; deletions run in reverse"),
    rule(13, "statements of one shape are one batch, and generated keys find their own objects"),
    rule(14, "children get the keys of parents inserted in the same flush; a relation that was set takes precedence over a foreign key column that was set"),
    rule(15, "association rows are written after both ends and deleted before them, and only those that changed"),
    rule(16, "trees are inserted level by level and deleted from the leaves; cycles are written by way of NULL or are an error that names the rows"),
    rule(17, "a row deleted and added again under its key is one UPDATE; swapped unique values work or are a clear error"),
    rule(18, "a failed flush rolls back, keeps the changes in memory, and refuses statements until `rollback`; inside a savepoint only the savepoint is lost"),
    rule(19, "an UPDATE or DELETE that matches no row is `StaleData`; version columns are checked and incremented"),
    rule(20, "a changed primary key is an UPDATE by the old key; the identity map and the children follow"),
    rule(21, "generated values are read back, in the same statement if the database has RETURNING"),
    rule(22, "relations are one-to-many, many-to-one, one-to-one and many-to-many, each also self-referential"),
    rule(23, "both sides of a relation change at once in memory, without loading an unloaded side"),
    rule(24, "add, merge, refresh, expire, expunge and delete cascade along relations as declared"),
    rule(25, "deleting a parent clears its children's foreign keys, or deletes the children where the relation says so"),
    rule(26, "with `delete-orphan` an orphan is deleted, a pending one never inserted, and a moved child is one UPDATE"),
    rule(27, "lazy, selectin and joined loading give equal graphs, each with its documented number of statements; loading a relation marked `raise` is an error"),
    rule(28, "a loaded parent and a NULL key cost no statement; loading options nest"),
    rule(29, "collections are in their relation's order; `undefer` reads deferred columns in the same statement; filtered loading returns a separate view that no flush considers"),
    rule(30, "BEGIN is sent with the first statement; a commit expires all objects; a change of an expired object never overwrites another session's silently (within one transaction a version column, a row lock or a higher isolation level sees to that)"),
    rule(31, "a rollback restores states, values and relations as they were at BEGIN"),
    rule(32, "savepoints nest, and keep or restore exactly; a dropped session writes nothing and leaves a clean connection"),
    rule(33, "queries, loads and refreshes flush first, except inside `no_autoflush`"),
    rule(34, "every legal state transition works, every illegal one is an error that names the state"),
    rule(35, "`merge`, `refresh`, `expire`, `expunge`, `flush` and `close` do what their documentation says"),
    rule(36, "hooks run before and after each flush, commit, rollback, INSERT, UPDATE, DELETE and load; an error from a hook rolls back"),
    rule(37, "`retry` runs a transaction again after a serialization failure or a deadlock, never after an ambiguous commit; a commit of one statement needs no BEGIN, unless rows in memory change with it"),
    rule(38, "a session is `Send`, an engine is `Send` and `Sync`, and every wait is bounded"),
    rule(39, "`create_all` and `drop_all` follow the references between tables and may be repeated"),
    rule(40, "reflection describes tables as they were created"),
    rule(41, "any text is a legal name once quoted; a name that is too long is a clear error"),
    rule(42, "checks, lengths and validation rules refuse a bad value, before it is sent if the mapping declares the rule"),
];

/// Writes the table of the rules as Markdown: the cases of each, and their outcomes on each target.
pub(crate) fn write(report: &Report) -> String {
    let mut out = "# The rules of the ORM, and the cases that test them\n\n\
        Generated by `selfsame check sqlite postgres --format rules`: do not edit. The rules are in `conformance/src/rules.rs`; \
        `selfsame explain ID` describes a case.\n\n\
        | rule | promise | tested by |"
        .to_owned();
    for target in &report.targets {
        out.push_str(&format!(" {} |", title(target, &report.targets)));
    }
    out.push_str("\n|--:|---|---|");
    out.push_str(&"---|".repeat(report.targets.len()));
    out.push('\n');
    for rule in &RULES {
        let ids: Vec<&str> = rule.cases().collect();
        let held_by = match &ids[..] {
            [] => "no case".to_owned(),
            ids => format!("`{}`", ids.join("`, `")),
        };
        out.push_str(&format!("| {} | {}. | {held_by} |", rule.number, rule.text));
        for target in &report.targets {
            out.push_str(&format!(" {} |", outcomes(target, &ids)));
        }
        out.push('\n');
    }
    out
}

/// Returns the dialect's name, which does not depend on where a server was found; or the target's name, if two targets have the same dialect.
fn title<'a>(target: &'a TargetReport, all: &[TargetReport]) -> &'a str {
    let alike = all.iter().filter(|other| other.dialect == target.dialect);
    match &target.dialect {
        Some(dialect) if alike.count() == 1 => dialect,
        _ => &target.name,
    }
}

/// Returns how many cases passed, and the outcomes of the others.
fn outcomes(target: &TargetReport, ids: &[&str]) -> String {
    let found: BTreeMap<&str, &Outcome> = target
        .cases
        .iter()
        .map(|case| (case.id.as_str(), &case.outcome))
        .collect();
    if ids.is_empty() {
        return "–".to_owned();
    }
    let outcome = |id: &str| found.get(id).map_or("not_run", |outcome| outcome.as_str());
    let passed = ids.iter().filter(|id| outcome(id) == "pass").count();
    if passed == ids.len() {
        return "pass".to_owned();
    }
    let others: Vec<String> = ids
        .iter()
        .filter(|id| outcome(id) != "pass")
        .map(|id| format!("`{id}`: {}", outcome(id).replace('_', " ")))
        .collect();
    format!("{passed} of {} pass; {}", ids.len(), others.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_numbered_and_end_without_a_full_stop() {
        for (place, rule) in (1..).zip(&RULES) {
            assert_eq!(rule.number, place);
            assert!(rule.text.len() > 20 && !rule.text.ends_with('.'), "{place}");
            assert!(!rule.text.contains('|'), "{place} breaks the table");
        }
    }

    #[test]
    fn every_rule_has_a_case() {
        for rule in &RULES {
            let mut cases = rule.cases();
            assert!(
                cases.next().is_some(),
                "no case covers rule {}",
                rule.number
            );
        }
    }
}
