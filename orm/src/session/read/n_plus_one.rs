//! The N+1 detector: many lazy loads of one relation that eager loading would do with one statement.

use crate::session::Session;

impl Session {
    /// Counts a lazy load that sends a statement, and warns once per transaction when the engine's limit is reached.
    pub(in crate::session) fn count_lazy_load(&mut self, store: u16, relation: u16) {
        let most = self.engine.lazy_loads_to_warn_of();
        if most == 0 {
            return;
        }
        let count = self.lazy_loads.entry((store, relation)).or_default();
        *count += 1;
        if *count != most {
            return;
        }
        let mapper = &self.entry(store).mapper;
        let (entity, name) = (
            mapper.name(),
            &mapper.relations()[usize::from(relation)].name,
        );
        let constant = name.to_uppercase();
        self.engine.warn(&format!(
            "N+1: {most} lazy loads of {entity}.{name} in one transaction; load it with its owners: `.with({entity}::{constant}.selectin())`"
        ));
    }
}
