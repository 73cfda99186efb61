//! Columns whose declared type would convert the written value: the value is stored as it is, or refused before it is stored.

use selfsame::metadata::Metadata;
use selfsame::prelude::*;
use selfsame::record::{RecordKey, Records};
use selfsame::schema::{Column, ColumnType, Table};
use selfsame::sql::{case, coalesce, insert_into, nullif, select};
use selfsame::value::{Decimal, Value};
use selfsame_sqlite::testing::TempDatabase;

const TEXT: fn() -> ColumnType = || ColumnType::Text { length: None };
const DECIMAL: fn() -> ColumnType = || ColumnType::Decimal { precision: None };

fn decimal(text: &str) -> Value {
    Value::Decimal(text.parse().expect("a decimal"))
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn execute(engine: &Engine, statements: &str) -> selfsame::Result<()> {
    let mut session = Session::new(engine);
    for statement in statements.split(";\n") {
        session.sql(statement, ()).execute()?;
    }
    session.commit()
}

/// Creates a table with two columns of a declared type, mapped as another type, and one row.
fn table(engine: &Engine, declared: &str, ty: ColumnType) -> selfsame::Result<Records> {
    execute(
        engine,
        &format!(
            "DROP TABLE IF EXISTS t;\nCREATE TABLE t (id INTEGER PRIMARY KEY, v {declared}, w {declared});\n\
             INSERT INTO t VALUES (1, NULL, NULL)"
        ),
    )?;
    Ok(Records::new(
        Table::build("t")
            .column(Column::new("id", ColumnType::I64))
            .column(Column::new("v", ty.clone()).nullable())
            .column(Column::new("w", ty).nullable())
            .primary_key(["id"]),
    ))
}

fn rows(engine: &Engine) -> selfsame::Result<i64> {
    let sql = "SELECT count(*) FROM t WHERE v IS NOT NULL OR w IS NOT NULL";
    Session::new(engine).sql(sql, ()).one()
}

/// Writes a value in each way: it is read back unchanged every time, or refused and not stored every time.
fn check(engine: &Engine, declared: &str, ty: ColumnType, value: &Value, is_kept: bool) {
    let what = format!("{value:?} as {ty:?} in {declared}");
    let records = table(engine, declared, ty).expect("a table");
    type Way = fn(&mut Session, &Records, &Value) -> selfsame::Result<()>;
    let ways: [(&str, Way); 5] = [
        ("add", |session, records, value| {
            let mut record = records.record();
            record.set("id", 2)?;
            record.set("v", value.clone())?;
            session.add(record);
            session.commit()
        }),
        ("add many", |session, records, value| {
            for id in 3..6 {
                let mut record = records.record();
                record.set("id", id)?;
                if id == 4 {
                    record.set("w", value.clone())?;
                }
                session.add(record);
            }
            session.commit()
        }),
        ("change", |session, records, value| {
            let found = records.get(session, 1)?.expect("the row");
            session[found].set("w", value.clone())?;
            session.commit()
        }),
        ("update", |session, records, value| {
            let of = records.query().filter(records.equals("id", 1)?);
            of.update().set_named("v", value.clone()).execute(session)?;
            session.commit()
        }),
        ("bulk", |session, records, value| {
            let mut record = records.record();
            record.set("id", 9)?;
            record.set("w", value.clone())?;
            session.insert_all([record])?;
            session.commit()
        }),
    ];
    for (name, way) in ways {
        execute(
            engine,
            "DELETE FROM t WHERE id > 1;\nUPDATE t SET v = NULL, w = NULL",
        )
        .expect("nothing");
        let mut session = Session::new(engine);
        let written = way(&mut session, &records, value);
        drop(session);
        if !is_kept {
            let error = written.expect_err(&what);
            assert_eq!(
                error.kind(),
                ErrorKind::OutOfRange,
                "{what}, {name}: {error}"
            );
            let named = matches!(error.column_name(), Some("v" | "w"));
            assert!(named, "{what}, {name}: {error:?}");
            let declared = match declared {
                "" => "nothing",
                declared => declared,
            };
            assert!(
                error.to_string().contains(declared),
                "{what}, {name}: {error}"
            );
            assert_eq!(rows(engine).expect("a count"), 0, "{what}, {name}");
            continue;
        }
        written.unwrap_or_else(|error| panic!("{what}, {name}: {error}"));
        assert_eq!(rows(engine).expect("a count"), 1, "{what}, {name}");
        let mut session = Session::new(engine);
        let all = records.query().all(&mut session);
        let all = all.unwrap_or_else(|error| panic!("{what}, {name}: {error}"));
        let mut values = all.iter().flat_map(|&row| {
            let row = &session[row];
            [row.value("v").cloned(), row.value("w").cloned()]
        });
        let found = values.any(|found| found.as_ref() == Some(value));
        assert!(found, "{what}, {name}: another value came back");
    }
}

fn other(name: &str) -> ColumnType {
    ColumnType::Other { name: name.into() }
}

#[test]
fn texts_that_look_like_numbers() {
    let database = TempDatabase::new().expect("a database");
    let engine = Engine::new(database.backend());
    for declared in [
        "NUMERIC",
        "INTEGER",
        "REAL",
        "DECIMAL(10, 2)",
        "STRING",
        "FLOAT",
        "JSON",
    ] {
        for number in [
            "007", "7", "1e5", " 12 ", "+5", "1.0", "1.5", ".5", "5.", "-0",
        ] {
            check(&engine, declared, TEXT(), &text(number), false);
        }
        for kept in [
            "",
            "x7",
            "0x1",
            "1_000",
            "12a",
            "inf",
            "1e",
            "2024-02-29",
            "1,5",
        ] {
            check(&engine, declared, TEXT(), &text(kept), true);
        }
    }
    for declared in ["TEXT", "VARCHAR(20)", "CLOB", "BLOB", ""] {
        for kept in ["007", "1e5", " 12 ", "+5", "1.0"] {
            check(&engine, declared, TEXT(), &text(kept), true);
        }
    }
    check(
        &engine,
        "JSON",
        ColumnType::Json,
        &Value::Json("7".into()),
        false,
    );
    check(
        &engine,
        "JSON",
        ColumnType::Json,
        &Value::Json("[7]".into()),
        true,
    );
    check(
        &engine,
        "JSON TEXT",
        ColumnType::Json,
        &Value::Json("7".into()),
        true,
    );
}

/// Columns read as text, whatever is stored.
#[test]
fn texts_of_columns_whose_type_tells_nothing() {
    let database = TempDatabase::new().expect("a database");
    let engine = Engine::new(database.backend());
    for declared in ["MONEY", "STRING", "UUID", "ANY"] {
        for odd in [
            "007",
            "1e5",
            " 12 ",
            "+5",
            "1.0",
            "1.50",
            "9223372036854775808",
        ] {
            check(&engine, declared, other(declared), &text(odd), false);
        }
        for kept in [
            "7",
            "-12",
            "12.5",
            "0.25",
            "abc",
            "0x1",
            "9223372036854775807",
        ] {
            check(&engine, declared, other(declared), &text(kept), true);
        }
    }
    check(
        &engine,
        "UNTYPED BLOB",
        other("UNTYPED BLOB"),
        &text("007"),
        true,
    );
}

#[test]
fn numbers_that_become_others() {
    let database = TempDatabase::new().expect("a database");
    let engine = Engine::new(database.backend());
    for (declared, ty, value, is_kept) in [
        ("REAL", ColumnType::I64, Value::I64((1 << 53) + 1), false),
        ("FLOAT", ColumnType::I32, Value::I32(1), false),
        ("NUMERIC", ColumnType::I64, Value::I64((1 << 53) + 1), true),
        ("TEXT", ColumnType::I64, Value::I64(7), false),
        ("VARCHAR(5)", ColumnType::Bool, Value::Bool(true), false),
        ("", ColumnType::I64, Value::I64(7), true),
        ("BOOLEAN", ColumnType::Bool, Value::Bool(true), true),
        ("INTEGER", ColumnType::Bool, Value::Bool(true), true),
        ("REAL", ColumnType::Bool, Value::Bool(true), false),
        ("TEXT", ColumnType::F64, Value::F64(0.1 + 0.2), false),
        ("INTEGER", ColumnType::F64, Value::F64(3.0), true),
        ("NUMERIC", ColumnType::F64, Value::F64(0.1 + 0.2), true),
        ("NUMERIC", ColumnType::F64, Value::F64(1e18), false),
        ("NUMERIC", ColumnType::F64, Value::F64(1e19), true),
        ("REAL", ColumnType::F64, Value::F64(1e18), true),
        ("DECIMAL(10, 2)", DECIMAL(), decimal("12.50"), false),
        ("DECIMAL(10, 2)", DECIMAL(), decimal("12.00"), true),
        ("NUMERIC", DECIMAL(), decimal("9007199254740993.0"), false),
        ("NUMERIC", DECIMAL(), decimal("9007199254740993"), true),
        ("NUMERIC", DECIMAL(), decimal("9223372036854775808"), false),
        ("REAL", DECIMAL(), decimal("1"), false),
        ("TEXT", DECIMAL(), decimal("12.50"), true),
        ("VARCHAR(40)", DECIMAL(), decimal("12.50"), true),
        (
            "NUMERIC",
            ColumnType::Date,
            Value::Date("2024-02-29".parse().expect("a day")),
            true,
        ),
        (
            "INTEGER",
            ColumnType::Bytes,
            Value::Bytes(b"7".to_vec()),
            true,
        ),
        ("NUMERIC", ColumnType::Uuid, Value::Uuid([0x37; 16]), true),
    ] {
        check(&engine, declared, ty, &value, is_kept);
    }
    assert_eq!(decimal("12.00"), Value::Decimal(Decimal::new(12, 0)));
}

/// A STRICT table converts like any other, except in columns of type ANY.
#[test]
fn strict_tables() -> selfsame::Result<()> {
    let database = TempDatabase::new()?;
    let engine = Engine::new(database.backend());
    execute(
        &engine,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v ANY, w INTEGER) STRICT",
    )?;
    let records = Records::new(
        Table::build("t")
            .column(Column::new("id", ColumnType::I64))
            .column(Column::new("v", TEXT()).nullable())
            .column(Column::new("w", TEXT()).nullable())
            .primary_key(["id"]),
    );
    for (column, is_kept) in [("v", true), ("w", false)] {
        let mut session = Session::new(&engine);
        let mut record = records.record();
        record.set("id", 1)?;
        record.set(column, "007")?;
        session.add(record);
        assert_eq!(session.commit().is_ok(), is_kept, "{column}");
    }
    let mut session = Session::new(&engine);
    let found = records.get(&mut session, 1)?.expect("the row");
    assert_eq!(session[found].get::<String>("v")?, "007");
    Ok(())
}

/// Cached column types do not outlive the table.
#[test]
fn a_table_that_is_created_again() -> selfsame::Result<()> {
    let database = TempDatabase::new()?;
    let engine = Engine::new(database.backend());
    let other = Engine::new(database.backend());
    let records = table(&other, "TEXT", TEXT())?;
    let write = |session: &mut Session| {
        let of = records.query().filter(records.equals("id", 1)?);
        of.update().set_named("v", "007").execute(session)?;
        session.commit()
    };
    let mut session = Session::new(&engine);
    for (declared, is_kept) in [
        ("TEXT", true),
        ("NUMERIC", false),
        ("TEXT", true),
        ("INTEGER", false),
    ] {
        table(&other, declared, TEXT())?;
        let written = write(&mut session);
        assert_eq!(written.is_ok(), is_kept, "{declared}: {written:?}");
        session.rollback()?;
        assert_eq!(rows(&other)?, i64::from(is_kept), "{declared}");
    }
    Ok(())
}

/// A value that SQLite computes cannot be checked before it is stored.
#[test]
fn texts_that_sqlite_computes() -> selfsame::Result<()> {
    let database = TempDatabase::new()?;
    let engine = Engine::new(database.backend());
    for (declared, is_kept) in [("TEXT", true), ("NUMERIC", false)] {
        table(&engine, declared, TEXT())?;
        let mut session = Session::new(&engine);
        let all = || Texts::query().update();
        let joined = Texts::V.concat(Texts::W);
        for (name, update) in [
            ("an expression", all().set(Texts::V, joined)),
            ("another column", all().set(Texts::V, Texts::W)),
        ] {
            let written = update.execute(&mut session);
            assert_eq!(written.is_ok(), is_kept, "{declared}: {name}: {written:?}");
            if let Err(error) = written {
                assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
                assert_eq!(error.column_name(), Some("v"), "{error}");
                session.rollback()?;
            }
        }
        all().set(Texts::V, Texts::V).execute(&mut session)?;
    }
    Ok(())
}

/// An expression that only chooses among the column's own value and parameters computes nothing: each parameter is checked.
#[test]
fn texts_that_sqlite_chooses() -> selfsame::Result<()> {
    let database = TempDatabase::new()?;
    let engine = Engine::new(database.backend());
    for declared in ["STRING", "NUMERIC", "JSON", "TEXT"] {
        table(&engine, declared, TEXT())?;
        for (given, is_kept) in [("abc", true), ("007", declared == "TEXT")] {
            let mut session = Session::new(&engine);
            let all = || Texts::query().update();
            let is_first = || Texts::ID.eq(1).and(Texts::W.is_null().or(Texts::W.ne("7")));
            let chosen = case(is_first(), given).otherwise(Texts::V);
            for (name, update) in [
                ("coalesce", all().set(Texts::V, coalesce(Texts::V, given))),
                ("case", all().set(Texts::V, chosen)),
                (
                    "both",
                    all().set(Texts::V, coalesce(nullif(Texts::V, "12"), given)),
                ),
            ] {
                execute(&engine, "UPDATE t SET v = NULL")?;
                let what = format!("{declared}: {given}: {name}");
                let written = update.execute(&mut session);
                assert_eq!(written.is_ok(), is_kept, "{what}: {written:?}");
                match written {
                    Ok(_) => {
                        session.commit()?;
                        let stored: String = session.sql("SELECT v FROM t", ()).one()?;
                        assert_eq!(stored, given, "{what}");
                        session.commit()?;
                    }
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::OutOfRange, "{what}: {error}");
                        assert_eq!(error.column_name(), Some("v"), "{what}: {error}");
                        session.rollback()?;
                        assert_eq!(rows(&engine)?, 0, "{what}");
                    }
                }
            }
        }
    }
    Ok(())
}

/// Expressions of several objects are sent in one statement, that of a single object in its own.
#[test]
fn expressions_of_objects() -> selfsame::Result<()> {
    let database = TempDatabase::new()?;
    let engine = Engine::new(database.backend());
    for (declared, is_kept) in [("TEXT", true), ("NUMERIC", false)] {
        for rows in [1, 3] {
            table(&engine, declared, TEXT())?;
            let row = |id| format!("INSERT INTO t VALUES ({id}, NULL, NULL)");
            let rows: Vec<String> = (2..=rows).map(row).collect();
            rows.iter().try_for_each(|row| execute(&engine, row))?;
            let mut session = Session::new(&engine);
            for object in Texts::query().all(&mut session)? {
                session.set_expr(object, Texts::V, coalesce(Texts::W, "00").concat("7"))?;
            }
            let written = session.commit();
            assert_eq!(written.is_ok(), is_kept, "{declared}: {written:?}");
            let sql = "SELECT count(*) FROM t WHERE v IS NOT NULL AND typeof(v) <> 'text'";
            let changed: i64 = Session::new(&engine).sql(sql, ()).one()?;
            assert_eq!(changed, 0, "{declared}");
        }
    }
    Ok(())
}

/// A column of another table with the same mapping may have another declared type.
#[test]
fn rows_of_another_table() -> selfsame::Result<()> {
    let database = TempDatabase::new()?;
    let engine = Engine::new(database.backend());
    for (declared, is_kept) in [("TEXT", true), ("NUMERIC", false)] {
        table(&engine, declared, TEXT())?;
        execute(
            &engine,
            "DROP TABLE IF EXISTS source;\nCREATE TABLE source (id INTEGER PRIMARY KEY, v TEXT);\n\
             INSERT INTO source VALUES (7, '007')",
        )?;
        let rows = select((Source::ID, Source::V)).from(Source::table());
        let insert = insert_into(Texts::table())
            .columns((Texts::ID, Texts::V))
            .from_query(rows);
        let written = engine.connect()?.write(&insert);
        assert_eq!(written.is_ok(), is_kept, "{declared}: {written:?}");
    }
    Ok(())
}

/// An expression that was refused once is refused again, by a statement that is kept prepared.
#[test]
fn what_was_refused_stays_refused() -> selfsame::Result<()> {
    let database = TempDatabase::new()?;
    let engine = Engine::new(database.backend());
    let other = Engine::new(database.backend());
    table(&other, "TEXT", TEXT())?;
    let mut session = Session::new(&engine);
    let joined = || coalesce(Texts::W, "00").concat("7");
    let write = |session: &mut Session| {
        let written = Texts::query()
            .update()
            .set(Texts::V, joined())
            .execute(session);
        written.and_then(|_| session.commit())
    };
    write(&mut session)?;
    table(&other, "NUMERIC", TEXT())?;
    for _ in 0..2 {
        let error = write(&mut session).expect_err("a number would be stored");
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        session.rollback()?;
        assert_eq!(rows(&other)?, 0);
    }
    table(&other, "TEXT", TEXT())?;
    write(&mut session)
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "source")]
struct Source {
    #[orm(primary_key)]
    id: i64,
    v: Option<String>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "t")]
struct Texts {
    #[orm(primary_key)]
    id: i64,
    v: Option<String>,
    w: Option<String>,
}

/// A row that refers to another by SQLite's comparison finds it, or its value is refused where it is read.
#[test]
fn a_foreign_key_finds_its_row_whatever_its_columns_store() -> selfsame::Result<()> {
    for (parent, stored, child, refers, is_read) in [
        ("MONEY", "1.5", "MONEY", "'1.50'", true),
        ("MONEY", "1.5", "TEXT", "'1.50'", true),
        ("MONEY", "1.5", "", "'1.50'", true),
        ("MONEY", "1e300", "MONEY", "1e300", true),
        ("MONEY", "0.1 + 0.2", "MONEY", "0.1 + 0.2", true),
        ("MONEY", "9e999", "MONEY", "9e999", false),
        ("MONEY", "-9e999", "TEXT", "'-9e999'", false),
        ("", "1", "", "1", true),
        ("", "1", "", "1.0", true),
        ("", "1.0", "", "1", true),
        ("", "-2.5", "", "-2.5", true),
        ("", "9e999", "", "9e999", false),
        ("TEXT", "'1.50'", "MONEY", "'1.50'", false),
        ("TEXT", "'1.5'", "MONEY", "1.5", true),
        ("TEXT", "'123'", "STRING", "'123'", true),
        ("STRING", "'123'", "", "123", true),
        ("STRING", "'123'", "", "'123'", true),
        ("TEXT", "'1.0'", "", "1.0", false),
        ("TEXT", "'x'", "STRING", "'x'", true),
        ("TEXT COLLATE NOCASE", "'x'", "STRING", "'X'", true),
        ("INTEGER", "1", "", "'01'", false),
        ("INTEGER", "1", "", "1", true),
        ("INTEGER", "1", "STRING", "'01'", true),
        ("REAL", "1", "MONEY", "1", true),
        ("NUMERIC", "1.5", "STRING", "'1.50'", true),
        ("BLOB", "x'31'", "", "x'31'", true),
        ("DATE", "'2024-02-29'", "STRING", "'2024-02-29'", true),
    ] {
        let what = format!("{stored} in {parent:?}, {refers} in {child:?}");
        let database = TempDatabase::new()?;
        let engine = Engine::new(database.backend());
        execute(
            &engine,
            &format!(
                "CREATE TABLE p (k {parent} NOT NULL PRIMARY KEY);\n\
                 CREATE TABLE c (id INTEGER PRIMARY KEY, k {child} REFERENCES p);\n\
                 INSERT INTO p VALUES ({stored})"
            ),
        )?;
        // Another program may not check foreign keys.
        let made = execute(&engine, &format!("INSERT INTO c VALUES (1, {refers})"));
        assert!(made.is_ok() || !is_read, "{what}: {made:?}");
        let tables = Metadata::reflect(&engine)?;
        let (parents, children) = (tables.records("p")?, tables.records("c")?);
        let mut session = Session::new(&engine);
        let mut find = || {
            let Some(&child) = children.query().all(&mut session)?.first() else {
                return Ok(None);
            };
            let key = session[child].value("k").expect("the column").clone();
            if let Value::Text(text) = &key {
                let column = children.column::<String>("k")?;
                let same = children.query().filter(column.eq(text.clone()));
                assert_eq!(same.all(&mut session)?, [child], "{what}");
            }
            parents.get(&mut session, RecordKey::new([key]))
        };
        let found: selfsame::Result<_> = find();
        if !is_read {
            match found {
                Ok(found) => assert_eq!((found, made.is_ok()), (None, false), "{what}"),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Conversion, "{what}: {error}"),
            }
            continue;
        }
        let found = found?.expect(&what);
        session.delete(found)?;
        session.commit()?;
        let left: (i64, i64) = session.sql("SELECT count(*), count(k) FROM c", ()).one()?;
        assert_eq!(left, (1, 0), "{what}");
    }
    Ok(())
}

/// Pages are in the order in which the condition of the next page compares.
#[test]
fn pages_by_a_column_of_unknown_type_have_every_row() -> selfsame::Result<()> {
    for (declared, options) in [
        ("MONEY", ""),
        ("STRING", ""),
        ("", ""),
        ("ANY", ""),
        ("ANY", " STRICT"),
    ] {
        let records = |engine: &Engine| {
            execute(
                engine,
                &format!(
                    "CREATE TABLE m (k {declared} NOT NULL PRIMARY KEY){options};\n\
                     INSERT INTO m VALUES (9), (10), (-3), (2.5), (100), ('a'), ('B'), ('10x'), ('')"
                ),
            )?;
            Metadata::reflect(engine)?.records("m")
        };
        let database = TempDatabase::new()?;
        let engine = Engine::new(database.backend());
        let records = records(&engine)?;
        let k = || records.column::<String>("k").expect("the column");
        for descending in [false, true] {
            let query = || match descending {
                true => records.query().order_by(k().desc()).limit(2),
                false => records.query().order_by(k().asc()).limit(2),
            };
            let mut session = Session::new(&engine);
            let mut page = query().all(&mut session)?;
            let mut met = Vec::new();
            while let Some(&last) = page.last() {
                met.extend(page);
                let value = session[last].value("k").expect("the column").clone();
                let Value::Text(value) = value else {
                    panic!("{value:?}");
                };
                page = query().after((value,)).all(&mut session)?;
            }
            assert_eq!(met.len(), 9, "{declared:?}{options}");
        }
    }
    Ok(())
}
