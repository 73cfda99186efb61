//! The context of a case: a fresh database, a seed, and notes for the report.

use std::fmt;
use std::sync::Arc;

use selfsame::Result;
use selfsame::backend::{Backend, Connection};
use selfsame::dialect::{Capabilities, Dialect};

use crate::record::{Log, Recorded};
use crate::report::SeenIsolation;
use crate::target::{Fresh, Silenceable};

/// The context of a case.
pub struct Context {
    backend: Arc<dyn Backend>,
    log: Log,
    seed: u64,
    cases: u32,
    notes: Vec<String>,
    pub(crate) isolation: Option<SeenIsolation>,
    /// The number of operations that generated programs ran.
    pub(crate) operations: u64,
    pub(crate) program: Option<String>,
    pub(crate) keep: Option<String>,
    pub(crate) repro: Option<String>,
    // Dropped last: dropping it removes the database.
    fresh: Box<dyn Fresh>,
}

impl Context {
    pub(crate) fn new(fresh: Box<dyn Fresh>, seed: u64, cases: u32, log: Log) -> Self {
        let backend: Arc<dyn Backend> = Arc::new(Recorded::new(fresh.backend(), log.clone()));
        Self {
            backend,
            log,
            seed,
            cases,
            notes: Vec::new(),
            isolation: None,
            operations: 0,
            program: None,
            keep: None,
            repro: None,
            fresh,
        }
    }

    /// Returns the backend under test, on a database that only this case uses.
    pub fn backend(&self) -> Arc<dyn Backend> {
        Arc::clone(&self.backend)
    }

    /// Returns the database through a proxy that can make its server silent, if the target offers one.
    pub(crate) fn silenceable(&self) -> Option<Silenceable> {
        let silenceable = self.fresh.silenceable()?;
        Some(silenceable.wrapped(|backend| Arc::new(Recorded::new(backend, self.log.clone()))))
    }

    /// Opens a new connection.
    ///
    /// # Errors
    ///
    /// Errors of the backend.
    pub fn connect(&self) -> Result<Box<dyn Connection>> {
        self.backend.connect()
    }

    /// Returns the backend's dialect.
    pub fn dialect(&self) -> &dyn Dialect {
        self.backend.dialect()
    }

    /// Returns the capabilities that the backend claims.
    pub fn capabilities(&self) -> Capabilities {
        self.dialect().capabilities()
    }

    /// Returns the seed of this case, derived from the run's seed and the case's id.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Returns the number of inputs that a property tries.
    pub fn cases(&self) -> u32 {
        self.cases
    }

    /// Adds a line to the report of this case, whatever its outcome.
    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    pub(crate) fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("backend", &self.backend)
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}
