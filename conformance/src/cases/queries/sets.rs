//! Joins, groups and set operations.

use selfsame::schema::{Column, ColumnType, Table};
use selfsame::value::{Value, ValueType};

use super::with_values;
use crate::case::Cover::Contract;
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::database::{Database, int, null};

pub(super) const CASES: &[Case] = &[
    Case::read("queries.distinct.rows", distinct)
        .promise("DISTINCT returns each row once, and treats NULLs as equal.")
        .hint("Send DISTINCT as it is.")
        .covers(&[Contract(31)]),
    Case::read("queries.group.having", group)
        .promise("Groups count their rows, HAVING filters groups, and NULL forms one group.")
        .hint("Send GROUP BY and HAVING as they are.")
        .covers(&[Contract(32)]),
    Case::read("queries.group.empty", aggregates_of_nothing)
        .promise("Over no rows COUNT is 0, while SUM, MIN, MAX and AVG are NULL.")
        .hint("Check for NULL before decoding the requested type.")
        .covers(&[Contract(32)]),
    Case::read("queries.join.kinds", joins)
        .promise("An inner join returns the matching pairs, a left join also the unmatched rows, with NULL on the other side.")
        .hint("Send joins as they are.")
        .covers(&[Contract(33), Contract(34)]),
    Case::read("queries.join.self", self_join)
        .promise("A table can be joined with itself under two aliases.")
        .hint("Aliases are quoted like any name.")
        .covers(&[Contract(34)]),
    Case::read("queries.union.duplicates", unions)
        .promise("UNION returns each row once, UNION ALL returns all.")
        .hint("Send set operations as they are.")
        .covers(&[Contract(35)]),
    Case::read("queries.union.intersect_except", intersections)
        .since(17)
        .needs(&[Capability::SetOperations])
        .promise("INTERSECT returns the rows common to both sides and EXCEPT those only in the first, each once.")
        .hint("Send set operations as they are.")
        .covers(&[Contract(35)]),
    Case::read("queries.subquery.kinds", subqueries)
        .promise("EXISTS and scalar subqueries work; the ORM generates them.")
        .hint("Check the database's version.")
        .covers(&[Contract(36)]),
    Case::read("queries.subquery.recursive", recursion)
        .since(17)
        .needs(&[Capability::RecursiveQueries])
        .promise("A recursive common table expression repeats until it adds no row.")
        .hint("Check the database's version.")
        .covers(&[Contract(36)]),
    Case::read("queries.window.rank", windows)
        .needs(&[Capability::Windows])
        .promise("Window functions rank rows within a partition; limits per group are written with them.")
        .hint("Check the database's version.")
        .covers(&[Contract(37)]),
];

fn distinct(context: &mut Context) -> CaseResult {
    let mut database = with_values(context, &[Some(1), Some(2), None, Some(1), None])?;
    let mut found = database.column("SELECT DISTINCT [v] FROM [t]", &[], ValueType::I64)?;
    found.sort_by_key(|value| format!("{value:?}"));
    check_eq!(
        found,
        [Value::I64(1), Value::I64(2), Value::Null],
        "DISTINCT must give each value once"
    );
    let counted = database.integers("SELECT count(DISTINCT [v]) FROM [t]", &[])?;
    check_eq!(
        counted,
        [2],
        "count(DISTINCT …) must count values, not NULL"
    );
    Ok(())
}

fn group(context: &mut Context) -> CaseResult {
    let mut database = with_values(context, &[Some(1), Some(2), None, Some(1), None, None])?;
    let found = database.integers(
        "SELECT count(*) FROM [t] GROUP BY [v] ORDER BY count(*)",
        &[],
    )?;
    check_eq!(found, [1, 2, 3], "each group must count its rows");
    let found = database.integers(
        "SELECT [v] FROM [t] WHERE [v] IS NOT NULL GROUP BY [v] HAVING count(*) > ?",
        &[int(1)],
    )?;
    check_eq!(found, [1], "HAVING must pick the group of two");
    Ok(())
}

fn aggregates_of_nothing(context: &mut Context) -> CaseResult {
    let mut database = with_values(context, &[])?;
    let counted = database.integers("SELECT count(*) FROM [t]", &[])?;
    check_eq!(counted, [0], "COUNT of nothing must be 0");
    for aggregate in ["max", "min"] {
        let query = format!("SELECT {aggregate}([v]) FROM [t]");
        let found = database.column(&query, &[], ValueType::I64)?;
        check_eq!(found, [Value::Null], "{aggregate} of nothing must be NULL");
    }
    for aggregate in ["sum", "avg"] {
        let query = format!("SELECT {aggregate}([v]) IS NULL FROM [t]");
        let found = database.column(&query, &[], ValueType::Bool)?;
        check_eq!(
            found,
            [Value::Bool(true)],
            "{aggregate} of nothing must be NULL"
        );
    }
    Ok(())
}

/// Parents 1, 2, 3; children 10 and 11 of 1, 20 of 2, 90 of none.
fn family(context: &Context) -> CaseResult<Database> {
    let mut database = Database::open(context)?;
    let parents = Table::build("parents")
        .column(Column::new("id", ColumnType::I64))
        .primary_key(["id"]);
    let children = Table::build("children")
        .column(Column::new("id", ColumnType::I64))
        .column(Column::new("parent", ColumnType::I64).nullable())
        .primary_key(["id"]);
    database.create(&parents)?;
    database.create(&children)?;
    for id in [1, 2, 3] {
        database.execute("INSERT INTO [parents] ([id]) VALUES (?)", &[int(id)])?;
    }
    for (id, parent) in [
        (10, int(1)),
        (11, int(1)),
        (20, int(2)),
        (90, null(ValueType::I64)),
    ] {
        database.execute(
            "INSERT INTO [children] ([id], [parent]) VALUES (?, ?)",
            &[int(id), parent],
        )?;
    }
    Ok(database)
}

fn joins(context: &mut Context) -> CaseResult {
    let mut database = family(context)?;
    let columns = [ValueType::I64, ValueType::I64];
    let pair = |a, b| vec![Value::I64(a), Value::I64(b)];
    let inner = database.rows(
        "SELECT [parents].[id], [children].[id] FROM [parents] JOIN [children] ON [children].[parent] = [parents].[id] \
         ORDER BY [children].[id]",
        &[],
        &columns,
    )?;
    check_eq!(
        inner,
        [pair(1, 10), pair(1, 11), pair(2, 20)],
        "an inner join must give the pairs"
    );
    let left = database.rows(
        "SELECT [parents].[id], [children].[id] FROM [parents] LEFT JOIN [children] ON [children].[parent] = [parents].[id] \
         ORDER BY [parents].[id], [children].[id]",
        &[],
        &columns,
    )?;
    check_eq!(
        left,
        [
            pair(1, 10),
            pair(1, 11),
            pair(2, 20),
            vec![Value::I64(3), Value::Null]
        ],
        "a left join must also give the parent without children"
    );
    let counted = database.integers(
        "SELECT count(*) FROM [parents] JOIN [children] ON [children].[parent] = [parents].[id]",
        &[],
    )?;
    check_eq!(counted, [3], "COUNT over a join must count pairs");
    Ok(())
}

fn self_join(context: &mut Context) -> CaseResult {
    let mut database = family(context)?;
    let found = database.rows(
        "SELECT [a].[id], [b].[id] FROM [children] AS [a] JOIN [children] AS [b] \
         ON [a].[parent] = [b].[parent] AND [a].[id] < [b].[id]",
        &[],
        &[ValueType::I64, ValueType::I64],
    )?;
    check_eq!(
        found,
        [vec![Value::I64(10), Value::I64(11)]],
        "the siblings must be found"
    );
    Ok(())
}

fn unions(context: &mut Context) -> CaseResult {
    combined(
        context,
        &[("UNION", &[1, 2, 3]), ("UNION ALL", &[1, 1, 2, 2, 3])],
    )
}

fn intersections(context: &mut Context) -> CaseResult {
    combined(context, &[("INTERSECT", &[2]), ("EXCEPT", &[1])])
}

/// Combines, of the values 1, 1, 2 and 3, those below 3 with those above 1.
fn combined(context: &Context, operators: &[(&str, &[i64])]) -> CaseResult {
    let mut database = with_values(context, &[Some(1), Some(1), Some(2), Some(3)])?;
    for &(operator, wanted) in operators {
        let mut found = database.integers(
            &format!(
                "SELECT [v] FROM [t] WHERE [v] < ? {operator} SELECT [v] FROM [t] WHERE [v] > ?"
            ),
            &[int(3), int(1)],
        )?;
        found.sort_unstable();
        check_eq!(found, wanted, "{operator} must give the right rows");
    }
    Ok(())
}

fn subqueries(context: &mut Context) -> CaseResult {
    let mut database = family(context)?;
    let found = database.integers(
        "SELECT [id] FROM [parents] WHERE EXISTS \
         (SELECT 1 FROM [children] WHERE [children].[parent] = [parents].[id]) ORDER BY [id]",
        &[],
    )?;
    check_eq!(found, [1, 2], "EXISTS must find the parents with children");
    let found = database.integers(
        "SELECT (SELECT count(*) FROM [children] WHERE [children].[parent] = [parents].[id]) FROM [parents] ORDER BY [id]",
        &[],
    )?;
    check_eq!(
        found,
        [2, 1, 0],
        "a scalar subquery must count for each row"
    );
    Ok(())
}

fn recursion(context: &mut Context) -> CaseResult {
    let mut database = Database::open(context)?;
    let number = database.as_integer("[i]");
    let query = format!(
        "WITH RECURSIVE [n]([i]) AS (SELECT 1 UNION ALL SELECT [i] + 1 FROM [n] WHERE [i] < 5) \
         SELECT {number} FROM [n] ORDER BY [i]"
    );
    let found = database.integers(&query, &[])?;
    check_eq!(
        found,
        [1, 2, 3, 4, 5],
        "a recursive expression must count to five"
    );
    let deep =
        "WITH RECURSIVE [n]([i]) AS (SELECT 1 UNION ALL SELECT [i] + 1 FROM [n] WHERE [i] < 3000)";
    for aggregate in ["MAX([i])", "COUNT(*)"] {
        let last = database.as_integer(aggregate);
        let deep = format!("{deep} SELECT {last} FROM [n]");
        let found = database.integers(&deep, &[])?;
        check_eq!(
            found,
            [3000],
            "{aggregate}: a recursive expression must not stop before it adds no row"
        );
    }
    let rows = format!("{deep} SELECT {number} FROM [n] ORDER BY [i]");
    let found = database.integers(&rows, &[])?;
    let wanted: Vec<i64> = (1..=3000).collect();
    check!(
        found == wanted,
        "each of 3,000 rows of a recursive expression must come once, {} came",
        found.len()
    );
    Ok(())
}

fn windows(context: &mut Context) -> CaseResult {
    let mut database = with_values(context, &[Some(1), Some(2), Some(1), Some(1)])?;
    let found = database.integers(
        "SELECT row_number() OVER (PARTITION BY [v] ORDER BY [id] DESC) FROM [t] ORDER BY [id]",
        &[],
    )?;
    check_eq!(
        found,
        [3, 1, 2, 1],
        "rows must be numbered within their part"
    );
    let sum = database.as_integer("sum([v]) OVER (ORDER BY [id])");
    let found = database.integers(&format!("SELECT {sum} FROM [t] ORDER BY [id]"), &[])?;
    check_eq!(found, [1, 3, 4, 5], "a running sum must accumulate");
    Ok(())
}
