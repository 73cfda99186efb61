//! Attempts to connect, each with a time limit.
//!
//! The driver limits each wait, but neither a name lookup nor a whole handshake, and cannot be interrupted. So it runs on a separate
//! thread, and the caller waits only until the limit. An abandoned thread continues until the server is silent for too long or closes the
//! connection; the number of such threads is limited for each place.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

/// The maximum number of abandoned attempts that still run, for each place.
const MOST_GIVEN_UP: usize = 16;

/// The numbers of abandoned attempts that still run.
static GIVEN_UP: Mutex<BTreeMap<String, usize>> = Mutex::new(BTreeMap::new());

/// The reason for the missing result.
#[derive(Debug)]
pub(crate) enum Missing {
    /// It took too long.
    Late,
    /// The maximum number of abandoned attempts still run.
    TooMany,
    NoThread(io::Error),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Running,
    Ended,
    GivenUp,
}

/// Records the end of an attempt, even by a panic.
struct Attempt {
    place: String,
    state: Arc<Mutex<State>>,
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let before = std::mem::replace(&mut *lock(&self.state), State::Ended);
        if before != State::GivenUp {
            return;
        }
        let mut given_up = lock(&GIVEN_UP);
        match given_up.get_mut(&self.place) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                given_up.remove(&self.place);
            }
        }
    }
}

/// Runs `connect` on a thread, and waits for it for at most `limit`.
pub(crate) fn within<T: Send + 'static>(
    place: &str,
    limit: Duration,
    connect: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Missing> {
    if lock(&GIVEN_UP)
        .get(place)
        .is_some_and(|count| *count >= MOST_GIVEN_UP)
    {
        return Err(Missing::TooMany);
    }
    let (sender, receiver) = mpsc::channel();
    let state = Arc::new(Mutex::new(State::Running));
    let attempt = Attempt {
        place: place.to_owned(),
        state: Arc::clone(&state),
    };
    let thread = std::thread::Builder::new().name("selfsame-mariadb-connect".to_owned());
    thread
        .spawn(move || {
            let _attempt = attempt;
            // The caller may have given up waiting.
            let _ = sender.send(connect());
        })
        .map_err(Missing::NoThread)?;
    if let Ok(done) = receiver.recv_timeout(limit) {
        return Ok(done);
    }
    let mut state = lock(&state);
    if *state == State::Ended {
        // It may have finished just now.
        return receiver.try_recv().map_err(|_| Missing::Late);
    }
    *state = State::GivenUp;
    *lock(&GIVEN_UP).entry(place.to_owned()).or_default() += 1;
    Err(Missing::Late)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_were_given_up_are_limited() {
        let short = Duration::from_millis(10);
        let long = Duration::from_secs(20);
        let mut ends = Vec::new();
        for _ in 0..MOST_GIVEN_UP {
            let (end, ended) = mpsc::channel::<()>();
            ends.push(end);
            let late = within("here", short, move || ended.recv().is_ok());
            assert!(matches!(late, Err(Missing::Late)), "{late:?}");
        }
        let refused = within("here", long, || 1);
        assert!(matches!(refused, Err(Missing::TooMany)), "{refused:?}");
        assert_eq!(within("there", long, || 1).expect("another place"), 1);
        drop(ends);
        let begun = std::time::Instant::now();
        while within("here", long, || 1).is_err() {
            assert!(begun.elapsed() < long, "they have ended");
            std::thread::sleep(short);
        }
        while !lock(&GIVEN_UP).is_empty() {
            assert!(begun.elapsed() < long, "none is left");
            std::thread::sleep(short);
        }
    }
}
