//! Filtered loading, and relations that must not be loaded lazily: what the options of a query change, and what they do not.

use selfsame::ErrorKind;
use selfsame::dialect::Batch;
use selfsame::prelude::*;

use super::many_to_many::{Article, Topic};
use crate::case::Cover::Rule;
use crate::case::{Case, CaseResult};
use crate::context::Context;
use crate::world::{Folder, Paper, Sent, Task, User, World};

pub(super) const CASES: &[Case] = &[
    Case::core("relations.filtered.view", view)
        .promise("Filtered loading returns each owner's matching members in the requested order, by one statement for each batch; the collection stays unloaded.")
        .hint("The owners' keys are sent as by selectin: see `Dialect::batch`.")
        .covers(&[Rule(29), Rule(27)])
        .since(12),
    Case::core("relations.filtered.limit", limit)
        .promise("The limit of filtered loading applies to each owner.")
        .hint("The rows are numbered by ROW_NUMBER() OVER (PARTITION BY …) in a common table.")
        .covers(&[Rule(29)])
        .since(12),
    Case::core("relations.filtered.pairs", pairs)
        .promise("A many-to-many collection can be filtered by columns of its target.")
        .hint("Joins the association table.")
        .covers(&[Rule(29), Rule(22)])
        .since(12),
    Case::core("relations.filtered.flush", flush)
        .promise("Replacing a collection and cascades do not mistake the members loaded by filtered loading for the whole collection.")
        .suspects_orm()
        .covers(&[Rule(29), Rule(25), Rule(26)])
        .since(12),
    Case::core("relations.filtered.ends", ends)
        .promise("The result of filtered loading is dropped when its owner expires, and leaves out deleted objects.")
        .suspects_orm()
        .covers(&[Rule(29), Rule(30)])
        .since(12),
    Case::core("relations.load.raise", raise)
        .promise("Loading a relation marked `raise` by a query is an error instead of a statement, until another query loads it or its owner expires.")
        .suspects_orm()
        .covers(&[Rule(27), Rule(28)])
        .since(12),
];

/// Two users with three and two tasks, some of which are done, and one user without tasks.
fn with_tasks(context: &Context) -> CaseResult<World> {
    let world = World::new(context)?;
    let mut session = world.session();
    for (name, tasks) in [
        ("ann", &[("a", true), ("b", false), ("c", true)][..]),
        ("bob", &[("d", false), ("e", true)]),
        ("carl", &[]),
    ] {
        let tasks = tasks.iter().map(|&(title, done)| Task {
            done,
            ..Task::new(title)
        });
        let tasks = tasks.collect();
        session.add(User {
            tasks,
            ..User::new(name)
        });
    }
    session.commit()?;
    drop(session);
    world.sent();
    Ok(world)
}

/// The titles of the tasks in the view of each user.
fn views(session: &Session, users: &[Handle<User>]) -> CaseResult<Vec<Option<String>>> {
    let mut views = Vec::new();
    for &user in users {
        let view = session.filtered(user, User::TASKS)?;
        views.push(view.map(|tasks| {
            let titles = tasks.iter().map(|&task| &*session[task].title);
            titles.collect()
        }));
    }
    Ok(views)
}

fn some(titles: &[&str]) -> Vec<Option<String>> {
    titles.iter().map(|&all| Some(all.to_owned())).collect()
}

fn view(context: &mut Context) -> CaseResult {
    let world = with_tasks(context)?;
    let mut session = world.session();
    let users = User::query()
        .order_by(User::NAME.asc())
        .with(User::TASKS.filter(Task::DONE).order_by(Task::TITLE.desc()))
        .all(&mut session)?;
    // A dialect without lists as parameters looks up one owner per statement.
    let lookups = match context.dialect().batch() {
        Batch::Rows => users.len(),
        _ => 1,
    };
    check_eq!(
        world.sent().rows(),
        1 + lookups,
        "the members of all owners must be loaded together"
    );
    check_eq!(
        views(&session, &users)?,
        some(&["ca", "e", ""]),
        "each owner must have its own members, in order"
    );
    for &user in &users {
        check_eq!(
            session.loaded(user, User::TASKS)?,
            None,
            "the collection must stay unloaded"
        );
    }
    check_eq!(
        session.load(users[0], User::TASKS)?.len(),
        3,
        "the collection must be loaded whole"
    );
    check_eq!(
        views(&session, &users)?,
        some(&["ca", "e", ""]),
        "loading the collection must leave the view alone"
    );
    Ok(())
}

fn limit(context: &mut Context) -> CaseResult {
    let world = with_tasks(context)?;
    let mut session = world.session();
    for (limit, expected) in [
        (0, ["", "", ""]),
        (1, ["c", "e", ""]),
        (2, ["cb", "ed", ""]),
    ] {
        let last = User::TASKS.filter(true).order_by(Task::TITLE.desc());
        let users = User::query()
            .order_by(User::NAME.asc())
            .with(last.limit(limit))
            .all(&mut session)?;
        check_eq!(
            views(&session, &users)?,
            some(&expected),
            "each owner must have its first members, {limit} at most"
        );
    }
    Ok(())
}

fn pairs(context: &mut Context) -> CaseResult {
    let world = World::of(context, &metadata![Article, Topic])?;
    let mut session = world.session();
    let topic = |name: &str| Topic {
        name: name.to_owned(),
        articles: ManyToMany::default(),
    };
    let [a, b, c] = session.add_all(["a", "b", "c"].map(topic));
    for (title, topics) in [("first", vec![a, b, c]), ("second", vec![b])] {
        session.add(Article {
            topics: topics.into(),
            ..Article::new(title)
        });
    }
    session.commit()?;
    let articles = Article::query()
        .order_by(Article::ID.asc())
        .with(Article::TOPICS.filter(Topic::NAME.ne("b")))
        .all(&mut session)?;
    let expected = [Some(vec![c, a]), Some(vec![])];
    for (&article, expected) in articles.iter().zip(expected) {
        check_eq!(
            session.filtered(article, Article::TOPICS)?,
            expected,
            "each owner must have its own members, in the relation's order"
        );
        check_eq!(
            session.loaded(article, Article::TOPICS)?,
            None,
            "the collection must stay unloaded"
        );
    }
    Ok(())
}

fn flush(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let mut session = world.session();
    for label in ["one", "two"] {
        let papers = ["a", "b", "c"].map(|title| Paper::new(title, 0));
        session.add(Folder {
            papers: papers.into(),
            ..Folder::new(label)
        });
    }
    session.commit()?;
    let query = Folder::query()
        .order_by(Folder::ID.asc())
        .with(Folder::PAPERS.filter(Paper::TITLE.eq("b")));
    let folders = query.all(&mut session)?;
    session[folders[0]].label = "changed".to_owned();
    session.commit()?;
    check_eq!(
        world.papers()?.len(),
        6,
        "an object missing from a view must not be mistaken for an orphan"
    );
    query.all(&mut session)?;
    let kept = session.filtered(folders[0], Folder::PAPERS)?;
    session.replace(folders[0], Folder::PAPERS, kept.unwrap_or_default())?;
    session.commit()?;
    let titles: Vec<String> = world.papers()?.into_iter().map(|p| p.title).collect();
    check_eq!(
        titles,
        ["b", "a", "b", "c"],
        "a replaced collection must lose all its other members"
    );
    query.all(&mut session)?;
    session.delete(folders[1])?;
    session.commit()?;
    check_eq!(
        world.papers()?.len(),
        1,
        "a deletion must take all members along"
    );
    Ok(())
}

fn ends(context: &mut Context) -> CaseResult {
    let world = with_tasks(context)?;
    let mut session = world.session();
    let query = User::query()
        .order_by(User::NAME.asc())
        .with(User::TASKS.filter(Task::DONE));
    let users = query.all(&mut session)?;
    let tasks = session.filtered(users[0], User::TASKS)?.unwrap_or_default();
    session.delete(tasks[0])?;
    session.flush()?;
    check_eq!(
        views(&session, &users)?,
        some(&["c", "e", ""]),
        "deleted objects must be left out"
    );
    session.expire(users[1])?;
    session.refresh(users[1])?;
    check_eq!(
        views(&session, &users)?,
        vec![Some("c".to_owned()), None, Some(String::new())],
        "an expired object must no longer have a view"
    );
    session.commit()?;
    User::query().all(&mut session)?;
    check_eq!(
        views(&session, &users)?,
        vec![None; 3],
        "a commit must end all views"
    );
    query.all(&mut session)?;
    check_eq!(
        views(&session, &users)?,
        some(&["c", "e", ""]),
        "the next query must refresh them"
    );
    Ok(())
}

fn raise(context: &mut Context) -> CaseResult {
    let world = with_tasks(context)?;
    let mut session = world.session();
    let query = User::query()
        .order_by(User::NAME.asc())
        .with(User::TASKS.raise());
    let users = query.all(&mut session)?;
    let task = Task::query()
        .filter(Task::TITLE.eq("a"))
        .raise_all()
        .one(&mut session)?;
    world.sent();
    let refused = session.load(users[0], User::TASKS);
    check_eq!(
        refused.err().map(|error| error.kind()),
        Some(ErrorKind::NotLoaded),
        "a relation that a query marked `raise` must not be loaded lazily"
    );
    check_eq!(
        session.load(task, Task::USER)?,
        Some(users[0]),
        "a mapped parent must be given"
    );
    check_eq!(world.sent(), Sent::NOTHING, "nothing must be sent");
    let ann = User::query().filter(User::NAME.eq("ann"));
    ann.with(User::TASKS.selectin()).all(&mut session)?;
    check_eq!(
        session.load(users[0], User::TASKS)?.len(),
        3,
        "another query must be able to load it"
    );
    let refused = session.load(users[1], User::TASKS);
    check_eq!(
        refused.err().map(|error| error.kind()),
        Some(ErrorKind::NotLoaded),
        "a relation that a query marked `raise` must not be loaded lazily"
    );
    session.commit()?;
    check_eq!(
        session.load(users[1], User::TASKS)?.len(),
        2,
        "after a commit it must be loaded on request"
    );
    Ok(())
}
