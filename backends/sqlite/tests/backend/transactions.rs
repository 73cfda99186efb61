//! Transactions, locks and two connections on one file.

use std::time::{Duration, Instant};

use selfsame::ErrorKind as K;
use selfsame::backend::{Backend as _, Rows, Statement};
use selfsame::dialect::{Isolation, Transaction};

use crate::support::*;

fn file() -> (TempDatabase, Session, Session) {
    let database = TempDatabase::new().expect("a directory");
    let backend = database.backend().busy_timeout(Duration::from_millis(50));
    let mut first = backend.connect().expect("a connection");
    let second = backend.connect().expect("a connection");
    run(&mut first, "CREATE TABLE t (v INTEGER)", &[]);
    (database, first, second)
}

fn count(session: &mut Session) -> i64 {
    integer(session, "SELECT count(*) FROM t")
}

#[test]
fn what_is_committed_is_seen_and_nothing_else() {
    let (_database, mut first, mut second) = file();
    begin(&mut first, |begin| begin.writes_first = true).expect("begin");
    run(&mut first, "INSERT INTO t VALUES (1)", &[]);
    assert_eq!((count(&mut first), count(&mut second)), (1, 0));
    transaction(&mut first, Transaction::Commit).expect("commit");
    assert_eq!(count(&mut second), 1);

    begin(&mut first, |_| ()).expect("begin");
    run(&mut first, "INSERT INTO t VALUES (2)", &[]);
    transaction(&mut first, Transaction::Rollback).expect("rollback");
    assert_eq!((count(&mut first), count(&mut second)), (1, 1));
}

#[test]
fn a_dropped_connection_rolls_back() {
    let (_database, mut first, mut second) = file();
    begin(&mut first, |begin| begin.writes_first = true).expect("begin");
    run(&mut first, "INSERT INTO t VALUES (1)", &[]);
    drop(first);
    assert_eq!(count(&mut second), 0);
    run(&mut second, "INSERT INTO t VALUES (2)", &[]);
}

#[test]
fn savepoints() {
    let (_database, mut session, _second) = file();
    begin(&mut session, |_| ()).expect("begin");
    let step = |session: &mut Session, command| transaction(session, command).expect("a savepoint");
    step(&mut session, Transaction::Savepoint("outer \"one\""));
    run(&mut session, "INSERT INTO t VALUES (1)", &[]);
    step(&mut session, Transaction::Savepoint("inner"));
    run(&mut session, "INSERT INTO t VALUES (2)", &[]);
    refused(
        &mut session,
        "INSERT INTO nobody VALUES (2)",
        K::NoSuchTable,
    );
    step(&mut session, Transaction::RollbackTo("inner"));
    step(&mut session, Transaction::Release("inner"));
    assert_eq!(count(&mut session), 1);
    step(&mut session, Transaction::Release("outer \"one\""));
    step(&mut session, Transaction::Commit);
    assert_eq!(count(&mut session), 1);
}

#[test]
fn a_second_writer_waits_and_then_is_busy() {
    let (_database, mut first, mut second) = file();
    begin(&mut first, |begin| begin.writes_first = true).expect("begin");
    let start = Instant::now();
    let error = begin(&mut second, |begin| begin.writes_first = true).expect_err("locked");
    assert_eq!(error.kind(), K::Busy);
    assert!(start.elapsed() >= Duration::from_millis(40));
    transaction(&mut first, Transaction::Rollback).expect("rollback");
    begin(&mut second, |begin| begin.writes_first = true).expect("free again");
}

#[test]
fn a_write_after_a_stale_read_is_a_serialization_failure() {
    let (_database, mut first, mut second) = file();
    begin(&mut first, |_| ()).expect("begin");
    assert_eq!(count(&mut first), 0);
    run(&mut second, "INSERT INTO t VALUES (1)", &[]);
    let error = refused(&mut first, "INSERT INTO t VALUES (2)", K::Serialization);
    assert_eq!(error.native_code(), Some("SQLITE_BUSY_SNAPSHOT"));
    assert!(error.is_retryable());
    transaction(&mut first, Transaction::Rollback).expect("rollback");
    run(&mut first, "INSERT INTO t VALUES (2)", &[]);
    assert_eq!(count(&mut second), 2);
}

#[test]
fn a_read_only_transaction_refuses_writes_until_its_end() {
    let (_database, mut session, _second) = file();
    for end in [Transaction::Commit, Transaction::Rollback] {
        begin(&mut session, |begin| begin.read_only = true).expect("begin");
        refused(&mut session, "INSERT INTO t VALUES (1)", K::ReadOnly);
        assert_eq!(count(&mut session), 0);
        transaction(&mut session, end).expect("end");
        run(&mut session, "INSERT INTO t VALUES (1)", &[]);
        run(&mut session, "DELETE FROM t", &[]);
    }
    begin(&mut session, |begin| begin.read_only = true).expect("begin");
    session.reset(false).expect("reset");
    run(&mut session, "INSERT INTO t VALUES (1)", &[]);
}

#[test]
fn a_transaction_that_cannot_begin_leaves_no_setting() {
    let (_database, mut session, _second) = file();
    begin(&mut session, |_| ()).expect("begin");
    begin(&mut session, |begin| begin.read_only = true).expect_err("one is open");
    transaction(&mut session, Transaction::Rollback).expect("rollback");
    run(&mut session, "INSERT INTO t VALUES (1)", &[]);
}

#[test]
fn the_one_isolation_level() {
    let (_database, mut session, _second) = file();
    for level in [
        Isolation::ReadUncommitted,
        Isolation::ReadCommitted,
        Isolation::RepeatableRead,
    ] {
        let error =
            begin(&mut session, |begin| begin.isolation = Some(level)).expect_err("no such level");
        assert_eq!(error.kind(), K::Unsupported);
    }
    begin(&mut session, |begin| {
        begin.isolation = Some(Isolation::Serializable)
    })
    .expect("begin");
}

#[test]
fn nothing_to_roll_back_is_not_an_error() {
    let (_database, mut session, _second) = file();
    transaction(&mut session, Transaction::Rollback).expect("nothing to do");
    begin(&mut session, |_| ()).expect("begin");
    refused(
        &mut session,
        "INSERT OR ROLLBACK INTO t SELECT abs(-9223372036854775807 - 1)",
        K::OutOfRange,
    );
    transaction(&mut session, Transaction::Rollback).expect("whether or not SQLite did it");
}

/// Statements that end the transaction, each with its error.
const ENDS: [(&str, &str); 2] = [
    (
        "INSERT OR ROLLBACK INTO u VALUES (1) RETURNING v",
        "UNIQUE constraint failed",
    ),
    ("INSERT INTO forbidden VALUES (1) RETURNING v", "not here"),
];

/// How a statement is run.
#[derive(Clone, Copy, Debug)]
enum By {
    Execute,
    Query,
    ExecuteEach,
}

#[test]
fn a_transaction_that_sqlite_ended_stays_ended() {
    let (_database, mut session, mut other) = file();
    for text in [
        "CREATE TABLE u (v INTEGER UNIQUE)",
        "INSERT INTO u VALUES (1)",
        "CREATE TABLE forbidden (v INTEGER)",
        "CREATE TRIGGER no BEFORE INSERT ON forbidden BEGIN SELECT RAISE(ROLLBACK, 'not here'); END",
    ] {
        run(&mut session, text, &[]);
    }
    for (text, reported) in ENDS {
        for by in [By::Execute, By::Query, By::ExecuteEach] {
            for commits in [true, false] {
                let what = format!("{text} by {by:?}");
                begin(&mut session, |begin| begin.writes_first = true).expect("begin");
                run(&mut session, "INSERT INTO t VALUES (1)", &[]);
                let statement = sql(text);
                let failed = match by {
                    By::Execute => session.execute(&Statement::new(&statement, &[])).map(drop),
                    By::Query => session.query(&Statement::new(&statement, &[]), &mut |_| Ok(())),
                    By::ExecuteEach => {
                        session.execute_each(&statement, Rows::empty(2), &mut |_| Ok(()))
                    }
                };
                let error = failed.expect_err(&what);
                assert!(error.to_string().contains(reported), "{what}: {error}");
                for later in ["INSERT INTO t VALUES (2)", "SELECT 1", "SAVEPOINT x"] {
                    let error = refused(&mut session, later, K::PendingRollback);
                    assert!(error.to_string().contains(reported), "{what}: {error}");
                }
                let again = begin(&mut session, |_| ()).expect_err(&what);
                assert_eq!(again.kind(), K::PendingRollback, "{what}");
                if commits {
                    let error = transaction(&mut session, Transaction::Commit).expect_err(&what);
                    assert_eq!(error.kind(), K::PendingRollback, "{what}: {error}");
                    assert!(error.to_string().contains(reported), "{what}: {error}");
                }
                transaction(&mut session, Transaction::Rollback).expect(&what);
                assert_eq!(count(&mut other), 0, "{what}");
                run(&mut session, "DELETE FROM t", &[]);
            }
        }
    }
}

#[test]
fn a_transaction_that_text_ended_stays_ended() {
    let (_database, mut session, mut other) = file();
    for (end, kept) in [("ROLLBACK", 0), ("COMMIT", 1)] {
        begin(&mut session, |_| ()).expect("begin");
        run(&mut session, "INSERT INTO t VALUES (1)", &[]);
        run(&mut session, end, &[]);
        refused(&mut session, "INSERT INTO t VALUES (2)", K::PendingRollback);
        transaction(&mut session, Transaction::Rollback).expect("rollback");
        assert_eq!(count(&mut other), kept, "{end}");
    }
}

#[test]
fn a_reader_that_cannot_write_runs_again_and_a_writer_that_waited_does_not() {
    let (_database, mut first, mut second) = file();
    begin(&mut first, |begin| begin.writes_first = true).expect("begin");
    begin(&mut second, |_| ()).expect("begin");
    assert_eq!(count(&mut second), 0);
    refused(&mut second, "INSERT INTO t VALUES (2)", K::Serialization);
    // It can still read.
    assert_eq!(count(&mut second), 0);
    transaction(&mut second, Transaction::Rollback).expect("rollback");
    begin(&mut second, |_| ()).expect("begin");
    refused(&mut second, "INSERT INTO t VALUES (2)", K::Busy);
    transaction(&mut second, Transaction::Rollback).expect("rollback");
    refused(&mut second, "INSERT INTO t VALUES (2)", K::Busy);
}
