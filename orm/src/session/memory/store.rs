//! Stores: the objects of one table and their keys. The part that does not depend on the type is in [`ObjectStates`].

mod keys;
mod rows;
mod undo;
mod writes;

pub(in crate::session) use rows::moved;

use std::any::Any;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::backend::Row;
use crate::entity::{Attachment, Mapped, Mapper, PendingRelations};
use crate::error::Result;
use crate::planted::{Planted, is_planted};
use crate::session::State;
use crate::session::memory::any_store::{AnyStore, Undoes};
use crate::session::memory::identity::IdentityMap;
use crate::session::memory::object_states::ObjectStates;
use crate::session::memory::pending_keys::PendingKeys;
use crate::session::memory::snapshots::{Snapshot, Snapshots};
use crate::value::{Param, Value, ValueRef};

/// The error message for an object that cannot be written because its key was generated again, or another row got it.
pub(in crate::session) const REPLACED: &str =
    "its row no longer exists, and another row has its key now";

/// The objects of one mapped table in a session. Slots are never reused.
pub(crate) struct Store<E: Mapped> {
    mapper: Arc<Mapper>,
    states: ObjectStates,
    objects: Vec<Object<E>>,
    keys: IdentityMap<E::Key>,
    /// The snapshots of objects that were written to, and those in the undo log.
    snapshots: Snapshots,
    /// The objects before each `Done::Switched` of the undo log, in order.
    switched: Vec<E>,
    /// The rows of objects marked for deletion before they were written in part, such as with NULL in a unique column.
    before_deletion: FxHashMap<u32, Snapshot>,
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
    /// Creates an empty store.
    pub(in crate::session) fn new(mapper: Arc<Mapper>) -> Self {
        Self {
            mapper,
            states: ObjectStates::default(),
            objects: Vec::new(),
            keys: IdentityMap::default(),
            snapshots: Snapshots::default(),
            switched: Vec::new(),
            before_deletion: FxHashMap::default(),
            reads_new: false,
            pending_keys: PendingKeys::default(),
        }
    }

    pub(in crate::session) fn add(&mut self, value: E) -> u32 {
        self.push(value);
        self.states.push_pending()
    }

    #[inline]
    fn push(&mut self, value: E) {
        self.objects.push(Object {
            value: Some(value),
            snapshot: None,
        });
    }

    /// The value of an object, even of one that has left.
    #[inline]
    fn object_value(&self, slot: u32) -> Option<&E> {
        self.objects.get(slot as usize)?.value.as_ref()
    }

    #[inline]
    pub(in crate::session) fn get(&self, slot: u32) -> Option<&E> {
        if self.states.state(slot) == State::Detached && !is_planted(Planted::DeletedResolves) {
            None
        } else {
            self.object_value(slot)
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

    fn value(&self, slot: u32, column: usize) -> Param<'_> {
        let value = self.object_value(slot);
        value.map_or(Param::Ref(ValueRef::Null), |value| {
            value.value(&self.mapper, column)
        })
    }

    fn values<'a>(&'a self, slot: u32, columns: &[usize], out: &mut Vec<Param<'a>>) {
        match self.object_value(slot) {
            Some(value) => out.extend(columns.iter().map(|&at| value.value(&self.mapper, at))),
            None => out.extend(columns.iter().map(|_| Param::Ref(ValueRef::Null))),
        }
    }

    fn given(&self, slot: u32, out: &mut Vec<usize>) {
        if let Some(value) = self.object_value(slot) {
            let columns = 0..self.mapper.types().len();
            let computed = self.mapper.computed();
            out.extend(columns.filter(|column| {
                !value.is_unset(&self.mapper, *column)
                    && (computed.is_empty() || !computed.contains(column))
            }));
        }
    }

    fn is_unset(&self, slot: u32, column: usize) -> bool {
        let value = self.object_value(slot);
        value.is_some_and(|value| value.is_unset(&self.mapper, column))
    }

    fn row_values<'a>(&'a self, slot: u32, columns: &[usize], out: &mut Vec<Param<'a>>) {
        out.extend(columns.iter().map(|&column| self.row_value(slot, column)));
    }

    fn row_value(&self, slot: u32, column: usize) -> Param<'_> {
        self.before(slot, column)
            .unwrap_or_else(|| self.value(slot, column))
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

    fn round_time(&mut self, slot: u32, column: usize) -> Result<()> {
        self.states.row_changed(slot);
        let Some(object) = &mut self.objects[slot as usize].value else {
            return Ok(());
        };
        let stored = object
            .value(&self.mapper, column)
            .value()
            .map(ValueRef::to_owned);
        match stored {
            None | Some(Value::Null) => Ok(()),
            Some(stored) => object.assign(&self.mapper, column, stored.as_ref()),
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

    fn validate(&self, slot: u32, column: usize) -> Result<()> {
        let value = self.object_value(slot);
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
}
