//! How the engine's SQL differs from the defaults, and what it can do.

use std::borrow::Cow;

use selfsame::dialect::{
    Batch, Begin, Capabilities, DatePart, Dialect, GeneratedKey, JsonStep, TextMatch, Transaction,
    json_path,
};
use selfsame::schema::{Column, ColumnType, Generated};
use selfsame::value::ValueType;

/// The most parameters of one statement, as SQLite has it.
const MAX_PARAMETERS: usize = 32_766;

#[derive(Debug)]
pub(crate) struct TursoDialect;

impl Dialect for TursoDialect {
    fn name(&self) -> &str {
        "turso"
    }

    fn column_type(&self, ty: &ColumnType) -> Cow<'static, str> {
        match ty {
            ColumnType::Bool => "BOOLEAN",
            ColumnType::I16 => "SMALLINT",
            // `INTEGER` as a primary key would be the row's number, whatever its default says.
            ColumnType::I32 => "INT",
            ColumnType::F32 => "REAL",
            ColumnType::F64 => "DOUBLE",
            ColumnType::Json => "JSON_TEXT",
            ColumnType::Text { .. } | ColumnType::Enum { .. } => "TEXT",
            // Kept digit by digit; compared as texts, which is not claimed to be exact.
            ColumnType::Decimal { .. } => "DECIMAL_TEXT",
            ColumnType::Bytes => "BLOB",
            ColumnType::Uuid => "UUID_BLOB",
            ColumnType::Date => "DATE",
            ColumnType::Time => "TIME",
            ColumnType::Timestamp => "TIMESTAMP",
            ColumnType::TimestampTz => "TIMESTAMPTZ",
            _ => "BIGINT",
        }
        .into()
    }

    fn cast_type(&self, ty: &ColumnType) -> Cow<'static, str> {
        match ty {
            ColumnType::Decimal { .. } => "TEXT".into(),
            _ => self.column_type(ty),
        }
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
            .with_infinities(true)
            .with_negative_zero(true)
            .with_max_parameters(Some(MAX_PARAMETERS))
            .with_json_text_kept(true)
            .with_decimal_scale_kept(true)
            .with_constraint_names(true)
            .with_computed_columns(true)
            .with_windows(true)
            .with_recursive_queries(true)
            .with_set_operations(true)
            .with_json_paths(true)
            .with_date_parts(true)
    }

    fn batch(&self) -> Batch {
        Batch::Values {
            max_parameters: MAX_PARAMETERS,
        }
    }

    /// A name in backticks is never read as a string, unlike one in double quotes that does not exist.
    fn quote(&self, identifier: &str, out: &mut String) {
        out.push('`');
        out.push_str(&identifier.replace('`', "``"));
        out.push('`');
    }

    fn limit(&self, limit: Option<u64>, offset: Option<u64>, out: &mut String) {
        if limit.is_none() && offset.is_none() {
            return;
        }
        let most = i64::MAX.unsigned_abs();
        let (limit, offset) = (
            limit.unwrap_or(most).min(most),
            offset.unwrap_or(0).min(most),
        );
        out.push_str(&format!(" LIMIT {limit} OFFSET {offset}"));
    }

    fn generated_key(&self, column: &Column) -> GeneratedKey {
        let definition = match column.generated {
            Generated::KeyNeverReused => "INTEGER PRIMARY KEY AUTOINCREMENT",
            _ => "INTEGER PRIMARY KEY",
        };
        GeneratedKey {
            definition: definition.into(),
            is_primary_key: true,
        }
    }

    /// The engine stores no computed column.
    fn computed_column(&self, expression: &str, out: &mut String) {
        out.push_str(&format!(" GENERATED ALWAYS AS ({expression}) VIRTUAL"));
    }

    fn transaction(&self, command: &Transaction<'_>) -> String {
        let named = |text: &str, name: &str| {
            let mut out = text.to_owned();
            self.quote(name, &mut out);
            out
        };
        match command {
            Transaction::Begin(Begin {
                writes_first: true, ..
            }) => "BEGIN IMMEDIATE".to_owned(),
            Transaction::Begin(_) => "BEGIN".to_owned(),
            Transaction::Commit => "COMMIT".to_owned(),
            Transaction::Rollback => "ROLLBACK".to_owned(),
            Transaction::Savepoint(name) => named("SAVEPOINT ", name),
            Transaction::Release(name) => named("RELEASE SAVEPOINT ", name),
            Transaction::RollbackTo(name) => named("ROLLBACK TO SAVEPOINT ", name),
            _ => String::new(),
        }
    }

    fn table_exists(&self) -> String {
        "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ? COLLATE NOCASE".to_owned()
    }

    fn text_match(&self, test: TextMatch, subject: &str, pattern: &str, out: &mut String) {
        out.push_str(&match test {
            TextMatch::StartsWith => format!("instr({subject}, {pattern}) = 1"),
            TextMatch::Contains => format!("instr({subject}, {pattern}) > 0"),
            TextMatch::EndsWith => {
                // An empty text ends every text, but not NULL.
                format!(
                    "CASE WHEN {pattern} = '' THEN {subject} = {subject} ELSE substr({subject}, -length({pattern})) = {pattern} END"
                )
            }
        });
    }

    fn json_text(&self, document: &str, path: &[JsonStep], out: &mut String) {
        let mut at = String::new();
        json_path(path, &mut at);
        out.push_str(&format!(
            "CASE json_type({document}, {at}) WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' \
             ELSE CAST(json_extract({document}, {at}) AS TEXT) END"
        ));
    }

    /// Days are stored as their numbers, times and timestamps as microseconds.
    fn date_part(&self, part: DatePart, value: &str, ty: ValueType, out: &mut String) {
        let seconds = match ty {
            ValueType::Date => format!("{value} * 86400"),
            _ => format!("{value} / 1000000 - ({value} % 1000000 < 0)"),
        };
        let format = match part {
            DatePart::Year => "%Y",
            DatePart::Month => "%m",
            DatePart::Day => "%d",
            DatePart::Hour => "%H",
            DatePart::Minute => "%M",
            DatePart::Second => "%S",
            DatePart::Weekday => "%w",
            DatePart::YearDay => "%j",
            _ => "",
        };
        out.push_str(&format!(
            "CAST(strftime('{format}', {seconds}, 'unixepoch') AS INT)"
        ));
    }
}
