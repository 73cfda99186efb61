//! Changed primary keys, and the rows that reference them.

use selfsame::prelude::*;

use crate::case::Cover::Rule;
use crate::case::{Case, CaseResult};
use crate::context::Context;
use crate::world::{Task, User, World};

pub(super) const CASES: &[Case] = &[
    Case::core("flush.key.followed", key_followed)
        .since(2)
        .promise("A changed primary key is an UPDATE by the old key; the children follow it in memory and in their rows, and a rollback undoes it.")
        .hint("Keys must be updatable. Foreign keys are checked at the end of each statement, not later.")
        .covers(&[Rule(20)]),
    Case::core("flush.key.freed", key_freed)
        .since(20)
        .promise("A changed primary key may take the key of a row that the same flush deletes, though other rows refer to the table: children of the deleted row let go of it or move on, and those of the changed row follow it.")
        .hint("Of the backend, only enforced foreign keys and unique primary keys matter here.")
        .covers(&[Rule(17), Rule(20), Rule(25)]),
];

fn key_followed(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    world.with_users(&["ann", "bob"])?;
    let mut session = world.session();
    let ann = User::query()
        .filter(User::NAME.eq("ann"))
        .one(&mut session)?;
    let old = session[ann].id;
    for title in ["a", "b"] {
        let task = session.add(Task::new(title));
        session.set(task, Task::USER, Some(ann))?;
    }
    session.commit()?;
    for commits in [false, true] {
        session.refresh(ann)?;
        session[ann].id = Auto::set(7_000);
        session.flush()?;
        check_eq!(
            session.get::<User>(7_000)?,
            Some(ann),
            "the object of the new key"
        );
        let tasks = session.load(ann, User::TASKS)?;
        let owners: Vec<_> = tasks.iter().map(|&task| session[task].user_id).collect();
        check_eq!(owners, [Some(7_000), Some(7_000)], "the children in memory");
        if commits {
            session.commit()?;
        } else {
            session.rollback()?;
            check_eq!(session[ann].id, old, "the key after a rollback");
        }
    }
    let owners: Vec<_> = world.tasks()?.iter().map(|task| task.user_id).collect();
    check_eq!(owners, [Some(7_000), Some(7_000)], "the children's rows");
    Ok(())
}

fn key_freed(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    for moves in [false, true] {
        world.empty(&["tasks", "users"])?;
        let [ann, bob, carl] = ["ann", "bob", "carl"].map(|name| world.with_tasks(name, &[name]));
        let (ann, bob, carl) = (ann?, bob?, carl?);
        let mut session = world.session();
        User::query().all(&mut session)?;
        let find = |session: &mut Session, key: i64| -> CaseResult<Handle<User>> {
            let found = session.get::<User>(key)?;
            found.ok_or_else(|| crate::Failure::Assertion(format!("no user {key}")))
        };
        let (stays, goes) = (find(&mut session, ann)?, find(&mut session, bob)?);
        let other = find(&mut session, carl)?;
        if moves {
            let tasks = session.load(goes, User::TASKS)?;
            session.set(tasks[0], Task::USER, Some(other))?;
        }
        session.delete(goes)?;
        session[stays].id = Auto::set(bob);
        let flushed = session.flush();
        check!(
            flushed.is_ok(),
            "the key must be free, returned {flushed:?}"
        );
        check_eq!(
            session.get::<User>(bob)?,
            Some(stays),
            "the object of the key that was freed"
        );
        session.commit()?;
        drop(session);
        let rows: Vec<_> = world
            .tasks()?
            .into_iter()
            .map(|task| (task.title, task.user_id))
            .collect();
        let row = |title: &str, user| (title.to_owned(), user);
        check_eq!(
            rows,
            [
                row("ann", Some(bob)),
                row("bob", moves.then_some(carl)),
                row("carl", Some(carl))
            ],
            "the owners of the tasks"
        );
    }
    Ok(())
}
