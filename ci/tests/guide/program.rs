// ANCHOR: program
use selfsame::prelude::*;
use selfsame_sqlite::Sqlite;

use crate::schema::{Task, User, tables};

pub fn main() -> Result<()> {
    let engine = Engine::new(Sqlite::memory()).echo(Echo::Sql);
    tables().create_all(&engine)?;

    let mut session = Session::new(&engine);
    let ann = session.add(User::new("ann"));
    session.add(Task {
        user: ann.into(), // the flush copies the key to `user_id`
        ..Task::new("write")
    });
    session.commit()?; // two INSERTs, the user first

    let open = Task::query()
        .filter(Task::COMPLETED.eq(false))
        .all(&mut session)?;
    for task in open {
        session[task].completed = true;
        println!("{}: done", session[task].title);
    }
    session.commit() // one UPDATE of one column
}
// ANCHOR_END: program
