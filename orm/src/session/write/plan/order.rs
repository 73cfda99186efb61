//! The order of a plan: tables by their foreign keys, new rows of one table by the rows that they wait for.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};

use super::{Changes, References, TableChanges, Wait};
use crate::error::{Error, ErrorKind, Result};
use crate::session::memory::edges::ObjectId;

/// Rows that reference each other in a cycle of NOT NULL foreign keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cycle(pub(crate) Vec<ObjectId>);

impl Cycle {
    /// Converts it to an error, with the rows' names.
    pub(crate) fn into_error(self, name: impl Fn(ObjectId) -> String) -> Error {
        let rows: Vec<String> = self.0.into_iter().map(name).collect();
        let message = format!(
            "new rows reference each other in a cycle of NOT NULL foreign keys, so none can be inserted first: {}",
            rows.join(" -> ")
        );
        Error::new(ErrorKind::CircularDependency, message)
    }
}

/// Orders tables with parents before children, ties by store. A cycle is broken at a nullable foreign key, or else at one that may be checked at
/// COMMIT, or else at its first store; tables that reference it, and are not part of it, come after it.
pub(super) fn table_order(tables: &[TableChanges], waits: &[Wait]) -> Vec<usize> {
    if tables.len() == 1 {
        return (0..tables.len()).collect();
    }
    // Only cycles need them.
    let required = OnceCell::new();
    let is_required = |child, parent| {
        required
            .get_or_init(|| required_pairs(tables, waits))
            .contains(&(child, parent))
    };
    let mut left: BTreeMap<u16, usize> = tables
        .iter()
        .enumerate()
        .map(|(at, table)| (table.store, at))
        .collect();
    let mut order = Vec::with_capacity(tables.len());
    while !left.is_empty() {
        let first = |may_be_next: &dyn Fn(&TableChanges) -> bool| {
            let mut left = left.iter().map(|(_, &at)| &tables[at]);
            left.find(|table| may_be_next(table)).map(|it| it.store)
        };
        let is_outside = |table: &TableChanges, key: &References| {
            key.parent == table.store || !left.contains_key(&key.parent)
        };
        let is_free = |table: &TableChanges| {
            let mut keys = table.references.iter();
            keys.all(|key| is_outside(table, key))
        };
        let next = first(&is_free).or_else(|| {
            let is_in_cycle = |table: &TableChanges, key: &References| {
                is_outside(table, key) || reaches(tables, &left, key.parent, table.store)
            };
            let may_come_first = |table: &TableChanges, is_free: &dyn Fn(&References) -> bool| {
                let mut keys = table.references.iter();
                keys.all(|key| is_outside(table, key) || is_free(key) && is_in_cycle(table, key))
            };
            let breaks =
                |table: &TableChanges| may_come_first(table, &|key| key.nullable.is_some());
            let defers = |table: &TableChanges| {
                may_come_first(table, &|key| {
                    key.nullable.is_some() || !is_required(table.store, key.parent)
                })
            };
            let begins = |table: &TableChanges| {
                let mut keys = table.references.iter();
                keys.all(|key| is_in_cycle(table, key))
            };
            first(&breaks)
                .or_else(|| first(&defers))
                .or_else(|| first(&begins))
                .or_else(|| left.keys().next().copied())
        });
        let Some(next) = next else {
            break;
        };
        order.extend(left.remove(&next));
    }
    order
}

/// The pairs of tables in which a new row cannot be inserted before another: child, parent. A row that exists already can be updated after all
/// others.
fn required_pairs(tables: &[TableChanges], waits: &[Wait]) -> BTreeSet<(u16, u16)> {
    let new: FxHashSet<ObjectId> = tables
        .iter()
        .flat_map(|table| table.inserts.iter().map(|row| (table.store, row.0)))
        .collect();
    waits
        .iter()
        .filter(|wait| wait.is_required() && new.contains(&wait.child))
        .map(|wait| (wait.child.0, wait.parent.0))
        .collect()
}

/// Whether a table references another, directly or through others of these.
fn reaches(tables: &[TableChanges], left: &BTreeMap<u16, usize>, from: u16, to: u16) -> bool {
    let mut known = BTreeSet::from([from]);
    let mut next = vec![from];
    while let Some(store) = next.pop() {
        if store == to {
            return true;
        }
        let references = left.get(&store).map(|&at| &tables[at].references);
        let parents = references.into_iter().flatten().map(|key| key.parent);
        next.extend(parents.filter(|&parent| left.contains_key(&parent) && known.insert(parent)));
    }
    false
}

impl Wait {
    /// Whether the child cannot be inserted before the parent.
    fn is_required(&self) -> bool {
        self.late.is_empty() && !self.is_deferrable
    }
}

/// The number of inserts of the same table that must come before each new row; 0 for rows that are not listed.
pub(super) type Levels = FxHashMap<ObjectId, usize>;

/// Computes the levels of new rows. Rows that cannot be ordered are added to `late`: they are written with NULL first and updated at the
/// end.
pub(super) fn levels(
    changes: &Changes,
    position: &FxHashMap<u16, usize>,
    late: &mut BTreeMap<ObjectId, BTreeSet<usize>>,
) -> Result<Levels, Cycle> {
    if changes.waits.is_empty() {
        return Ok(Levels::default());
    }
    let new_rows = changes.tables.iter().flat_map(|table| {
        let slots = table.inserts.iter().map(|(slot, _)| *slot);
        slots.map(move |slot| (table.store, slot))
    });
    let inserted: FxHashSet<ObjectId> = new_rows.collect();
    let mut waits: Vec<&Wait> = Vec::with_capacity(changes.waits.len());
    for wait in &changes.waits {
        if !inserted.contains(&wait.parent) {
            continue;
        }
        if inserted.contains(&wait.child) {
            waits.push(wait);
            continue;
        }
        // The new rows of a previous table are inserted before this table's rows are updated.
        let is_in_time = position.get(&wait.parent.0) < position.get(&wait.child.0);
        if !is_in_time {
            late.entry(wait.child)
                .or_default()
                .extend(wait.columns.iter());
        }
    }
    waits.sort_by_key(|wait| wait.child);
    let mut finder = LevelFinder {
        waits: FxHashMap::with_capacity_and_hasher(waits.len(), FxBuildHasher),
        position,
        late,
        levels: FxHashMap::with_capacity_and_hasher(waits.len(), FxBuildHasher),
        cut: FxHashSet::default(),
        path: Vec::new(),
        on_path: FxHashSet::default(),
    };
    let of_rows = waits.chunk_by(|one, other| one.child == other.child);
    finder
        .waits
        .extend(of_rows.clone().map(|of_row| (of_row[0].child, of_row)));
    for of_row in of_rows {
        finder.level(of_row[0].child)?;
    }
    Ok(finder.levels)
}

struct LevelFinder<'a> {
    /// The waits of each row.
    waits: FxHashMap<ObjectId, &'a [&'a Wait]>,
    position: &'a FxHashMap<u16, usize>,
    late: &'a mut BTreeMap<ObjectId, BTreeSet<usize>>,
    levels: Levels,
    /// Waits that were cut, because the parent requires the child: child, parent.
    cut: FxHashSet<(ObjectId, ObjectId)>,
    path: Vec<ObjectId>,
    on_path: FxHashSet<ObjectId>,
}

impl LevelFinder<'_> {
    /// Depth first without recursion, so that a long chain of rows does not overflow the stack.
    fn level(&mut self, start: ObjectId) -> Result<(), Cycle> {
        if self.levels.contains_key(&start) {
            return Ok(());
        }
        self.path.push(start);
        self.on_path.insert(start);
        while let Some(&node) = self.path.last() {
            match self.level_or_parent(node)? {
                Next::Parent(parent) => {
                    self.path.push(parent);
                    self.on_path.insert(parent);
                }
                Next::Again => {}
                Next::Level(level) => {
                    self.path.pop();
                    self.on_path.remove(&node);
                    self.levels.insert(node, level);
                }
            }
        }
        Ok(())
    }

    /// The level of a row if the levels of all awaited rows are known, otherwise the first awaited row without one; waits that would form a
    /// cycle become late.
    fn level_or_parent(&mut self, node: ObjectId) -> Result<Next, Cycle> {
        let mut level = 0;
        let mut unknown = None;
        for wait in self.waits.get(&node).copied().unwrap_or_default() {
            let parent = wait.parent;
            if self.cut.contains(&(node, parent)) {
                continue;
            }
            let comes_later = self.position.get(&parent.0) > self.position.get(&node.0);
            if comes_later || self.on_path.contains(&parent) {
                if wait.late.is_empty() {
                    if !comes_later && self.cut_path(parent, |wait| !wait.late.is_empty()) {
                        return Ok(Next::Again);
                    }
                    if wait.is_deferrable {
                        continue;
                    }
                    if !comes_later && self.cut_path(parent, |wait| !wait.is_required()) {
                        return Ok(Next::Again);
                    }
                    return Err(self.cycle(parent));
                }
                self.late.entry(node).or_default().extend(wait.late.iter());
            } else if parent.0 == node.0 {
                match self.levels.get(&parent) {
                    Some(known) => level = level.max(known + 1),
                    None => {
                        unknown.get_or_insert(parent);
                    }
                }
            }
        }
        Ok(unknown.map_or(Next::Level(level), Next::Parent))
    }

    /// Cuts the path from a row to the current one, which requires it, at the first reference that may be cut; returns false if there is none.
    #[cold]
    fn cut_path(&mut self, from: ObjectId, may_be_cut: impl Fn(&Wait) -> bool) -> bool {
        let Some(start) = self.path.iter().position(|&node| node == from) else {
            return false;
        };
        for at in start..self.path.len() - 1 {
            let (child, parent) = (self.path[at], self.path[at + 1]);
            let waits = self.waits.get(&child).copied().unwrap_or_default();
            let waits = waits.iter().filter(|wait| wait.parent == parent);
            if waits.clone().all(|wait| may_be_cut(wait)) {
                let late: Vec<usize> = waits.flat_map(|wait| wait.late.iter().copied()).collect();
                if !late.is_empty() {
                    self.late.entry(child).or_default().extend(late);
                }
                self.cut.insert((child, parent));
                for left in self.path.drain(at + 1..) {
                    self.on_path.remove(&left);
                }
                return true;
            }
        }
        false
    }

    /// The path of rows from a parent to the current row, which waits for it.
    #[cold]
    fn cycle(&self, parent: ObjectId) -> Cycle {
        let mut path = self.path.iter();
        let from = path.position(|&node| node == parent);
        let from = from.unwrap_or(self.path.len() - 1);
        Cycle(self.path[from..].iter().copied().chain([parent]).collect())
    }
}

/// The next step in computing a row's level.
enum Next {
    Level(usize),
    Parent(ObjectId),
    /// The path was cut; its last row has fewer awaited rows.
    Again,
}
