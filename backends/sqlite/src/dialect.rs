//! SQLite's dialect and capabilities.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

use selfsame::Result;
use selfsame::backend::Connection;
use selfsame::dialect::{
    Batch, Begin, Capabilities, DatePart, Dialect, GeneratedKey, Isolation, JsonStep, TextMatch,
    json_path,
};
use selfsame::schema::{Column, ColumnType, Generated, Table};
use selfsame::value::ValueType;

use crate::{lenient, reflection, temporal, types};

/// SQLite's dialect.
#[derive(Clone, Debug)]
pub(crate) struct SqliteDialect {
    pub(crate) busy_timeout: Duration,
    pub(crate) max_connections: Option<usize>,
    pub(crate) is_lenient: bool,
}

/// The maximum number of parameters of a statement in the bundled build.
const MAX_PARAMETERS: usize = 32_766;

/// The largest rowid after which keys are predicted; near the end of the range SQLite picks unused numbers at random.
const LAST_COUNTED_KEY: i64 = i64::MAX - 1_000_000;

impl Dialect for SqliteDialect {
    fn name(&self) -> &str {
        "sqlite"
    }

    fn column_type(&self, ty: &ColumnType) -> Cow<'static, str> {
        types::declared(ty)
    }

    /// All integer types have 64 bits.
    fn is_same_type(&self, one: &ColumnType, other: &ColumnType) -> bool {
        let is_integer =
            |ty: &ColumnType| matches!(ty, ColumnType::I16 | ColumnType::I32 | ColumnType::I64);
        let declared = |ty: &ColumnType| match ty {
            ColumnType::Declared { name, .. } => types::declared(&types::reflected(name)),
            ty => types::declared(ty),
        };
        (is_integer(one) && is_integer(other)) || declared(one) == declared(other)
    }

    /// A column of unknown type holds numbers and texts; both are read as text.
    fn text_form(&self, ty: &ColumnType) -> Option<Cow<'static, str>> {
        matches!(ty, ColumnType::Other { .. }).then_some("TEXT".into())
    }

    /// Leaves unchanged what has no text of its own, so that it is refused where it is read: blobs and infinite numbers. A column declared
    /// without a type stores 1 and 1.0 apart, which are equal, so both are read as 1.
    fn read_text(&self, operand: &str, ty: &ColumnType, out: &mut String) {
        let whole = match types::is_untyped(ty) {
            true => format!(
                " WHEN typeof({operand}) = 'real' AND {operand} = CAST({operand} AS INTEGER) THEN CAST(CAST({operand} AS INTEGER) AS TEXT)"
            ),
            false => String::new(),
        };
        let written = write!(
            out,
            "CASE WHEN typeof({operand}) = 'blob' OR {operand} IN (9e999, -9e999) THEN {operand}{whole} ELSE CAST({operand} AS TEXT) END"
        );
        written.expect("writing to a String does not fail");
    }

    fn converts_what_it_stores(&self) -> bool {
        true
    }

    /// Compares columns declared without a type as the text that is read, and leniently read values by their meaning. A column of
    /// unknown type is compared as its foreign keys are: a text that looks like a number, as that number.
    fn compared(&self, column: &str, ty: &ColumnType) -> Option<String> {
        if types::is_untyped(ty) {
            let mut out = String::new();
            self.read_text(column, ty, &mut out);
            return Some(out);
        }
        self.is_lenient.then(|| lenient::compared(column, ty))?
    }

    /// Times are stored with microseconds, with milliseconds, or without a zero fraction.
    fn equal_forms(&self, parameter: &str, ty: &ColumnType) -> Vec<String> {
        match self.is_lenient {
            true => Vec::new(),
            false => temporal::equal_forms(parameter, ty),
        }
    }

    fn least_form(&self, parameter: &str, ty: &ColumnType) -> Option<String> {
        temporal::least_form(parameter, ty)
    }

    /// Uses [`compared`](Self::compared) where it applies, and gives times all six fractional digits.
    fn canonical_form(&self, operand: &str, ty: &ColumnType) -> Option<String> {
        let compared = self.compared(operand, ty);
        compared.or_else(|| temporal::canonical_form(operand, ty))
    }

    /// Times that are stored in one of the [`equal_forms`](Self::equal_forms) are in order as they are.
    fn ordered_form(&self, operand: &str, ty: &ColumnType) -> Option<String> {
        self.compared(operand, ty)
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
            .with_deferrable_constraints(true)
            .with_nulls_order(true)
            .with_row_values(true)
            .with_read_only_transactions(true)
            .with_isolation_levels(vec![Isolation::Serializable])
            .with_infinities(true)
            .with_nul_in_text(true)
            .with_json_text_kept(true)
            .with_exact_decimals(true)
            .with_decimal_scale_kept(true)
            .with_constraint_names(true)
            .with_column_names(true)
            .with_error_codes(true)
            .with_computed_columns(true)
            .with_windows(true)
            .with_recursive_queries(true)
            .with_set_operations(true)
            .with_json_paths(true)
            .with_date_parts(true)
            .with_max_connections(self.max_connections)
            .with_max_parameters(Some(MAX_PARAMETERS))
            .with_lock_timeout(Some(self.busy_timeout))
    }

    fn batch(&self) -> Batch {
        Batch::Values {
            max_parameters: MAX_PARAMETERS,
        }
    }

    fn placeholder(&self, index: usize, _ty: ValueType, out: &mut String) {
        write!(out, "?{index}").expect("writing to a String does not fail");
    }

    /// Uses `json_each`, which returns booleans as the numbers that columns store, and texts and integers unchanged.
    fn list_query(&self, list: &str, ty: ValueType) -> Option<String> {
        match ty {
            ValueType::Bool
            | ValueType::I16
            | ValueType::I32
            | ValueType::I64
            | ValueType::Text => Some(format!("SELECT value FROM json_each({list})")),
            ValueType::Bytes | ValueType::Uuid => Some(format!(
                "SELECT unhex(value) AS value FROM json_each({list})"
            )),
            _ => None,
        }
    }

    /// SQLite has no OFFSET without LIMIT, and reads limits beyond 64 bits as floats.
    fn limit(&self, limit: Option<u64>, offset: Option<u64>, out: &mut String) {
        let signed = |rows: u64| i64::try_from(rows).unwrap_or(i64::MAX);
        let limit = match (limit, offset) {
            (None, None) => return,
            (None, Some(_)) => -1,
            (Some(limit), _) => signed(limit),
        };
        write!(out, " LIMIT {limit}").expect("writing to a String does not fail");
        if let Some(offset) = offset {
            write!(out, " OFFSET {}", signed(offset)).expect("writing to a String does not fail");
        }
    }

    fn null_safe_equality(&self, negated: bool) -> [&'static str; 3] {
        ["", if negated { " IS NOT " } else { " IS " }, ""]
    }

    /// SQLite's LIKE ignores the case of ASCII letters, and the CHECKs, triggers and views of the file rely on it.
    fn like(&self, negated: bool) -> [&'static str; 3] {
        let before = match negated {
            true => "(NOT selfsame_like(CAST(",
            false => "selfsame_like(CAST(",
        };
        let after = match negated {
            true => r" AS TEXT), '\'))",
            false => r" AS TEXT), '\')",
        };
        [before, " AS TEXT), CAST(", after]
    }

    /// `CAST` does not accept COLLATE.
    fn cast_type(&self, ty: &ColumnType) -> Cow<'static, str> {
        match ty {
            ColumnType::Decimal { .. } => "TEXT".into(),
            _ => types::declared(ty),
        }
    }

    /// Casts a decimal to its stored text, and compares it like a decimal column.
    fn cast(&self, operand: &str, ty: &ColumnType, out: &mut String) {
        let cast = self.cast_type(ty);
        let written = match ty {
            ColumnType::Decimal { .. } => {
                write!(out, "(CAST({operand} AS {cast}) COLLATE decimal)")
            }
            _ => write!(out, "CAST({operand} AS {cast})"),
        };
        written.expect("writing to a String does not fail");
    }

    /// `json_extract` returns booleans as numbers.
    fn json_text(&self, document: &str, path: &[JsonStep], out: &mut String) {
        let mut at = String::new();
        json_path(path, &mut at);
        let written = write!(
            out,
            "CASE json_type({document}, {at}) WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' \
             ELSE CAST(json_extract({document}, {at}) AS TEXT) END"
        );
        written.expect("writing to a String does not fail");
    }

    fn date_part(&self, part: DatePart, value: &str, _: ValueType, out: &mut String) {
        let format = match part {
            DatePart::Year => "%Y",
            DatePart::Month => "%m",
            DatePart::Day => "%d",
            DatePart::Hour => "%H",
            DatePart::Minute => "%M",
            DatePart::Second => "%S",
            DatePart::Weekday => "%w",
            DatePart::YearDay => "%j",
            // A `DatePart` that is added later yields no value.
            _ => "",
        };
        let written = write!(out, "CAST(strftime('{format}', {value}) AS INTEGER)");
        written.expect("writing to a String does not fail");
    }

    /// Only this exact spelling makes the column the rowid, which SQLite generates.
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

    /// Generated keys are read by `last_insert_rowid`: RETURNING of one row takes four times as long.
    fn reports_generated_keys(&self) -> bool {
        true
    }

    /// SQLite continues from the largest rowid, except for AUTOINCREMENT, which remembers deleted keys, and if a trigger
    /// inserts rows: then this returns no row.
    fn last_key(&self, table: &Table) -> Option<String> {
        let key = &table.columns[table.generated_key()?];
        if key.generated == Generated::KeyNeverReused {
            return None;
        }
        let (mut name, mut column) = (String::new(), String::new());
        let mut schema = String::new();
        if let Some(attached) = &table.schema {
            self.quote(attached, &mut schema);
            schema.push('.');
        }
        name.push_str(&schema);
        self.quote(table.local_name(), &mut name);
        self.quote(&key.name, &mut column);
        let literal = table.local_name().replace('\'', "''");
        let has_trigger = |schema: &str| {
            format!(
                "EXISTS (SELECT 1 FROM {schema} WHERE type = 'trigger' AND tbl_name = '{literal}' COLLATE NOCASE)"
            )
        };
        // A separate subquery for the largest key: if SQLite moved the conditions into it, it would read every row.
        Some(format!(
            "SELECT last FROM (SELECT (SELECT max({column}) FROM {name}) AS last) WHERE (last IS NULL OR last <= {LAST_COUNTED_KEY}) AND NOT {} AND NOT {}",
            has_trigger(&format!("{schema}sqlite_schema")),
            has_trigger("sqlite_temp_schema"),
        ))
    }

    fn begin(&self, begin: &Begin) -> String {
        match begin.writes_first && !begin.read_only {
            true => "BEGIN IMMEDIATE".to_owned(),
            false => "BEGIN".to_owned(),
        }
    }

    fn table_exists(&self) -> String {
        "SELECT 1 FROM sqlite_schema WHERE type IN ('table', 'view') AND name = ?1 COLLATE NOCASE"
            .to_owned()
    }

    /// SQLite's `length` stops at NUL and `=` uses the column's collation, so texts are compared as bytes.
    fn text_match(&self, test: TextMatch, subject: &str, pattern: &str, out: &mut String) {
        let written = match test {
            TextMatch::StartsWith => write!(out, "instr({subject}, {pattern}) = 1"),
            TextMatch::Contains => write!(out, "instr({subject}, {pattern}) > 0"),
            TextMatch::EndsWith => {
                let (subject, pattern) = (
                    format!("CAST({subject} AS BLOB)"),
                    format!("CAST({pattern} AS BLOB)"),
                );
                // `substr` of an empty blob is NULL.
                write!(
                    out,
                    "(length({subject}) >= length({pattern}) AND (length({pattern}) = 0 OR substr({subject}, -length({pattern})) = {pattern}))"
                )
            }
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

    fn referring_tables(
        &self,
        connection: &mut dyn Connection,
        table: &Table,
    ) -> Result<Vec<Table>> {
        reflection::referring_tables(connection, table)
    }

    fn schemas(&self, connection: &mut dyn Connection) -> Result<Vec<(String, u64)>> {
        reflection::schemas(connection)
    }

    fn table_exists_in_schema(&self) -> String {
        "SELECT 1 FROM pragma_table_list WHERE type IN ('table', 'view') AND name = ?1 COLLATE NOCASE AND schema = ?2"
            .to_owned()
    }

    fn schemas_are_databases(&self) -> bool {
        true
    }
}
