//! Queries for records.

mod bulk;
mod join;
mod load;

pub use bulk::{RecordBulkDelete, RecordBulkUpdate};
pub use join::RecordAlias;
pub use load::RecordLoad;

use super::join::invalid;
use super::page::behind;
use super::run::{at_most_one, no_row};
use super::{Joins, Loading, said};
use crate::entity::Mapped;
use crate::error::{Error, Result};
use crate::record::{Record, Records};
use crate::render::Read;
use crate::session::{Fill, Handle, Selection, Session};
use crate::sql::{
    Condition, Expression, Node, Operator, Order, OrderBy, Params, Predicate, Projection, RowLock,
    Select, also, column, select,
};
use crate::value::Value;
use join::Way;

/// A query for the records of a table. Built by [`Records::query`]; nothing is sent before one of its last methods.
///
/// All of them flush the session first, unless it is told not to. Relations and columns that do not exist are an
/// [`ErrorKind::Mapping`](crate::ErrorKind::Mapping) when the query is asked, naming table and relation or column.
///
/// ```
/// # use selfsame::prelude::*;
/// # use selfsame::query::RecordLoad;
/// # use selfsame::record::Record;
/// # fn read(shop: &Metadata, session: &mut Session) -> selfsame::Result<Vec<Handle<Record>>> {
/// let (artists, albums) = (shop.records("artist")?, shop.records("album")?);
/// artists
///     .query()
///     .join("album")
///     .filter(albums.column::<String>("title")?.starts_with("Let"))
///     .with("album.track")
///     .order_by(artists.column::<String>("name")?.asc())
///     .all(session)
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a query does nothing until it is asked for its records"]
pub struct RecordQuery {
    records: Records,
    filter: Option<Node>,
    order: Vec<Order>,
    limit: Option<u64>,
    offset: Option<u64>,
    joined: Option<Box<Joins>>,
    /// The relations that are joined.
    ways: Vec<Way>,
    lock: Option<RowLock>,
    loadings: Vec<Loading>,
    /// Whether relations of which nothing is said raise.
    raises: bool,
    fill: Fill,
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
            joined: None,
            ways: Vec::new(),
            lock: None,
            loadings: Vec::new(),
            raises: false,
            fill: Fill::Expired,
        }
    }

    /// That a column has a value, whatever its type: `users.equals("name", "ann")?`. An integer may be of another width; NULL is what
    /// is NULL.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mapping`](crate::ErrorKind::Mapping) if the table has no such column; [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) for a value of another type.
    pub fn equals(&self, name: &str, value: impl Into<Value>) -> Result<Predicate<Record>> {
        let (index, value) = self.fitted(name, value.into())?;
        let operand = column(self.table(), index, None);
        let node = match value {
            Value::Null => Node::IsNull {
                operand: Box::new(operand),
                negated: false,
            },
            value => {
                let value = Node::Param(value, self.mapper().types()[index]);
                operand.binary(Operator::Eq, value)
            }
        };
        Ok(Predicate::from_node(node))
    }
}

impl RecordQuery {
    /// Only records for which the condition is true, made of [`Records::column`]; several filters must all be true. Where tables are
    /// joined, they must be true of the same joined row.
    pub fn filter(mut self, condition: impl Condition<Record>) -> Self {
        also(&mut self.filter, condition.into_condition());
        self
    }

    /// Only records whose joined rows, all together, fulfil a condition of aggregates.
    pub fn having(mut self, condition: impl Expression<Type = bool>) -> Self {
        let joined = self.joined.get_or_insert_default();
        also(&mut joined.having, condition.into_node());
        self
    }

    /// Orders by a column or an expression; each further call orders what the former left equal. Where a record has several joined
    /// rows, it stands where the first of them does.
    pub fn order_by(mut self, order: impl Into<OrderBy<Record>>) -> Self {
        self.order.push(order.into().into_order());
        self
    }

    /// Only records that come behind these values of the `order_by` keys said so far, one for each: what the last record of the page
    /// before had. The keys must tell all records apart (end with the primary key), and hold no NULL.
    pub fn after(mut self, values: impl Params) -> Self {
        let condition = behind(&self.order, &values.into_params());
        also(&mut self.filter, condition);
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

    /// Overwrites records that are in the session already, changes that were not flushed included.
    pub fn populate_existing(mut self) -> Self {
        self.fill = Fill::Always;
        self
    }

    /// Locks the rows until the transaction ends, and reads them as they then are into their records.
    pub fn lock(mut self, lock: RowLock) -> Self {
        self.lock = Some(lock);
        self.fill = Fill::Always;
        self
    }

    /// All of them, in order.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mapping`](crate::ErrorKind::Mapping) if the query names what does not exist; what an autoflush or the SELECT gives.
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
    /// [`ErrorKind::NoRow`](crate::ErrorKind::NoRow), [`ErrorKind::MultipleRows`](crate::ErrorKind::MultipleRows); else as [`all`](Self::all).
    pub fn one(&self, session: &mut Session) -> Result<Handle<Record>> {
        let found = self.one_or_none(session)?;
        found.ok_or_else(|| no_row(self.records.mapper()))
    }

    /// The only one, if there is one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::MultipleRows`](crate::ErrorKind::MultipleRows); else as [`all`](Self::all).
    pub fn one_or_none(&self, session: &mut Session) -> Result<Option<Handle<Record>>> {
        let found = self.fetch(session, Some(self.limit.map_or(2, |limit| limit.min(2))))?;
        at_most_one(self.records.mapper(), &found)
    }

    /// How many there are.
    ///
    /// # Errors
    ///
    /// As [`all`](Self::all).
    pub fn count(&self, session: &mut Session) -> Result<u64> {
        session.count_rows(self.records.mapper(), &self.selection(self.limit))
    }

    /// Whether there is one.
    ///
    /// # Errors
    ///
    /// As [`all`](Self::all).
    pub fn exists(&self, session: &mut Session) -> Result<bool> {
        session.finds_row(self.records.mapper(), &self.selection(self.limit))
    }

    /// Plain records that the session does not track.
    ///
    /// # Errors
    ///
    /// As [`all`](Self::all).
    pub fn rows(&self, session: &mut Session) -> Result<Vec<Record>> {
        let mut rows = Vec::new();
        self.for_each(session, |row| {
            rows.push(row);
            Ok(())
        })?;
        Ok(rows)
    }

    /// Hands plain records to `each`, one at a time as they come; stops at its first error.
    ///
    /// # Errors
    ///
    /// What `each` returns; else as [`all`](Self::all).
    pub fn for_each(
        &self,
        session: &mut Session,
        mut each: impl FnMut(Record) -> Result<()>,
    ) -> Result<()> {
        let mapper = self.records.mapper();
        let columns: Vec<usize> = (0..mapper.types().len()).collect();
        let read = Read::Columns(&columns);
        session.run_query(mapper, &self.selection(self.limit), read, &mut |row| {
            let record = Record::hydrate(mapper, row, 0);
            each(record.map_err(|error| mapper.row_error::<Record>(row, 0, error))?)
        })
    }

    /// Reads columns and expressions instead of records, past the identity map: one, or a tuple of up to eight. The rows are those of
    /// the joined tables, each of them; `group_by`, `having` and `distinct` come behind this.
    ///
    /// ```
    /// # use selfsame::prelude::*;
    /// use selfsame::sql::count;
    ///
    /// # fn read(shop: &Metadata, session: &mut Session) -> selfsame::Result<Vec<(String, i64)>> {
    /// let (artists, albums) = (shop.records("artist")?, shop.records("album")?);
    /// let name = || artists.column::<String>("name");
    /// artists
    ///     .query()
    ///     .left_join("album")
    ///     .select((name()?, count(albums.column::<i64>("album_id")?)))
    ///     .group_by(name()?)
    ///     .all(session)
    /// # }
    /// ```
    pub fn select<P: Projection>(self, projection: P) -> Select<P::Row> {
        select(projection).with_node(|node| {
            node.from = Some(self.records.table().into());
            if let Some(joined) = &self.joined {
                joined.apply(node);
            }
            node.filter = self.filter;
            node.order = self.order;
            (node.limit, node.offset) = (self.limit, self.offset);
            node.lock = self.lock;
        })
    }

    fn fetch(&self, session: &mut Session, limit: Option<u64>) -> Result<Vec<Handle<Record>>> {
        let store = session.store_mapped_by::<Record>(self.records.mapper());
        let loadings = said(self.records.mapper(), &self.loadings, self.raises);
        let slots = session.query_objects(store, &self.selection(limit), &loadings)?;
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
            joined: self.joined.as_deref(),
            lock: self.lock,
            fill: self.fill,
            undefer: &[],
        }
    }

    /// Has an error told when the query is asked.
    fn refuse(&mut self, error: &Error) {
        also(&mut self.filter, invalid(error));
    }
}
