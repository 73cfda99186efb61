//! Faults that depend on the history of a connection.

use selfsame::backend::StatementKind;
use selfsame::dialect::{Begin, Dialect, Transaction};
use selfsame::value::Value;

use crate::case::Capability;
use crate::faults::Fault;
use crate::faults::Group::{Connections, Constraints, Queries, Transactions, Writes};
use crate::faults::lie::Lie;
use crate::faults::text::{calls, definitions, in_where, places, replaced};

pub(super) const FAULTS: &[Fault] = &[
    Fault::new(
        "transactions.rollback_to_works_once",
        Transactions,
        "A second ROLLBACK TO the same savepoint does nothing.",
        Lie::CommandIn(|state, command| match command {
            Transaction::RollbackTo(name)
                if state.rolled_back_to.iter().any(|before| before == name) =>
            {
                Some(Vec::new())
            }
            _ => None,
        }),
    )
    .needs(&[Capability::Savepoints])
    .suspects(&["transactions.savepoint", "transactions.ending"]),
    Fault::new(
        "transactions.savepoint_shadowed",
        Transactions,
        "A savepoint with the name of an open one is not set.",
        Lie::CommandIn(|state, command| match command {
            Transaction::Savepoint(name) if state.savepoints.iter().any(|open| open == name) => {
                Some(Vec::new())
            }
            Transaction::Release(name)
                if state.savepoints.iter().filter(|open| open == name).count() > 1 =>
            {
                Some(Vec::new())
            }
            _ => None,
        }),
    )
    .needs(&[Capability::Savepoints])
    .suspects(&["transactions.savepoint"]),
    Fault::new(
        "transactions.release_commits",
        Transactions,
        "RELEASE of the outermost savepoint commits.",
        Lie::CommandIn(|state, command| match command {
            Transaction::Release(_) if state.savepoints.len() == 1 => Some(vec![
                Transaction::Commit,
                Transaction::Begin(Begin::default()),
            ]),
            _ => None,
        }),
    )
    .needs(&[Capability::Savepoints])
    .suspects(&["transactions.savepoint"]),
    Fault::new(
        "transactions.release_undoes",
        Transactions,
        "RELEASE rolls back to the savepoint first.",
        Lie::CommandIn(|state, command| match command {
            Transaction::Release(name) if state.savepoints.len() > 1 => Some(vec![
                Transaction::RollbackTo(name),
                Transaction::Release(name),
            ]),
            _ => None,
        }),
    )
    .needs(&[Capability::Savepoints])
    .suspects(&["transactions.savepoint"]),
    Fault::new(
        "transactions.rollback_to_outer_keeps_inner",
        Transactions,
        "ROLLBACK TO a savepoint that contains others undoes nothing.",
        Lie::CommandIn(|state, command| match command {
            Transaction::RollbackTo(name)
                if state.savepoints.last().is_some_and(|last| last != name) =>
            {
                Some(Vec::new())
            }
            _ => None,
        }),
    )
    .needs(&[Capability::Savepoints])
    .suspects(&["transactions.savepoint"]),
    Fault::new(
        "transactions.error_in_savepoint_loses_all",
        Transactions,
        "ROLLBACK TO after an error rolls back the whole transaction and begins a new one.",
        Lie::CommandIn(|state, command| match command {
            Transaction::RollbackTo(_) if state.failed => Some(
                [Transaction::Rollback, Transaction::Begin(Begin::default())]
                    .into_iter()
                    .collect(),
            ),
            _ => None,
        }),
    )
    .needs(&[Capability::Savepoints])
    .suspects(&["transactions.savepoint"]),
    Fault::new(
        "transactions.commit_after_rollback_to_undoes",
        Transactions,
        "COMMIT after a ROLLBACK TO rolls the transaction back.",
        Lie::CommandIn(|state, command| match command {
            Transaction::Commit if !state.rolled_back_to.is_empty() => {
                Some(vec![Transaction::Rollback])
            }
            _ => None,
        }),
    )
    .needs(&[Capability::Savepoints])
    .suspects(&["transactions.savepoint"]),
    Fault::new(
        "transactions.rollback_after_release_commits",
        Transactions,
        "ROLLBACK of a transaction of more than three statements commits it.",
        Lie::CommandIn(|state, command| match command {
            Transaction::Rollback if state.statements > 3 && !state.failed => {
                Some(vec![Transaction::Commit])
            }
            _ => None,
        }),
    )
    .needs(&[Capability::Transactions])
    .suspects(&["transactions.rollback"]),
    Fault::new(
        "transactions.begin_after_rollback_ignored",
        Transactions,
        "BEGIN after a ROLLBACK does nothing.",
        Lie::CommandIn(|state, command| match command {
            Transaction::Begin(_) if state.after_rollback => Some(Vec::new()),
            Transaction::Commit | Transaction::Rollback if state.after_rollback => Some(Vec::new()),
            _ => None,
        }),
    )
    .needs(&[Capability::Transactions])
    .suspects(&["transactions."]),
    Fault::new(
        "transactions.third_commit_lost",
        Transactions,
        "The third COMMIT of a connection rolls back.",
        Lie::CommandIn(|state, command| match command {
            Transaction::Commit if state.commits == 2 => Some(vec![Transaction::Rollback]),
            _ => None,
        }),
    )
    .needs(&[Capability::Transactions])
    .suspects(&["transactions."]),
    Fault::new(
        "transactions.long_ones_lost",
        Transactions,
        "COMMIT of a transaction of more than 100 statements rolls it back.",
        Lie::CommandIn(|state, command| match command {
            Transaction::Commit if state.statements > 100 => Some(vec![Transaction::Rollback]),
            _ => None,
        }),
    )
    .beyond(100)
    .needs(&[Capability::Transactions])
    .suspects(&["transactions.", "writes.batch"]),
    Fault::new(
        "transactions.read_only_ignored",
        Transactions,
        "A read-only transaction accepts writes.",
        Lie::CommandIn(|_, command| match command {
            Transaction::Begin(begin) if begin.read_only => {
                Some(vec![Transaction::Begin(Begin::default())])
            }
            _ => None,
        }),
    )
    .needs(&[Capability::ReadOnlyTransactions])
    .suspects(&["transactions.read_only"]),
    Fault::new(
        "queries.savepoint_less_or_equal",
        Queries,
        "Inside a savepoint, <= excludes equal values.",
        Lie::TextIn(|state, _, text| {
            (!state.savepoints.is_empty())
                .then(|| replaced(text, " <= ", " < "))
                .flatten()
        }),
    )
    .needs(&[Capability::Savepoints])
    .suspects(&["transactions.savepoint"]),
    Fault::new(
        "writes.savepoint_update_of_all",
        Writes,
        "Inside a savepoint, an UPDATE ignores its condition.",
        Lie::TextIn(|state, kind, text| {
            (kind == StatementKind::Update && !state.savepoints.is_empty())
                .then(|| in_where(text, |condition| Some(format!("({condition}) OR 1 = 1"))))
                .flatten()
        }),
    )
    .needs(&[Capability::Savepoints])
    .suspects(&["transactions.savepoint"]),
    Fault::new(
        "writes.transaction_delete_of_none",
        Writes,
        "In a transaction, a DELETE by a comparison other than = removes nothing.",
        Lie::TextIn(|state, kind, text| {
            let acts = kind == StatementKind::Delete
                && state.in_transaction
                && places(text, " = ").is_empty()
                && places(text, " IN (").is_empty();
            acts.then(|| in_where(text, |condition| Some(format!("({condition}) AND 1 = 0"))))
                .flatten()
        }),
    )
    .needs(&[Capability::Transactions])
    .suspects(&["writes.", "transactions."]),
    Fault::new(
        "queries.order_lost_in_transaction",
        Queries,
        "In a transaction, ORDER BY sorts in the opposite direction.",
        Lie::TextIn(|state, kind, text| {
            let at = *places(text, " ORDER BY ").last()?;
            let acts = kind == StatementKind::Select
                && state.in_transaction
                && places(&text[at..], " DESC").is_empty()
                && places(&text[at..], ",").is_empty()
                && places(&text[at..], ")").is_empty();
            let end = places(&text[at..], " LIMIT ")
                .first()
                .map_or(text.len(), |limit| at + limit);
            acts.then(|| format!("{} DESC{}", &text[..end], &text[end..]))
        }),
    )
    .needs(&[Capability::Transactions])
    .suspects(&["transactions."]),
    Fault::new(
        "writes.null_keeps_last_value",
        Writes,
        "A NULL parameter keeps its value from the previous run of the statement.",
        Lie::Params(|state, _, _, params| {
            let previous = state.previous.as_deref()?;
            let stale = |(now, before): (&Value, &Value)| {
                if matches!(now, Value::Null) {
                    before.clone()
                } else {
                    now.clone()
                }
            };
            let altered: Vec<Value> = params.iter().zip(previous).map(stale).collect();
            (altered.len() == params.len() && altered != params).then_some(altered)
        }),
    )
    .suspects(&["types.all", "types."]),
    Fault::new(
        "writes.ninth_parameter_stale",
        Writes,
        "The ninth parameter of a statement keeps its value from the first run.",
        Lie::Params(|state, _, _, params| {
            let before = state.previous.as_deref()?.get(8)?;
            let mut altered = params.to_vec();
            let ninth = altered.get_mut(8)?;
            let acts = ninth != before;
            ninth.clone_from(before);
            acts.then_some(altered)
        }),
    )
    .suspects(&["types.all", "writes."]),
    Fault::new(
        "writes.outcomes_told_late",
        Writes,
        "In a batch, each row gets the outcome of the previous row.",
        Lie::LateOutcomes,
    )
    .suspects(&["writes.batch", "writes."]),
    Fault::new(
        "writes.batch_ignores_its_reader",
        Writes,
        "A batch continues after the reader of its outcomes has stopped.",
        Lie::IgnoreReader,
    )
    .suspects(&["writes.batch"]),
    Fault::new(
        "queries.stop_is_ignored",
        Queries,
        "Reading a result continues after its reader has stopped, and the reader's error is lost.",
        Lie::SwallowStop,
    )
    .suspects(&["queries.stream"]),
    Fault::new(
        "connections.reset_keeps_settings",
        Connections,
        "Settings changed by raw SQL outlive the session.",
        Lie::ResetLightly,
    )
    .suspects(&["connections."]),
    Fault::new(
        "constraints.foreign_keys_on_first_connection_only",
        Constraints,
        "Only the first connection enforces foreign keys.",
        Lie::KeysOffElsewhere,
    )
    .needs(&[Capability::ForeignKeys, Capability::SecondConnection])
    .suspects(&["constraints.foreign_key", "connections."]),
    Fault::new(
        "constraints.check_of_null_fails",
        Constraints,
        "A CHECK whose condition is NULL is violated.",
        Lie::Text(|_, _, text| {
            text.starts_with("CREATE TABLE")
                .then(|| {
                    calls(text, "CHECK (", |inner| {
                        Some(format!("CHECK (COALESCE(({inner}), 1 = 0))"))
                    })
                })
                .flatten()
        }),
    )
    .needs(&[Capability::Checks])
    .suspects(&["constraints."]),
    Fault::new(
        "constraints.deferred_is_immediate",
        Constraints,
        "A deferred foreign key is checked by each statement.",
        Lie::Text(|_, _, text| replaced(text, " DEFERRABLE INITIALLY DEFERRED", "")),
    )
    .needs(&[Capability::DeferrableConstraints])
    .suspects(&["constraints."]),
    Fault::new(
        "constraints.immediate_is_deferred",
        Constraints,
        "A foreign key that is not deferred is checked only at COMMIT.",
        Lie::Text(|_, _, text| {
            change_definitions(text, |part| {
                (part.contains("FOREIGN KEY") && !part.contains("DEFERRABLE"))
                    .then(|| format!("{part} DEFERRABLE INITIALLY DEFERRED"))
            })
        }),
    )
    .needs(&[Capability::DeferrableConstraints])
    .suspects(&["constraints."]),
    Fault::new(
        "constraints.cascade_ignored",
        Constraints,
        "ON DELETE CASCADE is ignored.",
        Lie::Text(|_, _, text| replaced(text, " ON DELETE CASCADE", "")),
    )
    .needs(&[Capability::ForeignKeys])
    .suspects(&["constraints."]),
    Fault::new(
        "constraints.restrict_is_cascade",
        Constraints,
        "ON DELETE RESTRICT removes the children.",
        Lie::Text(|_, _, text| replaced(text, " ON DELETE RESTRICT", " ON DELETE CASCADE")),
    )
    .needs(&[Capability::ForeignKeys])
    .suspects(&["constraints."]),
    Fault::new(
        "constraints.no_action_is_set_null",
        Constraints,
        "A foreign key without an action clears the children's column.",
        Lie::Text(|_, _, text| {
            change_definitions(text, |part| {
                (part.contains("FOREIGN KEY") && !part.contains(" ON DELETE "))
                    .then(|| format!("{part} ON DELETE SET NULL"))
            })
        }),
    )
    .needs(&[Capability::ForeignKeys])
    .suspects(&["constraints."]),
    Fault::new(
        "constraints.own_table_keys_off",
        Constraints,
        "A self-referential foreign key is not enforced.",
        Lie::Text(|_, _, text| {
            let open = *places(text, "(").first()?;
            let table = text[..open].trim_end().rsplit(' ').next()?;
            let refers = format!(" REFERENCES {table} ");
            let (before, parts, after) = definitions(text)?;
            let kept: Vec<&str> = parts
                .iter()
                .copied()
                .filter(|part| !part.contains(&refers))
                .collect();
            (kept.len() < parts.len()).then(|| format!("{before}{}{after}", kept.join(", ")))
        }),
    )
    .needs(&[Capability::ForeignKeys])
    .suspects(&["constraints."]),
    Fault::new(
        "constraints.unique_folds_case",
        Constraints,
        "Texts that differ only in case are equal, in constraints and comparisons.",
        Lie::Text(|dialect, _, text| collated(dialect, text, "NOCASE")),
    )
    .suspects(&["constraints.", "types.text"]),
    Fault::new(
        "constraints.unique_ignores_spaces_at_end",
        Constraints,
        "Texts that differ only in trailing spaces are equal, in constraints and comparisons.",
        Lie::Text(|dialect, _, text| collated(dialect, text, "RTRIM")),
    )
    .suspects(&["constraints.", "types.text"]),
    Fault::new(
        "constraints.key_not_unique",
        Constraints,
        "A composite primary key is not enforced.",
        Lie::Text(|_, _, text| {
            let (before, parts, after) = definitions(text)?;
            let kept: Vec<&str> = parts
                .iter()
                .copied()
                .filter(|part| !(part.starts_with("PRIMARY KEY (") && part.contains(", ")))
                .collect();
            (kept.len() < parts.len()).then(|| format!("{before}{}{after}", kept.join(", ")))
        }),
    )
    .suspects(&["constraints."]),
];

/// Gives the text columns of a CREATE TABLE one of SQLite's collations; `None` on databases that do not have it.
fn collated(dialect: &dyn Dialect, text: &str, collation: &str) -> Option<String> {
    if matches!(dialect.name(), "postgres" | "mariadb" | "mysql") {
        return None;
    }
    change_definitions(text, |part| {
        part.contains("\" TEXT")
            .then(|| part.replacen("\" TEXT", &format!("\" TEXT COLLATE {collation}"), 1))
    })
}

/// Rewrites some definitions of a CREATE TABLE.
fn change_definitions(text: &str, change: impl Fn(&str) -> Option<String>) -> Option<String> {
    let (before, parts, after) = definitions(text)?;
    let mut changed = false;
    let parts: Vec<String> = parts
        .iter()
        .map(|part| match change(part) {
            Some(new) => {
                changed = true;
                new
            }
            None => (*part).to_owned(),
        })
        .collect();
    changed.then(|| format!("{before}{}{after}", parts.join(", ")))
}
