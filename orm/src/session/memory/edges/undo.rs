//! Undoing changes to collections.

use super::{Collection, Departure, Edges, Members, hold};
use crate::session::memory::undo_log::{Done, LogEntry, UndoLog};

impl Edges {
    /// Undoes unflushed changes, except those in the undo log.
    pub(in crate::session) fn forget_changes(&mut self) {
        self.links.clear();
        self.pairs.clear();
        self.queried.clear();
        self.left.clear();
        self.passed.clear();
        self.deleted.clear();
        for key in std::mem::take(&mut self.changed) {
            if let Some(members) = self.collections.get_mut(&key) {
                members.changes = None;
            }
        }
    }

    /// Undoes the last entry of the undo log, if it is of a collection.
    pub(in crate::session) fn undo(&mut self, log: &mut UndoLog, LogEntry { of, done }: LogEntry) {
        match done {
            Done::MemberAdded(relation) => {
                if let Some(members) = self.collections.get_mut(&(of, relation)) {
                    members.slots.undo_push();
                }
            }
            Done::MemberRemoved(relation) => {
                if let Some((slot, at)) = log.removed.pop() {
                    self.undo_removed(log, (of, relation), slot, at);
                }
            }
            Done::CollectionReplaced(relation) => {
                let before = log.replaced.pop().flatten();
                self.undo_replaced(log, (of, relation), before);
            }
            _ => {}
        }
    }

    /// Undoes the removal of a member from a position, unless the member has left the session.
    fn undo_removed(&mut self, log: &UndoLog, key: Collection, slot: u32, at: usize) {
        let Some(members) = self.collections.get_mut(&key) else {
            return;
        };
        let member = (members.target, slot);
        match log.departed.get(&member) {
            Some(Departure::RowStays) if members.changes.is_none() => {
                self.collections.remove(&key);
            }
            Some(departure) => members.lacks |= *departure == Departure::RowStays,
            None => {
                members.slots.undo_remove(slot, at);
                self.note_holder(key, member);
            }
        }
    }

    /// Restores a whole collection, without the objects that have left the session.
    fn undo_replaced(&mut self, log: &UndoLog, key: Collection, before: Option<Box<Members>>) {
        self.collections.remove(&key);
        let before = before.filter(|_| !log.departed.contains_key(&key.0));
        let Some(mut members) = before else {
            return;
        };
        if !log.departed.is_empty() {
            for slot in members.slots.to_vec() {
                if let Some(departure) = log.departed.get(&(members.target, slot)) {
                    members.slots.remove(slot);
                    members.lacks |= *departure == Departure::RowStays;
                }
            }
        }
        // The previous state is no longer fully known: it is reread at its next use.
        if members.lacks && members.changes.is_none() {
            return;
        }
        if let Some(holders) = &mut self.holders {
            hold(holders, key, &members);
        }
        self.collections.insert(key, *members);
    }
}
