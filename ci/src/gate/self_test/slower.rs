//! Slowdowns of a known size: by instructions, by CPU time, by waiting.

use std::time::Instant;

use selfsame::Result;
use selfsame_gate::{Report, Side, Step, run as measure};

use super::{ASKED, Score, alarm, line, plan, repeated};
use crate::gate::{configuration, failed, show_progress};
use selfsame_conformance::command::say;

/// Slowdowns in percent. The gate must find those from [`MUST`] on; for smaller ones the number found is only reported.
const SLOWDOWNS: &[u32] = &[2, 3, 4, 5, 10, 20];

const MUST: u32 = 5;

/// How often each is planted.
const TRIALS: u64 = 10;

/// The number of iterations of a loop that are run to measure the cost of one.
const TURNS: u32 = 100_000;

/// Plants instructions, and compares what is found with what was planted.
pub(super) fn instructions(head: &Side, score: &mut Score) -> Result<()> {
    let count = |turns: u32| {
        let name = format!("loops-{turns}");
        let plan = plan(head, Some(&name), &[Step::Instructions], 1);
        measure(&plan, &mut |_| {}).map_err(failed)
    };
    show_progress("planting instructions");
    let report = count(TURNS)?;
    let counted = report.instructions.first();
    let Some(counted) = counted.filter(|counted| counted.head > counted.base) else {
        score.add(false);
        return say(&format!("MISSED  instructions: {}", report.text()));
    };
    let base = counted.base;
    let turn = (counted.head - base) / f64::from(TURNS);
    for &percent in SLOWDOWNS {
        let begun = Instant::now();
        let report = count(whole(base * f64::from(percent) / 1e2 / turn)?)?;
        // Found, with the right size.
        let found = alarm(&report, Step::Instructions, "% instructions").filter(|finding| {
            finding.cause.starts_with(&format!("+{percent}.")) || is_near(&report, percent)
        });
        score.add(found.is_some());
        let name = format!("{percent:+} % instructions");
        say(&line(&name, Step::Instructions, found, &report, begun))?;
    }
    Ok(())
}

/// Returns whether the counted instructions are within half a percent of the planted ones.
fn is_near(report: &Report, percent: u32) -> bool {
    report.instructions.first().is_some_and(|counted| {
        let change = (counted.head / counted.base - 1.0) * 1e2;
        (change - f64::from(percent)).abs() < 0.5
    })
}

fn whole(number: f64) -> Result<u32> {
    format!("{number:.0}")
        .parse()
        .map_err(|_| configuration(format!("{number} turns of a loop are too many")))
}

/// Plants each slowdown several times, and reports the smallest from which on all were found.
pub(super) fn time(head: &Side, score: &mut Score) -> Result<Option<u32>> {
    let mut smallest = None;
    for &percent in SLOWDOWNS {
        show_progress(&format!("planting {percent:+} % time"));
        let begun = Instant::now();
        let must = percent >= MUST;
        let (mut found, mut passed, mut at_once) = (0, 0, 0);
        let mut cause = String::new();
        for trial in 0..TRIALS {
            let name = format!("work-{percent}");
            let plan = plan(head, Some(&name), &[Step::Time], trial + 1);
            let (report, times) = repeated(plan, if must { ASKED } else { 1 })?;
            if let Some(finding) = alarm(&report, Step::Time, "% time") {
                found += 1;
                at_once += u64::from(times == 1);
                cause.clone_from(&finding.cause);
            }
            passed += u64::from(report.code() == Report::PASS);
        }
        match found == TRIALS {
            true => smallest = smallest.or(Some(percent)),
            false => smallest = None,
        }
        if must {
            score.add(found == TRIALS);
        }
        let word = match (found == TRIALS, must) {
            (true, _) => "found ",
            (false, true) => "MISSED",
            (false, false) => "partly",
        };
        let name = format!("{percent:+} % work");
        let seconds = begun.elapsed().as_secs_f64();
        say(&format!(
            "{word}  {name:<18} by time         in {found} of {TRIALS} trials, {at_once} at once, {passed} passed; the last: {cause} ({seconds:.0} s)\n"
        ))?;
    }
    Ok(smallest)
}

/// Plants a wait, which takes no CPU time.
pub(super) fn waiting(head: &Side, score: &mut Score) -> Result<()> {
    show_progress("planting a wait");
    let begun = Instant::now();
    let (report, _) = repeated(plan(head, Some("sleep-50"), &[Step::Time], 1), ASKED)?;
    let found = alarm(&report, Step::Time, "it waits");
    score.add(found.is_some());
    say(&line("50 µs asleep", Step::Time, found, &report, begun))
}
