//! Stopping a unit of work from another thread.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::backend::Interrupter;
use crate::error::{Error, ErrorKind, Result};

/// Stops a session's work from another thread: [`Session::canceller`](crate::Session::canceller).
#[derive(Clone, Default)]
pub struct Canceller(Arc<Shared>);

#[derive(Default)]
struct Shared {
    is_cancelled: AtomicBool,
    /// What stops the statement that runs, while a connection is held.
    running: Mutex<Option<Interrupter>>,
}

impl Canceller {
    /// Stops the statement that runs, as far as the backend can, and has the session refuse every further one with
    /// [`Cancelled`](ErrorKind::Cancelled), COMMIT included; rolling back still works. A COMMIT that is under way may come to its end.
    ///
    /// Returns at once; cancelling again does no harm.
    pub fn cancel(&self) {
        // With the lock held, so that the connection is not somebody else's by now.
        let running = self.running();
        self.0.is_cancelled.store(true, Ordering::SeqCst);
        if let Some(interrupter) = running.as_ref() {
            interrupter.interrupt();
        }
    }

    /// Whether it was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled.load(Ordering::SeqCst)
    }

    pub(super) fn check(&self) -> Result<()> {
        match self.is_cancelled() {
            false => Ok(()),
            true => Err(Error::new(
                ErrorKind::Cancelled,
                "the work of this session was cancelled: nothing more is sent, and what is open is rolled back",
            )),
        }
    }

    /// Lets a connection be stopped from now on, or none.
    pub(super) fn attach(&self, interrupter: Option<Interrupter>) {
        *self.running() = interrupter;
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Option<Interrupter>> {
        self.0
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Canceller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Canceller")
            .field("is_cancelled", &self.is_cancelled())
            .finish_non_exhaustive()
    }
}
