//! Bulk UPDATE and DELETE of a query's records, without loading them.

use super::RecordQuery;
use crate::error::Result;
use crate::query::run;
use crate::record::{Record, Records};
use crate::session::Session;
use crate::sql::{ColumnRef, Expr, Expression, Node};
use crate::value::{ColumnValue, Value};

/// An UPDATE of the rows that a query selects. Built by [`RecordQuery::update`].
#[derive(Debug)]
#[must_use = "an UPDATE does nothing until it is executed"]
pub struct RecordBulkUpdate {
    records: Records,
    filter: Option<Node>,
    set: Result<Vec<(ColumnRef, Node)>>,
}

/// A DELETE of the rows that a query selects. Built by [`RecordQuery::delete`].
#[derive(Debug)]
#[must_use = "a DELETE does nothing until it is executed"]
pub struct RecordBulkDelete {
    records: Records,
    filter: Option<Node>,
}

impl RecordQuery {
    /// Updates the query's rows with one statement, without loading them.
    ///
    /// ```
    /// # use selfsame::prelude::*;
    /// # use selfsame::record::Records;
    /// # fn finish(tasks: &Records, session: &mut Session) -> selfsame::Result<u64> {
    /// let of_ann = tasks.query().filter(tasks.equals("user_id", 1)?);
    /// of_ann.update().set("completed", true).execute(session)
    /// # }
    /// ```
    pub fn update(self) -> RecordBulkUpdate {
        RecordBulkUpdate {
            filter: run::condition(self.records.mapper(), &self.selection(self.limit)),
            set: Ok(Vec::new()),
            records: self.records,
        }
    }

    /// Deletes the query's rows with one statement, without loading them.
    pub fn delete(self) -> RecordBulkDelete {
        RecordBulkDelete {
            filter: run::condition(self.records.mapper(), &self.selection(self.limit)),
            records: self.records,
        }
    }
}

impl RecordBulkUpdate {
    /// Sets a column to a value. Values that do not fit are reported by [`execute`](Self::execute), like by [`Record::set`].
    pub fn set(self, column: &str, value: impl Into<Value>) -> Self {
        let node = self
            .records
            .fitted(column, value.into())
            .map(|(index, value)| {
                let ty = self.records.mapper().types()[index];
                (self.records.reference(index), Node::Param(value, ty))
            });
        self.also(node)
    }

    /// Sets a column to an expression: `.set_expr("age", users.column::<i32>("age")? + 1)`.
    pub fn set_expr<T: ColumnValue>(self, column: &str, value: Expr<Record, T>) -> Self {
        let node = self
            .records
            .typed::<T>(column)
            .map(|index| (self.records.reference(index), value.into_node()));
        self.also(node)
    }

    /// Flushes, runs the UPDATE in the session's transaction, and returns the number of rows it matched. Affects objects in the session
    /// like [`BulkUpdate::execute`](crate::query::BulkUpdate::execute).
    ///
    /// # Errors
    ///
    /// As [`BulkUpdate::execute`](crate::query::BulkUpdate::execute); [`ErrorKind::Mapping`](crate::ErrorKind::Mapping) and
    /// [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) if a column does not exist or its value does not fit.
    pub fn execute(self, session: &mut Session) -> Result<u64> {
        let store = session.store_mapped_by::<Record>(self.records.mapper());
        session.bulk_update(store, self.set?, self.filter)
    }

    fn also(mut self, node: Result<(ColumnRef, Node)>) -> Self {
        self.set = self.set.and_then(|mut set| {
            set.push(node?);
            Ok(set)
        });
        self
    }
}

impl RecordBulkDelete {
    /// Flushes, runs the DELETE in the session's transaction, and returns the number of rows it matched. Affects objects in the session
    /// like [`BulkDelete::execute`](crate::query::BulkDelete::execute).
    ///
    /// # Errors
    ///
    /// Errors of the flush or the statement. If the statement fails, the session waits for [`rollback`](Session::rollback).
    pub fn execute(self, session: &mut Session) -> Result<u64> {
        let store = session.store_mapped_by::<Record>(self.records.mapper());
        session.bulk_delete(store, self.filter)
    }
}
