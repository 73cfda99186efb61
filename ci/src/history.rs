//! The history of measurements: an append-only file of JSON lines, one for each run.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use selfsame::{Error, ErrorKind, Result};
use selfsame_benches::Measurement;
use selfsame_benches::throughput::Throughput;
use serde::{Deserialize, Serialize};

use selfsame_conformance::command::unwritable;

/// One run of `selfsame bench`, and its environment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Run {
    /// Seconds since the Unix epoch.
    pub(crate) time: u64,
    /// The commit of the checkout; empty outside a checkout.
    pub(crate) commit: String,
    /// Whether the checkout had uncommitted changes.
    pub(crate) dirty: bool,
    pub(crate) cpu: String,
    pub(crate) kernel: String,
    pub(crate) toolchain: String,
    pub(crate) measurements: Vec<Measurement>,
    #[serde(default)]
    pub(crate) throughput: Vec<Throughput>,
}

impl Run {
    /// Creates a run with the current environment.
    pub(crate) fn here(measurements: Vec<Measurement>, throughput: Vec<Throughput>) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            time: now.map_or(0, |now| now.as_secs()),
            commit: said("git", &["rev-parse", "HEAD"]),
            dirty: !said("git", &["status", "--porcelain", "--untracked-files=no"]).is_empty(),
            cpu: cpu(),
            kernel: said("uname", &["-sr"]),
            toolchain: said("rustc", &["--version"]),
            measurements,
            throughput,
        }
    }

    /// Appends the run to a history file, which is created if necessary.
    pub(crate) fn save(&self, path: &Path) -> Result<()> {
        let mut line = serde_json::to_string(self).map_err(|error| unreadable(path, &error))?;
        line.push('\n');
        let file = OpenOptions::new().create(true).append(true).open(path);
        file.and_then(|mut file| file.write_all(line.as_bytes()))
            .map_err(|error| unwritable(path, &error))
    }
}

/// Reads a history, oldest first.
///
/// # Errors
///
/// A file that cannot be read, or a line that is not a run, with its number.
pub(crate) fn read(path: &Path) -> Result<Vec<Run>> {
    let text = fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    let mut runs = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() {
            continue;
        }
        let run = serde_json::from_str(line)
            .map_err(|error| unreadable(path, &format!("line {number} is not a run: {error}")))?;
        runs.push(run);
    }
    if runs.is_empty() {
        return Err(unreadable(path, &"it contains no run"));
    }
    Ok(runs)
}

fn unreadable(path: &Path, why: &dyn std::fmt::Display) -> Error {
    Error::new(
        ErrorKind::Configuration,
        format!("{}: {why}", path.display()),
    )
}

fn cpu() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let name = model.and_then(|line| line.split_once(':'));
    name.map_or_else(
        || std::env::consts::ARCH.to_owned(),
        |(_, name)| name.trim().to_owned(),
    )
}

/// Returns the output of a program; empty if it cannot be run.
fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    match output {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_grows_by_lines_and_names_a_bad_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("history.jsonl");
        for _ in 0..2 {
            Run::here(Vec::new(), Vec::new())
                .save(&path)
                .expect("it is written");
        }
        let runs = read(&path).expect("it is read");
        assert_eq!(runs.len(), 2);
        assert!(!runs[0].cpu.is_empty());
        fs::write(&path, "\n{}\n").expect("it is written");
        let error = read(&path).expect_err("no run");
        assert!(error.message().contains("line 2 is not a run"), "{error}");
        fs::write(&path, "").expect("it is written");
        assert!(read(&path).is_err());
        assert!(read(&folder.path().join("none")).is_err());
    }
}
