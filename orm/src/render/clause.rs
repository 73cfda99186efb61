//! The clauses that statements have in common. Each describes both what expression trees hold and what the unit of work binds later.

use super::types;
use super::writer::{Names, Writer};
use crate::schema::Table;
use crate::sql::tree::{Node, Order};
use crate::value::ValueType;

/// A table of a statement.
#[derive(Clone, Copy)]
pub(crate) struct TableRef<'a> {
    pub(crate) table: &'a Table,
    pub(crate) name: Name,
}

/// The name of a table inside a statement.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name {
    /// None: its columns are not qualified.
    None,
    /// Its own, without the schema.
    Table,
    /// A name that needs no quotes.
    Alias(&'static str),
}

/// The output of a statement.
#[derive(Clone, Copy)]
pub(crate) enum Outputs<'a> {
    /// Expressions, with their types.
    Nodes(&'a [Node], &'a [ValueType]),
    /// Columns, which keep their names in the result.
    Columns(&'a [(TableRef<'a>, &'a [usize])]),
    /// The number of rows: one row with one `i64`.
    Count,
    /// One `i32` for each row.
    One,
}

/// The rows that a statement reads or writes.
#[derive(Clone, Copy)]
pub(crate) enum Filter<'a> {
    /// The rows that satisfy a condition, or all rows.
    Node(Option<&'a Node>),
    /// The rows whose columns have some values.
    Values(TableRef<'a>, &'a [usize], Values),
}

/// The form in which the values that identify the rows are bound.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Values {
    /// The values of one row.
    One,
    /// The values of this many rows, row by row.
    List(usize),
    /// One array for each column.
    Arrays,
    /// One array for each column, joined with those of the values to set.
    Joined,
}

/// ORDER BY.
#[derive(Clone, Copy)]
pub(crate) enum Sorting<'a> {
    Nodes(&'a [Order]),
    /// Columns, and whether descending.
    Columns(TableRef<'a>, &'a [(usize, bool)]),
}

impl<'a> TableRef<'a> {
    /// A table whose columns are not qualified.
    pub(super) fn unnamed(table: &'a Table) -> Self {
        let name = Name::None;
        Self { table, name }
    }

    /// A table under its own name.
    pub(crate) fn own(table: &'a Table) -> Self {
        let name = Name::Table;
        Self { table, name }
    }

    pub(super) fn aliased(table: &'a Table, name: &'static str) -> Self {
        let name = Name::Alias(name);
        Self { table, name }
    }
}

impl<'a> Outputs<'a> {
    pub(super) fn nodes(self) -> &'a [Node] {
        match self {
            Self::Nodes(nodes, _) => nodes,
            _ => &[],
        }
    }

    pub(super) fn types(self) -> Vec<ValueType> {
        match self {
            Self::Nodes(_, types) => types.to_vec(),
            Self::Columns([(of, columns)]) => types(of.table, columns),
            Self::Columns(parts) => {
                let parts = parts.iter();
                parts.flat_map(|(of, at)| types(of.table, at)).collect()
            }
            Self::Count => vec![ValueType::I64],
            Self::One => vec![ValueType::I32],
        }
    }

    fn is_empty(self) -> bool {
        match self {
            Self::Nodes(nodes, _) => nodes.is_empty(),
            Self::Columns(parts) => parts.iter().all(|(_, columns)| columns.is_empty()),
            Self::Count | Self::One => false,
        }
    }
}

impl<'a> Filter<'a> {
    pub(super) fn node(self) -> Option<&'a Node> {
        match self {
            Self::Node(node) => node,
            Self::Values(..) => None,
        }
    }
}

impl Writer<'_> {
    /// Writes a table and its name.
    pub(super) fn table(&mut self, of: TableRef<'_>) {
        match of.name {
            Name::None => self.text.table(of.table),
            Name::Table => self.text.source(of.table),
            Name::Alias(name) => {
                self.text.table(of.table);
                self.push(" AS ");
                self.push(name);
            }
        }
    }

    /// Returns the qualifier before the names of a table's columns, with its dot; empty if they are not qualified.
    pub(super) fn prefix(&self, of: TableRef<'_>) -> String {
        let mut prefix = String::new();
        match (of.name, self.names) {
            (Name::None, _) | (Name::Table, Names::Bare(_)) => return prefix,
            (Name::Table, Names::Qualified) => self.text.dialect.quote(&of.table.name, &mut prefix),
            (Name::Alias(name), _) => prefix.push_str(name),
        }
        prefix.push('.');
        prefix
    }

    pub(super) fn outputs(&mut self, outputs: Outputs<'_>, in_one_form: bool) {
        match outputs {
            Outputs::Nodes(nodes, _) => {
                for (i, node) in nodes.iter().enumerate() {
                    if i > 0 {
                        self.push(", ");
                    }
                    match in_one_form {
                        true => self.output_in_one_form(node),
                        false => self.output(node),
                    }
                }
            }
            Outputs::Columns(parts) => {
                for (i, &(of, columns)) in parts.iter().enumerate() {
                    if i > 0 {
                        self.push(", ");
                    }
                    let prefix = self.prefix(of);
                    self.text.read(&prefix, of.table, columns);
                }
            }
            Outputs::Count => self.push("COUNT(*)"),
            Outputs::One => self.push("1"),
        }
    }

    pub(super) fn returning(&mut self, outputs: Outputs<'_>) {
        if !outputs.is_empty() {
            self.push(" RETURNING ");
            self.outputs(outputs, false);
        }
    }

    pub(super) fn filter(&mut self, filter: Filter<'_>) {
        let (of, columns, values) = match filter {
            Filter::Node(node) => return self.condition(" WHERE ", node),
            Filter::Values(of, columns, values) => (of, columns, values),
        };
        self.push(" WHERE ");
        let (prefix, table) = (self.prefix(of), of.table);
        let text = &mut self.text;
        match values {
            Values::One => text.each(columns.len(), " AND ", |text, i| {
                text.is_param(&prefix, &table.columns[columns[i]]);
            }),
            Values::List(rows) => text.in_params(&prefix, table, columns, rows),
            Values::Arrays => text.in_arrays(&prefix, table, columns),
            Values::Joined => text.each(columns.len(), " AND ", |text, i| {
                let column = &table.columns[columns[i]];
                text.compares(&column.ty);
                text.push(&prefix);
                text.identifier(&column.name);
                text.push(" = ");
                text.unnested("v.k", i, &column.ty);
            }),
        }
    }

    pub(super) fn condition(&mut self, clause: &str, condition: Option<&Node>) {
        if let Some(condition) = condition {
            self.push(clause);
            self.node(condition);
        }
    }

    pub(super) fn sorting(&mut self, sorting: Sorting<'_>) {
        match sorting {
            Sorting::Nodes([]) | Sorting::Columns(_, []) => {}
            Sorting::Nodes(order) => {
                self.push(" ORDER BY ");
                self.order_keys(order, false);
            }
            Sorting::Columns(of, order) => {
                self.push(" ORDER BY ");
                let prefix = self.prefix(of);
                self.text.sorted_by(&prefix, of.table, order);
            }
        }
    }
}
