//! Waits for other transactions: each wait ends, whatever the other transactions do.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use selfsame::backend::{Interrupter, Sql, StatementKind};
use selfsame::prelude::*;
use selfsame::schema::ColumnType;
use selfsame::value::ValueType;
use selfsame::{ErrorKind, Result};

use crate::case::Cover::{Contract, Rule};
use crate::case::{Capability, Case, CaseResult, Failure};
use crate::context::Context;
use crate::database::{Database, int, value_table};
use crate::deadline::{SOON, Waiting, within};

const NEEDS: &[Capability] = &[Capability::Transactions, Capability::SecondConnection];
const LIMITED: &[Capability] = &[
    Capability::Transactions,
    Capability::SecondConnection,
    Capability::LockTimeout,
];

pub(super) const CASES: &[Case] = &[
    Case::full("connections.waits.kinds", kinds)
        .since(22)
        .concurrent()
        .needs(LIMITED)
        .promise("Whatever waits for a row of another transaction (a write of any kind, a row lock) ends as busy within the time that the backend claims, and its connection stays usable.")
        .hint("See `Capabilities::lock_timeout`: it holds for every lock.")
        .covers(&[Contract(58), Contract(61), Rule(38)]),
    Case::full("connections.waits.table", table)
        .since(22)
        .concurrent()
        .needs(LIMITED)
        .promise("A change of a table that another transaction uses is done at once, or ends as busy within the time that the backend claims.")
        .hint("See `Capabilities::lock_timeout`: databases often have a separate limit for table locks.")
        .covers(&[Contract(58), Contract(76), Rule(38)]),
    Case::core("connections.waits.ended", ended)
        .since(22)
        .concurrent()
        .needs(NEEDS)
        .promise("A transaction that others wait for can be committed, rolled back, reset or dropped at once, and then one of the others proceeds.")
        .hint("Rolling back, `reset` and dropping wait for no other transaction; a dropped connection releases its locks.")
        .covers(&[Contract(65), Contract(77), Contract(80), Rule(38)]),
    Case::core("connections.waits.pool", pool)
        .since(22)
        .concurrent()
        .needs(NEEDS)
        .promise("While another transaction holds its locks, connections are opened, checked, returned and handed out again without waiting for it, and an exhausted pool gives up in time for everybody who waits.")
        .hint("Neither `connect` nor `is_open` takes a lock; `is_open` does not contact the server.")
        .covers(&[Contract(77), Contract(80), Rule(38)]),
    Case::core("connections.waits.cancelled", cancelled)
        .since(22)
        .concurrent()
        .needs(LIMITED)
        .promise("Cancelled work that waits for a lock ends, at the latest when it would have waited long enough; it writes nothing and holds nothing, even if the lock becomes free.")
        .hint("See `Connection::interrupter`, and `Capabilities::lock_timeout` if the backend cannot interrupt statements.")
        .covers(&[Contract(78), Rule(32), Rule(38)]),
    Case::core("connections.waits.interrupted", interrupted)
        .since(23)
        .concurrent()
        .needs(NEEDS)
        .promise("A statement that waits for a lock and is interrupted ends at once, while the lock is still held; its transaction writes nothing and holds nothing.")
        .hint("See `Connection::interrupter`: an interrupt that is noticed only while the statement computes does not end its wait.")
        .covers(&[Contract(58), Contract(78), Rule(32), Rule(38)]),
];

/// Longer claimed timeouts are not tested.
const LONGEST_CLAIM: Duration = Duration::from_secs(10);
/// After this time, a statement that was started on another thread is certainly waiting.
const HEAD_START: Duration = Duration::from_millis(150);

/// Returns how long a statement waits for a lock, if the backend claims a time that is short enough to test.
pub(in crate::cases) fn claimed_wait(context: &Context) -> CaseResult<Duration> {
    match context.capabilities().lock_timeout {
        Some(claimed) if claimed <= LONGEST_CLAIM => Ok(claimed),
        claimed => {
            let reason = format!("the claimed wait for a lock is {claimed:?}");
            Err(Failure::Skipped(reason))
        }
    }
}

/// Returns the time limit of a wait with this claim. A backend may wait twice, for a table and for a row.
pub(in crate::cases) fn longest(claimed: Duration) -> Duration {
    claimed * 2 + Duration::from_secs(3)
}

const SET: &str = "UPDATE [t] SET [v] = ? WHERE [id] = ?";
const INSERT: &str = "INSERT INTO [t] ([id], [v]) VALUES (?, ?)";

/// Returns a connection whose transaction has changed row 1 and inserted row 2.
fn holder(context: &Context) -> CaseResult<Database> {
    let mut holder = Database::open(context)?;
    holder.create(&value_table("t", ColumnType::I64))?;
    holder.execute(INSERT, &[int(1), int(0)])?;
    hold(&mut holder)?;
    Ok(holder)
}

fn hold(holder: &mut Database) -> CaseResult {
    holder.begin_write()?;
    holder.execute(SET, &[int(10), int(1)])?;
    holder.execute(INSERT, &[int(2), int(0)])?;
    Ok(())
}

type Work = fn(&mut Database) -> Result<()>;

/// A statement that waits, and whether it is in a transaction.
struct Kind {
    what: &'static str,
    begins: bool,
    work: Work,
}

fn update(database: &mut Database) -> Result<()> {
    database.execute(SET, &[int(20), int(1)]).map(drop)
}

const KINDS: &[Kind] = &[
    Kind {
        what: "an UPDATE in a transaction",
        begins: true,
        work: update,
    },
    Kind {
        what: "an INSERT of the same key",
        begins: false,
        work: |database| database.execute(INSERT, &[int(2), int(1)]).map(drop),
    },
    Kind {
        what: "a DELETE",
        begins: false,
        work: |database| {
            let delete = "DELETE FROM [t] WHERE [id] = ?";
            database.execute(delete, &[int(1)]).map(drop)
        },
    },
    Kind {
        what: "a batch",
        begins: false,
        work: |database| {
            let types = [ValueType::I64, ValueType::I64];
            let rows = [2, 3].map(|id| vec![int(id), int(1)]);
            database.execute_each(INSERT, &types, &rows).map(drop)
        },
    },
    Kind {
        what: ROW_LOCK,
        begins: true,
        work: |database| {
            let lock = "SELECT [id] FROM [t] WHERE [id] = ? FOR UPDATE";
            database.integers(lock, &[int(1)]).map(drop)
        },
    },
];

const ROW_LOCK: &str = "a row lock";

/// The number of statements that wait at the same time: a pooler may have few connections to its server.
const AT_ONCE: usize = 3;

fn kinds(context: &mut Context) -> CaseResult {
    let claimed = claimed_wait(context)?;
    let mut holder = holder(context)?;
    let has_row_locks = context.capabilities().row_locks;
    let mut waited = Vec::new();
    for kinds in KINDS.chunks(AT_ONCE) {
        let mut waiting = Vec::new();
        for kind in kinds
            .iter()
            .filter(|kind| has_row_locks || kind.what != ROW_LOCK)
        {
            let mut database = Database::open(context)?;
            let run = move || {
                let begun = match kind.begins {
                    true => database.begin_write(),
                    false => Ok(()),
                };
                (begun.and_then(|()| (kind.work)(&mut database)), database)
            };
            waiting.push((kind, Waiting::start(run)?));
        }
        for (kind, waiting) in waiting {
            let what = format!("{}, which waits for another transaction,", kind.what);
            let ((done, mut database), _) = waiting.end(&what, longest(claimed))?;
            check!(
                matches!(&done, Err(error) if error.kind() == ErrorKind::Busy),
                "{what} must time out as busy, returned {done:?}"
            );
            if kind.begins {
                // There may be no transaction: its BEGIN may have timed out.
                let _ = database.rollback();
            }
            waited.push((kind.what, database));
        }
    }
    for (what, database) in &mut waited {
        let seen = database.count("t");
        check!(
            matches!(seen, Ok(1)),
            "after {what} that was busy its connection must be usable, and counted {seen:?}"
        );
    }
    holder.rollback()?;
    for (what, database) in &mut waited {
        let written = database.execute(SET, &[int(30), int(1)]);
        check!(
            matches!(&written, Ok(outcome) if outcome.matched == 1),
            "after {what} that was busy, once the row is free, a write must succeed, returned {written:?}"
        );
    }
    Ok(())
}

fn table(context: &mut Context) -> CaseResult {
    let claimed = claimed_wait(context)?;
    let mut holder = holder(context)?;
    let mut other = Database::open(context)?;
    let waiting = Waiting::start(move || {
        let alter = "ALTER TABLE [t] ADD COLUMN [w] BIGINT";
        (other.execute(alter, &[]).map(drop), other)
    })?;
    let what = "an ALTER TABLE of a table that another transaction uses";
    let ((done, mut other), _) = waiting.end(what, longest(claimed))?;
    check!(
        done.as_ref()
            .err()
            .is_none_or(|error| error.kind() == ErrorKind::Busy),
        "{what} must be done or time out as busy, returned {done:?}"
    );
    // A database that changed the table may have ended the transaction.
    let committed = holder.commit();
    check!(
        committed.is_ok() || done.is_ok(),
        "a transaction must commit after {what} was busy, returned {committed:?}"
    );
    let seen = other.count("t");
    let wanted = if committed.is_ok() { 2 } else { 1 };
    check!(
        matches!(seen, Ok(seen) if seen == wanted),
        "after {what}, which gave {done:?}, its connection must see {wanted} rows, saw {seen:?}"
    );
    let again = other.execute("ALTER TABLE [t] ADD COLUMN [x] BIGINT", &[]);
    check!(
        again.is_ok(),
        "once nobody uses the table it must be changed, returned {again:?}"
    );
    Ok(())
}

/// How a transaction that others wait for ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Commit,
    Rollback,
    Reset,
    ResetAfterRaw,
    Drop,
}

fn ended(context: &mut Context) -> CaseResult {
    if let Some(claimed) = context.capabilities().lock_timeout
        && claimed < HEAD_START * 4
    {
        let reason = format!("nobody waits longer than {claimed:?} for a lock");
        return Err(Failure::Skipped(reason));
    }
    let mut holder = Some(holder(context)?);
    for end in [
        End::Commit,
        End::Rollback,
        End::Reset,
        End::ResetAfterRaw,
        End::Drop,
    ] {
        let mut held = match holder.take() {
            Some(held) => held,
            None => {
                let mut held = Database::open(context)?;
                held.execute("DELETE FROM [t] WHERE [id] = ?", &[int(2)])?;
                hold(&mut held)?;
                held
            }
        };
        let mut other = Database::open(context)?;
        let waiting = Waiting::start(move || {
            let done = other.begin_write().and_then(|()| update(&mut other));
            (done.and_then(|()| other.commit()), other)
        })?;
        thread::sleep(HEAD_START);
        let what = format!("a transaction that another waits for, ended by {end:?},");
        let kept = within(&what, SOON, move || {
            match end {
                End::Commit => held.commit()?,
                End::Rollback => held.rollback()?,
                End::Reset => held.connection.reset(false)?,
                End::ResetAfterRaw => held.connection.reset(true)?,
                End::Drop => return Ok(None),
            }
            Ok::<_, selfsame::Error>(Some(held))
        })?;
        check!(
            kept.is_ok(),
            "{what} must end without an error, returned {kept:?}"
        );
        let what = format!("a statement that waits for a transaction ended by {end:?}");
        let ((done, mut other), _) = waiting.end(&what, SOON)?;
        check!(done.is_ok(), "{what} must proceed, returned {done:?}");
        let keys = other.integers("SELECT [id] FROM [t] ORDER BY [id]", &[])?;
        let wanted: &[i64] = match end {
            End::Commit => &[1, 2],
            _ => &[1],
        };
        check_eq!(keys, wanted, "the rows after {end:?}");
        let seen = other.integers("SELECT [v] FROM [t] WHERE [id] = ?", &[int(1)])?;
        check_eq!(seen, [20], "what the one who waited wrote after {end:?}");
    }
    Ok(())
}

/// How long to wait for the pool.
const POOL_TIMEOUT: Duration = Duration::from_millis(300);

fn pool(context: &mut Context) -> CaseResult {
    let holder = holder(context)?;
    let engine = Engine::from_backend(context.backend())
        .pool_size(2)
        .pool_timeout(POOL_TIMEOUT);
    let sql = {
        let mut text = "SELECT count(*) FROM ".to_owned();
        context.dialect().quote("t", &mut text);
        Sql::new(StatementKind::Select, text, [], [ValueType::I64])
    };
    for round in 1..=3 {
        // Its clones share the limit.
        let engine = engine.clone().pool_timeout(POOL_TIMEOUT);
        let take = |what: &str| {
            let engine = engine.clone();
            let what =
                format!("{what} in round {round}, while another transaction holds its locks,");
            let taken = within(&what, SOON, move || engine.connect())?;
            check!(
                taken.is_ok(),
                "{what} must work, returned {:?}",
                taken.err()
            );
            Ok::<_, Failure>(taken?)
        };
        let mut first = take("taking a connection")?;
        let second = take("taking another connection")?;
        let mut waiting = Vec::new();
        for _ in 0..3 {
            let engine = engine.clone();
            waiting.push(Waiting::start(move || {
                engine.connect().map(drop).map_err(|error| error.kind())
            })?);
        }
        for waiting in waiting {
            let (refused, _) = waiting.end("waiting for an exhausted pool", SOON)?;
            check_eq!(
                refused,
                Err(ErrorKind::PoolTimeout),
                "each request to an exhausted pool"
            );
        }
        let patient = engine.clone().pool_timeout(SOON);
        let served = Waiting::start(move || patient.connect())?;
        thread::sleep(HEAD_START);
        let sql = sql.clone();
        let read = within("a read, and returning its connection,", SOON, move || {
            first.query(&sql, &[], &mut |_| Ok(()))
        })?;
        check!(read.is_ok(), "a read must not fail, returned {read:?}");
        let (served, _) = served.end("waiting for a connection that was returned", SOON)?;
        check!(
            served.is_ok(),
            "a returned connection must be handed out, returned {:?}",
            served.err()
        );
        within("returning two connections", SOON, move || {
            drop((served, second));
        })?;
    }
    drop(holder);
    Ok(())
}

fn cancelled(context: &mut Context) -> CaseResult {
    let claimed = claimed_wait(context)?;
    let mut holder = holder(context)?;
    let mut text = "UPDATE ".to_owned();
    for (part, name) in [("", "t"), (" SET ", "v"), (" = 20 WHERE ", "id")] {
        text.push_str(part);
        context.dialect().quote(name, &mut text);
    }
    text.push_str(" = 1");
    let mut session = Session::new(&Engine::from_backend(context.backend()));
    let canceller = session.canceller();
    let waiting = Waiting::start(move || {
        let options = TransactionOptions::new().writes();
        session.transaction_with(options, |session| {
            session.sql(&text, ()).execute().map(drop)
        })
    })?;
    thread::sleep(HEAD_START);
    let what = "cancelling work that waits for a lock";
    within(what, SOON, move || canceller.cancel())?;
    // The lock is free now, but the cancelled statement must still fail.
    holder.commit()?;
    let (done, _) = waiting.end("cancelled work that waited for a lock", longest(claimed))?;
    check!(
        done.is_err(),
        "cancelled work that waited for a lock must fail, returned {done:?}"
    );
    let seen = holder.integers("SELECT [v] FROM [t] WHERE [id] = ?", &[int(1)])?;
    check_eq!(seen, [10], "nothing of the cancelled work may be written");
    let written = within(
        "a write after cancelled work",
        longest(claimed),
        move || holder.execute(SET, &[int(30), int(1)]),
    )?;
    check!(
        matches!(&written, Ok(outcome) if outcome.matched == 1),
        "a write after cancelled work must find no lock, returned {written:?}"
    );
    Ok(())
}

/// Interrupts a statement repeatedly, because an interrupt that comes before the wait has no effect.
struct Interrupting {
    stop: mpsc::Sender<()>,
    thread: Waiting<()>,
}

impl Interrupting {
    fn start(interrupter: Interrupter) -> CaseResult<Self> {
        let (stop, stopped) = mpsc::channel();
        let thread = Waiting::start(move || {
            while stopped.recv_timeout(HEAD_START) == Err(RecvTimeoutError::Timeout) {
                interrupter.interrupt();
            }
        })?;
        Ok(Self { stop, thread })
    }

    fn stop(self) -> CaseResult {
        drop(self.stop);
        self.thread.end("an interrupt", SOON).map(drop)
    }
}

fn interrupted(context: &mut Context) -> CaseResult {
    let claimed = context.capabilities().lock_timeout;
    if let Some(claimed) = claimed.filter(|claimed| *claimed < HEAD_START * 4) {
        let reason = format!("nobody waits longer than {claimed:?} for a lock");
        return Err(Failure::Skipped(reason));
    }
    let mut holder = holder(context)?;
    let has_row_locks = context.capabilities().row_locks;
    let kinds = KINDS.iter().filter(|kind| kind.begins);
    for kind in kinds.filter(|kind| has_row_locks || kind.what != ROW_LOCK) {
        let mut other = Database::open(context)?;
        let Some(interrupter) = other.connection.interrupter() else {
            let reason = "the backend has no way to stop a statement".to_owned();
            return Err(Failure::Skipped(reason));
        };
        let waiting = Waiting::start(move || {
            let begun = other.begin_write();
            (begun.and_then(|()| (kind.work)(&mut other)), other)
        })?;
        let what = format!("{}, interrupted while it waits for a lock,", kind.what);
        let interrupting = Interrupting::start(interrupter)?;
        let ended = waiting.end(&what, SOON);
        interrupting.stop()?;
        let ((done, mut other), took) = ended?;
        // The database may report an interrupt as a lock timeout.
        let has_timed_out = |error: &selfsame::Error| {
            error.kind() == ErrorKind::Busy && claimed.is_some_and(|claimed| took >= claimed)
        };
        check!(
            matches!(&done, Err(error) if !has_timed_out(error)),
            "{what} must fail before it would have waited long enough, returned {done:?} after {took:?}"
        );
        // A connection whose rollback fails is closed, which rolls back too.
        if !other.connection.is_open() || other.rollback().is_err() {
            continue;
        }
        let seen = other.count("t");
        check!(
            matches!(seen, Ok(1)),
            "after {what} a connection that is open must be usable, and counted {seen:?}"
        );
    }
    holder.commit()?;
    let seen = holder.integers("SELECT [v] FROM [t] WHERE [id] = ?", &[int(1)])?;
    check_eq!(seen, [10], "nothing that was interrupted may be written");
    let limit = claimed.map_or(SOON, longest);
    let written = within("a write after interrupted ones", limit, move || {
        holder.execute(SET, &[int(30), int(1)])
    })?;
    check!(
        matches!(&written, Ok(outcome) if outcome.matched == 1),
        "a write after interrupted ones must find no lock, returned {written:?}"
    );
    Ok(())
}
