//! Tables in which several rows have the key of one object: the mapping says more than the table holds.

use selfsame::prelude::*;
use selfsame::{Error, ErrorKind, Result};

use crate::fixture::{Author, Book, Fixture, Seat};

/// A change of one row.
type Change = fn(&mut Session, Handle<Seat>) -> Result<()>;

/// A table whose key nothing keeps unique, with two rows of one key and a row of another.
fn doubled() -> Result<Fixture> {
    let f = Fixture::new()?;
    f.behind(|s| {
        for text in [
            "PRAGMA foreign_keys = OFF",
            "DROP TABLE post_seats",
            "DROP TABLE seats",
            "CREATE TABLE seats (row INTEGER NOT NULL, place TEXT NOT NULL, taken BOOLEAN NOT NULL)",
            "INSERT INTO seats VALUES (1, 'a', 0), (1, 'a', 0), (2, 'b', 0)",
        ] {
            s.sql(text, ()).execute()?;
        }
        Ok(())
    })?;
    Ok(f)
}

#[track_caller]
fn says(error: &Error, message: &str) {
    assert_eq!(error.kind(), ErrorKind::MultipleRows, "{error}");
    assert_eq!(error.entity_name(), Some("Seat"), "{error}");
    assert_eq!(error.key_text(), Some("(1, \"a\")"), "{error}");
    assert!(error.to_string().contains(message), "{error}");
}

#[test]
fn a_lookup_by_its_key_is_an_error() -> Result<()> {
    let mut f = doubled()?;
    let key = || (1, "a".to_owned());
    let error = f.session.get::<Seat>(key()).expect_err("two rows");
    says(&error, "several rows have this key");
    let error = f.session.get_many::<Seat>([key(), (2, "b".to_owned())]);
    says(
        &error.expect_err("three rows"),
        "several rows have this key",
    );
    let error = f.session.get_many::<Seat>([key(), (9, "z".to_owned())]);
    says(&error.expect_err("two rows"), "several rows have this key");
    assert!(f.session.get::<Seat>((2, "b".to_owned()))?.is_some());
    Ok(())
}

#[test]
fn changes_are_kept_when_a_query_is_refused() -> Result<()> {
    let mut f = doubled()?;
    let s = &mut f.session;
    let one = Seat::query().filter(Seat::ROW.eq(1)).limit(1);
    let seat = one.one(s)?;
    s.no_autoflush(|s| {
        s[seat].taken = true;
        Seat::query().all(s).expect_err("two rows");
        assert!(s[seat].taken && s.is_modified(seat)?);
        Ok(())
    })
}

#[test]
fn a_query_that_finds_several_rows_of_one_object_is_an_error() -> Result<()> {
    let mut f = doubled()?;
    for _ in 0..2 {
        let error = Seat::query().all(&mut f.session).expect_err("two rows");
        says(&error, "several rows have this key");
    }
    let apart = Seat::query().filter(Seat::ROW.eq(2)).all(&mut f.session)?;
    assert_eq!(apart.len(), 1);
    let values = Seat::query().rows(&mut f.session)?;
    assert_eq!(values.len(), 3);
    Ok(())
}

#[test]
fn a_statement_for_one_row_that_matches_two_is_an_error() -> Result<()> {
    let change: [Change; 3] = [
        |session, seat| {
            session[seat].taken = true;
            Ok(())
        },
        |session, seat| session.set_expr(seat, Seat::TAKEN, Seat::PLACE.eq("a")),
        |session, seat| session.delete(seat),
    ];
    for (change, what) in change.into_iter().zip(["UPDATE", "UPDATE", "DELETE"]) {
        let mut f = doubled()?;
        let result = f.session.transaction(|session| {
            let seat = Seat::query()
                .filter(Seat::ROW.eq(1))
                .limit(1)
                .one(session)?;
            change(session, seat)
        });
        says(
            &result.expect_err("two rows"),
            &format!("the {what} of one row matched 2"),
        );
        let kept = f
            .session
            .sql("SELECT count(*) FROM seats WHERE taken = 0", ());
        assert_eq!(kept.one::<i64>()?, 3);
    }
    Ok(())
}

/// An author with the books `a` and `b`; the row of `b` is there twice.
fn doubled_book() -> Result<(Fixture, Handle<Author>, [Handle<Book>; 2])> {
    let mut f = Fixture::new()?;
    let s = &mut f.session;
    let ann = s.add(Author::new("ann"));
    let books = s.add_all(["a", "b"].map(Book::new));
    for &book in &books {
        s.set(book, Book::AUTHOR, Some(ann))?;
    }
    s.add(Author::new("bob"));
    s.commit()?;
    f.behind(|s| {
        for text in [
            "PRAGMA foreign_keys = OFF",
            "CREATE TABLE copies AS SELECT * FROM books",
            "DROP TABLE books",
            "ALTER TABLE copies RENAME TO books",
            "INSERT INTO books SELECT * FROM books WHERE title = 'b'",
        ] {
            s.sql(text, ()).execute()?;
        }
        Ok(())
    })?;
    Ok((f, ann, books))
}

#[test]
fn a_doubled_row_is_also_found_where_its_parent_is_joined() -> Result<()> {
    let (mut f, _, books) = doubled_book()?;
    let s = &mut f.session;
    let joined = Book::query().with(Book::AUTHOR.joined());
    let error = joined.all(s).expect_err("two rows of `b`");
    assert_eq!(error.kind(), ErrorKind::MultipleRows, "{error}");
    assert_eq!(error.entity_name(), Some("Book"), "{error}");
    let alone = Book::query().with(Book::AUTHOR.joined());
    let alone = alone.filter(Book::TITLE.eq("a")).all(s)?;
    assert_eq!(alone, [books[0]]);
    Ok(())
}

#[test]
fn a_doubled_row_is_also_found_among_the_members_of_a_collection() -> Result<()> {
    type Load = fn(&mut Session, Handle<Author>) -> Result<()>;
    let ways: [Load; 3] = [
        |s, ann| s.load(ann, Author::BOOKS).map(drop),
        |s, _| {
            let query = Author::query().with(Author::BOOKS.selectin());
            query.all(s).map(drop)
        },
        |s, _| {
            let query = Author::query().with(Author::BOOKS.joined());
            query.all(s).map(drop)
        },
    ];
    for (at, load) in ways.into_iter().enumerate() {
        let (mut f, ann, _) = doubled_book()?;
        let error = load(&mut f.session, ann).expect_err("two rows of `b`");
        assert_eq!(error.kind(), ErrorKind::MultipleRows, "{at}: {error}");
        assert_eq!(error.entity_name(), Some("Book"), "{at}: {error}");
    }
    Ok(())
}
