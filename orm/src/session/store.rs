//! Stores: the objects of one table, their keys, and what it takes to undo their changes.

use std::any::Any;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::{Handle, Session, State};
use crate::backend::Row;
use crate::entity::{Key, Mapped, Mapper, Wishes};
use crate::error::{Error, ErrorKind, Result};
use crate::value::{Param, ValueRef};

/// The objects of one mapped table in a session. A slot is never used twice.
pub(crate) struct Store<E: Mapped> {
    mapper: Arc<Mapper>,
    slots: Vec<Slot<E>>,
    keys: FxHashMap<E::Key, u32>,
    pending: Vec<u32>,
    touched: Vec<u32>,
    doomed: Vec<u32>,
    undo: Vec<Undo<E>>,
}

struct Slot<E> {
    /// `None` once the object was given back. That of a deleted and committed row stays until it is taken.
    value: Option<E>,
    /// The row as the database has it, while `value` may differ.
    snapshot: Option<Box<E>>,
    /// When the row was read or written; older than the session's epoch is expired.
    epoch: u32,
    state: State,
    doomed: bool,
}

/// How to take back one thing that was done since BEGIN or since a savepoint.
enum Undo<E> {
    /// The row was written: it was `before`.
    Written { slot: u32, before: Box<E> },
    /// The row was inserted.
    Inserted { slot: u32 },
    /// The row was deleted.
    Deleted { slot: u32 },
    /// The row was read inside a savepoint, so what was read may be undone with it.
    Read { slot: u32 },
}

/// What to do with a row that the identity map has already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fill {
    /// Keep what is loaded; fill what is expired.
    Expired,
    /// Overwrite, pending changes included.
    Always,
}

/// The moment of a read: the session's epoch, and whether the read must be undone with a savepoint.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) epoch: u32,
    pub(crate) in_savepoint: bool,
}

/// Grants the wishes of one object on its session.
pub(crate) type Granting = Box<dyn FnOnce(&mut Session) + Send>;

/// A store whose type is erased, so that loading and flushing are written once.
pub(crate) trait AnyStore: Send {
    fn mapper(&self) -> &Arc<Mapper>;
    fn as_any(&self) -> &dyn Any;
    fn as_any_mut(&mut self) -> &mut dyn Any;

    /// Puts a row into the store; its columns begin at `at`. `None` if the key is NULL (an outer join without a match).
    fn hydrate(
        &mut self,
        row: &dyn Row,
        at: usize,
        fill: Fill,
        moment: Moment,
    ) -> Result<Option<u32>>;
    /// The object with this key, if it is mapped.
    fn find(&self, key: &[ValueRef<'_>]) -> Result<Option<u32>>;
    fn state(&self, slot: u32) -> State;
    fn is_expired(&self, slot: u32, epoch: u32) -> bool;
    fn expire(&mut self, slot: u32);
    fn value(&self, slot: u32, column: usize) -> Param<'_>;
    fn is_unset(&self, slot: u32, column: usize) -> bool;
    /// Adds the key of the row as the database has it: of the snapshot if there is one.
    fn row_key<'a>(&'a self, slot: u32, out: &mut Vec<Param<'a>>);
    /// Sets a column, remembering the row as it was.
    fn assign(&mut self, slot: u32, column: usize, value: ValueRef<'_>) -> Result<()>;
    /// The columns in which an object differs from its row.
    fn changed(&self, slot: u32) -> Vec<usize>;

    /// What `add` and `delete` and writing left to do, in order.
    fn pending(&self) -> &[u32];
    fn touched(&self) -> &[u32];
    fn doomed(&self) -> &[u32];
    fn is_doomed(&self, slot: u32) -> bool;
    fn doom(&mut self, slot: u32) -> Result<()>;
    /// Takes a pending object back to transient.
    fn unpend(&mut self, slot: u32);
    fn sort_by_key(&self, slots: &mut [u32]);
    /// The pending object with this key, if the program made its key.
    fn find_pending(&self, key: &[ValueRef<'_>]) -> Result<Option<u32>>;
    /// Refuses two objects with one key.
    fn check_identities(&self) -> Result<()>;

    /// Called as each row is written; all of it can be undone.
    fn inserted(&mut self, slot: u32, epoch: u32) -> Result<()>;
    fn updated(&mut self, slot: u32, epoch: u32) -> Result<()>;
    fn deleted(&mut self, slot: u32);
    /// Forgets snapshots that turned out not to differ, after a flush.
    fn settle(&mut self);
    /// Takes what waits in an object's relationship fields; to be run on its session.
    fn take_wishes(&mut self, handle: (u32, u16, u32)) -> Option<Granting>;
    /// Lays a freshly read row under an object that was written while it was expired.
    fn rebase(&mut self, slot: u32, row: &dyn Row, at: usize, moment: Moment) -> Result<()>;

    /// The end of the undo log.
    fn mark(&self) -> usize;
    /// Undoes everything since `mark`, flushed or not.
    fn undo_to(&mut self, mark: usize);
    /// Forgets how to undo: the transaction is committed.
    fn commit(&mut self);
    /// How a key looks in a message.
    fn key_text(&self, slot: u32) -> String;
    fn len(&self) -> u32;
}

/// An empty store for the type behind a mapper.
pub(crate) fn new_store<E: Mapped>(mapper: Arc<Mapper>) -> Box<dyn AnyStore> {
    Box::new(Store::<E> {
        mapper,
        slots: Vec::new(),
        keys: FxHashMap::default(),
        pending: Vec::new(),
        touched: Vec::new(),
        doomed: Vec::new(),
        undo: Vec::new(),
    })
}

impl<E: Mapped> Store<E> {
    pub(super) fn add(&mut self, value: E) -> u32 {
        let slot = self.push(Slot {
            value: Some(value),
            snapshot: None,
            epoch: 0,
            state: State::Pending,
            doomed: false,
        });
        self.pending.push(slot);
        slot
    }

    #[inline]
    pub(super) fn get(&self, slot: u32) -> Option<&E> {
        let slot = self.slots.get(slot as usize)?;
        if slot.state == State::Detached {
            None
        } else {
            slot.value.as_ref()
        }
    }

    /// For writing: the first write to a row clones it, so that the flush can tell what changed.
    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut E> {
        let index = slot;
        let slot = self.slots.get_mut(slot as usize)?;
        if slot.state == State::Detached {
            return None;
        }
        let value = slot.value.as_mut()?;
        if slot.snapshot.is_none() && slot.state == State::Persistent {
            slot.snapshot = Some(Box::new(value.clone()));
            self.touched.push(index);
        }
        Some(value)
    }

    pub(super) fn snapshot(&self, slot: u32) -> Option<&E> {
        self.slots.get(slot as usize)?.snapshot.as_deref()
    }

    pub(super) fn find_key(&self, key: &E::Key) -> Option<u32> {
        self.keys.get(key).copied()
    }

    /// Lets the object go; its value is the program's again.
    pub(super) fn remove(&mut self, slot: u32) -> Option<E> {
        self.forget_key(slot);
        self.pending.retain(|&s| s != slot);
        self.touched.retain(|&s| s != slot);
        self.doomed.retain(|&s| s != slot);
        let entry = self.slots.get_mut(slot as usize)?;
        entry.state = State::Detached;
        entry.snapshot = None;
        entry.value.take()
    }

    /// Drops the changes of an object and has it read again when it is next met.
    pub(super) fn revert(&mut self, slot: u32) {
        let entry = &mut self.slots[slot as usize];
        if let Some(before) = entry.snapshot.take() {
            entry.value = Some(*before);
            self.touched.retain(|&s| s != slot);
        }
        entry.epoch = 0;
    }

    pub(super) fn slots_in(&self, wanted: State) -> impl Iterator<Item = u32> {
        (0..)
            .zip(&self.slots)
            .filter(move |(_, slot)| slot.state == wanted)
            .map(|(index, _)| index)
    }

    fn push(&mut self, slot: Slot<E>) -> u32 {
        let index = u32::try_from(self.slots.len())
            .expect("a session holds fewer than 2^32 objects of one table");
        self.slots.push(slot);
        index
    }

    /// The object as its row is in the database.
    fn row(&self, slot: u32) -> Option<&E> {
        let slot = self.slots.get(slot as usize)?;
        slot.snapshot.as_deref().or(slot.value.as_ref())
    }

    fn map_key(&mut self, slot: u32) -> Result<()> {
        let Some(key) = self.slots[slot as usize]
            .value
            .as_ref()
            .and_then(|value| value.key(&self.mapper))
        else {
            return Ok(());
        };
        match self.keys.entry(key) {
            Entry::Vacant(vacant) => {
                vacant.insert(slot);
                Ok(())
            }
            Entry::Occupied(occupied) if *occupied.get() == slot => Ok(()),
            Entry::Occupied(occupied) => Err(conflict(&self.mapper, occupied.key())),
        }
    }

    /// Takes an object's key out of the map, if it is this object's.
    fn forget_key(&mut self, slot: u32) {
        let Some(key) = self.row(slot).and_then(|row| row.key(&self.mapper)) else {
            return;
        };
        if self.keys.get(&key) == Some(&slot) {
            self.keys.remove(&key);
        }
    }

    fn undo_one(&mut self, undo: Undo<E>) {
        match undo {
            Undo::Written { slot, before } => {
                self.forget_key(slot);
                let entry = &mut self.slots[slot as usize];
                if entry.state != State::Detached {
                    entry.value = Some(*before);
                    entry.epoch = 0;
                    // The map held the old key when the row was read, so it is free again.
                    let _ = self.map_key(slot);
                }
            }
            Undo::Inserted { slot } => {
                self.forget_key(slot);
                let entry = &mut self.slots[slot as usize];
                if entry.state != State::Detached {
                    entry.state = State::Transient;
                }
            }
            Undo::Deleted { slot } => {
                let entry = &mut self.slots[slot as usize];
                if entry.state == State::Deleted {
                    entry.state = State::Persistent;
                    entry.epoch = 0;
                    let _ = self.map_key(slot);
                }
            }
            Undo::Read { slot } => self.slots[slot as usize].epoch = 0,
        }
    }
}

fn conflict<K: Key>(mapper: &Mapper, key: &K) -> Error {
    Error::new(
        ErrorKind::IdentityConflict,
        "two objects of this session have the same primary key",
    )
    .entity(mapper.name())
    .key(format!("{key:?}"))
}

impl<E: Mapped> AnyStore for Store<E> {
    fn mapper(&self) -> &Arc<Mapper> {
        &self.mapper
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn hydrate(
        &mut self,
        row: &dyn Row,
        at: usize,
        fill: Fill,
        moment: Moment,
    ) -> Result<Option<u32>> {
        let Some(key) = E::row_key(&self.mapper, row, at)? else {
            return Ok(None);
        };
        let next = u32::try_from(self.slots.len())
            .expect("a session holds fewer than 2^32 objects of one table");
        let slot = match self.keys.entry(key) {
            Entry::Vacant(vacant) => {
                let value = Some(E::hydrate(&self.mapper, row, at)?);
                vacant.insert(next);
                let (epoch, state) = (moment.epoch, State::Persistent);
                self.slots.push(Slot {
                    value,
                    snapshot: None,
                    epoch,
                    state,
                    doomed: false,
                });
                next
            }
            Entry::Occupied(occupied) => {
                let slot = *occupied.get();
                let entry = &mut self.slots[slot as usize];
                let expired = entry.epoch < moment.epoch && entry.snapshot.is_none();
                if fill == Fill::Expired && !expired {
                    return Ok(Some(slot));
                }
                entry.value = Some(E::hydrate(&self.mapper, row, at)?);
                entry.epoch = moment.epoch;
                if entry.snapshot.take().is_some() {
                    self.touched.retain(|&s| s != slot);
                }
                slot
            }
        };
        if moment.in_savepoint {
            self.undo.push(Undo::Read { slot });
        }
        Ok(Some(slot))
    }

    fn find(&self, key: &[ValueRef<'_>]) -> Result<Option<u32>> {
        Ok(self.keys.get(&E::Key::from_values(key)?).copied())
    }

    fn state(&self, slot: u32) -> State {
        self.slots
            .get(slot as usize)
            .map_or(State::Detached, |slot| slot.state)
    }

    fn is_expired(&self, slot: u32, epoch: u32) -> bool {
        let slot = &self.slots[slot as usize];
        slot.state == State::Persistent && slot.epoch < epoch
    }

    fn expire(&mut self, slot: u32) {
        self.revert(slot);
    }

    fn value(&self, slot: u32, column: usize) -> Param<'_> {
        match &self.slots[slot as usize].value {
            Some(value) => value.value(&self.mapper, column),
            None => Param::Ref(ValueRef::Null),
        }
    }

    fn is_unset(&self, slot: u32, column: usize) -> bool {
        self.slots[slot as usize]
            .value
            .as_ref()
            .is_some_and(|value| value.is_unset(&self.mapper, column))
    }

    fn row_key<'a>(&'a self, slot: u32, out: &mut Vec<Param<'a>>) {
        if let Some(row) = self.row(slot) {
            out.extend(
                self.mapper
                    .table()
                    .primary_key
                    .iter()
                    .map(|&column| row.value(&self.mapper, column)),
            );
        }
    }

    fn assign(&mut self, slot: u32, column: usize, value: ValueRef<'_>) -> Result<()> {
        let mapper = Arc::clone(&self.mapper);
        match self.get_mut(slot) {
            Some(object) => object.assign(&mapper, column, value),
            None => Ok(()),
        }
    }

    fn changed(&self, slot: u32) -> Vec<usize> {
        let slot = &self.slots[slot as usize];
        let (Some(value), Some(before)) = (&slot.value, &slot.snapshot) else {
            return Vec::new();
        };
        let differs = |&column: &usize| {
            let (new, old) = (
                value.value(&self.mapper, column),
                before.value(&self.mapper, column),
            );
            match (new.value(), old.value()) {
                (Some(new), Some(old)) => !new.same(old),
                _ => true,
            }
        };
        (0..self.mapper.types().len()).filter(differs).collect()
    }

    fn pending(&self) -> &[u32] {
        &self.pending
    }

    fn touched(&self) -> &[u32] {
        &self.touched
    }

    fn doomed(&self) -> &[u32] {
        &self.doomed
    }

    fn is_doomed(&self, slot: u32) -> bool {
        self.slots[slot as usize].doomed
    }

    fn doom(&mut self, slot: u32) -> Result<()> {
        let entry = &mut self.slots[slot as usize];
        match entry.state {
            State::Persistent if entry.doomed => Ok(()),
            State::Persistent => {
                entry.doomed = true;
                self.doomed.push(slot);
                Ok(())
            }
            state => {
                let message = format!(
                    "a {state} object cannot become deleted: it has no row (expunge it instead)"
                );
                Err(Error::new(ErrorKind::InvalidState, message).entity(self.mapper.name()))
            }
        }
    }

    fn unpend(&mut self, slot: u32) {
        self.pending.retain(|&s| s != slot);
        self.slots[slot as usize].state = State::Transient;
    }

    fn sort_by_key(&self, slots: &mut [u32]) {
        slots.sort_by_cached_key(|&slot| self.row(slot).and_then(|row| row.key(&self.mapper)));
    }

    fn find_pending(&self, key: &[ValueRef<'_>]) -> Result<Option<u32>> {
        let wanted = E::Key::from_values(key)?;
        let has_it = |slot: &&u32| {
            let value = self.slots[**slot as usize].value.as_ref();
            value
                .and_then(|value| value.key(&self.mapper))
                .is_some_and(|key| key == wanted)
        };
        Ok(self.pending.iter().find(has_it).copied())
    }

    fn check_identities(&self) -> Result<()> {
        let mut seen = FxHashMap::default();
        for &slot in &self.pending {
            let Some(key) = self.slots[slot as usize]
                .value
                .as_ref()
                .and_then(|value| value.key(&self.mapper))
            else {
                continue;
            };
            let mapped = self.keys.get(&key).is_some_and(|&other| other != slot);
            if mapped || seen.contains_key(&key) {
                return Err(conflict(&self.mapper, &key));
            }
            seen.insert(key, slot);
        }
        Ok(())
    }

    fn inserted(&mut self, slot: u32, epoch: u32) -> Result<()> {
        self.map_key(slot)?;
        let entry = &mut self.slots[slot as usize];
        entry.state = State::Persistent;
        entry.epoch = epoch;
        self.undo.push(Undo::Inserted { slot });
        Ok(())
    }

    fn updated(&mut self, slot: u32, epoch: u32) -> Result<()> {
        let entry = &mut self.slots[slot as usize];
        let Some(before) = entry.snapshot.take() else {
            return Ok(());
        };
        entry.epoch = epoch;
        let old = before.key(&self.mapper);
        let new = entry
            .value
            .as_ref()
            .and_then(|value| value.key(&self.mapper));
        self.undo.push(Undo::Written { slot, before });
        if old == new {
            return Ok(());
        }
        if let Some(old) = old {
            self.keys.remove(&old);
        }
        self.map_key(slot)
    }

    fn deleted(&mut self, slot: u32) {
        self.forget_key(slot);
        let entry = &mut self.slots[slot as usize];
        entry.state = State::Deleted;
        entry.doomed = false;
        // What was changed before the deletion was never written.
        if let Some(before) = entry.snapshot.take() {
            entry.value = Some(*before);
        }
        self.undo.push(Undo::Deleted { slot });
    }

    fn settle(&mut self) {
        for slot in self.touched.drain(..) {
            self.slots[slot as usize].snapshot = None;
        }
        self.pending.clear();
        self.doomed.clear();
    }

    fn take_wishes(&mut self, (session, store, slot): (u32, u16, u32)) -> Option<Granting> {
        let wishes = Wishes::of(self.slots[slot as usize].value.as_mut()?);
        if wishes.is_empty() {
            return None;
        }
        Some(Box::new(move |target| {
            wishes.grant(target, Handle::new(session, store, slot))
        }))
    }

    fn rebase(&mut self, slot: u32, row: &dyn Row, at: usize, moment: Moment) -> Result<()> {
        let mut fresh = E::hydrate(&self.mapper, row, at)?;
        let base = fresh.clone();
        for column in self.changed(slot) {
            let entry = &self.slots[slot as usize];
            let (Some(mine), Some(before)) = (&entry.value, &entry.snapshot) else {
                continue;
            };
            let moved = {
                let (theirs, before) = (
                    base.value(&self.mapper, column),
                    before.value(&self.mapper, column),
                );
                !matches!((theirs.value(), before.value()), (Some(a), Some(b)) if a.same(b))
            };
            if moved {
                let message =
                    "the column was changed here and, since the row was last read, in the database";
                return Err(Error::new(ErrorKind::StaleData, message)
                    .entity(self.mapper.name())
                    .column(&self.mapper.table().columns[column].name)
                    .key(self.key_text(slot)));
            }
            let mine = mine.value(&self.mapper, column);
            fresh.assign(&self.mapper, column, mine.value().unwrap_or(ValueRef::Null))?;
        }
        let entry = &mut self.slots[slot as usize];
        entry.value = Some(fresh);
        entry.snapshot = Some(Box::new(base));
        entry.epoch = moment.epoch;
        if moment.in_savepoint {
            self.undo.push(Undo::Read { slot });
        }
        Ok(())
    }

    fn mark(&self) -> usize {
        self.undo.len()
    }

    fn undo_to(&mut self, mark: usize) {
        for slot in std::mem::take(&mut self.touched) {
            let entry = &mut self.slots[slot as usize];
            if let Some(before) = entry.snapshot.take() {
                entry.value = Some(*before);
            }
        }
        for slot in std::mem::take(&mut self.doomed) {
            self.slots[slot as usize].doomed = false;
        }
        while self.undo.len() > mark {
            if let Some(undo) = self.undo.pop() {
                self.undo_one(undo);
            }
        }
        for slot in std::mem::take(&mut self.pending) {
            self.slots[slot as usize].state = State::Transient;
        }
    }

    fn commit(&mut self) {
        for undo in self.undo.drain(..) {
            let Undo::Deleted { slot } = undo else {
                continue;
            };
            let entry = &mut self.slots[slot as usize];
            if entry.state == State::Deleted {
                entry.state = State::Detached;
            }
        }
    }

    fn key_text(&self, slot: u32) -> String {
        match self.row(slot).and_then(|row| row.key(&self.mapper)) {
            Some(key) => format!("{key:?}"),
            None => "not made yet".to_owned(),
        }
    }

    fn len(&self) -> u32 {
        u32::try_from(self.slots.len()).unwrap_or(u32::MAX)
    }
}
