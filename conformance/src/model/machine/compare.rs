//! Compares the session and the rows with the model.

use std::collections::BTreeSet;

use selfsame::prelude::*;
use selfsame::session::State;

use super::{Machine, Object, each_kind};
use crate::case::CaseResult;
use crate::model::entities::{Kind, Note, Tag, Task, User, name_of, text_of};
use crate::model::program::{Path, Step};
use crate::model::reference::Written;
use crate::world::Sent;

/// A row in comparable form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    kind: Kind,
    key: Option<i64>,
    text: String,
    age: Option<i32>,
    user: Option<i64>,
    version: i64,
}

impl Machine<'_> {
    /// Compares everything after a step.
    pub(super) fn compare(
        &mut self,
        session: &mut Session,
        step: &Step,
        written: Written,
    ) -> CaseResult {
        self.learn_keys(session);
        self.compare_memory(session)?;
        self.compare_rows(session, step)?;
        // A flush right after another, or after a rollback, has nothing to send.
        let changes = matches!(step, Step::Merge { .. } | Step::Replace { .. });
        let wrote = !written.nothing() && !changes;
        if wrote || matches!(step, Step::Flush | Step::Rollback | Step::RollBackTo) {
            session.flush()?;
            check_eq!(
                self.world.sent(),
                Sent::NOTHING,
                "a flush right after it must send nothing"
            );
        }
        Ok(())
    }

    pub(super) fn learn_keys(&mut self, session: &Session) {
        for (n, object) in self.reference.objects.iter().enumerate() {
            if object.state == State::Persistent {
                self.keys[n] = each_kind!(self.handles[n], handle => {
                    session.try_ref(handle).ok().and_then(|o| o.id.get().copied())
                });
            }
        }
    }

    /// Compares states, values and known collections, without a statement.
    pub(super) fn compare_memory(&self, session: &Session) -> CaseResult {
        for (n, object) in self.reference.objects.iter().enumerate() {
            let who = name_of(n, object.kind);
            let (state, is_expired, is_modified) = each_kind!(self.handles[n], handle => (
                session.state(handle),
                session.is_expired(handle),
                session.is_modified(handle),
            ));
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
            self.compare_values(session, n)?;
            for path in Path::of(object.kind) {
                let Some(found) = self.loaded(session, n, *path)? else {
                    continue;
                };
                check_eq!(
                    self.live(&found),
                    self.reference.members(n, *path),
                    "{} of {who}, as far as known",
                    path.relation()
                );
            }
        }
        check_eq!(
            self.world.sent(),
            Sent::NOTHING,
            "reading values and states must send nothing"
        );
        Ok(())
    }

    fn compare_values(&self, session: &Session, n: usize) -> CaseResult {
        let object = &self.reference.objects[n];
        let who = name_of(n, object.kind);
        let (text, user_id) = match self.handles[n] {
            Object::User(handle) => {
                check_eq!(
                    session[handle].age,
                    object.values.number,
                    "the age of {who}"
                );
                return Ok(());
            }
            Object::Task(handle) => (&session[handle].title, session[handle].user_id),
            Object::Note(handle) => (&session[handle].text, session[handle].user_id),
            Object::Tag(handle) => (&session[handle].label, None),
        };
        let wanted = text_of(n, object.kind, object.values.number);
        check_eq!(*text, wanted, "the text of {who}");
        if object.state != State::Persistent {
            return Ok(());
        }
        let owner = object.values.owner.and_then(|user| self.keys[user]);
        check_eq!(user_id, owner, "the foreign key of {who}");
        if let Object::Task(handle) = self.handles[n] {
            check_eq!(
                session[handle].version,
                object.values.version,
                "the version of {who}"
            );
        }
        Ok(())
    }

    /// Checks that the handle of an object that left the session is stale.
    fn check_stale(&self, session: &Session, n: usize) -> CaseResult {
        let object = &self.reference.objects[n];
        let resolves = each_kind!(self.handles[n], handle => session.try_ref(handle).is_ok());
        check_eq!(
            resolves,
            object.state != State::Detached,
            "whether the handle of {} leads to an object",
            name_of(n, object.kind)
        );
        Ok(())
    }

    /// After a step that wrote, compares all rows: in the transaction or, after its end, in another session.
    pub(super) fn compare_rows(&mut self, session: &mut Session, step: &Step) -> CaseResult {
        let (mut found, pairs) = match step {
            Step::Flush | Step::RollBackTo => {
                self.reference.in_transaction = true;
                self.rows(session)?
            }
            Step::Commit | Step::Rollback => self.rows(&mut self.world.session())?,
            _ => return Ok(()),
        };
        self.world.sent();
        found.retain(|row| !row.text.starts_with("guard"));
        let wanted: BTreeSet<Row> = (0..self.handles.len())
            .filter_map(|n| self.wanted_row(n))
            .collect();
        check_eq!(found, wanted, "the rows in the database");
        let wanted: BTreeSet<(Option<i64>, Option<i64>)> = self
            .reference
            .pairs
            .rows()
            .map(|(user, tag)| (self.keys[user], self.keys[tag]))
            .collect();
        check_eq!(
            pairs,
            wanted,
            "the rows of the association table: keys of users and tags"
        );
        Ok(())
    }

    fn wanted_row(&self, n: usize) -> Option<Row> {
        let object = &self.reference.objects[n];
        let row = object.row?;
        let (text, age) = match object.kind {
            Kind::User => (name_of(n, Kind::User), row.number),
            kind => (text_of(n, kind, row.number), None),
        };
        Some(Row {
            kind: object.kind,
            key: self.keys[n],
            text,
            age,
            user: row.owner.and_then(|user| self.keys[user]),
            version: row.version,
        })
    }

    /// Returns all rows that a session sees.
    fn rows(&self, session: &mut Session) -> CaseResult<(BTreeSet<Row>, Pairs)> {
        let mut found = BTreeSet::new();
        let mut pairs = Pairs::new();
        let kinds = self.reference.kinds();
        let row = |kind: Kind, id: Auto<i64>, text: String| Row {
            kind,
            key: id.get().copied(),
            text,
            age: None,
            user: None,
            version: 0,
        };
        for kind in &kinds {
            match kind {
                Kind::User => {
                    let all = User::query().rows(session)?.into_iter();
                    found.extend(all.map(|it| Row {
                        age: it.age,
                        ..row(*kind, it.id, it.name)
                    }));
                }
                Kind::Task => {
                    let all = Task::query().rows(session)?.into_iter();
                    found.extend(all.map(|it| Row {
                        user: it.user_id,
                        version: it.version,
                        ..row(*kind, it.id, it.title)
                    }));
                }
                Kind::Note => {
                    let all = Note::query().rows(session)?.into_iter();
                    found.extend(all.map(|it| Row {
                        user: it.user_id,
                        ..row(*kind, it.id, it.text)
                    }));
                }
                Kind::Tag => {
                    let all = Tag::query().rows(session)?.into_iter();
                    found.extend(all.map(|it| row(*kind, it.id, it.label)));
                }
            }
        }
        if kinds.contains(&Kind::User) && kinds.contains(&Kind::Tag) {
            let all = User::query()
                .join(User::TAGS)
                .select((User::ID, Tag::ID))
                .all(session)?;
            for (user, tag) in all {
                let is_new = pairs.insert((user.get().copied(), tag.get().copied()));
                check!(is_new, "a pair must have one row, has two");
            }
        }
        Ok((found, pairs))
    }
}

/// Returns the keys of users and tags.
type Pairs = BTreeSet<(Option<i64>, Option<i64>)>;
