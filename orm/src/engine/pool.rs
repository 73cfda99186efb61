//! The pool: connecting happens in the caller, waiting is bounded, and what comes back is reset first.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::backend::{Backend, Connection};
use crate::error::{Error, ErrorKind, Result};
use crate::planted::{Planted, is_planted};

const DEFAULT_SIZE: usize = 10;
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// Waits are cut into pieces that every clock can tell.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

pub(super) struct Pool {
    state: Mutex<State>,
    returned: Condvar,
    /// What the backend allows.
    most: Option<usize>,
}

struct State {
    idle: Vec<Box<dyn Connection>>,
    /// Idle, in use, and being opened.
    open: usize,
    /// Threads that wait for a connection: nobody is woken if there are none.
    waiting: usize,
    size: usize,
    timeout: Duration,
}

impl Pool {
    pub(super) fn new(most: Option<usize>) -> Self {
        let size = most.map_or(DEFAULT_SIZE, |most| most.min(DEFAULT_SIZE));
        let state = State {
            idle: Vec::new(),
            open: 0,
            waiting: 0,
            size,
            timeout: DEFAULT_TIMEOUT,
        };
        Self {
            state: Mutex::new(state),
            returned: Condvar::new(),
            most,
        }
    }

    pub(super) fn resize(&self, size: usize) {
        let size = self.most.map_or(size, |most| most.min(size)).max(1);
        self.lock().size = size;
        self.returned.notify_all();
    }

    pub(super) fn set_timeout(&self, timeout: Duration) {
        self.lock().timeout = timeout;
    }

    /// An idle connection, or a new one, or the first that comes back in time.
    pub(super) fn take(&self, backend: &dyn Backend) -> Result<Box<dyn Connection>> {
        let mut state = self.lock();
        let mut deadline = None;
        loop {
            if let Some(connection) = state.idle.pop() {
                // The backend may look at a file or a socket: not while others wait for the lock.
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
            if state.open < state.size || is_planted(Planted::PoolUnbounded) {
                state.open += 1;
                drop(state);
                let mut place = Reservation::of(self);
                let connection = backend.connect()?;
                place.keep();
                return Ok(connection);
            }
            // A timeout beyond the clock's end is none.
            let now = Instant::now();
            let until = *deadline.get_or_insert_with(|| now.checked_add(state.timeout));
            let left = until.map_or(LONGEST_WAIT, |until| until.saturating_duration_since(now));
            if left.is_zero() {
                let message = format!(
                    "no connection came free within {:?}: all {} are in use (a session keeps one until it commits, rolls back or closes)",
                    state.timeout, state.size
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

    /// Takes a connection back. One that cannot be reset is dropped.
    pub(super) fn give_back(&self, mut connection: Box<dyn Connection>, used_raw_sql: bool) {
        let mut place = Reservation::of(self);
        if !connection.is_open() || connection.reset(used_raw_sql).is_err() {
            return;
        }
        let mut state = self.lock();
        if state.open > state.size {
            drop(state);
            return;
        }
        place.keep();
        state.idle.push(connection);
        self.wake_one(state);
    }

    /// One connection less.
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

    // The state is whole between any two statements, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's place in the pool, given up unless it is kept: a backend that panics must not take places along.
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
