//! The pool: connecting happens in the caller, waiting is bounded, and what comes back is reset first.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::backend::{Backend, Connection};
use crate::error::{Error, ErrorKind, Result};
use crate::session::{Planted, is_planted};

const DEFAULT_SIZE: usize = 10;
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

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
    size: usize,
    timeout: Duration,
}

impl Pool {
    pub(super) fn new(most: Option<usize>) -> Self {
        let size = most.map_or(DEFAULT_SIZE, |most| most.min(DEFAULT_SIZE));
        let state = State {
            idle: Vec::new(),
            open: 0,
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
        let deadline = Instant::now() + state.timeout;
        loop {
            while let Some(connection) = state.idle.pop() {
                if connection.is_open() {
                    return Ok(connection);
                }
                state.open -= 1;
            }
            if state.open < state.size || is_planted(Planted::PoolUnbounded) {
                state.open += 1;
                drop(state);
                return backend.connect().inspect_err(|_| self.forget());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let message = format!(
                    "no connection came free within {:?}: all {} are in use (a session keeps one until it commits, rolls back or closes)",
                    state.timeout, state.size
                );
                return Err(Error::new(ErrorKind::PoolTimeout, message));
            }
            state = self
                .returned
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Takes a connection back. One that cannot be reset is dropped.
    pub(super) fn give_back(&self, mut connection: Box<dyn Connection>, used_raw_sql: bool) {
        if !connection.is_open() || connection.reset(used_raw_sql).is_err() {
            drop(connection);
            return self.forget();
        }
        let mut state = self.lock();
        if state.open > state.size {
            state.open -= 1;
            drop(state);
            return drop(connection);
        }
        state.idle.push(connection);
        drop(state);
        self.returned.notify_one();
    }

    /// One connection less.
    pub(super) fn forget(&self) {
        self.lock().open -= 1;
        self.returned.notify_one();
    }

    // The state is whole between any two statements, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
