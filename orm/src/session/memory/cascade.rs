//! Cascades of refresh, expire and expunge, along relations in memory.

use std::collections::BTreeSet;

use crate::entity::{Cascade, RelationKind};
use crate::error::Result;
use crate::session::memory::edges::{Departure, Membership};
use crate::session::{ObjectId, Session};

/// The edges that a cascade follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) enum Along {
    /// All edges in memory.
    Known,
    /// Only edges that match rows: references set and members added since the last flush are changes, which stay.
    Rows,
}

impl Session {
    /// The objects that relations with this cascade reach from an object in memory, to any depth, excluding the object itself.
    pub(in crate::session) fn reached(
        &mut self,
        from: ObjectId,
        follows: fn(&Cascade) -> bool,
        along: Along,
    ) -> Result<Vec<ObjectId>> {
        let mut met = BTreeSet::from([from]);
        let mut found = vec![from];
        let mut next = 0;
        while let Some(&node) = found.get(next) {
            next += 1;
            for neighbour in self.neighbours(node, follows, along)? {
                if met.insert(neighbour) {
                    found.push(neighbour);
                }
            }
        }
        found.remove(0);
        Ok(found)
    }

    fn neighbours(
        &mut self,
        owner: ObjectId,
        follows: fn(&Cascade) -> bool,
        along: Along,
    ) -> Result<Vec<ObjectId>> {
        let mapper = self.entry(owner.0).mapper.clone();
        let mut neighbours = Vec::new();
        for (index, resolved) in (0u16..).zip(mapper.resolved()?) {
            if !follows(&resolved.cascade) {
                continue;
            }
            let target = self.target_store(owner.0, index);
            if resolved.kind == RelationKind::BelongsTo {
                let reference = self.reference(owner.0, index, resolved);
                neighbours.extend(match along {
                    Along::Known => self.parent(owner, &reference)?,
                    Along::Rows => self.row_parent(owner, &reference)?,
                });
            } else if along == Along::Known {
                let members = self.edges.known((owner, index));
                neighbours.extend(members.map(|slot| (target, slot)));
            } else {
                let members = self.edges.unchanged((owner, index));
                neighbours.extend(members.map(|slot| (target, slot)));
            }
        }
        Ok(neighbours)
    }

    /// Detaches an object; its value can still be taken.
    pub(in crate::session) fn detach(&mut self, node: ObjectId) -> Result<()> {
        self.forget_references(node)?;
        let departure = Departure::of(self.any_store(node.0).state(node.1));
        self.any_store_mut(node.0).detach(node.1);
        self.expressions.remove(&node);
        self.refused.forget(node);
        self.undone.forget(node);
        self.forget_edges(node, departure);
        Ok(())
    }

    /// Reverts the references of an object. The collection that contains its row is reread.
    pub(in crate::session) fn forget_references(&mut self, node: ObjectId) -> Result<()> {
        let relations = self.relation_count(node.0);
        for link in self.edges.expire(&mut self.log, node, relations) {
            self.revert_reference(&link, Membership::Unknown)?;
        }
        Ok(())
    }
}
