//! Added objects after a rollback: they are transient and remember their relations, so that adding one again adds all related ones.

use rustc_hash::FxHashMap;

use crate::entity::{Related, RelationKind};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::Column;
use crate::session::memory::undo_log::Done;
use crate::session::{ObjectId, Session, State};
use crate::value::Value;

/// The relations of transient objects, and the keys that flushes set.
#[derive(Debug, Default)]
pub(in crate::session) struct Undone {
    relations: FxHashMap<ObjectId, Vec<(u16, ObjectId)>>,
    /// The generated keys of transient objects, which they still show, although the database may assign them again.
    counted: FxHashMap<ObjectId, Vec<(usize, Value)>>,
}

impl Undone {
    pub(in crate::session) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Forgets an object that has left.
    pub(in crate::session) fn forget(&mut self, node: ObjectId) {
        self.relations.remove(&node);
        self.counted.remove(&node);
    }
}

impl Session {
    /// Logs a new object's foreign key before its parent's key is copied into it.
    pub(in crate::session) fn remember_key(&mut self, node: ObjectId, columns: &[usize]) {
        let any = &*self.stores[usize::from(node.0)].store;
        if any.state(node.1) != State::Pending {
            return;
        }
        for &column in columns {
            if let Some(before) = any.value(node.1, column).value() {
                self.log.key_copied(node, column, before.to_owned());
            }
        }
    }

    /// After adding an object was undone, restores a foreign key that a flush set.
    pub(in crate::session) fn restore_key(&mut self, (store, slot): ObjectId, column: u16) {
        let before = self.log.copied.pop();
        let any = self.any_store_mut(store);
        if let Some(before) = before.filter(|_| any.state(slot) == State::Transient) {
            // The column had this value before, so it cannot fail.
            let _ = any.assign(slot, usize::from(column), before.as_ref());
        }
    }

    /// Remembers the relations of the objects added since a position of the log, inserted or not, before that is undone; returns them.
    pub(in crate::session) fn remember_added(&mut self, position: usize) -> Vec<ObjectId> {
        let mut added = Vec::new();
        for (store, entry) in (0u16..).zip(&self.stores) {
            added.extend(entry.store.pending().map(|&slot| (store, slot)));
        }
        let inserted = self.log.since(position).iter();
        let inserted =
            inserted.filter(|entry| matches!(entry.done, Done::Inserted | Done::Switched));
        added.extend(inserted.map(|entry| entry.of));
        added.retain(|&(store, slot)| self.any_store(store).state(slot) != State::Detached);
        for &node in &added {
            let related = self.relations_of(node);
            if !related.is_empty() {
                self.undone.relations.insert(node, related);
            }
        }
        added
    }

    /// Remembers the keys that the database generated for objects that were undone.
    pub(in crate::session) fn remember_generated(&mut self, undone: Vec<ObjectId>) {
        for (store, slot) in undone {
            let any = &mut *self.stores[usize::from(store)].store;
            if !any.states_mut().take_generated(slot) {
                continue;
            }
            let columns = any.mapper().table().columns.iter().enumerate();
            let columns = columns.filter(|(_, column)| column.is_generated_key());
            let value = |(at, _): (usize, &Column)| {
                let value = any.value(slot, at).value()?.to_owned();
                Some((at, value))
            };
            let counted = columns.filter_map(value).collect();
            self.undone.counted.insert((store, slot), counted);
        }
    }

    /// The related objects in memory of an object that may have no row.
    pub(in crate::session) fn relations_of(&mut self, owner: ObjectId) -> Vec<(u16, ObjectId)> {
        let mapper = self.entry(owner.0).mapper.clone();
        let Ok(relations) = mapper.resolved() else {
            return Vec::new();
        };
        let mut related = Vec::new();
        for (relation, resolved) in (0u16..).zip(relations) {
            let target = self.target_store(owner.0, relation);
            if resolved.kind != RelationKind::BelongsTo {
                let members = self.edges.known((owner, relation));
                related.extend(members.map(|slot| (relation, (target, slot))));
                continue;
            }
            let reference = self.reference(owner.0, relation, resolved);
            if let Ok(Some(parent)) = self.parent(owner, &reference) {
                related.push((relation, parent));
            }
        }
        related
    }

    /// The members of a transient object's relation that are still in the session.
    pub(in crate::session) fn undone_members(&self, owner: ObjectId, relation: u16) -> Vec<u32> {
        let related = self.undone.relations.get(&owner).into_iter().flatten();
        let is_member = |(other, node): &&(u16, ObjectId)| {
            *other == relation && self.any_store(node.0).state(node.1) != State::Detached
        };
        related.filter(is_member).map(|(_, node)| node.1).collect()
    }

    /// The related objects that `take` puts into an object's relationship fields, except those that its foreign keys determine.
    pub(in crate::session) fn relations_to_take(&mut self, owner: ObjectId) -> Vec<Related> {
        let related = match self.any_store(owner.0).state(owner.1) {
            State::Pending => self.relations_of(owner),
            State::Transient => self.undone.relations.remove(&owner).unwrap_or_default(),
            _ => Vec::new(),
        };
        let session = self.id;
        let is_there = |(relation, node): &(u16, ObjectId)| {
            let store = self.any_store(node.0);
            match store.state(node.1) {
                State::Detached => false,
                State::Persistent | State::Deleted => {
                    !self.is_in_foreign_key(owner, *relation, *node)
                }
                _ => true,
            }
        };
        let related = related.into_iter().filter(is_there);
        related
            .map(|(relation, node)| Related {
                relation,
                session,
                node,
            })
            .collect()
    }

    fn is_in_foreign_key(&self, child: ObjectId, relation: u16, parent: ObjectId) -> bool {
        let Ok(resolved) = self.relation(child.0, relation) else {
            return false;
        };
        let is_reference = resolved.kind == RelationKind::BelongsTo;
        let key = self.foreign_key(child, &resolved.local);
        is_reference && key.is_some_and(|key| key == self.key_values(parent.0, &[parent.1]))
    }

    /// Adds a transient object again because it is related to one in the session, together with its own related objects.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidState`] if neither is in the session.
    pub(in crate::session) fn revive_along(
        &mut self,
        one: ObjectId,
        other: ObjectId,
    ) -> Result<()> {
        let state = |node: ObjectId| self.any_store(node.0).state(node.1);
        match (state(one), state(other)) {
            (State::Transient, State::Transient) => {
                let message = "neither object is in the session, because a rollback undid adding them: `take` one and `add` it again";
                let name = self.entry(one.0).mapper.name();
                Err(Error::new(ErrorKind::InvalidState, message).entity(name))
            }
            (State::Transient, State::Pending | State::Persistent) => self.revive(one),
            (State::Pending | State::Persistent, State::Transient) => self.revive(other),
            _ => Ok(()),
        }
    }

    /// Adds a transient object again. Its generated key is reset, unless the program changed it, because the database may have assigned it
    /// to another row.
    fn revive(&mut self, node: ObjectId) -> Result<()> {
        for (column, counted) in self.undone.counted.remove(&node).unwrap_or_default() {
            let any = self.any_store_mut(node.0);
            let value = any.value(node.1, column);
            if value
                .value()
                .is_some_and(|value| value.same(counted.as_ref()))
            {
                any.unload(node.1, column);
            }
        }
        self.any_store_mut(node.0).states_mut().make_pending(node.1);
        self.log.departed.remove(&node);
        for (relation, target) in self.undone.relations.remove(&node).unwrap_or_default() {
            let is_there = self.any_store(target.0).state(target.1) != State::Detached;
            if is_there && !self.is_in_foreign_key(node, relation, target) {
                self.connect(node, relation, target)?;
            }
        }
        Ok(())
    }
}
