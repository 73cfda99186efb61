//! The entities of the programs: places that reference each other, their seats and the bookings of seats, signs with the names of places, one
//! card per place, and labels shared by places. Places and cards also reference each other.

use std::collections::BTreeMap;

use selfsame::metadata::Metadata;
use selfsame::prelude::*;

use super::plan::{Card as CardRow, Place as PlaceRow, Rows};
use crate::case::CaseResult;
use crate::world::World;

/// A place. The program assigns its key, and its name is unique. The database sets the rank of a new place. Its note is loaded on request, and
/// it may be inside another place, also in a cycle.
#[derive(Entity, Clone, Debug)]
#[orm(table = "places")]
pub(super) struct Place {
    #[orm(primary_key)]
    pub(super) code: String,
    #[orm(unique)]
    pub(super) name: Option<String>,
    #[orm(server_default = "0")]
    pub(super) rank: Auto<i32>,
    pub(super) note: Deferred<Option<String>>,
    #[orm(references = "places.code")]
    pub(super) parent_code: Option<String>,
    #[orm(key = "parent_code", back_populates = children)]
    pub(super) parent: BelongsTo<Place>,
    #[orm(back_populates = parent)]
    pub(super) children: HasMany<Place>,
    #[orm(back_populates = place, cascade = "all, delete-orphan")]
    pub(super) seats: HasMany<Seat>,
    #[orm(back_populates = holder)]
    pub(super) card: HasOne<Card>,
    #[orm(references = "cards.id")]
    pub(super) badge_id: Option<i64>,
    #[orm(back_populates = badged)]
    pub(super) badge: BelongsTo<Card>,
    #[orm(secondary = "place_labels(place_code, label)", back_populates = places)]
    pub(super) labels: ManyToMany<Label>,
}

/// A label shared by places. The program assigns its key, and reuses keys of deleted labels.
#[derive(Entity, Clone, Debug)]
#[orm(table = "labels")]
pub(super) struct Label {
    #[orm(primary_key)]
    pub(super) text: String,
    #[orm(back_populates = labels)]
    pub(super) places: ManyToMany<Place>,
}

/// A seat: half of its key comes from the relation.
#[derive(Entity, Clone, Debug)]
#[orm(table = "seats")]
pub(super) struct Seat {
    #[orm(primary_key, references = "places.code", on_update = "cascade")]
    pub(super) place_code: String,
    #[orm(primary_key)]
    pub(super) number: i32,
    pub(super) guest: Option<String>,
    #[orm(back_populates = seats)]
    pub(super) place: BelongsTo<Place>,
    #[orm(back_populates = seat)]
    pub(super) bookings: HasMany<Booking>,
}

/// A booking of a seat, or of none: one of the two columns of its foreign key is nullable.
#[derive(Entity, Clone, Debug)]
#[orm(
    table = "bookings",
    foreign_key(
        columns(place_code, number),
        references = "seats(place_code, number)",
        on_update = "cascade"
    )
)]
pub(super) struct Booking {
    #[orm(primary_key)]
    pub(super) id: Auto<i64>,
    pub(super) text: String,
    pub(super) place_code: String,
    pub(super) number: Option<i32>,
    #[orm(key = "place_code, number", back_populates = bookings)]
    pub(super) seat: BelongsTo<Seat>,
}

/// A sign has the name of a place and follows it: its foreign key references a unique column, so it has no relation.
#[derive(Entity, Clone, Debug)]
#[orm(table = "signs")]
pub(super) struct Sign {
    #[orm(primary_key)]
    pub(super) id: Auto<i64>,
    pub(super) text: String,
    #[orm(
        references = "places.name",
        on_update = "cascade",
        on_delete = "set null"
    )]
    pub(super) place_name: Option<String>,
}

/// A card; a place has at most one.
#[derive(Entity, Clone, Debug)]
#[orm(table = "cards")]
pub(super) struct Card {
    #[orm(primary_key)]
    pub(super) id: Auto<i64>,
    pub(super) label: String,
    #[orm(unique, references = "places.code")]
    pub(super) holder_code: Option<String>,
    #[orm(flatten)]
    pub(super) stamp: Option<Stamp>,
    #[orm(version)]
    pub(super) version: i64,
    #[orm(back_populates = card)]
    pub(super) holder: BelongsTo<Place>,
    #[orm(back_populates = badge)]
    pub(super) badged: HasMany<Place>,
}

/// The optional content of a card.
#[derive(Embedded, Clone, Debug, PartialEq)]
pub(super) struct Stamp {
    pub(super) ink: String,
    pub(super) year: i32,
}

pub(super) fn tables() -> Metadata {
    metadata![Place, Seat, Booking, Sign, Card, Label]
}

pub(super) fn empty(world: &World) -> CaseResult {
    // Rows may reference each other in cycles, so the references are cleared first.
    let mut session = world.session();
    Place::query()
        .update()
        .set(Place::PARENT_CODE, None::<String>)
        .set(Place::BADGE_ID, None::<i64>)
        .execute(&mut session)?;
    session.commit()?;
    world.empty(&[
        "signs",
        "bookings",
        "cards",
        "seats",
        "place_labels",
        "labels",
        "places",
    ])
}

/// Returns all rows of the database.
pub(super) fn rows(session: &mut Session) -> CaseResult<Rows> {
    let mut rows = Rows::default();
    let cards = Card::query().rows(session)?;
    let notes = session.sql("SELECT code, note FROM places", ());
    let mut notes: BTreeMap<String, Option<String>> = notes.all()?.into_iter().collect();
    for place in Place::query().rows(session)? {
        let badge = cards
            .iter()
            .find(|card| card.id.get().copied() == place.badge_id);
        let row = PlaceRow {
            name: place.name,
            rank: place.rank.into_inner().unwrap_or(i32::MIN),
            note: notes.remove(&place.code).flatten(),
            parent: place.parent_code,
            badge: badge.map(|card| card.label.clone()),
        };
        rows.places.insert(place.code, row);
    }
    for seat in Seat::query().rows(session)? {
        rows.seats
            .insert((seat.place_code, seat.number), seat.guest);
    }
    for card in cards {
        let row = CardRow {
            holder: card.holder_code,
            stamp: card.stamp.map(|stamp| (stamp.ink, stamp.year)),
        };
        rows.cards.insert(card.label, row);
    }
    for booking in Booking::query().rows(session)? {
        let seat = booking.number.map(|number| (booking.place_code, number));
        rows.bookings.insert(booking.text, seat);
    }
    for sign in Sign::query().rows(session)? {
        let named = |place: &&PlaceRow| place.name.is_some() && place.name == sign.place_name;
        let mut places = rows.places.iter();
        let place = places.find(|(_, place)| named(place));
        rows.signs
            .insert(sign.text, place.map(|(code, _)| code.clone()));
    }
    let labels = Label::query().rows(session)?.into_iter();
    rows.labels = labels.map(|label| label.text).collect();
    let pairs = session.sql("SELECT place_code, label FROM place_labels", ());
    rows.pairs = pairs.all::<(String, String)>()?.into_iter().collect();
    Ok(rows)
}
