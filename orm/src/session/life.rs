//! The life of a session: transactions, savepoints, hooks, merging, expiry, and the factory.

pub(super) mod expire;
pub(super) mod factory;
pub(super) mod hook;
pub(super) mod inspect;
pub(super) mod merge;
pub(super) mod merge_many;
pub(super) mod phase;
pub(super) mod refused;
pub(super) mod retry;
pub(super) mod statement_log;
pub(super) mod transaction;
pub(super) mod undone;
