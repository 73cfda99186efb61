//! How a case ended. The list is closed: every reader of a report can branch on it.

use serde::{Deserialize, Serialize};

/// How one case ended on one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// What was promised held.
    Pass,
    /// It did not.
    Fail {
        /// What happened.
        failure: FailureReport,
    },
    /// It did not, as the file of expected failures says.
    Expected {
        /// Why it is expected.
        reason: String,
        /// What happened.
        failure: FailureReport,
    },
    /// The backend does not claim what the case needs.
    Unsupported {
        /// What it does not claim.
        capability: String,
        /// Whether the backend was seen to refuse it.
        refusal_checked: bool,
    },
    /// The case found out that it does not apply.
    Skipped {
        /// Why.
        reason: String,
    },
    /// A limit of the run was reached first.
    NotRun {
        /// Which limit.
        reason: String,
    },
    /// The suite could not do its own part: the target is not there, or gave no database.
    HarnessError {
        /// Why.
        message: String,
    },
}

impl Outcome {
    /// One word, as in the JSON report.
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

    /// What happened, if the case failed, expected or not.
    pub fn failure(&self) -> Option<&FailureReport> {
        match self {
            Self::Fail { failure } | Self::Expected { failure, .. } => Some(failure),
            _ => None,
        }
    }

    /// Why the case says nothing about the backend, if it does not.
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
                format!("{capability}: not claimed, and refused when asked for")
            } else {
                format!("{capability}: not claimed")
            }),
            Self::HarnessError { message } => Some(message.clone()),
        }
    }
}

/// What a failing case found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureReport {
    /// What kind of failure.
    pub kind: FailureKind,
    /// What must hold and does not, or the error's text.
    pub message: String,
    /// The smallest input or program that shows it, where the case draws its input.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub program: Option<String>,
    /// The line that makes the case try this input first from now on, and the file that it belongs into.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub keep: Option<String>,
    /// The statements of the program with their parameters as literals, for a client of the database: the tables, then what ran.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub repro: Option<String>,
    /// The statements that ran, the oldest first; long logs keep their end.
    pub sql: Vec<String>,
    /// The seed of this case, to run it again.
    pub seed: u64,
}

impl FailureReport {
    /// Whether data was wrong and nothing said so: what an operation gave was not what was promised, and it gave no error.
    pub fn is_silent(&self) -> bool {
        // A case that wanted success and was given an error shows that error.
        self.kind == FailureKind::Assertion && !self.message.contains("Err(")
    }

    /// `silent`, where data was wrong and nothing said so, or `loud`.
    pub fn loudness(&self) -> &'static str {
        match self.is_silent() {
            true => "silent",
            false => "loud",
        }
    }
}

/// What kind of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// An assertion of the case.
    Assertion,
    /// An operation that must work gave an error.
    Error,
    /// Something panicked.
    Panic,
    /// The case did not end in its time.
    TimeLimit,
    /// It is listed as an expected failure, and passes.
    UnexpectedPass,
}
