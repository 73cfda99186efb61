//! `AnyStore`: the type-erased interface of a store, in parts.

use std::any::Any;
use std::sync::Arc;

use crate::backend::Row;
use crate::entity::{Attachment, Mapper};
use crate::error::{Error, ErrorKind, Result};
use crate::session::State;
use crate::session::memory::object_states::{Listed, ObjectStates};
use crate::session::memory::undo_log::{Done, UndoLog};
use crate::value::{Param, ValueRef};

/// The treatment of a row whose object is already in the identity map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fill {
    /// Keep what is loaded; fill what is expired.
    #[default]
    Expired,
    /// Overwrite it, including pending changes.
    Always,
}

/// A type-erased store, so that loading and flushing are compiled once.
pub(crate) trait AnyStore: ReadsRows + HasKeys + WritesRows + Undoes + Send {
    fn mapper(&self) -> &Arc<Mapper>;
    fn states(&self) -> &ObjectStates;
    fn states_mut(&mut self) -> &mut ObjectStates;
    fn as_any(&self) -> &dyn Any;
    fn as_any_mut(&mut self) -> &mut dyn Any;
    /// An object, for a hook.
    fn object(&self, slot: u32) -> Option<&dyn Any>;
    /// A mutable object, for a hook.
    fn object_mut(&mut self, slot: u32) -> Option<&mut dyn Any>;
    fn value(&self, slot: u32, column: usize) -> Param<'_>;
    /// Adds the values of some columns.
    fn values<'a>(&'a self, slot: u32, columns: &[usize], out: &mut Vec<Param<'a>>);
    fn is_unset(&self, slot: u32, column: usize) -> bool;
    /// Adds the columns that the database does not generate.
    fn given(&self, slot: u32, out: &mut Vec<usize>);
    /// Adds columns of the row as it is in the database: from the snapshot if there is one.
    fn row_values<'a>(&'a self, slot: u32, columns: &[usize], out: &mut Vec<Param<'a>>);
    /// A column of the row as it is in the database.
    fn row_value(&self, slot: u32, column: usize) -> Param<'_>;
    /// Sets a column, taking a snapshot of the row first.
    fn assign(&mut self, slot: u32, column: usize, value: ValueRef<'_>) -> Result<()>;
    /// Sets several columns, in ascending order, from a row of the table.
    fn assign_many(&mut self, slot: u32, columns: &[usize], row: &dyn Row) -> Result<()>;
    /// Rounds a time down to microseconds, as its column stores it, without counting that as a write.
    fn round_time(&mut self, slot: u32, column: usize) -> Result<()>;
    /// Resets a deferred or generated column, without counting that as a write.
    fn unload(&mut self, slot: u32, column: usize);
    /// Adds the columns in which an object differs from its row.
    fn changed_into(&self, slot: u32, out: &mut Vec<usize>);
    /// Calls the validation function of a column.
    fn validate(&self, slot: u32, column: usize) -> Result<()>;
    /// Takes the pending objects from an object's relationship fields.
    fn take_pending_relations(&mut self, slot: u32) -> Vec<(u16, Attachment)>;
    /// Does the same for all objects that are new or were written to; returns those that have any.
    fn take_all_pending_relations(&mut self) -> Vec<(u32, Vec<(u16, Attachment)>)>;
}

/// Rows that become objects.
pub(crate) trait ReadsRows {
    /// Puts a row into the store; its columns begin at `at`. `None` if the key is NULL (an outer join without a match).
    fn hydrate(
        &mut self,
        row: &dyn Row,
        at: usize,
        fill: Fill,
        log: &mut UndoLog,
    ) -> Result<Option<u32>>;
    /// Loads deferred columns from a row in which they begin at `at`. Loaded values are kept.
    fn load_deferred(
        &mut self,
        slot: u32,
        row: &dyn Row,
        at: usize,
        columns: &[usize],
        log: &mut UndoLog,
    ) -> Result<()>;
    /// Makes a newly read row the base of an object that was written while it was expired. `deferred` columns follow the row's own.
    /// `linked` are the columns of references that were set, which count as changes.
    fn rebase(
        &mut self,
        slot: u32,
        row: &dyn Row,
        deferred: &[usize],
        linked: &[usize],
        log: &mut UndoLog,
    ) -> Result<()>;
}

/// The keys of objects.
pub(crate) trait HasKeys {
    /// The object with this key in the identity map.
    fn find(&self, key: &[ValueRef<'_>]) -> Result<Option<u32>>;
    /// The pending object with this key, if the program set its key.
    fn find_pending(&mut self, key: &[ValueRef<'_>]) -> Result<Option<u32>>;
    /// Finds objects of a store whose columns hold the key of a pending object of this one; returns both.
    fn pending_referred_to(
        &self,
        by: &dyn AnyStore,
        slots: &mut dyn FnMut() -> Vec<u32>,
        columns: &[usize],
    ) -> Result<Vec<(u32, u32)>>;
    /// The key as text, for messages.
    fn key_text(&self, slot: u32) -> String;
    fn sort_by_key(&self, slots: &mut [u32]);
    /// The objects whose primary key was changed.
    fn rekeyed(&self) -> Vec<u32>;
    /// The objects that have the keys of new ones, except those for which `is_open` is true.
    fn conflicting_keys(&self, is_open: &dyn Fn(u32) -> bool) -> Vec<u32>;
    /// Refuses two objects with the same key; those for which `is_open` is true get theirs later.
    fn check_identities(&self, is_open: &dyn Fn(u32) -> bool) -> Result<()>;
}

/// Updates objects after a flush has written their rows.
pub(crate) trait WritesRows {
    fn inserted(&mut self, slot: u32, log: &mut UndoLog) -> Result<()>;
    /// Computed columns are reread at the object's next use.
    fn updated(&mut self, slot: u32, log: &mut UndoLog) -> Result<()>;
    /// Called after only these of the changed columns were written.
    fn updated_in_part(&mut self, slot: u32, columns: &[usize], log: &mut UndoLog) -> Result<()>;
    fn deleted(&mut self, slot: u32, log: &mut UndoLog);
    /// Removes an object whose row no longer exists.
    fn gone(&mut self, slot: u32, log: &mut UndoLog);
    /// Lets new objects take over rows with the same key that are to be deleted, by an UPDATE instead of a DELETE and an INSERT, except rows
    /// that must be deleted. Returns the columns that the new objects leave to their defaults.
    fn switch_rows(
        &mut self,
        is_deleted: &dyn Fn(u32) -> bool,
        log: &mut UndoLog,
    ) -> Result<Vec<(u32, usize)>>;
    /// The deleted objects whose rows new objects take over.
    fn switched(&self) -> Vec<u32>;
    /// After a flush, drops the snapshots.
    fn settle(&mut self);
    /// Removes a deleted object after a commit.
    fn leave(&mut self, slot: u32);
    /// Forgets what a rollback would undo, after a commit or a rollback.
    fn end_transaction(&mut self);
}

/// Undoes changes of objects.
pub(crate) trait Undoes {
    /// Discards an object's changes and rereads it at its next use.
    fn expire(&mut self, slot: u32);
    /// Removes an object; its value stays until it is taken.
    fn detach(&mut self, slot: u32);
    /// Removes an object and its value.
    fn discard(&mut self, slot: u32);
    /// Undoes unflushed changes.
    fn forget_changes(&mut self);
    /// Undoes the last entry of the undo log. Returns false if the object could not be mapped by its key, which another still has.
    fn undo(&mut self, slot: u32, done: Done) -> bool;
    /// Maps an object by its key, unless another has it.
    fn map_again(&mut self, slot: u32);
}

#[cold]
fn without_key(mapper: &Mapper) -> Error {
    let table = mapper.table();
    let key = table.primary_key.iter().map(|&at| &*table.columns[at].name);
    let key = key.collect::<Vec<_>>().join(", ");
    let message = "a row has NULL in its primary key, so it cannot be an object: exclude it with a filter, or read it with `rows` or `select`";
    Error::new(ErrorKind::Conversion, message)
        .entity(mapper.name())
        .column(key)
}

impl dyn AnyStore + '_ {
    /// Puts a row into the store, with the deferred columns that follow its own.
    #[inline]
    pub(crate) fn take_row(
        &mut self,
        row: &dyn Row,
        at: usize,
        undefer: &[usize],
        fill: Fill,
        log: &mut UndoLog,
    ) -> Result<Option<u32>> {
        let slot = self.hydrate(row, at, fill, log)?;
        // After other columns, it is an outer join without a match.
        if slot.is_none() && at == 0 {
            return Err(without_key(self.mapper()));
        }
        if let Some(slot) = slot
            && !undefer.is_empty()
        {
            let first = at + self.mapper().eager().len();
            self.load_deferred(slot, row, first, undefer, log)?;
        }
        Ok(slot)
    }

    /// Whether all of some columns of an object are loaded.
    pub(crate) fn is_loaded(&self, slot: u32, columns: &[usize]) -> bool {
        columns
            .iter()
            .all(|&column| self.value(slot, column).value().is_some())
    }

    /// The columns in which an object differs from its row.
    pub(crate) fn changed(&self, slot: u32) -> Vec<usize> {
        let mut columns = Vec::new();
        self.changed_into(slot, &mut columns);
        columns
    }

    /// Adds the key of the row as it is in the database.
    pub(crate) fn row_key<'a>(&'a self, slot: u32, out: &mut Vec<Param<'a>>) {
        self.row_values(slot, &self.mapper().table().primary_key, out);
    }

    pub(crate) fn state(&self, slot: u32) -> State {
        self.states().state(slot)
    }

    pub(crate) fn is_expired(&self, slot: u32, epoch: u32) -> bool {
        self.states().is_expired(slot, epoch)
    }

    pub(crate) fn pending(&self) -> Listed<'_> {
        self.states().pending()
    }

    pub(crate) fn touched(&self) -> Listed<'_> {
        self.states().touched()
    }

    pub(crate) fn marked(&self) -> Listed<'_> {
        self.states().marked()
    }

    pub(crate) fn is_marked_deleted(&self, slot: u32) -> bool {
        self.states().is_marked_deleted(slot)
    }

    pub(crate) fn mark_deleted(&mut self, slot: u32) -> Result<()> {
        let mapper = Arc::clone(self.mapper());
        self.states_mut().mark_deleted(slot, mapper.name())
    }

    pub(crate) fn make_transient(&mut self, slot: u32) {
        self.states_mut().make_transient(slot);
    }

    pub(crate) fn len(&self) -> u32 {
        self.states().len()
    }
}
