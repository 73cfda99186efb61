//! Loading: by key, along relations, filtered, joined.

pub(super) mod along;
pub(super) mod deferred;
pub(super) mod equal_texts;
pub(super) mod joined;
pub(super) mod load;
pub(super) mod lookup;
pub(super) mod members;
pub(super) mod n_plus_one;
pub(super) mod partial;
pub(super) mod statements;
