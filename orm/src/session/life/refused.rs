//! Relationship fields that hold what an object cannot be related to: `add` cannot fail, so the next flush says it.

use crate::entity::RelationKind;
use crate::error::{Error, Result};
use crate::session::{ObjectId, Session, State};

/// What was refused, until its object has left or is related to something else.
#[derive(Debug, Default)]
pub(in crate::session) struct RefusedFields(Vec<Refused>);

#[derive(Debug)]
struct Refused {
    owner: ObjectId,
    relation: u16,
    error: Error,
}

impl RefusedFields {
    pub(in crate::session) fn add(&mut self, owner: ObjectId, relation: u16, error: Error) {
        self.0.push(Refused {
            owner,
            relation,
            error,
        });
    }

    pub(in crate::session) fn forget(&mut self, owner: ObjectId) {
        self.0.retain(|refused| refused.owner != owner);
    }

    pub(in crate::session) fn clear(&mut self) {
        self.0.clear();
    }
}

impl Session {
    /// A reference was set: what its field held is settled.
    pub(in crate::session) fn settle_refused(&mut self, child: ObjectId, columns: &[usize]) {
        if self.refused.0.is_empty() {
            return;
        }
        let mapper = &self.stores[usize::from(child.0)].mapper;
        let is_it = |relation: u16| {
            let resolved = mapper.resolved().ok();
            let relation = resolved.and_then(|all| all.get(usize::from(relation)));
            relation.is_some_and(|relation| {
                relation.kind == RelationKind::BelongsTo && *relation.local == *columns
            })
        };
        self.refused
            .0
            .retain(|refused| refused.owner != child || !is_it(refused.relation));
    }

    /// Says what was refused. A new object is not written without what it was to be related to: that is said until it is taken out, or
    /// related to something else. Of an object that has a row it is said once.
    pub(in crate::session) fn refuse_fields(&mut self) -> Result<()> {
        let stores = &self.stores;
        let state = |(store, slot): ObjectId| stores[usize::from(store)].store.state(slot);
        self.refused
            .0
            .retain(|refused| state(refused.owner) != State::Transient);
        let Some(first) = self.refused.0.first() else {
            return Ok(());
        };
        if state(first.owner) != State::Pending {
            return Err(self.refused.0.remove(0).error);
        }
        let error = Error::new(first.error.kind(), first.error.message());
        let owner = first.owner;
        Err(error.entity(self.entry(owner.0).mapper.name()))
    }
}
