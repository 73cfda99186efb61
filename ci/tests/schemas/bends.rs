//! Values at the edges of what columns hold: as they were reflected, they are kept, or refused, or it is told of their column what it does to
//! them.

use selfsame::metadata::Metadata;
use selfsame::prelude::*;
use selfsame::record::Records;
use selfsame::schema::{Column, ColumnType, Table};
use selfsame::value::{Timestamp, Value};
use selfsame_mariadb::testing as mariadb;
use selfsame_postgres::testing::Server;

use crate::own::in_own_database;
use crate::{OnMariaDb, Test, execute};

pub(crate) const ON_POSTGRES: &[(&str, Test)] = &[("postgres_edges", on_postgres)];
pub(crate) const ON_MARIADB: &[(&str, OnMariaDb)] = &[("mariadb_edges", on_mariadb)];

/// What becomes of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Kept,
    Refused,
    /// Another value is read, and a remark of the column says so.
    Told,
}
use Fate::{Kept, Refused, Told};

/// A declared type, a value as text, and its fate.
type Edge = (&'static str, &'static str, Fate);

fn parsed<T: std::str::FromStr>(text: &str) -> T {
    let parsed = text.parse();
    parsed.unwrap_or_else(|_| panic!("{text} is no {}", std::any::type_name::<T>()))
}

/// A text as a value of a column's type.
fn value(table: &Table, text: &str) -> Value {
    use selfsame::value::ValueType as T;
    match table.columns[1].ty.value_type() {
        T::Bool => Value::Bool(text == "true"),
        T::I16 => Value::I16(parsed(text)),
        T::I32 => Value::I32(parsed(text)),
        T::I64 => Value::I64(parsed(text)),
        T::F32 => Value::F32(parsed(text)),
        T::F64 => Value::F64(parsed(text)),
        T::Decimal => Value::Decimal(parsed(text)),
        T::Date => Value::Date(parsed(text)),
        T::Time => Value::Time(parsed(text)),
        T::Timestamp => Value::Timestamp(parsed(text)),
        T::TimestampTz => Value::TimestampTz(parsed(text)),
        T::Json => Value::Json(text.into()),
        T::Uuid => Value::Uuid([0xAB; 16]),
        T::Bytes => Value::Bytes(text.as_bytes().to_vec()),
        _ => Value::Text(text.to_owned()),
    }
}

/// Whether a value came back; a document as what it means.
fn is_same(stored: Option<&Value>, value: &Value) -> bool {
    let parsed = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    match (stored, value) {
        (Some(Value::Json(stored)), Value::Json(value)) => parsed(stored) == parsed(value),
        (stored, value) => stored == Some(value),
    }
}

/// The outcomes that differ from the expected ones.
fn others(engine: &Engine, edges: &[Edge]) -> selfsame::Result<Vec<String>> {
    for (at, (declared, ..)) in edges.iter().enumerate() {
        execute(
            engine,
            &format!("CREATE TABLE e{at} (id integer PRIMARY KEY, v {declared})"),
        )?;
    }
    let reflected = Metadata::reflect(engine)?;
    let mut others = Vec::new();
    for (at, &(declared, text, wanted)) in edges.iter().enumerate() {
        let records = reflected.records(&format!("e{at}"))?;
        let value = value(records.table(), text);
        let mut session = Session::new(engine);
        let mut record = records.record();
        record.set("id", 1)?;
        record.set("v", value.clone())?;
        let added = session.add(record);
        let (found, shown) = match session.commit() {
            Err(error) => (Refused, format!("{:?}: {error}", error.kind())),
            Ok(()) => {
                let mut other = Session::new(engine);
                let stored = records.get(&mut other, 1)?.expect("the row");
                let stored = other[stored].value("v").cloned();
                let in_memory = session[added].value("v").cloned();
                // What the database writes in its own way is known in memory too.
                let is_kept = is_same(stored.as_ref(), &value) || stored == in_memory;
                let is_told = !records.table().columns[1].remarks.is_empty();
                match (is_kept, is_told) {
                    (true, _) => (Kept, format!("{stored:?}")),
                    (false, true) => (Told, format!("{stored:?}")),
                    (false, false) => {
                        others.push(format!("{declared}: {text}: silently {stored:?}"));
                        continue;
                    }
                }
            }
        };
        if found != wanted {
            others.push(format!("{declared}: {text}: {found:?} {shown}"));
        }
    }
    Ok(others)
}

fn on_postgres(server: &Server) -> selfsame::Result<()> {
    let extensions = ["citext", "hstore", "btree_gist", "ltree"];
    in_own_database(server, "edges", &extensions, |engine, _| {
        in_postgres(engine)
    })
}

fn in_postgres(engine: &Engine) -> selfsame::Result<()> {
    execute(
        engine,
        "CREATE EXTENSION IF NOT EXISTS citext;\nCREATE DOMAIN cents AS numeric(8, 2);\nCREATE DOMAIN short AS varchar(3)",
    )?;
    let edges = [
        ("numeric(12, 2)", "1.55", Kept),
        ("numeric(12, 2)", "1.5", Kept),
        ("numeric(12, 2)", "1.555", Refused),
        ("numeric(4, 0)", "1.5", Refused),
        ("numeric(3, -1)", "15", Refused),
        ("numeric(2, 4)", "0.01234", Refused),
        ("numeric", "1.55555555555555555555", Kept),
        ("cents", "1.555", Refused),
        ("numeric(5, 2)[]", "{1.555}", Told),
        ("money", "1.555", Kept),
        ("real", "0.1", Kept),
        ("double precision", "0.30000000000000004", Kept),
        ("char(5)", "ab", Kept),
        ("char(5)", "ab  ", Kept),
        ("char(5)", "abcdef", Refused),
        ("varchar(5)", "ab  ", Kept),
        ("varchar(5)", "ab        ", Refused),
        ("varchar(5)", "abcdef", Refused),
        ("varchar(3)[]", "{abcd}", Refused),
        ("varchar(3)[]", "{\"ab      \"}", Kept),
        ("short", "ab        ", Refused),
        (
            "name",
            "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggg",
            Refused,
        ),
        ("\"char\"", "abc", Refused),
        ("citext", "AbC", Kept),
        ("bit(3)", "1011", Refused),
        ("bit varying(3)", "1011", Refused),
        ("timestamp", "2024-02-29 12:30:00.123456", Kept),
        ("timestamp(0)", "2024-02-29 12:30:00", Kept),
        ("timestamp(0)", "2024-02-29 12:30:00.6", Kept),
        ("timestamp(3)", "2024-02-29 12:30:00.123456", Kept),
        ("timestamptz(0)", "2024-02-29 12:30:00.6Z", Kept),
        ("time(0)", "12:30:00.6", Kept),
        ("time(3)", "12:30:00.123456", Kept),
        ("interval(0)", "1.6 seconds", Kept),
        ("timetz(0)", "12:30:00.6+02", Kept),
        ("jsonb", "{\"b\": 1.50, \"a\": 2, \"a\": 3}", Kept),
        ("json", "{\"a\" : 1.50}", Kept),
        ("inet", "10.0.0.1/32", Kept),
        ("int4range", "[1,5]", Kept),
        ("xml", "<a/>", Kept),
        ("oid", "4294967296", Refused),
    ];
    let found = others(engine, &edges)?;
    assert_eq!(found, [""; 0]);
    rounded_times(engine, ["timestamp(0)", "time(3)", "timestamptz(2)"])?;
    mapped_times(engine, "timestamp(3)")?;
    documents(engine)
}

fn on_mariadb(server: &mariadb::Server) -> selfsame::Result<()> {
    let database = server.database()?;
    let engine = Engine::new(database.backend());
    let edges = [
        ("decimal(10, 2)", "1.55", Kept),
        ("decimal(10, 2)", "1.555", Refused),
        ("decimal(4)", "1.5", Refused),
        ("decimal(4, 1) unsigned", "-1", Refused),
        ("float", "0.1", Kept),
        ("float(7, 2)", "0.12", Kept),
        ("float(7, 2)", "0.125", Refused),
        ("double(7, 2)", "0.125", Refused),
        ("double", "0.30000000000000004", Kept),
        ("float unsigned", "-1", Refused),
        ("int unsigned", "-1", Refused),
        ("int unsigned", "4294967295", Kept),
        ("bigint unsigned", "9223372036854775807", Kept),
        ("tinyint", "128", Refused),
        ("mediumint", "8388608", Refused),
        ("year", "70", Refused),
        ("year", "1901", Kept),
        ("bit(3)", "8", Refused),
        ("bit(3)", "7", Kept),
        ("char(5)", "ab  ", Refused),
        ("char(5)", "abcdef", Refused),
        ("varchar(5)", "ab  ", Kept),
        ("varchar(5)", "ab        ", Refused),
        ("varchar(5) character set latin1", "日本", Refused),
        ("tinytext", "a", Kept),
        ("binary(4)", "ab", Kept),
        ("varbinary(4)", "ab", Kept),
        ("varbinary(4)", "abcde", Refused),
        ("enum('a', 'b')", "b", Kept),
        ("enum('a', 'b')", "B", Kept),
        ("enum('a', 'b')", "", Refused),
        ("enum('a', 'b')", "2", Kept),
        ("set('a', 'b')", "b,a", Kept),
        ("set('a', 'b')", "A", Kept),
        ("date", "2024-02-29", Kept),
        ("datetime", "2024-02-29 12:30:00", Kept),
        ("datetime", "2024-02-29 12:30:00.6", Kept),
        ("datetime(3)", "2024-02-29 12:30:00.123456", Kept),
        ("datetime(6)", "2024-02-29 12:30:00.123456", Kept),
        ("timestamp", "2024-02-29 12:30:00.6Z", Kept),
        ("time", "12:30:00.6", Kept),
        ("time(6)", "12:30:00.123456", Kept),
        ("json", "{\"a\" : 1.50}", Kept),
        ("uuid", "6F9619FF-8B86-D011-B42D-00C04FC964FF", Kept),
        ("inet6", "::FFFF:10.0.0.1", Kept),
    ];
    let found = others(&engine, &edges)?;
    assert_eq!(found, [""; 0]);
    rounded_times(&engine, ["datetime", "time(3)", "timestamp(2)"])?;
    mapped_times(&engine, "datetime(3)")?;
    documents(&engine)
}

/// Times that their columns round are known in memory as they are stored, once they are flushed.
fn rounded_times(engine: &Engine, types: [&str; 3]) -> selfsame::Result<()> {
    let [at, clock, instant] = types;
    execute(
        engine,
        &format!(
            "CREATE TABLE rounded (id integer PRIMARY KEY, n integer, at {at}, clock {clock}, instant {instant});\n\
             CREATE TABLE by_time (at {at} PRIMARY KEY, n integer)"
        ),
    )?;
    let usual = [
        ColumnType::Timestamp,
        ColumnType::Time,
        ColumnType::TimestampTz,
    ];
    let own = types.iter().zip(usual);
    let mut own = own.map(|(name, ty)| ColumnType::named(*name, ty));
    let mut column = |name: &str| Column::new(name, own.next().expect("a type")).nullable();
    let table = Table::build("rounded")
        .column(Column::new("id", ColumnType::I32))
        .column(Column::new("n", ColumnType::I32).nullable())
        .column(column("at"))
        .column(column("clock"))
        .column(column("instant"));
    let records = Records::new(table.primary_key(["id"]));
    let names = ["at", "clock", "instant"];
    let values = [
        Value::Timestamp(parsed("2024-02-29 12:30:00.654321")),
        Value::Time(parsed("12:30:00.654321")),
        Value::TimestampTz(parsed("2024-02-29 12:30:00.654321Z")),
    ];
    for rows in [1, 3] {
        let mut session = Session::new(engine);
        records.query().delete().execute(&mut session)?;
        let mut added = Vec::new();
        for id in 1..=rows {
            let mut record = records.record();
            record.set("id", id)?;
            for (name, value) in names.iter().zip(&values) {
                record.set(name, value.clone())?;
            }
            added.push(session.add(record));
        }
        session.flush()?;
        for round in 0..2 {
            for &row in &added {
                let key: i32 = session[row].get("id")?;
                let in_memory: Vec<_> = names.map(|name| session[row].value(name).cloned()).into();
                session.flush()?;
                let mut again = Session::new(engine);
                let stored = match round {
                    // The row is not committed yet.
                    0 => {
                        session.refresh(row)?;
                        names.map(|name| session[row].value(name).cloned())
                    }
                    _ => {
                        let found = records.get(&mut again, key)?.expect("the row");
                        names.map(|name| again[found].value(name).cloned())
                    }
                };
                assert_eq!(in_memory, stored, "{rows} rows, round {round}");
            }
            // A change of another column and of the same one.
            for &row in &added {
                session[row].set("n", round)?;
                session[row].set("at", values[0].clone())?;
            }
            session.commit()?;
        }
        // Beside a new key, which is written before the others.
        for &row in &added {
            let key: i32 = session[row].get("id")?;
            session[row].set("id", key + 100)?;
            session[row].set("at", values[0].clone())?;
        }
        session.flush()?;
        for &row in &added {
            let in_memory = session[row].value("at").cloned();
            session.refresh(row)?;
            let stored = session[row].value("at").cloned();
            assert_eq!(in_memory, stored, "{rows} rows with new keys");
        }
        session.commit()?;
    }
    let by_time = Table::build("by_time")
        .column(Column::new(
            "at",
            ColumnType::named(at, ColumnType::Timestamp),
        ))
        .column(Column::new("n", ColumnType::I32).nullable());
    let by_time = Records::new(by_time.primary_key(["at"]));
    for (text, is_kept) in [
        ("2024-02-29 12:30:00", true),
        ("2024-02-29 12:31:00.654321", false),
    ] {
        let mut session = Session::new(engine);
        let mut record = by_time.record();
        record.set("at", Value::Timestamp(parsed(text)))?;
        session.add(record);
        let written = session.commit();
        assert_eq!(written.is_ok(), is_kept, "{text}: {written:?}");
        if let Err(error) = written {
            assert_eq!(error.kind(), ErrorKind::Conversion, "{error}");
        }
        session.rollback()?;
        assert_eq!(by_time.query().count(&mut session)?, 1);
    }
    Ok(())
}

/// The same for an entity, which says how its column is declared, and creates it so.
fn mapped_times(engine: &Engine, declared: &'static str) -> selfsame::Result<()> {
    #[derive(Entity, Clone, Debug)]
    #[orm(table = "of_postgres")]
    struct OfPostgres {
        #[orm(primary_key)]
        id: i64,
        #[orm(db_type = "timestamp(3)")]
        at: Option<Timestamp>,
    }
    #[derive(Entity, Clone, Debug)]
    #[orm(table = "of_mariadb")]
    struct OfMariaDb {
        #[orm(primary_key)]
        id: i64,
        #[orm(db_type = "datetime(3)")]
        at: Option<Timestamp>,
    }
    let at: Timestamp = parsed("2024-02-29 12:30:00.123456");
    let mut session = Session::new(engine);
    let (metadata, kept) = match declared {
        "timestamp(3)" => {
            let metadata = metadata![OfPostgres];
            metadata.create_all(engine)?;
            let row = session.add(OfPostgres {
                at: Some(at),
                ..OfPostgres::new(1)
            });
            session.commit()?;
            (metadata, session[row].at)
        }
        _ => {
            let metadata = metadata![OfMariaDb];
            metadata.create_all(engine)?;
            let row = session.add(OfMariaDb {
                at: Some(at),
                ..OfMariaDb::new(1)
            });
            session.commit()?;
            (metadata, session[row].at)
        }
    };
    assert_eq!(kept, Some(parsed("2024-02-29 12:30:00.123")));
    let table = &metadata.tables()[0].name;
    let differences = metadata.diff(engine)?;
    let own: Vec<_> = differences
        .iter()
        .filter(|it| it.table() == table)
        .collect();
    assert!(own.is_empty(), "{own:?}");
    Ok(())
}

/// A document that the database writes in its own way is no change by somebody else, and memory has what is read.
fn documents(engine: &Engine) -> selfsame::Result<()> {
    #[derive(Entity, Clone, Debug)]
    #[orm(table = "documents_in_rust")]
    struct Document {
        #[orm(primary_key)]
        id: i32,
        content: serde_json::Value,
    }
    metadata![Document].create_all(engine)?;
    let mut session = Session::new(engine);
    for (id, content) in (1..).zip([
        serde_json::json!({ "b": 1, "a": [1.50, 1e300, 1e-9, 12345.678e-300] }),
        serde_json::json!(1e16),
        serde_json::json!(-0.0),
        serde_json::json!(u64::MAX),
        serde_json::json!("\u{7f}\u{1}/\"\\"),
    ]) {
        let one = session.add(Document::new(id, content.clone()));
        session.commit()?;
        session[one].content = serde_json::json!([]);
        session.commit()?;
        session[one].content = content.clone();
        session.flush()?;
        let in_memory = session[one].content.clone();
        session.refresh(one)?;
        assert_eq!(session[one].content, in_memory, "row {id}");
    }
    Ok(())
}
