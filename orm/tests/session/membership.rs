//! Loaded collections, and rows that join and leave them through foreign key columns.

use selfsame::prelude::*;
use selfsame::session::{Hook, State};
use selfsame::{Error, ErrorKind, Result};

use crate::fixture::{Album, Author, Book, Fixture, Passport, Person, Region, Shop, Track};
use crate::phases::once;

type Library = (Fixture, [Handle<Author>; 2], [Handle<Book>; 3]);

/// Two authors whose books are loaded: two of the first, one of the second.
fn library() -> Result<Library> {
    let mut f = Fixture::new()?;
    let s = &mut f.session;
    let authors = s.add_all(["ann", "bob"].map(Author::new));
    let book = |title: &str, author: Handle<Author>| Book {
        author: author.into(),
        ..Book::new(title)
    };
    let books = s.add_all([
        book("x", authors[0]),
        book("y", authors[0]),
        book("z", authors[1]),
    ]);
    s.commit()?;
    for author in authors {
        s.get::<Author>(*s[author].id)?;
        s.load(author, Author::BOOKS)?;
    }
    f.forget();
    Ok((f, authors, books))
}

type Move = fn(&mut Session, Handle<Book>, Option<i64>) -> Result<()>;

/// Every way to write a foreign key without using a relation.
const MOVES: [(&str, Move); 6] = [
    ("by its column", |s, book, author| {
        s[book].author_id = author;
        Ok(())
    }),
    ("by an expression", |s, book, author| {
        s.set_expr(book, Book::AUTHOR_ID, author)
    }),
    ("by a statement", |s, book, author| {
        let id = *s[book].id;
        let update = Book::query().filter(Book::ID.eq(id)).update();
        update.set(Book::AUTHOR_ID, author).execute(s).map(drop)
    }),
    ("by a hook of the flush", |s, book, author| {
        s.hook(Hook::before_flush(once(move |s: &mut Session| {
            s[book].author_id = author;
            Ok(())
        })));
        s[book].title.push('!');
        Ok(())
    }),
    ("by a hook of the row", |s, book, author| {
        s.hook(Hook::before_update(once(move |book: &mut Book| {
            book.author_id = author;
            Ok(())
        })));
        s[book].title.push('!');
        Ok(())
    }),
    ("by a value to merge", |s, book, author| {
        let value = Book {
            id: s[book].id,
            author_id: author,
            ..Book::new("x")
        };
        s.merge(value).map(drop)
    }),
];

#[test]
fn a_row_that_moves_by_its_column_is_in_the_other_collection() -> Result<()> {
    for (name, by) in MOVES {
        let (mut f, [ann, bob], [x, y, z]) = library()?;
        let s = &mut f.session;
        by(s, x, Some(2))?;
        s.flush()?;
        assert_eq!(s.load(x, Book::AUTHOR)?, Some(bob), "{name}");
        assert_eq!(s.load(ann, Author::BOOKS)?, [y], "{name}");
        assert_eq!(s.load(bob, Author::BOOKS)?, [x, z], "{name}");
        // So it is released with its owner.
        s.delete(bob)?;
        s.commit()?;
        assert_eq!(s[x].author_id, None, "{name}");
        assert_eq!(s.load(ann, Author::BOOKS)?, [y], "{name}");
    }
    Ok(())
}

#[test]
fn a_row_released_through_its_column_is_in_no_collection() -> Result<()> {
    for (name, by) in MOVES {
        let (mut f, [ann, bob], [x, y, z]) = library()?;
        let s = &mut f.session;
        let undone = s.savepoint(|s| {
            by(s, x, None)?;
            s.flush()?;
            assert_eq!(s.load(ann, Author::BOOKS)?, [y], "{name}");
            Err::<(), _>(Error::new(ErrorKind::Database, "boom"))
        });
        assert!(undone.is_err());
        assert_eq!(s.load(ann, Author::BOOKS)?, [x, y], "{name}");
        by(s, x, None)?;
        s.flush()?;
        s.rollback()?;
        assert_eq!(s.load(ann, Author::BOOKS)?, [x, y], "{name}");
        assert_eq!(s.load(bob, Author::BOOKS)?, [z], "{name}");
    }
    Ok(())
}

#[test]
fn a_new_row_is_in_the_collection_of_its_foreign_key() -> Result<()> {
    let (mut f, [ann, _], [x, y, _]) = library()?;
    let s = &mut f.session;
    let new = s.add(Book {
        author_id: Some(1),
        ..Book::new("new")
    });
    s.flush()?;
    assert_eq!(s.load(ann, Author::BOOKS)?, [x, y, new]);
    assert_eq!(s.load(new, Book::AUTHOR)?, Some(ann));
    Ok(())
}

#[test]
fn a_deleted_row_is_in_no_collection() -> Result<()> {
    let (mut f, [ann, _], [x, y, _]) = library()?;
    let s = &mut f.session;
    s.delete(x)?;
    let undone = s.savepoint(|s| {
        assert_eq!(s.load(ann, Author::BOOKS)?, [y]);
        s.delete(y)?;
        s.flush()?;
        assert_eq!(s.load(ann, Author::BOOKS)?, []);
        Err::<(), _>(Error::new(ErrorKind::Database, "boom"))
    });
    assert!(undone.is_err());
    assert_eq!(s.load(ann, Author::BOOKS)?, [y]);
    assert_eq!(s.state(x), State::Deleted);
    s.rollback()?;
    assert_eq!(s.load(ann, Author::BOOKS)?, [x, y]);
    Ok(())
}

#[test]
fn a_row_that_is_taken_over_is_in_the_collection_as_the_new_object() -> Result<()> {
    let mut f = Fixture::new()?;
    let s = &mut f.session;
    let region = s.add(Region::new("n"));
    let shop = s.add(Shop::new("n", 1, false));
    s.commit()?;
    assert_eq!(s.load(region, Region::SHOPS)?, [shop]);
    s.delete(shop)?;
    let other = s.add(Shop::new("n", 1, true));
    s.flush()?;
    assert_eq!(s.load(region, Region::SHOPS)?, [other]);
    Ok(())
}

#[test]
fn one_to_one_relations_follow_the_column() -> Result<()> {
    let mut f = Fixture::new()?;
    let s = &mut f.session;
    let [ann, bob] = s.add_all(["ann", "bob"].map(Person::new));
    let passport = s.add(Passport {
        person: ann.into(),
        ..Passport::new("n")
    });
    s.commit()?;
    assert_eq!(s.load(ann, Person::PASSPORT)?, Some(passport));
    assert_eq!(s.load(bob, Person::PASSPORT)?, None);
    s[passport].person_id = Some(2);
    s.flush()?;
    assert_eq!(s.load(ann, Person::PASSPORT)?, None);
    assert_eq!(s.load(bob, Person::PASSPORT)?, Some(passport));
    Ok(())
}

#[test]
fn an_object_moved_through_its_column_is_not_an_orphan_of_its_old_owner() -> Result<()> {
    let mut f = Fixture::new()?;
    let s = &mut f.session;
    let albums = s.add_all(["a", "b"].map(Album::new));
    let track = s.add(Track {
        album: albums[0].into(),
        ..Track::new("t", 0)
    });
    s.commit()?;
    for album in albums {
        s.load(album, Album::TRACKS)?;
    }
    s[track].album_id = 2;
    s.flush()?;
    s.delete(albums[0])?;
    s.flush()?;
    assert_eq!(s.load(albums[1], Album::TRACKS)?, [track]);
    s.delete(albums[1])?;
    s.commit()?;
    f.holds::<Track>(0);
    Ok(())
}
