//! Loading by key and along relations, for one or many owners.

use std::collections::HashSet;
use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::entity::{
    Cardinality, Entity, Fetch, Key, Mapped, Mapper, RelationKind, RelationOf, ResolvedRelation,
    ToMany,
};
use crate::error::{Error, ErrorKind, Result};
use crate::record::RecordKey;
use crate::schema::ColumnType;
use crate::session::read::lookup::{Lookup, has_text, owned, values};
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
            known.filter(|&slot| !self.any_store(store).is_expired(slot, self.log.epoch))
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
        let mut all = Vec::new();
        for key in keys {
            let key: E::Key = key.into();
            key.with_params(|key| {
                all.extend(key.iter().filter_map(Param::value).map(ValueRef::to_owned))
            });
        }
        self.get_keys(E::mapper(), &all)
    }

    /// Returns the target of a relation: from memory if it is known, otherwise by one SELECT.
    ///
    /// # Errors
    ///
    /// Errors of the autoflush or the SELECT; [`ErrorKind::NotLoaded`] if lazy loading of the relation is forbidden by the mapping or a
    /// query; [`ErrorKind::NoRow`] if a required object is missing; [`ErrorKind::StaleData`] if the row with the foreign key no longer
    /// exists; [`ErrorKind::StaleHandle`].
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

    /// Implements [`get_many`](Self::get_many) for any mapping; `keys` are the values of the keys, one after the other.
    pub(crate) fn get_keys<E: Mapped>(
        &mut self,
        mapper: &Arc<Mapper>,
        keys: &[Value],
    ) -> Result<Vec<Handle<E>>> {
        let store = self.store_mapped_by::<E>(mapper);
        let slots = self.find_all(store, keys)?;
        let handles = slots.into_iter().map(|slot| self.handle((store, slot)));
        Ok(handles.collect())
    }

    fn find_all(&mut self, store: u16, keys: &[Value]) -> Result<Vec<u32>> {
        let mapper = Arc::clone(&self.entry(store).mapper);
        let key = &mapper.table().primary_key;
        if key.is_empty() {
            return Ok(Vec::new());
        }
        let keys = keys.chunks(key.len());
        let mut one = Vec::with_capacity(key.len());
        let mut missing = Vec::new();
        for key in keys.clone() {
            one.clear();
            one.extend(key.iter().map(Value::as_ref));
            let found = self.any_store(store).find(&one)?;
            if found.is_none_or(|slot| self.any_store(store).is_expired(slot, self.log.epoch)) {
                missing.extend_from_slice(key);
            }
        }
        let mut read = FxHashSet::default();
        if !missing.is_empty() {
            let slots = self.load_by_key(store, &missing)?;
            self.load_default_relations(store, &slots)?;
            read.reserve(slots.len());
            read.extend(slots);
        }
        let any = self.any_store(store);
        let mut found = Vec::with_capacity(keys.len());
        for key in keys.clone() {
            one.clear();
            one.extend(key.iter().map(Value::as_ref));
            // A mapped row that the reread did not find no longer exists.
            let is_there =
                |slot: &u32| read.contains(slot) || !any.is_expired(*slot, self.log.epoch);
            found.push(any.find(&one)?.filter(is_there));
        }
        // The database may consider keys equal that differ in memory.
        let mut unmatched = read.clone();
        found.iter().flatten().for_each(|slot| {
            unmatched.remove(slot);
        });
        let has_unmatched = !unmatched.is_empty();
        let unresolved = if !read.is_empty() && (has_unmatched || has_other_texts(&mapper, key)) {
            // A row has none of the keys, or the database considers texts equal that do not resemble each other, such as `1 day` and
            // `24:00:00`: each key without a row may be that of a row.
            found.iter().map(Option::is_none).collect()
        } else if read.is_empty() || !has_text(&mapper, key) {
            vec![false; found.len()]
        } else {
            resembling(keys.clone(), &found)
        };
        let unresolved = (0..)
            .zip(unresolved)
            .filter_map(|(at, is_unresolved)| is_unresolved.then_some(at));
        let unresolved: Vec<usize> = unresolved.collect();
        if !unresolved.is_empty() {
            let keys: Vec<&[Value]> = keys.collect();
            self.find_by_bisection(store, &keys, &unresolved, &mut found)?;
        }
        Ok(found.into_iter().flatten().collect())
    }

    /// Finds the row of each key at these positions: looks up halves of the keys until one key is left, or none of them has a row.
    pub(in crate::session) fn find_by_bisection(
        &mut self,
        store: u16,
        keys: &[&[Value]],
        unresolved: &[usize],
        found: &mut [Option<u32>],
    ) -> Result<()> {
        let wanted: Vec<Value> = unresolved
            .iter()
            .flat_map(|&at| keys[at])
            .cloned()
            .collect();
        let slots = self.load_by_key(store, &wanted)?;
        match (unresolved, slots.first()) {
            (_, None) => Ok(()),
            (&[at], first) => {
                found[at] = first.copied();
                Ok(())
            }
            _ => {
                let (one, other) = unresolved.split_at(unresolved.len() / 2);
                self.find_by_bisection(store, keys, one, found)?;
                self.find_by_bisection(store, keys, other, found)
            }
        }
    }

    /// The store of a relation's target, if the session has one.
    pub(in crate::session) fn known_target(&self, store: u16, relation: u16) -> Option<u16> {
        let target = self.entry(store).mapper.relations()[usize::from(relation)].target();
        let mut stores = (0u16..).zip(&self.stores);
        let found = stores.find(|(_, entry)| entry.mapper.id() == target.id());
        found.map(|(index, _)| index)
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
                    self.edges.known((owner, relation)).collect()
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
        // Only the database knows the key, or the object does not show it yet.
        if self.is_computed(child, &resolved.local) {
            self.autoflush()?;
        }
        if let Some(parent) = self.undone_members(child, relation).pop() {
            return Ok(Some(parent));
        }
        if self.any_store(child.0).is_expired(child.1, self.log.epoch) {
            let keys = self.key_values(child.0, &[child.1]);
            self.load_by_key(child.0, &keys)?;
            if self.any_store(child.0).state(child.1) != State::Persistent {
                let message = "the row that refers to the related object no longer exists";
                return Err(self.stale(child.0, child.1, message));
            }
        }
        let Some(key) = self.foreign_key(child, &resolved.local) else {
            return Ok(None);
        };
        let found = self.any_store(target).find(&values(&key))?;
        if let Some(slot) =
            found.filter(|&slot| !self.any_store(target).is_expired(slot, self.log.epoch))
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
            self.edges
                .fill(&mut self.log, (owner, relation), target, slots);
            return;
        }
        if !self.edges.links.is_empty() {
            slots.retain(|&slot| {
                let link = self.edges.links.get((target, slot), &resolved.remote);
                link.is_none_or(|link| link.parent == Some(owner))
            });
        }
        let set = self.edges.known((owner, relation)).next_back();
        self.edges
            .fill(&mut self.log, (owner, relation), target, slots);
        let passed = self.edges.passed.get(&(owner, relation));
        if let Some(child) = set
            .or(passed.map(|child| child.1))
            .filter(|_| resolved.kind == RelationKind::HasOne)
        {
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
            match found.filter(|&slot| !self.any_store(target).is_expired(slot, self.log.epoch)) {
                Some(slot) => wanted.push(slot),
                None => keys.push(key),
            }
        }
        let mut unique: Vec<Vec<Value>> = Vec::with_capacity(keys.len());
        let mut seen = HashSet::new();
        for key in keys {
            if seen.insert(RecordKey::new(key.iter().cloned())) {
                unique.push(key);
            }
        }
        if !unique.is_empty() {
            let by = self.entry(target).mapper.table().primary_key.clone();
            let keys: Vec<Value> = unique.into_iter().flatten().collect();
            wanted.extend(self.look_up(&Lookup {
                undefer,
                ..Lookup::new(target, &by, &keys)
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

/// Returns which keys without a row a collation may equate with the key of a row that was found.
pub(in crate::session) fn resembling<'a>(
    keys: impl Iterator<Item = &'a [Value]>,
    found: &[Option<u32>],
) -> Vec<bool> {
    let folded: Vec<Option<String>> = keys.map(folded).collect();
    let with_row = folded.iter().zip(found).filter(|(_, slot)| slot.is_some());
    let with_row: HashSet<&Option<String>> = with_row.map(|(folded, _)| folded).collect();
    let is_alike = |(folded, slot): (&Option<String>, &Option<u32>)| {
        let unknown = folded.is_none() || with_row.contains(&None);
        slot.is_none() && (unknown || with_row.contains(folded))
    };
    folded.iter().zip(found).map(is_alike).collect()
}

/// Whether one of these columns is of a type without a neutral form, whose values have several texts each.
pub(in crate::session) fn has_other_texts(mapper: &Mapper, columns: &[usize]) -> bool {
    let mut types = columns.iter().map(|&at| &mapper.table().columns[at].ty);
    types.any(has_other_text)
}

fn has_other_text(ty: &ColumnType) -> bool {
    match ty {
        ColumnType::Other { .. } => true,
        ColumnType::Array(element) => {
            has_other_text(element) || element.value_type() == ValueType::Decimal
        }
        _ => false,
    }
}

/// A text that is the same for keys that differ in case, spaces or punctuation; `None` for a text that is not ASCII, which a collation may
/// compare in any way.
pub(in crate::session) fn folded(key: &[Value]) -> Option<String> {
    let mut out = String::new();
    for value in key {
        match value {
            Value::Text(text) | Value::Json(text) if !text.is_ascii() => return None,
            Value::Text(text) | Value::Json(text) => {
                let letters = text.chars().filter(char::is_ascii_alphanumeric);
                out.extend(letters.map(|letter| letter.to_ascii_lowercase()));
            }
            other => out += &format!("{other:?}"),
        }
        out.push('|');
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_a_collation_may_equate_resemble_each_other() {
        let alike = |width: usize, keys: &[&str], found: &[Option<u32>]| {
            let keys: Vec<Value> = keys
                .iter()
                .map(|&key| Value::Text(key.to_owned()))
                .collect();
            resembling(keys.chunks(width), found)
        };
        let found = [Some(1), None, None];
        assert_eq!(
            alike(1, &["ann", "A-nn", "bob"], &found),
            [false, true, false]
        );
        assert_eq!(alike(1, &["ann", "Ann"], &[Some(1), Some(2)]), [false; 2]);
        assert_eq!(alike(1, &["ann", "Ann"], &[None, None]), [false; 2]);
        // Any collation may equate other letters.
        assert_eq!(
            alike(1, &["ann", "änn", "bob"], &found),
            [false, true, false]
        );
        assert_eq!(
            alike(1, &["änn", "ann", "bob"], &found),
            [false, true, true]
        );
        let found = [Some(1), None];
        assert_eq!(alike(2, &["ab", "c", "a", "bc"], &found), [false; 2]);
        assert_eq!(alike(2, &["ab", "c", "AB", "C"], &found), [false, true]);
        let numbers = [1, 2].map(Value::I64);
        assert_eq!(resembling(numbers.chunks(1), &found), [false; 2]);
    }
}
