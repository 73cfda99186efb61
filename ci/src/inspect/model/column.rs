//! A column as a field.

use selfsame::schema::{Column, ColumnType, Generated};

use super::{Draft, Field, Module, commented};
use crate::inspect::{names, remarks};

/// The field of a column, without its constraints.
pub(super) fn field(draft: &Draft<'_>, position: usize, module: &mut Module) -> Field {
    let table = draft.table;
    let column = &table.columns[position];
    let name = &draft.fields[position];
    let (docs, comment) = commented(column.comment.as_ref());
    let mut field = Field {
        comments: remarks(&column.remarks, column.unreadable),
        docs,
        attributes: Vec::from_iter(comment),
        name: names::written(name),
        ty: rust_type(&column.ty, module),
    };
    if let Some(place) = table.primary_key.iter().position(|&key| key == position) {
        match table.primary_key.is_sorted() {
            true => add(&mut field, "primary_key"),
            false => field
                .attributes
                .push(format!("primary_key = {}", place + 1)),
        }
    }
    if *name != column.name {
        field.attributes.push(format!("column = {:?}", column.name));
    }
    match &column.ty {
        ColumnType::Text {
            length: Some(length),
        } => field.attributes.push(format!("length = {length}")),
        ColumnType::Decimal {
            precision: Some((precision, scale)),
        } => field
            .attributes
            .push(format!("precision = ({precision}, {scale})")),
        ty => field
            .attributes
            .extend(own_type(ty).map(|name| format!("db_type = {name:?}"))),
    }
    if column.nullable {
        field.ty = format!("Option<{}>", field.ty);
    }
    let is_key = table.primary_key.contains(&position);
    make(&mut field, column, is_key);
    field
}

/// Adds an attribute without a value, before those with one.
pub(super) fn add(field: &mut Field, attribute: &str) {
    let at = field
        .attributes
        .iter()
        .position(|other| other.contains('='))
        .unwrap_or(field.attributes.len());
    field.attributes.insert(at, attribute.to_owned());
}

/// Adds the attribute that says who generates the value.
fn make(field: &mut Field, column: &Column, is_key: bool) {
    match &column.generated {
        Generated::Key | Generated::KeyNeverReused => {
            field.ty = format!("Auto<{}>", field.ty);
            if !is_key {
                add(field, "identity");
            }
            if column.generated == Generated::KeyNeverReused {
                add(field, "autoincrement");
            }
        }
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

/// The type of a value that is not NULL; its imports are added to the module.
fn rust_type(ty: &ColumnType, module: &mut Module) -> String {
    match ty {
        ColumnType::Array(element) => format!("Vec<{}>", rust_type(element, module)),
        ColumnType::NativeEnum { name, labels } if can_be_derived(labels) => {
            module.enumeration(name, labels)
        }
        ty => {
            if is_neutral(ty) {
                module.imports.insert(base(ty));
            }
            base(ty).to_owned()
        }
    }
}

/// Returns the database's name of the column type if the field's type does not determine it: a type that only the database knows, or an array
/// of one.
fn own_type(ty: &ColumnType) -> Option<String> {
    match ty {
        ColumnType::Other { name } | ColumnType::Declared { name, .. } => Some(name.clone()),
        ColumnType::NativeEnum { name, labels } if !can_be_derived(labels) => Some(name.clone()),
        ColumnType::Array(element) => own_type(element).map(|name| format!("{name}[]")),
        _ => None,
    }
}

/// Returns whether an enum can have these labels: a Rust enum without variants has no values.
fn can_be_derived(labels: &[String]) -> bool {
    !labels.is_empty()
}

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
        ColumnType::Declared { of, .. } => base(&ColumnType::of(*of)),
        // Text, and variants that `ColumnType` may get later: text can hold any value.
        _ => "String",
    }
}

/// Whether the type is one of `selfsame::value`.
fn is_neutral(ty: &ColumnType) -> bool {
    if let ColumnType::Declared { of, .. } = ty {
        return is_neutral(&ColumnType::of(*of));
    }
    matches!(
        ty,
        ColumnType::Decimal { .. }
            | ColumnType::Date
            | ColumnType::Time
            | ColumnType::Timestamp
            | ColumnType::TimestampTz
    )
}
