//! A statement that is stopped from another thread while it runs.

use std::thread;
use std::time::{Duration, Instant};

use selfsame::Result;
use selfsame::backend::Interrupter;
use selfsame::schema::ColumnType;
use selfsame::value::{Value, ValueType};

use crate::case::Cover::{Contract, Rule};
use crate::case::{Capability, Case, CaseResult, Failure};
use crate::context::Context;
use crate::database::{Database, Typed, int, value_table};

pub(super) const CASES: &[Case] = &[
    Case::core("connections.cancelled.running", running)
        .since(20)
        .concurrent()
        .needs(&[Capability::Transactions])
        .promise("A statement interrupted from another thread fails promptly, and nothing of its transaction is written.")
        .hint("See `Connection::interrupter`: cancel over a separate connection, or stop waiting and close the socket.")
        .covers(&[Contract(78), Rule(32), Rule(38)]),
    Case::core("connections.cancelled.next", next)
        .since(20)
        .concurrent()
        .promise("After an interrupted statement, a connection runs the next one or reports that it is not open.")
        .hint("See `Connection::is_open`: after an abandoned wait, the late answer would be taken for that of the next statement.")
        .covers(&[Contract(58), Contract(77)]),
    Case::full("connections.cancelled.handles", handles)
        .since(28)
        .concurrent()
        .promise("Each handle of a connection stops what runs on it, a query, a write or a batch: the first and later handles, before and after a reset, an error and a stop, outside a transaction and inside.")
        .hint("A handle belongs to the connection, not to the statement, transaction or use during which it was made.")
        .covers(&[Contract(58), Contract(77), Contract(78)]),
];

/// The number of rows in the table: the longest query reads this number to the power of four.
const ROWS: i64 = 200;
/// If a query takes this long, a query that takes sixteen times as long can be stopped in the middle.
const NOTICEABLE: Duration = Duration::from_millis(100);
/// How long the long query runs before it is stopped.
const HEAD_START: Duration = Duration::from_millis(50);

/// The result requires reading every combination of rows.
const LONG: &str = "SELECT COUNT(*) FROM [t] [a], [t] [b], [t] [c], [t] [d] \
    WHERE [a].[id] <= ? AND [b].[id] <= ? AND [c].[id] <= ? AND [d].[id] <= ? \
    AND ([a].[v] * [b].[v] + [c].[v] * [d].[v]) % 7 = 8";

/// A database, and the number of rows with which the query takes long.
struct Slow {
    database: Database,
    rows: i64,
    interrupter: Interrupter,
}

impl Slow {
    fn new(context: &Context) -> CaseResult<Self> {
        let mut slow = Self::open(context, 0)?;
        let database = &mut slow.database;
        database.create(&value_table("t", ColumnType::I64))?;
        let types = [ValueType::I64, ValueType::I64];
        let rows: Vec<Vec<Typed>> = (1..=ROWS).map(|id| vec![int(id), int(id % 7)]).collect();
        database.execute_each("INSERT INTO [t] ([id], [v]) VALUES (?, ?)", &types, &rows)?;
        let mut rows = 10;
        while rows <= ROWS / 2 {
            let begun = Instant::now();
            read(database, rows)?;
            if begun.elapsed() >= NOTICEABLE {
                slow.rows = rows * 2;
                return Ok(slow);
            }
            rows += rows / 3;
        }
        Err(Failure::Skipped("no query takes long here".to_owned()))
    }

    fn open(context: &Context, rows: i64) -> CaseResult<Self> {
        let database = Database::open(context)?;
        let Some(interrupter) = database.connection.interrupter() else {
            let reason = "the backend has no way to stop a statement".to_owned();
            return Err(Failure::Skipped(reason));
        };
        Ok(Self {
            database,
            rows,
            interrupter,
        })
    }

    /// Opens another connection if this one was closed; never holds two.
    fn reopened(self, context: &Context) -> CaseResult<Self> {
        let Self { database, rows, .. } = self;
        if database.connection.is_open() {
            return Ok(Self { database, ..self });
        }
        drop(database);
        Self::open(context, rows)
    }

    /// Runs a slow query, and stops it.
    fn stopped(&mut self) -> CaseResult {
        let interrupter = self.interrupter.clone();
        self.stopped_by(&interrupter, read)
    }

    /// Runs a statement that takes long, and stops it.
    fn stopped_by(
        &mut self,
        interrupter: &Interrupter,
        run: fn(&mut Database, i64) -> Result<Vec<Vec<Value>>>,
    ) -> CaseResult {
        let Self { database, rows, .. } = self;
        let (result, interrupting) = thread::scope(|scope| {
            let stopping = scope.spawn(|| {
                thread::sleep(HEAD_START);
                let begun = Instant::now();
                interrupter.interrupt();
                begun.elapsed()
            });
            let result = run(database, *rows);
            (result, stopping.join())
        });
        check!(
            result.is_err(),
            "an interrupted statement must fail, returned {result:?}"
        );
        check!(
            matches!(interrupting, Ok(took) if took < Duration::from_secs(1)),
            "stopping must return at once, took {interrupting:?}"
        );
        Ok(())
    }
}

fn read(database: &mut Database, rows: i64) -> Result<Vec<Vec<Value>>> {
    let all = [(); 4].map(|()| int(rows));
    database.rows(LONG, &all, &[ValueType::I64])
}

/// Writes what the long query finds.
fn write(database: &mut Database, rows: i64) -> Result<Vec<Vec<Value>>> {
    let all = [(); 4].map(|()| int(rows));
    let insert = LONG.replace("SELECT", "INSERT INTO [found] ([id]) SELECT");
    database.execute(&insert, &all)?;
    Ok(Vec::new())
}

/// The same in the second row of a batch.
fn write_each(database: &mut Database, rows: i64) -> Result<Vec<Vec<Value>>> {
    let insert = LONG.replace("SELECT", "INSERT INTO [found] ([id]) SELECT ? +");
    let both = [(1, 1), (2, rows)].map(|(id, rows)| [id, rows, rows, rows, rows].map(int).to_vec());
    database.execute_each(&insert, &[ValueType::I64; 5], &both)?;
    Ok(Vec::new())
}

fn handles(context: &mut Context) -> CaseResult {
    let mut slow = Slow::new(context)?;
    slow.database
        .create(&value_table("found", ColumnType::I64))?;
    // A statement that is refused anyway would pass as stopped.
    write(&mut slow.database, 1)?;
    slow.database.execute("DELETE FROM [found]", &[])?;
    write_each(&mut slow.database, 1)?;
    let runs = [
        ("first", read as fn(&mut _, _) -> _),
        ("latest", write),
        ("first", write_each),
        ("latest", read),
    ];
    for moment in [
        "anew",
        "after a reset",
        "after an error",
        "in a transaction",
    ] {
        if moment == "in a transaction" && !context.capabilities().transactions {
            continue;
        }
        for (handle, run) in runs {
            slow = slow.reopened(context)?;
            slow.database.execute("DELETE FROM [found]", &[])?;
            match moment {
                "after a reset" => slow.database.connection.reset(true)?,
                "after an error" => {
                    let again = "INSERT INTO [t] ([id], [v]) VALUES (?, ?)";
                    let refused = slow.database.execute(again, &[int(1), int(0)]);
                    check!(refused.is_err(), "an existing key must be refused");
                }
                "in a transaction" => slow.database.begin_write()?,
                _ => {}
            }
            let Some(latest) = slow.database.connection.interrupter() else {
                check!(false, "{moment}: there must be a handle as before");
                continue;
            };
            let handle = match handle {
                "first" => slow.interrupter.clone(),
                _ => latest,
            };
            slow.stopped_by(&handle, run)?;
            if moment == "in a transaction" && slow.database.connection.is_open() {
                slow.database.rollback()?;
            }
        }
    }
    if !slow.database.connection.is_open() {
        context.note("a connection whose statement was stopped is given up");
    }
    slow = slow.reopened(context)?;
    check_eq!(slow.database.count("t")?, ROWS, "the rows that are left");
    Ok(())
}

fn running(context: &mut Context) -> CaseResult {
    let mut slow = Slow::new(context)?;
    slow.database.begin_write()?;
    slow.database.execute(
        "INSERT INTO [t] ([id], [v]) VALUES (?, ?)",
        &[int(ROWS + 1), int(0)],
    )?;
    slow.stopped()?;
    // If the connection was closed, there is nothing to roll back.
    let _ = slow.database.rollback();
    let Slow {
        database,
        interrupter,
        ..
    } = slow;
    drop(database);
    // A late request must not have any effect.
    interrupter.interrupt();
    let mut next = Database::open(context)?;
    check_eq!(next.count("t")?, ROWS, "the transaction must be undone");
    let written = next.execute("DELETE FROM [t] WHERE [id] = ?", &[int(1)])?;
    check_eq!(written.matched, 1, "no lock may remain");
    Ok(())
}

fn next(context: &mut Context) -> CaseResult {
    let mut slow = Slow::new(context)?;
    for _ in 0..3 {
        slow.stopped()?;
        if !slow.database.connection.is_open() {
            context.note("a connection whose statement was stopped is given up");
            return Ok(());
        }
        let counted = slow.database.count("t");
        check!(
            matches!(counted, Ok(ROWS)),
            "a connection that reports to be open must run the next statement, returned {counted:?}"
        );
        let reset = slow.database.connection.reset(false);
        check!(
            reset.is_ok(),
            "it must go back to the pool, returned {reset:?}"
        );
    }
    Ok(())
}
