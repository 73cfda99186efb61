//! The pairs of many-to-many relations that a flush writes to association tables.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::engine::{Operation, Shape};
use crate::entity::{AssociationSide, RelationDescriptor};
use crate::error::Result;
use crate::render::{Lock, Renderer};
use crate::session::life::transaction::Intent;
use crate::session::memory::association::End;
use crate::session::memory::edges::ObjectId;
use crate::session::memory::pairs::{Change, Pair, Wanted};
use crate::session::read::lookup::{KeyBatch, owned};
use crate::session::write::expression::Computations;
use crate::session::write::persist;
use crate::session::write::plan::{AssociationChanges, Step};
use crate::session::{Session, State};
use crate::value::{Value, ValueRef};

/// The pairs of deleted objects, by association.
pub(in crate::session) type Severed = BTreeMap<u16, AssociationChanges>;

impl Session {
    /// The changes to write to association tables: changed pairs, and [severed](Self::severed_pairs) ones.
    pub(in crate::session) fn association_changes(
        &mut self,
        severed: Severed,
    ) -> Result<Vec<AssociationChanges>> {
        let mut changes = severed;
        if changes.is_empty() && self.edges.pairs.is_empty() {
            return Ok(Vec::new());
        }
        self.find_unknown_pairs()?;
        for (pair, change) in self.edges.pairs.in_order() {
            // The pairs of deleted objects are deleted with them, and objects that were never inserted have none.
            if !self.is_there(pair.left) || !self.is_there(pair.right) {
                continue;
            }
            let table = changes.entry(pair.association).or_default();
            let ends = (pair.left.1, pair.right.1);
            match change.wanted {
                Wanted::Together => table.added.push(ends),
                Wanted::Apart => table.removed.push(ends),
            }
        }
        for (&association, table) in &mut changes {
            table.association = association;
            self.sort_pairs(association, &mut table.removed);
        }
        Ok(changes.into_values().collect())
    }

    /// Runs a step of an association table.
    pub(in crate::session) fn run_association(&mut self, step: &Step) -> Result<()> {
        let (Step::Associate { association, .. }
        | Step::Dissociate { association, .. }
        | Step::Sever { association, .. }) = step
        else {
            return Ok(());
        };
        let entry = &self.associations[usize::from(*association)];
        let name = entry.association.table().name.clone();
        persist::run(self, step, &Computations::default(), None).map_err(|error| error.entity(name))
    }

    /// After a flush, removes deleted objects from all collections.
    pub(in crate::session) fn forget_severed(&mut self, changes: &[AssociationChanges]) {
        for table in changes {
            let entry = &self.associations[usize::from(table.association)];
            for (side, slots) in table.severed() {
                let End { store, relation } = entry.end(side.other());
                if let Some(relation) = relation.filter(|_| !slots.is_empty()) {
                    let members = entry.end(side).store;
                    let gone: Vec<ObjectId> = slots.iter().map(|&slot| (members, slot)).collect();
                    self.edges
                        .remove_deleted(&mut self.log, store, relation, &gone);
                }
            }
        }
    }

    fn is_there(&self, (store, slot): ObjectId) -> bool {
        let any = self.any_store(store);
        match any.state(slot) {
            State::Pending => true,
            State::Persistent => !any.is_marked_deleted(slot),
            _ => false,
        }
    }

    /// Returns the associations in which deleted objects may have pairs, loaded or not. Called before another object takes over a
    /// deleted row, because it does not take over the pairs.
    pub(in crate::session) fn severed_pairs(&mut self) -> Result<Severed> {
        let mut changes = Severed::new();
        let mut marked: Vec<(u16, Vec<u32>)> = Vec::new();
        for (store, entry) in (0u16..).zip(&self.stores) {
            let mut slots = entry.store.marked().to_vec();
            if !slots.is_empty() {
                entry.store.sort_by_key(&mut slots);
                marked.push((store, slots));
            }
        }
        if marked.is_empty() {
            return Ok(changes);
        }
        for store in (0u16..).take(self.stores.len()) {
            let mapper = Arc::clone(&self.entry(store).mapper);
            if !mapper
                .relations()
                .iter()
                .any(RelationDescriptor::is_many_to_many)
            {
                continue;
            }
            for (index, resolved) in (0u16..).zip(mapper.resolved()?) {
                let Some(through) = &resolved.through else {
                    continue;
                };
                let target = self.target_store(store, index);
                for (end, side) in [(store, through.side()), (target, through.side().other())] {
                    let Some((_, slots)) = marked.iter().find(|(store, _)| *store == end) else {
                        continue;
                    };
                    let association = self.association(store, index, resolved, through);
                    let table = changes.entry(association).or_default();
                    *table.severed_mut(side) = slots.clone();
                }
            }
        }
        Ok(changes)
    }

    /// Splits off the severed pairs of objects that are deleted early.
    pub(in crate::session) fn severed_early(
        &self,
        deleted: &BTreeMap<u16, BTreeSet<u32>>,
        severed: &mut Severed,
    ) -> Vec<AssociationChanges> {
        let mut early = Vec::new();
        for (&association, table) in severed {
            let entry = &self.associations[usize::from(association)];
            let mut now = AssociationChanges {
                association,
                ..AssociationChanges::default()
            };
            for side in [AssociationSide::Left, AssociationSide::Right] {
                let of_store = deleted.get(&entry.end(side).store);
                let is_early = |slot: &u32| of_store.is_some_and(|slots| slots.contains(slot));
                let all = std::mem::take(table.severed_mut(side));
                let (these, others) = all.into_iter().partition(is_early);
                (*now.severed_mut(side), *table.severed_mut(side)) = (these, others);
            }
            early.push(now);
        }
        early
    }

    /// Queries the database for the pairs that the session does not know to exist or to be missing.
    fn find_unknown_pairs(&mut self) -> Result<()> {
        let mut unknown: BTreeMap<u16, Vec<Pair>> = BTreeMap::new();
        for (pair, Change { known, .. }) in self.edges.pairs.in_order() {
            if known.is_none() && self.is_there(pair.left) && self.is_there(pair.right) {
                unknown.entry(pair.association).or_default().push(pair);
            }
        }
        for (association, pairs) in unknown {
            let found = self.find_pairs(association, &pairs)?;
            for pair in pairs {
                self.edges.pairs.set_known(pair, found.contains(&pair));
            }
        }
        Ok(())
    }

    fn find_pairs(&mut self, association: u16, pairs: &[Pair]) -> Result<BTreeSet<Pair>> {
        let entry = &self.associations[usize::from(association)];
        let (left, right) = (entry.left.store, entry.right.store);
        let association_table = Arc::clone(&entry.association);
        let ends: Vec<(u32, u32)> = pairs.iter().map(|p| (p.left.1, p.right.1)).collect();
        let keys = self.pair_keys(association, &ends);
        let table = association_table.table();
        let all: Vec<usize> = (0..table.columns.len()).collect();
        let left_width = association_table.columns(AssociationSide::Left).len();
        let types = association_table.mapper().types();
        let mut found: Vec<Value> = Vec::new();
        self.ready(Intent::Write)?;
        self.each_batch(all.len(), &keys, &mut |session, batch, params| {
            let (operation, count) = match batch {
                KeyBatch::Arrays => (Operation::SelectArrays(Lock::None), 0),
                KeyBatch::List(count) => (Operation::Select(Lock::None), count),
            };
            let shape = Shape {
                mapper: association_table.mapper().id(),
                operation,
                columns: Cow::Borrowed(&all),
                others: Cow::default(),
                count,
            };
            let sql = session.engine.shape(shape, || {
                let renderer = Renderer::new(session.engine.dialect());
                match batch {
                    KeyBatch::Arrays => renderer.select_by_arrays(table, &all, &all, &[]),
                    KeyBatch::List(count) => renderer.select_by(table, &all, &all, count, &[]),
                }
            });
            session.connected()?.query(&sql, params, &mut |row| {
                for (at, &ty) in types.iter().enumerate() {
                    found.push(row.value(at, ty)?.to_owned());
                }
                Ok(())
            })
        })?;
        let mut pairs = BTreeSet::new();
        for row in found.chunks(all.len()) {
            let key: Vec<ValueRef<'_>> = row.iter().map(Value::as_ref).collect();
            let (here, there) = key.split_at(left_width);
            let ends = self.any_store(left).find(here)?;
            let ends = ends.zip(self.any_store(right).find(there)?);
            pairs.extend(ends.map(|(a, b)| Pair {
                association,
                left: (left, a),
                right: (right, b),
            }));
        }
        Ok(pairs)
    }

    /// The rows of some pairs, as a flat list of values.
    pub(in crate::session) fn pair_keys(
        &self,
        association: u16,
        pairs: &[(u32, u32)],
    ) -> Vec<Value> {
        let entry = &self.associations[usize::from(association)];
        let left = self.any_store(entry.left.store);
        let right = self.any_store(entry.right.store);
        let mut params = Vec::with_capacity(pairs.len() * entry.association.table().columns.len());
        for &(a, b) in pairs {
            left.row_key(a, &mut params);
            right.row_key(b, &mut params);
        }
        owned(&params)
    }

    /// Sorts pairs by their keys, so that all sessions lock rows in the same order.
    fn sort_pairs(&self, association: u16, pairs: &mut [(u32, u32)]) {
        let entry = &self.associations[usize::from(association)];
        let ranks = |store: u16, slots: &mut dyn Iterator<Item = u32>| -> BTreeMap<u32, usize> {
            let mut slots: Vec<u32> = slots.collect();
            self.any_store(store).sort_by_key(&mut slots);
            slots.into_iter().zip(0..).collect()
        };
        let left = ranks(entry.left.store, &mut pairs.iter().map(|pair| pair.0));
        let right = ranks(entry.right.store, &mut pairs.iter().map(|pair| pair.1));
        pairs.sort_by_key(|(a, b)| (left.get(a).copied(), right.get(b).copied()));
    }
}
