//! INSERT, UPDATE and DELETE without a session.

use std::fmt::{self, Debug};
use std::marker::PhantomData;
use std::sync::Arc;

use crate::dialect::Dialect;
use crate::entity::Entity;
use crate::error::Result;
use crate::render::{Rendered, render_delete, render_insert, render_update};
use crate::schema::Table;
use crate::sql::select::also;
use crate::sql::{Column, ColumnRef, Expression, IntoSql, Node};
use crate::value::ColumnValue;

/// An INSERT of rows of values for the columns `C`. Made by [`insert_into`].
pub struct Insert<C = ()> {
    table: Arc<Table>,
    columns: Vec<ColumnRef>,
    rows: Vec<Vec<Node>>,
    marker: PhantomData<fn() -> C>,
}

/// An UPDATE of the rows that a condition chooses. Made by [`update()`].
#[derive(Clone, Debug)]
pub struct Update {
    table: Arc<Table>,
    set: Vec<(ColumnRef, Node)>,
    filter: Option<Node>,
}

/// A DELETE of the rows that a condition chooses. Made by [`delete_from`].
#[derive(Clone, Debug)]
pub struct Delete {
    table: Arc<Table>,
    filter: Option<Node>,
}

/// Columns to write: one to eight, as a tuple.
pub trait ColumnList {
    /// The columns as plain data.
    fn references(self) -> Vec<ColumnRef>;
}

/// A row of values for a tuple of columns.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a row for the columns `{C}`",
    note = "give one value for each column, of the column's type"
)]
pub trait RowFor<C> {
    /// The values as plain data.
    fn nodes(self) -> Vec<Node>;
}

/// An INSERT; without columns it writes one row of defaults.
pub fn insert_into(table: &Arc<Table>) -> Insert {
    Insert {
        table: Arc::clone(table),
        columns: Vec::new(),
        rows: Vec::new(),
        marker: PhantomData,
    }
}

/// An UPDATE of all rows, until a filter chooses some.
pub fn update(table: &Arc<Table>) -> Update {
    Update {
        table: Arc::clone(table),
        set: Vec::new(),
        filter: None,
    }
}

/// A DELETE of all rows, until a filter chooses some.
pub fn delete_from(table: &Arc<Table>) -> Delete {
    Delete {
        table: Arc::clone(table),
        filter: None,
    }
}

impl Insert {
    /// Sets the columns that rows are given for: `(User::NAME, User::AGE)`.
    pub fn columns<C: ColumnList>(self, columns: C) -> Insert<C> {
        Insert {
            table: self.table,
            columns: columns.references(),
            rows: Vec::new(),
            marker: PhantomData,
        }
    }
}

impl<C> Insert<C> {
    /// Adds a row: `("ann", 3)`.
    #[must_use]
    pub fn values(mut self, row: impl RowFor<C>) -> Self {
        self.rows.push(row.nodes());
        self
    }

    /// Adds rows.
    #[must_use]
    pub fn rows<R: RowFor<C>>(mut self, rows: impl IntoIterator<Item = R>) -> Self {
        self.rows.extend(rows.into_iter().map(RowFor::nodes));
        self
    }

    /// The same rows in as many statements as their parameters need; without a row, this statement.
    pub(super) fn chunks(&self, max_parameters: Option<usize>) -> impl Iterator<Item = Self> {
        let width = self.columns.len().max(1);
        let rows = max_parameters.map_or(usize::MAX, |most| (most / width).max(1));
        let count = self.rows.len().div_ceil(rows).max(1);
        (0..count).map(move |chunk| Self {
            table: Arc::clone(&self.table),
            columns: self.columns.clone(),
            rows: self
                .rows
                .chunks(rows)
                .nth(chunk)
                .unwrap_or_default()
                .to_vec(),
            marker: PhantomData,
        })
    }

    /// The statement as text and parameters.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutOfRange`](crate::ErrorKind::OutOfRange) if it has more parameters than the database takes;
    /// [`ErrorKind::InvalidStatement`](crate::ErrorKind::InvalidStatement) if it has columns and no rows.
    pub fn render(&self, dialect: &dyn Dialect) -> Result<Rendered> {
        render_insert(dialect, &self.table, &self.columns, &self.rows)
    }
}

impl Update {
    /// Sets a column to a value, or to an expression of the row.
    #[must_use]
    pub fn set<E: Entity, T: ColumnValue>(
        mut self,
        column: Column<E, T>,
        value: impl IntoSql<E, T::Base>,
    ) -> Self {
        self.set.push((column.reference(), value.into_sql()));
        self
    }

    /// Keeps to the rows for which the condition is true; every call adds one.
    #[must_use]
    pub fn filter(mut self, condition: impl Expression<Type = bool>) -> Self {
        also(&mut self.filter, condition.into_node());
        self
    }

    /// The statement as text and parameters.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutOfRange`](crate::ErrorKind::OutOfRange) if it has more parameters than the database takes;
    /// [`ErrorKind::InvalidStatement`](crate::ErrorKind::InvalidStatement) if it sets nothing.
    pub fn render(&self, dialect: &dyn Dialect) -> Result<Rendered> {
        render_update(dialect, &self.table, &self.set, self.filter.as_ref())
    }
}

impl Delete {
    /// Keeps to the rows for which the condition is true; every call adds one.
    #[must_use]
    pub fn filter(mut self, condition: impl Expression<Type = bool>) -> Self {
        also(&mut self.filter, condition.into_node());
        self
    }

    /// The statement as text and parameters.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutOfRange`](crate::ErrorKind::OutOfRange) if it has more parameters than the database takes.
    pub fn render(&self, dialect: &dyn Dialect) -> Result<Rendered> {
        render_delete(dialect, &self.table, self.filter.as_ref())
    }
}

impl<C> Clone for Insert<C> {
    fn clone(&self) -> Self {
        Self {
            table: Arc::clone(&self.table),
            columns: self.columns.clone(),
            rows: self.rows.clone(),
            marker: PhantomData,
        }
    }
}

impl<C> Debug for Insert<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Insert")
            .field("table", &self.table.name)
            .field("columns", &self.columns)
            .field("rows", &self.rows.len())
            .finish()
    }
}

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
