//! [`Server`]: a running PostgreSQL server.

use std::env;
use std::sync::Arc;

use selfsame::error::{Error, ErrorKind, Result};
use selfsame_testing::{Container, Image, Running};

use super::database::Database;
use super::local::LocalServer;
use crate::Postgres;

const IMAGE: &str = "postgres:17";
const PASSWORD: &str = "selfsame";

fn image(name: &str) -> Image<'_> {
    Image {
        name,
        port: 5432,
        // The first server of the image, which only initializes, writes this to standard output.
        ready: "database system is ready to accept connections",
        // A SCRAM handshake takes an unoptimized client a tenth of a second.
        variables: &[
            ("POSTGRES_PASSWORD", PASSWORD),
            ("POSTGRES_HOST_AUTH_METHOD", "password"),
        ],
        command: &[
            "postgres",
            "-c",
            "fsync=off",
            "-c",
            "synchronous_commit=off",
            "-c",
            "full_page_writes=off",
            "-c",
            "max_connections=200",
        ],
    }
}

/// A running server. If it was started here, it stops when the last clone and the last [`Database`] are dropped.
#[derive(Clone, Debug)]
pub struct Server(Arc<Running>);

impl Server {
    /// Finds or starts a server, in the order given in [the module](super).
    ///
    /// # Errors
    ///
    /// [`Configuration`](ErrorKind::Configuration) with what was tried and why it failed. If `SELFSAME_POSTGRES_URL` is set,
    /// nothing else is tried.
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

    /// Starts a container of this image, `name:tag`.
    ///
    /// # Errors
    ///
    /// [`Configuration`](ErrorKind::Configuration) if Docker or the image is not available, or if the server does not start.
    pub fn container(image: &str) -> Result<Self> {
        let container = Container::start(&self::image(image))?;
        let address = container.address();
        let url = format!("postgres://postgres:{PASSWORD}@{address}/postgres");
        let description = format!("docker:{image}");
        Self::reached(url, description, Some(Box::new(container)))
    }

    /// Starts a temporary server from local binaries.
    ///
    /// # Errors
    ///
    /// [`Configuration`](ErrorKind::Configuration) if there are no binaries, or with the end of the log if the server does not start.
    pub fn local() -> Result<Self> {
        let server = LocalServer::start()?;
        let (url, description) = (server.url(), "local:postgres".to_owned());
        Self::reached(url, description, Some(Box::new(server)))
    }

    /// Uses an existing server. The user of the URL must be allowed to create schemas in its database.
    ///
    /// # Errors
    ///
    /// Errors of [`Postgres::url`] and of connecting.
    pub fn from_url(url: &str) -> Result<Self> {
        let postgres = Postgres::url(url)?;
        Self::reached(url.to_owned(), postgres.address(), None)
    }

    /// Returns its URL, with user and password.
    pub fn url(&self) -> &str {
        self.0.url()
    }

    /// Describes the server without its password: `local:postgres`, `docker:postgres:17`, or the URL's address.
    pub fn description(&self) -> &str {
        self.0.description()
    }

    /// Returns the server's name and version: `PostgreSQL 15.18`.
    ///
    /// # Errors
    ///
    /// Errors of connecting and of the query.
    pub fn version(&self) -> Result<String> {
        self.0
            .with_connection(|connection| connection.server_version())
    }

    /// Creates an empty database: a schema that is the whole search path of its connections, dropped with the value.
    ///
    /// # Errors
    ///
    /// Errors of connecting and of CREATE SCHEMA; [`Configuration`](ErrorKind::Configuration) if connections do not end up in the new schema.
    pub fn database(&self) -> Result<Database> {
        let name = self.0.fresh_name();
        self.admin(&format!("CREATE SCHEMA {name}"))?;
        let database = Database::new(self.clone(), name);
        selfsame_testing::require_schema(&database.backend(), "current_schema()", database.name())?;
        Ok(database)
    }

    /// Runs one statement as the server's user.
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
