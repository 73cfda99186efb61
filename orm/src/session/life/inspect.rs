//! Inspecting a session: states, changes and pending work.

use std::fmt::Debug;

use crate::entity::{ColumnOf, Mapped};
use crate::error::{Error, ErrorKind, Result};
use crate::session::{AnyStore, Handle, Session, State, Store};
use crate::value::ColumnValue;

impl Session {
    /// Returns the state of an object. A handle that is stale, or of another session, is [`State::Detached`].
    pub fn state<E: Mapped>(&self, handle: Handle<E>) -> State {
        if self.typed(handle).is_none() {
            return State::Detached;
        }
        self.any_store(handle.store).state(handle.slot)
    }

    /// Returns whether an object differs from its row.
    ///
    /// # Errors
    ///
    /// [`StaleHandle`](crate::ErrorKind::StaleHandle), [`ForeignHandle`](crate::ErrorKind::ForeignHandle).
    pub fn is_modified<E: Mapped>(&self, handle: Handle<E>) -> Result<bool> {
        let (store, slot) = self.node(handle)?;
        let changed = !self.any_store(store).changed(slot).is_empty();
        Ok(changed || self.has_expression((store, slot)))
    }

    /// Returns the old and the new value of a changed column; `None` if it did not change.
    ///
    /// # Errors
    ///
    /// As [`is_modified`](Self::is_modified); [`NotLoaded`](crate::ErrorKind::NotLoaded) for a deferred column that was set without being
    /// loaded, so that its old value is unknown.
    pub fn history<E: Mapped, T: ColumnValue>(
        &self,
        handle: Handle<E>,
        column: impl ColumnOf<E, T>,
    ) -> Result<Option<(T, T)>> {
        let new = self.try_ref(handle)?;
        let mapper = new.mapping();
        let column = column.find(mapper)?;
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

    /// Returns the objects of a type that the next flush will insert, in the order of `add`. All records have the same type;
    /// `session[record].table()` returns their table.
    pub fn new_objects<E: Mapped>(&self) -> Vec<Handle<E>> {
        self.handles(|store| store.pending().to_vec())
    }

    /// Returns the objects of a type that the next flush will update.
    pub fn dirty<E: Mapped>(&self) -> Vec<Handle<E>> {
        let mut dirty = self.handles::<E>(|store| {
            let is_dirty =
                |&slot: &u32| !store.is_marked_deleted(slot) && !store.changed(slot).is_empty();
            store.touched().iter().copied().filter(is_dirty).collect()
        });
        let computed = self.expressions.keys().map(|&node| self.handle(node));
        let computed = computed.filter(|&handle| {
            let store = self.any_store(handle.store);
            store.as_any().is::<Store<E>>()
                && !store.is_marked_deleted(handle.slot)
                && store.changed(handle.slot).is_empty()
        });
        dirty.extend(computed);
        dirty
    }

    /// Returns the objects of a type that the next flush will delete.
    pub fn deleted<E: Mapped>(&self) -> Vec<Handle<E>> {
        self.handles(|store| store.marked().to_vec())
    }

    /// Returns the persistent objects of a type in the session.
    pub fn persistent<E: Mapped>(&self) -> Vec<Handle<E>> {
        self.handles(|store| store.states().slots_in(State::Persistent))
    }

    /// Returns whether an object will be reread at its next use.
    ///
    /// # Errors
    ///
    /// As [`is_modified`](Self::is_modified).
    pub fn is_expired<E: Mapped>(&self, handle: Handle<E>) -> Result<bool> {
        let (store, slot) = self.node(handle)?;
        Ok(self.any_store(store).is_expired(slot, self.log.epoch))
    }

    /// Describes an object in one line: its state, its value, and its changed fields.
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

    /// Handles of the chosen slots in all stores of a type: one for an entity, several for records.
    fn handles<E: Mapped>(&self, slots: impl Fn(&dyn AnyStore) -> Vec<u32>) -> Vec<Handle<E>> {
        let stores = (0u16..).zip(&self.stores);
        let of_type = stores.filter(|(_, entry)| entry.store.as_any().is::<Store<E>>());
        let chosen = of_type.flat_map(|(index, entry)| {
            let slots = slots(&*entry.store).into_iter();
            slots.map(move |slot| (index, slot))
        });
        chosen.map(|node| self.handle(node)).collect()
    }
}
