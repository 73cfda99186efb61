//! SQLite.

use selfsame::Engine;
use selfsame_sqlite::Sqlite;
use selfsame_sqlite::testing::TempDatabase;

use crate::support::refused;
use crate::{check_written, execute, sqlite};

type Test = fn() -> selfsame::Result<()>;

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("sqlite_is_written_and_made_again", written),
    ("sqlite_without_tables_is_refused", without_tables),
];

fn written() -> selfsame::Result<()> {
    let database = TempDatabase::new()?;
    let engine = Engine::new(database.backend());
    execute(&engine, include_str!("sqlite.sql"))?;
    let path = database.path().to_str().expect("text");
    check_written(&format!("sqlite:{path}"), "sqlite.rs");
    let metadata = sqlite::metadata();
    assert_eq!(metadata.diff(&engine)?, []);
    let again = Engine::new(Sqlite::memory());
    metadata.create_all(&again)?;
    assert_eq!(metadata.diff(&again)?, []);
    Ok(())
}

fn without_tables() -> selfsame::Result<()> {
    let database = TempDatabase::new()?;
    Engine::new(database.backend()).connect()?;
    let path = database.path().to_str().expect("text");
    refused(&["inspect", &format!("sqlite:{path}")], &["has no tables"]);
    Ok(())
}
