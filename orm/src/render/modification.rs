//! Rendering INSERT, UPDATE and DELETE.

use super::clause::{Filter, Outputs, TableRef, Values};
use super::duplicate_key::on_duplicate_key;
use super::in_sequence::in_order;
use super::statement::{Select, names};
use super::writer::{Names, Rendered, Writer, unbound, write};
use crate::backend::{Sql, StatementKind};
use crate::dialect::{Dialect, Upsert};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::{Column, ColumnType, Table};
use crate::sql::tree::{
    ColumnRef, ConflictNode, DeleteNode, InsertNode, InsertRows, Node, UpdateNode,
};
use crate::value::ValueType;

/// An INSERT.
#[derive(Clone, Copy)]
pub(super) struct Insert<'a> {
    pub(super) table: TableRef<'a>,
    pub(super) rows: NewRows<'a>,
    pub(super) returning: Outputs<'a>,
}

/// The rows of an INSERT.
#[derive(Clone, Copy)]
pub(super) enum NewRows<'a> {
    /// This many rows of values for these columns.
    List(&'a [usize], usize),
    /// One array for each column. Rows are inserted in the order of the arrays.
    Arrays(&'a [usize]),
    /// The rows of an expression tree.
    Nodes(&'a InsertNode),
}

/// An UPDATE.
#[derive(Clone, Copy)]
pub(super) struct Update<'a> {
    pub(super) table: TableRef<'a>,
    /// The columns set to expressions.
    pub(super) computed: &'a [(ColumnRef, Node)],
    /// The columns set to values: parameters, or arrays if the filter has arrays.
    pub(super) set: &'a [usize],
    pub(super) filter: Filter<'a>,
    /// The types of further arrays, which the expressions use.
    pub(super) own: &'a [ValueType],
    pub(super) returning: Outputs<'a>,
}

/// A DELETE.
#[derive(Clone, Copy)]
struct Delete<'a> {
    table: TableRef<'a>,
    filter: Filter<'a>,
    returning: Outputs<'a>,
}

impl Insert<'_> {
    /// Renders it without expressions; its parameters are bound later.
    pub(super) fn sql(&self, dialect: &dyn Dialect, capacity: usize) -> Sql {
        let names = Names::Bare(self.table.table);
        let types = self.returning.types();
        unbound(
            dialect,
            names,
            StatementKind::Insert,
            types,
            capacity,
            |writer| {
                writer.insert(self);
            },
        )
    }
}

impl<'a> Update<'a> {
    /// An UPDATE of all rows that sets nothing.
    pub(super) fn new(table: TableRef<'a>) -> Self {
        Self {
            table,
            computed: &[],
            set: &[],
            filter: Filter::Node(None),
            own: &[],
            returning: Outputs::Nodes(&[], &[]),
        }
    }

    /// Renders it with the parameters of its expressions.
    pub(super) fn rendered(&self, dialect: &dyn Dialect, names: Names<'_>) -> Result<Rendered> {
        let types = self.returning.types();
        write(dialect, names, StatementKind::Update, types, |writer| {
            writer.update(self);
        })
    }

    /// Renders it without expressions; its parameters are bound later.
    pub(super) fn sql(&self, dialect: &dyn Dialect, capacity: usize) -> Sql {
        let names = Names::Bare(self.table.table);
        let types = Vec::new();
        unbound(
            dialect,
            names,
            StatementKind::Update,
            types,
            capacity,
            |writer| {
                writer.update(self);
            },
        )
    }
}

/// Renders a DELETE of the rows whose columns have some values, which are bound later.
pub(super) fn delete_by(dialect: &dyn Dialect, table: &Table, by: &[usize], values: Values) -> Sql {
    let rows = match values {
        Values::List(rows) => rows,
        _ => 8,
    };
    let capacity = 64 + table.name.len() + rows * by.len() * 4;
    let names = Names::Bare(table);
    let of = TableRef::unnamed(table);
    let delete = Delete {
        table: of,
        filter: Filter::Values(of, by, values),
        returning: Outputs::Nodes(&[], &[]),
    };
    unbound(
        dialect,
        names,
        StatementKind::Delete,
        Vec::new(),
        capacity,
        |writer| {
            writer.delete(&delete);
        },
    )
}

/// Renders an INSERT; without columns it inserts one row of defaults.
///
/// # Errors
///
/// As [`render_select`](super::render_select); [`ErrorKind::InvalidStatement`] if there are columns but no rows, or rows of another width;
/// [`ErrorKind::Unsupported`] if the database does not support ON CONFLICT or RETURNING.
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
    let insert = Insert {
        table: TableRef::own(table),
        rows: NewRows::Nodes(node),
        returning: Outputs::Nodes(&node.returning, &node.types),
    };
    let types = node.types.clone();
    write(
        dialect,
        Names::Qualified,
        StatementKind::Insert,
        types,
        |writer| {
            writer.insert(&insert);
        },
    )
}

/// Renders an UPDATE of the rows that match a condition, or of all rows.
///
/// # Errors
///
/// As [`render_select`](super::render_select); [`ErrorKind::InvalidStatement`] if nothing is set; [`ErrorKind::Unsupported`] if the
/// database does not support RETURNING.
pub fn render_update(dialect: &dyn Dialect, node: &UpdateNode) -> Result<Rendered> {
    let table = &*node.table;
    if node.set.is_empty() {
        return Err(invalid(table, "an UPDATE needs a column to set"));
    }
    if !node.returning.is_empty() && !dialect.capabilities().update_returning {
        let what = "UPDATE … RETURNING";
        return Err(Error::unsupported(dialect.name(), what).entity(&table.name));
    }
    let mut nodes = node.set.iter().map(|(_, value)| value).chain(&node.filter);
    let names = names(table, nodes.any(Node::has_subquery));
    let update = Update {
        computed: &node.set,
        filter: Filter::Node(node.filter.as_ref()),
        returning: Outputs::Nodes(&node.returning, &node.types),
        ..Update::new(TableRef::own(table))
    };
    update.rendered(dialect, names)
}

/// Renders a DELETE of the rows that match a condition, or of all rows.
///
/// # Errors
///
/// As [`render_select`](super::render_select); [`ErrorKind::Unsupported`] if the database does not support RETURNING.
pub fn render_delete(dialect: &dyn Dialect, node: &DeleteNode) -> Result<Rendered> {
    let table = &*node.table;
    check_returning(dialect, table, &node.returning)?;
    let names = names(table, node.filter.as_ref().is_some_and(Node::has_subquery));
    let delete = Delete {
        table: TableRef::own(table),
        filter: Filter::Node(node.filter.as_ref()),
        returning: Outputs::Nodes(&node.returning, &node.types),
    };
    let types = node.types.clone();
    write(dialect, names, StatementKind::Delete, types, |writer| {
        writer.delete(&delete);
    })
}

fn check_returning(dialect: &dyn Dialect, table: &Table, returning: &[Node]) -> Result<()> {
    if returning.is_empty() || dialect.capabilities().returning {
        return Ok(());
    }
    Err(Error::unsupported(dialect.name(), "RETURNING").entity(&table.name))
}

impl Writer<'_> {
    fn insert(&mut self, insert: &Insert<'_>) {
        let table = insert.table.table;
        self.push("INSERT INTO ");
        self.table(insert.table);
        self.text.writes(table);
        self.text.inserts(table, |at| match insert.rows {
            NewRows::List(columns, _) | NewRows::Arrays(columns) => columns.contains(&at),
            NewRows::Nodes(node) => node.columns.iter().any(|column| column.index == at),
        });
        self.new_rows(table, insert.rows);
        self.reading([&*table.name], |writer| {
            if let NewRows::Nodes(node) = insert.rows
                && let Some(conflict) = &node.conflict
            {
                on_conflict(writer, node, conflict);
            }
            writer.returning(insert.returning);
        });
    }

    fn new_rows(&mut self, table: &Table, rows: NewRows<'_>) {
        let text = &mut self.text;
        match rows {
            NewRows::List([], _) => text.push(text.dialect.default_row()),
            NewRows::Nodes(node) if node.columns.is_empty() => {
                text.push(text.dialect.default_row());
            }
            NewRows::List(columns, rows) => {
                text.new_columns(table, columns);
                text.push(" VALUES ");
                text.each(rows, ", ", |text, _| {
                    text.push("(");
                    text.new_values(table, columns);
                    text.push(")");
                });
            }
            NewRows::Arrays(columns) => {
                text.new_columns(table, columns);
                text.push(" SELECT ");
                text.each(columns.len(), ", ", |text, i| {
                    text.unnested("v.c", i, &table.columns[columns[i]].ty);
                });
                text.push(" FROM UNNEST(");
                text.arrays(table, columns, columns.len());
                text.push(") WITH ORDINALITY AS v(");
                text.each(columns.len(), ", ", |text, i| text.numbered("c", i));
                text.push(", n) ORDER BY v.n");
            }
            NewRows::Nodes(node) => {
                for (i, column) in node.columns.iter().enumerate() {
                    self.push(if i == 0 { " (" } else { ", " });
                    target(self, table, column);
                }
                self.push(")");
                let mut columns = node.columns.iter();
                if columns.any(|column| is_generated_key(table, column.index)) {
                    self.push(self.text.dialect.overriding());
                }
                self.push(" ");
                inserted(self, node);
            }
        }
    }

    fn update(&mut self, update: &Update<'_>) {
        let table = update.table.table;
        self.push("UPDATE ");
        self.table(update.table);
        self.text.writes(table);
        self.reading([&*table.name], |writer| {
            match in_order(writer.text.dialect, table, update.computed) {
                Ok(computed) => assignments(writer, table, &computed),
                Err(error) => writer.fail(error),
            }
            let key = match update.filter {
                Filter::Values(_, key, Values::Joined) => Some(key),
                _ => None,
            };
            let text = &mut writer.text;
            for (i, &column) in update.set.iter().enumerate() {
                let is_first = i == 0 && update.computed.is_empty();
                text.push(if is_first { " SET " } else { ", " });
                let column = &table.columns[column];
                text.identifier(&column.name);
                text.push(" = ");
                if key.is_some() {
                    text.unnested("v.s", i, &column.ty);
                } else {
                    text.next_is_value_of(column);
                    text.value(&column.ty);
                }
            }
            if let Some(key) = key {
                text.unnested_rows(table, update.set, key, update.own);
            }
            writer.filter(update.filter);
            writer.returning(update.returning);
        });
    }

    fn delete(&mut self, delete: &Delete<'_>) {
        let table = delete.table.table;
        self.push("DELETE FROM ");
        self.table(delete.table);
        self.reading([&*table.name], |writer| {
            writer.filter(delete.filter);
            writer.returning(delete.returning);
        });
    }
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
        InsertRows::Query(query) => {
            let mut select = Select::from(&**query);
            let all = Node::All(Vec::new());
            if node.conflict.is_some() && query.filter.is_none() {
                // Without WHERE, SQLite would parse ON CONFLICT as the ON of a join.
                select.filter = Filter::Node(Some(&all));
            }
            writer.nested(|writer| writer.body(&select));
        }
    }
}

fn on_conflict(writer: &mut Writer<'_>, node: &InsertNode, conflict: &ConflictNode) {
    let table = &*node.table;
    if conflict.update.as_ref().is_some_and(Vec::is_empty) {
        return writer.fail(invalid(table, "DO UPDATE needs a column to set"));
    }
    if writer.text.dialect.upsert() == Upsert::OnDuplicateKey {
        if conflict.target_filter.is_some() {
            return writer.refuse("an upsert by a partial unique index");
        }
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
    writer.is_of_index = true;
    writer.condition(" WHERE ", conflict.target_filter.as_ref());
    writer.is_of_index = false;
    let Some(set) = &conflict.update else {
        return writer.push(" DO NOTHING");
    };
    writer.push(" DO UPDATE");
    assignments(writer, table, set);
    writer.condition(" WHERE ", conflict.filter.as_ref());
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
        // Where equal values have several forms, the function returns the one that they share.
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

/// Whether a value comes from a column that stores values as this one does: the column itself, or one of the same database-specific type.
/// Columns of two tables may be declared differently, whatever their mappings say.
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

pub(super) fn is_generated_key(table: &Table, column: usize) -> bool {
    let definition = table.columns.get(column);
    definition.is_some_and(Column::is_generated_key)
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
