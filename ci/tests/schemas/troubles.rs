//! Databases that cannot be read in part: the part is named, and the rest is read.

use std::time::{Duration, Instant};

use selfsame::backend::{Sql, StatementKind};
use selfsame::dialect::Begin;
use selfsame::prelude::*;
use selfsame_postgres::testing::Server;
use selfsame_sqlite::testing::TempDatabase;
use serde_json::Value;

use crate::audit::audited;
use crate::on_sqlite::Test as OnSqlite;
use crate::support::{Ran, refused, run, selfsame};
use crate::{Test, execute};

pub(crate) const ON_POSTGRES: &[(&str, Test)] = &[
    ("postgres_without_rights", without_rights),
    ("postgres_type_that_is_gone", type_that_is_gone),
    ("postgres_tables_that_change_meanwhile", changes_meanwhile),
    ("postgres_catalogue_that_is_closed", closed_catalogue),
];
pub(crate) const ON_SQLITE: &[(&str, OnSqlite)] = &[
    ("sqlite_damaged", damaged),
    ("sqlite_catalogue_that_is_damaged", damaged_catalogue),
    ("sqlite_modules_that_are_missing", missing_modules),
];

fn table<'a>(audit: &'a Value, name: &str) -> &'a Value {
    let tables = audit["tables"].as_array().expect("tables");
    tables
        .iter()
        .find(|table| table["name"] == name)
        .unwrap_or_else(|| panic!("{name} is named:\n{audit:#}"))
}

fn tells(table: &Value, part: &str) {
    let findings = table["findings"].as_array().expect("findings");
    let reported = findings.iter().any(|it| {
        it["severity"] == "error" && it["message"].as_str().is_some_and(|it| it.contains(part))
    });
    assert!(reported, "{part}: {table:#}");
}

/// A role that may not read one table, one column of another, nor a schema.
fn without_rights(server: &Server) -> selfsame::Result<()> {
    let database = server.database()?;
    let engine = Engine::new(database.backend());
    let schema = database.name();
    let role = format!("{schema}_reader");
    execute(
        &engine,
        &format!(
            "CREATE TABLE open (id integer PRIMARY KEY, name text);\n\
             CREATE TABLE closed (id integer PRIMARY KEY, name text);\n\
             CREATE TABLE half (id integer PRIMARY KEY, name text, secret text);\n\
             CREATE TABLE leads (id integer PRIMARY KEY, closed_id integer REFERENCES closed);\n\
             CREATE TABLE tenants (id integer PRIMARY KEY, owner text NOT NULL);\n\
             CREATE TABLE rents (id integer PRIMARY KEY, tenant_id integer REFERENCES tenants);\n\
             CREATE INDEX ON rents (tenant_id);\n\
             ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;\n\
             INSERT INTO tenants VALUES (1, '{role}'), (2, 'another');\n\
             INSERT INTO rents VALUES (1, 1), (2, 2);\n\
             INSERT INTO open VALUES (1, 'a');\nINSERT INTO closed VALUES (1, 'a');\nINSERT INTO half VALUES (1, 'a', 'b');\n\
             CREATE ROLE {role} LOGIN PASSWORD 'reading';\n\
             GRANT USAGE ON SCHEMA {schema} TO {role};\n\
             CREATE POLICY own ON tenants TO {role} USING (owner = current_user);\n\
             GRANT SELECT ON open, leads, tenants, rents TO {role};\nGRANT SELECT (id, name) ON half TO {role}"
        ),
    )?;
    let url = database.url();
    let (scheme, rest) = url.split_once("://").expect("a URL");
    let (_, place) = rest.split_once('@').expect("a user");
    let reading = format!("{scheme}://{role}:reading@{place}");
    for arguments in [&[reading.as_str()][..], &[&reading, "--write"]] {
        let audit = audited(arguments, 3);
        assert_eq!(audit["whole"], false);
        assert_eq!(table(&audit, "open")["rows"], 1);
        for name in ["closed", "half"] {
            tells(table(&audit, name), "permission denied");
            assert_eq!(table(&audit, name)["whole"], false);
        }
        // One reason is told once, and for what it stops.
        let errors = table(&audit, "closed")["findings"]
            .as_array()
            .expect("findings");
        assert_eq!(errors.len(), 1, "{errors:#?}");
        tells(
            table(&audit, "leads"),
            "its foreign keys could not be checked: permission denied for table closed",
        );
        // A row that is hidden is not called missing.
        let of_rents: Vec<&Value> = table(&audit, "rents")["findings"]
            .as_array()
            .expect("findings")
            .iter()
            .filter(|it| {
                it["message"]
                    .as_str()
                    .is_some_and(|it| it.contains("references"))
            })
            .collect();
        let [hidden] = of_rents[..] else {
            panic!("{of_rents:#?}");
        };
        assert_eq!(
            (&hidden["severity"], &hidden["rows"]),
            (&"note".into(), &1.into())
        );
        let message = hidden["message"].as_str().expect("a message");
        assert!(message.contains("row-level security hides"), "{message}");
    }
    // Anyone may see what a table looks like; what the role may not read is named.
    let ran = run(&["inspect", &reading]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    for (part, times) in [
        (
            "// This role may not read it.\n#[derive(Entity, Clone, Debug)]\n#[orm(table = \"closed\")]",
            1,
        ),
        (
            "    // This role may not read it.\n    pub secret: Option<String>",
            1,
        ),
        ("This role may not read it.", 2),
    ] {
        assert_eq!(ran.out.matches(part).count(), times, "{part}:\n{}", ran.out);
    }
    for command in ["inspect", "audit"] {
        refused(
            &[command, &reading, "--schema", "nowhere"],
            &["schema nowhere has no tables"],
        );
        refused(&[command, &reading.replace("reading", "hunter2")], &[]);
    }
    let count = "SELECT (SELECT count(*) FROM open) + (SELECT count(*) FROM closed) + (SELECT count(*) FROM half)";
    let rows: i64 = Session::new(&engine).sql(count, ()).one()?;
    assert_eq!(rows, 3, "nothing is written");
    execute(&engine, &format!("DROP OWNED BY {role};\nDROP ROLE {role}"))?;
    Ok(())
}

/// A type whose functions are gone, and a view over a table that is: the table is named, the others are read.
fn type_that_is_gone(server: &Server) -> selfsame::Result<()> {
    let database = server.database()?;
    let engine = Engine::new(database.backend());
    execute(
        &engine,
        "CREATE TYPE odd;\n\
         CREATE FUNCTION odd_in(cstring) RETURNS odd LANGUAGE internal IMMUTABLE STRICT AS 'textin';\n\
         CREATE FUNCTION odd_out(odd) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';\n\
         CREATE TYPE odd (INPUT = odd_in, OUTPUT = odd_out, LIKE = text);\n\
         CREATE TABLE with_odd (id integer PRIMARY KEY, odd odd);\n\
         CREATE TABLE without (id integer PRIMARY KEY);\n\
         INSERT INTO with_odd VALUES (1, 'x');\nINSERT INTO without VALUES (1);\n\
         CREATE FUNCTION fails() RETURNS integer LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no more''; END';\n\
         CREATE VIEW failing AS SELECT id, fails() AS n FROM without",
    )?;
    // As if the library of an extension were missing.
    let broken = Sql::new(
        StatementKind::Raw,
        "UPDATE pg_proc SET probin = '/no/such/library', prosrc = 'gone', prolang = (SELECT oid FROM pg_language WHERE lanname = 'c') \
         WHERE proname = 'odd_out' AND pronamespace = current_schema()::regnamespace",
        [],
        [],
    );
    engine.connect()?.execute(&broken, &[])?;
    let audit = audited(&[&database.url()], 3);
    tells(table(&audit, "with_odd"), "could not be read");
    tells(table(&audit, "failing"), "could not be read");
    assert_eq!(table(&audit, "without")["rows"], 1);
    let ran = run(&["inspect", &database.url()]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.out.contains("db_type = \"odd\""), "{}", ran.out);
    Ok(())
}

/// While the audit waits for the first table, somebody drops another and changes two: these are named, and the rest is read.
fn changes_meanwhile(server: &Server) -> selfsame::Result<()> {
    let database = server.database()?;
    let engine = Engine::new(database.backend());
    execute(
        &engine,
        "CREATE TABLE a_held (id integer);\n\
         CREATE TABLE b_same (id integer PRIMARY KEY);\n\
         CREATE TABLE c_less (id integer PRIMARY KEY, name text);\n\
         CREATE TABLE d_other (id integer PRIMARY KEY, n integer);\n\
         CREATE TABLE e_more (id integer PRIMARY KEY);\n\
         CREATE TABLE z_gone (id integer PRIMARY KEY);\n\
         INSERT INTO a_held VALUES (1);\nINSERT INTO b_same VALUES (1);\nINSERT INTO c_less VALUES (1, 'a');\n\
         INSERT INTO d_other VALUES (1, 2);\nINSERT INTO e_more VALUES (1);\nINSERT INTO z_gone VALUES (1)",
    )?;
    let mut holder = engine.connect()?;
    holder.begin(Begin::default())?;
    let hold = |text: &str| Sql::new(StatementKind::Raw, text, [], []);
    holder.execute(&hold("LOCK TABLE a_held IN ACCESS EXCLUSIVE MODE"), &[])?;
    let url = database.url();
    let audit = std::thread::spawn(move || {
        let mut command = selfsame();
        command.args(["audit", "--format", "json", &url]).output()
    });
    let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'a_held'::regclass";
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let waiting: i64 = Session::new(&engine).sql(waits, ()).one()?;
        if waiting > 0 {
            break;
        }
        assert!(Instant::now() < deadline, "the audit does not come to wait");
        std::thread::sleep(Duration::from_millis(20));
    }
    for text in [
        "DROP TABLE z_gone",
        "ALTER TABLE c_less DROP COLUMN name",
        "ALTER TABLE d_other ALTER COLUMN n TYPE text",
        "ALTER TABLE e_more ADD COLUMN more integer",
    ] {
        holder.execute(&hold(text), &[])?;
    }
    holder.commit()?;
    let ran = Ran::from(audit.join().expect("no panic").expect("it ends"));
    assert_eq!(ran.code, Some(3), "{}{}", ran.err, ran.out);
    let audit: Value = serde_json::from_str(&ran.out).expect("JSON");
    for name in ["a_held", "b_same", "e_more"] {
        assert_eq!(table(&audit, name)["rows"], 1, "{name}");
        assert_eq!(table(&audit, name)["whole"], true, "{name}");
    }
    tells(table(&audit, "c_less"), "name");
    tells(table(&audit, "d_other"), "I32");
    tells(table(&audit, "z_gone"), "does not exist");
    Ok(())
}

/// A database whose catalogue a role may not read whole.
fn closed_catalogue(server: &Server) -> selfsame::Result<()> {
    let database = server.database()?;
    let engine = Engine::new(database.backend());
    let name = format!("{}_closed", database.name());
    execute(
        &engine,
        &format!("CREATE DATABASE {name};\nCREATE ROLE {name} LOGIN PASSWORD 'reading'"),
    )?;
    let url = database.url();
    let (scheme, rest) = url.split_once("://").expect("a URL");
    let (user, place) = rest.split_once('@').expect("a user");
    let (host, _) = place.split_once('/').expect("a database");
    let owner = Engine::from_url(
        &format!("{scheme}://{user}@{host}/{name}"),
        &[&selfsame_postgres::SCHEME],
    )?;
    execute(
        &owner,
        "CREATE TABLE things (id integer PRIMARY KEY);\n\
         REVOKE SELECT ON pg_catalog.pg_constraint FROM PUBLIC",
    )?;
    drop(owner);
    let reading = format!("{scheme}://{name}:reading@{host}/{name}");
    for command in ["inspect", "audit"] {
        refused(
            &[command, &reading],
            &["permission denied", "pg_constraint"],
        );
    }
    execute(
        &engine,
        &format!("DROP DATABASE {name} WITH (FORCE);\nDROP ROLE {name}"),
    )
}

/// A catalogue that SQLite itself cannot read.
fn damaged_catalogue() -> selfsame::Result<()> {
    let database = TempDatabase::new()?;
    let engine = Engine::new(database.backend());
    execute(
        &engine,
        "CREATE TABLE sound (id INTEGER PRIMARY KEY);\n\
         PRAGMA writable_schema = ON;\n\
         INSERT INTO sqlite_schema VALUES ('table', 'odd', 'odd', 0, 'CREATE TABEL odd');\n\
         PRAGMA writable_schema = OFF",
    )?;
    drop(engine);
    let url = format!("sqlite:{}", database.path().to_str().expect("text"));
    for command in ["inspect", "audit"] {
        refused(&[command, &url], &["malformed database schema", "odd"]);
    }
    Ok(())
}

/// A file with a page of rubbish in it.
fn damaged() -> selfsame::Result<()> {
    let database = TempDatabase::new()?;
    let engine = Engine::new(database.backend());
    execute(
        &engine,
        "CREATE TABLE sound (id INTEGER PRIMARY KEY, name TEXT);\n\
         CREATE TABLE hurt (id INTEGER PRIMARY KEY, name TEXT);\n\
         INSERT INTO sound VALUES (1, 'a');\n\
         INSERT INTO hurt VALUES (1, 'b');\n\
         PRAGMA wal_checkpoint(TRUNCATE)",
    )?;
    let mut session = Session::new(&engine);
    let page: i64 = session
        .sql("SELECT rootpage FROM sqlite_schema WHERE name = 'hurt'", ())
        .one()?;
    let size: i64 = session
        .sql("SELECT page_size FROM pragma_page_size", ())
        .one()?;
    drop(session);
    drop(engine);
    let path = database.path().to_owned();
    let mut bytes = std::fs::read(&path).expect("the file");
    let start = usize::try_from((page - 1) * size).expect("a place");
    let end = start + usize::try_from(size).expect("a size");
    bytes[start..end].fill(0xA5);
    std::fs::write(&path, &bytes).expect("the file");
    let url = format!("sqlite:{}", path.to_str().expect("text"));
    let audit = audited(&[&url], 3);
    tells(table(&audit, "hurt"), "malformed");
    assert_eq!(table(&audit, "sound")["rows"], 1);
    assert_eq!(run(&["inspect", &url]).code, Some(0));
    // What is no database at all.
    std::fs::write(
        &path,
        b"this is no database, but it is long enough to be one",
    )
    .expect("the file");
    for command in ["inspect", "audit"] {
        refused(&[command, &url], &["not a database"]);
    }
    Ok(())
}

/// Virtual tables and views of what is not there.
fn missing_modules() -> selfsame::Result<()> {
    let database = TempDatabase::new()?;
    let engine = Engine::new(database.backend());
    execute(
        &engine,
        "CREATE TABLE sound (id INTEGER PRIMARY KEY);\n\
         INSERT INTO sound VALUES (1);\n\
         CREATE VIEW gone AS SELECT a FROM nowhere;\n\
         CREATE VIEW failing AS SELECT nowhere(id) AS n FROM sound;\n\
         PRAGMA writable_schema = ON;\n\
         INSERT INTO sqlite_schema VALUES ('table', 'shapes', 'shapes', 0, 'CREATE VIRTUAL TABLE shapes USING nowhere(a)');\n\
         PRAGMA writable_schema = OFF",
    )?;
    drop(engine);
    let url = format!("sqlite:{}", database.path().to_str().expect("text"));
    let audit = audited(&[&url], 1);
    assert_eq!(table(&audit, "sound")["rows"], 1);
    for name in ["gone", "failing", "shapes"] {
        tells(table(&audit, name), "no columns that can be read");
    }
    let ran = run(&["inspect", &url]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    for part in [
        "Table \"shapes\"",
        "no such module",
        "Table \"gone\"",
        "pub struct Sound {",
    ] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
    Ok(())
}
