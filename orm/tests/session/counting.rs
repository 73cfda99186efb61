//! Tools for limiting statements: `assert_statements!` and the N+1 detector.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use selfsame::prelude::*;
use selfsame::{Result, assert_statements};

use crate::fixture::{Author, Book, Fixture};

/// Some authors with a book each; the session is empty.
fn library(authors: usize) -> Result<Fixture> {
    let f = Fixture::new()?;
    f.in_another_session(|s| {
        for number in 0..authors {
            s.add(Author {
                books: [Book::new("b")].into(),
                ..Author::new(format!("author {number}"))
            });
        }
        Ok(())
    })?;
    Ok(f)
}

#[test]
fn statements_are_counted_across_transactions_and_nested() -> Result<()> {
    let f = library(3)?;
    let mut session = Session::new(&f.engine);
    let authors = assert_statements!(session, 4, {
        let authors = assert_statements!(session, 1, { Author::query().all(&mut session)? });
        for &author in &authors {
            session[author].age = Some(1);
        }
        // One batch, then the rows are expired.
        assert_statements!(session, 1, { session.commit()? });
        assert_statements!(session, 2, {
            session.get::<Author>(1)?;
            session.get::<Author>(2)?;
        });
        authors
    });
    assert_statements!(session, 0, {
        assert_eq!(session[authors[0]].age, Some(1));
        session.commit()?;
    });
    Ok(())
}

#[test]
fn a_wrong_number_lists_the_statements_without_values() -> Result<()> {
    let f = library(1)?;
    let mut session = Session::new(&f.engine);
    let panic = catch_unwind(AssertUnwindSafe(|| -> Result<()> {
        assert_statements!(session, 1, {
            let found = Author::query().filter(Author::NAME.eq("secret"));
            found.all(&mut session)?;
            found.count(&mut session)?;
        });
        Ok(())
    }))
    .expect_err("two statements");
    let message = panic.downcast_ref::<String>().expect("a message");
    let lines: Vec<&str> = message.lines().collect();
    assert_eq!(lines[0], "expected 1 statement(s), but 2 were sent");
    assert!(lines[1].starts_with("  1. SELECT ") && lines[2].starts_with("  2. SELECT "));
    assert!(!message.contains("secret") && lines.len() == 3);
    Ok(())
}

#[test]
fn a_log_lists_what_was_sent_while_it_lived() -> Result<()> {
    let f = library(1)?;
    let mut session = Session::new(&f.engine);
    session.get::<Author>(1)?;
    let log = session.log_statements();
    session.get::<Book>(1)?;
    let texts = log.statements();
    assert_eq!(texts.len(), 1);
    assert!(texts[0].contains("\"books\""));
    Ok(())
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("a text").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Lines {
    fn take(&self) -> String {
        let bytes = std::mem::take(&mut *self.0.lock().expect("a text"));
        String::from_utf8(bytes).expect("UTF-8")
    }
}

#[test]
fn lazy_loads_one_by_one_are_warned_of_once_in_a_transaction() -> Result<()> {
    let f = library(5)?;
    let lines = Lines::default();
    let engine = f
        .engine
        .clone()
        .echo_to(Echo::Off, lines.clone())
        .warn_n_plus_one(3);
    let mut session = Session::new(&engine);
    let collections = "N+1: 3 lazy loads of Author.books in one transaction; load it with its owners: `.with(Author::BOOKS.selectin())`\n";
    let parents = "N+1: 3 lazy loads of Book.author in one transaction; load it with its owners: `.with(Book::AUTHOR.selectin())`\n";
    for _ in 0..2 {
        for author in Author::query().all(&mut session)? {
            session.load(author, Author::BOOKS)?;
        }
        assert_eq!(lines.take(), collections);
        session.clear();
        for book in Book::query().all(&mut session)? {
            session.load(book, Book::AUTHOR)?;
        }
        assert_eq!(lines.take(), parents);
        session.commit()?;
        session.clear();
    }

    // Eagerly loaded, few enough, or in memory.
    for author in Author::query()
        .with(Author::BOOKS.selectin())
        .all(&mut session)?
    {
        for book in session.load(author, Author::BOOKS)? {
            session.load(book, Book::AUTHOR)?;
        }
    }
    session.close();
    for author in Author::query().limit(2).all(&mut session)? {
        session.load(author, Author::BOOKS)?;
        session.load(author, Author::BOOKS)?;
    }
    assert_eq!(lines.take(), "");
    Ok(())
}

#[test]
fn there_are_no_warnings_by_default() -> Result<()> {
    let f = library(3)?;
    let lines = Lines::default();
    let engine = f.engine.clone().echo_to(Echo::Off, lines.clone());
    let mut session = Session::new(&engine);
    for author in Author::query().all(&mut session)? {
        session.load(author, Author::BOOKS)?;
    }
    assert_eq!(lines.take(), "");
    Ok(())
}

#[test]
fn a_session_counts_its_statements() -> Result<()> {
    let f = library(2)?;
    let mut session = Session::new(&f.engine);
    assert_eq!(session.statements(), 0);
    session.get::<Author>(1)?;
    session.get::<Author>(1)?;
    session.get::<Author>(2)?;
    // BEGIN and two SELECTs; then a ROLLBACK, and the same for one.
    assert_eq!(session.statements(), 3);
    session.rollback()?;
    session.get::<Author>(1)?;
    assert_eq!(session.statements(), 6);
    Ok(())
}
