//! Generated transactions with savepoints nested in any way and repeated names, compared with a stack of tables in Rust.

use proptest::prelude::*;
use selfsame::ErrorKind;
use selfsame::schema::ColumnType;

use super::without_one;
use crate::case::Cover::{Contract, Rule};
use crate::case::{Capability, Case, CaseResult};

use crate::context::Context;
use crate::database::{Database, int, value_table};
use crate::property::Inputs;

pub(super) const CASES: &[Case] = &[Case::full("transactions.drawn.savepoints", savepoints)
    .since(20)
    .needs(&[Capability::Transactions, Capability::Savepoints])
    .promise("After any sequence of writes, failures, savepoints with repeated names, releases, rollbacks to savepoints, commits and rollbacks, the table equals a model in Rust.")
    .hint("A name refers to the innermost savepoint with that name; rolling back to it keeps it open, however often.")
    .covers(&[Contract(64), Contract(66), Contract(67), Rule(32)])];

#[derive(Clone, Copy, Debug)]
enum Step {
    Insert,
    /// Changes the rows up to a middle one.
    Add,
    Delete,
    /// A refused INSERT, and a rollback to the innermost savepoint.
    Fail,
    Savepoint(u8),
    Release(u8),
    RollbackTo(u8),
    Commit,
    Rollback,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let name = || 0_u8..3;
    let step = prop_oneof![
        4 => Just(Step::Insert),
        2 => Just(Step::Add),
        1 => Just(Step::Delete),
        1 => Just(Step::Fail),
        4 => name().prop_map(Step::Savepoint),
        3 => name().prop_map(Step::Release),
        4 => name().prop_map(Step::RollbackTo),
        1 => Just(Step::Commit),
        1 => Just(Step::Rollback),
    ];
    proptest::collection::vec(step, 1..24)
}

type Rows = Vec<(i64, i64)>;

/// The rows of the table, and those that each rollback would restore.
#[derive(Debug, Default)]
struct Model {
    rows: Rows,
    committed: Rows,
    savepoints: Vec<(u8, Rows)>,
    next: i64,
}

impl Model {
    /// Returns the position of the innermost savepoint with this name.
    fn named(&self, name: u8) -> Option<usize> {
        self.savepoints.iter().rposition(|(open, _)| *open == name)
    }
}

fn savepoints(context: &mut Context) -> CaseResult {
    let mut database = Database::open(context)?;
    database.create(&value_table("t", ColumnType::I64))?;
    let inputs = Inputs {
        strategy: steps(),
        count: context.cases(),
        show: |steps| format!("{steps:?}"),
        smaller: |steps| without_one(steps).collect(),
        kept: Vec::new(),
        keep: |_| None,
    };
    context.property_of(&inputs, |_, steps| {
        let run = run(&mut database, &steps);
        // A failed step leaves the transaction open.
        let _ = database.rollback();
        run
    })
}

fn run(database: &mut Database, steps: &[Step]) -> CaseResult {
    database.execute("DELETE FROM [t]", &[])?;
    let mut model = Model::default();
    database.begin_write()?;
    for (place, &step) in (1..).zip(steps) {
        stepped(database, &mut model, step)?;
        check_eq!(
            rows(database)?,
            model.rows,
            "the rows after step {place}, {step:?}"
        );
    }
    database.commit()?;
    check_eq!(
        rows(database)?,
        model.rows,
        "the rows after the last COMMIT"
    );
    Ok(())
}

fn rows(database: &mut Database) -> CaseResult<Rows> {
    let keys = database.integers("SELECT [id] FROM [t] ORDER BY [id]", &[])?;
    let values = database.integers("SELECT [v] FROM [t] ORDER BY [id]", &[])?;
    Ok(keys.into_iter().zip(values).collect())
}

fn stepped(database: &mut Database, model: &mut Model, step: Step) -> CaseResult {
    let name = |name: u8| format!("s{name}");
    match step {
        Step::Insert => {
            model.next += 1;
            let row = (model.next, model.next * 10);
            database.execute(
                "INSERT INTO [t] ([id], [v]) VALUES (?, ?)",
                &[int(row.0), int(row.1)],
            )?;
            model.rows.push(row);
        }
        Step::Add => {
            let Some(&(last, _)) = model.rows.get(model.rows.len() / 2) else {
                return Ok(());
            };
            database.execute(
                "UPDATE [t] SET [v] = [v] + ? WHERE [id] <= ?",
                &[int(1), int(last)],
            )?;
            let chosen = model.rows.iter_mut().filter(|row| row.0 <= last);
            chosen.for_each(|row| row.1 += 1);
        }
        Step::Delete => {
            let Some(&(id, _)) = model.rows.first() else {
                return Ok(());
            };
            database.execute("DELETE FROM [t] WHERE [id] = ?", &[int(id)])?;
            model.rows.remove(0);
        }
        Step::Fail => {
            let (Some(&(id, _)), Some((innermost, kept))) =
                (model.rows.first(), model.savepoints.last())
            else {
                return Ok(());
            };
            let refused = database.execute(
                "INSERT INTO [t] ([id], [v]) VALUES (?, ?)",
                &[int(id), int(0)],
            );
            check_eq!(
                refused.map_err(|error| error.kind()),
                Err(ErrorKind::UniqueViolation),
                "an existing key"
            );
            let rolled_back = database.rollback_to(&name(*innermost));
            check!(
                rolled_back.is_ok(),
                "after an error ROLLBACK TO must work, returned {rolled_back:?}"
            );
            model.rows = kept.clone();
        }
        Step::Savepoint(savepoint) => {
            database.savepoint(&name(savepoint))?;
            model.savepoints.push((savepoint, model.rows.clone()));
        }
        Step::Release(savepoint) => {
            let Some(at) = model.named(savepoint) else {
                return Ok(());
            };
            let released = database.release(&name(savepoint));
            check!(
                released.is_ok(),
                "an open savepoint must be released, returned {released:?}"
            );
            model.savepoints.truncate(at);
        }
        Step::RollbackTo(savepoint) => {
            let Some(at) = model.named(savepoint) else {
                return Ok(());
            };
            let rolled_back = database.rollback_to(&name(savepoint));
            check!(
                rolled_back.is_ok(),
                "an open savepoint must be rolled back to, returned {rolled_back:?}"
            );
            model.rows = model.savepoints[at].1.clone();
            model.savepoints.truncate(at + 1);
        }
        Step::Commit => {
            database.commit()?;
            model.committed = model.rows.clone();
            model.savepoints.clear();
            check_eq!(rows(database)?, model.rows, "the rows after COMMIT");
            database.begin_write()?;
        }
        Step::Rollback => {
            database.rollback()?;
            model.rows = model.committed.clone();
            model.savepoints.clear();
            check_eq!(rows(database)?, model.rows, "the rows after ROLLBACK");
            database.begin_write()?;
        }
    }
    Ok(())
}
