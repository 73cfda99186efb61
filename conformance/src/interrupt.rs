//! A wrapper around any backend in which one chosen call fails: it is refused, lost or late, or panics. All other calls are forwarded.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use selfsame::backend::{
    Backend, Connection, Interrupter, Outcome, Row, Rows, Sql, Statement, Statistics,
};
use selfsame::dialect::{Dialect, Transaction};
use selfsame::schema::Table;
use selfsame::{Error, ErrorKind, Result};

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// An error; nothing was done, and the connection is usable.
    Refused,
    /// A retryable error; nothing was done.
    Conflict,
    /// The connection broke, and it is certain that nothing was sent.
    LostUnsent,
    /// The connection broke before the call was executed.
    LostBefore,
    /// The connection broke after the call was executed, before its answer arrived.
    LostAfter,
    /// Like [`LostBefore`](Self::LostBefore), but the connection still reports that it is open.
    LostUnnoticed,
    /// The call is executed, but its answer is late, and the connection is closed.
    Stalled,
    /// A panic before the call is executed.
    PanicBefore,
    /// A panic after the call was executed.
    PanicAfter,
}

impl How {
    pub(crate) const ALL: [Self; 9] = [
        Self::Refused,
        Self::Conflict,
        Self::LostUnsent,
        Self::LostBefore,
        Self::LostAfter,
        Self::LostUnnoticed,
        Self::Stalled,
        Self::PanicBefore,
        Self::PanicAfter,
    ];

    /// Returns whether the inner call is made first.
    fn is_after(self) -> bool {
        matches!(self, Self::LostAfter | Self::Stalled | Self::PanicAfter)
    }

    /// Returns whether the connection is lost.
    pub(crate) fn loses(self) -> bool {
        matches!(
            self,
            Self::LostUnsent
                | Self::LostBefore
                | Self::LostAfter
                | Self::LostUnnoticed
                | Self::Stalled
        )
    }

    /// Returns whether the call panics.
    pub(crate) fn panics(self) -> bool {
        matches!(self, Self::PanicBefore | Self::PanicAfter)
    }

    fn error(self) -> Error {
        match self {
            Self::Conflict => Error::new(ErrorKind::Serialization, "planted: a conflict"),
            Self::LostUnsent => {
                Error::new(ErrorKind::ConnectionLost, "planted: never sent").unsent()
            }
            how if how.loses() => {
                Error::new(ErrorKind::ConnectionLost, "planted: the line is dead")
            }
            _ => Error::new(ErrorKind::Database, "planted: refused"),
        }
    }
}

/// The delay of a late answer.
const TOO_LATE: Duration = Duration::from_millis(5);

/// Which call fails, and how, and the number of calls so far.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The number of the failing call, from 1.
    at: u64,
    how: How,
    calls: AtomicU64,
    struck: Mutex<Option<String>>,
}

impl Plan {
    pub(crate) fn new(at: u64, how: How) -> Arc<Self> {
        Arc::new(Self {
            at,
            how,
            calls: AtomicU64::new(0),
            struck: Mutex::default(),
        })
    }

    /// Returns the call that failed, if the program reached it.
    pub(crate) fn struck(&self) -> Option<String> {
        self.struck
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Counts a call, and returns how it fails if it is the chosen one.
    fn turn(&self, call: impl fmt::Display) -> Option<How> {
        let number = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        if number != self.at {
            return None;
        }
        let text: String = call.to_string().chars().take(80).collect();
        *self.struck.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
        Some(self.how)
    }
}

/// A backend in which one call fails.
#[derive(Debug)]
pub(crate) struct Interrupted {
    inner: Arc<dyn Backend>,
    plan: Arc<Plan>,
}

impl Interrupted {
    pub(crate) fn new(inner: Arc<dyn Backend>, plan: Arc<Plan>) -> Self {
        Self { inner, plan }
    }
}

impl Backend for Interrupted {
    fn connect(&self) -> Result<Box<dyn Connection>> {
        let unreachable = || Error::new(ErrorKind::Unreachable, "planted: nobody answers");
        let how = self.plan.turn("connect");
        match how {
            Some(how) if how.panics() && !how.is_after() => planted_panic(),
            Some(how) if !how.is_after() => return Err(unreachable()),
            _ => {}
        }
        let inner = self.inner.connect()?;
        match how {
            Some(how) if how.panics() => planted_panic(),
            Some(_) => Err(unreachable()),
            None => Ok(Box::new(InterruptedConnection {
                inner: Some(inner),
                plan: Arc::clone(&self.plan),
                seems_open: true,
            })),
        }
    }

    fn dialect(&self) -> &dyn Dialect {
        self.inner.dialect()
    }

    fn knows_dialect(&self) -> bool {
        self.inner.knows_dialect()
    }
}

fn planted_panic() -> ! {
    panic!("planted: a panic inside the backend")
}

#[derive(Debug)]
struct InterruptedConnection {
    /// `None` once it is lost.
    inner: Option<Box<dyn Connection>>,
    plan: Arc<Plan>,
    seems_open: bool,
}

impl InterruptedConnection {
    /// Makes a call, or fails.
    fn call<T>(
        &mut self,
        name: impl fmt::Display,
        run: impl FnOnce(&mut dyn Connection, &Plan) -> Result<T>,
    ) -> Result<T> {
        let Some(inner) = &mut self.inner else {
            return Err(Error::new(ErrorKind::ConnectionLost, "planted: it is gone"));
        };
        let Some(how) = self.plan.turn(name) else {
            let before = self.plan.struck().is_some();
            let result = run(&mut **inner, &self.plan);
            // The call may have failed in the middle, at a row.
            let in_the_middle = !before && self.plan.struck().is_some();
            if in_the_middle && self.plan.how.loses() {
                self.lose(self.plan.how);
            }
            return result;
        };
        if how.is_after() {
            // The result is lost with the answer.
            let _ = run(&mut **inner, &self.plan);
        }
        if how == How::Stalled {
            thread::sleep(TOO_LATE);
        }
        if how.panics() {
            planted_panic();
        }
        if how.loses() {
            self.lose(how);
        }
        Err(how.error())
    }

    fn lose(&mut self, how: How) {
        self.inner = None;
        self.seems_open = how == How::LostUnnoticed;
    }
}

/// Fails in the middle of a call, at its first row.
fn at_row(plan: &Plan, sql: &Sql) -> Result<()> {
    match plan.turn(format_args!("a row of {}", sql.text())) {
        None => Ok(()),
        Some(how) if how.panics() => planted_panic(),
        Some(how) => Err(how.error()),
    }
}

impl Connection for InterruptedConnection {
    fn execute(&mut self, statement: &Statement<'_>) -> Result<Outcome> {
        self.call(statement.sql.text(), |inner, _| inner.execute(statement))
    }

    fn query(
        &mut self,
        statement: &Statement<'_>,
        sink: &mut dyn FnMut(&dyn Row) -> Result<()>,
    ) -> Result<()> {
        self.call(statement.sql.text(), |inner, plan| {
            let mut is_first = true;
            inner.query(statement, &mut |row| {
                sink(row)?;
                match std::mem::take(&mut is_first) {
                    true => at_row(plan, statement.sql),
                    false => Ok(()),
                }
            })
        })
    }

    fn execute_each(
        &mut self,
        sql: &Sql,
        rows: Rows<'_>,
        each: &mut dyn FnMut(Outcome) -> Result<()>,
    ) -> Result<()> {
        self.call(sql.text(), |inner, plan| {
            let mut is_first = true;
            inner.execute_each(sql, rows, &mut |outcome| {
                each(outcome)?;
                match std::mem::take(&mut is_first) {
                    true => at_row(plan, sql),
                    false => Ok(()),
                }
            })
        })
    }

    fn transaction(&mut self, command: &Transaction<'_>, sql: &Sql) -> Result<()> {
        self.call(command_name(command), |inner, _| {
            inner.transaction(command, sql)
        })
    }

    fn interrupter(&self) -> Option<Interrupter> {
        self.inner.as_ref().and_then(|inner| inner.interrupter())
    }

    fn is_open(&self) -> bool {
        self.seems_open && self.inner.as_ref().is_none_or(|inner| inner.is_open())
    }

    fn reset(&mut self, used_raw_sql: bool) -> Result<()> {
        self.call("reset", |inner, _| inner.reset(used_raw_sql))
    }

    fn columns_set_by_updates(&mut self, table: &Table) -> Result<Vec<String>> {
        match &mut self.inner {
            Some(inner) => inner.columns_set_by_updates(table),
            None => Ok(Vec::new()),
        }
    }

    fn server_version(&mut self) -> Result<String> {
        self.call("server_version", |inner, _| inner.server_version())
    }

    fn statistics(&mut self) -> Result<Option<Statistics>> {
        match &mut self.inner {
            Some(inner) => inner.statistics(),
            None => Ok(None),
        }
    }
}

fn command_name(command: &Transaction<'_>) -> String {
    match command {
        Transaction::Begin(_) => "BEGIN".to_owned(),
        Transaction::Commit => COMMIT.to_owned(),
        Transaction::Rollback => "ROLLBACK".to_owned(),
        Transaction::Savepoint(name) => format!("SAVEPOINT {name}"),
        Transaction::Release(name) => format!("RELEASE {name}"),
        Transaction::RollbackTo(name) => format!("ROLLBACK TO {name}"),
        _ => "another command".to_owned(),
    }
}

/// The only call whose loss makes the outcome of a transaction ambiguous.
pub(crate) const COMMIT: &str = "COMMIT";
