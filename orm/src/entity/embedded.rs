//! Embedded values: groups of columns as one field of an entity.

use std::fmt::Display;

use super::Mapper;
use super::outline::{Assigned, Group, PresentWhen};
use crate::backend::Row;
use crate::error::{Error, ErrorKind, Result};
use crate::value::{ColumnValue, Param, Value, ValueRef, ValueType};

/// A value whose fields are columns of the entity that contains it. Implemented by `#[derive(Embedded)]`.
///
/// ```
/// use selfsame::prelude::*;
///
/// #[derive(Embedded, Clone, Debug)]
/// struct Address {
///     street: String,
///     zip: String,
/// }
///
/// #[derive(Entity, Clone, Debug)]
/// #[orm(table = "customers")]
/// struct Customer {
///     #[orm(primary_key)]
///     id: Auto<i64>,
///     #[orm(flatten)]
///     home: Address,
///     #[orm(flatten, prefix = "billing_")]
///     billing: Option<Address>,
/// }
///
/// let customer = Customer::new(Address::new("Main St", "12345"));
/// assert_eq!((customer.home.zip.as_str(), customer.billing.is_none()), ("12345", true));
/// assert_eq!(Customer::BILLING.street.definition().name, "billing_street");
/// ```
///
/// An enum can be embedded too: a tag column holds the variant, and each variant has its own nullable columns. So can `Option<T>` of an
/// embedded value: all its columns are nullable, and it is `None` if all of them are NULL.
///
/// Columns are numbered from 0 within the value; its [`Place`] says where they are in the table.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an embedded value",
    label = "not an embedded value",
    note = "`#[orm(flatten)]` takes a type with `#[derive(Embedded, Clone, Debug)]`, or an Option of one"
)]
pub trait Embedded: Clone + Send + Sync + Sized + 'static {
    /// The typed columns in an entity `E`; those of an `Option` are nullable.
    type Columns<E, P: Presence>: Copy;

    /// The columns and constraints.
    const GROUP: Group;

    /// The number of columns.
    const WIDTH: usize = Self::GROUP.width();

    /// Builds a value from a row in which its columns begin at `at`.
    ///
    /// # Errors
    ///
    /// A column that does not convert; the error names it.
    fn hydrate(place: Place<'_>, row: &dyn Row, at: usize) -> Result<Self>;

    /// Returns the value of a column.
    fn value(&self, column: usize) -> Param<'_>;

    /// Calls `each` with the value of each column, in order, numbering the columns from `first`.
    fn each_value(&self, first: usize, each: &mut impl FnMut(usize, Param<'_>));

    /// Returns whether the database generates the value of a column.
    fn is_unset(&self, column: usize) -> bool;

    /// Sets a column.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conversion`] if the value is not of the column's type, or if the column belongs to an absent value.
    fn assign(&mut self, place: Place<'_>, column: usize, value: ValueRef<'_>) -> Result<()>;

    /// Sets those of its columns that are among `columns` of the table, in ascending order, from a row of the table.
    ///
    /// # Errors
    ///
    /// As [`assign`](Self::assign).
    fn assign_many(&mut self, place: Place<'_>, columns: &[usize], row: &dyn Row) -> Result<()> {
        for column in place
            .own(columns)
            .take_while(|&column| column < Self::WIDTH)
        {
            self.assign(place, column, place.value(row, column)?)?;
        }
        Ok(())
    }

    /// Checks the value of a column with its validation function.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Validation`], naming the function that rejected the value.
    fn validate(&self, place: Place<'_>, column: usize) -> Result<()> {
        let _ = (place, column);
        Ok(())
    }
}

/// Whether an embedded value is always present, which determines the types of its columns: [`Present`] or [`Optional`].
pub trait Presence: 'static {
    /// The type of a column that is a `T` if the value is present.
    type Of<T>;
}

/// The embedded value is always present.
#[derive(Clone, Copy, Debug)]
pub enum Present {}

/// The embedded value may be absent: all of its columns are nullable.
#[derive(Clone, Copy, Debug)]
pub enum Optional {}

impl Presence for Present {
    type Of<T> = T;
}

impl Presence for Optional {
    type Of<T> = Option<T>;
}

/// The position of an embedded value's columns: the mapping, and the first column.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    mapper: &'a Mapper,
    first: usize,
}

impl Mapper {
    /// Returns the place of an embedded value whose columns begin at `first`.
    #[inline]
    pub fn place(&self, first: usize) -> Place<'_> {
        Place {
            mapper: self,
            first,
        }
    }
}

impl Place<'_> {
    /// Returns the place of an embedded value nested in this one.
    #[inline]
    #[must_use]
    pub fn place(self, first: usize) -> Self {
        self.mapper.place(self.first + first)
    }

    /// Reads a column of the embedded value at position `at` of a row; see [`Mapper::read`].
    ///
    /// # Errors
    ///
    /// A value that does not convert; the error names entity and column.
    #[inline]
    pub fn read<T: ColumnValue>(self, row: &dyn Row, at: usize, column: usize) -> Result<T> {
        T::from_row(row, at).map_err(|error| self.error(column, error))
    }

    /// Sets a field of the embedded value; see [`Mapper::set`].
    ///
    /// # Errors
    ///
    /// A value that does not convert; the error names entity and column.
    pub fn set<T: ColumnValue>(
        self,
        column: usize,
        value: ValueRef<'_>,
        field: &mut T,
    ) -> Result<()> {
        self.mapper.set(self.first + column, value, field)
    }

    /// Converts the result of a validation function into an error; see [`Mapper::validated`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Validation`], naming entity, column and function, if the value was rejected.
    pub fn validated<D: Display>(
        self,
        column: usize,
        rule: &str,
        result: Result<(), D>,
    ) -> Result<()> {
        self.mapper.validated(self.first + column, rule, result)
    }

    /// Filters table columns, in order, to those from this place on, and makes them relative to it.
    pub fn own(self, columns: &[usize]) -> impl Iterator<Item = usize> {
        columns
            .iter()
            .filter_map(move |column| column.checked_sub(self.first))
    }

    /// Returns a column of the embedded value from a row of the table.
    ///
    /// # Errors
    ///
    /// A value that does not convert.
    pub fn value(self, row: &dyn Row, column: usize) -> Result<ValueRef<'_>> {
        row.value(self.first + column, self.ty(column))
    }

    /// Checks that a column of an absent value stays NULL.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conversion`] if the value is not NULL.
    pub fn keep_absent(self, column: usize, value: ValueRef<'_>) -> Result<()> {
        if value.is_null() {
            return Ok(());
        }
        let message = "the column belongs to an embedded value that is absent";
        Err(self.error(column, Error::new(ErrorKind::Conversion, message)))
    }

    /// Checks that the tag of an enum stays the same: it changes only together with the variant's columns.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conversion`] if the value differs from the tag.
    pub fn keep_tag<T: ColumnValue>(self, tag: &T, value: ValueRef<'_>) -> Result<()> {
        let kept = tag.to_param();
        if kept.value().is_some_and(|kept| kept.same(value)) {
            return Ok(());
        }
        let message = "the column holds the variant of an enum: it can change only together with the variant's columns";
        Err(self.error(0, Error::new(ErrorKind::Conversion, message)))
    }

    /// Adds entity and column to an error about a column of the embedded value.
    #[cold]
    #[must_use]
    pub fn error(self, column: usize, error: Error) -> Error {
        self.mapper.column_error(self.first + column, error)
    }

    fn ty(self, column: usize) -> ValueType {
        self.mapper.types()[self.first + column]
    }
}

impl<T: Embedded> Embedded for Option<T> {
    type Columns<E, P: Presence> = T::Columns<E, Optional>;

    const GROUP: Group = Group {
        present: PresentWhen::AnyNotNull,
        assigned: Assigned::Together,
        ..T::GROUP
    };

    fn hydrate(place: Place<'_>, row: &dyn Row, at: usize) -> Result<Self> {
        for column in 0..T::WIDTH {
            let value = row.value(at + column, place.ty(column));
            if !value.map_err(|error| place.error(column, error))?.is_null() {
                return T::hydrate(place, row, at).map(Some);
            }
        }
        Ok(None)
    }

    fn value(&self, column: usize) -> Param<'_> {
        match self {
            Some(value) => value.value(column),
            None => Param::Ref(ValueRef::Null),
        }
    }

    fn each_value(&self, first: usize, each: &mut impl FnMut(usize, Param<'_>)) {
        match self {
            Some(value) => value.each_value(first, each),
            None => (first..first + T::WIDTH)
                .for_each(|column| each(column, Param::Ref(ValueRef::Null))),
        }
    }

    fn is_unset(&self, column: usize) -> bool {
        self.as_ref().is_some_and(|value| value.is_unset(column))
    }

    fn assign(&mut self, place: Place<'_>, column: usize, value: ValueRef<'_>) -> Result<()> {
        match self {
            Some(known) if !value.is_null() => return known.assign(place, column, value),
            None if value.is_null() => return Ok(()),
            _ => {}
        }
        // One column may be enough, such as a foreign key that a relation sets.
        let mut row = Remade::of(self);
        row.0[column] = value.to_owned();
        match Self::hydrate(place, &row, 0) {
            Ok(made) => *self = made,
            Err(_) if self.is_none() => return place.keep_absent(column, value),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn assign_many(&mut self, place: Place<'_>, columns: &[usize], row: &dyn Row) -> Result<()> {
        if let Some(row) = Remade::new(place, self, columns, row)? {
            *self = Self::hydrate(place, &row, 0)?;
        }
        Ok(())
    }

    fn validate(&self, place: Place<'_>, column: usize) -> Result<()> {
        match self {
            Some(value) => value.validate(place, column),
            None => Ok(()),
        }
    }
}

/// The row of an embedded value with some columns changed, from which the value is rebuilt.
#[derive(Debug)]
pub struct Remade(Vec<Value>);

impl Remade {
    /// Takes the columns of `value`, replaced by those of a row of the table that are among `columns`; `None` if none are.
    ///
    /// # Errors
    ///
    /// A column of the row that does not convert.
    pub fn new<T: Embedded>(
        place: Place<'_>,
        value: &T,
        columns: &[usize],
        row: &dyn Row,
    ) -> Result<Option<Self>> {
        let changed = place.own(columns).take_while(|&column| column < T::WIDTH);
        let mut changed = changed.peekable();
        if changed.peek().is_none() {
            return Ok(None);
        }
        let mut made = Self::of(value);
        for column in changed {
            made.0[column] = place.value(row, column)?.to_owned();
        }
        Ok(Some(made))
    }

    fn of<T: Embedded>(value: &T) -> Self {
        let mut values = Vec::with_capacity(T::WIDTH);
        value.each_value(0, &mut |_, value| {
            values.push(value.value().map_or(Value::Null, ValueRef::to_owned));
        });
        Self(values)
    }
}

impl Row for Remade {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn name(&self, _: usize) -> &str {
        ""
    }

    fn value(&self, index: usize, ty: ValueType) -> Result<ValueRef<'_>> {
        match self.0.get(index).map(Value::as_ref) {
            Some(value) if value.value_type().is_none_or(|found| found == ty) => Ok(value),
            _ => Err(Error::new(
                ErrorKind::Conversion,
                format!("column {index} of an embedded value is not a {ty:?}"),
            )),
        }
    }
}
