//! The conformance suite on a temporary file: each case is a test.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use selfsame_sqlite::testing::TempDatabase;

/// Longer than cases hold locks, but short enough to wait for.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    selfsame_conformance::main("sqlite", || {
        let database = TempDatabase::new()?;
        let backend = database.backend().busy_timeout(BUSY_TIMEOUT);
        Ok((Arc::new(backend), database))
    })
}
