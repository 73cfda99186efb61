//! Runs each step on the session, and checks its immediate effects.

use std::collections::BTreeSet;

use selfsame::ErrorKind;
use selfsame::prelude::*;

use super::{Machine, Object, each_kind, misnamed};
use crate::case::CaseResult;
use crate::model::entities::{Kind, Note, Tag, Task, User, name_of, text_of};
use crate::model::program::{Path, Step};
use crate::model::reference::{Reference, Refused, Written};
use crate::world::Sent;

impl Machine<'_> {
    /// Runs a step. Checks what it writes, unless it must be refused.
    pub(super) fn act(
        &mut self,
        session: &mut Session,
        step: &Step,
        before: &Reference,
        expected: &Result<Written, Refused>,
    ) -> CaseResult<selfsame::Result<()>> {
        match *step {
            Step::Add { object, kind } => {
                let added = add(session, object, kind);
                self.added(added);
            }
            Step::AddAgain { old, new, kind } => self.add_again(session, old, new, kind)?,
            Step::SetNumber {
                object,
                kind,
                number,
            } => {
                let text = text_of(object, kind, number);
                match self.handles[object] {
                    Object::User(handle) => session[handle].age = number,
                    Object::Task(handle) => session[handle].title = text,
                    Object::Note(handle) => session[handle].text = text,
                    Object::Tag(handle) => session[handle].label = text,
                }
            }
            Step::Delete { object, .. } => {
                each_kind!(self.handles[object], handle => session.delete(handle)?);
            }
            Step::SetUser { child, user, .. } => {
                let user = user.map(|user| self.user(user)).transpose()?;
                match self.handles[child] {
                    Object::Task(task) => session.set(task, Task::USER, user)?,
                    Object::Note(note) => session.set(note, Note::USER, user)?,
                    _ => return Err(misnamed()),
                }
            }
            Step::Push { user, child, .. } => match self.handles[child] {
                Object::Task(task) => session.push(self.user(user)?, User::TASKS, task)?,
                Object::Note(note) => session.push(self.user(user)?, User::NOTES, note)?,
                _ => return Err(misnamed()),
            },
            Step::Remove { user, child, .. } => match self.handles[child] {
                Object::Task(task) => session.remove(self.user(user)?, User::TASKS, task)?,
                Object::Note(note) => session.remove(self.user(user)?, User::NOTES, note)?,
                _ => return Err(misnamed()),
            },
            Step::Pair { user, tag, side } => {
                let (user, tag) = (self.user(user)?, self.tag(tag)?);
                match side {
                    Kind::Tag => session.push(tag, Tag::USERS, user)?,
                    _ => session.push(user, User::TAGS, tag)?,
                }
            }
            Step::Part { user, tag, side } => {
                let (user, tag) = (self.user(user)?, self.tag(tag)?);
                match side {
                    Kind::Tag => session.remove(tag, Tag::USERS, user)?,
                    _ => session.remove(user, User::TAGS, tag)?,
                }
            }
            Step::Replace { user, ref tags } => {
                if let Err(error) = session.flush() {
                    return Ok(Err(error));
                }
                let user = self.user(user)?;
                let was_loaded = session.loaded(user, User::TAGS)?.is_some();
                let tags: CaseResult<Vec<Handle<Tag>>> =
                    tags.iter().map(|&tag| self.tag(tag)).collect();
                session.replace(user, User::TAGS, tags?)?;
                self.world.sent();
                if was_loaded {
                    self.learn_unread(session, before)?;
                }
                return Ok(Ok(()));
            }
            Step::Expire { object, .. } => {
                each_kind!(self.handles[object], handle => session.expire(handle)?);
            }
            Step::Expunge { object, .. } => self.expunge(session, object)?,
            Step::Load { owner, path } => {
                if let Err(error) = session.flush() {
                    return Ok(Err(error));
                }
                self.load(session, owner, path, before)?;
                return Ok(Ok(()));
            }
            Step::Query { kind } => {
                let found = match kind {
                    Kind::User => User::query()
                        .all(session)
                        .map(|all| objects(all, Object::User)),
                    Kind::Task => Task::query()
                        .all(session)
                        .map(|all| objects(all, Object::Task)),
                    Kind::Note => Note::query()
                        .all(session)
                        .map(|all| objects(all, Object::Note)),
                    Kind::Tag => Tag::query()
                        .all(session)
                        .map(|all| objects(all, Object::Tag)),
                };
                return self.found(session, found, kind);
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
            Step::OutsideSet { .. }
            | Step::OutsideMove { .. }
            | Step::OutsidePair { .. }
            | Step::OutsideDelete { .. } => {
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

    fn add_again(
        &mut self,
        session: &mut Session,
        old: usize,
        new: usize,
        kind: Kind,
    ) -> CaseResult {
        let name = match self.handles[old] {
            Object::User(handle) => session.take(handle)?.name,
            Object::Task(handle) => session.take(handle).map(|_| name_of(old, kind))?,
            Object::Note(handle) => session.take(handle).map(|_| name_of(old, kind))?,
            Object::Tag(handle) => session.take(handle).map(|_| name_of(old, kind))?,
        };
        check_eq!(
            name,
            name_of(old, kind),
            "a transient object must keep its values"
        );
        let again = add(session, new, kind);
        self.added(again);
        Ok(())
    }

    fn expunge(&self, session: &mut Session, object: usize) -> CaseResult {
        let is_stale = each_kind!(self.handles[object], handle => {
            session.expunge(handle)?;
            session.try_ref(handle).is_err()
        });
        check!(is_stale, "the handle of an expunged object must be stale");
        Ok(())
    }

    fn load(
        &mut self,
        session: &mut Session,
        owner: usize,
        path: Path,
        before: &Reference,
    ) -> CaseResult {
        let was_loaded = self.loaded(session, owner, path)?.is_some();
        let found = match path {
            Path::Tasks => objects(session.load(self.user(owner)?, User::TASKS)?, Object::Task),
            Path::Notes => objects(session.load(self.user(owner)?, User::NOTES)?, Object::Note),
            Path::Tags => objects(session.load(self.user(owner)?, User::TAGS)?, Object::Tag),
            Path::Users => objects(session.load(self.tag(owner)?, Tag::USERS)?, Object::User),
        };
        check_eq!(
            self.live(&found),
            self.reference.members(owner, path),
            "the collection must hold its members"
        );
        self.world.sent();
        match path {
            Path::Tasks => drop(session.load(self.user(owner)?, User::TASKS)?),
            Path::Notes => drop(session.load(self.user(owner)?, User::NOTES)?),
            Path::Tags => drop(session.load(self.user(owner)?, User::TAGS)?),
            Path::Users => drop(session.load(self.tag(owner)?, Tag::USERS)?),
        }
        check_eq!(
            self.world.sent(),
            Sent::NOTHING,
            "a loaded collection must cost nothing"
        );
        // The collection was not loaded again, so its members may still be expired.
        if was_loaded {
            self.learn_unread(session, before)?;
        }
        Ok(())
    }

    /// Keeps the previous values of members that are still expired, because a loaded collection was not loaded again.
    fn learn_unread(&mut self, session: &Session, before: &Reference) -> CaseResult {
        let read: Vec<bool> = self.reference.objects.iter().map(|o| !o.expired).collect();
        self.learn_expired(session)?;
        for (n, object) in self.reference.objects.iter_mut().enumerate() {
            if object.expired && read[n] && object.is_persistent() {
                object.show_as_in(&before.objects[n]);
            }
        }
        Ok(())
    }

    /// Returns a collection, if it is loaded.
    pub(super) fn loaded(
        &self,
        session: &Session,
        owner: usize,
        path: Path,
    ) -> CaseResult<Option<Vec<Object>>> {
        Ok(match path {
            Path::Tasks => session
                .loaded(self.user(owner)?, User::TASKS)?
                .map(|all| objects(all, Object::Task)),
            Path::Notes => session
                .loaded(self.user(owner)?, User::NOTES)?
                .map(|all| objects(all, Object::Note)),
            Path::Tags => session
                .loaded(self.user(owner)?, User::TAGS)?
                .map(|all| objects(all, Object::Tag)),
            Path::Users => session
                .loaded(self.tag(owner)?, Tag::USERS)?
                .map(|all| objects(all, Object::User)),
        })
    }

    /// Returns the objects of the program for these handles. Deleted objects stay in a loaded collection until the commit, as in
    /// SQLAlchemy.
    pub(super) fn live(&self, found: &[Object]) -> BTreeSet<usize> {
        found
            .iter()
            .filter_map(|&object| self.number_of(object))
            .filter(|&object| self.reference.objects[object].is_live())
            .collect()
    }

    /// Copies the expired states from the session if the model cannot know them.
    pub(super) fn learn_expired(&mut self, session: &Session) -> CaseResult {
        for (n, object) in self.reference.objects.iter_mut().enumerate() {
            if object.is_live() && object.state == State::Persistent {
                object.expired = each_kind!(self.handles[n], handle => session.is_expired(handle)?);
            }
        }
        Ok(())
    }

    /// Checks that a query returns each object's own handle.
    fn found(
        &self,
        session: &Session,
        found: selfsame::Result<Vec<Object>>,
        kind: Kind,
    ) -> CaseResult<selfsame::Result<()>> {
        let found = match found {
            Ok(found) => found,
            Err(error) => return Ok(Err(error)),
        };
        for (n, object) in self.reference.objects.iter().enumerate() {
            let is_there = object.kind == kind && object.is_persistent() && object.row.is_some();
            check!(
                !is_there || found.contains(&self.handles[n]),
                "the query must return the own handle of {}, in {:?}",
                name_of(n, kind),
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
        let found = match before.objects[object].kind {
            Kind::User => session.get::<User>(key).map(|it| it.map(Object::User)),
            Kind::Task => session.get::<Task>(key).map(|it| it.map(Object::Task)),
            Kind::Note => session.get::<Note>(key).map(|it| it.map(Object::Note)),
            Kind::Tag => session.get::<Tag>(key).map(|it| it.map(Object::Tag)),
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
            "`get` must return the object's own handle, or nothing if its row is gone"
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

    /// Merges a value that differs from the row only in its number.
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
        let user_id = now.values.owner.and_then(|user| self.keys[user]);
        let text = text_of(object, now.kind, number);
        let id = Auto::set(key);
        // A value that was never read has no version.
        let known = number.map_or(0, |_| before.objects[object].values.version);
        let merged = match now.kind {
            Kind::User => {
                let user = User {
                    id,
                    age: number,
                    ..User::new(name_of(object, Kind::User))
                };
                session.merge(user).map(Object::User)
            }
            Kind::Task => {
                let task = Task {
                    id,
                    user_id,
                    version: known,
                    ..Task::new(text)
                };
                session.merge(task).map(Object::Task)
            }
            Kind::Note => {
                let note = Note {
                    id,
                    user_id,
                    ..Note::new(text)
                };
                session.merge(note).map(Object::Note)
            }
            Kind::Tag => {
                let tag = Tag {
                    id,
                    ..Tag::new(text)
                };
                session.merge(tag).map(Object::Tag)
            }
        };
        let is_gone = now.state == State::Deleted;
        let is_moved = !is_gone && known != 0 && known != now.values.version;
        let sent = self.world.sent();
        match merged {
            // A row with another version is reported without a failed flush.
            Err(error) if expected.is_ok() && is_moved => {
                check_eq!(
                    error.kind(),
                    ErrorKind::StaleData,
                    "a merge onto a row that has another version"
                );
            }
            Err(error) => return Ok(Err(error)),
            // The program has no name for the object added in its place.
            Ok(merged) if is_gone => {
                check!(
                    merged != self.handles[object],
                    "a merge of a key whose row is gone must add an object"
                );
                each_kind!(merged, handle => session.take(handle).map(drop))?;
            }
            Ok(merged) => {
                check!(
                    !is_moved,
                    "a merge onto a row that has another version must be refused"
                );
                check_eq!(
                    merged,
                    self.handles[object],
                    "a merge must return the object with the key"
                );
            }
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
        let result = each_kind!(self.handles[object], handle => session.refresh(handle));
        let sent = self.world.sent();
        let is_gone = self.reference.objects[object].row.is_none();
        match result {
            // A missing row is reported without a failed flush.
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

    /// Flushes, and checks that exactly the changes were written.
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
}

fn add(session: &mut Session, object: usize, kind: Kind) -> Object {
    let name = name_of(object, kind);
    match kind {
        Kind::User => Object::User(session.add(User::new(name))),
        Kind::Task => Object::Task(session.add(Task::new(name))),
        Kind::Note => Object::Note(session.add(Note::new(name))),
        Kind::Tag => Object::Tag(session.add(Tag::new(name))),
    }
}

fn objects<E>(handles: Vec<Handle<E>>, object: fn(Handle<E>) -> Object) -> Vec<Object> {
    handles.into_iter().map(object).collect()
}

/// Checks that exactly the changes were written.
fn check_written(sent: Sent, written: Written) -> CaseResult {
    check_eq!(
        sent.insert > 0,
        written.inserts,
        "INSERTs must be sent only for pending objects and new pairs, sent {sent:?}"
    );
    check_eq!(
        sent.delete > 0,
        written.deletes,
        "DELETEs must be sent only for deleted objects and pairs, sent {sent:?}"
    );
    // A deleted task of a deleted user may be detached first.
    check!(
        if written.updates {
            sent.update > 0
        } else {
            sent.update == 0 || written.deletes
        },
        "UPDATEs must be sent only for changed objects, sent {sent:?}"
    );
    check!(
        written.reads || written.inserts || sent.select == 0,
        "a flush must read only unknown rows that it writes, sent {sent:?}"
    );
    Ok(())
}
