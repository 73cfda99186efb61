//! Phases: the operation that a session is in. A phase is entered and left as a whole, even on an error or a panic.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::dialect::Begin;
use crate::error::{Error, ErrorKind, Result};
use crate::session::Session;
use crate::session::life::hook::When;

/// The operation that a session is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) struct Phase {
    /// Inside the closure of `transaction`, which ends the transaction itself.
    pub(in crate::session) transaction: bool,
    /// The options with which a transaction begins.
    pub(in crate::session) begin: Begin,
    /// Inside a flush: its reads are for writing.
    pub(in crate::session) flushing: bool,
    /// Inside a hook that received the session.
    pub(in crate::session) hook: Option<When>,
    /// Whether queries flush first.
    pub(in crate::session) autoflush: bool,
}

impl Default for Phase {
    fn default() -> Self {
        Self {
            transaction: false,
            begin: Begin::default(),
            flushing: false,
            hook: None,
            autoflush: true,
        }
    }
}

/// The outcome of work in a phase: its result, or its panic.
pub(in crate::session) type Outcome<T> = std::result::Result<T, Box<dyn Any + Send>>;

impl Session {
    /// Runs `work` in a phase, and restores the previous phase however it ends.
    pub(in crate::session) fn within<T>(
        &mut self,
        phase: Phase,
        work: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let outcome = self.outcome(phase, work);
        outcome.unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// Runs `work` in a phase, and restores the previous phase; a panic is returned, to be resumed after cleaning up.
    pub(in crate::session) fn outcome<T>(
        &mut self,
        phase: Phase,
        work: impl FnOnce(&mut Self) -> T,
    ) -> Outcome<T> {
        let before = std::mem::replace(&mut self.phase, phase);
        let outcome = catch_unwind(AssertUnwindSafe(|| work(self)));
        self.phase = before;
        outcome
    }

    /// Runs `work` in a phase; an error or a panic fails the transaction.
    pub(in crate::session) fn whole<T>(
        &mut self,
        phase: Phase,
        work: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let outcome = self.outcome(phase, work);
        self.fail_unless_done(outcome)
    }

    /// Fails the transaction after an error or a panic, and passes it on.
    pub(in crate::session) fn fail_unless_done<T>(
        &mut self,
        outcome: Outcome<Result<T>>,
    ) -> Result<T> {
        match outcome {
            Ok(result) => result.inspect_err(|error| self.fail(error)),
            Err(panic) => {
                self.fail(&Error::new(ErrorKind::InvalidState, "a panic"));
                resume_unwind(panic)
            }
        }
    }

    /// Refuses to begin or end a transaction inside a hook, a savepoint or a transaction closure.
    pub(in crate::session) fn refuse_inside(&self, what: &str) -> Result<()> {
        let message = if let Some(when) = self.phase.hook {
            format!("{what} inside a hook ({when:?})")
        } else if self.log.in_savepoint() {
            format!(
                "{what} inside a savepoint: return from its closure first, with an error to undo its changes; savepoints can be nested"
            )
        } else if self.phase.transaction {
            format!(
                "{what} inside a transaction, which ends when its closure returns: use `savepoint` for a part that can be undone separately"
            )
        } else {
            return Ok(());
        };
        Err(Error::new(ErrorKind::InvalidState, message))
    }
}
