//! `Query`: objects of one entity, filtered, ordered, and loaded with related objects.

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
pub use load::{Filtered, Load, LoadOf, Whole};
pub use text::SessionSql;

use std::borrow::Cow;
use std::fmt::{self, Debug};
use std::marker::PhantomData;
use std::sync::Arc;

use crate::entity::{ColumnOf, Fetch, Loading, Mapped, Mapper};
use crate::error::{Error, Result};
use crate::session::{Fill, Handle, Joins, Selection, Session};
use crate::sql::{Condition, Node, Order, OrderBy, RowLock, also};
use run::Read;

/// A query for objects of `E`. Built by `E::query()`, or for records by [`Records::query`](crate::record::Records::query). Lazy:
/// nothing is sent before `all`, `first`, `one` and the like.
///
/// These methods flush the session first, except inside `no_autoflush`.
///
/// `S` is the scope of its conditions: the entity's own columns, or with joins ([`Joined`]) those of all its tables. An object is found
/// once, however many joined rows it has.
#[must_use = "queries are lazy: nothing runs until `all`, `first`, `one` …"]
pub struct Query<E, S = E> {
    mapper: Arc<Mapper>,
    parts: Parts,
    marker: PhantomData<fn() -> (E, S)>,
}

/// The clauses and options of a query.
#[derive(Clone, Debug, Default)]
struct Parts {
    filter: Option<Node>,
    order: Vec<Order>,
    limit: Option<u64>,
    offset: Option<u64>,
    joined: Option<Box<Joins>>,
    lock: Option<RowLock>,
    loadings: Vec<Loading>,
    /// Whether relations without a loading option raise.
    raises: bool,
    fill: Fill,
    undefer: Vec<usize>,
}

impl<E: Mapped> Query<E> {
    /// Starts a query for the objects of a mapping.
    pub(crate) fn new(mapper: &Arc<Mapper>) -> Self {
        Self {
            mapper: Arc::clone(mapper),
            parts: Parts::default(),
            marker: PhantomData,
        }
    }

    /// Keeps only objects for which the condition is true; several filters are combined by AND.
    pub fn filter(mut self, condition: impl Condition<E>) -> Self {
        also(&mut self.parts.filter, condition.into_condition());
        self
    }

    /// Sorts by a column or an expression; each further call adds a lower-priority key.
    pub fn order_by(mut self, order: impl Into<OrderBy<E>>) -> Self {
        self.parts.order.push(order.into().into_order());
        self
    }
}

impl<E: Mapped, S> Query<E, S> {
    /// Loads a deferred column in the same statement: a [`Deferred`](crate::value::Deferred) field, or a column of records declared by
    /// [`RecordTables::deferred`](crate::record::RecordTables::deferred). An object that has it loaded keeps its value.
    ///
    /// The query fails with [`Mapping`](crate::ErrorKind::Mapping) if the column is not deferred.
    pub fn undefer<T>(mut self, column: impl ColumnOf<E, T>) -> Self {
        match column.find(&self.mapper) {
            Ok(column) => add(&mut self.parts.undefer, column),
            Err(error) => self.refuse(&error),
        }
        self
    }

    /// Limits the number of results.
    pub fn limit(mut self, limit: u64) -> Self {
        self.parts.limit = Some(limit);
        self
    }

    /// Skips this many results.
    pub fn offset(mut self, offset: u64) -> Self {
        self.parts.offset = Some(offset);
        self
    }

    /// Loads a relation eagerly; this overrides its mapping. Of several options for a relation the last one applies; a relation may be
    /// loaded whole and [filtered](crate::entity::Relation::filter) by one query. A path of relations of records is loaded by
    /// [`selectin`](crate::entity::Relation::selectin), `.with("album.track")`, except where it passes an earlier option.
    pub fn with(mut self, load: impl LoadOf<E>) -> Self {
        if let Err(error) = load.add_to(&mut self.parts.loadings, &self.mapper) {
            self.refuse(&error);
        }
        self
    }

    /// Makes every relation raise that neither [`with`](Self::with) nor the mapping loads eagerly: see
    /// [`Relation::raise`](crate::entity::Relation::raise).
    pub fn raise_all(mut self) -> Self {
        self.parts.raises = true;
        self
    }

    /// Overwrites objects that are in the session already, including changes not yet flushed.
    pub fn populate_existing(mut self) -> Self {
        self.parts.fill = Fill::Always;
        self
    }

    /// Locks the rows until the transaction ends, and refreshes their objects from the locked rows, as
    /// [`populate_existing`](Self::populate_existing) does: `.lock(RowLock::for_update().skip_locked())`.
    pub fn lock(mut self, lock: RowLock) -> Self {
        self.parts.lock = Some(lock);
        self.parts.fill = Fill::Always;
        self
    }

    /// Returns all results, in order.
    ///
    /// # Errors
    ///
    /// Errors of the autoflush or of the SELECT.
    pub fn all(&self, session: &mut Session) -> Result<Vec<Handle<E>>> {
        self.fetch(session, self.parts.limit)
    }

    /// Returns the first result, if any. Without `order_by`, whichever the database returns first.
    ///
    /// # Errors
    ///
    /// As [`all`](Self::all).
    pub fn first(&self, session: &mut Session) -> Result<Option<Handle<E>>> {
        let found = self.fetch(
            session,
            Some(self.parts.limit.map_or(1, |limit| limit.min(1))),
        )?;
        Ok(found.first().copied())
    }

    /// Returns the only result.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NoRow`](crate::ErrorKind::NoRow), [`ErrorKind::MultipleRows`](crate::ErrorKind::MultipleRows); otherwise as
    /// [`all`](Self::all).
    pub fn one(&self, session: &mut Session) -> Result<Handle<E>> {
        let found = self.one_or_none(session)?;
        found.ok_or_else(|| run::no_row(&self.mapper))
    }

    /// Returns the only result, or `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::MultipleRows`](crate::ErrorKind::MultipleRows); otherwise as [`all`](Self::all).
    pub fn one_or_none(&self, session: &mut Session) -> Result<Option<Handle<E>>> {
        let found = self.fetch(
            session,
            Some(self.parts.limit.map_or(2, |limit| limit.min(2))),
        )?;
        run::at_most_one(&self.mapper, &found)
    }

    /// Returns the number of results.
    ///
    /// # Errors
    ///
    /// As [`all`](Self::all).
    pub fn count(&self, session: &mut Session) -> Result<u64> {
        session.count_rows(&self.mapper, &self.selection(self.parts.limit))
    }

    /// Returns whether there is a result.
    ///
    /// # Errors
    ///
    /// As [`all`](Self::all).
    pub fn exists(&self, session: &mut Session) -> Result<bool> {
        session.finds_row(&self.mapper, &self.selection(self.parts.limit))
    }

    /// Returns plain values that the session does not track.
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

    /// Passes plain values to `each`, one at a time as they are read; stops at its first error.
    ///
    /// # Errors
    ///
    /// Errors of `each`; otherwise as [`all`](Self::all).
    pub fn for_each(
        &self,
        session: &mut Session,
        mut each: impl FnMut(E) -> Result<()>,
    ) -> Result<()> {
        let mapper = &self.mapper;
        mapper.check_deferred(&self.parts.undefer)?;
        let columns = mapper.reading(&self.parts.undefer);
        let read = Read::Columns(&columns);
        let first = mapper.eager().len();
        session.run_query(
            mapper,
            &self.selection(self.parts.limit),
            read,
            &mut |row| {
                let mut value = E::hydrate(mapper, row, 0)
                    .map_err(|error| mapper.row_error::<E>(row, 0, error))?;
                for (at, &column) in (first..).zip(&self.parts.undefer) {
                    let read = row.value(at, mapper.types()[column]);
                    read.and_then(|read| value.assign(mapper, column, read))
                        .map_err(|error| mapper.column_error(column, error))?;
                }
                each(value)
            },
        )
    }

    fn fetch(&self, session: &mut Session, limit: Option<u64>) -> Result<Vec<Handle<E>>> {
        const { crate::entity::refuse_keyless::<E>() };
        let store = session.store_mapped_by::<E>(&self.mapper);
        let loadings = loading_options(&self.mapper, &self.parts.loadings, self.parts.raises);
        let slots = session.query_objects(store, &self.selection(limit), &loadings)?;
        Ok(slots
            .into_iter()
            .map(|slot| session.handle((store, slot)))
            .collect())
    }

    fn selection(&self, limit: Option<u64>) -> Selection<'_> {
        Selection {
            filter: self.parts.filter.as_ref(),
            order: &self.parts.order,
            limit,
            offset: self.parts.offset,
            joined: self.parts.joined.as_deref(),
            lock: self.parts.lock,
            fill: self.parts.fill,
            undefer: &self.parts.undefer,
        }
    }

    /// Keeps an error, which the query returns when it runs.
    fn refuse(&mut self, error: &Error) {
        let invalid = Node::Invalid(error.kind(), error.message().into());
        also(&mut self.parts.filter, invalid);
    }
}

fn add(columns: &mut Vec<usize>, column: usize) {
    if !columns.contains(&column) {
        columns.push(column);
    }
}

/// The loading options of relations, including those without their own option if these raise.
fn loading_options<'l>(
    mapper: &Mapper,
    loadings: &'l [Loading],
    raises: bool,
) -> Cow<'l, [Loading]> {
    if !raises {
        return Cow::Borrowed(loadings);
    }
    let mut all = loadings.to_vec();
    for (index, relation) in (0u16..).zip(mapper.relations()) {
        let says = |loading: &Loading| loading.relation == index && loading.is_whole();
        if relation.fetch == Fetch::Lazy && !loadings.iter().any(says) {
            all.push(Loading::new(mapper.id(), index, Fetch::Raise));
        }
    }
    Cow::Owned(all)
}

impl<E, S> Clone for Query<E, S> {
    fn clone(&self) -> Self {
        Self {
            mapper: Arc::clone(&self.mapper),
            parts: self.parts.clone(),
            marker: PhantomData,
        }
    }
}

impl<E, S> Debug for Query<E, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Query")
            .field("entity", &self.mapper.name())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
