//! SELECT without a session.

use std::fmt::{self, Debug};
use std::marker::PhantomData;
use std::sync::Arc;

use crate::dialect::Dialect;
use crate::error::Result;
use crate::render::{Rendered, render_select};
use crate::schema::Table;
use crate::sql::{
    CommonNode, Expression, FromRow, Node, Order, OrderBy, Projection, RowLock, RowStruct,
};
use crate::value::ValueType;

/// A query whose rows are read as `R`. Made by [`select()`].
///
/// Its parts are not held to one entity, as it may read several: what a part names must be in [`from`](Self::from) or a join, which
/// the database checks.
pub struct Select<R> {
    node: SelectNode,
    marker: PhantomData<fn() -> R>,
}

/// A query as plain data.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct SelectNode {
    /// What is read.
    pub columns: Vec<Node>,
    /// What each is read as.
    pub types: Vec<ValueType>,
    /// Whether equal rows are one.
    pub distinct: bool,
    /// The table that it reads.
    pub from: Option<Source>,
    /// The tables that are joined to it.
    pub joins: Vec<Join>,
    /// WHERE.
    pub filter: Option<Node>,
    /// GROUP BY.
    pub group_by: Vec<Node>,
    /// HAVING.
    pub having: Option<Node>,
    /// ORDER BY.
    pub order: Vec<Order>,
    /// The most rows.
    pub limit: Option<u64>,
    /// How many rows are left out first.
    pub offset: Option<u64>,
    /// What happens to the rows that are read.
    pub lock: Option<RowLock>,
}

/// A table in a query, under its own name or an alias.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Source {
    /// The table; of a query that stands for one, its name and columns.
    pub table: Arc<Table>,
    /// Its name in the query, if another than its own.
    pub alias: Option<Arc<str>>,
    /// The query that stands for the table, written where it is read.
    pub query: Option<Box<SelectNode>>,
    /// The query that stands for the table, written in front under the table's name.
    pub common: Option<Arc<CommonNode>>,
}

/// A table joined to those before it.
#[derive(Clone, Debug, PartialEq)]
pub struct Join {
    /// Which rows are kept.
    pub kind: JoinKind,
    /// The table.
    pub source: Source,
    /// ON.
    pub on: Node,
}

/// Which rows a join keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JoinKind {
    /// Those that have a match.
    Inner,
    /// Those on the left side without a match, too.
    Left,
}

/// A query of these columns and expressions: one, or a tuple of up to eight.
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

    /// Adds a table whose rows match those before by a condition.
    #[must_use]
    pub fn join(self, source: impl Into<Source>, on: impl Expression<Type = bool>) -> Self {
        self.add_join(JoinKind::Inner, source.into(), on.into_node())
    }

    /// Adds a table whose rows match those before by a condition; rows without a match are kept, with NULLs.
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

    /// Locks the rows that are read until the transaction ends, where the database locks rows: see [`RowLock`].
    #[must_use]
    pub fn lock(mut self, lock: RowLock) -> Self {
        self.node.lock = Some(lock);
        self
    }

    /// Reads each row into a struct with `#[derive(FromRow)]` whose fields are of these types, in this order.
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

    /// The query as plain data.
    pub fn into_node(self) -> SelectNode {
        self.node
    }

    /// The query as text and parameters.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutOfRange`](crate::ErrorKind::OutOfRange) if it has more parameters than the database takes.
    pub fn render(&self, dialect: &dyn Dialect) -> Result<Rendered> {
        render_select(dialect, &self.node)
    }

    fn add_join(mut self, kind: JoinKind, source: Source, on: Node) -> Self {
        self.node.joins.push(Join { kind, source, on });
        self
    }
}

impl SelectNode {
    /// The tables that it reads.
    pub(crate) fn sources(&self) -> impl Iterator<Item = &Source> {
        self.from
            .iter()
            .chain(self.joins.iter().map(|join| &join.source))
    }
}

impl Source {
    /// A table under another name: needed where it stands twice in a query.
    pub fn aliased(table: &Arc<Table>, alias: impl Into<Arc<str>>) -> Self {
        Self {
            table: Arc::clone(table),
            alias: Some(alias.into()),
            query: None,
            common: None,
        }
    }

    /// A query in the place of a table.
    pub(crate) fn query(query: SelectNode, name: &str) -> Self {
        Self {
            query: Some(Box::new(query)),
            ..Self::from(Table::build(name))
        }
    }

    /// What its columns are named by.
    pub fn name(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.table.name)
    }
}

impl From<&Arc<Table>> for Source {
    fn from(table: &Arc<Table>) -> Self {
        Self {
            table: Arc::clone(table),
            alias: None,
            query: None,
            common: None,
        }
    }
}

impl From<Table> for Source {
    fn from(table: Table) -> Self {
        Self {
            table: Arc::new(table),
            alias: None,
            query: None,
            common: None,
        }
    }
}

impl<R> Clone for Select<R> {
    fn clone(&self) -> Self {
        Self {
            node: self.node.clone(),
            marker: PhantomData,
        }
    }
}

impl<R> Debug for Select<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.node.fmt(f)
    }
}

/// Adds a condition to those that must hold.
pub(crate) fn also(conditions: &mut Option<Node>, condition: Node) {
    *conditions = Some(match conditions.take() {
        Some(others) => others.and(condition),
        None => condition,
    });
}
