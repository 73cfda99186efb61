//! Phases: what a session is in the middle of. One is entered and left as a whole, so that neither an error nor a panic leaves a part
//! of it behind.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::dialect::Begin;
use crate::error::{Error, ErrorKind, Result};
use crate::session::Session;
use crate::session::life::hook::When;

/// What a session is in the middle of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) struct Phase {
    /// The closure of a `transaction`, which ends the transaction itself.
    pub(in crate::session) transaction: bool,
    /// How a transaction begins.
    pub(in crate::session) begin: Begin,
    /// A flush: what it reads, it reads in order to write.
    pub(in crate::session) flushing: bool,
    /// A hook that works on the session.
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

/// What work in a phase came to: its result, or what it panicked with.
pub(in crate::session) type Outcome<T> = std::result::Result<T, Box<dyn Any + Send>>;

impl Session {
    /// Runs `work` in a phase, and is in the phase before again however it ends.
    pub(in crate::session) fn within<T>(
        &mut self,
        phase: Phase,
        work: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let outcome = self.outcome(phase, work);
        outcome.unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// Runs `work` in a phase, and is in the phase before again; a panic is handed over, to be resumed once all is mended.
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

    /// Runs `work` in a phase; an error of it fails the transaction, and so does a panic.
    pub(in crate::session) fn whole<T>(
        &mut self,
        phase: Phase,
        work: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let outcome = self.outcome(phase, work);
        self.fail_unless_done(outcome)
    }

    /// Fails the transaction after an error or a panic, which goes on.
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

    /// Refuses to begin or end a transaction where that is for somebody else to do.
    pub(in crate::session) fn refuse_inside(&self, what: &str) -> Result<()> {
        let message = if let Some(when) = self.phase.hook {
            format!("{what} inside a hook ({when:?})")
        } else if !self.savepoints.is_empty() {
            format!(
                "{what} inside a savepoint: return from its closure first, with an error to undo what it did; savepoints nest"
            )
        } else if self.phase.transaction {
            format!(
                "{what} inside a transaction, which ends when its closure returns: use `savepoint` for a part that can be undone by itself"
            )
        } else {
            return Ok(());
        };
        Err(Error::new(ErrorKind::InvalidState, message))
    }
}
