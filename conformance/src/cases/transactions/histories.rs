//! Histories of concurrent transactions at each isolation level, and their anomalies.

use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use selfsame::dialect::{Begin, Isolation};
use selfsame::engine::Connected;
use selfsame::metadata;
use selfsame::prelude::*;
use selfsame::sql::{select, update};
use selfsame::{Error, ErrorKind};

use crate::case::Cover::Contract;
use crate::case::{Capability, Case, CaseResult, Failure};
use crate::context::Context;
use crate::history::{Anomaly, End, INITIAL, Level, Op, Transaction, check};
use crate::report::{SeenAnomaly, SeenIsolation};

const NEEDS: &[Capability] = &[Capability::Transactions, Capability::SecondConnection];

pub(super) const CASES: &[Case] = &[
    Case::full("transactions.history.default", |c| history(c, None))
        .since(19)
        .needs(NEEDS)
        .concurrent()
        .promise("Concurrent transactions are at least READ COMMITTED, according to the graph of their dependencies.")
        .hint("No uncommitted, aborted or intermediate value may be read; the report notes the observed level.")
        .covers(&[Contract(72), Contract(63)]),
    Case::extra("transactions.history.read_committed", |c| {
        history(c, Some(Isolation::ReadCommitted))
    })
    .since(19)
    .needs(&[
        Capability::Transactions,
        Capability::SecondConnection,
        Capability::Isolation(Isolation::ReadCommitted),
    ])
    .concurrent()
    .promise("READ COMMITTED never reads uncommitted, aborted or intermediate values.")
    .hint("The report notes the observed level.")
    .covers(&[Contract(72), Contract(68)]),
    Case::extra("transactions.history.repeatable_read", |c| {
        history(c, Some(Isolation::RepeatableRead))
    })
    .since(19)
    .needs(&[
        Capability::Transactions,
        Capability::SecondConnection,
        Capability::Isolation(Isolation::RepeatableRead),
    ])
    .concurrent()
    .promise("REPEATABLE READ loses no update and never sees part of another transaction.")
    .hint("The report notes the observed level.")
    .covers(&[Contract(72), Contract(68)]),
    Case::extra("transactions.history.serializable", |c| {
        history(c, Some(Isolation::Serializable))
    })
    .since(19)
    .needs(&[
        Capability::Transactions,
        Capability::SecondConnection,
        Capability::Isolation(Isolation::Serializable),
    ])
    .concurrent()
    .promise("SERIALIZABLE transactions have the same reads and writes as some serial execution.")
    .hint("A transaction that would close a cycle must fail with a serialization failure.")
    .covers(&[Contract(72), Contract(68)]),
    Case::extra("transactions.skew.serializable", skew)
        .since(19)
        .needs(&[
            Capability::Transactions,
            Capability::SecondConnection,
            Capability::Isolation(Isolation::Serializable),
        ])
        .concurrent()
        .promise("Of two SERIALIZABLE transactions that each read what the other writes, at most one commits.")
        .hint("A snapshot alone permits this write skew: the level must reach the database with each BEGIN.")
        .covers(&[Contract(72), Contract(68)]),
];

/// Returns the weakest isolation that a level must provide.
fn least(level: Option<Isolation>) -> Level {
    match level {
        Some(Isolation::Serializable) => Level::Serializable,
        Some(Isolation::RepeatableRead) => Level::Snapshot,
        Some(Isolation::ReadUncommitted) => Level::ReadUncommitted,
        _ => Level::ReadCommitted,
    }
}

/// A list as text, or a register as a number.
#[derive(Entity, Clone, Debug)]
#[orm(table = "cells")]
struct Cell {
    #[orm(primary_key)]
    id: i64,
    list: String,
    register: i64,
}

const SESSIONS: usize = 4;
const TRANSACTIONS: usize = 25;
const KEYS: u32 = 4;
/// How often two transactions cross.
const ROUNDS: i64 = 5;
/// How long a transaction pauses, so that others run in the meantime.
const THINKING: Duration = Duration::from_micros(300);

/// A planned step.
#[derive(Clone, Copy, Debug)]
enum Plan {
    Append(u32),
    ReadList(u32),
    /// Reads a register, then writes it.
    Change(u32),
    Read(u32),
}

fn history(context: &mut Context, level: Option<Isolation>) -> CaseResult {
    let engine = Engine::from_backend(context.backend()).pool_size(SESSIONS + 1);
    metadata![Cell].create_all(&engine)?;
    let mut session = Session::new(&engine);
    let cells = (0..i64::from(KEYS)).map(|id| Cell::new(id, "", INITIAL));
    session.insert_all(cells.collect::<Vec<_>>())?;
    session.commit()?;
    drop(session);
    let barrier = Arc::new(Barrier::new(SESSIONS));
    let mut threads = Vec::new();
    for number in 0..SESSIONS {
        let (engine, barrier) = (engine.clone(), Arc::clone(&barrier));
        let plans = plans(context.seed(), number);
        threads.push(thread::spawn(move || {
            let mut connected = engine.connect();
            barrier.wait();
            match &mut connected {
                Ok(connected) => session_of(connected, level, number, &plans),
                Err(_) => connected.map(|_| Vec::new()),
            }
        }));
    }
    let mut all = Vec::new();
    for thread in threads {
        let ran = thread.join();
        let ran = ran.map_err(|_| Failure::Assertion("a session panicked".to_owned()))?;
        all.extend(ran?);
    }
    // The last read shows the complete order of every list.
    let mut connected = engine.connect()?;
    let mut last = Vec::new();
    for key in 0..KEYS {
        last.push(Op::ReadList {
            key,
            values: read_list(&mut connected, key)?,
        });
        last.push(Op::Read {
            key,
            value: read(&mut connected, key)?,
        });
    }
    all.push(Transaction {
        ops: last,
        end: End::Committed,
    });
    let committed = all.iter().filter(|t| t.end == End::Committed).count();
    check!(
        committed > SESSIONS,
        "only {committed} of {} transactions were committed",
        all.len()
    );
    let verdict = check(&all);
    let wanted = least(level);
    let requested = level.map_or("the default level", Isolation::as_sql);
    let seen = |anomaly: Anomaly| SeenAnomaly {
        name: anomaly.to_string(),
        seen: verdict.anomalies.contains_key(&anomaly),
        allowed: anomaly.allowed_by() >= wanted,
    };
    context.isolation = Some(SeenIsolation {
        requested: requested.to_owned(),
        shown: verdict.level().to_string(),
        anomalies: Anomaly::ALL.into_iter().map(seen).collect(),
    });
    let found: Vec<String> = verdict
        .anomalies
        .iter()
        .map(|(anomaly, example)| format!("{anomaly}: {example}"))
        .collect();
    check!(
        verdict.level() >= wanted,
        "{requested} must be {wanted} at least, and shows {}",
        found.join("; ")
    );
    let names: Vec<String> = verdict.anomalies.keys().map(ToString::to_string).collect();
    let shown = match names.is_empty() {
        true => "no anomaly".to_owned(),
        false => names.join(", "),
    };
    context.note(format!("{requested} shows {shown}: {}", verdict.level()));
    Ok(())
}

/// Returns the transactions of one session, generated from the seed.
fn plans(seed: u64, session: usize) -> Vec<Vec<Plan>> {
    let mut state = seed ^ (session as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    // SplitMix64 is random enough to choose steps.
    let mut draw = move |most: u64| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % most
    };
    (0..TRANSACTIONS)
        .map(|_| {
            let steps = 2 + draw(3);
            (0..steps)
                .map(|_| {
                    let key = u32::try_from(draw(u64::from(KEYS))).unwrap_or_default();
                    match draw(4) {
                        0 => Plan::Append(key),
                        1 => Plan::ReadList(key),
                        2 => Plan::Change(key),
                        _ => Plan::Read(key),
                    }
                })
                .collect()
        })
        .collect()
}

fn session_of(
    connected: &mut Connected,
    level: Option<Isolation>,
    number: usize,
    plans: &[Vec<Plan>],
) -> selfsame::Result<Vec<Transaction>> {
    let mut all = Vec::new();
    for (turn, plan) in plans.iter().enumerate() {
        let mut ops = Vec::new();
        let first = i64::try_from((number * TRANSACTIONS + turn) * 100 + 1).unwrap_or_default();
        let result = transaction(connected, level, plan, first, &mut ops);
        let end = match result {
            Ok(()) => End::Committed,
            Err(error) if error.kind() == ErrorKind::AmbiguousCommit => End::Unknown,
            Err(error) if is_conflict(&error) => {
                if connected.in_transaction() {
                    connected.rollback()?;
                }
                End::Aborted
            }
            Err(error) => return Err(error),
        };
        all.push(Transaction { ops, end });
    }
    Ok(all)
}

/// Returns whether another transaction may cause this error.
fn is_conflict(error: &Error) -> bool {
    error.is_retryable() || error.kind() == ErrorKind::Busy
}

fn transaction(
    connected: &mut Connected,
    level: Option<Isolation>,
    plan: &[Plan],
    first: i64,
    ops: &mut Vec<Op>,
) -> selfsame::Result<()> {
    let mut begin = Begin::default();
    begin.isolation = level;
    connected.begin(begin)?;
    for (step, value) in plan.iter().zip(first..) {
        match *step {
            Plan::Append(key) => {
                let text = format!("{value},");
                let append = update(Cell::table())
                    .set(Cell::LIST, Cell::LIST.concat(text))
                    .filter(Cell::ID.eq(i64::from(key)));
                // Recorded first: the end of the transaction decides whether it took effect.
                ops.push(Op::Append { key, value });
                connected.write(&append)?;
            }
            Plan::ReadList(key) => {
                let values = read_list(connected, key)?;
                ops.push(Op::ReadList { key, values });
            }
            Plan::Change(key) => {
                let before = read(connected, key)?;
                ops.push(Op::Read { key, value: before });
                thread::sleep(THINKING);
                let write = update(Cell::table())
                    .set(Cell::REGISTER, value)
                    .filter(Cell::ID.eq(i64::from(key)));
                ops.push(Op::Write { key, value });
                connected.write(&write)?;
            }
            Plan::Read(key) => {
                let value = read(connected, key)?;
                ops.push(Op::Read { key, value });
            }
        }
        thread::sleep(THINKING);
    }
    connected.commit()
}

/// Runs two transactions at a time. Each reads the register that the other writes, before either has written.
fn skew(context: &mut Context) -> CaseResult {
    let engine = Engine::from_backend(context.backend()).pool_size(2);
    metadata![Cell].create_all(&engine)?;
    let mut session = Session::new(&engine);
    session.insert_all([Cell::new(0, "", INITIAL), Cell::new(1, "", INITIAL)])?;
    session.commit()?;
    drop(session);
    for round in 1..=ROUNDS {
        let both_read = Arc::new(Barrier::new(2));
        let threads = [(0, 1), (1, 0)].map(|(writes, reads)| {
            let (engine, both_read) = (engine.clone(), Arc::clone(&both_read));
            thread::spawn(move || crossing(&engine, &both_read, (writes, reads), round))
        });
        let mut committed = 0;
        for thread in threads {
            let ended = thread.join();
            match ended.map_err(|_| Failure::Assertion("a session panicked".to_owned()))? {
                Ok(()) => committed += 1,
                Err(error) if is_conflict(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        check!(
            committed < 2,
            "two serializable transactions that each read what the other wrote must not both commit"
        );
    }
    Ok(())
}

fn crossing(
    engine: &Engine,
    both_read: &Barrier,
    (writes, reads): (u32, u32),
    value: i64,
) -> selfsame::Result<()> {
    let begun = (|| {
        let mut connected = engine.connect()?;
        let mut begin = Begin::default();
        begin.isolation = Some(Isolation::Serializable);
        connected.begin(begin)?;
        read(&mut connected, reads)?;
        Ok(connected)
    })();
    // Also after a failure, so that the other transaction does not wait forever.
    both_read.wait();
    let mut connected = begun?;
    let write = update(Cell::table())
        .set(Cell::REGISTER, value)
        .filter(Cell::ID.eq(i64::from(writes)));
    connected.write(&write)?;
    connected.commit()
}

fn read_list(connected: &mut Connected, key: u32) -> selfsame::Result<Vec<i64>> {
    let query = select(Cell::LIST)
        .from(Cell::table())
        .filter(Cell::ID.eq(i64::from(key)));
    let text = connected.one(&query)?;
    let values = text.split(',').filter(|part| !part.is_empty());
    let values: Result<Vec<i64>, _> = values.map(str::parse).collect();
    values.map_err(|_| Error::new(ErrorKind::Conversion, "a list holds what nobody appended"))
}

fn read(connected: &mut Connected, key: u32) -> selfsame::Result<i64> {
    let query = select(Cell::REGISTER)
        .from(Cell::table())
        .filter(Cell::ID.eq(i64::from(key)));
    connected.one(&query)
}
