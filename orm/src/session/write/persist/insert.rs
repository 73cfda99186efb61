//! Inserting rows with as few statements as the dialect allows, and assigning generated values.

mod generated_keys;
mod read_afterwards;

use std::sync::Arc;

use super::Single;
use super::pairing::{Paired, Returned, RowIdentity, Unpaired, Why, read, row_identity};
use super::send::{
    EachOutcome, Keys, by_bytes, bytes, each_row, fitting, fitting_rows, params, parts,
    with_arrays, writing,
};
use crate::backend::{Outcome, Sql, StatementKind};
use crate::dialect::Batch;
use crate::engine::WriteOperation;
use crate::error::{Error, ErrorKind, Result};
use crate::render::Renderer;
use crate::schema::{ColumnType, Table};
use crate::session::Session;
use crate::session::life::transaction::Intent;
use crate::session::memory::fit::trace;
use crate::value::{Param, Value, ValueRef, ValueType};

/// The maximum number of rows of a small multi-row VALUES. Each number of rows is a different statement to prepare and cache, so only few
/// numbers are used: many rows are sent by [`MANY_ROWS`], the rest by at most this many.
const MOST_ROWS: usize = 64;

/// The number of rows of a large multi-row VALUES.
const MANY_ROWS: usize = 250;

pub(super) fn rows_per_statement(max_parameters: usize, width: usize) -> usize {
    (max_parameters / width.max(1)).clamp(1, MOST_ROWS)
}

/// Splits off the first rows that are sent together.
pub(super) fn first_batch<T>(slots: &[T], max_parameters: usize, width: usize) -> (&[T], &[T]) {
    let fits = max_parameters / width.max(1) >= MANY_ROWS;
    let rows = match slots.len() {
        MANY_ROWS.. if fits => MANY_ROWS,
        rows => rows.min(rows_per_statement(max_parameters, width)),
    };
    slots.split_at(rows)
}

/// If rows are too long for the usual numbers, uses powers of two, to limit the number of statements.
fn few(fits: usize) -> usize {
    1 << fits.ilog2()
}

/// New rows of one table that set the same columns.
pub(super) struct Insert<'a> {
    pub(super) store: u16,
    pub(super) columns: &'a [usize],
    pub(super) slots: &'a [u32],
    /// The result of [`single`](Self::single) for these rows, if it was called.
    pub(super) single: Option<&'a Single>,
}

impl Insert<'_> {
    pub(super) fn run(&self, session: &mut Session) -> Result<()> {
        self.refuse_null_keys(session)?;
        let generated = self.generated_columns(session);
        let generated_key = session
            .entry(self.store)
            .mapper
            .table()
            .generated_key()
            .filter(|key| generated.contains(key));
        if generated_key.is_some() && !session.engine.capabilities().generated_keys {
            let what = "a generated key (give the object a key)";
            return Err(Error::unsupported(session.engine.dialect().name(), what));
        }
        // A single statement that is committed with it is never rolled back.
        if session.in_transaction() {
            self.note_generated_keys(session, &generated);
        }
        match session.engine.dialect().batch() {
            Batch::Arrays if self.slots.len() == 1 => self.returning(session, &generated),
            Batch::Arrays => match self.single {
                Some(Single { identity_columns }) => {
                    self.array(session, &generated, identity_columns)
                }
                None => match self.array_identity_columns(session, &generated) {
                    Some(identity_columns) => self.arrays(session, &generated, &identity_columns),
                    None => self.returning(session, &generated),
                },
            },
            _ if generated.is_empty() => self.values(session, &mut |_, _| Ok(())),
            _ if generated.len() == 1
                && generated_key.is_some()
                && session.engine.dialect().reports_generated_keys() =>
            {
                self.counted(session, generated[0])
            }
            _ => match self.returned_values(session) {
                Some((most, identity_columns)) => {
                    self.values_returning(session, &generated, most, &identity_columns)
                }
                None => self.returning(session, &generated),
            },
        }?;
        self.finish(session)
    }

    /// Refuses NULL as a part of a new row's key, by which the row could not be found again. Only SQLite's tables take it.
    fn refuse_null_keys(&self, session: &Session) -> Result<()> {
        let entry = session.entry(self.store);
        let table = entry.mapper.table();
        let is_null = |column| {
            let mut slots = self.slots.iter();
            slots.any(|&slot| entry.store.value(slot, column).value() == Some(ValueRef::Null))
        };
        let mut key = table.primary_key.iter().copied();
        let missing = key.find(|&column| self.columns.contains(&column) && is_null(column));
        match missing {
            Some(column) => {
                let message = "the new row has NULL in its primary key";
                let error = Error::new(ErrorKind::Validation, message);
                Err(entry.mapper.column_error(column, error))
            }
            None => Ok(()),
        }
    }

    /// Sends the rows without reading generated values.
    pub(super) fn plain(&self, session: &mut Session) -> Result<()> {
        if self.columns.is_empty() {
            return self.one_each(session, &mut |_, _, _| Ok(()));
        }
        match session.engine.dialect().batch() {
            Batch::Arrays if self.slots.len() > 1 => self.arrays(session, &[], &[]),
            _ => self.values(session, &mut |_, _| Ok(())),
        }
    }

    /// Returns `Some` if the rows are sent as a single statement that can be undone if the values it returns are unreadable.
    pub(super) fn single(&self, session: &Session) -> Option<Single> {
        match session.engine.dialect().batch() {
            _ if self.slots.len() == 1 => {
                let mapper = &session.entry(self.store).mapper;
                if self.is_read_afterwards(session) {
                    return None;
                }
                let is_given = |column: &usize| self.columns.contains(column);
                let is_undone = mapper.eager().iter().all(is_given)
                    || !mapper.table().primary_key.iter().any(is_given);
                let identity_columns = Vec::new();
                (is_undone || !session.engine.capabilities().transactions)
                    .then_some(Single { identity_columns })
            }
            Batch::Arrays if self.can_be_undone(session) && self.fits(session) => {
                let generated = self.generated_columns(session);
                let identity_columns = self.array_identity_columns(session, &generated)?;
                Some(Single { identity_columns })
            }
            // A statement for several rows may write only some of them, which a transaction must then undo.
            _ => None,
        }
    }

    /// Whether generated values are read by statements of their own.
    fn is_read_afterwards(&self, session: &Session) -> bool {
        if session.engine.capabilities().returning {
            return false;
        }
        let key = session.entry(self.store).mapper.table().generated_key();
        let mut generated = self.generated_columns(session).into_iter();
        generated.any(|column| key != Some(column))
    }

    /// Whether written rows can be identified for deletion: by generated keys that no earlier row can have.
    fn can_be_undone(&self, session: &Session) -> bool {
        let key = &session.entry(self.store).mapper.table().primary_key;
        matches!(key[..], [key] if self.generated_columns(session).contains(&key))
    }

    fn fits(&self, session: &Session) -> bool {
        by_bytes(session, self.store, self.slots, self.columns).len() <= 1
    }

    /// The generated columns whose values must be read back.
    fn generated_columns(&self, session: &Session) -> Vec<usize> {
        let columns = session.entry(self.store).mapper.eager().iter();
        columns
            .filter(|column| !self.columns.contains(column))
            .copied()
            .collect()
    }

    /// The columns that identify the returned rows of one statement with arrays. `None` if no columns do, or if there is no column to send.
    fn array_identity_columns(&self, session: &Session, generated: &[usize]) -> Option<Vec<usize>> {
        if self.columns.is_empty() {
            return None;
        }
        // Rows that return nothing need not be identified.
        if generated.is_empty() {
            return Some(Vec::new());
        }
        match self.row_identity(session) {
            RowIdentity::Columns(columns) => Some(columns),
            RowIdentity::None => None,
        }
    }

    fn finish(&self, session: &mut Session) -> Result<()> {
        let (store, log) = session.logged_store(self.store);
        log.reserve(self.slots.len());
        self.slots
            .iter()
            .try_for_each(|&slot| store.inserted(slot, log))
    }

    /// Notes generated keys that the database may generate again after a rollback.
    fn note_generated_keys(&self, session: &mut Session, generated: &[usize]) {
        let any = session.any_store_mut(self.store);
        let columns = &any.mapper().table().columns;
        if generated
            .iter()
            .any(|&column| columns[column].is_generated_key())
        {
            let states = any.states_mut();
            self.slots
                .iter()
                .for_each(|&slot| states.generates_key(slot));
        }
    }

    /// Inserts rows without reading anything back, with as few statements as the dialect allows; calls `each` with every batch.
    fn values(
        &self,
        session: &mut Session,
        each: &mut dyn FnMut(&[u32], Outcome) -> Result<()>,
    ) -> Result<()> {
        let Batch::Values { max_parameters } = session.engine.dialect().batch() else {
            return self.one_each(session, &mut |_, slot, outcome| each(&[slot], outcome));
        };
        let width = self.columns.len();
        let (mut rest, mut most) = (self.slots, usize::MAX);
        while !rest.is_empty() {
            let (batch, _) = first_batch(rest, max_parameters, width);
            let (slots, others) = rest.split_at(batch.len().min(most));
            let sql = self.sql(session, WriteOperation::Insert, &[], slots.len());
            let (store, connection) = parts(session, self.store)?;
            let params = params(store, slots, self.columns, Keys::None);
            let row = |row: &[Param<'_>]| row.iter().filter_map(Param::value).map(bytes).sum();
            let fits = fitting(params.chunks(width.max(1)).map(row));
            if fits < slots.len() {
                most = few(fits);
                continue;
            }
            (rest, most) = (others, usize::MAX);
            let outcome = connection
                .execute(&sql, &params)
                .map_err(|error| trace(error, store.mapper(), self.columns))?;
            self.expect_written(session, slots, outcome.matched, &sql)?;
            each(slots, outcome)?;
        }
        Ok(())
    }

    /// Inserts one row per statement, without reading anything back.
    fn one_each(&self, session: &mut Session, each: EachOutcome<'_>) -> Result<()> {
        let sql = self.sql(session, WriteOperation::Insert, &[], 1);
        let mut skipped = None;
        let result = each_row(
            session,
            self.store,
            &sql,
            self.slots,
            self.columns,
            Keys::None,
            &mut |at, slot, outcome| {
                if outcome.matched != 1 {
                    skipped = Some((slot, outcome.matched));
                    return Err(Error::new(ErrorKind::Database, "no row was written"));
                }
                each(at, slot, outcome)
            },
        );
        match skipped {
            Some((slot, written)) => self.expect_written(session, &[slot], written, &sql),
            None => result,
        }
    }

    /// Checks that an INSERT wrote every row: a trigger, a rule or a conflict clause may skip rows without an error.
    fn expect_written(
        &self,
        session: &mut Session,
        slots: &[u32],
        written: u64,
        sql: &Sql,
    ) -> Result<()> {
        if written == slots.len() as u64 {
            return Ok(());
        }
        let key = &session.entry(self.store).mapper.table().primary_key;
        let skipped = match slots {
            [slot] => Some(*slot),
            _ if key.iter().all(|column| self.columns.contains(column)) => {
                session.first_missing(self.store, slots, self.columns, StatementKind::Insert)?
            }
            _ => None,
        };
        Err(self.not_written(session, slots.len(), written, skipped, sql))
    }

    #[cold]
    fn not_written(
        &self,
        session: &Session,
        rows: usize,
        written: u64,
        skipped: Option<u32>,
        sql: &Sql,
    ) -> Error {
        let entry = session.entry(self.store);
        let error = not_written(rows, written).entity(entry.mapper.name());
        let key = &entry.mapper.table().primary_key;
        let is_given = key.iter().all(|column| self.columns.contains(column));
        match skipped.filter(|_| is_given) {
            Some(slot) => error.key(entry.store.key_text(slot)),
            None => error,
        }
        .statement(sql.text())
    }

    /// Splits off the first rows of one multi-row VALUES.
    fn first_values<'s>(
        &self,
        session: &Session,
        slots: &'s [u32],
        max_parameters: usize,
    ) -> (&'s [u32], &'s [u32]) {
        let (batch, _) = first_batch(slots, max_parameters, self.columns.len());
        let fits = fitting_rows(session.any_store(self.store), batch, self.columns);
        let rows = match fits < batch.len() {
            true => few(fits),
            false => batch.len(),
        };
        slots.split_at(rows)
    }

    /// The maximum number of parameters of a multi-row VALUES with RETURNING, and the columns that identify its returned rows. `None` if
    /// rows are sent one by one.
    fn returned_values(&self, session: &Session) -> Option<(usize, Vec<usize>)> {
        let returning = session.engine.capabilities().returning;
        let is_multi_row = returning && self.slots.len() > 1 && !self.columns.is_empty();
        let batch = session.engine.dialect().batch();
        let Batch::Values { max_parameters } = batch else {
            return None;
        };
        match is_multi_row.then(|| self.row_identity(session))? {
            RowIdentity::Columns(columns) => Some((max_parameters, columns)),
            RowIdentity::None => None,
        }
    }

    /// Inserts all rows with arrays, in one statement unless it is too long.
    fn arrays(
        &self,
        session: &mut Session,
        generated: &[usize],
        identity_columns: &[usize],
    ) -> Result<()> {
        for slots in by_bytes(session, self.store, self.slots, self.columns) {
            Insert { slots, ..*self }.array(session, generated, identity_columns)?;
        }
        Ok(())
    }

    /// Inserts rows in one statement, with one array for each column.
    fn array(
        &self,
        session: &mut Session,
        generated: &[usize],
        identity_columns: &[usize],
    ) -> Result<()> {
        let back: Vec<usize> = generated.iter().chain(identity_columns).copied().collect();
        let sql = self.sql(session, WriteOperation::InsertArrays, &back, 0);
        let (store, connection) = parts(session, self.store)?;
        let of_column = |&column: &usize| -> Vec<Param<'_>> {
            let slots = self.slots.iter();
            slots.map(|&slot| store.value(slot, column)).collect()
        };
        let columns: Vec<Vec<Param<'_>>> = self.columns.iter().map(of_column).collect();
        if generated.is_empty() {
            let outcome = with_arrays(&columns, |params| connection.execute(&sql, params))
                .map_err(|error| trace(error, store.mapper(), self.columns))?;
            drop(columns);
            return self.expect_written(session, self.slots, outcome.matched, &sql);
        }
        let mut returned = Returned::new(store, self.slots, generated, identity_columns);
        with_arrays(&columns, |params| {
            connection.query(&sql, params, &mut |row| {
                returned.take(row);
                Ok(())
            })
        })
        .map_err(|error| trace(error, store.mapper(), self.columns))?;
        let paired = returned.paired();
        drop(columns);
        match paired {
            Ok(rows) => assign(session, self.store, generated, &rows)
                .map_err(|error| self.delete_inserted(session, generated, &rows.1, error)),
            Err(mut unpaired) => {
                let values = std::mem::take(&mut unpaired.values);
                let error = self.unpaired(session, self.slots.len(), unpaired, &sql);
                Err(self.delete_inserted(session, generated, &values, error))
            }
        }
    }

    #[cold]
    fn unpaired(&self, session: &Session, rows: usize, unpaired: Unpaired, sql: &Sql) -> Error {
        match unpaired.why {
            Why::Error(error) => error.statement(sql.text()),
            Why::Rows { returned, skipped } => {
                self.not_written(session, rows, returned, skipped, sql)
            }
        }
    }

    /// Deletes the rows of an INSERT that was sent without a transaction and then failed, given each row's values of `generated`. Returns the
    /// error, which says so if rows remain.
    #[cold]
    fn delete_inserted(
        &self,
        session: &mut Session,
        generated: &[usize],
        values: &[Value],
        error: Error,
    ) -> Error {
        if session.in_transaction() {
            return error;
        }
        let rows = values.len() / generated.len();
        let taken = self
            .deletable_by_key(session, generated)
            .and_then(|places| {
                if !session.engine.capabilities().transactions {
                    return self.delete_rows(session, generated, values, &places);
                }
                session.ready(Intent::Write)?;
                let deleted = self.delete_rows(session, generated, values, &places);
                let connection = session.connected()?;
                match deleted {
                    Ok(deleted) if deleted <= rows as u64 => connection.commit().map(|()| deleted),
                    Ok(_) => {
                        let message = "other rows have the same key";
                        let error = Error::new(ErrorKind::Database, message);
                        connection.rollback().and(Err(error))
                    }
                    Err(error) => connection.rollback().and(Err(error)),
                }
            });
        let why = match taken {
            Ok(deleted) if deleted == rows as u64 => return error,
            Ok(_) => "they were not found by their keys".to_owned(),
            Err(error) => error.message().to_owned(),
        };
        error.and(&format!(
            "the rows of the INSERT may be in the database, as they were not deleted: {why}"
        ))
    }

    /// Returns the places of the key in `generated` if the rows can be deleted by it, because only new rows have it. Fails for a view or a
    /// table with rules, through which an INSERT may change other rows, and, without transactions, if the table has another primary key.
    fn deletable_by_key(&self, session: &mut Session, generated: &[usize]) -> Result<Vec<usize>> {
        let mapper = Arc::clone(&session.entry(self.store).mapper);
        let table = mapper.table();
        let place = |column| generated.iter().position(|other| other == column);
        let places: Option<Vec<usize>> = table.primary_key.iter().map(place).collect();
        let fails = |why| Error::new(ErrorKind::Database, why);
        let places = places.ok_or_else(|| fails("the database did not generate their keys"))?;
        let connection = session.connected()?;
        let tables = match connection.reflect_schemas(std::slice::from_ref(&table.schema)) {
            Err(error) if error.kind() == ErrorKind::Unsupported => return Ok(places),
            tables => tables?,
        };
        let is_same = |other: &&Table| other.name.eq_ignore_ascii_case(&table.name);
        let same: Vec<&Table> = tables.iter().filter(is_same).collect();
        let may_be_others = |table: &&Table| table.is_view() || table.has_rules;
        if same.is_empty() || same.iter().any(may_be_others) {
            let why = "it maps a view, a table with rules, or what reflection does not show";
            return Err(fails(why));
        }
        let key = |table: &Table| -> Vec<String> {
            let columns = table.key_columns();
            columns.map(|column| column.name.to_lowercase()).collect()
        };
        let has_key = same.iter().all(|other| key(other) == key(table));
        if !has_key && !session.engine.capabilities().transactions {
            return Err(fails("the table has no such primary key"));
        }
        Ok(places)
    }

    /// Deletes rows by their generated keys, and returns how many there were.
    fn delete_rows(
        &self,
        session: &mut Session,
        generated: &[usize],
        values: &[Value],
        places: &[usize],
    ) -> Result<u64> {
        let mapper = Arc::clone(&session.entry(self.store).mapper);
        let by = &mapper.table().primary_key;
        let types = |row: &[Value]| -> Option<Vec<ValueType>> {
            let types = places.iter().map(|&at| row[at].as_ref().value_type());
            types.collect()
        };
        let own: Vec<ValueType> = by.iter().map(|&column| mapper.types()[column]).collect();
        let mut keys: Vec<Value> = Vec::new();
        let mut deleted = 0;
        for row in values.chunks_exact(generated.len()) {
            match types(row) {
                None => {}
                Some(types) if types == own => {
                    keys.extend(places.iter().map(|&at| row[at].clone()))
                }
                // The key is of another type than its field.
                Some(types) => {
                    let mut table = Table::clone(mapper.table());
                    for (&column, ty) in by.iter().zip(types) {
                        table.columns[column].ty = ColumnType::of(ty);
                    }
                    let sql = Renderer::new(session.engine.dialect()).delete(&table, by);
                    let key = places.iter().map(|&at| Param::Ref(row[at].as_ref()));
                    let key: Vec<Param<'_>> = key.collect();
                    deleted += session.connected()?.execute(&sql, &key)?.matched;
                }
            }
        }
        session.each_batch(by.len(), &keys, &mut |session, batch, params| {
            let (operation, count) = batch.delete();
            let sql = writing(session, &mapper, operation, &[], by, count);
            deleted += session.connected()?.execute(&sql, params)?.matched;
            Ok(())
        })?;
        Ok(deleted)
    }

    /// Inserts many rows per statement, returning generated values.
    fn values_returning(
        &self,
        session: &mut Session,
        generated: &[usize],
        max_parameters: usize,
        identity_columns: &[usize],
    ) -> Result<()> {
        let back: Vec<usize> = generated.iter().chain(identity_columns).copied().collect();
        let mut rest = self.slots;
        while !rest.is_empty() {
            let slots;
            (slots, rest) = self.first_values(session, rest, max_parameters);
            let sql = self.sql(session, WriteOperation::Insert, &back, slots.len());
            let (store, connection) = parts(session, self.store)?;
            let mut returned = Returned::new(store, slots, generated, identity_columns);
            let params = params(store, slots, self.columns, Keys::None);
            connection
                .query(&sql, &params, &mut |row| {
                    returned.take(row);
                    Ok(())
                })
                .map_err(|error| trace(error, store.mapper(), self.columns))?;
            let paired = returned.paired();
            drop(params);
            match paired {
                Ok(rows) => assign(session, self.store, generated, &rows)?,
                Err(unpaired) => {
                    return Err(self.unpaired(session, slots.len(), unpaired, &sql));
                }
            }
        }
        Ok(())
    }

    /// The columns that identify returned rows.
    fn row_identity(&self, session: &Session) -> RowIdentity {
        let entry = session.entry(self.store);
        row_identity(
            entry.mapper.table(),
            &*entry.store,
            self.columns,
            self.slots,
        )
    }

    /// Inserts one row per statement, returning generated values.
    fn returning(&self, session: &mut Session, generated: &[usize]) -> Result<()> {
        if generated.is_empty() {
            return self.one_each(session, &mut |_, _, _| Ok(()));
        }
        if !session.engine.capabilities().returning {
            return self.read_afterwards(session, generated);
        }
        let types = session.entry(self.store).mapper.types().to_vec();
        let sql = self.sql(session, WriteOperation::Insert, generated, 1);
        for &slot in self.slots {
            let (store, connection) = parts(session, self.store)?;
            let mut values = Vec::with_capacity(generated.len());
            let mut unreadable = None;
            connection.query(
                &sql,
                &params(store, &[slot], self.columns, Keys::None),
                &mut |row| {
                    for (at, &column) in generated.iter().enumerate() {
                        values.push(read(row, at, types[column], &mut unreadable));
                    }
                    Ok(())
                },
            )?;
            if let Some(error) = unreadable {
                let error = error.statement(sql.text());
                return Err(self.delete_inserted(session, generated, &values, error));
            }
            if values.len() != generated.len() {
                let returned = (values.len() / generated.len()) as u64;
                return Err(self.not_written(session, 1, returned, Some(slot), &sql));
            }
            let store = session.any_store_mut(self.store);
            let mut columns = generated.iter().zip(&values);
            let assigned =
                columns.try_for_each(|(&column, value)| store.assign(slot, column, value.as_ref()));
            if let Err(error) = assigned {
                return Err(self.delete_inserted(session, generated, &values, error));
            }
        }
        Ok(())
    }

    fn sql(
        &self,
        session: &Session,
        operation: WriteOperation,
        back: &[usize],
        rows: usize,
    ) -> Arc<Sql> {
        let mapper = &session.entry(self.store).mapper;
        writing(session, mapper, operation, self.columns, back, rows)
    }
}

/// Assigns generated values to objects, given their slots and the values of each.
fn assign(
    session: &mut Session,
    store: u16,
    generated: &[usize],
    (slots, values): &Paired,
) -> Result<()> {
    let store = session.any_store_mut(store);
    for (&slot, row) in slots.iter().zip(values.chunks_exact(generated.len())) {
        for (&column, value) in generated.iter().zip(row) {
            store.assign(slot, column, value.as_ref())?;
        }
    }
    Ok(())
}

/// The error for an INSERT that succeeded without writing all its rows.
#[cold]
pub(super) fn not_written(rows: usize, written: u64) -> Error {
    let what = match rows {
        1 => "the INSERT of a row".to_owned(),
        _ => format!("the INSERT of {rows} rows"),
    };
    let message = format!(
        "{what} wrote {written}: the database skipped the rest without an error (a trigger, a rule, or a constraint with ON CONFLICT IGNORE)"
    );
    Error::new(ErrorKind::Database, message)
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
