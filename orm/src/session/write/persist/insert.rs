//! New rows: sent in as few statements as the dialect allows, and given back the keys that the database counted.

use std::sync::Arc;

use super::send::{Keys, each_row, params, parts, shape, with_arrays};
use crate::backend::{Outcome, Sql};
use crate::dialect::Batch;
use crate::engine::Operation;
use crate::entity::Mapper;
use crate::error::{Error, ErrorKind, Result};
use crate::render::Renderer;
use crate::session::memory::fit::trace;
use crate::session::read::lookup::not_connected;
use crate::session::{AnyStore, Session};
use crate::value::{Param, Value, ValueRef, ValueType};

/// Rows of one multi-row VALUES. Each number of rows is a statement of its own to prepare and keep, so few numbers are used: many
/// rows go by [`MANY_ROWS`], and what is left by no more than this.
const MOST_ROWS: usize = 64;

/// Rows of one multi-row VALUES where there are that many.
const MANY_ROWS: usize = 250;

pub(super) fn rows_per_statement(max_parameters: usize, width: usize) -> usize {
    (max_parameters / width.max(1)).clamp(1, MOST_ROWS)
}

/// The first of some rows that are sent together, and the rest.
pub(super) fn first_batch<T>(slots: &[T], max_parameters: usize, width: usize) -> (&[T], &[T]) {
    let fits = max_parameters / width.max(1) >= MANY_ROWS;
    let rows = match slots.len() {
        MANY_ROWS.. if fits => MANY_ROWS,
        rows => rows.min(rows_per_statement(max_parameters, width)),
    };
    slots.split_at(rows)
}

/// New rows of one table that give the same columns.
pub(super) struct Insert<'a> {
    pub(super) store: u16,
    pub(super) columns: &'a [usize],
    pub(super) slots: &'a [u32],
}

impl Insert<'_> {
    pub(super) fn run(&self, session: &mut Session) -> Result<()> {
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
            _ if made.is_empty() => self.values(session, &mut |_, _| Ok(())),
            _ if generated.is_some() && made.len() == 1 => self.counted(session, made[0]),
            _ => self.returning(session, &made),
        }?;
        self.finish(session)
    }

    /// Sends the rows and leaves alone what the database makes of them.
    pub(super) fn plain(&self, session: &mut Session) -> Result<()> {
        if self.columns.is_empty() {
            let sql = self.sql(session, Operation::Insert, &[], &[], 1);
            let each = &mut |_, _, _| Ok(());
            return each_row(session, self.store, &sql, self.slots, &[], Keys::None, each);
        }
        match session.engine.dialect().batch() {
            Batch::Arrays if self.slots.len() > 1 => self.arrays(session, &[]),
            Batch::Arrays => self.returning(session, &[]),
            _ => self.values(session, &mut |_, _| Ok(())),
        }
    }

    /// Whether several rows are sent as a single statement.
    pub(super) fn is_one_statement(&self, session: &Session) -> bool {
        match session.engine.dialect().batch() {
            Batch::Arrays => self.in_one_array_statement(session),
            Batch::Values { max_parameters } => {
                self.made_by_database(session).is_empty()
                    && self.slots.len() <= rows_per_statement(max_parameters, self.columns.len())
            }
            Batch::Rows => false,
        }
    }

    /// The columns that the program leaves to the database, and that are to be known.
    fn made_by_database(&self, session: &Session) -> Vec<usize> {
        let columns = session.entry(self.store).mapper.eager().iter();
        columns
            .filter(|column| !self.columns.contains(column))
            .copied()
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

    /// Rows of which nothing is read back, in as few statements as the dialect allows; `each` is told of each batch.
    fn values(
        &self,
        session: &mut Session,
        each: &mut dyn FnMut(&[u32], Outcome) -> Result<()>,
    ) -> Result<()> {
        let Batch::Values { max_parameters } = session.engine.dialect().batch() else {
            let sql = self.sql(session, Operation::Insert, self.columns, &[], 1);
            return each_row(
                session,
                self.store,
                &sql,
                self.slots,
                self.columns,
                Keys::None,
                &mut |_, slot, outcome| each(&[slot], outcome),
            );
        };
        let mut rest = self.slots;
        while !rest.is_empty() {
            let slots;
            (slots, rest) = first_batch(rest, max_parameters, self.columns.len());
            let sql = self.sql(session, Operation::Insert, self.columns, &[], slots.len());
            let (store, connection) = parts(session, self.store)?;
            let params = params(store, slots, self.columns, Keys::None);
            let outcome = connection
                .execute(&sql, &params)
                .map_err(|error| trace(error, store.mapper(), self.columns))?;
            each(slots, outcome)?;
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

    /// The greatest key in use; 0 for an empty table. `None` where the dialect does not count on, and where the keys are negative:
    /// those can only have been given by hand, and databases differ in how they count on from them.
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
        Ok(last.filter(|&last| last >= 0))
    }

    /// Leaves the keys to the database, which counts on from the last; that it did so is checked after each batch.
    fn count_on(&self, session: &mut Session, key: usize, last: i64) -> Result<()> {
        let used_up = || Error::new(ErrorKind::OutOfRange, "the table's keys are used up");
        let mut counted = last;
        self.values(session, &mut |slots, outcome| {
            let rows = i64::try_from(slots.len()).map_err(|_| used_up())?;
            counted = counted.checked_add(rows).ok_or_else(used_up)?;
            let told = (outcome.matched, outcome.last_insert_id);
            if told != (slots.len() as u64, Some(counted)) {
                let message = "the database did not count on from the last key of the table";
                return Err(Error::new(ErrorKind::Database, message));
            }
            Ok(())
        })?;
        let ty = session.entry(self.store).mapper.types()[key];
        let store = session.any_store_mut(self.store);
        (last + 1..)
            .zip(self.slots)
            .try_for_each(|(id, &slot)| store.assign(slot, key, key_value(ty, id)?))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_of_few_sizes_and_fit() {
        for (rows, most, width, first) in [
            (3, 999, 2, 3),
            (100, 999, 2, 64),
            (249, 999, 2, 64),
            (300, 999, 3, 250),
            (300, 999, 4, 64),
            (300, 999, 100, 9),
            (300, 10, 100, 1),
            (300, 999, 0, 250),
        ] {
            let slots = vec![0; rows];
            let (batch, rest) = first_batch(&slots, most, width);
            assert_eq!(
                (batch.len(), rest.len()),
                (first, rows - first),
                "{rows} of {width}"
            );
        }
    }
}
