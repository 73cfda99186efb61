//! The output of a failed program: the line that keeps it, and a file that a database client can run.

use std::sync::Arc;

use selfsame_conformance::{Filter, Options, Outcome, Target, faults, run, target_fn, with_fault};
use selfsame_sqlite::Sqlite;

#[test]
fn a_failed_program_can_be_run_by_a_client() {
    let target: Arc<dyn Target> = Arc::new(target_fn("sqlite::memory:", || {
        Ok((Arc::new(Sqlite::memory()), ()))
    }));
    let fault = faults().find(|fault| fault.id == "transactions.rollback_to_is_a_no_op");
    let target = with_fault(target, fault.expect("the fault"));
    let options = Options {
        filter: "model.session.program".parse::<Filter>().expect("a filter"),
        ..Options::default()
    };
    let report = run(&[target], &options, &mut ());
    let Outcome::Fail { failure } = &report.targets[0].cases[0].outcome else {
        panic!("the state machine must find it");
    };
    let program = failure.program.as_deref().expect("a program");
    assert!(program.lines().count() <= 9, "it must be small: {program}");
    let keep = failure.keep.as_deref().expect("a line to keep");
    assert!(
        keep.starts_with("conformance/src/model/kept.txt: ") && keep.contains("savepoint"),
        "{keep}"
    );
    let repros: Vec<(String, &str)> = report.repros().collect();
    let [(name, text)] = &repros[..] else {
        panic!("one program failed, {} files", repros.len());
    };
    assert_eq!(name, "repro/model.session.program.sqlite__memory_.sql");
    assert!(
        text.contains("CREATE TABLE") && text.contains("SAVEPOINT"),
        "{text}"
    );
    assert!(!text.contains("?1"), "parameters are literals: {text}");
    let client = rusqlite::Connection::open_in_memory().expect("a database");
    client.execute_batch(text).expect("statements that run");
    let stable = report.to_stable_json().expect("a report");
    assert_eq!(
        selfsame_conformance::Report::from_json(&stable)
            .expect("a report")
            .targets,
        report.targets
    );
}
