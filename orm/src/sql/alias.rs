//! Several tables in one query: aliases, and conditions across entities.

use std::fmt::{self, Debug};
use std::marker::PhantomData;
use std::sync::Arc;

use crate::entity::Entity;
use crate::sql::{BaseOf, Column, ColumnRef, Expr, Expression, Node, Operator, Source};
use crate::value::ColumnValue;

/// An entity's table under another name, so that it can stand in a query twice. Made by [`alias`].
///
/// Its columns are a scope of their own: `parent.column(Node::ID)` is not a column of `Node`.
pub struct Alias<E> {
    name: Arc<str>,
    marker: PhantomData<fn() -> E>,
}

/// An entity's table under another name.
pub fn alias<E: Entity>(name: &str) -> Alias<E> {
    Alias {
        name: name.into(),
        marker: PhantomData,
    }
}

/// Equality of two columns or expressions of different entities, for a join: `on(Task::USER_ID, User::ID)`.
pub fn on<L: Expression, R: Expression>(left: L, right: R) -> Expr<(L::Scope, R::Scope), bool>
where
    R::Type: ColumnValue<Base = BaseOf<L>>,
{
    Expr::from_node(left.into_node().binary(Operator::Eq, right.into_node()))
}

impl<E> Alias<E> {
    pub(super) fn name(&self) -> &Arc<str> {
        &self.name
    }
}

impl<E: Entity> Alias<E> {
    /// A column of the entity, under the alias.
    pub fn column<T: ColumnValue>(&self, column: Column<E, T>) -> Expr<Self, T> {
        Expr::from_node(Node::Column(ColumnRef {
            alias: Some(Arc::clone(&self.name)),
            ..column.reference()
        }))
    }
}

impl<E: Entity> From<&Alias<E>> for Source {
    fn from(alias: &Alias<E>) -> Self {
        Self::aliased(E::table(), Arc::clone(&alias.name))
    }
}

impl<E> Clone for Alias<E> {
    fn clone(&self) -> Self {
        Self {
            name: Arc::clone(&self.name),
            marker: PhantomData,
        }
    }
}

impl<E> Debug for Alias<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "alias {}", self.name)
    }
}
