//! The model: what objects, rows and transactions must look like after each step.

use selfsame::session::State;

use super::program::{Step, Wish};

/// All objects of a program, and the two views of the rows: of the transaction and of what is committed.
#[derive(Clone, Debug, Default)]
pub(super) struct Reference {
    pub(super) objects: Vec<Object>,
    /// Whether a transaction may be open.
    pub(super) in_transaction: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) is_user: bool,
    pub(super) state: State,
    /// Marked for deletion; the next flush deletes it.
    pub(super) doomed: bool,
    pub(super) values: Values,
    /// The row as the transaction sees it.
    pub(super) row: Option<Values>,
    committed: Option<Values>,
    pub(super) knowledge: Knowledge,
}

/// What can be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Values {
    pub(super) number: Option<i32>,
    /// Of a task: whose it is.
    pub(super) owner: Option<usize>,
}

/// Whether the session must read an object again when it meets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Knowledge {
    Fresh,
    Expired,
    /// It depends on what else was read or written.
    Either,
}

impl Object {
    fn new(is_user: bool) -> Self {
        Self {
            is_user,
            state: State::Pending,
            doomed: false,
            values: Values::default(),
            row: None,
            committed: None,
            knowledge: Knowledge::Fresh,
        }
    }

    /// Whether a program may go on working with it.
    pub(super) fn is_live(&self) -> bool {
        matches!(self.state, State::Pending | State::Persistent) && !self.doomed
    }

    pub(super) fn is_dirty(&self) -> bool {
        self.state == State::Persistent && !self.doomed && self.row != Some(self.values)
    }
}

impl Reference {
    /// The step that a wish comes to, if there is an object for it.
    pub(super) fn resolve(&self, wish: &Wish) -> Option<Step> {
        let live = |is_user: bool| move |_: usize, o: &Object| o.is_user == is_user && o.is_live();
        Some(match *wish {
            Wish::AddUser => Step::AddUser(self.objects.len()),
            Wish::AddTask => Step::AddTask(self.objects.len()),
            Wish::AddAgain(which) => {
                let old = self.pick(which, |_, o| o.state == State::Transient)?;
                Step::AddAgain {
                    old,
                    new: self.objects.len(),
                    is_user: self.objects[old].is_user,
                }
            }
            Wish::SetNumber(which, number) => {
                let object = self.pick(which, |_, o| o.is_live())?;
                Step::SetNumber {
                    object,
                    is_user: self.objects[object].is_user,
                    number,
                }
            }
            Wish::Delete(which) => {
                let object = self.pick(which, |n, o| {
                    o.is_live() && o.state == State::Persistent && !self.has_pending_task(n)
                })?;
                Step::Delete {
                    object,
                    is_user: self.objects[object].is_user,
                }
            }
            Wish::SetUser(task, user) => Step::SetUser {
                task: self.pick(task, live(false))?,
                user: match user {
                    None => None,
                    Some(user) => Some(self.pick(user, live(true))?),
                },
            },
            Wish::Push(user, task) => Step::Push {
                user: self.pick(user, live(true))?,
                task: self.pick(task, live(false))?,
            },
            Wish::Remove(which) => {
                let task = self.pick(which, |_, o| {
                    o.is_live()
                        && o.values
                            .owner
                            .is_some_and(|user| self.objects[user].is_live())
                })?;
                Step::Remove {
                    user: self.objects[task].values.owner?,
                    task,
                }
            }
            Wish::Load(which) => Step::Load(self.pick(which, live(true))?),
            Wish::Get(which) => {
                let object =
                    self.pick(which, |_, o| o.is_live() && o.state == State::Persistent)?;
                Step::Get {
                    object,
                    is_user: self.objects[object].is_user,
                    flush: self.objects[object].knowledge != Knowledge::Fresh,
                }
            }
            Wish::Flush => Step::Flush,
            Wish::Commit => Step::Commit,
            Wish::Rollback => Step::Rollback,
        })
    }

    /// What the step does.
    pub(super) fn apply(&mut self, step: &Step) {
        match *step {
            Step::AddUser(_) => self.objects.push(Object::new(true)),
            Step::AddTask(_) => self.objects.push(Object::new(false)),
            Step::AddAgain { old, is_user, .. } => {
                self.objects[old].state = State::Detached;
                self.objects.push(Object::new(is_user));
            }
            Step::SetNumber { object, number, .. } => self.objects[object].values.number = number,
            Step::Delete { object, .. } => self.objects[object].doomed = true,
            Step::SetUser { task, user } => self.objects[task].values.owner = user,
            Step::Push { user, task } => self.objects[task].values.owner = Some(user),
            Step::Remove { task, .. } => self.objects[task].values.owner = None,
            Step::Load(_) => {
                self.flush();
                self.in_transaction = true;
                for object in &mut self.objects {
                    if object.knowledge == Knowledge::Expired {
                        object.knowledge = Knowledge::Either;
                    }
                }
            }
            Step::Get { object, flush, .. } => {
                if flush {
                    self.flush();
                    self.in_transaction = true;
                }
                self.objects[object].knowledge = Knowledge::Fresh;
            }
            Step::Flush => self.flush(),
            Step::Commit => self.commit(),
            Step::Rollback => self.rollback(),
        }
    }

    /// Whether a flush has something to send.
    pub(super) fn has_changes(&self) -> bool {
        self.objects
            .iter()
            .any(|o| o.state == State::Pending || o.doomed || o.is_dirty())
    }

    /// The tasks of a user, as its collection must list them.
    pub(super) fn tasks_of(&self, user: usize) -> impl Iterator<Item = usize> {
        self.objects
            .iter()
            .enumerate()
            .filter(move |(_, o)| o.is_live() && o.values.owner == Some(user))
            .map(|(n, _)| n)
    }

    /// What the flush will write, once the tasks of deleted users are let go.
    pub(super) fn settled(&self) -> Self {
        let mut settled = self.clone();
        for task in 0..settled.objects.len() {
            let owner = settled.objects[task].values.owner;
            if owner.is_some_and(|user| settled.objects[user].doomed) {
                settled.objects[task].values.owner = None;
            }
        }
        settled
    }

    fn has_pending_task(&self, user: usize) -> bool {
        self.objects
            .iter()
            .any(|o| o.state == State::Pending && o.values.owner == Some(user))
    }

    fn pick(&self, which: usize, fits: impl Fn(usize, &Object) -> bool) -> Option<usize> {
        let fitting: Vec<usize> = self
            .objects
            .iter()
            .enumerate()
            .filter(|(n, o)| fits(*n, o))
            .map(|(n, _)| n)
            .collect();
        fitting.get(which % fitting.len().max(1)).copied()
    }

    fn flush(&mut self) {
        if !self.has_changes() {
            return;
        }
        self.in_transaction = true;
        *self = self.settled();
        for object in &mut self.objects {
            if object.is_dirty() || object.knowledge == Knowledge::Expired {
                object.knowledge = Knowledge::Either;
            }
            match object.state {
                State::Persistent if object.doomed => {
                    object.state = State::Deleted;
                    object.doomed = false;
                    object.row = None;
                }
                State::Pending | State::Persistent => {
                    object.state = State::Persistent;
                    object.row = Some(object.values);
                }
                _ => {}
            }
        }
    }

    fn commit(&mut self) {
        self.flush();
        self.in_transaction = false;
        for object in &mut self.objects {
            object.committed = object.row;
            match object.state {
                State::Deleted => object.state = State::Detached,
                State::Persistent => object.knowledge = Knowledge::Expired,
                _ => {}
            }
        }
    }

    fn rollback(&mut self) {
        self.in_transaction = false;
        for object in &mut self.objects {
            object.doomed = false;
            object.row = object.committed;
            match (object.state, object.committed) {
                (State::Detached | State::Transient, _) => {}
                (_, Some(values)) => {
                    object.state = State::Persistent;
                    object.values = values;
                    object.knowledge = Knowledge::Expired;
                }
                (_, None) => object.state = State::Transient,
            }
        }
    }
}
