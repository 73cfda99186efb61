//! Bugs in only one kind of statement.

use selfsame::backend::{Outcome, StatementKind};
use selfsame::value::Value;

use crate::case::Capability;
use crate::faults::Fault;
use crate::faults::Group::{Queries, Writes};
use crate::faults::lie::Lie;
use crate::faults::text::{has_like, in_where, places, replaced};

/// Changes a condition in only one kind of statement.
macro_rules! only_in {
    ($kind:ident, $id:literal, $sentence:literal, $word:literal => $other:literal) => {
        Fault::new(
            concat!("writes.", $id),
            Writes,
            $sentence,
            Lie::Text(|_, kind, text| {
                (kind == StatementKind::$kind)
                    .then(|| in_where(text, |condition| replaced(condition, $word, $other)))
                    .flatten()
            }),
        )
        .suspects(&[
            "writes.drawn",
            "queries.drawn",
            "writes.update",
            "writes.delete",
            "writes.",
        ])
    };
}

/// Compares NULL as a value in only one kind of statement.
macro_rules! matches_null {
    ($kind:ident, $id:literal, $sentence:literal) => {
        Fault::new(
            concat!("writes.", $id),
            Writes,
            $sentence,
            Lie::Text(|dialect, kind, text| {
                let [_, same, _] = dialect.null_safe_equality(false);
                (kind == StatementKind::$kind)
                    .then(|| in_where(text, |condition| replaced(condition, " = ", same)))
                    .flatten()
            }),
        )
        .suspects(&[
            "writes.drawn",
            "queries.drawn",
            "writes.update",
            "writes.delete",
            "writes.",
        ])
    };
}

pub(super) const FAULTS: &[Fault] = &[
    Fault::new(
        "writes.update_exists_is_not_exists",
        Writes,
        "In UPDATE, EXISTS matches what NOT EXISTS matches.",
        Lie::Text(|_, kind, text| {
            (kind == StatementKind::Update)
                .then(|| replaced(text, "EXISTS (", "NOT EXISTS ("))
                .flatten()
        }),
    )
    .suspects(&["queries.drawn.subqueries"]),
    Fault::new(
        "writes.delete_exists_is_not_exists",
        Writes,
        "In DELETE, EXISTS matches what NOT EXISTS matches.",
        Lie::Text(|_, kind, text| {
            (kind == StatementKind::Delete)
                .then(|| replaced(text, "EXISTS (", "NOT EXISTS ("))
                .flatten()
        }),
    )
    .suspects(&["queries.drawn.subqueries"]),
    matches_null!(
        Update,
        "update_matches_null",
        "In UPDATE, = NULL is true of NULL."
    ),
    matches_null!(
        Delete,
        "delete_matches_null",
        "In DELETE, = NULL is true of NULL."
    ),
    only_in!(Update, "update_less_or_equal", "In UPDATE, <= excludes equal values.", " <= " => " < "),
    only_in!(Delete, "delete_less_or_equal", "In DELETE, <= excludes equal values.", " <= " => " < "),
    only_in!(Update, "update_greater", "In UPDATE, > includes equal values.", " > " => " >= "),
    only_in!(Delete, "delete_or_is_and", "In DELETE, OR requires both sides.", " OR " => " AND "),
    only_in!(Update, "update_or_is_and", "In UPDATE, OR requires both sides.", " OR " => " AND "),
    only_in!(Update, "update_is_null_turned", "In UPDATE, IS NULL matches what is not NULL.", " IS NULL" => " IS NOT NULL"),
    only_in!(Delete, "delete_is_null_turned", "In DELETE, IS NULL matches what is not NULL.", " IS NULL" => " IS NOT NULL"),
    only_in!(Delete, "delete_not_in_is_in", "In DELETE, NOT IN matches what IN matches.", " NOT IN (" => " IN ("),
    only_in!(Update, "update_not_in_is_in", "In UPDATE, NOT IN matches what IN matches.", " NOT IN (" => " IN ("),
    only_in!(Update, "update_between_turned", "In UPDATE, BETWEEN matches what is outside.", " BETWEEN " => " NOT BETWEEN "),
    Fault::new(
        "writes.update_loses_last_of_list",
        Writes,
        "In UPDATE, the last value of an IN list of two or more is ignored.",
        Lie::Params(|_, kind, text, params| {
            (kind == StatementKind::Update)
                .then(|| last_of_list_lost(text, params, 1))
                .flatten()
        }),
    )
    .suspects(&["writes."]),
    Fault::new(
        "writes.delete_loses_last_of_list",
        Writes,
        "In DELETE, the last value of an IN list of two or more is ignored.",
        Lie::Params(|_, kind, text, params| {
            (kind == StatementKind::Delete)
                .then(|| last_of_list_lost(text, params, 1))
                .flatten()
        }),
    )
    .suspects(&["writes."]),
    Fault::new(
        "queries.not_in_forgets_null",
        Queries,
        "A NULL in the list of NOT IN is ignored.",
        Lie::Params(|_, _, text, params| {
            places(text, " NOT IN (").first()?;
            let other = params.iter().find(|value| !matches!(value, Value::Null))?;
            let has_null = params.contains(&Value::Null);
            has_null.then(|| {
                params
                    .iter()
                    .map(|value| {
                        if matches!(value, Value::Null) {
                            other.clone()
                        } else {
                            value.clone()
                        }
                    })
                    .collect()
            })
        }),
    )
    .suspects(&["queries.operands.lists"]),
    Fault::new(
        "queries.underscore_is_itself",
        Queries,
        "In a pattern, an underscore matches nothing but itself.",
        Lie::Params(|_, _, text, params| {
            if !has_like(text) {
                return None;
            }
            let altered: Vec<Value> = params
                .iter()
                .map(|value| match value {
                    Value::Text(text) if !text.contains('\\') => {
                        Value::Text(text.replace('_', "\\_"))
                    }
                    value => value.clone(),
                })
                .collect();
            (altered != params).then_some(altered)
        }),
    )
    .suspects(&["queries.operands.patterns"]),
    Fault::new(
        "writes.delete_counts_one_less",
        Writes,
        "A DELETE of several rows reports one row too few.",
        Lie::OutcomeOf(|_, kind, _, outcome| {
            (kind == StatementKind::Delete && outcome.matched > 1)
                .then(|| Outcome::matched(outcome.matched - 1))
        }),
    )
    .suspects(&["writes."]),
    Fault::new(
        "writes.update_counts_one",
        Writes,
        "An UPDATE of several rows reports one.",
        Lie::OutcomeOf(|_, kind, _, outcome| {
            (kind == StatementKind::Update && outcome.matched > 1).then(|| Outcome::matched(1))
        }),
    )
    .suspects(&["writes."]),
    Fault::new(
        "writes.insert_counts_one",
        Writes,
        "An INSERT of several rows reports one.",
        Lie::OutcomeOf(|_, kind, _, outcome| {
            (kind == StatementKind::Insert && outcome.matched > 1).then(|| {
                let one = Outcome::matched(1);
                outcome
                    .last_insert_id
                    .map_or(one, |id| one.with_last_insert_id(id))
            })
        }),
    )
    .suspects(&["writes."]),
    Fault::new(
        "writes.insert_from_query_counts_none",
        Writes,
        "An INSERT from a query reports no rows.",
        Lie::OutcomeOf(|_, kind, text, outcome| {
            (kind == StatementKind::Insert && text.contains(" SELECT ") && outcome.matched > 0)
                .then(|| Outcome::matched(0))
        }),
    )
    .suspects(&["writes."]),
    Fault::new(
        "writes.first_key_told",
        Writes,
        "An INSERT of several rows reports its first key, not its last.",
        Lie::OutcomeOf(|_, kind, _, outcome| {
            let id = outcome.last_insert_id?;
            let after = i64::try_from(outcome.matched).ok()? - 1;
            (kind == StatementKind::Insert && after > 0)
                .then(|| Outcome::matched(outcome.matched).with_last_insert_id(id - after))
        }),
    )
    .needs(&[Capability::GeneratedKeys, Capability::KeysCountedOn])
    .suspects(&["writes."]),
    Fault::new(
        "writes.key_told_one_high",
        Writes,
        "The key of an inserted row is reported one too high.",
        Lie::OutcomeOf(|_, kind, _, outcome| {
            let id = outcome.last_insert_id?;
            (kind == StatementKind::Insert)
                .then(|| Outcome::matched(outcome.matched).with_last_insert_id(id + 1))
        }),
    )
    .needs(&[Capability::GeneratedKeys])
    .suspects(&["writes."]),
    Fault::new(
        "writes.upsert_sets_every_column",
        Writes,
        "An upsert also changes columns that it does not name.",
        Lie::Text(|_, kind, text| {
            (kind == StatementKind::Insert)
                .then(|| upsert_of_all(text))
                .flatten()
        }),
    )
    .needs(&[Capability::Upsert])
    .suspects(&["writes.upsert"]),
    Fault::new(
        "writes.upsert_condition_dropped",
        Writes,
        "The condition of an upsert is ignored.",
        Lie::Text(|_, kind, text| {
            let at = *places(text, " DO UPDATE SET ").first()?;
            let after = in_where(&text[at..], |condition| {
                Some(format!("({condition}) OR 1 = 1"))
            })?;
            (kind == StatementKind::Insert).then(|| format!("{}{after}", &text[..at]))
        }),
    )
    .needs(&[Capability::Upsert])
    .suspects(&["writes.upsert"]),
    Fault::new(
        "writes.do_nothing_replaces",
        Writes,
        "ON CONFLICT DO NOTHING replaces the row.",
        Lie::Text(|_, kind, text| {
            (kind == StatementKind::Insert)
                .then(|| replacing(text))
                .flatten()
        }),
    )
    .needs(&[Capability::Upsert])
    .suspects(&["writes.upsert"]),
    Fault::new(
        "writes.insert_from_query_cut",
        Writes,
        "An INSERT from a query inserts only the first row.",
        Lie::Text(|_, kind, text| {
            let inserts = kind == StatementKind::Insert
                && text.contains(") SELECT ")
                && places(text, " LIMIT ").is_empty()
                && places(text, " ON CONFLICT ").is_empty();
            inserts.then(|| format!("{text} LIMIT 1"))
        }),
    )
    .suspects(&["writes."]),
    Fault::new(
        "writes.returning_loses_last_row",
        Writes,
        "RETURNING returns one row fewer than it wrote.",
        Lie::Rows(
            |kind, _| kind != StatementKind::Select,
            |rows| (rows.len() > 1).then(|| (0..rows.len() - 1).collect()),
        ),
    )
    .needs(&[Capability::Returning])
    .suspects(&["writes."]),
];

/// Drops the last value of a list, whether each value is a parameter or the list is one JSON array.
fn last_of_list_lost(text: &str, params: &[Value], more_than: usize) -> Option<Vec<Value>> {
    places(text, " IN (").first()?;
    let [before @ .., last] = params else {
        return None;
    };
    if let Value::Text(list) = last
        && let Ok(mut values) = serde_json::from_str::<Vec<serde_json::Value>>(list)
    {
        values.pop().filter(|_| !values.is_empty())?;
        let shorter = Value::Text(serde_json::Value::Array(values).to_string());
        return Some(before.iter().cloned().chain([shorter]).collect());
    }
    let other = before.last()?;
    let differs = other != last && std::mem::discriminant(other) == std::mem::discriminant(last);
    (params.len() > more_than && differs)
        .then(|| before.iter().cloned().chain([other.clone()]).collect())
}

/// Turns an upsert that does nothing on a conflict into one that sets every column of the INSERT; the statement must name the columns of the
/// conflict.
fn replacing(text: &str) -> Option<String> {
    const NOTHING: &str = " DO NOTHING";
    let Some(&at) = places(text, NOTHING).first() else {
        return replacing_duplicates(text);
    };
    let target = text[..at].rsplit_once(" ON CONFLICT (")?.1;
    let column = target.split([',', ')']).next()?;
    let after = &text[at + NOTHING.len()..];
    let one = format!(
        "{} DO UPDATE SET {column} = excluded.{column}{after}",
        &text[..at]
    );
    Some(upsert_of_all(&one).unwrap_or(one))
}

/// Does the same for ON DUPLICATE KEY UPDATE whose only assignment is that of a column to itself.
fn replacing_duplicates(text: &str) -> Option<String> {
    const KEEP: &str = " ON DUPLICATE KEY UPDATE ";
    const NO_VALUE: &str = " ELSE (SELECT 1 UNION ALL SELECT 2) END";
    let at = *places(text, KEEP).first()?;
    let (kept, value) = text[at + KEEP.len()..].split_once(" = ")?;
    let value = match value.strip_suffix(NO_VALUE) {
        Some(guarded) => guarded.rsplit_once(" THEN ")?.1,
        None => value,
    };
    if !value.ends_with(&format!(".{kept}")) {
        return None;
    }
    let open = text.find('(')?;
    let close = open + text[open..].find(')')?;
    let others = text[open + 1..close].split(", ");
    let others = others.filter(|column| *column != kept);
    let others: Vec<String> = others
        .map(|column| format!(", {column} = VALUES({column})"))
        .collect();
    (!others.is_empty()).then(|| format!("{text}{}", others.concat()))
}

/// Also sets the columns of the INSERT that the upsert does not set.
fn upsert_of_all(text: &str) -> Option<String> {
    let open = text.find('(')?;
    let close = open + text[open..].find(')')?;
    let at = *places(text, " DO UPDATE SET ").first()? + " DO UPDATE SET ".len();
    let before = &text[..at];
    let conflict = &before[*places(before, " ON CONFLICT ").first()?..];
    let others: Vec<String> = text[open + 1..close]
        .split(", ")
        .filter(|column| !text[at..].contains(&format!("{column} =")) && !conflict.contains(column))
        .map(|column| format!("{column} = excluded.{column}, "))
        .collect();
    (!others.is_empty()).then(|| format!("{before}{}{}", others.concat(), &text[at..]))
}
