//! Hooks: functions of the program that run before and after events of a session.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Debug};
use std::panic::resume_unwind;
use std::sync::Arc;

use crate::entity::Mapped;
use crate::error::{Error, ErrorKind, Result};
use crate::session::life::phase::Phase;
use crate::session::write::plan::{Step, Wait};
use crate::session::{AnyStore, ObjectId, Session, State, Store};

/// A function to call before or after an event of a session, for [`Session::hook`] and
/// [`SessionFactory::hook`](crate::session::SessionFactory::hook).
///
/// Hooks for the same event run in the order in which they were added. An error aborts the operation, as if the database had refused it:
/// the transaction is rolled back, and the session waits for [`rollback`](Session::rollback). A panic does the same.
///
/// ```
/// # use selfsame::prelude::*;
/// # use selfsame::session::Hook;
/// # #[derive(Entity, Clone, Debug)]
/// # #[orm(table = "users")]
/// # struct User { #[orm(primary_key)] id: Auto<i64>, name: String }
/// # fn factory(engine: &Engine) -> SessionFactory {
/// SessionFactory::new(engine).hook(Hook::before_insert(|user: &mut User| {
///     user.name = user.name.trim().to_owned();
///     Ok(())
/// }))
/// # }
/// ```
#[derive(Clone)]
pub struct Hook {
    when: When,
    whose: Whose,
    call: Call,
}

/// The scope of a hook.
#[derive(Clone)]
enum Whose {
    /// The session.
    Session,
    /// The objects of a type, optionally only those of one table.
    Objects {
        are_in: fn(&dyn AnyStore) -> bool,
        table: Option<Arc<str>>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) enum When {
    BeforeFlush,
    AfterFlush,
    BeforeCommit,
    AfterCommit,
    BeforeRollback,
    AfterRollback,
    BeforeInsert,
    AfterInsert,
    BeforeUpdate,
    AfterUpdate,
    BeforeDelete,
    AfterDelete,
    Load,
}

type Called<T> = Arc<dyn Fn(&mut T) -> Result<()> + Send + Sync>;
type CalledToRead = Arc<dyn Fn(&dyn Any) -> Result<()> + Send + Sync>;

#[derive(Clone)]
enum Call {
    Session(Called<Session>),
    Changing(Called<dyn Any>),
    Reading(CalledToRead),
}

macro_rules! of_sessions {
    ($($(#[$doc:meta])* $name:ident: $when:ident),* $(,)?) => {$(
        $(#[$doc])*
        pub fn $name(work: impl Fn(&mut Session) -> Result<()> + Send + Sync + 'static) -> Self {
            Self { when: When::$when, whose: Whose::Session, call: Call::Session(Arc::new(work)) }
        }
    )*};
}

macro_rules! of_ended_transactions {
    ($($(#[$doc:meta])* $name:ident: $when:ident),* $(,)?) => {$(
        $(#[$doc])*
        pub fn $name(work: impl Fn(&mut Session) + Send + Sync + 'static) -> Self {
            let work = move |session: &mut Session| {
                work(session);
                Ok(())
            };
            Self { when: When::$when, whose: Whose::Session, call: Call::Session(Arc::new(work)) }
        }
    )*};
}

macro_rules! of_objects_to_change {
    ($($(#[$doc:meta])* $name:ident: $when:ident),* $(,)?) => {$(
        $(#[$doc])*
        pub fn $name<E: Mapped>(work: impl Fn(&mut E) -> Result<()> + Send + Sync + 'static) -> Self {
            let work = move |object: &mut dyn Any| object.downcast_mut().map_or(Ok(()), &work);
            Self { when: When::$when, whose: Whose::objects::<E>(), call: Call::Changing(Arc::new(work)) }
        }
    )*};
}

macro_rules! of_objects {
    ($($(#[$doc:meta])* $name:ident: $when:ident),* $(,)?) => {$(
        $(#[$doc])*
        pub fn $name<E: Mapped>(work: impl Fn(&E) -> Result<()> + Send + Sync + 'static) -> Self {
            let work = move |object: &dyn Any| object.downcast_ref().map_or(Ok(()), &work);
            Self { when: When::$when, whose: Whose::objects::<E>(), call: Call::Reading(Arc::new(work)) }
        }
    )*};
}

impl Hook {
    of_sessions! {
        /// Called before a flush that has something to write. It may add, change and delete objects, which the same flush writes. Its
        /// queries do not autoflush.
        before_flush: BeforeFlush,
        /// Called after a flush that had something to write. Its changes wait for the next flush; a commit and a savepoint flush repeatedly
        /// until no hook makes further changes. Its queries do not autoflush.
        after_flush: AfterFlush,
        /// Called before a commit, which flushes its changes.
        before_commit: BeforeCommit,
    }

    of_ended_transactions! {
        /// Called after a commit: every object is expired, and a statement begins the next transaction.
        after_commit: AfterCommit,
        /// Called before a rollback: objects still show what will be undone. The database may have rolled back already.
        before_rollback: BeforeRollback,
        /// Called after a rollback: objects are as they were at BEGIN.
        after_rollback: AfterRollback,
    }

    of_objects_to_change! {
        /// Called before an object is inserted; may change its columns. It must not put anything into relationship fields: use
        /// [`before_flush`](Self::before_flush) to add related objects.
        before_insert: BeforeInsert,
        /// Called before a changed object is updated, like [`before_insert`](Self::before_insert). It must not change a primary key that
        /// other rows may reference, because they have already been updated to follow: use [`before_flush`](Self::before_flush).
        before_update: BeforeUpdate,
    }

    of_objects! {
        /// Called after an object's INSERT, in the same flush: its generated key is known.
        after_insert: AfterInsert,
        /// Called after an object's UPDATE, in the same flush. An object without actual changes is not updated.
        after_update: AfterUpdate,
        /// Called before an object is deleted.
        before_delete: BeforeDelete,
        /// Called after an object's DELETE, in the same flush.
        after_delete: AfterDelete,
        /// Called after the statement that loaded an object into the session. Not called when a loaded object is reread. An object that
        /// it refuses leaves the session, as do those of the statement for which it was not called yet.
        load: Load,
    }

    /// Restricts a hook for objects to those of one table, for records, which all have the same type:
    ///
    /// ```
    /// # use selfsame::prelude::*;
    /// # use selfsame::record::Record;
    /// # fn factory(engine: &Engine) -> SessionFactory {
    /// let trim = Hook::before_insert(|user: &mut Record| {
    ///     let name: String = user.get("name")?;
    ///     user.set("name", name.trim())
    /// });
    /// SessionFactory::new(engine).hook(trim.of_table("users"))
    /// # }
    /// ```
    #[must_use]
    pub fn of_table(mut self, name: &str) -> Self {
        if let Whose::Objects { table, .. } = &mut self.whose {
            *table = Some(name.into());
        }
        self
    }
}

impl Whose {
    fn objects<E: Mapped>() -> Self {
        Self::Objects {
            are_in: |store| store.as_any().is::<Store<E>>(),
            table: None,
        }
    }

    /// Whether it applies to the objects of a store.
    fn has(&self, store: &dyn AnyStore) -> bool {
        match self {
            Self::Session => false,
            Self::Objects { are_in, table } => {
                let name = &store.mapper().table().name;
                are_in(store) && table.as_deref().is_none_or(|table| table == name)
            }
        }
    }
}

impl Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hook({:?})", self.when)
    }
}

/// The hooks of a session.
#[derive(Clone, Debug, Default)]
pub(in crate::session) struct Hooks {
    /// `None` without hooks, which saves the allocation in most sessions.
    list: Option<Arc<Vec<Hook>>>,
    /// For each store, the number of slots whose load hooks have been called.
    announced: Vec<u32>,
    /// Objects whose hooks the current flush has called before updating a part of them, and whether it has done so.
    written_early: BTreeMap<ObjectId, bool>,
}

impl Hooks {
    pub(in crate::session) fn push(&mut self, hook: Hook) {
        Arc::make_mut(self.list.get_or_insert_default()).push(hook);
    }

    /// The hooks for an event of the session.
    fn of_session(&self, when: When) -> Vec<Call> {
        self.of(when, |whose| matches!(whose, Whose::Session))
    }

    /// The hooks for an event of the objects of a store.
    fn of_objects(&self, when: When, store: &dyn AnyStore) -> Vec<Call> {
        self.of(when, |whose| whose.has(store))
    }

    fn of(&self, when: When, is_meant: impl Fn(&Whose) -> bool) -> Vec<Call> {
        let hooks = self.all();
        let meant = hooks
            .iter()
            .filter(|hook| hook.when == when && is_meant(&hook.whose));
        meant.map(|hook| hook.call.clone()).collect()
    }

    /// Resets the counts after the stores were emptied.
    pub(in crate::session) fn forget_announced(&mut self) {
        self.announced.clear();
    }

    pub(in crate::session) fn is_empty(&self) -> bool {
        self.all().is_empty()
    }

    fn all(&self) -> &[Hook] {
        self.list.as_ref().map_or(&[], |list| list)
    }

    fn is_for(&self, store: &dyn AnyStore) -> bool {
        self.all().iter().any(|hook| hook.whose.has(store))
    }
}

/// Objects that a flush writes and that have hooks.
#[derive(Debug, Default)]
pub(in crate::session) struct Written {
    inserts: Vec<ObjectId>,
    updates: Vec<ObjectId>,
    /// The updated objects that set columns to SQL expressions.
    computed: BTreeSet<ObjectId>,
    deletes: Vec<ObjectId>,
}

impl Session {
    /// Adds a hook, which stays for the lifetime of the session.
    pub fn hook(&mut self, hook: Hook) {
        self.hooks.announced = self.slot_counts();
        self.hooks.push(hook);
    }

    /// Calls the hooks for an event of the session.
    pub(in crate::session) fn call_hooks(&mut self, when: When) -> Result<()> {
        if self.hooks.is_empty() {
            return Ok(());
        }
        for call in self.hooks.of_session(when) {
            let Call::Session(work) = call else {
                continue;
            };
            let phase = Phase {
                hook: Some(when),
                ..self.phase
            };
            self.within(phase, |session| work(session))?;
        }
        Ok(())
    }

    /// Resets the hooks before a flush. Existing slots count as announced, so that load hooks are not called for new objects that take over
    /// rows.
    pub(in crate::session) fn begin_hooks(&mut self) {
        if !self.hooks.is_empty() {
            self.hooks.announced = self.slot_counts();
            self.hooks.written_early.clear();
        }
    }

    /// Calls the hooks of objects that are updated in part before the others, unless this flush has called them.
    pub(in crate::session) fn call_before_early_updates(
        &mut self,
        nodes: &[ObjectId],
    ) -> Result<()> {
        if self.hooks.is_empty() {
            return Ok(());
        }
        let early = &mut self.hooks.written_early;
        let nodes = nodes.iter().copied();
        let nodes: Vec<ObjectId> = nodes.filter(|node| !early.contains_key(node)).collect();
        if nodes.is_empty() {
            return Ok(());
        }
        early.extend(nodes.iter().map(|&node| (node, false)));
        self.call_before_updates(&nodes)?;
        // Before the rows are written: afterwards they no longer show what the hooks have changed.
        self.note_moves()
    }

    /// Calls the hooks of objects that are about to be updated. They may assign columns with expressions, but not keys that others
    /// reference.
    fn call_before_updates(&mut self, nodes: &[ObjectId]) -> Result<()> {
        let rekeyed = self.rekeyed_of(nodes);
        self.note_assigned();
        self.call_for(When::BeforeUpdate, nodes)?;
        self.drop_overridden_expressions();
        self.refuse_new_keys(nodes, &rekeyed)
    }

    /// Notes that a part of an object was updated, for the hooks to call after the flush.
    pub(in crate::session) fn note_early_updates(&mut self, store: u16, slots: &[u32]) {
        for slot in slots {
            if let Some(written) = self.hooks.written_early.get_mut(&(store, *slot)) {
                *written = true;
            }
        }
    }

    /// Calls the hooks of the objects that are about to be written.
    pub(in crate::session) fn call_before_writes(&mut self, waits: &[Wait]) -> Result<Written> {
        let mut written = Written::default();
        if self.hooks.is_empty() {
            return Ok(written);
        }
        self.hooks.announced = self.slot_counts();
        let waiting: BTreeSet<ObjectId> = waits.iter().map(|wait| wait.child).collect();
        for (store, entry) in (0u16..).zip(&self.stores) {
            if !self.hooks.is_for(&*entry.store) {
                continue;
            }
            let any = &*entry.store;
            let node = |&slot: &u32| (store, slot);
            let is_written =
                |&slot: &u32| any.state(slot) == State::Persistent && !any.is_marked_deleted(slot);
            let has_changed = |slot: &u32| {
                let node = (store, *slot);
                !any.changed(*slot).is_empty()
                    || waiting.contains(&node)
                    || self.has_expression(node)
            };
            let waiting_here = waiting
                .range((store, 0)..=(store, u32::MAX))
                .map(|node| node.1);
            let computed = self.expressions.keys().filter(|node| node.0 == store);
            written.computed.extend(computed.clone());
            let touched = any.touched().iter().copied().chain(waiting_here);
            let mut touched: Vec<u32> = touched.chain(computed.map(|node| node.1)).collect();
            touched.retain(|slot| is_written(slot) && has_changed(slot));
            any.sort_by_key(&mut touched);
            touched.dedup();
            written.inserts.extend(any.pending().iter().map(node));
            written.updates.extend(touched.iter().map(node));
            written.deletes.extend(any.marked().iter().map(node));
        }
        self.call_for(When::BeforeInsert, &written.inserts)?;
        let early = &self.hooks.written_early;
        written.updates.retain(|node| !early.contains_key(node));
        self.call_before_updates(&written.updates)?;
        self.call_for(When::BeforeDelete, &written.deletes)?;
        Ok(written)
    }

    /// Returns those objects whose primary key was changed and is not written yet.
    fn rekeyed_of(&self, nodes: &[ObjectId]) -> BTreeSet<ObjectId> {
        let mut rekeyed = BTreeSet::new();
        for of_store in nodes.chunk_by(|a, b| a.0 == b.0) {
            let store = of_store[0].0;
            let slots = self.any_store(store).rekeyed();
            rekeyed.extend(slots.into_iter().map(|slot| (store, slot)));
        }
        rekeyed
    }

    /// Refuses primary keys that a hook changed if other rows may reference them, because those have already been updated to follow.
    fn refuse_new_keys(&mut self, nodes: &[ObjectId], before: &BTreeSet<ObjectId>) -> Result<()> {
        for (store, slot) in self.rekeyed_of(nodes).difference(before) {
            if self.is_referenced(*store) {
                let entry = self.entry(*store);
                let message = "a hook changed a primary key that other rows may reference, which is too late for them to follow: change it in `Hook::before_flush`";
                return Err(Error::new(ErrorKind::InvalidState, message)
                    .entity(entry.mapper.name())
                    .key(entry.store.key_text(*slot)));
            }
        }
        Ok(())
    }

    /// Calls the hooks of the objects that were written.
    pub(in crate::session) fn call_after_writes(
        &mut self,
        written: Written,
        steps: &[Step],
    ) -> Result<()> {
        if self.hooks.is_empty() {
            return Ok(());
        }
        let mut sent = written.computed;
        for step in steps {
            if let Step::Update { store, slots, .. } | Step::Compute { store, slots, .. } = step {
                sent.extend(slots.iter().map(|&slot| (*store, slot)));
            }
        }
        let mut updates = written.updates;
        updates.retain(|node| sent.contains(node));
        let early = std::mem::take(&mut self.hooks.written_early).into_iter();
        let early = early.filter(|(node, written)| *written || sent.contains(node));
        updates.extend(early.map(|(node, _)| node));
        updates.sort_by_key(|node| node.0);
        self.call_for(When::AfterInsert, &written.inserts)?;
        self.call_for(When::AfterUpdate, &updates)?;
        self.call_for(When::AfterDelete, &written.deletes)
    }

    /// Calls the load hooks of objects that were read since the last call.
    #[inline]
    pub(crate) fn call_after_loads(&mut self) -> Result<()> {
        if self.hooks.is_empty() {
            return Ok(());
        }
        let now = self.slot_counts();
        let before = std::mem::replace(&mut self.hooks.announced, now);
        let mut loaded = Vec::new();
        for (store, entry) in (0u16..).zip(&self.stores) {
            if !self.hooks.is_for(&*entry.store) {
                continue;
            }
            let from = before.get(usize::from(store)).copied().unwrap_or(0);
            let read = (from..entry.store.len())
                .filter(|&slot| entry.store.state(slot) == State::Persistent);
            loaded.extend(read.map(|slot| (store, slot)));
        }
        self.whole(self.phase, |session| session.announce(&loaded))
    }

    /// Calls the load hooks of some objects. After an error or a panic, those that no hook accepted leave the session: a statement that
    /// reads their rows again calls the hooks again.
    fn announce(&mut self, loaded: &[ObjectId]) -> Result<()> {
        let mut accepted = 0;
        let outcome = self.outcome(self.phase, |session| {
            session.call_counting(When::Load, loaded, &mut accepted)
        });
        let mut detached = Ok(());
        if !matches!(outcome, Ok(Ok(()))) {
            for &node in &loaded[accepted..] {
                let store = self.any_store(node.0);
                if !self.hooks.of_objects(When::Load, store).is_empty() {
                    detached = detached.and(self.detach(node));
                }
            }
        }
        outcome
            .unwrap_or_else(|panic| resume_unwind(panic))
            .and(detached)
    }

    /// The number of slots of each store.
    pub(in crate::session) fn slot_counts(&self) -> Vec<u32> {
        self.stores.iter().map(|entry| entry.store.len()).collect()
    }

    /// Calls the hooks for an event of some objects.
    pub(in crate::session) fn call_for(&mut self, when: When, nodes: &[ObjectId]) -> Result<()> {
        self.call_counting(when, nodes, &mut 0)
    }

    /// Does the same, and counts the objects whose hooks have all returned `Ok`.
    fn call_counting(
        &mut self,
        when: When,
        nodes: &[ObjectId],
        accepted: &mut usize,
    ) -> Result<()> {
        if self.hooks.is_empty() {
            return Ok(());
        }
        for of_store in nodes.chunk_by(|a, b| a.0 == b.0) {
            let store = of_store[0].0;
            let calls = self.hooks.of_objects(when, self.any_store(store));
            if calls.is_empty() {
                *accepted += of_store.len();
                continue;
            }
            for &(store, slot) in of_store {
                for call in &calls {
                    self.call_for_object(call, (store, slot))
                        .map_err(|error| error.entity(self.entry(store).mapper.name()))?;
                }
                *accepted += 1;
            }
        }
        Ok(())
    }

    fn call_for_object(&mut self, call: &Call, (store, slot): ObjectId) -> Result<()> {
        let any = self.any_store_mut(store);
        match call {
            Call::Reading(work) => any.object(slot).map_or(Ok(()), |object| work(object)),
            Call::Changing(work) => {
                any.object_mut(slot).map_or(Ok(()), |object| work(object))?;
                if any.take_pending_relations(slot).is_empty() {
                    return Ok(());
                }
                let message = "a hook put objects into a relationship field during the flush: add them in `Hook::before_flush`";
                Err(Error::new(ErrorKind::InvalidState, message))
            }
            Call::Session(_) => Ok(()),
        }
    }
}
