//! An object-relational mapper: Session, identity map, unit of work, relationship loading, over any backend.

// The derive macros name this crate by its public name, in its own tests too.
extern crate self as selfsame;

pub mod backend;
pub mod dialect;
pub mod engine;
pub mod entity;
pub mod error;
pub mod metadata;
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
pub use selfsame_macros::{DbEnum, Embedded, Entity, FromRow};
pub use session::{Handle, Session};

/// What most programs name.
pub mod prelude {
    pub use crate::engine::{Echo, Engine};
    pub use crate::entity::{BelongsTo, HasMany, HasOne, ManyToMany};
    pub use crate::metadata;
    pub use crate::metadata::Metadata;
    pub use crate::session::{Handle, Hook, Session, SessionFactory, State};
    pub use crate::value::{Auto, Deferred};
    pub use crate::{DbEnum, Embedded, Entity, FromRow};
}

/// The version of this library.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
