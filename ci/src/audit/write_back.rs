//! Writes rows back unchanged, and reads them again.

use std::collections::BTreeSet;

use selfsame::Result;
use selfsame::engine::Connected;
use selfsame::render::{Renderer, render_select};
use selfsame::schema::{Generated, Table};
use selfsame::value::{Param, Value, ValueRef};

use super::guarded;
use super::read::{select_all, shown};
use super::verdict::{Severity, TableAudit};

/// Writes some rows of a table back, each column separately if all together are refused.
pub(super) fn rows(
    connected: &mut Connected,
    table: &Table,
    most: u64,
    audit: &mut TableAudit,
) -> Result<()> {
    if table.primary_key.is_empty() {
        return Ok(());
    }
    if table.without_transactions {
        let message = "not written back: it would keep what a rolled-back transaction wrote";
        audit.add(Severity::Note, None, message.to_owned());
        return Ok(());
    }
    let writable: Vec<usize> = (0..table.columns.len())
        .filter(|&at| {
            !table.primary_key.contains(&at)
                && audit.columns[at].is_readable
                && !matches!(table.columns[at].generated, Generated::Computed(_))
                && !table.columns[at].is_generated_key()
        })
        .collect();
    for row in sample(connected, table, most)? {
        // A row whose key cannot be read is already reported, and cannot be found.
        let is_unread =
            |&at: &usize| !audit.columns[at].is_readable && matches!(row[at], Value::Null);
        if table.primary_key.iter().any(is_unread) {
            continue;
        }
        let key: Vec<&Value> = table.primary_key.iter().map(|&at| &row[at]).collect();
        let key_text: Vec<String> = key.iter().map(|value| shown(value.as_ref())).collect();
        let key_text = key_text.join(", ");
        let whole = guarded(connected, |connected| {
            written(connected, table, &writable, &row)
        });
        if matches!(&whole, Ok(kept) if kept.iter().all(|kept| *kept)) {
            for &at in &writable {
                audit.columns[at].is_writable.get_or_insert(true);
            }
            continue;
        }
        let mut told = BTreeSet::new();
        for &at in &writable {
            let one = guarded(connected, |connected| {
                written(connected, table, &[at], &row)
            });
            let (severity, message) = match one {
                Ok(kept) if kept == [true] => {
                    audit.columns[at].is_writable.get_or_insert(true);
                    continue;
                }
                Ok(_) => (
                    Severity::Silent,
                    "writing it back changes the value".to_owned(),
                ),
                Err(error) => (
                    Severity::Loud,
                    format!("it cannot be written back: {}", error.message()),
                ),
            };
            told.insert(at);
            audit.columns[at].is_writable = Some(false);
            audit.add_row(severity, &table.columns[at].name, &key_text, &message);
        }
        // A trigger that runs for some columns may change another one.
        let changed = whole.into_iter().flatten().zip(&writable);
        for (_, &at) in changed.filter(|(kept, at)| !kept && !told.contains(*at)) {
            let message = "writing it back beside other columns changes the value";
            audit.columns[at].is_writable = Some(false);
            audit.add_row(
                Severity::Silent,
                &table.columns[at].name,
                &key_text,
                message,
            );
        }
    }
    Ok(())
}

/// Returns the values of some rows that can be read completely.
fn sample(connected: &mut Connected, table: &Table, most: u64) -> Result<Vec<Vec<Value>>> {
    let rendered = render_select(connected.dialect(), &select_all(table, Some(most)))?;
    let mut rows = Vec::new();
    rendered.with_params(|params| {
        connected.query(&rendered.sql, params, &mut |row| {
            let value = |at: usize| row.value(at, table.columns[at].ty.value_type());
            let values = (0..table.columns.len()).map(|at| match value(at) {
                Ok(value) => value.to_owned(),
                // It is not written.
                Err(_) => Value::Null,
            });
            rows.push(values.collect());
            Ok(())
        })
    })?;
    Ok(rows)
}

/// Writes columns of a row back unchanged, and returns for each whether its value is the same afterwards.
fn written(
    connected: &mut Connected,
    table: &Table,
    columns: &[usize],
    row: &[Value],
) -> Result<Vec<bool>> {
    if columns.is_empty() {
        return Ok(Vec::new());
    }
    let key = &table.primary_key;
    let (update, select) = {
        let renderer = Renderer::new(connected.dialect());
        (
            renderer.update(table, columns, key),
            renderer.select_by(table, columns, key, 1, &[]),
        )
    };
    let param = |&at: &usize| Param::Ref(row[at].as_ref());
    let params: Vec<Param<'_>> = columns.iter().chain(key).map(param).collect();
    let outcome = connected.execute(&update, &params)?;
    if outcome.matched != 1 {
        let message = format!("an UPDATE by its key matched {} rows", outcome.matched);
        return Err(selfsame::Error::new(
            selfsame::ErrorKind::StaleData,
            message,
        ));
    }
    let params: Vec<Param<'_>> = key.iter().map(param).collect();
    let mut kept = vec![false; columns.len()];
    connected.query(&select, &params, &mut |read| {
        for (place, &at) in columns.iter().enumerate() {
            let value: ValueRef<'_> = read.value(place, table.columns[at].ty.value_type())?;
            kept[place] = value.same(row[at].as_ref());
        }
        Ok(())
    })?;
    Ok(kept)
}
