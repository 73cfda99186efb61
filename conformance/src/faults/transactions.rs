//! Transactions that end wrongly.

use selfsame::backend::StatementKind;
use selfsame::dialect::{Isolation, Transaction};
use selfsame::{Error, ErrorKind};

use crate::case::Capability;
use crate::faults::Fault;
use crate::faults::Group::Transactions;
use crate::faults::lie::{Answer, Command, Lie};

pub(super) const FAULTS: &[Fault] = &[
    Fault::new(
        "transactions.begin_is_a_no_op",
        Transactions,
        "BEGIN does nothing: each statement commits on its own.",
        Lie::Command(|command| {
            matches!(command, Transaction::Begin(_)).then_some(Command::Nothing)
        }),
    )
    .needs(&[Capability::Transactions])
    .suspects(&["transactions.rollback", "transactions.commit"]),
    Fault::new(
        "transactions.isolation_ignored",
        Transactions,
        "The requested isolation level is not set.",
        Lie::Command(|command| match command {
            Transaction::Begin(begin) if begin.isolation.is_some() => Some(Command::Begin),
            _ => None,
        }),
    )
    // A database with a single level cannot ignore the level.
    .needs(&[
        Capability::Transactions,
        Capability::SecondConnection,
        Capability::Isolation(Isolation::ReadCommitted),
        Capability::Isolation(Isolation::Serializable),
    ])
    .suspects(&["transactions.skew", "transactions.history"]),
    Fault::new(
        "transactions.insert_not_autocommitted",
        Transactions,
        "An INSERT outside a transaction opens one and leaves it open.",
        Lie::HoldOpen(StatementKind::Insert),
    )
    .needs(&[Capability::Transactions, Capability::SecondConnection])
    .suspects(&["transactions.autocommit"]),
    Fault::new(
        "transactions.commit_is_a_no_op",
        Transactions,
        "COMMIT does nothing.",
        Lie::Command(|command| matches!(command, Transaction::Commit).then_some(Command::Nothing)),
    )
    .needs(&[Capability::Transactions])
    .suspects(&["transactions.commit"]),
    Fault::new(
        "transactions.commit_rolls_back",
        Transactions,
        "COMMIT rolls back.",
        Lie::Command(|command| matches!(command, Transaction::Commit).then_some(Command::Rollback)),
    )
    .needs(&[Capability::Transactions])
    .suspects(&["transactions.commit"]),
    Fault::new(
        "transactions.commit_failure_is_success",
        Transactions,
        "A failing COMMIT is reported as success.",
        Lie::Error(|kind, _| (kind == StatementKind::Transaction).then_some(Answer::Success)),
    )
    .needs(&[Capability::Transactions, Capability::DeferrableConstraints])
    .suspects(&["transactions.commit.deferred"]),
    Fault::new(
        "transactions.refused_commit_breaks",
        Transactions,
        "After a COMMIT that was refused, the connection only returns errors.",
        Lie::BreakOnRefusedCommit,
    )
    .needs(&[
        Capability::Transactions,
        Capability::ForeignKeys,
        Capability::DeferrableConstraints,
    ])
    .suspects(&["transactions.commit.again"]),
    Fault::new(
        "transactions.read_only_is_other",
        Transactions,
        "A write in a read-only transaction is reported as another error of the database.",
        Lie::Error(|_, error| {
            (error.kind() == ErrorKind::ReadOnly)
                .then(|| Answer::Error(Error::new(ErrorKind::Database, error.message())))
        }),
    )
    .needs(&[Capability::Transactions, Capability::ReadOnlyTransactions])
    .suspects(&["transactions.read_only"]),
    Fault::new(
        "transactions.rollback_is_a_no_op",
        Transactions,
        "ROLLBACK does nothing.",
        Lie::Command(|command| {
            matches!(command, Transaction::Rollback).then_some(Command::Nothing)
        }),
    )
    .needs(&[Capability::Transactions])
    .suspects(&["transactions.rollback"]),
    Fault::new(
        "transactions.rollback_commits",
        Transactions,
        "ROLLBACK commits.",
        Lie::Command(|command| matches!(command, Transaction::Rollback).then_some(Command::Commit)),
    )
    .needs(&[Capability::Transactions])
    .suspects(&["transactions.rollback"]),
    Fault::new(
        "transactions.rollback_to_is_a_no_op",
        Transactions,
        "ROLLBACK TO SAVEPOINT does nothing.",
        Lie::Command(|command| {
            matches!(command, Transaction::RollbackTo(_)).then_some(Command::Nothing)
        }),
    )
    .needs(&[Capability::Savepoints])
    .suspects(&["transactions.savepoint"]),
    Fault::new(
        "transactions.rollback_to_discards_everything",
        Transactions,
        "ROLLBACK TO SAVEPOINT rolls back the whole transaction.",
        Lie::Command(|command| {
            matches!(command, Transaction::RollbackTo(_)).then_some(Command::Rollback)
        }),
    )
    .needs(&[Capability::Savepoints])
    .suspects(&["transactions.savepoint"]),
    Fault::new(
        "transactions.release_is_a_no_op",
        Transactions,
        "RELEASE SAVEPOINT does nothing.",
        Lie::Command(|command| {
            matches!(command, Transaction::Release(_)).then_some(Command::Nothing)
        }),
    )
    .needs(&[Capability::Savepoints])
    .suspects(&["transactions.savepoint"]),
    Fault::new(
        "transactions.error_ends_it_untold",
        Transactions,
        "A failing statement rolls its transaction back, and later statements and COMMIT are accepted as if it were still open.",
        Lie::EndOnError,
    )
    .needs(&[Capability::Transactions])
    .suspects(&["transactions.ending.by_itself"]),
    Fault::new(
        "transactions.conflict_is_busy",
        Transactions,
        "A conflict with a committed transaction is reported as a lock timeout.",
        Lie::Error(|_, error| {
            let is_conflict =
                matches!(error.kind(), ErrorKind::Serialization | ErrorKind::Deadlock);
            is_conflict.then(|| Answer::Error(Error::new(ErrorKind::Busy, "the row is locked")))
        }),
    )
    // If readers and writers never see each other, there is no conflict.
    .needs(&[
        Capability::Transactions,
        Capability::SecondConnection,
        Capability::Isolation(Isolation::Serializable),
    ])
    .suspects(&["transactions.conflict"]),
    Fault::new(
        "transactions.dirty_connection_reused",
        Transactions,
        "A connection is returned to the pool with an open transaction.",
        Lie::KeepDirty,
    )
    .needs(&[Capability::Transactions])
    .suspects(&["connections.reset"]),
];
