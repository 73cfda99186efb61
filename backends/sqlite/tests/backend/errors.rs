//! The kind of each native error.

use selfsame::ErrorKind as K;
use selfsame::value::{ValueRef as V, ValueType as T};

use crate::support::*;

fn schema() -> Session {
    let mut session = memory();
    for text in [
        "CREATE TABLE parent (id INTEGER PRIMARY KEY)",
        "CREATE TABLE child (id INTEGER PRIMARY KEY, a TEXT NOT NULL, b TEXT, parent INTEGER REFERENCES parent ON DELETE RESTRICT, late INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED, age INTEGER CONSTRAINT grown CHECK (age > 0), UNIQUE (a, b))",
    ] {
        run(&mut session, text, &[]);
    }
    session
}

#[test]
fn names_may_contain_dots() {
    let mut session = memory();
    for text in [
        "CREATE TABLE \"app.user\" (id INTEGER PRIMARY KEY, \"e.mail\" TEXT NOT NULL, city TEXT, UNIQUE (\"e.mail\", city))",
        "CREATE TABLE other (id INTEGER PRIMARY KEY, \"user.id\" INTEGER UNIQUE)",
        "INSERT INTO \"app.user\" VALUES (1, 'x', 'y')",
        "INSERT INTO other VALUES (1, 1)",
    ] {
        run(&mut session, text, &[]);
    }
    for (text, kind, table, columns) in [
        (
            "INSERT INTO \"app.user\" VALUES (1, 'z', 'z')",
            K::UniqueViolation,
            "app.user",
            "id",
        ),
        (
            "INSERT INTO \"app.user\" VALUES (2, 'x', 'y')",
            K::UniqueViolation,
            "app.user",
            "e.mail, city",
        ),
        (
            "INSERT INTO \"app.user\" VALUES (2, NULL, 'y')",
            K::NotNullViolation,
            "app.user",
            "e.mail",
        ),
        (
            "INSERT INTO other VALUES (2, 1)",
            K::UniqueViolation,
            "other",
            "user.id",
        ),
    ] {
        let error = refused(&mut session, text, kind);
        let names = (error.entity_name(), error.column_name());
        assert_eq!(names, (Some(table), Some(columns)), "{text}");
    }
}

#[test]
fn constraints() {
    let mut session = schema();
    run(&mut session, "INSERT INTO parent VALUES (1)", &[]);
    run(
        &mut session,
        "INSERT INTO child VALUES (1, 'x', 'y', 1, NULL, 1)",
        &[],
    );

    let error = refused(
        &mut session,
        "INSERT INTO child (a, b) VALUES ('x', 'y')",
        K::UniqueViolation,
    );
    assert_eq!(
        (error.entity_name(), error.column_name()),
        (Some("child"), Some("a, b"))
    );
    assert_eq!(error.native_code(), Some("SQLITE_CONSTRAINT_UNIQUE"));
    let error = refused(
        &mut session,
        "INSERT INTO parent VALUES (1)",
        K::UniqueViolation,
    );
    assert_eq!(
        (error.entity_name(), error.column_name()),
        (Some("parent"), Some("id"))
    );
    let error = refused(
        &mut session,
        "INSERT INTO child (b) VALUES ('y')",
        K::NotNullViolation,
    );
    assert_eq!(
        (error.entity_name(), error.column_name()),
        (Some("child"), Some("a"))
    );
    let error = refused(&mut session, "UPDATE child SET age = 0", K::CheckViolation);
    assert_eq!(error.constraint_name(), Some("grown"));
    refused(
        &mut session,
        "UPDATE child SET parent = 9",
        K::ForeignKeyViolation,
    );
    refused(&mut session, "DELETE FROM parent", K::ForeignKeyViolation);

    assert_eq!(integer(&mut session, "SELECT count(*) FROM child"), 1);
}

#[test]
fn a_deferred_key_is_checked_at_commit_which_can_be_rolled_back() {
    let mut session = schema();
    run(&mut session, "BEGIN", &[]);
    run(
        &mut session,
        "INSERT INTO child (a, late) VALUES ('x', 7)",
        &[],
    );
    refused(&mut session, "COMMIT", K::ForeignKeyViolation);
    run(&mut session, "ROLLBACK", &[]);
    assert_eq!(integer(&mut session, "SELECT count(*) FROM child"), 0);
}

#[test]
fn statements_that_cannot_be_understood() {
    let mut session = memory();
    let error = refused(&mut session, "SELECT * FROM nobody", K::NoSuchTable);
    assert_eq!(error.entity_name(), Some("nobody"));
    refused(&mut session, "SELEC 1", K::InvalidStatement);
    refused(&mut session, "SELECT \"no column\"", K::InvalidStatement);
    refused(&mut session, "", K::InvalidStatement);
    refused(&mut session, "-- only a comment", K::InvalidStatement);
    refused(&mut session, "SELECT 1; DROP TABLE t", K::InvalidStatement);
    refused(&mut session, "SELECT 1\0, 2", K::InvalidStatement);
    run(&mut session, "SELECT 1; -- and a comment", &[]);
    let error = try_run(&mut session, "SELECT ?1, ?2", &[V::Null]).expect_err("too few");
    assert_eq!(error.kind(), K::InvalidStatement);
    let error = try_run(&mut session, "SELECT 1", &[V::Null]).expect_err("too many");
    assert_eq!(error.kind(), K::InvalidStatement);
}

#[test]
fn numbers_out_of_range() {
    let mut session = memory();
    refused(
        &mut session,
        "SELECT sum(v) FROM (SELECT 9223372036854775807 AS v UNION ALL SELECT 1)",
        K::OutOfRange,
    );
    refused(
        &mut session,
        "SELECT abs(-9223372036854775807 - 1)",
        K::OutOfRange,
    );
    run(&mut session, "CREATE TABLE t (id INTEGER PRIMARY KEY)", &[]);
    refused(
        &mut session,
        "INSERT INTO t VALUES ('no integer')",
        K::OutOfRange,
    );
}

#[test]
fn a_parameter_is_never_quoted() {
    let mut session = memory();
    let secret = "secret";
    let error = try_run(
        &mut session,
        "SELECT json_extract('{}', ?1)",
        &[V::Text(secret)],
    )
    .expect_err("a bad path");
    assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    assert_eq!(error.kind(), K::InvalidStatement);
}

#[test]
fn other_languages_survive() {
    let mut session = memory();
    run(
        &mut session,
        "CREATE TABLE \"Straße\" (\"größe\" TEXT NOT NULL)",
        &[],
    );
    let error = refused(
        &mut session,
        "INSERT INTO \"Straße\" VALUES (NULL)",
        K::NotNullViolation,
    );
    assert_eq!(
        (error.entity_name(), error.column_name()),
        (Some("Straße"), Some("größe"))
    );
}

#[test]
fn a_trigger_speaks_for_itself() {
    let mut session = memory();
    run(&mut session, "CREATE TABLE t (v)", &[]);
    run(
        &mut session,
        "CREATE TRIGGER guard BEFORE INSERT ON t BEGIN SELECT raise(ABORT, 'not: today'); END",
        &[],
    );
    let error = refused(&mut session, "INSERT INTO t VALUES (1)", K::Database);
    assert_eq!(error.message(), "not: today");
    let error = try_run(&mut session, "INSERT INTO t VALUES (?1)", &[V::I64(1)])
        .expect_err("the trigger refuses");
    assert_eq!(error.message(), "not: today");
    run(
        &mut session,
        "CREATE TRIGGER telling BEFORE UPDATE ON t BEGIN SELECT raise(ABORT, 'not ' || new.v); END",
        &[],
    );
    run(&mut session, "DROP TRIGGER guard", &[]);
    run(&mut session, "INSERT INTO t VALUES (1)", &[]);
    let error = try_run(&mut session, "UPDATE t SET v = ?1", &[V::Text("secret")])
        .expect_err("the trigger refuses");
    assert_eq!(error.message(), "not …");
}

#[test]
fn a_failed_row_of_many_leaves_those_before() {
    let mut session = memory();
    run(&mut session, "CREATE TABLE t (id INTEGER PRIMARY KEY)", &[]);
    let insert = sql("INSERT INTO t VALUES (?1)");
    let rows = params(&[V::I64(1), V::I64(2), V::I64(1), V::I64(3)]);
    let mut reported = Vec::new();
    let error = session
        .execute_each(
            &insert,
            selfsame::backend::Rows::new(&rows, 1),
            &mut |outcome| {
                reported.push(outcome.last_insert_id);
                Ok(())
            },
        )
        .expect_err("a key twice");
    assert_eq!(error.kind(), K::UniqueViolation);
    assert_eq!(reported, [Some(1), Some(2)]);
    assert_eq!(
        one(&mut session, "SELECT max(id) FROM t", T::I64).as_ref(),
        V::I64(2)
    );
}
