//! Eager loading of relations: those that a query names, to any depth, and those that mappings declare.

use crate::entity::{Fetch, Loading, Mapper, RelationKind};
use crate::error::Result;
use crate::session::memory::ordered_set::OrderedSet;
use crate::session::{ObjectId, Session, State};

impl Session {
    /// Loads relations of many objects according to a query's loading options, to any depth.
    pub(crate) fn load_relations(
        &mut self,
        store: u16,
        slots: &[u32],
        loadings: &[Loading],
    ) -> Result<()> {
        self.load_along(store, slots, loadings, None)
    }

    /// Loads the nested relations that a query names, and those that the mapping declares.
    fn load_below(
        &mut self,
        store: u16,
        slots: &[u32],
        requested: &[Loading],
        path: &RelationPath<'_>,
    ) -> Result<()> {
        let defaults =
            self.default_loadings_beside(store, requested, |relation| path.contains(relation));
        self.load_along(store, slots, requested, Some(path))?;
        self.load_along(store, slots, &defaults, Some(path))
    }

    /// The relations that a mapping loads by default and for which a query has no option. Since mappings may refer to each other, no
    /// relation is followed twice on one path.
    pub(crate) fn default_loadings_beside(
        &self,
        store: u16,
        requested: &[Loading],
        contains: impl Fn((u64, u16)) -> bool,
    ) -> Vec<Loading> {
        let mut loadings = default_loadings(&self.entry(store).mapper);
        loadings.retain(|default| {
            let relation = default.relation;
            requested.iter().all(|loading| loading.relation != relation)
                && !contains((default.owner, relation))
        });
        loadings
    }

    fn load_along(
        &mut self,
        store: u16,
        slots: &[u32],
        loadings: &[Loading],
        path: Option<&RelationPath<'_>>,
    ) -> Result<()> {
        if slots.is_empty() {
            return Ok(());
        }
        for loading in loadings {
            let relation = loading.relation;
            match loading.fetch {
                Fetch::Raise => self.refuse_lazy_loads(store, relation, slots),
                _ if loading.is_whole() => self.allow_lazy_loads(store, relation, slots),
                _ => {}
            }
            if !matches!(loading.fetch, Fetch::Selectin | Fetch::Joined) {
                continue;
            }
            let resolved = self.relation(store, relation)?;
            let target = self.target_store(store, relation);
            let undefer = &*loading.undefer;
            self.entry(target).mapper.check_deferred(undefer)?;
            let reached = if let Some(part) = &loading.part {
                self.load_part(store, relation, &resolved, slots, (part, undefer))?
            } else if resolved.kind == RelationKind::BelongsTo {
                self.load_parents(store, &resolved, target, slots, undefer)?
            } else {
                self.load_collections(store, relation, &resolved, slots, undefer)?;
                self.members_of_all((store, target), relation, slots)
            };
            self.load_deferred(target, &reached, undefer)?;
            let path = RelationPath {
                relation: (self.entry(store).mapper.id(), relation),
                before: path,
            };
            self.load_below(target, &reached, &loading.nested, &path)?;
        }
        Ok(())
    }

    /// The persistent members of the loaded collections of some owners, each once, including expired ones.
    fn members_of_all(
        &self,
        (store, target): (u16, u16),
        relation: u16,
        owners: &[u32],
    ) -> Vec<u32> {
        let loaded = owners
            .iter()
            .filter_map(|&owner| self.edges.loaded(((store, owner), relation)));
        let any = self.any_store(target);
        let mut members: Vec<u32> = loaded
            .flat_map(OrderedSet::iter)
            .filter(|&slot| any.state(slot) == State::Persistent)
            .collect();
        members.sort_unstable();
        members.dedup();
        members
    }

    /// Loads the default relations of the members of a collection.
    pub(in crate::session) fn load_below_collection(
        &mut self,
        owner: ObjectId,
        relation: u16,
        target: u16,
    ) -> Result<()> {
        let path = RelationPath {
            relation: (self.entry(owner.0).mapper.id(), relation),
            before: None,
        };
        let members = self.members_of_all((owner.0, target), relation, &[owner.1]);
        self.load_below(target, &members, &[], &path)
    }

    /// Loads the default relations of objects.
    pub(crate) fn load_default_relations(&mut self, store: u16, slots: &[u32]) -> Result<()> {
        let loadings = default_loadings(&self.entry(store).mapper);
        self.load_relations(store, slots, &loadings)
    }
}

/// The path of relations from a query to objects, the last first.
struct RelationPath<'a> {
    relation: (u64, u16),
    before: Option<&'a RelationPath<'a>>,
}

impl RelationPath<'_> {
    fn contains(&self, relation: (u64, u16)) -> bool {
        let mut steps = std::iter::successors(Some(self), |step| step.before);
        steps.any(|step| step.relation == relation)
    }
}

/// The relations that a mapping loads by default.
fn default_loadings(mapper: &Mapper) -> Vec<Loading> {
    (0u16..)
        .zip(mapper.relations())
        .filter(|(_, relation)| matches!(relation.fetch, Fetch::Selectin | Fetch::Joined))
        .map(|(index, relation)| Loading::new(mapper.id(), index, relation.fetch))
        .collect()
}
