//! How rows are handed on by a backend that lies.

use std::cell::OnceCell;

use selfsame::Result;
use selfsame::backend::Row;
use selfsame::value::{Value, ValueRef, ValueType};

use super::lie::{Delivery, Lie};
use super::wrapper::Liar;

/// Hands rows on to a sink, as the fault delivers them.
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
            Some(Lie::Read(bend)) => sink(&self.lying(row, *bend)),
            Some(Lie::StalePlan | Lie::LoseNames) => sink(&self.lying(row, |_| None)),
            _ => sink(row),
        }
    }
}

impl<'a> Deliverer<'a> {
    fn lying<'r>(&self, row: &'r dyn Row, bend: fn(ValueRef<'_>) -> Option<Value>) -> LyingRow<'r>
    where
        'a: 'r,
    {
        let width = self.liar.width(self.id, row);
        LyingRow {
            inner: row,
            liar: self.liar,
            bend,
            cells: (0..width).map(|_| OnceCell::new()).collect(),
        }
    }
}

/// A row whose values are bent when they are read.
struct LyingRow<'a> {
    inner: &'a dyn Row,
    liar: &'a Liar,
    bend: fn(ValueRef<'_>) -> Option<Value>,
    cells: Vec<OnceCell<(ValueType, Value)>>,
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
        self.inner.name(index)
    }

    fn value(&self, index: usize, ty: ValueType) -> Result<ValueRef<'_>> {
        let honest = self.inner.value(index, ty)?;
        let (Some(bent), Some(cell)) = ((self.bend)(honest), self.cells.get(index)) else {
            return Ok(honest);
        };
        self.liar.fire();
        match cell.get_or_init(|| (ty, bent)) {
            (kept, value) if *kept == ty => Ok(value.as_ref()),
            _ => Ok(honest),
        }
    }
}
