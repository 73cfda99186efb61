//! Known failures: listed in a file, with a reason and a link, until they are fixed.

use std::path::Path;

use selfsame::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use crate::outcome::Outcome;
use crate::report::Report;

/// The contents of `selfsame-expected.toml`.
///
/// ```
/// use selfsame_conformance::Expected;
///
/// let expected = Expected::parse(r#"
///     [[expected]]
///     id = "types.text.nul"
///     target = "mydb"
///     reason = "the driver ends text at NUL"
///     link = "https://example.org/mydb/issues/17"
/// "#).unwrap();
/// assert!(expected.find("mydb", "types.text.nul").is_some());
/// assert!(expected.find("other", "types.text.nul").is_none());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    #[serde(default)]
    expected: Vec<ExpectedFailure>,
}

/// One known failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedFailure {
    /// The case.
    pub id: String,
    /// The name of the target; every target if absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub target: Option<String>,
    /// Why it fails.
    pub reason: String,
    /// A link to the issue.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub link: Option<String>,
}

impl Expected {
    /// Parses the text of such a file.
    ///
    /// # Errors
    ///
    /// [`Configuration`](ErrorKind::Configuration) if it is not TOML of this form, lacks a reason, or names a case that does
    /// not exist.
    pub fn parse(text: &str) -> Result<Self> {
        let bad = |why: String| {
            Error::new(
                ErrorKind::Configuration,
                format!("invalid list of expected failures: {why}"),
            )
        };
        let list: Self =
            toml::from_str(text).map_err(|error| bad(error.message().replace('\n', " ")))?;
        for entry in &list.expected {
            if crate::cases::find(&entry.id).is_none() {
                return Err(bad(format!("there is no case `{}`", entry.id)));
            }
            if entry.reason.trim().is_empty() {
                return Err(bad(format!("`{}` has no reason", entry.id)));
            }
        }
        Ok(list)
    }

    /// Reads such a file.
    ///
    /// # Errors
    ///
    /// As for [`parse`](Self::parse), and if the file cannot be read.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            Error::new(
                ErrorKind::Configuration,
                format!("{}: {error}", path.display()),
            )
        })?;
        Self::parse(&text)
    }

    /// Returns the entry for a case on a target.
    pub fn find(&self, target: &str, id: &str) -> Option<&ExpectedFailure> {
        self.expected
            .iter()
            .find(|entry| entry.id == id && entry.target.as_deref().is_none_or(|t| t == target))
    }

    /// Returns the list that makes this report pass: it contains the cases that fail, with their previous reasons if any, and not those
    /// that pass. Entries for targets and cases that did not run are kept.
    #[must_use]
    pub fn bless(&self, report: &Report) -> Self {
        let mut expected: Vec<ExpectedFailure> = Vec::new();
        for target in &report.targets {
            for case in &target.cases {
                let Some(failure) = case.outcome.failure() else {
                    continue;
                };
                if failure.kind == crate::FailureKind::UnexpectedPass {
                    continue;
                }
                let old = self.find(&target.name, &case.id);
                expected.push(ExpectedFailure {
                    id: case.id.clone(),
                    target: Some(target.name.clone()),
                    reason: old.map_or_else(|| failure.message.clone(), |e| e.reason.clone()),
                    link: old.and_then(|e| e.link.clone()),
                });
            }
        }
        let ran = |entry: &ExpectedFailure| {
            report.targets.iter().any(|target| {
                entry.target.as_deref().is_none_or(|t| t == target.name)
                    && target.cases.iter().any(|case| {
                        case.id == entry.id && !matches!(case.outcome, Outcome::NotRun { .. })
                    })
            })
        };
        expected.extend(self.expected.iter().filter(|entry| !ran(entry)).cloned());
        Self { expected }
    }

    /// Writes the list as TOML.
    ///
    /// # Errors
    ///
    /// None in practice: a list of texts can always be written as TOML.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string_pretty(self)
            .map_err(|error| Error::new(ErrorKind::Configuration, error.to_string()))
    }
}
