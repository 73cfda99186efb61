//! Cases that run on every backend: SQLite in memory, and PostgreSQL, MariaDB and MySQL if a server is available.

use libtest_mimic::{Arguments, Failed, Trial};
use selfsame::Engine;
use selfsame_mariadb::testing as mariadb;
use selfsame_postgres::testing as postgres;
use selfsame_sqlite::Sqlite;

/// A case: its name, and its function, which gets an engine of an empty database.
pub(crate) type Case = (&'static str, fn(Engine, On) -> Result<(), Failed>);

/// Which backend a case runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum On {
    Sqlite,
    Postgres,
    /// MariaDB or MySQL.
    Mariadb,
}

/// Runs each case on these backends. Those on a server share one; without one they are ignored, or fail where it is required.
pub(crate) fn run(cases: &'static [Case], backends: &[On]) {
    let arguments = Arguments::from_args();
    // Listing needs no server.
    let starts = |on| !arguments.list && backends.contains(&on);
    let of_postgres = starts(On::Postgres)
        .then(|| ready("postgres", postgres::Server::start()))
        .flatten();
    let of_mariadb = starts(On::Mariadb)
        .then(|| ready("mariadb", mariadb::Server::start()))
        .flatten();
    let of_mysql = starts(On::Mariadb)
        .then(|| ready("mysql", mariadb::Server::mysql()))
        .flatten();
    let on_sqlite = || {
        cases.iter().map(|&(name, case)| {
            Trial::test(format!("sqlite::{name}"), move || {
                case(Engine::new(Sqlite::memory()), On::Sqlite)
            })
        })
    };
    let on_postgres = || {
        cases.iter().map(|&(name, case)| {
            let server = of_postgres.clone();
            let ignored = server.is_none() && !postgres::required();
            Trial::test(format!("postgres::{name}"), move || {
                let server = server.ok_or("SELFSAME_REQUIRE=postgres, and no server")?;
                let database = server.database()?;
                case(Engine::new(database.backend()), On::Postgres)
            })
            .with_ignored_flag(ignored)
        })
    };
    let on_mariadb = |on: &'static str, server: &Option<mariadb::Server>, is_required: bool| {
        let trials = cases.iter().map(|&(name, case)| {
            let server = server.clone();
            let ignored = server.is_none() && !is_required;
            Trial::test(format!("{on}::{name}"), move || {
                let server = server.ok_or("it is in SELFSAME_REQUIRE, and there is no server")?;
                let database = server.database()?;
                case(Engine::new(database.backend()), On::Mariadb)
            })
            .with_ignored_flag(ignored)
        });
        trials.collect::<Vec<_>>()
    };
    let mut trials = Vec::new();
    for on in backends {
        match on {
            On::Sqlite => trials.extend(on_sqlite()),
            On::Postgres => trials.extend(on_postgres()),
            On::Mariadb => {
                trials.extend(on_mariadb("mariadb", &of_mariadb, mariadb::required()));
                trials.extend(on_mariadb("mysql", &of_mysql, mariadb::mysql_required()));
            }
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    // `exit` runs no destructors.
    drop((of_postgres, of_mariadb, of_mysql));
    conclusion.exit();
}

fn ready<S>(name: &str, server: selfsame::Result<S>) -> Option<S> {
    server
        .inspect_err(|error| eprintln!("{name} is ignored, because there is no server: {error}"))
        .ok()
}
