//! Prepared statements over SQLite's C interface: the one module with `unsafe` code.
//!
//! The driver's statements borrow their connection and cannot be stored next to it, and its rows cost more than reading a column.
//! So this module uses SQLite's statements directly. It is sound for these reasons:
//!
//! - **A statement does not outlive its connection.** [`Database`] owns both, gives out neither by value, and drops the statements
//!   first.
//! - **SQLite holds no pointer to a dead parameter.** Text and bytes are bound without a copy. They are borrowed for `'p`,
//!   which outlives the call of [`Prepared::run`], and at its end, on every way out, the bindings are cleared.
//! - **A column's bytes do not move while they are borrowed.** They are valid until the statement steps, is reset, or the value is
//!   converted in place. A row borrows its [`Execution`], which steps by `&mut`; and each storage class is read only by the
//!   function that converts nothing.
//! - **Threads.** SQLite is built thread-safe and the connection is opened for one thread at a time, which `&mut` enforces.
//!
//! The tests that reach SQLite run under valgrind: `cargo test -p selfsame-sqlite --test backend --no-run` names their binary, and
//! `valgrind --error-exitcode=1 --leak-check=full --errors-for-leak-kinds=definite BINARY` must succeed.
#![expect(
    unsafe_code,
    reason = "SQLite's C interface; each block explains why it is sound"
)]

mod current_row;
mod guarded;
mod native;

use std::cell::OnceCell;
use std::collections::hash_map::Entry;
use std::ffi::{CStr, c_char, c_int};
use std::fmt;
use std::marker::PhantomData;
use std::ptr::NonNull;

use rusqlite::ffi;
use rustc_hash::FxHashMap;
use selfsame::backend::{Outcome, Sql, StatementKind, Statistics};
use selfsame::value::Param;
use selfsame::{Error, ErrorKind, Result};

pub(crate) use self::current_row::{CurrentRow, utf8};
use self::guarded::Guarded;
use self::native::{
    compile, is_column, is_read_transaction, is_written_in_trigger, last_error, read_schema,
};
use crate::bind::{self, Binding};
use crate::classify::{classify_driver, classify_in, classify_run};
use crate::session::{Change, session_change};

/// A connection with its prepared statements.
pub(crate) struct Database {
    // Dropped in this order: SQLite does not close a connection that has statements.
    statements: FxHashMap<u64, Prepared>,
    connection: rusqlite::Connection,
    clock: u64,
    is_lenient: bool,
    /// The total length of the kept statements' texts in bytes, which SQLite's memory for them is proportional to.
    text_bytes: usize,
    counted: Counted,
}

/// Statistics of statements, including those no longer cached.
#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    prepares: u64,
    cache_hits: u64,
    executions: u64,
    /// SQLite's counts of the runs of evicted statements.
    forgotten_runs: u64,
}

// SAFETY: the statements' pointers are used through `&mut Database` only, and never leave it; SQLite lets a connection and its
// statements move between threads as long as one thread at a time uses them.
unsafe impl Send for Database {}

/// A cached prepared statement, reset and without bindings between runs.
pub(crate) struct Prepared {
    statement: NonNull<ffi::sqlite3_stmt>,
    database: NonNull<ffi::sqlite3>,
    placeholders: usize,
    kind: StatementKind,
    session_change: Change,
    last_used: u64,
    executions: u64,
    text_bytes: usize,
    scratch: String,
    guarded: Guarded,
}

/// A running statement. Dropping it resets the statement and clears the bindings.
pub(crate) struct Execution<'s, 'p> {
    prepared: &'s mut Prepared,
    bound: &'p [Param<'p>],
    columns: Option<usize>,
    running: bool,
    has_cleared_rowid: bool,
    names: OnceCell<Vec<String>>,
    // Keeps `'p` from being shortened: the parameters must outlive the run, not the call of `bind`.
    params: PhantomData<fn(&'p ()) -> &'p ()>,
}

/// The number of statements cached per connection. SQLite's tools cache 16 to 128; a large application has a few hundred shapes.
const KEPT: usize = 256;

/// The maximum total length of cached SQL: SQLite uses about ten times as much memory.
const KEPT_BYTES: usize = 1024 * 1024;

/// The encoding of the text that is bound.
#[expect(clippy::cast_possible_truncation, reason = "the constant is 1")]
const UTF8: std::ffi::c_uchar = ffi::SQLITE_UTF8 as std::ffi::c_uchar;

/// The last rowid after an INSERT into a table without rowids.
const NO_ROWID: i64 = i64::MIN;

impl Database {
    /// The connection must have been opened without its own mutex, because values are read without locking it.
    pub(crate) fn new(connection: rusqlite::Connection, is_lenient: bool) -> Result<Self> {
        // SAFETY: the pointer is used while the connection lives.
        if !unsafe { ffi::sqlite3_db_mutex(connection.handle()) }.is_null() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "this build of SQLite locks every call: it must be in multi-thread mode",
            ));
        }
        Ok(Self {
            statements: FxHashMap::default(),
            connection,
            clock: 0,
            is_lenient,
            text_bytes: 0,
            counted: Counted::default(),
        })
    }

    /// The driver's connection, for settings.
    pub(crate) fn connection(&self) -> &rusqlite::Connection {
        &self.connection
    }

    /// Makes SQLite call `handler` when another connection holds a lock, to decide whether to try again; its argument is the
    /// number of earlier attempts.
    pub(crate) fn set_busy_handler(
        &mut self,
        handler: impl FnMut(i32) -> bool + Send + 'static,
    ) -> Result<()> {
        let set = self.connection.busy_handler(Some(handler));
        set.map_err(classify_driver)
    }

    /// Whether the file is no longer the one at its path: replaced, moved or deleted.
    pub(crate) fn has_moved(&self) -> bool {
        let mut moved: c_int = 0;
        // SAFETY: the connection is alive, the name ends in NUL, and the answer is one integer.
        let code = unsafe {
            ffi::sqlite3_file_control(
                self.connection.handle(),
                c"main".as_ptr(),
                ffi::SQLITE_FCNTL_HAS_MOVED,
                (&raw mut moved).cast(),
            )
        };
        code == ffi::SQLITE_OK && moved != 0
    }

    /// Returns a cached statement, or prepares it.
    pub(crate) fn prepare(&mut self, sql: &Sql) -> Result<&mut Prepared> {
        self.clock += 1;
        if !self.statements.contains_key(&sql.id()) {
            while self.statements.len() >= KEPT
                || (!self.statements.is_empty()
                    && self.text_bytes.saturating_add(sql.text().len()) > KEPT_BYTES)
            {
                self.forget_oldest();
            }
        }
        let prepared = match self.statements.entry(sql.id()) {
            Entry::Occupied(kept) => {
                self.counted.cache_hits += 1;
                kept.into_mut()
            }
            Entry::Vacant(free) => {
                let prepared = free.insert(Prepared::new(&self.connection, sql, self.is_lenient)?);
                self.counted.prepares += 1;
                self.text_bytes += prepared.text_bytes;
                prepared
            }
        };
        prepared.last_used = self.clock;
        Ok(prepared)
    }

    fn forget_oldest(&mut self) {
        let oldest = self
            .statements
            .iter()
            .min_by_key(|(_, prepared)| prepared.last_used)
            .map(|(id, _)| *id);
        if let Some(prepared) = oldest.and_then(|id| self.statements.remove(&id)) {
            self.text_bytes = self.text_bytes.saturating_sub(prepared.text_bytes);
            self.counted.executions += prepared.executions;
            self.counted.forgotten_runs += prepared.runs();
        }
    }

    /// Returns the statistics since the connection was opened.
    pub(crate) fn statistics(&self) -> Statistics {
        let kept = self.statements.values();
        let (executions, runs) = kept.fold((0, 0), |(executions, runs), prepared| {
            (executions + prepared.executions, runs + prepared.runs())
        });
        let mut statistics = Statistics::default();
        statistics.prepares = self.counted.prepares;
        statistics.cache_hits = self.counted.cache_hits;
        statistics.executions = self.counted.executions + executions;
        statistics.executions_by_database = Some(self.counted.forgotten_runs + runs);
        statistics
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database")
            .field("statements", &self.statements.len())
            .finish_non_exhaustive()
    }
}

impl Prepared {
    fn new(connection: &rusqlite::Connection, sql: &Sql, is_lenient: bool) -> Result<Self> {
        // SAFETY: the pointer is used while the connection lives: here, and by statements that are dropped before it.
        let handle = unsafe { connection.handle() };
        let database = NonNull::new(handle)
            .ok_or_else(|| Error::new(ErrorKind::ConnectionLost, "the connection is closed"))?;
        let (statement, tail) = compile(database, sql.text())?;
        let statement = statement.ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidStatement,
                "the text contains no statement",
            )
        })?;
        // SAFETY: the statement was just made.
        let placeholders = unsafe { ffi::sqlite3_bind_parameter_count(statement.as_ptr()) };
        let mut prepared = Self {
            statement,
            database,
            placeholders: usize::try_from(placeholders).unwrap_or(0),
            kind: sql.kind(),
            session_change: session_change(sql.text()),
            last_used: 0,
            executions: 0,
            text_bytes: sql.text().len(),
            scratch: String::new(),
            guarded: Guarded::new(sql.target(), is_lenient),
        };
        // SQLite compiles only the first statement of a text; the rest must not be ignored silently.
        match compile(database, tail) {
            Ok((None, _)) => {}
            Ok((Some(second), _)) => {
                // SAFETY: the statement was just made and is used nowhere else.
                unsafe { ffi::sqlite3_finalize(second.as_ptr()) };
                return Err(more_than_one());
            }
            Err(_) => return Err(more_than_one()),
        }
        if prepared.read_guards().is_err() {
            // The schema in memory may be older than that of the file.
            read_schema(database);
            prepared.read_guards()?;
        }
        Ok(prepared)
    }

    /// Reads the current declared types of the columns that it writes.
    fn read_guards(&mut self) -> Result<()> {
        let compiled = self.status(ffi::SQLITE_STMTSTATUS_REPREPARE);
        self.guarded.read(self.database, compiled)
    }

    /// Checks values against the current declared types. SQLite recompiles a statement when the schema changes.
    #[cold]
    fn check_again(&mut self, params: &[Param<'_>]) -> Result<()> {
        self.read_guards()?;
        self.guarded.check(params)
    }

    /// Whether SQLite recompiled it after the declared types of its columns were read.
    fn is_reprepared(&self) -> bool {
        self.guarded
            .is_older_than(|| self.status(ffi::SQLITE_STMTSTATUS_REPREPARE))
    }

    /// Returns one of the counters that SQLite keeps for the statement.
    fn status(&self, counter: c_int) -> c_int {
        // SAFETY: the statement is alive.
        unsafe { ffi::sqlite3_stmt_status(self.statement.as_ptr(), counter, 0) }
    }

    #[cold]
    fn text(&self) -> String {
        // SAFETY: the statement is alive, and its text is copied.
        unsafe {
            let text = ffi::sqlite3_sql(self.statement.as_ptr());
            match text.is_null() {
                true => String::new(),
                false => CStr::from_ptr(text).to_string_lossy().into_owned(),
            }
        }
    }

    /// Returns whether running it can change connection state that outlives the transaction.
    pub(crate) fn session_change(&self) -> Change {
        self.session_change
    }

    /// Returns SQLite's own count of the statement's runs.
    fn runs(&self) -> u64 {
        // SQLite returns its 32-bit counter as a signed integer.
        u64::from(self.status(ffi::SQLITE_STMTSTATUS_RUN).cast_unsigned())
    }

    /// Runs `work` with the statement, which is reset and without bindings afterwards.
    pub(crate) fn run<'p, R>(
        &mut self,
        work: impl FnOnce(&mut Execution<'_, 'p>) -> Result<R>,
    ) -> Result<R> {
        let mut execution = Execution {
            prepared: self,
            bound: &[],
            columns: None,
            running: false,
            has_cleared_rowid: false,
            names: OnceCell::new(),
            params: PhantomData,
        };
        work(&mut execution)
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        // SAFETY: the statement is alive, is not used after this, and its connection is dropped later.
        unsafe { ffi::sqlite3_finalize(self.statement.as_ptr()) };
    }
}

impl<'p> Execution<'_, 'p> {
    /// Sets every parameter, replacing those of the previous run.
    #[inline]
    pub(crate) fn bind(&mut self, params: &'p [Param<'p>]) -> Result<()> {
        let prepared = &mut *self.prepared;
        if params.len() != prepared.placeholders {
            return Err(wrong_count(prepared.placeholders, params.len()));
        }
        self.bound = params;
        if prepared.guarded.is_unread() || prepared.guarded.check(params).is_err() {
            // The table may have been replaced by now.
            read_schema(prepared.database);
            prepared.check_again(params)?;
        }
        for (index, param) in (1..).zip(params) {
            let binding = bind::binding(param, index, &mut prepared.scratch)?;
            // SAFETY: the statement is alive and reset, and `run` clears its bindings at its end, which comes before that of `'p`.
            let code = unsafe { bind_one(prepared.statement, index, binding) };
            if code != ffi::SQLITE_OK {
                return Err(self.error());
            }
        }
        Ok(())
    }

    /// Runs the statement to the end, discards rows, and returns the outcome; `bind` can then be called again.
    #[inline]
    pub(crate) fn finish(&mut self) -> Result<Outcome> {
        let database = self.prepared.database;
        match self.prepared.kind {
            StatementKind::Insert => {
                if !self.has_cleared_rowid {
                    // SAFETY: the connection is alive as long as the statement.
                    unsafe { ffi::sqlite3_set_last_insert_rowid(database.as_ptr(), NO_ROWID) };
                    self.has_cleared_rowid = true;
                }
                self.run_to_end()?;
                let outcome = Outcome::matched(changes(database));
                // SAFETY: as above.
                let rowid = unsafe { ffi::sqlite3_last_insert_rowid(database.as_ptr()) };
                if outcome.matched == 0 || rowid == NO_ROWID {
                    return Ok(outcome);
                }
                Ok(outcome.with_last_insert_id(rowid))
            }
            StatementKind::Update | StatementKind::Delete => {
                self.run_to_end()?;
                Ok(Outcome::matched(changes(database)))
            }
            StatementKind::Raw => {
                let before = total_changes(database);
                self.run_to_end()?;
                // SQLite keeps the previous statement's count if this one is not an INSERT, UPDATE or DELETE.
                let changed = total_changes(database) > before;
                Ok(Outcome::matched(if changed {
                    changes(database)
                } else {
                    0
                }))
            }
            _ => {
                self.run_to_end()?;
                Ok(Outcome::default())
            }
        }
    }

    #[inline]
    fn run_to_end(&mut self) -> Result<()> {
        while self.step()? {}
        self.reset();
        self.check_if_reprepared()
    }

    /// After a schema change, checks the written values again: the new declared types may have changed them.
    #[inline]
    fn check_if_reprepared(&mut self) -> Result<()> {
        match self.prepared.is_reprepared() {
            true => self.prepared.check_again(self.bound),
            false => Ok(()),
        }
    }

    #[inline]
    fn reset(&mut self) {
        // SAFETY: the statement is alive, and `&mut self` proves that no row is borrowed. The code only repeats that of an error
        // that was reported.
        unsafe { ffi::sqlite3_reset(self.prepared.statement.as_ptr()) };
        self.running = false;
    }

    /// Returns the next row.
    #[inline]
    pub(crate) fn next_row(&mut self) -> Result<Option<CurrentRow<'_>>> {
        if !self.step()? {
            self.check_if_reprepared()?;
            return Ok(None);
        }
        let columns = self.columns();
        // SAFETY: the statement is on a row, and cannot leave it while `self` is borrowed.
        Ok(Some(unsafe {
            CurrentRow::new(self.prepared.statement, columns, &self.names)
        }))
    }

    /// The number of columns. It no longer changes after the first step, which recompiles the statement if the schema changed.
    #[inline]
    fn columns(&mut self) -> usize {
        let statement = self.prepared.statement.as_ptr();
        *self.columns.get_or_insert_with(|| {
            // SAFETY: the statement is alive.
            usize::try_from(unsafe { ffi::sqlite3_data_count(statement) }).unwrap_or(0)
        })
    }

    #[inline]
    fn step(&mut self) -> Result<bool> {
        self.prepared.executions += u64::from(!self.running);
        self.running = true;
        // SAFETY: the statement is alive, all it is bound to lives for `'p`, and `&mut self` proves that no row is borrowed.
        match unsafe { ffi::sqlite3_step(self.prepared.statement.as_ptr()) } {
            ffi::SQLITE_ROW => Ok(true),
            ffi::SQLITE_DONE => Ok(false),
            _ => Err(self.error()),
        }
    }

    /// Returns the error of the call that just failed, without parameter values.
    #[cold]
    fn error(&self) -> Error {
        let database = self.prepared.database;
        let (code, message) = last_error(database);
        let may_quote = !self.bound.is_empty()
            && (code != ffi::SQLITE_CONSTRAINT_TRIGGER
                || !is_written_in_trigger(database, &message));
        let is_column = |table: &str, column: &str| is_column(database, table, column);
        let error = match may_quote {
            false => classify_in(code, &message, &is_column),
            true => classify_run(code, &message, &self.prepared.text(), &is_column),
        };
        if error.kind() == ErrorKind::Busy && is_read_transaction(database) {
            // SQLite does not wait: the holder of the lock may be waiting for the end of this transaction.
            return error.with_kind(ErrorKind::Serialization);
        }
        error
    }
}

impl Drop for Execution<'_, '_> {
    #[inline]
    fn drop(&mut self) {
        if self.running {
            self.reset();
        }
        if !self.bound.is_empty() {
            // SAFETY: the statement is alive and not running.
            unsafe { ffi::sqlite3_clear_bindings(self.prepared.statement.as_ptr()) };
        }
    }
}

/// Sets one parameter of a statement that is not running, and returns SQLite's code.
///
/// # Safety
///
/// The statement must be alive, and its bindings must be cleared or set again before the end of `'p`.
unsafe fn bind_one<'p>(
    statement: NonNull<ffi::sqlite3_stmt>,
    index: c_int,
    binding: Binding<'p, '_>,
) -> c_int {
    let statement = statement.as_ptr();
    // SAFETY: pointer and length belong to one slice. What lives for `'p` is bound without a copy; the rest is copied by SQLite
    // during the call.
    unsafe {
        match binding {
            Binding::Null => ffi::sqlite3_bind_null(statement, index),
            Binding::Integer(value) => ffi::sqlite3_bind_int64(statement, index, value),
            Binding::Real(value) => ffi::sqlite3_bind_double(statement, index, value),
            Binding::KeptText(text) => bind_text(statement, index, text, ffi::SQLITE_STATIC()),
            Binding::MadeText(text) => bind_text(statement, index, text, ffi::SQLITE_TRANSIENT()),
            Binding::KeptBlob(blob) => bind_blob(statement, index, blob, ffi::SQLITE_STATIC()),
            Binding::Uuid(uuid) => bind_blob(statement, index, &uuid, ffi::SQLITE_TRANSIENT()),
        }
    }
}

/// # Safety
///
/// As [`bind_one`]; with a static destructor the text must outlive the binding.
unsafe fn bind_text(
    statement: *mut ffi::sqlite3_stmt,
    index: c_int,
    text: &str,
    destructor: ffi::sqlite3_destructor_type,
) -> c_int {
    // A usize has at most 64 bits on every platform that SQLite supports.
    let length = text.len() as ffi::sqlite3_uint64;
    // SAFETY: the caller guarantees it.
    unsafe {
        ffi::sqlite3_bind_text64(
            statement,
            index,
            text.as_ptr().cast::<c_char>(),
            length,
            destructor,
            UTF8,
        )
    }
}

/// # Safety
///
/// As [`bind_text`].
unsafe fn bind_blob(
    statement: *mut ffi::sqlite3_stmt,
    index: c_int,
    blob: &[u8],
    destructor: ffi::sqlite3_destructor_type,
) -> c_int {
    let length = blob.len() as ffi::sqlite3_uint64;
    // SAFETY: the caller guarantees it. The pointer of an empty slice is not null, so an empty blob is not NULL.
    unsafe { ffi::sqlite3_bind_blob64(statement, index, blob.as_ptr().cast(), length, destructor) }
}

fn changes(database: NonNull<ffi::sqlite3>) -> u64 {
    // SAFETY: the connection is alive.
    u64::try_from(unsafe { ffi::sqlite3_changes64(database.as_ptr()) }).unwrap_or(0)
}

fn total_changes(database: NonNull<ffi::sqlite3>) -> i64 {
    // SAFETY: the connection is alive.
    unsafe { ffi::sqlite3_total_changes64(database.as_ptr()) }
}

#[cold]
fn wrong_count(placeholders: usize, given: usize) -> Error {
    Error::new(
        ErrorKind::InvalidStatement,
        format!("the statement has {placeholders} parameters, but {given} were given"),
    )
}

#[cold]
fn more_than_one() -> Error {
    Error::new(
        ErrorKind::InvalidStatement,
        "the text has more than one statement: send them one by one",
    )
}
