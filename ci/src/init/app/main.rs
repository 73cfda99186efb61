//! `cargo run -- [NAME TITLE]` adds a task and lists the open ones.
//!
//! `DATABASE_URL` is the URL of the database; the default is a file.

use @CRATE@::{add_task, open_tasks, tables};
use selfsame::prelude::*;

fn main() -> Result<()> {
    let url = std::env::var("DATABASE_URL").unwrap_or_else(|_| "sqlite:@NAME@.db".to_owned());
    let engine = Engine::from_url(&url, &[&selfsame_sqlite::SCHEME])?.echo(Echo::Sql);
    tables().create_all(&engine)?;

    let mut session = Session::new(&engine);
    let mut arguments = std::env::args().skip(1);
    if let (Some(name), Some(title)) = (arguments.next(), arguments.next()) {
        add_task(&mut session, &name, &title)?;
        session.commit()?;
    }
    for (name, title) in open_tasks(&mut session)? {
        println!("{name}: {title}");
    }
    Ok(())
}
