//! Many-to-many relations: both ends of a pair change together in memory.

use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::entity::{Association, AssociationSide, ResolvedRelation, Through};
use crate::error::{Error, ErrorKind, Result};
use crate::planted::{Planted, is_planted};
use crate::session::memory::edges::{Collection, Membership, ObjectId};
use crate::session::memory::pairs::{Pair, Wanted};
use crate::session::{Session, State};

/// An association table used in the session.
#[derive(Debug)]
pub(in crate::session) struct AssociationEntry {
    pub(in crate::session) association: Arc<Association>,
    pub(in crate::session) left: End,
    pub(in crate::session) right: End,
}

/// One side of an association.
#[derive(Clone, Copy, Debug)]
pub(in crate::session) struct End {
    pub(in crate::session) store: u16,
    /// The relation from this side to the other.
    pub(in crate::session) relation: Option<u16>,
}

impl AssociationEntry {
    pub(in crate::session) fn end(&self, side: AssociationSide) -> End {
        match side {
            AssociationSide::Left => self.left,
            AssociationSide::Right => self.right,
        }
    }

    /// The collections in which the ends of a pair are members of each other.
    fn collections(&self, pair: Pair) -> impl Iterator<Item = (Collection, ObjectId)> {
        let ends = [
            (pair.left, self.left, pair.right),
            (pair.right, self.right, pair.left),
        ];
        let ends = ends.into_iter();
        ends.filter_map(|(owner, end, member)| Some(((owner, end.relation?), member)))
    }
}

impl Session {
    /// Adds a pair: each object is in the other's collection.
    pub(in crate::session) fn add_pair(
        &mut self,
        owner: ObjectId,
        relation: u16,
        resolved: &ResolvedRelation,
        through: &Through,
        target: ObjectId,
    ) -> Result<()> {
        self.revive_along(owner, target)?;
        for node in [owner, target] {
            let state = self.any_store(node.0).state(node.1);
            if !matches!(state, State::Pending | State::Persistent) {
                let message = format!(
                    "a {state} object cannot be added to a many-to-many relation: it has no row"
                );
                let mapper = &self.entry(node.0).mapper;
                return Err(Error::new(ErrorKind::InvalidState, message).entity(mapper.name()));
            }
        }
        let pair = self.pair(owner, relation, resolved, through, target);
        let known = self.knows(pair);
        if known != Some(true) {
            self.refuse_marked(owner)?;
            self.refuse_marked(target)?;
        }
        let entry = &self.associations[usize::from(pair.association)];
        for (collection, member) in entry.collections(pair) {
            let owner = collection.0;
            if is_planted(Planted::PairOneSided) && owner != pair.left {
                continue;
            }
            // The collection of an object without a row contains only what was added to it.
            if self.any_store(owner.0).state(owner.1) == State::Pending
                && self.edges.loaded(collection).is_none()
            {
                self.edges
                    .fill(&mut self.log, collection, member.0, Vec::new());
            }
            self.edges.insert(&mut self.log, collection, member);
        }
        self.edges.pairs.request(pair, Wanted::Together, known);
        self.forget_if_done(pair);
        Ok(())
    }

    /// Refuses a pair with an object that is marked for deletion, since its pairs are deleted with it.
    fn refuse_marked(&self, (store, slot): ObjectId) -> Result<()> {
        let entry = self.entry(store);
        if !entry.store.is_marked_deleted(slot) {
            return Ok(());
        }
        let message = "an object marked for deletion cannot be added to a many-to-many relation";
        Err(Error::new(ErrorKind::InvalidState, message)
            .entity(entry.mapper.name())
            .key(entry.store.key_text(slot)))
    }

    /// Removes a pair. If neither side is loaded, the flush checks that the row exists.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidState`] if the pair is known not to exist.
    pub(in crate::session) fn remove_pair(
        &mut self,
        owner: ObjectId,
        relation: u16,
        resolved: &ResolvedRelation,
        through: &Through,
        target: ObjectId,
    ) -> Result<()> {
        let pair = self.pair(owner, relation, resolved, through, target);
        let together = match self.edges.pairs.get(pair) {
            Some(change) => change.wanted == Wanted::Together,
            None => self.knows(pair).unwrap_or(true),
        };
        if !together {
            let mapper = &self.entry(owner.0).mapper;
            let name = &mapper.relations()[usize::from(relation)].name;
            let message = format!(
                "the object to remove is not in {}.{name} of this object",
                mapper.name()
            );
            return Err(Error::new(ErrorKind::InvalidState, message));
        }
        let entry = &self.associations[usize::from(pair.association)];
        for (collection, member) in entry.collections(pair) {
            self.edges.remove(&mut self.log, collection, member);
        }
        self.edges.pairs.request(pair, Wanted::Apart, Some(true));
        self.forget_if_done(pair);
        Ok(())
    }

    /// After a change that reverted another, forgets both in collections that are not loaded.
    fn forget_if_done(&mut self, pair: Pair) {
        if self.edges.pairs.get(pair).is_some() {
            return;
        }
        let entry = &self.associations[usize::from(pair.association)];
        for (collection, member) in entry.collections(pair) {
            self.edges
                .forget_change(&mut self.log, collection, member.1);
        }
    }

    /// Reverts the changes of an object's pairs: the collections at the other ends match the rows again.
    pub(in crate::session) fn revert_pairs(&mut self, node: ObjectId) {
        for (pair, change) in self.edges.pairs.take(node) {
            // If it is unknown, the other side is not loaded.
            let place = match change.known {
                Some(true) => Membership::Inside,
                Some(false) | None => Membership::Outside,
            };
            let entry = &self.associations[usize::from(pair.association)];
            for (collection, member) in entry.collections(pair) {
                self.edges
                    .put_back(&mut self.log, collection, member.1, place);
            }
        }
    }

    /// Resolves pairs of unknown existence from a collection that was read.
    pub(in crate::session) fn resolve_pairs(
        &mut self,
        owner: ObjectId,
        through: &Through,
        slots: &[u32],
    ) {
        if self.edges.pairs.is_empty() {
            return;
        }
        let Some(association) = self.known_association(through.association()) else {
            return;
        };
        let mut unknown = self.edges.pairs.of(owner);
        unknown.retain(|(pair, change)| pair.association == association && change.known.is_none());
        if unknown.is_empty() {
            return;
        }
        let read: FxHashSet<u32> = slots.iter().copied().collect();
        for (pair, _) in unknown {
            let (here, there) = match through.side() {
                AssociationSide::Left => (pair.left, pair.right),
                AssociationSide::Right => (pair.right, pair.left),
            };
            if here == owner {
                self.edges.pairs.set_known(pair, read.contains(&there.1));
            }
        }
    }

    /// The index of an association in this session.
    pub(in crate::session) fn association(
        &mut self,
        store: u16,
        relation: u16,
        resolved: &ResolvedRelation,
        through: &Through,
    ) -> u16 {
        if let Some(known) = self.known_association(through.association()) {
            return known;
        }
        let here = End {
            store,
            relation: Some(relation),
        };
        let there = End {
            store: self.target_store(store, relation),
            relation: resolved.inverse,
        };
        let (left, right) = match through.side() {
            AssociationSide::Left => (here, there),
            AssociationSide::Right => (there, here),
        };
        self.associations.push(AssociationEntry {
            association: Arc::clone(through.association()),
            left,
            right,
        });
        u16::try_from(self.associations.len() - 1)
            .expect("a session maps fewer than 65,536 association tables")
    }

    fn known_association(&self, association: &Arc<Association>) -> Option<u16> {
        (0u16..)
            .zip(&self.associations)
            .find(|(_, entry)| Arc::ptr_eq(&entry.association, association))
            .map(|(index, _)| index)
    }

    fn pair(
        &mut self,
        owner: ObjectId,
        relation: u16,
        resolved: &ResolvedRelation,
        through: &Through,
        target: ObjectId,
    ) -> Pair {
        let association = self.association(owner.0, relation, resolved, through);
        let (left, right) = match through.side() {
            AssociationSide::Left => (owner, target),
            AssociationSide::Right => (target, owner),
        };
        Pair {
            association,
            left,
            right,
        }
    }

    /// Whether a pair exists; `None` if neither side is fully loaded.
    fn knows(&self, pair: Pair) -> Option<bool> {
        let entry = &self.associations[usize::from(pair.association)];
        let loaded = entry.collections(pair).find_map(|(collection, member)| {
            let is_member = self.edges.loaded(collection)?.contains(member.1);
            (is_member || !self.edges.lacks(collection)).then_some(is_member)
        });
        let is_new = |node: ObjectId| self.any_store(node.0).state(node.1) == State::Pending;
        loaded.or_else(|| (is_new(pair.left) || is_new(pair.right)).then_some(false))
    }
}
