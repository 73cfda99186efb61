//! `selfsame gate --self-test`: tests the gate. Equal builds must never alarm; planted mistakes must always alarm, with their cause.

mod bounds;
mod equal;
mod slower;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use selfsame::Result;
use selfsame_benches::PLANT;
use selfsame_gate::{Finding, Kind, Limits, Plan, Report, Side, Step, Steps, run as measure};

use super::{failed, show_progress};
use crate::arguments::GateArguments;
use selfsame_conformance::command::say;

/// The workload for planted mistakes: short, with several statements.
const WORKLOAD: &str = "sqlite/associations";

/// How often an inconclusive result is measured again; a busy machine needs this.
const ASKED: u64 = 4;

/// Short measurements of time, so that many comparisons fit; slowdowns and equal builds use the same test.
fn small(_: &str) -> Limits {
    Limits::EMBEDDED.effort(5, 15, Duration::from_micros(700))
}

/// A mistake that the exact steps must catch.
struct Mistake {
    name: &'static str,
    step: Step,
    /// What the reported cause must contain.
    cause: &'static str,
}

const MISTAKES: &[Mistake] = &[
    Mistake {
        name: "extra-select",
        step: Step::Counts,
        cause: "+1 statement: SELECT COUNT",
    },
    Mistake {
        name: "n-plus-one",
        step: Step::Counts,
        cause: "N+1",
    },
    Mistake {
        name: "n-plus-one",
        step: Step::Growth,
        cause: "N+1",
    },
    Mistake {
        name: "cache-off",
        step: Step::Counts,
        cause: "a statement is no longer cached",
    },
    Mistake {
        name: "clone",
        step: Step::Allocations,
        cause: "allocations a row",
    },
];

/// The result of a part of the self-test.
#[derive(Default)]
struct Score {
    planted: usize,
    missed: usize,
    alarms: u32,
}

impl Score {
    fn add(&mut self, found: bool) {
        self.planted += 1;
        self.missed += usize::from(!found);
    }
}

/// Plants mistakes, compares equal builds, and reports the resulting bounds; the exit code is 1 if the gate failed.
pub(super) fn run(head: &Side, arguments: &GateArguments) -> Result<ExitCode> {
    let mut score = Score::default();
    for mistake in MISTAKES {
        show_progress(&format!("planting {}", mistake.name));
        exact(head, mistake, &mut score)?;
    }
    slower::instructions(head, &mut score)?;
    let smallest = slower::time(head, &mut score)?;
    slower::waiting(head, &mut score)?;
    equal::exact(head, &mut score)?;
    equal::time(head, arguments.pairs, &mut score)?;
    if let Some(smallest) = smallest {
        say(&format!(
            "        the smallest slowdown found in every trial: {smallest:+} %\n"
        ))?;
    }
    let passed = score.missed == 0 && score.alarms == 0;
    say(&format!(
        "self-test: {}; {} of {} mistakes missed, {} false alarms\n",
        if passed { "pass" } else { "FAILED" },
        score.missed,
        score.planted,
        score.alarms
    ))?;
    Ok(ExitCode::from(if passed {
        Report::PASS
    } else {
        Report::REGRESSION
    }))
}

/// Plans a comparison of the head with a build that has this mistake, or none.
fn plan(head: &Side, mistake: Option<&str>, steps: &[Step], seed: u64) -> Plan {
    let changed = match mistake {
        Some(name) => head.clone().variable(PLANT, name),
        None => head.clone(),
    };
    let mut plan = Plan::new(changed);
    plan.base = Some(("the same without it".to_owned(), head.clone()));
    plan.steps = Steps::only(steps);
    plan.filter = vec![WORKLOAD.to_owned()];
    plan.limits = small;
    plan.seed = seed;
    plan
}

/// Runs the gate again while it is inconclusive; returns its result and the number of runs.
fn repeated(mut plan: Plan, times: u64) -> Result<(Report, u64)> {
    let seed = plan.seed;
    for time in 1.. {
        plan.seed = seed + (time << 32);
        let report = measure(&plan, &mut |_| {}).map_err(failed)?;
        if report.code() != Report::INCONCLUSIVE || time >= times {
            return Ok((report, time));
        }
    }
    unreachable!("the last time is the last")
}

/// Finds the alarm of a step whose cause contains this text.
fn alarm<'a>(report: &'a Report, step: Step, cause: &str) -> Option<&'a Finding> {
    report.findings.iter().find(|finding| {
        finding.kind == Kind::Worse && finding.step == step && finding.cause.contains(cause)
    })
}

fn exact(head: &Side, mistake: &Mistake, score: &mut Score) -> Result<()> {
    let begun = Instant::now();
    let Mistake { name, step, cause } = mistake;
    let (report, _) = repeated(plan(head, Some(name), &[*step], 1), ASKED)?;
    let found = alarm(&report, *step, cause);
    score.add(found.is_some());
    say(&line(name, *step, found, &report, begun))
}

fn line(
    name: &str,
    step: Step,
    found: Option<&Finding>,
    report: &Report,
    begun: Instant,
) -> String {
    let seconds = begun.elapsed().as_secs_f64();
    match found {
        Some(finding) => format!(
            "found   {name:<18} by {step:<12} {} ({seconds:.0} s)\n",
            finding.cause
        ),
        None => format!("MISSED  {name:<18} by {step:<12} {}", report.text()),
    }
}
