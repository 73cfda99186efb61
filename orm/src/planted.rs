//! Mistakes that are planted on purpose, so that a test can show that they are found: those that `ci/mutants.sh` cannot plant, as no
//! change of one operator, one branch or one body makes them, or as they are outside what it changes.
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
    /// The handle of a deleted object leads to it after the commit.
    DeletedResolves,
    /// The handle of another session leads to an object of this one.
    ForeignResolves,
    /// A column that has moved since it was read is overwritten.
    LostUpdate,
    /// An equal value is written.
    EqualWritten,
    /// The pool opens more connections than it may.
    PoolUnbounded,
    /// A connection that broke during COMMIT is an error like others.
    AmbiguousUntold,
    /// Two objects that are put together show it on one side alone.
    PairOneSided,
    /// The version of a row is not checked.
    VersionUnchecked,
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
        pub const ALL: [Self; 8] = [
            Self::DeletedResolves,
            Self::ForeignResolves,
            Self::LostUpdate,
            Self::EqualWritten,
            Self::PoolUnbounded,
            Self::AmbiguousUntold,
            Self::PairOneSided,
            Self::VersionUnchecked,
        ];
    }
}
