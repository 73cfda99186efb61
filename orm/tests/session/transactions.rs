//! Begin, commit, rollback, failures, and their effects on memory.

use selfsame::prelude::*;
use selfsame::{ErrorKind, Result};

use crate::fixture::{Author, Book, Fixture};

#[test]
fn one_statement_needs_no_transaction() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author::new("ann"));
    assert!(!f.session.is_expired(ann)?);
    f.session.commit()?;
    f.sends(&["INSERT INTO authors (name, age, height) 1"]);
    assert!(!f.session.in_transaction());
    assert!(f.session.is_expired(ann)?);
    f.session.refresh(ann)?;
    assert!(!f.session.is_expired(ann)?);
    Ok(())
}

#[test]
fn rollback_restores_added_changed_and_deleted() -> Result<()> {
    let mut f = Fixture::new()?;
    let [ann, bob] = f.session.add_all([Author::new("ann"), Author::new("bob")]);
    f.session.commit()?;
    let eve = f.session.add(Author::new("eve"));
    f.session[ann].name = "A".into();
    f.session.flush()?;
    f.session[ann].name = "B".into();
    f.session.delete(bob)?;
    f.session.flush()?;
    f.session[ann].name = "C".into();
    f.session.rollback()?;
    assert_eq!(f.session[ann].name, "ann");
    assert_eq!(
        (
            f.session.state(ann),
            f.session.state(bob),
            f.session.state(eve)
        ),
        (State::Persistent, State::Persistent, State::Transient)
    );
    assert_eq!(f.session.dirty::<Author>(), []);
    assert_eq!(f.session.get::<Author>(2)?, Some(bob));
    assert_eq!(f.session.get::<Author>(3)?, None);

    // A transient object is returned with its key, and can be added again.
    let eve = f.session.take(eve)?;
    assert_eq!(eve.id.get(), Some(&3));
    let eve = f.session.add(eve);
    f.session.commit()?;
    assert_eq!(f.session.get::<Author>(3)?, Some(eve));
    f.holds::<Author>(3);
    Ok(())
}

#[test]
fn rollback_restores_collections() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author {
        books: [Book::new("a"), Book::new("b")].into(),
        ..Author::new("ann")
    });
    let bob = f.session.add(Author::new("bob"));
    f.session.commit()?;
    let books = f.session.load(ann, Author::BOOKS)?;
    f.session.set(books[0], Book::AUTHOR, Some(bob))?;
    f.session.flush()?;
    f.session.delete(books[1])?;
    f.session.flush()?;
    f.session.rollback()?;
    assert_eq!(f.session.load(ann, Author::BOOKS)?, books);
    assert_eq!(f.session.load(bob, Author::BOOKS)?, []);
    assert_eq!(f.session.load(books[0], Book::AUTHOR)?, Some(ann));
    Ok(())
}

#[test]
fn a_failed_flush_waits_for_rollback_and_keeps_what_was_to_be_written() -> Result<()> {
    let mut f = Fixture::new()?;
    f.session.add(Author::new("ann"));
    f.session.commit()?;
    let bob = f.session.add(Author::new("bob"));
    f.session.flush()?;
    let twin = f.session.add(Author::new("ann"));
    let error = f.session.flush().expect_err("a second ann");
    assert_eq!(error.kind(), ErrorKind::UniqueViolation);
    assert!(!f.session.in_transaction());
    assert_eq!(f.session[twin].name, "ann");

    let pending = |error: selfsame::Error| error.kind() == ErrorKind::PendingRollback;
    assert!(pending(f.session.flush().expect_err("flush")));
    assert!(pending(f.session.commit().expect_err("commit")));
    assert!(pending(f.session.get::<Author>(77).expect_err("get")));
    assert!(pending(
        Author::query().all(&mut f.session).expect_err("query")
    ));
    assert!(pending(
        f.session.savepoint(|_| Ok(())).expect_err("savepoint")
    ));
    f.session.rollback()?;
    assert_eq!(
        (f.session.state(bob), f.session.state(twin)),
        (State::Transient, State::Transient)
    );
    assert_eq!(Author::query().count(&mut f.session)?, 1);

    let mut twin = f.session.take(twin)?;
    twin.name = "anna".into();
    f.session.add(twin);
    f.session.commit()?;
    f.holds::<Author>(2);
    Ok(())
}

#[test]
fn a_pending_relation_that_cannot_be_attached_is_not_forgotten() -> Result<()> {
    let mut f = Fixture::new()?;
    let mut other = Session::new(&f.engine);
    let foreign = other.add(Author::new("ann"));
    f.session.add(Book {
        author: foreign.into(),
        ..Book::new("b")
    });
    let error = f.session.commit().expect_err("ann is in another session");
    assert_eq!(error.kind(), ErrorKind::ForeignHandle);
    let error = f
        .session
        .commit()
        .expect_err("nothing is written without her");
    assert_eq!(error.kind(), ErrorKind::ForeignHandle);
    f.session.rollback()?;
    f.session.commit()?;
    f.holds::<Book>(0);
    Ok(())
}

#[test]
fn dropping_a_session_rolls_back_and_its_connection_is_clean() -> Result<()> {
    let mut f = Fixture::new()?;
    f.session.add(Author::new("ann"));
    f.session.flush()?;
    f.forget();
    f.session = Session::new(&f.engine);
    f.sends(&["ROLLBACK"]);
    f.session.add(Author::new("ann"));
    f.session.commit()?;
    f.holds::<Author>(1);
    Ok(())
}

#[test]
fn close_removes_everything_and_the_session_can_be_reused() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author::new("ann"));
    f.session.flush()?;
    f.session.close();
    assert!(!f.session.in_transaction());
    assert_eq!(f.session.state(ann), State::Detached);
    let book = f.session.add(Book::new("b"));
    let error = f.session.set(book, Book::AUTHOR, Some(ann));
    assert_eq!(error.map_err(|e| e.kind()), Err(ErrorKind::ForeignHandle));
    f.session.rollback()?;
    f.session.add(Author::new("bob"));
    f.session.commit()?;
    f.holds::<Author>(1);
    Ok(())
}

#[test]
fn clear_keeps_the_transaction() -> Result<()> {
    let mut f = Fixture::new()?;
    f.session.add(Author::new("ann"));
    f.session.flush()?;
    f.session.clear();
    assert!(f.session.in_transaction());
    let ann = f.session.get::<Author>(1)?.expect("ann");
    f.session[ann].age = Some(3);
    f.session.commit()?;
    f.holds::<Author>(1);
    Ok(())
}

#[test]
fn a_closure_commits_or_rolls_back() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.transaction(|s| Ok(s.add(Author::new("ann"))))?;
    f.holds::<Author>(1);
    let error = f.session.transaction(|s| {
        s[ann].age = Some(1);
        s.add(Author::new("ann"));
        s.flush()
    });
    assert_eq!(error.map_err(|e| e.kind()), Err(ErrorKind::UniqueViolation));
    assert_eq!(f.session[ann].age, None);
    f.session.commit()?;
    f.holds::<Author>(1);
    Ok(())
}

#[test]
fn illegal_moves_name_both_states() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author::new("ann"));
    let message = |e: selfsame::Error| e.to_string();
    assert!(
        f.session
            .expire(ann)
            .map_err(message)
            .expect_err("no row")
            .contains("pending")
    );
    f.session.commit()?;
    let error = f
        .session
        .take(ann)
        .map_err(message)
        .expect_err("it has a row");
    assert!(
        error.contains("persistent") && error.contains("transient"),
        "{error}"
    );
    f.session.delete(ann)?;
    f.session.flush()?;
    let error = f.session.delete(ann).map_err(message).expect_err("twice");
    assert!(error.contains("deleted"), "{error}");
    Ok(())
}

#[test]
fn writes_to_a_deleted_object_have_no_effect() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author::new("ann"));
    f.session.commit()?;
    f.session.delete(ann)?;
    f.session.flush()?;
    f.forget();
    f.session[ann].name = "x".into();
    f.session.flush()?;
    f.sends(&[]);
    f.session.rollback()?;
    assert_eq!(f.session[ann].name, "ann");
    Ok(())
}

#[test]
fn a_transient_object_can_be_changed_and_taken() -> Result<()> {
    let mut f = Fixture::new()?;
    let x = f.session.add(Author::new("x"));
    f.session.flush()?;
    f.session.rollback()?;
    f.session[x].name = "y".into();
    assert_eq!(f.session.take(x)?.name, "y");
    Ok(())
}

#[test]
fn an_object_can_be_inserted_and_deleted_in_one_transaction() -> Result<()> {
    let mut f = Fixture::new()?;
    let x = f.session.add(Author::new("x"));
    f.session.flush()?;
    f.session.delete(x)?;
    f.session.flush()?;
    f.session.rollback()?;
    assert_eq!(f.session.state(x), State::Transient);
    let x = f.session.add(Author::new("x"));
    f.session.flush()?;
    f.session.delete(x)?;
    f.session.commit()?;
    assert_eq!(f.session.state(x), State::Detached);
    Ok(())
}
