//! One row, one object.

use selfsame::prelude::*;
use selfsame::sql::upper;
use selfsame::{ErrorKind, Handle};

use crate::case::Cover::{Contract, Rule};
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::world::{Seat, Sent, Task, User, World};

pub(super) const CASES: &[Case] = &[
    Case::core("identity.get.mapped", get)
        .promise("`get` of a loaded row returns the same handle without a statement; an unknown key costs one SELECT; a missing row is `None`.")
        .hint("The backend must count rows correctly and find a row by its key.")
        .covers(&[Rule(1)]),
    Case::core("identity.get.many", get_many)
        .promise("`get_many` returns the objects in the order of the keys, without those that are missing, for any number of keys.")
        .hint("See `Dialect::batch`.")
        .covers(&[Rule(1), Rule(27)]),
    Case::core("identity.query.same_handle", query)
        .needs(&[Capability::SecondConnection])
        .promise("A query that reads a loaded row returns its handle and keeps the loaded values; `populate_existing` overwrites them with the row's.")
        .hint("Decoding must not depend on what was read before.")
        .covers(&[Rule(2)]),
    Case::core("identity.handle.equal", equal)
        .promise("Two handles of one row are equal and lead to the same object, however they were obtained.")
        .hint("Keys must be decoded as they were stored.")
        .covers(&[Rule(3)]),
    Case::core("identity.handle.stale", stale)
        .promise("Using a handle whose object has left the session, or that belongs to another session, is an error; it never leads to another row.")
        .suspects_orm()
        .covers(&[Rule(4), Rule(34)]),
    Case::core("identity.handle.deleted", deleted)
        .needs(&[Capability::Transactions])
        .promise("After a deletion is committed, the handle is stale: it leads neither to the old object nor to a new row with its key.")
        .suspects_orm()
        .since(10)
        .covers(&[Rule(4), Rule(34)]),
    Case::core("identity.conflict.flush", conflict)
        .promise("A second object with a mapped key is an identity conflict at flush, while `add` itself never fails.")
        .suspects_orm()
        .covers(&[Rule(5)]),
    Case::core("identity.keys.composite", composite)
        .promise("Keys of several columns obey the same rules as keys of one.")
        .hint("Compare each part by its own type.")
        .covers(&[Rule(6)]),
    Case::core("identity.rows.untracked", untracked)
        .promise("Rows read as plain values do not enter the identity map, and show flushed changes.")
        .suspects_orm()
        .covers(&[Rule(6), Rule(33)]),
    Case::full("identity.key.doubled", doubled)
        .since(21)
        .needs(&[Capability::Transactions])
        .promise("If the key of a mapping is not unique in its table, reading the object is an error, and so is a write of one row that reaches several; a rollback undoes it.")
        .hint("Report how many rows a statement matched, even where one was expected.")
        .covers(&[Rule(1), Rule(18), Contract(49)]),
];

fn get(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let keys = world.with_users(&["ann", "bob"])?;
    let mut session = world.session();
    let first = session.get::<User>(keys[1])?;
    check_eq!(
        world.sent().select,
        1,
        "`get` of an unknown key must send one SELECT"
    );
    let Some(first) = first else {
        check!(false, "a committed row must be found by its key");
        return Ok(());
    };
    check_eq!(
        session[first].name,
        "bob",
        "the row of the key must be found"
    );
    let again = session.get::<User>(keys[1])?;
    check_eq!(
        world.sent(),
        Sent::NOTHING,
        "`get` of a mapped row must send nothing"
    );
    check_eq!(again, Some(first), "`get` must give the same handle again");
    check_eq!(
        session.get::<User>(4_711)?,
        None,
        "a missing row must be None"
    );
    check_eq!(world.sent().select, 1, "a missing row must cost one SELECT");
    Ok(())
}

fn get_many(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let names: Vec<String> = (0..1_200).map(|i| format!("user {i}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let keys = world.with_users(&names)?;
    let mut session = world.session();
    let mut wanted: Vec<i64> = keys.iter().rev().copied().collect();
    wanted.insert(5, -1);
    let found = session.get_many::<User>(wanted)?;
    let found: Vec<&str> = found
        .iter()
        .map(|&user| session[user].name.as_str())
        .collect();
    let expected: Vec<&str> = names.iter().rev().copied().collect();
    check!(
        found == expected,
        "{} keys must return their objects in order, returned {}",
        keys.len(),
        found.len()
    );
    world.sent();
    let again = session.get_many::<User>(keys[..10].to_vec())?;
    check_eq!(again.len(), 10, "mapped objects must be found");
    check_eq!(
        world.sent(),
        Sent::NOTHING,
        "mapped objects must send nothing"
    );
    Ok(())
}

fn query(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let keys = world.with_users(&["ann"])?;
    let mut session = world.session();
    let ann = session.get::<User>(keys[0])?;
    session.commit()?;
    let ann_again = User::query().one(&mut session)?;
    check_eq!(
        Some(ann_again),
        ann,
        "a query must return the handle of a mapped row"
    );
    session.commit()?;
    session.get::<User>(keys[0])?;
    session[ann_again].age = Some(1);
    let found = session.no_autoflush(|s| User::query().one(s))?;
    check_eq!(
        session[found].age,
        Some(1),
        "a query must keep the object's values"
    );
    let found = session.no_autoflush(|s| User::query().populate_existing().one(s))?;
    check_eq!(
        found,
        ann_again,
        "`populate_existing` must give the same handle"
    );
    check_eq!(
        session[found].age,
        None,
        "`populate_existing` must take the row's values"
    );
    Ok(())
}

fn equal(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let keys = world.with_users(&["ann", "bob"])?;
    let mut session = world.session();
    let queried = User::query()
        .filter(User::NAME.eq("ann"))
        .one(&mut session)?;
    let got = session.get::<User>(keys[0])?;
    let listed: Vec<Handle<User>> = User::query().order_by(User::ID.asc()).all(&mut session)?;
    check_eq!(
        Some(queried),
        got,
        "a query and `get` must return the same handle"
    );
    check_eq!(listed[0], queried, "a list must return the same handle");
    check!(listed[0] != listed[1], "two rows must have two handles");
    check!(
        std::ptr::eq(&session[queried], &session[listed[0]]),
        "equal handles must lead to one address"
    );
    Ok(())
}

fn stale(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let keys = world.with_users(&["ann", "bob"])?;
    let mut session = world.session();
    let Some(ann) = session.get::<User>(keys[0])? else {
        check!(false, "the row must be found");
        return Ok(());
    };
    let mut other = world.session();
    // The other session has an object in the handle's slot. If the backend has a single connection, the other session needs it.
    session.commit()?;
    other.get::<User>(keys[1])?;
    other.commit()?;
    let kind = other.try_ref(ann).map_err(|error| error.kind()).err();
    check_eq!(
        kind,
        Some(ErrorKind::ForeignHandle),
        "a handle of another session must be an error that says so"
    );
    let kind = other.delete(ann).map_err(|error| error.kind()).err();
    check_eq!(
        kind,
        Some(ErrorKind::ForeignHandle),
        "deleting through a foreign handle must be refused"
    );
    session.expunge(ann)?;
    let kind = session.try_ref(ann).map_err(|error| error.kind()).err();
    check_eq!(
        kind,
        Some(ErrorKind::StaleHandle),
        "the handle of an expunged object must be stale"
    );
    check_eq!(
        session.state(ann),
        State::Detached,
        "an expunged object must be detached"
    );
    let again = session.get::<User>(keys[0])?;
    check!(
        again.is_some() && again != Some(ann),
        "a row that is loaded again must have a new handle"
    );
    session.clear();
    if let Some(handle) = again {
        check!(
            session.try_ref(handle).is_err(),
            "a cleared session must not know its old handles"
        );
    }
    Ok(())
}

fn deleted(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let mut session = world.session();
    let seat = session.add(Seat::new("A", 1));
    session.commit()?;
    session.delete(seat)?;
    session.commit()?;
    let again = session.add(Seat::new("A", 1));
    session.commit()?;
    let kind = session.try_ref(seat).map_err(|error| error.kind()).err();
    check_eq!(
        kind,
        Some(ErrorKind::StaleHandle),
        "the handle of a deleted object must be stale"
    );
    check_eq!(
        session.get::<Seat>(("A".to_owned(), 1))?,
        Some(again),
        "the new row of the key must have its own handle"
    );
    Ok(())
}

fn conflict(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let keys = world.with_users(&["ann"])?;
    let mut session = world.session();
    session.get::<User>(keys[0])?;
    session.add(User {
        id: Auto::set(keys[0]),
        ..User::new("impostor")
    });
    let result = session.flush();
    check!(
        matches!(&result, Err(error) if error.kind() == ErrorKind::IdentityConflict),
        "a second object with a mapped key must be an identity conflict, returned {result:?}"
    );
    session.rollback()?;
    let names: Vec<String> = world.users()?.into_iter().map(|user| user.name).collect();
    check_eq!(names, ["ann"], "the row must be unchanged");
    Ok(())
}

fn composite(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let mut session = world.session();
    for (block, number) in [("A", 1), ("A", 2), ("B", 1), ("", 1)] {
        session.add(Seat {
            guest: Some(format!("{block}{number}")),
            ..Seat::new(block, number)
        });
    }
    session.commit()?;
    let mut session = world.session();
    world.sent();
    for (block, number) in [("A", 1), ("A", 2), ("B", 1), ("", 1)] {
        let key = (block.to_owned(), number);
        let Some(seat) = session.get::<Seat>(key.clone())? else {
            check!(false, "the seat {key:?} must be found");
            return Ok(());
        };
        let guest = session[seat].guest.clone();
        check_eq!(
            guest,
            Some(format!("{block}{number}")),
            "each key must find its own row"
        );
        check_eq!(
            session.get::<Seat>(key)?,
            Some(seat),
            "the same key must give the same handle"
        );
        session[seat].guest = None;
    }
    check_eq!(world.sent().select, 4, "each seat must be read once");
    check_eq!(
        session.get::<Seat>(("B".to_owned(), 2))?,
        None,
        "half a key must find nothing"
    );
    session.commit()?;
    let left = Seat::query()
        .filter(Seat::GUEST.is_not_null())
        .count(&mut world.session())?;
    check_eq!(
        left,
        0,
        "every seat must have been written by its whole key"
    );
    Ok(())
}

fn untracked(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let key = world.with_tasks("ann", &["a", "b"])?;
    let mut session = world.session();
    let Some(ann) = session.get::<User>(key)? else {
        check!(false, "the row must be found");
        return Ok(());
    };
    session[ann].age = Some(30);
    let rows = User::query().rows(&mut session)?;
    check_eq!(rows.len(), 1, "the row must be read");
    check_eq!(
        rows[0].age,
        Some(30),
        "rows must show what was flushed before them"
    );
    let tasks = Task::query().rows(&mut session)?;
    check_eq!(tasks.len(), 2, "the tasks must be read");
    check!(
        session.persistent::<Task>().is_empty(),
        "plain rows must not enter the map"
    );
    Ok(())
}

/// A table, mapped by its own key.
#[derive(Entity, Clone, Debug)]
#[orm(table = "labels")]
struct Label {
    #[orm(primary_key)]
    id: Auto<i64>,
    number: i32,
    text: String,
}

/// The same table, mapped by a key that is not unique.
#[derive(Entity, Clone, Debug)]
#[orm(table = "labels")]
struct Numbered {
    #[orm(primary_key)]
    number: i32,
    text: String,
}

fn doubled(context: &mut Context) -> CaseResult {
    let engine = Engine::from_backend(context.backend());
    metadata![Label].create_all(&engine)?;
    let mut labels = Session::new(&engine);
    labels.add_all(
        [(1, "one"), (2, "two"), (2, "another")].map(|(number, text)| Label::new(number, text)),
    );
    labels.commit()?;

    let mut session = Session::new(&engine);
    let refused = |what: &str, result: selfsame::Result<()>| -> CaseResult {
        check!(
            matches!(&result, Err(error) if error.kind() == ErrorKind::MultipleRows && error.entity_name() == Some("Numbered")),
            "{what} must be MultipleRows and name the entity, returned {result:?}"
        );
        Ok(())
    };
    refused("get", session.get::<Numbered>(2).map(drop))?;
    refused("a query", Numbered::query().all(&mut session).map(drop))?;
    check!(
        session.get::<Numbered>(1)?.is_some(),
        "the row with a key of its own must be found"
    );
    // This frees the only connection of some databases.
    drop(session);
    type Change = fn(&mut Session, Handle<Numbered>) -> selfsame::Result<()>;
    let changes: [(&str, Change); 3] = [
        ("an UPDATE", |session, label| {
            session[label].text = "changed".to_owned();
            Ok(())
        }),
        ("an UPDATE with an expression", |session, label| {
            session.set_expr(label, Numbered::TEXT, upper(Numbered::TEXT))
        }),
        ("a DELETE", |session, label| session.delete(label)),
    ];
    for (what, change) in changes {
        let mut session = Session::new(&engine);
        let result = session.transaction(|session| {
            let query = Numbered::query().filter(Numbered::NUMBER.eq(2)).limit(1);
            let label = query.one(session)?;
            change(session, label)
        });
        refused(what, result)?;
        let mut rows = Label::query().rows(&mut Session::new(&engine))?;
        rows.sort_by_key(|row| *row.id);
        let texts: Vec<&str> = rows.iter().map(|row| row.text.as_str()).collect();
        check_eq!(
            texts,
            ["one", "two", "another"],
            "after {what} that was refused"
        );
    }
    Ok(())
}
