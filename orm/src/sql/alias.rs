//! Several tables in one query: aliases and join conditions.

use std::fmt::{self, Debug};
use std::marker::PhantomData;
use std::sync::Arc;

use crate::entity::{Entity, Mapper};
use crate::error::Result;
use crate::record::{Record, Records};
use crate::sql::{BaseOf, Column, ColumnRef, Expr, Expression, Node, Operator, Source};
use crate::value::ColumnValue;

/// A table under another name, so that a query can use it twice. Built by [`alias`], or for records by [`Records::alias`].
///
/// Its columns have their own scope: `parent.column(Node::ID)` is not a column of `Node`.
pub struct Alias<E> {
    mapper: Arc<Mapper>,
    name: Arc<str>,
    marker: PhantomData<fn() -> E>,
}

/// Gives an entity's table another name.
pub fn alias<E: Entity>(name: &str) -> Alias<E> {
    Alias::new(E::mapper(), name)
}

/// Compares columns or expressions of two entities for equality, as the condition of a join: `on(Task::USER_ID, User::ID)`.
pub fn on<L: Expression, R: Expression>(left: L, right: R) -> Expr<(L::Scope, R::Scope), bool>
where
    R::Type: ColumnValue<Base = BaseOf<L>>,
{
    Expr::from_node(left.into_node().binary(Operator::Eq, right.into_node()))
}

impl<E> Alias<E> {
    pub(crate) fn new(mapper: &Arc<Mapper>, name: &str) -> Self {
        Self {
            mapper: Arc::clone(mapper),
            name: name.into(),
            marker: PhantomData,
        }
    }

    pub(crate) fn mapper(&self) -> &Arc<Mapper> {
        &self.mapper
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }
}

impl<E: Entity> Alias<E> {
    /// Returns a column of the aliased table.
    pub fn column<T: ColumnValue>(&self, column: Column<E, T>) -> Expr<Self, T> {
        Expr::from_node(Node::Column(ColumnRef {
            alias: Some(Arc::clone(&self.name)),
            ..column.reference()
        }))
    }
}

impl Alias<Record> {
    /// Returns a column of the aliased table by name, like [`Records::column`].
    ///
    /// # Errors
    ///
    /// As [`Records::column`].
    pub fn column<T: ColumnValue>(&self, name: &str) -> Result<Expr<Record, T>> {
        let column = Records::of(Arc::clone(&self.mapper)).typed::<T>(name)?;
        Ok(Expr::from_node(super::column(
            self.mapper.table(),
            column,
            Some(&self.name),
        )))
    }
}

impl<E> From<&Alias<E>> for Source {
    fn from(alias: &Alias<E>) -> Self {
        Self::aliased(alias.mapper.table(), Arc::clone(&alias.name))
    }
}

impl<E> Clone for Alias<E> {
    fn clone(&self) -> Self {
        Self {
            mapper: Arc::clone(&self.mapper),
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
