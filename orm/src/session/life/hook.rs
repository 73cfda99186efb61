//! Hooks: what a program wants done before and after what a session does.

use std::any::Any;
use std::collections::BTreeSet;
use std::fmt::{self, Debug};
use std::sync::Arc;

use crate::entity::Mapped;
use crate::error::{Error, ErrorKind, Result};
use crate::session::life::phase::Phase;
use crate::session::write::plan::{Step, Wait};
use crate::session::{AnyStore, ObjectId, Session, State, Store};

/// Something to do before or after what a session does, for [`Session::hook`] and
/// [`SessionFactory::hook`](crate::session::SessionFactory::hook).
///
/// Hooks of one event run in the order in which they were added. An error from one aborts what was under way, as if the database had
/// refused it: the transaction is rolled back, and the session waits for [`rollback`](Session::rollback). A panic does the same.
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

/// Whose doings a hook is for.
#[derive(Clone)]
enum Whose {
    /// The session's.
    Session,
    /// Those of the objects of a type, and of one table if it is named.
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
        /// Before a flush that has something to do: may add, change and delete objects, which are flushed along. Its queries do not
        /// flush.
        before_flush: BeforeFlush,
        /// After a flush that had something to do. What it changes waits for the next flush; a commit and a savepoint flush again, so
        /// that it is written along, until no hook changes anything more. Its queries do not flush.
        after_flush: AfterFlush,
        /// Before a commit, which flushes what it changes.
        before_commit: BeforeCommit,
    }

    of_ended_transactions! {
        /// After a commit: every object is expired, and a statement begins the next transaction.
        after_commit: AfterCommit,
        /// Before a rollback: the objects show what will be undone. The database may have rolled back already.
        before_rollback: BeforeRollback,
        /// After a rollback: the objects are as they were at BEGIN.
        after_rollback: AfterRollback,
    }

    of_objects_to_change! {
        /// Before an object is inserted: may change its columns. It may not put anything into relationship fields; what is to be
        /// added along is added by [`before_flush`](Self::before_flush).
        before_insert: BeforeInsert,
        /// Before a changed object is updated: as [`before_insert`](Self::before_insert). It may not change a primary key that other rows
        /// may refer to, as they have followed their keys by then: that, too, is for [`before_flush`](Self::before_flush).
        before_update: BeforeUpdate,
    }

    of_objects! {
        /// After the object's INSERT, in the same flush: its generated key is known.
        after_insert: AfterInsert,
        /// After the object's UPDATE, in the same flush. An object without actual changes is not updated.
        after_update: AfterUpdate,
        /// Before an object is deleted.
        before_delete: BeforeDelete,
        /// After the object's DELETE, in the same flush.
        after_delete: AfterDelete,
        /// After the statement that loaded an object into the session. Not called when a loaded object is read again.
        load: Load,
    }

    /// Has a hook for objects be for those of one table only. Records are of one type, whatever their table:
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

    /// Whether it is for the objects of a store.
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

/// The hooks of a session, and what it takes to call them.
#[derive(Clone, Debug, Default)]
pub(in crate::session) struct Hooks {
    /// `None` if there are none, as in most sessions: then a session needs no memory for them.
    list: Option<Arc<Vec<Hook>>>,
    /// How many slots of each store were there when objects were last announced as loaded.
    announced: Vec<u32>,
}

impl Hooks {
    pub(in crate::session) fn push(&mut self, hook: Hook) {
        Arc::make_mut(self.list.get_or_insert_default()).push(hook);
    }

    /// The calls of one event of the session.
    fn of_session(&self, when: When) -> Vec<Call> {
        self.of(when, |whose| matches!(whose, Whose::Session))
    }

    /// The calls of one event of the objects of a store.
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

    /// The stores are empty again.
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

/// Objects that a flush writes and that there are hooks for.
#[derive(Debug, Default)]
pub(in crate::session) struct Written {
    inserts: Vec<ObjectId>,
    updates: Vec<ObjectId>,
    /// Those of the updates whose columns the database computes.
    computed: BTreeSet<ObjectId>,
    deletes: Vec<ObjectId>,
}

impl Session {
    /// Adds a hook, for the rest of this session's life.
    pub fn hook(&mut self, hook: Hook) {
        self.hooks.announced = self.slot_counts();
        self.hooks.push(hook);
    }

    /// Calls the hooks of an event of the session.
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

    /// Calls the hooks of what is about to be written.
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
        let rekeyed = self.rekeyed_of(&written.updates);
        self.call_for(When::BeforeUpdate, &written.updates)?;
        self.refuse_new_keys(&written.updates, &rekeyed)?;
        self.call_for(When::BeforeDelete, &written.deletes)?;
        Ok(written)
    }

    /// The objects among these whose primary key was changed and is not written yet.
    fn rekeyed_of(&self, nodes: &[ObjectId]) -> BTreeSet<ObjectId> {
        let mut rekeyed = BTreeSet::new();
        for of_store in nodes.chunk_by(|a, b| a.0 == b.0) {
            let store = of_store[0].0;
            let slots = self.any_store(store).rekeyed();
            rekeyed.extend(slots.into_iter().map(|slot| (store, slot)));
        }
        rekeyed
    }

    /// Refuses primary keys that a hook changed where other rows may refer to them: those have followed their keys already.
    fn refuse_new_keys(&mut self, nodes: &[ObjectId], before: &BTreeSet<ObjectId>) -> Result<()> {
        for (store, slot) in self.rekeyed_of(nodes).difference(before) {
            if self.is_referred_to(*store) {
                let entry = self.entry(*store);
                let message = "a hook changed the primary key of an object that others may refer to, and it is too late for them to follow: change it in `Hook::before_flush`";
                return Err(Error::new(ErrorKind::InvalidState, message)
                    .entity(entry.mapper.name())
                    .key(entry.store.key_text(*slot)));
            }
        }
        Ok(())
    }

    /// Calls the hooks of what was written.
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
        self.call_for(When::AfterInsert, &written.inserts)?;
        self.call_for(When::AfterUpdate, &updates)?;
        self.call_for(When::AfterDelete, &written.deletes)
    }

    /// Calls the hooks of objects that were read since this was last asked.
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
        self.whole(self.phase, |session| session.call_for(When::Load, &loaded))
    }

    /// How many slots each store has.
    pub(in crate::session) fn slot_counts(&self) -> Vec<u32> {
        self.stores.iter().map(|entry| entry.store.len()).collect()
    }

    /// Calls the hooks of an event of some objects.
    pub(in crate::session) fn call_for(&mut self, when: When, nodes: &[ObjectId]) -> Result<()> {
        if self.hooks.is_empty() {
            return Ok(());
        }
        for of_store in nodes.chunk_by(|a, b| a.0 == b.0) {
            let store = of_store[0].0;
            let calls = self.hooks.of_objects(when, self.any_store(store));
            if calls.is_empty() {
                continue;
            }
            for &(store, slot) in of_store {
                for call in &calls {
                    self.call_for_object(call, (store, slot))
                        .map_err(|error| error.entity(self.entry(store).mapper.name()))?;
                }
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
                let message = "a hook put objects into a relationship field, and the flush is under way: add them in `Hook::before_flush`";
                Err(Error::new(ErrorKind::InvalidState, message))
            }
            Call::Session(_) => Ok(()),
        }
    }
}
