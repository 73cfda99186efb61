//! Queries for records.

use std::sync::Arc;

use crate::backend::Row;
use crate::error::{Error, ErrorKind, Result};
use crate::record::{Record, Records};
use crate::render::Read;
use crate::session::{Fill, Handle, Selection, Session};
use crate::sql::{Condition, Node, Order, OrderBy, also};
use crate::value::{ColumnValue, ValueType};

/// A query for the records of a table. Built by [`Records::query`]; nothing is sent before one of its last methods.
///
/// All of them flush the session first, unless it is told not to.
#[derive(Clone, Debug)]
#[must_use = "a query does nothing until it is asked for its records"]
pub struct RecordQuery {
    records: Records,
    filter: Option<Node>,
    order: Vec<Order>,
    limit: Option<u64>,
    offset: Option<u64>,
}

impl Records {
    /// A query for all records, to be narrowed.
    pub fn query(&self) -> RecordQuery {
        RecordQuery {
            records: self.clone(),
            filter: None,
            order: Vec::new(),
            limit: None,
            offset: None,
        }
    }
}

impl RecordQuery {
    /// Only records for which the condition is true, made of [`Records::column`]; several filters must all be true.
    pub fn filter(mut self, condition: impl Condition<Record>) -> Self {
        also(&mut self.filter, condition.into_condition());
        self
    }

    /// Orders by a column; each further call orders what the former left equal.
    pub fn order_by(mut self, order: impl Into<OrderBy<Record>>) -> Self {
        self.order.push(order.into().into_order());
        self
    }

    /// At most this many.
    pub fn limit(mut self, limit: u64) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Leaves out this many first.
    pub fn offset(mut self, offset: u64) -> Self {
        self.offset = Some(offset);
        self
    }

    /// All of them, in order.
    ///
    /// # Errors
    ///
    /// What an autoflush or the SELECT gives.
    pub fn all(&self, session: &mut Session) -> Result<Vec<Handle<Record>>> {
        self.fetch(session, self.limit)
    }

    /// The first, if there is one. Without `order_by`, whichever the database gives first.
    ///
    /// # Errors
    ///
    /// As [`all`](Self::all).
    pub fn first(&self, session: &mut Session) -> Result<Option<Handle<Record>>> {
        let found = self.fetch(session, Some(self.limit.map_or(1, |limit| limit.min(1))))?;
        Ok(found.first().copied())
    }

    /// The only one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NoRow`], [`ErrorKind::MultipleRows`]; else as [`all`](Self::all).
    pub fn one(&self, session: &mut Session) -> Result<Handle<Record>> {
        let found = self.fetch(session, Some(self.limit.map_or(2, |limit| limit.min(2))))?;
        let (kind, message) = match found[..] {
            [only] => return Ok(only),
            [] => (
                ErrorKind::NoRow,
                "exactly one row was asked for, and there is none",
            ),
            _ => (
                ErrorKind::MultipleRows,
                "exactly one row was asked for, and there are more",
            ),
        };
        Err(Error::new(kind, message).entity(self.records.mapper().name()))
    }

    /// How many there are.
    ///
    /// # Errors
    ///
    /// As [`all`](Self::all).
    pub fn count(&self, session: &mut Session) -> Result<u64> {
        let mut count = 0;
        let mapper = Arc::clone(self.records.mapper());
        session.run_query(
            &mapper,
            &self.selection(self.limit),
            Read::Count,
            &mut |row| {
                count = Row::value(row, 0, ValueType::I64).and_then(i64::from_value)?;
                Ok(())
            },
        )?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    fn fetch(&self, session: &mut Session, limit: Option<u64>) -> Result<Vec<Handle<Record>>> {
        let store = session.store_of_records(self.records.mapper());
        let slots = session.query_objects(store, &self.selection(limit), &[])?;
        Ok(slots
            .into_iter()
            .map(|slot| session.handle((store, slot)))
            .collect())
    }

    fn selection(&self, limit: Option<u64>) -> Selection<'_> {
        Selection {
            filter: self.filter.as_ref(),
            order: &self.order,
            limit,
            offset: self.offset,
            joined: None,
            lock: None,
            fill: Fill::Expired,
        }
    }
}
