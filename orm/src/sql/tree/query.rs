//! Untyped queries.

use std::sync::Arc;

use super::{Node, Order, RowLock};
use crate::schema::Table;
use crate::value::ValueType;

/// An untyped SELECT.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct SelectNode {
    /// The selected expressions.
    pub columns: Vec<Node>,
    /// Their types.
    pub types: Vec<ValueType>,
    /// Whether duplicate rows are removed.
    pub distinct: bool,
    /// The table that it reads.
    pub from: Option<Source>,
    /// The joined tables.
    pub joins: Vec<Join>,
    /// WHERE.
    pub filter: Option<Node>,
    /// GROUP BY.
    pub group_by: Vec<Node>,
    /// HAVING.
    pub having: Option<Node>,
    /// ORDER BY.
    pub order: Vec<Order>,
    /// LIMIT.
    pub limit: Option<u64>,
    /// OFFSET.
    pub offset: Option<u64>,
    /// The lock on the rows.
    pub lock: Option<RowLock>,
}

/// A table in a query, under its own name or an alias.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Source {
    /// The table; for a subquery or common table expression, its name and columns.
    pub table: Arc<Table>,
    /// The alias, if any.
    pub alias: Option<Arc<str>>,
    /// The subquery that is used as the table.
    pub query: Option<Box<SelectNode>>,
    /// The common table expression that is used as the table.
    pub common: Option<Arc<CommonNode>>,
}

/// A joined table.
#[derive(Clone, Debug, PartialEq)]
pub struct Join {
    /// The kind of join.
    pub kind: JoinKind,
    /// The table.
    pub source: Source,
    /// ON.
    pub on: Node,
}

/// The kind of a join.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JoinKind {
    /// Keeps only rows with a match.
    Inner,
    /// Also keeps rows of the left side without a match.
    Left,
}

impl Source {
    /// Gives a table an alias; required if a query uses it twice.
    pub fn aliased(table: &Arc<Table>, alias: impl Into<Arc<str>>) -> Self {
        Self {
            table: Arc::clone(table),
            alias: Some(alias.into()),
            query: None,
            common: None,
        }
    }

    /// A subquery as a table.
    pub(crate) fn query(query: SelectNode, name: &str) -> Self {
        Self {
            query: Some(Box::new(query)),
            ..Self::from(Table::build(name))
        }
    }

    /// Returns the name that qualifies its columns.
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

/// Adds a condition with AND.
pub(crate) fn also(conditions: &mut Option<Node>, condition: Node) {
    *conditions = Some(match conditions.take() {
        Some(others) => others.and(condition),
        None => condition,
    });
}

/// Untyped queries combined by set operators, evaluated from left to right, regardless of the database's precedence.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CompoundNode {
    /// The first query.
    pub first: SelectNode,
    /// The other queries with their operators, in order.
    pub others: Vec<(SetOperator, SelectNode)>,
    /// ORDER BY: column positions, from 1, and whether descending.
    pub order: Vec<(usize, bool)>,
    /// LIMIT.
    pub limit: Option<u64>,
    /// OFFSET.
    pub offset: Option<u64>,
}

/// A set operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SetOperator {
    /// The rows of both, without duplicates.
    Union,
    /// The rows of both, with duplicates.
    UnionAll,
    /// The rows that are in both, without duplicates.
    Intersect,
    /// The rows of the first that are not in the second, without duplicates.
    Except,
}

impl CompoundNode {
    /// Returns the types of the columns.
    pub fn types(&self) -> &[ValueType] {
        &self.first.types
    }
}

/// An untyped common table expression.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CommonNode {
    /// The query, or the initial query of a recursive one.
    pub first: SelectNode,
    /// The recursive query, combined by UNION ALL: duplicates are kept.
    pub step: Option<SelectNode>,
}
