use selfsame::assert_statements;
use selfsame::prelude::*;

use crate::schema::{Task, User, filled};

pub(crate) fn run(engine: Engine) -> Result<()> {
    drop(filled(&engine)?);
    let mut session = Session::new(&engine);
    // ANCHOR: n_plus_one
    let users = User::query().all(&mut session)?;
    assert_statements!(session, 2, {
        for &user in &users {
            session.load(user, User::TASKS)?; // one statement per user
        }
    });
    // ANCHOR_END: n_plus_one
    session.close();
    // ANCHOR: selectin
    let users = assert_statements!(session, 2, {
        User::query()
            .with(User::TASKS.selectin())
            .all(&mut session)?
    });
    assert_statements!(session, 0, {
        for &user in &users {
            session.load(user, User::TASKS)?; // in memory
        }
    });
    // ANCHOR_END: selectin
    session.close();
    // ANCHOR: joined
    let tasks = assert_statements!(session, 1, {
        Task::query().with(Task::USER.joined()).all(&mut session)?
    });
    // ANCHOR_END: joined
    assert_eq!(tasks.len(), 2);
    session.close();
    // ANCHOR: part
    let users = User::query()
        .with(
            User::TASKS
                .filter(Task::COMPLETED.eq(false))
                .order_by(Task::TITLE.asc())
                .limit(3),
        )
        .order_by(User::NAME.asc())
        .all(&mut session)?;
    let open = session.filtered(users[0], User::TASKS)?; // the collection itself stays unloaded
    // ANCHOR_END: part
    assert_eq!(open.map(|tasks| tasks.len()), Some(2));
    session.close();
    // ANCHOR: raise
    let users = User::query().with(User::TASKS.raise()).all(&mut session)?;
    let refused = session
        .load(users[0], User::TASKS)
        .map_err(|error| error.kind());
    assert_eq!(refused, Err(ErrorKind::NotLoaded));
    // ANCHOR_END: raise
    Ok(())
}
