//! Ways to name a relation or a column: constants of an entity, values of a record's mapping, or text.

use super::{Cardinality, Dynamic, Entity, Mapped, Mapper, OwnerMapping, Relation};
use crate::error::{Error, ErrorKind, Result};
use crate::record::{self, Record};
use crate::sql::{Column, Expr, Expression, Node};
use crate::value::ColumnValue;

/// A relation from `E` to `To`: a constant of an entity (`User::TASKS`), the result of
/// [`Records::relation`](crate::record::Records::relation), or the name of a record's relation.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a relation from `{E}` to `{To}`",
    label = "not a relation from `{E}` to `{To}`"
)]
pub trait RelationOf<E: Mapped, To: Mapped, K: Cardinality> {
    /// Returns the relation's index in the owner's mapping.
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
        let message = format!(
            "{self:?} is not a relation of this table, or belongs to another mapping of it"
        );
        Err(Error::new(ErrorKind::Mapping, message).entity(mapper.name()))
    }
}

impl RelationOf<Record, Record, Dynamic> for &str {
    fn find(&self, mapper: &Mapper) -> Result<u16> {
        record::relation(mapper, self)
    }
}

/// A column of `E` that holds a `T`: a constant of an entity (`User::NAME`), or the result of
/// [`Records::column`](crate::record::Records::column).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a column of `{E}`",
    label = "not a column of `{E}`"
)]
pub trait ColumnOf<E: Mapped, T> {
    /// Returns the column's index in the table.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mapping`] if it is not a column of the mapping's table.
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
                let message = "it is not a column of this table";
                Err(Error::new(ErrorKind::Mapping, message).entity(mapper.name()))
            }
        }
    }
}
