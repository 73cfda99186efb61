//! Untyped INSERT, UPDATE and DELETE statements.

use std::sync::Arc;

use super::{ColumnRef, Node, SelectNode};
use crate::schema::Table;
use crate::value::ValueType;

/// An untyped INSERT.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct InsertNode {
    /// The table.
    pub table: Arc<Table>,
    /// The columns; if empty, one row of defaults is inserted.
    pub columns: Vec<ColumnRef>,
    /// The rows.
    pub rows: InsertRows,
    /// ON CONFLICT.
    pub conflict: Option<ConflictNode>,
    /// RETURNING.
    pub returning: Vec<Node>,
    /// The types of the returned columns.
    pub types: Vec<ValueType>,
}

/// The source of an INSERT's rows.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum InsertRows {
    /// VALUES: rows with a value for each column.
    Values(Vec<Vec<Node>>),
    /// A query with a column for each column.
    Query(Box<SelectNode>),
}

/// An untyped UPDATE.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct UpdateNode {
    /// The table.
    pub table: Arc<Table>,
    /// The assignments.
    pub set: Vec<(ColumnRef, Node)>,
    /// WHERE.
    pub filter: Option<Node>,
    /// RETURNING.
    pub returning: Vec<Node>,
    /// The types of the returned columns.
    pub types: Vec<ValueType>,
}

/// An untyped DELETE.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct DeleteNode {
    /// The table.
    pub table: Arc<Table>,
    /// WHERE.
    pub filter: Option<Node>,
    /// RETURNING.
    pub returning: Vec<Node>,
    /// The types of the returned columns.
    pub types: Vec<ValueType>,
}

impl UpdateNode {
    /// Creates an UPDATE without RETURNING.
    pub fn new(table: &Arc<Table>, set: Vec<(ColumnRef, Node)>, filter: Option<Node>) -> Self {
        Self {
            table: Arc::clone(table),
            set,
            filter,
            returning: Vec::new(),
            types: Vec::new(),
        }
    }
}

impl DeleteNode {
    /// Creates a DELETE without RETURNING.
    pub fn new(table: &Arc<Table>, filter: Option<Node>) -> Self {
        Self {
            table: Arc::clone(table),
            filter,
            returning: Vec::new(),
            types: Vec::new(),
        }
    }
}

/// An untyped ON CONFLICT clause.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ConflictNode {
    /// The columns of the constraint; empty for any constraint.
    pub target: Vec<ColumnRef>,
    /// The condition of the partial unique index over these columns.
    pub target_filter: Option<Node>,
    /// DO UPDATE: the assignments to the existing row; `None` is DO NOTHING.
    pub update: Option<Vec<(ColumnRef, Node)>>,
    /// The WHERE of DO UPDATE.
    pub filter: Option<Node>,
}
