//! `run`: runs the steps, the most reliable first.

use std::collections::BTreeSet;
use std::time::Instant;

use crate::callgrind::{self, Instructions};
use crate::compare;
use crate::exact::{Exact, LARGE};
use crate::golden::Golden;
use crate::growth;
use crate::paired::{self, Limits, Paired, TimeVerdict};
use crate::probe::{Listed, Side};
use crate::statistics::Random;
use crate::verdict::{Finding, Kind, Report, Step};
use crate::{Error, Result};

/// The number of measurements that must show a growth of time before it is reported.
const LOOKS: usize = 5;

/// The steps to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps([bool; Step::ALL.len()]);

impl Steps {
    /// Runs all steps.
    pub const ALL: Self = Self([true; Step::ALL.len()]);

    /// Leaves a step out.
    #[must_use]
    pub fn without(mut self, step: Step) -> Self {
        for (at, known) in Step::ALL.iter().enumerate() {
            self.0[at] &= *known != step;
        }
        self
    }

    /// Runs only these steps.
    pub fn only(steps: &[Step]) -> Self {
        Self(Step::ALL.map(|step| steps.contains(&step)))
    }

    /// Returns whether a step runs.
    pub fn has(self, step: Step) -> bool {
        let mut all = Step::ALL.iter().zip(self.0);
        all.any(|(known, wanted)| *known == step && wanted)
    }
}

/// What to measure, and what to compare with.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Plan {
    /// The build to judge.
    pub head: Side,
    /// The build to compare with, and its name.
    pub base: Option<(String, Side)>,
    /// The golden files.
    pub golden: Option<Golden>,
    /// Whether to accept the counts.
    pub bless: bool,
    /// The steps to run.
    pub steps: Steps,
    /// Prefixes of the workloads to run; empty for all.
    pub prefixes: Vec<String>,
    /// Parts of the names of the workloads to run; empty for all.
    pub filter: Vec<String>,
    /// The largest size for growth.
    pub largest: usize,
    /// The measuring effort and the allowed slowdown, by workload name.
    pub limits: fn(&str) -> Limits,
    /// The seed for the order of rounds.
    pub seed: u64,
}

impl Plan {
    /// Creates a plan with all steps.
    pub fn new(head: Side) -> Self {
        Self {
            head,
            base: None,
            golden: None,
            bless: false,
            steps: Steps::ALL,
            prefixes: Vec::new(),
            filter: Vec::new(),
            largest: LARGE,
            limits: |_| Limits::EMBEDDED,
            seed: 0,
        }
    }

    fn wants(&self, name: &str) -> bool {
        let begins = |prefix: &String| name.starts_with(prefix.as_str());
        (self.prefixes.is_empty() || self.prefixes.iter().any(begins))
            && (self.filter.is_empty()
                || self.filter.iter().any(|part| name.contains(part.as_str())))
    }
}

/// Runs the steps. `on_task` is called with the name of each task.
///
/// # Errors
///
/// Anything that keeps the gate from doing its work: a program that cannot be run, a failing database, unreadable files. It never
/// passes then.
pub fn run(plan: &Plan, on_task: &mut dyn FnMut(&str)) -> Result<Report> {
    let all = plan.head.list()?;
    let listed: Vec<Listed> = all
        .iter()
        .filter(|listed| plan.wants(&listed.name))
        .cloned()
        .collect();
    if listed.is_empty() {
        return Err(format!("no workload matches {}", plan.filter.join(", ")).into());
    }
    let mut report = Report {
        base: match (&plan.base, &plan.golden) {
            (Some((name, _)), _) => name.clone(),
            (None, Some(_)) => "golden files".to_owned(),
            (None, None) => "nothing".to_owned(),
        },
        ..Report::default()
    };
    let mut clock = Instant::now();
    // They are measured in one pass.
    let counted = [Step::Counts, Step::Growth, Step::Allocations];
    if plan.bless || counted.iter().any(|step| plan.steps.has(*step)) {
        exact(plan, &listed, &mut report, on_task)?;
    }
    let names: BTreeSet<String> = all.into_iter().map(|listed| listed.name).collect();
    stale(plan, &names, &mut report)?;
    let seconds = lap(&mut clock);
    for step in counted {
        if plan.steps.has(step) {
            report.steps.push((step, seconds));
        }
    }
    let Some((_, base)) = &plan.base else {
        for step in [Step::Instructions, Step::Time] {
            report
                .skipped
                .push((step, "no base to compare with".to_owned()));
        }
        return Ok(report);
    };
    let known: BTreeSet<String> = base.list()?.into_iter().map(|listed| listed.name).collect();
    let timed: Vec<&Listed> = listed
        .iter()
        .filter(|listed| listed.timed && known.contains(&listed.name))
        .collect();
    if plan.steps.has(Step::Instructions) {
        instructions(plan, base, &timed, &mut report, on_task)?;
        report.steps.push((Step::Instructions, lap(&mut clock)));
    } else {
        report
            .skipped
            .push((Step::Instructions, "not requested".to_owned()));
    }
    if plan.steps.has(Step::Time) {
        let mut random = Random::new(plan.seed);
        for listed in timed {
            on_task(&format!("time of {}", listed.name));
            let limits = (plan.limits)(&listed.name);
            let named = (listed.name.as_str(), listed.has_control);
            let found = paired::measure(base, &plan.head, named, limits, &mut random)?;
            report.findings.extend(time(&found));
            report.paired.push(found);
        }
        report.steps.push((Step::Time, lap(&mut clock)));
    } else {
        report
            .skipped
            .push((Step::Time, "not requested".to_owned()));
    }
    Ok(report)
}

/// Seconds since the last call.
fn lap(clock: &mut Instant) -> f64 {
    let seconds = clock.elapsed().as_secs_f64();
    *clock = Instant::now();
    seconds
}

/// Counts, growth and allocations.
fn exact(
    plan: &Plan,
    listed: &[Listed],
    report: &mut Report,
    on_task: &mut dyn FnMut(&str),
) -> Result<()> {
    let has = |step| plan.steps.has(step);
    let known: Option<BTreeSet<String>> = match &plan.base {
        Some((_, base)) => Some(base.list()?.into_iter().map(|listed| listed.name).collect()),
        None => None,
    };
    for Listed { name, .. } in listed {
        on_task(&format!("counts of {name}"));
        let found = one(&plan.head, plan.largest, name)?;
        if let Some(golden) = &plan.golden {
            if plan.bless {
                golden.bless(&found)?;
            } else {
                report.findings.extend(golden.compare(&found, &has)?);
            }
        }
        if has(Step::Growth) {
            report.findings.extend(grown(plan, name, &found)?);
        }
        match (&plan.base, &known) {
            (Some((_, base)), Some(known)) if known.contains(name) => {
                let was = one(base, found.size, name)?;
                report
                    .findings
                    .extend(compare::revisions(&was, &found, &has));
            }
            (Some(_), _) => report.findings.push(Finding::new(
                Step::Counts,
                name,
                Kind::Note,
                "the base does not have it",
            )),
            (None, _) => {}
        }
        report.exact.push(found);
    }
    Ok(())
}

fn one(side: &Side, largest: usize, name: &str) -> Result<Exact> {
    let mut found = side.exact(largest, &[name.to_owned()])?;
    found
        .pop()
        .ok_or_else(|| Error::from(format!("{name}: nothing was counted")))
}

/// The violations of growth laws that show in every measurement, since a busy machine can make time grow.
fn grown(plan: &Plan, name: &str, found: &Exact) -> Result<Vec<Finding>> {
    let mut broken = growth::check(found);
    for _ in 1..LOOKS {
        if broken.is_empty() {
            break;
        }
        let again = growth::check(&one(&plan.head, plan.largest, name)?);
        if again.len() < broken.len() {
            broken = again;
        }
    }
    Ok(broken)
}

/// Removes golden files of workloads that no longer exist.
fn stale(plan: &Plan, names: &BTreeSet<String>, report: &mut Report) -> Result<()> {
    let Some(golden) = plan
        .golden
        .as_ref()
        .filter(|_| plan.filter.is_empty() && plan.prefixes.is_empty())
    else {
        return Ok(());
    };
    for path in golden.stale(names)? {
        if plan.bless {
            std::fs::remove_file(&path)?;
            continue;
        }
        let cause = format!("{} does not belong to any workload", path.display());
        report.findings.push(Finding::new(
            Step::Counts,
            "golden files",
            Kind::Different,
            cause,
        ));
    }
    Ok(())
}

fn instructions(
    plan: &Plan,
    base: &Side,
    timed: &[&Listed],
    report: &mut Report,
    on_task: &mut dyn FnMut(&str),
) -> Result<()> {
    if !callgrind::is_there() {
        report.findings.push(Finding::new(
            Step::Instructions,
            "all",
            Kind::Inconclusive,
            "valgrind not found: install it, or skip the step with --skip instructions",
        ));
        return Ok(());
    }
    // A server works in another process, and waiting for it executes no instructions.
    for listed in timed {
        if (plan.limits)(&listed.name).regress > Limits::EMBEDDED.regress {
            continue;
        }
        on_task(&format!("instructions of {}", listed.name));
        let found = callgrind::compare(base, &plan.head, &listed.name)?;
        report.findings.extend(instructed(&found));
        report.instructions.push(found);
    }
    Ok(())
}

fn instructed(found: &Instructions) -> Option<Finding> {
    let change = found.head / found.base - 1.0;
    let find = |kind, cause| {
        Some(Finding::new(
            Step::Instructions,
            &found.workload,
            kind,
            cause,
        ))
    };
    if found.spread > callgrind::SPREAD {
        // It is not gated; the paired time is.
        let cause = format!(
            "two counts of one build differ by {:.2} %: not compared",
            found.spread * 1e2
        );
        return find(Kind::Note, cause);
    }
    let cause = format!(
        "{:+.1} % instructions ({:.0} before, {:.0} now)",
        change * 1e2,
        found.base,
        found.head
    );
    match change {
        change if change > callgrind::MOST => find(Kind::Worse, cause),
        change if change < -callgrind::MOST => find(Kind::Better, cause),
        _ => None,
    }
}

fn time(found: &Paired) -> Option<Finding> {
    let percent = |ratio: f64| (ratio - 1.0) * 1e2;
    let interval = format!(
        "{:+.1} % time, between {:+.1} and {:+.1}",
        percent(found.ratio),
        percent(found.low),
        percent(found.high)
    );
    let (kind, cause) = match found.verdict {
        TimeVerdict::Regression if found.waits => (
            Kind::Worse,
            format!(
                "it waits: {:+.1} % time by the clock, and {:+.1} % computed",
                percent(found.elapsed.unwrap_or(found.ratio)),
                percent(found.ratio)
            ),
        ),
        TimeVerdict::Regression => (Kind::Worse, interval),
        TimeVerdict::Inconclusive => (Kind::Inconclusive, interval),
        TimeVerdict::Contaminated => (
            Kind::Contaminated,
            format!(
                "the same program moved by {:+.1} %{}: the machine is too noisy",
                percent(found.twin),
                found.control.map_or_else(String::new, |control| format!(
                    ", the control by {:+.1} %",
                    percent(control)
                ))
            ),
        ),
        TimeVerdict::Pass if found.high < 1.0 && found.ratio < 0.98 => (Kind::Better, interval),
        TimeVerdict::Pass => return None,
    };
    Some(Finding::new(Step::Time, &found.workload, kind, cause))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_can_be_left_out() {
        let steps = Steps::ALL.without(Step::Time);
        assert!(steps.has(Step::Counts) && !steps.has(Step::Time));
        assert_eq!(
            Steps::only(&[Step::Time]),
            Steps::ALL
                .without(Step::Counts)
                .without(Step::Growth)
                .without(Step::Allocations)
                .without(Step::Instructions)
        );
    }

    fn counted(base: f64, head: f64, spread: f64) -> Option<(Kind, String)> {
        let found = Instructions {
            workload: "w".to_owned(),
            base,
            head,
            spread,
        };
        instructed(&found).map(|finding| (finding.kind, finding.cause))
    }

    #[test]
    fn instructions_are_judged_by_one_percent() {
        assert_eq!(counted(1e6, 1.009e6, 0.0), None);
        let (kind, cause) = counted(1e6, 1.05e6, 0.0).expect("worse");
        assert_eq!(
            (kind, &*cause),
            (
                Kind::Worse,
                "+5.0 % instructions (1000000 before, 1050000 now)"
            )
        );
        assert_eq!(counted(1e6, 0.9e6, 0.0).expect("better").0, Kind::Better);
        assert_eq!(counted(1e6, 2e6, 0.01).expect("unsure").0, Kind::Note);
    }

    fn timed(verdict: TimeVerdict, ratio: f64) -> Option<Kind> {
        time(&Paired {
            workload: "w".to_owned(),
            ratio,
            low: ratio - 0.01,
            high: ratio + 0.01,
            elapsed: None,
            waits: false,
            base_ns: 1.0,
            head_ns: 1.0,
            twin: 1.0,
            control: Some(1.0),
            verdict,
        })
        .map(|finding| finding.kind)
    }

    #[test]
    fn waiting_is_named() {
        let found = time(&Paired {
            workload: "w".to_owned(),
            ratio: 1.001,
            low: 0.99,
            high: 1.01,
            elapsed: Some(1.2),
            waits: true,
            base_ns: 1.0,
            head_ns: 1.2,
            twin: 1.0,
            control: None,
            verdict: TimeVerdict::Regression,
        });
        assert_eq!(
            found.map(|finding| finding.cause).as_deref(),
            Some("it waits: +20.0 % time by the clock, and +0.1 % computed")
        );
    }

    #[test]
    fn each_verdict_of_time_has_its_kind() {
        assert_eq!(timed(TimeVerdict::Pass, 1.0), None);
        assert_eq!(timed(TimeVerdict::Pass, 0.9), Some(Kind::Better));
        assert_eq!(timed(TimeVerdict::Regression, 1.1), Some(Kind::Worse));
        assert_eq!(
            timed(TimeVerdict::Inconclusive, 1.0),
            Some(Kind::Inconclusive)
        );
        assert_eq!(
            timed(TimeVerdict::Contaminated, 1.0),
            Some(Kind::Contaminated)
        );
    }
}
