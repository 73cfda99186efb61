//! Columns set to SQL expressions.

use selfsame::prelude::*;
use selfsame::{ErrorKind, Result};

use crate::fixture::{
    Address, Album, Author, Book, Customer, Draft, Fixture, House, Mark, Member, Node, Passport,
    Person, Room, Team, Track,
};

fn ann() -> Result<(Fixture, Handle<Author>)> {
    let mut f = Fixture::new()?;
    let mut ann = Author::new("ann");
    ann.age = Some(3);
    let ann = f.session.add(ann);
    f.session.commit()?;
    f.session.get::<Author>(1)?;
    f.forget();
    Ok((f, ann))
}

#[test]
fn an_expression_is_in_the_update_and_the_object_is_reread() -> Result<()> {
    let (mut f, ann) = ann()?;
    f.session[ann].age = Some(99);
    f.session.set_expr(ann, Author::AGE, Author::AGE + 1)?;
    f.session[ann].height = Some(1.5);
    assert!(f.session.is_modified(ann)?);
    assert_eq!(f.session.dirty::<Author>(), [ann]);
    f.session.flush()?;
    f.sends(&["UPDATE authors SET height = ?, age = age + ? WHERE id = ?"]);
    assert!(f.session.is_expired(ann)?);
    assert_eq!(f.session.dirty::<Author>(), []);
    f.session.flush()?;
    f.sends(&[]);
    f.session.get::<Author>(1)?;
    assert_eq!(
        (f.session[ann].age, f.session[ann].height),
        (Some(4), Some(1.5))
    );
    f.session.rollback()?;
    f.session.get::<Author>(1)?;
    assert_eq!((f.session[ann].age, f.session[ann].height), (Some(3), None));
    Ok(())
}

#[test]
fn a_query_flushes_it_first_and_a_rollback_or_expire_drops_it() -> Result<()> {
    let (mut f, ann) = ann()?;
    f.session.set_expr(ann, Author::AGE, Author::AGE + 1)?;
    f.session.expire(ann)?;
    f.session.set_expr(ann, Author::AGE, Author::AGE + 10)?;
    let found = Author::query()
        .filter(Author::AGE.eq(13))
        .one(&mut f.session)?;
    assert_eq!(found, ann);
    assert_eq!(f.session[ann].age, Some(13));
    let result: Result<()> = f.session.savepoint(|s| {
        s.set_expr(ann, Author::AGE, Author::AGE + 100)?;
        s.flush()?;
        s.set_expr(ann, Author::AGE, Author::AGE + 1000)?;
        Err(selfsame::Error::new(ErrorKind::InvalidState, "undo"))
    });
    assert!(result.is_err());
    f.session.commit()?;
    f.session.get::<Author>(1)?;
    assert_eq!(f.session[ann].age, Some(13));
    Ok(())
}

#[test]
fn a_blind_write_reads_nothing() -> Result<()> {
    let (mut f, ann) = ann()?;
    f.session.commit()?;
    f.in_another_session(|other| {
        let ann = other.get::<Author>(1)?.expect("ann");
        other[ann].age = Some(50);
        Ok(())
    })?;
    f.forget();
    f.session.set_blind(ann, Author::AGE, Some(7))?;
    f.session.commit()?;
    f.sends(&[
        "BEGIN IMMEDIATE",
        "UPDATE authors SET age = ? WHERE id = ?",
        "COMMIT",
    ]);
    f.session.get::<Author>(1)?;
    assert_eq!(f.session[ann].age, Some(7));
    Ok(())
}

#[test]
fn a_version_counts_and_guards_it_too() -> Result<()> {
    let mut f = Fixture::new()?;
    let draft = f.session.add(Draft::new("a", "x"));
    f.session.commit()?;
    f.session.get::<Draft>("a".to_owned())?;
    f.forget();
    f.session
        .set_expr(draft, Draft::TEXT, Draft::TEXT.concat("!"))?;
    f.session.flush()?;
    f.sends(&["UPDATE drafts SET version = ?, text = text || ? WHERE name = ? AND version = ?"]);
    f.session.refresh(draft)?;
    assert_eq!(
        (&*f.session[draft].text, f.session[draft].version),
        ("x!", 2)
    );
    Ok(())
}

#[test]
fn it_is_refused_where_it_has_no_meaning() -> Result<()> {
    let (mut f, ann) = ann()?;
    let new = f.session.add(Author::new("new"));
    let error = f
        .session
        .set_expr(new, Author::AGE, Author::AGE + 1)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidState);
    assert_eq!(error.column_name(), Some("age"));
    let error = f
        .session
        .set_expr(ann, Author::ID, Author::ID + 1)
        .unwrap_err();
    assert_eq!(error.column_name(), Some("id"));
    f.session.delete(ann)?;
    f.session.set_expr(ann, Author::AGE, Author::AGE + 1)?;
    f.session.commit()?;
    f.holds::<Author>(1);
    Ok(())
}

/// Books by ann, all loaded.
fn books(f: &mut Fixture, count: usize) -> Result<(Handle<Author>, Vec<Handle<Book>>)> {
    let s = &mut f.session;
    let ann = s.add(Author::new("ann"));
    let books = (0..count).map(|n| Book {
        author: ann.into(),
        ..Book::new(format!("b{n}"))
    });
    let books = s.add_all(books.collect::<Vec<_>>());
    s.commit()?;
    Author::query().all(s)?;
    Book::query().all(s)?;
    f.forget();
    Ok((ann, books))
}

#[test]
fn a_released_row_is_written_before_its_parent_is_deleted() -> Result<()> {
    let mut f = Fixture::new()?;
    let (ann, books) = books(&mut f, 2)?;
    f.session
        .set_expr(books[0], Book::TITLE, Book::TITLE.concat("!"))?;
    f.session.delete(ann)?;
    f.session.commit()?;
    Book::query().all(&mut f.session)?;
    let titles = [0, 1].map(|at| {
        let book = &f.session[books[at]];
        (book.title.clone(), book.author_id)
    });
    assert_eq!(titles, [("b0!".to_owned(), None), ("b1".to_owned(), None)]);
    Ok(())
}

#[test]
fn a_row_with_an_expression_may_wait_for_a_new_one() -> Result<()> {
    let mut f = Fixture::new()?;
    let (_, books) = books(&mut f, 1)?;
    let new = f.session.add(Author::new("new"));
    f.session
        .set_expr(books[0], Book::TITLE, Book::TITLE.concat("!"))?;
    f.session.set(books[0], Book::AUTHOR, Some(new))?;
    f.session.commit()?;
    f.session.refresh(books[0])?;
    let book = &f.session[books[0]];
    assert_eq!(
        (&*book.title, book.author_id),
        ("b0!", Some(*f.session[new].id))
    );
    Ok(())
}

#[test]
fn rows_with_the_same_expression_are_few_statements() -> Result<()> {
    for count in [100_u16, 1_000, 10_000] {
        let mut f = Fixture::new()?;
        let (_, books) = books(&mut f, usize::from(count))?;
        for &book in &books {
            f.session
                .set_expr(book, Book::TITLE, Book::TITLE.concat("!"))?;
        }
        let before = f.session.statements();
        f.session.flush()?;
        let sent = f.session.statements() - before;
        assert!(
            sent <= 2 + u64::from(count) / 64,
            "{sent} statements for {count} rows"
        );
        let changed = Book::query()
            .filter(Book::TITLE.ends_with("!"))
            .count(&mut f.session)?;
        assert_eq!(changed, u64::from(count));
        Book::query().all(&mut f.session)?;
        assert!(
            books
                .iter()
                .all(|&book| f.session[book].title.ends_with('!'))
        );
    }
    Ok(())
}

#[test]
fn a_stale_row_among_many_is_named() -> Result<()> {
    let mut f = Fixture::new()?;
    let (_, books) = books(&mut f, 5)?;
    f.session.commit()?;
    f.in_another_session(|other| {
        let third = other.get::<Book>(3)?.expect("a book");
        other.delete(third)
    })?;
    for &book in &books {
        f.session
            .set_expr(book, Book::TITLE, Book::TITLE.concat("!"))?;
    }
    let error = f.session.flush().expect_err("a row is gone");
    assert_eq!(error.kind(), ErrorKind::StaleData);
    assert_eq!(error.key_text(), Some("3"));
    Ok(())
}

#[test]
fn a_stale_row_among_many_that_differ_is_named() -> Result<()> {
    let mut f = Fixture::new()?;
    let (_, books) = books(&mut f, 300)?;
    f.session.commit()?;
    f.in_another_session(|other| {
        let one = other.get::<Book>(290)?.expect("a book");
        other.delete(one)
    })?;
    let change = |s: &mut Session, books: &[Handle<Book>]| {
        for (n, &book) in books.iter().enumerate() {
            let mark = format!("!{n}");
            s.set_expr(book, Book::TITLE, Book::TITLE.concat(mark))?;
        }
        s.commit()
    };
    let error = change(&mut f.session, &books).expect_err("a row is gone");
    assert_eq!(error.kind(), ErrorKind::StaleData);
    assert_eq!(error.key_text(), Some("290"));
    f.session.rollback()?;
    change(&mut f.session, &books[..289])?;
    Book::query().all(&mut f.session)?;
    let is_changed =
        |(n, book): (usize, &Handle<Book>)| f.session[*book].title == format!("b{n}!{n}");
    assert!(books[..289].iter().enumerate().all(is_changed));
    Ok(())
}

#[test]
fn expressions_that_differ_in_parameters_are_one_loop() -> Result<()> {
    let mut f = Fixture::new()?;
    let (_, books) = books(&mut f, 3)?;
    for (&book, mark) in books.iter().zip(["a", "b", "c"]) {
        f.session
            .set_expr(book, Book::TITLE, Book::TITLE.concat(mark))?;
    }
    f.session.flush()?;
    f.sends(&["UPDATE books SET title = title || ? WHERE id = ? × 3"]);
    Book::query().all(&mut f.session)?;
    let titles: Vec<_> = books.iter().map(|&book| &*f.session[book].title).collect();
    assert_eq!(titles, ["b0a", "b1b", "b2c"]);
    Ok(())
}

#[test]
fn many_versions_count_in_the_database() -> Result<()> {
    let mut f = Fixture::new()?;
    let s = &mut f.session;
    let drafts = s.add_all(["a", "b", "c"].map(|name| Draft::new(name, "x")));
    s.commit()?;
    Draft::query().all(s)?;
    s[drafts[1]].text = "y".into();
    s.flush()?;
    f.forget();
    let s = &mut f.session;
    for draft in drafts {
        s.set_expr(draft, Draft::TEXT, Draft::TEXT.concat("!"))?;
    }
    s.flush()?;
    f.sends(&["UPDATE drafts SET text = text || ?, version = version + ? WHERE (name, version) IN (VALUES (?, ?), (?, ?), (?, ?))"]);
    let s = &mut f.session;
    for draft in drafts {
        s[draft].text = "z".into();
    }
    s.commit()?;
    Draft::query().all(s)?;
    let versions = drafts.map(|draft| s[draft].version);
    assert_eq!(versions, [3, 4, 3]);
    Ok(())
}

#[test]
fn half_a_value_is_refused_in_the_flush_that_makes_it() -> Result<()> {
    let mut f = Fixture::new()?;
    let billing = Address::new("Side St", "54321");
    let bob = f.session.add(Customer {
        billing: Some(billing.clone()),
        ..Customer::new("bob", Address::new("Main St", "12345"))
    });
    f.session.commit()?;
    f.session.refresh(bob)?;
    // The address is removed, and a part of it is set to an expression.
    f.session[bob].billing = None;
    f.session
        .set_blind(bob, Customer::BILLING.zip, "1".to_owned())?;
    let error = f.session.commit().expect_err("half an address");
    assert_eq!(error.kind(), ErrorKind::Conversion, "{error}");
    assert_eq!(error.entity_name(), Some("Customer"));
    f.session.rollback()?;
    f.session.refresh(bob)?;
    assert_eq!(f.session[bob].billing, Some(billing));
    // Nothing changed but a part of an absent address.
    let ann = f
        .session
        .add(Customer::new("ann", Address::new("Main St", "12345")));
    f.session.commit()?;
    f.session.refresh(ann)?;
    f.session
        .set_blind(ann, Customer::BILLING.zip, "1".to_owned())?;
    assert!(f.session.commit().is_err());
    f.session.rollback()?;
    f.session.refresh(ann)?;
    // A part of a present one.
    f.session
        .set_blind(bob, Customer::BILLING.zip, "1".to_owned())?;
    f.session.commit()?;
    f.session.refresh(bob)?;
    let zip = f.session[bob].billing.as_ref().map(|it| it.zip.clone());
    assert_eq!(zip.as_deref(), Some("1"));
    Ok(())
}

#[test]
fn a_column_that_was_assigned_what_it_showed_may_be_written_blindly() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author {
        age: Some(30),
        ..Author::new("ann")
    });
    f.session.commit()?;
    f.in_another_session(|s| s.sql("UPDATE authors SET age = 40", ()).execute())?;
    // It is unknown which column was meant: neither another session's update nor this one may be lost.
    f.session[ann].age = Some(30);
    let error = f.session.commit().expect_err("it has moved");
    assert_eq!(error.kind(), ErrorKind::StaleData);
    assert_eq!(error.column_name(), Some("age"));
    assert!(error.to_string().contains("`set_blind`"), "{error}");
    f.session.rollback()?;
    f.session.set_blind(ann, Author::AGE, Some(30))?;
    f.session.commit()?;
    f.session.refresh(ann)?;
    assert_eq!(f.session[ann].age, Some(30));
    Ok(())
}

#[test]
fn a_later_change_of_another_session_is_noticed() -> Result<()> {
    type Write = fn(&mut Session, Handle<Author>) -> Result<()>;
    let writes: [(&str, Write); 4] = [
        ("expression", |s, ann| {
            s.set_expr(ann, Author::AGE, Author::AGE + 1)
        }),
        ("blind", |s, ann| s.set_blind(ann, Author::AGE, Some(4))),
        ("read in an undone savepoint", |s, ann| {
            s.set_expr(ann, Author::AGE, Author::AGE + 1)?;
            let undone: Result<()> = s.savepoint(|s| {
                s.refresh(ann)?;
                Err(selfsame::Error::new(ErrorKind::InvalidState, "undo"))
            });
            assert!(undone.is_err());
            Ok(())
        }),
        ("read before", |s, ann| {
            s.set_expr(ann, Author::AGE, Author::AGE + 1)?;
            s.flush()?;
            s.refresh(ann)
        }),
    ];
    for (name, write) in writes {
        for moves in [true, false] {
            let (mut f, ann) = ann()?;
            write(&mut f.session, ann)?;
            f.session.commit()?;
            assert_eq!(f.session[ann].age, Some(4), "{name}");
            if moves {
                f.in_another_session(|s| s.sql("UPDATE authors SET age = 50", ()).execute())?;
            }
            f.session[ann].age = Some(3);
            let committed = f.session.commit().map_err(|error| error.kind());
            let expected = if moves {
                Err(ErrorKind::StaleData)
            } else {
                Ok(())
            };
            assert_eq!(committed, expected, "{name}");
            f.session.rollback()?;
            f.session.refresh(ann)?;
            let age = if moves { 50 } else { 3 };
            assert_eq!(f.session[ann].age, Some(age), "{name}");
        }
    }
    Ok(())
}

#[test]
fn the_last_of_an_expression_and_an_assignment_is_written() -> Result<()> {
    type Change = fn(&mut Session, Handle<Author>) -> Result<()>;
    let add = |s: &mut Session, ann| s.set_expr(ann, Author::AGE, Author::AGE + 1);
    let cases: [(&str, Change, i32); 9] = [
        (
            "assigned after",
            |s, ann| {
                s.set_expr(ann, Author::AGE, Author::AGE + 1)?;
                s[ann].age = Some(5);
                Ok(())
            },
            5,
        ),
        (
            "assigned after a blind write",
            |s, ann| {
                s.set_blind(ann, Author::AGE, Some(8))?;
                s[ann].age = Some(5);
                Ok(())
            },
            5,
        ),
        (
            "assigned before",
            |s, ann| {
                s[ann].age = Some(5);
                s.set_expr(ann, Author::AGE, Author::AGE + 1)
            },
            4,
        ),
        (
            "assigned before and after",
            |s, ann| {
                s[ann].age = Some(5);
                s.set_expr(ann, Author::AGE, Author::AGE + 1)?;
                s[ann].age = Some(6);
                Ok(())
            },
            6,
        ),
        (
            "assigned, then back",
            |s, ann| {
                s[ann].age = Some(5);
                s.set_expr(ann, Author::AGE, Author::AGE + 1)?;
                s[ann].age = Some(3);
                Ok(())
            },
            3,
        ),
        (
            "twice",
            |s, ann| {
                s.set_expr(ann, Author::AGE, Author::AGE + 1)?;
                s[ann].age = Some(5);
                s.set_expr(ann, Author::AGE, Author::AGE + 1)
            },
            4,
        ),
        (
            "another column",
            |s, ann| {
                s.set_expr(ann, Author::AGE, Author::AGE + 1)?;
                s[ann].height = Some(2.0);
                Ok(())
            },
            4,
        ),
        (
            "what it shows",
            |s, ann| {
                s.set_expr(ann, Author::AGE, Author::AGE + 1)?;
                s[ann].age = Some(3);
                Ok(())
            },
            4,
        ),
        (
            "in a hook",
            |s, ann| {
                s.hook(Hook::before_update(|author: &mut Author| {
                    author.age = Some(9);
                    Ok(())
                }));
                s.set_expr(ann, Author::AGE, Author::AGE + 1)
            },
            9,
        ),
    ];
    for (name, change, age) in cases {
        let (mut f, ann) = ann()?;
        change(&mut f.session, ann)?;
        f.session.commit()?;
        let mut s = Session::new(&f.outside);
        let found = s
            .sql("SELECT age FROM authors", ())
            .one::<(Option<i32>,)>()?;
        assert_eq!(found, (Some(age),), "{name}");
        f.session.refresh(ann)?;
        assert_eq!(f.session[ann].age, Some(age), "{name}");
    }
    // Another column is assigned while the row is expired, which has changed: it is read first, and nothing was assigned by that.
    let (mut f, ann) = ann()?;
    f.session.commit()?;
    f.in_another_session(|s| s.sql("UPDATE authors SET age = 50", ()).execute())?;
    add(&mut f.session, ann)?;
    f.session[ann].height = Some(2.0);
    f.session.commit()?;
    f.session.refresh(ann)?;
    assert_eq!(
        (f.session[ann].age, f.session[ann].height),
        (Some(51), Some(2.0))
    );
    Ok(())
}

#[test]
fn a_value_that_is_removed_later_is_removed_as_a_whole() -> Result<()> {
    let mut f = Fixture::new()?;
    let bob = f.session.add(Customer {
        billing: Some(Address::new("Side St", "54321")),
        ..Customer::new("bob", Address::new("Main St", "12345"))
    });
    f.session.commit()?;
    f.session.refresh(bob)?;
    f.session
        .set_blind(bob, Customer::BILLING.zip, "1".to_owned())?;
    f.session[bob].billing = None;
    f.session.commit()?;
    f.session.refresh(bob)?;
    assert_eq!(f.session[bob].billing, None);
    Ok(())
}

#[test]
fn the_last_of_an_expression_and_a_relation_is_written() -> Result<()> {
    let mut f = Fixture::new()?;
    let (_, books) = books(&mut f, 3)?;
    let s = &mut f.session;
    let [bob, carl] = s.add_all(["bob", "carl"].map(Author::new));
    s.commit()?;
    for author in [bob, carl] {
        s.refresh(author)?;
        s.load(author, Author::BOOKS)?;
    }
    s.set(books[0], Book::AUTHOR, Some(bob))?;
    s.set_blind(books[0], Book::AUTHOR_ID, 3)?;
    s.set_blind(books[1], Book::AUTHOR_ID, 3)?;
    s.push(bob, Author::BOOKS, books[1])?;
    s.set_blind(books[2], Book::AUTHOR_ID, 3)?;
    s.set(books[2], Book::AUTHOR, None)?;
    s.commit()?;
    let rows = s.sql("SELECT id, author_id FROM books ORDER BY id", ());
    let rows = rows.all::<(i64, Option<i64>)>()?;
    assert_eq!(rows, [(1, Some(3)), (2, Some(2)), (3, None)]);
    assert_eq!(s.load(carl, Author::BOOKS)?, [books[0]]);
    assert_eq!(s.load(bob, Author::BOOKS)?, [books[1]]);

    // An orphan that a foreign key gives a parent again.
    let [one, two] = s.add_all(["one", "two"].map(Album::new));
    let track = s.add(Track {
        album: one.into(),
        ..Track::new("t", 0)
    });
    s.commit()?;
    s.remove(one, Album::TRACKS, track)?;
    s.set_blind(track, Track::ALBUM_ID, 2)?;
    s.commit()?;
    assert_eq!(s.load(two, Album::TRACKS)?, [track]);
    Ok(())
}

/// What an expression moves to another parent is not deleted with its old one, nor released from it.
#[test]
fn a_child_that_an_expression_moves_leaves_its_deleted_parent() -> Result<()> {
    for (blind, loads) in [(true, true), (true, false), (false, true), (false, false)] {
        let mut f = Fixture::new()?;
        let s = &mut f.session;
        let [ann, _] = s.add_all(["ann", "bob"].map(Author::new));
        let book = s.add(Book {
            author: ann.into(),
            ..Book::new("b")
        });
        let [album, _] = s.add_all(["one", "two"].map(Album::new));
        let track = s.add(Track {
            album: album.into(),
            ..Track::new("t", 0)
        });
        s.add(Mark {
            track: track.into(),
            ..Mark::new(1, 0)
        });
        let [house, _] = s.add_all(["one", "two"].map(House::new));
        let room = s.add(Room {
            house: house.into(),
            ..Room::new("r", 0)
        });
        let [node, _] = s.add_all(["one", "two"].map(Node::new));
        let branch = s.add(Node {
            parent: node.into(),
            ..Node::new("branch")
        });
        let person = s.add(Person::new("one"));
        s.add(Person::new("two"));
        let passport = s.add(Passport {
            person: person.into(),
            ..Passport::new("p")
        });
        s.commit()?;
        if loads {
            Book::query().all(s)?;
            Track::query().all(s)?;
            Room::query().all(s)?;
            Node::query().all(s)?;
            Passport::query().all(s)?;
            s.load(album, Album::TRACKS)?;
            s.load(node, Node::CHILDREN)?;
        }
        if blind {
            s.set_blind(book, Book::AUTHOR_ID, 2)?;
            s.set_blind(track, Track::ALBUM_ID, 2)?;
            s.set_blind(room, Room::HOUSE_ID, 2)?;
            s.set_blind(branch, Node::PARENT_ID, 2)?;
            s.set_blind(passport, Passport::PERSON_ID, 2)?;
        } else {
            s.set_expr(book, Book::AUTHOR_ID, Book::AUTHOR_ID + 1)?;
            s.set_expr(track, Track::ALBUM_ID, Track::ALBUM_ID + 1)?;
            s.set_expr(room, Room::HOUSE_ID, Room::HOUSE_ID + 1)?;
            s.set_expr(branch, Node::PARENT_ID, Node::PARENT_ID + 1)?;
            s.set_expr(passport, Passport::PERSON_ID, Passport::PERSON_ID + 1)?;
        }
        s.delete(ann)?;
        s.delete(album)?;
        s.delete(house)?;
        s.delete(node)?;
        s.delete(person)?;
        // Its name is free for another, so that the deletion comes early.
        s.add(Author::new("ann"));
        s.commit()?;
        let mut keys = |sql: &str| s.sql(sql, ()).all::<(Option<i64>,)>();
        for (table, column) in [
            ("books", "author_id"),
            ("tracks", "album_id"),
            ("rooms", "house_id"),
            ("passports", "person_id"),
        ] {
            let found = keys(&format!("SELECT {column} FROM {table}"))?;
            assert_eq!(found, [(Some(2),)], "{table}, {blind}, {loads}");
        }
        assert_eq!(
            keys("SELECT parent_id FROM nodes ORDER BY id")?,
            [(None,), (Some(2),)]
        );
        assert_eq!(keys("SELECT track_id FROM marks")?, [(Some(1),)]);
    }
    Ok(())
}

/// The key of the parent is not known before the flush.
#[test]
fn a_computed_reference_is_loaded_after_a_flush() -> Result<()> {
    type Change = fn(&mut Session, Handle<Passport>) -> Result<()>;
    let changes: [(Change, bool, bool); 4] = [
        (|s, it| s.set_blind(it, Passport::PERSON_ID, 2), false, true),
        (
            |s, it| s.set_blind(it, Passport::PERSON_ID, None::<i64>),
            true,
            false,
        ),
        (
            |s, it| s.set_expr(it, Passport::PERSON_ID, Passport::PERSON_ID + 1),
            true,
            true,
        ),
        (
            |s, it| s.set_expr(it, Passport::PERSON_ID, None::<i64>),
            true,
            false,
        ),
    ];
    for (change, has_one, has_one_then) in changes {
        let mut f = Fixture::new()?;
        let s = &mut f.session;
        let [one, two] = s.add_all(["one", "two"].map(Person::new));
        let passport = s.add(Passport::new("A"));
        s.set(passport, Passport::PERSON, has_one.then_some(one))?;
        s.commit()?;
        s.refresh(passport)?;
        change(s, passport)?;
        let found = s.load(passport, Passport::PERSON)?;
        assert_eq!(found, has_one_then.then_some(two));
        s.commit()?;
    }
    Ok(())
}

/// The reference is NULL while the key changes.
#[test]
fn an_expression_does_not_read_a_reference_that_a_changed_key_released() -> Result<()> {
    let mut f = Fixture::new()?;
    let s = &mut f.session;
    let ann = s.add(Author::new("ann"));
    s.add(Author::new("bob"));
    let book = s.add(Book {
        author: ann.into(),
        ..Book::new("b")
    });
    s.commit()?;
    s.refresh(ann)?;
    s.refresh(book)?;
    s[ann].id = Auto::set(70);
    s.set_expr(book, Book::AUTHOR_ID, Book::AUTHOR_ID + 1)?;
    let error = s.commit().expect_err("it would read NULL");
    assert_eq!(error.kind(), ErrorKind::InvalidState);
    assert_eq!(error.column_name(), Some("author_id"));
    s.rollback()?;
    s.set_expr(book, Book::AUTHOR_ID, Book::AUTHOR_ID + 1)?;
    s.commit()?;
    s.refresh(book)?;
    assert_eq!(s[book].author_id, Some(2));
    Ok(())
}

/// The value that is written blindly is the key of the deleted parent.
#[test]
fn a_child_that_stays_is_deleted_with_its_parent() -> Result<()> {
    let mut f = Fixture::new()?;
    let s = &mut f.session;
    let album = s.add(Album::new("one"));
    let track = s.add(Track {
        album: album.into(),
        ..Track::new("t", 0)
    });
    s.commit()?;
    s.set_blind(track, Track::ALBUM_ID, 1)?;
    s.set_expr(track, Track::TITLE, Track::TITLE.concat("!"))?;
    s.delete(album)?;
    s.commit()?;
    f.holds::<Track>(0);
    f.holds::<Album>(0);
    Ok(())
}

/// It is unknown whether it was assigned at all, so it is neither dropped nor written.
#[test]
fn the_value_before_an_expression_is_not_dropped_after_it() -> Result<()> {
    let (mut f, ann) = ann()?;
    f.session.set_expr(ann, Author::AGE, Author::AGE + 1)?;
    f.session.flush()?;
    f.session[ann].age = Some(3);
    let error = f.session.commit().expect_err("the value is not known");
    assert_eq!(error.kind(), ErrorKind::StaleData);
    assert_eq!(error.column_name(), Some("age"));
    Ok(())
}

/// The books of both authors, by the session and by the rows.
fn shelves(f: &mut Fixture, authors: [Handle<Author>; 2]) -> Result<[Vec<String>; 2]> {
    let s = &mut f.session;
    let mut titles = [Vec::new(), Vec::new()];
    for (author, titles) in authors.into_iter().zip(&mut titles) {
        for book in s.load(author, Author::BOOKS)? {
            titles.push(s[book].title.clone());
        }
    }
    Ok(titles)
}

#[test]
fn a_foreign_key_that_is_written_blindly_moves_the_child() -> Result<()> {
    type Write = fn(&mut Session, Handle<Book>) -> Result<()>;
    let writes: [(&str, Write); 2] = [
        ("blind", |s, book| {
            s.set_blind(book, Book::AUTHOR_ID, Some(2))
        }),
        ("expression", |s, book| {
            s.set_expr(book, Book::AUTHOR_ID, Book::AUTHOR_ID + 1)
        }),
    ];
    for (name, write) in writes {
        for loads in [true, false] {
            let mut f = Fixture::new()?;
            let authors = f.session.add_all(["ann", "bob"].map(Author::new));
            let book = f.session.add(Book::new("b"));
            f.session.set(book, Book::AUTHOR, Some(authors[0]))?;
            f.session.commit()?;
            f.session.refresh(book)?;
            if loads {
                shelves(&mut f, authors)?;
            }
            write(&mut f.session, book)?;
            f.session.flush()?;
            f.session.refresh(book)?;
            let moved = [Vec::new(), vec!["b".to_owned()]];
            assert_eq!(shelves(&mut f, authors)?, moved, "{name}, {loads}, flushed");
            f.session.commit()?;
            assert_eq!(shelves(&mut f, authors)?, moved, "{name}, {loads}");
        }
    }
    Ok(())
}

#[test]
fn a_blind_write_is_undone_in_memory() -> Result<()> {
    let (mut f, ann) = ann()?;
    let undone: Result<()> = f.session.savepoint(|s| {
        s.set_blind(ann, Author::AGE, Some(7))?;
        s.flush()?;
        assert_eq!(s[ann].age, Some(7));
        Err(selfsame::Error::new(ErrorKind::InvalidState, "undo"))
    });
    assert!(undone.is_err());
    assert_eq!(f.session[ann].age, Some(3));
    f.session.set_blind(ann, Author::AGE, None)?;
    f.session.flush()?;
    f.session.rollback()?;
    assert_eq!(f.session[ann].age, Some(3));
    f.session[ann].age = Some(4);
    f.session.commit()?;
    f.session.refresh(ann)?;
    assert_eq!(f.session[ann].age, Some(4));
    Ok(())
}

#[test]
fn versions_of_computed_rows_are_known_after_the_commit() -> Result<()> {
    let mut f = Fixture::new()?;
    let draft = f.session.add(Draft::new("a", "x"));
    f.session.commit()?;
    f.session
        .set_expr(draft, Draft::TEXT, Draft::TEXT.concat("!"))?;
    f.session.commit()?;
    assert_eq!(
        (&*f.session[draft].text, f.session[draft].version),
        ("x!", 2)
    );
    f.session[draft].text = "y".to_owned();
    f.session.commit()?;
    f.in_another_session(|s| {
        let draft = Draft::query().one(s)?;
        assert_eq!((&*s[draft].text, s[draft].version), ("y", 3));
        s[draft].text = "z".to_owned();
        Ok(())
    })?;
    f.session[draft].text = "w".to_owned();
    let error = f.session.commit().expect_err("another wrote it");
    assert_eq!(error.kind(), ErrorKind::StaleData);
    Ok(())
}

#[test]
fn a_computed_row_that_is_gone_does_not_disturb_the_commit() -> Result<()> {
    let (mut f, ann) = ann()?;
    f.session.set_expr(ann, Author::AGE, Author::AGE + 1)?;
    f.session.flush()?;
    f.session.sql("DELETE FROM authors", ()).execute()?;
    f.session.commit()?;
    f.holds::<Author>(0);
    assert_eq!(f.session.get::<Author>(1)?, None);
    Ok(())
}

/// A foreign key that is set without reading the row may hold the key of a new row, which is inserted first.
#[test]
fn an_expression_may_refer_to_a_new_row() -> Result<()> {
    let mut f = Fixture::new()?;
    let s = &mut f.session;
    let node = s.add(Node::new("node"));
    let team = s.add(Team::new("team"));
    let book = s.add(Book::new("book"));
    s.commit()?;
    s.add(Node {
        id: Auto::set(8),
        ..Node::new("parent")
    });
    s.set_expr(node, Node::PARENT_ID, Node::ID + 7)?;
    s.add(Member {
        id: Auto::set(9),
        team: team.into(),
        ..Member::new("leader", 0)
    });
    s.set_blind(team, Team::LEADER_ID, 9)?;
    s[team].name = "other".to_owned();
    s.add(Author {
        id: Auto::set(7),
        ..Author::new("author")
    });
    s.set_blind(book, Book::AUTHOR_ID, 7)?;
    s.commit()?;
    s.get::<Node>(1)?;
    s.get::<Team>(1)?;
    s.get::<Book>(1)?;
    assert_eq!(s[node].parent_id, Some(8));
    assert_eq!((s[team].leader_id, &*s[team].name), (Some(9), "other"));
    assert_eq!(s[book].author_id, Some(7));
    Ok(())
}
