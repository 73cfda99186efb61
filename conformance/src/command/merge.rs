//! `merge`: merges the reports of shards.

use std::path::Path;
use std::process::ExitCode;

use selfsame::{Error, ErrorKind, Result};

use super::arguments::MergeArguments;
use super::check::for_people;
use super::output::Destination;
use crate::report::Report;

/// Merges reports, writes the result, and returns the exit code of the merged report.
///
/// # Errors
///
/// A file that is not a report, reports of different runs, a file that cannot be written.
pub(super) fn run(arguments: &MergeArguments) -> Result<ExitCode> {
    let destination = Destination::new(&arguments.output)?;
    let reports: Result<Vec<Report>> = arguments.reports.iter().map(|path| read(path)).collect();
    let report = Report::merge(reports?)?;
    destination.write(&report, &for_people(&report))?;
    Ok(ExitCode::from(report.exit_code()))
}

/// Reads a JSON report.
pub(super) fn read(path: &Path) -> Result<Report> {
    let text = read_text(path)?;
    Report::from_json(&text).map_err(|error| {
        let message = format!("{}: {}", path.display(), error.message());
        Error::new(ErrorKind::Configuration, message)
    })
}

pub(super) fn read_text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| {
        let message = format!("{}: {error}", path.display());
        Error::new(ErrorKind::Configuration, message)
    })
}
