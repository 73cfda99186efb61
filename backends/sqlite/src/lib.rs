//! SQLite for [`selfsame`], over `rusqlite` with bundled SQLite.
//!
//! ```
//! use selfsame::backend::{Backend, Sql, Statement, StatementKind};
//! use selfsame_sqlite::Sqlite;
//!
//! # fn main() -> selfsame::Result<()> {
//! let backend = Sqlite::memory();
//! let mut connection = backend.connect()?;
//! let sql = Sql::new(StatementKind::Ddl, "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)", [], []);
//! connection.execute(&Statement::new(&sql, &[]))?;
//! # Ok(())
//! # }
//! ```
//!
//! # Storage
//!
//! | neutral type | column | stored as |
//! |---|---|---|
//! | `Bool` | `BOOLEAN` | integer 0 or 1 |
//! | `I16`, `I32`, `I64` | `INT2`, `INT4`, `BIGINT` | integer |
//! | `F32`, `F64` | `FLOAT4`, `REAL` | real; NaN is refused, −0.0 is read back as 0.0 |
//! | `Text`, an enum | `VARCHAR(n)`, `TEXT` | text; NUL is kept |
//! | `Bytes` | `BLOB` | blob |
//! | `Decimal` | `DECIMAL TEXT COLLATE decimal` | text that keeps the scale, sorted numerically |
//! | `Uuid` | `UUID BLOB` | blob of 16 bytes |
//! | `Date` | `DATE TEXT` | `2024-02-29` |
//! | `Time` | `TIME TEXT` | `12:30:00.000000` |
//! | `Timestamp` | `TIMESTAMP TEXT` | `2024-02-29 12:30:00.000000` |
//! | `TimestampTz` | `TIMESTAMPTZ TEXT` | `2024-02-29 12:30:00.000000+00:00`, always in UTC |
//! | `Json` | `JSON TEXT` | the document's text, unchanged |
//!
//! Dates and times are stored so that text order is chronological order; dates outside the years 1 to 9999 are therefore refused. SQLite
//! looks for `INT`, `TEXT`, `BLOB` and the like in a type's name to choose how to store values, so some types have two words, the first of
//! which is for people and reflection. Reading never coerces: a value of another type is a [`Conversion`](selfsame::ErrorKind::Conversion)
//! error, unless [`Sqlite::lenient`] reads the forms of other programs. Times are also read with three fractional digits, with none, or
//! without trailing zeros, as `CURRENT_TIMESTAMP` and other mappers write them, and conditions match them in each of these forms. GROUP BY,
//! DISTINCT, set operations and comparisons between columns treat these forms as equal too. ORDER BY, so that it can use an index, sorts
//! rows with equal times by their form before its next key; with lenient reading, it sorts them by meaning.
//!
//! # Columns declared by other programs
//!
//! SQLite converts values to suit the declared type of their column: in a column of type NUMERIC, STRING or MONEY the text `007` becomes the
//! number 7, in a REAL column an integer becomes a float, and in a TEXT column a float becomes a text of 15 digits. An INSERT or UPDATE
//! whose value could not be read back is refused before it runs; the error names the column and its declared type
//! ([`OutOfRange`](selfsame::ErrorKind::OutOfRange)). A text that SQLite computes for such a column is refused too
//! ([`Unsupported`](selfsame::ErrorKind::Unsupported)). Raw SQL is not checked.
//!
//! # Settings of every connection
//!
//! Foreign keys are enforced, a double-quoted name that does not exist is an error instead of a string, and statements wait for
//! locks ([`Sqlite::busy_timeout`]). A connection hook that changes one of these is refused. New files are in WAL mode, existing
//! ones keep their mode ([`Sqlite::journal_mode`]). After its file was replaced or deleted, a connection commits nothing and is closed with
//! its session.
//!
//! An interrupt ([`Session::canceller`](selfsame::Session::canceller), `Engine::run`) also ends a wait for a lock. The backend therefore
//! waits in its own busy handler, so `PRAGMA busy_timeout` returns 0. Setting it, in a hook or by raw SQL, changes the lock timeout of the
//! connection until it is reset; a busy handler installed by a hook is kept, and must end its waits itself.
//!
//! The `decimal` collation, named like that of SQLite's decimal extension, sorts decimal text numerically. SQLite's arithmetic, SUM and
//! AVG would convert such text to floats, so those of the expression language are refused for decimals: compute in the program, store whole
//! cents, or cast to `f64`.
//!
//! If another transaction writes between the reads and the first write of a transaction, the write fails at once with
//! [`Serialization`](selfsame::ErrorKind::Serialization), and the whole transaction must run again. Transactions that
//! start with a write wait for their turn instead.

mod affinity;
mod bind;
mod classify;
mod connection;
mod dialect;
mod file;
mod lenient;
mod like;
mod reflection;
mod row;
mod session;
mod sqlite;
mod statement;
mod temporal;
#[cfg(feature = "testing")]
pub mod testing;
mod types;
mod waits;
mod words;

// An `on_connect` hook receives these types.
pub use file::JournalMode;
pub use rusqlite;
pub use sqlite::{SCHEME, Sqlite, Synchronous};
