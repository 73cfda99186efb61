//! Edges: the objects at the other end of relations, as far as loaded or changed, as untyped slots.
//!
//! A collection is an ordered set of slots of one store. While a savepoint is open, each change is an entry of the undo log: its cost depends
//! neither on the size of the collection nor on that of the session.

mod undo;

use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::session::State;
use crate::session::memory::links::{Link, Links};
use crate::session::memory::ordered_set::OrderedSet;
use crate::session::memory::pairs::Pairs;
use crate::session::memory::queried::Queried;
use crate::session::memory::undo_log::UndoLog;

/// An object: its store and its slot.
pub(crate) type ObjectId = (u16, u32);

/// A collection: its owner, and the index of the relation in the owner's mapper.
pub(in crate::session) type Collection = (ObjectId, u16);

/// All relationship edges of a session.
#[derive(Debug, Default)]
pub(crate) struct Edges {
    collections: FxHashMap<Collection, Members>,
    /// References that were set and not yet flushed.
    pub(crate) links: Links,
    /// Unflushed changes of many-to-many relations.
    pub(crate) pairs: Pairs,
    /// Views and loading restrictions set by queries, which a flush ignores.
    pub(crate) queried: Queried,
    /// The collections that were changed since the last flush.
    changed: Vec<Collection>,
    /// The one-to-one relations in which a child was set and removed again since the last flush, with the child: it has displaced the
    /// previous one.
    pub(in crate::session) passed: BTreeMap<Collection, ObjectId>,
    /// The clock of the links when objects were marked for deletion; absent if it was zero.
    deleted: FxHashMap<ObjectId, u64>,
    /// The collections that each object was removed from since the last flush.
    left: FxHashMap<ObjectId, Vec<Collection>>,
    /// The collections that each object may be in; an index built on first use.
    holders: Option<FxHashMap<ObjectId, Vec<Collection>>>,
}

/// Whether an object is in a collection according to its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Membership {
    Inside,
    Outside,
    /// Unknown, because the row is expired.
    Unknown,
}

/// Whether the row of an object that leaves the session still exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Departure {
    RowStays,
    RowGone,
}

impl Departure {
    pub(crate) fn of(state: State) -> Self {
        match state {
            State::Persistent => Self::RowStays,
            _ => Self::RowGone,
        }
    }
}

/// A collection, loaded, or with the changes made before it is loaded.
#[derive(Debug)]
pub(in crate::session) struct Members {
    /// The store of the members.
    target: u16,
    loaded: bool,
    /// Whether a member has left the session although its row still exists.
    lacks: bool,
    slots: OrderedSet,
    changes: Option<Box<Changes>>,
}

/// The members added and removed since the last flush.
#[derive(Debug, Default)]
struct Changes {
    added: FxHashSet<u32>,
    removed: FxHashSet<u32>,
}

impl Members {
    fn new(target: u16) -> Self {
        Self {
            target,
            loaded: false,
            lacks: false,
            slots: OrderedSet::default(),
            changes: None,
        }
    }

    /// Forgets that a member was added or removed.
    fn forget_change(&mut self, slot: u32) {
        if let Some(changes) = &mut self.changes {
            changes.added.remove(&slot);
            changes.removed.remove(&slot);
        }
    }
}

impl Edges {
    /// The members of a collection, if it is loaded.
    pub(crate) fn loaded(&self, key: Collection) -> Option<&OrderedSet> {
        self.collections
            .get(&key)
            .filter(|members| members.loaded)
            .map(|members| &members.slots)
    }

    /// The known members of a collection; if it is not loaded, those that were added to it.
    pub(crate) fn known(&self, key: Collection) -> impl DoubleEndedIterator<Item = u32> {
        let members = self.collections.get(&key);
        members.into_iter().flat_map(|members| members.slots.iter())
    }

    /// The known members of a collection without those added since the last flush.
    pub(crate) fn unchanged(&self, key: Collection) -> impl Iterator<Item = u32> {
        let members = self.collections.get(&key);
        let changes = members.and_then(|members| members.changes.as_deref());
        let is_added = move |slot: &u32| changes.is_some_and(|made| made.added.contains(slot));
        self.known(key).filter(move |slot| !is_added(slot))
    }

    /// Reserves space for additional collections.
    pub(crate) fn reserve(&mut self, collections: usize) {
        self.collections.reserve(collections);
    }

    /// Fills a collection with the members that were read, merged with unflushed changes. `target` is the store of its members.
    pub(crate) fn fill(
        &mut self,
        log: &mut UndoLog,
        key: Collection,
        target: u16,
        mut rows: Vec<u32>,
    ) {
        let mut before = self.collections.remove(&key);
        let mut members = Members::new(target);
        members.loaded = true;
        members.changes = before.as_mut().and_then(|before| before.changes.take());
        if let Some(changes) = &members.changes {
            rows.retain(|slot| !changes.removed.contains(slot));
            members.slots = rows.into();
            let known = before.iter().flat_map(|before| before.slots.iter());
            for late in known.filter(|slot| changes.added.contains(slot)) {
                members.slots.push(late);
            }
        } else {
            members.slots = rows.into();
        }
        if let Some(holders) = &mut self.holders {
            hold(holders, key, &members);
        }
        self.collections.insert(key, members);
        log.collection_replaced(key, before);
    }

    /// Adds an object to a collection, at the end, unless it is in it.
    pub(crate) fn insert(&mut self, log: &mut UndoLog, key: Collection, member: ObjectId) {
        let (members, changes) = self.change(log, key, member.0);
        changes.removed.remove(&member.1);
        changes.added.insert(member.1);
        if members.push(member.1) {
            log.member_added(key);
            self.note_holder(key, member);
        }
    }

    /// Removes an object from a collection.
    pub(crate) fn remove(&mut self, log: &mut UndoLog, key: Collection, member: ObjectId) {
        let (members, changes) = self.change(log, key, member.0);
        changes.added.remove(&member.1);
        changes.removed.insert(member.1);
        let position = members.remove(member.1);
        self.left.entry(member).or_default().push(key);
        self.removed(log, key, member.1, position);
    }

    /// The members of a collection and its changes since the last flush, for modification.
    fn change(
        &mut self,
        log: &mut UndoLog,
        key: Collection,
        target: u16,
    ) -> (&mut OrderedSet, &mut Changes) {
        if !self.collections.contains_key(&key) {
            log.collection_replaced(key, None);
        }
        let members = self.collections.entry(key);
        let members = members.or_insert_with(|| Members::new(target));
        if members.changes.is_none() {
            self.changed.push(key);
        }
        let changes = members.changes.get_or_insert_default();
        (&mut members.slots, changes)
    }

    /// Reverts a change to a collection: whether the object is in it matches its row again.
    pub(crate) fn put_back(
        &mut self,
        log: &mut UndoLog,
        key: Collection,
        slot: u32,
        place: Membership,
    ) {
        let Some(members) = self.collections.get_mut(&key) else {
            return;
        };
        if place == Membership::Unknown {
            return self.unload(log, key);
        }
        members.forget_change(slot);
        if place == Membership::Outside {
            let position = members.slots.remove(slot);
            self.removed(log, key, slot, position);
        } else if members.loaded && members.slots.push(slot) {
            let member = (members.target, slot);
            log.member_added(key);
            self.note_holder(key, member);
        }
    }

    /// Forgets a change to a collection that had no effect. If it is not loaded, the rows determine whether the object is in it.
    pub(crate) fn forget_change(&mut self, log: &mut UndoLog, key: Collection, slot: u32) {
        let Some(members) = self.collections.get_mut(&key) else {
            return;
        };
        members.forget_change(slot);
        if !members.loaded {
            let position = members.slots.remove(slot);
            self.removed(log, key, slot, position);
        }
    }

    /// Forgets removals of an object from collections of one relation: the rows determine whether it is in them.
    pub(crate) fn forget_removal(&mut self, owners: u16, relation: u16, member: ObjectId) {
        let Some(left) = self.left.get_mut(&member) else {
            return;
        };
        let collections = &mut self.collections;
        left.retain(|key| {
            let is_it = key.0.0 == owners && key.1 == relation;
            if let Some(members) = collections.get_mut(key).filter(|_| is_it)
                && let Some(changes) = &mut members.changes
            {
                changes.removed.remove(&member.1);
            }
            !is_it
        });
    }

    /// Unloads a collection, keeping its unflushed changes.
    fn unload(&mut self, log: &mut UndoLog, key: Collection) {
        let Some(mut before) = self.collections.remove(&key) else {
            return;
        };
        let changes = before.changes.take();
        let changes =
            changes.filter(|changes| !changes.added.is_empty() || !changes.removed.is_empty());
        if let Some(changes) = changes {
            let added = before.slots.iter();
            let added: Vec<u32> = added.filter(|slot| changes.added.contains(slot)).collect();
            let members = Members {
                slots: added.into(),
                changes: Some(changes),
                ..Members::new(before.target)
            };
            self.collections.insert(key, members);
        }
        log.collection_replaced(key, Some(before));
    }

    /// Whether members of a collection are missing because they left the session.
    pub(crate) fn lacks(&self, key: Collection) -> bool {
        let members = self.collections.get(&key);
        members.is_some_and(|members| members.lacks)
    }

    /// Unloads a collection with missing members, so that it is reread.
    pub(crate) fn unload_lacking(&mut self, log: &mut UndoLog, key: Collection) {
        if self.lacks(key) {
            self.unload(log, key);
        }
    }

    /// Removes all edges of an object that leaves the session, so that undoing a savepoint does not restore them; `relations` is the number
    /// of its relations.
    pub(crate) fn forget(
        &mut self,
        log: &mut UndoLog,
        node: ObjectId,
        relations: u16,
        departure: Departure,
    ) {
        for relation in 0..relations {
            self.collections.remove(&(node, relation));
        }
        self.links.take(node);
        self.passed.retain(|_, child| *child != node);
        self.left.remove(&node);
        self.pairs.take(node);
        self.queried.forget(node, relations);
        for key in self.take_holders(node) {
            let Some(members) = self.collections.get_mut(&key) else {
                continue;
            };
            members.forget_change(node.1);
            if members.slots.remove(node.1).is_some() {
                members.lacks |= departure == Departure::RowStays;
            }
        }
        if log.in_savepoint() {
            log.departed.insert(node, departure);
        }
    }

    /// Drops deleted objects from the collections of one relation.
    pub(crate) fn remove_deleted(
        &mut self,
        log: &mut UndoLog,
        owners: u16,
        relation: u16,
        gone: &[ObjectId],
    ) {
        for &member in gone {
            let mut others = self.take_holders(member);
            others.retain(|&key| {
                if key.0.0 != owners || key.1 != relation {
                    return true;
                }
                if let Some(members) = self.collections.get_mut(&key) {
                    let position = members.slots.remove(member.1);
                    self.removed(log, key, member.1, position);
                }
                false
            });
            if let Some(holders) = self.holders.as_mut().filter(|_| !others.is_empty()) {
                holders.insert(member, others);
            }
        }
    }

    /// Whether there are no collections.
    pub(crate) fn has_no_collections(&self) -> bool {
        self.collections.is_empty()
    }

    /// Removes an object whose row has left a collection.
    pub(crate) fn leave(&mut self, log: &mut UndoLog, key: Collection, slot: u32) {
        if let Some(members) = self.collections.get_mut(&key) {
            let position = members.slots.remove(slot);
            self.removed(log, key, slot, position);
        }
    }

    /// Unloads a collection that the row of an object has joined, unless it contains the object.
    pub(crate) fn join(&mut self, log: &mut UndoLog, key: Collection, slot: u32) {
        let members = self.collections.get(&key);
        if members.is_some_and(|members| members.loaded && !members.slots.contains(slot)) {
            self.unload(log, key);
        }
    }

    /// Unloads all collections of a relation, so that they are reread.
    pub(crate) fn unload_all(&mut self, log: &mut UndoLog, owners: u16, relation: u16) {
        let keys = self.collections.keys().copied();
        let keys = keys.filter(|key| key.0.0 == owners && key.1 == relation);
        for key in keys.collect::<Vec<Collection>>() {
            self.unload(log, key);
        }
    }

    /// Notes that an object was marked for deletion: relating others to it from now on is an error.
    pub(crate) fn note_deletion(&mut self, node: ObjectId) {
        if self.links.clock() > 0 {
            self.deleted.entry(node).or_insert(self.links.clock());
        }
    }

    /// Notes that an object is deleted together with another; `None` if it became an orphan.
    pub(crate) fn note_cascade(&mut self, from: Option<ObjectId>, node: ObjectId) {
        let as_of = from.map_or(u64::MAX, |from| self.deletion(from));
        if as_of > 0 {
            self.deleted.entry(node).or_insert(as_of);
        }
    }

    /// The clock of the links when an object was marked for deletion.
    pub(crate) fn deletion(&self, node: ObjectId) -> u64 {
        self.deleted.get(&node).copied().unwrap_or(0)
    }

    /// After a flush, clears the links, which are now in foreign keys, and the changes of unloaded collections, which are now in rows.
    pub(crate) fn flushed(&mut self, log: &mut UndoLog) {
        self.links.clear();
        self.pairs.clear();
        self.left.clear();
        self.passed.clear();
        self.deleted.clear();
        for key in std::mem::take(&mut self.changed) {
            match self.collections.get_mut(&key) {
                Some(members) if members.loaded => members.changes = None,
                Some(_) => {
                    let mut before = self.collections.remove(&key);
                    before.iter_mut().for_each(|members| members.changes = None);
                    log.collection_replaced(key, before);
                }
                None => {}
            }
        }
    }

    /// Unloads the collections of an object, so that they are reread, and returns its unflushed references; `relations` is the number of
    /// its relations.
    pub(crate) fn expire(
        &mut self,
        log: &mut UndoLog,
        node: ObjectId,
        relations: u16,
    ) -> Vec<Link> {
        self.queried.forget(node, relations);
        for relation in 0..relations {
            self.unload(log, (node, relation));
        }
        self.passed.retain(|_, child| *child != node);
        self.links.take(node)
    }

    /// Unloads all collections, so that they are reread, keeping unflushed changes.
    pub(crate) fn expire_loaded(&mut self, log: &mut UndoLog) {
        self.queried.clear();
        let loaded = self.collections.iter();
        let loaded = loaded.filter(|(_, members)| members.loaded);
        for key in loaded.map(|(key, _)| *key).collect::<Vec<Collection>>() {
            self.unload(log, key);
        }
        if self.collections.is_empty() {
            self.holders = None;
        }
    }

    /// Clears all edges, since everything is reread.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Logs a removal, if the slot had a position.
    fn removed(&mut self, log: &mut UndoLog, key: Collection, slot: u32, position: Option<usize>) {
        let Some(at) = position else {
            return;
        };
        if log.in_savepoint() {
            log.member_removed(key, slot, at);
        } else if let Some(members) = self.collections.get_mut(&key) {
            members.slots.compact();
        }
    }

    fn note_holder(&mut self, key: Collection, member: ObjectId) {
        if let Some(holders) = &mut self.holders {
            holders.entry(member).or_default().push(key);
        }
    }

    /// The owners in whose collections of one relation an object is.
    pub(crate) fn owners_of(
        &mut self,
        owners: u16,
        relation: u16,
        member: ObjectId,
    ) -> Vec<ObjectId> {
        let held = self.index_holders().get(&member).cloned();
        let held = held.into_iter().flatten();
        let held = held.filter(|key| {
            let members = self.collections.get(key);
            key.0.0 == owners
                && key.1 == relation
                && members.is_some_and(|members| members.slots.contains(member.1))
        });
        held.map(|key| key.0).collect()
    }

    /// Removes an object from the index, and returns the collections that it may be in.
    fn take_holders(&mut self, member: ObjectId) -> Vec<Collection> {
        let holders = self.index_holders();
        holders.remove(&member).unwrap_or_default()
    }

    fn index_holders(&mut self) -> &mut FxHashMap<ObjectId, Vec<Collection>> {
        let collections = &self.collections;
        self.holders.get_or_insert_with(|| {
            let mut holders = FxHashMap::default();
            for (&key, members) in collections {
                hold(&mut holders, key, members);
            }
            holders
        })
    }
}

/// Adds a collection to the index for each of its members.
fn hold(holders: &mut FxHashMap<ObjectId, Vec<Collection>>, key: Collection, members: &Members) {
    for slot in members.slots.iter() {
        let held = holders.entry((members.target, slot)).or_default();
        held.push(key);
    }
}

#[cfg(test)]
mod tests;
