//! Undoing what was done to a store's objects.

use super::Store;
use crate::entity::Mapped;
use crate::session::State;
use crate::session::memory::any_store::Undoes;
use crate::session::memory::snapshots::Snapshot;
use crate::session::memory::undo_log::Done;

impl<E: Mapped> Store<E> {
    /// Restores the snapshot.
    pub(super) fn restore(&mut self, slot: u32) {
        if let Some(before) = self.objects[slot as usize].snapshot.take() {
            self.put_back(slot, before);
        }
    }

    /// Restores a snapshot. A value that its own type does not convert back (it was set by the program and never read) stays.
    pub(super) fn put_back(&mut self, slot: u32, before: Snapshot) {
        self.states.row_changed(slot);
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
}

impl<E: Mapped> Undoes for Store<E> {
    fn expire(&mut self, slot: u32) {
        self.restore(slot);
        self.states.untouch(slot);
        self.states.set_epoch(slot, 0);
    }

    fn detach(&mut self, slot: u32) {
        self.forget_key(slot);
        self.objects[slot as usize].snapshot = None;
        self.states.detach(slot);
    }

    fn discard(&mut self, slot: u32) {
        drop(self.remove(slot));
    }

    fn forget_changes(&mut self) {
        self.pending_keys.clear();
        self.before_deletion.clear();
        for slot in self.states.forget_changes() {
            self.restore(slot);
        }
    }

    fn undo(&mut self, slot: u32, done: Done) -> bool {
        self.states.undo(slot, done);
        let state = self.states.state(slot);
        match done {
            Done::Written(before) => {
                self.forget_key(slot);
                if state != State::Detached {
                    self.put_back(slot, before);
                    return self.map_key(slot).is_ok();
                }
            }
            Done::Inserted => self.forget_key(slot),
            Done::Switched => {
                self.forget_key(slot);
                let own = self.switched.pop();
                if state != State::Detached {
                    self.objects[slot as usize].value = own;
                }
            }
            Done::Deleted if state == State::Persistent => {
                self.restore(slot);
                // A row that had this key in the meantime no longer exists.
                self.forget_gone(slot);
                let _ = self.map_key(slot);
            }
            _ => {}
        }
        true
    }

    fn map_again(&mut self, slot: u32) {
        let _ = self.map_key(slot);
    }
}
