//! Pairs of users and tags: in memory, in the transaction, and committed.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::program::Wanted;

/// A user and a tag.
pub(crate) type Pair = (usize, usize);

/// The pairs of users and tags.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pairs {
    /// The rows that the transaction sees.
    pub(super) rows: BTreeSet<Pair>,
    pub(super) committed: BTreeSet<Pair>,
    /// Unflushed changes.
    changes: BTreeMap<Pair, Change>,
}

#[derive(Clone, Copy, Debug)]
struct Change {
    wanted: Wanted,
    /// The first unflushed change. If it unrelates the pair, the two were related.
    first: Wanted,
}

impl Pairs {
    /// Returns whether they are related, according to memory.
    pub(crate) fn are_together(&self, pair: Pair) -> bool {
        match self.changes.get(&pair) {
            Some(change) => change.wanted == Wanted::Together,
            None => self.rows.contains(&pair),
        }
    }

    pub(crate) fn are_committed(&self, pair: Pair) -> bool {
        self.committed.contains(&pair)
    }

    /// Returns all related pairs, according to memory.
    pub(crate) fn together(&self) -> impl Iterator<Item = Pair> {
        let added = self
            .changes
            .keys()
            .filter(|pair| !self.rows.contains(*pair));
        self.rows
            .iter()
            .chain(added)
            .copied()
            .filter(|&pair| self.are_together(pair))
    }

    /// Returns the rows of the association table.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Pair> {
        self.rows.iter().copied()
    }

    pub(super) fn want(&mut self, pair: Pair, wanted: Wanted) {
        let first = self.changes.get(&pair).map_or(wanted, |known| known.first);
        self.changes.insert(pair, Change { wanted, first });
        // They were related in memory before, and are related again: there is nothing to flush.
        if first == Wanted::Apart && wanted == Wanted::Together {
            self.changes.remove(&pair);
        }
    }

    /// Returns the unflushed changes, and for each whether it is an error if the rows already have it.
    pub(super) fn changes(&self) -> impl Iterator<Item = (Pair, Wanted, bool)> {
        self.changes
            .iter()
            .map(|(&pair, change)| (pair, change.wanted, change.first == Wanted::Apart))
    }

    /// Drops unflushed changes of an object.
    pub(super) fn forget_changes_of(&mut self, object: usize) {
        self.changes
            .retain(|&(user, tag), _| user != object && tag != object);
    }

    pub(super) fn forget_changes(&mut self) {
        self.changes.clear();
    }

    /// Removes an object's rows.
    pub(super) fn sever(&mut self, object: usize) {
        self.rows
            .retain(|&(user, tag)| user != object && tag != object);
    }

    /// Another session commits a change.
    pub(super) fn outside(&mut self, change: impl FnOnce(&mut BTreeSet<Pair>)) {
        change(&mut self.committed);
        self.rows.clone_from(&self.committed);
    }
}
