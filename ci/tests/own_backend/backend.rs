//! A complete backend in a separate crate: SQLite over the ordinary API of rusqlite.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef as Stored};
use rusqlite::{ErrorCode, ffi};
use selfsame::backend::{Backend, Connection, Outcome, Row, Statement};
use selfsame::dialect::{
    Batch, Capabilities, DatePart, Dialect, GeneratedKey, JsonStep, TextMatch, json_path,
};
use selfsame::schema::{Column, ColumnType, Generated};
use selfsame::value::{Date, Decimal, Param, Time, Timestamp, TimestampTz, ValueRef, ValueType};
use selfsame::{Error, ErrorKind, Result};

/// A database in a file.
#[derive(Debug)]
pub(crate) struct MyBackend {
    path: PathBuf,
    dialect: MyDialect,
}

impl MyBackend {
    pub(crate) fn new(path: PathBuf) -> Self {
        let dialect = MyDialect;
        Self { path, dialect }
    }
}

impl Backend for MyBackend {
    fn connect(&self) -> Result<Box<dyn Connection>> {
        Ok(Box::new(MyConnection {
            native: open(&self.path)?,
            path: self.path.clone(),
        }))
    }

    fn dialect(&self) -> &dyn Dialect {
        &self.dialect
    }
}

/// Overrides the defaults that do not fit, and claims capabilities.
#[derive(Debug)]
struct MyDialect;

impl Dialect for MyDialect {
    fn name(&self) -> &str {
        "mine"
    }

    fn column_type(&self, ty: &ColumnType) -> Cow<'static, str> {
        match ty {
            ColumnType::Bool => "BOOLEAN",
            ColumnType::I16 => "SMALLINT",
            // `INTEGER PRIMARY KEY` would be the rowid, whatever its default.
            ColumnType::I32 => "INT",
            ColumnType::F32 => "REAL",
            ColumnType::F64 => "DOUBLE",
            ColumnType::Json => "JSON_TEXT",
            ColumnType::Text { .. } | ColumnType::Enum { .. } => "TEXT",
            ColumnType::Decimal { .. } => "TEXT COLLATE decimal",
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

    fn cast(&self, operand: &str, ty: &ColumnType, out: &mut String) {
        out.push_str(&match ty {
            ColumnType::Decimal { .. } => format!("(CAST({operand} AS TEXT) COLLATE decimal)"),
            _ => format!("CAST({operand} AS {})", self.column_type(ty)),
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

    /// Dates are stored as day numbers, times and timestamps as microseconds.
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

    fn capabilities(&self) -> Capabilities {
        Capabilities::none()
            .with_transactions(true)
            .with_savepoints(true)
            .with_foreign_keys(true)
            .with_checks(true)
            .with_generated_keys(true)
            .with_infinities(true)
            .with_max_parameters(Some(32_766))
            .with_json_text_kept(true)
            .with_exact_decimals(true)
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
            max_parameters: 32_766,
        }
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

    fn table_exists(&self) -> String {
        "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?".to_owned()
    }

    fn text_match(&self, test: TextMatch, subject: &str, pattern: &str, out: &mut String) {
        out.push_str(&match test {
            TextMatch::StartsWith => format!("instr({subject}, {pattern}) = 1"),
            TextMatch::Contains => format!("instr({subject}, {pattern}) > 0"),
            TextMatch::EndsWith => {
                // Every text ends with an empty text, but NULL does not.
                format!(
                    "CASE WHEN {pattern} = '' THEN {subject} = {subject} ELSE substr({subject}, -length({pattern})) = {pattern} END"
                )
            }
        });
    }
}

/// A connection: one statement at a time.
#[derive(Debug)]
struct MyConnection {
    native: rusqlite::Connection,
    path: PathBuf,
}

fn open(path: &Path) -> Result<rusqlite::Connection> {
    let open = || {
        let native = rusqlite::Connection::open(path)?;
        native.execute_batch("PRAGMA foreign_keys = ON; PRAGMA synchronous = OFF")?;
        // Otherwise SQLite would read a quoted name that does not exist as a string.
        native.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
        native.create_collation(c"decimal", compare_decimals)?;
        Ok(native)
    };
    open().map_err(classify)
}

impl Connection for MyConnection {
    fn execute(&mut self, statement: &Statement<'_>) -> Result<Outcome> {
        self.query(statement, &mut |_| Ok(()))?;
        let outcome = Outcome::matched(self.native.changes());
        Ok(outcome.with_last_insert_id(self.native.last_insert_rowid()))
    }

    fn query(
        &mut self,
        statement: &Statement<'_>,
        sink: &mut dyn FnMut(&dyn Row) -> Result<()>,
    ) -> Result<()> {
        // SQLite would stop reading there.
        if statement.sql.text().contains('\0') {
            let message = "the text contains a NUL character";
            return Err(Error::new(ErrorKind::InvalidStatement, message));
        }
        let mut prepared = self
            .native
            .prepare(statement.sql.text())
            .map_err(classify)?;
        for (index, param) in (1..).zip(statement.params) {
            let bound = Bound(to_stored(param, index)?);
            prepared
                .raw_bind_parameter(index, bound)
                .map_err(classify)?;
        }
        let mut rows = prepared.raw_query();
        while let Some(row) = rows.next().map_err(classify)? {
            sink(&MyRow(row))?;
        }
        Ok(())
    }

    fn reset(&mut self, used_raw_sql: bool) -> Result<()> {
        // Raw SQL may have left any state; a new connection has none.
        if used_raw_sql {
            self.native = open(&self.path)?;
        } else if !self.native.is_autocommit() {
            self.native.execute_batch("ROLLBACK").map_err(classify)?;
        }
        Ok(())
    }

    fn server_version(&mut self) -> Result<String> {
        Ok(format!("SQLite {}", rusqlite::version()))
    }
}

struct Bound<'a>(ToSqlOutput<'a>);

impl rusqlite::ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.clone())
    }
}

/// Converts a parameter to its stored form. Refuses values that SQLite would change.
fn to_stored<'a>(param: &'a Param<'_>, index: usize) -> Result<ToSqlOutput<'a>> {
    let refused = |what: &str| {
        let message = format!("parameter {index} is {what}");
        Err(Error::new(ErrorKind::OutOfRange, message).parameter(index))
    };
    let Some(value) = param.value() else {
        return Err(Error::unsupported("mine", "an array as a parameter"));
    };
    let stored = match value {
        ValueRef::Null => Stored::Null,
        ValueRef::Bool(value) => Stored::Integer(value.into()),
        ValueRef::I16(value) => Stored::Integer(value.into()),
        ValueRef::I32(value) => Stored::Integer(value.into()),
        ValueRef::I64(value) => Stored::Integer(value),
        ValueRef::F32(value) if value.is_nan() => return refused("NaN"),
        ValueRef::F64(value) if value.is_nan() => return refused("NaN"),
        ValueRef::F32(value) => Stored::Real(value.into()),
        ValueRef::F64(value) => Stored::Real(value),
        ValueRef::Text(text) if text.contains('\0') => return refused("a text with NUL"),
        ValueRef::Text(text) | ValueRef::Json(text) => Stored::Text(text.as_bytes()),
        ValueRef::Bytes(bytes) => Stored::Blob(bytes),
        ValueRef::Uuid(uuid) => return Ok(uuid.to_vec().into()),
        ValueRef::Decimal(value) => return Ok(value.to_string().into()),
        ValueRef::Date(date) => Stored::Integer(date.0.into()),
        ValueRef::Time(time) => Stored::Integer(time.0),
        ValueRef::Timestamp(at) => Stored::Integer(at.0),
        ValueRef::TimestampTz(at) => Stored::Integer(at.0),
    };
    Ok(ToSqlOutput::Borrowed(stored))
}

struct MyRow<'a>(&'a rusqlite::Row<'a>);

impl Row for MyRow<'_> {
    fn len(&self) -> usize {
        self.0.as_ref().column_count()
    }

    fn name(&self, index: usize) -> &str {
        self.0.as_ref().column_name(index).unwrap_or_default()
    }

    fn value(&self, index: usize, ty: ValueType) -> Result<ValueRef<'_>> {
        let stored = self.0.get_ref(index).map_err(classify)?;
        decode(stored, ty).ok_or_else(|| {
            let message = format!("the stored value is not of type {ty:?}");
            Error::new(ErrorKind::Conversion, message).column(self.name(index))
        })
    }
}

/// Returns `None` for a value of another type: nothing is coerced.
fn decode(stored: Stored<'_>, ty: ValueType) -> Option<ValueRef<'_>> {
    use ValueType as T;
    Some(match (stored, ty) {
        (Stored::Null, _) => ValueRef::Null,
        (Stored::Integer(value), T::I64 | T::Native) => ValueRef::I64(value),
        (Stored::Integer(value), T::I32) => ValueRef::I32(value.try_into().ok()?),
        (Stored::Integer(value), T::I16) => ValueRef::I16(value.try_into().ok()?),
        (Stored::Integer(value @ 0..=1), T::Bool) => ValueRef::Bool(value == 1),
        (Stored::Integer(days), T::Date) => ValueRef::Date(Date(days.try_into().ok()?)),
        (Stored::Integer(micros @ 0..86_400_000_000), T::Time) => ValueRef::Time(Time(micros)),
        (Stored::Integer(micros), T::Timestamp) => ValueRef::Timestamp(Timestamp(micros)),
        (Stored::Integer(micros), T::TimestampTz) => ValueRef::TimestampTz(TimestampTz(micros)),
        (Stored::Integer(value), T::Decimal) => ValueRef::Decimal(Decimal::new(value.into(), 0)),
        (Stored::Real(value), T::F64 | T::Native) => ValueRef::F64(value),
        (Stored::Real(value), T::F32) => ValueRef::F32(single(value)?),
        (Stored::Text(text), T::Text | T::Native) => ValueRef::Text(str::from_utf8(text).ok()?),
        (Stored::Text(text), T::Json) => ValueRef::Json(str::from_utf8(text).ok()?),
        (Stored::Text(text), T::Decimal) => {
            ValueRef::Decimal(str::from_utf8(text).ok()?.parse().ok()?)
        }
        (Stored::Blob(bytes), T::Bytes | T::Native) => ValueRef::Bytes(bytes),
        (Stored::Blob(bytes), T::Uuid) => ValueRef::Uuid(bytes.try_into().ok()?),
        _ => return None,
    })
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the way back shows whether it fits"
)]
fn single(value: f64) -> Option<f32> {
    let single = value as f32;
    (f64::from(single) == value).then_some(single)
}

fn compare_decimals(a: &str, b: &str) -> std::cmp::Ordering {
    match (a.parse::<Decimal>(), b.parse::<Decimal>()) {
        (Ok(a), Ok(b)) => a.compare(b),
        _ => a.cmp(b),
    }
}

/// Classifies every native error. Keeps only messages of SQLite that contain no values.
fn classify(error: rusqlite::Error) -> Error {
    let rusqlite::Error::SqliteFailure(native, message) = &error else {
        let kind = match error {
            rusqlite::Error::InvalidColumnIndex(_) => ErrorKind::Conversion,
            rusqlite::Error::SqlInputError { ref msg, .. } if msg.starts_with("no such table") => {
                ErrorKind::NoSuchTable
            }
            _ => ErrorKind::InvalidStatement,
        };
        return Error::new(kind, error.to_string());
    };
    let message = message.as_deref().unwrap_or("no message");
    let kind = match native.extended_code {
        ffi::SQLITE_CONSTRAINT_UNIQUE
        | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
        | ffi::SQLITE_CONSTRAINT_ROWID => ErrorKind::UniqueViolation,
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY | ffi::SQLITE_CONSTRAINT_TRIGGER => {
            ErrorKind::ForeignKeyViolation
        }
        ffi::SQLITE_CONSTRAINT_NOTNULL => ErrorKind::NotNullViolation,
        ffi::SQLITE_CONSTRAINT_CHECK => ErrorKind::CheckViolation,
        ffi::SQLITE_BUSY_SNAPSHOT => ErrorKind::Serialization,
        _ => match native.code {
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => ErrorKind::Busy,
            ErrorCode::ReadOnly => ErrorKind::ReadOnly,
            ErrorCode::CannotOpen | ErrorCode::NotADatabase => ErrorKind::Unreachable,
            ErrorCode::Unknown if !message.starts_with("no such table") => {
                ErrorKind::InvalidStatement
            }
            _ if message.starts_with("no such table") => ErrorKind::NoSuchTable,
            _ => ErrorKind::Database,
        },
    };
    let error = Error::new(kind, message).code(native.extended_code.to_string());
    match message.strip_prefix("CHECK constraint failed: ") {
        Some(name) => error.constraint(name),
        None => error,
    }
}
