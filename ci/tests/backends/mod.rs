//! Cases that run on every backend: SQLite in memory, and PostgreSQL where a server can be had.

use libtest_mimic::{Arguments, Failed, Trial};
use selfsame::Engine;
use selfsame_postgres::testing::{Server, required};
use selfsame_sqlite::Sqlite;

/// A case: its name, and what it does on an engine of an empty database.
pub(crate) type Case = (&'static str, fn(Engine, On) -> Result<(), Failed>);

/// Which backend a case runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum On {
    Sqlite,
    Postgres,
}

/// Runs each case on each backend. Those on PostgreSQL share one server; without one they are ignored, or fail where they are
/// required.
pub(crate) fn run(cases: &'static [Case]) {
    let arguments = Arguments::from_args();
    // Listing needs no server.
    let server = if arguments.list {
        None
    } else {
        Server::start()
            .inspect_err(|error| eprintln!("postgres is ignored, for there is no server: {error}"))
            .ok()
    };
    let on_sqlite = cases.iter().map(|&(name, case)| {
        Trial::test(format!("sqlite::{name}"), move || {
            case(Engine::new(Sqlite::memory()), On::Sqlite)
        })
    });
    let on_postgres = cases.iter().map(|&(name, case)| {
        let server = server.clone();
        let ignored = server.is_none() && !required();
        Trial::test(format!("postgres::{name}"), move || {
            let server = server.ok_or("SELFSAME_REQUIRE=postgres, and no server")?;
            let database = server.database()?;
            case(Engine::new(database.backend()), On::Postgres)
        })
        .with_ignored_flag(ignored)
    });
    let trials = on_sqlite.chain(on_postgres).collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    // `exit` runs no destructors.
    drop(server);
    conclusion.exit();
}
