//! Changed primary keys: referencing rows follow.
//!
//! With ON UPDATE CASCADE the database updates them, and memory does the same. Otherwise their foreign keys are set to NULL, then the key
//! is changed, then they get the new key. If a foreign key is NOT NULL, the outcome is up to the database.

mod deletions;
mod insertions;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::entity::RelationKind;
use crate::error::Result;
use crate::record::RecordKey;
use crate::render::Lock;
use crate::schema::ReferentialAction;
use crate::session::life::transaction::Intent;
use crate::session::memory::edges::ObjectId;
use crate::session::read::equal_texts::{EqualTexts, Resembling};
use crate::session::read::load::folded;
use crate::session::read::lookup::{Lookup, has_text, owned, values};
use crate::session::write::deletion::references_to_primary_key;
use crate::session::write::expression::Computations;
use crate::session::write::pairs::Severed;
use crate::session::write::plan::{Changes, Columns, Step, TableChanges, Unique};
use crate::session::{Session, State};
use crate::value::{Param, Value, ValueRef};

/// A foreign key that references the table of a store.
pub(super) struct Referring {
    pub(super) store: u16,
    pub(super) columns: Vec<usize>,
    /// The referenced columns, in the same order: that of the primary key, if they are its columns.
    pub(super) referred: Vec<usize>,
    /// Whether it references the primary key.
    pub(super) is_to_key: bool,
    /// Its nullable columns: a NULL in one of them releases the reference.
    nullable: Vec<usize>,
    cascades: bool,
    /// What the database does to the referencing rows of a deleted or changed one.
    pub(super) on_delete: ReferentialAction,
    pub(super) on_update: ReferentialAction,
}

/// A row that must follow a key.
struct Follower {
    node: ObjectId,
    columns: Vec<usize>,
    cascades: bool,
    /// The index of the key among those that change together.
    key: usize,
}

/// A row in memory that follows a key that the database has written to it.
struct Following<'f> {
    follower: &'f Follower,
    was_expired: bool,
    /// The foreign key before, in the row and in the object.
    row: Vec<Value>,
    values: Vec<Value>,
    /// Whether other columns of the object differ from its row.
    has_changes: bool,
}

/// The old values of keys that change together.
struct Old {
    width: usize,
    /// The keys, one after the other, and then the other texts of them.
    values: Vec<Value>,
    positions: FxHashMap<RecordKey, usize>,
}

impl Referring {
    fn follower(&self, key: usize, node: ObjectId) -> Follower {
        Follower {
            node,
            columns: self.columns.clone(),
            cascades: self.cascades,
            key,
        }
    }
}

impl Old {
    fn new(width: usize, values: Vec<Value>) -> Self {
        let keys = values.chunks(width).map(|key| {
            let key: Vec<ValueRef<'_>> = key.iter().map(Value::as_ref).collect();
            RecordKey::of(&key)
        });
        let positions = keys
            .enumerate()
            .filter_map(|(at, key)| Some((key?, at)))
            .collect();
        Self {
            width,
            values,
            positions,
        }
    }

    fn position(&self, values: &[ValueRef<'_>]) -> Option<usize> {
        self.positions.get(&RecordKey::of(values)?).copied()
    }

    fn key(&self, at: usize) -> &[Value] {
        &self.values[at * self.width..][..self.width]
    }

    /// Whether values are the old key at a position, perhaps in another text.
    fn is_at(&self, at: usize, values: &[Value]) -> bool {
        let values: Vec<ValueRef<'_>> = values.iter().map(Value::as_ref).collect();
        self.position(&values) == Some(at)
    }
}

impl Session {
    /// Writes the changed keys of rows that others may reference, before everything else except deletions that free such a key and
    /// insertions of rows to which others move; returns whether there were any.
    pub(in crate::session) fn write_changed_keys(&mut self, severed: &mut Severed) -> Result<bool> {
        let mut due: Vec<(u16, Vec<u32>, Vec<Referring>)> = Vec::new();
        for (store, slots) in self.rekeyed() {
            let referring = self.referring(store);
            if !referring.is_empty() {
                due.push((store, slots, referring));
            }
        }
        if due.is_empty() {
            return Ok(false);
        }
        self.reread_expired()?;
        self.ready(Intent::Write)?;
        let rekeyed = due.iter().map(|(store, slots, _)| (*store, &slots[..]));
        self.delete_conflicting(rekeyed, severed)?;
        for (store, slots, referring) in due {
            self.write_changed_keys_of(store, slots, &referring)?;
        }
        Ok(true)
    }

    /// The objects whose keys are changed, by store.
    fn rekeyed(&self) -> Vec<(u16, Vec<u32>)> {
        let stores = (0u16..).zip(&self.stores);
        let touched = stores.filter(|(_, entry)| !entry.store.touched().is_empty());
        let rekeyed = touched.map(|(store, entry)| (store, entry.store.rekeyed()));
        rekeyed.filter(|(_, slots)| !slots.is_empty()).collect()
    }

    fn write_changed_keys_of(
        &mut self,
        store: u16,
        mut slots: Vec<u32>,
        referring: &[Referring],
    ) -> Result<()> {
        self.any_store(store).sort_by_key(&mut slots);
        let width = self.entry(store).mapper.table().primary_key.len();
        let mut old = Old::new(width, self.key_values(store, &slots));
        let mut followers = Vec::new();
        let mut only_read = Vec::new();
        for key in referring {
            self.add_other_texts(store, &slots, key, &mut old)?;
            // Read-only rows are left to the database.
            if self.entry(key.store).mapper.is_read_only() {
                only_read.extend(self.rows_with(key, &old));
                continue;
            }
            let rows = match key.cascades {
                true => self.rows_with(key, &old),
                false => self.read_rows_with(store, &slots, key, &mut old)?,
            };
            let rows = self.with_their_own_keys(store, &slots, key, &old, rows)?;
            match key.cascades {
                true => followers.extend(rows.into_iter().map(|(at, node)| key.follower(at, node))),
                false => followers.extend(self.release_references(key, &old, rows)?),
            }
        }
        self.write_keys(store, &slots)?;
        for (_, (store, slot)) in only_read {
            self.any_store_mut(store).expire(slot);
        }
        let new = self.key_values(store, &slots);
        let new: Vec<&[Value]> = new.chunks(width).collect();
        let unsure = self.unsure(store, &followers, &old, &new);
        self.follow(followers, &new)?;
        for (children, slot) in unsure {
            let any = self.any_store_mut(children);
            any.states_mut().set_epoch(slot, 0);
        }
        Ok(())
    }

    /// The rows to read again, because they may not have followed: where the database holds a new text equal to the old one, ON UPDATE
    /// CASCADE may leave the references as they are.
    fn unsure(
        &self,
        store: u16,
        followers: &[Follower],
        old: &Old,
        new: &[&[Value]],
    ) -> Vec<ObjectId> {
        if !has_text(&self.entry(store).mapper, &self.primary_key(store)) {
            return Vec::new();
        }
        let is_unsure = |follower: &&Follower| {
            let (before, now) = (folded(old.key(follower.key)), folded(new[follower.key]));
            let key = self.primary_key(follower.node.0);
            follower.cascades
                && (before.is_none() || now.is_none() || before == now)
                && !key.iter().any(|column| follower.columns.contains(column))
        };
        let unsure = followers.iter().filter(is_unsure);
        unsure.map(|follower| follower.node).collect()
    }

    /// Handles rows that reference themselves, with one UPDATE of both columns if the database permits that; returns the others.
    fn with_their_own_keys(
        &mut self,
        store: u16,
        slots: &[u32],
        key: &Referring,
        old: &Old,
        rows: Vec<(usize, ObjectId)>,
    ) -> Result<Vec<(usize, ObjectId)>> {
        let mut others = Vec::with_capacity(rows.len());
        // Where the database checks references for each row, the row follows its own key like others.
        let follows = !self.engine.dialect().deletes_own_references()
            && !key.cascades
            && !key.nullable.is_empty();
        for (at, node) in rows {
            let refers = self.refers(node, key, old, at);
            // A relation to another row, or to none, is written after the key: until then the reference is NULL.
            let is_let_go = !refers
                && !key.cascades
                && !key.nullable.is_empty()
                && self.edges.links.get(node, &key.columns).is_some();
            if follows || is_let_go || node != (store, slots[at]) {
                others.push((at, node));
                continue;
            }
            if refers {
                let new = self.values(node, &self.primary_key(store));
                self.assign_all(node, &key.columns, &new)?;
            }
        }
        Ok(others)
    }

    /// Releases the references of rows whose parents' keys change: nullable foreign keys are set to NULL. Returns the rows that must
    /// follow.
    fn release_references(
        &mut self,
        key: &Referring,
        old: &Old,
        rows: Vec<(usize, ObjectId)>,
    ) -> Result<Vec<Follower>> {
        if !key.nullable.is_empty() {
            // Their own changes of the reference are written here, too.
            let is_changed = |&(at, node): &(usize, ObjectId)| {
                let any = self.any_store(node.0);
                any.state(node.1) == State::Persistent
                    && !any.is_marked_deleted(node.1)
                    && (self.edges.links.get(node, &key.columns).is_some()
                        || !old.is_at(at, &self.values(node, &key.columns)))
            };
            let changed = rows.iter().copied().filter(is_changed);
            let changed: Vec<ObjectId> = changed.map(|(_, node)| node).collect();
            self.call_before_early_updates(&changed)?;
        }
        let nulls = vec![Value::Null; key.nullable.len()];
        let mut followers = Vec::new();
        let mut cut = Vec::new();
        let mut changed = Vec::new();
        for (at, node) in rows {
            let values = self.values(node, &key.columns);
            if self.refers(node, key, old, at) {
                followers.push(key.follower(at, node));
            }
            if !key.nullable.is_empty() {
                if !old.is_at(at, &values) {
                    changed.push((node, values));
                }
                self.assign_all(node, &key.nullable, &nulls)?;
                cut.push(node.1);
            }
        }
        self.run_step(&Step::Release {
            store: key.store,
            columns: key.nullable.as_slice().into(),
            slots: cut,
        })?;
        for (node, values) in changed {
            self.assign_all(node, &key.columns, &values)?;
        }
        Ok(followers)
    }

    /// Whether a row references a key and was not set to another parent.
    fn refers(&self, node: ObjectId, key: &Referring, old: &Old, at: usize) -> bool {
        let own = self.foreign_key(node, &key.columns);
        self.edges.links.get(node, &key.columns).is_none()
            && own.is_some_and(|own| old.is_at(at, &own))
            && !self.any_store(node.0).is_marked_deleted(node.1)
    }

    /// Writes rows whose keys are changed; rows that free a key come before those that take it.
    fn write_keys(&mut self, store: u16, slots: &[u32]) -> Result<()> {
        let nodes: Vec<ObjectId> = slots.iter().map(|&slot| (store, slot)).collect();
        self.call_before_early_updates(&nodes)?;
        let taken_later = self.written_later(store, slots)?;
        let any = self.any_store(store);
        let changed = |&slot: &u32| {
            let mut columns = any.changed(slot);
            if let Some(later) = taken_later.get(&slot) {
                columns.retain(|column| !later.contains(column));
            }
            (slot, Columns::from(columns))
        };
        let updates: Vec<(u32, Columns)> = slots.iter().map(changed).collect();
        let nothing = Computations::default();
        let uniques = self.uniques(store, &[], &updates, &[], &nothing);
        let changes = Changes {
            tables: vec![TableChanges {
                store,
                uniques,
                updates,
                ..TableChanges::default()
            }],
            ..Changes::default()
        };
        for step in self.planned(&changes)? {
            let Step::Update {
                store,
                columns,
                slots,
            } = step
            else {
                self.run_step(&step)?;
                continue;
            };
            let (in_part, whole) = slots
                .into_iter()
                .partition(|slot| taken_later.contains_key(slot));
            self.run_step(&Step::Release {
                store,
                columns: columns.clone(),
                slots: in_part,
            })?;
            self.run_step(&Step::Update {
                store,
                columns,
                slots: whole,
            })?;
        }
        Ok(())
    }

    /// The columns, by row, that are not written together with the keys: they are set to expressions, reference rows that are inserted
    /// later, or take unique values that other rows have not freed yet.
    fn written_later(&self, store: u16, slots: &[u32]) -> Result<BTreeMap<u32, BTreeSet<usize>>> {
        let mut later = self.references_written_later(store, slots)?;
        for &slot in slots {
            if let Some(expressions) = self.expressions.get(&(store, slot)) {
                let columns = expressions.keys();
                later.entry(slot).or_default().extend(columns);
            }
        }
        self.add_values_taken_later(store, slots, &mut later)?;
        Ok(later)
    }

    /// The columns, by row, of references that were set, and of foreign keys that hold keys of new rows.
    fn references_written_later(
        &self,
        store: u16,
        slots: &[u32],
    ) -> Result<BTreeMap<u32, BTreeSet<usize>>> {
        let mut later: BTreeMap<u32, BTreeSet<usize>> = BTreeMap::new();
        let now: FxHashSet<u32> = slots.iter().copied().collect();
        let waits = self.waits_by_keys(|_, children| children == store)?;
        let waits = waits.into_iter().map(|wait| (wait.child.1, wait.columns));
        let links = slots.iter().flat_map(|&slot| {
            let links = self.edges.links.of((store, slot));
            links.map(move |link| (slot, Arc::clone(&link.reference.columns)))
        });
        let primary_key = self.primary_key(store);
        for (slot, columns) in links.chain(waits.filter(|wait| now.contains(&wait.0))) {
            let columns = columns.iter().copied();
            for column in columns.filter(|column| !primary_key.contains(column)) {
                later.entry(slot).or_default().insert(column);
            }
        }
        Ok(later)
    }

    /// Adds the columns that keep their unique values until other rows have freed the new ones.
    fn add_values_taken_later(
        &self,
        store: u16,
        slots: &[u32],
        later: &mut BTreeMap<u32, BTreeSet<usize>>,
    ) -> Result<()> {
        let any = self.any_store(store);
        let is_there =
            |&slot: &u32| any.state(slot) == State::Persistent && !any.is_marked_deleted(slot);
        let touched = any.touched().iter().copied().filter(is_there);
        let updates: Vec<(u32, Columns)> = touched
            .map(|slot| (slot, Columns::from(any.changed(slot))))
            .collect();
        let uniques = self.uniques(
            store,
            &[],
            &updates,
            &any.marked().to_vec(),
            &self.computations()?,
        );
        let primary_key = self.primary_key(store);
        let now: FxHashSet<u32> = slots.iter().copied().collect();
        let others = |columns: &[usize]| -> BTreeSet<usize> {
            let columns = columns.iter().copied();
            columns.filter(|at| !primary_key.contains(at)).collect()
        };
        let uniques = uniques
            .iter()
            .map(|unique| (unique, others(&unique.columns)));
        let uniques: Vec<(&Unique, BTreeSet<usize>)> =
            uniques.filter(|(_, columns)| !columns.is_empty()).collect();
        let keeps = |later: &BTreeMap<u32, BTreeSet<usize>>, row: u32, unique: &Unique| {
            let later = later.get(&row);
            later.is_some_and(|later| unique.columns.iter().any(|at| later.contains(at)))
        };
        // Each row is visited once for each constraint, however long a chain of rows is.
        let mut takers: FxHashMap<(usize, u32), Vec<u32>> = FxHashMap::default();
        let mut next: Vec<(usize, u32)> = Vec::new();
        for (at, (unique, _)) in uniques.iter().enumerate() {
            for &(taker, freer) in &unique.passed_on {
                if now.contains(&taker) {
                    takers.entry((at, freer)).or_default().push(taker);
                    if !now.contains(&freer) || keeps(later, freer, unique) {
                        next.push((at, freer));
                    }
                }
            }
        }
        while let Some(freer) = next.pop() {
            let columns = &uniques[freer.0].1;
            for taker in takers.remove(&freer).into_iter().flatten() {
                later.entry(taker).or_default().extend(columns);
                for (at, (unique, _)) in uniques.iter().enumerate() {
                    if keeps(later, taker, unique) && takers.contains_key(&(at, taker)) {
                        next.push((at, taker));
                    }
                }
            }
        }
        Ok(())
    }

    fn run_step(&mut self, step: &Step) -> Result<()> {
        if let Step::Release { columns, slots, .. } | Step::Update { columns, slots, .. } = step
            && (columns.is_empty() || slots.is_empty())
        {
            return Ok(());
        }
        self.check_step(step)?;
        self.execute_step(step, &Computations::default(), None)?;
        let Some(store) = step.store() else {
            return Ok(());
        };
        if let Step::Release { slots, .. }
        | Step::Update { slots, .. }
        | Step::Vacate { slots, .. } = step
        {
            self.note_early_updates(store, slots);
        }
        if let Some((store, columns, slots)) = step.written() {
            self.early_updates
                .push((store, columns.to_vec(), slots.to_vec()));
        }
        Ok(())
    }

    /// Writes the new keys to rows that referenced the old ones. If the database has written them already, only memory is updated, and rows
    /// that reference those follow in turn.
    fn follow(&mut self, followers: Vec<Follower>, new: &[&[Value]]) -> Result<()> {
        let mut followed: BTreeMap<u16, Vec<u32>> = BTreeMap::new();
        let mut own_keys: BTreeMap<u16, Vec<Value>> = BTreeMap::new();
        let mut in_memory = Vec::new();
        for follower in &followers {
            let (store, slot) = follower.node;
            if !follower.cascades {
                self.assign_all(follower.node, &follower.columns, new[follower.key])?;
                continue;
            }
            let key = self.primary_key(store);
            if key.iter().any(|column| follower.columns.contains(column)) {
                let own = self.key_values(store, &[slot]);
                own_keys.entry(store).or_default().extend(own);
                followed.entry(store).or_default().push(slot);
            }
            in_memory.push(self.begin_following(follower, new[follower.key])?);
        }
        // A row may get the key that another one had: by now all have left theirs.
        for following in in_memory {
            self.end_following(following)?;
        }
        for (store, slots) in followed {
            let width = self.primary_key(store).len();
            let old = Old::new(width, own_keys.remove(&store).unwrap_or_default());
            let mut next = Vec::new();
            for key in self.referring(store) {
                let rows = self.rows_with(&key, &old);
                next.extend(rows.into_iter().map(|(at, node)| key.follower(at, node)));
            }
            let own = self.key_values(store, &slots);
            let own: Vec<&[Value]> = own.chunks(width).collect();
            self.follow(next, &own)?;
        }
        Ok(())
    }

    /// Assigns a key to a row in memory that the database has written.
    fn begin_following<'f>(
        &mut self,
        follower: &'f Follower,
        new: &[Value],
    ) -> Result<Following<'f>> {
        let (store, slot) = follower.node;
        let any = self.any_store(store);
        let mut row = Vec::new();
        any.row_values(slot, &follower.columns, &mut row);
        let mut others = any.changed(slot);
        others.retain(|column| !follower.columns.contains(column));
        let following = Following {
            follower,
            was_expired: any.is_expired(slot, self.log.epoch),
            row: owned(&row),
            values: self.values(follower.node, &follower.columns),
            has_changes: !others.is_empty(),
        };
        self.assign_all(follower.node, &follower.columns, new)?;
        Ok(following)
    }

    /// Makes the key that of the row, and keeps the program's other changes.
    fn end_following(&mut self, following: Following<'_>) -> Result<()> {
        let Follower { node, columns, .. } = following.follower;
        let (store, slot) = *node;
        let has_computed = !self.entry(store).mapper.computed().is_empty();
        let is_as_read = following.values == following.row;
        let (any, log) = self.logged_store(store);
        match following.has_changes {
            false => any.updated(slot, log)?,
            true => any.updated_in_part(slot, columns, log)?,
        }
        match following.was_expired {
            true if !following.has_changes && is_as_read => any.expire(slot),
            true => any.states_mut().set_epoch(slot, 0),
            // Computed columns are reread at the object's next use.
            false if has_computed => any.states_mut().set_epoch(slot, 0),
            false => {}
        }
        match is_as_read {
            true => Ok(()),
            false => self.assign_all(*node, columns, &following.values),
        }
    }

    /// Whether any foreign key references the primary key of a store's table.
    pub(in crate::session) fn is_referenced(&mut self, store: u16) -> bool {
        !self.referring(store).is_empty()
    }

    /// The foreign keys that reference the primary key of a store's table.
    fn referring(&mut self, store: u16) -> Vec<Referring> {
        let relations = self.entry(store).mapper.relations();
        let children = (0u16..).zip(relations);
        let children = children.filter(|(_, relation)| relation.kind != RelationKind::BelongsTo);
        for relation in children.map(|(index, _)| index).collect::<Vec<_>>() {
            self.target_store(store, relation);
        }
        let mut found = self.foreign_keys_to(store);
        found.retain(|key| key.is_to_key);
        found
    }

    /// The foreign keys of tables in the session that reference a store's table.
    pub(super) fn foreign_keys_to(&self, parents: u16) -> Vec<Referring> {
        let parent = self.entry(parents).mapper.table();
        let mut found = Vec::new();
        for (store, entry) in (0u16..).zip(&self.stores) {
            let table = entry.mapper.table();
            let keys = table.foreign_keys.iter();
            for key in keys.filter(|key| key.table == parent.name) {
                let to_key = references_to_primary_key(key, table, parent);
                let is_to_key = to_key.is_some();
                let (columns, referred) = match to_key {
                    // Links list the columns in the order of the primary key.
                    Some(columns) => (columns, parent.primary_key.clone()),
                    None => {
                        let own = key.columns.iter();
                        let referred = key.references.iter();
                        (
                            own.filter_map(|name| table.position(name)).collect(),
                            referred.filter_map(|name| parent.position(name)).collect(),
                        )
                    }
                };
                let nullable = columns.iter().copied();
                found.push(Referring {
                    store,
                    nullable: nullable.filter(|&at| table.columns[at].nullable).collect(),
                    is_to_key,
                    cascades: key.on_update == ReferentialAction::Cascade,
                    on_delete: key.on_delete,
                    on_update: key.on_update,
                    columns,
                    referred,
                });
            }
        }
        found
    }

    /// The rows in memory that reference one of some keys in the database, with the indexes of the keys.
    fn rows_with(&self, key: &Referring, wanted: &Old) -> Vec<(usize, ObjectId)> {
        let store = self.any_store(key.store);
        let mut found = Vec::new();
        for slot in (0..store.len()).filter(|&slot| store.state(slot) == State::Persistent) {
            let values = key
                .columns
                .iter()
                .map(|&column| store.row_value(slot, column));
            let values: Vec<Param<'_>> = values.collect();
            let values: Vec<ValueRef<'_>> = values.iter().filter_map(Param::value).collect();
            if let Some(at) = wanted.position(&values) {
                found.push((at, (key.store, slot)));
            }
        }
        found
    }

    /// Adds the texts in which rows in memory reference the old keys, where only the database holds them equal.
    fn add_other_texts(
        &mut self,
        parents: u16,
        slots: &[u32],
        key: &Referring,
        old: &mut Old,
    ) -> Result<()> {
        let Some(resembling) = Resembling::to(self, parents, slots) else {
            return Ok(());
        };
        let store = self.any_store(key.store);
        let mut others = Vec::new();
        for slot in (0..store.len()).filter(|&slot| store.state(slot) == State::Persistent) {
            let mut row = Vec::with_capacity(key.columns.len());
            store.row_values(slot, &key.columns, &mut row);
            if self.is_other_text(parents, &row)? {
                others.push(owned(&row));
            }
        }
        others.retain(|text| old.position(&values(text)).is_none() && resembling.has(text));
        let mut texts = EqualTexts::default();
        self.find_equal(parents, others.iter().cloned(), &mut texts)?;
        for text in others {
            let parent = texts.get(parents, text.clone());
            let at = parent.and_then(|(_, found)| slots.iter().position(|&slot| slot == found));
            if let Some(at) = at
                && old.position(&values(&text)).is_none()
            {
                old.values.extend(text.iter().cloned());
                old.positions.insert(RecordKey::new(text), at);
            }
        }
        Ok(())
    }

    /// Reads the rows that reference one of some keys. Objects that only memory considers referencing are expired.
    fn read_rows_with(
        &mut self,
        parents: u16,
        slots: &[u32],
        key: &Referring,
        wanted: &mut Old,
    ) -> Result<Vec<(usize, ObjectId)>> {
        let met = self.look_up(&Lookup {
            store: key.store,
            by: &key.columns,
            keys: &wanted.values,
            order: &[],
            lock: Lock::ForUpdate,
            undefer: &[],
        })?;
        // The rows that were read may have yet other texts.
        self.add_other_texts(parents, slots, key, wanted)?;
        let met: FxHashSet<u32> = met.into_iter().collect();
        let mut rows = self.rows_with(key, wanted);
        let any = self.any_store_mut(key.store);
        rows.retain(|(_, (_, slot))| {
            let is_there = met.contains(slot);
            if !is_there {
                any.states_mut().set_epoch(*slot, 0);
            }
            is_there
        });
        Ok(rows)
    }

    fn primary_key(&self, store: u16) -> Vec<usize> {
        self.entry(store).mapper.table().primary_key.clone()
    }

    pub(in crate::session) fn values(
        &self,
        (store, slot): ObjectId,
        columns: &[usize],
    ) -> Vec<Value> {
        let mut params = Vec::with_capacity(columns.len());
        self.any_store(store).values(slot, columns, &mut params);
        owned(&params)
    }

    fn assign_all(&mut self, node: ObjectId, columns: &[usize], values: &[Value]) -> Result<()> {
        let mut pairs = columns.iter().zip(values);
        pairs.try_for_each(|(&column, value)| self.assign_changed(node, column, value))
    }
}
