//! Foreign keys that reference unique columns other than the primary key. Relations do not use them, so their values determine the order
//! of rows.

use std::collections::BTreeSet;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::record::RecordKey;
use crate::schema::{ForeignKey, ReferentialAction, Table};
use crate::session::memory::edges::ObjectId;
use crate::session::write::plan::{Columns, MoveKind, TableChanges, Unique, ValueMove, Wait};
use crate::session::{Session, State};
use crate::value::{Value, ValueRef};

/// A foreign key to unique columns.
struct UniqueReference {
    parent: u16,
    columns: Vec<usize>,
    /// The referenced columns, in the same order.
    referred: Vec<usize>,
    nullable: Option<usize>,
    /// Whether ON UPDATE changes the references with the value.
    follows: bool,
}

impl Session {
    /// Rows of one table whose foreign key holds unique values of new rows of another.
    pub(in crate::session) fn waits_by_values(
        &self,
        parents: u16,
        children: u16,
        key: &ForeignKey,
    ) -> Vec<Wait> {
        let parent = self.any_store(parents);
        let (table, referred) = (self.table(children), self.table(parents));
        let Some((columns, referred)) = columns_of(key, table, referred) else {
            return Vec::new();
        };
        let mut new: FxHashMap<RecordKey, u32> = FxHashMap::default();
        for &slot in parent.pending() {
            if !referred.iter().any(|&column| parent.is_unset(slot, column)) {
                let key = self.key_of((parents, slot), &referred);
                new.extend(key.map(|key| (key, slot)));
            }
        }
        if new.is_empty() {
            return Vec::new();
        }
        let rows = self.rows_to_write(children, &columns).into_iter();
        let columns: Arc<[usize]> = columns.into();
        rows.filter_map(|slot| {
            let child = (children, slot);
            let parent = (parents, *new.get(&self.key_of(child, &columns)?)?);
            let wait = self.wait(child, Arc::clone(&columns), parent);
            (parent != child).then_some(Wait {
                is_filled: false,
                ..wait
            })
        })
        .collect()
    }

    /// The deleted rows of one table that reference deleted rows of another by their unique values: child, parent; with the columns of the
    /// foreign key.
    pub(in crate::session) fn deleted_parents_by_values(
        &self,
        children: u16,
        rows: &[u32],
        parents: u16,
        key: &ForeignKey,
    ) -> (Vec<usize>, Vec<(u32, u32)>) {
        let (table, referred) = (self.table(children), self.table(parents));
        let Some((columns, referred)) = columns_of(key, table, referred) else {
            return (Vec::new(), Vec::new());
        };
        let marked = self.any_store(parents).marked().iter();
        let deleted: FxHashMap<RecordKey, u32> = marked
            .filter_map(|&slot| Some((self.key_of_row((parents, slot), &referred)?, slot)))
            .collect();
        let found = rows.iter().filter_map(|&slot| {
            let own = self.key_of_row((children, slot), &columns)?;
            Some((slot, *deleted.get(&own)?))
        });
        let found = found.collect();
        (columns, found)
    }

    /// The references that changed and deleted rows get or give up while the unique values of other rows change. Adds those within a table
    /// to its constraints, and returns the others.
    pub(in crate::session) fn value_moves(&self, tables: &mut [TableChanges]) -> Vec<ValueMove> {
        let mut moves = Vec::new();
        for at in 0..tables.len() {
            let children = &tables[at];
            if children.updates.is_empty() && children.deletes.is_empty() {
                continue;
            }
            let (mut own, mut taking_values) = (Vec::new(), BTreeSet::new());
            for key in self.unique_references(children.store) {
                let Some(parents) = tables.iter().find(|table| table.store == key.parent) else {
                    continue;
                };
                let found = self.moves_along(&key, children, parents);
                let takes_value = |row: &&ValueMove| row.kind == MoveKind::TakesValue;
                taking_values.extend(found.iter().filter(takes_value).map(|row| row.child.1));
                match key.parent == children.store {
                    true => own.extend(as_uniques(&found, &key, self.table(key.parent))),
                    false => moves.extend(found),
                }
            }
            tables[at].uniques.extend(own);
            tables[at].taking_values = taking_values;
        }
        moves
    }

    fn moves_along(
        &self,
        key: &UniqueReference,
        children: &TableChanges,
        parents: &TableChanges,
    ) -> Vec<ValueMove> {
        let (mut lost, mut gained) = (FxHashMap::default(), FxHashMap::default());
        for row in &parents.updates {
            let parent = (parents.store, row.0);
            let is_computed = is_computed(parents, row.0, &key.referred);
            if !is_computed && !writes(row, &key.referred) {
                continue;
            }
            let before = self.key_of_row(parent, &key.referred);
            let now = self.key_of(parent, &key.referred);
            lost.extend(before.filter(|_| !key.follows).map(|key| (key, parent)));
            gained.extend(now.filter(|_| !is_computed).map(|key| (key, parent)));
        }
        let mut moves = Vec::new();
        if lost.is_empty() && gained.is_empty() {
            return moves;
        }
        let mut add = |child: ObjectId, changed: &[usize], parent: Option<&ObjectId>, kind| {
            let columns = changed.iter().copied();
            let to_move = |&parent: &ObjectId| ValueMove {
                child,
                parent,
                columns: columns.filter(|at| key.columns.contains(at)).collect(),
                nullable: key.nullable,
                kind,
            };
            moves.extend(parent.filter(|parent| **parent != child).map(to_move));
        };
        for row in &children.updates {
            let child = (children.store, row.0);
            let is_computed = is_computed(children, row.0, &key.columns);
            if !is_computed && !writes(row, &key.columns) {
                continue;
            }
            let before = self.key_of_row(child, &key.columns);
            let parent = before.and_then(|key| lost.get(&key));
            add(child, &row.1, parent, MoveKind::GivesUpValue);
            let now = self.key_of(child, &key.columns).filter(|_| !is_computed);
            let parent = now.and_then(|key| gained.get(&key));
            add(child, &row.1, parent, MoveKind::TakesValue);
        }
        for &slot in &children.deletes {
            let child = (children.store, slot);
            let before = self.key_of_row(child, &key.columns);
            let parent = before.and_then(|key| lost.get(&key));
            add(child, &[], parent, MoveKind::IsDeleted);
        }
        moves
    }

    fn unique_references(&self, store: u16) -> Vec<UniqueReference> {
        let table = self.table(store);
        let mut found = Vec::new();
        for key in &table.foreign_keys {
            let mut stores = (0u16..).zip(&self.stores);
            let Some((parent, entry)) =
                stores.find(|(_, entry)| entry.mapper.table().name == key.table)
            else {
                continue;
            };
            let Some((columns, referred)) = columns_of(key, table, entry.mapper.table()) else {
                continue;
            };
            let mut nullable = columns.iter().copied();
            found.push(UniqueReference {
                parent,
                nullable: nullable.find(|&at| table.columns[at].nullable),
                follows: !matches!(
                    key.on_update,
                    ReferentialAction::NoAction | ReferentialAction::Restrict
                ),
                columns,
                referred,
            });
        }
        found
    }

    /// The new rows of a store, and those in which some of these columns change.
    pub(in crate::session) fn rows_to_write(&self, store: u16, columns: &[usize]) -> Vec<u32> {
        let store = self.any_store(store);
        let is_changed = |&slot: &u32| {
            let changed = store.changed(slot);
            store.state(slot) == State::Persistent
                && !store.is_marked_deleted(slot)
                && columns.iter().any(|column| changed.contains(column))
        };
        let touched = store.touched().iter().copied().filter(is_changed);
        store.pending().iter().copied().chain(touched).collect()
    }

    /// The values of an object's columns; `None` if one of them is NULL or not loaded.
    pub(in crate::session::write) fn key_of(
        &self,
        node: ObjectId,
        columns: &[usize],
    ) -> Option<RecordKey> {
        let values = self.values(node, columns);
        let values: Vec<ValueRef<'_>> = values.iter().map(Value::as_ref).collect();
        RecordKey::of(&values).filter(|_| values.len() == columns.len())
    }

    fn table(&self, store: u16) -> &Table {
        self.entry(store).mapper.table()
    }
}

/// The columns of a foreign key, and those that it references; `None` if it references the primary key.
fn columns_of(key: &ForeignKey, table: &Table, parent: &Table) -> Option<(Vec<usize>, Vec<usize>)> {
    let is_key = key.references.len() == parent.primary_key.len()
        && parent
            .key_columns()
            .all(|column| key.references.contains(&column.name));
    if is_key {
        return None;
    }
    let columns = key.columns.iter().map(|name| table.position(name));
    let referred = key.references.iter().map(|name| parent.position(name));
    Some((
        columns.collect::<Option<_>>()?,
        referred.collect::<Option<_>>()?,
    ))
}

/// Whether a changed row sets one of these columns to a value.
fn writes(row: &(u32, Columns), columns: &[usize]) -> bool {
    row.1.iter().any(|column| columns.contains(column))
}

/// Whether a changed row sets one of these columns to an expression.
fn is_computed(table: &TableChanges, slot: u32, columns: &[usize]) -> bool {
    let mut computed = table.computed_of(slot).iter();
    computed.any(|column| columns.contains(column))
}

/// Converts moves within a table to constraints: a row changes its value after others have left it, and a row takes a value after the
/// referenced row has it.
fn as_uniques(moves: &[ValueMove], key: &UniqueReference, table: &Table) -> Vec<Unique> {
    let mut found = Vec::new();
    for gives_up in [true, false] {
        let moves = moves
            .iter()
            .filter(|row| (row.kind != MoveKind::TakesValue) == gives_up);
        let pairs = moves.map(|row| match gives_up {
            true => (row.parent.1, row.child.1),
            false => (row.child.1, row.parent.1),
        });
        let passed_on: Vec<(u32, u32)> = pairs.collect();
        if passed_on.is_empty() {
            continue;
        }
        let names = key.columns.iter().map(|&at| &*table.columns[at].name);
        found.push(Unique {
            name: format!("FOREIGN KEY ({})", names.collect::<Vec<_>>().join(", ")),
            columns: key.columns.clone(),
            nullable: key.nullable.filter(|_| gives_up),
            is_reference: true,
            passed_on,
            ..Unique::default()
        });
    }
    found
}
