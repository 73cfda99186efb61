//! Rows to delete: those that refer to others go before them, and cycles are cut.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;

use super::{AssociationChanges, Step, TableChanges, push_letting_go};

/// A row that is deleted after what it refers to lets go of it first: its foreign key is set to NULL. So do rows that refer to each
/// other in a cycle, and one that refers to itself where the database wants it.
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
    push_letting_go(steps, table.store, &rows);
}

/// Which deleted rows let go of which rows of their own table, because otherwise none of them could go first.
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

/// Pairs that are taken apart, and those of deleted objects, whose keys are still what their rows say.
pub(super) fn push_partings(steps: &mut Vec<Step>, table: &AssociationChanges) {
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

/// Rows that refer to others of the table go before them.
pub(super) fn push_deletes(steps: &mut Vec<Step>, table: &TableChanges) {
    let store = table.store;
    let cut = cut_in_cycles(table);
    let refers = table.delete_after.iter().filter(|pair| !cut.contains(pair));
    let (levels, left) = peel(&table.deletes, refers);
    // Left is a cycle that takes no NULL: the database decides whether it can be deleted in one statement.
    let levels = levels.into_iter().chain([left]);
    let levels = levels.filter(|slots| !slots.is_empty());
    steps.extend(levels.map(|slots| Step::Delete { store, slots }));
}

/// Rows, those that none of the later ones refers to first; and what is left, because its rows refer to each other in a cycle.
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
    let mut left = rows.to_vec();
    let mut levels = Vec::new();
    while !left.is_empty() {
        let is_free = |slot: &&u32| referred.get(slot).is_none_or(|count| *count == 0);
        let (now, later): (Vec<u32>, Vec<u32>) = left.iter().partition(is_free);
        if now.is_empty() {
            break;
        }
        for parent in now.iter().filter_map(|slot| parents.get(slot)).flatten() {
            if let Some(count) = referred.get_mut(parent) {
                *count = count.saturating_sub(1);
            }
        }
        levels.push(now);
        left = later;
    }
    (levels, left)
}
