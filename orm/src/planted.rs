//! Faults that are planted on purpose, so that a test can show that they are found: those that `ci/mutants.sh` cannot plant, because no
//! change of a single operator, branch or body produces them, or because they are outside its scope.
//!
//! Without the feature `planted-faults` there are none: [`is_planted`] is a constant.
#![cfg_attr(
    not(feature = "planted-faults"),
    expect(unreachable_pub, reason = "the module is public with its feature")
)]

/// A planted fault of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Planted {
    /// The handle of a deleted object still works after the commit.
    DeletedResolves,
    /// The handle of another session refers to an object of this one.
    ForeignResolves,
    /// A column that was changed concurrently is overwritten.
    LostUpdate,
    /// An equal value is written.
    EqualWritten,
    /// The pool opens more connections than it may.
    PoolUnbounded,
    /// A connection that broke during COMMIT is reported as an ordinary error.
    AmbiguousUntold,
    /// A new pair appears on one side only.
    PairOneSided,
    /// The version of a row is not checked.
    VersionUnchecked,
}

#[cfg(feature = "planted-faults")]
pub use on::plant;

#[cfg(feature = "planted-faults")]
pub(crate) use on::is_planted;

/// Returns whether this fault is planted.
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

    /// Plants a fault in all sessions of this process, or removes it.
    pub fn plant(planted: Option<Planted>) {
        *NOW.write().unwrap_or_else(PoisonError::into_inner) = planted;
    }

    /// Returns whether this fault is planted.
    pub(crate) fn is_planted(planted: Planted) -> bool {
        *NOW.read().unwrap_or_else(PoisonError::into_inner) == Some(planted)
    }

    impl Planted {
        /// All faults.
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
