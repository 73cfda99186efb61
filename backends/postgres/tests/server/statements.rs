//! Running statements: kept, stale, stopped early, in batches, raw.

use selfsame::backend::{Backend, Rows, Sql, Statement, StatementKind};
use selfsame::dialect::{Dialect, TextMatch, Transaction};
use selfsame::error::{Error, ErrorKind};
use selfsame::value::{Param, Value, ValueRef, ValueType};
use selfsame_postgres::PostgresDialect;
use selfsame_postgres::testing::Server;

use crate::support::{
    Case, Fixture, begin, execute, fixture, i64s, read, read_sql, sql, transact, write,
};

pub(crate) const CASES: &[Case] = &[
    ("statements_a_sink_stops_early", a_sink_stops_early),
    (
        "statements_a_stale_plan_is_prepared_again",
        a_stale_plan_is_prepared_again,
    ),
    (
        "statements_stale_plans_of_one_table_fail_one_transaction",
        stale_plans_of_one_table_fail_one_transaction,
    ),
    (
        "statements_a_deallocated_plan_is_prepared_again",
        a_deallocated_plan_is_prepared_again,
    ),
    ("statements_kept_ones_are_bounded", kept_ones_are_bounded),
    (
        "statements_kept_ones_are_bounded_in_bytes",
        kept_ones_are_bounded_in_bytes,
    ),
    (
        "statements_unnest_inserts_and_returns",
        unnest_inserts_and_returns,
    ),
    ("statements_execute_each", execute_each),
    (
        "statements_executions_are_counted_as_the_server_counts_them",
        executions_are_counted_as_the_server_counts_them,
    ),
    (
        "statements_rows_are_read_by_position_and_name",
        rows_are_read_by_position_and_name,
    ),
    ("statements_raw", raw),
    ("statements_matched_rows", matched_rows),
    ("statements_many_parameters", many_parameters),
    ("statements_text_matches", text_matches),
    ("statements_table_exists", table_exists),
    (
        "statements_literals_are_not_syntax",
        literals_are_not_syntax,
    ),
    (
        "statements_of_many_bytes_are_split",
        of_many_bytes_are_split,
    ),
];

fn a_sink_stops_early(server: &Server) {
    let Fixture {
        mut connection,
        database: _database,
    } = fixture(server);
    let select = sql(
        StatementKind::Select,
        "SELECT generate_series(1, 100000)",
        &[],
        &[ValueType::I32],
    );
    let mut seen = 0;
    let error = connection
        .query(&Statement::new(&select, &[]), &mut |_| {
            seen += 1;
            if seen == 3 {
                return Err(Error::new(ErrorKind::Validation, "enough"));
            }
            Ok(())
        })
        .expect_err("the sink's");
    assert_eq!((error.message(), seen), ("enough", 3));
    let rows = read(
        connection.as_mut(),
        "SELECT 5::bigint",
        &[],
        &[ValueType::I64],
    );
    assert_eq!(i64s(&rows.expect("works")), [5]);
}

fn executions_are_counted_as_the_server_counts_them(server: &Server) {
    let Fixture {
        mut connection,
        database: _database,
    } = fixture(server);
    let before = connection.statistics().expect("counts").expect("are kept");
    let select = sql(StatementKind::Select, "SELECT 1", &[], &[ValueType::I32]);
    for _ in 0..3 {
        read_sql(connection.as_mut(), &select, &[]).expect("a row");
    }
    begin(connection.as_mut());
    let inside = connection.statistics().expect("counts").expect("are kept");
    assert_eq!(inside.executions_by_database, None);
    transact(connection.as_mut(), Transaction::Rollback).expect("ends");
    let after = connection.statistics().expect("counts").expect("are kept");
    assert_eq!(after.prepares - before.prepares, 1);
    assert_eq!(after.cache_hits - before.cache_hits, 2);
    assert_eq!(after.executions - before.executions, 3);
    // One to prepare, three to run, BEGIN and ROLLBACK.
    assert_eq!(after.round_trips - before.round_trips, 6);
    if let Some(counted) = after.executions_by_database {
        assert_eq!(counted, after.executions);
    }
}

fn a_stale_plan_is_prepared_again(server: &Server) {
    let Fixture {
        mut connection,
        database,
    } = fixture(server);
    let mut other = database.backend().connect().expect("connects");
    execute(
        connection.as_mut(),
        "CREATE TABLE t (n integer); INSERT INTO t VALUES (7)",
    )
    .expect("creates");
    let select = sql(
        StatementKind::Select,
        "SELECT * FROM t",
        &[],
        &[ValueType::I64],
    );
    let seven = [[Value::I64(7)]];
    assert_eq!(
        read_sql(connection.as_mut(), &select, &[]).expect("reads"),
        seven
    );
    execute(other.as_mut(), "ALTER TABLE t ALTER n TYPE bigint").expect("alters");
    assert_eq!(
        read_sql(connection.as_mut(), &select, &[]).expect("reads"),
        seven
    );

    // Inside a transaction the statement cannot be prepared again, but the transaction can be retried.
    execute(other.as_mut(), "ALTER TABLE t ALTER n TYPE smallint").expect("alters");
    begin(connection.as_mut());
    let error = read_sql(connection.as_mut(), &select, &[]).expect_err("stale");
    assert_eq!(error.kind(), ErrorKind::Serialization, "{error}");
    connection.reset(false).expect("rolls back");
    begin(connection.as_mut());
    assert_eq!(
        read_sql(connection.as_mut(), &select, &[]).expect("reads"),
        seven
    );
    connection.reset(false).expect("rolls back");

    // The connection knows its own change of the schema.
    begin(connection.as_mut());
    execute(connection.as_mut(), "ALTER TABLE t ALTER n TYPE bigint").expect("alters");
    assert_eq!(
        read_sql(connection.as_mut(), &select, &[]).expect("reads"),
        seven
    );
}

fn stale_plans_of_one_table_fail_one_transaction(server: &Server) {
    let Fixture {
        mut connection,
        database,
    } = fixture(server);
    let mut other = database.backend().connect().expect("connects");
    execute(
        connection.as_mut(),
        "CREATE TABLE t (n integer); INSERT INTO t VALUES (7)",
    )
    .expect("creates");
    let select = |text| sql(StatementKind::Select, text, &[], &[ValueType::I64]);
    let selects = [
        "SELECT n FROM t",
        "SELECT n FROM t LIMIT 1",
        "SELECT max(n) FROM t",
    ]
    .map(select);
    let read_all = |connection: &mut dyn selfsame::backend::Connection| {
        selects
            .iter()
            .try_for_each(|select| read_sql(connection, select, &[]).map(drop))
    };
    read_all(connection.as_mut()).expect("reads");
    execute(other.as_mut(), "ALTER TABLE t ALTER n TYPE bigint").expect("alters");
    begin(connection.as_mut());
    let error = read_all(connection.as_mut()).expect_err("stale");
    assert_eq!(error.kind(), ErrorKind::Serialization, "{error}");
    connection.reset(false).expect("rolls back");
    begin(connection.as_mut());
    read_all(connection.as_mut()).expect("all are prepared again");
}

fn a_deallocated_plan_is_prepared_again(server: &Server) {
    let Fixture {
        mut connection,
        database: _database,
    } = fixture(server);
    let select = sql(
        StatementKind::Select,
        "SELECT 1::bigint",
        &[],
        &[ValueType::I64],
    );
    read_sql(connection.as_mut(), &select, &[]).expect("reads");
    let deallocate = Sql::new(StatementKind::Raw, "DEALLOCATE ALL", [], []);
    connection
        .execute(&Statement::new(&deallocate, &[]))
        .expect("deallocates");
    assert_eq!(
        i64s(&read_sql(connection.as_mut(), &select, &[]).expect("reads")),
        [1]
    );
}

fn kept_ones_are_bounded(server: &Server) {
    let Fixture {
        mut connection,
        database: _database,
    } = fixture(server);
    let often = sql(
        StatementKind::Select,
        "SELECT 0::bigint",
        &[],
        &[ValueType::I64],
    );
    for n in 0..600 {
        read_sql(connection.as_mut(), &often, &[]).expect("reads");
        let rows = read(
            connection.as_mut(),
            &format!("SELECT {n}::bigint"),
            &[],
            &[ValueType::I64],
        );
        assert_eq!(i64s(&rows.expect("reads")), [n]);
    }
    let count = Sql::new(
        StatementKind::Raw,
        "SELECT count(*), count(*) FILTER (WHERE statement = 'SELECT 0::bigint') FROM pg_prepared_statements",
        [],
        [ValueType::I64, ValueType::I64],
    );
    let rows = read_sql(connection.as_mut(), &count, &[]).expect("counts");
    assert_eq!(rows, [[Value::I64(256), Value::I64(1)]]);
}

/// Long texts, as of conditions with thousands of parts.
fn kept_ones_are_bounded_in_bytes(server: &Server) {
    let Fixture {
        mut connection,
        database: _database,
    } = fixture(server);
    let padding = "x".repeat(100_000);
    for n in 0..40 {
        let text = format!("SELECT {n}::bigint /* {padding} */");
        let rows = read(connection.as_mut(), &text, &[], &[ValueType::I64]);
        assert_eq!(i64s(&rows.expect("reads")), [n]);
    }
    // A text longer than the whole cache runs too, and is evicted by later ones.
    let text = format!("SELECT 77::bigint /* {} */", "y".repeat(3_000_000));
    for text in [&*text, "SELECT 78::bigint"] {
        read(connection.as_mut(), text, &[], &[ValueType::I64]).expect("reads");
    }
    let count = Sql::new(
        StatementKind::Raw,
        "SELECT coalesce(sum(length(statement)), 0)::bigint FROM pg_prepared_statements",
        [],
        [ValueType::I64],
    );
    let kept = i64s(&read_sql(connection.as_mut(), &count, &[]).expect("counts"))[0];
    assert!(kept < 1_100_000, "{kept} bytes are kept");
}

fn unnest_inserts_and_returns(server: &Server) {
    let Fixture {
        mut connection,
        database: _database,
    } = fixture(server);
    execute(
        connection.as_mut(),
        "CREATE TABLE t (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, name text, age smallint)",
    )
    .expect("creates");
    let insert = Sql::new(
        StatementKind::Insert,
        "INSERT INTO t (name, age) SELECT n, a FROM UNNEST($1::text[], $2::smallint[]) WITH ORDINALITY AS u (n, a, o) \
         ORDER BY o RETURNING id, name",
        [ValueType::Text, ValueType::I16],
        [ValueType::I64, ValueType::Text],
    );
    for count in [0, 1, 1000] {
        let names: Vec<String> = (0..count).map(|n| format!("name {n}")).collect();
        let texts: Vec<_> = names.iter().map(|name| ValueRef::Text(name)).collect();
        let ages: Vec<_> = names
            .iter()
            .enumerate()
            .map(|(n, _)| {
                if n % 2 == 0 {
                    ValueRef::Null
                } else {
                    ValueRef::I16(9)
                }
            })
            .collect();
        let params = [Param::Column(&texts), Param::Column(&ages)];
        let rows = read_sql(connection.as_mut(), &insert, &params).expect("inserts");
        let found: Vec<_> = rows.iter().map(|row| row[1].as_ref()).collect();
        assert_eq!(found, texts);
        assert!(i64s(&rows).is_sorted());
    }
    let any = [(
        ValueType::I64,
        Param::Column(&[ValueRef::I64(1), ValueRef::I64(3), ValueRef::Null]),
    )];
    let rows = read(
        connection.as_mut(),
        "SELECT id FROM t WHERE id = ANY($1::bigint[]) ORDER BY id",
        &any,
        &[ValueType::I64],
    );
    assert_eq!(i64s(&rows.expect("finds")), [1, 3]);
}

fn execute_each(server: &Server) {
    let Fixture {
        mut connection,
        database: _database,
    } = fixture(server);
    execute(
        connection.as_mut(),
        "CREATE TABLE t (id bigint PRIMARY KEY)",
    )
    .expect("creates");
    let insert = Sql::new(
        StatementKind::Insert,
        "INSERT INTO t VALUES ($1)",
        [ValueType::I64],
        [],
    );
    let rows: Vec<Param<'_>> = [1, 2, 2, 3]
        .map(|id| Param::Ref(ValueRef::I64(id)))
        .to_vec();
    let mut done = 0;
    let error = connection
        .execute_each(&insert, Rows::new(&rows, 1), &mut |outcome| {
            done += outcome.matched;
            Ok(())
        })
        .expect_err("twice");
    assert_eq!((error.kind(), done), (ErrorKind::UniqueViolation, 2));
}

fn rows_are_read_by_position_and_name(server: &Server) {
    let Fixture {
        mut connection,
        database: _database,
    } = fixture(server);
    let select = sql(
        StatementKind::Select,
        "SELECT 1 AS a, 2 AS a, NULL::text AS \"é\"",
        &[],
        &[],
    );
    connection
        .query(&Statement::new(&select, &[]), &mut |row| {
            assert_eq!((row.len(), row.is_empty()), (3, false));
            assert_eq!(
                [row.name(0), row.name(1), row.name(2), row.name(3)],
                ["a", "a", "é", ""]
            );
            assert_eq!(row.value(1, ValueType::I32)?, ValueRef::I32(2));
            assert_eq!(row.value(1, ValueType::I64)?, ValueRef::I64(2));
            assert_eq!(row.value(2, ValueType::Uuid)?, ValueRef::Null);
            let error = row.value(3, ValueType::I32).expect_err("no such column");
            assert_eq!(error.kind(), ErrorKind::Conversion);
            Ok(())
        })
        .expect("reads");
}

fn raw(server: &Server) {
    let Fixture {
        mut connection,
        database: _database,
    } = fixture(server);
    let connection = connection.as_mut();
    execute(connection, "CREATE TABLE t (id bigint, name text)").expect("creates");
    let insert = Sql::new(
        StatementKind::Raw,
        "INSERT INTO t SELECT * FROM UNNEST($1::bigint[], $2::text[])",
        [ValueType::I64, ValueType::Text],
        [],
    );
    let params = [
        Param::Column(&[ValueRef::I64(1), ValueRef::I64(2)]),
        Param::Column(&[ValueRef::Text("a"), ValueRef::Null]),
    ];
    let outcome = connection
        .execute(&Statement::new(&insert, &params))
        .expect("inserts");
    assert_eq!(outcome.matched, 2);
    for ty in [ValueType::I64, ValueType::Native] {
        let select = Sql::new(
            StatementKind::Raw,
            "SELECT name FROM t WHERE id = $1",
            [ty],
            [ValueType::Native],
        );
        let rows = read_sql(connection, &select, &[Param::Ref(ValueRef::I64(1))]);
        assert_eq!(rows.expect("finds"), [[Value::Text("a".into())]]);
    }
    let nothing = Sql::new(StatementKind::Raw, "", [], []);
    assert_eq!(
        connection
            .execute(&Statement::new(&nothing, &[]))
            .expect("does nothing")
            .matched,
        0
    );
    let error = read_sql(
        connection,
        &Sql::new(StatementKind::Raw, "SELECT $1::bigint", [], []),
        &[],
    )
    .expect_err("none given");
    assert_eq!(error.kind(), ErrorKind::InvalidStatement, "{error}");
}

fn matched_rows(server: &Server) {
    let Fixture {
        mut connection,
        database: _database,
    } = fixture(server);
    let connection = connection.as_mut();
    execute(
        connection,
        "CREATE TABLE t (id bigint); INSERT INTO t VALUES (1), (2)",
    )
    .expect("creates");
    for (text, matched) in [
        ("UPDATE t SET id = id", 2),
        ("UPDATE t SET id = id WHERE id = 9", 0),
        ("DELETE FROM t WHERE id = 1 RETURNING id", 1),
        ("INSERT INTO t SELECT generate_series(5, 9)", 5),
    ] {
        assert_eq!(write(connection, text, &[]).expect(text), matched, "{text}");
    }
}

fn many_parameters(server: &Server) {
    let Fixture {
        mut connection,
        database: _database,
    } = fixture(server);
    let most = PostgresDialect::default()
        .capabilities()
        .max_parameters
        .expect("a limit");
    let run = |connection: &mut dyn selfsame::backend::Connection, count: usize| {
        let list: Vec<String> = (1..=count).map(|n| format!("${n}")).collect();
        let text = format!("SELECT 1::bigint WHERE 7 IN ({})", list.join(","));
        let params = vec![(ValueType::I64, Param::Ref(ValueRef::I64(7))); count];
        read(connection, &text, &params, &[ValueType::I64])
    };
    assert_eq!(
        i64s(&run(connection.as_mut(), most).expect("as many as claimed")),
        [1]
    );
    let error = run(connection.as_mut(), most + 1).expect_err("one more");
    assert_eq!(error.kind(), ErrorKind::InvalidStatement, "{error}");
    assert_eq!(
        i64s(&run(connection.as_mut(), 1).expect("still works")),
        [1]
    );
}

fn text_matches(server: &Server) {
    let Fixture {
        mut connection,
        database: _database,
    } = fixture(server);
    for (test, subject, pattern, expected) in [
        (TextMatch::StartsWith, "100%é", "100%", true),
        (TextMatch::StartsWith, "100 é", "100%", false),
        (TextMatch::StartsWith, "abc", "", true),
        (TextMatch::EndsWith, "a_é", "_é", true),
        (TextMatch::EndsWith, "abé", "_é", false),
        (TextMatch::EndsWith, "abc", "", true),
        (TextMatch::EndsWith, "c", "abc", false),
        (TextMatch::Contains, "a\\%c", "\\%", true),
        (TextMatch::Contains, "aBc", "b", false),
        (TextMatch::Contains, "abc", "", true),
    ] {
        let mut text = "SELECT ".to_owned();
        PostgresDialect::default().text_match(test, "$1", "$2", &mut text);
        let params =
            [subject, pattern].map(|text| (ValueType::Text, Param::Ref(ValueRef::Text(text))));
        let rows = read(connection.as_mut(), &text, &params, &[ValueType::Bool]);
        assert_eq!(
            rows.expect("tests"),
            [[Value::Bool(expected)]],
            "{test:?} {subject} {pattern}"
        );
    }
}

fn table_exists(server: &Server) {
    let Fixture {
        mut connection,
        database: _database,
    } = fixture(server);
    execute(
        connection.as_mut(),
        "CREATE TABLE \"Odd \"\"name\" (id bigint)",
    )
    .expect("creates");
    let text = PostgresDialect::default().table_exists();
    for (name, count) in [("Odd \"name", 1), ("odd \"name", 0), ("pg_class", 0)] {
        let params = [(ValueType::Text, Param::Ref(ValueRef::Text(name)))];
        let rows = read(connection.as_mut(), &text, &params, &[ValueType::I32]);
        assert_eq!(rows.expect("looks").len(), count, "{name}");
    }
    transact(
        connection.as_mut(),
        selfsame::dialect::Transaction::Rollback,
    )
    .expect("without a transaction it is not an error");
}

/// With either meaning of a backslash.
fn literals_are_not_syntax(server: &Server) {
    let dialect = PostgresDialect::default();
    let mut case = fixture(server);
    for conforming in ["on", "off"] {
        let set = format!(
            "SET standard_conforming_strings = {conforming}; SET escape_string_warning = off"
        );
        execute(case.connection.as_mut(), &set).expect("sets");
        for text in [
            "it's",
            "\\",
            "\\'",
            "' || 'x",
            "\\' || version() || '",
            "a\\nb",
            "\u{1}",
        ] {
            let mut select = "SELECT ".to_owned();
            dialect.literal(text, &mut select);
            let rows = read(case.connection.as_mut(), &select, &[], &[ValueType::Text]);
            assert_eq!(
                rows.expect(text),
                [[Value::Text(text.to_owned())]],
                "{conforming}"
            );

            let mut path = "SELECT ".to_owned();
            let document = format!(
                r#"{{"{}": "found"}}"#,
                text.replace('\\', "\\\\").replace('\u{1}', "\\u0001")
            );
            dialect.json_text("$1::jsonb", &[text.into()], &mut path);
            let rows = read(
                case.connection.as_mut(),
                &path,
                &[(ValueType::Json, ValueRef::Json(&document).into())],
                &[ValueType::Text],
            );
            assert_eq!(
                rows.expect(text),
                [[Value::Text("found".to_owned())]],
                "{conforming} {text:?}"
            );
        }
    }
}

#[derive(selfsame::Entity, Clone, Debug)]
#[orm(table = "papers")]
struct Paper {
    #[orm(primary_key)]
    id: selfsame::prelude::Auto<i64>,
    text: String,
}

/// Many long rows are split into several statements of bounded length, all in one commit; a single row is never split.
fn of_many_bytes_are_split(server: &Server) {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use selfsame::prelude::*;

    let database = server.database().expect("a database");
    let engine = Engine::new(database.backend());
    selfsame::metadata![Paper]
        .create_all(&engine)
        .expect("creates");
    static LONGEST: AtomicUsize = AtomicUsize::new(0);
    static WRITES: AtomicUsize = AtomicUsize::new(0);
    engine.observe(|event: &selfsame::engine::Event<'_>| {
        if event.sql.kind().is_write() {
            let bytes = event.params.iter().map(|param| match param {
                Param::Column(values) => values
                    .iter()
                    .map(|value| match value {
                        ValueRef::Text(text) => text.len(),
                        _ => 8,
                    })
                    .sum(),
                _ => 0_usize,
            });
            LONGEST.fetch_max(bytes.sum(), Ordering::Relaxed);
            WRITES.fetch_add(1, Ordering::Relaxed);
        }
    });
    let mut session = Session::new(&engine);
    let papers: Vec<_> = (0..40)
        .map(|number: usize| session.add(Paper::new("x".repeat(1_000_000 + number))))
        .collect();
    session.commit().expect("commits");
    assert_eq!(WRITES.swap(0, Ordering::Relaxed), 3);
    assert!(LONGEST.load(Ordering::Relaxed) < 17 * 1024 * 1024);
    for (number, paper) in papers.iter().enumerate() {
        session.refresh(*paper).expect("reads");
        assert_eq!(session[*paper].text.len(), 1_000_000 + number);
    }
    for paper in &papers {
        session[*paper].text.push('y');
    }
    session.commit().expect("commits");
    assert_eq!(WRITES.swap(0, Ordering::Relaxed), 3);
    let long = Paper::query()
        .filter(Paper::TEXT.ends_with("y"))
        .count(&mut session)
        .expect("counts");
    assert_eq!(long, 40);
}
