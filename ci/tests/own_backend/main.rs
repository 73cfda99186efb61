//! The backend that the guide for backends shows, tested by the suite: each case is a test.

mod backend;

use std::process::ExitCode;
use std::sync::Arc;

use backend::MyBackend;
use selfsame::{Error, ErrorKind};

fn main() -> ExitCode {
    selfsame_conformance::main("mine", || {
        let folder = tempfile::tempdir()
            .map_err(|error| Error::new(ErrorKind::Configuration, error.to_string()))?;
        let backend = Arc::new(MyBackend::new(folder.path().join("test.db")));
        Ok((backend, folder))
    })
}
