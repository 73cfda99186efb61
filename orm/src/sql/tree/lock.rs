//! Row locks: FOR UPDATE and its kin.

/// What a query does to the rows that it reads until the transaction ends, and what it does about rows that others have locked.
///
/// Where the database has no row locks the query is refused before it is sent.
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
    /// Whom it keeps away.
    pub strength: LockStrength,
    /// What it does about rows that others have locked.
    pub locked: Locked,
}

/// Whom a row lock keeps away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LockStrength {
    /// Other transactions that lock or write.
    Update,
    /// Other transactions that write.
    Share,
}

/// What a query does about rows locked by other transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Locked {
    /// Waits.
    Wait,
    /// Leaves them out.
    Skip,
    /// Fails as busy.
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
