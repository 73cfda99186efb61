//! Persistence: one step of a plan becomes one or a few statements, and what the database made comes back to its objects.

use std::sync::Arc;

use super::fit::trace;
use super::load::not_connected;
use super::plan::Step;
use super::{AnyStore, Session};
use crate::backend::{Rows, Sql};
use crate::dialect::Batch;
use crate::engine::{Operation, Shape};
use crate::entity::Mapper;
use crate::error::{Error, ErrorKind, Result};
use crate::render::{Lock, Renderer};
use crate::value::{Param, Value, ValueRef, ValueType};

/// Rows of one multi-row VALUES. Beyond it a longer statement costs more to prepare than it saves.
const MOST_ROWS: usize = 64;

/// Runs one step.
pub(super) fn run(session: &mut Session, step: &Step) -> Result<()> {
    match step {
        Step::Insert {
            store,
            columns,
            slots,
        } => Insert {
            store: *store,
            columns,
            slots,
        }
        .run(session),
        Step::Update {
            store,
            columns,
            slots,
        } => update(session, *store, columns, slots),
        Step::Delete { store, slots } => delete(session, *store, slots),
    }
}

/// Whether a step is sent as a single statement, and so is whole by itself.
pub(super) fn is_one_statement(session: &Session, step: &Step) -> bool {
    let (Step::Insert { slots, .. } | Step::Update { slots, .. } | Step::Delete { slots, .. }) =
        step;
    if slots.len() == 1 {
        return true;
    }
    match step {
        Step::Insert { store, columns, .. } => {
            let insert = Insert {
                store: *store,
                columns,
                slots,
            };
            let all_keys = insert.made_by_database(session).is_empty();
            match session.engine.dialect().batch() {
                Batch::Arrays => insert.in_one_array_statement(session),
                Batch::Values { max_parameters } => {
                    all_keys && slots.len() <= rows_per_statement(max_parameters, columns.len())
                }
                Batch::Rows => false,
            }
        }
        Step::Update { .. } | Step::Delete { .. } => {
            session.engine.dialect().batch() == Batch::Arrays
        }
    }
}

fn rows_per_statement(max_parameters: usize, width: usize) -> usize {
    (max_parameters / width.max(1)).clamp(1, MOST_ROWS)
}

/// New rows of one table that give the same columns.
struct Insert<'a> {
    store: u16,
    columns: &'a [usize],
    slots: &'a [u32],
}

impl Insert<'_> {
    fn run(&self, session: &mut Session) -> Result<()> {
        let made = self.made_by_database(session);
        let generated = session
            .entry(self.store)
            .mapper
            .table()
            .generated_key()
            .filter(|key| made.contains(key));
        if generated.is_some() && !session.engine.capabilities().generated_keys {
            let what = "a key that the database counts (give the object a key)";
            return Err(Error::unsupported(session.engine.dialect().name(), what));
        }
        match session.engine.dialect().batch() {
            Batch::Arrays if self.slots.len() > 1 && self.in_one_array_statement(session) => {
                self.arrays(session, &made)
            }
            Batch::Arrays => self.returning(session, &made),
            _ if made.is_empty() => self.values(session, self.columns),
            _ if generated.is_some() && made.len() == 1 => self.counted(session, made[0]),
            _ => self.returning(session, &made),
        }?;
        self.finish(session)
    }

    /// The columns that the program leaves to the database.
    fn made_by_database(&self, session: &Session) -> Vec<usize> {
        let width = session.entry(self.store).mapper.types().len();
        (0..width)
            .filter(|column| !self.columns.contains(column))
            .collect()
    }

    /// Arrays need a column, and rows that come back must be told apart: by the key, which ascends if the database counts it.
    fn in_one_array_statement(&self, session: &Session) -> bool {
        let table = session.entry(self.store).mapper.table();
        let key_known = table
            .primary_key
            .iter()
            .all(|column| self.columns.contains(column));
        !self.columns.is_empty() && (key_known || table.generated_key().is_some())
    }

    fn finish(&self, session: &mut Session) -> Result<()> {
        let epoch = session.epoch;
        let store = session.any_store_mut(self.store);
        self.slots
            .iter()
            .try_for_each(|&slot| store.inserted(slot, epoch))
    }

    /// Rows whose every column the program gives.
    fn values(&self, session: &mut Session, columns: &[usize]) -> Result<()> {
        let Batch::Values { max_parameters } = session.engine.dialect().batch() else {
            let sql = self.sql(session, Operation::Insert, columns, &[], 1);
            return each_row(
                session,
                self.store,
                &sql,
                self.slots,
                columns,
                Keys::None,
                &mut |_, _, _| Ok(()),
            );
        };
        for slots in self
            .slots
            .chunks(rows_per_statement(max_parameters, columns.len()))
        {
            let sql = self.sql(session, Operation::Insert, columns, &[], slots.len());
            let (store, connection) = parts(session, self.store)?;
            let params = params(store, slots, columns, Keys::None);
            connection
                .execute(&sql, &params)
                .map_err(|error| trace(error, store.mapper(), columns))?;
        }
        Ok(())
    }

    /// Rows whose key the database counts: counted on from the last key where the dialect allows, else told row by row.
    fn counted(&self, session: &mut Session, key: usize) -> Result<()> {
        if self.slots.len() > 1
            && !self.columns.is_empty()
            && let Some(last) = self.last_key(session)?
        {
            return self.count_on(session, key, last);
        }
        let sql = self.sql(session, Operation::Insert, self.columns, &[], 1);
        let mut ids = Vec::with_capacity(self.slots.len());
        each_row(
            session,
            self.store,
            &sql,
            self.slots,
            self.columns,
            Keys::None,
            &mut |_, _, outcome| {
                ids.push(outcome.last_insert_id.ok_or_else(|| untold(&sql))?);
                Ok(())
            },
        )?;
        let ty = session.entry(self.store).mapper.types()[key];
        let store = session.any_store_mut(self.store);
        self.slots
            .iter()
            .zip(ids)
            .try_for_each(|(&slot, id)| store.assign(slot, key, key_value(ty, id)?))
    }

    /// The greatest key in use; 0 for an empty table. `None` where the dialect does not count on.
    fn last_key(&self, session: &mut Session) -> Result<Option<i64>> {
        let mapper = Arc::clone(&session.entry(self.store).mapper);
        let Some(text) = session.engine.dialect().last_key(mapper.table()) else {
            return Ok(None);
        };
        let shape = shape(&mapper, Operation::LastKey, &[], &[], 0);
        let sql = session.engine.shape(shape, || {
            Sql::new(
                crate::backend::StatementKind::Select,
                text,
                [],
                [ValueType::I64],
            )
        });
        let connection = session.connection.as_mut().ok_or_else(not_connected)?;
        let mut last = None;
        connection.query(&sql, &[], &mut |row| {
            last = match row.value(0, ValueType::I64)? {
                ValueRef::I64(last) => Some(last),
                _ => Some(0),
            };
            Ok(())
        })?;
        // Negative keys can only have been given by hand; counting starts at 1 all the same.
        Ok(last.map(|last| last.max(0)))
    }

    fn count_on(&self, session: &mut Session, key: usize, last: i64) -> Result<()> {
        let ty = session.entry(self.store).mapper.types()[key];
        let store = session.any_store_mut(self.store);
        for (id, &slot) in (1..).zip(self.slots) {
            let id = last
                .checked_add(id)
                .ok_or_else(|| Error::new(ErrorKind::OutOfRange, "the table's keys are used up"))?;
            store.assign(slot, key, key_value(ty, id)?)?;
        }
        let mut columns = self.columns.to_vec();
        columns.push(key);
        columns.sort_unstable();
        self.values(session, &columns)
    }

    /// All rows in one statement, one array a column.
    fn arrays(&self, session: &mut Session, made: &[usize]) -> Result<()> {
        let mapper = Arc::clone(&session.entry(self.store).mapper);
        let key = &mapper.table().primary_key;
        let mut back: Vec<usize> = made.to_vec();
        if !made.is_empty() {
            back.extend(key.iter().filter(|column| !made.contains(column)));
        }
        let sql = self.sql(session, Operation::InsertArrays, self.columns, &back, 0);
        let (store, connection) = parts(session, self.store)?;
        let columns: Vec<Vec<Param<'_>>> = self
            .columns
            .iter()
            .map(|&column| {
                self.slots
                    .iter()
                    .map(|&slot| store.value(slot, column))
                    .collect()
            })
            .collect();
        if made.is_empty() {
            return with_arrays(&columns, |params| {
                connection.execute(&sql, params).map(drop)
            })
            .map_err(|error| trace(error, &mapper, self.columns));
        }
        let mut rows: Vec<Vec<Value>> = Vec::with_capacity(self.slots.len());
        with_arrays(&columns, |params| {
            connection.query(&sql, params, &mut |row| {
                let values = back.iter().enumerate().map(|(at, &column)| {
                    row.value(at, mapper.types()[column])
                        .map(ValueRef::to_owned)
                });
                rows.push(values.collect::<Result<_>>()?);
                Ok(())
            })
        })
        .map_err(|error| trace(error, &mapper, self.columns))?;
        drop(columns);
        if rows.len() != self.slots.len() {
            let message = format!(
                "the INSERT of {} rows returned {}",
                self.slots.len(),
                rows.len()
            );
            return Err(Error::new(ErrorKind::Database, message).statement(sql.text()));
        }
        let slots = self.pair(session, &mapper, made, &back, &mut rows)?;
        let store = session.any_store_mut(self.store);
        for (slot, row) in slots.into_iter().zip(&rows) {
            for (&column, value) in made.iter().zip(row) {
                store.assign(slot, column, value.as_ref())?;
            }
        }
        Ok(())
    }

    /// Which object each returned row belongs to. Rows return in no documented order: keys that the database counted ascend in the order
    /// of the rows that were sent, all others are known.
    fn pair(
        &self,
        session: &Session,
        mapper: &Mapper,
        made: &[usize],
        back: &[usize],
        rows: &mut [Vec<Value>],
    ) -> Result<Vec<u32>> {
        if let Some(at) = mapper
            .table()
            .generated_key()
            .and_then(|key| made.iter().position(|&column| column == key))
        {
            rows.sort_by_key(|row| integer(&row[at]));
            return Ok(self.slots.to_vec());
        }
        let key_at: Vec<usize> = mapper
            .table()
            .primary_key
            .iter()
            .filter_map(|column| back.iter().position(|c| c == column))
            .collect();
        let store = session.any_store(self.store);
        let by_key: std::collections::BTreeMap<String, u32> = self
            .slots
            .iter()
            .map(|&slot| (key_of(store, slot), slot))
            .collect();
        let slot = |row: &Vec<Value>| {
            let key: Vec<ValueRef<'_>> = key_at.iter().map(|&at| row[at].as_ref()).collect();
            by_key.get(&format!("{key:?}")).copied().ok_or_else(|| {
                Error::new(
                    ErrorKind::Database,
                    "the INSERT returned a row with a key that was not sent",
                )
            })
        };
        rows.iter().map(slot).collect()
    }

    /// One row a statement, which returns what the database made.
    fn returning(&self, session: &mut Session, made: &[usize]) -> Result<()> {
        if made.is_empty() {
            let sql = self.sql(session, Operation::Insert, self.columns, &[], 1);
            return each_row(
                session,
                self.store,
                &sql,
                self.slots,
                self.columns,
                Keys::None,
                &mut |_, _, _| Ok(()),
            );
        }
        if !session.engine.capabilities().returning {
            let what = "reading back what the database made in an INSERT (RETURNING)";
            return Err(Error::unsupported(session.engine.dialect().name(), what));
        }
        let types = session.entry(self.store).mapper.types().to_vec();
        let sql = self.sql(session, Operation::Insert, self.columns, made, 1);
        for &slot in self.slots {
            let (store, connection) = parts(session, self.store)?;
            let mut values = Vec::with_capacity(made.len());
            connection.query(
                &sql,
                &params(store, &[slot], self.columns, Keys::None),
                &mut |row| {
                    for (at, &column) in made.iter().enumerate() {
                        values.push(row.value(at, types[column])?.to_owned());
                    }
                    Ok(())
                },
            )?;
            if values.len() != made.len() {
                return Err(untold(&sql));
            }
            let store = session.any_store_mut(self.store);
            made.iter()
                .zip(&values)
                .try_for_each(|(&column, value)| store.assign(slot, column, value.as_ref()))?;
        }
        Ok(())
    }

    fn sql(
        &self,
        session: &Session,
        operation: Operation,
        columns: &[usize],
        back: &[usize],
        rows: usize,
    ) -> Arc<Sql> {
        let mapper = &session.entry(self.store).mapper;
        session
            .engine
            .shape(shape(mapper, operation, columns, back, rows), || {
                let renderer = Renderer::new(session.engine.dialect());
                match operation {
                    Operation::InsertArrays => {
                        renderer.insert_arrays(mapper.table(), columns, back)
                    }
                    _ => renderer.insert(mapper.table(), columns, rows, back),
                }
            })
    }
}

fn update(session: &mut Session, store: u16, columns: &[usize], slots: &[u32]) -> Result<()> {
    let mapper = Arc::clone(&session.entry(store).mapper);
    let key = &mapper.table().primary_key;
    let renderer = |session: &Session, operation| {
        session
            .engine
            .shape(shape(&mapper, operation, columns, key, 0), || {
                let renderer = Renderer::new(session.engine.dialect());
                match operation {
                    Operation::UpdateArrays => renderer.update_arrays(mapper.table(), columns, key),
                    _ => renderer.update(mapper.table(), columns, key),
                }
            })
    };
    if slots.len() > 1 && session.engine.dialect().batch() == Batch::Arrays {
        let sql = renderer(session, Operation::UpdateArrays);
        let matched = {
            let (any, connection) = parts(session, store)?;
            let arrays = key_arrays(any, slots, columns);
            let sent: Vec<usize> = columns.iter().chain(key).copied().collect();
            let outcome = with_arrays(&arrays, |params| connection.execute(&sql, params));
            outcome
                .map_err(|error| trace(error, &mapper, &sent))?
                .matched
        };
        expect_all(session, store, slots, matched, "UPDATE")?;
    } else {
        let sql = renderer(session, Operation::Update);
        one_each(session, store, &sql, slots, columns, "UPDATE")?;
    }
    let epoch = session.epoch;
    let any = session.any_store_mut(store);
    slots.iter().try_for_each(|&slot| any.updated(slot, epoch))
}

fn delete(session: &mut Session, store: u16, slots: &[u32]) -> Result<()> {
    let mapper = Arc::clone(&session.entry(store).mapper);
    let key = &mapper.table().primary_key;
    let renderer = |session: &Session, operation| {
        session
            .engine
            .shape(shape(&mapper, operation, &[], key, 0), || {
                let renderer = Renderer::new(session.engine.dialect());
                match operation {
                    Operation::DeleteArrays => renderer.delete_arrays(mapper.table(), key),
                    _ => renderer.delete(mapper.table(), key),
                }
            })
    };
    if slots.len() > 1 && session.engine.dialect().batch() == Batch::Arrays {
        let sql = renderer(session, Operation::DeleteArrays);
        let matched = {
            let (any, connection) = parts(session, store)?;
            let arrays = key_arrays(any, slots, &[]);
            with_arrays(&arrays, |params| connection.execute(&sql, params))?.matched
        };
        expect_all(session, store, slots, matched, "DELETE")?;
    } else {
        let sql = renderer(session, Operation::Delete);
        one_each(session, store, &sql, slots, &[], "DELETE")?;
    }
    let any = session.any_store_mut(store);
    slots.iter().for_each(|&slot| any.deleted(slot));
    Ok(())
}

/// Runs a statement for each row; a row that it does not match is stale.
fn one_each(
    session: &mut Session,
    store: u16,
    sql: &Arc<Sql>,
    slots: &[u32],
    columns: &[usize],
    what: &str,
) -> Result<()> {
    let mut stale = None;
    let result = each_row(
        session,
        store,
        sql,
        slots,
        columns,
        Keys::OfTheRow,
        &mut |_, slot, outcome| {
            if outcome.matched == 0 {
                stale = Some(slot);
                return Err(Error::new(ErrorKind::StaleData, "no row matched"));
            }
            Ok(())
        },
    );
    match stale {
        Some(slot) => Err(session
            .stale(store, slot, &format!("the {what} matched no row"))
            .statement(sql.text())),
        None => result,
    }
}

/// After a statement for many rows: each must have been matched.
fn expect_all(
    session: &mut Session,
    store: u16,
    slots: &[u32],
    matched: u64,
    what: &str,
) -> Result<()> {
    if matched == slots.len() as u64 {
        return Ok(());
    }
    let message = format!(
        "the {what} of {} rows matched {matched}; one of them is the row named here",
        slots.len()
    );
    let gone = session.first_missing(store, slots)?.unwrap_or(slots[0]);
    Err(session.stale(store, gone, &message))
}

impl Session {
    /// The first of some objects whose row does not exist.
    fn first_missing(&mut self, store: u16, slots: &[u32]) -> Result<Option<u32>> {
        let by = self.entry(store).mapper.table().primary_key.clone();
        let mut met = std::collections::BTreeSet::new();
        for &slot in slots {
            let keys = self.key_values(store, &[slot]);
            let lookup = super::load::Lookup {
                store,
                by: &by,
                keys: &keys,
                order: &[],
                lock: Lock::None,
            };
            self.look_up_rows(&lookup, &mut |_, _| {
                met.insert(slot);
                Ok(())
            })?;
            if !met.contains(&slot) {
                return Ok(Some(slot));
            }
        }
        Ok(None)
    }
}

/// Whether the parameters of a row end with its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keys {
    None,
    OfTheRow,
}

type EachOutcome<'a> = &'a mut dyn FnMut(usize, u32, crate::backend::Outcome) -> Result<()>;

/// Runs one statement for each of some objects.
fn each_row(
    session: &mut Session,
    store: u16,
    sql: &Sql,
    slots: &[u32],
    columns: &[usize],
    keys: Keys,
    each: EachOutcome<'_>,
) -> Result<()> {
    let (any, connection) = parts(session, store)?;
    let params = params(any, slots, columns, keys);
    let mut sent = columns.to_vec();
    if keys == Keys::OfTheRow {
        sent.extend(&any.mapper().table().primary_key);
    }
    let traced = |error| trace(error, any.mapper(), &sent);
    if let [slot] = slots {
        return each(0, *slot, connection.execute(sql, &params).map_err(traced)?);
    }
    let rows = if params.is_empty() {
        Rows::empty(slots.len())
    } else {
        Rows::new(&params, params.len() / slots.len())
    };
    let mut at = 0;
    let result = connection.execute_each(sql, rows, &mut |outcome| {
        at += 1;
        each(at - 1, slots[at - 1], outcome)
    });
    result.map_err(traced)
}

/// The parameters of some rows, one behind the other.
fn params<'a>(
    store: &'a dyn AnyStore,
    slots: &[u32],
    columns: &[usize],
    keys: Keys,
) -> Vec<Param<'a>> {
    let mut params = Vec::with_capacity(slots.len() * (columns.len() + 1));
    for &slot in slots {
        params.extend(columns.iter().map(|&column| store.value(slot, column)));
        if keys == Keys::OfTheRow {
            store.row_key(slot, &mut params);
        }
    }
    params
}

/// One array for each column, then one for each key column.
fn key_arrays<'a>(
    store: &'a dyn AnyStore,
    slots: &[u32],
    columns: &[usize],
) -> Vec<Vec<Param<'a>>> {
    let mut arrays: Vec<Vec<Param<'a>>> = columns
        .iter()
        .map(|&column| {
            slots
                .iter()
                .map(|&slot| store.value(slot, column))
                .collect()
        })
        .collect();
    let width = store.mapper().table().primary_key.len();
    let mut keys = Vec::with_capacity(slots.len() * width);
    slots
        .iter()
        .for_each(|&slot| store.row_key(slot, &mut keys));
    arrays.extend((0..width).map(|at| keys.iter().skip(at).step_by(width).cloned().collect()));
    arrays
}

/// Lends columns of parameters as arrays.
fn with_arrays<T>(
    columns: &[Vec<Param<'_>>],
    run: impl FnOnce(&[Param<'_>]) -> Result<T>,
) -> Result<T> {
    let values: Vec<Vec<ValueRef<'_>>> = columns
        .iter()
        .map(|column| {
            column
                .iter()
                .map(|param| param.value().unwrap_or(ValueRef::Null))
                .collect()
        })
        .collect();
    let params: Vec<Param<'_>> = values.iter().map(|column| Param::Column(column)).collect();
    run(&params)
}

fn parts(
    session: &mut Session,
    store: u16,
) -> Result<(&dyn AnyStore, &mut crate::engine::Connected)> {
    let connection = session.connection.as_mut().ok_or_else(not_connected)?;
    Ok((&*session.stores[usize::from(store)].store, connection))
}

fn shape(
    mapper: &Mapper,
    operation: Operation,
    columns: &[usize],
    others: &[usize],
    count: usize,
) -> Shape {
    Shape {
        mapper: mapper.id(),
        operation,
        columns: columns.to_vec(),
        others: others.to_vec(),
        count,
    }
}

fn key_of(store: &dyn AnyStore, slot: u32) -> String {
    let mut key = Vec::new();
    store.row_key(slot, &mut key);
    let values: Vec<ValueRef<'_>> = key.iter().filter_map(Param::value).collect();
    format!("{values:?}")
}

fn integer(value: &Value) -> i64 {
    match value {
        Value::I16(v) => i64::from(*v),
        Value::I32(v) => i64::from(*v),
        Value::I64(v) => *v,
        _ => 0,
    }
}

/// A counted key in the type of its column.
fn key_value(ty: ValueType, id: i64) -> Result<ValueRef<'static>> {
    let narrow = match ty {
        ValueType::I16 => i16::try_from(id).map(ValueRef::I16),
        ValueType::I32 => i32::try_from(id).map(ValueRef::I32),
        _ => Ok(ValueRef::I64(id)),
    };
    narrow.map_err(|_| {
        Error::new(
            ErrorKind::OutOfRange,
            format!("the key that the database counted does not fit {ty:?}"),
        )
    })
}

#[cold]
fn untold(sql: &Sql) -> Error {
    Error::new(
        ErrorKind::Database,
        "the backend did not tell what the database made for the inserted row",
    )
    .statement(sql.text())
}
