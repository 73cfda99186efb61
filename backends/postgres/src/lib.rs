//! PostgreSQL for [`selfsame`], over the crate `tokio-postgres`, with a blocking interface.
//!
//! ```no_run
//! use selfsame::backend::Backend;
//! use selfsame_postgres::Postgres;
//!
//! let backend = Postgres::url("postgres://ada:secret@localhost/library")?.application_name("library");
//! let mut connection = backend.connect()?;
//! println!("{}", connection.server_version()?);
//! # Ok::<(), selfsame::Error>(())
//! ```
//!
//! # Inside a tokio runtime
//!
//! Calls block. Called from a task of a tokio runtime, they fail with
//! [`Configuration`](selfsame::ErrorKind::Configuration); use `Engine::run` or `tokio::task::spawn_blocking`.
//!
//! # Types
//!
//! | column type | PostgreSQL |
//! |---|---|
//! | `Bool` | `boolean` |
//! | `I16`, `I32`, `I64` | `smallint`, `integer`, `bigint` |
//! | `F32`, `F64` | `real`, `double precision` |
//! | `Text`, `Text { length }`, `Enum` | `text`, `varchar(n)`, `text` |
//! | `Bytes` | `bytea` |
//! | `Decimal`, `Decimal { precision }` | `numeric`, `numeric(p, s)` |
//! | `Uuid` | `uuid` |
//! | `Date`, `Time`, `Timestamp`, `TimestampTz` | `date`, `time`, `timestamp`, `timestamptz` |
//! | `Json` | `jsonb`: documents can be compared; key order and white space are not preserved, U+0000 in a string is refused |
//!
//! A `money` is exchanged as text in the form of the setting `lc_monetary`, which also gives its digits after the decimal point. Programs
//! that share such a column need the same setting; a `numeric` column does not depend on it.
//!
//! Values of an extension's type (`citext`, `ltree`) are compared by the operators of its schema. If `search_path` does not list that
//! schema, the server would silently use the operators of a type that the values convert to. So such comparisons, also by a key or a
//! relation, are [`Unsupported`](selfsame::ErrorKind::Unsupported), and reflection adds a remark to the column.
//!
//! A column `json` is mapped as `Json` too. It is written only when the document changes, and then loses what `jsonb` does not keep.
//!
//! # Restricted roles
//!
//! A query reads every column that is mapped and not [`Deferred`](selfsame::value::Deferred), and an UPDATE writes only the columns that
//! changed: do not map, or defer, the columns that the role may not read. A generated key and the defaults of a new row are read back by
//! RETURNING, for which the role must be able to SELECT them, and with row-level security the row. If a policy, a rule or a view excludes a
//! row from an UPDATE or DELETE, the error is [`StaleData`](selfsame::ErrorKind::StaleData); for a row that a view WITH CHECK OPTION would
//! not show, it is [`CheckViolation`](selfsame::ErrorKind::CheckViolation); for a missing privilege or a violated policy, it is
//! [`Database`](selfsame::ErrorKind::Database) with the code 42501.

mod backend;
mod classify;
mod connect;
mod connection;
mod dialect;
mod driver;
mod effect;
mod fit;
mod interrupt;
mod names;
mod numeric;
mod operators;
mod options;
mod param;
mod reflection;
mod row;
mod runtime;
mod settings;
#[cfg(feature = "testing")]
pub mod testing;
mod wire;
mod words;

pub use backend::{Postgres, SCHEME};
pub use dialect::PostgresDialect;
