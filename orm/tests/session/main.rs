//! The session on a real database: what it sends, and what it keeps in memory. One module for each area of its promises.

mod bulk;
mod counting;
mod deferred;
mod dirty;
mod embedded;
mod expressions;
mod fixture;
mod flush;
mod growth;
mod hooks;
mod identity;
mod many_to_many;
mod merge;
mod pairs;
mod queries;
mod record_queries;
mod record_relations;
mod records;
mod rekey;
mod relations;
mod retry;
mod savepoints;
mod transactions;
mod validation;
mod versions;
