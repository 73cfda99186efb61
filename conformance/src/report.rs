//! The report of a run, as data, and its formats.

mod certificate;
mod html;
mod junit;
mod markdown;
mod merge;
mod terminal;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use selfsame::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use crate::case::{Area, Case, Tier};
use crate::outcome::Outcome;
use crate::rules;

pub use certificate::{Certificate, CertifiedTarget};

/// The results of a run. Everything except [`timing`](Self::timing) depends only on targets and options, as far as the database allows this:
/// which permitted anomalies concurrent transactions show is [observed](SeenIsolation).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The version of the list of cases.
    pub inventory: u32,
    /// The seed.
    pub seed: u64,
    /// The number of inputs of each property.
    pub cases: u32,
    /// The shard, if the run was one.
    pub shard: Option<String>,
    /// How many cases the filter selected, before sharding.
    pub matched: usize,
    /// The results on each target.
    pub targets: Vec<TargetReport>,
    /// The results of fault injection, if it was requested.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub faults: Vec<KillMatrix>,
    /// Start and duration.
    pub timing: Timing,
}

/// The results on one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetReport {
    /// Its name.
    pub name: String,
    /// A description in one line.
    pub description: String,
    /// Its dialect, if the target could be opened.
    pub dialect: Option<String>,
    /// The server's name and version, if it could be reached.
    pub server_version: Option<String>,
    /// Why the target cannot be used: a harness error.
    pub error: Option<String>,
    /// Each case, in the order of the list.
    pub cases: Vec<CaseReport>,
}

impl TargetReport {
    /// Summarizes each tier, the most essential first; tiers without a case that ran are left out.
    pub fn tiers(&self) -> impl Iterator<Item = TierSummary> + '_ {
        Tier::ALL.into_iter().filter_map(|tier| {
            let cases = self.cases.iter().filter(|case| case.tier == tier);
            let summary = cases.fold(TierSummary::new(tier), TierSummary::with);
            (summary.applicable > 0).then_some(summary)
        })
    }

    /// Returns the number of operations that generated programs ran.
    pub fn operations(&self) -> u64 {
        self.cases.iter().map(|case| case.operations).sum()
    }
}

/// The summary of one tier on one target: how many cases apply, and how many of them passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TierSummary {
    /// The tier.
    pub tier: Tier,
    /// How many of its cases passed.
    pub passed: usize,
    /// How many apply: all except those that are unsupported or skipped.
    pub applicable: usize,
}

impl TierSummary {
    fn new(tier: Tier) -> Self {
        Self {
            tier,
            passed: 0,
            applicable: 0,
        }
    }

    fn with(mut self, case: &CaseReport) -> Self {
        self.passed += usize::from(matches!(case.outcome, Outcome::Pass));
        self.applicable += usize::from(!matches!(
            case.outcome,
            Outcome::Unsupported { .. } | Outcome::Skipped { .. }
        ));
        self
    }
}

impl fmt::Display for TierSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.tier, self.passed, self.applicable)
    }
}

/// The result of one case on one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseReport {
    /// The case.
    pub id: String,
    /// Its area.
    pub area: Option<Area>,
    /// The tier it belongs to.
    pub tier: Tier,
    /// Its promise.
    pub promise: String,
    /// Its outcome.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Notes of the case.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub notes: Vec<String>,
    /// A digest of all statements sent, with their parameters: equal for equal seeds. `None` if the order of events depends on
    /// timing.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sent: Option<String>,
    /// The anomalies of concurrent transactions, if the case looks for them. Which permitted ones occur also depends on timing.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub isolation: Option<SeenIsolation>,
    /// The number of operations that generated programs ran.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub operations: u64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// The anomalies of concurrent transactions at one isolation level.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenIsolation {
    /// The requested level, in SQL.
    #[serde(alias = "asked")]
    pub requested: String,
    /// The strongest level that is consistent with the observations.
    pub shown: String,
    /// Each kind of anomaly.
    pub anomalies: Vec<SeenAnomaly>,
}

/// One kind of anomaly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenAnomaly {
    /// Its name, such as `G1a (aborted read)`.
    pub name: String,
    /// Whether it was observed.
    pub seen: bool,
    /// Whether the requested level allows it.
    pub allowed: bool,
}

impl CaseReport {
    pub(crate) fn new(case: &Case, outcome: Outcome, notes: Vec<String>) -> Self {
        Self {
            id: case.id.to_owned(),
            area: case.area(),
            tier: case.tier,
            promise: case.promise.to_owned(),
            outcome,
            notes,
            sent: None,
            isolation: None,
            operations: 0,
        }
    }
}

/// The results of fault injection on one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KillMatrix {
    /// The target that the faults were injected into.
    pub target: String,
    /// Why the target cannot be used, if it cannot.
    pub error: Option<String>,
    /// Each fault.
    pub faults: Vec<FaultReport>,
    /// The coverage of the contract and the rules, if requested.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub proofs: Vec<Proof>,
}

/// The proof of one line of the contract or one rule: a case that covers it and catches a fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// `contract 12` or `rule 3`.
    pub line: String,
    /// Its text.
    pub text: String,
    /// The cases that cover it and apply to the target.
    pub cases: Vec<String>,
    /// The case that catches a fault; `None` if none does.
    pub case: Option<String>,
    /// The fault.
    pub fault: Option<String>,
}

impl Proof {
    /// Returns whether there are cases, but none that catches a fault.
    pub fn is_missing(&self) -> bool {
        self.case.is_none() && !self.cases.is_empty()
    }
}

impl KillMatrix {
    /// Returns how many faults were caught, and how many acted.
    pub fn found(&self) -> (usize, usize) {
        let of = |wanted: fn(&FaultVerdict) -> bool| {
            let faults = self.faults.iter();
            faults.filter(|fault| wanted(&fault.verdict)).count()
        };
        let killed = of(|verdict| matches!(verdict, FaultVerdict::Killed { .. }));
        let survived = of(|verdict| matches!(verdict, FaultVerdict::Survived { .. }));
        (killed, killed + survived)
    }
}

/// The result of injecting one fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FaultReport {
    /// The fault.
    pub id: String,
    /// Its group.
    pub group: String,
    /// The bug, in one sentence.
    pub sentence: String,
    /// Whether it was caught.
    #[serde(flatten)]
    pub verdict: FaultVerdict,
}

/// Whether a fault was caught.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum FaultVerdict {
    /// Caught: an assertion of a case failed, the fault acted, and without the fault the case passes.
    Killed {
        /// The case.
        case: String,
        /// The assertion's message.
        assertion: String,
        /// How often the fault acted in that case.
        fired: u64,
    },
    /// The fault never acted: it concerns SQL that this backend does not send, or that no case uses.
    NeverActed,
    /// The fault acted, but no case caught it.
    Survived {
        /// Cases that returned an error without a failed assertion.
        errors: Vec<String>,
    },
    /// The fault is the engine's normal behaviour, so it cannot be caught.
    Equivalent {
        /// Why.
        reason: String,
    },
}

/// Start and duration: the only part of a report that differs between runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// When the run began, in seconds since the Unix epoch.
    pub started: u64,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// How long each case took in seconds, by target and id.
    pub cases: BTreeMap<String, BTreeMap<String, f64>>,
}

/// The number of cases by outcome, over all targets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Passed.
    pub passed: usize,
    /// Failed.
    pub failed: usize,
    /// Failed as expected.
    pub expected: usize,
    /// Not claimed by the backend.
    pub unsupported: usize,
    /// Found not to apply.
    pub skipped: usize,
    /// Not reached.
    pub not_run: usize,
    /// Harness errors, and targets that could not be used.
    pub harness_errors: usize,
    /// Faults that were caught.
    pub killed: usize,
    /// Faults that were not.
    pub survived: usize,
    /// Faults that are the engine's normal behaviour.
    pub equivalent: usize,
    /// Faults that never acted.
    pub never_acted: usize,
    /// Lines of the contract and rules whose cases catch no fault.
    pub unproved: usize,
}

impl Report {
    /// Counts the outcomes.
    pub fn summary(&self) -> Summary {
        let mut summary = Summary::default();
        for target in &self.targets {
            summary.harness_errors += usize::from(target.error.is_some());
            for case in &target.cases {
                match case.outcome {
                    Outcome::Pass => summary.passed += 1,
                    Outcome::Fail { .. } => summary.failed += 1,
                    Outcome::Expected { .. } => summary.expected += 1,
                    Outcome::Unsupported { .. } => summary.unsupported += 1,
                    Outcome::Skipped { .. } => summary.skipped += 1,
                    Outcome::NotRun { .. } => summary.not_run += 1,
                    Outcome::HarnessError { .. } => summary.harness_errors += 1,
                }
            }
        }
        for matrix in &self.faults {
            summary.harness_errors += usize::from(matrix.error.is_some());
            let missing = matrix.proofs.iter().filter(|proof| proof.is_missing());
            summary.unproved += missing.count();
            for fault in &matrix.faults {
                match fault.verdict {
                    FaultVerdict::Killed { .. } => summary.killed += 1,
                    FaultVerdict::Survived { .. } => summary.survived += 1,
                    FaultVerdict::Equivalent { .. } => summary.equivalent += 1,
                    FaultVerdict::NeverActed => summary.never_acted += 1,
                }
            }
        }
        summary
    }

    /// Returns the exit code of a command: 0 if all passed or failed as expected, 1 after failures or faults not caught, 2 after harness
    /// errors or if nothing matched, 3 if incomplete. An empty shard is 0.
    pub fn exit_code(&self) -> u8 {
        let summary = self.summary();
        let nothing = (self.matched == 0 || self.targets.is_empty()) && self.faults.is_empty();
        if summary.harness_errors > 0 || nothing {
            return 2;
        }
        let found_nothing = summary.killed == 0 && summary.never_acted > 0;
        if summary.failed > 0 || summary.survived > 0 || summary.unproved > 0 || found_nothing {
            return 1;
        }
        if summary.not_run > 0 {
            return 3;
        }
        0
    }

    /// Writes the report in a format.
    ///
    /// # Errors
    ///
    /// [`Configuration`](ErrorKind::Configuration) with the writer's reason.
    pub fn write(&self, format: Format) -> Result<String> {
        match format {
            Format::Json => json(self),
            Format::Junit => junit::write(self),
            Format::Markdown => Ok(markdown::write(self)),
            Format::Html => html::write(self),
            Format::Rules => Ok(rules::write(self)),
            Format::Certificate => certificate::write(self),
            Format::Badge => Ok(certificate::badge(self)),
        }
    }

    /// Writes the JSON form without timing: equal for equal runs.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub fn to_stable_json(&self) -> Result<String> {
        json(&Self {
            timing: Timing::default(),
            ..self.clone()
        })
    }

    /// Reads the JSON form.
    ///
    /// # Errors
    ///
    /// [`Configuration`](ErrorKind::Configuration) if it is not such a report.
    pub fn from_json(text: &str) -> Result<Self> {
        serde_json::from_str(text).map_err(|error| written(Format::Json, &error))
    }

    /// Formats the summary for a terminal: at most 12 lines.
    pub fn to_terminal(&self) -> String {
        terminal::write(self)
    }

    /// Returns the statements of each failing program after shrinking, for a client of the database, with file names such as
    /// `repro/model.session.program.postgres.sql`.
    pub fn repros(&self) -> impl Iterator<Item = (String, &str)> {
        self.targets.iter().flat_map(|target| {
            let name: String = target.name.chars().map(plain).collect();
            target.cases.iter().filter_map(move |case| {
                let repro = case.outcome.failure()?.repro.as_deref()?;
                Some((format!("repro/{}.{name}.sql", case.id), repro))
            })
        })
    }

    /// Lists the failures to fix first: those of the lowest tier, with the fewest statements; `None` if nothing failed.
    pub fn easiest(&self) -> Option<String> {
        terminal::easiest(self)
    }

    /// Formats each failure in full for a terminal: message, smallest program, statements, seed.
    pub fn failures(&self) -> impl Iterator<Item = String> {
        terminal::failures(self)
    }
}

/// Replaces characters that are unsafe in a file name.
fn plain(c: char) -> char {
    if c.is_ascii_alphanumeric() { c } else { '_' }
}

fn json(report: &Report) -> Result<String> {
    serde_json::to_string_pretty(report)
        .map(|text| text + "\n")
        .map_err(|error| written(Format::Json, &error))
}

/// Returns the error of a writer or reader.
fn written(format: Format, error: &dyn fmt::Display) -> Error {
    Error::new(
        ErrorKind::Configuration,
        format!("the report as {format}: {error}"),
    )
}

/// A format of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Complete, for programs.
    Json,
    /// JUnit XML, for CI servers.
    Junit,
    /// Markdown, for the summary of a CI job.
    Markdown,
    /// A self-contained page.
    Html,
    /// The rules of the ORM with their cases and results, as a Markdown table.
    Rules,
    /// A certificate as JSON: see [`Certificate`].
    Certificate,
    /// A badge as SVG.
    Badge,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 7] = [
        Self::Json,
        Self::Junit,
        Self::Markdown,
        Self::Html,
        Self::Rules,
        Self::Certificate,
        Self::Badge,
    ];

    /// Returns the usual file name: `report.json`, `junit.xml`, `report.md`, `report.html`, `rules.md`, `certificate.json`, `badge.svg`.
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Json => "report.json",
            Self::Junit => "junit.xml",
            Self::Markdown => "report.md",
            Self::Html => "report.html",
            Self::Rules => "rules.md",
            Self::Certificate => "certificate.json",
            Self::Badge => "badge.svg",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json => "json",
            Self::Junit => "junit",
            Self::Markdown => "markdown",
            Self::Html => "html",
            Self::Rules => "rules",
            Self::Certificate => "certificate",
            Self::Badge => "badge",
        })
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|format| format.to_string() == text)
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::Configuration,
                    format!(
                        "unknown format `{text}`: use json, junit, markdown, html, rules, certificate or badge"
                    ),
                )
            })
    }
}
