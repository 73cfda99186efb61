//! No error shows a parameter.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use selfsame::backend::{Backend, Connection, Sql, Statement, StatementKind};
use selfsame::value::{Param, Value, ValueType};
use selfsame_postgres::testing::Server;

use crate::support::{Case, execute, shown};

pub(crate) const CASES: &[Case] = &[("secrets_are_in_no_error", are_in_no_error)];

/// Statements that fail because of their parameter, in classes whose messages quote it and in others.
const STATEMENTS: &[&str] = &[
    "SELECT to_tsquery($1)",
    "SELECT $1::regclass",
    "SELECT $1::regproc",
    "SELECT $1::regprocedure",
    "SELECT $1::regoper",
    "SELECT $1::regoperator",
    "SELECT $1::regtype",
    "SELECT $1::regrole",
    "SELECT $1::regnamespace",
    "SELECT $1::regconfig",
    "SELECT $1::regdictionary",
    "SELECT current_setting($1)",
    "SELECT set_config($1, 'on', false)",
    "SELECT set_config('work_mem', $1, false)",
    "SELECT set_config('search_path', $1 || ',,', true)",
    "SELECT pg_read_file($1)",
    "SELECT pg_stat_file($1)",
    "SELECT pg_ls_dir($1)",
    "SELECT nextval($1)",
    "SELECT lo_import($1)",
    "SELECT has_table_privilege($1, 'SELECT')",
    "SELECT has_table_privilege($1, 't', 'SELECT')",
    "SELECT has_column_privilege('t', $1, 'SELECT')",
    "SELECT pg_get_serial_sequence($1, 'id')",
    "SELECT pg_get_serial_sequence('t', $1)",
    "SELECT table_to_xml($1::regclass, true, true, '')",
    "SELECT query_to_xml($1, true, true, '')",
    "SELECT pg_notify($1 || repeat('x', 9000), 'a')",
    "SELECT convert_to('a', $1)",
    "SELECT encode('a', $1)",
    "SELECT decode($1, 'hex')",
    "SELECT '2020-01-01'::timestamptz AT TIME ZONE $1",
    "SELECT date_trunc($1, now())",
    "SELECT extract(year FROM $1::date)",
    "SELECT $1::int",
    "SELECT $1::uuid",
    "SELECT $1::inet",
    "SELECT $1::jsonb",
    "SELECT $1::jsonpath",
    "SELECT $1::xml",
    "SELECT $1::mood",
    "SELECT $1::int[]",
    "SELECT $1::tsvector::text || $1::point::text",
    "SELECT ('{}'::jsonb || jsonb_build_object('a', $1::text)) @@ $1::jsonpath",
    "SELECT 'a' ~ ('[' || $1)",
    "SELECT 'a' SIMILAR TO 'a' ESCAPE $1",
    "SELECT regexp_replace('a', 'a', 'b', $1)",
    "SELECT to_number($1, '999')",
    "SELECT to_timestamp($1, 'YYYY-MM-DD')",
    "SELECT to_char(now(), $1)::int",
    "SELECT pg_advisory_lock(length($1) / 0)",
    "SELECT shout($1)",
    "SELECT named($1)",
    "SELECT nested($1)",
    "SELECT dynamic($1)",
    "SELECT cast_in_function($1)",
    "SELECT COALESCE(NULL, $1)::numeric(3, 1)",
    "SELECT setseed(length($1))",
    "SELECT make_date(length($1), 99, 1)",
    "SELECT json_populate_record(NULL::t, $1::json)",
    "SELECT $1::json -> 'a'",
    "INSERT INTO t (name) VALUES ($1), ($1)",
    "INSERT INTO t (short) VALUES ($1)",
    "INSERT INTO t (checked) VALUES ($1)",
    "INSERT INTO t (parent) VALUES ($1)",
    "INSERT INTO t (mood) VALUES ($1::mood)",
    "INSERT INTO only_view (name) VALUES ($1)",
    "UPDATE t SET name = $1 WHERE current_setting($1) = 'a'",
    "DELETE FROM t WHERE $1::regclass = 't'::regclass",
];

const SCHEMA: &str = "CREATE TYPE mood AS ENUM ('calm'); \
    CREATE TABLE t (name text UNIQUE, short varchar(3), checked text CHECK (length(checked) < 2), parent text REFERENCES t (name), mood mood); \
    CREATE VIEW only_view AS SELECT DISTINCT name FROM t; \
    CREATE FUNCTION shout(text) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'cannot %', $1; END $$; \
    CREATE FUNCTION named(text) RETURNS int LANGUAGE plpgsql AS $$ BEGIN \
        RAISE EXCEPTION USING ERRCODE = '23505', MESSAGE = $1, CONSTRAINT = $1, COLUMN = $1, TABLE = $1, DETAIL = $1, HINT = $1; END $$; \
    CREATE FUNCTION nested(text) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN shout($1); END $$; \
    CREATE FUNCTION dynamic(text) RETURNS int LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'SELECT ' || $1; RETURN 1; END $$; \
    CREATE FUNCTION cast_in_function(text) RETURNS int LANGUAGE sql AS $$ SELECT CAST($1 AS int) $$";

fn are_in_no_error(server: &Server) {
    let database = server.database().expect("a database");
    let mut connection = database.backend().connect().expect("connects");
    execute(connection.as_mut(), SCHEMA).expect("creates");
    let mut unlimited = database.backend().connect().expect("connects");
    // Most statements must fail with some value: otherwise nothing is tested.
    let mut failed = vec![false; STATEMENTS.len()];
    for (at, text) in STATEMENTS.iter().enumerate() {
        for secret in [
            "qxzvexing",
            "Qxzvexing & ! (",
            "'qxzvexing' \"q",
            "\\qxzvexing:",
        ] {
            failed[at] |= try_one(unlimited.as_mut(), text, secret, StatementKind::Raw);
        }
    }
    let silent: Vec<&str> = (0..STATEMENTS.len())
        .filter(|at| !failed[*at])
        .map(|at| STATEMENTS[at])
        .collect();
    assert!(
        silent.len() * 4 < STATEMENTS.len(),
        "these do not fail: {silent:#?}"
    );

    let mut runner = TestRunner::new_with_rng(
        Config::with_cases(400),
        proptest::test_runner::TestRng::deterministic_rng(
            proptest::test_runner::RngAlgorithm::ChaCha,
        ),
    );
    let around = "[ !-/:-@A-Za-z0-9\\[-`{-~é]{0,12}";
    let strategy = (
        0..STATEMENTS.len(),
        around,
        "qxz[a-z]{6}",
        around,
        prop::bool::ANY,
    );
    let connection = std::cell::RefCell::new(connection);
    runner
        .run(&strategy, |(at, before, core, after, is_raw)| {
            let kind = match is_raw {
                true => StatementKind::Raw,
                false => StatementKind::Select,
            };
            let secret = format!("{before}{core}{after}");
            try_one(
                connection.borrow_mut().as_mut(),
                STATEMENTS[at],
                &secret,
                kind,
            );
            Ok(())
        })
        .expect("no error shows a parameter");
}

/// Returns whether the statement failed; checks that the error does not show its parameter.
fn try_one(connection: &mut dyn Connection, text: &str, secret: &str, kind: StatementKind) -> bool {
    let sql = Sql::new(kind, text, [ValueType::Text], []);
    let params = [Param::Owned(Value::Text(secret.to_owned()))];
    let statement = Statement::new(&sql, &params);
    let Err(error) = connection.query(&statement, &mut |_| Ok(())) else {
        return false;
    };
    let shown = shown(&error).to_lowercase();
    let core = secret.to_lowercase();
    let core = core.find("qxz").map_or(&*core, |at| &core[at..at + 9]);
    assert!(!shown.contains(core), "{text}: {shown}");
    true
}
