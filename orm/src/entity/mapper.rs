//! `Mapper`: the mapping of a type to a table.

use std::borrow::Cow;
use std::fmt::{self, Debug};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use super::{Mapped, RelationDescriptor, ResolvedRelation, Rule, resolve};
use crate::backend::Row;
use crate::error::{Error, ErrorKind, Result};
use crate::planted::{Planted, is_planted};
use crate::schema::{Column, Generated, Table};
use crate::value::{ColumnValue, Deferred, Value, ValueRef, ValueType};

/// The mapping of one type to one table: immutable data, created once and shared by all sessions.
pub struct Mapper {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) table: Arc<Table>,
    pub(super) types: Vec<ValueType>,
    /// The columns that are read with every row: all but the deferred ones.
    pub(super) eager: Vec<usize>,
    pub(super) deferred: Vec<usize>,
    pub(super) version: Option<usize>,
    pub(super) is_read_only: bool,
    pub(super) guard: Vec<usize>,
    pub(super) computed: Vec<usize>,
    pub(super) validated: Vec<usize>,
    /// The rules that columns of records are validated with.
    pub(super) rules: Vec<(usize, Rule)>,
    /// The column ranges of embedded values that can only be set as a whole.
    pub(super) together: Vec<Range<usize>>,
    pub(super) relations: Vec<RelationDescriptor>,
    pub(super) resolved: OnceLock<Result<Vec<Arc<ResolvedRelation>>, MappingError>>,
    /// Itself, if its rows are records: each record holds a reference to it.
    pub(super) place: Weak<Mapper>,
}

/// A mapping error, kept so that every use can report it: an [`Error`] cannot be cloned.
pub(super) struct MappingError(String);

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

    /// Fails if the table has no primary key, since its rows could not be identified.
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
