//! Loading by key and along relations, for one or many owners.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use crate::backend::Row;
use crate::entity::{
    Cardinality, Entity, Fetch, Key, Mapped, Mapper, RelationKind, RelationOf, ResolvedRelation,
    ToMany,
};
use crate::error::{Error, ErrorKind, Result};
use crate::render::Lock;
use crate::session::read::lookup::{Lookup, owned};
use crate::session::{Handle, ObjectId, Session, State};
use crate::value::{Param, Value, ValueRef, ValueType};

impl Session {
    /// Returns the object with this key, or `None` if there is no such row: from the identity map if it is there and not expired, otherwise
    /// with one SELECT.
    ///
    /// # Errors
    ///
    /// Errors of the autoflush or the SELECT; [`ErrorKind::Conversion`] if the key is of another type.
    pub fn get<E: Entity>(&mut self, key: impl Into<E::Key>) -> Result<Option<Handle<E>>> {
        let key = key.into();
        let store = self.store_of::<E>();
        let known = self.stores[usize::from(store)]
            .store
            .as_any()
            .downcast_ref()
            .and_then(|s: &crate::session::Store<E>| s.find_key(&key));
        if let Some(slot) =
            known.filter(|&slot| !self.any_store(store).is_expired(slot, self.epoch))
        {
            return Ok(Some(self.handle((store, slot))));
        }
        let found = key.with_params(|key| self.load_one(store, key))?;
        Ok(found.map(|slot| self.handle((store, slot))))
    }

    /// Returns the objects with these keys, in the order of the keys; keys without a row are omitted. Objects that are not in the identity
    /// map are loaded with as few statements as the backend allows.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn get_many<E: Entity>(
        &mut self,
        keys: impl IntoIterator<Item = impl Into<E::Key>>,
    ) -> Result<Vec<Handle<E>>> {
        let keys: Vec<E::Key> = keys.into_iter().map(Into::into).collect();
        let store = self.store_of::<E>();
        let mut params = Vec::with_capacity(keys.len());
        for key in &keys {
            let known = self.typed_store::<E>(store).find_key(key);
            if known.is_none_or(|slot| self.any_store(store).is_expired(slot, self.epoch)) {
                key.params(&mut params);
            }
        }
        let missing = owned(&params);
        let mut read = BTreeSet::new();
        if !missing.is_empty() {
            let slots = self.load_by_key(store, &missing)?;
            self.load_default_relations(store, &slots)?;
            read.extend(slots);
        }
        let mut found: Vec<Option<u32>> = {
            let store = self.typed_store::<E>(store);
            keys.iter().map(|key| store.find_key(key)).collect()
        };
        // A mapped row that the reread did not find no longer exists.
        for slot in &mut found {
            slot.take_if(|slot| {
                !read.contains(slot) && self.any_store(store).is_expired(*slot, self.epoch)
            });
        }
        let matched: BTreeSet<u32> = found.iter().flatten().copied().collect();
        if !read.is_subset(&matched) {
            // The database considers keys equal that are different here: each key without a match is looked up separately.
            for (slot, key) in found.iter_mut().zip(&keys) {
                if slot.is_none() {
                    let mut params = Vec::with_capacity(1);
                    key.params(&mut params);
                    *slot = self.load_by_key(store, &owned(&params))?.first().copied();
                }
            }
        }
        let found = found.into_iter().flatten();
        Ok(found.map(|slot| self.handle((store, slot))).collect())
    }

    /// Returns the target of a relation: from memory if it is known, otherwise by one SELECT.
    ///
    /// # Errors
    ///
    /// Errors of the autoflush or the SELECT; [`ErrorKind::NotLoaded`] if lazy loading of the relation is forbidden by the mapping or a
    /// query; [`ErrorKind::NoRow`] if a required object is missing; [`ErrorKind::StaleHandle`].
    pub fn load<E: Mapped, To: Mapped, K: Cardinality>(
        &mut self,
        owner: Handle<E>,
        relation: impl RelationOf<E, To, K>,
    ) -> Result<K::Loaded<To>> {
        let (owner, relation) = self.end(owner, &relation)?;
        let (target, slots) = self.load_relation(owner, relation)?;
        let handles = slots
            .into_iter()
            .map(|slot| self.handle((target, slot)))
            .collect();
        K::loaded(handles).ok_or_else(|| {
            let mapper = &self.entry(owner.0).mapper;
            let name = mapper.relation_name(relation);
            let message = format!("{name} is required, but its row does not exist");
            Error::new(ErrorKind::NoRow, message).entity(mapper.name())
        })
    }

    /// Returns the members of a collection if it is loaded; never sends a statement.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mapping`] for a relation, given by name, that is not a collection; [`ErrorKind::StaleHandle`],
    /// [`ErrorKind::ForeignHandle`].
    pub fn loaded<E: Mapped, To: Mapped, K: ToMany>(
        &self,
        owner: Handle<E>,
        relation: impl RelationOf<E, To, K>,
    ) -> Result<Option<Vec<Handle<To>>>> {
        let (owner, relation) = self.end(owner, &relation)?;
        let mapper = &self.entry(owner.0).mapper;
        let descriptor = &mapper.relations()[usize::from(relation)];
        if descriptor.kind() == RelationKind::BelongsTo {
            let message = format!("the relation {} is not a collection", descriptor.name());
            return Err(Error::new(ErrorKind::Mapping, message).entity(mapper.name()));
        }
        let slots = match self.loaded_members(owner, relation) {
            Some(slots) => Some(slots),
            None => Some(self.undone_members(owner, relation)).filter(|m| !m.is_empty()),
        };
        let target = self.known_target(owner.0, relation);
        Ok(slots.zip(target).map(|(slots, store)| {
            let slots = slots.into_iter();
            slots.map(|slot| self.handle((store, slot))).collect()
        }))
    }

    /// Implements [`get_many`](Self::get_many) for any mapping.
    pub(crate) fn get_keys<E: Mapped>(
        &mut self,
        mapper: &Arc<Mapper>,
        keys: &[Vec<Value>],
    ) -> Result<Vec<Handle<E>>> {
        let store = self.store_mapped_by::<E>(mapper);
        let mut missing = Vec::new();
        for key in keys {
            let found = self.any_store(store).find(&values(key))?;
            if found.is_none_or(|slot| self.any_store(store).is_expired(slot, self.epoch)) {
                missing.extend(key.iter().cloned());
            }
        }
        let mut read = BTreeSet::new();
        if !missing.is_empty() {
            let slots = self.load_by_key(store, &missing)?;
            self.load_default_relations(store, &slots)?;
            read.extend(slots);
        }
        let any = self.any_store(store);
        let mut found = Vec::with_capacity(keys.len());
        for key in keys {
            // A mapped row that the reread did not find no longer exists.
            let slot = any
                .find(&values(key))?
                .filter(|slot| read.contains(slot) || !any.is_expired(*slot, self.epoch));
            found.extend(slot.map(|slot| self.handle((store, slot))));
        }
        Ok(found)
    }

    /// The store of a relation's target, if the session has one.
    pub(in crate::session) fn known_target(&self, store: u16, relation: u16) -> Option<u16> {
        let target = self.entry(store).mapper.relations()[usize::from(relation)].target();
        let mut stores = (0u16..).zip(&self.stores);
        let found = stores.find(|(_, entry)| entry.mapper.id() == target.id());
        found.map(|(index, _)| index)
    }

    fn typed_store<E: Entity>(&self, store: u16) -> &crate::session::Store<E> {
        let any = self.any_store(store).as_any();
        any.downcast_ref()
            .expect("a store has the type of its mapper")
    }

    /// Flushes before a query, if autoflush is on.
    pub(crate) fn autoflush(&mut self) -> Result<()> {
        // Queries in the hooks of a flush do not flush.
        if self.phase.autoflush && !self.phase.flushing {
            self.flush()
        } else {
            Ok(())
        }
    }

    pub(in crate::session) fn load_relation(
        &mut self,
        owner: ObjectId,
        relation: u16,
    ) -> Result<(u16, Vec<u32>)> {
        let resolved = self.relation(owner.0, relation)?;
        let target = self.target_store(owner.0, relation);
        if resolved.kind == RelationKind::BelongsTo {
            let slots = self.load_parent(owner, relation, &resolved, target)?;
            return Ok((target, slots.into_iter().collect()));
        }
        if let Some(slots) = self.loaded_members(owner, relation) {
            return Ok((target, slots));
        }
        if self.any_store(owner.0).state(owner.1) != State::Persistent {
            let undone = self.undone_members(owner, relation);
            return Ok((
                target,
                if undone.is_empty() {
                    self.edges.known(owner, relation).collect()
                } else {
                    undone
                },
            ));
        }
        self.refuse_raise(owner, relation, &resolved)?;
        self.count_lazy_load(owner.0, relation);
        self.autoflush()?;
        self.load_collections(owner.0, relation, &resolved, &[owner.1], &[])?;
        self.load_below_collection(owner, relation, target)?;
        Ok((target, self.members(owner, relation)))
    }

    fn refuse_raise(
        &self,
        owner: ObjectId,
        relation: u16,
        resolved: &ResolvedRelation,
    ) -> Result<()> {
        let who = if resolved.fetch == Fetch::Raise {
            "is declared to raise"
        } else if self.edges.queried.is_refused(owner, relation) {
            "is set to raise by the query"
        } else {
            return Ok(());
        };
        let mapper = &self.entry(owner.0).mapper;
        let name = &mapper.relations()[usize::from(relation)].name;
        let message = format!("the relation {name} {who}, but was not loaded with its owner");
        Err(Error::new(ErrorKind::NotLoaded, message).entity(mapper.name()))
    }

    fn load_parent(
        &mut self,
        child: ObjectId,
        relation: u16,
        resolved: &ResolvedRelation,
        target: u16,
    ) -> Result<Option<u32>> {
        if let Some(link) = self.edges.links.get(child, &resolved.local) {
            let parent = link.parent.map(|parent| parent.1);
            if parent.is_some_and(|slot| self.any_store(target).state(slot) == State::Detached) {
                let (child, parent) = (&self.entry(child.0).mapper, &self.entry(target).mapper);
                let message = format!(
                    "the {} that the relation was set to has left the session",
                    parent.name()
                );
                return Err(Error::new(ErrorKind::StaleHandle, message).entity(child.name()));
            }
            return Ok(parent);
        }
        if let Some(parent) = self.undone_members(child, relation).pop() {
            return Ok(Some(parent));
        }
        if self.any_store(child.0).is_expired(child.1, self.epoch) {
            let keys = self.key_values(child.0, &[child.1]);
            self.load_by_key(child.0, &keys)?;
        }
        let Some(key) = self.foreign_key(child, &resolved.local) else {
            return Ok(None);
        };
        let found = self.any_store(target).find(&values(&key))?;
        if let Some(slot) =
            found.filter(|&slot| !self.any_store(target).is_expired(slot, self.epoch))
        {
            return Ok(Some(slot));
        }
        self.refuse_raise(child, relation, resolved)?;
        self.count_lazy_load(child.0, relation);
        let slots = self.load_by_key(target, &key)?;
        self.load_default_relations(target, &slots)?;
        Ok(slots.first().copied())
    }

    /// The values of some columns; `None` if one is NULL.
    pub(in crate::session) fn foreign_key(
        &self,
        node: ObjectId,
        columns: &[usize],
    ) -> Option<Vec<Value>> {
        let store = self.any_store(node.0);
        let values = columns.iter().map(|&column| {
            store
                .value(node.1, column)
                .value()
                .map_or(Value::Null, ValueRef::to_owned)
        });
        let values: Vec<Value> = values.collect();
        (!values.contains(&Value::Null)).then_some(values)
    }

    /// Loads the collections of many owners that are not loaded yet. Members are in the relation's order, by default in that of their keys.
    pub(in crate::session) fn load_collections(
        &mut self,
        store: u16,
        relation: u16,
        resolved: &ResolvedRelation,
        owners: &[u32],
        undefer: &[usize],
    ) -> Result<()> {
        let target = self.target_store(store, relation);
        let is_missing = |owner: &u32| self.edges.loaded((store, *owner), relation).is_none();
        let mut missing: Vec<u32> = owners.iter().copied().filter(is_missing).collect();
        missing.sort_unstable();
        missing.dedup();
        if missing.is_empty() {
            return Ok(());
        }
        let mapper = &self.entry(target).mapper;
        let key = &mapper.table().primary_key;
        // Integers have the same order everywhere, so they are sorted here instead of in the database.
        let is_integer = |column: &usize| {
            matches!(
                mapper.types()[*column],
                ValueType::I16 | ValueType::I32 | ValueType::I64
            )
        };
        let sorts_here = missing.len() > 1
            && resolved.order_by.is_empty()
            && resolved.through.is_none()
            && key.iter().all(is_integer);
        let order: Vec<(usize, bool)> = match sorts_here {
            true => Vec::new(),
            false => {
                let by_key = key.iter().map(|&column| (column, false));
                resolved.order_by.iter().copied().chain(by_key).collect()
            }
        };
        let stores = (store, target);
        let mut pairs = match self.read_members(stores, resolved, &missing, &order, undefer)? {
            Some(pairs) => pairs,
            None => {
                // The database considers keys equal that are different here, so query each owner separately.
                let mut pairs = Vec::new();
                for owner in &missing {
                    let owner = std::slice::from_ref(owner);
                    let members = self.read_members(stores, resolved, owner, &order, undefer)?;
                    pairs.extend(members.into_iter().flatten());
                }
                pairs
            }
        };
        // A stable sort keeps the members of an owner in order.
        if !pairs.is_sorted_by_key(|pair| pair.0) {
            pairs.sort_by_key(|pair| pair.0);
        }
        self.edges.reserve(missing.len());
        let mut rest = &pairs[..];
        for owner in missing {
            let count = rest.iter().take_while(|pair| pair.0 == owner).count();
            let (own, others) = rest.split_at(count);
            let mut slots: Vec<u32> = own.iter().map(|pair| pair.1).collect();
            if sorts_here {
                self.any_store(target).sort_by_key(&mut slots);
            }
            self.fill_collection((store, owner), relation, resolved, target, slots);
            rest = others;
        }
        Ok(())
    }

    /// Reads the members of the collections of some owners, each with the owner that its row references. `None` if a row's owner cannot be
    /// found among them by its key; with a single owner all rows belong to it.
    fn read_members(
        &mut self,
        (store, target): (u16, u16),
        resolved: &ResolvedRelation,
        owners: &[u32],
        order: &[(usize, bool)],
        undefer: &[usize],
    ) -> Result<Option<Vec<(u32, u32)>>> {
        let mapper = Arc::clone(&self.entry(target).mapper);
        let read = mapper.reading(undefer);
        let columns = resolved.remote.iter();
        // The owner's column may have a collation that does not compare text byte by byte.
        let places: Option<Vec<usize>> = columns
            .map(|column| {
                let is_text = matches!(mapper.types()[*column], ValueType::Text | ValueType::Json);
                read.iter()
                    .position(|read| read == column)
                    .filter(|_| !is_text)
            })
            .collect();
        let (slots, keys) = match places.filter(|_| resolved.through.is_none()) {
            None => self.look_up_with_owners((store, target), resolved, owners, order, undefer)?,
            Some(places) => {
                let keys = self.key_values(store, owners);
                let types = resolved.remote.iter().map(|column| mapper.types()[*column]);
                let places: Vec<(usize, ValueType)> = places.into_iter().zip(types).collect();
                let mut owner_keys = OwnerKeys::default();
                let slots = self.look_up_each(
                    &Lookup {
                        store: target,
                        by: &resolved.remote,
                        keys: &keys,
                        order,
                        lock: Lock::None,
                        undefer,
                    },
                    &mut |row| match owners {
                        [_] => Ok(()),
                        _ => owner_keys.take(row, &places),
                    },
                )?;
                (slots, owner_keys)
            }
        };
        if let [owner] = *owners {
            return Ok(Some(slots.into_iter().map(|slot| (owner, slot)).collect()));
        }
        let any = self.any_store(store);
        let mut pairs = Vec::with_capacity(slots.len());
        let mut slots = slots.into_iter();
        for (key, rows) in keys.values.chunks(resolved.local.len()).zip(keys.rows) {
            let found = match key {
                [value] => any.find(&[value.as_ref()])?,
                key => any.find(&values(key))?,
            };
            let Some(owner) = found.filter(|owner| owners.binary_search(owner).is_ok()) else {
                return Ok(None);
            };
            pairs.extend(slots.by_ref().take(rows).map(|slot| (owner, slot)));
        }
        Ok(Some(pairs))
    }

    /// Fills a collection with the members that were read. Changes since the last flush take precedence over the rows.
    pub(in crate::session) fn fill_collection(
        &mut self,
        owner: ObjectId,
        relation: u16,
        resolved: &ResolvedRelation,
        target: u16,
        mut slots: Vec<u32>,
    ) {
        if let Some(through) = &resolved.through {
            self.resolve_pairs(owner, through, &slots);
            self.edges.fill(owner, relation, target, slots);
            return;
        }
        if !self.edges.links.is_empty() {
            slots.retain(|&slot| {
                let link = self.edges.links.get((target, slot), &resolved.remote);
                link.is_none_or(|link| link.parent == Some(owner))
            });
        }
        let set = self.edges.known(owner, relation).next_back();
        self.edges.fill(owner, relation, target, slots);
        if let Some(child) = set.filter(|_| resolved.kind == RelationKind::HasOne) {
            let reference = self.reference(owner.0, relation, resolved);
            self.displace(owner, relation, (target, child), &reference);
        }
    }

    /// Loads the parents of many children that are not in the identity map.
    pub(in crate::session) fn load_parents(
        &mut self,
        store: u16,
        resolved: &ResolvedRelation,
        target: u16,
        children: &[u32],
        undefer: &[usize],
    ) -> Result<Vec<u32>> {
        let mut keys = Vec::new();
        let mut wanted = Vec::new();
        for &child in children {
            let Some(key) = self.foreign_key((store, child), &resolved.local) else {
                continue;
            };
            let found = self.any_store(target).find(&values(&key))?;
            match found.filter(|&slot| !self.any_store(target).is_expired(slot, self.epoch)) {
                Some(slot) => wanted.push(slot),
                None => keys.push(key),
            }
        }
        let mut unique: Vec<Vec<Value>> = Vec::with_capacity(keys.len());
        // Keys are deduplicated by their text, since values have neither order nor hash; equal keys have equal texts.
        let mut seen = HashSet::new();
        for key in keys {
            if seen.insert(format!("{key:?}")) {
                unique.push(key);
            }
        }
        if !unique.is_empty() {
            let by = self.entry(target).mapper.table().primary_key.clone();
            let keys: Vec<Value> = unique.into_iter().flatten().collect();
            wanted.extend(self.look_up(&Lookup {
                store: target,
                by: &by,
                keys: &keys,
                order: &[],
                lock: Lock::None,
                undefer,
            })?);
        }
        wanted.sort_unstable();
        wanted.dedup();
        Ok(wanted)
    }

    /// Loads the row of one key, with the default relations.
    fn load_one(&mut self, store: u16, key: &[Param<'_>]) -> Result<Option<u32>> {
        let relations = self.entry(store).mapper.relations().iter();
        let mut along = relations.map(|relation| relation.fetch);
        if !along.any(|fetch| matches!(fetch, Fetch::Selectin | Fetch::Joined)) {
            return self.look_up_one(store, key);
        }
        let slots = self.load_by_key(store, &owned(key))?;
        self.load_default_relations(store, &slots)?;
        Ok(slots.first().copied())
    }
}

/// The keys of owners that rows reference. Consecutive rows usually have the same owner.
#[derive(Debug, Default)]
pub(in crate::session) struct OwnerKeys {
    /// The keys, one after the other.
    values: Vec<Value>,
    /// The number of consecutive rows with each key.
    rows: Vec<usize>,
}

impl OwnerKeys {
    /// Adds the key of a row; `places` are its positions in the row.
    pub(in crate::session) fn take(
        &mut self,
        row: &dyn Row,
        places: &[(usize, ValueType)],
    ) -> Result<()> {
        let last = self.values.len().saturating_sub(places.len());
        let mut is_last = !self.rows.is_empty();
        for (value, &(at, ty)) in self.values[last..].iter().zip(places) {
            is_last = is_last && row.value(at, ty)?.same(value.as_ref());
        }
        if let Some(rows) = self.rows.last_mut().filter(|_| is_last) {
            *rows += 1;
            return Ok(());
        }
        for &(at, ty) in places {
            self.values.push(row.value(at, ty)?.to_owned());
        }
        self.rows.push(1);
        Ok(())
    }
}

fn values(key: &[Value]) -> Vec<ValueRef<'_>> {
    key.iter().map(Value::as_ref).collect()
}
