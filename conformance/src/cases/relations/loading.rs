//! How relations are loaded: the number of statements, and the result.

use selfsame::dialect::Batch;
use selfsame::prelude::*;
use selfsame::query::Query;

use crate::case::Cover::Rule;
use crate::case::{Case, CaseResult};
use crate::context::Context;
use crate::world::{Node, Sent, Task, User, World};

pub(super) const CASES: &[Case] = &[
    Case::core("relations.load.statements", statements)
        .promise("Loading n parents with their children costs 1 + n statements lazily, 1 + ⌈n / batch⌉ by selectin, 1 joined, and all give equal graphs.")
        .hint("Joined rows must be complete; see `Dialect::batch` for selectin.")
        .covers(&[Rule(27)]),
    Case::core("relations.load.limit", limit)
        .promise("A limit counts parents, not joined rows.")
        .hint("Subqueries with LIMIT must work.")
        .covers(&[Rule(27)]),
    Case::core("relations.load.many_parents", many_parents)
        .promise("The children of hundreds of parents each reach their own parent.")
        .hint("See `Dialect::batch`: lists beyond the limit are split.")
        .covers(&[Rule(27)]),
    Case::core("relations.load.to_one", to_one)
        .promise("A target that is already loaded, or a NULL key, costs no statement.")
        .suspects_orm()
        .covers(&[Rule(28)]),
    Case::core("relations.load.nested", nested)
        .promise("Loading options nest: the children's parents are loaded too.")
        .suspects_orm()
        .covers(&[Rule(28)]),
    Case::core("relations.load.order_by", order_by)
        .promise("A collection is in the order that its relation declares, however it is loaded.")
        .hint("Send ORDER BY as it is.")
        .covers(&[Rule(27), Rule(29)]),
    Case::core("relations.load.expired", expired)
        .promise("A collection is read again after a commit, and shows changes of other sessions.")
        .suspects_orm()
        .covers(&[Rule(30), Rule(27)]),
];

/// Three users: with two tasks, one task, and none.
fn with_graph(context: &Context) -> CaseResult<World> {
    let world = World::new(context)?;
    world.with_tasks("ann", &["a", "b"])?;
    world.with_tasks("bob", &["c"])?;
    world.with_tasks("carl", &[])?;
    Ok(world)
}

/// The names of a query's users, each with the titles of its tasks.
fn graph(session: &mut Session, query: &Query<User>) -> CaseResult<Vec<(String, Vec<String>)>> {
    let users = query.all(session)?;
    let mut graph = Vec::new();
    for user in users {
        let tasks = session.load(user, User::TASKS)?;
        let titles = tasks
            .into_iter()
            .map(|task| session[task].title.clone())
            .collect();
        graph.push((session[user].name.clone(), titles));
    }
    Ok(graph)
}

fn statements(context: &mut Context) -> CaseResult {
    let world = with_graph(context)?;
    let query = || User::query().order_by(User::NAME.asc());
    let wanted = vec![
        ("ann".to_owned(), vec!["a".to_owned(), "b".to_owned()]),
        ("bob".to_owned(), vec!["c".to_owned()]),
        ("carl".to_owned(), vec![]),
    ];
    // A dialect without lists as parameters looks up one parent per statement.
    let lookups = match context.dialect().batch() {
        Batch::Rows => wanted.len(),
        _ => 1,
    };
    for (how, query, statements) in [
        ("lazily", query(), 1 + wanted.len()),
        (
            "by selectin",
            query().with(User::TASKS.selectin()),
            1 + lookups,
        ),
        ("joined", query().with(User::TASKS.joined()), 1),
    ] {
        let mut session = world.session();
        world.sent();
        let found = graph(&mut session, &query)?;
        check_eq!(found, wanted, "the graph loaded {how} must be complete");
        check_eq!(
            world.sent().rows(),
            statements,
            "the number of statements for the graph loaded {how}"
        );
    }
    Ok(())
}

fn limit(context: &mut Context) -> CaseResult {
    let world = with_graph(context)?;
    for (how, load) in [
        ("selectin", User::TASKS.selectin()),
        ("joined", User::TASKS.joined()),
    ] {
        let query = User::query().order_by(User::NAME.asc()).limit(2).with(load);
        let found = graph(&mut world.session(), &query)?;
        let names: Vec<(&str, usize)> = found
            .iter()
            .map(|(name, tasks)| (name.as_str(), tasks.len()))
            .collect();
        check_eq!(
            names,
            [("ann", 2), ("bob", 1)],
            "a limit of two must give two parents with all their children, by {how}"
        );
    }
    Ok(())
}

fn many_parents(context: &mut Context) -> CaseResult {
    const COUNT: usize = 600;
    let world = World::new(context)?;
    let mut session = world.session();
    for i in 0..COUNT {
        let user = session.add(User::new(format!("user {i:03}")));
        for place in 0..(i % 3) {
            let task = session.add(Task::new(format!("{i:03}/{place}")));
            session.set(task, Task::USER, Some(user))?;
        }
    }
    session.commit()?;
    for (how, load) in [
        ("selectin", User::TASKS.selectin()),
        ("joined", User::TASKS.joined()),
    ] {
        let query = User::query().order_by(User::NAME.asc()).with(load);
        let found = graph(&mut world.session(), &query)?;
        check_eq!(found.len(), COUNT, "every parent must be there, by {how}");
        for (i, (_, titles)) in found.iter().enumerate() {
            let wanted: Vec<String> = (0..(i % 3))
                .map(|place| format!("{i:03}/{place}"))
                .collect();
            check_eq!(
                *titles,
                wanted,
                "each child must reach its own parent, by {how}"
            );
        }
    }
    Ok(())
}

fn to_one(context: &mut Context) -> CaseResult {
    let world = with_graph(context)?;
    let mut session = world.session();
    session.add(Task::new("nobody's"));
    session.commit()?;
    let tasks = Task::query().order_by(Task::ID.asc()).all(&mut session)?;
    let users = User::query().order_by(User::ID.asc()).all(&mut session)?;
    world.sent();
    let mut found = Vec::new();
    for &task in &tasks {
        found.push(session.load(task, Task::USER)?);
    }
    check_eq!(
        world.sent(),
        Sent::NOTHING,
        "mapped targets and NULL keys must send nothing"
    );
    check_eq!(
        found,
        [Some(users[0]), Some(users[0]), Some(users[1]), None],
        "each task must lead to its own user"
    );
    Ok(())
}

fn nested(context: &mut Context) -> CaseResult {
    let world = with_graph(context)?;
    let mut session = world.session();
    let users = User::query()
        .order_by(User::ID.asc())
        .with(User::TASKS.selectin().then(Task::USER.selectin()))
        .all(&mut session)?;
    world.sent();
    for &user in &users {
        for task in session.load(user, User::TASKS)? {
            check_eq!(
                session.load(task, Task::USER)?,
                Some(user),
                "a child must lead back to its parent"
            );
        }
    }
    check_eq!(
        world.sent(),
        Sent::NOTHING,
        "eagerly loaded objects must send nothing more"
    );
    Ok(())
}

fn order_by(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let mut session = world.session();
    let root = session.add(Node::new("root"));
    for label in ["b", "c", "a"] {
        let child = session.add(Node::new(label));
        session.set(child, Node::PARENT, Some(root))?;
    }
    session.commit()?;
    let key = session[root].id.get().copied().unwrap_or(-1);
    drop(session);
    let query = || Node::query().filter(Node::ID.eq(key));
    for (how, query) in [
        ("lazily", query()),
        ("by selectin", query().with(Node::CHILDREN.selectin())),
        ("joined", query().with(Node::CHILDREN.joined())),
    ] {
        let mut session = world.session();
        let root = query.one(&mut session)?;
        let labels: Vec<String> = session
            .load(root, Node::CHILDREN)?
            .into_iter()
            .map(|node| session[node].label.clone())
            .collect();
        check_eq!(
            labels,
            ["c", "b", "a"],
            "children loaded {how} must be in the declared order"
        );
    }
    Ok(())
}

fn expired(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let key = world.with_tasks("ann", &["a"])?;
    let mut session = world.session();
    let Some(ann) = session.get::<User>(key)? else {
        check!(false, "the user must be found");
        return Ok(());
    };
    check_eq!(
        session.load(ann, User::TASKS)?.len(),
        1,
        "the task must be loaded"
    );
    session.commit()?;
    let mut other = world.session();
    other.add(Task {
        user_id: Some(key),
        ..Task::new("b")
    });
    other.commit()?;
    drop(other);
    check_eq!(
        session.load(ann, User::TASKS)?.len(),
        2,
        "after a commit the collection must be read again"
    );
    Ok(())
}
