//! The suite on SQLite backends that lie: every mistake is found.

use std::sync::Arc;

use selfsame_conformance::{Options, Target, run_faults, target_fn};
use selfsame_sqlite::testing::TempDatabase;

#[test]
fn every_lie_is_found() {
    let target: Arc<dyn Target> = Arc::new(target_fn("sqlite", || {
        let database = TempDatabase::new()?;
        Ok((Arc::new(database.backend()), database))
    }));
    let report = run_faults(&[target], &Options::default(), &mut ());
    let summary = report.summary();
    assert_eq!(report.exit_code(), 0, "{}", report.to_terminal());
    assert_eq!(summary.never_acted, 0, "{}", report.to_terminal());
    assert!(summary.killed >= 25, "{}", report.to_terminal());
}
