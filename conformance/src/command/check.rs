//! `check`: the conformance suite on targets.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use selfsame::{Error, ErrorKind, Result};

use super::arguments::CheckArguments;
use super::compare;
use super::list::list;
use super::output::{Destination, say};
use super::progress::Shown;
use crate::cases::{INVENTORY, cases};
use crate::expected::Expected;
use crate::report::Report;
use crate::runner::{Options, run as run_suite};
use crate::target::Target;

/// Runs the suite, writes its reports, and returns the report's exit code.
///
/// # Errors
///
/// Bad arguments, a target that cannot be used, a file that cannot be written.
pub(super) fn run(
    arguments: &CheckArguments,
    open: impl FnOnce() -> Result<Vec<Arc<dyn Target>>>,
) -> Result<ExitCode> {
    let options = options(arguments)?;
    if arguments.list {
        let selected = options.selected().map(|case| (case.id, case.promise));
        return list(selected, arguments.output.format);
    }
    let destination = Destination::new(&arguments.output)?;
    let earlier = arguments
        .compare
        .as_deref()
        .map(compare::read)
        .transpose()?;
    let targets = open()?;
    let report = run_suite(&targets, &options, &mut Shown::new());
    if arguments.bless
        && let Some(path) = &arguments.expect
    {
        return bless(&report, &options.expected, path);
    }
    let mut text = for_people(&report);
    if let Some(earlier) = &earlier {
        text.push_str(&compare::changes(earlier, &report));
    }
    if let Some(hidden) = hidden(&options) {
        text.push_str(&hidden);
    }
    destination.write(&report, &text)?;
    Ok(ExitCode::from(report.exit_code()))
}

fn options(arguments: &CheckArguments) -> Result<Options> {
    let mut options = Options {
        seed: arguments.inputs.seed,
        filter: arguments.filter.clone().unwrap_or_default(),
        tier: arguments.tier,
        fail_fast: arguments.fail_fast,
        max_time: arguments.max_time,
        expected: expected(arguments)?,
        inventory: arguments.inventory.unwrap_or(INVENTORY),
        ..Options::default()
    };
    if let Some(cases) = arguments.inputs.cases {
        options.cases = cases;
    }
    if let Some(time) = arguments.case_time {
        options.case_time = time;
    }
    let unmatched = options.filter.unmatched(cases().map(|case| case.id));
    if unmatched.is_some() || options.selected().next().is_none() {
        let what = unmatched.map_or_else(|| "the filter".to_owned(), |part| format!("`{part}`"));
        return Err(Error::new(
            ErrorKind::Configuration,
            format!("no case matches {what}; `check --list` shows all ids"),
        ));
    }
    // A shard may be empty, but a filter must match something.
    options.shard = arguments.shard;
    Ok(options)
}

fn expected(arguments: &CheckArguments) -> Result<Expected> {
    match &arguments.expect {
        // Blessing creates the file.
        Some(path) if arguments.bless && !path.exists() => Ok(Expected::default()),
        Some(path) => Expected::read(path),
        None => Ok(Expected::default()),
    }
}

fn bless(report: &Report, old: &Expected, path: &Path) -> Result<ExitCode> {
    let summary = report.summary();
    if summary.harness_errors > 0 {
        say(&for_people(report))?;
        return Ok(ExitCode::from(report.exit_code()));
    }
    let text = old.bless(report).to_toml()?;
    std::fs::write(path, text).map_err(|error| {
        Error::new(
            ErrorKind::Configuration,
            format!(
                "cannot write {}: {error}; choose another file with --expect",
                path.display()
            ),
        )
    })?;
    say(&format!("{}\n", path.display()))?;
    Ok(ExitCode::SUCCESS)
}

/// Formats each failure in full, then the summary.
pub(super) fn for_people(report: &Report) -> String {
    let mut text: String = report.failures().map(|failure| failure + "\n").collect();
    text.push_str(&report.to_terminal());
    if let Some(easiest) = report.easiest() {
        text.push_str(&easiest);
    }
    text
}

/// Reports the number of cases that an older inventory leaves out.
fn hidden(options: &Options) -> Option<String> {
    let newer = Options {
        inventory: INVENTORY,
        ..options.clone()
    };
    let hidden = newer.matching().count() - options.matching().count();
    (hidden > 0).then(|| {
        format!(
            "inventory {} leaves out {hidden} newer cases (now {INVENTORY})\n",
            options.inventory
        )
    })
}
