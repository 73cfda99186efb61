use selfsame::assert_statements;
use selfsame::prelude::*;

use crate::schema::{User, filled};

pub(crate) fn run(engine: Engine) -> Result<()> {
    let mut session = filled(&engine)?;
    // ANCHOR: statements
    let users = assert_statements!(session, 2, {
        User::query()
            .with(User::TASKS.selectin())
            .all(&mut session)?
    });
    // ANCHOR_END: statements
    assert_eq!(users.len(), 2);
    // ANCHOR: log
    let log = session.log_statements();
    session[users[0]].age = Some(20);
    session.flush()?;
    let sent = log.statements();
    assert_eq!(sent.len(), 1);
    assert!(sent[0].starts_with("UPDATE"));
    // ANCHOR_END: log
    on_a_file()?;
    Ok(())
}

// ANCHOR: file
use selfsame_sqlite::testing::TempDatabase;

fn on_a_file() -> Result<()> {
    let database = TempDatabase::new()?; // a file in a new directory, removed with the value
    let engine = Engine::new(database.backend());
    crate::schema::tables().create_all(&engine)?;
    let mut session = Session::new(&engine);
    session.add(User::new("ann"));
    session.commit()
}
// ANCHOR_END: file
