//! The backend that the guide shows, with each known mistake: the suite finds them in words of SQL that are not an in-tree backend's.

use std::sync::Arc;

use selfsame::{Error, ErrorKind};
use selfsame_conformance::{FaultVerdict, Options, Target, run_faults, target_fn};

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
    // Lists that travel as one parameter, and statements that are stopped from another thread, are not what this backend has.
    let never = report.faults.iter().flat_map(|matrix| &matrix.faults);
    let never = never.filter(|fault| matches!(fault.verdict, FaultVerdict::NeverActed));
    let others: Vec<&str> = never
        .map(|fault| &*fault.id)
        .filter(|id| {
            !["long_list", "interrupt", "cancel"]
                .iter()
                .any(|part| id.contains(part))
        })
        .collect();
    assert!(others.is_empty(), "{others:?} never acted");
}
