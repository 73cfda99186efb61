//! Random schemas, conditions, graphs and batches, each compared with a model in Rust.

mod batches;
mod graphs;
mod joins;
mod predicates;
mod queries;
mod savepoints;
mod schemas;
mod windows;
mod writes;

use crate::case::Case;

pub(super) const LISTS: &[&[Case]] = &[
    schemas::CASES,
    predicates::CASES,
    queries::CASES,
    joins::CASES,
    windows::CASES,
    writes::CASES,
    savepoints::CASES,
    graphs::CASES,
    batches::CASES,
];

/// Returns every list that results from removing one part.
fn without_one<T: Clone>(parts: &[T]) -> impl Iterator<Item = Vec<T>> + '_ {
    (0..parts.len()).map(|place| {
        let mut fewer = parts.to_vec();
        fewer.remove(place);
        fewer
    })
}
