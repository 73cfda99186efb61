//! Values at the edges of what columns hold: as they were reflected, they are kept, or refused, or it is told of their column what it does to
//! them.

use selfsame::metadata::Metadata;
use selfsame::prelude::*;
use selfsame::schema::Table;
use selfsame::value::Value;
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

/// The fates that are others than was said.
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
        ("numeric(3, -1)", "15", Told),
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
        ("varchar(3)[]", "{\"ab      \"}", Told),
        ("short", "ab        ", Refused),
        (
            "name",
            "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggg",
            Kept,
        ),
        ("\"char\"", "abc", Kept),
        ("citext", "AbC", Kept),
        ("bit(3)", "1011", Refused),
        ("bit varying(3)", "1011", Refused),
        ("timestamp", "2024-02-29 12:30:00.123456", Kept),
        ("timestamp(0)", "2024-02-29 12:30:00", Kept),
        ("timestamp(0)", "2024-02-29 12:30:00.6", Told),
        ("timestamp(3)", "2024-02-29 12:30:00.123456", Told),
        ("timestamptz(0)", "2024-02-29 12:30:00.6Z", Told),
        ("time(0)", "12:30:00.6", Told),
        ("time(3)", "12:30:00.123456", Told),
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
    Ok(())
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
        ("float(7, 2)", "0.125", Kept),
        ("double(7, 2)", "0.125", Kept),
        ("double", "0.30000000000000004", Kept),
        ("float unsigned", "-1", Refused),
        ("int unsigned", "-1", Refused),
        ("int unsigned", "4294967295", Kept),
        ("bigint unsigned", "9223372036854775807", Kept),
        ("tinyint", "128", Refused),
        ("mediumint", "8388608", Refused),
        ("year", "70", Told),
        ("year", "1901", Kept),
        ("bit(3)", "8", Refused),
        ("bit(3)", "7", Kept),
        ("char(5)", "ab  ", Told),
        ("char(5)", "abcdef", Refused),
        ("varchar(5)", "ab  ", Kept),
        ("varchar(5)", "ab        ", Refused),
        ("varchar(5) character set latin1", "日本", Refused),
        ("tinytext", "a", Kept),
        ("binary(4)", "ab", Told),
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
        ("datetime", "2024-02-29 12:30:00.6", Told),
        ("datetime(3)", "2024-02-29 12:30:00.123456", Told),
        ("datetime(6)", "2024-02-29 12:30:00.123456", Kept),
        ("timestamp", "2024-02-29 12:30:00.6Z", Told),
        ("time", "12:30:00.6", Told),
        ("time(6)", "12:30:00.123456", Kept),
        ("json", "{\"a\" : 1.50}", Kept),
        ("uuid", "6F9619FF-8B86-D011-B42D-00C04FC964FF", Kept),
        ("inet6", "::FFFF:10.0.0.1", Kept),
    ];
    let found = others(&engine, &edges)?;
    assert_eq!(found, [""; 0]);
    Ok(())
}
