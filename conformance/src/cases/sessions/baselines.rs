//! What memory assumes about a row: after rollbacks, after the session's own writes, for expired objects, and for keys whose rows are gone.

use selfsame::prelude::*;
use selfsame::session::State;
use selfsame::sql::update;
use selfsame::{Error, ErrorKind};

use crate::case::Cover::Rule;
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::world::{Letter, Seat, Task, User, World};

pub(super) const CASES: &[Case] = &[
    Case::core("sessions.rollback.own_writes", rolled_back)
        .since(17)
        .needs(&[Capability::Transactions])
        .promise("Values that a transaction wrote by an expression, a bulk statement or raw SQL and read again are not shown after its rollback, and assigning such a value writes it.")
        .hint("ROLLBACK must undo what the statement did.")
        .covers(&[Rule(31)]),
    Case::full("sessions.savepoint.own_writes", undone)
        .since(17)
        .needs(&[Capability::Transactions, Capability::Savepoints])
        .promise("Values that a savepoint wrote by a statement and read again are not shown after it is rolled back, and assigning such a value writes it.")
        .hint("ROLLBACK TO must undo what the statement did.")
        .covers(&[Rule(32)]),
    Case::core("sessions.commit.own_writes", own_writes)
        .since(17)
        .needs(&[Capability::Transactions])
        .promise("A session's own writes by expressions, bulk statements or raw SQL are never mistaken for another session's: later assignments are written.")
        .suspects_orm()
        .covers(&[Rule(7), Rule(30)]),
    Case::core("sessions.commit.last_known", last_known)
        .since(17)
        .needs(&[Capability::Transactions])
        .promise("Assigning an expired object the value that it shows is never lost silently if another session changed the column.")
        .suspects_orm()
        .covers(&[Rule(30)]),
    Case::core("flush.switch.expired", switched)
        .since(17)
        .needs(&[Capability::Transactions])
        .promise("A new object that takes over the row of a deleted, expired one is compared with the current row: every differing column is written, under the row's version.")
        .suspects_orm()
        .covers(&[Rule(17)]),
    Case::core("flush.rekey.vacated", vacated)
        .since(17)
        .needs(&[Capability::Transactions])
        .promise("A new object can take the key that another gives up in the same flush.")
        .suspects_orm()
        .covers(&[Rule(20), Rule(5)]),
    Case::core("identity.gone.free", gone)
        .since(17)
        .needs(&[Capability::Transactions])
        .promise("If an object's row no longer exists, its key is free for `add` and `merge`, also after a `get` that returned `None`; a rollback restores the object.")
        .suspects_orm()
        .covers(&[Rule(5), Rule(35)]),
    Case::core("sessions.rollback.graph", graph)
        .since(17)
        .needs(&[Capability::Transactions])
        .promise("Objects made transient by a rollback keep their relations: taken and added again, the whole graph is written, without keys from the undone flush.")
        .hint("ROLLBACK must undo the rows.")
        .covers(&[Rule(31)]),
];

type Own = fn(&mut Session, Handle<User>) -> selfsame::Result<()>;

/// Ways to overwrite an age of 10 with 15 by a statement that does not update memory.
const OWN: [(&str, Own); 3] = [
    ("expression", |s, user| {
        s.set_expr(user, User::AGE, User::AGE + 5)?;
        s.flush()
    }),
    ("bulk statement", |s, _| {
        let query = User::query().filter(User::AGE.eq(10));
        query.update().set(User::AGE, Some(15)).execute(s).map(drop)
    }),
    ("statement", |s, _| {
        let statement = update(User::table()).set(User::AGE, Some(15));
        s.execute(&statement.filter(User::AGE.eq(10))).map(drop)
    }),
];

/// Returns a session that has read a user of age 10.
fn aged(world: &World) -> CaseResult<(Session, Handle<User>, i64)> {
    world.empty(&["users"])?;
    let mut session = world.session();
    let user = session.add(User {
        age: Some(10),
        ..User::new("ann")
    });
    session.commit()?;
    session.refresh(user)?;
    let key = session[user].id.get().copied().unwrap_or(-1);
    Ok((session, user, key))
}

fn rolled_back(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    for (name, own) in OWN {
        for refreshes in [false, true] {
            let (mut session, user, key) = aged(&world)?;
            own(&mut session, user)?;
            if refreshes {
                session.refresh(user)?;
            } else {
                session.get::<User>(key)?;
            }
            check_eq!(session[user].age, Some(15), "the transaction's own {name}");
            session.rollback()?;
            check_eq!(session[user].age, Some(10), "after a rollback of a {name}");
            session[user].age = Some(15);
            session.commit()?;
            check_eq!(world.users()?[0].age, Some(15), "assigned after a {name}");
        }
    }
    Ok(())
}

fn undone(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    for (name, own) in OWN {
        let (mut session, user, key) = aged(&world)?;
        let undone = session.savepoint(|s| {
            own(s, user)?;
            s.get::<User>(key)?;
            Err::<(), _>(Error::new(ErrorKind::InvalidState, "a change of mind"))
        });
        check!(undone.is_err(), "the closure's error must be reported");
        check_eq!(session[user].age, Some(10), "after undoing a {name}");
        session[user].age = Some(15);
        session.commit()?;
        check_eq!(world.users()?[0].age, Some(15), "assigned after a {name}");
    }
    Ok(())
}

fn own_writes(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    for (name, own) in OWN {
        let (mut session, user, _) = aged(&world)?;
        own(&mut session, user)?;
        session[user].age = Some(100);
        let result = session.commit();
        check!(
            result.is_ok(),
            "an assignment after an own {name} must be written, returned {result:?}"
        );
        check_eq!(world.users()?[0].age, Some(100), "assigned after a {name}");
    }
    let mut session = world.session();
    let letter = session.add(Letter::new("l", "first"));
    session.commit()?;
    session.refresh(letter)?;
    Letter::query()
        .update()
        .set(Letter::TEXT, "second")
        .execute(&mut session)?;
    session[letter].text = "third".to_owned();
    session.commit()?;
    session.refresh(letter)?;
    check_eq!(
        (&*session[letter].text, session[letter].version),
        ("third", 3),
        "a row with a version"
    );
    Ok(())
}

fn last_known(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let (mut session, user, key) = aged(&world)?;
    session.commit()?;
    let mut other = world.session();
    if let Some(same) = other.get::<User>(key)? {
        other[same].age = Some(50);
    }
    other.commit()?;
    session[user].age = Some(10);
    let result = session.commit().map_err(|error| error.kind());
    check_eq!(
        result,
        Err(ErrorKind::StaleData),
        "the assignment of the last known value"
    );
    session.rollback()?;
    session.refresh(user)?;
    session[user].age = Some(10);
    session.commit()?;
    check_eq!(world.users()?[0].age, Some(10), "assigned after a refresh");
    world.sent();
    session[user].age = Some(10);
    session.commit()?;
    check_eq!(
        world.sent().update,
        0,
        "an equal value must not be written if no other session changed it"
    );
    Ok(())
}

fn switched(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let mut session = world.session();
    let seat = |guest: &str| Seat {
        guest: Some(guest.to_owned()),
        ..Seat::new("A", 1)
    };
    let old = session.add(seat("ann"));
    let letter = session.add(Letter::new("l", "ann"));
    session.commit()?;
    let mut other = world.session();
    if let Some(same) = other.get::<Seat>(("A".to_owned(), 1))? {
        other[same].guest = Some("bob".to_owned());
    }
    if let Some(same) = other.get::<Letter>("l".to_owned())? {
        other[same].text = "bob".to_owned();
    }
    other.commit()?;
    session.delete(old)?;
    session.delete(letter)?;
    let new = session.add(seat("ann"));
    let letter = session.add(Letter::new("l", "ann"));
    session.commit()?;
    session.refresh(new)?;
    session.refresh(letter)?;
    check_eq!(
        session[new].guest.as_deref(),
        Some("ann"),
        "the row must be as the new object says"
    );
    check_eq!(
        (&*session[letter].text, session[letter].version),
        ("ann", 3),
        "the row with a version must be as the new object says, and counted"
    );
    Ok(())
}

fn vacated(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let mut session = world.session();
    let ann = session.add(Seat::new("A", 1));
    session.commit()?;
    session[ann].number = 2;
    let bob = session.add(Seat::new("A", 1));
    session.commit()?;
    check_eq!(
        session.get::<Seat>(("A".to_owned(), 1))?,
        Some(bob),
        "the key that was left"
    );
    check_eq!(
        session.get::<Seat>(("A".to_owned(), 2))?,
        Some(ann),
        "the key that was taken"
    );
    Ok(())
}

fn gone(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    for reads in [false, true] {
        for merges in [false, true] {
            world.empty(&["seats"])?;
            let mut session = world.session();
            let key = || ("A".to_owned(), 1);
            let old = session.add(Seat::new("A", 1));
            session.commit()?;
            world.empty(&["seats"])?;
            if reads {
                check_eq!(session.get::<Seat>(key())?, None, "a row that is gone");
                check_eq!(session.state(old), State::Deleted, "its object");
                session.rollback()?;
                check_eq!(session.state(old), State::Persistent, "after a rollback");
                check_eq!(session.get::<Seat>(key())?, None, "a row that is gone");
            }
            let new = if merges {
                session.merge(Seat::new("A", 1))?
            } else {
                session.add(Seat::new("A", 1))
            };
            session.commit()?;
            check_eq!(
                session.get::<Seat>(key())?,
                Some(new),
                "the key of a missing row"
            );
            check_eq!(session.state(old), State::Detached, "the old object");
        }
    }
    Ok(())
}

fn graph(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    for flushes in [false, true] {
        let mut session = world.session();
        let user = session.add(User {
            tasks: [Task::new("a"), Task::new("b")].into(),
            ..User::new("ann")
        });
        if flushes {
            session.flush()?;
        }
        session.rollback()?;
        let tasks = session.load(user, User::TASKS)?;
        check_eq!(tasks.len(), 2, "the tasks after a rollback");
        for &task in &tasks {
            check_eq!(session[task].user_id, None, "a key that was undone");
            check_eq!(session.load(task, Task::USER)?, Some(user), "whose it is");
        }
        let value = session.take(user)?;
        check_eq!(value.tasks.pending(), 2, "the tasks of the taken value");
        let again = session.add(value);
        session.commit()?;
        check_eq!(session.load(again, User::TASKS)?, tasks, "the tasks again");
        // The database may have a single connection.
        drop(session);
        check_eq!(world.tasks()?.len(), 2, "the rows of the tasks");
        world.empty(&["tasks", "users"])?;
    }
    Ok(())
}
