//! What the driver and the server report, as the library's errors.
//!
//! The server's DETAIL, and its message where that quotes input, carry parameter values. So the driver's error is never a source,
//! and of the server's messages only those are kept that speak of schema objects alone.

use std::error::Error as StdError;
use std::io;

use selfsame::error::{Error, ErrorKind};
use tokio_postgres::error::{DbError, Severity};

/// What was being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Connecting.
    Connect,
    /// Running a statement.
    Run,
}

/// Turns an error of the driver into one of the library.
pub(crate) fn classify(error: tokio_postgres::Error, phase: Phase) -> Error {
    if let Some(reported) = error.as_db_error() {
        return reported_by_server(reported, phase);
    }
    let message = error.to_string();
    let cause = match error.into_source().map(|cause| cause.downcast::<Error>()) {
        // One of our own, from binding a parameter.
        Some(Ok(ours)) => return *ours,
        Some(Err(cause)) => Some(cause),
        None => None,
    };
    let kind = match phase {
        Phase::Connect => unconnected(&message, cause.as_deref()),
        Phase::Run => undelivered(cause.as_deref()),
    };
    match cause {
        Some(cause) => Error::new(kind, format!("{message}: {cause}")),
        None => Error::new(kind, message),
    }
}

/// Whether a prepared statement must be prepared again: its result has another shape now, or the server does not have it any more.
pub(crate) fn is_stale_plan(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some_and(|reported| {
        let code = reported.code().code();
        code == "26000" || (code == "0A000" && reported.routine() == Some("RevalidateCachedQuery"))
    })
}

/// The kind of a SQLSTATE.
fn kind_of(code: &str, phase: Phase) -> ErrorKind {
    match code {
        "23505" | "23P01" => ErrorKind::UniqueViolation,
        "23503" | "23001" => ErrorKind::ForeignKeyViolation,
        "23502" => ErrorKind::NotNullViolation,
        "23514" => ErrorKind::CheckViolation,
        "40001" => ErrorKind::Serialization,
        "40P01" => ErrorKind::Deadlock,
        // Lock not available, query cancelled (by a timeout), object in use.
        "55P03" | "57014" | "55006" => ErrorKind::Busy,
        "25006" => ErrorKind::ReadOnly,
        "42P01" => ErrorKind::NoSuchTable,
        // A missing privilege: the statement is right, and so is who we are.
        "42501" => ErrorKind::Database,
        "3D000" if phase == Phase::Connect => ErrorKind::Unreachable,
        // Shut down, crashed, starting up, idle too long (in a transaction or not), dropped database.
        "57P01" | "57P02" | "57P03" | "57P04" | "57P05" | "25P03" | "25P04" => lost(phase),
        // The server could not make sense of the message, as when parameters are missing.
        "08P01" => ErrorKind::InvalidStatement,
        _ => match code.get(..2) {
            Some("08") => lost(phase),
            Some("28") => ErrorKind::Authentication,
            Some("53") if phase == Phase::Connect => ErrorKind::Unreachable,
            Some("22") => ErrorKind::OutOfRange,
            Some("0A") => ErrorKind::Unsupported,
            Some("42" | "3D" | "3F" | "26" | "34") => ErrorKind::InvalidStatement,
            _ if phase == Phase::Connect => ErrorKind::Unreachable,
            _ => ErrorKind::Database,
        },
    }
}

fn lost(phase: Phase) -> ErrorKind {
    match phase {
        Phase::Connect => ErrorKind::Unreachable,
        Phase::Run => ErrorKind::ConnectionLost,
    }
}

fn reported_by_server(reported: &DbError, phase: Phase) -> Error {
    let code = reported.code().code();
    let kind = match reported.parsed_severity() {
        Some(Severity::Fatal | Severity::Panic) if phase == Phase::Run => ErrorKind::ConnectionLost,
        _ => kind_of(code, phase),
    };
    let mut error = Error::new(kind, message(reported)).code(code);
    if let Some(table) = reported.table() {
        error = error.entity(table);
    }
    if let Some(column) = reported.column() {
        error = error.column(column);
    }
    if let Some(constraint) = reported.constraint() {
        error = error.constraint(constraint);
    }
    error
}

fn message(reported: &DbError) -> String {
    let own = match reported.code().code() {
        "23505" => "another row has this value already",
        "23P01" => "the value excludes that of another row",
        "23503" => {
            "a foreign key refuses this: the row referred to is missing, or the row is still referred to"
        }
        "23502" => "NULL where the column needs a value",
        "23514" => "the value breaks a CHECK constraint",
        "22001" => "the value is too long for the column",
        "22003" => "the number is out of the range of its type",
        "22007" | "22008" => "not a date or time that the database holds",
        "22012" => "division by zero",
        "22021" | "22P05" => "a character that the database cannot store in text",
        "22P02" | "22P03" | "22030" | "22032" => "a text that is no value of the type wanted",
        // Written by a function of the user, from anything.
        _ if reported.routine() == Some("exec_stmt_raise") => {
            "a function of the database raised an error"
        }
        code => match code.get(..2) {
            Some("22") => "a value that the database cannot take",
            Some(
                "08" | "0A" | "21" | "25" | "26" | "28" | "2B" | "34" | "3B" | "3D" | "3F" | "40"
                | "42" | "53" | "54" | "55" | "57" | "58" | "XX",
            ) => reported.message(),
            _ => "the database reported an error, whose text may hold values and is left out",
        },
    };
    own.to_owned()
}

/// A failure to connect that the server did not report.
fn unconnected(message: &str, cause: Option<&(dyn StdError + Send + Sync + 'static)>) -> ErrorKind {
    // The driver does not expose its kinds: its messages are their names.
    if message == "authentication error" || message == "invalid configuration" {
        let no_password = cause.is_some_and(|cause| cause.to_string().contains("password missing"));
        return if no_password || message == "authentication error" {
            ErrorKind::Authentication
        } else {
            ErrorKind::Configuration
        };
    }
    ErrorKind::Unreachable
}

/// A failure in an established connection that the server did not report.
fn undelivered(cause: Option<&(dyn StdError + Send + Sync + 'static)>) -> ErrorKind {
    match cause.and_then(|cause| cause.downcast_ref::<io::Error>()) {
        // A message that cannot be written: nothing was sent.
        Some(cause) if cause.kind() == io::ErrorKind::InvalidInput => ErrorKind::InvalidStatement,
        _ => ErrorKind::ConnectionLost,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_kind() {
        for (code, kind) in [
            ("23505", ErrorKind::UniqueViolation),
            ("23503", ErrorKind::ForeignKeyViolation),
            ("23502", ErrorKind::NotNullViolation),
            ("23514", ErrorKind::CheckViolation),
            ("40001", ErrorKind::Serialization),
            ("40P01", ErrorKind::Deadlock),
            ("55P03", ErrorKind::Busy),
            ("57014", ErrorKind::Busy),
            ("25006", ErrorKind::ReadOnly),
            ("08006", ErrorKind::ConnectionLost),
            ("08P01", ErrorKind::InvalidStatement),
            ("57P01", ErrorKind::ConnectionLost),
            ("25P03", ErrorKind::ConnectionLost),
            ("42P01", ErrorKind::NoSuchTable),
            ("42601", ErrorKind::InvalidStatement),
            ("42703", ErrorKind::InvalidStatement),
            ("22003", ErrorKind::OutOfRange),
            ("22001", ErrorKind::OutOfRange),
            ("22P02", ErrorKind::OutOfRange),
            ("0A000", ErrorKind::Unsupported),
            ("25P02", ErrorKind::Database),
            ("P0001", ErrorKind::Database),
            ("XX000", ErrorKind::Database),
        ] {
            assert_eq!(kind_of(code, Phase::Run), kind, "{code}");
        }
        for (code, kind) in [
            ("28P01", ErrorKind::Authentication),
            ("28000", ErrorKind::Authentication),
            ("3D000", ErrorKind::Unreachable),
            ("53300", ErrorKind::Unreachable),
            ("57P03", ErrorKind::Unreachable),
        ] {
            assert_eq!(kind_of(code, Phase::Connect), kind, "{code}");
        }
    }
}
