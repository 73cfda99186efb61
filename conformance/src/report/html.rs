//! The report as one page that needs nothing else: no script, font or style from elsewhere.

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Value};
use selfsame::Result;
use serde::Serialize;

use super::{Format, written};
use crate::outcome::Outcome;
use crate::report::{
    CaseReport, FaultReport, FaultVerdict, KillMatrix, Report, Summary, TierSummary,
};

const TEMPLATE: &str = include_str!("page.html");

pub(super) fn write(report: &Report) -> Result<String> {
    let page = Page {
        summary: report.summary(),
        seed: format!("{:#x}", report.seed),
        seconds: format!("{:.1}", report.timing.seconds),
        rows: rows(report),
        tiers: report.targets.iter().map(|t| t.tiers().collect()).collect(),
        failures: failures(report),
        faults: faults(report),
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

/// What the template sees.
#[derive(Serialize)]
struct Page<'a> {
    report: &'a Report,
    summary: Summary,
    seed: String,
    seconds: String,
    rows: Vec<MatrixRow<'a>>,
    /// Of each target.
    tiers: Vec<Vec<TierSummary>>,
    failures: Vec<Failure<'a>>,
    faults: Vec<Fault<'a>>,
}

/// One behaviour and how it ended on each target.
#[derive(Serialize)]
struct MatrixRow<'a> {
    id: &'a str,
    /// Said on the first row of each area.
    area: Option<String>,
    tier: String,
    promise: &'a str,
    cells: Vec<Cell>,
}

#[derive(Serialize)]
struct Cell {
    outcome: &'static str,
    word: String,
    why: String,
}

fn rows(report: &Report) -> Vec<MatrixRow<'_>> {
    let mut first: Vec<&CaseReport> = Vec::new();
    for case in report.targets.iter().flat_map(|target| &target.cases) {
        if !first.iter().any(|known| known.id == case.id) {
            first.push(case);
        }
    }
    let mut area = None;
    first
        .into_iter()
        .map(|case| MatrixRow {
            id: &case.id,
            area: (area.replace(case.area) != Some(case.area))
                .then(|| case.area.map(|area| area.to_string()))
                .flatten(),
            tier: case.tier.to_string(),
            promise: &case.promise,
            cells: report
                .targets
                .iter()
                .map(|target| cell(target.cases.iter().find(|c| c.id == case.id)))
                .collect(),
        })
        .collect()
}

fn cell(case: Option<&CaseReport>) -> Cell {
    let Some(case) = case else {
        return Cell {
            outcome: "none",
            word: "–".to_owned(),
            why: String::new(),
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
    }
}

#[derive(Serialize)]
struct Failure<'a> {
    id: &'a str,
    target: &'a str,
    promise: &'a str,
    expected: Option<&'a str>,
    message: &'a str,
    program: Option<&'a str>,
    sql: String,
    seed: String,
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
                program: failure.program.as_deref(),
                sql: failure.sql.join("\n"),
                seed: format!("{:#x}", failure.seed),
            });
        }
    }
    failures
}

/// One fault and what became of it on each target.
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
