//! Lookups of rows by the values of some columns, with as few statements as the dialect allows.

use std::borrow::Cow;
use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::backend::{Row, Sql};
use crate::dialect::Batch;
use crate::engine::{Operation, Shape, WriteOperation};
use crate::entity::{Fetch, Mapper};
use crate::error::{Error, ErrorKind, Result};
use crate::render::{Lock, Renderer};
use crate::session::memory::undo_log::UndoLog;
use crate::session::write::persist::{bytes, fitting};
use crate::session::{AnyStore, Fill, Selection, Session};
use crate::sql;
use crate::value::{Param, Value, ValueRef, ValueType};

/// The maximum number of keys in one IN list.
const MOST_KEYS: usize = 512;

/// A lookup of rows by the values of some columns.
pub(in crate::session) struct Lookup<'a> {
    pub(in crate::session) store: u16,
    /// The columns to filter by.
    pub(in crate::session) by: &'a [usize],
    /// Their values, one key after the other.
    pub(in crate::session) keys: &'a [Value],
    pub(in crate::session) order: &'a [(usize, bool)],
    pub(in crate::session) lock: Lock,
    /// The deferred columns to load.
    pub(in crate::session) undefer: &'a [usize],
}

impl<'a> Lookup<'a> {
    /// All rows with these values, in any order, without locks and deferred columns.
    pub(in crate::session) fn new(store: u16, by: &'a [usize], keys: &'a [Value]) -> Self {
        Self {
            store,
            by,
            keys,
            order: &[],
            lock: Lock::None,
            undefer: &[],
        }
    }
}

/// The form in which keys are bound in one statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) enum KeyBatch {
    /// One array for each column.
    Arrays,
    /// A list of this length.
    List(usize),
}

impl KeyBatch {
    /// The DELETE of the rows with these keys, and their number where the text depends on it.
    pub(in crate::session) fn delete(self) -> (WriteOperation, usize) {
        match self {
            Self::Arrays => (WriteOperation::DeleteArrays, 0),
            Self::List(count) => (WriteOperation::Delete, count),
        }
    }
}

/// Sends one statement with a batch of keys.
pub(in crate::session) type SendBatch<'a> =
    &'a mut dyn FnMut(&mut Session, KeyBatch, &[Param<'_>]) -> Result<()>;

/// Sends one statement.
type SendSql<'a> = &'a mut dyn FnMut(&mut Session, &Sql, &[Param<'_>]) -> Result<()>;

/// Called with each row of a lookup and its store.
type EachRow<'a> = &'a mut dyn FnMut(&mut dyn AnyStore, &mut UndoLog, &dyn Row) -> Result<()>;

/// Called with each row that is not read into its store, and the object that has its key.
type PeekAtRow<'a> = &'a mut dyn FnMut(&dyn AnyStore, Option<u32>, &dyn Row) -> Result<()>;

impl Session {
    /// Reads rows by primary key into their store.
    pub(in crate::session) fn load_by_key(
        &mut self,
        store: u16,
        keys: &[Value],
    ) -> Result<Vec<u32>> {
        self.load_by_key_with(store, keys, &[])
    }

    /// Reads rows by primary key into their store, with deferred columns.
    pub(in crate::session) fn load_by_key_with(
        &mut self,
        store: u16,
        keys: &[Value],
        undefer: &[usize],
    ) -> Result<Vec<u32>> {
        let mapper = Arc::clone(&self.entry(store).mapper);
        let by = &mapper.table().primary_key;
        let joins = mapper
            .relations()
            .iter()
            .any(|relation| relation.fetch == Fetch::Joined);
        if joins && keys.len() == by.len() {
            let filter = key_filter(&mapper, keys);
            let selection = Selection {
                filter: Some(&filter),
                order: &[],
                limit: None,
                offset: None,
                joined: None,
                lock: None,
                fill: Fill::Expired,
                undefer,
            };
            let slots = self.query_objects(store, &selection, &[])?;
            self.forget_unmet(store, keys, slots.len())?;
            return Ok(slots);
        }
        self.autoflush()?;
        let slots = self.look_up(&Lookup {
            undefer,
            ..Lookup::new(store, by, keys)
        })?;
        self.forget_unmet(store, keys, slots.len())?;
        Ok(slots)
    }

    /// Reads the row of one key, without the allocations for several keys; the first row if the database considers several keys equal.
    pub(in crate::session) fn look_up_one(
        &mut self,
        store: u16,
        key: &[Param<'_>],
    ) -> Result<Option<u32>> {
        self.autoflush()?;
        self.refuse_second_mapping(store)?;
        let sql = match &self.entry(store).by_key {
            Some(sql) => Arc::clone(sql),
            None => {
                let mapper = Arc::clone(&self.entry(store).mapper);
                let lookup = Lookup::new(store, &mapper.table().primary_key, &[]);
                self.select_sql(&lookup, 1)
            }
        };
        let (mut first, mut repeated) = (None, None);
        self.read_into(store, &sql, key, (&[], Fill::Expired), |slot, _| {
            repeated = repeated.or(first.filter(|&first| first == slot));
            first = first.or(Some(slot));
            Ok(())
        })?;
        if let Some(slot) = repeated {
            return Err(doubled(self.any_store_mut(store), slot));
        }
        self.call_after_loads()?;
        if first.is_none() {
            self.forget_unmet(store, &owned(key), 0)?;
        }
        Ok(first)
    }

    /// After a lookup by keys that found `met` rows: removes the keys of expired objects that were not found, because their rows no longer
    /// exist.
    fn forget_unmet(&mut self, store: u16, keys: &[Value], met: usize) -> Result<()> {
        let any = self.any_store(store);
        let width = any.mapper().table().primary_key.len();
        let count = keys.len() / width;
        if met >= count {
            return Ok(());
        }
        let mut gone = Vec::new();
        let mut plans = self.plans();
        for key in keys.chunks(width) {
            let found = any.find(&values(key))?;
            // Objects with changes are left to the flush, which reports the loss.
            let is_unmet = |slot: &u32| {
                any.is_expired(*slot, self.log.epoch)
                    && !any.touched().contains(slot)
                    && !plans.have((store, *slot))
            };
            gone.extend(found.filter(is_unmet));
        }
        // A row may have an equal key in another form: then it is unknown to which object it belongs.
        if !gone.is_empty() && met + gone.len() <= count {
            self.forget_gone(store, gone);
        }
        Ok(())
    }

    /// Reads rows into their store, in batches; returns their slots in the order of the rows.
    pub(in crate::session) fn look_up(&mut self, lookup: &Lookup<'_>) -> Result<Vec<u32>> {
        self.look_up_each(lookup, &mut |_| Ok(()))
    }

    /// Reads rows into their store, in batches, calling `each` with every row.
    pub(in crate::session) fn look_up_each(
        &mut self,
        lookup: &Lookup<'_>,
        each: &mut dyn FnMut(&dyn Row) -> Result<()>,
    ) -> Result<Vec<u32>> {
        let mut slots = Vec::with_capacity(lookup.keys.len() / lookup.by.len());
        self.send_lookup(lookup, &mut |session, sql, params| {
            let how = (lookup.undefer, Fill::Expired);
            let from = slots.len();
            session.read_into(lookup.store, sql, params, how, |slot, row| {
                slots.push(slot);
                each(row)
            })?;
            refuse_repeated(session.any_store_mut(lookup.store), &slots[from..])
        })?;
        debug_assert!(
            slots
                .iter()
                .all(|&slot| slot < self.any_store(lookup.store).len())
        );
        self.call_after_loads()?;
        Ok(slots)
    }

    /// Refuses objects with several rows among those whose rows a statement with joins repeated. Repeated pairs in an association table
    /// without a key, and concurrent changes, repeat rows too, so the objects' own rows are counted.
    pub(crate) fn refuse_doubled(&mut self, store: u16, mut slots: Vec<u32>) -> Result<()> {
        if slots.is_empty() {
            return Ok(());
        }
        slots.sort_unstable();
        slots.dedup();
        let mapper = Arc::clone(&self.entry(store).mapper);
        let keys = self.key_values(store, &slots);
        self.look_up(&Lookup::new(store, &mapper.table().primary_key, &keys))
            .map(drop)
    }

    /// Runs the SELECTs of a lookup and calls `sink` with each row and its store.
    pub(in crate::session) fn look_up_rows(
        &mut self,
        lookup: &Lookup<'_>,
        sink: EachRow<'_>,
    ) -> Result<()> {
        self.send_lookup(lookup, &mut |session, sql, params| {
            let (any, log, connection) = session.reading_into(lookup.store)?;
            connection.query(sql, params, &mut |row| sink(any, log, row))
        })
    }

    /// Reads the rows of some objects without changing these; calls `each` with each row and the object that has its key.
    pub(in crate::session) fn peek_at_rows(
        &mut self,
        store: u16,
        slots: &[u32],
        each: PeekAtRow<'_>,
    ) -> Result<()> {
        let mapper = Arc::clone(&self.entry(store).mapper);
        let keys = self.key_values(store, slots);
        let lookup = Lookup::new(store, &mapper.table().primary_key, &keys);
        self.look_up_rows(&lookup, &mut |any, _, row| {
            let mut key = Vec::new();
            mapper.key_values(row, 0, &mut key)?;
            each(any, any.find(&key)?, row)
        })
    }

    /// Reads rows that begin with the columns of a store's table into it, and calls `each` with the slot of each row.
    pub(crate) fn read_into(
        &mut self,
        store: u16,
        sql: &Sql,
        params: &[Param<'_>],
        (undefer, fill): (&[usize], Fill),
        mut each: impl FnMut(u32, &dyn Row) -> Result<()>,
    ) -> Result<()> {
        let (any, log, connection) = self.reading_into(store)?;
        connection.query(
            sql,
            params,
            &mut |row| match any.take_row(row, 0, undefer, fill, log)? {
                Some(slot) => each(slot, row),
                None => Ok(()),
            },
        )
    }

    fn send_lookup(&mut self, lookup: &Lookup<'_>, send: SendSql<'_>) -> Result<()> {
        self.refuse_second_mapping(lookup.store)?;
        let width = lookup.by.len();
        self.each_batch(width, lookup.keys, &mut |session, batch, params| {
            let sql = match batch {
                KeyBatch::Arrays => {
                    session.lookup_sql(lookup, Operation::SelectArrays(lookup.lock), 0)
                }
                KeyBatch::List(size) => session.select_sql(lookup, size),
            };
            send(session, &sql, params)
        })
    }

    /// Splits keys into batches for as few statements as the dialect allows, and sends each. `width` is the number of columns of a key.
    pub(in crate::session) fn each_batch(
        &mut self,
        width: usize,
        keys: &[Value],
        send: SendBatch<'_>,
    ) -> Result<()> {
        let count = keys.len() / width;
        let batch = self.engine.dialect().batch();
        if batch == Batch::Arrays && count > 1 {
            let rows = keys.chunks(width);
            let fits = fitting(rows.map(|key| key.iter().map(|value| bytes(value.as_ref())).sum()));
            if fits < count {
                let (first, rest) = keys.split_at(fits * width);
                self.each_batch(width, first, send)?;
                return self.each_batch(width, rest, send);
            }
            let columns: Vec<Vec<ValueRef<'_>>> = (0..width)
                .map(|at| {
                    let column = keys.iter().skip(at).step_by(width);
                    column.map(Value::as_ref).collect()
                })
                .collect();
            let params: Vec<Param<'_>> =
                columns.iter().map(|column| Param::Column(column)).collect();
            return send(self, KeyBatch::Arrays, &params);
        }
        let most = match batch {
            Batch::Values { max_parameters } => (max_parameters / width).clamp(1, MOST_KEYS),
            _ => 1,
        };
        for keys in keys.chunks(most * width) {
            // To limit the number of shapes, the list is padded to a power of two by repeating its last key.
            let size = (keys.len() / width).next_power_of_two().min(most);
            let last = &keys[keys.len() - width..];
            let missing = size * width - keys.len();
            let filled = keys.iter().chain(last.iter().cycle().take(missing));
            let params: Vec<Param<'_>> = filled.map(|value| Param::Ref(value.as_ref())).collect();
            send(self, KeyBatch::List(size), &params)?;
        }
        Ok(())
    }

    /// The statement for this many keys. That for one primary key is cached in the store, because `get` uses it often.
    fn select_sql(&mut self, lookup: &Lookup<'_>, size: usize) -> Arc<Sql> {
        let operation = Operation::Select(lookup.lock);
        let entry = self.entry(lookup.store);
        let by_key = size == 1
            && lookup.lock == Lock::None
            && lookup.order.is_empty()
            && lookup.undefer.is_empty()
            && *lookup.by == *entry.mapper.table().primary_key;
        if !by_key {
            return self.lookup_sql(lookup, operation, size);
        }
        if let Some(sql) = &entry.by_key {
            return Arc::clone(sql);
        }
        let sql = self.lookup_sql(lookup, operation, size);
        self.stores[usize::from(lookup.store)].by_key = Some(Arc::clone(&sql));
        sql
    }

    fn lookup_sql(&self, lookup: &Lookup<'_>, operation: Operation, count: usize) -> Arc<Sql> {
        let mapper = &self.entry(lookup.store).mapper;
        let shape = Shape {
            mapper: mapper.id(),
            operation,
            columns: Cow::Borrowed(lookup.by),
            others: ordered(lookup.order, lookup.undefer).into(),
            count,
        };
        self.engine.shape(shape, || {
            let read = mapper.reading(lookup.undefer);
            let renderer = Renderer::new(self.engine.dialect()).lock(lookup.lock);
            match operation {
                Operation::SelectArrays(_) => {
                    renderer.select_by_arrays(mapper.table(), &read, lookup.by, lookup.order)
                }
                _ => renderer.select_by(mapper.table(), &read, lookup.by, count, lookup.order),
            }
        })
    }

    /// The primary keys of some objects in the database.
    pub(in crate::session) fn key_values(&self, store: u16, slots: &[u32]) -> Vec<Value> {
        let any = self.any_store(store);
        let mut params = Vec::with_capacity(slots.len());
        for &slot in slots {
            any.row_key(slot, &mut params);
        }
        owned(&params)
    }
}

/// The condition for the row of a key.
pub(in crate::session) fn key_filter(mapper: &Mapper, key: &[Value]) -> sql::Node {
    let key = mapper.table().primary_key.iter().zip(key);
    let conditions = key.map(|(&index, value)| {
        let value = sql::Node::Param(value.clone(), mapper.types()[index]);
        sql::column(mapper.table(), index, None).binary(sql::Operator::Eq, value)
    });
    conditions
        .reduce(sql::Node::and)
        .unwrap_or(sql::Node::All(Vec::new()))
}

/// Order and deferred columns in the shape of a statement.
pub(in crate::session) fn ordered(order: &[(usize, bool)], undefer: &[usize]) -> Vec<usize> {
    let order = order.iter();
    let order = order.map(|&(column, descending)| column * 2 + usize::from(descending));
    let mark = (!undefer.is_empty()).then_some(usize::MAX);
    order.chain(mark).chain(undefer.iter().copied()).collect()
}

/// Copies of the values of some parameters.
pub(in crate::session) fn owned(params: &[Param<'_>]) -> Vec<Value> {
    let mut values = Vec::with_capacity(params.len());
    values.extend(
        params
            .iter()
            .filter_map(Param::value)
            .map(ValueRef::to_owned),
    );
    values
}

/// Whether the database compares one of these columns by a collation, which may differ from the comparison in memory.
pub(in crate::session) fn has_text(mapper: &Mapper, columns: &[usize]) -> bool {
    let mut types = columns.iter().map(|&column| mapper.types()[column]);
    types.any(|ty| matches!(ty, ValueType::Text | ValueType::Json))
}

/// The values of a key as references.
pub(in crate::session) fn values(key: &[Value]) -> Vec<ValueRef<'_>> {
    key.iter().map(Value::as_ref).collect()
}

/// Refuses several rows of one object among those of a statement that finds each row once.
pub(crate) fn refuse_repeated(store: &mut dyn AnyStore, slots: &[u32]) -> Result<()> {
    match repeated(slots).first() {
        Some(&twice) => Err(doubled(store, twice)),
        None => Ok(()),
    }
}

/// The objects that a statement returned more than once.
pub(crate) fn repeated(slots: &[u32]) -> Vec<u32> {
    // New objects get ascending slots.
    if slots.is_sorted_by(|one, next| one < next) {
        return Vec::new();
    }
    let mut met = FxHashSet::default();
    let slots = slots.iter().copied();
    slots.filter(|&slot| !met.insert(slot)).collect()
}

/// The error for a key with several rows. The object is expired, because it may hold any of them; unflushed changes are kept.
#[cold]
pub(in crate::session) fn doubled(store: &mut dyn AnyStore, slot: u32) -> Error {
    if !store.touched().contains(&slot) {
        store.expire(slot);
    }
    let message =
        "several rows have this key: the primary key of the entity is not unique in its table";
    Error::new(ErrorKind::MultipleRows, message)
        .entity(store.mapper().name())
        .key(store.key_text(slot))
}

#[cold]
pub(in crate::session) fn not_connected() -> Error {
    Error::new(
        ErrorKind::ConnectionLost,
        "the session's connection is lost",
    )
}

#[cfg(test)]
mod tests {
    use super::ordered;

    #[test]
    fn statements_of_different_orders_have_different_shapes() {
        let shapes = [
            ordered(&[], &[]),
            ordered(&[(0, false)], &[]),
            ordered(&[(0, true)], &[]),
            ordered(&[(1, false)], &[]),
            ordered(&[(1, true)], &[]),
            ordered(&[(2, false)], &[]),
            ordered(&[(0, false), (1, false)], &[]),
            ordered(&[], &[0]),
            ordered(&[(0, false)], &[1]),
        ];
        for (at, shape) in shapes.iter().enumerate() {
            assert!(!shapes[..at].contains(shape), "{at}");
        }
    }
}
