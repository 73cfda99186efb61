//! Keys that the database generates and reports by the outcome of a statement.

use super::Insert;
use crate::backend::{Sql, StatementKind};
use crate::engine::Operation;
use crate::error::{Error, ErrorKind, Result};
use crate::session::Session;
use crate::session::read::lookup::not_connected;
use crate::session::write::persist::send::shape;
use crate::value::{Value, ValueRef, ValueType};

impl Insert<'_> {
    /// Inserts rows with generated keys: computed from the last key if the dialect allows, otherwise returned by one statement for many rows,
    /// or reported row by row.
    pub(super) fn counted(&self, session: &mut Session, key: usize) -> Result<()> {
        if self.slots.len() > 1 && !self.columns.is_empty() {
            if let Some(last) = self.last_key(session)? {
                return self.consecutive_keys(session, key, last);
            }
            if let Some((most, identity_columns)) = self.returned_values(session) {
                return self.values_returning(session, &[key], most, &identity_columns);
            }
        }
        self.reported(session, key)
    }

    /// Inserts rows one by one; the outcome of each reports its generated key.
    fn reported(&self, session: &mut Session, key: usize) -> Result<()> {
        let mut ids = Vec::with_capacity(self.slots.len());
        self.one_each(session, &mut |_, _, outcome| {
            ids.push(outcome.last_insert_id.ok_or_else(not_reported)?);
            Ok(())
        })?;
        let ty = session.entry(self.store).mapper.types()[key];
        for (&slot, id) in self.slots.iter().zip(ids) {
            let store = session.any_store_mut(self.store);
            let assigned = key_value(ty, id).and_then(|value| store.assign(slot, key, value));
            if let Err(error) = assigned {
                return Err(self.delete_inserted(session, &[key], &[Value::I64(id)], error));
            }
        }
        Ok(())
    }

    /// The greatest key in use; 0 for an empty table. `None` if the dialect does not support this, or if the keys are negative: these were
    /// set explicitly, and databases differ in which key they generate next.
    fn last_key(&self, session: &mut Session) -> Result<Option<i64>> {
        let table = session.entry(self.store).mapper.table();
        let Some(text) = session.engine.dialect().last_key(table) else {
            return Ok(None);
        };
        let last = self.integer(session, Operation::LastKey, text)?;
        Ok(last.filter(|&last| last >= 0))
    }

    /// Returns the integer that a query of the dialect yields, and 0 for NULL; `None` without a row.
    fn integer(
        &self,
        session: &mut Session,
        operation: Operation,
        text: String,
    ) -> Result<Option<i64>> {
        let shape = shape(&session.entry(self.store).mapper, operation, &[], &[], 0);
        let sql = session.engine.shape(shape, || {
            Sql::new(StatementKind::Select, text, [], [ValueType::I64])
        });
        let connection = session.connection.as_mut().ok_or_else(not_connected)?;
        let mut found = None;
        connection.query(&sql, &[], &mut |row| {
            found = match row.value(0, ValueType::I64)? {
                ValueRef::I64(number) => Some(number),
                _ => Some(0),
            };
            Ok(())
        })?;
        Ok(found)
    }

    /// Lets the database generate keys, which follow the last one consecutively; this is checked after each batch.
    fn consecutive_keys(&self, session: &mut Session, key: usize, last: i64) -> Result<()> {
        let used_up = || {
            Error::new(
                ErrorKind::OutOfRange,
                "the table's generated keys have reached the maximum of their type",
            )
        };
        let mut counted = last;
        self.values(session, &mut |slots, outcome| {
            let rows = i64::try_from(slots.len()).map_err(|_| used_up())?;
            counted = counted.checked_add(rows).ok_or_else(used_up)?;
            let reported = (outcome.matched, outcome.last_insert_id);
            if reported != (slots.len() as u64, Some(counted)) {
                let message =
                    "the database did not generate consecutive keys from the last key of the table";
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
}

/// Converts a generated key to the type of its column.
fn key_value(ty: ValueType, id: i64) -> Result<ValueRef<'static>> {
    let narrow = match ty {
        ValueType::I16 => i16::try_from(id).map(ValueRef::I16),
        ValueType::I32 => i32::try_from(id).map(ValueRef::I32),
        _ => Ok(ValueRef::I64(id)),
    };
    narrow.map_err(|_| {
        Error::new(
            ErrorKind::OutOfRange,
            format!("the generated key does not fit {ty:?}"),
        )
    })
}

#[cold]
fn not_reported() -> Error {
    Error::new(
        ErrorKind::Database,
        "the backend did not report the generated values of the inserted row",
    )
}
