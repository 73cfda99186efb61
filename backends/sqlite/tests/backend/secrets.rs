//! Neither an error nor an echo of statements shows a parameter.

use std::cell::RefCell;
use std::io::Write;
use std::sync::{Arc, Mutex};

use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use selfsame::backend::{Sql, StatementKind};
use selfsame::engine::{Connected, Echo};
use selfsame::value::{Param, Value, ValueType};
use selfsame::{Engine, Error};

use crate::support::Sqlite;

/// Statements that fail because of their parameter.
const STATEMENTS: &[&str] = &[
    "SELECT json(?1)",
    "SELECT json_extract('{}', ?1)",
    "SELECT json_extract(?1, '$.a')",
    "SELECT json_extract('{\"a\":1}', '$.' || ?1)",
    "SELECT json_insert('{}', ?1, 1)",
    "SELECT json_set(?1, '$', 1)",
    "SELECT json_remove('[]', ?1)",
    "SELECT json_type('{}', ?1)",
    "SELECT '{}' -> ('$[' || ?1)",
    "SELECT * FROM json_each(?1)",
    "SELECT * FROM json_tree('{}', ?1)",
    "SELECT jsonb(?1)",
    "SELECT 1 WHERE 'a' LIKE 'a' ESCAPE ?1",
    "SELECT abs(-9223372036854775807 - 1), ?1",
    "SELECT sum(v) FROM (SELECT 9223372036854775807 AS v UNION ALL SELECT 1) WHERE ?1 <> ''",
    "SELECT zeroblob(9223372036854775807) || ?1",
    "SELECT load_extension(?1)",
    "ATTACH '/nowhere/' || ?1 AS other",
    "VACUUM INTO '/nowhere/' || ?1",
    "SELECT * FROM docs WHERE docs MATCH ?1",
    "SELECT * FROM docs WHERE docs = ?1",
    "SELECT * FROM old WHERE old MATCH ?1",
    "INSERT INTO docs (docs) VALUES (?1)",
    "INSERT INTO docs (docs, rank) VALUES ('rank', ?1)",
    "INSERT INTO old (old) VALUES (?1)",
    "INSERT INTO t (number) VALUES (?1)",
    "INSERT INTO t (name) VALUES (?1), (?1)",
    "INSERT INTO t (checked) VALUES (?1)",
    "INSERT INTO t (parent) VALUES (?1)",
    "INSERT INTO t (name, number) VALUES (?1, NULL), (NULL, ?1)",
    "INSERT INTO shown (v) VALUES (?1)",
    "UPDATE shown SET v = ?1",
    "INSERT INTO exact VALUES (?1)",
    "SELECT raise_secret(?1)",
    "SELECT nth_value(1, ?1) OVER ()",
    "SELECT ntile(?1) OVER ()",
    "SELECT sum(1) OVER (ROWS ?1 PRECEDING)",
    "SELECT 1 LIMIT ?1",
    "SELECT unistr('\\' || ?1)",
    "PRAGMA integrity_check(?1)",
    "SELECT * FROM pragma_table_info(?1) WHERE json(name)",
    "SELECT fts3_tokenizer(?1)",
    "INSERT INTO view_only VALUES (?1)",
];

const SCHEMA: &[&str] = &[
    "CREATE TABLE t (number INTEGER PRIMARY KEY, name TEXT UNIQUE, checked TEXT CHECK (length(checked) < 2), parent TEXT REFERENCES t (name))",
    "CREATE VIRTUAL TABLE docs USING fts5(body)",
    "CREATE VIRTUAL TABLE old USING fts4(body)",
    "CREATE TABLE exact (v INTEGER) STRICT",
    "CREATE TABLE shown (v)",
    "INSERT INTO shown VALUES (1)",
    "CREATE TRIGGER inserting BEFORE INSERT ON shown BEGIN SELECT raise(ABORT, 'cannot ' || new.v); END",
    "CREATE TRIGGER updating BEFORE UPDATE ON shown BEGIN SELECT raise(FAIL, new.v); END",
    "CREATE VIEW view_only AS SELECT 1 AS v",
];

/// What echo wrote.
#[derive(Clone, Default)]
struct Shown(Arc<Mutex<Vec<u8>>>);

impl Write for Shown {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn are_in_no_error() {
    let engine = Engine::new(Sqlite::memory().on_connect(|connection| {
        let flags = rusqlite::functions::FunctionFlags::SQLITE_UTF8;
        connection.create_scalar_function(c"raise_secret", 1, flags, |context| {
            let secret: String = context.get(0)?;
            Err::<i64, _>(rusqlite::Error::UserFunctionError(
                format!("cannot work with {secret}").into(),
            ))
        })
    }));
    let shown = Shown::default();
    let engine = engine.echo_to(Echo::Sql, shown.clone());
    let mut connection = engine.connect().expect("connects");
    for text in SCHEMA {
        let sql = Sql::new(StatementKind::Ddl, *text, [], []);
        connection
            .execute(&sql, &[])
            .unwrap_or_else(|error| panic!("{text}: {error}"));
    }
    // Most statements must fail with some value: otherwise nothing is tested.
    let secrets = [
        "qxzvexing",
        "Qxzvexing & ! (",
        "'qxzvexing' \"q",
        "\\qxzvexing:",
        "[qxzvexing",
    ];
    let silent: Vec<&&str> = STATEMENTS
        .iter()
        .filter(|text| {
            !secrets
                .iter()
                .any(|secret| try_one(&mut connection, text, secret, &shown))
        })
        .collect();
    assert!(
        silent.len() * 4 < STATEMENTS.len(),
        "these do not fail: {silent:#?}"
    );

    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::with_cases(2_000), rng);
    let around = "[ !-/:-@A-Za-z0-9\\[-`{-~é]{0,12}";
    let strategy = (0..STATEMENTS.len(), around, "qxz[a-z]{6}", around);
    let connection = RefCell::new(connection);
    runner
        .run(&strategy, |(at, before, core, after)| {
            let secret = format!("{before}{core}{after}");
            try_one(
                &mut connection.borrow_mut(),
                STATEMENTS[at],
                &secret,
                &shown,
            );
            Ok(())
        })
        .expect("no error shows a parameter");
}

/// Returns whether the statement failed; checks that the error does not show its parameter.
fn try_one(connection: &mut Connected, text: &str, secret: &str, echoed: &Shown) -> bool {
    let sql = Sql::new(StatementKind::Raw, text, [ValueType::Text], []);
    let params = [Param::Owned(Value::Text(secret.to_owned()))];
    let result = connection.query(&sql, &params, &mut |_| Ok(()));
    let core = secret.to_lowercase();
    let core = core.find("qxz").map_or(&*core, |at| &core[at..at + 9]);
    let mut echoed = echoed.0.lock().expect("no panic");
    let line = String::from_utf8_lossy(&std::mem::take(&mut *echoed)).to_lowercase();
    assert!(!line.is_empty() && !line.contains(core), "{text}: {line}");
    let Err(error) = result else {
        return false;
    };
    let shown = all_of(&error).to_lowercase();
    assert!(!shown.contains(core), "{text}: {shown}");
    true
}

/// Everything that an error shows.
fn all_of(error: &Error) -> String {
    let mut out = format!("{error} {error:?}");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        out.push_str(&format!(" {cause} {cause:?}"));
        source = cause.source();
    }
    out
}
