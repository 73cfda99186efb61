//! The workloads, each declared in one place with all its arms.

mod bulk;
mod dashboard;
mod delete;
mod graphs;
mod growth;
mod insert;
mod keys;
mod load;
mod mixed_flush;
pub(crate) mod transactions;
mod tree;
mod update;

use crate::workload::Declaration;

/// All of them, in the order of tables.
pub(crate) static ALL: &[&Declaration] = &[
    &load::TRIVIAL,
    &load::MEDIUM,
    &load::MEDIUM_EMPTY,
    &insert::INSERT,
    &keys::COLD,
    &keys::WARM,
    &keys::MANY,
    &update::UPDATE,
    &delete::DELETE,
    &delete::DELETE_PLAIN,
    &graphs::ASSOCIATIONS,
    &mixed_flush::MIXED_FLUSH,
    &tree::TREE,
    &bulk::INSERT,
    &bulk::KEYS,
    &bulk::STREAM,
    &dashboard::DASHBOARD,
    &transactions::TX,
    &growth::GRAPH,
    &growth::PUSH,
    &growth::EXPUNGE,
    &growth::EXPUNGE_PENDING,
    &growth::REFRESH,
    &growth::POPULATE,
    &growth::SAVEPOINT,
    &growth::BULK_UPDATE,
    &growth::LOADERS,
    &growth::MERGE,
    &growth::ROLLBACK,
];
