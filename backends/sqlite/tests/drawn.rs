//! Generated inputs find bugs, and a failure is shown with a small input.

use std::sync::Arc;

use selfsame_conformance::{Filter, Options, Outcome, Target, faults, run, target_fn, with_fault};
use selfsame_sqlite::testing::TempDatabase;

/// Checks that the case catches the fault, with an input of at most this many characters.
fn check(case: &str, fault: &str, most: usize) {
    let target: Arc<dyn Target> = Arc::new(target_fn("sqlite", || {
        let database = TempDatabase::new()?;
        Ok((Arc::new(database.backend()), database))
    }));
    let known = faults().find(|known| known.id == fault);
    let target = with_fault(target, known.expect("the fault"));
    let options = Options {
        filter: case.parse::<Filter>().expect("a filter"),
        ..Options::default()
    };
    let report = run(&[target], &options, &mut ());
    let Outcome::Fail { failure } = &report.targets[0].cases[0].outcome else {
        panic!("{case} must find {fault}");
    };
    let program = failure.program.as_deref().expect("the smallest input");
    let length = program.chars().count();
    assert!(
        length <= most,
        "{case} shows {fault} by {length} characters: {program}"
    );
}

#[test]
fn a_schema() {
    check("schema.drawn.round_trip", "values.null_to_empty_text", 250);
}

#[test]
fn a_condition() {
    check("queries.drawn.partition", "queries.null_equals_null", 120);
    check(
        "writes.drawn.same_rows",
        "writes.predicate_dropped_on_update",
        120,
    );
    check(
        "writes.drawn.same_rows",
        "writes.predicate_dropped_on_delete",
        120,
    );
}

#[test]
fn a_graph() {
    check("relations.drawn.loaders", "queries.left_join_is_inner", 200);
}

#[test]
fn a_batch() {
    check(
        "writes.drawn.batches",
        "writes.parameter_lost_beyond_255",
        60,
    );
    check("writes.drawn.batches", "values.text_cut_beyond_8000", 60);
}
