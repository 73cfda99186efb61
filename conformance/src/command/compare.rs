//! `check --compare`: what changed since an earlier report or certificate.

use std::collections::BTreeMap;
use std::path::Path;

use selfsame::{Error, ErrorKind, Result};

use super::merge::read_text;
use crate::report::{Certificate, Report};

/// The outcome of each case, by target and id.
pub(super) type Outcomes = BTreeMap<String, BTreeMap<String, String>>;

/// Reads the earlier results.
///
/// # Errors
///
/// The file cannot be read, or is neither a report nor a certificate.
pub(super) fn read(path: &Path) -> Result<Outcomes> {
    let text = read_text(path)?;
    if let Ok(report) = Report::from_json(&text) {
        return Ok(outcomes(&report));
    }
    let certificate: Certificate = serde_json::from_str(&text).map_err(|_| {
        let message = format!(
            "{}: neither the JSON report nor the certificate of a run",
            path.display()
        );
        Error::new(ErrorKind::Configuration, message)
    })?;
    let targets = certificate.targets.into_iter();
    Ok(targets
        .map(|target| (target.name, target.outcomes))
        .collect())
}

fn outcomes(report: &Report) -> Outcomes {
    let of = |target: &crate::report::TargetReport| {
        let cases = target.cases.iter();
        let cases = cases.map(|case| (case.id.clone(), case.outcome.as_str().to_owned()));
        (target.name.clone(), cases.collect())
    };
    report.targets.iter().map(of).collect()
}

/// Lists cases whose outcome changed, new cases, and missing ones.
pub(super) fn changes(old: &Outcomes, report: &Report) -> String {
    let mut text = String::new();
    for (target, cases) in outcomes(report) {
        let Some(before) = old.get(&target) else {
            text.push_str(&format!("{target}: not in the earlier report\n"));
            continue;
        };
        let new: Vec<&String> = cases
            .keys()
            .filter(|id| !before.contains_key(*id))
            .collect();
        for (id, outcome) in &cases {
            match before.get(id) {
                Some(earlier) if earlier != outcome => {
                    text.push_str(&format!(
                        "{target}: {id}: {earlier} before, {outcome} now\n"
                    ));
                }
                _ => {}
            }
        }
        for id in before.keys().filter(|id| !cases.contains_key(*id)) {
            text.push_str(&format!("{target}: {id}: not run this time\n"));
        }
        if !new.is_empty() {
            let failing = new.iter().filter(|id| cases[**id] == "fail").count();
            text.push_str(&format!(
                "{target}: {} cases are new, {failing} of them fail\n",
                new.len()
            ));
        }
    }
    match text.is_empty() {
        true => "nothing changed since the earlier report\n".to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Outcome;
    use crate::report::CaseReport;

    fn report(outcomes: &[(&str, Outcome)]) -> Report {
        let case = |(id, outcome): &(&str, Outcome)| {
            let case = crate::find(id).expect("a case");
            CaseReport::new(case, outcome.clone(), Vec::new())
        };
        crate::runner::tests::report_of(outcomes.iter().map(case).collect())
    }

    #[test]
    fn changes_are_reported_case_by_case() {
        let skipped = || Outcome::Skipped {
            reason: "no clock".to_owned(),
        };
        let old = report(&[
            ("types.i64.extremes", Outcome::Pass),
            ("types.i32.extremes", Outcome::Pass),
            ("types.i16.extremes", Outcome::Pass),
        ]);
        let new = report(&[
            ("types.i64.extremes", skipped()),
            ("types.i32.extremes", Outcome::Pass),
            ("types.bool.extremes", Outcome::Pass),
        ]);
        let text = changes(&outcomes(&old), &new);
        assert!(
            text.contains("types.i64.extremes: pass before, skipped now"),
            "{text}"
        );
        assert!(
            text.contains("types.i16.extremes: not run this time"),
            "{text}"
        );
        assert!(text.contains("1 cases are new, 0 of them fail"), "{text}");
        assert!(!text.contains("types.i32"), "{text}");
        let same = changes(&outcomes(&old), &old);
        assert_eq!(same, "nothing changed since the earlier report\n");
    }
}
