//! The transaction of a connection: its state as the server sees it, its commands, and statements that end it.

use mysql::prelude::Queryable;
use selfsame::backend::Sql;
use selfsame::dialect::Transaction;
use selfsame::error::{Error, ErrorKind, Result};

use crate::connection::{MariaDbConnection, gone};
use crate::results::skip;

/// The warning that some changed tables could not be rolled back.
const NOT_UNDONE: u16 = 1196;
/// Marks the transaction while a statement runs that may end it: another transaction would not have this savepoint.
const MARK: &str = "SAVEPOINT selfsame";
const UNMARK: &str = "RELEASE SAVEPOINT selfsame";
/// The prefix of savepoint names: a savepoint that the user sets under the same name would replace the connection's own.
const SAVEPOINT: &str = "selfsame_savepoint_";

/// The state of the transaction on the server, which the driver does not report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Idle,
    Open,
    /// The server has rolled it back, because of a deadlock or a conflict in a cluster. Later statements would commit themselves.
    Undone,
    /// A statement in it has ended it, as a procedure may do; earlier changes are committed or undone.
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

    /// Queries whether the transaction is still open, because some errors end it.
    pub(crate) fn refresh_transaction_state(&mut self) {
        self.counted.round_trips += 1;
        let flavor = self.link.flavor;
        match flavor.is_in_transaction(&mut self.link.conn) {
            Ok(true) => {}
            Ok(false) | Err(mysql::Error::MySqlError(_)) => self.transaction = State::Undone,
            Err(_) => self.lost = true,
        }
    }

    /// Notes whether the marked transaction is still open.
    pub(crate) fn check_mark(&mut self) {
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

    /// Runs a command that undoes changes. If it takes too long, the connection is closed, which undoes them too.
    pub(crate) fn short_command(&mut self, sql: &Sql, text: &str) -> Result<()> {
        self.link.use_short_limit();
        let done = self.command(sql, text);
        self.link.use_silence_limit();
        done
    }

    /// Runs a command that undoes changes, and fails if some could not be undone: some engines have no transactions.
    pub(crate) fn undo(&mut self, sql: &Sql, text: &str) -> Result<()> {
        self.link.use_short_limit();
        let undone = self.undo_in_time(sql, text);
        self.link.use_silence_limit();
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

    /// Returns whether the last statement had this warning.
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

    /// Sets, releases or rolls back to a savepoint, by its position among those of the transaction, because names may repeat.
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
                // The connection is not closed if this takes long, because the transaction would be lost with it.
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
            // It does not matter whether this succeeds.
            let _ = self.short_command(sql, "ROLLBACK");
            return Err(Error::new(ErrorKind::PendingRollback, message));
        }
        self.refuse_if_gone()?;
        let committed = self.command(sql, sql.text());
        if committed.is_err() && !self.lost {
            // A COMMIT that is refused has usually rolled back; otherwise this does, or closing the connection. The first error is
            // reported.
            let _ = self.short_command(sql, "ROLLBACK");
        }
        committed
    }
}
