//! The dialects of MariaDB and MySQL.

use std::borrow::Cow;
use std::time::Duration;

use selfsame::Result;
use selfsame::backend::Connection;
use selfsame::dialect::{
    Batch, Begin, Capabilities, DatePart, Dialect, GeneratedKey, Isolation, JsonStep, TextMatch,
    Upsert, json_path,
};
use selfsame::schema::{Column, ColumnType, ReferentialAction, Table};
use selfsame::value::ValueType;

use crate::flavor::Flavor;
use crate::reflection;

/// The maximum number of parameters of a statement: the protocol counts them in 16 bits.
const MAX_PARAMETERS: usize = 65_535;
/// The maximum length of an identifier in bytes; the server counts characters, which are never more.
const MAX_IDENTIFIER: usize = 64;
/// The maximum number of bytes of an index entry.
const INDEX_BYTES: usize = 3_072;
/// The maximum number of characters of a `varchar`, each of up to four bytes.
const LONGEST_VARCHAR: u32 = 16_383;
/// The index of an AUTO_INCREMENT column that no other key begins with. A table has at most one such column.
pub(crate) const INDEX_OF_GENERATED_KEY: &str = "auto_increment";

/// The dialect of MariaDB, or of MySQL.
#[derive(Clone, Debug, Default)]
pub struct MariaDbDialect {
    pub(crate) flavor: Flavor,
    pub(crate) lock_timeout: Option<Duration>,
}

impl Dialect for MariaDbDialect {
    fn name(&self) -> &str {
        self.flavor.dialect()
    }

    fn column_type(&self, ty: &ColumnType) -> Cow<'static, str> {
        match ty {
            ColumnType::Text {
                length: Some(length @ 0..=LONGEST_VARCHAR),
            } => format!("varchar({length})").into(),
            ColumnType::Enum { labels, .. } => of_labels(labels.iter().copied()),
            ColumnType::NativeEnum { labels, .. } => of_labels(labels.iter().map(String::as_str)),
            ColumnType::Decimal {
                precision: Some((precision, scale)),
            } => format!("decimal({precision},{scale})").into(),
            ColumnType::Other { name } | ColumnType::Declared { name, .. } => name.clone().into(),
            _ => match ty.value_type() {
                ValueType::Bool => "tinyint(1)",
                ValueType::I16 => "smallint",
                ValueType::I32 => "int",
                ValueType::I64 => "bigint",
                ValueType::F32 => "float",
                ValueType::F64 => "double",
                ValueType::Bytes => "longblob",
                ValueType::Decimal => "decimal(65,30)",
                ValueType::Uuid => "binary(16)",
                ValueType::Date => "date",
                ValueType::Time => "time(6)",
                ValueType::Timestamp | ValueType::TimestampTz => "datetime(6)",
                ValueType::Json => "json",
                _ => "longtext",
            }
            .into(),
        }
    }

    /// Columns without a length cannot be part of a key.
    fn key_type(&self, ty: &ColumnType, parts: usize) -> Cow<'static, str> {
        let bytes = INDEX_BYTES / parts.max(1);
        match (&*self.column_type(ty), ty.value_type()) {
            // MariaDB's JSON is a text.
            ("json", _) if self.flavor == Flavor::MySql => "json".into(),
            ("longtext" | "json", _) => format!("varchar({})", bytes / 4).into(),
            ("longblob", _) => format!("varbinary({bytes})").into(),
            _ => self.column_type(ty),
        }
    }

    /// Text keys get a length that was not declared. A type that the mapping names, such as `char(5)`, may be reflected as a
    /// neutral one.
    fn is_same_type(&self, one: &ColumnType, other: &ColumnType) -> bool {
        let written = |ty: &ColumnType| {
            let reflected = match ty {
                ColumnType::Other { name } => Some(reflection::types::column_type(name).0),
                _ => None,
            };
            let name = self.column_type(reflected.as_ref().unwrap_or(ty));
            reflection::types::canonical(&name).into_owned()
        };
        let is_key = |long: &ColumnType, short: &ColumnType| {
            let (long, short) = (written(long), written(short));
            (1..=16).any(|parts| {
                let bytes = INDEX_BYTES / parts;
                (matches!(&*long, "longtext" | "json")
                    && short == format!("varchar({})", bytes / 4))
                    || (long == "longblob" && short == format!("varbinary({bytes})"))
            })
        };
        written(one) == written(other) || is_key(one, other) || is_key(other, one)
    }

    fn text_form(&self, ty: &ColumnType) -> Option<Cow<'static, str>> {
        matches!(ty, ColumnType::Other { .. }).then_some("char".into())
    }

    /// The server converts assigned values to the type of the column, which may round them.
    fn converts_what_it_stores(&self) -> bool {
        true
    }

    /// MySQL requires parentheses around an expression, and around any default of a long text.
    fn default_value(&self, expression: &str, out: &mut String) {
        match self.flavor {
            Flavor::MariaDb => out.push_str(expression),
            Flavor::MySql => {
                out.push('(');
                out.push_str(expression);
                out.push(')');
            }
        }
    }

    /// MariaDB's connections use a mode in which it does not.
    fn assigns_in_sequence(&self) -> bool {
        self.flavor == Flavor::MySql
    }

    fn deletes_own_references(&self) -> bool {
        false
    }

    fn table_options(&self) -> &'static str {
        match self.flavor {
            Flavor::MariaDb => {
                " ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin"
            }
            Flavor::MySql => {
                " ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin"
            }
        }
    }

    /// The text cannot have an introducer, so its backslashes are doubled: they are escape characters in the connections' mode.
    fn comment_clause(&self, text: &str) -> Option<String> {
        let text = text.replace('\\', r"\\").replace('\'', "''");
        Some(format!(" COMMENT '{text}'"))
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::none()
            .with_transactions(true)
            .with_savepoints(true)
            .with_foreign_keys(true)
            .with_checks(true)
            .with_generated_keys(true)
            .with_returning(self.flavor == Flavor::MariaDb)
            .with_upsert(true)
            .with_row_locks(true)
            .with_row_values(true)
            .with_alter_add_constraint(true)
            .with_read_only_transactions(true)
            .with_isolation_levels(self.isolation_levels())
            .with_nul_in_text(true)
            .with_json_text_kept(self.flavor == Flavor::MariaDb)
            .with_exact_decimals(true)
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

    fn batch(&self) -> Batch {
        Batch::Values {
            max_parameters: MAX_PARAMETERS,
        }
    }

    fn quote(&self, identifier: &str, out: &mut String) {
        out.push('`');
        out.push_str(&identifier.replace('`', "``"));
        out.push('`');
    }

    /// A backslash may be an escape character, depending on the session's mode, so a text with one is written as hexadecimal bytes.
    fn literal(&self, text: &str, out: &mut String) {
        if text.contains('\\') {
            let digits = text.bytes().map(|byte| format!("{byte:02x}"));
            out.push_str(&format!("_utf8mb4 x'{}'", digits.collect::<String>()));
        } else {
            out.push_str(&format!("'{}'", text.replace('\'', "''")));
        }
    }

    /// Casts parameters that are sent as text to their type: two decimals sent as text would be compared as floats. A parameter
    /// cast to bytes only once still counts as text for the type `uuid`, and equals none of its values.
    fn placeholder(&self, _: usize, ty: ValueType, out: &mut String) {
        out.push_str(match ty {
            ValueType::Decimal => "CAST(? AS DECIMAL(65,30))",
            ValueType::Uuid => "CAST(CAST(? AS BINARY(16)) AS BINARY(16))",
            ValueType::Date => "CAST(? AS DATE)",
            // A text would be compared as a JSON string.
            ValueType::Json if self.flavor == Flavor::MySql => "CAST(? AS JSON)",
            _ => "?",
        });
    }

    /// MariaDB has no OFFSET without LIMIT.
    fn limit(&self, limit: Option<u64>, offset: Option<u64>, out: &mut String) {
        if limit.or(offset).is_some() {
            out.push_str(&format!(" LIMIT {}", limit.unwrap_or(u64::MAX)));
        }
        if let Some(offset) = offset {
            out.push_str(&format!(" OFFSET {offset}"));
        }
    }

    fn null_safe_equality(&self, negated: bool) -> [&'static str; 3] {
        match negated {
            true => ["NOT (", " <=> ", ")"],
            false => ["", " <=> ", ""],
        }
    }

    /// A backslash is an escape character by default.
    fn like(&self, negated: bool) -> [&'static str; 3] {
        ["", if negated { " NOT LIKE " } else { " LIKE " }, ""]
    }

    fn default_row(&self) -> &'static str {
        " () VALUES ()"
    }

    fn integer_division(&self) -> &'static str {
        " DIV "
    }

    /// CHAR_LENGTH, because LENGTH counts bytes.
    fn function<'n>(&self, name: &'n str) -> &'n str {
        match name {
            "LENGTH" => "CHAR_LENGTH",
            name => name,
        }
    }

    /// REPLACE with NULL returns the subject if there is nothing to replace; standard SQL returns NULL.
    fn replace(&self, [subject, from, to]: [&str; 3], out: &mut String) {
        out.push_str(&format!(
            "CASE WHEN {to} IS NULL THEN NULL ELSE REPLACE({subject}, {from}, {to}) END"
        ));
    }

    fn keys_need_same_width(&self) -> bool {
        true
    }

    fn supports_set_default(&self) -> bool {
        false
    }

    /// The server checks at once either way, and reports RESTRICT if no action was declared.
    fn reflected_action(&self, action: ReferentialAction) -> ReferentialAction {
        match action {
            ReferentialAction::Restrict => ReferentialAction::NoAction,
            other => other,
        }
    }

    fn max_json_depth(&self) -> Option<usize> {
        Some(self.flavor.max_json_depth())
    }

    fn row_list(&self) -> &'static str {
        ""
    }

    fn upsert(&self) -> Upsert {
        Upsert::OnDuplicateKey
    }

    fn excluded(&self, column: &str, out: &mut String) {
        out.push_str("VALUES(");
        self.quote(column, out);
        out.push(')');
    }

    fn share_lock(&self) -> &'static str {
        match self.flavor {
            Flavor::MariaDb => " LOCK IN SHARE MODE",
            Flavor::MySql => " FOR SHARE",
        }
    }

    fn limits_in_subqueries(&self) -> bool {
        false
    }

    fn ddl_commits(&self) -> bool {
        true
    }

    fn computes_decimals(&self) -> bool {
        true
    }

    fn computed_columns_can_be_not_null(&self) -> bool {
        self.flavor == Flavor::MySql
    }

    /// CAST uses other type names than columns.
    fn cast_type(&self, ty: &ColumnType) -> Cow<'static, str> {
        match ty {
            ColumnType::Text {
                length: Some(length @ 0..=LONGEST_VARCHAR),
            } => return format!("CHAR({length})").into(),
            ColumnType::Decimal { .. } => return self.column_type(ty),
            _ => {}
        }
        match ty.value_type() {
            ValueType::Bool | ValueType::I16 | ValueType::I32 | ValueType::I64 => "SIGNED",
            ValueType::F32 => "FLOAT",
            ValueType::F64 => "DOUBLE",
            ValueType::Bytes => "BINARY",
            ValueType::Uuid => "BINARY(16)",
            ValueType::Date => "DATE",
            ValueType::Time => "TIME(6)",
            ValueType::Timestamp | ValueType::TimestampTz => "DATETIME(6)",
            _ => "CHAR",
        }
        .into()
    }

    fn generated_key(&self, column: &Column) -> GeneratedKey {
        GeneratedKey {
            definition: format!("{} NOT NULL AUTO_INCREMENT", self.column_type(&column.ty)).into(),
            is_primary_key: false,
        }
    }

    fn index_of_generated_key(&self) -> Option<&'static str> {
        Some(INDEX_OF_GENERATED_KEY)
    }

    /// Generated keys are read from the outcome of the INSERT, because reading a result row takes longer.
    fn reports_generated_keys(&self) -> bool {
        true
    }

    fn json_text(&self, document: &str, path: &[JsonStep], out: &mut String) {
        let mut at = String::new();
        json_path(path, &mut at);
        // A backslash is also escaped for the literal, and characters that JSON does not allow unescaped, for the path.
        let escaped = |c: char| match c {
            '\\' => r"\\".to_owned(),
            '\0'..='\u{1f}' => format!(r"\\u{:04x}", u32::from(c)),
            c => c.to_string(),
        };
        let at: String = at.chars().map(escaped).collect();
        // Type names have a collation of their own.
        let same = match self.flavor {
            Flavor::MariaDb => "",
            Flavor::MySql => " COLLATE utf8mb4_0900_bin",
        };
        out.push_str(&format!(
            "CASE JSON_TYPE(JSON_EXTRACT({document}, {at})) WHEN 'NULL'{same} THEN NULL \
             ELSE CONVERT(JSON_UNQUOTE(JSON_EXTRACT({document}, {at})) USING utf8mb4) COLLATE {} END",
            self.flavor.collation()
        ));
    }

    fn date_part(&self, part: DatePart, value: &str, _: ValueType, out: &mut String) {
        out.push_str(&match part {
            DatePart::Year => format!("YEAR({value})"),
            DatePart::Month => format!("MONTH({value})"),
            DatePart::Day => format!("DAYOFMONTH({value})"),
            DatePart::Hour => format!("HOUR({value})"),
            DatePart::Minute => format!("MINUTE({value})"),
            DatePart::Second => format!("SECOND({value})"),
            DatePart::Weekday => format!("(DAYOFWEEK({value}) - 1)"),
            DatePart::YearDay => format!("DAYOFYEAR({value})"),
            // A `DatePart` that is added later yields NULL.
            _ => "NULL".to_owned(),
        });
    }

    /// SET TRANSACTION applies to the next transaction.
    fn begin(&self, begin: &Begin) -> String {
        let level = begin.isolation.map(Isolation::as_sql);
        let level = level.map(|level| format!("SET TRANSACTION ISOLATION LEVEL {level}; "));
        let mode = if begin.read_only { " READ ONLY" } else { "" };
        format!("{}START TRANSACTION{mode}", level.unwrap_or_default())
    }

    fn table_exists(&self) -> String {
        "SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?"
            .to_owned()
    }

    /// Compares as bytes, whatever the collation of the columns.
    fn text_match(&self, test: TextMatch, subject: &str, pattern: &str, out: &mut String) {
        let collation = self.flavor.collation();
        let exact = |text: &str| format!("CONVERT({text} USING utf8mb4) COLLATE {collation}");
        let same = exact(pattern);
        out.push_str(&match test {
            TextMatch::StartsWith => format!("LEFT({subject}, CHAR_LENGTH({pattern})) = {same}"),
            TextMatch::EndsWith => format!("RIGHT({subject}, CHAR_LENGTH({pattern})) = {same}"),
            // MySQL compares by the collation of the subject alone.
            TextMatch::Contains => format!("LOCATE({same}, {}) > 0", exact(subject)),
        });
    }

    fn reflect(
        &self,
        connection: &mut dyn Connection,
        schemas: &[Option<String>],
    ) -> Result<Vec<Table>> {
        reflection::reflect(connection, schemas, self.flavor)
    }

    fn schemas(&self, connection: &mut dyn Connection) -> Result<Vec<(String, u64)>> {
        reflection::schemas(connection)
    }

    fn referring_tables(
        &self,
        connection: &mut dyn Connection,
        table: &Table,
    ) -> Result<Vec<Table>> {
        let mut name = String::new();
        self.literal(table.local_name(), &mut name);
        reflection::referring_tables(connection, table, &name)
    }
}

impl MariaDbDialect {
    /// MySQL's REPEATABLE READ loses updates: a write sees later commits than the reads before it.
    fn isolation_levels(&self) -> Vec<Isolation> {
        use Isolation::{ReadCommitted, ReadUncommitted, RepeatableRead, Serializable};
        match self.flavor {
            Flavor::MariaDb => vec![ReadUncommitted, ReadCommitted, RepeatableRead, Serializable],
            Flavor::MySql => vec![ReadUncommitted, ReadCommitted, Serializable],
        }
    }
}

/// Returns a text type as long as the longest label.
fn of_labels<'l>(labels: impl Iterator<Item = &'l str>) -> Cow<'static, str> {
    let longest = labels.map(|label| label.chars().count()).max();
    format!("varchar({})", longest.unwrap_or_default().max(1)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_a_length() {
        let dialect = MariaDbDialect::default();
        let text = ColumnType::Text { length: None };
        assert_eq!(dialect.column_type(&text), "longtext");
        assert_eq!(dialect.key_type(&text, 1), "varchar(768)");
        assert_eq!(dialect.key_type(&text, 2), "varchar(384)");
        assert_eq!(dialect.key_type(&ColumnType::Bytes, 1), "varbinary(3072)");
        assert_eq!(dialect.key_type(&ColumnType::I64, 3), "bigint");
        let of_key = ColumnType::Text { length: Some(384) };
        assert!(dialect.is_same_type(&text, &of_key));
        assert!(!dialect.is_same_type(&text, &ColumnType::Text { length: Some(50) }));
    }

    #[test]
    fn literals_hold_in_any_mode() {
        let dialect = MariaDbDialect::default();
        let literal = |text| {
            let mut out = String::new();
            dialect.literal(text, &mut out);
            out
        };
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal(r"\'"), "_utf8mb4 x'5c27'");
    }
}
