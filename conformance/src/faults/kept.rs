//! Results that are kept too long, errors that depend on how a row was written, and handles that interrupt nothing.

use selfsame::backend::StatementKind;
use selfsame::dialect::Transaction;
use selfsame::{Error, ErrorKind};

use crate::case::Capability;
use crate::faults::Fault;
use crate::faults::Group::{Connections, Constraints, Queries, Transactions, Writes};
use crate::faults::lie::{Change, Lie, Part, Write, without};

/// Keeps the results of queries; the closure says which changes make it forget one, whose text is the second argument.
macro_rules! kept {
    ($id:literal, $sentence:literal, $needs:expr, $forgets:expr) => {
        Fault::new(
            concat!("queries.", $id),
            Queries,
            $sentence,
            Lie::KeepResults($forgets),
        )
        .needs($needs)
        .suspects(&["queries.again", "schema.change", "transactions."])
    };
}

/// Reports the error of a refused row differently.
macro_rules! refused {
    ($id:literal, $sentence:literal, $needs:expr, $change:expr) => {
        Fault::new(
            concat!("constraints.", $id),
            Constraints,
            $sentence,
            Lie::ErrorOf($change),
        )
        .needs($needs)
        .suspects(&["constraints.error", "constraints."])
    };
}

pub(super) const FAULTS: &[Fault] = &[
    kept!(
        "kept_beyond_other_connections",
        "A result is kept although another connection changed its table.",
        &[Capability::SecondConnection],
        |change, _| *change != Change::OtherConnection
    ),
    kept!(
        "kept_beyond_rollback",
        "A result is kept although the changes that it shows were rolled back.",
        &[Capability::Transactions],
        |change, _| *change != Change::Rollback
    ),
    kept!(
        "kept_beyond_rollback_to",
        "A result is kept although the changes that it shows were rolled back to a savepoint.",
        &[Capability::Savepoints],
        |change, _| *change != Change::RollbackTo
    ),
    kept!(
        "kept_beyond_returning",
        "A result is kept although a statement with RETURNING changed its table.",
        &[Capability::Returning],
        |change, _| !matches!(change, Change::Write(write) if write.returns_rows)
    ),
    kept!(
        "kept_beyond_batches",
        "A result is kept although a batch changed its table.",
        &[],
        |change, _| !matches!(change, Change::Write(write) if write.place.is_some())
    ),
    kept!(
        "kept_beyond_raw_sql",
        "A result is kept although raw SQL changed its table.",
        &[],
        |change, _| !matches!(change, Change::Write(write) if write.kind == StatementKind::Raw)
    ),
    kept!(
        "kept_by_first_table",
        "A result is kept until its first table changes.",
        &[],
        |change, query| match change {
            Change::Write(write) => written(write).is_none_or(|table| {
                let from = query.split_once(" FROM ").map_or(query, |(_, from)| from);
                names(from).next().is_none_or(|first| first == table)
            }),
            _ => true,
        }
    ),
    kept!(
        "kept_beyond_actions",
        "A result is kept until a statement names one of its tables; a foreign key's action names none.",
        &[Capability::ForeignKeys],
        |change, query| match change {
            Change::Write(write) =>
                written(write).is_none_or(|table| names(query).any(|name| name == table)),
            _ => true,
        }
    ),
    refused!(
        "later_row_of_batch_is_other",
        "A violation by any but the first row of a batch is reported as another error of the database.",
        &[],
        |write, error| (write.place > Some(0)).then(|| other(error)).flatten()
    ),
    refused!(
        "row_of_query_is_other",
        "A violation by INSERT … SELECT is reported as another error of the database.",
        &[],
        |write, error| {
            let copies = write.kind == StatementKind::Insert && write.text.contains(" SELECT ");
            copies.then(|| other(error)).flatten()
        }
    ),
    refused!(
        "name_lost_in_batch",
        "The error for a row of a batch names no constraint.",
        &[Capability::KeyConstraintNames],
        |write, error| write.place.and_then(|_| without(error, Part::Constraint))
    ),
    refused!(
        "name_lost_with_returning",
        "The error for a row that was to be returned names no constraint.",
        &[Capability::KeyConstraintNames, Capability::Returning],
        |write, error| write.returns_rows.then(|| without(error, Part::Constraint)).flatten()
    ),
    refused!(
        "name_lost_elsewhere",
        "Errors on any but the first connection name no constraint.",
        &[Capability::KeyConstraintNames],
        |write, error| (write.connection > 0).then(|| without(error, Part::Constraint)).flatten()
    ),
    refused!(
        "column_lost_by_update",
        "The error for NULL in an UPDATE names no column.",
        &[Capability::ColumnNames],
        |write, error| {
            let is_meant = write.kind == StatementKind::Update;
            is_meant.then(|| without(error, Part::Column)).flatten()
        }
    ),
    refused!(
        "column_lost_in_batch",
        "The error for NULL in a batch names no column.",
        &[Capability::ColumnNames],
        |write, error| write.place.and_then(|_| without(error, Part::Column))
    ),
    refused!(
        "code_lost",
        "Errors do not have the database's code.",
        &[Capability::ErrorCodes],
        |_, error| without(error, Part::Code)
    ),
    refused!(
        "code_lost_in_batch",
        "Errors of batches do not have the database's code.",
        &[Capability::ErrorCodes],
        |write, error| write.place.and_then(|_| without(error, Part::Code))
    ),
    Fault::new(
        "writes.key_after_failure_is_previous",
        Writes,
        "The INSERT after a refused row reports the key of the one before.",
        Lie::OutcomeOf(|state, _, _, outcome| {
            let (now, before) = (outcome.last_insert_id?, state.last_key?);
            (state.after_failure && now != before).then(|| outcome.with_last_insert_id(before))
        }),
    )
    .needs(&[Capability::GeneratedKeys])
    .suspects(&["writes.keys"]),
    Fault::new(
        "transactions.intent_lost_after_read_only",
        Transactions,
        "A transaction that writes first begins like one that reads, if the one before was read-only.",
        Lie::CommandIn(|state, command| match command {
            Transaction::Begin(begin)
                if begin.writes_first && state.begun.is_some_and(|before| before.read_only) =>
            {
                let mut other = *begin;
                other.writes_first = false;
                Some(vec![Transaction::Begin(other)])
            }
            _ => None,
        }),
    )
    .needs(&[Capability::ReadOnlyTransactions, Capability::SecondConnection])
    .suspects(&["transactions.conflict"]),
    Fault::new(
        "connections.second_handle_interrupts_nothing",
        Connections,
        "Only the first handle of a connection interrupts its statements.",
        Lie::OneHandle,
    )
    .suspects(&["connections.cancelled"]),
    Fault::new(
        "connections.handle_ends_with_reset",
        Connections,
        "A handle from before a reset interrupts nothing.",
        Lie::HandleUntilReset,
    )
    .suspects(&["connections.cancelled"]),
];

/// Another error of the database instead of a violation.
fn other(error: &Error) -> Option<Error> {
    error
        .is_constraint()
        .then(|| Error::new(ErrorKind::Database, error.message()))
}

/// The table that a statement names first; `None` if it can change anything.
fn written<'a>(write: &Write<'a>) -> Option<&'a str> {
    let is_known = !matches!(write.kind, StatementKind::Ddl | StatementKind::Raw);
    names(write.text).next().filter(|_| is_known)
}

/// The quoted names of a statement.
fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split(['"', '`']).skip(1).step_by(2)
}
