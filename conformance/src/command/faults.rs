//! `faults`: tests the suite by injecting faults into backends.

use std::process::ExitCode;
use std::sync::Arc;

use selfsame::{Error, ErrorKind, Result};

use super::arguments::FaultsArguments;
use super::list::list;
use super::output::Destination;
use super::progress::Shown;
use crate::cases::cases;
use crate::coverage;
use crate::faults::{chosen, faults, of_shard, run_faults};
use crate::report::{FaultVerdict, KillMatrix, Report};
use crate::runner::Options;
use crate::target::Target;

/// Injects each fault into the targets, shows which case caught it, and returns 1 unless all were caught.
///
/// # Errors
///
/// Bad arguments, a target that cannot be used, a file that cannot be written.
pub(super) fn run(
    arguments: &FaultsArguments,
    open: impl FnOnce() -> Result<Vec<Arc<dyn Target>>>,
) -> Result<ExitCode> {
    let options = options(arguments)?;
    if arguments.list {
        let selected = of_shard(&options).map(|fault| (fault.id, fault.sentence));
        return list(selected, arguments.output.format);
    }
    let destination = Destination::new(&arguments.output)?;
    let targets = open()?;
    let report = run_faults(&targets, &options, &mut Shown::new());
    destination.write(&report, &for_people(&report))?;
    Ok(ExitCode::from(report.exit_code()))
}

fn options(arguments: &FaultsArguments) -> Result<Options> {
    let mut options = Options {
        seed: arguments.inputs.seed,
        all_faults: arguments.all,
        faults: arguments.filter.clone().unwrap_or_default(),
        filter: arguments.by.clone().unwrap_or_default(),
        coverage: arguments.coverage,
        shard: arguments.shard,
        ..Options::default()
    };
    if let Some(cases) = arguments.inputs.cases {
        options.cases = cases;
    }
    if let Some(inventory) = arguments.inventory {
        options.inventory = inventory;
    }
    if let Some(part) = options.faults.unmatched(faults().map(|fault| fault.id)) {
        return Err(refused(format!(
            "no fault matches `{part}`; `faults --list --all` shows all ids"
        )));
    }
    if chosen(&options).next().is_none() {
        return Err(refused(
            "the filter matches only faults that --all injects".to_owned(),
        ));
    }
    if let Some(part) = options.filter.unmatched(cases().map(|case| case.id)) {
        return Err(refused(format!(
            "no case matches `{part}`; `check --list` shows all ids"
        )));
    }
    Ok(options)
}

fn refused(message: String) -> Error {
    Error::new(ErrorKind::Configuration, message)
}

/// Formats the result of each fault, then the summary.
fn for_people(report: &Report) -> String {
    let mut text: String = report.faults.iter().map(matrix).collect();
    text.push_str(&report.to_terminal());
    text
}

fn matrix(matrix: &KillMatrix) -> String {
    let width = matrix
        .faults
        .iter()
        .map(|fault| fault.id.len())
        .max()
        .unwrap_or(0);
    let mut text = format!("{}\n", matrix.target);
    for fault in &matrix.faults {
        text.push_str(&format!(
            "  {:width$}  {}\n",
            fault.id,
            verdict(&fault.verdict)
        ));
    }
    text.push('\n');
    text.push_str(&coverage::table(&matrix.proofs));
    text
}

fn verdict(verdict: &FaultVerdict) -> String {
    match verdict {
        FaultVerdict::Killed { case, fired, .. } => {
            format!("killed      {case} (acted {fired}×)")
        }
        FaultVerdict::Equivalent { reason } => format!("equivalent  {reason}"),
        FaultVerdict::NeverActed => "never acted on this backend's statements".to_owned(),
        FaultVerdict::Survived { errors } if errors.is_empty() => {
            "SURVIVED    it acted, but no case caught it".to_owned()
        }
        FaultVerdict::Survived { errors } => format!(
            "SURVIVED    it acted; only errors, no failed assertion, in {}",
            errors.join(", ")
        ),
    }
}
