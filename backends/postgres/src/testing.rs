//! A PostgreSQL server for tests, and a separate database for each case.
//!
//! [`Server::start`] tries in this order:
//!
//! 1. `SELFSAME_POSTGRES_URL`: an existing server, by the URL of a user who may create schemas;
//! 2. with the feature `containers`, Docker, with the image named by `SELFSAME_POSTGRES_IMAGE` (default `postgres:17`);
//! 3. a temporary server from local binaries, searched in `SELFSAME_POSTGRES_BIN`, PATH, `pg_config --bindir` and
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
//! Dropping a server stops it. Statics are never dropped, but when the process ends, in any way, a small supervising process stops
//! local servers and, if `docker` or `podman` is installed, removes containers.

mod database;
mod local;
mod pooler;
mod server;

pub use database::Database;
pub use pooler::{PoolMode, Pooler};
pub use selfsame_testing::sweep;
pub use server::Server;

/// Returns whether tests must fail, instead of being ignored, if there is no server: `SELFSAME_REQUIRE` lists `postgres`.
pub fn required() -> bool {
    selfsame_testing::is_required("postgres")
}

/// Returns whether tests must fail, instead of being ignored, without PgBouncer: `SELFSAME_REQUIRE` lists `pgbouncer`.
pub fn pooler_required() -> bool {
    selfsame_testing::is_required("pgbouncer")
}
