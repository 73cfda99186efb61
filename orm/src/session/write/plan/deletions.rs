//! The order of deletions: referencing rows first, with cycles cut.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;

use super::{AssociationChanges, Step, TableChanges, push_released};

/// Adds updates that set foreign keys to NULL in rows that are deleted after the row they reference, in rows that reference each other in a
/// cycle, and in self-referencing rows if the database requires it.
pub(super) fn push_cut_ties(
    steps: &mut Vec<Step>,
    table: &TableChanges,
    position: &FxHashMap<u16, usize>,
) {
    let mut rows: BTreeMap<u32, BTreeSet<usize>> = BTreeMap::new();
    let in_cycles = cut_in_cycles(table);
    for tie in &table.delete_ties {
        let comes_later = position.get(&tie.parent) > position.get(&table.store);
        if comes_later
            || tie
                .row
                .is_some_and(|row| row == tie.child || in_cycles.contains(&(tie.child, row)))
        {
            rows.entry(tie.child).or_default().extend(&tie.columns);
        }
    }
    let rows: Vec<_> = rows
        .into_iter()
        .map(|(slot, columns)| (slot, columns.into_iter().collect()))
        .collect();
    push_released(steps, table.store, &rows);
}

/// The references within a table to cut, because otherwise none of the rows in a cycle could be deleted first.
fn cut_in_cycles(table: &TableChanges) -> BTreeSet<(u32, u32)> {
    if table.delete_ties.iter().all(|tie| tie.row.is_none()) {
        return BTreeSet::new();
    }
    let (_, left) = peel(&table.deletes, table.delete_after.iter());
    let left: BTreeSet<u32> = left.into_iter().collect();
    let ties = table.delete_ties.iter();
    let pairs = ties.filter_map(|tie| Some((tie.child, tie.row?)));
    pairs
        .filter(|(child, row)| left.contains(child) && left.contains(row))
        .collect()
}

/// Adds deletions of removed pairs, and of those of deleted objects, whose keys still match their rows.
pub(super) fn push_removed_pairs(steps: &mut Vec<Step>, table: &AssociationChanges) {
    let association = table.association;
    if !table.removed.is_empty() {
        steps.push(Step::Dissociate {
            association,
            pairs: table.removed.clone(),
        });
    }
    let severed = table.severed().into_iter();
    steps.extend(
        severed
            .filter(|(_, slots)| !slots.is_empty())
            .map(|(side, slots)| Step::Sever {
                association,
                side,
                slots: slots.to_vec(),
            }),
    );
}

/// Adds deletions, with referencing rows of the table first.
pub(super) fn push_deletes(steps: &mut Vec<Step>, table: &TableChanges) {
    let store = table.store;
    let cut = cut_in_cycles(table);
    let refers = table.delete_after.iter().filter(|pair| !cut.contains(pair));
    let (levels, left) = peel(&table.deletes, refers);
    // The rest is a cycle of NOT NULL foreign keys: the database decides whether it can be deleted in one statement.
    let levels = levels.into_iter().chain([left]);
    let levels = levels.filter(|slots| !slots.is_empty());
    steps.extend(levels.map(|slots| Step::Delete { store, slots }));
}

/// Sorts rows so that rows come before those they reference; returns the rest separately, which reference each other in a cycle.
fn peel<'a>(
    rows: &[u32],
    refers: impl Iterator<Item = &'a (u32, u32)>,
) -> (Vec<Vec<u32>>, Vec<u32>) {
    let mut referred: BTreeMap<u32, usize> = BTreeMap::new();
    let mut parents: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for &(child, parent) in refers.filter(|(child, parent)| child != parent) {
        *referred.entry(parent).or_default() += 1;
        parents.entry(child).or_default().push(parent);
    }
    let positions: FxHashMap<u32, usize> = rows.iter().copied().zip(0..).collect();
    let is_referred = |referred: &BTreeMap<u32, usize>, slot: u32| {
        referred.get(&slot).is_some_and(|count| *count > 0)
    };
    let free = rows.iter().copied();
    let mut now: Vec<u32> = free.filter(|&slot| !is_referred(&referred, slot)).collect();
    let mut levels = Vec::new();
    while !now.is_empty() {
        let mut next = Vec::new();
        for parent in now.iter().filter_map(|slot| parents.get(slot)).flatten() {
            if let Some(count) = referred.get_mut(parent) {
                *count -= 1;
                if *count == 0 && positions.contains_key(parent) {
                    next.push(*parent);
                }
            }
        }
        next.sort_unstable_by_key(|slot| positions.get(slot));
        levels.push(std::mem::replace(&mut now, next));
    }
    let left = rows.iter().copied();
    let left = left.filter(|&slot| is_referred(&referred, slot)).collect();
    (levels, left)
}
