//! Results: their rows, and the number of rows that a statement matched.

use std::fs::File;
use std::net::Shutdown;
use std::time::Instant;

use mysql::QueryResult;
use mysql::prelude::Protocol;
use selfsame::backend::{Outcome, Row, Sql, StatementKind};
use selfsame::error::Result;
use socket2::SockRef;

use crate::link::SHORT_WAIT;
use crate::row::MariaDbRow;
use crate::statement::Failure;

pub(crate) type Sink<'s> = dyn FnMut(&dyn Row) -> Result<()> + 's;

/// Passes the rows of the first result to the sink, and reads the rest, so that the connection is free for the next statement.
pub(crate) fn drain<T: Protocol>(
    result: QueryResult<'_, '_, '_, T>,
    socket: &File,
    sql: &Sql,
    sink: &mut Sink<'_>,
) -> Result<Outcome, Failure> {
    let mut rest = Rest { result, socket };
    let result = &mut rest.result;
    let mut outcome = Outcome::matched(matched(sql, result.affected_rows(), &result.info_str()));
    if let Some(id) = result.last_insert_id().filter(|id| *id != 0)
        && let Ok(id) = i64::try_from(id)
    {
        outcome = outcome.with_last_insert_id(id);
    }
    let mut refused = None;
    let mut rows = 0;
    for row in result.by_ref() {
        rows += 1;
        if let Err(error) = sink(&MariaDbRow(row?)) {
            refused = Some(error);
            break;
        }
    }
    if let Some(error) = refused {
        return Err(Failure::Sink(error, skip(&mut rest.result)));
    }
    if rows > 0 && sql.kind() != StatementKind::Select {
        outcome.matched = rows;
    }
    match skip(&mut rest.result) {
        None => Ok(outcome),
        Some(error) => Err(error.into()),
    }
}

/// The rows of a statement. The driver reads them to the end when they are dropped; after a panic of the sink, reading is limited to a
/// short time.
struct Rest<'r, 't, 'c, T: Protocol> {
    result: QueryResult<'r, 't, 'c, T>,
    socket: &'r File,
}

impl<T: Protocol> Drop for Rest<'_, '_, '_, T> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let socket = SockRef::from(self.socket);
        let usual = socket.read_timeout();
        let until = Instant::now() + SHORT_WAIT;
        let _ = socket.set_read_timeout(Some(SHORT_WAIT));
        for row in self.result.by_ref() {
            if row.is_err() || Instant::now() >= until {
                // Further reads see the end of the stream.
                let _ = socket.shutdown(Shutdown::Both);
                return;
            }
        }
        if let Ok(usual) = usual {
            let _ = socket.set_read_timeout(usual);
        }
    }
}

/// Reads on to the end of the last result.
pub(crate) fn skip<T: Protocol>(result: &mut QueryResult<'_, '_, '_, T>) -> Option<mysql::Error> {
    while let Some(set) = result.iter() {
        for row in set {
            if let Err(error) = row {
                return Some(error);
            }
        }
    }
    None
}

/// Whether a statement is an upsert.
pub(crate) fn is_upsert(sql: &Sql) -> bool {
    sql.text().contains(" ON DUPLICATE KEY UPDATE ")
}

/// Returns the number of rows that a statement matched. The server counts only changed rows as affected, and reports the number of
/// matched ones in a text message, whose language is set when connecting.
fn matched(sql: &Sql, affected: u64, info: &str) -> u64 {
    let number = |label: &str| {
        let (_, rest) = info.split_once(label)?;
        let digits = rest.trim_start();
        let end = digits.find(|c: char| !c.is_ascii_digit());
        digits[..end.unwrap_or(digits.len())].parse::<u64>().ok()
    };
    if let Some(matched) = number("Rows matched:") {
        return matched;
    }
    // An existing row that is changed counts twice.
    match number("Duplicates:") {
        Some(changed) if changed > 0 && is_upsert(sql) => affected.saturating_sub(changed),
        None if affected == 2 && is_upsert(sql) => 1,
        _ => affected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sql(text: &str) -> Sql {
        Sql::new(StatementKind::Raw, text, [], [])
    }

    #[test]
    fn rows_are_counted_as_met() {
        let upsert = "INSERT INTO t VALUES (?) ON DUPLICATE KEY UPDATE a = 1";
        for (text, affected, info, expected) in [
            ("UPDATE t", 1, "Rows matched: 5  Changed: 1  Warnings: 0", 5),
            ("UPDATE t", 0, "Rows matched: 0  Changed: 0  Warnings: 0", 0),
            ("DELETE FROM t", 3, "", 3),
            (
                "INSERT INTO t",
                3,
                "Records: 3  Duplicates: 0  Warnings: 0",
                3,
            ),
            (
                "INSERT IGNORE INTO t",
                1,
                "Records: 3  Duplicates: 2  Warnings: 2",
                1,
            ),
            (upsert, 5, "Records: 3  Duplicates: 2  Warnings: 0", 3),
            (upsert, 1, "Records: 2  Duplicates: 0  Warnings: 0", 1),
            (upsert, 2, "", 1),
            (upsert, 1, "", 1),
            (upsert, 0, "", 0),
        ] {
            assert_eq!(
                matched(&sql(text), affected, info),
                expected,
                "{text} {info}"
            );
        }
    }
}
