//! `selfsame report`: a history of measurements as a self-contained HTML page.

mod chart;

use std::process::ExitCode;

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Value};
use selfsame::{Error, ErrorKind, Result};
use selfsame_benches::Measurement;
use serde::Serialize;

use self::chart::{Chart, Line, Spot};
use crate::arguments::ReportArguments;
use crate::history::{self, Run};
use selfsame_conformance::command::{say, try_to_write, unwritable};

const TEMPLATE: &str = include_str!("report/page.html");

/// Reads the history and writes the page.
///
/// # Errors
///
/// A history that cannot be read, a file that cannot be written.
pub(crate) fn run(arguments: &ReportArguments) -> Result<ExitCode> {
    if let Some(path) = &arguments.out {
        try_to_write(path).map_err(|error| unwritable(path, &error))?;
    }
    let runs = history::read(&arguments.history)?;
    let page = page(&runs).map_err(|error| {
        Error::new(
            ErrorKind::Configuration,
            format!("cannot write the page: {error}"),
        )
    })?;
    match &arguments.out {
        Some(path) => std::fs::write(path, page).map_err(|error| unwritable(path, &error))?,
        None => say(&page)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The data of the template.
#[derive(Serialize)]
struct Page<'a> {
    runs: Vec<Place<'a>>,
    sections: Vec<Section>,
    throughput: Vec<Vec<String>>,
}

/// The environment of a run.
#[derive(Serialize)]
struct Place<'a> {
    number: usize,
    date: String,
    commit: String,
    cpu: &'a str,
    kernel: &'a str,
    toolchain: &'a str,
}

/// One workload at one size on one backend.
#[derive(Serialize)]
struct Section {
    title: String,
    chart: Chart,
    /// The last run: arm, time, ratio, interval.
    rows: Vec<[String; 4]>,
}

fn page(runs: &[Run]) -> Result<String, minijinja::Error> {
    let last = runs.iter().rev().find(|run| !run.throughput.is_empty());
    let page = Page {
        runs: (1..)
            .zip(runs)
            .map(|(number, run)| place(number, run))
            .collect(),
        sections: sections(runs),
        throughput: last.map_or_else(Vec::new, throughput),
    };
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment
        .template_from_str(TEMPLATE)?
        .render(Value::from(Serde(&page)))
}

fn place(number: usize, run: &Run) -> Place<'_> {
    let short = run.commit.get(..10).unwrap_or(&run.commit);
    Place {
        number,
        date: date(run.time),
        commit: format!("{short}{}", if run.dirty { " with changes" } else { "" }),
        cpu: &run.cpu,
        kernel: &run.kernel,
        toolchain: &run.toolchain,
    }
}

/// Returns each workload, size and backend of any run, in the order of their first appearance.
fn sections(runs: &[Run]) -> Vec<Section> {
    let key = |found: &Measurement| (found.backend, found.workload.name(), found.size);
    let mut keys = Vec::new();
    for found in runs.iter().flat_map(|run| &run.measurements) {
        if !keys.contains(&key(found)) {
            keys.push(key(found));
        }
    }
    keys.into_iter()
        .map(|wanted| {
            let (backend, workload, size) = wanted;
            let of = |run: &Run| -> Vec<Measurement> {
                let all = run.measurements.iter();
                all.filter(|found| key(found) == wanted).cloned().collect()
            };
            let by_run: Vec<Vec<Measurement>> = runs.iter().map(of).collect();
            Section {
                title: format!("{workload} {size} on {backend}"),
                chart: chart(&by_run),
                rows: by_run
                    .iter()
                    .rev()
                    .find(|found| !found.is_empty())
                    .map_or_else(Vec::new, |found| found.iter().map(row).collect()),
            }
        })
        .collect()
}

fn chart(by_run: &[Vec<Measurement>]) -> Chart {
    let mut lines: Vec<Line> = Vec::new();
    for (at, found) in by_run.iter().enumerate() {
        for measurement in found {
            let name = measurement.arm.name();
            let spot = Spot {
                at,
                value: measurement.ratio,
                low: measurement.low,
                high: measurement.high,
            };
            match lines.iter_mut().find(|line| line.name == name) {
                Some(line) => line.spots.push(spot),
                None => lines.push(Line {
                    name,
                    spots: vec![spot],
                }),
            }
        }
    }
    Chart::new(by_run.len(), &lines)
}

fn row(found: &Measurement) -> [String; 4] {
    [
        found.arm.name().to_owned(),
        time(found.ns),
        format!("{:.2}", found.ratio),
        format!("{:.2} to {:.2}", found.low, found.high),
    ]
}

fn throughput(run: &Run) -> Vec<Vec<String>> {
    run.throughput
        .iter()
        .map(|found| {
            vec![
                found.backend.name().to_owned(),
                found.arm.name().to_owned(),
                found.sessions.to_string(),
                format!("{:.0}", found.per_second),
                time(found.p50),
                time(found.p99),
            ]
        })
        .collect()
}

/// Formats a time with three digits and a unit.
fn time(ns: f64) -> String {
    match ns {
        ns if ns < 1e3 => format!("{ns:.0} ns"),
        ns if ns < 1e6 => format!("{:.1} µs", ns / 1e3),
        ns => format!("{:.2} ms", ns / 1e6),
    }
}

/// Formats date and minute in UTC. Days are counted from 1 March of the year 0, so that a leap day ends its year.
fn date(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, late) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    let year = era * 400 + year + late;
    let (hour, minute) = (rest / 3_600, rest / 60 % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_benches::{Arm, Backend, Workload};

    fn measured(arm: Arm, ratio: f64) -> Measurement {
        let text = serde_json::json!({
            "workload": "trivial", "size": 100, "backend": Backend::Sqlite, "arm": arm,
            "ratio": ratio, "low": ratio - 0.1, "high": ratio + 0.1, "ns": 12_345.0, "samples": [1.0, 2.0],
        });
        serde_json::from_value(text).expect("a measurement")
    }

    #[test]
    fn a_page_has_a_chart_for_each_workload_and_nothing_from_elsewhere() {
        assert!(Workload::named("trivial").is_some());
        let run = |ratio| {
            let mut run = Run::here(
                vec![measured(Arm::Raw, 1.0), measured(Arm::Tracked, ratio)],
                Vec::new(),
            );
            run.cpu = "<script>".to_owned();
            run
        };
        let page = page(&[run(0.9), run(0.8), run(1.2)]).expect("it is rendered");
        assert!(page.contains("trivial 100 on sqlite"), "{page}");
        assert_eq!(page.matches("<polyline").count(), 2, "{page}");
        assert!(page.contains("1.20") && page.contains("12.3 µs"), "{page}");
        assert!(
            page.contains("&lt;script&gt;") && !page.contains("<script"),
            "{page}"
        );
        assert!(!page.contains("http"), "{page}");
    }

    #[test]
    fn days_of_known_seconds() {
        assert_eq!(date(0), "1970-01-01 00:00");
        assert_eq!(date(951_782_400 + 61), "2000-02-29 00:01");
        assert_eq!(date(1_767_225_599), "2025-12-31 23:59");
    }
}
