//! Opening, settings, resetting.

use std::fs;
use std::sync::Barrier;
use std::time::Duration;

use selfsame::ErrorKind as K;
use selfsame::backend::{Backend as _, Sql, Statement, StatementKind};
use selfsame::value::{Value, ValueType as T};

use crate::support::*;

fn unreachable(backend: &Sqlite, reason: &str) {
    let error = backend.connect().expect_err(reason);
    assert_eq!(error.kind(), K::Unreachable, "{error}");
    assert!(error.message().contains(reason), "{error}");
    assert!(error.message().contains("x.db"), "{error}");
}

#[test]
fn what_cannot_be_opened_says_why() {
    let database = TempDatabase::new().expect("a directory");
    let directory = database.directory();
    unreachable(
        &Sqlite::file(directory.join("nowhere/x.db")),
        "the directory",
    );
    unreachable(
        &Sqlite::file(directory.join("x.db")).read_only(),
        "the file does not exist",
    );
    unreachable(
        &Sqlite::file(directory.join("x.db")).must_exist(),
        "the file does not exist",
    );
    assert!(!directory.join("x.db").exists());
    fs::write(
        directory.join("x.db"),
        "this is a text and no database at all. ".repeat(50),
    )
    .expect("a file");
    unreachable(
        &Sqlite::file(directory.join("x.db")),
        "file is not a database",
    );
    unreachable(
        &Sqlite::file(directory.join("x.db")).read_only(),
        "file is not a database",
    );
    fs::create_dir(directory.join("dir-x.db")).expect("a directory");
    unreachable(
        &Sqlite::file(directory.join("dir-x.db")),
        "it is a directory",
    );
}

#[test]
fn a_path_is_a_path() {
    let database = TempDatabase::new().expect("a directory");
    for name in ["file:x.db", "a?mode=memory", "100%.db", "é ü.db"] {
        let path = database.directory().join(name);
        let mut session = Sqlite::file(&path).connect().expect("a connection");
        run(&mut session, "CREATE TABLE t (v)", &[]);
        assert!(path.exists(), "{name}");
    }
    let folder = format!("{}/", database.directory().join("folder").display());
    for special in ["", ":memory:", &folder] {
        let error = Sqlite::file(special).connect().expect_err("no path");
        assert_eq!(error.kind(), K::Configuration);
    }
}

#[test]
fn creating_a_backend_does_not_touch_the_file() {
    let database = TempDatabase::new().expect("a directory");
    let backend = database.backend();
    assert!(!database.path().exists());
    drop(backend.connect().expect("a connection"));
    assert!(database.path().exists());
    let directory = database.directory().to_owned();
    drop(database);
    assert!(!directory.exists());
}

#[test]
fn every_connection_is_set_up() {
    let database = TempDatabase::new().expect("a directory");
    for backend in [database.backend(), Sqlite::memory()] {
        let backend = backend.synchronous(selfsame_sqlite::Synchronous::Normal);
        for _ in 0..2 {
            let mut session = backend.connect().expect("a connection");
            assert_eq!(
                integer(&mut session, "SELECT foreign_keys FROM pragma_foreign_keys"),
                1
            );
            assert_eq!(
                integer(&mut session, "SELECT synchronous FROM pragma_synchronous"),
                1
            );
            assert_eq!(integer(&mut session, "SELECT 'A' LIKE 'a'"), 1);
            assert_eq!(
                integer(&mut session, "SELECT '10' > '9' COLLATE decimal"),
                1
            );
        }
    }
    let mut session = database.backend().connect().expect("a connection");
    let mode = one(
        &mut session,
        "SELECT journal_mode FROM pragma_journal_mode",
        T::Text,
    );
    assert_eq!(mode, Value::Text("wal".into()));
}

#[test]
fn a_lock_may_be_waited_for_for_ever() {
    let database = TempDatabase::new().expect("a directory");
    let backend = database.backend().busy_timeout(Duration::MAX);
    backend.connect().expect("a connection");
}

#[test]
fn memory_lasts_as_long_as_its_backend() {
    let backend = Sqlite::memory();
    assert_eq!(backend.dialect().capabilities().max_connections, Some(1));
    let mut session = backend.connect().expect("a connection");
    run(&mut session, "CREATE TABLE t (v)", &[]);
    drop(session);
    let mut session = backend.clone().connect().expect("a connection");
    assert_eq!(integer(&mut session, "SELECT count(*) FROM t"), 0);
    refused(&mut memory(), "SELECT * FROM t", K::NoSuchTable);
}

#[test]
fn a_read_only_database_refuses_writes() {
    let database = TempDatabase::new().expect("a directory");
    let mut writer = database.backend().connect().expect("a connection");
    run(&mut writer, "CREATE TABLE t (v)", &[]);
    let mut reader = database
        .backend()
        .read_only()
        .connect()
        .expect("a connection");
    assert_eq!(integer(&mut reader, "SELECT count(*) FROM t"), 0);
    refused(&mut reader, "INSERT INTO t VALUES (1)", K::ReadOnly);
}

#[test]
fn many_first_connections_at_once() {
    let database = TempDatabase::new().expect("a directory");
    let (backend, start) = (database.backend(), Barrier::new(8));
    std::thread::scope(|scope| {
        let connecting: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    backend.connect().map(drop)
                })
            })
            .collect();
        for connected in connecting {
            connected.join().expect("no panic").expect("a connection");
        }
    });
}

#[test]
fn a_connection_may_move_to_another_thread() {
    let mut session = memory();
    run(&mut session, "CREATE TABLE t (v)", &[]);
    std::thread::spawn(move || run(&mut session, "INSERT INTO t VALUES (1)", &[]))
        .join()
        .expect("no panic");
}

#[test]
fn a_reset_leaves_nothing_behind() {
    let database = TempDatabase::new().expect("a directory");
    for backend in [database.backend(), Sqlite::memory()] {
        let mut session = backend.connect().expect("a connection");
        run(&mut session, "CREATE TABLE kept (v)", &[]);
        for text in [
            "PRAGMA foreign_keys = OFF",
            "PRAGMA case_sensitive_like = ON",
            "ATTACH ':memory:' AS other",
            "CREATE TEMP TABLE mine (v)",
            "PRAGMA query_only = ON",
            "BEGIN",
        ] {
            run(&mut session, text, &[]);
        }
        session.reset(true).expect("reset");
        assert_eq!(
            integer(&mut session, "SELECT foreign_keys FROM pragma_foreign_keys"),
            1
        );
        assert_eq!(integer(&mut session, "SELECT 'A' LIKE 'a'"), 1);
        refused(&mut session, "SELECT * FROM mine", K::NoSuchTable);
        refused(
            &mut session,
            "SELECT * FROM other.sqlite_schema",
            K::NoSuchTable,
        );
        run(&mut session, "BEGIN", &[]);
        run(&mut session, "INSERT INTO kept VALUES (1)", &[]);
        session.reset(false).expect("reset");
        assert_eq!(integer(&mut session, "SELECT count(*) FROM kept"), 0);
        run(&mut session, "BEGIN", &[]);
    }
}

/// The ORM's `like` distinguishes case; what the file says with LIKE is as for every other program.
#[test]
fn like_in_the_schema_means_what_it_means_elsewhere() {
    let database = TempDatabase::new().expect("a directory");
    let path = database.path();
    let elsewhere = rusqlite::Connection::open(path).expect("opens");
    elsewhere
        .execute_batch(
            "CREATE TABLE mail (address TEXT CHECK (address LIKE '%@EXAMPLE.COM'), hits INTEGER DEFAULT 0);
             CREATE VIEW admins AS SELECT address FROM mail WHERE address LIKE 'ADMIN%';
             CREATE TRIGGER count_admins AFTER INSERT ON mail WHEN new.address LIKE 'Admin%'
             BEGIN UPDATE mail SET hits = 1 WHERE address = new.address; END;
             CREATE INDEX by_admin ON mail (address) WHERE address LIKE 'ADMIN%';
             INSERT INTO mail VALUES ('ann@example.com', 0)",
        )
        .expect("a schema of another program");
    let mut session = database.backend().connect().expect("a connection");
    run(
        &mut session,
        "INSERT INTO mail (address) VALUES ('admin@example.com')",
        &[],
    );
    assert_eq!(integer(&mut session, "SELECT count(*) FROM admins"), 1);
    assert_eq!(integer(&mut session, "SELECT sum(hits) FROM mail"), 1);
    assert_eq!(
        one(&mut session, "PRAGMA integrity_check", T::Text),
        Value::Text("ok".into())
    );
    let dialect = database.backend();
    for (pattern, expected) in [("Admin%", 0), ("admin%", 1), ("%", 2)] {
        for (negated, expected) in [(false, expected), (true, 2 - expected)] {
            let [before, between, after] = dialect.dialect().like(negated);
            let text = format!(
                "SELECT count(*) FROM mail WHERE {before}address{between}'{pattern}'{after}"
            );
            assert_eq!(integer(&mut session, &text), expected, "{text}");
        }
    }
    // Text of other types is compared as it is written; NULL is neither like nor unlike.
    let [before, between, after] = dialect.dialect().like(false);
    for (value, expected) in [
        ("1.50", 1),
        ("x'312e35'", 1),
        ("x'ff'", 0),
        ("NULL", 0),
        ("25", 0),
    ] {
        let text = format!(
            "SELECT count(*) FROM (SELECT {value} AS v) WHERE {before}v{between}'1.5%'{after}"
        );
        assert_eq!(integer(&mut session, &text), expected, "{text}");
    }
}

/// SQLite changes settings while it compiles, even if the text is then refused.
#[test]
fn a_setting_of_a_refused_text_is_undone() {
    let database = TempDatabase::new().expect("a directory");
    let engine = selfsame::Engine::new(database.backend()).pool_size(1);
    for text in [
        "PRAGMA foreign_keys = OFF; SELECT 1",
        "SELECT 1; PRAGMA foreign_keys = OFF",
        "PRAGMA foreign_keys = OFF; nonsense",
        "PRAGMA case_sensitive_like = ON; SELECT 1",
    ] {
        let mut session = selfsame::Session::new(&engine);
        let error = session.sql(text, ()).execute().expect_err(text);
        assert_eq!(error.kind(), K::InvalidStatement, "{text}: {error}");
        drop(session);
        let mut session = selfsame::Session::new(&engine);
        let settings = "SELECT foreign_keys, 'A' LIKE 'a' FROM pragma_foreign_keys";
        let settings = session.sql(settings, ()).one::<(i64, i64)>();
        assert_eq!(settings.expect("reads"), (1, 1), "{text}");
    }
}

/// A setting changed by a statement that was not declared as raw SQL.
#[test]
fn a_setting_is_undone_whatever_kind_its_statement_declares() {
    let database = TempDatabase::new().expect("a directory");
    let mut session = database.backend().connect().expect("a connection");
    let select = |text: &str| Sql::new(StatementKind::Select, text, [], []);
    for text in [
        "PRAGMA case_sensitive_like = ON",
        "PRAGMA foreign_keys = OFF",
    ] {
        let sql = select(text);
        let statement = Statement::new(&sql, &[]);
        session.query(&statement, &mut |_| Ok(())).expect(text);
    }
    session.reset(false).expect("reset");
    assert_eq!(integer(&mut session, "SELECT 'A' LIKE 'a'"), 1);
    assert_eq!(
        integer(&mut session, "SELECT foreign_keys FROM pragma_foreign_keys"),
        1
    );
}

#[test]
fn a_hook_that_changes_what_statements_mean_is_refused() {
    let database = TempDatabase::new().expect("a directory");
    for (name, text) in [
        ("foreign_keys", "PRAGMA foreign_keys = OFF"),
        (
            "ignore_check_constraints",
            "PRAGMA ignore_check_constraints = ON",
        ),
        ("full_column_names", "PRAGMA full_column_names = ON"),
        ("short_column_names", "PRAGMA short_column_names = OFF"),
        ("query_only", "PRAGMA query_only = ON"),
    ] {
        for backend in [database.backend(), Sqlite::memory()] {
            let backend = backend.on_connect(move |connection| connection.execute_batch(text));
            let error = backend.connect().expect_err(name);
            assert_eq!(error.kind(), K::Configuration, "{error}");
            assert!(error.to_string().contains(name), "{error}");
        }
    }
    let harmless = database
        .backend()
        .on_connect(|connection| connection.execute_batch("PRAGMA cache_size = 100"));
    harmless.connect().expect("a connection");
}

#[test]
fn the_server_says_its_version() {
    let version = memory().server_version().expect("a version");
    assert!(version.starts_with("SQLite 3."), "{version}");
    assert!(memory().is_open());
}
