//! The model: the expected objects, rows and transactions after each step.
//!
//! It tracks exactly what the session has read and when: values changed by another session stay stale in memory
//! until the object is read again, and changing a column that another session changed is refused.

mod endings;
mod flush;
mod pairs;

use std::collections::BTreeSet;

use selfsame::ErrorKind;
use selfsame::session::State;

use super::entities::Kind;
use super::program::{Path, Step, Wanted};
pub(super) use pairs::Pairs;

/// All objects of a program, and two views of the rows: the transaction's and the committed ones.
#[derive(Clone, Debug, Default)]
pub(super) struct Reference {
    pub(super) objects: Vec<Object>,
    pub(super) pairs: Pairs,
    /// Whether a transaction may be open.
    pub(super) in_transaction: bool,
    savepoints: Vec<Savepoint>,
    /// A step was refused in this transaction: it is unknown how much was read before, and so which objects are expired after a rollback.
    pub(super) unsure: bool,
    /// Counts reads and writes, to order them.
    now: usize,
    /// When the transaction began, or the last one ended.
    begun: usize,
}

#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) kind: Kind,
    pub(super) state: State,
    /// Marked as deleted; the next flush deletes it.
    pub(super) marked_deleted: bool,
    /// The values in memory. The owner is the one in the foreign key; a reference that was set is in `link`.
    pub(super) values: Values,
    /// The row as the session last knew it.
    base: Values,
    /// Whether it was written to since the last flush, even with equal values.
    touched: bool,
    /// The owner set since the last flush.
    pub(super) link: Option<Option<usize>>,
    /// Expired: it must be read again at the next use.
    pub(super) expired: bool,
    /// When the session last read or wrote it.
    met: usize,
    /// Inserted in this transaction.
    is_new: bool,
    /// The row as the transaction sees it.
    pub(super) row: Option<Values>,
    pub(super) committed: Option<Values>,
}

/// The values that can be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Values {
    pub(super) number: Option<i32>,
    /// The owner of a task or a note.
    pub(super) owner: Option<usize>,
    /// The version of a task.
    pub(super) version: i64,
}

/// The statements of a flush.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) inserts: bool,
    pub(super) updates: bool,
    pub(super) deletes: bool,
    /// Rows that are read again before they are written.
    pub(super) reads: bool,
}

impl Written {
    pub(super) fn nothing(self) -> bool {
        self == Self::default()
    }
}

/// The possible kinds of the error with which a flush must end.
pub(super) type Refused = BTreeSet<Refusal>;

/// Why a flush must fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Refusal {
    /// A row is gone or has another version, or a changed column was also changed by another session.
    Stale,
    /// The new owner of an object is gone.
    ForeignKey,
}

impl Refusal {
    pub(super) fn kind(self) -> ErrorKind {
        match self {
            Self::Stale => ErrorKind::StaleData,
            Self::ForeignKey => ErrorKind::ForeignKeyViolation,
        }
    }
}

#[derive(Clone, Debug)]
struct Savepoint {
    objects: Vec<Object>,
    pairs: BTreeSet<pairs::Pair>,
    now: usize,
}

impl Object {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            state: State::Pending,
            marked_deleted: false,
            values: Values::default(),
            base: Values::default(),
            touched: false,
            link: None,
            expired: false,
            met: 0,
            is_new: false,
            row: None,
            committed: None,
        }
    }

    /// Returns whether the program may still use it.
    pub(super) fn is_live(&self) -> bool {
        matches!(self.state, State::Pending | State::Persistent) && !self.marked_deleted
    }

    pub(super) fn is_persistent(&self) -> bool {
        self.state == State::Persistent && !self.marked_deleted
    }

    /// Returns its owner according to memory.
    pub(super) fn owner(&self) -> Option<usize> {
        self.link.unwrap_or(self.values.owner)
    }

    /// Returns whether its own columns differ from the last known row.
    pub(super) fn is_modified(&self) -> bool {
        self.state == State::Persistent && self.values != self.base
    }

    fn read(&mut self, row: Values, now: usize) {
        self.values = row;
        self.base = row;
        self.expired = false;
        self.met = now;
    }

    /// Undoes a read.
    pub(super) fn show_as_in(&mut self, before: &Self) {
        self.values = before.values;
        self.base = before.base;
        self.met = before.met;
    }

    /// Drops unflushed changes.
    fn forget_changes(&mut self) {
        self.marked_deleted = false;
        self.touched = false;
        self.link = None;
        self.values = self.base;
    }
}

impl Reference {
    /// Returns the number of open savepoints.
    pub(super) fn depth(&self) -> usize {
        self.savepoints.len()
    }

    /// Returns the kinds that the program has added.
    pub(super) fn kinds(&self) -> BTreeSet<Kind> {
        self.objects.iter().map(|object| object.kind).collect()
    }

    /// Applies a step, and returns what it writes or why it must be refused. After a refused step, the transaction or the innermost
    /// savepoint is rolled back and everything read again.
    pub(super) fn apply(&mut self, step: &Step) -> Result<Written, Refused> {
        let result = self.try_apply(step);
        if result.is_err() {
            self.recover();
        }
        result
    }

    fn try_apply(&mut self, step: &Step) -> Result<Written, Refused> {
        match *step {
            Step::Add { kind, .. } => self.objects.push(Object::new(kind)),
            Step::AddAgain { old, kind, .. } => {
                self.objects[old].state = State::Detached;
                self.objects.push(Object::new(kind));
            }
            Step::SetNumber { object, number, .. } => {
                let object = &mut self.objects[object];
                object.values.number = number;
                object.touched |= object.state == State::Persistent;
            }
            Step::Delete { object, .. } => self.objects[object].marked_deleted = true,
            Step::SetUser { child, user, .. } => self.objects[child].link = Some(user),
            Step::Push { user, child, .. } => self.objects[child].link = Some(Some(user)),
            Step::Remove { child, .. } => self.objects[child].link = Some(None),
            Step::Pair { user, tag, .. } => self.pairs.want((user, tag), Wanted::Together),
            Step::Part { user, tag, .. } => self.pairs.want((user, tag), Wanted::Apart),
            Step::Replace { user, ref tags } => {
                let written = self.load(user, Path::Tags)?;
                let before: Vec<usize> = self.paired(user, Path::Tags).collect();
                for &gone in before.iter().filter(|tag| !tags.contains(tag)) {
                    self.pairs.want((user, gone), Wanted::Apart);
                }
                for &tag in tags {
                    self.pairs.want((user, tag), Wanted::Together);
                }
                return Ok(written);
            }
            Step::Expire { object, .. } => {
                self.forget(object);
                self.objects[object].expired = true;
            }
            Step::Expunge { object, .. } => {
                self.forget(object);
                self.objects[object].state = State::Detached;
            }
            Step::Load { owner, path } => return self.load(owner, path),
            Step::Query { kind } => {
                let written = self.flush()?;
                self.in_transaction = true;
                self.meet(|_, o| o.kind == kind);
                return Ok(written);
            }
            Step::Get { object, .. } if self.objects[object].expired => {
                return self.read_one(object);
            }
            Step::Get { .. } => {}
            Step::Merge { object, number, .. } => return self.merge(object, number),
            Step::Refresh { object, .. } => {
                self.forget(object);
                self.objects[object].expired = true;
                return self.read_one(object);
            }
            Step::Flush => return self.flush(),
            Step::Commit => return self.commit(),
            Step::Rollback => self.rollback(),
            Step::Savepoint => return self.open_savepoint(),
            Step::Release => {
                let written = self.flush()?;
                self.savepoints.pop();
                return Ok(written);
            }
            Step::RollBackTo => self.roll_back_to(),
            Step::OutsideSet { object, number, .. } => {
                self.outside(object, |row| row.number = number);
            }
            Step::OutsideMove { child, user, .. } => self.outside(child, |row| row.owner = user),
            Step::OutsidePair { user, tag, wanted } => self.pairs.outside(|rows| {
                match wanted {
                    Wanted::Together => rows.insert((user, tag)),
                    Wanted::Apart => rows.remove(&(user, tag)),
                };
            }),
            Step::OutsideDelete { object, .. } => self.delete_outside(object),
        }
        Ok(Written::default())
    }

    /// Returns the members that a collection must have if it is loaded now: without those that other sessions moved away, even if memory
    /// does not know this.
    pub(super) fn members(&self, owner: usize, path: Path) -> BTreeSet<usize> {
        match path {
            Path::Tasks | Path::Notes => self.children(owner, path.members()),
            Path::Tags | Path::Users => self
                .paired(owner, path)
                .filter(|&member| self.objects[member].is_live())
                .collect(),
        }
    }

    fn children(&self, user: usize, kind: Kind) -> BTreeSet<usize> {
        let is_child = |o: &Object| {
            let is_stale =
                o.link.is_none() && o.expired && o.row.is_none_or(|row| row.owner != Some(user));
            o.kind == kind && o.is_live() && o.owner() == Some(user) && !is_stale
        };
        let all = self.objects.iter().enumerate();
        all.filter(|(_, o)| is_child(o)).map(|(n, _)| n).collect()
    }

    fn paired(&self, owner: usize, path: Path) -> impl Iterator<Item = usize> {
        self.pairs
            .together()
            .filter_map(move |(user, tag)| match path {
                Path::Users => (tag == owner).then_some(user),
                _ => (user == owner).then_some(tag),
            })
    }

    /// Returns whether an object was given to this user and not flushed yet.
    pub(super) fn is_linked_to(&self, user: usize) -> bool {
        self.objects
            .iter()
            .any(|o| o.is_live() && o.link == Some(Some(user)))
    }

    /// Returns whether the next flush deletes it with its user or as an orphan.
    pub(super) fn is_about_to_go(&self, object: usize) -> bool {
        let object = &self.objects[object];
        let owners = [object.owner(), object.row.and_then(|row| row.owner)];
        let mut owners = owners.into_iter().flatten();
        object.kind == Kind::Note
            && (object.link == Some(None) || owners.any(|user| self.objects[user].marked_deleted))
    }

    /// Drops unflushed changes of an object.
    fn forget(&mut self, object: usize) {
        self.objects[object].forget_changes();
        self.pairs.forget_changes_of(object);
    }

    fn load(&mut self, owner: usize, path: Path) -> Result<Written, Refused> {
        let written = self.flush()?;
        self.in_transaction = true;
        let paired: BTreeSet<usize> = self.paired(owner, path).collect();
        self.meet(|n, o| match path {
            Path::Tasks | Path::Notes => {
                o.kind == path.members() && o.row.is_some_and(|row| row.owner == Some(owner))
            }
            Path::Tags | Path::Users => o.kind == path.members() && paired.contains(&n),
        });
        Ok(written)
    }

    fn merge(&mut self, object: usize, number: Option<i32>) -> Result<Written, Refused> {
        let known = self.objects[object].values.version;
        let written = if self.objects[object].expired {
            self.read_one(object)?
        } else {
            Written::default()
        };
        let object = &mut self.objects[object];
        // A missing row is added, and a row with another version than the value is refused.
        let is_moved = number.is_some() && object.values.version != known;
        if object.state == State::Persistent && !is_moved {
            object.touched |= object.values.number != number;
            object.values.number = number;
        }
        Ok(written)
    }

    fn read_one(&mut self, object: usize) -> Result<Written, Refused> {
        let written = self.flush()?;
        self.in_transaction = true;
        self.now += 1;
        let object = &mut self.objects[object];
        match object.row {
            Some(row) => object.read(row, self.now),
            // Its row is gone, and its key free.
            None => object.state = State::Deleted,
        }
        Ok(written)
    }

    /// Refreshes expired objects whose rows were read.
    fn meet(&mut self, fits: impl Fn(usize, &Object) -> bool) {
        self.now += 1;
        for (n, object) in self.objects.iter_mut().enumerate() {
            if let Some(row) = object.row
                && object.state == State::Persistent
                && object.expired
                && !object.touched
                && fits(n, object)
            {
                object.read(row, self.now);
            }
        }
    }

    fn outside(&mut self, object: usize, change: impl FnOnce(&mut Values)) {
        let object = &mut self.objects[object];
        if let Some(row) = &mut object.committed {
            let before = *row;
            change(row);
            if *row != before {
                row.version += object.kind.first_version();
            }
        }
        object.row = object.committed;
    }

    /// Another session deletes a row and its dependents.
    fn delete_outside(&mut self, object: usize) {
        for child in 0..self.objects.len() {
            let committed = self.objects[child].committed;
            if committed.is_none_or(|row| row.owner != Some(object)) {
                continue;
            }
            if self.objects[child].kind == Kind::Note {
                self.objects[child].committed = None;
                self.objects[child].row = None;
            } else {
                self.outside(child, |row| row.owner = None);
            }
        }
        self.pairs
            .outside(|rows| rows.retain(|&(user, tag)| user != object && tag != object));
        self.objects[object].committed = None;
        self.objects[object].row = None;
    }
}
