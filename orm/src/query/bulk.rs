//! Bulk UPDATE and DELETE of a query's rows, without loading them.

use std::marker::PhantomData;
use std::sync::Arc;

use super::{Query, run};
use crate::entity::{ColumnOf, Mapped, Mapper};
use crate::error::Result;
use crate::session::Session;
use crate::sql::{ColumnRef, IntoSql, Node};
use crate::value::ColumnValue;

/// An UPDATE of the rows that a query selects. Built by [`Query::update`].
#[derive(Debug)]
#[must_use = "an UPDATE does nothing until it is executed"]
pub struct BulkUpdate<E> {
    pub(super) mapper: Arc<Mapper>,
    filter: Option<Node>,
    set: Result<Vec<(ColumnRef, Node)>>,
    marker: PhantomData<fn() -> E>,
}

/// A DELETE of the rows that a query selects. Built by [`Query::delete`].
#[derive(Debug)]
#[must_use = "a DELETE does nothing until it is executed"]
pub struct BulkDelete<E> {
    mapper: Arc<Mapper>,
    filter: Option<Node>,
    marker: PhantomData<fn() -> E>,
}

impl<E: Mapped, S> Query<E, S> {
    /// Updates the query's rows with one statement, without loading them:
    /// `Task::query().filter(Task::USER_ID.eq(1)).update().set(Task::DONE, true).execute(&mut session)?`.
    pub fn update(self) -> BulkUpdate<E> {
        const { crate::entity::refuse_read_only::<E>() };
        BulkUpdate {
            filter: run::condition(&self.mapper, &self.selection(self.parts.limit)),
            mapper: self.mapper,
            set: Ok(Vec::new()),
            marker: PhantomData,
        }
    }

    /// Deletes the query's rows with one statement, without loading them.
    pub fn delete(self) -> BulkDelete<E> {
        const { crate::entity::refuse_read_only::<E>() };
        BulkDelete {
            filter: run::condition(&self.mapper, &self.selection(self.parts.limit)),
            mapper: self.mapper,
            marker: PhantomData,
        }
    }
}

impl<E: Mapped> BulkUpdate<E> {
    /// Sets a column to a value or an expression: `.set(Task::PRIORITY, Task::PRIORITY + 1)`.
    pub fn set<T: ColumnValue>(
        self,
        column: impl ColumnOf<E, T>,
        value: impl IntoSql<E, T::Base>,
    ) -> Self {
        let index = column.find(&self.mapper);
        self.also(index.map(|index| (index, value.into_sql())))
    }

    /// Sets a column, or keeps the error for [`execute`](Self::execute).
    pub(super) fn also(mut self, set: Result<(usize, Node)>) -> Self {
        self.set = self.set.and_then(|mut all| {
            let (index, node) = set?;
            all.push((ColumnRef::new(self.mapper.table(), index), node));
            Ok(all)
        });
        self
    }

    /// Flushes, runs the UPDATE in the session's transaction, and returns the number of rows it matched.
    ///
    /// Afterwards the entity's objects in the session are expired, but not those of other entities: each keeps its last known values until
    /// it is reread at its next use. After a commit, `refresh` those that the statement wrote before assigning the columns that it set,
    /// otherwise the flush reports them as changed by another session. A version column is incremented, unless it is set here. A rollback
    /// undoes the changes, and expires the objects again.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](crate::ErrorKind::Unsupported) if the query has joins or a limit, the primary key has several columns, and the
    /// backend does not support [`row_values`](crate::dialect::Capabilities::row_values);
    /// [`InvalidStatement`](crate::ErrorKind::InvalidStatement) if nothing is set, or a column of the primary key is;
    /// [`Mapping`](crate::ErrorKind::Mapping) and [`Conversion`](crate::ErrorKind::Conversion) if a record's table has no such column, or a
    /// value does not fit it; errors of the flush or the statement. If the statement fails, the session waits for
    /// [`rollback`](Session::rollback).
    pub fn execute(self, session: &mut Session) -> Result<u64> {
        let store = session.store_mapped_by::<E>(&self.mapper);
        session.bulk_update(store, self.set?, self.filter)
    }
}

impl<E: Mapped> BulkDelete<E> {
    /// Flushes, runs the DELETE in the session's transaction, and returns the number of rows it matched. Cascades of the mapping are not
    /// applied, only the actions of the database's foreign keys.
    ///
    /// Afterwards the session's objects of these rows are deleted, as after [`Session::delete`] and a flush: a rollback makes them
    /// persistent again, and a commit removes them. All other objects, of all entities, are expired, since the database may have changed
    /// them too.
    ///
    /// # Errors
    ///
    /// Errors of the flush or the statement. If the statement fails, the session waits for [`rollback`](Session::rollback).
    pub fn execute(self, session: &mut Session) -> Result<u64> {
        let store = session.store_mapped_by::<E>(&self.mapper);
        session.bulk_delete(store, self.filter)
    }
}
