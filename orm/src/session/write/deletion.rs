//! Deletions: cascades, and the order of rows.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::entity::{RelationKind, ResolvedRelation};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::{Column, ForeignKey, Table};
use crate::session::memory::edges::ObjectId;
use crate::session::memory::links::Reference;
use crate::session::read::equal_texts::{EqualTexts, Resembling};
use crate::session::read::lookup::{has_text, owned, values};
use crate::session::write::foreign_keys::columns_to_clear;
use crate::session::write::plan::Tie;
use crate::session::{Session, State};
use crate::value::{Param, Value, ValueRef};

/// The references among deleted rows.
#[derive(Debug, Default)]
pub(in crate::session) struct DeleteOrder {
    /// The rows, in the order of their keys.
    pub(in crate::session) deletes: Vec<u32>,
    /// References within the table: from, to.
    pub(in crate::session) after: Vec<(u32, u32)>,
    /// References by nullable foreign keys.
    pub(in crate::session) ties: Vec<Tie>,
}

/// The children in memory of relations with passive deletes, kept until something is read.
#[derive(Default)]
struct KnownChildren {
    of_relations: FxHashMap<(u16, u16), ChildrenInMemory>,
    have_read: bool,
    texts: EqualTexts,
}

/// The objects of a store whose rows need not be read.
#[derive(Default)]
struct ChildrenInMemory {
    by_parent: FxHashMap<ObjectId, Vec<u32>>,
    /// Objects whose foreign key is a text that no object in memory has as its key.
    others: Vec<(u32, Vec<Value>)>,
}

impl Session {
    /// Deletes orphans: children that lost their parent in a relation with `delete-orphan`.
    pub(in crate::session) fn delete_orphans(&mut self) -> Result<()> {
        let orphans = self
            .edges
            .links
            .iter()
            .filter(|link| link.parent.is_none() && link.reference.delete_orphan)
            .map(|link| link.child);
        let orphans = orphans.collect::<Vec<ObjectId>>();
        // Another session may have given it a new parent since it was read. With a version column the DELETE detects that.
        let is_unsure = |&(store, slot): &ObjectId| {
            let entry = self.entry(store);
            entry.mapper.version_column().is_none() && entry.store.is_expired(slot, self.log.epoch)
        };
        if orphans.iter().any(is_unsure) {
            self.reread_expired()?;
        }
        for child in orphans {
            self.edges.note_cascade(None, child);
            self.delete_cascaded(child)?;
        }
        Ok(())
    }

    /// Applies deletions to children: with a delete cascade they are deleted too, otherwise they lose their parent. Returns the equal texts
    /// that the database found.
    pub(in crate::session) fn cascade_deletes(&mut self) -> Result<EqualTexts> {
        let mut done: BTreeMap<u16, usize> = BTreeMap::new();
        let mut known = KnownChildren::default();
        loop {
            let mut found: BTreeMap<u16, Vec<u32>> = BTreeMap::new();
            for (store, entry) in (0u16..).zip(&self.stores) {
                let position = done.entry(store).or_default();
                let slots = entry.store.states().marked_since(position);
                if !slots.is_empty() {
                    found.insert(store, slots);
                }
            }
            if found.is_empty() {
                return Ok(known.texts);
            }
            for (store, slots) in found {
                self.cascade_deletes_of(store, &slots, &mut known)?;
            }
        }
    }

    /// Deletes an object because of another: a pending one becomes transient, with its own pending children.
    fn delete_cascaded(&mut self, node: ObjectId) -> Result<()> {
        let mut left = vec![node];
        while let Some((store, slot)) = left.pop() {
            match self.any_store(store).state(slot) {
                State::Pending => {
                    self.any_store_mut(store).make_transient(slot);
                    left.extend(self.pending_children((store, slot))?);
                }
                State::Persistent => self.any_store_mut(store).mark_deleted(slot)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Deletes a child because its parent is deleted. Refuses a new child that was added to the parent after the deletion, which would be
    /// lost silently.
    fn delete_with_parent(
        &mut self,
        owner: ObjectId,
        columns: &[usize],
        child: ObjectId,
    ) -> Result<()> {
        let edges = &mut self.edges;
        let is_lost = edges
            .links
            .is_set_after(child, columns, edges.deletion(owner));
        edges.note_cascade(Some(owner), child);
        if !is_lost || self.any_store(child.0).state(child.1) != State::Pending {
            return self.delete_cascaded(child);
        }
        let parent = self.entry(owner.0);
        let message = format!(
            "it was added to the {} with the key {}, which is deleted in the same flush",
            parent.mapper.name(),
            parent.store.key_text(owner.1)
        );
        let mapper = &self.entry(child.0).mapper;
        Err(Error::new(ErrorKind::InvalidState, message)
            .entity(mapper.name())
            .column(&mapper.table().columns[columns[0]].name))
    }

    /// The pending objects that delete cascades reach from a pending object.
    fn pending_children(&mut self, owner: ObjectId) -> Result<Vec<ObjectId>> {
        let relations = self.entry(owner.0).mapper.resolved()?.to_vec();
        let mut children = Vec::new();
        for (index, _) in (0u16..)
            .zip(&relations)
            .filter(|(_, resolved)| resolved.cascade.delete)
        {
            let target = self.target_store(owner.0, index);
            let pending = self.edges.known((owner, index));
            let pending =
                pending.filter(|&slot| self.any_store(target).state(slot) == State::Pending);
            children.extend(pending.map(|slot| (target, slot)));
        }
        Ok(children)
    }

    fn cascade_deletes_of(
        &mut self,
        store: u16,
        owners: &[u32],
        known: &mut KnownChildren,
    ) -> Result<()> {
        let relations = self.entry(store).mapper.resolved()?.to_vec();
        for (index, resolved) in (0u16..).zip(&relations) {
            if resolved.kind == RelationKind::BelongsTo {
                continue;
            }
            // Read-only rows are left to the database.
            let target = self.target_store(store, index);
            if resolved.through.is_none() && self.entry(target).mapper.is_read_only() {
                continue;
            }
            // Without the cascade only the pairs are deleted, which need not be loaded.
            if resolved.through.is_some() && !resolved.cascade.delete {
                continue;
            }
            // Without enforced foreign keys, the database does nothing with the children.
            let is_passive = resolved.passive_deletes && self.engine.capabilities().foreign_keys;
            let owners = match is_passive {
                true => Cow::Owned(self.release_passively(store, index, resolved, owners, known)?),
                false => Cow::Borrowed(owners),
            };
            if owners.is_empty() {
                continue;
            }
            let owners = &*owners;
            for &owner in owners {
                // Rereading a collection of pairs would lose its changes.
                let has_changed =
                    resolved.through.is_some() && self.edges.pairs.touch((store, owner));
                if !has_changed {
                    self.edges
                        .unload_lacking(&mut self.log, ((store, owner), index));
                }
            }
            self.load_collections(store, index, resolved, owners, &[])?;
            known.have_read = true;
            let target = self.target_store(store, index);
            if resolved.through.is_some() {
                for &owner in owners {
                    for member in self.members((store, owner), index) {
                        self.delete_cascaded((target, member))?;
                    }
                }
                continue;
            }
            let reference = self.reference(store, index, resolved);
            let members = owners.iter().flat_map(|&owner| {
                let members = self.members((store, owner), index).into_iter();
                members.map(move |child| ((store, owner), (target, child)))
            });
            let members: Vec<(ObjectId, ObjectId)> = members.collect();
            self.find_other_parents(&members, &reference, &mut known.texts)?;
            for (owner, child) in members {
                self.release_child(owner, index, resolved, &reference, child, &known.texts)?;
            }
        }
        Ok(())
    }

    /// Leaves the children of deleted rows to the database. Returns the owners whose rows new objects take over: the database does nothing
    /// with the children of these.
    fn release_passively(
        &mut self,
        store: u16,
        relation: u16,
        resolved: &ResolvedRelation,
        owners: &[u32],
        known: &mut KnownChildren,
    ) -> Result<Vec<u32>> {
        let (mut stay, mut go) = (Vec::new(), Vec::new());
        for &owner in owners {
            let key = self.key_values(store, &[owner]);
            let is_taken_over = self.any_store_mut(store).find_pending(&values(&key))?;
            match is_taken_over {
                Some(_) => stay.push(owner),
                None => go.push(owner),
            }
        }
        if !go.is_empty() {
            self.release_children_in_memory(store, relation, resolved, &go, known)?;
        }
        Ok(stay)
    }

    /// Releases the children in memory, and leaves others to the database, including those whose rows may have changed since they were
    /// read.
    fn release_children_in_memory(
        &mut self,
        store: u16,
        relation: u16,
        resolved: &ResolvedRelation,
        owners: &[u32],
        known: &mut KnownChildren,
    ) -> Result<()> {
        let reference = self.reference(store, relation, resolved);
        let target = self.target_store(store, relation);
        if std::mem::take(&mut known.have_read) {
            known.of_relations.clear();
        }
        let mut all = known.of_relations.remove(&(store, relation));
        let children = match &mut all {
            Some(children) => children,
            none => none.insert(self.children_in_memory(target, &reference)?),
        };
        self.find_equal_children(children, store, owners, &mut known.texts)?;
        let owners = owners.iter().map(|&owner| (store, owner));
        let of_owner = |owner| {
            let children = children.by_parent.remove(&owner).unwrap_or_default();
            children.into_iter().map(move |slot| (slot, owner))
        };
        let mut found: Vec<(u32, ObjectId)> = owners.flat_map(of_owner).collect();
        found.sort_unstable();
        for (slot, owner) in found {
            if self.is_known(target, slot) {
                let child = (target, slot);
                self.release_child(owner, relation, resolved, &reference, child, &known.texts)?;
            }
        }
        known
            .of_relations
            .extend(all.map(|all| ((store, relation), all)));
        Ok(())
    }

    /// The objects of a store whose rows need not be read, by their parents.
    fn children_in_memory(&self, target: u16, reference: &Reference) -> Result<ChildrenInMemory> {
        let mut children = ChildrenInMemory::default();
        for slot in (0..self.any_store(target).len()).filter(|&slot| self.is_known(target, slot)) {
            let child = (target, slot);
            if let Some(parent) = self.parent(child, reference)? {
                children.by_parent.entry(parent).or_default().push(slot);
            } else if let Some(key) = self.other_text(child, reference) {
                children.others.push((slot, key));
            }
        }
        Ok(children)
    }

    /// Finds the children whose foreign keys the database may consider equal to the keys of these owners.
    fn find_equal_children(
        &mut self,
        children: &mut ChildrenInMemory,
        store: u16,
        owners: &[u32],
        texts: &mut EqualTexts,
    ) -> Result<()> {
        let resembling = match children.others.is_empty() {
            true => None,
            false => Resembling::to(self, store, owners),
        };
        let Some(resembling) = resembling else {
            return Ok(());
        };
        let others = std::mem::take(&mut children.others).into_iter();
        let (asked, others) = others.partition(|(_, key)| resembling.has(key));
        children.others = others;
        let asked: Vec<(u32, Vec<Value>)> = asked;
        self.find_equal(store, asked.iter().map(|(_, key)| key.clone()), texts)?;
        for (slot, key) in asked {
            if let Some(parent) = texts.get(store, key) {
                children.by_parent.entry(parent).or_default().push(slot);
            }
        }
        Ok(())
    }

    /// Whether an object is new, or its row cannot have changed since it was read.
    fn is_known(&self, store: u16, slot: u32) -> bool {
        let any = self.any_store(store);
        match any.state(slot) {
            State::Pending => true,
            State::Persistent => {
                !any.is_expired(slot, self.log.epoch) && !any.is_marked_deleted(slot)
            }
            _ => false,
        }
    }

    /// The foreign key of a child, if it was not set as a relation and no object in memory has it as its key, but one may have an equal key
    /// with another text.
    pub(in crate::session) fn other_text(
        &self,
        child: ObjectId,
        reference: &Reference,
    ) -> Option<Vec<Value>> {
        let parent = &self.entry(reference.parent_store).mapper;
        let is_set = self.edges.links.get(child, &reference.columns).is_some();
        match is_set || !has_text(parent, &parent.table().primary_key) {
            true => None,
            false => self.foreign_key(child, &reference.columns),
        }
    }

    /// Queries the parents of members whose foreign keys match no key in memory.
    fn find_other_parents(
        &mut self,
        members: &[(ObjectId, ObjectId)],
        reference: &Reference,
        texts: &mut EqualTexts,
    ) -> Result<()> {
        let mut unknown = Vec::new();
        for &(_, child) in members {
            if self.parent(child, reference)?.is_none() {
                unknown.extend(self.other_text(child, reference));
            }
        }
        self.find_equal(reference.parent_store, unknown, texts)
    }

    /// Whether a child references an owner: by a key that is equal in memory, or that the database considers equal because of a collation or
    /// another text of the same value. A child whose foreign key is set to an expression has left, unless the expression is the owner's key.
    fn is_parent(
        &self,
        owner: ObjectId,
        child: ObjectId,
        reference: &Reference,
        texts: &EqualTexts,
    ) -> Result<bool> {
        if self.is_computed(child, &reference.columns) {
            return Ok(self.computed_parent(child, reference)? == Some(owner));
        }
        let parent = match self.parent(child, reference)? {
            None => self
                .other_text(child, reference)
                .and_then(|key| texts.get(owner.0, key)),
            parent => parent,
        };
        Ok(parent == Some(owner))
    }

    fn release_child(
        &mut self,
        owner: ObjectId,
        relation: u16,
        resolved: &ResolvedRelation,
        reference: &Reference,
        child: ObjectId,
        texts: &EqualTexts,
    ) -> Result<()> {
        if !self.is_parent(owner, child, reference, texts)? {
            // Its foreign key changed since the collection was read.
            return Ok(());
        }
        if resolved.cascade.delete {
            return self.delete_with_parent(owner, &resolved.remote, child);
        }
        let store = self.any_store(child.0);
        let is_there = matches!(store.state(child.1), State::Pending | State::Persistent);
        if !is_there || store.is_marked_deleted(child.1) {
            return Ok(());
        }
        if resolved.required {
            let (parent, mapper) = (&self.entry(owner.0).mapper, &self.entry(child.0).mapper);
            let column = &mapper.table().columns[resolved.remote[0]].name;
            let message = format!(
                "{} cannot be deleted: it has a {} whose {column} is NOT NULL; delete that too, move it, or give {}.{} the cascade `all`",
                parent.name(),
                mapper.name(),
                parent.name(),
                parent.relations()[usize::from(relation)].name,
            );
            return Err(Error::new(ErrorKind::ForeignKeyViolation, message).entity(parent.name()));
        }
        self.set_parent(child, reference, None)
    }

    /// The references among the rows to be deleted, by store.
    pub(in crate::session) fn delete_orders(
        &mut self,
        texts: &mut EqualTexts,
    ) -> Result<BTreeMap<u16, DeleteOrder>> {
        let mut orders = BTreeMap::new();
        for store in 0..u16::try_from(self.stores.len()).unwrap_or(u16::MAX) {
            let mut deletes = self.any_store(store).marked().to_vec();
            if !deletes.is_empty() {
                self.any_store(store).sort_by_key(&mut deletes);
                let order = self.delete_order(store, &deletes, texts)?;
                orders.insert(store, DeleteOrder { deletes, ..order });
            }
        }
        Ok(orders)
    }

    /// The references among deleted rows: within the table, and to other tables by nullable foreign keys.
    pub(in crate::session) fn delete_order(
        &mut self,
        store: u16,
        deletes: &[u32],
        texts: &mut EqualTexts,
    ) -> Result<DeleteOrder> {
        let mapper = Arc::clone(&self.entry(store).mapper);
        let table = mapper.table();
        let mut order = DeleteOrder::default();
        for key in table.foreign_keys.iter().filter(|_| !deletes.is_empty()) {
            let referred = (0u16..)
                .zip(&self.stores)
                .find(|(_, entry)| entry.mapper.table().name == key.table);
            let Some((parent_store, parent)) = referred else {
                continue;
            };
            let to_key = references_to_primary_key(key, table, parent.mapper.table());
            let own = key.columns.iter().filter_map(|name| table.position(name));
            let nullable = own.into_iter().any(|at| table.columns[at].nullable);
            if parent.store.marked().is_empty() || (parent_store != store && !nullable) {
                continue;
            }
            let (columns, rows) = match to_key {
                Some(columns) => {
                    let rows =
                        self.deleted_parents(store, deletes, &columns, parent_store, texts)?;
                    (columns, rows)
                }
                None => self.deleted_parents_by_values(store, deletes, parent_store, key),
            };
            for (slot, marked) in rows {
                let is_own = parent_store == store;
                if is_own {
                    order.after.push((slot, marked));
                }
                let is_itself = is_own && marked == slot;
                if nullable && !(is_itself && self.engine.dialect().deletes_own_references()) {
                    order.ties.push(Tie {
                        child: slot,
                        parent: parent_store,
                        row: is_own.then_some(marked),
                        columns: columns_to_clear(table, &columns),
                    });
                }
            }
        }
        Ok(order)
    }

    /// Returns pairs of deleted rows in which the first references the second.
    fn deleted_parents(
        &mut self,
        store: u16,
        rows: &[u32],
        columns: &[usize],
        parents: u16,
        texts: &mut EqualTexts,
    ) -> Result<Vec<(u32, u32)>> {
        let mut found = Vec::new();
        let mut others = Vec::new();
        for &slot in rows {
            let mut params = Vec::with_capacity(columns.len());
            self.any_store(store).row_values(slot, columns, &mut params);
            let key: Vec<ValueRef<'_>> = params.iter().filter_map(Param::value).collect();
            if key.iter().any(|value| value.is_null()) {
                continue;
            }
            match self.any_store(parents).find(&key)? {
                Some(parent) => found.push((slot, parent)),
                None => others.push((slot, owned(&params))),
            }
        }
        if !others.is_empty() {
            let marked = self.any_store(parents).marked().to_vec();
            let resembling = Resembling::to(self, parents, &marked);
            others.retain(|(_, key)| resembling.as_ref().is_some_and(|some| some.has(key)));
            self.find_equal(parents, others.iter().map(|(_, key)| key.clone()), texts)?;
            let equal = others.into_iter();
            found.extend(equal.filter_map(|(slot, key)| Some((slot, texts.get(parents, key)?.1))));
        }
        found.retain(|&(_, parent)| self.any_store(parents).is_marked_deleted(parent));
        Ok(found)
    }

    /// Sets foreign key columns of rows marked for deletion to NULL, so that the referenced rows can be deleted first. Refused if other rows
    /// follow them, which would then escape what the deletion does to them.
    pub(in crate::session) fn cut_ties(
        &mut self,
        store: u16,
        columns: &[usize],
        slots: &[u32],
    ) -> Result<()> {
        let any = self.any_store(store);
        let is_marked = |slot: &u32| any.is_marked_deleted(*slot);
        let marked: Vec<u32> = slots.iter().copied().filter(is_marked).collect();
        self.refuse_followers(store, columns, &marked)?;
        for slot in marked {
            for &column in columns {
                self.assign_changed((store, slot), column, &Value::Null)?;
            }
        }
        Ok(())
    }
}

/// The columns of a foreign key that references the primary key of `parent`, in the order of that key: their values can be looked up in
/// the identity map. `None` if it references other columns.
pub(in crate::session) fn references_to_primary_key(
    key: &ForeignKey,
    table: &Table,
    parent: &Table,
) -> Option<Vec<usize>> {
    let column = |referenced: &Column| {
        let at = key
            .references
            .iter()
            .position(|name| *name == referenced.name)?;
        table.position(key.columns.get(at)?)
    };
    match key.references.len() == parent.primary_key.len() {
        true => parent.key_columns().map(column).collect(),
        false => None,
    }
}
