//! Random programs with a many-to-many relation, compared with sets of pairs.

use std::collections::BTreeSet;

use proptest::prelude::*;
use selfsame::prelude::*;
use selfsame::{ErrorKind, Result};

use crate::fixture::{Fixture, Post, Tag};

const COUNT: usize = 2;

#[derive(Clone, Debug)]
enum Op {
    /// From the post's side, or from the tag's.
    Push(Side, usize, usize),
    Remove(Side, usize, usize),
    Replace(usize, Vec<usize>),
    Load(Side, usize),
    Expire(Side, usize),
    ExpireAll,
    Flush,
    Commit,
    Rollback,
    /// A savepoint that is kept or undone.
    Savepoint(Ending, Vec<Op>),
}

#[derive(Clone, Copy, Debug)]
enum Side {
    Post,
    Tag,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Kept,
    Undone,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let side = prop_oneof![Just(Side::Post), Just(Side::Tag)];
    let change = (side, 0..COUNT, 0..COUNT);
    let leaf = prop_oneof![
        4 => change.clone().prop_map(|(side, post, tag)| Op::Push(side, post, tag)),
        4 => change.clone().prop_map(|(side, post, tag)| Op::Remove(side, post, tag)),
        2 => (0..COUNT, proptest::collection::vec(0..COUNT, 0..COUNT))
            .prop_map(|(post, tags)| Op::Replace(post, tags)),
        3 => change.clone().prop_map(|(side, object, _)| Op::Load(side, object)),
        3 => change.prop_map(|(side, object, _)| Op::Expire(side, object)),
        1 => Just(Op::ExpireAll),
        2 => Just(Op::Flush),
        1 => Just(Op::Commit),
        1 => Just(Op::Rollback),
    ];
    let op = leaf.prop_recursive(2, 8, 4, |inner| {
        let ending = prop_oneof![Just(Ending::Kept), Just(Ending::Undone)];
        let inner = inner.prop_filter("not inside a savepoint", |op| {
            !matches!(op, Op::Commit | Op::Rollback)
        });
        (ending, proptest::collection::vec(inner, 0..4))
            .prop_map(|(ending, ops)| Op::Savepoint(ending, ops))
    });
    proptest::collection::vec(op, 0..30)
}

type Pairs = BTreeSet<(usize, usize)>;

/// The pairs in memory, in the transaction, and committed.
#[derive(Clone, Default)]
struct Model {
    now: Pairs,
    flushed: Pairs,
    committed: Pairs,
}

impl Model {
    fn tags(&self, post: usize) -> BTreeSet<usize> {
        let pairs = self.now.iter();
        pairs.filter(|pair| pair.0 == post).map(|p| p.1).collect()
    }

    fn posts(&self, tag: usize) -> BTreeSet<usize> {
        let pairs = self.now.iter();
        pairs.filter(|pair| pair.1 == tag).map(|p| p.0).collect()
    }

    fn forget(&mut self, is_of: impl Fn(&(usize, usize)) -> bool) {
        self.now.retain(|pair| !is_of(pair));
        self.now.extend(self.flushed.iter().filter(|p| is_of(p)));
    }
}

struct Program {
    posts: Vec<Handle<Post>>,
    tags: Vec<Handle<Tag>>,
}

impl Program {
    fn run(&self, s: &mut Session, model: &mut Model, op: &Op) -> Result<()> {
        match op {
            &Op::Push(side, post, tag) => {
                match side {
                    Side::Post => s.push(self.posts[post], Post::TAGS, self.tags[tag])?,
                    Side::Tag => s.push(self.tags[tag], Tag::POSTS, self.posts[post])?,
                }
                model.now.insert((post, tag));
            }
            // Removing a missing pair would be an error, now or at the flush.
            &Op::Remove(side, post, tag) if model.now.remove(&(post, tag)) => match side {
                Side::Post => s.remove(self.posts[post], Post::TAGS, self.tags[tag])?,
                Side::Tag => s.remove(self.tags[tag], Tag::POSTS, self.posts[post])?,
            },
            Op::Remove(..) => {}
            Op::Replace(post, tags) => {
                let handles = tags.iter().map(|&tag| self.tags[tag]);
                s.replace(self.posts[*post], Post::TAGS, handles)?;
                // A collection that is not loaded is loaded first, which flushes.
                model.now.retain(|pair| pair.0 != *post);
                model.now.extend(tags.iter().map(|&tag| (*post, tag)));
                s.flush()?;
                model.flushed.clone_from(&model.now);
            }
            &Op::Load(side, object) => {
                s.flush()?;
                model.flushed.clone_from(&model.now);
                let _ = match side {
                    Side::Post => s.load(self.posts[object], Post::TAGS)?.len(),
                    Side::Tag => s.load(self.tags[object], Tag::POSTS)?.len(),
                };
            }
            &Op::Expire(Side::Post, post) => {
                s.expire(self.posts[post])?;
                model.forget(|pair| pair.0 == post);
            }
            &Op::Expire(Side::Tag, tag) => {
                s.expire(self.tags[tag])?;
                model.forget(|pair| pair.1 == tag);
            }
            Op::ExpireAll => s.expire_all(),
            Op::Flush => {
                s.flush()?;
                model.flushed.clone_from(&model.now);
            }
            Op::Commit => {
                s.commit()?;
                model.flushed.clone_from(&model.now);
                model.committed.clone_from(&model.now);
            }
            Op::Rollback => {
                s.rollback()?;
                model.now.clone_from(&model.committed);
                model.flushed.clone_from(&model.committed);
            }
            Op::Savepoint(ending, ops) => {
                model.flushed.clone_from(&model.now);
                let before = model.clone();
                let result = s.savepoint(|s| {
                    for op in ops {
                        self.run(s, model, op)?;
                        self.check(s, model)?;
                    }
                    match ending {
                        Ending::Kept => Ok(()),
                        Ending::Undone => {
                            Err(selfsame::Error::new(ErrorKind::InvalidStatement, "undo"))
                        }
                    }
                });
                match (ending, result) {
                    (Ending::Kept, result) => {
                        result?;
                        model.flushed.clone_from(&model.now);
                    }
                    (Ending::Undone, Err(error)) if error.kind() == ErrorKind::InvalidStatement => {
                        *model = before;
                    }
                    (Ending::Undone, result) => result?,
                }
            }
        }
        Ok(())
    }

    /// Compares the loaded collections with the model.
    fn check(&self, s: &Session, model: &Model) -> Result<()> {
        for (post, &handle) in self.posts.iter().enumerate() {
            if let Some(tags) = s.loaded(handle, Post::TAGS)? {
                let found: BTreeSet<usize> = places(&self.tags, &tags);
                assert_eq!((found.len(), &found), (tags.len(), &model.tags(post)));
            }
        }
        for (tag, &handle) in self.tags.iter().enumerate() {
            if let Some(posts) = s.loaded(handle, Tag::POSTS)? {
                let found: BTreeSet<usize> = places(&self.posts, &posts);
                assert_eq!((found.len(), &found), (posts.len(), &model.posts(tag)));
            }
        }
        Ok(())
    }
}

fn places<E>(all: &[Handle<E>], some: &[Handle<E>]) -> BTreeSet<usize> {
    let place = |handle| all.iter().position(|other| other == handle);
    some.iter().filter_map(place).collect()
}

fn run(ops: &[Op]) -> Result<()> {
    let mut f = Fixture::new()?;
    let posts = (0..COUNT).map(|n| Post::new(format!("post {n}")));
    let posts = f.session.add_all(posts.collect::<Vec<_>>());
    let tags = (0..COUNT).map(|n| Tag::new(format!("tag {n}")));
    let tags = f.session.add_all(tags.collect::<Vec<_>>());
    f.session.commit()?;
    let program = Program { posts, tags };
    let mut model = Model::default();
    for op in ops {
        program.run(&mut f.session, &mut model, op)?;
        program.check(&f.session, &model)?;
    }
    f.session.commit()?;
    for (post, &handle) in program.posts.iter().enumerate() {
        let tags = f.session.load(handle, Post::TAGS)?;
        assert_eq!(places(&program.tags, &tags), model.tags(post));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn pairs_are_what_was_put_together(ops in ops()) {
        run(&ops).expect("a program without errors");
    }
}

#[test]
fn pairs_are_taken_apart_in_the_order_of_their_keys() -> Result<()> {
    let mut f = Fixture::new()?;
    let tags = f.session.add_all(["a", "b", "c"].map(Tag::new));
    let posts = f.session.add_all(["p", "q"].map(Post::new));
    for post in posts {
        f.session.replace(post, Post::TAGS, tags)?;
    }
    f.session.commit()?;
    f.in_another_session(|s| {
        s.sql("CREATE TABLE gone (pair TEXT)", ()).execute()?;
        let trigger = "CREATE TRIGGER deleted AFTER DELETE ON post_tags BEGIN
            INSERT INTO gone VALUES (old.post_id || ' ' || old.tag_id); END";
        s.sql(trigger, ()).execute()
    })?;
    for (post, tag) in [(1, 2), (0, 1), (1, 0), (0, 2)] {
        f.session.remove(posts[post], Post::TAGS, tags[tag])?;
    }
    f.session.commit()?;
    let gone = f.in_another_session(|s| s.sql("SELECT pair FROM gone", ()).all::<(String,)>())?;
    let gone: Vec<&str> = gone.iter().map(|(pair,)| &**pair).collect();
    assert_eq!(gone, ["1 2", "1 3", "2 1", "2 3"]);
    Ok(())
}
