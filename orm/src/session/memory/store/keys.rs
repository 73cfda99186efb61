//! The keys of a store's objects, in their rows and as set by the program.

use rustc_hash::FxHashMap;

use super::{REPLACED, Store};
use crate::entity::{Key, Mapped, Mapper};
use crate::error::{Error, ErrorKind, Result};
use crate::session::State;
use crate::session::memory::any_store::{AnyStore, HasKeys, Undoes};
use crate::session::memory::identity::IdentityMap;
use crate::session::memory::pending_keys::PendingKeys;
use crate::session::memory::snapshots::Snapshot;
use crate::session::memory::undo_log::UndoLog;
use crate::value::{Param, ValueRef};

impl<E: Mapped> Store<E> {
    /// The key of the row as it is in the database.
    pub(super) fn key(&self, slot: u32) -> Option<E::Key> {
        let key = self.new_key(slot);
        match self.objects.get(slot as usize)?.snapshot {
            // The identity map has the keys of rows: an object mapped by its current key has not changed it.
            Some(snapshot) if !self.is_mapped_by(key.as_ref(), slot) => self.key_before(snapshot),
            _ => key,
        }
    }

    /// The key of the object, which may differ from that of its row.
    pub(super) fn new_key(&self, slot: u32) -> Option<E::Key> {
        self.object_value(slot)?.key(&self.mapper)
    }

    /// Whether the identity map maps this key to the object.
    #[inline]
    pub(super) fn is_mapped_by(&self, key: Option<&E::Key>, slot: u32) -> bool {
        key.is_some_and(|key| self.keys.get(key) == Some(slot))
    }

    pub(super) fn key_before(&self, snapshot: Snapshot) -> Option<E::Key> {
        let value = |&column: &usize| {
            let value = self.snapshots.value(&self.mapper, snapshot, column);
            value.unwrap_or(ValueRef::Null)
        };
        // It was read as a key, so it converts again.
        match &self.mapper.table().primary_key[..] {
            [column] => E::Key::from_values(&[value(column)]).ok(),
            columns => {
                let values: Vec<ValueRef<'_>> = columns.iter().map(value).collect();
                E::Key::from_values(&values).ok()
            }
        }
    }

    pub(super) fn map_key(&mut self, slot: u32) -> Result<()> {
        let Some(key) = self.new_key(slot) else {
            return Ok(());
        };
        match self.keys.get(&key) {
            None => {
                self.keys.insert(key, slot);
                Ok(())
            }
            Some(mapped) if mapped == slot => Ok(()),
            Some(_) => Err(conflict(&self.mapper, &key)),
        }
    }

    /// After a deletion was undone: an object that got the same key in the meantime has a row that no longer exists.
    pub(super) fn forget_gone(&mut self, slot: u32) {
        if let Some(gone) = self.replaced_by(slot) {
            self.detach(gone);
            self.states.note_without_row(gone);
        }
    }

    /// Refuses a new row with the key of an object that is still to be written or deleted: its own row no longer exists, and the
    /// statements planned for it would affect the new row.
    pub(super) fn refuse_replaced(&self, slot: u32) -> Result<()> {
        let has_plans = |&gone: &u32| {
            self.states.is_marked_deleted(gone) || !(self as &dyn AnyStore).changed(gone).is_empty()
        };
        match self.replaced_by(slot).filter(has_plans) {
            Some(gone) => Err(self.replaced(gone)),
            None => Ok(()),
        }
    }

    /// The persistent object that has the same key as another, whose row was just written: its own row no longer exists.
    pub(super) fn replaced_by(&self, slot: u32) -> Option<u32> {
        let known = self.keys.get(&self.new_key(slot)?);
        known.filter(|&other| other != slot && self.states.state(other) == State::Persistent)
    }

    /// Releases the key of another object that the database gave to a row. Either the other's key was changed in the same statement, or
    /// its row no longer exists: then it must not be written, because that would affect this row.
    pub(super) fn release_key_to(&mut self, slot: u32, log: &mut UndoLog) -> Result<()> {
        let Some(key) = self.new_key(slot) else {
            return Ok(());
        };
        let Some(other) = self.keys.get(&key).filter(|&other| other != slot) else {
            return Ok(());
        };
        if self.new_key(other).as_ref() != Some(&key) {
            self.keys.remove(&key);
        } else if self.states.state(other) == State::Persistent
            && !self.states.is_marked_deleted(other)
        {
            if !(self as &dyn AnyStore).changed(other).is_empty() {
                return Err(self.replaced(other));
            }
            self.keys.remove(&key);
            self.restore(other);
            self.states.gone(other, log);
            self.states.note_without_row(other);
        }
        Ok(())
    }

    #[cold]
    fn replaced(&self, gone: u32) -> Error {
        Error::new(ErrorKind::StaleData, REPLACED)
            .entity(self.mapper.name())
            .key(self.key_text(gone))
    }

    /// Removes an object's key from the map, if it is mapped to this object.
    pub(super) fn forget_key(&mut self, slot: u32) {
        let Some(key) = self.key(slot) else {
            return;
        };
        if self.keys.get(&key) == Some(slot) {
            self.keys.remove(&key);
        }
    }

    /// Whether an object's row still has this key, but will get another one.
    fn releases(&self, slot: u32, key: &E::Key) -> bool {
        let object = &self.objects[slot as usize];
        let value = object.value.as_ref().filter(|_| object.snapshot.is_some());
        self.states.state(slot) == State::Persistent
            && value.is_some_and(|value| value.key(&self.mapper).as_ref() != Some(key))
    }

    /// The pending object that the index has for a key.
    fn indexed_as_pending(&mut self, wanted: &E::Key) -> Option<u32> {
        let mut pending_keys = std::mem::take(&mut self.pending_keys);
        for slot in pending_keys.unknown(self.states.pending_since(pending_keys.position())) {
            if let Some(key) = self.key(slot) {
                pending_keys.insert(key, slot);
            }
        }
        let found = pending_keys.get(wanted);
        self.pending_keys = pending_keys;
        found
    }

    /// The new objects that have a key, except those whose key is still open.
    fn given_keys(&self, is_open: &dyn Fn(u32) -> bool) -> impl Iterator<Item = (u32, E::Key)> {
        let pending = self.states.pending().copied();
        let keyed = pending.filter_map(|slot| Some((slot, self.key(slot)?)));
        keyed.filter(|(slot, _)| !is_open(*slot))
    }
}

impl<E: Mapped> HasKeys for Store<E> {
    fn find(&self, key: &[ValueRef<'_>]) -> Result<Option<u32>> {
        Ok(self.keys.get(&E::Key::from_values(key)?))
    }

    fn find_pending(&mut self, key: &[ValueRef<'_>]) -> Result<Option<u32>> {
        let wanted = E::Key::from_values(key)?;
        if self.states.pending().is_empty() {
            return Ok(None);
        }
        let has_key = |store: &Self, slot: u32| store.key(slot).as_ref() == Some(&wanted);
        let is_it = |store: &Self, slot: u32| {
            store.states.state(slot) == State::Pending && has_key(store, slot)
        };
        let found = self.indexed_as_pending(&wanted);
        if found.is_none_or(|slot| is_it(self, slot)) {
            return Ok(found);
        }
        // The object had the key when it was indexed, but another may have it now. The index is rebuilt, so that the next lookups find no
        // such object.
        self.pending_keys = PendingKeys::default();
        let found = self.indexed_as_pending(&wanted);
        Ok(match found.filter(|&slot| !is_it(self, slot)) {
            Some(_) => {
                let mut pending = self.states.pending().copied();
                pending.find(|&slot| has_key(self, slot))
            }
            None => found,
        })
    }

    fn pending_referred_to(
        &self,
        by: &dyn AnyStore,
        slots: &mut dyn FnMut() -> Vec<u32>,
        columns: &[usize],
    ) -> Result<Vec<(u32, u32)>> {
        let mut by_key: FxHashMap<E::Key, u32> = FxHashMap::default();
        // The others with the same key, parts of which are not known yet.
        let mut others: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
        for &slot in self.states.pending() {
            let Some(key) = self.key(slot) else {
                continue;
            };
            let first = *by_key.entry(key).or_insert(slot);
            if first != slot {
                others.entry(first).or_default().push(slot);
            }
        }
        let mut pairs = Vec::new();
        if by_key.is_empty() {
            return Ok(pairs);
        }
        for slot in slots() {
            let mut params = Vec::with_capacity(columns.len());
            by.values(slot, columns, &mut params);
            let values: Vec<ValueRef<'_>> = params.iter().filter_map(Param::value).collect();
            if values.len() < columns.len() || values.iter().any(|value| value.is_null()) {
                continue;
            }
            if let Some(&first) = by_key.get(&E::Key::from_values(&values)?) {
                let others = others.get(&first).into_iter().flatten();
                let found = std::iter::once(first).chain(others.copied());
                pairs.extend(found.map(|other| (slot, other)));
            }
        }
        Ok(pairs)
    }

    fn key_text(&self, slot: u32) -> String {
        self.key(slot)
            .map_or_else(|| "not generated yet".to_owned(), |key| format!("{key:?}"))
    }

    fn sort_by_key(&self, slots: &mut [u32]) {
        sort_by_key(slots, &|slot| self.key(slot));
    }

    fn rekeyed(&self) -> Vec<u32> {
        let differs = |&slot: &u32| {
            let object = &self.objects[slot as usize];
            let (Some(value), Some(before)) = (&object.value, object.snapshot) else {
                return false;
            };
            if self.is_mapped_by(value.key(&self.mapper).as_ref(), slot) {
                return false;
            }
            let is_same = |&column: &usize| {
                let now = value.value(&self.mapper, column);
                let before = self.snapshots.value(&self.mapper, before, column);
                now.value()
                    .zip(before)
                    .is_some_and(|(now, before)| now.same(before))
            };
            let key = &self.mapper.table().primary_key;
            !key.iter().all(is_same) && !self.states.is_marked_deleted(slot)
        };
        let touched = self.states.touched().iter().copied();
        touched.filter(differs).collect()
    }

    fn conflicting_keys(&self, is_open: &dyn Fn(u32) -> bool) -> Vec<u32> {
        let holders = self.given_keys(is_open).filter_map(|(_, key)| {
            let holder = self.keys.get(&key)?;
            (!self.releases(holder, &key)).then_some(holder)
        });
        holders.collect()
    }

    fn check_identities(&self, is_open: &dyn Fn(u32) -> bool) -> Result<()> {
        match duplicate(&self.keys, &mut self.given_keys(is_open), &|slot, key| {
            self.releases(slot, key)
        }) {
            Some(key) => Err(conflict(&self.mapper, &key)),
            _ => Ok(()),
        }
    }
}

#[cold]
pub(super) fn conflict(mapper: &Mapper, key: &dyn std::fmt::Debug) -> Error {
    Error::new(
        ErrorKind::IdentityConflict,
        "two objects of this session have the same primary key",
    )
    .entity(mapper.name())
    .key(format!("{key:?}"))
}

/// The first key that two pending objects share, or a pending and a mapped one that keeps it.
fn duplicate<K: Key>(
    keys: &IdentityMap<K>,
    pending: &mut dyn Iterator<Item = (u32, K)>,
    releases: &dyn Fn(u32, &K) -> bool,
) -> Option<K> {
    let mut seen = FxHashMap::default();
    for (slot, key) in pending {
        let is_held = |other| other != slot && !releases(other, &key);
        if keys.get(&key).is_some_and(is_held) || seen.contains_key(&key) {
            return Some(key);
        }
        seen.insert(key, slot);
    }
    None
}

fn sort_by_key<K: Key>(slots: &mut [u32], key: &dyn Fn(u32) -> Option<K>) {
    if slots.len() < 2 {
        return;
    }
    // Objects are usually written to in the order in which they were read.
    if !slots.iter().map(|&slot| key(slot)).is_sorted() {
        slots.sort_by_cached_key(|&slot| key(slot));
    }
}
