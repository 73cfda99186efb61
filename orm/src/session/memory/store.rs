//! Stores: the objects of one table and their keys. The part that does not depend on the type is in [`ObjectStates`].

mod keys;
mod undo;

use std::any::Any;
use std::sync::Arc;

use crate::backend::Row;
use crate::entity::{Attachment, Key, Mapped, Mapper, PendingRelations};
use crate::error::{Error, ErrorKind, Result};
use crate::planted::{Planted, is_planted};
use crate::session::State;
use crate::session::memory::any_store::{AnyStore, Fill, ReadEpoch};
use crate::session::memory::identity::IdentityMap;
use crate::session::memory::object_states::{Done, ObjectStates};
use crate::session::memory::pending_keys::PendingKeys;
use crate::session::memory::snapshots::{Snapshot, Snapshots};
use crate::value::{Param, ValueRef};

/// Why an object cannot be written: its key was generated again, or another row got it.
pub(in crate::session) const REPLACED: &str =
    "its row no longer exists, and another row has its key now";

/// The objects of one mapped table in a session. Slots are never reused.
pub(crate) struct Store<E: Mapped> {
    mapper: Arc<Mapper>,
    states: ObjectStates,
    objects: Vec<Object<E>>,
    keys: IdentityMap<E::Key>,
    /// The snapshots of objects that were written to, and those in `written`.
    snapshots: Snapshots,
    /// The rows before each [`Done::Written`] of the undo log, in order.
    written: Vec<Snapshot>,
    /// The objects before each [`Done::Switched`] of the undo log, in order.
    switched: Vec<E>,
    /// Whether the last row read was new: then the next one is likely to be.
    reads_new: bool,
    pending_keys: PendingKeys<E::Key>,
}

struct Object<E> {
    /// `None` once the object was taken. That of a deleted and committed row stays until it is taken.
    value: Option<E>,
    /// The row as it is in the database, while `value` may differ.
    snapshot: Option<Snapshot>,
}

/// Creates an empty store for a mapper's type.
pub(crate) fn new_store<E: Mapped>(mapper: Arc<Mapper>) -> Box<dyn AnyStore> {
    Box::new(Store::<E>::new(mapper))
}

impl<E: Mapped> Store<E> {
    /// Builds an object from a row.
    #[inline]
    fn read_row(&self, row: &dyn Row, at: usize) -> Result<E> {
        E::hydrate(&self.mapper, row, at)
            .map_err(|error| self.mapper.row_error::<E>(row, at, error))
    }

    /// Creates an empty store.
    pub(in crate::session) fn new(mapper: Arc<Mapper>) -> Self {
        Self {
            mapper,
            states: ObjectStates::default(),
            objects: Vec::new(),
            keys: IdentityMap::default(),
            snapshots: Snapshots::default(),
            written: Vec::new(),
            switched: Vec::new(),
            reads_new: false,
            pending_keys: PendingKeys::default(),
        }
    }

    pub(in crate::session) fn add(&mut self, value: E) -> u32 {
        self.objects.push(Object {
            value: Some(value),
            snapshot: None,
        });
        self.states.push_pending()
    }

    #[inline]
    pub(in crate::session) fn get(&self, slot: u32) -> Option<&E> {
        if self.states.state(slot) == State::Detached && !is_planted(Planted::DeletedResolves) {
            None
        } else {
            self.objects[slot as usize].value.as_ref()
        }
    }

    /// Returns an object for writing: the first write takes a snapshot, so that the flush can find changes.
    pub(in crate::session) fn get_mut(&mut self, slot: u32) -> Option<&mut E> {
        self.writable(slot).map(|(value, _)| value)
    }

    #[inline]
    fn writable(&mut self, slot: u32) -> Option<(&mut E, &Mapper)> {
        let state = self.states.state(slot);
        if state == State::Detached {
            return None;
        }
        if matches!(state, State::Pending | State::Transient) {
            self.pending_keys.written(slot);
        }
        let object = &mut self.objects[slot as usize];
        let value = object.value.as_mut()?;
        if object.snapshot.is_none() && matches!(state, State::Persistent | State::Deleted) {
            object.snapshot = Some(self.snapshots.take(&self.mapper, value));
            // Writes to a deleted object have no effect, and are discarded if the deletion is undone.
            if state == State::Persistent {
                self.states.touch(slot);
            }
        }
        Some((value, &self.mapper))
    }

    /// A column of the row as it is in the database, if the object was written to since; [`Param::ABSENT`] if it was not loaded.
    pub(in crate::session) fn before(&self, slot: u32, column: usize) -> Option<Param<'_>> {
        let snapshot = self.objects.get(slot as usize)?.snapshot?;
        let value = self.snapshots.value(&self.mapper, snapshot, column);
        Some(value.map_or(Param::ABSENT, Param::Ref))
    }

    pub(in crate::session) fn find_key(&self, key: &E::Key) -> Option<u32> {
        self.keys.get(key)
    }

    /// Removes an object and returns its value.
    pub(in crate::session) fn remove(&mut self, slot: u32) -> Option<E> {
        if slot < self.states.len() {
            self.detach(slot);
        }
        self.objects.get_mut(slot as usize)?.value.take()
    }

    /// Adds the object of a row that begins with this table's columns, if it is not mapped: the key is taken from the object instead of
    /// being read twice. Errors of the row are left to the regular path, which reads the key first.
    #[inline]
    fn push_new(&mut self, row: &dyn Row, as_of: ReadEpoch) -> Option<u32> {
        let Ok(value) = E::hydrate(&self.mapper, row, 0) else {
            return None;
        };
        let slot = self.states.len();
        if !self.keys.insert_new(value.key(&self.mapper)?, slot) {
            return None;
        }
        self.objects.push(Object {
            value: Some(value),
            snapshot: None,
        });
        self.states.push_read(as_of.epoch);
        self.states.log_new(slot, as_of);
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
    fn keep(&mut self, slot: u32, as_of: ReadEpoch) {
        let object = &self.objects[slot as usize];
        let is_own = self.states.is_overwritten(slot, as_of.written_before);
        let Some(value) = object.value.as_ref().filter(|_| is_own) else {
            if as_of.in_savepoint {
                self.states.log(Done::Read(slot));
            }
            return;
        };
        let before = match object.snapshot {
            Some(before) => self.snapshots.copy(&self.mapper, before),
            None => self.snapshots.take(&self.mapper, value),
        };
        self.written.push(before);
        self.states.log(Done::Written(slot));
    }

    /// The first writable column in which a newly read row differs from the values that the object showed.
    fn changed_column(&self, slot: u32, base: Snapshot) -> Option<usize> {
        let object = &self.objects[slot as usize];
        let (Some(value), Some(before)) = (&object.value, object.snapshot) else {
            return None;
        };
        let is_written = |column: &usize| {
            self.mapper.version_column() != Some(*column)
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

    fn push_read(&mut self, key: E::Key, value: E, as_of: ReadEpoch) -> u32 {
        self.objects.push(Object {
            value: Some(value),
            snapshot: None,
        });
        let slot = self.states.push_read(as_of.epoch);
        self.keys.insert(key, slot);
        self.states.log_new(slot, as_of);
        slot
    }
}

impl<E: Mapped> AnyStore for Store<E> {
    fn mapper(&self) -> &Arc<Mapper> {
        &self.mapper
    }

    fn states(&self) -> &ObjectStates {
        &self.states
    }

    fn states_mut(&mut self) -> &mut ObjectStates {
        &mut self.states
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn object(&self, slot: u32) -> Option<&dyn Any> {
        self.get(slot).map(|object| object as &dyn Any)
    }

    fn object_mut(&mut self, slot: u32) -> Option<&mut dyn Any> {
        self.get_mut(slot).map(|object| object as &mut dyn Any)
    }

    fn hydrate(
        &mut self,
        row: &dyn Row,
        at: usize,
        fill: Fill,
        as_of: ReadEpoch,
    ) -> Result<Option<u32>> {
        if self.reads_new
            && at == 0
            && let Some(slot) = self.push_new(row, as_of)
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
            return Ok(Some(self.push_read(key, value, as_of)));
        };
        let object = &self.objects[slot as usize];
        let is_expired = self.states.is_older(slot, as_of.epoch) && object.snapshot.is_none();
        if fill == Fill::Expired && !is_expired {
            return Ok(Some(slot));
        }
        let value = self.read_row(row, at)?;
        self.keep(slot, as_of);
        let object = &mut self.objects[slot as usize];
        object.value = Some(value);
        self.states.set_epoch(slot, as_of.epoch);
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
        as_of: ReadEpoch,
    ) -> Result<()> {
        let is_loaded = (self as &dyn AnyStore).is_loaded(slot, columns);
        if !is_loaded {
            self.keep(slot, as_of);
        }
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

    fn find(&self, key: &[ValueRef<'_>]) -> Result<Option<u32>> {
        Ok(self.keys.get(&E::Key::from_values(key)?))
    }

    fn find_pending(&mut self, key: &[ValueRef<'_>]) -> Result<Option<u32>> {
        self.find_pending_key(&E::Key::from_values(key)?)
    }

    fn pending_referred_to(
        &self,
        by: &dyn AnyStore,
        slots: &mut dyn FnMut() -> Vec<u32>,
        columns: &[usize],
    ) -> Result<Vec<(u32, u32)>> {
        self.pending_pairs(by, slots, columns)
    }

    fn value(&self, slot: u32, column: usize) -> Param<'_> {
        match &self.objects[slot as usize].value {
            Some(value) => value.value(&self.mapper, column),
            None => Param::Ref(ValueRef::Null),
        }
    }

    fn values<'a>(&'a self, slot: u32, columns: &[usize], out: &mut Vec<Param<'a>>) {
        match &self.objects[slot as usize].value {
            Some(value) => {
                let values = columns
                    .iter()
                    .map(|&column| value.value(&self.mapper, column));
                out.extend(values);
            }
            None => out.extend(columns.iter().map(|_| Param::Ref(ValueRef::Null))),
        }
    }

    fn given(&self, slot: u32, out: &mut Vec<usize>) {
        if let Some(value) = &self.objects[slot as usize].value {
            let columns = 0..self.mapper.types().len();
            let computed = self.mapper.computed();
            out.extend(columns.filter(|column| {
                !value.is_unset(&self.mapper, *column)
                    && (computed.is_empty() || !computed.contains(column))
            }));
        }
    }

    fn is_unset(&self, slot: u32, column: usize) -> bool {
        self.objects[slot as usize]
            .value
            .as_ref()
            .is_some_and(|value| value.is_unset(&self.mapper, column))
    }

    fn row_values<'a>(&'a self, slot: u32, columns: &[usize], out: &mut Vec<Param<'a>>) {
        out.extend(columns.iter().map(|&column| self.row_value(slot, column)));
    }

    fn row_value(&self, slot: u32, column: usize) -> Param<'_> {
        let object = &self.objects[slot as usize];
        match (object.snapshot, &object.value) {
            (Some(before), _) => {
                let value = self.snapshots.value(&self.mapper, before, column);
                value.map_or(Param::ABSENT, Param::Ref)
            }
            (None, Some(value)) => value.value(&self.mapper, column),
            (None, None) => Param::Ref(ValueRef::Null),
        }
    }

    fn key_text(&self, slot: u32) -> String {
        self.key(slot)
            .map_or_else(|| "not generated yet".to_owned(), |key| format!("{key:?}"))
    }

    fn sort_by_key(&self, slots: &mut [u32]) {
        keys::sort_by_key(slots, &|slot| self.key(slot));
    }

    fn assign(&mut self, slot: u32, column: usize, value: ValueRef<'_>) -> Result<()> {
        match self.writable(slot) {
            Some((object, mapper)) => object.assign(mapper, column, value),
            None => Ok(()),
        }
    }

    fn assign_many(&mut self, slot: u32, columns: &[usize], row: &dyn Row) -> Result<()> {
        match self.writable(slot) {
            Some((object, mapper)) => object.assign_many(mapper, columns, row),
            None => Ok(()),
        }
    }

    fn unload(&mut self, slot: u32, column: usize) {
        if let Some(value) = &mut self.objects[slot as usize].value {
            value.unload(column);
        }
    }

    fn changed_into(&self, slot: u32, out: &mut Vec<usize>) {
        let object = &self.objects[slot as usize];
        if let (Some(row), Some(before)) = (&object.value, object.snapshot) {
            if is_planted(Planted::EqualWritten) {
                let key = &self.mapper.table().primary_key;
                out.extend((0..self.mapper.types().len()).filter(|column| {
                    !key.contains(column) && row.value(&self.mapper, *column).value().is_some()
                }));
                return;
            }
            self.snapshots.changed(&self.mapper, before, row, out);
        }
    }

    fn detach(&mut self, slot: u32) {
        self.forget_key(slot);
        self.objects[slot as usize].snapshot = None;
        self.states.detach(slot);
    }

    fn discard(&mut self, slot: u32) {
        drop(self.remove(slot));
    }

    fn expire(&mut self, slot: u32) {
        self.restore(slot);
        self.states.untouch(slot);
        self.states.set_epoch(slot, 0);
    }

    fn rekeyed(&self) -> Vec<u32> {
        self.changed_keys()
    }

    fn switch_rows(&mut self) -> Result<()> {
        self.switch_all()
    }

    fn switched(&self) -> Vec<u32> {
        self.rows_to_switch()
    }

    fn conflicting_keys(&self, is_open: &dyn Fn(u32) -> bool) -> Vec<u32> {
        self.holders(is_open)
    }

    fn check_identities(&self, is_open: &dyn Fn(u32) -> bool) -> Result<()> {
        self.check_keys(is_open)
    }

    fn validate(&self, slot: u32, column: usize) -> Result<()> {
        let value = self.objects[slot as usize].value.as_ref();
        value.map_or(Ok(()), |value| value.validate(&self.mapper, column))
    }

    fn take_pending_relations(&mut self, slot: u32) -> Vec<(u16, Attachment)> {
        let value = self.objects[slot as usize].value.as_mut();
        value.map_or_else(Vec::new, |value| {
            PendingRelations::of(value).into_attachments()
        })
    }

    fn take_all_pending_relations(&mut self) -> Vec<(u32, Vec<(u16, Attachment)>)> {
        let (states, objects) = (&self.states, &mut self.objects);
        let mut all = Vec::new();
        for &slot in states.pending().chain(states.touched()) {
            if let Some(value) = &mut objects[slot as usize].value {
                let attachments = PendingRelations::of(value).into_attachments();
                if !attachments.is_empty() {
                    all.push((slot, attachments));
                }
            }
        }
        all
    }

    fn rebase(
        &mut self,
        slot: u32,
        row: &dyn Row,
        deferred: &[usize],
        linked: &[usize],
        as_of: ReadEpoch,
    ) -> Result<()> {
        let changed = (self as &dyn AnyStore).changed(slot);
        let is_own = self.states.is_overwritten(slot, as_of.written_before);
        let mut fresh = self.read_row(row, 0)?;
        for (at, &column) in (self.mapper.eager().len()..).zip(deferred) {
            if changed.contains(&column) {
                fresh.assign(&self.mapper, column, read(&self.mapper, row, at, column)?)?;
            }
        }
        let base = self.snapshots.take(&self.mapper, &fresh);
        if changed.is_empty()
            && linked.is_empty()
            && !is_own
            && let Some(column) = self.changed_column(slot, base)
            && !is_planted(Planted::LostUpdate)
        {
            return Err(unclear(self, slot, column));
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
        self.keep(slot, as_of);
        let object = &mut self.objects[slot as usize];
        object.value = Some(fresh);
        if object.snapshot.is_some() {
            object.snapshot = Some(base);
        }
        self.states.set_epoch(slot, as_of.epoch);
        Ok(())
    }

    fn inserted(&mut self, slot: u32, epoch: u32) -> Result<()> {
        let value = self.objects[slot as usize].value.as_ref();
        let key = value.and_then(|value| value.key(&self.mapper));
        if key.is_none_or(|key| !self.keys.insert_new(key, slot)) {
            self.refuse_replaced(slot)?;
            if let Some(gone) = self.replaced_by(slot) {
                self.gone(gone);
                self.states.displace(gone);
            }
            self.map_key(slot)?;
        }
        self.states.inserted(slot, epoch);
        Ok(())
    }

    fn updated(&mut self, slot: u32, epoch: u32) -> Result<()> {
        let Some(before) = self.objects[slot as usize].snapshot.take() else {
            return Ok(());
        };
        let new = self.key(slot);
        let is_kept = self.is_mapped_by(new.as_ref(), slot);
        let old = (!is_kept).then(|| self.key_before(before)).flatten();
        let is_rekeyed = !is_kept && old != new;
        if is_rekeyed && let Err(error) = self.release_key_to(slot) {
            // A rollback restores it.
            self.objects[slot as usize].snapshot = Some(before);
            return Err(error);
        }
        self.states.set_epoch(slot, epoch);
        self.written.push(before);
        self.states.log(Done::Written(slot));
        if !is_rekeyed {
            return Ok(());
        }
        if let Some(old) = old.filter(|old| self.keys.get(old) == Some(slot)) {
            self.keys.remove(&old);
        }
        self.map_key(slot)
    }

    fn updated_in_part(&mut self, slot: u32, columns: &[usize]) -> Result<()> {
        self.write_in_part(slot, columns)
    }

    fn gone(&mut self, slot: u32) {
        self.forget_key(slot);
        self.restore(slot);
        self.states.gone(slot);
    }

    fn deleted(&mut self, slot: u32) {
        self.forget_key(slot);
        // Changes made before the deletion were not written.
        self.restore(slot);
        self.states.deleted(slot);
    }

    fn settle(&mut self) {
        self.pending_keys.clear();
        for slot in self.states.settle() {
            self.objects[slot as usize].snapshot = None;
        }
        if self.states.mark() == 0 {
            self.snapshots.clear();
        }
    }

    fn undo_to(&mut self, mark: usize) {
        self.undo(mark);
    }

    fn commit(&mut self) {
        for slot in self.states.commit() {
            self.objects[slot as usize].snapshot = None;
        }
        self.written.clear();
        self.switched.clear();
        // Objects written to since the flush keep their snapshots for the next flush.
        if self.states.touched().is_empty() {
            self.snapshots.clear();
        }
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
fn unclear(store: &dyn AnyStore, slot: u32, column: usize) -> Error {
    let mapper = store.mapper();
    let message = "the object was written to while it was expired, based on old values, and the column has changed in the database since: `refresh` the object before writing to it, or write the column with `set_blind`";
    Error::new(ErrorKind::StaleData, message)
        .entity(mapper.name())
        .column(&mapper.table().columns[column].name)
        .key(store.key_text(slot))
}
