//! The conformance suite on PostgreSQL: each case is a test, with its own database on one server.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use selfsame_conformance::{Silenceable, with_silence};
use selfsame_postgres::testing::{self, Server};

/// How long to wait for a silent server.
const SILENCE_LIMIT: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    if std::env::args().any(|argument| argument == "--list") {
        return selfsame_conformance::main_unavailable("postgres", "only listed");
    }
    match Server::start() {
        Ok(server) => selfsame_conformance::main("postgres", move || {
            let database = Arc::new(server.database()?);
            let fresh = (Arc::new(database.backend()), Arc::clone(&database));
            Ok(with_silence(fresh, move || {
                let (backend, proxy) = database.behind_proxy(SILENCE_LIMIT)?;
                Some(Silenceable::new(
                    Arc::new(backend),
                    SILENCE_LIMIT,
                    move |is_silent| proxy.set_silent(is_silent),
                ))
            }))
        }),
        Err(error) if testing::required() => {
            eprintln!("error: PostgreSQL is required, but not available: {error}");
            ExitCode::FAILURE
        }
        Err(error) => selfsame_conformance::main_unavailable("postgres", &error.to_string()),
    }
}
