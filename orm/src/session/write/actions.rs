//! Foreign key actions (ON DELETE and ON UPDATE) that the database runs and no relation mirrors. Rows in memory that they delete or change
//! are read again at their next use. If a chain of actions passes through rows that are not in memory, so are all rows that may follow
//! these.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::entity::RelationKind;
use crate::error::{Error, ErrorKind, Result};
use crate::record::RecordKey;
use crate::schema::{ReferentialAction, Table};
use crate::session::memory::edges::ObjectId;
use crate::session::memory::referring_rows::Texts;
use crate::session::write::expression::Computations;
use crate::session::write::plan::{Step, TableChanges};
use crate::session::write::rekey::Referring;
use crate::session::{Session, State};
use crate::value::Value;

/// A row that an action of the database may change or delete.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::session) struct AffectedRow {
    row: ObjectId,
    /// The foreign key that has the action.
    columns: Vec<usize>,
    /// The store of the table that it references.
    parents: u16,
    effect: Effect,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Effect {
    /// Deleted with the referenced row.
    Deleted,
    /// Released from the referenced row, which is deleted.
    Released,
    /// Changed with the referenced row.
    Followed,
}

/// Rows of a store that are deleted or changed.
struct Changed {
    store: u16,
    /// The rows in memory.
    slots: Vec<u32>,
    /// The columns that change; `None` if the rows are deleted.
    columns: Option<Vec<usize>>,
    /// Whether there may be others, not in memory.
    may_include_unloaded: bool,
}

/// Which of the rows that reference a step's rows the session has handled itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mirrored {
    Nothing,
    InMemory,
    All,
}

impl Session {
    /// Notes the objects whose rows the database changes along with those of a step, directly or through others.
    pub(in crate::session) fn note_actions(&mut self, step: &Step, computations: &Computations) {
        self.note_dissociated(step);
        let is_insert = matches!(step, Step::Insert { .. });
        let store = step.store().filter(|_| !is_insert);
        let is_due = store.is_some_and(|store| self.has_actions_on(store));
        let changed = is_due.then(|| changed_by(step, computations)).flatten();
        self.note_changes(changed, true);
    }

    /// Does the same for a step that changes keys because rows move to other parents. The rows that reference these were not changed in
    /// memory before, unlike those that reference keys that the program changes.
    pub(in crate::session) fn note_moved_rows(&mut self, step: &Step, computations: &Computations) {
        let is_moved = step.written().is_some_and(|(store, columns, _)| {
            let key = &self.entry(store).mapper.table().primary_key;
            let is_update = matches!(step, Step::Update { .. } | Step::Compute { .. });
            is_update
                && columns.iter().any(|column| key.contains(column))
                && self.has_actions_on(store)
        });
        let changed = is_moved.then(|| changed_by(step, computations)).flatten();
        self.note_changes(changed, false);
    }

    /// Notes the objects of an association table that is also mapped, whose rows a step deletes as pairs. Those that the flush deletes too
    /// are deleted by this step if their keys contain the pair's columns, because other rows may have moved to another pair meanwhile, and
    /// if no version must be compared. The others are read again at their next use.
    fn note_dissociated(&mut self, step: &Step) {
        let (Step::Dissociate { association, .. } | Step::Sever { association, .. }) = step else {
            return;
        };
        let entry = &self.associations[usize::from(*association)];
        let columns = match step {
            Step::Sever { side, .. } => entry.association.columns(*side).to_vec(),
            _ => (0..entry.association.table().columns.len()).collect(),
        };
        let mapped = self.mapped_as(entry.association.table(), &columns);
        if mapped.is_empty() {
            return;
        }
        let (parents, keys) = match step {
            Step::Sever { side, slots, .. } => {
                let end = entry.end(*side).store;
                (end, self.key_values(end, slots))
            }
            Step::Dissociate { pairs, .. } => {
                (entry.left.store, self.pair_keys(*association, pairs))
            }
            _ => return,
        };
        let keys = keys.chunks(columns.len());
        let pairs: FxHashSet<RecordKey> = keys
            .map(|key| RecordKey::new(key.iter().cloned()))
            .collect();
        for (store, columns) in mapped {
            let mapper = Arc::clone(&self.entry(store).mapper);
            let key = &mapper.table().primary_key;
            let are_same_rows = columns.iter().all(|at| key.contains(at));
            let slots = self.any_store(store).states().slots_in(State::Persistent);
            let is_of_pair = |&slot: &u32| {
                let pair = self.key_of_row((store, slot), &columns);
                pair.is_none_or(|pair| pairs.contains(&pair))
            };
            let slots: Vec<u32> = slots.into_iter().filter(is_of_pair).collect();
            for &slot in &slots {
                let (any, log) = self.logged_store(store);
                if !any.is_marked_deleted(slot) {
                    self.affected_by_actions.insert(AffectedRow {
                        row: (store, slot),
                        columns: columns.clone(),
                        parents,
                        effect: Effect::Deleted,
                    });
                } else if are_same_rows && mapper.version_column().is_none() {
                    any.deleted(slot, log);
                }
            }
            let changed = Changed {
                store,
                slots,
                columns: None,
                may_include_unloaded: true,
            };
            self.note_changes(Some(changed), false);
        }
    }

    /// The stores that map this association table, with the positions of these of its columns there.
    fn mapped_as(&self, pairs: &Table, columns: &[usize]) -> Vec<(u16, Vec<usize>)> {
        (0u16..)
            .zip(&self.stores)
            .filter(|(_, entry)| entry.mapper.table().name == pairs.name)
            .filter_map(|(store, entry)| {
                let name = |&at: &usize| &pairs.columns[at].name;
                let own = columns
                    .iter()
                    .map(|at| entry.mapper.table().position(name(at)));
                Some((store, own.collect::<Option<_>>()?))
            })
            .collect()
    }

    fn note_changes(&mut self, changed: Option<Changed>, mut is_own_step: bool) {
        let mut next: Vec<Changed> = changed.into_iter().collect();
        let mut behind = BTreeSet::new();
        while let Some(changed) = next.pop() {
            for key in self.foreign_keys_to(changed.store) {
                let effect = match &changed.columns {
                    None if key.on_delete == ReferentialAction::Cascade => Effect::Deleted,
                    None if acts(key.on_delete) => Effect::Released,
                    Some(columns)
                        if acts(key.on_update)
                            && key.referred.iter().any(|at| columns.contains(at)) =>
                    {
                        Effect::Followed
                    }
                    _ => continue,
                };
                let mirrored = match is_own_step && key.is_to_key {
                    true => self.mirrored(changed.store, &key, effect),
                    false => Mirrored::Nothing,
                };
                let mut slots = self.rows_affected(&changed, &key, mirrored);
                slots.retain(|&slot| {
                    self.affected_by_actions.insert(AffectedRow {
                        row: (key.store, slot),
                        columns: key.columns.clone(),
                        parents: changed.store,
                        effect,
                    })
                });
                let columns = (effect != Effect::Deleted).then_some(key.columns);
                // Once is enough, because all rows in memory are visited.
                let may_include_unloaded =
                    mirrored != Mirrored::All && behind.insert((key.store, columns.clone()));
                if may_include_unloaded || !slots.is_empty() {
                    next.push(Changed {
                        store: key.store,
                        slots,
                        columns,
                        may_include_unloaded,
                    });
                }
            }
            is_own_step = false;
        }
    }

    /// The objects whose rows reference one of the changed rows by a foreign key, or may do so.
    fn rows_affected(
        &mut self,
        changed: &Changed,
        key: &Referring,
        mirrored: Mirrored,
    ) -> Vec<u32> {
        let values = |session: &Self| -> FxHashSet<RecordKey> {
            let slots = changed.slots.iter();
            let key = |&slot: &u32| session.key_of_row((changed.store, slot), &key.referred);
            slots.filter_map(key).collect()
        };
        if mirrored == Mirrored::InMemory && changed.columns.is_some() {
            return Vec::new();
        }
        let mut among: Vec<u32> = match (changed.may_include_unloaded, mirrored) {
            (true, _) => (0..self.any_store(key.store).len()).collect(),
            (_, Mirrored::All) => Vec::new(),
            _ => {
                let values = values(self).into_iter();
                let values: Vec<Value> = values.flat_map(RecordKey::into_values).collect();
                self.candidates(key, &values, Texts::Equal)
            }
        };
        if mirrored != Mirrored::Nothing {
            // Memory is right about what the session does itself, except for rows that get the reference in this flush and for expired
            // ones, which are left to the database.
            let any = self.any_store(key.store);
            among.retain(|&slot| any.is_expired(slot, self.log.epoch));
            let new = any.states().pending_since(0).iter();
            among.extend(new.chain(any.touched()));
        }
        let computed = (key.store, 0)..=(key.store, u32::MAX);
        among.extend(self.expressions.range(computed).map(|(node, _)| node.1));
        let any = self.any_store(key.store);
        among.retain(|&slot| any.state(slot) == State::Persistent && !any.is_marked_deleted(slot));
        if among.is_empty() {
            return among;
        }
        let values = values(self);
        let known = changed
            .may_include_unloaded
            .then(|| self.known_keys(changed.store, &key.referred));
        let is_changed = |own: RecordKey| {
            values.contains(&own) || known.as_ref().is_some_and(|known| !known.contains(&own))
        };
        among.retain(|&slot| {
            let node = (key.store, slot);
            let own = self.key_of_row(node, &key.columns);
            self.is_computed_by_database(node, &key.columns) || own.is_some_and(is_changed)
        });
        among
    }

    /// The values of these columns in rows that are not expired.
    fn known_keys(&self, store: u16, columns: &[usize]) -> FxHashSet<RecordKey> {
        let any = self.any_store(store);
        let known = any.states().slots_in(State::Persistent).into_iter();
        let known = known.filter(|&slot| !any.is_expired(slot, self.log.epoch));
        known
            .filter_map(|slot| self.key_of_row((store, slot), columns))
            .collect()
    }

    /// Returns which of the rows that reference a step's rows the session has handled itself.
    fn mirrored(&self, store: u16, key: &Referring, effect: Effect) -> Mirrored {
        if effect == Effect::Followed {
            return Mirrored::InMemory;
        }
        let mapper = &self.entry(store).mapper;
        let child = &self.entry(key.store).mapper;
        if child.is_read_only() {
            return Mirrored::Nothing;
        }
        let relations = mapper.relations().iter();
        let mut relations = relations.zip(mapper.resolved().unwrap_or_default());
        let along = relations.find(|(relation, resolved)| {
            resolved.kind != RelationKind::BelongsTo
                && resolved.through.is_none()
                && *resolved.remote == *key.columns
                && relation.target().id() == child.id()
        });
        match along {
            None => Mirrored::Nothing,
            Some((_, resolved)) if resolved.passive_deletes => Mirrored::InMemory,
            Some(_) => Mirrored::All,
        }
    }

    /// Refuses a flush that makes rows reference a row that it deletes: the database may have deleted them too, or released their
    /// references.
    pub(in crate::session) fn refuse_lost_references(
        &mut self,
        tables: &[TableChanges],
    ) -> Result<()> {
        let mut at_risk: BTreeMap<ObjectId, Vec<AffectedRow>> = BTreeMap::new();
        for affected in &self.affected_by_actions {
            if affected.effect != Effect::Followed {
                let of_row = at_risk.entry(affected.row).or_default();
                of_row.push(affected.clone());
            }
        }
        if at_risk.is_empty() {
            return Ok(());
        }
        let mut set: BTreeMap<u16, BTreeSet<AffectedRow>> = BTreeMap::new();
        let mut note = |row: ObjectId, is_set: &dyn Fn(&usize) -> bool| {
            for affected in at_risk.get(&row).into_iter().flatten() {
                if affected.columns.iter().any(is_set) {
                    set.entry(row.0).or_default().insert(affected.clone());
                }
            }
        };
        for table in tables {
            for &(slot, _) in &table.inserts {
                note((table.store, slot), &|_| true);
            }
            for (slot, columns) in &table.updates {
                let computed = table.computed_of(*slot);
                note((table.store, *slot), &|at| {
                    columns.contains(at) || computed.contains(at)
                });
            }
        }
        for (store, columns, slots) in &self.early_updates {
            for &slot in slots {
                note((*store, slot), &|at| columns.contains(at));
            }
        }
        set.into_iter()
            .try_for_each(|(store, set)| self.refuse_lost(store, &set))
    }

    fn refuse_lost(&mut self, store: u16, set: &BTreeSet<AffectedRow>) -> Result<()> {
        let mut slots: Vec<u32> = set.iter().map(|affected| affected.row.1).collect();
        slots.dedup();
        let is_computed = |of: &&AffectedRow| self.is_computed_by_database(of.row, &of.columns);
        let computed: BTreeSet<&AffectedRow> = set.iter().filter(is_computed).collect();
        let mut lost: BTreeSet<&AffectedRow> = set.iter().collect();
        self.peek_at_rows(store, &slots, &mut |any, slot, row| {
            let mapper = any.mapper();
            for affected in set.iter().filter(|of| Some(of.row.1) == slot) {
                let mut is_kept = true;
                for (at, &column) in mapper.eager().iter().enumerate() {
                    if affected.columns.contains(&column) {
                        let found = row.value(at, mapper.types()[column])?;
                        let own = any.value(affected.row.1, column);
                        is_kept &= match computed.contains(affected) {
                            true => !found.is_null(),
                            false => own.value().is_some_and(|own| own.same(found)),
                        };
                    }
                }
                if is_kept {
                    lost.remove(affected);
                }
            }
            Ok(())
        })?;
        match lost.first() {
            Some(lost) => Err(self.lost_reference(lost)),
            None => Ok(()),
        }
    }

    #[cold]
    fn lost_reference(&self, lost: &AffectedRow) -> Error {
        let (store, slot) = lost.row;
        let any = self.any_store(store);
        let parent = self.entry(lost.parents).mapper.name();
        let message = format!("it references a {parent} that is deleted in the same flush");
        Error::new(ErrorKind::InvalidState, message)
            .entity(any.mapper().name())
            .column(&any.mapper().table().columns[lost.columns[0]].name)
            .key(any.key_text(slot))
    }

    /// Whether the database changes the rows that reference others when these columns change.
    pub(in crate::session) fn acts_on_update(&self, store: u16, columns: &[usize]) -> bool {
        let keys = self.foreign_keys_to(store);
        keys.iter()
            .any(|key| acts(key.on_update) && key.referred.iter().any(|at| columns.contains(at)))
    }

    /// Whether rows in the database follow one of these by ON UPDATE CASCADE if the column changes. Locks these rows, so that no other row
    /// starts to reference them.
    pub(in crate::session) fn are_followed(
        &mut self,
        store: u16,
        slots: &[u32],
        column: usize,
    ) -> Result<bool> {
        self.look_up_locked(store, slots)?;
        for key in self.foreign_keys_to(store) {
            if !key.cascades || !key.referred.contains(&column) {
                continue;
            }
            let mapper = Arc::clone(&self.entry(key.store).mapper);
            let table = mapper.table();
            let own = key.columns.iter().map(|&at| &table.columns[at].name);
            let pairs: Vec<(&String, usize)> = own.zip(key.referred.iter().copied()).collect();
            if self.has_followers(table, &pairs, (store, slots))? {
                return Ok(true);
            }
        }
        Ok(false)
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

    /// Expires the objects whose rows the database has changed. Objects that were expired before are read at once: another session may have
    /// changed them, too, and its changes would be taken for this session's.
    pub(in crate::session) fn expire_affected_rows(&mut self) -> Result<()> {
        let affected = std::mem::take(&mut self.affected_by_actions);
        let mut expired: BTreeMap<u16, Vec<u32>> = BTreeMap::new();
        for &AffectedRow {
            row: (store, slot), ..
        } in &affected
        {
            let (any, log) = self.logged_store(store);
            if any.state(slot) == State::Persistent {
                let is_own = any.states().is_overwritten(slot, log.written_before);
                if any.is_expired(slot, log.epoch) && !is_own {
                    expired.entry(store).or_default().push(slot);
                }
                any.states_mut().overwritten(slot, log);
            }
        }
        if !affected.is_empty() {
            self.edges.expire_loaded(&mut self.log);
        }
        expired
            .into_iter()
            .try_for_each(|(store, slots)| self.read_expired(store, slots))
    }
}

pub(in crate::session::write) fn acts(action: ReferentialAction) -> bool {
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
        may_include_unloaded: false,
    })
}
