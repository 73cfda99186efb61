//! From wishes to steps: what a wish comes to where it stands in a program.

use selfsame::session::State;

use super::program::{Step, Wish};
use super::reference::{Object, Reference};

/// No more savepoints than this are open at once.
const DEEPEST: usize = 3;

impl Reference {
    /// The step that a wish comes to, if there is an object for it.
    pub(super) fn resolve(&self, wish: &Wish) -> Option<Step> {
        let live = |is_user: bool| move |_: usize, o: &Object| o.is_user == is_user && o.is_live();
        let persistent = |_: usize, o: &Object| o.is_persistent();
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
                let object = self.pick(which, persistent)?;
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
                    o.is_live() && o.owner().is_some_and(|user| self.objects[user].is_live())
                })?;
                Step::Remove {
                    user: self.objects[task].owner()?,
                    task,
                }
            }
            Wish::Load(which) => Step::Load(self.pick(which, live(true))?),
            Wish::Query(users) => Step::Query { users },
            Wish::Get(which) => {
                let object = self.pick(which, persistent)?;
                Step::Get {
                    object,
                    is_user: self.objects[object].is_user,
                }
            }
            Wish::Merge(which, number) => {
                let object = self.pick(which, persistent)?;
                Step::Merge {
                    object,
                    is_user: self.objects[object].is_user,
                    number,
                    flush: self.objects[object].expired,
                }
            }
            Wish::Refresh(which) => {
                let object = self.pick(which, persistent)?;
                Step::Refresh {
                    object,
                    is_user: self.objects[object].is_user,
                }
            }
            Wish::Expire(which) => {
                let object = self.pick(which, persistent)?;
                Step::Expire {
                    object,
                    is_user: self.objects[object].is_user,
                }
            }
            Wish::Expunge(which) => {
                let object = self.pick(which, |n, o| o.is_live() && !self.is_linked_to(n))?;
                Step::Expunge {
                    object,
                    is_user: self.objects[object].is_user,
                }
            }
            Wish::Flush => Step::Flush,
            Wish::Savepoint if self.depth() < DEEPEST => Step::Savepoint,
            Wish::Savepoint => return None,
            Wish::Commit if self.depth() > 0 => Step::Release,
            Wish::Commit => Step::Commit,
            Wish::Rollback if self.depth() > 0 => Step::RollBackTo,
            Wish::Rollback => Step::Rollback,
            _ if self.in_transaction || self.depth() > 0 => return None,
            Wish::OutsideSet(which, number) => {
                let object = self.pick(which, |_, o| o.committed.is_some())?;
                Step::OutsideSet {
                    object,
                    is_user: self.objects[object].is_user,
                    number,
                }
            }
            Wish::OutsideMove(task, user) => {
                let committed = |is_user: bool| {
                    move |_: usize, o: &Object| o.is_user == is_user && o.committed.is_some()
                };
                Step::OutsideMove {
                    task: self.pick(task, committed(false))?,
                    user: match user {
                        None => None,
                        Some(user) => Some(self.pick(user, committed(true))?),
                    },
                }
            }
            Wish::OutsideDelete(which) => {
                let object = self.pick(which, |_, o| o.committed.is_some())?;
                Step::OutsideDelete {
                    object,
                    is_user: self.objects[object].is_user,
                }
            }
        })
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
}
