//! Mapping Rust types to tables: entities, relations and embedded values.

mod association;
mod embedded;
mod loading;
mod mapper;
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
pub use mapper::Mapper;
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
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

use crate::backend::Row;
use crate::error::{Error, ErrorKind, Result};
use crate::query::Query;
use crate::schema::Table;
use crate::value::{ColumnValue, Param, ValueRef};

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

    /// Builds a value from a row in which this table's columns begin at `at`, in the table's order and without the [`Deferred`](crate::value::Deferred) ones.
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

    /// Returns the field of a deferred column: a [`Deferred`](crate::value::Deferred) of its type. `None` for every other column.
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
