//! A MariaDB server for tests, from what the machine offers, and a database of its own for each case; or a cluster.
//!
//! [`Server::start`] takes the server that `SELFSAME_MARIADB_URL` names, of a user who may create databases; else a throw-away server from
//! local binaries, looked for in `SELFSAME_MARIADB_BIN`, PATH, `/usr/sbin` and `/usr/bin`.
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
//! A server is stopped when it is dropped, and when the process ends in whatever way.

mod cluster;
mod database;
mod local;
mod server;

pub use cluster::Cluster;
pub use database::Database;
pub use server::Server;

/// The same of a Galera cluster: `SELFSAME_REQUIRE` lists `galera`.
pub fn cluster_required() -> bool {
    selfsame_testing::is_required("galera")
}

/// Whether tests must fail, instead of being reported as ignored, when there is no server: `SELFSAME_REQUIRE` lists `mariadb`.
pub fn required() -> bool {
    selfsame_testing::is_required("mariadb")
}
