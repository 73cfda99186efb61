//! Loading options for relations, without their types.

use super::{Fetch, Mapper, RelationKind};
use crate::error::{Error, ErrorKind, Result};
use crate::sql::{Node, Order};

/// How one relation is loaded.
#[derive(Clone, Debug)]
pub struct Loading {
    /// The id of the mapping that has the relation.
    pub(crate) owner: u64,
    pub(crate) relation: u16,
    pub(crate) fetch: Fetch,
    /// The members that are loaded into a view; `None` loads the relation itself.
    pub(crate) part: Option<Part>,
    pub(crate) nested: Vec<Loading>,
    /// The deferred columns to load.
    pub(crate) undefer: Vec<usize>,
}

/// Which members of a collection are loaded, and their order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Part {
    pub(crate) filter: Option<Node>,
    pub(crate) order: Vec<Order>,
    /// The maximum number per owner.
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

    /// Whether the relation itself is loaded, rather than a view of part of it.
    pub(crate) fn is_whole(&self) -> bool {
        self.part.is_none()
    }

    /// Refuses relations of another mapping than the queried one, and views of to-one relations.
    pub(crate) fn check(&self, mapper: &Mapper) -> Result<()> {
        let error = |message| Err(Error::new(ErrorKind::Mapping, message).entity(mapper.name()));
        if self.owner != mapper.id() {
            return error("the query loads a relation that belongs to another mapping".to_owned());
        }
        let relation = &mapper.relations()[usize::from(self.relation)];
        let leads_to_one = matches!(
            relation.kind(),
            RelationKind::BelongsTo | RelationKind::HasOne
        );
        if leads_to_one && !self.is_whole() {
            let name = relation.name();
            return error(format!(
                "the relation {name} refers to at most one object, so it cannot be loaded in part"
            ));
        }
        let target = relation.target();
        self.nested.iter().try_for_each(|next| next.check(&target))
    }
}
