//! `Connected`: a connection out of the pool, and the one place that every statement passes.

use std::fmt::{self, Debug};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Instant;

use super::{Canceller, Engine, Event, Recorder};
use crate::backend::{Connection, Outcome, Row, Rows, Sql, Statement, StatementKind, Statistics};
use crate::dialect::{Begin, Dialect, Transaction};
use crate::error::{Error, ErrorKind, Result};
use crate::planted::{Planted, is_planted};
use crate::value::Param;

/// A connection of an engine: runs statements one at a time and goes back to the pool when dropped, an open transaction rolled back.
///
/// Every statement is counted, shown by echo, and told to observers here, and its text is added to its error.
pub struct Connected {
    engine: Engine,
    /// `None` only while it is being dropped.
    connection: Option<Box<dyn Connection>>,
    in_transaction: bool,
    /// Whether the open transaction may have written.
    wrote: bool,
    used_raw_sql: bool,
    statements: u64,
    recorder: Weak<Recorder>,
    canceller: Option<Canceller>,
}

impl Connected {
    pub(super) fn new(engine: Engine, connection: Box<dyn Connection>) -> Self {
        Self {
            engine,
            connection: Some(connection),
            in_transaction: false,
            wrote: false,
            used_raw_sql: false,
            statements: 0,
            recorder: Weak::new(),
            canceller: None,
        }
    }

    /// The engine it belongs to.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Returns the database's dialect.
    pub fn dialect(&self) -> &dyn Dialect {
        self.engine.dialect()
    }

    /// Returns whether a transaction is open.
    pub fn in_transaction(&self) -> bool {
        self.in_transaction
    }

    /// Whether a transaction is open in which something was sent that may have written.
    pub(crate) fn has_written(&self) -> bool {
        self.in_transaction && self.wrote
    }

    /// Returns the number of statements it has sent; a batch that loops over one statement counts each execution.
    pub fn statements(&self) -> u64 {
        self.statements
    }

    /// Tells a recorder of every statement from now on, as long as it lives.
    pub(crate) fn record_into(&mut self, recorder: Weak<Recorder>) {
        self.recorder = recorder;
    }

    /// Lets a canceller stop what runs here, until it goes back to the pool.
    pub(crate) fn cancelled_by(&mut self, canceller: Canceller) {
        let connection = self.connection.as_deref();
        canceller.attach(connection.and_then(Connection::interrupter));
        self.canceller = Some(canceller);
    }

    /// Runs a statement that returns no rows.
    ///
    /// # Errors
    ///
    /// The backend's, with the statement's text.
    pub fn execute(&mut self, sql: &Sql, params: &[Param<'_>]) -> Result<Outcome> {
        self.pass(sql, params, 1, |connection, rows| {
            let outcome = connection.execute(&Statement::new(sql, params))?;
            *rows = outcome.matched;
            Ok(outcome)
        })
    }

    /// Runs a statement and hands each row to `sink`.
    ///
    /// # Errors
    ///
    /// The backend's, with the statement's text; or the sink's first.
    pub fn query(
        &mut self,
        sql: &Sql,
        params: &[Param<'_>],
        sink: &mut dyn FnMut(&dyn Row) -> Result<()>,
    ) -> Result<()> {
        if !self.is_watched() {
            return self.pass(sql, params, 1, |connection, _| {
                connection.query(&Statement::new(sql, params), sink)
            });
        }
        self.pass(sql, params, 1, |connection, rows| {
            connection.query(&Statement::new(sql, params), &mut |row| {
                *rows += 1;
                sink(row)
            })
        })
    }

    /// Runs a statement once for each row of parameters.
    ///
    /// # Errors
    ///
    /// The backend's, with the statement's text; or the first of `each`.
    pub fn execute_each(
        &mut self,
        sql: &Sql,
        params: Rows<'_>,
        each: &mut dyn FnMut(Outcome) -> Result<()>,
    ) -> Result<()> {
        self.pass(sql, params.all(), params.len(), |connection, rows| {
            connection.execute_each(sql, params, &mut |outcome| {
                *rows += outcome.matched;
                each(outcome)
            })
        })
    }

    /// Begins a transaction.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] before anything is sent, if the backend has no transactions, not this isolation level, or no
    /// read-only ones; [`ErrorKind::InvalidState`] if one is open.
    pub fn begin(&mut self, begin: Begin) -> Result<()> {
        if self.in_transaction {
            return Err(Error::new(
                ErrorKind::InvalidState,
                "a transaction is open on this connection already",
            ));
        }
        self.engine.check_begin(&begin)?;
        self.command(&Transaction::Begin(begin))?;
        self.in_transaction = true;
        self.wrote = false;
        Ok(())
    }

    /// Commits.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::AmbiguousCommit`] if the connection broke meanwhile, unless nothing was written or the COMMIT has certainly not been
    /// sent; otherwise the transaction is rolled back.
    pub fn commit(&mut self) -> Result<()> {
        match self.command(&Transaction::Commit) {
            Ok(()) => {
                self.in_transaction = false;
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::ConnectionLost => {
                self.in_transaction = false;
                match self.wrote {
                    true => Err(ambiguous(error)),
                    false => Err(error),
                }
            }
            Err(error) => {
                // SQLite keeps a transaction open whose COMMIT was refused, PostgreSQL does not: roll back what may be left.
                // The first error is the one to tell.
                let _ = self.rollback();
                Err(error)
            }
        }
    }

    /// Rolls back.
    ///
    /// # Errors
    ///
    /// The backend's; the connection is then not used again.
    pub fn rollback(&mut self) -> Result<()> {
        self.in_transaction = false;
        let result = self.command(&Transaction::Rollback);
        if result.is_err() {
            self.discard();
        }
        result
    }

    /// Sets a savepoint.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] before anything is sent, if the backend has no savepoints.
    pub fn savepoint(&mut self, name: &str) -> Result<()> {
        let dialect = self.engine.dialect();
        if !self.engine.capabilities().savepoints {
            return Err(Error::unsupported(dialect.name(), "a savepoint"));
        }
        self.command(&Transaction::Savepoint(name))
    }

    /// Releases a savepoint and keeps the work since it.
    ///
    /// # Errors
    ///
    /// The backend's.
    pub fn release(&mut self, name: &str) -> Result<()> {
        self.command(&Transaction::Release(name))
    }

    /// Rolls back to a savepoint, which stays active.
    ///
    /// # Errors
    ///
    /// The backend's.
    pub fn rollback_to(&mut self, name: &str) -> Result<()> {
        self.command(&Transaction::RollbackTo(name))
    }

    /// What the server calls itself and its version.
    ///
    /// # Errors
    ///
    /// The backend's.
    pub fn server_version(&mut self) -> Result<String> {
        live(&mut self.connection)?.server_version()
    }

    /// What the connection did since it was opened, if its backend counts.
    ///
    /// # Errors
    ///
    /// The backend's.
    pub fn statistics(&mut self) -> Result<Option<Statistics>> {
        live(&mut self.connection)?.statistics()
    }

    /// Reads what tables the database has, through its dialect.
    ///
    /// # Errors
    ///
    /// The backend's; [`ErrorKind::Unsupported`] where it cannot.
    pub fn reflect(&mut self) -> Result<Vec<crate::schema::Table>> {
        self.reflect_schemas(&[None])
    }

    /// Reads what tables these schemas have; `None` stands for the usual one.
    ///
    /// # Errors
    ///
    /// As [`reflect`](Self::reflect).
    pub fn reflect_schemas(
        &mut self,
        schemas: &[Option<String>],
    ) -> Result<Vec<crate::schema::Table>> {
        let engine = self.engine.clone();
        let connection = live(&mut self.connection)?;
        engine.dialect().reflect(&mut **connection, schemas)
    }

    /// Reads which schemas have tables, and how many.
    ///
    /// # Errors
    ///
    /// As [`reflect`](Self::reflect).
    pub fn schemas(&mut self) -> Result<Vec<(String, u64)>> {
        let engine = self.engine.clone();
        engine.dialect().schemas(&mut **live(&mut self.connection)?)
    }

    fn command(&mut self, command: &Transaction<'_>) -> Result<()> {
        let text = self.engine.dialect().transaction(command);
        let sql = self
            .engine
            .intern(&Sql::new(StatementKind::Transaction, text, [], []));
        // Undoing is what cancelled work still has to do.
        if !matches!(command, Transaction::Rollback | Transaction::RollbackTo(_)) {
            self.refuse_if_cancelled()?;
        }
        self.pass(&sql, &[], 1, |connection, _| {
            connection.transaction(command, &sql)
        })
    }

    /// The one place: everything that is sent goes through here.
    fn pass<T>(
        &mut self,
        sql: &Sql,
        params: &[Param<'_>],
        executions: usize,
        run: impl FnOnce(&mut dyn Connection, &mut u64) -> Result<T>,
    ) -> Result<T> {
        if sql.kind() != StatementKind::Transaction {
            self.refuse_if_cancelled()?;
        }
        let connection = live(&mut self.connection)?;
        let count = executions as u64;
        let writes = sql.kind().is_write();
        self.wrote |= writes;
        // Outside of a transaction a write commits itself.
        let commits = writes && !self.in_transaction;
        let told = |error: Error| {
            let error = error.statement(sql.text());
            match commits {
                true => ambiguous(error),
                false => error,
            }
        };
        self.statements += count;
        self.engine
            .inner
            .statements
            .fetch_add(count, Ordering::Relaxed);
        self.used_raw_sql |= sql.kind() == StatementKind::Raw;
        if let Some(recorder) = self.recorder.upgrade() {
            recorder.add(sql);
        }
        let mut rows = 0;
        if !is_watched(&self.engine) {
            return run(&mut **connection, &mut rows).map_err(told);
        }
        let start = Instant::now();
        let result = run(&mut **connection, &mut rows).map_err(told);
        let duration = start.elapsed();
        let event = Event {
            sql,
            params,
            executions,
            rows,
            duration,
            error: result.as_ref().err(),
        };
        tell(&self.engine, &event);
        result
    }

    #[inline]
    fn refuse_if_cancelled(&self) -> Result<()> {
        match &self.canceller {
            None => Ok(()),
            Some(canceller) => canceller.check(),
        }
    }

    fn is_watched(&self) -> bool {
        is_watched(&self.engine)
    }

    /// Rolls back what is open, and returns to the pool.
    fn go_back(&mut self) {
        if self.in_transaction && self.rollback().is_err() {
            return;
        }
        if let Some(connection) = self.connection.take() {
            self.engine
                .inner
                .pool
                .give_back(connection, self.used_raw_sql);
        }
    }

    /// Drops the connection instead of giving it back.
    fn discard(&mut self) {
        if self.connection.take().is_some() {
            self.engine.inner.pool.forget();
        }
    }
}

/// Whether a lost connection took a commit with it is not known, unless nothing was sent.
fn ambiguous(error: Error) -> Error {
    if error.kind() != ErrorKind::ConnectionLost
        || error.is_unsent()
        || is_planted(Planted::AmbiguousUntold)
    {
        return error;
    }
    error.with_kind(ErrorKind::AmbiguousCommit)
}

fn live(connection: &mut Option<Box<dyn Connection>>) -> Result<&mut Box<dyn Connection>> {
    connection.as_mut().ok_or_else(|| {
        Error::new(
            ErrorKind::ConnectionLost,
            "the connection was given up after an error",
        )
        .unsent()
    })
}

fn is_watched(engine: &Engine) -> bool {
    engine.inner.echo.is_on() || engine.inner.observed.load(Ordering::Acquire)
}

#[cold]
fn tell(engine: &Engine, event: &Event<'_>) {
    if engine.inner.echo.is_on() {
        engine.inner.echo.print(event);
    }
    let observers: Vec<Arc<_>> = match engine.inner.observers.read() {
        Ok(observers) => observers.clone(),
        Err(poisoned) => poisoned.into_inner().clone(),
    };
    for observer in observers {
        observer.statement(event);
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        // What stops this work must not stop that of the next user, nor the rollback.
        if let Some(canceller) = self.canceller.take() {
            canceller.attach(None);
        }
        // What panics in here (an observer, a backend) must not take the connection's place in the pool along.
        let returned = catch_unwind(AssertUnwindSafe(|| self.go_back()));
        if let Err(panic) = returned {
            self.discard();
            // A second panic would end the process.
            if !std::thread::panicking() {
                resume_unwind(panic);
            }
        }
    }
}

impl Debug for Connected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connected")
            .field("backend", &self.engine.inner.backend)
            .field("in_transaction", &self.in_transaction)
            .finish_non_exhaustive()
    }
}
