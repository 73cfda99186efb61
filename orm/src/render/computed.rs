//! UPDATEs of many rows that set columns to SQL expressions.

use super::clause::{Filter, TableRef, Values};
use super::modification::Update;
use super::writer::{Names, Rendered};
use crate::dialect::Dialect;
use crate::error::Result;
use crate::schema::Table;
use crate::sql::tree::{ColumnRef, Node};
use crate::value::ValueType;

/// The alias of the unnested arrays.
pub(crate) const VALUES: &str = "v";

/// The expression for the parameter at a position (from 0), in expressions whose parameters differ from row to row.
pub(crate) fn own_parameter(position: usize) -> Node {
    Node::Raw(format!("{VALUES}.p{}", position + 1).into())
}

/// Renders an UPDATE of the rows with some keys that sets columns to expressions. Parameters: those of the expressions, then the keys, key
/// by key.
///
/// # Errors
///
/// As [`render_select`](super::render_select).
pub(crate) fn update_listed(
    dialect: &dyn Dialect,
    table: &Table,
    computed: &[(ColumnRef, Node)],
    key: &[usize],
    rows: usize,
) -> Result<Rendered> {
    let table = TableRef::own(table);
    let update = Update {
        computed,
        filter: Filter::Values(table, key, Values::List(rows)),
        ..Update::new(table)
    };
    update.rendered(dialect, Names::Bare(table.table))
}

/// Renders an UPDATE of any number of rows that sets columns to expressions and others to values. Parameters: those of the expressions,
/// then arrays: the columns to set, the key's, and the per-row parameters of the expressions, which have the types `own` and appear as
/// [`own_parameter`]s.
///
/// # Errors
///
/// As [`render_select`](super::render_select).
pub(crate) fn update_arrays(
    dialect: &dyn Dialect,
    table: &Table,
    computed: &[(ColumnRef, Node)],
    set: &[usize],
    key: &[usize],
    own: &[ValueType],
) -> Result<Rendered> {
    let table = TableRef::own(table);
    let update = Update {
        computed,
        set,
        filter: Filter::Values(table, key, Values::Joined),
        own,
        ..Update::new(table)
    };
    update.rendered(dialect, Names::Qualified)
}
