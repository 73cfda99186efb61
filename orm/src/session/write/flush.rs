//! The flush: changes become a plan, and the plan becomes statements.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::dialect::Begin;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::Generated;
use crate::session::life::hook::When;
use crate::session::life::phase::Phase;
use crate::session::life::transaction::Intent;
use crate::session::memory::edges::ObjectId;
use crate::session::memory::store::REPLACED;
use crate::session::read::equal_texts::EqualTexts;
use crate::session::write::deletion::DeleteOrder;
use crate::session::write::expression::{Computations, Expression};
use crate::session::write::foreign_keys::Waiting;
use crate::session::write::membership::Moves;
use crate::session::write::persist::{self, Single};
use crate::session::write::plan::{
    AssociationChanges, Changes, Columns, References, Refused, Step, TableChanges, Wait, plan,
};
use crate::session::{Session, State};
use crate::sql;

/// The maximum number of consecutive flushes because of changes by hooks.
const MOST_FLUSHES: u32 = 100;

/// What happens to the transaction after a flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) enum Ending {
    /// The transaction stays open.
    Open,
    /// A commit: a single statement then needs no explicit transaction.
    Commit,
}

impl Session {
    /// Writes all changes in the transaction, which stays open. Sends nothing if there is nothing to write.
    ///
    /// # Errors
    ///
    /// Errors of planning or of a statement. The transaction is then rolled back in the database (inside a savepoint: only that), the
    /// changes stay in memory, and the session refuses statements until [`rollback`](Self::rollback).
    pub fn flush(&mut self) -> Result<()> {
        self.flush_once(Ending::Open).map(drop)
    }

    /// Flushes before a statement that may write, except in the hooks of a flush.
    pub(in crate::session) fn flush_first(&mut self) -> Result<()> {
        match self.phase.flushing {
            true => Ok(()),
            false => self.flush(),
        }
    }

    /// Flushes until hooks make no more changes.
    pub(in crate::session) fn flush_all(&mut self, ending: Ending) -> Result<()> {
        for _ in 0..MOST_FLUSHES {
            if !self.flush_once(ending)? {
                return Ok(());
            }
        }
        let message = format!(
            "there are still changes after {MOST_FLUSHES} flushes: a hook makes changes after each of them"
        );
        let error = Error::new(ErrorKind::InvalidState, message);
        self.fail(&error);
        Err(error)
    }

    /// Flushes once; returns whether there was anything to do.
    fn flush_once(&mut self, ending: Ending) -> Result<bool> {
        if self.failed.is_some() {
            // A session that waits for a rollback fails even if there is nothing to write.
            return self.connected().map(|_| false);
        }
        if !self.has_changes() {
            return Ok(false);
        }
        self.take_fields()?;
        self.round_times_written()?;
        if self.phase.flushing {
            let message =
                "flush inside a flush: a hook's changes are written by this flush or the next one";
            return Err(Error::new(ErrorKind::InvalidState, message));
        }
        if !self.hooks.is_empty() && !self.differs() {
            self.stores
                .iter_mut()
                .for_each(|entry| entry.store.settle());
            return Ok(false);
        }
        let phase = Phase {
            flushing: true,
            ..self.phase
        };
        self.whole(phase, |session| {
            session.refuse_second_mappings()?;
            session.call_hooks(When::BeforeFlush)
        })?;
        if !self.hooks.is_empty() {
            self.take_fields()?;
        }
        self.whole(phase, |session| {
            session.write_changes(ending)?;
            session.call_hooks(When::AfterFlush)
        })?;
        Ok(true)
    }

    /// Refuses changes of objects whose table another mapping has in this session.
    fn refuse_second_mappings(&self) -> Result<()> {
        for (store, entry) in (0u16..).zip(&self.stores) {
            if entry.refused.is_some() && !entry.store.pending().is_empty() {
                self.refuse_second_mapping(store)?;
            }
        }
        Ok(())
    }

    pub(in crate::session) fn has_changes(&self) -> bool {
        let changed = |entry: &crate::session::StoreEntry| {
            let store = &entry.store;
            !(store.pending().is_empty() && store.touched().is_empty() && store.marked().is_empty())
        };
        !self.edges.links.is_empty()
            || !self.expressions.is_empty()
            || !self.edges.pairs.is_empty()
            || self.stores.iter().any(changed)
    }

    /// Whether any object differs from its row. Assigning an equal value makes no difference, and calls no hooks.
    fn differs(&self) -> bool {
        let differs = |entry: &crate::session::StoreEntry| {
            let store = &entry.store;
            let is_due = |&slot: &u32| {
                store.is_expired(slot, self.log.epoch) || !store.changed(slot).is_empty()
            };
            !store.pending().is_empty()
                || !store.marked().is_empty()
                || store.touched().iter().any(is_due)
        };
        !self.edges.links.is_empty()
            || !self.expressions.is_empty()
            || !self.edges.pairs.is_empty()
            || self.stores.iter().any(differs)
    }

    fn write_changes(&mut self, ending: Ending) -> Result<()> {
        self.begin_hooks();
        self.early_updates.clear();
        self.affected_by_actions.clear();
        if let Some(store) = self.only_new_rows() {
            return self.write_new_rows(store, ending);
        }
        self.drop_overridden_expressions();
        self.displace_only_children()?;
        self.delete_orphans()?;
        // Before the cascades, which follow foreign keys, and after them, for the objects they released.
        self.reread_expired()?;
        self.forget_equal_writes();
        let mut texts = self.cascade_deletes()?;
        let mut severed = self.severed_pairs()?;
        self.moves = Moves::default();
        self.note_moves()?;
        let open = self.settle_keys_of_new_rows()?;
        self.switch_rows()?;
        if self.write_changed_keys(&mut severed)? {
            // New objects may take over rows that have followed a changed key.
            self.switch_rows()?;
            texts = EqualTexts::default();
        }
        let mut waits = self.settle_links(&open)?;
        let written = self.call_before_writes(&waits)?;
        // After the hooks, which may change keys and the rows that foreign keys reference.
        self.fill_references_to_themselves()?;
        waits.extend(self.waits_by_natural_keys()?);
        self.reread_expired()?;
        let open = self.open_keys(&waits);
        self.mark_deferrable(&mut waits, &open);
        self.free_conflicting_keys(&open)?;
        for (store, entry) in (0u16..).zip(&self.stores) {
            let is_open = |slot| open.contains(&(store, slot));
            entry.store.check_identities(&is_open)?;
        }
        self.note_moves()?;
        if !self.hooks.is_empty() {
            self.note_overridden();
        }
        let associations = self.association_changes(severed)?;
        let computations = self.computations()?;
        let orders = self.delete_orders(&mut texts)?;
        let changes = self.changes(waits, associations, orders, &computations)?;
        let steps = self.planned(&changes)?;
        self.refuse_late_reads(&steps, &computations)?;
        if !steps.is_empty() {
            self.run(&steps, &changes.waits, &computations, ending)?;
        }
        self.refuse_lost_references(&changes.tables)?;
        let early = std::mem::take(&mut self.early_updates).into_iter();
        let early = early.map(|(store, columns, slots)| Step::Release {
            store,
            columns: columns.into(),
            slots,
        });
        self.read_back(&early.collect::<Vec<_>>(), &computations)?;
        self.expressions.clear();
        self.forget_severed(&changes.associations);
        self.call_after_writes(written, &steps)?;
        self.settle_written();
        self.make_moves()?;
        self.expire_affected_rows()
    }

    /// Marks all changes as written.
    pub(in crate::session) fn settle_written(&mut self) {
        for entry in &mut self.stores {
            entry.store.settle();
        }
        self.forget_objects_without_rows();
        self.edges.flushed(&mut self.log);
    }

    /// Lets new objects take over deleted rows with the same key, with the defaults of a new row. Rows that must be deleted before
    /// changed keys are written are not taken over.
    fn switch_rows(&mut self) -> Result<()> {
        if self.reread_switched()? {
            let deleted = self.deleted_before_changed_keys()?;
            for (store, entry) in (0u16..).zip(&mut self.stores) {
                let is_deleted = |slot| deleted.get(&store).is_some_and(|it| it.contains(&slot));
                let columns = &entry.mapper.table().columns;
                for (slot, column) in entry.store.switch_rows(&is_deleted, &mut self.log)? {
                    if let Generated::Default(default) = &columns[column].generated {
                        let default = sql::Node::Raw(default.clone().into());
                        let expressions = self.expressions.entry((store, slot)).or_default();
                        expressions.insert(column, Expression::new(default));
                    }
                }
            }
        }
        self.set_versions()
    }

    /// Plans some changes.
    pub(in crate::session) fn planned(&mut self, changes: &Changes) -> Result<Vec<Step>> {
        let mut planned = plan(changes);
        let mut changes = Cow::Borrowed(changes);
        // Only the database knows which texts it considers equal: perhaps the rows exchange no values.
        if let Err(Refused::Swap(_)) = planned
            && let Some(exact) = changes.compared_exactly()
        {
            planned = plan(&exact);
            changes = Cow::Owned(exact);
        }
        // Only the database knows whether other rows follow the values.
        if let Err(Refused::Swap(_)) = planned
            && let Some(unfollowed) = self.unfollowed(&changes)?
        {
            planned = plan(&unfollowed);
        }
        planned.map_err(|refused| {
            let table = |store| self.entry(store).mapper.name().to_owned();
            refused.into_error(|(store, slot)| format!("{}#{slot}", table(store)), table)
        })
    }

    pub(in crate::session) fn run(
        &mut self,
        steps: &[Step],
        waits: &[Wait],
        computations: &Computations,
        ending: Ending,
    ) -> Result<()> {
        let has_transactions = self.engine.capabilities().transactions;
        // Computed columns require another statement, a hook may fail after the write, and options require BEGIN.
        let commits_itself = ending == Ending::Commit
            && !self.in_transaction()
            && self.expressions.is_empty()
            && self.hooks.is_empty()
            && self.phase.begin == Begin::default();
        let single = match steps {
            [step] if commits_itself || !has_transactions => {
                persist::single(self, step, computations)
            }
            _ => None,
        };
        if let [step] = steps
            && single.is_some()
        {
            self.note_actions(step, computations);
        }
        // Rows that the database changes by itself are read before the commit.
        let commits_itself = commits_itself && self.affected_by_actions.is_empty();
        if !has_transactions && single.is_none() {
            return Err(Error::unsupported(
                self.engine.dialect().name(),
                "a flush of several statements without a transaction",
            ));
        }
        steps.iter().try_for_each(|step| self.check_step(step))?;
        let sets_others = match steps {
            [Step::Update { store, columns, .. }] if commits_itself => {
                persist::database_sets_more(self, *store, columns)?
            }
            _ => false,
        };
        if commits_itself && single.is_some() && !sets_others {
            self.connected()?;
        } else {
            self.ready(Intent::Write)?;
        }
        let waiting = Waiting::new(waits);
        for step in steps {
            // Foreign keys that are filled in may be what identifies the rows.
            let single = single.as_ref().filter(|_| waiting.is_empty());
            self.with_foreign_keys(step, &waiting, |session| {
                session.note_moved_rows(step, computations);
                session.execute_step(step, computations, single)
            })?;
        }
        self.read_back(steps, computations)
    }

    /// Refuses a step that the mapping does not permit or whose values do not fit, and rounds its times to what the columns store.
    pub(in crate::session) fn check_step(&mut self, step: &Step) -> Result<()> {
        if let Some(store) = step.store() {
            self.entry(store).mapper.refuse_writes()?;
        }
        if let Step::Insert { store, columns, .. } = step {
            self.check_given(*store, columns)?;
        }
        match step.written() {
            Some((store, columns, slots)) => {
                self.round_times(store, columns, slots)?;
                self.check_fit(store, columns, slots)
            }
            None => Ok(()),
        }
    }

    /// Runs one step that was checked.
    pub(in crate::session) fn execute_step(
        &mut self,
        step: &Step,
        computations: &Computations,
        single: Option<&Single>,
    ) -> Result<()> {
        let Some(store) = step.store() else {
            return self.run_association(step);
        };
        if let Step::Release { columns, slots, .. } = step {
            self.cut_ties(store, columns, slots)?;
        }
        if let Step::Vacate { column, slots, .. } = step {
            self.refuse_followers(store, &[*column], slots)?;
        }
        let mapper = Arc::clone(&self.entry(store).mapper);
        persist::run(self, step, computations, single)
            .map_err(|error| error.entity(mapper.name()))?;
        self.refuse_replaced(store)
    }

    /// Refuses relations to objects whose keys now belong to other rows, such as new ones: the foreign keys would reference those.
    pub(in crate::session) fn refuse_replaced(&self, store: u16) -> Result<()> {
        let mut plans = self.plans();
        let without_rows = self.any_store(store).states().without_rows();
        match without_rows
            .iter()
            .find(|&&slot| plans.relate((store, slot)))
        {
            Some(&slot) => Err(self.stale(store, slot, REPLACED)),
            None => Ok(()),
        }
    }

    /// Takes the pending objects from the relationship fields of objects in the session, and reports errors of such fields. Called
    /// before anything is sent, so that the transaction stays usable.
    fn take_fields(&mut self) -> Result<()> {
        for index in 0..self.stores.len() {
            let store = u16::try_from(index).expect("a session maps fewer than 65,536 tables");
            for (slot, attachments) in self.any_store_mut(store).take_all_pending_relations() {
                self.attach_all((store, slot), attachments);
            }
        }
        self.refuse_fields()
    }

    /// Displaces the current child of a one-to-one relation that was set from the child's side, if the parent's side is not loaded.
    fn displace_only_children(&mut self) -> Result<()> {
        let mut owners: BTreeMap<(u16, u16), Vec<u32>> = BTreeMap::new();
        let set = self.edges.links.iter();
        let set = set.filter(|link| link.reference.single);
        let set = set.filter_map(|link| link.parent.zip(link.reference.collection));
        for ((store, slot), relation) in set.chain(self.edges.passed.keys().copied()) {
            if self.any_store(store).state(slot) == State::Persistent {
                owners.entry((store, relation)).or_default().push(slot);
            }
        }
        for ((store, relation), slots) in owners {
            let resolved = self.relation(store, relation)?;
            self.load_collections(store, relation, &resolved, &slots, &[])?;
        }
        Ok(())
    }

    pub(in crate::session) fn stale(&self, store: u16, slot: u32, message: &str) -> Error {
        let entry = self.entry(store);
        Error::new(ErrorKind::StaleData, message)
            .entity(entry.mapper.name())
            .key(entry.store.key_text(slot))
    }

    pub(in crate::session) fn changes(
        &self,
        waits: Vec<Wait>,
        associations: Vec<AssociationChanges>,
        mut orders: BTreeMap<u16, DeleteOrder>,
        computations: &Computations,
    ) -> Result<Changes> {
        let waits = self.with_waits_by_keys(waits)?;
        let mut waiting: BTreeMap<ObjectId, Vec<usize>> = BTreeMap::new();
        for wait in &waits {
            let (store, slot) = wait.child;
            if self.any_store(store).state(slot) == State::Persistent {
                let columns = waiting.entry(wait.child).or_default();
                columns.extend(wait.columns.iter());
            }
        }
        let mut tables = Vec::new();
        for (store, entry) in (0u16..).zip(&self.stores) {
            let any = &*entry.store;
            let mut shapes = Shapes::default();
            let inserts: Vec<(u32, Columns)> = any
                .pending()
                .iter()
                .map(|&slot| (slot, shapes.shared(|out| any.given(slot, out))))
                .collect();
            let waits_here = waiting
                .range((store, 0)..=(store, u32::MAX))
                .map(|(node, _)| node.1);
            let computed = computations.of_store(store);
            let touched = any.touched().iter().copied().chain(waits_here);
            let mut touched: Vec<u32> = touched.chain(computed.keys().copied()).collect();
            touched.retain(|&slot| {
                any.state(slot) == State::Persistent && !any.is_marked_deleted(slot)
            });
            any.sort_by_key(&mut touched);
            touched.dedup();
            let mut computed_columns: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
            for &set in computed.values() {
                computed_columns
                    .entry(set)
                    .or_insert_with(|| computations.computed(set).columns().collect());
            }
            let updates: Vec<(u32, Columns)> = touched
                .into_iter()
                .map(|slot| {
                    let changed = |out: &mut Vec<usize>| {
                        any.changed_into(slot, out);
                        if let Some(columns) = waiting.get(&(store, slot)) {
                            out.extend(columns);
                            out.sort_unstable();
                            out.dedup();
                        }
                        if let Some(set) = computed.get(&slot) {
                            out.retain(|column| !computed_columns[set].contains(column));
                        }
                    };
                    (slot, shapes.shared(changed))
                })
                .collect();
            let order = orders.remove(&store).unwrap_or_default();
            let deletes = order.deletes;
            if inserts.is_empty() && updates.is_empty() && deletes.is_empty() {
                continue;
            }
            let uniques = self.uniques(store, &inserts, &updates, &deletes, computations);
            tables.push(TableChanges {
                store,
                references: self.references(store),
                uniques,
                inserts,
                updates,
                computed_columns,
                computed,
                taking_values: BTreeSet::new(),
                deletes,
                delete_after: order.after,
                delete_ties: order.ties,
            });
        }
        let value_moves = self.value_moves(&mut tables);
        let waits = self.with_waits_of_leaving(waits, &value_moves)?;
        self.write_whole_references(&mut tables);
        Ok(Changes {
            tables,
            waits,
            associations,
            value_moves,
        })
    }

    /// The foreign keys of a table that reference tables of the session.
    pub(in crate::session) fn references(&self, store: u16) -> Vec<References> {
        let table = self.entry(store).mapper.table();
        let referred = |name: &str| {
            let mut stores = (0u16..).zip(&self.stores);
            stores.find(|(_, entry)| entry.mapper.table().name == name)
        };
        let keys = table.foreign_keys.iter();
        keys.filter_map(|key| {
            let columns = key.columns.iter().filter_map(|name| table.position(name));
            let columns: Vec<usize> = columns.collect();
            let is_nullable = |at: &&usize| table.columns[**at].nullable;
            Some(References {
                parent: referred(&key.table)?.0,
                nullable: columns.iter().find(is_nullable).copied(),
                columns,
            })
        })
        .collect()
    }
}

/// Shares lists of columns, since consecutive rows usually have the same.
#[derive(Default)]
pub(in crate::session) struct Shapes {
    next: Vec<usize>,
    last: Option<Columns>,
}

impl Shapes {
    /// Returns the columns that `list` adds, sharing the previous row's list if equal.
    pub(in crate::session) fn shared(&mut self, list: impl FnOnce(&mut Vec<usize>)) -> Columns {
        self.next.clear();
        list(&mut self.next);
        match &self.last {
            Some(last) if **last == *self.next => Columns::clone(last),
            _ => Columns::clone(self.last.insert(Columns::from(&*self.next))),
        }
    }
}
