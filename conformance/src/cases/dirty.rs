//! Which changes are detected, and which columns are written.

mod embedded;
mod expressions;

use selfsame::ErrorKind;
use selfsame::backend::StatementKind;
use selfsame::prelude::*;

use crate::case::Cover::Rule;
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::world::{Sent, User, World};

pub(super) const LISTS: &[&[Case]] = &[CASES, embedded::CASES, expressions::CASES];

const CASES: &[Case] = &[
    Case::core("dirty.equal.nothing", equal)
        .promise("Setting an equal value, or changing a value and changing it back, writes nothing.")
        .hint("Values must come back as they were stored, or they look changed.")
        .covers(&[Rule(7)]),
    Case::extra("dirty.float.nan", nan)
        .needs(&[Capability::Nan])
        .promise("Setting a loaded NaN again is not a change; another bit pattern is.")
        .hint("Floats must be read back bit for bit.")
        .covers(&[Rule(7)]),
    Case::core("dirty.in_place.seen", in_place)
        .promise("Edits inside a text or a vector are seen like assignments.")
        .suspects_orm()
        .covers(&[Rule(7)]),
    Case::core("dirty.update.columns", columns)
        .promise("An UPDATE names the changed columns only, a second flush sends nothing, and a commit with nothing to do sends nothing at all.")
        .suspects_orm()
        .covers(&[Rule(8)]),
    Case::core("dirty.questions.truth", questions)
        .promise("`is_modified`, `history`, `dirty`, `new_objects` and `deleted` are correct between flushes.")
        .suspects_orm()
        .covers(&[Rule(9)]),
    Case::core("dirty.null.both_ways", nulls)
        .promise("Changes from a value to NULL and from NULL to a value are written.")
        .hint("NULL must be bound as NULL and decoded as NULL.")
        .covers(&[Rule(7), Rule(8)]),
    Case::core("dirty.expression.computed", computed)
        .since(2)
        .needs(&[Capability::Transactions])
        .promise("`set_expr` lets the database compute a column in the UPDATE, from the row's current values, and the object is read again.")
        .hint("An UPDATE's expressions may use the column that it sets.")
        .covers(&[Rule(10)]),
    Case::core("dirty.expression.blind", blind)
        .since(2)
        .promise("`set_blind` writes a column of an expired object without reading its row.")
        .suspects_orm()
        .covers(&[Rule(10)]),
    Case::core("dirty.validation.refuses", validation)
        .since(9)
        .promise("A value that violates a validation rule or the column's length is an error that names the field, and no statement is sent.")
        .suspects_orm()
        .covers(&[Rule(42)]),
];

/// A pupil with rules about name and age.
#[derive(Entity, Clone, Debug)]
#[orm(table = "pupils")]
struct Pupil {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(length = 5)]
    name: String,
    #[orm(validate = is_an_age)]
    age: Option<i32>,
}

fn is_an_age(age: &i32) -> Result<(), &'static str> {
    if (0..150).contains(age) {
        Ok(())
    } else {
        Err("between 0 and 149")
    }
}

/// A session that holds one committed user, read again.
fn with_ann(world: &World) -> CaseResult<(Session, Handle<User>)> {
    let mut session = world.session();
    session.add(User {
        age: Some(30),
        score: Some(0.1),
        photo: Some(vec![1, 2]),
        ..User::new("ann")
    });
    session.commit()?;
    let mut session = world.session();
    let ann = User::query().one(&mut session)?;
    world.sent();
    Ok((session, ann))
}

fn equal(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let (mut session, ann) = with_ann(&world)?;
    session[ann].name = "ann".to_owned();
    session[ann].age = Some(30);
    session[ann].score = Some(0.1);
    session[ann].photo = Some(vec![1, 2]);
    session.flush()?;
    check_eq!(
        world.sent(),
        Sent::NOTHING,
        "equal values must not be written"
    );
    session[ann].age = Some(31);
    session[ann].age = Some(30);
    session.flush()?;
    check_eq!(
        world.sent(),
        Sent::NOTHING,
        "a value changed back must not be written"
    );
    Ok(())
}

fn nan(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let mut session = world.session();
    let ann = session.add(User {
        score: Some(f64::NAN),
        ..User::new("ann")
    });
    session.commit()?;
    let key = session[ann].id.get().copied().unwrap_or_default();
    let mut session = world.session();
    let Some(ann) = session.get::<User>(key)? else {
        check!(false, "the row must be found");
        return Ok(());
    };
    world.sent();
    check!(
        session[ann].score.is_some_and(f64::is_nan),
        "the NaN must be read back"
    );
    session[ann].score = Some(f64::NAN);
    session.flush()?;
    check_eq!(world.sent(), Sent::NOTHING, "a NaN must not stay dirty");
    Ok(())
}

fn in_place(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let (mut session, ann) = with_ann(&world)?;
    session[ann].name.push_str("ette");
    if let Some(photo) = &mut session[ann].photo {
        photo.push(3);
    }
    session.commit()?;
    check_eq!(world.sent().update, 1, "both edits must be one UPDATE");
    let users = world.users()?;
    check_eq!(
        users[0].name,
        "annette",
        "an edit inside a text must reach the row"
    );
    check_eq!(
        users[0].photo,
        Some(vec![1, 2, 3]),
        "an edit inside a vector must reach the row"
    );
    Ok(())
}

fn columns(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let (mut session, ann) = with_ann(&world)?;
    session[ann].age = Some(31);
    session.flush()?;
    let texts = world.texts(StatementKind::Update);
    check!(
        matches!(&texts[..], [text] if text.contains("age") && !text.contains("name") && !text.contains("score")),
        "the UPDATE must name the changed column only: {texts:?}"
    );
    session.flush()?;
    check_eq!(
        world.sent(),
        Sent::NOTHING,
        "a second flush must send nothing"
    );
    session.commit()?;
    world.sent();
    session.commit()?;
    check_eq!(
        world.sent(),
        Sent::NOTHING,
        "a commit with nothing to do must send nothing, not even BEGIN"
    );
    let users = world.users()?;
    check_eq!(
        (users[0].age, users[0].name.as_str()),
        (Some(31), "ann"),
        "the row must have the change"
    );
    Ok(())
}

fn questions(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let (mut session, ann) = with_ann(&world)?;
    check!(
        !session.is_modified(ann)?,
        "a loaded object must not be modified"
    );
    check_eq!(
        session.history(ann, User::AGE)?,
        None,
        "an unchanged column must have no history"
    );
    session[ann].age = Some(31);
    check!(
        session.is_modified(ann)?,
        "a changed object must be modified"
    );
    check_eq!(
        session.dirty::<User>(),
        [ann],
        "it must be among the dirty ones"
    );
    let history = session.history(ann, User::AGE)?;
    check_eq!(
        history,
        Some((Some(30), Some(31))),
        "the history must hold old and new"
    );
    let bob = session.add(User::new("bob"));
    check_eq!(
        session.new_objects::<User>(),
        [bob],
        "an added object must be among the new ones"
    );
    session.flush()?;
    check!(
        !session.is_modified(ann)?,
        "a flushed object must not be modified"
    );
    check!(
        session.new_objects::<User>().is_empty(),
        "a flushed object must not be new"
    );
    session.delete(bob)?;
    check_eq!(
        session.deleted::<User>(),
        [bob],
        "a deleted object must be among the deleted ones"
    );
    session[ann].age = Some(32);
    session[ann].age = Some(31);
    check!(
        session.dirty::<User>().is_empty(),
        "a value changed back must not be dirty"
    );
    session.commit()?;
    check_eq!(
        world.users()?.len(),
        1,
        "the deleted object's row must be gone"
    );
    Ok(())
}

fn nulls(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let (mut session, ann) = with_ann(&world)?;
    session[ann].age = None;
    session[ann].photo = None;
    session.commit()?;
    let users = world.users()?;
    check_eq!(
        (users[0].age, users[0].photo.clone()),
        (None, None),
        "NULL must reach the row"
    );
    session.refresh(ann)?;
    session[ann].age = Some(0);
    session[ann].photo = Some(Vec::new());
    session.commit()?;
    let users = world.users()?;
    check_eq!(
        (users[0].age, users[0].photo.clone()),
        (Some(0), Some(Vec::new())),
        "zero and the empty vector must reach the row as values"
    );
    Ok(())
}

fn computed(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let (mut session, ann) = with_ann(&world)?;
    session.set_expr(ann, User::AGE, User::AGE * 2 + 1)?;
    session[ann].name = "anna".to_owned();
    check_eq!(session.dirty::<User>(), [ann], "an expression is a change");
    session.flush()?;
    check_eq!(world.sent().rows(), 1, "one UPDATE for all of it");
    check_eq!(session.is_expired(ann)?, true, "the object is expired");
    session.refresh(ann)?;
    check_eq!(session[ann].age, Some(61), "the computed value");
    session.set_expr(ann, User::AGE, User::AGE + 1)?;
    session.rollback()?;
    session.commit()?;
    let users = world.users()?;
    check_eq!(
        (users[0].age, &*users[0].name),
        (Some(30), "ann"),
        "the row after a rollback"
    );
    session.refresh(ann)?;
    session.set_expr(ann, User::AGE, User::AGE + 1)?;
    session[ann].age = Some(7);
    session.commit()?;
    check_eq!(world.users()?[0].age, Some(7), "the last change counts");
    Ok(())
}

fn blind(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let (mut session, ann) = with_ann(&world)?;
    session.commit()?;
    session.set_blind(ann, User::AGE, Some(7))?;
    session.commit()?;
    let sent = world.sent();
    check_eq!(
        (sent.select, sent.update),
        (0, 1),
        "an UPDATE and no SELECT"
    );
    check_eq!(world.users()?[0].age, Some(7), "the row");
    Ok(())
}

fn validation(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    metadata![Pupil].create_all(&world.engine)?;
    world.sent();
    let old = Pupil {
        age: Some(150),
        ..Pupil::new("ann")
    };
    for (pupil, column, kind) in [
        (old, "age", ErrorKind::Validation),
        (Pupil::new("annabelle"), "name", ErrorKind::OutOfRange),
    ] {
        let mut session = world.session();
        session.add(pupil);
        let error = session.commit().err();
        check!(
            matches!(&error, Some(error) if error.kind() == kind && error.column_name() == Some(column)),
            "a bad value must be refused by {column}, returned {error:?}"
        );
        check_eq!(world.sent(), Sent::NOTHING, "nothing may be sent for it");
    }
    let mut session = world.session();
    let ann = session.add(Pupil {
        age: Some(149),
        ..Pupil::new("ännés")
    });
    session.commit()?;
    session[ann].age = Some(-1);
    world.sent();
    let error = session.flush().err();
    check!(
        matches!(&error, Some(error) if error.kind() == ErrorKind::Validation),
        "a bad change must be refused, returned {error:?}"
    );
    check_eq!(world.sent().update, 0, "it may not be written");
    session.rollback()?;
    check_eq!(session[ann].age, Some(149), "the object must show its row");
    Ok(())
}
