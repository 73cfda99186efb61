//! `selfsame gate`: fails if a change makes the ORM slower.
//!
//! It runs in a checkout and builds the programs that measure it, in `benches/src/bin`.

mod base;
mod build;
mod self_test;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use selfsame::{Error, ErrorKind, Result};
use selfsame_benches::{Backend, PLANT, Site, Workload, limits};
use selfsame_gate::{
    Finding, Golden, Kind, Limits, Plan, Report, Side, Step, Steps, run as measure,
};

use self::base::Base;
use crate::arguments::{GateArguments, GateShape};
use crate::bench::unknown_workload;
use crate::interrupt;
use selfsame_conformance::command::{say, summary, try_to_write, unwritable};

/// Runs the gate.
///
/// # Errors
///
/// The reason why the gate could not run, in one line; the exit code is then 2.
pub(crate) fn run(arguments: &GateArguments) -> Result<ExitCode> {
    let outputs = outputs(arguments)?;
    interrupt::clean_up_on_signals()?;
    let root = build::root()?;
    if arguments.base.is_some() && !arguments.allow_dirty {
        build::refuse_dirty(&root)?;
    }
    let base = match &arguments.base {
        Some(revision) => Some(Base::check(&root, revision)?),
        None => None,
    };
    let backends = match arguments.backends.is_empty() {
        // MariaDB's statements have golden files, but its growth and allocations do not.
        true => vec![Backend::Sqlite, Backend::Postgres],
        false => arguments.backends.clone(),
    };
    refuse_unknown(&arguments.filter, &backends)?;
    let sites = sites(&backends)?;
    show_progress("building");
    let built = build::programs(&root, None, &root.join("target/gate/head"))?;
    let head = with_servers(built.side, &sites);
    if arguments.self_test {
        return self_test::run(&head, arguments);
    }
    let mut plan = plan(arguments, head, &root, &backends);
    // Dropping it removes the worktree.
    let base = match base {
        Some(mut base) => {
            show_progress(&format!("building {}", base.name()));
            let programs = with_servers(base.build(&built.target)?, &sites);
            plan.base = Some((base.name().to_owned(), programs));
            Some(base)
        }
        None => None,
    };
    let mut report = measure(&plan, &mut |step| show_progress(step)).map_err(failed)?;
    drop(base);
    if arguments.large && plan.steps.has(Step::Growth) && backends.contains(&Backend::Sqlite) {
        show_progress(&format!("memory of {ROWS} rows"));
        memory(&plan.head, &mut report)?;
    }
    write(&report, arguments, &outputs)?;
    Ok(ExitCode::from(report.code()))
}

fn plan(arguments: &GateArguments, head: Side, root: &Path, backends: &[Backend]) -> Plan {
    let mut plan = Plan::new(head);
    plan.golden = Some(Golden::new(root.join("benches/golden")));
    plan.bless = arguments.bless;
    plan.steps = arguments
        .skip
        .iter()
        .fold(Steps::ALL, |steps, step| steps.without(*step));
    plan.limits = match arguments.quick {
        true => quick,
        false => limits,
    };
    if arguments.large {
        plan.largest = usize::MAX;
    }
    plan.prefixes = backends
        .iter()
        .map(|backend| format!("{backend}/"))
        .collect();
    plan.filter.clone_from(&arguments.filter);
    plan
}

/// The number of rows held in memory.
const ROWS: u32 = 1_000_000;

/// Compares the memory of tracked objects with that of a `Vec` of them.
fn memory(head: &Side, report: &mut Report) -> Result<()> {
    let output = head
        .counting()
        .args(["memory", &ROWS.to_string()])
        .output()
        .map_err(|error| configuration(format!("memory cannot be measured: {error}")))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let kind = match output.status.code() {
        Some(0) => Kind::Note,
        Some(1) => Kind::Worse,
        _ => {
            let why = String::from_utf8_lossy(&output.stderr);
            return Err(configuration(format!(
                "memory cannot be measured: {}",
                why.lines().last().unwrap_or("no message")
            )));
        }
    };
    let workload = format!("{ROWS} rows");
    let found = text
        .lines()
        .map(|line| Finding::new(Step::Growth, &workload, kind, line));
    report.findings.extend(found);
    Ok(())
}

/// Half of the launches and as few as a third of the rounds: wider intervals, so more results are inconclusive.
fn quick(name: &str) -> Limits {
    limits(name).effort(4, 20, Duration::from_millis(1))
}

/// Refuses parts of a filter that match no workload.
fn refuse_unknown(filter: &[String], backends: &[Backend]) -> Result<()> {
    let workloads = Workload::all_with_growth();
    let names: Vec<String> = backends
        .iter()
        .flat_map(|backend| {
            let name = |workload: &Workload| format!("{}/{}", backend.name(), workload.name());
            workloads.iter().map(name)
        })
        .collect();
    let is_unknown = |part: &&String| !names.iter().any(|name| name.contains(part.as_str()));
    match filter.iter().find(is_unknown) {
        Some(part) => {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            Err(unknown_workload(part, &names))
        }
        None => Ok(()),
    }
}

/// Starts the servers of the backends that need one. A missing server is an error: what was not measured has not passed.
fn sites(backends: &[Backend]) -> Result<Vec<Site>> {
    let start = |&backend: &Backend| {
        Site::start(backend).map_err(|error| {
            configuration(format!(
                "{} is not available: {}; leave it out with --backend and the names of others",
                backend.product(),
                error.message().replace('\n', " ")
            ))
        })
    };
    backends.iter().map(start).collect()
}

/// Returns the programs with the servers in their environment, without planted mistakes.
fn with_servers(side: Side, sites: &[Site]) -> Side {
    let variables = sites.iter().filter_map(Site::variable);
    variables.fold(side.without(PLANT), |side, (name, url)| {
        side.variable(name, url)
    })
}

/// Returns further files for the result, with their formats.
fn outputs(arguments: &GateArguments) -> Result<Vec<(GateShape, PathBuf)>> {
    let mut outputs = arguments.export.clone();
    if let Some(path) = &arguments.out {
        let ending = path.extension().and_then(|ending| ending.to_str());
        let shape = match ending {
            Some("json") => GateShape::Json,
            Some("md") => GateShape::Markdown,
            _ => arguments.format,
        };
        outputs.push((shape, path.clone()));
    }
    for (_, path) in &outputs {
        try_to_write(path).map_err(|error| unwritable(path, &error))?;
    }
    Ok(outputs)
}

fn write(
    report: &Report,
    arguments: &GateArguments,
    outputs: &[(GateShape, PathBuf)],
) -> Result<()> {
    for (shape, path) in outputs {
        std::fs::write(path, shaped(report, *shape)?).map_err(|error| unwritable(path, &error))?;
    }
    summary(&report.markdown())?;
    if arguments.growth || arguments.large {
        say(&report.growth())?;
    }
    say(&shaped(report, arguments.format)?)
}

fn shaped(report: &Report, shape: GateShape) -> Result<String> {
    let json = |value: serde_json::Result<String>| {
        value
            .map(|text| text + "\n")
            .map_err(|error| configuration(error.to_string()))
    };
    match shape {
        GateShape::Human => Ok(report.text()),
        GateShape::Markdown => Ok(report.markdown()),
        GateShape::Json => json(serde_json::to_string_pretty(report)),
        GateShape::Github => json(serde_json::to_string_pretty(&report.github())),
        GateShape::Bencher => json(serde_json::to_string_pretty(&report.bencher())),
    }
}

/// Parses `github=FILE` or `bencher=FILE`.
pub(crate) fn export(text: &str) -> Result<(GateShape, PathBuf), String> {
    let (name, path) = text
        .split_once('=')
        .ok_or("use github=FILE or bencher=FILE")?;
    let shape = match name {
        "github" => GateShape::Github,
        "bencher" => GateShape::Bencher,
        _ => {
            return Err(format!(
                "unknown export {name}: use github=FILE or bencher=FILE"
            ));
        }
    };
    Ok((shape, path.into()))
}

/// Parses the name of a step.
pub(crate) fn step(name: &str) -> Result<Step, String> {
    Step::ALL
        .into_iter()
        .find(|step| step.name() == name)
        .ok_or_else(|| format!("there are {}", Step::ALL.map(Step::name).join(", ")))
}

fn show_progress(what: &str) {
    use std::io::IsTerminal as _;
    if std::io::stderr().is_terminal() {
        eprintln!("{what}");
    }
}

fn failed(error: selfsame_gate::Error) -> Error {
    configuration(error.to_string().replace('\n', " "))
}

fn configuration(message: String) -> Error {
    Error::new(ErrorKind::Configuration, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exports_name_a_format_and_a_file() {
        let (shape, path) = export("bencher=a/b.json").expect("both are there");
        assert!(shape == GateShape::Bencher && path == Path::new("a/b.json"));
        assert!(export("bencher").is_err());
        assert!(export("prometheus=x").is_err());
        assert_eq!(step("growth"), Ok(Step::Growth));
        assert!(step("magic").is_err());
    }
}
