//! An object-relational mapper with a unit of work: a [`Session`] with an identity map, over any [`Backend`](backend::Backend).
//!
//! Structs are mapped to tables by [`#[derive(Entity)]`](derive@Entity). A session holds one object for each row, tracks its changes, and
//! writes them in as few statements as possible, in the order that foreign keys require. The design follows SQLAlchemy's ORM, with Rust's
//! types. This crate contains no database driver: add `selfsame-sqlite`, `selfsame-postgres` or `selfsame-mariadb`.
//!
//! ```
//! use selfsame::prelude::*;
//! use selfsame_sqlite::Sqlite;
//!
//! #[derive(Entity, Clone, Debug)]
//! #[orm(table = "users")]
//! pub struct User {
//!     #[orm(primary_key)]
//!     pub id: Auto<i64>,
//!     #[orm(unique, length = 50)]
//!     pub name: String,
//!     pub age: Option<i32>,
//!     #[orm(back_populates = user, cascade = "all, delete-orphan")]
//!     pub tasks: HasMany<Task>,
//!     #[orm(secondary = "user_tags(user_id, tag_id)", back_populates = users)]
//!     pub tags: ManyToMany<Tag>,
//! }
//!
//! #[derive(Entity, Clone, Debug)]
//! #[orm(table = "tasks")]
//! pub struct Task {
//!     #[orm(primary_key)]
//!     pub id: Auto<i64>,
//!     pub title: String,
//!     #[orm(default = false)]
//!     pub completed: bool,
//!     #[orm(references = "users.id")]
//!     pub user_id: Option<i64>,
//!     #[orm(back_populates = tasks)]
//!     pub user: BelongsTo<User>,
//! }
//!
//! #[derive(Entity, Clone, Debug)]
//! #[orm(table = "tags")]
//! pub struct Tag {
//!     #[orm(primary_key)]
//!     pub id: Auto<i64>,
//!     pub label: String,
//!     #[orm(back_populates = tags)]
//!     pub users: ManyToMany<User>,
//! }
//!
//! pub fn main() -> selfsame::Result<()> {
//!     let engine = Engine::new(Sqlite::memory()).echo(Echo::Sql);
//!     metadata![User, Task, Tag].create_all(&engine)?; // and user_tags
//!     let mut session = Session::new(&engine);
//!
//!     // Added objects belong to the session; a handle is Copy and stands for one row.
//!     let ann = session.add(User {
//!         tasks: [Task::new("write"), Task::new("read")].into(),
//!         tags: [Tag::new("early")].into(),
//!         ..User::new("ann")
//!     });
//!     session.commit()?; // one INSERT for each table, user_tags included
//!
//!     let adults = User::query()
//!         .filter(User::AGE.ge(18).or(User::NAME.starts_with("a")))
//!         .order_by(User::NAME.asc())
//!         .with(User::TASKS.selectin())
//!         .all(&mut session)?;
//!     assert_eq!(adults, [ann]); // one row, one handle
//!
//!     session[ann].age = Some(36); // noticed; written by the next flush, this column alone
//!     for task in session.load(ann, User::TASKS)? {
//!         session[task].completed = true;
//!         assert_eq!(session.load(task, Task::USER)?, Some(ann)); // in memory already: no SQL
//!     }
//!     session.commit() // one statement for the user, one for both tasks
//! }
//! ```
//!
//! # Mapping
//!
//! A field is a column, and its type decides the column's type: `Option<T>` may be NULL, [`Auto<T>`](value::Auto) is filled in by the
//! database, [`Deferred<T>`](value::Deferred) is read only on request. [`BelongsTo`](entity::BelongsTo), [`HasMany`](entity::HasMany),
//! [`HasOne`](entity::HasOne) and [`ManyToMany`](entity::ManyToMany) are relations. [`#[derive(Embedded)]`](derive@Embedded) maps a struct to a
//! group of columns and an enum to several types in one table; [`#[derive(DbEnum)]`](derive@DbEnum) stores an enum as a label.
//! [`#[derive(Entity)]`](derive@Entity) lists all attributes.
//!
//! The derive adds a typed constant for each field (`User::NAME`) and a constructor over the required ones (`User::new("ann")`).
//! [`metadata!`] collects the tables of a program. [`create_all`](metadata::Metadata::create_all) creates them,
//! [`diff`](metadata::Metadata::diff) compares them with those of a database, and [`reflect`](metadata::Metadata::reflect) maps tables that
//! are known only at run time to [`record::Record`]s.
//!
//! # Reading
//!
//! Queries are lazy: nothing runs until `all`, `first`, `one`, `count` … A query returns [`Handle`]s; `session[handle]` is the object. A
//! handle is `Copy`, and two handles are equal if they refer to the same row.
//!
//! ```
#![doc = include_str!("docs/models.txt")]
//! # use selfsame_sqlite::Sqlite;
//! # fn main() -> selfsame::Result<()> {
//! # let engine = Engine::new(Sqlite::memory());
//! # metadata![User, Task].create_all(&engine)?;
//! # let mut session = Session::new(&engine);
//! session.add_all([User { age: Some(36), ..User::new("ann") }, User::new("bob")]);
//!
//! let ann = User::query().filter(User::NAME.eq("ann")).one(&mut session)?; // flushes first
//! assert_eq!(session[ann].age, Some(36));
//! assert_eq!(session.get::<User>(1)?, Some(ann)); // in memory already: no statement
//!
//! let names: Vec<String> = User::query().order_by(User::NAME.asc()).select(User::NAME).all(&mut session)?;
//! assert_eq!(names, ["ann", "bob"]);
//! # Ok(())
//! # }
//! ```
//!
//! # Writing
//!
//! Assign to the fields of `session[handle]`. A flush compares each object with what was read and writes only the columns that changed; it
//! runs before queries and in [`commit`](Session::commit). Many rows can be written without being loaded:
//!
//! ```
#![doc = include_str!("docs/models.txt")]
//! # use selfsame_sqlite::Sqlite;
//! # fn main() -> selfsame::Result<()> {
//! # let engine = Engine::new(Sqlite::memory());
//! # metadata![User, Task].create_all(&engine)?;
//! # let mut session = Session::new(&engine);
//! let ann = session.add(User::new("ann"));
//! session.commit()?;
//! session[ann].age = Some(36); // UPDATE users SET age = ? WHERE id = ?
//! session.commit()?;
//!
//! let older = User::query().filter(User::AGE.ge(18)).update().set(User::AGE, 37).execute(&mut session)?;
//! session.refresh(ann)?; // it was loaded before
//! assert_eq!((older, session[ann].age), (1, Some(37)));
//! session.delete(ann)?;
//! session.commit()?;
//! assert_eq!(User::query().count(&mut session)?, 0);
//! # Ok(())
//! # }
//! ```
//!
//! # Relations
//!
//! [`load`](Session::load) loads a relation of one object unless it is in memory already; `.with(…)` loads it for all objects of a query at
//! once. [`push`](Session::push), [`remove`](Session::remove) and [`set`](Session::set) change a relation on both sides; the flush writes
//! the foreign keys.
//!
//! ```
#![doc = include_str!("docs/models.txt")]
//! # use selfsame_sqlite::Sqlite;
//! # fn main() -> selfsame::Result<()> {
//! # let engine = Engine::new(Sqlite::memory());
//! # metadata![User, Task].create_all(&engine)?;
//! # let mut session = Session::new(&engine);
//! let ann = session.add(User::new("ann"));
//! let task = session.add(Task::new("write"));
//! session.push(ann, User::TASKS, task)?;
//! assert_eq!(session.load(task, Task::USER)?, Some(ann));
//! session.commit()?; // the user first: its key is the task's `user_id`
//!
//! let busy = User::query()
//!     .filter(User::TASKS.any(Task::TITLE.eq("write")))
//!     .with(User::TASKS.selectin()) // one more statement for all users
//!     .all(&mut session)?;
//! assert_eq!(busy, [ann]);
//! # Ok(())
//! # }
//! ```
//!
//! # Transactions
//!
//! A transaction begins with a session's first statement and ends with `commit` or `rollback`; dropping a session rolls back.
//! [`transaction`](Session::transaction) commits if its closure returns `Ok` and rolls back otherwise. [`savepoint`](Session::savepoint)
//! nests, and [`retry`](Session::retry) runs a closure again after a serialization failure or a deadlock. A rollback also restores the
//! objects in memory.
//!
//! ```
#![doc = include_str!("docs/models.txt")]
//! # use selfsame_sqlite::Sqlite;
//! # fn main() -> selfsame::Result<()> {
//! # let engine = Engine::new(Sqlite::memory());
//! # metadata![User, Task].create_all(&engine)?;
//! # let mut session = Session::new(&engine);
//! let ann = session.transaction(|session| {
//!     let ann = session.add(User::new("ann"));
//!     let refused: Result<()> = session.savepoint(|session| {
//!         session[ann].name = "anne".to_owned();
//!         Err(Error::new(ErrorKind::Validation, "ann keeps her name"))
//!     });
//!     assert_eq!(refused.unwrap_err().kind(), ErrorKind::Validation);
//!     Ok(ann)
//! })?;
//! assert_eq!(session[ann].name, "ann");
//! # Ok(())
//! # }
//! ```
//!
//! # SQL
//!
//! [`sql`] is an expression language with joins, aggregates, window functions, common table expressions and upserts; it works with or
//! without a session. Raw SQL covers the rest; `?` is the placeholder on every database.
//!
//! ```
#![doc = include_str!("docs/models.txt")]
//! # use selfsame_sqlite::Sqlite;
//! # fn main() -> selfsame::Result<()> {
//! # let engine = Engine::new(Sqlite::memory());
//! # metadata![User, Task].create_all(&engine)?;
//! # let mut session = Session::new(&engine);
//! session.add_all([User::new("ann"), User::new("bob")]);
//!
//! let query = select((User::NAME, count(Task::ID)))
//!     .from(User::table())
//!     .left_join(Task::table(), selfsame::sql::on(Task::USER_ID, User::ID))
//!     .group_by(User::ID)
//!     .order_by(User::NAME.asc());
//! assert_eq!(session.rows(&query)?, [("ann".to_owned(), 0), ("bob".to_owned(), 0)]);
//!
//! let names = session.sql("SELECT name FROM users WHERE name > ?", ("b",)).all::<String>()?;
//! assert_eq!(names, ["bob"]);
//! # Ok(())
//! # }
//! ```
//!
//! # Testing
//!
//! Tests can use an in-memory database. [`assert_statements!`] checks how many statements a piece of code sends, and
//! [`Engine::warn_n_plus_one`](engine::Engine::warn_n_plus_one) finds lazy loads in loops. The backends' `testing` features provide
//! temporary files and servers.
//!
//! ```
#![doc = include_str!("docs/models.txt")]
//! # use selfsame_sqlite::Sqlite;
//! # fn main() -> selfsame::Result<()> {
//! # let engine = Engine::new(Sqlite::memory());
//! # metadata![User, Task].create_all(&engine)?;
//! # let mut session = Session::new(&engine);
//! let ann = session.add(User::new("ann"));
//! selfsame::assert_statements!(session, 1, { session.flush()? }); // one INSERT
//! selfsame::assert_statements!(session, 1, { session.load(ann, User::TASKS)? });
//! selfsame::assert_statements!(session, 0, { session.load(ann, User::TASKS)? }); // in memory now
//! # Ok(())
//! # }
//! ```
//!
//! # Errors
//!
//! Every fallible operation returns an [`Error`] with a [kind](ErrorKind) to match on. It names the entity, the column, the constraint and
//! the statement, and for a violated foreign key the relation that sets it, but no parameter's value except the key of the row.
//!
//! # Features
//!
//! All but `jiff` and `tokio` are on by default.
//!
//! | feature | adds |
//! |---|---|
//! | `chrono` | `NaiveDate`, `NaiveTime`, `NaiveDateTime` and `DateTime<Utc>` as columns |
//! | `jiff` | jiff's civil types and `Timestamp` as columns |
//! | `rust_decimal` | `Decimal` as a column |
//! | `serde_json` | `serde_json::Value` as a column |
//! | `tokio` | `Engine::run`: a unit of work for an asynchronous program, on a blocking thread |
//! | `uuid` | `Uuid` as a column |
//!
//! # Modules
//!
//! | module | what it holds |
//! |---|---|
//! | [`prelude`] | what most programs import |
//! | [`engine`] | a database with its connection pool, echo and observers |
//! | [`session`] | the unit of work: objects, relations, transactions, hooks |
//! | [`query`] | queries for objects, loading options, bulk statements |
//! | [`sql`] | the expression language |
//! | [`entity`], [`value`] | the types of mapped structs: relations, columns |
//! | [`schema`], [`metadata`](mod@metadata) | table definitions: creating, comparing, reflecting |
//! | [`record`] | objects of tables that are known only at run time |
//! | [`error`] | the one error type |
//! | [`backend`], [`dialect`], [`render`] | what a new backend implements |

// The derive macros refer to this crate by its public name, also in its own tests.
extern crate self as selfsame;

pub mod backend;
pub mod dialect;
pub mod engine;
pub mod entity;
pub mod error;
pub mod metadata;
#[cfg(feature = "planted-faults")]
pub mod planted;
#[cfg(not(feature = "planted-faults"))]
mod planted;
pub mod query;
pub mod record;
pub mod render;
pub mod schema;
pub mod session;
pub mod sql;
pub mod value;

pub use engine::{Echo, Engine};
pub use entity::{Embedded, Entity};
pub use error::{Error, ErrorKind, Result};
pub use selfsame_macros::{DbEnum, Entity};
pub use session::{Handle, Session};

#[doc = include_str!("docs/embedded.md")]
#[doc(inline)]
pub use selfsame_macros::Embedded;

#[doc = include_str!("docs/from_row.md")]
#[doc(inline)]
pub use selfsame_macros::FromRow;

/// What most programs import: `use selfsame::prelude::*;`.
pub mod prelude {
    pub use crate::engine::{Echo, Engine};
    pub use crate::entity::{BelongsTo, HasMany, HasOne, ManyToMany};
    pub use crate::error::{Error, ErrorKind, Result};
    pub use crate::metadata;
    pub use crate::metadata::Metadata;
    pub use crate::session::{Handle, Hook, Session, SessionFactory, State, TransactionOptions};
    pub use crate::sql::{RowLock, count, count_all, exists, select, sum};
    pub use crate::value::{Auto, Deferred};
    pub use crate::{DbEnum, Embedded, Entity, FromRow};
}

/// The version of this library.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
