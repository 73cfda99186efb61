//! Runs the selected cases on the targets, one after the other, and returns the report.

#[cfg(test)]
pub(crate) mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use selfsame::{Error, ErrorKind, Result};

use crate::attempt::{Limits, a_table_of, attempt};
use crate::case::{Case, Tier};
use crate::cases::{self, INVENTORY};
use crate::expected::Expected;
use crate::outcome::{FailureKind, FailureReport, Outcome};
use crate::report::{CaseReport, Report, TargetReport, Timing};
use crate::select::{Filter, Shard};
use crate::target::Target;

/// Options of a run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The seed of all generated inputs.
    pub seed: u64,
    /// The number of inputs that each property tries.
    pub cases: u32,
    /// Selects cases by id.
    pub filter: Filter,
    /// The highest tier to run; `None` for every tier. A tier includes those below it: `core` means `read` and `core`.
    pub tier: Option<Tier>,
    /// Whether to inject all faults, instead of only those that take a minute or two on a server.
    pub all_faults: bool,
    /// Selects faults by id.
    pub faults: Filter,
    /// The shard of the cases or, for fault injection, of the faults.
    pub shard: Option<Shard>,
    /// Whether to stop at the first failure; remaining cases are reported as not run.
    pub fail_fast: bool,
    /// The time after which no further cases start; remaining cases are reported as not run.
    pub max_time: Option<Duration>,
    /// The time limit of one case.
    pub case_time: Duration,
    /// Known failures.
    pub expected: Expected,
    /// The inventory; newer cases are left out.
    pub inventory: u32,
    /// Whether to continue fault injection until each line of the contract and each rule has a case that catches a fault.
    pub coverage: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: Self::DEFAULT_SEED,
            cases: 64,
            filter: Filter::default(),
            tier: None,
            all_faults: false,
            faults: Filter::default(),
            shard: None,
            fail_fast: false,
            max_time: None,
            case_time: Duration::from_secs(60),
            expected: Expected::default(),
            inventory: INVENTORY,
            coverage: false,
        }
    }
}

impl Options {
    /// The default seed: fixed, so that runs are repeatable.
    pub const DEFAULT_SEED: u64 = 0x5e1f;

    /// Returns the selected cases, before sharding.
    pub(crate) fn matching(&self) -> impl Iterator<Item = &'static Case> {
        cases::cases().filter(|case| {
            case.since <= self.inventory
                && self.tier.is_none_or(|tier| case.tier <= tier)
                && self.filter.matches(case.id)
        })
    }

    /// Returns the selected cases, in the order in which they run.
    pub fn selected(&self) -> impl Iterator<Item = &'static Case> {
        self.matching()
            .enumerate()
            .filter(|(place, _)| self.shard.is_none_or(|shard| shard.contains(*place)))
            .map(|(_, case)| case)
    }

    pub(crate) fn limits(&self) -> Limits {
        Limits {
            seed: self.seed,
            cases: self.cases,
            time: self.case_time,
            checks_emptiness: false,
        }
    }
}

/// Receives the progress of a run. Every method does nothing by default.
pub trait Progress {
    /// Called before anything runs, with the number of steps on all targets together.
    fn started(&mut self, steps: usize) {
        let _ = steps;
    }

    /// Called before each step: a case or a fault.
    fn step_started(&mut self, target: &str, id: &str) {
        let _ = (target, id);
    }

    /// Called after each case.
    fn case_finished(&mut self, target: &str, case: &CaseReport, took: Duration) {
        let _ = (target, case, took);
    }

    /// Called after each fault.
    fn fault_finished(&mut self, target: &str, fault: &crate::FaultReport, took: Duration) {
        let _ = (target, fault, took);
    }

    /// Called after the last step.
    fn finished(&mut self) {}
}

/// Ignores the progress.
impl Progress for () {}

/// Runs the selected cases on each target in turn.
///
/// The same options on the same targets give the same programs in the same order with the same outcomes, except in cases that are marked as
/// concurrent; only [`Report::timing`] differs.
pub fn run(targets: &[Arc<dyn Target>], options: &Options, progress: &mut dyn Progress) -> Report {
    let selected: Vec<&'static Case> = options.selected().collect();
    run_cases(targets, &selected, options, progress)
}

fn run_cases(
    targets: &[Arc<dyn Target>],
    selected: &[&'static Case],
    options: &Options,
    progress: &mut dyn Progress,
) -> Report {
    let begun = Instant::now();
    progress.started(selected.len() * targets.len());
    let mut report = Report {
        inventory: options.inventory,
        seed: options.seed,
        cases: options.cases,
        shard: options.shard.map(|shard| shard.to_string()),
        matched: options.matching().count(),
        targets: Vec::new(),
        faults: Vec::new(),
        timing: Timing {
            started: seconds_since_epoch(),
            ..Timing::default()
        },
    };
    let mut stop = Stop::default();
    for target in targets {
        let mut on_target = probe(&**target);
        if let Some(error) = &on_target.error {
            stop.here = Some(format!("the target cannot be used: {error}"));
        }
        let times = report
            .timing
            .cases
            .entry(on_target.name.clone())
            .or_default();
        for case in selected {
            if options.max_time.is_some_and(|most| begun.elapsed() >= most) {
                stop.everywhere = Some("the time limit of the run was reached".to_owned());
            }
            progress.step_started(&on_target.name, case.id);
            let (case_report, took) = match stop.reason() {
                Some(reason) => (
                    CaseReport::new(case, Outcome::NotRun { reason }, Vec::new()),
                    Duration::ZERO,
                ),
                None => run_case(target, case, options),
            };
            if options.fail_fast && matches!(case_report.outcome, Outcome::Fail { .. }) {
                stop.everywhere = Some(format!("`{}` failed first", case.id));
            }
            progress.case_finished(&on_target.name, &case_report, took);
            times.insert(case.id.to_owned(), took.as_secs_f64());
            on_target.cases.push(case_report);
        }
        stop.here = None;
        report.targets.push(on_target);
    }
    progress.finished();
    report.timing.seconds = begun.elapsed().as_secs_f64();
    report
}

/// Why no further cases run, on this target or at all.
#[derive(Debug, Default)]
struct Stop {
    here: Option<String>,
    everywhere: Option<String>,
}

impl Stop {
    fn reason(&self) -> Option<String> {
        self.everywhere.clone().or_else(|| self.here.clone())
    }
}

/// Runs one case and compares its outcome with the list of expected failures.
pub(crate) fn run_case(
    target: &Arc<dyn Target>,
    case: &'static Case,
    options: &Options,
) -> (CaseReport, Duration) {
    let begun = Instant::now();
    let limits = Limits {
        checks_emptiness: true,
        ..options.limits()
    };
    let attempt = attempt(target, case, limits);
    let took = begun.elapsed();
    let outcome = expect(
        attempt.outcome,
        options.expected.find(target.name(), case.id),
        crate::attempt::case_seed(options.seed, case.id),
    );
    let report = CaseReport {
        sent: attempt.sent.filter(|_| !case.concurrent),
        isolation: attempt.isolation,
        operations: attempt.operations,
        ..CaseReport::new(case, outcome, attempt.notes)
    };
    (report, took)
}

fn expect(outcome: Outcome, entry: Option<&crate::ExpectedFailure>, seed: u64) -> Outcome {
    match (outcome, entry) {
        (Outcome::Fail { failure }, Some(entry)) => Outcome::Expected {
            reason: entry.reason.clone(),
            failure,
        },
        (Outcome::Pass, Some(_)) => Outcome::Fail {
            failure: FailureReport {
                kind: FailureKind::UnexpectedPass,
                message: "passes, but is listed as an expected failure: remove it from the list"
                    .to_owned(),
                program: None,
                keep: None,
                repro: None,
                sql: Vec::new(),
                seed,
            },
        },
        (outcome, _) => outcome,
    }
}

/// Describes a target; sets `error` if it cannot be used.
pub(crate) fn probe(target: &dyn Target) -> TargetReport {
    let mut report = TargetReport {
        name: target.name().to_owned(),
        description: target.description(),
        dialect: None,
        server_version: None,
        error: None,
        cases: Vec::new(),
    };
    let result: Result<()> = (|| {
        let fresh = target.fresh()?;
        let backend = fresh.backend();
        if let Some(contradiction) = backend.dialect().capabilities().contradiction() {
            return Err(Error::new(ErrorKind::Configuration, contradiction));
        }
        report.dialect = Some(backend.dialect().name().to_owned());
        report.server_version = Some(backend.connect()?.server_version()?);
        Ok(())
    })();
    report.error = result.err().map(|error| error.to_string());
    if report.error.is_none()
        && let Some(table) = target.fresh().ok().and_then(|fresh| a_table_of(&*fresh))
    {
        report.error = Some(format!(
            "it must return empty databases, but the first holds the table `{table}`: nothing was touched"
        ));
    }
    report
}

pub(crate) fn seconds_since_epoch() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
