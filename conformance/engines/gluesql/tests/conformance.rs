//! The suite on GlueSQL: each case is a test, and `cargo test --test conformance -- check` is the command.

use std::process::ExitCode;
use std::sync::Arc;

use selfsame_gluesql::Glue;

fn main() -> ExitCode {
    selfsame_conformance::main("gluesql", || Ok((Arc::new(Glue::memory()), ())))
}
