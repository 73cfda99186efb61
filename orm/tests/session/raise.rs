//! Relations whose lazy loading a query forbids.

use selfsame::prelude::*;
use selfsame::{ErrorKind, Result};

use crate::fixture::{Author, Book, Fixture, Person, Post, Tag};

/// Two authors with a book each, committed; the session is empty.
fn authors() -> Result<Fixture> {
    let f = Fixture::new()?;
    f.in_another_session(|s| {
        for name in ["ann", "bob"] {
            s.add(Author {
                books: [Book::new(format!("of {name}"))].into(),
                ..Author::new(name)
            });
        }
        Ok(())
    })?;
    Ok(f)
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T>, relation: &str) {
    let error = result.expect_err("a lazy load that is refused");
    assert_eq!(error.kind(), ErrorKind::NotLoaded, "{error}");
    assert!(error.to_string().contains(relation), "{error}");
}

#[test]
fn a_collection_is_refused_until_it_is_loaded_otherwise() -> Result<()> {
    let mut f = authors()?;
    let authors = Author::query().with(Author::BOOKS.raise());
    let found = authors.all(&mut f.session)?;
    f.forget();
    for &author in &found {
        refused(f.session.load(author, Author::BOOKS), "books");
    }
    f.sends(&[]);
    // A query without the option changes nothing; one that loads the relation does.
    Author::query().all(&mut f.session)?;
    refused(f.session.load(found[0], Author::BOOKS), "books");
    let loads = Author::query().with(Author::BOOKS.selectin());
    loads.filter(Author::NAME.eq("ann")).all(&mut f.session)?;
    assert_eq!(f.session.load(found[0], Author::BOOKS)?.len(), 1);
    refused(f.session.load(found[1], Author::BOOKS), "books");
    let lazy = Author::query().with(Author::BOOKS.lazy());
    lazy.all(&mut f.session)?;
    assert_eq!(f.session.load(found[1], Author::BOOKS)?.len(), 1);
    // Loaded members are returned.
    authors.all(&mut f.session)?;
    assert_eq!(f.session.load(found[1], Author::BOOKS)?.len(), 1);
    Ok(())
}

#[test]
fn it_holds_until_the_object_is_expired() -> Result<()> {
    let mut f = authors()?;
    let authors = Author::query().with(Author::BOOKS.raise());
    for end in [Session::commit, Session::rollback] {
        let found = authors.all(&mut f.session)?;
        refused(f.session.load(found[0], Author::BOOKS), "books");
        end(&mut f.session)?;
        assert_eq!(f.session.load(found[0], Author::BOOKS)?.len(), 1);
        f.session.commit()?;
    }
    let found = authors.all(&mut f.session)?;
    f.session.refresh(found[0])?;
    assert_eq!(f.session.load(found[0], Author::BOOKS)?.len(), 1);
    refused(f.session.load(found[1], Author::BOOKS), "books");
    Ok(())
}

#[test]
fn a_parent_in_memory_is_given() -> Result<()> {
    let mut f = authors()?;
    let ann = f.session.get::<Author>(1)?.expect("a row");
    let books = Book::query()
        .order_by(Book::ID.asc())
        .with(Book::AUTHOR.raise())
        .all(&mut f.session)?;
    f.forget();
    assert_eq!(f.session.load(books[0], Book::AUTHOR)?, Some(ann));
    refused(f.session.load(books[1], Book::AUTHOR), "author");
    f.sends(&[]);
    let bob = f.session.get::<Author>(2)?;
    assert_eq!(f.session.load(books[1], Book::AUTHOR)?, bob);
    Ok(())
}

#[test]
fn a_joined_query_takes_it_back() -> Result<()> {
    let mut f = authors()?;
    let books = Book::query().with(Book::AUTHOR.raise());
    let book = books.all(&mut f.session)?[0];
    let joined = Book::query().with(Book::AUTHOR.joined());
    joined.all(&mut f.session)?;
    let author = f.session.load(book, Book::AUTHOR)?.expect("an author");
    f.session.expire(author)?;
    assert_eq!(f.session.load(book, Book::AUTHOR)?, Some(author));
    Ok(())
}

#[test]
fn a_flush_reads_what_it_needs() -> Result<()> {
    let mut f = authors()?;
    let authors = Author::query().with(Author::BOOKS.raise());
    let found = authors.all(&mut f.session)?;
    f.session.delete(found[0])?;
    f.session.commit()?;
    f.holds::<Author>(1);
    let book = f.session.get::<Book>(1)?.expect("a row");
    assert_eq!(f.session[book].author_id, None);
    Ok(())
}

#[test]
fn every_relation_that_is_not_eagerly_loaded_can_raise() -> Result<()> {
    let mut f = authors()?;
    f.in_another_session(|s| {
        s.add(Post {
            tags: [Tag::new("a")].into(),
            ..Post::new("first")
        });
        s.add(Person::new("carl"));
        Ok(())
    })?;
    let post = Post::query()
        .with(Post::TAGS.selectin())
        .raise_all()
        .one(&mut f.session)?;
    assert_eq!(f.session.load(post, Post::TAGS)?.len(), 1);
    refused(f.session.load(post, Post::SEATS), "seats");
    let person = Person::query().raise_all().one(&mut f.session)?;
    refused(f.session.load(person, Person::PASSPORT), "passport");
    // A filtered view is not the relation.
    let author = Author::query()
        .with(Author::BOOKS.filter(true))
        .raise_all()
        .all(&mut f.session)?[0];
    assert_eq!(
        f.session
            .filtered(author, Author::BOOKS)?
            .map(|books| books.len()),
        Some(1)
    );
    refused(f.session.load(author, Author::BOOKS), "books");
    Ok(())
}

#[test]
fn nested_loading_raises_too() -> Result<()> {
    let mut f = authors()?;
    f.in_another_session(|s| {
        s.add(Post {
            tags: [Tag::new("a")].into(),
            ..Post::new("first")
        });
        Ok(())
    })?;
    let posts = Post::query().with(Post::TAGS.selectin().then(Tag::POSTS.raise()));
    let post = posts.one(&mut f.session)?;
    let tag = f.session.load(post, Post::TAGS)?[0];
    refused(f.session.load(tag, Tag::POSTS), "posts");
    Ok(())
}
