//! Tests of the application, each on a new database in memory.

use @CRATE@::{Task, add_task, open_tasks, tables};
use selfsame::prelude::*;
use selfsame_sqlite::Sqlite;

fn session() -> Result<Session> {
    let engine = Engine::new(Sqlite::memory());
    tables().create_all(&engine)?;
    Ok(Session::new(&engine))
}

#[test]
fn a_user_is_added_once() -> Result<()> {
    let mut session = session()?;
    let write = add_task(&mut session, "ann", "write")?;
    let read = add_task(&mut session, "ann", "read")?;
    session.commit()?;
    assert_eq!(
        session.load(write, Task::USER)?,
        session.load(read, Task::USER)?
    );
    Ok(())
}

#[test]
fn completed_tasks_are_not_listed() -> Result<()> {
    let mut session = session()?;
    let write = add_task(&mut session, "ann", "write")?;
    add_task(&mut session, "bob", "read")?;
    session[write].completed = true;
    session.commit()?;
    let open = selfsame::assert_statements!(session, 1, { open_tasks(&mut session)? });
    assert_eq!(open, [("bob".to_owned(), "read".to_owned())]);
    Ok(())
}
