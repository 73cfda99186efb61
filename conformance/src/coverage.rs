//! Coverage: each line of the contract and each rule needs a case that covers it and catches a fault.
//!
//! A case that never fails proves nothing, so each line needs a case that has been seen to fail.

use std::collections::BTreeMap;

use crate::case::{Case, Cover};
use crate::contract::CONTRACT;
use crate::faults::{Fault, faults};
use crate::report::{FaultReport, FaultVerdict, Proof};
use crate::rules::RULES;

/// Returns every line of the contract and every rule.
pub(crate) fn lines() -> impl Iterator<Item = (Cover, &'static str)> {
    let contract = (1..).zip(&CONTRACT);
    let contract = contract.map(|(line, text)| (Cover::Contract(line), *text));
    contract.chain(
        RULES
            .iter()
            .map(|rule| (Cover::Rule(rule.number), rule.text)),
    )
}

/// Finds a proof for each line: first among the caught faults, then by trying other faults on the cases that cover the line.
///
/// `catches` returns whether a case catches a fault, or `None` if the case fails without the fault. Called without a fault, it checks only that
/// the case passes.
pub(crate) fn prove(
    reports: &[FaultReport],
    cases: &[&'static Case],
    mut catches: impl FnMut(&'static Case, Option<&'static Fault>) -> Option<bool>,
) -> Vec<Proof> {
    let mut kills: Vec<(&'static Case, &'static Fault)> = Vec::new();
    for report in reports {
        if let FaultVerdict::Killed { case, .. } = &report.verdict
            && let Some(case) = cases.iter().find(|known| known.id == *case)
            && let Some(fault) = faults().find(|fault| fault.id == report.id)
        {
            kills.push((case, fault));
        }
    }
    let mut proofs = Vec::new();
    for (cover, text) in lines() {
        let covering = cases.iter().copied();
        let covering: Vec<&'static Case> = covering
            .filter(|case| case.covers.contains(&cover))
            .filter(|case| catches(case, None).is_some())
            .collect();
        let known = kills
            .iter()
            .find(|(case, _)| covering.iter().any(|covering| covering.id == case.id))
            .copied();
        let proof = known.or_else(|| {
            let found = search(&covering, &kills, &mut catches);
            kills.extend(found);
            found
        });
        proofs.push(Proof {
            line: cover.to_string(),
            text: text.to_owned(),
            cases: covering.iter().map(|case| case.id.to_owned()).collect(),
            case: proof.map(|(case, _)| case.id.to_owned()),
            fault: proof.map(|(_, fault)| fault.id.to_owned()),
        });
    }
    proofs
}

/// Tries the faults caught by cases of the same area, then all caught faults.
fn search(
    covering: &[&'static Case],
    kills: &[(&'static Case, &'static Fault)],
    catches: &mut impl FnMut(&'static Case, Option<&'static Fault>) -> Option<bool>,
) -> Option<(&'static Case, &'static Fault)> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, fault) in kills {
        *counts.entry(fault.id).or_default() += 1;
    }
    for case in covering {
        let mut candidates: Vec<&'static Fault> = Vec::new();
        let near = kills
            .iter()
            .filter(|(other, _)| other.area() == case.area());
        for (_, fault) in near.chain(kills) {
            if !candidates.iter().any(|known| known.id == fault.id) {
                candidates.push(fault);
            }
        }
        // A fault that was caught often is likely to be caught by many cases.
        candidates.sort_by_key(|fault| std::cmp::Reverse(counts.get(fault.id).copied()));
        for fault in candidates {
            if catches(case, Some(fault)) == Some(true) {
                return Some((case, fault));
            }
        }
    }
    None
}

/// Writes the coverage as Markdown; empty if it was not requested.
pub(crate) fn table(proofs: &[Proof]) -> String {
    if proofs.is_empty() {
        return String::new();
    }
    let mut out =
        "| line | promise | cases | proved by | with fault |\n|---|---|--:|---|---|\n".to_owned();
    for proof in proofs {
        let (case, fault) = match (&proof.case, &proof.fault) {
            (Some(case), Some(fault)) => (format!("`{case}`"), format!("`{fault}`")),
            _ if proof.cases.is_empty() => ("no case applies".to_owned(), String::new()),
            _ => ("NOTHING".to_owned(), String::new()),
        };
        out.push_str(&format!(
            "| {} | {} | {} | {case} | {fault} |\n",
            proof.line,
            proof.text,
            proof.cases.len()
        ));
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::Group;

    fn killed(case: &str, fault: &'static Fault) -> FaultReport {
        FaultReport {
            id: fault.id.to_owned(),
            group: Group::Values.to_string(),
            sentence: fault.sentence.to_owned(),
            verdict: FaultVerdict::Killed {
                case: case.to_owned(),
                assertion: String::new(),
                fired: 1,
            },
        }
    }

    #[test]
    fn each_line_needs_a_case_that_catches_something() {
        let cases: Vec<&'static Case> = crate::cases().collect();
        let fault = faults().next().expect("a fault");
        let reports = [killed("types.i64.extremes", fault)];
        let proofs = prove(&reports, &cases, |_, fault| Some(fault.is_none()));
        assert_eq!(proofs.len(), CONTRACT.len() + RULES.len());
        assert_eq!(proofs[0].fault.as_deref(), Some(fault.id));
        let missing = proofs.iter().filter(|proof| proof.is_missing()).count();
        assert!(missing > 100, "{missing} of {}", proofs.len());
        let all = prove(&reports, &cases, |_, _| Some(true));
        assert!(!all.iter().any(Proof::is_missing));
        assert!(table(&all).contains("| contract 1 |"), "{}", table(&all));
        let none = prove(&[], &cases, |_, _| None);
        assert!(none.iter().all(|proof| proof.cases.is_empty()));
    }
}
