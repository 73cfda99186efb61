//! Tutorial 5: query all, the first, and change a name.
//!
//! `cargo run -p selfsame-ci --example tutorial_5_understanding [URL]`

use std::error::Error;
use std::io::Write;

use selfsame::prelude::*;
use selfsame_sqlite::testing::TempDatabase;

/// A user.
#[derive(Entity, Clone, Debug)]
#[orm(table = "users")]
struct User {
    #[orm(primary_key)]
    id: Auto<i64>,
    name: String,
    age: Option<i32>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = TempDatabase::new()?;
    let file = folder.directory().join("mydatabase.db");
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
    metadata![User].create_all(engine)?;
    let factory = SessionFactory::new(engine);
    let mut session = factory.session();

    session.add(User {
        age: Some(30),
        ..User::new("John Doe")
    });
    session.add(User::new("Jane Doe"));
    session.commit()?;

    for user in User::query().order_by(User::ID.asc()).all(&mut session)? {
        writeln!(out, "{} {:?}", session[user].name, session[user].age)?;
    }

    let user = User::query()
        .filter(User::NAME.eq("John Doe"))
        .first(&mut session)?
        .ok_or("John is there")?;
    session[user].name = "John Smith".into();
    session.commit()?;

    // Another session reads the same rows again: one statement for any number of rows.
    let mut session = factory.session();
    let users = User::query().order_by(User::NAME.asc()).all(&mut session)?;
    for user in users {
        writeln!(out, "{}", session[user].name)?;
    }
    writeln!(out, "{} statements", session.statements())?;
    Ok(())
}
