//! Findings of the gate, and the resulting verdict.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::callgrind::Instructions;
use crate::exact::Exact;
use crate::paired::Paired;

/// A step of the gate; the most reliable first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Statements, transactions, prepares, round trips, parameters, rows.
    Counts,
    /// How cost grows with size.
    Growth,
    /// Calls of the allocator, and bytes.
    Allocations,
    /// Instructions under callgrind.
    Instructions,
    /// The time of two builds side by side.
    Time,
}

impl Step {
    /// All steps, in order.
    pub const ALL: [Self; 5] = [
        Self::Counts,
        Self::Growth,
        Self::Allocations,
        Self::Instructions,
        Self::Time,
    ];

    /// Returns the name used in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Counts => "counts",
            Self::Growth => "growth",
            Self::Allocations => "allocations",
            Self::Instructions => "instructions",
            Self::Time => "time",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The meaning of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// More than before, or more than allowed: a regression.
    Worse,
    /// Different from what was accepted: a regression until accepted.
    Different,
    /// Less than before.
    Better,
    /// Inconclusive: too noisy.
    Inconclusive,
    /// The machine changed what the change could not affect.
    Contaminated,
    /// For information only.
    Note,
}

/// One finding, with its cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The step.
    pub step: Step,
    /// The workload.
    pub workload: String,
    /// Its meaning.
    pub kind: Kind,
    /// Its cause: `+1 statement: SELECT …`.
    pub cause: String,
}

impl Finding {
    /// Creates a finding.
    pub fn new(
        step: Step,
        workload: impl Into<String>,
        kind: Kind,
        cause: impl Into<String>,
    ) -> Self {
        Self {
            step,
            workload: workload.into(),
            kind,
            cause: cause.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.kind {
            Kind::Worse => "WORSE",
            Kind::Different => "DIFFERENT",
            Kind::Better => "better",
            Kind::Inconclusive => "INCONCLUSIVE",
            Kind::Contaminated => "CONTAMINATED",
            Kind::Note => "note",
        };
        write!(
            f,
            "{sign:<12} {:<12} {}: {}",
            self.step, self.workload, self.cause
        )
    }
}

/// The report of the gate.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// What was compared.
    pub base: String,
    /// The steps that ran, with their duration in seconds.
    pub steps: Vec<(Step, f64)>,
    /// The steps that did not run, with the reason.
    pub skipped: Vec<(Step, String)>,
    /// The findings, in order.
    pub findings: Vec<Finding>,
    /// The counts.
    pub exact: Vec<Exact>,
    /// Instructions per run, base and head.
    pub instructions: Vec<Instructions>,
    /// Time, base and head.
    pub paired: Vec<Paired>,
}

impl Report {
    /// Nothing is worse.
    pub const PASS: u8 = 0;
    /// Something is worse, or different and not accepted.
    pub const REGRESSION: u8 = 1;
    /// The gate itself could not do its work.
    pub const ERROR: u8 = 2;
    /// Nothing is known to be worse, but something is inconclusive.
    pub const INCONCLUSIVE: u8 = 3;

    /// Returns the exit code.
    pub fn code(&self) -> u8 {
        let any = |kinds: &[Kind]| {
            let mut all = self.findings.iter();
            all.any(|finding| kinds.contains(&finding.kind))
        };
        if any(&[Kind::Worse, Kind::Different]) {
            return Self::REGRESSION;
        }
        if any(&[Kind::Inconclusive, Kind::Contaminated]) {
            return Self::INCONCLUSIVE;
        }
        // A gate that measured nothing has not passed.
        let nothing =
            self.exact.is_empty() && self.instructions.is_empty() && self.paired.is_empty();
        match self.steps.is_empty() || nothing {
            true => Self::ERROR,
            false => Self::PASS,
        }
    }

    /// Returns the verdict in a word or two.
    pub fn verdict(&self) -> &'static str {
        match self.code() {
            Self::PASS => "pass",
            Self::REGRESSION => "regression",
            Self::INCONCLUSIVE => "inconclusive",
            _ => "error: nothing was measured",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counts::Counts;
    use crate::workload::Law;

    fn code(kinds: &[Kind]) -> u8 {
        let finding = |kind: &Kind| Finding::new(Step::Time, "w", *kind, "c");
        Report {
            steps: vec![(Step::Counts, 1.0)],
            findings: kinds.iter().map(finding).collect(),
            exact: vec![Exact {
                workload: "w".to_owned(),
                size: 1,
                law: Law::Constant,
                spread: 0.0,
                counts: Counts::default(),
                growth: Vec::new(),
            }],
            ..Report::default()
        }
        .code()
    }

    #[test]
    fn a_regression_outweighs_doubt_and_doubt_a_pass() {
        assert_eq!(code(&[]), Report::PASS);
        assert_eq!(code(&[Kind::Better, Kind::Note]), Report::PASS);
        assert_eq!(code(&[Kind::Inconclusive]), Report::INCONCLUSIVE);
        assert_eq!(
            code(&[Kind::Contaminated, Kind::Better]),
            Report::INCONCLUSIVE
        );
        assert_eq!(code(&[Kind::Inconclusive, Kind::Worse]), Report::REGRESSION);
        assert_eq!(code(&[Kind::Different]), Report::REGRESSION);
    }

    #[test]
    fn a_gate_that_looked_at_nothing_does_not_pass() {
        assert_eq!(Report::default().code(), Report::ERROR);
    }
}
