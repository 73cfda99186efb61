//! A column as a field.

use std::collections::BTreeSet;

use selfsame::schema::{Column, ColumnType, Generated};

use super::{Draft, Field};
use crate::inspect::names;

/// The field of a column, without its constraints.
pub(super) fn field(
    draft: &Draft<'_>,
    position: usize,
    imports: &mut BTreeSet<&'static str>,
) -> Field {
    let table = draft.table;
    let column = &table.columns[position];
    let name = &draft.fields[position];
    let mut field = Field {
        comments: Vec::new(),
        attributes: Vec::new(),
        name: names::written(name),
        ty: base(&column.ty).to_owned(),
    };
    if base(&column.ty).chars().all(char::is_alphanumeric) && is_neutral(&column.ty) {
        imports.insert(base(&column.ty));
    }
    if table.primary_key.contains(&position) {
        add(&mut field, "primary_key");
    }
    if *name != column.name {
        field.attributes.push(format!("column = {:?}", column.name));
    }
    match column.ty {
        ColumnType::Text {
            length: Some(length),
        } => field.attributes.push(format!("length = {length}")),
        ColumnType::Decimal {
            precision: Some((precision, scale)),
        } => field
            .attributes
            .push(format!("precision = ({precision}, {scale})")),
        _ => {}
    }
    if column.nullable {
        field.ty = format!("Option<{}>", field.ty);
    }
    let is_counted = table.generated_key() == Some(position);
    make(&mut field, column, is_counted);
    field
}

/// Adds an attribute without a value, in front of those with one.
pub(super) fn add(field: &mut Field, attribute: &str) {
    let at = field
        .attributes
        .iter()
        .position(|other| other.contains('='))
        .unwrap_or(field.attributes.len());
    field.attributes.insert(at, attribute.to_owned());
}

/// Says who makes the value.
fn make(field: &mut Field, column: &Column, is_counted: bool) {
    match &column.generated {
        Generated::Key | Generated::KeyNeverReused if is_counted => {
            field.ty = format!("Auto<{}>", field.ty);
            if column.generated == Generated::KeyNeverReused {
                add(field, "autoincrement");
            }
        }
        Generated::Key | Generated::KeyNeverReused => field.comments.push(
            "The database counts this column, which is not the whole key: here the program gives it."
                .to_owned(),
        ),
        Generated::Default(expression) => {
            field.ty = format!("Auto<{}>", field.ty);
            field
                .attributes
                .push(format!("server_default = {expression:?}"));
        }
        Generated::Computed(expression) => {
            field.ty = format!("Auto<{}>", field.ty);
            field.attributes.push(format!("computed = {expression:?}"));
        }
        _ => {}
    }
}

/// The type of a value that is there.
fn base(ty: &ColumnType) -> &'static str {
    match ty {
        ColumnType::Bool => "bool",
        ColumnType::I16 => "i16",
        ColumnType::I32 => "i32",
        ColumnType::I64 => "i64",
        ColumnType::F32 => "f32",
        ColumnType::F64 => "f64",
        ColumnType::Bytes => "Vec<u8>",
        ColumnType::Decimal { .. } => "Decimal",
        ColumnType::Uuid => "uuid::Uuid",
        ColumnType::Date => "Date",
        ColumnType::Time => "Time",
        ColumnType::Timestamp => "Timestamp",
        ColumnType::TimestampTz => "TimestampTz",
        ColumnType::Json => "serde_json::Value",
        // Text, and what `ColumnType` may grow: text takes whatever can be written.
        _ => "String",
    }
}

/// Whether the type is one of `selfsame::value`.
fn is_neutral(ty: &ColumnType) -> bool {
    matches!(
        ty,
        ColumnType::Decimal { .. }
            | ColumnType::Date
            | ColumnType::Time
            | ColumnType::Timestamp
            | ColumnType::TimestampTz
    )
}
