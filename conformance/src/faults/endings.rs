//! Transactions that end or begin wrongly at one moment, and writes with wrong counts, keys or rows at one size.

use selfsame::backend::{Outcome, StatementKind};
use selfsame::dialect::{Begin, Isolation, Transaction};
use selfsame::value::Value;

use crate::case::Capability;
use crate::faults::Fault;
use crate::faults::Group::{Transactions, Writes};
use crate::faults::lie::Lie;
use crate::faults::text::places;

/// Sends other transaction commands.
macro_rules! command {
    ($id:literal, $sentence:literal, $change:expr) => {
        Fault::new(
            concat!("transactions.", $id),
            Transactions,
            $sentence,
            Lie::CommandIn($change),
        )
        .needs(&[Capability::Transactions, Capability::Savepoints])
        .suspects(&["transactions."])
    };
}

/// Requests another isolation level.
macro_rules! level {
    ($id:literal, $requested:ident => $got:ident, $sentence:literal) => {
        Fault::new(
            concat!("transactions.", $id),
            Transactions,
            $sentence,
            Lie::CommandIn(|_, command| match command {
                Transaction::Begin(begin) if begin.isolation == Some(Isolation::$requested) => {
                    let mut other = *begin;
                    other.isolation = Some(Isolation::$got);
                    Some(vec![Transaction::Begin(other)])
                }
                _ => None,
            }),
        )
        .needs(&[
            Capability::SecondConnection,
            Capability::Isolation(Isolation::$requested),
            Capability::Isolation(Isolation::$got),
        ])
        .suspects(&[
            "transactions.history",
            "transactions.skew",
            "sessions.overlap",
        ])
    };
}

/// Reports another key.
macro_rules! key {
    ($id:literal, $sentence:literal, $report:expr) => {
        Fault::new(
            concat!("writes.", $id),
            Writes,
            $sentence,
            Lie::OutcomeOf(|state, kind, _, outcome| {
                let report: fn(&crate::faults::connection_state::ConnectionState, i64) -> i64 =
                    $report;
                let key = outcome.last_insert_id?;
                let reported = report(state, key);
                (kind == StatementKind::Insert && reported != key)
                    .then(|| Outcome::matched(outcome.matched).with_last_insert_id(reported))
            }),
        )
        .needs(&[Capability::GeneratedKeys])
        .suspects(&[
            "writes.sizes.round",
            "writes.",
            "transactions.",
            "sessions.",
        ])
    };
}

/// Makes the parameter at this position NULL.
macro_rules! parameter {
    ($id:literal, $kind:ident, $at:literal, $sentence:literal) => {
        Fault::new(
            concat!("writes.", $id),
            Writes,
            $sentence,
            Lie::Params(|_, kind, _, params| {
                let mut altered = params.to_vec();
                let lost = altered.get_mut($at)?;
                let acts = kind == StatementKind::$kind && !matches!(lost, Value::Null);
                *lost = Value::Null;
                acts.then_some(altered)
            }),
        )
        .beyond($at)
        .suspects(&["writes.sizes.parameters", "writes.", "queries.parameters"])
    };
}

/// A batch of one size loses its last row.
macro_rules! batch {
    ($id:literal, $size:literal, $sentence:literal) => {
        Fault::new(
            concat!("writes.", $id),
            Writes,
            $sentence,
            Lie::LoseLastOf($size),
        )
        .beyond($size)
        .suspects(&["writes.keys", "writes."])
    };
}

pub(super) const FAULTS: &[Fault] = &[
    command!(
        "savepoint_names_cut",
        "The names of savepoints are truncated to 8 characters.",
        |_, command| match command {
            Transaction::Savepoint(name) => {
                name.get(..8).filter(|cut| cut != name).map(|cut| vec![Transaction::Savepoint(cut)])
            }
            Transaction::Release(name) => {
                name.get(..8).filter(|cut| cut != name).map(|cut| vec![Transaction::Release(cut)])
            }
            Transaction::RollbackTo(name) => {
                name.get(..8).filter(|cut| cut != name).map(|cut| vec![Transaction::RollbackTo(cut)])
            }
            _ => None,
        }
    ),
    command!(
        "rollback_in_savepoint_commits",
        "ROLLBACK inside an open savepoint commits.",
        |state, command| match command {
            Transaction::Rollback if !state.savepoints.is_empty() && !state.failed => {
                Some(vec![Transaction::Commit])
            }
            _ => None,
        }
    ),
    command!(
        "fifth_savepoint_not_set",
        "A savepoint inside four others is not set.",
        |state, command| match command {
            Transaction::Savepoint(_) if state.savepoints.len() >= 4 => Some(Vec::new()),
            Transaction::Release(name) | Transaction::RollbackTo(name)
                if state.savepoints.iter().rposition(|open| open == name) >= Some(4) =>
            {
                Some(Vec::new())
            }
            _ => None,
        }
    ),
    command!(
        "release_of_outer_ignored",
        "RELEASE of a savepoint that contains others does nothing.",
        |state, command| match command {
            Transaction::Release(name) if state.savepoints.last().is_some_and(|last| last != name) => {
                Some(Vec::new())
            }
            _ => None,
        }
    ),
    command!(
        "rollback_to_first_undoes_all",
        "ROLLBACK TO the only savepoint also undoes what was done before it.",
        |state, command| match command {
            Transaction::RollbackTo(name) if state.savepoints.len() == 1 => Some(vec![
                Transaction::Rollback,
                Transaction::Begin(Begin::default()),
                Transaction::Savepoint(name),
            ]),
            _ => None,
        }
    ),
    Fault::new(
        "transactions.read_only_stays",
        Transactions,
        "The transaction after a read-only one is read-only.",
        Lie::CommandIn(|state, command| match command {
            Transaction::Begin(begin)
                if !begin.read_only && state.begun.is_some_and(|before| before.read_only) =>
            {
                let mut other = *begin;
                other.read_only = true;
                other.writes_first = false;
                Some(vec![Transaction::Begin(other)])
            }
            _ => None,
        }),
    )
    .needs(&[Capability::ReadOnlyTransactions])
    .suspects(&["transactions.read_only", "transactions.ending"]),
    level!(
        "serializable_is_repeatable_read",
        Serializable => RepeatableRead,
        "A serializable transaction is one of repeatable reads."
    ),
    level!(
        "repeatable_read_is_read_committed",
        RepeatableRead => ReadCommitted,
        "A transaction of repeatable reads is one of committed reads."
    ),
    Fault::new(
        "transactions.update_not_autocommitted",
        Transactions,
        "An UPDATE outside a transaction opens one and leaves it open.",
        Lie::HoldOpen(StatementKind::Update),
    )
    .needs(&[Capability::Transactions, Capability::SecondConnection])
    .suspects(&["transactions.autocommit"]),
    Fault::new(
        "transactions.delete_not_autocommitted",
        Transactions,
        "A DELETE outside a transaction opens one and leaves it open.",
        Lie::HoldOpen(StatementKind::Delete),
    )
    .needs(&[Capability::Transactions, Capability::SecondConnection])
    .suspects(&["transactions.autocommit"]),
    Fault::new(
        "writes.changed_instead_of_matched",
        Writes,
        "An UPDATE that runs again with the same values reports no rows.",
        Lie::OutcomeOf(|state, kind, _, outcome| {
            let acts = kind == StatementKind::Update && state.repeated && outcome.matched > 0;
            acts.then(|| Outcome::matched(0))
        }),
    )
    .suspects(&["writes.count"]),
    Fault::new(
        "writes.delete_counts_children",
        Writes,
        "A DELETE of one row reports two.",
        Lie::OutcomeOf(|_, kind, _, outcome| {
            (kind == StatementKind::Delete && outcome.matched == 1).then(|| Outcome::matched(2))
        }),
    )
    .suspects(&["writes.count"]),
    Fault::new(
        "writes.upsert_counts_twice",
        Writes,
        "An upsert reports two rows for each.",
        Lie::OutcomeOf(|_, kind, text, outcome| {
            let is_upsert = [" DO UPDATE ", " ON DUPLICATE KEY "]
                .iter()
                .any(|word| !places(text, word).is_empty());
            (kind == StatementKind::Insert && is_upsert && outcome.matched > 0)
                .then(|| Outcome::matched(outcome.matched * 2))
        }),
    )
    .needs(&[Capability::Upsert])
    .suspects(&["writes.upsert", "writes.drawn"]),
    Fault::new(
        "writes.unchanged_upsert_counts_none",
        Writes,
        "An upsert that runs again with the same values reports no rows.",
        Lie::OutcomeOf(|state, _, text, outcome| {
            let is_upsert = !places(text, " DO UPDATE ").is_empty();
            (state.repeated && is_upsert && outcome.matched > 0).then(|| Outcome::matched(0))
        }),
    )
    .needs(&[Capability::Upsert])
    .suspects(&["writes.upsert"]),
    Fault::new(
        "writes.dropped_row_tells_a_key",
        Writes,
        "A row that DO NOTHING drops is reported with a key.",
        Lie::OutcomeOf(|_, _, text, outcome| {
            let is_dropped = !places(text, " DO NOTHING").is_empty() && outcome.matched == 0;
            is_dropped.then(|| outcome.with_last_insert_id(1))
        }),
    )
    .needs(&[Capability::Upsert, Capability::GeneratedKeys])
    .suspects(&["writes.upsert"]),
    key!(
        "key_wrong_after_rollback",
        "After a ROLLBACK, the key of an inserted row is reported one too high.",
        |state, key| key + i64::from(state.after_rollback)
    ),
    key!(
        "key_wrong_in_savepoint",
        "Inside a savepoint, the key of an inserted row is reported one too high.",
        |state, key| key + i64::from(!state.savepoints.is_empty())
    ),
    key!(
        "keys_cut_to_32_bits",
        "The key of an inserted row is reported modulo 2^32.",
        |_, key| key & 0xffff_ffff
    ),
    key!(
        "key_told_once",
        "From the 300th on, the key of an inserted row is reported as the 299th.",
        |_, key| key.min(299)
    ),
    parameter!(
        "delete_parameter_lost_beyond_1",
        Delete,
        1,
        "The second parameter of a DELETE is NULL."
    ),
    parameter!(
        "delete_parameter_lost_beyond_64",
        Delete,
        64,
        "The 65th parameter of a DELETE is NULL."
    ),
    parameter!(
        "update_parameter_lost_beyond_32",
        Update,
        32,
        "The 33rd parameter of an UPDATE is NULL."
    ),
    parameter!(
        "update_parameter_lost_beyond_255",
        Update,
        255,
        "The 256th parameter of an UPDATE is NULL."
    ),
    parameter!(
        "insert_parameter_lost_beyond_20",
        Insert,
        20,
        "The 21st parameter of an INSERT is NULL."
    ),
    parameter!(
        "insert_parameter_lost_beyond_4096",
        Insert,
        4_096,
        "The 4,097th parameter of an INSERT is NULL."
    ),
    parameter!(
        "query_parameter_lost_beyond_300",
        Select,
        300,
        "The 301st parameter of a SELECT is NULL."
    ),
    Fault::new(
        "writes.null_first_stays_null",
        Writes,
        "A parameter that was NULL in the previous run of the statement is NULL again.",
        Lie::Params(|state, _, _, params| {
            let previous = state.previous.as_deref()?;
            let stale = |(now, before): (&Value, &Value)| match before {
                Value::Null => Value::Null,
                _ => now.clone(),
            };
            let altered: Vec<Value> = params.iter().zip(previous).map(stale).collect();
            (altered.len() == params.len() && altered != params).then_some(altered)
        }),
    )
    .suspects(&["writes.batch.again", "types."]),
    Fault::new(
        "writes.shorter_text_keeps_the_end_of_the_last",
        Writes,
        "A text that is shorter than the one of the previous run of the statement ends in the rest of it.",
        Lie::Params(|state, _, _, params| {
            let previous = state.previous.as_deref()?;
            let stale = |(now, before): (&Value, &Value)| match (now, before) {
                (Value::Text(now), Value::Text(before)) => {
                    let rest = before.get(now.len()..).unwrap_or_default();
                    Value::Text(format!("{now}{rest}"))
                }
                _ => now.clone(),
            };
            let altered: Vec<Value> = params.iter().zip(previous).map(stale).collect();
            (altered.len() == params.len() && altered != params).then_some(altered)
        }),
    )
    .suspects(&["writes.batch.again", "types.text"]),
    batch!(
        "batch_of_two_loses_last",
        2,
        "A batch of exactly 2 rows loses the second."
    ),
    batch!(
        "batch_of_256_loses_last",
        256,
        "A batch of exactly 256 rows loses the last."
    ),
    batch!(
        "batch_of_500_loses_last",
        500,
        "A batch of exactly 500 rows loses the last."
    ),
    batch!(
        "batch_of_1000_loses_last",
        1_000,
        "A batch of exactly 1,000 rows loses the last."
    ),
    batch!(
        "batch_of_1024_loses_last",
        1_024,
        "A batch of exactly 1,024 rows loses the last."
    ),
];
