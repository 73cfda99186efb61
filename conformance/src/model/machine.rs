//! Runs a program on a session, and compares it with the model after each step.

use std::collections::BTreeSet;

use selfsame::prelude::*;

use super::program::{Step, Wish, name_of, title_of};
use super::reference::{Knowledge, Reference};
use crate::case::{CaseResult, Failure};
use crate::world::{Sent, Task, User, World};

pub(super) struct Machine<'w> {
    world: &'w World,
    session: Session,
    reference: Reference,
    handles: Vec<Object>,
}

/// An object of the program in the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Object {
    User(Handle<User>),
    Task(Handle<Task>),
}

/// A row, comparable: who it is, what it holds, whose it is.
type Row = (bool, Option<i64>, String, Option<i32>, Option<i64>);

impl<'w> Machine<'w> {
    pub(super) fn new(world: &'w World) -> Self {
        Self {
            world,
            session: world.session(),
            reference: Reference::default(),
            handles: Vec::new(),
        }
    }

    pub(super) fn run(mut self, wishes: &[Wish]) -> CaseResult {
        self.world.sent();
        for wish in wishes {
            let Some(step) = self.reference.resolve(wish) else {
                continue;
            };
            let before = self.reference.clone();
            self.step(&step).map_err(|failure| named(failure, &step))?;
            self.reference.apply(&step);
            self.compare_memory()
                .and_then(|()| self.compare_rows(&step))
                .and_then(|()| self.check_again(&step, &before))
                .map_err(|failure| named(failure, &step))?;
        }
        Ok(())
    }

    /// Does the step and checks what it sent.
    fn step(&mut self, step: &Step) -> CaseResult {
        let session = &mut self.session;
        match *step {
            Step::AddUser(n) => {
                let handle = session.add(User::new(name_of(n, true)));
                self.handles.push(Object::User(handle));
            }
            Step::AddTask(n) => {
                let handle = session.add(Task::new(name_of(n, false)));
                self.handles.push(Object::Task(handle));
            }
            Step::AddAgain { old, new, .. } => {
                let again = match self.handles[old] {
                    Object::User(handle) => {
                        let taken = session.take(handle)?;
                        check_eq!(
                            taken.name,
                            name_of(old, true),
                            "a transient object must keep its values"
                        );
                        Object::User(session.add(User::new(name_of(new, true))))
                    }
                    Object::Task(handle) => {
                        session.take(handle)?;
                        Object::Task(session.add(Task::new(name_of(new, false))))
                    }
                };
                self.handles.push(again);
            }
            Step::SetNumber { object, number, .. } => match self.handles[object] {
                Object::User(handle) => session[handle].age = number,
                Object::Task(handle) => session[handle].title = title_of(object, number),
            },
            Step::Delete { object, .. } => match self.handles[object] {
                Object::User(handle) => session.delete(handle)?,
                Object::Task(handle) => session.delete(handle)?,
            },
            Step::SetUser { task, user } => {
                let (task, user) = (
                    self.task(task)?,
                    user.map(|user| self.user(user)).transpose()?,
                );
                self.session.set(task, Task::USER, user)?;
            }
            Step::Push { user, task } => {
                let (user, task) = (self.user(user)?, self.task(task)?);
                self.session.push(user, User::TASKS, task)?;
            }
            Step::Remove { user, task } => {
                let (user, task) = (self.user(user)?, self.task(task)?);
                self.session.remove(user, User::TASKS, task)?;
            }
            Step::Load(user) => return self.load(user),
            Step::Get { object, flush, .. } => return self.get(object, flush),
            Step::Flush => return self.flush(),
            Step::Commit => return self.commit(),
            Step::Rollback => {
                self.session.rollback()?;
                self.world.sent();
                return Ok(());
            }
        }
        check_eq!(self.world.sent(), Sent::NOTHING, "it must send nothing");
        Ok(())
    }

    fn load(&mut self, user: usize) -> CaseResult {
        self.flush()?;
        let mut after = self.reference.clone();
        after.apply(&Step::Flush);
        let handle = self.user(user)?;
        // A deleted task stays in a collection that was loaded before, until the commit; so do SQLAlchemy's.
        let found: BTreeSet<Option<i64>> = self
            .session
            .load(handle, User::TASKS)?
            .into_iter()
            .filter(|&task| self.session.state(task) == State::Persistent)
            .map(|task| self.session[task].id.get().copied())
            .collect();
        let mut wanted = BTreeSet::new();
        for task in after.tasks_of(user) {
            wanted.insert(self.key(task));
        }
        check_eq!(found, wanted, "the collection must hold the user's tasks");
        self.world.sent();
        self.session.load(handle, User::TASKS)?;
        check_eq!(
            self.world.sent(),
            Sent::NOTHING,
            "a loaded collection must cost nothing"
        );
        Ok(())
    }

    fn get(&mut self, object: usize, flush: bool) -> CaseResult {
        if flush {
            self.flush()?;
        }
        let mut known = self.reference.clone();
        if flush {
            known.apply(&Step::Flush);
        }
        let Some(key) = self.key(object) else {
            check!(false, "a persistent object must have its key");
            return Ok(());
        };
        let found = match self.handles[object] {
            Object::User(_) => self.session.get::<User>(key)?.map(Object::User),
            Object::Task(_) => self.session.get::<Task>(key)?.map(Object::Task),
        };
        check_eq!(
            found,
            Some(self.handles[object]),
            "`get` must give the object's own handle"
        );
        let sent = self.world.sent();
        match known.objects[object].knowledge {
            Knowledge::Fresh => check_eq!(
                sent,
                Sent::NOTHING,
                "`get` of a mapped row must send nothing"
            ),
            Knowledge::Expired => check_eq!(
                sent.rows(),
                1,
                "`get` of an expired row must send one SELECT"
            ),
            Knowledge::Either => check!(
                sent.rows() <= 1,
                "`get` must send at most one SELECT, sent {sent:?}"
            ),
        }
        Ok(())
    }

    fn flush(&mut self) -> CaseResult {
        self.session.flush()?;
        self.check_sent()
    }

    fn commit(&mut self) -> CaseResult {
        let nothing = !self.reference.has_changes() && !self.reference.in_transaction;
        self.session.commit()?;
        if nothing {
            check_eq!(
                self.world.sent(),
                Sent::NOTHING,
                "a commit with nothing to do must send nothing"
            );
            return Ok(());
        }
        self.check_sent()
    }

    /// Checks that a flush wrote what had changed and nothing else.
    fn check_sent(&self) -> CaseResult {
        let sent = self.world.sent();
        let settled = self.reference.settled();
        let any = |fits: fn(&super::reference::Object) -> bool| settled.objects.iter().any(fits);
        let pending = any(|o| o.state == State::Pending);
        let doomed = any(|o| o.doomed);
        let dirty = any(super::reference::Object::is_dirty);
        check_eq!(
            sent.insert > 0,
            pending,
            "INSERTs must be sent for pending objects alone, sent {sent:?}"
        );
        check_eq!(
            sent.delete > 0,
            doomed,
            "DELETEs must be sent for deleted objects alone, sent {sent:?}"
        );
        // A deleted task of a deleted user may be let go first.
        check!(
            if dirty {
                sent.update > 0
            } else {
                sent.update == 0 || doomed
            },
            "UPDATEs must be sent for changed objects alone, sent {sent:?}"
        );
        Ok(())
    }

    /// Compares states, values and known collections, without a statement.
    fn compare_memory(&self) -> CaseResult {
        for (n, object) in self.reference.objects.iter().enumerate() {
            let who = name_of(n, object.is_user);
            let state = match self.handles[n] {
                Object::User(handle) => self.session.state(handle),
                Object::Task(handle) => self.session.state(handle),
            };
            check_eq!(state, object.state, "the state of {who}");
            if !object.is_live() {
                continue;
            }
            match self.handles[n] {
                Object::User(handle) => {
                    check_eq!(
                        self.session[handle].age,
                        object.values.number,
                        "the age of {who}"
                    );
                    self.compare_collection(n, handle)?;
                }
                Object::Task(handle) => {
                    let title = title_of(n, object.values.number);
                    check_eq!(self.session[handle].title, title, "the title of {who}");
                }
            }
        }
        check_eq!(
            self.world.sent(),
            Sent::NOTHING,
            "reading values and states must send nothing"
        );
        Ok(())
    }

    fn compare_collection(&self, user: usize, handle: Handle<User>) -> CaseResult {
        let Some(tasks) = self.session.loaded(handle, User::TASKS)? else {
            return Ok(());
        };
        let position =
            |task: &Handle<Task>| self.handles.iter().position(|o| *o == Object::Task(*task));
        let found: BTreeSet<usize> = tasks
            .iter()
            .filter_map(position)
            .filter(|&task| self.reference.objects[task].is_live())
            .collect();
        let wanted: BTreeSet<usize> = self.reference.tasks_of(user).collect();
        check_eq!(found, wanted, "the known tasks of user {user}");
        Ok(())
    }

    /// After a step that wrote: compares all rows, in the transaction or, behind its end, from another session.
    fn compare_rows(&mut self, step: &Step) -> CaseResult {
        let (users, tasks) = match step {
            Step::Flush => (
                User::query().rows(&mut self.session)?,
                Task::query().rows(&mut self.session)?,
            ),
            Step::Commit | Step::Rollback => (self.world.users()?, self.world.tasks()?),
            _ => return Ok(()),
        };
        if matches!(step, Step::Flush) {
            self.reference.in_transaction = true;
            self.world.sent();
        }
        let mut found: BTreeSet<Row> = BTreeSet::new();
        for user in users {
            found.insert((true, user.id.get().copied(), user.name, user.age, None));
        }
        for task in tasks {
            found.insert((
                false,
                task.id.get().copied(),
                task.title,
                None,
                task.user_id,
            ));
        }
        let mut wanted: BTreeSet<Row> = BTreeSet::new();
        for (n, object) in self.reference.objects.iter().enumerate() {
            let Some(row) = object.row else { continue };
            let key = self.key(n);
            wanted.insert(if object.is_user {
                (true, key, name_of(n, true), row.number, None)
            } else {
                let owner = row.owner.and_then(|user| self.key(user));
                (false, key, title_of(n, row.number), None, owner)
            });
        }
        check_eq!(found, wanted, "the rows in the database");
        Ok(())
    }

    /// A flush right behind another, or behind a rollback, has nothing to send.
    fn check_again(&mut self, step: &Step, before: &Reference) -> CaseResult {
        if matches!(step, Step::Flush | Step::Rollback) && !before.objects.is_empty() {
            self.session.flush()?;
            check_eq!(
                self.world.sent(),
                Sent::NOTHING,
                "a flush right behind it must send nothing"
            );
        }
        Ok(())
    }

    fn key(&self, object: usize) -> Option<i64> {
        match self.handles[object] {
            Object::User(handle) => self.session.try_ref(handle).ok()?.id.get().copied(),
            Object::Task(handle) => self.session.try_ref(handle).ok()?.id.get().copied(),
        }
    }

    fn user(&self, object: usize) -> CaseResult<Handle<User>> {
        match self.handles[object] {
            Object::User(handle) => Ok(handle),
            Object::Task(_) => Err(Failure::Skipped(
                "the model names a task as a user".to_owned(),
            )),
        }
    }

    fn task(&self, object: usize) -> CaseResult<Handle<Task>> {
        match self.handles[object] {
            Object::Task(handle) => Ok(handle),
            Object::User(_) => Err(Failure::Skipped(
                "the model names a user as a task".to_owned(),
            )),
        }
    }
}

/// Says which step an assertion was about.
fn named(failure: Failure, step: &Step) -> Failure {
    match failure {
        Failure::Assertion(message) => Failure::Assertion(format!("{}: {message}", step.name())),
        other => other,
    }
}
