//! Runs a program on a session, and compares it with the model after each step.

use std::collections::BTreeSet;
use std::slice;

use selfsame::prelude::*;
use selfsame::{Error, ErrorKind};

use super::program::{Step, Wish, name_of, title_of};
use super::reference::{Reference, Refused, Written};
use crate::case::{CaseResult, Failure};
use crate::world::{Sent, Task, User, World};

pub(super) struct Machine<'w> {
    world: &'w World,
    /// Changes rows between the transactions of the session under test.
    other: Session,
    reference: Reference,
    handles: Vec<Object>,
    /// The keys of the objects that have been inserted.
    keys: Vec<Option<i64>>,
}

/// An object of the program in the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Object {
    User(Handle<User>),
    Task(Handle<Task>),
}

/// How the steps inside a savepoint ended.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Ended {
    Released,
    RolledBack,
    /// A step was refused, as it had to be.
    Refused,
}

/// A row, comparable: who it is, what it holds, whose it is.
type Row = (bool, Option<i64>, String, Option<i32>, Option<i64>);

impl<'w> Machine<'w> {
    pub(super) fn new(world: &'w World) -> Self {
        Self {
            world,
            other: world.session(),
            reference: Reference::default(),
            handles: Vec::new(),
            keys: Vec::new(),
        }
    }

    pub(super) fn run(mut self, wishes: &[Wish]) -> CaseResult {
        self.world.sent();
        let mut session = self.world.session();
        self.steps(&mut session, &mut wishes.iter()).map(drop)
    }

    /// Does steps until the wishes are over, or the savepoint that they are in.
    fn steps(
        &mut self,
        session: &mut Session,
        wishes: &mut slice::Iter<'_, Wish>,
    ) -> CaseResult<Ended> {
        while let Some(wish) = wishes.next() {
            let Some(step) = self.reference.resolve(wish) else {
                continue;
            };
            match step {
                Step::Release => return Ok(Ended::Released),
                Step::RollBackTo => return Ok(Ended::RolledBack),
                _ => {}
            }
            let is_inside = self.reference.depth() > 0;
            let refused = match step {
                Step::Savepoint => self.savepoint(session, wishes),
                _ => self.step(session, &step),
            };
            let refused = refused.map_err(|failure| named(failure, &step))?;
            if refused && is_inside {
                return Ok(Ended::Refused);
            }
        }
        Ok(Ended::RolledBack)
    }

    /// Does one step and compares; whether it was refused, as it had to be.
    fn step(&mut self, session: &mut Session, step: &Step) -> CaseResult<bool> {
        let before = self.reference.clone();
        let expected = self.reference.apply(step);
        let result = self.act(session, step, &before, &expected)?;
        match (result, expected) {
            (Ok(()), Ok(written)) => {
                self.compare(session, step, written)?;
                Ok(false)
            }
            (result, Err(refused)) => {
                self.refused(result, &refused)?;
                // Inside a savepoint the closure's error rolls back.
                if before.depth() == 0 {
                    self.roll_back(session)?;
                }
                Ok(true)
            }
            (Err(error), Ok(_)) => Err(unexpected(&error)),
        }
    }

    /// A savepoint with the steps inside it; whether the flush that opens it was refused.
    fn savepoint(
        &mut self,
        session: &mut Session,
        wishes: &mut slice::Iter<'_, Wish>,
    ) -> CaseResult<bool> {
        let before = self.reference.clone();
        if let Err(refused) = self.reference.apply(&Step::Savepoint) {
            let result = session.savepoint(|_| Ok(()));
            self.refused(result, &refused)?;
            if before.depth() == 0 {
                self.roll_back(session)?;
            }
            return Ok(true);
        }
        let mut inside = Ok(Ended::RolledBack);
        let result = session.savepoint(|session| {
            self.world.sent();
            inside = self
                .compare(session, &Step::Savepoint, Written::default())
                .and_then(|()| self.steps(session, wishes));
            match inside {
                Ok(Ended::Released) => Ok(()),
                _ => Err(Error::new(ErrorKind::Validation, "stop")),
            }
        });
        match inside? {
            Ended::Released => match self.reference.apply(&Step::Release) {
                Ok(_) => {
                    result.map_err(|error| unexpected(&error))?;
                    self.world.sent();
                    self.compare(session, &Step::Release, Written::default())?;
                    return Ok(false);
                }
                Err(refused) => self.refused(result, &refused)?,
            },
            Ended::RolledBack => {
                check!(result.is_err(), "the error of the closure must come back");
                let _ = self.reference.apply(&Step::RollBackTo);
                self.world.sent();
                if self.reference.unsure {
                    self.learn_expired(session)?;
                }
                self.compare(session, &Step::RollBackTo, Written::default())?;
                return Ok(false);
            }
            Ended::Refused => {
                check!(result.is_err(), "the error of the closure must come back");
            }
        }
        self.read_all(session)?;
        Ok(false)
    }

    /// A step was to be refused.
    fn refused(&self, result: selfsame::Result<()>, refused: &Refused) -> CaseResult {
        let kinds: Vec<ErrorKind> = refused.iter().map(|refusal| refusal.kind()).collect();
        let found = result.map_err(|error| error.kind());
        check!(
            matches!(&found, Err(kind) if kinds.contains(kind)),
            "it must be refused with {kinds:?}, gave {found:?}"
        );
        Ok(())
    }

    /// Behind a refused step: nothing can be done before the rollback; then everything is read again.
    fn roll_back(&mut self, session: &mut Session) -> CaseResult {
        let waits = User::query().count(session).map_err(|error| error.kind());
        check_eq!(
            waits,
            Err(ErrorKind::PendingRollback),
            "behind a failed flush the session must wait for a rollback"
        );
        session.rollback()?;
        self.read_all(session)
    }

    fn read_all(&mut self, session: &mut Session) -> CaseResult {
        User::query().all(session)?;
        Task::query().all(session)?;
        self.world.sent();
        self.compare_memory(session)?;
        self.compare_rows(session, &Step::Flush)
    }

    /// Does what a step says. What the step must write is checked, if it is not to be refused.
    fn act(
        &mut self,
        session: &mut Session,
        step: &Step,
        before: &Reference,
        expected: &Result<Written, Refused>,
    ) -> CaseResult<selfsame::Result<()>> {
        match *step {
            Step::AddUser(n) => {
                let handle = session.add(User::new(name_of(n, true)));
                self.added(Object::User(handle));
            }
            Step::AddTask(n) => {
                let handle = session.add(Task::new(name_of(n, false)));
                self.added(Object::Task(handle));
            }
            Step::AddAgain { old, new, .. } => self.add_again(session, old, new)?,
            Step::SetNumber { object, number, .. } => match self.handles[object] {
                Object::User(handle) => session[handle].age = number,
                Object::Task(handle) => session[handle].title = title_of(object, number),
            },
            Step::Delete { object, .. } => match self.handles[object] {
                Object::User(handle) => session.delete(handle)?,
                Object::Task(handle) => session.delete(handle)?,
            },
            Step::SetUser { task, user } => {
                let user = user.map(|user| self.user(user)).transpose()?;
                session.set(self.task(task)?, Task::USER, user)?;
            }
            Step::Push { user, task } => {
                session.push(self.user(user)?, User::TASKS, self.task(task)?)?;
            }
            Step::Remove { user, task } => {
                session.remove(self.user(user)?, User::TASKS, self.task(task)?)?;
            }
            Step::Expire { object, .. } => match self.handles[object] {
                Object::User(handle) => session.expire(handle)?,
                Object::Task(handle) => session.expire(handle)?,
            },
            Step::Expunge { object, .. } => self.expunge(session, object)?,
            Step::Load(user) => {
                if let Err(error) = session.flush() {
                    return Ok(Err(error));
                }
                self.load(session, user)?;
                return Ok(Ok(()));
            }
            Step::Query { users: true } => {
                let found = User::query().all(session);
                return self.found(
                    session,
                    found.map(|all| all.into_iter().map(Object::User).collect()),
                    true,
                );
            }
            Step::Query { users: false } => {
                let found = Task::query().all(session);
                return self.found(
                    session,
                    found.map(|all| all.into_iter().map(Object::Task).collect()),
                    false,
                );
            }
            Step::Get { object, .. } => return self.get(session, object, before, expected),
            Step::Refresh { object, .. } => return self.refresh(session, object, expected),
            Step::Flush => return self.write(session, Session::flush, expected),
            Step::Commit => {
                let is_open = before.in_transaction;
                let result = session.commit();
                let sent = self.world.sent();
                if let Ok(written) = expected {
                    if written.nothing() && !is_open {
                        check_eq!(
                            sent,
                            Sent::NOTHING,
                            "a commit with nothing to do must send nothing"
                        );
                    }
                    check_written(sent, *written)?;
                }
                return Ok(result);
            }
            Step::Rollback => {
                session.rollback()?;
                self.world.sent();
            }
            Step::OutsideSet { .. } | Step::OutsideMove { .. } | Step::OutsideDelete { .. } => {
                self.outside(step)?;
                self.world.sent();
            }
            Step::Savepoint | Step::Release | Step::RollBackTo => {}
        }
        check_eq!(self.world.sent(), Sent::NOTHING, "it must send nothing");
        Ok(Ok(()))
    }

    fn added(&mut self, object: Object) {
        self.handles.push(object);
        self.keys.push(None);
    }

    fn add_again(&mut self, session: &mut Session, old: usize, new: usize) -> CaseResult {
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
        self.added(again);
        Ok(())
    }

    fn expunge(&self, session: &mut Session, object: usize) -> CaseResult {
        let is_stale = match self.handles[object] {
            Object::User(handle) => {
                session.expunge(handle)?;
                session.try_ref(handle).is_err()
            }
            Object::Task(handle) => {
                session.expunge(handle)?;
                session.try_ref(handle).is_err()
            }
        };
        check!(is_stale, "the handle of an expunged object must be stale");
        Ok(())
    }

    fn load(&mut self, session: &mut Session, user: usize) -> CaseResult {
        let handle = self.user(user)?;
        let was_loaded = session.loaded(handle, User::TASKS)?.is_some();
        // A deleted task stays in a collection that was loaded before, until the commit; so do SQLAlchemy's.
        let found: BTreeSet<usize> = session
            .load(handle, User::TASKS)?
            .into_iter()
            .filter_map(|task| self.number_of(Object::Task(task)))
            .filter(|&task| self.reference.objects[task].is_live())
            .collect();
        let wanted: BTreeSet<usize> = self.reference.tasks_of(user).collect();
        check_eq!(found, wanted, "the collection must hold the user's tasks");
        self.world.sent();
        session.load(handle, User::TASKS)?;
        check_eq!(
            self.world.sent(),
            Sent::NOTHING,
            "a loaded collection must cost nothing"
        );
        // It is not read again then, and its members may have stayed expired.
        if was_loaded {
            self.learn_expired(session)?;
        }
        Ok(())
    }

    /// Takes over what is expired where the model cannot tell.
    fn learn_expired(&mut self, session: &Session) -> CaseResult {
        for (n, object) in self.reference.objects.iter_mut().enumerate() {
            if object.is_live() && object.state == State::Persistent {
                object.expired = match self.handles[n] {
                    Object::User(user) => session.is_expired(user)?,
                    Object::Task(task) => session.is_expired(task)?,
                };
            }
        }
        Ok(())
    }

    /// A query must give each object its own handle.
    fn found(
        &self,
        session: &Session,
        found: selfsame::Result<Vec<Object>>,
        users: bool,
    ) -> CaseResult<selfsame::Result<()>> {
        let found = match found {
            Ok(found) => found,
            Err(error) => return Ok(Err(error)),
        };
        for (n, object) in self.reference.objects.iter().enumerate() {
            let is_there =
                object.is_user == users && object.is_persistent() && object.row.is_some();
            check!(
                !is_there || found.contains(&self.handles[n]),
                "the query must give {} its own handle, in {:?}",
                name_of(n, users),
                session
            );
        }
        let rows: BTreeSet<String> = found.iter().map(|object| format!("{object:?}")).collect();
        check_eq!(rows.len(), found.len(), "each row must have one handle");
        self.world.sent();
        Ok(Ok(()))
    }

    fn get(
        &mut self,
        session: &mut Session,
        object: usize,
        before: &Reference,
        expected: &Result<Written, Refused>,
    ) -> CaseResult<selfsame::Result<()>> {
        let Some(key) = self.keys[object] else {
            check!(false, "a persistent object must have its key");
            return Ok(Ok(()));
        };
        let found = match self.handles[object] {
            Object::User(_) => session
                .get::<User>(key)
                .map(|found| found.map(Object::User)),
            Object::Task(_) => session
                .get::<Task>(key)
                .map(|found| found.map(Object::Task)),
        };
        let found = match found {
            Ok(found) => found,
            Err(error) => return Ok(Err(error)),
        };
        let is_expired = before.objects[object].expired;
        let is_there = !is_expired || self.reference.objects[object].row.is_some();
        check_eq!(
            found,
            is_there.then_some(self.handles[object]),
            "`get` must give the object's own handle, or nothing if its row is gone"
        );
        let sent = self.world.sent();
        if !is_expired {
            check_eq!(
                sent,
                Sent::NOTHING,
                "`get` of a mapped row must send nothing"
            );
        } else if expected.as_ref().is_ok_and(|written| written.nothing()) {
            check_eq!(
                sent.rows(),
                1,
                "`get` of an expired row must send one SELECT"
            );
        } else {
            check!(sent.select > 0, "`get` of an expired row must read it");
        }
        Ok(Ok(()))
    }

    fn refresh(
        &mut self,
        session: &mut Session,
        object: usize,
        expected: &Result<Written, Refused>,
    ) -> CaseResult<selfsame::Result<()>> {
        let result = match self.handles[object] {
            Object::User(handle) => session.refresh(handle),
            Object::Task(handle) => session.refresh(handle),
        };
        let sent = self.world.sent();
        let is_gone = self.reference.objects[object].row.is_none();
        match result {
            // A row that is gone is told, and no flush has failed.
            Err(error) if expected.is_ok() && is_gone => {
                check_eq!(
                    error.kind(),
                    ErrorKind::StaleData,
                    "`refresh` of a row that is gone"
                );
            }
            Err(error) => return Ok(Err(error)),
            Ok(()) => check!(sent.select > 0, "`refresh` must read the row"),
        }
        Ok(Ok(()))
    }

    /// Flushes, and checks that what had changed was written and nothing else.
    fn write(
        &mut self,
        session: &mut Session,
        write: fn(&mut Session) -> selfsame::Result<()>,
        expected: &Result<Written, Refused>,
    ) -> CaseResult<selfsame::Result<()>> {
        let result = write(session);
        let sent = self.world.sent();
        if let Ok(written) = expected {
            check_written(sent, *written)?;
        }
        Ok(result)
    }

    fn outside(&mut self, step: &Step) -> CaseResult {
        let other = &mut self.other;
        let gone =
            || Failure::Assertion("a committed row must be found by another session".to_owned());
        let key = |object: usize| self.keys[object].ok_or_else(gone);
        match *step {
            Step::OutsideSet {
                object,
                is_user: true,
                number,
            } => {
                let user = other.get::<User>(key(object)?)?.ok_or_else(gone)?;
                other[user].age = number;
            }
            Step::OutsideSet { object, number, .. } => {
                let task = other.get::<Task>(key(object)?)?.ok_or_else(gone)?;
                other[task].title = title_of(object, number);
            }
            Step::OutsideMove { task, user } => {
                let task = other.get::<Task>(key(task)?)?.ok_or_else(gone)?;
                other[task].user_id = user.map(key).transpose()?;
            }
            Step::OutsideDelete {
                object,
                is_user: true,
            } => {
                let user = other.get::<User>(key(object)?)?.ok_or_else(gone)?;
                other.delete(user)?;
                other.add(User::new(format!("guard {object}")));
            }
            Step::OutsideDelete { object, .. } => {
                let task = other.get::<Task>(key(object)?)?.ok_or_else(gone)?;
                other.delete(task)?;
                other.add(Task::new(format!("guard {object}")));
            }
            _ => {}
        }
        let committed = other.commit();
        check!(
            committed.is_ok(),
            "another session must be able to write, gave {committed:?}"
        );
        Ok(())
    }

    /// Compares everything behind a step.
    fn compare(&mut self, session: &mut Session, step: &Step, written: Written) -> CaseResult {
        self.learn_keys(session);
        self.compare_memory(session)?;
        self.compare_rows(session, step)?;
        // A flush right behind another, or behind a rollback, has nothing to send.
        if matches!(step, Step::Flush | Step::Rollback | Step::RollBackTo) || !written.nothing() {
            session.flush()?;
            check_eq!(
                self.world.sent(),
                Sent::NOTHING,
                "a flush right behind it must send nothing"
            );
        }
        Ok(())
    }

    fn learn_keys(&mut self, session: &Session) {
        for (n, object) in self.reference.objects.iter().enumerate() {
            if object.state == State::Persistent {
                self.keys[n] = match self.handles[n] {
                    Object::User(handle) => session
                        .try_ref(handle)
                        .ok()
                        .and_then(|o| o.id.get().copied()),
                    Object::Task(handle) => session
                        .try_ref(handle)
                        .ok()
                        .and_then(|o| o.id.get().copied()),
                };
            }
        }
    }

    /// Compares states, values and known collections, without a statement.
    fn compare_memory(&self, session: &Session) -> CaseResult {
        for (n, object) in self.reference.objects.iter().enumerate() {
            let who = name_of(n, object.is_user);
            let (state, is_expired, is_modified) = match self.handles[n] {
                Object::User(handle) => (
                    session.state(handle),
                    session.is_expired(handle),
                    session.is_modified(handle),
                ),
                Object::Task(handle) => (
                    session.state(handle),
                    session.is_expired(handle),
                    session.is_modified(handle),
                ),
            };
            check_eq!(state, object.state, "the state of {who}");
            if !object.is_live() {
                continue;
            }
            let is_persistent = object.state == State::Persistent;
            check_eq!(
                is_expired?,
                is_persistent && object.expired,
                "whether {who} is expired"
            );
            check_eq!(
                is_modified?,
                object.is_modified(),
                "whether {who} is modified"
            );
            match self.handles[n] {
                Object::User(handle) => {
                    check_eq!(
                        session[handle].age,
                        object.values.number,
                        "the age of {who}"
                    );
                    self.compare_collection(session, n, handle)?;
                }
                Object::Task(handle) => {
                    let title = title_of(n, object.values.number);
                    check_eq!(session[handle].title, title, "the title of {who}");
                    let owner = object.values.owner.and_then(|user| self.keys[user]);
                    if is_persistent {
                        check_eq!(session[handle].user_id, owner, "the foreign key of {who}");
                    }
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

    fn compare_collection(
        &self,
        session: &Session,
        user: usize,
        handle: Handle<User>,
    ) -> CaseResult {
        let Some(tasks) = session.loaded(handle, User::TASKS)? else {
            return Ok(());
        };
        let found: BTreeSet<usize> = tasks
            .iter()
            .filter_map(|&task| self.number_of(Object::Task(task)))
            .filter(|&task| self.reference.objects[task].is_live())
            .collect();
        let wanted: BTreeSet<usize> = self.reference.tasks_of(user).collect();
        check_eq!(found, wanted, "the known tasks of user {user}");
        Ok(())
    }

    /// After a step that wrote: compares all rows, in the transaction or, behind its end, from another session.
    fn compare_rows(&mut self, session: &mut Session, step: &Step) -> CaseResult {
        let (users, tasks) = match step {
            Step::Flush | Step::RollBackTo => {
                self.reference.in_transaction = true;
                (User::query().rows(session)?, Task::query().rows(session)?)
            }
            Step::Commit | Step::Rollback => (self.world.users()?, self.world.tasks()?),
            _ => return Ok(()),
        };
        self.world.sent();
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
        found.retain(|row| !row.2.starts_with("guard"));
        let mut wanted: BTreeSet<Row> = BTreeSet::new();
        for (n, object) in self.reference.objects.iter().enumerate() {
            let Some(row) = object.row else { continue };
            wanted.insert(if object.is_user {
                (true, self.keys[n], name_of(n, true), row.number, None)
            } else {
                let owner = row.owner.and_then(|user| self.keys[user]);
                (false, self.keys[n], title_of(n, row.number), None, owner)
            });
        }
        check_eq!(found, wanted, "the rows in the database");
        Ok(())
    }

    fn number_of(&self, object: Object) -> Option<usize> {
        self.handles.iter().position(|known| *known == object)
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

/// Checks that what had changed was written and nothing else.
fn check_written(sent: Sent, written: Written) -> CaseResult {
    check_eq!(
        sent.insert > 0,
        written.inserts,
        "INSERTs must be sent for pending objects alone, sent {sent:?}"
    );
    check_eq!(
        sent.delete > 0,
        written.deletes,
        "DELETEs must be sent for deleted objects alone, sent {sent:?}"
    );
    // A deleted task of a deleted user may be let go first.
    check!(
        if written.updates {
            sent.update > 0
        } else {
            sent.update == 0 || written.deletes
        },
        "UPDATEs must be sent for changed objects alone, sent {sent:?}"
    );
    check!(
        written.reads || written.inserts || sent.select == 0,
        "a flush must read only what it writes and does not know, sent {sent:?}"
    );
    Ok(())
}

fn unexpected(error: &Error) -> Failure {
    Failure::Assertion(format!("it must work, gave {:?}: {error}", error.kind()))
}

/// Says which step an assertion was about.
fn named(failure: Failure, step: &Step) -> Failure {
    match failure {
        Failure::Assertion(message) if !message.starts_with(NAMED) => {
            Failure::Assertion(format!("{NAMED}{}: {message}", step.name()))
        }
        other => other,
    }
}

const NAMED: &str = "at ";
