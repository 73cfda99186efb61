//! `Records`: the mapping of a table that is known only at run time.

use std::fmt::{self, Debug};
use std::sync::Arc;

use super::{Record, RecordKey, fit, fit_key, position, relation};
use crate::entity::{Cardinality, Mapper, Relation};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::Table;
use crate::session::{Handle, Session};
use crate::sql::{ColumnRef, Expr, Node};
use crate::value::{ColumnValue, Value};

/// The mapping of a table to [`Record`]s. Cheap to clone.
///
/// A session uses only one mapping for each table, the first that it encounters, so that a row is never two objects. It refuses to read or
/// write through a second one, whether that of an entity or that of another reflection.
#[derive(Clone)]
pub struct Records {
    mapper: Arc<Mapper>,
}

impl Records {
    /// Maps a table, without relations. [`Metadata::of_records`](crate::metadata::Metadata::of_records) adds those of foreign keys.
    pub fn new(table: Table) -> Self {
        let name = table.name.clone();
        Self {
            mapper: Mapper::new(name, table).shared(),
        }
    }

    pub(crate) fn of(mapper: Arc<Mapper>) -> Self {
        Self { mapper }
    }

    /// Creates a record with nothing set: the database generates generated columns, the others are NULL.
    pub fn record(&self) -> Record {
        Record {
            mapper: Arc::clone(&self.mapper),
            values: vec![None; self.mapper.types().len()],
            pending_relations: Vec::new(),
        }
    }

    /// Returns a typed column, for filters and ordering.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mapping`] if the table has no such column, or its type is not `T`.
    pub fn column<T: ColumnValue>(&self, name: &str) -> Result<Expr<Record, T>> {
        let index = self.typed::<T>(name)?;
        Ok(Expr::from_node(Node::Column(ColumnRef::new(
            self.table(),
            index,
        ))))
    }

    /// Returns the table.
    pub fn table(&self) -> &Arc<Table> {
        self.mapper.table()
    }

    /// Returns the mapping.
    pub fn mapper(&self) -> &Arc<Mapper> {
        &self.mapper
    }

    /// Returns the names of the relations with the names of their target tables.
    pub fn relations(&self) -> impl Iterator<Item = (&str, String)> {
        self.mapper
            .relations()
            .iter()
            .map(|relation| (relation.name(), relation.target().table().name.clone()))
    }

    /// Returns a relation as a typed value, with its cardinality: `artists.relation::<Many>("album")?`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mapping`] if there is no such relation, or its cardinality is not `K`.
    pub fn relation<K: Cardinality>(
        &self,
        name: &str,
    ) -> Result<Relation<Record, Record, K, Arc<Mapper>>> {
        let number = relation(&self.mapper, name)?;
        let resolved = &self.mapper.resolved()?[usize::from(number)];
        if !K::fits(resolved.kind, resolved.required) {
            let message = format!("the relation {name} does not have the requested cardinality");
            return Err(Error::new(ErrorKind::Mapping, message).entity(self.mapper.name()));
        }
        Ok(Relation::of_mapping(&self.mapper, number))
    }

    /// Returns the record with this key, or `None` if there is no such row: from the identity map if it is there and not expired, otherwise
    /// with one SELECT. Like [`Session::get`] for entities.
    ///
    /// # Errors
    ///
    /// Errors of the autoflush or the SELECT; [`ErrorKind::Conversion`] if the key is of another type or width.
    pub fn get(
        &self,
        session: &mut Session,
        key: impl Into<RecordKey>,
    ) -> Result<Option<Handle<Record>>> {
        let key = fit_key(&self.mapper, key.into())?;
        Ok(session.get_keys(&self.mapper, &key)?.pop())
    }

    /// Returns the records with these keys, in the order of the keys; keys without a row are omitted. Like [`Session::get_many`] for
    /// entities.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn get_many(
        &self,
        session: &mut Session,
        keys: impl IntoIterator<Item = impl Into<RecordKey>>,
    ) -> Result<Vec<Handle<Record>>> {
        let mut all = Vec::new();
        for key in keys {
            all.extend(fit_key(&self.mapper, key.into())?);
        }
        session.get_keys(&self.mapper, &all)
    }

    /// The index of a column whose type is `T`.
    pub(crate) fn typed<T: ColumnValue>(&self, name: &str) -> Result<usize> {
        let index = position(&self.mapper, name)?;
        let found = self.mapper.types()[index];
        if found == T::TYPE {
            return Ok(index);
        }
        let message = format!("the column is a {found:?}, not a {:?}", T::TYPE);
        let error = Error::new(ErrorKind::Mapping, message);
        Err(error.entity(self.mapper.name()).column(name))
    }

    /// The index of a column, and a value converted to its type.
    pub(crate) fn fitted(&self, name: &str, value: Value) -> Result<(usize, Value)> {
        let index = position(&self.mapper, name)?;
        let column = &self.mapper.table().columns[index];
        match fit(value, column) {
            Ok(value) => Ok((index, value)),
            Err(error) => Err(self.mapper.column_error(index, error)),
        }
    }
}

impl Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Records")
            .field(&self.mapper.table().name)
            .finish()
    }
}
