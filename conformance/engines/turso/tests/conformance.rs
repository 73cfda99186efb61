//! The suite on turso: each case is a test, and `cargo test --test conformance -- check` is the command.

use std::process::ExitCode;
use std::sync::Arc;

use selfsame::{Error, ErrorKind};
use selfsame_turso::Turso;

fn main() -> ExitCode {
    selfsame_conformance::main("turso", || {
        let folder = tempfile::tempdir()
            .map_err(|error| Error::new(ErrorKind::Configuration, error.to_string()))?;
        Ok((Arc::new(Turso::file(folder.path().join("test.db"))), folder))
    })
}
