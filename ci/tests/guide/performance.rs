use selfsame::assert_statements;
use selfsame::prelude::*;

use crate::schema::{Task, User, filled};

pub(crate) fn run(engine: Engine) -> Result<()> {
    let mut session = filled(&engine)?;
    // ANCHOR: batch
    let keys = [1_i64, 2];
    let users = assert_statements!(session, 1, { session.get_many::<User>(keys)? });
    // ANCHOR_END: batch
    assert_eq!(users.len(), 2);
    // ANCHOR: expression
    let changed = User::query()
        .filter(User::AGE.is_not_null())
        .update()
        .set(User::AGE, User::AGE + 1)
        .execute(&mut session)?;
    // ANCHOR_END: expression
    assert_eq!(changed, 1);
    // ANCHOR: stream
    let titles: Vec<String> = Task::query().select(Task::TITLE).all(&mut session)?;
    session.commit()?;
    session.close(); // forgets all objects, so that a long run does not keep them
    // ANCHOR_END: stream
    assert_eq!(titles.len(), 2);
    Ok(())
}
