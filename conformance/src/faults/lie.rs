//! The places at which a backend can lie.

use selfsame::Error;
use selfsame::backend::{Outcome, StatementKind};
use selfsame::dialect::{Dialect, Transaction};
use selfsame::value::{Value, ValueRef};

/// One place, and what happens there. Functions give `None` where they change nothing, so that a fault is known to have acted.
pub(super) enum Lie {
    /// A parameter is bent on its way in.
    Store(fn(ValueRef<'_>) -> Option<Value>),
    /// A value is bent on its way out.
    Read(fn(ValueRef<'_>) -> Option<Value>),
    /// An array is bent on its way in.
    Array(fn(&[Value]) -> Option<Vec<Value>>),
    /// Another text is sent.
    Text(fn(&dyn Dialect, StatementKind, &str) -> Option<String>),
    /// The row at this place (from 0) of a result is delivered otherwise.
    Deliver(fn(usize) -> Option<Delivery>),
    /// Another outcome is told.
    Outcome(fn(StatementKind, Outcome) -> Option<Outcome>),
    /// An error is told otherwise.
    Error(fn(StatementKind, &Error) -> Option<Answer>),
    /// Another transaction command is sent.
    Command(fn(&Transaction<'_>) -> Option<Command>),
    /// A batch of more rows than this loses its last one.
    LoseLast(usize),
    /// A batch goes on behind a refused row.
    GoOn,
    /// In a batch, the second row is sent with the last parameter of the first.
    RepeatParameter,
    /// A kept statement gives no more columns than when it ran first.
    StalePlan,
    /// The names of columns are lost.
    LoseNames,
    /// An INSERT outside a transaction stays uncommitted.
    HoldOpen,
    /// The server does not tell what it is.
    Anonymous,
    /// What the backend shows of itself has the password in it.
    ShowPassword,
    /// The connection goes back to the pool as it is.
    KeepDirty,
    /// Once a sink stopped early, the connection answers nothing but errors.
    BreakOnStop,
    /// A statement that fails inside a transaction ends it, and what is sent after it is committed by itself.
    EndOnError,
    /// Once a statement failed, the connection answers nothing but errors.
    BreakOnError,
}

/// What becomes of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    Never,
    Twice,
}

/// What is told instead of an error.
#[derive(Debug)]
pub(super) enum Answer {
    /// Another error.
    Error(Error),
    /// That one row was written.
    Success,
}

/// What is sent instead of a transaction command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Nothing,
    /// A BEGIN without options.
    Begin,
    Commit,
    Rollback,
}
