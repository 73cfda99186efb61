//! Columns that are mapped by hand as another type than their own: each value is kept, or refused, when it is written or when it is read.

use selfsame::prelude::*;
use selfsame::record::Records;
use selfsame::schema::{Column, ColumnType, Table};
use selfsame::value::{Date, Decimal, Time, Timestamp, TimestampTz, Value};
use selfsame_mariadb::testing as mariadb;
use selfsame_postgres::testing::Server;

use crate::{OnMariaDb, Test, execute};

pub(crate) const ON_POSTGRES: &[(&str, Test)] = &[("postgres_mapped_otherwise", on_postgres)];
pub(crate) const ON_MARIADB: &[(&str, OnMariaDb)] = &[("mariadb_mapped_otherwise", on_mariadb)];

fn parsed<T: std::str::FromStr>(text: &str) -> T {
    let parsed = text.parse();
    parsed.unwrap_or_else(|_| panic!("{text} is no {}", std::any::type_name::<T>()))
}

/// Values that some column of another type holds otherwise.
fn values() -> Vec<Value> {
    let texts = [
        "ab",
        "ab  ",
        "007",
        "7",
        "1.50",
        "true",
        "2024-02-29",
        "12:30:00",
        "6f9619ff-8b86-d011-b42d-00c04fc964ff",
        "{}",
        "2",
        "AB",
        "6F9619FF-8B86-D011-B42D-00C04FC964FF",
    ];
    let mut values: Vec<Value> = texts
        .iter()
        .map(|text| Value::Text((*text).to_owned()))
        .collect();
    values.extend([
        Value::Bool(true),
        Value::I16(7),
        Value::I16(1_234),
        Value::I32(-1),
        Value::I32(70_001),
        Value::I32(16_777_217),
        Value::I64((1 << 53) + 1),
        Value::F32(0.1),
        Value::F32(1.5),
        Value::F64(0.1),
        Value::F64(1.5),
        Value::F64(9_007_199_254_740_993.0),
        Value::Decimal(Decimal::new(15, 1)),
        Value::Decimal(Decimal::new(1555, 3)),
        Value::Decimal(Decimal::new(7, 0)),
        Value::Decimal(Decimal::new(90_071_992_547_409_930, 1)),
        Value::Bytes(b"ab".to_vec()),
        Value::Bytes(b"ab\0".to_vec()),
        Value::Uuid([0x61; 16]),
        Value::Date(parsed("2024-02-29")),
        Value::Time(parsed("12:30:00")),
        Value::Timestamp(parsed("2024-02-29 12:30:00")),
        Value::TimestampTz(parsed("2024-02-29 12:30:00Z")),
        Value::Json("7".into()),
        Value::Json("\"ab\"".into()),
        Value::Json("true".into()),
    ]);
    values
}

/// Whether a value came back; a document as what it means.
fn is_same(stored: &Value, value: &Value) -> bool {
    let document = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    match (stored, value) {
        (Value::Json(stored), Value::Json(value)) => document(stored) == document(value),
        (stored, value) => stored == value,
    }
}

/// How many rows are found by the value.
fn equal(session: &mut Session, records: &Records, value: &Value) -> selfsame::Result<u64> {
    macro_rules! count {
        ($($kind:ident: $ty:ty),*) => {
            match value {
                $(Value::$kind(value) => {
                    let condition = records.column::<$ty>("v")?.eq(value.clone());
                    records.query().filter(condition).count(session)
                })*
                Value::Uuid(bytes) => {
                    let condition = records.column::<uuid::Uuid>("v")?.eq(uuid::Uuid::from_bytes(*bytes));
                    records.query().filter(condition).count(session)
                }
                // Documents are not compared.
                _ => records.query().count(session),
            }
        };
    }
    count!(
        Bool: bool, I16: i16, I32: i32, I64: i64, F32: f32, F64: f64, Text: String,
        Decimal: Decimal, Bytes: Vec<u8>, Date: Date, Time: Time, Timestamp: Timestamp,
        TimestampTz: TimestampTz
    )
}

/// The values that columns of these types hold otherwise without an error.
fn bent(engine: &Engine, types: &[&str]) -> selfsame::Result<Vec<String>> {
    let mut bent = Vec::new();
    for (at, declared) in types.iter().enumerate() {
        let table = format!("m{at}");
        let create = format!("CREATE TABLE {table} (id integer PRIMARY KEY, v {declared})");
        execute(engine, &create)?;
        for value in values() {
            let ty = ColumnType::of(value.as_ref().value_type().expect("a value"));
            let mapped = Table::build(table.clone())
                .column(Column::new("id", ColumnType::I32))
                .column(Column::new("v", ty).nullable());
            let records = Records::new(mapped.primary_key(["id"]));
            for rows in [1_u64, 2] {
                execute(engine, &format!("DELETE FROM {table}"))?;
                let mut session = Session::new(engine);
                for id in 1..=rows {
                    let mut record = records.record();
                    record.set("id", i32::try_from(id).expect("few"))?;
                    record.set("v", value.clone())?;
                    session.add(record);
                }
                if session.commit().is_err() {
                    continue;
                }
                let mut other = Session::new(engine);
                if let Ok(Some(found)) = records.get(&mut other, 1) {
                    let stored = other[found].value("v").cloned().unwrap_or(Value::Null);
                    let reported = format!("{declared}: {value:?} is {stored:?}");
                    if !is_same(&stored, &value) {
                        if !bent.contains(&reported) {
                            bent.push(reported);
                        }
                        continue;
                    }
                    if matches!(equal(&mut other, &records, &value), Ok(found) if found != rows) {
                        bent.push(format!("{declared}: {value:?} is not found"));
                    }
                }
            }
        }
    }
    Ok(bent)
}

fn on_postgres(server: &Server) -> selfsame::Result<()> {
    let database = server.database()?;
    let engine = Engine::new(database.backend());
    let types = [
        "boolean",
        "smallint",
        "integer",
        "bigint",
        "real",
        "double precision",
        "numeric",
        "numeric(10, 2)",
        "numeric(5, -2)",
        "text",
        "varchar(40)",
        "char(40)",
        "bytea",
        "uuid",
        "date",
        "time",
        "timetz",
        "timestamp",
        "timestamptz",
        "interval",
        "json",
        "jsonb",
        "oid",
        "money",
        "name",
        "bit(8)",
        "inet",
        "xml",
    ];
    assert_eq!(bent(&engine, &types)?, [""; 0]);
    Ok(())
}

fn on_mariadb(server: &mariadb::Server) -> selfsame::Result<()> {
    let database = server.database()?;
    let engine = Engine::new(database.backend());
    let types = [
        "tinyint(1)",
        "tinyint",
        "smallint",
        "int",
        "int unsigned",
        "bigint",
        "bigint unsigned",
        "float",
        "double",
        "decimal(20, 0)",
        "decimal(20, 2)",
        "text",
        "varchar(40)",
        "char(40)",
        "blob",
        "varbinary(40)",
        "binary(16)",
        "uuid",
        "date",
        "time",
        "time(6)",
        "datetime",
        "datetime(6)",
        "timestamp",
        "year",
        "bit(8)",
        "json",
        "enum('ab', '7', '007', 'true')",
        "enum('a', 'b', 'c', 'd', 'e', 'f', 'g')",
        "set('a', 'b', 'c')",
        "set('a', 'TRUE')",
        "inet6",
    ];
    assert_eq!(bent(&engine, &types)?, [""; 0]);
    Ok(())
}
