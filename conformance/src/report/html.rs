//! The report as a self-contained HTML page, without external scripts, fonts or styles.

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Value};
use selfsame::Result;
use serde::Serialize;

use super::{Format, written};
use crate::outcome::Outcome;
use crate::report::{
    CaseReport, FaultReport, FaultVerdict, KillMatrix, Report, SeenAnomaly, SeenIsolation, Summary,
    TierSummary,
};

const TEMPLATE: &str = include_str!("page.html");

pub(super) fn write(report: &Report) -> Result<String> {
    let page = Page {
        summary: report.summary(),
        seed: format!("{:#x}", report.seed),
        seconds: format!("{:.1}", report.timing.seconds),
        verdict: verdict(report),
        areas: areas(report),
        tiers: report.targets.iter().map(|t| t.tiers().collect()).collect(),
        failures: failures(report),
        faults: faults(report),
        isolation: isolation(report),
        report,
    };
    render(&page).map_err(|error| written(Format::Html, &error))
}

fn render(page: &Page<'_>) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment
        .template_from_str(TEMPLATE)?
        .render(Value::from(Serde(page)))
}

/// The data of the template.
#[derive(Serialize)]
struct Page<'a> {
    report: &'a Report,
    summary: Summary,
    seed: String,
    seconds: String,
    verdict: Verdict,
    areas: Vec<AreaRows<'a>>,
    /// One list for each target.
    tiers: Vec<Vec<TierSummary>>,
    failures: Vec<Failure<'a>>,
    faults: Vec<Fault<'a>>,
    isolation: Vec<IsolationRow<'a>>,
}

/// The verdict at the top of the page.
#[derive(Serialize)]
struct Verdict {
    class: &'static str,
    word: String,
    why: String,
}

fn verdict(report: &Report) -> Verdict {
    let summary = report.summary();
    let (class, word) = match report.exit_code() {
        0 => ("pass", "Passed"),
        1 => ("fail", "Failed"),
        2 => ("fail", "Could not run as requested"),
        _ => ("expected", "Incomplete"),
    };
    let mut parts = Vec::new();
    let mut say = |count: usize, one: &str, more: &str| match count {
        0 => {}
        1 => parts.push(format!("1 {one}")),
        count => parts.push(format!("{count} {more}")),
    };
    let silent = report.targets.iter().flat_map(|target| &target.cases);
    let silent = silent.filter_map(|case| match &case.outcome {
        Outcome::Fail { failure } => Some(failure),
        _ => None,
    });
    let silent = silent.filter(|failure| failure.is_silent()).count();
    say(summary.failed, "case failed", "cases failed");
    say(silent, "of them silently", "of them silently");
    say(summary.harness_errors, "could not run", "could not run");
    say(summary.not_run, "was not run", "were not run");
    say(
        summary.survived,
        "known bug was not caught",
        "known bugs were not caught",
    );
    if report.exit_code() == 0 {
        say(summary.passed, "case passed", "cases passed");
        say(
            summary.killed,
            "known bug was caught",
            "known bugs were caught",
        );
    }
    Verdict {
        class,
        word: word.to_owned(),
        why: parts.join(", "),
    }
}

/// The promises of one area, and on each target the number of applicable ones that passed.
#[derive(Serialize)]
struct AreaRows<'a> {
    name: String,
    counts: Vec<Count>,
    failed: bool,
    rows: Vec<MatrixRow<'a>>,
}

#[derive(Serialize)]
struct Count {
    passed: usize,
    applicable: usize,
}

fn areas(report: &Report) -> Vec<AreaRows<'_>> {
    let mut areas: Vec<AreaRows<'_>> = Vec::new();
    for (name, row) in rows(report) {
        match areas.iter_mut().find(|area| area.name == name) {
            Some(area) => area.rows.push(row),
            None => areas.push(AreaRows {
                name,
                counts: Vec::new(),
                failed: false,
                rows: vec![row],
            }),
        }
    }
    for area in &mut areas {
        for place in 0..report.targets.len() {
            let cells = || area.rows.iter().filter_map(|row| row.cells.get(place));
            let passed = cells().filter(|cell| cell.outcome == "pass").count();
            let outside = ["unsupported", "skipped", "none"];
            let applicable = cells().filter(|cell| !outside.contains(&cell.outcome));
            area.counts.push(Count {
                passed,
                applicable: applicable.count(),
            });
        }
        let failed = |cell: &Cell| matches!(cell.outcome, "fail" | "harness_error");
        area.failed = area.rows.iter().any(|row| row.cells.iter().any(failed));
    }
    areas
}

/// One promise and its outcome on each target.
#[derive(Serialize)]
struct MatrixRow<'a> {
    id: &'a str,
    tier: String,
    promise: &'a str,
    cells: Vec<Cell>,
}

#[derive(Serialize)]
struct Cell {
    outcome: &'static str,
    word: String,
    why: String,
    /// `silent` or `loud` for a failure.
    loudness: &'static str,
}

/// Returns each promise with its area.
fn rows(report: &Report) -> Vec<(String, MatrixRow<'_>)> {
    let mut first: Vec<&CaseReport> = Vec::new();
    for case in report.targets.iter().flat_map(|target| &target.cases) {
        if !first.iter().any(|known| known.id == case.id) {
            first.push(case);
        }
    }
    first
        .into_iter()
        .map(|case| {
            let area = case.area.map(|area| area.to_string());
            let cells = report.targets.iter();
            let cells = cells.map(|target| cell(target.cases.iter().find(|c| c.id == case.id)));
            let row = MatrixRow {
                id: &case.id,
                tier: case.tier.to_string(),
                promise: &case.promise,
                cells: cells.collect(),
            };
            (area.unwrap_or_default(), row)
        })
        .collect()
}

fn cell(case: Option<&CaseReport>) -> Cell {
    let Some(case) = case else {
        return Cell {
            outcome: "none",
            word: "–".to_owned(),
            why: String::new(),
            loudness: "",
        };
    };
    let why = match case.outcome.failure() {
        Some(failure) => failure.message.clone(),
        None => case.outcome.reason().unwrap_or_default(),
    };
    let mut parts: Vec<String> = Vec::new();
    if !why.is_empty() {
        parts.push(why);
    }
    parts.extend(case.notes.iter().cloned());
    Cell {
        outcome: case.outcome.as_str(),
        word: case.outcome.as_str().replace('_', " "),
        why: parts.join("; "),
        loudness: case
            .outcome
            .failure()
            .map_or("", |failure| failure.loudness()),
    }
}

#[derive(Serialize)]
struct Failure<'a> {
    id: &'a str,
    target: &'a str,
    promise: &'a str,
    expected: Option<&'a str>,
    message: &'a str,
    loudness: &'static str,
    program: Option<&'a str>,
    sql: String,
    again: String,
}

fn failures(report: &Report) -> Vec<Failure<'_>> {
    let mut failures = Vec::new();
    for target in &report.targets {
        for case in &target.cases {
            let Some(failure) = case.outcome.failure() else {
                continue;
            };
            failures.push(Failure {
                id: &case.id,
                target: &target.name,
                promise: &case.promise,
                expected: match &case.outcome {
                    Outcome::Expected { reason, .. } => Some(reason),
                    _ => None,
                },
                message: &failure.message,
                loudness: failure.loudness(),
                program: failure.program.as_deref(),
                sql: failure.sql.join("\n"),
                again: format!("--filter {} --seed {:#x}", case.id, report.seed),
            });
        }
    }
    failures
}

/// The anomalies of concurrent transactions of one level on one target.
#[derive(Serialize)]
struct IsolationRow<'a> {
    target: &'a str,
    id: &'a str,
    seen: &'a SeenIsolation,
    /// The text and the CSS class of each anomaly.
    cells: Vec<(&'static str, &'static str)>,
}

fn isolation(report: &Report) -> Vec<IsolationRow<'_>> {
    let mut rows = Vec::new();
    for target in &report.targets {
        for case in &target.cases {
            let Some(seen) = &case.isolation else {
                continue;
            };
            let cell = |anomaly: &SeenAnomaly| match (anomaly.seen, anomaly.allowed) {
                (true, true) => ("seen", "expected"),
                (true, false) => ("seen, not allowed", "fail"),
                (false, true) => ("allowed, not seen", "none"),
                (false, false) => ("refused", "pass"),
            };
            rows.push(IsolationRow {
                target: &target.name,
                id: &case.id,
                seen,
                cells: seen.anomalies.iter().map(cell).collect(),
            });
        }
    }
    rows
}

/// One fault and its result on each target.
#[derive(Serialize)]
struct Fault<'a> {
    id: &'a str,
    group: &'a str,
    sentence: &'a str,
    cells: Vec<FaultCell<'a>>,
}

#[derive(Serialize)]
struct FaultCell<'a> {
    verdict: &'static str,
    by: &'a str,
    why: String,
}

fn faults(report: &Report) -> Vec<Fault<'_>> {
    let mut first: Vec<&FaultReport> = Vec::new();
    for fault in report.faults.iter().flat_map(|matrix| &matrix.faults) {
        if !first.iter().any(|known| known.id == fault.id) {
            first.push(fault);
        }
    }
    let on = |matrix: &'_ KillMatrix, id: &str| matrix.faults.iter().position(|f| f.id == id);
    first
        .into_iter()
        .map(|fault| Fault {
            id: &fault.id,
            group: &fault.group,
            sentence: &fault.sentence,
            cells: report
                .faults
                .iter()
                .map(|matrix| fault_cell(on(matrix, &fault.id).map(|i| &matrix.faults[i].verdict)))
                .collect(),
        })
        .collect()
}

fn fault_cell(verdict: Option<&FaultVerdict>) -> FaultCell<'_> {
    let (verdict, by, why) = match verdict {
        None => ("none", "", String::new()),
        Some(FaultVerdict::Killed {
            case, assertion, ..
        }) => ("killed", case.as_str(), assertion.clone()),
        Some(FaultVerdict::Survived { errors }) => {
            ("survived", "", format!("acted; {} errors", errors.len()))
        }
        Some(FaultVerdict::NeverActed) => ("never acted", "", String::new()),
        Some(FaultVerdict::Equivalent { reason }) => ("equivalent", "", reason.clone()),
    };
    FaultCell { verdict, by, why }
}
