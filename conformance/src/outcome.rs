//! Outcomes of a case. The list is closed, so readers of a report can match on it.

use serde::{Deserialize, Serialize};

/// The result of one case on one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// The promise holds.
    Pass,
    /// The case failed.
    Fail {
        /// The failure.
        failure: FailureReport,
    },
    /// The case failed, as listed in the file of expected failures.
    Expected {
        /// Why it is expected.
        reason: String,
        /// The failure.
        failure: FailureReport,
    },
    /// The backend does not claim a capability that the case needs.
    Unsupported {
        /// The capability.
        capability: String,
        /// Whether the backend was seen to refuse it.
        refusal_checked: bool,
    },
    /// The case found that it does not apply.
    Skipped {
        /// Why.
        reason: String,
    },
    /// The run stopped before the case.
    NotRun {
        /// Why.
        reason: String,
    },
    /// The suite could not run the case: the target is not available, or did not provide a database.
    HarnessError {
        /// Why.
        message: String,
    },
}

impl Outcome {
    /// Returns its name in the JSON report.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail { .. } => "fail",
            Self::Expected { .. } => "expected",
            Self::Unsupported { .. } => "unsupported",
            Self::Skipped { .. } => "skipped",
            Self::NotRun { .. } => "not_run",
            Self::HarnessError { .. } => "harness_error",
        }
    }

    /// Returns the failure, expected or not.
    pub fn failure(&self) -> Option<&FailureReport> {
        match self {
            Self::Fail { failure } | Self::Expected { failure, .. } => Some(failure),
            _ => None,
        }
    }

    /// Returns why the case did not run, if it did not.
    pub fn reason(&self) -> Option<String> {
        match self {
            Self::Pass | Self::Fail { .. } => None,
            Self::Expected { reason, .. } | Self::Skipped { reason } | Self::NotRun { reason } => {
                Some(reason.clone())
            }
            Self::Unsupported {
                capability,
                refusal_checked,
            } => Some(if *refusal_checked {
                format!("{capability}: not claimed, and refused as it should be")
            } else {
                format!("{capability}: not claimed")
            }),
            Self::HarnessError { message } => Some(message.clone()),
        }
    }
}

/// The failure of a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureReport {
    /// The kind of failure.
    pub kind: FailureKind,
    /// The failed assertion, or the error's text.
    pub message: String,
    /// The smallest input or program that fails, if the case generates inputs.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub program: Option<String>,
    /// The line to add to a file so that the case tries this input first in future, and the name of the file.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub keep: Option<String>,
    /// The statements of the program with parameters as literals, for a client of the database; those that create the tables come first.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub repro: Option<String>,
    /// The statements that ran, oldest first; long logs are cut at the start.
    pub sql: Vec<String>,
    /// The seed of this case, to run it again.
    pub seed: u64,
}

impl FailureReport {
    /// Returns whether the failure was silent: an operation returned wrong data without an error.
    pub fn is_silent(&self) -> bool {
        // If a case expected success and got an error, its message shows the error.
        self.kind == FailureKind::Assertion && !self.message.contains("Err(")
    }

    /// Returns `silent` for wrong data without an error, otherwise `loud`.
    pub fn loudness(&self) -> &'static str {
        match self.is_silent() {
            true => "silent",
            false => "loud",
        }
    }
}

/// The kind of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// An assertion of the case failed.
    Assertion,
    /// An operation that must succeed returned an error.
    Error,
    /// A panic.
    Panic,
    /// The case exceeded its time limit.
    TimeLimit,
    /// The case is listed as an expected failure, but passes.
    UnexpectedPass,
}
