//! Each class of native error: its kind, its context, and no value.

use std::time::Duration;

use selfsame::backend::{Backend, Connection};
use selfsame::dialect::{Begin, Isolation, Transaction};
use selfsame::prelude::*;
use selfsame::value::{Param, ValueRef, ValueType};
use selfsame_postgres::testing::Server;

use crate::support::{Case, Fixture, begin, execute, fixture, i64s, read, shown, transact, write};

pub(crate) const CASES: &[Case] = &[
    ("errors_constraints", constraints),
    ("errors_show_no_values", show_no_values),
    ("errors_statements", statements),
    (
        "errors_hints_of_rows_of_one_table",
        hints_of_rows_of_one_table,
    ),
    (
        "errors_leave_the_connection_usable",
        leave_the_connection_usable,
    ),
    ("errors_lock_timeout_is_busy", lock_timeout_is_busy),
    (
        "errors_statement_timeout_is_busy",
        statement_timeout_is_busy,
    ),
    (
        "errors_serialization_can_be_retried",
        serialization_can_be_retried,
    ),
    ("errors_deadlock_can_be_retried", deadlock_can_be_retried),
    ("errors_read_only", read_only),
    (
        "errors_killed_connection_is_lost",
        killed_connection_is_lost,
    ),
];

const MARKER: &str = "marker-7142";

#[derive(Entity, Clone, Debug)]
#[orm(table = "workers")]
struct Worker {
    #[orm(primary_key)]
    id: i64,
    #[orm(references = "workers.id")]
    boss_id: Option<i64>,
}

/// The named constraint is one of the row's own, and one of those that refer to it: which is meant follows from the statement.
fn hints_of_rows_of_one_table(server: &Server) {
    let database = server.database().expect("a database");
    let engine = Engine::new(database.backend());
    metadata![Worker].create_all(&engine).expect("creates");
    let mut session = Session::new(&engine);
    session.add(Worker::new(1));
    session.add(Worker {
        boss_id: Some(1),
        ..Worker::new(2)
    });
    session.commit().expect("commits");
    let mut hint = |work: &dyn Fn(&mut Session) -> Result<(), Error>| {
        let error = work(&mut session).expect_err("a violated foreign key");
        session.rollback().expect("rolls back");
        error.hint_text().expect("a hint").to_owned()
    };
    let own = "`boss_id` must refer to a row of `workers`";
    let inserted = hint(&|session| {
        session.add(Worker {
            boss_id: Some(77),
            ..Worker::new(3)
        });
        session.flush()
    });
    assert_eq!(inserted, own);
    let changed = hint(&|session| {
        let all = Worker::query().update();
        all.set(Worker::BOSS_ID, 77).execute(session).map(drop)
    });
    assert_eq!(changed, own);
    let first = Worker::query().filter(Worker::ID.eq(1));
    let deleted = hint(&|session| first.clone().delete().execute(session).map(drop));
    assert_eq!(
        deleted,
        "a row may still refer to it, of `workers` by `boss_id`; delete such rows first, or set a `cascade`"
    );
}

fn people(connection: &mut dyn Connection) {
    execute(
        connection,
        "CREATE TABLE people (id bigint PRIMARY KEY, name varchar(20) NOT NULL CONSTRAINT people_name_key UNIQUE, \
         age smallint CONSTRAINT people_age_check CHECK (age >= 0), \
         boss bigint CONSTRAINT people_boss_fkey REFERENCES people (id))",
    )
    .expect("creates");
}

fn insert(
    connection: &mut dyn Connection,
    id: i64,
    name: ValueRef<'_>,
    age: i16,
    boss: ValueRef<'_>,
) -> Result<u64, Error> {
    write(
        connection,
        "INSERT INTO people (id, name, age, boss) VALUES ($1, $2, $3, $4)",
        &[
            (ValueType::I64, Param::Ref(ValueRef::I64(id))),
            (ValueType::Text, Param::Ref(name)),
            (ValueType::I16, Param::Ref(ValueRef::I16(age))),
            (ValueType::I64, Param::Ref(boss)),
        ],
    )
}

fn constraints(server: &Server) {
    let Fixture {
        mut connection,
        database: _database,
    } = fixture(server);
    let connection = connection.as_mut();
    people(connection);
    let name = ValueRef::Text(MARKER);
    insert(connection, 1, name, 1, ValueRef::Null).expect("inserts");
    let check = |error: Error, kind, constraint: Option<&str>, column: Option<&str>, code| {
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(error.entity_name(), Some("people"), "{error}");
        assert_eq!(error.constraint_name(), constraint, "{error}");
        assert_eq!(error.column_name(), column, "{error}");
        assert_eq!(error.native_code(), Some(code), "{error}");
        assert!(
            error
                .statement_text()
                .is_some_and(|text| text.contains("$1")),
            "{error}"
        );
        assert!(!shown(&error).contains(MARKER), "{error:?}");
    };
    check(
        insert(connection, 2, name, 1, ValueRef::Null).expect_err("twice"),
        ErrorKind::UniqueViolation,
        Some("people_name_key"),
        None,
        "23505",
    );
    check(
        insert(connection, 2, ValueRef::Null, 1, ValueRef::Null).expect_err("no name"),
        ErrorKind::NotNullViolation,
        None,
        Some("name"),
        "23502",
    );
    check(
        insert(connection, 2, ValueRef::Text("b"), -1, ValueRef::Null).expect_err("no age"),
        ErrorKind::CheckViolation,
        Some("people_age_check"),
        None,
        "23514",
    );
    check(
        insert(connection, 2, ValueRef::Text("b"), 1, ValueRef::I64(99)).expect_err("no boss"),
        ErrorKind::ForeignKeyViolation,
        Some("people_boss_fkey"),
        None,
        "23503",
    );
}

fn show_no_values(server: &Server) {
    let Fixture {
        mut connection,
        database: _database,
    } = fixture(server);
    let connection = connection.as_mut();
    people(connection);
    execute(
        connection,
        "CREATE FUNCTION complain(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no %', $1; END $$",
    )
    .expect("creates");
    execute(
        connection,
        "CREATE FUNCTION pretend(text) RETURNS text LANGUAGE plpgsql \
         AS $$ BEGIN RAISE EXCEPTION 'no %', $1 USING ERRCODE = '42501', CONSTRAINT = 'c'; END $$",
    )
    .expect("creates");
    let long = MARKER.repeat(3);
    for (text, value, kind) in [
        ("SELECT $1::integer", MARKER, ErrorKind::OutOfRange),
        ("SELECT $1::date", MARKER, ErrorKind::OutOfRange),
        ("SELECT $1::uuid", MARKER, ErrorKind::OutOfRange),
        ("SELECT $1::jsonb", MARKER, ErrorKind::OutOfRange),
        (
            "SELECT ($1 || '9999999999')::smallint",
            "7142",
            ErrorKind::OutOfRange,
        ),
        (
            "INSERT INTO people (id, name) VALUES (1, $1)",
            &long,
            ErrorKind::OutOfRange,
        ),
        ("SELECT complain($1)", MARKER, ErrorKind::Database),
        ("SELECT pretend($1)", MARKER, ErrorKind::Database),
    ] {
        let error = write(
            connection,
            text,
            &[(ValueType::Text, Param::Ref(ValueRef::Text(value)))],
        )
        .expect_err(text);
        assert_eq!(error.kind(), kind, "{error}");
        assert!(!shown(&error).contains("7142"), "{error:?}");
    }
    let error = write(
        connection,
        "SELECT $1",
        &[(ValueType::Text, Param::Ref(ValueRef::Text("marker-7142\0")))],
    )
    .expect_err("NUL");
    assert_eq!(error.kind(), ErrorKind::OutOfRange);
    assert!(!shown(&error).contains(MARKER));
    assert_eq!(
        read(connection, "SELECT 1", &[], &[ValueType::I32])
            .expect("works")
            .len(),
        1
    );
}

fn statements(server: &Server) {
    let Fixture {
        mut connection,
        database: _database,
    } = fixture(server);
    for (text, kind, code) in [
        ("SELEC 1", ErrorKind::InvalidStatement, "42601"),
        ("SELECT nowhere", ErrorKind::InvalidStatement, "42703"),
        ("SELECT * FROM nowhere", ErrorKind::NoSuchTable, "42P01"),
        ("SELECT 1 / 0", ErrorKind::OutOfRange, "22012"),
        ("SELECT 2147483647 + 1", ErrorKind::OutOfRange, "22003"),
        ("SELECT 1; SELECT 2", ErrorKind::InvalidStatement, "42601"),
    ] {
        let error = write(connection.as_mut(), text, &[]).expect_err(text);
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(error.native_code(), Some(code), "{error}");
        assert_eq!(error.statement_text(), Some(text));
    }
    let error = write(
        connection.as_mut(),
        "SELECT $1::bigint + $2::bigint",
        &[(ValueType::I64, Param::Ref(ValueRef::Null))],
    )
    .expect_err("one parameter is missing");
    assert_eq!(error.kind(), ErrorKind::InvalidStatement, "{error}");
    assert!(error.message().contains("2 parameters"), "{error}");
}

fn leave_the_connection_usable(server: &Server) {
    let Fixture {
        mut connection,
        database: _database,
    } = fixture(server);
    let connection = connection.as_mut();
    people(connection);
    begin(connection);
    transact(connection, Transaction::Savepoint("s")).expect("marks");
    write(connection, "SELECT nowhere", &[]).expect_err("no column");
    let error = write(connection, "SELECT 1", &[]).expect_err("the transaction failed");
    assert_eq!(error.native_code(), Some("25P02"));
    transact(connection, Transaction::RollbackTo("s")).expect("goes back");
    insert(connection, 1, ValueRef::Text("a"), 1, ValueRef::Null).expect("inserts");
    transact(connection, Transaction::Commit).expect("commits");
    let rows = read(connection, "SELECT id FROM people", &[], &[ValueType::I64]);
    assert_eq!(i64s(&rows.expect("reads")), [1]);
}

fn lock_timeout_is_busy(server: &Server) {
    let Fixture {
        mut connection,
        database,
    } = fixture(server);
    people(connection.as_mut());
    begin(connection.as_mut());
    execute(connection.as_mut(), "LOCK TABLE people").expect("locks");
    let backend = database.backend().lock_timeout(Duration::from_millis(100));
    let mut other = backend.connect().expect("connects");
    let error = read(
        other.as_mut(),
        "SELECT id FROM people",
        &[],
        &[ValueType::I64],
    )
    .expect_err("locked");
    assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
}

fn statement_timeout_is_busy(server: &Server) {
    let database = server.database().expect("a database");
    let backend = database
        .backend()
        .statement_timeout(Duration::from_millis(100));
    let mut connection = backend.connect().expect("connects");
    let error = write(connection.as_mut(), "SELECT pg_sleep(5)", &[]).expect_err("too long");
    assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
}

fn serialization_can_be_retried(server: &Server) {
    let Fixture {
        mut connection,
        database,
    } = fixture(server);
    people(connection.as_mut());
    insert(
        connection.as_mut(),
        1,
        ValueRef::Text("a"),
        1,
        ValueRef::Null,
    )
    .expect("inserts");
    let mut begin = Begin::default();
    begin.isolation = Some(Isolation::RepeatableRead);
    let mut other = database.backend().connect().expect("connects");
    transact(other.as_mut(), Transaction::Begin(begin)).expect("begins");
    read(
        other.as_mut(),
        "SELECT id FROM people",
        &[],
        &[ValueType::I64],
    )
    .expect("takes its snapshot");
    write(connection.as_mut(), "UPDATE people SET age = 2", &[]).expect("updates");
    let error =
        write(other.as_mut(), "UPDATE people SET age = 3", &[]).expect_err("changed meanwhile");
    assert_eq!(error.kind(), ErrorKind::Serialization, "{error}");
    assert!(error.is_retryable());
}

fn deadlock_can_be_retried(server: &Server) {
    let Fixture {
        mut connection,
        database,
    } = fixture(server);
    people(connection.as_mut());
    for (id, name) in [(1, "a"), (2, "b")] {
        insert(
            connection.as_mut(),
            id,
            ValueRef::Text(name),
            1,
            ValueRef::Null,
        )
        .expect("inserts");
    }
    let lock = |connection: &mut dyn Connection, id: i64| {
        let update = "UPDATE people SET age = 3 WHERE id = $1";
        write(
            connection,
            update,
            &[(ValueType::I64, Param::Ref(ValueRef::I64(id)))],
        )
    };
    let backend = database.backend().lock_timeout(Duration::from_secs(30));
    let mut one = backend.connect().expect("connects");
    let mut other = backend.connect().expect("connects");
    begin(one.as_mut());
    begin(other.as_mut());
    lock(one.as_mut(), 1).expect("locks");
    lock(other.as_mut(), 2).expect("locks");
    let errors: Vec<Error> = std::thread::scope(|scope| {
        let crossing = scope.spawn(|| lock(one.as_mut(), 2).err());
        let here = lock(other.as_mut(), 1).err();
        drop(other);
        [here, crossing.join().expect("no panic")]
            .into_iter()
            .flatten()
            .collect()
    });
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].kind(), ErrorKind::Deadlock, "{}", errors[0]);
    assert!(errors[0].is_retryable() && !shown(&errors[0]).contains("Process"));
}

fn read_only(server: &Server) {
    let Fixture {
        mut connection,
        database: _database,
    } = fixture(server);
    let connection = connection.as_mut();
    people(connection);
    let mut begin = Begin::default();
    begin.read_only = true;
    transact(connection, Transaction::Begin(begin)).expect("begins");
    let error =
        insert(connection, 1, ValueRef::Text("a"), 1, ValueRef::Null).expect_err("only reads");
    assert_eq!(error.kind(), ErrorKind::ReadOnly, "{error}");
}

fn killed_connection_is_lost(server: &Server) {
    let Fixture {
        mut connection,
        database,
    } = fixture(server);
    let kill = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{}' AND pid <> pg_backend_pid()",
        database.name()
    );
    for noticed_idle in [false, true] {
        let mut victim = database.backend().connect().expect("connects");
        assert!(victim.is_open());
        write(victim.as_mut(), "SELECT 1", &[]).expect("works");
        write(connection.as_mut(), &kill, &[]).expect("kills");
        if noticed_idle {
            // The server's message takes a moment to arrive.
            let gone = (0..100).any(|_| {
                std::thread::sleep(Duration::from_millis(10));
                !victim.is_open()
            });
            assert!(gone, "nobody noticed");
        }
        let error = write(victim.as_mut(), "SELECT 1", &[]).expect_err("killed");
        assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error}");
        assert!(!victim.is_open());
        let error = write(victim.as_mut(), "SELECT 1", &[]).expect_err("killed");
        assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error}");
        victim.reset(true).expect_err("of no further use");
    }
}
