//! The conformance suite on PostgreSQL: each case is a test, with a database of its own on one server.

use std::process::ExitCode;
use std::sync::Arc;

use selfsame_postgres::testing::{self, Server};

fn main() -> ExitCode {
    if std::env::args().any(|argument| argument == "--list") {
        return selfsame_conformance::main_unavailable("postgres", "only listed");
    }
    match Server::start() {
        Ok(server) => selfsame_conformance::main("postgres", move || {
            let database = server.database()?;
            Ok((Arc::new(database.backend()), database))
        }),
        Err(error) if testing::required() => {
            eprintln!("error: PostgreSQL is required, and there is none: {error}");
            ExitCode::FAILURE
        }
        Err(error) => selfsame_conformance::main_unavailable("postgres", &error.to_string()),
    }
}
