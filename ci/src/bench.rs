//! `selfsame bench`: what the ORM costs over raw SQL.

use std::path::Path;
use std::process::ExitCode;

use selfsame::{Error, ErrorKind, Result};
use selfsame_benches::{
    Backend, Options, Report, Site, Sizes, Workload, run as measure, throughput,
};

use crate::arguments::{BenchArguments, BenchShape};
use crate::history::Run;
use crate::{UNUSABLE, interrupt};
use selfsame_conformance::command::{bar, say, try_to_write, unwritable};

/// Measures and prints the ratios; the exit code is 2 if a requested backend cannot be measured.
///
/// # Errors
///
/// Bad arguments, a failing database, arms with different results.
pub(crate) fn run(arguments: &BenchArguments) -> Result<ExitCode> {
    let options = options(arguments)?;
    for path in arguments.out.iter().chain(&arguments.save) {
        try_to_write(path).map_err(|error| unwritable(path, &error))?;
    }
    interrupt::clean_up_on_signals()?;
    if let Some(transactions) = arguments.sessions {
        return sessions(transactions, arguments, &options);
    }
    let bar = bar(options.steps());
    let report = measure(&options, |backend, workload, size| {
        if let Some(bar) = &bar {
            bar.inc(1);
            bar.set_message(format!("{backend}: {workload} {size}"));
        }
    });
    if let Some(bar) = &bar {
        bar.finish_and_clear();
    }
    let report = report.map_err(|error| ended_early(&error))?;
    write(&report, arguments)?;
    if let Some(path) = &arguments.save {
        Run::here(report.measurements.clone(), Vec::new()).save(path)?;
    }
    let refused = !arguments.backends.is_empty() && !report.missing.is_empty();
    Ok(ExitCode::from(
        if refused || report.measurements.is_empty() {
            UNUSABLE
        } else {
            0
        },
    ))
}

/// Measures concurrent transactions of several sessions.
fn sessions(transactions: u32, arguments: &BenchArguments, options: &Options) -> Result<ExitCode> {
    let mut sites = Vec::new();
    for &backend in &options.backends {
        match Site::start(backend) {
            Ok(site) => sites.push(site),
            Err(error) if arguments.backends.is_empty() => {
                eprintln!("{backend} is not measured: {}", error.message());
            }
            Err(error) => return Err(error),
        }
    }
    let transactions = usize::try_from(transactions).unwrap_or(usize::MAX);
    let found = throughput::measure(&sites, transactions).map_err(|error| ended_early(&error))?;
    match arguments.format {
        BenchShape::Human => {
            let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
            say(&format!("{}\n", lines.join("\n")))?;
        }
        BenchShape::Json => {
            let json = serde_json::to_string_pretty(&found);
            say(&json.map_err(|error| Error::new(ErrorKind::Configuration, error.to_string()))?)?;
        }
    }
    if let Some(path) = &arguments.save {
        Run::here(Vec::new(), found).save(path)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn ended_early(error: &selfsame_benches::Error) -> Error {
    Error::new(
        ErrorKind::Configuration,
        format!("the measurement failed: {error}"),
    )
}

fn options(arguments: &BenchArguments) -> Result<Options> {
    let mut options = Options::default();
    if arguments.all_sizes {
        options.sizes = Sizes::All;
    }
    if !arguments.backends.is_empty() {
        options.backends.clone_from(&arguments.backends);
    }
    if let Some(filter) = &arguments.filter {
        options
            .workloads
            .retain(|workload| filter.matches(workload.name()));
    }
    let names: Vec<&str> = Workload::all().into_iter().map(Workload::name).collect();
    let filter = arguments.filter.as_ref();
    if let Some(part) = filter.and_then(|filter| filter.unmatched(names.iter().copied())) {
        return Err(unknown_workload(part, &names));
    }
    Ok(options)
}

/// Returns the error for a part of a filter that matches no workload.
pub(crate) fn unknown_workload(part: &str, names: &[&str]) -> Error {
    Error::new(
        ErrorKind::Configuration,
        format!(
            "no workload matches `{part}`; there are {}",
            names.join(", ")
        ),
    )
}

fn write(report: &Report, arguments: &BenchArguments) -> Result<()> {
    let json = json(report)?;
    if let Some(path) = &arguments.out {
        let text = match arguments.format {
            BenchShape::Human if !is_json(path) => report.to_string(),
            _ => json,
        };
        std::fs::write(path, text).map_err(|error| unwritable(path, &error))?;
        return say(&report.to_string());
    }
    match arguments.format {
        BenchShape::Human => say(&report.to_string()),
        BenchShape::Json => {
            for (backend, reason) in &report.missing {
                eprintln!("{backend} is not measured: {reason}");
            }
            say(&json)
        }
    }
}

fn is_json(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "json")
}

/// Formats the measurements as a JSON array.
fn json(report: &Report) -> Result<String> {
    serde_json::to_string_pretty(&report.measurements)
        .map(|text| text + "\n")
        .map_err(|error| Error::new(ErrorKind::Configuration, error.to_string()))
}

/// Parses the name of a backend.
pub(crate) fn backend(name: &str) -> Result<Backend, String> {
    Backend::ALL
        .into_iter()
        .find(|backend| backend.name() == name)
        .ok_or_else(|| format!("there are {}", Backend::ALL.map(Backend::name).join(", ")))
}
