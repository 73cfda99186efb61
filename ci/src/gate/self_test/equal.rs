//! Equal builds: any alarm is a false one.

use std::time::Instant;

use selfsame::Result;
use selfsame_gate::{Kind, Report, Side, Step, TimeVerdict, run as measure};

use super::bounds::bound;
use super::{Score, plan};
use crate::gate::{failed, show_progress};
use selfsame_conformance::command::say;

/// The workloads to compare in turns: short ones, so that many pairs fit.
const WORKLOADS: &[&str] = &[
    "sqlite/associations",
    "sqlite/insert",
    "sqlite/mixed_flush",
    "sqlite/pk_cold",
    "sqlite/trivial",
    "sqlite/update",
];

/// The number of pairs per workload that are compared by counts, growth, allocations and instructions. These do not vary by chance, and take
/// long.
const EXACT: u64 = 1;

/// Compares the head's counts with its own.
pub(super) fn exact(head: &Side, score: &mut Score) -> Result<()> {
    show_progress("equal builds: counts and instructions");
    let begun = Instant::now();
    let steps = [
        Step::Counts,
        Step::Growth,
        Step::Allocations,
        Step::Instructions,
    ];
    let (mut alarms, mut pairs) = (0, 0);
    let (mut widest, mut loose): (f64, u32) = (0.0, 0);
    for seed in 0..EXACT {
        for workload in WORKLOADS {
            let mut plan = plan(head, None, &steps, seed);
            plan.filter = vec![(*workload).to_owned()];
            let report = measure(&plan, &mut |_| {}).map_err(failed)?;
            pairs += 1;
            if report.code() == Report::REGRESSION {
                alarms += 1;
                say(&format!("ALARM   {workload}: {}", report.text()))?;
            }
            for counted in &report.instructions {
                widest = widest.max((counted.head / counted.base - 1.0).abs());
            }
            let notes = report.findings.iter();
            loose += u32::from(
                notes
                    .filter(|finding| finding.step == Step::Instructions)
                    .any(|finding| finding.kind == Kind::Note),
            );
        }
    }
    score.alarms += alarms;
    say(&format!(
        "equal   {pairs} pairs by counts, growth, allocations and instructions: {alarms} alarms; instructions differ by {:.3} % at most, {loose} too loose to compare ({:.0} s)\n",
        widest * 1e2,
        begun.elapsed().as_secs_f64()
    ))
}

/// Compares the head's time with itself this many times, and reports the resulting bounds.
pub(super) fn time(head: &Side, pairs: u32, score: &mut Score) -> Result<()> {
    let begun = Instant::now();
    let (mut alarms, mut passed, mut unsure, mut noisy) = (0, 0, 0, 0);
    let mut widest: f64 = 0.0;
    for (pair, workload) in (0..pairs).zip(WORKLOADS.iter().cycle()) {
        if pair % 25 == 0 {
            show_progress(&format!("equal builds: {pair} of {pairs}"));
        }
        let mut plan = plan(head, None, &[Step::Time], u64::from(pair) + 100);
        plan.filter = vec![(*workload).to_owned()];
        let report = measure(&plan, &mut |_| {}).map_err(failed)?;
        for found in &report.paired {
            match found.verdict {
                TimeVerdict::Regression => {
                    alarms += 1;
                    say(&format!(
                        "ALARM   {workload}, pair {pair}: {}",
                        report.text()
                    ))?;
                }
                TimeVerdict::Pass => {
                    passed += 1;
                    widest = widest.max(found.high.ln());
                }
                TimeVerdict::Inconclusive => unsure += 1,
                TimeVerdict::Contaminated => noisy += 1,
            }
        }
    }
    score.alarms += alarms;
    say(&format!(
        "equal   {pairs} pairs by time: {alarms} alarms, {passed} passed, {unsure} inconclusive, {noisy} contaminated ({:.0} s)\n\
         bounds  false alarms by time: below {:.1} % with 95 % confidence; a pass excludes more than {:+.1} % (the widest that passed: {:+.1} %)\n",
        begun.elapsed().as_secs_f64(),
        bound(alarms, pairs) * 1e2,
        (2.0 * 0.02_f64.ln_1p()).exp_m1() * 1e2,
        widest.exp_m1() * 1e2
    ))
}
