//! What each step does on the session, and what can be seen at once.

use std::collections::BTreeSet;

use selfsame::ErrorKind;
use selfsame::prelude::*;

use super::{Machine, Object};
use crate::case::{CaseResult, Failure};
use crate::model::program::{Step, name_of, title_of};
use crate::model::reference::{Reference, Refused, Written};
use crate::world::{Sent, Task, User};

impl Machine<'_> {
    /// Does what a step says. What the step must write is checked, if it is not to be refused.
    pub(super) fn act(
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
            Step::Merge {
                object,
                number,
                flush,
                ..
            } => {
                if flush && let Err(error) = session.flush() {
                    return Ok(Err(error));
                }
                self.learn_keys(session);
                return self.merge(session, object, number, before, expected);
            }
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
    pub(super) fn learn_expired(&mut self, session: &Session) -> CaseResult {
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

    /// Merges a value that differs from the row in its number alone.
    fn merge(
        &mut self,
        session: &mut Session,
        object: usize,
        number: Option<i32>,
        before: &Reference,
        expected: &Result<Written, Refused>,
    ) -> CaseResult<selfsame::Result<()>> {
        let Some(key) = self.keys[object] else {
            check!(false, "a persistent object must have its key");
            return Ok(Ok(()));
        };
        let now = &self.reference.objects[object];
        let merged = match self.handles[object] {
            Object::User(_) => session
                .merge(User {
                    id: Auto::set(key),
                    age: number,
                    ..User::new(name_of(object, true))
                })
                .map(Object::User),
            Object::Task(_) => session
                .merge(Task {
                    id: Auto::set(key),
                    user_id: now.values.owner.and_then(|user| self.keys[user]),
                    ..Task::new(title_of(object, number))
                })
                .map(Object::Task),
        };
        let sent = self.world.sent();
        match merged {
            // A row that is gone is told, and no flush has failed.
            Err(error) if expected.is_ok() && now.row.is_none() && now.expired => {
                check_eq!(
                    error.kind(),
                    ErrorKind::StaleData,
                    "a merge onto a row that is gone"
                );
            }
            Err(error) => return Ok(Err(error)),
            Ok(merged) => check_eq!(
                merged,
                self.handles[object],
                "a merge must give the object of the key"
            ),
        }
        if !before.objects[object].expired {
            check_eq!(
                sent,
                Sent::NOTHING,
                "a merge onto a mapped row must send nothing"
            );
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
