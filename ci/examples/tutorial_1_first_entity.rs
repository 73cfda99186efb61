//! Tutorial 1: an engine, an entity, and its table.
//!
//! `cargo run -p selfsame-ci --example tutorial_1_first_entity [URL]`

use std::error::Error;
use std::io::Write;

use selfsame::prelude::*;
use selfsame_sqlite::testing::TempDatabase;

/// The struct is the table: the type of a field determines the type of its column.
#[derive(Entity, Clone, Debug)]
#[orm(table = "users")]
struct User {
    #[orm(primary_key)]
    id: Auto<i64>,
    name: String,
    age: i32,
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = TempDatabase::new()?;
    let file = folder.directory().join("sqlalchemy_orm.db");
    let url = std::env::args()
        .nth(1)
        .unwrap_or_else(|| format!("sqlite:{}", file.display()));
    let engine = Engine::from_url(
        &url,
        &[&selfsame_sqlite::SCHEME, &selfsame_postgres::SCHEME],
    )?;
    run(&engine.echo(Echo::Sql), &mut std::io::stdout())
}

/// Runs the steps; the code is the same for every database.
pub(crate) fn run(engine: &Engine, out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    // The metadata is plain data: nothing is sent yet.
    let metadata = metadata![User];
    writeln!(out, "{:?}", metadata.table_names().collect::<Vec<_>>())?;
    for column in &User::table().columns {
        writeln!(out, "{}: {:?}", column.name, column.ty)?;
    }

    metadata.create_all(engine)?;
    // Existing tables are not created again.
    metadata.create_all(engine)?;

    // A mapped type is an ordinary type, with a readable Debug form.
    let user = User::new("ann", 31);
    writeln!(out, "{user:?}")?;

    let mut session = Session::new(engine);
    let ann = session.add(user);
    writeln!(out, "{}", session.debug(ann))?;
    session.commit()?;
    writeln!(out, "{}", session.debug(ann))?;
    Ok(())
}
