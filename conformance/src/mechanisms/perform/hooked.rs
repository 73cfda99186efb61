//! Changes made by a hook of a flush.

use selfsame::Result;
use selfsame::prelude::*;

use super::{PANIC, Unflushed, When, by_its_way, card, label, place, plainly, seat};
use crate::mechanisms::entities::Place;
use crate::mechanisms::plan::Change;

/// Returns when the hook that makes the change is called, if one makes it.
pub(super) fn hooked(change: &Change) -> Option<When> {
    let way = match change {
        Change::Rank { way, .. }
        | Change::Rename { way, .. }
        | Change::Note { way, .. }
        | Change::Guest { way, .. }
        | Change::Stamp { way, .. }
        | Change::AddPlace { way, .. }
        | Change::Move { way, .. }
        | Change::DeletePlace { way, .. }
        | Change::AddSeat { way, .. }
        | Change::DropSeat { way, .. }
        | Change::AddCard { way, .. }
        | Change::Hold { way, .. }
        | Change::DropCard { way, .. }
        | Change::DropLabel { way, .. }
        | Change::Bear { way, .. }
        | Change::Shed { way, .. }
        | Change::Badge { way, .. }
        | Change::MoveSeat { way, .. }
        | Change::PassName { way, .. } => *way,
        _ => return None,
    };
    match way % 8 {
        6 => Some(When::BeforeFlush),
        7 => Some(When::AfterFlush),
        _ => None,
    }
}

/// Loads the objects that a hook is going to change.
pub(super) fn meet(session: &mut Session, change: &Change) -> Result<()> {
    match change {
        Change::Rank { code, .. } | Change::Rename { code, .. } | Change::Note { code, .. } => {
            place(session, code).map(drop)
        }
        Change::Guest { place, number, .. } => seat(session, place, *number).map(drop),
        Change::Stamp { label, .. } | Change::DropCard { label, .. } => {
            card(session, label).map(drop)
        }
        Change::AddPlace { parent, .. } => optional_place(session, parent.as_deref()).map(drop),
        Change::Move { code, parent, .. } => {
            optional_place(session, parent.as_deref())?;
            let child = place(session, code)?;
            session.load(child, Place::PARENT).map(drop)
        }
        Change::DeletePlace { code, .. } | Change::AddSeat { place: code, .. } => {
            place(session, code).map(drop)
        }
        Change::DropSeat {
            place: code,
            number,
            ..
        } => {
            place(session, code)?;
            seat(session, code, *number).map(drop)
        }
        Change::AddCard { holder, .. } => meet_holder(session, holder.as_deref()),
        Change::Hold { label, holder, .. } => {
            card(session, label)?;
            meet_holder(session, holder.as_deref())
        }
        Change::DropLabel { label: text, .. } => label(session, text).map(drop),
        Change::Bear {
            code, label: text, ..
        }
        | Change::Shed {
            code, label: text, ..
        } => {
            place(session, code)?;
            label(session, text).map(drop)
        }
        Change::Badge { code, card: it, .. } => {
            place(session, code)?;
            it.as_ref().map_or(Ok(()), |it| card(session, it).map(drop))
        }
        Change::MoveSeat {
            place: from,
            number,
            to,
            ..
        } => {
            place(session, to)?;
            seat(session, from, *number).map(drop)
        }
        Change::PassName { code, other, .. } => {
            place(session, code)?;
            place(session, other).map(drop)
        }
        _ => Ok(()),
    }
}

fn meet_holder(session: &mut Session, holder: Option<&str>) -> Result<()> {
    match optional_place(session, holder)? {
        Some(holder) => session.load(holder, Place::CARD).map(drop),
        None => Ok(()),
    }
}

fn optional_place(session: &mut Session, code: Option<&str>) -> Result<Option<Handle<Place>>> {
    code.map(|code| place(session, code)).transpose()
}

/// Makes a change in a hook, neither by a column nor by a statement, because these would need a flush.
pub(super) fn hook_work(session: &mut Session, change: &Change) -> Result<()> {
    let turn = |way: usize| way / 8 % 4;
    let mut change = change.clone();
    match &mut change {
        Change::Panic { .. } => std::panic::panic_any(PANIC),
        Change::Rank { .. }
        | Change::Rename { .. }
        | Change::Note { .. }
        | Change::Guest { .. }
        | Change::Stamp { .. } => {
            return plainly(session, &change);
        }
        Change::DropCard { way, .. } | Change::DropLabel { way, .. } => *way = 0,
        Change::Move { way, .. }
        | Change::DropSeat { way, .. }
        | Change::Bear { way, .. }
        | Change::Shed { way, .. }
        | Change::Badge { way, .. }
        | Change::MoveSeat { way, .. } => *way = turn(*way) % 2,
        Change::AddPlace { way, .. }
        | Change::AddSeat { way, .. }
        | Change::AddCard { way, .. } => {
            *way = 1 + turn(*way) % 3;
        }
        _ => {}
    }
    by_its_way(session, &change, &Unflushed::default())
}
