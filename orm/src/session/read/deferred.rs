//! Loading deferred columns.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::entity::{ColumnOf, Entity, Mapped, Mapper};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::Generated;
use crate::session::read::lookup::Lookup;
use crate::session::{Handle, Session, State};
use crate::sql::Column;
use crate::value::{ColumnValue, Deferred};

impl Session {
    /// Returns the value of a [`Deferred`] column: from memory if it is loaded and the object is not expired, otherwise with one SELECT.
    ///
    /// For many objects, [`undefer_all`](Self::undefer_all) and [`Query::undefer`](crate::query::Query::undefer) need only one statement.
    ///
    /// # Errors
    ///
    /// Errors of the autoflush or the SELECT; [`ErrorKind::InvalidState`] if it is not loaded and the object has no row;
    /// [`ErrorKind::StaleData`] if the row no longer exists; [`ErrorKind::Mapping`] if the column is not deferred;
    /// [`ErrorKind::StaleHandle`], [`ErrorKind::ForeignHandle`].
    pub fn undefer<E: Entity, T: ColumnValue>(
        &mut self,
        handle: Handle<E>,
        column: Column<E, T>,
    ) -> Result<&T> {
        self.undefer_all([handle], column)?;
        let field = self.try_ref(handle)?.deferred(usize::from(column.index()));
        let field = field.and_then(|field| field.downcast_ref::<Deferred<T>>());
        field.and_then(Deferred::get).ok_or_else(|| {
            let message = "the deferred column has no field of this type";
            let error = Error::new(ErrorKind::Mapping, message);
            E::mapper().column_error(usize::from(column.index()), error)
        })
    }

    /// Loads a deferred column of those objects that do not have it loaded, with one SELECT, or one per batch (see
    /// [`Batch`](crate::dialect::Batch)): a [`Deferred`] field, or a column of records declared by
    /// [`RecordTables::deferred`](crate::record::RecordTables::deferred).
    ///
    /// # Errors
    ///
    /// As [`undefer`](Self::undefer).
    pub fn undefer_all<E: Mapped, T: ColumnValue>(
        &mut self,
        handles: impl IntoIterator<Item = Handle<E>>,
        column: impl ColumnOf<E, T>,
    ) -> Result<()> {
        let mut tables: BTreeMap<u16, Vec<u32>> = BTreeMap::new();
        for handle in handles {
            let (store, slot) = self.node(handle)?;
            tables.entry(store).or_default().push(slot);
        }
        for (store, slots) in tables {
            let mapper = Arc::clone(&self.entry(store).mapper);
            let columns = [column.find(&mapper)?];
            mapper.check_deferred(&columns)?;
            self.load_deferred(store, &slots, &columns)?;
        }
        Ok(())
    }

    /// Loads deferred columns of those objects of a table that do not have them loaded.
    pub(in crate::session) fn load_deferred(
        &mut self,
        store: u16,
        slots: &[u32],
        columns: &[usize],
    ) -> Result<()> {
        if columns.is_empty() || self.lacking(store, slots, columns)?.is_empty() {
            return Ok(());
        }
        self.autoflush()?;
        let lacking = self.lacking(store, slots, columns)?;
        let by = self.entry(store).mapper.table().primary_key.clone();
        let keys = self.key_values(store, &lacking);
        let read = self.look_up(&Lookup {
            undefer: columns,
            ..Lookup::new(store, &by, &keys)
        })?;
        let read: BTreeSet<u32> = read.into_iter().collect();
        match lacking.iter().find(|slot| !read.contains(slot)) {
            Some(&gone) => Err(self.stale(
                store,
                gone,
                "the row of the deferred column no longer exists",
            )),
            None => Ok(()),
        }
    }

    /// The objects in which one of the columns is unloaded or expired.
    fn lacking(&self, store: u16, slots: &[u32], columns: &[usize]) -> Result<Vec<u32>> {
        let any = self.any_store(store);
        let mut lacking = Vec::new();
        for &slot in slots {
            let is_loaded = any.is_loaded(slot, columns);
            if is_loaded && !any.is_expired(slot, self.log.epoch) {
                continue;
            }
            let state = any.state(slot);
            if state != State::Persistent {
                let message =
                    format!("a {state} object has no row to read the deferred column from");
                let error = Error::new(ErrorKind::InvalidState, message);
                return Err(any.mapper().column_error(columns[0], error));
            }
            lacking.push(slot);
        }
        Ok(lacking)
    }

    /// Refuses new rows without a value for a deferred column that is NOT NULL and has no default.
    pub(in crate::session) fn check_given(&self, store: u16, columns: &[usize]) -> Result<()> {
        let mapper = &self.entry(store).mapper;
        let is_missing =
            |column: &&usize| mapper.is_required(**column) && !columns.contains(column);
        match mapper.deferred().iter().find(is_missing) {
            Some(&column) => Err(mapper.missing_deferred(column)),
            None => Ok(()),
        }
    }
}

impl Mapper {
    #[cold]
    pub(in crate::session) fn missing_deferred(&self, column: usize) -> Error {
        let message = "the deferred column of a new object must be set, because it is NOT NULL";
        self.column_error(column, Error::new(ErrorKind::Validation, message))
    }

    /// Refuses columns that are not deferred.
    pub(crate) fn check_deferred(&self, columns: &[usize]) -> Result<()> {
        let is_eager = |column: &&usize| !self.deferred().contains(column);
        match columns.iter().find(is_eager) {
            Some(&column) => {
                let message = "the column is not deferred: it is always loaded with its row";
                let error = Error::new(ErrorKind::Mapping, message);
                Err(self.column_error(column, error))
            }
            None => Ok(()),
        }
    }

    /// Whether a new row must set a column.
    fn is_required(&self, column: usize) -> bool {
        let column = &self.table().columns[column];
        !column.nullable && column.generated == Generated::No
    }
}
