//! References: the parent of a child in memory, and setting it on both sides at once.

use std::sync::Arc;

use crate::entity::{RelationKind, ResolvedRelation};
use crate::error::{Error, ErrorKind, Result};
use crate::session::memory::edges::{Membership, ObjectId};
use crate::session::memory::links::{Link, Reference};
use crate::session::read::lookup::{has_text, values};
use crate::session::{Session, State};
use crate::value::{Param, ValueRef};

impl Session {
    pub(in crate::session) fn reference(
        &mut self,
        store: u16,
        relation: u16,
        resolved: &ResolvedRelation,
    ) -> Reference {
        let target = self.target_store(store, relation);
        let nullable = !resolved.required;
        if resolved.kind == RelationKind::BelongsTo {
            let inverse = resolved
                .inverse
                .and_then(|inverse| self.relation(target, inverse).ok().zip(Some(inverse)));
            return Reference {
                columns: Arc::clone(&resolved.local),
                parent_store: target,
                collection: inverse.as_ref().map(|(_, index)| *index),
                single: inverse
                    .as_ref()
                    .is_some_and(|(relation, _)| relation.kind == RelationKind::HasOne),
                nullable,
                delete_orphan: inverse.is_some_and(|(relation, _)| relation.cascade.delete_orphan),
            };
        }
        Reference {
            columns: Arc::clone(&resolved.remote),
            parent_store: store,
            collection: Some(relation),
            single: resolved.kind == RelationKind::HasOne,
            nullable,
            delete_orphan: resolved.cascade.delete_orphan,
        }
    }

    /// Changes a child's parent in memory.
    pub(in crate::session) fn set_parent(
        &mut self,
        child: ObjectId,
        reference: &Reference,
        parent: Option<ObjectId>,
    ) -> Result<()> {
        if let Some(parent) = parent {
            self.refuse_deleted_parent(child, reference, parent)?;
            self.refuse_deleted_child(child)?;
            self.revive_along(child, parent)?;
        }
        let old = [
            self.parent(child, reference)?,
            self.row_parent(child, reference)?,
        ];
        let others = self.owners_by_other_texts(child, reference)?;
        self.drop_refused(child, &reference.columns);
        self.drop_expressions(child, &reference.columns);
        if let Some(collection) = reference.collection {
            let old = old.into_iter().flatten().chain(others);
            for left in old.filter(|old| Some(*old) != parent) {
                self.edges.remove(&mut self.log, (left, collection), child);
            }
            if reference.single
                && let Some(set) = self.edges.links.get(child, &reference.columns)
                && let Some(left) = set.parent.filter(|left| Some(*left) != parent)
            {
                self.edges.passed.insert((left, collection), child);
            }
            if let Some(parent) = parent {
                // The collection of an object without a row contains only what was added to it.
                if self.any_store(parent.0).state(parent.1) == State::Pending
                    && self.edges.loaded((parent, collection)).is_none()
                {
                    self.edges
                        .fill(&mut self.log, (parent, collection), child.0, Vec::new());
                }
                if reference.single {
                    self.displace(parent, collection, child, reference);
                }
                self.edges
                    .insert(&mut self.log, (parent, collection), child);
            }
        }
        self.edges.links.set(Link {
            child,
            parent,
            reference: reference.clone(),
        });
        Ok(())
    }

    /// Refuses a parent that is marked for deletion: the child would be deleted with it, or keep a dangling foreign key.
    fn refuse_deleted_parent(
        &self,
        child: ObjectId,
        reference: &Reference,
        (store, slot): ObjectId,
    ) -> Result<()> {
        let parent = self.entry(store);
        if !parent.store.is_marked_deleted(slot) {
            return Ok(());
        }
        let mapper = &self.entry(child.0).mapper;
        let message = format!(
            "it references the {} with the key {}, which is marked for deletion",
            parent.mapper.name(),
            parent.store.key_text(slot)
        );
        Err(Error::new(ErrorKind::InvalidState, message)
            .entity(mapper.name())
            .column(&mapper.table().columns[reference.columns[0]].name))
    }

    /// Refuses a child whose row a flush has deleted, because the change would not be written.
    fn refuse_deleted_child(&self, (store, slot): ObjectId) -> Result<()> {
        if self.any_store(store).state(slot) != State::Deleted {
            return Ok(());
        }
        let message = "its row was deleted in this transaction, so it cannot be related to anything: add a new object";
        Err(Error::new(ErrorKind::InvalidState, message).entity(self.entry(store).mapper.name()))
    }

    /// Reverts a reference: the collections match the row again; `before` is the child's membership in its parent's collection.
    pub(in crate::session) fn revert_reference(
        &mut self,
        link: &Link,
        before: Membership,
    ) -> Result<()> {
        let Some(collection) = link.reference.collection else {
            return Ok(());
        };
        self.edges
            .forget_removal(link.reference.parent_store, collection, link.child);
        if let Some(parent) = link.parent {
            self.edges.put_back(
                &mut self.log,
                (parent, collection),
                link.child.1,
                Membership::Outside,
            );
        }
        if let Some(key) = self.foreign_key(link.child, &link.reference.columns)
            && let Some(slot) = self
                .any_store(link.reference.parent_store)
                .find(&values(&key))?
        {
            let parent = (link.reference.parent_store, slot);
            self.edges
                .put_back(&mut self.log, (parent, collection), link.child.1, before);
        }
        Ok(())
    }

    /// Makes the current child of a one-to-one relation lose its parent, unless an expression moves it.
    pub(in crate::session) fn displace(
        &mut self,
        parent: ObjectId,
        collection: u16,
        child: ObjectId,
        reference: &Reference,
    ) {
        let known = self.edges.known((parent, collection));
        let others: Vec<u32> = known.filter(|slot| *slot != child.1).collect();
        let others = others.into_iter().map(|other| (child.0, other));
        for other in others {
            if self.is_computed(other, &reference.columns) {
                continue;
            }
            self.edges
                .remove(&mut self.log, (parent, collection), other);
            self.edges.links.set(Link {
                child: other,
                parent: None,
                reference: reference.clone(),
            });
        }
    }

    /// The parent of a child in memory: the one that was set, or else the mapped object of the foreign key.
    pub(in crate::session) fn parent(
        &self,
        child: ObjectId,
        reference: &Reference,
    ) -> Result<Option<ObjectId>> {
        if let Some(link) = self.edges.links.get(child, &reference.columns) {
            return Ok(link.parent);
        }
        let mut key = Vec::with_capacity(reference.columns.len());
        self.any_store(child.0)
            .values(child.1, &reference.columns, &mut key);
        self.mapped(reference.parent_store, &key)
    }

    /// The mapped object that a child's row references in the database, if the reference was not set since.
    pub(in crate::session) fn row_parent(
        &self,
        child: ObjectId,
        reference: &Reference,
    ) -> Result<Option<ObjectId>> {
        let store = self.any_store(child.0);
        let is_set = self.edges.links.get(child, &reference.columns).is_some();
        if is_set || store.state(child.1) != State::Persistent {
            return Ok(None);
        }
        let mut key = Vec::with_capacity(reference.columns.len());
        store.row_values(child.1, &reference.columns, &mut key);
        self.mapped(reference.parent_store, &key)
    }

    /// The owners of collections that contain a child whose foreign key, in memory or in its row, matches no key in memory: the database may
    /// consider it equal to theirs.
    fn owners_by_other_texts(
        &mut self,
        child: ObjectId,
        reference: &Reference,
    ) -> Result<Vec<ObjectId>> {
        let parents = &self.entry(reference.parent_store).mapper;
        let is_set = self.edges.links.get(child, &reference.columns).is_some();
        let collection = reference.collection.filter(|_| !is_set);
        let Some(collection) =
            collection.filter(|_| has_text(parents, &parents.table().primary_key))
        else {
            return Ok(Vec::new());
        };
        let store = self.any_store(child.0);
        let (mut now, mut row) = (Vec::new(), Vec::new());
        store.values(child.1, &reference.columns, &mut now);
        if store.state(child.1) == State::Persistent {
            store.row_values(child.1, &reference.columns, &mut row);
        }
        let parents = reference.parent_store;
        if !self.is_other_text(parents, &now)? && !self.is_other_text(parents, &row)? {
            return Ok(Vec::new());
        }
        Ok(self.edges.owners_of(parents, collection, child))
    }

    /// Whether no object in memory has this key, although one may have a key with another text that the database considers equal.
    pub(in crate::session) fn is_other_text(&self, store: u16, key: &[Param<'_>]) -> Result<bool> {
        let mapper = &self.entry(store).mapper;
        let is_null = |param: &Param<'_>| param.value().is_none_or(|value| value.is_null());
        Ok(!key.is_empty()
            && !key.iter().any(is_null)
            && has_text(mapper, &mapper.table().primary_key)
            && self.mapped(store, key)?.is_none())
    }

    /// The mapped object with a key; `None` if a part of the key is NULL or not loaded.
    pub(in crate::session) fn mapped(
        &self,
        store: u16,
        key: &[Param<'_>],
    ) -> Result<Option<ObjectId>> {
        let known = key.iter().map(Param::value);
        let values = known.collect::<Option<Vec<ValueRef<'_>>>>();
        let values = values.filter(|values| !values.iter().any(|value| value.is_null()));
        let Some(values) = values else {
            return Ok(None);
        };
        let slot = self.any_store(store).find(&values)?;
        Ok(slot.map(|slot| (store, slot)))
    }
}
