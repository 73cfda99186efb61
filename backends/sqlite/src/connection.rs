//! One connection.

use selfsame::backend::{Connection, Outcome, Row, Rows, Sql, Statement, Statistics};
use selfsame::dialect::{Isolation, Transaction};
use selfsame::{Error, ErrorKind, Result};

use crate::classify::classify_driver;
use crate::lenient::LenientRow;
use crate::sqlite::Sqlite;
use crate::statement::{Database, Prepared};

/// A connection to SQLite.
#[derive(Debug)]
pub(crate) struct SqliteConnection {
    database: Database,
    backend: Sqlite,
    /// A statement ran that may have changed more than a transaction.
    session_changed: bool,
    /// The transaction that is open only reads.
    reads_only: bool,
    transaction: Standing,
}

/// The transaction that was asked for, as far as the connection knows.
#[derive(Debug)]
enum Standing {
    None,
    Open,
    /// SQLite ended it by itself (`ON CONFLICT ROLLBACK`, `RAISE(ROLLBACK)`, a full disk): why.
    Ended(String),
}

impl SqliteConnection {
    pub(crate) fn open(backend: Sqlite) -> Result<Self> {
        Ok(Self {
            database: Database::new(backend.open()?)?,
            backend,
            session_changed: false,
            reads_only: false,
            transaction: Standing::None,
        })
    }

    /// Runs something inside the transaction that was begun, if one was: whatever runs after SQLite ended it would be committed
    /// by itself.
    #[inline]
    fn inside<T>(&mut self, run: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.refuse_if_ended()?;
        let result = run(self);
        if matches!(self.transaction, Standing::Open) && !self.in_transaction() {
            let reason = match &result {
                Err(error) => error.to_string(),
                Ok(_) => "a statement of its own ended the transaction".to_owned(),
            };
            self.transaction = Standing::Ended(reason);
        }
        result
    }

    #[inline]
    fn refuse_if_ended(&self) -> Result<()> {
        match &self.transaction {
            Standing::Ended(reason) => Err(ended(reason)),
            _ => Ok(()),
        }
    }

    #[inline]
    fn prepare(&mut self, sql: &Sql) -> Result<&mut Prepared> {
        let prepared = self.database.prepare(sql)?;
        self.session_changed |= prepared.changes_session();
        Ok(prepared)
    }

    fn run(&mut self, sql: &Sql) -> Result<()> {
        self.execute(&Statement { sql, params: &[] }).map(drop)
    }

    fn in_transaction(&self) -> bool {
        !self.database.connection().is_autocommit()
    }

    /// Refuses or allows writes. SQLite has no read-only transaction, but a setting that a transaction can be put between.
    fn set_reads_only(&mut self, reads_only: bool) -> Result<()> {
        if self.reads_only == reads_only {
            return Ok(());
        }
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
        self.transaction = Standing::None;
        self.set_reads_only(false)
    }
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
        self.inside(|connection| {
            connection.prepare(statement.sql)?.run(|execution| {
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
        let is_lenient = self.backend.is_lenient;
        self.inside(|connection| {
            connection.prepare(statement.sql)?.run(|execution| {
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
        self.inside(|connection| {
            connection.prepare(sql)?.run(|execution| {
                for params in rows.iter() {
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
                self.set_reads_only(begin.read_only)?;
                self.refuse_if_ended()?;
                match self.run(sql) {
                    Ok(()) => self.transaction = Standing::Open,
                    Err(error) => {
                        self.end_of_transaction()?;
                        return Err(error);
                    }
                }
                Ok(())
            }
            Transaction::Rollback if !self.in_transaction() => self.end_of_transaction(),
            Transaction::Commit | Transaction::Rollback => {
                self.refuse_if_ended()?;
                let standing = std::mem::replace(&mut self.transaction, Standing::None);
                let ran = self.run(sql);
                if self.in_transaction() {
                    self.transaction = standing;
                } else if let Err(error) = &ran
                    && matches!(standing, Standing::Open)
                {
                    self.transaction = Standing::Ended(error.to_string());
                }
                ran?;
                self.end_of_transaction()
            }
            _ => self.run(sql),
        }
    }

    fn reset(&mut self, used_raw_sql: bool) -> Result<()> {
        self.transaction = Standing::None;
        if self.in_transaction() {
            self.database
                .connection()
                .execute_batch("ROLLBACK")
                .map_err(classify_driver)?;
        }
        if self.session_changed && used_raw_sql {
            // A new connection is the only one that is sure to have no setting and no temporary object.
            *self = Self::open(self.backend.clone())?;
            return Ok(());
        }
        self.set_reads_only(false)
    }

    fn server_version(&mut self) -> Result<String> {
        Ok(format!("SQLite {}", rusqlite::version()))
    }

    fn statistics(&mut self) -> Result<Option<Statistics>> {
        Ok(Some(self.database.statistics()))
    }
}
