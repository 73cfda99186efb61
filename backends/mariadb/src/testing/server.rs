//! [`Server`]: one running MariaDB, whoever runs it.

use std::env;
use std::sync::Arc;
use std::time::{Duration, Instant};

use selfsame::backend::{Backend, Sql, Statement, StatementKind};
use selfsame::error::{Error, ErrorKind, Result};
use selfsame::value::ValueType;
use selfsame_testing::Running;

use super::cluster::Cluster;
use super::database::Database;
use super::local::LocalServer;
use crate::MariaDb;

/// How long a node may take to apply what another has committed.
const APPLIED: Duration = Duration::from_secs(5);

/// A running server, or a cluster. What was started is stopped when the last clone and the last [`Database`] are dropped.
#[derive(Clone, Debug)]
pub struct Server {
    running: Arc<Running>,
    /// Leads to no database.
    backend: MariaDb,
}

impl Server {
    /// The first server that can be had, in the order that [the module](super) tells.
    ///
    /// # Errors
    ///
    /// [`Configuration`](ErrorKind::Configuration), saying what was tried and why it failed. If `SELFSAME_MARIADB_URL` is set, its failure
    /// is final.
    pub fn start() -> Result<Self> {
        if let Ok(url) = env::var("SELFSAME_MARIADB_URL") {
            return Self::from_url(&url).map_err(|error| {
                let message = format!("SELFSAME_MARIADB_URL: {}", error.message());
                Error::new(error.kind(), message)
            });
        }
        Self::local().map_err(|error| {
            let message = format!(
                "no MariaDB server: SELFSAME_MARIADB_URL is not set; local binaries: {}",
                error.message()
            );
            Error::new(ErrorKind::Configuration, message)
        })
    }

    /// A throw-away server from local binaries.
    ///
    /// # Errors
    ///
    /// [`Configuration`](ErrorKind::Configuration) if there are no binaries, or with the log's end if the server does not start.
    pub fn local() -> Result<Self> {
        Self::local_with(&[])
    }

    /// The same, with options of the server: `--lower-case-table-names=1`.
    ///
    /// # Errors
    ///
    /// As [`local`](Self::local).
    pub fn local_with(options: &[&str]) -> Result<Self> {
        let server = LocalServer::start(options)?;
        let url = server.url();
        Self::reached(url, "local:mariadb".to_owned(), Some(Box::new(server)))
    }

    /// A throw-away Galera cluster of three nodes, over which connections spread.
    ///
    /// # Errors
    ///
    /// Those of [`Cluster::start`].
    pub fn cluster() -> Result<Self> {
        let cluster = Cluster::start(3)?;
        let url = cluster.url();
        Self::reached(url, "galera:local".to_owned(), Some(Box::new(cluster)))
    }

    /// A server that is there already. The user of the URL must be allowed to create databases.
    ///
    /// # Errors
    ///
    /// Those of [`MariaDb::url`] and of connecting.
    pub fn from_url(url: &str) -> Result<Self> {
        let description = MariaDb::url(url)?.address();
        Self::reached(url.to_owned(), description, None)
    }

    /// Where it is: user, password, hosts.
    pub fn url(&self) -> &str {
        self.running.url()
    }

    /// Which server this is, without its password: `local:mariadb`, or the URL's address.
    pub fn description(&self) -> &str {
        self.running.description()
    }

    /// What the server calls itself: `MariaDB 10.11.19`.
    ///
    /// # Errors
    ///
    /// Those of connecting and asking.
    pub fn version(&self) -> Result<String> {
        self.running
            .with_connection(|connection| connection.server_version())
    }

    /// An empty database of its own, dropped with the value.
    ///
    /// # Errors
    ///
    /// Those of connecting and of CREATE DATABASE.
    pub fn database(&self) -> Result<Database> {
        let name = self.running.fresh_name();
        self.running.execute(&format!("CREATE DATABASE {name}"))?;
        let database = Database::new(self.clone(), name);
        self.wait_for(&database)?;
        Ok(database)
    }

    /// Waits until each host has the database, which the nodes of a cluster do one after the other.
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

    /// Leads to no database. All that come of one server take turns with its hosts.
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
            // It may be gone by now.
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
