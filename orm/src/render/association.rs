//! Statements on association tables.

use super::clause::{Filter, Outputs, Sorting, TableRef, Values};
use super::statement::{ColumnJoin, Select, Tables};
use super::{Renderer, modification};
use crate::backend::Sql;
use crate::schema::Table;

/// A join of a target table with an association table, or with the table that it references or is referenced by.
#[derive(Clone, Copy, Debug)]
pub struct Pairing<'a> {
    /// The association table, or the other table.
    pub association: &'a Table,
    /// Its columns to filter by, which are also read, after those of the target.
    pub here: &'a [usize],
    /// Its columns to join on.
    pub there: &'a [usize],
    /// The target's columns to join on.
    pub by: &'a [usize],
    /// Whether the target references it. The referenced side is written first in the comparison, because some databases use the collation
    /// of the first operand.
    pub is_referenced: bool,
    /// The target table.
    pub target: &'a Table,
    /// The target's columns to read.
    pub read: &'a [usize],
    /// The target's columns to sort by, and whether descending.
    pub order: &'a [(usize, bool)],
}

impl Renderer<'_> {
    /// Renders a SELECT of the target rows paired with one of `n` keys, each followed by that key, with the parameters key by key.
    ///
    /// # Panics
    ///
    /// If `n` is 0.
    pub fn select_paired(&self, pairing: &Pairing<'_>, n: usize) -> Sql {
        self.select_compared(pairing, None, n)
    }

    /// Renders the same SELECT for any number of keys, with one array for each column.
    pub fn select_paired_arrays(&self, pairing: &Pairing<'_>) -> Sql {
        self.select_compared_arrays(pairing, None)
    }

    /// Renders [`select_paired`](Self::select_paired) by the key of a table that the association table references, if given, so that the
    /// database compares both.
    pub(crate) fn select_compared(
        &self,
        pairing: &Pairing<'_>,
        owner: Option<(&Table, &[usize])>,
        n: usize,
    ) -> Sql {
        assert!(n > 0, "a SELECT by key needs a key");
        self.paired(pairing, owner, Values::List(n))
    }

    /// Renders [`select_paired_arrays`](Self::select_paired_arrays) by the key of a table that the association table references, if given.
    pub(crate) fn select_compared_arrays(
        &self,
        pairing: &Pairing<'_>,
        owner: Option<(&Table, &[usize])>,
    ) -> Sql {
        self.paired(pairing, owner, Values::Arrays)
    }

    /// Renders a DELETE of the rows whose columns `by` have one of `n` values, with the parameters value by value.
    ///
    /// # Panics
    ///
    /// If `n` is 0.
    pub fn delete_by(&self, table: &Table, by: &[usize], n: usize) -> Sql {
        assert!(n > 0, "a DELETE by key needs a key");
        let values = match n {
            1 => Values::One,
            n => Values::List(n),
        };
        modification::delete_by(self.dialect, table, by, values)
    }

    fn paired(
        &self,
        pairing: &Pairing<'_>,
        owner: Option<(&Table, &[usize])>,
        values: Values,
    ) -> Sql {
        let pairs = TableRef::aliased(pairing.association, "a");
        let target = TableRef::aliased(pairing.target, "t");
        let owner = owner.map(|(table, key)| (TableRef::aliased(table, "o"), key));
        let keyed = owner.unwrap_or((pairs, pairing.here));
        let (here, there) = ((pairs, pairing.there), (target, pairing.by));
        let of_target = match pairing.is_referenced {
            true => [here, there],
            false => [there, here],
        };
        let of_owner = [keyed, (pairs, pairing.here)];
        let joins = [ColumnJoin(target, of_target), ColumnJoin(keyed.0, of_owner)];
        let joins = &joins[..1 + usize::from(owner.is_some())];
        let read = [(target, pairing.read), keyed];
        let select = Select {
            tables: Tables::Columns(pairs, joins),
            filter: Filter::Values(keyed.0, keyed.1, values),
            order: Sorting::Columns(target, pairing.order),
            ..Select::new(pairs, Outputs::Columns(&read))
        };
        select.sql(self.dialect, 128 + pairing.read.len() * 20)
    }
}
