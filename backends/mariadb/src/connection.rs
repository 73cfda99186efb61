//! [`MariaDbConnection`]: runs statements, one at a time.

use std::collections::HashMap;
use std::fmt;

use mysql::prelude::Queryable;
use selfsame::backend::{
    Connection, Interrupter, Outcome, Prepared, Row, Sql, Statement, StatementKind, Statistics,
};
use selfsame::dialect::Transaction;
use selfsame::error::{Error, ErrorKind, Result};
use selfsame::schema::Table;

use crate::classify::{Phase, classify};
use crate::commits::{commits, may_commit};
use crate::fit::{self, Declared};
use crate::interrupt::interrupter;
use crate::link::Link;
use crate::results::{Sink, is_upsert};
use crate::settings;
use crate::statement::{Failure, Kept, STALE};
use crate::transaction::State;

/// The maximum number of prepared statements that a connection keeps.
const KEPT: usize = 256;
/// The warning that a function's result became NULL because it was longer than a packet.
const TOO_LONG: u16 = 1301;
/// Queries how many executions of statements prepared on this connection the server counted. A statement whose table has changed is
/// prepared and counted again.
const EXECUTED: &str =
    "SHOW SESSION STATUS WHERE variable_name IN ('Com_stmt_execute', 'Com_stmt_reprepare')";

/// One connection.
pub(crate) struct MariaDbConnection {
    pub(crate) link: Link,
    pub(crate) statements: Prepared<Kept>,
    /// The declared columns of tables, by the query for them.
    pub(crate) tables: HashMap<String, Vec<Declared>>,
    /// The number of statements of this connection that may have changed tables.
    pub(crate) alterations: u64,
    pub(crate) transaction: State,
    /// The names of the savepoints in the transaction. On the server, a name stands for only one savepoint at a time.
    pub(crate) savepoints: Vec<String>,
    pub(crate) lost: bool,
    /// Whether raw SQL has run that may have changed a setting.
    may_have_changed_settings: bool,
    pub(crate) counted: Statistics,
}

impl MariaDbConnection {
    pub(crate) fn new(link: Link) -> Self {
        Self {
            link,
            statements: Prepared::new(KEPT),
            tables: HashMap::new(),
            alterations: 0,
            transaction: State::Idle,
            savepoints: Vec::new(),
            lost: false,
            may_have_changed_settings: false,
            counted: Statistics::default(),
        }
    }

    fn run(&mut self, statement: &Statement<'_>, sink: &mut Sink<'_>) -> Result<Outcome> {
        self.usable()?;
        let sql = statement.sql;
        if self.transaction == State::Idle && sql.kind().is_write() {
            self.refuse_if_gone()?;
        }
        let may_do_anything = may_commit(sql);
        if self.may_have_changed_settings
            && !matches!(sql.kind(), StatementKind::Raw | StatementKind::Ddl)
        {
            self.check_settings(sql)?;
        }
        self.may_have_changed_settings |= may_do_anything && sql.kind() == StatementKind::Raw;
        if may_do_anything {
            self.forget_tables();
        }
        let is_checked = self.transaction == State::Open && may_do_anything;
        if is_checked {
            if commits(sql.text()) {
                let what = "a statement that commits implicitly, inside a transaction,";
                return Err(
                    Error::unsupported(self.link.flavor.dialect(), what).statement(sql.text())
                );
            }
            self.mark(sql)?;
        }
        let mut done = self.attempt(statement, sink);
        // The server refuses such a statement before its first row, so the sink has received none.
        if let Err(failure) = &done
            && failure.code().is_some_and(|code| STALE.contains(&code))
            && let Some(stale) = self.statements.forget(sql.id())
        {
            // The server may not know it, and does not answer in either case.
            let _ = self.link.conn.close(stale.statement);
            self.forget_tables();
            done = self.attempt(statement, sink);
        }
        let done = done.map_err(|failure| self.ended(failure, sql));
        if is_checked && self.transaction == State::Open && !self.lost {
            self.check_mark();
        }
        let done = done?;
        if sql.kind() == StatementKind::Insert && done.matched == 1 && done.last_insert_id.is_none()
        {
            self.refuse_key(sql)?;
        }
        if sql.kind() == StatementKind::Select && self.has_warned(TOO_LONG, sql)? {
            let message = "a computed text was longer than the server's max_allowed_packet, and was replaced by NULL";
            return Err(Error::new(ErrorKind::OutOfRange, message).statement(sql.text()));
        }
        Ok(done)
    }

    /// Refuses a generated key that does not fit an object's field, and deletes its row, which would otherwise remain outside a
    /// transaction. An upsert may return the key of an older row.
    fn refuse_key(&mut self, sql: &Sql) -> Result<()> {
        let id = self.link.conn.last_insert_id();
        let (Some(target), true, false) =
            (sql.target(), i64::try_from(id).is_err(), is_upsert(sql))
        else {
            return Ok(());
        };
        let mut key = target.unwritten_key();
        let Some((column, _)) = key.find(|(_, is_generated)| *is_generated) else {
            return Ok(());
        };
        let table = fit::name(target.schema(), target.table());
        let rows = format!("FROM {table} WHERE {} = ?", fit::name(None, column));
        self.counted.round_trips += 4;
        let conn = &mut self.link.conn;
        // A column that is only part of the key may have equal values.
        let is_deleted = conn
            .exec_first::<u64, _, _>(format!("SELECT COUNT(*) {rows}"), (id,))
            .and_then(|count| match count {
                Some(1) => conn
                    .exec_drop(format!("DELETE {rows}"), (id,))
                    .map(|()| true),
                _ => Ok(false),
            });
        let is_deleted = is_deleted.map_err(|error| self.failed(error, sql))?;
        let outcome = if is_deleted {
            "was deleted again"
        } else {
            "stays outside a transaction"
        };
        let message = format!("the generated key does not fit I64, so that the row {outcome}");
        let error = Error::new(ErrorKind::OutOfRange, message);
        Err(error.column(column).statement(sql.text()))
    }

    /// Refuses statements of the mapper while settings that raw SQL has changed are in effect: they would mean something else, without
    /// an error.
    fn check_settings(&mut self, sql: &Sql) -> Result<()> {
        self.counted.round_trips += 1;
        let fingerprint = settings::fingerprint(self.link.flavor);
        let answer = self.link.conn.query_first(fingerprint);
        let found: Option<String> = answer.map_err(|error| self.failed(error, sql).unsent())?;
        if found.as_ref() != Some(&self.link.fingerprint) {
            return Err(Error::new(ErrorKind::InvalidState, settings::CHANGED)
                .statement(sql.text())
                .unsent());
        }
        self.may_have_changed_settings = false;
        Ok(())
    }

    /// Checks that the server has not closed the connection before sending a statement that commits: then it certainly has not run.
    pub(crate) fn refuse_if_gone(&mut self) -> Result<()> {
        self.lost |= !self.link.is_idle_and_open();
        match self.lost {
            true => Err(gone()),
            false => Ok(()),
        }
    }

    fn ended(&mut self, failure: Failure, sql: &Sql) -> Error {
        match failure {
            Failure::Own(error) => error.statement(sql.text()),
            Failure::Sink(error, later) => {
                if let Some(later) = later {
                    self.failed(later, sql);
                }
                error
            }
            Failure::Driver(error) => self.failed(error, sql),
            Failure::Preparing(error) => self.failed(error, sql).unsent(),
        }
    }

    /// Records the effect of an error on the connection, and classifies the error.
    pub(crate) fn failed(&mut self, error: mysql::Error, sql: &Sql) -> Error {
        let waited = self.link.waiting();
        let error =
            classify(error, Phase::Run(waited, self.link.flavor), sql.text()).statement(sql.text());
        if error.is_connection_lost() {
            self.lost = true;
        } else if self.transaction == State::Open {
            self.refresh_transaction_state();
        }
        error
    }

    /// Forgets declared columns, because tables may have been altered.
    fn forget_tables(&mut self) {
        self.tables.clear();
        self.alterations += 1;
    }

    fn forget_all(&mut self) -> Result<(), mysql::Error> {
        self.link.conn.reset()?;
        self.statements.take();
        self.forget_tables();
        self.transaction = State::Idle;
        self.may_have_changed_settings = false;
        Ok(())
    }
}

#[cold]
pub(crate) fn gone() -> Error {
    let message = "the connection to the server is gone";
    Error::new(ErrorKind::ConnectionLost, message).unsent()
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

    /// Checks the socket: this notices a server that closed the connection while it was idle, without a round trip.
    fn is_open(&self) -> bool {
        !self.lost && self.link.is_idle_and_open()
    }

    fn interrupter(&self) -> Option<Interrupter> {
        Some(interrupter(&self.link))
    }

    fn reset(&mut self, used_raw_sql: bool) -> Result<()> {
        if self.lost {
            return self.usable();
        }
        if !used_raw_sql && self.transaction == State::Idle {
            return Ok(());
        }
        let reset = Sql::new(StatementKind::Transaction, "ROLLBACK", [], []);
        if !used_raw_sql {
            self.transaction = State::Idle;
            return self.short_command(&reset, "ROLLBACK");
        }
        self.link.use_short_limit();
        let forgotten = self.forget_all();
        self.link.use_silence_limit();
        forgotten.map_err(|error| self.failed(error, &reset))
    }

    fn columns_set_by_updates(&mut self, table: &Table) -> Result<Vec<String>> {
        self.usable()?;
        let columns_query = fit::columns_query(table.schema.as_deref(), table.local_name());
        match self.declared(columns_query.clone()) {
            Ok(columns) => {
                let set = columns.iter().filter(|column| column.follows_updates);
                Ok(set.map(|column| column.name.clone()).collect())
            }
            // The UPDATE fails with the same error.
            Err(failure) if failure.code().is_some() => Ok(Vec::new()),
            Err(failure) => {
                let sql = Sql::new(StatementKind::Select, columns_query, [], []);
                Err(self.ended(failure, &sql))
            }
        }
    }

    fn server_version(&mut self) -> Result<String> {
        let version = self.link.version.split('-').next();
        Ok(format!(
            "{} {}",
            self.link.flavor.server(),
            version.unwrap_or_default()
        ))
    }

    fn statistics(&mut self) -> Result<Option<Statistics>> {
        let counts: Vec<(String, u64)> = self.link.conn.query(EXECUTED).unwrap_or_default();
        let count = |wanted: &str| {
            let found = counts.iter().find(|(name, _)| name == wanted);
            found.map(|(_, count)| *count)
        };
        let mut statistics = self.counted;
        statistics.executions_by_database = count("Com_stmt_execute")
            .map(|run| run.saturating_sub(count("Com_stmt_reprepare").unwrap_or_default()));
        Ok(Some(statistics))
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
