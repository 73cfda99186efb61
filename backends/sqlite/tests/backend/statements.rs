//! Kept statements: reset on every way out, correct after a change of the schema.

use std::panic::{AssertUnwindSafe, catch_unwind};

use selfsame::backend::{Backend as _, Rows, Statement};
use selfsame::dialect::TextMatch;
use selfsame::value::{Param, Value, ValueRef as V, ValueType as T};
use selfsame::{Error, ErrorKind};

use crate::support::*;

fn numbers() -> Session {
    let mut session = memory();
    run(
        &mut session,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)",
        &[],
    );
    run(
        &mut session,
        "INSERT INTO t VALUES (1, 'one'), (2, 'two'), (3, 'three')",
        &[],
    );
    session
}

#[test]
fn a_sink_may_stop() {
    let mut session = numbers();
    let select = sql("SELECT id FROM t ORDER BY id");
    for _ in 0..2 {
        let mut seen = 0;
        let error = session
            .query(&Statement::new(&select, &[]), &mut |_| {
                seen += 1;
                if seen == 2 {
                    Err(Error::new(ErrorKind::Validation, "enough"))
                } else {
                    Ok(())
                }
            })
            .expect_err("stopped");
        assert_eq!((error.kind(), seen), (ErrorKind::Validation, 2));
    }
    // A statement that still ran would hold its lock.
    run(&mut session, "DROP TABLE t", &[]);
}

#[test]
fn a_sink_may_panic() {
    let mut session = numbers();
    let select = sql("SELECT id FROM t WHERE name <> ?1 ORDER BY id");
    let panicked = {
        let text = "zero".to_owned();
        let params = [Param::Ref(V::Text(&text))];
        catch_unwind(AssertUnwindSafe(|| {
            session.query(&Statement::new(&select, &params), &mut |_| {
                panic!("in the sink")
            })
        }))
    };
    assert!(panicked.is_err());
    let mut ids = Vec::new();
    session
        .query(
            &Statement::new(&select, &params(&[V::Text("two")])),
            &mut |row| {
                ids.push(row.value(0, T::I64)?.to_owned());
                Ok(())
            },
        )
        .expect("the statement works again");
    assert_eq!(ids, [Value::I64(1), Value::I64(3)]);
    run(&mut session, "DROP TABLE t", &[]);
}

#[test]
fn the_schema_may_change_under_a_kept_statement() {
    let mut session = numbers();
    let all = sql("SELECT * FROM t WHERE id = 1");
    let read = |session: &mut Session| {
        let mut found = Vec::new();
        session
            .query(&Statement::new(&all, &[]), &mut |row| {
                for i in 0..row.len() {
                    found.push((row.name(i).to_owned(), row.value(i, T::Native)?.to_owned()));
                }
                Ok(())
            })
            .map(|()| found)
    };
    let named = |name: &str, value: Value| (name.to_owned(), value);
    let (id, one) = (
        named("id", Value::I64(1)),
        named("name", Value::Text("one".into())),
    );
    assert_eq!(read(&mut session).expect("rows"), [id.clone(), one.clone()]);

    run(
        &mut session,
        "ALTER TABLE t ADD COLUMN age INTEGER DEFAULT 7",
        &[],
    );
    assert_eq!(
        read(&mut session).expect("rows"),
        [id, one, named("age", Value::I64(7))]
    );

    run(&mut session, "DROP TABLE t", &[]);
    assert_eq!(
        read(&mut session).expect_err("no table").kind(),
        ErrorKind::NoSuchTable
    );

    run(&mut session, "CREATE TABLE t (flag TEXT, id INTEGER)", &[]);
    run(&mut session, "INSERT INTO t VALUES ('new', 1)", &[]);
    assert_eq!(
        read(&mut session).expect("rows"),
        [
            named("flag", Value::Text("new".into())),
            named("id", Value::I64(1))
        ]
    );
}

#[test]
fn the_schema_may_change_on_another_connection() {
    let database = TempDatabase::new().expect("a directory");
    let mut first = database.backend().connect().expect("a connection");
    let mut second = database.backend().connect().expect("a connection");
    run(&mut first, "CREATE TABLE t (a)", &[]);
    run(&mut first, "INSERT INTO t VALUES (1)", &[]);
    let all = sql("SELECT * FROM t");
    let mut widths = Vec::new();
    for change in [
        "ALTER TABLE t ADD COLUMN b",
        "ALTER TABLE t ADD COLUMN c",
        "ALTER TABLE t DROP COLUMN a",
    ] {
        first
            .query(&Statement::new(&all, &[]), &mut |row| {
                widths.push(row.len());
                Ok(())
            })
            .expect("rows");
        run(&mut second, change, &[]);
    }
    assert_eq!(widths, [1, 2, 3]);
}

#[test]
fn many_statements_are_kept_and_forgotten() {
    let mut session = numbers();
    let kept: Vec<_> = (0..700).map(|i| sql(&format!("SELECT {i}"))).collect();
    for round in 0..2 {
        for (i, statement) in (0..).zip(&kept) {
            let mut found = Vec::new();
            session
                .query(&Statement::new(statement, &[]), &mut |row| {
                    found.push(row.value(0, T::I64)?.to_owned());
                    Ok(())
                })
                .expect("a row");
            assert_eq!(found, [Value::I64(i)], "round {round}");
        }
    }
}

#[test]
fn executions_are_counted_as_sqlite_counts_them() {
    let mut session = numbers();
    let before = session.statistics().expect("counts").expect("are kept");
    assert_eq!(before.executions_by_database, Some(before.executions));
    let select = sql("SELECT id FROM t");
    for _ in 0..3 {
        session
            .query(&Statement::new(&select, &[]), &mut |_| Ok(()))
            .expect("three rows");
    }
    let insert = sql("INSERT INTO t (name) VALUES (?1)");
    let names = params(&[V::Text("a"), V::Text("b")]);
    session
        .execute_each(&insert, Rows::new(&names, 1), &mut |_| Ok(()))
        .expect("two rows");
    let after = session.statistics().expect("counts").expect("are kept");
    assert_eq!(after.prepares - before.prepares, 2);
    assert_eq!(after.cache_hits - before.cache_hits, 2);
    assert_eq!(after.executions - before.executions, 5);
    assert_eq!(after.executions_by_database, Some(after.executions));
    assert_eq!(after.round_trips, 0);
    // Evicted statements stay counted.
    for i in 0..700 {
        let other = sql(&format!("SELECT {i}"));
        session
            .query(&Statement::new(&other, &[]), &mut |_| Ok(()))
            .expect("a row");
    }
    let last = session.statistics().expect("counts").expect("are kept");
    assert_eq!(last.executions - after.executions, 700);
    assert_eq!(last.executions_by_database, Some(last.executions));
}

#[test]
fn a_parameter_may_be_used_twice_and_in_any_order() {
    let mut session = memory();
    let rows = try_rows(
        &mut session,
        "SELECT ?2, ?1, ?2",
        &[V::I64(1), V::Text("b")],
        &[T::Text, T::I64, T::Text],
    );
    assert_eq!(
        rows.expect("a row"),
        [[
            Value::Text("b".into()),
            Value::I64(1),
            Value::Text("b".into())
        ]]
    );
}

#[test]
fn as_many_parameters_as_declared() {
    let mut session = memory();
    let most = Sqlite::memory()
        .dialect()
        .capabilities()
        .max_parameters
        .expect("a limit");
    let text = |count: usize| {
        let list: Vec<String> = (1..=count).map(|i| format!("?{i}")).collect();
        format!(
            "SELECT count(*) FROM (SELECT 1) WHERE 1 IN ({})",
            list.join(",")
        )
    };
    let mut values = vec![V::I64(0); most];
    values[most - 1] = V::I64(1);
    let rows = try_rows(&mut session, &text(most), &values, &[T::I64]).expect("at the limit");
    assert_eq!(rows, [[Value::I64(1)]]);
    values.push(V::I64(0));
    try_rows(&mut session, &text(most + 1), &values, &[T::I64]).expect_err("beyond the limit");
}

#[test]
fn a_column_may_be_read_often_and_need_not_exist() {
    let mut session = memory();
    session
        .query(
            &Statement::new(&sql("SELECT 5 AS a, 'x' AS a"), &[]),
            &mut |row| {
                assert_eq!(
                    (row.len(), row.name(0), row.name(1), row.name(2)),
                    (2, "a", "a", "")
                );
                for ty in [T::I64, T::Native] {
                    assert_eq!(row.value(0, ty)?, V::I64(5));
                }
                assert_eq!(row.value(0, T::I16)?, V::I16(5));
                let (first, second) = (row.value(1, T::Text)?, row.value(1, T::Text)?);
                assert_eq!((first, second), (V::Text("x"), V::Text("x")));
                for missing in [2, usize::MAX] {
                    assert_eq!(
                        row.value(missing, T::I64).expect_err("missing").kind(),
                        ErrorKind::Conversion
                    );
                }
                Ok(())
            },
        )
        .expect("a row");
}

#[test]
fn rows_are_counted_as_matched() {
    let mut session = numbers();
    assert_eq!(
        run(&mut session, "UPDATE t SET name = name", &[]).matched,
        3
    );
    assert_eq!(
        run(&mut session, "UPDATE t SET name = 'x' WHERE id = 9", &[]).matched,
        0
    );
    assert_eq!(run(&mut session, "CREATE TABLE u (id)", &[]).matched, 0);
    assert_eq!(run(&mut session, "SELECT * FROM t", &[]).matched, 0);
    assert_eq!(
        run(&mut session, "DELETE FROM t WHERE id < 3", &[]).matched,
        2
    );
    assert_eq!(run(&mut session, "/* raw */ DELETE FROM t", &[]).matched, 1);
    assert_eq!(
        run(&mut session, "/* raw */ CREATE TABLE v (id)", &[]).matched,
        0
    );
}

#[test]
fn rows_without_parameters() {
    let mut session = numbers();
    let insert = sql("INSERT INTO t DEFAULT VALUES");
    let mut keys = Vec::new();
    session
        .execute_each(&insert, Rows::empty(3), &mut |outcome| {
            keys.push(outcome.last_insert_id);
            Ok(())
        })
        .expect("three rows");
    assert_eq!(keys, [Some(4), Some(5), Some(6)]);
}

#[test]
fn returned_rows_belong_to_what_was_written() {
    let mut session = numbers();
    let rows = try_rows(
        &mut session,
        "INSERT INTO t (name) VALUES ('four'), ('five') RETURNING id, name",
        &[],
        &[T::I64, T::Text],
    );
    assert_eq!(
        rows.expect("rows"),
        [
            [Value::I64(4), Value::Text("four".into())],
            [Value::I64(5), Value::Text("five".into())]
        ]
    );
    let stopped = session.query(
        &Statement::new(
            &sql("INSERT INTO t (name) VALUES ('six'), ('seven') RETURNING id"),
            &[],
        ),
        &mut |_| Err(Error::new(ErrorKind::Validation, "enough")),
    );
    stopped.expect_err("stopped");
    assert_eq!(integer(&mut session, "SELECT count(*) FROM t"), 7);
}

#[test]
fn texts_match_to_the_letter() {
    let mut session = memory();
    let backend = Sqlite::memory();
    let mut check = |test, subject: &str, pattern: &str, expected: bool| {
        let mut condition = String::new();
        backend
            .dialect()
            .text_match(test, "?1", "?2", &mut condition);
        let text = format!("SELECT {condition}");
        let rows = try_rows(
            &mut session,
            &text,
            &[V::Text(subject), V::Text(pattern)],
            &[T::Bool],
        )
        .expect("a row");
        assert_eq!(
            rows,
            [[Value::Bool(expected)]],
            "{test:?} {subject:?} {pattern:?}"
        );
    };
    use TextMatch::{Contains, EndsWith, StartsWith};
    for test in [StartsWith, EndsWith, Contains] {
        for text in ["", "a", "%", "a\0b", "é𝄞"] {
            check(test, text, text, true);
            check(test, text, "", true);
            check(test, text, "Z", false);
            check(test, "", "longer", false);
        }
        check(test, "Abc", "abc", false);
        check(test, "a%c", "a_c", false);
        check(test, "bc", "abc", false);
    }
    check(StartsWith, "a\0bc", "a\0b", true);
    check(StartsWith, "a\0bc", "a\0c", false);
    check(EndsWith, "xa\0b", "a\0b", true);
    check(EndsWith, "xa\0b", "\0c", false);
    check(EndsWith, "xé", "é", true);
    check(Contains, "x\0é%y", "é%", true);
}
