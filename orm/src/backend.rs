//! The contract between the ORM and a database: what the author of a backend implements.
//!
//! A backend consists of a [`Backend`] that connects, a [`Connection`] that runs one statement at a time, and a [`Dialect`] that describes
//! how the database's SQL differs from the ANSI defaults. All three are object-safe, so a backend can be chosen at run time and a wrapper
//! (for logging, counting, or injecting faults) takes a few lines.
//!
//! The conformance suite checks what the contracts say MUST or SHOULD hold.

mod prepared;
mod target;
mod words;

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::dialect::{Dialect, Transaction};
use crate::error::Result;
use crate::schema::Table;
use crate::value::{Param, ValueRef, ValueType};

pub use prepared::Prepared;
pub use target::{Target, TargetColumn};
pub(crate) use words::without_comments;
pub use words::{ends_transaction, leading_words};

/// A database that can be connected to.
///
/// # Contract
///
/// - Creating a backend MUST NOT connect.
/// - Connections of one backend MUST be independent of each other, up to
///   [`max_connections`](crate::dialect::Capabilities::max_connections).
/// - `Debug` MUST NOT show a password.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a backend",
    note = "`Engine::new` takes a backend, such as `Sqlite::memory()`; `Engine::from_url` takes a URL"
)]
pub trait Backend: Debug + Send + Sync + 'static {
    /// Opens a connection.
    ///
    /// # Errors
    ///
    /// [`Unreachable`](crate::ErrorKind::Unreachable) or [`Authentication`](crate::ErrorKind::Authentication), with the driver's own reason,
    /// after at most five seconds unless configured otherwise. A failure that a statement can have too (a lock, a full disk) has the same
    /// kind as for a statement.
    fn connect(&self) -> Result<Box<dyn Connection>>;

    /// Returns the database's dialect.
    fn dialect(&self) -> &dyn Dialect;

    /// Returns whether [`dialect`](Self::dialect) is final. By default true. A backend that learns its dialect from the server returns false
    /// until the first connection, and may return an assumed dialect until then, from which an engine keeps nothing.
    fn knows_dialect(&self) -> bool {
        true
    }
}

/// The URL schemes of a backend, for programs that choose their database by URL.
///
/// ```
/// use selfsame::backend::Scheme;
/// use selfsame::{Error, ErrorKind};
///
/// const NOWHERE: Scheme = Scheme {
///     names: &["nowhere"],
///     open: |_url| Err(Error::new(ErrorKind::Configuration, "leads nowhere")),
/// };
/// assert!((NOWHERE.open)("nowhere:x").is_err());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Scheme {
    /// The names allowed before the URL's first colon, in lower case.
    pub names: &'static [&'static str],
    /// Creates the backend for a complete URL, including the scheme, without connecting.
    ///
    /// Fails with [`Configuration`](crate::ErrorKind::Configuration) if the URL is invalid; the error does not contain a password.
    pub open: fn(url: &str) -> Result<Arc<dyn Backend>>,
}

/// One connection, used by one session at a time.
///
/// # Contract
///
/// - Parameters MUST be bound, never interpolated into the SQL.
/// - A statement whose text contains a NUL character MUST be refused as [`InvalidStatement`](crate::ErrorKind::InvalidStatement), never run
///   up to the NUL.
/// - Statements MAY be prepared and cached by [`Sql::id`]; after a schema change a cached statement MUST NOT return wrong rows.
/// - After an error the connection MUST remain usable (inside a transaction: after a rollback, or a rollback to a savepoint), unless the
///   error is [`ConnectionLost`](crate::ErrorKind::ConnectionLost).
/// - If the database itself ends a transaction when a statement fails (some do on a full disk, or because of a trigger or a conflict
///   clause), the transaction MUST stay ended: until ROLLBACK every statement is refused, and COMMIT fails with an error saying that the
///   transaction was rolled back. Otherwise later statements would be committed one by one. The same holds for statements that end their
///   transaction in a way that their text does not show, such as a procedure; a text that begins with COMMIT or ROLLBACK is refused
///   before it reaches the backend.
/// - A write MUST NOT fail with [`Busy`](crate::ErrorKind::Busy) if waiting cannot help because its transaction has read before: that is
///   [`Serialization`](crate::ErrorKind::Serialization), which can be retried.
/// - Dropping a connection with an open transaction MUST roll it back, and MUST NOT panic on any thread.
/// - Every wait for the database MUST have a time limit: if the database does not answer in time, the connection counts as lost. Rolling
///   back, `reset` and dropping MUST end within seconds, also while others wait for the transaction's locks. A wait for a lock ends with
///   [`Busy`](crate::ErrorKind::Busy), after at most [`lock_timeout`](crate::dialect::Capabilities::lock_timeout) if the backend claims one;
///   connecting and [`is_open`](Self::is_open) wait for no lock.
/// - A pooler between the program and the database may run each transaction on a different server connection: a prepared statement MUST NOT
///   be mistaken for another program's, and settings from a backend's options (a schema, a time limit) MUST hold for every statement or be
///   refused.
///
/// # Errors
///
/// Every native error is classified into an [`ErrorKind`](crate::ErrorKind). Its message MUST NOT be empty. It carries the constraint's name if the database reports it,
/// and MUST NOT contain parameter values, neither in its text nor in its source; [`without_values`](crate::error::without_values) reduces
/// the database's own message to what may be shown.
///
/// A write outside a transaction commits itself. If its connection breaks it may have run, and the engine reports that as
/// [`AmbiguousCommit`](crate::ErrorKind::AmbiguousCommit), unless the backend knows that nothing was sent and marked the error as
/// [`unsent`](crate::Error::unsent).
///
/// # Wrappers
///
/// Forward every method, including the provided ones: the inner connection may override them.
pub trait Connection: Debug + Send {
    /// Runs one statement that returns no rows; rows that it returns are dropped.
    ///
    /// # Errors
    ///
    /// See the trait.
    fn execute(&mut self, statement: &Statement<'_>) -> Result<Outcome>;

    /// Runs one statement and hands each row to `sink`, in order. Stops at the sink's first error, returns it, and leaves the
    /// connection usable.
    ///
    /// # Errors
    ///
    /// See the trait; also errors of `sink`.
    fn query(
        &mut self,
        statement: &Statement<'_>,
        sink: &mut dyn FnMut(&dyn Row) -> Result<()>,
    ) -> Result<()>;

    /// Runs one statement once for each row of parameters, in order, and reports the outcome of each. Stops at the first error.
    ///
    /// # Errors
    ///
    /// See the trait; also errors of `each`.
    fn execute_each(
        &mut self,
        sql: &Sql,
        rows: Rows<'_>,
        each: &mut dyn FnMut(Outcome) -> Result<()>,
    ) -> Result<()> {
        for params in rows.iter() {
            let outcome = self.execute(&Statement { sql, params })?;
            each(outcome)?;
        }
        Ok(())
    }

    /// Runs a transaction command. `sql` is the dialect's text for it; backends without such text override this.
    ///
    /// # Errors
    ///
    /// See the trait. A COMMIT that fails because the connection broke is
    /// [`ConnectionLost`](crate::ErrorKind::ConnectionLost); the engine reports it as ambiguous, unless it is
    /// [`unsent`](crate::Error::unsent) or the transaction only read.
    fn transaction(&mut self, command: &Transaction<'_>, sql: &Sql) -> Result<()> {
        let _ = command;
        self.execute(&Statement { sql, params: &[] }).map(drop)
    }

    /// Returns whether the connection is usable, as far as is known without contacting the server. Called each time the pool hands it out.
    fn is_open(&self) -> bool {
        true
    }

    /// Returns a handle that interrupts the running statement from another thread. By default `None`: not supported, so that cancelled work
    /// ends only after its current statement.
    fn interrupter(&self) -> Option<Interrupter> {
        None
    }

    /// Restores the connection to its initial state before the pool hands it on: no transaction, no changed setting, no temporary table.
    /// `used_raw_sql` is true if raw SQL or DDL ran since the last reset.
    ///
    /// # Errors
    ///
    /// On an error the pool drops the connection.
    fn reset(&mut self, used_raw_sql: bool) -> Result<()>;

    /// Returns the names of the columns that the database sets, or may set, in every UPDATE that does not set them: `ON UPDATE
    /// CURRENT_TIMESTAMP`. A session rereads the rows of its UPDATEs if their mapping has such a column. By default none.
    ///
    /// # Errors
    ///
    /// See the trait.
    fn columns_set_by_updates(&mut self, table: &Table) -> Result<Vec<String>> {
        let _ = table;
        Ok(Vec::new())
    }

    /// Returns the server's name and version, for reports: `PostgreSQL 15.18`.
    ///
    /// # Errors
    ///
    /// See the trait.
    fn server_version(&mut self) -> Result<String>;

    /// Returns counters since the connection was opened; `None` if it does not count. May query the database; such queries are not counted.
    ///
    /// # Errors
    ///
    /// See the trait.
    fn statistics(&mut self) -> Result<Option<Statistics>> {
        Ok(None)
    }
}

/// Counters of a connection since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// The number of times that a statement was prepared.
    pub prepares: u64,
    /// The number of times that a statement was already prepared.
    pub cache_hits: u64,
    /// The number of times that the connection sent something and waited for the server's answer. 0 for an in-process database.
    pub round_trips: u64,
    /// The number of executions of prepared statements that the backend counted.
    pub executions: u64,
    /// The number of executions that the database itself counted, if it does.
    pub executions_by_database: Option<u64>,
}

/// Interrupts the statement running on a connection, from another thread.
///
/// # Contract
///
/// - It MUST return at once, and do nothing if the connection no longer exists.
/// - The running statement MUST fail soon, also while it waits for a lock, with its transaction rolled back or the connection lost; nothing of
///   it may be committed except by a COMMIT already in progress. If nothing is running, the next statement may fail instead.
/// - If the connection cannot be used afterwards, [`is_open`](Connection::is_open) MUST return false.
#[derive(Clone)]
pub struct Interrupter(Arc<dyn Fn() + Send + Sync>);

impl Interrupter {
    /// Creates an interrupter that calls this function.
    pub fn new(interrupt: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(interrupt))
    }

    /// Interrupts the running statement.
    pub fn interrupt(&self) {
        (self.0)();
    }
}

impl Debug for Interrupter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Interrupter").finish_non_exhaustive()
    }
}

/// One row of a result, valid while the sink runs.
///
/// # Contract
///
/// - `value(i, ty)` MUST decode column `i` as `ty`; the same column may be read again, even as another type.
/// - A value that is not of that type, or does not fit it, MUST be an error of kind [`Conversion`](crate::ErrorKind::Conversion), never a
///   silent conversion.
/// - NULL MUST be [`ValueRef::Null`] for every type.
pub trait Row {
    /// Returns the number of columns.
    fn len(&self) -> usize;

    /// Returns whether there are no columns.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the name of column `index` as the database reports it; empty if there is no such column.
    fn name(&self, index: usize) -> &str;

    /// Returns the value of column `index`, decoded as `ty`.
    ///
    /// # Errors
    ///
    /// [`Conversion`](crate::ErrorKind::Conversion), naming the column; also if there is no such column.
    fn value(&self, index: usize, ty: ValueType) -> Result<ValueRef<'_>>;

    /// Returns the text of column `index`, or `None` if it is NULL, like [`value`](Self::value) with [`ValueType::Text`]. A backend MAY
    /// override it with a faster way.
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value).
    fn text(&self, index: usize) -> Result<Option<&str>> {
        match self.value(index, ValueType::Text)? {
            ValueRef::Text(text) => Ok(Some(text)),
            ValueRef::Null => Ok(None),
            other => Err(other.mismatch(ValueType::Text)),
        }
    }

    /// Returns the integer of column `index`, or `None` if it is NULL, like [`value`](Self::value) with [`ValueType::I64`]. A backend MAY
    /// override it with a faster way.
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value).
    fn i64(&self, index: usize) -> Result<Option<i64>> {
        match self.value(index, ValueType::I64)? {
            ValueRef::Null => Ok(None),
            other => match other.integer() {
                Some(value) => Ok(Some(value)),
                None => Err(other.mismatch(ValueType::I64)),
            },
        }
    }
}

/// The result of a statement that returns no rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    /// The number of rows inserted, or matched by WHERE (not the number changed).
    ///
    /// Of an upsert, it MUST be the number of rows inserted and of existing rows updated, each counted once; rows left alone, by DO NOTHING or by the
    /// condition of DO UPDATE, are not counted. An existing row that already has the new values counts as updated; only a database that
    /// cannot name the key of an upsert ([`Upsert::OnDuplicateKey`](crate::dialect::Upsert::OnDuplicateKey)) MAY leave it out.
    pub matched: u64,
    /// The generated key of the single inserted row, if the database reports it.
    pub last_insert_id: Option<i64>,
}

impl Outcome {
    /// Creates an outcome of this many inserted or matched rows.
    pub fn matched(matched: u64) -> Self {
        Self {
            matched,
            last_insert_id: None,
        }
    }

    /// Adds the key of the last inserted row.
    #[must_use]
    pub fn with_last_insert_id(mut self, id: i64) -> Self {
        self.last_insert_id = Some(id);
        self
    }
}

/// The kind of a statement, for counters, echo and caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StatementKind {
    /// Reads rows.
    Select,
    /// Adds rows.
    Insert,
    /// Changes rows.
    Update,
    /// Removes rows.
    Delete,
    /// Changes the schema.
    Ddl,
    /// Begins, ends or marks a transaction.
    Transaction,
    /// Raw SQL written by the user, which may do anything.
    Raw,
}

impl StatementKind {
    /// Returns whether statements of this kind may change rows or the schema.
    pub fn is_write(self) -> bool {
        matches!(
            self,
            Self::Insert | Self::Update | Self::Delete | Self::Ddl | Self::Raw
        )
    }
}

/// A rendered statement: its text, and the types of its parameters and columns. Reused for every execution with the same text.
#[derive(Clone, Debug)]
pub struct Sql {
    text: String,
    id: u64,
    kind: StatementKind,
    params: Vec<ValueType>,
    columns: Vec<ValueType>,
    target: Option<Target>,
    compared_types: Vec<String>,
}

impl Sql {
    /// Creates a statement with a new id.
    pub fn new(
        kind: StatementKind,
        text: impl Into<String>,
        params: impl Into<Vec<ValueType>>,
        columns: impl Into<Vec<ValueType>>,
    ) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self {
            text: text.into(),
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            kind,
            params: params.into(),
            columns: columns.into(),
            target: None,
            compared_types: Vec::new(),
        }
    }

    /// Adds the columns that its parameters are written to.
    #[must_use]
    pub fn with_target(mut self, target: Option<Target>) -> Self {
        self.target = target;
        self
    }

    /// Adds the names of the database's own types whose values it compares.
    #[must_use]
    pub fn with_compared_types(mut self, types: Vec<String>) -> Self {
        self.compared_types = types;
        self
    }

    /// Returns the text, with the dialect's placeholders.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the id, unique within the process: the key for a statement cache. Two statements with the same text may have different ids.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Returns the kind.
    pub fn kind(&self) -> StatementKind {
        self.kind
    }

    /// Returns the type of each parameter, in order; for an array parameter, the element's type.
    pub fn params(&self) -> &[ValueType] {
        &self.params
    }

    /// Returns the type of each result column, in order. Empty for statements without rows and for raw SQL.
    pub fn columns(&self) -> &[ValueType] {
        &self.columns
    }

    /// Returns the columns that its parameters are written to, if it is an INSERT or UPDATE for a dialect that
    /// [converts what it stores](Dialect::converts_what_it_stores).
    pub fn target(&self) -> Option<&Target> {
        self.target.as_ref()
    }

    /// Returns the names of the [`ColumnType::Other`](crate::schema::ColumnType::Other) types whose values it compares, as SQL writes them:
    /// what `=` means for them depends on the database.
    pub fn compared_types(&self) -> &[String] {
        &self.compared_types
    }
}

/// A rendered statement, shared between sessions.
pub type SharedSql = Arc<Sql>;

/// A rendered statement with its parameters.
#[derive(Clone, Copy, Debug)]
pub struct Statement<'a> {
    /// The text and the types.
    pub sql: &'a Sql,
    /// One value for each placeholder, in order.
    pub params: &'a [Param<'a>],
}

impl<'a> Statement<'a> {
    /// Combines a statement with its parameters.
    pub fn new(sql: &'a Sql, params: &'a [Param<'a>]) -> Self {
        Self { sql, params }
    }
}

/// Rows of parameters for one statement, in one flat slice.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    params: &'a [Param<'a>],
    width: usize,
    count: usize,
}

impl<'a> Rows<'a> {
    /// Creates rows of `width` parameters each from `params`, which holds them one after the other.
    ///
    /// # Panics
    ///
    /// If `width` is 0 or the number of parameters is not a multiple of it.
    pub fn new(params: &'a [Param<'a>], width: usize) -> Self {
        assert!(
            width > 0 && params.len().is_multiple_of(width),
            "rows of parameters must be whole"
        );
        Self {
            params,
            width,
            count: params.len() / width,
        }
    }

    /// Creates `count` rows without parameters: `INSERT INTO t DEFAULT VALUES`.
    pub fn empty(count: usize) -> Self {
        Self {
            params: &[],
            width: 0,
            count,
        }
    }

    /// Returns the number of rows.
    pub fn len(self) -> usize {
        self.count
    }

    /// Returns whether there are no rows.
    pub fn is_empty(self) -> bool {
        self.count == 0
    }

    /// Returns all parameters, one row after the other.
    pub fn all(self) -> &'a [Param<'a>] {
        self.params
    }

    /// Iterates over the parameters of each row.
    pub fn iter(self) -> impl Iterator<Item = &'a [Param<'a>]> {
        (0..self.count).map(move |i| &self.params[i * self.width..(i + 1) * self.width])
    }
}
