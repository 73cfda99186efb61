//! The order of assignments on databases that assign columns one after the other, so that an expression sees columns already assigned.

use std::borrow::Cow;

use super::writer::Writer;
use crate::dialect::Dialect;
use crate::error::{Error, Result};
use crate::schema::Table;
use crate::sql::tree::walk::Inside;
use crate::sql::tree::{ColumnRef, Node, SelectNode};

/// Orders assignments so that each reads the row's previous values, if the database assigns columns in sequence.
///
/// # Errors
///
/// [`Unsupported`](crate::ErrorKind::Unsupported) if there is no such order: `SET a = b, b = a`.
pub(crate) fn in_order<'s>(
    dialect: &dyn Dialect,
    table: &Table,
    set: &'s [(ColumnRef, Node)],
) -> Result<Cow<'s, [(ColumnRef, Node)]>> {
    if set.len() < 2 || !dialect.assigns_in_sequence() {
        return Ok(Cow::Borrowed(set));
    }
    let reads = |at: usize, column: usize| reads(&set[at].1, table, column);
    match order(set.len(), &|at| set[at].0.index, &reads) {
        Some(order) => Ok(order.into_iter().map(|at| set[at].clone()).collect()),
        None => Err(unordered(dialect, table)),
    }
}

/// Orders the assignments of an upsert in the same way. `column` returns the column that an assignment sets, `reads` whether it reads a
/// column.
pub(super) fn ordered<T>(
    writer: &mut Writer<'_>,
    table: &Table,
    mut set: Vec<T>,
    column: &dyn Fn(&T) -> usize,
    reads: &dyn Fn(&T, usize) -> bool,
) -> Vec<T> {
    let dialect = writer.text.dialect;
    if set.len() < 2 || !dialect.assigns_in_sequence() {
        return set;
    }
    let order = order(set.len(), &|at| column(&set[at]), &|at, of| {
        reads(&set[at], of)
    });
    let Some(order) = order else {
        writer.fail(unordered(dialect, table));
        return set;
    };
    let mut places: Vec<usize> = vec![0; order.len()];
    for (place, at) in order.into_iter().enumerate() {
        places[at] = place;
    }
    let mut places = places.into_iter();
    set.sort_by_cached_key(|_| places.next());
    set
}

/// Orders assignments so that those that read a column come before the one that sets it, and otherwise keeps their order. Returns `None`
/// if there is no such order.
fn order(
    count: usize,
    column: &dyn Fn(usize) -> usize,
    reads: &dyn Fn(usize, usize) -> bool,
) -> Option<Vec<usize>> {
    let mut left: Vec<usize> = (0..count).collect();
    let mut order = Vec::with_capacity(count);
    while !left.is_empty() {
        let place = left.iter().position(|&at| {
            let mut others = left.iter().filter(|&&other| other != at);
            !others.any(|&other| reads(other, column(at)))
        })?;
        order.push(left.remove(place));
    }
    Some(order)
}

/// Whether an expression may read a column of the row that is changed. SQL text does if it names the column.
pub(crate) fn reads(value: &Node, table: &Table, column: usize) -> bool {
    let is_read = match value {
        Node::Column(read) => read.is_of(table) && read.index == column,
        Node::Raw(text) => names(text, &table.columns[column].name),
        _ => false,
    };
    let mut found = is_read;
    value.inside(&mut |inside| {
        found = found
            || match inside {
                Inside::Node(node) => reads(node, table, column),
                Inside::Select(query) => is_read_by(query, table, column),
            };
    });
    found
}

/// Whether SQL text has an identifier, in any case.
fn names(text: &str, identifier: &str) -> bool {
    let (text, identifier) = (text.to_lowercase(), identifier.to_lowercase());
    let is_part =
        |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '$'));
    text.match_indices(&identifier).any(|(at, found)| {
        let (before, after) = (&text[..at], &text[at + found.len()..]);
        !is_part(before.chars().next_back()) && !is_part(after.chars().next())
    })
}

fn is_read_by(query: &SelectNode, table: &Table, column: usize) -> bool {
    let mut found = false;
    query.expressions(&mut |node| found = found || reads(node, table, column));
    found
}

#[cold]
fn unordered(dialect: &dyn Dialect, table: &Table) -> Error {
    let what = "an UPDATE with assignments that read each other's columns";
    Error::unsupported(dialect.name(), what).entity(&table.name)
}
