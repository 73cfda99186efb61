//! Updating objects after a flush, and passing the row of one object to another.

use super::Store;
use super::keys::conflict;
use crate::entity::Mapped;
use crate::error::Result;
use crate::schema::Generated;
use crate::session::State;
use crate::session::memory::any_store::WritesRows;
use crate::session::memory::undo_log::{Done, UndoLog};
use crate::value::ValueRef;

impl<E: Mapped> Store<E> {
    /// Lets a pending object take over the row of one marked for deletion. What it does not set becomes NULL, as in an INSERT. Returns
    /// the columns that must get their defaults; generated numbers and computed columns keep the row's values.
    fn switch(&mut self, from: u32, to: u32, log: &mut UndoLog) -> Result<Vec<usize>> {
        let old = &self.objects[from as usize];
        let before = match (old.snapshot, &old.value) {
            (Some(snapshot), _) => snapshot,
            (None, Some(row)) => self.snapshots.take(&self.mapper, row),
            (None, None) => return Ok(Vec::new()),
        };
        let Some(value) = &mut self.objects[to as usize].value else {
            return Ok(Vec::new());
        };
        let own = value.clone();
        let mut defaulted = Vec::new();
        for (column, definition) in self.mapper.table().columns.iter().enumerate() {
            if !value.is_unset(&self.mapper, column) {
                continue;
            }
            match definition.generated {
                Generated::No if !definition.nullable => {
                    return Err(self.mapper.missing_deferred(column));
                }
                Generated::No => {
                    value.assign(&self.mapper, column, ValueRef::Null)?;
                    continue;
                }
                Generated::Default(_) => defaulted.push(column),
                _ => {}
            }
            if let Some(kept) = self.snapshots.value(&self.mapper, before, column) {
                value.assign(&self.mapper, column, kept)?;
            }
        }
        self.objects[to as usize].snapshot = Some(before);
        self.switched.push(own);
        self.forget_key(from);
        self.restore(from);
        self.states.switched(from, to, log);
        self.map_key(to)?;
        Ok(defaulted)
    }
}

impl<E: Mapped> WritesRows for Store<E> {
    fn inserted(&mut self, slot: u32, log: &mut UndoLog) -> Result<()> {
        let key = self.new_key(slot);
        if key.is_none_or(|key| !self.keys.insert_new(key, slot)) {
            self.refuse_replaced(slot)?;
            if let Some(gone) = self.replaced_by(slot) {
                self.gone(gone, log);
                self.states.note_without_row(gone);
            }
            self.map_key(slot)?;
        }
        self.states.inserted(slot, log);
        Ok(())
    }

    fn updated(&mut self, slot: u32, log: &mut UndoLog) -> Result<()> {
        let Some(before) = self.objects[slot as usize].snapshot.take() else {
            return Ok(());
        };
        self.states.row_changed(slot);
        let new = self.key(slot);
        let is_kept = self.is_mapped_by(new.as_ref(), slot);
        let old = (!is_kept).then(|| self.key_before(before)).flatten();
        let is_rekeyed = !is_kept && old != new;
        if is_rekeyed && let Err(error) = self.release_key_to(slot, log) {
            // A rollback restores it.
            self.objects[slot as usize].snapshot = Some(before);
            return Err(error);
        }
        let is_known = self.mapper.computed().is_empty();
        self.states
            .set_epoch(slot, if is_known { log.epoch } else { 0 });
        self.states.log(slot, Done::Written(before), log);
        if !is_rekeyed {
            return Ok(());
        }
        if let Some(old) = old.filter(|old| self.keys.get(old) == Some(slot)) {
            self.keys.remove(&old);
        }
        self.map_key(slot)
    }

    fn updated_in_part(&mut self, slot: u32, columns: &[usize], log: &mut UndoLog) -> Result<()> {
        let is_key = |column: &usize| self.mapper.table().primary_key.contains(column);
        if self.objects[slot as usize].snapshot.is_some() && columns.iter().any(is_key) {
            self.release_key_to(slot, log)?;
        }
        let object = &self.objects[slot as usize];
        let (Some(before), Some(value)) = (object.snapshot, &object.value) else {
            return Ok(());
        };
        let after = self.snapshots.copy(&self.mapper, before);
        for &column in columns {
            if let Some(value) = value.value(&self.mapper, column).value() {
                self.snapshots.load(&self.mapper, after, column, value);
            }
        }
        self.forget_key(slot);
        if self.states.is_marked_deleted(slot) {
            self.before_deletion.entry(slot).or_insert(before);
        }
        self.objects[slot as usize].snapshot = Some(after);
        self.states.row_changed(slot);
        self.states.log(slot, Done::Written(before), log);
        let Some(key) = self.key(slot) else {
            return Ok(());
        };
        match self.keys.get(&key) {
            None => {
                self.keys.insert(key, slot);
                Ok(())
            }
            // The row of the object that is to be deleted no longer exists: its DELETE would delete this one.
            Some(other) if other != slot && self.states.is_marked_deleted(other) => {
                Err(conflict(&self.mapper, &key))
            }
            // Another object temporarily has the row's key.
            Some(_) => Ok(()),
        }
    }

    fn deleted(&mut self, slot: u32, log: &mut UndoLog) {
        self.forget_key(slot);
        // Changes made before the deletion were not written, or only to free the row.
        if let Some(before) = self.before_deletion.remove(&slot) {
            self.objects[slot as usize].snapshot = Some(before);
        }
        self.restore(slot);
        self.states.deleted(slot, log);
    }

    fn gone(&mut self, slot: u32, log: &mut UndoLog) {
        self.forget_key(slot);
        self.restore(slot);
        self.states.gone(slot, log);
    }

    fn switch_rows(
        &mut self,
        is_deleted: &dyn Fn(u32) -> bool,
        log: &mut UndoLog,
    ) -> Result<Vec<(u32, usize)>> {
        let mut defaulted = Vec::new();
        if self.states.pending().is_empty() || self.states.marked().is_empty() {
            return Ok(defaulted);
        }
        for to in self.states.pending().to_vec() {
            let from = self.key(to).and_then(|key| self.keys.get(&key));
            let is_free = |&from: &u32| self.states.is_marked_deleted(from) && !is_deleted(from);
            if let Some(from) = from.filter(is_free) {
                let columns = self.switch(from, to, log)?;
                defaulted.extend(columns.into_iter().map(|column| (to, column)));
            }
        }
        Ok(defaulted)
    }

    fn switched(&self) -> Vec<u32> {
        if self.states.pending().is_empty() || self.states.marked().is_empty() {
            return Vec::new();
        }
        let pending = self.states.pending().iter();
        let mapped = pending.filter_map(|&slot| self.keys.get(&self.key(slot)?));
        mapped
            .filter(|&slot| self.states.is_marked_deleted(slot))
            .collect()
    }

    fn settle(&mut self) {
        self.pending_keys.clear();
        self.before_deletion.clear();
        for slot in self.states.settle() {
            self.states.row_changed(slot);
            self.objects[slot as usize].snapshot = None;
        }
        if !self.states.is_logged() {
            self.snapshots.clear();
        }
    }

    fn leave(&mut self, slot: u32) {
        if self.states.state(slot) == State::Deleted {
            self.objects[slot as usize].snapshot = None;
            self.states.detach(slot);
        }
    }

    fn end_transaction(&mut self) {
        self.states.end_transaction();
        self.switched.clear();
        // Objects written to since the flush keep their snapshots for the next flush.
        if self.states.touched().is_empty() {
            self.snapshots.clear();
        }
    }
}
