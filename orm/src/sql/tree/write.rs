//! INSERT, UPDATE and DELETE as plain data.

use std::sync::Arc;

use super::{ColumnRef, Node, SelectNode};
use crate::schema::Table;
use crate::value::ValueType;

/// An INSERT as plain data.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct InsertNode {
    /// The table.
    pub table: Arc<Table>,
    /// The columns that are given; without any, one row of defaults is written.
    pub columns: Vec<ColumnRef>,
    /// Where the rows come from.
    pub rows: InsertRows,
    /// What becomes of a row that is in the way of a constraint.
    pub conflict: Option<ConflictNode>,
    /// RETURNING.
    pub returning: Vec<Node>,
    /// What each returned column is read as.
    pub types: Vec<ValueType>,
}

/// Where the rows of an INSERT come from.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum InsertRows {
    /// From the program, a value for each column.
    Values(Vec<Vec<Node>>),
    /// From a query, a column for each.
    Query(Box<SelectNode>),
}

/// An UPDATE as plain data.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct UpdateNode {
    /// The table.
    pub table: Arc<Table>,
    /// What is set to what.
    pub set: Vec<(ColumnRef, Node)>,
    /// WHERE.
    pub filter: Option<Node>,
    /// RETURNING.
    pub returning: Vec<Node>,
    /// What each returned column is read as.
    pub types: Vec<ValueType>,
}

/// A DELETE as plain data.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct DeleteNode {
    /// The table.
    pub table: Arc<Table>,
    /// WHERE.
    pub filter: Option<Node>,
    /// RETURNING.
    pub returning: Vec<Node>,
    /// What each returned column is read as.
    pub types: Vec<ValueType>,
}

impl UpdateNode {
    /// An UPDATE that returns nothing.
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
    /// A DELETE that returns nothing.
    pub fn new(table: &Arc<Table>, filter: Option<Node>) -> Self {
        Self {
            table: Arc::clone(table),
            filter,
            returning: Vec::new(),
            types: Vec::new(),
        }
    }
}

/// What becomes of a row that is in the way of a constraint, as plain data.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ConflictNode {
    /// The columns of the constraint; none for any constraint.
    pub target: Vec<ColumnRef>,
    /// What the row that is there is changed to; `None` leaves it as it is.
    pub update: Option<Vec<(ColumnRef, Node)>>,
    /// Which rows that are there are changed.
    pub filter: Option<Node>,
}
