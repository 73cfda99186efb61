use selfsame::prelude::*;

use crate::schema::{Task, User, tables};

pub(crate) fn run(engine: Engine) -> Result<()> {
    tables().create_all(&engine)?;
    // ANCHOR: add
    let mut session = Session::new(&engine);
    let ann = session.add(User {
        age: Some(36),
        ..User::new("ann")
    });
    assert_eq!(session.state(ann), State::Pending);
    session.commit()?;
    assert_eq!(session.state(ann), State::Persistent);
    // ANCHOR_END: add
    // ANCHOR: change
    session[ann].age = Some(37);
    session.commit()?; // UPDATE users SET age = ? WHERE id = ?
    // ANCHOR_END: change
    // ANCHOR: delete
    let bob = session.add(User::new("bob"));
    session.commit()?;
    session.delete(bob)?;
    session.commit()?;
    // ANCHOR_END: delete
    assert_eq!(User::query().count(&mut session)?, 1);
    // ANCHOR: bulk
    let done = Task::query()
        .filter(Task::TITLE.starts_with("old"))
        .update()
        .set(Task::COMPLETED, true)
        .execute(&mut session)?;
    let added = session.insert_all((1..=100).map(|number| Task::new(format!("task {number}"))))?;
    // ANCHOR_END: bulk
    assert_eq!((done, added), (0, 100));
    session.commit()?;
    // ANCHOR: merge
    let received = User {
        id: session[ann].id,
        age: Some(38),
        ..User::new("ann")
    };
    assert_eq!(session.merge(received)?, ann); // the object in memory has the new age
    session.commit()?;
    // ANCHOR_END: merge
    // ANCHOR: violation
    session.add(User::new("ann"));
    let error = match session.commit() {
        Ok(()) => unreachable!("the name is unique"),
        Err(error) => error,
    };
    assert_eq!(error.kind(), ErrorKind::UniqueViolation);
    session.rollback()?; // objects have the state of the database again
    // ANCHOR_END: violation
    assert_eq!(session[ann].age, Some(38));
    // ANCHOR: hook
    let factory = SessionFactory::new(&engine).hook(Hook::before_insert(|user: &mut User| {
        user.name = user.name.trim().to_owned();
        Ok(()) // an error aborts the flush
    }));
    let mut session = factory.session();
    let carl = session.add(User::new(" carl "));
    session.commit()?;
    assert_eq!(session[carl].name, "carl");
    // ANCHOR_END: hook
    Ok(())
}
