//! Reading rows into a store: new objects, expired ones, and those that were written to while expired.

use super::Store;
use crate::backend::Row;
use crate::entity::{Mapped, Mapper};
use crate::error::{Error, ErrorKind, Result};
use crate::planted::{Planted, is_planted};
use crate::session::memory::any_store::{AnyStore, Fill, ReadsRows};
use crate::session::memory::snapshots::Snapshot;
use crate::session::memory::undo_log::{Done, UndoLog};
use crate::value::ValueRef;

impl<E: Mapped> Store<E> {
    /// Builds an object from a row.
    #[inline]
    fn read_row(&self, row: &dyn Row, at: usize) -> Result<E> {
        E::hydrate(&self.mapper, row, at)
            .map_err(|error| self.mapper.row_error::<E>(row, at, error))
    }

    /// Adds the object of a row that begins with this table's columns, if it is not mapped: the key is taken from the object instead of
    /// being read twice. Errors of the row are left to the regular path, which reads the key first.
    #[inline]
    fn push_new(&mut self, row: &dyn Row, log: &mut UndoLog) -> Option<u32> {
        let Ok(value) = E::hydrate(&self.mapper, row, 0) else {
            return None;
        };
        let slot = self.states.len();
        if !self.keys.insert_new(value.key(&self.mapper)?, slot) {
            return None;
        }
        self.push(value);
        self.states.push_read(log.epoch);
        self.states.log_new(slot, log);
        Some(slot)
    }

    /// Copies changed columns of embedded values that can only be set as a whole; returns whether the result has the same values.
    fn carry_over(&mut self, slot: u32, columns: &[usize], fresh: &mut E) -> bool {
        let Some(mine) = &self.objects[slot as usize].value else {
            return true;
        };
        let taken = self.snapshots.take(&self.mapper, mine);
        let row = self.snapshots.row(&self.mapper, taken);
        if fresh.assign_many(&self.mapper, columns, &row).is_err() {
            return false;
        }
        let is_same = |&column: &usize| {
            let fresh = fresh.value(&self.mapper, column);
            let kept = self.snapshots.value(&self.mapper, taken, column);
            let values = fresh.value().zip(kept);
            values.is_some_and(|(fresh, kept)| fresh.same(kept))
        };
        columns.iter().all(is_same)
    }

    /// Before a row is reread, saves its known values for a rollback, if this transaction may have written the new ones.
    fn keep(&mut self, slot: u32, log: &mut UndoLog) {
        let object = &self.objects[slot as usize];
        let is_own = self.states.is_overwritten(slot, log.written_before);
        let Some(value) = object.value.as_ref().filter(|_| is_own) else {
            if log.in_savepoint() {
                self.states.log(slot, Done::Read, log);
            }
            return;
        };
        let before = match object.snapshot {
            Some(before) => self.snapshots.copy(&self.mapper, before),
            None => self.snapshots.take(&self.mapper, value),
        };
        self.states.log(slot, Done::Written(before), log);
        self.states.known(slot, log);
    }

    /// The first writable column in which a newly read row differs from the values that the object showed, except those that the database
    /// sets in this session's own updates.
    fn changed_column(&self, slot: u32, base: Snapshot, is_own: bool) -> Option<usize> {
        let object = &self.objects[slot as usize];
        let (Some(value), Some(before)) = (&object.value, object.snapshot) else {
            return None;
        };
        let followed = self.states.set_by_updates().filter(|_| is_own);
        let is_written = |column: &usize| {
            self.mapper.version_column() != Some(*column)
                && !followed.is_some_and(|followed| followed.contains(column))
                && !self.mapper.computed().contains(column)
                && !value.is_unset(&self.mapper, *column)
        };
        let has_moved = |&column: &usize| {
            let known = self.snapshots.value(&self.mapper, before, column);
            let fresh = self.snapshots.value(&self.mapper, base, column);
            known
                .zip(fresh)
                .is_some_and(|(known, fresh)| !fresh.same(known))
        };
        let mut columns = (0..self.mapper.types().len()).filter(is_written);
        columns.find(has_moved)
    }

    fn push_read(&mut self, key: E::Key, value: E, log: &mut UndoLog) -> u32 {
        self.push(value);
        let slot = self.states.push_read(log.epoch);
        self.keys.insert(key, slot);
        self.states.log_new(slot, log);
        slot
    }
}

impl<E: Mapped> ReadsRows for Store<E> {
    fn hydrate(
        &mut self,
        row: &dyn Row,
        at: usize,
        fill: Fill,
        log: &mut UndoLog,
    ) -> Result<Option<u32>> {
        if self.reads_new
            && at == 0
            && let Some(slot) = self.push_new(row, log)
        {
            return Ok(Some(slot));
        }
        let Some(key) = E::row_key(&self.mapper, row, at)? else {
            return Ok(None);
        };
        let known = self.keys.get(&key);
        self.reads_new = known.is_none();
        let Some(slot) = known else {
            let value = self.read_row(row, at)?;
            return Ok(Some(self.push_read(key, value, log)));
        };
        let object = &self.objects[slot as usize];
        let is_expired = self.states.is_older(slot, log.epoch) && object.snapshot.is_none();
        if fill == Fill::Expired && !is_expired {
            return Ok(Some(slot));
        }
        let value = self.read_row(row, at)?;
        self.keep(slot, log);
        let object = &mut self.objects[slot as usize];
        object.value = Some(value);
        self.states.row_changed(slot);
        self.states.set_epoch(slot, log.epoch);
        if object.snapshot.take().is_some() {
            self.states.untouch(slot);
        }
        Ok(Some(slot))
    }

    fn load_deferred(
        &mut self,
        slot: u32,
        row: &dyn Row,
        at: usize,
        columns: &[usize],
        log: &mut UndoLog,
    ) -> Result<()> {
        let is_loaded = (self as &dyn AnyStore).is_loaded(slot, columns);
        if !is_loaded {
            self.keep(slot, log);
        }
        self.states.row_changed(slot);
        let object = &mut self.objects[slot as usize];
        let Some(entity) = &mut object.value else {
            return Ok(());
        };
        for (at, &column) in (at..).zip(columns) {
            let value = read(&self.mapper, row, at, column)?;
            if let Some(before) = object.snapshot
                && self.snapshots.value(&self.mapper, before, column).is_none()
            {
                self.snapshots.load(&self.mapper, before, column, value);
            }
            if entity.value(&self.mapper, column).value().is_none() {
                entity.assign(&self.mapper, column, value)?;
            }
        }
        Ok(())
    }

    fn rebase(
        &mut self,
        slot: u32,
        row: &dyn Row,
        deferred: &[usize],
        linked: &[usize],
        log: &mut UndoLog,
    ) -> Result<()> {
        let changed = (self as &dyn AnyStore).changed(slot);
        let is_own = self.states.is_overwritten(slot, log.written_before);
        let mut fresh = self.read_row(row, 0)?;
        for (at, &column) in (self.mapper.eager().len()..).zip(deferred) {
            if changed.contains(&column) {
                fresh.assign(&self.mapper, column, read(&self.mapper, row, at, column)?)?;
            }
        }
        let base = self.snapshots.take(&self.mapper, &fresh);
        if changed.is_empty()
            && linked.is_empty()
            && let Some(column) = self.changed_column(slot, base, is_own)
            && !is_planted(Planted::LostUpdate)
        {
            return Err(unclear(self, slot, column, is_own));
        }
        let mut together = Vec::new();
        for column in changed {
            let object = &self.objects[slot as usize];
            let (Some(mine), Some(before)) = (&object.value, object.snapshot) else {
                continue;
            };
            let in_snapshot = |snapshot| self.snapshots.value(&self.mapper, snapshot, column);
            // A column that was set without being known cannot be compared.
            let has_moved = in_snapshot(before)
                .zip(in_snapshot(base))
                .is_some_and(|(before, base)| !base.same(before));
            if has_moved && !is_own && !is_planted(Planted::LostUpdate) {
                return Err(moved(self, slot, column));
            }
            if self.mapper.is_together(column) {
                together.push(column);
                continue;
            }
            let mine = mine.value(&self.mapper, column);
            fresh.assign(&self.mapper, column, mine.value().unwrap_or(ValueRef::Null))?;
        }
        if let Some(&column) = together.first()
            && !self.carry_over(slot, &together, &mut fresh)
        {
            return Err(moved(self, slot, column));
        }
        self.keep(slot, log);
        let object = &mut self.objects[slot as usize];
        object.value = Some(fresh);
        if object.snapshot.is_some() {
            object.snapshot = Some(base);
        }
        self.states.row_changed(slot);
        self.states.set_epoch(slot, log.epoch);
        Ok(())
    }
}

/// Reads a column at position `at` of a row.
fn read<'r>(mapper: &Mapper, row: &'r dyn Row, at: usize, column: usize) -> Result<ValueRef<'r>> {
    row.value(at, mapper.types()[column])
        .map_err(|error| mapper.column_error(column, error))
}

#[cold]
pub(in crate::session) fn moved(store: &dyn AnyStore, slot: u32, column: usize) -> Error {
    let mapper = store.mapper();
    let message =
        "the column was changed both here and, since the row was last read, in the database";
    Error::new(ErrorKind::StaleData, message)
        .entity(mapper.name())
        .column(&mapper.table().columns[column].name)
        .key(store.key_text(slot))
}

#[cold]
fn unclear(store: &dyn AnyStore, slot: u32, column: usize, is_own: bool) -> Error {
    let mapper = store.mapper();
    let message = match is_own {
        true => {
            "an expression or a statement of this session changed the column; then the object was borrowed mutably and left as it was, so nobody can tell whether the value that it shows was assigned: `refresh` the object before borrowing it, or write the column with `set_blind`"
        }
        false => {
            "the object was written to while it was expired, based on old values, and the column has changed in the database since: `refresh` the object before writing to it, or write the column with `set_blind`"
        }
    };
    Error::new(ErrorKind::StaleData, message)
        .entity(mapper.name())
        .column(&mapper.table().columns[column].name)
        .key(store.key_text(slot))
}
