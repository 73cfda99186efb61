//! Changes by another session between the transactions of the session under test.

use selfsame::prelude::*;

use super::{Machine, misnamed};
use crate::case::{CaseResult, Failure};
use crate::model::entities::{Kind, Note, Tag, Task, User, text_of};
use crate::model::program::{Step, Wanted};

impl Machine<'_> {
    pub(super) fn outside(&mut self, step: &Step) -> CaseResult {
        let other = &mut self.other;
        let key = |object: usize| self.keys[object].ok_or_else(gone);
        match *step {
            Step::OutsideSet {
                object,
                kind,
                number,
            } => {
                let text = text_of(object, kind, number);
                match kind {
                    Kind::User => {
                        let it = found::<User>(other, key(object)?)?;
                        other[it].age = number;
                    }
                    Kind::Task => {
                        let it = found::<Task>(other, key(object)?)?;
                        other[it].title = text;
                    }
                    Kind::Note => {
                        let it = found::<Note>(other, key(object)?)?;
                        other[it].text = text;
                    }
                    Kind::Tag => {
                        let it = found::<Tag>(other, key(object)?)?;
                        other[it].label = text;
                    }
                }
            }
            Step::OutsideMove { child, kind, user } => {
                let user = user.map(key).transpose()?;
                match kind {
                    Kind::Task => {
                        let it = found::<Task>(other, key(child)?)?;
                        other[it].user_id = user;
                    }
                    Kind::Note => {
                        let it = found::<Note>(other, key(child)?)?;
                        other[it].user_id = user;
                    }
                    _ => return Err(misnamed()),
                }
            }
            Step::OutsidePair { user, tag, wanted } => {
                let user = found::<User>(other, key(user)?)?;
                let tag = found::<Tag>(other, key(tag)?)?;
                match wanted {
                    Wanted::Together => other.push(user, User::TAGS, tag)?,
                    Wanted::Apart => other.remove(user, User::TAGS, tag)?,
                }
            }
            Step::OutsideDelete { object, kind } => {
                let guard = format!("guard {object}");
                match kind {
                    Kind::User => {
                        let it = found::<User>(other, key(object)?)?;
                        other.delete(it)?;
                        other.add(User::new(&*guard));
                        // Its notes are deleted too.
                        other.add(Note::new(guard));
                    }
                    Kind::Task => {
                        let it = found::<Task>(other, key(object)?)?;
                        other.delete(it)?;
                        other.add(Task::new(guard));
                    }
                    Kind::Note => {
                        let it = found::<Note>(other, key(object)?)?;
                        other.delete(it)?;
                        other.add(Note::new(guard));
                    }
                    Kind::Tag => {
                        let it = found::<Tag>(other, key(object)?)?;
                        other.delete(it)?;
                        other.add(Tag::new(guard));
                    }
                }
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

fn found<E: Entity<Key = i64>>(session: &mut Session, key: i64) -> CaseResult<Handle<E>> {
    session.get::<E>(key)?.ok_or_else(gone)
}

fn gone() -> Failure {
    Failure::Assertion("a committed row must be found by another session".to_owned())
}
