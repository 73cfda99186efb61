//! [`Server`]: one running PostgreSQL, whoever runs it.

use std::env;
use std::sync::Arc;

use selfsame::error::{Error, ErrorKind, Result};
use selfsame_testing::Running;

use super::container::Container;
use super::database::Database;
use super::local::LocalServer;
use crate::Postgres;

const IMAGE: &str = "postgres:17";

/// A running server. What was started is stopped when the last clone and the last [`Database`] are dropped.
#[derive(Clone, Debug)]
pub struct Server(Arc<Running>);

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
        self.0.url()
    }

    /// Which server this is, without its password: `local:postgres`, `docker:postgres:17`, or the URL's address.
    pub fn description(&self) -> &str {
        self.0.description()
    }

    /// What the server calls itself: `PostgreSQL 15.18`.
    ///
    /// # Errors
    ///
    /// Those of connecting and asking.
    pub fn version(&self) -> Result<String> {
        self.0
            .with_connection(|connection| connection.server_version())
    }

    /// An empty database of its own, in effect: a schema that is its connections' whole search path, dropped with the value.
    ///
    /// # Errors
    ///
    /// Those of connecting and of CREATE SCHEMA.
    pub fn database(&self) -> Result<Database> {
        let name = self.0.fresh_name();
        self.admin(&format!("CREATE SCHEMA {name}"))?;
        Ok(Database::new(self.clone(), name))
    }

    /// Runs one statement of our own as the server's user.
    pub(super) fn admin(&self, text: &str) -> Result<()> {
        self.0.execute(text)
    }

    fn reached(
        url: String,
        description: String,
        process: Option<Box<dyn Send + Sync>>,
    ) -> Result<Self> {
        let backend = Arc::new(Postgres::url(&url)?);
        let running = Running::reach(url, description, backend, process)?;
        Ok(Self(Arc::new(running)))
    }
}
