//! Drivers that lose track of statements, of the end of a result, of transactions, or of counts.

use selfsame::backend::{Outcome, StatementKind};
use selfsame::dialect::{Begin, Isolation, Transaction};
use selfsame::value::ValueType;
use selfsame::{Error, ErrorKind};

use crate::case::Capability;
use crate::faults::Fault;
use crate::faults::Group::{
    Connections, Constraints, Queries, Schema, Transactions, Values, Writes,
};
use crate::faults::connection_state::ConnectionState;
use crate::faults::lie::{Answer, Lie};
use crate::faults::text::{places, replaced};

/// Reports an error of one kind as another error of the database.
macro_rules! other {
    ($group:ident, $id:literal, $sentence:literal, $is_meant:expr, $suspects:expr) => {
        Fault::new(
            $id,
            $group,
            $sentence,
            Lie::Error(|kind, error| {
                let is_meant: fn(StatementKind, ErrorKind) -> bool = $is_meant;
                is_meant(kind, error.kind())
                    .then(|| Answer::Error(Error::new(ErrorKind::Database, error.message())))
            }),
        )
        .suspects($suspects)
    };
}

/// Begins transactions with other options.
macro_rules! begun {
    ($id:literal, $sentence:literal, $needs:expr, $suspects:expr, $change:expr) => {
        Fault::new(
            concat!("transactions.", $id),
            Transactions,
            $sentence,
            Lie::CommandIn(|state, command| {
                let change: fn(&ConnectionState, &mut Begin) = $change;
                let Transaction::Begin(begin) = command else {
                    return None;
                };
                let mut other = *begin;
                change(state, &mut other);
                (other != *begin).then(|| vec![Transaction::Begin(other)])
            }),
        )
        .needs($needs)
        .suspects($suspects)
    };
}

/// Reports other counters of a connection.
macro_rules! counters {
    ($id:literal, $sentence:literal, $change:expr) => {
        Fault::new(
            concat!("connections.", $id),
            Connections,
            $sentence,
            Lie::Count($change),
        )
        .suspects(&["connections.reset.usable"])
    };
}

/// Alters the array parameters of a statement.
macro_rules! array {
    ($id:literal, $sentence:literal, $change:expr) => {
        Fault::new(
            concat!("values.", $id),
            Values,
            $sentence,
            Lie::Array($change),
        )
        .needs(&[Capability::ArrayBatches])
        .suspects(&["types.all.as_arrays", "writes.batch", "writes."])
    };
}

pub(super) const FAULTS: &[Fault] = &[
    Fault::new(
        "transactions.select_not_autocommitted",
        Transactions,
        "A SELECT outside a transaction opens one and leaves it open.",
        Lie::HoldOpen(StatementKind::Select),
    )
    .needs(&[Capability::Transactions, Capability::SecondConnection])
    .suspects(&["transactions."]),
    Fault::new(
        "transactions.drop_commits",
        Transactions,
        "Dropping a connection with an open transaction commits it.",
        Lie::DropCommits,
    )
    .needs(&[Capability::Transactions])
    .suspects(&["transactions.drop", "transactions.ending"]),
    Fault::new(
        "transactions.reset_commits",
        Transactions,
        "Resetting a connection with an open transaction commits it.",
        Lie::ResetCommits,
    )
    .needs(&[Capability::Transactions])
    .suspects(&["connections.reset", "transactions.ending"]),
    Fault::new(
        "transactions.cancel_commits",
        Transactions,
        "The transaction of an interrupted statement is committed.",
        Lie::CancelCommits,
    )
    .needs(&[Capability::Transactions])
    .suspects(&["connections.cancelled", "sessions.cancel"]),
    Fault::new(
        "transactions.stop_undoes",
        Transactions,
        "A reader that stops early rolls its transaction back, and another begins.",
        Lie::UndoOnStop,
    )
    .needs(&[Capability::Transactions])
    .suspects(&["queries.stream", "transactions."]),
    Fault::new(
        "transactions.definitions_commit",
        Transactions,
        "CREATE and DROP commit the transaction that they are in.",
        Lie::DefinitionCommits,
    )
    .needs(&[Capability::Transactions])
    .suspects(&["schema.", "transactions."]),
    Fault::new(
        "queries.error_in_the_middle_is_the_end",
        Queries,
        "An error after the first rows of a result ends the result without an error.",
        Lie::ErrorEndsResult,
    )
    .suspects(&["queries.stream", "queries.arithmetic"]),
    Fault::new(
        "queries.stop_is_late",
        Queries,
        "A reader that stops gets one more row.",
        Lie::StopLate,
    )
    .suspects(&["queries.stream"]),
    Fault::new(
        "queries.equal_names_share_a_value",
        Queries,
        "Columns of equal names have the value of the last of them.",
        Lie::CellsByName(|names, row| shared(names, row, |a, b| a == b)),
    )
    .suspects(&["queries.columns", "queries."]),
    Fault::new(
        "queries.names_that_differ_in_case_share_a_value",
        Queries,
        "Columns whose names differ only in case have the value of the last of them.",
        Lie::CellsByName(|names, row| {
            shared(names, row, |a, b| a.to_lowercase() == b.to_lowercase())
        }),
    )
    .suspects(&["queries.columns", "queries."]),
    Fault::new(
        "queries.missing_column_is_null",
        Queries,
        "A column that a result does not have is read as NULL.",
        Lie::MissingIsNull,
    )
    .suspects(&["types.conversion", "queries.columns"]),
    Fault::new(
        "values.text_alone_of_a_number",
        Values,
        "A reader that asks for a text alone gets the digits of an integer.",
        Lie::FastText(|row, at| match row.text(at) {
            Err(_) => row.i64(at).ok().map(|v| v.map(|v| v.to_string())),
            Ok(_) => None,
        }),
    )
    .suspects(&["types.conversion"]),
    Fault::new(
        "values.null_text_alone_is_empty",
        Values,
        "A reader that asks for a text alone gets an empty one for NULL.",
        Lie::FastText(|row, at| {
            matches!(row.text(at), Ok(None)).then(|| Some(String::new()))
        }),
    )
    .suspects(&["types.text", "types."]),
    Fault::new(
        "values.null_integer_alone_is_zero",
        Values,
        "A reader that asks for an integer alone gets 0 for NULL.",
        Lie::FastInteger(|row, at| matches!(row.i64(at), Ok(None)).then_some(Some(0))),
    )
    .suspects(&["types.i64", "types."]),
    Fault::new(
        "values.integer_alone_of_a_text",
        Values,
        "A reader that asks for an integer alone gets the number that a text denotes.",
        Lie::FastInteger(|row, at| match row.i64(at) {
            Err(_) => {
                let text = row.text(at).ok()??;
                text.parse().ok().map(Some)
            }
            Ok(_) => None,
        }),
    )
    .suspects(&["types.conversion", "types."]),
    Fault::new(
        "values.integer_alone_of_32_bits",
        Values,
        "A reader that asks for an integer alone gets its lower 32 bits.",
        Lie::FastInteger(|row, at| {
            let value = row.i64(at).ok()??;
            let low = (value << 32) >> 32;
            (low != value).then_some(Some(low))
        }),
    )
    .suspects(&["types.i64", "types."]),
    Fault::new(
        "queries.statements_of_one_beginning_confused",
        Queries,
        "Prepared statements are told apart by their first 200 characters.",
        Lie::Confuse(|sql| {
            let cached = matches!(
                sql.kind(),
                StatementKind::Select
                    | StatementKind::Insert
                    | StatementKind::Update
                    | StatementKind::Delete
            );
            let mut key = 0_u64;
            for byte in sql.text().bytes().take(200) {
                key = key.wrapping_mul(1_099_511_628_211) ^ u64::from(byte);
            }
            (cached && sql.text().len() > 200).then_some(key)
        }),
    )
    .beyond(200)
    .suspects(&["queries.", "writes."]),
    Fault::new(
        "queries.statements_of_one_length_confused",
        Queries,
        "Prepared SELECTs are told apart by their length and the types of their parameters and columns.",
        Lie::Confuse(|sql| {
            (sql.kind() == StatementKind::Select && sql.columns().contains(&ValueType::I64))
                .then(|| u64::try_from(sql.text().len()).unwrap_or(u64::MAX))
        }),
    )
    .suspects(&["queries."]),
    Fault::new(
        "writes.default_rows_once",
        Writes,
        "A batch of rows of defaults only inserts one.",
        Lie::EmptyRowsOnce,
    )
    .suspects(&["writes.insert.defaults", "writes.batch"]),
    Fault::new(
        "writes.batch_tells_the_first_key",
        Writes,
        "In a batch, each row is reported with the key of the first.",
        Lie::EachOutcome(|before, outcome| {
            let first = before.first()?.last_insert_id?;
            (outcome.last_insert_id? != first)
                .then(|| Outcome::matched(outcome.matched).with_last_insert_id(first))
        }),
    )
    .needs(&[Capability::GeneratedKeys])
    .suspects(&["writes.keys", "writes."]),
    Fault::new(
        "writes.batch_counts_add_up",
        Writes,
        "In a batch, each row is reported with the count of all rows so far.",
        Lie::EachOutcome(|before, outcome| {
            let sum: u64 = before.iter().map(|outcome| outcome.matched).sum();
            (sum > 0).then(|| {
                let mut other = outcome;
                other.matched += sum;
                other
            })
        }),
    )
    .suspects(&["writes.batch"]),
    other!(
        Constraints,
        "constraints.refused_commit_is_other",
        "A violation found by COMMIT is reported as another error of the database.",
        |kind, error| kind == StatementKind::Transaction && error == ErrorKind::ForeignKeyViolation,
        &["transactions.commit.deferred", "constraints.", "transactions."]
    )
    .needs(&[Capability::DeferrableConstraints]),
    other!(
        Constraints,
        "constraints.refused_delete_is_other",
        "A DELETE that a foreign key refuses is reported as another error of the database.",
        |kind, error| kind == StatementKind::Delete && error == ErrorKind::ForeignKeyViolation,
        &["constraints.foreign_key", "constraints."]
    )
    .needs(&[Capability::ForeignKeys]),
    other!(
        Constraints,
        "constraints.refused_update_is_other",
        "An UPDATE that a UNIQUE constraint refuses is reported as another error of the database.",
        |kind, error| kind == StatementKind::Update && error == ErrorKind::UniqueViolation,
        &["constraints.unique", "constraints."]
    ),
    other!(
        Constraints,
        "constraints.refused_null_of_update_is_other",
        "An UPDATE that NOT NULL refuses is reported as another error of the database.",
        |kind, error| kind == StatementKind::Update && error == ErrorKind::NotNullViolation,
        &["constraints.not_null", "constraints."]
    ),
    other!(
        Transactions,
        "transactions.busy_is_other",
        "A wait for a lock that took too long is reported as another error of the database.",
        |_, error| error == ErrorKind::Busy,
        &["transactions.lock", "connections.waits"]
    )
    .needs(&[Capability::SecondConnection, Capability::LockTimeout]),
    other!(
        Constraints,
        "constraints.refused_check_of_update_is_other",
        "An UPDATE that a CHECK refuses is reported as another error of the database.",
        |kind, error| kind == StatementKind::Update && error == ErrorKind::CheckViolation,
        &["constraints."]
    ),
    other!(
        Constraints,
        "constraints.refused_reference_of_update_is_other",
        "An UPDATE that a foreign key refuses is reported as another error of the database.",
        |kind, error| kind == StatementKind::Update && error == ErrorKind::ForeignKeyViolation,
        &["constraints."]
    )
    .needs(&[Capability::ForeignKeys]),
    other!(
        Values,
        "values.out_of_range_is_other",
        "A value that is refused as out of range is reported as another error of the database.",
        |_, error| error == ErrorKind::OutOfRange,
        &["types.text.nul", "types.f64.nan", "types."]
    ),
    begun!(
        "read_only_lost_with_isolation",
        "A read-only transaction with an isolation level accepts writes.",
        &[Capability::ReadOnlyTransactions],
        &["transactions.read_only"],
        |_, begin| begin.read_only &= begin.isolation.is_none()
    ),
    begun!(
        "isolation_lost_after_a_rollback",
        "A transaction that follows a rolled back one has no isolation level.",
        &[Capability::Transactions],
        &["transactions.isolation", "transactions.history"],
        |state, begin| begin.isolation = begin.isolation.filter(|_| !state.after_rollback)
    ),
    begun!(
        "isolation_stays",
        "A transaction without an isolation level has that of the one before.",
        LEVELS,
        &["transactions.isolation.after"],
        |state, begin| {
            let before = state.begun.and_then(|before| before.isolation);
            begin.isolation = begin.isolation.or(before);
        }
    ),
    begun!(
        "level_lost_with_intent",
        "A transaction that writes first has no isolation level.",
        LEVELS,
        &["transactions.isolation.after"],
        |_, begin| begin.isolation = begin.isolation.filter(|_| !begin.writes_first)
    ),
    begun!(
        "intent_to_write_ignored",
        "A transaction that writes first begins like one that reads.",
        &[Capability::Transactions, Capability::SecondConnection],
        &["transactions.conflict", "sessions."],
        |_, begin| begin.writes_first = false
    ),
    counters!(
        "executions_counted_twice",
        "The counter of executions counts each one twice.",
        |counters| counters.executions *= 2
    ),
    counters!(
        "prepares_untold",
        "The counter of prepared statements stays 0.",
        |counters| counters.prepares = 0
    ),
    counters!(
        "every_second_round_trip_untold",
        "The counter of round trips counts every second one.",
        |counters| counters.round_trips /= 2
    ),
    Fault::new(
        "queries.skip_locked_waits",
        Queries,
        "A query that skips locked rows waits for them.",
        Lie::Text(|_, _, text| replaced(text, " SKIP LOCKED", "")),
    )
    .needs(&[Capability::RowLocks])
    .suspects(&["queries.lock"]),
    Fault::new(
        "queries.nowait_skips",
        Queries,
        "A query that refuses locked rows skips them.",
        Lie::Text(|_, _, text| replaced(text, " NOWAIT", " SKIP LOCKED")),
    )
    .needs(&[Capability::RowLocks])
    .suspects(&["queries.lock"]),
    Fault::new(
        "queries.lock_is_shared",
        Queries,
        "A query that locks its rows for itself lets others read them with a lock.",
        Lie::Text(|dialect, _, text| replaced(text, " FOR UPDATE", dialect.share_lock())),
    )
    .needs(&[Capability::RowLocks])
    .suspects(&["queries.lock"]),
    Fault::new(
        "writes.upsert_on_any_key",
        Writes,
        "ON CONFLICT ignores conflicts with other keys than the one it names.",
        Lie::Text(|_, _, text| {
            let at = *places(text, " ON CONFLICT (").first()?;
            let end = at + text[at..].find(')')?;
            text[end..]
                .starts_with(") DO NOTHING")
                .then(|| format!("{} ON CONFLICT{}", &text[..at], &text[end + 1..]))
        }),
    )
    .needs(&[Capability::Upsert])
    .suspects(&["writes.upsert"]),
    Fault::new(
        "writes.equal_rows_of_a_query_merged",
        Writes,
        "INSERT … SELECT writes equal rows once.",
        Lie::Text(|_, kind, text| {
            (kind == StatementKind::Insert && places(text, " ORDER BY ").is_empty())
                .then(|| replaced(text, " SELECT ", " SELECT DISTINCT "))
                .flatten()
        }),
    )
    .suspects(&["writes.insert", "writes."]),
    Fault::new(
        "schema.tables_emptied_instead_of_dropped",
        Schema,
        "DROP TABLE removes the rows and keeps the table.",
        Lie::Text(|_, _, text| replaced(text, "DROP TABLE ", "DELETE FROM ")),
    )
    .suspects(&["schema."]),
    array!(
        "array_duplicates_lost",
        "An array keeps equal values once.",
        |values| {
            let mut kept = Vec::new();
            for value in values {
                if !kept.contains(value) {
                    kept.push(value.clone());
                }
            }
            (kept.len() < values.len()).then_some(kept)
        }
    ),
    array!(
        "array_empty_texts_are_null",
        "An empty text in an array is NULL.",
        |values| {
            let empty = selfsame::value::Value::Text(String::new());
            let other = |value: &selfsame::value::Value| match *value == empty {
                true => selfsame::value::Value::Null,
                false => value.clone(),
            };
            values
                .contains(&empty)
                .then(|| values.iter().map(other).collect())
        }
    ),
];

/// An engine with a single isolation level cannot confuse levels.
const LEVELS: &[Capability] = &[
    Capability::Transactions,
    Capability::SecondConnection,
    Capability::Isolation(Isolation::RepeatableRead),
];

/// Gives each column the value of the last column with the same name.
fn shared(
    names: &[String],
    row: &mut [selfsame::value::Value],
    is_same: impl Fn(&str, &str) -> bool,
) -> bool {
    let mut changed = false;
    for (at, name) in names.iter().enumerate() {
        let last = names.iter().rposition(|other| is_same(name, other));
        let Some(last) = last.filter(|last| *last > at && *last < row.len()) else {
            continue;
        };
        let of_one_type = std::mem::discriminant(&row[at]) == std::mem::discriminant(&row[last]);
        if of_one_type && row[at] != row[last] {
            row[at] = row[last].clone();
            changed = true;
        }
    }
    changed
}
