//! SQLite for [`selfsame`], over `rusqlite` with SQLite itself built in.
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
//! # What is stored
//!
//! | neutral type | column | stored as |
//! |---|---|---|
//! | `Bool` | `BOOLEAN` | integer 0 or 1 |
//! | `I16`, `I32`, `I64` | `INT2`, `INT4`, `BIGINT` | integer |
//! | `F32`, `F64` | `FLOAT4`, `REAL` | real; NaN is refused, −0.0 comes back as 0.0 |
//! | `Text`, an enum | `VARCHAR(n)`, `TEXT` | text; NUL is kept |
//! | `Bytes` | `BLOB` | blob |
//! | `Decimal` | `DECIMAL TEXT COLLATE decimal` | text that keeps the scale, in numeric order |
//! | `Uuid` | `UUID BLOB` | blob of 16 bytes |
//! | `Date` | `DATE TEXT` | `2024-02-29` |
//! | `Time` | `TIME TEXT` | `12:30:00.000000` |
//! | `Timestamp` | `TIMESTAMP TEXT` | `2024-02-29 12:30:00.000000` |
//! | `TimestampTz` | `TIMESTAMPTZ TEXT` | `2024-02-29 12:30:00.000000+00:00`, always in UTC |
//! | `Json` | `JSON TEXT` | the document's text as it was |
//!
//! Text order is time order, so days outside the years 1 to 9999 are refused. Two words in a type are one type to SQLite, which
//! looks for `INT`, `TEXT`, `BLOB` and the like inside it: the first word is for people and for reflection. Reading never bends:
//! a value that is not what the column should hold is a [`Conversion`](selfsame::ErrorKind::Conversion) error, unless
//! [`Sqlite::lenient`] reads the forms of others. Times of day are also read with three digits of the second, with none, or without zeros
//! at the end, as `CURRENT_TIMESTAMP` and other mappers write them, and conditions find them in each of these forms.
//!
//! # Every connection
//!
//! Foreign keys are enforced, LIKE tells upper from lower case, a double-quoted name that does not exist is an error and not a
//! text, and a lock is waited for ([`Sqlite::busy_timeout`]). A hook that changes one of these is refused. New files are in WAL mode, others keep
//! theirs ([`Sqlite::journal_mode`]). A connection whose file was replaced or deleted commits nothing any more and goes with its session.
//!
//! The `decimal` collation, of the name
//! that SQLite's own decimal extension uses, orders decimal text by number; SQLite's arithmetic and SUM on such text go through
//! floats, and their result does not read as a decimal.
//!
//! A transaction that reads and then writes can find that another one wrote in between: the write fails at once with
//! [`Serialization`](selfsame::ErrorKind::Serialization) and the whole transaction has to run again. Transactions that
//! begin with a write wait for their turn instead.

mod bind;
mod classify;
mod connection;
mod dialect;
mod file;
mod lenient;
mod reflection;
mod row;
mod session;
mod sqlite;
mod statement;
mod temporal;
#[cfg(feature = "testing")]
pub mod testing;
mod types;
mod words;

// A hook for new connections takes them.
pub use file::JournalMode;
pub use rusqlite;
pub use sqlite::{SCHEME, Sqlite, Synchronous};
