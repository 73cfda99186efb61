//! A fast path for a flush that only inserts rows of one table. Most short transactions are of this kind, and the checks of a whole flush
//! would find nothing.

use std::collections::BTreeMap;

use rustc_hash::FxHashSet;

use crate::error::Result;
use crate::session::Session;
use crate::session::write::expression::Computations;
use crate::session::write::flush::{Ending, Shapes};
use crate::session::write::plan::{Changes, TableChanges, plan};

impl Session {
    /// Returns the table with new rows, if a flush has nothing else to write. There must be no hooks, expressions, relations that were
    /// set, or collections in memory, and the table must not reference itself.
    pub(in crate::session) fn only_new_rows(&self) -> Option<u16> {
        let is_alone = self.hooks.is_empty()
            && self.expressions.is_empty()
            && self.edges.links.is_empty()
            && self.edges.pairs.is_empty()
            && self.edges.has_no_collections();
        if !is_alone {
            return None;
        }
        let mut only = None;
        for (store, entry) in (0u16..).zip(&self.stores) {
            let any = &*entry.store;
            if !any.touched().is_empty() || !any.marked().is_empty() {
                return None;
            }
            if any.pending().is_empty() {
                continue;
            }
            let table = entry.mapper.table();
            if only.is_some() || table.foreign_keys.iter().any(|key| key.table == table.name) {
                return None;
            }
            only = Some(store);
        }
        only
    }

    /// Writes what [`only_new_rows`](Self::only_new_rows) found.
    pub(in crate::session) fn write_new_rows(&mut self, store: u16, ending: Ending) -> Result<()> {
        self.set_versions()?;
        debug_assert!(self.waits_by_natural_keys().is_ok_and(|it| it.is_empty()));
        self.free_conflicting_keys(&FxHashSet::default())?;
        let any = self.any_store(store);
        any.check_identities(&|_| false)?;
        let mut shapes = Shapes::default();
        let slots = any.pending().iter().copied();
        let inserts = slots.map(|slot| (slot, shapes.shared(|out| any.given(slot, out))));
        let table = TableChanges {
            store,
            inserts: inserts.collect(),
            ..TableChanges::default()
        };
        let changes = Changes {
            tables: vec![table],
            ..Changes::default()
        };
        let computations = Computations::default();
        debug_assert_eq!(
            plan(&changes).ok(),
            self.changes(vec![], vec![], BTreeMap::new(), &computations)
                .ok()
                .and_then(|changes| plan(&changes).ok()),
            "a whole flush has another plan"
        );
        let steps = self.planned(&changes)?;
        self.run(&steps, &[], &computations, ending)?;
        self.settle_written();
        Ok(())
    }
}
