//! Many rows of one shape.

use selfsame::ErrorKind;
use selfsame::backend::{Rows, Statement};
use selfsame::dialect::Batch;
use selfsame::render::Renderer;
use selfsame::schema::{Column, ColumnType, Generated, Table};
use selfsame::value::{Param, Value, ValueRef, ValueType};

use crate::case::Cover::{Contract, Rule};
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::database::{Database, Typed, int, text, value_table};

pub(super) const CASES: &[Case] = &[
    Case::core("writes.batch.rows", rows)
        .promise("A batch writes each of its rows once with its own values, for one, two or ten thousand rows.")
        .hint("See `Connection::execute_each`; bind every parameter again for each row.")
        .covers(&[Contract(48), Contract(55), Rule(13)]),
    Case::core("writes.batch.outcomes", outcomes)
        .promise("A batch reports one outcome for each row, in order, so that a row that matched nothing is known.")
        .hint("Call `each` once for each row.")
        .covers(&[Contract(49), Rule(19)]),
    Case::core("writes.batch.error", error)
        .needs(&[Capability::Transactions])
        .promise("A batch stops at its first error, and the refused row is not written.")
        .hint("Return the first error; do not continue after it.")
        .covers(&[Contract(55), Contract(58)]),
    Case::core("writes.batch.multi_row", multi_row)
        .promise("One INSERT of as many rows as the parameter limit allows writes every row.")
        .hint("`max_parameters` is the number that one statement really accepts.")
        .covers(&[Contract(48), Contract(55)]),
    Case::extra("writes.returning.arrays", returned_keys)
        .needs(&[
            Capability::ArrayBatches,
            Capability::GeneratedKeys,
            Capability::Returning,
        ])
        .promise("Keys returned by an array batch ascend in the order of its rows; otherwise objects would get each other's keys.")
        .hint("The INSERT reads its source in the order of its ordinality.")
        .covers(&[Contract(48), Rule(13)]),
];

const INSERT: &str = "INSERT INTO [t] ([id], [v]) VALUES (?, ?)";
const TYPES: [ValueType; 2] = [ValueType::I64, ValueType::Text];

fn named(count: i64) -> Vec<Vec<Typed>> {
    (1..=count)
        .map(|id| vec![int(id), text(&format!("row {id}"))])
        .collect()
}

/// Checks that the table has the rows 1 to `count`, each with its own name.
fn holds(database: &mut Database, count: i64) -> CaseResult {
    let found = database.rows("SELECT [id], [v] FROM [t] ORDER BY [id]", &[], &TYPES)?;
    check_eq!(
        i64::try_from(found.len()),
        Ok(count),
        "every row of the batch must be there"
    );
    for (row, id) in found.iter().zip(1..) {
        let wanted = vec![Value::I64(id), Value::Text(format!("row {id}"))];
        check_eq!(
            *row,
            wanted,
            "a row of a batch of {count} must hold its own values"
        );
    }
    Ok(())
}

fn rows(context: &mut Context) -> CaseResult {
    let mut database = Database::open(context)?;
    database.create(&value_table("t", ColumnType::Text { length: None }))?;
    let transactions = context.capabilities().transactions;
    for count in [1, 2, 3, 101, 10_000] {
        database.execute("DELETE FROM [t]", &[])?;
        if transactions {
            database.begin_write()?;
        }
        database.execute_each(INSERT, &TYPES, &named(count))?;
        if transactions {
            database.commit()?;
        }
        holds(&mut database, count)?;
    }
    Ok(())
}

fn outcomes(context: &mut Context) -> CaseResult {
    let mut database = Database::open(context)?;
    database.create(&value_table("t", ColumnType::Text { length: None }))?;
    database.execute_each(INSERT, &TYPES, &named(3))?;
    let updates = [1, 9, 3, 8].map(|id| vec![text("x"), int(id)]);
    let outcomes = database.execute_each(
        "UPDATE [t] SET [v] = ? WHERE [id] = ?",
        &[ValueType::Text, ValueType::I64],
        &updates,
    )?;
    let matched: Vec<u64> = outcomes.iter().map(|outcome| outcome.matched).collect();
    check_eq!(
        matched,
        [1, 0, 1, 0],
        "each row must report its own outcome"
    );
    let none = database.execute_each(INSERT, &TYPES, &[])?;
    check_eq!(none.len(), 0, "a batch of no rows must report nothing");
    check_eq!(
        database.count("t")?,
        3,
        "a batch of no rows must write nothing"
    );
    Ok(())
}

fn error(context: &mut Context) -> CaseResult {
    let mut database = Database::open(context)?;
    database.create(&value_table("t", ColumnType::Text { length: None }))?;
    let mut rows = named(4);
    rows[2][0] = int(1);
    database.begin_write()?;
    let result = database.execute_each(INSERT, &TYPES, &rows);
    check!(
        matches!(&result, Err(error) if error.kind() == ErrorKind::UniqueViolation),
        "the row with a taken key must be refused, the batch gave {result:?}"
    );
    database.rollback()?;
    check_eq!(
        database.count("t")?,
        0,
        "nothing may stay of a batch that was rolled back"
    );
    // Outside a transaction, reported rows are committed.
    let sql = database.sql(INSERT, &TYPES, &[]);
    let flat: Vec<Param<'_>> = (rows.iter().flatten())
        .map(|typed| Param::Ref(typed.value.as_ref()))
        .collect();
    let mut reported = 0;
    let result = database
        .connection
        .execute_each(&sql, Rows::new(&flat, TYPES.len()), &mut |_| {
            reported += 1;
            Ok(())
        });
    check!(result.is_err(), "the row with a taken key must be refused");
    check_eq!(
        database.count("t")?,
        reported,
        "the rows that a failed batch has reported, and no others, must be there"
    );
    Ok(())
}

fn multi_row(context: &mut Context) -> CaseResult {
    let count = match context.dialect().batch() {
        Batch::Values { max_parameters } => max_parameters / 2,
        _ => 200,
    };
    check!(count > 0, "a statement must take two parameters");
    let mut database = Database::open(context)?;
    database.create(&value_table("t", ColumnType::Text { length: None }))?;
    let template = format!(
        "INSERT INTO [t] ([id], [v]) VALUES {}",
        vec!["(?, ?)"; count].join(", ")
    );
    let rows = i64::try_from(count).unwrap_or(i64::MAX);
    let params: Vec<Typed> = named(rows).into_iter().flatten().collect();
    let outcome = database.execute(&template, &params);
    check!(
        matches!(&outcome, Ok(outcome) if usize::try_from(outcome.matched) == Ok(count)),
        "one statement must insert and count {count} rows, returned {outcome:?}"
    );
    holds(&mut database, rows)
}

fn returned_keys(context: &mut Context) -> CaseResult {
    let mut database = Database::open(context)?;
    let table = Table::build("t")
        .column(Column::new("id", ColumnType::I64).generated(Generated::Key))
        .column(Column::new("v", ColumnType::Text { length: None }))
        .primary_key(["id"]);
    database.create(&table)?;
    let sql = Renderer::new(database.dialect()).insert_arrays(&table, &[1], &[0]);
    for count in [1, 2, 1_000] {
        let names: Vec<String> = (1..=count).rev().map(|n| format!("{count}/{n}")).collect();
        let values: Vec<ValueRef<'_>> = names.iter().map(|name| ValueRef::Text(name)).collect();
        let mut keys = Vec::new();
        database.connection.query(
            &Statement::new(&sql, &[Param::Column(&values)]),
            &mut |row| {
                if let ValueRef::I64(key) = row.value(0, ValueType::I64)? {
                    keys.push(key);
                }
                Ok(())
            },
        )?;
        check_eq!(keys.len(), names.len(), "every row must return its key");
        keys.sort_unstable();
        for (name, key) in names.iter().zip(keys) {
            let found = database.integers("SELECT [id] FROM [t] WHERE [v] = ?", &[text(name)])?;
            check_eq!(
                found,
                [key],
                "keys must ascend with the rows in a batch of {count}"
            );
        }
    }
    Ok(())
}
