//! MariaDB for [`selfsame`], over the `mysql` crate.
//!
//! ```no_run
//! use selfsame::backend::Backend;
//! use selfsame_mariadb::MariaDb;
//!
//! let backend = MariaDb::url("mariadb://ada:secret@localhost/library")?;
//! let mut connection = backend.connect()?;
//! println!("{}", connection.server_version()?);
//! # Ok::<(), selfsame::Error>(())
//! ```
//!
//! The server must be MariaDB 10.11.8 or later: MySQL has no INSERT … RETURNING, and is refused.
//!
//! # What a connection is set to
//!
//! Every connection, also after a reset, speaks utf8mb4 with the collation `utf8mb4_nopad_bin`, by which texts are equal that Rust calls
//! equal; its time zone is UTC; its `sql_mode` is strict and as near to standard SQL as the server goes: `"name"` is an identifier and
//! `||` puts texts together, as in fragments of SQL that the other backends take. Text that was declared with another collation compares
//! as that says.
//!
//! What the server's administrator set for all clients and would change what statements mean is set back: `foreign_key_checks`,
//! `sql_select_limit`, `completion_type` and the like, and what cuts results without an error: recursion goes on until it ends, and texts
//! are sorted by their first 65,536 bytes. The isolation level stays the server's, but is never below READ COMMITTED unless a
//! transaction says so. A long list is as many
//! parameters as values, for an UPDATE or DELETE cannot use an index by a list in one document; statements of more than 4,096 parameters
//! are prepared anew each time, so that the server's memory does not grow with them.
//!
//! Names of tables have the case that the server gives them: where `lower_case_table_names` is 1, `Metadata::diff` knows an entity's table by its
//! name in small letters only.
//!
//! # Types
//!
//! | column type | MariaDB |
//! |---|---|
//! | `Bool` | `tinyint(1)` |
//! | `I16`, `I32`, `I64` | `smallint`, `int`, `bigint` |
//! | `F32`, `F64` | `float`, `double`: no NaN, no infinities |
//! | `Text`, `Text { length }`, `Enum` | `longtext`, `varchar(n)`; in a key `varchar(768)` at most |
//! | `Bytes` | `longblob`; in a key `varbinary(3072)` at most |
//! | `Decimal`, `Decimal { precision }` | `decimal(65,30)`, `decimal(p,s)`: zeros at the end of a fraction are not kept, and of a product no more than 38 digits of it |
//! | `Uuid` | `binary(16)`: the type `uuid` refuses some, and sorts in an order of its own |
//! | `Date`, `Time` | `date`, `time(6)` |
//! | `Timestamp`, `TimestampTz` | `datetime(6)`, an instant in UTC; `timestamp` ends in 2038 |
//! | `Json` | `json`, whose text is kept; of 31 levels at most |
//!
//! Tables of engines without transactions (MyISAM, Aria, MEMORY) keep what a transaction wrote: rolling it back is then an error that says so.
//! A table's own type may keep another value than was given, without an error: a `datetime` or a `decimal(10,2)` keeps what its digits
//! have room for, `year` takes 70 for 1970, `enum` and `set` take `'3'` for their third word where no word is called so. It shows when the
//! row is read again.
//!
//! # Galera
//!
//! A cluster is several hosts in one URL; see [`MariaDb::url`]. A COMMIT that another node's transaction got in the way of is
//! [`Deadlock`](selfsame::ErrorKind::Deadlock), which `Session::retry` runs again.

mod backend;
mod classify;
mod commits;
mod connection;
mod dialect;
mod interrupt;
mod link;
mod options;
mod param;
mod reflection;
mod row;
#[cfg(feature = "testing")]
pub mod testing;
mod tls;
mod words;

pub use backend::{MariaDb, SCHEME};
pub use dialect::MariaDbDialect;
