//! Reading every row, value by value.

use std::sync::Arc;

use selfsame::backend::Row;
use selfsame::engine::Connected;
use selfsame::render::{QuerySpec, Read, query};
use selfsame::schema::Table;
use selfsame::sql::{ColumnRef, Node, Operator};
use selfsame::value::{Value, ValueRef};
use selfsame::{Error, Result};

use super::guarded;
use super::verdict::{Severity, TableAudit};

/// Reads the rows of a table, or so many of them, each value by itself: one that cannot be read is told by its row's key.
pub(super) fn rows(
    connected: &mut Connected,
    table: &Table,
    most: Option<u64>,
    audit: &mut TableAudit,
) -> Result<()> {
    let columns: Vec<usize> = (0..table.columns.len()).collect();
    let spec = QuerySpec {
        limit: most,
        ..QuerySpec::new(table, Read::Columns(&columns))
    };
    let rendered = query(connected.dialect(), &spec)?;
    let mut samples: Vec<Option<Value>> = vec![None; columns.len()];
    rendered.with_params(|params| {
        connected.query(&rendered.sql, params, &mut |row| {
            read_row(table, row, &mut samples, audit);
            Ok(())
        })
    })?;
    for (column, sample) in samples.iter().enumerate() {
        if let Some(sample) = sample {
            find(connected, table, column, sample, audit);
        }
    }
    Ok(())
}

fn read_row(table: &Table, row: &dyn Row, samples: &mut [Option<Value>], audit: &mut TableAudit) {
    audit.rows += 1;
    for (at, column) in table.columns.iter().enumerate() {
        let message = match row.value(at, column.ty.value_type()) {
            Ok(ValueRef::Null) if !column.nullable => {
                "NULL in a column that is never NULL".to_owned()
            }
            Ok(ValueRef::Null) => continue,
            Ok(value) => {
                samples[at].get_or_insert_with(|| value.to_owned());
                continue;
            }
            Err(error) => error.message().to_owned(),
        };
        audit.columns[at].is_readable = false;
        let key = key_text(table, row, audit.rows);
        audit.add_row(Severity::Loud, &column.name, &key, &message);
    }
}

/// The key of a row as far as it can be read; the number of the row where the table has none.
fn key_text(table: &Table, row: &dyn Row, number: u64) -> String {
    let parts: Vec<String> = table
        .primary_key
        .iter()
        .map(
            |&at| match row.value(at, table.columns[at].ty.value_type()) {
                Ok(value) => shown(value),
                Err(_) => "?".to_owned(),
            },
        )
        .collect();
    match parts.is_empty() {
        true => format!("row {number}"),
        false => parts.join(", "),
    }
}

/// A value of a key as people write it.
pub(super) fn shown(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::I16(v) => v.to_string(),
        ValueRef::I32(v) => v.to_string(),
        ValueRef::I64(v) => v.to_string(),
        ValueRef::Text(v) => format!("{v:?}"),
        ValueRef::Date(v) => v.to_string(),
        ValueRef::Timestamp(v) => v.to_string(),
        ValueRef::Decimal(v) => v.to_string(),
        ValueRef::Uuid(v) => v.iter().map(|byte| format!("{byte:02x}")).collect(),
        other => format!("{other:?}"),
    }
}

/// Looks for a row by a value that one has: it must be found.
fn find(
    connected: &mut Connected,
    table: &Table,
    column: usize,
    sample: &Value,
    audit: &mut TableAudit,
) {
    let ty = table.columns[column].ty.value_type();
    let reference = ColumnRef {
        table: Arc::new(table.clone()),
        index: column,
        alias: None,
    };
    let filter = Node::Column(reference).binary(Operator::Eq, Node::Param(sample.clone(), ty));
    let found = guarded(connected, |connected| {
        let spec = QuerySpec {
            filter: Some(&filter),
            ..QuerySpec::new(table, Read::Exists)
        };
        let rendered = query(connected.dialect(), &spec)?;
        let mut found = false;
        rendered.with_params(|params| {
            connected.query(&rendered.sql, params, &mut |_| {
                found = true;
                Ok::<(), Error>(())
            })
        })?;
        Ok(found)
    });
    let name = table.columns[column].name.clone();
    audit.columns[column].is_found = Some(matches!(found, Ok(true)));
    match found {
        Ok(true) => {}
        Ok(false) => audit.add(
            Severity::Silent,
            Some(&name),
            "a condition on a value that a row has finds no row".to_owned(),
        ),
        Err(error) => audit.add(
            Severity::Note,
            Some(&name),
            format!("it cannot be compared by `=`: {}", error.message()),
        ),
    }
}
