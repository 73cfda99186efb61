//! Steps before all other writes, because other rows take the unique values of deleted ones, or because unique values that rows reference
//! change.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;

use super::{Changes, Columns, MoveKind, References, TableChanges, ValueMove, Wait};
use crate::session::memory::edges::ObjectId;

/// The steps to run before all other writes, because other rows take the unique values of rows that are deleted, or rows release unique
/// values that change.
#[derive(Debug, Default)]
pub(super) struct Early {
    /// The tables whose rows are deleted first: those that free values, and those whose deleted rows reference them.
    pub(super) deletes: BTreeSet<u16>,
    /// The tables whose changed rows first release their references to these.
    pub(super) updates: BTreeSet<u16>,
    /// Rows that release unique values before these change, by store, with the columns.
    pub(super) released_values: Released,
    /// Rows that release references before their other columns are written.
    pub(super) released: Released,
    /// Rows that set a column to NULL before they get another value, by store and column: a reference whose new parent is not inserted yet,
    /// or a unique value that an early new row takes.
    pub(super) vacated: BTreeMap<(u16, usize), Vec<u32>>,
    /// New rows that are inserted first, because rows with NOT NULL foreign keys move to them before the deletions.
    pub(super) inserts: BTreeSet<ObjectId>,
    /// Rows that move to early new rows, by store, with the columns of their foreign keys.
    pub(super) moved: BTreeMap<u16, Vec<(u32, Columns)>>,
}

/// The columns to write of rows, by store and slot.
pub(super) type Released = BTreeMap<u16, BTreeMap<u32, BTreeSet<usize>>>;

/// Finds the early steps. There are none if an early new row would take a NOT NULL value of another row: then the database decides.
pub(super) fn early(
    changes: &Changes,
    position: &FxHashMap<u16, usize>,
    is_late: impl Fn(ObjectId) -> bool,
) -> Early {
    let mut freeing = freeing_tables(changes);
    let moves = changes.value_moves.iter();
    let deleted = moves.filter(|row| row.kind == MoveKind::IsDeleted);
    freeing.extend(deleted.map(|row| row.child.0));
    let mut early = Early {
        deletes: freeing.clone(),
        ..Early::default()
    };
    let refers = |table: &TableChanges, stores: &BTreeSet<u16>| {
        let mut references = table.references.iter();
        references.any(|key| stores.contains(&key.parent))
    };
    while let Some(more) = changes.tables.iter().find(|table| {
        let is_known = early.deletes.contains(&table.store);
        !is_known && !table.deletes.is_empty() && refers(table, &early.deletes)
    }) {
        early.deletes.insert(more.store);
    }
    if early.deletes.is_empty() && changes.value_moves.is_empty() {
        return early;
    }
    let mut waiting: BTreeMap<ObjectId, Vec<&Wait>> = BTreeMap::new();
    for wait in &changes.waits {
        waiting.entry(wait.child).or_default().push(wait);
    }
    let mut wanted = Vec::new();
    for table in &changes.tables {
        let releases = ReferenceReleases::new(table, &early.deletes, &waiting);
        if releases.rows.is_empty() {
            continue;
        }
        let is_in_time = |slot: u32| {
            releases.waits(slot).next().is_none()
                && !is_late((table.store, slot))
                && !table.taking_values.contains(&slot)
        };
        // Otherwise rows of the same table would have to be written both before and after its deletions.
        let is_simple =
            !freeing.contains(&table.store) && table.updates.iter().all(|row| is_in_time(row.0));
        if is_simple {
            early.updates.insert(table.store);
            continue;
        }
        for row in &releases.rows {
            match is_in_time(row.0) && !releases.is_computed(row.0) {
                true => release(
                    &mut early.released,
                    table.store,
                    row.0,
                    &releases.changed(row),
                ),
                false => early.release_references(&releases, row, &mut wanted),
            }
        }
    }
    let moves = changes.value_moves.iter();
    for row in moves.filter(|row| row.kind == MoveKind::GivesUpValue) {
        let is_early = |node: ObjectId| early.updates.contains(&node.0);
        let is_before =
            is_early(row.child) || position.get(&row.child.0) < position.get(&row.parent.0);
        let is_in_time = is_before && !is_late(row.child) && !is_early(row.parent);
        if !is_in_time {
            early.release_value(row, &waiting, &mut wanted);
        }
    }
    match early.insert(changes, wanted, &waiting) {
        true => early,
        false => Early::default(),
    }
}

/// The tables whose deleted rows free values that other rows take.
fn freeing_tables(changes: &Changes) -> BTreeSet<u16> {
    let frees = |table: &&TableChanges| {
        let deleted: BTreeSet<u32> = match &table.uniques[..] {
            [] => return false,
            _ => table.deletes.iter().copied().collect(),
        };
        let mut passed_on = table.uniques.iter().flat_map(|unique| &unique.passed_on);
        passed_on.any(|(_, freer)| deleted.contains(freer))
    };
    let freeing = changes.tables.iter().filter(frees);
    freeing.map(|table| table.store).collect()
}

/// The changed rows of a table that stop referencing rows to be deleted early.
struct ReferenceReleases<'a> {
    table: &'a TableChanges,
    /// The foreign keys to tables with early deletions.
    keys: Vec<&'a References>,
    rows: Vec<&'a (u32, Columns)>,
    waiting: &'a BTreeMap<ObjectId, Vec<&'a Wait>>,
}

impl<'a> ReferenceReleases<'a> {
    fn new(
        table: &'a TableChanges,
        deletes: &BTreeSet<u16>,
        waiting: &'a BTreeMap<ObjectId, Vec<&'a Wait>>,
    ) -> Self {
        let keys = table.references.iter();
        let mut releases = Self {
            table,
            keys: keys.filter(|key| deletes.contains(&key.parent)).collect(),
            rows: Vec::new(),
            waiting,
        };
        let rows = table.updates.iter();
        releases.rows = rows
            .filter(|row| {
                let waits = releases.waits(row.0);
                let mut columns = row
                    .1
                    .iter()
                    .chain(waits.flat_map(|wait| wait.columns.iter()));
                columns.any(|column| releases.refers(*column)) || releases.is_computed(row.0)
            })
            .collect();
        releases
    }

    fn waits(&self, slot: u32) -> impl Iterator<Item = &'a Wait> + use<'a> {
        let waits = self.waiting.get(&(self.table.store, slot));
        waits.into_iter().flatten().copied()
    }

    /// Whether one of the foreign keys is set to an expression.
    fn is_computed(&self, slot: u32) -> bool {
        let mut computed = self.table.computed_of(slot).iter();
        computed.any(|&column| self.refers(column))
    }

    fn refers(&self, column: usize) -> bool {
        self.keys.iter().any(|key| key.columns.contains(&column))
    }

    /// The changed columns of a row that belong to the foreign keys.
    fn changed(&self, row: &(u32, Columns)) -> Columns {
        let columns = row.1.iter().copied();
        columns.filter(|&column| self.refers(column)).collect()
    }
}

fn release(released: &mut Released, store: u16, slot: u32, columns: &Columns) {
    let rows = released.entry(store).or_default();
    rows.entry(slot).or_default().extend(columns.iter());
}

impl Early {
    /// Releases a row's references to rows that are deleted early. A nullable foreign key is set to NULL for the time being. A NOT NULL one
    /// is written at once, or, if its new parent is not inserted yet, after the parent, which is added to `wanted`. If a NOT NULL one gets
    /// an expression, or a value that another row gets later, the database decides.
    fn release_references(
        &mut self,
        releases: &ReferenceReleases<'_>,
        row: &(u32, Columns),
        wanted: &mut Vec<ObjectId>,
    ) {
        let (store, slot) = (releases.table.store, row.0);
        let computed = releases.table.computed_of(slot);
        for key in &releases.keys {
            let waits = releases.waits(slot);
            let awaited: Vec<&Wait> = waits
                .filter(|wait| wait.columns.iter().any(|at| key.columns.contains(at)))
                .collect();
            let is_new = |at: &&usize| {
                row.1.contains(*at) || awaited.iter().any(|wait| wait.columns.contains(*at))
            };
            let columns: Columns = key.columns.iter().filter(is_new).copied().collect();
            let is_computed = key.columns.iter().any(|at| computed.contains(at));
            if columns.is_empty() && !is_computed {
                continue;
            }
            let is_unknown = is_computed || releases.table.taking_values.contains(&slot);
            match (key.nullable, awaited.is_empty()) {
                (Some(column), _) => self.vacate(store, column, slot),
                (None, _) if is_unknown => {}
                (None, true) => release(&mut self.released, store, slot, &columns),
                (None, false) => {
                    wanted.extend(awaited.iter().map(|wait| wait.parent));
                    self.moved.entry(store).or_default().push((slot, columns));
                }
            }
        }
    }

    /// Releases a row's reference to a unique value that changes.
    fn release_value(
        &mut self,
        row: &ValueMove,
        waiting: &BTreeMap<ObjectId, Vec<&Wait>>,
        wanted: &mut Vec<ObjectId>,
    ) {
        let (store, slot) = row.child;
        let columns = Columns::clone(&row.columns);
        let waits = waiting.get(&row.child).into_iter().flatten();
        let awaited = waits.filter(|wait| wait.columns.iter().any(|at| columns.contains(at)));
        let awaited: Vec<ObjectId> = awaited.map(|wait| wait.parent).collect();
        match (row.nullable, awaited.is_empty()) {
            (Some(column), _) => self.vacate(store, column, slot),
            (None, true) => release(&mut self.released_values, store, slot, &columns),
            (None, false) => {
                wanted.extend(awaited);
                self.moved.entry(store).or_default().push((slot, columns));
            }
        }
    }

    fn vacate(&mut self, store: u16, column: usize, slot: u32) {
        self.vacated.entry((store, column)).or_default().push(slot);
    }

    /// Adds new rows, and those that they wait for. Unique values that they take from other rows are set to NULL there first; returns false
    /// if that is not possible.
    fn insert(
        &mut self,
        changes: &Changes,
        mut wanted: Vec<ObjectId>,
        waiting: &BTreeMap<ObjectId, Vec<&Wait>>,
    ) -> bool {
        if wanted.is_empty() {
            return true;
        }
        while let Some(node) = wanted.pop() {
            if self.inserts.insert(node) {
                let waits = waiting.get(&node).into_iter().flatten();
                wanted.extend(waits.map(|wait| wait.parent));
            }
        }
        for table in &changes.tables {
            for unique in &table.uniques {
                for &(taker, freer) in &unique.passed_on {
                    if !self.inserts.contains(&(table.store, taker)) {
                        continue;
                    }
                    match unique.nullable {
                        Some(column) => self.vacate(table.store, column, freer),
                        None => return false,
                    }
                }
            }
        }
        true
    }
}
