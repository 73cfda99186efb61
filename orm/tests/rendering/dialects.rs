//! Three dialects: the ANSI default by rows, `?` with VALUES, `$n` with arrays.

use std::borrow::Cow;
use std::fmt::Write as _;

use selfsame::Result;
use selfsame::dialect::{Batch, Capabilities, Dialect, GeneratedKey};
use selfsame::render::{Argument, Rendered};
use selfsame::schema::{Column, ColumnType};
use selfsame::value::{Value, ValueType};

/// The ANSI defaults; enforces everything.
#[derive(Debug)]
pub(crate) struct Ansi;

/// `?`, multi-row VALUES, no ALTER, no locks.
#[derive(Debug)]
pub(crate) struct Values;

/// `$n`, arrays.
#[derive(Debug)]
pub(crate) struct Arrays;

pub(crate) fn ansi_type(ty: &ColumnType) -> Cow<'static, str> {
    match ty {
        ColumnType::Bool => "BOOLEAN".into(),
        ColumnType::I16 => "SMALLINT".into(),
        ColumnType::I32 => "INTEGER".into(),
        ColumnType::I64 => "BIGINT".into(),
        ColumnType::F32 => "REAL".into(),
        ColumnType::F64 => "DOUBLE PRECISION".into(),
        ColumnType::Text { length: Some(n) } => format!("VARCHAR({n})").into(),
        ColumnType::Decimal {
            precision: Some((p, s)),
        } => format!("NUMERIC({p}, {s})").into(),
        ColumnType::Decimal { .. } => "NUMERIC".into(),
        _ => "TEXT".into(),
    }
}

impl Dialect for Ansi {
    fn name(&self) -> &str {
        "ansi"
    }

    fn column_type(&self, ty: &ColumnType) -> Cow<'static, str> {
        ansi_type(ty)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::none()
            .with_foreign_keys(true)
            .with_checks(true)
            .with_generated_keys(true)
            .with_windows(true)
            .with_recursive_queries(true)
            .with_set_operations(true)
            .with_json_paths(true)
            .with_date_parts(true)
            .with_computed_columns(true)
            .with_row_locks(true)
            .with_nulls_order(true)
            .with_alter_add_constraint(true)
            .with_max_identifier(Some(30))
    }

    fn batch(&self) -> Batch {
        Batch::Rows
    }
}

impl Dialect for Values {
    fn name(&self) -> &str {
        "values"
    }

    fn column_type(&self, ty: &ColumnType) -> Cow<'static, str> {
        ansi_type(ty)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::none()
            .with_generated_keys(true)
            .with_windows(true)
            .with_recursive_queries(true)
            .with_set_operations(true)
            .with_json_paths(true)
            .with_date_parts(true)
            .with_computed_columns(true)
            .with_returning(true)
            .with_update_returning(true)
            .with_upsert(true)
            .with_max_parameters(Some(8))
    }

    fn batch(&self) -> Batch {
        Batch::Values { max_parameters: 8 }
    }

    fn generated_key(&self, _: &Column) -> GeneratedKey {
        GeneratedKey {
            definition: "INTEGER PRIMARY KEY".into(),
            is_primary_key: true,
        }
    }
}

impl Dialect for Arrays {
    fn name(&self) -> &str {
        "arrays"
    }

    fn column_type(&self, ty: &ColumnType) -> Cow<'static, str> {
        ansi_type(ty).to_lowercase().into()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::none()
            .with_foreign_keys(true)
            .with_checks(true)
            .with_generated_keys(true)
            .with_windows(true)
            .with_recursive_queries(true)
            .with_set_operations(true)
            .with_json_paths(true)
            .with_date_parts(true)
            .with_computed_columns(true)
            .with_returning(true)
            .with_update_returning(true)
            .with_upsert(true)
            .with_row_locks(true)
            .with_nulls_order(true)
            .with_alter_add_constraint(true)
            .with_max_parameters(Some(8))
            .with_max_identifier(Some(63))
    }

    fn batch(&self) -> Batch {
        Batch::Arrays
    }

    fn placeholder(&self, index: usize, _: ValueType, out: &mut String) {
        write!(out, "${index}").expect("a String accepts any text");
    }
}

pub(crate) const DIALECTS: [&dyn Dialect; 3] = [&Ansi, &Values, &Arrays];

/// The parameters of a statement.
pub(crate) fn values(rendered: &Rendered) -> String {
    assert_eq!(rendered.arguments.len(), rendered.sql.params().len());
    let value = |value: &Value| match value {
        Value::Null => "NULL".to_owned(),
        Value::I32(v) => v.to_string(),
        Value::I64(v) => v.to_string(),
        Value::Bool(v) => v.to_string(),
        Value::Text(v) => format!("{v:?}"),
        other => format!("{other:?}"),
    };
    let argument = |argument: &Argument| match argument {
        Argument::Value(one) => value(one),
        Argument::Array(many) => {
            format!(
                "{{{}}}",
                many.iter().map(value).collect::<Vec<_>>().join(", ")
            )
        }
    };
    let all: Vec<String> = rendered.arguments.iter().map(argument).collect();
    format!("[{}]", all.join(", "))
}

/// The same statement on each dialect, one a line.
pub(crate) fn everywhere(render: impl Fn(&dyn Dialect) -> Result<Rendered>) -> String {
    let line = |dialect| match render(dialect) {
        Ok(rendered) => format!("{} {}", rendered.sql.text(), values(&rendered)),
        Err(error) => format!("{error:?}"),
    };
    DIALECTS.map(line).join("\n")
}
