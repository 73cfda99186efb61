//! `Query`: objects of one entity, filtered, ordered, and loaded with what they are related to.

mod bulk;
mod join;
mod load;
mod page;
mod project;
mod records;
mod run;
mod text;

pub use bulk::{BulkDelete, BulkUpdate};
pub use join::Joined;
pub(crate) use join::Joins;
pub use load::{Filtered, Load, Whole};
pub(crate) use load::{Loading, Part};
pub use records::{RecordAlias, RecordBulkDelete, RecordBulkUpdate, RecordLoad, RecordQuery};
pub use text::SessionSql;

use std::borrow::Cow;
use std::fmt::{self, Debug};
use std::marker::PhantomData;

use crate::entity::{Entity, Fetch, Mapper};
use crate::error::Result;
use crate::render::Read;
use crate::session::{Fill, Handle, Selection, Session};
use crate::sql::{Column, Condition, Node, Order, OrderBy, RowLock, also};

/// A query for objects of `E`. Built by `E::query()`; nothing is sent before one of its last methods.
///
/// All of them flush the session first, unless it is told not to.
///
/// `S` is what its conditions may name: the entity's own columns, or once something is joined to it ([`Joined`]) those of every table
/// that it reads. However many rows are joined to an object, it is found once.
#[must_use = "a query does nothing until it is asked for its objects"]
pub struct Query<E, S = E> {
    filter: Option<Node>,
    order: Vec<Order>,
    limit: Option<u64>,
    offset: Option<u64>,
    joined: Option<Box<Joins>>,
    lock: Option<RowLock>,
    loadings: Vec<Loading>,
    /// Whether relations of which nothing is said raise.
    raises: bool,
    fill: Fill,
    undefer: Vec<usize>,
    marker: PhantomData<fn() -> (E, S)>,
}

impl<E: Entity> Query<E> {
    /// All objects.
    pub(crate) fn new() -> Self {
        Self {
            filter: None,
            order: Vec::new(),
            limit: None,
            offset: None,
            joined: None,
            lock: None,
            loadings: Vec::new(),
            raises: false,
            fill: Fill::Expired,
            undefer: Vec::new(),
            marker: PhantomData,
        }
    }

    /// Only objects for which the condition is true; several filters must all be true.
    pub fn filter(mut self, condition: impl Condition<E>) -> Self {
        also(&mut self.filter, condition.into_condition());
        self
    }

    /// Orders by a column or an expression; each further call orders what the former left equal.
    pub fn order_by(mut self, order: impl Into<OrderBy<E>>) -> Self {
        self.order.push(order.into().into_order());
        self
    }
}

impl<E: Entity, S> Query<E, S> {
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

    /// Loads a relation along, as said here and not as its mapping says. What is said last of a relation counts; it may be loaded
    /// whole and [filtered](crate::entity::Relation::filter) by one query.
    pub fn with<To, P>(mut self, load: Load<E, To, P>) -> Self {
        let new = load.into_loading();
        self.loadings.retain(|loading| {
            loading.relation != new.relation || loading.is_whole() != new.is_whole()
        });
        self.loadings.push(new);
        self
    }

    /// Has every relation of the query's objects raise that neither [`with`](Self::with) nor the mapping loads along: see
    /// [`Relation::raise`](crate::entity::Relation::raise).
    pub fn raise_all(mut self) -> Self {
        self.raises = true;
        self
    }

    /// Reads a [`Deferred`](crate::value::Deferred) column along, in the same statement. An object that has it loaded keeps what it has.
    ///
    /// The query fails with [`Mapping`](crate::ErrorKind::Mapping) if the column is not deferred.
    pub fn undefer<T>(mut self, column: Column<E, T>) -> Self {
        add(&mut self.undefer, column.index());
        self
    }

    /// Overwrites objects that are in the session already, changes that were not flushed included.
    pub fn populate_existing(mut self) -> Self {
        self.fill = Fill::Always;
        self
    }

    /// Locks the rows until the transaction ends, and reads them as they then are into their objects, as
    /// [`populate_existing`](Self::populate_existing) does: `.lock(RowLock::for_update().skip_locked())`.
    pub fn lock(mut self, lock: RowLock) -> Self {
        self.lock = Some(lock);
        self.fill = Fill::Always;
        self
    }

    /// All of them, in order.
    ///
    /// # Errors
    ///
    /// What an autoflush or the SELECT gives.
    pub fn all(&self, session: &mut Session) -> Result<Vec<Handle<E>>> {
        self.fetch(session, self.limit)
    }

    /// The first, if there is one. Without `order_by`, whichever the database gives first.
    ///
    /// # Errors
    ///
    /// As [`all`](Self::all).
    pub fn first(&self, session: &mut Session) -> Result<Option<Handle<E>>> {
        let found = self.fetch(session, Some(self.limit.map_or(1, |limit| limit.min(1))))?;
        Ok(found.first().copied())
    }

    /// The only one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NoRow`](crate::ErrorKind::NoRow), [`ErrorKind::MultipleRows`](crate::ErrorKind::MultipleRows); else as [`all`](Self::all).
    pub fn one(&self, session: &mut Session) -> Result<Handle<E>> {
        let found = self.one_or_none(session)?;
        found.ok_or_else(|| run::no_row(E::mapper()))
    }

    /// The only one, if there is one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::MultipleRows`](crate::ErrorKind::MultipleRows); else as [`all`](Self::all).
    pub fn one_or_none(&self, session: &mut Session) -> Result<Option<Handle<E>>> {
        let found = self.fetch(session, Some(self.limit.map_or(2, |limit| limit.min(2))))?;
        run::at_most_one(E::mapper(), &found)
    }

    /// How many there are.
    ///
    /// # Errors
    ///
    /// As [`all`](Self::all).
    pub fn count(&self, session: &mut Session) -> Result<u64> {
        session.count_rows(E::mapper(), &self.selection(self.limit))
    }

    /// Whether there is one.
    ///
    /// # Errors
    ///
    /// As [`all`](Self::all).
    pub fn exists(&self, session: &mut Session) -> Result<bool> {
        session.finds_row(E::mapper(), &self.selection(self.limit))
    }

    /// Plain values that the session does not track.
    ///
    /// # Errors
    ///
    /// As [`all`](Self::all).
    pub fn rows(&self, session: &mut Session) -> Result<Vec<E>> {
        let mut rows = Vec::new();
        self.for_each(session, |row| {
            rows.push(row);
            Ok(())
        })?;
        Ok(rows)
    }

    /// Hands plain values to `each`, one at a time as they come; stops at its first error.
    ///
    /// # Errors
    ///
    /// What `each` returns; else as [`all`](Self::all).
    pub fn for_each(
        &self,
        session: &mut Session,
        mut each: impl FnMut(E) -> Result<()>,
    ) -> Result<()> {
        let mapper = E::mapper();
        mapper.check_deferred(&self.undefer)?;
        let columns = mapper.reading(&self.undefer);
        let read = Read::Columns(&columns);
        let behind = mapper.eager().len();
        session.run_query(mapper, &self.selection(self.limit), read, &mut |row| {
            let mut value =
                E::hydrate(mapper, row, 0).map_err(|error| mapper.row_error::<E>(row, 0, error))?;
            for (at, &column) in (behind..).zip(&self.undefer) {
                let read = row.value(at, mapper.types()[column]);
                read.and_then(|read| value.assign(mapper, column, read))
                    .map_err(|error| mapper.column_error(column, error))?;
            }
            each(value)
        })
    }

    fn fetch(&self, session: &mut Session, limit: Option<u64>) -> Result<Vec<Handle<E>>> {
        let store = session.store_of::<E>();
        let loadings = said(E::mapper(), &self.loadings, self.raises);
        let slots = session.query_objects(store, &self.selection(limit), &loadings)?;
        Ok(slots
            .into_iter()
            .map(|slot| session.handle((store, slot)))
            .collect())
    }

    #[cfg(test)]
    pub(crate) fn render(
        &self,
        dialect: &dyn crate::dialect::Dialect,
    ) -> Result<crate::render::Rendered> {
        let key = &E::table().primary_key;
        run::rendered(
            dialect,
            E::mapper(),
            &self.selection(self.limit),
            Read::Columns(key),
        )
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
            undefer: &self.undefer,
        }
    }
}

fn add(columns: &mut Vec<usize>, column: u16) {
    let column = usize::from(column);
    if !columns.contains(&column) {
        columns.push(column);
    }
}

/// What is said of relations, of those too of which nothing is said one by one, if those raise.
fn said<'l>(mapper: &Mapper, loadings: &'l [Loading], raises: bool) -> Cow<'l, [Loading]> {
    if !raises {
        return Cow::Borrowed(loadings);
    }
    let mut all = loadings.to_vec();
    for (index, relation) in (0u16..).zip(mapper.relations()) {
        let says = |loading: &Loading| loading.relation == index && loading.is_whole();
        if relation.fetch == Fetch::Lazy && !loadings.iter().any(says) {
            all.push(Loading::new(index, Fetch::Raise));
        }
    }
    Cow::Owned(all)
}

impl<E, S> Clone for Query<E, S> {
    fn clone(&self) -> Self {
        Self {
            filter: self.filter.clone(),
            order: self.order.clone(),
            limit: self.limit,
            offset: self.offset,
            joined: self.joined.clone(),
            lock: self.lock,
            loadings: self.loadings.clone(),
            raises: self.raises,
            fill: self.fill,
            undefer: self.undefer.clone(),
            marker: PhantomData,
        }
    }
}

impl<E: Entity, S> Debug for Query<E, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Query")
            .field("entity", &E::mapper().name())
            .finish_non_exhaustive()
    }
}
