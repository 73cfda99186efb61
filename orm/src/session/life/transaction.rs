//! Transactions: begin at the first statement, commit, rollback, savepoints, and their effects on objects in memory.

use std::panic::resume_unwind;

use crate::dialect::Begin;
use crate::engine::Connected;
use crate::error::{Error, ErrorKind, Result};
use crate::session::life::hook::When;
use crate::session::life::phase::{Outcome, Phase};
use crate::session::memory::undo_log::{Done, LogEntry, UndoLog};
use crate::session::read::lookup::not_connected;
use crate::session::write::flush::Ending;
use crate::session::{AnyStore, Session};

/// The purpose of a statement, which determines how a transaction begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) enum Intent {
    Read,
    Write,
}

impl Session {
    /// Returns whether a transaction is open in the database.
    pub fn in_transaction(&self) -> bool {
        self.connection
            .as_ref()
            .is_some_and(Connected::in_transaction)
    }

    /// Flushes and commits. Afterwards every object is expired: it keeps its last known values until it is reread at its next use. Sends
    /// nothing if there is nothing to do.
    ///
    /// # Errors
    ///
    /// Errors of the flush or the COMMIT; the transaction is then rolled back in the database, and the session waits for
    /// [`rollback`](Self::rollback). [`ErrorKind::AmbiguousCommit`] if the connection broke during COMMIT.
    pub fn commit(&mut self) -> Result<()> {
        self.refuse_inside("commit")?;
        if self.failed.is_none() {
            self.whole(self.phase, |session| session.call_hooks(When::BeforeCommit))?;
        }
        self.flush_all(Ending::Commit)?;
        if self.in_transaction() || !self.engine.capabilities().transactions {
            self.whole(self.phase, Self::read_unknown)?;
        }
        if let Some(connection) = self
            .connection
            .as_mut()
            .filter(|connection| connection.in_transaction())
            && let Err(error) = connection.commit()
        {
            self.failed = Some(error.to_string());
            return Err(error);
        }
        self.give_back_connection();
        for LogEntry { of, done } in self.log.commit() {
            let store = &mut self.stores[usize::from(of.0)].store;
            match done {
                Done::Deleted => store.leave(of.1),
                Done::Overwritten => store.states_mut().end_overwriting(of.1),
                _ => {}
            }
        }
        self.end_log();
        self.edges.clear();
        self.log.epoch += 1;
        self.call_hooks(When::AfterCommit)
    }

    /// Rolls back. Added objects become transient and keep their values, deleted ones are persistent again, changed ones get back their
    /// values at BEGIN, and everything is expired.
    ///
    /// # Errors
    ///
    /// Errors of the backend; memory is restored nevertheless.
    pub fn rollback(&mut self) -> Result<()> {
        self.refuse_inside("rollback")?;
        let hooks = self.outcome(self.phase, |session| {
            session.call_hooks(When::BeforeRollback)
        });
        let result = match self
            .connection
            .as_mut()
            .filter(|connection| connection.in_transaction())
        {
            Some(connection) => connection.rollback(),
            None => Ok(()),
        };
        self.give_back_connection();
        self.undo_since(0);
        self.end_log();
        self.edges.clear();
        self.failed = None;
        self.log.epoch += 1;
        hooks.unwrap_or_else(|panic| resume_unwind(panic))?;
        self.call_hooks(When::AfterRollback)?;
        result
    }

    /// Runs `work` and commits, or rolls back if it returns an error or panics.
    ///
    /// Earlier reads, additions and flushes of the session belong to the transaction, and are committed or rolled back with it. Inside
    /// the closure, `transaction`, `retry`, [`commit`](Self::commit) and [`rollback`](Self::rollback) are refused; use
    /// [`savepoint`](Self::savepoint) for a part that can be undone separately.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidState`] inside another transaction, a savepoint or a hook, before `work` runs; errors of `work` or of
    /// [`commit`](Self::commit).
    pub fn transaction<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.refuse_inside("a transaction")?;
        let phase = Phase {
            transaction: true,
            ..self.phase
        };
        let outcome = self.outcome(self.phase, |session| {
            let closes = session.closes;
            let value = session.within(phase, work)?;
            if session.closes != closes {
                return session.end_closed(value);
            }
            session.commit().map(|()| value)
        });
        if !matches!(outcome, Ok(Ok(_))) {
            // The first error is the one to report; memory is restored even if the connection is lost.
            let _ = self.rollback();
        }
        outcome.unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// Runs `work` inside a savepoint: flushes first, keeps the changes of `work` if it returns `Ok`, and undoes exactly these, in the
    /// database and in memory, if it returns an error or panics. Savepoints can be nested.
    ///
    /// # Errors
    ///
    /// Errors of `work` and of the flushes; [`ErrorKind::Unsupported`] if the backend does not support savepoints;
    /// [`ErrorKind::InvalidState`] in a hook of a flush that has changes to write.
    pub fn savepoint<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.phase.flushing && self.has_changes() {
            let message = "a savepoint in a hook of a flush whose changes are not written: they would be undone with those of the savepoint; open it before the flush, or in `Hook::before_commit`";
            return Err(Error::new(ErrorKind::InvalidState, message));
        }
        self.flush_all(Ending::Open)?;
        let name = savepoint_name(self.log.depth() + 1);
        self.ready(Intent::Write)?.savepoint(&name)?;
        self.edges.flushed(&mut self.log);
        self.log.open_savepoint();
        let (depth, closes) = (self.log.depth(), self.closes);
        let outcome = self.outcome(self.phase, |session| {
            let value = work(session)?;
            if session.closes != closes {
                return match depth {
                    1 => session.end_closed(value),
                    _ => Ok(value),
                };
            }
            session.flush_all(Ending::Open).map(|()| value)
        });
        let outcome = match self.log.savepoint() {
            // The savepoint is closed even if the backend panics.
            Some(position) => self
                .outcome(self.phase, |session| {
                    session.end_savepoint(position, outcome)
                })
                .flatten(),
            // The session was closed inside the closure.
            None => outcome,
        };
        self.log.close_savepoint();
        outcome.unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// Ends a closure in which the session was closed: committing would keep only the changes made since.
    fn end_closed<T>(&mut self, value: T) -> Result<T> {
        if self.has_changes() {
            self.connected()?;
        }
        if !self.phase.transaction {
            self.failed = None;
        }
        Ok(value)
    }

    /// Keeps the changes made in a savepoint, or undoes them. The first error is the one to report.
    fn end_savepoint<T>(
        &mut self,
        position: usize,
        outcome: Outcome<Result<T>>,
    ) -> Outcome<Result<T>> {
        let cause = match outcome {
            Ok(Ok(value)) => {
                let name = savepoint_name(self.log.depth());
                let connection = self.ready(Intent::Write);
                match connection.and_then(|connection| connection.release(&name)) {
                    Ok(()) => return Ok(Ok(value)),
                    Err(error) => Ok(Err(error)),
                }
            }
            cause => cause,
        };
        let reason = match &cause {
            Ok(Err(error)) => error.to_string(),
            _ => "a panic".to_owned(),
        };
        self.roll_back_to(position, reason);
        cause
    }

    /// Undoes the changes made in a savepoint. If the database fails to, the whole transaction fails with `reason`.
    fn roll_back_to(&mut self, position: usize, reason: String) {
        self.undo_since(position);
        let name = savepoint_name(self.log.depth());
        let had_failed = self.failed.is_some();
        // Also if the backend panics: memory has been undone, the database not.
        self.failed.get_or_insert(reason);
        let undone = match &mut self.connection {
            Some(connection) if connection.in_transaction() => connection
                .rollback_to(&name)
                .and_then(|()| connection.release(&name)),
            _ => return,
        };
        match undone {
            Ok(()) => self.failed = None,
            // The error of the work itself would have been undone.
            Err(error) if error.kind() == ErrorKind::ConnectionLost && !had_failed => {
                self.failed = self.failed.take().map(|reason| {
                    format!("{reason}; then the savepoint could not be rolled back: {error}")
                });
            }
            Err(_) => {}
        }
    }

    /// Undoes in memory everything since a position of the log, and what was not flushed.
    fn undo_since(&mut self, position: usize) {
        let added = self.remember_added(position);
        self.edges.forget_changes();
        for entry in &mut self.stores {
            entry.store.forget_changes();
        }
        let mut unmapped = Vec::new();
        while let Some(entry) = self.log.pop(position) {
            let (store, slot) = entry.of;
            match entry.done {
                Done::WrittenBefore(before) => self.log.written_before = before,
                Done::KeyCopied(column) => self.restore_key(entry.of, column),
                Done::MemberAdded(_) | Done::MemberRemoved(_) | Done::CollectionReplaced(_) => {
                    self.edges.undo(&mut self.log, entry);
                }
                done => {
                    if !self.any_store_mut(store).undo(slot, done) {
                        unmapped.push(entry.of);
                    }
                }
            }
        }
        for (store, slot) in unmapped {
            self.any_store_mut(store).map_again(slot);
        }
        self.remember_generated(added);
        self.forget_objects_without_rows();
        self.expressions.clear();
        self.refused.clear();
    }

    /// Lets stores forget what only a rollback would need, once the log is empty.
    fn end_log(&mut self) {
        for entry in &mut self.stores {
            entry.store.end_transaction();
        }
    }

    /// Returns the connection, in a transaction that is begun if necessary.
    pub(in crate::session) fn ready(&mut self, intent: Intent) -> Result<&mut Connected> {
        let begin = self.engine.capabilities().transactions;
        let writes_first = self.phase.flushing || intent == Intent::Write;
        let way = self.phase.begin;
        let connection = self.connected()?;
        if begin && !connection.in_transaction() {
            connection.begin(Begin {
                writes_first: writes_first || way.writes_first,
                ..way
            })?;
        }
        Ok(connection)
    }

    /// Returns the connection for a query.
    pub(crate) fn reading(&mut self) -> Result<&mut Connected> {
        self.ready(Intent::Read)
    }

    /// Returns the connection and the store that receives a query's rows.
    pub(crate) fn reading_into(
        &mut self,
        store: u16,
    ) -> Result<(&mut dyn AnyStore, &mut UndoLog, &mut Connected)> {
        self.ready(Intent::Read)?;
        let connection = self.connection.as_mut().ok_or_else(not_connected)?;
        let any = &mut *self.stores[usize::from(store)].store;
        Ok((any, &mut self.log, connection))
    }

    /// Returns the connection, with or without a transaction.
    pub(in crate::session) fn connected(&mut self) -> Result<&mut Connected> {
        if let Some(reason) = &self.failed {
            let message = format!(
                "the transaction was rolled back after an error; call rollback() first. The error was: {reason}"
            );
            return Err(Error::new(ErrorKind::PendingRollback, message));
        }
        match &mut self.connection {
            Some(connection) => Ok(connection),
            none => {
                let connection = none.insert(self.engine.connect()?);
                connection.record_into(self.recorder.clone());
                if let Some(canceller) = &self.canceller {
                    connection.cancelled_by(canceller.clone());
                }
                Ok(connection)
            }
        }
    }

    /// Handles a failed flush: the transaction is rolled back in the database, unless a savepoint will be; memory waits for `rollback`.
    pub(in crate::session) fn fail(&mut self, error: &Error) {
        self.failed = Some(error.to_string());
        if let Some(connection) = self
            .connection
            .as_mut()
            .filter(|connection| connection.in_transaction())
        {
            // The end of a savepoint rolls back to it.
            if !self.log.in_savepoint() {
                let _ = connection.rollback();
            }
        }
    }

    pub(in crate::session) fn give_back_connection(&mut self) {
        self.lazy_loads.clear();
        self.log.written_before = 0;
        if let Some(connection) = self.connection.take() {
            self.statements += connection.statements();
        }
    }
}

fn savepoint_name(depth: usize) -> String {
    format!("selfsame_{depth}")
}

impl Drop for Session {
    fn drop(&mut self) {
        // Dropping the connection rolls back.
        self.give_back_connection();
    }
}
