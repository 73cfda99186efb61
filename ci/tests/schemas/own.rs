//! A database of PostgreSQL for one test: extensions are in one schema of a database only, and schemas have names.

use selfsame::{Engine, Session};
use selfsame_postgres::testing::Server;

use crate::execute;

/// Runs something in a database of its own, where extensions and schemas are nobody else's; nothing where an extension is not installed.
pub(crate) fn in_own_database(
    server: &Server,
    name: &str,
    extensions: &[&str],
    run: impl FnOnce(&Engine, &str) -> selfsame::Result<()>,
) -> selfsame::Result<()> {
    let database = server.database()?;
    let outside = Engine::new(database.backend());
    for extension in extensions {
        let sql =
            format!("SELECT count(*) FROM pg_available_extensions WHERE name = '{extension}'");
        if Session::new(&outside).sql(sql, ()).one::<i64>()? == 0 {
            eprintln!("the extension {extension} is not installed");
            return Ok(());
        }
    }
    let name = format!("{}_{name}", database.name());
    let url = database.url();
    let (place, _) = url.rsplit_once('/').expect("a database");
    let url = format!("{place}/{name}");
    execute(&outside, &format!("CREATE DATABASE {name}"))?;
    let engine = Engine::from_url(&url, &[&selfsame_postgres::SCHEME])?;
    run(&engine, &url)?;
    drop(engine);
    execute(&outside, &format!("DROP DATABASE {name} WITH (FORCE)"))
}
