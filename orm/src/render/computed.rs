//! UPDATEs of many rows that set columns to SQL expressions.

use super::expression::{Names, Rendered, Writer, write};
use super::modification::assignments;
use crate::backend::StatementKind;
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
/// As [`query`](super::query()).
pub(crate) fn update_listed(
    dialect: &dyn Dialect,
    table: &Table,
    computed: &[(ColumnRef, Node)],
    key: &[usize],
    rows: usize,
) -> Result<Rendered> {
    written(dialect, table, Names::Bare(table), |writer| {
        assignments(writer, table, computed);
        writer.push(" WHERE ");
        writer.text.in_params("", table, key, rows);
    })
}

/// Renders an UPDATE of any number of rows that sets columns to expressions and others to values. Parameters: those of the expressions,
/// then arrays: the columns to set, the key's, and the per-row parameters of the expressions, which have the types `own` and appear as
/// [`own_parameter`]s.
///
/// # Errors
///
/// As [`query`](super::query()).
pub(crate) fn update_arrays(
    dialect: &dyn Dialect,
    table: &Table,
    computed: &[(ColumnRef, Node)],
    set: &[usize],
    key: &[usize],
    own: &[ValueType],
) -> Result<Rendered> {
    written(dialect, table, Names::Qualified, |writer| {
        assignments(writer, table, computed);
        let text = &mut writer.text;
        for (at, &column) in set.iter().enumerate() {
            text.push(", ");
            text.identifier(&table.columns[column].name);
            text.push(" = ");
            text.unnested("v.s", at, &table.columns[column].ty);
        }
        text.push(" FROM UNNEST(");
        let columns: Vec<usize> = set.iter().chain(key).copied().collect();
        text.each(columns.len(), ", ", |text, at| {
            if at < set.len() {
                text.next_is_value_of(&table.columns[columns[at]]);
            }
            text.array(table, columns[at]);
        });
        for &ty in own {
            text.push(", ");
            text.array_of(ty);
        }
        text.push(") AS v(");
        text.each(set.len(), ", ", |text, at| text.numbered("s", at));
        if !set.is_empty() {
            text.push(", ");
        }
        text.each(key.len(), ", ", |text, at| text.numbered("k", at));
        for at in 0..own.len() {
            text.numbered(", p", at);
        }
        text.push(") WHERE ");
        text.each(key.len(), " AND ", |text, at| {
            let column = &table.columns[key[at]];
            text.identifier(&table.name);
            text.push(".");
            text.identifier(&column.name);
            text.push(" = ");
            text.unnested("v.k", at, &column.ty);
        });
    })
}

fn written<'a>(
    dialect: &'a dyn Dialect,
    table: &'a Table,
    names: Names<'a>,
    body: impl Fn(&mut Writer<'a>),
) -> Result<Rendered> {
    write(
        dialect,
        names,
        StatementKind::Update,
        Vec::new(),
        |writer| {
            writer.push("UPDATE ");
            writer.text.source(table);
            writer.text.writes(table);
            writer.reading([&*table.name], |writer| body(writer));
        },
    )
}
