//! What names a relation or a column of a mapping: the constants of an entity, the values of a record's mapping, or text.

use super::{Cardinality, Dynamic, Entity, Mapped, Mapper, OwnerMapping, Relation};
use crate::error::{Error, ErrorKind, Result};
use crate::record::{self, Record};
use crate::sql::{Column, Expr, Expression, Node};
use crate::value::ColumnValue;

/// A relation from `E` to `To`: a constant of an entity (`User::TASKS`), what
/// [`Records::relation`](crate::record::Records::relation) gives, or the name of a record's relation.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no relation from `{E}` to `{To}`",
    label = "does not lead from `{E}` to `{To}`"
)]
pub trait RelationOf<E: Mapped, To: Mapped, K: Cardinality> {
    /// Its number in the owner's mapping.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mapping`] if the mapping has no such relation.
    fn find(&self, mapper: &Mapper) -> Result<u16>;
}

impl<E: Mapped, To: Mapped, K: Cardinality, M: OwnerMapping<E>> RelationOf<E, To, K>
    for Relation<E, To, K, M>
{
    fn find(&self, mapper: &Mapper) -> Result<u16> {
        if self.mapper().id() == mapper.id() {
            return Ok(self.index());
        }
        let message = format!("{self:?} is no relation of this table, or of another mapping of it");
        Err(Error::new(ErrorKind::Mapping, message).entity(mapper.name()))
    }
}

impl RelationOf<Record, Record, Dynamic> for &str {
    fn find(&self, mapper: &Mapper) -> Result<u16> {
        record::relation(mapper, self)
    }
}

/// A column of `E` that holds a `T`: a constant of an entity (`User::NAME`), or what
/// [`Records::column`](crate::record::Records::column) gives.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no column of `{E}`",
    label = "not a column of `{E}`"
)]
pub trait ColumnOf<E: Mapped, T> {
    /// Its number in the table.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mapping`] if it is no column of the mapping's table.
    fn find(&self, mapper: &Mapper) -> Result<usize>;
}

impl<E: Entity, T> ColumnOf<E, T> for Column<E, T> {
    fn find(&self, _: &Mapper) -> Result<usize> {
        Ok(usize::from(self.index()))
    }
}

impl<T: ColumnValue> ColumnOf<Record, T> for Expr<Record, T> {
    fn find(&self, mapper: &Mapper) -> Result<usize> {
        match self.clone().into_node() {
            Node::Column(column) if column.alias.is_none() && column.is_of(mapper.table()) => {
                Ok(column.index)
            }
            _ => {
                let message = "it is no column of this table";
                Err(Error::new(ErrorKind::Mapping, message).entity(mapper.name()))
            }
        }
    }
}
