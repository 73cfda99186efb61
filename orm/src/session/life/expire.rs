//! Refreshing and expiring: rereading an object's row now, or at its next use.

use std::collections::BTreeMap;

use crate::entity::Mapped;
use crate::error::{Error, ErrorKind, Result};
use crate::session::memory::cascade::Along;
use crate::session::memory::edges::Membership;
use crate::session::{Handle, ObjectId, Session, State};

impl Session {
    /// Rereads an object and discards its changes; other changes are flushed first.
    ///
    /// Loaded objects of relations with the cascade `refresh` are reread too, with one more statement for each table.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidState`] for an object without a row; [`ErrorKind::StaleData`] if its row no longer exists.
    pub fn refresh<E: Mapped>(&mut self, handle: Handle<E>) -> Result<()> {
        let (store, slot) = self.node(handle)?;
        let mut tables: BTreeMap<u16, Vec<u32>> = BTreeMap::new();
        for (store, slot) in self.expire_cascaded((store, slot))? {
            tables.entry(store).or_default().push(slot);
        }
        for (&store, slots) in &tables {
            let keys = self.key_values(store, slots);
            self.load_by_key(store, &keys)?;
        }
        let any = self.any_store(store);
        if any.state(slot) != State::Persistent || any.is_expired(slot, self.log.epoch) {
            return Err(self.stale(store, slot, "the row to refresh no longer exists"));
        }
        Ok(())
    }

    /// Discards an object's changes and rereads it at its next use, like the loaded objects of its relations with the cascade `refresh`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidState`] for an object without a row.
    pub fn expire<E: Mapped>(&mut self, handle: Handle<E>) -> Result<()> {
        let node = self.node(handle)?;
        self.expire_cascaded(node).map(drop)
    }

    /// Discards the relations of objects that were just overwritten from their rows: loaded collections, and the pending changes of
    /// references, pairs and expressions.
    pub(crate) fn forget_relations_of(&mut self, store: u16, slots: &[u32]) -> Result<()> {
        for &slot in slots {
            self.forget_relations((store, slot), Membership::Inside)?;
        }
        Ok(())
    }

    fn forget_relations(&mut self, node: ObjectId, place: Membership) -> Result<()> {
        self.expressions.remove(&node);
        let relations = self.relation_count(node.0);
        for link in self.edges.expire(&mut self.log, node, relations) {
            self.revert_reference(&link, place)?;
        }
        self.revert_pairs(node);
        Ok(())
    }

    /// Expires an object and those that the cascade reaches; returns all of them.
    fn expire_cascaded(&mut self, node: ObjectId) -> Result<Vec<ObjectId>> {
        let state = self.any_store(node.0).state(node.1);
        if state != State::Persistent {
            let message = format!(
                "a {state} object has no row to reread; only a persistent one can be expired or refreshed"
            );
            let name = self.entry(node.0).mapper.name();
            return Err(Error::new(ErrorKind::InvalidState, message).entity(name));
        }
        let mut expired = self.reached(node, |cascade| cascade.refresh, Along::Rows)?;
        expired.retain(|&(store, slot)| self.any_store(store).state(slot) == State::Persistent);
        expired.push(node);
        for &(store, slot) in &expired {
            let place = if self.any_store(store).is_expired(slot, self.log.epoch) {
                Membership::Unknown
            } else {
                Membership::Inside
            };
            self.any_store_mut(store).expire(slot);
            self.forget_relations((store, slot), place)?;
        }
        Ok(expired)
    }
}
