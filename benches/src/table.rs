//! Measurements as a table for people.

use std::fmt::{self, Display};

use crate::measure::{Measurement, Report};
use crate::workload::Arm;

/// One line for each workload, size and backend: the time of the raw arm, and how the others compare with it.
impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (raw, tuned, core) = ("raw", "tuned", "core");
        let (untracked, tracked) = ("untracked", "tracked");
        writeln!(
            f,
            "{:<9} {:<13} {:>6} {raw:>10} {tuned:>8} {core:>8} {untracked:>10} {tracked:>9}  95 of 100",
            "backend", "workload", "size"
        )?;
        for arms in self
            .measurements
            .chunk_by(|a, b| (a.workload, a.size, a.backend) == (b.workload, b.size, b.backend))
        {
            let first = &arms[0];
            let of = |arm: Arm| arms.iter().find(|found| found.arm == arm);
            let ratio =
                |arm: Arm| of(arm).map_or_else(String::new, |found| format!("{:.2}", found.ratio));
            let line = format!(
                "{:<9} {:<13} {:>6} {:>10} {:>8} {:>8} {:>10} {:>9}  {}",
                first.backend.name(),
                first.workload.name(),
                first.size,
                of(Arm::Raw).map_or_else(String::new, |found| time(found.ns)),
                ratio(Arm::Tuned),
                ratio(Arm::Core),
                ratio(Arm::Untracked),
                ratio(Arm::Tracked),
                arms.last().map_or_else(String::new, interval),
            );
            writeln!(f, "{}", line.trim_end())?;
        }
        for (backend, reason) in &self.missing {
            writeln!(f, "{:<9} not measured: {reason}", backend.name())?;
        }
        Ok(())
    }
}

fn interval(measurement: &Measurement) -> String {
    format!("{:.2} to {:.2}", measurement.low, measurement.high)
}

/// Formats a time with three digits and a unit.
fn time(ns: f64) -> String {
    match ns {
        ns if ns < 1e3 => format!("{ns:.0} ns"),
        ns if ns < 1e6 => format!("{:.1} µs", ns / 1e3),
        ns => format!("{:.2} ms", ns / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::{Backend, Workload};

    #[test]
    fn what_is_missing_says_why() {
        let measurement = |arm, ratio| Measurement {
            workload: Workload::named("trivial").expect("it is there"),
            size: 100,
            backend: Backend::Sqlite,
            arm,
            ratio,
            low: ratio - 0.02,
            high: ratio + 0.02,
            ns: 12_345.0 * ratio,
            samples: Vec::new(),
        };
        let report = Report {
            measurements: vec![measurement(Arm::Raw, 1.0), measurement(Arm::Tracked, 0.9)],
            missing: vec![(Backend::Postgres, "no server".to_owned())],
        };
        let text = report.to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        let words: Vec<&str> = lines[1].split_whitespace().collect();
        assert_eq!(
            words,
            [
                "sqlite", "trivial", "100", "12.3", "µs", "0.90", "0.88", "to", "0.92"
            ]
        );
        assert!(lines[2].ends_with("not measured: no server"));
    }
}
