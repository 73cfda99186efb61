//! SQLite.

use selfsame::ErrorKind;
use selfsame::prelude::*;
use selfsame_sqlite::Sqlite;
use selfsame_sqlite::testing::TempDatabase;

use crate::sqlite::{DateRow, Loose};
use crate::support::refused;
use crate::{check_written, execute, sqlite};

pub(crate) type Test = fn() -> selfsame::Result<()>;

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("sqlite_is_written_and_made_again", written),
    ("sqlite_without_tables_is_refused", without_tables),
    ("sqlite_dates_of_others", dates),
    ("sqlite_audit", crate::audit::on_sqlite),
    ("sqlite_audit_of_a_clean_database", crate::audit::clean),
    ("sqlite_attached_databases", crate::places::on_sqlite),
    ("sqlite_types_that_tell_nothing", loose),
    ("sqlite_functions_of_the_program", functions),
];

fn written() -> selfsame::Result<()> {
    let database = TempDatabase::new()?;
    let engine = Engine::new(database.backend());
    execute(&engine, include_str!("sqlite.sql"))?;
    let path = database.path().to_str().expect("text");
    check_written(&format!("sqlite:{path}"), "schemas/sqlite.rs");
    let metadata = sqlite::metadata();
    assert_eq!(metadata.diff(&engine)?, []);
    let again = Engine::new(Sqlite::memory());
    metadata.create_all(&again)?;
    assert_eq!(metadata.diff(&again)?, []);
    Ok(())
}

fn without_tables() -> selfsame::Result<()> {
    let database = TempDatabase::new()?;
    Engine::new(database.backend()).connect()?;
    let path = database.path().to_str().expect("text");
    refused(&["inspect", &format!("sqlite:{path}")], &["has no tables"]);
    Ok(())
}

fn opened(backend: Sqlite) -> selfsame::Result<Engine> {
    let engine = Engine::new(backend);
    execute(&engine, include_str!("sqlite.sql"))?;
    Ok(engine)
}

fn dates() -> selfsame::Result<()> {
    let database = TempDatabase::new()?;
    let engine = opened(database.backend())?;
    execute(
        &engine,
        "INSERT INTO dates VALUES (1, '2024-02-29', '2024-02-29T12:30:00Z', '2024-02-29', 't');\n\
         INSERT INTO dates VALUES (2, '2024-02-29 00:00:00', 1709209800, '2024-02-29 12:30:00.1234567+02:00', 'false');\n\
         INSERT INTO dates VALUES (3, NULL, 2460370.020833333, NULL, 1)",
    )?;
    // Strict reading names the first of them by its key.
    let error = DateRow::query()
        .all(&mut Session::new(&engine))
        .expect_err("other forms");
    assert_eq!(
        (error.kind(), error.key_text()),
        (ErrorKind::Conversion, Some("1"))
    );

    let lenient = Engine::new(database.backend().lenient());
    let mut session = Session::new(&lenient);
    let found = DateRow::query()
        .order_by(DateRow::ID.asc())
        .all(&mut session)?;
    let noon = "2024-02-29 12:30:00".parse().ok();
    for &date in &found {
        assert_eq!(session[date].made, noon);
    }
    assert_eq!(session[found[0]].day, session[found[1]].day);
    assert_eq!(
        session[found[1]].seen,
        "2024-02-29 10:30:00.123456".parse().ok()
    );
    let done: Vec<Option<bool>> = found.iter().map(|&it| session[it].is_done).collect();
    assert_eq!(done, [Some(true), Some(false), Some(true)]);
    // What was only read is not written; what is written has the usual form.
    session[found[0]].seen = noon;
    session.commit()?;
    drop(session);
    let sql = "SELECT made, seen FROM dates WHERE id = 1";
    let stored: Vec<(String, String)> = Session::new(&engine).sql(sql, ()).all()?;
    let expected = ("2024-02-29T12:30:00Z", "2024-02-29 12:30:00.000000");
    assert_eq!(stored, [(expected.0.to_owned(), expected.1.to_owned())]);
    Ok(())
}

fn loose() -> selfsame::Result<()> {
    let engine = opened(Sqlite::memory())?;
    execute(
        &engine,
        "INSERT INTO loose VALUES (1, 12.5, 5000000000, 'x', x'00ff', 42)",
    )?;
    let mut session = Session::new(&engine);
    let read = session.get::<Loose>(1)?.expect("is there");
    assert_eq!(session[read].a.as_deref(), Some("12.5"));
    assert_eq!(session[read].b, Some(5_000_000_000));
    assert_eq!(session[read].c.as_deref(), Some("x"));
    assert_eq!(session[read].d.as_deref(), Some(&[0, 255][..]));
    assert_eq!(session[read].e.as_deref(), Some("42"));
    session[read].a = Some("13".to_owned());
    session.commit()?;
    let found = Loose::query()
        .filter(Loose::A.eq("13"))
        .count(&mut session)?;
    assert_eq!(found, 1);
    Ok(())
}

/// A schema that needs what its program registers.
fn functions() -> selfsame::Result<()> {
    use selfsame_sqlite::rusqlite::functions::FunctionFlags;

    #[derive(Entity, Clone, Debug)]
    #[orm(table = "books")]
    struct Book {
        #[orm(primary_key)]
        id: Auto<i64>,
        title: String,
        sort: Option<String>,
    }

    let backend = Sqlite::memory().on_connect(|connection| {
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
        connection.create_scalar_function("title_sort", 1, flags, |context| {
            context.get::<String>(0).map(|title| title.to_lowercase())
        })?;
        connection.create_collation(c"unicase", |a, b| a.to_lowercase().cmp(&b.to_lowercase()))
    });
    let engine = Engine::new(backend);
    execute(
        &engine,
        "CREATE TABLE books (id INTEGER PRIMARY KEY, title TEXT NOT NULL COLLATE unicase, sort TEXT);\n\
         CREATE TRIGGER sorted AFTER INSERT ON books BEGIN UPDATE books SET sort = title_sort(NEW.title) WHERE id = NEW.id; END",
    )?;
    let mut session = Session::new(&engine);
    let book = session.add(Book::new("The End".to_owned()));
    session.commit()?;
    session.refresh(book)?;
    assert_eq!(session[book].sort.as_deref(), Some("the end"));
    let found = Book::query()
        .filter(Book::TITLE.eq("the end"))
        .all(&mut session)?;
    assert_eq!(found, [book]);
    Ok(())
}
