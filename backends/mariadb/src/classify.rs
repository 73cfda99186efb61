//! Classifies errors of the driver and the server.
//!
//! The server's messages quote values, so the driver's error is never used as a source. For codes that usually concern values, this module
//! writes the message; in all other messages, only words of the server's vocabulary and of the statement are kept.

use std::io;
use std::time::Duration;

use mysql::{DriverError, MySqlError};
use selfsame::error::{Error, ErrorKind, without_values};

use crate::flavor::Flavor;
use crate::words::WORDS;

/// The error for a subquery that returns several rows instead of one, which upserts use.
const OF_UPSERT: u16 = 1242;

/// The beginning of a message about a failed TLS negotiation.
pub(crate) const TLS_FAILED: &str = "TLS failed";

/// The operation that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Connecting.
    Connect,
    /// Running a statement, with the limit for the server's silence.
    Run(Duration, Flavor),
}

/// The server's number for an error that it reported.
pub(crate) fn code_of(error: &mysql::Error) -> Option<u16> {
    match error {
        mysql::Error::MySqlError(reported) => Some(reported.code),
        _ => None,
    }
}

/// Classifies an error of the driver.
pub(crate) fn classify(error: mysql::Error, phase: Phase, statement: &str) -> Error {
    match error {
        mysql::Error::MySqlError(reported) => reported_by_server(&reported, phase, statement),
        mysql::Error::IoError(error) => undelivered(&error, phase),
        mysql::Error::DriverError(error) => of_driver(&error, phase),
        mysql::Error::CodecError(error) => {
            // A packet that is too long was not sent.
            let message = error.to_string();
            let is_too_long = message.contains("too large") || message.contains("larger than");
            if is_too_long && phase != Phase::Connect {
                let message =
                    "a statement or value that is longer than the server's max_allowed_packet";
                return Error::new(ErrorKind::OutOfRange, message).unsent();
            }
            Error::new(lost(phase), message)
        }
        #[cfg(feature = "tls")]
        mysql::Error::TlsError(error) => Error::new(lost(phase), format!("{TLS_FAILED}: {error}")),
        // Other errors of the driver contain the bytes that were read.
        _ => Error::new(lost(phase), "the server sent an invalid answer"),
    }
}

fn lost(phase: Phase) -> ErrorKind {
    match phase {
        Phase::Connect => ErrorKind::Unreachable,
        Phase::Run(..) => ErrorKind::ConnectionLost,
    }
}

fn undelivered(error: &io::Error, phase: Phase) -> Error {
    match (phase, error.kind()) {
        (Phase::Run(waited, _), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => Error::new(
            ErrorKind::ConnectionLost,
            format!("the server has not answered for {waited:?}, and the connection is given up"),
        ),
        _ => Error::new(lost(phase), error.to_string()),
    }
}

fn of_driver(error: &DriverError, phase: Phase) -> Error {
    let kind = match error {
        DriverError::MismatchedStmtParams(..)
        | DriverError::MixedParams
        | DriverError::Params(_) => ErrorKind::InvalidStatement,
        DriverError::TlsNotSupported => ErrorKind::Configuration,
        DriverError::UnknownAuthPlugin(_)
        | DriverError::OldMysqlPasswordDisabled
        | DriverError::CleartextPluginDisabled => ErrorKind::Authentication,
        DriverError::PacketTooLarge => ErrorKind::OutOfRange,
        _ => lost(phase),
    };
    match kind {
        // The driver names the missing parameter, which is in the statement.
        ErrorKind::InvalidStatement => {
            Error::new(kind, "cannot determine the statement's parameters").unsent()
        }
        _ => Error::new(kind, error.to_string()),
    }
}

/// The kind of an error number.
fn kind_of(code: u16, state: &str, phase: Phase) -> ErrorKind {
    let is_connecting = phase == Phase::Connect;
    match code {
        1022 | 1062 | 1169 | 1586 => ErrorKind::UniqueViolation,
        1216 | 1217 | 1451 | 1452 | 1761 | 1762 | 1834 | 3730 => ErrorKind::ForeignKeyViolation,
        1048 | 1263 | 1364 | 1423 => ErrorKind::NotNullViolation,
        // The first is the error of a view WITH CHECK OPTION.
        1369 | 3819 | 4025 => ErrorKind::CheckViolation,
        // A record changed since the snapshot that this transaction reads.
        1020 => ErrorKind::Serialization,
        1213 | 1614 | 3101 => ErrorKind::Deadlock,
        // Timed out waiting for a lock; the statement was interrupted, or exceeded its time limit.
        1205 | 1317 | 1969 | 3024 | 3572 => ErrorKind::Busy,
        // All connections together hold too many prepared statements: others may close some.
        1461 => ErrorKind::Busy,
        1290 | 1792 | 1836 => ErrorKind::ReadOnly,
        1051 | 1109 | 1146 | 1932 => ErrorKind::NoSuchTable,
        1045 | 1251 | 1698 | 1130 | 1044 if is_connecting => ErrorKind::Authentication,
        1193 | 1115 | 1231 | 1273 if is_connecting => ErrorKind::Configuration,
        // Shut down, killed, idle for too long, aborted; or a node that has left its cluster.
        1053 | 1077 | 1079 | 1080 | 1152 | 1158..=1161 | 1184 | 1927 | 1047 | 4031 => lost(phase),
        1153 | 1301 | 1264 | 1265 | 1292 | 1366 | 1367 | 1406 | 1365 | 1411 | 1416 | 1426
        | 1441 | 1525 | 1526 | 1690 | 1916 | 1918 | 3988 | 4078 | 4161 => ErrorKind::OutOfRange,
        1235 | 1286 | 1289 | 1295 => ErrorKind::Unsupported,
        _ if is_connecting => ErrorKind::Unreachable,
        1054 | 1064 | 1243 | 1305 => ErrorKind::InvalidStatement,
        // Invalid statements whose SQLSTATE suggests otherwise: ambiguous names, mismatched numbers of columns or values, invalid grouping,
        // reading a table that is being changed, invalid uses and arguments, and exceeded limits.
        1052 | 1058 | 1093 | 1096 | 1111 | 1136 | 1210 | 1221 | 1222 | 1241 | 1390 | 1436 => {
            ErrorKind::InvalidStatement
        }
        _ => match state.get(..2) {
            Some("42") if !matches!(code, 1142..=1145 | 1227 | 1370) => ErrorKind::InvalidStatement,
            Some("22") => ErrorKind::OutOfRange,
            Some("08") => ErrorKind::ConnectionLost,
            Some("0A") => ErrorKind::Unsupported,
            _ => ErrorKind::Database,
        },
    }
}

fn reported_by_server(reported: &MySqlError, phase: Phase, statement: &str) -> Error {
    let kind = match reported.code {
        // An upsert refuses a row with another key than the one it names by this error.
        OF_UPSERT if statement.contains(" ON DUPLICATE KEY UPDATE ") => ErrorKind::UniqueViolation,
        code => kind_of(code, &reported.state, phase),
    };
    let shown = match phase {
        // There are no parameters yet.
        Phase::Connect => reported.message.clone(),
        Phase::Run(..) => message(reported, kind, statement),
    };
    let error = Error::new(kind, shown).code(reported.code.to_string());
    // Raised by a trigger or a procedure of the user, with any text.
    if reported.code == 1644 {
        return error;
    }
    let flavor = match phase {
        Phase::Connect => Flavor::default(),
        Phase::Run(_, flavor) => flavor,
    };
    let found = names(kind, &reported.message, flavor);
    let error = match found.table {
        Some(table) => error.entity(table),
        None => error,
    };
    let error = match found.column {
        Some(column) => error.column(column),
        None => error,
    };
    let error = match reported.code {
        // A node that is not ready has run nothing.
        1047 => error.unsent(),
        _ => error,
    };
    match found.constraint {
        Some(constraint) => error.constraint(constraint),
        None => error,
    }
}

/// The object that a message names.
#[derive(Debug, Default, PartialEq, Eq)]
struct Names {
    table: Option<String>,
    column: Option<String>,
    constraint: Option<String>,
}

/// Reads the object that a message names. If a message quotes a value, it does so before the names.
fn names(kind: ErrorKind, message: &str, flavor: Flavor) -> Names {
    let first = |before: &str| message.split_once(before).map(|(_, rest)| path(rest));
    let last = |before: &str| message.rsplit_once(before).map(|(_, rest)| path(rest));
    let end = |path: Option<(Vec<String>, &str)>| path.and_then(|(mut names, _)| names.pop());
    let mut names = Names::default();
    match kind {
        // Duplicate entry 'VALUE' for key 'NAME'
        ErrorKind::UniqueViolation => {
            let key = end(last(" for key "));
            names.constraint = key.and_then(|key| flavor.key_name(&key).map(str::to_owned));
        }
        // … a foreign key constraint fails ("db"."table", CONSTRAINT "name" FOREIGN KEY ("a") …)
        ErrorKind::ForeignKeyViolation => {
            // Other messages quote a record.
            if message.starts_with("Cannot ")
                && let Some((mut place, rest)) = first(" fails (")
            {
                names.table = place.pop();
                let constraint = rest.strip_prefix(", CONSTRAINT ").map(path);
                names.constraint = end(constraint);
            }
        }
        // … NULL supplied to NOT NULL column 'name' at row 1; Column 'name' cannot be null; Field 'name' doesn't have a default value
        ErrorKind::NotNullViolation => {
            let words = ["NOT NULL column ", "Column ", "Field "];
            names.column = end(words.iter().find_map(|&word| first(word)));
        }
        // CONSTRAINT `name` failed for `db`.`table`, where a column's is called `table.column`; Check constraint 'name' is violated.
        ErrorKind::CheckViolation => {
            names.table = end(first(" failed for "));
            let name = end(first("CONSTRAINT ").or_else(|| first("Check constraint ")));
            let table = names.table.as_ref();
            let of_column = table.map(|table| format!("{table}.")).unwrap_or_default();
            names.constraint =
                name.map(|name| name.strip_prefix(&*of_column).unwrap_or(&name).to_owned());
        }
        // Data too long for column 'name' at row 1; Incorrect integer value: 'VALUE' for column `db`.`table`.`name` at row 1
        // A value is followed by its quote, so that nothing in it can be taken for the end.
        ErrorKind::OutOfRange => {
            let is_end = |rest: &str| {
                let row = rest.strip_prefix(" at row ");
                row.is_some_and(|row| row.bytes().all(|byte| byte.is_ascii_digit()))
            };
            names.column = end(last(" for column ").filter(|(_, rest)| is_end(rest)));
        }
        _ => {}
    }
    names
}

/// Reads quoted names with dots between them, and what follows. The servers double backticks and double quotes in such a name. They do not
/// double single quotes, so the name extends to the last one that can end it.
fn path(text: &str) -> (Vec<String>, &str) {
    const AFTER_NAMES: [&str; 4] = [
        " at row",
        " cannot be null",
        " doesn't have",
        " is violated",
    ];
    let (mut names, mut rest) = (Vec::new(), text);
    while let Some(quote) = rest
        .chars()
        .next()
        .filter(|c| matches!(c, '`' | '"' | '\''))
    {
        let inner = &rest[1..];
        let ends: Vec<usize> = inner.match_indices(quote).map(|(at, _)| at).collect();
        let end = match quote {
            '\'' => {
                let is_end = |at: &&usize| {
                    AFTER_NAMES
                        .iter()
                        .any(|it| inner[**at + 1..].starts_with(it))
                };
                ends.iter().rfind(is_end).or(ends.last()).copied()
            }
            _ => ends
                .chunk_by(|one, next| one + 1 == *next)
                .find(|run| run.len() % 2 == 1)
                .and_then(|run| run.last())
                .copied(),
        };
        let Some(end) = end else { break };
        let name = &inner[..end];
        names.push(match quote {
            '\'' => name.to_owned(),
            _ => name.replace(&format!("{quote}{quote}"), &quote.to_string()),
        });
        rest = &inner[end + 1..];
        match rest.strip_prefix('.') {
            Some(more) => rest = more,
            None => break,
        }
    }
    (names, rest)
}

fn message(reported: &MySqlError, kind: ErrorKind, statement: &str) -> String {
    let own = match reported.code {
        OF_UPSERT if kind == ErrorKind::UniqueViolation => {
            "the upsert conflicts with a row by another key than the one named"
        }
        1264 | 1690 => "the number is out of range of its type",
        1406 => "the value is too long for the column",
        1292 | 1366 | 1411 => "text that is not a valid value of the required type",
        1365 => "division by zero",
        1369 => "the view would not show the row (WITH CHECK OPTION)",
        1644 => "a procedure or trigger of the database raised an error",
        _ => match kind {
            ErrorKind::UniqueViolation => "another row already has this value",
            ErrorKind::ForeignKeyViolation => {
                "a foreign key is violated: the referenced row is missing, or the row is still referenced"
            }
            ErrorKind::NotNullViolation => "NULL in a NOT NULL column",
            ErrorKind::CheckViolation => "the value violates a CHECK constraint",
            ErrorKind::OutOfRange => "a value that the database does not accept",
            _ => {
                return without_values(
                    &reported.message.replace(['`', '\''], "\""),
                    statement,
                    WORDS,
                );
            }
        },
    };
    own.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: Phase = Phase::Run(Duration::from_secs(1), Flavor::MariaDb);

    fn reported(code: u16, message: &str) -> Error {
        let reported = MySqlError {
            state: "HY000".to_owned(),
            message: message.to_owned(),
            code,
        };
        classify(
            mysql::Error::MySqlError(reported),
            RUN,
            "UPDATE `t` SET `a` = ?",
        )
    }

    #[test]
    fn every_code_has_its_kind() {
        for (code, kind) in [
            (1062, ErrorKind::UniqueViolation),
            (1451, ErrorKind::ForeignKeyViolation),
            (1452, ErrorKind::ForeignKeyViolation),
            (1048, ErrorKind::NotNullViolation),
            (1364, ErrorKind::NotNullViolation),
            (1369, ErrorKind::CheckViolation),
            (3819, ErrorKind::CheckViolation),
            (4025, ErrorKind::CheckViolation),
            (1205, ErrorKind::Busy),
            (1969, ErrorKind::Busy),
            (1213, ErrorKind::Deadlock),
            (1020, ErrorKind::Serialization),
            (1047, ErrorKind::ConnectionLost),
            (1053, ErrorKind::ConnectionLost),
            (1927, ErrorKind::ConnectionLost),
            (1146, ErrorKind::NoSuchTable),
            (1054, ErrorKind::InvalidStatement),
            (1264, ErrorKind::OutOfRange),
            // No partition accepts the value; the column's character set does not contain the character.
            (1526, ErrorKind::OutOfRange),
            (3988, ErrorKind::OutOfRange),
            (1423, ErrorKind::NotNullViolation),
            (1792, ErrorKind::ReadOnly),
            (1180, ErrorKind::Database),
        ] {
            assert_eq!(kind_of(code, "HY000", RUN), kind, "{code}");
        }
        for (code, kind) in [
            (1045, ErrorKind::Authentication),
            (1049, ErrorKind::Unreachable),
            (1040, ErrorKind::Unreachable),
            (1193, ErrorKind::Configuration),
        ] {
            assert_eq!(kind_of(code, "HY000", Phase::Connect), kind, "{code}");
        }
        let silent = io::Error::from(io::ErrorKind::WouldBlock);
        let error = classify(mysql::Error::IoError(silent), RUN, "");
        assert_eq!(error.kind(), ErrorKind::ConnectionLost);
    }

    #[test]
    fn mysql_writes_the_table_before_the_name_of_a_key() {
        for (written, name) in [
            ("users.users_name_key", Some("users_name_key")),
            ("users.a.b", Some("a.b")),
            ("users.PRIMARY", None),
        ] {
            let message = format!("Duplicate entry 'secret' for key '{written}'");
            let found = names(ErrorKind::UniqueViolation, &message, Flavor::MySql);
            assert_eq!(found.constraint.as_deref(), name, "{written}");
        }
    }

    #[test]
    fn names_are_kept_and_values_are_not() {
        let fails = "Cannot add or update a child row: a foreign key constraint fails";
        for (code, message, [table, column, constraint]) in [
            (
                1062,
                "Duplicate entry 'secret' for key 'x' for key 'users_name_key'",
                ["", "", "users_name_key"],
            ),
            (
                1062,
                "Duplicate entry '1' for key 'it's `odd`'",
                ["", "", "it's `odd`"],
            ),
            (1062, "Duplicate entry '1' for key 'PRIMARY'", [""; 3]),
            (
                1452,
                &format!(
                    "{fails} (`db`.`tasks`, CONSTRAINT `tasks_user_fkey` FOREIGN KEY (`a`) REFERENCES `b` (`c`))"
                ),
                ["tasks", "", "tasks_user_fkey"],
            ),
            // As a connection of this backend receives it, in the mode ANSI_QUOTES.
            (
                1451,
                &format!(
                    "{fails} (\"db\".\"tasks\", CONSTRAINT \"tasks_user_fkey\" FOREIGN KEY (\"a\") REFERENCES \"b\" (\"c\"))"
                ),
                ["tasks", "", "tasks_user_fkey"],
            ),
            (
                1452,
                &format!(
                    "{fails} (\"d.b\".\"a.\"\"b\"\"\", CONSTRAINT \"\"\"its \"\"\"\" `name`\" FOREIGN KEY (\"a\"))"
                ),
                ["a.\"b\"", "", "\"its \"\" `name`"],
            ),
            // A record that looks like the place of a constraint.
            (
                1761,
                "Foreign key constraint for table 't', record 'x fails (`secret`' would lead to a duplicate entry in table 'u', key 'PRIMARY'",
                [""; 3],
            ),
            (
                1216,
                "Cannot add or update a child row: a foreign key constraint fails",
                [""; 3],
            ),
            (1048, "Column 'name' cannot be null", ["", "name", ""]),
            (
                1048,
                "Column 'its Column 'name'' cannot be null",
                ["", "its Column 'name'", ""],
            ),
            (
                1364,
                "Field 'name' doesn't have a default value",
                ["", "name", ""],
            ),
            (
                1263,
                "Column set to default value; NULL supplied to NOT NULL column 'name' at row 2",
                ["", "name", ""],
            ),
            (
                4025,
                "CONSTRAINT `age_check` failed for `db`.`users`",
                ["users", "", "age_check"],
            ),
            (
                4025,
                "CONSTRAINT `users.age` failed for `db`.`users`",
                ["users", "", "age"],
            ),
            (
                4025,
                "CONSTRAINT `a.``b` failed for `db`.`users`",
                ["users", "", "a.`b"],
            ),
            (
                3819,
                "Check constraint 'age_check' is violated.",
                ["", "", "age_check"],
            ),
            (
                3819,
                "Check constraint 'it's' is violated.",
                ["", "", "it's"],
            ),
            (
                1366,
                "Incorrect integer value: 'secret' for column `db`.`t`.`age` at row 1",
                ["", "age", ""],
            ),
            (
                1366,
                "Incorrect integer value: 'secret for column 'b' for column 'a b.c' at row 1",
                ["", "a b.c", ""],
            ),
            (
                1406,
                "Data too long for column 'the column b' at row 1",
                ["", "the column b", ""],
            ),
            // A procedure may have built the statement from values.
            (1054, "Unknown column 'secret' in 'field list'", [""; 3]),
            (
                1292,
                "Truncated incorrect INTEGER value: 'x for column 'secret''",
                [""; 3],
            ),
            (
                1292,
                "Truncated incorrect INTEGER value: 'x for column 'secret' at row 1'",
                [""; 3],
            ),
        ] {
            let error = reported(code, message);
            let names = [
                error.entity_name(),
                error.column_name(),
                error.constraint_name(),
            ];
            assert_eq!(
                names.map(Option::unwrap_or_default),
                [table, column, constraint],
                "{message}"
            );
        }
        for (code, message) in [
            (1062, "Duplicate entry 'secret' for key 'PRIMARY'"),
            (
                1366,
                "Incorrect integer value: 'secret' for column `db`.`t`.`age` at row 1",
            ),
            (1644, "secret"),
            (1105, "Unknown error: 'secret' is 4711"),
            (
                1064,
                "You have an error in your SQL syntax near 'secret 4711' at line 1",
            ),
        ] {
            let error = reported(code, message);
            let shown = format!("{error} {error:?}");
            assert!(
                !shown.contains("secret") && !shown.contains("4711"),
                "{shown}"
            );
        }
    }
}
