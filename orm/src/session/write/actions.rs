//! Actions of foreign keys (ON DELETE and ON UPDATE) that the database runs and no relation mirrors. The rows in memory that they delete or
//! change are read again at their next use. A chain of actions is followed as far as its rows are in memory: what lies behind others is read
//! again at the end of the transaction, like everything.

use rustc_hash::FxHashSet;

use crate::entity::RelationKind;
use crate::error::{Error, ErrorKind, Result};
use crate::record::RecordKey;
use crate::schema::ReferentialAction;
use crate::session::memory::referring_rows::Texts;
use crate::session::write::expression::Computations;
use crate::session::write::plan::{Columns, Step, TableChanges};
use crate::session::write::rekey::Referring;
use crate::session::{Session, State};
use crate::value::Value;

/// Rows of a store that are deleted or changed.
struct Changed {
    store: u16,
    slots: Vec<u32>,
    /// The columns that change; `None` if the rows are deleted.
    columns: Option<Vec<usize>>,
}

impl Session {
    /// Notes the objects whose rows the database changes along with those of a step, directly or through others. Refuses deletions of rows
    /// that new ones reference, which would be lost with them, or lose their reference.
    pub(in crate::session) fn note_actions(
        &mut self,
        step: &Step,
        computations: &Computations,
    ) -> Result<()> {
        let is_insert = matches!(step, Step::Insert { .. });
        let store = step.store().filter(|_| !is_insert);
        let is_due = store.is_some_and(|store| self.has_actions_on(store));
        let changed = is_due.then(|| changed_by(step, computations)).flatten();
        self.note_changes(changed, true)
    }

    /// Does the same for a step that changes keys because rows get those of other parents: their own referencing rows were not changed in
    /// memory before, as those of keys that the program changes are.
    pub(in crate::session) fn note_moved_rows(
        &mut self,
        step: &Step,
        computations: &Computations,
    ) -> Result<()> {
        let is_moved = step.written().is_some_and(|(store, columns, _)| {
            let key = &self.entry(store).mapper.table().primary_key;
            let is_update = matches!(step, Step::Update { .. } | Step::Compute { .. });
            is_update
                && columns.iter().any(|column| key.contains(column))
                && self.has_actions_on(store)
        });
        let changed = is_moved.then(|| changed_by(step, computations)).flatten();
        self.note_changes(changed, false)
    }

    fn note_changes(&mut self, changed: Option<Changed>, is_mirrored: bool) -> Result<()> {
        let mut next: Vec<Changed> = changed.into_iter().collect();
        let mut is_first = is_mirrored;
        while let Some(changed) = next.pop() {
            for key in self.foreign_keys_to(changed.store) {
                if changed.columns.is_none() && acts(key.on_delete) {
                    self.refuse_new_references(&changed, &key)?;
                }
                // What the session does itself is right in memory.
                let is_mirrored = is_first && key.is_to_key;
                let action = match &changed.columns {
                    None if is_mirrored && self.has_relation_over(changed.store, &key) => continue,
                    None => key.on_delete,
                    Some(_) if is_mirrored => continue,
                    Some(columns) if !key.referred.iter().any(|at| columns.contains(at)) => {
                        continue;
                    }
                    Some(_) => key.on_update,
                };
                if !acts(action) {
                    continue;
                }
                let values = changed.slots.iter();
                let values = values
                    .filter_map(|&slot| self.key_of_row((changed.store, slot), &key.referred));
                let values: Vec<Value> = values.flat_map(RecordKey::into_values).collect();
                let candidates = self.candidates(&key, &values, Texts::Equal).into_iter();
                let mut slots = self.referencing(&changed, &key, candidates);
                let is_deleted = changed.columns.is_none() && action == ReferentialAction::Cascade;
                // A row that has changed may change in other columns, or be deleted.
                let columns = if is_deleted { &[][..] } else { &key.columns };
                slots.retain(|&slot| self.acted_on.insert(((key.store, slot), columns.to_vec())));
                if !slots.is_empty() {
                    next.push(Changed {
                        store: key.store,
                        slots,
                        columns: (!is_deleted).then_some(key.columns),
                    });
                }
            }
            is_first = false;
        }
        Ok(())
    }

    fn refuse_new_references(&self, deleted: &Changed, key: &Referring) -> Result<()> {
        let any = self.any_store(key.store);
        let new = any.states().pending_since(0).iter().copied();
        match self.referencing(deleted, key, new).first() {
            Some(&slot) => Err(self.reference_to_deleted(slot, deleted.store, key)),
            None => Ok(()),
        }
    }

    /// Refuses rows whose columns are set to reference rows that the same flush deletes, if the database would act on them.
    pub(in crate::session) fn refuse_changed_references(
        &self,
        tables: &[TableChanges],
    ) -> Result<()> {
        let deleting = tables.iter().filter(|table| !table.deletes.is_empty());
        for parents in deleting.filter(|table| self.has_actions_on(table.store)) {
            let keys = self.foreign_keys_to(parents.store).into_iter();
            for key in keys.filter(|key| acts(key.on_delete)) {
                let Some(children) = tables.iter().find(|table| table.store == key.store) else {
                    continue;
                };
                let value = |&slot: &u32| self.key_of_row((parents.store, slot), &key.referred);
                let mut deleted: FxHashSet<_> = parents.deletes.iter().filter_map(value).collect();
                // Other rows may take the values.
                for (slot, _) in parents.inserts.iter().chain(&parents.updates) {
                    let taken = self.key_of((parents.store, *slot), &key.referred);
                    taken.map(|taken| deleted.remove(&taken));
                }
                let refers = |(slot, columns): &&(u32, Columns)| {
                    // A relation gives it another parent, whose key it may not have yet.
                    if self
                        .edges
                        .links
                        .get((key.store, *slot), &key.columns)
                        .is_some()
                    {
                        return false;
                    }
                    let node = (key.store, *slot);
                    let is_computed = self.is_computed(node, &key.columns);
                    (is_computed || columns.iter().any(|column| key.columns.contains(column)))
                        && self
                            .written_key(node, &key.columns)
                            .is_some_and(|own| deleted.contains(&own))
                };
                if let Some(&(slot, _)) = children.updates.iter().find(refers) {
                    return Err(self.reference_to_deleted(slot, parents.store, &key));
                }
            }
        }
        Ok(())
    }

    #[cold]
    fn reference_to_deleted(&self, slot: u32, parents: u16, key: &Referring) -> Error {
        let any = self.any_store(key.store);
        let parent = self.entry(parents).mapper.name();
        let message = format!("it references a {parent} that is deleted in the same flush");
        Error::new(ErrorKind::InvalidState, message)
            .entity(any.mapper().name())
            .column(&any.mapper().table().columns[key.columns[0]].name)
            .key(any.key_text(slot))
    }

    /// Those of some objects whose rows reference one of the changed rows.
    fn referencing(
        &self,
        changed: &Changed,
        key: &Referring,
        among: impl Iterator<Item = u32>,
    ) -> Vec<u32> {
        let values = changed.slots.iter();
        let values =
            values.filter_map(|&slot| self.key_of_row((changed.store, slot), &key.referred));
        let values: FxHashSet<_> = values.collect();
        let any = self.any_store(key.store);
        let refers = |&slot: &u32| {
            let own = self.key_of_row((key.store, slot), &key.columns);
            any.state(slot) == State::Persistent && own.is_some_and(|own| values.contains(&own))
        };
        among.filter(refers).collect()
    }

    /// Whether the database changes the rows that reference others when these columns change.
    pub(in crate::session) fn acts_on_update(&self, store: u16, columns: &[usize]) -> bool {
        let keys = self.foreign_keys_to(store);
        keys.iter()
            .any(|key| acts(key.on_update) && key.referred.iter().any(|at| columns.contains(at)))
    }

    /// Whether the database acts on rows that reference those of a store.
    fn has_actions_on(&self, store: u16) -> bool {
        let table = &self.entry(store).mapper.table().name;
        let mut keys = self
            .stores
            .iter()
            .flat_map(|entry| &entry.mapper.table().foreign_keys);
        self.engine.capabilities().foreign_keys
            && keys.any(|key| key.table == *table && (acts(key.on_delete) || acts(key.on_update)))
    }

    /// Whether a relation of the referenced store follows a foreign key, so that deletions are mirrored.
    fn has_relation_over(&self, store: u16, key: &Referring) -> bool {
        let mapper = &self.entry(store).mapper;
        let child = &self.entry(key.store).mapper;
        let mut relations = mapper
            .relations()
            .iter()
            .zip(mapper.resolved().unwrap_or_default());
        !child.is_read_only()
            && relations.any(|(relation, resolved)| {
                resolved.kind != RelationKind::BelongsTo
                    && resolved.through.is_none()
                    && *resolved.remote == *key.columns
                    && relation.target().id() == child.id()
            })
    }

    /// Lets the objects be read again whose rows the database has changed.
    pub(in crate::session) fn expire_acted_on(&mut self) {
        let acted_on = std::mem::take(&mut self.acted_on);
        for &((store, slot), _) in &acted_on {
            let (any, log) = self.logged_store(store);
            if any.state(slot) == State::Persistent {
                any.states_mut().overwritten(slot, log);
            }
        }
        if !acted_on.is_empty() {
            self.edges.expire_loaded(&mut self.log);
        }
    }
}

fn acts(action: ReferentialAction) -> bool {
    !matches!(
        action,
        ReferentialAction::NoAction | ReferentialAction::Restrict
    )
}

fn changed_by(step: &Step, computations: &Computations) -> Option<Changed> {
    let (columns, slots) = match step {
        Step::Delete { slots, .. } => (None, slots),
        Step::Update { columns, slots, .. } | Step::Release { columns, slots, .. } => {
            (Some(columns.to_vec()), slots)
        }
        Step::Vacate { column, slots, .. } => (Some(vec![*column]), slots),
        Step::Compute {
            set,
            columns,
            slots,
            ..
        } => {
            let computed = computations.computed(*set).columns();
            (
                Some(columns.iter().copied().chain(computed).collect()),
                slots,
            )
        }
        _ => return None,
    };
    Some(Changed {
        store: step.store()?,
        slots: slots.clone(),
        columns,
    })
}
