//! Merging many values, and related objects level by level, reading the rows of each level together.

use std::collections::{BTreeMap, HashSet};
use std::panic::resume_unwind;
use std::sync::Arc;

use crate::entity::{Attachment, Key, Mapped, Mapper, RelationKind};
use crate::error::Result;
use crate::session::life::merge::AddOrMerge;
use crate::session::read::load::{folded, has_other_texts, resembling};
use crate::session::read::lookup::{has_text, owned, values};
use crate::session::{Handle, ObjectId, Session, State};
use crate::value::Value;

/// The state of a merge.
#[derive(Default)]
pub(in crate::session) struct Merging {
    /// Merged objects with the pending objects of their relationship fields.
    later: Vec<(ObjectId, Vec<(u16, Attachment)>)>,
    /// Keys known to have no row.
    missing: HashSet<(u16, String)>,
}

/// The keys of values of one table to merge.
#[derive(Debug, Default)]
pub(crate) struct KeysToMerge {
    /// The keys, one after the other.
    keys: Vec<Value>,
    /// The deferred columns that are loaded in the values.
    deferred: Vec<usize>,
}

impl KeysToMerge {
    /// Adds the key of a value, if it has one.
    pub(crate) fn add<E: Mapped>(&mut self, value: &E, mapper: &Mapper) {
        let Some(key) = value.key(mapper) else {
            return;
        };
        let mut params = Vec::with_capacity(1);
        key.params(&mut params);
        self.keys.extend(owned(&params));
        for &column in mapper.deferred() {
            if value.is_given(mapper, column) && !self.deferred.contains(&column) {
                self.deferred.push(column);
            }
        }
    }
}

impl Session {
    /// Merges several values like [`merge`](Self::merge), and reads rows that are not in the session with as few statements as the backend
    /// allows: one for all values, and one more for each relation and level of the objects in their relationship fields.
    ///
    /// # Errors
    ///
    /// As [`merge`](Self::merge); earlier values stay merged in memory.
    pub fn merge_all<E: Mapped>(
        &mut self,
        values: impl IntoIterator<Item = E>,
    ) -> Result<Vec<Handle<E>>> {
        const { crate::entity::refuse_read_only::<E>() };
        let values: Vec<E> = values.into_iter().collect();
        let mut wanted: BTreeMap<u16, KeysToMerge> = BTreeMap::new();
        for value in &values {
            let store = self.store_mapped_by::<E>(value.mapping());
            wanted.entry(store).or_default().add(value, value.mapping());
        }
        let nodes: Vec<ObjectId> = self.merge_with(|session| {
            for (store, keys) in &wanted {
                session.read_to_merge(*store, keys)?;
            }
            let values = values.into_iter();
            values.map(|value| session.merge_value(value)).collect()
        })?;
        Ok(nodes.into_iter().map(|node| self.handle(node)).collect())
    }

    /// Runs a merge, then merges the objects in relationship fields, to any depth.
    pub(in crate::session) fn merge_with<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let merged = self.outcome(self.phase, |session| {
            work(session).and_then(|value| session.merge_levels().map(|()| value))
        });
        self.merging = Merging::default();
        merged.unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// Defers merging the relationship fields of an object until its whole level is merged.
    pub(in crate::session) fn merge_later(
        &mut self,
        owner: ObjectId,
        attachments: Vec<(u16, Attachment)>,
    ) {
        if !attachments.is_empty() {
            self.merging.later.push((owner, attachments));
        }
    }

    /// Returns true once for a key known to have neither a row nor an object; the caller then creates one.
    pub(in crate::session) fn is_known_missing(&mut self, store: u16, key: &[Value]) -> bool {
        let missing = &mut self.merging.missing;
        !missing.is_empty() && missing.remove(&(store, text(key)))
    }

    fn merge_levels(&mut self) -> Result<()> {
        while !self.merging.later.is_empty() {
            let level = std::mem::take(&mut self.merging.later);
            let mut wanted: BTreeMap<u16, KeysToMerge> = BTreeMap::new();
            for (owner, attachments) in &level {
                for (relation, attach) in attachments {
                    if self.relation(owner.0, *relation)?.cascade.merge {
                        let target = self.target_store(owner.0, *relation);
                        attach.key_to_merge(wanted.entry(target).or_default());
                    }
                }
            }
            for (store, keys) in &wanted {
                self.read_to_merge(*store, keys)?;
            }
            for (owner, attachments) in level {
                self.merge_pending_relations(owner, attachments)?;
            }
        }
        Ok(())
    }

    fn merge_pending_relations(
        &mut self,
        owner: ObjectId,
        attachments: Vec<(u16, Attachment)>,
    ) -> Result<()> {
        for (relation, attach) in attachments {
            let resolved = self.relation(owner.0, relation)?;
            if !resolved.cascade.merge {
                continue;
            }
            let target = attach.attach(self, AddOrMerge::Merge)?;
            if resolved.through.is_some() {
                self.connect(owner, relation, target)?;
                continue;
            }
            let reference = self.reference(owner.0, relation, &resolved);
            let (child, parent) = match resolved.kind {
                RelationKind::BelongsTo => (owner, target),
                _ => (target, owner),
            };
            // The collection of a parent contains its new children, whether or not their columns already reference it.
            let is_new = self.any_store(child.0).state(child.1) == State::Pending;
            if is_new || self.parent(child, &reference)? != Some(parent) {
                self.connect(owner, relation, target)?;
            }
        }
        Ok(())
    }

    /// Reads the rows of keys that are not in the session, and remembers which have none. A single key is left to be read when it is
    /// merged.
    fn read_to_merge(&mut self, store: u16, wanted: &KeysToMerge) -> Result<()> {
        let width = self.entry(store).mapper.table().primary_key.len();
        let mut seen = HashSet::new();
        let mut unread: Vec<&[Value]> = Vec::new();
        for key in wanted.keys.chunks(width) {
            let any = self.any_store(store);
            let found = any.find(&values(key))?;
            let is_unread = found.is_none_or(|slot| any.is_expired(slot, self.log.epoch));
            if is_unread && seen.insert(text(key)) {
                unread.push(key);
            }
        }
        if unread.len() < 2 {
            return Ok(());
        }
        let keys: Vec<Value> = unread.iter().copied().flatten().cloned().collect();
        let read = self.load_by_key_with(store, &keys, &wanted.deferred)?;
        let mut found = Vec::with_capacity(unread.len());
        for key in &unread {
            found.push(self.any_store(store).find(&values(key))?);
        }
        let met = found.iter().flatten().count();
        // More rows were found than keys match: the database considers keys equal that differ in memory, so each is looked up when it is
        // merged.
        if read.len() > met {
            return Ok(());
        }
        let mapper = Arc::clone(&self.entry(store).mapper);
        let has_text = has_text(&mapper, &mapper.table().primary_key);
        if has_text {
            let unresolved = match has_other_texts(&mapper, &mapper.table().primary_key) {
                true if !read.is_empty() => found.iter().map(Option::is_none).collect(),
                _ => resembling(unread.iter().copied(), &found),
            };
            let unresolved = (0..)
                .zip(unresolved)
                .filter_map(|(at, is_unresolved)| is_unresolved.then_some(at));
            let unresolved: Vec<usize> = unresolved.collect();
            if !unresolved.is_empty() {
                self.find_by_bisection(store, &unread, &unresolved, &mut found)?;
            }
        }
        // Of several missing keys that may be equal, the row of the first is found when the others are merged.
        let mut first = HashSet::new();
        for (key, _) in unread.iter().zip(&found).filter(|(_, slot)| slot.is_none()) {
            if has_text && !first.insert(folded(key).unwrap_or_else(|| lower(key))) {
                continue;
            }
            let pending = self.any_store_mut(store).find_pending(&values(key))?;
            if pending.is_none() {
                self.merging.missing.insert((store, text(key)));
            }
        }
        Ok(())
    }
}

/// The texts of a key in lower case.
fn lower(key: &[Value]) -> String {
    text(key).to_lowercase()
}

/// A key as text, for hashing: equal keys have equal texts.
fn text(key: &[Value]) -> String {
    format!("{key:?}")
}
