//! Embedded values: their columns are ordinary columns; columns that make sense only together change together.

use selfsame::ErrorKind;
use selfsame::backend::StatementKind;
use selfsame::prelude::*;
use selfsame::value::ColumnValue;

use crate::case::Cover::Rule;
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::world::{Sent, World};

pub(super) const CASES: &[Case] = &[
    Case::core("dirty.embedded.columns", columns)
        .since(15)
        .promise("The columns of an embedded value are written and read with its row, and an UPDATE names only those that changed.")
        .hint("Suspect the ORM: these are ordinary columns.")
        .covers(&[Rule(7), Rule(8)]),
    Case::core("dirty.embedded.optional", optional)
        .since(15)
        .needs(&[Capability::Transactions])
        .promise("An optional embedded value is set or removed by one UPDATE, and restored by a rollback.")
        .hint("NULL must be bound as NULL and decoded as NULL.")
        .covers(&[Rule(8), Rule(31), Rule(32)]),
    Case::core("dirty.embedded.variant", variant)
        .since(15)
        .needs(&[Capability::Transactions])
        .promise("A row is read as the variant that its tag names; changing the variant is one UPDATE of the columns of both variants.")
        .hint("A CHECK constraint restricts the tag to its labels.")
        .covers(&[Rule(3), Rule(8), Rule(31)]),
    Case::core("dirty.embedded.made", made)
        .since(15)
        .promise("A version column and a server default inside an embedded value work as in the entity itself.")
        .hint("Generated values are read back by the same statement, or by one more.")
        .covers(&[Rule(19), Rule(21)]),
];

#[derive(Entity, Clone, Debug)]
#[orm(table = "parcels")]
struct Parcel {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(flatten)]
    to: Address,
    #[orm(flatten, prefix = "from_")]
    from: Option<Address>,
    #[orm(flatten)]
    way: Way,
}

/// A crate with a state set by the database and a version column.
#[derive(Entity, Clone, Debug)]
#[orm(table = "crates")]
struct Crate {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(flatten)]
    to: Address,
    #[orm(flatten)]
    audit: Audit<String>,
}

#[derive(Embedded, Clone, Debug, PartialEq)]
struct Address {
    street: String,
    #[orm(length = 5, check = "zip <> ''")]
    zip: String,
    country: Option<String>,
}

#[derive(Embedded, Clone, Debug, PartialEq)]
#[orm(tag = "way", index)]
enum Way {
    Rail {
        train: i32,
        wagon: Option<i16>,
    },
    #[orm(label = "air", prefix = "flight_")]
    Plane(Flight),
    Foot,
}

#[derive(Embedded, Clone, Debug, PartialEq)]
struct Flight {
    number: String,
}

#[derive(Embedded, Clone, Debug)]
struct Audit<W: ColumnValue> {
    created_by: W,
    #[orm(server_default = "'new'")]
    state: Auto<String>,
    #[orm(version)]
    revision: i64,
}

fn home() -> Address {
    Address::new("Main St", "12345")
}

fn rail() -> Way {
    Way::Rail {
        train: 7,
        wagon: None,
    }
}

fn flight() -> Way {
    Way::Plane(Flight::new("XY 1"))
}

/// A session that holds one committed parcel, read again.
fn with_parcel(context: &Context) -> CaseResult<(World, Session, Handle<Parcel>)> {
    let world = World::of(context, &metadata![Parcel])?;
    let mut session = world.session();
    session.add(Parcel::new(home(), rail()));
    session.commit()?;
    let mut session = world.session();
    let parcel = Parcel::query().one(&mut session)?;
    world.sent();
    Ok((world, session, parcel))
}

/// Returns the parcel in the database.
fn row(world: &World) -> CaseResult<Parcel> {
    let mut session = world.session();
    let mut rows = Parcel::query().rows(&mut session)?;
    check_eq!(rows.len(), 1, "there must be one row");
    drop(session);
    world.sent();
    Ok(rows.remove(0))
}

fn columns(context: &mut Context) -> CaseResult {
    let (world, mut session, parcel) = with_parcel(context)?;
    check_eq!(session[parcel].to, home(), "the value must be read back");
    session[parcel].to.street.push_str("reet");
    session[parcel].to.street = home().street;
    session.flush()?;
    check_eq!(
        world.sent(),
        Sent::NOTHING,
        "changing a value and changing it back is not a change"
    );
    session[parcel].to.street.push_str("reet");
    session[parcel].to.country = Some("de".to_owned());
    session.commit()?;
    let texts = world.texts(StatementKind::Update);
    check!(
        matches!(&texts[..], [text] if text.contains("street") && text.contains("country")
            && !text.contains("zip") && !text.contains("from_")),
        "the UPDATE must name the changed columns only: {texts:?}"
    );
    let wanted = Address {
        street: "Main Street".to_owned(),
        country: Some("de".to_owned()),
        ..home()
    };
    check_eq!(row(&world)?.to, wanted, "the row must have the change");
    let found = Parcel::query()
        .filter(Parcel::TO.zip.eq("12345"))
        .filter(Parcel::FROM.zip.is_null())
        .select((Parcel::TO.street, Parcel::FROM.street))
        .all(&mut session)?;
    check_eq!(
        found,
        [("Main Street".to_owned(), None)],
        "its columns must be found and read by their names"
    );
    Ok(())
}

fn optional(context: &mut Context) -> CaseResult {
    let (world, mut session, parcel) = with_parcel(context)?;
    check_eq!(session[parcel].from, None, "nothing was given");
    session[parcel].from = Some(home());
    session.commit()?;
    check_eq!(world.sent().update, 1, "it must come in one UPDATE");
    check_eq!(row(&world)?.from, Some(home()), "it must be there");

    session.refresh(parcel)?;
    session[parcel].from = None;
    session.flush()?;
    check_eq!(world.sent().update, 1, "it must go in one UPDATE");
    session[parcel].from = Some(Address::new("Side St", "54321"));
    session.rollback()?;
    check_eq!(
        session[parcel].from,
        Some(home()),
        "a rollback must bring it back"
    );
    check_eq!(row(&world)?.from, Some(home()), "it must still exist");
    Ok(())
}

fn variant(context: &mut Context) -> CaseResult {
    let (world, mut session, parcel) = with_parcel(context)?;
    check_eq!(session[parcel].way, rail(), "the variant must be read back");
    session[parcel].way = flight();
    session.commit()?;
    let texts = world.texts(StatementKind::Update);
    check!(
        matches!(&texts[..], [text] if text.contains("way") && text.contains("train")
            && text.contains("flight_number") && !text.contains("wagon")),
        "one UPDATE must write what changed in both variants: {texts:?}"
    );
    check_eq!(row(&world)?.way, flight(), "the row must be the other");
    let flying = Parcel::query()
        .filter(
            Parcel::WAY
                .is_plane()
                .and(Parcel::WAY.plane.number.eq("XY 1")),
        )
        .all(&mut session)?;
    check_eq!(flying, [parcel], "it must still be one object");
    let railing = Parcel::query()
        .filter(
            Parcel::WAY
                .is_rail()
                .or(Parcel::WAY.rail.train.is_not_null()),
        )
        .count(&mut session)?;
    check_eq!(railing, 0, "nothing of the other variant may remain");

    session[parcel].way = Way::Foot;
    session.flush()?;
    session.rollback()?;
    check_eq!(
        session[parcel].way,
        flight(),
        "a rollback must bring the variant back"
    );
    Ok(())
}

fn made(context: &mut Context) -> CaseResult {
    let world = World::of(context, &metadata![Crate])?;
    let mut session = world.session();
    session.add(Crate::new(home(), Audit::new("ann".to_owned())));
    session.commit()?;
    let mut session = world.session();
    let first = Crate::query().one(&mut session)?;
    let audit = &session[first].audit;
    check_eq!(
        (
            &*audit.created_by,
            audit.state.get().map(String::as_str),
            audit.revision
        ),
        ("ann", Some("new"), 1),
        "the version begins at 1, and the default is the database's"
    );
    let second = session.add(Crate::new(home(), Audit::new("bob".to_owned())));
    session.flush()?;
    check_eq!(
        session[second].audit.state.get().map(String::as_str),
        Some("new"),
        "generated values must be read back"
    );
    session.delete(second)?;
    session[first].to.zip = "1".to_owned();
    session.commit()?;
    let rows = Crate::query().rows(&mut world.session())?;
    let revisions: Vec<i64> = rows.iter().map(|row| row.audit.revision).collect();
    check_eq!(revisions, [2], "an UPDATE must count");

    session.refresh(first)?;
    session.rollback()?;
    let mut other = world.session();
    let theirs = Crate::query().one(&mut other)?;
    other[theirs].to.zip = "2".to_owned();
    other.commit()?;
    let error = session.merge(Crate {
        id: Auto::set(session[first].id.get().copied().unwrap_or_default()),
        ..session[first].clone()
    });
    check!(
        matches!(&error, Err(error) if error.kind() == ErrorKind::StaleData),
        "a value of another version must be refused, returned {error:?}"
    );
    Ok(())
}
