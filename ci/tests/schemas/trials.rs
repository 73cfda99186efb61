//! Databases whose every row is compared with every kind of query.

use selfsame::prelude::*;
use selfsame_mariadb::testing as mariadb;
use selfsame_postgres::testing::Server;
use selfsame_sqlite::testing::TempDatabase;

use crate::on_sqlite::Test as OnSqlite;
use crate::own::in_own_database;
use crate::whole::contradictions;
use crate::{OnMariaDb, Test, execute};

pub(crate) const ON_POSTGRES: &[(&str, Test)] = &[("postgres_whole", on_postgres)];
pub(crate) const ON_SQLITE: &[(&str, OnSqlite)] = &[("sqlite_whole", on_sqlite)];
pub(crate) const ON_MARIADB: &[(&str, OnMariaDb)] = &[("mariadb_whole", on_mariadb)];

/// Memory and the database contradict each other in these columns, and in no other.
fn check(engine: &Engine, wanted: &[&str]) -> selfsame::Result<()> {
    let reported = contradictions(engine)?;
    let mut found: Vec<&str> = reported
        .iter()
        .filter_map(|it| it.split(": ").next())
        .collect();
    found.sort_unstable();
    found.dedup();
    assert_eq!(found, wanted, "{reported:#?}");
    Ok(())
}

fn on_sqlite() -> selfsame::Result<()> {
    let database = TempDatabase::new()?;
    let engine = Engine::new(database.backend());
    execute(&engine, include_str!("trial_sqlite.sql"))?;
    for engine in [engine, Engine::new(database.backend().lenient())] {
        // A key of which a part is NULL, letters that NOCASE holds equal, and a blob where the type tells nothing.
        check(
            &engine,
            &["maybe_keys.key", "rtrimmed.name", "unsaid_blobs.value"],
        )?;
    }
    Ok(())
}

fn on_postgres(server: &Server) -> selfsame::Result<()> {
    let extensions = ["citext", "hstore", "btree_gist", "ltree"];
    in_own_database(server, "whole", &extensions, |engine, _| {
        in_postgres(engine)
    })
}

fn in_postgres(engine: &Engine) -> selfsame::Result<()> {
    execute(engine, include_str!("trial_postgres.sql"))?;
    // Types without an operator of equality, collations, and what is endless.
    check(
        engine,
        &[
            "MixedCase.bx",
            "MixedCase.pl",
            "MixedCase.pt",
            "cite_of.name",
            "endless.day",
            "folds.other",
            "numbers.xm",
            "persons.home",
            "persons.homes",
        ],
    )?;
    Ok(())
}

fn on_mariadb(server: &mariadb::Server) -> selfsame::Result<()> {
    let database = server.database()?;
    let engine = Engine::new(database.backend());
    execute(&engine, include_str!("trial_mariadb.sql"))?;
    // Collations hold letters equal, and blanks at the end; what MIN gives of a BIT is refused.
    check(
        &engine,
        &[
            "folded.lang",
            "folded.word",
            "posts.login",
            "posts.title",
            "posts.word",
            "users.a b",
            "users.bits",
            "users.select",
        ],
    )?;
    Ok(())
}
