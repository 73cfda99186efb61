//! Inspecting the objects of a session: their states, changes and pending work.

use selfsame::prelude::*;
use selfsame::session::State;
use selfsame::{ErrorKind, Result};

use crate::fixture::{Author, Book, Fixture};

#[test]
fn pending_work_is_listed() -> Result<()> {
    let mut f = Fixture::new()?;
    let s = &mut f.session;
    let all = s.add_all(["ann", "bob", "cid", "dan"].map(Author::new));
    let [ann, bob, cid, dan] = all;
    assert_eq!(s.new_objects::<Author>(), all);
    assert_eq!(s.persistent::<Author>(), []);
    s.commit()?;
    assert_eq!(
        all.map(|it| s.is_expired(it).expect("it is here")),
        [true; 4]
    );
    Author::query().all(s)?;
    assert_eq!(
        all.map(|it| s.is_expired(it).expect("it is here")),
        [false; 4]
    );
    assert_eq!(s.new_objects::<Author>(), []);
    assert_eq!(s.persistent::<Author>(), all);

    s[ann].age = Some(1);
    s.set_expr(ann, Author::HEIGHT, Some(1.5))?;
    s[bob].age = None;
    s.set_expr(cid, Author::AGE, Author::AGE + 1)?;
    s.set_expr(dan, Author::AGE, Author::AGE + 1)?;
    s[dan].height = Some(2.0);
    s.delete(dan)?;
    let modified = all.map(|it| s.is_modified(it).expect("it is here"));
    assert_eq!(modified, [true, false, true, true]);
    assert_eq!(s.dirty::<Author>(), [ann, cid]);
    assert_eq!(s.deleted::<Author>(), [dan]);
    assert_eq!((s.dirty::<Book>(), s.deleted::<Book>()), (vec![], vec![]));
    assert_eq!(s.history(ann, Author::AGE)?, Some((None, Some(1))));
    assert_eq!(s.history(bob, Author::AGE)?, None);
    assert_eq!(s.history(bob, Author::NAME)?, None);

    s.flush()?;
    assert_eq!(
        (s.dirty::<Author>(), s.deleted::<Author>()),
        (vec![], vec![])
    );
    assert_eq!(s.persistent::<Author>(), [ann, bob, cid]);
    assert_eq!(s.state(dan), State::Deleted);
    assert_eq!(s.history(ann, Author::AGE)?, None);
    Ok(())
}

#[test]
fn an_object_is_described_with_its_changes() -> Result<()> {
    let mut f = Fixture::new()?;
    let s = &mut f.session;
    let ann = s.add(Author::new("ann"));
    assert!(s.debug(ann).contains(" pending Author {"));
    s.commit()?;
    Author::query().all(s)?;
    assert!(s.debug(ann).contains(" persistent Author {"));
    s[ann].age = Some(3);
    s[ann].name = "anna".into();
    let text = s.debug(ann);
    assert!(
        text.contains(" persistent, changed: name, age Author {"),
        "{text}"
    );
    s.expunge(ann)?;
    assert!(s.debug(ann).ends_with(" detached"));
    assert_eq!(s.state(ann), State::Detached);
    let errors = [
        s.is_modified(ann).map(drop),
        s.is_expired(ann).map(drop),
        s.history(ann, Author::AGE).map(drop),
    ];
    for error in errors {
        assert_eq!(
            error.expect_err("it has left").kind(),
            ErrorKind::StaleHandle
        );
    }
    Ok(())
}
