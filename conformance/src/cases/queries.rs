//! Reading: filters, order, paging, joins, set operations.

mod again;
mod bounds;
mod expressions;
mod groups;
mod objects;
mod operands;
mod sets;
mod sources;
mod stream;

use selfsame::ErrorKind;
use selfsame::dialect::TextMatch;
use selfsame::schema::{Column, ColumnType, Table};
use selfsame::value::{Value, ValueType};

use crate::case::Cover::Contract;
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::database::{Database, Typed, int, null, text, value_table};

pub(super) const LISTS: &[&[Case]] = &[
    CASES,
    sets::CASES,
    stream::CASES,
    again::CASES,
    bounds::CASES,
    objects::CASES,
    expressions::CASES,
    operands::CASES,
    groups::CASES,
    sources::CASES,
];

const CASES: &[Case] = &[
    Case::read("queries.equality.null", equality_null)
        .promise("A comparison with NULL is neither true nor false, so neither `=` nor `<>` finds the row.")
        .hint("Do not rewrite `= NULL` into IS NULL; send the parameter as it is.")
        .covers(&[Contract(23)]),
    Case::read("queries.equality.null_safe", null_safe)
        .promise("The dialect's null-safe comparison matches NULL with NULL and with nothing else.")
        .hint("See `Dialect::null_safe_equality`.")
        .covers(&[Contract(24)]),
    Case::read("queries.in.null_inside", in_null)
        .promise("NULL in an IN list matches no further rows, and NULL in a NOT IN list matches no row at all, as in standard SQL.")
        .hint("Send the list as it is.")
        .covers(&[Contract(25)]),
    Case::read("queries.in.tuples", in_tuples)
        .promise("A tuple is found in a list of tuples, each element compared by its own type: rows with composite keys are read this way.")
        .hint("Row values must be compared part by part.")
        .covers(&[Contract(26)]),
    Case::read("queries.in.many", in_many)
        .promise("A list of hundreds of parameters finds all its rows.")
        .hint("Check how many parameters the driver allows in one statement.")
        .covers(&[Contract(25), Contract(42)]),
    Case::read("queries.text.wildcards", wildcards)
        .promise("`starts_with`, `ends_with` and `contains` match `%`, `_` and backslash literally, and are case-sensitive.")
        .hint("See `Dialect::text_match`; do not use LIKE without an escape.")
        .covers(&[Contract(27), Contract(28)]),
    Case::read("queries.limit.bounds", limit_bounds)
        .promise("LIMIT and OFFSET are right at 0, in the middle, at the end and past it; otherwise pages overlap or lose rows.")
        .hint("See `Dialect::limit`.")
        .covers(&[Contract(29)]),
    Case::read("queries.limit.pages", pages)
        .promise("The pages of a totally ordered query together contain each row exactly once.")
        .hint("OFFSET counts rows, from 0, however far it goes.")
        .covers(&[Contract(29), Contract(30)]),
    Case::read("queries.order.keys", order_keys)
        .promise("Rows are sorted by the first key, ties by the second, each in its own direction.")
        .hint("Send ORDER BY as it is.")
        .covers(&[Contract(30)]),
    Case::full("queries.order.long_text", order_long_text)
        .since(19)
        .promise("Texts are ordered by their first difference, however far from the start it is.")
        .hint("Some databases sort only by a prefix of a text, whose length is a setting.")
        .covers(&[Contract(30), Contract(37)]),
    Case::extra("queries.order.nulls", order_nulls)
        .needs(&[Capability::NullsOrder])
        .promise("NULLS FIRST and NULLS LAST place NULL as they say, whatever the key's direction.")
        .hint("Claim it only if the database accepts this syntax.")
        .covers(&[Contract(30)]),
    Case::read("queries.parameters.many", many_parameters)
        .promise("Each of hundreds of parameters arrives in its own place.")
        .hint("Number placeholders from 1, in the order in which they are written.")
        .covers(&[Contract(42)]),
    Case::read("queries.parameters.typed_null", typed_null)
        .promise("A NULL parameter of any type can stand alone in a query, because its type travels with the statement.")
        .hint("Prepare the statement with the parameter types that it names.")
        .covers(&[Contract(42), Contract(24)]),
    Case::read("queries.columns.names", column_names)
        .promise("A result has the number and names of columns that the query selects, including two with the same name.")
        .hint("See `Row::name` and `Row::len`.")
        .covers(&[Contract(43)]),
    Case::read("queries.identifiers.odd", odd_identifiers)
        .promise("Any string is a valid column name once quoted: reserved words, spaces, quotes, non-Latin scripts.")
        .hint("See `Dialect::quote`; double the quote inside a name.")
        .covers(&[Contract(41)]),
    Case::read("queries.arithmetic.overflow", overflow)
        .promise("A sum beyond the greatest integer is an error, never another integer.")
        .hint("A float must not be decoded as an integer.")
        .covers(&[Contract(39), Contract(32)]),
    Case::read("queries.arithmetic.bits", bits)
        .promise("Bitwise and, or and not work on integers.")
        .hint("Send the operators as they are.")
        .covers(&[Contract(40)]),
    Case::read("queries.arithmetic.integers", integers)
        .promise("Integer division truncates towards zero and the remainder takes the sign of the dividend, as the renderer assumes.")
        .hint("An engine that divides integers into fractions needs its own rendering.")
        .covers(&[Contract(38)]),
];

/// A table `t` with these values in `v` and the keys 1, 2, ….
fn with_values(context: &Context, values: &[Option<i64>]) -> CaseResult<Database> {
    let mut database = Database::open(context)?;
    database.create(&value_table("t", ColumnType::I64))?;
    let rows: Vec<_> = values
        .iter()
        .zip(1..)
        .map(|(value, id)| vec![int(id), value.map_or_else(|| null(ValueType::I64), int)])
        .collect();
    database.execute_each(
        "INSERT INTO [t] ([id], [v]) VALUES (?, ?)",
        &[ValueType::I64, ValueType::I64],
        &rows,
    )?;
    Ok(database)
}

/// A table `t` with these texts in `v` and the keys 1, 2, ….
fn with_texts(context: &Context, texts: &[&str]) -> CaseResult<Database> {
    let mut database = Database::open(context)?;
    database.create(&value_table("t", ColumnType::Text { length: None }))?;
    for (value, id) in texts.iter().zip(1..) {
        database.execute(
            "INSERT INTO [t] ([id], [v]) VALUES (?, ?)",
            &[int(id), text(value)],
        )?;
    }
    Ok(database)
}

/// Checks which keys a condition finds.
fn finds(database: &mut Database, condition: &str, params: &[Typed], wanted: &[i64]) -> CaseResult {
    let query = format!("SELECT [id] FROM [t] WHERE {condition} ORDER BY [id]");
    let found = database.integers(&query, params)?;
    check_eq!(found, wanted, "`{condition}` must find the right keys");
    Ok(())
}

fn equality_null(context: &mut Context) -> CaseResult {
    let mut database = with_values(context, &[Some(1), None])?;
    for operator in ["=", "<>"] {
        let condition = format!("[v] {operator} ?");
        finds(&mut database, &condition, &[null(ValueType::I64)], &[])?;
    }
    finds(&mut database, "[v] <> ?", &[int(2)], &[1])
}

fn null_safe(context: &mut Context) -> CaseResult {
    let mut database = with_values(context, &[Some(1), None, Some(2)])?;
    let same = database.dialect().null_safe_equality(false);
    let differs = database.dialect().null_safe_equality(true);
    let is_null = null(ValueType::I64);
    for (operator, param, wanted) in [
        (same, is_null.clone(), vec![2]),
        (same, int(1), vec![1]),
        (differs, is_null, vec![1, 3]),
        (differs, int(1), vec![2, 3]),
    ] {
        let [before, between, after] = operator;
        let condition = format!("{before}[v]{between}?{after}");
        finds(&mut database, &condition, &[param], &wanted)?;
    }
    Ok(())
}

fn in_null(context: &mut Context) -> CaseResult {
    let mut database = with_values(context, &[Some(1), None, Some(3)])?;
    let list = [int(1), null(ValueType::I64)];
    finds(&mut database, "[v] IN (?, ?)", &list, &[1])?;
    finds(&mut database, "[v] NOT IN (?, ?)", &list, &[])?;
    finds(&mut database, "[v] NOT IN (?)", &[int(1)], &[3])
}

fn in_tuples(context: &mut Context) -> CaseResult {
    let mut database = with_values(context, &[Some(1), Some(2), None, Some(2)])?;
    finds(
        &mut database,
        "([id], [v]) IN ((?, ?), (?, ?), (?, ?))",
        &[int(2), int(2), int(1), int(2), int(4), int(2)],
        &[2, 4],
    )
}

fn in_many(context: &mut Context) -> CaseResult {
    const COUNT: i64 = 700;
    let values: Vec<Option<i64>> = (1..=COUNT).map(Some).collect();
    let mut database = with_values(context, &values)?;
    let odd: Vec<i64> = (1..=COUNT).filter(|v| v % 2 == 1).collect();
    let places = vec!["?"; odd.len()].join(", ");
    let params: Vec<Typed> = odd.iter().rev().copied().map(int).collect();
    finds(&mut database, &format!("[v] IN ({places})"), &params, &odd)
}

fn wildcards(context: &mut Context) -> CaseResult {
    let texts = [
        "100%",
        "100 percent",
        "a_b",
        "axb",
        "c\\d",
        "Été",
        "été",
        "",
    ];
    let mut database = with_texts(context, &texts)?;
    let passes = |test: TextMatch, text: &str, part: &str| match test {
        TextMatch::StartsWith => text.starts_with(part),
        TextMatch::EndsWith => text.ends_with(part),
        TextMatch::Contains => text.contains(part),
    };
    for test in [
        TextMatch::StartsWith,
        TextMatch::EndsWith,
        TextMatch::Contains,
    ] {
        for part in ["100%", "_", "%", "\\", "É", "é", "b", "100", "", "zz"] {
            let wanted: Vec<i64> = texts
                .iter()
                .zip(1..)
                .filter(|(text, _)| passes(test, text, part))
                .map(|(_, id)| id)
                .collect();
            let found = matching(&mut database, test, part)?;
            check_eq!(
                found,
                wanted,
                "{test:?} of {part:?} must find the right keys"
            );
        }
    }
    Ok(())
}

/// Returns the keys of `t` whose text matches. If the dialect writes the pattern more than once, it is sent as often.
fn matching(database: &mut Database, test: TextMatch, pattern: &str) -> CaseResult<Vec<i64>> {
    let dialect = database.dialect();
    let (mut subject, mut condition) = (String::new(), String::new());
    dialect.quote("v", &mut subject);
    dialect.text_match(test, &subject, PATTERN, &mut condition);
    let mut text_of = String::new();
    for (i, part) in condition.split(PATTERN).enumerate() {
        if i > 0 {
            dialect.placeholder(i, ValueType::Text, &mut text_of);
        }
        text_of.push_str(part);
    }
    let times = condition.matches(PATTERN).count();
    let condition = text_of;
    let (mut table, mut key) = (String::new(), String::new());
    dialect.quote("t", &mut table);
    dialect.quote("id", &mut key);
    let sql = selfsame::backend::Sql::new(
        selfsame::backend::StatementKind::Select,
        format!("SELECT {key} FROM {table} WHERE {condition} ORDER BY {key}"),
        vec![ValueType::Text; times],
        [ValueType::I64],
    );
    let rows = database.rows_of(&sql, &vec![text(pattern); times])?;
    Ok(rows
        .into_iter()
        .flatten()
        .filter_map(|value| match value {
            selfsame::value::Value::I64(id) => Some(id),
            _ => None,
        })
        .collect())
}

/// A placeholder for the pattern, to count how often the dialect writes it.
const PATTERN: &str = "\u{1}";

fn limited(
    database: &mut Database,
    limit: Option<u64>,
    offset: Option<u64>,
) -> CaseResult<Vec<i64>> {
    let mut clause = String::new();
    database.dialect().limit(limit, offset, &mut clause);
    Ok(database.integers(&format!("SELECT [id] FROM [t] ORDER BY [id]{clause}"), &[])?)
}

fn limit_bounds(context: &mut Context) -> CaseResult {
    let mut database = with_values(context, &[None; 5])?;
    let all = [1, 2, 3, 4, 5];
    let checks: [(Option<u64>, Option<u64>, &[i64]); 9] = [
        (Some(0), None, &[]),
        (Some(2), None, &all[..2]),
        (Some(5), None, &all),
        (Some(6), None, &all),
        (Some(2), Some(0), &all[..2]),
        (Some(2), Some(2), &all[2..4]),
        (Some(9), Some(4), &all[4..]),
        (Some(2), Some(5), &[]),
        (None, Some(3), &all[3..]),
    ];
    for (limit, offset, wanted) in checks {
        let found = limited(&mut database, limit, offset)?;
        check_eq!(
            found,
            wanted,
            "LIMIT {limit:?} OFFSET {offset:?} must cut there"
        );
    }
    Ok(())
}

fn pages(context: &mut Context) -> CaseResult {
    const PAGE: u64 = 17;
    let mut database = with_values(context, &[None; 120])?;
    let mut all = Vec::new();
    let mut offset = 0;
    loop {
        let page = limited(&mut database, Some(PAGE), Some(offset))?;
        if page.is_empty() {
            break;
        }
        all.extend(page);
        offset += PAGE;
        check!(offset < 1_000, "pages past the end must be empty");
    }
    let wanted: Vec<i64> = (1..=120).collect();
    check_eq!(all, wanted, "the pages put together must be the whole");
    Ok(())
}

fn order_keys(context: &mut Context) -> CaseResult {
    let mut database = Database::open(context)?;
    let table = Table::build("t")
        .column(Column::new("id", ColumnType::I64))
        .column(Column::new("a", ColumnType::I64))
        .column(Column::new("b", ColumnType::Text { length: None }))
        .primary_key(["id"]);
    database.create(&table)?;
    for (id, a, b) in [
        (1, 2, "x"),
        (2, 1, "y"),
        (3, 2, "z"),
        (4, 1, "w"),
        (5, 2, "y"),
    ] {
        database.execute(
            "INSERT INTO [t] ([id], [a], [b]) VALUES (?, ?, ?)",
            &[int(id), int(a), text(b)],
        )?;
    }
    for (keys, wanted) in [
        ("[a], [b]", [4, 2, 1, 5, 3]),
        ("[a], [b] DESC", [2, 4, 3, 5, 1]),
        ("[a] DESC, [b]", [1, 5, 3, 4, 2]),
        ("[a] DESC, [b] DESC", [3, 5, 1, 2, 4]),
    ] {
        let found = database.integers(&format!("SELECT [id] FROM [t] ORDER BY {keys}"), &[])?;
        check_eq!(found, wanted, "ORDER BY {keys} must hold");
    }
    // A row that equals another in the first two sort keys, so that the third decides.
    database.execute(
        "INSERT INTO [t] ([id], [a], [b]) VALUES (?, ?, ?)",
        &[int(6), int(2), text("x")],
    )?;
    for (keys, wanted) in [
        ("[a], [b], [id] DESC", [4, 2, 6, 1, 5, 3]),
        ("[a] DESC, [b], [id]", [1, 6, 5, 3, 4, 2]),
    ] {
        let found = database.integers(&format!("SELECT [id] FROM [t] ORDER BY {keys}"), &[])?;
        check_eq!(found, wanted, "ORDER BY {keys} must hold");
    }
    Ok(())
}

fn order_long_text(context: &mut Context) -> CaseResult {
    const ALIKE: usize = 20_000;
    let mut database = Database::open(context)?;
    let table = Table::build("t")
        .column(Column::new("id", ColumnType::I64))
        .column(Column::new("b", ColumnType::Text { length: None }))
        .primary_key(["id"]);
    database.create(&table)?;
    for (id, end) in [(1, "z"), (2, "a"), (3, "q"), (4, "a"), (5, "")] {
        let long = format!("{}{end}", "m".repeat(ALIKE));
        database.execute(
            "INSERT INTO [t] ([id], [b]) VALUES (?, ?)",
            &[int(id), text(&long)],
        )?;
    }
    for (keys, wanted) in [
        ("[b], [id]", [5, 2, 4, 3, 1]),
        ("[b] DESC, [id]", [1, 3, 2, 4, 5]),
    ] {
        let found = database.integers(&format!("SELECT [id] FROM [t] ORDER BY {keys}"), &[])?;
        check_eq!(found, wanted, "ORDER BY {keys} must look at whole texts");
    }
    let distinct = database.as_integer("COUNT(*)");
    for source in [
        "SELECT DISTINCT [b] FROM [t]",
        "SELECT [b] FROM [t] GROUP BY [b]",
    ] {
        let found = database.integers(&format!("SELECT {distinct} FROM ({source}) AS q"), &[])?;
        check_eq!(found, [4], "{source} must look at whole texts");
    }
    if Capability::Windows.is_claimed(context.dialect()) {
        let rank = database.as_integer("RANK() OVER (ORDER BY [b])");
        let found = database.integers(&format!("SELECT {rank} FROM [t] ORDER BY [id]"), &[])?;
        check_eq!(found, [5, 2, 4, 2, 1], "RANK must look at whole texts");
    }
    Ok(())
}

fn order_nulls(context: &mut Context) -> CaseResult {
    let mut database = with_values(context, &[Some(2), None, Some(1)])?;
    for (keys, wanted) in [
        ("[v] NULLS FIRST", [2, 3, 1]),
        ("[v] NULLS LAST", [3, 1, 2]),
        ("[v] DESC NULLS FIRST", [2, 1, 3]),
        ("[v] DESC NULLS LAST", [1, 3, 2]),
    ] {
        let found = database.integers(&format!("SELECT [id] FROM [t] ORDER BY {keys}"), &[])?;
        check_eq!(found, wanted, "ORDER BY {keys} must hold");
    }
    Ok(())
}

fn many_parameters(context: &mut Context) -> CaseResult {
    const COUNT: usize = 400;
    let mut database = with_values(context, &[Some(1)])?;
    // As columns, not as a sum, because the depth of expressions may be limited.
    let places = vec!["?"; COUNT].join(", ");
    let params: Vec<Typed> = (1..).take(COUNT).map(int).collect();
    let found = database.rows(
        &format!("SELECT {places} FROM [t]"),
        &params,
        &[ValueType::I64; COUNT],
    )?;
    let wanted: Vec<Value> = (1..).take(COUNT).map(Value::I64).collect();
    check_eq!(
        found,
        [wanted],
        "400 parameters must come back each in its own column"
    );
    let first = database.integers("SELECT ? - ? * 10 FROM [t]", &[int(1), int(2)])?;
    check_eq!(first, [-19], "parameters must be in order");
    Ok(())
}

fn typed_null(context: &mut Context) -> CaseResult {
    let mut database = with_values(context, &[Some(1)])?;
    for ty in crate::domain::TYPES {
        let found = database.integers("SELECT [id] FROM [t] WHERE ? IS NULL", &[null(ty)])?;
        check_eq!(found, [1], "a single NULL of type {ty:?} must be NULL");
    }
    Ok(())
}

fn column_names(context: &mut Context) -> CaseResult {
    let mut database = with_values(context, &[Some(7)])?;
    let sql = database.sql(
        "SELECT [v], [id] AS [v], [id] AS [Other Name] FROM [t]",
        &[],
        &[],
    );
    let mut seen = Vec::new();
    database
        .connection
        .query(&selfsame::backend::Statement::new(&sql, &[]), &mut |row| {
            seen.push((
                row.len(),
                (0..4).map(|i| row.name(i).to_owned()).collect::<Vec<_>>(),
            ));
            Ok(())
        })?;
    let wanted = ["v", "v", "Other Name", ""].map(str::to_owned).to_vec();
    check_eq!(
        seen,
        [(3, wanted)],
        "three columns with their names, and no fourth"
    );
    Ok(())
}

fn odd_identifiers(context: &mut Context) -> CaseResult {
    let names = [
        "select",
        "größe in m",
        "a\"b",
        "semi;colon",
        "日本",
        "UPPER",
        "upper",
        "%s ? $1",
    ];
    let mut database = Database::open(context)?;
    let mut table = Table::build("order").column(Column::new("id", ColumnType::I64));
    for name in names {
        table = table.column(Column::new(name, ColumnType::I64));
    }
    // Names that differ only in case are equal on some databases, which is not tested here.
    table.columns.retain(|column| column.name != "UPPER");
    database.create(&table.primary_key(["id"]))?;
    let kept: Vec<&str> = names.into_iter().filter(|&name| name != "UPPER").collect();
    let columns: Vec<String> = kept.iter().map(|name| format!("[{name}]")).collect();
    let mut params = vec![int(1)];
    params.extend((10..).take(kept.len()).map(int));
    database.execute(
        &format!(
            "INSERT INTO [order] ([id], {}) VALUES (?{})",
            columns.join(", "),
            ", ?".repeat(kept.len())
        ),
        &params,
    )?;
    for (column, wanted) in columns.iter().zip(10..) {
        let found = database.integers(&format!("SELECT {column} FROM [order]"), &[])?;
        check_eq!(
            found,
            [wanted],
            "the column {column} must be found by its name"
        );
    }
    Ok(())
}

fn integers(context: &mut Context) -> CaseResult {
    let mut database = with_values(context, &[Some(-7)])?;
    let quotient = format!("[v]{}2", database.dialect().integer_division());
    for (expression, wanted) in [
        (&*quotient, -3),
        ("[v] % 2", -1),
        ("[v] * [v]", 49),
        ("-[v]", 7),
    ] {
        let found = database.integers(&format!("SELECT {expression} FROM [t]"), &[])?;
        check_eq!(found, [wanted], "{expression} of -7");
    }
    Ok(())
}

fn overflow(context: &mut Context) -> CaseResult {
    let mut database = with_values(context, &[Some(i64::MAX), Some(1)])?;
    for query in [
        "SELECT [v] + ? FROM [t] WHERE [id] = 1",
        "SELECT [v] * 2 + ? FROM [t] WHERE [id] = 1",
    ] {
        let found = database.integers(query, &[int(1)]);
        check!(
            matches!(&found, Err(error) if matches!(error.kind(), ErrorKind::OutOfRange | ErrorKind::Conversion)),
            "an overflow must be out of range, or not the integer asked for, returned {found:?}"
        );
    }
    check_eq!(
        database.count("t")?,
        2,
        "the connection must stay usable after an overflow"
    );
    Ok(())
}

fn bits(context: &mut Context) -> CaseResult {
    let mut database = with_values(context, &[Some(12)])?;
    for (expression, wanted) in [("[v] & 10", 8), ("[v] | 3", 15), ("~[v]", -13)] {
        let cast = database.as_integer(expression);
        let found = database.integers(&format!("SELECT {cast} FROM [t]"), &[])?;
        check_eq!(found, [wanted], "{expression} of 12");
    }
    Ok(())
}
