//! The backend that the guide shows, with each known mistake: the suite finds them in SQL that differs from that of the backends in this repository.

use std::sync::Arc;

use selfsame::{Error, ErrorKind};
use selfsame_conformance::{FaultVerdict, Options, Target, run_faults, target_fn};

#[path = "own_backend/backend.rs"]
mod backend;

/// How many shards run side by side.
const SHARDS: usize = 2;

#[test]
fn every_lie_is_found() {
    let shards = std::thread::scope(|scope| {
        let running: Vec<_> = (1..=SHARDS)
            .map(|share| scope.spawn(move || hunt(share)))
            .collect();
        let ended = running.into_iter().map(|shard| shard.join());
        ended
            .collect::<Result<Vec<_>, _>>()
            .expect("no shard fails")
    });
    let never: Vec<String> = shards.into_iter().flatten().collect();
    // This backend has no lists in one parameter, and no statements that another thread can stop.
    let others: Vec<&String> = never
        .iter()
        .filter(|id| {
            !["long_list", "interrupt", "cancel"]
                .iter()
                .any(|part| id.contains(part))
        })
        .collect();
    assert!(others.is_empty(), "{others:?} never acted");
}

/// Injects one share of the faults, and returns those that never acted.
fn hunt(share: usize) -> Vec<String> {
    let target: Arc<dyn Target> = Arc::new(target_fn("mine", || {
        let folder = tempfile::tempdir()
            .map_err(|error| Error::new(ErrorKind::Configuration, error.to_string()))?;
        let backend = backend::MyBackend::new(folder.path().join("test.db"));
        Ok((Arc::new(backend), folder))
    }));
    let options = Options {
        shard: Some(format!("{share}/{SHARDS}").parse().expect("a shard")),
        ..Options::default()
    };
    let report = run_faults(&[target], &options, &mut ());
    assert_eq!(report.exit_code(), 0, "{}", report.to_terminal());
    let faults = report.faults.into_iter().flat_map(|matrix| matrix.faults);
    faults
        .filter(|fault| matches!(fault.verdict, FaultVerdict::NeverActed))
        .map(|fault| fault.id)
        .collect()
}
