//! Tables of SQLite whose primary keys take NULL: no row is inserted without a key.

use selfsame::Result;
use selfsame::prelude::*;
use selfsame::sql::{excluded, insert_into, select};
use selfsame_sqlite::Sqlite;

#[derive(Entity, Clone, Debug)]
#[orm(table = "parts")]
struct Part {
    #[orm(primary_key)]
    id: Auto<i64>,
    name: String,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "boxes")]
struct Boxed {
    #[orm(primary_key)]
    id: Auto<i64>,
    low: f64,
    high: f64,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "codes")]
struct Code {
    #[orm(primary_key)]
    code: String,
    count: i64,
}

const TABLES: [&str; 6] = [
    "CREATE TABLE parts (id INT PRIMARY KEY, name TEXT NOT NULL)",
    "CREATE TABLE parts (id BIGINT PRIMARY KEY, name TEXT NOT NULL)",
    "CREATE TABLE parts (id INTEGER PRIMARY KEY DESC, name TEXT NOT NULL)",
    "CREATE TABLE parts (id INTEGER, name TEXT NOT NULL)",
    "CREATE TABLE parts (id INTEGER, name TEXT NOT NULL, PRIMARY KEY (id, name))",
    "CREATE TABLE parts (id INTEGER UNIQUE, name TEXT NOT NULL)",
];

fn with_table(text: &str) -> Result<Engine> {
    let engine = Engine::new(Sqlite::memory());
    let mut s = Session::new(&engine);
    s.sql(text, ()).execute()?;
    s.commit()?;
    Ok(engine)
}

fn count(engine: &Engine) -> Result<i64> {
    let mut s = Session::new(engine);
    Ok(s.sql("SELECT count(*) FROM parts", ()).one::<(i64,)>()?.0)
}

#[test]
fn a_key_that_the_table_does_not_generate_is_refused() -> Result<()> {
    for text in TABLES {
        let engine = with_table(text)?;
        for many in [1, 3, 300] {
            let mut s = Session::new(&engine);
            s.add_all(vec![Part::new("bolt"); many]);
            let error = s.commit().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Validation, "{text}: {error}");
            assert_eq!(error.entity_name(), Some("Part"), "{error}");
            assert_eq!(error.column_name(), Some("id"), "{error}");
            s.rollback()?;
        }
        assert_eq!(count(&engine)?, 0, "{text}");
        let mut s = Session::new(&engine);
        s.add(Part {
            id: Auto::set(7),
            ..Part::new("bolt")
        });
        s.commit()?;
        assert_eq!(count(&engine)?, 1, "{text}");
    }
    Ok(())
}

#[test]
fn a_key_that_the_table_generates_is_not() -> Result<()> {
    for text in [
        "CREATE TABLE parts (id INTEGER PRIMARY KEY, name TEXT NOT NULL)",
        "CREATE TABLE parts (name TEXT NOT NULL, id integer, PRIMARY KEY (id))",
        "CREATE TABLE parts (\"ID\" INTEGER PRIMARY KEY ASC AUTOINCREMENT, name TEXT NOT NULL)",
    ] {
        let engine = with_table(text)?;
        let mut s = Session::new(&engine);
        let parts = s.add_all(vec![Part::new("bolt"); 3]);
        s.commit()?;
        assert_eq!(*s[parts[2]].id, 3, "{text}");
    }
    Ok(())
}

#[test]
fn a_record_without_its_key_is_refused() -> Result<()> {
    let engine = with_table(TABLES[0])?;
    let parts = selfsame::metadata::Metadata::reflect(&engine)?.records("parts")?;
    let mut s = Session::new(&engine);
    let mut part = parts.record();
    part.set("name", "bolt")?;
    s.add(part);
    let error = s.commit().unwrap_err();
    assert_eq!(error.column_name(), Some("id"), "{error}");
    s.rollback()?;
    assert_eq!(count(&engine)?, 0);
    Ok(())
}

/// Triggers, tables of modules, and statements that copy keys give rows theirs.
#[test]
fn a_key_that_comes_from_elsewhere_is_not_refused() -> Result<()> {
    let engine = with_table("CREATE VIRTUAL TABLE boxes USING rtree (id, low, high)")?;
    let mut s = Session::new(&engine);
    let insert = insert_into(Boxed::table());
    s.execute(&insert.columns((Boxed::LOW, Boxed::HIGH)).values((1.0, 2.0)))?;
    s.commit()?;

    let engine = with_table("CREATE TABLE codes (code TEXT PRIMARY KEY, count INTEGER NOT NULL)")?;
    let mut s = Session::new(&engine);
    let insert = || {
        insert_into(Code::table())
            .columns((Code::COUNT,))
            .values((1,))
    };
    let error = s.execute(&insert()).unwrap_err();
    assert_eq!(error.column_name(), Some("code"), "{error}");
    s.rollback()?;
    s.sql(
        "CREATE TRIGGER coded AFTER INSERT ON codes WHEN NEW.code IS NULL BEGIN \
         UPDATE codes SET code = 'made' WHERE rowid = NEW.rowid; END",
        (),
    )
    .execute()?;
    s.execute(&insert())?;
    s.commit()?;
    assert!(s.get::<Code>("made")?.is_some());

    let copied = select((Code::CODE, Code::COUNT + 1))
        .from(Code::table())
        .filter(Code::COUNT.gt(0));
    let upsert = insert_into(Code::table())
        .columns((Code::CODE, Code::COUNT))
        .from_query(copied)
        .on_conflict((Code::CODE,))
        .do_update(|row| row.set(Code::COUNT, excluded(Code::COUNT)));
    s.execute(&upsert)?;
    s.commit()
}
