//! Shared by the tests of databases made by other programs: their statements, the command's output, and a server if one is available.

use std::path::Path;

use libtest_mimic::{Completion, Failed, Trial};
use selfsame::Engine;
use selfsame::backend::{Sql, StatementKind};
use selfsame_mariadb::testing as mariadb;
use selfsame_postgres::testing::{Server, required};

use super::support::run;

pub(crate) type Test = fn(&Server) -> selfsame::Result<()>;

pub(crate) fn with_server(
    name: &'static str,
    server: &selfsame::Result<Option<Server>>,
    test: Test,
) -> Trial {
    with(name, server, test, required())
}

pub(crate) fn with_mariadb(
    name: &'static str,
    server: &selfsame::Result<Option<mariadb::Server>>,
    test: fn(&mariadb::Server) -> selfsame::Result<()>,
) -> Trial {
    with(name, server, test, mariadb::required())
}

fn with<S: Clone + Send + 'static>(
    name: &'static str,
    server: &selfsame::Result<Option<S>>,
    test: fn(&S) -> selfsame::Result<()>,
    is_required: bool,
) -> Trial {
    let server = server.as_ref().map_err(ToString::to_string).cloned();
    Trial::ignorable_test(name, move || match server {
        Ok(Some(server)) => test(&server)
            .map(|()| Completion::Completed)
            .map_err(Failed::from),
        Ok(None) => Err("no server was started".into()),
        Err(reason) if is_required => Err(reason.into()),
        Err(reason) => Ok(Completion::ignored_with(reason)),
    })
}

pub(crate) fn execute(engine: &Engine, statements: &str) -> selfsame::Result<()> {
    let mut connected = engine.connect()?;
    for text in statements.split(";\n") {
        connected.execute(&Sql::new(StatementKind::Ddl, text, [], []), &[])?;
    }
    Ok(())
}

/// Checks that the command writes what is compiled here: `file`, under `tests`.
pub(crate) fn check_written(url: &str, file: &str) {
    let ran = run(&["inspect", url]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
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
