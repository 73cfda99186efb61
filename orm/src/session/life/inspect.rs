//! Asking a session what it knows and what it will do.

use std::fmt::Debug;

use crate::entity::{Entity, Mapped, Mapper};
use crate::error::{Error, ErrorKind, Result};
use crate::record::{self, Record, Records};
use crate::session::{AnyStore, Handle, Session, State};
use crate::sql::Column;
use crate::value::{ColumnValue, Value};

impl Session {
    /// Where an object stands. A handle that is stale, or of another session, is [`State::Detached`].
    pub fn state<E: Mapped>(&self, handle: Handle<E>) -> State {
        if self.typed(handle).is_none() {
            return State::Detached;
        }
        self.any_store(handle.store).state(handle.slot)
    }

    /// Whether an object differs from its row.
    ///
    /// # Errors
    ///
    /// [`StaleHandle`](crate::ErrorKind::StaleHandle), [`ForeignHandle`](crate::ErrorKind::ForeignHandle).
    pub fn is_modified<E: Mapped>(&self, handle: Handle<E>) -> Result<bool> {
        let (store, slot) = self.node(handle)?;
        let changed = !self.any_store(store).changed(slot).is_empty();
        Ok(changed || self.has_expression((store, slot)))
    }

    /// The old and the new value of a column that will be written; `None` if it did not change.
    ///
    /// # Errors
    ///
    /// As [`is_modified`](Self::is_modified); [`NotLoaded`](crate::ErrorKind::NotLoaded) for a deferred column that was set without being
    /// loaded, whose old value nobody knows here.
    pub fn history<E: Entity, T: ColumnValue>(
        &self,
        handle: Handle<E>,
        column: Column<E, T>,
    ) -> Result<Option<(T, T)>> {
        let new = self.try_ref(handle)?;
        let mapper = E::mapper();
        let column = usize::from(column.index());
        let store = self.typed(handle);
        let Some(old) = store.and_then(|store| store.before(handle.slot, column)) else {
            return Ok(None);
        };
        let new = new.value(mapper, column);
        let (old, new) = match (old.value(), new.value()) {
            (_, None) => return Ok(None),
            (None, Some(_)) => {
                let message = "the deferred column was set without being loaded, so its old value is not known";
                let error = Error::new(ErrorKind::NotLoaded, message);
                return Err(mapper.column_error(column, error));
            }
            (Some(old), Some(new)) if old.same(new) => return Ok(None),
            (Some(old), Some(new)) => (old, new),
        };
        Ok(Some((
            mapper.convert(column, old)?,
            mapper.convert(column, new)?,
        )))
    }

    /// The old and the new value of a record's column that will be written, NULL where there is none; `None` if it did not change.
    ///
    /// # Errors
    ///
    /// As [`is_modified`](Self::is_modified); [`ErrorKind::Mapping`] if the table has no such column.
    pub fn record_history(
        &self,
        handle: Handle<Record>,
        column: &str,
    ) -> Result<Option<(Value, Value)>> {
        let new = self.try_ref(handle)?;
        let mapper = new.mapper();
        let column = record::position(mapper, column)?;
        let store = self.typed(handle);
        let Some(old) = store.and_then(|store| store.before(handle.slot, column)) else {
            return Ok(None);
        };
        let new = Mapped::value(new, mapper, column);
        let pair = old.value().zip(new.value());
        let changed = pair.filter(|(old, new)| !old.same(*new));
        Ok(changed.map(|(old, new)| (old.to_owned(), new.to_owned())))
    }

    /// The objects of a type that the next flush will insert, in the order of `add`.
    pub fn new_objects<E: Entity>(&self) -> Vec<Handle<E>> {
        self.pending_of(E::mapper())
    }

    /// The records of a table that the next flush will insert, in the order of `add_record`.
    pub fn new_records(&self, records: &Records) -> Vec<Handle<Record>> {
        self.pending_of(records.mapper())
    }

    /// The objects of a type that the next flush will update.
    pub fn dirty<E: Entity>(&self) -> Vec<Handle<E>> {
        self.dirty_of(E::mapper())
    }

    /// The records of a table that the next flush will update.
    pub fn dirty_records(&self, records: &Records) -> Vec<Handle<Record>> {
        self.dirty_of(records.mapper())
    }

    /// The objects of a type that the next flush will delete.
    pub fn deleted<E: Entity>(&self) -> Vec<Handle<E>> {
        self.doomed_of(E::mapper())
    }

    /// The records of a table that the next flush will delete.
    pub fn deleted_records(&self, records: &Records) -> Vec<Handle<Record>> {
        self.doomed_of(records.mapper())
    }

    /// The persistent objects of a type that the session holds.
    pub fn persistent<E: Entity>(&self) -> Vec<Handle<E>> {
        self.persistent_of(E::mapper())
    }

    /// The persistent records of a table that the session holds.
    pub fn persistent_records(&self, records: &Records) -> Vec<Handle<Record>> {
        self.persistent_of(records.mapper())
    }

    /// Whether an object will be read again when it is next met.
    ///
    /// # Errors
    ///
    /// As [`is_modified`](Self::is_modified).
    pub fn is_expired<E: Mapped>(&self, handle: Handle<E>) -> Result<bool> {
        let (store, slot) = self.node(handle)?;
        Ok(self.any_store(store).is_expired(slot, self.epoch))
    }

    /// One line about an object: its state, its value, and which fields changed.
    pub fn debug<E: Mapped + Debug>(&self, handle: Handle<E>) -> String {
        let state = self.state(handle);
        let Ok(value) = self.try_ref(handle) else {
            return format!("{handle:?} {state}");
        };
        let mapper = &self.entry(handle.store).mapper;
        let changed = self.any_store(handle.store).changed(handle.slot);
        let names: Vec<&str> = changed
            .iter()
            .map(|&column| &*mapper.table().columns[column].name)
            .collect();
        let changed = if names.is_empty() {
            String::new()
        } else {
            format!(", changed: {}", names.join(", "))
        };
        format!("{handle:?} {state}{changed} {value:?}")
    }

    fn pending_of<E: Mapped>(&self, mapper: &Mapper) -> Vec<Handle<E>> {
        self.handles(mapper, |store| store.pending().to_vec())
    }

    fn dirty_of<E: Mapped>(&self, mapper: &Mapper) -> Vec<Handle<E>> {
        let mut dirty = self.handles::<E>(mapper, |store| {
            let is_dirty = |&slot: &u32| !store.is_doomed(slot) && !store.changed(slot).is_empty();
            store.touched().iter().copied().filter(is_dirty).collect()
        });
        let computed = self.expressions.keys().map(|&node| self.handle(node));
        let computed = computed.filter(|&handle| {
            self.entry(handle.store).mapper.id() == mapper.id()
                && !dirty.contains(&handle)
                && !self.any_store(handle.store).is_doomed(handle.slot)
        });
        dirty.extend(computed.collect::<Vec<Handle<E>>>());
        dirty
    }

    fn doomed_of<E: Mapped>(&self, mapper: &Mapper) -> Vec<Handle<E>> {
        self.handles(mapper, |store| store.doomed().to_vec())
    }

    fn persistent_of<E: Mapped>(&self, mapper: &Mapper) -> Vec<Handle<E>> {
        self.handles(mapper, |store| store.ledger().slots_in(State::Persistent))
    }

    fn handles<E: Mapped>(
        &self,
        mapper: &Mapper,
        slots: impl FnOnce(&dyn AnyStore) -> Vec<u32>,
    ) -> Vec<Handle<E>> {
        let known = (0u16..)
            .zip(&self.stores)
            .find(|(_, entry)| entry.mapper.id() == mapper.id());
        let Some((index, entry)) = known else {
            return Vec::new();
        };
        slots(&*entry.store)
            .into_iter()
            .map(|slot| self.handle((index, slot)))
            .collect()
    }
}
