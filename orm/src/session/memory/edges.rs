//! Edges: which objects a relation leads to, as far as it was loaded or changed. Slots here, types at the API.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use crate::session::State;
use crate::session::memory::pairs::Pairs;
use crate::session::memory::queried::Queried;
use crate::session::planted::{Planted, is_planted};

/// An object: its store and its slot.
pub(crate) type Node = (u16, u32);

/// A collection: its owner, and the number of the relation in the owner's mapper.
type Collection = (Node, u16);

/// A foreign key of one object: the object, and the key's first column.
type Reference = (Node, usize);

/// All relationship edges of a session.
#[derive(Debug, Default)]
pub(crate) struct Edges {
    collections: FxHashMap<Collection, Members>,
    /// References that were set and not yet flushed; they beat the foreign key's columns.
    links: FxHashMap<Reference, Link>,
    /// The order in which links were set, so that a flush does not depend on the hash map's.
    order: Vec<Reference>,
    /// What changed over many-to-many relations and was not flushed.
    pub(crate) pairs: Pairs,
    /// What queries said of relations; nothing that a flush sees.
    pub(crate) queried: Queried,
    undo: Vec<(Collection, Option<Members>)>,
    logs: bool,
}

/// A reference that was set.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) child: Node,
    /// The columns of the foreign key, in the order of the parent's key.
    pub(crate) columns: Vec<usize>,
    pub(crate) parent: Option<Node>,
    /// The store of the parent, whether there is one or not.
    pub(crate) parent_store: u16,
    /// The parent's relation that lists its children.
    pub(crate) collection: Option<u16>,
    /// Whether that relation has room for one child only.
    pub(crate) single: bool,
    /// Whether the foreign key takes NULL.
    pub(crate) nullable: bool,
    /// Whether the child is to be deleted if it is left without a parent.
    pub(crate) delete_orphan: bool,
}

/// Whether an object is in a collection, as its row says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Inside,
    Outside,
    /// The row was read too long ago to tell.
    Unknown,
}

/// What is left of an object that leaves the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remains {
    Row,
    Nothing,
}

impl Remains {
    pub(crate) fn of(state: State) -> Self {
        match state {
            State::Persistent => Self::Row,
            _ => Self::Nothing,
        }
    }
}

/// A collection, loaded or with the changes that were made to it before it is.
#[derive(Clone, Debug, Default)]
struct Members {
    loaded: bool,
    /// A member has left the session, and its row has stayed.
    lacks: bool,
    slots: Vec<u32>,
    removed: Vec<u32>,
}

impl Edges {
    /// The members of a collection, if it is loaded.
    pub(crate) fn loaded(&self, owner: Node, relation: u16) -> Option<&[u32]> {
        self.collections
            .get(&(owner, relation))
            .filter(|members| members.loaded)
            .map(|members| &members.slots[..])
    }

    /// The members of a collection whose owner has no row yet: what was put into it.
    pub(crate) fn added(&self, owner: Node, relation: u16) -> &[u32] {
        self.collections
            .get(&(owner, relation))
            .map_or(&[], |members| &members.slots)
    }

    /// Sets what was read, merged with the changes made before.
    pub(crate) fn fill(&mut self, owner: Node, relation: u16, mut slots: Vec<u32>) {
        self.log((owner, relation));
        let members = self.collections.entry((owner, relation)).or_default();
        if members.loaded {
            members.slots = slots;
            members.lacks = false;
            return;
        }
        slots.retain(|slot| !members.removed.contains(slot));
        let late: Vec<u32> = members
            .slots
            .iter()
            .copied()
            .filter(|slot| !slots.contains(slot))
            .collect();
        slots.extend(late);
        *members = Members {
            loaded: true,
            slots,
            ..Members::default()
        };
    }

    pub(crate) fn insert(&mut self, owner: Node, relation: u16, slot: u32) {
        self.log((owner, relation));
        let members = self.collections.entry((owner, relation)).or_default();
        members.removed.retain(|&s| s != slot);
        if !members.slots.contains(&slot) {
            members.slots.push(slot);
        }
    }

    pub(crate) fn remove(&mut self, owner: Node, relation: u16, slot: u32) {
        self.log((owner, relation));
        let members = self.collections.entry((owner, relation)).or_default();
        members.slots.retain(|&s| s != slot);
        if !members.loaded && !members.removed.contains(&slot) {
            members.removed.push(slot);
        }
    }

    /// What a reference was set to, if it was set since the last flush.
    pub(crate) fn link(&self, child: Node, column: usize) -> Option<&Link> {
        self.links.get(&(child, column))
    }

    pub(crate) fn set_link(&mut self, link: Link) {
        let reference = (link.child, link.columns[0]);
        if self.links.insert(reference, link).is_none() {
            self.order.push(reference);
        }
    }

    /// Links in the order they were set.
    pub(crate) fn links(&self) -> impl Iterator<Item = &Link> {
        self.order
            .iter()
            .filter_map(|reference| self.links.get(reference))
    }

    /// A change to a collection is taken back: the object is in it, or not, as its row says.
    pub(crate) fn put_back(&mut self, owner: Node, relation: u16, slot: u32, place: Place) {
        if !self.collections.contains_key(&(owner, relation)) {
            return;
        }
        if place == Place::Unknown {
            return self.unload((owner, relation));
        }
        self.log((owner, relation));
        let members = self.collections.entry((owner, relation)).or_default();
        members.removed.retain(|&s| s != slot);
        if place == Place::Outside {
            members.slots.retain(|&s| s != slot);
        } else if members.loaded && !members.slots.contains(&slot) {
            members.slots.push(slot);
        }
    }

    /// A change to a collection that is not loaded came to nothing: its rows say whether the object is in it.
    pub(crate) fn forget_change(&mut self, owner: Node, relation: u16, slot: u32) {
        let members = self.collections.get(&(owner, relation));
        if members.is_none_or(|members| members.loaded) {
            return;
        }
        self.log((owner, relation));
        let members = self.collections.entry((owner, relation)).or_default();
        members.slots.retain(|&s| s != slot);
        members.removed.retain(|&s| s != slot);
    }

    /// A removal from collections that are not loaded is taken back: their rows say whether the object is in them.
    pub(crate) fn forget_removal(&mut self, owners: u16, relation: u16, slot: u32) {
        for (&(owner, other), members) in &mut self.collections {
            if owner.0 == owners && other == relation {
                members.removed.retain(|&removed| removed != slot);
            }
        }
    }

    /// Forgets what was read of a collection; what was put into it and not flushed stays.
    fn unload(&mut self, key: Collection) {
        self.log(key);
        let (owner, relation) = key;
        let put_in = |link: &&Link| link.parent == Some(owner) && link.collection == Some(relation);
        let slots: Vec<u32> = self
            .links()
            .filter(put_in)
            .map(|link| link.child.1)
            .collect();
        if slots.is_empty() {
            self.collections.remove(&key);
            return;
        }
        let members = Members {
            slots,
            ..Members::default()
        };
        self.collections.insert(key, members);
    }

    /// Drops members of collections that have left the session: those for which `has_left`, given the owner's store, the relation and
    /// the slot.
    pub(crate) fn drop_members(&mut self, has_left: impl Fn(u16, u16, u32) -> bool) {
        for ((owner, relation), members) in &mut self.collections {
            let before = members.slots.len();
            members
                .slots
                .retain(|&slot| !has_left(owner.0, *relation, slot));
            members.lacks |= members.slots.len() < before;
        }
    }

    /// Whether members of a collection do not stand for all of its rows.
    pub(crate) fn lacks(&self, owner: Node, relation: u16) -> bool {
        let members = self.collections.get(&(owner, relation));
        members.is_some_and(|members| members.lacks)
    }

    /// Has a collection read again whose members do not stand for all of its rows.
    pub(crate) fn unload_lacking(&mut self, owner: Node, relation: u16) {
        if self.lacks(owner, relation) {
            self.unload((owner, relation));
        }
    }

    /// An object leaves: nothing leads to it or from it any more.
    pub(crate) fn forget(
        &mut self,
        node: Node,
        remains: Remains,
        member_of: impl Fn(u16, u16) -> bool,
    ) {
        self.collections.retain(|(owner, _), _| *owner != node);
        self.links.retain(|(child, _), _| *child != node);
        self.order.retain(|(child, _)| *child != node);
        self.pairs.take(node);
        self.queried.forget(node);
        for ((owner, relation), members) in &mut self.collections {
            if member_of(owner.0, *relation) && members.slots.contains(&node.1) {
                members.slots.retain(|&slot| slot != node.1);
                members.lacks |= remains == Remains::Row;
            }
        }
    }

    /// After a flush: the foreign keys say what the links said, and unloaded collections can be read whole.
    pub(crate) fn flushed(&mut self) {
        self.links.clear();
        self.order.clear();
        self.pairs.clear();
        let unloaded: Vec<Collection> = self
            .collections
            .iter()
            .filter(|(_, members)| !members.loaded)
            .map(|(key, _)| *key)
            .collect();
        for key in unloaded {
            self.log(key);
            self.collections.remove(&key);
        }
    }

    /// Drops deleted objects from all collections of one relation.
    pub(crate) fn remove_deleted(&mut self, owners: u16, relation: u16, gone: &BTreeSet<u32>) {
        let is_met = |(key, members): (&Collection, &Members)| {
            let is_it = key.0.0 == owners && key.1 == relation;
            (is_it && members.slots.iter().any(|slot| gone.contains(slot))).then_some(*key)
        };
        let met: Vec<Collection> = self.collections.iter().filter_map(is_met).collect();
        for key in met {
            self.log(key);
            if let Some(members) = self.collections.get_mut(&key) {
                members.slots.retain(|slot| !gone.contains(slot));
            }
        }
    }

    /// Forgets what was read of one object's collections, so that they are read again, and hands out what its references were set to.
    pub(crate) fn expire(&mut self, node: Node) -> Vec<Link> {
        self.queried.forget(node);
        let owned = self.collections.keys().filter(|(owner, _)| *owner == node);
        for key in owned.copied().collect::<Vec<Collection>>() {
            self.unload(key);
        }
        let own = self.order.iter().filter(|(child, _)| *child == node);
        let links = own.filter_map(|reference| self.links.remove(reference));
        let links = links.collect();
        self.order.retain(|(child, _)| *child != node);
        links
    }

    /// Forgets what was read, so that it is read again; what was set or put in and not flushed stays.
    pub(crate) fn expire_loaded(&mut self) {
        self.queried.clear();
        let linked = &self.links;
        let changed = |slots: &[u32]| {
            slots
                .iter()
                .any(|&slot| linked.keys().any(|((_, child), _)| *child == slot))
        };
        let read: Vec<Collection> = self
            .collections
            .iter()
            .filter(|((owner, _), members)| {
                let as_read = !changed(&members.slots) && !changed(&members.removed);
                members.loaded && as_read && !self.pairs.touch(*owner)
            })
            .map(|(key, _)| *key)
            .collect();
        for key in read {
            self.log(key);
            self.collections.remove(&key);
        }
    }

    /// Forgets everything at the end of a transaction: all is read again.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Keeps a log from now on, for a savepoint.
    pub(crate) fn mark(&mut self) -> usize {
        self.logs = true;
        self.undo.len()
    }

    pub(crate) fn undo_to(&mut self, mark: usize) {
        self.links.clear();
        self.order.clear();
        self.pairs.clear();
        self.queried.clear();
        while self.undo.len() > mark {
            let Some((key, before)) = self.undo.pop() else {
                break;
            };
            if is_planted(Planted::SavepointKeepsEdges) {
                continue;
            }
            match before {
                Some(members) => self.collections.insert(key, members),
                None => self.collections.remove(&key),
            };
        }
    }

    /// No savepoint is open any more.
    pub(crate) fn stop_log(&mut self) {
        self.logs = false;
        self.undo.clear();
    }

    fn log(&mut self, key: Collection) {
        if self.logs {
            self.undo.push((key, self.collections.get(&key).cloned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: Node = (0, 1);

    #[test]
    fn changes_before_loading_are_merged() {
        let mut edges = Edges::default();
        edges.insert(OWNER, 0, 7);
        edges.remove(OWNER, 0, 3);
        assert_eq!(edges.loaded(OWNER, 0), None);
        edges.fill(OWNER, 0, vec![2, 3, 4]);
        assert_eq!(edges.loaded(OWNER, 0), Some(&[2, 4, 7][..]));
    }

    #[test]
    fn a_savepoint_restores_collections() {
        let mut edges = Edges::default();
        edges.fill(OWNER, 0, vec![1]);
        let mark = edges.mark();
        edges.insert(OWNER, 0, 2);
        edges.remove(OWNER, 0, 1);
        edges.fill(OWNER, 1, vec![9]);
        edges.undo_to(mark);
        assert_eq!(edges.loaded(OWNER, 0), Some(&[1][..]));
        assert_eq!(edges.loaded(OWNER, 1), None);
    }

    #[test]
    fn a_flush_forgets_unloaded_changes_only() {
        let mut edges = Edges::default();
        edges.insert(OWNER, 0, 7);
        edges.fill(OWNER, 1, vec![8]);
        edges.flushed();
        assert_eq!(edges.added(OWNER, 0), &[] as &[u32]);
        assert_eq!(edges.loaded(OWNER, 1), Some(&[8][..]));
    }
}
