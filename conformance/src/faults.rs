//! Fault injection: known bugs that the suite must catch.
//!
//! Each [`Fault`] is one bug, injected by a wrapper around any backend. The suite catches a fault if it has acted, an assertion of a case
//! fails, and the same case passes in the same wrapper without the fault. A backend error does not count, because even a suite without
//! assertions would get such errors.

/// Stores another value than the one that was sent.
macro_rules! stored {
    ($id:literal, $sentence:literal, $suspect:literal, $alter:expr) => {
        $crate::faults::Fault::new(
            concat!("values.", $id),
            $crate::faults::Group::Values,
            $sentence,
            $crate::faults::lie::Lie::Store($alter),
        )
        .suspects(&[$suspect])
    };
}

/// Returns another value than the one that is stored.
macro_rules! read {
    ($id:literal, $sentence:literal, $suspect:literal, $alter:expr) => {
        $crate::faults::Fault::new(
            concat!("values.", $id),
            $crate::faults::Group::Values,
            $sentence,
            $crate::faults::lie::Lie::Read($alter),
        )
        .suspects(&[$suspect])
    };
}

mod calls;
mod characters;
mod clauses;
mod conditions;
mod connection_state;
mod connections;
mod constraints;
mod conversions;
mod corners;
mod cursors;
mod drivers;
mod endings;
mod engine_bugs;
mod expressions;
mod kept;
mod lie;
mod magnitudes;
mod narrow;
mod orders;
mod paths;
mod predicates;
mod queries;
mod reflected;
mod refusals;
mod results;
mod rows;
mod single;
mod sizes;
mod stateful;
mod text;
mod transactions;
mod values;
mod wrapper;
mod writes;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::attempt::attempt;
use crate::case::{Capability, Case};
use crate::coverage;
use crate::faults::lie::Lie;
use crate::faults::wrapper::LyingTarget;
use crate::outcome::{FailureKind, Outcome};
use crate::report::{FaultReport, FaultVerdict, KillMatrix, Report, Timing};
use crate::runner::{Options, Progress, probe, seconds_since_epoch};
use crate::target::Target;

/// A known bug that can be injected into a backend.
pub struct Fault {
    /// `group.what`, never renamed.
    pub id: &'static str,
    /// The kind of bug.
    pub group: Group,
    /// The bug, in one sentence.
    pub sentence: &'static str,
    /// The fault acts only above this number of rows, values or bytes.
    pub beyond: Option<usize>,
    /// Parts of the ids of the cases to try first. All others are tried afterwards.
    suspects: &'static [&'static str],
    /// Without these capabilities the fault is the engine's normal behaviour.
    needs: &'static [Capability],
    /// Without a server that can be made silent the fault never acts.
    needs_silence: bool,
    lie: Lie,
}

/// The kind of a bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// Values altered when stored or read.
    Values,
    /// Wrong rows.
    Queries,
    /// Wrong or missing writes.
    Writes,
    /// Constraints not enforced, or violations misreported.
    Constraints,
    /// Transactions that begin or end wrongly.
    Transactions,
    /// Wrong reports and state of connections.
    Connections,
    /// Tables reflected wrongly.
    Schema,
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Values => "values",
            Self::Queries => "queries",
            Self::Writes => "writes",
            Self::Constraints => "constraints",
            Self::Transactions => "transactions",
            Self::Connections => "connections",
            Self::Schema => "schema",
        })
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fault")
            .field("id", &self.id)
            .field("beyond", &self.beyond)
            .finish_non_exhaustive()
    }
}

impl Fault {
    const fn new(id: &'static str, group: Group, sentence: &'static str, lie: Lie) -> Self {
        Self {
            id,
            group,
            sentence,
            beyond: None,
            suspects: &[],
            needs: &[],
            needs_silence: false,
            lie,
        }
    }

    const fn beyond(mut self, beyond: usize) -> Self {
        self.beyond = Some(beyond);
        self
    }

    const fn suspects(mut self, suspects: &'static [&'static str]) -> Self {
        self.suspects = suspects;
        self
    }

    const fn needs(mut self, needs: &'static [Capability]) -> Self {
        self.needs = needs;
        self
    }

    const fn needs_silence(mut self) -> Self {
        self.needs_silence = true;
        self
    }
}

/// The faults injected by default; they take a minute or two on a server.
const USUAL: &[&[Fault]] = &[
    values::FAULTS,
    queries::FAULTS,
    expressions::FAULTS,
    writes::FAULTS,
    constraints::FAULTS,
    transactions::FAULTS,
    connections::FAULTS,
];

/// The faults injected only with [`Options::all_faults`]; they take many more minutes on a server.
const REST: &[&[Fault]] = &[
    corners::FAULTS,
    conversions::FAULTS,
    calls::FAULTS,
    predicates::FAULTS,
    narrow::FAULTS,
    single::FAULTS,
    sizes::FAULTS,
    stateful::FAULTS,
    characters::FAULTS,
    magnitudes::FAULTS,
    clauses::FAULTS,
    results::FAULTS,
    refusals::FAULTS,
    endings::FAULTS,
    engine_bugs::FAULTS,
    reflected::FAULTS,
    paths::FAULTS,
    drivers::FAULTS,
    orders::FAULTS,
    cursors::FAULTS,
    conditions::FAULTS,
    kept::FAULTS,
];

/// Returns every fault in the order of reports: those injected by default come first.
pub fn faults() -> impl Iterator<Item = &'static Fault> {
    USUAL.iter().chain(REST).copied().flatten()
}

/// Returns the faults selected by these options, before sharding.
pub(crate) fn chosen(options: &Options) -> impl Iterator<Item = &'static Fault> {
    let lists: &[&[&[Fault]]] = match options.all_faults {
        true => &[USUAL, REST],
        false => &[USUAL],
    };
    let lists = lists.iter().copied().flatten().copied().flatten();
    lists.filter(|fault| options.faults.matches(fault.id))
}

/// Returns the selected faults of the shard, possibly none.
pub(crate) fn of_shard(options: &Options) -> impl Iterator<Item = &'static Fault> {
    let is_own = |place| options.shard.is_none_or(|shard| shard.contains(place));
    let own = chosen(options).enumerate();
    own.filter(move |(place, _)| is_own(*place))
        .map(|(_, fault)| fault)
}

/// Injects one fault into a target, for example to see what a failing run looks like.
pub fn with_fault(target: Arc<dyn Target>, fault: &'static Fault) -> Arc<dyn Target> {
    Arc::new(LyingTarget::new(target, Some(fault), Arc::default()))
}

/// Injects each selected fault into each target and finds the case that catches it.
///
/// The report's [`exit_code`](Report::exit_code) is 0 only if at least one fault was caught, and every fault that acted was caught or is the
/// engine's normal behaviour. [`Options::all_faults`] sets which faults are injected, [`Options::faults`] filters them by id,
/// [`Options::shard`] selects a share of them, and [`Options::filter`] selects the cases that may catch them.
pub fn run_faults(
    targets: &[Arc<dyn Target>],
    options: &Options,
    progress: &mut dyn Progress,
) -> Report {
    let cases: Vec<&'static Case> = options.matching().collect();
    find_faults(targets, &cases, options, progress)
}

fn find_faults(
    targets: &[Arc<dyn Target>],
    cases: &[&'static Case],
    options: &Options,
    progress: &mut dyn Progress,
) -> Report {
    let begun = Instant::now();
    let chosen: Vec<&'static Fault> = of_shard(options).collect();
    progress.started(chosen.len() * targets.len());
    let mut timing = Timing {
        started: seconds_since_epoch(),
        ..Timing::default()
    };
    let mut matrices = Vec::new();
    for target in targets {
        let error = probe(&**target).error;
        let mut reports = Vec::new();
        let mut honest = Honest::default();
        let times = timing.cases.entry(target.name().to_owned()).or_default();
        for fault in chosen.iter().filter(|_| error.is_none()) {
            progress.step_started(target.name(), fault.id);
            let (report, took) = find(target, fault, cases, options, &mut honest);
            progress.fault_finished(target.name(), &report, took);
            times.insert(fault.id.to_owned(), took.as_secs_f64());
            reports.push(report);
        }
        let proofs = match options.coverage && error.is_none() {
            true => coverage::prove(&reports, cases, |case, fault| {
                catches(target, fault, case, options, &mut honest)
            }),
            false => Vec::new(),
        };
        matrices.push(KillMatrix {
            target: target.name().to_owned(),
            error,
            faults: reports,
            proofs,
        });
    }
    progress.finished();
    timing.seconds = begun.elapsed().as_secs_f64();
    Report {
        inventory: options.inventory,
        seed: options.seed,
        cases: options.cases,
        shard: None,
        matched: chosen.len(),
        targets: Vec::new(),
        faults: matrices,
        timing,
    }
}

fn find(
    target: &Arc<dyn Target>,
    fault: &'static Fault,
    cases: &[&'static Case],
    options: &Options,
    honest: &mut Honest,
) -> (FaultReport, Duration) {
    let begun = Instant::now();
    let verdict = match unclaimed(&**target, fault) {
        Some(reason) => FaultVerdict::Equivalent { reason },
        None => hunt(target, fault, cases, options, honest),
    };
    let report = FaultReport {
        id: fault.id.to_owned(),
        group: fault.group.to_string(),
        sentence: fault.sentence.to_owned(),
        verdict,
    };
    (report, begun.elapsed())
}

/// Returns why the fault is normal behaviour on this target, if it is.
fn unclaimed(target: &dyn Target, fault: &Fault) -> Option<String> {
    let fresh = target.fresh().ok()?;
    if fault.needs_silence && fresh.silenceable().is_none() {
        return Some("the target has no server that it could make silent".to_owned());
    }
    let backend = fresh.backend();
    fault
        .needs
        .iter()
        .find(|need| !need.is_claimed(backend.dialect()))
        .map(|need| format!("{need}: not claimed"))
}

/// Runs the suspects in order, then all other cases, until one catches the fault.
fn hunt(
    target: &Arc<dyn Target>,
    fault: &'static Fault,
    cases: &[&'static Case],
    options: &Options,
    honest: &mut Honest,
) -> FaultVerdict {
    let rank = |case: &&Case| {
        let mut suspects = fault.suspects.iter();
        let rank = suspects.position(|part| case.id.contains(part));
        rank.unwrap_or(usize::MAX)
    };
    let mut cases = cases.to_vec();
    cases.sort_by_key(rank);
    let mut fired_ever = false;
    let mut errors = Vec::new();
    for case in cases {
        if honest.is_known_to_fail(case) {
            continue;
        }
        let fired = Arc::new(AtomicU64::new(0));
        let lying: Arc<dyn Target> = Arc::new(LyingTarget::new(
            Arc::clone(target),
            Some(fault),
            Arc::clone(&fired),
        ));
        let found = attempt(&lying, case, options.limits());
        let fired = fired.load(Ordering::Relaxed);
        fired_ever |= fired > 0;
        let Outcome::Fail { failure } = found.outcome else {
            continue;
        };
        if failure.kind != FailureKind::Assertion || fired == 0 {
            errors.push(case.id.to_owned());
            continue;
        }
        if honest.passes(target, case, options) {
            return FaultVerdict::Killed {
                case: case.id.to_owned(),
                assertion: failure.message,
                fired,
            };
        }
    }
    if fired_ever {
        FaultVerdict::Survived { errors }
    } else {
        FaultVerdict::NeverActed
    }
}

/// Returns whether an assertion of the case fails with the fault; `None` if the case does not pass without it.
fn catches(
    target: &Arc<dyn Target>,
    fault: Option<&'static Fault>,
    case: &'static Case,
    options: &Options,
    honest: &mut Honest,
) -> Option<bool> {
    if !honest.passes(target, case, options) {
        return None;
    }
    let Some(fault) = fault else {
        return Some(false);
    };
    let fired = Arc::new(AtomicU64::new(0));
    let lying: Arc<dyn Target> = Arc::new(LyingTarget::new(
        Arc::clone(target),
        Some(fault),
        Arc::clone(&fired),
    ));
    let found = attempt(&lying, case, options.limits());
    let acted = fired.load(Ordering::Relaxed) > 0;
    let caught = matches!(
        found.outcome,
        Outcome::Fail { failure } if failure.kind == FailureKind::Assertion
    );
    Some(acted && caught)
}

/// Caches which cases pass in the same wrapper without a fault. A case also passes if it saw the refusal of a capability that is not claimed.
#[derive(Default)]
struct Honest(HashMap<&'static str, bool>);

impl Honest {
    fn passes(&mut self, target: &Arc<dyn Target>, case: &'static Case, options: &Options) -> bool {
        *self.0.entry(case.id).or_insert_with(|| {
            let honest: Arc<dyn Target> =
                Arc::new(LyingTarget::new(Arc::clone(target), None, Arc::default()));
            let outcome = attempt(&honest, case, options.limits()).outcome;
            matches!(
                outcome,
                Outcome::Pass
                    | Outcome::Unsupported {
                        refusal_checked: true,
                        ..
                    }
            )
        })
    }

    /// A case that fails without a fault cannot catch one.
    fn is_known_to_fail(&self, case: &Case) -> bool {
        self.0.get(case.id) == Some(&false)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn faults_are_well_formed() {
        let mut ids = HashSet::new();
        for fault in faults() {
            assert!(ids.insert(fault.id), "{} is listed twice", fault.id);
            let group = fault.id.split('.').next();
            assert_eq!(
                group,
                Some(fault.group.to_string().as_str()),
                "{}",
                fault.id
            );
            assert!(
                fault.sentence.ends_with('.') && fault.sentence.len() > 15,
                "{}: describe the bug in a sentence",
                fault.id
            );
            for suspect in fault.suspects {
                assert!(
                    crate::cases().any(|case| case.id.contains(suspect)),
                    "{} suspects `{suspect}`, which matches no case",
                    fault.id
                );
            }
        }
    }

    #[test]
    fn an_emptied_suite_finds_nothing_and_fails() {
        static EMPTY: Case = Case::core("types.test.empty", |_| Ok(()));
        let target: Arc<dyn Target> = crate::runner::tests::nothing();
        for cases in [&[][..], &[&EMPTY][..]] {
            let report = find_faults(&[Arc::clone(&target)], cases, &Options::default(), &mut ());
            assert!(report.summary().killed == 0 && report.summary().never_acted > 0);
            assert_eq!(report.exit_code(), 1);
        }
    }

    #[test]
    fn some_faults_begin_beyond_a_threshold() {
        assert!(faults().filter(|fault| fault.beyond.is_some()).count() >= 3);
    }
}
