//! `IntoSql`: values and expressions that a column can be compared with or set to.

use crate::entity::Entity;
use crate::sql::{Column, Expr, Expression, FromRow, Node, Select};
use crate::value::{Auto, ColumnValue};

/// A value or expression that can be compared with, or assigned to, a column with base type `B` in scope `S`.
///
/// It is a value of the base type, a reference to one, an `Option` or [`Auto`] of one, `&str` for text, a column or expression of the same
/// scope, or a query of one value. For a type with another base type (a newtype), use [`verbatim`].
#[diagnostic::on_unimplemented(
    message = "a value of type `{Self}` cannot be compared with or assigned to a column of type `{B}`",
    label = "not of type `{B}`",
    note = "expected a value of type `{B}`, a reference to one or an Option of one, or a column or expression of the same entity and type"
)]
pub trait IntoSql<S, B> {
    /// Returns the untyped expression tree.
    fn into_sql(self) -> Node;
}

/// A value of a type with another base type, see [`verbatim`].
#[derive(Clone, Copy, Debug)]
pub struct Verbatim<V>(V);

/// Lets a value of any column type be used where its base type is expected: `User::EMAIL.eq(verbatim(email))`.
pub fn verbatim<V: ColumnValue>(value: V) -> Verbatim<V> {
    Verbatim(value)
}

// One impl for all types, so that the literal `18` is inferred as `i64` for an `i64` column.
impl<S, B: ColumnValue> IntoSql<S, B> for B {
    fn into_sql(self) -> Node {
        Node::value(&self)
    }
}

impl<S, B: ColumnValue> IntoSql<S, B> for &B {
    fn into_sql(self) -> Node {
        Node::value(self)
    }
}

impl<S, B: ColumnValue> IntoSql<S, B> for Option<B> {
    fn into_sql(self) -> Node {
        Node::value(&self)
    }
}

impl<S, B: ColumnValue> IntoSql<S, B> for Auto<B> {
    fn into_sql(self) -> Node {
        Node::value(&self)
    }
}

impl<S, V: ColumnValue> IntoSql<S, V::Base> for Verbatim<V> {
    fn into_sql(self) -> Node {
        Node::value(&self.0)
    }
}

impl<S> IntoSql<S, String> for &str {
    fn into_sql(self) -> Node {
        Node::value(&self.to_owned())
    }
}

impl<S> IntoSql<S, String> for &&str {
    fn into_sql(self) -> Node {
        Node::value(&(*self).to_owned())
    }
}

impl<S> IntoSql<S, String> for Option<&str> {
    fn into_sql(self) -> Node {
        Node::value(&self.map(str::to_owned))
    }
}

impl<S> IntoSql<S, Vec<u8>> for &[u8] {
    fn into_sql(self) -> Node {
        Node::value(&self.to_vec())
    }
}

impl<E: Entity, T: ColumnValue> IntoSql<E, T::Base> for Column<E, T> {
    fn into_sql(self) -> Node {
        self.into_node()
    }
}

impl<S, T: ColumnValue> IntoSql<S, T::Base> for Expr<S, T> {
    fn into_sql(self) -> Node {
        self.into_node()
    }
}

impl<S, T: ColumnValue + FromRow> IntoSql<S, T::Base> for Select<T> {
    fn into_sql(self) -> Node {
        Node::Subquery(Box::new(self.into_node()))
    }
}
