//! `selfsame inspect` on each database: what it writes is blessed (`SELFSAME_BLESS=1` rewrites it), compiles here, and creates an
//! equal schema.

#[path = "../chinook/entities.rs"]
mod entities;
#[path = "../chinook/load.rs"]
mod load;
#[rustfmt::skip]
#[expect(unreachable_pub, reason = "written for a library")]
mod chinook_postgres;
#[rustfmt::skip]
#[expect(unreachable_pub, reason = "written for a library")]
mod chinook_sqlite;
#[rustfmt::skip]
#[expect(unreachable_pub, reason = "written for a library")]
mod chinook_mariadb;
#[rustfmt::skip]
#[expect(unreachable_pub, reason = "written for a library")]
mod mariadb;
#[rustfmt::skip]
#[expect(unreachable_pub, reason = "written for a library")]
mod postgres;
#[rustfmt::skip]
#[expect(unreachable_pub, reason = "written for a library")]
mod sqlite;
#[path = "../support/inspected.rs"]
mod inspected;
#[path = "../support/mod.rs"]
mod support;

use inspected::{check_written, execute, with_mariadb, with_server};
use libtest_mimic::{Arguments, Failed, Trial};
use selfsame::Engine;
use selfsame::metadata::Metadata;
use selfsame::schema::{Index, Table};
use selfsame_mariadb::testing as mariadb_testing;
use selfsame_postgres::testing::Server;
use selfsame_sqlite::Sqlite;
use selfsame_sqlite::testing::TempDatabase;
use support::{refused, run};

fn main() -> std::process::ExitCode {
    let arguments = Arguments::from_args();
    let server = (!arguments.list).then(Server::start).transpose();
    let of_mariadb = (!arguments.list)
        .then(mariadb_testing::Server::start)
        .transpose();
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
        Trial::test("chinook_is_clean_on_sqlite", || {
            chinook_is_clean_on_sqlite().map_err(Failed::from)
        }),
        with_server(
            "chinook_is_clean_on_postgres",
            &server,
            chinook_is_clean_on_postgres,
        ),
        with_mariadb("mariadb", &of_mariadb, on_mariadb),
        with_mariadb("chinook_on_mariadb", &of_mariadb, chinook_on_mariadb),
        with_mariadb(
            "chinook_is_clean_on_mariadb",
            &of_mariadb,
            chinook_is_clean_on_mariadb,
        ),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn on_sqlite() -> selfsame::Result<()> {
    let database = TempDatabase::new()?;
    let engine = Engine::new(database.backend());
    execute(&engine, include_str!("sqlite.sql"))?;
    let path = database.path().to_str().expect("text");
    check_written(&format!("sqlite:{path}"), "inspect/sqlite.rs");
    let again = Engine::new(Sqlite::memory());
    check_equal(&engine, &again, &sqlite::metadata())
}

fn on_postgres(server: &Server) -> selfsame::Result<()> {
    let (first, second) = (server.database()?, server.database()?);
    let engine = Engine::new(first.backend());
    execute(&engine, include_str!("postgres.sql"))?;
    check_written(&first.url(), "inspect/postgres.rs");
    check_equal(
        &engine,
        &Engine::new(second.backend()),
        &postgres::metadata(),
    )
}

/// The music shop as mapped by hand and as inspected: no difference.
fn chinook_on_sqlite() -> selfsame::Result<()> {
    let database = TempDatabase::new()?;
    let engine = Engine::new(database.backend());
    entities::chinook().create_all(&engine)?;
    let path = database.path().to_str().expect("text");
    check_written(&format!("sqlite:{path}"), "inspect/chinook_sqlite.rs");
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
    entities::chinook().create_all(&engine)?;
    check_written(&first.url(), "inspect/chinook_postgres.rs");
    assert_eq!(chinook_postgres::metadata().diff(&engine)?, []);
    check_equal(
        &engine,
        &Engine::new(second.backend()),
        &chinook_postgres::metadata(),
    )
}

fn chinook_is_clean_on_sqlite() -> selfsame::Result<()> {
    let database = TempDatabase::new()?;
    let engine = Engine::new(database.backend());
    load::load(&engine)?;
    let path = database.path().to_str().expect("text");
    check_clean(&format!("sqlite:{path}"), 3);
    Ok(())
}

fn chinook_is_clean_on_postgres(server: &Server) -> selfsame::Result<()> {
    let database = server.database()?;
    load::load(&Engine::new(database.backend()))?;
    check_clean(&database.url(), 3);
    Ok(())
}

fn chinook_is_clean_on_mariadb(server: &mariadb_testing::Server) -> selfsame::Result<()> {
    let database = server.database()?;
    load::load(&Engine::new(database.backend()))?;
    // MariaDB keeps an index for each foreign key.
    check_clean(&database.url(), 0);
    Ok(())
}

/// Checks that the audit of the shop reads every row and finds nothing wrong, with and without writing rows back, but foreign keys of few
/// values that have no index.
fn check_clean(url: &str, slow: u32) {
    for arguments in [
        &["audit", "--format", "json", url][..],
        &[
            "audit", "--format", "json", "--write", "--rows", "20000", url,
        ],
    ] {
        let ran = run(arguments);
        assert_eq!(ran.code, Some(0), "{}{}", ran.err, ran.out);
        let audit: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
        assert_eq!(
            (&audit["rows"], &audit["whole"]),
            (&15607.into(), &true.into())
        );
        for severity in ["silent", "error", "note"] {
            assert_eq!(audit["findings"][severity], 0, "{audit:#}");
        }
        assert_eq!(audit["findings"]["slow"], slow, "{audit:#}");
        let tables = audit["tables"].as_array().expect("tables");
        assert_eq!(tables.len(), 11);
        for column in tables
            .iter()
            .flat_map(|it| it["columns"].as_array().expect("columns"))
        {
            assert_eq!(column["readable"], true, "{column}");
            assert_ne!(column["found"], false, "{column}");
            assert_ne!(column["writable"], false, "{column}");
        }
    }
}

fn on_mariadb(server: &mariadb_testing::Server) -> selfsame::Result<()> {
    let (first, second) = (server.database()?, server.database()?);
    let engine = Engine::new(first.backend());
    execute(&engine, include_str!("mariadb.sql"))?;
    check_written(&first.url(), "inspect/mariadb.rs");
    assert_eq!(mariadb::metadata().diff(&engine)?, []);
    check_equal(
        &engine,
        &Engine::new(second.backend()),
        &mariadb::metadata(),
    )
}

fn chinook_on_mariadb(server: &mariadb_testing::Server) -> selfsame::Result<()> {
    let (first, second) = (server.database()?, server.database()?);
    let engine = Engine::new(first.backend());
    entities::chinook().create_all(&engine)?;
    check_written(&first.url(), "inspect/chinook_mariadb.rs");
    assert_eq!(chinook_mariadb::metadata().diff(&engine)?, []);
    check_equal(
        &engine,
        &Engine::new(second.backend()),
        &chinook_mariadb::metadata(),
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

/// Checks that the entities create the schema that they were generated from.
fn check_equal(from: &Engine, to: &Engine, metadata: &Metadata) -> selfsame::Result<()> {
    for mapper in metadata.mappers() {
        mapper.resolved()?;
    }
    metadata.create_all(to)?;
    let has_comments = to.dialect().comment("", "").is_some();
    let read = |engine: &Engine| -> selfsame::Result<Vec<Table>> {
        Ok(engine
            .connect()?
            .reflect()?
            .into_iter()
            .filter(|table| !table.is_view())
            .map(without_names)
            .map(|table| match has_comments {
                true => table,
                false => without_comments(table),
            })
            .collect())
    };
    let (wanted, found) = (read(from)?, read(to)?);
    assert_eq!(wanted.len(), found.len());
    for (wanted, found) in wanted.into_iter().zip(found) {
        assert_eq!(wanted, found);
    }
    Ok(())
}

fn without_comments(mut table: Table) -> Table {
    table.comment = None;
    for column in &mut table.columns {
        column.comment = None;
    }
    table
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
