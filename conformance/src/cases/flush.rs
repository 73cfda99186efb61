//! How changes are written: order, batches, keys, failures.

mod keys;
mod passed_on;
mod references;
mod reordered;
mod skipped;
mod stale;
mod unknown;

use proptest::prelude::*;
use selfsame::ErrorKind;
use selfsame::dialect::Batch;
use selfsame::prelude::*;

use crate::case::Cover::{Contract, Rule};
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::world::{BillLine, Node, Seat, Task, User, World};

pub(super) const LISTS: &[&[Case]] = &[
    CASES,
    keys::CASES,
    passed_on::CASES,
    references::CASES,
    reordered::CASES,
    skipped::CASES,
    stale::CASES,
    unknown::CASES,
];

const CASES: &[Case] = &[
    Case::core("flush.order.independent", order)
        .needs(&[Capability::GeneratedKeys, Capability::Transactions])
        .promise("Whatever the order of `add`, parents are inserted before and deleted after their children.")
        .hint("Enforced foreign keys reveal a wrong order.")
        .covers(&[Rule(12)]),
    Case::core("flush.order.keys_ascend", keys_ascend)
        .needs(&[Capability::GeneratedKeys])
        .promise("Rows of one table are inserted in the order of `add`, so generated keys ascend in that order.")
        .hint("A batch must insert its rows in their order.")
        .covers(&[Rule(12), Rule(13)]),
    Case::core("flush.batch.keys", batch_keys)
        .needs(&[Capability::GeneratedKeys])
        .promise("Each object gets the generated key of its own row, for one object or thousands.")
        .hint("Pair keys by their order, not by the order in which they are returned.")
        .covers(&[Rule(13)]),
    Case::core("flush.batch.one_statement", one_statement)
        .promise("Objects of one shape are written by few statements, whatever their number, and every one is written.")
        .hint("See `Dialect::batch`.")
        .covers(&[Rule(13)]),
    Case::core("flush.foreign_keys.filled", filled)
        .promise("Children get the keys of parents inserted in the same flush, and a relation that was set takes precedence over a foreign key column that was set.")
        .hint("Of the backend, only its generated keys matter here.")
        .covers(&[Rule(14)]),
    Case::core("flush.failure.pending", failure)
        .needs(&[Capability::Transactions])
        .promise("A failed flush rolls back, keeps the changes in memory and refuses statements until `rollback`.")
        .hint("The error must be classified, and the connection must survive it.")
        .covers(&[Rule(18)]),
    Case::full("flush.failure.savepoint", failure_in_savepoint)
        .needs(&[Capability::Transactions, Capability::Savepoints])
        .promise("A flush that fails inside a savepoint undoes only the savepoint: earlier work can be committed.")
        .hint("ROLLBACK TO must make the transaction usable again after an error.")
        .covers(&[Rule(18), Rule(32)]),
    Case::core("flush.row_switch", row_switch)
        .since(2)
        .promise("Deleting a row and adding one with its key in the same flush is one UPDATE, which a rollback undoes.")
        .hint("Of the backend, only a WHERE that finds the row matters here.")
        .covers(&[Rule(17)]),
    Case::extra("flush.computed.read_back", computed)
        .since(2)
        .needs(&[Capability::ComputedColumns])
        .promise("A column that the database computes is read back with the INSERT, never written, and read again after an UPDATE.")
        .hint("GENERATED ALWAYS AS (…) STORED in CREATE TABLE; RETURNING, or a key that the outcome reports.")
        .covers(&[Rule(21), Contract(54)]),
    Case::core("flush.tree.levels", tree)
        .needs(&[Capability::GeneratedKeys, Capability::Transactions])
        .promise("A tree in one table is inserted parents first and deleted children first, whatever the order of `add` and `delete`.")
        .hint("Enforced foreign keys reveal a wrong order.")
        .covers(&[Rule(16), Rule(12)]),
    Case::core("flush.update.many", update_many)
        .promise("Changes of many objects each reach their own row.")
        .hint("Each row of a batch has its own parameters.")
        .covers(&[Rule(13), Rule(8)]),
    Case::core("flush.delete.many", delete_many)
        .promise("Deleting many objects deletes their rows and no others.")
        .hint("Each row of a batch has its own parameters.")
        .covers(&[Rule(12), Rule(13)]),
];

fn order(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let orders = proptest::collection::vec((any::<bool>(), 0_usize..3), 1..8);
    context.property(&orders, |_, steps| {
        let mut session = world.session();
        let mut users: Vec<Handle<User>> = Vec::new();
        let mut tasks: Vec<(Handle<Task>, usize)> = Vec::new();
        for (i, (is_user, owner)) in steps.iter().enumerate() {
            if *is_user {
                users.push(session.add(User::new(format!("user {i}"))));
            } else {
                tasks.push((session.add(Task::new(format!("task {i}"))), *owner));
            }
        }
        while users.len() < 3 {
            users.push(session.add(User::new(format!("late {}", users.len()))));
        }
        for &(task, owner) in &tasks {
            session.set(task, Task::USER, Some(users[owner]))?;
        }
        let flushed = session.flush();
        check!(
            flushed.is_ok(),
            "any order of `add` must flush, returned {flushed:?}"
        );
        for &(task, owner) in &tasks {
            let key = session[users[owner]].id.get().copied();
            check_eq!(
                session[task].user_id,
                key,
                "a task must hold its user's key"
            );
        }
        for user in users {
            session.delete(user)?;
        }
        for (task, _) in tasks {
            session.delete(task)?;
        }
        let flushed = session.flush();
        check!(
            flushed.is_ok(),
            "any order of `delete` must flush, returned {flushed:?}"
        );
        session.commit()?;
        check!(
            world.users()?.is_empty() && world.tasks()?.is_empty(),
            "every row must be gone"
        );
        Ok(())
    })
}

fn keys_ascend(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let keys = world.with_users(&["z", "a", "m", "b"])?;
    check!(
        keys.is_sorted() && keys.len() == 4,
        "keys must ascend in the order of `add`: {keys:?}"
    );
    let names: Vec<String> = world.users()?.into_iter().map(|user| user.name).collect();
    check_eq!(
        names,
        ["z", "a", "m", "b"],
        "rows must be in the order of `add`"
    );
    Ok(())
}

fn batch_keys(context: &mut Context) -> CaseResult {
    for count in [1, 2, 3, 101, 2_000] {
        let world = World::new(context)?;
        let mut session = world.session();
        let handles: Vec<Handle<User>> = (0..count)
            .map(|i| session.add(User::new(format!("{count}/{i}"))))
            .collect();
        session.commit()?;
        let by_key: std::collections::HashMap<Option<i64>, String> = world
            .users()?
            .into_iter()
            .map(|user| (user.id.get().copied(), user.name))
            .collect();
        for handle in handles {
            let user = &session[handle];
            let stored = by_key.get(&user.id.get().copied());
            check_eq!(
                stored,
                Some(&user.name),
                "the key of an object must be that of its row, in a batch of {count}"
            );
        }
        metadata![User, Task].drop_all(&world.engine)?;
    }
    Ok(())
}

fn one_statement(context: &mut Context) -> CaseResult {
    const COUNT: usize = 300;
    let world = World::new(context)?;
    let mut session = world.session();
    for i in 0..COUNT {
        session.add(User::new(format!("user {i}")));
    }
    session.flush()?;
    let sent = world.sent();
    let most = match context.dialect().batch() {
        Batch::Rows => COUNT,
        Batch::Arrays => 1,
        _ => COUNT / 20,
    };
    check!(
        (1..=most).contains(&sent.insert),
        "{COUNT} objects of one shape must take few INSERTs, took {}",
        sent.insert
    );
    session.commit()?;
    check_eq!(world.users()?.len(), COUNT, "every object must arrive");
    Ok(())
}

fn filled(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let mut session = world.session();
    let task = session.add(Task {
        user_id: Some(4_711),
        ..Task::new("write")
    });
    let ann = session.add(User::new("ann"));
    session.set(task, Task::USER, Some(ann))?;
    session.commit()?;
    let key = session[ann].id.get().copied();
    check!(key.is_some(), "an inserted object must have its key");
    check_eq!(
        world.tasks()?[0].user_id,
        key,
        "the relation must take precedence over the column"
    );
    Ok(())
}

fn failure(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    world.with_users(&["ann"])?;
    let mut session = world.session();
    let carl = session.add(User::new("carl"));
    session.flush()?;
    let second = session.add(User::new("ann"));
    let result = session.flush();
    check!(
        matches!(&result, Err(error) if error.kind() == ErrorKind::UniqueViolation),
        "an existing name must be refused as a unique violation, returned {result:?}"
    );
    let refused = User::query().count(&mut session);
    check!(
        matches!(&refused, Err(error) if error.kind() == ErrorKind::PendingRollback),
        "after a failed flush the session must require a rollback, returned {refused:?}"
    );
    check_eq!(
        session[second].name,
        "ann",
        "the change must stay in memory"
    );
    session.rollback()?;
    check_eq!(
        session.state(second),
        State::Transient,
        "added objects must be transient after the rollback"
    );
    check_eq!(
        session.state(carl),
        State::Transient,
        "objects flushed before must be transient too"
    );
    let mut value = session.take(second)?;
    value.name = "ann II".to_owned();
    session.add(value);
    session.commit()?;
    let names: Vec<String> = world.users()?.into_iter().map(|user| user.name).collect();
    check_eq!(
        names,
        ["ann", "ann II"],
        "the session must work again, and the flush before the failure must be undone"
    );
    Ok(())
}

fn failure_in_savepoint(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    world.with_users(&["ann"])?;
    let mut session = world.session();
    let bob = session.add(User::new("bob"));
    let result = session.savepoint(|s| {
        s.add(User::new("carl"));
        s.flush()?;
        s.add(User::new("ann"));
        s.flush()
    });
    check!(
        matches!(&result, Err(error) if error.kind() == ErrorKind::UniqueViolation),
        "the savepoint must return the error, returned {result:?}"
    );
    session[bob].age = Some(7);
    let committed = session.commit();
    check!(
        committed.is_ok(),
        "the transaction must commit what came before, returned {committed:?}"
    );
    let users = world.users()?;
    let names: Vec<(&str, Option<i32>)> = users
        .iter()
        .map(|user| (user.name.as_str(), user.age))
        .collect();
    check_eq!(
        names,
        [("ann", None), ("bob", Some(7))],
        "only the savepoint must be lost"
    );
    Ok(())
}

fn row_switch(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let mut session = world.session();
    let guest = |guest: &str| {
        let mut seat = Seat::new("a", 1);
        seat.guest = Some(guest.to_owned());
        seat
    };
    let old = session.add(guest("ann"));
    session.commit()?;
    let key = || ("a".to_owned(), 1);
    session.get::<Seat>(key())?;
    session.delete(old)?;
    let new = session.add(guest("bob"));
    world.sent();
    session.flush()?;
    let sent = world.sent();
    check_eq!(
        (sent.insert, sent.update, sent.delete),
        (0, 1, 0),
        "one UPDATE"
    );
    check_eq!(session.get::<Seat>(key())?, Some(new), "the new object");
    session.commit()?;
    check_eq!(session.state(old), State::Detached, "the deleted object");
    let rows = Seat::query().rows(&mut session)?;
    let guests: Vec<_> = rows.iter().map(|seat| seat.guest.as_deref()).collect();
    check_eq!(guests, [Some("bob")], "the row");
    Ok(())
}

fn computed(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    metadata![BillLine].create_all(&world.engine)?;
    let mut session = world.session();
    let lines: Vec<Handle<BillLine>> = (1..4)
        .map(|number| session.add(BillLine::new(number, 10, i64::from(number))))
        .collect();
    session.flush()?;
    let totals = |session: &Session| -> Vec<Option<i64>> {
        let total = |&line: &Handle<BillLine>| session[line].total.get().copied();
        lines.iter().map(total).collect()
    };
    check_eq!(
        totals(&session),
        [Some(10), Some(20), Some(30)],
        "after the INSERT"
    );
    for &line in &lines {
        session[line].price = 100;
        session[line].total = Auto::set(-1);
    }
    session.flush()?;
    session.get_many::<BillLine>(1..4)?;
    check_eq!(
        totals(&session),
        [Some(100), Some(200), Some(300)],
        "after the UPDATE"
    );
    Ok(())
}

fn update_many(context: &mut Context) -> CaseResult {
    const COUNT: i32 = 250;
    let world = World::new(context)?;
    let names: Vec<String> = (0..COUNT).map(|i| format!("user {i}")).collect();
    world.with_users(&names.iter().map(String::as_str).collect::<Vec<_>>())?;
    let mut session = world.session();
    let users = User::query().order_by(User::ID.asc()).all(&mut session)?;
    for (&user, i) in users.iter().zip(0..).filter(|(_, i)| i % 2 == 0) {
        session[user].age = Some(i);
    }
    world.sent();
    session.commit()?;
    let sent = world.sent();
    check!(
        sent.update >= 1,
        "changes must be sent as UPDATEs, sent {sent:?}"
    );
    for (user, i) in world.users()?.into_iter().zip(0..) {
        let wanted = (i % 2 == 0).then_some(i);
        check_eq!(user.age, wanted, "each row must hold its own change");
    }
    Ok(())
}

fn delete_many(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let names: Vec<String> = (0..150).map(|i| format!("user {i}")).collect();
    world.with_users(&names.iter().map(String::as_str).collect::<Vec<_>>())?;
    let mut session = world.session();
    let users = User::query().order_by(User::ID.asc()).all(&mut session)?;
    for &user in users
        .iter()
        .filter(|&&user| session[user].name.ends_with('7'))
        .copied()
        .collect::<Vec<_>>()
        .iter()
    {
        session.delete(user)?;
    }
    session.commit()?;
    let left: Vec<String> = world.users()?.into_iter().map(|user| user.name).collect();
    let wanted: Vec<String> = names
        .into_iter()
        .filter(|name| !name.ends_with('7'))
        .collect();
    check_eq!(left, wanted, "only the deleted objects' rows may go");
    Ok(())
}

fn tree(context: &mut Context) -> CaseResult {
    const DEPTH: usize = 4;
    let world = World::new(context)?;
    let mut session = world.session();
    let nodes: Vec<Handle<Node>> = (0..DEPTH * 2)
        .map(|i| session.add(Node::new(format!("node {i}"))))
        .collect();
    // Two chains, each child added before its parent.
    for i in 0..nodes.len() - 2 {
        session.set(nodes[i], Node::PARENT, Some(nodes[i + 2]))?;
    }
    let flushed = session.flush();
    check!(
        flushed.is_ok(),
        "children added before their parents must be inserted, returned {flushed:?}"
    );
    session.commit()?;
    let mut reader = world.session();
    for &node in &nodes[..nodes.len() - 2] {
        let key = session[node].id.get().copied().unwrap_or(-1);
        let Some(same) = reader.get::<Node>(key)? else {
            check!(false, "each node must have its row");
            return Ok(());
        };
        let parent = reader.load(same, Node::PARENT)?;
        let (child, parent) = (&reader[same].label, parent.map(|p| reader[p].label.clone()));
        let number: usize = child
            .trim_start_matches("node ")
            .parse()
            .unwrap_or(usize::MAX);
        check_eq!(
            parent,
            Some(format!("node {}", number.wrapping_add(2))),
            "{child} must have its own parent"
        );
    }
    drop(reader);
    for &node in nodes.iter().rev() {
        session.delete(node)?;
    }
    let committed = session.commit();
    check!(
        committed.is_ok(),
        "parents deleted before their children must go, returned {committed:?}"
    );
    check_eq!(
        Node::query().count(&mut world.session())?,
        0,
        "every node must be gone"
    );
    Ok(())
}
