//! [`Running`]: a server that answers, and the databases that are made on it.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use selfsame::backend::{Backend, Connection, Sql, Statement, StatementKind};
use selfsame::error::{Error, ErrorKind, Result};

/// A server that answers, whoever runs it. What was started for it is stopped when this is dropped.
pub struct Running {
    url: String,
    description: String,
    backend: Arc<dyn Backend>,
    /// Makes the names of its databases differ from those of every other run.
    run: String,
    next: AtomicU64,
    /// Creates and drops databases; opened again when it breaks.
    admin: Mutex<Option<Box<dyn Connection>>>,
    /// What runs the server, if it is ours.
    _process: Option<Box<dyn Send + Sync>>,
}

impl Running {
    /// Connects to the server at `url`, which `description` tells without its password.
    ///
    /// # Errors
    ///
    /// Those of connecting.
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

    /// Returns where it is, with user and password.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns which server this is, without its password.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Returns a name for a database that no other has, of this run or another.
    pub fn fresh_name(&self) -> String {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        format!("selfsame_{}_{number}", self.run)
    }

    /// Runs one statement as the server's user.
    ///
    /// # Errors
    ///
    /// Those of connecting and of the statement.
    pub fn execute(&self, text: &str) -> Result<()> {
        let sql = Sql::new(StatementKind::Ddl, text, [], []);
        self.with_connection(|connection| connection.execute(&Statement::new(&sql, &[])).map(drop))
    }

    /// Does something with a connection of the server's user.
    ///
    /// # Errors
    ///
    /// Those of connecting and of what is done.
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

/// Without the URL, which holds a password.
impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Running").field(&self.description).finish()
    }
}
