//! Rows that one flush writes in several steps: each step writes what it should, hooks are called once, and nothing else is reached.

use std::sync::{Arc, Mutex};

use selfsame::prelude::*;
use selfsame::session::Hook;
use selfsame::{ErrorKind, Result};

use crate::fixture::{Author, Book, Draft, Fixture, Node, Post, Seat, Site, Tag, Word};

/// Has a code that its berths follow, and a unique name.
#[derive(Entity, Clone, Debug)]
#[orm(table = "ships")]
struct Ship {
    #[orm(primary_key)]
    code: String,
    #[orm(unique)]
    name: Option<String>,
    #[orm(references = "ships.code")]
    leader: Option<String>,
    #[orm(back_populates = ship)]
    berths: HasMany<Berth>,
}

/// Its label is computed from the code of its ship.
#[derive(Entity, Clone, Debug)]
#[orm(table = "berths")]
struct Berth {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(references = "ships.code", on_update = "cascade")]
    ship_code: String,
    note: Option<String>,
    #[orm(computed = "ship_code || '!'")]
    label: Auto<String>,
    #[orm(back_populates = berths)]
    ship: BelongsTo<Ship>,
}

fn ships() -> Result<Session> {
    let engine = Engine::new(selfsame_sqlite::Sqlite::memory());
    metadata![Ship, Berth].create_all(&engine)?;
    Ok(Session::new(&engine))
}

#[test]
fn an_expression_beats_a_value_where_the_key_changes_too() -> Result<()> {
    for with_books in [false, true] {
        let mut f = Fixture::new()?;
        let s = &mut f.session;
        let ann = s.add(Author {
            age: Some(10),
            ..Author::new("ann")
        });
        if with_books {
            let book = s.add(Book::new("a"));
            s.set(book, Book::AUTHOR, Some(ann))?;
        }
        s.commit()?;
        s.get::<Author>(1)?;
        s[ann].age = Some(50);
        s.set_expr(ann, Author::AGE, Author::AGE + 1)?;
        s[ann].id = Auto::set(70);
        s.commit()?;
        s.refresh(ann)?;
        assert_eq!(s[ann].age, Some(11), "{with_books}");
    }
    Ok(())
}

#[test]
fn the_row_of_a_changed_key_is_deleted_where_ties_are_cut() -> Result<()> {
    for rekeyed_besides in [false, true] {
        let mut f = Fixture::new()?;
        let s = &mut f.session;
        let nodes = s.add_all(["a", "b", "other", "up"].map(Node::new));
        s.set(nodes[0], Node::PARENT, Some(nodes[1]))?;
        s.flush()?;
        s.set(nodes[1], Node::PARENT, Some(nodes[0]))?;
        s.commit()?;
        let [a, b, other, up] = nodes;
        Node::query().all(s)?;
        s[a].id = Auto::set(*s[other].id);
        let key = *s[b].id;
        s[a].label = "not to be written".to_owned();
        s.delete(a)?;
        s.delete(b)?;
        if rekeyed_besides {
            s[up].id = Auto::set(key);
        }
        let done = s.commit();
        assert!(done.is_ok(), "{rekeyed_besides}: {done:?}");
        let left = Node::query().order_by(Node::LABEL.asc());
        let left = left.select(Node::LABEL).all(s)?;
        assert_eq!(left, ["other", "up"], "{rekeyed_besides}");
    }
    Ok(())
}

#[test]
fn a_computed_column_is_reread_after_a_part_was_written() -> Result<()> {
    // The database lets the berth follow.
    let mut s = ships()?;
    let ship = s.add(Ship::new("a"));
    let berth = s.add(Berth::new("a"));
    s.commit()?;
    Ship::query().all(&mut s)?;
    s.get::<Berth>(1)?;
    s[ship].code = "b".to_owned();
    s.flush()?;
    s.get::<Berth>(1)?;
    assert_eq!((&*s[berth].ship_code, &**s[berth].label), ("b", "b!"));

    // The berth lets go of a row whose key another takes.
    let mut s = ships()?;
    let [gone, other, last] = s.add_all(["a", "b", "c"].map(Ship::new));
    let berth = s.add(Berth::new("a"));
    s.commit()?;
    Ship::query().all(&mut s)?;
    s.get::<Berth>(1)?;
    s.set(berth, Berth::SHIP, last)?;
    s.delete(gone)?;
    s[other].code = "a".to_owned();
    s.flush()?;
    s.get::<Berth>(1)?;
    assert_eq!((&*s[berth].ship_code, &**s[berth].label), ("c", "c!"));
    s.commit()
}

#[test]
fn a_row_with_a_changed_key_may_refer_to_a_new_row() -> Result<()> {
    let mut f = Fixture::new()?;
    let s = &mut f.session;
    let draft = s.add(Draft::new("a", "text"));
    s.commit()?;
    s.get::<Draft>("a".to_owned())?;
    s.add(Draft::new("new", "text"));
    s[draft].name = "b".to_owned();
    s[draft].origin_name = Some("new".to_owned());
    let done = s.commit();
    assert!(done.is_ok(), "{done:?}");
    s.refresh(draft)?;
    assert_eq!(s[draft].origin_name.as_deref(), Some("new"));
    Ok(())
}

#[test]
fn hooks_are_called_once_for_a_row_that_is_written_in_steps() -> Result<()> {
    type Change = fn(&mut Session, [Handle<Author>; 2], Handle<Book>) -> Result<()>;
    let changes: [(&str, Change); 4] = [
        (
            "a reference that a changed key releases",
            |s, [ann, bob], book| {
                s[ann].id = Auto::set(9);
                s[book].author_id = None;
                s[bob].age = Some(1);
                Ok(())
            },
        ),
        ("a new parent", |s, [ann, bob], book| {
            let carl = s.add(Author::new("carl"));
            s.set(book, Book::AUTHOR, Some(carl))?;
            s.delete(ann)?;
            s[bob].id = Auto::set(1);
            Ok(())
        }),
        ("by column", |s, [ann, bob], book| {
            s[book].author_id = None;
            s.delete(ann)?;
            s[bob].id = Auto::set(1);
            Ok(())
        }),
        ("with an expression", |s, [ann, bob], _| {
            s.set_expr(bob, Author::AGE, Author::AGE + 1)?;
            s.delete(ann)?;
            s[bob].id = Auto::set(1);
            Ok(())
        }),
    ];
    for (name, change) in changes {
        let mut f = Fixture::new()?;
        let s = &mut f.session;
        let authors = s.add_all(["ann", "bob"].map(Author::new));
        let book = s.add(Book::new("by ann"));
        s.set(book, Book::AUTHOR, Some(authors[0]))?;
        s.commit()?;
        Author::query().all(s)?;
        Book::query().all(s)?;
        let calls = Arc::new(Mutex::new(Vec::new()));
        let noting = |what: &'static str| {
            let calls = Arc::clone(&calls);
            move |name: &str| {
                calls.lock().expect("a list").push(format!("{what} {name}"));
            }
        };
        let note = noting("before");
        s.hook(Hook::before_update(move |book: &mut Book| {
            note("book");
            book.title = "changed by the hook".to_owned();
            Ok(())
        }));
        let note = noting("after");
        s.hook(Hook::after_update(move |_: &Book| {
            note("book");
            Ok(())
        }));
        let note = noting("before");
        s.hook(Hook::before_update(move |author: &mut Author| {
            note(&author.name);
            author.height = Some(2.0);
            Ok(())
        }));
        let note = noting("after");
        s.hook(Hook::after_update(move |author: &Author| {
            note(&author.name);
            Ok(())
        }));
        change(s, authors, book)?;
        s.commit()?;
        let mut calls = std::mem::take(&mut *calls.lock().expect("a list"));
        let title = Book::query().select(Book::TITLE).one(s)?;
        let height = Author::query().filter(Author::NAME.eq("bob"));
        assert_eq!(height.select(Author::HEIGHT).one(s)?, Some(2.0), "{name}");
        assert_eq!(title, "changed by the hook", "{name}");
        calls.sort();
        let twice = calls.windows(2).any(|two| two[0] == two[1]);
        assert!(!twice, "{name}: {calls:?}");
        let (after, before): (Vec<_>, Vec<_>) = calls
            .into_iter()
            .partition(|call| call.starts_with("after"));
        assert_eq!(after.len(), before.len(), "{name}: {after:?} {before:?}");
    }
    Ok(())
}

type SeatPlan = fn(&mut Session, Handle<Seat>) -> Result<()>;

/// What a flush may be about to do with a seat.
const SEAT_PLANS: [(&str, SeatPlan); 4] = [
    ("a column", |s, seat| {
        s[seat].taken = true;
        Ok(())
    }),
    ("an expression", |s, seat| {
        s.set_expr(seat, Seat::TAKEN, true)
    }),
    ("a pair", |s, seat| {
        let post = s.add(Post::new("with a seat"));
        s.push(post, Post::SEATS, seat)
    }),
    ("a deletion", |s, seat| s.delete(seat)),
];

#[test]
fn changes_of_an_object_whose_key_a_new_one_takes_are_not_lost() -> Result<()> {
    for (name, plan) in SEAT_PLANS {
        let mut f = Fixture::new()?;
        let s = &mut f.session;
        s.sql(
            "CREATE TRIGGER t AFTER INSERT ON words BEGIN DELETE FROM seats; END",
            (),
        )
        .execute()?;
        let seat = s.add(Seat::new(1, "A", false));
        s.commit()?;
        s.get::<Seat>((1, "A".to_owned()))?;
        s.add(Word::new(1, "word"));
        s.flush()?;
        plan(s, seat)?;
        s.add(Seat::new(1, "A", true));
        let error = s.commit().expect_err(name);
        assert_eq!(error.kind(), ErrorKind::StaleData, "{name}: {error}");
        s.rollback()?;
    }
    Ok(())
}

#[test]
fn a_child_whose_own_row_is_gone_does_not_write_into_the_new_one() -> Result<()> {
    let mut f = Fixture::new()?;
    let s = &mut f.session;
    let [ann, _] = s.add_all(["ann", "bob"].map(Author::new));
    let book = s.add(Book::new("old"));
    s.set(book, Book::AUTHOR, Some(ann))?;
    s.sql(
        "CREATE TRIGGER t AFTER INSERT ON words BEGIN DELETE FROM books; END",
        (),
    )
    .execute()?;
    s.commit()?;
    s.get::<Book>(1)?;
    s.get::<Author>(1)?;
    s.add(Word::new(1, "word"));
    s.flush()?;
    let carl = s.add(Author::new("carl"));
    s.set(book, Book::AUTHOR, Some(carl))?;
    s.add(Book::new("new"));
    let error = s.commit().expect_err("the row is gone");
    assert_eq!(error.kind(), ErrorKind::StaleData, "{error}");
    s.rollback()
}

#[test]
fn an_object_whose_key_was_generated_again_returns_with_a_rollback() -> Result<()> {
    for in_savepoint in [false, true] {
        let mut f = Fixture::new()?;
        let s = &mut f.session;
        let author = s.add(Author::new("ann"));
        let [_, old] = s.add_all(["first", "last"].map(Book::new));
        s.push(author, Author::BOOKS, old)?;
        s.commit()?;
        Author::query().all(s)?;
        Book::query().all(s)?;
        assert_eq!(s.load(author, Author::BOOKS)?, [old]);
        let work = |s: &mut Session| -> Result<()> {
            s.sql("DELETE FROM books WHERE id = 2", ()).execute()?;
            s.load(author, Author::BOOKS)?;
            let new = s.add(Book::new("new"));
            s.flush()?;
            assert_eq!(s[new].id.get().copied(), Some(2));
            crate::phases::boom()
        };
        match in_savepoint {
            true => s.savepoint(work).expect_err("boom"),
            false => s.transaction(work).expect_err("boom"),
        };
        assert_eq!(s.get::<Book>(2)?, Some(old), "{in_savepoint}");
        assert_eq!(s.load(author, Author::BOOKS)?, [old], "{in_savepoint}");
    }
    Ok(())
}

#[test]
fn pairs_follow_a_changed_key() -> Result<()> {
    let mut f = Fixture::new()?;
    let s = &mut f.session;
    let [a, b] = s.add_all(["a", "b"].map(Site::new));
    s.push(a, Site::LINKS, b)?;
    s.commit()?;
    Site::query().all(s)?;
    s[a].name = "c".to_owned();
    let tag = s.add(Tag::new("t"));
    s.push(a, Site::OWN_TAGS, tag)?;
    let done = s.commit();
    assert!(done.is_ok(), "{done:?}");
    assert_eq!(s.load(a, Site::LINKS)?, [b]);
    assert_eq!(s.load(a, Site::OWN_TAGS)?, [tag]);
    Ok(())
}

#[test]
fn an_object_that_takes_over_a_row_is_not_announced_as_loaded() -> Result<()> {
    let mut f = Fixture::new()?;
    let s = &mut f.session;
    let ann = s.add(Author::new("ann"));
    let book = s.add(Book::new("a"));
    s.set(book, Book::AUTHOR, Some(ann))?;
    s.commit()?;
    s.get::<Author>(1)?;
    let calls = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&calls);
    s.hook(Hook::load(move |author: &Author| {
        list.lock().expect("a list").push(author.name.clone());
        Ok(())
    }));
    let bob = s.add(Author::new("bob"));
    s.flush()?;
    s.delete(ann)?;
    s.add(Author {
        id: Auto::set(1),
        ..Author::new("new")
    });
    s[bob].id = Auto::set(70);
    s.flush()?;
    assert_eq!(*calls.lock().expect("a list"), [] as [String; 0]);
    Ok(())
}

#[test]
fn a_changed_key_does_not_take_over_what_is_planned_for_a_row_that_is_gone() -> Result<()> {
    for (name, plan) in SEAT_PLANS {
        // Alone, with another column, and in parts.
        for others in 0..3 {
            let mut f = Fixture::new()?;
            let s = &mut f.session;
            s.sql(
                "CREATE TRIGGER t AFTER INSERT ON words BEGIN DELETE FROM seats WHERE place = 'B'; END",
                (),
            )
            .execute()?;
            let [moved, gone] = s.add_all([Seat::new(1, "A", false), Seat::new(1, "B", false)]);
            s.commit()?;
            Seat::query().all(s)?;
            s.add(Word::new(1, "word"));
            s.flush()?;
            plan(s, gone)?;
            s[moved].place = "B".to_owned();
            match others {
                1 => s[moved].taken = true,
                2 => s.set_expr(moved, Seat::TAKEN, true)?,
                _ => {}
            }
            let error = s.commit().expect_err(name);
            assert_eq!(error.kind(), ErrorKind::StaleData, "{name}: {error}");
            s.rollback()?;
            assert_eq!(s[moved].place, "A", "{name}");
        }
    }
    Ok(())
}

/// Reading says that the row is gone, but what is planned for it is still reported.
#[test]
fn plans_for_a_row_that_a_lookup_does_not_find_are_not_forgotten() -> Result<()> {
    type Plan = fn(&mut Session, Handle<Book>) -> Result<()>;
    let plans: [(&str, Plan); 3] = [
        ("an expression", |s, book| {
            s.set_expr(book, Book::TITLE, "changed")
        }),
        ("a relation", |s, book| {
            let author = s.add(Author::new("new"));
            s.set(book, Book::AUTHOR, Some(author))
        }),
        ("a deletion", |s, book| s.delete(book)),
    ];
    for (name, plan) in plans {
        let mut f = Fixture::new()?;
        f.session.add(Book::new("gone"));
        f.session.commit()?;
        let book = f.session.get::<Book>(1)?.expect("the book");
        f.session.commit()?;
        f.in_another_session(|s| Book::query().delete().execute(s))?;
        let s = &mut f.session;
        plan(s, book)?;
        s.no_autoflush(|s| {
            assert_eq!(s.get::<Book>(1)?, None, "{name}");
            Ok(())
        })?;
        let error = s.commit().expect_err(name);
        assert_eq!(error.kind(), ErrorKind::StaleData, "{name}: {error}");
        s.rollback()?;
    }
    // A pair whose one end is gone.
    let mut f = Fixture::new()?;
    let post = f.session.add(Post::new("post"));
    let tag = f.session.add(Tag::new("tag"));
    f.session.commit()?;
    f.in_another_session(|s| Tag::query().delete().execute(s))?;
    let s = &mut f.session;
    s.push(post, Post::TAGS, tag)?;
    s.no_autoflush(|s| s.get::<Tag>(1).map(drop))?;
    s.commit().expect_err("the tag is gone");
    s.rollback()
}
