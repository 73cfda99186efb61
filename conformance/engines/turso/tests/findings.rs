//! What the suite found in turso 0.8.3, each as the smallest program against the engine's own interface. Every test records
//! today's result; if one fails, the engine has changed, and `docs/findings.md` must be updated.

use pollster::block_on;
use turso::{Connection, Value};

fn connection() -> Connection {
    let database = block_on(turso::Builder::new_local(":memory:").build()).expect("a database");
    database.connect().expect("a connection")
}

fn run(connection: &Connection, statement: &str) -> turso::Result<u64> {
    block_on(connection.execute(statement, ()))
}

/// The rows of a query.
fn rows(connection: &Connection, query: &str) -> turso::Result<Vec<Vec<Value>>> {
    let mut rows = block_on(connection.query(query, ()))?;
    let mut all = Vec::new();
    while let Some(row) = block_on(rows.next())? {
        let values = (0..row.column_count()).map(|index| row.get_value(index));
        all.push(values.collect::<turso::Result<Vec<Value>>>()?);
    }
    Ok(all)
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// SQLite keeps `MyTable` as it was written.
#[test]
fn names_in_the_catalogue_are_in_lower_case() {
    let connection = connection();
    run(
        &connection,
        "CREATE TABLE \"MyTable\" (\"Id\" INTEGER PRIMARY KEY)",
    )
    .expect("a table");
    let names = rows(
        &connection,
        "SELECT name FROM sqlite_schema WHERE type = 'table'",
    );
    assert_eq!(names.expect("names"), [[text("mytable")]]);
    let by_name = rows(
        &connection,
        "SELECT 1 FROM sqlite_schema WHERE name = 'MyTable'",
    );
    assert!(by_name.expect("no rows").is_empty());
}

/// SQLite reports `TEXT(40)` and `DECIMAL(10,2)`.
#[test]
fn table_info_drops_the_arguments_of_types() {
    let connection = connection();
    run(&connection, "CREATE TABLE a (v TEXT(40), d DECIMAL(10,2))").expect("a table");
    let columns = rows(&connection, "PRAGMA table_info(a)").expect("columns");
    let types: Vec<&Value> = columns.iter().map(|column| &column[2]).collect();
    assert_eq!(types, [&text("TEXT"), &text("DECIMAL")]);
}

/// SQLite takes expressions of depth 1,000. Without optimization the engine overflows the 2 MiB of a test's stack before it counts to 100,
/// which ends the process: hence a thread with more.
#[test]
fn expressions_are_at_most_a_hundred_deep() {
    let deep = || {
        let connection = connection();
        let sum = |terms: usize| format!("SELECT {}", vec!["1"; terms].join(" + "));
        assert!(rows(&connection, &sum(50)).is_ok());
        let error = rows(&connection, &sum(101)).expect_err("too deep");
        assert!(error.to_string().contains("maximum depth 100"), "{error}");
    };
    let thread = std::thread::Builder::new()
        .stack_size(256 << 20)
        .spawn(deep);
    thread.expect("a thread").join().expect("as it is today");
}

/// SQLite returns SQLITE_READONLY.
#[test]
fn a_write_on_a_read_only_connection_is_a_parse_error() {
    let connection = connection();
    run(&connection, "CREATE TABLE t (v)").expect("a table");
    run(&connection, "PRAGMA query_only = 1").expect("a setting");
    let error = run(&connection, "INSERT INTO t VALUES (1)").expect_err("refused");
    assert!(!matches!(error, turso::Error::Readonly(_)), "{error:?}");
}

/// SQLite reports NULL for the omitted columns.
#[test]
fn foreign_keys_without_columns_refer_to_an_empty_name() {
    let connection = connection();
    run(&connection, "CREATE TABLE p (id INTEGER PRIMARY KEY)").expect("a table");
    run(&connection, "CREATE TABLE c (p REFERENCES p)").expect("a table");
    let keys = rows(&connection, "PRAGMA foreign_key_list(c)").expect("keys");
    assert_eq!(keys[0][4], text(""));
}
