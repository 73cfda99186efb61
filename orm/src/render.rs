//! Rendering statements as SQL in a dialect: the only place that writes SQL.
//!
//! There is one description of a statement of each kind, and one way to write it. [`render_select`] and the like describe statements of the
//! [expression language](crate::sql), a session its queries, and [`Renderer`] those of the unit of work, once per table and shape.

mod association;
mod clause;
pub(crate) mod computed;
mod definition;
mod duplicate_key;
mod expression;
pub(crate) mod in_sequence;
mod modification;
mod statement;
mod text;
mod writer;

pub use association::Pairing;
pub(crate) use clause::{Filter, Outputs, Sorting, TableRef};
pub(crate) use definition::foreign_key_name;
pub use modification::{render_delete, render_insert, render_update};
pub(crate) use statement::Select;
pub use statement::{render_compound, render_select};

use crate::backend::Sql;
use crate::dialect::Dialect;
use crate::schema::Table;
use crate::sql::tree::RowLock;
use crate::value::ValueType;
use clause::Values;
use modification::{Insert, NewRows, Update};
use text::Text;
pub(crate) use writer::max_parameters_of;
pub use writer::{Argument, Rendered};

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

/// The locks of a query on the rows that it reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Lock {
    /// No lock.
    #[default]
    None,
    /// Locks rows against writers until the transaction ends (FOR UPDATE), if the database supports row locks.
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
        assert!(
            !columns.is_empty() || rows == 1,
            "an INSERT of defaults is one row"
        );
        let capacity = 64 + table.name.len() + rows * columns.len() * 4;
        self.inserted(table, NewRows::List(columns, rows), returning, capacity)
    }

    /// Renders an INSERT of any number of rows, with one array for each column. Rows are inserted in the order of the arrays, so that
    /// generated keys ascend; the order of the returned rows is undefined.
    ///
    /// # Panics
    ///
    /// If there are no columns.
    pub fn insert_arrays(&self, table: &Table, columns: &[usize], returning: &[usize]) -> Sql {
        assert!(!columns.is_empty(), "an INSERT by arrays needs columns");
        let capacity = 160 + table.name.len() + columns.len() * 32;
        self.inserted(table, NewRows::Arrays(columns), returning, capacity)
    }

    fn inserted(
        &self,
        table: &Table,
        rows: NewRows<'_>,
        returning: &[usize],
        capacity: usize,
    ) -> Sql {
        let table = TableRef::unnamed(table);
        let insert = Insert {
            table,
            rows,
            returning: Outputs::Columns(&[(table, returning)]),
        };
        insert.sql(self.dialect, capacity)
    }

    /// Renders an UPDATE of one row. Parameters: the values to set, then the key's.
    pub fn update(&self, table: &Table, set: &[usize], key: &[usize]) -> Sql {
        let capacity = 64 + table.name.len() + (set.len() + key.len()) * 24;
        let table = TableRef::unnamed(table);
        let update = Update {
            set,
            filter: Filter::Values(table, key, Values::One),
            ..Update::new(table)
        };
        update.sql(self.dialect, capacity)
    }

    /// Renders an UPDATE of any number of rows. Arrays: the columns to set, then the key's; a column may be in both.
    pub fn update_arrays(&self, table: &Table, set: &[usize], key: &[usize]) -> Sql {
        let capacity = 128 + table.name.len() + (set.len() + key.len()) * 48;
        let table = TableRef::aliased(table, "t");
        let update = Update {
            set,
            filter: Filter::Values(table, key, Values::Joined),
            ..Update::new(table)
        };
        update.sql(self.dialect, capacity)
    }

    /// Renders a DELETE of one row. Parameters: the key's values.
    pub fn delete(&self, table: &Table, key: &[usize]) -> Sql {
        self.delete_by(table, key, 1)
    }

    /// Renders a DELETE of any number of rows. Arrays: the key's columns.
    pub fn delete_arrays(&self, table: &Table, key: &[usize]) -> Sql {
        modification::delete_by(self.dialect, table, key, Values::Arrays)
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
        let values = match n {
            1 => Values::One,
            n => Values::List(n),
        };
        self.selected(table, read, by, values, order)
    }

    /// Renders a SELECT of the rows whose columns `by` have one of any number of values, with one array for each column.
    pub fn select_by_arrays(
        &self,
        table: &Table,
        read: &[usize],
        by: &[usize],
        order: &[(usize, bool)],
    ) -> Sql {
        self.selected(table, read, by, Values::Arrays, order)
    }

    fn selected(
        &self,
        table: &Table,
        read: &[usize],
        by: &[usize],
        values: Values,
        order: &[(usize, bool)],
    ) -> Sql {
        let table = TableRef::own(table);
        let read = [(table, read)];
        let is_locked = self.lock == Lock::ForUpdate && self.dialect.capabilities().row_locks;
        let select = Select {
            filter: Filter::Values(table, by, values),
            order: Sorting::Columns(table, order),
            lock: is_locked.then(RowLock::for_update),
            ..Select::new(table, Outputs::Columns(&read))
        };
        select.sql(self.dialect, 128 + read[0].1.len() * 16)
    }

    fn text(&self, capacity: usize) -> Text<'d> {
        Text::with_capacity(self.dialect, capacity)
    }
}

fn types(table: &Table, columns: &[usize]) -> Vec<ValueType> {
    columns
        .iter()
        .map(|&column| table.columns[column].ty.value_type())
        .collect()
}

#[cfg(test)]
#[path = "../tests/rendering/dialects.rs"]
pub(crate) mod dialects;
