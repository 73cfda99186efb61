//! Compares the session and the rows with the model.

use std::collections::BTreeSet;

use selfsame::prelude::*;

use super::{Machine, Object};
use crate::case::CaseResult;
use crate::model::program::{Step, name_of, title_of};
use crate::model::reference::Written;
use crate::world::{Sent, Task, User};

/// A row, comparable: who it is, what it holds, whose it is.
type Row = (bool, Option<i64>, String, Option<i32>, Option<i64>);

impl Machine<'_> {
    /// Compares everything behind a step.
    pub(super) fn compare(
        &mut self,
        session: &mut Session,
        step: &Step,
        written: Written,
    ) -> CaseResult {
        self.learn_keys(session);
        self.compare_memory(session)?;
        self.compare_rows(session, step)?;
        // A flush right behind another, or behind a rollback, has nothing to send.
        let wrote = !written.nothing() && !matches!(step, Step::Merge { .. });
        if wrote || matches!(step, Step::Flush | Step::Rollback | Step::RollBackTo) {
            session.flush()?;
            check_eq!(
                self.world.sent(),
                Sent::NOTHING,
                "a flush right behind it must send nothing"
            );
        }
        Ok(())
    }

    pub(super) fn learn_keys(&mut self, session: &Session) {
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
    pub(super) fn compare_memory(&self, session: &Session) -> CaseResult {
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
            self.check_stale(session, n)?;
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

    /// The handle of an object that has left leads nowhere.
    fn check_stale(&self, session: &Session, n: usize) -> CaseResult {
        let object = &self.reference.objects[n];
        let resolves = match self.handles[n] {
            Object::User(handle) => session.try_ref(handle).is_ok(),
            Object::Task(handle) => session.try_ref(handle).is_ok(),
        };
        check_eq!(
            resolves,
            object.state != State::Detached,
            "whether the handle of {} leads to an object",
            name_of(n, object.is_user)
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
    pub(super) fn compare_rows(&mut self, session: &mut Session, step: &Step) -> CaseResult {
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
}
