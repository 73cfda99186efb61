//! What comes before what: tables by their foreign keys, new rows of one table by the rows that they wait for.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;

use super::{Changes, TableChanges, Wait};
use crate::error::{Error, ErrorKind, Result};
use crate::session::memory::edges::ObjectId;

/// Rows that refer to each other over foreign keys that refuse NULL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cycle(pub(crate) Vec<ObjectId>);

impl Cycle {
    /// The error, with the rows' names.
    pub(crate) fn into_error(self, name: impl Fn(ObjectId) -> String) -> Error {
        let rows: Vec<String> = self.0.into_iter().map(name).collect();
        let message = format!(
            "new rows refer to each other in a cycle of NOT NULL foreign keys, so none can be inserted first: {}",
            rows.join(" -> ")
        );
        Error::new(ErrorKind::CircularDependency, message)
    }
}

/// Parents before children, ties by store. A cycle is broken where NULL is allowed, else at the first store.
pub(super) fn table_order(tables: &[TableChanges]) -> Vec<usize> {
    if tables.len() == 1 {
        return (0..tables.len()).collect();
    }
    let mut left: BTreeMap<u16, usize> = tables
        .iter()
        .enumerate()
        .map(|(at, table)| (table.store, at))
        .collect();
    let mut order = Vec::with_capacity(tables.len());
    while !left.is_empty() {
        let is_free = |at: usize, strict: bool| {
            let table = &tables[at];
            table.parents.iter().all(|&(parent, nullable)| {
                parent == table.store || !left.contains_key(&parent) || (nullable && !strict)
            })
        };
        let free = |strict| {
            left.iter()
                .find(|(_, at)| is_free(**at, strict))
                .map(|(store, _)| *store)
        };
        let Some(next) = free(true)
            .or_else(|| free(false))
            .or_else(|| left.keys().next().copied())
        else {
            break;
        };
        order.extend(left.remove(&next));
    }
    order
}

/// How many inserts of its own table must come before each new row; none before a row that is not listed. Rows that cannot wait
/// that way are noted in `late`: they are written with NULL first and updated at the end.
pub(super) fn levels(
    changes: &Changes,
    position: &FxHashMap<u16, usize>,
    late: &mut BTreeMap<ObjectId, BTreeSet<usize>>,
) -> Result<BTreeMap<ObjectId, usize>, Cycle> {
    if changes.waits.is_empty() {
        return Ok(BTreeMap::new());
    }
    let inserted: BTreeSet<ObjectId> = changes
        .tables
        .iter()
        .flat_map(|table| {
            table
                .inserts
                .iter()
                .map(move |(slot, _)| (table.store, *slot))
        })
        .collect();
    let mut waits: BTreeMap<ObjectId, Vec<&Wait>> = BTreeMap::new();
    for wait in changes
        .waits
        .iter()
        .filter(|wait| inserted.contains(&wait.parent))
    {
        if inserted.contains(&wait.child) {
            waits.entry(wait.child).or_default().push(wait);
        } else {
            late.entry(wait.child).or_default().extend(&wait.columns);
        }
    }
    let mut finder = LevelFinder {
        waits,
        position,
        late,
        levels: BTreeMap::new(),
        path: Vec::new(),
        on_path: BTreeSet::new(),
    };
    let waiting: Vec<ObjectId> = finder.waits.keys().copied().collect();
    for node in waiting {
        finder.level(node)?;
    }
    Ok(finder.levels)
}

struct LevelFinder<'a> {
    waits: BTreeMap<ObjectId, Vec<&'a Wait>>,
    position: &'a FxHashMap<u16, usize>,
    late: &'a mut BTreeMap<ObjectId, BTreeSet<usize>>,
    levels: BTreeMap<ObjectId, usize>,
    path: Vec<ObjectId>,
    on_path: BTreeSet<ObjectId>,
}

impl LevelFinder<'_> {
    /// Depth first without recursion, so that a long chain of rows does not end the stack.
    fn level(&mut self, start: ObjectId) -> Result<(), Cycle> {
        if self.levels.contains_key(&start) {
            return Ok(());
        }
        self.path.push(start);
        self.on_path.insert(start);
        while let Some(&node) = self.path.last() {
            match self.next_unknown(node)? {
                Some(parent) => {
                    self.path.push(parent);
                    self.on_path.insert(parent);
                }
                None => {
                    self.path.pop();
                    self.on_path.remove(&node);
                    let level = self.known_level(node);
                    self.levels.insert(node, level);
                }
            }
        }
        Ok(())
    }

    /// A row that `node` waits for and whose level is not known; waits that cannot be kept become late.
    fn next_unknown(&mut self, node: ObjectId) -> Result<Option<ObjectId>, Cycle> {
        let Some(waits) = self.waits.get_mut(&node) else {
            return Ok(None);
        };
        let mut unknown = None;
        let mut cycle = None;
        let (position, path, on_path, levels) =
            (self.position, &self.path, &self.on_path, &self.levels);
        let late = &mut *self.late;
        waits.retain(|wait| {
            let parent = wait.parent;
            let comes_later = position.get(&parent.0) > position.get(&node.0);
            let in_cycle = on_path.contains(&parent);
            if comes_later || in_cycle {
                if wait.nullable {
                    late.entry(node).or_default().extend(&wait.columns);
                    return false;
                }
                let from = path
                    .iter()
                    .position(|&n| n == parent)
                    .unwrap_or(path.len() - 1);
                cycle.get_or_insert_with(|| path[from..].iter().copied().chain([parent]).collect());
                return true;
            }
            if parent.0 == node.0 && !levels.contains_key(&parent) {
                unknown.get_or_insert(parent);
            }
            true
        });
        match cycle {
            Some(nodes) => Err(Cycle(nodes)),
            None => Ok(unknown),
        }
    }

    fn known_level(&self, node: ObjectId) -> usize {
        let waits = self.waits.get(&node).map_or(&[][..], |waits| waits);
        let same_table = waits.iter().filter(|wait| wait.parent.0 == node.0);
        same_table
            .map(|wait| self.levels.get(&wait.parent).map_or(0, |level| level + 1))
            .max()
            .unwrap_or(0)
    }
}
