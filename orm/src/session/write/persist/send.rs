//! Laying out the parameters of many rows for a statement.

use std::borrow::Cow;
use std::sync::Arc;

use crate::backend::{Rows, Sql};
use crate::engine::{Connected, Operation, Shape, WriteOperation};
use crate::entity::Mapper;
use crate::error::Result;
use crate::render::Renderer;
use crate::session::memory::fit::trace;
use crate::session::read::lookup::not_connected;
use crate::session::{AnyStore, Session};
use crate::value::{Param, ValueRef, ValueType};

/// The maximum number of rows whose parameters are laid out at a time, so that they stay in the processor's cache until they are sent.
pub(super) const MOST_LAID_OUT: usize = 256;

/// The maximum total size of the parameters of a statement for several rows, in bytes: databases copy them several times and have limits.
pub(in crate::session) const MOST_BYTES: usize = 16 * 1024 * 1024;

/// The approximate size of a value when sent.
pub(in crate::session) fn bytes(value: ValueRef<'_>) -> usize {
    const FIXED: usize = 16;
    match value {
        ValueRef::Text(text) | ValueRef::Json(text) => FIXED + text.len(),
        ValueRef::Bytes(bytes) => FIXED + bytes.len(),
        _ => FIXED,
    }
}

/// The number of first items that fit into one statement by size; at least one, if there are any.
pub(in crate::session) fn fitting(bytes: impl Iterator<Item = usize>) -> usize {
    let mut sum = 0;
    let fits = bytes.take_while(|bytes| {
        sum += bytes;
        sum <= MOST_BYTES
    });
    fits.count().max(1)
}

/// The number of first rows that fit into one statement by the size of these columns and the key.
pub(super) fn fitting_rows(store: &dyn AnyStore, slots: &[u32], columns: &[usize]) -> usize {
    let mapper = store.mapper();
    let is_long = |column: &usize| {
        matches!(
            mapper.types()[*column],
            ValueType::Text | ValueType::Json | ValueType::Bytes | ValueType::Native
        )
    };
    let all = columns.iter().chain(mapper.guard());
    let long: Vec<usize> = all
        .clone()
        .filter(|column| is_long(column))
        .copied()
        .collect();
    let fixed = 16 * all.count().max(1);
    if long.is_empty() {
        return slots.len().min(MOST_BYTES / fixed).max(1);
    }
    fitting(slots.iter().map(|&slot| {
        let values = long.iter().map(|&column| store.value(slot, column));
        fixed
            + values
                .map(|param| param.value().map_or(0, bytes))
                .sum::<usize>()
    }))
    .min(slots.len().max(1))
}

/// Splits rows into parts that fit into one statement each.
pub(super) fn by_bytes<'s>(
    session: &Session,
    store: u16,
    slots: &'s [u32],
    columns: &[usize],
) -> Vec<&'s [u32]> {
    let any = session.any_store(store);
    let mut parts = Vec::new();
    let mut rest = slots;
    while !rest.is_empty() {
        let (part, others) = rest.split_at(fitting_rows(any, rest, columns));
        parts.push(part);
        rest = others;
    }
    parts
}

/// Whether the parameters of a row end with its key and version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keys {
    None,
    OfTheRow,
}

pub(super) type EachOutcome<'a> =
    &'a mut dyn FnMut(usize, u32, crate::backend::Outcome) -> Result<()>;

/// Runs one statement for each object.
pub(super) fn each_row(
    session: &mut Session,
    store: u16,
    sql: &Sql,
    slots: &[u32],
    columns: &[usize],
    keys: Keys,
    each: EachOutcome<'_>,
) -> Result<()> {
    let (any, connection) = parts(session, store)?;
    let traced = |error| {
        let mut sent = columns.to_vec();
        if keys == Keys::OfTheRow {
            sent.extend(any.mapper().guard());
        }
        trace(error, any.mapper(), &sent)
    };
    if let [slot] = slots {
        let params = params(any, slots, columns, keys);
        return each(0, *slot, connection.execute(sql, &params).map_err(traced)?);
    }
    let mut at = 0;
    for batch in slots.chunks(MOST_LAID_OUT) {
        let params = params(any, batch, columns, keys);
        let rows = if params.is_empty() {
            Rows::empty(batch.len())
        } else {
            Rows::new(&params, params.len() / batch.len())
        };
        let result = connection.execute_each(sql, rows, &mut |outcome| {
            at += 1;
            each(at - 1, slots[at - 1], outcome)
        });
        result.map_err(traced)?;
    }
    Ok(())
}

/// Returns the parameters of some rows, one after the other.
pub(super) fn params<'a>(
    store: &'a dyn AnyStore,
    slots: &[u32],
    columns: &[usize],
    keys: Keys,
) -> Vec<Param<'a>> {
    let guard = store.mapper().guard();
    let mut params = Vec::with_capacity(slots.len() * (columns.len() + guard.len()));
    for &slot in slots {
        store.values(slot, columns, &mut params);
        if keys == Keys::OfTheRow {
            store.row_values(slot, guard, &mut params);
        }
    }
    params
}

/// Returns one array for each column, then one for each column of the key and version.
pub(super) fn key_arrays<'a>(
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
    let guard = store.mapper().guard();
    let width = guard.len();
    let mut keys = Vec::with_capacity(slots.len() * width);
    slots
        .iter()
        .for_each(|&slot| store.row_values(slot, guard, &mut keys));
    arrays.extend((0..width).map(|at| keys.iter().skip(at).step_by(width).cloned().collect()));
    arrays
}

/// Calls `run` with columns of parameters as arrays.
pub(super) fn with_arrays<T>(
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

pub(super) fn parts(session: &mut Session, store: u16) -> Result<(&dyn AnyStore, &mut Connected)> {
    let connection = session.connection.as_mut().ok_or_else(not_connected)?;
    Ok((&*session.stores[usize::from(store)].store, connection))
}

pub(super) fn shape<'a>(
    mapper: &Mapper,
    operation: Operation,
    columns: &'a [usize],
    others: &'a [usize],
    count: usize,
) -> Shape<'a> {
    Shape {
        mapper: mapper.id(),
        operation,
        columns: Cow::Borrowed(columns),
        others: Cow::Borrowed(others),
        count,
    }
}

/// Returns the statement of a shape that writes to the table of a mapping. `keys` are the columns read back by an INSERT, or those that
/// an UPDATE or DELETE finds its rows by; `count` is the number of rows, unless these are arrays.
pub(super) fn writing(
    session: &Session,
    mapper: &Mapper,
    operation: WriteOperation,
    columns: &[usize],
    keys: &[usize],
    count: usize,
) -> Arc<Sql> {
    let shape = shape(mapper, Operation::Write(operation), columns, keys, count);
    session.engine.shape(shape, || {
        let (renderer, table) = (Renderer::new(session.engine.dialect()), mapper.table());
        match operation {
            WriteOperation::Insert => renderer.insert(table, columns, count, keys),
            WriteOperation::InsertArrays => renderer.insert_arrays(table, columns, keys),
            WriteOperation::Update => renderer.update(table, columns, keys),
            WriteOperation::UpdateArrays => renderer.update_arrays(table, columns, keys),
            WriteOperation::Delete => renderer.delete_by(table, keys, count),
            WriteOperation::DeleteArrays => renderer.delete_arrays(table, keys),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_least_one_item_fits() {
        let of = |sizes: &[usize]| fitting(sizes.iter().copied());
        assert_eq!(of(&[MOST_BYTES + 1, 1]), 1);
        assert_eq!(of(&[MOST_BYTES - 1, 1, 1]), 2);
        assert_eq!(of(&[1, 2, 3]), 3);
        assert_eq!(bytes(ValueRef::Text("abc")), 19);
        assert_eq!(bytes(ValueRef::Null), 16);
    }
}
