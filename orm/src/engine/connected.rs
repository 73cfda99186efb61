//! `Connected`: a connection from the pool, through which every statement passes.

use std::collections::HashSet;
use std::fmt::{self, Debug};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Instant;

use super::{Canceller, Engine, Event, Recorder};
use crate::backend::{
    Connection, Outcome, Row, Rows, Sql, Statement, StatementKind, Statistics, ends_transaction,
};
use crate::dialect::{Begin, Dialect, Transaction};
use crate::error::{Error, ErrorKind, Result};
use crate::planted::{Planted, is_planted};
use crate::schema::Table;
use crate::value::Param;

/// A connection from an engine's pool. Dropping it rolls back an open transaction and returns it to the pool.
///
/// Every statement is counted, logged by echo and passed to observers here, and its text is added to its error.
pub struct Connected {
    engine: Engine,
    /// `None` after an error that made it unusable, and while being dropped.
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

    /// Returns its engine.
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

    /// Returns whether a transaction is open in which a statement was sent that may have written.
    pub(crate) fn has_written(&self) -> bool {
        self.in_transaction && self.wrote
    }

    /// Returns the number of statements sent; a batch that executes one statement repeatedly counts each execution.
    pub fn statements(&self) -> u64 {
        self.statements
    }

    /// Passes every further statement to a recorder, as long as it exists.
    pub(crate) fn record_into(&mut self, recorder: Weak<Recorder>) {
        self.recorder = recorder;
    }

    /// Lets a canceller interrupt this connection until it returns to the pool.
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
    /// [`ErrorKind::Unsupported`] before anything is sent, if the backend does not support transactions, this isolation level, or read-only
    /// transactions; [`ErrorKind::InvalidState`] if a transaction is open.
    pub fn begin(&mut self, begin: Begin) -> Result<()> {
        if self.in_transaction {
            return Err(Error::new(
                ErrorKind::InvalidState,
                "this connection already has an open transaction",
            ));
        }
        self.engine.check_begin(&begin)?;
        // Set before, in case an observer panics after BEGIN.
        self.in_transaction = true;
        self.wrote = false;
        let begun = self.command(&Transaction::Begin(begin));
        self.in_transaction = begun.is_ok();
        begun
    }

    /// Commits the transaction.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::AmbiguousCommit`] if the connection broke during the COMMIT, unless nothing was written or the COMMIT was certainly not
    /// sent; after any other error the transaction is rolled back.
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
                // After a failed COMMIT, SQLite keeps the transaction open and PostgreSQL does not: roll back in case it is open. The first
                // error is the one to report.
                let _ = self.rollback();
                Err(error)
            }
        }
    }

    /// Rolls the transaction back.
    ///
    /// # Errors
    ///
    /// The backend's; the connection is then discarded.
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
    /// [`ErrorKind::Unsupported`] before anything is sent, if the backend does not support savepoints.
    pub fn savepoint(&mut self, name: &str) -> Result<()> {
        let dialect = self.engine.dialect();
        if !self.engine.capabilities().savepoints {
            return Err(Error::unsupported(dialect.name(), "a savepoint"));
        }
        self.command(&Transaction::Savepoint(name))
    }

    /// Releases a savepoint, keeping the changes made since.
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

    /// Returns the server's name and version.
    ///
    /// # Errors
    ///
    /// The backend's.
    pub fn server_version(&mut self) -> Result<String> {
        live(&mut self.connection)?.server_version()
    }

    /// Returns the columns that the database sets in every UPDATE of a table.
    pub(crate) fn columns_set_by_updates(&mut self, table: &Table) -> Result<Vec<String>> {
        self.refuse_if_cancelled()?;
        live(&mut self.connection)?.columns_set_by_updates(table)
    }

    /// Reads the tables that have foreign keys to this one; none if the database cannot tell.
    pub(crate) fn referring_tables(&mut self, table: &Table) -> Result<Vec<Table>> {
        self.refuse_if_cancelled()?;
        let engine = self.engine.clone();
        let connection = live(&mut self.connection)?;
        match engine.dialect().referring_tables(&mut **connection, table) {
            Err(error) if error.kind() == ErrorKind::Unsupported => Ok(Vec::new()),
            tables => tables,
        }
    }

    /// Returns counters since the connection was opened, if its backend counts.
    ///
    /// # Errors
    ///
    /// The backend's.
    pub fn statistics(&mut self) -> Result<Option<Statistics>> {
        live(&mut self.connection)?.statistics()
    }

    /// Reads the tables of the database's default schema, through its dialect.
    ///
    /// # Errors
    ///
    /// The backend's; [`ErrorKind::Unsupported`] if it does not support reflection.
    pub fn reflect(&mut self) -> Result<Vec<Table>> {
        self.reflect_schemas(&[None])
    }

    /// Reads the tables of these schemas; `None` is the default schema.
    ///
    /// # Errors
    ///
    /// As [`reflect`](Self::reflect); [`ErrorKind::Mapping`] if two tables have the same qualified name: `b.c` in the schema `a`, and `c` in
    /// `a.b`.
    pub fn reflect_schemas(&mut self, schemas: &[Option<String>]) -> Result<Vec<Table>> {
        let engine = self.engine.clone();
        let connection = live(&mut self.connection)?;
        let mut seen = HashSet::new();
        let schemas = schemas.iter().filter(|schema| seen.insert(*schema));
        let schemas: Vec<_> = schemas.cloned().collect();
        let tables = engine.dialect().reflect(&mut **connection, &schemas)?;
        let mut names = HashSet::new();
        match tables.iter().find(|table| !names.insert(&table.name)) {
            None => Ok(tables),
            Some(table) => {
                let message = "two tables of these schemas have this qualified name: reflect one of the schemas at a time";
                Err(Error::new(ErrorKind::Mapping, message).entity(&table.name))
            }
        }
    }

    /// Reads the names of all schemas that have tables, with their numbers of tables.
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
        // Cancelled work must still be able to roll back.
        if !matches!(command, Transaction::Rollback | Transaction::RollbackTo(_)) {
            self.refuse_if_cancelled()?;
        }
        self.pass(&sql, &[], 1, |connection, _| {
            connection.transaction(command, &sql)
        })
    }

    /// Runs, counts and observes a statement. Every statement that is sent goes through here.
    fn pass<T>(
        &mut self,
        sql: &Sql,
        params: &[Param<'_>],
        executions: usize,
        run: impl FnOnce(&mut dyn Connection, &mut u64) -> Result<T>,
    ) -> Result<T> {
        if sql.kind() != StatementKind::Transaction {
            self.refuse_if_cancelled()?;
            self.refuse_ending_transaction(sql)?;
        }
        let connection = live(&mut self.connection)?;
        let count = executions as u64;
        let writes = sql.kind().is_write();
        self.wrote |= writes;
        // Outside a transaction a write commits itself.
        let commits = writes && !self.in_transaction;
        let with_context = |error: Error| {
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
        // DDL can create temporary tables.
        self.used_raw_sql |= matches!(sql.kind(), StatementKind::Raw | StatementKind::Ddl);
        if let Some(recorder) = self.recorder.upgrade() {
            recorder.add(sql);
        }
        let mut rows = 0;
        if !is_watched(&self.engine) {
            return run(&mut **connection, &mut rows).map_err(with_context);
        }
        let start = Instant::now();
        let result = run(&mut **connection, &mut rows).map_err(with_context);
        let duration = start.elapsed();
        let event = Event {
            sql,
            params,
            executions,
            rows,
            duration,
            error: result.as_ref().err(),
        };
        notify(&self.engine, &event);
        result
    }

    /// Refuses raw SQL that would end the transaction without its owner's knowledge: later statements would be committed one by one.
    #[inline]
    fn refuse_ending_transaction(&self, sql: &Sql) -> Result<()> {
        match sql.kind() == StatementKind::Raw
            && self.in_transaction
            && ends_transaction(sql.text())
        {
            false => Ok(()),
            true => Err(Error::new(
                ErrorKind::InvalidState,
                "raw SQL cannot end a transaction: call `commit` or `rollback`",
            )
            .statement(sql.text())
            .unsent()),
        }
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

    /// Rolls back an open transaction and returns the connection to the pool.
    fn return_to_pool(&mut self) {
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

    /// Drops the connection instead of returning it to the pool.
    fn discard(&mut self) {
        if self.connection.take().is_some() {
            self.engine.inner.pool.forget();
        }
    }
}

/// Turns a lost connection into an ambiguous commit, unless nothing was sent.
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
            "the connection was discarded after an error",
        )
        .unsent()
    })
}

fn is_watched(engine: &Engine) -> bool {
    engine.inner.echo.is_on() || engine.inner.observed.load(Ordering::Acquire)
}

#[cold]
fn notify(engine: &Engine, event: &Event<'_>) {
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
        // The canceller must not interrupt the rollback, nor the connection's next user.
        if let Some(canceller) = self.canceller.take() {
            canceller.attach(None);
        }
        // If an observer or the backend panics here, the connection's slot in the pool must still be freed.
        let returned = catch_unwind(AssertUnwindSafe(|| self.return_to_pool()));
        if let Err(panic) = returned {
            self.discard();
            // A second panic would abort the process.
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
