//! Transactions, and what a connection is after its user gave it back.

use std::panic::{AssertUnwindSafe, catch_unwind};

use selfsame::backend::{Backend, Connection, Sql, Statement, StatementKind};
use selfsame::dialect::{Begin, Isolation, Transaction};
use selfsame::error::ErrorKind;
use selfsame::prelude::*;
use selfsame::value::{Value, ValueType};
use selfsame_postgres::Postgres;
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
        "transactions_a_commit_that_a_function_refuses",
        a_commit_that_a_function_refuses,
    ),
    (
        "transactions_a_dropped_connection_rolls_back",
        a_dropped_connection_rolls_back,
    ),
    ("transactions_reset_rolls_back", reset_rolls_back),
    (
        "transactions_reset_forgets_what_raw_sql_did",
        reset_forgets_what_raw_sql_did,
    ),
    (
        "transactions_ended_by_text_stay_ended",
        ended_by_text_stay_ended,
    ),
    ("transactions_go_back_by_text", go_back_by_text),
    (
        "transactions_that_failed_after_a_panic",
        that_failed_after_a_panic,
    ),
    (
        "transactions_whose_settings_are_refused",
        whose_settings_are_refused,
    ),
    (
        "transactions_of_one_statement_end_with_its_panic",
        of_one_statement_end_with_its_panic,
    ),
    ("transactions_reset_keeps_the_role", reset_keeps_the_role),
];

fn raw(connection: &mut dyn Connection, text: &str) -> selfsame::Result<u64> {
    let raw = Sql::new(StatementKind::Raw, text, [], []);
    Ok(connection.execute(&Statement::new(&raw, &[]))?.matched)
}

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

/// A name that the schema holds is no value, and one that a row gave is not shown.
fn a_commit_that_a_function_refuses(server: &Server) {
    let Fixture {
        mut connection,
        database: _database,
    } = fixture(server);
    let connection = connection.as_mut();
    execute(
        connection,
        "CREATE TABLE t (id bigint, name text); \
         CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             RAISE EXCEPTION 'no %', NEW.name USING ERRCODE = '23514', CONSTRAINT = coalesce(NEW.name, 'own_rule'); END $$; \
         CREATE CONSTRAINT TRIGGER late AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()",
    )
    .expect("creates");
    for (insert, constraint) in [
        ("INSERT INTO t VALUES (1)", Some("own_rule")),
        ("INSERT INTO t VALUES (1, 'secret')", None),
    ] {
        begin(connection);
        write(connection, insert, &[]).expect("waits for COMMIT");
        let at_commit = transact(connection, Transaction::Commit).expect_err("refused");
        let alone = write(connection, insert, &[]).expect_err("refused");
        for error in [at_commit, alone] {
            assert_eq!(error.kind(), ErrorKind::CheckViolation, "{error}");
            assert_eq!(error.constraint_name(), constraint, "{error}");
        }
        assert_eq!(count(connection), 0, "the connection can be used");
    }
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
        "PREPARE transaction AS SELECT 1",
        "PREPARE \"its \"\"own\"\"; name\" (int) AS SELECT $1",
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
         + (SELECT count(*) FROM pg_cursors WHERE name = 'c') + (SELECT count(*) FROM pg_listening_channels()) \
         + (SELECT count(*) FROM pg_prepared_statements WHERE from_sql), \
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

fn ended_by_text_stay_ended(server: &Server) {
    let Fixture {
        mut connection,
        database: _database,
    } = fixture(server);
    let connection = connection.as_mut();
    execute(connection, "CREATE TABLE t (id bigint)").expect("creates");
    for (text, kept) in [
        ("COMMIT", true),
        ("/* a */ end", true),
        ("COMMIT AND CHAIN", true),
        ("ROLLBACK", false),
        ("rollback and chain", false),
        ("ABORT", false),
    ] {
        for commits in [false, true] {
            begin(connection);
            write(connection, "INSERT INTO t VALUES (1)", &[]).expect("inserts");
            raw(connection, text).expect(text);
            for _ in 0..2 {
                let error = write(connection, "INSERT INTO t VALUES (2)", &[]).expect_err(text);
                assert_eq!(error.kind(), ErrorKind::PendingRollback, "{text}: {error}");
            }
            let error = transact(connection, Transaction::Savepoint("s")).expect_err(text);
            assert_eq!(error.kind(), ErrorKind::PendingRollback, "{text}: {error}");
            if commits {
                let error = transact(connection, Transaction::Commit).expect_err(text);
                assert_eq!(error.kind(), ErrorKind::PendingRollback, "{text}: {error}");
            } else {
                transact(connection, Transaction::Rollback).expect("rolls back");
            }
            assert_eq!(count(connection), i64::from(kept), "{text}");
            execute(connection, "DELETE FROM t").expect("deletes");
        }
    }
    // One that fails has ended the transaction too.
    execute(
        connection,
        "ALTER TABLE t ADD UNIQUE (id) DEFERRABLE INITIALLY DEFERRED",
    )
    .expect("alters");
    begin(connection);
    write(connection, "INSERT INTO t VALUES (1), (1)", &[]).expect("waits");
    raw(connection, "COMMIT").expect_err("twice the same");
    write(connection, "INSERT INTO t VALUES (2)", &[]).expect_err("nothing is open");
    transact(connection, Transaction::Rollback).expect("rolls back");
    assert_eq!(count(connection), 0);
    begin(connection);
    write(connection, "INSERT INTO t VALUES (3)", &[]).expect("inserts");
    transact(connection, Transaction::Commit).expect("commits");
    assert_eq!(count(connection), 1);
}

fn go_back_by_text(server: &Server) {
    let Fixture {
        mut connection,
        database: _database,
    } = fixture(server);
    let connection = connection.as_mut();
    execute(connection, "CREATE TABLE t (id bigint)").expect("creates");
    begin(connection);
    write(connection, "INSERT INTO t VALUES (1)", &[]).expect("inserts");
    raw(connection, "SAVEPOINT a").expect("marks");
    write(connection, "SELECT nowhere", &[]).expect_err("no column");
    raw(connection, "ROLLBACK TO SAVEPOINT a").expect("goes back");
    write(connection, "INSERT INTO t VALUES (2)", &[]).expect("inserts");
    transact(connection, Transaction::Commit).expect("commits");
    assert_eq!(count(connection), 2);
}

/// The failure of a statement was not read, and the server would answer COMMIT with a rollback.
fn that_failed_after_a_panic(server: &Server) {
    let database = server.database().expect("a database");
    let engine = Engine::new(database.backend()).pool_size(1);
    let mut direct = database.backend().connect().expect("connects");
    execute(direct.as_mut(), "CREATE TABLE t (id bigint)").expect("creates");
    let insert = Sql::new(StatementKind::Insert, "INSERT INTO t VALUES (1)", [], []);
    for (divisor, fails) in [(50_000, true), (-1, false)] {
        let text = format!("SELECT 1 / ({divisor} - g) FROM generate_series(1, 100000) AS g");
        let rows = Sql::new(StatementKind::Select, text, [], [ValueType::I32]);
        let mut connection = engine.connect().expect("connects");
        connection.begin(Begin::default()).expect("begins");
        connection.execute(&insert, &[]).expect("inserts");
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            connection.query(&rows, &[], &mut |_| panic!("on purpose"))
        }));
        assert!(panicked.is_err());
        let committed = connection.commit();
        assert_eq!(committed.is_err(), fails, "{committed:?}");
        drop(connection);
        assert_eq!(count(direct.as_mut()), i64::from(!fails));
    }
}

/// Behind a transaction pooler the settings follow BEGIN, whose transaction is open when one of them is refused.
fn whose_settings_are_refused(server: &Server) {
    let database = server.database().expect("a database");
    let mut direct = database.backend().connect().expect("connects");
    let role = format!("{}_role", database.name());
    execute(direct.as_mut(), &format!("CREATE ROLE {role} SUPERUSER")).expect("creates");
    let sign = sign_of(&database.url());
    let url = format!(
        "{}{sign}pooler=transaction&options=-c%20role%3D{role}",
        database.url()
    );
    let backend = Postgres::url(&url).expect("a URL").schema(database.name());
    let mut pooled = backend.connect().expect("connects");
    execute(pooled.as_mut(), "CREATE TABLE t (id bigint)").expect("creates");
    execute(
        direct.as_mut(),
        &format!("REASSIGN OWNED BY {role} TO CURRENT_USER; DROP ROLE {role}"),
    )
    .expect("drops");
    transact(pooled.as_mut(), Transaction::Begin(Begin::default())).expect_err("no such role");
    write(pooled.as_mut(), "INSERT INTO t VALUES (1)", &[]).expect_err("no such role");
    execute(direct.as_mut(), &format!("CREATE ROLE {role} SUPERUSER")).expect("creates");
    pooled.reset(false).expect("resets");
    write(pooled.as_mut(), "INSERT INTO t VALUES (1)", &[]).expect("inserts");
    begin(pooled.as_mut());
    transact(pooled.as_mut(), Transaction::Commit).expect("commits");
    assert_eq!(count(direct.as_mut()), 1);
    drop(pooled);
    execute(direct.as_mut(), &format!("DROP ROLE {role}")).expect("drops");
}

fn of_one_statement_end_with_its_panic(server: &Server) {
    let database = server.database().expect("a database");
    let mut direct = database.backend().connect().expect("connects");
    execute(direct.as_mut(), "CREATE TABLE t (id bigint)").expect("creates");
    let sign = sign_of(&database.url());
    let url = format!("{}{sign}pooler=transaction", database.url());
    let backend = Postgres::url(&url).expect("a URL").schema(database.name());
    let mut pooled = backend.connect().expect("connects");
    let rows = Sql::new(
        StatementKind::Select,
        "SELECT g FROM generate_series(1, 1000) AS g",
        [],
        [ValueType::I32],
    );
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        pooled.query(&Statement::new(&rows, &[]), &mut |_| panic!("on purpose"))
    }));
    assert!(panicked.is_err());
    write(pooled.as_mut(), "INSERT INTO t VALUES (1)", &[]).expect("commits itself");
    assert_eq!(count(direct.as_mut()), 1);
}

/// Every statement runs under the role that the administrator set for the user, whoever used the connection before.
fn reset_keeps_the_role(server: &Server) {
    let database = server.database().expect("a database");
    let mut direct = database.backend().connect().expect("connects");
    let name = database.name();
    for text in [
        format!("CREATE ROLE {name}_app"),
        format!("CREATE ROLE {name}_login LOGIN PASSWORD 'l' IN ROLE {name}_app"),
        format!("GRANT USAGE ON SCHEMA {name} TO {name}_app, {name}_login"),
        format!("ALTER ROLE {name}_login SET role = '{name}_app'"),
    ] {
        execute(direct.as_mut(), &text).expect(&text);
    }
    let url = database.url();
    let (before, rest) = url.split_once("://").expect("a URL");
    let (_, place) = rest.rsplit_once('@').expect("a user");
    let backend = Postgres::url(&format!("{before}://{name}_login:l@{place}"));
    let mut connection = backend
        .expect("a URL")
        .schema(name)
        .connect()
        .expect("connects");
    let role = |connection: &mut dyn Connection| {
        read(
            connection,
            "SELECT current_user::text",
            &[],
            &[ValueType::Text],
        )
        .expect("reads")
    };
    let expected = [[Value::Text(format!("{name}_app"))]];
    assert_eq!(role(connection.as_mut()), expected);
    raw(connection.as_mut(), "SELECT 1").expect("reads");
    connection.reset(true).expect("resets");
    assert_eq!(role(connection.as_mut()), expected);
    raw(connection.as_mut(), "RESET ROLE; SET ROLE NONE").expect_err("one statement at a time");
    raw(connection.as_mut(), "SET ROLE NONE").expect("sets");
    connection.reset(true).expect("resets");
    assert_eq!(role(connection.as_mut()), expected);
    drop(connection);
    let gone =
        format!("DROP OWNED BY {name}_login, {name}_app; DROP ROLE {name}_login, {name}_app");
    execute(direct.as_mut(), &gone).expect("drops");
}

fn sign_of(url: &str) -> char {
    if url.contains('?') { '&' } else { '?' }
}
