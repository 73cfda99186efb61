//! The report for a terminal: a summary of at most 12 lines, and the failures in full.

use crate::outcome::Outcome;
use crate::report::{CaseReport, FaultVerdict, Report, TargetReport};

const MOST_LINES: usize = 12;

pub(super) fn write(report: &Report) -> String {
    let summary = report.summary();
    let mut head = Vec::new();
    for target in &report.targets {
        head.push(of_target(target));
    }
    for matrix in &report.faults {
        head.push(match &matrix.error {
            Some(error) => format!("{}: cannot be used: {error}", matrix.target),
            None => {
                let of = |verdict: fn(&FaultVerdict) -> bool| {
                    matrix.faults.iter().filter(|f| verdict(&f.verdict)).count()
                };
                let killed = of(|v| matches!(v, FaultVerdict::Killed { .. }));
                let equivalent = of(|v| matches!(v, FaultVerdict::Equivalent { .. }));
                let idle = of(|v| matches!(v, FaultVerdict::NeverActed));
                let idle = match idle {
                    0 => String::new(),
                    idle => format!(", {idle} that never applied to its statements"),
                };
                format!(
                    "{}: {killed} of {} faults caught, {equivalent} equivalent to the engine's own behaviour{idle}",
                    matrix.target,
                    matrix.faults.len() - equivalent,
                )
            }
        });
    }
    if report.matched == 0 && report.faults.is_empty() {
        head.push("no case matched".to_owned());
    }
    let mut details: Vec<String> = causes(report).chain(survivors(report)).collect();
    let last = format!(
        "inventory {}, seed {:#x}, {:.1} s: {}",
        report.inventory,
        report.seed,
        report.timing.seconds,
        match report.exit_code() {
            0 => "passed",
            1 => "failed",
            2 => "could not be run",
            _ => "incomplete",
        }
    );
    head.truncate(MOST_LINES - 2);
    let room = MOST_LINES - 1 - head.len();
    if details.len() > room {
        let hidden = details.len() - (room - 1);
        details.truncate(room - 1);
        details.push(format!(
            "  and {hidden} more ({} failed in total)",
            summary.failed + summary.survived
        ));
    }
    head.append(&mut details);
    head.push(last);
    head.join("\n") + "\n"
}

pub(super) fn failures(report: &Report) -> impl Iterator<Item = String> {
    failing(report).map(|(target, case)| {
        let mut text = format!("{} on {target}\n  {}\n", case.id, case.promise);
        let Some(failure) = case.outcome.failure() else {
            text.push_str(&format!("  {}\n", message(case)));
            return text;
        };
        text.push_str(&format!("  {}: {}\n", failure.loudness(), failure.message));
        if let Some(program) = &failure.program {
            text.push_str("  Smallest failing input:\n");
            text.push_str(&indented(program));
        }
        if !failure.sql.is_empty() {
            text.push_str("  Statements:\n");
            text.push_str(&indented(&failure.sql.join("\n")));
        }
        if let Some(keep) = &failure.keep {
            text.push_str("  Once fixed, keep this program as a regression case:\n");
            text.push_str(&indented(keep));
        }
        text.push_str(&format!(
            "  Rerun: --filter {} --seed {:#x}\n",
            case.id, report.seed
        ));
        text
    })
}

/// The maximum number of cases named.
const MOST_NAMED: usize = 5;

pub(super) fn easiest(report: &Report) -> Option<String> {
    let mut failing: Vec<(&str, &CaseReport)> = failing(report).collect();
    let statements = |case: &CaseReport| case.outcome.failure().map_or(0, |f| f.sql.len());
    failing.sort_by_key(|(_, case)| (case.tier, statements(case)));
    failing.dedup_by_key(|(_, case)| case.id.as_str());
    let named: Vec<&str> = failing.iter().map(|(_, case)| case.id.as_str()).collect();
    let named = &named[..named.len().min(MOST_NAMED)];
    (!named.is_empty()).then(|| {
        format!(
            "fix these first: {} (`explain ID` describes a case)\n",
            named.join(", ")
        )
    })
}

fn failing(report: &Report) -> impl Iterator<Item = (&str, &CaseReport)> {
    report.targets.iter().flat_map(|target| {
        target.cases.iter().filter_map(|case| {
            matches!(
                case.outcome,
                Outcome::Fail { .. } | Outcome::HarnessError { .. }
            )
            .then_some((target.name.as_str(), case))
        })
    })
}

/// Returns one line for each cause: failures of a target with similar messages, the easiest case first.
fn causes(report: &Report) -> impl Iterator<Item = String> {
    let mut causes: Vec<(&str, String, Vec<&CaseReport>)> = Vec::new();
    for (target, case) in failing(report) {
        let cause = cause(&message(case));
        match causes
            .iter_mut()
            .find(|(other, known, _)| *other == target && *known == cause)
        {
            Some((_, _, cases)) => cases.push(case),
            None => causes.push((target, cause, vec![case])),
        }
    }
    causes.into_iter().filter_map(|(target, _, cases)| {
        let easiest = cases.iter().min_by_key(|case| case.tier)?;
        let others = match cases.len() - 1 {
            0 => String::new(),
            others => format!(" (and {others} more with the same cause)"),
        };
        let message = message(easiest);
        Some(format!(
            "  FAIL {} on {target}{others}: {message}",
            easiest.id
        ))
    })
}

/// Removes the parts of a message that differ between cases: quoted names, numbers, and the entity at its start.
fn cause(message: &str) -> String {
    let mut out = String::with_capacity(message.len());
    let mut quote = None;
    for c in message.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if matches!(c, '`' | '"') => quote = Some(c),
            None if c.is_ascii_digit() => {
                if !out.ends_with('#') {
                    out.push('#');
                }
            }
            None => out.push(c),
        }
    }
    // `InsertError: users.id: what happened`: the kind and what happened.
    match out.splitn(3, ": ").collect::<Vec<_>>()[..] {
        [kind, place, what] if !place.contains(' ') => format!("{kind}: {what}"),
        _ => out,
    }
}

fn survivors(report: &Report) -> impl Iterator<Item = String> {
    report.faults.iter().flat_map(|matrix| {
        matrix.faults.iter().filter_map(|fault| {
            let word = match fault.verdict {
                FaultVerdict::Survived { .. } => "NOT FOUND",
                FaultVerdict::NeverActed => "never acted",
                _ => return None,
            };
            Some(format!(
                "  {word} {} on {}: {}",
                fault.id, matrix.target, fault.sentence
            ))
        })
    })
}

fn of_target(target: &TargetReport) -> String {
    if let Some(error) = &target.error {
        return format!("{}: cannot be used: {error}", target.name);
    }
    let version = target
        .server_version
        .as_deref()
        .unwrap_or("unknown version");
    let counts: Vec<String> = [
        "pass",
        "fail",
        "expected",
        "unsupported",
        "skipped",
        "not_run",
        "harness_error",
    ]
    .into_iter()
    .filter_map(|name| {
        let count = target
            .cases
            .iter()
            .filter(|case| case.outcome.as_str() == name)
            .count();
        (count > 0).then(|| format!("{count} {}", name.replace('_', " ")))
    })
    .collect();
    let tiers: Vec<String> = target.tiers().map(|tier| tier.to_string()).collect();
    let operations = match target.operations() {
        0 => String::new(),
        operations => format!("; {operations} generated operations"),
    };
    format!(
        "{} ({version}): {}; {}{operations}",
        target.name,
        counts.join(", "),
        tiers.join(", ")
    )
}

/// Returns the first line of the message.
fn message(case: &CaseReport) -> String {
    let text = match case.outcome.failure() {
        Some(failure) => failure.message.clone(),
        None => case.outcome.reason().unwrap_or_default(),
    };
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(160) {
        None => line.to_owned(),
        Some((end, _)) => format!("{}…", &line[..end]),
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}
