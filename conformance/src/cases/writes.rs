//! Inserting, updating, deleting: counts, keys, batches.

mod batch;
mod keys;
mod round;
mod runs;
mod sizes;
mod statements;

use selfsame::backend::Rows;
use selfsame::dialect::Upsert;
use selfsame::schema::{Column, ColumnType, Generated, Table};
use selfsame::value::{Value, ValueType};

use crate::case::Cover::{Contract, Rule};
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::database::{Database, Typed, int, text, value_table};

pub(super) const LISTS: &[&[Case]] = &[
    CASES,
    batch::CASES,
    sizes::CASES,
    round::CASES,
    keys::CASES,
    runs::CASES,
    statements::CASES,
];

const CASES: &[Case] = &[
    Case::core("writes.count.matched", counts)
        .promise("A write reports how many rows its WHERE matched, including 0 and rows left unchanged: lost updates are detected this way.")
        .hint("Make the driver report matched rows, not changed ones.")
        .covers(&[Contract(49), Rule(19)]),
    Case::core("writes.count.everywhere", counts_everywhere)
        .since(26)
        .needs(&[Capability::Transactions])
        .promise("UPDATE, DELETE and INSERT from a query report how many rows they wrote, none or several, outside and inside transactions and savepoints, and after each way in which these end.")
        .hint("The number is that of the statement itself, wherever it runs.")
        .covers(&[Contract(49), Contract(51)]),
    Case::core("writes.update.predicate", update_predicate)
        .promise("UPDATE changes the rows that its WHERE matches, and no others.")
        .hint("Send WHERE as it is.")
        .covers(&[Contract(53)]),
    Case::core("writes.delete.predicate", delete_predicate)
        .promise("DELETE removes the rows that its WHERE matches, and no others.")
        .hint("Send WHERE as it is.")
        .covers(&[Contract(53)]),
    Case::core("writes.update.same_predicate", same_predicate)
        .promise("SELECT, UPDATE and DELETE with one predicate touch the same rows.")
        .hint("One rendering of conditions serves all three.")
        .covers(&[Contract(53)]),
    Case::core("writes.update.partition", partition)
        .promise("A predicate, its negation and its being NULL partition the rows.")
        .hint("Comparisons follow SQL's three-valued logic.")
        .covers(&[Contract(23), Contract(53)]),
    Case::core("writes.insert.defaults", defaults)
        .promise("A row of defaults only can be inserted, and holds the declared defaults.")
        .hint("`INSERT INTO t DEFAULT VALUES`, or the database's own form.")
        .covers(&[Contract(46)]),
    Case::core("writes.insert.from_select", from_select)
        .promise("INSERT … SELECT writes every row of the query, and counts them.")
        .hint("Count inserted rows, not statements.")
        .covers(&[Contract(51)]),
    Case::core("writes.keys.generated", generated_keys)
        .needs(&[Capability::GeneratedKeys])
        .promise("The database generates keys in ascending order of the inserts, and an explicit key is kept.")
        .hint("See `Dialect::generated_key`: BY DEFAULT, so that a key can be given.")
        .covers(&[Contract(47)]),
    Case::full("writes.keys.told", reported_keys)
        .needs(&[Capability::GeneratedKeys])
        .promise("If an INSERT's outcome reports a key, it is that row's key.")
        .hint("Read it directly after the INSERT, on the same connection.")
        .covers(&[Contract(47)]),
    Case::extra("writes.returning.rows", returning)
        .needs(&[Capability::Returning])
        .promise("INSERT, UPDATE and DELETE can return what they wrote, so generated values need no further statement.")
        .hint("Statements that return rows go through `query`.")
        .covers(&[Contract(50), Rule(21)]),
    Case::extra("writes.upsert.conflict", upsert)
        .needs(&[Capability::Upsert])
        .promise("An upsert updates the row if its key exists, and inserts it otherwise.")
        .hint("`ON CONFLICT (…) DO UPDATE`.")
        .covers(&[Contract(52)]),
];

/// A table `t` of this many rows: (1, 10), (2, 20), …
fn tens(context: &Context, count: i64) -> CaseResult<Database> {
    let mut database = Database::open(context)?;
    database.create(&value_table("t", ColumnType::I64))?;
    for id in 1..=count {
        database.execute(
            "INSERT INTO [t] ([id], [v]) VALUES (?, ?)",
            &[int(id), int(id * 10)],
        )?;
    }
    Ok(database)
}

fn values_of(database: &mut Database) -> CaseResult<Vec<i64>> {
    Ok(database.integers("SELECT [v] FROM [t] ORDER BY [id]", &[])?)
}

fn counts(context: &mut Context) -> CaseResult {
    let mut database = tens(context, 3)?;
    for (statement, params, wanted) in [
        (
            "UPDATE [t] SET [v] = ? WHERE [id] = ?",
            vec![int(1), int(9)],
            0,
        ),
        (
            "UPDATE [t] SET [v] = ? WHERE [id] = ?",
            vec![int(10), int(1)],
            1,
        ),
        ("UPDATE [t] SET [v] = [v] WHERE [id] <= ?", vec![int(2)], 2),
        ("DELETE FROM [t] WHERE [id] = ?", vec![int(9)], 0),
        (
            "INSERT INTO [t] ([id], [v]) VALUES (?, ?)",
            vec![int(4), int(1)],
            1,
        ),
        ("DELETE FROM [t] WHERE [id] > ?", vec![int(2)], 2),
        ("DELETE FROM [t]", vec![], 2),
    ] {
        let outcome = database.execute(statement, &params)?;
        check_eq!(
            outcome.matched,
            wanted,
            "`{statement}` must report how many rows it matched"
        );
    }
    Ok(())
}

/// How a connection gets to where it runs the statements, and whether it is then in a transaction.
const PLACES: &[(&str, &[Step])] = &[
    ("outside a transaction", &[]),
    ("in a transaction", &[Step::Begin]),
    ("after a commit", &[Step::Begin, Step::Commit]),
    ("after a rollback", &[Step::Begin, Step::Rollback]),
    ("after a refused row", &[Step::Refused]),
    (
        "in a transaction after a rollback",
        &[Step::Begin, Step::Rollback, Step::Begin],
    ),
    (
        "in a transaction after a refused row",
        &[Step::Refused, Step::Begin],
    ),
    ("in a savepoint", &[Step::Begin, Step::Savepoint]),
    (
        "in two savepoints",
        &[Step::Begin, Step::Savepoint, Step::Savepoint],
    ),
    (
        "after a released savepoint",
        &[Step::Begin, Step::Savepoint, Step::Release],
    ),
    (
        "after a rollback to a savepoint",
        &[Step::Begin, Step::Savepoint, Step::RollbackTo],
    ),
    (
        "after a row refused in a savepoint",
        &[
            Step::Begin,
            Step::Savepoint,
            Step::Refused,
            Step::RollbackTo,
        ],
    ),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Begin,
    Commit,
    Rollback,
    Savepoint,
    Release,
    RollbackTo,
    /// A row whose key exists.
    Refused,
}

/// Takes these steps with a table `t`, and returns whether the connection is then in a transaction. `existing` is a row with an existing key.
fn enter(database: &mut Database, steps: &[Step], existing: &[Typed]) -> CaseResult<bool> {
    let mut is_open = false;
    for step in steps {
        match step {
            Step::Begin => database.begin_write()?,
            Step::Commit => database.commit()?,
            Step::Rollback => database.rollback()?,
            Step::Savepoint => database.savepoint("s")?,
            Step::Release => database.release("s")?,
            Step::RollbackTo => database.rollback_to("s")?,
            Step::Refused => {
                let insert = "INSERT INTO [t] ([id], [v]) VALUES (?, ?)";
                let refused = database.execute(insert, existing);
                check!(refused.is_err(), "a second row with a key must be refused");
            }
        }
        is_open = match step {
            Step::Begin => true,
            Step::Commit | Step::Rollback => false,
            _ => is_open,
        };
    }
    Ok(is_open)
}

fn counts_everywhere(context: &mut Context) -> CaseResult {
    let has_savepoints = context.capabilities().savepoints;
    let mut database = tens(context, 5)?;
    database.create(&value_table("copies", ColumnType::I64))?;
    let statements = [
        "UPDATE [t] SET [v] = [v] + 1 WHERE [id] <= ?",
        "INSERT INTO [copies] ([id], [v]) SELECT [id], [v] FROM [t] WHERE [id] <= ?",
        "UPDATE [copies] SET [v] = 0 WHERE [id] <= ?",
        "DELETE FROM [copies] WHERE [id] <= ?",
    ];
    for (place, steps) in PLACES {
        if steps.contains(&Step::Savepoint) && !has_savepoints {
            continue;
        }
        let is_open = enter(&mut database, steps, &[int(1), int(0)])?;
        for count in [3, 0, 1, 5, 2] {
            for statement in statements {
                let told = database.execute(statement, &[int(count)])?.matched;
                check_eq!(told.try_into(), Ok(count), "{place}: {statement}");
            }
            let told = database.execute(statements[3], &[int(count)])?.matched;
            check_eq!(told, 0, "{place}: a second time: {}", statements[3]);
        }
        if is_open {
            database.rollback()?;
        }
    }
    Ok(())
}

fn update_predicate(context: &mut Context) -> CaseResult {
    let mut database = tens(context, 4)?;
    database.execute("UPDATE [t] SET [v] = ? WHERE [id] = ?", &[int(0), int(2)])?;
    check_eq!(
        values_of(&mut database)?,
        [10, 0, 30, 40],
        "only the row 2 may change"
    );
    database.execute(
        "UPDATE [t] SET [v] = [v] + ? WHERE [v] >= ?",
        &[int(1), int(30)],
    )?;
    check_eq!(
        values_of(&mut database)?,
        [10, 0, 31, 41],
        "only the rows from 30 on may change"
    );
    Ok(())
}

fn delete_predicate(context: &mut Context) -> CaseResult {
    let mut database = tens(context, 4)?;
    database.execute("DELETE FROM [t] WHERE [id] = ?", &[int(2)])?;
    check_eq!(
        values_of(&mut database)?,
        [10, 30, 40],
        "only the row 2 may go"
    );
    database.execute(
        "DELETE FROM [t] WHERE [v] > ? AND [v] < ?",
        &[int(10), int(40)],
    )?;
    check_eq!(values_of(&mut database)?, [10, 40], "only the row 3 may go");
    Ok(())
}

fn same_predicate(context: &mut Context) -> CaseResult {
    for (condition, params) in [
        ("[v] > ?", vec![int(20)]),
        ("[v] = ? OR [id] = ?", vec![int(10), int(4)]),
        ("NOT ([v] BETWEEN ? AND ?)", vec![int(20), int(30)]),
        ("[id] IN (?, ?)", vec![int(2), int(7)]),
    ] {
        let mut database = tens(context, 5)?;
        let selected = database.integers(
            &format!("SELECT [id] FROM [t] WHERE {condition} ORDER BY [id]"),
            &params,
        )?;
        let outcome = database.execute(
            &format!("UPDATE [t] SET [id] = [id] WHERE {condition}"),
            &params,
        )?;
        check_eq!(
            usize::try_from(outcome.matched).ok(),
            Some(selected.len()),
            "UPDATE with `{condition}` must match what SELECT found"
        );
        database.execute(&format!("DELETE FROM [t] WHERE {condition}"), &params)?;
        let left = database.integers("SELECT [id] FROM [t] ORDER BY [id]", &[])?;
        let wanted: Vec<i64> = (1..=5).filter(|id| !selected.contains(id)).collect();
        check_eq!(
            left,
            wanted,
            "DELETE with `{condition}` must leave the others"
        );
        database.execute("DROP TABLE [t]", &[])?;
    }
    Ok(())
}

fn partition(context: &mut Context) -> CaseResult {
    let mut database = tens(context, 4)?;
    database.execute("UPDATE [t] SET [v] = NULL WHERE [id] = ?", &[int(3)])?;
    for (predicate, params) in [
        ("[v] > ?", vec![int(15)]),
        ("[v] <> ?", vec![int(10)]),
        ("[v] IN (?, ?)", vec![int(10), int(40)]),
    ] {
        let mut all = Vec::new();
        for condition in [
            format!("({predicate})"),
            format!("NOT ({predicate})"),
            format!("({predicate}) IS NULL"),
        ] {
            all.extend(
                database.integers(&format!("SELECT [id] FROM [t] WHERE {condition}"), &params)?,
            );
        }
        all.sort_unstable();
        check_eq!(all, [1, 2, 3, 4], "`{predicate}` must share the rows out");
    }
    Ok(())
}

fn defaults(context: &mut Context) -> CaseResult {
    let mut database = Database::open(context)?;
    let by_default = |expression: &str| Generated::Default(expression.to_owned());
    let table = Table::build("t")
        .column(Column::new("id", ColumnType::I64).generated(by_default("7")))
        .column(
            Column::new("v", ColumnType::I64)
                .nullable()
                .generated(by_default("42")),
        )
        .primary_key(["id"]);
    database.create(&table)?;
    let insert = format!("INSERT INTO [t]{}", database.dialect().default_row());
    database.execute(&insert, &[])?;
    let rows = database.rows("SELECT [id], [v] FROM [t]", &[], &[ValueType::I64; 2])?;
    check_eq!(
        rows,
        [vec![Value::I64(7), Value::I64(42)]],
        "the defaults must be set"
    );
    database.execute("INSERT INTO [t] ([id]) VALUES (?)", &[int(8)])?;
    let found = database.integers("SELECT [v] FROM [t] WHERE [id] = ?", &[int(8)])?;
    check_eq!(
        found,
        [42],
        "a column that is left out must get its default"
    );
    let keyless = Table::build("u").column(
        Column::new("v", ColumnType::I64)
            .nullable()
            .generated(by_default("42")),
    );
    database.create(&keyless)?;
    let insert = format!("INSERT INTO [u]{}", database.dialect().default_row());
    let insert = database.sql(&insert, &[], &[]);
    let mut written = Vec::new();
    database
        .connection
        .execute_each(&insert, Rows::empty(3), &mut |outcome| {
            written.push(outcome.matched);
            Ok(())
        })?;
    check_eq!(written, [1, 1, 1], "each row of a batch must be reported");
    let found = database.integers("SELECT [v] FROM [u]", &[])?;
    check_eq!(found, [42, 42, 42], "each row of a batch must be written");
    Ok(())
}

fn from_select(context: &mut Context) -> CaseResult {
    let mut database = tens(context, 3)?;
    let outcome = database.execute(
        "INSERT INTO [t] ([id], [v]) SELECT [id] + 100, [v] FROM [t] WHERE [id] > ?",
        &[int(1)],
    )?;
    check_eq!(outcome.matched, 2, "two rows must be counted");
    let keys = database.integers("SELECT [id] FROM [t] ORDER BY [id]", &[])?;
    check_eq!(keys, [1, 2, 3, 102, 103], "two rows must exist");
    Ok(())
}

fn counted_table() -> Table {
    Table::build("t")
        .column(Column::new("id", ColumnType::I64).generated(Generated::Key))
        .column(Column::new("v", ColumnType::Text { length: None }))
        .primary_key(["id"])
}

fn generated_keys(context: &mut Context) -> CaseResult {
    let mut database = Database::open(context)?;
    database.create(&counted_table())?;
    for name in ["a", "b", "c"] {
        database.execute("INSERT INTO [t] ([v]) VALUES (?)", &[text(name)])?;
    }
    let rows = database.column("SELECT [v] FROM [t] ORDER BY [id]", &[], ValueType::Text)?;
    let wanted = ["a", "b", "c"].map(|v| Value::Text(v.to_owned()));
    check_eq!(rows, wanted, "keys must ascend in the order of the inserts");
    let counted = database.integers("SELECT [id] FROM [t]", &[])?;
    let given = counted.into_iter().max().unwrap_or_default() + 1_000;
    database.execute(
        "INSERT INTO [t] ([id], [v]) VALUES (?, ?)",
        &[int(given), text("d")],
    )?;
    let found = database.integers("SELECT [id] FROM [t] WHERE [v] = ?", &[text("d")])?;
    check_eq!(found, [given], "a given key must be kept");
    Ok(())
}

fn reported_keys(context: &mut Context) -> CaseResult {
    let mut database = Database::open(context)?;
    database.create(&counted_table())?;
    let mut reported = 0;
    for name in ["a", "b", "c", "d"] {
        let outcome = database.execute("INSERT INTO [t] ([v]) VALUES (?)", &[text(name)])?;
        let Some(key) = outcome.last_insert_id else {
            continue;
        };
        reported += 1;
        let found = database.integers("SELECT [id] FROM [t] WHERE [v] = ?", &[text(name)])?;
        check_eq!(found, [key], "the reported key must be that of the row");
    }
    let batch = ["e", "f", "g"];
    let rows: Vec<Vec<Typed>> = batch.iter().map(|name| vec![text(name)]).collect();
    let outcomes = database.execute_each(
        "INSERT INTO [t] ([v]) VALUES (?)",
        &[ValueType::Text],
        &rows,
    )?;
    for (name, outcome) in batch.into_iter().zip(outcomes) {
        let Some(key) = outcome.last_insert_id else {
            continue;
        };
        reported += 1;
        let found = database.integers("SELECT [id] FROM [t] WHERE [v] = ?", &[text(name)])?;
        check_eq!(
            found,
            [key],
            "the key that a batch reports for a row must be that of the row"
        );
    }
    if reported == 0 {
        context.note("the backend reports no keys; the ORM reads them with RETURNING");
    }
    Ok(())
}

fn returning(context: &mut Context) -> CaseResult {
    let mut database = tens(context, 2)?;
    let pair = |a, b| vec![Value::I64(a), Value::I64(b)];
    let columns = [ValueType::I64; 2];
    let inserted = database.rows(
        "INSERT INTO [t] ([id], [v]) VALUES (?, ?) RETURNING [id], [v]",
        &[int(3), int(30)],
        &columns,
    )?;
    check_eq!(inserted, [pair(3, 30)], "INSERT must return its row");
    let update = "UPDATE [t] SET [v] = [v] + 1 WHERE [id] = ?";
    if database.dialect().capabilities().update_returning {
        let update = format!("{update} RETURNING [id], [v]");
        let updated = database.rows(&update, &[int(2)], &columns)?;
        check_eq!(updated, [pair(2, 21)], "UPDATE must return the new row");
    } else {
        database.execute(update, &[int(2)])?;
    }
    let deleted = database.rows(
        "DELETE FROM [t] WHERE [id] = ? RETURNING [id], [v]",
        &[int(1)],
        &columns,
    )?;
    check_eq!(deleted, [pair(1, 10)], "DELETE must return the old row");
    check_eq!(
        values_of(&mut database)?,
        [21, 30],
        "the writes must have happened once"
    );
    Ok(())
}

fn upsert(context: &mut Context) -> CaseResult {
    let mut database = tens(context, 1)?;
    let insert = "INSERT INTO [t] ([id], [v]) VALUES (?, ?)";
    let statement = match database.dialect().upsert() {
        Upsert::OnDuplicateKey => {
            format!("{insert} ON DUPLICATE KEY UPDATE [v] = VALUES([v])")
        }
        _ => format!("{insert} ON CONFLICT ([id]) DO UPDATE SET [v] = excluded.[v]"),
    };
    let names_key = database.dialect().upsert() == Upsert::OnConflict;
    let mut rows = vec![(1, 11), (2, 22)];
    if names_key {
        // ON DUPLICATE KEY UPDATE does not count a row that it leaves unchanged.
        rows.push((2, 22));
    }
    for (id, value) in rows {
        let outcome = database.execute(&statement, &[int(id), int(value)])?;
        check_eq!(
            outcome.matched,
            1,
            "an upsert must report its row once, whether it was inserted, changed or already so"
        );
    }
    check_eq!(
        values_of(&mut database)?,
        [11, 22],
        "one row must be updated and one inserted"
    );
    if names_key && Capability::GeneratedKeys.is_claimed(context.dialect()) {
        dropped_row(&mut database)?;
    }
    Ok(())
}

/// Checks that a row that already exists is not reported with a key, as if it had been inserted.
fn dropped_row(database: &mut Database) -> CaseResult {
    let named = Table::build("named")
        .column(Column::new("id", ColumnType::I64).generated(Generated::Key))
        .column(Column::new("v", ColumnType::I64))
        .primary_key(["id"])
        .unique(["v"]);
    database.create(&named)?;
    let insert = "INSERT INTO [named] ([v]) VALUES (?)";
    let statement = format!("{insert} ON CONFLICT ([v]) DO NOTHING");
    for value in [1, 2, 1, 2] {
        let outcome = database.execute(&statement, &[int(value)])?;
        check!(
            outcome.matched > 0 || outcome.last_insert_id.is_none(),
            "a row that was not inserted must have no key, returned {outcome:?}"
        );
    }
    check_eq!(
        database.count("named")?,
        2,
        "a row that exists must stay one"
    );
    Ok(())
}
