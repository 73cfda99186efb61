//! The same seed gives the same run, including failures: programs, statements, reports.

use std::sync::Arc;

use selfsame_conformance::{Filter, Options, Report, Target, faults, run, target_fn, with_fault};
use selfsame_sqlite::testing::TempDatabase;

fn sqlite() -> Arc<dyn Target> {
    Arc::new(target_fn("sqlite", || {
        let database = TempDatabase::new()?;
        Ok((Arc::new(database.backend()), database))
    }))
}

/// Runs twice, and returns the report, which must be the same.
fn twice(target: Arc<dyn Target>, seed: u64) -> Report {
    let filter = "types.,drawn,model.,queries.operands,flush.order";
    let options = Options {
        filter: filter.parse::<Filter>().expect("a filter"),
        cases: 16,
        seed,
        ..Options::default()
    };
    let report = || run(&[Arc::clone(&target)], &options, &mut ());
    let (first, second) = (report(), report());
    assert_eq!(
        first.to_stable_json().expect("a report"),
        second.to_stable_json().expect("a report")
    );
    assert_eq!(first.certificate(), second.certificate());
    first
}

#[test]
fn of_an_honest_backend() {
    let report = twice(sqlite(), 7);
    assert_eq!(report.exit_code(), 0, "{}", report.to_terminal());
}

#[test]
fn of_a_backend_that_lies() {
    let fault = faults().find(|fault| fault.id == "values.null_to_empty_text");
    let target = with_fault(sqlite(), fault.expect("the fault"));
    let report = twice(target, 7);
    assert!(report.summary().failed > 5, "{}", report.to_terminal());
}
