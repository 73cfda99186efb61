//! What a run found, as data; and its written forms.

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

/// What a run found. Everything but [`timing`](Self::timing) depends on targets and options alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The version of the list of cases.
    pub inventory: u32,
    /// The seed.
    pub seed: u64,
    /// How many inputs each property tried.
    pub cases: u32,
    /// Which share of the cases, if not all.
    pub shard: Option<String>,
    /// How many cases the filter chose, before the share was taken.
    pub matched: usize,
    /// What was found on each target.
    pub targets: Vec<TargetReport>,
    /// The results of fault injection, if it was requested.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub faults: Vec<KillMatrix>,
    /// When and how long.
    pub timing: Timing,
}

/// What was found on one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetReport {
    /// Its name.
    pub name: String,
    /// One line about it.
    pub description: String,
    /// Its dialect, if it could be asked.
    pub dialect: Option<String>,
    /// What the server calls itself, if it could be asked.
    pub server_version: Option<String>,
    /// Why the target cannot be used, if it cannot: a harness error.
    pub error: Option<String>,
    /// Each case, in the order of the list.
    pub cases: Vec<CaseReport>,
}

impl TargetReport {
    /// How each tier stands, from the one that everybody needs; tiers of which no case ran are left out.
    pub fn tiers(&self) -> impl Iterator<Item = TierSummary> + '_ {
        Tier::ALL.into_iter().filter_map(|tier| {
            let cases = self.cases.iter().filter(|case| case.tier == tier);
            let summary = cases.fold(TierSummary::new(tier), TierSummary::with);
            (summary.applicable > 0).then_some(summary)
        })
    }
}

/// How one tier stands on one target: the cases that apply to what the backend claims, and those of them that passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TierSummary {
    /// The tier.
    pub tier: Tier,
    /// How many of its cases passed.
    pub passed: usize,
    /// How many were asked: all but those that are unsupported or do not apply.
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

/// How one case ended on one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseReport {
    /// The case.
    pub id: String,
    /// What it is about.
    pub area: Option<Area>,
    /// Who needs it.
    pub tier: Tier,
    /// What must hold, and why.
    pub promise: String,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// What it noticed on the way.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub notes: Vec<String>,
    /// A digest of every statement that was sent, with its parameters: equal for equal seeds. `None` where the order of events depends on
    /// timing.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sent: Option<String>,
    /// Which anomalies concurrent transactions met, if it looked for them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub isolation: Option<SeenIsolation>,
}

/// Which anomalies concurrent transactions of one level met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenIsolation {
    /// The level that was asked for, in SQL's words.
    pub asked: String,
    /// The strongest level that what was seen allows.
    pub shown: String,
    /// How many transactions were committed.
    pub committed: usize,
    /// Each kind of anomaly, by its name.
    pub anomalies: Vec<SeenAnomaly>,
}

/// One kind of anomaly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenAnomaly {
    /// `G1a (aborted read)`.
    pub name: String,
    /// Whether it was met.
    pub seen: bool,
    /// Whether the level that was asked for allows it.
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
    /// What proves each line of the contract and each rule, if that was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub proofs: Vec<Proof>,
}

/// What proves one line of the contract, or one rule: a case that covers it and catches a fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// `contract 12` or `rule 3`.
    pub line: String,
    /// What is promised.
    pub text: String,
    /// The cases that cover it and apply to the target.
    pub cases: Vec<String>,
    /// The one that caught a fault; `None` if none did.
    pub case: Option<String>,
    /// The fault.
    pub fault: Option<String>,
}

impl Proof {
    /// Whether there is a case, and none that catches a fault.
    pub fn is_missing(&self) -> bool {
        self.case.is_none() && !self.cases.is_empty()
    }
}

impl KillMatrix {
    /// How many faults were found, of how many that acted.
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

/// What the suite made of one fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FaultReport {
    /// The fault.
    pub id: String,
    /// What kind of mistake.
    pub group: String,
    /// The mistake, in one sentence.
    pub sentence: String,
    /// Whether it was found.
    #[serde(flatten)]
    pub verdict: FaultVerdict,
}

/// Whether a fault was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum FaultVerdict {
    /// An assertion of a case failed, the fault fired, and without the fault the case passes.
    Killed {
        /// The case.
        case: String,
        /// The assertion's message.
        assertion: String,
        /// How often the fault acted in that case.
        fired: u64,
    },
    /// No case made the fault act: its mistake is one in words of SQL that this backend does not send, or nothing asks for it.
    NeverActed,
    /// It acted, and no case noticed.
    Survived {
        /// Cases that gave an error, but no failed assertion.
        errors: Vec<String>,
    },
    /// The engine does the same by itself: there is nothing to find.
    Equivalent {
        /// How that was seen.
        reason: String,
    },
}

/// When and how long: the only part of a report that differs from run to run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// When the run began, in seconds since the Unix epoch.
    pub started: u64,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// How long each case took, in seconds, by target and id.
    pub cases: BTreeMap<String, BTreeMap<String, f64>>,
}

/// How many cases ended how, over all targets.
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
    /// Could not be run, and targets that could not be used.
    pub harness_errors: usize,
    /// Faults that were found.
    pub killed: usize,
    /// Faults that were not.
    pub survived: usize,
    /// Faults that the engine has by itself.
    pub equivalent: usize,
    /// Faults that no case made act.
    pub never_acted: usize,
    /// Lines of the contract, and rules, whose cases catch no fault.
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

    /// The exit code of a command: 0 all passed or expected, 1 failures or faults that were not found, 2 harness errors or nothing
    /// that matched, 3 incomplete. An empty share of the cases is 0.
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

    /// The JSON form without its timing: equal for equal runs.
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
    /// [`Configuration`](ErrorKind::Configuration): it is no such report.
    pub fn from_json(text: &str) -> Result<Self> {
        serde_json::from_str(text).map_err(|error| written(Format::Json, &error))
    }

    /// What people read on a terminal when the run is over: at most 12 lines.
    pub fn to_terminal(&self) -> String {
        terminal::write(self)
    }

    /// The statements of each shrunk program that failed, for a client of the database, under names for files such as
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

    /// Which failures to mend first: those of the lowest tier, and of them those that took the fewest statements; `None` if nothing failed.
    pub fn easiest(&self) -> Option<String> {
        terminal::easiest(self)
    }

    /// Each failure in full, as people read it on a terminal: the message, the smallest program, the statements, the seed.
    pub fn failures(&self) -> impl Iterator<Item = String> {
        terminal::failures(self)
    }
}

/// A character that may stand in the name of a file.
fn plain(c: char) -> char {
    if c.is_ascii_alphanumeric() { c } else { '_' }
}

fn json(report: &Report) -> Result<String> {
    serde_json::to_string_pretty(report)
        .map(|text| text + "\n")
        .map_err(|error| written(Format::Json, &error))
}

/// The error of a writer or reader.
fn written(format: Format, error: &dyn fmt::Display) -> Error {
    Error::new(
        ErrorKind::Configuration,
        format!("the report as {format}: {error}"),
    )
}

/// A written form of a report.
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
    /// The rules of the ORM, the cases that hold each, and how those ended, as a table in Markdown.
    Rules,
    /// What each target has shown, as JSON: see [`Certificate`].
    Certificate,
    /// The same in a line, as SVG.
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

    /// The usual file name: `report.json`, `junit.xml`, `report.md`, `report.html`, `rules.md`, `certificate.json`, `badge.svg`.
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
                        "there is no format `{text}`; there are json, junit, markdown, html, rules, certificate, badge"
                    ),
                )
            })
    }
}
