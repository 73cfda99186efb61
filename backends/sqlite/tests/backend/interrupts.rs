//! Interrupts of waits for a lock, wherever SQLite waits.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use selfsame::ErrorKind as K;
use selfsame::backend::{Backend as _, Rows, Statement};
use selfsame::dialect::Transaction;
use selfsame::prelude::{Engine, TransactionOptions};
use selfsame_sqlite::{JournalMode, Synchronous};

use crate::support::*;

/// Longer than any of these tests may take.
const BUSY_TIMEOUT: Duration = Duration::from_secs(60);
/// After this time the work certainly waits.
const HEAD_START: Duration = Duration::from_millis(120);
/// Within this time it must have ended.
const SOON: Duration = Duration::from_secs(10);

/// A table in a file of this mode, and another program's connection to it.
fn file(mode: JournalMode) -> (TempDatabase, Sqlite, rusqlite::Connection) {
    let database = TempDatabase::new().expect("a directory");
    let backend = database.backend().journal_mode(mode);
    let mut session = backend.connect().expect("a connection");
    run(&mut session, "CREATE TABLE t (v INTEGER)", &[]);
    let other = rusqlite::Connection::open(database.path()).expect("opens");
    (database, backend.busy_timeout(BUSY_TIMEOUT), other)
}

fn hold(other: &rusqlite::Connection, lock: &str) {
    let text = format!("BEGIN {lock}; SELECT count(*) FROM t");
    other.execute_batch(&text).expect("the lock");
}

fn release(other: &rusqlite::Connection) {
    other.execute_batch("COMMIT").expect("ends");
}

/// Interrupts the work once it waits: it must end like an interrupted statement, long before its timeout.
fn interrupted<T: std::fmt::Debug>(
    what: &str,
    session: &mut Session,
    work: impl FnOnce(&mut Session) -> selfsame::Result<T>,
) {
    let interrupter = session.interrupter().expect("can be interrupted");
    let begun = Instant::now();
    let interrupting = thread::spawn(move || {
        thread::sleep(HEAD_START);
        interrupter.interrupt();
    });
    let error = work(session).expect_err(what);
    let took = begun.elapsed();
    interrupting.join().expect("interrupts");
    assert!(HEAD_START <= took && took < SOON, "{what} took {took:?}");
    assert_eq!(error.kind(), K::Database, "{what}: {error}");
    let code = error.native_code();
    assert_eq!(code, Some("SQLITE_INTERRUPT"), "{what}: {error}");
}

#[test]
fn waits_for_a_writer() {
    for mode in [JournalMode::Wal, JournalMode::Delete] {
        let (_database, backend, other) = file(mode);
        let mut session = backend.connect().expect("a connection");
        hold(&other, "IMMEDIATE");
        interrupted("BEGIN", &mut session, |session| {
            begin(session, |begin| begin.writes_first = true)
        });
        interrupted("a write", &mut session, |session| {
            try_run(session, "INSERT INTO t VALUES (1)", &[])
        });
        interrupted("a write with rows", &mut session, |session| {
            try_rows(session, "INSERT INTO t VALUES (1) RETURNING v", &[], &[])
        });
        interrupted("a batch", &mut session, |session| {
            let insert = sql("INSERT INTO t VALUES (1)");
            session.execute_each(&insert, Rows::empty(3), &mut |_| Ok(()))
        });
        begin(&mut session, |_| ()).expect("takes no lock");
        interrupted("the first write", &mut session, |session| {
            try_run(session, "INSERT INTO t VALUES (1)", &[])
        });
        transaction(&mut session, Transaction::Rollback).expect("rolls back");
        release(&other);
        assert_eq!(integer(&mut session, "SELECT count(*) FROM t"), 0);
        run(&mut session, "INSERT INTO t VALUES (1)", &[]);
    }
}

/// An interrupted wait ends its transaction: the next COMMIT must not commit what was given up.
#[test]
fn waits_of_a_commit() {
    let (_database, backend, other) = file(JournalMode::Delete);
    let mut session = backend.connect().expect("a connection");
    begin(&mut session, |begin| begin.writes_first = true).expect("begins");
    run(&mut session, "INSERT INTO t VALUES (1)", &[]);
    hold(&other, "");
    interrupted("COMMIT", &mut session, |session| {
        transaction(session, Transaction::Commit)
    });
    release(&other);
    refused(&mut session, "INSERT INTO t VALUES (2)", K::PendingRollback);
    let again = transaction(&mut session, Transaction::Commit).expect_err("has ended");
    assert_eq!(again.kind(), K::PendingRollback, "{again}");
    assert!(again.message().contains("interrupted"), "{again}");
    transaction(&mut session, Transaction::Rollback).expect("rolls back");
    assert_eq!(integer(&mut session, "SELECT count(*) FROM t"), 0);

    hold(&other, "");
    interrupted("a write that commits", &mut session, |session| {
        try_run(session, "INSERT INTO t VALUES (3)", &[])
    });
    release(&other);
    assert_eq!(integer(&mut session, "SELECT count(*) FROM t"), 0);
    run(&mut session, "INSERT INTO t VALUES (4)", &[]);
}

#[test]
fn waits_of_a_reader_and_of_a_checkpoint() {
    let (_database, backend, other) = file(JournalMode::Delete);
    let mut session = backend.connect().expect("a connection");
    hold(&other, "EXCLUSIVE");
    interrupted("a read", &mut session, |session| {
        try_one(
            session,
            "SELECT count(*) FROM t",
            selfsame::value::ValueType::I64,
        )
    });
    release(&other);
    assert_eq!(integer(&mut session, "SELECT count(*) FROM t"), 0);

    let (_database, backend, other) = file(JournalMode::Wal);
    let mut session = backend.connect().expect("a connection");
    hold(&other, "");
    run(&mut session, "INSERT INTO t VALUES (1)", &[]);
    interrupted("a checkpoint", &mut session, |session| {
        try_run(session, "PRAGMA wal_checkpoint(TRUNCATE)", &[])
    });
    release(&other);
    assert_eq!(integer(&mut session, "SELECT count(*) FROM t"), 1);
}

/// A wait can be interrupted, wherever its timeout was set.
#[test]
fn waits_as_long_as_a_hook_or_a_statement_says() {
    let (_database, backend, other) = file(JournalMode::Wal);
    let short = backend.busy_timeout(Duration::from_millis(1));
    let hooked = short
        .clone()
        .on_connect(|connection| connection.busy_timeout(BUSY_TIMEOUT));
    let mut by_hook = hooked.connect().expect("a connection");
    let mut by_text = short.connect().expect("a connection");
    let text = format!("PRAGMA busy_timeout = {}", BUSY_TIMEOUT.as_millis());
    let set = try_rows(&mut by_text, &text, &[], &[selfsame::value::ValueType::I64]);
    assert_eq!(set.expect("sets"), [[selfsame::value::Value::I64(60_000)]]);
    hold(&other, "IMMEDIATE");
    for session in [&mut by_hook, &mut by_text] {
        interrupted("a write", session, |session| {
            try_run(session, "INSERT INTO t VALUES (1)", &[])
        });
    }
    // A timeout set by a statement ends with its user.
    by_text.reset(true).expect("reset");
    let begun = Instant::now();
    refused(&mut by_text, "INSERT INTO t VALUES (1)", K::Busy);
    assert!(begun.elapsed() < SOON);
}

/// Between two runs of a batch SQLite runs nothing that an interrupt could stop.
#[test]
fn a_batch_ends_between_its_rows() {
    let mut session = memory();
    run(&mut session, "CREATE TABLE t (v INTEGER)", &[]);
    let interrupter = session.interrupter().expect("can be interrupted");
    begin(&mut session, |_| ()).expect("begins");
    let insert = sql("INSERT INTO t VALUES (1)");
    let mut seen = 0;
    let done = session.execute_each(&insert, Rows::empty(100), &mut |_| {
        seen += 1;
        if seen == 3 {
            interrupter.interrupt();
        }
        Ok(())
    });
    let error = done.expect_err("interrupted");
    assert_eq!(error.native_code(), Some("SQLITE_INTERRUPT"), "{error}");
    assert_eq!(seen, 3);
    refused(&mut session, "SELECT 1", K::PendingRollback);
    transaction(&mut session, Transaction::Rollback).expect("rolls back");
    assert_eq!(integer(&mut session, "SELECT count(*) FROM t"), 0);
}

/// An interrupt that comes too early or too late stops at most the next statement, and never a rollback.
#[test]
fn an_interrupt_of_nothing_stops_no_rollback() {
    let mut session = memory();
    run(&mut session, "CREATE TABLE t (v INTEGER)", &[]);
    let interrupter = session.interrupter().expect("can be interrupted");
    begin(&mut session, |_| ()).expect("begins");
    transaction(&mut session, Transaction::Savepoint("s")).expect("a savepoint");
    run(&mut session, "INSERT INTO t VALUES (1)", &[]);
    interrupter.interrupt();
    transaction(&mut session, Transaction::RollbackTo("s")).expect("rolls back");
    assert_eq!(integer(&mut session, "SELECT count(*) FROM t"), 0);
    interrupter.interrupt();
    transaction(&mut session, Transaction::Rollback).expect("rolls back");
    assert_eq!(integer(&mut session, "SELECT count(*) FROM t"), 0);
    interrupter.interrupt();
    session.reset(false).expect("reset");
    run(&mut session, "INSERT INTO t VALUES (1)", &[]);
    interrupter.interrupt();
    let select = sql("SELECT count(*) FROM t");
    // This one may fail; the next one does not.
    let _ = session.query(&Statement::new(&select, &[]), &mut |_| Ok(()));
    assert_eq!(integer(&mut session, "SELECT count(*) FROM t"), 1);
}

/// Does the work while another thread interrupts it again and again, at different points.
fn under_interrupts<T>(session: &mut Session, work: impl FnOnce(&mut Session) -> T) -> T {
    /// Stops the interrupts, even if the work panics.
    struct Over<'a>(&'a AtomicBool);
    impl Drop for Over<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let interrupter = session.interrupter().expect("can be interrupted");
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for round in (0..).take_while(|_| !is_over.load(Ordering::SeqCst)) {
                interrupter.interrupt();
                (0..round % 1_000 * 50).for_each(|_| std::hint::spin_loop());
            }
        });
        let _over = Over(&is_over);
        work(session)
    })
}

/// An interrupt may also arrive during a rollback, and after it.
#[test]
fn no_interrupt_keeps_a_transaction_open() {
    let mut session = memory();
    run(&mut session, "CREATE TABLE t (v INTEGER)", &[]);
    under_interrupts(&mut session, |session| {
        for round in 0..4_000 {
            let writes = round % 2 == 0;
            let begun = begin(session, |begin| {
                begin.writes_first = writes;
                begin.read_only = !writes;
            });
            if begun.is_ok() && writes {
                // It may be interrupted.
                let _ = try_run(session, "INSERT INTO t VALUES (1)", &[]);
            }
            transaction(session, Transaction::Rollback).expect("rolls back");
        }
    });
    transaction(&mut session, Transaction::Rollback).expect("forgets the last interrupt");
    assert_eq!(integer(&mut session, "SELECT count(*) FROM t"), 0);
    run(&mut session, "INSERT INTO t VALUES (1)", &[]);
}

/// A read-only transaction loses nothing when its end is interrupted, but its connection must be able to write again, also for a new user.
#[test]
fn no_interrupt_leaves_a_connection_read_only() {
    let mut session = memory();
    run(&mut session, "CREATE TABLE t (v INTEGER)", &[]);
    under_interrupts(&mut session, |session| {
        for round in 0..2_000 {
            let begun = begin(session, |begin| begin.read_only = true);
            match round % 2 {
                0 => session.reset(false).expect("reset"),
                _ if begun.is_ok() => {
                    if let Err(error) = transaction(session, Transaction::Commit) {
                        assert_eq!(error.native_code(), Some("SQLITE_INTERRUPT"), "{error}");
                        transaction(session, Transaction::Rollback).expect("rolls back");
                    }
                }
                _ => {}
            }
            if let Err(error) = try_run(session, "INSERT INTO t VALUES (1)", &[]) {
                assert_eq!(error.native_code(), Some("SQLITE_INTERRUPT"), "{error}");
            }
        }
    });
}

/// Work that is reported as done is done, and work that is reported as interrupted is not: statements, batches and commits.
#[test]
fn no_interrupt_makes_an_answer_false() {
    let (_database, backend, _other) = file(JournalMode::Wal);
    let mut session = backend
        .synchronous(Synchronous::Off)
        .connect()
        .expect("a connection");
    let insert = sql("INSERT INTO t VALUES (1)");
    let (mut done, mut stopped) = (0, 0);
    under_interrupts(&mut session, |session| {
        for round in 0..2_000 {
            let by_itself = try_run(session, "INSERT INTO t VALUES (1)", &[]);
            let begun = begin(session, |begin| begin.writes_first = round % 2 == 0);
            let committed = begun
                .and_then(|()| session.execute_each(&insert, Rows::empty(3), &mut |_| Ok(())))
                .and_then(|()| transaction(session, Transaction::Commit));
            done += i64::from(by_itself.is_ok()) + 3 * i64::from(committed.is_ok());
            for error in [by_itself.err(), committed.err()].into_iter().flatten() {
                assert_eq!(error.native_code(), Some("SQLITE_INTERRUPT"), "{error}");
                stopped += 1;
            }
            transaction(session, Transaction::Rollback).expect("rolls back");
        }
    });
    transaction(&mut session, Transaction::Rollback).expect("forgets the last interrupt");
    assert_eq!(
        integer(&mut session, "SELECT count(*) FROM t"),
        done,
        "{stopped} stopped"
    );
}

/// An interrupt during a rollback to a savepoint stops neither the rollback nor the transaction around it.
#[test]
fn no_interrupt_makes_a_rollback_to_a_savepoint_a_whole_one() {
    let mut session = memory();
    run(&mut session, "CREATE TABLE t (v INTEGER)", &[]);
    begin(&mut session, |begin| begin.writes_first = true).expect("begins");
    run(&mut session, "INSERT INTO t VALUES (1)", &[]);
    transaction(&mut session, Transaction::Savepoint("a")).expect("a savepoint");
    run(&mut session, "INSERT INTO t VALUES (2)", &[]);
    let undone = under_interrupts(&mut session, |session| {
        (0..4_000).try_for_each(|_| transaction(session, Transaction::RollbackTo("a")))
    });
    undone.expect("rolls back to the savepoint");
    // The last interrupt is forgotten.
    transaction(&mut session, Transaction::RollbackTo("a")).expect("rolls back");
    transaction(&mut session, Transaction::Commit).expect("commits");
    assert_eq!(integer(&mut session, "SELECT count(*) FROM t"), 1);
}

#[test]
fn a_cancelled_session_waits_no_longer() {
    let (_database, backend, other) = file(JournalMode::Wal);
    hold(&other, "IMMEDIATE");
    let engine = Engine::new(backend);
    let mut session = selfsame::Session::new(&engine);
    let canceller = session.canceller();
    let cancelling = thread::spawn(move || {
        thread::sleep(HEAD_START);
        canceller.cancel();
    });
    let begun = Instant::now();
    let writes = TransactionOptions::new().writes();
    // Another attempt is refused.
    let done = session.retry_with(writes, 100, |session| {
        session
            .sql("INSERT INTO t VALUES (1)", ())
            .execute()
            .map(drop)
    });
    let error = done.expect_err("cancelled");
    assert!(begun.elapsed() < SOON, "{:?}: {error}", begun.elapsed());
    cancelling.join().expect("cancels");
    release(&other);
    drop(session);
    let mut session = selfsame::Session::new(&engine);
    let count = session.sql("SELECT count(*) FROM t", ()).one::<(i64,)>();
    assert_eq!(count.expect("counts").0, 0);
}

/// The timeout is in wall-clock time, whatever else the machine does, and is not exceeded by much.
#[test]
fn waits_without_an_interrupt_last_as_long_as_set() {
    let (_database, backend, other) = file(JournalMode::Wal);
    hold(&other, "IMMEDIATE");
    for timeout in [0, 1, 40, 300].map(Duration::from_millis) {
        let mut session = backend
            .clone()
            .busy_timeout(timeout)
            .connect()
            .expect("a connection");
        for text in ["INSERT INTO t VALUES (1)", "DELETE FROM t"] {
            let begun = Instant::now();
            refused(&mut session, text, K::Busy);
            let took = begun.elapsed();
            assert!(timeout <= took && took < timeout + SOON, "{took:?}");
        }
    }
    // A waiting connection gets the lock soon after it is free.
    let mut session = backend.connect().expect("a connection");
    let waiting = thread::spawn(move || {
        run(&mut session, "INSERT INTO t VALUES (1)", &[]);
        Instant::now()
    });
    thread::sleep(Duration::from_millis(400));
    let free = Instant::now();
    release(&other);
    let done = waiting.join().expect("writes");
    assert!(done.duration_since(free) < SOON);
}
