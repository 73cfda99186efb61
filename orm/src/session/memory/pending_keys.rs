//! The keys of objects that wait to be inserted, for who looks for one by its key.

use std::hash::Hash;

use rustc_hash::FxHashMap;

/// Slots by the key that each had when it was last looked at. Kept from the first look-up to the next flush.
#[derive(Debug)]
pub(in crate::session) struct PendingKeys<K> {
    slots: FxHashMap<K, u32>,
    /// So many of the list of pending objects have been looked at.
    position: usize,
    /// Those that were written to since.
    written: Vec<u32>,
}

impl<K: Hash + Eq> PendingKeys<K> {
    pub(in crate::session) fn get(&self, key: &K) -> Option<u32> {
        self.slots.get(key).copied()
    }

    pub(in crate::session) fn position(&self) -> usize {
        self.position
    }

    /// What must be looked at: `new` pending objects, and those that were written to.
    pub(in crate::session) fn unknown(&mut self, new: &[u32]) -> Vec<u32> {
        self.position += new.len();
        let mut unknown = std::mem::take(&mut self.written);
        unknown.extend(new);
        unknown
    }

    pub(in crate::session) fn insert(&mut self, key: K, slot: u32) {
        self.slots.entry(key).or_insert(slot);
    }

    /// A pending object was written to, maybe its key.
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
