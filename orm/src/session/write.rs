//! Writing: finding changes, planning a flush, and executing it.

pub(super) mod actions;
mod bulk;
pub(super) mod deletion;
pub(super) mod expression;
pub(super) mod flush;
mod followers;
pub(super) mod foreign_keys;
pub(super) mod hint;
pub(super) mod membership;
mod new_rows;
pub(super) mod pairs;
pub(super) mod persist;
pub(super) mod plan;
pub(super) mod read_back;
pub(super) mod rekey;
pub(super) mod reread;
pub(super) mod unique_references;
pub(super) mod uniques;
pub(super) mod version;
