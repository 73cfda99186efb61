//! The memory of a session: objects, their states and identities, the edges between them, and what a rollback restores.

pub(super) mod any_store;
pub(super) mod association;
pub(super) mod cascade;
pub(super) mod edges;
pub(super) mod fit;
pub(super) mod identity;
pub(super) mod links;
pub(super) mod object_states;
pub(super) mod ordered_set;
pub(super) mod pairs;
pub(super) mod pending_keys;
pub(super) mod queried;
pub(super) mod reference;
pub(super) mod referring_rows;
pub(super) mod relate;
pub(super) mod snapshots;
pub(super) mod state;
pub(super) mod store;
pub(super) mod undo_log;
