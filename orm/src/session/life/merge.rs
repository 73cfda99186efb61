//! Merging: copying a value onto the object with the same key.

use std::sync::Arc;

use crate::entity::{Key, Mapped, PendingRelations};
use crate::error::{Error, ErrorKind, Result};
use crate::session::memory::snapshots::Snapshots;
use crate::session::read::lookup::{owned, values};
use crate::session::{Handle, ObjectId, Session, typed_mut};
use crate::value::{Value, ValueRef};

/// The way in which a pending related object enters the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AddOrMerge {
    /// As a new object.
    Add,
    /// Merged onto the object with the same key.
    Merge,
}

impl Session {
    /// Copies a value onto the object with the same key, loading it with one SELECT if it is not in the session. A value without a key yet,
    /// or without a row, is added. For several values, [`merge_all`](Self::merge_all) needs fewer statements.
    ///
    /// Equal columns are not written; an unset [`Auto`](crate::value::Auto) and an unloaded [`Deferred`](crate::value::Deferred) keep the
    /// object's value. Relationship fields are merged too if the relation has the cascade `merge`, as by default: the rows of each level
    /// are read together, and related as by [`set`](Self::set) and [`push`](Self::push). A collection only gains members, since an empty
    /// field does not mean that it was emptied. Without the cascade the field is ignored.
    ///
    /// # Errors
    ///
    /// Errors of the autoflush or the SELECT; [`ErrorKind::StaleData`] if the row of an expired object no longer exists, or has another
    /// version than the value; [`ErrorKind::InvalidState`] if the object is marked for deletion.
    pub fn merge<E: Mapped>(&mut self, value: E) -> Result<Handle<E>> {
        const { crate::entity::refuse_read_only::<E>() };
        let node = self.merge_with(|session| session.merge_value(value))?;
        Ok(self.handle(node))
    }

    pub(in crate::session) fn merge_value<E: Mapped>(&mut self, mut value: E) -> Result<ObjectId> {
        value.mapping().refuse_writes()?;
        let store = self.store_mapped_by::<E>(value.mapping());
        let attachments = PendingRelations::of(&mut value).into_attachments();
        let mapper = &Arc::clone(&self.entry(store).mapper);
        let known = match value.key(mapper) {
            Some(key) => {
                let mut params = Vec::with_capacity(1);
                key.params(&mut params);
                // Reads the deferred columns to compare with, too, since the row is read anyway.
                let mut deferred = mapper.deferred().to_vec();
                deferred.retain(|&column| value.is_given(mapper, column));
                self.object_to_merge(store, &owned(&params), &deferred)?
            }
            None => None,
        };
        let slot = match known {
            Some(slot) => {
                if let Some(column) = mapper.version_column() {
                    let version = value.value(mapper, column);
                    let version = version.value().unwrap_or(ValueRef::Null);
                    self.refuse_other_version((store, slot), column, version)?;
                }
                // The key is skipped, since the row was found by it: the database may return an equal key in another form.
                let key = &mapper.table().primary_key;
                let given = (0..mapper.types().len())
                    .filter(|column| !key.contains(column))
                    .filter(|&column| value.is_given(mapper, column));
                let (together, singly): (Vec<usize>, Vec<usize>) =
                    given.partition(|&column| mapper.is_together(column));
                for column in singly {
                    let param = value.value(mapper, column);
                    let param = param.value().unwrap_or(ValueRef::Null);
                    self.merge_column((store, slot), column, param)?;
                }
                self.merge_together((store, slot), &together, &value)?;
                slot
            }
            None => typed_mut::<E>(&mut self.stores[usize::from(store)]).add(value),
        };
        self.merge_later((store, slot), attachments);
        Ok((store, slot))
    }

    /// The object with a key, loaded so that it can be written to.
    fn object_to_merge(
        &mut self,
        store: u16,
        key: &[Value],
        deferred: &[usize],
    ) -> Result<Option<u32>> {
        let values = values(key);
        let mut found = self.any_store(store).find(&values)?;
        if found.is_none() && self.is_known_missing(store, key) {
            return Ok(None);
        }
        let any = self.any_store(store);
        // The object is involved in the next flush, so flush first.
        if found.is_some_and(|slot| any.is_marked_deleted(slot))
            || (found.is_none() && !any.pending().is_empty())
        {
            self.autoflush()?;
            let any = self.any_store(store);
            found = match any.find(&values)? {
                None => self.any_store_mut(store).find_pending(&values)?,
                found => found,
            };
        }
        let any = self.any_store(store);
        if let Some(slot) = found {
            if any.is_marked_deleted(slot) {
                return Err(self.refuse_merge(store, slot));
            }
            if !any.is_expired(slot, self.log.epoch) {
                return Ok(found);
            }
        }
        let met = self.load_by_key_with(store, key, deferred)?;
        let any = self.any_store(store);
        // The database may consider keys equal that differ in memory.
        let read = any.find(&values)?.or(met.first().copied());
        match read {
            // An object written to while expired stays expired until the flush, which is not possible in a hook.
            Some(slot) if any.is_expired(slot, self.log.epoch) && !met.contains(&slot) => {
                Err(self.stale(store, slot, "the row to merge onto no longer exists"))
            }
            read => Ok(read),
        }
    }

    fn refuse_merge(&self, store: u16, slot: u32) -> Error {
        let entry = self.entry(store);
        let message =
            "a value cannot be merged onto an object that is marked for deletion: flush first";
        Error::new(ErrorKind::InvalidState, message)
            .entity(entry.mapper.name())
            .key(entry.store.key_text(slot))
    }

    fn merge_column(&mut self, node: ObjectId, column: usize, value: ValueRef<'_>) -> Result<()> {
        let store = self.any_store_mut(node.0);
        let old = store.value(node.1, column);
        if old.value().is_some_and(|old| old.same(value)) {
            return Ok(());
        }
        drop(old);
        // The version was checked before.
        if store.mapper().version_column() == Some(column) {
            return Ok(());
        }
        store.assign(node.1, column, value)
    }

    /// Checks the version before anything is merged, so that a refused value changes nothing.
    fn refuse_other_version(
        &self,
        (store, slot): ObjectId,
        column: usize,
        version: ValueRef<'_>,
    ) -> Result<()> {
        // A value that was not read from a row has version 0, or none if it is a record; that is not checked.
        let unset_versions = [ValueRef::I16(0), ValueRef::I32(0), ValueRef::I64(0)];
        let known = self.any_store(store).value(slot, column);
        let is_known = known.value().unwrap_or(ValueRef::Null).same(version);
        if is_known || version.is_null() || unset_versions.iter().any(|zero| zero.same(version)) {
            return Ok(());
        }
        let message = "the value to merge was read from another version of the row";
        Err(self.stale(store, slot, message))
    }

    /// Merges the columns of embedded values that can only be set as a whole.
    fn merge_together<E: Mapped>(
        &mut self,
        (store, slot): ObjectId,
        columns: &[usize],
        value: &E,
    ) -> Result<()> {
        if columns.is_empty() {
            return Ok(());
        }
        let mapper = &Arc::clone(&self.entry(store).mapper);
        let mut snapshots = Snapshots::default();
        let taken = snapshots.take(mapper, value);
        let store = self.any_store_mut(store);
        let differs = |&column: &usize| {
            let old = store.value(slot, column);
            let new = snapshots.value(mapper, taken, column);
            let values = old.value().zip(new);
            !values.is_some_and(|(old, new)| old.same(new))
        };
        let columns: Vec<usize> = columns.iter().copied().filter(differs).collect();
        if columns.is_empty() {
            return Ok(());
        }
        store.assign_many(slot, &columns, &snapshots.row(mapper, taken))
    }
}
