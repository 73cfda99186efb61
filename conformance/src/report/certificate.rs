//! The certificate of a run, and a badge.

use std::collections::BTreeMap;

use selfsame::Result;
use serde::{Deserialize, Serialize};

use super::{Format, Report, TargetReport, TierSummary, written};
use crate::case::Tier;
use crate::outcome::Outcome;

/// The results of a run without timing: equal runs give equal certificates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Certificate {
    /// The version of this library.
    pub suite: String,
    /// The version of the list of cases.
    pub inventory: u32,
    /// The seed.
    pub seed: String,
    /// The number of inputs of each property.
    pub inputs: u32,
    /// The shard, if the run was one; the certificate then covers only that part of the cases.
    pub shard: Option<String>,
    /// The results of each target.
    pub targets: Vec<CertifiedTarget>,
}

/// The results of one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CertifiedTarget {
    /// Its name.
    pub name: String,
    /// Its dialect.
    pub dialect: Option<String>,
    /// The server's name and version.
    pub server_version: Option<String>,
    /// The highest tier of which every applicable case passed, including lower tiers.
    pub tier: Option<Tier>,
    /// The result of each tier, as `passed/applicable`.
    pub tiers: BTreeMap<Tier, String>,
    /// The number of cases by outcome.
    pub counts: BTreeMap<String, usize>,
    /// The number of silent failures: wrong data without an error.
    pub silent_failures: usize,
    /// Faults caught, and faults that acted, if faults were injected.
    pub faults: Option<String>,
    /// The outcome of each case.
    pub outcomes: BTreeMap<String, String>,
    /// FNV-1a hash of the outcomes, to compare two certificates at a glance. It does not protect against forgery.
    pub fingerprint: String,
}

impl Report {
    /// Creates the certificate of the run.
    pub fn certificate(&self) -> Certificate {
        Certificate {
            suite: env!("CARGO_PKG_VERSION").to_owned(),
            inventory: self.inventory,
            seed: format!("{:#x}", self.seed),
            inputs: self.cases,
            shard: self.shard.clone(),
            targets: self.targets.iter().map(|t| self.certified(t)).collect(),
        }
    }

    fn certified(&self, target: &TargetReport) -> CertifiedTarget {
        let tiers: Vec<TierSummary> = target.tiers().collect();
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let mut outcomes = BTreeMap::new();
        for case in &target.cases {
            let outcome = case.outcome.as_str().to_owned();
            *counts.entry(outcome.clone()).or_default() += 1;
            outcomes.insert(case.id.clone(), outcome);
        }
        let failures = target.cases.iter().filter_map(|case| match &case.outcome {
            Outcome::Fail { failure } => Some(failure),
            _ => None,
        });
        let matrix = self.faults.iter().find(|m| m.target == target.name);
        CertifiedTarget {
            name: target.name.clone(),
            dialect: target.dialect.clone(),
            server_version: target.server_version.clone(),
            tier: highest(&tiers),
            tiers: tiers
                .iter()
                .map(|t| (t.tier, format!("{}/{}", t.passed, t.applicable)))
                .collect(),
            counts,
            silent_failures: failures.filter(|failure| failure.is_silent()).count(),
            faults: matrix.map(|matrix| {
                let (found, acted) = matrix.found();
                format!("{found}/{acted}")
            }),
            fingerprint: fingerprint(&outcomes),
            outcomes,
        }
    }
}

/// Returns the highest tier up to which every case passed. A tier without a case that ran ends the search.
fn highest(tiers: &[TierSummary]) -> Option<Tier> {
    Tier::ALL
        .into_iter()
        .take_while(|tier| {
            let of_it = tiers.iter().find(|summary| summary.tier == *tier);
            of_it.is_some_and(|summary| summary.passed == summary.applicable)
        })
        .last()
}

fn fingerprint(outcomes: &BTreeMap<String, String>) -> String {
    let text = outcomes.iter().flat_map(|(id, outcome)| {
        let parts = [id.as_bytes(), b"=", outcome.as_bytes(), b"\n"];
        parts.into_iter().flatten().copied()
    });
    let hash = text.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

pub(super) fn write(report: &Report) -> Result<String> {
    serde_json::to_string_pretty(&report.certificate())
        .map(|text| text + "\n")
        .map_err(|error| written(Format::Certificate, &error))
}

/// The approximate width of a character in the badge, in tenths of a pixel.
const TENTHS: usize = 66;

/// Draws a badge with two fields: `selfsame`, and the result of the targets.
pub(super) fn badge(report: &Report) -> String {
    let certificate = report.certificate();
    let (word, colour) = match &certificate.targets[..] {
        [] => ("nothing ran".to_owned(), "#6e7781"),
        [target] => verdict(target),
        targets => {
            // With several targets the badge shows the lowest result.
            let least = targets.iter().min_by_key(|target| target.tier);
            least.map_or((String::new(), "#6e7781"), verdict)
        }
    };
    let right = format!("{word} · inventory {}", certificate.inventory);
    let left = "selfsame";
    let width = |text: &str| text.chars().count() * TENTHS / 10 + 12;
    let (a, b) = (width(left), width(&right));
    let right = escaped(&right);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{total}\" height=\"20\" role=\"img\" aria-label=\"{left}: {right}\">\n\
         <title>{left}: {right}</title>\n\
         <clipPath id=\"r\"><rect width=\"{total}\" height=\"20\" rx=\"3\"/></clipPath>\n\
         <g clip-path=\"url(#r)\"><rect width=\"{a}\" height=\"20\" fill=\"#444c56\"/><rect x=\"{a}\" width=\"{b}\" height=\"20\" fill=\"{colour}\"/></g>\n\
         <g fill=\"#fff\" font-family=\"Verdana,DejaVu Sans,sans-serif\" font-size=\"11\" text-anchor=\"middle\">\n\
         <text x=\"{x}\" y=\"14\">{left}</text><text x=\"{y}\" y=\"14\">{right}</text>\n</g>\n</svg>\n",
        total = a + b,
        x = a / 2,
        y = a + b / 2,
    )
}

fn verdict(target: &CertifiedTarget) -> (String, &'static str) {
    let failed = target.counts.get("fail").copied().unwrap_or_default();
    match target.tier {
        Some(Tier::Extra) => ("extra".to_owned(), "#18794e"),
        Some(tier) if failed == 0 => (tier.to_string(), "#18794e"),
        Some(tier) => (format!("{tier}, {failed} failed"), "#ad5700"),
        None => (format!("{failed} failed"), "#c62a2f"),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}
