//! Mistakes that are planted in the session on purpose, so that a test can show that they are found.
//!
//! Without the feature `planted-faults` none is there: [`is_planted`] is a constant.
#![cfg_attr(
    not(feature = "planted-faults"),
    expect(unreachable_pub, reason = "the module is public with its feature")
)]

/// A mistake of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Planted {
    /// A mapped row that is read again gets a second object.
    SecondObject,
    /// The row is not kept as it was before the first write to its object.
    NoSnapshot,
    /// What was kept of a row is not dropped by the flush.
    SnapshotStays,
    /// An expired object is not filled when its row is read.
    ExpiredStays,
    /// A rollback does not bring back what was written.
    RollbackKeepsValues,
    /// A rollback to a savepoint does not bring back collections.
    SavepointKeepsEdges,
    /// A commit does not expire anything.
    CommitKeepsFresh,
    /// An orphan is not deleted.
    OrphanStays,
    /// A child that moves stays in its old parent's collection.
    ChildStays,
    /// What was put into the relationship fields of an added object is not added.
    CascadeForgotten,
    /// Nothing is flushed before a query.
    NoAutoflush,
    /// Tables are written in the order in which they were met.
    OrderOfMeeting,
    /// Children are inserted without the keys of parents that were inserted in the same flush.
    ForeignKeyForgotten,
    /// The handle of a deleted object leads to it behind the commit.
    DeletedResolves,
    /// The handle of another session leads to an object of this one.
    ForeignResolves,
    /// Two objects of one key are not noticed.
    NoConflict,
    /// An UPDATE or DELETE that matched nothing is not told.
    StaleUntold,
    /// A column that has moved since it was read is overwritten.
    LostUpdate,
    /// An equal value is written.
    EqualWritten,
    /// A commit of one statement begins a transaction for it.
    BeginsAlone,
    /// The pool opens more connections than it may.
    PoolUnbounded,
    /// A connection that broke during COMMIT is an error like others.
    AmbiguousUntold,
    /// Two objects that are put together show it on one side alone.
    PairOneSided,
    /// A pair that nobody knew of is written without asking for it.
    PairNotAsked,
    /// The pairs of a deleted object stay.
    PairsNotSevered,
    /// A pair that is gone already is not told.
    PairStaleUntold,
    /// The version of a row is not checked.
    VersionUnchecked,
    /// The version of a row is not counted.
    VersionStays,
    /// A merged value's version is not looked at.
    MergeIgnoresVersion,
    /// A pending object that was let go is inserted.
    PendingOrphanInserted,
}

#[cfg(feature = "planted-faults")]
pub use on::plant;

#[cfg(feature = "planted-faults")]
pub(crate) use on::is_planted;

/// Whether the session makes this mistake.
#[cfg(not(feature = "planted-faults"))]
#[inline(always)]
pub(crate) const fn is_planted(_: Planted) -> bool {
    false
}

#[cfg(feature = "planted-faults")]
mod on {
    use std::sync::{PoisonError, RwLock};

    use super::Planted;

    static NOW: RwLock<Option<Planted>> = RwLock::new(None);

    /// Makes all sessions of this process make a mistake from now on, or none.
    pub fn plant(planted: Option<Planted>) {
        *NOW.write().unwrap_or_else(PoisonError::into_inner) = planted;
    }

    /// Whether the session makes this mistake.
    pub(crate) fn is_planted(planted: Planted) -> bool {
        *NOW.read().unwrap_or_else(PoisonError::into_inner) == Some(planted)
    }

    impl Planted {
        /// Every mistake.
        pub const ALL: [Self; 30] = [
            Self::SecondObject,
            Self::NoSnapshot,
            Self::SnapshotStays,
            Self::ExpiredStays,
            Self::RollbackKeepsValues,
            Self::SavepointKeepsEdges,
            Self::CommitKeepsFresh,
            Self::OrphanStays,
            Self::ChildStays,
            Self::CascadeForgotten,
            Self::NoAutoflush,
            Self::OrderOfMeeting,
            Self::ForeignKeyForgotten,
            Self::DeletedResolves,
            Self::ForeignResolves,
            Self::NoConflict,
            Self::StaleUntold,
            Self::LostUpdate,
            Self::EqualWritten,
            Self::BeginsAlone,
            Self::PoolUnbounded,
            Self::AmbiguousUntold,
            Self::PairOneSided,
            Self::PairNotAsked,
            Self::PairsNotSevered,
            Self::PairStaleUntold,
            Self::VersionUnchecked,
            Self::VersionStays,
            Self::MergeIgnoresVersion,
            Self::PendingOrphanInserted,
        ];
    }
}
