//! The conformance suite on a temporary file: each case is a test.

use std::process::ExitCode;
use std::sync::Arc;

use selfsame_sqlite::testing::TempDatabase;

fn main() -> ExitCode {
    selfsame_conformance::main("sqlite", || {
        let database = TempDatabase::new()?;
        Ok((Arc::new(database.backend()), database))
    })
}
