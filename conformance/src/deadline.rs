//! Work with a deadline: a backend that waits forever fails an assertion instead of stopping the case.

use std::panic::resume_unwind;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::case::{CaseResult, Failure};

/// How long work that does not wait may take on a slow machine.
pub(crate) const SOON: Duration = Duration::from_secs(6);

/// Runs work on a separate thread. If it does not end in time, the thread is abandoned, with its connection.
pub(crate) struct Waiting<T> {
    done: mpsc::Receiver<(T, Duration)>,
    thread: thread::JoinHandle<()>,
}

impl<T: Send + 'static> Waiting<T> {
    /// Starts the work.
    pub(crate) fn start(work: impl FnOnce() -> T + Send + 'static) -> CaseResult<Self> {
        // The channel has no buffer, so a result that nobody takes is dropped on the thread; dropping it may never return.
        let (sender, done) = mpsc::sync_channel(0);
        let thread = thread::Builder::new().name("selfsame-waiting".to_owned());
        let thread = thread.spawn(move || {
            let begun = Instant::now();
            let value = work();
            // The receiver is gone if the deadline has passed, or something else failed.
            let _ = sender.send((value, begun.elapsed()));
        });
        match thread {
            Ok(thread) => Ok(Self { done, thread }),
            Err(error) => Err(Failure::Skipped(format!("no thread to wait in: {error}"))),
        }
    }

    /// Returns the result and how long it took, or a failed assertion if the work does not end within `limit` from now.
    pub(crate) fn end(self, what: &str, limit: Duration) -> CaseResult<(T, Duration)> {
        match self.done.recv_timeout(limit) {
            Ok(done) => {
                let _ = self.thread.join();
                Ok(done)
            }
            Err(RecvTimeoutError::Timeout) => Err(Failure::Assertion(format!(
                "{what} must end, and has not after {limit:?}"
            ))),
            Err(RecvTimeoutError::Disconnected) => match self.thread.join() {
                Err(panic) => resume_unwind(panic),
                Ok(()) => Err(Failure::Assertion(format!("{what} must give a result"))),
            },
        }
    }
}

/// Runs work that must end within `limit`.
pub(crate) fn within<T: Send + 'static>(
    what: &str,
    limit: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> CaseResult<T> {
    Ok(Waiting::start(work)?.end(what, limit)?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_end_is_a_failed_assertion() {
        let (end, ended) = mpsc::channel::<()>();
        let late = within("waiting", Duration::from_millis(10), move || {
            ended.recv().is_ok()
        });
        let Err(Failure::Assertion(message)) = late else {
            panic!("not an assertion: {late:?}");
        };
        assert!(message.starts_with("waiting must end"), "{message}");
        drop(end);
        assert!(matches!(within("nothing", SOON, || 7), Ok(7)));
    }
}
