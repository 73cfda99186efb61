//! Projections: the columns and expressions that a query selects, and the types of its rows.

use crate::backend::Row;
use crate::entity::Entity;
use crate::error::Result;
use crate::sql::{Column, Expr, Expression, Node};
use crate::value::{ColumnValue, ValueType};

/// Columns and expressions to select: one, or a tuple of up to eight.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be selected",
    note = "select takes a column or an expression, or a tuple of one to eight"
)]
pub trait Projection {
    /// The type of a row.
    type Row: FromRow;

    /// Adds the expressions to `out`.
    fn nodes(self, out: &mut Vec<Node>);
}

/// A type that rows can be read into: a value, a tuple of up to eight, or a struct with `#[derive(FromRow)]`.
#[diagnostic::on_unimplemented(
    message = "rows cannot be read into `{Self}`",
    label = "not a value, a tuple of values or a struct with `#[derive(FromRow)]`",
    note = "for your own struct, add `#[derive(FromRow)]`",
    note = "for objects of an entity, select their keys and pass these to `Session::get_many`"
)]
pub trait FromRow: Sized {
    /// Adds the types of its columns to `out`.
    fn types(out: &mut Vec<ValueType>);

    /// Reads a value from a row in which its columns begin at `at`.
    ///
    /// # Errors
    ///
    /// A value that does not convert.
    fn from_row(row: &dyn Row, at: usize) -> Result<Self>;
}

/// A struct whose fields are the columns of a row, in order. Implemented by `#[derive(FromRow)]`.
#[diagnostic::on_unimplemented(
    message = "rows cannot be read into `{Self}`",
    note = "add `#[derive(FromRow)]` to it"
)]
pub trait RowStruct: FromRow {
    /// The types of the fields, as a tuple.
    type Columns;
}

impl<T: ColumnValue> FromRow for T {
    fn types(out: &mut Vec<ValueType>) {
        out.push(T::TYPE);
    }

    fn from_row(row: &dyn Row, at: usize) -> Result<Self> {
        row.value(at, T::TYPE)
            .and_then(T::from_value)
            .map_err(|error| error.column(row.name(at)))
    }
}

impl<E: Entity, T: ColumnValue> Projection for Column<E, T> {
    type Row = T;

    fn nodes(self, out: &mut Vec<Node>) {
        out.push(self.into_node());
    }
}

impl<S, T: ColumnValue> Projection for Expr<S, T> {
    type Row = T;

    fn nodes(self, out: &mut Vec<Node>) {
        out.push(self.into_node());
    }
}

macro_rules! tuples {
    ($($($name:ident $index:tt),*;)*) => {$(
        impl<$($name: Expression),*> Projection for ($($name,)*) {
            type Row = ($($name::Type,)*);

            fn nodes(self, out: &mut Vec<Node>) {
                $(out.push(self.$index.into_node());)*
            }
        }

        impl<$($name: ColumnValue),*> FromRow for ($($name,)*) {
            fn types(out: &mut Vec<ValueType>) {
                $(out.push($name::TYPE);)*
            }

            fn from_row(row: &dyn Row, at: usize) -> Result<Self> {
                Ok(($(<$name as FromRow>::from_row(row, at + $index)?,)*))
            }
        }
    )*};
}
tuples!(
    A 0;
    A 0, B 1;
    A 0, B 1, C 2;
    A 0, B 1, C 2, D 3;
    A 0, B 1, C 2, D 3, E 4;
    A 0, B 1, C 2, D 3, E 4, F 5;
    A 0, B 1, C 2, D 3, E 4, F 5, G 6;
    A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7;
);
