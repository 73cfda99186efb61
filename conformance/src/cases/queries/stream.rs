//! How rows are passed to a reader: all of them, once, in order, until the reader stops.

use selfsame::backend::Statement;
use selfsame::value::ValueType;
use selfsame::{Error, ErrorKind};

use super::with_values;
use crate::case::Cover::Contract;
use crate::case::{Case, CaseResult};
use crate::context::Context;
use crate::database::{Database, int};

pub(super) const CASES: &[Case] = &[
    Case::read("queries.stream.complete", complete)
        .promise("Each of thousands of rows is returned once and in order, whatever the driver's fetch size.")
        .hint("Look at the boundaries of the driver's fetch size.")
        .covers(&[Contract(44)]),
    Case::full("queries.stream.many", many)
        .since(20)
        .promise("Each of 70,000 rows is returned once and in order, and a result of any power of two of rows from 4,096 to 65,536, or of one row fewer or more, is complete.")
        .hint("Check row counts beyond 15 and 16 bits, and multiples of the driver's fetch size.")
        .covers(&[Contract(44), Contract(51)]),
    Case::read("queries.stream.sizes", sizes)
        .since(27)
        .promise("A result of any number of rows is complete, also where it ends with a page of the driver or of the server.")
        .hint("Look at results that end exactly at the driver's fetch size, and one row before and after it.")
        .covers(&[Contract(44)]),
    Case::read("queries.columns.widths", columns)
        .since(27)
        .promise("Each of hundreds of columns of a result has its own name and value, NULL or not, whatever the row before had.")
        .hint("Look at buffers and NULL bitmaps that are kept from row to row or are too small.")
        .covers(&[Contract(44)]),
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
    for middle in [4_096, 8_192, 16_384, 32_768, 65_536] {
        for size in middle - 1..=middle + 1 {
            check_size(&mut database, size)?;
        }
    }
    Ok(())
}

/// Checks that a result of this many rows ends with its last row; `v` is one less than `id`.
fn check_size(database: &mut Database, size: i64) -> CaseResult {
    let first = "SELECT [v] FROM [t] WHERE [id] <= ? ORDER BY [id]";
    let found = database.integers(first, &[int(size)])?;
    let last = found.last().copied();
    check!(
        i64::try_from(found.len()) == Ok(size) && last == (size > 0).then_some(size - 1),
        "a result of {size} rows has {}, the last of them {last:?}",
        found.len()
    );
    Ok(())
}

fn sizes(context: &mut Context) -> CaseResult {
    const COUNT: i64 = 2_100;
    let values: Vec<Option<i64>> = (0..COUNT).map(Some).collect();
    let mut database = with_values(context, &values)?;
    for size in 0..=130 {
        check_size(&mut database, size)?;
    }
    for middle in [200, 250, 256, 500, 512, 1_000, 1_024, 2_000, 2_048] {
        for size in middle - 1..=middle + 1 {
            check_size(&mut database, size)?;
        }
    }
    Ok(())
}

fn columns(context: &mut Context) -> CaseResult {
    let mut database = with_values(context, &[Some(7), None, Some(9), None])?;
    for count in [
        15, 16, 17, 32, 33, 64, 65, 100, 128, 129, 255, 256, 257, 300,
    ] {
        let columns = (0..count).map(|at| match at % 3 {
            0 => format!("[id] AS [c{at}]"),
            1 => format!("[v] + {at} AS [c{at}]"),
            _ => format!("[v] AS [c{at}]"),
        });
        let columns = columns.collect::<Vec<_>>().join(", ");
        let types = vec![ValueType::I64; count];
        let sql = format!("SELECT {columns} FROM [t] ORDER BY [id]");
        let sql = database.sql(&sql, &[], &types);
        let mut wrong = Vec::new();
        let mut rows = (1..).zip([Some(7), None, Some(9), None]);
        let statement = Statement::new(&sql, &[]);
        database.connection.query(&statement, &mut |row| {
            let Some((id, value)) = rows.next() else {
                wrong.push("one row too many".to_owned());
                return Ok(());
            };
            if row.len() != count {
                wrong.push(format!("row {id} has {} columns", row.len()));
            }
            for (at, place) in (0..count).zip(0_i64..) {
                let wanted = match at % 3 {
                    0 => Some(id),
                    1 => value.map(|value| value + place),
                    _ => value,
                };
                let found = row.i64(at)?;
                let name = row.name(at);
                if found != wanted || name != format!("c{at}") {
                    wrong.push(format!(
                        "column {at} of row {id}, named `{name}`, is {found:?} instead of {wanted:?}"
                    ));
                }
            }
            Ok(())
        })?;
        check_eq!(wrong.first(), None, "a result of {count} columns");
        check_eq!(rows.next(), None, "a result of {count} columns");
    }
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
        // Its absolute value does not fit in a 64-bit integer.
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
