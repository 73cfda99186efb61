//! Actions of foreign keys (ON DELETE and ON UPDATE) that the database runs and no relation mirrors. The rows in memory that they delete or
//! change are read again at their next use.

use rustc_hash::FxHashSet;

use crate::entity::RelationKind;
use crate::schema::ReferentialAction;
use crate::session::memory::edges::ObjectId;
use crate::session::write::expression::Computations;
use crate::session::write::plan::Step;
use crate::session::write::rekey::Referring;
use crate::session::{Session, State};

/// Rows of a store that are deleted or changed.
struct Changed {
    store: u16,
    slots: Vec<u32>,
    /// The columns that change; `None` if the rows are deleted.
    columns: Option<Vec<usize>>,
}

impl Session {
    /// Notes the objects whose rows the database changes along with those of a step, directly or through others.
    pub(in crate::session) fn note_actions(&mut self, step: &Step, computations: &Computations) {
        let is_due = step.store().is_some_and(|store| self.has_actions_on(store));
        let mut next = Vec::new();
        next.extend(is_due.then(|| changed_by(step, computations)).flatten());
        let mut is_first = true;
        while let Some(changed) = next.pop() {
            for key in self.foreign_keys_to(changed.store) {
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
                let slots = self.note_referencing(&changed, &key);
                let is_deleted = changed.columns.is_none() && action == ReferentialAction::Cascade;
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
    }

    /// Notes the objects whose rows reference one of some rows; returns those that were not noted yet.
    fn note_referencing(&mut self, changed: &Changed, key: &Referring) -> Vec<u32> {
        let values = changed.slots.iter();
        let values =
            values.filter_map(|&slot| self.key_of_row((changed.store, slot), &key.referred));
        let values: FxHashSet<_> = values.collect();
        let any = self.any_store(key.store);
        let refers = |&slot: &u32| {
            let own = self.key_of_row((key.store, slot), &key.columns);
            any.state(slot) == State::Persistent && own.is_some_and(|own| values.contains(&own))
        };
        let mut slots: Vec<u32> = (0..any.len()).filter(refers).collect();
        slots.retain(|&slot| self.acted_on.insert((key.store, slot)));
        slots
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
        let acted_on: Vec<ObjectId> = std::mem::take(&mut self.acted_on).into_iter().collect();
        for &(store, slot) in &acted_on {
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
