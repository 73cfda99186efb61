//! A sample of the guide: one test on SQLite and PostgreSQL.

// ANCHOR: both
use std::sync::LazyLock;

use selfsame::prelude::*;
use selfsame_postgres::testing::{Server, required};
use selfsame_sqlite::Sqlite;

#[derive(Entity, Clone, Debug)]
#[orm(table = "users")]
struct User {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(unique, length = 50)]
    name: String,
}

/// One server for all tests of this file; it stops with the process.
static SERVER: LazyLock<Result<Server>> = LazyLock::new(Server::start);

/// Runs a test on a new database of each kind.
fn on_both(test: fn(&Engine) -> Result<()>) -> Result<()> {
    test(&Engine::new(Sqlite::memory()))?;
    let server = match &*SERVER {
        Ok(server) => server,
        Err(error) => {
            assert!(!required(), "{error}"); // SELFSAME_REQUIRE=postgres
            return Ok(()); // no server: SQLite alone
        }
    };
    let database = server.database()?; // an empty schema, dropped with the value
    test(&Engine::new(database.backend()))
}

#[test]
fn names_are_unique() -> Result<()> {
    on_both(|engine| {
        metadata![User].create_all(engine)?;
        let mut session = Session::new(engine);
        session.add_all([User::new("ann"), User::new("ann")]);
        let refused = session.commit().map_err(|error| error.kind());
        assert_eq!(refused, Err(ErrorKind::UniqueViolation));
        Ok(())
    })
}
// ANCHOR_END: both
