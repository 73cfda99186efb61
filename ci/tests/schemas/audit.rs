//! `selfsame audit` reports each kind of problem separately and writes nothing.

use std::path::Path;

use selfsame::Engine;
use selfsame::prelude::*;
use selfsame_postgres::testing::Server;
use selfsame_sqlite::Sqlite;
use selfsame_sqlite::testing::TempDatabase;
use serde_json::Value;

use crate::execute;
use crate::support::{refused, run};

/// What one column of one table shows: severity, key, rows, and a part of the message.
type Told<'t> = (&'t str, &'t str, &'t str, Option<&'t str>, u64, &'t str);

pub(crate) fn audited(arguments: &[&str], code: i32) -> Value {
    let arguments = [&["audit", "--format", "json"], arguments].concat();
    let ran = run(&arguments);
    assert_eq!(ran.code, Some(code), "{}\n{}", ran.err, ran.out);
    serde_json::from_str(&ran.out).expect("JSON")
}

pub(crate) fn check(audit: &Value, wanted: &[Told<'_>]) {
    let tables = audit["tables"].as_array().expect("tables");
    for &(severity, table, column, key, rows, message) in wanted {
        let found = tables.iter().find(|it| it["name"] == table).expect(table);
        let findings = found["findings"].as_array().expect("findings");
        let same = |finding: &&Value| {
            finding["severity"] == severity
                && finding["column"] == column
                && finding["key"].as_str() == key
                && finding["rows"] == rows
                && finding["message"]
                    .as_str()
                    .is_some_and(|text| text.contains(message))
        };
        assert!(
            findings.iter().any(|finding| same(&finding)),
            "{severity} {table}.{column}: {message}\n{findings:#?}"
        );
    }
}

pub(crate) fn on_sqlite() -> selfsame::Result<()> {
    let database = TempDatabase::new()?;
    let engine = Engine::new(database.backend());
    execute(&engine, include_str!("sqlite.sql"))?;
    execute(
        &engine,
        "PRAGMA foreign_keys = OFF;\n\
         CREATE TABLE folded (name TEXT PRIMARY KEY COLLATE NOCASE);\n\
         CREATE TABLE follows (id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE REFERENCES folded, tiny INT2);\n\
         INSERT INTO folded VALUES ('ABC'), (NULL);\n\
         INSERT INTO follows VALUES (1, 'abc', 1), (2, 'gone', 70000), (3, NULL, 80000);\n\
         INSERT INTO dates VALUES (1, '2024-02-29', '2024-02-29T12:30:00Z', NULL, 't');\n\
         INSERT INTO dates VALUES (2, '2024-02-29', '2024-02-29 12:30:00', NULL, 0);\n\
         INSERT INTO loose VALUES (1, 12.5, 5, 'x', x'00ff', 42)",
    )?;
    drop(engine);
    let path = database.path().to_str().expect("text").to_owned();
    let url = format!("sqlite:{path}");
    let before = dump(&path)?;
    let audit = audited(&[&url], 1);
    check(
        &audit,
        &[
            ("silent", "follows", "name", None, 1, "different in memory"),
            (
                "error",
                "follows",
                "name",
                None,
                1,
                "references a missing row of folded",
            ),
            ("slow", "follows", "name", None, 0, "no index"),
            ("error", "follows", "tiny", Some("2"), 2, "not a valid I16"),
            ("error", "folded", "name", Some("Null"), 1, "NULL"),
            (
                "error",
                "dates",
                "is_done",
                Some("1"),
                1,
                "not a valid Bool",
            ),
            (
                "error",
                "dates",
                "made",
                Some("1"),
                1,
                "not a valid Timestamp",
            ),
        ],
    );
    assert_eq!(audit["whole"], true);
    // Read leniently, the dates are read.
    let lenient = audited(&[&format!("{url}?reading=lenient")], 1);
    let dates = lenient["tables"].as_array().expect("tables").iter();
    let dates = dates.filter(|table| table["name"] == "dates");
    for column in dates.flat_map(|table| table["columns"].as_array().expect("columns")) {
        assert_eq!(column["readable"], true, "{column}");
    }
    let written = audited(&[&url, "--write", "--rows", "2"], 1);
    let follows = written["tables"].as_array().expect("tables").iter();
    let follows = follows.filter(|table| table["name"] == "follows");
    for table in follows {
        assert_eq!(table["rows"], 2);
        assert_eq!(table["columns"][1]["writable"], false);
    }
    assert_eq!(dump(&path)?, before, "nothing is written");

    let out = std::env::temp_dir().join(format!("selfsame-audit-{}", std::process::id()));
    for (ending, begins) in [
        ("html", "<!DOCTYPE html>"),
        ("md", "# Audit"),
        ("json", "{"),
    ] {
        let file = out.with_extension(ending);
        let ran = run(&["audit", &url, "--out", file.to_str().expect("text")]);
        assert_eq!(ran.code, Some(1), "{}", ran.err);
        assert!(ran.out.contains("rows read"), "{}", ran.out);
        let text = std::fs::read_to_string(&file).expect("the verdict");
        assert!(
            text.starts_with(begins) && text.contains("follows"),
            "{ending}"
        );
        remove(&file);
    }
    let pdf = out.with_extension("pdf");
    let ran = run(&["audit", &url, "--out", pdf.to_str().expect("text")]);
    assert_eq!((ran.code, pdf.exists()), (Some(2), false), "{}", ran.err);
    assert!(ran.err.contains(".json, .md, .html or .txt"), "{}", ran.err);
    let human = run(&["audit", &url]);
    assert!(
        human
            .out
            .lines()
            .any(|line| line.starts_with("silent follows.name, 1 row:")),
        "{}",
        human.out
    );
    assert_eq!(
        human.out.contains("--format markdown"),
        !human.out.contains(" 0 notes"),
        "{}",
        human.out
    );
    refused(&["audit", &url, "--schema", "nowhere"], &["no tables"]);
    refused(&["audit", "sqlite:/no/such/file.db"], &["SQLite"]);
    Ok(())
}

/// Everything that a file holds.
fn dump(path: &str) -> selfsame::Result<Vec<(String, String)>> {
    let mut session = Session::new(&Engine::new(Sqlite::file(path).read_only()));
    let sql = "SELECT 'follows', group_concat(coalesce(name, '-') || tiny) FROM follows UNION ALL \
               SELECT 'dates', group_concat(made || is_done) FROM dates";
    session.sql(sql, ()).all()
}

fn remove(file: &Path) {
    std::fs::remove_file(file).expect("it was written");
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "users")]
struct User {
    #[orm(primary_key)]
    id: Auto<i64>,
    name: String,
    #[orm(back_populates = user)]
    tasks: HasMany<Task>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "tasks")]
struct Task {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(references = "users.id", index)]
    user_id: Option<i64>,
    #[orm(back_populates = tasks)]
    user: BelongsTo<User>,
}

/// What the mapper itself made and filled is clean, and can be written back.
pub(crate) fn clean() -> selfsame::Result<()> {
    let database = TempDatabase::new()?;
    let engine = Engine::new(database.backend());
    metadata![User, Task].create_all(&engine)?;
    let mut session = Session::new(&engine);
    session.add(User {
        tasks: [Task::new(), Task::new()].into(),
        ..User::new("ann".to_owned())
    });
    session.commit()?;
    drop((session, engine));
    let url = format!("sqlite:{}", database.path().to_str().expect("text"));
    for arguments in [&[url.as_str()][..], &[&url, "--write"]] {
        let audit = audited(arguments, 0);
        assert_eq!(audit["rows"], 3);
        for severity in ["silent", "error", "slow"] {
            assert_eq!(audit["findings"][severity], 0, "{audit:#}");
        }
    }
    Ok(())
}

pub(crate) fn on_postgres(server: &Server) -> selfsame::Result<()> {
    let database = server.database()?;
    let engine = Engine::new(database.backend());
    execute(
        &engine,
        "CREATE TYPE audit_mood AS ENUM ('calm', 'odd');\n\
         CREATE TABLE pads (code char(5) PRIMARY KEY, mood audit_mood, tags text[]);\n\
         CREATE TABLE padded (id integer PRIMARY KEY, code char(5) REFERENCES pads);\n\
         CREATE TABLE odd (id integer PRIMARY KEY, day date, number numeric, at time, doc jsonb);\n\
         CREATE TABLE stamped (id integer PRIMARY KEY, touched integer);\n\
         CREATE TABLE keyless (a integer);\n\
         CREATE TABLE \"Same\" (id integer PRIMARY KEY);\n\
         CREATE TABLE same (id integer PRIMARY KEY);\n\
         CREATE TABLE of_same (id integer PRIMARY KEY REFERENCES same);\n\
         INSERT INTO same VALUES (1);\n\
         INSERT INTO of_same VALUES (1);\n\
         CREATE TABLE twice (id integer PRIMARY KEY, doc json, docs json[], rows json[][]);\n\
         INSERT INTO twice VALUES (1, '{\"a\": 1, \"b\": {\"a\": 1}}', NULL), (2, '[{\"a\": 1, \"\\u0061\": 1}]', NULL), (3, NULL, ARRAY['{\"a\": 1, \"a\": 1}'::json]);\n\
         INSERT INTO twice VALUES (4, NULL, NULL, ARRAY[ARRAY['1'::json], ARRAY['{\"a\": 1, \"a\": 1}'::json]]);\n\
         CREATE FUNCTION audit_touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.touched := OLD.touched + 1; RETURN NEW; END';\n\
         CREATE TRIGGER touch BEFORE UPDATE ON stamped FOR EACH ROW EXECUTE FUNCTION audit_touch();\n\
         CREATE TABLE by_unique (a integer UNIQUE, b integer NOT NULL UNIQUE, c text);\n\
         INSERT INTO by_unique VALUES (NULL, 1, 'x');\n\
         CREATE TABLE beside (id integer PRIMARY KEY, touched integer, state text, other integer);\n\
         INSERT INTO beside VALUES (1, 5, 'kept', 1);\n\
         CREATE FUNCTION audit_clear() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.state := NULL; RETURN NEW; END';\n\
         CREATE TRIGGER clear BEFORE UPDATE OF other ON beside FOR EACH ROW EXECUTE FUNCTION audit_clear();\n\
         CREATE TRIGGER touch BEFORE UPDATE ON beside FOR EACH ROW EXECUTE FUNCTION audit_touch();\n\
         INSERT INTO pads VALUES ('AB', 'calm', '{a}');\n\
         INSERT INTO padded VALUES (1, 'AB');\n\
         INSERT INTO odd VALUES (1, '2024-02-29', 1, '10:00', '{}'), (2, 'infinity', 'NaN', '24:00', '1');\n\
         INSERT INTO stamped VALUES (1, 5)",
    )?;
    let url = database.url();
    let audit = audited(&[&url], 1);
    check(
        &audit,
        &[
            ("error", "odd", "day", Some("2"), 1, "infinite"),
            ("error", "odd", "number", Some("2"), 1, "NaN"),
            ("error", "odd", "at", Some("2"), 1, "24:00:00"),
            ("slow", "padded", "code", None, 0, "no index"),
            ("silent", "twice", "doc", Some("2"), 1, "a key twice"),
            ("silent", "twice", "docs", Some("3"), 1, "a key twice"),
            ("silent", "twice", "rows", Some("4"), 1, "a key twice"),
        ],
    );
    let tables = audit["tables"].as_array().expect("tables");
    for name in ["pads", "of_same"] {
        let table = tables.iter().find(|table| table["name"] == name);
        let findings = &table.expect("a table")["findings"];
        assert_eq!(*findings, serde_json::json!([]), "{name}");
    }
    let written = audited(&[&url, "--write"], 1);
    check(
        &written,
        &[
            (
                "silent",
                "stamped",
                "touched",
                Some("1"),
                1,
                "changes the value",
            ),
            (
                "silent",
                "beside",
                "touched",
                Some("1"),
                1,
                "changes the value",
            ),
            (
                "silent",
                "beside",
                "state",
                Some("1"),
                1,
                "beside other columns",
            ),
        ],
    );
    let tables = written["tables"].as_array().expect("tables");
    let by_unique = tables.iter().find(|table| table["name"] == "by_unique");
    let columns = &by_unique.expect("a table")["columns"];
    assert_eq!(
        (&columns[1]["key"], &columns[2]["writable"]),
        (&true.into(), &true.into()),
        "{columns:#}"
    );
    let mut session = Session::new(&engine);
    let touched: i32 = session.sql("SELECT touched FROM stamped", ()).one()?;
    assert_eq!(touched, 5, "it was rolled back");
    Ok(())
}
