//! Reads every row, value by value.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use indicatif::ProgressBar;
use selfsame::backend::Row;
use selfsame::engine::Connected;
use selfsame::render::render_select;
use selfsame::schema::{ColumnType, Table};
use selfsame::sql::{ColumnRef, Node, Operator, SelectNode, Source};
use selfsame::value::{
    ColumnValue, Date, Decimal, Time, Timestamp, TimestampTz, Value, ValueRef, ValueType,
};
use selfsame::{Error, Result};
use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::guarded;
use super::verdict::{Severity, TableAudit};

/// How often the progress is updated, in rows.
const SHOWN_ROWS: u64 = 10_000;

/// Reads the rows of a table, up to a limit, each value separately; a value that cannot be read is reported with its row's key.
pub(super) fn rows(
    connected: &mut Connected,
    table: &Table,
    most: Option<u64>,
    progress: &ProgressBar,
    audit: &mut TableAudit,
) -> Result<()> {
    if table.columns.is_empty() {
        return Ok(());
    }
    let rendered = render_select(connected.dialect(), &select_all(table, most))?;
    let mut samples: Vec<Option<Value>> = vec![None; table.columns.len()];
    rendered.with_params(|params| {
        connected.query(&rendered.sql, params, &mut |row| {
            read_row(table, row, &mut samples, audit);
            if audit.rows.is_multiple_of(SHOWN_ROWS) {
                progress.set_message(format!("{}, {} rows", table.name, audit.rows));
            }
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

/// The finding for documents in which [`loses_keys`] finds a key twice.
const KEPT_LAST: &str = "an object of the document has a key twice: reading keeps the last, and a program that writes the document loses the first";

/// Returns a SELECT of all columns of a table, up to a number of rows.
pub(super) fn select_all(table: &Table, limit: Option<u64>) -> SelectNode {
    let from = Arc::new(table.clone());
    let mut select = SelectNode::default();
    for (index, column) in from.columns.iter().enumerate() {
        select.columns.push(reference(&from, index));
        select.types.push(column.ty.value_type());
    }
    select.from = Some(Source::from(&from));
    select.limit = limit;
    select
}

fn reference(table: &Arc<Table>, index: usize) -> Node {
    Node::Column(ColumnRef {
        table: Arc::clone(table),
        index,
        alias: None,
    })
}

fn read_row(table: &Table, row: &dyn Row, samples: &mut [Option<Value>], audit: &mut TableAudit) {
    audit.rows += 1;
    for (at, column) in table.columns.iter().enumerate() {
        let message = match row.value(at, column.ty.value_type()) {
            Ok(ValueRef::Null) if !column.nullable => "NULL in a NOT NULL column".to_owned(),
            Ok(ValueRef::Null) => continue,
            Ok(value) => match bent(&column.ty, value) {
                Ok(()) => {
                    samples[at].get_or_insert_with(|| value.to_owned());
                    if loses_keys(&column.ty, value) {
                        let key = key_text(table, row, audit.rows);
                        audit.add_row(Severity::Silent, &column.name, &key, KEPT_LAST);
                    }
                    continue;
                }
                Err(error) => error.message().to_owned(),
            },
            Err(error) => error.message().to_owned(),
        };
        audit.columns[at].is_readable = false;
        let key = key_text(table, row, audit.rows);
        audit.add_row(Severity::Loud, &column.name, &key, &message);
    }
}

/// Checks that the field type that `inspect` writes can hold a value, if it is not the neutral type itself.
fn bent(ty: &ColumnType, value: ValueRef<'_>) -> Result<()> {
    let (leaf, depth) = leaf_of(ty);
    match leaf.value_type() {
        ValueType::Json => nested::<serde_json::Value>(depth, value),
        _ if depth == 0 => Ok(()),
        ValueType::Bool => nested::<bool>(depth, value),
        ValueType::I16 => nested::<i16>(depth, value),
        ValueType::I32 => nested::<i32>(depth, value),
        ValueType::I64 => nested::<i64>(depth, value),
        ValueType::F32 => nested::<f32>(depth, value),
        ValueType::F64 => nested::<f64>(depth, value),
        ValueType::Decimal => nested::<Decimal>(depth, value),
        ValueType::Date => nested::<Date>(depth, value),
        ValueType::Time => nested::<Time>(depth, value),
        ValueType::Timestamp => nested::<Timestamp>(depth, value),
        ValueType::TimestampTz => nested::<TimestampTz>(depth, value),
        _ => nested::<String>(depth, value),
    }
}

/// Returns the type of the elements of an array, or of arrays in it, and the number of dimensions.
fn leaf_of(ty: &ColumnType) -> (&ColumnType, u32) {
    let (mut leaf, mut depth) = (ty, 0);
    while let ColumnType::Array(element) = leaf {
        (leaf, depth) = (element, depth + 1);
    }
    (leaf, depth)
}

/// Returns whether a document, or a document in an array, has a key twice.
fn loses_keys(ty: &ColumnType, value: ValueRef<'_>) -> bool {
    let has_doubled_key = |text: &str| {
        serde_json::from_str::<Keys>(text).is_err_and(|error| error.to_string().starts_with(TWICE))
    };
    let (leaf, depth) = leaf_of(ty);
    match value {
        _ if leaf.value_type() != ValueType::Json => false,
        ValueRef::Json(text) => has_doubled_key(text),
        _ => documents(depth, value)
            .iter()
            .any(|text| has_doubled_key(text)),
    }
}

/// Returns the documents of an array with this number of dimensions.
fn documents(depth: u32, value: ValueRef<'_>) -> Vec<String> {
    type Row = Vec<Option<String>>;
    let rows: Result<Vec<Row>> = match depth {
        1 => Row::from_value(value).map(|row| vec![row]),
        2 => Vec::from_value(value),
        3 => Vec::<Vec<Row>>::from_value(value).map(|planes| planes.concat()),
        _ => Ok(Vec::new()),
    };
    rows.into_iter().flatten().flatten().flatten().collect()
}

const TWICE: &str = "a key twice";

/// Parses any document; fails if an object has a key twice.
struct Keys;

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Keys {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a document")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self, A::Error> {
        while elements.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self, A::Error> {
        let mut keys = HashSet::new();
        while let Some((key, Self)) = members.next_entry::<String, Self>()? {
            if !keys.insert(key) {
                return Err(A::Error::custom(TWICE));
            }
        }
        Ok(self)
    }
}

/// Checks that an array with this number of dimensions converts to Rust.
fn nested<T: ColumnValue>(depth: u32, value: ValueRef<'_>) -> Result<()> {
    match depth {
        0 => T::from_value(value).map(drop),
        1 => Vec::<T>::from_value(value).map(drop),
        2 => Vec::<Vec<T>>::from_value(value).map(drop),
        3 => Vec::<Vec<Vec<T>>>::from_value(value).map(drop),
        _ => Ok(()),
    }
}

/// Returns the key of a row as far as it can be read, or the row's number if the table has no key.
fn key_text(table: &Table, row: &dyn Row, number: u64) -> String {
    let parts: Vec<String> = table
        .primary_key
        .iter()
        .map(
            |&at| match row.value(at, table.columns[at].ty.value_type()) {
                Ok(value) => shown(value),
                // Show the stored value if it is not a valid key.
                Err(_) => [ValueType::Text, ValueType::Native]
                    .into_iter()
                    .find_map(|ty| row.value(at, ty).ok())
                    .map_or_else(|| "?".to_owned(), shown),
            },
        )
        .collect();
    match parts.is_empty() {
        true => format!("row {number}"),
        false => parts.join(", "),
    }
}

/// Formats a value of a key.
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

/// Checks that a row is found by one of its values.
fn find(
    connected: &mut Connected,
    table: &Table,
    column: usize,
    sample: &Value,
    audit: &mut TableAudit,
) {
    let ty = table.columns[column].ty.value_type();
    let from = Arc::new(table.clone());
    let is_sample = reference(&from, column).binary(Operator::Eq, Node::Param(sample.clone(), ty));
    let mut select = SelectNode::default();
    select.columns.push(Node::Raw("1".into()));
    select.types.push(ValueType::I32);
    select.from = Some(Source::from(&from));
    select.filter = Some(is_sample);
    select.limit = Some(1);
    let found = guarded(connected, |connected| {
        let rendered = render_select(connected.dialect(), &select)?;
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
            "a query for an existing value finds no row".to_owned(),
        ),
        Err(error) => audit.add(
            Severity::Note,
            Some(&name),
            format!("it cannot be compared by `=`: {}", error.message()),
        ),
    }
}
