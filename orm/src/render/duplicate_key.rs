//! `ON DUPLICATE KEY UPDATE`, which does not name a key: a conflict on any key turns the INSERT into an UPDATE.

use super::in_sequence::{ordered, reads};
use super::modification::{assigned, target};
use super::writer::Writer;
use crate::schema::Table;
use crate::sql::tree::{ColumnRef, ConflictNode, InsertNode, Node};

/// An expression that fails when evaluated: if the existing row conflicts on another key than the intended one.
const NO_VALUE: &str = "(SELECT 1 UNION ALL SELECT 2)";

/// Writes ON CONFLICT as ON DUPLICATE KEY UPDATE. The first assignment checks that the existing row has the intended key, so that the
/// statement fails on any other conflict.
pub(super) fn on_duplicate_key(
    writer: &mut Writer<'_>,
    node: &InsertNode,
    conflict: &ConflictNode,
) {
    let table = &*node.table;
    writer.push(" ON DUPLICATE KEY UPDATE ");
    let kept = conflict.target.first().or(node.columns.first());
    let set = conflict.update.as_deref().unwrap_or_default();
    let is_kept = |column: &ColumnRef| kept.is_some_and(|kept| kept.index == column.index);
    let own = kept.filter(|_| !set.iter().any(|(column, _)| is_kept(column)));
    let own = own.map(|column| (column, None));
    let all = own.into_iter();
    let all = all.chain(set.iter().map(|(column, value)| (column, Some(value))));
    let filter = conflict.filter.as_ref();
    let changed = |(column, _): &(&ColumnRef, Option<&Node>)| column.index;
    let reads = |(column, value): &(&ColumnRef, Option<&Node>), of: usize| {
        let guard = is_kept(column) && conflict.target.iter().any(|key| key.index == of);
        let mut read = value
            .iter()
            .copied()
            .chain(filter.filter(|_| value.is_some()));
        guard || read.any(|node| reads(node, table, of))
    };
    let all = ordered(writer, table, all.collect(), &changed, &reads);
    for (i, (column, value)) in all.into_iter().enumerate() {
        if i > 0 {
            writer.push(", ");
        }
        let guard = match is_kept(column) {
            true => &conflict.target[..],
            false => &[],
        };
        match value {
            None => keep(writer, table, column, guard),
            Some(value) => set_to(writer, table, column, value, guard, filter),
        }
    }
}

/// Assigns a column to itself, with the check of the key.
fn keep(writer: &mut Writer<'_>, table: &Table, column: &ColumnRef, key: &[ColumnRef]) {
    target(writer, table, column);
    writer.push(" = ");
    guarded(writer, key, |writer| {
        writer.node(&Node::Column(column.clone()));
    });
}

fn set_to(
    writer: &mut Writer<'_>,
    table: &Table,
    column: &ColumnRef,
    value: &Node,
    guard: &[ColumnRef],
    filter: Option<&Node>,
) {
    target(writer, table, column);
    writer.push(" = ");
    guarded(writer, guard, |writer| match filter {
        None => assigned(writer, column, value),
        Some(filter) => {
            writer.push("CASE WHEN ");
            writer.node(filter);
            writer.push(" THEN ");
            assigned(writer, column, value);
            writer.push(" ELSE ");
            writer.node(&Node::Column(column.clone()));
            writer.push(" END");
        }
    });
}

fn guarded(writer: &mut Writer<'_>, key: &[ColumnRef], write: impl FnOnce(&mut Writer<'_>)) {
    if key.is_empty() {
        return write(writer);
    }
    writer.push("CASE WHEN ");
    for (i, column) in key.iter().enumerate() {
        if i > 0 {
            writer.push(" AND ");
        }
        let [before, between, after] = writer.text.dialect.null_safe_equality(false);
        writer.push(before);
        writer.node(&Node::Column(column.clone()));
        writer.push(between);
        writer.node(&Node::Excluded(column.clone()));
        writer.push(after);
    }
    writer.push(" THEN ");
    write(writer);
    writer.push(" ELSE ");
    writer.push(NO_VALUE);
    writer.push(" END");
}
