//! A time limit for a whole answer. The socket's own timeout applies to each wait, so a server that keeps sending a little never
//! exceeds it.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::Shutdown;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Once, PoisonError, Weak};
use std::time::{Duration, Instant};

use socket2::SockRef;

/// The time of a limit, and a number that distinguishes equal times.
type Place = (Instant, u64);

/// The watched sockets.
static WATCHED: Mutex<BTreeMap<Place, Weak<File>>> = Mutex::new(BTreeMap::new());
static EARLIER: Condvar = Condvar::new();

/// A time limit that applies until it is dropped.
pub(crate) struct Limit(Place);

/// Closes a socket unless the returned limit is dropped within this time.
pub(crate) fn within(socket: &Arc<File>, limit: Duration) -> Limit {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        // Without the thread, each wait still has its own limit.
        let _ = std::thread::Builder::new()
            .name("selfsame-mariadb-limits".to_owned())
            .spawn(watch);
    });
    let place = (
        Instant::now() + limit,
        NUMBER.fetch_add(1, Ordering::Relaxed),
    );
    let mut watched = watched();
    watched.insert(place, Arc::downgrade(socket));
    if watched
        .first_key_value()
        .is_some_and(|(first, _)| *first == place)
    {
        EARLIER.notify_one();
    }
    Limit(place)
}

impl Drop for Limit {
    fn drop(&mut self) {
        watched().remove(&self.0);
    }
}

fn watched() -> MutexGuard<'static, BTreeMap<Place, Weak<File>>> {
    WATCHED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn watch() {
    let mut watched = watched();
    loop {
        let first = watched.first_key_value().map(|(place, _)| *place);
        let left = first.map(|(until, _)| until.saturating_duration_since(Instant::now()));
        watched = match (first, left) {
            (Some(place), Some(Duration::ZERO)) => {
                let socket = watched.remove(&place);
                drop(watched);
                if let Some(socket) = socket.and_then(|socket| socket.upgrade()) {
                    let _ = SockRef::from(&*socket).shutdown(Shutdown::Both);
                }
                self::watched()
            }
            (_, Some(left)) => {
                let waited = EARLIER.wait_timeout(watched, left);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
            _ => EARLIER
                .wait(watched)
                .unwrap_or_else(PoisonError::into_inner),
        };
    }
}
