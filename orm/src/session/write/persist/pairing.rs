//! Matching returned rows with objects.
//!
//! Databases do not document the order in which an INSERT of many rows returns them, and generated keys need not ascend: a sequence may
//! count down or cycle, a trigger may choose keys. So some of the sent values are returned too, and identify each row.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::backend::Row;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::{ColumnType, Table};
use crate::session::AnyStore;
use crate::value::{Param, Value, ValueRef, ValueType};

/// The sent columns that are returned to identify rows.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RowIdentity {
    /// Rows differ in these columns, or are equal in all.
    Columns(Vec<usize>),
    /// Different rows cannot be distinguished, so they are sent one by one.
    None,
}

/// Chooses the columns that identify rows: one whose values all differ, or else all that are returned exactly as sent.
pub(super) fn row_identity(
    table: &Table,
    store: &dyn AnyStore,
    columns: &[usize],
    slots: &[u32],
) -> RowIdentity {
    let is_exact = |&column: &usize| {
        let first = slots.first();
        comes_back(&table.columns[column].ty)
            && first.is_some_and(|&slot| value(store, slot, column).is_some())
    };
    let (exact, bent): (Vec<usize>, Vec<usize>) = columns.iter().copied().partition(is_exact);
    let key = &table.primary_key;
    if !key.is_empty() && key.iter().all(|column| exact.contains(column)) {
        return RowIdentity::Columns(key.clone());
    }
    let differs = |&&column: &&usize| {
        let mut seen = FxHashSet::with_capacity_and_hasher(slots.len(), rustc_hash::FxBuildHasher);
        slots.iter().all(|&slot| {
            value(store, slot, column).is_some_and(|value| seen.insert(ByValue(value)))
        })
    };
    // Numbers are cheaper to compare and return than text.
    let is_text = |column: &&usize| matches!(table.columns[**column].ty, ColumnType::Text { .. });
    let first = exact.iter().filter(|column| !is_text(column)).find(differs);
    let first = first.or_else(|| exact.iter().filter(is_text).find(differs));
    if let Some(&column) = first {
        return RowIdentity::Columns(vec![column]);
    }
    let mut by_exact: FxHashMap<Vec<ByValue<'_>>, u32> = FxHashMap::default();
    for &slot in slots {
        let row = |columns: &[usize]| -> Option<Vec<ByValue<'_>>> {
            let values = columns.iter().map(|&column| value(store, slot, column));
            values.map(|value| value.map(ByValue)).collect()
        };
        let Some(key) = row(&exact) else {
            return RowIdentity::None;
        };
        let twin = *by_exact.entry(key).or_insert(slot);
        let alike = |&column: &usize| match (store.value(slot, column), store.value(twin, column)) {
            (Param::Ref(one), Param::Ref(other)) => one.same(other),
            (Param::Owned(one), Param::Owned(other)) => one == other,
            _ => false,
        };
        if twin != slot && !bent.iter().all(alike) {
            return RowIdentity::None;
        }
    }
    RowIdentity::Columns(exact)
}

/// Whether values of a type are returned exactly as sent, whatever the database's actual column type.
fn comes_back(ty: &ColumnType) -> bool {
    matches!(
        ty,
        ColumnType::Bool
            | ColumnType::I16
            | ColumnType::I32
            | ColumnType::I64
            | ColumnType::Text { .. }
            | ColumnType::Bytes
            | ColumnType::Uuid
            | ColumnType::Date
            | ColumnType::Enum { .. }
            | ColumnType::NativeEnum { .. }
    )
}

fn value(store: &dyn AnyStore, slot: u32, column: usize) -> Option<ValueRef<'_>> {
    match store.value(slot, column) {
        Param::Ref(value) => Some(value),
        // Values created only for the statement are not compared.
        _ => None,
    }
}

/// A value compared with [`ValueRef::same`].
#[derive(Clone, Copy, Debug)]
pub(super) struct ByValue<'a>(pub(super) ValueRef<'a>);

impl PartialEq for ByValue<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0.same(other.0)
    }
}

impl Eq for ByValue<'_> {}

impl std::hash::Hash for ByValue<'_> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        match self.0 {
            ValueRef::Text(text) => text.hash(state),
            ValueRef::Bytes(bytes) => bytes.hash(state),
            ValueRef::Uuid(uuid) => uuid.hash(state),
            ValueRef::Date(date) => date.0.hash(state),
            ValueRef::Bool(truth) => truth.hash(state),
            other => other.integer().hash(state),
        }
    }
}

/// Reads a generated value as its field's type, or else in its own type, because the row may have to be deleted by it; NULL if it
/// cannot be read at all.
pub(super) fn read(
    row: &dyn Row,
    at: usize,
    ty: ValueType,
    unreadable: &mut Option<Error>,
) -> Value {
    let value = row.value(at, ty).or_else(|error| {
        unreadable.get_or_insert(error);
        row.value(at, ValueType::Native)
    });
    value.map_or(Value::Null, ValueRef::to_owned)
}

/// Objects in the order of their rows, and the generated values, row by row.
pub(super) type Paired = (Vec<u32>, Vec<Value>);

/// Rows that could not be matched with objects, and their generated values.
pub(super) struct Unpaired {
    pub(super) why: Why,
    pub(super) values: Vec<Value>,
}

/// The reason why rows could not be matched with objects.
pub(super) enum Why {
    /// The number of returned rows differs from the number sent.
    Rows {
        returned: u64,
        /// An object whose row was not returned.
        skipped: Option<u32>,
    },
    Error(Error),
}

/// Collects the rows that an INSERT returns, and matches them with objects.
pub(super) struct Returned<'a> {
    store: &'a dyn AnyStore,
    slots: &'a [u32],
    generated: &'a [usize],
    identity_columns: &'a [usize],
    /// The generated values, row by row.
    values: Vec<Value>,
    rows: usize,
    /// The number of leading rows that were returned in the order sent, the usual case, for which the identifying values are not kept.
    in_order: usize,
    /// The identifying values of the remaining rows.
    others: Vec<Value>,
    /// The reason why a value could not be read.
    unreadable: Option<Error>,
}

impl<'a> Returned<'a> {
    pub(super) fn new(
        store: &'a dyn AnyStore,
        slots: &'a [u32],
        generated: &'a [usize],
        identity_columns: &'a [usize],
    ) -> Self {
        Self {
            store,
            slots,
            generated,
            identity_columns,
            values: Vec::with_capacity(slots.len() * generated.len()),
            rows: 0,
            in_order: 0,
            others: Vec::new(),
            unreadable: None,
        }
    }

    /// Adds a row: the generated columns, then the identifying ones. What cannot be read is an error once all rows are known, because they
    /// may have to be deleted.
    pub(super) fn take(&mut self, row: &dyn Row) {
        let types = self.store.mapper().types();
        for (at, &column) in self.generated.iter().enumerate() {
            let value = read(row, at, types[column], &mut self.unreadable);
            self.values.push(value);
        }
        if let Err(error) = self.take_identity(row) {
            self.unreadable.get_or_insert(error);
        }
    }

    fn take_identity(&mut self, row: &dyn Row) -> Result<()> {
        let types = self.store.mapper().types();
        let identity =
            |at: usize| row.value(self.generated.len() + at, types[self.identity_columns[at]]);
        if self.in_order == self.rows
            && let Some(&slot) = self.slots.get(self.rows)
        {
            let mut is_next = true;
            for (at, &column) in self.identity_columns.iter().enumerate() {
                let found = identity(at)?;
                is_next =
                    is_next && value(self.store, slot, column).is_some_and(|sent| sent.same(found));
            }
            self.in_order += usize::from(is_next);
        }
        self.rows += 1;
        if self.in_order < self.rows {
            for at in 0..self.identity_columns.len() {
                self.others.push(identity(at)?.to_owned());
            }
        }
        Ok(())
    }

    /// Returns the objects in the order of the rows with their generated values; on failure, also the generated values.
    pub(super) fn paired(self) -> Result<Paired, Unpaired> {
        if let Some(error) = self.unreadable {
            return Err(Unpaired {
                why: Why::Error(error),
                values: self.values,
            });
        }
        if self.rows != self.slots.len() {
            let why = Why::Rows {
                returned: self.rows as u64,
                skipped: self.first_skipped(),
            };
            let values = self.values;
            return Err(Unpaired { why, values });
        }
        let (first, rest) = self.slots.split_at(self.in_order);
        let rest = match self.by_identity(rest) {
            Some(paired) => paired,
            // The database changes the sent values (a trigger, a padded type), so only the order of the keys is left.
            None if self.ascends() => rest.to_vec(),
            None => {
                let message = "the rows that the INSERT returned cannot be matched with their objects: the database changes the sent values, and its keys do not ascend";
                return Err(Unpaired {
                    why: Why::Error(Error::new(ErrorKind::Database, message)),
                    values: self.values,
                });
            }
        };
        Ok((first.iter().copied().chain(rest).collect(), self.values))
    }

    /// The first object whose row was not returned, if the identifying values of all rows differ.
    fn first_skipped(&self) -> Option<u32> {
        let rest = self.slots.get(self.in_order..)?;
        let rows = self.others.chunks_exact(self.identity_columns.len().max(1));
        let found: FxHashSet<Vec<ByValue<'_>>> = rows
            .map(|row| row.iter().map(|value| ByValue(value.as_ref())).collect())
            .collect();
        let is_skipped = |slot: &&u32| {
            let values = self.identity_columns.iter();
            let values = values.map(|&column| value(self.store, **slot, column).map(ByValue));
            let values: Option<Vec<ByValue<'_>>> = values.collect();
            values.is_some_and(|values| !found.contains(&values))
        };
        rest.iter().find(is_skipped).copied()
    }

    fn by_identity(&self, slots: &[u32]) -> Option<Vec<u32>> {
        let mut by_values: FxHashMap<Vec<ByValue<'_>>, Vec<u32>> = FxHashMap::default();
        for &slot in slots.iter().rev() {
            let values = self.identity_columns.iter();
            let values = values.map(|&column| value(self.store, slot, column).map(ByValue));
            let values: Option<Vec<ByValue<'_>>> = values.collect();
            by_values.entry(values?).or_default().push(slot);
        }
        let rows = self.others.chunks_exact(self.identity_columns.len().max(1));
        rows.map(|row| {
            let values: Vec<ByValue<'_>> =
                row.iter().map(|value| ByValue(value.as_ref())).collect();
            by_values.get_mut(&values)?.pop()
        })
        .collect()
    }

    /// Whether the generated keys ascend from row to row.
    fn ascends(&self) -> bool {
        let key = self.store.mapper().table().generated_key();
        let place = key.and_then(|key| self.generated.iter().position(|&column| column == key));
        place.is_some_and(|place| {
            let rows = self.values.chunks_exact(self.generated.len());
            let keys = rows.map(|row| row[place].as_ref().integer());
            keys.is_sorted_by(|a, b| a.is_some() && a < b)
        })
    }
}
