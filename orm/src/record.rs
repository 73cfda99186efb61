//! Rows without a struct: tables that are known at run time only, in the same session as entities.
//!
//! [`Metadata::reflect`](crate::metadata::Metadata::reflect) maps a whole database, [`RecordTables`] tables with relations that the
//! program declares. A session adds, merges, loads, relates and deletes records by the methods that serve entities. A relation is named
//! by its text, `session.load(album, "track")?`, or by a value that knows its mapping and how many it leads to
//! ([`Records::relation`]); a row is found by its key with [`Records::get`]. Queries are built by [`Records::query`]; what they load along is said by
//! [`Load`](crate::query::Load).
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
mod pairing;

pub use declare::{RecordRelation, RecordTables};
pub use key::RecordKey;

pub(crate) use family::Family;

use std::fmt::{self, Debug};
use std::sync::{Arc, Weak};

use crate::backend::Row;
use crate::entity::{
    Attach, Cardinality, Mapped, Mapper, PendingRelation, PendingRelations, Relation, RelationKind,
};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::{Column, Generated, Table};
use crate::session::{AddOrMerge, Handle, KeysToMerge, ObjectId, Session};
use crate::sql::{ColumnRef, Expr, Node};
use crate::value::{ColumnValue, Param, Value, ValueRef, ValueType};

/// The mapping of a table whose rows are [`Record`]s. Cheap to clone.
///
/// A session takes one mapping of a table, the first that it meets, so that one row is never two objects: through a second one, be it
/// an entity's or that of another reflection, nothing is read and nothing written.
#[derive(Clone)]
pub struct Records {
    mapper: Arc<Mapper>,
}

/// One row of a table that is known at run time only.
#[derive(Clone)]
pub struct Record {
    mapper: Arc<Mapper>,
    /// `None` where nothing was set.
    values: Vec<Option<Value>>,
    /// What it shall be related to, until a session takes it over.
    pending_relations: Vec<(u16, PendingRelation<Record>)>,
}

impl Records {
    /// Maps a table, without relations. Those along foreign keys come with
    /// [`Metadata::of_records`](crate::metadata::Metadata::of_records).
    pub fn new(table: Table) -> Self {
        let name = table.name.clone();
        Self {
            mapper: Mapper::new(name, table).shared(),
        }
    }

    pub(crate) fn of(mapper: Arc<Mapper>) -> Self {
        Self { mapper }
    }

    /// A row with nothing set: generated columns are left to the database, the others are NULL.
    pub fn record(&self) -> Record {
        Record {
            mapper: Arc::clone(&self.mapper),
            values: vec![None; self.mapper.types().len()],
            pending_relations: Vec::new(),
        }
    }

    /// A column to filter and order by, as [`query`](Self::query) takes it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mapping`] if the table has no such column, or one of another type than `T`.
    pub fn column<T: ColumnValue>(&self, name: &str) -> Result<Expr<Record, T>> {
        let index = self.typed::<T>(name)?;
        Ok(Expr::from_node(Node::Column(self.reference(index))))
    }

    /// The table.
    pub fn table(&self) -> &Arc<Table> {
        self.mapper.table()
    }

    /// The mapping as the session sees it.
    pub fn mapper(&self) -> &Arc<Mapper> {
        &self.mapper
    }

    /// The names of the relations, with those of the tables that they lead to.
    pub fn relations(&self) -> impl Iterator<Item = (&str, String)> {
        self.mapper
            .relations()
            .iter()
            .map(|relation| (relation.name(), relation.target().table().name.clone()))
    }

    /// A relation as a value, with how many it leads to: `artists.relation::<Many>("album")?`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mapping`] if there is no such relation, or it leads to more or fewer than `K` says.
    pub fn relation<K: Cardinality>(
        &self,
        name: &str,
    ) -> Result<Relation<Record, Record, K, Arc<Mapper>>> {
        let number = relation(&self.mapper, name)?;
        let resolved = &self.mapper.resolved()?[usize::from(number)];
        if !K::fits(resolved.kind, resolved.required) {
            let message = format!("the relation {name} does not lead to as many as it is asked as");
            return Err(Error::new(ErrorKind::Mapping, message).entity(self.mapper.name()));
        }
        Ok(Relation::of_mapping(&self.mapper, number))
    }

    /// The record with this key: without a statement if it is mapped and not expired, else by one SELECT. `None` if there is no such
    /// row. As [`Session::get`] for entities.
    ///
    /// # Errors
    ///
    /// What an autoflush or the SELECT gives; [`ErrorKind::Conversion`] if the key is of another type or width.
    pub fn get(
        &self,
        session: &mut Session,
        key: impl Into<RecordKey>,
    ) -> Result<Option<Handle<Record>>> {
        let key = fit_key(&self.mapper, key.into())?;
        Ok(session.get_keys(&self.mapper, &[key])?.pop())
    }

    /// The records with these keys, in the order of the keys; keys without a row are left out. As [`Session::get_many`] for entities.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn get_many(
        &self,
        session: &mut Session,
        keys: impl IntoIterator<Item = impl Into<RecordKey>>,
    ) -> Result<Vec<Handle<Record>>> {
        let keys = keys.into_iter();
        let keys: Result<Vec<Vec<Value>>> =
            keys.map(|key| fit_key(&self.mapper, key.into())).collect();
        session.get_keys(&self.mapper, &keys?)
    }

    /// The position of a column that is read as a `T`.
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

    /// The position of a column, and a value in its type.
    pub(crate) fn fitted(&self, name: &str, value: Value) -> Result<(usize, Value)> {
        let index = position(&self.mapper, name)?;
        let column = &self.mapper.table().columns[index];
        match fit(value, column) {
            Ok(value) => Ok((index, value)),
            Err(error) => Err(named(&self.mapper, index, error)),
        }
    }

    pub(crate) fn reference(&self, index: usize) -> ColumnRef {
        ColumnRef {
            table: Arc::clone(self.mapper.table()),
            index,
            alias: None,
        }
    }
}

impl Record {
    /// The value of a column.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mapping`] if the table has no such column; [`ErrorKind::Conversion`] if the value is of another type, or there is
    /// none yet and `T` is no `Option`.
    pub fn get<T: ColumnValue>(&self, column: &str) -> Result<T> {
        let index = position(&self.mapper, column)?;
        let value = self.values[index].as_ref();
        self.mapper
            .convert(index, value.map_or(ValueRef::Null, Value::as_ref))
    }

    /// Sets a column. An integer is stored in the column's width, if it fits.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Mapping`] if the table has no such column; [`ErrorKind::Conversion`] for a value of another type, or NULL where
    /// the column refuses it.
    pub fn set(&mut self, column: &str, value: impl Into<Value>) -> Result<()> {
        let index = position(&self.mapper, column)?;
        let column = &self.mapper.table().columns[index];
        let value = fit(value.into(), column).map_err(|error| named(&self.mapper, index, error))?;
        self.values[index] = Some(value);
        Ok(())
    }

    /// Puts what the record shall be related to into it, by the name of a relation: another record, which comes into the session along
    /// with this one, or a handle of the session. As a relationship field of an entity, it is empty once the session took it over;
    /// what is put into a record of the session is drained by the next flush. A relation to one leads to what was put there last.
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
    /// [`ErrorKind::Mapping`] if the table has no such relation, or it leads to another table than the record's; whether a handle is
    /// of that table is told when the session takes it over.
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

    /// The value of a column as it is; `None` if there is no such column, or nothing was set.
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
        let read = |(index, &ty): (usize, &ValueType)| {
            row.value(at + index, ty)
                .map(|value| Some(value.to_owned()))
                .map_err(|error| named(mapper, index, error))
        };
        let values: Result<Vec<Option<Value>>> =
            mapper.types().iter().enumerate().map(read).collect();
        Ok(Self {
            mapper: mapper.upgrade().ok_or_else(|| {
                Error::new(ErrorKind::Mapping, "it is not a mapping of records")
                    .entity(mapper.name())
            })?,
            values: values?,
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

    fn value(&self, _: &Mapper, column: usize) -> Param<'_> {
        let value = self.values[column].as_ref();
        Param::Ref(value.map_or(ValueRef::Null, Value::as_ref))
    }

    fn is_unset(&self, mapper: &Mapper, column: usize) -> bool {
        self.values[column].is_none() && mapper.table().columns[column].generated != Generated::No
    }

    fn is_given(&self, _: &Mapper, column: usize) -> bool {
        self.values[column].is_some()
    }

    fn assign(&mut self, mapper: &Mapper, column: usize, value: ValueRef<'_>) -> Result<()> {
        let value = match value {
            // A foreign key that is let go, or a snapshot of what was not set: the flush says whether the column takes it.
            ValueRef::Null => Value::Null,
            value => fit(value.to_owned(), &mapper.table().columns[column])
                .map_err(|error| named(mapper, column, error))?,
        };
        self.values[column] = Some(value);
        Ok(())
    }

    fn unload(&mut self, column: usize) {
        self.values[column] = None;
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
        // Asked of every object at every flush, and mostly there are none.
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

/// What a record shall be related to.
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
            // What leads elsewhere is refused where it is attached.
            _ => {}
        }
    }
}

impl PartialEq for Record {
    /// Whether they are rows of one mapping with the same values.
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

impl Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Records")
            .field(&self.mapper.table().name)
            .finish()
    }
}

impl Mapper {
    /// A mapper that knows its own place, for its rows to share.
    pub(crate) fn shared(self) -> Arc<Self> {
        Arc::new_cyclic(|itself: &Weak<Self>| self.located(Weak::clone(itself)))
    }
}

/// The relation that a path begins with, and what of the path is after it. Names may have dots in them: the longest fits best.
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

/// The relation of a name.
pub(crate) fn relation(mapper: &Mapper, name: &str) -> Result<u16> {
    let mut relations = (0u16..).zip(mapper.relations());
    match relations.find(|(_, relation)| relation.name() == name) {
        Some((index, _)) => Ok(index),
        None => Err(no_relation(mapper, name)),
    }
}

#[cold]
pub(crate) fn leads_elsewhere(mapper: &Mapper, relation: &str, found: &str) -> Error {
    let message = format!("its relation {relation} does not lead to {found}");
    Error::new(ErrorKind::Mapping, message).entity(mapper.name())
}

#[cold]
fn no_relation(mapper: &Mapper, name: &str) -> Error {
    let message = format!("the table {} has no relation `{name}`", mapper.table().name);
    Error::new(ErrorKind::Mapping, message).entity(mapper.name())
}

/// The position of a column.
pub(crate) fn position(mapper: &Mapper, column: &str) -> Result<usize> {
    mapper.table().position(column).ok_or_else(|| {
        Error::new(ErrorKind::Mapping, "the table has no such column")
            .entity(mapper.name())
            .column(column)
    })
}

/// A value in the type of a column.
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

fn named(mapper: &Mapper, column: usize, error: Error) -> Error {
    error
        .entity(mapper.name())
        .column(&mapper.table().columns[column].name)
}

/// A key whose parts have the types of the key's columns.
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
            fit(value, &table.columns[column]).map_err(|error| named(mapper, column, error))
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
    fn what_does_not_fit_is_refused_and_named() {
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
