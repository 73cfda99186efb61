//! Version columns and computed columns, which the program must not write.

use std::borrow::Cow;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::session::Session;
use crate::value::{ValueRef, ValueType};

impl Session {
    /// Sets the version of new rows to 1, and reverts the program's writes to versions and computed columns of others.
    pub(in crate::session) fn set_versions(&mut self) -> Result<()> {
        for entry in &mut self.stores {
            let mapper = Arc::clone(&entry.mapper);
            if let Some(column) = mapper.version_column() {
                let first = number(mapper.types()[column], 1)?;
                for slot in entry.store.pending().to_vec() {
                    entry.store.assign(slot, column, first)?;
                }
            }
            for &column in mapper.version_column().iter().chain(mapper.computed()) {
                for slot in entry.store.touched().to_vec() {
                    let before = entry.store.row_value(slot, column);
                    match before.value().map(ValueRef::to_owned) {
                        Some(before) => entry.store.assign(slot, column, before.as_ref())?,
                        None => entry.store.unload(slot, column),
                    }
                }
            }
        }
        Ok(())
    }

    /// Increments the versions of rows to update; returns the columns to write, including the version.
    pub(in crate::session) fn increment_versions<'c>(
        &mut self,
        store: u16,
        columns: &'c [usize],
        slots: &[u32],
    ) -> Result<Cow<'c, [usize]>> {
        let entry = &mut self.stores[usize::from(store)];
        let Some(column) = entry.mapper.version_column() else {
            return Ok(Cow::Borrowed(columns));
        };
        let ty = entry.mapper.types()[column];
        for &slot in slots {
            let before = match entry.store.row_value(slot, column).value() {
                Some(ValueRef::I16(version)) => i64::from(version),
                Some(ValueRef::I32(version)) => i64::from(version),
                Some(ValueRef::I64(version)) => version,
                _ => 0,
            };
            let next = before.checked_add(1).ok_or_else(used_up);
            let next = next.and_then(|next| number(ty, next)).map_err(|error| {
                let error = error.entity(entry.mapper.name());
                error.key(entry.store.key_text(slot))
            })?;
            entry.store.assign(slot, column, next)?;
        }
        let others = columns.iter().copied().filter(|&other| other != column);
        Ok(others.chain([column]).collect())
    }
}

fn number(ty: ValueType, version: i64) -> Result<ValueRef<'static>> {
    match ty {
        ValueType::I16 => i16::try_from(version).map(ValueRef::I16),
        ValueType::I32 => i32::try_from(version).map(ValueRef::I32),
        _ => Ok(ValueRef::I64(version)),
    }
    .map_err(|_| used_up())
}

#[cold]
fn used_up() -> Error {
    Error::new(
        ErrorKind::OutOfRange,
        "the row's version has reached the maximum of its type",
    )
}
