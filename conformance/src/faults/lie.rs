//! The places at which a backend can lie.

use selfsame::Error;
use selfsame::backend::{Outcome, Row, StatementKind};
use selfsame::dialect::{Dialect, Transaction};
use selfsame::value::{Value, ValueRef, ValueType};

use crate::faults::connection_state::ConnectionState;

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
    /// Another text is sent, depending on what the connection went through.
    TextIn(fn(&ConnectionState, StatementKind, &str) -> Option<String>),
    /// The parameters of a statement are sent otherwise.
    Params(BendParams),
    /// A value that is not of the type that it is read as is bent into it.
    ReadAs(fn(&dyn Row, usize, ValueType) -> Option<Value>),
    /// The rows of some statements come in another order, or not all of them, by their places.
    Rows(
        fn(StatementKind, &str) -> bool,
        fn(&[Vec<Value>]) -> Option<Vec<usize>>,
    ),
    /// Another outcome is told, depending on the statement.
    OutcomeOf(fn(&ConnectionState, StatementKind, &str, Outcome) -> Option<Outcome>),
    /// Other transaction commands are sent, depending on what the connection went through.
    CommandIn(for<'a> fn(&ConnectionState, &Transaction<'a>) -> Option<Vec<Transaction<'a>>>),
    /// In a batch, each row is told the outcome of the row before it.
    LateOutcomes,
    /// A batch goes on though its reader refused an outcome.
    IgnoreReader,
    /// A result goes on though its reader stopped, and the reader's error is dropped.
    SwallowStop,
    /// A connection that ran a user's own statements is reset as if it had not.
    ResetLightly,
    /// Foreign keys are enforced on the first connection only.
    KeysOffElsewhere,
    /// A batch of more rows than this loses its last one.
    LoseLast(usize),
    /// A batch goes on after a refused row.
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
    /// What should stop a statement does nothing.
    IgnoreCancel,
    /// Once a statement was stopped, the connection answers nothing but errors, and calls itself open.
    BreakOnCancel,
    /// An error shows the parameters of its statement.
    QuoteParameters,
    /// Once a sink stopped early, the connection answers nothing but errors.
    BreakOnStop,
    /// A statement that fails inside a transaction ends it, and what is sent after it is committed by itself.
    EndOnError,
    /// Once a statement failed, the connection answers nothing but errors.
    BreakOnError,
}

/// All parameters of a statement, as they are sent instead.
pub(super) type BendParams =
    fn(&ConnectionState, StatementKind, &str, &[Value]) -> Option<Vec<Value>>;

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
