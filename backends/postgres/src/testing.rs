//! A PostgreSQL server for tests, from what the machine offers, and a database of its own for each case.
//!
//! [`Server::start`] tries in this order:
//!
//! 1. `SELFSAME_POSTGRES_URL`: a server that is there already, by the URL of a user who may create schemas;
//! 2. with the feature `containers`, Docker, with the image named by `SELFSAME_POSTGRES_IMAGE` (default `postgres:17`);
//! 3. a throw-away server from local binaries, looked for in `SELFSAME_POSTGRES_BIN`, PATH, `pg_config --bindir` and
//!    `/usr/lib/postgresql/*/bin`.
//!
//! ```no_run
//! use selfsame::backend::Backend;
//! use selfsame_postgres::testing::Server;
//!
//! let server = Server::start()?;
//! let database = server.database()?;
//! let mut connection = database.backend().connect()?;
//! # Ok::<(), selfsame::Error>(())
//! ```
//!
//! A server is stopped when it is dropped. Statics are never dropped: keep the server in `main`, or rely on what happens when the
//! process ends in whatever way. Then local servers and, where the `docker` command is installed, containers are stopped and
//! removed by a small process of their own.

#[cfg(feature = "containers")]
mod container;
#[cfg(not(feature = "containers"))]
#[path = "testing/no_container.rs"]
mod container;
mod database;
mod local;
mod pooler;
mod server;

pub use container::sweep;
pub use database::Database;
pub use pooler::{PoolMode, Pooler};
pub use server::Server;

/// Whether tests must fail, instead of being reported as ignored, when there is no server: `SELFSAME_REQUIRE` lists `postgres`.
pub fn required() -> bool {
    selfsame_testing::is_required("postgres")
}

/// The same of PgBouncer: `SELFSAME_REQUIRE` lists `pgbouncer`.
pub fn pooler_required() -> bool {
    selfsame_testing::is_required("pgbouncer")
}
