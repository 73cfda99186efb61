//! Statements about the pairs of an association table.

use super::text::Text;
use super::{Renderer, types};
use crate::backend::{Sql, StatementKind};
use crate::schema::Table;

/// A table that is reached through an association table, or from the table that its rows refer to.
#[derive(Clone, Copy, Debug)]
pub struct Pairing<'a> {
    /// The association table.
    pub association: &'a Table,
    /// Its columns that are searched by, and read after those of the target.
    pub here: &'a [usize],
    /// Its columns that the target is joined by.
    pub there: &'a [usize],
    /// The target's columns that they are compared with.
    pub by: &'a [usize],
    /// Whether the target's rows refer to it. The side that is referred to stands first in a comparison: where databases compare text as
    /// one of the two columns does, it is as this one.
    pub is_referred_to: bool,
    /// The table that is read.
    pub target: &'a Table,
    /// Its columns that are read.
    pub read: &'a [usize],
    /// Columns of the target to sort by, and whether descending.
    pub order: &'a [(usize, bool)],
}

impl Renderer<'_> {
    /// SELECT of the rows that are paired with one of `n` keys, each row with the key that it is paired with after it; parameters key by
    /// key.
    ///
    /// # Panics
    ///
    /// If `n` is 0.
    pub fn select_paired(&self, pairing: &Pairing<'_>, n: usize) -> Sql {
        assert!(n > 0, "a SELECT by key needs a key");
        self.paired(pairing, |text| {
            text.in_params("a.", pairing.association, pairing.here, n);
        })
    }

    /// The same for any number of keys: one array for each column.
    pub fn select_paired_arrays(&self, pairing: &Pairing<'_>) -> Sql {
        self.paired(pairing, |text| {
            text.in_arrays("a.", pairing.association, pairing.here);
        })
    }

    /// DELETE of the rows that have one of `n` values in the columns `by`; parameters value by value.
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

    fn paired(&self, pairing: &Pairing<'_>, condition: impl FnOnce(&mut Text<'_>)) -> Sql {
        let Pairing {
            association,
            here,
            there,
            by,
            is_referred_to,
            target,
            read,
            order,
        } = *pairing;
        let mut text = self.text(128 + read.len() * 20);
        text.push("SELECT ");
        text.read("t.", target, read);
        text.push(", ");
        text.read("a.", association, here);
        text.push(" FROM ");
        text.table(association);
        text.push(" AS a JOIN ");
        text.table(target);
        text.push(" AS t ON ");
        text.each(there.len(), " AND ", |text, i| {
            let here = &association.columns[there[i]];
            if is_referred_to {
                text.compared("a.", here);
                text.push(" = ");
            }
            text.compared("t.", &target.columns[by[i]]);
            if !is_referred_to {
                text.push(" = ");
                text.compared("a.", here);
            }
        });
        text.push(" WHERE ");
        condition(&mut text);
        if !order.is_empty() {
            text.push(" ORDER BY ");
        }
        text.each(order.len(), ", ", |text, i| {
            let (column, descending) = order[i];
            text.behind("t.", target, &[column]);
            if descending {
                text.push(" DESC");
            }
        });
        let mut columns = types(target, read);
        columns.extend(types(association, here));
        text.finish(StatementKind::Select, columns)
    }
}
