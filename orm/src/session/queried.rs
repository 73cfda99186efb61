//! What queries said of relations of single objects, beside what a flush sees: views of filtered loading, and what must not be loaded
//! lazily.

use rustc_hash::{FxHashMap, FxHashSet};

use super::edges::Node;

/// Views and refusals, by owner and the number of the relation in its mapper.
#[derive(Debug, Default)]
pub(crate) struct Queried {
    views: FxHashMap<(Node, u16), Vec<u32>>,
    refused: FxHashSet<(Node, u16)>,
}

impl Queried {
    /// The members that filtered loading found.
    pub(super) fn view(&self, owner: Node, relation: u16) -> Option<&[u32]> {
        self.views.get(&(owner, relation)).map(Vec::as_slice)
    }

    /// Sets what filtered loading found.
    pub(super) fn show(&mut self, owner: Node, relation: u16, slots: Vec<u32>) {
        self.views.insert((owner, relation), slots);
    }

    /// Whether a relation must not be loaded lazily.
    pub(super) fn is_refused(&self, owner: Node, relation: u16) -> bool {
        self.refused.contains(&(owner, relation))
    }

    pub(super) fn refuse(&mut self, owner: Node, relation: u16) {
        self.refused.insert((owner, relation));
    }

    pub(super) fn allow(&mut self, owner: Node, relation: u16) {
        self.refused.remove(&(owner, relation));
    }

    /// Whether nothing is refused: mostly so.
    pub(super) fn refuses_nothing(&self) -> bool {
        self.refused.is_empty()
    }

    /// Forgets what was said of one object's relations.
    pub(super) fn forget(&mut self, owner: Node) {
        self.views.retain(|(node, _), _| *node != owner);
        self.refused.retain(|(node, _)| *node != owner);
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.views.clear();
        self.refused.clear();
    }
}
