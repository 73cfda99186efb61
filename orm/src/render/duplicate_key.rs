//! `ON DUPLICATE KEY UPDATE`, which names no key: any that is there already makes the INSERT an UPDATE.

use super::expression::Writer;
use super::statement::{assigned, target};
use crate::schema::Table;
use crate::sql::tree::{ColumnRef, ConflictNode, InsertNode, Node};

/// A value that cannot be had. It is only asked for where the row that is there has another key than the one that was named.
const NO_VALUE: &str = "(SELECT 1 UNION ALL SELECT 2)";

/// What ON CONFLICT says, by ON DUPLICATE KEY UPDATE. That the row there has the key that was named is asked before anything is set: the
/// statement fails where it is another row that is in the way.
pub(super) fn on_duplicate_key(
    writer: &mut Writer<'_>,
    node: &InsertNode,
    conflict: &ConflictNode,
) {
    let table = &*node.table;
    writer.push(" ON DUPLICATE KEY UPDATE ");
    let kept = conflict.target.first().or(node.columns.first());
    let set = conflict.update.as_deref().unwrap_or_default();
    if let Some(column) = kept
        && !set.iter().any(|(set, _)| set.index == column.index)
    {
        keep(writer, table, column, &conflict.target);
        if !set.is_empty() {
            writer.push(", ");
        }
    }
    for (i, (column, value)) in set.iter().enumerate() {
        if i > 0 {
            writer.push(", ");
        }
        let is_kept = kept.is_some_and(|kept| kept.index == column.index);
        let guard = if is_kept { &conflict.target[..] } else { &[] };
        set_to(
            writer,
            table,
            column,
            value,
            guard,
            conflict.filter.as_ref(),
        );
    }
}

/// `a = IF(a <=> VALUES(a) AND …, a, …)`: the column stays as it is.
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
        let [before, between, behind] = writer.text.dialect.null_safe_equality(false);
        writer.push(before);
        writer.node(&Node::Column(column.clone()));
        writer.push(between);
        writer.node(&Node::Excluded(column.clone()));
        writer.push(behind);
    }
    writer.push(" THEN ");
    write(writer);
    writer.push(" ELSE ");
    writer.push(NO_VALUE);
    writer.push(" END");
}
