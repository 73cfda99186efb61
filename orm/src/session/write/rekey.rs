//! Changed primary keys: referencing rows follow.
//!
//! With ON UPDATE CASCADE the database updates them, and memory does the same. Otherwise their foreign keys are set to NULL, then the key
//! is changed, then they get the new key. If a foreign key is NOT NULL, the outcome is up to the database.

mod deletions;
mod followers;
mod insertions;
mod later;
mod referring;

use rustc_hash::FxHashSet;

use crate::error::Result;
use crate::session::life::transaction::Intent;
use crate::session::memory::edges::ObjectId;
use crate::session::memory::links::Link;
use crate::session::read::lookup::owned;
use crate::session::write::expression::Computations;
use crate::session::write::pairs::Severed;
use crate::session::write::plan::{Changes, Columns, Step, TableChanges};
use crate::session::{Session, State};
use crate::value::{Value, ValueRef};
use followers::Follower;
use later::any_of;
use referring::Old;
pub(super) use referring::Referring;

impl Session {
    /// Writes the changed keys of rows that others may reference, before everything else except deletions that free such a key and
    /// insertions of rows to which others move; returns whether there were any.
    pub(in crate::session) fn write_changed_keys(&mut self, severed: &mut Severed) -> Result<bool> {
        let mut due: Vec<(u16, Vec<u32>, Vec<Referring>)> = Vec::new();
        for (store, slots) in self.rekeyed() {
            let referring = self.referring(store);
            if !referring.is_empty() {
                due.push((store, slots, referring));
            }
        }
        if due.is_empty() {
            return Ok(false);
        }
        self.reread_expired()?;
        self.ready(Intent::Write)?;
        for (store, slots, _) in &mut due {
            self.leave_by_relations(*store, slots)?;
        }
        let rekeyed = due.iter().map(|(store, slots, _)| (*store, &slots[..]));
        self.delete_conflicting(rekeyed, severed)?;
        for (store, slots, referring) in due {
            self.write_changed_keys_of(store, slots, &referring)?;
        }
        Ok(true)
    }

    /// The objects whose keys are changed, by store.
    fn rekeyed(&self) -> Vec<(u16, Vec<u32>)> {
        let stores = (0u16..).zip(&self.stores);
        let touched = stores.filter(|(_, entry)| !entry.store.touched().is_empty());
        let rekeyed = touched.map(|(store, entry)| (store, entry.store.rekeyed()));
        rekeyed.filter(|(_, slots)| !slots.is_empty()).collect()
    }

    /// Completes changed keys that a relation changes, too. Adds the rows whose keys they take, if these rows leave them because a
    /// relation gives them another parent; a new parent of such a row is inserted first.
    fn leave_by_relations(&mut self, store: u16, slots: &mut Vec<u32>) -> Result<()> {
        if self.edges.links.is_empty() {
            return Ok(());
        }
        let primary_key = self.primary_key(store);
        let mut seen: FxHashSet<u32> = slots.iter().copied().collect();
        let mut at = 0;
        while let Some(&slot) = slots.get(at) {
            at += 1;
            self.take_keys_of_parents((store, slot), false)?;
            let key = self.values((store, slot), &primary_key);
            let key: Vec<ValueRef<'_>> = key.iter().map(Value::as_ref).collect();
            let holder = self.any_store(store).find(&key)?;
            let Some(holder) = holder.filter(|&holder| seen.insert(holder)) else {
                continue;
            };
            if self.take_keys_of_parents((store, holder), true)? {
                slots.push(holder);
            }
        }
        Ok(())
    }

    /// Copies the keys of the parents that were set into the key of a row; returns whether there were any.
    fn take_keys_of_parents(&mut self, child: ObjectId, inserts: bool) -> Result<bool> {
        if !self.has_row(child) {
            return Ok(false);
        }
        let links: Vec<Link> = self.edges.links.of(child).cloned().collect();
        let mut takes = false;
        for link in links {
            let columns = &link.reference.columns;
            let Some(parent) = link.parent.filter(|_| self.is_in_key(child, columns)) else {
                continue;
            };
            if inserts && self.any_store(parent.0).state(parent.1) == State::Pending {
                self.insert_early([parent].into())?;
            }
            // A parent whose own key changes may be written later.
            let changed = self.any_store(parent.0).changed(parent.1);
            let key = &self.entry(parent.0).mapper.table().primary_key;
            if self.has_row(parent) && !any_of(key, &changed) {
                self.copy_key(child, columns, parent)?;
                takes = true;
            }
        }
        Ok(takes)
    }

    fn write_changed_keys_of(
        &mut self,
        store: u16,
        mut slots: Vec<u32>,
        referring: &[Referring],
    ) -> Result<()> {
        self.any_store(store).sort_by_key(&mut slots);
        // Before references are released, which the hooks would see.
        let nodes: Vec<ObjectId> = slots.iter().map(|&slot| (store, slot)).collect();
        self.call_before_early_updates(&nodes)?;
        let width = self.entry(store).mapper.table().primary_key.len();
        let mut old = Old::new(width, self.key_values(store, &slots));
        let mut followers = Vec::new();
        let mut only_read = Vec::new();
        for key in referring {
            self.add_other_texts(store, &slots, key, &mut old)?;
            // Read-only rows are left to the database.
            if self.entry(key.store).mapper.is_read_only() {
                only_read.extend(self.rows_with(key, &old));
                continue;
            }
            let rows = match key.cascades {
                true => self.rows_with(key, &old),
                false => self.read_rows_with(store, &slots, key, &mut old)?,
            };
            let rows = self.update_self_references(store, &slots, key, &old, rows)?;
            match key.cascades {
                true => followers.extend(rows.into_iter().map(|(at, node)| key.follower(at, node))),
                false => followers.extend(self.release_references(key, &old, rows)?),
            }
        }
        self.write_keys(store, &slots)?;
        for (_, (store, slot)) in only_read {
            self.any_store_mut(store).expire(slot);
        }
        let new = self.key_values(store, &slots);
        let new: Vec<&[Value]> = new.chunks(width).collect();
        let to_reread = self.rows_to_reread(store, &followers, &old, &new);
        self.follow(followers, &new)?;
        if !self.hooks.is_empty() {
            // A hook may clear a reference that has been released, which then no longer differs from its row.
            self.note_moves()?;
        }
        for (children, slot) in to_reread {
            let any = self.any_store_mut(children);
            any.states_mut().set_epoch(slot, 0);
        }
        Ok(())
    }

    /// Handles rows that reference themselves, with one UPDATE of both columns if the database permits that; returns the others.
    fn update_self_references(
        &mut self,
        store: u16,
        slots: &[u32],
        key: &Referring,
        old: &Old,
        rows: Vec<(usize, ObjectId)>,
    ) -> Result<Vec<(usize, ObjectId)>> {
        let mut others = Vec::with_capacity(rows.len());
        // Where the database checks references for each row, the row follows its own key like others.
        let follows = !self.engine.dialect().deletes_own_references()
            && !key.cascades
            && !key.nullable.is_empty();
        for (at, node) in rows {
            let refers = self.refers(node, key, old, at);
            // A relation to another row, or to none, and an expression are written after the key: until then the reference is NULL.
            let is_computed = self.is_computed(node, &key.columns);
            let is_released = !key.cascades
                && !key.nullable.is_empty()
                && (is_computed || !refers && self.edges.links.get(node, &key.columns).is_some());
            if follows || is_released || node != (store, slots[at]) {
                others.push((at, node));
                continue;
            }
            if refers {
                let new = self.values(node, &self.primary_key(store));
                self.assign_all(node, &key.columns, &new)?;
            }
        }
        Ok(others)
    }

    /// Releases the references of rows whose parents' keys change: nullable foreign keys are set to NULL. Returns the rows that must
    /// follow.
    fn release_references(
        &mut self,
        key: &Referring,
        old: &Old,
        rows: Vec<(usize, ObjectId)>,
    ) -> Result<Vec<Follower>> {
        if !key.nullable.is_empty() {
            // Their own changes of the reference are written here, too.
            let is_changed = |&(at, node): &(usize, ObjectId)| {
                let any = self.any_store(node.0);
                any.state(node.1) == State::Persistent
                    && !any.is_marked_deleted(node.1)
                    && (self.edges.links.get(node, &key.columns).is_some()
                        || !old.is_at(at, &self.values(node, &key.columns)))
            };
            let changed = rows.iter().copied().filter(is_changed);
            let changed: Vec<ObjectId> = changed.map(|(_, node)| node).collect();
            self.call_before_early_updates(&changed)?;
        }
        let nulls = vec![Value::Null; key.nullable.len()];
        let mut followers = Vec::new();
        let mut cut = Vec::new();
        let mut changed = Vec::new();
        for (at, node) in rows {
            let values = self.values(node, &key.columns);
            if self.refers(node, key, old, at) {
                followers.push(key.follower(at, node));
            }
            if !key.nullable.is_empty() {
                if !old.is_at(at, &values) {
                    changed.push((node, values));
                }
                self.assign_all(node, &key.nullable, &nulls)?;
                cut.push(node.1);
            }
        }
        self.refuse_followers(key.store, &key.nullable, &cut)?;
        self.run_step(&Step::Release {
            store: key.store,
            columns: key.nullable.as_slice().into(),
            slots: cut,
        })?;
        for (node, values) in changed {
            self.assign_all(node, &key.columns, &values)?;
        }
        Ok(followers)
    }

    /// Whether a row references a key and was not set to another parent.
    fn refers(&self, node: ObjectId, key: &Referring, old: &Old, at: usize) -> bool {
        let own = self.foreign_key(node, &key.columns);
        self.edges.links.get(node, &key.columns).is_none()
            && own.is_some_and(|own| old.is_at(at, &own))
            && !self.any_store(node.0).is_marked_deleted(node.1)
    }

    /// Writes rows whose keys are changed; rows that free a key come before those that take it.
    fn write_keys(&mut self, store: u16, slots: &[u32]) -> Result<()> {
        let taken_later = self.written_later(store, slots)?;
        let any = self.any_store(store);
        let changed = |&slot: &u32| {
            let mut columns = any.changed(slot);
            if let Some(later) = taken_later.get(&slot) {
                columns.retain(|column| !later.contains(column));
            }
            (slot, Columns::from(columns))
        };
        let updates: Vec<(u32, Columns)> = slots.iter().map(changed).collect();
        let nothing = Computations::default();
        let uniques = self.uniques(store, &[], &updates, &[], &nothing);
        let changes = Changes {
            tables: vec![TableChanges {
                store,
                uniques,
                updates,
                ..TableChanges::default()
            }],
            ..Changes::default()
        };
        for step in self.planned(&changes)? {
            let Step::Update {
                store,
                columns,
                slots,
            } = step
            else {
                self.run_step(&step)?;
                continue;
            };
            let (in_part, whole) = slots
                .into_iter()
                .partition(|slot| taken_later.contains_key(slot));
            self.run_step(&Step::Release {
                store,
                columns: columns.clone(),
                slots: in_part,
            })?;
            self.run_step(&Step::Update {
                store,
                columns,
                slots: whole,
            })?;
        }
        Ok(())
    }

    fn run_step(&mut self, step: &Step) -> Result<()> {
        if let Step::Release { columns, slots, .. } | Step::Update { columns, slots, .. } = step
            && (columns.is_empty() || slots.is_empty())
        {
            return Ok(());
        }
        self.check_step(step)?;
        self.execute_step(step, &Computations::default(), None)?;
        let Some(store) = step.store() else {
            return Ok(());
        };
        if let Step::Release { slots, .. }
        | Step::Update { slots, .. }
        | Step::Vacate { slots, .. } = step
        {
            self.note_early_updates(store, slots);
        }
        if let Some((store, columns, slots)) = step.written() {
            self.early_updates
                .push((store, columns.to_vec(), slots.to_vec()));
        }
        Ok(())
    }

    fn primary_key(&self, store: u16) -> Vec<usize> {
        self.entry(store).mapper.table().primary_key.clone()
    }

    pub(in crate::session) fn values(
        &self,
        (store, slot): ObjectId,
        columns: &[usize],
    ) -> Vec<Value> {
        let mut params = Vec::with_capacity(columns.len());
        self.any_store(store).values(slot, columns, &mut params);
        owned(&params)
    }

    fn assign_all(&mut self, node: ObjectId, columns: &[usize], values: &[Value]) -> Result<()> {
        let mut pairs = columns.iter().zip(values);
        pairs.try_for_each(|(&column, value)| self.assign_changed(node, column, value))
    }
}
