//! An ordered set of slots: in insertion order, with lookup and removal in constant time.

use rustc_hash::FxHashMap;

/// Replaces a removed slot, so that other positions stay the same.
const GONE: u32 = u32::MAX;
/// Up to this many slots are searched linearly.
const FEW: usize = 8;

/// Slots of one store, each at most once.
#[derive(Clone, Debug, Default)]
pub(crate) struct OrderedSet {
    slots: Vec<u32>,
    gone: usize,
    /// The position of each slot, built on the first lookup among more than a few.
    positions: Option<Box<FxHashMap<u32, usize>>>,
}

impl OrderedSet {
    fn len(&self) -> usize {
        self.slots.len() - self.gone
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = u32> + '_ {
        self.slots.iter().copied().filter(|&slot| slot != GONE)
    }

    pub(crate) fn to_vec(&self) -> Vec<u32> {
        let mut all = Vec::with_capacity(self.len());
        all.extend(self.iter());
        all
    }

    pub(crate) fn contains(&self, slot: u32) -> bool {
        match &self.positions {
            Some(positions) => positions.contains_key(&slot),
            None => self.slots.contains(&slot),
        }
    }

    /// Adds a slot at the end; returns whether it is new.
    pub(crate) fn push(&mut self, slot: u32) -> bool {
        if self.find(slot).is_some() {
            return false;
        }
        if let Some(positions) = &mut self.positions {
            positions.insert(slot, self.slots.len());
        }
        self.slots.push(slot);
        true
    }

    /// Removes a slot and returns its position. Other positions do not change.
    pub(crate) fn remove(&mut self, slot: u32) -> Option<usize> {
        let at = self.find(slot)?;
        if let Some(positions) = &mut self.positions {
            positions.remove(&slot);
        }
        self.slots[at] = GONE;
        self.gone += 1;
        Some(at)
    }

    /// Undoes the last [`push`](Self::push). The slot may have been removed permanently since.
    pub(crate) fn undo_push(&mut self) {
        match self.slots.pop() {
            Some(GONE) => self.gone -= 1,
            Some(slot) => {
                if let Some(positions) = &mut self.positions {
                    positions.remove(&slot);
                }
            }
            None => {}
        }
    }

    /// Undoes a [`remove`](Self::remove).
    pub(crate) fn undo_remove(&mut self, slot: u32, at: usize) {
        if let Some(place) = self.slots.get_mut(at).filter(|place| **place == GONE) {
            *place = slot;
            self.gone -= 1;
            if let Some(positions) = &mut self.positions {
                positions.insert(slot, at);
            }
        }
    }

    /// Closes gaps if there are more gaps than slots. Earlier changes cannot be undone afterwards.
    pub(crate) fn compact(&mut self) {
        if self.gone > self.len() {
            self.slots.retain(|&slot| slot != GONE);
            self.gone = 0;
            self.positions = None;
        }
    }

    fn find(&mut self, slot: u32) -> Option<usize> {
        if self.positions.is_none() && self.slots.len() <= FEW {
            return self.slots.iter().position(|&other| other == slot);
        }
        let positions = self.positions.get_or_insert_with(|| {
            let places = (0..).zip(&self.slots);
            let places = places.filter(|(_, slot)| **slot != GONE);
            Box::new(places.map(|(at, &slot)| (slot, at)).collect())
        });
        positions.get(&slot).copied()
    }
}

impl From<Vec<u32>> for OrderedSet {
    fn from(slots: Vec<u32>) -> Self {
        Self {
            slots,
            gone: 0,
            positions: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Change {
        Push(u32),
        Remove(u32),
        Compact,
    }

    fn changes() -> impl Strategy<Value = Vec<Change>> {
        let change = prop_oneof![
            5 => (0..40u32).prop_map(Change::Push),
            5 => (0..40u32).prop_map(Change::Remove),
            1 => Just(Change::Compact),
        ];
        proptest::collection::vec(change, 0..200)
    }

    #[test]
    fn gaps_are_closed_once_they_are_more_than_what_is_left() {
        let mut set = OrderedSet::from((0..8).collect::<Vec<_>>());
        for slot in 0..4 {
            set.remove(slot);
        }
        set.compact();
        assert_eq!(set.slots.len(), 8);
        set.remove(4);
        set.compact();
        assert_eq!((set.slots.len(), set.gone, set.len()), (3, 0, 3));
    }

    #[test]
    fn a_push_is_undone_though_its_slot_was_removed_for_good() {
        let mut set = OrderedSet::from(vec![1]);
        set.push(2);
        set.remove(2);
        set.undo_push();
        assert_eq!((set.to_vec(), set.len(), set.gone), (vec![1], 1, 0));
    }

    proptest! {
        #[test]
        fn it_is_a_set_in_order(changes in changes()) {
            let (mut set, mut model) = (OrderedSet::default(), Vec::new());
            for change in changes {
                match change {
                    Change::Push(slot) => {
                        prop_assert_eq!(set.push(slot), !model.contains(&slot));
                        if !model.contains(&slot) {
                            model.push(slot);
                        }
                    }
                    Change::Remove(slot) => {
                        prop_assert_eq!(set.remove(slot).is_some(), model.contains(&slot));
                        model.retain(|&other| other != slot);
                    }
                    Change::Compact => set.compact(),
                }
                prop_assert_eq!(&set.to_vec(), &model);
                prop_assert_eq!(set.len(), model.len());
                prop_assert!((0..40).all(|slot| set.contains(slot) == model.contains(&slot)));
            }
        }

        #[test]
        fn undoing_backwards_restores_the_set(before in changes(), after in changes()) {
            let mut set = OrderedSet::default();
            let mut log = Vec::new();
            for change in before.into_iter().chain([Change::Compact]) {
                match change {
                    Change::Push(slot) => drop(set.push(slot)),
                    Change::Remove(slot) => drop(set.remove(slot)),
                    Change::Compact => set.compact(),
                }
            }
            let kept = set.to_vec();
            for change in after {
                match change {
                    Change::Push(slot) if set.push(slot) => log.push((slot, None)),
                    Change::Remove(slot) => {
                        log.extend(set.remove(slot).map(|at| (slot, Some(at))));
                    }
                    _ => {}
                }
            }
            for (slot, at) in log.into_iter().rev() {
                match at {
                    Some(at) => set.undo_remove(slot, at),
                    None => set.undo_push(),
                }
            }
            prop_assert_eq!(set.to_vec(), kept);
        }
    }
}
