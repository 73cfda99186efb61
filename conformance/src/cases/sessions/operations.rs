//! Operations of a session: merging, cascades in memory, hooks, retries.

use std::sync::{Arc, Mutex, PoisonError};

use selfsame::dialect::{Batch, Isolation};
use selfsame::prelude::*;
use selfsame::session::TransactionOptions;
use selfsame::{Error, ErrorKind};

use crate::case::Cover::Rule;
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::world::{Folder, Paper, Sent, Task, User, World};

pub(super) const CASES: &[Case] = &[
    Case::core("sessions.merge.lays_over", merge)
        .since(4)
        .promise("`merge` copies a value onto the object with its key, or onto its row by one SELECT, or adds it; equal columns are not written.")
        .suspects_orm()
        .covers(&[Rule(35)]),
    Case::core("sessions.merge.cascades", merge_cascade)
        .since(4)
        .promise("The values in a merged value's relation fields are merged too, and related to the merged object.")
        .suspects_orm()
        .covers(&[Rule(24), Rule(35)]),
    Case::core("sessions.merge.many", merge_many)
        .since(13)
        .promise("Merging many values reads their rows together, and those of their relation fields by one more statement; keys without a row are added.")
        .hint("The keys are sent like those of `get_many`: see `Dialect::batch`.")
        .covers(&[Rule(35), Rule(24)]),
    Case::core("sessions.cascades.along", cascades)
        .since(4)
        .promise("Refresh, expire and expunge cascade along relations that declare it, and an expunged value can be taken.")
        .suspects_orm()
        .covers(&[Rule(24), Rule(35)]),
    Case::core("sessions.hooks.called", hooks)
        .since(5)
        .needs(&[Capability::Transactions])
        .promise("Hooks are called before and after each flush, commit, rollback, INSERT, UPDATE, DELETE and load, and their changes are written.")
        .suspects_orm()
        .covers(&[Rule(36)]),
    Case::core("sessions.hooks.error", hook_error)
        .since(5)
        .needs(&[Capability::Transactions])
        .promise("An error from a hook aborts the flush and rolls back, also after the only statement of a commit.")
        .hint("ROLLBACK must undo the statement.")
        .covers(&[Rule(36)]),
    Case::full("sessions.retry.again", retry)
        .since(7)
        .concurrent()
        .needs(&[Capability::Transactions, Capability::SecondConnection, Capability::Isolation(Isolation::Serializable)])
        .promise("`retry` runs a transaction again from a clean state after a serialization failure, and then it succeeds.")
        .hint("Classify the database's serialization failures and deadlocks.")
        .covers(&[Rule(37)]),
    Case::full("sessions.transaction.read_only", read_only)
        .since(7)
        .needs(&[Capability::Transactions, Capability::ReadOnlyTransactions])
        .promise("A session's read-only transaction refuses writes, including a flush of a single statement, and the next transaction can write again.")
        .hint("Make BEGIN read-only, and end that mode with the transaction.")
        .covers(&[Rule(37)]),
];

fn merge(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let key = world.with_users(&["ann"])?[0];
    let ann = |age| User {
        id: Auto::set(key),
        age,
        ..User::new("ann")
    };
    let mut session = world.session();
    let merged = session.merge(ann(None))?;
    check_eq!(
        world.sent().rows(),
        1,
        "a row that is not mapped must be read by one SELECT"
    );
    session.flush()?;
    check_eq!(
        world.sent(),
        Sent::NOTHING,
        "equal values must not be written"
    );
    check_eq!(
        session.merge(ann(Some(30)))?,
        merged,
        "the object of the key must be found in the session"
    );
    let new = session.merge(User::new("bob"))?;
    check_eq!(
        session.state(new),
        State::Pending,
        "a value without a key must be added"
    );
    session.commit()?;
    let users: Vec<(String, Option<i32>)> = world
        .users()?
        .into_iter()
        .map(|user| (user.name, user.age))
        .collect();
    check_eq!(
        users,
        [("ann".to_owned(), Some(30)), ("bob".to_owned(), None)],
        "differences must be written, and new rows inserted"
    );
    Ok(())
}

fn merge_many(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let users = [
        world.with_tasks("ann", &["a", "b"])?,
        world.with_tasks("bob", &["c"])?,
    ];
    let tasks = world.tasks()?;
    let mut session = world.session();
    let values = users.map(|key| User {
        id: Auto::set(key),
        tasks: tasks
            .iter()
            .filter(|task| task.user_id == Some(key))
            .cloned()
            .collect(),
        ..User::new(if key == users[0] { "ann" } else { "bob" })
    });
    let new = User {
        id: Auto::set(users[1] + 10),
        tasks: [Task::new("d")].into(),
        ..User::new("carl")
    };
    let merged = session.merge_all(values.into_iter().chain([new]))?;
    // A dialect without lists as parameters looks up one key per statement.
    let lookups = match context.dialect().batch() {
        Batch::Rows => 3 + tasks.len(),
        _ => 2,
    };
    let sent = world.sent();
    check_eq!(
        sent.select,
        lookups,
        "the rows of a level must be read together"
    );
    check_eq!(sent.update, 0, "equal values must not be written");
    let states: Vec<State> = merged[..2]
        .iter()
        .map(|&user| session.state(user))
        .collect();
    check_eq!(
        states,
        [State::Persistent; 2],
        "a value with a row must be applied to it"
    );
    session.commit()?;
    let owners: Vec<Option<i64>> = world.tasks()?.iter().map(|task| task.user_id).collect();
    let [ann, bob] = users;
    check_eq!(
        owners,
        [Some(ann), Some(ann), Some(bob), Some(bob + 10)],
        "each task must be its owner's"
    );
    check_eq!(world.users()?.len(), 3, "each user must be there once");
    Ok(())
}

fn merge_cascade(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let key = world.with_tasks("ann", &["write"])?;
    let task = world.tasks()?.remove(0).id;
    let mut session = world.session();
    let ann = session.merge(User {
        id: Auto::set(key),
        tasks: [
            Task {
                id: task,
                ..Task::new("rewrite")
            },
            Task::new("read"),
        ]
        .into(),
        ..User::new("ann")
    })?;
    check_eq!(
        session.load(ann, User::TASKS)?.len(),
        2,
        "the collection must contain each merged object once"
    );
    session.commit()?;
    let tasks: Vec<(String, Option<i64>)> = world
        .tasks()?
        .into_iter()
        .map(|task| (task.title, task.user_id))
        .collect();
    check_eq!(
        tasks,
        [
            ("rewrite".to_owned(), Some(key)),
            ("read".to_owned(), Some(key))
        ],
        "both rows must belong to the object that was merged onto"
    );
    Ok(())
}

fn cascades(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let mut session = world.session();
    let folder = session.add(Folder {
        papers: [Paper::new("a", 0)].into(),
        ..Folder::new("f")
    });
    session.flush()?;
    let paper = session.load(folder, Folder::PAPERS)?[0];
    session[paper].title = "b".to_owned();
    session.refresh(folder)?;
    check_eq!(session[paper].title, "a", "the paper must be refreshed too");
    session.load(folder, Folder::PAPERS)?;
    session.expire(folder)?;
    check!(session.is_expired(paper)?, "the paper must be expired too");
    session.load(folder, Folder::PAPERS)?;
    session.expunge(folder)?;
    check_eq!(
        session.state(paper),
        State::Detached,
        "the paper must be expunged too"
    );
    check_eq!(
        session.take(paper)?.title,
        "a",
        "its value must not be lost"
    );
    session.commit()?;
    check_eq!(
        world.papers()?.len(),
        1,
        "expunging must leave the rows alone"
    );
    Ok(())
}

fn hooks(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let calls = Arc::new(Mutex::new(Vec::new()));
    let call = |name: &'static str| {
        let calls = Arc::clone(&calls);
        move || {
            let mut calls = calls.lock().unwrap_or_else(PoisonError::into_inner);
            calls.push(name);
        }
    };
    let of_session = |name| {
        let call = call(name);
        move |_: &mut Session| {
            call();
            Ok(())
        }
    };
    let of_user = |name| {
        let call = call(name);
        move |_: &User| {
            call();
            Ok(())
        }
    };
    let of_end = |name| {
        let call = call(name);
        move |_: &mut Session| call()
    };
    let factory = SessionFactory::new(&world.engine)
        .hook(Hook::before_insert(|user: &mut User| {
            user.name = user.name.to_uppercase();
            Ok(())
        }))
        .hook(Hook::before_update(|user: &mut User| {
            user.score = Some(0.5);
            Ok(())
        }))
        .hook(Hook::before_flush(of_session("before flush")))
        .hook(Hook::after_flush(of_session("after flush")))
        .hook(Hook::before_commit(of_session("before commit")))
        .hook(Hook::after_commit(of_end("after commit")))
        .hook(Hook::before_rollback(of_end("before rollback")))
        .hook(Hook::after_rollback(of_end("after rollback")))
        .hook(Hook::after_insert(of_user("insert")))
        .hook(Hook::after_update(of_user("update")))
        .hook(Hook::before_delete(of_user("before delete")))
        .hook(Hook::after_delete(of_user("delete")))
        .hook(Hook::load(of_user("load")));
    let called = || std::mem::take(&mut *calls.lock().unwrap_or_else(PoisonError::into_inner));
    let mut session = factory.session();
    session.add(User::new("ann"));
    session.commit()?;
    check_eq!(
        called(),
        [
            "before commit",
            "before flush",
            "insert",
            "after flush",
            "after commit"
        ],
        "a commit must call its hooks in order"
    );
    let mut session = factory.session();
    let ann = User::query().one(&mut session)?;
    check_eq!(
        called(),
        ["load"],
        "the hook must be called for each loaded object"
    );
    session[ann].age = Some(3);
    session.flush()?;
    session.delete(ann)?;
    session.flush()?;
    check_eq!(
        called(),
        [
            "before flush",
            "update",
            "after flush",
            "before flush",
            "before delete",
            "delete",
            "after flush"
        ],
        "each flush must call the hooks of what it writes"
    );
    session.rollback()?;
    check_eq!(
        called(),
        ["before rollback", "after rollback"],
        "a rollback must call its hooks"
    );
    let ann = User::query().one(&mut session)?;
    session[ann].age = Some(4);
    session.commit()?;
    let users: Vec<(String, Option<f64>)> = world
        .users()?
        .into_iter()
        .map(|user| (user.name, user.score))
        .collect();
    check_eq!(
        users,
        [("ANN".to_owned(), Some(0.5))],
        "changes by hooks must be written"
    );
    Ok(())
}

fn hook_error(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let refuse = || Error::new(ErrorKind::Validation, "no more");
    for hook in [
        Hook::before_insert(move |_: &mut User| Err(refuse())),
        Hook::after_insert(move |_: &User| Err(refuse())),
        Hook::after_flush(move |_| Err(refuse())),
        Hook::before_commit(move |_| Err(refuse())),
    ] {
        let mut session = world.session();
        session.hook(hook);
        let ann = session.add(User::new("ann"));
        let result = session.commit().map_err(|error| error.kind());
        check_eq!(
            result,
            Err(ErrorKind::Validation),
            "the error of a hook must be returned"
        );
        session.rollback()?;
        check_eq!(
            session.state(ann),
            State::Transient,
            "its object must be transient"
        );
        drop(session);
        check!(world.users()?.is_empty(), "nothing may be written");
    }
    Ok(())
}

fn retry(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let key = world.with_users(&["ann"])?[0];
    let mut levels = world.engine.capabilities().isolation_levels.clone();
    levels.sort();
    // Lower levels do not promise that updates are not lost.
    levels.retain(|level| *level >= Isolation::RepeatableRead);
    let mut session = world.session();
    while let Some(level) = levels.pop() {
        let options = TransactionOptions::new().isolation(level);
        let mut tries = 0;
        let seen = session.retry_with(options, 3, |s| {
            tries += 1;
            let ann = User::query().one(s)?;
            let age = s[ann].age.unwrap_or(0);
            s.add(Task::new(format!("try {tries}")));
            if tries == 1 {
                // Another session commits first.
                let mut other = Session::new(&world.engine);
                if let Some(same) = other.get::<User>(key)? {
                    other[same].age = Some(10);
                }
                other.commit()?;
            }
            s[ann].age = Some(age + 1);
            Ok(age)
        });
        // If readers lock what they read, no other transaction can commit first; one level below they do not.
        if matches!(&seen, Err(error) if error.kind() == ErrorKind::Busy) {
            check_eq!(world.users()?[0].age, None, "nothing was written");
            continue;
        }
        check!(
            matches!(seen, Ok(10)),
            "the second attempt must see what the other session wrote, saw {seen:?}"
        );
        check_eq!(tries, 2, "one failure must cost one more try");
        check_eq!(world.users()?[0].age, Some(11), "no update may be lost");
        let titles: Vec<String> = world.tasks()?.into_iter().map(|task| task.title).collect();
        check_eq!(
            titles,
            ["try 2"],
            "objects added by the failed attempt must be gone"
        );
        return Ok(());
    }
    context.note("readers lock what they read: others waited for them, and nothing was lost");
    Ok(())
}

fn read_only(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let options = TransactionOptions::new().read_only();
    let mut session = world.session();
    let count = session.transaction_with(options, |s| User::query().count(s))?;
    check_eq!(count, 0, "a read-only transaction must read");
    let refused = session
        .transaction_with(options, |s| Ok(s.add(User::new("ann"))))
        .map_err(|error| error.kind());
    check!(
        matches!(refused, Err(ErrorKind::ReadOnly)),
        "it must refuse to write, returned {refused:?}"
    );
    session.transaction(|s| Ok(s.add(User::new("bob"))))?;
    drop(session);
    let names: Vec<String> = world.users()?.into_iter().map(|user| user.name).collect();
    check_eq!(names, ["bob"], "the next transaction must write");
    Ok(())
}
