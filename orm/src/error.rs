//! The error type of the whole library: a kind to match on, the context needed to fix it, and the cause.

mod message;

use std::error::Error as StdError;
use std::fmt;

pub use message::without_values;

/// The result type of every fallible function in this library.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The kind of an error, common to all backends.
///
/// A backend maps each native error to one of the kinds of the first group, in one function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    // Errors of the database.
    /// A row violates a UNIQUE or PRIMARY KEY constraint.
    UniqueViolation,
    /// A row violates a FOREIGN KEY constraint.
    ForeignKeyViolation,
    /// A NOT NULL column was given NULL.
    NotNullViolation,
    /// A row violates a CHECK constraint.
    CheckViolation,
    /// A concurrent transaction interfered; running this one again from its start can succeed.
    Serialization,
    /// The database chose this transaction to end a deadlock; running it again can succeed.
    Deadlock,
    /// Timed out waiting for a lock.
    Busy,
    /// A write was sent to a read-only database, transaction or connection.
    ReadOnly,
    /// A connection could not be opened.
    Unreachable,
    /// The server rejected the credentials.
    Authentication,
    /// An established connection was lost.
    ConnectionLost,
    /// The connection broke during COMMIT, or during a write outside a transaction, which commits itself: it may or may not have been
    /// committed.
    AmbiguousCommit,
    /// The database cannot parse or resolve the statement.
    InvalidStatement,
    /// A table that the statement names does not exist.
    NoSuchTable,
    /// A value is out of range for the column or the database.
    OutOfRange,
    /// The backend does not support the operation, as declared in its capabilities.
    Unsupported,
    /// Any other error of the database.
    Database,
    // Errors of this library.
    /// The pool had no free connection within the time allowed.
    PoolTimeout,
    /// A URL, an option or an environment variable is invalid.
    Configuration,
    /// The declaration of an entity, a table or a relation is invalid.
    Mapping,
    /// A value does not convert to the requested type.
    Conversion,
    /// A value was refused by validation before any statement was sent.
    Validation,
    /// A handle whose object has left the session.
    StaleHandle,
    /// A handle that belongs to another session.
    ForeignHandle,
    /// An operation that the object's state does not allow.
    InvalidState,
    /// Two objects of one session claim the same key.
    IdentityConflict,
    /// An UPDATE or DELETE matched no row, or the row was changed concurrently.
    StaleData,
    /// Another thread cancelled the work; an open transaction can only be rolled back.
    Cancelled,
    /// A flush or a statement failed or ended the transaction; it waits for `rollback`.
    PendingRollback,
    /// Rows depend on each other in a cycle that no NULL can break.
    CircularDependency,
    /// A relation with `raise`, or a deferred column, was not loaded.
    NotLoaded,
    /// Exactly one row was expected, and none was found.
    NoRow,
    /// At most one row was expected, and more were found.
    MultipleRows,
}

/// The error type of this library. One pointer in size, `Send` and `Sync`; contains no parameter's value except the key of the row.
///
/// `Display` is one line: what, where (entity, column, constraint), a hint, and the statement.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    entity: Option<String>,
    column: Option<String>,
    key: Option<String>,
    constraint: Option<String>,
    statement: Option<String>,
    code: Option<String>,
    hint: Option<String>,
    parameter: Option<usize>,
    unsent: bool,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// Creates an error of this kind; `message` says what happened and, where possible, how to fix it.
    #[cold]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            entity: None,
            column: None,
            key: None,
            constraint: None,
            statement: None,
            code: None,
            hint: None,
            parameter: None,
            unsent: false,
            source: None,
        }))
    }

    /// Creates an error for something that the backend does not support: `what` completes "… is not supported by NAME".
    #[cold]
    pub fn unsupported(backend: &str, what: impl fmt::Display) -> Self {
        Self::new(
            ErrorKind::Unsupported,
            format!("{what} is not supported by {backend}"),
        )
    }

    /// Names the entity (or table) unless one is named already.
    #[must_use]
    pub fn entity(mut self, entity: impl Into<String>) -> Self {
        self.0.entity.get_or_insert_with(|| entity.into());
        self
    }

    /// Names the column unless one is named already.
    #[must_use]
    pub fn column(mut self, column: impl Into<String>) -> Self {
        self.0.column.get_or_insert_with(|| column.into());
        self
    }

    /// Names the key of the row unless one is named already.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.0.key.get_or_insert_with(|| key.into());
        self
    }

    /// Names the constraint unless one is named already.
    #[must_use]
    pub fn constraint(mut self, constraint: impl Into<String>) -> Self {
        self.0.constraint.get_or_insert_with(|| constraint.into());
        self
    }

    /// Adds the text of the statement unless it is there already. The text holds placeholders, not values.
    #[must_use]
    pub fn statement(mut self, statement: impl Into<String>) -> Self {
        self.0.statement.get_or_insert_with(|| statement.into());
        self
    }

    /// Adds the database's own code (`23505`, `SQLITE_BUSY_SNAPSHOT` …).
    #[must_use]
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.0.code.get_or_insert_with(|| code.into());
        self
    }

    /// Adds advice on the cause or the cure unless there is some already. It must not contain values.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint.get_or_insert_with(|| hint.into());
        self
    }

    /// Records which parameter was rejected, from 1, unless it is set already. The unit of work finds the column by it.
    #[must_use]
    pub fn parameter(mut self, position: usize) -> Self {
        self.0.parameter.get_or_insert(position);
        self
    }

    /// Marks the statement as never sent: it has certainly not run. Without this mark, a statement whose connection broke may have
    /// run.
    #[must_use]
    pub fn unsent(mut self) -> Self {
        self.0.unsent = true;
        self
    }

    /// Adds the cause. It must not carry parameter values.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Appends to the message.
    #[must_use]
    pub(crate) fn and(mut self, more: &str) -> Self {
        self.0.message.push_str("; ");
        self.0.message.push_str(more);
        self
    }

    /// Changes the kind.
    #[must_use]
    pub fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind = kind;
        self
    }

    /// Returns the kind.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the message alone, without its context.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Returns the entity or table concerned.
    pub fn entity_name(&self) -> Option<&str> {
        self.0.entity.as_deref()
    }

    /// Returns the column or field concerned.
    pub fn column_name(&self) -> Option<&str> {
        self.0.column.as_deref()
    }

    /// Returns the key of the row concerned.
    pub fn key_text(&self) -> Option<&str> {
        self.0.key.as_deref()
    }

    /// Returns the violated constraint.
    pub fn constraint_name(&self) -> Option<&str> {
        self.0.constraint.as_deref()
    }

    /// Returns the text of the statement, with placeholders.
    pub fn statement_text(&self) -> Option<&str> {
        self.0.statement.as_deref()
    }

    /// Returns the database's own code.
    pub fn native_code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// Returns advice on the cause or the cure: for a violated foreign key, the relation that sets it.
    pub fn hint_text(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// Returns the position of the rejected parameter, from 1.
    pub fn parameter_position(&self) -> Option<usize> {
        self.0.parameter
    }

    /// Returns whether the statement has certainly not run, because nothing of it was sent.
    pub fn is_unsent(&self) -> bool {
        self.0.unsent
    }

    /// Returns whether running the whole transaction again, from a clean state, can succeed.
    ///
    /// Never true of [`ErrorKind::AmbiguousCommit`].
    pub fn is_retryable(&self) -> bool {
        matches!(self.kind(), ErrorKind::Serialization | ErrorKind::Deadlock)
    }

    /// Returns whether a constraint was violated.
    pub fn is_constraint(&self) -> bool {
        matches!(
            self.kind(),
            ErrorKind::UniqueViolation
                | ErrorKind::ForeignKeyViolation
                | ErrorKind::NotNullViolation
                | ErrorKind::CheckViolation
        )
    }

    /// Returns whether the connection is unusable.
    pub fn is_connection_lost(&self) -> bool {
        matches!(
            self.kind(),
            ErrorKind::ConnectionLost | ErrorKind::AmbiguousCommit | ErrorKind::Unreachable
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &self.0;
        match (&inner.entity, &inner.column) {
            (Some(entity), Some(column)) => write!(f, "{entity}.{column}: ")?,
            (Some(name), None) | (None, Some(name)) => write!(f, "{name}: ")?,
            (None, None) => {}
        }
        f.write_str(&inner.message)?;
        if let Some(key) = &inner.key {
            write!(f, " (key {key})")?;
        }
        if let Some(constraint) = &inner.constraint {
            write!(f, " (constraint {constraint})")?;
        }
        if let Some(code) = &inner.code {
            write!(f, " [{code}]")?;
        }
        if let Some(hint) = &inner.hint {
            write!(f, "; hint: {hint}")?;
        }
        if let Some(statement) = &inner.statement {
            write!(f, " in: {statement}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.kind())?;
        if let Some(source) = &self.0.source {
            write!(f, " (caused by: {source})")?;
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_names_everything_that_is_known() {
        let error = Error::new(ErrorKind::UniqueViolation, "a row with this value exists")
            .entity("users")
            .column("name")
            .constraint("users_name_key")
            .code("23505")
            .hint("update that row")
            .statement("INSERT INTO users (name) VALUES (?)");
        assert_eq!(
            error.to_string(),
            "users.name: a row with this value exists (constraint users_name_key) [23505]; hint: update that row in: INSERT INTO users (name) VALUES (?)"
        );
        assert!(error.is_constraint() && !error.is_retryable());
    }

    #[test]
    fn the_first_context_stays() {
        let error = Error::new(ErrorKind::Conversion, "x")
            .column("age")
            .column("other")
            .entity("User");
        assert_eq!(error.to_string(), "User.age: x");
    }

    #[test]
    fn is_one_pointer() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
        assert_eq!(size_of::<Result<()>>(), size_of::<usize>());
    }
}
