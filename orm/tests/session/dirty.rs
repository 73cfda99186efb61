//! Change detection: what counts as a change, and which columns are written.

use selfsame::prelude::*;
use selfsame::{ErrorKind, Result};

use crate::fixture::{Author, Fixture};

fn loaded() -> Result<(Fixture, Handle<Author>)> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author::new("ann"));
    f.session.commit()?;
    f.session.get::<Author>(1)?;
    f.forget();
    Ok((f, ann))
}

#[test]
fn equal_values_are_not_a_change() -> Result<()> {
    let (mut f, ann) = loaded()?;
    f.session[ann].name = "ann".into();
    f.session[ann].age = Some(1);
    f.session[ann].age = None;
    assert!(!f.session.is_modified(ann)?);
    assert_eq!(f.session.dirty::<Author>(), []);
    f.session.flush()?;
    f.sends(&[]);
    Ok(())
}

#[test]
fn only_what_changed_is_written_and_once() -> Result<()> {
    let (mut f, ann) = loaded()?;
    f.session[ann].name.push_str("ie");
    assert_eq!(f.session.dirty::<Author>(), [ann]);
    assert_eq!(
        f.session.history(ann, Author::NAME)?,
        Some(("ann".to_owned(), "annie".to_owned()))
    );
    assert_eq!(f.session.history(ann, Author::AGE)?, None);
    f.session.flush()?;
    f.sends(&["UPDATE authors SET name = ? WHERE id = ?"]);
    assert!(!f.session.is_modified(ann)?);
    f.session.flush()?;
    f.sends(&[]);
    Ok(())
}

#[test]
fn not_a_number_is_not_forever_changed() -> Result<()> {
    let (mut f, ann) = loaded()?;
    f.session[ann].height = Some(0.0);
    f.session.flush()?;
    f.forget();
    f.session[ann].height = Some(-0.0);
    assert!(f.session.is_modified(ann)?, "floats compare by bits");
    f.session[ann].height = Some(f64::NAN);
    let nan = f.session[ann].height;
    assert!(f.session.is_modified(ann)?);
    f.session.refresh(ann)?;
    assert_eq!(f.session[ann].height, Some(0.0));
    let bob = f.session.add(Author {
        height: nan,
        ..Author::new("bob")
    });
    f.session[bob].height = nan;
    assert!(!f.session.is_modified(bob)?);
    Ok(())
}

#[test]
fn a_commit_with_nothing_to_do_sends_nothing() -> Result<()> {
    let mut f = Fixture::new()?;
    f.session.commit()?;
    f.session.flush()?;
    f.session.rollback()?;
    f.sends(&[]);
    Ok(())
}

#[test]
fn objects_written_while_expired_are_read_first() -> Result<()> {
    let (mut f, ann) = loaded()?;
    f.session.commit()?;
    f.in_another_session(|s| {
        let ann = s.get::<Author>(1)?.expect("ann");
        s[ann].age = Some(30);
        Ok(())
    })?;
    f.forget();
    f.session[ann].name = "Ann".into();
    f.session.flush()?;
    f.sends(&[
        "BEGIN IMMEDIATE",
        "SELECT authors WHERE id = ?",
        "UPDATE authors SET name = ? WHERE id = ?",
    ]);
    assert_eq!(f.session[ann].age, Some(30), "merged onto the fresh row");
    f.session.commit()?;

    f.in_another_session(|s| {
        let ann = s.get::<Author>(1)?.expect("ann");
        s[ann].name = "Anna".into();
        Ok(())
    })?;
    f.session[ann].name = "Annie".into();
    let error = f.session.flush().expect_err("no lost update is silent");
    assert_eq!(error.kind(), ErrorKind::StaleData);
    f.session.rollback()?;
    f.session.get::<Author>(1)?;
    assert_eq!(f.session[ann].name, "Anna");
    Ok(())
}

#[test]
fn missing_rows_are_stale() -> Result<()> {
    let (mut f, ann) = loaded()?;
    f.session.commit()?;
    f.session.get::<Author>(1)?;
    f.session.commit()?;
    f.in_another_session(|s| {
        let ann = s.get::<Author>(1)?.expect("ann");
        s.delete(ann)
    })?;
    f.session[ann].age = Some(1);
    let error = f.session.commit().expect_err("no row");
    assert_eq!(error.kind(), ErrorKind::StaleData);
    f.session.rollback()?;
    f.session.delete(ann)?;
    let error = f.session.commit().expect_err("no row");
    assert_eq!(error.kind(), ErrorKind::StaleData);
    f.session.rollback()?;
    assert_eq!(f.session.state(ann), State::Persistent);
    assert_eq!(
        f.session.refresh(ann).map_err(|e| e.kind()),
        Err(ErrorKind::StaleData)
    );
    assert_eq!(f.session.get::<Author>(1)?, None);
    Ok(())
}

#[test]
fn repeated_writes_after_expiry_are_one_update() -> Result<()> {
    let mut f = Fixture::new()?;
    let ann = f.session.add(Author::new("ann"));
    f.session.flush()?;
    f.session[ann].age = Some(1);
    f.session.expire(ann)?;
    f.session.refresh(ann)?;
    f.session[ann].age = Some(2);
    f.forget();
    assert_eq!(f.session.dirty::<Author>(), [ann]);
    f.session.flush()?;
    f.sends(&["UPDATE authors SET age = ? WHERE id = ?"]);
    f.session[ann].age = Some(3);
    Author::query().populate_existing().all(&mut f.session)?;
    f.session[ann].age = Some(4);
    f.forget();
    assert_eq!(f.session.dirty::<Author>(), [ann]);
    f.session.flush()?;
    f.sends(&["UPDATE authors SET age = ? WHERE id = ?"]);
    Ok(())
}
