//! Changing relations in memory, on both sides at once.

use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::entity::{
    Attachment, Cardinality, Mapped, RelationKind, RelationOf, ResolvedRelation, ToMany, ToOne,
};
use crate::error::{Error, ErrorKind, Result};
use crate::record;
use crate::session::memory::edges::{Departure, ObjectId};
use crate::session::read::equal_texts::EqualTexts;
use crate::session::{AddOrMerge, Handle, Session, State};

impl Session {
    /// Sets a to-one relation. Both sides change in memory at once; the next flush writes the foreign key.
    ///
    /// If the foreign key is on the other side, the object that currently holds it loses it; if that object is not known, it is loaded with
    /// one SELECT.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidState`] if the parent is marked for deletion, or if the child's row was deleted in this transaction;
    /// [`ErrorKind::StaleHandle`], [`ErrorKind::ForeignHandle`], [`ErrorKind::Mapping`]; errors of the SELECT.
    pub fn set<E: Mapped, To: Mapped, K: ToOne>(
        &mut self,
        owner: Handle<E>,
        relation: impl RelationOf<E, To, K>,
        target: K::Target<To>,
    ) -> Result<()> {
        let (owner, relation) = self.end(owner, &relation)?;
        let target: Option<Handle<To>> = target.into();
        let target = target.map(|target| self.other_end(owner, relation, target));
        let target = target.transpose()?;
        let resolved = self.relation(owner.0, relation)?;
        if !leads_to_one(&resolved) {
            return Err(self.leads_to_other(owner, relation, "many objects: use `push`"));
        }
        let reference = self.reference(owner.0, relation, &resolved);
        if resolved.kind == RelationKind::BelongsTo {
            return self.set_parent(owner, &reference, target);
        }
        self.load_owned(owner, relation, &resolved)?;
        match target {
            Some(child) => self.set_parent(child, &reference, Some(owner)),
            None => match self.owned(owner, relation) {
                Some(child) => self.set_parent(child, &reference, None),
                None => Ok(()),
            },
        }
    }

    /// Replaces the members of a collection: current members that are not among the objects are removed, new ones are added. A collection
    /// that is not loaded is loaded first.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidState`] for several objects in a to-one relation given by name; otherwise as [`load`](Self::load) and
    /// [`push`](Self::push).
    pub fn replace<E: Mapped, To: Mapped, K: ToMany>(
        &mut self,
        owner: Handle<E>,
        relation: impl RelationOf<E, To, K>,
        targets: impl IntoIterator<Item = Handle<To>>,
    ) -> Result<()> {
        let (owner, relation) = self.end(owner, &relation)?;
        let targets = targets.into_iter();
        let targets: Result<Vec<ObjectId>> = targets
            .map(|target| self.other_end(owner, relation, target))
            .collect();
        let targets = targets?;
        if targets.len() > 1 && leads_to_one(&*self.relation(owner.0, relation)?) {
            let mapper = &self.entry(owner.0).mapper;
            let name = mapper.relation_name(relation);
            let message = format!("{name} refers to one object, not to several");
            return Err(Error::new(ErrorKind::InvalidState, message).entity(mapper.name()));
        }
        let (store, before) = self.load_relation(owner, relation)?;
        let members: FxHashSet<ObjectId> = targets.iter().copied().collect();
        for gone in before.into_iter().map(|slot| (store, slot)) {
            if !members.contains(&gone) {
                self.disconnect(owner, relation, gone)?;
            }
        }
        for target in targets {
            self.connect_loaded(owner, relation, target)?;
        }
        Ok(())
    }

    /// Adds an object to a collection. In a one-to-many relation it is removed from the collection it was in. A to-one relation of a
    /// record, given by name, is set.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidState`] if one of them is marked for deletion and the relation is many-to-many; otherwise as [`set`](Self::set).
    pub fn push<E: Mapped, To: Mapped, K: ToMany>(
        &mut self,
        owner: Handle<E>,
        relation: impl RelationOf<E, To, K>,
        target: Handle<To>,
    ) -> Result<()> {
        let (owner, relation) = self.end(owner, &relation)?;
        let target = self.other_end(owner, relation, target)?;
        self.connect_loaded(owner, relation, target)
    }

    /// Removes an object from a collection; with `delete-orphan` the next flush deletes it. If a many-to-many relation is loaded on neither
    /// side, membership is unknown: if the object is not a member, the next flush fails with [`ErrorKind::StaleData`]. A to-one relation of
    /// a record, given by name, is emptied.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidState`] if the object is known not to be a member; otherwise as [`set`](Self::set).
    pub fn remove<E: Mapped, To: Mapped, K: ToMany>(
        &mut self,
        owner: Handle<E>,
        relation: impl RelationOf<E, To, K>,
        target: Handle<To>,
    ) -> Result<()> {
        let (owner, relation) = self.end(owner, &relation)?;
        let target = self.other_end(owner, relation, target)?;
        self.disconnect(owner, relation, target)
    }

    /// The owner and the index of its relation.
    pub(in crate::session) fn end<E: Mapped, To: Mapped, K: Cardinality>(
        &self,
        owner: Handle<E>,
        relation: &impl RelationOf<E, To, K>,
    ) -> Result<(ObjectId, u16)> {
        let owner = self.node(owner)?;
        let relation = relation.find(&self.entry(owner.0).mapper)?;
        Ok((owner, relation))
    }

    /// The other object of a relation; a record must belong to the target table.
    fn other_end<To: Mapped>(
        &mut self,
        owner: ObjectId,
        relation: u16,
        target: Handle<To>,
    ) -> Result<ObjectId> {
        let target = self.node(target)?;
        if !self.entry(owner.0).mapper.is_of_records()
            || self.target_store(owner.0, relation) == target.0
        {
            return Ok(target);
        }
        let (owner, target) = (&self.entry(owner.0).mapper, &self.entry(target.0).mapper);
        let relation = owner.relations()[usize::from(relation)].name();
        Err(record::leads_elsewhere(owner, relation, target.name()))
    }

    #[cold]
    fn leads_to_other(&self, owner: ObjectId, relation: u16, what: &str) -> Error {
        let mapper = &self.entry(owner.0).mapper;
        let message = format!("{} refers to {what}", mapper.relation_name(relation));
        Error::new(ErrorKind::Mapping, message).entity(mapper.name())
    }

    /// Connects two objects; the current target of a one-to-one relation is loaded first, so that it loses its owner.
    fn connect_loaded(&mut self, owner: ObjectId, relation: u16, target: ObjectId) -> Result<()> {
        let resolved = self.relation(owner.0, relation)?;
        if resolved.kind == RelationKind::HasOne {
            self.load_owned(owner, relation, &resolved)?;
        }
        self.connect(owner, relation, target)
    }

    fn disconnect(&mut self, owner: ObjectId, relation: u16, target: ObjectId) -> Result<()> {
        let resolved = self.relation(owner.0, relation)?;
        if let Some(through) = &resolved.through {
            return self.remove_pair(owner, relation, &resolved, through, target);
        }
        let reference = self.reference(owner.0, relation, &resolved);
        let (child, parent) = match resolved.kind {
            RelationKind::BelongsTo => (owner, target),
            _ => (target, owner),
        };
        let mut known = self.parent(child, &reference)?;
        if known.is_none()
            && let Some(key) = self.other_text(child, &reference)
        {
            let mut texts = EqualTexts::default();
            self.find_equal(parent.0, [key.clone()], &mut texts)?;
            known = texts.get(parent.0, key);
        }
        if known != Some(parent) {
            let name = self.entry(owner.0).mapper.relation_name(relation);
            let message = format!("the object to remove is not in {name} of this object");
            return Err(Error::new(ErrorKind::InvalidState, message));
        }
        self.set_parent(child, &reference, None)
    }

    /// Attaches the pending relations of one object: [`set`](Self::set) or [`push`](Self::push), with errors kept for the next flush.
    pub(crate) fn attach_all(&mut self, owner: ObjectId, attachments: Vec<(u16, Attachment)>) {
        for (relation, attach) in attachments {
            let result = attach
                .attach(self, AddOrMerge::Add)
                .and_then(|target| self.connect(owner, relation, target));
            if let Err(error) = result {
                self.refused.add(owner, relation, error);
            }
        }
    }

    pub(in crate::session) fn connect(
        &mut self,
        owner: ObjectId,
        relation: u16,
        target: ObjectId,
    ) -> Result<()> {
        let resolved = self.relation(owner.0, relation)?;
        if let Some(through) = &resolved.through {
            return self.add_pair(owner, relation, &resolved, through, target);
        }
        let reference = self.reference(owner.0, relation, &resolved);
        match resolved.kind {
            RelationKind::BelongsTo => self.set_parent(owner, &reference, Some(target)),
            _ => self.set_parent(target, &reference, Some(owner)),
        }
    }

    pub(in crate::session) fn relation(
        &self,
        store: u16,
        relation: u16,
    ) -> Result<Arc<ResolvedRelation>> {
        Ok(Arc::clone(
            &self.entry(store).mapper.resolved()?[usize::from(relation)],
        ))
    }

    /// The store of a relation's target.
    pub(in crate::session) fn target_store(&mut self, store: u16, relation: u16) -> u16 {
        let descriptor = &self.entry(store).mapper.relations()[usize::from(relation)];
        let mapper = descriptor.target();
        let known = (0u16..).zip(&self.stores);
        let mut known = known.filter(|(_, entry)| entry.mapper.id() == mapper.id());
        if let Some((known, _)) = known.next() {
            return known;
        }
        // The descriptor is cloned only the first time.
        let descriptor = descriptor.clone();
        self.store_for(&mapper, &*descriptor.store)
    }

    /// Loads the target of a to-one relation whose foreign key is on the other side, if it is not known.
    fn load_owned(
        &mut self,
        owner: ObjectId,
        relation: u16,
        resolved: &ResolvedRelation,
    ) -> Result<()> {
        if self.any_store(owner.0).state(owner.1) != State::Persistent {
            return Ok(());
        }
        // Without a flush, because an exchange of objects may be half done.
        self.load_collections(owner.0, relation, resolved, &[owner.1], &[])?;
        Ok(())
    }

    /// The known target of a to-one relation whose foreign key is on the other side.
    fn owned(&mut self, owner: ObjectId, relation: u16) -> Option<ObjectId> {
        let target = self.target_store(owner.0, relation);
        let first = self.edges.known((owner, relation)).next();
        first.map(|slot| (target, slot))
    }

    /// The members of a collection that is loaded.
    pub(in crate::session) fn members(&self, owner: ObjectId, relation: u16) -> Vec<u32> {
        self.loaded_members(owner, relation).unwrap_or_default()
    }

    /// The members of a collection, if it is loaded, without those whose rows a flush has deleted, which are kept for an undo.
    pub(in crate::session) fn loaded_members(
        &self,
        owner: ObjectId,
        relation: u16,
    ) -> Option<Vec<u32>> {
        let members = self.edges.loaded((owner, relation))?;
        let store = self.any_store(self.known_target(owner.0, relation)?);
        let is_there = |&slot: &u32| store.state(slot) != State::Deleted;
        Some(members.iter().filter(is_there).collect())
    }

    /// Removes the edges of objects whose rows no longer exist.
    pub(in crate::session) fn forget_objects_without_rows(&mut self) {
        for store in 0..u16::try_from(self.stores.len()).unwrap_or(u16::MAX) {
            let states = self.any_store_mut(store).states_mut();
            for slot in states.take_objects_to_forget() {
                let departure = match self.any_store(store).state(slot) {
                    // A rollback to a savepoint has brought it back.
                    State::Persistent => continue,
                    // A rollback may bring it back: the collections are reread then.
                    State::Deleted => Departure::RowStays,
                    _ => Departure::RowGone,
                };
                self.forget_edges((store, slot), departure);
            }
        }
    }

    pub(in crate::session) fn forget_edges(&mut self, node: ObjectId, departure: Departure) {
        let relations = self.relation_count(node.0);
        self.edges.forget(&mut self.log, node, relations, departure);
    }
}

fn leads_to_one(relation: &ResolvedRelation) -> bool {
    matches!(
        relation.kind,
        RelationKind::BelongsTo | RelationKind::HasOne
    )
}
