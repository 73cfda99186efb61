//! `merge`: the reports of shards become one.

use std::path::Path;
use std::process::ExitCode;

use selfsame::{Error, ErrorKind, Result};

use super::arguments::MergeArguments;
use super::check::for_people;
use super::output::Destination;
use crate::report::Report;

/// Merges reports and writes the result; the code is that of the merged report.
///
/// # Errors
///
/// A file that is no report, reports of different runs, a place that cannot be written to.
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
