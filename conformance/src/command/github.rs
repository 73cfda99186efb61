//! GitHub Actions: a job summary, and an annotation for each failure.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

use selfsame::{Error, ErrorKind, Result};

use super::output::say;
use crate::outcome::Outcome;
use crate::report::{Format, Report};

/// Writes the job summary and annotations if the process runs in GitHub Actions.
///
/// # Errors
///
/// The file named by GITHUB_STEP_SUMMARY cannot be written.
pub(super) fn annotate(report: &Report) -> Result<()> {
    summary(&report.write(Format::Markdown)?)?;
    if set("GITHUB_ACTIONS").is_some() {
        say(&annotations(report))?;
    }
    Ok(())
}

/// Adds Markdown to the job summary, if there is one.
///
/// # Errors
///
/// The file named by GITHUB_STEP_SUMMARY cannot be written.
pub fn summary(markdown: &str) -> Result<()> {
    if let Some(path) = set("GITHUB_STEP_SUMMARY") {
        let path = Path::new(&path);
        append(path, markdown).map_err(|error| {
            Error::new(
                ErrorKind::Configuration,
                format!(
                    "cannot write GITHUB_STEP_SUMMARY, {}: {error}",
                    path.display()
                ),
            )
        })?;
    }
    Ok(())
}

fn set(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

fn append(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(text.as_bytes())
}

/// Formats one annotation for each failure, as workflow commands.
fn annotations(report: &Report) -> String {
    let mut text = String::new();
    for target in &report.targets {
        for case in &target.cases {
            let message = match &case.outcome {
                Outcome::Fail { failure } => &failure.message,
                Outcome::HarnessError { message } => message,
                _ => continue,
            };
            text.push_str(&format!(
                "::error title={}::{}\n",
                property(&format!("{} on {}", case.id, target.name)),
                data(message)
            ));
        }
    }
    text
}

fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workflow_commands_are_escaped() {
        assert_eq!(data("50 %\nnext"), "50 %25%0Anext");
        assert_eq!(
            property("a on sqlite::memory:, b"),
            "a on sqlite%3A%3Amemory%3A%2C b"
        );
    }
}
