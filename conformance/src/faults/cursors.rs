//! Rows, cursors, batches and savepoints that remember too much, and counters that are too narrow.

use selfsame::backend::StatementKind;
use selfsame::dialect::Transaction;

use crate::case::Capability;
use crate::faults::Fault;
use crate::faults::Group::{Queries, Transactions, Writes};
use crate::faults::lie::Lie;

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
];
