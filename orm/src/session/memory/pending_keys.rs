//! An index of pending objects by key.

use std::hash::Hash;

use rustc_hash::FxHashMap;

/// Slots by the key that each had when it was last checked. Kept from the first lookup to the next flush.
#[derive(Debug)]
pub(in crate::session) struct PendingKeys<K> {
    slots: FxHashMap<K, u32>,
    /// The number of entries of the pending list that have been checked.
    position: usize,
    /// Pending objects written to since.
    written: Vec<u32>,
}

impl<K: Hash + Eq> PendingKeys<K> {
    pub(in crate::session) fn get(&self, key: &K) -> Option<u32> {
        self.slots.get(key).copied()
    }

    pub(in crate::session) fn position(&self) -> usize {
        self.position
    }

    /// The objects to check: `new` pending ones, and those written to.
    pub(in crate::session) fn unknown(&mut self, new: &[u32]) -> Vec<u32> {
        self.position += new.len();
        let mut unknown = std::mem::take(&mut self.written);
        unknown.extend(new);
        unknown
    }

    pub(in crate::session) fn insert(&mut self, key: K, slot: u32) {
        self.slots.entry(key).or_insert(slot);
    }

    /// Notes that a pending object, possibly its key, was written to.
    #[inline]
    pub(in crate::session) fn written(&mut self, slot: u32) {
        if self.position > 0 {
            self.written.push(slot);
        }
    }

    pub(in crate::session) fn clear(&mut self) {
        if self.position > 0 {
            *self = Self::default();
        }
    }
}

impl<K> Default for PendingKeys<K> {
    fn default() -> Self {
        Self {
            slots: FxHashMap::default(),
            position: 0,
            written: Vec::new(),
        }
    }
}
