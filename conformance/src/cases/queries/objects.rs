//! Queries for objects that read several tables, and queries for columns instead of objects.

use selfsame::prelude::*;
use selfsame::sql::{alias, avg, count, max, min, sum};

use crate::case::Cover::{Contract, Rule};
use crate::case::{Case, CaseResult};
use crate::context::Context;
use crate::world::{Node, Task, User, World};

pub(super) const CASES: &[Case] = &[
    Case::core("queries.objects.joined", joined)
        .promise("A query that joins a collection returns each object once, LIMIT and `count` count objects, and it can sort by joined columns.")
        .hint("A query grouped by the primary key may read every column of its table.")
        .covers(&[Rule(27), Contract(33)])
        .since(4),
    Case::core("queries.objects.related", related)
        .promise("Conditions on related rows are EXISTS subqueries, also for self-referential relations.")
        .hint("Subqueries may use the columns of the outer query.")
        .covers(&[Contract(36), Contract(34)])
        .since(4),
    Case::core("queries.objects.projected", projected)
        .promise("Projections, groups and aggregates are returned as typed rows, bypass the identity map, and see flushed changes.")
        .hint("COUNT, SUM and AVG must return the types that they are cast to.")
        .covers(&[Rule(6), Contract(32)])
        .since(4),
];

/// ann with the tasks a and b, bob with c, carl with none.
fn with_graph(context: &Context) -> CaseResult<World> {
    let world = World::new(context)?;
    world.with_tasks("ann", &["a", "b"])?;
    world.with_tasks("bob", &["c"])?;
    world.with_tasks("carl", &[])?;
    Ok(world)
}

fn names(session: &Session, users: &[Handle<User>]) -> Vec<String> {
    let name = |&user: &Handle<User>| session[user].name.clone();
    users.iter().map(name).collect()
}

fn joined(context: &mut Context) -> CaseResult {
    let world = with_graph(context)?;
    let mut session = world.session();
    let busy = User::query().join(User::TASKS).order_by(User::NAME.asc());
    let found = busy.all(&mut session)?;
    check_eq!(names(&session, &found), ["ann", "bob"], "each user once");
    let first = busy.clone().limit(1).offset(1).all(&mut session)?;
    check_eq!(names(&session, &first), ["bob"], "LIMIT must count users");
    check_eq!(busy.count(&mut session)?, 2, "count must count users");
    let by_title = User::query()
        .join(User::TASKS)
        .filter(Task::TITLE.ne("b"))
        .order_by(Task::TITLE.desc())
        .all(&mut session)?;
    check_eq!(
        names(&session, &by_title),
        ["bob", "ann"],
        "users must stand where the first of their tasks does"
    );
    let all = User::query()
        .left_join(User::TASKS)
        .order_by(count(Task::ID).desc())
        .order_by(User::NAME.asc())
        .all(&mut session)?;
    check_eq!(
        names(&session, &all),
        ["ann", "bob", "carl"],
        "a left join must keep the user without tasks"
    );
    let several = User::query()
        .join(User::TASKS)
        .having(count(Task::ID).gt(1));
    let several = several.all(&mut session)?;
    check_eq!(names(&session, &several), ["ann"], "HAVING must pick users");
    Ok(())
}

fn related(context: &mut Context) -> CaseResult {
    let world = with_graph(context)?;
    let mut session = world.session();
    let of_b = User::query().filter(User::TASKS.any(Task::TITLE.eq("b")));
    let of_b = of_b.all(&mut session)?;
    check_eq!(names(&session, &of_b), ["ann"], "the owner of b");
    let idle = User::query()
        .filter(!User::TASKS.any(true))
        .all(&mut session)?;
    check_eq!(names(&session, &idle), ["carl"], "who has no task");
    let of_ann = Task::query().filter(Task::USER.has(User::NAME.eq("ann")));
    check_eq!(of_ann.count(&mut session)?, 2, "ann's tasks");
    let root = session.add(Node::new("root"));
    let leaf = session.add(Node::new("leaf"));
    session.set(leaf, Node::PARENT, Some(root))?;
    let parents = Node::query().filter(Node::CHILDREN.any(Node::LABEL.eq("leaf")));
    check_eq!(parents.all(&mut session)?, [root], "the parent of the leaf");
    let parent = alias::<Node>("parent");
    let children = Node::query()
        .join(Node::PARENT.to(&parent))
        .filter(parent.column(Node::LABEL).eq("root"));
    check_eq!(children.all(&mut session)?, [leaf], "the child of the root");
    Ok(())
}

fn projected(context: &mut Context) -> CaseResult {
    let world = with_graph(context)?;
    let mut session = world.session();
    let counts = User::query()
        .left_join(User::TASKS)
        .order_by(User::NAME.asc())
        .select((User::NAME, count(Task::ID), max(Task::TITLE)))
        .group_by(User::ID);
    let text = |text: &str| Some(text.to_owned());
    let wanted = [
        ("ann".to_owned(), 2, text("b")),
        ("bob".to_owned(), 1, text("c")),
        ("carl".to_owned(), 0, None),
    ];
    check_eq!(counts.all(&mut session)?, wanted, "a row for each group");
    let ann = User::query()
        .filter(User::NAME.eq("ann"))
        .one(&mut session)?;
    session[ann].age = Some(41);
    let ages = User::query().select((sum(User::AGE), avg(User::AGE), min(User::AGE)));
    check_eq!(
        ages.one(&mut session)?,
        (Some(41), Some(41.0), Some(41)),
        "aggregates must see the session's changes"
    );
    let titles = User::query()
        .left_join(User::TASKS)
        .filter(User::NAME.eq("carl"))
        .select((User::NAME, Task::TITLE.nullable()));
    check_eq!(
        titles.one(&mut session)?,
        ("carl".to_owned(), None),
        "a left join must return NULL for missing rows"
    );
    Ok(())
}
