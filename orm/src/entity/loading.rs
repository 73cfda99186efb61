//! How relations are loaded, as plain data.

use super::{Fetch, Mapper, RelationKind};
use crate::error::{Error, ErrorKind, Result};
use crate::sql::{Node, Order};

/// How one relation is loaded, whatever its types.
#[derive(Clone, Debug)]
pub struct Loading {
    /// The mapping that has the relation.
    pub(crate) owner: u64,
    pub(crate) relation: u16,
    pub(crate) fetch: Fetch,
    /// Which members go into a view; `None` fills the relation itself.
    pub(crate) part: Option<Part>,
    pub(crate) nested: Vec<Loading>,
    /// The deferred columns that are read along.
    pub(crate) undefer: Vec<usize>,
}

/// Which members of a collection are loaded, and in which order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Part {
    pub(crate) filter: Option<Node>,
    pub(crate) order: Vec<Order>,
    /// The most of one owner.
    pub(crate) limit: Option<u64>,
}

impl Loading {
    pub(crate) fn new(owner: u64, relation: u16, fetch: Fetch) -> Self {
        Self {
            owner,
            relation,
            fetch,
            part: None,
            nested: Vec::new(),
            undefer: Vec::new(),
        }
    }

    /// Whether it says how the relation itself is loaded.
    pub(crate) fn is_whole(&self) -> bool {
        self.part.is_none()
    }

    /// Refuses relations of another mapping than the one that they are to be loaded of, and a part of what is no collection.
    pub(crate) fn check(&self, mapper: &Mapper) -> Result<()> {
        let error = |message| Err(Error::new(ErrorKind::Mapping, message).entity(mapper.name()));
        if self.owner != mapper.id() {
            return error("a relation of another mapping is to be loaded along".to_owned());
        }
        let relation = &mapper.relations()[usize::from(self.relation)];
        let leads_to_one = matches!(
            relation.kind(),
            RelationKind::BelongsTo | RelationKind::HasOne
        );
        if leads_to_one && !self.is_whole() {
            let name = relation.name();
            return error(format!(
                "the relation {name} leads to one object at most, of which no part is loaded"
            ));
        }
        let target = relation.target();
        self.nested.iter().try_for_each(|next| next.check(&target))
    }
}
