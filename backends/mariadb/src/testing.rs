//! A MariaDB server or cluster for tests, and a separate database for each case.
//!
//! [`Server::start`] uses
//!
//! 1. the server in `SELFSAME_MARIADB_URL`, by a user who may create databases;
//! 2. with the feature `containers`, a container of the image in `SELFSAME_MARIADB_IMAGE`, the official one or one that starts in the same way;
//! 3. a temporary server from local binaries, searched in `SELFSAME_MARIADB_BIN`, PATH, `/usr/sbin` and `/usr/bin`;
//! 4. with the feature `containers`, a container of `mariadb:11.4`.
//!
//! ```no_run
//! use selfsame::backend::Backend;
//! use selfsame_mariadb::testing::Server;
//!
//! let server = Server::start()?;
//! let database = server.database()?;
//! let mut connection = database.backend().connect()?;
//! # Ok::<(), selfsame::Error>(())
//! ```
//!
//! [`Server::mysql`] uses the MySQL server in `SELFSAME_MYSQL_URL`, or starts one from the file in `SELFSAME_MYSQLD`, or `mysqld` in PATH.
//!
//! A server stops when it is dropped, or when the process ends in any way.

mod cluster;
mod database;
mod local;
mod server;
mod supervisor;

pub use cluster::Cluster;
pub use database::Database;
pub use server::Server;

/// Returns whether tests must fail, instead of being ignored, without a Galera cluster: `SELFSAME_REQUIRE` lists `galera`.
pub fn cluster_required() -> bool {
    selfsame_testing::is_required("galera")
}

/// Returns whether tests must fail, instead of being ignored, without a MySQL server: `SELFSAME_REQUIRE` lists `mysql`.
pub fn mysql_required() -> bool {
    selfsame_testing::is_required("mysql")
}

/// Returns whether tests must fail, instead of being ignored, if there is no server: `SELFSAME_REQUIRE` lists `mariadb`.
pub fn required() -> bool {
    selfsame_testing::is_required("mariadb")
}
