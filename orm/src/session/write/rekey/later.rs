//! The columns of rows with changed keys that are written after the keys.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::error::Result;
use crate::record::RecordKey;
use crate::session::write::plan::{Columns, Unique};
use crate::session::{Session, State};

impl Session {
    /// The columns, by row, that are not written together with the keys: they are set to expressions, reference rows that are inserted
    /// or get their keys later, or take unique values that other rows have not freed yet.
    pub(super) fn written_later(
        &self,
        store: u16,
        slots: &[u32],
    ) -> Result<BTreeMap<u32, BTreeSet<usize>>> {
        let mut later = self.references_written_later(store, slots)?;
        for &slot in slots {
            if let Some(expressions) = self.expressions.get(&(store, slot)) {
                let columns = expressions.keys();
                later.entry(slot).or_default().extend(columns);
            }
        }
        self.add_references_to_new_values(store, slots, &mut later);
        self.add_values_taken_later(store, slots, &mut later)?;
        Ok(later)
    }

    /// Adds the columns of changed foreign keys whose values other rows get in this flush: changed keys, or unique values.
    fn add_references_to_new_values(
        &self,
        store: u16,
        slots: &[u32],
        later: &mut BTreeMap<u32, BTreeSet<usize>>,
    ) {
        let any = self.any_store(store);
        let own_key = &any.mapper().table().primary_key;
        for (parents, entry) in (0u16..).zip(&self.stores) {
            if entry.store.touched().is_empty() {
                continue;
            }
            let mut keys = self.foreign_keys_to(parents);
            keys.retain(|key| key.store == store);
            for key in keys {
                let touched = entry.store.touched().iter().copied();
                let new: FxHashMap<RecordKey, u32> = touched
                    .filter(|&slot| any_of(&key.referred, &entry.store.changed(slot)))
                    .filter_map(|slot| Some((self.key_of((parents, slot), &key.referred)?, slot)))
                    .collect();
                if new.is_empty() {
                    continue;
                }
                for &slot in slots {
                    let changed = any.changed(slot);
                    // One part of a foreign key cannot wait for a key that another part of it belongs to.
                    let is_split = changed
                        .iter()
                        .any(|at| key.columns.contains(at) && own_key.contains(at));
                    let parent = self.key_of((store, slot), &key.columns);
                    let parent = parent.and_then(|key| new.get(&key));
                    if any_of(&key.columns, &changed)
                        && !is_split
                        && parent.is_some_and(|&parent| (parents, parent) != (store, slot))
                    {
                        let columns = key.columns.iter().copied();
                        let columns = columns.filter(|column| !own_key.contains(column));
                        later.entry(slot).or_default().extend(columns);
                    }
                }
            }
        }
    }

    /// The columns, by row, of references that were set, and of foreign keys that hold keys of new rows.
    fn references_written_later(
        &self,
        store: u16,
        slots: &[u32],
    ) -> Result<BTreeMap<u32, BTreeSet<usize>>> {
        let mut later: BTreeMap<u32, BTreeSet<usize>> = BTreeMap::new();
        let now: FxHashSet<u32> = slots.iter().copied().collect();
        let waits = self.waits_by_keys(|_, children| children == store)?;
        let waits = waits.into_iter().map(|wait| (wait.child.1, wait.columns));
        let links = slots.iter().flat_map(|&slot| {
            let links = self.edges.links.of((store, slot));
            links.map(move |link| (slot, Arc::clone(&link.reference.columns)))
        });
        let primary_key = self.primary_key(store);
        for (slot, columns) in links.chain(waits.filter(|wait| now.contains(&wait.0))) {
            let columns = columns.iter().copied();
            for column in columns.filter(|column| !primary_key.contains(column)) {
                later.entry(slot).or_default().insert(column);
            }
        }
        Ok(later)
    }

    /// Adds the columns that keep their unique values until other rows have freed the new ones.
    fn add_values_taken_later(
        &self,
        store: u16,
        slots: &[u32],
        later: &mut BTreeMap<u32, BTreeSet<usize>>,
    ) -> Result<()> {
        let any = self.any_store(store);
        let is_there =
            |&slot: &u32| any.state(slot) == State::Persistent && !any.is_marked_deleted(slot);
        let touched = any.touched().iter().copied().filter(is_there);
        let updates: Vec<(u32, Columns)> = touched
            .map(|slot| (slot, Columns::from(any.changed(slot))))
            .collect();
        let uniques = self.uniques(
            store,
            &[],
            &updates,
            &any.marked().to_vec(),
            &self.computations()?,
        );
        let primary_key = self.primary_key(store);
        let now: FxHashSet<u32> = slots.iter().copied().collect();
        let others = |columns: &[usize]| -> BTreeSet<usize> {
            let columns = columns.iter().copied();
            columns.filter(|at| !primary_key.contains(at)).collect()
        };
        let uniques = uniques
            .iter()
            .map(|unique| (unique, others(&unique.columns)));
        let uniques: Vec<(&Unique, BTreeSet<usize>)> =
            uniques.filter(|(_, columns)| !columns.is_empty()).collect();
        let keeps = |later: &BTreeMap<u32, BTreeSet<usize>>, row: u32, unique: &Unique| {
            let later = later.get(&row);
            later.is_some_and(|later| unique.columns.iter().any(|at| later.contains(at)))
        };
        // Each row is visited once for each constraint, however long a chain of rows is.
        let mut takers: FxHashMap<(usize, u32), Vec<u32>> = FxHashMap::default();
        let mut next: Vec<(usize, u32)> = Vec::new();
        for (at, (unique, _)) in uniques.iter().enumerate() {
            for &(taker, freer) in &unique.passed_on {
                if now.contains(&taker) {
                    takers.entry((at, freer)).or_default().push(taker);
                    if !now.contains(&freer) || keeps(later, freer, unique) {
                        next.push((at, freer));
                    }
                }
            }
        }
        while let Some(freer) = next.pop() {
            let columns = &uniques[freer.0].1;
            for taker in takers.remove(&freer).into_iter().flatten() {
                later.entry(taker).or_default().extend(columns);
                for (at, (unique, _)) in uniques.iter().enumerate() {
                    if keeps(later, taker, unique) && takers.contains_key(&(at, taker)) {
                        next.push((at, taker));
                    }
                }
            }
        }
        Ok(())
    }
}

/// Whether some of these columns are changed.
pub(super) fn any_of(columns: &[usize], changed: &[usize]) -> bool {
    changed.iter().any(|column| columns.contains(column))
}
