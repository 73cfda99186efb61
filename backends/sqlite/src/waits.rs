//! Waits for locks that other connections hold. SQLite's own waits end only with their timeout; these also end when they are interrupted.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::ffi;
use selfsame::{Error, ErrorKind, Result};

use crate::classify::classify;

/// The exponent of the longest pause between two attempts: two to this power, in milliseconds.
const LONGEST_PAUSE: i32 = 5;

/// Interrupts a connection from another thread.
///
/// SQLite's own flag is not enough: it does not end waits for locks, and SQLite forgets an interrupt between two runs of a batch.
#[derive(Debug, Default)]
pub(crate) struct Interruption {
    is_set: AtomicBool,
    /// Held from checking the flag to the start of a pause, and by an interrupt until SQLite's flag is set too: so a thread that takes
    /// the flag or stops waiting sees both.
    pausing: Mutex<()>,
    interrupted: Condvar,
}

impl Interruption {
    /// Ends a wait for a lock, and makes the running or the next statement fail. `also` interrupts SQLite before a wait ends, because
    /// SQLite does not report that a checkpoint gave up waiting.
    pub(crate) fn interrupt(&self, also: impl FnOnce()) {
        let pausing = self.pausing.lock();
        self.is_set.store(true, Ordering::SeqCst);
        also();
        drop(pausing);
        self.interrupted.notify_all();
    }

    /// Returns whether it was interrupted, and resets the flag.
    pub(crate) fn take(&self) -> bool {
        let _whole = self.pausing.lock();
        self.is_set.swap(false, Ordering::SeqCst)
    }

    /// Fails like a statement that is interrupted while it runs.
    #[inline]
    pub(crate) fn check(&self) -> Result<()> {
        match self.is_set.load(Ordering::SeqCst) {
            false => Ok(()),
            true => Err(interrupted()),
        }
    }

    /// Returns a busy handler: each wait lasts for `busy_timeout`, or until an interrupt.
    pub(crate) fn busy_handler(
        self: &Arc<Self>,
        busy_timeout: Duration,
    ) -> impl FnMut(i32) -> bool + Send + 'static {
        let interruption = Arc::clone(self);
        let mut begun = Instant::now();
        move |tries| {
            if tries == 0 {
                begun = Instant::now();
            }
            let left = busy_timeout.saturating_sub(begun.elapsed());
            let pause = Duration::from_millis(1 << tries.clamp(0, LONGEST_PAUSE));
            !left.is_zero() && interruption.pause(pause.min(left))
        }
    }

    /// Pauses; returns false if it is interrupted before the end.
    fn pause(&self, pause: Duration) -> bool {
        let pausing = self.pausing.lock().unwrap_or_else(PoisonError::into_inner);
        let goes_on = |(): &mut ()| !self.is_set.load(Ordering::SeqCst);
        let paused = self.interrupted.wait_timeout_while(pausing, pause, goes_on);
        paused.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

/// Returns whether an interrupt may have caused the error: a lock was not obtained, or SQLite stopped a statement.
pub(crate) fn may_be_interrupt(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Busy | ErrorKind::Serialization)
        || error.native_code() == Some("SQLITE_INTERRUPT")
}

#[cold]
pub(crate) fn interrupted() -> Error {
    classify(ffi::SQLITE_INTERRUPT, "interrupted")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(30);

    #[test]
    fn a_wait_ends_with_its_time() {
        let interruption = Arc::new(Interruption::default());
        let mut waits = interruption.busy_handler(SHORT);
        for _ in 0..2 {
            let begun = Instant::now();
            let tries = (0..).take_while(|tries| waits(*tries)).count();
            assert!(begun.elapsed() >= SHORT);
            // A busy machine may make a pause longer, but not shorter.
            assert!((1..=6).contains(&tries), "{tries}");
        }
        assert!(!interruption.busy_handler(Duration::ZERO)(0));
    }

    #[test]
    fn an_interrupt_ends_a_wait_before_or_during_it() {
        let interruption = Arc::new(Interruption::default());
        let mut waits = interruption.busy_handler(LONG);
        interruption.interrupt(|| ());
        assert!(!waits(0));
        assert!(interruption.check().is_err() && interruption.take());
        assert!(interruption.check().is_ok() && !interruption.take());
        let begun = Instant::now();
        let other = Arc::clone(&interruption);
        let interrupting = std::thread::spawn(move || {
            std::thread::sleep(SHORT);
            other.interrupt(|| ());
        });
        // A single pause would be longer than this test may take.
        assert!(!interruption.pause(LONG));
        assert!(begun.elapsed() < LONG / 2);
        interrupting.join().expect("interrupts");
    }
}
