//! Row locks: FOR UPDATE, FOR SHARE, SKIP LOCKED, NOWAIT.

/// Locks the rows that a query reads until the transaction ends, and says how to handle rows locked by others.
///
/// If the database does not support row locks, the query fails before it is sent.
///
/// ```
/// use selfsame::sql::RowLock;
///
/// let next_free = RowLock::for_update().skip_locked();
/// # let _ = next_free;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct RowLock {
    /// The strength of the lock.
    pub strength: LockStrength,
    /// The treatment of rows locked by other transactions.
    pub locked: Locked,
}

/// The strength of a row lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LockStrength {
    /// FOR UPDATE: other transactions can neither lock nor write the rows.
    Update,
    /// FOR SHARE: other transactions cannot write the rows.
    Share,
}

/// The treatment of rows locked by other transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Locked {
    /// Waits for the lock.
    Wait,
    /// SKIP LOCKED: omits them.
    Skip,
    /// NOWAIT: fails with [`Busy`](crate::ErrorKind::Busy).
    Fail,
}

impl RowLock {
    /// Prevents other transactions from locking and writing the rows.
    pub const fn for_update() -> Self {
        Self {
            strength: LockStrength::Update,
            locked: Locked::Wait,
        }
    }

    /// Prevents other transactions from writing the rows.
    pub const fn for_share() -> Self {
        Self {
            strength: LockStrength::Share,
            locked: Locked::Wait,
        }
    }

    /// Skips rows locked by other transactions.
    #[must_use]
    pub const fn skip_locked(mut self) -> Self {
        self.locked = Locked::Skip;
        self
    }

    /// Fails at once if another transaction has locked a row.
    #[must_use]
    pub const fn nowait(mut self) -> Self {
        self.locked = Locked::Fail;
        self
    }
}
