//! The contract between the ORM and a database: what a backend's author implements.
//!
//! A backend is two structs: a [`Backend`] that connects and a [`Connection`] that runs one statement at a time; with a
//! [`Dialect`] that says how the database's SQL differs from the ANSI defaults. Everything is object-safe, so backends are chosen
//! at run time and a wrapper (to log, to count, to lie) is a few lines.
//!
//! The words MUST and SHOULD below are checked by the conformance suite.

mod prepared;

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::dialect::{Dialect, Transaction};
use crate::error::Result;
use crate::value::{Param, ValueRef, ValueType};

pub use prepared::Prepared;

/// A database that can be connected to.
///
/// # Contract
///
/// - Creating a backend MUST NOT connect.
/// - Connections of one backend MUST be independent of each other, up to
///   [`max_connections`](crate::dialect::Capabilities::max_connections).
/// - `Debug` MUST NOT show a password.
pub trait Backend: Debug + Send + Sync + 'static {
    /// Opens a connection.
    ///
    /// # Errors
    ///
    /// [`Unreachable`](crate::ErrorKind::Unreachable) or [`Authentication`](crate::ErrorKind::Authentication), with the
    /// driver's own reason, after at most five seconds unless configured otherwise. What a statement can meet too (a lock, a full disk) has
    /// the kind that it has there.
    fn connect(&self) -> Result<Box<dyn Connection>>;

    /// Returns the database's dialect.
    fn dialect(&self) -> &dyn Dialect;
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
    /// Fails with [`Configuration`](crate::ErrorKind::Configuration) on a URL that cannot be used; the error shows no password.
    pub open: fn(url: &str) -> Result<Arc<dyn Backend>>,
}

/// One connection, used by one session at a time.
///
/// # Contract
///
/// - Parameters MUST be sent as parameters, never pasted into text.
/// - A statement MAY be prepared and kept, by [`Sql::id`]; a changed schema MUST NOT make a kept statement give wrong rows.
/// - After an error the connection MUST be usable (inside a transaction: after a rollback, or a rollback to a savepoint), unless
///   the error is [`ConnectionLost`](crate::ErrorKind::ConnectionLost).
/// - A transaction that the database ended by itself, whatever statement failed (some do on a full disk, or where a trigger or a
///   conflict clause says so), MUST stay ended: until ROLLBACK every statement is refused, and COMMIT is an error that says that it
///   was rolled back. A statement that ran on would be committed by itself.
/// - A write MUST NOT be told as [`Busy`](crate::ErrorKind::Busy) where waiting cannot help because its transaction has read
///   before: that is [`Serialization`](crate::ErrorKind::Serialization), which runs again.
/// - Dropping a connection with an open transaction MUST roll it back, and MUST NOT panic on any thread.
/// - Every wait for the database MUST end: where it does not answer in time, the connection is lost. Rolling back, `reset` and dropping
///   MUST end within seconds.
/// - What stands between the program and the database may give each transaction another connection to it (a pooler): a kept statement MUST
///   NOT run as another program's, and what a backend's options set (a schema, a time limit) MUST hold for every statement or be refused.
///
/// # Errors
///
/// Every native error is classified into an [`ErrorKind`](crate::ErrorKind); it carries the constraint's name where the database
/// tells it, and MUST NOT carry parameter values, neither in its text nor in its source; of the database's own message
/// [`without_values`](crate::error::without_values) keeps what may be shown.
///
/// A write outside of a transaction commits itself. If its connection breaks it may have run, and the engine says so, unless the backend
/// knows that nothing of it was sent and the error is [`unsent`](crate::Error::unsent).
///
/// # Wrappers
///
/// Forward every method, the provided ones too: the inner connection may do them better.
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
    /// See the trait, and whatever `sink` returns.
    fn query(
        &mut self,
        statement: &Statement<'_>,
        sink: &mut dyn FnMut(&dyn Row) -> Result<()>,
    ) -> Result<()>;

    /// Runs one statement once for each row of parameters, in order, and reports the outcome of each. Stops at the first error.
    ///
    /// # Errors
    ///
    /// See the trait, and whatever `each` returns.
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

    /// Runs a transaction command. `sql` is the dialect's text for it; engines without such text override this.
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

    /// What stops the statement that runs on this connection from another thread. By default `None`: there is no way, and cancelled work
    /// ends with its statement.
    fn interrupter(&self) -> Option<Interrupter> {
        None
    }

    /// Restores the connection to its initial state before the pool hands it on: no transaction, no changed setting, no temporary table.
    /// `used_raw_sql` tells whether anything but the ORM's own statements ran since the last reset.
    ///
    /// # Errors
    ///
    /// On an error the pool drops the connection.
    fn reset(&mut self, used_raw_sql: bool) -> Result<()>;

    /// Returns the server's name and version, for reports: `PostgreSQL 15.18`.
    ///
    /// # Errors
    ///
    /// See the trait.
    fn server_version(&mut self) -> Result<String>;

    /// Returns counters of what the connection has done since it was opened; `None` if it does not count. May ask the database, which is not
    /// counted itself.
    ///
    /// # Errors
    ///
    /// See the trait.
    fn statistics(&mut self) -> Result<Option<Statistics>> {
        Ok(None)
    }
}

/// What a connection did since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// How many statements were prepared.
    pub prepares: u64,
    /// How often a statement was found prepared.
    pub cache_hits: u64,
    /// How often the connection sent something and waited for the server's answer. 0 for a database within the process.
    pub round_trips: u64,
    /// Executions of prepared statements, as the backend counts them.
    pub executions: u64,
    /// The same as the database itself counts them, if it does.
    pub executions_by_database: Option<u64>,
}

/// Stops the statement that runs on a connection, from another thread.
///
/// # Contract
///
/// - It MUST return at once, and do nothing once the connection is gone.
/// - The statement that runs MUST fail soon, with its transaction undone or the connection lost; nothing of it may be committed but by a
///   COMMIT that was under way already. Where nothing runs, the next statement may fail in its stead.
/// - A connection that cannot be used after it MUST NOT be [`is_open`](Connection::is_open).
#[derive(Clone)]
pub struct Interrupter(Arc<dyn Fn() + Send + Sync>);

impl Interrupter {
    /// Stops by calling this.
    pub fn new(interrupt: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(interrupt))
    }

    /// Stops what runs.
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
/// - `value(i, ty)` MUST decode column `i` as `ty`: the same column may be asked for again, under another type too.
/// - A value that is not of that type, or does not fit it, MUST be an error of kind
///   [`Conversion`](crate::ErrorKind::Conversion), never bent into it.
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

    /// The text of column `index`, `None` if it is NULL: what [`value`](Self::value) gives as [`ValueType::Text`]. A backend MAY read
    /// it more directly.
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

    /// The integer of column `index`, `None` if it is NULL: what [`value`](Self::value) gives as [`ValueType::I64`]. A backend MAY
    /// read it more directly.
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

/// What a statement did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    /// How many rows it inserted, or how many its WHERE matched (not: how many it changed).
    pub matched: u64,
    /// The generated key of the single inserted row, if the database reports it.
    pub last_insert_id: Option<i64>,
}

impl Outcome {
    /// A statement that matched this many rows.
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

/// What a statement is, for counters, echo and caches.
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
    /// Written by the user: anything.
    Raw,
}

impl StatementKind {
    /// Returns whether it changes rows or the schema, judged by its kind.
    pub fn is_write(self) -> bool {
        matches!(
            self,
            Self::Insert | Self::Update | Self::Delete | Self::Ddl | Self::Raw
        )
    }
}

/// A statement rendered once: its text, and the types of what goes in and comes out. Reused for every row of its shape.
#[derive(Clone, Debug)]
pub struct Sql {
    text: String,
    id: u64,
    kind: StatementKind,
    params: Vec<ValueType>,
    columns: Vec<ValueType>,
}

impl Sql {
    /// A statement with a fresh id.
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
        }
    }

    /// The text, with the dialect's placeholders.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Unique to this rendering within the process: the key of a statement cache. Two renderings of one text may differ in id.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// What it is.
    pub fn kind(&self) -> StatementKind {
        self.kind
    }

    /// The type of each parameter, in order. For a parameter that is sent as an array: the element's type.
    pub fn params(&self) -> &[ValueType] {
        &self.params
    }

    /// The type of each column that is read, in order. Empty for statements without rows and for raw SQL.
    pub fn columns(&self) -> &[ValueType] {
        &self.columns
    }
}

/// Rendered statements are shared between sessions.
pub type SharedSql = Arc<Sql>;

/// A rendered statement with its parameters.
#[derive(Clone, Copy, Debug)]
pub struct Statement<'a> {
    /// The text and the types.
    pub sql: &'a Sql,
    /// One for each placeholder, in order.
    pub params: &'a [Param<'a>],
}

impl<'a> Statement<'a> {
    /// A statement with its parameters.
    pub fn new(sql: &'a Sql, params: &'a [Param<'a>]) -> Self {
        Self { sql, params }
    }
}

/// Rows of parameters for one statement, laid flat.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    params: &'a [Param<'a>],
    width: usize,
    count: usize,
}

impl<'a> Rows<'a> {
    /// `params` holds the rows one after the other, each `width` parameters long.
    ///
    /// # Panics
    ///
    /// If the parameters do not divide into whole rows.
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

    /// `count` rows without parameters: `INSERT INTO t DEFAULT VALUES`.
    pub fn empty(count: usize) -> Self {
        Self {
            params: &[],
            width: 0,
            count,
        }
    }

    /// How many rows.
    pub fn len(self) -> usize {
        self.count
    }

    /// Whether there are no rows.
    pub fn is_empty(self) -> bool {
        self.count == 0
    }

    /// All parameters, one row after the other.
    pub fn all(self) -> &'a [Param<'a>] {
        self.params
    }

    /// Each row's parameters, in order.
    pub fn iter(self) -> impl Iterator<Item = &'a [Param<'a>]> {
        (0..self.count).map(move |i| &self.params[i * self.width..(i + 1) * self.width])
    }
}
