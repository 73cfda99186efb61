//! The transaction of a connection: its state as the server sees it, its commands, and statements that end it.

use mysql::prelude::Queryable;
use selfsame::backend::Sql;
use selfsame::dialect::Transaction;
use selfsame::error::{Error, ErrorKind, Result};

use crate::connection::{MariaDbConnection, gone};
use crate::results::skip;

/// A warning: some tables that changed could not be rolled back.
const NOT_UNDONE: u16 = 1196;
/// Marks the transaction while a statement runs that may end it: in another transaction there is no such savepoint.
const MARK: &str = "SAVEPOINT selfsame";
const UNMARK: &str = "RELEASE SAVEPOINT selfsame";
/// How the names of savepoints begin: a savepoint that a user sets by the same name would replace ours.
const SAVEPOINT: &str = "selfsame_savepoint_";

/// The transaction as the server sees it: the driver does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Idle,
    Open,
    /// Undone by the server: by a deadlock, or a conflict of a cluster. What followed would commit itself.
    Undone,
    /// Ended by a statement in it, as a procedure may do; what was done before is committed, or undone.
    Ended,
}

impl MariaDbConnection {
    pub(crate) fn usable(&self) -> Result<()> {
        if self.lost {
            return Err(gone());
        }
        let message = match self.transaction {
            State::Idle | State::Open => return Ok(()),
            State::Undone => "the server has rolled this transaction back: call rollback first",
            State::Ended => "a statement has ended this transaction: call rollback first",
        };
        Err(Error::new(ErrorKind::PendingRollback, message).unsent())
    }

    /// Marks the transaction before a statement that may end it.
    pub(crate) fn mark(&mut self, sql: &Sql) -> Result<()> {
        self.command(sql, MARK)
    }

    /// Some errors end the transaction.
    pub(crate) fn ask_for_transaction(&mut self) {
        self.counted.round_trips += 1;
        let flavor = self.link.flavor;
        match flavor.is_in_transaction(&mut self.link.conn) {
            Ok(true) => {}
            Ok(false) | Err(mysql::Error::MySqlError(_)) => self.transaction = State::Undone,
            Err(_) => self.lost = true,
        }
    }

    /// Notes whether the transaction is the one that was marked.
    pub(crate) fn look_for_mark(&mut self) {
        self.counted.round_trips += 1;
        match self.link.conn.query_drop(UNMARK) {
            Ok(()) => {}
            Err(mysql::Error::MySqlError(_)) => self.transaction = State::Ended,
            Err(_) => self.lost = true,
        }
    }

    /// Runs one or more statements without rows.
    pub(crate) fn command(&mut self, sql: &Sql, text: &str) -> Result<()> {
        self.counted.round_trips += 1;
        let failed = match self.link.conn.query_iter(text) {
            Ok(mut results) => skip(&mut results),
            Err(error) => Some(error),
        };
        match failed {
            None => Ok(()),
            Some(error) => Err(self.failed(error, sql)),
        }
    }

    /// A command that undoes: the connection is given up if it takes long, which undoes too.
    pub(crate) fn short_command(&mut self, sql: &Sql, text: &str) -> Result<()> {
        self.link.be_short();
        let done = self.command(sql, text);
        self.link.be_patient();
        done
    }

    /// A command that undoes, and an error if not all of it could be: some engines have no transactions.
    pub(crate) fn undo(&mut self, sql: &Sql, text: &str) -> Result<()> {
        self.link.be_short();
        let undone = self.undo_in_time(sql, text);
        self.link.be_patient();
        undone
    }

    fn undo_in_time(&mut self, sql: &Sql, text: &str) -> Result<()> {
        self.command(sql, text)?;
        match self.has_warned(NOT_UNDONE, sql)? {
            true => Err(Error::new(
                ErrorKind::Database,
                "not everything was rolled back: writes to non-transactional tables (MyISAM, Aria, MEMORY) remain",
            )
            .code(NOT_UNDONE.to_string())),
            false => Ok(()),
        }
    }

    /// Whether the last statement had this warning.
    ///
    /// # Errors
    ///
    /// [`OutOfRange`](ErrorKind::OutOfRange) if the server has dropped warnings, among which this one may be.
    pub(crate) fn has_warned(&mut self, code: u16, sql: &Sql) -> Result<bool> {
        let count = usize::from(self.link.conn.warnings());
        if count == 0 {
            return Ok(false);
        }
        self.counted.round_trips += 1;
        let codes = self.link.conn.query_map("SHOW WARNINGS", |warning| {
            let (_, code, _): (String, u16, String) = warning;
            code
        });
        let codes = codes.map_err(|error| self.failed(error, sql))?;
        if codes.len() < count && !codes.contains(&code) {
            let message = format!(
                "the statement had {count} warnings, of which the server keeps {} (max_error_count): warning {code} may be among the others",
                codes.len()
            );
            return Err(Error::new(ErrorKind::OutOfRange, message).statement(sql.text()));
        }
        Ok(codes.contains(&code))
    }

    /// Marks, releases or goes back to a savepoint by its place among those of the transaction, for names may repeat.
    pub(crate) fn savepoint(
        &mut self,
        command: &Transaction<'_>,
        name: &str,
        sql: &Sql,
    ) -> Result<()> {
        if let Transaction::Savepoint(_) = command {
            let place = self.savepoints.len();
            self.command(sql, &format!("SAVEPOINT {SAVEPOINT}{place}"))?;
            self.savepoints.push(name.to_owned());
            return Ok(());
        }
        let place = self.savepoints.iter().rposition(|known| known == name);
        let place = place.ok_or_else(|| {
            let message = "no savepoint has this name";
            Error::new(ErrorKind::InvalidStatement, message).statement(sql.text())
        })?;
        match command {
            Transaction::Release(_) => {
                self.command(sql, &format!("RELEASE SAVEPOINT {SAVEPOINT}{place}"))?;
                self.savepoints.truncate(place);
            }
            _ => {
                // The connection is not given up if this takes long: the transaction would be lost with it.
                let text = format!("ROLLBACK TO SAVEPOINT {SAVEPOINT}{place}");
                let undone = self.undo_in_time(sql, &text);
                self.savepoints.truncate(place + 1);
                undone?;
            }
        }
        Ok(())
    }

    pub(crate) fn commit(&mut self, sql: &Sql) -> Result<()> {
        let state = std::mem::replace(&mut self.transaction, State::Idle);
        let message = match state {
            State::Idle | State::Open => None,
            State::Undone => {
                Some("the server has rolled this transaction back: nothing was committed")
            }
            State::Ended => {
                Some("a statement has ended this transaction: later changes were not committed")
            }
        };
        if let Some(message) = message {
            // Whether it arrives does not matter.
            let _ = self.short_command(sql, "ROLLBACK");
            return Err(Error::new(ErrorKind::PendingRollback, message));
        }
        self.refuse_if_gone()?;
        let committed = self.command(sql, sql.text());
        if committed.is_err() && !self.lost {
            // A refused COMMIT has usually rolled back; otherwise this does, or closing the connection. The first error is reported.
            let _ = self.short_command(sql, "ROLLBACK");
        }
        committed
    }
}
