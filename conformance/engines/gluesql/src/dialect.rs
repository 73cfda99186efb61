//! How the engine's SQL differs from the defaults, and what it can do.

use std::borrow::Cow;

use selfsame::dialect::{Batch, Capabilities, Dialect, TextMatch};
use selfsame::schema::ColumnType;
use selfsame::value::ValueType;

/// The engine has no limit; a statement with more would take long to parse.
const MAX_PARAMETERS: usize = 10_000;

#[derive(Debug)]
pub(crate) struct GlueDialect;

impl Dialect for GlueDialect {
    fn name(&self) -> &str {
        "gluesql"
    }

    fn column_type(&self, ty: &ColumnType) -> Cow<'static, str> {
        match ty {
            ColumnType::Bool => "BOOLEAN",
            ColumnType::I16 => "INT16",
            ColumnType::I32 => "INT32",
            ColumnType::I64 => "INT",
            ColumnType::F32 => "FLOAT32",
            ColumnType::F64 => "FLOAT",
            ColumnType::Decimal { .. } => "DECIMAL",
            ColumnType::Bytes => "BYTEA",
            ColumnType::Uuid => "UUID",
            ColumnType::Date => "DATE",
            ColumnType::Time => "TIME",
            ColumnType::Timestamp | ColumnType::TimestampTz => "TIMESTAMP",
            _ => "TEXT",
        }
        .into()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::none()
            .with_json_text_kept(true)
            .with_exact_decimals(true)
            .with_decimal_scale_kept(true)
            .with_max_parameters(Some(MAX_PARAMETERS))
    }

    fn batch(&self) -> Batch {
        Batch::Values {
            max_parameters: MAX_PARAMETERS,
        }
    }

    fn placeholder(&self, index: usize, _: ValueType, out: &mut String) {
        out.push_str(&format!("${index}"));
    }

    fn table_exists(&self) -> String {
        "SELECT 1 FROM GLUE_TABLES WHERE TABLE_NAME = $1".to_owned()
    }

    fn text_match(&self, test: TextMatch, subject: &str, pattern: &str, out: &mut String) {
        // LEFT and RIGHT count bytes. An empty text begins and ends every text, but not NULL.
        let found = match test {
            TextMatch::StartsWith => format!("POSITION({pattern} IN {subject}) = 1"),
            TextMatch::EndsWith => {
                format!("POSITION(REVERSE({pattern}) IN REVERSE({subject})) = 1")
            }
            TextMatch::Contains => format!("POSITION({pattern} IN {subject}) > 0"),
        };
        out.push_str(&format!(
            "CASE WHEN {pattern} = '' THEN {subject} = {subject} ELSE {found} END"
        ));
    }

    /// Patterns have no escape character.
    fn like(&self, negated: bool) -> [&'static str; 3] {
        ["", if negated { " NOT LIKE " } else { " LIKE " }, ""]
    }
}
