//! [`Server`]: a running MariaDB server or cluster.

use std::env;
use std::sync::Arc;
use std::time::{Duration, Instant};

use selfsame::backend::{Backend, Sql, Statement, StatementKind};
use selfsame::error::{Error, ErrorKind, Result};
use selfsame::value::ValueType;
use selfsame_testing::{Container, Image, Running};

use super::cluster::Cluster;
use super::database::Database;
use super::local::LocalServer;
use crate::MariaDb;

const IMAGE: &str = "mariadb:11.4";
const PASSWORD: &str = "selfsame";

fn image(name: &str) -> Image<'_> {
    Image {
        name,
        port: 3306,
        // The first server, which only initializes, has no port.
        ready: "port: 3306",
        variables: &[("MARIADB_ROOT_PASSWORD", PASSWORD)],
        command: &[
            "--skip-name-resolve",
            "--max-connections=300",
            "--max-allowed-packet=64M",
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-doublewrite=0",
            "--performance-schema=0",
        ],
    }
}

/// The maximum time in which a node applies the commit of another.
const APPLIED: Duration = Duration::from_secs(5);

/// A running server or cluster. If it was started here, it stops when the last clone and the last [`Database`] are dropped.
#[derive(Clone, Debug)]
pub struct Server {
    running: Arc<Running>,
    /// A backend without a database.
    backend: MariaDb,
}

impl Server {
    /// Finds or starts a server, in the order given in [the module](super).
    ///
    /// # Errors
    ///
    /// [`Configuration`](ErrorKind::Configuration) with what was tried and why it failed. If `SELFSAME_MARIADB_URL` or
    /// `SELFSAME_MARIADB_IMAGE` is set, nothing else is tried.
    pub fn start() -> Result<Self> {
        if let Ok(url) = env::var("SELFSAME_MARIADB_URL") {
            return Self::from_url(&url).map_err(|error| {
                let message = format!("SELFSAME_MARIADB_URL: {}", error.message());
                Error::new(error.kind(), message)
            });
        }
        if let Ok(image) = env::var("SELFSAME_MARIADB_IMAGE") {
            return Self::container(&image).map_err(|error| {
                let message = format!("SELFSAME_MARIADB_IMAGE: {}", error.message());
                Error::new(error.kind(), message)
            });
        }
        let local = match Self::local() {
            Ok(server) => return Ok(server),
            Err(error) => error,
        };
        Self::container(IMAGE).map_err(|docker| {
            let message = format!(
                "no MariaDB server: SELFSAME_MARIADB_URL is not set; local binaries: {}; Docker: {}",
                local.message(),
                docker.message()
            );
            Error::new(ErrorKind::Configuration, message)
        })
    }

    /// Finds or starts a MySQL server: the one in `SELFSAME_MYSQL_URL`, or one from a [local binary](Self::local_mysql).
    ///
    /// # Errors
    ///
    /// [`Configuration`](ErrorKind::Configuration) with what was tried and why it failed.
    pub fn mysql() -> Result<Self> {
        match env::var("SELFSAME_MYSQL_URL") {
            Ok(url) => Self::from_url(&url).map_err(|error| {
                let message = format!("SELFSAME_MYSQL_URL: {}", error.message());
                Error::new(error.kind(), message)
            }),
            Err(_) => Self::local_mysql(),
        }
    }

    /// Starts a temporary MySQL server from a local binary: the file in `SELFSAME_MYSQLD`, or `mysqld` in PATH.
    ///
    /// # Errors
    ///
    /// Same as [`local`](Self::local).
    pub fn local_mysql() -> Result<Self> {
        let server = LocalServer::start_mysql()?;
        let url = server.url();
        Self::reached(url, "local:mysql".to_owned(), Some(Box::new(server)))
    }

    /// Starts a container of this image, `name:tag`.
    ///
    /// # Errors
    ///
    /// [`Configuration`](ErrorKind::Configuration) if Docker or the image is not available, or if the server does not start.
    pub fn container(image: &str) -> Result<Self> {
        let container = Container::start(&self::image(image))?;
        let url = format!("mariadb://root:{PASSWORD}@{}", container.address());
        let description = format!("docker:{image}");
        Self::reached(url, description, Some(Box::new(container)))
    }

    /// Starts a temporary server from local binaries.
    ///
    /// # Errors
    ///
    /// [`Configuration`](ErrorKind::Configuration) if there are no binaries, or with the end of the log if the server does not start.
    pub fn local() -> Result<Self> {
        Self::local_with(&[])
    }

    /// Like [`local`](Self::local), with options for the server: `--lower-case-table-names=1`.
    ///
    /// # Errors
    ///
    /// Same as [`local`](Self::local).
    pub fn local_with(options: &[&str]) -> Result<Self> {
        let server = LocalServer::start(options)?;
        let url = server.url();
        Self::reached(url, "local:mariadb".to_owned(), Some(Box::new(server)))
    }

    /// Starts a temporary Galera cluster of three nodes, over which connections spread.
    ///
    /// # Errors
    ///
    /// Errors of [`Cluster::start`].
    pub fn cluster() -> Result<Self> {
        let cluster = Cluster::start(3)?;
        let url = cluster.url();
        Self::reached(url, "galera:local".to_owned(), Some(Box::new(cluster)))
    }

    /// Uses an existing server. The user of the URL must be allowed to create databases.
    ///
    /// # Errors
    ///
    /// Errors of [`MariaDb::url`] and of connecting.
    pub fn from_url(url: &str) -> Result<Self> {
        let description = MariaDb::url(url)?.address();
        Self::reached(url.to_owned(), description, None)
    }

    /// Returns its URL, with user and password.
    pub fn url(&self) -> &str {
        self.running.url()
    }

    /// Describes the server without its password: `local:mariadb`, `local:mysql`, `docker:mariadb:11.4`, or the URL's address.
    pub fn description(&self) -> &str {
        self.running.description()
    }

    /// Returns the server's name and version: `MariaDB 10.11.19`.
    ///
    /// # Errors
    ///
    /// Errors of connecting and of the query.
    pub fn version(&self) -> Result<String> {
        self.running
            .with_connection(|connection| connection.server_version())
    }

    /// Creates an empty database, dropped with the value.
    ///
    /// # Errors
    ///
    /// Errors of connecting and of CREATE DATABASE; [`Configuration`](ErrorKind::Configuration) if connections do not end up in it.
    pub fn database(&self) -> Result<Database> {
        let name = self.running.fresh_name();
        self.running.execute(&format!("CREATE DATABASE {name}"))?;
        let database = Database::new(self.clone(), name);
        self.wait_for(&database)?;
        selfsame_testing::require_schema(&database.backend(), "database()", database.name())?;
        Ok(database)
    }

    /// Waits until each host has the database, because nodes of a cluster create it one after the other.
    fn wait_for(&self, database: &Database) -> Result<()> {
        let until = Instant::now() + APPLIED;
        for _ in 0..self.backend.hosts() {
            while let Err(error) = database.backend().connect() {
                if Instant::now() > until {
                    return Err(error);
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        Ok(())
    }

    /// Returns a backend without a database. All backends of one server share the rotation of hosts.
    pub(super) fn backend(&self) -> MariaDb {
        self.backend.clone()
    }

    pub(super) fn drop_database(&self, name: &str) -> Result<()> {
        let mut open = Vec::new();
        let text = format!(
            "SELECT id FROM information_schema.processlist WHERE db = '{name}' AND id <> CONNECTION_ID()"
        );
        let sql = Sql::new(StatementKind::Raw, text, [], [ValueType::I64]);
        self.running.with_connection(|connection| {
            connection.query(&Statement::new(&sql, &[]), &mut |row| {
                if let selfsame::value::ValueRef::I64(id) = row.value(0, ValueType::I64)? {
                    open.push(id);
                }
                Ok(())
            })
        })?;
        for id in open {
            // It may have ended already.
            let _ = self.running.execute(&format!("KILL {id}"));
        }
        self.running
            .execute(&format!("DROP DATABASE IF EXISTS {name}"))
    }

    pub(super) fn reached(
        url: String,
        description: String,
        process: Option<Box<dyn Send + Sync>>,
    ) -> Result<Self> {
        let backend = MariaDb::url(&url)?;
        let reached = Arc::new(backend.clone());
        let running = Running::reach(url, description, reached, process)?;
        Ok(Self {
            running: Arc::new(running),
            backend,
        })
    }
}
