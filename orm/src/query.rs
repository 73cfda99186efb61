//! Queries.
use crate::entity::Fetch;

/// How one relation is loaded.
#[derive(Clone, Debug)]
pub(crate) struct Loading {
    pub(crate) relation: u16,
    pub(crate) fetch: Fetch,
    pub(crate) nested: Vec<Loading>,
}
