//! INSERT, UPDATE and DELETE statements.
//!
//! Each is a typed wrapper of an untyped tree: [`InsertNode`], [`UpdateNode`] or [`DeleteNode`].

use std::marker::PhantomData;
use std::sync::Arc;

use crate::dialect::Dialect;
use crate::entity::Entity;
use crate::error::Result;
use crate::render::{Rendered, render_delete, render_insert, render_update};
use crate::schema::Table;
use crate::sql::{
    Column, ColumnRef, ConflictNode, DeleteNode, Expression, FromRow, InsertNode, InsertRows,
    IntoSql, Node, Select, UpdateNode, also,
};
use crate::value::ColumnValue;

/// An INSERT of rows for the columns `C`. Built by [`insert_into`].
pub struct Insert<C = ()> {
    pub(super) node: InsertNode,
    marker: PhantomData<fn() -> C>,
}

/// An UPDATE of the rows that match a condition. Built by [`update()`].
#[derive(Clone, Debug)]
pub struct Update {
    pub(super) node: UpdateNode,
}

/// A DELETE of the rows that match a condition. Built by [`delete_from`].
#[derive(Clone, Debug)]
pub struct Delete {
    pub(super) node: DeleteNode,
}

/// Columns to write: one to eight, as a tuple.
pub trait ColumnList {
    /// Returns the untyped columns.
    fn references(self) -> Vec<ColumnRef>;
}

/// A row of values for a tuple of columns.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a row for the columns `{C}`",
    note = "give one value for each column, of the column's type"
)]
pub trait RowFor<C> {
    /// Returns the untyped values.
    fn nodes(self) -> Vec<Node>;
}

/// Creates an INSERT; without columns it inserts one row of defaults.
pub fn insert_into(table: &Arc<Table>) -> Insert {
    Insert::from_node(InsertNode {
        table: Arc::clone(table),
        columns: Vec::new(),
        rows: InsertRows::Values(Vec::new()),
        conflict: None,
        returning: Vec::new(),
        types: Vec::new(),
    })
}

/// Creates an UPDATE of all rows, unless a filter is added.
pub fn update(table: &Arc<Table>) -> Update {
    Update {
        node: UpdateNode::new(table, Vec::new(), None),
    }
}

/// Creates a DELETE of all rows, unless a filter is added.
pub fn delete_from(table: &Arc<Table>) -> Delete {
    Delete {
        node: DeleteNode::new(table, None),
    }
}

impl Insert {
    /// Sets the columns of the rows: `(User::NAME, User::AGE)`.
    pub fn columns<C: ColumnList>(self, columns: C) -> Insert<C> {
        Insert::from_node(InsertNode {
            columns: columns.references(),
            ..self.node
        })
    }
}

impl<C> Insert<C> {
    pub(super) fn from_node(node: InsertNode) -> Self {
        Self {
            node,
            marker: PhantomData,
        }
    }

    /// Adds a row: `("ann", 3)`.
    #[must_use]
    pub fn values(self, row: impl RowFor<C>) -> Self {
        self.rows([row])
    }

    /// Adds rows.
    #[must_use]
    pub fn rows<R: RowFor<C>>(mut self, rows: impl IntoIterator<Item = R>) -> Self {
        let more = rows.into_iter().map(RowFor::nodes);
        match &mut self.node.rows {
            InsertRows::Values(rows) => rows.extend(more),
            rows => *rows = InsertRows::Values(more.collect()),
        }
        self
    }

    /// Splits the rows into as many statements as their parameters require; without rows, returns this statement.
    pub(super) fn chunks(&self, max_parameters: Option<usize>) -> Vec<InsertNode> {
        let InsertRows::Values(rows) = &self.node.rows else {
            return vec![self.node.clone()];
        };
        let conflict = self.node.conflict.as_ref();
        let others = conflict.map_or(0, ConflictNode::parameters);
        let width = self.node.columns.len().max(1);
        let most = max_parameters.map_or(usize::MAX, |most| {
            (most.saturating_sub(others) / width).max(1)
        });
        if rows.len() <= most {
            return vec![self.node.clone()];
        }
        let chunk = |rows: &[Vec<Node>]| InsertNode {
            rows: InsertRows::Values(rows.to_vec()),
            table: Arc::clone(&self.node.table),
            columns: self.node.columns.clone(),
            conflict: self.node.conflict.clone(),
            returning: Vec::new(),
            types: Vec::new(),
        };
        rows.chunks(most).map(chunk).collect()
    }

    /// Returns the untyped statement.
    pub fn into_node(self) -> InsertNode {
        self.node
    }

    /// Renders the statement as text and parameters.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutOfRange`](crate::ErrorKind::OutOfRange) if it has more parameters than the database supports;
    /// [`ErrorKind::InvalidStatement`](crate::ErrorKind::InvalidStatement) if it has columns but no rows;
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) for clauses that the database does not support.
    pub fn render(&self, dialect: &dyn Dialect) -> Result<Rendered> {
        render_insert(dialect, &self.node)
    }
}

impl<C: ColumnList> Insert<C> {
    /// Inserts the rows of a query: INSERT INTO … SELECT. The query's columns must match those of the INSERT, in order.
    #[must_use]
    pub fn from_query<R: FromRow + RowFor<C>>(mut self, query: Select<R>) -> Self {
        self.node.rows = InsertRows::Query(Box::new(query.into_node()));
        self
    }
}

impl Update {
    /// Sets a column to a value or an expression.
    #[must_use]
    pub fn set<E: Entity, T: ColumnValue>(
        mut self,
        column: Column<E, T>,
        value: impl IntoSql<E, T::Base>,
    ) -> Self {
        self.node.set.push((column.reference(), value.into_sql()));
        self
    }

    /// Filters the rows by a condition; several are combined by AND.
    #[must_use]
    pub fn filter(mut self, condition: impl Expression<Type = bool>) -> Self {
        also(&mut self.node.filter, condition.into_node());
        self
    }

    /// Renders the statement as text and parameters.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutOfRange`](crate::ErrorKind::OutOfRange) if it has more parameters than the database supports;
    /// [`ErrorKind::InvalidStatement`](crate::ErrorKind::InvalidStatement) if it sets nothing.
    pub fn render(&self, dialect: &dyn Dialect) -> Result<Rendered> {
        render_update(dialect, &self.node)
    }
}

impl Delete {
    /// Filters the rows by a condition; several are combined by AND.
    #[must_use]
    pub fn filter(mut self, condition: impl Expression<Type = bool>) -> Self {
        also(&mut self.node.filter, condition.into_node());
        self
    }

    /// Renders the statement as text and parameters.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutOfRange`](crate::ErrorKind::OutOfRange) if it has more parameters than the database supports.
    pub fn render(&self, dialect: &dyn Dialect) -> Result<Rendered> {
        render_delete(dialect, &self.node)
    }
}

untyped!(Insert<C>, node);

macro_rules! tuples {
    ($($($name:ident $value:ident $index:tt),*;)*) => {$(
        impl<Scope: Entity, $($name: ColumnValue),*> ColumnList for ($(Column<Scope, $name>,)*) {
            fn references(self) -> Vec<ColumnRef> {
                vec![$(self.$index.reference()),*]
            }
        }

        impl<Scope: Entity, $($name: ColumnValue, $value: IntoSql<Scope, $name::Base>),*>
            RowFor<($(Column<Scope, $name>,)*)> for ($($value,)*)
        {
            fn nodes(self) -> Vec<Node> {
                vec![$(self.$index.into_sql()),*]
            }
        }
    )*};
}
tuples!(
    A VA 0;
    A VA 0, B VB 1;
    A VA 0, B VB 1, C VC 2;
    A VA 0, B VB 1, C VC 2, D VD 3;
    A VA 0, B VB 1, C VC 2, D VD 3, E VE 4;
    A VA 0, B VB 1, C VC 2, D VD 3, E VE 4, F VF 5;
    A VA 0, B VB 1, C VC 2, D VD 3, E VE 4, F VF 5, G VG 6;
    A VA 0, B VB 1, C VC 2, D VD 3, E VE 4, F VF 5, G VG 6, H VH 7;
);
