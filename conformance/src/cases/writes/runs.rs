//! Batches of one statement that run again with more or fewer rows, and batches whose rows depend on each other.

use std::collections::BTreeMap;

use selfsame::schema::ColumnType;
use selfsame::value::ValueType;

use crate::case::Cover::Contract;
use crate::case::{Case, CaseResult};
use crate::context::Context;
use crate::database::{Database, Typed, int, value_table};

pub(super) const CASES: &[Case] = &[
    Case::core("writes.batch.resized", resized)
        .since(29)
        .promise(
            "A batch that runs again with fewer rows, or more, writes its own rows and no others.",
        )
        .hint("Look for rows, or a number of rows, that are kept from an earlier run.")
        .covers(&[Contract(48), Contract(55)]),
    Case::core("writes.batch.ordered", ordered)
        .since(29)
        .promise(
            "The rows of a batch run one after the other: each finds what those before it wrote.",
        )
        .hint("Do not sort, merge or exchange rows, or send them on several connections.")
        .covers(&[Contract(48), Contract(49)]),
];

const INSERT: &str = "INSERT INTO [t] ([id], [v]) VALUES (?, ?)";
const ADD: &str = "UPDATE [t] SET [v] = [v] + ? WHERE [id] = ?";
const DELETE: &str = "DELETE FROM [t] WHERE [id] = ?";
const TYPES: [ValueType; 2] = [ValueType::I64; 2];

/// Checks that the table holds these rows.
fn holds(database: &mut Database, model: &BTreeMap<i64, i64>, what: &str) -> CaseResult {
    let keys = database.integers("SELECT [id] FROM [t] ORDER BY [id]", &[])?;
    let values = database.integers("SELECT [v] FROM [t] ORDER BY [id]", &[])?;
    let found: BTreeMap<i64, i64> = keys.iter().copied().zip(values).collect();
    let wrong = found
        .iter()
        .find(|(id, v)| model.get(id) != Some(v))
        .or_else(|| model.iter().find(|(id, v)| found.get(id) != Some(v)));
    check_eq!(wrong, None, "a row of {what} that is wrong");
    check_eq!(keys.len(), model.len(), "the rows after {what}");
    Ok(())
}

/// Runs a batch and checks that each row wrote this many rows.
fn run(
    database: &mut Database,
    template: &str,
    types: &[ValueType],
    rows: &[Vec<Typed>],
    counts: &[u64],
    what: &str,
) -> CaseResult {
    let told = database.execute_each(template, types, rows)?;
    let told: Vec<u64> = told.iter().map(|outcome| outcome.matched).collect();
    check_eq!(told, counts, "the numbers of rows written by {what}");
    Ok(())
}

fn resized(context: &mut Context) -> CaseResult {
    let mut database = Database::open(context)?;
    database.create(&value_table("t", ColumnType::I64))?;
    let mut model = BTreeMap::new();
    let sizes = [30_i64, 3, 1, 2, 300, 257, 64, 65, 1, 20];
    for (size, round) in sizes.into_iter().zip(1_i64..) {
        let ids: Vec<i64> = (1..=size).map(|at| round * 1_000 + at).collect();
        let counts = vec![1; ids.len()];
        let what = format!("a batch of {size}, round {round}");
        database.in_transaction(|database| {
            let inserted: Vec<Vec<Typed>> = ids.iter().map(|id| vec![int(*id), int(0)]).collect();
            run(database, INSERT, &TYPES, &inserted, &counts, &what)?;
            let added: Vec<Vec<Typed>> = ids
                .iter()
                .map(|id| vec![int(id % 7 + 1), int(*id)])
                .collect();
            run(database, ADD, &TYPES, &added, &counts, &what)?;
            Ok(())
        })?;
        model.extend(ids.iter().map(|id| (*id, id % 7 + 1)));
        holds(&mut database, &model, &what)?;
        // Every second row goes.
        let gone: Vec<i64> = ids.iter().copied().step_by(2).collect();
        let keys: Vec<Vec<Typed>> = gone.iter().map(|id| vec![int(*id)]).collect();
        run(
            &mut database,
            DELETE,
            &TYPES[..1],
            &keys,
            &vec![1; gone.len()],
            &what,
        )?;
        for id in gone {
            model.remove(&id);
        }
        holds(&mut database, &model, &what)?;
    }
    Ok(())
}

fn ordered(context: &mut Context) -> CaseResult {
    let mut database = Database::open(context)?;
    database.create(&value_table("t", ColumnType::I64))?;
    for size in [2_i64, 3, 8, 70, 300] {
        database.execute("DELETE FROM [t]", &[])?;
        database.execute(INSERT, &[int(1), int(0)])?;
        let ones = vec![1; usize::try_from(size).unwrap_or_default()];
        // Each row takes the key that the one before it has written.
        let steps: Vec<Vec<Typed>> = (1..=size).map(|at| vec![int(at + 1), int(at)]).collect();
        let what = format!("a chain of {size}");
        let update = "UPDATE [t] SET [id] = ? WHERE [id] = ?";
        run(&mut database, update, &TYPES, &steps, &ones, &what)?;
        holds(&mut database, &BTreeMap::from([(size + 1, 0)]), &what)?;
        // The same row again and again: the last value stays, and each is counted.
        let values: Vec<Vec<Typed>> = (1..=size).map(|at| vec![int(at), int(size + 1)]).collect();
        let what = format!("{size} changes of one row");
        let set = "UPDATE [t] SET [v] = ? WHERE [id] = ?";
        run(&mut database, set, &TYPES, &values, &ones, &what)?;
        holds(&mut database, &BTreeMap::from([(size + 1, size)]), &what)?;
        run(&mut database, ADD, &TYPES, &values, &ones, &what)?;
        let sum = size + size * (size + 1) / 2;
        holds(&mut database, &BTreeMap::from([(size + 1, sum)]), &what)?;
        // Only the first deletion finds the row.
        let keys = vec![vec![int(size + 1)]; ones.len()];
        let mut first_only = vec![0; ones.len()];
        first_only[0] = 1;
        run(
            &mut database,
            DELETE,
            &TYPES[..1],
            &keys,
            &first_only,
            &what,
        )?;
        holds(&mut database, &BTreeMap::new(), &what)?;
    }
    Ok(())
}
