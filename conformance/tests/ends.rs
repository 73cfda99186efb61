//! An engine that ends the process fails the run, and the case that was running is named.

use std::borrow::Cow;
use std::process::{Command, ExitCode};
use std::sync::Arc;

use selfsame::Result;
use selfsame::backend::{Backend, Connection};
use selfsame::dialect::{Batch, Capabilities, Dialect};
use selfsame::schema::ColumnType;
use selfsame_conformance::Fresh;

/// What the engine does: `exit` or `abort`.
const ENDS_BY: &str = "SELFSAME_TEST_ENDS_BY";
const CASE: &str = "types.i64.extremes";

fn main() -> ExitCode {
    if std::env::var_os(ENDS_BY).is_some() {
        return selfsame_conformance::main("ending", || Ok(Ending));
    }
    check("exit", "exit status: 0");
    check("abort", "signal: 6");
    ExitCode::SUCCESS
}

/// Runs one case in a separate process, on an engine that ends it.
fn check(by: &str, status: &str) {
    let run = Command::new(std::env::current_exe().expect("this binary"))
        .args(["--exact", CASE])
        .env(ENDS_BY, by)
        .output()
        .expect("a second process");
    let reported = String::from_utf8_lossy(&run.stderr);
    assert!(!run.status.success(), "{by}: the run must fail: {reported}");
    assert!(
        reported.contains(CASE) && reported.contains(status),
        "{by}: the case and the way it ended must be named: {reported}"
    );
}

#[derive(Debug)]
struct Ending;

impl Fresh for Ending {
    fn backend(&self) -> Arc<dyn Backend> {
        Arc::new(Ending)
    }
}

impl Backend for Ending {
    fn connect(&self) -> Result<Box<dyn Connection>> {
        if std::env::var_os(ENDS_BY).is_some_and(|by| by == "abort") {
            std::process::abort();
        }
        std::process::exit(0);
    }

    fn dialect(&self) -> &dyn Dialect {
        self
    }
}

impl Dialect for Ending {
    fn name(&self) -> &str {
        "ending"
    }

    fn column_type(&self, _: &ColumnType) -> Cow<'static, str> {
        "ANY".into()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::none()
    }

    fn batch(&self) -> Batch {
        Batch::Rows
    }
}
