//! The model: what objects, rows and transactions must look like after each step.
//!
//! It knows exactly what the session has read and when, so that values which another session changed meanwhile are stale in memory
//! until the object is met, and a change to a column that has moved is refused.

use std::collections::BTreeSet;

use selfsame::ErrorKind;
use selfsame::session::State;

use super::program::Step;

/// All objects of a program, and the two views of the rows: of the transaction and of what is committed.
#[derive(Clone, Debug, Default)]
pub(super) struct Reference {
    pub(super) objects: Vec<Object>,
    /// Whether a transaction may be open.
    pub(super) in_transaction: bool,
    savepoints: Vec<Savepoint>,
    /// A step was refused in this transaction: how much was read before cannot be told, and so what is expired behind a rollback.
    pub(super) unsure: bool,
    /// Counts what is read and written, so that it can be told what came first.
    now: usize,
    /// When the transaction began, or the last one ended.
    begun: usize,
}

#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) is_user: bool,
    pub(super) state: State,
    /// Marked for deletion; the next flush deletes it.
    pub(super) doomed: bool,
    /// What memory shows. The owner is that of the foreign key; a reference that was set is in `link`.
    pub(super) values: Values,
    /// The row as the session last knew it.
    base: Values,
    /// Written to since the last flush, be it with equal values.
    touched: bool,
    /// Whose it was made since the last flush.
    pub(super) link: Option<Option<usize>>,
    /// To be read again when it is next met.
    pub(super) expired: bool,
    /// When the session last read or wrote it.
    met: usize,
    /// Inserted in this transaction.
    is_new: bool,
    /// The row as the transaction sees it.
    pub(super) row: Option<Values>,
    pub(super) committed: Option<Values>,
}

/// What can be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Values {
    pub(super) number: Option<i32>,
    /// Of a task: whose it is.
    pub(super) owner: Option<usize>,
}

/// What a flush sends.
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

/// The kinds of the error that a flush must end with: one of them.
pub(super) type Refused = BTreeSet<Refusal>;

/// Why a flush must fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Refusal {
    /// A row is gone, or a column that was changed has moved.
    Stale,
    /// The user that a task is given to is gone.
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
    now: usize,
}

impl Object {
    fn new(is_user: bool) -> Self {
        Self {
            is_user,
            state: State::Pending,
            doomed: false,
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

    /// Whether a program may go on working with it.
    pub(super) fn is_live(&self) -> bool {
        matches!(self.state, State::Pending | State::Persistent) && !self.doomed
    }

    pub(super) fn is_persistent(&self) -> bool {
        self.state == State::Persistent && !self.doomed
    }

    /// Whose it is, as far as memory knows.
    pub(super) fn owner(&self) -> Option<usize> {
        self.link.unwrap_or(self.values.owner)
    }

    /// Whether its own columns differ from the row as it was last known.
    pub(super) fn is_modified(&self) -> bool {
        self.state == State::Persistent && self.values != self.base
    }

    fn read(&mut self, row: Values, now: usize) {
        self.values = row;
        self.base = row;
        self.expired = false;
        self.met = now;
    }

    /// Drops what was not flushed.
    fn forget_changes(&mut self) {
        self.doomed = false;
        self.touched = false;
        self.link = None;
        self.values = self.base;
    }
}

impl Reference {
    /// How many savepoints are open.
    pub(super) fn depth(&self) -> usize {
        self.savepoints.len()
    }

    /// What the step does: what it writes, or why it must be refused. A refused step has ended the transaction, or the innermost
    /// savepoint, and everything was read again behind it.
    pub(super) fn apply(&mut self, step: &Step) -> Result<Written, Refused> {
        let result = self.try_apply(step);
        if result.is_err() {
            self.recover();
        }
        result
    }

    fn try_apply(&mut self, step: &Step) -> Result<Written, Refused> {
        match *step {
            Step::AddUser(_) => self.objects.push(Object::new(true)),
            Step::AddTask(_) => self.objects.push(Object::new(false)),
            Step::AddAgain { old, is_user, .. } => {
                self.objects[old].state = State::Detached;
                self.objects.push(Object::new(is_user));
            }
            Step::SetNumber { object, number, .. } => {
                let object = &mut self.objects[object];
                object.values.number = number;
                object.touched |= object.state == State::Persistent;
            }
            Step::Delete { object, .. } => self.objects[object].doomed = true,
            Step::SetUser { task, user } => self.objects[task].link = Some(user),
            Step::Push { user, task } => self.objects[task].link = Some(Some(user)),
            Step::Remove { task, .. } => self.objects[task].link = Some(None),
            Step::Expire { object, .. } => {
                self.objects[object].forget_changes();
                self.objects[object].expired = true;
            }
            Step::Expunge { object, .. } => {
                self.objects[object].forget_changes();
                self.objects[object].state = State::Detached;
            }
            Step::Load(user) => {
                let written = self.flush()?;
                self.in_transaction = true;
                self.meet(|o| !o.is_user && o.row.is_some_and(|row| row.owner == Some(user)));
                return Ok(written);
            }
            Step::Query { users } => {
                let written = self.flush()?;
                self.in_transaction = true;
                self.meet(|o| o.is_user == users);
                return Ok(written);
            }
            Step::Get { object, .. } if self.objects[object].expired => {
                return self.read_one(object);
            }
            Step::Get { .. } => {}
            Step::Merge { object, number, .. } => {
                let written = if self.objects[object].expired {
                    self.read_one(object)?
                } else {
                    Written::default()
                };
                let object = &mut self.objects[object];
                // What is still expired is gone.
                if !object.expired {
                    object.touched |= object.values.number != number;
                    object.values.number = number;
                }
                return Ok(written);
            }
            Step::Refresh { object, .. } => {
                self.objects[object].forget_changes();
                self.objects[object].expired = true;
                return self.read_one(object);
            }
            Step::Flush => return self.flush(),
            Step::Commit => return self.commit(),
            Step::Rollback => self.rollback(),
            Step::Savepoint => {
                let written = self.flush()?;
                self.in_transaction = true;
                self.now += 1;
                self.savepoints.push(Savepoint {
                    objects: self.objects.clone(),
                    now: self.now,
                });
                return Ok(written);
            }
            Step::Release => {
                let written = self.flush()?;
                self.savepoints.pop();
                return Ok(written);
            }
            Step::RollBackTo => self.roll_back_to(),
            Step::OutsideSet { object, number, .. } => {
                self.outside(object, |row| row.number = number);
            }
            Step::OutsideMove { task, user } => self.outside(task, |row| row.owner = user),
            Step::OutsideDelete { object, is_user } => {
                if is_user {
                    for task in 0..self.objects.len() {
                        if self.objects[task]
                            .committed
                            .is_some_and(|row| row.owner == Some(object))
                        {
                            self.outside(task, |row| row.owner = None);
                        }
                    }
                }
                self.objects[object].committed = None;
                self.objects[object].row = None;
            }
        }
        Ok(Written::default())
    }

    /// The tasks of a user, as its collection must list them if it is loaded: what was moved away by others is not among them, even
    /// if memory does not know it yet.
    pub(super) fn tasks_of(&self, user: usize) -> impl Iterator<Item = usize> {
        self.objects
            .iter()
            .enumerate()
            .filter(move |(_, o)| {
                let is_stale = o.link.is_none()
                    && o.expired
                    && o.row.is_none_or(|row| row.owner != Some(user));
                o.is_live() && o.owner() == Some(user) && !is_stale
            })
            .map(|(n, _)| n)
    }

    /// Whether a task was made this user's and not flushed.
    pub(super) fn is_linked_to(&self, user: usize) -> bool {
        self.objects
            .iter()
            .any(|o| o.is_live() && o.link == Some(Some(user)))
    }

    fn read_one(&mut self, object: usize) -> Result<Written, Refused> {
        let written = self.flush()?;
        self.in_transaction = true;
        self.now += 1;
        if let Some(row) = self.objects[object].row {
            self.objects[object].read(row, self.now);
        }
        Ok(written)
    }

    /// Rows were read: expired objects among them are filled.
    fn meet(&mut self, fits: impl Fn(&Object) -> bool) {
        self.now += 1;
        for object in &mut self.objects {
            if let Some(row) = object.row
                && object.state == State::Persistent
                && object.expired
                && !object.touched
                && fits(object)
            {
                object.read(row, self.now);
            }
        }
    }

    fn outside(&mut self, object: usize, change: impl FnOnce(&mut Values)) {
        let object = &mut self.objects[object];
        if let Some(row) = &mut object.committed {
            change(row);
        }
        object.row = object.committed;
    }

    fn flush(&mut self) -> Result<Written, Refused> {
        let mut refused = Refused::new();
        let mut written = Written::default();
        self.read_what_is_written(&mut written, &mut refused);
        self.let_go_of_tasks(&mut written);
        // What was let go of may be expired too.
        self.read_what_is_written(&mut written, &mut refused);
        for object in self.objects.iter_mut().filter(|o| o.is_live()) {
            if let Some(owner) = object.link.take() {
                object.values.owner = owner;
            }
        }
        for n in 0..self.objects.len() {
            let object = &self.objects[n];
            let is_written = match object.state {
                State::Pending => true,
                State::Persistent => !object.doomed && object.values != object.base,
                _ => false,
            };
            let owner = object.values.owner.filter(|_| is_written);
            let moved = object.state == State::Pending || object.values.owner != object.base.owner;
            let is_there = |user: usize| {
                let user = &self.objects[user];
                user.row.is_some() || user.state == State::Pending
            };
            if moved && owner.is_some_and(|user| !is_there(user)) {
                refused.insert(Refusal::ForeignKey);
            }
            if object.state == State::Persistent && object.doomed && object.row.is_none() {
                refused.insert(Refusal::Stale);
            }
        }
        if !refused.is_empty() {
            return Err(refused);
        }
        self.write(&mut written);
        self.in_transaction |= !written.nothing();
        Ok(written)
    }

    /// What was written to while it was expired is read again, and the changes laid over it.
    fn read_what_is_written(&mut self, written: &mut Written, refused: &mut Refused) {
        self.now += 1;
        for object in self
            .objects
            .iter_mut()
            .filter(|o| o.state == State::Persistent && o.expired)
        {
            // What is to be deleted is not written: the cascades may read it as if nothing had been.
            if object.doomed {
                object.values = object.base;
                object.touched = false;
                continue;
            }
            if object.values == object.base && object.link.is_none() {
                object.touched = false;
                continue;
            }
            written.reads = true;
            let Some(row) = object.row else {
                refused.insert(Refusal::Stale);
                continue;
            };
            let (mine, base) = (object.values, object.base);
            object.read(row, self.now);
            if mine.number != base.number {
                object.values.number = mine.number;
                if row.number != base.number {
                    refused.insert(Refusal::Stale);
                }
            }
            if object.link.is_some() && row.owner != base.owner {
                refused.insert(Refusal::Stale);
            }
        }
    }

    /// The tasks of users that are to be deleted are read and lose their owner.
    fn let_go_of_tasks(&mut self, written: &mut Written) {
        for user in 0..self.objects.len() {
            if !(self.objects[user].is_user && self.objects[user].doomed) {
                continue;
            }
            written.reads = true;
            self.now += 1;
            let now = self.now;
            for task in &mut self.objects {
                let row = task.row.filter(|row| row.owner == Some(user));
                if let Some(row) = row
                    && task.state == State::Persistent
                    && task.expired
                    && !task.touched
                {
                    task.read(row, now);
                }
                let is_known_elsewhere = task.link.is_none() && task.expired && row.is_none();
                if task.is_live() && task.owner() == Some(user) && !is_known_elsewhere {
                    task.link = Some(None);
                }
                // The row of a task that has left the session is found by its foreign key.
                if task.state == State::Detached
                    && let Some(row) = task.row.as_mut().filter(|row| row.owner == Some(user))
                {
                    written.updates = true;
                    row.owner = None;
                }
            }
        }
    }

    fn write(&mut self, written: &mut Written) {
        self.now += 1;
        for object in &mut self.objects {
            object.touched = false;
            match object.state {
                State::Persistent if object.doomed => {
                    written.deletes = true;
                    object.forget_changes();
                    object.state = State::Deleted;
                    object.expired = true;
                    object.row = None;
                }
                State::Pending => {
                    written.inserts = true;
                    object.state = State::Persistent;
                    object.is_new = true;
                    object.row = Some(object.values);
                    object.read(object.values, self.now);
                }
                State::Persistent if object.values != object.base => {
                    written.updates = true;
                    object.row = Some(object.values);
                    object.read(object.values, self.now);
                }
                _ => {}
            }
        }
    }

    fn commit(&mut self) -> Result<Written, Refused> {
        let written = self.flush()?;
        self.end_transaction();
        for object in &mut self.objects {
            object.committed = object.row;
            object.is_new = false;
            object.expired = true;
            if object.state == State::Deleted {
                object.state = State::Detached;
            }
        }
        Ok(written)
    }

    fn rollback(&mut self) {
        let begun = self.begun;
        self.end_transaction();
        for object in &mut self.objects {
            object.forget_changes();
            object.row = object.committed;
            object.expired = true;
            let was_new = std::mem::take(&mut object.is_new);
            match object.state {
                State::Detached | State::Transient => {}
                State::Pending => object.state = State::Transient,
                _ if was_new => object.state = State::Transient,
                _ => {
                    object.state = State::Persistent;
                    if let Some(row) = object.committed.filter(|_| object.met > begun) {
                        object.values = row;
                        object.base = row;
                    }
                }
            }
        }
    }

    fn end_transaction(&mut self) {
        self.in_transaction = false;
        self.unsure = false;
        self.now += 1;
        self.begun = self.now;
    }

    fn roll_back_to(&mut self) {
        let Some(savepoint) = self.savepoints.pop() else {
            return;
        };
        for (n, object) in self.objects.iter_mut().enumerate() {
            object.forget_changes();
            let Some(before) = savepoint.objects.get(n) else {
                object.row = None;
                object.is_new = false;
                if object.state != State::Detached {
                    object.state = State::Transient;
                }
                continue;
            };
            object.row = before.row;
            object.is_new = before.is_new;
            if object.state == State::Detached {
                continue;
            }
            object.state = before.state;
            object.values = before.values;
            if object.met > savepoint.now {
                object.expired = true;
                if let Some(row) = before.row {
                    object.values = row;
                }
            }
            object.base = object.values;
        }
    }

    /// Behind a refusal: the transaction, or the innermost savepoint, is rolled back. How much was read before the refusal cannot be
    /// told, so everything is read again.
    fn recover(&mut self) {
        if self.savepoints.is_empty() {
            self.rollback();
        } else {
            self.roll_back_to();
        }
        self.in_transaction = true;
        self.unsure = true;
        for object in &mut self.objects {
            object.expired = true;
        }
        self.meet(|_| true);
    }
}
