//! The states of a store's objects: everything but their values, so that it is compiled once, not for each entity.

mod list;

use crate::error::{Error, ErrorKind, Result};
use crate::session::State;
use crate::session::memory::undo_log::{Done, UndoLog};
use list::{Counts, List};

pub(crate) use list::Listed;

/// States, epochs and pending work, by slot.
#[derive(Debug, Default)]
pub(crate) struct ObjectStates {
    /// The index of the store in its session, which the undo log names.
    store: u16,
    slots: Vec<Entry>,
    pending: List,
    touched: List,
    marked: List,
    /// The number of times that a bulk statement has expired all objects; added to the session's epoch.
    expirations: u32,
    /// Rows read before this epoch may have been written since by such a statement of this session.
    overwritten_before: u32,
    /// Objects that have left because their rows no longer exist, until their edges are removed.
    without_rows: Vec<u32>,
    /// The objects of the current flush that are not inserted, because they are removed with their parents.
    removed_with_parent: Vec<u32>,
    /// The number of entries of the undo log that a rollback undoes here; their snapshots are kept.
    logged: u32,
    /// Objects whose rows are unknown since a savepoint was undone, until the end of the transaction.
    unknown: Vec<u32>,
    /// Objects whose rows may have changed since they were last taken, if they are tracked.
    changed_rows: Option<Vec<u32>>,
    /// The columns that the database sets in every UPDATE that does not, if this transaction has queried them.
    set_by_updates: Option<Vec<usize>>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// The epoch in which the row was read or written; older than the session's means expired.
    epoch: u32,
    state: State,
    /// Bits: [`TOUCHED`] and the following constants.
    flags: u8,
}

/// The object was written to since its row was read.
const TOUCHED: u8 = 1;
/// The object is marked for deletion.
const MARKED: u8 = 2;
/// This session wrote the row since it was read, with unknown values.
const OVERWRITTEN: u8 = 4;
/// The slot is in the list of pending objects, even if it no longer counts.
const IN_PENDING: u8 = 8;
const IN_TOUCHED: u8 = 16;
const IN_MARKED: u8 = 32;
/// The database generated the key in this transaction.
const GENERATED: u8 = 64;

impl ObjectStates {
    /// Sets the index of the store in its session.
    pub(in crate::session) fn set_store(&mut self, store: u16) {
        self.store = store;
    }

    /// The number of slots, including those of objects that have left.
    #[inline]
    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.slots.len())
            .expect("a session holds fewer than 2^32 objects of one table")
    }

    #[inline]
    pub(crate) fn state(&self, slot: u32) -> State {
        self.slots
            .get(slot as usize)
            .map_or(State::Detached, |entry| entry.state)
    }

    #[inline]
    pub(crate) fn is_expired(&self, slot: u32, epoch: u32) -> bool {
        let entry = &self.slots[slot as usize];
        entry.state == State::Persistent && entry.epoch < epoch + self.expirations
    }

    /// Objects to insert, in the order of `add`.
    pub(crate) fn pending(&self) -> Listed<'_> {
        self.listed(&self.pending, Counts::Pending)
    }

    /// The pending list from a position on, including slots that no longer count.
    pub(in crate::session) fn pending_since(&self, position: usize) -> &[u32] {
        self.pending.slots.get(position..).unwrap_or_default()
    }

    /// Objects written to since they were read, in the order of their first write.
    pub(crate) fn touched(&self) -> Listed<'_> {
        self.listed(&self.touched, Counts::Flag(TOUCHED))
    }

    fn listed<'a>(&'a self, list: &'a List, counts: Counts) -> Listed<'a> {
        Listed {
            entries: &self.slots,
            slots: list.slots.iter(),
            count: list.count,
            counts,
        }
    }

    /// Objects written to while expired that are not marked for deletion.
    pub(crate) fn touched_expired(&self, epoch: u32) -> Vec<u32> {
        let is_due = |&slot: &u32| self.is_expired(slot, epoch) && !self.is_marked_deleted(slot);
        self.touched().copied().filter(is_due).collect()
    }

    /// Objects to delete.
    pub(crate) fn marked(&self) -> Listed<'_> {
        self.listed(&self.marked, Counts::Flag(MARKED))
    }

    /// The objects marked for deletion since a position, which is set to the end.
    pub(crate) fn marked_since(&self, position: &mut usize) -> Vec<u32> {
        let slots = self.marked.slots.get(*position..).unwrap_or_default();
        *position = self.marked.slots.len();
        let is_marked_deleted = |slot: &u32| self.is_marked_deleted(*slot);
        slots.iter().copied().filter(is_marked_deleted).collect()
    }

    pub(crate) fn is_marked_deleted(&self, slot: u32) -> bool {
        self.slots[slot as usize].flags & MARKED != 0
    }

    /// Whether any object is persistent.
    pub(crate) fn has_persistent(&self) -> bool {
        let mut entries = self.slots.iter();
        entries.any(|entry| entry.state == State::Persistent)
    }

    /// The objects in a state.
    pub(crate) fn slots_in(&self, wanted: State) -> Vec<u32> {
        (0..)
            .zip(&self.slots)
            .filter(|(_, entry)| entry.state == wanted)
            .map(|(slot, _)| slot)
            .collect()
    }

    /// Marks an object for deletion; `name` is its entity's, for the error.
    pub(crate) fn mark_deleted(&mut self, slot: u32, name: &str) -> Result<()> {
        let entry = &mut self.slots[slot as usize];
        match entry.state {
            State::Persistent if entry.flags & MARKED != 0 => Ok(()),
            State::Persistent => {
                entry.flags |= MARKED;
                self.marked.push(slot, entry, IN_MARKED);
                Ok(())
            }
            state => {
                let message = format!(
                    "a {state} object cannot be deleted: it has no row (expunge it instead)"
                );
                Err(Error::new(ErrorKind::InvalidState, message).entity(name))
            }
        }
    }

    /// Makes a pending object transient again, because it is removed with its parent.
    pub(crate) fn make_transient(&mut self, slot: u32) {
        self.set_state(slot, State::Transient);
        self.removed_with_parent.push(slot);
    }

    fn set_state(&mut self, slot: u32, state: State) {
        let entry = &mut self.slots[slot as usize];
        self.pending.count -= usize::from(entry.state == State::Pending);
        entry.state = state;
    }

    /// Makes a transient object pending again.
    pub(in crate::session) fn make_pending(&mut self, slot: u32) {
        let entry = &mut self.slots[slot as usize];
        entry.state = State::Pending;
        self.pending.push(slot, entry, IN_PENDING);
    }

    /// Adds a pending object.
    pub(in crate::session) fn push_pending(&mut self) -> u32 {
        let slot = self.push(State::Pending, 0);
        let entry = &mut self.slots[slot as usize];
        self.pending.push(slot, entry, IN_PENDING);
        slot
    }

    /// Adds an object that was read.
    #[inline]
    pub(in crate::session) fn push_read(&mut self, epoch: u32) -> u32 {
        let slot = self.push(State::Persistent, epoch + self.expirations);
        self.row_changed(slot);
        slot
    }

    #[inline]
    fn push(&mut self, state: State, epoch: u32) -> u32 {
        let slot = self.len();
        self.slots.push(Entry {
            epoch,
            state,
            flags: 0,
        });
        slot
    }

    pub(in crate::session) fn touch(&mut self, slot: u32) {
        let entry = &mut self.slots[slot as usize];
        if entry.flags & TOUCHED == 0 {
            entry.flags |= TOUCHED;
            self.touched.push(slot, entry, IN_TOUCHED);
        }
    }

    pub(in crate::session) fn untouch(&mut self, slot: u32) {
        let entry = &mut self.slots[slot as usize];
        self.touched.count -= usize::from(entry.flags & TOUCHED != 0);
        entry.flags &= !TOUCHED;
    }

    fn unmark_deleted(&mut self, slot: u32) {
        let entry = &mut self.slots[slot as usize];
        self.marked.count -= usize::from(entry.flags & MARKED != 0);
        entry.flags &= !MARKED;
    }

    /// Sets the epoch in which an object was read; 0 is never current.
    pub(in crate::session) fn set_epoch(&mut self, slot: u32, epoch: u32) {
        let expirations = self.expirations;
        let entry = &mut self.slots[slot as usize];
        entry.epoch = 0;
        if epoch != 0 {
            entry.epoch = epoch + expirations;
            entry.flags &= !OVERWRITTEN;
        }
    }

    /// Starts to track the objects whose rows may have changed.
    pub(in crate::session) fn note_changed_rows(&mut self) {
        self.changed_rows = Some(Vec::new());
    }

    /// Notes that the row of an object in memory may have changed, or that it has one now.
    #[inline]
    pub(in crate::session) fn row_changed(&mut self, slot: u32) {
        if let Some(changed) = &mut self.changed_rows {
            changed.push(slot);
            // They are no longer taken: from now on, all rows may have changed.
            if changed.len() > 2 * self.slots.len() + 64 {
                self.changed_rows = None;
            }
        }
    }

    /// The objects whose rows may have changed since the last call; `None` if these are not known.
    pub(in crate::session) fn take_changed_rows(&mut self) -> Option<Vec<u32>> {
        self.changed_rows.as_mut().map(std::mem::take)
    }

    /// The columns that the database sets in every UPDATE that does not, if this transaction has queried them.
    pub(in crate::session) fn set_by_updates(&self) -> Option<&[usize]> {
        self.set_by_updates.as_deref()
    }

    /// Keeps these columns until the end of the transaction: afterwards the table may be altered.
    pub(in crate::session) fn keep_set_by_updates(&mut self, columns: Vec<usize>) {
        self.set_by_updates = Some(columns);
    }

    /// Notes that this session wrote the row with unknown values, so that it is reread at its next use.
    pub(in crate::session) fn overwritten(&mut self, slot: u32, log: &mut UndoLog) {
        self.expire(slot);
        let entry = &mut self.slots[slot as usize];
        if entry.flags & OVERWRITTEN == 0 {
            entry.flags |= OVERWRITTEN;
            self.log(slot, Done::Overwritten, log);
        }
    }

    /// Notes that a row which this session wrote with unknown values is about to be read, which a savepoint may undo.
    pub(in crate::session) fn known(&mut self, slot: u32, log: &mut UndoLog) {
        if log.in_savepoint() && self.slots[slot as usize].flags & OVERWRITTEN != 0 {
            self.log(slot, Done::Known, log);
        }
    }

    /// Notes that this session may have written any row with unknown values, so that all are reread at their next use.
    pub(in crate::session) fn all_overwritten(&mut self, log: &mut UndoLog) {
        if self.slots.is_empty() {
            return;
        }
        self.expirations += 1;
        self.log(0, Done::AllOverwritten(self.overwritten_before), log);
        self.overwritten_before = log.epoch + self.expirations;
    }

    /// Whether this session may have written the row since it was read, with unknown values.
    pub(in crate::session) fn is_overwritten(&self, slot: u32, written_before: u32) -> bool {
        let entry = &self.slots[slot as usize];
        entry.flags & OVERWRITTEN != 0
            || entry.epoch < self.overwritten_before
            || (written_before > 0 && entry.epoch < written_before + self.expirations)
    }

    /// Whether this session wrote the row with unknown values since it was read, by a statement for this row.
    pub(in crate::session) fn is_unknown(&self, slot: u32) -> bool {
        let entry = &self.slots[slot as usize];
        entry.flags & OVERWRITTEN != 0 && entry.state == State::Persistent
    }

    /// Notes that the transaction has ended in which this session wrote the row: from now on other sessions may change it.
    pub(in crate::session) fn end_overwriting(&mut self, slot: u32) {
        self.slots[slot as usize].flags &= !OVERWRITTEN;
    }

    /// Handles an object whose row no longer exists.
    pub(in crate::session) fn gone(&mut self, slot: u32, log: &mut UndoLog) {
        self.untouch(slot);
        self.deleted(slot, log);
    }

    /// Expires an object, so that it is reread at its next use.
    pub(in crate::session) fn expire(&mut self, slot: u32) {
        self.set_epoch(slot, 0);
    }

    /// Whether the values of a reread row are newer than the object's.
    #[inline]
    pub(in crate::session) fn is_older(&self, slot: u32, epoch: u32) -> bool {
        self.slots[slot as usize].epoch < epoch + self.expirations
    }

    /// Detaches an object.
    pub(in crate::session) fn detach(&mut self, slot: u32) {
        self.untouch(slot);
        self.unmark_deleted(slot);
        self.set_state(slot, State::Detached);
    }

    pub(in crate::session) fn note_without_row(&mut self, slot: u32) {
        self.without_rows.push(slot);
    }

    /// The objects whose keys were generated again for new rows.
    pub(in crate::session) fn without_rows(&self) -> &[u32] {
        &self.without_rows
    }

    /// Takes the objects whose rows no longer exist, to remove their edges.
    pub(in crate::session) fn take_objects_to_forget(&mut self) -> Vec<u32> {
        let mut taken = std::mem::take(&mut self.without_rows);
        taken.append(&mut self.removed_with_parent);
        taken
    }

    /// Logs the first read of a row.
    #[inline]
    pub(in crate::session) fn log_new(&mut self, slot: u32, log: &mut UndoLog) {
        match log.in_savepoint() {
            true if log.has_written_unknown => self.log(slot, Done::Guessed, log),
            true => self.log(slot, Done::Read, log),
            false => {}
        }
    }

    pub(in crate::session) fn log(&mut self, slot: u32, done: Done, log: &mut UndoLog) {
        self.logged += u32::from(!done.is_of_savepoint());
        log.push((self.store, slot), done);
    }

    /// Whether a rollback would undo anything here.
    pub(in crate::session) fn is_logged(&self) -> bool {
        self.logged > 0
    }

    pub(in crate::session) fn inserted(&mut self, slot: u32, log: &mut UndoLog) {
        self.set_state(slot, State::Persistent);
        self.set_epoch(slot, log.epoch);
        self.row_changed(slot);
        self.log(slot, Done::Inserted, log);
    }

    /// Notes that the database generates the key of a new object.
    pub(in crate::session) fn generates_key(&mut self, slot: u32) {
        self.slots[slot as usize].flags |= GENERATED;
    }

    /// Returns true once for a transient object that still has a key that the database generated before it was undone.
    pub(in crate::session) fn take_generated(&mut self, slot: u32) -> bool {
        let entry = &mut self.slots[slot as usize];
        let is_generated = entry.state == State::Transient && entry.flags & GENERATED != 0;
        if is_generated {
            entry.flags &= !GENERATED;
        }
        is_generated
    }

    /// Lets a pending object take over the row of one marked for deletion, which was read at its epoch.
    pub(in crate::session) fn switched(&mut self, from: u32, to: u32, log: &mut UndoLog) {
        self.deleted(from, log);
        self.set_state(to, State::Persistent);
        self.slots[to as usize].epoch = self.epoch(from);
        self.row_changed(to);
        self.log(to, Done::Switched, log);
        self.touch(to);
    }

    /// The epoch in which the row was read or written.
    pub(in crate::session) fn epoch(&self, slot: u32) -> u32 {
        self.slots[slot as usize].epoch
    }

    pub(in crate::session) fn deleted(&mut self, slot: u32, log: &mut UndoLog) {
        self.unmark_deleted(slot);
        self.set_state(slot, State::Deleted);
        self.log(slot, Done::Deleted, log);
    }

    /// Clears the pending work after a flush. Returns the touched objects, whose snapshots are dropped.
    pub(in crate::session) fn settle(&mut self) -> Vec<u32> {
        let entries = &mut self.slots;
        self.pending.slots.retain(|&slot| {
            let entry = &mut entries[slot as usize];
            let is_pending = entry.state == State::Pending;
            if !is_pending {
                entry.flags &= !IN_PENDING;
            }
            is_pending
        });
        for slot in std::mem::take(&mut self.marked).slots {
            entries[slot as usize].flags &= !(MARKED | IN_MARKED);
        }
        self.take_touched()
    }

    fn take_touched(&mut self) -> Vec<u32> {
        let mut touched = std::mem::take(&mut self.touched).slots;
        touched.retain(|&slot| {
            let entry = &mut self.slots[slot as usize];
            let is_touched = entry.flags & TOUCHED != 0;
            entry.flags &= !(TOUCHED | IN_TOUCHED);
            is_touched
        });
        touched
    }

    /// Discards the pending work. Returns the touched objects, whose snapshots are restored.
    pub(in crate::session) fn forget_changes(&mut self) -> Vec<u32> {
        for slot in self.pending().to_vec() {
            self.set_state(slot, State::Transient);
        }
        self.settle()
    }

    /// Reverts the state of an object.
    pub(in crate::session) fn undo(&mut self, slot: u32, done: Done) {
        self.logged -= u32::from(!done.is_of_savepoint());
        if let Done::AllOverwritten(before) = done {
            self.overwritten_before = before;
            return;
        }
        self.row_changed(slot);
        let entry = &mut self.slots[slot as usize];
        match done {
            Done::Inserted | Done::Switched if entry.state != State::Detached => {
                entry.state = State::Transient;
            }
            Done::Deleted if entry.state == State::Deleted => entry.state = State::Persistent,
            Done::Overwritten => entry.flags &= !OVERWRITTEN,
            Done::Known => entry.flags |= OVERWRITTEN,
            // The values read may have been written by this session, which is undone, and nothing was known before.
            Done::Guessed => {
                entry.flags |= OVERWRITTEN;
                self.unknown.push(slot);
            }
            _ => {}
        }
        entry.epoch = 0;
    }

    /// Forgets what a rollback would have undone: from now on other sessions may change the rows.
    pub(in crate::session) fn end_transaction(&mut self) {
        (self.overwritten_before, self.logged) = (0, 0);
        self.set_by_updates = None;
        for slot in self.unknown.drain(..) {
            self.slots[slot as usize].flags &= !OVERWRITTEN;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cost of a bulk statement does not depend on the number of objects.
    #[test]
    fn a_bulk_statement_is_one_entry() {
        for size in [100, 1_000, 10_000] {
            let (mut states, mut log) = (ObjectStates::default(), UndoLog::default());
            log.epoch = 1;
            for _ in 0..size {
                states.push_read(1);
            }
            (0..size).for_each(|_| states.all_overwritten(&mut log));
            assert_eq!(log.since(0).len(), size);
            assert!(states.is_expired(0, 1) && states.is_overwritten(0, 0));
            let new = states.push_read(1);
            states.set_epoch(0, 1);
            for slot in [0, new] {
                assert!(!states.is_expired(slot, 1) && !states.is_overwritten(slot, 0));
            }
            assert!(states.is_expired(1, 1) && states.is_expired(new, 2));
        }
    }

    #[test]
    fn an_undone_bulk_statement_overwrote_nothing() {
        let (mut states, mut log) = (ObjectStates::default(), UndoLog::default());
        log.epoch = 1;
        let slot = states.push_read(1);
        states.all_overwritten(&mut log);
        assert!(states.is_overwritten(slot, 0) && states.is_logged());
        while let Some(entry) = log.pop(0) {
            states.undo(entry.of.1, entry.done);
        }
        assert!(!states.is_logged());
        assert!(!states.is_overwritten(slot, 0) && states.is_expired(slot, 1));
    }

    #[test]
    fn a_slot_that_leaves_a_list_and_comes_back_is_in_it_once() {
        let mut states = ObjectStates::default();
        let slots: Vec<u32> = (0..3).map(|_| states.push_read(1)).collect();
        slots.iter().for_each(|&slot| states.touch(slot));
        states.untouch(1);
        assert_eq!(states.touched().to_vec(), [0, 2]);
        states.touch(1);
        assert_eq!(states.touched().to_vec(), [0, 1, 2]);
        states.detach(0);
        assert!(!states.touched().contains(&0) && states.touched().contains(&1));
        assert_eq!(states.settle(), [1, 2]);
        assert!(states.touched().is_empty());
        let new = states.push_pending();
        states.make_transient(new);
        assert!(states.pending().is_empty());
        states.make_pending(new);
        assert_eq!(states.pending().to_vec(), [new]);
        for slot in [1, 2, 1] {
            states.mark_deleted(slot, "Thing").expect("it has a row");
        }
        assert_eq!(states.marked().to_vec(), [1, 2]);
        states.detach(1);
        assert_eq!(states.marked().to_vec(), [2]);
        states.deleted(2, &mut UndoLog::default());
        assert!(states.marked().is_empty());
    }

    #[test]
    fn the_changes_of_touched_objects_are_forgotten() {
        let mut states = ObjectStates::default();
        let read = [(); 3].map(|()| states.push_read(1));
        let new = states.push_pending();
        states.touch(read[1]);
        states.mark_deleted(read[2], "Thing").expect("it has a row");
        assert_eq!(states.forget_changes(), [read[1]]);
        assert_eq!(states.state(new), State::Transient);
        assert!(states.pending().is_empty() && states.marked().is_empty());
        assert!(states.touched().is_empty());
        states.touch(read[1]);
        assert_eq!(states.touched().to_vec(), [read[1]]);
    }

    #[test]
    fn an_object_is_expired_if_it_was_read_before() {
        let mut states = ObjectStates::default();
        let [read, other] = [1, 2].map(|epoch| states.push_read(epoch));
        let new = states.push_pending();
        assert!(states.is_expired(read, 2) && states.is_older(read, 2));
        assert!(!states.is_expired(read, 1) && !states.is_older(read, 1));
        assert!(!states.is_expired(other, 2) && !states.is_expired(other, 1));
        assert!(!states.is_expired(new, 2));
        states.touch(read);
        states.touch(other);
        assert_eq!(states.touched_expired(2), [read]);
        states.mark_deleted(read, "Thing").expect("it has a row");
        assert!(states.touched_expired(2).is_empty());
    }
}
