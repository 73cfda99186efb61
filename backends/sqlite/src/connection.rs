//! One connection.

use std::sync::Arc;
use std::time::Duration;

use selfsame::backend::{
    Connection, Interrupter, Outcome, Row, Rows, Sql, Statement, StatementKind, Statistics,
};
use selfsame::dialect::{Isolation, Transaction};
use selfsame::{Error, ErrorKind, Result};

use crate::classify::classify_driver;
use crate::file::{Followed, Leftovers};
use crate::lenient::LenientRow;
use crate::session::{Change, session_change};
use crate::sqlite::{Location, Sqlite};
use crate::statement::{Database, Prepared};
use crate::waits::{Interruption, interrupted, may_be_interrupt};

/// A connection to SQLite.
#[derive(Debug)]
pub(crate) struct SqliteConnection {
    // Dropped in this order: files next to the database are removed after it is closed.
    database: Database,
    _leftovers: Option<Leftovers>,
    followed: Option<Followed>,
    backend: Sqlite,
    interruption: Arc<Interruption>,
    /// Whether a statement may have changed the lock timeout.
    may_have_changed_timeout: bool,
    /// The state outliving a transaction that the statements so far may have changed.
    session_change: Change,
    /// Whether the open transaction is read-only.
    reads_only: bool,
    transaction: TransactionState,
}

/// The state of the transaction.
#[derive(Debug)]
enum TransactionState {
    None,
    Open,
    /// SQLite has ended it (`ON CONFLICT ROLLBACK`, `RAISE(ROLLBACK)`, a full disk), for this reason.
    Ended(String),
}

impl SqliteConnection {
    pub(crate) fn open(backend: Sqlite) -> Result<Self> {
        let opened = backend.open()?;
        let mut connection = Self {
            database: Database::new(opened.connection, backend.dialect.is_lenient)?,
            _leftovers: opened.leftovers,
            followed: opened.followed,
            backend,
            interruption: Arc::default(),
            may_have_changed_timeout: false,
            session_change: Change::None,
            reads_only: false,
            transaction: TransactionState::None,
        };
        connection.wait_interruptibly()?;
        Ok(connection)
    }

    /// Runs `work` inside the transaction, if one was begun. After SQLite has ended the transaction, further statements would commit
    /// on their own, so they are refused.
    #[inline]
    fn inside<T>(&mut self, run: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.refuse_if_ended()?;
        let result = run(self).map_err(|error| self.failed(error));
        if self.may_have_changed_timeout {
            self.may_have_changed_timeout = false;
            // If this fails, interrupts are only noticed later.
            let _ = self.wait_interruptibly();
        }
        if matches!(self.transaction, TransactionState::Open) && !self.in_transaction() {
            let reason = match &result {
                Err(error) => error.to_string(),
                Ok(_) => "one of its statements ended the transaction".to_owned(),
            };
            self.transaction = TransactionState::Ended(reason);
        }
        result
    }

    /// Returns the error, or that of an interrupt if an interrupt caused it. An interrupt rolls the transaction back, so that
    /// nothing of it is committed later.
    #[cold]
    fn failed(&mut self, error: Error) -> Error {
        if !may_be_interrupt(&error) || !self.interruption.take() {
            return error;
        }
        // If this fails, the transaction stays open, and the program can still roll back.
        let _ = self.uninterrupted(Self::roll_back);
        interrupted()
    }

    /// Replaces SQLite's busy handler, keeping the timeout that was set. Once its handler is replaced, SQLite reports a timeout of
    /// zero.
    fn wait_interruptibly(&mut self) -> Result<()> {
        let connection = self.database.connection();
        let set = connection.query_row("PRAGMA busy_timeout", [], |row| row.get::<_, u32>(0));
        match set.map_err(classify_driver)? {
            0 => Ok(()),
            milliseconds => {
                let busy_timeout = Duration::from_millis(milliseconds.into());
                let handler = self.interruption.busy_handler(busy_timeout);
                self.database.set_busy_handler(handler)
            }
        }
    }

    #[inline]
    fn refuse_if_ended(&self) -> Result<()> {
        match &self.transaction {
            TransactionState::Ended(reason) => Err(ended(reason)),
            _ => Ok(()),
        }
    }

    /// Refuses to commit to a file that was replaced or deleted. In a transaction this is checked at its start and end.
    #[inline]
    fn refuse_if_moved(&self, sql: &Sql) -> Result<()> {
        let commits = matches!(self.transaction, TransactionState::None) && sql.kind().is_write();
        match commits && self.has_moved() {
            true => Err(moved()),
            false => Ok(()),
        }
    }

    fn has_moved(&self) -> bool {
        let leads_elsewhere = || {
            let followed = self.followed.as_ref();
            followed.is_some_and(Followed::leads_elsewhere)
        };
        matches!(self.backend.location, Location::File(_))
            && (self.database.has_moved() || leads_elsewhere())
    }

    /// Returns the statement, and the interruption to check between its runs.
    #[inline]
    fn prepare(&mut self, sql: &Sql) -> Result<(&mut Prepared, &Interruption)> {
        let prepared = self.database.prepare(sql);
        let change = match &prepared {
            Ok(prepared) => prepared.session_change(),
            // SQLite changes some settings while it compiles a statement, even if it cannot compile the rest.
            Err(_) => session_change(sql.text()),
        };
        self.session_change = self.session_change.max(change);
        // The mapper's own statements may name a column `temp`, but change no settings.
        self.may_have_changed_timeout = sql.kind() == StatementKind::Raw && change != Change::None;
        Ok((prepared?, &self.interruption))
    }

    fn run(&mut self, sql: &Sql) -> Result<()> {
        self.execute(&Statement { sql, params: &[] }).map(drop)
    }

    /// Repeats `work` until it is not interrupted. An interrupt can also stop the compilation of a statement.
    fn uninterrupted(&mut self, mut work: impl FnMut(&mut Self) -> Result<()>) -> Result<()> {
        loop {
            self.interruption.take();
            match work(self) {
                Err(error) if error.native_code() == Some("SQLITE_INTERRUPT") => {}
                done => return done,
            }
        }
    }

    /// Rolls back to a savepoint or the whole transaction. An interrupt at any time neither prevents it nor turns one into the
    /// other.
    fn undo(&mut self, sql: &Sql) -> Result<()> {
        self.uninterrupted(|connection| {
            let (prepared, _) = connection.prepare(sql)?;
            prepared.run(|execution| {
                execution.bind(&[])?;
                execution.finish().map(drop)
            })
        })
    }

    fn roll_back(&mut self) -> Result<()> {
        match self.in_transaction() {
            false => Ok(()),
            true => self
                .database
                .connection()
                .execute_batch("ROLLBACK")
                .map_err(classify_driver),
        }
    }

    fn in_transaction(&self) -> bool {
        !self.database.connection().is_autocommit()
    }

    /// Refuses or allows writes. SQLite has no read-only transactions, so a setting is changed around the transaction.
    fn set_reads_only(&mut self, reads_only: bool) -> Result<()> {
        if self.reads_only == reads_only {
            return Ok(());
        }
        // SQLite changes the setting while it compiles the statement, even if an interrupt stops the rest.
        self.reads_only = true;
        self.database
            .connection()
            .pragma_update(None, "query_only", reads_only)
            .map_err(classify_driver)?;
        self.reads_only = reads_only;
        Ok(())
    }

    fn end_of_transaction(&mut self) -> Result<()> {
        if self.in_transaction() {
            return Ok(());
        }
        self.transaction = TransactionState::None;
        self.uninterrupted(|connection| connection.set_reads_only(false))
    }
}

#[cold]
fn moved() -> Error {
    let message =
        "the database file was replaced, moved or deleted while it was open: no further writes";
    Error::new(ErrorKind::ConnectionLost, message).unsent()
}

#[cold]
fn ended(reason: &str) -> Error {
    let message = format!(
        "the database rolled the transaction back after an error; call rollback() first. The error was: {reason}"
    );
    Error::new(ErrorKind::PendingRollback, message)
}

impl Connection for SqliteConnection {
    #[inline]
    fn execute(&mut self, statement: &Statement<'_>) -> Result<Outcome> {
        self.refuse_if_moved(statement.sql)?;
        self.inside(|connection| {
            let (prepared, interruption) = connection.prepare(statement.sql)?;
            prepared.run(|execution| {
                interruption.check()?;
                execution.bind(statement.params)?;
                execution.finish()
            })
        })
    }

    #[inline]
    fn query(
        &mut self,
        statement: &Statement<'_>,
        sink: &mut dyn FnMut(&dyn Row) -> Result<()>,
    ) -> Result<()> {
        let is_lenient = self.backend.dialect.is_lenient;
        self.refuse_if_moved(statement.sql)?;
        self.inside(|connection| {
            let (prepared, interruption) = connection.prepare(statement.sql)?;
            prepared.run(|execution| {
                interruption.check()?;
                execution.bind(statement.params)?;
                while let Some(row) = execution.next_row()? {
                    match is_lenient {
                        false => sink(&row)?,
                        true => sink(&LenientRow(&row))?,
                    }
                }
                Ok(())
            })
        })
    }

    fn execute_each(
        &mut self,
        sql: &Sql,
        rows: Rows<'_>,
        each: &mut dyn FnMut(Outcome) -> Result<()>,
    ) -> Result<()> {
        self.refuse_if_moved(sql)?;
        self.inside(|connection| {
            let (prepared, interruption) = connection.prepare(sql)?;
            prepared.run(|execution| {
                for params in rows.iter() {
                    interruption.check()?;
                    execution.bind(params)?;
                    each(execution.finish()?)?;
                }
                Ok(())
            })
        })
    }

    fn transaction(&mut self, command: &Transaction<'_>, sql: &Sql) -> Result<()> {
        match command {
            Transaction::Begin(begin) => {
                if let Some(level) = begin.isolation.filter(|&l| l != Isolation::Serializable) {
                    return Err(Error::unsupported("sqlite", level.as_sql()));
                }
                if self.has_moved() {
                    return Err(moved());
                }
                self.refuse_if_ended()?;
                let begun = self.set_reads_only(begin.read_only);
                match begun.and_then(|()| self.run(sql)) {
                    Ok(()) => self.transaction = TransactionState::Open,
                    Err(error) => {
                        self.end_of_transaction()?;
                        return Err(error);
                    }
                }
                Ok(())
            }
            Transaction::Rollback if !self.in_transaction() => self.end_of_transaction(),
            Transaction::Commit if self.has_moved() => Err(moved()),
            Transaction::Commit | Transaction::Rollback => {
                self.refuse_if_ended()?;
                let state = std::mem::replace(&mut self.transaction, TransactionState::None);
                let ran = match command {
                    Transaction::Rollback => match self.undo(sql) {
                        // The failure has already rolled the transaction back.
                        Err(_) if !self.in_transaction() => Ok(()),
                        ran => ran,
                    },
                    _ => self.run(sql),
                };
                if self.in_transaction() {
                    self.transaction = state;
                } else if let Err(error) = &ran
                    && matches!(state, TransactionState::Open)
                {
                    self.transaction = TransactionState::Ended(error.to_string());
                }
                ran?;
                self.end_of_transaction()
            }
            Transaction::RollbackTo(_) => self.inside(|connection| connection.undo(sql)),
            _ => self.run(sql),
        }
    }

    fn reset(&mut self, used_raw_sql: bool) -> Result<()> {
        self.transaction = TransactionState::None;
        self.uninterrupted(Self::roll_back)?;
        let is_changed = match self.session_change {
            Change::None => false,
            Change::Possible => used_raw_sql,
            Change::Certain => true,
        };
        if is_changed {
            // Only a new connection certainly has no changed settings and no temporary objects.
            *self = Self::open(self.backend.clone())?;
            return Ok(());
        }
        self.uninterrupted(|connection| connection.set_reads_only(false))
    }

    fn is_open(&self) -> bool {
        !self.has_moved()
    }

    fn interrupter(&self) -> Option<Interrupter> {
        let handle = self.database.connection().get_interrupt_handle();
        let interruption = Arc::clone(&self.interruption);
        Some(Interrupter::new(move || {
            interruption.interrupt(|| handle.interrupt());
        }))
    }

    fn server_version(&mut self) -> Result<String> {
        Ok(format!("SQLite {}", rusqlite::version()))
    }

    fn statistics(&mut self) -> Result<Option<Statistics>> {
        Ok(Some(self.database.statistics()))
    }
}
