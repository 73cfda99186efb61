//! Transactions, and what a connection is after its user gave it back.

use selfsame::backend::{Backend, Connection, Sql, Statement, StatementKind};
use selfsame::dialect::{Begin, Isolation, Transaction};
use selfsame::error::ErrorKind;
use selfsame::value::{Value, ValueType};
use selfsame_postgres::testing::Server;

use crate::support::{Case, Fixture, begin, execute, fixture, i64s, read, transact, write};

pub(crate) const CASES: &[Case] = &[
    ("transactions_savepoints", savepoints),
    ("transactions_levels_are_set", levels_are_set),
    (
        "transactions_a_failed_one_does_not_commit",
        a_failed_one_does_not_commit,
    ),
    ("transactions_a_commit_that_fails", a_commit_that_fails),
    (
        "transactions_a_dropped_connection_rolls_back",
        a_dropped_connection_rolls_back,
    ),
    ("transactions_reset_rolls_back", reset_rolls_back),
    (
        "transactions_reset_forgets_what_raw_sql_did",
        reset_forgets_what_raw_sql_did,
    ),
];

fn count(connection: &mut dyn Connection) -> i64 {
    let rows = read(connection, "SELECT count(*) FROM t", &[], &[ValueType::I64]);
    i64s(&rows.expect("counts"))[0]
}

fn savepoints(server: &Server) {
    let Fixture {
        mut connection,
        database: _database,
    } = fixture(server);
    let connection = connection.as_mut();
    execute(connection, "CREATE TABLE t (id bigint)").expect("creates");
    begin(connection);
    write(connection, "INSERT INTO t VALUES (1)", &[]).expect("inserts");
    transact(connection, Transaction::Savepoint("a \"b\"")).expect("marks");
    write(connection, "INSERT INTO t VALUES (2)", &[]).expect("inserts");
    transact(connection, Transaction::RollbackTo("a \"b\"")).expect("goes back");
    transact(connection, Transaction::Release("a \"b\"")).expect("releases");
    transact(connection, Transaction::Commit).expect("commits");
    assert_eq!(count(connection), 1);
}

fn levels_are_set(server: &Server) {
    let Fixture {
        mut connection,
        database,
    } = fixture(server);
    let levels = database.backend().dialect().capabilities().isolation_levels;
    assert_eq!(
        levels,
        [
            Isolation::ReadCommitted,
            Isolation::RepeatableRead,
            Isolation::Serializable
        ]
    );
    for level in levels {
        let mut begin = Begin::default();
        begin.isolation = Some(level);
        begin.read_only = true;
        transact(connection.as_mut(), Transaction::Begin(begin)).expect("begins");
        let rows = read(
            connection.as_mut(),
            "SELECT current_setting('transaction_isolation'), current_setting('transaction_read_only')",
            &[],
            &[ValueType::Text, ValueType::Text],
        );
        let expected = [
            Value::Text(level.as_sql().to_lowercase()),
            Value::Text("on".into()),
        ];
        assert_eq!(rows.expect("reads"), [expected]);
        transact(connection.as_mut(), Transaction::Rollback).expect("ends");
    }
}

/// The server answers COMMIT with a rollback that looks like success.
fn a_failed_one_does_not_commit(server: &Server) {
    let Fixture {
        mut connection,
        database: _database,
    } = fixture(server);
    let connection = connection.as_mut();
    execute(connection, "CREATE TABLE t (id bigint)").expect("creates");
    begin(connection);
    write(connection, "INSERT INTO t VALUES (1)", &[]).expect("inserts");
    write(connection, "SELECT nowhere", &[]).expect_err("no column");
    let error = transact(connection, Transaction::Commit).expect_err("nothing is committed");
    assert_eq!(error.native_code(), Some("25P02"), "{error}");
    assert_eq!(count(connection), 0);
    begin(connection);
    transact(connection, Transaction::Commit).expect("a new one is not affected");
}

fn a_commit_that_fails(server: &Server) {
    let Fixture {
        mut connection,
        database: _database,
    } = fixture(server);
    let connection = connection.as_mut();
    execute(
        connection,
        "CREATE TABLE t (id bigint PRIMARY KEY, up bigint CONSTRAINT t_up REFERENCES t DEFERRABLE INITIALLY DEFERRED)",
    )
    .expect("creates");
    begin(connection);
    write(connection, "INSERT INTO t VALUES (1, 2)", &[]).expect("waits for COMMIT");
    let error = transact(connection, Transaction::Commit).expect_err("no such row");
    assert_eq!(error.kind(), ErrorKind::ForeignKeyViolation, "{error}");
    assert_eq!(error.constraint_name(), Some("t_up"));
    assert_eq!(count(connection), 0);
}

fn a_dropped_connection_rolls_back(server: &Server) {
    let Fixture {
        mut connection,
        database,
    } = fixture(server);
    execute(connection.as_mut(), "CREATE TABLE t (id bigint)").expect("creates");
    let mut other = database.backend().connect().expect("connects");
    begin(other.as_mut());
    write(other.as_mut(), "INSERT INTO t VALUES (1)", &[]).expect("inserts");
    drop(other);
    execute(connection.as_mut(), "LOCK TABLE t").expect_err("only in a transaction");
    begin(connection.as_mut());
    execute(connection.as_mut(), "LOCK TABLE t").expect("nobody holds it");
    assert_eq!(count(connection.as_mut()), 0);
}

fn reset_rolls_back(server: &Server) {
    let Fixture {
        mut connection,
        database: _database,
    } = fixture(server);
    let connection = connection.as_mut();
    execute(connection, "CREATE TABLE t (id bigint)").expect("creates");
    connection.reset(false).expect("has nothing to do");
    begin(connection);
    write(connection, "INSERT INTO t VALUES (1)", &[]).expect("inserts");
    write(connection, "SELECT nowhere", &[]).expect_err("no column");
    connection.reset(false).expect("rolls back");
    assert_eq!(count(connection), 0);
}

fn reset_forgets_what_raw_sql_did(server: &Server) {
    let Fixture {
        mut connection,
        database,
    } = fixture(server);
    let connection = connection.as_mut();
    execute(connection, "CREATE TABLE t (id bigint)").expect("creates");
    assert_eq!(count(connection), 0);
    for text in [
        "BEGIN",
        "INSERT INTO t VALUES (1)",
        "SET search_path = public",
        "SET statement_timeout = '1h'",
        "CREATE TEMPORARY TABLE left_behind (id bigint)",
        "SELECT pg_advisory_lock(7142)",
        "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
        "LISTEN somewhere",
        "COMMIT",
        "BEGIN",
        "INSERT INTO left_behind VALUES (1)",
        "SET SESSION AUTHORIZATION pg_monitor",
    ] {
        let raw = Sql::new(StatementKind::Raw, text, [], []);
        connection.execute(&Statement::new(&raw, &[])).expect(text);
    }
    connection.reset(true).expect("resets");
    let rows = read(
        connection,
        "SELECT current_setting('search_path'), current_setting('statement_timeout'), \
         (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()) \
         + (SELECT count(*) FROM pg_cursors WHERE name = 'c') + (SELECT count(*) FROM pg_listening_channels()), \
         to_regclass('left_behind') IS NULL, current_user = session_user AND pg_has_role('pg_monitor', 'member')",
        &[],
        &[ValueType::Text, ValueType::Text, ValueType::I64, ValueType::Bool, ValueType::Bool],
    )
    .expect("reads");
    let expected = [
        Value::Text(format!("\"{}\"", database.name())),
        Value::Text("0".into()),
        Value::I64(0),
        Value::Bool(true),
        Value::Bool(true),
    ];
    assert_eq!(rows, [expected]);
    // Kept statements are kept, and a transaction can begin.
    assert_eq!(count(connection), 1);
    begin(connection);
    transact(connection, Transaction::Commit).expect("commits");
}
