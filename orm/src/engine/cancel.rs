//! Cancelling a unit of work from another thread.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::backend::Interrupter;
use crate::error::{Error, ErrorKind, Result};

/// Cancels a session's work from another thread; see [`Session::canceller`](crate::Session::canceller).
#[derive(Clone, Default)]
pub struct Canceller(Arc<Shared>);

#[derive(Default)]
struct Shared {
    is_cancelled: AtomicBool,
    /// Interrupts the running statement; set while the session holds a connection.
    running: Mutex<Option<Interrupter>>,
}

impl Canceller {
    /// Interrupts the running statement, if the backend can, and makes the session refuse every further one with
    /// [`Cancelled`](ErrorKind::Cancelled), including COMMIT; rolling back still works. A COMMIT in progress may still succeed.
    ///
    /// Returns at once. Cancelling again has no effect.
    pub fn cancel(&self) {
        // Holding the lock ensures that the connection has not passed to another session.
        let running = self.running();
        self.0.is_cancelled.store(true, Ordering::SeqCst);
        if let Some(interrupter) = running.as_ref() {
            interrupter.interrupt();
        }
    }

    /// Returns whether it was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled.load(Ordering::SeqCst)
    }

    pub(super) fn check(&self) -> Result<()> {
        match self.is_cancelled() {
            false => Ok(()),
            true => Err(Error::new(
                ErrorKind::Cancelled,
                "the work of this session was cancelled: no further statement is sent, and an open transaction is rolled back",
            )),
        }
    }

    /// Sets the interrupter of the session's connection, or removes it.
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
