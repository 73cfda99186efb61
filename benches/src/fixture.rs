//! `Fixture`: one workload at one size on one database, with all its arms.

use std::any::Any;
use std::fmt;
use std::time::{Duration, Instant};

use selfsame::Engine;
use selfsame::backend::{Sql, StatementKind};
use selfsame::session::Session;
use selfsame::value::{ValueRef, ValueType};
use selfsame_mariadb::testing::Server as MariaDbServer;
use selfsame_postgres::testing::Server;
use selfsame_sqlite::Sqlite;

use crate::clock::Clock;
use crate::digest::Digest;
use crate::planted::Planted;
use crate::raw::{MariaDbClient, PostgresClient, Raw, SqliteClient};
use crate::rows::shuffled_keys;
use crate::schema::tables;
use crate::workload::{Arm, Backend, Reset, Round, Way, Workload};
use crate::{Error, Result};

/// Where the tables of a workload are created.
#[derive(Clone, Debug)]
pub enum Site {
    /// A SQLite database in memory, one for the raw arm and one for the ORM's.
    Sqlite,
    /// A schema of this PostgreSQL server, shared by all arms.
    Postgres(Server),
    /// A database of this MariaDB server, shared by all arms.
    MariaDb(Box<MariaDbServer>),
}

/// One workload at one size, ready to run.
pub struct Fixture {
    workload: Workload,
    engine: Engine,
    raw: Raw,
    round: Round,
    /// The session of [`Reset::Warm`].
    warm: Option<Session>,
    planted: Option<Planted>,
    backend: Backend,
    /// Dropped last: closing it drops the tables.
    _database: Option<Box<dyn Any>>,
}

impl Site {
    /// Starts the server of a backend, or finds it; SQLite needs none.
    ///
    /// # Errors
    ///
    /// The reason why no server is available.
    pub fn start(backend: Backend) -> selfsame::Result<Self> {
        match backend {
            Backend::Sqlite => Ok(Self::Sqlite),
            Backend::Postgres => Server::start().map(Self::Postgres),
            Backend::MariaDb => Ok(Self::MariaDb(Box::new(MariaDbServer::start()?))),
        }
    }

    /// The environment variable by which other processes find its server, and the value.
    pub fn variable(&self) -> Option<(&'static str, &str)> {
        match self {
            Self::Sqlite => None,
            Self::Postgres(server) => Some(("SELFSAME_POSTGRES_URL", server.url())),
            Self::MariaDb(server) => Some(("SELFSAME_MARIADB_URL", server.url())),
        }
    }

    /// The backend.
    pub fn backend(&self) -> Backend {
        match self {
            Self::Sqlite => Backend::Sqlite,
            Self::Postgres(_) => Backend::Postgres,
            Self::MariaDb(_) => Backend::MariaDb,
        }
    }
}

impl Fixture {
    /// Creates the tables and their rows.
    ///
    /// # Errors
    ///
    /// Errors of the database.
    pub fn new(site: &Site, workload: Workload, size: usize) -> Result<Self> {
        Self::with_mistake(site, workload, size, None)
    }

    /// Like [`new`](Self::new), with a planted mistake that the gate must find.
    pub(crate) fn with_mistake(
        site: &Site,
        workload: Workload,
        size: usize,
        planted: Option<Planted>,
    ) -> Result<Self> {
        let engine = |backend| match planted {
            Some(planted) => planted.engine(backend),
            None => Engine::from_backend(backend),
        };
        let (engine, raw, database): (_, _, Option<Box<dyn Any>>) = match site {
            Site::Sqlite => (
                engine(std::sync::Arc::new(Sqlite::memory())),
                Raw::Sqlite(SqliteClient::open()?),
                None,
            ),
            Site::Postgres(server) => {
                let database = server.database()?;
                let raw = PostgresClient::connect(&database.url())?;
                (
                    engine(std::sync::Arc::new(database.backend())),
                    Raw::Postgres(Box::new(raw)),
                    Some(Box::new(database)),
                )
            }
            Site::MariaDb(server) => {
                let database = server.database()?;
                let raw = MariaDbClient::connect(&database.url())?;
                (
                    engine(std::sync::Arc::new(database.backend())),
                    Raw::MariaDb(Box::new(raw)),
                    Some(Box::new(database)),
                )
            }
        };
        let mut fixture = Self {
            workload,
            engine,
            raw,
            round: Round {
                size,
                keys: shuffled_keys(size),
                number: 0,
            },
            warm: None,
            planted,
            backend: site.backend(),
            _database: database,
        };
        fixture.make_tables()?;
        Ok(fixture)
    }

    fn make_tables(&mut self) -> Result<()> {
        tables().create_all(&self.engine)?;
        let rows = (self.workload.0.rows)(self.round.size);
        let client = self.raw.client();
        if self.backend != Backend::Sqlite {
            // All arms share the tables.
            for text in rows {
                client.batch(&text)?;
            }
            return match self.backend {
                Backend::Postgres => client.batch("ANALYZE"),
                _ => Ok(()),
            };
        }
        for sql in tables().create_statements(self.engine.dialect(), |_| Ok(false))? {
            client.batch(sql.text())?;
        }
        for text in rows {
            client.batch(&text)?;
            batch(&self.engine, &text)?;
        }
        Ok(())
    }

    /// The workload.
    pub fn workload(&self) -> Workload {
        self.workload
    }

    /// The number of rows.
    pub fn size(&self) -> usize {
        self.round.size
    }

    /// The backend on which it runs.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// The ORM's engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Whether a session keeps the connection between runs.
    pub(crate) fn keeps_connection(&self) -> bool {
        self.warm.is_some()
    }

    /// Whether a run consumes what [`prepare`](Self::prepare) created, so that each run needs its own.
    pub fn uses_up(&self) -> bool {
        matches!(self.workload.0.reset, Reset::Always(_))
    }

    /// Puts the tables into the state that runs start from. Not timed.
    ///
    /// # Errors
    ///
    /// Errors of the database.
    pub fn prepare(&mut self, arm: Arm) -> Result<()> {
        self.round.number = 0;
        self.warm = None;
        match self.workload.0.reset {
            Reset::Nothing => {}
            Reset::Once(statements) | Reset::Always(statements) => {
                // Use the arm's own connection: after a change by another connection it would reread the catalogue at its next
                // statement. MariaDB is an exception, because resetting the ORM's connection makes it forget all prepared
                // statements.
                let by_client = arm.is_raw() || self.backend == Backend::MariaDb;
                for text in statements(self.backend, self.round.size) {
                    match by_client {
                        true => self.raw.client().batch(&text)?,
                        false => batch(&self.engine, &text)?,
                    }
                }
            }
            Reset::Warm(open) if !arm.is_raw() => self.warm = Some(open(&self.engine)?),
            Reset::Warm(_) => {}
        }
        Ok(())
    }

    /// Runs the workload once.
    ///
    /// # Errors
    ///
    /// If the workload has no such arm; errors of the database.
    pub fn run(&mut self, arm: Arm, digest: &mut Digest) -> Result<()> {
        self.round.number += 1;
        let way = self
            .workload
            .way(arm)
            .ok_or_else(|| no_such_arm(self.workload, arm))?;
        match (way, &mut self.raw) {
            (Way::Client(run), raw) => run(raw.client(), &self.round, digest),
            (
                Way::Raw {
                    sqlite: Some(run), ..
                },
                Raw::Sqlite(client),
            ) => run(&mut client.0, &self.round, digest),
            (
                Way::Raw {
                    postgres: Some(run),
                    ..
                },
                Raw::Postgres(client),
            ) => run(client, &self.round, digest),
            (
                Way::Raw {
                    mariadb: Some(run), ..
                },
                Raw::MariaDb(client),
            ) => run(client, &self.round, digest),
            (Way::Raw { .. }, _) => Err(no_such_arm(self.workload, arm)),
            (Way::Engine(run), _) => {
                let mut work = || run(&self.engine, &self.round, digest);
                match self.planted {
                    Some(planted) => Ok(planted.around(&self.engine, work)?),
                    None => Ok(work()?),
                }
            }
            (Way::Session(run), _) => {
                let session = self.warm.as_mut().ok_or("the map was not warmed")?;
                Ok(run(session, &self.round, digest)?)
            }
        }
    }

    /// Returns the shortest of this many samples, each of this many runs: other load only adds time. Measured by CPU time of the process on
    /// SQLite, by wall-clock time on a server.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub(crate) fn shortest(&mut self, arm: Arm, samples: u32, runs: u64) -> Result<Duration> {
        let mut digest = Digest::off();
        let mut shortest = Duration::MAX;
        let clock = Clock::of(self.backend);
        if !self.uses_up() {
            self.prepare(arm)?;
        }
        for _ in 0..samples {
            let mut time = Duration::ZERO;
            if self.uses_up() {
                for _ in 0..runs {
                    self.prepare(arm)?;
                    time += clock.time(|| self.run(arm, &mut digest))?;
                }
            } else {
                time = clock.time(|| (0..runs).try_for_each(|_| self.run(arm, &mut digest)))?;
            }
            shortest = shortest.min(time);
        }
        Ok(shortest)
    }

    /// Returns the time of `runs` runs. The tables are prepared before the first run, or before each if the runs consume what was prepared.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn time(&mut self, arm: Arm, runs: u64) -> Result<Duration> {
        let mut digest = Digest::off();
        if !self.uses_up() {
            self.prepare(arm)?;
            let start = Instant::now();
            for _ in 0..runs {
                self.run(arm, &mut digest)?;
            }
            return Ok(start.elapsed());
        }
        let mut time = Duration::ZERO;
        for _ in 0..runs {
            self.prepare(arm)?;
            let start = Instant::now();
            self.run(arm, &mut digest)?;
            time += start.elapsed();
        }
        Ok(time)
    }

    /// Checks that all arms read the same rows and leave the same rows.
    ///
    /// # Errors
    ///
    /// An error that names the arm that differs; errors of the database.
    pub fn check_parity(&mut self) -> Result<()> {
        let arms = self.workload.arms(self.backend);
        let expected = self.checksum(arms[0])?;
        for &arm in &arms[1..] {
            if self.checksum(arm)? != expected {
                return Err(format!(
                    "{} {} on {}: the {arm} arm reads or writes something else than the {} one",
                    self.workload, self.round.size, self.backend, arms[0]
                )
                .into());
            }
        }
        Ok(())
    }

    /// Returns the checksum of what one run of an arm reads and leaves in the tables.
    fn checksum(&mut self, arm: Arm) -> Result<Option<u64>> {
        self.prepare(arm)?;
        let mut digest = Digest::on();
        self.run(arm, &mut digest)?;
        self.warm = None;
        for query in self.workload.0.leaves {
            let texts = match arm.is_raw() {
                true => self.raw.client().texts(query)?,
                false => texts(&self.engine, query)?,
            };
            digest.take(texts, |texts, rows| {
                texts.iter().for_each(|text| rows.add(text))
            });
        }
        Ok(digest.sum())
    }
}

fn batch(engine: &Engine, text: &str) -> Result<()> {
    let sql = Sql::new(StatementKind::Raw, text, [], []);
    engine.connect()?.execute(&sql, &[])?;
    Ok(())
}

fn texts(engine: &Engine, text: &str) -> Result<Vec<String>> {
    let sql = Sql::new(StatementKind::Select, text, [], [ValueType::Text]);
    let mut texts = Vec::new();
    engine.connect()?.query(&sql, &[], &mut |row| {
        if let ValueRef::Text(text) = row.value(0, ValueType::Text)? {
            texts.push(text.to_owned());
        }
        Ok(())
    })?;
    Ok(texts)
}

#[cold]
fn no_such_arm(workload: Workload, arm: Arm) -> Error {
    format!("{workload} has no {arm} arm").into()
}

impl fmt::Debug for Fixture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fixture")
            .field("workload", &self.workload)
            .field("size", &self.round.size)
            .field("backend", &self.backend)
            .finish_non_exhaustive()
    }
}
