//! The identity map: from keys to the slots of their objects.

use rustc_hash::FxHashMap;

use crate::entity::Key;

/// The slots by key. Integer keys close to each other, like generated keys, index a list; all others are hashed.
pub(in crate::session) struct IdentityMap<K> {
    /// The [`Key::position`] at which the list begins.
    base: usize,
    /// The slots by position; [`FREE`] if there is none.
    list: Vec<u32>,
    /// The number of entries in the list that are not free.
    listed: usize,
    /// The keys that are not in the list.
    hashed: FxHashMap<K, u32>,
}

const FREE: u32 = u32::MAX;

/// The list begins at the multiple of this at or below its first key. The gap before it is allocated, which costs a session of one
/// object most.
const STEP: usize = 64;

/// The list may have this many free positions, and up to [`SPARSE`] positions per key.
const ROOM: usize = 1024;
const SPARSE: usize = 4;

impl<K: Key> IdentityMap<K> {
    #[inline]
    pub(in crate::session) fn get(&self, key: &K) -> Option<u32> {
        if let Some(&slot) = self.index(key).and_then(|at| self.list.get(at))
            && slot != FREE
        {
            return Some(slot);
        }
        if self.hashed.is_empty() {
            return None;
        }
        self.hashed.get(key).copied()
    }

    /// Inserts a key that is not in the map.
    #[inline]
    pub(in crate::session) fn insert(&mut self, key: K, slot: u32) {
        if self.list.is_empty() {
            self.base = key.position().map_or(0, |at| at - at % STEP);
        }
        if let Some(at) = self.index(&key).filter(|_| slot != FREE) {
            if at == self.list.len() {
                self.list.push(slot);
                self.listed += 1;
                return;
            }
            if at < SPARSE * self.listed + ROOM {
                if at > self.list.len() {
                    self.list.resize(at + 1, FREE);
                }
                self.list[at] = slot;
                self.listed += 1;
                return;
            }
        }
        self.hashed.insert(key, slot);
    }

    /// Inserts a key unless it is in the map; returns whether it was inserted.
    #[inline]
    pub(in crate::session) fn insert_new(&mut self, key: K, slot: u32) -> bool {
        // Rows are usually read in the order of their keys.
        let follows = !self.list.is_empty() && self.index(&key) == Some(self.list.len());
        if follows && self.hashed.is_empty() && slot != FREE {
            self.list.push(slot);
            self.listed += 1;
            return true;
        }
        let is_new = self.get(&key).is_none();
        if is_new {
            self.insert(key, slot);
        }
        is_new
    }

    pub(in crate::session) fn remove(&mut self, key: &K) {
        if let Some(slot) = self.index(key).and_then(|at| self.list.get_mut(at))
            && *slot != FREE
        {
            *slot = FREE;
            self.listed -= 1;
            return;
        }
        self.hashed.remove(key);
    }

    #[inline]
    fn index(&self, key: &K) -> Option<usize> {
        key.position()?.checked_sub(self.base)
    }
}

impl<K> Default for IdentityMap<K> {
    fn default() -> Self {
        Self {
            base: 0,
            list: Vec::new(),
            listed: 0,
            hashed: FxHashMap::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    #[derive(Clone, Debug)]
    enum Change {
        Insert(i64, u32),
        Remove(i64),
    }

    fn changes() -> impl Strategy<Value = Vec<Change>> {
        let key = prop_oneof![
            4 => -2..40i64,
            2 => 1_000..9_000i64,
            1 => any::<i64>(),
        ];
        let slot = prop_oneof![9 => 0..50u32, 1 => Just(u32::MAX)];
        let change = prop_oneof![
            3 => (key.clone(), slot).prop_map(|(key, slot)| Change::Insert(key, slot)),
            1 => key.prop_map(Change::Remove),
        ];
        proptest::collection::vec(change, 0..400)
    }

    proptest! {
        #[test]
        fn it_is_a_map(changes in changes()) {
            let (mut map, mut model) = (IdentityMap::default(), HashMap::new());
            for change in changes {
                match change {
                    Change::Insert(key, slot) => {
                        let is_new = !model.contains_key(&key);
                        prop_assert_eq!(map.insert_new(key, slot), is_new);
                        model.entry(key).or_insert(slot);
                    }
                    Change::Remove(key) => {
                        map.remove(&key);
                        model.remove(&key);
                    }
                }
                for key in (-2..40).chain(model.keys().copied()) {
                    prop_assert_eq!(map.get(&key), model.get(&key).copied());
                }
            }
        }
    }

    #[test]
    fn far_keys_take_no_room() {
        let mut map = IdentityMap::default();
        map.insert(500_000, 1);
        assert_eq!((map.base % STEP, 500_000 - map.base < STEP), (0, true));
        map.insert(i64::MAX, 2);
        map.insert(3, 3);
        assert!(map.list.len() <= ROOM);
        (500_001..510_000).for_each(|key| map.insert(key, 4));
        assert!(map.list.len() <= 10_000 + ROOM);
        assert_eq!((map.listed, map.hashed.len()), (10_000, 2));
        (500_000..510_000).for_each(|key| map.remove(&key));
        assert_eq!((map.listed, map.hashed.len()), (0, 2));
        map.insert(500_003, 5);
        assert_eq!((map.listed, map.get(&500_003)), (1, Some(5)));
    }

    #[test]
    fn keys_are_listed_while_a_quarter_of_the_list_is_taken() {
        let hashed = |step: usize| {
            let mut map = IdentityMap::default();
            for slot in 0..3_000_u32 {
                map.insert(
                    i64::from(slot) * i64::try_from(step).expect("it is small"),
                    slot,
                );
            }
            map.hashed.len()
        };
        assert_eq!(hashed(SPARSE), 0);
        assert!(hashed(2 * SPARSE) > 2_000);
    }

    #[test]
    fn keys_other_than_integers_are_hashed() {
        let mut map = IdentityMap::default();
        map.insert("ann".to_owned(), 7);
        assert_eq!(map.get(&"ann".to_owned()), Some(7));
        assert_eq!(map.get(&"bob".to_owned()), None);
    }
}
