//! Errors of relationship fields, kept until the next flush because `add` cannot fail.

use crate::entity::RelationKind;
use crate::error::{Error, Result};
use crate::session::{ObjectId, Session, State};

/// The errors, kept until their object has left or its relation is set again.
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
    /// Drops the errors of a reference that was set.
    pub(in crate::session) fn drop_refused(&mut self, child: ObjectId, columns: &[usize]) {
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

    /// Returns the first error. For a new object it is returned by every flush, until the object is taken out or its relation is set
    /// again: it must not be written without the related object. For an object with a row it is returned once.
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
