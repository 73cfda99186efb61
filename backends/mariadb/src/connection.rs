//! [`MariaDbConnection`]: runs statements, one at a time.

use std::fmt;
use std::fs::File;
use std::net::Shutdown;
use std::sync::Arc;
use std::time::Instant;

use mysql::prelude::{Protocol, Queryable};
use mysql::{Params, QueryResult};
use selfsame::backend::{
    Connection, Interrupter, Outcome, Prepared, Row, Sql, Statement, StatementKind,
};
use selfsame::dialect::Transaction;
use selfsame::error::{Error, ErrorKind, Result};
use socket2::SockRef;

use crate::classify::{Phase, classify, code_of};
use crate::commits::{commits, may_commit};
use crate::fit::{self, Guard};
use crate::interrupt::interrupter;
use crate::link::{Link, SHORT_WAIT};
use crate::param::bound;
use crate::row::MariaDbRow;

/// The server wants it prepared again; the server does not know it.
const STALE: [u16; 2] = [1615, 1243];
/// A statement that cannot be prepared.
const NOT_PREPARABLE: u16 = 1295;
/// All connections together hold as many prepared statements as the server allows.
const TOO_MANY_PREPARED: u16 = 1461;
/// A warning: some tables that changed could not be rolled back.
const NOT_UNDONE: u16 = 1196;
/// How many prepared statements a connection keeps.
const KEPT: usize = 256;
/// A statement of more parameters is not kept: their number mostly follows a list, and the server holds each of them in memory.
const MOST_KEPT_PARAMETERS: usize = 4_096;
/// Marks the transaction while a statement runs that may end it: in another transaction there is no such savepoint.
const MARK: &str = "SAVEPOINT selfsame";
const UNMARK: &str = "RELEASE SAVEPOINT selfsame";
/// How the names of savepoints begin: a savepoint that a user sets by the same name would replace ours.
const SAVEPOINT: &str = "selfsame_savepoint_";

/// One connection to MariaDB.
pub(crate) struct MariaDbConnection {
    link: Link,
    statements: Prepared<Kept>,
    transaction: State,
    /// The names of the savepoints in the transaction. To the server a name stands for one savepoint at a time.
    savepoints: Vec<String>,
    lost: bool,
}

/// A prepared statement that is kept.
#[derive(Clone)]
struct Kept {
    statement: mysql::Statement,
    /// The parameters that their columns could change.
    guards: Arc<[Guard]>,
}

/// The transaction as the server sees it: the driver does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Idle,
    Open,
    /// Undone by the server: by a deadlock, or a conflict of a cluster. What followed would commit itself.
    Undone,
    /// Ended by a statement in it, as a procedure may do; what was done before is committed, or undone.
    Ended,
}

/// Why a statement ended early.
enum Failure {
    Driver(mysql::Error),
    /// While it was prepared, which runs nothing.
    Preparing(mysql::Error),
    /// Found by us before anything was sent.
    Own(Error),
    /// The sink's error, and that of reading on after it.
    Sink(Error, Option<mysql::Error>),
}

impl From<mysql::Error> for Failure {
    fn from(error: mysql::Error) -> Self {
        Self::Driver(error)
    }
}

impl Failure {
    fn code(&self) -> Option<u16> {
        match self {
            Self::Driver(error) | Self::Preparing(error) => code_of(error),
            Self::Own(_) | Self::Sink(..) => None,
        }
    }
}

type Sink<'s> = dyn FnMut(&dyn Row) -> Result<()> + 's;

impl MariaDbConnection {
    pub(crate) fn new(link: Link) -> Self {
        Self {
            link,
            statements: Prepared::new(KEPT),
            transaction: State::Idle,
            savepoints: Vec::new(),
            lost: false,
        }
    }

    fn run(&mut self, statement: &Statement<'_>, sink: &mut Sink<'_>) -> Result<Outcome> {
        self.usable()?;
        let sql = statement.sql;
        if self.transaction == State::Idle && sql.kind().is_write() {
            self.refuse_if_gone()?;
        }
        let is_checked = self.transaction == State::Open && may_commit(sql);
        if is_checked {
            if commits(sql.text()) {
                let what = "a statement that commits implicitly, inside a transaction,";
                return Err(Error::unsupported("mariadb", what).statement(sql.text()));
            }
            self.command(sql, MARK)?;
        }
        let mut done = self.attempt(statement, sink);
        // Refused before its first row: nothing has been handed on.
        if let Err(failure) = &done
            && failure.code().is_some_and(|code| STALE.contains(&code))
            && let Some(stale) = self.statements.forget(sql.id())
        {
            // It may be unknown to the server, which answers nothing either way.
            let _ = self.link.conn.close(stale.statement);
            done = self.attempt(statement, sink);
        }
        let done = done.map_err(|failure| self.ended(failure, sql));
        if is_checked && self.transaction == State::Open && !self.lost {
            self.look_for_mark();
        }
        done
    }

    /// Looks whether the server has gone before sending what commits: what it never saw was certainly not done.
    fn refuse_if_gone(&mut self) -> Result<()> {
        self.lost |= !self.link.is_quiet();
        match self.lost {
            true => Err(gone()),
            false => Ok(()),
        }
    }

    fn usable(&self) -> Result<()> {
        if self.lost {
            return Err(gone());
        }
        let message = match self.transaction {
            State::Idle | State::Open => return Ok(()),
            State::Undone => "the server has rolled this transaction back: call rollback first",
            State::Ended => "a statement has ended this transaction: call rollback first",
        };
        Err(Error::new(ErrorKind::PendingRollback, message).unsent())
    }

    fn attempt(
        &mut self,
        statement: &Statement<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<Outcome, Failure> {
        let Statement { sql, params } = *statement;
        if sql.kind() == StatementKind::Ddl && params.is_empty() {
            let result = self.link.conn.query_iter(sql.text())?;
            return drain(result, &self.link.socket, sql, sink);
        }
        let values = bound(params).map_err(Failure::Own)?;
        if sql.kind() == StatementKind::Raw {
            return self.once(sql, values, sink);
        }
        let kept = match self.statements.get(sql.id()) {
            Some(kept) => kept.clone(),
            None if values.len() > MOST_KEPT_PARAMETERS => {
                let guards = self.guards(sql)?;
                fit::check(&guards, params).map_err(Failure::Own)?;
                return self.once(sql, values, sink);
            }
            None => self.prepare_to_keep(sql)?,
        };
        if fit::check(&kept.guards, params).is_err() {
            // The table may be another one by now.
            let guards = self.guards(sql)?;
            fit::check(&guards, params).map_err(Failure::Own)?;
        }
        let prepared = kept.statement;
        check_count(&prepared, sql, values.len())?;
        let result = self.link.conn.exec_iter(&prepared, params_of(values))?;
        drain(result, &self.link.socket, sql, sink)
    }

    /// A statement that is not kept: a user's own, whose id is mostly fresh, or a long one.
    fn once(
        &mut self,
        sql: &Sql,
        values: Vec<mysql::Value>,
        sink: &mut Sink<'_>,
    ) -> Result<Outcome, Failure> {
        let prepared = match self.prepare(sql) {
            Err(failure) if failure.code() == Some(NOT_PREPARABLE) && values.is_empty() => {
                let result = self.link.conn.query_iter(sql.text())?;
                return drain(result, &self.link.socket, sql, sink);
            }
            prepared => prepared?,
        };
        let outcome = match check_count(&prepared, sql, values.len()) {
            Ok(()) => match self.link.conn.exec_iter(&prepared, params_of(values)) {
                Ok(result) => drain(result, &self.link.socket, sql, sink),
                Err(error) => Err(error.into()),
            },
            Err(failure) => Err(failure),
        };
        // Nothing answers this; what is wrong with the connection is known already, or shows with the next statement.
        let _ = self.link.conn.close(prepared);
        outcome
    }

    fn prepare_to_keep(&mut self, sql: &Sql) -> Result<Kept, Failure> {
        let kept = Kept {
            statement: self.prepare(sql)?,
            guards: self.guards(sql)?,
        };
        for gone in self.statements.keep(sql, kept.clone()) {
            let closed = self.link.conn.close(gone.statement);
            closed.map_err(Failure::Preparing)?;
        }
        Ok(kept)
    }

    /// Returns the parameters that the columns of a statement could change, as their types are now.
    fn guards(&mut self, sql: &Sql) -> Result<Arc<[Guard]>, Failure> {
        let Some((target, question)) = sql
            .target()
            .and_then(|target| Some((target, fit::question(target)?)))
        else {
            return Ok(Arc::default());
        };
        match self.link.conn.prep(question) {
            Ok(described) => {
                let guards = fit::guards(target, &described.columns());
                self.link
                    .conn
                    .close(described)
                    .map_err(Failure::Preparing)?;
                Ok(guards.into())
            }
            // Who may only write may not ask.
            Err(error) if matches!(code_of(&error), Some(1142 | 1143)) => Ok(Arc::default()),
            Err(error) => Err(Failure::Preparing(error)),
        }
    }

    fn prepare(&mut self, sql: &Sql) -> Result<mysql::Statement, Failure> {
        let prepared = self.link.conn.prep(sql.text());
        let prepared = match prepared {
            Err(error) if code_of(&error) == Some(TOO_MANY_PREPARED) => {
                for gone in self.statements.take() {
                    let closed = self.link.conn.close(gone.statement);
                    closed.map_err(Failure::Preparing)?;
                }
                self.link.conn.prep(sql.text())
            }
            prepared => prepared,
        };
        prepared.map_err(Failure::Preparing)
    }

    fn ended(&mut self, failure: Failure, sql: &Sql) -> Error {
        match failure {
            Failure::Own(error) => error.statement(sql.text()),
            Failure::Sink(error, behind) => {
                if let Some(behind) = behind {
                    self.failed(behind, sql);
                }
                error
            }
            Failure::Driver(error) => self.failed(error, sql),
            Failure::Preparing(error) => self.failed(error, sql).unsent(),
        }
    }

    /// Notes what the error did to the connection, and classifies it.
    fn failed(&mut self, error: mysql::Error, sql: &Sql) -> Error {
        let waited = self.link.waiting();
        let error = classify(error, Phase::Run(waited), sql.text()).statement(sql.text());
        if error.is_connection_lost() {
            self.lost = true;
        } else if self.transaction == State::Open {
            self.ask_for_transaction();
        }
        error
    }

    /// Some errors end the transaction.
    fn ask_for_transaction(&mut self) {
        let answer = self
            .link
            .conn
            .query_first::<u8, _>("SELECT @@in_transaction");
        match answer {
            Ok(Some(1)) => {}
            Ok(_) | Err(mysql::Error::MySqlError(_)) => self.transaction = State::Undone,
            Err(_) => self.lost = true,
        }
    }

    /// Notes whether the transaction is the one that was marked.
    fn look_for_mark(&mut self) {
        match self.link.conn.query_drop(UNMARK) {
            Ok(()) => {}
            Err(mysql::Error::MySqlError(_)) => self.transaction = State::Ended,
            Err(_) => self.lost = true,
        }
    }

    /// Runs one or more statements without rows.
    fn command(&mut self, sql: &Sql, text: &str) -> Result<()> {
        let failed = match self.link.conn.query_iter(text) {
            Ok(mut results) => skip(&mut results),
            Err(error) => Some(error),
        };
        match failed {
            None => Ok(()),
            Some(error) => Err(self.failed(error, sql)),
        }
    }

    /// A command that undoes: the connection is given up if it takes long, which undoes too.
    fn short_command(&mut self, sql: &Sql, text: &str) -> Result<()> {
        self.link.be_short();
        let done = self.command(sql, text);
        self.link.be_patient();
        done
    }

    /// A command that undoes, and an error if not all of it could be: some engines have no transactions.
    fn undo(&mut self, sql: &Sql, text: &str) -> Result<()> {
        self.link.be_short();
        let undone = self.undo_in_time(sql, text);
        self.link.be_patient();
        undone
    }

    fn undo_in_time(&mut self, sql: &Sql, text: &str) -> Result<()> {
        self.command(sql, text)?;
        if self.link.conn.warnings() == 0 {
            return Ok(());
        }
        let warnings = self.link.conn.query_map("SHOW WARNINGS", |warning| {
            let (_, code, _): (String, u16, String) = warning;
            code
        });
        let warnings = warnings.map_err(|error| self.failed(error, sql))?;
        match warnings.contains(&NOT_UNDONE) {
            true => Err(Error::new(
                ErrorKind::Database,
                "not everything was rolled back: writes to non-transactional tables (MyISAM, Aria, MEMORY) remain",
            )
            .code(NOT_UNDONE.to_string())),
            false => Ok(()),
        }
    }

    /// Marks, releases or goes back to a savepoint by its place among those of the transaction, for names may repeat.
    fn savepoint(&mut self, command: &Transaction<'_>, name: &str, sql: &Sql) -> Result<()> {
        if let Transaction::Savepoint(_) = command {
            let place = self.savepoints.len();
            self.command(sql, &format!("SAVEPOINT {SAVEPOINT}{place}"))?;
            self.savepoints.push(name.to_owned());
            return Ok(());
        }
        let place = self.savepoints.iter().rposition(|known| known == name);
        let place = place.ok_or_else(|| {
            let message = "no savepoint has this name";
            Error::new(ErrorKind::InvalidStatement, message).statement(sql.text())
        })?;
        match command {
            Transaction::Release(_) => {
                self.command(sql, &format!("RELEASE SAVEPOINT {SAVEPOINT}{place}"))?;
                self.savepoints.truncate(place);
            }
            _ => {
                // The connection is not given up if this takes long: the transaction would be lost with it.
                let text = format!("ROLLBACK TO SAVEPOINT {SAVEPOINT}{place}");
                let undone = self.undo_in_time(sql, &text);
                self.savepoints.truncate(place + 1);
                undone?;
            }
        }
        Ok(())
    }

    fn commit(&mut self, sql: &Sql) -> Result<()> {
        let state = std::mem::replace(&mut self.transaction, State::Idle);
        let message = match state {
            State::Idle | State::Open => None,
            State::Undone => {
                Some("the server has rolled this transaction back: nothing was committed")
            }
            State::Ended => {
                Some("a statement has ended this transaction: later changes were not committed")
            }
        };
        if let Some(message) = message {
            // Whether it arrives does not matter.
            let _ = self.short_command(sql, "ROLLBACK");
            return Err(Error::new(ErrorKind::PendingRollback, message));
        }
        self.refuse_if_gone()?;
        let committed = self.command(sql, sql.text());
        if committed.is_err() && !self.lost {
            // What was refused is rolled back mostly; if not, it is now, or with the connection. The first cause is told.
            let _ = self.short_command(sql, "ROLLBACK");
        }
        committed
    }

    fn forget_all(&mut self) -> Result<(), mysql::Error> {
        self.link.conn.reset()?;
        self.statements.take();
        self.transaction = State::Idle;
        Ok(())
    }
}

#[cold]
fn gone() -> Error {
    let message = "the connection to the server is gone";
    Error::new(ErrorKind::ConnectionLost, message).unsent()
}

fn params_of(values: Vec<mysql::Value>) -> Params {
    match values.is_empty() {
        true => Params::Empty,
        false => Params::Positional(values),
    }
}

fn check_count(prepared: &mysql::Statement, sql: &Sql, given: usize) -> Result<(), Failure> {
    let needed = usize::from(prepared.num_params());
    if needed == given {
        return Ok(());
    }
    let message = format!("the statement has {needed} parameters, and {given} were given");
    Err(Failure::Own(
        Error::new(ErrorKind::InvalidStatement, message).statement(sql.text()),
    ))
}

/// Hands on the rows of the first result, and reads what the sink does not want, so that the connection is free for the next statement.
fn drain<T: Protocol>(
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

/// The rows of a statement. The driver reads them to their end when they are dropped; after a panic of the sink, which nobody waits for,
/// that ends in a short time.
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
                // What is read then is the end.
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
fn skip<T: Protocol>(result: &mut QueryResult<'_, '_, '_, T>) -> Option<mysql::Error> {
    while let Some(set) = result.iter() {
        for row in set {
            if let Err(error) = row {
                return Some(error);
            }
        }
    }
    None
}

/// How many rows a statement met. The server counts those that changed, and says the others in words, which its language setting fixes.
fn matched(sql: &Sql, affected: u64, info: &str) -> u64 {
    let number = |behind: &str| {
        let (_, rest) = info.split_once(behind)?;
        let digits = rest.trim_start();
        let end = digits.find(|c: char| !c.is_ascii_digit());
        digits[..end.unwrap_or(digits.len())].parse::<u64>().ok()
    };
    if let Some(matched) = number("Rows matched:") {
        return matched;
    }
    // A row that was there already and changes counts twice.
    let is_upsert = || sql.text().contains(" ON DUPLICATE KEY UPDATE ");
    match number("Duplicates:") {
        Some(changed) if changed > 0 && is_upsert() => affected.saturating_sub(changed),
        None if affected == 2 && is_upsert() => 1,
        _ => affected,
    }
}

impl Connection for MariaDbConnection {
    fn execute(&mut self, statement: &Statement<'_>) -> Result<Outcome> {
        self.run(statement, &mut |_| Ok(()))
    }

    fn query(
        &mut self,
        statement: &Statement<'_>,
        sink: &mut dyn FnMut(&dyn Row) -> Result<()>,
    ) -> Result<()> {
        self.run(statement, sink).map(drop)
    }

    fn transaction(&mut self, command: &Transaction<'_>, sql: &Sql) -> Result<()> {
        if self.lost {
            return self.usable();
        }
        match command {
            Transaction::Commit => self.commit(sql),
            Transaction::Rollback => {
                self.transaction = State::Idle;
                self.undo(sql, sql.text())
            }
            Transaction::Begin(_) => {
                self.usable()?;
                self.command(sql, sql.text())?;
                self.transaction = State::Open;
                self.savepoints.clear();
                Ok(())
            }
            Transaction::Savepoint(name)
            | Transaction::Release(name)
            | Transaction::RollbackTo(name) => {
                self.usable()?;
                self.savepoint(command, name, sql)
            }
            _ => {
                self.usable()?;
                self.command(sql, sql.text())
            }
        }
    }

    /// Looks at the socket: a server that went away while the connection was idle is noticed without asking it.
    fn is_open(&self) -> bool {
        !self.lost && self.link.is_quiet()
    }

    fn interrupter(&self) -> Option<Interrupter> {
        Some(interrupter(&self.link))
    }

    fn reset(&mut self, used_raw_sql: bool) -> Result<()> {
        let reset = Sql::new(StatementKind::Transaction, "ROLLBACK", [], []);
        if self.lost {
            return self.usable();
        }
        match (used_raw_sql, self.transaction) {
            (true, _) => {
                self.link.be_short();
                let forgotten = self.forget_all();
                self.link.be_patient();
                forgotten.map_err(|error| self.failed(error, &reset))
            }
            (false, State::Idle) => Ok(()),
            (false, _) => {
                self.transaction = State::Idle;
                self.short_command(&reset, "ROLLBACK")
            }
        }
    }

    fn server_version(&mut self) -> Result<String> {
        let version = self.link.version.split('-').next();
        Ok(format!("MariaDB {}", version.unwrap_or_default()))
    }
}

impl fmt::Debug for MariaDbConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MariaDbConnection")
            .field("transaction", &self.transaction)
            .field("lost", &self.lost)
            .finish_non_exhaustive()
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
