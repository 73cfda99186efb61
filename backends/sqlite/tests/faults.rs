//! The suite on SQLite backends with injected faults: it catches each of them.

use std::sync::Arc;
use std::time::Duration;

use selfsame_conformance::{Options, Target, run_faults, target_fn};
use selfsame_sqlite::testing::TempDatabase;

#[test]
fn every_lie_is_found() {
    let target: Arc<dyn Target> = Arc::new(target_fn("sqlite", || {
        let database = TempDatabase::new()?;
        let backend = database.backend().busy_timeout(Duration::from_secs(1));
        Ok((Arc::new(backend), database))
    }));
    let report = run_faults(&[target], &Options::default(), &mut ());
    let summary = report.summary();
    assert_eq!(report.exit_code(), 0, "{}", report.to_terminal());
    assert_eq!(summary.never_acted, 0, "{}", report.to_terminal());
    assert!(summary.killed >= 25, "{}", report.to_terminal());
}
