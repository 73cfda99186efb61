//! Classifies SQLite's errors.

use rusqlite::ffi;
use selfsame::error::without_values;
use selfsame::{Error, ErrorKind};

use crate::words::WORDS;

const FOREIGN_KEY: &str = "FOREIGN KEY constraint failed";

/// Returns the error for an extended result code and SQLite's message.
#[cold]
pub(crate) fn classify(code: i32, message: &str) -> Error {
    classify_in(code, message, &|_, _| false)
}

/// Like [`classify`], given whether a table has a column: their names may contain dots.
pub(crate) fn classify_in(
    code: i32,
    message: &str,
    is_column: &dyn Fn(&str, &str) -> bool,
) -> Error {
    let (kind, name) = kind_and_name(code, message);
    // `UNIQUE constraint failed: users.name`: the part after the colon becomes context.
    let (text, detail) = message.split_once(": ").unwrap_or((message, ""));
    let error = match kind {
        ErrorKind::UniqueViolation | ErrorKind::NotNullViolation => {
            with_columns(Error::new(kind, text), detail, is_column)
        }
        ErrorKind::CheckViolation => Error::new(kind, text).constraint(detail),
        ErrorKind::NoSuchTable => {
            Error::new(kind, text).entity(detail.strip_prefix("main.").unwrap_or(detail))
        }
        _ => Error::new(kind, message),
    };
    error.code(name.map_or_else(|| code.to_string(), str::to_owned))
}

/// Returns the error of a statement with parameters. SQLite's functions quote their arguments, so only words of SQLite
/// and of the statement are shown; messages about constraints only contain names of the schema.
#[cold]
pub(crate) fn classify_run(
    code: i32,
    message: &str,
    statement: &str,
    is_column: &dyn Fn(&str, &str) -> bool,
) -> Error {
    let is_of_schema = matches!(
        code,
        ffi::SQLITE_CONSTRAINT_UNIQUE
            | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
            | ffi::SQLITE_CONSTRAINT_ROWID
            | ffi::SQLITE_CONSTRAINT_NOTNULL
            | ffi::SQLITE_CONSTRAINT_CHECK
            | ffi::SQLITE_CONSTRAINT_FOREIGNKEY
            | ffi::SQLITE_CONSTRAINT_DATATYPE
    ) || message == FOREIGN_KEY;
    if is_of_schema {
        return classify_in(code, message, is_column);
    }
    let shown = without_values(message, statement, WORDS);
    let (kind, _) = kind_and_name(code, message);
    classify(code, &shown).with_kind(kind)
}

/// Returns an error of the driver, used for connecting and settings.
#[cold]
pub(crate) fn classify_driver(error: rusqlite::Error) -> Error {
    match error {
        rusqlite::Error::SqliteFailure(native, message) => classify(
            native.extended_code,
            message.as_deref().unwrap_or("no message"),
        ),
        error => Error::new(ErrorKind::Database, error.to_string()),
    }
}

fn kind_and_name(code: i32, message: &str) -> (ErrorKind, Option<&'static str>) {
    use ErrorKind as K;
    match code {
        ffi::SQLITE_CONSTRAINT_UNIQUE => (K::UniqueViolation, Some("SQLITE_CONSTRAINT_UNIQUE")),
        ffi::SQLITE_CONSTRAINT_PRIMARYKEY => {
            (K::UniqueViolation, Some("SQLITE_CONSTRAINT_PRIMARYKEY"))
        }
        ffi::SQLITE_CONSTRAINT_ROWID => (K::UniqueViolation, Some("SQLITE_CONSTRAINT_ROWID")),
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => {
            (K::ForeignKeyViolation, Some("SQLITE_CONSTRAINT_FOREIGNKEY"))
        }
        // SQLite implements RESTRICT with an internal trigger.
        ffi::SQLITE_CONSTRAINT_TRIGGER if message == FOREIGN_KEY => {
            (K::ForeignKeyViolation, Some("SQLITE_CONSTRAINT_TRIGGER"))
        }
        ffi::SQLITE_CONSTRAINT_TRIGGER => (K::Database, Some("SQLITE_CONSTRAINT_TRIGGER")),
        ffi::SQLITE_CONSTRAINT_NOTNULL => (K::NotNullViolation, Some("SQLITE_CONSTRAINT_NOTNULL")),
        ffi::SQLITE_CONSTRAINT_CHECK => (K::CheckViolation, Some("SQLITE_CONSTRAINT_CHECK")),
        ffi::SQLITE_CONSTRAINT_DATATYPE => (K::OutOfRange, Some("SQLITE_CONSTRAINT_DATATYPE")),
        ffi::SQLITE_BUSY_SNAPSHOT => (K::Serialization, Some("SQLITE_BUSY_SNAPSHOT")),
        ffi::SQLITE_LOCKED_SHAREDCACHE => (K::Busy, Some("SQLITE_LOCKED_SHAREDCACHE")),
        // Reading requires a rollback or new files, which this connection may not do.
        ffi::SQLITE_READONLY_ROLLBACK => (K::Unreachable, Some("SQLITE_READONLY_ROLLBACK")),
        ffi::SQLITE_READONLY_RECOVERY => (K::Unreachable, Some("SQLITE_READONLY_RECOVERY")),
        ffi::SQLITE_READONLY_CANTINIT => (K::Unreachable, Some("SQLITE_READONLY_CANTINIT")),
        // No file can be created next to the database.
        ffi::SQLITE_READONLY_DIRECTORY => (K::ReadOnly, Some("SQLITE_READONLY_DIRECTORY")),
        // The file was moved or removed while the connection was open.
        ffi::SQLITE_READONLY_DBMOVED => (K::ConnectionLost, Some("SQLITE_READONLY_DBMOVED")),
        _ => kind_and_name_of_family(code & 0xff, message),
    }
}

fn kind_and_name_of_family(code: i32, message: &str) -> (ErrorKind, Option<&'static str>) {
    use ErrorKind as K;
    match code {
        ffi::SQLITE_ERROR => (kind_of_plain_error(message), Some("SQLITE_ERROR")),
        ffi::SQLITE_BUSY => (K::Busy, Some("SQLITE_BUSY")),
        ffi::SQLITE_LOCKED => (K::Busy, Some("SQLITE_LOCKED")),
        ffi::SQLITE_PROTOCOL => (K::Busy, Some("SQLITE_PROTOCOL")),
        ffi::SQLITE_SCHEMA => (K::Serialization, Some("SQLITE_SCHEMA")),
        ffi::SQLITE_READONLY => (K::ReadOnly, Some("SQLITE_READONLY")),
        ffi::SQLITE_CANTOPEN => (K::Unreachable, Some("SQLITE_CANTOPEN")),
        ffi::SQLITE_NOTADB => (K::Unreachable, Some("SQLITE_NOTADB")),
        ffi::SQLITE_MISMATCH => (K::OutOfRange, Some("SQLITE_MISMATCH")),
        ffi::SQLITE_TOOBIG => (K::OutOfRange, Some("SQLITE_TOOBIG")),
        ffi::SQLITE_RANGE => (K::InvalidStatement, Some("SQLITE_RANGE")),
        ffi::SQLITE_CONSTRAINT => (K::Database, Some("SQLITE_CONSTRAINT")),
        ffi::SQLITE_FULL => (K::Database, Some("SQLITE_FULL")),
        ffi::SQLITE_IOERR => (K::Database, Some("SQLITE_IOERR")),
        ffi::SQLITE_CORRUPT => (K::Database, Some("SQLITE_CORRUPT")),
        ffi::SQLITE_NOMEM => (K::Database, Some("SQLITE_NOMEM")),
        ffi::SQLITE_INTERRUPT => (K::Database, Some("SQLITE_INTERRUPT")),
        _ => (K::Database, None),
    }
}

/// SQLite uses one code for statements that it cannot parse, resolve or compute.
fn kind_of_plain_error(message: &str) -> ErrorKind {
    if message.starts_with("no such table: ") {
        ErrorKind::NoSuchTable
    } else if message == "integer overflow" {
        ErrorKind::OutOfRange
    } else if message == "malformed JSON" {
        ErrorKind::Database
    } else {
        ErrorKind::InvalidStatement
    }
}

/// `users.name`, `users.first, users.last`, or `index 'users_lower_name'`.
fn with_columns(error: Error, detail: &str, is_column: &dyn Fn(&str, &str) -> bool) -> Error {
    if let Some(index) = detail
        .strip_prefix("index '")
        .and_then(|rest| rest.strip_suffix('\''))
    {
        return error.constraint(index);
    }
    let split = |(at, _)| {
        let (table, columns) = (&detail[..at], &detail[at + 1..]);
        (table, columns.replace(&format!(", {table}."), ", "))
    };
    let dots = detail.match_indices('.').map(split);
    let is_there = |(table, columns): &(&str, String)| {
        // A column's name may contain a comma, too.
        is_column(table, columns) || columns.split(", ").all(|column| is_column(table, column))
    };
    match dots.clone().find(is_there).or_else(|| dots.clone().next()) {
        Some((table, columns)) => error.entity(table).column(columns),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: i32, message: &str, kind: ErrorKind, shown: &str) {
        let error = classify(code, message);
        assert_eq!(error.kind(), kind, "{message}");
        assert_eq!(error.to_string(), shown);
    }

    #[test]
    fn constraints_name_what_they_guard() {
        check(
            2067,
            "UNIQUE constraint failed: users.first, users.last",
            ErrorKind::UniqueViolation,
            "users.first, last: UNIQUE constraint failed [SQLITE_CONSTRAINT_UNIQUE]",
        );
        check(
            2067,
            "UNIQUE constraint failed: index 'users_lower'",
            ErrorKind::UniqueViolation,
            "UNIQUE constraint failed (constraint users_lower) [SQLITE_CONSTRAINT_UNIQUE]",
        );
        check(
            1299,
            "NOT NULL constraint failed: übung.straße",
            ErrorKind::NotNullViolation,
            "übung.straße: NOT NULL constraint failed [SQLITE_CONSTRAINT_NOTNULL]",
        );
        check(
            275,
            "CHECK constraint failed: age > 0",
            ErrorKind::CheckViolation,
            "CHECK constraint failed (constraint age > 0) [SQLITE_CONSTRAINT_CHECK]",
        );
        check(
            1811,
            "refused: by the trigger",
            ErrorKind::Database,
            "refused: by the trigger [SQLITE_CONSTRAINT_TRIGGER]",
        );
    }

    #[test]
    fn locks_and_files() {
        check(
            517,
            "database is locked",
            ErrorKind::Serialization,
            "database is locked [SQLITE_BUSY_SNAPSHOT]",
        );
        check(
            261,
            "database is locked",
            ErrorKind::Busy,
            "database is locked [SQLITE_BUSY]",
        );
        check(
            1544,
            "attempt to write a readonly database",
            ErrorKind::ReadOnly,
            "attempt to write a readonly database [SQLITE_READONLY_DIRECTORY]",
        );
        check(
            99,
            "unknown: code",
            ErrorKind::Database,
            "unknown: code [99]",
        );
    }

    #[test]
    fn one_code_for_many_statements() {
        check(
            1,
            "no such table: main.users",
            ErrorKind::NoSuchTable,
            "users: no such table [SQLITE_ERROR]",
        );
        check(
            1,
            "near \"SELEC\": syntax error",
            ErrorKind::InvalidStatement,
            "near \"SELEC\": syntax error [SQLITE_ERROR]",
        );
        check(
            1,
            "integer overflow",
            ErrorKind::OutOfRange,
            "integer overflow [SQLITE_ERROR]",
        );
    }
}
