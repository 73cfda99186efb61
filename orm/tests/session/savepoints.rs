//! Savepoints: what is kept, and exactly what is undone.

use selfsame::prelude::*;
use selfsame::{Error, ErrorKind, Result};

use crate::fixture::{Author, Book, Fixture, House, Seat};

fn changed_mind() -> Error {
    Error::new(ErrorKind::Validation, "changed my mind")
}

#[test]
fn opening_flushes_releasing_keeps() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author::new("ann"));
    f.session.savepoint(|s| {
        s[ann].age = Some(1);
        Ok(())
    })?;
    f.sends(&[
        "BEGIN IMMEDIATE",
        "INSERT INTO authors (name, age, height) 1",
        "SAVEPOINT selfsame_1",
        "UPDATE authors SET age = ? WHERE id = ?",
        "RELEASE SAVEPOINT selfsame_1",
    ]);
    f.session.rollback()?;
    assert_eq!(f.session.state(ann), State::Transient);
    f.holds::<Author>(0);
    Ok(())
}

#[test]
fn rolling_back_undoes_exactly_what_was_done_inside() -> Result<()> {
    let mut f = Fixture::new()?;
    let [ann, bob] = f.session.add_all([Author::new("ann"), Author::new("bob")]);
    let book = f.session.add(Book::new("b"));
    f.session.set(book, Book::AUTHOR, Some(ann))?;
    f.session.flush()?;
    f.session[ann].age = Some(1);
    let mut eve = None;
    let result: Result<()> = f.session.savepoint(|s| {
        s[ann].age = Some(2);
        s.flush()?;
        s[ann].age = Some(3);
        s.delete(bob)?;
        s.set(book, Book::AUTHOR, None)?;
        eve = Some(s.add(Author::new("eve")));
        s.flush()?;
        assert_eq!(s.load(ann, Author::BOOKS)?, []);
        Err(changed_mind())
    });
    assert_eq!(result.map_err(|e| e.kind()), Err(ErrorKind::Validation));
    assert_eq!(f.session[ann].age, Some(1));
    assert_eq!(f.session.state(bob), State::Persistent);
    assert_eq!(eve.map(|eve| f.session.state(eve)), Some(State::Transient));
    assert_eq!(f.session.load(ann, Author::BOOKS)?, [book]);
    assert_eq!(f.session.load(book, Book::AUTHOR)?, Some(ann));
    f.session.commit()?;
    f.session.refresh(ann)?;
    assert_eq!(f.session[ann].age, Some(1));
    f.session.rollback()?;
    f.holds::<Author>(2);
    Ok(())
}

#[test]
fn savepoints_nest() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author::new("ann"));
    f.session.savepoint(|s| {
        s[ann].age = Some(1);
        let inner: Result<()> = s.savepoint(|s| {
            s[ann].age = Some(2);
            s.savepoint(|s| {
                s[ann].age = Some(3);
                Ok(())
            })?;
            assert_eq!(s[ann].age, Some(3));
            Err(changed_mind())
        });
        assert!(inner.is_err());
        assert_eq!(s[ann].age, Some(1));
        Ok(())
    })?;
    f.session.commit()?;
    f.session.refresh(ann)?;
    assert_eq!(f.session[ann].age, Some(1));
    Ok(())
}

#[test]
fn a_failed_flush_inside_costs_the_savepoint_only() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author::new("ann"));
    f.session.flush()?;
    let result = f.session.savepoint(|s| {
        s[ann].age = Some(9);
        s.add(Author::new("ann"));
        // The error is ignored here, but not forgotten.
        assert!(s.flush().is_err());
        assert_eq!(
            s.get::<Author>(5).map_err(|e| e.kind()),
            Err(ErrorKind::PendingRollback)
        );
        Ok(())
    });
    assert_eq!(
        result.map_err(|e| e.kind()),
        Err(ErrorKind::PendingRollback)
    );
    assert_eq!(f.session[ann].age, None);
    f.session.commit()?;
    f.holds::<Author>(1);
    Ok(())
}

#[test]
fn changed_keys_come_back() -> Result<()> {
    let mut f = Fixture::new()?;
    let a = f.session.add(Seat::new(1, "a", false));
    f.session.flush()?;
    let result: Result<()> = f.session.savepoint(|s| {
        s[a].place = "b".into();
        s.flush()?;
        s.add(Seat::new(1, "a", true));
        s.flush()?;
        Err(changed_mind())
    });
    assert!(result.is_err());
    assert_eq!(f.session.get::<Seat>((1, "a".to_owned()))?, Some(a));
    assert!(!f.session[a].taken);
    assert_eq!(f.session.get::<Seat>((1, "b".to_owned()))?, None);
    Ok(())
}

#[test]
fn reads_inside_a_savepoint_are_repeated() -> Result<()> {
    let mut f = Fixture::new()?;
    f.session.add(Author::new("ann"));
    f.session.commit()?;
    f.session.clear();
    let mut seen = None;
    let result: Result<()> = f.session.savepoint(|s| {
        let mut writer = s.get::<Author>(1)?;
        let ann = writer.take().expect("ann");
        s[ann].age = Some(5);
        s.flush()?;
        s.expunge(ann)?;
        seen = s.get::<Author>(1)?;
        assert_eq!(seen.map(|h| s[h].age), Some(Some(5)));
        Err(changed_mind())
    });
    assert!(result.is_err());
    assert_eq!(f.session.get::<Author>(1)?, seen);
    assert_eq!(seen.map(|h| f.session[h].age), Some(None));
    Ok(())
}

#[test]
fn members_that_left_inside_a_savepoint_are_not_restored() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author {
        books: [Book::new("a")].into(),
        ..Author::new("ann")
    });
    f.session.commit()?;
    let books = f.session.load(ann, Author::BOOKS)?;
    let result: Result<()> = f.session.savepoint(|s| {
        let b = s.add(Book::new("b"));
        s.push(ann, Author::BOOKS, b)?;
        s.expunge(books[0])?;
        Err(changed_mind())
    });
    assert!(result.is_err());
    for book in f.session.load(ann, Author::BOOKS)? {
        assert_eq!(f.session.state(book), State::Persistent);
        assert_eq!(f.session[book].title, "a");
    }
    Ok(())
}

#[test]
fn the_session_can_be_cleared_and_closed_inside() -> Result<()> {
    let mut f = Fixture::new()?;
    f.session.add(Author::new("ann"));
    f.session.flush()?;
    let mut bob = None;
    let result: Result<()> = f.session.savepoint(|s| {
        s.clear();
        bob = Some(s.add(Author::new("bob")));
        s.flush()?;
        Err(changed_mind())
    });
    assert!(result.is_err());
    assert_eq!(bob.map(|bob| f.session.state(bob)), Some(State::Transient));
    f.session.commit()?;
    f.holds::<Author>(1);
    f.session.savepoint(|s| {
        s.add(Author::new("eve"));
        s.flush()?;
        s.close();
        Ok(())
    })?;
    f.session.commit()?;
    f.holds::<Author>(1);
    Ok(())
}

#[test]
fn the_transaction_cannot_end_inside() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author::new("ann"));
    f.session.savepoint(|s| {
        assert_eq!(
            s.commit().map_err(|e| e.kind()),
            Err(ErrorKind::InvalidState)
        );
        assert_eq!(
            s.rollback().map_err(|e| e.kind()),
            Err(ErrorKind::InvalidState)
        );
        s[ann].age = Some(1);
        Ok(())
    })?;
    f.session.commit()?;
    f.session.refresh(ann)?;
    assert_eq!(f.session[ann].age, Some(1));
    Ok(())
}

#[test]
fn a_flush_that_fails_half_way_is_undone_whole() -> Result<()> {
    let mut f = Fixture::new()?;
    f.session.add(Author::new("ann"));
    f.session.flush()?;
    let mut hs = vec![];
    let r: Result<()> = f.session.savepoint(|s| {
        let h = s.add(House::new("x"));
        let eve = s.add(Author::new("eve"));
        let a2 = s.add(Author::new("ann"));
        hs.push((h, eve, a2));
        s.flush()
    });
    assert!(r.is_err());
    let (h, eve, a2) = hs[0];
    assert_eq!(
        (
            f.session.state(h),
            f.session.state(eve),
            f.session.state(a2)
        ),
        (State::Transient, State::Transient, State::Transient)
    );
    f.session.commit()?;
    f.holds::<Author>(1);
    f.holds::<House>(0);
    Ok(())
}

#[test]
fn a_deletion_undone_restores_the_children_too() -> Result<()> {
    let mut f = Fixture::new()?;
    let x = f.session.add(Author {
        books: [Book::new("b")].into(),
        ..Author::new("x")
    });
    let r: Result<()> = f.session.savepoint(|s| {
        s.delete(x)?;
        s.flush()?;
        assert_eq!(s.state(x), State::Deleted);
        Err(changed_mind())
    });
    assert!(r.is_err());
    assert_eq!(f.session.state(x), State::Persistent);
    let b = f.session.load(x, Author::BOOKS)?;
    assert_eq!(b.len(), 1);
    assert_eq!(f.session[b[0]].author_id, Some(1));
    f.session.commit()?;
    f.holds::<Book>(1);
    f.session.refresh(b[0])?;
    assert_eq!(f.session[b[0]].author_id, Some(1));
    Ok(())
}

#[test]
fn a_move_made_before_is_kept() -> Result<()> {
    let mut f = Fixture::new()?;
    let [a, b] = f.session.add_all([Author::new("a"), Author::new("b")]);
    let book = f.session.add(Book::new("x"));
    f.session.commit()?;
    f.session.load(a, Author::BOOKS)?;
    f.session.load(b, Author::BOOKS)?;
    f.session.set(book, Book::AUTHOR, Some(a))?;
    let r: Result<()> = f.session.savepoint(|s| {
        s.set(book, Book::AUTHOR, Some(b))?;
        Err(changed_mind())
    });
    assert!(r.is_err());
    assert_eq!(f.session.load(book, Book::AUTHOR)?, Some(a));
    assert_eq!(f.session.load(a, Author::BOOKS)?, [book]);
    assert_eq!(f.session.load(b, Author::BOOKS)?, []);
    f.session.commit()?;
    assert_eq!(f.session.load(a, Author::BOOKS)?, [book]);
    Ok(())
}

#[test]
fn a_collection_is_whole_again_when_what_left_it_inside_is_rolled_back() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author::new("ann"));
    let book = f.session.add(Book::new("b"));
    f.session.push(ann, Author::BOOKS, book)?;
    let undone: Result<()> = f.session.savepoint(|s| {
        s.expunge(book)?;
        Err(changed_mind())
    });
    undone.expect_err("it is undone");
    f.session.delete(ann)?;
    f.session.commit()?;
    f.holds::<Book>(1);
    f.holds::<Author>(0);
    Ok(())
}

#[test]
fn a_deleted_object_has_its_key_again_though_another_row_had_it_inside() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author::new("ann"));
    f.session.flush()?;
    let undone: Result<()> = f.session.savepoint(|s| {
        s.delete(ann)?;
        s.flush()?;
        let bob = s.add(Author::new("bob"));
        s.flush()?;
        assert_eq!(s[bob].id.get(), Some(&1));
        s.expunge(bob)?;
        Author::query().all(s)?;
        Err(changed_mind())
    });
    undone.expect_err("it is undone");
    assert_eq!(Author::query().all(&mut f.session)?, [ann]);
    Ok(())
}

#[test]
fn reads_after_clearing_inside_a_savepoint_are_undone() -> Result<()> {
    for is_flushed in [false, true] {
        let mut f = Fixture::new()?;
        f.session.add(Author::new("ann"));
        f.session.commit()?;
        let mut found = None;
        let result: Result<()> = f.session.savepoint(|s| {
            s.clear();
            let ann = s.get::<Author>(1)?.expect("a row");
            found = Some(ann);
            s.load(ann, Author::BOOKS)?;
            let book = s.add(Book::new("b"));
            s.push(ann, Author::BOOKS, book)?;
            if is_flushed {
                s.flush()?;
            }
            Err(changed_mind())
        });
        assert!(result.is_err());
        let ann = found.expect("a handle");
        assert_eq!(f.session.load(ann, Author::BOOKS)?, []);
        f.session.commit()?;
        f.holds::<Book>(0);
    }
    Ok(())
}

/// Values read inside a savepoint after `clear` may be the savepoint's own writes: undoing them is not a concurrent change.
#[test]
fn reads_in_an_undone_savepoint_are_not_mistaken_for_concurrent_changes() -> Result<()> {
    let Fixture { mut session, .. } = Fixture::new()?;
    let ann = session.add(Author::new("ann"));
    session.commit()?;
    let key = *session[ann].id;
    let undone: Result<()> = session.savepoint(|session| {
        let ann = session.get::<Author>(key)?.expect("a row");
        session[ann].age = Some(7);
        session.flush()?;
        session.clear();
        session
            .get::<Author>(key)?
            .expect("the row as it was written");
        Err(changed_mind())
    });
    assert!(undone.is_err());
    let ann = session.get::<Author>(key)?.expect("a row");
    assert_eq!(session[ann].age, None);
    session[ann].age = Some(1);
    session.commit()?;
    session.clear();
    let ann = session.get::<Author>(key)?.expect("a row");
    assert_eq!(session[ann].age, Some(1));
    Ok(())
}

/// Undoing a savepoint after `clear` does not touch keys that `clear` has forgotten.
#[test]
fn clear_inside_a_savepoint_forgets_the_keys_that_flushes_filled_in() -> Result<()> {
    let Fixture { mut session, .. } = Fixture::new()?;
    session.add(Author {
        books: [Book::new("a")].into(),
        ..Author::new("ann")
    });
    session.flush()?;
    let undone: Result<()> = session.savepoint(|session| {
        session.clear();
        Err(changed_mind())
    });
    assert!(undone.is_err());
    session.commit()
}

/// Values read in an undone savepoint stay known: a later difference is a concurrent change.
#[test]
fn reads_in_an_undone_savepoint_are_known() -> Result<()> {
    type Read = fn(&mut Session, Handle<Author>) -> Result<()>;
    let reads: [(&str, Read); 4] = [
        ("refreshed", |s, ann| s.refresh(ann)),
        ("refreshed in an inner savepoint", |s, ann| {
            s.savepoint(|s| s.refresh(ann))
        }),
        ("read after another's UPDATE", |s, ann| {
            let bob = s.get::<Author>(2)?.expect("bob");
            s[bob].age = Some(77);
            s.flush()?;
            s.refresh(ann)
        }),
        ("queried", |s, _| Author::query().all(s).map(drop)),
    ];
    type End = fn(&mut Session) -> Result<()>;
    let ends: [(&str, End); 2] = [("commit", Session::commit), ("rollback", Session::rollback)];
    for (read, work) in reads {
        for (end, ended) in ends {
            let mut f = Fixture::new()?;
            let [ann, _] = f.session.add_all([Author::new("ann"), Author::new("bob")]);
            f.session.commit()?;
            set_age_behind(&f, 1)?;
            let undone: Result<()> = f.session.savepoint(|s| {
                work(s, ann)?;
                Err(changed_mind())
            });
            assert!(undone.is_err());
            assert_eq!(f.session[ann].age, Some(1), "{read}, {end}");
            ended(&mut f.session)?;
            set_age_behind(&f, 2)?;
            f.session[ann].age = Some(3);
            let flushed = f.session.flush().map_err(|error| error.kind());
            assert_eq!(flushed, Err(ErrorKind::StaleData), "{read}, {end}");
            f.session.rollback()?;
            // Without a concurrent change there is no conflict.
            f.session.refresh(ann)?;
            f.session.commit()?;
            f.session[ann].age = Some(3);
            f.session.commit()?;
        }
    }
    Ok(())
}

/// If the session itself may have written the values read, undoing the savepoint restores those known before it.
#[test]
fn writes_of_a_statement_in_an_undone_savepoint_are_unknown() -> Result<()> {
    for end in [Session::commit, Session::rollback] {
        let mut f = Fixture::new()?;
        let ann = f.session.add(Author::new("ann"));
        f.session.commit()?;
        set_age_behind(&f, 1)?;
        f.session.refresh(ann)?;
        let undone: Result<()> = f.session.savepoint(|s| {
            Author::query().update().set(Author::AGE, 50).execute(s)?;
            s.refresh(ann)?;
            s.refresh(ann)?;
            assert_eq!(s[ann].age, Some(50));
            Err(changed_mind())
        });
        assert!(undone.is_err());
        assert_eq!(f.session[ann].age, Some(1));
        end(&mut f.session)?;
        f.session[ann].age = Some(2);
        f.session.commit()?;
        set_age_behind(&f, 3)?;
        f.session[ann].age = Some(4);
        let flushed = f.session.flush().map_err(|error| error.kind());
        assert_eq!(flushed, Err(ErrorKind::StaleData));
    }
    Ok(())
}

/// An object first read in an undone savepoint after such a statement has no known values: those it shows were undone, which is not a
/// concurrent change.
#[test]
fn first_reads_after_a_statement_in_an_undone_savepoint_are_unknown() -> Result<()> {
    for has_written_before in [false, true] {
        let mut f = Fixture::new()?;
        f.session.add(Author::new("ann"));
        f.session.commit()?;
        f.session.clear();
        if has_written_before {
            f.session.add(Author::new("bob"));
        }
        let mut found = None;
        let undone: Result<()> = f.session.savepoint(|s| {
            Author::query().update().set(Author::AGE, 50).execute(s)?;
            found = s.get::<Author>(1)?;
            Err(changed_mind())
        });
        assert!(undone.is_err());
        let ann = found.expect("a row");
        f.session[ann].age = Some(2);
        f.session.commit()?;
        f.session.refresh(ann)?;
        assert_eq!(f.session[ann].age, Some(2), "{has_written_before}");
    }
    Ok(())
}

/// Values that this session computed, reread in an undone savepoint, are unknown again: the next change is not a conflict, and a rollback shows
/// what was there before.
#[test]
fn computed_values_reread_in_an_undone_savepoint_are_unknown_again() -> Result<()> {
    for is_kept in [true, false] {
        let mut f = Fixture::new()?;
        let ann = f.session.add(Author {
            age: Some(1),
            ..Author::new("ann")
        });
        f.session.commit()?;
        f.session.refresh(ann)?;
        f.session.set_expr(ann, Author::AGE, Author::AGE + 1)?;
        f.session.flush()?;
        let undone: Result<()> = f.session.savepoint(|s| {
            s.refresh(ann)?;
            assert_eq!(s[ann].age, Some(2));
            Err(changed_mind())
        });
        assert!(undone.is_err());
        if is_kept {
            f.session[ann].age = Some(10);
            f.session.commit()?;
        } else {
            f.session.refresh(ann)?;
            f.session.rollback()?;
            assert_eq!(f.session[ann].age, Some(1));
            f.session[ann].age = Some(10);
            f.session.commit()?;
        }
        f.session.refresh(ann)?;
        assert_eq!(f.session[ann].age, Some(10), "{is_kept}");
    }
    Ok(())
}

fn set_age_behind(f: &Fixture, age: i32) -> Result<()> {
    f.in_another_session(|other| {
        let ann = other.get::<Author>(1)?.expect("ann");
        other[ann].age = Some(age);
        Ok(())
    })
}
