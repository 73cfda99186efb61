//! Results at limits that few programs reach: LIMITs beyond 32 bits, row counts beyond 17 bits, long column names, many columns.

use selfsame::value::{Value, ValueType};

use super::{limited, with_texts, with_values};
use crate::case::Cover::Contract;
use crate::case::{Case, CaseResult};
use crate::context::Context;
use crate::database::int;

pub(super) const CASES: &[Case] = &[
    Case::read("queries.limit.large", large_limits)
        .since(22)
        .promise("LIMIT and OFFSET on both sides of 2^31 and 2^32 and up to the greatest integer mean what they say.")
        .hint("Do not send them as 32-bit integers.")
        .covers(&[Contract(29)]),
    Case::full("queries.stream.beyond", beyond)
        .since(22)
        .promise("Each of 140,000 rows is returned once and in order.")
        .hint("Check row counts beyond 16 and 17 bits, and multiples of the driver's fetch size.")
        .covers(&[Contract(44)]),
    Case::full("queries.columns.long_names", long_names)
        .since(22)
        .promise("The names of a result's columns are returned as the query gives them: long ones, and ones with capitals and spaces.")
        .hint("See `Row::name`: nothing is cut, folded or replaced.")
        .covers(&[Contract(43), Contract(75)]),
    Case::read("queries.columns.many", many_columns)
        .since(22)
        .promise("A result of hundreds of columns has every value in its own column, NULLs and repeated values included.")
        .hint("Decode each column by its own index; no value may be kept from another column or row.")
        .covers(&[Contract(43)]),
    Case::read("queries.distinct.texts", alike)
        .since(22)
        .promise("DISTINCT, GROUP BY, UNION, COUNT(DISTINCT …) and `=` distinguish texts that differ in case, accents, spaces or spelling only.")
        .hint("Text is compared by its bytes, not by a collation that ignores something.")
        .covers(&[Contract(7), Contract(31), Contract(32)]),
];

/// Texts that some database considers equal.
const ALIKE: [&str; 14] = [
    "a",
    "A",
    "a ",
    " a",
    "á",
    "a\u{301}",
    "ä",
    "ae",
    "æ",
    "ß",
    "ss",
    "\u{200d}a",
    "",
    " ",
];

fn alike(context: &mut Context) -> CaseResult {
    let twice: Vec<&str> = ALIKE.iter().chain(&ALIKE).copied().collect();
    let mut database = with_texts(context, &twice)?;
    let mut wanted: Vec<Value> = ALIKE
        .iter()
        .map(|text| Value::Text((*text).to_owned()))
        .collect();
    wanted.sort_by_key(|value| format!("{value:?}"));
    for (what, select) in [
        ("DISTINCT", "SELECT DISTINCT [v] FROM [t]"),
        (
            "GROUP BY",
            "SELECT [v] FROM [t] GROUP BY [v] HAVING COUNT(*) = 2",
        ),
        ("UNION", "SELECT [v] FROM [t] UNION SELECT [v] FROM [t]"),
    ] {
        let mut found = database.column(select, &[], ValueType::Text)?;
        found.sort_by_key(|value| format!("{value:?}"));
        check_eq!(found, wanted, "the texts that {what} distinguishes");
    }
    let count = database.as_integer("COUNT(DISTINCT [v])");
    let found = database.integers(&format!("SELECT {count} FROM [t]"), &[])?;
    check_eq!(
        found,
        [14],
        "the texts that COUNT(DISTINCT …) distinguishes"
    );
    for text in ALIKE {
        let found = database.integers(
            "SELECT [id] FROM [t] WHERE [v] = ?",
            &[crate::database::text(text)],
        )?;
        check_eq!(found.len(), 2, "the rows with {text:?}");
    }
    Ok(())
}

fn large_limits(context: &mut Context) -> CaseResult {
    let mut database = with_values(context, &[None; 5])?;
    let all = [1, 2, 3, 4, 5];
    let greatest = i64::MAX.unsigned_abs();
    for large in [
        (1 << 16) - 1,
        1 << 16,
        (1 << 31) - 1,
        1 << 31,
        (1 << 31) + 2,
        (1 << 32) - 1,
        1 << 32,
        (1 << 32) + 2,
        1 << 53,
        greatest - 1,
        greatest,
    ] {
        let found = limited(&mut database, Some(large), None)?;
        check_eq!(found, all, "LIMIT {large}");
        let found = limited(&mut database, Some(large), Some(3))?;
        check_eq!(found, &all[3..], "LIMIT {large} OFFSET 3");
        let found = limited(&mut database, None, Some(large))?;
        check!(
            found.is_empty(),
            "OFFSET {large} must skip all, gave {found:?}"
        );
        let found = limited(&mut database, Some(2), Some(large))?;
        check!(
            found.is_empty(),
            "LIMIT 2 OFFSET {large} must skip all, gave {found:?}"
        );
    }
    Ok(())
}

fn beyond(context: &mut Context) -> CaseResult {
    const ROWS: i64 = 140_000;
    const SIDE: i64 = 400;
    let values: Vec<Option<i64>> = (0..SIDE).map(Some).collect();
    let mut database = with_values(context, &values)?;
    let key = format!("[a].[v] * {SIDE} + [b].[v]");
    let select = format!(
        "SELECT {key} FROM [t] AS [a] CROSS JOIN [t] AS [b] WHERE {key} < ? ORDER BY [a].[v], [b].[v]"
    );
    let found = database.integers(&select, &[int(ROWS)])?;
    let wrong = found
        .iter()
        .zip(0..)
        .position(|(value, wanted)| *value != wanted);
    check!(
        wrong.is_none(),
        "rows must come in order; the row at {wrong:?} does not"
    );
    check_eq!(i64::try_from(found.len()), Ok(ROWS), "how many rows come");
    Ok(())
}

fn long_names(context: &mut Context) -> CaseResult {
    let mut database = with_values(context, &[Some(1)])?;
    let most = context.capabilities().max_identifier.unwrap_or(60).min(60);
    let names = [
        "a".repeat(most),
        "a".repeat(31),
        "Mixed Case".to_owned(),
        "UPPER".to_owned(),
        "two  spaces".to_owned(),
        "a_b".to_owned(),
        "a.b".to_owned(),
        "größe".to_owned(),
        "1st".to_owned(),
        "count(*)".to_owned(),
    ];
    let columns: Vec<String> = names
        .iter()
        .map(|name| format!("[v] AS [{name}]"))
        .collect();
    let sql = database.sql(
        &format!("SELECT {} FROM [t]", columns.join(", ")),
        &[],
        &[ValueType::I64; 10],
    );
    let mut found = Vec::new();
    let statement = selfsame::backend::Statement::new(&sql, &[]);
    database.connection.query(&statement, &mut |row| {
        found = (0..row.len()).map(|at| row.name(at).to_owned()).collect();
        Ok(())
    })?;
    check_eq!(found, names, "the names of the columns");
    Ok(())
}

fn many_columns(context: &mut Context) -> CaseResult {
    const COLUMNS: usize = 300;
    let values = [Some(0), None, Some(7), Some(-7), None, None, Some(0)];
    let mut database = with_values(context, &values)?;
    // Some columns differ from each other, some are equal.
    let columns: Vec<String> = (0..COLUMNS)
        .map(|at| format!("[v] + {}", at % 50))
        .collect();
    let select = format!("SELECT {} FROM [t] ORDER BY [id]", columns.join(", "));
    let found = database.rows(&select, &[], &[ValueType::I64; COLUMNS])?;
    check_eq!(found.len(), values.len(), "every row must come");
    for (row, value) in found.iter().zip(values) {
        let wanted: Vec<Value> = (0_i64..)
            .take(COLUMNS)
            .map(|at| value.map_or(Value::Null, |value| Value::I64(value + at % 50)))
            .collect();
        check_eq!(*row, wanted, "the row of {value:?}");
    }
    Ok(())
}
