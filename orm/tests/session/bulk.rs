//! Bulk statements, and their effects on objects.

use selfsame::prelude::*;
use selfsame::sql::{excluded, insert_into, select, update};
use selfsame::{ErrorKind, Result};

use crate::fixture::{Author, Book, Fixture, Seat};

/// ann, 30, with the book x; bob, 40; cy, 50.
fn library() -> Result<(Fixture, [Handle<Author>; 3], Handle<Book>)> {
    let mut fixture = Fixture::new()?;
    let author = |name: &str, age| Author {
        age: Some(age),
        ..Author::new(name)
    };
    let authors = [author("ann", 30), author("bob", 40), author("cy", 50)];
    let authors = fixture.session.add_all(authors);
    let book = fixture.session.add(Book::new("x"));
    fixture.session.set(book, Book::AUTHOR, Some(authors[0]))?;
    fixture.session.commit()?;
    for author in authors {
        fixture.session.refresh(author)?;
    }
    fixture.session.refresh(book)?;
    fixture.forget();
    Ok((fixture, authors, book))
}

fn older() -> selfsame::query::BulkUpdate<Author> {
    Author::query()
        .filter(Author::AGE.lt(45))
        .update()
        .set(Author::AGE, Author::AGE + 1)
}

#[test]
fn an_update_flushes_and_expires_the_objects_of_its_table() -> Result<()> {
    let (mut fixture, [ann, bob, cy], book) = library()?;
    let session = &mut fixture.session;
    session[cy].age = Some(20);
    assert_eq!(older().execute(session)?, 3);
    assert_eq!(session[ann].age, Some(30));
    let found = session.get::<Author>(*session[ann].id)?;
    assert_eq!(found, Some(ann));
    assert_eq!(session[ann].age, Some(31));
    let all = Author::query().order_by(Author::ID.asc()).all(session)?;
    assert_eq!(all, [ann, bob, cy]);
    assert_eq!((session[bob].age, session[cy].age), (Some(41), Some(21)));
    fixture.sends(&[
        "UPDATE authors SET age = ? WHERE id = ?",
        "UPDATE authors SET age = age + ? WHERE age < ?",
        "SELECT authors WHERE id = ?",
        "SELECT authors ORDER BY id",
    ]);
    let session = &mut fixture.session;
    session.get::<Book>(*session[book].id)?;
    fixture.sends(&[]);
    let session = &mut fixture.session;
    session.rollback()?;
    assert_eq!((session[ann].age, session[cy].age), (Some(30), Some(50)));
    session.refresh(ann)?;
    assert_eq!(session[ann].age, Some(30));
    Ok(())
}

#[test]
fn an_update_in_a_savepoint_is_undone_with_it() -> Result<()> {
    let (mut fixture, [ann, ..], _) = library()?;
    let session = &mut fixture.session;
    let undone: Result<()> = session.savepoint(|session| {
        older().execute(session)?;
        session.refresh(ann)?;
        assert_eq!(session[ann].age, Some(31));
        Err(selfsame::Error::new(ErrorKind::Validation, "enough"))
    });
    assert_eq!(
        undone.expect_err("the closure fails").kind(),
        ErrorKind::Validation
    );
    assert_eq!(session[ann].age, Some(30));
    session.get::<Author>(*session[ann].id)?;
    assert_eq!(session[ann].age, Some(30));
    session.commit()
}

#[test]
fn an_update_of_chosen_rows() -> Result<()> {
    let (mut fixture, _, _) = library()?;
    let session = &mut fixture.session;
    let oldest = Author::query().order_by(Author::AGE.desc()).limit(1);
    assert_eq!(
        oldest.update().set(Author::HEIGHT, 1.5).execute(session)?,
        1
    );
    let writers = Author::query()
        .join(Author::BOOKS)
        .filter(Book::TITLE.eq("x"));
    assert_eq!(
        writers.update().set(Author::HEIGHT, 2.5).execute(session)?,
        1
    );
    let heights = Author::query()
        .order_by(Author::ID.asc())
        .select(Author::HEIGHT)
        .all(session)?;
    assert_eq!(heights, [Some(2.5), None, Some(1.5)]);
    let keys = Author::query().update().set(Author::ID, Author::ID + 1);
    let error = keys
        .execute(session)
        .expect_err("the session identifies objects by it");
    assert_eq!(error.kind(), ErrorKind::InvalidStatement);
    assert_eq!(error.column_name(), Some("id"));
    let nothing = Author::query().update().execute(session);
    assert_eq!(
        nothing.expect_err("sets nothing").kind(),
        ErrorKind::InvalidStatement
    );
    session.commit()
}

#[test]
fn a_bulk_delete_deletes_the_objects() -> Result<()> {
    let (mut fixture, [ann, bob, cy], _) = library()?;
    let session = &mut fixture.session;
    let key = *session[bob].id;
    let old = || Author::query().filter(Author::AGE.ge(40));
    assert_eq!(old().delete().execute(session)?, 2);
    assert_eq!(
        (session.state(bob), session.state(ann)),
        (State::Deleted, State::Persistent)
    );
    assert_eq!(session.get::<Author>(key)?, None);
    session.rollback()?;
    assert_eq!(
        (session.state(bob), &*session[bob].name),
        (State::Persistent, "bob")
    );
    assert_eq!(session.get::<Author>(key)?, Some(bob));
    assert_eq!(old().delete().execute(session)?, 2);
    session.commit()?;
    assert_eq!(
        (session.state(bob), session.state(cy)),
        (State::Detached, State::Detached)
    );
    assert_eq!(session.get::<Author>(key)?, None);
    fixture.holds::<Author>(1);
    let session = &mut fixture.session;
    let refused = Author::query().delete().execute(session);
    assert_eq!(
        refused.expect_err("x is of ann").kind(),
        ErrorKind::ForeignKeyViolation
    );
    let waiting = session.get::<Author>(key);
    assert_eq!(
        waiting.expect_err("waits for rollback").kind(),
        ErrorKind::PendingRollback
    );
    session.rollback()
}

#[test]
fn rows_are_inserted_without_objects() -> Result<()> {
    let mut fixture = Fixture::new()?;
    let session = &mut fixture.session;
    session.add(Author::new("ann"));
    let rows = (0..300).map(|n| Author::new(format!("author {n}")));
    assert_eq!(session.insert_all(rows)?, 300);
    let known = [
        Author {
            id: 9_000.into(),
            ..Author::new("zed")
        },
        Author {
            age: Some(3),
            ..Author::new("yan")
        },
    ];
    assert_eq!(session.insert_all(known)?, 2);
    assert_eq!(session.insert_all(Vec::<Author>::new())?, 0);
    session.commit()?;
    fixture.holds::<Author>(303);
    fixture.sends(&[
        "BEGIN IMMEDIATE",
        "INSERT INTO authors (name, age, height) 1",
        "INSERT INTO authors (name, age, height) 250",
        "INSERT INTO authors (name, age, height) 50",
        "INSERT INTO authors (id, name, age, height) 1",
        "INSERT INTO authors (name, age, height) 1",
        "COMMIT",
    ]);
    let session = &mut fixture.session;
    let with_books = Author {
        books: [Book::new("x")].into(),
        ..Author::new("dee")
    };
    let error = session
        .insert_all([with_books])
        .expect_err("a book in a plain row");
    assert_eq!(error.kind(), ErrorKind::InvalidState);
    let twice = session.insert_all([Author::new("ann")]);
    assert_eq!(
        twice.expect_err("ann is there").kind(),
        ErrorKind::UniqueViolation
    );
    session.rollback()
}

#[test]
fn rows_that_are_there_already() -> Result<()> {
    let (mut fixture, [ann, ..], _) = library()?;
    let session = &mut fixture.session;
    let insert = insert_into(Author::table())
        .columns((Author::NAME, Author::AGE))
        .rows([("ann", 1), ("dee", 2)]);
    let skipped = insert.clone().on_conflict((Author::NAME,)).do_nothing();
    assert_eq!(session.execute(&skipped)?, 1);
    let changed = insert
        .on_conflict((Author::NAME,))
        .do_update(|row| row.set(Author::AGE, excluded(Author::AGE) + Author::AGE));
    let mut rows = session.execute_returning(&changed.returning((Author::NAME, Author::AGE)))?;
    rows.sort();
    assert_eq!(
        rows,
        [("ann".to_owned(), Some(31)), ("dee".to_owned(), Some(4))]
    );
    session.get::<Author>(*session[ann].id)?;
    assert_eq!(session[ann].age, Some(31));
    let copied = insert_into(Book::table())
        .columns((Book::TITLE, Book::AUTHOR_ID))
        .from_query(select((Author::NAME, Author::ID)).from(Author::table()));
    assert_eq!(session.execute(&copied)?, 4);
    let older = update(Author::table())
        .set(Author::AGE, 0)
        .filter(Author::AGE.gt(31))
        .returning(Author::NAME);
    assert_eq!(session.execute_returning(&older)?.len(), 2);
    session.commit()
}

#[test]
fn rows_with_keys_of_two_columns_are_counted_once() -> Result<()> {
    let mut fixture = Fixture::new()?;
    let session = &mut fixture.session;
    let seats = session.add_all([1, 2, 3].map(|row| Seat::new(row, "a", row < 3)));
    session.flush()?;
    let taken = Seat::query().filter(Seat::TAKEN.eq(true));
    assert_eq!(taken.delete().execute(session)?, 2);
    let states = seats.map(|seat| session.state(seat));
    assert_eq!(states, [State::Deleted, State::Deleted, State::Persistent]);
    session.commit()
}

#[test]
fn rows_are_chosen_by_keys_of_several_columns() -> Result<()> {
    let mut f = Fixture::new()?;
    let seats = [(1, "a"), (1, "b"), (2, "a"), (2, "b")];
    f.session
        .add_all(seats.map(|(row, place)| Seat::new(row, place, false)));
    f.session.commit()?;
    f.forget();
    let first = Seat::query()
        .order_by(Seat::PLACE.asc())
        .order_by(Seat::ROW.desc())
        .limit(2);
    let update = first.clone().update().set(Seat::TAKEN, true);
    assert_eq!(update.execute(&mut f.session)?, 2);
    f.sends(&[
        "BEGIN IMMEDIATE",
        "UPDATE seats SET taken = ? WHERE (seats.row, seats.place) IN \
         (SELECT seats.row, seats.place FROM seats ORDER BY seats.place, seats.row DESC LIMIT 2)",
    ]);
    let taken = Seat::query().filter(Seat::TAKEN).rows(&mut f.session)?;
    let taken: Vec<&str> = taken.iter().map(|seat| &*seat.place).collect();
    assert_eq!(taken, ["a", "a"]);
    assert_eq!(first.limit(1).delete().execute(&mut f.session)?, 1);
    f.session.commit()?;
    f.holds::<Seat>(3);
    assert_eq!(f.session.get::<Seat>((2, "a".to_owned()))?, None);
    Ok(())
}

#[test]
fn collections_are_reread_after_a_bulk_statement() -> Result<()> {
    let (mut fixture, [ann, ..], book) = library()?;
    let session = &mut fixture.session;
    let release = Book::query().update().set(Book::AUTHOR_ID, None);
    assert_eq!(session.load(ann, Author::BOOKS)?, [book]);
    release.execute(session)?;
    assert_eq!(session.load(ann, Author::BOOKS)?, []);
    session.rollback()?;
    assert_eq!(session.load(ann, Author::BOOKS)?, [book]);
    Book::query().delete().execute(session)?;
    assert_eq!(session.load(ann, Author::BOOKS)?, []);
    session.rollback()
}
