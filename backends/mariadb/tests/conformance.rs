//! The conformance suite on MariaDB: each case is a test, with a database of its own on one server.

use std::process::ExitCode;
use std::sync::Arc;

use selfsame_mariadb::testing::{self, Server};

fn main() -> ExitCode {
    if std::env::args().any(|argument| argument == "--list") {
        return selfsame_conformance::main_unavailable("mariadb", "only listed");
    }
    match Server::start() {
        Ok(server) => selfsame_conformance::main("mariadb", move || {
            let database = server.database()?;
            Ok((Arc::new(database.backend()), database))
        }),
        Err(error) if testing::required() => {
            eprintln!("error: MariaDB is required, and there is none: {error}");
            ExitCode::FAILURE
        }
        Err(error) => selfsame_conformance::main_unavailable("mariadb", &error.to_string()),
    }
}
