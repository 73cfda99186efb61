//! Pairs of many-to-many relations that were added or removed since the last flush.

use rustc_hash::FxHashMap;

use crate::session::memory::edges::ObjectId;

/// A row of an association table: the table's index in the session, and the objects at both ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Pair {
    pub(crate) association: u16,
    pub(crate) left: ObjectId,
    pub(crate) right: ObjectId,
}

/// A change of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) wanted: Wanted,
    /// Whether the row exists; `None` if unknown, because neither side is loaded.
    pub(crate) known: Option<bool>,
    /// When it was first requested.
    at: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Together,
    Apart,
}

/// The unflushed changes.
#[derive(Debug, Default)]
pub(crate) struct Pairs {
    changes: FxHashMap<Pair, Change>,
    /// The changes that each object may take part in.
    by_end: FxHashMap<ObjectId, Vec<Pair>>,
    count: u64,
}

impl Pairs {
    pub(crate) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    pub(crate) fn get(&self, pair: Pair) -> Option<Change> {
        self.changes.get(&pair).copied()
    }

    /// Requests that a pair be added or removed. `known` is used only the first time; a request that matches the row is not a change.
    pub(crate) fn request(&mut self, pair: Pair, wanted: Wanted, known: Option<bool>) {
        self.count += 1;
        let change = self.changes.entry(pair).or_insert_with(|| {
            for end in [pair.left, pair.right] {
                self.by_end.entry(end).or_default().push(pair);
            }
            Change {
                wanted,
                known,
                at: self.count,
            }
        });
        change.wanted = wanted;
        if change.is_done() {
            self.changes.remove(&pair);
        }
    }

    /// Records whether the row of a pair exists, if that was unknown.
    pub(crate) fn set_known(&mut self, pair: Pair, is_there: bool) {
        let Some(change) = self.changes.get_mut(&pair) else {
            return;
        };
        change.known.get_or_insert(is_there);
        if change.is_done() {
            self.changes.remove(&pair);
        }
    }

    /// All changes, in the order in which they were first requested.
    pub(crate) fn in_order(&self) -> Vec<(Pair, Change)> {
        in_order(self.changes.iter().map(|(&pair, &change)| (pair, change)))
    }

    /// The changes of an object, in the order in which they were first requested.
    pub(crate) fn of(&self, node: ObjectId) -> Vec<(Pair, Change)> {
        in_order(self.at(node))
    }

    /// Whether an object takes part in a changed pair.
    pub(crate) fn touch(&self, node: ObjectId) -> bool {
        self.at(node).next().is_some()
    }

    /// Removes and returns the changes of an object, in order.
    pub(crate) fn take(&mut self, node: ObjectId) -> Vec<(Pair, Change)> {
        let taken = self.of(node);
        self.by_end.remove(&node);
        for (pair, _) in &taken {
            self.changes.remove(pair);
        }
        taken
    }

    pub(crate) fn clear(&mut self) {
        self.changes.clear();
        self.by_end.clear();
    }

    fn at(&self, node: ObjectId) -> impl Iterator<Item = (Pair, Change)> {
        let pairs = self.by_end.get(&node).into_iter().flatten();
        pairs.filter_map(|&pair| Some((pair, *self.changes.get(&pair)?)))
    }
}

fn in_order(changes: impl Iterator<Item = (Pair, Change)>) -> Vec<(Pair, Change)> {
    let mut all: Vec<_> = changes.collect();
    all.sort_unstable_by_key(|(_, change)| change.at);
    // A change that was reverted and made again is listed twice.
    all.dedup_by_key(|(_, change)| change.at);
    all
}

impl Change {
    fn is_done(self) -> bool {
        self.known == Some(self.wanted == Wanted::Together)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAIR: Pair = Pair {
        association: 0,
        left: (0, 1),
        right: (1, 2),
    };

    #[test]
    fn a_request_that_matches_the_row_is_not_a_change() {
        let mut pairs = Pairs::default();
        pairs.request(PAIR, Wanted::Together, Some(true));
        assert!(pairs.is_empty());
        pairs.request(PAIR, Wanted::Apart, Some(true));
        pairs.request(PAIR, Wanted::Together, Some(false));
        assert!(pairs.is_empty());
    }

    #[test]
    fn unknown_pairs_are_resolved() {
        let mut pairs = Pairs::default();
        pairs.request(PAIR, Wanted::Together, None);
        pairs.request(PAIR, Wanted::Apart, Some(true));
        assert_eq!(pairs.get(PAIR).map(|change| change.known), Some(None));
        pairs.set_known(PAIR, true);
        assert_eq!(pairs.in_order().len(), 1);
        pairs.request(PAIR, Wanted::Together, None);
        assert!(pairs.is_empty());
    }

    #[test]
    fn a_change_that_was_taken_back_and_made_again_is_one() {
        let mut pairs = Pairs::default();
        let other = Pair {
            right: (1, 1),
            ..PAIR
        };
        pairs.request(PAIR, Wanted::Together, Some(false));
        pairs.request(PAIR, Wanted::Apart, None);
        pairs.request(other, Wanted::Together, None);
        pairs.request(PAIR, Wanted::Together, Some(false));
        let ends: Vec<ObjectId> = pairs
            .of((0, 1))
            .iter()
            .map(|(pair, _)| pair.right)
            .collect();
        assert_eq!(ends, [(1, 1), (1, 2)]);
        pairs.clear();
        assert!(pairs.is_empty() && !pairs.touch((0, 1)));
    }

    #[test]
    fn the_changes_of_an_object_are_taken_in_order() {
        let mut pairs = Pairs::default();
        let other = Pair {
            right: (1, 1),
            ..PAIR
        };
        pairs.request(PAIR, Wanted::Together, Some(false));
        pairs.request(other, Wanted::Apart, Some(true));
        let ends = |pairs: &[(Pair, Change)]| -> Vec<ObjectId> {
            pairs.iter().map(|(pair, _)| pair.right).collect()
        };
        assert_eq!(ends(&pairs.in_order()), [(1, 2), (1, 1)]);
        assert!(pairs.touch((0, 1)) && !pairs.touch((0, 2)));
        assert_eq!(ends(&pairs.take((1, 2))), [(1, 2)]);
        assert_eq!(ends(&pairs.take((0, 1))), [(1, 1)]);
        assert!(pairs.is_empty());
    }
}
