//! [`PostgresConnection`]: runs statements, one at a time.

mod prepare;

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use postgres_types::Type;
use selfsame::backend::{
    Connection, Interrupter, Outcome, Prepared, Row, Sql, Statement, StatementKind, Statistics,
};
use selfsame::dialect::Transaction;
use selfsame::error::{Error, ErrorKind, Result};
use selfsame::value::{ValueRef, ValueType};

use crate::classify::{Phase, Stale, classify_fault, is_stale_plan, raised_constraint};
use crate::driver::{Client, Fault, Rows};
use crate::effect::{Effect, alters, effect};
use crate::fit::{Declared, Guard};
use crate::interrupt::interrupter;
use crate::param::{Bound, declared_type};
use crate::row::PostgresRow;
use crate::runtime;
use crate::settings::{Settings, literal};
use prepare::{Kept, check_count};

/// The maximum number of prepared statements that a connection keeps.
const KEPT: usize = 256;
/// All state that a user's statements can leave in a session, except prepared statements. `RESET ROLE` restores the role that the database
/// or its administrator sets for this user, which the statement before it removes.
const FORGET: &str = "ROLLBACK; CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ROLE; RESET ALL; UNLISTEN *; \
                      SELECT pg_advisory_unlock_all(); DISCARD TEMP; DISCARD SEQUENCES";
/// Lists the statements that a user's own PREPARE left, in one row: DEALLOCATE ALL would also remove those kept here and in the driver.
const LEFT_PREPARED: &str = "; SELECT pg_catalog.string_agg('DEALLOCATE ' || pg_catalog.quote_ident(name), '; ') \
                             FROM pg_catalog.pg_prepared_statements WHERE from_sql";

/// The time limit for a rollback, or for the reset between two users; after it the connection is closed. Short enough to go unnoticed.
const SHORT_WAIT: Duration = Duration::from_secs(5);
/// After this many lost prepared statements, a pooler is assumed to choose the server that runs a statement.
const MOST_LOSSES: u32 = 2;
const ENDED: &str = "a statement has ended this transaction: call rollback() first";
const ENDED_BEFORE_COMMIT: &str =
    "a statement has ended this transaction: what came after it was not committed";

/// The way in which statements are sent.
pub(crate) struct SendOptions {
    /// Prepares nothing.
    unprepared: bool,
    /// Each transaction may get another server connection, so session state does not persist.
    pooled: bool,
    /// The text after BEGIN.
    begin: String,
    /// The commands that remove the state left by a user's statements.
    forget: String,
}

impl SendOptions {
    pub(crate) fn new(unprepared: bool, pooled: bool, settings: &Settings) -> Self {
        let for_the_session = settings.for_the_session();
        Self {
            unprepared: unprepared || pooled,
            pooled,
            begin: match pooled {
                true => settings.for_the_transaction(),
                false => String::new(),
            },
            forget: match pooled {
                // A pooler could send the other commands to any server connection.
                true => "ROLLBACK".to_owned(),
                false => format!("{FORGET}{for_the_session}{LEFT_PREPARED}"),
            },
        }
    }
}

/// One connection to PostgreSQL.
pub(crate) struct PostgresConnection {
    /// The cell lets `is_open` check the socket.
    client: RefCell<Client>,
    statements: Prepared<Kept>,
    /// The guards of statements, if statements are not prepared.
    guarded: Prepared<Arc<[Guard]>>,
    /// The declared columns of tables that were written to, by their names in SQL.
    tables: HashMap<String, Vec<Declared>>,
    /// The types whose own operators `=` resolves to.
    comparable: HashSet<String>,
    /// A statement of this transaction has changed tables.
    altered: bool,
    /// A statement of this user changed which tables names refer to.
    changed_name_resolution: bool,
    send_options: SendOptions,
    transaction: State,
    /// The transaction was begun for one statement. It is left open only if the statement's sink panicked.
    in_implicit_transaction: bool,
    lost: bool,
    /// The connection must not be handed to another user.
    must_not_be_reused: bool,
    /// The number of times that the server had lost a prepared statement.
    losses: u32,
    counted: Statistics,
}

/// The transaction as the server sees it, which the driver does not report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Idle,
    Open,
    /// Open, but since a statement failed only a rollback is accepted.
    Failed,
    /// Ended by a COMMIT or ROLLBACK of raw SQL: later statements would commit on their own.
    Ended,
}

/// The reason why a statement ended early.
enum Failure {
    Driver(Fault),
    /// Detected by this backend before anything was sent.
    Own(Error),
    /// The sink's error, and the error of reading the remaining rows.
    Sink(Error, Option<Fault>),
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Driver(fault)
    }
}

impl PostgresConnection {
    pub(crate) fn new(client: Client, send_options: SendOptions) -> Self {
        Self {
            client: RefCell::new(client),
            statements: Prepared::new(KEPT),
            guarded: Prepared::new(KEPT),
            tables: HashMap::new(),
            comparable: HashSet::new(),
            altered: false,
            changed_name_resolution: false,
            send_options,
            transaction: State::Idle,
            in_implicit_transaction: false,
            lost: false,
            must_not_be_reused: false,
            losses: 0,
            counted: Statistics::default(),
        }
    }

    fn client(&mut self) -> Result<&mut Client> {
        runtime::may_block()?;
        if self.lost {
            return Err(Error::new(
                ErrorKind::ConnectionLost,
                "the connection to the server is gone",
            )
            .unsent());
        }
        Ok(self.client.get_mut())
    }

    /// Runs one statement, and returns the number of rows that it matched.
    fn run(
        &mut self,
        statement: &Statement<'_>,
        sink: &mut dyn FnMut(&dyn Row) -> Result<()>,
    ) -> Result<u64> {
        self.refuse_if_ended()?;
        if std::mem::take(&mut self.in_implicit_transaction) {
            self.transaction = State::Idle;
            self.short_command(statement.sql, "ROLLBACK")?;
        }
        if self.transaction == State::Idle && self.needs_transaction(statement) {
            return self.run_in_own_transaction(statement, sink);
        }
        let result = self.run_here(statement, sink);
        self.note_effect(statement.sql, result.is_ok());
        result
    }

    /// Records the effect of raw SQL on the transaction around it.
    fn note_effect(&mut self, sql: &Sql, succeeded: bool) {
        if sql.kind() != StatementKind::Raw || self.transaction == State::Idle || self.lost {
            return;
        }
        match effect(sql.text()) {
            // Even a COMMIT that fails ends it.
            Effect::Ends => self.transaction = State::Ended,
            Effect::RollsBackToSavepoint if succeeded => self.rolled_back_to_savepoint(),
            Effect::RollsBackToSavepoint | Effect::None => {}
        }
    }

    /// Records a rollback to a savepoint, which also restores tables.
    fn rolled_back_to_savepoint(&mut self) {
        self.transaction = State::Open;
        if self.altered {
            self.forget_tables();
            self.altered = true;
        }
    }

    fn refuse_if_ended(&self) -> Result<()> {
        match self.transaction {
            State::Ended => Err(Error::new(ErrorKind::PendingRollback, ENDED).unsent()),
            _ => Ok(()),
        }
    }

    /// Runs one statement in the open transaction, if there is one.
    fn run_here(
        &mut self,
        statement: &Statement<'_>,
        sink: &mut dyn FnMut(&dyn Row) -> Result<()>,
    ) -> Result<u64> {
        let mut failure = match self.attempt(statement, sink) {
            Ok(matched) => return Ok(self.done(statement, matched)),
            Err(failure) => failure,
        };
        // The server refuses such a statement before its first row, so the sink has received none.
        if let Failure::Driver(fault) = &failure
            && self.is_stale(fault, statement.sql)
        {
            if self.transaction != State::Idle {
                let error = self.ended(failure, statement.sql);
                return Err(error.with_kind(ErrorKind::Serialization));
            }
            failure = match self.attempt(statement, sink) {
                Ok(matched) => return Ok(self.done(statement, matched)),
                Err(failure) => failure,
            };
        }
        if let Failure::Driver(_) = &failure {
            self.forget_table(statement.sql);
        }
        Err(self.ended(failure, statement.sql))
    }

    fn done(&mut self, statement: &Statement<'_>, matched: u64) -> u64 {
        let sql = statement.sql;
        let altered = match sql.kind() {
            StatementKind::Ddl => true,
            StatementKind::Raw => alters(sql.text()),
            _ => false,
        };
        if altered {
            self.forget_tables();
            self.altered = self.transaction != State::Idle;
            self.changed_name_resolution |= sql.kind() == StatementKind::Raw;
        }
        matched
    }

    /// Cached statements may have other columns now.
    fn forget_tables(&mut self) {
        self.statements.take();
        self.guarded.take();
        self.tables.clear();
        self.comparable.clear();
        self.altered = false;
    }

    fn ended(&mut self, failure: Failure, sql: &Sql) -> Error {
        match failure {
            Failure::Own(error) => error,
            Failure::Sink(error, later) => {
                if let Some(later) = later {
                    self.failed(later, sql);
                }
                error
            }
            Failure::Driver(fault) => self.failed(fault, sql),
        }
    }

    /// Returns whether the statement failed because of a stale or lost prepared statement; all are then dropped from the cache. Raw SQL is not
    /// prepared.
    fn is_stale(&mut self, fault: &Fault, sql: &Sql) -> bool {
        if matches!(sql.kind(), StatementKind::Raw | StatementKind::Ddl) {
            return false;
        }
        let stale = is_stale_plan(fault);
        if stale.is_some() {
            self.tables.clear();
        }
        match stale {
            None => false,
            Some(Stale::One) => {
                let was_kept = self.statements.forget(sql.id()).is_some();
                if was_kept {
                    // Other statements on the table are stale too, and each would make a transaction fail.
                    self.statements.take();
                }
                was_kept
            }
            Some(Stale::All) => {
                self.statements.take();
                self.losses += 1;
                // The driver keeps its own statements, which cannot be dropped.
                self.must_not_be_reused |= self.send_options.unprepared;
                self.send_options.unprepared |= self.losses >= MOST_LOSSES;
                true
            }
        }
    }

    /// Returns whether a statement outside a transaction needs one: for settings that would not persist, and for statements that could be
    /// prepared on one server connection and run on another.
    fn needs_transaction(&self, statement: &Statement<'_>) -> bool {
        let is_untyped = || {
            let types = statement.sql.params().iter().zip(statement.params);
            types
                .map(|(ty, param)| declared_type(*ty, param))
                .any(|ty| ty == Type::UNKNOWN)
        };
        self.send_options.pooled && (!self.send_options.begin.is_empty() || is_untyped())
    }

    /// Runs one statement in its own transaction.
    fn run_in_own_transaction(
        &mut self,
        statement: &Statement<'_>,
        sink: &mut dyn FnMut(&dyn Row) -> Result<()>,
    ) -> Result<u64> {
        let sql = statement.sql;
        let begin = format!("BEGIN{}", self.send_options.begin);
        // The statement itself has not been sent yet.
        self.begin(sql, &begin).map_err(Error::unsent)?;
        self.in_implicit_transaction = true;
        let result = self.run_here(statement, sink);
        self.in_implicit_transaction = false;
        if self.lost {
            // Without its COMMIT, the statement has no effect.
            return result.map_err(Error::unsent);
        }
        // If the sink failed, the statement has run nevertheless.
        let end = match self.transaction {
            State::Failed => "ROLLBACK",
            _ => "COMMIT",
        };
        self.transaction = State::Idle;
        let ended = self.command(sql, end);
        let matched = result?;
        ended.map(|()| matched)
    }

    fn attempt(
        &mut self,
        statement: &Statement<'_>,
        sink: &mut dyn FnMut(&dyn Row) -> Result<()>,
    ) -> Result<u64, Failure> {
        let Statement { sql, params } = *statement;
        if sql.kind() == StatementKind::Ddl && params.is_empty() {
            self.client()
                .map_err(Failure::Own)?
                .batch_execute(sql.text())?;
            return Ok(0);
        }
        self.refuse_hidden_operators(sql)?;
        // Raw SQL is not cached, because its id is usually new.
        if sql.kind() == StatementKind::Raw {
            return self.run_once(statement, sink);
        }
        if self.send_options.unprepared {
            let guards = self.guards_of_unprepared(sql)?;
            self.refuse_changed(&guards, statement)?;
            return self.run_once(statement, sink);
        }
        let kept = match self.statements.get(sql.id()) {
            Some(kept) => {
                self.counted.cache_hits += 1;
                kept.clone()
            }
            None => self.prepare_to_keep(statement)?,
        };
        self.refuse_changed(&kept.guards, statement)?;
        check_count(&kept.statement, statement)?;
        self.counted.executions += 1;
        self.run_prepared(&kept.statement, statement, sink)
    }

    /// Runs a statement that is not kept: with its types in one round trip, or prepared if the server must choose a type.
    fn run_once(
        &mut self,
        statement: &Statement<'_>,
        sink: &mut dyn FnMut(&dyn Row) -> Result<()>,
    ) -> Result<u64, Failure> {
        let typed: Vec<(Bound<'_>, Type)> = bound(statement)
            .map(|bound| (bound, declared_type(bound.declared, bound.param)))
            .collect();
        if typed.iter().all(|(_, ty)| *ty != Type::UNKNOWN) {
            let client = self.client().map_err(Failure::Own)?;
            return drain(client.query_once(statement.sql.text(), typed)?, sink);
        }
        let prepared = self.prepare(statement)?;
        check_count(&prepared, statement)?;
        self.run_prepared(&prepared, statement, sink)
    }

    fn run_prepared(
        &mut self,
        prepared: &tokio_postgres::Statement,
        statement: &Statement<'_>,
        sink: &mut dyn FnMut(&dyn Row) -> Result<()>,
    ) -> Result<u64, Failure> {
        let client = self.client().map_err(Failure::Own)?;
        drain(client.query(prepared, bound(statement))?, sink)
    }

    /// Records the effect of the error on the connection, and classifies it.
    fn failed(&mut self, fault: Fault, sql: &Sql) -> Error {
        let reported = fault.is_reported();
        let raised = raised_constraint(&fault).map(str::to_owned);
        let error = classify_fault(fault, Phase::Run, sql.text()).statement(sql.text());
        if error.is_connection_lost() {
            self.lost = true;
        } else if reported && self.transaction == State::Open {
            self.transaction = State::Failed;
        }
        match raised {
            Some(name) if self.transaction == State::Idle && self.is_in_the_schema(&name) => {
                error.constraint(name)
            }
            _ => error,
        }
    }

    /// Returns whether a constraint has this name or a function writes it as a literal, so that it is not a value. Called only between
    /// transactions, because a failed one refuses queries.
    fn is_in_the_schema(&mut self, name: &str) -> bool {
        let name = literal(name);
        let text = format!(
            "SELECT 'known' WHERE EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conname = {name}) \
             OR EXISTS (SELECT FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
             WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') \
             AND pg_catalog.strpos(p.prosrc, pg_catalog.quote_literal({name})) > 0)"
        );
        let Ok(client) = self.client() else {
            return false;
        };
        match client.last_row_within(&text, SHORT_WAIT) {
            Ok(row) => row.into_iter().next().flatten().is_some(),
            Err(fault) => {
                self.lost |= classify_fault(fault, Phase::Run, &text).is_connection_lost();
                false
            }
        }
    }

    fn command(&mut self, sql: &Sql, text: &str) -> Result<()> {
        let client = self.client()?;
        client
            .batch_execute(text)
            .map_err(|fault| self.failed(fault, sql))
    }

    /// Begins a transaction with its settings. If a setting is refused, the transaction is already open, and is rolled back.
    fn begin(&mut self, sql: &Sql, text: &str) -> Result<()> {
        let begun = self.command(sql, text);
        match begun {
            Ok(()) => self.transaction = State::Open,
            Err(_) if self.lost => {}
            Err(_) => {
                let _ = self.short_command(sql, "ROLLBACK");
            }
        }
        begun
    }

    /// Checks whether the transaction is still usable after a statement that was not read to its end: if it failed, the server would answer
    /// COMMIT with a silent rollback.
    fn detect_failure(&mut self, sql: &Sql) -> Result<()> {
        if self.transaction != State::Open || !self.client.get_mut().has_unread() {
            return Ok(());
        }
        let stands = self.command(sql, "SELECT 1");
        match self.transaction {
            // COMMIT reports it.
            State::Failed => Ok(()),
            _ => stands.map_err(Error::unsent),
        }
    }

    /// Removes the state that a user's statements left, within a short time.
    fn forget(&mut self, sql: &Sql) -> Result<()> {
        let text = self.send_options.forget.clone();
        let client = self.client()?;
        let row = client
            .last_row_within(&text, SHORT_WAIT)
            .map_err(|fault| self.failed(fault, sql))?;
        match row.into_iter().next().flatten() {
            Some(deallocate) => self.short_command(sql, &deallocate),
            None => Ok(()),
        }
    }

    /// Runs a command that rolls back. If it takes too long, the socket is closed, which rolls back too.
    fn short_command(&mut self, sql: &Sql, text: &str) -> Result<()> {
        let client = self.client()?;
        client
            .batch_execute_within(text, SHORT_WAIT)
            .map_err(|fault| self.failed(fault, sql))
    }
}

/// The parameters with what is known of each.
fn bound<'a>(statement: &Statement<'a>) -> impl ExactSizeIterator<Item = Bound<'a>> {
    let Statement { sql, params } = *statement;
    params.iter().enumerate().map(move |(index, param)| Bound {
        position: index + 1,
        declared: sql
            .params()
            .get(index)
            .copied()
            .unwrap_or(ValueType::Native),
        is_stored: matches!(sql.kind(), StatementKind::Insert | StatementKind::Update),
        param,
    })
}

/// Passes the rows to the sink, and reads those that it does not want, so that the connection is free for the next statement.
fn drain(mut rows: Rows<'_>, sink: &mut dyn FnMut(&dyn Row) -> Result<()>) -> Result<u64, Failure> {
    while !rows.chunk().is_empty() {
        for row in rows.chunk() {
            if let Err(error) = sink(&PostgresRow(row)) {
                return Err(Failure::Sink(error, skip(rows).err()));
            }
        }
        rows.advance()?;
    }
    Ok(rows.matched())
}

fn skip(mut rows: Rows<'_>) -> Result<(), Fault> {
    while !rows.chunk().is_empty() {
        rows.advance()?;
    }
    Ok(())
}

impl Connection for PostgresConnection {
    fn execute(&mut self, statement: &Statement<'_>) -> Result<Outcome> {
        self.run(statement, &mut |_| Ok(())).map(Outcome::matched)
    }

    fn query(
        &mut self,
        statement: &Statement<'_>,
        sink: &mut dyn FnMut(&dyn Row) -> Result<()>,
    ) -> Result<()> {
        self.run(statement, sink).map(drop)
    }

    fn transaction(&mut self, command: &Transaction<'_>, sql: &Sql) -> Result<()> {
        if std::mem::take(&mut self.in_implicit_transaction) {
            self.transaction = State::Idle;
            self.short_command(sql, "ROLLBACK")?;
        }
        if matches!(command, Transaction::Commit) {
            self.detect_failure(sql)?;
        }
        match command {
            // The server would answer this COMMIT with a silent rollback. It does not matter whether this ROLLBACK arrives.
            Transaction::Commit if self.transaction == State::Failed => {
                let _ = self.short_command(sql, "ROLLBACK");
                self.transaction = State::Idle;
                Err(Error::new(
                    ErrorKind::PendingRollback,
                    "an earlier statement of this transaction failed: it was rolled back, not committed",
                )
                .code("25P02"))
            }
            Transaction::Commit if self.transaction == State::Ended => {
                let _ = self.short_command(sql, "ROLLBACK");
                self.transaction = State::Idle;
                Err(Error::new(ErrorKind::PendingRollback, ENDED_BEFORE_COMMIT))
            }
            Transaction::Commit | Transaction::Rollback => {
                // A command that is refused here was not sent; one that was sent ends the transaction, whatever the answer.
                self.client()?;
                self.transaction = State::Idle;
                if self.altered {
                    self.forget_tables();
                }
                match command {
                    Transaction::Rollback => self.short_command(sql, sql.text()),
                    _ => self.command(sql, sql.text()),
                }
            }
            Transaction::Begin(_) if !self.send_options.begin.is_empty() => {
                self.refuse_if_ended()?;
                let text = format!("{}{}", sql.text(), self.send_options.begin);
                self.begin(sql, &text)
            }
            Transaction::Begin(_) => {
                self.refuse_if_ended()?;
                self.begin(sql, sql.text())
            }
            Transaction::RollbackTo(_) => {
                self.refuse_if_ended()?;
                self.command(sql, sql.text())?;
                self.rolled_back_to_savepoint();
                Ok(())
            }
            _ => {
                self.refuse_if_ended()?;
                self.command(sql, sql.text())
            }
        }
    }

    fn interrupter(&self) -> Option<Interrupter> {
        Some(interrupter(&self.client.borrow()))
    }

    /// Checks the socket: this notices a server that closed the idle connection, without a query.
    fn is_open(&self) -> bool {
        if self.lost || self.must_not_be_reused {
            return false;
        }
        // A connection in use counts as open.
        match self.client.try_borrow_mut() {
            Ok(mut client) => client.is_open(),
            Err(_) => true,
        }
    }

    fn reset(&mut self, used_raw_sql: bool) -> Result<()> {
        let is_clean = !used_raw_sql && self.transaction == State::Idle;
        if is_clean && !self.client.get_mut().has_unread() {
            return Ok(());
        }
        let reset = Sql::new(StatementKind::Transaction, "ROLLBACK", [], []);
        match used_raw_sql {
            true => self.forget(&reset)?,
            false => self.short_command(&reset, "ROLLBACK")?,
        }
        self.transaction = State::Idle;
        self.in_implicit_transaction = false;
        if self.altered || std::mem::take(&mut self.changed_name_resolution) {
            self.forget_tables();
        }
        Ok(())
    }

    fn server_version(&mut self) -> Result<String> {
        let version = Sql::new(
            StatementKind::Raw,
            "SHOW server_version",
            [],
            [ValueType::Text],
        );
        let mut text = "PostgreSQL".to_owned();
        self.query(&Statement::new(&version, &[]), &mut |row| {
            if let ValueRef::Text(version) = row.value(0, ValueType::Text)? {
                // The number is followed by the name of the package.
                let number = version.split(' ').next().unwrap_or(version);
                text = format!("PostgreSQL {number}");
            }
            Ok(())
        })?;
        Ok(text)
    }

    /// Since version 14 the server counts the plans of each prepared statement of its session. The counts of closed statements are lost, and
    /// they are not queried inside a transaction.
    fn statistics(&mut self) -> Result<Option<Statistics>> {
        let mut statistics = self.counted;
        let idle = self.transaction == State::Idle && !self.send_options.pooled;
        let client = self.client()?;
        statistics.round_trips = client.round_trips();
        if idle {
            let row = client.last_row(PLANS);
            client.uncount(1);
            // An older server refuses the query.
            let row = row.unwrap_or_default();
            let count = row.into_iter().next().flatten();
            statistics.executions_by_database = count.and_then(|count| count.parse().ok());
        }
        Ok(Some(statistics))
    }
}

/// Queries the number of executions of prepared statements: each execution uses a plan, custom or generic.
const PLANS: &str =
    "SELECT coalesce(sum(generic_plans + custom_plans), 0) FROM pg_prepared_statements";

impl fmt::Debug for PostgresConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresConnection")
            .field("transaction", &self.transaction)
            .field("lost", &self.lost)
            .finish_non_exhaustive()
    }
}
