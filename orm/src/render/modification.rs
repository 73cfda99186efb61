//! Rendering INSERT, UPDATE and DELETE.

use super::duplicate_key::on_duplicate_key;
use super::expression::{Names, Rendered, Writer, write};
use super::statement::{condition, names};
use crate::backend::StatementKind;
use crate::dialect::{Dialect, Upsert};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::{ColumnType, Table};
use crate::sql::tree::{
    ColumnRef, ConflictNode, DeleteNode, InsertNode, InsertRows, Node, UpdateNode,
};

/// Renders an INSERT; without columns it inserts one row of defaults.
///
/// # Errors
///
/// As [`query`](super::query()); [`ErrorKind::InvalidStatement`] if there are columns but no rows, or rows of another width; [`ErrorKind::Unsupported`] if
/// the database does not support ON CONFLICT or RETURNING.
pub fn render_insert(dialect: &dyn Dialect, node: &InsertNode) -> Result<Rendered> {
    let table = &*node.table;
    let width = match &node.rows {
        InsertRows::Values(rows) => rows.first().map(Vec::len),
        InsertRows::Query(query) => Some(query.columns.len()),
    };
    if !node.columns.is_empty() && width.is_none() {
        return Err(invalid(
            table,
            "an INSERT with columns needs at least one row",
        ));
    }
    if width.unwrap_or(0) != node.columns.len() {
        return Err(invalid(table, "an INSERT needs a value for each column"));
    }
    if node.conflict.is_some() && !dialect.capabilities().upsert {
        return Err(Error::unsupported(dialect.name(), "INSERT … ON CONFLICT").entity(&table.name));
    }
    check_returning(dialect, table, &node.returning)?;
    write(
        dialect,
        Names::Qualified,
        StatementKind::Insert,
        node.types.clone(),
        |writer| {
            writer.push("INSERT INTO ");
            writer.text.source(table);
            writer.text.writes(table);
            if node.columns.is_empty() {
                writer.push(dialect.default_row());
            } else {
                for (i, column) in node.columns.iter().enumerate() {
                    writer.push(if i == 0 { " (" } else { ", " });
                    target(writer, table, column);
                }
                writer.push(")");
                overriding(writer, table, node);
                writer.push(" ");
                inserted(writer, node);
            }
            writer.reading([&*table.name], |writer| {
                if let Some(conflict) = &node.conflict {
                    on_conflict(writer, node, conflict);
                }
                returning(writer, &node.returning);
            });
        },
    )
}

fn inserted(writer: &mut Writer<'_>, node: &InsertNode) {
    if let InsertRows::Query(query) = &node.rows {
        for (column, value) in node.columns.iter().zip(&query.columns) {
            if let Some(definition) = column.table.columns.get(column.index)
                && !is_of_same_type(value, column)
            {
                writer.text.computes(definition);
            }
        }
    }
    match &node.rows {
        InsertRows::Values(rows) => {
            for (i, row) in rows.iter().enumerate() {
                writer.push(if i == 0 { "VALUES (" } else { ", (" });
                for (i, value) in row.iter().enumerate() {
                    if i > 0 {
                        writer.push(", ");
                    }
                    assigned(writer, &node.columns[i], value);
                }
                writer.push(")");
            }
        }
        InsertRows::Query(query) if node.conflict.is_some() && query.filter.is_none() => {
            // Without WHERE, SQLite would parse ON CONFLICT as the ON of a join.
            let mut query = query.clone();
            query.filter = Some(Node::All(Vec::new()));
            writer.nested(|writer| writer.body(&query));
        }
        InsertRows::Query(query) => writer.nested(|writer| writer.body(query)),
    }
}

fn on_conflict(writer: &mut Writer<'_>, node: &InsertNode, conflict: &ConflictNode) {
    let table = &*node.table;
    if conflict.update.as_ref().is_some_and(Vec::is_empty) {
        return writer.fail(invalid(table, "DO UPDATE needs a column to set"));
    }
    if writer.text.dialect.upsert() == Upsert::OnDuplicateKey {
        return on_duplicate_key(writer, node, conflict);
    }
    writer.push(" ON CONFLICT");
    for (i, column) in conflict.target.iter().enumerate() {
        writer.push(if i == 0 { " (" } else { ", " });
        target(writer, table, column);
    }
    if !conflict.target.is_empty() {
        writer.push(")");
    }
    let Some(set) = &conflict.update else {
        return writer.push(" DO NOTHING");
    };
    writer.push(" DO UPDATE");
    assignments(writer, table, set);
    condition(writer, " WHERE ", conflict.filter.as_ref());
}

/// Renders an UPDATE of the rows that match a condition, or of all rows.
///
/// # Errors
///
/// As [`query`](super::query()); [`ErrorKind::InvalidStatement`] if nothing is set; [`ErrorKind::Unsupported`] if the database does not support RETURNING.
pub fn render_update(dialect: &dyn Dialect, node: &UpdateNode) -> Result<Rendered> {
    let table = &*node.table;
    if node.set.is_empty() {
        return Err(invalid(table, "an UPDATE needs a column to set"));
    }
    if !node.returning.is_empty() && !dialect.capabilities().update_returning {
        let what = "UPDATE … RETURNING";
        return Err(Error::unsupported(dialect.name(), what).entity(&table.name));
    }
    let mut nodes = node.set.iter().map(|(_, value)| value);
    let has_subquery =
        node.filter.as_ref().is_some_and(Node::has_subquery) || nodes.any(Node::has_subquery);
    let names = names(table, has_subquery);
    write(
        dialect,
        names,
        StatementKind::Update,
        node.types.clone(),
        |writer| {
            writer.push("UPDATE ");
            writer.text.source(table);
            writer.text.writes(table);
            writer.reading([&*table.name], |writer| {
                assignments(writer, table, &node.set);
                condition(writer, " WHERE ", node.filter.as_ref());
                returning(writer, &node.returning);
            });
        },
    )
}

/// Renders a DELETE of the rows that match a condition, or of all rows.
///
/// # Errors
///
/// As [`query`](super::query()); [`ErrorKind::Unsupported`] if the database does not support RETURNING.
pub fn render_delete(dialect: &dyn Dialect, node: &DeleteNode) -> Result<Rendered> {
    let table = &*node.table;
    check_returning(dialect, table, &node.returning)?;
    let names = names(table, node.filter.as_ref().is_some_and(Node::has_subquery));
    write(
        dialect,
        names,
        StatementKind::Delete,
        node.types.clone(),
        |writer| {
            writer.push("DELETE FROM ");
            writer.text.source(table);
            writer.reading([&*table.name], |writer| {
                condition(writer, " WHERE ", node.filter.as_ref());
                returning(writer, &node.returning);
            });
        },
    )
}

fn check_returning(dialect: &dyn Dialect, table: &Table, returning: &[Node]) -> Result<()> {
    if returning.is_empty() || dialect.capabilities().returning {
        return Ok(());
    }
    Err(Error::unsupported(dialect.name(), "RETURNING").entity(&table.name))
}

/// ` SET a = …, b = …`.
pub(super) fn assignments(writer: &mut Writer<'_>, table: &Table, set: &[(ColumnRef, Node)]) {
    for (i, (column, value)) in set.iter().enumerate() {
        writer.push(if i == 0 { " SET " } else { ", " });
        target(writer, table, column);
        writer.push(" = ");
        assigned(writer, column, value);
    }
}

/// Writes a value that is assigned to a column.
pub(super) fn assigned(writer: &mut Writer<'_>, column: &ColumnRef, value: &Node) {
    let definition = column.table.columns.get(column.index);
    let form = definition.and_then(|definition| writer.form_of(&definition.ty));
    match definition {
        Some(_) if is_passed_on(writer, value, column) => {
            writer.destination = Some(column.clone());
        }
        Some(definition) => writer.text.computes(definition),
        None => {}
    }
    writer.node_as(value, &form);
    writer.destination = None;
}

/// Whether an expression only chooses among parameters and values that are stored as the column stores them.
fn is_passed_on(writer: &Writer<'_>, value: &Node, column: &ColumnRef) -> bool {
    let is = |value: &Node| is_passed_on(writer, value, column);
    match value {
        Node::Param(..) => true,
        Node::Case {
            branches,
            otherwise,
        } => branches.iter().all(|(_, result)| is(result)) && otherwise.as_deref().is_none_or(is),
        Node::Function { name, arguments } if name.eq_ignore_ascii_case("coalesce") => {
            arguments.iter().all(is)
        }
        // Where equal values have several forms, the function gives the one that they share.
        Node::Function { name, arguments } if name.eq_ignore_ascii_case("nullif") => {
            let first = arguments.first();
            first.is_some_and(|first| is(first) && !writer.has_several_forms(first))
        }
        Node::Subquery(query) => match &query.columns[..] {
            [only] => is_of_same_type(only, column),
            _ => false,
        },
        value => is_of_same_type(value, column),
    }
}

/// Whether a value comes from a column that stores as this one does: itself, or one of the same type of the database's own. Columns of
/// two tables may be declared differently, whatever their mappings say.
fn is_of_same_type(value: &Node, column: &ColumnRef) -> bool {
    let (Node::Column(source) | Node::Excluded(source)) = value else {
        return false;
    };
    let (here, there) = (&column.table, &source.table);
    let is_itself =
        (&here.schema, &here.name, column.index) == (&there.schema, &there.name, source.index);
    let columns = (
        here.columns.get(column.index),
        there.columns.get(source.index),
    );
    is_itself
        || matches!(columns, (Some(here), Some(there)) if here.ty == there.ty && matches!(here.ty, ColumnType::Other { .. }))
}

fn overriding(writer: &mut Writer<'_>, table: &Table, node: &InsertNode) {
    let is_generated_key = |column: &ColumnRef| {
        let definition = table.columns.get(column.index);
        definition.is_some_and(crate::schema::Column::is_generated_key)
    };
    if node.columns.iter().any(is_generated_key) {
        let overriding = writer.text.dialect.overriding();
        writer.push(overriding);
    }
}

fn returning(writer: &mut Writer<'_>, columns: &[Node]) {
    if columns.is_empty() {
        return;
    }
    writer.push(" RETURNING ");
    writer.outputs(columns, false);
}

/// Writes the unqualified name of an assigned column.
pub(super) fn target(writer: &mut Writer<'_>, table: &Table, column: &ColumnRef) {
    match table.columns.get(column.index) {
        Some(definition) if column.table.name == table.name => {
            writer.text.identifier(&definition.name)
        }
        _ => {
            let message = format!("a column of `{}` cannot be set here", column.table.name);
            writer.fail(invalid(table, message));
        }
    }
}

#[cold]
fn invalid(table: &Table, message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidStatement, message).entity(&table.name)
}
