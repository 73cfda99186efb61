//! Columns that the database computes.

use selfsame::prelude::*;
use selfsame::{ErrorKind, Result};

use crate::fixture::{Author, Draft, Fixture};

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
fn an_expression_stands_in_the_update_and_the_object_is_read_again() -> Result<()> {
    let (mut f, ann) = ann()?;
    f.session.set_expr(ann, Author::AGE, Author::AGE + 1)?;
    f.session[ann].height = Some(1.5);
    f.session[ann].age = Some(99);
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
    f.behind(|other| {
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
