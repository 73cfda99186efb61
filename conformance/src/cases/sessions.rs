//! Sessions and transactions: when they begin, what commit and rollback do to objects, states.

use std::sync::{Arc, Mutex, PoisonError};

use selfsame::dialect::Isolation;
use selfsame::prelude::*;
use selfsame::session::TransactionOptions;
use selfsame::{Error, ErrorKind};

use crate::case::Cover::Rule;
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::world::{Folder, Paper, Sent, Task, User, World};

pub(super) const CASES: &[Case] = &[
    Case::core("sessions.begin.lazy", lazy)
        .promise("A session sends nothing before its first statement, and reading values sends nothing ever.")
        .hint("Creating a backend must not connect.")
        .covers(&[Rule(30)]),
    Case::core("sessions.commit.expires", expires)
        .promise("Behind a commit the last known values stay readable without I/O, and the next `get` reads the row again.")
        .hint("Nothing of the backend's.")
        .covers(&[Rule(30)]),
    Case::core("sessions.commit.no_lost_update", lost_update)
        .needs(&[Capability::Transactions])
        .promise("A change to an expired object is laid over the fresh row, and is stale data if that very column has moved: no update is lost silently.")
        .hint("Nothing of the backend's.")
        .covers(&[Rule(30)]),
    Case::core("sessions.rollback.restores", rollback)
        .needs(&[Capability::Transactions])
        .promise("A rollback makes added objects transient with their values, deleted ones persistent, and changed ones what they were.")
        .hint("ROLLBACK must undo what the session thinks it does.")
        .covers(&[Rule(31)]),
    Case::core("sessions.rollback.again", rollback_again)
        .needs(&[Capability::Transactions])
        .promise("What a rollback made transient can be taken, added again and committed.")
        .hint("Nothing of the backend's.")
        .covers(&[Rule(31), Rule(34)]),
    Case::full("sessions.savepoint.restores", savepoint)
        .needs(&[Capability::Transactions, Capability::Savepoints])
        .promise("Savepoints nest: releasing keeps, rolling back restores exactly what changed inside, in memory and in the rows.")
        .hint("SAVEPOINT, RELEASE and ROLLBACK TO must reach the database.")
        .covers(&[Rule(32)]),
    Case::core("sessions.drop.rolls_back", dropped)
        .needs(&[Capability::Transactions])
        .promise("Dropping a session without a commit leaves nothing behind, and its connection serves the next session.")
        .hint("See `Connection::reset`.")
        .covers(&[Rule(32)]),
    Case::core("sessions.autoflush.query", autoflush)
        .promise("A query sees what is pending, because it flushes first; inside `no_autoflush` it does not.")
        .hint("Nothing of the backend's.")
        .covers(&[Rule(33)]),
    Case::core("sessions.states.transitions", states)
        .needs(&[Capability::Transactions])
        .promise("Objects go through their states as the rules say, and what a state does not allow is refused.")
        .hint("Nothing of the backend's.")
        .covers(&[Rule(34)]),
    Case::core("sessions.refresh.drops_changes", refresh)
        .promise("`refresh` reads the row and drops the object's changes, `expire` drops them and reads when the object is next met.")
        .hint("Nothing of the backend's.")
        .covers(&[Rule(35)]),
    Case::core("sessions.merge.lays_over", merge)
        .since(4)
        .promise("`merge` lays a value over the object of its key, or over its row by one SELECT, or adds it; what is equal is not written.")
        .hint("Nothing of the backend's.")
        .covers(&[Rule(35)]),
    Case::core("sessions.merge.cascades", merge_cascade)
        .since(4)
        .promise("What is in the relationship fields of a merged value is merged too, and related to the object that it was laid over.")
        .hint("Nothing of the backend's.")
        .covers(&[Rule(24), Rule(35)]),
    Case::core("sessions.cascades.along", cascades)
        .since(4)
        .promise("What a relation says goes along is refreshed, expired and expunged with its owner, and an expunged value can be taken.")
        .hint("Nothing of the backend's.")
        .covers(&[Rule(24), Rule(35)]),
    Case::core("sessions.hooks.called", hooks)
        .since(5)
        .promise("Hooks are called before and after each flush, commit, rollback, INSERT, UPDATE, DELETE and load, and what one changes is written.")
        .hint("Nothing of the backend's.")
        .covers(&[Rule(36)]),
    Case::core("sessions.hooks.error", hook_error)
        .since(5)
        .needs(&[Capability::Transactions])
        .promise("An error from a hook aborts the flush and rolls back, also behind the only statement of a commit.")
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
        .promise("A read-only transaction of a session refuses to write, a flush of one statement too, and the next one writes again.")
        .hint("Tell BEGIN that the transaction only reads, and undo it behind it.")
        .covers(&[Rule(37)]),
    Case::core("sessions.close.ends", close)
        .needs(&[Capability::Transactions])
        .promise("`close` rolls back, makes every handle stale, and leaves a session that works.")
        .hint("Nothing of the backend's.")
        .covers(&[Rule(35)]),
    Case::core("sessions.reread.shows_commits", reread)
        .promise("A session that begins after a commit sees it whole.")
        .hint("COMMIT must reach the database.")
        .covers(&[Rule(30)]),
];

fn with_user(world: &World, name: &str) -> CaseResult<(Session, Handle<User>, i64)> {
    let keys = world.with_users(&[name])?;
    let mut session = world.session();
    let found = session.get::<User>(keys[0])?;
    world.sent();
    match found {
        Some(user) => Ok((session, user, keys[0])),
        None => Err(crate::Failure::Assertion(
            "a committed user must be found by its key".to_owned(),
        )),
    }
}

fn lazy(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    world.sent();
    let mut session = world.session();
    let ann = session.add(User::new("ann"));
    session[ann].age = Some(3);
    check_eq!(
        session[ann].age,
        Some(3),
        "a value must be readable before any statement"
    );
    check_eq!(
        world.sent(),
        Sent::NOTHING,
        "nothing may be sent before the first statement"
    );
    check!(
        !session.in_transaction(),
        "no transaction may be open before the first statement"
    );
    session.flush()?;
    check!(world.sent().insert > 0, "the flush must insert");
    Ok(())
}

fn expires(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let (mut session, ann, key) = with_user(&world, "ann")?;
    session[ann].age = Some(30);
    session.commit()?;
    world.sent();
    check_eq!(
        session[ann].age,
        Some(30),
        "the last known value must stay readable"
    );
    check!(
        session.is_expired(ann)?,
        "behind a commit an object must be expired"
    );
    check_eq!(world.sent(), Sent::NOTHING, "reading it must send nothing");
    let mut other = world.session();
    if let Some(same) = other.get::<User>(key)? {
        other[same].age = Some(31);
    }
    other.commit()?;
    drop(other);
    world.sent();
    session.get::<User>(key)?;
    check_eq!(world.sent().select, 1, "the next `get` must read the row");
    check_eq!(
        session[ann].age,
        Some(31),
        "it must show what others have committed"
    );
    Ok(())
}

fn lost_update(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let (mut session, ann, key) = with_user(&world, "ann")?;
    session.commit()?;
    let change = |age: Option<i32>, score: Option<f64>| -> CaseResult {
        let mut other = world.session();
        if let Some(same) = other.get::<User>(key)? {
            other[same].age = age;
            other[same].score = score;
        }
        other.commit()?;
        Ok(())
    };
    change(Some(1), None)?;
    session[ann].score = Some(2.5);
    let result = session.commit();
    check!(
        result.is_ok(),
        "a change to another column must be merged, gave {result:?}"
    );
    let users = world.users()?;
    check_eq!(
        (users[0].age, users[0].score),
        (Some(1), Some(2.5)),
        "both changes must be in the row"
    );
    change(Some(7), Some(2.5))?;
    session[ann].age = Some(9);
    let result = session.commit();
    check!(
        matches!(&result, Err(error) if error.kind() == ErrorKind::StaleData),
        "a change to a column that has moved must be stale data, gave {result:?}"
    );
    session.rollback()?;
    check_eq!(
        world.users()?[0].age,
        Some(7),
        "the other's change must not be lost"
    );
    Ok(())
}

fn rollback(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let bob_key = world.with_users(&["bob"])?[0];
    let (mut session, ann, _) = with_user(&world, "ann")?;
    let Some(bob) = session.get::<User>(bob_key)? else {
        check!(false, "bob must be found");
        return Ok(());
    };
    let carl = session.add(User::new("carl"));
    session[ann].age = Some(99);
    session.delete(bob)?;
    session.flush()?;
    let carl_key = session[carl].id;
    check_eq!(
        session.state(bob),
        State::Deleted,
        "a flushed deletion must be seen"
    );
    session.rollback()?;
    check_eq!(
        session.state(carl),
        State::Transient,
        "an added object must be transient"
    );
    check_eq!(session[carl].name, "carl", "it must keep its values");
    check_eq!(session[carl].id, carl_key, "it must keep its generated key");
    check_eq!(
        session.state(bob),
        State::Persistent,
        "a deleted object must be persistent again"
    );
    check_eq!(
        session[ann].age,
        None,
        "a changed object must show what it was"
    );
    check_eq!(
        session.get::<User>(bob_key)?,
        Some(bob),
        "its handle must be as good as before"
    );
    session.commit()?;
    let names: Vec<(String, Option<i32>)> = world
        .users()?
        .into_iter()
        .map(|user| (user.name, user.age))
        .collect();
    check_eq!(
        names,
        [("bob".to_owned(), None), ("ann".to_owned(), None)],
        "the rows must be as before"
    );
    Ok(())
}

fn rollback_again(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let mut session = world.session();
    let ann = session.add(User::new("ann"));
    let task = session.add(Task::new("write"));
    session.set(task, Task::USER, Some(ann))?;
    session.flush()?;
    session.rollback()?;
    check!(world.users()?.is_empty(), "nothing may be in the database");
    let value = session.take(ann)?;
    check_eq!(
        session.state(ann),
        State::Detached,
        "what was taken must be detached"
    );
    let again = session.add(value);
    check_eq!(
        session.state(again),
        State::Pending,
        "what is added again must be pending"
    );
    session.commit()?;
    let names: Vec<String> = world.users()?.into_iter().map(|user| user.name).collect();
    check_eq!(names, ["ann"], "it must be committed once");
    Ok(())
}

fn savepoint(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let (mut session, ann, _) = with_user(&world, "ann")?;
    session[ann].age = Some(1);
    let stop = || selfsame::Error::new(ErrorKind::Validation, "stop");
    let mut inner = None;
    let undone: selfsame::Result<()> = session.savepoint(|s| {
        s[ann].age = Some(2);
        inner = Some(s.add(User::new("bob")));
        s.savepoint(|s| {
            s[ann].age = Some(3);
            Ok(())
        })?;
        s.flush()?;
        Err(stop())
    });
    check!(
        matches!(&undone, Err(error) if error.message() == "stop"),
        "the closure's error must come back"
    );
    check_eq!(
        session[ann].age,
        Some(1),
        "memory must show what was before the savepoint"
    );
    if let Some(bob) = inner {
        check_eq!(
            session.state(bob),
            State::Transient,
            "what was added inside must be transient"
        );
    }
    let kept = session.savepoint(|s| {
        s[ann].score = Some(0.5);
        let lost: selfsame::Result<()> = s.savepoint(|s| {
            s[ann].score = Some(0.75);
            s.add(User::new("carl"));
            Err(stop())
        });
        match lost {
            Err(_) => Ok(()),
            Ok(()) => Err(stop()),
        }
    });
    check!(
        kept.is_ok(),
        "the outer savepoint must be kept, gave {kept:?}"
    );
    check_eq!(
        session[ann].score,
        Some(0.5),
        "only the inner change must be undone"
    );
    session.commit()?;
    let users: Vec<(String, Option<i32>, Option<f64>)> = world
        .users()?
        .into_iter()
        .map(|user| (user.name, user.age, user.score))
        .collect();
    check_eq!(
        users,
        [("ann".to_owned(), Some(1), Some(0.5))],
        "the row must hold what was kept"
    );
    Ok(())
}

fn dropped(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    for round in 0..4 {
        let mut session = world.session();
        session.add(User::new(format!("user {round}")));
        session.flush()?;
        check!(
            session.in_transaction(),
            "a flush must leave its transaction open"
        );
        drop(session);
        let users = world.users()?;
        check!(
            users.is_empty(),
            "a dropped session must leave nothing, left {}",
            users.len()
        );
    }
    Ok(())
}

fn autoflush(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let mut session = world.session();
    session.add(User::new("ann"));
    let unseen = session.no_autoflush(|s| User::query().count(s))?;
    check_eq!(unseen, 0, "inside `no_autoflush` a query must not flush");
    check_eq!(
        User::query().count(&mut session)?,
        1,
        "a query must see what is pending"
    );
    check!(
        User::query().exists(&mut session)?,
        "`exists` must see it too"
    );
    Ok(())
}

fn states(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let mut session = world.session();
    let ann = session.add(User::new("ann"));
    check_eq!(
        session.state(ann),
        State::Pending,
        "an added object must be pending"
    );
    let refused = session.delete(ann).map_err(|error| error.kind());
    check_eq!(
        refused,
        Err(ErrorKind::InvalidState),
        "a pending object has no row to delete"
    );
    let refused = session.refresh(ann).map_err(|error| error.kind());
    check_eq!(
        refused,
        Err(ErrorKind::InvalidState),
        "a pending object has no row to read"
    );
    session.flush()?;
    check_eq!(
        session.state(ann),
        State::Persistent,
        "a flushed object must be persistent"
    );
    let refused = session.take(ann).map(drop).map_err(|error| error.kind());
    check_eq!(
        refused,
        Err(ErrorKind::InvalidState),
        "a persistent object cannot be taken"
    );
    session.commit()?;
    check_eq!(
        session.state(ann),
        State::Persistent,
        "a committed object must be persistent"
    );
    session.delete(ann)?;
    session.flush()?;
    check_eq!(
        session.state(ann),
        State::Deleted,
        "a flushed deletion must be deleted"
    );
    session.commit()?;
    check_eq!(
        session.state(ann),
        State::Detached,
        "a committed deletion must be detached"
    );
    check!(world.users()?.is_empty(), "its row must be gone");
    Ok(())
}

fn refresh(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let (mut session, ann, key) = with_user(&world, "ann")?;
    session[ann].age = Some(5);
    session.refresh(ann)?;
    check_eq!(world.sent().rows(), 1, "`refresh` must be one SELECT");
    check_eq!(session[ann].age, None, "`refresh` must drop the change");
    session[ann].age = Some(6);
    session.expire(ann)?;
    check_eq!(world.sent(), Sent::NOTHING, "`expire` must send nothing");
    session.get::<User>(key)?;
    check_eq!(
        world.sent().select,
        1,
        "an expired object must be read when it is next met"
    );
    check_eq!(session[ann].age, None, "`expire` must drop the change");
    session.commit()?;
    check_eq!(
        world.users()?[0].age,
        None,
        "dropped changes must not be written"
    );
    Ok(())
}

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
        "what is equal must not be written"
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
        "what differs must be written, and what is new inserted"
    );
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
        "the collection must hold what was merged, each once"
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
    check_eq!(
        session[paper].title,
        "a",
        "the paper must be refreshed along"
    );
    session.load(folder, Folder::PAPERS)?;
    session.expire(folder)?;
    check!(
        session.is_expired(paper)?,
        "the paper must be expired along"
    );
    session.load(folder, Folder::PAPERS)?;
    session.expunge(folder)?;
    check_eq!(
        session.state(paper),
        State::Detached,
        "the paper must be expunged along"
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
    check_eq!(called(), ["load"], "an object that is read must be told of");
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
        "what hooks change must be written"
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
            "the error of a hook must come back"
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
    let options = TransactionOptions::new().isolation(Isolation::Serializable);
    let mut session = world.session();
    let mut tries = 0;
    let seen = session.retry_with(options, 3, |s| {
        tries += 1;
        let ann = User::query().one(s)?;
        let age = s[ann].age.unwrap_or(0);
        s.add(Task::new(format!("try {tries}")));
        if tries == 1 {
            // Somebody else is faster.
            let mut other = Session::new(&world.engine);
            if let Some(same) = other.get::<User>(key)? {
                other[same].age = Some(10);
            }
            other.commit()?;
        }
        s[ann].age = Some(age + 1);
        Ok(age)
    });
    check!(
        matches!(seen, Ok(10)),
        "the second try must see what the other session wrote, gave {seen:?}"
    );
    check_eq!(tries, 2, "one failure must cost one more try");
    check_eq!(world.users()?[0].age, Some(11), "no update may be lost");
    let titles: Vec<String> = world.tasks()?.into_iter().map(|task| task.title).collect();
    check_eq!(titles, ["try 2"], "what the failed try added must be gone");
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
        "it must refuse to write, gave {refused:?}"
    );
    session.transaction(|s| Ok(s.add(User::new("bob"))))?;
    drop(session);
    let names: Vec<String> = world.users()?.into_iter().map(|user| user.name).collect();
    check_eq!(names, ["bob"], "the next transaction must write");
    Ok(())
}

fn close(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let mut session = world.session();
    let ann = session.add(User::new("ann"));
    session.flush()?;
    session.close();
    check!(
        session.try_ref(ann).is_err(),
        "behind `close` every handle must be stale"
    );
    check!(world.users()?.is_empty(), "`close` must roll back");
    session.add(User::new("bob"));
    session.commit()?;
    check_eq!(world.users()?.len(), 1, "a closed session must work again");
    Ok(())
}

fn reread(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let mut session = world.session();
    let ann = session.add(User {
        age: Some(30),
        score: Some(1.5),
        photo: Some(vec![0, 255]),
        ..User::new("änn")
    });
    session.commit()?;
    let stored = session[ann].clone();
    let found = world.users()?;
    check_eq!(
        found.len(),
        1,
        "the next session must read what was committed"
    );
    check_eq!(
        (
            &found[0].name,
            found[0].age,
            found[0].score,
            &found[0].photo
        ),
        (&stored.name, stored.age, stored.score, &stored.photo),
        "the next session must read what was committed"
    );
    Ok(())
}
