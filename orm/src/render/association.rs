//! Statements on association tables.

use super::text::Text;
use super::{Renderer, types};
use crate::backend::{Sql, StatementKind};
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
        self.paired(pairing, owner, |text, prefix, table, key| {
            text.in_params(prefix, table, key, n);
        })
    }

    /// Renders [`select_paired_arrays`](Self::select_paired_arrays) by the key of a table that the association table references, if given.
    pub(crate) fn select_compared_arrays(
        &self,
        pairing: &Pairing<'_>,
        owner: Option<(&Table, &[usize])>,
    ) -> Sql {
        self.paired(pairing, owner, |text, prefix, table, key| {
            text.in_arrays(prefix, table, key);
        })
    }

    /// Renders a DELETE of the rows whose columns `by` have one of `n` values, with the parameters value by value.
    ///
    /// # Panics
    ///
    /// If `n` is 0.
    pub fn delete_by(&self, table: &Table, by: &[usize], n: usize) -> Sql {
        assert!(n > 0, "a DELETE by key needs a key");
        if n == 1 {
            return self.delete(table, by);
        }
        let mut text = self.text(64 + table.name.len() + n * by.len() * 4);
        text.push("DELETE FROM ");
        text.table(table);
        text.push(" WHERE ");
        text.in_params("", table, by, n);
        text.finish(StatementKind::Delete, Vec::new())
    }

    fn paired(
        &self,
        pairing: &Pairing<'_>,
        owner: Option<(&Table, &[usize])>,
        condition: impl FnOnce(&mut Text<'_>, &str, &Table, &[usize]),
    ) -> Sql {
        let Pairing {
            association,
            here,
            there,
            by,
            is_referenced,
            target,
            read,
            order,
        } = *pairing;
        let (prefix, keyed, key) = match owner {
            Some((table, key)) => ("o.", table, key),
            None => ("a.", association, here),
        };
        let mut text = self.text(128 + read.len() * 20);
        text.push("SELECT ");
        text.read("t.", target, read);
        text.push(", ");
        text.read(prefix, keyed, key);
        text.push(" FROM ");
        text.table(association);
        text.push(" AS a JOIN ");
        text.table(target);
        text.push(" AS t ON ");
        text.each(there.len(), " AND ", |text, i| {
            let here = &association.columns[there[i]];
            if is_referenced {
                text.compared_column("a.", here);
                text.push(" = ");
            }
            text.compared_column("t.", &target.columns[by[i]]);
            if !is_referenced {
                text.push(" = ");
                text.compared_column("a.", here);
            }
        });
        if owner.is_some() {
            text.push(" JOIN ");
            text.table(keyed);
            text.push(" AS o ON ");
            text.each(key.len(), " AND ", |text, i| {
                text.compared_column("o.", &keyed.columns[key[i]]);
                text.push(" = ");
                text.compared_column("a.", &association.columns[here[i]]);
            });
        }
        text.push(" WHERE ");
        condition(&mut text, prefix, keyed, key);
        if !order.is_empty() {
            text.push(" ORDER BY ");
        }
        text.sorted_by("t.", target, order);
        let mut columns = types(target, read);
        columns.extend(types(keyed, key));
        text.finish(StatementKind::Select, columns)
    }
}
