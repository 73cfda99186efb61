//! Limits of a server: packets, prepared statements, time, and killed connections.

use std::time::{Duration, Instant};

use selfsame::ErrorKind;
use selfsame::backend::{Backend, Sql, Statement, StatementKind};
use selfsame::dialect::{Begin, Transaction};
use selfsame::prelude::*;
use selfsame::value::{Param, ValueRef, ValueType};

use crate::support::{all, begin, database, number, own_server, raw, transact};

#[derive(Entity, Clone, Debug)]
#[orm(table = "notes")]
struct Note {
    #[orm(primary_key)]
    id: Auto<i64>,
    body: String,
}

#[test]
fn packets() {
    let Some(server) = own_server(&["--max-allowed-packet=1M"]) else {
        return;
    };
    let database = server.database().expect("a database");
    let engine = Engine::new(database.backend());
    metadata![Note].create_all(&engine).expect("creates");
    let mut session = Session::new(&engine);
    session.add(Note::new("x".repeat(3 << 20)));
    let error = session.commit().expect_err("too long");
    assert_eq!(error.kind(), ErrorKind::OutOfRange, "{error}");
    session.rollback().expect("rolls back");
    session.clear();
    assert_eq!(Note::query().count(&mut session).expect("counts"), 0);
    session.add_all(
        (0..1_000)
            .map(|_| Note::new("y".repeat(2_000)))
            .collect::<Vec<_>>(),
    );
    session.commit().expect("each of them fits");
    assert_eq!(Note::query().count(&mut session).expect("counts"), 1_000);
}

#[test]
fn prepared_statements() {
    let Some(server) = own_server(&[]) else {
        return;
    };
    let database = server.database().expect("a database");
    let mut admin = database.backend().connect().expect("connects");
    raw(&mut *admin, "SET GLOBAL max_prepared_stmt_count = 20").expect("sets");
    let [mut one, mut other] = [(); 2].map(|()| database.backend().connect().expect("connects"));
    for n in 0..100 {
        let sql = Sql::new(
            StatementKind::Select,
            format!("SELECT {n} + ?"),
            [ValueType::I64],
            [ValueType::I64],
        );
        let params = [Param::Ref(ValueRef::I64(1))];
        // The other connection keeps a few statements prepared.
        if n < 5 {
            other.execute(&Statement::new(&sql, &params)).expect("runs");
        }
        one.execute(&Statement::new(&sql, &params)).expect("runs");
    }
}

/// A long statement is not kept prepared, so the server's memory does not grow with the lengths of lists.
#[test]
fn long_lists() {
    let Some(server) = own_server(&[]) else {
        return;
    };
    let database = server.database().expect("a database");
    let engine = Engine::new(database.backend());
    metadata![Note].create_all(&engine).expect("creates");
    let mut session = Session::new(&engine);
    session.add_all(
        (0..100)
            .map(|n| Note::new(n.to_string()))
            .collect::<Vec<_>>(),
    );
    session.commit().expect("commits");
    for size in 5_000..5_020_i64 {
        let listed = Note::query().filter(Note::ID.in_(1..=size));
        assert_eq!(listed.count(&mut session).expect("counts"), 100);
    }
    let mut connection = database.backend().connect().expect("connects");
    let kept = "SELECT CAST(variable_value AS SIGNED) FROM information_schema.global_status \
        WHERE variable_name = 'PREPARED_STMT_COUNT'";
    let kept = number(&mut *connection, kept).expect("a number");
    assert!(kept < 10, "{kept} statements are kept");
}

#[test]
fn a_killed_transaction_is_gone() {
    let Some(database) = database() else { return };
    all(&database, &["CREATE TABLE t (id INT PRIMARY KEY)"]);
    let mut connection = database.backend().connect().expect("connects");
    let mut other = database.backend().connect().expect("connects");
    let id = number(&mut *connection, "SELECT CONNECTION_ID()").expect("an id");
    begin(&mut *connection);
    raw(&mut *connection, "INSERT INTO t VALUES (1)").expect("inserts");
    raw(&mut *other, &format!("KILL {id}")).expect("kills");
    let error = raw(&mut *connection, "INSERT INTO t VALUES (2)").expect_err("killed");
    assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error}");
    let error = transact(&mut *connection, Transaction::Commit).expect_err("killed");
    assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error}");
    assert!(error.is_unsent(), "nothing was sent");
    assert_eq!(number(&mut *other, "SELECT COUNT(*) FROM t"), Some(0));
}

/// A COMMIT that the server never received is reported as not committed.
#[test]
fn what_a_killed_connection_would_commit_is_known_to_be_gone() {
    let Some(database) = database() else { return };
    let engine = Engine::new(database.backend());
    metadata![Note].create_all(&engine).expect("creates");
    let mut other = database.backend().connect().expect("connects");
    let insert = Sql::new(
        StatementKind::Insert,
        "INSERT INTO notes (body) VALUES ('a')",
        [],
        [],
    );
    for in_transaction in [true, false] {
        let mut connection = engine.connect().expect("connects");
        let mut id = 0;
        let statement = Sql::new(
            StatementKind::Select,
            "SELECT CONNECTION_ID()",
            [],
            [ValueType::I64],
        );
        connection
            .query(&statement, &[], &mut |row| {
                id = row.i64(0)?.unwrap_or_default();
                Ok(())
            })
            .expect("an id");
        if in_transaction {
            connection.begin(Begin::default()).expect("begins");
            connection.execute(&insert, &[]).expect("inserts");
        }
        raw(&mut *other, &format!("KILL {id}")).expect("kills");
        let alive = format!("SELECT COUNT(*) FROM information_schema.processlist WHERE id = {id}");
        while number(&mut *other, &alive) != Some(0) {
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_millis(100));
        let ended = match in_transaction {
            true => connection.commit(),
            false => connection.execute(&insert, &[]).map(drop),
        };
        let error = ended.expect_err("is gone");
        assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error}");
        drop(connection);
        assert_eq!(number(&mut *other, "SELECT COUNT(*) FROM notes"), Some(0));
    }
}

#[test]
fn a_connection_that_was_idle_too_long_is_replaced() {
    let Some(server) = own_server(&["--wait-timeout=1"]) else {
        return;
    };
    let database = server.database().expect("a database");
    let engine = Engine::new(database.backend());
    metadata![Note].create_all(&engine).expect("creates");
    for round in 0..2 {
        let mut session = Session::new(&engine);
        session.add(Note::new("a"));
        session.commit().expect("commits");
        assert_eq!(
            Note::query().count(&mut session).expect("counts"),
            round + 1
        );
        drop(session);
        std::thread::sleep(Duration::from_millis(2_500));
    }
}

#[test]
fn what_runs_is_interrupted() {
    let Some(database) = database() else { return };
    let mut connection = database.backend().connect().expect("connects");
    let mut other = database.backend().connect().expect("connects");
    let id = number(&mut *connection, "SELECT CONNECTION_ID()").expect("an id");
    let interrupter = connection.interrupter().expect("can be interrupted");
    let begun = Instant::now();
    let interrupting = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        interrupter.interrupt();
        interrupter
    });
    let error = raw(&mut *connection, "SELECT SLEEP(60)").expect_err("interrupted");
    assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error}");
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert!(!connection.is_open());
    let alive = format!("SELECT COUNT(*) FROM information_schema.processlist WHERE id = {id}");
    while number(&mut *other, &alive) != Some(0) {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "it still runs on the server"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(connection);
    interrupting.join().expect("interrupts").interrupt();
}

#[test]
fn a_read_only_server_says_so() {
    let Some(server) = own_server(&[]) else {
        return;
    };
    let database = server.database().expect("a database");
    all(
        &database,
        &[
            "CREATE TABLE t (id INT PRIMARY KEY)",
            "CREATE USER reader IDENTIFIED BY 'r'",
            "GRANT SELECT, INSERT ON *.* TO reader",
            "SET GLOBAL read_only = 1",
        ],
    );
    let url = database.url();
    let (before, rest) = url.split_once("://").expect("a URL");
    let (_, place) = rest.rsplit_once('@').expect("a user");
    let backend = selfsame_mariadb::MariaDb::url(&format!("{before}://reader:r@{place}"));
    let mut reader = backend.expect("a URL").connect().expect("connects");
    let error = raw(&mut *reader, "INSERT INTO t VALUES (1)").expect_err("read-only");
    assert_eq!(error.kind(), ErrorKind::ReadOnly, "{error}");
}

#[test]
fn a_subquery_of_several_rows_is_not_a_violation() {
    let Some(database) = database() else { return };
    let mut connection = database.backend().connect().expect("connects");
    let error = raw(&mut *connection, "SELECT (SELECT 1 UNION SELECT 2)").expect_err("two rows");
    assert_ne!(error.kind(), ErrorKind::UniqueViolation, "{error}");
}
