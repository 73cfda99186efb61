//! Hooks: when they are called, what they may do, and the effects of their errors.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use selfsame::prelude::*;
use selfsame::session::Hook;
use selfsame::{Error, ErrorKind, Result};

use crate::fixture::{Album, Author, Book, Draft, Fixture, Seat, Track};
use crate::phases::boom;

/// The calls, in order.
#[derive(Clone, Default)]
struct Calls(Arc<Mutex<Vec<String>>>);

impl Calls {
    fn add(&self, call: impl Into<String>) -> Result<()> {
        self.0.lock().expect("a list of calls").push(call.into());
        Ok(())
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().expect("a list of calls"))
    }
}

/// A session that logs every call for an author.
fn listening() -> Result<(Fixture, Calls)> {
    let mut f = Fixture::new()?;
    let calls = Calls::default();
    let session = |name: &'static str| {
        let calls = calls.clone();
        move |_: &mut Session| calls.add(name)
    };
    let ended = |name: &'static str| {
        let calls = calls.clone();
        move |_: &mut Session| calls.add(name).expect("a list of calls")
    };
    let object = |name: &'static str| {
        let calls = calls.clone();
        move |author: &Author| calls.add(format!("{name} {}", author.name))
    };
    let changing = |name: &'static str| {
        let calls = calls.clone();
        move |author: &mut Author| calls.add(format!("{name} {}", author.name))
    };
    for hook in [
        Hook::before_flush(session("before flush")),
        Hook::after_flush(session("after flush")),
        Hook::before_commit(session("before commit")),
        Hook::after_commit(ended("after commit")),
        Hook::before_rollback(ended("before rollback")),
        Hook::after_rollback(ended("after rollback")),
        Hook::before_insert(changing("before insert")),
        Hook::after_insert(object("after insert")),
        Hook::before_update(changing("before update")),
        Hook::after_update(object("after update")),
        Hook::before_delete(object("before delete")),
        Hook::after_delete(object("after delete")),
        Hook::load(object("load")),
    ] {
        f.session.hook(hook);
    }
    Ok((f, calls))
}

#[test]
fn each_hook_is_called_once_and_in_order() -> Result<()> {
    let (mut f, calls) = listening()?;
    let ann = f.session.add(Author::new("ann"));
    f.session.add(Book::new("not requested"));
    f.session.commit()?;
    assert_eq!(
        calls.take(),
        [
            "before commit",
            "before flush",
            "before insert ann",
            "after insert ann",
            "after flush",
            "after commit"
        ]
    );
    f.session[ann].age = Some(3);
    f.session.flush()?;
    assert_eq!(
        calls.take(),
        [
            "before flush",
            "before update ann",
            "after update ann",
            "after flush"
        ]
    );
    f.session.delete(ann)?;
    f.session.flush()?;
    assert_eq!(
        calls.take(),
        [
            "before flush",
            "before delete ann",
            "after delete ann",
            "after flush"
        ]
    );
    f.session.rollback()?;
    assert_eq!(calls.take(), ["before rollback", "after rollback"]);
    f.session.flush()?;
    assert_eq!(calls.take(), [] as [&str; 0]);
    Ok(())
}

#[test]
fn what_is_deleted_is_not_announced_as_changed() -> Result<()> {
    let (mut f, calls) = listening()?;
    let [ann, bob] = f.session.add_all(["ann", "bob"].map(Author::new));
    f.session.commit()?;
    Author::query().all(&mut f.session)?;
    calls.take();
    f.session[ann].age = Some(3);
    f.session[bob].age = Some(4);
    f.session.delete(ann)?;
    f.session.flush()?;
    assert_eq!(
        calls.take(),
        [
            "before flush",
            "before update bob",
            "before delete ann",
            "after update bob",
            "after delete ann",
            "after flush"
        ]
    );
    Ok(())
}

#[test]
fn load_hooks_are_called_once_for_each_object() -> Result<()> {
    let (mut f, calls) = listening()?;
    f.in_another_session(|s| {
        s.add_all([Author::new("ann"), Author::new("bob"), Author::new("carl")]);
        s.add(Book {
            author_id: Some(3),
            ..Book::new("b")
        });
        Ok(())
    })?;
    f.session.get::<Author>(2)?;
    assert_eq!(calls.take(), ["load bob"]);
    f.session.add(Author::new("dora"));
    f.session.flush()?;
    calls.take();
    Author::query()
        .filter(Author::ID.ne(3))
        .order_by(Author::ID.asc())
        .all(&mut f.session)?;
    assert_eq!(calls.take(), ["load ann"]);
    let book = Book::query()
        .with(Book::AUTHOR.joined())
        .one(&mut f.session)?;
    assert_eq!(calls.take(), ["load carl"]);
    f.session.load(book, Book::AUTHOR)?;
    f.session.expire_all();
    f.session.get::<Author>(1)?;
    assert_eq!(calls.take(), [] as [&str; 0]);
    f.session.clear();
    f.session.get::<Author>(1)?;
    assert_eq!(calls.take(), ["load ann"]);
    Ok(())
}

#[test]
fn a_hook_changes_what_is_written() -> Result<()> {
    let mut f = Fixture::new()?;
    f.session.hook(Hook::before_insert(|author: &mut Author| {
        author.name = author.name.to_uppercase();
        Ok(())
    }));
    f.session.hook(Hook::before_update(|author: &mut Author| {
        author.height = Some(f64::from(author.age.unwrap_or(0)));
        Ok(())
    }));
    let ann = f.session.add(Author::new("ann"));
    f.session.commit()?;
    f.forget();
    f.session[ann].age = Some(3);
    f.session.commit()?;
    f.sends(&[
        "BEGIN IMMEDIATE",
        "SELECT authors WHERE id = ?",
        "UPDATE authors SET age = ?, height = ? WHERE id = ?",
        "COMMIT",
    ]);
    let seen = f.in_another_session(|s| Ok(Author::query().rows(s)?.remove(0)))?;
    assert_eq!((&*seen.name, seen.height), ("ANN", Some(3.0)));
    Ok(())
}

#[test]
fn a_hook_that_reverts_a_change_gets_no_after_update() -> Result<()> {
    let (mut f, calls) = listening()?;
    let ann = f.session.add(Author::new("ann"));
    f.session.flush()?;
    f.session.hook(Hook::before_update(|author: &mut Author| {
        author.age = None;
        Ok(())
    }));
    f.session[ann].age = Some(3);
    calls.take();
    f.forget();
    f.session.flush()?;
    f.sends(&[]);
    assert_eq!(
        calls.take(),
        ["before flush", "before update ann", "after flush"]
    );
    Ok(())
}

#[test]
fn a_hook_of_a_flush_works_on_its_session() -> Result<()> {
    let mut f = Fixture::new()?;
    f.session.hook(Hook::before_flush(|s| {
        assert_eq!(Author::query().count(s)?, 0);
        for album in s.new_objects::<Album>() {
            let title = format!("about {}", s[album].title);
            s.add(Book::new(title));
        }
        let refused = s.commit().expect_err("a commit inside a hook");
        assert_eq!(refused.kind(), ErrorKind::InvalidState);
        let refused = s.rollback().expect_err("a rollback inside a hook");
        assert_eq!(refused.kind(), ErrorKind::InvalidState);
        let refused = s.flush().expect_err("a flush inside a flush");
        assert_eq!(refused.kind(), ErrorKind::InvalidState);
        Ok(())
    }));
    f.session.add(Album::new("first"));
    f.session.commit()?;
    f.holds::<Album>(1);
    f.holds::<Book>(1);
    Ok(())
}

#[test]
fn an_error_from_a_hook_rolls_back() -> Result<()> {
    let refusal = || Error::new(ErrorKind::Validation, "no more");
    let hooks: [Hook; 5] = [
        Hook::before_flush(move |_| Err(refusal())),
        Hook::before_insert(move |_: &mut Author| Err(refusal())),
        Hook::after_insert(move |_: &Author| Err(refusal())),
        Hook::after_flush(move |_| Err(refusal())),
        Hook::before_commit(move |_| Err(refusal())),
    ];
    for hook in hooks {
        let mut f = Fixture::new()?;
        f.session.hook(hook.clone());
        let ann = f.session.add(Author::new("ann"));
        let error = f.session.commit().expect_err("the hook refuses");
        assert_eq!(
            (error.kind(), error.message()),
            (ErrorKind::Validation, "no more"),
            "{hook:?}"
        );
        assert!(!f.session.in_transaction());
        let waits = f.session.get::<Author>(77).expect_err("it waits");
        assert_eq!(waits.kind(), ErrorKind::PendingRollback);
        f.session.rollback()?;
        assert_eq!(f.session.state(ann), State::Transient);
        f.holds::<Author>(0);
    }
    let mut f = Fixture::new()?;
    f.in_another_session(|s| Ok(s.add(Author::new("ann"))))?;
    f.session.hook(Hook::load(move |_: &Author| Err(refusal())));
    let error = f.session.get::<Author>(1).expect_err("the hook refuses");
    assert_eq!(error.entity_name(), Some("Author"));
    assert!(!f.session.in_transaction());
    Ok(())
}

type Read = fn(&mut Session) -> Result<usize>;

/// Every way to read authors, of whom a load hook refuses the third.
const READS: [(&str, Read); 6] = [
    ("a query", |s| {
        let query = Author::query().order_by(Author::ID.asc());
        Ok(query.all(s)?.len())
    }),
    ("selectin", |s| {
        let query = Author::query().order_by(Author::ID.asc());
        Ok(query.with(Author::BOOKS.selectin()).all(s)?.len())
    }),
    ("joined", |s| {
        let query = Author::query().order_by(Author::ID.asc());
        Ok(query.with(Author::BOOKS.joined()).all(s)?.len())
    }),
    ("get_many", |s| {
        let keys: Vec<i64> = (1..=5).collect();
        Ok(s.get_many::<Author>(keys)?.len())
    }),
    ("get", |s| {
        for key in 1..=5 {
            s.get::<Author>(key)?;
        }
        Ok(5)
    }),
    ("parents", |s| {
        let books = Book::query().with(Book::AUTHOR.selectin());
        Ok(books.all(s)?.len())
    }),
];

#[test]
fn what_a_load_hook_refuses_is_refused_again() -> Result<()> {
    for (name, read) in READS {
        for in_savepoint in [false, true] {
            for panics in [false, true] {
                let mut f = Fixture::new()?;
                f.in_another_session(|s| {
                    let author = |n| Author {
                        books: [Book::new("b")].into(),
                        ..Author::new(format!("a{n}"))
                    };
                    Ok(s.add_all((1..=5).map(author).collect::<Vec<_>>()))
                })?;
                let is_strict = Arc::new(AtomicBool::new(true));
                let strict = Arc::clone(&is_strict);
                let calls = Calls::default();
                let log = calls.clone();
                f.session.hook(Hook::load(move |author: &Author| {
                    let refuses = author.name == "a3" && strict.load(Ordering::Relaxed);
                    assert!(!(refuses && panics), "the hook panics");
                    if refuses {
                        return boom();
                    }
                    log.add(&author.name)
                }));
                for _ in 0..3 {
                    let outcome = catch_unwind(AssertUnwindSafe(|| match in_savepoint {
                        true => f.session.savepoint(read),
                        false => read(&mut f.session),
                    }));
                    assert!(!matches!(outcome, Ok(Ok(_))), "{name}: the hook refuses");
                    if !in_savepoint {
                        f.session.rollback()?;
                    }
                }
                is_strict.store(false, Ordering::Relaxed);
                assert_eq!(read(&mut f.session)?, 5, "{name}");
                let mut accepted = calls.take();
                accepted.sort();
                assert_eq!(accepted, ["a1", "a2", "a3", "a4", "a5"], "{name}");
                for author in Author::query().all(&mut f.session)? {
                    assert_eq!(f.session.load(author, Author::BOOKS)?.len(), 1, "{name}");
                }
                f.session.commit()?;
            }
        }
    }
    Ok(())
}

#[test]
fn a_hook_of_an_object_relates_nothing() -> Result<()> {
    let mut f = Fixture::new()?;
    f.session.hook(Hook::before_insert(|album: &mut Album| {
        album.tracks.push(Track::new("hidden", 0));
        Ok(())
    }));
    f.session.add(Album::new("first"));
    let error = f.session.flush().expect_err("it would be lost");
    assert_eq!(error.kind(), ErrorKind::InvalidState);
    assert!(error.message().contains("before_flush"));
    Ok(())
}

#[test]
fn a_factory_gives_its_hooks_to_every_session() -> Result<()> {
    let f = Fixture::new()?;
    let factory =
        SessionFactory::new(&f.engine).hook(Hook::before_insert(|author: &mut Author| {
            author.age = Some(1);
            Ok(())
        }));
    for name in ["ann", "bob"] {
        let mut session = factory.session();
        let author = session.add(Author::new(name));
        session.commit()?;
        assert_eq!(session[author].age, Some(1));
    }
    Ok(())
}

#[test]
fn a_changed_key_is_an_update_like_another() -> Result<()> {
    let (mut f, calls) = listening()?;
    let ann = f.session.add(Author {
        books: [Book::new("b")].into(),
        ..Author::new("ann")
    });
    f.session.flush()?;
    f.session.hook(Hook::before_update(|author: &mut Author| {
        author.height = Some(1.5);
        Ok(())
    }));
    f.session[ann].id = Auto::set(70);
    calls.take();
    f.session.flush()?;
    assert_eq!(
        calls.take(),
        [
            "before flush",
            "before update ann",
            "after update ann",
            "after flush"
        ]
    );
    f.session.commit()?;
    let seen = f.in_another_session(|s| Ok(Author::query().rows(s)?.remove(0)))?;
    assert_eq!((seen.id.get(), seen.height), (Some(&70), Some(1.5)));
    Ok(())
}

#[test]
fn a_key_that_others_refer_to_is_not_changed_by_a_hook() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author {
        books: [Book::new("b")].into(),
        ..Author::new("ann")
    });
    f.session.commit()?;
    f.session.hook(Hook::before_update(|author: &mut Author| {
        author.id = Auto::set(70);
        Ok(())
    }));
    f.session[ann].age = Some(3);
    let error = f.session.flush().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidState);
    assert_eq!(error.entity_name(), Some("Author"));
    assert!(error.to_string().contains("before_flush"), "{error}");
    f.session.rollback()?;
    // Changes by the program and by the hook are written together.
    f.session[ann].id = Auto::set(60);
    f.session.commit()?;
    let book = f.in_another_session(|s| Ok(Book::query().rows(s)?.remove(0)))?;
    assert_eq!(book.author_id, Some(70));
    Ok(())
}

#[test]
fn a_key_without_references_may_be_changed_by_a_hook() -> Result<()> {
    let mut f = Fixture::new()?;
    let seat = f.session.add(Seat::new(1, "a", false));
    f.session.commit()?;
    f.session.hook(Hook::before_update(|seat: &mut Seat| {
        seat.row = 2;
        Ok(())
    }));
    f.session[seat].taken = true;
    f.session.commit()?;
    assert_eq!(f.session.get::<Seat>((2, "a".to_owned()))?, Some(seat));
    f.holds::<Seat>(1);
    Ok(())
}

#[test]
fn objects_of_two_types_from_one_query_call_the_hooks_of_each() -> Result<()> {
    let (mut f, calls) = listening()?;
    let of_books = calls.clone();
    f.session.hook(Hook::load(move |book: &Book| {
        of_books.add(format!("load {}", book.title))
    }));
    f.in_another_session(|s| {
        s.add_all(["ann", "bob"].map(|name| Author {
            books: [Book::new(format!("of {name}"))].into(),
            ..Author::new(name)
        }));
        Ok(())
    })?;
    let with_books = Author::query().with(Author::BOOKS.joined());
    with_books.order_by(Author::ID.asc()).all(&mut f.session)?;
    let mut reported = calls.take();
    reported.sort();
    assert_eq!(
        reported,
        ["load ann", "load bob", "load of ann", "load of bob"]
    );
    Ok(())
}

/// A bulk statement needs the mapping that it was begun with.
#[test]
fn a_hook_that_clears_the_session_before_a_bulk_statement_is_refused() -> Result<()> {
    for is_update in [true, false] {
        let mut f = Fixture::new()?;
        f.session.add(Author::new("ann"));
        f.session.hook(Hook::after_flush(|s| {
            s.clear();
            Ok(())
        }));
        let query = Author::query();
        let done = match is_update {
            true => query.update().set(Author::AGE, 3).execute(&mut f.session),
            false => query.delete().execute(&mut f.session),
        };
        let error = done.expect_err("no store");
        assert_eq!(error.kind(), ErrorKind::InvalidState, "{error}");
    }
    Ok(())
}

/// Another row has the key that the new one had before the hook.
#[test]
fn a_row_that_references_itself_does_so_by_the_key_of_its_hook() -> Result<()> {
    for others in [false, true] {
        let mut f = Fixture::new()?;
        let s = &mut f.session;
        s.add(Draft::new("a", "other"));
        s.commit()?;
        s.hook(Hook::before_insert(|draft: &mut Draft| {
            draft.name.insert_str(0, "new ");
            Ok(())
        }));
        let draft = s.add(Draft::new("a", "text"));
        s.set(draft, Draft::ORIGIN, Some(draft))?;
        if others {
            let copy = s.add(Draft::new("copy", "text"));
            s.set(copy, Draft::ORIGIN, Some(draft))?;
        }
        s.commit()?;
        let rows = s.sql("SELECT name, origin_name FROM drafts ORDER BY name", ());
        let rows = rows.all::<(String, Option<String>)>()?;
        let row = |name: &str, origin: Option<&str>| (name.to_owned(), origin.map(str::to_owned));
        let expected = [
            row("a", None),
            row("new a", Some("new a")),
            row("new copy", Some("new a")),
        ];
        assert_eq!(rows, expected[..rows.len()]);
        assert_eq!(rows.len(), 2 + usize::from(others));
    }
    Ok(())
}

#[test]
fn a_savepoint_in_a_flush_is_refused_before_it_undoes_more() -> Result<()> {
    let mut f = Fixture::new()?;
    let s = &mut f.session;
    s.hook(Hook::before_flush(|s| {
        let error = s.savepoint(|_| Ok(())).expect_err("changes are pending");
        assert_eq!(error.kind(), ErrorKind::InvalidState);
        assert!(error.to_string().contains("Hook::before_commit"), "{error}");
        Ok(())
    }));
    // Everything is written: it has its own statements only.
    s.hook(Hook::after_flush(|s| {
        let undone = s.savepoint(|s| {
            s.sql("UPDATE authors SET age = 1", ()).execute()?;
            boom::<()>()
        });
        assert!(undone.is_err());
        s.savepoint(|s| {
            s.sql("UPDATE authors SET height = 2.5", ())
                .execute()
                .map(drop)
        })
    }));
    let ann = s.add(Author::new("ann"));
    s.commit()?;
    s.refresh(ann)?;
    assert_eq!((s[ann].age, s[ann].height), (None, Some(2.5)));
    Ok(())
}
