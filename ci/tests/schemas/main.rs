//! Databases that others made: every construct that an entity can stand for works, and what it cannot say is told.
//!
//! `selfsame inspect` writes the entities of `postgres.sql` and `sqlite.sql` (`SELFSAME_BLESS=1` writes them anew); they are compiled
//! here, make the schema again, and are used.

#[rustfmt::skip]
#[expect(unreachable_pub, reason = "written for a library")]
mod postgres;
#[rustfmt::skip]
#[expect(unreachable_pub, reason = "written for a library")]
mod sqlite;
#[path = "../support/mod.rs"]
mod support;

mod audit;
mod on_postgres;
mod on_sqlite;
mod places;

use std::path::Path;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use selfsame::Engine;
use selfsame::backend::{Sql, StatementKind};
use selfsame_postgres::testing::{Server, required};
use support::run;

type Test = fn(&Server) -> selfsame::Result<()>;

fn main() -> std::process::ExitCode {
    let arguments = Arguments::from_args();
    let server = (!arguments.list).then(Server::start).transpose();
    let mut trials: Vec<Trial> = on_postgres::TESTS
        .iter()
        .map(|&(name, test)| with_server(name, &server, test))
        .collect();
    trials.extend(
        on_sqlite::TESTS
            .iter()
            .map(|&(name, test)| Trial::test(name, move || test().map_err(Failed::from))),
    );
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn with_server(name: &'static str, server: &selfsame::Result<Option<Server>>, test: Test) -> Trial {
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
        .join("tests/schemas")
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
