//! Generates changes, and applies them to the model's rows.

mod apply;
mod references;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

/// The rows of the model.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Rows {
    pub(super) places: BTreeMap<String, Place>,
    /// The guest of each seat.
    pub(super) seats: BTreeMap<(String, i32), Option<String>>,
    /// The cards, by their labels, which never change.
    pub(super) cards: BTreeMap<String, Card>,
    pub(super) labels: BTreeSet<String>,
    /// The labels of each place.
    pub(super) pairs: BTreeSet<(String, String)>,
    /// The seats of bookings, by their texts, which never change.
    pub(super) bookings: BTreeMap<String, Option<(String, i32)>>,
    /// The places of signs, by their texts, which never change.
    pub(super) signs: BTreeMap<String, Option<String>>,
    /// The number of codes and labels assigned.
    made: usize,
    /// Codes that may be reused: those of deleted places, and previous codes of other places.
    free: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Place {
    pub(super) name: Option<String>,
    pub(super) rank: i32,
    pub(super) note: Option<String>,
    pub(super) parent: Option<String>,
    /// The label of a card.
    pub(super) badge: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Card {
    pub(super) holder: Option<String>,
    pub(super) stamp: Option<(String, i32)>,
}

/// The kind of a generated change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    AddPlace,
    AddPlaceAgain,
    Rename,
    Rank,
    Move,
    Rekey,
    DeletePlace,
    AddSeat,
    Guest,
    DropSeat,
    ReplaceSeats,
    AddCard,
    Hold,
    Stamp,
    DropCard,
    AddLabel,
    DropLabel,
    Bear,
    Shed,
    Merge,
    Expunge,
    Flush,
    Clear,
    ExpireAll,
    Refresh,
    Load,
    Savepoint,
    EndSavepoint,
    Undo,
    Commit,
    Rollback,
    SwapNames,
    PassName,
    PassCode,
    SwapCards,
    Badge,
    Renumber,
    Shift,
    MoveSeat,
    MergeSeat,
    Retext,
    Outside,
    Note,
    Filter,
    Panic,
    AddSign,
    Point,
    AddBooking,
    Book,
    Blind,
    Override,
    InsertAll,
}

pub(super) const ALL: [(u32, What, &str); 52] = [
    (10, What::AddPlace, "place"),
    (4, What::AddPlaceAgain, "again"),
    (8, What::Rename, "name"),
    (10, What::Rank, "rank"),
    (8, What::Move, "move"),
    (3, What::Rekey, "rekey"),
    (4, What::DeletePlace, "delete"),
    (9, What::AddSeat, "seat"),
    (8, What::Guest, "guest"),
    (5, What::DropSeat, "unseat"),
    (4, What::ReplaceSeats, "reseat"),
    (5, What::AddCard, "card"),
    (7, What::Hold, "hold"),
    (5, What::Stamp, "stamp"),
    (2, What::DropCard, "uncard"),
    (4, What::AddLabel, "label"),
    (2, What::DropLabel, "unlabel"),
    (9, What::Bear, "bear"),
    (5, What::Shed, "shed"),
    (3, What::Merge, "merge"),
    (3, What::Expunge, "expunge"),
    (5, What::Flush, "flush"),
    (1, What::Clear, "clear"),
    (3, What::ExpireAll, "expire"),
    (3, What::Refresh, "refresh"),
    (5, What::Load, "load"),
    (5, What::Savepoint, "savepoint"),
    (5, What::EndSavepoint, "release"),
    (3, What::Undo, "undo"),
    (6, What::Commit, "commit"),
    (3, What::Rollback, "rollback"),
    (3, What::SwapNames, "swap"),
    (4, What::PassName, "pass"),
    (3, What::PassCode, "chain"),
    (4, What::SwapCards, "exchange"),
    (5, What::Badge, "badge"),
    (4, What::Renumber, "renumber"),
    (3, What::Shift, "shift"),
    (5, What::MoveSeat, "moveseat"),
    (3, What::MergeSeat, "mergeseat"),
    (3, What::Retext, "retext"),
    (6, What::Outside, "outside"),
    (8, What::Note, "note"),
    (4, What::Filter, "filter"),
    (2, What::Panic, "panic"),
    (5, What::AddSign, "sign"),
    (6, What::Point, "point"),
    (5, What::AddBooking, "booking"),
    (7, What::Book, "book"),
    (6, What::Blind, "blind"),
    (4, What::Override, "override"),
    (4, What::InsertAll, "insertall"),
];

/// The changes that another session makes.
const OUTSIDE: [What; 21] = [
    What::Rename,
    What::Rank,
    What::Move,
    What::Rekey,
    What::DeletePlace,
    What::AddSeat,
    What::Guest,
    What::DropSeat,
    What::Hold,
    What::Stamp,
    What::DropCard,
    What::Bear,
    What::Shed,
    What::DropLabel,
    What::Renumber,
    What::MoveSeat,
    What::Badge,
    What::PassName,
    What::Note,
    What::Point,
    What::Book,
];

/// A generated change: its numbers select among the existing rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Draw {
    pub(super) what: What,
    pub(super) which: usize,
    pub(super) other: usize,
    pub(super) way: usize,
}

pub(super) fn draws() -> impl Strategy<Value = Draw> {
    let weighted: Vec<What> = ALL
        .iter()
        .flat_map(|&(weight, what, _)| {
            std::iter::repeat_n(what, usize::try_from(weight).unwrap_or_default())
        })
        .collect();
    (
        proptest::sample::select(weighted),
        0..40_usize,
        0..40_usize,
        0..40_usize,
    )
        .prop_map(|(what, which, other, way)| Draw {
            what,
            which,
            other,
            way,
        })
}

/// A change of rows, given by their keys, and its mechanism.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    AddPlace {
        code: String,
        name: Option<String>,
        parent: Option<String>,
        way: usize,
    },
    Rename {
        code: String,
        name: Option<String>,
        way: usize,
    },
    Rank {
        code: String,
        rank: i32,
        way: usize,
    },
    Move {
        code: String,
        parent: Option<String>,
        way: usize,
    },
    Rekey {
        code: String,
        new: String,
    },
    DeletePlace {
        code: String,
        way: usize,
    },
    AddSeat {
        place: String,
        number: i32,
        guest: Option<String>,
        way: usize,
    },
    Guest {
        place: String,
        number: i32,
        guest: Option<String>,
        way: usize,
    },
    DropSeat {
        place: String,
        number: i32,
        way: usize,
    },
    ReplaceSeats {
        place: String,
        numbers: Vec<i32>,
        guest: Option<String>,
    },
    AddCard {
        label: String,
        holder: Option<String>,
        way: usize,
    },
    Hold {
        label: String,
        holder: Option<String>,
        way: usize,
    },
    Stamp {
        label: String,
        stamp: Option<(String, i32)>,
        way: usize,
    },
    DropCard {
        label: String,
        way: usize,
    },
    AddLabel {
        label: String,
    },
    DropLabel {
        label: String,
        way: usize,
    },
    Bear {
        code: String,
        label: String,
        way: usize,
    },
    Shed {
        code: String,
        label: String,
        way: usize,
    },
    Merge {
        code: String,
        name: Option<String>,
        rank: i32,
    },
    Expunge {
        code: String,
    },
    Flush,
    Clear,
    ExpireAll,
    Refresh {
        code: String,
    },
    Load {
        code: String,
        way: usize,
    },
    Savepoint,
    EndSavepoint {
        keep: bool,
    },
    Commit,
    Rollback,
    /// Swaps the names of two places in one flush.
    SwapNames {
        code: String,
        other: String,
    },
    /// The same swap, refused because signs that the session knows follow the names.
    RefusedSwap {
        code: String,
        other: String,
    },
    /// A place takes the name of another, which gets a new one.
    PassName {
        code: String,
        other: String,
        name: Option<String>,
        way: usize,
    },
    /// A place gets a new code, and another takes its old one.
    PassCode {
        code: String,
        new: String,
        other: String,
        way: usize,
    },
    /// Swaps the holders of two cards in one flush.
    SwapCards {
        label: String,
        other: String,
        way: usize,
    },
    Badge {
        code: String,
        card: Option<String>,
        way: usize,
    },
    Renumber {
        place: String,
        number: i32,
        to: i32,
    },
    /// Gives every seat of a place the number after its own.
    Shift {
        place: String,
        way: usize,
    },
    MoveSeat {
        place: String,
        number: i32,
        to: String,
        way: usize,
    },
    MergeSeat {
        place: String,
        number: i32,
        guest: Option<String>,
    },
    Retext {
        label: String,
        new: String,
    },
    /// Commits; then another session makes a change and commits.
    Outside(Box<Change>),
    /// The note of a place, which is loaded on request.
    Note {
        code: String,
        note: Option<String>,
        way: usize,
    },
    /// Loads some members of a collection of every place, and compares them.
    Filter {
        way: usize,
    },
    /// Panics in a hook of a flush; then the transaction is rolled back.
    Panic {
        way: usize,
    },
    AddSign {
        text: String,
        code: Option<String>,
    },
    /// Gives a sign the name of another place, or none.
    Point {
        text: String,
        code: Option<String>,
        way: usize,
    },
    AddBooking {
        text: String,
        seat: Option<(String, i32)>,
        way: usize,
    },
    Book {
        text: String,
        seat: Option<(String, i32)>,
        way: usize,
    },
    /// Moves a place by an expression.
    Blind {
        code: String,
        parent: Option<String>,
        way: usize,
    },
    /// Sets the rank to an expression, and then to a value.
    Override {
        code: String,
        first: i32,
        rank: i32,
    },
    /// Inserts places as rows without objects, and may read them.
    InsertAll {
        codes: Vec<String>,
        parent: Option<String>,
        way: usize,
    },
}

const NAMES: [&str; 4] = ["ash", "birch", "cedar", "dill"];
const LABELS: [&str; 3] = ["blue", "green", "red"];
const MORE_LABELS: [&str; 5] = ["blue", "green", "red", "grey", "white"];
const DEEPEST: usize = 3;
const MOST_PLACES: usize = 7;

impl Rows {
    /// Returns the change for a draw; `None` if it is not possible.
    pub(super) fn resolve(&self, draw: &Draw, depth: usize) -> Option<Change> {
        let &Draw {
            what,
            which,
            other,
            way,
        } = draw;
        let pick = |which: usize| nth(self.places.keys(), which).cloned();
        let name = || {
            let free = NAMES.iter().filter(|name| {
                self.places
                    .values()
                    .all(|place| place.name.as_deref() != Some(**name))
            });
            (other % 5 != 0).then(|| nth(free, other).map(|name| (*name).to_owned()))?
        };
        Some(match what {
            What::AddPlace if self.places.len() < MOST_PLACES => Change::AddPlace {
                code: format!("p{}", self.made),
                name: name(),
                parent: if which % 3 == 0 { None } else { pick(which) },
                way,
            },
            What::AddPlaceAgain => Change::AddPlace {
                code: self.free.get(which % self.free.len().max(1))?.clone(),
                name: name(),
                parent: if which % 3 == 0 { None } else { pick(which) },
                way,
            },
            What::Rename => Change::Rename {
                code: pick(which)?,
                name: name(),
                way,
            },
            What::Rank => Change::Rank {
                code: pick(which)?,
                rank: i32::try_from(other % 4).unwrap_or_default(),
                way,
            },
            What::Move => {
                let code = pick(which)?;
                let parent = if other % 4 == 0 { None } else { pick(other) };
                let inside = parent
                    .as_ref()
                    .is_some_and(|parent| self.is_inside(parent, &code));
                // Cycles are rarer than trees.
                if inside && which % 2 == 0 {
                    return None;
                }
                Change::Move { code, parent, way }
            }
            What::Rekey => Change::Rekey {
                code: pick(which)?,
                new: match nth(self.free.iter(), way).filter(|_| other % 3 == 1) {
                    Some(free) => free.clone(),
                    None => format!("p{}", self.made),
                },
            },
            What::DeletePlace => Change::DeletePlace {
                code: pick(which)?,
                way,
            },
            What::AddSeat => {
                let place = pick(which)?;
                let number = i32::try_from(other % 4).unwrap_or_default();
                if self.seats.contains_key(&(place.clone(), number)) {
                    return None;
                }
                let guest = (way % 3 != 0).then(|| format!("guest {other}"));
                Change::AddSeat {
                    place,
                    number,
                    guest,
                    way,
                }
            }
            What::Guest => {
                let (place, number) = nth(self.seats.keys(), which)?.clone();
                let guest = (other % 4 != 0).then(|| format!("guest {}", other % 3));
                Change::Guest {
                    place,
                    number,
                    guest,
                    way,
                }
            }
            What::DropSeat => {
                let (place, number) = nth(self.seats.keys(), which)?.clone();
                // A DELETE statement does not release the bookings.
                if way % 4 >= 2 && self.is_booked(&place, Some(number)) {
                    return None;
                }
                Change::DropSeat { place, number, way }
            }
            What::ReplaceSeats => {
                let numbers = (0..4).filter(|number| (other >> number) % 2 == 1).collect();
                let guest = (way % 2 == 0).then(|| format!("guest {way}"));
                // It is up to the flush whether a new seat takes over the row of the old one, with its bookings.
                let place = pick(which).filter(|place| !self.is_booked(place, None))?;
                Change::ReplaceSeats {
                    place,
                    numbers,
                    guest,
                }
            }
            What::AddCard if self.cards.len() < MOST_PLACES => Change::AddCard {
                label: format!("card {}", self.made),
                holder: pick(which).filter(|code| self.card_of(code).is_none() && other % 3 != 0),
                way,
            },
            What::Hold => {
                let label = nth(self.cards.keys(), which)?.clone();
                let holder = if other % 4 == 0 { None } else { pick(other) };
                Change::Hold { label, holder, way }
            }
            What::Stamp => {
                let label = nth(self.cards.keys(), which)?.clone();
                let year = i32::try_from(other % 3).unwrap_or_default();
                let stamp = (other % 4 != 0).then(|| (format!("ink {}", way % 3), year));
                Change::Stamp { label, stamp, way }
            }
            What::DropCard => Change::DropCard {
                label: nth(self.cards.keys(), which)?.clone(),
                way,
            },
            What::AddLabel => {
                let mut new = LABELS.iter().filter(|label| !self.labels.contains(**label));
                Change::AddLabel {
                    label: (*new.next()?).to_owned(),
                }
            }
            What::DropLabel => Change::DropLabel {
                label: nth(self.labels.iter(), which)?.clone(),
                way,
            },
            What::Bear => {
                let (code, label) = (pick(which)?, nth(self.labels.iter(), other)?.clone());
                if self.pairs.contains(&(code.clone(), label.clone())) {
                    return None;
                }
                Change::Bear { code, label, way }
            }
            What::Shed => {
                let (code, label) = nth(self.pairs.iter(), which)?.clone();
                Change::Shed { code, label, way }
            }
            What::Merge => Change::Merge {
                code: pick(which)?,
                name: name(),
                rank: i32::try_from(way % 4).unwrap_or_default(),
            },
            What::Expunge => Change::Expunge { code: pick(which)? },
            What::Refresh => Change::Refresh { code: pick(which)? },
            What::Load => Change::Load {
                code: pick(which)?,
                way,
            },
            What::SwapNames => {
                let (code, other) = (pick(which)?, pick(other)?);
                if code == other {
                    return None;
                }
                self.swap(code, other)
            }
            What::PassName => {
                let (code, giver) = (pick(which)?, pick(way)?);
                if code == giver || self.places.get(&giver)?.name.is_none() {
                    return None;
                }
                Change::PassName {
                    code,
                    other: giver,
                    name: name(),
                    way,
                }
            }
            What::PassCode => {
                let (code, taker) = (pick(which)?, pick(other)?);
                if code == taker {
                    return None;
                }
                Change::PassCode {
                    code,
                    new: format!("p{}", self.made),
                    other: taker,
                    way,
                }
            }
            What::SwapCards => {
                let mut held = self.cards.iter().filter(|(_, card)| card.holder.is_some());
                let label = nth(held.by_ref(), which)?.0.clone();
                let held = self.cards.iter().filter(|(_, card)| card.holder.is_some());
                let other = nth(held, other)?.0.clone();
                if label == other {
                    return None;
                }
                Change::SwapCards { label, other, way }
            }
            What::Badge => Change::Badge {
                code: pick(which)?,
                card: nth(self.cards.keys(), other)
                    .filter(|_| other % 4 != 0)
                    .cloned(),
                way,
            },
            What::Renumber => {
                let (place, number) = nth(self.seats.keys(), which)?.clone();
                let to = i32::try_from(other % 6).unwrap_or_default();
                if self.seats.contains_key(&(place.clone(), to)) {
                    return None;
                }
                Change::Renumber { place, number, to }
            }
            What::Shift => Change::Shift {
                place: nth(self.seats.keys(), which)?.0.clone(),
                way,
            },
            What::MoveSeat => {
                let (place, number) = nth(self.seats.keys(), which)?.clone();
                let to = pick(other)?;
                if self.seats.contains_key(&(to.clone(), number)) {
                    return None;
                }
                Change::MoveSeat {
                    place,
                    number,
                    to,
                    way,
                }
            }
            What::MergeSeat => Change::MergeSeat {
                place: pick(which).filter(|place| !self.is_booked(place, None))?,
                number: i32::try_from(other % 4).unwrap_or_default(),
                guest: (way % 3 != 0).then(|| format!("guest {other}")),
            },
            What::Retext => {
                let label = nth(self.labels.iter(), which)?.clone();
                let unused = MORE_LABELS.iter();
                let mut unused = unused.filter(|label| !self.labels.contains(**label));
                Change::Retext {
                    label,
                    new: (*nth(unused.by_ref(), other)?).to_owned(),
                }
            }
            What::Outside if depth == 0 => {
                let inner = Draw {
                    what: OUTSIDE[other % OUTSIDE.len()],
                    which,
                    other: way,
                    way: which + other,
                };
                Change::Outside(Box::new(self.resolve(&inner, depth)?))
            }
            What::Note => Change::Note {
                code: pick(which)?,
                note: (other % 4 != 0).then(|| format!("note {other}")),
                way,
            },
            What::Filter => Change::Filter { way },
            What::Panic if depth == 0 => Change::Panic { way },
            What::Flush => Change::Flush,
            What::Clear => Change::Clear,
            What::ExpireAll => Change::ExpireAll,
            What::Savepoint if depth < DEEPEST => Change::Savepoint,
            What::EndSavepoint if depth > 0 => Change::EndSavepoint { keep: true },
            What::Undo if depth > 0 => Change::EndSavepoint { keep: false },
            What::Commit if depth == 0 => Change::Commit,
            What::Rollback if depth == 0 => Change::Rollback,
            _ => return self.resolve_reference(draw),
        })
    }

    /// Returns whether a place is the other place, or inside it.
    fn is_inside(&self, code: &str, other: &str) -> bool {
        let (mut at, mut met) = (Some(code), BTreeSet::new());
        while let Some(code) = at.filter(|code| met.insert(*code)) {
            if code == other {
                return true;
            }
            at = self
                .places
                .get(code)
                .and_then(|place| place.parent.as_deref());
        }
        false
    }
}

/// Selects a candidate by a number of any size.
fn nth<T>(candidates: impl Iterator<Item = T>, which: usize) -> Option<T> {
    let mut candidates: Vec<T> = candidates.collect();
    let count = candidates.len();
    (count > 0).then(|| candidates.swap_remove(which % count))
}
