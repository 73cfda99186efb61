//! SELECT statements.

use std::marker::PhantomData;

use crate::dialect::Dialect;
use crate::error::Result;
use crate::render::{Rendered, render_select};
use crate::sql::{
    Expression, FromRow, Join, JoinKind, Node, OrderBy, Projection, RowLock, RowStruct, SelectNode,
    Source, also,
};

/// A query with rows of type `R`. Built by [`select()`].
///
/// Its clauses are not restricted to one entity, since it may read several. The tables of all columns must be in [`from`](Self::from) or a
/// join, which is checked when the query is rendered.
pub struct Select<R> {
    node: SelectNode,
    marker: PhantomData<fn() -> R>,
}

/// Selects columns and expressions: one, or a tuple of up to eight.
pub fn select<P: Projection>(projection: P) -> Select<P::Row> {
    let mut node = SelectNode::default();
    projection.nodes(&mut node.columns);
    P::Row::types(&mut node.types);
    Select {
        node,
        marker: PhantomData,
    }
}

impl<R: FromRow> Select<R> {
    /// Sets the table to read: `User::table()`.
    #[must_use]
    pub fn from(mut self, source: impl Into<Source>) -> Self {
        self.node.from = Some(source.into());
        self
    }

    /// Joins a table on a condition.
    #[must_use]
    pub fn join(self, source: impl Into<Source>, on: impl Expression<Type = bool>) -> Self {
        self.add_join(JoinKind::Inner, source.into(), on.into_node())
    }

    /// Joins a table on a condition, keeping rows without a match, with NULLs.
    #[must_use]
    pub fn left_join(self, source: impl Into<Source>, on: impl Expression<Type = bool>) -> Self {
        self.add_join(JoinKind::Left, source.into(), on.into_node())
    }

    /// Keeps the rows for which the condition is true; several are combined by AND.
    #[must_use]
    pub fn filter(mut self, condition: impl Expression<Type = bool>) -> Self {
        also(&mut self.node.filter, condition.into_node());
        self
    }

    /// Groups by this expression; each call adds one.
    #[must_use]
    pub fn group_by(mut self, expression: impl Expression) -> Self {
        self.node.group_by.push(expression.into_node());
        self
    }

    /// Keeps the groups for which the condition is true; several are combined by AND.
    #[must_use]
    pub fn having(mut self, condition: impl Expression<Type = bool>) -> Self {
        also(&mut self.node.having, condition.into_node());
        self
    }

    /// Sorts; each call adds a lower-priority key.
    #[must_use]
    pub fn order_by<S>(mut self, order: OrderBy<S>) -> Self {
        self.node.order.push(order.into_order());
        self
    }

    /// Limits the number of rows.
    #[must_use]
    pub fn limit(mut self, rows: u64) -> Self {
        self.node.limit = Some(rows);
        self
    }

    /// Skips this many rows.
    #[must_use]
    pub fn offset(mut self, rows: u64) -> Self {
        self.node.offset = Some(rows);
        self
    }

    /// Removes duplicate rows.
    #[must_use]
    pub fn distinct(mut self) -> Self {
        self.node.distinct = true;
        self
    }

    /// Locks the rows until the transaction ends, if the database supports row locks: see [`RowLock`].
    #[must_use]
    pub fn lock(mut self, lock: RowLock) -> Self {
        self.node.lock = Some(lock);
        self
    }

    /// Reads each row into a struct with `#[derive(FromRow)]` whose fields have the same types, in the same order.
    pub fn read_as<T: RowStruct<Columns = R>>(self) -> Select<T> {
        Select {
            node: self.node,
            marker: PhantomData,
        }
    }

    pub(crate) fn with_node(mut self, change: impl FnOnce(&mut SelectNode)) -> Self {
        change(&mut self.node);
        self
    }

    pub(super) fn at_most(self, rows: u64) -> Self {
        let limit = self.node.limit.map_or(rows, |limit| limit.min(rows));
        self.limit(limit)
    }

    /// Returns the untyped query.
    pub fn into_node(self) -> SelectNode {
        self.node
    }

    /// Renders the query as text and parameters.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutOfRange`](crate::ErrorKind::OutOfRange) if it has more parameters than the database supports;
    /// [`ErrorKind::InvalidStatement`](crate::ErrorKind::InvalidStatement) if it uses a table that it does not read.
    pub fn render(&self, dialect: &dyn Dialect) -> Result<Rendered> {
        render_select(dialect, &self.node)
    }

    fn add_join(mut self, kind: JoinKind, source: Source, on: Node) -> Self {
        self.node.joins.push(Join { kind, source, on });
        self
    }
}

untyped!(Select<R>, node);
