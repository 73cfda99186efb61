//! Sessions and transactions: when they begin, what commit and rollback do to objects, states.

mod baselines;
mod closures;
mod operations;

use selfsame::ErrorKind;
use selfsame::prelude::*;

use crate::case::Cover::Rule;
use crate::case::{Capability, Case, CaseResult, Failure};
use crate::context::Context;
use crate::world::{Sent, Task, User, World};

pub(super) const LISTS: &[&[Case]] = &[CASES, operations::CASES, closures::CASES, baselines::CASES];

const CASES: &[Case] = &[
    Case::core("sessions.begin.lazy", lazy)
        .promise("A session sends nothing before its first statement, and reading values in memory never sends anything.")
        .hint("Creating a backend must not connect.")
        .covers(&[Rule(30)]),
    Case::core("sessions.commit.alone", alone)
        .promise("A commit that consists of one statement sends only that statement, without a transaction around it.")
        .hint("A statement outside a transaction must commit on its own.")
        .since(10)
        .covers(&[Rule(37)]),
    Case::core("sessions.commit.expires", expires)
        .promise("After a commit the last known values stay readable without I/O, and the next `get` reads the row again.")
        .suspects_orm()
        .covers(&[Rule(30)]),
    Case::core("sessions.commit.no_lost_update", lost_update)
        .needs(&[Capability::Transactions])
        .promise("A change to an expired object is applied to the current row, and is `StaleData` if another session changed that column: no update is lost silently.")
        .suspects_orm()
        .covers(&[Rule(30)]),
    Case::core("sessions.overlap.serializable", overlap)
        .since(19)
        .needs(&[Capability::Transactions, Capability::SecondConnection])
        .promise("Of two SERIALIZABLE transactions that read and change the same row, one fails with an error that `retry` handles.")
        .hint("`Dialect::transaction` must set the level, and a refused write must be `Serialization`, `Deadlock` or `Busy`.")
        .covers(&[Rule(30)]),
    Case::core("sessions.cancel.undoes", cancel)
        .since(19)
        .needs(&[Capability::Transactions])
        .promise("A cancelled session sends nothing more, COMMIT included; dropping it or rolling it back undoes its work and leaves a usable connection.")
        .hint("See `Connection::interrupter`: afterwards the connection must work or report that it is not open.")
        .covers(&[Rule(32)]),
    Case::core("sessions.rollback.restores", rollback)
        .needs(&[Capability::Transactions])
        .promise("A rollback makes added objects transient and keeps their values, makes deleted ones persistent, and restores changed ones.")
        .hint("ROLLBACK must undo what the session thinks it does.")
        .covers(&[Rule(31)]),
    Case::core("sessions.rollback.again", rollback_again)
        .needs(&[Capability::Transactions])
        .promise("Objects made transient by a rollback can be taken, added again and committed.")
        .suspects_orm()
        .covers(&[Rule(31), Rule(34)]),
    Case::full("sessions.savepoint.restores", savepoint)
        .needs(&[Capability::Transactions, Capability::Savepoints])
        .promise("Savepoints nest: releasing keeps the changes inside, rolling back undoes exactly those, in memory and in the database.")
        .hint("SAVEPOINT, RELEASE and ROLLBACK TO must reach the database.")
        .covers(&[Rule(32)]),
    Case::core("sessions.drop.rolls_back", dropped)
        .needs(&[Capability::Transactions])
        .promise("Dropping a session without a commit writes nothing, and its connection serves the next session.")
        .hint("See `Connection::reset`.")
        .covers(&[Rule(32)]),
    Case::core("sessions.autoflush.query", autoflush)
        .promise("A query flushes first and so sees pending changes; inside `no_autoflush` it does not.")
        .suspects_orm()
        .covers(&[Rule(33)]),
    Case::core("sessions.states.transitions", states)
        .needs(&[Capability::Transactions])
        .promise("Objects change state as documented, and operations that a state does not allow are refused.")
        .suspects_orm()
        .covers(&[Rule(34)]),
    Case::core("sessions.refresh.drops_changes", refresh)
        .promise("`refresh` discards the object's changes and reads its row; `expire` discards them and reads the row at the next use.")
        .suspects_orm()
        .covers(&[Rule(35)]),
    Case::core("sessions.close.ends", close)
        .needs(&[Capability::Transactions])
        .promise("`close` rolls back, makes every handle stale, and leaves a session that works.")
        .suspects_orm()
        .covers(&[Rule(35)]),
    Case::core("sessions.reread.shows_commits", reread)
        .promise("A session begun after a commit sees all of it.")
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

fn alone(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let (mut session, ann, _) = with_user(&world, "ann")?;
    session.commit()?;
    session.refresh(ann)?;
    session.commit()?;
    session.add(Task::new("alone"));
    world.sent();
    session.commit()?;
    let sent = world.sent();
    check_eq!(
        (sent.rows(), sent.transaction),
        (1, 0),
        "one statement must be sent without a transaction around it"
    );
    check_eq!(world.tasks()?.len(), 1, "it must be committed");
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
        "after a commit an object must be expired"
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
        "a change to another column must be merged, returned {result:?}"
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
        "changing a column that another session changed must be stale data, returned {result:?}"
    );
    session.rollback()?;
    check_eq!(
        world.users()?[0].age,
        Some(7),
        "the other's change must not be lost"
    );
    Ok(())
}

fn overlap(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let key = world.with_users(&["ann"])?[0];
    let levels = &context.capabilities().isolation_levels;
    let level = selfsame::dialect::Isolation::Serializable;
    if !levels.contains(&level) {
        return Ok(());
    }
    let options = TransactionOptions::new().isolation(level);
    let mut other = Ok(());
    let mut session = world.session();
    let own = session.transaction_with(options, |session| {
        let ann = session.get::<User>(key)?;
        let mut overlapping = world.session();
        other = overlapping.transaction_with(options, |session| {
            if let Some(ann) = session.get::<User>(key)? {
                session[ann].age = Some(1);
            }
            Ok(())
        });
        if let Some(ann) = ann {
            session[ann].age = Some(2);
        }
        Ok(())
    });
    let refused = match (&own, &other) {
        (Ok(()), Err(error)) | (Err(error), Ok(())) => error.kind(),
        both => {
            return Err(Failure::Assertion(format!(
                "one of the two must be committed and the other refused, returned {both:?}"
            )));
        }
    };
    check!(
        matches!(
            refused,
            ErrorKind::Serialization | ErrorKind::Deadlock | ErrorKind::Busy
        ),
        "the failed transaction must be retryable, returned {refused:?}"
    );
    check_eq!(
        world.users()?[0].age,
        Some(if own.is_ok() { 2 } else { 1 }),
        "the committed change must be present"
    );
    Ok(())
}

fn cancel(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    for rolls_back in [true, false] {
        let mut session = world.session();
        let canceller = session.canceller();
        session.add(User::new("ann"));
        session.flush()?;
        canceller.cancel();
        let result = session.get::<User>(-1).map(drop);
        check!(
            result.is_err(),
            "a cancelled session must send nothing, returned {result:?}"
        );
        let result = session.commit();
        check!(
            result.is_err(),
            "a cancelled session must not commit, returned {result:?}"
        );
        if rolls_back {
            // If the connection was closed, there is nothing to roll back.
            let _ = session.rollback();
        }
        drop(session);
        check_eq!(world.users()?.len(), 0, "the cancelled work must be undone");
    }
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
        "its handle must still be valid"
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
    check!(world.users()?.is_empty(), "the database must be empty");
    let value = session.take(ann)?;
    check_eq!(
        session.state(ann),
        State::Detached,
        "a taken object must be detached"
    );
    let again = session.add(value);
    check_eq!(
        session.state(again),
        State::Pending,
        "an object added again must be pending"
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
        "the closure's error must be returned"
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
            "objects added inside must be transient"
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
        "the outer savepoint must be kept, returned {kept:?}"
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
        "the row must have the kept change"
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
        "a query must see pending changes"
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
        "an expired object must be read at the next use"
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

fn close(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let mut session = world.session();
    let ann = session.add(User::new("ann"));
    session.flush()?;
    session.close();
    check!(
        session.try_ref(ann).is_err(),
        "after `close` every handle must be stale"
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
