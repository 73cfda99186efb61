//! Mapping: what ties a Rust type to a table.

mod association;
mod embedded;
mod loading;
mod named;
mod no_key;
#[doc(hidden)]
pub mod outline;
mod pending_relation;
mod relation;
mod resolve;

pub use association::{Association, AssociationSide, Through};
pub use embedded::{Embedded, Optional, Place, Presence, Present, Remade};
pub(crate) use loading::{Loading, Part};
pub use named::{ColumnOf, RelationOf};
pub use no_key::NoKey;
pub(crate) use pending_relation::{Attach, Attachment, Related};
pub use pending_relation::{
    BelongsTo, HasMany, HasOne, ManyToMany, PendingRelation, PendingRelations,
};
pub use relation::{
    Cardinality, Cascade, Dynamic, Fetch, Many, One, OwnerMapping, Relation, RelationDescriptor,
    RelationKind, Required, ToMany, ToOne,
};
pub use resolve::ResolvedRelation;
pub(crate) use resolve::in_order_of;

use std::any::Any;
use std::borrow::Cow;
use std::fmt::{self, Debug};
use std::hash::Hash;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use crate::backend::Row;
use crate::error::{Error, ErrorKind, Result};
use crate::planted::{Planted, is_planted};
use crate::query::Query;
use crate::schema::{Column, Generated, Table};
use crate::value::{ColumnValue, Deferred, Param, ValueRef, ValueType};

/// A type whose values are rows of one table: an [`Entity`], or a run-time record.
///
/// `#[derive(Entity)]` implements it. Columns are numbered as in [`Mapper::table`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an entity",
    note = "add `#[derive(Entity, Clone, Debug)]` and `#[orm(table = \"…\")]` to it"
)]
pub trait Mapped: Clone + Send + Sync + Sized + 'static {
    /// The primary key's value; a tuple where the key has several columns.
    type Key: Key;

    /// Whether the compiler refuses what would write its rows.
    const IS_READ_ONLY: bool = false;

    /// Whether its rows are known by a key, so that they can be objects of a session.
    const HAS_KEY: bool = true;

    /// The mapping of this value: that of its type, or the one that a record was made by.
    fn mapping(&self) -> &Arc<Mapper>;

    /// Makes a value from a row whose columns of this table begin at `at`, in the table's order and without those that are
    /// [`Deferred`].
    ///
    /// # Errors
    ///
    /// A column that does not convert, named.
    fn hydrate(mapper: &Mapper, row: &dyn Row, at: usize) -> Result<Self>;

    /// The key in such a row; `None` if it is NULL, as in an outer join without a match.
    ///
    /// # Errors
    ///
    /// A key column that does not convert, named.
    fn row_key(mapper: &Mapper, row: &dyn Row, at: usize) -> Result<Option<Self::Key>>;

    /// The key; `None` while the database has not made it.
    fn key(&self, mapper: &Mapper) -> Option<Self::Key>;

    /// The value of a column; [`Param::ABSENT`] for a deferred one that is not loaded.
    fn value(&self, mapper: &Mapper, column: usize) -> Param<'_>;

    /// Hands the value of each column to `each`, in order.
    fn each_value(&self, mapper: &Mapper, mut each: impl FnMut(usize, Param<'_>)) {
        for column in 0..mapper.types().len() {
            each(column, self.value(mapper, column));
        }
    }

    /// Whether the database is to make the value of a column, or it is a deferred one that is not loaded.
    fn is_unset(&self, mapper: &Mapper, column: usize) -> bool;

    /// Whether the value speaks of a column, so that merging it writes the column.
    fn is_given(&self, mapper: &Mapper, column: usize) -> bool {
        !self.is_unset(mapper, column)
    }

    /// Sets a column.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conversion`] if the value is not of the column's type.
    fn assign(&mut self, mapper: &Mapper, column: usize, value: ValueRef<'_>) -> Result<()>;

    /// Sets several columns, which ascend, from a row of the table, so that values which are made of several can be made anew.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conversion`] if they make no value.
    fn assign_many(&mut self, mapper: &Mapper, columns: &[usize], row: &dyn Row) -> Result<()> {
        for &column in columns {
            let value = row.value(column, mapper.types()[column])?;
            self.assign(mapper, column, value)?;
        }
        Ok(())
    }

    /// The field of a deferred column: a [`Deferred`] of its type. `None` for every other column.
    fn deferred(&self, column: usize) -> Option<&dyn Any> {
        let _ = column;
        None
    }

    /// Forgets the value of a column that is deferred or that the database counts; does nothing to every other one.
    fn unload(&mut self, column: usize) {
        let _ = column;
    }

    /// Checks the value of a column by its validation function.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Validation`], naming the rule that refused.
    fn validate(&self, mapper: &Mapper, column: usize) -> Result<()> {
        let _ = (mapper, column);
        Ok(())
    }

    /// Moves what was put into relationship fields out of them.
    fn take_pending_relations(&mut self, pending_relations: &mut PendingRelations<Self>) {
        let _ = pending_relations;
    }
}

/// A type with a mapping that is known at compile time. Made by `#[derive(Entity)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an entity",
    note = "add `#[derive(Entity, Clone, Debug)]` and `#[orm(table = \"…\")]` to it"
)]
pub trait Entity: Mapped {
    /// The mapping, made at its first use.
    fn mapper() -> &'static Arc<Mapper>;

    /// A query for all its objects, to be narrowed.
    fn query() -> Query<Self> {
        Query::new(Self::mapper())
    }

    /// The table, as plain data.
    fn table() -> &'static Arc<Table> {
        Self::mapper().table()
    }
}

/// Has the compiler refuse to write rows of an entity that is only read.
pub(crate) const fn refuse_read_only<E: Mapped>() {
    assert!(
        !E::IS_READ_ONLY,
        "this entity is only read: it is a `view`, or `read_only`"
    );
}

/// Has the compiler refuse to make objects of the rows of an entity without a key.
pub(crate) const fn refuse_keyless<E: Mapped>() {
    assert!(
        E::HAS_KEY,
        "the rows of this entity have no key, so that they are no objects of a session: read them by `rows` or `for_each`"
    );
}

/// A primary key's value.
pub trait Key: Clone + Eq + Hash + Ord + Debug + Send + Sync + 'static {
    /// Adds one parameter for each key column.
    fn params<'a>(&'a self, out: &mut Vec<Param<'a>>);

    /// Lends `work` one parameter for each key column. A key of one column needs no list for that.
    fn with_params<R>(&self, work: impl FnOnce(&[Param<'_>]) -> R) -> R {
        let mut params = Vec::new();
        self.params(&mut params);
        work(&params)
    }

    /// The key from one value for each key column.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conversion`] if a value is NULL, of another type, or there are too many or too few.
    fn from_values(values: &[ValueRef<'_>]) -> Result<Self>;

    /// The number that the key is, if it is one that is not negative: such keys index a list where others must be hashed.
    #[inline]
    fn position(&self) -> Option<usize> {
        None
    }
}

impl<T: ColumnValue + Eq + Hash + Ord + Debug> Key for T {
    #[inline]
    fn position(&self) -> Option<usize> {
        match self.to_param() {
            Param::Ref(ValueRef::I64(key)) => usize::try_from(key).ok(),
            Param::Ref(ValueRef::I32(key)) => usize::try_from(key).ok(),
            Param::Ref(ValueRef::I16(key)) => usize::try_from(key).ok(),
            _ => None,
        }
    }

    fn params<'a>(&'a self, out: &mut Vec<Param<'a>>) {
        out.push(self.to_param());
    }

    #[inline]
    fn with_params<R>(&self, work: impl FnOnce(&[Param<'_>]) -> R) -> R {
        work(&[self.to_param()])
    }

    fn from_values(values: &[ValueRef<'_>]) -> Result<Self> {
        match values {
            [value] => T::from_value(*value),
            _ => Err(wrong_width(values.len(), 1)),
        }
    }
}

#[cold]
fn wrong_width(found: usize, wanted: usize) -> Error {
    Error::new(
        ErrorKind::Conversion,
        format!("{found} values for a key of {wanted} columns"),
    )
}

macro_rules! tuple_keys {
    ($($count:literal: $($name:ident $index:tt),*;)*) => {$(
        impl<$($name: ColumnValue + Eq + Hash + Ord + Debug),*> Key for ($($name,)*) {
            fn params<'a>(&'a self, out: &mut Vec<Param<'a>>) {
                $(out.push(self.$index.to_param());)*
            }

            fn from_values(values: &[ValueRef<'_>]) -> Result<Self> {
                if values.len() != $count {
                    return Err(wrong_width(values.len(), $count));
                }
                Ok(($($name::from_value(values[$index])?,)*))
            }
        }
    )*};
}
tuple_keys!(
    2: A 0, B 1;
    3: A 0, B 1, C 2;
    4: A 0, B 1, C 2, D 3;
);

/// The mapping of one type to one table: plain data, made once, shared by every session.
pub struct Mapper {
    id: u64,
    name: String,
    table: Arc<Table>,
    types: Vec<ValueType>,
    /// The columns that are read along with a row: all but the deferred ones.
    eager: Vec<usize>,
    deferred: Vec<usize>,
    version: Option<usize>,
    is_read_only: bool,
    guard: Vec<usize>,
    computed: Vec<usize>,
    validated: Vec<usize>,
    /// The columns that belong to values which are made whole.
    together: Vec<Range<usize>>,
    relations: Vec<RelationDescriptor>,
    resolved: OnceLock<Result<Vec<Arc<ResolvedRelation>>, MappingError>>,
    /// Where it lies, if its rows are records: they share it.
    place: Weak<Mapper>,
}

/// A mapping error, kept so that every use can report it: an [`Error`] cannot be cloned.
struct MappingError(String);

impl Mapper {
    /// A mapping of `name` (for messages) to `table`.
    pub fn new(name: impl Into<String>, table: Table) -> Self {
        let types: Vec<ValueType> = table
            .columns
            .iter()
            .map(|column| column.ty.value_type())
            .collect();
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Self {
            id,
            guard: table.primary_key.clone(),
            computed: table.computed().collect(),
            name: name.into(),
            table: Arc::new(table),
            eager: (0..types.len()).collect(),
            deferred: Vec::new(),
            types,
            version: None,
            is_read_only: false,
            validated: Vec::new(),
            together: Vec::new(),
            relations: Vec::new(),
            resolved: OnceLock::new(),
            place: Weak::new(),
        }
    }

    /// Adds a relation; relations are numbered in the order they are added.
    #[must_use]
    pub fn relation(mut self, relation: RelationDescriptor) -> Self {
        self.relations.push(relation);
        self
    }

    /// Makes an integer column the row's version: 1 in a new row, one more with each UPDATE, and checked by each UPDATE and DELETE, so
    /// that a row that somebody else wrote meanwhile is [`ErrorKind::StaleData`].
    #[must_use]
    pub fn version(mut self, column: usize) -> Self {
        self.version = Some(column);
        self.guard = self
            .table
            .primary_key
            .iter()
            .copied()
            .chain([column])
            .collect();
        self
    }

    /// Has a session refuse to write the rows, as it does those of a view and of a table without a primary key, or with
    /// one that the database computes.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.is_read_only = true;
        self
    }

    /// Whether a session refuses to write the rows.
    pub fn is_read_only(&self) -> bool {
        self.is_read_only || self.table.is_view() || !self.has_key() || self.key_is_computed()
    }

    /// Whether writing another column changes the key, which a session then no longer knows.
    fn key_is_computed(&self) -> bool {
        let is_computed = |column: &Column| matches!(column.generated, Generated::Computed(_));
        self.table.key_columns().any(is_computed)
    }

    /// Whether rows are known by a key.
    pub(crate) fn has_key(&self) -> bool {
        !self.table.primary_key.is_empty()
    }

    /// Refuses to write a row.
    pub(crate) fn refuse_writes(&self) -> Result<()> {
        let reason = match () {
            () if !self.is_read_only() => return Ok(()),
            () if self.table.is_view() => "it maps a view",
            () if !self.has_key() => "its table has no primary key",
            () if self.key_is_computed() => "the database computes its key of other columns",
            () => "it is declared so",
        };
        let message = format!("its rows are only read: {reason}");
        Err(Error::new(ErrorKind::ReadOnly, message).entity(&self.name))
    }

    /// Refuses to make objects of rows that nothing tells apart.
    pub(crate) fn refuse_objects(&self) -> Result<()> {
        match self.has_key() {
            true => Ok(()),
            false => {
                let message = "its rows have no key, so that they are no objects of a session: read them by `rows` or `for_each`";
                Err(Error::new(ErrorKind::Mapping, message).entity(&self.name))
            }
        }
    }

    /// The version column, if the mapping has one.
    pub fn version_column(&self) -> Option<usize> {
        self.version
    }

    /// Leaves columns out of what is read along with a row.
    #[must_use]
    pub(crate) fn defer(mut self, columns: &[usize]) -> Self {
        self.eager.retain(|column| !columns.contains(column));
        self.deferred = columns.to_vec();
        self
    }

    /// The columns that are read with a row, in order: all but the deferred ones.
    pub fn eager(&self) -> &[usize] {
        &self.eager
    }

    /// The columns that are read only on request.
    pub fn deferred(&self) -> &[usize] {
        &self.deferred
    }

    /// The columns that a statement reads, and deferred ones after them.
    pub(crate) fn reading(&self, undefer: &[usize]) -> Cow<'_, [usize]> {
        match undefer {
            [] => Cow::Borrowed(&self.eager),
            undefer => Cow::Owned(self.eager.iter().chain(undefer).copied().collect()),
        }
    }

    /// The columns that the database computes from the others.
    pub(crate) fn computed(&self) -> &[usize] {
        &self.computed
    }

    /// The columns that [`Mapped::validate`] asks about.
    pub(crate) fn needs_validation(&self, column: usize) -> bool {
        self.validated.contains(&column)
    }

    /// Whether a column belongs to a value that is there only with others, so that [`Mapped::assign_many`] sets them together.
    pub(crate) fn is_together(&self, column: usize) -> bool {
        self.together
            .iter()
            .any(|columns| columns.contains(&column))
    }

    /// Makes an error of what a validating function said; the derive's `validate` is made of it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Validation`], naming entity, column and rule, if it refused the value.
    pub fn validated<D: fmt::Display>(
        &self,
        column: usize,
        rule: &str,
        said: Result<(), D>,
    ) -> Result<()> {
        said.map_err(|reason| {
            let message = format!("{reason} (refused by {rule})");
            self.column_error(column, Error::new(ErrorKind::Validation, message))
        })
    }

    /// The columns that pick the row to UPDATE or DELETE: the primary key's, and the version.
    pub(crate) fn guard(&self) -> &[usize] {
        if is_planted(Planted::VersionUnchecked) {
            return &self.table.primary_key;
        }
        &self.guard
    }

    pub(crate) fn located(mut self, place: Weak<Self>) -> Self {
        self.place = place;
        self
    }

    /// Whether its rows are records.
    pub(crate) fn is_of_records(&self) -> bool {
        self.place.strong_count() > 0
    }

    pub(crate) fn upgrade(&self) -> Option<Arc<Self>> {
        self.place.upgrade()
    }

    /// Unique within the process: the key of what is cached for this mapping.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The mapped type's name, for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The table.
    pub fn table(&self) -> &Arc<Table> {
        &self.table
    }

    /// The neutral type of each column.
    pub fn types(&self) -> &[ValueType] {
        &self.types
    }

    /// The relations as they were declared.
    pub fn relations(&self) -> &[RelationDescriptor] {
        &self.relations
    }

    /// The relations with their columns and inverses found; checked at the first use of the mapper.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mapping`], naming both sides of what does not fit.
    pub fn resolved(&self) -> Result<&[Arc<ResolvedRelation>]> {
        let resolved = self.resolved.get_or_init(|| {
            resolve::resolve(self).map_err(|error| MappingError(error.message().to_owned()))
        });
        match resolved {
            Ok(relations) => Ok(relations),
            Err(error) => Err(Error::new(ErrorKind::Mapping, error.0.clone()).entity(&self.name)),
        }
    }

    /// Reads one column of a row, where it stands at `at`; the derive's hydration is made of it.
    ///
    /// # Errors
    ///
    /// A value that does not convert, with entity and column.
    #[inline]
    pub fn read<T: ColumnValue>(&self, row: &dyn Row, at: usize, column: usize) -> Result<T> {
        T::from_row(row, at).map_err(|error| self.column_error(column, error))
    }

    /// Converts a value for a column; the derive's `assign` is made of it.
    ///
    /// # Errors
    ///
    /// A value that does not convert, with entity and column.
    pub fn convert<T: ColumnValue>(&self, column: usize, value: ValueRef<'_>) -> Result<T> {
        T::from_value(value).map_err(|error| self.column_error(column, error))
    }

    /// Sets a field from a value for its column; the derive's `assign` is made of it.
    ///
    /// # Errors
    ///
    /// A value that does not convert, with entity and column.
    pub fn set<T: ColumnValue>(
        &self,
        column: usize,
        value: ValueRef<'_>,
        field: &mut T,
    ) -> Result<()> {
        *field = self.convert(column, value)?;
        Ok(())
    }

    /// Sets a deferred field from a value for its column; the derive's `assign` is made of it.
    ///
    /// # Errors
    ///
    /// A value that does not convert, with entity and column.
    pub fn set_deferred<T: ColumnValue>(
        &self,
        column: usize,
        value: ValueRef<'_>,
        field: &mut Deferred<T>,
    ) -> Result<()> {
        field.set(self.convert(column, value)?);
        Ok(())
    }

    /// The key columns of a row, as values.
    ///
    /// # Errors
    ///
    /// A key column that does not convert.
    pub fn key_values<'r>(
        &self,
        row: &'r dyn Row,
        at: usize,
        out: &mut Vec<ValueRef<'r>>,
    ) -> Result<()> {
        for &column in &self.table.primary_key {
            // Key columns are never deferred.
            let behind = self.deferred.iter().filter(|&&other| other < column);
            let value = row.value(at + column - behind.count(), self.types[column]);
            out.push(value.map_err(|error| self.column_error(column, error))?);
        }
        Ok(())
    }

    /// Names the row by its key in an error about a value of it, where the key can be read.
    #[cold]
    pub(crate) fn row_error<E: Mapped>(&self, row: &dyn Row, at: usize, error: Error) -> Error {
        if error.kind() != ErrorKind::Conversion {
            return error;
        }
        match E::row_key(self, row, at) {
            Ok(Some(key)) => error.key(format!("{key:?}")),
            Ok(None) => error,
            Err(_) => error.key(self.stored_key(row, at)),
        }
    }

    /// The key of a row as it is stored, where it is no key: each column as what it is, as text, or as a question mark.
    fn stored_key(&self, row: &dyn Row, at: usize) -> String {
        let shown = |&column: &usize| {
            let behind = self.deferred.iter().filter(|&&other| other < column);
            let place = at + column - behind.count();
            let read = |ty| row.value(place, ty).ok();
            let value = read(self.types[column]).or_else(|| read(ValueType::Text));
            match value.or_else(|| read(ValueType::Native)) {
                Some(ValueRef::Text(text)) => format!("{text:?}"),
                Some(ValueRef::I16(number)) => number.to_string(),
                Some(ValueRef::I32(number)) => number.to_string(),
                Some(ValueRef::I64(number)) => number.to_string(),
                Some(ValueRef::Date(date)) => date.to_string(),
                Some(ValueRef::Decimal(number)) => number.to_string(),
                Some(other) => format!("{other:?}"),
                None => "?".to_owned(),
            }
        };
        let parts: Vec<String> = self.table.primary_key.iter().map(shown).collect();
        parts.join(", ")
    }

    #[cold]
    pub(crate) fn column_error(&self, column: usize, error: Error) -> Error {
        let error = error.entity(&self.name);
        match self.table.columns.get(column) {
            Some(column) => error.column(&column.name),
            None => error,
        }
    }
}

impl Debug for Mapper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mapper")
            .field("name", &self.name)
            .field("table", &self.table.name)
            .finish_non_exhaustive()
    }
}
