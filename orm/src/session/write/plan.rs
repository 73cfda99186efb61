//! The plan of a flush: from changes to ordered steps. It does no I/O, and ties are broken deterministically.
//!
//! Tables are ordered by their foreign keys. Each table's changed rows are written before its new rows; rows that wait for a key generated
//! in this flush are written last; deletions run in reverse order. Removed pairs are deleted first, and added pairs are inserted before
//! deletions. Rows that free unique values come before those that take them; if these are deleted rows, `early` puts their deletions, and what
//! these require, before everything else.

mod deletions;
mod early;
mod order;
mod uniques;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::entity::AssociationSide;
use crate::error::{Error, ErrorKind, Result};
use crate::session::memory::edges::ObjectId;

use deletions::{push_cut_ties, push_deletes, push_removed_pairs};
use early::{Early, Released, early};
pub(crate) use order::Cycle;
use order::{Levels, levels, table_order};
use uniques::update_order;
pub(crate) use uniques::{Numbered, Swap, Unique, passed_on};

/// The written columns of a row: one shared list for consecutive rows of the same shape.
pub(crate) type Columns = Rc<[usize]>;

/// The changes to write.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    pub(crate) tables: Vec<TableChanges>,
    /// References to objects inserted in this flush.
    pub(crate) waits: Vec<Wait>,
    pub(crate) associations: Vec<AssociationChanges>,
    /// References to other tables' changed rows by unique values.
    pub(crate) value_moves: Vec<ValueMove>,
}

impl Changes {
    /// Returns the same changes with only identical texts considered equal; `None` if that makes no difference.
    pub(in crate::session) fn compared_exactly(&self) -> Option<Self> {
        let mut uniques = self.tables.iter().flat_map(|table| &table.uniques);
        uniques.find(|unique| unique.exactly.is_some())?;
        let mut changes = self.clone();
        let tables = changes.tables.iter_mut();
        for unique in tables.flat_map(|table| &mut table.uniques) {
            if let Some(exactly) = unique.exactly.take() {
                unique.passed_on = exactly;
            }
        }
        Some(changes)
    }
}

/// The changes of one table.
#[derive(Clone, Debug, Default)]
pub(crate) struct TableChanges {
    pub(crate) store: u16,
    /// Its foreign keys.
    pub(crate) references: Vec<References>,
    /// The UNIQUE constraints whose values rows free and take.
    pub(crate) uniques: Vec<Unique>,
    /// New rows in the order of `add`, each with the columns that are set.
    pub(crate) inserts: Vec<(u32, Columns)>,
    /// Changed rows in the order of their keys, each with its changed columns.
    pub(crate) updates: Vec<(u32, Columns)>,
    /// The changed rows with columns set to expressions, and the index of these expressions.
    pub(crate) computed: BTreeMap<u32, usize>,
    /// The columns that the expressions of each index set.
    pub(crate) computed_columns: BTreeMap<usize, Vec<usize>>,
    /// The changed rows whose new references are to unique values that other rows get in this flush.
    pub(crate) taking_values: BTreeSet<u32>,
    /// Deleted rows in the order of their keys.
    pub(crate) deletes: Vec<u32>,
    /// References among the deleted rows: from, to.
    pub(crate) delete_after: Vec<(u32, u32)>,
    /// Deleted rows that reference deleted rows by nullable foreign keys.
    pub(crate) delete_ties: Vec<Tie>,
}

impl TableChanges {
    /// The columns of a row that are set to expressions.
    pub(crate) fn computed_of(&self, slot: u32) -> &[usize] {
        let set = self.computed.get(&slot);
        let columns = set.and_then(|set| self.computed_columns.get(set));
        columns.map_or(&[], |columns| columns)
    }
}

/// A foreign key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct References {
    /// The referenced table.
    pub(crate) parent: u16,
    pub(crate) columns: Vec<usize>,
    /// A nullable column of it.
    pub(crate) nullable: Option<usize>,
}

/// The changes of one association table. Pairs are the slots of their left and right ends.
#[derive(Clone, Debug, Default)]
pub(crate) struct AssociationChanges {
    pub(crate) association: u16,
    /// Added pairs in the order in which they were added.
    pub(crate) added: Vec<(u32, u32)>,
    /// Removed pairs, in the order of their keys.
    pub(crate) removed: Vec<(u32, u32)>,
    /// Deleted objects of the left side, whose pairs are all deleted.
    pub(crate) left: Vec<u32>,
    /// Deleted objects of the right side.
    pub(crate) right: Vec<u32>,
}

impl AssociationChanges {
    /// The deleted objects of both sides.
    pub(crate) fn severed(&self) -> [(AssociationSide, &[u32]); 2] {
        [
            (AssociationSide::Left, &self.left),
            (AssociationSide::Right, &self.right),
        ]
    }

    pub(crate) fn severed_mut(&mut self, side: AssociationSide) -> &mut Vec<u32> {
        match side {
            AssociationSide::Left => &mut self.left,
            AssociationSide::Right => &mut self.right,
        }
    }
}

/// A reference from a deleted row to a deleted row by a nullable foreign key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tie {
    pub(crate) child: u32,
    /// The referenced table.
    pub(crate) parent: u16,
    /// The referenced row, if it is in the same table.
    pub(crate) row: Option<u32>,
    pub(crate) columns: Vec<usize>,
}

/// A row that cannot be written before the row it references.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wait {
    pub(crate) child: ObjectId,
    pub(crate) parent: ObjectId,
    pub(crate) columns: Arc<[usize]>,
    /// The columns that a new row can get after its insertion, because one of them is NULL until then; empty if none is nullable.
    pub(crate) late: Arc<[usize]>,
    /// Whether the parent's key is copied to the child. A child that was found by its value has it already.
    pub(crate) is_filled: bool,
    /// Whether the parent's key is known and the constraint may be checked at COMMIT, so that the child can be inserted first.
    pub(crate) is_deferrable: bool,
}

/// A reference to other columns than a primary key, which a row gets or gives up because the referenced value changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ValueMove {
    pub(crate) child: ObjectId,
    /// The changed row.
    pub(crate) parent: ObjectId,
    /// The columns of the foreign key that change.
    pub(crate) columns: Columns,
    /// A nullable column of the foreign key.
    pub(crate) nullable: Option<usize>,
    pub(crate) kind: MoveKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MoveKind {
    /// The child gets the value after the parent.
    TakesValue,
    /// The child gives the value up before the parent loses it.
    GivesUpValue,
    /// The child is deleted before the parent loses the value.
    IsDeleted,
}

/// Rows of one shape, written together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Insert {
        store: u16,
        columns: Columns,
        slots: Vec<u32>,
    },
    Update {
        store: u16,
        columns: Columns,
        slots: Vec<u32>,
    },
    /// An UPDATE with the expressions that have this index.
    Compute {
        store: u16,
        set: usize,
        columns: Columns,
        slots: Vec<u32>,
    },
    Delete {
        store: u16,
        slots: Vec<u32>,
    },
    /// An UPDATE of some of the changed columns, before the others.
    Release {
        store: u16,
        columns: Columns,
        slots: Vec<u32>,
    },
    /// An UPDATE that sets a column to NULL before it gets another value: to free a unique one, or a reference whose new parent is not inserted yet.
    Vacate {
        store: u16,
        column: usize,
        slots: Vec<u32>,
    },
    /// An INSERT into an association table, after both ends are inserted.
    Associate {
        association: u16,
        pairs: Vec<(u32, u32)>,
    },
    /// A DELETE from an association table.
    Dissociate {
        association: u16,
        pairs: Vec<(u32, u32)>,
    },
    /// A DELETE of all rows of an association table that reference deleted objects on one side.
    Sever {
        association: u16,
        side: AssociationSide,
        slots: Vec<u32>,
    },
}

impl Step {
    /// The rows that a step inserts or updates, and the columns that it sets to values: store, columns and slots.
    pub(in crate::session) fn written(&self) -> Option<(u16, &[usize], &[u32])> {
        match self {
            Self::Insert {
                store,
                columns,
                slots,
            }
            | Self::Update {
                store,
                columns,
                slots,
            }
            | Self::Compute {
                store,
                columns,
                slots,
                ..
            }
            | Self::Release {
                store,
                columns,
                slots,
            } => Some((*store, columns, slots)),
            _ => None,
        }
    }

    /// The store whose rows it writes; `None` for association tables.
    pub(crate) fn store(&self) -> Option<u16> {
        match self {
            Self::Insert { store, .. }
            | Self::Update { store, .. }
            | Self::Compute { store, .. }
            | Self::Delete { store, .. }
            | Self::Release { store, .. }
            | Self::Vacate { store, .. } => Some(*store),
            Self::Associate { .. } | Self::Dissociate { .. } | Self::Sever { .. } => None,
        }
    }
}

/// Plans a flush: returns the steps in order.
///
/// # Errors
///
/// [`ErrorKind::CircularDependency`] if new rows reference each other in a cycle of NOT NULL foreign keys and the one that closes it is checked at
/// once; the caller supplies the names of the rows. [`ErrorKind::UniqueViolation`] if rows exchange the values of a constraint that is not deferrable and whose columns are all NOT NULL.
pub(crate) fn plan(changes: &Changes) -> Result<Vec<Step>, Refused> {
    if let Some(steps) = plain(changes) {
        return Ok(steps);
    }
    let order = table_order(&changes.tables, &changes.waits);
    let position: FxHashMap<u16, usize> = order
        .iter()
        .enumerate()
        .map(|(at, &table)| (changes.tables[table].store, at))
        .collect();
    let mut late: BTreeMap<ObjectId, BTreeSet<usize>> = BTreeMap::new();
    add_late_updates(changes, &position, &mut late);
    let levels = levels(changes, &position, &mut late)?;

    let mut steps = Vec::new();
    for table in &changes.associations {
        push_removed_pairs(&mut steps, table);
    }
    let early = early(changes, &position, |node| late.contains_key(&node));
    let mut updates = Updates {
        freeing: late_freers(changes, &late),
        vacated: BTreeMap::new(),
        late,
    };
    push_early(&mut steps, changes, &order, &early, &levels, &mut updates)?;
    for &table in &order {
        if early.deletes.contains(&changes.tables[table].store) {
            push_cut_ties(&mut steps, &changes.tables[table], &position);
        }
    }
    for &table in order.iter().rev() {
        if early.deletes.contains(&changes.tables[table].store) {
            push_deletes(&mut steps, &changes.tables[table]);
        }
    }
    for &table in &order {
        let table = &changes.tables[table];
        if !early.updates.contains(&table.store) {
            updates.push_ordered(&mut steps, table)?;
        }
        push_inserts(&mut steps, table, &levels, |node| {
            !early.inserts.contains(&node)
        });
    }
    let late = updates.late;
    for &table in &order {
        let store = changes.tables[table].store;
        let rows = late.range((store, 0)..=(store, u32::MAX));
        let rows: Vec<_> = rows
            .map(|(node, columns)| (node.1, columns.iter().copied().collect()))
            .collect();
        push_updates(&mut steps, &changes.tables[table], &rows);
    }
    for table in changes
        .associations
        .iter()
        .filter(|table| !table.added.is_empty())
    {
        steps.push(Step::Associate {
            association: table.association,
            pairs: table.added.clone(),
        });
    }
    let is_left = |table: &&usize| !early.deletes.contains(&changes.tables[**table].store);
    for &table in order.iter().filter(is_left) {
        push_cut_ties(&mut steps, &changes.tables[table], &position);
    }
    for &table in order.iter().rev().filter(is_left) {
        push_deletes(&mut steps, &changes.tables[table]);
    }
    Ok(steps)
}

/// The steps if only one table changes and its rows do not depend on each other, so that no order is needed.
fn plain(changes: &Changes) -> Option<Vec<Step>> {
    let [table] = &changes.tables[..] else {
        return None;
    };
    let is_plain = changes.waits.is_empty()
        && changes.associations.is_empty()
        && table.uniques.is_empty()
        && table.delete_after.is_empty()
        && table.delete_ties.is_empty()
        && (table.computed.is_empty() || table.inserts.is_empty());
    if !is_plain {
        return None;
    }
    let mut steps = Vec::with_capacity(1);
    if !table.updates.is_empty() {
        push_updates(&mut steps, table, &table.updates);
    }
    push_inserts(&mut steps, table, &Levels::default(), |_| true);
    if !table.deletes.is_empty() {
        steps.push(Step::Delete {
            store: table.store,
            slots: table.deletes.clone(),
        });
    }
    Some(steps)
}

/// The reason why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// New rows reference each other in a cycle.
    Cycle(Cycle),
    /// Rows exchange unique values.
    Swap(Swap),
}

impl Refused {
    /// Converts it to an error, with the names of rows and tables.
    pub(crate) fn into_error(
        self,
        row: impl Fn(ObjectId) -> String,
        table: impl Fn(u16) -> String,
    ) -> Error {
        match self {
            Self::Cycle(cycle) => cycle.into_error(row),
            Self::Swap(swap) => {
                let message = format!(
                    "rows exchange values of {} in one flush, which requires a nullable column that no row follows by ON UPDATE CASCADE: set one of them to an unused value and flush first",
                    swap.constraint
                );
                Error::new(ErrorKind::UniqueViolation, message).entity(table(swap.store))
            }
        }
    }
}

impl From<Cycle> for Refused {
    fn from(cycle: Cycle) -> Self {
        Self::Cycle(cycle)
    }
}

impl From<Swap> for Refused {
    fn from(swap: Swap) -> Self {
        Self::Swap(swap)
    }
}

/// Adds the steps that come before early deletions.
fn push_early(
    steps: &mut Vec<Step>,
    changes: &Changes,
    order: &[usize],
    early: &Early,
    levels: &Levels,
    updates: &mut Updates,
) -> Result<(), Swap> {
    // Before the updates, which write these columns again.
    for (&(store, column), slots) in &early.vacated {
        updates.push_vacated(steps, store, column, slots.iter().copied());
    }
    let release = |steps: &mut Vec<Step>, released: &Released| {
        for (store, rows) in released {
            let columns = |columns: &BTreeSet<usize>| columns.iter().copied().collect();
            let rows = rows.iter().map(|(&slot, of)| (slot, columns(of)));
            push_released(steps, *store, &rows.collect::<Vec<(u32, Columns)>>());
        }
    };
    release(steps, &early.released_values);
    for &table in order {
        let table = &changes.tables[table];
        if early.updates.contains(&table.store) {
            updates.push_ordered(steps, table)?;
        }
    }
    release(steps, &early.released);
    if early.inserts.is_empty() {
        return Ok(());
    }
    for &table in order {
        push_inserts(steps, &changes.tables[table], levels, |node| {
            early.inserts.contains(&node)
        });
    }
    for (store, rows) in &early.moved {
        push_released(steps, *store, rows);
    }
    Ok(())
}

/// The rows whose updates depend on other rows.
struct Updates {
    /// The rows that are written last, with the columns that they wait for.
    late: BTreeMap<ObjectId, BTreeSet<usize>>,
    /// The late rows that have unique values that others take: their other columns are written early, and these columns are set to NULL
    /// before.
    freeing: BTreeMap<ObjectId, BTreeSet<usize>>,
    /// The columns of rows that were set to NULL, and are written with the other columns of the rows.
    vacated: BTreeMap<ObjectId, BTreeSet<usize>>,
}

impl Updates {
    /// Sets a column to NULL in those rows in which it has not been set to NULL yet.
    fn push_vacated(
        &mut self,
        steps: &mut Vec<Step>,
        store: u16,
        column: usize,
        slots: impl IntoIterator<Item = u32>,
    ) {
        let mut new = Vec::new();
        for slot in slots {
            let vacated = self.vacated.entry((store, slot)).or_default();
            if vacated.insert(column) {
                new.push(slot);
            }
        }
        if !new.is_empty() {
            steps.push(Step::Vacate {
                store,
                column,
                slots: new,
            });
        }
    }

    /// Adds the changed rows of a table, except late ones: rows that free unique values come before those that take them.
    fn push_ordered(&mut self, steps: &mut Vec<Step>, table: &TableChanges) -> Result<(), Swap> {
        let store = table.store;
        let is_freeing = |slot: u32| self.freeing.contains_key(&(store, slot));
        let order = update_order(table, |slot| {
            self.late.contains_key(&(store, slot)) && !is_freeing(slot)
        })?;
        let mut vacate: BTreeMap<usize, BTreeSet<u32>> = BTreeMap::new();
        for (column, slots) in order.vacate {
            vacate.entry(column).or_default().extend(slots);
        }
        for (&(_, slot), columns) in self.freeing.range((store, 0)..=(store, u32::MAX)) {
            for &column in columns {
                vacate.entry(column).or_default().insert(slot);
            }
        }
        for (column, slots) in vacate {
            self.push_vacated(steps, store, column, slots);
        }
        // By level: the released columns, and the rows written as a whole.
        let mut levels: BTreeMap<usize, (Vec<_>, Vec<_>)> = BTreeMap::new();
        for (level, slot, columns) in order.released {
            levels.entry(level).or_default().0.push((slot, columns));
        }
        for row in &table.updates {
            let node = (store, row.0);
            let columns = self.columns(table, row);
            let level = order.levels.get(&row.0).copied().unwrap_or(0);
            match self.late.get_mut(&node) {
                Some(waiting) if self.freeing.contains_key(&node) => {
                    let others = columns.iter().copied();
                    let others: Columns = others.filter(|at| !waiting.contains(at)).collect();
                    levels.entry(level).or_default().0.push((row.0, others));
                }
                Some(waiting) => waiting.extend(columns.iter()),
                None => levels.entry(level).or_default().1.push((row.0, columns)),
            }
        }
        for (released, whole) in levels.values() {
            push_released(steps, store, released);
            push_updates(steps, table, whole);
        }
        Ok(())
    }

    /// The columns of a row to write: the changed ones, and those that were set to NULL before.
    fn columns(&self, table: &TableChanges, row: &(u32, Columns)) -> Columns {
        let computed = table.computed_of(row.0);
        let is_written = |column: &usize| row.1.contains(column) || computed.contains(column);
        let vacated = self.vacated.get(&(table.store, row.0));
        let mut others = vacated.into_iter().flatten().filter(|at| !is_written(at));
        let Some(&first) = others.next() else {
            return Columns::clone(&row.1);
        };
        let mut columns: Vec<usize> = row.1.to_vec();
        columns.extend(others.copied().chain([first]));
        columns.sort_unstable();
        columns.into()
    }
}

/// Adds the rows with an expression in a foreign key, whose value may be the key of a new row, and those that get a unique value of a row
/// that is changed later.
fn add_late_updates(
    changes: &Changes,
    position: &FxHashMap<u16, usize>,
    late: &mut BTreeMap<ObjectId, BTreeSet<usize>>,
) {
    for table in changes.tables.iter().filter(|it| !it.computed.is_empty()) {
        let is_awaited = |key: &&References| {
            let parents = changes.tables.iter().find(|it| it.store == key.parent);
            parents.is_some_and(|parents| !parents.inserts.is_empty())
                && position.get(&key.parent) >= position.get(&table.store)
        };
        let keys: Vec<&References> = table.references.iter().filter(is_awaited).collect();
        for &slot in table.computed.keys() {
            let mut computed = table.computed_of(slot).iter();
            if computed.any(|at| keys.iter().any(|key| key.columns.contains(at))) {
                late.entry((table.store, slot)).or_default();
            }
        }
    }
    let moves = changes.value_moves.iter();
    for row in moves.filter(|row| row.kind == MoveKind::TakesValue) {
        if position.get(&row.parent.0) > position.get(&row.child.0) {
            late.entry(row.child)
                .or_default()
                .extend(row.columns.iter());
        }
    }
}

/// The rows that wait for new ones but have unique values that others take, with the columns to set to NULL because they hold such a value
/// until then.
fn late_freers(
    changes: &Changes,
    late: &BTreeMap<ObjectId, BTreeSet<usize>>,
) -> BTreeMap<ObjectId, BTreeSet<usize>> {
    let mut freeing: BTreeMap<ObjectId, BTreeSet<usize>> = BTreeMap::new();
    if late.is_empty() {
        return freeing;
    }
    for table in &changes.tables {
        for unique in &table.uniques {
            for &(_, freer) in &unique.passed_on {
                let node = (table.store, freer);
                let Some(waiting) = late.get(&node) else {
                    continue;
                };
                let vacated = freeing.entry(node).or_default();
                let computed = table.computed_of(freer);
                let is_late =
                    |column: &usize| waiting.contains(column) || computed.contains(column);
                if unique.columns.iter().any(is_late) {
                    vacated.extend(unique.nullable);
                }
            }
        }
    }
    freeing
}

/// Adds the new rows of a table for which `is_meant`, by level.
fn push_inserts(
    steps: &mut Vec<Step>,
    table: &TableChanges,
    levels: &Levels,
    is_meant: impl Fn(ObjectId) -> bool,
) {
    let node = |row: &(u32, Columns)| (table.store, row.0);
    let level = |row: &&(u32, Columns)| levels.get(&node(row)).copied().unwrap_or(0);
    let inserts = table.inserts.iter();
    let mut rows: Vec<&(u32, Columns)> = inserts.filter(|row| is_meant(node(row))).collect();
    if !levels.is_empty() {
        // A stable sort keeps the order of `add` within a level.
        rows.sort_by_key(level);
    }
    for batch in rows.chunk_by(|a, b| a.1 == b.1 && level(a) == level(b)) {
        steps.push(Step::Insert {
            store: table.store,
            columns: Columns::clone(&batch[0].1),
            slots: batch.iter().map(|(slot, _)| *slot).collect(),
        });
    }
}

/// Adds updates: rows with the same changed columns and the same expressions form one batch; batches are in the order of their first rows.
fn push_updates<'a>(
    steps: &mut Vec<Step>,
    table: &TableChanges,
    rows: impl IntoIterator<Item = &'a (u32, Columns)>,
) {
    push_shapes(steps, table.store, rows, |slot| {
        table.computed.get(&slot).copied()
    });
}

/// Adds updates of some columns of rows, before their other columns are written or the rows are deleted.
fn push_released(steps: &mut Vec<Step>, store: u16, rows: &[(u32, Columns)]) {
    let mut updates = Vec::new();
    push_shapes(&mut updates, store, rows, |_| None);
    steps.extend(updates.into_iter().map(|step| match step {
        Step::Update {
            store,
            columns,
            slots,
        } => Step::Release {
            store,
            columns,
            slots,
        },
        step => step,
    }));
}

fn push_shapes<'a>(
    steps: &mut Vec<Step>,
    store: u16,
    rows: impl IntoIterator<Item = &'a (u32, Columns)>,
    set: impl Fn(u32) -> Option<usize>,
) {
    type Shape<'a> = (&'a Columns, Option<usize>);
    let mut shapes: Vec<(Shape<'_>, Vec<u32>)> = Vec::new();
    let mut known: BTreeMap<Shape<'_>, usize> = BTreeMap::new();
    // Consecutive rows usually have the same shape.
    let mut last = None;
    for (slot, columns) in rows {
        let set = set(*slot);
        if columns.is_empty() && set.is_none() {
            continue;
        }
        let at = match last {
            Some((shape, of, at)) if Columns::ptr_eq(shape, columns) && of == set => at,
            _ => *known.entry((columns, set)).or_insert_with(|| {
                shapes.push(((columns, set), Vec::new()));
                shapes.len() - 1
            }),
        };
        last = Some((columns, set, at));
        shapes[at].1.push(*slot);
    }
    steps.extend(shapes.into_iter().map(|((columns, set), slots)| {
        let columns = Columns::clone(columns);
        match set {
            Some(set) => Step::Compute {
                store,
                set,
                columns,
                slots,
            },
            None => Step::Update {
                store,
                columns,
                slots,
            },
        }
    }));
}

#[cfg(test)]
mod tests;
