//! Typed names of columns.

use std::fmt::{self, Debug};
use std::marker::PhantomData;
use std::sync::Arc;

use crate::entity::Entity;
use crate::schema;
use crate::sql::{ColumnRef, Expr, Expression, Node};
use crate::value::ColumnValue;

/// The typed name of a column of `E` that holds a `T`: `User::NAME`. `Copy`; made by the derive.
pub struct Column<E, T> {
    index: u16,
    marker: PhantomData<fn() -> (E, T)>,
}

impl<E, T> Column<E, T> {
    /// Column number `index` of the entity's table.
    pub const fn new(index: u16) -> Self {
        Self {
            index,
            marker: PhantomData,
        }
    }

    /// The column of that number, for numbers that are counted: those of embedded values.
    ///
    /// # Panics
    ///
    /// If a table cannot have so many columns.
    #[doc(hidden)]
    pub const fn at(index: usize) -> Self {
        assert!(index <= u16::MAX as usize, "a table has fewer columns");
        #[expect(clippy::cast_possible_truncation, reason = "it was asserted")]
        Self::new(index as u16)
    }

    /// Its number in the table.
    pub const fn index(self) -> u16 {
        self.index
    }
}

impl<E: Entity, T> Column<E, T> {
    /// The column as plain data.
    pub fn definition(self) -> &'static schema::Column {
        &E::table().columns[usize::from(self.index)]
    }

    /// The column of the entity's table, as an expression names it.
    pub fn reference(self) -> ColumnRef {
        ColumnRef {
            table: Arc::clone(E::table()),
            index: usize::from(self.index),
            alias: None,
        }
    }
}

impl<E: Entity, T: ColumnValue> Expression for Column<E, T> {
    type Scope = E;
    type Type = T;

    fn into_node(self) -> Node {
        Node::Column(self.reference())
    }
}

impl<E: Entity, T: ColumnValue> From<Column<E, T>> for Expr<E, T> {
    fn from(column: Column<E, T>) -> Self {
        Self::from_node(column.into_node())
    }
}

impl<E, T> Clone for Column<E, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E, T> Copy for Column<E, T> {}

impl<E: Entity, T> Debug for Column<E, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", E::mapper().name(), self.definition().name)
    }
}
