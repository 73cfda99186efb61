//! MariaDB and MySQL for [`selfsame`], over the `mysql` crate.
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
//! The server must be MariaDB 10.11.8 or later, of later series at least 11.0.6, 11.1.5, 11.2.4 or 11.4.2; or [MySQL](#mysql).
//!
//! # Settings of a connection
//!
//! Every connection, also after a reset, uses utf8mb4 with the collation `utf8mb4_nopad_bin`, which compares texts as Rust does. Its time zone is
//! UTC. Its `sql_mode` is strict and close to standard SQL: `"name"` is an identifier and `||` concatenates, so SQL fragments for the other
//! backends work. Columns declared with another collation compare by that collation.
//!
//! Global settings of the server that would change the meaning of statements are reset: `foreign_key_checks`, `sql_select_limit`,
//! `completion_type` and the like. So are limits that truncate results without an error: recursion continues until it ends, and texts
//! are sorted by their first 65,536 bytes. The isolation level is the server's, but at least READ COMMITTED unless a
//! transaction requests a lower one. A long list is sent as one parameter per value, because UPDATE and DELETE cannot use an index with a list in a
//! JSON document; statements of more than 4,096 parameters are not cached, so that the server's memory does not grow.
//!
//! Raw SQL may change settings. If one of them determines what a statement means or which rows it returns (the database, `sql_mode`,
//! character set, collation, time zone, `autocommit`, limits, `system_versioning_asof`), statements of the mapper on the same connection are
//! then refused with [`InvalidState`](selfsame::ErrorKind::InvalidState) until it is set back. `SET STATEMENT … FOR` changes a setting for
//! one statement. A pool resets them. The program may change what the server checks (`foreign_key_checks` …), the isolation level, and time
//! limits. A setting that a stored function or a trigger changes is not noticed.
//!
//! MariaDB's information schema hides from users what they have no privilege for. If a user may only read a table, reflection silently finds
//! no foreign keys, CHECK constraints or triggers of it; if the user may also insert, no foreign keys. So reflect, and run `selfsame
//! inspect`, as the owner of the tables.
//!
//! Table names have the server's case: if `lower_case_table_names` is 1, `Metadata::diff` finds an entity's table only by its lower-case name.
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
//! | `Decimal`, `Decimal { precision }` | `decimal(65,30)`, `decimal(p,s)`: trailing zeros of a fraction are not kept, and products keep at most 38 digits |
//! | `Uuid` | `binary(16)`: the type `uuid` rejects some values and has its own sort order |
//! | `Date`, `Time` | `date`, `time(6)` |
//! | `Timestamp`, `TimestampTz` | `datetime(6)`, an instant in UTC; `timestamp` ends in 2038 |
//! | `Json` | `json`, which keeps the text; at most 31 levels |
//!
//! Tables of non-transactional engines (MyISAM, Aria, MEMORY) keep writes of a rolled-back transaction; the rollback then fails with an error that says so.
//!
//! Some column types of existing tables change values without an error: `datetime` drops fractions of a second, `char(5)` trailing spaces,
//! `enum` reads `'3'` as its third label, `year` stores 70 as 1970, `uuid` and `inet6` normalize their text. Such a value is refused with
//! [`OutOfRange`](selfsame::ErrorKind::OutOfRange), which names the column and its type, so that memory never differs from the row. If the
//! mapping names the type (`#[orm(db_type = "datetime")]`, `"char(5)"`, `"inet6"`), it is stored, and the value in the column is read back
//! in the same flush. A `String` over a column that holds no text (`year`, `decimal`, `date`, `bit`, `blob`) is refused in any case,
//! and so are bytes over a `bit`, which the server compares as a number. A column `ON UPDATE CURRENT_TIMESTAMP` is read again after the session's updates of its row; to write back its previous value, use
//! `set_blind`. A comparison with a `year` also reads 70 as 1970. An `enum` is sorted by the positions of its labels but compared by their
//! texts, so do not use it for keyset pagination. NULL for a `timestamp NOT NULL` or `AUTO_INCREMENT` column, which would become the current
//! time or the next number, is a `NotNullViolation`.
//!
//! # MySQL
//!
//! MySQL 8.0.19 or later, according to its documentation; 9.7.4 is tested. Write `mysql://`. What differs from MariaDB:
//!
//! - MySQL has no RETURNING. The outcome of an INSERT reports only one generated key, so rows with generated keys are inserted one by one.
//!   Other values that the database generates are read by the rows' keys, together; a key that comes from a default is refused.
//! - The columns of an UPDATE are assigned in sequence. The mapper orders its assignments so that each expression sees the row as it was
//!   before, and refuses those that cannot be ordered (`SET a = b, b = a`); raw SQL is sent as written.
//! - REPEATABLE READ, the server's default, loses updates and cannot be requested. At SERIALIZABLE readers lock what they read: a conflict
//!   is a [`Deadlock`](selfsame::ErrorKind::Deadlock), which `Session::retry` handles, or [`Busy`](selfsame::ErrorKind::Busy).
//! - `Json` is the type `json`, which stores documents in its own form. Numbers are 64-bit integers or doubles: a document that contains a
//!   number with more digits is refused, and so are about a tenth of the doubles with 16 or 17 digits, which MySQL would store as their
//!   neighbours. At most 100 levels.
//! - Texts have the collation `utf8mb4_0900_bin`. Defaults are written in parentheses.
//! - Computed columns can be NOT NULL.
//!
//! # Galera
//!
//! A cluster is a URL with several hosts; see [`MariaDb::url`]. A COMMIT that conflicts with a transaction on another node fails with
//! [`Deadlock`](selfsame::ErrorKind::Deadlock), which `Session::retry` handles.

mod attempts;
mod backend;
mod classify;
mod commits;
mod connection;
mod dialect;
mod fit;
mod flavor;
mod interrupt;
mod link;
mod options;
mod param;
mod reflection;
mod results;
mod row;
mod settings;
mod statement;
#[cfg(feature = "testing")]
pub mod testing;
mod tls;
mod transaction;
mod watch;
mod words;

pub use backend::{MariaDb, SCHEME};
pub use dialect::MariaDbDialect;
