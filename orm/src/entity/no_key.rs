//! The key type of entities without a primary key.

use super::Key;
use crate::error::{Error, ErrorKind, Result};
use crate::value::{Param, ValueRef};

/// The key type of an entity without a primary key. It has no values, so that looking up by key does not compile.
///
/// ```compile_fail
/// # use selfsame::prelude::*;
/// #[derive(Entity, Clone, Debug)]
/// #[orm(table = "logs", read_only)]
/// struct Log {
///     line: String,
/// }
///
/// fn first(session: &mut Session) -> selfsame::Result<Option<Handle<Log>>> {
///     session.get::<Log>(1)
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoKey {}

impl Key for NoKey {
    fn params<'a>(&'a self, _: &mut Vec<Param<'a>>) {
        match *self {}
    }

    fn from_values(_: &[ValueRef<'_>]) -> Result<Self> {
        let message = "the entity has no primary key";
        Err(Error::new(ErrorKind::Mapping, message))
    }
}
