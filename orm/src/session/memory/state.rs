//! The states of an object.

use std::fmt;

/// The state of an object with respect to the session and the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Known to the session only by its handle: an added object after a rollback. `take` returns its value.
    Transient,
    /// Added; the next flush inserts it.
    Pending,
    /// It has a row in the database.
    Persistent,
    /// Its row was deleted in this transaction.
    Deleted,
    /// It has left the session.
    Detached,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Transient => "transient",
            Self::Pending => "pending",
            Self::Persistent => "persistent",
            Self::Deleted => "deleted",
            Self::Detached => "detached",
        })
    }
}
