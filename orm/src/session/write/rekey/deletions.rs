//! Deletions before changed keys: a deleted row frees its key for the row that takes it.
//!
//! Rows that reference such a row are written first: deleted ones are deleted, and others release their references.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashSet;

use crate::error::Result;
use crate::record::RecordKey;
use crate::schema::ForeignKey;
use crate::session::life::hook::When;
use crate::session::memory::association::Severed;
use crate::session::memory::edges::ObjectId;
use crate::session::write::deletion::references_to_primary_key;
use crate::session::write::plan::{Changes, Step, TableChanges};
use crate::session::{Session, State};
use crate::value::{Param, Value, ValueRef};

/// Deleted rows, by store.
type Deleted = BTreeMap<u16, BTreeSet<u32>>;

/// A foreign key that references a table with such rows.
struct Referring {
    store: u16,
    columns: Vec<usize>,
    /// A nullable column of it.
    nullable: Option<usize>,
    /// The values of the deleted rows in the referenced columns.
    keys: FxHashSet<RecordKey>,
}

impl Session {
    /// Deletes the rows whose keys changed keys take, and removes their pairs from those severed later.
    pub(super) fn delete_conflicting(
        &mut self,
        rekeyed: &[(u16, Vec<u32>, Vec<super::Referring>)],
        severed: &mut Severed,
    ) -> Result<()> {
        let mut deleted = Deleted::new();
        for (store, slots, _) in rekeyed {
            for &slot in slots {
                let key = self.values((*store, slot), &self.primary_key(*store));
                let key: Vec<ValueRef<'_>> = key.iter().map(Value::as_ref).collect();
                let any = self.any_store(*store);
                let holder = any.find(&key)?;
                if let Some(holder) = holder.filter(|&holder| any.is_marked_deleted(holder)) {
                    deleted.entry(*store).or_default().insert(holder);
                }
            }
        }
        if deleted.is_empty() {
            return Ok(());
        }
        let referring = self.with_referencing(&mut deleted);
        for key in &referring {
            self.release_deleted(key)?;
        }
        self.delete_early(&deleted, severed)
    }

    /// Adds the deleted rows that reference those, transitively; returns the foreign keys that reference any of them.
    fn with_referencing(&self, deleted: &mut Deleted) -> Vec<Referring> {
        loop {
            let referring = self.referring_to(deleted);
            let mut has_more = false;
            for key in &referring {
                for &slot in self.any_store(key.store).marked() {
                    if self.row_refers((key.store, slot), key) {
                        has_more |= deleted.entry(key.store).or_default().insert(slot);
                    }
                }
            }
            if !has_more {
                return referring;
            }
        }
    }

    fn referring_to(&self, deleted: &Deleted) -> Vec<Referring> {
        let mut found = Vec::new();
        for (&parents, slots) in deleted {
            let parent = self.entry(parents).mapper.table();
            for (store, entry) in (0u16..).zip(&self.stores) {
                let table = entry.mapper.table();
                let positions = |key: &ForeignKey| -> Vec<usize> {
                    let columns = key.columns.iter();
                    columns.filter_map(|name| table.position(name)).collect()
                };
                for key in table
                    .foreign_keys
                    .iter()
                    .filter(|it| it.table == parent.name)
                {
                    // Links list the columns in the order of the primary key.
                    let (columns, referred) = match references_to_primary_key(key, table, parent) {
                        Some(columns) => (columns, parent.primary_key.clone()),
                        None => {
                            let referred = key.references.iter();
                            let referred = referred.filter_map(|name| parent.position(name));
                            (positions(key), referred.collect())
                        }
                    };
                    let mut nullable = columns.iter().filter(|&&at| table.columns[at].nullable);
                    let keys = slots.iter();
                    found.push(Referring {
                        store,
                        nullable: nullable.next().copied(),
                        keys: keys
                            .filter_map(|&slot| self.key_of_row((parents, slot), &referred))
                            .collect(),
                        columns,
                    });
                }
            }
        }
        found
    }

    fn key_of_row(&self, (store, slot): ObjectId, columns: &[usize]) -> Option<RecordKey> {
        let mut params = Vec::with_capacity(columns.len());
        self.any_store(store).row_values(slot, columns, &mut params);
        let values: Option<Vec<ValueRef<'_>>> = params.iter().map(Param::value).collect();
        RecordKey::of(&values?)
    }

    fn row_refers(&self, node: ObjectId, key: &Referring) -> bool {
        let own = self.key_of_row(node, &key.columns);
        own.is_some_and(|own| key.keys.contains(&own))
    }

    /// Releases the references of remaining rows to the deleted ones. If their new parent is not inserted yet, writes NULL, if the foreign
    /// key is nullable.
    fn release_deleted(&mut self, key: &Referring) -> Result<()> {
        let links = self.edges.links.iter();
        let links = links.filter(|link| link.child.0 == key.store && *link.columns == *key.columns);
        let any = self.any_store(key.store);
        let slots: BTreeSet<u32> = links
            .map(|link| link.child.1)
            .chain(any.touched().iter().copied())
            .filter(|&slot| any.state(slot) == State::Persistent && !any.is_marked_deleted(slot))
            .filter(|&slot| self.row_refers((key.store, slot), key))
            .collect();
        let mut slots: Vec<u32> = slots.into_iter().collect();
        any.sort_by_key(&mut slots);
        for slot in slots {
            let node = (key.store, slot);
            let link = self.edges.links.get(node, &key.columns).cloned();
            match link.as_ref().map(|link| link.parent) {
                Some(None) => link.map_or(Ok(()), |link| self.clear_foreign_key(&link))?,
                Some(Some(parent)) if key.nullable.is_none() && self.has_row(parent) => {
                    let own = self.key_values(parent.0, &[parent.1]);
                    self.assign_all(node, &key.columns, &own)?;
                }
                _ => {}
            }
            self.write_letting_go(node, key)?;
        }
        Ok(())
    }

    fn write_letting_go(&mut self, node: ObjectId, key: &Referring) -> Result<()> {
        let (store, slot) = node;
        let is_changed = |session: &Self| {
            let changed = session.any_store(store).changed(slot);
            changed.iter().any(|column| key.columns.contains(column))
        };
        if !is_changed(self) && self.edges.links.get(node, &key.columns).is_none() {
            return Ok(());
        }
        self.call_before_early_updates(&[node])?;
        let mut columns = self.any_store(store).changed(slot);
        columns.retain(|column| key.columns.contains(column));
        let values = self.values(node, &columns);
        let is_let_go = values.iter().any(|value| value.as_ref().is_null());
        if let Some(column) = key.nullable.filter(|_| !is_let_go) {
            return self.run_step(&Step::Vacate {
                store,
                column,
                slots: vec![slot],
            });
        }
        self.run_step(&Step::Release {
            store,
            columns: columns.into(),
            slots: vec![slot],
        })
    }

    fn has_row(&self, (store, slot): ObjectId) -> bool {
        let any = self.any_store(store);
        any.state(slot) == State::Persistent && !any.is_marked_deleted(slot)
    }

    fn delete_early(&mut self, deleted: &Deleted, severed: &mut Severed) -> Result<()> {
        let mut changes = Changes::default();
        let mut nodes = Vec::new();
        for (&store, slots) in deleted {
            self.entry(store).mapper.refuse_writes()?;
            let mut deletes: Vec<u32> = slots.iter().copied().collect();
            self.any_store(store).sort_by_key(&mut deletes);
            nodes.extend(deletes.iter().map(|&slot| (store, slot)));
            let order = self.delete_order(store, &deletes)?;
            changes.tables.push(TableChanges {
                store,
                parents: self.parents(store),
                deletes,
                delete_after: order.after,
                delete_ties: order.ties,
                ..TableChanges::default()
            });
        }
        changes.associations = self.severed_early(deleted, severed);
        self.call_for(When::BeforeDelete, &nodes)?;
        for step in self.planned(&changes)? {
            if let Step::Release {
                store,
                columns,
                slots,
            } = &step
            {
                self.cut_ties(*store, columns, slots)?;
            }
            self.run_step(&step)?;
        }
        self.forget_severed(&changes.associations);
        self.call_for(When::AfterDelete, &nodes)
    }
}
