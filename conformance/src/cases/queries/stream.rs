//! How rows are passed to a reader: all of them, once, in order, until it stops.

use selfsame::backend::Statement;
use selfsame::value::ValueType;
use selfsame::{Error, ErrorKind};

use super::with_values;
use crate::case::Cover::Contract;
use crate::case::{Case, CaseResult};
use crate::context::Context;
use crate::database::int;

pub(super) const CASES: &[Case] = &[
    Case::read("queries.stream.complete", complete)
        .promise("Each of thousands of rows is returned once and in order, whatever the driver's fetch size.")
        .hint("Look at the boundaries of the driver's fetch size.")
        .covers(&[Contract(44)]),
    Case::full("queries.stream.many", many)
        .since(20)
        .promise("Each of 70,000 rows is returned once and in order.")
        .hint("Check row counts beyond 15 and 16 bits, and multiples of the driver's fetch size.")
        .covers(&[Contract(44), Contract(51)]),
    Case::read("queries.stream.stop", stop)
        .promise("A reader that stops early gets its own error back and no more rows, and the connection stays usable.")
        .hint("Reset or drain the statement before the next one; keep the reader's error.")
        .covers(&[Contract(44)]),
    Case::core("queries.stream.error", error_at)
        .since(25)
        .promise("A query that fails at one of its later rows returns the error, whatever row it is: a result is complete or an error.")
        .hint("Check for an error after the last row, and after every fetch.")
        .covers(&[Contract(39), Contract(44)]),
    Case::read("queries.stream.empty", empty)
        .promise("A query without results passes on no rows and is not an error.")
        .hint("Do not treat the absence of rows as an error.")
        .covers(&[Contract(44)]),
];

fn complete(context: &mut Context) -> CaseResult {
    const COUNT: i64 = 2_500;
    let values: Vec<Option<i64>> = (1..=COUNT).map(|v| Some(v * 3)).collect();
    let mut database = with_values(context, &values)?;
    let found = database.integers("SELECT [v] FROM [t] ORDER BY [id]", &[])?;
    check_eq!(found.len(), values.len(), "every row must come once");
    let wrong = found.iter().zip(&values).position(|(a, b)| Some(*a) != *b);
    check!(
        wrong.is_none(),
        "rows must come in order; the row at {wrong:?} does not"
    );
    let some = database.integers(
        "SELECT [v] FROM [t] WHERE [id] <= ? ORDER BY [id]",
        &[int(5)],
    )?;
    check_eq!(some, [3, 6, 9, 12, 15], "each row must be returned once");
    Ok(())
}

fn many(context: &mut Context) -> CaseResult {
    let mut database = with_values(context, &[Some(0)])?;
    // The table is doubled until it is large enough, starting with the key 1.
    for doubling in 0..17 {
        let by = 1_i64 << doubling;
        let sql = format!(
            "INSERT INTO [t] ([id], [v]) SELECT [id] + {by}, [v] + {by} FROM [t] WHERE [id] <= ?"
        );
        database.execute(&sql, &[int(70_000 - by)])?;
    }
    let found = database.integers("SELECT [v] FROM [t] ORDER BY [id]", &[])?;
    let wrong = found
        .iter()
        .zip(0..)
        .position(|(value, wanted)| *value != wanted);
    check!(
        wrong.is_none(),
        "rows must come in order; the row at {wrong:?} does not"
    );
    check_eq!(found.len(), 70_000, "how many rows come");
    Ok(())
}

fn stop(context: &mut Context) -> CaseResult {
    let values: Vec<Option<i64>> = (1..=500).map(Some).collect();
    let mut database = with_values(context, &values)?;
    let sql = database.sql("SELECT [v] FROM [t] ORDER BY [id]", &[], &[ValueType::I64]);
    let mut seen = 0;
    let result = database
        .connection
        .query(&Statement::new(&sql, &[]), &mut |_| {
            seen += 1;
            if seen == 3 {
                return Err(Error::new(ErrorKind::Validation, "enough"));
            }
            Ok(())
        });
    check!(
        matches!(&result, Err(error) if error.kind() == ErrorKind::Validation && error.message() == "enough"),
        "the reader's own error must be returned, returned {result:?}"
    );
    check_eq!(seen, 3, "no row may follow the reader's error");
    for _ in 0..2 {
        let again = database.integers("SELECT [v] FROM [t] ORDER BY [id]", &[]);
        check!(
            matches!(&again, Ok(rows) if rows.len() == 500 && rows[0] == 1),
            "the same query must run again from its start, returned {:?}",
            again.map(|rows| rows.len())
        );
    }
    let written = database.execute("DELETE FROM [t] WHERE [id] = ?", &[int(1)]);
    check!(
        written.is_ok(),
        "the connection must accept a write, returned {written:?}"
    );
    Ok(())
}

fn error_at(context: &mut Context) -> CaseResult {
    const COUNT: i64 = 1_500;
    let values: Vec<Option<i64>> = (1..=COUNT).map(Some).collect();
    let mut database = with_values(context, &values)?;
    for at in [
        1, 2, 64, 65, 100, 101, 256, 257, 1_000, 1_001, 1_024, 1_025, COUNT,
    ] {
        let set = "UPDATE [t] SET [v] = ? WHERE [id] = ?";
        // Its absolute value is no 64-bit integer.
        database.execute(set, &[int(i64::MIN), int(at)])?;
        let found = database.integers("SELECT abs([v]) FROM [t] ORDER BY [id]", &[]);
        check!(
            !matches!(&found, Ok(rows) if rows.len() < values.len()),
            "an error at row {at} must not end the result as if it were complete: {:?} rows came",
            found.map(|rows| rows.len())
        );
        database.execute(set, &[int(at), int(at)])?;
        let found = database.integers("SELECT abs([v]) FROM [t] ORDER BY [id]", &[])?;
        check_eq!(
            found.len(),
            values.len(),
            "the next query must return every row after an error at row {at}"
        );
    }
    Ok(())
}

fn empty(context: &mut Context) -> CaseResult {
    let mut database = with_values(context, &[Some(1)])?;
    let found = database.integers("SELECT [v] FROM [t] WHERE [id] = ?", &[int(9)])?;
    check!(found.is_empty(), "no row may be found, found {found:?}");
    Ok(())
}
