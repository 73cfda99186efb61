//! Rereading objects that were written to while expired, to detect lost updates.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashSet;

use crate::error::Result;
use crate::render::Lock;
use crate::session::life::transaction::Intent;
use crate::session::memory::edges::ObjectId;
use crate::session::memory::store::moved;
use crate::session::read::lookup::Lookup;
use crate::session::{AnyStore, Session};
use crate::value::{Value, ValueRef};

impl Session {
    /// Rereads the rows of objects that were written to while expired, and applies the changes to them.
    pub(in crate::session) fn reread_expired(&mut self) -> Result<()> {
        let is_touched = |entry: &crate::session::StoreEntry| !entry.store.touched().is_empty();
        if self.edges.links.is_empty() && !self.stores.iter().any(is_touched) {
            return Ok(());
        }
        let set = self.references_set_on_expired();
        for store in 0..u16::try_from(self.stores.len()).unwrap_or(u16::MAX) {
            let any = self.any_store(store);
            let epoch = self.log.epoch;
            let is_set = |slot| !set.is_empty() && set.contains_key(&(store, slot));
            let linked = set.range((store, 0)..=(store, u32::MAX));
            let written = any.states().touched_expired(epoch).into_iter();
            let is_due = |slot: &u32| any.is_expired(*slot, epoch) && !any.is_marked_deleted(*slot);
            let mut expired: Vec<u32> = written
                .filter(|&slot| !is_set(slot))
                .chain(linked.map(|(node, _)| node.1).filter(is_due))
                .collect();
            // In the order of their keys, so that all sessions lock rows in the same order.
            any.sort_by_key(&mut expired);
            if expired.is_empty() {
                continue;
            }
            // A deferred column that was loaded and changed may have changed in the database, too.
            let mut deferred = self.entry(store).mapper.deferred().to_vec();
            deferred.retain(|column| {
                let known = |slot: &u32| any.row_value(*slot, *column).value().is_some();
                let mut known = expired.iter().filter(|slot| known(slot));
                known.any(|&slot| any.changed(slot).contains(column))
            });
            let keys = self.key_values(store, &expired);
            let by = any_key(self, store);
            let mut met = BTreeSet::new();
            self.ready(Intent::Write)?;
            self.look_up_rows(
                &Lookup {
                    lock: Lock::ForUpdate,
                    undefer: &deferred,
                    ..Lookup::new(store, &by, &keys)
                },
                &mut |any, log, row| {
                    let mapper = any.mapper().clone();
                    let mut key = Vec::new();
                    mapper.key_values(row, 0, &mut key)?;
                    if let Some(slot) = any.find(&key)?.filter(|slot| met.insert(*slot)) {
                        let columns = set.get(&(store, slot)).map_or(&[][..], |columns| columns);
                        let known: Vec<Value> = columns
                            .iter()
                            .map(|&column| owned_value(any, slot, column))
                            .collect();
                        let is_own = any.states().is_overwritten(slot, log.written_before);
                        any.rebase(slot, row, &deferred, columns, log)?;
                        if is_own {
                            return Ok(());
                        }
                        for (&column, known) in columns.iter().zip(&known) {
                            if !owned_value(any, slot, column).as_ref().same(known.as_ref()) {
                                return Err(moved(any, slot, column));
                            }
                        }
                    }
                    Ok(())
                },
            )?;
            if let Some(&gone) = expired.iter().find(|slot| !met.contains(slot)) {
                return Err(self.stale(store, gone, "the row to update no longer exists"));
            }
        }
        Ok(())
    }

    /// Rereads deleted objects whose rows new ones take over, because unknown columns would be mistaken for those of the new ones.
    /// Returns whether there are any.
    pub(in crate::session) fn reread_switched(&mut self) -> Result<bool> {
        let mut are_any = false;
        for store in 0..u16::try_from(self.stores.len()).unwrap_or(u16::MAX) {
            let mut slots = self.any_store(store).switched();
            are_any |= !slots.is_empty();
            slots.retain(|&slot| self.any_store(store).is_expired(slot, self.log.epoch));
            if slots.is_empty() {
                continue;
            }
            for &slot in &slots {
                self.any_store_mut(store).expire(slot);
            }
            let met = self.look_up_locked(store, &slots)?;
            if let Some(&gone) = slots.iter().find(|slot| !met.contains(slot)) {
                return Err(self.stale(store, gone, "the row to delete no longer exists"));
            }
        }
        Ok(are_any)
    }

    /// Frees keys that new objects use if the rows of the objects that have them no longer exist.
    pub(in crate::session) fn free_conflicting_keys(
        &mut self,
        open: &FxHashSet<ObjectId>,
    ) -> Result<()> {
        for store in 0..u16::try_from(self.stores.len()).unwrap_or(u16::MAX) {
            let slots = self
                .any_store(store)
                .conflicting_keys(&|slot| open.contains(&(store, slot)));
            if slots.is_empty() {
                continue;
            }
            let met = self.look_up_locked(store, &slots)?;
            let met: FxHashSet<u32> = met.into_iter().collect();
            let gone = slots.into_iter().filter(|slot| !met.contains(slot));
            let gone: Vec<u32> = gone.collect();
            let mut plans = self.plans();
            if let Some(&slot) = gone.iter().find(|&&slot| plans.have((store, slot))) {
                return Err(self.stale(store, slot, "the row to update no longer exists"));
            }
            if !gone.is_empty() {
                self.forget_gone(store, gone);
            }
        }
        Ok(())
    }

    /// Returns the pending writes of the next flush.
    pub(in crate::session) fn plans(&self) -> Plans<'_> {
        Plans {
            session: self,
            linked: None,
        }
    }

    /// Removes objects whose rows no longer exist, and frees their keys.
    pub(in crate::session) fn forget_gone(
        &mut self,
        store: u16,
        slots: impl IntoIterator<Item = u32>,
    ) {
        for slot in slots {
            let (any, log) = self.logged_store(store);
            any.gone(slot, log);
        }
        self.edges.expire_loaded(&mut self.log);
    }

    /// Rereads and locks the rows of some objects; returns those that have one.
    pub(in crate::session) fn look_up_locked(
        &mut self,
        store: u16,
        slots: &[u32],
    ) -> Result<Vec<u32>> {
        let keys = self.key_values(store, slots);
        let by = any_key(self, store);
        self.look_up(&Lookup {
            lock: Lock::ForUpdate,
            ..Lookup::new(store, &by, &keys)
        })
    }

    /// Forgets writes of equal values to expired objects, so that the rows that cascades read can fill them.
    pub(in crate::session) fn forget_equal_writes(&mut self) {
        let epoch = self.log.epoch;
        for entry in &mut self.stores {
            let any = &mut *entry.store;
            let expired: Vec<u32> = any
                .touched()
                .iter()
                .copied()
                .filter(|&slot| any.is_expired(slot, epoch))
                .collect();
            for slot in expired {
                any.expire(slot);
            }
        }
    }

    /// The columns of references that were set on expired objects, which count as written even if equal to the last known values.
    pub(in crate::session) fn references_set_on_expired(&self) -> BTreeMap<ObjectId, Vec<usize>> {
        let mut set: BTreeMap<ObjectId, Vec<usize>> = BTreeMap::new();
        for link in self.edges.links.iter() {
            let (store, slot) = link.child;
            if self.any_store(store).is_expired(slot, self.log.epoch) {
                set.entry(link.child)
                    .or_default()
                    .extend(link.reference.columns.iter());
            }
        }
        set
    }
}

/// The pending writes of the next flush.
pub(in crate::session) struct Plans<'a> {
    session: &'a Session,
    /// The objects that references were set on or to; collected at the first use.
    linked: Option<FxHashSet<ObjectId>>,
}

impl Plans<'_> {
    /// Whether the flush is to write an object, or something that depends on its row.
    pub(in crate::session) fn have(&mut self, node: ObjectId) -> bool {
        let any = self.session.any_store(node.0);
        any.is_marked_deleted(node.1) || !any.changed(node.1).is_empty() || self.relate(node)
    }

    /// Whether the flush is to write relations of an object, or an expression.
    pub(in crate::session) fn relate(&mut self, node: ObjectId) -> bool {
        let session = self.session;
        let linked = self.linked.get_or_insert_with(|| {
            let links = session.edges.links.iter();
            links
                .flat_map(|link| link.parent.into_iter().chain([link.child]))
                .collect()
        });
        linked.contains(&node) || session.has_expression(node) || session.edges.pairs.touch(node)
    }
}

fn owned_value(store: &dyn AnyStore, slot: u32, column: usize) -> Value {
    let value = store.value(slot, column);
    value.value().map_or(Value::Null, ValueRef::to_owned)
}

fn any_key(session: &Session, store: u16) -> Vec<usize> {
    session.entry(store).mapper.table().primary_key.clone()
}
