//! The backend on a server: what the suite does not check for every backend.

mod altered;
mod collations;
mod conflicts;
mod connecting;
mod containers;
mod declared;
mod hostile;
mod keys;
mod kinds;
mod legacy;
mod limits;
mod restricted;
mod savepoints;
mod secrets;
mod stalls;
mod support;
mod uuids;

use std::net::TcpListener;
use std::time::{Duration, Instant};

use selfsame::backend::{Backend, Sql, Statement, StatementKind};
use selfsame::dialect::{Begin, Transaction};
use selfsame::engine::Connected;
use selfsame::value::{Param, ValueRef, ValueType};
use selfsame::{Engine, ErrorKind};
use selfsame_mariadb::MariaDb;
use support::{begin, database, number, raw, run, transact};

#[test]
fn a_reset_forgets_what_raw_sql_left_behind() {
    let Some(database) = database() else { return };
    let mut connection = database.backend().connect().expect("connects");
    let connection = connection.as_mut();
    raw(connection, "SET @mine = 5").expect("sets");
    raw(connection, "SET SESSION sql_mode = ''").expect("sets");
    raw(connection, "CREATE TEMPORARY TABLE mine (id INT)").expect("creates");
    raw(connection, "USE information_schema").expect("another database");
    raw(connection, "PREPARE mine FROM 'SELECT 1'").expect("prepares");
    raw(connection, "EXECUTE mine").expect("is there");
    connection.reset(true).expect("resets");
    let error = raw(connection, "EXECUTE mine").expect_err("is gone");
    assert_eq!(error.kind(), ErrorKind::InvalidStatement);
    assert_eq!(number(connection, "SELECT @mine"), None);
    let strict = "SELECT @@sql_mode LIKE '%STRICT_ALL_TABLES%' AND @@time_zone = '+00:00'";
    assert_eq!(number(connection, strict), Some(1));
    let here = format!("SELECT DATABASE() = '{}'", database.name());
    assert_eq!(number(connection, &here), Some(1));
    let error = raw(connection, "SELECT * FROM mine").expect_err("is gone");
    assert_eq!(error.kind(), ErrorKind::NoSuchTable);
}

#[test]
fn what_would_commit_is_refused_inside_a_transaction() {
    let Some(database) = database() else { return };
    let mut connection = database.backend().connect().expect("connects");
    let connection = connection.as_mut();
    run(
        connection,
        StatementKind::Ddl,
        "CREATE TABLE t (id INT PRIMARY KEY)",
    )
    .expect("creates");
    begin(connection);
    raw(connection, "INSERT INTO t VALUES (1)").expect("inserts");
    for kind in [StatementKind::Ddl, StatementKind::Raw] {
        let error = run(connection, kind, "CREATE TABLE u (id INT)").expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
    // Ended by a statement whose text does not show it.
    raw(connection, "SET autocommit = 1").expect("runs");
    raw(connection, "EXECUTE IMMEDIATE 'COMMIT'").expect("runs");
    let error = raw(connection, "INSERT INTO t VALUES (2)").expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::PendingRollback);
    transact(connection, Transaction::Commit).expect_err("it has ended before");
    raw(connection, "INSERT INTO t VALUES (3)").expect("a new beginning");
}

/// A user's statement may have any name.
#[test]
fn a_statement_named_transaction_can_be_prepared() {
    let Some(database) = database() else { return };
    let mut connection = Engine::new(database.backend()).connect().expect("connects");
    let run = |connection: &mut Connected, text: &str| {
        let raw = Sql::new(StatementKind::Raw, text, [], []);
        connection.execute(&raw, &[]).expect(text);
    };
    run(&mut connection, "CREATE TABLE t (id INT)");
    connection.begin(Begin::default()).expect("begins");
    for text in [
        "PREPARE transaction FROM 'INSERT INTO t VALUES (1)'",
        "EXECUTE transaction",
        "DEALLOCATE PREPARE transaction",
    ] {
        run(&mut connection, text);
    }
    connection.commit().expect("commits");
    let mut other = database.backend().connect().expect("connects");
    assert_eq!(number(&mut *other, "SELECT COUNT(*) FROM t"), Some(1));
}

/// By default the server waits a day for a metadata lock.
#[test]
fn a_metadata_lock_times_out_as_configured() {
    let Some(database) = database() else { return };
    let backend = database.backend().lock_timeout(Duration::from_secs(1));
    let backend = backend.response_timeout(Duration::from_secs(20));
    let mut reader = backend.connect().expect("connects");
    let reader = reader.as_mut();
    let mut other = backend.connect().expect("connects");
    run(reader, StatementKind::Ddl, "CREATE TABLE t (id INT)").expect("creates");
    for text in ["ALTER TABLE t ADD b INT", "DROP TABLE t"] {
        begin(reader);
        assert_eq!(number(reader, "SELECT COUNT(*) FROM t"), Some(0));
        let begun = Instant::now();
        let error = run(other.as_mut(), StatementKind::Ddl, text).expect_err("in use");
        assert_eq!(error.kind(), ErrorKind::Busy, "{text}: {error}");
        assert!(begun.elapsed() < Duration::from_secs(10), "{text}");
        transact(reader, Transaction::Rollback).expect("rolls back");
    }
    run(other.as_mut(), StatementKind::Ddl, "DROP TABLE t").expect("nobody reads it");
}

/// The text after a NUL must not be dropped.
#[test]
fn a_text_does_not_end_at_a_nul() {
    let Some(database) = database() else { return };
    let mut connection = database.backend().connect().expect("connects");
    let connection = connection.as_mut();
    let create = "CREATE TABLE t (id INT PRIMARY KEY)";
    run(connection, StatementKind::Ddl, create).expect("creates");
    raw(connection, "INSERT INTO t VALUES (1)").expect("inserts");
    for kind in [
        StatementKind::Raw,
        StatementKind::Delete,
        StatementKind::Ddl,
    ] {
        let text = "DELETE FROM t\0 WHERE id = 99";
        let error = run(connection, kind, text).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::InvalidStatement, "{error}");
    }
    assert_eq!(number(connection, "SELECT COUNT(*) FROM t"), Some(1));
}

#[test]
fn a_server_that_ends_the_connection_is_noticed() {
    let Some(database) = database() else { return };
    let backend = database.backend();
    let mut connection = backend.connect().expect("connects");
    let id = number(connection.as_mut(), "SELECT CONNECTION_ID()").expect("an id");
    assert!(connection.is_open());
    let mut other = backend.connect().expect("connects");
    raw(other.as_mut(), &format!("KILL {id}")).expect("kills");
    let until = Instant::now() + Duration::from_secs(10);
    while connection.is_open() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(!connection.is_open());
    let error = raw(connection.as_mut(), "SELECT 1").expect_err("is gone");
    assert_eq!(error.kind(), ErrorKind::ConnectionLost);
}

#[test]
fn waits_end() {
    let Some(database) = database() else { return };
    let backend = database.backend();
    let limited = backend.clone().statement_timeout(Duration::from_secs(1));
    let mut connection = limited.connect().expect("connects");
    let error = raw(connection.as_mut(), "SELECT SLEEP(20)").expect_err("too long");
    assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
    let impatient = backend.response_timeout(Duration::from_secs(1));
    let mut connection = impatient.connect().expect("connects");
    let begun = Instant::now();
    let error = raw(connection.as_mut(), "SELECT SLEEP(20)").expect_err("silent");
    assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error}");
    assert!(begun.elapsed() < Duration::from_secs(10));
    drop(connection);
    assert!(begun.elapsed() < Duration::from_secs(10));

    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("mariadb://u@{}/d", silent.local_addr().expect("an address"));
    let begun = Instant::now();
    let backend = MariaDb::url(&url).expect("a URL");
    let backend = backend.connect_timeout(Duration::from_millis(300));
    let error = backend.connect().expect_err("nobody answers");
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn no_error_shows_a_value() {
    let Some(database) = database() else { return };
    let mut connection = database.backend().connect().expect("connects");
    let connection = connection.as_mut();
    let create = "CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(10) UNIQUE, CHECK (id < 1000))";
    run(connection, StatementKind::Ddl, create).expect("creates");
    raw(connection, "INSERT INTO t VALUES (1, 'hunter2')").expect("inserts");
    for (id, name, kind) in [
        (2, "hunter2", ErrorKind::UniqueViolation),
        (4711, "b", ErrorKind::CheckViolation),
        (3, "hunter2 hunter2", ErrorKind::OutOfRange),
    ] {
        let sql = Sql::new(
            StatementKind::Insert,
            "INSERT INTO t VALUES (?, ?)",
            [ValueType::I32, ValueType::Text],
            [],
        );
        let params = [
            Param::Ref(ValueRef::I32(id)),
            Param::Ref(ValueRef::Text(name)),
        ];
        let error = connection
            .execute(&Statement::new(&sql, &params))
            .expect_err("refused");
        assert_eq!(error.kind(), kind);
        let shown = format!("{error} {error:?}");
        assert!(
            !shown.contains("hunter2") && !shown.contains("4711"),
            "{shown}"
        );
    }
}
