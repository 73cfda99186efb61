//! Phases of a session: transactions that do not nest, hooks that make changes, panics anywhere.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use selfsame::prelude::*;
use selfsame::session::{Hook, TransactionOptions};
use selfsame::{Error, ErrorKind, Result};

use crate::fixture::{Album, Author, Book, Fixture, Post, Tag, Track};

pub(crate) fn boom<T>() -> Result<T> {
    Err(Error::new(ErrorKind::Database, "boom"))
}

/// Does something only the first time.
pub(crate) fn once<A: ?Sized>(
    work: impl Fn(&mut A) -> Result<()> + Send + Sync + 'static,
) -> impl Fn(&mut A) -> Result<()> + Send + Sync + 'static {
    let is_done = AtomicBool::new(false);
    move |what| match is_done.swap(true, Ordering::Relaxed) {
        true => Ok(()),
        false => work(what),
    }
}

/// A method that runs a closure in a session.
type Closure = fn(&mut Session, fn(&mut Session) -> Result<()>) -> Result<()>;

type Nested = fn(&mut Session) -> Result<()>;

/// Everything that begins or ends a transaction.
const NESTED: [(&str, Nested); 6] = [
    ("transaction", |s| {
        s.transaction(|s| {
            s.add(Author::new("inner"));
            Ok(())
        })
    }),
    ("transaction_with", |s| {
        s.transaction_with(TransactionOptions::new(), |s| {
            s.add(Author::new("inner"));
            Ok(())
        })
    }),
    ("retry", |s| {
        s.retry(3, |s| {
            s.add(Author::new("inner"));
            Ok(())
        })
    }),
    ("failing transaction", |s| {
        s.transaction(|s| {
            s.add(Author::new("inner"));
            boom()
        })
    }),
    ("commit", Session::commit),
    ("rollback", Session::rollback),
];

#[track_caller]
fn refuses(session: &mut Session, (name, nested): (&str, Nested)) {
    let error = nested(session).expect_err(name);
    assert_eq!(error.kind(), ErrorKind::InvalidState, "{name}: {error}");
    assert!(error.to_string().contains("savepoint"), "{name}: {error}");
}

#[test]
fn a_transaction_in_a_transaction_is_refused_and_changes_nothing() -> Result<()> {
    for nested in NESTED {
        for is_flushed in [false, true] {
            for fails in [false, true] {
                let mut f = Fixture::new()?;
                let result = f.session.transaction(|s| {
                    s.add(Author::new("before"));
                    if is_flushed {
                        s.flush()?;
                    }
                    refuses(s, nested);
                    s.add(Author::new("after"));
                    if fails { boom() } else { Ok(()) }
                });
                assert_eq!(result.is_err(), fails, "{}", nested.0);
                f.session.commit()?;
                f.holds::<Author>(if fails { 0 } else { 2 });
            }
        }
    }
    Ok(())
}

#[test]
fn a_transaction_in_a_retry_or_a_savepoint_is_refused() -> Result<()> {
    for nested in NESTED {
        let mut f = Fixture::new()?;
        f.session.retry(2, |s| {
            s.add(Author::new("retried"));
            refuses(s, nested);
            Ok(())
        })?;
        let undone = f.session.savepoint(|s| {
            s.add(Author::new("undone"));
            refuses(s, nested);
            boom::<()>()
        });
        assert_eq!(undone.unwrap_err().kind(), ErrorKind::Database);
        f.session.transaction(|s| {
            s.savepoint(|s| {
                refuses(s, nested);
                Ok(())
            })
        })?;
        f.holds::<Author>(1);
    }
    Ok(())
}

#[test]
fn a_transaction_continues_one_begun_by_reading() -> Result<()> {
    let mut f = Fixture::new()?;
    f.session.get::<Author>(1)?;
    f.session.add(Author::new("along"));
    f.session.transaction(|s| {
        s.add(Author::new("ann"));
        Ok(())
    })?;
    f.holds::<Author>(2);
    Ok(())
}

#[test]
fn changes_of_an_after_flush_hook_are_written_in_the_same_commit() -> Result<()> {
    let mut f = Fixture::new()?;
    let other = f.session.add(Author::new("other"));
    let book = f.session.add(Book::new("old"));
    let (post, tag) = (f.session.add(Post::new("p")), f.session.add(Tag::new("t")));
    let expr = f.session.add(Author::new("expr"));
    let gone = f.session.add(Author::new("gone"));
    f.session.commit()?;
    let ann = f.session.add(Author::new("ann"));
    f.session
        .hook(Hook::after_flush(once(move |s: &mut Session| {
            s.add(Book {
                author: ann.into(),
                ..Book::new("new")
            });
            s.set(book, Book::AUTHOR, Some(ann))?;
            s.push(post, Post::TAGS, tag)?;
            s.set_expr(expr, Author::AGE, 5)?;
            s[other].age = Some(77);
            s.delete(gone)
        })));
    f.session.commit()?;
    assert!(!f.session.in_transaction());
    f.in_another_session(|s| {
        let ann = Author::query().filter(Author::NAME.eq("ann")).one(s)?;
        assert_eq!(s.load(ann, Author::BOOKS)?.len(), 2);
        let post = Post::query().one(s)?;
        assert_eq!(s.load(post, Post::TAGS)?.len(), 1);
        let ages: Vec<(String, Option<i32>)> =
            s.rows(&selfsame::sql::select((Author::NAME, Author::AGE)).from(Author::table()))?;
        let age = |name: &str| ages.iter().find(|(n, _)| n == name).map(|(_, age)| *age);
        assert_eq!(age("other"), Some(Some(77)));
        assert_eq!(age("expr"), Some(Some(5)));
        assert_eq!(age("gone"), None);
        Ok(())
    })?;
    assert!(!f.session.is_modified(other)?);
    f.session[other].age = Some(78);
    f.session.commit()?;
    f.session.commit()?;
    let other = f
        .session
        .get::<Author>(*f.session[other].id)?
        .expect("other");
    assert_eq!(f.session[other].age, Some(78));
    Ok(())
}

#[test]
fn a_hook_that_never_stops_changing_things_is_an_error() -> Result<()> {
    let mut f = Fixture::new()?;
    f.session.add(Author::new("a"));
    f.session.hook(Hook::after_flush(|s| {
        s.add(Book::new("more"));
        Ok(())
    }));
    let error = f.session.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidState);
    assert!(error.to_string().contains("hook"), "{error}");
    f.session.rollback()?;
    f.holds::<Author>(0);
    Ok(())
}

#[test]
fn a_hook_that_writes_what_is_there_already_ends() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author::new("ann"));
    f.session.hook(Hook::after_flush(move |s| {
        s[ann].age = Some(3);
        Ok(())
    }));
    f.session.commit()?;
    f.session.commit()?;
    f.in_another_session(|s| {
        let ann = Author::query().one(s)?;
        assert_eq!(s[ann].age, Some(3));
        Ok(())
    })
}

#[test]
fn objects_that_a_hook_added_before_a_savepoint_outlive_it() -> Result<()> {
    let mut f = Fixture::new()?;
    let other = f.session.add(Author::new("other"));
    f.session.commit()?;
    f.session
        .hook(Hook::after_flush(once(move |s: &mut Session| {
            s.add(Book::new("audit"));
            s[other].age = Some(77);
            Ok(())
        })));
    f.session.add(Author::new("u"));
    let _ = f.session.savepoint(|_| boom::<()>());
    f.session.commit()?;
    f.holds::<Book>(1);
    f.holds::<Author>(2);
    assert_eq!(f.session[other].age, Some(77));
    Ok(())
}

#[test]
fn a_panic_in_any_hook_is_mended_by_rollback_and_by_close() -> Result<()> {
    fn panics<T: ?Sized>(_: &mut T) -> Result<()> {
        panic!("in a hook")
    }
    let hooks: [fn() -> Hook; 13] = [
        || Hook::before_flush(once(panics)),
        || Hook::after_flush(once(panics)),
        || Hook::before_commit(once(panics)),
        || {
            let work = once(panics::<Session>);
            Hook::after_commit(move |s| work(s).expect("once"))
        },
        || {
            let work = once(panics::<Session>);
            Hook::before_rollback(move |s| work(s).expect("once"))
        },
        || {
            let work = once(panics::<Session>);
            Hook::after_rollback(move |s| work(s).expect("once"))
        },
        || Hook::before_insert(once(panics::<Author>)),
        || Hook::before_update(once(panics::<Author>)),
        || {
            let work = once(panics::<()>);
            Hook::after_insert::<Author>(move |_| work(&mut ()))
        },
        || {
            let work = once(panics::<()>);
            Hook::after_update::<Author>(move |_| work(&mut ()))
        },
        || {
            let work = once(panics::<()>);
            Hook::before_delete::<Author>(move |_| work(&mut ()))
        },
        || {
            let work = once(panics::<()>);
            Hook::after_delete::<Author>(move |_| work(&mut ()))
        },
        || {
            let work = once(panics::<()>);
            Hook::load::<Author>(move |_| work(&mut ()))
        },
    ];
    for hook in hooks {
        for is_closed in [false, true] {
            let mut f = Fixture::new()?;
            f.in_another_session(|s| {
                s.add_all([Author::new("read"), Author::new("deleted")]);
                Ok(())
            })?;
            let hook = hook();
            let name = format!("{hook:?}");
            let deleted = f.session.get::<Author>(2)?.expect("a row");
            f.session.hook(hook);
            let panicked = catch_unwind(AssertUnwindSafe(|| -> Result<()> {
                let read = f.session.get::<Author>(1)?.expect("a row");
                f.session.add(Author::new("new"));
                f.session[read].age = Some(5);
                f.session.delete(deleted)?;
                if name.contains("Rollback") {
                    f.session.flush()?;
                    return f.session.rollback();
                }
                f.session.commit()
            }));
            assert!(panicked.is_err(), "{name} is called");
            let is_committed = name.contains("AfterCommit");
            // Partial work is not committed, whatever is called next.
            if !is_committed && !name.contains("Rollback") && !name.contains("Load") {
                let error = f.session.commit().expect_err(&name);
                assert_eq!(error.kind(), ErrorKind::PendingRollback, "{name}");
            }
            if is_closed {
                f.session.close();
            } else {
                f.session.rollback()?;
            }
            f.session.add(Author::new("next"));
            f.session.commit()?;
            f.holds::<Author>(3);
            let next = Author::query().filter(Author::NAME.eq("next"));
            assert_eq!(next.count(&mut f.session)?, 1, "{name}");
            f.session.savepoint(|s| {
                s.add(Author::new("last"));
                Ok(())
            })?;
            f.session.commit()?;
        }
    }
    Ok(())
}

#[test]
fn a_panic_in_a_closure_leaves_nothing_half() -> Result<()> {
    let half = |s: &mut Session| {
        s.add(Author::new("half"));
        s.flush()?;
        s.add(Author::new("more"));
        let panics = true;
        assert!(!panics, "in a closure");
        Ok(())
    };
    let closures: [Closure; 6] = [
        |s, work| s.transaction(work),
        |s, work| s.transaction_with(TransactionOptions::new(), work),
        |s, work| s.retry(2, work),
        |s, work| s.savepoint(work),
        |s, work| s.transaction(|s| s.savepoint(work)),
        |s, work| s.no_autoflush(|s| s.savepoint(work)),
    ];
    for closure in closures {
        let mut f = Fixture::new()?;
        let panicked = catch_unwind(AssertUnwindSafe(|| closure(&mut f.session, half)));
        assert!(panicked.is_err());
        f.session.add(Author::new("next"));
        assert_eq!(Author::query().count(&mut f.session)?, 1, "autoflush is on");
        f.session.commit()?;
        f.holds::<Author>(1);
    }
    Ok(())
}

#[test]
fn options_and_autoflush_do_not_outlive_a_panic() -> Result<()> {
    let mut f = Fixture::new()?;
    let options = TransactionOptions::new().read_only();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        f.session
            .transaction_with(options, |_| -> Result<()> { panic!("in a closure") })
    }));
    assert!(panicked.is_err());
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        f.session
            .no_autoflush(|_| -> Result<()> { panic!("in a closure") })
    }));
    assert!(panicked.is_err());
    f.session.add(Author::new("ann"));
    assert_eq!(Author::query().count(&mut f.session)?, 1);
    f.session.commit()?;
    f.holds::<Author>(1);
    Ok(())
}

#[test]
fn a_session_closed_inside_is_not_committed_by_halves() -> Result<()> {
    let closures: [Closure; 3] = [
        |s, work| s.transaction(work),
        |s, work| s.savepoint(work),
        |s, work| s.transaction(|s| s.savepoint(work)),
    ];
    for closure in closures {
        let mut f = Fixture::new()?;
        let result = closure(&mut f.session, |s| {
            s.add(Author::new("first half"));
            s.flush()?;
            s.close();
            s.add(Author::new("second half"));
            Ok(())
        });
        assert_eq!(result.unwrap_err().kind(), ErrorKind::PendingRollback);
        f.session.rollback()?;
        f.session.add(Author::new("next"));
        f.session.commit()?;
        f.holds::<Author>(1);
    }
    Ok(())
}

#[test]
fn values_that_do_not_fit_are_refused_and_the_transaction_continues() -> Result<()> {
    let mut f = Fixture::new()?;
    let stale = f.session.add(Author::new("stale"));
    f.session.commit()?;
    f.session.expunge(stale)?;
    let mut other = Session::new(&f.outside);
    let foreign = other.add(Author::new("foreign"));
    for (bad, kind) in [
        (stale, ErrorKind::StaleHandle),
        (foreign, ErrorKind::ForeignHandle),
    ] {
        f.session.add(Author::new(format!("{kind:?}")));
        f.session.flush()?;
        let add = |s: &mut Session| {
            s.add(Book {
                author: bad.into(),
                ..Book::new("b")
            })
        };
        let books = [add(&mut f.session), add(&mut f.session)];
        for book in books {
            // Repeatedly, until the object is taken out or corrected.
            for _ in 0..2 {
                assert_eq!(f.session.flush().unwrap_err().kind(), kind);
                assert_eq!(f.session.commit().unwrap_err().kind(), kind);
            }
            if book == books[0] {
                f.session.take(book)?;
            } else {
                f.session.set(book, Book::AUTHOR, None)?;
            }
        }
        f.session.commit()?;
    }
    f.holds::<Author>(3);
    f.holds::<Book>(2);
    let book = Book::query().first(&mut f.session)?.expect("a book");
    f.session[book].author = stale.into();
    assert_eq!(
        f.session.flush().unwrap_err().kind(),
        ErrorKind::StaleHandle
    );
    f.session[book].title = "kept".into();
    f.session.commit()?;
    Ok(())
}

#[test]
fn a_stale_handle_in_a_collection_field_is_refused() -> Result<()> {
    let mut f = Fixture::new()?;
    let stale = f.session.add(Track::new("stale", 0));
    f.session.take(stale)?;
    f.session.add(Author::new("kept"));
    f.session.flush()?;
    let album = f.session.add(Album {
        tracks: [stale].into(),
        ..Album::new("a")
    });
    assert_eq!(
        f.session.flush().unwrap_err().kind(),
        ErrorKind::StaleHandle
    );
    f.session.take(album)?;
    f.session.commit()?;
    f.holds::<Author>(1);
    f.holds::<Album>(0);
    Ok(())
}

fn panics(name: &str) -> std::result::Result<(), &'static str> {
    assert!(name != "panic", "in a rule");
    Ok(())
}

/// Has a validation function that panics.
#[derive(selfsame::Entity, Clone, Debug)]
#[orm(table = "fragile")]
struct Fragile {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(validate = panics)]
    name: String,
}

#[test]
fn a_panic_in_a_rule_of_the_program_leaves_nothing_half() -> Result<()> {
    type Write = fn(&mut Session) -> Result<()>;
    let writes: [Write; 3] = [
        |s| {
            s.add_all([Fragile::new("first"), Fragile::new("panic")]);
            s.commit()
        },
        |s| {
            s.insert_all([Fragile::new("first"), Fragile::new("panic")])
                .map(drop)
        },
        |s| {
            s.savepoint(|s| {
                s.add(Fragile::new("panic"));
                Ok(())
            })
        },
    ];
    for write in writes {
        let mut f = Fixture::new()?;
        metadata![Fragile].create_all(&f.outside)?;
        f.session.add(Author::new("ann"));
        f.session.flush()?;
        let panicked = catch_unwind(AssertUnwindSafe(|| write(&mut f.session)));
        assert!(panicked.is_err());
        f.session.rollback()?;
        f.session.add(Fragile::new("next"));
        f.session.commit()?;
        f.holds::<Fragile>(1);
        f.holds::<Author>(0);
    }
    Ok(())
}
