//! Connections: their independence, their reset, and what they report.

mod cancelled;
mod claims;
mod interrupted;
mod silent;
pub(super) mod waits;

use std::sync::Arc;
use std::time::{Duration, Instant};

use selfsame::backend::{
    Backend, Connection, Interrupter, Outcome, Row, Sql, Statement, StatementKind, Statistics,
};
use selfsame::dialect::{Begin, Dialect, Transaction};
use selfsame::schema::{ColumnType, Table};
use selfsame::value::ValueType;
use selfsame::{Error, ErrorKind};

use crate::case::Cover::{Contract, Rule};
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::database::{Database, int, value_table};

pub(super) const LISTS: &[&[Case]] = &[
    CASES,
    cancelled::CASES,
    claims::CASES,
    interrupted::CASES,
    silent::CASES,
    waits::CASES,
];

const CASES: &[Case] = &[
    Case::core("connections.reset.transaction", reset)
        .needs(&[Capability::Transactions])
        .promise("A connection returned to the pool has no open transaction: uncommitted work is rolled back and locks are released.")
        .hint("See `Connection::reset`: roll back first.")
        .covers(&[Contract(77), Rule(32)]),
    Case::core("connections.reset.usable", reset_usable)
        .promise("A connection keeps working after any number of resets, including the statements it had prepared, and its counters count what ran.")
        .hint("Keep prepared statements across a reset, or prepare them again.")
        .covers(&[Contract(77)]),
    Case::full("connections.reset.temporary", temporary)
        .promise("A temporary table does not leak to the next user of the connection.")
        .hint("Drop temporary tables on reset when raw SQL ran.")
        .covers(&[Contract(77)]),
    Case::core("connections.many.independent", many_independent)
        .since(27)
        .needs(&[Capability::Transactions, Capability::SecondConnection])
        .promise("Each of a dozen connections has its own transaction, which no other one sees.")
        .hint("Do not share a driver's handle between connections.")
        .covers(&[Contract(80), Contract(63)]),
    Case::core("connections.second.independent", independent)
        .needs(&[Capability::Transactions, Capability::SecondConnection])
        .promise("Two connections have separate transactions: rolling back one does not affect the other's rows.")
        .hint("Do not share a driver's handle.")
        .covers(&[Contract(80), Contract(63)]),
    Case::core("connections.version.told", version)
        .promise("The backend reports the server's name and version.")
        .hint("See `Connection::server_version`.")
        .covers(&[Contract(78)]),
    Case::core("connections.debug.no_password", debug)
        .promise("The backend's Debug form is short and shows no password.")
        .hint("Write Debug by hand.")
        .covers(&[Contract(78)]),
    Case::core("connections.pool.exhausted", exhausted)
        .promise("When all connections are in use, the next request waits at most the configured time and gets a typed error; a returned connection is handed out again.")
        .suspects_orm()
        .covers(&[Contract(77), Rule(38)]),
    Case::core("connections.lost.during_commit", lost)
        .needs(&[Capability::Transactions])
        .promise("A connection that breaks during COMMIT is reported as an ambiguous commit and is never retried automatically.")
        .hint("Report a broken connection as lost.")
        .covers(&[Contract(78), Contract(79), Rule(37)]),
    Case::core("connections.lost.alone", lost_alone)
        .since(18)
        .promise("A write outside a transaction commits on its own: if its connection breaks, the commit is ambiguous, unless nothing was sent.")
        .hint("Mark an error as `unsent` only where nothing was handed to the operating system.")
        .covers(&[Contract(78), Contract(79), Rule(37)]),
    Case::core("connections.lost.nothing_written", lost_nothing_written)
        .since(18)
        .needs(&[Capability::Transactions])
        .promise("If a transaction only read, or its COMMIT was never sent, a broken connection is `ConnectionLost`, not an ambiguous commit.")
        .suspects_orm()
        .covers(&[Contract(79), Rule(37)]),
    Case::core("connections.pool.reuse", pool)
        .promise("A connection returned to the engine serves the next user without any state left by the previous one.")
        .hint("Of the backend, only `reset` matters here.")
        .covers(&[Contract(77)]),
];

fn with_table(context: &Context) -> CaseResult<Database> {
    let mut database = Database::open(context)?;
    database.create(&value_table("t", ColumnType::I64))?;
    Ok(database)
}

const INSERT: &str = "INSERT INTO [t] ([id], [v]) VALUES (?, ?)";

fn reset(context: &mut Context) -> CaseResult {
    let mut database = with_table(context)?;
    database.begin_write()?;
    database.execute(INSERT, &[int(1), int(1)])?;
    let result = database.connection.reset(false);
    check!(
        result.is_ok(),
        "a reset inside a transaction must work, returned {result:?}"
    );
    check_eq!(database.count("t")?, 0, "the reset must roll back");
    let begun = database.begin_write();
    check!(
        begun.is_ok(),
        "a transaction must begin after a reset, returned {begun:?}"
    );
    database.execute(INSERT, &[int(2), int(2)])?;
    database.commit()?;
    check_eq!(
        database.count("t")?,
        1,
        "the next transaction must be its own"
    );
    Ok(())
}

fn reset_usable(context: &mut Context) -> CaseResult {
    let mut database = with_table(context)?;
    for round in 1..=4 {
        database.execute(INSERT, &[int(round), int(0)])?;
        check_eq!(
            database.count("t")?,
            round,
            "the connection must work in round {round}"
        );
        database.connection.reset(round % 2 == 0)?;
        check!(
            database.connection.is_open(),
            "a reset connection must be open"
        );
    }
    counted(&mut database)
}

/// Checks the counters, if the connection has any.
fn counted(database: &mut Database) -> CaseResult {
    const RUNS: u64 = 5;
    let Some(before) = database.connection.statistics()? else {
        return Ok(());
    };
    for _ in 0..RUNS {
        database.execute("UPDATE [t] SET [v] = ? WHERE [id] = ?", &[int(1), int(1)])?;
    }
    let Some(after) = database.connection.statistics()? else {
        return Ok(());
    };
    let executions = after.executions - before.executions;
    check!(
        executions <= RUNS,
        "no more executions may be counted than the {RUNS} that ran, counted {executions}"
    );
    let prepared = after.prepares + after.cache_hits - before.prepares - before.cache_hits;
    check!(
        prepared >= executions,
        "each of the {executions} executions must be of a statement that was prepared then or before, counted {prepared}"
    );
    let trips = after.round_trips - before.round_trips;
    check!(
        trips == 0 || trips >= RUNS,
        "{RUNS} statements that a server answered must be as many round trips, counted {trips}"
    );
    if let (Some(before), Some(after)) =
        (before.executions_by_database, after.executions_by_database)
    {
        check_eq!(
            after - before,
            executions,
            "the database and the backend must count the same executions"
        );
    }
    Ok(())
}

fn temporary(context: &mut Context) -> CaseResult {
    let mut database = with_table(context)?;
    let transactions = context.capabilities().transactions;
    database.execute(INSERT, &[int(1), int(1)])?;
    for before in ["nothing", "nothing", "an error", "a transaction", "nothing"] {
        if before == "a transaction" && !transactions {
            continue;
        }
        database.execute("CREATE TEMPORARY TABLE [scratch] ([id] BIGINT)", &[])?;
        check_eq!(
            database.count("scratch")?,
            0,
            "the temporary table must exist"
        );
        match before {
            "an error" => {
                let refused = database.execute(INSERT, &[int(1), int(1)]);
                check!(refused.is_err(), "a second row with key 1 must be refused");
            }
            "a transaction" => database.begin_write()?,
            _ => {}
        }
        database.connection.reset(true)?;
        let left = database.count("scratch");
        check!(
            left.is_err(),
            "the temporary table must be gone after {before} and a reset"
        );
        check_eq!(database.count("t")?, 1, "lasting tables must stay");
    }
    Ok(())
}

fn independent(context: &mut Context) -> CaseResult {
    let mut first = with_table(context)?;
    let mut second = Database::open(context)?;
    first.execute(INSERT, &[int(1), int(1)])?;
    first.begin_write()?;
    first.execute(INSERT, &[int(2), int(2)])?;
    second.begin()?;
    check_eq!(
        second.count("t")?,
        1,
        "a second connection must not see the first one's row"
    );
    second.rollback()?;
    first.commit()?;
    check_eq!(
        second.count("t")?,
        2,
        "the second one's rollback must not touch the first one's row"
    );
    Ok(())
}

/// How many connections are opened if the backend allows it.
const MANY: usize = 12;

fn many_independent(context: &mut Context) -> CaseResult {
    let many = context.capabilities().max_connections.unwrap_or(MANY);
    let mut all = vec![with_table(context)?];
    while all.len() < many.min(MANY) {
        all.push(Database::open(context)?);
    }
    for writer in 0..all.len() {
        let begun = all[writer].begin_write();
        check!(
            begun.is_ok(),
            "connection {writer} must begin its own transaction, returned {begun:?}"
        );
        all[writer].execute(INSERT, &[int(1), int(1)])?;
        for (reader, database) in all.iter_mut().enumerate() {
            let wanted = i64::from(reader == writer);
            check_eq!(
                database.count("t")?,
                wanted,
                "what connection {reader} sees of the open transaction of {writer}"
            );
        }
        all[writer].rollback()?;
    }
    Ok(())
}

fn version(context: &mut Context) -> CaseResult {
    let version = context.connect()?.server_version()?;
    check!(
        version.chars().any(|c| c.is_ascii_digit()) && version.chars().any(char::is_alphabetic),
        "the server must report a name and a version, reported {version:?}"
    );
    context.note(version);
    Ok(())
}

fn debug(context: &mut Context) -> CaseResult {
    let backend = context.backend();
    let shown = format!("{backend:?}");
    check!(
        !shown.is_empty() && shown.len() < 2_000,
        "the Debug form must be short: {} bytes",
        shown.len()
    );
    for part in ["password: \"", "password=", "passwd="] {
        let leaks = shown
            .split(part)
            .nth(1)
            .is_some_and(|rest| !rest.starts_with('*') && !rest.starts_with('"'));
        check!(!leaks, "the Debug form must mask passwords");
    }
    Ok(())
}

fn pool(context: &mut Context) -> CaseResult {
    let mut database = with_table(context)?;
    let engine = selfsame::Engine::from_backend(context.backend());
    let sql = database.sql("INSERT INTO [t] ([id], [v]) VALUES (1, 1)", &[], &[]);
    // A backend with a single connection would wait for the one held here.
    drop(database);
    for _ in 0..3 {
        let mut connected = engine.connect()?;
        if engine.capabilities().transactions {
            connected.begin(selfsame::dialect::Begin::default())?;
            connected.execute(&sql, &[])?;
        }
        drop(connected);
    }
    let mut database = Database::open(context)?;
    check_eq!(
        database.count("t")?,
        0,
        "uncommitted changes must be gone with their connection"
    );
    Ok(())
}

fn exhausted(context: &mut Context) -> CaseResult {
    let engine = selfsame::Engine::from_backend(context.backend())
        .pool_size(1)
        .pool_timeout(Duration::from_millis(50));
    let held = engine.connect()?;
    let begun = Instant::now();
    let refused = engine.connect().map(drop).map_err(|error| error.kind());
    check_eq!(
        refused,
        Err(ErrorKind::PoolTimeout),
        "an exhausted pool must be reported as such"
    );
    check!(
        begun.elapsed() < Duration::from_secs(5),
        "waiting for an exhausted pool must end within the limit"
    );
    drop(held);
    let served = engine.connect();
    check!(
        served.is_ok(),
        "a returned connection must be handed out, returned {:?}",
        served.err()
    );
    Ok(())
}

fn lost(context: &mut Context) -> CaseResult {
    drop(with_table(context)?);
    let engine = breaking(context, Break::AtCommit);
    let insert = insert(context);
    let mut connected = engine.connect()?;
    connected.begin(Begin::default())?;
    connected.execute(&insert, &[])?;
    let result = connected.commit();
    check!(
        matches!(&result, Err(error) if error.kind() == ErrorKind::AmbiguousCommit && !error.is_retryable()),
        "a connection that breaks during COMMIT must be an ambiguous commit, returned {result:?}"
    );
    drop(connected);
    let again = engine.connect();
    check!(
        again.is_ok(),
        "a broken connection must be replaced, returned {:?}",
        again.err()
    );
    Ok(())
}

fn insert(context: &Context) -> Sql {
    let mut text = "INSERT INTO ".to_owned();
    context.dialect().quote("t", &mut text);
    text.push_str(" VALUES (1, 1)");
    Sql::new(StatementKind::Insert, text, [], [])
}

fn lost_alone(context: &mut Context) -> CaseResult {
    drop(with_table(context)?);
    let insert = insert(context);
    for (at, expected) in [
        (Break::AfterInsert, ErrorKind::AmbiguousCommit),
        (Break::BeforeInsert, ErrorKind::ConnectionLost),
    ] {
        let mut connected = breaking(context, at).connect()?;
        let result = connected.execute(&insert, &[]);
        check!(
            matches!(&result, Err(error) if error.kind() == expected && !error.is_retryable()),
            "a write outside a transaction on a connection that breaks ({at:?}) must be {expected:?}, returned {result:?}"
        );
    }
    let mut database = Database::open(context)?;
    check_eq!(database.count("t")?, 1, "the write that was sent is there");
    Ok(())
}

fn lost_nothing_written(context: &mut Context) -> CaseResult {
    drop(with_table(context)?);
    let select = {
        let mut text = "SELECT COUNT(*) FROM ".to_owned();
        context.dialect().quote("t", &mut text);
        Sql::new(StatementKind::Select, text, [], [ValueType::I64])
    };
    let insert = insert(context);
    for (at, writes) in [(Break::AtCommit, false), (Break::BeforeCommit, true)] {
        let mut connected = breaking(context, at).connect()?;
        connected.begin(Begin::default())?;
        connected.query(&select, &[], &mut |_| Ok(()))?;
        if writes {
            connected.execute(&insert, &[])?;
        }
        let result = connected.commit();
        check!(
            matches!(&result, Err(error) if error.kind() == ErrorKind::ConnectionLost),
            "nothing can have been committed ({at:?}), returned {result:?}"
        );
    }
    Ok(())
}

/// When a connection breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Break {
    /// The outcome is unknown.
    AtCommit,
    /// Nothing was sent.
    BeforeCommit,
    /// The row was written, but the answer was lost.
    AfterInsert,
    /// Nothing was sent.
    BeforeInsert,
}

fn breaking(context: &Context, at: Break) -> selfsame::Engine {
    selfsame::Engine::new(Breaks(context.backend(), at))
}

/// A backend whose connections break.
#[derive(Debug)]
struct Breaks(Arc<dyn Backend>, Break);

impl Backend for Breaks {
    fn connect(&self) -> selfsame::Result<Box<dyn Connection>> {
        Ok(Box::new(Breaking {
            inner: self.0.connect()?,
            at: self.1,
            is_open: true,
        }))
    }

    fn dialect(&self) -> &dyn Dialect {
        self.0.dialect()
    }

    fn knows_dialect(&self) -> bool {
        self.0.knows_dialect()
    }
}

#[derive(Debug)]
struct Breaking {
    inner: Box<dyn Connection>,
    at: Break,
    is_open: bool,
}

impl Breaking {
    fn broken(&mut self) -> Error {
        self.is_open = false;
        Error::new(ErrorKind::ConnectionLost, "the line is dead")
    }
}

impl Connection for Breaking {
    fn execute(&mut self, statement: &Statement<'_>) -> selfsame::Result<Outcome> {
        match (self.at, statement.sql.kind()) {
            (Break::BeforeInsert, StatementKind::Insert) => Err(self.broken().unsent()),
            (Break::AfterInsert, StatementKind::Insert) => {
                self.inner.execute(statement)?;
                Err(self.broken())
            }
            _ => self.inner.execute(statement),
        }
    }

    fn query(
        &mut self,
        statement: &Statement<'_>,
        sink: &mut dyn FnMut(&dyn Row) -> selfsame::Result<()>,
    ) -> selfsame::Result<()> {
        self.inner.query(statement, sink)
    }

    fn transaction(&mut self, command: &Transaction<'_>, sql: &Sql) -> selfsame::Result<()> {
        match (command, self.at) {
            (Transaction::Commit, Break::AtCommit) => Err(self.broken()),
            (Transaction::Commit, Break::BeforeCommit) => Err(self.broken().unsent()),
            _ => self.inner.transaction(command, sql),
        }
    }

    fn interrupter(&self) -> Option<Interrupter> {
        self.inner.interrupter()
    }

    fn is_open(&self) -> bool {
        self.is_open && self.inner.is_open()
    }

    fn reset(&mut self, used_raw_sql: bool) -> selfsame::Result<()> {
        self.inner.reset(used_raw_sql)
    }

    fn server_version(&mut self) -> selfsame::Result<String> {
        self.inner.server_version()
    }

    fn columns_set_by_updates(&mut self, table: &Table) -> selfsame::Result<Vec<String>> {
        self.inner.columns_set_by_updates(table)
    }

    fn statistics(&mut self) -> selfsame::Result<Option<Statistics>> {
        self.inner.statistics()
    }
}
