//! Insertions before changed keys: rows whose foreign keys are NOT NULL can only leave a deleted row for one that exists.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Result;
use crate::session::life::hook::When;
use crate::session::memory::edges::ObjectId;
use crate::session::write::foreign_keys::Waiting;
use crate::session::write::plan::{Changes, Columns, TableChanges, Wait};
use crate::session::{Session, State};

impl Session {
    /// Inserts new rows, and those that they reference, before everything else.
    pub(super) fn insert_early(&mut self, nodes: BTreeSet<ObjectId>) -> Result<()> {
        let (nodes, waits) = self.with_new_parents(nodes)?;
        let in_order: Vec<ObjectId> = nodes.iter().copied().collect();
        self.call_for(When::BeforeInsert, &in_order)?;
        if !self.hooks.is_empty() {
            self.note_moves()?;
        }
        let mut by_store: BTreeMap<u16, Vec<(u32, Columns)>> = BTreeMap::new();
        for &(store, slot) in &nodes {
            let mut given = Vec::new();
            self.any_store(store).given(slot, &mut given);
            by_store
                .entry(store)
                .or_default()
                .push((slot, given.into()));
        }
        let mut changes = Changes {
            waits,
            ..Changes::default()
        };
        for (store, inserts) in by_store {
            self.entry(store).mapper.refuse_writes()?;
            changes.tables.push(TableChanges {
                store,
                references: self.references(store),
                inserts,
                ..TableChanges::default()
            });
        }
        let waiting = Waiting::new(&changes.waits);
        for step in self.planned(&changes)? {
            self.with_foreign_keys(&step, &waiting, |session| session.run_step(&step))?;
        }
        self.call_for(When::AfterInsert, &in_order)
    }

    /// Adds the new rows that new rows reference, and copies the keys of others into these. Returns the references to new rows.
    fn with_new_parents(
        &mut self,
        nodes: BTreeSet<ObjectId>,
    ) -> Result<(BTreeSet<ObjectId>, Vec<Wait>)> {
        let mut by_keys: BTreeMap<ObjectId, Vec<Wait>> = BTreeMap::new();
        for wait in self.waits_by_keys(|_, _| true)? {
            by_keys.entry(wait.child).or_default().push(wait);
        }
        let mut found = BTreeSet::new();
        let mut waits = Vec::new();
        let mut next: Vec<ObjectId> = nodes.into_iter().collect();
        while let Some(node) = next.pop() {
            if !found.insert(node) {
                continue;
            }
            for wait in by_keys.remove(&node).into_iter().flatten() {
                next.push(wait.parent);
                waits.push(wait);
            }
            for link in self.edges.links.of(node).cloned().collect::<Vec<_>>() {
                let Some(parent) = link.parent else {
                    continue;
                };
                match self.any_store(parent.0).state(parent.1) {
                    State::Pending if parent == node && self.has_key(node) => {
                        self.copy_key(node, &link.reference.columns, node)?;
                    }
                    State::Pending => {
                        next.push(parent);
                        waits.push(self.wait(node, link.reference.columns, parent));
                    }
                    State::Persistent => self.copy_key(node, &link.reference.columns, parent)?,
                    // The flush reports it.
                    _ => {}
                }
            }
        }
        Ok((found, waits))
    }
}
