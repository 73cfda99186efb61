//! `selfsame inspect` on both databases: what it writes is blessed (`SELFSAME_BLESS=1` writes it anew), compiles here, and makes an
//! equal schema.

#[path = "../chinook/entities.rs"]
mod chinook;
#[rustfmt::skip]
#[expect(unreachable_pub, reason = "written for a library")]
mod chinook_postgres;
#[rustfmt::skip]
#[expect(unreachable_pub, reason = "written for a library")]
mod chinook_sqlite;
#[rustfmt::skip]
#[expect(unreachable_pub, reason = "written for a library")]
mod postgres;
#[rustfmt::skip]
#[expect(unreachable_pub, reason = "written for a library")]
mod sqlite;
#[path = "../support/mod.rs"]
mod support;

use std::path::Path;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use selfsame::Engine;
use selfsame::backend::{Sql, StatementKind};
use selfsame::metadata::Metadata;
use selfsame::schema::{Index, Table};
use selfsame_postgres::testing::{Server, required};
use selfsame_sqlite::Sqlite;
use selfsame_sqlite::testing::TempDatabase;
use support::{refused, run};

fn main() -> std::process::ExitCode {
    let arguments = Arguments::from_args();
    let server = (!arguments.list).then(Server::start).transpose();
    let trials = vec![
        Trial::test("sqlite", || on_sqlite().map_err(Failed::from)),
        Trial::test("chinook_on_sqlite", || {
            chinook_on_sqlite().map_err(Failed::from)
        }),
        Trial::test("bad_arguments_are_refused", || {
            bad_arguments();
            Ok(())
        }),
        with_server("postgres", &server, on_postgres),
        with_server("chinook_on_postgres", &server, chinook_on_postgres),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn with_server(
    name: &'static str,
    server: &selfsame::Result<Option<Server>>,
    test: fn(&Server) -> selfsame::Result<()>,
) -> Trial {
    let server = server.as_ref().map_err(ToString::to_string).cloned();
    Trial::ignorable_test(name, move || match server {
        Ok(Some(server)) => test(&server)
            .map(|()| Completion::Completed)
            .map_err(Failed::from),
        Ok(None) => Err("no server was started".into()),
        Err(reason) if required() => Err(reason.into()),
        Err(reason) => Ok(Completion::ignored_with(reason)),
    })
}

fn on_sqlite() -> selfsame::Result<()> {
    let database = TempDatabase::new()?;
    let engine = Engine::new(database.backend());
    execute(&engine, include_str!("sqlite.sql"))?;
    let path = database.path().to_str().expect("text");
    check_written(&format!("sqlite:{path}"), "sqlite.rs");
    let again = Engine::new(Sqlite::memory());
    check_equal(&engine, &again, &sqlite::metadata())
}

fn on_postgres(server: &Server) -> selfsame::Result<()> {
    let (first, second) = (server.database()?, server.database()?);
    let engine = Engine::new(first.backend());
    execute(&engine, include_str!("postgres.sql"))?;
    check_written(&first.url(), "postgres.rs");
    check_equal(
        &engine,
        &Engine::new(second.backend()),
        &postgres::metadata(),
    )
}

/// The music shop as mapped by hand, and again as it was found in the database: no difference.
fn chinook_on_sqlite() -> selfsame::Result<()> {
    let database = TempDatabase::new()?;
    let engine = Engine::new(database.backend());
    chinook::chinook().create_all(&engine)?;
    let path = database.path().to_str().expect("text");
    check_written(&format!("sqlite:{path}"), "chinook_sqlite.rs");
    assert_eq!(chinook_sqlite::metadata().diff(&engine)?, []);
    check_equal(
        &engine,
        &Engine::new(Sqlite::memory()),
        &chinook_sqlite::metadata(),
    )
}

fn chinook_on_postgres(server: &Server) -> selfsame::Result<()> {
    let (first, second) = (server.database()?, server.database()?);
    let engine = Engine::new(first.backend());
    chinook::chinook().create_all(&engine)?;
    check_written(&first.url(), "chinook_postgres.rs");
    assert_eq!(chinook_postgres::metadata().diff(&engine)?, []);
    check_equal(
        &engine,
        &Engine::new(second.backend()),
        &chinook_postgres::metadata(),
    )
}

fn bad_arguments() {
    refused(&["inspect"], &["<URL>"]);
    refused(
        &["inspect", "oracle://ann:hunter2@host/db"],
        &["sqlite, postgres"],
    );
    refused(&["inspect", "sqlite:/no/such/file.db"], &["SQLite"]);
    refused(
        &["inspect", "env:SELFSAME_NO_SUCH_VARIABLE"],
        &["set SELFSAME_NO_SUCH_VARIABLE"],
    );
    refused(&["inspect", "sqlite::memory:"], &["has no tables"]);
}

fn execute(engine: &Engine, statements: &str) -> selfsame::Result<()> {
    let mut connected = engine.connect()?;
    for text in statements.split(";\n") {
        connected.execute(&Sql::new(StatementKind::Ddl, text, [], []), &[])?;
    }
    Ok(())
}

/// Checks that the command writes what is compiled here.
fn check_written(url: &str, file: &str) {
    let ran = run(&["inspect", url]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/inspect")
        .join(file);
    if std::env::var_os("SELFSAME_BLESS").is_some() {
        std::fs::write(&path, &ran.out).expect("the blessed file");
    }
    let blessed = std::fs::read_to_string(&path).expect("the blessed file");
    assert!(
        ran.out == blessed,
        "{file} is not what the command writes; see it with SELFSAME_BLESS=1:\n{}",
        ran.out
    );
}

/// Checks that the entities make what they were written from.
fn check_equal(from: &Engine, to: &Engine, metadata: &Metadata) -> selfsame::Result<()> {
    for mapper in metadata.mappers() {
        mapper.resolved()?;
    }
    metadata.create_all(to)?;
    let read = |engine: &Engine| -> selfsame::Result<Vec<Table>> {
        Ok(engine
            .connect()?
            .reflect()?
            .into_iter()
            .map(without_names)
            .collect())
    };
    let (wanted, found) = (read(from)?, read(to)?);
    assert_eq!(wanted.len(), found.len());
    for (wanted, found) in wanted.into_iter().zip(found) {
        assert_eq!(wanted, found);
    }
    Ok(())
}

/// The table without the names of its constraints and their order.
fn without_names(mut table: Table) -> Table {
    let clear = |indexes: &mut Vec<Index>| {
        for index in &mut *indexes {
            index.name = None;
        }
        indexes.sort_by(|a, b| a.columns.cmp(&b.columns));
    };
    table.remarks.clear();
    for column in &mut table.columns {
        column.remarks.clear();
    }
    clear(&mut table.uniques);
    clear(&mut table.indexes);
    for key in &mut table.foreign_keys {
        key.name = None;
    }
    table.foreign_keys.sort_by(|a, b| a.columns.cmp(&b.columns));
    for check in &mut table.checks {
        check.name = None;
    }
    table.checks.sort_by(|a, b| a.condition.cmp(&b.condition));
    table
}
