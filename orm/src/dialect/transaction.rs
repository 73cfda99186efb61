//! Commands of transactions.

use super::Dialect;

/// A transaction command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Transaction<'a> {
    /// BEGIN.
    Begin(Begin),
    /// COMMIT.
    Commit,
    /// ROLLBACK.
    Rollback,
    /// SAVEPOINT name.
    Savepoint(&'a str),
    /// RELEASE SAVEPOINT name.
    Release(&'a str),
    /// ROLLBACK TO SAVEPOINT name.
    RollbackTo(&'a str),
}

/// The options of a transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Begin {
    /// The isolation level; `None` is the database's default.
    pub isolation: Option<Isolation>,
    /// Whether the database refuses writes.
    pub read_only: bool,
    /// Whether the first statement writes: a database with a single writer then locks at once instead of failing later.
    pub writes_first: bool,
}

/// The isolation levels of the SQL standard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Isolation {
    /// READ UNCOMMITTED.
    ReadUncommitted,
    /// READ COMMITTED.
    ReadCommitted,
    /// REPEATABLE READ.
    RepeatableRead,
    /// SERIALIZABLE.
    Serializable,
}

impl Isolation {
    /// Returns its name in SQL.
    pub fn as_sql(self) -> &'static str {
        match self {
            Self::ReadUncommitted => "READ UNCOMMITTED",
            Self::ReadCommitted => "READ COMMITTED",
            Self::RepeatableRead => "REPEATABLE READ",
            Self::Serializable => "SERIALIZABLE",
        }
    }
}

pub(super) fn ansi_transaction<D: Dialect + ?Sized>(
    dialect: &D,
    command: &Transaction<'_>,
) -> String {
    let named = |text: &str, name: &str| {
        let mut out = text.to_owned();
        dialect.quote(name, &mut out);
        out
    };
    match command {
        Transaction::Begin(begin) => dialect.begin(begin),
        Transaction::Commit => "COMMIT".to_owned(),
        Transaction::Rollback => "ROLLBACK".to_owned(),
        Transaction::Savepoint(name) => named("SAVEPOINT ", name),
        Transaction::Release(name) => named("RELEASE SAVEPOINT ", name),
        Transaction::RollbackTo(name) => named("ROLLBACK TO SAVEPOINT ", name),
    }
}
