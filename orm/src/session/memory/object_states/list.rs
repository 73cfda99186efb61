//! Lists of slots from which an object leaves by a flag.

use super::Entry;
use crate::session::State;

/// Slots in the order of insertion. A removed slot stays in the list but does not count, which makes removal cheap.
#[derive(Debug, Default)]
pub(super) struct List {
    pub(super) slots: Vec<u32>,
    /// The number of slots that count.
    pub(super) count: usize,
}

impl List {
    pub(super) fn push(&mut self, slot: u32, entry: &mut Entry, flag: u8) {
        self.count += 1;
        if entry.flags & flag == 0 {
            entry.flags |= flag;
            self.slots.push(slot);
        }
    }
}

/// The slots of a list that count.
#[derive(Clone)]
pub(crate) struct Listed<'a> {
    pub(super) entries: &'a [Entry],
    pub(super) slots: std::slice::Iter<'a, u32>,
    pub(super) count: usize,
    pub(super) counts: Counts,
}

/// The condition for a slot of a list to count.
#[derive(Clone, Copy)]
pub(super) enum Counts {
    Pending,
    Flag(u8),
}

impl Counts {
    #[inline]
    fn has(self, entry: &Entry) -> bool {
        match self {
            Self::Pending => entry.state == State::Pending,
            Self::Flag(flag) => entry.flags & flag != 0,
        }
    }
}

impl<'a> Listed<'a> {
    pub(crate) fn iter(&self) -> Self {
        self.clone()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(crate) fn to_vec(&self) -> Vec<u32> {
        let mut all = Vec::with_capacity(self.count);
        all.extend(self.iter());
        all
    }

    pub(crate) fn contains(&self, slot: &u32) -> bool {
        let entry = self.entries.get(*slot as usize);
        entry.is_some_and(|entry| self.counts.has(entry))
    }
}

impl<'a> Iterator for Listed<'a> {
    type Item = &'a u32;

    #[inline]
    fn next(&mut self) -> Option<&'a u32> {
        let (entries, counts) = (self.entries, self.counts);
        self.slots
            .find(|&&slot| counts.has(&entries[slot as usize]))
    }
}
