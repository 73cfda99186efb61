//! Which users and tags are together: in memory, in the transaction, and committed.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::program::Wanted;

/// A user and a tag.
pub(crate) type Pair = (usize, usize);

/// Users and tags that are together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pairs {
    /// As the transaction sees them.
    pub(super) rows: BTreeSet<Pair>,
    pub(super) committed: BTreeSet<Pair>,
    /// What was asked for and not flushed.
    changes: BTreeMap<Pair, Change>,
}

#[derive(Clone, Copy, Debug)]
struct Change {
    wanted: Wanted,
    /// What was asked for first: to take apart means that they were together.
    first: Wanted,
}

impl Pairs {
    /// Whether they are together, as far as memory knows.
    pub(crate) fn are_together(&self, pair: Pair) -> bool {
        match self.changes.get(&pair) {
            Some(change) => change.wanted == Wanted::Together,
            None => self.rows.contains(&pair),
        }
    }

    pub(crate) fn are_committed(&self, pair: Pair) -> bool {
        self.committed.contains(&pair)
    }

    /// All that are together, as far as memory knows.
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

    /// The rows of the association table.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Pair> {
        self.rows.iter().copied()
    }

    pub(super) fn want(&mut self, pair: Pair, wanted: Wanted) {
        let first = self.changes.get(&pair).map_or(wanted, |known| known.first);
        self.changes.insert(pair, Change { wanted, first });
        // They were together, it was thought, and shall be.
        if first == Wanted::Apart && wanted == Wanted::Together {
            self.changes.remove(&pair);
        }
    }

    /// What is asked for, and whether it is an error if it is so already.
    pub(super) fn changes(&self) -> impl Iterator<Item = (Pair, Wanted, bool)> {
        self.changes
            .iter()
            .map(|(&pair, change)| (pair, change.wanted, change.first == Wanted::Apart))
    }

    /// Drops what was asked for an object.
    pub(super) fn forget_changes_of(&mut self, object: usize) {
        self.changes
            .retain(|&(user, tag), _| user != object && tag != object);
    }

    pub(super) fn forget_changes(&mut self) {
        self.changes.clear();
    }

    /// Takes an object's rows away.
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
