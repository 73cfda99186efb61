//! [`Running`]: a running server, and the databases created on it.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use selfsame::backend::{Backend, Connection, Sql, Statement, StatementKind};
use selfsame::error::{Error, ErrorKind, Result};

/// A running server. If it was started for this value, dropping it stops the server.
pub struct Running {
    url: String,
    description: String,
    backend: Arc<dyn Backend>,
    /// Makes the names of its databases unique to this run.
    run: String,
    next: AtomicU64,
    /// Creates and drops databases; reopened after it breaks.
    admin: Mutex<Option<Box<dyn Connection>>>,
    /// The server's process, if it was started here.
    _process: Option<Box<dyn Send + Sync>>,
}

impl Running {
    /// Connects to the server at `url`; `description` names it without its password.
    ///
    /// # Errors
    ///
    /// Errors of connecting.
    pub fn reach(
        url: String,
        description: String,
        backend: Arc<dyn Backend>,
        process: Option<Box<dyn Send + Sync>>,
    ) -> Result<Self> {
        let admin = backend.connect()?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |since| since.as_millis());
        Ok(Self {
            url,
            description,
            backend,
            run: format!("{}_{now:x}", std::process::id()),
            next: AtomicU64::new(0),
            admin: Mutex::new(Some(admin)),
            _process: process,
        })
    }

    /// Returns the server's URL, with user and password.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns a description of the server without its password.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Returns a unique name for a database.
    pub fn fresh_name(&self) -> String {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        format!("selfsame_{}_{number}", self.run)
    }

    /// Runs one statement as the server's user.
    ///
    /// # Errors
    ///
    /// Errors of connecting and of the statement.
    pub fn execute(&self, text: &str) -> Result<()> {
        let sql = Sql::new(StatementKind::Ddl, text, [], []);
        self.with_connection(|connection| connection.execute(&Statement::new(&sql, &[])).map(drop))
    }

    /// Runs `work` with a connection of the server's user.
    ///
    /// # Errors
    ///
    /// Errors of connecting and of `work`.
    pub fn with_connection<T>(
        &self,
        run: impl FnOnce(&mut dyn Connection) -> Result<T>,
    ) -> Result<T> {
        let mut admin = self.admin.lock().unwrap_or_else(PoisonError::into_inner);
        if !admin.as_ref().is_some_and(|admin| admin.is_open()) {
            *admin = Some(self.backend.connect()?);
        }
        match admin.as_mut() {
            Some(connection) => run(connection.as_mut()),
            None => Err(Error::new(ErrorKind::InvalidState, "no connection")),
        }
    }
}

/// Omits the URL, which contains a password.
impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Running").field(&self.description).finish()
    }
}
