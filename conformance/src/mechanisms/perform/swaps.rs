//! Changes of several rows that pass unique values or keys to each other in one flush, and changes of keys.

use selfsame::prelude::*;
use selfsame::{ErrorKind, Result};

use super::{Unflushed, card, label, place, raw, seat};
use crate::case::CaseResult;
use crate::mechanisms::entities::{Card, Place, Seat, Sign};

/// Swaps the names of two places, or passes one on. A sign would follow a passed name, so the session forgets signs.
pub(super) fn swap_names(
    session: &mut Session,
    unflushed: &Unflushed,
    code: &str,
    other: &str,
) -> Result<()> {
    let has_signs = unflushed.has_signs();
    if has_signs {
        unflushed.flush(session)?;
        session.clear();
    }
    exchange_names(session, code, other)?;
    match has_signs {
        true => unflushed.flush(session),
        false => Ok(()),
    }
}

/// Checks that a session refuses to swap names that signs follow, keeps its changes in memory, and waits for a rollback.
pub(super) fn refuse_swap(session: &mut Session, code: &str, other: &str) -> CaseResult {
    let known = Sign::query().all(session)?;
    check!(!known.is_empty(), "there must be a sign");
    exchange_names(session, code, other)?;
    let places = [place(session, code)?, place(session, other)?];
    let names = places.map(|place| session[place].name.clone());
    let Err(refused) = session.flush() else {
        check!(false, "an exchange of names that signs follow was written");
        return Ok(());
    };
    let is_clear = refused
        .to_string()
        .contains("exchange values of UNIQUE (name)");
    check!(
        refused.kind() == ErrorKind::UniqueViolation && is_clear,
        "an exchange of names that signs follow must be refused as one, found {refused}"
    );
    let kept = places.map(|place| session[place].name.clone());
    check_eq!(kept, names, "the names in memory after a refused flush");
    let pending = session.sql("SELECT 1", ()).execute();
    let kind = pending.map_err(|error| error.kind());
    check_eq!(
        kind.map(drop),
        Err(ErrorKind::PendingRollback),
        "a statement after a refused flush"
    );
    Ok(())
}

fn exchange_names(session: &mut Session, code: &str, other: &str) -> Result<()> {
    let (one, two) = (place(session, code)?, place(session, other)?);
    let names = [one, two].map(|place| session[place].name.clone());
    // If a statement changed the row, mutable access to the object without a change would be stale.
    if names[0] != names[1] {
        let [first, second] = names;
        session[one].name = second;
        session[two].name = first;
    }
    Ok(())
}

pub(super) fn pass_name(
    session: &mut Session,
    code: &str,
    other: &str,
    name: Option<&str>,
    way: usize,
) -> Result<()> {
    let (one, two) = (place(session, code)?, place(session, other)?);
    let passed = session[two].name.clone();
    // The two names are set in either order.
    if way.is_multiple_of(2) {
        session[two].name = name.map(str::to_owned);
    }
    session[one].name = passed;
    session[two].name = name.map(str::to_owned);
    Ok(())
}

pub(super) fn pass_code(
    session: &mut Session,
    code: &str,
    new: &str,
    other: &str,
    way: usize,
) -> Result<()> {
    let (one, two) = (place(session, code)?, place(session, other)?);
    match way % 2 {
        0 => {
            session[one].code = new.to_owned();
            session[two].code = code.to_owned();
        }
        _ => {
            session[two].code = code.to_owned();
            session[one].code = new.to_owned();
        }
    }
    Ok(())
}

pub(super) fn swap_cards(
    session: &mut Session,
    label: &str,
    other: &str,
    way: usize,
) -> Result<()> {
    session.flush()?;
    let cards = [card(session, label)?, card(session, other)?];
    let [one, two] = cards;
    let holders = [
        session.load(one, Card::HOLDER)?,
        session.load(two, Card::HOLDER)?,
    ];
    match (way % 3, holders) {
        (0, [first, second]) => {
            session.set(one, Card::HOLDER, second)?;
            session.set(two, Card::HOLDER, first)
        }
        (1, [Some(first), Some(second)]) => {
            session.set(first, Place::CARD, Some(two))?;
            session.set(second, Place::CARD, Some(one))
        }
        _ => {
            let code = session[one].holder_code.clone();
            session[one].holder_code = session[two].holder_code.clone();
            session[two].holder_code = code;
            session.flush()?;
            session.expire_all();
            Ok(())
        }
    }
}

pub(super) fn badge(
    session: &mut Session,
    code: &str,
    label: Option<&str>,
    way: usize,
) -> Result<()> {
    let it = place(session, code)?;
    let badge = match label {
        Some(label) => Some(card(session, label)?),
        None => None,
    };
    match (way % 3, badge) {
        (1, Some(badge)) => session.push(badge, Card::BADGED, it),
        (2, _) => {
            session.flush()?;
            let id = badge.and_then(|badge| session[badge].id.get().copied());
            let text = "UPDATE places SET badge_id = ? WHERE code = ?";
            raw(session, text, (id, code.to_owned()))
        }
        _ => session.set(it, Place::BADGE, badge),
    }
}

pub(super) fn rekey(session: &mut Session, code: &str, new: &str) -> Result<()> {
    // Places cannot swap their keys in one flush, because keys cannot be NULL.
    let mut changed = session.dirty::<Place>().into_iter();
    let has_left = changed.any(|place| {
        let history = session.history(place, Place::CODE);
        matches!(history, Ok(Some((old, _))) if old == new)
    });
    if has_left {
        session.flush()?;
    }
    let place = place(session, code)?;
    new.clone_into(&mut session[place].code);
    Ok(())
}

pub(super) fn renumber(session: &mut Session, code: &str, number: i32, to: i32) -> Result<()> {
    // Seats cannot either.
    let mut changed = session.dirty::<Seat>().into_iter();
    let has_left = changed.any(|seat| {
        let history = session.history(seat, Seat::NUMBER);
        matches!(history, Ok(Some((old, _))) if old == to)
    });
    if has_left {
        session.flush()?;
    }
    let seat = seat(session, code, number)?;
    session[seat].number = to;
    Ok(())
}

/// Gives each seat the number of the next one.
pub(super) fn shift(session: &mut Session, code: &str, way: usize) -> Result<()> {
    session.flush()?;
    let place = place(session, code)?;
    let mut seats = session.load(place, Place::SEATS)?;
    if way.is_multiple_of(2) {
        seats.reverse();
    }
    for seat in seats {
        session[seat].number += 1;
    }
    Ok(())
}

pub(super) fn move_seat(
    session: &mut Session,
    code: &str,
    number: i32,
    to: &str,
    way: usize,
) -> Result<()> {
    let (seat, to) = (seat(session, code, number)?, place(session, to)?);
    match way % 2 {
        0 => session.set(seat, Seat::PLACE, to),
        _ => session.push(to, Place::SEATS, seat),
    }
}

/// Merges a place with a seat that may be new.
pub(super) fn merge_seat(
    session: &mut Session,
    code: &str,
    number: i32,
    guest: Option<&str>,
) -> Result<()> {
    session.flush()?;
    let place = place(session, code)?;
    let seat = Seat {
        guest: guest.map(str::to_owned),
        ..Seat::new(code, number)
    };
    let value = Place {
        seats: [seat].into(),
        ..session[place].clone()
    };
    session.merge(value).map(drop)
}

pub(super) fn retext(session: &mut Session, text: &str, new: &str) -> Result<()> {
    let label = label(session, text)?;
    session[label].text = new.to_owned();
    Ok(())
}
