//! The places where a fault can be injected.

use selfsame::Error;
use selfsame::backend::{Outcome, Row, Sql, StatementKind, Statistics};
use selfsame::dialect::{Dialect, Transaction};
use selfsame::schema::Table;
use selfsame::value::{Param, Value, ValueRef, ValueType};

use crate::faults::connection_state::ConnectionState;

/// A place, and the change made there. Functions return `None` if they change nothing, so that the harness knows whether a fault has acted.
pub(super) enum Lie {
    /// Alters a parameter.
    Store(fn(ValueRef<'_>) -> Option<Value>),
    /// Alters a value that is read.
    Read(fn(ValueRef<'_>) -> Option<Value>),
    /// Alters an array parameter.
    Array(fn(&[Value]) -> Option<Vec<Value>>),
    /// Sends other SQL.
    Text(fn(&dyn Dialect, StatementKind, &str) -> Option<String>),
    /// Drops or repeats the row at this position (from 0) of a result.
    Deliver(fn(usize) -> Option<Delivery>),
    /// Reports another outcome.
    Outcome(fn(StatementKind, Outcome) -> Option<Outcome>),
    /// Reports an error differently.
    Error(fn(StatementKind, &Error) -> Option<Answer>),
    /// Reports a constraint violated by a statement with rows as another error.
    ErrorOfQuery,
    /// Sends another transaction command.
    Command(fn(&Transaction<'_>) -> Option<Command>),
    /// Sends other SQL, depending on the connection's history.
    TextIn(fn(&ConnectionState, StatementKind, &str) -> Option<String>),
    /// Omits which columns the parameters are written to.
    LoseTarget,
    /// Alters the parameters of a statement.
    Params(BendParams),
    /// Coerces a value to the type that it is read as, instead of failing.
    ReadAs(fn(&dyn Row, usize, ValueType) -> Option<Value>),
    /// Reorders or drops rows of some statements, by their positions.
    Rows(
        fn(StatementKind, &str) -> bool,
        fn(&[Vec<Value>]) -> Option<Vec<usize>>,
    ),
    /// Alters values of the results of some statements.
    Cells(
        fn(StatementKind, &str) -> bool,
        fn(&mut Vec<Vec<Value>>) -> bool,
    ),
    /// Alters the values of a row as a driver does that finds them by the names of the columns.
    CellsByName(fn(&[String], &mut [Value]) -> bool),
    /// Returns another text from `Row::text`. The outer `None` changes nothing.
    FastText(fn(&dyn Row, usize) -> Option<Option<String>>),
    /// Returns another integer from `Row::i64`. The outer `None` changes nothing.
    FastInteger(fn(&dyn Row, usize) -> Option<Option<i64>>),
    /// Returns NULL for a value that was read before.
    CellsOnce,
    /// Returns NULL for a value to the left of one that was read before.
    CellsInOrder,
    /// Returns NULL for a column that does not exist.
    MissingIsNull,
    /// Sends the first statement with the same key instead, if its parameters and columns have the same types.
    Confuse(fn(&Sql) -> Option<u64>),
    /// Reports other columns as set by every UPDATE, given those that are.
    Updated(fn(&Table, &[String]) -> Vec<String>),
    /// Changes a reflected table.
    Reflect(fn(&mut Table) -> bool),
    /// Reports other column names.
    Name(fn(&str) -> Option<String>),
    /// Reports another outcome, depending on the statement.
    OutcomeOf(fn(&ConnectionState, StatementKind, &str, Outcome) -> Option<Outcome>),
    /// Sends other transaction commands, depending on the connection's history.
    CommandIn(for<'a> fn(&ConnectionState, &Transaction<'a>) -> Option<Vec<Transaction<'a>>>),
    /// In a batch, reports another outcome for a row, given the outcomes of the rows before.
    EachOutcome(fn(&[Outcome], Outcome) -> Option<Outcome>),
    /// Runs a batch of rows without parameters only once.
    EmptyRowsOnce,
    /// In a batch, reports a row as written without writing it, given the rows before.
    SkipInBatch(for<'a> fn(&[&[Param<'a>]], &[Param<'a>]) -> bool),
    /// Undoes the reported rows of a batch that fails outside a transaction.
    AtomicBatch,
    /// Reports an outcome for a batch of no rows.
    EmptyBatch,
    /// In a batch, reports for each row the outcome of the previous row.
    LateOutcomes,
    /// Does not report the outcome of the last row of a batch.
    SkipLastOutcome,
    /// Continues a batch although its reader returned an error.
    IgnoreReader,
    /// Continues a result although its reader stopped, and drops the reader's error.
    SwallowStop,
    /// Reports the error of a reader that stopped as an error of the database.
    BlurStop,
    /// Passes one more row to a reader that stopped.
    StopLate,
    /// Rolls the transaction back when a reader stops.
    UndoOnStop,
    /// Continues a result after the row at which its last reader stopped.
    ResumeStopped,
    /// Treats an error in the middle of a result as the end of the result.
    ErrorEndsResult,
    /// Commits the transaction in which something is created or dropped.
    DefinitionCommits,
    /// Commits an open transaction when the connection is dropped.
    DropCommits,
    /// Commits an open transaction when the connection is reset.
    ResetCommits,
    /// Commits the transaction of an interrupted statement.
    CancelCommits,
    /// Resets a connection that ran raw SQL as if it had run none.
    ResetLightly,
    /// Enforces foreign keys only on the first connection.
    KeysOffElsewhere,
    /// Drops the last row of a batch of more rows than this.
    LoseLast(usize),
    /// Drops the last row of a batch of exactly this many rows.
    LoseLastOf(usize),
    /// Continues a batch after a refused row.
    GoOn,
    /// In a batch, sends the second row with the last parameter of the first.
    RepeatParameter,
    /// Returns no more columns from a prepared statement than in its first run.
    StalePlan,
    /// Drops the column names.
    LoseNames,
    /// Does not commit statements of this kind outside a transaction.
    HoldOpen(StatementKind),
    /// Does not report the server's name and version.
    Anonymous,
    /// Shows the password in the backend's Debug form.
    ShowPassword,
    /// Skips the reset when a connection returns to the pool.
    KeepDirty,
    /// Reports other counters.
    Count(fn(&mut Statistics)),
    /// Ignores interrupts.
    IgnoreCancel,
    /// Ignores interrupts of writes and of BEGIN, which may wait for a lock.
    IgnoreCancelOfWrites,
    /// After an interrupt, the connection only returns errors but reports that it is open.
    BreakOnCancel,
    /// Shows the parameters of the statement in an error.
    QuoteParameters,
    /// After a sink stopped early, the connection only returns errors.
    BreakOnStop,
    /// A failing statement ends its transaction, and later statements commit on their own.
    EndOnError,
    /// After a statement has failed, the connection only returns errors.
    BreakOnError,
    /// After a COMMIT has failed, the connection only returns errors.
    BreakOnRefusedCommit,
    /// Never returns at a point where the connection would return.
    Wait(Wait),
    /// Repeats a statement outside a transaction, or a BEGIN, as long as it is busy.
    RetryWhileBusy,
    /// Keeps the result of a query for its next run with the same parameters, until one of these changes.
    KeepResults(fn(&Change<'_>, &str) -> bool),
    /// Reports an error differently, depending on how its row was written.
    ErrorOf(fn(&Write<'_>, &Error) -> Option<Error>),
    /// Only the first handle of a connection interrupts anything.
    OneHandle,
    /// A handle interrupts nothing after a reset of its connection.
    HandleUntilReset,
}

/// What may change the result of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change<'a> {
    Write(Write<'a>),
    Rollback,
    RollbackTo,
    OtherConnection,
}

/// A statement that writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Write<'a> {
    pub(super) kind: StatementKind,
    pub(super) text: &'a str,
    /// Its place in a batch, from 0.
    pub(super) place: Option<usize>,
    pub(super) returns_rows: bool,
    /// Its connection, from 0.
    pub(super) connection: u64,
}

/// The operation that never returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// A statement that timed out waiting for a lock.
    Locked,
    /// A statement, or the end of a transaction, whose server did not answer.
    Silent,
    /// Dropping a connection with an open transaction.
    Drop,
    /// Resetting a connection with an open transaction.
    Reset,
    /// Checking a connection that was in the pool.
    Check,
    /// Connecting while a transaction is open on another connection.
    Connect,
}

/// A function that returns the parameters to send instead.
pub(super) type BendParams =
    fn(&ConnectionState, StatementKind, &str, &[Value]) -> Option<Vec<Value>>;

/// What happens to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    Never,
    Twice,
}

/// What is reported instead of an error.
#[derive(Debug)]
pub(super) enum Answer {
    /// Another error.
    Error(Error),
    /// Success, with one row written.
    Success,
}

/// The command that is sent instead of a transaction command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Nothing,
    /// A BEGIN without options.
    Begin,
    Commit,
    Rollback,
}

/// A part of an error that a program can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Constraint,
    Column,
    Code,
}

/// Returns the error without this part; `None` if it does not have it.
pub(super) fn without(error: &Error, part: Part) -> Option<Error> {
    let parts = [
        (Part::Constraint, error.constraint_name()),
        (Part::Column, error.column_name()),
        (Part::Code, error.native_code()),
    ];
    let mut other = Error::new(error.kind(), error.message());
    if let Some(entity) = error.entity_name() {
        other = other.entity(entity);
    }
    if let Some(statement) = error.statement_text() {
        other = other.statement(statement);
    }
    if let Some(position) = error.parameter_position() {
        other = other.parameter(position);
    }
    for (kept, text) in parts {
        match (text, kept) {
            (None, _) if kept == part => return None,
            (None, _) => {}
            (Some(_), _) if kept == part => {}
            (Some(text), Part::Constraint) => other = other.constraint(text),
            (Some(text), Part::Column) => other = other.column(text),
            (Some(text), Part::Code) => other = other.code(text),
        }
    }
    Some(other)
}
