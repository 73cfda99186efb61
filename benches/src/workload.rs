//! What is measured: workloads, sizes, arms. Each workload is declared once, in a file of `workloads/`. The benchmark, the table, the golden
//! files, growth and the gate use this declaration.

use std::fmt;

use selfsame::Engine;
use selfsame::session::Session;
use selfsame_gate::Law;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Result;
use crate::digest::Digest;
use crate::raw::{Client, MariaDbClient, PostgresClient};
use crate::rows;
use crate::workloads::ALL;

/// A typical use of a database.
#[derive(Clone, Copy)]
pub struct Workload(pub(crate) &'static Declaration);

/// The declaration of a workload.
pub(crate) struct Declaration {
    /// The name in tables and file names.
    pub(crate) name: &'static str,
    /// All sizes of the benchmark, as numbers of rows; measured with `--all-sizes`.
    pub(crate) sizes: &'static [usize],
    /// The most informative sizes in the least time.
    pub(crate) telling: &'static [usize],
    /// The size of the golden files and of the gate's timing.
    pub(crate) gate: usize,
    /// The sizes at which the gate checks growth.
    pub(crate) growth: &'static [usize],
    /// How the number of statements may grow.
    pub(crate) law: fn(Backend) -> Law,
    /// The statements that create the rows for a size.
    pub(crate) rows: fn(usize) -> Vec<String>,
    /// The preparation of runs.
    pub(crate) reset: Reset,
    /// Its arms; raw first, if there is one.
    pub(crate) arms: &'static [(Arm, Way)],
    /// Queries, with one text column, for the rows that runs leave in the tables.
    pub(crate) leaves: &'static [&'static str],
    /// Whether it is a benchmark; otherwise only its growth is checked.
    pub(crate) timed: bool,
}

/// All columns of the users, as one text.
pub(crate) const USERS: &str =
    "SELECT id || '|' || name || '|' || coalesce(hair_color, '~') FROM users";

/// The usual values of a declaration.
pub(crate) const PLAIN: Declaration = Declaration {
    name: "",
    sizes: &[1_000],
    telling: &[1_000],
    gate: 100,
    growth: &[1, 10, 100, 1_000, 10_000],
    law: |_| Law::Constant,
    rows: rows::users,
    reset: Reset::Nothing,
    arms: &[],
    leaves: &[USERS],
    timed: true,
};

/// The preparation of runs; not timed.
pub(crate) enum Reset {
    /// Nothing.
    Nothing,
    /// These statements, once before many runs.
    Once(fn(Backend, usize) -> Vec<String>),
    /// These statements, before every run, which consumes what they create.
    Always(fn(Backend, usize) -> Vec<String>),
    /// A session that the tracked arm continues with.
    Warm(fn(&Engine) -> selfsame::Result<Session>),
}

/// A function over a raw driver.
pub(crate) type By<Driver> = fn(&mut Driver, &Round, &mut Digest) -> Result<()>;

/// The function of an arm.
pub(crate) enum Way {
    /// The raw client, on every backend.
    Client(fn(&mut dyn Client, &Round, &mut Digest) -> Result<()>),
    /// The drivers themselves.
    Raw {
        sqlite: Option<By<rusqlite::Connection>>,
        postgres: Option<By<PostgresClient>>,
        mariadb: Option<By<MariaDbClient>>,
    },
    /// The ORM.
    Engine(fn(&Engine, &Round, &mut Digest) -> selfsame::Result<()>),
    /// The ORM, with the session of [`Reset::Warm`].
    Session(fn(&mut Session, &Round, &mut Digest) -> selfsame::Result<()>),
}

/// The input of a run.
pub(crate) struct Round {
    pub(crate) size: usize,
    /// The keys of all rows, in a scattered order.
    pub(crate) keys: Vec<i64>,
    /// How often the rows were changed since they were prepared.
    pub(crate) number: u64,
}

impl Round {
    /// Of the same length for every round, so that rows stay in place.
    pub(crate) fn hair_color(&self) -> String {
        format!("hair color {:07}", self.number)
    }
}

/// How a workload is executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arm {
    /// Hand-written over the driver, as a good engineer writes it; the others are compared with it.
    Raw,
    /// Hand-written in the fastest known way.
    Tuned,
    /// By the expression language, without a session.
    Core,
    /// Through a session, but as plain values that it does not track.
    Untracked,
    /// As objects of a session.
    Tracked,
}

/// A database to measure on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backend {
    /// SQLite in memory, without the cost of a disk.
    Sqlite,
    /// PostgreSQL, on the first server that is available.
    Postgres,
    /// MariaDB, the same.
    #[serde(rename = "mariadb")]
    MariaDb,
}

impl Workload {
    /// All benchmarks.
    pub fn all() -> Vec<Self> {
        let timed = ALL.iter().filter(|declaration| declaration.timed);
        timed.map(|declaration| Self(declaration)).collect()
    }

    /// All benchmarks, and the workloads for growth.
    pub fn all_with_growth() -> Vec<Self> {
        ALL.iter().map(|declaration| Self(declaration)).collect()
    }

    /// The workload of this name.
    pub fn named(name: &str) -> Option<Self> {
        let found = ALL.iter().find(|declaration| declaration.name == name);
        found.map(|declaration| Self(declaration))
    }

    /// The name in tables and file names.
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// All sizes at which it is measured, as numbers of rows.
    pub fn sizes(self) -> &'static [usize] {
        self.0.sizes
    }

    /// The most informative sizes in the least time.
    pub fn telling_sizes(self) -> &'static [usize] {
        self.0.telling
    }

    /// The size of its golden files.
    pub fn gate_size(self) -> usize {
        self.0.gate
    }

    /// Its arms on a backend; raw first.
    pub fn arms(self, backend: Backend) -> Vec<Arm> {
        let all = self.0.arms.iter();
        let there = all.filter(|(_, way)| match (way, backend) {
            (Way::Raw { sqlite, .. }, Backend::Sqlite) => sqlite.is_some(),
            (Way::Raw { postgres, .. }, Backend::Postgres) => postgres.is_some(),
            (Way::Raw { mariadb, .. }, Backend::MariaDb) => mariadb.is_some(),
            _ => true,
        });
        there.map(|(arm, _)| *arm).collect()
    }

    pub(crate) fn way(self, arm: Arm) -> Option<&'static Way> {
        let found = self.0.arms.iter().find(|(known, _)| *known == arm);
        found.map(|(_, way)| way)
    }
}

impl PartialEq for Workload {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Workload {}

impl fmt::Debug for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Workload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Workload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::named(&name)
            .ok_or_else(|| serde::de::Error::custom(format!("unknown workload {name}")))
    }
}

impl Arm {
    /// Every arm, in the order of tables.
    pub const ALL: [Self; 5] = [
        Self::Raw,
        Self::Tuned,
        Self::Core,
        Self::Untracked,
        Self::Tracked,
    ];

    /// The name in tables and file names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Tuned => "tuned",
            Self::Core => "core",
            Self::Untracked => "untracked",
            Self::Tracked => "tracked",
        }
    }

    /// Whether it is hand-written over the driver.
    pub(crate) fn is_raw(self) -> bool {
        matches!(self, Self::Raw | Self::Tuned)
    }
}

impl Backend {
    /// Every backend, in the order of tables.
    pub const ALL: [Self; 3] = [Self::Sqlite, Self::Postgres, Self::MariaDb];

    /// The name in tables and file names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::MariaDb => "mariadb",
        }
    }

    /// The database's own name.
    pub fn product(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
            Self::MariaDb => "MariaDB",
        }
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for Arm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
