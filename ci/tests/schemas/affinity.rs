//! What SQLite stores whatever a column is declared as: each value is read, or refused by its row's key and column.

use selfsame::metadata::Metadata;
use selfsame::prelude::*;
use selfsame::record::Records;
use selfsame::value::Value;
use selfsame_sqlite::testing::TempDatabase;

use crate::execute;
use crate::on_sqlite::Test;

pub(crate) const ON_SQLITE: &[(&str, Test)] = &[
    ("sqlite_affinities", affinities),
    ("sqlite_dates_of_every_form", dates),
    ("sqlite_constraints_on_conflict", on_conflict),
    ("sqlite_keys_that_are_null", null_keys),
];

/// The declared type, what is stored, and how it is read; `Err` with a part of the refusal.
type Stored = (
    &'static str,
    &'static str,
    Result<&'static str, &'static str>,
);

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Bool(v) => v.to_string(),
        Value::I16(v) => v.to_string(),
        Value::I32(v) => v.to_string(),
        Value::I64(v) => v.to_string(),
        Value::F32(v) => format!("{v:?}"),
        Value::F64(v) => format!("{v:?}"),
        Value::Text(v) => format!("{v:?}"),
        Value::Date(v) => v.to_string(),
        Value::Time(v) => v.to_string().trim_end_matches(".000000").to_owned(),
        Value::Timestamp(v) => v.to_string().trim_end_matches(".000000").to_owned(),
        Value::TimestampTz(v) => v.to_string(),
        other => format!("{other:?}"),
    }
}

fn check(database: &TempDatabase, engine: &Engine, stored: &[Stored]) -> selfsame::Result<()> {
    let plain = Engine::new(database.backend());
    for (at, (declared, literal, wanted)) in stored.iter().enumerate() {
        let table = format!("t{at}");
        execute(
            &plain,
            &format!(
                "DROP TABLE IF EXISTS {table};\nCREATE TABLE {table} (id INTEGER PRIMARY KEY, v {declared});\n\
                 INSERT INTO {table} VALUES (7, {literal})"
            ),
        )?;
        let reflected = Metadata::reflect(engine)?;
        let records = reflected.records(&table)?;
        let what = format!("{declared}: {literal}");
        let mut session = Session::new(engine);
        match (records.query().all(&mut session), wanted) {
            (Ok(found), Ok(wanted)) => {
                let value = session[found[0]].value("v").expect("the column");
                assert_eq!(shown(value), *wanted, "{what}");
                let value = value.clone();
                is_found(&records, &value, &mut session, &what)?;
                is_found_as_key(&plain, engine, at, declared, literal, &value, &what)?;
            }
            (Err(error), Err(part)) => {
                assert_eq!(error.kind(), ErrorKind::Conversion, "{what}: {error}");
                assert_eq!(
                    (error.column_name(), error.key_text().is_some()),
                    (Some("v"), true),
                    "{what}: {error}"
                );
                assert!(error.to_string().contains(part), "{what}: {error}");
                assert!(error.to_string().contains('7'), "{what}: {error}");
            }
            (found, _) => panic!("{what}: {found:?}, wanted {wanted:?}"),
        }
    }
    Ok(())
}

/// A value that was read finds its row again, whatever the condition is.
fn is_found(
    records: &Records,
    value: &Value,
    session: &mut Session,
    what: &str,
) -> selfsame::Result<()> {
    macro_rules! conditions {
        ($ty:ty, $value:expr) => {{
            let v = || records.column::<$ty>("v").expect("the column");
            let value = $value;
            let many: Vec<$ty> = vec![value.clone(); 150];
            for (name, condition, wanted) in [
                ("=", v().eq(value.clone()), 1),
                ("<>", v().ne(value.clone()), 0),
                ("IN", v().in_([value.clone(), value.clone()]), 1),
                ("a long IN", v().in_(many.clone()), 1),
                ("NOT IN", v().not_in(many), 0),
                (">=", v().ge(value.clone()), 1),
                ("<=", v().le(value.clone()), 1),
                (">", v().gt(value.clone()), 0),
                ("<", v().lt(value.clone()), 0),
                ("BETWEEN", v().between(value.clone(), value.clone()), 1),
                ("IS", v().eq_null_safe(value.clone()), 1),
                ("IS NOT", v().ne_null_safe(value.clone()), 0),
                ("= itself", v().eq(v()), 1),
            ] {
                let found = records.query().filter(condition).count(session)?;
                assert_eq!(found, wanted, "{what}: {name}");
            }
        }};
    }
    match value.clone() {
        Value::Bool(value) => conditions!(bool, value),
        Value::I64(value) => conditions!(i64, value),
        Value::F64(value) => conditions!(f64, value),
        Value::Text(value) => conditions!(String, value),
        Value::Bytes(value) => conditions!(Vec<u8>, value),
        Value::Date(value) => conditions!(selfsame::value::Date, value),
        Value::Time(value) => conditions!(selfsame::value::Time, value),
        Value::Timestamp(value) => conditions!(selfsame::value::Timestamp, value),
        Value::TimestampTz(value) => conditions!(selfsame::value::TimestampTz, value),
        _ => {}
    }
    Ok(())
}

/// A row is found, changed and deleted by a key of that type, alone and beside another.
fn is_found_as_key(
    plain: &Engine,
    engine: &Engine,
    at: usize,
    declared: &str,
    literal: &str,
    value: &Value,
    what: &str,
) -> selfsame::Result<()> {
    if *value == Value::Null {
        return Ok(());
    }
    for key in ["v", "a, v"] {
        let table = format!("k{at}");
        execute(
            plain,
            &format!(
                "DROP TABLE IF EXISTS {table};\nCREATE TABLE {table} (v {declared}, a INTEGER, n INTEGER, PRIMARY KEY ({key}));\n\
                 INSERT INTO {table} VALUES ({literal}, 1, 0), (NULL, 2, 0)"
            ),
        )?;
        let reflected = Metadata::reflect(engine)?;
        let records = reflected.records(&table)?;
        let mut session = Session::new(engine);
        let a = records.column::<i64>("a")?;
        let found = records.query().filter(a.eq(1)).one(&mut session)?;
        session[found].set("n", 1)?;
        session.commit()?;
        session.refresh(found)?;
        assert_eq!(session[found].value("n"), Some(&Value::I64(1)), "{what}");
        session.delete(found)?;
        session.commit()?;
        let left: i64 = session
            .sql(format!("SELECT count(*) FROM {table}"), ())
            .one()?;
        assert_eq!(left, 1, "{what}: deleted by ({key})");
    }
    Ok(())
}

fn affinities() -> selfsame::Result<()> {
    let database = TempDatabase::new()?;
    let engine = Engine::new(database.backend());
    check(
        &database,
        &engine,
        &[
            ("INTEGER", "'12'", Ok("12")),
            ("INTEGER", "'twelve'", Err("contains a text")),
            ("INT", "1700000000000", Ok("1700000000000")),
            ("INT", "1.5", Err("contains a real")),
            ("BIGINT", "18446744073709551615", Err("contains a real")),
            ("TINYINT", "1000", Ok("1000")),
            ("mediumint unsigned", "16777215", Ok("16777215")),
            ("LONG", "5000000000", Ok("5000000000")),
            ("BIT", "1", Ok("1")),
            ("YEAR", "2024", Ok("2024")),
            ("REAL", "3", Ok("3.0")),
            ("REAL", "'x'", Err("contains a text")),
            ("REAL", "9e999", Ok("inf")),
            ("DOUBLE PRECISION", "'1e3'", Ok("1000.0")),
            ("DECIMAL(10, 2)", "'12.50'", Ok("12.5")),
            ("NUMERIC", "9007199254740993", Err("contains an integer")),
            ("TEXT", "5", Ok("\"5\"")),
            ("VARCHAR(3)", "'abcdef'", Ok("\"abcdef\"")),
            ("TEXT", "'a' || char(0) || 'b'", Ok("\"a\\0b\"")),
            ("TEXT", "x'ff'", Err("contains a blob")),
            ("TEXT", "CAST(x'ff41' AS TEXT)", Err("not valid UTF-8")),
            ("ENUM", "'a'", Ok("\"a\"")),
            ("CLOB", "''", Ok("\"\"")),
            ("BLOB", "x'00ff'", Ok("Bytes([0, 255])")),
            ("BLOB", "'text'", Err("contains a text")),
            ("BINARY(16)", "x'01'", Ok("Bytes([1])")),
            ("VARBINARY(8)", "x'01'", Ok("Bytes([1])")),
            ("IMAGE", "x'01'", Ok("Bytes([1])")),
            ("POINT", "x'01'", Ok("Bytes([1])")),
            ("INTERVAL", "'1 day'", Ok("\"1 day\"")),
            ("INTERVAL", "5", Ok("\"5\"")),
            ("MONEY", "12.5", Ok("\"12.5\"")),
            ("STRING", "'5'", Ok("\"5\"")),
            ("STRING", "12", Ok("\"12\"")),
            ("ANY", "x'31'", Err("contains a blob")),
            ("JSONB", "x'31'", Err("contains a blob")),
            ("", "42", Ok("\"42\"")),
            ("", "'42'", Ok("\"42\"")),
            ("", "1.5", Ok("\"1.5\"")),
            ("", "9223372036854775807", Ok("\"9223372036854775807\"")),
            ("", "x'3432'", Err("contains a blob")),
            ("", "NULL", Ok("NULL")),
            (
                "UUID",
                "'6f9619ff-8b86-d011-b42d-00c04fc964ff'",
                Ok("\"6f9619ff-8b86-d011-b42d-00c04fc964ff\""),
            ),
            (
                "UUID",
                "x'6f9619ff8b86d011b42d00c04fc964ff'",
                Err("contains a blob"),
            ),
            (
                "GUID",
                "'6F9619FF8B86D011B42D00C04FC964FF'",
                Ok("\"6F9619FF8B86D011B42D00C04FC964FF\""),
            ),
            (
                "\"UUID BLOB\"",
                "'6f9619ff-8b86-d011-b42d-00c04fc964ff'",
                Err("not a valid Uuid"),
            ),
            ("BOOLEAN", "1", Ok("true")),
            ("BOOLEAN", "FALSE", Ok("false")),
            ("BOOLEAN", "2", Err("not a valid Bool")),
            ("BOOLEAN", "'t'", Err("not a valid Bool")),
            ("BOOL", "'1'", Ok("true")),
        ],
    )?;
    let lenient = Engine::new(database.backend().lenient());
    check(
        &database,
        &lenient,
        &[
            ("BOOLEAN", "'t'", Ok("true")),
            ("BOOLEAN", "'false'", Ok("false")),
            ("BOOLEAN", "'Y'", Ok("true")),
            ("BOOLEAN", "'maybe'", Err("not a valid Bool")),
            ("BOOLEAN", "2", Err("not a valid Bool")),
        ],
    )
}

fn dates() -> selfsame::Result<()> {
    let database = TempDatabase::new()?;
    let strict = Engine::new(database.backend());
    check(
        &database,
        &strict,
        &[
            ("DATE", "'2024-02-29'", Ok("2024-02-29")),
            ("DATE", "'2024-02-29 00:00:00'", Err("not a valid Date")),
            ("DATE", "''", Err("not a valid Date")),
            ("DATE", "1709209800", Err("not a valid Date")),
            (
                "DATETIME",
                "'2024-02-29 12:30:00'",
                Ok("2024-02-29 12:30:00"),
            ),
            (
                "DATETIME",
                "'2024-02-29T12:30:00'",
                Err("not a valid Timestamp"),
            ),
            (
                "DATETIME",
                "strftime('%Y-%m-%d %H:%M:%f', '2024-02-29 12:30:00.12')",
                Ok("2024-02-29 12:30:00.120000"),
            ),
            (
                "DATETIME",
                "'2024-02-29 12:30:00.5'",
                Ok("2024-02-29 12:30:00.500000"),
            ),
            (
                "DATETIME",
                "'2024-02-29 12:30:00.50'",
                Err("not a valid Timestamp"),
            ),
            (
                "DATETIME",
                "'2024-02-29 12:30'",
                Err("not a valid Timestamp"),
            ),
            (
                "TIMESTAMPTZ",
                "'2024-02-29 12:30:00+00:00'",
                Ok("2024-02-29 12:30:00.000000+00:00"),
            ),
            (
                "TIMESTAMPTZ",
                "'2024-02-29 12:30:00.120+00:00'",
                Ok("2024-02-29 12:30:00.120000+00:00"),
            ),
            (
                "TIMESTAMPTZ",
                "'2024-02-29 12:30:00+02:00'",
                Err("not a valid TimestampTz"),
            ),
            (
                "DATETIME(6)",
                "'2024-02-29 12:30:00.123456'",
                Ok("2024-02-29 12:30:00.123456"),
            ),
            (
                "DATETIME",
                "'2024-02-29T12:30:00Z'",
                Err("not a valid Timestamp"),
            ),
            (
                "DATETIME",
                "'2024-02-29 12:30:00+00:00'",
                Err("not a valid Timestamp"),
            ),
            ("DATETIME", "1709209800", Err("not a valid Timestamp")),
            ("DATETIME", "2460370.02", Err("not a valid Timestamp")),
            ("TIME", "'12:30:00'", Ok("12:30:00")),
            ("TIME", "'12:30:00.5'", Ok("12:30:00.500000")),
            ("TIME", "'12:30'", Err("not a valid Time")),
            ("TIME", "'2000-01-01 12:30:00'", Err("not a valid Time")),
            (
                "TIMESTAMP WITH TIME ZONE",
                "'2024-02-29 12:30:00+02'",
                Ok("\"2024-02-29 12:30:00+02\""),
            ),
        ],
    )?;
    let lenient = Engine::new(database.backend().lenient());
    check(
        &database,
        &lenient,
        &[
            ("DATE", "'2024-02-29 00:00:00'", Ok("2024-02-29")),
            ("DATE", "'2024-02-29T00:00:00Z'", Ok("2024-02-29")),
            ("DATE", "'2024-02-29 12:30:00'", Err("not a valid Date")),
            ("DATE", "1709164800", Ok("2024-02-29")),
            ("DATE", "''", Err("not a valid Date")),
            ("TIME", "'2000-01-01 12:30:00'", Ok("12:30:00")),
            ("TIME", "'2001-01-01 12:30:00'", Err("not a valid Time")),
            ("DATETIME", "'2024-02-29'", Ok("2024-02-29 00:00:00")),
            (
                "DATETIME",
                "'2024-02-29T12:30:00Z'",
                Ok("2024-02-29 12:30:00"),
            ),
            (
                "DATETIME",
                "'2024-02-29 12:30:00+00:00'",
                Ok("2024-02-29 12:30:00"),
            ),
            (
                "DATETIME",
                "'2024-02-29 12:30:00 +02:00'",
                Ok("2024-02-29 10:30:00"),
            ),
            (
                "DATETIME",
                "'2024-02-29 12:30:00.1234567'",
                Ok("2024-02-29 12:30:00.123456"),
            ),
            ("DATETIME", "1709209800", Ok("2024-02-29 12:30:00")),
            ("DATETIME", "1709209800000", Err("not a valid Timestamp")),
            ("DATETIME", "2460370.020833333", Ok("2024-02-29 12:30:00")),
            ("DATETIME", "-1", Ok("1969-12-31 23:59:59")),
            ("DATETIME", "-1.25", Ok("1969-12-31 23:59:58.750000")),
            (
                "DATETIME",
                "1709209800.25",
                Ok("2024-02-29 12:30:00.250000"),
            ),
            (
                "DATETIME",
                "'2024-02-29T12:30:00'",
                Ok("2024-02-29 12:30:00"),
            ),
            (
                "TIMESTAMPTZ",
                "'2024-02-29 12:30:00+02:00'",
                Ok("2024-02-29 10:30:00.000000+00:00"),
            ),
            (
                "TIMESTAMPTZ",
                "1709209800",
                Ok("2024-02-29 12:30:00.000000+00:00"),
            ),
            ("TIME", "'12:30'", Ok("12:30:00")),
            ("DATETIME", "'now'", Err("not a valid Timestamp")),
            ("DATETIME", "'24-2-29'", Err("not a valid Timestamp")),
        ],
    )
}

/// A constraint whose conflict clause skips a row, or replaces another, is reported.
fn on_conflict() -> selfsame::Result<()> {
    let database = TempDatabase::new()?;
    let engine = Engine::new(database.backend());
    execute(
        &engine,
        "CREATE TABLE gives (id INTEGER PRIMARY KEY ON CONFLICT IGNORE, n TEXT);\n\
         CREATE TABLE takes (id INTEGER PRIMARY KEY, n TEXT UNIQUE ON CONFLICT REPLACE);\n\
         INSERT INTO gives VALUES (1, 'a');\nINSERT INTO takes VALUES (1, 'a'), (2, 'b')",
    )?;
    let reflected = Metadata::reflect(&engine)?;
    for table in reflected.tables() {
        assert_eq!(
            table.remarks,
            ["What breaks its constraints may do something else than fail (ON CONFLICT)."]
        );
    }
    Ok(())
}

/// A key of SQLite may be NULL where it is not the rowid: the others are objects, and a text in a key of numbers is refused.
fn null_keys() -> selfsame::Result<()> {
    let database = TempDatabase::new()?;
    let engine = Engine::new(database.backend());
    execute(
        &engine,
        "CREATE TABLE nulls (a INT, b TEXT, n TEXT, PRIMARY KEY (a, b));\n\
         INSERT INTO nulls VALUES (1, NULL, 'x'), (1, NULL, 'y'), (2, 'b', 'z');\n\
         CREATE TABLE texts (id INT PRIMARY KEY, n TEXT);\nINSERT INTO texts VALUES ('one', 'x')",
    )?;
    let reflected = Metadata::reflect(&engine)?;
    let nulls = reflected.records("nulls")?;
    let b = nulls.column::<String>("b")?;
    let found = nulls
        .query()
        .filter(b.eq("b"))
        .all(&mut Session::new(&engine))?;
    assert_eq!(found.len(), 1);
    let error = reflected
        .records("texts")?
        .query()
        .all(&mut Session::new(&engine))
        .expect_err("a text is no key");
    assert_eq!(
        (error.kind(), error.column_name()),
        (ErrorKind::Conversion, Some("id"))
    );
    Ok(())
}
