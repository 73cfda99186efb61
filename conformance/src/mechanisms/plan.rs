//! Generates changes, and applies them to the model's rows.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

/// The rows of the model.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Rows {
    pub(super) places: BTreeMap<String, Place>,
    /// The guest of each seat.
    pub(super) seats: BTreeMap<(String, i32), Option<String>>,
    /// By their labels, which never change.
    pub(super) cards: BTreeMap<String, Card>,
    pub(super) labels: BTreeSet<String>,
    /// The labels of each place.
    pub(super) pairs: BTreeSet<(String, String)>,
    /// The number of codes and labels assigned.
    made: usize,
    /// Deleted codes that may be reused.
    free: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Place {
    pub(super) name: Option<String>,
    pub(super) rank: i32,
    pub(super) parent: Option<String>,
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
}

pub(super) const ALL: [(u32, What, &str); 31] = [
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
];

/// A generated change: numbers select among existing rows.
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

/// A change, on rows by their keys, and its mechanism.
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
}

const NAMES: [&str; 4] = ["ash", "birch", "cedar", "dill"];
const LABELS: [&str; 3] = ["blue", "green", "red"];
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
                if inside {
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
                Change::DropSeat { place, number, way }
            }
            What::ReplaceSeats => {
                let numbers = (0..4).filter(|number| (other >> number) % 2 == 1).collect();
                let guest = (way % 2 == 0).then(|| format!("guest {way}"));
                Change::ReplaceSeats {
                    place: pick(which)?,
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
            What::Flush => Change::Flush,
            What::Clear => Change::Clear,
            What::ExpireAll => Change::ExpireAll,
            What::Savepoint if depth < DEEPEST => Change::Savepoint,
            What::EndSavepoint if depth > 0 => Change::EndSavepoint { keep: true },
            What::Undo if depth > 0 => Change::EndSavepoint { keep: false },
            What::Commit if depth == 0 => Change::Commit,
            What::Rollback if depth == 0 => Change::Rollback,
            _ => return None,
        })
    }

    /// Returns whether a place is the other one, or inside it.
    fn is_inside(&self, code: &str, other: &str) -> bool {
        let mut at = Some(code);
        while let Some(code) = at {
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

    pub(super) fn card_of(&self, code: &str) -> Option<&String> {
        let mut cards = self.cards.iter();
        let held = cards.find(|(_, card)| card.holder.as_deref() == Some(code));
        held.map(|(label, _)| label)
    }

    /// Numbers for added rows: never reused, even after a rollback.
    pub(super) fn begin_next(&mut self) {
        self.made += 1;
    }

    pub(super) fn apply(&mut self, change: &Change) {
        match change.clone() {
            Change::AddPlace {
                code, name, parent, ..
            } => {
                self.free.retain(|free| *free != code);
                self.places.insert(
                    code,
                    Place {
                        name,
                        rank: 0,
                        parent,
                    },
                );
            }
            Change::Rename { code, name, .. } => self.change(&code, |place| place.name = name),
            Change::Rank { code, rank, .. } => self.change(&code, |place| place.rank = rank),
            Change::Move { code, parent, .. } => self.change(&code, |place| place.parent = parent),
            Change::Rekey { code, new } => self.rekey(&code, &new),
            Change::DeletePlace { code, .. } => {
                self.places.remove(&code);
                self.pairs.retain(|(place, _)| *place != code);
                self.seats.retain(|(place, _), _| *place != code);
                for place in self.places.values_mut() {
                    place.parent.take_if(|parent| *parent == code);
                }
                for card in self.cards.values_mut() {
                    card.holder.take_if(|holder| *holder == code);
                }
                self.free.push(code);
            }
            Change::AddSeat {
                place,
                number,
                guest,
                ..
            } => {
                self.seats.insert((place, number), guest);
            }
            Change::Guest {
                place,
                number,
                guest,
                ..
            } => {
                self.seats.insert((place, number), guest);
            }
            Change::DropSeat { place, number, .. } => {
                self.seats.remove(&(place, number));
            }
            Change::ReplaceSeats {
                place,
                numbers,
                guest,
            } => {
                self.seats.retain(|(other, _), _| *other != place);
                for number in numbers {
                    self.seats.insert((place.clone(), number), guest.clone());
                }
            }
            Change::AddCard { label, holder, .. } => {
                self.cards.insert(
                    label,
                    Card {
                        holder,
                        stamp: None,
                    },
                );
            }
            Change::Hold { label, holder, .. } => {
                if let Some(other) = holder
                    .as_deref()
                    .and_then(|code| self.card_of(code))
                    .cloned()
                    && let Some(card) = self.cards.get_mut(&other)
                {
                    card.holder = None;
                }
                if let Some(card) = self.cards.get_mut(&label) {
                    card.holder = holder;
                }
            }
            Change::Stamp { label, stamp, .. } => {
                if let Some(card) = self.cards.get_mut(&label) {
                    card.stamp = stamp;
                }
            }
            Change::DropCard { label, .. } => {
                self.cards.remove(&label);
            }
            Change::AddLabel { label } => {
                self.labels.insert(label);
            }
            Change::DropLabel { label, .. } => {
                self.pairs.retain(|(_, other)| *other != label);
                self.labels.remove(&label);
            }
            Change::Bear { code, label, .. } => {
                self.pairs.insert((code, label));
            }
            Change::Shed { code, label, .. } => {
                self.pairs.remove(&(code, label));
            }
            Change::Merge { code, name, rank } => self.change(&code, |place| {
                place.name = name;
                place.rank = rank;
            }),
            _ => {}
        }
    }

    fn change(&mut self, code: &str, change: impl FnOnce(&mut Place)) {
        if let Some(place) = self.places.get_mut(code) {
            change(place);
        }
    }

    fn rekey(&mut self, code: &str, new: &str) {
        if let Some(place) = self.places.remove(code) {
            self.places.insert(new.to_owned(), place);
        }
        for place in self.places.values_mut() {
            if place.parent.as_deref() == Some(code) {
                place.parent = Some(new.to_owned());
            }
        }
        for card in self.cards.values_mut() {
            if card.holder.as_deref() == Some(code) {
                card.holder = Some(new.to_owned());
            }
        }
        self.free.retain(|free| free != new);
        let followed = |place: String| if place == code { new.to_owned() } else { place };
        let pairs = std::mem::take(&mut self.pairs).into_iter();
        self.pairs = pairs
            .map(|(place, label)| (followed(place), label))
            .collect();
        let seats = std::mem::take(&mut self.seats);
        self.seats = seats
            .into_iter()
            .map(|((place, number), guest)| ((followed(place), number), guest))
            .collect();
    }
}

/// Selects a candidate by a number of any size.
fn nth<T>(candidates: impl Iterator<Item = T>, which: usize) -> Option<T> {
    let mut candidates: Vec<T> = candidates.collect();
    let count = candidates.len();
    (count > 0).then(|| candidates.swap_remove(which % count))
}
