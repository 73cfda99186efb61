//! Instructions of one run, counted by callgrind: independent of the load of the machine.

use std::fs;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use crate::probe::{self, Side};
use crate::{Error, Result};

/// The function whose instructions are counted.
const COUNTED: &str = "*selfsame_gate*instructed*";

/// Pins size thresholds of the C library's allocator, so that runs are comparable.
const TUNABLES: &str = "glibc.malloc.mmap_threshold=33554432:glibc.malloc.trim_threshold=33554432";

/// The maximum difference between two counts of one build; above it the workload is not compared by instructions.
pub(crate) const SPREAD: f64 = 0.001;

/// The allowed difference between two builds.
pub(crate) const MOST: f64 = 0.01;

/// The instructions of one run in two builds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Instructions {
    /// The workload.
    pub workload: String,
    /// The base's instructions.
    pub base: f64,
    /// The head's instructions.
    pub head: f64,
    /// The relative difference between two counts of the head.
    pub spread: f64,
}

/// Returns whether callgrind is available.
pub fn is_there() -> bool {
    Command::new("valgrind")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Counts the base once and the head twice.
pub(crate) fn compare(base: &Side, head: &Side, workload: &str) -> Result<Instructions> {
    let first = count(head, workload)?;
    let base = count(base, workload)?;
    let second = count(head, workload)?;
    Ok(Instructions {
        workload: workload.to_owned(),
        base,
        head: f64::midpoint(first, second),
        spread: (first / second - 1.0).abs(),
    })
}

fn count(side: &Side, workload: &str) -> Result<f64> {
    let folder = tempfile::tempdir()?;
    let out = folder.path().join("callgrind.out");
    let mut valgrind = Command::new("valgrind");
    side.environ(&mut valgrind);
    let output = valgrind
        .args(["--tool=callgrind", "--quiet"])
        .arg(format!("--toggle-collect={COUNTED}"))
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(side.timing())
        .args([probe::WORD, "instructions", workload])
        .env("GLIBC_TUNABLES", TUNABLES)
        .output()
        .map_err(|error| Error::from(format!("cannot run valgrind: {error}")))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        let last = text.lines().last().unwrap_or("no message");
        return Err(format!("{workload} under callgrind: {last}").into());
    }
    let total = total(&fs::read_to_string(&out)?)
        .ok_or_else(|| format!("{workload}: callgrind counted nothing"))?;
    Ok(total / f64::from(probe::INSTRUCTED_RUNS))
}

/// Reads the line `summary: N` or `totals: N`.
fn total(text: &str) -> Option<f64> {
    let number = |line: &str| {
        let rest = line
            .strip_prefix("summary:")
            .or_else(|| line.strip_prefix("totals:"))?;
        rest.split_whitespace().next()?.parse::<f64>().ok()
    };
    text.lines().find_map(number).filter(|total| *total > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_read() {
        assert_eq!(total("version: 1\nsummary: 1234\n"), Some(1234.0));
        assert_eq!(total("events: Ir\ntotals: 12 3\n"), Some(12.0));
        assert_eq!(total("summary: 0\n"), None);
        assert_eq!(total("nothing"), None);
    }
}
