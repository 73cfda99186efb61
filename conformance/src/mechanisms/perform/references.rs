//! The mechanisms of references that are not plain relations, and of columns set by expressions.

use selfsame::Result;
use selfsame::prelude::*;

use super::{Unflushed, bulk, known, place, raw, seat, with_row};
use crate::case::CaseResult;
use crate::mechanisms::entities::{Booking, Place, Seat, Sign};
use crate::mechanisms::plan::{Change, Rows};

/// Returns whether to flush before a change, and after it, because its result would depend on the time of the flush.
pub(super) fn settles(change: &Change, unflushed: &Unflushed) -> (bool, bool) {
    let (is_renaming, is_rekeying, is_deleting) = match change {
        Change::Rename { .. } | Change::PassName { .. } | Change::SwapNames { .. } => {
            (true, false, false)
        }
        Change::Rekey { .. }
        | Change::PassCode { .. }
        | Change::Renumber { .. }
        | Change::Shift { .. }
        | Change::MoveSeat { .. } => (false, true, false),
        Change::DeletePlace { .. } => (true, true, true),
        Change::DropSeat { .. } => (false, true, true),
        _ => return (false, false),
    };
    let has_signs = is_renaming && unflushed.has_signs();
    let has_bookings = is_rekeying && unflushed.has_bookings();
    (
        has_signs || has_bookings,
        is_deleting && (has_signs || has_bookings),
    )
}

pub(super) fn add_sign(
    session: &mut Session,
    unflushed: &Unflushed,
    text: &str,
    code: Option<&str>,
) -> Result<()> {
    // From now on the session refuses to swap names that signs follow, including swaps made earlier.
    if !unflushed.has_signs() {
        unflushed.flush(session)?;
    }
    unflushed.sign();
    let place_name = name_of(session, code)?;
    session.add(Sign {
        place_name,
        ..Sign::new(text)
    });
    Ok(())
}

pub(super) fn point(
    session: &mut Session,
    unflushed: &Unflushed,
    text: &str,
    code: Option<&str>,
    way: usize,
) -> Result<()> {
    unflushed.sign();
    let name = name_of(session, code)?;
    let mut it = sign(session, text)?;
    // An equal name would not be a change, and the sign would follow the place that has the name in the database.
    let is_shown = session[it].place_name == name;
    let is_computed = matches!(way % 6, 2 | 3);
    if is_shown || (is_computed && session.state(it) == State::Pending) {
        session.flush()?;
        it = sign(session, text)?;
    }
    match way % 6 {
        2 => session.set_blind(it, Sign::PLACE_NAME, name),
        3 => session.set_expr(it, Sign::PLACE_NAME, name),
        4 => bulk(
            Sign::query()
                .filter(Sign::TEXT.eq(text))
                .update()
                .set(Sign::PLACE_NAME, name),
            session,
        ),
        5 => {
            let update = "UPDATE signs SET place_name = ? WHERE text = ?";
            raw(session, update, (name, text.to_owned()))
        }
        _ => {
            session[it].place_name = name;
            Ok(())
        }
    }
}

pub(super) fn add_booking(
    session: &mut Session,
    unflushed: &Unflushed,
    text: &str,
    to: Option<&(String, i32)>,
    way: usize,
) -> Result<()> {
    unflushed.booking();
    let new = |place_code: &str| Booking::new(text, place_code);
    let Some((code, number)) = to else {
        session.add(new("nowhere"));
        return Ok(());
    };
    let to = seat(session, code, *number)?;
    match way % 4 {
        0 => {
            session.add(Booking {
                number: Some(*number),
                ..new(code)
            });
        }
        1 => {
            session.add(Booking {
                seat: to.into(),
                ..new("nowhere")
            });
        }
        2 => {
            let booking = session.add(new("nowhere"));
            session.set(booking, Booking::SEAT, Some(to))?;
        }
        _ => {
            let booking = session.add(new("nowhere"));
            session.push(to, Seat::BOOKINGS, booking)?;
        }
    }
    Ok(())
}

pub(super) fn book(
    session: &mut Session,
    unflushed: &Unflushed,
    text: &str,
    to: Option<&(String, i32)>,
    way: usize,
) -> Result<()> {
    unflushed.booking();
    let to_seat = match to {
        Some((code, number)) => Some(seat(session, code, *number)?),
        None => None,
    };
    // A relation that was set takes precedence over columns, and equal columns are not a change.
    if way % 4 > 1 {
        session.flush()?;
    }
    let it = booking(session, text)?;
    match (way % 4, to_seat, to) {
        (1, Some(to), _) => session.push(to, Seat::BOOKINGS, it),
        (2, _, Some((code, number))) => {
            session[it].place_code.clone_from(code);
            session[it].number = Some(*number);
            settle_columns(session, way)
        }
        (2, _, None) => {
            session[it].number = None;
            settle_columns(session, way)
        }
        (3, _, to) => {
            if let Some((code, _)) = to {
                session.set_blind(it, Booking::PLACE_CODE, code.clone())?;
            }
            session.set_blind(it, Booking::NUMBER, to.map(|to| to.1))?;
            settle_columns(session, way)
        }
        _ => session.set(it, Booking::SEAT, to_seat),
    }
}

/// Flushes and expires all objects, or leaves this to later: loaded collections show changed columns only after they are loaded again.
fn settle_columns(session: &mut Session, way: usize) -> Result<()> {
    if way < 20 {
        session.flush()?;
        session.expire_all();
    }
    Ok(())
}

/// Moves a place by an expression.
pub(super) fn blind(
    session: &mut Session,
    unflushed: &Unflushed,
    code: &str,
    parent: Option<&str>,
    way: usize,
) -> Result<()> {
    if let Some(parent) = parent {
        with_row(session, parent)?;
    }
    let child = with_row(session, code)?;
    let to = parent.map(str::to_owned);
    match way % 3 {
        0 => session.set_expr(child, Place::PARENT_CODE, to)?,
        1 => session.set_blind(child, Place::PARENT_CODE, to)?,
        _ => {
            // The last change wins.
            session.set(child, Place::PARENT, None)?;
            session.set_blind(child, Place::PARENT_CODE, to)?;
        }
    }
    unflushed.computes(code);
    unflushed.by_column(session, parent.unwrap_or_default(), way)
}

/// Sets the rank to an expression, and then to a value.
pub(super) fn override_rank(
    session: &mut Session,
    code: &str,
    first: i32,
    rank: i32,
) -> Result<()> {
    let mut it = with_row(session, code)?;
    // Assigning the value that the object shows would leave the expression.
    if session[it].rank.get() == Some(&rank) {
        session.flush()?;
        it = with_row(session, code)?;
    }
    let is_shown = session[it].rank.get() == Some(&rank);
    session.set_expr(it, Place::RANK, Place::RANK * 0 + first)?;
    if is_shown {
        return session.set_blind(it, Place::RANK, rank);
    }
    session[it].rank = Auto::set(rank);
    Ok(())
}

/// Inserts places as rows without objects, and may read them.
pub(super) fn insert_all(
    session: &mut Session,
    codes: &[String],
    parent: Option<&str>,
    way: usize,
) -> Result<()> {
    let rows = codes.iter().map(|code| Place {
        rank: Auto::set(0),
        parent_code: parent.map(str::to_owned),
        ..Place::new(code)
    });
    session.insert_all(rows.collect::<Vec<_>>())?;
    match way % 3 {
        0 => Place::query().all(session).map(drop),
        1 => codes
            .iter()
            .try_for_each(|code| place(session, code).map(drop)),
        _ => Ok(()),
    }
}

/// Compares signs, bookings and the session's objects with the rows.
pub(super) fn look_at_references(session: &mut Session, rows: &Rows) -> CaseResult {
    for (text, code) in &rows.signs {
        let it = sign(session, text)?;
        let place = code.as_ref().and_then(|code| rows.places.get(code));
        let name = place.and_then(|place| place.name.clone());
        check_eq!(session[it].place_name, name, "the name on {text}");
    }
    for (text, wanted) in &rows.bookings {
        let it = booking(session, text)?;
        let found = session.load(it, Booking::SEAT)?;
        let found = found.map(|seat| (session[seat].place_code.clone(), session[seat].number));
        check_eq!(found, *wanted, "the seat of {text}");
        check_eq!(
            session[it].number,
            wanted.as_ref().map(|seat| seat.1),
            "the number in {text}"
        );
    }
    for (code, number) in rows.seats.keys() {
        let it = seat(session, code, *number)?;
        let found = session.load(it, Seat::BOOKINGS)?.into_iter();
        let mut found: Vec<&str> = found.map(|booking| &*session[booking].text).collect();
        found.sort_unstable();
        let all = rows.bookings.iter();
        let here = all.filter(|(_, seat)| **seat == Some((code.clone(), *number)));
        let here: Vec<&str> = here.map(|(text, _)| &**text).collect();
        check_eq!(found, here, "the bookings of the seat {code}/{number}");
    }
    Ok(())
}

/// Compares the places that a query finds with the rows.
pub(super) fn look_at_places(session: &mut Session, rows: &Rows) -> CaseResult {
    let found = Place::query().all(session)?;
    let mut found: Vec<&str> = found.iter().map(|&place| &*session[place].code).collect();
    found.sort_unstable();
    let wanted: Vec<&str> = rows.places.keys().map(|code| &**code).collect();
    check_eq!(found, wanted, "the places that a query finds");
    Ok(())
}

fn name_of(session: &mut Session, code: Option<&str>) -> Result<Option<String>> {
    let Some(code) = code else {
        return Ok(None);
    };
    let place = place(session, code)?;
    Ok(session[place].name.clone())
}

fn sign(session: &mut Session, text: &str) -> Result<Handle<Sign>> {
    match known(session, |sign: &Sign| sign.text == text) {
        Some(known) => Ok(known),
        None => Sign::query().filter(Sign::TEXT.eq(text)).one(session),
    }
}

fn booking(session: &mut Session, text: &str) -> Result<Handle<Booking>> {
    match known(session, |booking: &Booking| booking.text == text) {
        Some(known) => Ok(known),
        None => Booking::query().filter(Booking::TEXT.eq(text)).one(session),
    }
}
