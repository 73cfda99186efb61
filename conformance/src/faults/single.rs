//! Faults of one operator, one number of rows, or one moment in the life of a connection.

use selfsame::backend::{Outcome, StatementKind};
use selfsame::dialect::Transaction;
use selfsame::value::Value;

use crate::case::Capability;
use crate::faults::Fault;
use crate::faults::Group::{Queries, Transactions, Writes};
use crate::faults::connection_state::ConnectionState;
use crate::faults::lie::{Delivery, Lie};
use crate::faults::text::{in_where, replaced};

/// Replaces a word.
macro_rules! instead {
    ($id:literal, $sentence:literal, $word:literal => $other:literal, $suspect:literal) => {
        Fault::new(
            concat!("queries.", $id),
            Queries,
            $sentence,
            Lie::Text(|_, kind, text| {
                (kind == StatementKind::Select)
                    .then(|| replaced(text, $word, $other))
                    .flatten()
            }),
        )
        .suspects(&[$suspect])
    };
}

/// Loses a row, or returns it twice.
macro_rules! row {
    ($id:literal, $at:literal, $what:ident, $sentence:literal) => {
        Fault::new(
            concat!("queries.", $id),
            Queries,
            $sentence,
            Lie::Deliver(|place| (place == $at).then_some(Delivery::$what)),
        )
        .beyond($at)
        .suspects(&["queries.stream", "writes.sizes"])
    };
}

/// Counts written rows wrongly.
macro_rules! count {
    ($id:literal, $beyond:literal, $sentence:literal, $report:expr) => {
        Fault::new(
            concat!("writes.", $id),
            Writes,
            $sentence,
            Lie::OutcomeOf(|_, kind, _, outcome| {
                let report: fn(u64) -> u64 = $report;
                let reported = report(outcome.matched);
                (kind != StatementKind::Insert && reported != outcome.matched)
                    .then(|| Outcome::matched(reported))
            }),
        )
        .beyond($beyond)
        .suspects(&["writes.sizes"])
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
        .suspects(&["writes.sizes", "writes.", "queries.parameters"])
    };
}

/// Changes the condition of one kind of statement at certain moments.
macro_rules! moment {
    ($id:literal, $kind:ident, $sentence:literal, $when:expr, $condition:literal, $suspect:literal) => {
        Fault::new(
            concat!("writes.", $id),
            Writes,
            $sentence,
            Lie::TextIn(|state, kind, text| {
                let when: fn(&ConnectionState) -> bool = $when;
                (kind == StatementKind::$kind && when(state))
                    .then(|| {
                        in_where(text, |condition| {
                            Some(format!(concat!("({}) ", $condition), condition))
                        })
                    })
                    .flatten()
            }),
        )
        .needs(&[Capability::Transactions])
        .suspects(&[$suspect, "writes."])
    };
}

/// Sends another command instead of a COMMIT or ROLLBACK.
macro_rules! ending {
    ($id:literal, $sentence:literal, $command:ident, $when:expr, $other:ident) => {
        Fault::new(
            concat!("transactions.", $id),
            Transactions,
            $sentence,
            Lie::CommandIn(|state, command| {
                let when: fn(&ConnectionState) -> bool = $when;
                (matches!(command, Transaction::$command) && when(state))
                    .then(|| vec![Transaction::$other])
            }),
        )
        .needs(&[Capability::Transactions])
        .suspects(&["transactions."])
    };
}

pub(super) const FAULTS: &[Fault] = &[
    instead!(
        "is_not_null_turned",
        "IS NOT NULL matches NULL.",
        " IS NOT NULL" => " IS NULL",
        "queries.operands"
    ),
    instead!(
        "product_is_sum",
        "A product is the sum.",
        " * " => " + ",
        "queries.operands.arithmetic"
    ),
    instead!(
        "quotient_is_product",
        "A quotient is the product.",
        " / " => " * ",
        "queries.operands.arithmetic"
    ),
    instead!(
        "min_is_max",
        "MIN returns the greatest value.",
        "MIN(" => "MAX(",
        "queries.groups.aggregates"
    ),
    instead!(
        "avg_is_sum",
        "AVG returns the sum.",
        "AVG(" => "SUM(",
        "queries.groups.aggregates"
    ),
    instead!(
        "nulls_first_is_last",
        "NULLS FIRST sorts NULLs last.",
        " NULLS FIRST" => " NULLS LAST",
        "queries.groups.order"
    )
    .needs(&[Capability::NullsOrder]),
    instead!(
        "greater_is_less",
        "A comparison by > is one by <.",
        " > " => " < ",
        "queries.operands.comparison"
    ),
    instead!(
        "lead_is_lag",
        "LEAD reads the previous row.",
        "LEAD(" => "LAG(",
        "queries.groups.windows"
    )
    .needs(&[Capability::Windows]),
    instead!(
        "dense_rank_is_row_number",
        "DENSE_RANK gives peers consecutive numbers.",
        "DENSE_RANK()" => "ROW_NUMBER()",
        "queries.groups.windows"
    )
    .needs(&[Capability::Windows]),
    instead!(
        "intersect_is_except",
        "INTERSECT returns the rows of the first query only.",
        " INTERSECT " => " EXCEPT ",
        "queries.groups.sets"
    )
    .needs(&[Capability::SetOperations]),
    instead!(
        "frame_start_unbounded",
        "A frame of two rows before the current starts at the first row.",
        "BETWEEN 2 PRECEDING" => "BETWEEN UNBOUNDED PRECEDING",
        "queries.groups.windows"
    )
    .needs(&[Capability::Windows]),
    row!(
        "row_lost_at_4",
        3,
        Never,
        "The 4th row of a result is lost."
    ),
    row!(
        "row_lost_at_16",
        15,
        Never,
        "The 16th row of a result is lost."
    ),
    row!(
        "row_lost_at_513",
        512,
        Never,
        "The 513th row of a result is lost."
    ),
    row!(
        "row_lost_at_1025",
        1024,
        Never,
        "The 1,025th row of a result is lost."
    ),
    row!(
        "row_lost_at_32767",
        32766,
        Never,
        "The 32,767th row of a result is lost."
    ),
    row!(
        "row_twice_at_257",
        256,
        Twice,
        "The 257th row of a result is returned twice."
    ),
    row!(
        "row_twice_at_4097",
        4096,
        Twice,
        "The 4,097th row of a result is returned twice."
    ),
    row!(
        "row_twice_at_32768",
        32767,
        Twice,
        "The 32,768th row of a result is returned twice."
    ),
    count!(
        "count_of_256_is_255",
        255,
        "An UPDATE or DELETE of exactly 256 rows reports 255.",
        |rows| rows - u64::from(rows == 256)
    ),
    count!(
        "count_of_1001_is_1000",
        1_000,
        "An UPDATE or DELETE of exactly 1,001 rows reports 1,000.",
        |rows| rows - u64::from(rows == 1_001)
    ),
    count!(
        "count_capped_at_32767",
        32_767,
        "An UPDATE or DELETE of more than 32,767 rows reports 32,767.",
        |rows| rows.min(32_767)
    ),
    count!(
        "count_wraps_at_65536",
        65_535,
        "The number of rows of an UPDATE or DELETE is reported modulo 65,536.",
        |rows| rows % 65_536
    ),
    parameter!(
        "update_parameter_lost_beyond_15",
        Update,
        15,
        "The 16th parameter of an UPDATE is NULL."
    ),
    parameter!(
        "insert_parameter_lost_beyond_999",
        Insert,
        999,
        "The 1,000th parameter of an INSERT is NULL."
    ),
    parameter!(
        "insert_parameter_lost_beyond_127",
        Insert,
        127,
        "The 128th parameter of an INSERT is NULL."
    ),
    parameter!(
        "query_parameter_lost_beyond_99",
        Select,
        99,
        "The 100th parameter of a SELECT is NULL."
    ),
    moment!(
        "update_of_none_after_rollback",
        Update,
        "After a ROLLBACK, an UPDATE changes nothing.",
        |state| state.after_rollback,
        "AND 1 = 0",
        "transactions."
    ),
    moment!(
        "delete_of_none_after_rollback",
        Delete,
        "After a ROLLBACK, a DELETE removes nothing.",
        |state| state.after_rollback,
        "AND 1 = 0",
        "transactions."
    ),
    moment!(
        "update_of_none_after_rollback_to",
        Update,
        "After a ROLLBACK TO, an UPDATE changes nothing.",
        |state| !state.rolled_back_to.is_empty(),
        "AND 1 = 0",
        "transactions.savepoint"
    )
    .needs(&[Capability::Transactions, Capability::Savepoints]),
    moment!(
        "delete_of_none_after_rollback_to",
        Delete,
        "After a ROLLBACK TO, a DELETE removes nothing.",
        |state| !state.rolled_back_to.is_empty(),
        "AND 1 = 0",
        "transactions.savepoint"
    )
    .needs(&[Capability::Transactions, Capability::Savepoints]),
    moment!(
        "savepoint_delete_of_all",
        Delete,
        "Inside a savepoint, a DELETE ignores its condition.",
        |state| !state.savepoints.is_empty(),
        "OR 1 = 1",
        "transactions.savepoint"
    )
    .needs(&[Capability::Transactions, Capability::Savepoints]),
    moment!(
        "nested_savepoint_update_of_none",
        Update,
        "Inside two savepoints, an UPDATE changes nothing.",
        |state| state.savepoints.len() > 1,
        "AND 1 = 0",
        "transactions.savepoint"
    )
    .needs(&[Capability::Transactions, Capability::Savepoints]),
    ending!(
        "tenth_commit_lost",
        "The tenth COMMIT of a connection rolls back.",
        Commit,
        |state| state.commits == 9,
        Rollback
    ),
    ending!(
        "rollback_after_commit_commits",
        "A ROLLBACK on a connection that has committed before commits.",
        Rollback,
        |state| state.commits > 0 && !state.failed,
        Commit
    ),
    ending!(
        "second_rollback_commits",
        "The ROLLBACK of a transaction that follows a rolled back one commits.",
        Rollback,
        |state| state.after_rollback && !state.failed,
        Commit
    ),
    ending!(
        "single_statement_lost",
        "COMMIT of a transaction of one statement rolls it back.",
        Commit,
        |state| state.statements == 1,
        Rollback
    ),
    ending!(
        "longer_ones_lost",
        "COMMIT of a transaction of more than 1,000 statements rolls it back.",
        Commit,
        |state| state.statements > 1_000,
        Rollback
    )
    .beyond(1_000),
    ending!(
        "commit_in_savepoint_lost",
        "COMMIT inside an open savepoint rolls back.",
        Commit,
        |state| !state.savepoints.is_empty(),
        Rollback
    )
    .needs(&[Capability::Transactions, Capability::Savepoints]),
    ending!(
        "commit_after_five_releases_undoes",
        "COMMIT of a transaction in which five savepoints were released rolls back.",
        Commit,
        |state| state.released.len() >= 5,
        Rollback
    )
    .needs(&[Capability::Savepoints]),
    Fault::new(
        "transactions.third_savepoint_not_set",
        Transactions,
        "A savepoint inside two others is not set.",
        Lie::CommandIn(|state, command| match command {
            Transaction::Savepoint(_) if state.savepoints.len() >= 2 => Some(Vec::new()),
            Transaction::Release(name) | Transaction::RollbackTo(name)
                if state.savepoints.iter().position(|open| open == name) >= Some(2) =>
            {
                Some(Vec::new())
            }
            _ => None,
        }),
    )
    .needs(&[Capability::Savepoints])
    .suspects(&["transactions.savepoint"]),
];
