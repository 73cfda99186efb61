//! What is measured: workloads, sizes, arms.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Something that every program does with a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Workload {
    /// Load all users as objects.
    Trivial,
    /// Insert new users in one transaction, with the keys that the database made.
    Insert,
    /// Get every user by key, one after the other, from an empty identity map.
    PkCold,
    /// The same from an identity map that has them all. The raw arm has none, and reads.
    PkWarm,
    /// Get all users by their keys at once. The raw arm gets one after the other.
    PkMany,
    /// Load all users, change one column of each, commit.
    Update,
    /// Load users, their posts, and the comments on those: ten of each for each.
    Associations,
}

/// How a workload is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arm {
    /// By hand over the driver, as a good engineer writes it: the measure of the others.
    Raw,
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
    /// SQLite, in memory: there is no disk to hide behind.
    Sqlite,
    /// PostgreSQL, on whatever server can be had.
    Postgres,
}

impl Workload {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Trivial,
        Self::Insert,
        Self::PkCold,
        Self::PkWarm,
        Self::PkMany,
        Self::Update,
        Self::Associations,
    ];

    /// The name in tables and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trivial => "trivial",
            Self::Insert => "insert",
            Self::PkCold => "pk_cold",
            Self::PkWarm => "pk_warm",
            Self::PkMany => "pk_many",
            Self::Update => "update",
            Self::Associations => "associations",
        }
    }

    /// All sizes that it is measured at: a number of users.
    pub fn sizes(self) -> &'static [usize] {
        match self {
            Self::Trivial => &[1, 10, 100, 1_000, 10_000],
            Self::Insert => &[1, 10, 25, 50, 100, 1_000],
            Self::PkCold | Self::PkWarm | Self::PkMany | Self::Update => &[1_000],
            Self::Associations => &[9, 100],
        }
    }

    /// The sizes that tell most in the least time.
    pub fn telling_sizes(self) -> &'static [usize] {
        match self {
            Self::Trivial => &[100, 10_000],
            Self::Insert => &[1, 1_000],
            _ => self.sizes(),
        }
    }

    /// How it can be done. Raw comes first.
    pub fn arms(self) -> &'static [Arm] {
        match self {
            Self::Trivial => &[Arm::Raw, Arm::Core, Arm::Untracked, Arm::Tracked],
            Self::PkCold | Self::PkMany | Self::Update => &[Arm::Raw, Arm::Core, Arm::Tracked],
            Self::Insert | Self::PkWarm | Self::Associations => &[Arm::Raw, Arm::Tracked],
        }
    }
}

impl Arm {
    /// The name in tables and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Core => "core",
            Self::Untracked => "untracked",
            Self::Tracked => "tracked",
        }
    }
}

impl Backend {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];

    /// The name in tables and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
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
