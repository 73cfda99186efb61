//! Classifies errors of the driver and the server.
//!
//! The server's DETAIL, and messages that quote input, contain parameter values. So the driver's error is never used as a source. For
//! codes that usually concern values, this module writes the message; in all other messages, only words of the server's vocabulary and
//! of the statement are kept.

use std::error::Error as StdError;
use std::io;

use selfsame::error::{Error, ErrorKind, without_values};
use tokio_postgres::error::{DbError, Severity};

use crate::driver::{Cause, Fault};
use crate::words::WORDS;

/// The operation that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Connecting.
    Connect,
    /// Running a statement.
    Run,
}

/// Classifies a failed wait.
pub(crate) fn classify_fault(fault: Fault, phase: Phase, statement: &str) -> Error {
    let error = match fault.cause {
        Cause::Driver(error) => classify(error, phase, statement),
        Cause::Interrupted => Error::new(
            lost(phase),
            "the work was cancelled, and the connection is given up",
        ),
        Cause::Silent(waited) => Error::new(
            lost(phase),
            format!("the server has not answered for {waited:?}, and the connection is given up"),
        ),
    };
    match fault.unsent {
        true => error.unsent(),
        false => error,
    }
}

/// Classifies an error of the driver.
pub(crate) fn classify(error: tokio_postgres::Error, phase: Phase, statement: &str) -> Error {
    if let Some(reported) = error.as_db_error() {
        return reported_by_server(reported, phase, statement);
    }
    let message = error.to_string();
    let cause = match error.into_source().map(|cause| cause.downcast::<Error>()) {
        // An error of this backend, from binding a parameter.
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

/// Whether prepared statements must be prepared again.
pub(crate) fn is_stale_plan(fault: &Fault) -> Option<Stale> {
    let Cause::Driver(error) = &fault.cause else {
        return None;
    };
    let reported = error.as_db_error()?;
    match reported.code().code() {
        "26000" | "42P05" => Some(Stale::All),
        "0A000" if reported.routine() == Some("RevalidateCachedQuery") => Some(Stale::One),
        _ => None,
    }
}

/// The prepared statements that are stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stale {
    /// Only this statement: its result has other columns now, and others may be stale too.
    One,
    /// All prepared statements: the server lost them, or has those of another client.
    All,
}

/// The kind of a SQLSTATE.
fn kind_of(code: &str, phase: Phase) -> ErrorKind {
    match code {
        "23505" | "23P01" => ErrorKind::UniqueViolation,
        "23503" | "23001" => ErrorKind::ForeignKeyViolation,
        "23502" => ErrorKind::NotNullViolation,
        // The second is the error of a view WITH CHECK OPTION.
        "23514" | "44000" => ErrorKind::CheckViolation,
        "40001" => ErrorKind::Serialization,
        "40P01" => ErrorKind::Deadlock,
        // Lock not available, query cancelled (by a timeout), object in use.
        "55P03" | "57014" | "55006" => ErrorKind::Busy,
        "25006" => ErrorKind::ReadOnly,
        "42P01" => ErrorKind::NoSuchTable,
        // A missing privilege: the statement is valid, and so are the credentials.
        "42501" => ErrorKind::Database,
        "3D000" if phase == Phase::Connect => ErrorKind::Unreachable,
        // A setting that does not exist, that cannot have this value, or that cannot be set.
        "42704" | "55P02" if phase == Phase::Connect => ErrorKind::Configuration,
        // Shut down, crashed, starting up, idle too long (in a transaction or not), dropped database.
        "57P01" | "57P02" | "57P03" | "57P04" | "57P05" | "25P03" | "25P04" => lost(phase),
        // The server could not process the message, for example because parameters are missing.
        "08P01" if phase == Phase::Run => ErrorKind::InvalidStatement,
        // There is no savepoint of this name, or no transaction.
        "3B001" | "25P01" => ErrorKind::InvalidStatement,
        // An earlier statement of the transaction failed.
        "25P02" => ErrorKind::PendingRollback,
        // The disk is full, during any operation.
        "53100" => ErrorKind::Database,
        _ => match code.get(..2) {
            Some("08") => lost(phase),
            Some("28") => ErrorKind::Authentication,
            Some("53") if phase == Phase::Connect => ErrorKind::Unreachable,
            Some("22") if phase == Phase::Connect => ErrorKind::Configuration,
            Some("22") => ErrorKind::OutOfRange,
            Some("0A") => ErrorKind::Unsupported,
            Some("42" | "3D" | "3F" | "26" | "34" | "54") => ErrorKind::InvalidStatement,
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

fn reported_by_server(reported: &DbError, phase: Phase, statement: &str) -> Error {
    let code = reported.code().code();
    let kind = match reported.parsed_severity() {
        Some(Severity::Fatal | Severity::Panic) if phase == Phase::Run => ErrorKind::ConnectionLost,
        _ if phase == Phase::Connect && matches!(code, "08P01" | "XX000") => {
            refused_by_pooler(reported.message())
        }
        // An error of a pooler, which ends the connection: only a server reports a position in its source.
        _ if code == "08P01" && reported.routine().is_none() => ErrorKind::ConnectionLost,
        // The table is missing in the FROM of the statement, not in the database.
        _ if reported.routine() == Some("errorMissingRTE") => ErrorKind::InvalidStatement,
        _ => kind_of(code, phase),
    };
    let shown = match phase {
        // There are no parameters yet.
        Phase::Connect => reported.message().to_owned(),
        Phase::Run => message(reported, statement),
    };
    let error = Error::new(kind, shown).code(code);
    let error = match code == "08P01" && found_no_server(reported.message()) {
        true => error.unsent(),
        false => error,
    };
    if is_of_a_user(reported) {
        return error;
    }
    let error = match reported.table() {
        Some(table) => error.entity(table),
        None => error,
    };
    let error = match reported.column() {
        Some(column) => error.column(column),
        None => error,
    };
    match reported.constraint() {
        Some(constraint) => error.constraint(constraint),
        None => error,
    }
}

/// Whether a user's function raised the error: its message and names may contain anything.
fn is_of_a_user(reported: &DbError) -> bool {
    reported.routine() == Some("exec_stmt_raise")
}

/// Returns the constraint that a user's function names (`RAISE … USING CONSTRAINT = …`), which may be any value.
pub(crate) fn raised_constraint(fault: &Fault) -> Option<&str> {
    let Cause::Driver(error) = &fault.cause else {
        return None;
    };
    let reported = error.as_db_error()?;
    reported.constraint().filter(|_| is_of_a_user(reported))
}

/// Whether PgBouncer found no server to forward to, so that nothing has run.
fn found_no_server(message: &str) -> bool {
    message == "query_wait_timeout" || message.starts_with("pgbouncer cannot connect to server")
}

/// Poolers use one code for all refusals.
fn refused_by_pooler(message: &str) -> ErrorKind {
    if ["startup parameter", "statement pooling"]
        .iter()
        .any(|words| message.contains(words))
    {
        ErrorKind::Configuration
    } else if ["auth", "no such user", "user not found"]
        .iter()
        .any(|words| message.contains(words))
    {
        ErrorKind::Authentication
    } else {
        ErrorKind::Unreachable
    }
}

fn message(reported: &DbError, statement: &str) -> String {
    let own = match reported.code().code() {
        "23505" => "another row already has this value",
        "23P01" => "the value conflicts with that of another row (exclusion constraint)",
        "23503" => {
            "a foreign key is violated: the referenced row is missing, or the row is still referenced"
        }
        "23502" => "NULL in a NOT NULL column",
        "23514" => "the value violates a CHECK constraint",
        "44000" => "the view would not show the row (WITH CHECK OPTION)",
        "22001" => "the value is too long for the column",
        "22003" => "the number is out of range of its type",
        "22007" | "22008" => "a date or time that the database does not support",
        "22012" => "division by zero",
        "22021" | "22P05" => "a character that the database cannot store in text",
        "22P02" | "22P03" | "22030" | "22032" => {
            "text that is not a valid value of the required type"
        }
        _ if is_of_a_user(reported) => "a function of the database raised an error",
        code => match code.get(..2) {
            Some("22") => "a value that the database does not accept",
            Some(
                "08" | "0A" | "21" | "25" | "26" | "28" | "2B" | "34" | "3B" | "3D" | "3F" | "40"
                | "42" | "53" | "54" | "55" | "57" | "58" | "XX",
            ) => return without_values(reported.message(), statement, WORDS),
            _ => "the database reported an error; its text may contain values and is omitted",
        },
    };
    own.to_owned()
}

/// A failure to connect that the server did not report.
fn unconnected(message: &str, cause: Option<&(dyn StdError + Send + Sync + 'static)>) -> ErrorKind {
    // The driver does not expose its error kinds, but its messages are their names.
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
        // The message could not be encoded, so nothing was sent.
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
            ("44000", ErrorKind::CheckViolation),
            ("40001", ErrorKind::Serialization),
            ("40P01", ErrorKind::Deadlock),
            ("55P03", ErrorKind::Busy),
            ("57014", ErrorKind::Busy),
            ("25006", ErrorKind::ReadOnly),
            ("08006", ErrorKind::ConnectionLost),
            ("08P01", ErrorKind::InvalidStatement),
            ("53100", ErrorKind::Database),
            ("57P01", ErrorKind::ConnectionLost),
            ("25P03", ErrorKind::ConnectionLost),
            ("42P01", ErrorKind::NoSuchTable),
            ("42601", ErrorKind::InvalidStatement),
            ("42703", ErrorKind::InvalidStatement),
            ("22003", ErrorKind::OutOfRange),
            ("22001", ErrorKind::OutOfRange),
            ("22P02", ErrorKind::OutOfRange),
            ("0A000", ErrorKind::Unsupported),
            ("25P02", ErrorKind::PendingRollback),
            ("25P01", ErrorKind::InvalidStatement),
            ("3B001", ErrorKind::InvalidStatement),
            ("54011", ErrorKind::InvalidStatement),
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
            ("53100", ErrorKind::Database),
            ("08P01", ErrorKind::Unreachable),
            ("22023", ErrorKind::Configuration),
            ("42704", ErrorKind::Configuration),
        ] {
            assert_eq!(kind_of(code, Phase::Connect), kind, "{code}");
        }
    }

    #[test]
    fn what_poolers_refuse_has_its_kind() {
        for (message, kind) in [
            (
                "unsupported startup parameter: options",
                ErrorKind::Configuration,
            ),
            ("SASL authentication failed", ErrorKind::Authentication),
            ("Tenant or user not found", ErrorKind::Authentication),
            (
                "transaction blocks not allowed in statement pooling mode",
                ErrorKind::Configuration,
            ),
            ("no such database: nowhere", ErrorKind::Unreachable),
            ("pgbouncer cannot connect to server", ErrorKind::Unreachable),
        ] {
            assert_eq!(refused_by_pooler(message), kind, "{message}");
        }
    }
}
