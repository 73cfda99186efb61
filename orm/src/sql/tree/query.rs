//! Queries as plain data.

use std::sync::Arc;

use super::{Node, Order, RowLock};
use crate::schema::Table;
use crate::value::ValueType;

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

/// Adds a condition to those that must hold.
pub(crate) fn also(conditions: &mut Option<Node>, condition: Node) {
    *conditions = Some(match conditions.take() {
        Some(others) => others.and(condition),
        None => condition,
    });
}

/// Queries whose rows are put together, as plain data. From left to right, whatever precedence a database has.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CompoundNode {
    /// The first query.
    pub first: SelectNode,
    /// What is done with the others, in turn.
    pub others: Vec<(SetOperator, SelectNode)>,
    /// ORDER BY: positions of columns from 1, and whether descending.
    pub order: Vec<(usize, bool)>,
    /// The most rows.
    pub limit: Option<u64>,
    /// How many rows are left out first.
    pub offset: Option<u64>,
}

/// How the rows of two queries are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SetOperator {
    /// Those of both, equal ones once.
    Union,
    /// Those of both.
    UnionAll,
    /// Those that are in both, equal ones once.
    Intersect,
    /// Those that are in the first and not in the second, equal ones once.
    Except,
}

impl CompoundNode {
    /// What each column is read as.
    pub fn types(&self) -> &[ValueType] {
        &self.first.types
    }
}

/// A common table expression as plain data.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CommonNode {
    /// Its rows, or those that it begins with.
    pub first: SelectNode,
    /// The rows that follow from those it has; a row that is there already is added again.
    pub step: Option<SelectNode>,
}
