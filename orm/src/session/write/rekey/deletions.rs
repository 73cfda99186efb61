//! Deletions before changed keys: a deleted row frees its key for the row that takes it.
//!
//! Rows that reference such a row are written first: deleted ones are deleted, and others release their references.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::{FxHashMap, FxHashSet};

use crate::error::Result;
use crate::record::RecordKey;
use crate::session::life::hook::When;
use crate::session::memory::edges::ObjectId;
use crate::session::read::equal_texts::EqualTexts;
use crate::session::write::pairs::Severed;
use crate::session::write::plan::{Changes, Step, TableChanges};
use crate::session::write::rekey::referring::Referring;
use crate::session::{Session, State};
use crate::value::{Param, Value, ValueRef};

/// Deleted rows, by store.
pub(in crate::session) type Deleted = BTreeMap<u16, BTreeSet<u32>>;

/// A foreign key that references a table with such rows.
struct Reference {
    key: Referring,
    /// The rows of its own table that are to be deleted, by the values of its columns.
    marked: FxHashMap<RecordKey, Vec<u32>>,
    /// The values of the deleted rows in the referenced columns.
    deleted: FxHashSet<RecordKey>,
}

impl Session {
    /// Deletes the rows whose keys are taken by changed keys, and removes their pairs from those severed later.
    pub(super) fn delete_conflicting<'r>(
        &mut self,
        rekeyed: impl Iterator<Item = (u16, &'r [u32])>,
        severed: &mut Severed,
    ) -> Result<()> {
        let mut deleted = self.conflicting(rekeyed)?;
        if deleted.is_empty() {
            return Ok(());
        }
        let references = self.with_referencing(&mut deleted);
        self.insert_new_parents(&references)?;
        for reference in references {
            self.release_deleted(&reference)?;
        }
        self.delete_early(&deleted, severed)
    }

    /// Returns the rows to delete before changed keys are written: those whose keys are taken, and those that reference them.
    pub(in crate::session) fn deleted_before_changed_keys(&self) -> Result<Deleted> {
        let rekeyed = self.rekeyed();
        let rekeyed = rekeyed.iter().map(|(store, slots)| (*store, &slots[..]));
        let mut deleted = self.conflicting(rekeyed)?;
        if !deleted.is_empty() {
            self.with_referencing(&mut deleted);
        }
        Ok(deleted)
    }

    /// The deleted rows whose keys are taken by changed keys.
    fn conflicting<'r>(&self, rekeyed: impl Iterator<Item = (u16, &'r [u32])>) -> Result<Deleted> {
        let mut deleted = Deleted::new();
        for (store, slots) in rekeyed {
            for &slot in slots {
                let key = self.values((store, slot), &self.primary_key(store));
                let key: Vec<ValueRef<'_>> = key.iter().map(Value::as_ref).collect();
                let any = self.any_store(store);
                let holder = any.find(&key)?;
                if let Some(holder) = holder.filter(|&holder| any.is_marked_deleted(holder)) {
                    deleted.entry(store).or_default().insert(holder);
                }
            }
        }
        Ok(deleted)
    }

    /// Inserts the new rows to which rows with NOT NULL foreign keys move from the deleted ones.
    fn insert_new_parents(&mut self, references: &[Reference]) -> Result<()> {
        let mut parents = BTreeSet::new();
        for reference in references {
            let key = &reference.key;
            if !key.nullable.is_empty() {
                continue;
            }
            for link in self.edges.links.iter() {
                let (store, slot) = link.child;
                let is_meant = store == key.store
                    && *link.reference.columns == *key.columns
                    && self.has_row(link.child)
                    && self.row_refers((store, slot), reference);
                let is_new = |(store, slot): &ObjectId| {
                    self.any_store(*store).state(*slot) == State::Pending
                };
                parents.extend(link.parent.filter(|parent| is_meant && is_new(parent)));
            }
        }
        match parents.is_empty() {
            true => Ok(()),
            false => self.insert_early(parents),
        }
    }

    /// Adds the deleted rows that reference those, transitively; returns the foreign keys that reference any of them.
    fn with_referencing(&self, deleted: &mut Deleted) -> Vec<Reference> {
        let mut references: BTreeMap<u16, Vec<Reference>> = BTreeMap::new();
        let of_store = |(&store, slots): (&u16, &BTreeSet<u32>)| -> Vec<ObjectId> {
            slots.iter().map(|&slot| (store, slot)).collect()
        };
        let mut next: Vec<ObjectId> = deleted.iter().flat_map(of_store).collect();
        while let Some(node) = next.pop() {
            let to_store = references.entry(node.0);
            for reference in to_store.or_insert_with(|| self.references_to(node.0)) {
                let Some(key) = self.key_of_row(node, &reference.key.referred) else {
                    continue;
                };
                let store = reference.key.store;
                for &slot in reference.marked.get(&key).into_iter().flatten() {
                    if deleted.entry(store).or_default().insert(slot) {
                        next.push((store, slot));
                    }
                }
                reference.deleted.insert(key);
            }
        }
        references.into_values().flatten().collect()
    }

    fn references_to(&self, parents: u16) -> Vec<Reference> {
        let keys = self.foreign_keys_to(parents).into_iter();
        let reference = |key: Referring| {
            let mut marked: FxHashMap<RecordKey, Vec<u32>> = FxHashMap::default();
            for &slot in self.any_store(key.store).marked() {
                if let Some(own) = self.key_of_row((key.store, slot), &key.columns) {
                    marked.entry(own).or_default().push(slot);
                }
            }
            Reference {
                key,
                marked,
                deleted: FxHashSet::default(),
            }
        };
        keys.map(reference).collect()
    }

    pub(in crate::session) fn key_of_row(
        &self,
        (store, slot): ObjectId,
        columns: &[usize],
    ) -> Option<RecordKey> {
        let mut params = Vec::with_capacity(columns.len());
        self.any_store(store).row_values(slot, columns, &mut params);
        let values: Option<Vec<ValueRef<'_>>> = params.iter().map(Param::value).collect();
        RecordKey::of(&values?)
    }

    fn row_refers(&self, node: ObjectId, reference: &Reference) -> bool {
        let own = self.key_of_row(node, &reference.key.columns);
        own.is_some_and(|own| reference.deleted.contains(&own))
    }

    /// Releases the references of remaining rows to the deleted ones. If their new parent is not inserted yet, writes NULL, if the foreign
    /// key is nullable.
    fn release_deleted(&mut self, reference: &Reference) -> Result<()> {
        let key = &reference.key;
        let links = self.edges.links.iter();
        let links = links
            .filter(|link| link.child.0 == key.store && *link.reference.columns == *key.columns);
        let any = self.any_store(key.store);
        let slots: BTreeSet<u32> = links
            .map(|link| link.child.1)
            .chain(any.touched().iter().copied())
            .filter(|&slot| any.state(slot) == State::Persistent && !any.is_marked_deleted(slot))
            .filter(|&slot| self.row_refers((key.store, slot), reference))
            .collect();
        let mut slots: Vec<u32> = slots.into_iter().collect();
        any.sort_by_key(&mut slots);
        let mut releasing = Vec::new();
        for slot in slots {
            let node = (key.store, slot);
            let link = self.edges.links.get(node, &key.columns).cloned();
            let is_set = link.is_some();
            match link.as_ref().map(|link| link.parent) {
                Some(None) => link.map_or(Ok(()), |link| self.clear_foreign_key(&link))?,
                Some(Some(parent)) if key.nullable.is_empty() && self.has_row(parent) => {
                    let own = self.key_values(parent.0, &[parent.1]);
                    self.assign_all(node, &key.columns, &own)?;
                }
                _ => {}
            }
            let changed = self.any_store(key.store).changed(slot);
            if is_set || changed.iter().any(|column| key.columns.contains(column)) {
                releasing.push(node);
            }
        }
        self.call_before_early_updates(&releasing)?;
        self.write_released(&releasing, key)
    }

    /// Writes the foreign keys of rows, or NULL into one of their columns until the others can be written.
    fn write_released(&mut self, nodes: &[ObjectId], key: &Referring) -> Result<()> {
        let store = key.store;
        let mut vacated = Vec::new();
        let mut released: BTreeMap<Vec<usize>, Vec<u32>> = BTreeMap::new();
        for &(_, slot) in nodes {
            let mut columns = self.any_store(store).changed(slot);
            columns.retain(|column| key.columns.contains(column));
            let values = self.values((store, slot), &columns);
            let sets_null = values.iter().any(|value| value.as_ref().is_null());
            match sets_null || key.nullable.is_empty() {
                true => released.entry(columns).or_default().push(slot),
                false => vacated.push(slot),
            }
        }
        for (columns, slots) in released {
            self.run_step(&Step::Release {
                store,
                columns: columns.into(),
                slots,
            })?;
        }
        match key.nullable.first() {
            Some(&column) if !vacated.is_empty() => self.run_step(&Step::Vacate {
                store,
                column,
                slots: vacated,
            }),
            _ => Ok(()),
        }
    }

    fn delete_early(&mut self, deleted: &Deleted, severed: &mut Severed) -> Result<()> {
        let mut changes = Changes::default();
        let mut nodes = Vec::new();
        for (&store, slots) in deleted {
            self.entry(store).mapper.refuse_writes()?;
            let mut deletes: Vec<u32> = slots.iter().copied().collect();
            self.any_store(store).sort_by_key(&mut deletes);
            nodes.extend(deletes.iter().map(|&slot| (store, slot)));
            let order = self.delete_order(store, &deletes, &mut EqualTexts::default())?;
            changes.tables.push(TableChanges {
                store,
                references: self.references(store),
                deletes,
                delete_after: order.after,
                delete_ties: order.ties,
                ..TableChanges::default()
            });
        }
        changes.associations = self.severed_early(deleted, severed);
        self.call_for(When::BeforeDelete, &nodes)?;
        for step in self.planned(&changes)? {
            self.run_step(&step)?;
        }
        self.forget_severed(&changes.associations);
        self.call_for(When::AfterDelete, &nodes)
    }
}
