//! Turns draws into steps, depending on their position in a program.

use selfsame::session::State;

use super::entities::Kind;
use super::program::{Draw, Step, Wanted};
use super::reference::{Object, Reference};

/// The maximum number of nested savepoints.
const DEEPEST: usize = 3;

impl Reference {
    /// Returns the step for a draw, if there is an object for it.
    pub(super) fn resolve(&self, draw: &Draw) -> Option<Step> {
        let live = |kind: Kind| move |_: usize, o: &Object| o.kind == kind && o.is_live();
        let persistent = |_: usize, o: &Object| o.is_persistent();
        let staying = |n: usize, o: &Object| o.is_persistent() && !self.is_about_to_go(n);
        let kind_of = |object: usize| self.objects[object].kind;
        Some(match *draw {
            Draw::Add(kind) => Step::Add {
                object: self.objects.len(),
                kind,
            },
            Draw::AddAgain(which) => {
                let old = self.pick(which, |_, o| o.state == State::Transient)?;
                Step::AddAgain {
                    old,
                    new: self.objects.len(),
                    kind: kind_of(old),
                }
            }
            Draw::SetNumber(which, number) => {
                let object = self.pick(which, |_, o| o.is_live())?;
                Step::SetNumber {
                    object,
                    kind: kind_of(object),
                    number,
                }
            }
            Draw::Delete(which) => {
                let object = self.pick(which, persistent)?;
                Step::Delete {
                    object,
                    kind: kind_of(object),
                }
            }
            Draw::SetUser(kind, child, user) => Step::SetUser {
                child: self.pick(child, live(kind))?,
                kind,
                user: match user {
                    None => None,
                    Some(user) => Some(self.pick(user, live(Kind::User))?),
                },
            },
            Draw::Push(kind, user, child) => Step::Push {
                user: self.pick(user, live(Kind::User))?,
                child: self.pick(child, live(kind))?,
                kind,
            },
            Draw::Remove(kind, which) => {
                let child = self.pick(which, |_, o| {
                    let owner = o.owner().map(|user| &self.objects[user]);
                    o.kind == kind && o.is_live() && owner.is_some_and(Object::is_live)
                });
                let Some(child) = child else {
                    return self.resolve(&Draw::Push(kind, which, which));
                };
                Step::Remove {
                    user: self.objects[child].owner()?,
                    child,
                    kind,
                }
            }
            Draw::Pair(side, user, tag) => Step::Pair {
                user: self.pick(user, live(Kind::User))?,
                tag: self.pick(tag, live(Kind::Tag))?,
                side,
            },
            Draw::Part(side, which) => {
                let is_live = |n: usize| self.objects[n].is_live();
                let together = self.pairs.together();
                let pairs = together.filter(|&(user, tag)| is_live(user) && is_live(tag));
                let Some((user, tag)) = chosen(which, pairs) else {
                    return self.resolve(&Draw::Pair(side, which, which));
                };
                Step::Part { user, tag, side }
            }
            Draw::Replace(user, ref tags) => {
                // Whether objects that have left the session are replaced too depends on whether the collection was loaded before or is
                // loaded now: choose users without such objects.
                let whole = |n: usize| {
                    let mut tags = self.pairs.rows().filter(|pair| pair.0 == n);
                    tags.all(|(_, tag)| self.objects[tag].state != State::Detached)
                };
                let user = self.pick(user, |n, o| live(Kind::User)(n, o) && whole(n))?;
                let mut chosen: Vec<usize> = Vec::new();
                for &tag in tags {
                    let tag = self.pick(tag, live(Kind::Tag))?;
                    if !chosen.contains(&tag) {
                        chosen.push(tag);
                    }
                }
                Step::Replace { user, tags: chosen }
            }
            Draw::Load(path, which) => Step::Load {
                owner: self.pick(which, live(path.owner()))?,
                path,
            },
            Draw::Query(kind) => Step::Query { kind },
            Draw::Get(which) => {
                let object = self.pick(which, persistent)?;
                Step::Get {
                    object,
                    kind: kind_of(object),
                }
            }
            Draw::Merge(which, number) => {
                let object = self.pick(which, staying)?;
                Step::Merge {
                    object,
                    kind: kind_of(object),
                    number,
                    flush: self.objects[object].expired,
                }
            }
            Draw::Refresh(which) => {
                let object = self.pick(which, staying)?;
                Step::Refresh {
                    object,
                    kind: kind_of(object),
                }
            }
            Draw::Expire(which) => {
                let object = self.pick(which, persistent)?;
                Step::Expire {
                    object,
                    kind: kind_of(object),
                }
            }
            Draw::Expunge(which) => {
                let object = self.pick(which, |n, o| o.is_live() && !self.is_linked_to(n))?;
                Step::Expunge {
                    object,
                    kind: kind_of(object),
                }
            }
            Draw::Flush => Step::Flush,
            Draw::Savepoint if self.depth() < DEEPEST => Step::Savepoint,
            Draw::Savepoint => return None,
            Draw::Commit if self.depth() > 0 => Step::Release,
            Draw::Commit => Step::Commit,
            Draw::Rollback if self.depth() > 0 => Step::RollBackTo,
            Draw::Rollback => Step::Rollback,
            _ if self.depth() > 0 => return None,
            _ if self.in_transaction => Step::Commit,
            Draw::OutsideSet(which, number) => {
                let object = self.pick(which, |_, o| o.committed.is_some())?;
                Step::OutsideSet {
                    object,
                    kind: kind_of(object),
                    number,
                }
            }
            Draw::OutsideMove(kind, child, user) => Step::OutsideMove {
                child: self.pick(child, committed(kind))?,
                kind,
                user: match user {
                    None => None,
                    Some(user) => Some(self.pick(user, committed(Kind::User))?),
                },
            },
            Draw::OutsidePair(user, tag) => {
                let pair = (
                    self.pick(user, committed(Kind::User))?,
                    self.pick(tag, committed(Kind::Tag))?,
                );
                Step::OutsidePair {
                    user: pair.0,
                    tag: pair.1,
                    wanted: if self.pairs.are_committed(pair) {
                        Wanted::Apart
                    } else {
                        Wanted::Together
                    },
                }
            }
            Draw::OutsideDelete(which) => {
                let object = self.pick(which, |_, o| o.committed.is_some())?;
                Step::OutsideDelete {
                    object,
                    kind: kind_of(object),
                }
            }
        })
    }

    fn pick(&self, which: usize, fits: impl Fn(usize, &Object) -> bool) -> Option<usize> {
        let all = self.objects.iter().enumerate();
        chosen(which, all.filter(|(n, o)| fits(*n, o)).map(|(n, _)| n))
    }
}

fn committed(kind: Kind) -> impl Fn(usize, &Object) -> bool {
    move |_, o| o.kind == kind && o.committed.is_some()
}

/// Selects a candidate by a number of any size.
fn chosen<T: Copy>(which: usize, candidates: impl Iterator<Item = T>) -> Option<T> {
    let candidates: Vec<T> = candidates.collect();
    candidates.get(which % candidates.len().max(1)).copied()
}
