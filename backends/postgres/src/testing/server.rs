//! [`Server`]: one running PostgreSQL, whoever runs it.

use std::env;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use selfsame::backend::{Backend, Connection, Sql, Statement, StatementKind};
use selfsame::error::{Error, ErrorKind, Result};
use selfsame_testing::run_name;

use super::container::Container;
use super::database::Database;
use super::local::LocalServer;
use crate::Postgres;

const IMAGE: &str = "postgres:17";

/// A running server. What was started is stopped when the last clone and the last [`Database`] are dropped.
#[derive(Clone)]
pub struct Server(Arc<Shared>);

struct Shared {
    url: String,
    description: String,
    /// Makes the names of its databases differ from those of every other run.
    run: String,
    next: AtomicU64,
    /// Creates and drops databases; opened again when it breaks.
    admin: Mutex<Option<Box<dyn Connection>>>,
    /// What runs the server, if it is ours.
    _process: Option<Box<dyn Send + Sync>>,
}

impl Server {
    /// The first server that can be had, in the order that [the module](super) tells.
    ///
    /// # Errors
    ///
    /// [`Configuration`](ErrorKind::Configuration), listing what was tried and why it failed. If `SELFSAME_POSTGRES_URL` is set,
    /// its failure is final.
    pub fn start() -> Result<Self> {
        if let Ok(url) = env::var("SELFSAME_POSTGRES_URL") {
            return Self::from_url(&url).map_err(|error| {
                let message = format!("SELFSAME_POSTGRES_URL: {}", error.message());
                Error::new(error.kind(), message)
            });
        }
        let image = env::var("SELFSAME_POSTGRES_IMAGE").unwrap_or_else(|_| IMAGE.to_owned());
        let docker = match Self::container(&image) {
            Ok(server) => return Ok(server),
            Err(error) => error,
        };
        let local = match Self::local() {
            Ok(server) => return Ok(server),
            Err(error) => error,
        };
        Err(Error::new(
            ErrorKind::Configuration,
            format!(
                "no PostgreSQL server: SELFSAME_POSTGRES_URL is not set; Docker: {}; local binaries: {}",
                docker.message(),
                local.message()
            ),
        ))
    }

    /// A container of this image, `name:tag`.
    ///
    /// # Errors
    ///
    /// [`Configuration`](ErrorKind::Configuration) if there is no Docker or no such image, or if no server comes up in it.
    pub fn container(image: &str) -> Result<Self> {
        let container = Container::start(image)?;
        let (url, description) = (container.url(), format!("docker:{image}"));
        Self::reached(url, description, Some(Box::new(container)))
    }

    /// A throw-away server from local binaries.
    ///
    /// # Errors
    ///
    /// [`Configuration`](ErrorKind::Configuration) if there are no binaries, or with the log's end if the server does not start.
    pub fn local() -> Result<Self> {
        let server = LocalServer::start()?;
        let (url, description) = (server.url(), "local:postgres".to_owned());
        Self::reached(url, description, Some(Box::new(server)))
    }

    /// A server that is there already. The user of the URL must be allowed to create schemas in its database.
    ///
    /// # Errors
    ///
    /// Those of [`Postgres::url`] and of connecting.
    pub fn from_url(url: &str) -> Result<Self> {
        let postgres = Postgres::url(url)?;
        Self::reached(url.to_owned(), postgres.address(), None)
    }

    /// Where it is: user, password, host, port and database.
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// Which server this is, without its password: `local:postgres`, `docker:postgres:17`, or the URL's address.
    pub fn description(&self) -> &str {
        &self.0.description
    }

    /// What the server calls itself: `PostgreSQL 15.18`.
    ///
    /// # Errors
    ///
    /// Those of connecting and asking.
    pub fn version(&self) -> Result<String> {
        self.with_admin(|connection| connection.server_version())
    }

    /// An empty database of its own, in effect: a schema that is its connections' whole search path, dropped with the value.
    ///
    /// # Errors
    ///
    /// Those of connecting and of CREATE SCHEMA.
    pub fn database(&self) -> Result<Database> {
        let number = self.0.next.fetch_add(1, Ordering::Relaxed);
        let name = format!("selfsame_{}_{number}", self.0.run);
        self.admin(&format!("CREATE SCHEMA {name}"))?;
        Ok(Database::new(self.clone(), name))
    }

    /// Runs one statement of our own as the server's user.
    pub(super) fn admin(&self, text: &str) -> Result<()> {
        let sql = Sql::new(StatementKind::Ddl, text, [], []);
        self.with_admin(|connection| connection.execute(&Statement::new(&sql, &[])).map(drop))
    }

    fn with_admin<T>(&self, run: impl FnOnce(&mut dyn Connection) -> Result<T>) -> Result<T> {
        let mut admin: MutexGuard<'_, _> =
            self.0.admin.lock().unwrap_or_else(PoisonError::into_inner);
        if !admin
            .as_ref()
            .is_some_and(|connection| connection.is_open())
        {
            *admin = Some(Postgres::url(&self.0.url)?.connect()?);
        }
        match admin.as_mut() {
            Some(connection) => run(connection.as_mut()),
            None => Err(Error::new(ErrorKind::InvalidState, "no connection")),
        }
    }

    fn reached(
        url: String,
        description: String,
        process: Option<Box<dyn Send + Sync>>,
    ) -> Result<Self> {
        let admin = Postgres::url(&url)?.connect()?;
        Ok(Self(Arc::new(Shared {
            url,
            description,
            run: run_name(),
            next: AtomicU64::new(0),
            admin: Mutex::new(Some(admin)),
            _process: process,
        })))
    }
}

/// Without the URL, which holds a password.
impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Server").field(&self.0.description).finish()
    }
}
