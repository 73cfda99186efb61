//! Every kind of change in every session hook, with every outcome.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use selfsame::prelude::*;
use selfsame::session::Hook;
use selfsame::{Error, Result};

use crate::fixture::{Author, Book, Fixture, Node, Post, Seat, Tag};
use crate::phases::{boom, once};

/// The objects that the hooks change.
#[derive(Clone, Copy)]
struct Rows {
    /// Written to by the program, too.
    changed: Handle<Author>,
    other: Handle<Author>,
    gone: Handle<Author>,
    book: Handle<Book>,
    post: Handle<Post>,
    tags: [Handle<Tag>; 2],
    seat: Handle<Seat>,
}

impl Rows {
    fn add_to(session: &mut Session) -> Result<Self> {
        let author = |session: &mut Session, name: &str| session.add(Author::new(name));
        let rows = Self {
            changed: author(session, "changed"),
            other: author(session, "other"),
            gone: author(session, "gone"),
            book: session.add(Book::new("book")),
            post: session.add(Post::new("post")),
            tags: session.add_all([Tag::new("old"), Tag::new("new")]),
            seat: session.add(Seat::new(1, "A", false)),
        };
        session.push(rows.post, Post::TAGS, rows.tags[0])?;
        session.commit()?;
        Ok(rows)
    }
}

type Change = fn(&mut Session, Rows) -> Result<()>;
type Shows = fn(&mut Session) -> Result<bool>;

fn has_author(s: &mut Session, name: &str, age: i32) -> Result<bool> {
    let query = Author::query().filter(Author::NAME.eq(name.to_owned()));
    Ok(query.filter(Author::AGE.eq(age)).count(s)? == 1)
}

fn book_is_of(s: &mut Session, name: &str) -> Result<bool> {
    let query = Book::query().filter(Book::AUTHOR.has(Author::NAME.eq(name.to_owned())));
    Ok(query.count(s)? == 1)
}

fn tags_are(s: &mut Session, wanted: &[&str]) -> Result<bool> {
    let post = Post::query().one(s)?;
    let tags = s.load(post, Post::TAGS)?;
    Ok(tags
        .iter()
        .map(|&tag| &*s[tag].label)
        .eq(wanted.iter().copied()))
}

/// Every kind of change, and whether the rows reflect it.
const CHANGES: [(&str, Change, Shows); 18] = [
    (
        "a column of what is written",
        |s, r| {
            s[r.changed].age = Some(7);
            Ok(())
        },
        |s| has_author(s, "changed", 7),
    ),
    (
        "a column of another",
        |s, r| {
            s[r.other].age = Some(7);
            Ok(())
        },
        |s| has_author(s, "other", 7),
    ),
    (
        "add",
        |s, _| {
            s.add(Author {
                age: Some(7),
                ..Author::new("added")
            });
            Ok(())
        },
        |s| has_author(s, "added", 7),
    ),
    (
        "add with a relation",
        |s, r| {
            s.add(Book {
                author: r.changed.into(),
                ..Book::new("added")
            });
            Ok(())
        },
        |s| book_is_of(s, "changed"),
    ),
    (
        "add with another",
        |s, _| {
            s.add(Book {
                author: Author::new("new").into(),
                ..Book::new("added")
            });
            Ok(())
        },
        |s| book_is_of(s, "new"),
    ),
    (
        "set",
        |s, r| s.set(r.book, Book::AUTHOR, Some(r.other)),
        |s| book_is_of(s, "other"),
    ),
    (
        "push",
        |s, r| s.push(r.other, Author::BOOKS, r.book),
        |s| book_is_of(s, "other"),
    ),
    (
        "replace",
        |s, r| s.replace(r.other, Author::BOOKS, [r.book]),
        |s| book_is_of(s, "other"),
    ),
    (
        "a relationship field",
        |s, r| {
            s[r.book].author = r.other.into();
            Ok(())
        },
        |s| book_is_of(s, "other"),
    ),
    (
        "a collection field",
        |s, r| {
            s[r.other].books = [Book::new("in a field")].into();
            Ok(())
        },
        |s| book_is_of(s, "other"),
    ),
    (
        "push of a pair",
        |s, r| s.push(r.post, Post::TAGS, r.tags[1]),
        |s| tags_are(s, &["old", "new"]),
    ),
    (
        "replace of pairs",
        |s, r| s.replace(r.post, Post::TAGS, [r.tags[1]]),
        |s| tags_are(s, &["new"]),
    ),
    (
        "delete",
        |s, r| s.delete(r.gone),
        |s| Ok(Author::query().filter(Author::NAME.eq("gone")).count(s)? == 0),
    ),
    (
        "an expression",
        |s, r| s.set_expr(r.other, Author::AGE, 7),
        |s| has_author(s, "other", 7),
    ),
    (
        "a key",
        |s, r| {
            s[r.seat].row = 9;
            Ok(())
        },
        |s| Ok(Seat::query().filter(Seat::ROW.eq(9)).count(s)? == 1),
    ),
    (
        "merge",
        |s, r| {
            let id = s[r.other].id;
            s.merge(Author {
                id,
                age: Some(7),
                ..Author::new("other")
            })
            .map(drop)
        },
        |s| has_author(s, "other", 7),
    ),
    (
        "a bulk statement",
        |s, _| {
            let query = Author::query().filter(Author::NAME.eq("other"));
            query
                .update()
                .set(Author::AGE, Some(7))
                .execute(s)
                .map(drop)
        },
        |s| has_author(s, "other", 7),
    ),
    (
        "rows past the session",
        |s, _| {
            s.insert_all([Author {
                age: Some(7),
                ..Author::new("plain")
            }])
            .map(drop)
        },
        |s| has_author(s, "plain", 7),
    ),
];

type Made = fn(Box<dyn Fn(&mut Session) -> Result<()> + Send + Sync>) -> Hook;

/// Every session hook.
const HOOKS: [(&str, Made); 6] = [
    ("before_flush", |work| Hook::before_flush(work)),
    ("after_flush", |work| Hook::after_flush(work)),
    ("before_commit", |work| Hook::before_commit(work)),
    ("after_commit", |work| {
        Hook::after_commit(move |s| work(s).expect("a change"))
    }),
    ("before_rollback", |work| {
        Hook::before_rollback(move |s| work(s).expect("a change"))
    }),
    ("after_rollback", |work| {
        Hook::after_rollback(move |s| work(s).expect("a change"))
    }),
];

type End = fn(&mut Session) -> Result<()>;

/// Every outcome, and whether it undoes the changes.
const ENDS: [(&str, bool, End); 8] = [
    ("commit", false, Session::commit),
    ("flush", false, Session::flush),
    ("transaction", false, |s| s.transaction(|_| Ok(()))),
    ("savepoint", false, |s| s.savepoint(|_| Ok(()))),
    ("query", false, |s| Author::query().all(s).map(drop)),
    ("rollback", true, Session::rollback),
    ("failed transaction", true, |s| {
        s.transaction(|s| {
            s.flush()?;
            boom::<()>()
        })
        .or(Ok(()))
    }),
    ("failed savepoint", false, |s| {
        s.savepoint(|s| {
            s.add(Author::new("undone"));
            s.flush()?;
            boom::<()>()
        })
        .or(Ok(()))
    }),
];

#[test]
fn changes_by_hooks_are_never_lost() -> Result<()> {
    for (hook, made) in HOOKS {
        for (change, changes, shows) in CHANGES {
            for (end, is_undone, ends) in ENDS {
                let case = format!("{hook}, {change}, {end}");
                let in_case = |error: Error| Error::new(error.kind(), format!("{case}: {error}"));
                let mut f = Fixture::new()?;
                let rows = Rows::add_to(&mut f.session)?;
                Author::query().all(&mut f.session)?;
                let is_called = Arc::new(AtomicBool::new(false));
                let called = Arc::clone(&is_called);
                let work = once(move |s: &mut Session| {
                    called.store(true, Ordering::Relaxed);
                    changes(s, rows)
                });
                f.session.hook(made(Box::new(work)));
                f.session[rows.changed].height = Some(1.5);
                ends(&mut f.session).map_err(in_case)?;
                let is_called = || is_called.load(Ordering::Relaxed);
                let is_lost = is_called() && is_undone && hook != "after_rollback"
                    || is_called() && hook == "before_rollback";
                for _ in 0..2 {
                    f.session.commit().map_err(in_case)?;
                }
                assert!(!f.session.in_transaction(), "{case}");
                let is_shown = f.in_another_session(shows)?;
                assert_eq!(is_shown, is_called() && !is_lost, "{case}");
                f.session[rows.other].height = Some(2.5);
                f.session.commit().map_err(in_case)?;
            }
        }
    }
    Ok(())
}

/// What a relation was set to is in memory at once, before the hook gives the row another parent.
#[test]
fn a_hook_overrides_a_relation_by_its_column() -> Result<()> {
    for (is_new, from, to) in [
        (true, Some(0), Some(1)),
        (true, Some(0), None),
        (true, None, Some(1)),
        (false, Some(0), Some(1)),
        (false, Some(0), None),
        (false, Some(1), Some(0)),
        (false, None, Some(1)),
    ] {
        let mut f = Fixture::new()?;
        let s = &mut f.session;
        let authors = s.add_all(["a", "b"].map(Author::new));
        let book = s.add(Book::new("book"));
        s.commit()?;
        for author in authors {
            s.load(author, Author::BOOKS)?;
        }
        let book = match is_new {
            true => s.add(Book::new("new")),
            false => book,
        };
        let id = to.map(|at: usize| at as i64 + 1);
        s.hook(Hook::before_insert(move |book: &mut Book| {
            book.author_id = id;
            Ok(())
        }));
        s.hook(Hook::before_update(move |book: &mut Book| {
            book.author_id = id;
            Ok(())
        }));
        s[book].title = "changed".into();
        s.set(book, Book::AUTHOR, from.map(|at: usize| authors[at]))?;
        s.flush()?;
        let parent = to.map(|at| authors[at]);
        assert_eq!(s[book].author_id, id, "{is_new} {from:?} {to:?}");
        assert_eq!(s.load(book, Book::AUTHOR)?, parent);
        for author in authors {
            let books = s.load(author, Author::BOOKS)?;
            let wanted = if Some(author) == parent {
                &[book][..]
            } else {
                &[]
            };
            assert_eq!(books, wanted, "{is_new} {from:?} {to:?}");
        }
        s.commit()?;
        let count = Book::query().filter(Book::AUTHOR_ID.is_null()).count(s)?;
        assert_eq!(count, u64::from(is_new) + u64::from(to.is_none()));
    }
    Ok(())
}

/// The row is written with its new key, before the other changes of the flush.
#[test]
fn a_hook_gives_a_row_with_a_changed_key_another_parent() -> Result<()> {
    for to in [None, Some(1)] {
        let mut f = Fixture::new()?;
        let s = &mut f.session;
        let other = s.add(Node::new("other"));
        s.flush()?;
        let own = s.add(Node::new("own"));
        s.flush()?;
        s.set(own, Node::PARENT, Some(own))?;
        s.commit()?;
        assert_eq!(s.load(own, Node::CHILDREN)?, [own]);
        assert_eq!(s.load(other, Node::CHILDREN)?, []);
        s.hook(Hook::before_update(move |node: &mut Node| {
            node.parent_id = to;
            Ok(())
        }));
        s[own].id = 7.into();
        s.flush()?;
        assert_eq!(s[own].parent_id, to);
        assert_eq!(s.load(own, Node::CHILDREN)?, []);
        let joined: Vec<_> = to.map(|_| own).into_iter().collect();
        assert_eq!(s.load(other, Node::CHILDREN)?, joined);
        s.commit()?;
        assert_eq!(Node::query().filter(Node::PARENT_ID.eq(7)).count(s)?, 0);
    }
    Ok(())
}

/// Its reference is NULL between the two keys; hooks see it as it was.
#[test]
fn a_hook_moves_a_child_of_a_row_whose_key_changes() -> Result<()> {
    for child_changes in [true, false] {
        for to in [None, Some(3)] {
            let mut f = Fixture::new()?;
            let s = &mut f.session;
            let a = s.add(Node::new("a"));
            s.flush()?;
            let x = s.add(Node::new("x"));
            s.push(a, Node::CHILDREN, x)?;
            s.flush()?;
            let p = s.add(Node::new("p"));
            s.commit()?;
            assert_eq!(s.load(a, Node::CHILDREN)?, [x]);
            assert_eq!(s.load(p, Node::CHILDREN)?, []);
            s.hook(Hook::before_update(move |node: &mut Node| {
                if node.label == "x" {
                    assert!(node.parent_id.is_some());
                    node.parent_id = to;
                }
                Ok(())
            }));
            s[a].id = 10.into();
            if child_changes {
                s[x].id = 20.into();
            }
            s.flush()?;
            assert_eq!(s[x].parent_id, to, "{child_changes}");
            assert_eq!(s.load(a, Node::CHILDREN)?, [], "{child_changes} {to:?}");
            let joined: Vec<_> = to.map(|_| x).into_iter().collect();
            assert_eq!(s.load(p, Node::CHILDREN)?, joined, "{child_changes}");
            s.commit()?;
            let mut other = Session::new(&f.outside);
            let row = Node::query().filter(Node::LABEL.eq("x")).one(&mut other)?;
            assert_eq!(other[row].parent_id, to, "{child_changes}");
        }
    }
    Ok(())
}
