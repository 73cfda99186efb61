//! The connection pool: connections are opened in the calling thread, waiting is bounded, and returned connections are reset.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::backend::{Backend, Connection};
use crate::error::{Error, ErrorKind, Result};
use crate::planted::{Planted, is_planted};

const DEFAULT_SIZE: usize = 10;
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// Longer waits are split, because not every platform's clock can represent them.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

pub(super) struct Pool {
    state: Mutex<State>,
    returned: Condvar,
}

struct State {
    idle: Vec<Box<dyn Connection>>,
    /// Idle, in use, and being opened.
    open: usize,
    /// The number of threads waiting for a connection; none is notified if it is 0.
    waiting: usize,
    /// The maximum number of open connections that the program asked for.
    wanted: usize,
    /// The backend's maximum.
    most: Option<usize>,
    timeout: Duration,
}

impl State {
    /// Returns the maximum number of open connections.
    fn size(&self) -> usize {
        let most = self.most.unwrap_or(usize::MAX);
        self.wanted.min(most).max(1)
    }
}

impl Pool {
    pub(super) fn new(most: Option<usize>) -> Self {
        let state = State {
            idle: Vec::new(),
            open: 0,
            waiting: 0,
            wanted: DEFAULT_SIZE,
            most,
            timeout: DEFAULT_TIMEOUT,
        };
        Self {
            state: Mutex::new(state),
            returned: Condvar::new(),
        }
    }

    pub(super) fn resize(&self, size: usize) {
        self.change(|state| state.wanted = size);
    }

    /// Sets the backend's maximum, which may be known only after the first connection.
    pub(super) fn limit(&self, most: Option<usize>) {
        self.change(|state| state.most = most);
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        let excess = state
            .open
            .saturating_sub(state.size())
            .min(state.idle.len());
        let closed: Vec<_> = state.idle.drain(..excess).collect();
        state.open -= closed.len();
        drop(state);
        // A connection may take a while to close.
        drop(closed);
        self.returned.notify_all();
    }

    pub(super) fn set_timeout(&self, timeout: Duration) {
        self.lock().timeout = timeout;
    }

    /// Returns an idle connection, a new one, or the first that is returned in time.
    pub(super) fn take(&self, backend: &dyn Backend) -> Result<Box<dyn Connection>> {
        let mut state = self.lock();
        let mut deadline = None;
        loop {
            if let Some(connection) = state.idle.pop() {
                // The check may touch a file or a socket, so it runs without the lock.
                drop(state);
                let mut place = Reservation::of(self);
                if connection.is_open() {
                    place.keep();
                    return Ok(connection);
                }
                drop((connection, place));
                state = self.lock();
                continue;
            }
            if state.open < state.size() || is_planted(Planted::PoolUnbounded) {
                state.open += 1;
                drop(state);
                let mut place = Reservation::of(self);
                let connection = backend.connect()?;
                place.keep();
                return Ok(connection);
            }
            // A timeout that overflows the clock means no timeout.
            let now = Instant::now();
            let until = *deadline.get_or_insert_with(|| now.checked_add(state.timeout));
            let left = until.map_or(LONGEST_WAIT, |until| until.saturating_duration_since(now));
            if left.is_zero() {
                let message = format!(
                    "no connection became free within {:?}: all {} are in use (a session holds one until it commits, rolls back or closes)",
                    state.timeout,
                    state.size()
                );
                return Err(Error::new(ErrorKind::PoolTimeout, message));
            }
            state.waiting += 1;
            state = self
                .returned
                .wait_timeout(state, left.min(LONGEST_WAIT))
                .unwrap_or_else(PoisonError::into_inner)
                .0;
            state.waiting -= 1;
        }
    }

    /// Takes a connection back; drops it if it cannot be reset.
    pub(super) fn give_back(&self, mut connection: Box<dyn Connection>, used_raw_sql: bool) {
        let mut place = Reservation::of(self);
        if !connection.is_open() || connection.reset(used_raw_sql).is_err() {
            return;
        }
        let mut state = self.lock();
        if state.open > state.size() {
            drop(state);
            return;
        }
        place.keep();
        state.idle.push(connection);
        self.wake_one(state);
    }

    /// Frees the slot of a connection that was dropped.
    pub(super) fn forget(&self) {
        let mut state = self.lock();
        state.open -= 1;
        self.wake_one(state);
    }

    fn wake_one(&self, state: MutexGuard<'_, State>) {
        let is_awaited = state.waiting > 0;
        drop(state);
        if is_awaited {
            self.returned.notify_one();
        }
    }

    // The state is consistent between any two statements, so a poisoned lock can be used.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's slot in the pool, freed on drop unless kept: a panic in the backend must not leak slots.
struct Reservation<'p> {
    pool: Option<&'p Pool>,
}

impl<'p> Reservation<'p> {
    fn of(pool: &'p Pool) -> Self {
        Self { pool: Some(pool) }
    }

    fn keep(&mut self) {
        self.pool = None;
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        if let Some(pool) = self.pool {
            pool.forget();
        }
    }
}
