use selfsame::prelude::*;

use crate::schema::{Task, User, tables};

pub(crate) fn run(engine: Engine) -> Result<()> {
    tables().create_all(&engine)?;
    let mut session = Session::new(&engine);
    // ANCHOR: together
    let ann = session.add(User {
        tasks: [Task::new("write"), Task::new("read")].into(),
        ..User::new("ann")
    });
    session.commit()?; // one INSERT of the user, one of both tasks
    // ANCHOR_END: together
    // ANCHOR: change
    let bob = session.add(User::new("bob"));
    let task = session.add(Task::new("rest"));
    session.push(bob, User::TASKS, task)?;
    assert_eq!(session.load(task, Task::USER)?, Some(bob)); // both sides know

    session.set(task, Task::USER, Some(ann))?; // moves the task from bob to ann
    session.commit()?;
    assert_eq!(session.load(bob, User::TASKS)?, []);
    assert_eq!(session.load(ann, User::TASKS)?.len(), 3);
    // ANCHOR_END: change
    // ANCHOR: orphan
    session.remove(ann, User::TASKS, task)?;
    session.commit()?; // deletes the task: it is an orphan
    assert_eq!(Task::query().count(&mut session)?, 2);
    // ANCHOR_END: orphan
    // ANCHOR: ask
    let busy = User::query()
        .filter(User::TASKS.any(Task::COMPLETED.eq(false)))
        .all(&mut session)?;
    assert_eq!(busy, [ann]);

    let of_ann = Task::query()
        .join(Task::USER)
        .filter(User::NAME.eq("ann"))
        .count(&mut session)?;
    assert_eq!(of_ann, 2);
    // ANCHOR_END: ask
    Ok(())
}
