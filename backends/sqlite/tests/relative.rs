//! A relative path means the same file after the process changes its directory. A separate process, because the directory is the process's.

use selfsame::backend::{Backend as _, Sql, StatementKind};
use selfsame::value::ValueType;
use selfsame_sqlite::Sqlite;
use selfsame_sqlite::testing::TempDatabase;

/// Like a daemon that changes its directory after reading its settings.
#[test]
fn a_relative_path_is_resolved_where_it_was_given() {
    let (here, elsewhere) = (
        TempDatabase::new().expect("a directory"),
        TempDatabase::new().expect("a directory"),
    );
    std::env::set_current_dir(here.directory()).expect("a folder");
    let backends = [
        Sqlite::file("one.db"),
        Sqlite::url("sqlite:one.db").expect("a URL"),
        Sqlite::file("one.db").read_only(),
        Sqlite::file("./one.db").immutable(),
    ];
    let mut first = backends[0].connect().expect("a connection");
    for text in ["CREATE TABLE t (v)", "INSERT INTO t VALUES (7)"] {
        let sql = Sql::new(StatementKind::Ddl, text, [], []);
        first
            .execute(&selfsame::backend::Statement::new(&sql, &[]))
            .expect("runs");
    }
    drop(first);
    std::env::set_current_dir(elsewhere.directory()).expect("a folder");
    for backend in backends {
        let mut next = backend.connect().expect("a connection");
        let select = Sql::new(StatementKind::Raw, "SELECT v FROM t", [], [ValueType::I64]);
        let mut found = Vec::new();
        next.query(
            &selfsame::backend::Statement::new(&select, &[]),
            &mut |row| {
                found.push(row.value(0, ValueType::I64)?.to_owned().get::<i64>()?);
                Ok(())
            },
        )
        .expect("reads");
        assert_eq!(found, [7]);
        next.reset(true).expect("resets");
    }
    assert!(!elsewhere.directory().join("one.db").exists());
    let error = Sqlite::file("nowhere/two.db").connect().expect_err("none");
    assert!(
        error.message().contains("database nowhere/two.db"),
        "{error}"
    );
}
