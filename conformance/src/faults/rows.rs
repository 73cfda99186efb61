//! Faults in the delivery of rows.

use std::cell::{Cell, OnceCell};

use selfsame::backend::{Connection, Row, Sql, Statement};
use selfsame::value::{Value, ValueRef, ValueType};
use selfsame::{Error, ErrorKind, Result};

use super::lie::{Delivery, Lie};
use super::wrapper::Liar;

/// Passes rows to a sink, changed by the fault.
pub(super) struct Deliverer<'a> {
    liar: &'a Liar,
    id: u64,
    place: usize,
}

impl<'a> Deliverer<'a> {
    pub(super) fn new(liar: &'a Liar, id: u64) -> Self {
        Self { liar, id, place: 0 }
    }

    pub(super) fn row(
        &mut self,
        row: &dyn Row,
        sink: &mut dyn FnMut(&dyn Row) -> Result<()>,
    ) -> Result<()> {
        let place = self.place;
        self.place += 1;
        match self.liar.lie {
            Some(Lie::Deliver(change)) => match self.liar.fired(change(place)) {
                None => sink(row),
                Some(Delivery::Never) => Ok(()),
                Some(Delivery::Twice) => {
                    sink(row)?;
                    sink(row)
                }
            },
            Some(Lie::Read(alter)) => sink(&self.lying(row, *alter)),
            Some(
                Lie::StalePlan
                | Lie::LoseNames
                | Lie::Name(_)
                | Lie::ReadAs(_)
                | Lie::FastText(_)
                | Lie::FastInteger(_)
                | Lie::MissingIsNull
                | Lie::CellsOnce
                | Lie::CellsInOrder,
            ) => sink(&self.lying(row, |_| None)),
            _ => sink(row),
        }
    }
}

impl<'a> Deliverer<'a> {
    fn lying<'r>(&self, row: &'r dyn Row, alter: fn(ValueRef<'_>) -> Option<Value>) -> LyingRow<'r>
    where
        'a: 'r,
    {
        let width = self.liar.width(self.id, row);
        LyingRow {
            inner: row,
            liar: self.liar,
            alter,
            cells: (0..width).map(|_| OnceCell::new()).collect(),
            names: (0..width).map(|_| OnceCell::new()).collect(),
            texts: (0..width).map(|_| OnceCell::new()).collect(),
            read: (0..width).map(|_| Cell::new(false)).collect(),
        }
    }
}

/// A row whose values are altered when read.
struct LyingRow<'a> {
    inner: &'a dyn Row,
    liar: &'a Liar,
    alter: fn(ValueRef<'_>) -> Option<Value>,
    cells: Vec<OnceCell<(ValueType, Value)>>,
    names: Vec<OnceCell<String>>,
    /// The texts that `Row::text` returns instead.
    texts: Vec<OnceCell<String>>,
    /// Which values were read.
    read: Vec<Cell<bool>>,
}

impl Row for LyingRow<'_> {
    fn len(&self) -> usize {
        self.cells.len()
    }

    fn name(&self, index: usize) -> &str {
        if matches!(self.liar.lie, Some(Lie::LoseNames)) {
            self.liar.fire();
            return "";
        }
        let name = self.inner.name(index);
        let (Some(Lie::Name(change)), Some(kept)) = (self.liar.lie, self.names.get(index)) else {
            return name;
        };
        match self.liar.fired(change(name)) {
            Some(other) => kept.get_or_init(|| other),
            None => name,
        }
    }

    fn value(&self, index: usize, ty: ValueType) -> Result<ValueRef<'_>> {
        if let Some(Lie::ReadAs(alter)) = self.liar.lie {
            return self.value_as(*alter, index, ty);
        }
        if matches!(self.liar.lie, Some(Lie::MissingIsNull)) && index >= self.inner.len() {
            self.liar.fire();
            return Ok(ValueRef::Null);
        }
        if self.is_gone(index) {
            return Ok(ValueRef::Null);
        }
        let honest = self.inner.value(index, ty)?;
        let (Some(altered), Some(cell)) = ((self.alter)(honest), self.cells.get(index)) else {
            return Ok(honest);
        };
        self.liar.fire();
        match cell.get_or_init(|| (ty, altered)) {
            (kept, value) if *kept == ty => Ok(value.as_ref()),
            _ => Ok(honest),
        }
    }

    fn text(&self, index: usize) -> Result<Option<&str>> {
        let other = match self.liar.lie {
            Some(Lie::FastText(read)) => self.liar.fired(read(self.inner, index)),
            Some(Lie::Name(_) | Lie::LoseNames | Lie::FastInteger(_)) => None,
            _ => return text_of(self.value(index, ValueType::Text)?),
        };
        match (other, self.texts.get(index)) {
            (None, _) | (_, None) => self.inner.text(index),
            (Some(None), _) => Ok(None),
            (Some(Some(other)), Some(kept)) => Ok(Some(kept.get_or_init(|| other))),
        }
    }

    fn i64(&self, index: usize) -> Result<Option<i64>> {
        match self.liar.lie {
            Some(Lie::FastInteger(read)) => match self.liar.fired(read(self.inner, index)) {
                Some(other) => Ok(other),
                None => self.inner.i64(index),
            },
            Some(Lie::Name(_) | Lie::LoseNames | Lie::FastText(_)) => self.inner.i64(index),
            _ => integer_of(self.value(index, ValueType::I64)?),
        }
    }
}

fn text_of(value: ValueRef<'_>) -> Result<Option<&str>> {
    match value {
        ValueRef::Text(text) => Ok(Some(text)),
        ValueRef::Null => Ok(None),
        other => Err(other.mismatch(ValueType::Text)),
    }
}

fn integer_of(value: ValueRef<'_>) -> Result<Option<i64>> {
    match value {
        ValueRef::I64(value) => Ok(Some(value)),
        ValueRef::I32(value) => Ok(Some(value.into())),
        ValueRef::I16(value) => Ok(Some(value.into())),
        ValueRef::Null => Ok(None),
        other => Err(other.mismatch(ValueType::I64)),
    }
}

impl LyingRow<'_> {
    /// Returns whether a value can no longer be read, and records that it is.
    fn is_gone(&self, index: usize) -> bool {
        let from = match self.liar.lie {
            Some(Lie::CellsOnce) => index..index + 1,
            Some(Lie::CellsInOrder) => index + 1..self.read.len(),
            _ => return false,
        };
        let read = self.read.get(from).unwrap_or_default();
        let is_gone = read.iter().any(Cell::get);
        if let Some(read) = self.read.get(index) {
            read.set(true);
        }
        if is_gone {
            self.liar.fire();
        }
        is_gone
    }

    fn value_as(
        &self,
        alter: fn(&dyn Row, usize, ValueType) -> Option<Value>,
        index: usize,
        ty: ValueType,
    ) -> Result<ValueRef<'_>> {
        let (Some(altered), Some(cell)) = (alter(self.inner, index, ty), self.cells.get(index))
        else {
            return self.inner.value(index, ty);
        };
        match cell.get_or_init(|| (ty, altered)) {
            (kept, value) if *kept == ty => {
                self.liar.fire();
                Ok(value.as_ref())
            }
            _ => self.inner.value(index, ty),
        }
    }
}

/// How a fault changes all rows of a result, given the names of its columns.
type Change<'a> = Box<dyn FnOnce(&[String], Vec<Vec<Value>>) -> Vec<Vec<Value>> + 'a>;

/// Returns how the fault changes the result of this statement as a whole; `None` if it does not.
pub(super) fn changes<'a>(liar: &'a Liar, sql: &Sql) -> Option<Change<'a>> {
    if sql.columns().is_empty() {
        return None;
    }
    match liar.lie {
        Some(Lie::Rows(on, order)) if on(sql.kind(), sql.text()) => Some(Box::new(|_, rows| {
            let Some(order) = liar.fired(order(&rows)) else {
                return rows;
            };
            let row = |place: usize| rows.get(place).cloned();
            order.into_iter().filter_map(row).collect()
        })),
        Some(Lie::Cells(on, change)) if on(sql.kind(), sql.text()) => {
            Some(Box::new(|_, mut rows| {
                if change(&mut rows) {
                    liar.fire();
                }
                rows
            }))
        }
        Some(Lie::CellsByName(change)) => Some(Box::new(|names, mut rows| {
            for row in &mut rows {
                if change(names, row) {
                    liar.fire();
                }
            }
            rows
        })),
        _ => None,
    }
}

/// Runs a query to its end, and passes on the rows that `change` returns.
pub(super) fn deliver_otherwise(
    connection: &mut dyn Connection,
    statement: &Statement<'_>,
    change: impl FnOnce(&[String], Vec<Vec<Value>>) -> Vec<Vec<Value>>,
    sink: &mut dyn FnMut(&dyn Row) -> Result<()>,
) -> Result<()> {
    let types = statement.sql.columns();
    let mut names = Vec::new();
    let mut rows = Vec::new();
    connection.query(statement, &mut |row| {
        if names.is_empty() {
            names = (0..row.len()).map(|at| row.name(at).to_owned()).collect();
        }
        let values = types.iter().enumerate();
        let values = values.map(|(at, ty)| Ok(row.value(at, *ty)?.to_owned()));
        rows.push(values.collect::<Result<Vec<Value>>>()?);
        Ok(())
    })?;
    for values in change(&names, rows) {
        sink(&KeptRow {
            names: &names,
            values: &values,
        })?;
    }
    Ok(())
}

/// A buffered row, with each column as the type that the statement declares.
struct KeptRow<'a> {
    names: &'a [String],
    values: &'a [Value],
}

impl Row for KeptRow<'_> {
    fn len(&self) -> usize {
        self.values.len()
    }

    fn name(&self, index: usize) -> &str {
        self.names.get(index).map_or("", String::as_str)
    }

    fn value(&self, index: usize, ty: ValueType) -> Result<ValueRef<'_>> {
        match self.values.get(index).map(Value::as_ref) {
            Some(value) if value.value_type().is_none_or(|is| is == ty) => Ok(value),
            _ => Err(Error::new(
                ErrorKind::Conversion,
                format!("no column {index} of type {ty:?}"),
            )),
        }
    }
}
