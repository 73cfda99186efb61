//! Rendering statements as SQL in a dialect: the only place that writes SQL.
//!
//! [`Renderer`] renders the statements of the unit of work, once per table and shape; [`query()`], [`render_select`] and the like render
//! statements of the [expression language](crate::sql).

mod association;
pub(crate) mod computed;
mod definition;
mod duplicate_key;
mod expression;
mod modification;
mod statement;
mod text;

pub use association::Pairing;
pub(crate) use definition::foreign_key_name;
pub(crate) use expression::max_parameters_of;
pub use expression::{Argument, Rendered};
pub use modification::{render_delete, render_insert, render_update};
pub use statement::{QuerySpec, Read, query, render_compound, render_select};

use crate::backend::{Sql, StatementKind};
use crate::dialect::Dialect;
use crate::schema::Table;
use crate::value::ValueType;
use text::Text;

/// Renders the statements of the unit of work. Columns are given as positions in [`Table::columns`]; each method documents the order of the
/// parameters.
///
/// Every rendering has its own id, so render once and reuse the result.
///
/// # Panics
///
/// Every method panics if a position is not one of the table's columns.
#[derive(Clone, Copy, Debug)]
pub struct Renderer<'d> {
    dialect: &'d dyn Dialect,
    lock: Lock,
}

/// How a query locks the rows that it reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Lock {
    /// Not at all.
    #[default]
    None,
    /// Against writers until the transaction ends (FOR UPDATE), if the database supports row locks.
    ForUpdate,
}

impl<'d> Renderer<'d> {
    /// Creates a renderer for a dialect, whose queries lock nothing.
    pub fn new(dialect: &'d dyn Dialect) -> Self {
        Self {
            dialect,
            lock: Lock::None,
        }
    }

    /// Sets how its queries lock rows.
    #[must_use]
    pub fn lock(mut self, lock: Lock) -> Self {
        self.lock = lock;
        self
    }

    /// Renders an INSERT of `rows` rows, with the parameters row by row. Without columns, inserts one row of defaults.
    ///
    /// # Panics
    ///
    /// If `rows` is 0, or there are no columns and `rows` is not 1.
    pub fn insert(
        &self,
        table: &Table,
        columns: &[usize],
        rows: usize,
        returning: &[usize],
    ) -> Sql {
        assert!(rows > 0, "an INSERT needs rows");
        let mut text = self.text(64 + table.name.len() + rows * columns.len() * 4);
        text.push("INSERT INTO ");
        text.table(table);
        text.writes(table);
        if columns.is_empty() {
            assert_eq!(rows, 1, "an INSERT of defaults is one row");
            text.push(self.dialect.default_row());
        } else {
            text.column_list(table, columns);
            text.overriding(table, columns);
            text.push(" VALUES ");
            for row in 0..rows {
                text.push(if row == 0 { "(" } else { ", (" });
                text.new_values(table, columns);
                text.push(")");
            }
        }
        text.returning(table, returning);
        text.finish(StatementKind::Insert, types(table, returning))
    }

    /// Renders an INSERT of any number of rows, with one array for each column. Rows are inserted in the order of the arrays, so that
    /// generated keys ascend; the order of the returned rows is undefined.
    ///
    /// # Panics
    ///
    /// If there are no columns.
    pub fn insert_arrays(&self, table: &Table, columns: &[usize], returning: &[usize]) -> Sql {
        assert!(!columns.is_empty(), "an INSERT by arrays needs columns");
        let mut text = self.text(160 + table.name.len() + columns.len() * 32);
        text.push("INSERT INTO ");
        text.table(table);
        text.writes(table);
        text.column_list(table, columns);
        text.overriding(table, columns);
        text.push(" SELECT ");
        text.each(columns.len(), ", ", |text, i| {
            text.unnested("v.c", i, &table.columns[columns[i]].ty);
        });
        text.push(" FROM ");
        text.unnest_values(table, columns, columns.len());
        text.push(" WITH ORDINALITY AS v(");
        text.each(columns.len(), ", ", |text, i| text.numbered("c", i));
        text.push(", n) ORDER BY v.n");
        text.returning(table, returning);
        text.finish(StatementKind::Insert, types(table, returning))
    }

    /// Renders an UPDATE of one row. Parameters: the values to set, then the key's.
    pub fn update(&self, table: &Table, set: &[usize], key: &[usize]) -> Sql {
        let mut text = self.text(64 + table.name.len() + (set.len() + key.len()) * 24);
        text.push("UPDATE ");
        text.table(table);
        text.writes(table);
        text.push(" SET ");
        text.each(set.len(), ", ", |text, i| text.equals_param(table, set[i]));
        text.key(table, key);
        text.finish(StatementKind::Update, Vec::new())
    }

    /// Renders an UPDATE of any number of rows. Arrays: the columns to set, then the key's; a column may be in both.
    pub fn update_arrays(&self, table: &Table, set: &[usize], key: &[usize]) -> Sql {
        let mut text = self.text(128 + table.name.len() + (set.len() + key.len()) * 48);
        text.push("UPDATE ");
        text.table(table);
        text.writes(table);
        text.push(" AS t SET ");
        text.each(set.len(), ", ", |text, i| {
            text.identifier(&table.columns[set[i]].name);
            text.push(" = ");
            text.unnested("v.s", i, &table.columns[set[i]].ty);
        });
        text.push(" FROM ");
        let both: Vec<usize> = set.iter().chain(key).copied().collect();
        text.unnest_values(table, &both, set.len());
        text.push(" AS v(");
        text.each(set.len(), ", ", |text, i| text.numbered("s", i));
        if !set.is_empty() {
            text.push(", ");
        }
        text.each(key.len(), ", ", |text, i| text.numbered("k", i));
        text.push(") WHERE ");
        text.each(key.len(), " AND ", |text, i| {
            text.push("t.");
            text.identifier(&table.columns[key[i]].name);
            text.push(" = ");
            text.unnested("v.k", i, &table.columns[key[i]].ty);
        });
        text.finish(StatementKind::Update, Vec::new())
    }

    /// Renders a DELETE of one row. Parameters: the key's values.
    pub fn delete(&self, table: &Table, key: &[usize]) -> Sql {
        let mut text = self.text(64 + table.name.len());
        text.push("DELETE FROM ");
        text.table(table);
        text.key(table, key);
        text.finish(StatementKind::Delete, Vec::new())
    }

    /// Renders a DELETE of any number of rows. Arrays: the key's columns.
    pub fn delete_arrays(&self, table: &Table, key: &[usize]) -> Sql {
        let mut text = self.text(96 + table.name.len());
        text.push("DELETE FROM ");
        text.table(table);
        text.push(" WHERE ");
        text.in_arrays("", table, key);
        text.finish(StatementKind::Delete, Vec::new())
    }

    /// Renders a SELECT of the rows whose columns `by` have one of `n` values, with the parameters value by value. `order` holds columns,
    /// and whether descending.
    ///
    /// # Panics
    ///
    /// If `n` is 0.
    pub fn select_by(
        &self,
        table: &Table,
        read: &[usize],
        by: &[usize],
        n: usize,
        order: &[(usize, bool)],
    ) -> Sql {
        assert!(n > 0, "a SELECT by key needs a key");
        let mut text = self.select(table, read);
        if n == 1 {
            text.key(table, by);
        } else {
            text.push(" WHERE ");
            text.in_params("", table, by, n);
        }
        self.end_of_select(text, table, read, order)
    }

    /// Renders a SELECT of the rows whose columns `by` have one of any number of values, with one array for each column.
    pub fn select_by_arrays(
        &self,
        table: &Table,
        read: &[usize],
        by: &[usize],
        order: &[(usize, bool)],
    ) -> Sql {
        let mut text = self.select(table, read);
        text.push(" WHERE ");
        text.in_arrays("", table, by);
        self.end_of_select(text, table, read, order)
    }

    fn text(&self, capacity: usize) -> Text<'d> {
        Text::with_capacity(self.dialect, capacity)
    }

    fn select(&self, table: &Table, read: &[usize]) -> Text<'d> {
        let mut text = self.text(128 + read.len() * 16);
        text.push("SELECT ");
        text.read("", table, read);
        text.push(" FROM ");
        text.source(table);
        text
    }

    fn end_of_select(
        &self,
        mut text: Text<'d>,
        table: &Table,
        read: &[usize],
        order: &[(usize, bool)],
    ) -> Sql {
        if !order.is_empty() {
            text.push(" ORDER BY ");
            text.sorted_by("", table, order);
        }
        text.lock(self.lock);
        text.finish(StatementKind::Select, types(table, read))
    }
}

fn types(table: &Table, columns: &[usize]) -> Vec<ValueType> {
    columns
        .iter()
        .map(|&column| table.columns[column].ty.value_type())
        .collect()
}

#[cfg(test)]
pub(crate) mod tests;
