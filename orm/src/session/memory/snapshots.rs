//! Snapshots: rows as they are in the database, while their objects may differ.
//!
//! All values are in one list, and all texts in one string, so that a snapshot is a copy without allocation, and all snapshots are freed at
//! once.

use crate::backend::Row;
use crate::entity::{Mapped, Mapper};
use crate::error::{Error, ErrorKind, Result};
use crate::value::{Value, ValueRef, ValueType};

/// The snapshots of one table.
#[derive(Debug, Default)]
pub(in crate::session) struct Snapshots {
    values: Vec<StoredValue>,
    text: String,
    others: Vec<Value>,
}

/// A snapshot, by its index in the table's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Snapshot(u32);

/// A snapshot that can be read as a row.
pub(in crate::session) struct SnapshotRow<'a> {
    snapshots: &'a Snapshots,
    snapshot: Snapshot,
    mapper: &'a Mapper,
    layout: Layout,
}

/// The columns of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// All columns of its table.
    Table,
    /// Only the eager columns.
    Eager,
}

/// A value in two words; larger ones are stored elsewhere.
#[derive(Clone, Copy, Debug)]
enum StoredValue {
    /// A deferred column that is not loaded.
    Unloaded,
    Null,
    Bool(bool),
    I32(i32),
    I64(i64),
    F64(f64),
    Text {
        length: u32,
        at: usize,
    },
    Other(usize),
}

impl Snapshots {
    /// Copies the columns of a row.
    pub(in crate::session) fn take<E: Mapped>(&mut self, mapper: &Mapper, row: &E) -> Snapshot {
        let width = mapper.types().len();
        let number = u32::try_from(self.values.len() / width)
            .expect("a session holds fewer than 2^32 snapshots of one table");
        self.values.reserve(width);
        row.each_value(mapper, |_, value| {
            let kept = value
                .value()
                .map_or(StoredValue::Unloaded, |value| self.keep(value));
            self.values.push(kept);
        });
        Snapshot(number)
    }

    /// Copies a snapshot.
    pub(in crate::session) fn copy(&mut self, mapper: &Mapper, snapshot: Snapshot) -> Snapshot {
        let width = mapper.types().len();
        let number = u32::try_from(self.values.len() / width)
            .expect("a session holds fewer than 2^32 snapshots of one table");
        let at = snapshot.0 as usize * width;
        self.values.extend_from_within(at..at + width);
        Snapshot(number)
    }

    /// Adds the columns in which a row differs from its snapshot. Columns that are not loaded do not differ.
    pub(in crate::session) fn changed<E: Mapped>(
        &self,
        mapper: &Mapper,
        snapshot: Snapshot,
        row: &E,
        out: &mut Vec<usize>,
    ) {
        let width = mapper.types().len();
        let kept = &self.values[snapshot.0 as usize * width..][..width];
        row.each_value(mapper, |column, value| {
            let is_same = |value| self.is_same(kept[column], value);
            if !value.value().is_none_or(is_same) {
                out.push(column);
            }
        });
    }

    /// A column of a snapshot; `None` if it is not loaded.
    #[inline]
    pub(in crate::session) fn value(
        &self,
        mapper: &Mapper,
        snapshot: Snapshot,
        column: usize,
    ) -> Option<ValueRef<'_>> {
        let at = snapshot.0 as usize * mapper.types().len() + column;
        self.lend(self.values[at])
    }

    /// Sets a column that was not loaded.
    pub(in crate::session) fn load(
        &mut self,
        mapper: &Mapper,
        snapshot: Snapshot,
        column: usize,
        value: ValueRef<'_>,
    ) {
        let at = snapshot.0 as usize * mapper.types().len() + column;
        self.values[at] = self.keep(value);
    }

    #[inline]
    fn is_same(&self, kept: StoredValue, value: ValueRef<'_>) -> bool {
        match (kept, value) {
            (StoredValue::Text { length, at }, ValueRef::Text(text)) => {
                text.as_bytes() == &self.text.as_bytes()[at..at + length as usize]
            }
            (StoredValue::I64(kept), ValueRef::I64(value)) => kept == value,
            (kept, value) => self.lend(kept).is_some_and(|kept| value.same(kept)),
        }
    }

    #[inline]
    fn lend(&self, kept: StoredValue) -> Option<ValueRef<'_>> {
        Some(match kept {
            StoredValue::Unloaded => return None,
            StoredValue::Null => ValueRef::Null,
            StoredValue::Bool(value) => ValueRef::Bool(value),
            StoredValue::I32(value) => ValueRef::I32(value),
            StoredValue::I64(value) => ValueRef::I64(value),
            StoredValue::F64(value) => ValueRef::F64(value),
            StoredValue::Text { length, at } => {
                ValueRef::Text(&self.text[at..at + length as usize])
            }
            StoredValue::Other(at) => self.others[at].as_ref(),
        })
    }

    /// Returns a snapshot as a row with all columns of its table.
    pub(in crate::session) fn row<'a>(
        &'a self,
        mapper: &'a Mapper,
        snapshot: Snapshot,
    ) -> SnapshotRow<'a> {
        SnapshotRow {
            snapshots: self,
            snapshot,
            mapper,
            layout: Layout::Table,
        }
    }

    /// Returns a snapshot as a row without the deferred columns, as queries read it.
    pub(in crate::session) fn eager_row<'a>(
        &'a self,
        mapper: &'a Mapper,
        snapshot: Snapshot,
    ) -> SnapshotRow<'a> {
        SnapshotRow {
            layout: Layout::Eager,
            ..self.row(mapper, snapshot)
        }
    }

    /// Removes all snapshots.
    pub(in crate::session) fn clear(&mut self) {
        self.values.clear();
        self.text.clear();
        self.others.clear();
    }

    #[inline]
    fn keep(&mut self, value: ValueRef<'_>) -> StoredValue {
        match value {
            ValueRef::Text(text) => {
                let at = self.text.len();
                match u32::try_from(text.len()) {
                    Ok(length) => {
                        self.text.push_str(text);
                        StoredValue::Text { length, at }
                    }
                    Err(_) => self.keep_elsewhere(value),
                }
            }
            ValueRef::Null => StoredValue::Null,
            ValueRef::Bool(value) => StoredValue::Bool(value),
            ValueRef::I32(value) => StoredValue::I32(value),
            ValueRef::I64(value) => StoredValue::I64(value),
            ValueRef::F64(value) => StoredValue::F64(value),
            value => self.keep_elsewhere(value),
        }
    }

    #[inline(never)]
    fn keep_elsewhere(&mut self, value: ValueRef<'_>) -> StoredValue {
        self.others.push(value.to_owned());
        StoredValue::Other(self.others.len() - 1)
    }
}

impl SnapshotRow<'_> {
    /// The column at a position.
    #[inline]
    fn column(&self, index: usize) -> Option<usize> {
        match self.layout {
            Layout::Table => (index < self.mapper.types().len()).then_some(index),
            Layout::Eager => self.mapper.eager().get(index).copied(),
        }
    }
}

impl Row for SnapshotRow<'_> {
    fn len(&self) -> usize {
        match self.layout {
            Layout::Table => self.mapper.types().len(),
            Layout::Eager => self.mapper.eager().len(),
        }
    }

    fn name(&self, index: usize) -> &str {
        let column = self.column(index);
        column.map_or("", |column| &self.mapper.table().columns[column].name)
    }

    fn value(&self, index: usize, ty: ValueType) -> Result<ValueRef<'_>> {
        let Some(column) = self.column(index) else {
            let message = format!("a row of {} columns has no column {index}", self.len());
            return Err(Error::new(ErrorKind::Conversion, message));
        };
        let value = self.snapshots.value(self.mapper, self.snapshot, column);
        let value = value.unwrap_or(ValueRef::Null);
        match value.value_type() {
            Some(kept) if kept != ty => {
                let message = format!("expected {ty:?}, found {kept:?}");
                Err(Error::new(ErrorKind::Conversion, message).column(self.name(index)))
            }
            _ => Ok(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Entity;
    use crate::value::{Auto, Date, Decimal, TimestampTz};

    #[derive(Entity, Clone, Debug, PartialEq)]
    #[orm(table = "everything")]
    struct Everything {
        #[orm(primary_key)]
        id: Auto<i64>,
        flag: bool,
        small: i16,
        middle: i32,
        single: f32,
        double: f64,
        text: String,
        bytes: Vec<u8>,
        decimal: Option<Decimal>,
        date: Date,
        as_of: Option<TimestampTz>,
    }

    fn some(id: i64) -> Everything {
        Everything {
            id: Auto::set(id),
            flag: id % 2 == 0,
            small: -3,
            middle: i32::MIN,
            single: 0.1,
            double: -0.0,
            text: format!("é{id}"),
            bytes: vec![0, 255],
            decimal: Some(Decimal::new(-105, 2)),
            date: Date(-1),
            as_of: None,
        }
    }

    #[test]
    fn a_snapshot_is_a_row_that_gives_back_the_object() -> Result<()> {
        let mapper = Everything::mapper();
        let mut snapshots = Snapshots::default();
        let taken: Vec<Snapshot> = (0..3).map(|id| snapshots.take(mapper, &some(id))).collect();
        for (id, &snapshot) in (0..).zip(&taken) {
            let row = snapshots.row(mapper, snapshot);
            assert_eq!(Everything::hydrate(mapper, &row, 0)?, some(id));
            let width = mapper.types().len();
            assert_eq!(
                (row.len(), row.name(width - 1), row.name(width)),
                (width, "as_of", "")
            );
        }
        snapshots.clear();
        assert_eq!(snapshots.take(mapper, &some(7)), taken[0]);
        Ok(())
    }

    #[test]
    fn exactly_the_differing_columns_are_reported() {
        let mapper = Everything::mapper();
        let mut snapshots = Snapshots::default();
        let snapshot = snapshots.take(mapper, &some(1));
        let changed = |object: &Everything| {
            let mut columns = Vec::new();
            snapshots.changed(mapper, snapshot, object, &mut columns);
            columns
        };
        assert_eq!(changed(&some(1)), [] as [usize; 0]);
        assert_eq!(changed(&some(3)), [0, 6]);
        let other = Everything {
            id: Auto::set(1),
            flag: true,
            small: 0,
            middle: 0,
            single: f32::NAN,
            double: 0.0,
            text: String::new(),
            bytes: vec![0, 255, 0],
            decimal: None,
            date: Date(0),
            as_of: None,
        };
        assert_eq!(changed(&other), (1..10).collect::<Vec<_>>());
    }

    #[test]
    fn a_wrong_column_or_type_is_an_error() {
        let mapper = Everything::mapper();
        let mut snapshots = Snapshots::default();
        let snapshot = snapshots.take(mapper, &some(1));
        let row = snapshots.row(mapper, snapshot);
        assert_eq!((row.len(), row.name(6), row.name(11)), (11, "text", ""));
        for (column, ty) in [(6, ValueType::I64), (11, ValueType::Text)] {
            let error = row.value(column, ty).map(drop).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Conversion);
        }
    }
}
