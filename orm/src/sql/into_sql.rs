//! `IntoSql`: what may stand on the right-hand side of a column.

use crate::entity::Entity;
use crate::sql::{Column, Expr, Expression, FromRow, Node, Select};
use crate::value::{Auto, ColumnValue};

/// Something that is compared with, or written to, a column whose base type is `B`, in scope `S`.
///
/// A value of the base type, a reference to one, an `Option` or [`Auto`] of one, `&str` for text, a column or an expression of the
/// same scope, or a query of one value. A type whose base is another type (a newtype) goes through [`verbatim`].
#[diagnostic::on_unimplemented(
    message = "a `{Self}` value cannot be compared with a column of type `{B}`",
    label = "not a `{B}`",
    note = "it takes a `{B}`, an Option or a reference of it, or a column or expression of the same entity and type"
)]
pub trait IntoSql<S, B> {
    /// The value as plain data.
    fn into_sql(self) -> Node;
}

/// A value of a type whose base is another type, see [`verbatim`].
#[derive(Clone, Copy, Debug)]
pub struct Verbatim<V>(V);

/// Lets a value of any column type stand where its base type is wanted: `User::EMAIL.eq(verbatim(email))`.
pub fn verbatim<V: ColumnValue>(value: V) -> Verbatim<V> {
    Verbatim(value)
}

// One rule for every type, by which a literal `18` beside a column of `i64` is an `i64`.
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
