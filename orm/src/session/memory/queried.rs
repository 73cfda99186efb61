//! Settings of queries for relations of single objects: views of filtered loading, and forbidden lazy loads.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::session::memory::edges::ObjectId;

/// Views and forbidden lazy loads, by owner and the index of the relation in its mapper.
#[derive(Debug, Default)]
pub(crate) struct Queried {
    views: FxHashMap<(ObjectId, u16), Vec<u32>>,
    refused: FxHashSet<(ObjectId, u16)>,
}

impl Queried {
    /// The members that filtered loading found.
    pub(in crate::session) fn view(&self, owner: ObjectId, relation: u16) -> Option<&[u32]> {
        self.views.get(&(owner, relation)).map(Vec::as_slice)
    }

    /// Sets the members that filtered loading found.
    pub(in crate::session) fn show(&mut self, owner: ObjectId, relation: u16, slots: Vec<u32>) {
        self.views.insert((owner, relation), slots);
    }

    /// Whether lazy loading of a relation is forbidden.
    pub(in crate::session) fn is_refused(&self, owner: ObjectId, relation: u16) -> bool {
        self.refused.contains(&(owner, relation))
    }

    pub(in crate::session) fn refuse(&mut self, owner: ObjectId, relation: u16) {
        self.refused.insert((owner, relation));
    }

    pub(in crate::session) fn allow(&mut self, owner: ObjectId, relation: u16) {
        self.refused.remove(&(owner, relation));
    }

    /// Whether nothing is forbidden, which is the usual case.
    pub(in crate::session) fn refuses_nothing(&self) -> bool {
        self.refused.is_empty()
    }

    /// Removes the settings of one object; `relations` is the number of its relations.
    pub(in crate::session) fn forget(&mut self, owner: ObjectId, relations: u16) {
        for relation in 0..relations {
            self.views.remove(&(owner, relation));
            self.refused.remove(&(owner, relation));
        }
    }

    /// Removes all settings.
    pub(in crate::session) fn clear(&mut self) {
        self.views.clear();
        self.refused.clear();
    }
}
