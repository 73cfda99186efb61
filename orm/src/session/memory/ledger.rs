//! The ledger of a store: everything about its objects but their values, so that it is compiled once and not for each entity.

use crate::error::{Error, ErrorKind, Result};
use crate::session::State;

/// States, epochs, and what is left to do, by slot.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    slots: Vec<Entry>,
    pending: Vec<u32>,
    touched: Vec<u32>,
    doomed: Vec<u32>,
    /// Objects that have left because their rows turned out to be gone, until their edges are forgotten.
    ousted: Vec<u32>,
    /// What was written, inserted, deleted or read since BEGIN, in order; a `Written` has its old value in the store.
    log: Vec<Done>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// When the row was read or written; older than the session's epoch is expired.
    epoch: u32,
    state: State,
    doomed: bool,
    /// Whether this session wrote the row since, by a statement that does not tell its values.
    overwritten: bool,
}

/// One thing that can be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) enum Done {
    /// The row was written; the store has it as it was.
    Written(u32),
    /// The row was inserted.
    Inserted(u32),
    /// The object took a deleted object's row; the store has the object as it was.
    Switched(u32),
    /// The row was deleted.
    Deleted(u32),
    /// The row was read inside a savepoint, so what was read may be undone with it.
    Read(u32),
    /// This session wrote the row by a statement that does not tell its values.
    Overwritten(u32),
}

impl Ledger {
    /// How many slots there are, those of objects that have left included.
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
        entry.state == State::Persistent && entry.epoch < epoch
    }

    /// Objects to insert, in the order of `add`.
    pub(crate) fn pending(&self) -> &[u32] {
        &self.pending
    }

    /// Objects that were written since they were read, in the order of their first write.
    pub(crate) fn touched(&self) -> &[u32] {
        &self.touched
    }

    /// Objects that were written to while they were expired, and are not to be deleted.
    pub(crate) fn touched_expired(&self, epoch: u32) -> Vec<u32> {
        let is_due = |&slot: &u32| self.is_expired(slot, epoch) && !self.is_doomed(slot);
        self.touched.iter().copied().filter(is_due).collect()
    }

    /// Objects to delete.
    pub(crate) fn doomed(&self) -> &[u32] {
        &self.doomed
    }

    pub(crate) fn is_doomed(&self, slot: u32) -> bool {
        self.slots[slot as usize].doomed
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
    pub(crate) fn doom(&mut self, slot: u32, name: &str) -> Result<()> {
        let entry = &mut self.slots[slot as usize];
        match entry.state {
            State::Persistent if entry.doomed => Ok(()),
            State::Persistent => {
                entry.doomed = true;
                self.doomed.push(slot);
                Ok(())
            }
            state => {
                let message = format!(
                    "a {state} object cannot become deleted: it has no row (expunge it instead)"
                );
                Err(Error::new(ErrorKind::InvalidState, message).entity(name))
            }
        }
    }

    /// Takes a pending object back to transient.
    pub(crate) fn unpend(&mut self, slot: u32) {
        self.pending.retain(|&s| s != slot);
        self.slots[slot as usize].state = State::Transient;
    }

    /// Adds a transient object again.
    pub(in crate::session) fn pend_again(&mut self, slot: u32) {
        self.slots[slot as usize].state = State::Pending;
        self.pending.push(slot);
    }

    /// The objects that were added since a mark: those that wait to be inserted, and those that were.
    pub(in crate::session) fn added_since(&self, mark: usize) -> Vec<u32> {
        let inserted = self.log.iter().skip(mark).filter_map(|done| match done {
            Done::Inserted(slot) | Done::Switched(slot) => Some(*slot),
            _ => None,
        });
        let added = self.pending.iter().copied().chain(inserted);
        added
            .filter(|&slot| self.state(slot) != State::Detached)
            .collect()
    }

    /// A new object, to be inserted.
    pub(in crate::session) fn push_pending(&mut self) -> u32 {
        let slot = self.push(State::Pending, 0);
        self.pending.push(slot);
        slot
    }

    /// An object that was read.
    #[inline]
    pub(in crate::session) fn push_read(&mut self, epoch: u32) -> u32 {
        self.push(State::Persistent, epoch)
    }

    fn push(&mut self, state: State, epoch: u32) -> u32 {
        let slot = self.len();
        self.slots.push(Entry {
            epoch,
            state,
            doomed: false,
            overwritten: false,
        });
        slot
    }

    pub(in crate::session) fn touch(&mut self, slot: u32) {
        self.touched.push(slot);
    }

    pub(in crate::session) fn untouch(&mut self, slot: u32) {
        self.touched.retain(|&s| s != slot);
    }

    /// The object as it was read at `epoch`; 0 is never current.
    pub(in crate::session) fn set_epoch(&mut self, slot: u32, epoch: u32) {
        let entry = &mut self.slots[slot as usize];
        entry.epoch = epoch;
        if epoch != 0 {
            entry.overwritten = false;
        }
    }

    /// This session wrote the row by a statement that does not tell its values: it is read again when it is next met.
    pub(in crate::session) fn overwritten(&mut self, slot: u32) {
        self.expire(slot);
        let entry = &mut self.slots[slot as usize];
        if !std::mem::replace(&mut entry.overwritten, true) {
            self.log.push(Done::Overwritten(slot));
        }
    }

    /// Whether this session may have written the row since it was read, without knowing what.
    pub(in crate::session) fn is_overwritten(&self, slot: u32, written_before: u32) -> bool {
        let entry = &self.slots[slot as usize];
        entry.overwritten || entry.epoch < written_before
    }

    /// The row is gone.
    pub(in crate::session) fn gone(&mut self, slot: u32) {
        self.doomed.retain(|&other| other != slot);
        self.untouch(slot);
        self.deleted(slot);
    }

    /// Has the object read again when it is next met.
    pub(in crate::session) fn expire(&mut self, slot: u32) {
        self.set_epoch(slot, 0);
    }

    /// Whether a row that was met again is to be filled.
    #[inline]
    pub(in crate::session) fn is_older(&self, slot: u32, epoch: u32) -> bool {
        self.slots[slot as usize].epoch < epoch
    }

    /// The object has left.
    pub(in crate::session) fn detach(&mut self, slot: u32) {
        self.pending.retain(|&s| s != slot);
        self.touched.retain(|&s| s != slot);
        self.doomed.retain(|&s| s != slot);
        self.slots[slot as usize].state = State::Detached;
    }

    pub(in crate::session) fn oust(&mut self, slot: u32) {
        self.ousted.push(slot);
    }

    pub(in crate::session) fn take_ousted(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.ousted)
    }

    pub(in crate::session) fn log(&mut self, done: Done) {
        self.log.push(done);
    }

    pub(in crate::session) fn inserted(&mut self, slot: u32, epoch: u32) {
        let entry = &mut self.slots[slot as usize];
        entry.state = State::Persistent;
        entry.epoch = epoch;
        self.log.push(Done::Inserted(slot));
    }

    /// A pending object took the row of a doomed one, which was read at `epoch`.
    pub(in crate::session) fn switched(&mut self, from: u32, to: u32, epoch: u32) {
        self.doomed.retain(|&slot| slot != from);
        self.deleted(from);
        self.pending.retain(|&slot| slot != to);
        let entry = &mut self.slots[to as usize];
        entry.state = State::Persistent;
        entry.epoch = epoch;
        self.log.push(Done::Switched(to));
        self.touch(to);
    }

    /// When the row was read or written.
    pub(in crate::session) fn epoch(&self, slot: u32) -> u32 {
        self.slots[slot as usize].epoch
    }

    pub(in crate::session) fn deleted(&mut self, slot: u32) {
        let entry = &mut self.slots[slot as usize];
        entry.state = State::Deleted;
        entry.doomed = false;
        self.log.push(Done::Deleted(slot));
    }

    /// After a flush: nothing is left to do. What was touched is handed back, for its snapshots to be dropped.
    pub(in crate::session) fn settle(&mut self) -> Vec<u32> {
        self.pending.clear();
        self.doomed.clear();
        std::mem::take(&mut self.touched)
    }

    /// The end of the log.
    pub(crate) fn mark(&self) -> usize {
        self.log.len()
    }

    /// Forgets what was to be done; what was touched is handed back, for its snapshots to be put back.
    pub(in crate::session) fn forget_changes(&mut self) -> Vec<u32> {
        for slot in std::mem::take(&mut self.doomed) {
            self.slots[slot as usize].doomed = false;
        }
        for slot in std::mem::take(&mut self.pending) {
            self.slots[slot as usize].state = State::Transient;
        }
        std::mem::take(&mut self.touched)
    }

    /// The last thing done since `mark`, taken out of the log and out of the object's state.
    pub(in crate::session) fn undo_last(&mut self, mark: usize) -> Option<Done> {
        if self.log.len() <= mark {
            return None;
        }
        let done = self.log.pop()?;
        let (Done::Written(slot)
        | Done::Inserted(slot)
        | Done::Switched(slot)
        | Done::Deleted(slot)
        | Done::Read(slot)
        | Done::Overwritten(slot)) = done;
        let entry = &mut self.slots[slot as usize];
        match done {
            Done::Inserted(_) | Done::Switched(_) if entry.state != State::Detached => {
                entry.state = State::Transient
            }
            Done::Deleted(_) if entry.state == State::Deleted => entry.state = State::Persistent,
            Done::Overwritten(_) => entry.overwritten = false,
            _ => {}
        }
        entry.epoch = 0;
        Some(done)
    }

    /// The transaction is committed: nothing can be undone, and what was deleted has left. That is handed back.
    pub(in crate::session) fn commit(&mut self) -> Vec<u32> {
        let mut left = Vec::new();
        for done in self.log.drain(..) {
            if let Done::Deleted(slot) = done {
                let entry = &mut self.slots[slot as usize];
                if entry.state == State::Deleted {
                    entry.state = State::Detached;
                    left.push(slot);
                }
            }
        }
        left
    }
}
