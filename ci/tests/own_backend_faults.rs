//! The backend that the guide shows, with each known mistake: the suite finds them in words of SQL that are not an in-tree backend's.

use std::sync::Arc;

use selfsame::{Error, ErrorKind};
use selfsame_conformance::{Options, Target, run_faults, target_fn};

#[path = "own_backend/backend.rs"]
mod backend;

#[test]
fn every_lie_is_found() {
    let target: Arc<dyn Target> = Arc::new(target_fn("mine", || {
        let folder = tempfile::tempdir()
            .map_err(|error| Error::new(ErrorKind::Configuration, error.to_string()))?;
        let backend = backend::MyBackend::new(folder.path().join("test.db"));
        Ok((Arc::new(backend), folder))
    }));
    let report = run_faults(&[target], &Options::default(), &mut ());
    assert_eq!(report.exit_code(), 0, "{}", report.to_terminal());
    assert_eq!(report.summary().never_acted, 0, "{}", report.to_terminal());
}
