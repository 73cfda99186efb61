//! Mapping Rust types to tables: entities, relations and embedded values.

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
mod rule;

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
pub(crate) use rule::Rule;

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
use crate::value::{ColumnValue, Deferred, Param, Value, ValueRef, ValueType};

/// A type whose values are rows of one table: an [`Entity`], or a [`Record`](crate::record::Record).
///
/// `#[derive(Entity)]` implements it. Columns are numbered as in [`Mapper::table`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an entity",
    note = "add `#[derive(Entity, Clone, Debug)]` and `#[orm(table = \"…\")]` to it"
)]
pub trait Mapped: Clone + Send + Sync + Sized + 'static {
    /// The type of the primary key; a tuple if the key has several columns.
    type Key: Key;

    /// Whether rows are read-only, so that writing them is a compile error.
    const IS_READ_ONLY: bool = false;

    /// Whether rows have a primary key, so that they can be objects of a session.
    const HAS_KEY: bool = true;

    /// Returns the mapping of this value: that of its type, or that of a record's table.
    fn mapping(&self) -> &Arc<Mapper>;

    /// Builds a value from a row in which this table's columns begin at `at`, in the table's order and without the [`Deferred`] ones.
    ///
    /// # Errors
    ///
    /// A column that does not convert; the error names it.
    fn hydrate(mapper: &Mapper, row: &dyn Row, at: usize) -> Result<Self>;

    /// Reads the key from such a row; `None` if it is NULL, as in an outer join without a match.
    ///
    /// # Errors
    ///
    /// A key column that does not convert; the error names it.
    fn row_key(mapper: &Mapper, row: &dyn Row, at: usize) -> Result<Option<Self::Key>>;

    /// Returns the key; `None` if the database has not generated it yet.
    fn key(&self, mapper: &Mapper) -> Option<Self::Key>;

    /// Returns the value of a column; [`Param::ABSENT`] for a deferred one that is not loaded.
    fn value(&self, mapper: &Mapper, column: usize) -> Param<'_>;

    /// Calls `each` with the value of each column, in order.
    fn each_value(&self, mapper: &Mapper, mut each: impl FnMut(usize, Param<'_>)) {
        for column in 0..mapper.types().len() {
            each(column, self.value(mapper, column));
        }
    }

    /// Returns whether the database generates the value of a column, or the column is deferred and not loaded.
    fn is_unset(&self, mapper: &Mapper, column: usize) -> bool;

    /// Returns whether merging this value writes a column.
    fn is_given(&self, mapper: &Mapper, column: usize) -> bool {
        !self.is_unset(mapper, column)
    }

    /// Sets a column.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conversion`] if the value is not of the column's type.
    fn assign(&mut self, mapper: &Mapper, column: usize, value: ValueRef<'_>) -> Result<()>;

    /// Sets several columns, in ascending order, from a row of the table, so that values of several columns can be rebuilt.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conversion`] if they do not form a valid value.
    fn assign_many(&mut self, mapper: &Mapper, columns: &[usize], row: &dyn Row) -> Result<()> {
        for &column in columns {
            let value = row.value(column, mapper.types()[column])?;
            self.assign(mapper, column, value)?;
        }
        Ok(())
    }

    /// Returns the field of a deferred column: a [`Deferred`] of its type. `None` for every other column.
    fn deferred(&self, column: usize) -> Option<&dyn Any> {
        let _ = column;
        None
    }

    /// Resets a deferred or generated column to unloaded or unset; does nothing to other columns.
    fn unload(&mut self, column: usize) {
        let _ = column;
    }

    /// Checks the value of a column with its validation function.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Validation`], naming the function that rejected the value.
    fn validate(&self, mapper: &Mapper, column: usize) -> Result<()> {
        let _ = (mapper, column);
        Ok(())
    }

    /// Moves pending objects out of the relationship fields.
    fn take_pending_relations(&mut self, pending_relations: &mut PendingRelations<Self>) {
        let _ = pending_relations;
    }
}

/// A type whose mapping is known at compile time. Implemented by `#[derive(Entity)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an entity",
    note = "add `#[derive(Entity, Clone, Debug)]` and `#[orm(table = \"…\")]` to it"
)]
pub trait Entity: Mapped {
    /// Returns the mapping, created on first use.
    fn mapper() -> &'static Arc<Mapper>;

    /// Starts a query for objects of this type.
    fn query() -> Query<Self> {
        Query::new(Self::mapper())
    }

    /// Returns the table definition.
    fn table() -> &'static Arc<Table> {
        Self::mapper().table()
    }
}

/// Makes writing rows of a read-only entity a compile error.
pub(crate) const fn refuse_read_only<E: Mapped>() {
    assert!(
        !E::IS_READ_ONLY,
        "this entity is read-only: it is declared as `view` or `read_only`"
    );
}

/// Makes loading objects of an entity without a primary key a compile error.
pub(crate) const fn refuse_keyless<E: Mapped>() {
    assert!(
        E::HAS_KEY,
        "this entity has no primary key, so its rows cannot be objects of a session: read them with `rows` or `for_each`"
    );
}

/// A primary key's value.
pub trait Key: Clone + Eq + Hash + Ord + Debug + Send + Sync + 'static {
    /// Adds one parameter for each key column.
    fn params<'a>(&'a self, out: &mut Vec<Param<'a>>);

    /// Calls `work` with one parameter for each key column. A key of one column needs no allocation.
    fn with_params<R>(&self, work: impl FnOnce(&[Param<'_>]) -> R) -> R {
        let mut params = Vec::new();
        self.params(&mut params);
        work(&params)
    }

    /// Builds the key from one value for each key column.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conversion`] if a value is NULL or of another type, or if there are too many or too few.
    fn from_values(values: &[ValueRef<'_>]) -> Result<Self>;

    /// Returns the key as an index, if it is a single non-negative integer: such keys index a list, others are hashed.
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

/// The mapping of one type to one table: immutable data, created once and shared by all sessions.
pub struct Mapper {
    id: u64,
    name: String,
    table: Arc<Table>,
    types: Vec<ValueType>,
    /// The columns that are read with every row: all but the deferred ones.
    eager: Vec<usize>,
    deferred: Vec<usize>,
    version: Option<usize>,
    is_read_only: bool,
    guard: Vec<usize>,
    computed: Vec<usize>,
    validated: Vec<usize>,
    /// The rules that columns of records are validated with.
    rules: Vec<(usize, Rule)>,
    /// The column ranges of embedded values that can only be set as a whole.
    together: Vec<Range<usize>>,
    relations: Vec<RelationDescriptor>,
    resolved: OnceLock<Result<Vec<Arc<ResolvedRelation>>, MappingError>>,
    /// Itself, if its rows are records: each record holds a reference to it.
    place: Weak<Mapper>,
}

/// A mapping error, kept so that every use can report it: an [`Error`] cannot be cloned.
struct MappingError(String);

impl Mapper {
    /// Creates a mapping of `name` (for messages) to `table`.
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
            rules: Vec::new(),
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

    /// Makes an integer column the row's version: 1 in a new row, incremented by each UPDATE, and checked by each UPDATE and DELETE, so
    /// that a row changed concurrently is [`ErrorKind::StaleData`].
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

    /// Makes sessions refuse to write the rows, as they do for views and for tables whose primary key is missing or computed by the
    /// database.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.is_read_only = true;
        self
    }

    /// Returns whether sessions refuse to write the rows.
    pub fn is_read_only(&self) -> bool {
        self.is_read_only || self.table.is_view() || !self.has_key() || self.key_is_computed()
    }

    /// Whether the database computes the key, so that writing another column could change it unnoticed.
    fn key_is_computed(&self) -> bool {
        let is_computed = |column: &Column| matches!(column.generated, Generated::Computed(_));
        self.table.key_columns().any(is_computed)
    }

    /// Whether the table has a primary key.
    pub(crate) fn has_key(&self) -> bool {
        !self.table.primary_key.is_empty()
    }

    /// Fails if the mapping is read-only.
    pub(crate) fn refuse_writes(&self) -> Result<()> {
        let reason = match () {
            () if !self.is_read_only() => return Ok(()),
            () if self.table.is_view() => "it maps a view",
            () if !self.has_key() => "its table has no primary key",
            () if self.key_is_computed() => "the database computes its key from other columns",
            () => "it is declared read-only",
        };
        let message = format!("its rows are read-only: {reason}");
        Err(Error::new(ErrorKind::ReadOnly, message).entity(&self.name))
    }

    /// Fails if the table has no primary key, since its rows could not be told apart.
    pub(crate) fn refuse_objects(&self) -> Result<()> {
        match self.has_key() {
            true => Ok(()),
            false => {
                let message = "it has no primary key, so its rows cannot be objects of a session: read them with `rows` or `for_each`";
                Err(Error::new(ErrorKind::Mapping, message).entity(&self.name))
            }
        }
    }

    /// Returns the version column, if the mapping has one.
    pub fn version_column(&self) -> Option<usize> {
        self.version
    }

    /// Makes columns deferred: they are not read with the row.
    #[must_use]
    pub(crate) fn defer(mut self, columns: &[usize]) -> Self {
        self.eager.retain(|column| !columns.contains(column));
        self.deferred = columns.to_vec();
        self
    }

    /// Returns the columns that are read with every row, in order: all but the deferred ones.
    pub fn eager(&self) -> &[usize] {
        &self.eager
    }

    /// Returns the columns that are read only on request.
    pub fn deferred(&self) -> &[usize] {
        &self.deferred
    }

    /// The columns that a statement reads: the eager ones, then the given deferred ones.
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

    /// Whether [`Mapped::validate`] checks a column.
    pub(crate) fn needs_validation(&self, column: usize) -> bool {
        self.validated.contains(&column)
    }

    /// Whether a column belongs to an embedded value that [`Mapped::assign_many`] must set as a whole.
    pub(crate) fn is_together(&self, column: usize) -> bool {
        self.together
            .iter()
            .any(|columns| columns.contains(&column))
    }

    /// Adds a rule for a column of records.
    #[must_use]
    pub(crate) fn rule(mut self, column: usize, rule: Rule) -> Self {
        self.validated.push(column);
        self.rules.push((column, rule));
        self
    }

    /// Checks a value of a record with the rules for its column.
    pub(crate) fn check_rules(&self, column: usize, value: &Value) -> Result<()> {
        let mut rules = self.rules.iter().filter(|(of, _)| *of == column);
        rules.try_for_each(|(_, rule)| self.validated(column, &rule.name, (rule.check)(value)))
    }

    /// Converts the result of a validation function into an error; called by the derived `validate`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Validation`], naming entity, column and function, if the value was rejected.
    pub fn validated<D: fmt::Display>(
        &self,
        column: usize,
        rule: &str,
        result: Result<(), D>,
    ) -> Result<()> {
        result.map_err(|reason| {
            let message = format!("{reason} (rejected by {rule})");
            self.column_error(column, Error::new(ErrorKind::Validation, message))
        })
    }

    /// The columns in the WHERE of an UPDATE or DELETE: the primary key and the version.
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

    /// Returns the id, unique within the process: the key for caches.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Returns the mapped type's name, for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the table.
    pub fn table(&self) -> &Arc<Table> {
        &self.table
    }

    /// Returns the neutral type of each column.
    pub fn types(&self) -> &[ValueType] {
        &self.types
    }

    /// Returns the relations as declared.
    pub fn relations(&self) -> &[RelationDescriptor] {
        &self.relations
    }

    /// Returns the relations with their columns and inverses resolved; resolved and checked on first use.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mapping`], naming both sides of an inconsistent relation.
    pub fn resolved(&self) -> Result<&[Arc<ResolvedRelation>]> {
        let resolved = self.resolved.get_or_init(|| {
            resolve::resolve(self).map_err(|error| MappingError(error.message().to_owned()))
        });
        match resolved {
            Ok(relations) => Ok(relations),
            Err(error) => Err(Error::new(ErrorKind::Mapping, error.0.clone()).entity(&self.name)),
        }
    }

    /// Reads a column at position `at` of a row; called by the derived hydration.
    ///
    /// # Errors
    ///
    /// A value that does not convert; the error names entity and column.
    #[inline]
    pub fn read<T: ColumnValue>(&self, row: &dyn Row, at: usize, column: usize) -> Result<T> {
        T::from_row(row, at).map_err(|error| self.column_error(column, error))
    }

    /// Converts a value to a column's type; called by the derived `assign`.
    ///
    /// # Errors
    ///
    /// A value that does not convert; the error names entity and column.
    pub fn convert<T: ColumnValue>(&self, column: usize, value: ValueRef<'_>) -> Result<T> {
        T::from_value(value).map_err(|error| self.column_error(column, error))
    }

    /// Sets a field from the value of its column; called by the derived `assign`.
    ///
    /// # Errors
    ///
    /// A value that does not convert; the error names entity and column.
    pub fn set<T: ColumnValue>(
        &self,
        column: usize,
        value: ValueRef<'_>,
        field: &mut T,
    ) -> Result<()> {
        *field = self.convert(column, value)?;
        Ok(())
    }

    /// Sets a deferred field from the value of its column; called by the derived `assign`.
    ///
    /// # Errors
    ///
    /// A value that does not convert; the error names entity and column.
    pub fn set_deferred<T: ColumnValue>(
        &self,
        column: usize,
        value: ValueRef<'_>,
        field: &mut Deferred<T>,
    ) -> Result<()> {
        field.set(self.convert(column, value)?);
        Ok(())
    }

    /// Reads the key columns of a row.
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
            let skipped = self.deferred.iter().filter(|&&other| other < column);
            let value = row.value(at + column - skipped.count(), self.types[column]);
            out.push(value.map_err(|error| self.column_error(column, error))?);
        }
        Ok(())
    }

    /// Adds the row's key to a conversion error, if the key can be read.
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

    /// Describes a row's key that does not convert: each column in its own type, as text, in its native type, or as a question mark.
    fn stored_key(&self, row: &dyn Row, at: usize) -> String {
        let shown = |&column: &usize| {
            let skipped = self.deferred.iter().filter(|&&other| other < column);
            let place = at + column - skipped.count();
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
