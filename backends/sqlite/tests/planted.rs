//! The suite on a session with planted bugs: a named case catches each, and the state machine alone most of them.
//!
//! `cargo test -p selfsame-sqlite --features planted-faults --test planted -- --nocapture` prints what found what.

use std::sync::Arc;

use selfsame::planted::{Planted, plant};
use selfsame_conformance::{FailureKind, Filter, Options, Outcome, Target, run, target_fn};
use selfsame_sqlite::Sqlite;

/// The cases of the session other than the state machine.
const CASES: &str = "identity,dirty,flush,relations,sessions,connections.pool,connections.lost";
const MODEL: &str = "model.session.program";

/// What the suite found.
struct Found {
    case: String,
    /// The lines of the state machine's smallest program.
    steps: Option<usize>,
}

/// The failed assertions of the chosen cases.
fn found(filter: &str, cases: u32) -> Vec<Found> {
    let target: Arc<dyn Target> = Arc::new(target_fn("sqlite::memory:", || {
        Ok((Arc::new(Sqlite::memory()), ()))
    }));
    let options = Options {
        filter: filter.parse::<Filter>().expect("a filter"),
        cases,
        ..Options::default()
    };
    let report = run(&[target], &options, &mut ());
    let cases = report.targets.into_iter().flat_map(|target| target.cases);
    let mut all = Vec::new();
    for case in cases {
        let Outcome::Fail { failure } = case.outcome else {
            continue;
        };
        if failure.kind == FailureKind::Assertion {
            let steps = failure.program.map(|program| program.lines().count() - 1);
            all.push(Found {
                case: case.id,
                steps,
            });
        }
    }
    all
}

#[test]
fn every_planted_mistake_is_found() {
    for filter in [CASES, MODEL] {
        let honest: Vec<String> = found(filter, 64)
            .into_iter()
            .map(|found| found.case)
            .collect();
        assert_eq!(honest, [""; 0], "without a mistake nothing is found");
    }
    let mut missed = Vec::new();
    let mut steps = Vec::new();
    for planted in Planted::ALL {
        plant(Some(planted));
        let by_case = found(CASES, 16);
        let by_model = found(MODEL, 200);
        plant(None);
        let length = by_model.iter().find_map(|found| found.steps);
        steps.extend(length);
        let name = by_case
            .iter()
            .chain(&by_model)
            .map(|found| &*found.case)
            .next();
        println!(
            "{:<22} {:<34} {}",
            format!("{planted:?}"),
            name.unwrap_or("NOT FOUND"),
            length.map_or("-".to_owned(), |length| format!(
                "state machine, {length} steps"
            ))
        );
        if name.is_none() {
            missed.push(planted);
        }
    }
    assert_eq!(missed, [], "mistakes that nothing finds");
    steps.sort_unstable();
    assert!(
        steps.len() >= 5,
        "the state machine finds {} mistakes",
        steps.len()
    );
    let median = steps[steps.len() / 2];
    assert!(
        median <= 6,
        "the median of the shrunk programs has {median} steps: {steps:?}"
    );
}
