//! `Session`: the unit of work.
//!
//! A session holds the objects that a program works with, one for each row, and writes what changed in as few statements as it can.
//! Objects live in the session; the program holds [`Handle`]s. Reading and writing through `session[handle]` never does I/O; methods
//! that may do I/O take `&mut Session` and return a `Result`.

mod handle;
mod life;
mod memory;
mod read;
mod write;

pub use handle::Handle;
pub use life::factory::SessionFactory;
pub use life::hook::Hook;
pub use life::retry::TransactionOptions;
pub use life::statement_log::StatementLog;
pub use memory::state::State;

pub(crate) use life::merge::AddOrMerge;
pub(crate) use life::merge_many::KeysToMerge;
pub(crate) use memory::any_store::{AnyStore, Fill};
pub(crate) use memory::edges::ObjectId;
pub(crate) use memory::store::new_store;
pub(crate) use read::joined::{JoinedPath, Joins, Page, Selection};
pub(crate) use read::lookup::{refuse_repeated, repeated};

use std::collections::BTreeSet;
use std::fmt::{self, Debug};
use std::ops::{Index, IndexMut};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};

use rustc_hash::FxHashMap;

use crate::backend::Sql;
use crate::engine::{Canceller, Connected, Engine, Recorder};
use crate::entity::{Entity, Mapped, Mapper, PendingRelation, PendingRelations};
use crate::error::{Error, ErrorKind, Result};
use crate::planted::{Planted, is_planted};
use crate::session::write::membership::Moves;
use life::hook::Hooks;
use life::merge_many::Merging;
use life::phase::Phase;
use life::refused::RefusedFields;
use life::undone::Undone;
use memory::association::AssociationEntry;
use memory::cascade::Along;
use memory::edges::{Departure, Edges};
use memory::referring_rows::ReferringRows;
use memory::store::Store;
use memory::undo_log::UndoLog;
use write::actions::AffectedRow;
use write::expression::Expressions;

/// A unit of work: an identity map, the pending changes, and the transaction that they will be written in.
///
/// `Send`, not shared between threads. Dropping it rolls back uncommitted work.
pub struct Session {
    id: u32,
    engine: Engine,
    /// Held from the first statement of a transaction to its end.
    connection: Option<Connected>,
    stores: Vec<StoreEntry>,
    edges: Edges,
    expressions: Expressions,
    associations: Vec<AssociationEntry>,
    log: UndoLog,
    /// The rows that the current flush has written before its plan: stores, columns and slots.
    early_updates: Vec<(u16, Vec<usize>, Vec<u32>)>,
    /// The changes of the current flush that loaded collections do not show yet.
    moves: Moves,
    /// The objects whose rows the database has changed in the current flush, by actions of foreign keys.
    affected_by_actions: BTreeSet<AffectedRow>,
    /// The current phase.
    phase: Phase,
    /// The number of times it was closed.
    closes: u32,
    /// The reason why nothing can be sent before `rollback`, if there is one.
    failed: Option<String>,
    /// Relationship fields with values that cannot be related; the next flush reports them.
    refused: RefusedFields,
    /// Added objects that rollbacks undid.
    undone: Undone,
    hooks: Hooks,
    merging: Merging,
    /// The statement log, if enabled.
    recorder: Weak<Recorder>,
    /// The lazy loads of each relation in this transaction, if counted.
    lazy_loads: FxHashMap<(u16, u16), u32>,
    /// The number of statements on connections already returned.
    statements: u64,
    /// Cancels its work from another thread, if enabled.
    canceller: Option<Canceller>,
}

pub(crate) struct StoreEntry {
    store: Box<dyn AnyStore>,
    mapper: Arc<Mapper>,
    /// The SELECT of one row by its key, cached at first use.
    by_key: Option<Arc<Sql>>,
    /// The index of its rows by the keys of other tables that they reference.
    referring_rows: ReferringRows,
    /// The error for reading into it or writing from it, if another mapping has the table already.
    refused: Option<Box<str>>,
}

impl StoreEntry {
    pub(crate) fn mapper(&self) -> &Arc<Mapper> {
        &self.mapper
    }
}

impl Session {
    /// Creates a session on an engine. Nothing is sent before the first statement.
    pub fn new(engine: &Engine) -> Self {
        let mut log = UndoLog::default();
        log.epoch = 1;
        Self {
            id: fresh_id(),
            engine: engine.clone(),
            connection: None,
            stores: Vec::new(),
            edges: Edges::default(),
            expressions: Expressions::new(),
            associations: Vec::new(),
            log,
            early_updates: Vec::new(),
            moves: Moves::default(),
            affected_by_actions: BTreeSet::new(),
            closes: 0,
            phase: Phase::default(),
            failed: None,
            refused: RefusedFields::default(),
            undone: Undone::default(),
            hooks: Hooks::default(),
            merging: Merging::default(),
            recorder: Weak::new(),
            lazy_loads: FxHashMap::default(),
            statements: 0,
            canceller: None,
        }
    }

    /// Returns a canceller, which stops this session's work from another thread: for abandoned requests, time limits, Ctrl-C.
    pub fn canceller(&mut self) -> Canceller {
        let canceller = self.canceller.take().unwrap_or_default();
        self.cancelled_by(canceller.clone());
        canceller
    }

    pub(crate) fn cancelled_by(&mut self, canceller: Canceller) {
        if let Some(connection) = self.connection.as_mut() {
            connection.cancelled_by(canceller.clone());
        }
        self.canceller = Some(canceller);
    }

    /// Returns the engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Returns the number of statements sent, including transaction commands; a batch that loops over one statement counts each
    /// execution.
    pub fn statements(&self) -> u64 {
        self.statements + self.connection.as_ref().map_or(0, Connected::statements)
    }

    /// Adds an object together with the contents of its relationship fields. The next flush inserts them.
    ///
    /// The compiler rejects a read-only entity:
    ///
    /// ```compile_fail
    /// # use selfsame::prelude::*;
    /// #[derive(Entity, Clone, Debug)]
    /// #[orm(table = "totals", view)]
    /// struct Total {
    ///     #[orm(primary_key)]
    ///     user_id: i64,
    ///     hours: i64,
    /// }
    ///
    /// fn main() {
    ///     let engine = Engine::new(selfsame_sqlite::Sqlite::memory());
    ///     Session::new(&engine).add(Total::new(1, 2));
    /// }
    /// ```
    pub fn add<E: Mapped>(&mut self, value: E) -> Handle<E> {
        const { crate::entity::refuse_read_only::<E>() };
        self.add_unchecked(value)
    }

    /// Adds an object; the flush rejects read-only ones.
    fn add_unchecked<E: Mapped>(&mut self, mut value: E) -> Handle<E> {
        let pending_relations = PendingRelations::of(&mut value);
        let store = self.store_mapped_by::<E>(value.mapping());
        let slot = typed_mut::<E>(&mut self.stores[usize::from(store)]).add(value);
        let handle = Handle::new(self.id, store, slot);
        let attachments = pending_relations.into_attachments();
        if !attachments.is_empty() {
            self.attach_all((store, slot), attachments);
        }
        handle
    }

    /// Adds several objects: a tuple of values of different types, an array, a `Vec` or another collection of one type.
    pub fn add_all<A: AddAll>(&mut self, values: A) -> A::Handles {
        values.add_to(self)
    }

    /// Marks an object for deletion; the next flush deletes its row.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidState`] for an object without a row; [`ErrorKind::StaleHandle`]; [`ErrorKind::ReadOnly`] for a
    /// read-only record; the compiler rejects a read-only entity.
    pub fn delete<E: Mapped>(&mut self, handle: Handle<E>) -> Result<()> {
        const { crate::entity::refuse_read_only::<E>() };
        let (store, slot) = self.node(handle)?;
        self.entry(store).mapper.refuse_writes()?;
        self.stores[usize::from(store)].store.mark_deleted(slot)?;
        self.edges.note_deletion((store, slot));
        Ok(())
    }

    /// Returns the object of a handle, or an error if the handle is stale or foreign; `session[handle]` panics.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::StaleHandle`], [`ErrorKind::ForeignHandle`].
    pub fn try_ref<E: Mapped>(&self, handle: Handle<E>) -> Result<&E> {
        self.typed(handle)
            .and_then(|store| store.get(handle.slot))
            .ok_or_else(|| self.no_object(handle))
    }

    /// Moves a transient or pending object out of the session, or the value of one that was deleted and committed, or expunged by
    /// cascade.
    ///
    /// The relationship fields of a transient or pending object again hold its related objects, as handles: adding it again restores
    /// the relations, and adds those that a rollback has undone.
    ///
    /// A key that the database generated stays in the value, and adding it again inserts that key. A database that generates undone keys
    /// anew, as SQLite does, may have given it to another row meanwhile: set the key to [`Auto::default`](crate::value::Auto::default) to
    /// have a new one generated.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidState`] for a persistent one: `expunge` it, or clone the value.
    pub fn take<E: Mapped>(&mut self, handle: Handle<E>) -> Result<E> {
        let state = self.state(handle);
        if matches!(state, State::Persistent | State::Deleted) {
            let message =
                format!("a {state} object cannot become transient: expunge it, or clone its value");
            return Err(Error::new(ErrorKind::InvalidState, message).entity(handle::name_of::<E>()));
        }
        let related = match self.typed(handle) {
            Some(_) => self.relations_to_take((handle.store, handle.slot)),
            None => Vec::new(),
        };
        let mut value = self.remove_from_session(handle)?;
        PendingRelations::fill(&mut value, related);
        Ok(value)
    }

    /// Removes an object from the session, whatever its state, and returns its value; its row is left alone. Loaded collections omit it
    /// until they are reread.
    ///
    /// Relations with the cascade `expunge` remove their loaded objects too: [`take`](Self::take) returns the value of each.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::StaleHandle`].
    pub fn expunge<E: Mapped>(&mut self, handle: Handle<E>) -> Result<E> {
        let node = self.node(handle)?;
        for along in self.reached(node, |cascade| cascade.expunge, Along::Known)? {
            self.detach(along)?;
        }
        self.remove_from_session(handle)
    }

    /// Removes all objects and frees their memory; every handle becomes stale. An open transaction stays open.
    pub fn clear(&mut self) {
        self.id = fresh_id();
        self.stores.clear();
        self.lazy_loads.clear();
        self.hooks.forget_announced();
        self.edges.clear();
        self.expressions.clear();
        self.associations.clear();
        self.refused.clear();
        self.undone.clear();
        self.log.clear();
    }

    /// Rolls back, returns the connection and removes all objects. The session can be used again: at once, or after
    /// [`rollback`](Self::rollback) if it was closed inside a closure or a hook, so that the closure is not committed in part.
    pub fn close(&mut self) {
        self.closes += 1;
        let is_inside = self.phase.flushing || self.refuse_inside("close").is_err();
        self.give_back_connection();
        self.log.close();
        self.failed = is_inside.then(|| "the session was closed inside it".to_owned());
        self.clear();
    }

    /// Runs `work` without flushing before its queries.
    ///
    /// # Errors
    ///
    /// Errors of `work`.
    pub fn no_autoflush<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let phase = Phase {
            autoflush: false,
            ..self.phase
        };
        self.within(phase, work)
    }

    fn remove_from_session<E: Mapped>(&mut self, handle: Handle<E>) -> Result<E> {
        if handle.session != self.id {
            return Err(self.no_object(handle));
        }
        let node = (handle.store, handle.slot);
        let departure = Departure::of(self.state(handle));
        if departure == Departure::RowStays {
            self.forget_references(node)?;
        }
        let value = self
            .typed_store_mut(handle)
            .and_then(|store| store.remove(handle.slot));
        let value = value.ok_or_else(|| self.no_object(handle))?;
        self.forget_edges(node, departure);
        self.expressions.remove(&node);
        self.refused.forget(node);
        self.undone.forget(node);
        Ok(value)
    }

    /// Returns the object of a live handle.
    fn node<E: Mapped>(&self, handle: Handle<E>) -> Result<ObjectId> {
        self.try_ref(handle).map(|_| (handle.store, handle.slot))
    }

    pub(crate) fn handle<E>(&self, node: ObjectId) -> Handle<E> {
        Handle::new(self.id, node.0, node.1)
    }

    pub(crate) fn entry(&self, store: u16) -> &StoreEntry {
        &self.stores[usize::from(store)]
    }

    /// Returns the number of relations of a store's mapping.
    pub(crate) fn relation_count(&self, store: u16) -> u16 {
        let relations = self.entry(store).mapper.relations().len();
        u16::try_from(relations).expect("a mapping has fewer than 65,536 relations")
    }

    pub(crate) fn any_store(&self, store: u16) -> &dyn AnyStore {
        &*self.stores[usize::from(store)].store
    }

    pub(crate) fn any_store_mut(&mut self, store: u16) -> &mut dyn AnyStore {
        &mut *self.stores[usize::from(store)].store
    }

    fn logged_store(&mut self, store: u16) -> (&mut dyn AnyStore, &mut UndoLog) {
        (&mut *self.stores[usize::from(store)].store, &mut self.log)
    }

    pub(crate) fn store_of<E: Entity>(&mut self) -> u16 {
        self.store_for(E::mapper(), &|| new_store::<E>(Arc::clone(E::mapper())))
    }

    pub(crate) fn store_mapped_by<E: Mapped>(&mut self, mapper: &Arc<Mapper>) -> u16 {
        self.store_for(mapper, &|| new_store::<E>(Arc::clone(mapper)))
    }

    /// Returns the store of a mapping, created at its first use.
    fn store_for(&mut self, mapper: &Arc<Mapper>, make: &dyn Fn() -> Box<dyn AnyStore>) -> u16 {
        let mut stores = (0u16..).zip(&self.stores);
        if let Some((known, _)) = stores.find(|(_, entry)| entry.mapper.id() == mapper.id()) {
            return known;
        }
        let table = &mapper.table().name;
        let mut stores = self.stores.iter();
        let other = stores.find(|entry| entry.mapper.table().name == *table);
        let refused = other.map(|other| {
            let other = other.mapper.name();
            let message = format!(
                "the table {table} is mapped by {other} too; a session can use only one mapping of a table"
            );
            message.into()
        });
        let index = u16::try_from(self.stores.len());
        let index = index.expect("a session maps fewer than 65,536 tables");
        let mut store = make();
        store.states_mut().set_store(index);
        self.stores.push(StoreEntry {
            store,
            mapper: Arc::clone(mapper),
            by_key: None,
            referring_rows: ReferringRows::default(),
            refused,
        });
        index
    }

    /// Rejects a second mapping of a table: one row would have two objects.
    pub(crate) fn refuse_second_mapping(&self, store: u16) -> Result<()> {
        let entry = self.entry(store);
        match &entry.refused {
            None => Ok(()),
            Some(message) => {
                let error = Error::new(ErrorKind::Mapping, &**message);
                Err(error.entity(entry.mapper.name()))
            }
        }
    }

    pub(crate) fn typed<E: Mapped>(&self, handle: Handle<E>) -> Option<&Store<E>> {
        if handle.session != self.id && !is_planted(Planted::ForeignResolves) {
            return None;
        }
        self.stores
            .get(usize::from(handle.store))?
            .store
            .as_any()
            .downcast_ref()
    }

    fn typed_store_mut<E: Mapped>(&mut self, handle: Handle<E>) -> Option<&mut Store<E>> {
        if handle.session != self.id {
            return None;
        }
        self.stores
            .get_mut(usize::from(handle.store))?
            .store
            .as_any_mut()
            .downcast_mut()
    }

    #[cold]
    fn no_object<E: Mapped>(&self, handle: Handle<E>) -> Error {
        no_object(self.id, handle)
    }

    /// Adds a pending object to the session, or finds it there.
    pub(crate) fn attach<T: Mapped>(
        &mut self,
        pending: PendingRelation<T>,
        how: AddOrMerge,
    ) -> Result<ObjectId> {
        match (pending, how) {
            (PendingRelation::New(value), AddOrMerge::Add) => {
                let handle = self.add_unchecked(value);
                Ok((handle.store, handle.slot))
            }
            (PendingRelation::New(value), AddOrMerge::Merge) => self.merge_value(value),
            (PendingRelation::Handle(handle), _) => self.node(handle),
        }
    }
}

#[cold]
fn no_object<E: Mapped>(session: u32, handle: Handle<E>) -> Error {
    let (kind, message) = if handle.session == session {
        (
            ErrorKind::StaleHandle,
            "the object has left the session: it was expunged, taken, or deleted and committed",
        )
    } else {
        (
            ErrorKind::ForeignHandle,
            "the handle belongs to another session, or this one was cleared or closed since",
        )
    };
    Error::new(kind, message).entity(handle::name_of::<E>())
}

fn fresh_id() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn typed_mut<E: Mapped>(entry: &mut StoreEntry) -> &mut Store<E> {
    entry
        .store
        .as_any_mut()
        .downcast_mut()
        .expect("a store has the type of its mapper")
}

/// Returns the object, as last read or written, without I/O.
///
/// # Panics
///
/// If the handle is stale or of another session; [`Session::try_ref`] returns the error instead.
impl<E: Mapped> Index<Handle<E>> for Session {
    type Output = E;

    #[inline]
    fn index(&self, handle: Handle<E>) -> &E {
        match self.typed(handle).and_then(|store| store.get(handle.slot)) {
            Some(value) => value,
            None => panic!("{handle:?}: {}", self.no_object(handle)),
        }
    }
}

/// Returns the object for writing, without I/O: the next flush writes the columns that changed.
///
/// # Panics
///
/// As [`Index`].
impl<E: Mapped> IndexMut<Handle<E>> for Session {
    fn index_mut(&mut self, handle: Handle<E>) -> &mut E {
        const { crate::entity::refuse_read_only::<E>() };
        let session = self.id;
        let value = self
            .typed_store_mut(handle)
            .and_then(|store| store.get_mut(handle.slot));
        match value {
            Some(value) => value,
            None => panic!("{handle:?}: {}", no_object(session, handle)),
        }
    }
}

impl Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Session");
        for entry in &self.stores {
            out.field(entry.mapper.name(), &entry.store.len());
        }
        out.field("transaction", &self.in_transaction()).finish()
    }
}

/// Several objects to add at once.
pub trait AddAll {
    /// A handle for each object.
    type Handles;

    /// Adds them in order.
    fn add_to(self, session: &mut Session) -> Self::Handles;
}

impl<E: Mapped> AddAll for Vec<E> {
    type Handles = Vec<Handle<E>>;

    fn add_to(self, session: &mut Session) -> Self::Handles {
        self.into_iter().map(|value| session.add(value)).collect()
    }
}

impl<E: Mapped, const N: usize> AddAll for [E; N] {
    type Handles = [Handle<E>; N];

    fn add_to(self, session: &mut Session) -> Self::Handles {
        self.map(|value| session.add(value))
    }
}

macro_rules! add_tuples {
    ($($($name:ident $value:ident),*;)*) => {$(
        impl<$($name: Mapped),*> AddAll for ($($name,)*) {
            type Handles = ($(Handle<$name>,)*);

            fn add_to(self, session: &mut Session) -> Self::Handles {
                let ($($value,)*) = self;
                ($(session.add($value),)*)
            }
        }
    )*};
}
add_tuples!(
    A a;
    A a, B b;
    A a, B b, C c;
    A a, B b, C c, D d;
    A a, B b, C c, D d, E e;
    A a, B b, C c, D d, E e, F f;
);
