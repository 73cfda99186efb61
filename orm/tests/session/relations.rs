//! Both sides of a relation, in memory and in the database.

use selfsame::prelude::*;
use selfsame::{ErrorKind, Result};

use crate::fixture::{Album, Author, Book, Credit, Draft, Fixture, Passport, Person, Team, Track};

/// Ann has passport A, bob has none; only the two passports are loaded.
fn passports() -> Result<(Fixture, Handle<Passport>, Handle<Person>)> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Person {
        passport: Passport::new("A").into(),
        ..Person::new("ann")
    });
    f.session.commit()?;
    let b = f.session.add(Passport::new("B"));
    f.session.flush()?;
    f.forget();
    Ok((f, b, ann))
}

#[test]
fn a_one_to_one_relation_set_from_the_side_of_the_key_displaces_what_was_there() -> Result<()> {
    let (mut f, b, ann) = passports()?;
    f.session.set(b, Passport::PERSON, Some(ann))?;
    f.sends(&[]);
    f.session.commit()?;
    f.sends(&[
        "SELECT passports WHERE person_id = ? ORDER BY number",
        "UPDATE passports SET person_id = ? WHERE number = ? × 2",
        "COMMIT",
    ]);
    let a = f.session.get::<Passport>("A".to_owned())?.expect("A");
    assert_eq!(f.session[a].person_id, None);
    assert_eq!(f.session.load(ann, Person::PASSPORT)?, Some(b));
    Ok(())
}

#[test]
fn a_one_to_one_relation_that_was_set_beats_what_is_loaded() -> Result<()> {
    let (mut f, b, ann) = passports()?;
    f.session.no_autoflush(|s| {
        s.set(b, Passport::PERSON, Some(ann))?;
        assert_eq!(s.load(ann, Person::PASSPORT)?, Some(b));
        let a = s.get::<Passport>("A".to_owned())?.expect("A");
        assert_eq!(s.load(a, Passport::PERSON)?, None);
        Ok(())
    })
}

/// As with a flush in between: what was there is displaced, whether in memory or not.
#[test]
fn a_one_to_one_relation_that_was_set_and_left_has_displaced_what_was_there() -> Result<()> {
    for is_loaded in [true, false] {
        for goes_on in [true, false] {
            for is_new in [true, false] {
                let (mut f, b, ann) = passports()?;
                let s = &mut f.session;
                let bob = s.add(Person::new("bob"));
                s.flush()?;
                if is_loaded {
                    s.load(ann, Person::PASSPORT)?;
                }
                let there = match is_new {
                    true => s.add(Passport::new("C")),
                    false => b,
                };
                let next = goes_on.then_some(bob);
                s.set(there, Passport::PERSON, Some(ann))?;
                s.set(there, Passport::PERSON, next)?;
                s.no_autoflush(|s| s.load(ann, Person::PASSPORT).map(|it| assert_eq!(it, None)))?;
                s.commit()?;
                let held = s.sql(
                    "SELECT number FROM passports WHERE person_id = ?",
                    (*s[ann].id,),
                );
                assert_eq!(
                    held.all::<(String,)>()?,
                    [],
                    "{is_loaded} {goes_on} {is_new}"
                );
                assert_eq!(s.load(there, Passport::PERSON)?, next);
            }
        }
    }
    Ok(())
}

/// A later one displaces as usual, and one that only leaves displaces nothing.
#[test]
fn a_one_to_one_relation_that_was_left_is_set_again() -> Result<()> {
    let (mut f, b, ann) = passports()?;
    let s = &mut f.session;
    let c = s.add(Passport::new("C"));
    s.set(b, Passport::PERSON, Some(ann))?;
    s.set(b, Passport::PERSON, None)?;
    s.set(c, Passport::PERSON, Some(ann))?;
    s.commit()?;
    let key = *s[ann].id;
    let rows = s.sql(
        "SELECT number, person_id FROM passports ORDER BY number",
        (),
    );
    let all = [("A", None), ("B", None), ("C", Some(key))];
    let all = all.map(|(number, person)| (number.to_owned(), person));
    assert_eq!(rows.all::<(String, Option<i64>)>()?, all);
    s.refresh(c)?;
    s.commit()?;
    f.forget();
    let s = &mut f.session;
    s.set(c, Passport::PERSON, None)?;
    s.commit()?;
    f.sends(&[
        "BEGIN IMMEDIATE",
        "SELECT passports WHERE number = ?",
        "UPDATE passports SET person_id = ? WHERE number = ?",
        "COMMIT",
    ]);
    Ok(())
}

#[test]
fn a_one_to_one_relation_is_ended_from_either_side() -> Result<()> {
    for is_loaded in [true, false] {
        let (mut f, passport, person) = passports()?;
        f.session.set(person, Person::PASSPORT, Some(passport))?;
        f.session.commit()?;
        if is_loaded {
            f.session.load(person, Person::PASSPORT)?;
        }
        f.session.set(person, Person::PASSPORT, None)?;
        assert_eq!(f.session.load(passport, Passport::PERSON)?, None);
        f.session.commit()?;
        f.session.refresh(passport)?;
        assert_eq!(f.session[passport].person_id, None);
        // There is nothing left to end.
        f.session.set(person, Person::PASSPORT, None)?;
        assert!(f.session.dirty::<Passport>().is_empty());
    }
    Ok(())
}

#[test]
fn both_sides_change_at_once() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author {
        books: [Book::new("a"), Book::new("b")].into(),
        ..Author::new("ann")
    });
    let bob = f.session.add(Author::new("bob"));
    f.session.commit()?;
    let books = f.session.load(ann, Author::BOOKS)?;
    assert_eq!(f.session.load(bob, Author::BOOKS)?, []);
    f.forget();
    f.session.push(bob, Author::BOOKS, books[0])?;
    assert_eq!(f.session.load(ann, Author::BOOKS)?, [books[1]]);
    assert_eq!(f.session.load(bob, Author::BOOKS)?, [books[0]]);
    assert_eq!(f.session.load(books[0], Book::AUTHOR)?, Some(bob));
    f.session.remove(bob, Author::BOOKS, books[0])?;
    assert_eq!(f.session.load(books[0], Book::AUTHOR)?, None);
    assert!(f.session.remove(bob, Author::BOOKS, books[0]).is_err());
    f.sends(&[]);
    f.session.replace(ann, Author::BOOKS, [books[0]])?;
    f.session.commit()?;
    f.sends(&["UPDATE books SET author_id = ? WHERE id = ?", "COMMIT"]);
    assert_eq!(f.session.load(ann, Author::BOOKS)?, [books[0]]);
    Ok(())
}

#[test]
fn changes_to_a_collection_that_is_not_loaded_are_merged() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author {
        books: [Book::new("a"), Book::new("b")].into(),
        ..Author::new("ann")
    });
    f.session.commit()?;
    let [a, b] = Book::query().order_by(Book::ID.asc()).all(&mut f.session)?[..] else {
        panic!("two books");
    };
    f.session.get::<Author>(1)?;
    f.session.no_autoflush(|s| {
        let c = s.add(Book::new("c"));
        s.push(ann, Author::BOOKS, c)?;
        s.remove(ann, Author::BOOKS, a)?;
        assert_eq!(s.loaded(ann, Author::BOOKS)?, None);
        assert_eq!(s.load(ann, Author::BOOKS)?, [b, c]);
        Ok(())
    })?;
    f.session.commit()?;
    assert_eq!(f.session.load(ann, Author::BOOKS)?.len(), 2);
    Ok(())
}

/// A child that was moved while its old parent was unknown is not in that parent's collection.
#[test]
fn a_moved_child_is_not_in_the_collection_of_its_row() -> Result<()> {
    let mut f = Fixture::new()?;
    f.in_another_session(|s| {
        s.add(Author {
            books: [Book::new("a")].into(),
            ..Author::new("ann")
        });
        s.add(Author::new("bob"));
        Ok(())
    })?;
    let book = f.session.get::<Book>(1)?.expect("the book");
    let bob = f.session.get::<Author>(2)?.expect("bob");
    f.session.no_autoflush(|s| {
        s.set(book, Book::AUTHOR, Some(bob))?;
        let ann = s.get::<Author>(1)?.expect("ann");
        assert_eq!(s.load(ann, Author::BOOKS)?, []);
        assert_eq!(s.load(bob, Author::BOOKS)?, [book]);
        Ok(())
    })
}

#[test]
fn expire_drops_a_move_from_both_sides() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author {
        books: [Book::new("a")].into(),
        ..Author::new("ann")
    });
    let bob = f.session.add(Author::new("bob"));
    f.session.commit()?;
    let book = f.session.load(ann, Author::BOOKS)?[0];
    f.session.load(bob, Author::BOOKS)?;
    f.session.set(book, Book::AUTHOR, Some(bob))?;
    f.session.expire(book)?;
    assert_eq!(f.session.load(book, Book::AUTHOR)?, Some(ann));
    assert_eq!(f.session.load(ann, Author::BOOKS)?, [book]);
    assert_eq!(f.session.load(bob, Author::BOOKS)?, []);
    f.forget();
    f.session.commit()?;
    f.sends(&["COMMIT"]);
    Ok(())
}

#[test]
fn an_expunged_member_leaves_the_collection_and_its_row_stays() -> Result<()> {
    let mut f = Fixture::new()?;
    let album = f.session.add(Album {
        tracks: [Track::new("a", 0), Track::new("b", 0)].into(),
        ..Album::new("x")
    });
    f.session.commit()?;
    let tracks = f.session.load(album, Album::TRACKS)?;
    f.session.expunge(tracks[0])?;
    assert_eq!(f.session.load(album, Album::TRACKS)?, [tracks[1]]);
    f.session.commit()?;
    f.holds::<Track>(2);
    assert_eq!(f.session.load(album, Album::TRACKS)?.len(), 2);
    Ok(())
}

#[test]
fn statements_to_load_parents_with_their_children() -> Result<()> {
    let mut f = Fixture::new()?;
    f.in_another_session(|s| {
        for n in 0..5 {
            s.add(Author {
                books: (0..3).map(|b| Book::new(format!("{n}.{b}"))).collect(),
                ..Author::new(format!("n{n}"))
            });
        }
        Ok(())
    })?;
    let titles =
        |f: &mut Fixture, query: selfsame::query::Query<Author>| -> Result<(Vec<String>, usize)> {
            f.session.close();
            f.forget();
            let mut titles = Vec::new();
            for author in query.order_by(Author::ID.asc()).all(&mut f.session)? {
                for book in f.session.load(author, Author::BOOKS)? {
                    titles.push(f.session[book].title.clone());
                    assert_eq!(f.session.load(book, Book::AUTHOR)?, Some(author));
                }
            }
            let selects = f.sent().iter().filter(|s| s.starts_with("SELECT")).count();
            Ok((titles, selects))
        };
    let (lazy, sent) = titles(&mut f, Author::query())?;
    assert_eq!((lazy.len(), sent), (15, 6));
    assert_eq!(
        titles(&mut f, Author::query().with(Author::BOOKS.selectin()))?,
        (lazy.clone(), 2)
    );
    assert_eq!(
        titles(&mut f, Author::query().with(Author::BOOKS.joined()))?,
        (lazy, 1)
    );
    Ok(())
}

#[test]
fn a_pending_relation_of_a_persistent_object_is_attached_at_the_flush() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author::new("ann"));
    f.session.commit()?;
    let old = f.session.add(Book::new("old"));
    f.session[ann].books = [Book::new("new")].into();
    f.session[ann].books.push(old);
    f.session.flush()?;
    assert_eq!(f.session[ann].books.pending(), 0);
    let books = f.session.load(ann, Author::BOOKS)?;
    let titles: Vec<&str> = books.iter().map(|&b| f.session[b].title.as_str()).collect();
    assert_eq!(titles, ["old", "new"]);
    let book = f.session.add(Book::new("third"));
    f.session[book].author = ann.into();
    f.session.commit()?;
    assert_eq!(f.session.load(book, Book::AUTHOR)?, Some(ann));
    assert_eq!(f.session.load(ann, Author::BOOKS)?.len(), 3);
    Ok(())
}

#[test]
fn a_parent_that_is_known_or_missing_costs_nothing() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author {
        books: [Book::new("a")].into(),
        ..Author::new("ann")
    });
    let alone = f.session.add(Book::new("alone"));
    f.session.flush()?;
    f.forget();
    let book = f
        .session
        .loaded(ann, Author::BOOKS)?
        .expect("what was put in is all there is")[0];
    assert_eq!(f.session.load(book, Book::AUTHOR)?, Some(ann));
    assert_eq!(f.session.load(alone, Book::AUTHOR)?, None);
    f.sends(&[]);
    Ok(())
}

#[test]
fn two_one_to_one_relations_can_be_swapped() -> Result<()> {
    let mut f = Fixture::new()?;
    let [p, q] = f.session.add_all([
        Person {
            passport: Passport::new("A").into(),
            ..Person::new("p")
        },
        Person {
            passport: Passport::new("B").into(),
            ..Person::new("q")
        },
    ]);
    f.session.commit()?;
    let a = f.session.load(p, Person::PASSPORT)?.expect("it is there");
    let b = f.session.load(q, Person::PASSPORT)?.expect("it is there");
    f.session.set(p, Person::PASSPORT, Some(b))?;
    f.session.set(q, Person::PASSPORT, Some(a))?;
    assert_eq!(f.session.load(a, Passport::PERSON)?, Some(q));
    f.session.commit()?;
    assert_eq!(f.session.load(p, Person::PASSPORT)?, Some(b));
    assert_eq!(f.session.load(q, Person::PASSPORT)?, Some(a));
    Ok(())
}

#[test]
fn a_parent_that_left_is_an_error_and_no_stale_handle() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author::new("ann"));
    f.session.commit()?;
    let book = f.session.add(Book::new("b"));
    f.session.set(book, Book::AUTHOR, Some(ann))?;
    f.session.expunge(ann)?;
    let loaded = f.session.load(book, Book::AUTHOR);
    assert_eq!(loaded.map_err(|e| e.kind()), Err(ErrorKind::StaleHandle));
    Ok(())
}

#[test]
fn pending_relations_reach_a_required_parent_from_both_sides() -> Result<()> {
    let mut f = Fixture::new()?;
    let album = f.session.add(Album::new("x"));
    f.session.commit()?;
    f.session.add(Track {
        album: album.into(),
        ..Track::new("t", 0)
    });
    f.session.commit()?;
    f.session[album].tracks = [Track::new("u", 0)].into();
    f.session.commit()?;
    assert_eq!(f.session.load(album, Album::TRACKS)?.len(), 2);
    Ok(())
}

/// A set reference is not lost if the row had the same key when it was last read.
#[test]
fn a_reference_that_moved_meanwhile_is_stale() -> Result<()> {
    let mut f = Fixture::new()?;
    let [ann, _bob] = f.session.add_all([Author::new("ann"), Author::new("bob")]);
    let book = f.session.add(Book::new("b"));
    f.session.set(book, Book::AUTHOR, Some(ann))?;
    f.session.commit()?;
    f.in_another_session(|s| {
        let book = s.get::<Book>(1)?.expect("the book");
        s[book].author_id = Some(2);
        Ok(())
    })?;
    f.session.set(book, Book::AUTHOR, Some(ann))?;
    let error = f.session.commit().expect_err("it is bob's by now");
    assert_eq!(error.kind(), ErrorKind::StaleData);
    f.session.rollback()?;
    f.session.get::<Book>(1)?;
    f.session.set(book, Book::AUTHOR, Some(ann))?;
    f.session.commit()?;
    f.session.refresh(book)?;
    assert_eq!(f.session[book].author_id, Some(1));
    Ok(())
}

/// Two authors and a book of the first, which another session has moved to the second.
fn with_a_moved_book(f: &mut Fixture) -> Result<([Handle<Author>; 2], Handle<Book>)> {
    let authors = f.session.add_all([Author::new("ann"), Author::new("bob")]);
    let book = f.session.add(Book::new("b"));
    f.session.set(book, Book::AUTHOR, Some(authors[0]))?;
    f.session.commit()?;
    f.in_another_session(|s| {
        let book = s.get::<Book>(1)?.expect("the book");
        s[book].author_id = Some(2);
        Ok(())
    })?;
    Ok((authors, book))
}

#[test]
fn deleting_a_parent_finds_children_that_moved_to_it_and_were_written_to() -> Result<()> {
    let mut f = Fixture::new()?;
    let ([_, bob], book) = with_a_moved_book(&mut f)?;
    f.session[book].title = "c".to_owned();
    f.session.delete(bob)?;
    f.session.commit()?;
    f.session.refresh(book)?;
    let book = &f.session[book];
    assert_eq!((&*book.title, book.author_id), ("c", None));
    Ok(())
}

#[test]
fn deleting_a_parent_does_not_hide_that_a_child_moved_to_it() -> Result<()> {
    let mut f = Fixture::new()?;
    let ([_, bob], book) = with_a_moved_book(&mut f)?;
    f.session.set(book, Book::AUTHOR, None)?;
    f.session.delete(bob)?;
    let error = f
        .session
        .commit()
        .expect_err("it was ann's when it was set");
    assert_eq!(error.kind(), ErrorKind::StaleData);
    Ok(())
}

#[test]
fn a_parent_that_is_expired_and_deleted_lets_go_of_what_was_put_into_it() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author::new("ann"));
    f.session.commit()?;
    let book = f.session.add(Book::new("b"));
    f.session.set(book, Book::AUTHOR, Some(ann))?;
    f.session.expire(ann)?;
    f.session.delete(ann)?;
    f.session.commit()?;
    assert_eq!(f.session[book].author_id, None);
    Ok(())
}

#[test]
fn a_collection_does_not_take_back_what_has_moved_away() -> Result<()> {
    let mut f = Fixture::new()?;
    let ([ann, bob], book) = with_a_moved_book(&mut f)?;
    assert_eq!(f.session.load(ann, Author::BOOKS)?, []);
    f.session.set(book, Book::AUTHOR, None)?;
    f.session.refresh(book)?;
    assert_eq!(f.session.load(ann, Author::BOOKS)?, []);
    assert_eq!(f.session.load(bob, Author::BOOKS)?, [book]);
    Ok(())
}

#[test]
fn deleting_a_parent_finds_the_rows_of_children_that_left() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author::new("ann"));
    let [a, b] = f.session.add_all([Book::new("a"), Book::new("b")]);
    f.session.set(a, Book::AUTHOR, Some(ann))?;
    f.session.set(b, Book::AUTHOR, Some(ann))?;
    f.session.flush()?;
    f.session.expunge(a)?;
    assert_eq!(f.session.load(ann, Author::BOOKS)?, [b]);
    f.session.delete(ann)?;
    f.session.commit()?;
    f.holds::<Book>(2);
    f.holds::<Author>(0);
    Ok(())
}

#[test]
fn a_child_that_leaves_on_its_way_to_another_parent_is_still_the_first_one_s() -> Result<()> {
    let mut f = Fixture::new()?;
    let [ann, bob] = f.session.add_all([Author::new("ann"), Author::new("bob")]);
    let book = f.session.add(Book::new("b"));
    f.session.push(ann, Author::BOOKS, book)?;
    f.session.flush()?;
    f.session.set(book, Book::AUTHOR, Some(bob))?;
    f.session.expunge(book)?;
    f.session.delete(ann)?;
    f.session.commit()?;
    f.holds::<Author>(1);
    f.holds::<Book>(1);
    Ok(())
}

#[test]
fn a_removal_that_is_taken_back_does_not_hide_a_child_from_a_deletion() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author::new("ann"));
    let book = f.session.add(Book::new("b"));
    f.session.commit()?;
    f.in_another_session(|s| {
        let book = s.get::<Book>(1)?.expect("the book");
        s[book].author_id = Some(1);
        Ok(())
    })?;
    f.session.push(ann, Author::BOOKS, book)?;
    f.session.remove(ann, Author::BOOKS, book)?;
    f.session.delete(ann)?;
    f.session.refresh(book)?;
    assert_eq!(f.session[book].author_id, None);
    f.session.commit()?;
    f.holds::<Author>(0);
    Ok(())
}

#[test]
fn parents_that_are_known_are_not_read_with_their_children() -> Result<()> {
    let mut f = Fixture::new()?;
    f.in_another_session(|s| {
        s.add_all(["ann", "bob"].map(|name| Author {
            books: [Book::new("x")].into(),
            ..Author::new(name)
        }));
        Ok(())
    })?;
    let ann = f.session.get::<Author>(1)?.expect("ann");
    let with_authors = Book::query().with(Book::AUTHOR.selectin());
    f.forget();
    with_authors.all(&mut f.session)?;
    f.sends(&["SELECT books", "SELECT authors WHERE id = ?"]);
    with_authors.all(&mut f.session)?;
    f.sends(&["SELECT books"]);
    f.session.expire(ann)?;
    with_authors.all(&mut f.session)?;
    f.sends(&["SELECT books", "SELECT authors WHERE id = ?"]);
    assert!(!f.session.is_expired(ann)?);
    Ok(())
}

/// Regardless of the order in which the database returns the rows.
#[test]
fn members_of_many_owners_are_in_the_order_of_their_keys() -> Result<()> {
    let mut f = Fixture::new()?;
    f.in_another_session(|s| {
        let authors = s.add_all(["ann", "bob", "cid"].map(Author::new));
        for n in 0..9 {
            let book = s.add(Book::new(n.to_string()));
            s.set(book, Book::AUTHOR, Some(authors[n % 3]))?;
        }
        Ok(())
    })?;
    let reversed = "PRAGMA reverse_unordered_selects = ON";
    f.session.sql(reversed, ()).execute()?;
    let query = Author::query().order_by(Author::ID.asc());
    let authors = query.with(Author::BOOKS.selectin()).all(&mut f.session)?;
    for (n, author) in authors.into_iter().enumerate() {
        let books = f.session.loaded(author, Author::BOOKS)?.expect("loaded");
        let titles: Vec<&str> = books.iter().map(|book| &*f.session[*book].title).collect();
        assert_eq!(titles, [n, n + 3, n + 6].map(|n| n.to_string()));
    }
    Ok(())
}

#[test]
fn a_relation_to_a_deleted_object_names_it() -> Result<()> {
    let mut f = Fixture::new()?;
    let s = &mut f.session;
    let origin = s.add(Draft::new("a", ""));
    s.commit()?;
    let draft = s.add(Draft::new("b", ""));
    s.set(draft, Draft::ORIGIN, Some(origin))?;
    s.delete(origin)?;
    let error = s.flush().map_err(|error| error.to_string());
    let is_named = |text: &String| text.contains("a Draft that is marked for deletion");
    assert!(error.as_ref().is_err_and(is_named), "{error:?}");
    Ok(())
}

#[test]
fn a_field_that_was_refused_is_forgotten_with_its_session() -> Result<()> {
    let mut f = Fixture::new()?;
    let foreign = f.in_another_session(|s| Ok(s.add(Author::new("ann"))))?;
    f.session.add(Book {
        author: foreign.into(),
        ..Book::new("b")
    });
    f.session.clear();
    f.session.flush()?;
    f.session.add(Book::new("c"));
    f.session.commit()?;
    f.holds::<Book>(1);
    Ok(())
}

#[test]
fn only_the_reference_that_was_set_is_no_longer_refused() -> Result<()> {
    let mut f = Fixture::new()?;
    let foreign = f.in_another_session(|s| Ok(s.add(Author::new("ann"))))?;
    let s = &mut f.session;
    let team = s.add(Team::new("t"));
    let credits = [(); 2].map(|()| {
        s.add(Credit {
            author: foreign.into(),
            ..Credit::new(0, 0)
        })
    });
    let refused = |s: &mut Session| s.flush().map_err(|error| error.kind());
    for credit in credits {
        s.set(credit, Credit::TEAM, team)?;
    }
    assert_eq!(refused(s), Err(ErrorKind::ForeignHandle));
    let bob = s.add(Author::new("bob"));
    s.set(credits[0], Credit::AUTHOR, bob)?;
    assert_eq!(refused(s), Err(ErrorKind::ForeignHandle));
    s.take(credits[1])?;
    s.commit()?;
    f.holds::<Credit>(1);
    Ok(())
}

#[test]
fn the_parent_of_a_row_that_is_gone_is_unknown() -> Result<()> {
    let mut f = Fixture::new()?;
    let book = f.session.add(Book {
        author: Author::new("ann").into(),
        ..Book::new("x")
    });
    f.session.commit()?;
    f.in_another_session(|s| Book::query().delete().execute(s).map(drop))?;
    for _ in 0..2 {
        let error = f.session.load(book, Book::AUTHOR).expect_err("gone");
        assert_eq!(error.kind(), ErrorKind::StaleData);
        f.session.rollback()?;
        f.session.expire_all();
    }
    Ok(())
}

#[test]
fn what_a_refreshed_object_had_left_is_not_displaced() -> Result<()> {
    for (next_is_same, is_expunged) in [(false, false), (false, true), (true, false)] {
        let (mut f, b, ann) = passports()?;
        let s = &mut f.session;
        s.set(b, Passport::PERSON, Some(ann))?;
        s.set(b, Passport::PERSON, next_is_same.then_some(ann))?;
        match is_expunged {
            true => s.expunge(b).map(drop)?,
            false => s.refresh(b)?,
        }
        s[ann].name = "changed".into();
        s.commit()?;
        let held = s.sql(
            "SELECT number FROM passports WHERE person_id = ?",
            (*s[ann].id,),
        );
        assert_eq!(held.all::<(String,)>()?, [("A".to_owned(),)]);
    }
    Ok(())
}
