//! The parameters of many rows, laid out as a statement takes them.

use crate::backend::{Rows, Sql};
use crate::engine::{Connected, Operation, Shape};
use crate::entity::Mapper;
use crate::error::Result;
use crate::session::memory::fit::trace;
use crate::session::read::lookup::not_connected;
use crate::session::{AnyStore, Session};
use crate::value::{Param, ValueRef};

/// The parameters of no more rows than this are laid out at a time, so that they are still in the processor's cache when they are
/// sent.
const MOST_LAID_OUT: usize = 256;

/// Whether the parameters of a row end with what picks it: its key, and its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keys {
    None,
    OfTheRow,
}

pub(super) type EachOutcome<'a> =
    &'a mut dyn FnMut(usize, u32, crate::backend::Outcome) -> Result<()>;

/// Runs one statement for each of some objects.
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

/// The parameters of some rows, one behind the other.
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

/// One array for each column, then one for each column that picks the row.
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

/// Lends columns of parameters as arrays.
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

pub(super) fn shape(
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
