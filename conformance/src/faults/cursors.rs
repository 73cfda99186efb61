//! Rows, cursors, batches and savepoints that keep old state, counters that are too narrow, and errors that lack information.

use selfsame::backend::{Outcome, StatementKind};
use selfsame::dialect::Transaction;
use selfsame::{Error, ErrorKind};

use crate::case::Capability;
use crate::faults::Fault;
use crate::faults::Group::{Constraints, Queries, Transactions, Values, Writes};
use crate::faults::lie::{Answer, Lie, Part, without};

/// Reports another number of rows for one kind of statement.
macro_rules! counted {
    ($id:literal, $sentence:literal, $kind:ident, $suspects:expr, $count:expr) => {
        Fault::new(
            concat!("writes.", $id),
            Writes,
            $sentence,
            Lie::Outcome(|kind, mut outcome| {
                let count: fn(u64) -> u64 = $count;
                let other = count(outcome.matched);
                (kind == StatementKind::$kind && other != outcome.matched).then(|| {
                    outcome.matched = other;
                    outcome
                })
            }),
        )
        .suspects($suspects)
    };
}

/// Reports the errors of one kind of statement without the name of the constraint.
macro_rules! nameless {
    ($id:literal, $sentence:literal, $kind:ident) => {
        Fault::new(
            concat!("constraints.", $id),
            Constraints,
            $sentence,
            Lie::Error(|kind, error| {
                (kind == StatementKind::$kind)
                    .then(|| without(error, Part::Constraint))
                    .flatten()
                    .map(Answer::Error)
            }),
        )
        .suspects(&["constraints."])
    };
}

pub(super) const FAULTS: &[Fault] = &[
    Fault::new(
        "queries.cells_read_once",
        Queries,
        "A value that is read a second time is NULL.",
        Lie::CellsOnce,
    )
    .suspects(&["queries.stream", "queries.columns"]),
    Fault::new(
        "queries.cells_read_in_order",
        Queries,
        "A value is NULL if one to its right was read before.",
        Lie::CellsInOrder,
    )
    .suspects(&["queries.stream", "queries.columns"]),
    Fault::new(
        "queries.stopped_query_resumes",
        Queries,
        "A query whose reader stopped continues after that row when it runs again.",
        Lie::ResumeStopped,
    )
    .suspects(&["queries.stream"]),
    Fault::new(
        "values.long_text_alone_cut",
        Values,
        "A reader that asks for a text alone gets at most 65,535 bytes.",
        Lie::FastText(|row, at| {
            let text = row.text(at).ok()??;
            let end = (0..=65_535).rev().find(|end| text.is_char_boundary(*end))?;
            (text.len() > 65_535).then(|| Some(text[..end].to_owned()))
        }),
    )
    .beyond(65_535)
    .suspects(&["types.text", "types."]),
    Fault::new(
        "writes.equal_rows_of_a_batch_written_once",
        Writes,
        "Of equal rows in a batch only the first is written.",
        Lie::SkipInBatch(|before, row| before.contains(&row)),
    )
    .suspects(&["writes.batch", "writes."]),
    Fault::new(
        "writes.batch_changes_a_row_once",
        Writes,
        "Of the rows of a batch with one last parameter only the first has an effect.",
        Lie::SkipInBatch(|before, row| {
            let last = row.last();
            row.len() > 1 && before.iter().any(|earlier| earlier.last() == last)
        }),
    )
    .suspects(&["writes.batch", "writes."]),
    Fault::new(
        "writes.empty_batch_reports_a_row",
        Writes,
        "A batch of no rows reports an outcome.",
        Lie::EmptyBatch,
    )
    .suspects(&["writes.batch", "writes."]),
    Fault::new(
        "writes.failed_batch_undoes_its_rows",
        Writes,
        "A batch that fails outside a transaction undoes the rows that it has reported.",
        Lie::AtomicBatch,
    )
    .needs(&[Capability::Transactions])
    .suspects(&["writes.batch.error"]),
    counted!(
        "delete_of_256_counts_none",
        "A DELETE reports the number of its rows modulo 256.",
        Delete,
        &["writes.delete", "writes."],
        |rows| rows % 256
    ),
    counted!(
        "update_of_256_counts_none",
        "An UPDATE reports the number of its rows modulo 256.",
        Update,
        &["writes.update", "writes."],
        |rows| rows % 256
    ),
    counted!(
        "update_of_65536_counts_none",
        "An UPDATE reports the number of its rows modulo 65,536.",
        Update,
        &["writes.update", "writes."],
        |rows| rows % 65_536
    ),
    counted!(
        "insert_of_65536_counts_none",
        "An INSERT reports the number of its rows modulo 65,536.",
        Insert,
        &["writes.insert", "writes."],
        |rows| rows % 65_536
    ),
    Fault::new(
        "transactions.savepoint_name_used_up",
        Transactions,
        "A savepoint with the name of a released one is not set.",
        Lie::CommandIn(|state, command| match command {
            Transaction::Savepoint(name)
            | Transaction::Release(name)
            | Transaction::RollbackTo(name)
                if state.released.iter().any(|released| released == name) =>
            {
                Some(Vec::new())
            }
            _ => None,
        }),
    )
    .needs(&[Capability::Savepoints])
    .suspects(&["transactions.savepoint"]),
    nameless!(
        "name_lost_of_update",
        "The error of an UPDATE does not name the constraint.",
        Update
    ),
    nameless!(
        "name_lost_of_delete",
        "The error of a DELETE does not name the foreign key.",
        Delete
    )
    .needs(&[Capability::ForeignKeys, Capability::KeyConstraintNames]),
    Fault::new(
        "constraints.violation_of_a_query_is_other",
        Constraints,
        "A violation by a statement with RETURNING is reported as another error of the database.",
        Lie::ErrorOfQuery,
    )
    .needs(&[Capability::Returning])
    .suspects(&["constraints.", "writes.returning"]),
    Fault::new(
        "transactions.third_rollback_to_does_nothing",
        Transactions,
        "A third ROLLBACK TO the same savepoint does nothing.",
        Lie::CommandIn(|state, command| match command {
            Transaction::RollbackTo(name) => {
                let before = state.rolled_back_to.iter();
                (before.filter(|other| other == name).count() == 2).then(Vec::new)
            }
            _ => None,
        }),
    )
    .needs(&[Capability::Transactions, Capability::Savepoints])
    .suspects(&["transactions.savepoint"]),
    Fault::new(
        "writes.update_in_a_savepoint_counts_one",
        Writes,
        "Inside a savepoint, an UPDATE of several rows reports one.",
        Lie::OutcomeOf(|state, kind, _, outcome| {
            let is_meant = kind == StatementKind::Update && !state.savepoints.is_empty();
            (is_meant && outcome.matched > 1).then(|| Outcome::matched(1))
        }),
    )
    .needs(&[Capability::Transactions, Capability::Savepoints])
    .suspects(&["writes.count"]),
    Fault::new(
        "constraints.errors_without_a_message",
        Constraints,
        "The error of a refused statement has no message.",
        Lie::Error(|_, error| {
            let is_meant = error.is_constraint() && !error.message().is_empty();
            is_meant.then(|| {
                let mut other = Error::new(error.kind(), "");
                if let Some(name) = error.constraint_name() {
                    other = other.constraint(name);
                }
                if let Some(name) = error.column_name() {
                    other = other.column(name);
                }
                Answer::Error(other)
            })
        }),
    )
    .suspects(&["constraints."]),
    Fault::new(
        "constraints.null_of_another_column",
        Constraints,
        "The error for NULL names another column.",
        Lie::Error(|_, error| {
            error.column_name()?;
            (error.kind() == ErrorKind::NotNullViolation)
                .then(|| Answer::Error(Error::new(error.kind(), error.message()).column("another")))
        }),
    )
    .suspects(&["constraints.error.names_column", "constraints."]),
    Fault::new(
        "values.refused_parameter_untold",
        Values,
        "A value that is out of range is reported without its position.",
        Lie::Error(|_, error| {
            error.parameter_position()?;
            Some(Answer::Error(Error::new(error.kind(), error.message())))
        }),
    )
    .suspects(&["types.text.nul", "types.f64.nan", "types."]),
    Fault::new(
        "values.refused_parameter_counted_from_0",
        Values,
        "A value that is out of range is reported with the position of the one before.",
        Lie::Error(|_, error| {
            let position = error.parameter_position()?.checked_sub(1)?;
            let other = Error::new(error.kind(), error.message());
            Some(Answer::Error(other.parameter(position)))
        }),
    )
    .suspects(&["types.text.nul", "types.f64.nan", "types."]),
];
