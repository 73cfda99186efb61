//! Relations: both sides in memory, the rows written, and loading.

mod columns;
mod filtered;
mod loading;
mod many_to_many;
mod one_to_one;

use selfsame::prelude::*;

use crate::case::Cover::Rule;
use crate::case::{Case, CaseResult};
use crate::context::Context;
use crate::world::{Folder, Paper, Sent, Task, User, World};

pub(super) const LISTS: &[&[Case]] = &[
    CASES,
    columns::CASES,
    loading::CASES,
    filtered::CASES,
    many_to_many::CASES,
    one_to_one::CASES,
];

const CASES: &[Case] = &[
    Case::core("relations.set.both_sides", both_sides)
        .promise("Setting one side of a relation changes the other in memory at once, and the flush writes the foreign key.")
        .suspects_orm()
        .covers(&[Rule(22), Rule(23)]),
    Case::core("relations.push.moves", moves)
        .promise("Pushing a child to another parent removes it from the first parent's collection and is one UPDATE.")
        .suspects_orm()
        .covers(&[Rule(23), Rule(26)]),
    Case::core("relations.remove.clears", remove)
        .promise("Removing a child from a collection clears its foreign key and keeps its row.")
        .hint("NULL must be bound as NULL.")
        .covers(&[Rule(23)]),
    Case::core("relations.unloaded.merged", unloaded)
        .promise("Changing a collection that is not loaded sends nothing, and the change is present once it is loaded.")
        .suspects_orm()
        .covers(&[Rule(23)]),
    Case::core("relations.add.cascades", cascades)
        .promise("Children of an added object are added with it and get its key.")
        .hint("Of the backend, only its generated keys matter here.")
        .covers(&[Rule(24), Rule(14)]),
    Case::core("relations.delete.clears", delete_clears)
        .promise("Deleting a parent without a cascade clears its children's foreign keys, loaded or not.")
        .hint("The UPDATE must come before the DELETE and match all children.")
        .covers(&[Rule(25)]),
    Case::core("relations.delete.cascades", delete_cascades)
        .promise("Deleting a parent with a cascade deletes its children first, loaded or not.")
        .hint("Enforced foreign keys reveal a wrong order.")
        .covers(&[Rule(25), Rule(12)]),
    Case::core("relations.orphan.deleted", orphan)
        .promise("With `delete-orphan`, a child removed from its parent is deleted, and one moved to another parent is not.")
        .suspects_orm()
        .covers(&[Rule(26)]),
];

fn both_sides(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let key = world.with_tasks("ann", &["a"])?;
    let mut session = world.session();
    let Some(ann) = session.get::<User>(key)? else {
        check!(false, "the user must be found");
        return Ok(());
    };
    let before = session.load(ann, User::TASKS)?;
    check_eq!(before.len(), 1, "the committed task must be loaded");
    let task = session.add(Task::new("b"));
    world.sent();
    session.set(task, Task::USER, Some(ann))?;
    let after: Vec<Handle<Task>> = session.load(ann, User::TASKS)?;
    check_eq!(
        after.last(),
        Some(&task),
        "the collection must show what was set on the other side"
    );
    check_eq!(after.len(), 2, "the collection must keep its members");
    session.commit()?;
    let keys: Vec<Option<i64>> = world
        .tasks()?
        .into_iter()
        .map(|task| task.user_id)
        .collect();
    check_eq!(
        keys,
        [Some(key), Some(key)],
        "both rows must refer to the user"
    );
    Ok(())
}

fn moves(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let from = world.with_tasks("ann", &["a", "b"])?;
    let to = world.with_tasks("bob", &[])?;
    let mut session = world.session();
    let (Some(ann), Some(bob)) = (session.get::<User>(from)?, session.get::<User>(to)?) else {
        check!(false, "both users must be found");
        return Ok(());
    };
    let tasks = session.load(ann, User::TASKS)?;
    session.load(bob, User::TASKS)?;
    world.sent();
    session.push(bob, User::TASKS, tasks[0])?;
    check_eq!(
        session.load(ann, User::TASKS)?,
        tasks[1..].to_vec(),
        "the first parent must lose the child"
    );
    check_eq!(
        session.load(bob, User::TASKS)?,
        tasks[..1].to_vec(),
        "the second parent must have it"
    );
    check_eq!(
        session.load(tasks[0], Task::USER)?,
        Some(bob),
        "the child must know its parent"
    );
    session.flush()?;
    let sent = world.sent();
    check_eq!(
        (sent.update, sent.insert, sent.delete),
        (1, 0, 0),
        "a move must be one UPDATE"
    );
    session.commit()?;
    let keys: Vec<Option<i64>> = world
        .tasks()?
        .into_iter()
        .map(|task| task.user_id)
        .collect();
    check_eq!(keys, [Some(to), Some(from)], "the row must have moved");
    Ok(())
}

fn remove(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let key = world.with_tasks("ann", &["a", "b"])?;
    let mut session = world.session();
    let Some(ann) = session.get::<User>(key)? else {
        check!(false, "the user must be found");
        return Ok(());
    };
    let tasks = session.load(ann, User::TASKS)?;
    session.remove(ann, User::TASKS, tasks[0])?;
    check_eq!(
        session.load(tasks[0], Task::USER)?,
        None,
        "the child must have no parent"
    );
    session.commit()?;
    let keys: Vec<Option<i64>> = world
        .tasks()?
        .into_iter()
        .map(|task| task.user_id)
        .collect();
    check_eq!(
        keys,
        [None, Some(key)],
        "the row must stay, with its key cleared"
    );
    Ok(())
}

fn unloaded(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let key = world.with_tasks("ann", &["a"])?;
    let mut session = world.session();
    let Some(ann) = session.get::<User>(key)? else {
        check!(false, "the user must be found");
        return Ok(());
    };
    let task = session.add(Task::new("b"));
    world.sent();
    session.push(ann, User::TASKS, task)?;
    check_eq!(
        world.sent(),
        Sent::NOTHING,
        "a push to a collection that is not loaded must send nothing"
    );
    let titles: Vec<String> = session
        .load(ann, User::TASKS)?
        .into_iter()
        .map(|task| session[task].title.clone())
        .collect();
    check_eq!(
        titles,
        ["a", "b"],
        "the change must be visible when the collection is loaded"
    );
    Ok(())
}

fn cascades(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let mut session = world.session();
    let ann = session.add(User {
        tasks: [Task::new("a"), Task::new("b")].into(),
        ..User::new("ann")
    });
    session.commit()?;
    let key = session[ann].id.get().copied();
    let tasks = world.tasks()?;
    let found: Vec<(&str, Option<i64>)> = tasks
        .iter()
        .map(|task| (task.title.as_str(), task.user_id))
        .collect();
    check_eq!(
        found,
        [("a", key), ("b", key)],
        "the children must be inserted with their parent's key"
    );
    Ok(())
}

fn delete_clears(context: &mut Context) -> CaseResult {
    for loaded in [true, false] {
        let world = World::new(context)?;
        let key = world.with_tasks("ann", &["a", "b"])?;
        let other = world.with_tasks("bob", &["c"])?;
        let mut session = world.session();
        let Some(ann) = session.get::<User>(key)? else {
            check!(false, "the user must be found");
            return Ok(());
        };
        if loaded {
            session.load(ann, User::TASKS)?;
        }
        session.delete(ann)?;
        let result = session.commit();
        check!(
            result.is_ok(),
            "deleting a parent of children must work, returned {result:?}"
        );
        let keys: Vec<Option<i64>> = world
            .tasks()?
            .into_iter()
            .map(|task| task.user_id)
            .collect();
        check_eq!(
            keys,
            [None, None, Some(other)],
            "the children must stay, cleared, and no others"
        );
        metadata![User, Task].drop_all(&world.engine)?;
    }
    Ok(())
}

/// Commits a folder with papers of these titles, and returns its key.
fn with_papers(world: &World, label: &str, titles: &[&str]) -> CaseResult<i64> {
    let mut session = world.session();
    let folder = session.add(Folder::new(label));
    session.flush()?;
    let key = session[folder].id.get().copied().unwrap_or(-1);
    for &title in titles {
        session.add(Paper::new(title, key));
    }
    session.commit()?;
    world.sent();
    Ok(key)
}

fn delete_cascades(context: &mut Context) -> CaseResult {
    for loaded in [true, false] {
        let world = World::new(context)?;
        let key = with_papers(&world, "old", &["a", "b"])?;
        with_papers(&world, "kept", &["c"])?;
        let mut session = world.session();
        let Some(folder) = session.get::<Folder>(key)? else {
            check!(false, "the folder must be found");
            return Ok(());
        };
        if loaded {
            session.load(folder, Folder::PAPERS)?;
        }
        session.delete(folder)?;
        let result = session.commit();
        check!(
            result.is_ok(),
            "deleting a parent with its children must work, returned {result:?}"
        );
        let titles: Vec<String> = world
            .papers()?
            .into_iter()
            .map(|paper| paper.title)
            .collect();
        check_eq!(
            titles,
            ["c"],
            "the children must go with their parent, and no others"
        );
        metadata![Folder, Paper].drop_all(&world.engine)?;
    }
    Ok(())
}

fn orphan(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let key = with_papers(&world, "first", &["a", "b", "c"])?;
    let other = with_papers(&world, "second", &[])?;
    let mut session = world.session();
    let (Some(first), Some(second)) = (session.get::<Folder>(key)?, session.get::<Folder>(other)?)
    else {
        check!(false, "both folders must be found");
        return Ok(());
    };
    let papers = session.load(first, Folder::PAPERS)?;
    session.remove(first, Folder::PAPERS, papers[0])?;
    session.push(second, Folder::PAPERS, papers[1])?;
    let committed = session.commit();
    check!(
        committed.is_ok(),
        "an orphan that requires its parent must be deleted, returned {committed:?}"
    );
    let left = world.papers()?;
    let left: Vec<(&str, i64)> = left
        .iter()
        .map(|paper| (paper.title.as_str(), paper.folder_id))
        .collect();
    check_eq!(
        left,
        [("b", other), ("c", key)],
        "the orphan must be deleted, the moved child must stay with its new parent"
    );
    Ok(())
}
