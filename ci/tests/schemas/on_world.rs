//! Schemas as frameworks make them (Django, Rails, Prisma, EF Core, Hibernate, WordPress, Moodle, Odoo, the sample databases), with the names that
//! Rust and the mapper have already: what `inspect` writes of them is compiled here, makes them again, and tells what differs.

use selfsame::metadata::Metadata;
use selfsame::prelude::*;
use selfsame_postgres::testing::Server;
use selfsame_sqlite::Sqlite;
use selfsame_sqlite::testing::TempDatabase;

use crate::on_sqlite::Test as OnSqlite;
use crate::{Test, check_written, execute, world_postgres, world_sqlite};

pub(crate) const ON_POSTGRES: &[(&str, Test)] = &[("postgres_world", on_postgres)];
pub(crate) const ON_SQLITE: &[(&str, OnSqlite)] = &[("sqlite_world", on_sqlite)];

/// Checks that the written entities make a schema that does not differ from them, and returns how they differ from the one that they
/// were written from.
fn made_again(
    metadata: &Metadata,
    engine: &Engine,
    again: &Engine,
) -> selfsame::Result<Vec<String>> {
    for mapper in metadata.mappers() {
        mapper.resolved()?;
    }
    metadata.create_all(again)?;
    assert_eq!(metadata.diff(again)?, []);
    let differences = metadata.diff(engine)?;
    Ok(differences.iter().map(ToString::to_string).collect())
}

/// Tables of the database that have no entity.
fn left_out(metadata: &Metadata, engine: &Engine) -> selfsame::Result<Vec<String>> {
    let tables = engine.connect()?.reflect()?;
    let has_entity = |name: &str| metadata.tables().iter().any(|table| table.name == name);
    let names = tables.into_iter().map(|table| table.name);
    Ok(names.filter(|name| !has_entity(name)).collect())
}

fn on_sqlite() -> selfsame::Result<()> {
    let database = TempDatabase::new()?;
    let engine = Engine::new(database.backend());
    execute(&engine, include_str!("world_sqlite.sql"))?;
    let url = format!("sqlite:{}", database.path().to_str().expect("text"));
    check_written(&url, "schemas/world_sqlite.rs");
    let metadata = world_sqlite::metadata();
    assert_eq!(left_out(&metadata, &engine)?, [""; 0]);
    let again = Engine::new(Sqlite::memory());
    execute(
        &again,
        "CREATE VIEW \"list of accounts\" AS SELECT 1 AS id, '' AS email, 1 AS \"one\"",
    )?;
    assert_eq!(
        made_again(&metadata, &engine, &again)?,
        [
            "_PostToTag: the primary key is (A, B) in the code and () in the database",
            "_PostToTag: UNIQUE (A, B) is in the database only",
        ]
    );
    Ok(())
}

fn on_postgres(server: &Server) -> selfsame::Result<()> {
    let (first, second) = (server.database()?, server.database()?);
    let engine = Engine::new(first.backend());
    execute(&engine, include_str!("world_postgres.sql"))?;
    check_written(&first.url(), "schemas/world_postgres.rs");
    let metadata = world_postgres::metadata();
    assert_eq!(left_out(&metadata, &engine)?, [""; 0]);
    let again = Engine::new(second.backend());
    // Domains and composite types are the database's own.
    execute(
        &again,
        "CREATE DOMAIN year AS integer CHECK (VALUE >= 1901 AND VALUE <= 2155);\nCREATE DOMAIN tag_list AS text[];\n\
         CREATE TYPE point3 AS (x double precision, y double precision, z double precision)",
    )?;
    assert_eq!(
        made_again(&metadata, &engine, &again)?,
        [
            "_UserFollows: the primary key is (A, B) in the code and () in the database",
            "_UserFollows: UNIQUE (A, B) is in the database only",
        ]
    );
    Ok(())
}
