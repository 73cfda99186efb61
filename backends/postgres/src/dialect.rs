//! PostgreSQL's dialect.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

use selfsame::Result;
use selfsame::backend::Connection;
use selfsame::dialect::{Batch, Capabilities, Dialect, Isolation, JsonStep, TextMatch};
use selfsame::schema::{ColumnType, Table};
use selfsame::value::ValueType;

use crate::reflection;
use crate::settings::literal;

/// The maximum number of parameters of a statement: the protocol counts them in 16 bits.
const MAX_PARAMETERS: usize = 65_535;
/// The maximum length of an identifier with the default NAMEDATALEN.
const MAX_IDENTIFIER: usize = 63;

/// PostgreSQL's dialect.
///
/// It does not claim READ UNCOMMITTED, because the server uses READ COMMITTED instead.
#[derive(Clone, Debug, Default)]
pub struct PostgresDialect {
    pub(crate) lock_timeout: Option<Duration>,
}

impl Dialect for PostgresDialect {
    fn name(&self) -> &str {
        "postgres"
    }

    fn column_type(&self, ty: &ColumnType) -> Cow<'static, str> {
        match ty {
            ColumnType::Text {
                length: Some(length),
            } => format!("varchar({length})").into(),
            ColumnType::Decimal {
                precision: Some((precision, scale)),
            } => format!("numeric({precision}, {scale})").into(),
            ColumnType::Array(element) => format!("{}[]", self.column_type(element)).into(),
            ColumnType::Other { name }
            | ColumnType::NativeEnum { name, .. }
            | ColumnType::Declared { name, .. } => name.clone().into(),
            _ => unbounded_type(ty).into(),
        }
    }

    /// Types have several names: `timetz` is `time with time zone`.
    fn is_same_type(&self, one: &ColumnType, other: &ColumnType) -> bool {
        canonical(&self.column_type(one)) == canonical(&self.column_type(other))
    }

    /// Without modifiers: a cast to `bit(3)` or `character(5)` would truncate long values instead of refusing them.
    fn text_form(&self, ty: &ColumnType) -> Option<Cow<'static, str>> {
        Some(match ty {
            ColumnType::NativeEnum { name, .. } => name.clone().into(),
            ColumnType::Other { name } => without_modifiers(name),
            ColumnType::Array(element) => {
                let name = self.text_form(element);
                let name = name.unwrap_or_else(|| unbounded_type(element).into());
                format!("{name}[]").into()
            }
            _ => return None,
        })
    }

    /// A cast of an `inet` to text would add `/32`.
    fn read_text(&self, operand: &str, ty: &ColumnType, out: &mut String) {
        let written = match ty {
            ColumnType::Other { name } if name == "inet" => write!(out, "abbrev({operand})"),
            _ => write!(out, "CAST({operand} AS text)"),
        };
        written.expect("writing to a String does not fail");
    }

    /// The server converts assigned values to the type of the column, which may round them.
    fn converts_what_it_stores(&self) -> bool {
        true
    }

    fn create_enum(&self, name: &str, labels: &[String]) -> Option<String> {
        let labels: Vec<String> = labels.iter().map(|label| literal(label)).collect();
        Some(unless(
            &format!("CREATE TYPE {name} AS ENUM ({})", labels.join(", ")),
            "duplicate_object",
        ))
    }

    fn drop_enum(&self, name: &str) -> Option<String> {
        Some(unless(
            &format!("DROP TYPE IF EXISTS {name}"),
            "dependent_objects_still_exist",
        ))
    }

    fn comment(&self, object: &str, text: &str) -> Option<String> {
        Some(format!("COMMENT ON {object} IS {}", literal(text)))
    }

    fn computes_decimals(&self) -> bool {
        true
    }

    fn supports_deferrable_uniques(&self) -> bool {
        true
    }

    fn overriding(&self) -> &'static str {
        " OVERRIDING SYSTEM VALUE"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::none()
            .with_transactions(true)
            .with_savepoints(true)
            .with_foreign_keys(true)
            .with_checks(true)
            .with_generated_keys(true)
            .with_returning(true)
            .with_update_returning(true)
            .with_upsert(true)
            .with_row_locks(true)
            .with_deferrable_constraints(true)
            .with_nulls_order(true)
            .with_row_values(true)
            .with_alter_add_constraint(true)
            .with_read_only_transactions(true)
            .with_isolation_levels(vec![
                Isolation::ReadCommitted,
                Isolation::RepeatableRead,
                Isolation::Serializable,
            ])
            .with_nan(true)
            .with_infinities(true)
            .with_negative_zero(true)
            .with_nul_in_text(false)
            .with_json_text_kept(false)
            .with_exact_decimals(true)
            .with_decimal_scale_kept(true)
            .with_constraint_names(true)
            .with_key_constraint_names(true)
            .with_column_names(true)
            .with_error_codes(true)
            .with_computed_columns(true)
            .with_windows(true)
            .with_recursive_queries(true)
            .with_set_operations(true)
            .with_json_paths(true)
            .with_date_parts(true)
            .with_max_parameters(Some(MAX_PARAMETERS))
            .with_max_identifier(Some(MAX_IDENTIFIER))
            .with_lock_timeout(self.lock_timeout)
    }

    /// Independent of `standard_conforming_strings`.
    fn literal(&self, text: &str, out: &mut String) {
        out.push_str(&literal(text));
    }

    fn batch(&self) -> Batch {
        Batch::Arrays
    }

    /// `$1`. No cast: each parameter's type is declared when the statement is prepared.
    fn placeholder(&self, index: usize, _: ValueType, out: &mut String) {
        write!(out, "${index}").expect("writing to a String does not fail");
    }

    fn json_text(&self, document: &str, path: &[JsonStep], out: &mut String) {
        out.push_str("jsonb_extract_path_text(");
        out.push_str(document);
        for step in path {
            out.push_str(", ");
            match step {
                JsonStep::Name(name) => self.literal(name, out),
                JsonStep::Index(index) => self.literal(&index.to_string(), out),
            }
        }
        out.push(')');
    }

    /// Without length and precision, because a cast to `varchar(5)[]` would truncate long values instead of refusing them.
    fn array_type(&self, ty: &ColumnType) -> Cow<'static, str> {
        format!("{}[]", unbounded_type(ty)).into()
    }

    fn table_exists(&self) -> String {
        "SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = current_schema() AND c.relname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"
            .to_owned()
    }

    fn table_exists_in_schema(&self) -> String {
        "SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.relname = $1 AND n.nspname = $2 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"
            .to_owned()
    }

    fn text_match(&self, test: TextMatch, subject: &str, pattern: &str, out: &mut String) {
        let written = match test {
            TextMatch::StartsWith => write!(out, "starts_with({subject}, {pattern})"),
            TextMatch::EndsWith => write!(out, "right({subject}, length({pattern})) = {pattern}"),
            TextMatch::Contains => write!(out, "strpos({subject}, {pattern}) > 0"),
        };
        written.expect("writing to a String does not fail");
    }

    fn reflect(
        &self,
        connection: &mut dyn Connection,
        schemas: &[Option<String>],
    ) -> Result<Vec<Table>> {
        reflection::reflect(connection, schemas)
    }

    fn schemas(&self, connection: &mut dyn Connection) -> Result<Vec<(String, u64)>> {
        reflection::schemas(connection)
    }

    fn referring_tables(
        &self,
        connection: &mut dyn Connection,
        table: &Table,
    ) -> Result<Vec<Table>> {
        reflection::referring_tables(connection, table)
    }
}

fn without_modifiers(written: &str) -> Cow<'static, str> {
    let (name, _) = reflection::types::split(written);
    let (name, brackets) = match name.find("[]") {
        Some(at) => name.split_at(at),
        None => (name.as_str(), ""),
    };
    // Without a length, these type names mean one character or one bit.
    let name = match name.to_lowercase().as_str() {
        "character" | "char" => "bpchar",
        "bit" => "\"bit\"",
        _ => name,
    };
    format!("{name}{brackets}").into()
}

/// Returns the name of a type as this dialect writes it, if it is one of its own types.
fn canonical(written: &str) -> String {
    let (name, modifiers) = reflection::types::split(written);
    let (name, brackets) = match name.find("[]") {
        Some(at) => name.split_at(at),
        None => (name.as_str(), ""),
    };
    let lower = name.to_lowercase();
    let name = match lower.trim() {
        "character varying" => "varchar",
        "character" => "char",
        "bit varying" => "varbit",
        "time without time zone" => "time",
        "time with time zone" => "timetz",
        "timestamp without time zone" => "timestamp",
        "timestamp with time zone" => "timestamptz",
        "bool" => "boolean",
        "int2" => "smallint",
        "int" | "int4" => "integer",
        "int8" => "bigint",
        "float4" => "real",
        "float8" => "double precision",
        "decimal" => "numeric",
        // A quoted name keeps its case.
        _ if name.contains('"') => name,
        other => other,
    };
    format!("{name}({}){brackets}", modifiers.replace(' ', ""))
}

/// Wraps a statement so that it does nothing if it would fail with this condition, instead of aborting the transaction.
fn unless(statement: &str, reason: &str) -> String {
    let mut quote = "$do$".to_owned();
    while statement.contains(&quote) {
        quote.insert(1, 'o');
    }
    format!("DO {quote} BEGIN {statement}; EXCEPTION WHEN {reason} THEN NULL; END {quote}")
}

fn unbounded_type(ty: &ColumnType) -> &'static str {
    match ty.value_type() {
        ValueType::Bool => "boolean",
        ValueType::I16 => "smallint",
        ValueType::I32 => "integer",
        ValueType::I64 => "bigint",
        ValueType::F32 => "real",
        ValueType::F64 => "double precision",
        ValueType::Bytes => "bytea",
        ValueType::Decimal => "numeric",
        ValueType::Uuid => "uuid",
        ValueType::Date => "date",
        ValueType::Time => "time",
        ValueType::Timestamp => "timestamp",
        ValueType::TimestampTz => "timestamptz",
        ValueType::Json => "jsonb",
        // Text, enums, and types that are added later.
        _ => "text",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame::schema::Column;

    #[test]
    fn types_of_columns_and_of_their_arrays() {
        let dialect = PostgresDialect::default();
        for (ty, column, array) in [
            (ColumnType::I64, "bigint", "bigint[]"),
            (ColumnType::Text { length: Some(5) }, "varchar(5)", "text[]"),
            (ColumnType::Text { length: None }, "text", "text[]"),
            (
                ColumnType::Decimal {
                    precision: Some((10, 2)),
                },
                "numeric(10, 2)",
                "numeric[]",
            ),
            (ColumnType::Json, "jsonb", "jsonb[]"),
            (
                ColumnType::Enum {
                    name: "Mood",
                    labels: &["calm"],
                },
                "text",
                "text[]",
            ),
        ] {
            assert_eq!(dialect.column_type(&ty), column);
            assert_eq!(dialect.array_type(&ty), array);
        }
        assert_eq!(
            dialect
                .generated_key(&Column::new("id", ColumnType::I16))
                .definition,
            "smallint GENERATED BY DEFAULT AS IDENTITY"
        );
    }

    #[test]
    fn names_of_one_type_are_the_same() {
        let dialect = PostgresDialect::default();
        let other = |name: &str| ColumnType::Other { name: name.into() };
        for (one, two) in [
            (other("timetz"), other("time with time zone")),
            (other("timestamptz"), ColumnType::TimestampTz),
            (other("CHAR(5)"), other("character(5)")),
            (
                other("numeric(10,2)"),
                ColumnType::Decimal {
                    precision: Some((10, 2)),
                },
            ),
            (other("int[]"), ColumnType::Array(Box::new(ColumnType::I32))),
            (
                ColumnType::named("timestamp(3)", ColumnType::Timestamp),
                ColumnType::named("timestamp(3) without time zone", ColumnType::Timestamp),
            ),
        ] {
            assert!(dialect.is_same_type(&one, &two), "{one:?}");
        }
        for (one, two) in [
            (other("\"Mood\""), other("\"mood\"")),
            (other("char(5)"), other("char(6)")),
            (other("bit(3)"), other("varbit(3)")),
        ] {
            assert!(!dialect.is_same_type(&one, &two), "{one:?}");
        }
    }

    #[test]
    fn text_is_matched_without_wildcards() {
        let dialect = PostgresDialect::default();
        let rendered = |test| {
            let mut out = String::new();
            dialect.text_match(test, "\"name\"", "$1", &mut out);
            out
        };
        assert_eq!(rendered(TextMatch::StartsWith), "starts_with(\"name\", $1)");
        assert_eq!(
            rendered(TextMatch::EndsWith),
            "right(\"name\", length($1)) = $1"
        );
        assert_eq!(rendered(TextMatch::Contains), "strpos(\"name\", $1) > 0");
    }
}
