//! The list of all cases. A case that is not in it is dead code, which the compiler reports.

mod connections;
mod constraints;
mod databases;
mod deferred;
mod dirty;
mod drawn;
mod flush;
mod identity;
mod queries;
mod records;
mod relations;
mod schema;
mod sessions;
mod transactions;
mod types;
mod writes;

use crate::case::Case;
#[cfg(test)]
pub(crate) use types::conversions;

/// The version of the list of cases. It is increased when cases are added or promise more. Reports state it, so that their meaning does not
/// change.
pub const INVENTORY: u32 = 29;

const LISTS: &[&[&[Case]]] = &[
    types::LISTS,
    queries::LISTS,
    writes::LISTS,
    constraints::LISTS,
    transactions::LISTS,
    &[schema::CASES],
    connections::LISTS,
    &[identity::CASES],
    dirty::LISTS,
    &[deferred::CASES, databases::CASES],
    flush::LISTS,
    relations::LISTS,
    sessions::LISTS,
    records::LISTS,
    drawn::LISTS,
    &[crate::model::CASES, crate::mechanisms::CASES],
];

/// Returns every case, in the order in which they run.
pub fn cases() -> impl Iterator<Item = &'static Case> {
    LISTS.iter().copied().flatten().copied().flatten()
}

/// Finds a case by id.
pub fn find(id: &str) -> Option<&'static Case> {
    cases().find(|case| case.id == id)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::case::{Cover, Tier};

    #[test]
    fn ids_are_unique_and_well_formed() {
        let mut seen = HashSet::new();
        for case in cases() {
            assert!(seen.insert(case.id), "{} is there twice", case.id);
            let parts: Vec<&str> = case.id.split('.').collect();
            assert!(
                (2..=3).contains(&parts.len()),
                "{} is not of the form area.topic.detail",
                case.id
            );
            assert!(
                parts.iter().all(|part| !part.is_empty()
                    && part
                        .bytes()
                        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')),
                "{} has an odd part",
                case.id
            );
            assert!(case.area().is_some(), "{} is in no area", case.id);
        }
    }

    #[test]
    fn every_line_of_the_contract_has_a_case_or_a_reason() {
        /// Lines of the contract that the ORM does not use yet.
        const CONTRACT_LEFT_OUT: [(u16, &str); 2] = [
            (17, "there is no neutral type for intervals"),
            (45, "columns cannot declare a collation"),
        ];
        let covered: HashSet<Cover> = cases().flat_map(|case| case.covers).copied().collect();
        let lines = u16::try_from(crate::CONTRACT.len()).expect("few lines");
        for (line, reason) in CONTRACT_LEFT_OUT {
            assert!(
                !covered.contains(&Cover::Contract(line)),
                "line {line} has a case though {reason}"
            );
        }
        for line in 1..=lines {
            let left_out = CONTRACT_LEFT_OUT.iter().any(|(l, _)| *l == line);
            assert!(
                covered.contains(&Cover::Contract(line)) || left_out,
                "no case covers line {line} of the contract"
            );
        }
    }

    #[test]
    fn every_case_is_documented() {
        for case in cases() {
            let sentence = case.promise;
            assert!(
                sentence.len() > 20 && sentence.ends_with('.'),
                "{}: the promise must be a sentence",
                case.id
            );
            assert!(
                case.hint.len() > 10 && case.hint.ends_with('.'),
                "{}: the hint must be a sentence",
                case.id
            );
            assert!(!case.covers.is_empty(), "{} covers nothing", case.id);
            assert!((1..=INVENTORY).contains(&case.since), "{}", case.id);
            for cover in case.covers {
                let known = match cover {
                    Cover::Contract(line) => {
                        (1..=crate::CONTRACT.len()).contains(&usize::from(*line))
                    }
                    Cover::Rule(rule) => (1..=crate::RULES.len()).contains(&usize::from(*rule)),
                };
                assert!(known, "{} covers {cover}, which does not exist", case.id);
            }
            assert!(
                case.tier != Tier::Extra || !case.needs.is_empty(),
                "{} is extra and needs nothing",
                case.id
            );
        }
    }
}
