//! Undoing changes to a store's objects, and passing the row of one object to another.

use super::Store;
use super::keys::conflict;
use crate::entity::Mapped;
use crate::error::Result;
use crate::session::State;
use crate::session::memory::object_states::Done;
use crate::session::memory::snapshots::Snapshot;

impl<E: Mapped> Store<E> {
    /// Lets new objects take over rows with the same key that are to be deleted.
    pub(super) fn switch_all(&mut self) -> Result<()> {
        if self.states.pending().is_empty() || self.states.marked().is_empty() {
            return Ok(());
        }
        for to in self.states.pending().to_vec() {
            let from = self.key(to).and_then(|key| self.keys.get(&key));
            if let Some(from) = from.filter(|&from| self.states.is_marked_deleted(from)) {
                self.switch(from, to)?;
            }
        }
        Ok(())
    }

    /// The deleted objects whose rows new objects take over.
    pub(super) fn rows_to_switch(&self) -> Vec<u32> {
        if self.states.pending().is_empty() || self.states.marked().is_empty() {
            return Vec::new();
        }
        let pending = self.states.pending().iter();
        let mapped = pending.filter_map(|&slot| self.keys.get(&self.key(slot)?));
        mapped
            .filter(|&slot| self.states.is_marked_deleted(slot))
            .collect()
    }

    /// Lets a pending object take over the row of one marked for deletion: columns that it does not set keep the row's values.
    fn switch(&mut self, from: u32, to: u32) -> Result<()> {
        let old = &self.objects[from as usize];
        let before = match (old.snapshot, &old.value) {
            (Some(snapshot), _) => snapshot,
            (None, Some(row)) => self.snapshots.take(&self.mapper, row),
            (None, None) => return Ok(()),
        };
        let Some(value) = &mut self.objects[to as usize].value else {
            return Ok(());
        };
        let own = value.clone();
        for column in 0..self.mapper.types().len() {
            if value.is_unset(&self.mapper, column)
                && let Some(kept) = self.snapshots.value(&self.mapper, before, column)
            {
                value.assign(&self.mapper, column, kept)?;
            }
        }
        self.objects[to as usize].snapshot = Some(before);
        self.switched.push(own);
        self.forget_key(from);
        self.restore(from);
        self.states.switched(from, to, self.states.epoch(from));
        self.map_key(to)
    }

    /// Updates the snapshot after only these of the changed columns were written.
    pub(super) fn write_in_part(&mut self, slot: u32, columns: &[usize]) -> Result<()> {
        let is_key = |column: &usize| self.mapper.table().primary_key.contains(column);
        if self.objects[slot as usize].snapshot.is_some() && columns.iter().any(is_key) {
            self.release_key_to(slot)?;
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
        self.objects[slot as usize].snapshot = Some(after);
        self.written.push(before);
        self.states.log(Done::Written(slot));
        let Some(key) = self.key(slot) else {
            return Ok(());
        };
        match self.keys.get(&key) {
            None => {
                self.keys.insert(key, slot);
                Ok(())
            }
            // The row of the object that is to be deleted no longer exists: its DELETE would meet this one.
            Some(other) if other != slot && self.states.is_marked_deleted(other) => {
                Err(conflict(&self.mapper, &key))
            }
            // Another object temporarily has the row's key.
            Some(_) => Ok(()),
        }
    }

    /// Restores the snapshot.
    pub(super) fn restore(&mut self, slot: u32) {
        if let Some(before) = self.objects[slot as usize].snapshot.take() {
            self.put_back(slot, before);
        }
    }

    /// Restores a snapshot. A value that its own type does not convert back (it was set by the program and never read) stays.
    pub(super) fn put_back(&mut self, slot: u32, before: Snapshot) {
        let row = self.snapshots.eager_row(&self.mapper, before);
        let Ok(mut value) = E::hydrate(&self.mapper, &row, 0) else {
            return;
        };
        for &column in self.mapper.deferred() {
            let kept = self.snapshots.value(&self.mapper, before, column);
            if kept.is_some_and(|kept| value.assign(&self.mapper, column, kept).is_err()) {
                return;
            }
        }
        self.objects[slot as usize].value = Some(value);
    }

    /// Undoes everything since a mark of the undo log, and unflushed changes.
    pub(super) fn undo(&mut self, mark: usize) {
        self.pending_keys.clear();
        for slot in self.states.forget_changes() {
            self.restore(slot);
        }
        let mut unmapped = Vec::new();
        while let Some(done) = self.states.undo_last(mark) {
            match done {
                Done::Written(slot) => {
                    let before = self.written.pop();
                    self.forget_key(slot);
                    if self.states.state(slot) != State::Detached {
                        if let Some(before) = before {
                            self.put_back(slot, before);
                        }
                        // An object that took this key in the meantime is undone next.
                        if self.map_key(slot).is_err() {
                            unmapped.push(slot);
                        }
                    }
                }
                Done::Inserted(slot) => self.forget_key(slot),
                Done::Switched(slot) => {
                    self.forget_key(slot);
                    let own = self.switched.pop();
                    if self.states.state(slot) != State::Detached {
                        self.objects[slot as usize].value = own;
                    }
                }
                Done::Deleted(slot) if self.states.state(slot) == State::Persistent => {
                    self.restore(slot);
                    // A row that had this key in the meantime no longer exists.
                    self.forget_gone(slot);
                    let _ = self.map_key(slot);
                }
                Done::Deleted(_)
                | Done::Read(_)
                | Done::Guessed(_)
                | Done::Overwritten(_)
                | Done::AllOverwritten(_) => {}
            }
        }
        for slot in unmapped {
            let _ = self.map_key(slot);
        }
        if mark == 0 {
            self.states.end_transaction();
            self.snapshots.clear();
        }
    }
}
