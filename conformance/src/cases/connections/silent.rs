//! A server that falls silent but keeps its connections open: every wait for it must end.

use std::sync::Arc;
use std::time::Duration;

use selfsame::backend::Backend;
use selfsame::dialect::Begin;
use selfsame::prelude::*;
use selfsame::schema::ColumnType;
use selfsame::value::{Param, ValueRef, ValueType};
use selfsame::{ErrorKind, Result};

use crate::case::Cover::{Contract, Rule};
use crate::case::{Capability, Case, CaseResult, Failure};
use crate::context::Context;
use crate::database::{Database, int, text, value_table};
use crate::deadline::{SOON, within};
use crate::target::Silenceable;

pub(super) const CASES: &[Case] = &[
    Case::core("connections.silent.statement", statement)
        .since(22)
        .concurrent()
        .promise("A statement whose answer never comes, or that the server does not take, ends within the backend's time limit as a lost connection, which then reports that it is not open and is replaced.")
        .hint("Give every wait for the server, to send as well as to receive, a limit on the client's side; a late answer must not be taken for that of the next statement.")
        .covers(&[Contract(77), Contract(78), Rule(38)]),
    Case::core("connections.silent.ending", ending)
        .since(22)
        .concurrent()
        .needs(&[Capability::Transactions])
        .promise("When the server has fallen silent, rolling back, resetting and dropping a connection end within seconds and write nothing, and a commit ends within the backend's time limit and is ambiguous.")
        .hint("Give a rollback its own short limit; then close the connection, which rolls back too.")
        .covers(&[Contract(65), Contract(78), Contract(79), Rule(37), Rule(38)]),
    Case::core("connections.silent.connect", connect)
        .since(22)
        .concurrent()
        .promise("Connecting to a server that accepts and says nothing ends within the backend's time limit as unreachable.")
        .hint("Limit the handshake as a whole, not only the connection of the socket.")
        .covers(&[Contract(78), Rule(38)]),
];

fn silenceable(context: &Context) -> CaseResult<Silenceable> {
    context.silenceable().ok_or_else(|| {
        Failure::Skipped("the target has no server that it could make silent".to_owned())
    })
}

const INSERT: &str = "INSERT INTO [t] ([id], [v]) VALUES (?, ?)";

fn with_table(context: &Context) -> CaseResult<Database> {
    let mut database = Database::open(context)?;
    database.create(&value_table("t", ColumnType::I64))?;
    Ok(database)
}

fn limit(silenceable: &Silenceable) -> Duration {
    silenceable.time_limit.saturating_add(SOON)
}

const LONG: &str = "a long query";
/// More than the system buffers for a server that does not read.
const LENGTH: usize = 8 * 1024 * 1024;

fn query(database: &mut Database, length: usize) -> Result<()> {
    let long = "x".repeat(length);
    let params = [text(&long), text("x")];
    let query = "SELECT COUNT(*) FROM [t] WHERE ? = ?";
    database.rows(query, &params, &[ValueType::I64]).map(drop)
}

/// Returns the length of the longest query that the server accepts, since it may have a limit.
fn longest_taken(backend: &Arc<dyn Backend>) -> CaseResult<usize> {
    let mut length = LENGTH;
    loop {
        // A server may close the connection of a query that is too long.
        match query(&mut Database::of(Arc::clone(backend))?, length) {
            Ok(()) => return Ok(length),
            Err(error) if length < 1024 => return Err(error.into()),
            Err(_) => length /= 2,
        }
    }
}

fn statement(context: &mut Context) -> CaseResult {
    drop(with_table(context)?);
    let silenceable = silenceable(context)?;
    let Silenceable {
        backend, silence, ..
    } = &silenceable;
    let length = longest_taken(backend)?;
    for name in ["a query", "a write", LONG] {
        let mut database = Database::of(Arc::clone(backend))?;
        database.count("t")?;
        silence(true);
        let what = format!("{name} to a silent server");
        let (failed, is_open) = within(&what, limit(&silenceable), move || {
            let failed = match name {
                "a query" => database.count("t").map(drop),
                LONG => query(&mut database, length),
                _ => database.execute(INSERT, &[int(1), int(1)]).map(drop),
            };
            (failed, database.connection.is_open())
        })?;
        silence(false);
        check!(
            matches!(&failed, Err(error) if error.kind() == ErrorKind::ConnectionLost),
            "{what} must be a lost connection, returned {failed:?}"
        );
        check!(!is_open, "after {what} the connection must not be open");
    }
    let engine = Engine::from_backend(Arc::clone(backend)).pool_size(1);
    let count =
        Database::of(Arc::clone(backend))?.sql("SELECT COUNT(*) FROM [t]", &[], &[ValueType::I64]);
    let used = move |engine: &Engine| engine.connect()?.query(&count, &[], &mut |_| Ok(()));
    used(&engine)?;
    silence(true);
    let taken = engine.clone();
    let what = "a connection of the pool whose server is silent";
    let (use_it, again) = (used.clone(), used);
    let lost = within(what, limit(&silenceable) * 2, move || use_it(&taken))?;
    silence(false);
    check!(
        matches!(&lost, Err(error) if matches!(error.kind(), ErrorKind::ConnectionLost | ErrorKind::Unreachable)),
        "{what} must be lost, returned {lost:?}"
    );
    let next = within(
        "the pool's next connection",
        limit(&silenceable),
        move || again(&engine),
    )?;
    check!(
        next.is_ok(),
        "the pool must replace a lost connection, returned {next:?}"
    );
    Ok(())
}

/// What a case does with a transaction when its server is silent.
#[derive(Clone, Copy, Debug)]
enum End {
    Rollback,
    Reset,
    ResetAfterRaw,
    Drop,
}

fn ending(context: &mut Context) -> CaseResult {
    let mut direct = with_table(context)?;
    let silenceable = silenceable(context)?;
    let Silenceable {
        backend, silence, ..
    } = &silenceable;
    for end in [End::Rollback, End::Reset, End::ResetAfterRaw, End::Drop] {
        let mut database = Database::of(Arc::clone(backend))?;
        database.begin_write()?;
        database.execute(INSERT, &[int(1), int(1)])?;
        silence(true);
        let what = format!("{end:?} of a transaction whose server is silent");
        // Its connection is dropped with it, within the same time limit.
        let ended = within(&what, SOON, move || -> Result<()> {
            match end {
                End::Rollback => database.rollback(),
                End::Reset => database.connection.reset(false),
                End::ResetAfterRaw => database.connection.reset(true),
                End::Drop => Ok(()),
            }
        })?;
        silence(false);
        check!(
            ended.is_err() != matches!(end, End::Drop),
            "{what} cannot have succeeded, returned {ended:?}"
        );
        check_eq!(direct.count("t")?, 0, "the rows after {what}");
    }
    let insert = direct.sql(INSERT, &[ValueType::I64; 2], &[]);
    let mut connected = Engine::from_backend(Arc::clone(backend)).connect()?;
    connected.begin(Begin::default())?;
    let values = [2, 2].map(|value| Param::Ref(ValueRef::I64(value)));
    connected.execute(&insert, &values)?;
    silence(true);
    let what = "a commit whose server is silent";
    let committed = within(what, limit(&silenceable), move || connected.commit())?;
    silence(false);
    check!(
        matches!(&committed, Err(error) if error.kind() == ErrorKind::AmbiguousCommit),
        "{what} must be ambiguous, returned {committed:?}"
    );
    let left = direct.integers("SELECT [id] FROM [t] WHERE [id] <> ?", &[int(2)])?;
    check_eq!(left, [0_i64; 0], "only the ambiguous commit may be there");
    Ok(())
}

fn connect(context: &mut Context) -> CaseResult {
    let silenceable = silenceable(context)?;
    (silenceable.silence)(true);
    let backend = Arc::clone(&silenceable.backend);
    let what = "connecting to a silent server";
    let connected = within(what, limit(&silenceable), move || {
        backend.connect().map(drop)
    })?;
    (silenceable.silence)(false);
    check!(
        matches!(&connected, Err(error) if error.kind() == ErrorKind::Unreachable),
        "{what} must be unreachable, returned {connected:?}"
    );
    let backend = Arc::clone(&silenceable.backend);
    let next = within("connecting again", limit(&silenceable), move || {
        backend.connect().map(drop)
    })?;
    check!(
        next.is_ok(),
        "a server that answers again must be reached, returned {next:?}"
    );
    Ok(())
}
