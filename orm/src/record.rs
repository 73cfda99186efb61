//! Records: objects of tables that are known only at run time, in the same session as entities.
//!
//! [`Metadata::reflect`](crate::metadata::Metadata::reflect) maps a whole database; [`RecordTables`] maps tables with relations that the
//! program declares. A session adds, merges, loads, relates and deletes records with the same methods as entities. A relation is given by
//! its name, `session.load(album, "track")?`, or as a typed value ([`Records::relation`]). [`Records::get`] finds a row by its key,
//! [`Records::query`] builds queries, and [`Load`](crate::query::Load) is their loading option.
//!
//! ```
//! use selfsame::record::{Record, Records};
//! use selfsame::schema::{Column, ColumnType, Generated, Table};
//!
//! # fn main() -> selfsame::Result<()> {
//! let users = Records::new(
//!     Table::build("users")
//!         .column(Column::new("id", ColumnType::I64).generated(Generated::Key))
//!         .column(Column::new("name", ColumnType::Text { length: Some(50) }))
//!         .primary_key(["id"]),
//! );
//! let mut ann: Record = users.record();
//! ann.set("name", "ann")?;
//! assert_eq!(ann.get::<String>("name")?, "ann");
//! # Ok(())
//! # }
//! ```

mod declare;
mod family;
mod key;
mod mapping;
mod pairing;

pub use declare::{RecordRelation, RecordTables};
pub use key::RecordKey;
pub(crate) use key::hash_value;
pub use mapping::Records;

pub(crate) use family::Family;

use std::fmt::{self, Debug};
use std::sync::{Arc, Weak};

use crate::backend::Row;
use crate::entity::{Attach, Mapped, Mapper, PendingRelation, PendingRelations, RelationKind};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::{Column, Generated, Table};
use crate::session::{AddOrMerge, Handle, KeysToMerge, ObjectId, Session};
use crate::value::{ColumnValue, Param, Value, ValueRef, ValueType};

/// One row of a table that is known only at run time.
#[derive(Clone)]
pub struct Record {
    mapper: Arc<Mapper>,
    /// `None` if the column is not set.
    values: Vec<Option<Value>>,
    /// The objects to relate it to, until a session takes them over.
    pending_relations: Vec<(u16, PendingRelation<Record>)>,
}

impl Record {
    /// Returns the value of a column.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mapping`] if the table has no such column; [`ErrorKind::Conversion`] if the value is of another type, or is not set and
    /// `T` is not an `Option`; [`ErrorKind::NotLoaded`] for a deferred column that is neither loaded nor set.
    pub fn get<T: ColumnValue>(&self, column: &str) -> Result<T> {
        let index = position(&self.mapper, column)?;
        let value = self.values[index].as_ref();
        if value.is_none() && self.mapper.deferred().contains(&index) {
            let message = "the deferred column is not loaded";
            let error = Error::new(ErrorKind::NotLoaded, message);
            return Err(self.mapper.column_error(index, error));
        }
        self.mapper
            .convert(index, value.map_or(ValueRef::Null, Value::as_ref))
    }

    /// Sets a column. An integer of another width is converted if it fits.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mapping`] if the table has no such column; [`ErrorKind::Conversion`] for a value of another type, or NULL if the column
    /// is NOT NULL.
    pub fn set(&mut self, column: &str, value: impl Into<Value>) -> Result<()> {
        let index = position(&self.mapper, column)?;
        let column = &self.mapper.table().columns[index];
        let value =
            fit(value.into(), column).map_err(|error| self.mapper.column_error(index, error))?;
        self.values[index] = Some(value);
        Ok(())
    }

    /// Relates another record to this one by the name of a relation: a new record, which is added to the session together with this one, or
    /// a handle of the session. It works like a relationship field of an entity: it is empty once the session has taken it over, and for a
    /// record in a session the next flush does so. A to-one relation keeps the last record given.
    ///
    /// ```
    /// # use selfsame::prelude::*;
    /// # use selfsame::record::Record;
    /// # fn add(shop: &Metadata, session: &mut Session) -> selfsame::Result<Handle<Record>> {
    /// let mut artist = shop.records("artist")?.record();
    /// artist.set("name", "AC/DC")?;
    /// let mut album = shop.records("album")?.record();
    /// album.set("title", "Let There Be Rock")?;
    /// artist.relate("album", album)?;
    /// Ok(session.add(artist)) // both
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mapping`] if the table has no such relation, or its target is not the record's table; the table of a handle is checked
    /// when the session takes it over.
    pub fn relate(
        &mut self,
        relation: &str,
        other: impl Into<PendingRelation<Self>>,
    ) -> Result<()> {
        let index = self::relation(&self.mapper, relation)?;
        let descriptor = &self.mapper.relations()[usize::from(index)];
        let other = other.into();
        if let PendingRelation::New(other) = &other
            && other.mapper.id() != descriptor.target().id()
        {
            return Err(leads_elsewhere(&self.mapper, relation, other.mapper.name()));
        }
        if matches!(
            descriptor.kind(),
            RelationKind::BelongsTo | RelationKind::HasOne
        ) {
            self.pending_relations.retain(|(known, _)| *known != index);
        }
        self.pending_relations.push((index, other));
        Ok(())
    }

    /// Returns the value of a column without conversion; `None` if there is no such column, or it is not set.
    pub fn value(&self, column: &str) -> Option<&Value> {
        let index = self.mapper.table().position(column)?;
        self.values[index].as_ref()
    }

    /// The table.
    pub fn table(&self) -> &Arc<Table> {
        self.mapper.table()
    }
}

impl Mapped for Record {
    type Key = RecordKey;

    fn mapping(&self) -> &Arc<Mapper> {
        &self.mapper
    }

    fn hydrate(mapper: &Mapper, row: &dyn Row, at: usize) -> Result<Self> {
        let mut values = vec![None; mapper.types().len()];
        for (at, &column) in (at..).zip(mapper.eager()) {
            let value = row.value(at, mapper.types()[column]);
            let value = value.map_err(|error| mapper.column_error(column, error))?;
            values[column] = Some(value.to_owned());
        }
        Ok(Self {
            mapper: mapper.upgrade().ok_or_else(|| {
                Error::new(ErrorKind::Mapping, "the mapping is not one of records")
                    .entity(mapper.name())
            })?,
            values,
            pending_relations: Vec::new(),
        })
    }

    fn row_key(mapper: &Mapper, row: &dyn Row, at: usize) -> Result<Option<RecordKey>> {
        let mut values = Vec::with_capacity(mapper.table().primary_key.len());
        mapper.key_values(row, at, &mut values)?;
        Ok(RecordKey::of(&values))
    }

    fn key(&self, mapper: &Mapper) -> Option<RecordKey> {
        let key = mapper.table().primary_key.iter();
        let values: Option<Vec<ValueRef<'_>>> = key
            .map(|&column| self.values[column].as_ref().map(Value::as_ref))
            .collect();
        RecordKey::of(&values?)
    }

    fn value(&self, mapper: &Mapper, column: usize) -> Param<'_> {
        match &self.values[column] {
            Some(value) => Param::Ref(value.as_ref()),
            None if mapper.deferred().contains(&column) => Param::ABSENT,
            None => Param::Ref(ValueRef::Null),
        }
    }

    fn is_unset(&self, mapper: &Mapper, column: usize) -> bool {
        self.values[column].is_none()
            && (mapper.table().columns[column].generated != Generated::No
                || mapper.deferred().contains(&column))
    }

    fn is_given(&self, _: &Mapper, column: usize) -> bool {
        self.values[column].is_some()
    }

    fn assign(&mut self, mapper: &Mapper, column: usize, value: ValueRef<'_>) -> Result<()> {
        let value = match value {
            // A foreign key set to NULL, or a snapshot of an unset column: the flush checks whether the column is nullable.
            ValueRef::Null => Value::Null,
            value => fit(value.to_owned(), &mapper.table().columns[column])
                .map_err(|error| mapper.column_error(column, error))?,
        };
        self.values[column] = Some(value);
        Ok(())
    }

    fn unload(&mut self, column: usize) {
        self.values[column] = None;
    }

    fn validate(&self, mapper: &Mapper, column: usize) -> Result<()> {
        match &self.values[column] {
            None | Some(Value::Null) => Ok(()),
            Some(value) => mapper.check_rules(column, value),
        }
    }

    fn take_pending_relations(&mut self, pending_relations: &mut PendingRelations<Self>) {
        if let Some(given) = pending_relations.given() {
            let held = given.iter().map(|related| {
                let (store, slot) = related.node;
                let handle = Handle::new(related.session, store, slot);
                (related.relation, PendingRelation::Handle(handle))
            });
            self.pending_relations.extend(held);
            return;
        }
        // Called for every object at every flush, and usually there are none.
        if self.pending_relations.is_empty() {
            return;
        }
        for (relation, pending) in std::mem::take(&mut self.pending_relations) {
            let owner = Arc::clone(&self.mapper);
            let target = PendingTarget {
                owner,
                relation,
                pending,
            };
            pending_relations.push(relation, Box::new(target));
        }
    }
}

/// A record or handle to attach.
struct PendingTarget {
    owner: Arc<Mapper>,
    relation: u16,
    pending: PendingRelation<Record>,
}

impl Attach for PendingTarget {
    fn attach(self: Box<Self>, session: &mut Session, how: AddOrMerge) -> Result<ObjectId> {
        let node = session.attach(self.pending, how)?;
        let descriptor = &self.owner.relations()[usize::from(self.relation)];
        let found = &session.entry(node.0).mapper();
        match found.id() == descriptor.target().id() {
            true => Ok(node),
            false => Err(leads_elsewhere(
                &self.owner,
                descriptor.name(),
                found.name(),
            )),
        }
    }

    fn key_to_merge(&self, keys: &mut KeysToMerge) {
        let target = self.owner.relations()[usize::from(self.relation)].target();
        match &self.pending {
            PendingRelation::New(record) if record.mapper.id() == target.id() => {
                keys.add(record, &target);
            }
            // A record of another table is refused when it is attached.
            _ => {}
        }
    }
}

impl PartialEq for Record {
    /// Compares the mappings and the values.
    fn eq(&self, other: &Self) -> bool {
        self.mapper.id() == other.mapper.id() && self.values == other.values
    }
}

impl Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = self.mapper.table();
        let mut out = f.debug_struct(&table.name);
        for (column, value) in table.columns.iter().zip(&self.values) {
            match value {
                Some(value) => out.field(&column.name, value),
                None => out.field(&column.name, &format_args!("unset")),
            };
        }
        out.finish()
    }
}

impl Mapper {
    /// A mapper with a reference to itself, for its records to share.
    pub(crate) fn shared(self) -> Arc<Self> {
        Arc::new_cyclic(|itself: &Weak<Self>| self.located(Weak::clone(itself)))
    }
}

/// The relation at the beginning of a path, and the rest of the path. Names may contain dots: the longest match wins.
pub(crate) fn step<'p>(mapper: &Mapper, path: &'p str) -> Result<(u16, Option<&'p str>)> {
    let found = (0u16..)
        .zip(mapper.relations())
        .filter_map(|(index, relation)| {
            let name = relation.name();
            match path.strip_prefix(name)? {
                "" => Some((name.len(), index, None)),
                rest => Some((name.len(), index, Some(rest.strip_prefix('.')?))),
            }
        });
    let longest = found.max_by_key(|(length, ..)| *length);
    match longest {
        Some((_, index, rest)) => Ok((index, rest)),
        None => Err(no_relation(mapper, path)),
    }
}

/// The index of a relation by name.
pub(crate) fn relation(mapper: &Mapper, name: &str) -> Result<u16> {
    let mut relations = (0u16..).zip(mapper.relations());
    match relations.find(|(_, relation)| relation.name() == name) {
        Some((index, _)) => Ok(index),
        None => Err(no_relation(mapper, name)),
    }
}

#[cold]
pub(crate) fn leads_elsewhere(mapper: &Mapper, relation: &str, found: &str) -> Error {
    let message = format!("its relation {relation} does not refer to {found}");
    Error::new(ErrorKind::Mapping, message).entity(mapper.name())
}

#[cold]
fn no_relation(mapper: &Mapper, name: &str) -> Error {
    let message = format!("the table {} has no relation `{name}`", mapper.table().name);
    Error::new(ErrorKind::Mapping, message).entity(mapper.name())
}

/// The index of a column by name.
pub(crate) fn position(mapper: &Mapper, column: &str) -> Result<usize> {
    mapper.table().position(column).ok_or_else(|| {
        Error::new(ErrorKind::Mapping, "the table has no such column")
            .entity(mapper.name())
            .column(column)
    })
}

/// Converts a value to the type of a column.
fn fit(value: Value, column: &Column) -> Result<Value> {
    let wanted = column.ty.value_type();
    let is_fitting = match value.as_ref().value_type() {
        None => column.nullable,
        Some(found) => found == wanted,
    };
    if is_fitting {
        return Ok(value);
    }
    let integer = match value {
        Value::I16(number) => i64::from(number),
        Value::I32(number) => i64::from(number),
        Value::I64(number) => number,
        Value::F32(number) if wanted == ValueType::F64 => return Ok(Value::F64(number.into())),
        other => return Err(other.as_ref().mismatch(wanted)),
    };
    let fitting = match wanted {
        ValueType::I16 => i16::try_from(integer).ok().map(Value::I16),
        ValueType::I32 => i32::try_from(integer).ok().map(Value::I32),
        ValueType::I64 => Some(Value::I64(integer)),
        _ => None,
    };
    fitting.ok_or_else(|| Value::I64(integer).as_ref().mismatch(wanted))
}

/// Converts a key to the types of the key columns.
pub(crate) fn fit_key(mapper: &Mapper, key: RecordKey) -> Result<Vec<Value>> {
    let table = mapper.table();
    let values = key.into_values();
    if values.len() != table.primary_key.len() {
        let message = format!(
            "{} values for a key of {} columns",
            values.len(),
            table.primary_key.len()
        );
        return Err(Error::new(ErrorKind::Conversion, message).entity(mapper.name()));
    }
    let fitted = table
        .primary_key
        .iter()
        .zip(values)
        .map(|(&column, value)| {
            fit(value, &table.columns[column]).map_err(|error| mapper.column_error(column, error))
        });
    fitted.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::ColumnType;

    fn users() -> Records {
        Records::new(
            Table::build("users")
                .column(Column::new("id", ColumnType::I64).generated(Generated::Key))
                .column(Column::new("name", ColumnType::Text { length: None }))
                .column(Column::new("age", ColumnType::I16).nullable())
                .column(Column::new("height", ColumnType::F64).nullable())
                .primary_key(["id"]),
        )
    }

    #[test]
    fn columns_are_set_and_read_by_name() -> Result<()> {
        let mut ann = users().record();
        assert_eq!(ann.get::<Option<String>>("name")?, None);
        ann.set("name", "ann")?;
        ann.set("age", 36)?;
        ann.set("height", 1.5_f32)?;
        assert_eq!(ann.get::<String>("name")?, "ann");
        assert_eq!(ann.value("age"), Some(&Value::I16(36)));
        assert_eq!(ann.get::<f64>("height")?, 1.5);
        ann.set("age", None::<i16>)?;
        assert_eq!(ann.get::<Option<i16>>("age")?, None);
        let shown = r#"users { id: unset, name: Text("ann"), age: Null, height: F64(1.5) }"#;
        assert_eq!(format!("{ann:?}"), shown);
        Ok(())
    }

    #[test]
    fn wrong_values_are_refused_and_name_the_column() {
        let mut ann = users().record();
        let check = |result: Result<()>, kind: ErrorKind, column: &str| {
            let error = result.expect_err(column);
            assert_eq!((error.kind(), error.column_name()), (kind, Some(column)));
        };
        check(ann.set("age", 40_000), ErrorKind::Conversion, "age");
        check(ann.set("age", "old"), ErrorKind::Conversion, "age");
        check(
            ann.set("name", None::<String>),
            ErrorKind::Conversion,
            "name",
        );
        check(ann.set("mood", 1), ErrorKind::Mapping, "mood");
        check(
            ann.get::<String>("name").map(drop),
            ErrorKind::Conversion,
            "name",
        );
        check(
            users().column::<i64>("age").map(drop),
            ErrorKind::Mapping,
            "age",
        );
    }
}
