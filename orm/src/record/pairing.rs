//! Detecting association tables: two foreign keys that together form the primary key, and nothing else.

use super::family::can_be_followed;
use crate::schema::{Generated, Table};

/// An association table, by its index among the tables.
pub(super) struct Pairing {
    pub(super) table: usize,
    /// The foreign key whose columns come first in the table.
    pub(super) left: End,
    pub(super) right: End,
}

/// One of its foreign keys.
pub(super) struct End {
    /// The table that it references.
    pub(super) end: usize,
    /// Its columns, in the order of the referenced primary key.
    pub(super) columns: Vec<String>,
}

impl Pairing {
    /// The tables that it pairs, in ascending order.
    pub(super) fn ends(&self) -> (usize, usize) {
        let (left, right) = (self.left.end, self.right.end);
        (left.min(right), left.max(right))
    }
}

/// Finds the association tables. A table that another one references is not one.
pub(super) fn pairings(tables: &[Table]) -> Vec<Pairing> {
    let is_referenced = |table: &Table| {
        let mut keys = tables.iter().flat_map(|other| &other.foreign_keys);
        keys.any(|key| key.table == table.name)
    };
    (0..tables.len())
        .filter(|&at| !is_referenced(&tables[at]))
        .filter_map(|at| pairing(tables, at))
        .collect()
}

fn pairing(tables: &[Table], at: usize) -> Option<Pairing> {
    let table = &tables[at];
    let ends: Option<Vec<End>> = table
        .foreign_keys
        .iter()
        .map(|key| {
            let end = tables.iter().position(|other| other.name == key.table)?;
            can_be_followed(table, key, &tables[end]).then(|| End {
                end,
                columns: key.columns.clone(),
            })
        })
        .collect();
    let begins = |end: &End| end.columns.iter().map(|name| table.position(name)).min();
    let mut ends = ends?;
    ends.sort_by_key(begins);
    let [left, right]: [End; 2] = ends.try_into().ok()?;
    let is_in = |name: &String| left.columns.contains(name) != right.columns.contains(name);
    let is_pure = table.uniques.is_empty()
        && left.columns.len() + right.columns.len() == table.columns.len()
        && table.primary_key.len() == table.columns.len()
        && table
            .columns
            .iter()
            .all(|column| column.generated == Generated::No && is_in(&column.name));
    is_pure.then_some(Pairing {
        table: at,
        left,
        right,
    })
}
