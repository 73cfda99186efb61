//! What the suite found in GlueSQL 0.20.0, each as the smallest program against the engine's own interface. Every test records
//! today's result; if one fails, the engine has changed, and `docs/findings.md` must be updated.

use gluesql::prelude::{Glue, MemoryStorage, Payload, Value};

/// The one value of a query without a table.
fn value(expression: &str) -> Result<Value, String> {
    rows(&[], &format!("SELECT {expression}")).map(|mut rows| rows.remove(0).remove(0))
}

fn rows(before: &[&str], query: &str) -> Result<Vec<Vec<Value>>, String> {
    match run(before, query)? {
        Payload::Select { rows, .. } => Ok(rows),
        other => Err(format!("{other:?}")),
    }
}

fn run(before: &[&str], query: &str) -> Result<Payload, String> {
    let mut glue = Glue::new(MemoryStorage::default());
    for statement in before {
        glue.execute(statement).map_err(|error| error.to_string())?;
    }
    let payloads = glue.execute(query).map_err(|error| error.to_string())?;
    payloads
        .into_iter()
        .next_back()
        .ok_or_else(|| "nothing".to_owned())
}

/// By the standard: NULL, so that the row is not chosen.
#[test]
fn not_in_a_list_with_null_is_true() {
    assert_eq!(value("3 NOT IN (1, NULL)"), Ok(Value::Bool(true)));
    let table = ["CREATE TABLE t (v INT)", "INSERT INTO t VALUES (3)"];
    let found = rows(&table, "SELECT v FROM t WHERE v NOT IN (1, NULL)");
    assert_eq!(found, Ok(vec![vec![Value::I64(3)]]));
}

/// By the standard: NULL.
#[test]
fn in_a_list_with_null_is_false() {
    assert_eq!(value("3 IN (1, NULL)"), Ok(Value::Bool(false)));
}

/// By the standard: FALSE, since nothing that NULL stands for makes it true.
#[test]
fn null_and_false_is_null() {
    assert_eq!(value("NULL AND FALSE"), Ok(Value::Null));
    assert_eq!(value("FALSE AND NULL"), Ok(Value::Null));
}

/// By the standard: TRUE.
#[test]
fn null_or_true_is_null() {
    assert_eq!(value("NULL OR TRUE"), Ok(Value::Null));
    assert_eq!(value("TRUE OR NULL"), Ok(Value::Null));
}

/// So a row is missing from what a condition and its negation choose together.
#[test]
fn a_row_is_lost_between_a_condition_and_its_negation() {
    let table = [
        "CREATE TABLE t (a INT NULL, b INT)",
        "INSERT INTO t VALUES (NULL, -7)",
    ];
    let found = rows(&table, "SELECT b FROM t WHERE NOT (a > 0 AND b > 0)");
    assert_eq!(
        found,
        Ok(Vec::new()),
        "the row has b = -7, for which the condition is false"
    );
}

/// By the standard: NULL, since it is not known whether NULL is 1, so that the row is not chosen.
#[test]
fn null_is_not_in_a_query_of_values() {
    let tables = [
        "CREATE TABLE t (id INT, v INT NULL)",
        "INSERT INTO t VALUES (1, NULL)",
        "CREATE TABLE u (v INT)",
        "INSERT INTO u VALUES (3)",
    ];
    let found = rows(&tables, "SELECT id FROM t WHERE v NOT IN (SELECT v FROM u)");
    assert_eq!(found, Ok(vec![vec![Value::I64(1)]]));
}

/// By the standard: NULL.
#[test]
fn null_like_a_pattern_is_an_error() {
    let table = [
        "CREATE TABLE t (s TEXT NULL)",
        "INSERT INTO t VALUES (NULL)",
    ];
    assert!(rows(&table, "SELECT s FROM t WHERE s LIKE 'a%'").is_err());
}

/// SUBSTR counts with integers of 64 bits, and rejects narrower ones.
#[test]
fn a_substring_from_a_narrow_integer_is_an_error() {
    let text = Value::Str("ab".to_owned());
    assert_eq!(value("SUBSTR('abc', 1, 2)"), Ok(text));
    assert!(value("SUBSTR('abc', CAST(1 AS INT32), 2)").is_err());
}

/// The length of a text is of a type that the functions of texts refuse.
#[test]
fn a_length_is_not_an_argument_of_left() {
    assert!(value("LEFT('abc', LENGTH('ab'))").is_err());
    assert_eq!(value("LEFT('abc', 2)"), Ok(Value::Str("ab".to_owned())));
}

/// By the standard, and by the engine's own LENGTH, texts are counted in characters.
#[test]
fn left_and_right_count_bytes() {
    let text = |text: &str| Ok(Value::Str(text.to_owned()));
    assert_eq!(value("LENGTH('École')"), Ok(Value::U64(5)));
    assert_eq!(value("LEFT('École', 2)"), text("É"));
    // If a character would be cut, the whole text is returned.
    assert_eq!(value("LEFT('École', 1)"), text("École"));
    assert_eq!(value("RIGHT('blé', 1)"), text("blé"));
}

/// By the standard the column is called `v`.
#[test]
fn a_quoted_column_keeps_its_quotes_in_the_result() {
    let payload = run(&["CREATE TABLE t (v INT)"], "SELECT \"v\" FROM t");
    let Ok(Payload::Select { labels, .. }) = payload else {
        panic!("{payload:?}");
    };
    assert_eq!(labels, ["\"v\""]);
}

/// A primary key cannot be changed.
#[test]
fn a_primary_key_is_not_updated() {
    let table = [
        "CREATE TABLE t (id INT PRIMARY KEY)",
        "INSERT INTO t VALUES (1)",
    ];
    assert!(run(&table, "UPDATE t SET id = 2").is_err());
}

/// By the standard `PRIMARY KEY (id)` and `UNIQUE (v)` are constraints of a table as of a column.
#[test]
fn keys_are_not_constraints_of_a_table() {
    assert!(run(&[], "CREATE TABLE t (id INT, PRIMARY KEY (id))").is_err());
    assert!(run(&[], "CREATE TABLE t (v INT, UNIQUE (v))").is_err());
}
