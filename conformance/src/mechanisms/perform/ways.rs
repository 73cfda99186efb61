//! The mechanisms of changes to whole rows and their relations.

use selfsame::Result;
use selfsame::prelude::*;

use super::{Unflushed, bulk, card, delete, label, place, raw, seat};
use crate::mechanisms::entities::{Card, Label, Place, Seat};

pub(super) fn add_place(
    session: &mut Session,
    unflushed: &Unflushed,
    code: &str,
    name: Option<String>,
    parent: Option<&str>,
    way: usize,
) -> Result<()> {
    let parent = match parent {
        Some(parent) => Some(place(session, parent)?),
        None => None,
    };
    let new = Place {
        name,
        rank: match way % 8 {
            0..4 => Auto::UNSET,
            _ => Auto::set(0),
        },
        ..Place::new(code)
    };
    let Some(parent) = parent else {
        session.add(new);
        return Ok(());
    };
    match way % 4 {
        0 => {
            let parent = session[parent].code.clone();
            session.add(Place {
                parent_code: Some(parent.clone()),
                ..new
            });
            unflushed.by_column(session, &parent, way)?;
        }
        1 => {
            session.add(Place {
                parent: parent.into(),
                ..new
            });
        }
        2 => {
            let child = session.add(new);
            session.set(child, Place::PARENT, Some(parent))?;
        }
        _ => {
            let child = session.add(new);
            session.push(parent, Place::CHILDREN, child)?;
        }
    }
    Ok(())
}

pub(super) fn move_place(
    session: &mut Session,
    unflushed: &Unflushed,
    code: &str,
    parent: Option<&str>,
    way: usize,
) -> Result<()> {
    let child = place(session, code)?;
    let to = match parent {
        Some(parent) => Some(place(session, parent)?),
        None => None,
    };
    if way % 4 < 2 {
        unflushed.relates(code);
    }
    match (way % 4, to) {
        (0, _) => session.set(child, Place::PARENT, to),
        (1, Some(to)) => session.push(to, Place::CHILDREN, child),
        (1, None) => match session.load(child, Place::PARENT)? {
            Some(from) => session.remove(from, Place::CHILDREN, child),
            None => Ok(()),
        },
        (2, _) => {
            // Assigning the code that the object shows would leave a pending expression.
            unflushed.settle_expression(session, code)?;
            let child = place(session, code)?;
            // Set the column only if no relation is pending, because a relation takes precedence over a column.
            match way < 20 || session.state(child) == State::Pending {
                true => session.flush()?,
                false => unflushed.settle_relation(session, code)?,
            }
            // The parent may be deleted or change its code, and another may take the code: only a flush distinguishes the two.
            let child = place(session, code)?;
            if parent.is_some() && session[child].parent_code.as_deref() == parent {
                session.flush()?;
            }
            // Objects that the flush expired are read before they are written to.
            let child = place(session, code)?;
            session[child].parent_code = parent.map(str::to_owned);
            unflushed.by_column(session, parent.unwrap_or_default(), way)
        }
        _ => bulk(
            Place::query()
                .filter(Place::CODE.eq(code))
                .update()
                .set(Place::PARENT_CODE, parent.map(str::to_owned)),
            session,
        ),
    }
}

pub(super) fn add_seat(
    session: &mut Session,
    unflushed: &Unflushed,
    code: &str,
    number: i32,
    guest: Option<String>,
    way: usize,
) -> Result<()> {
    let owner = place(session, code)?;
    let new = |code: &str| Seat {
        guest: guest.clone(),
        ..Seat::new(code, number)
    };
    match way % 4 {
        0 => {
            session.add(new(code));
            unflushed.by_column(session, code, way)?;
        }
        1 => {
            session.add(Seat {
                place: owner.into(),
                ..new("")
            });
        }
        2 => {
            let seat = session.add(new(""));
            session.push(owner, Place::SEATS, seat)?;
        }
        _ => {
            let seat = session.add(new(""));
            session.set(seat, Seat::PLACE, owner)?;
        }
    }
    Ok(())
}

pub(super) fn drop_seat(session: &mut Session, code: &str, number: i32, way: usize) -> Result<()> {
    match way % 4 {
        0 => {
            let seat = seat(session, code, number)?;
            delete(session, seat)
        }
        1 => {
            let (owner, seat) = (place(session, code)?, seat(session, code, number)?);
            session.remove(owner, Place::SEATS, seat)
        }
        2 => Seat::query()
            .filter(Seat::PLACE_CODE.eq(code).and(Seat::NUMBER.eq(number)))
            .delete()
            .execute(session)
            .map(drop),
        _ => {
            let text = "DELETE FROM seats WHERE place_code = ? AND number = ?";
            raw(session, text, (code.to_owned(), number))?;
            if way >= 20 {
                return Ok(());
            }
            // The session finds that the row is gone.
            session.get::<Seat>((code.to_owned(), number)).map(drop)
        }
    }
}

pub(super) fn add_card(
    session: &mut Session,
    unflushed: &Unflushed,
    label: &str,
    holder: Option<&str>,
    way: usize,
) -> Result<()> {
    let Some(code) = holder else {
        session.add(Card::new(label));
        return Ok(());
    };
    let owner = place(session, code)?;
    match way % 4 {
        0 => {
            session.add(Card {
                holder_code: Some(code.to_owned()),
                ..Card::new(label)
            });
            unflushed.by_column(session, code, way)?;
        }
        1 => {
            session.add(Card {
                holder: owner.into(),
                ..Card::new(label)
            });
        }
        2 => {
            let card = session.add(Card::new(label));
            session.set(owner, Place::CARD, Some(card))?;
        }
        _ => {
            let card = session.add(Card::new(label));
            session.set(card, Card::HOLDER, Some(owner))?;
        }
    }
    Ok(())
}

pub(super) fn hold(
    session: &mut Session,
    label: &str,
    holder: Option<&str>,
    way: usize,
) -> Result<()> {
    let it = card(session, label)?;
    let to = match holder {
        Some(code) => Some(place(session, code)?),
        None => None,
    };
    match (way % 2, to) {
        (0, Some(to)) => session.set(to, Place::CARD, Some(it)),
        _ => session.set(it, Card::HOLDER, to),
    }
}

pub(super) fn bear(session: &mut Session, code: &str, text: &str, way: usize) -> Result<()> {
    let (owner, it) = (place(session, code)?, label(session, text)?);
    match way % 4 {
        0 => session.push(owner, Place::LABELS, it),
        1 => session.push(it, Label::PLACES, owner),
        2 => {
            let mut all = session.load(owner, Place::LABELS)?;
            all.push(it);
            session.replace(owner, Place::LABELS, all)
        }
        _ => {
            let text_of_insert = "INSERT INTO place_labels (place_code, label) VALUES (?, ?)";
            raw(session, text_of_insert, (code.to_owned(), text.to_owned()))
        }
    }
}

pub(super) fn shed(session: &mut Session, code: &str, text: &str, way: usize) -> Result<()> {
    let (owner, it) = (place(session, code)?, label(session, text)?);
    match way % 4 {
        0 => session.remove(owner, Place::LABELS, it),
        1 => session.remove(it, Label::PLACES, owner),
        2 => {
            let mut all = session.load(it, Label::PLACES)?;
            all.retain(|place| *place != owner);
            session.replace(it, Label::PLACES, all)
        }
        _ => {
            let text_of_delete = "DELETE FROM place_labels WHERE place_code = ? AND label = ?";
            raw(session, text_of_delete, (code.to_owned(), text.to_owned()))
        }
    }
}
