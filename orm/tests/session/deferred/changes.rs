//! Deferred columns: writing them, and rereading, merging or restoring their rows.

use selfsame::prelude::*;
use selfsame::{ErrorKind, Result};

use super::{File, Library, Paper, Stamp};

#[test]
fn an_unloaded_one_is_set_without_being_loaded() -> Result<()> {
    let (mut l, paper) = Library::with_paper()?;
    l.session[paper].body.set("new".into());
    assert!(l.session.is_modified(paper)?);
    assert_eq!(l.session.dirty::<Paper>(), [paper]);
    assert!(l.session.debug(paper).contains("changed: body"));
    let error = l.session.history(paper, Paper::BODY).unwrap_err();
    assert_eq!(
        (error.kind(), error.column_name()),
        (ErrorKind::NotLoaded, Some("body"))
    );
    assert_eq!(l.session.history(paper, Paper::NOTE)?, None);
    assert_eq!(l.session.undefer(paper, Paper::BODY)?, "new");
    l.session.flush()?;
    l.sends(&["UPDATE papers SET body = ? WHERE id = ?"]);
    l.session[paper].note.set(None);
    l.session.commit()?;
    l.sends(&["UPDATE papers SET note = ? WHERE id = ?", "COMMIT"]);
    assert_eq!(l.stored()?, ("new".into(), None));
    Ok(())
}

#[test]
fn a_loaded_one_is_written_if_it_differs() -> Result<()> {
    let (mut l, paper) = Library::with_paper()?;
    l.session.undefer(paper, Paper::BODY)?;
    l.forget();
    l.session[paper].body.set("long".into());
    assert!(!l.session.is_modified(paper)?);
    l.session.flush()?;
    l.sends(&[]);
    l.session[paper].body.get_mut().expect("a body").push('!');
    let history = l.session.history(paper, Paper::BODY)?;
    assert_eq!(history, Some(("long".into(), "long!".into())));
    l.session.flush()?;
    l.sends(&["UPDATE papers SET body = ? WHERE id = ?"]);

    // Nothing is written for an unloaded one.
    l.session[paper].body.take();
    assert!(!l.session.is_modified(paper)?);
    l.session.flush()?;
    l.sends(&[]);
    assert_eq!(l.session.undefer(paper, Paper::BODY)?, "long!");
    Ok(())
}

#[test]
fn set_and_then_loaded_it_is_compared_with_what_was_loaded() -> Result<()> {
    let (mut l, paper) = Library::with_paper()?;
    l.session[paper].body.set("long".into());
    l.session
        .no_autoflush(|s| Paper::query().undefer(Paper::BODY).one(s))?;
    l.forget();
    assert!(!l.session.is_modified(paper)?);
    l.session.flush()?;
    l.sends(&[]);
    Ok(())
}

#[test]
fn a_new_one_leaves_it_to_the_database() -> Result<()> {
    let mut l = Library::new()?;
    let files = l.session.add_all([
        File::new("a"),
        File {
            content: "text".into(),
            ..File::new("b")
        },
    ]);
    l.session.flush()?;
    l.sends(&[
        "BEGIN IMMEDIATE",
        "INSERT INTO files (seen_by, seen_day, name, kind, version) VALUES (?, ?, ?, ?, ?)",
        "INSERT INTO files (content, seen_by, seen_day, name, kind, version) VALUES (?, ?, ?, ?, ?, ?)",
    ]);
    assert_eq!(l.session[files[0]].kind, "plain".to_owned());
    assert!(
        !l.session[files[0]].content.is_loaded(),
        "nor is it read back"
    );
    assert_eq!(l.session.undefer(files[0], File::CONTENT)?, "empty");
    assert_eq!(l.session.undefer(files[1], File::SIZE)?, &4);
    l.session[files[1]].content.set("longer".into());
    l.session[files[0]].size.set(77);
    l.session[files[1]].size.set(77);
    l.session.commit()?;
    assert_eq!(l.session.undefer(files[1], File::SIZE)?, &6);
    assert_eq!(l.session[files[1]].version, 2);

    l.session.add(Paper::new("body", "without a note"));
    l.session.commit()?;
    assert_eq!(l.stored()?, ("body".into(), None));
    Ok(())
}

#[test]
fn a_new_one_without_what_it_must_have_is_refused() -> Result<()> {
    let mut l = Library::new()?;
    let unset = || Paper {
        body: Deferred::UNLOADED,
        ..Paper::new("", "a")
    };
    l.session.add(unset());
    let error = l.session.flush().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Validation);
    assert_eq!(
        (error.entity_name(), error.column_name()),
        (Some("Paper"), Some("body"))
    );
    l.session.rollback()?;
    let error = l.session.insert_all([unset()]).unwrap_err();
    assert_eq!(
        (error.kind(), error.column_name()),
        (ErrorKind::Validation, Some("body"))
    );
    l.session.rollback()?;
    l.sends(&[]);
    let rows = [
        Paper::new("b", "x"),
        Paper {
            note: Some("n".into()).into(),
            ..Paper::new("c", "y")
        },
    ];
    assert_eq!(l.session.insert_all(rows)?, 2);
    Ok(())
}

#[test]
fn a_value_that_does_not_fit_is_refused() -> Result<()> {
    let (mut l, paper) = Library::with_paper()?;
    l.session[paper].note.set(Some("too long".into()));
    let error = l.session.flush().unwrap_err();
    assert_eq!(
        (error.kind(), error.column_name()),
        (ErrorKind::OutOfRange, Some("note"))
    );
    Ok(())
}

#[test]
fn expired_it_stays_readable_and_is_unloaded_when_its_row_is_read() -> Result<()> {
    let (mut l, paper) = Library::with_paper()?;
    l.session.undefer(paper, Paper::BODY)?;
    l.session.commit()?;
    l.in_another_session(|other| {
        let paper = Paper::query().one(other)?;
        other[paper].body.set("theirs".into());
        Ok(())
    })?;
    assert_eq!(l.session[paper].body, "long".to_owned());
    l.session.get::<Paper>(1)?;
    assert!(!l.session[paper].body.is_loaded());
    l.session.undefer(paper, Paper::BODY)?;
    l.session.commit()?;
    l.forget();
    assert_eq!(
        l.session.undefer(paper, Paper::BODY)?,
        "theirs",
        "read again"
    );
    assert_eq!(l.sent().len(), 2, "BEGIN and one SELECT");
    l.session.refresh(paper)?;
    assert!(!l.session[paper].body.is_loaded());
    Ok(())
}

#[test]
fn a_change_of_an_expired_one_is_merged_or_stale() -> Result<()> {
    let (mut l, paper) = Library::with_paper()?;
    let theirs = |l: &Library, body: &str, title: &str| {
        l.in_another_session(|other| {
            let paper = Paper::query().one(other)?;
            other[paper].body.set(body.to_owned());
            other[paper].title = title.to_owned();
            Ok(())
        })
    };
    // Known and unchanged in the database: merged onto the reread row.
    l.session.undefer(paper, Paper::BODY)?;
    l.session.commit()?;
    theirs(&l, "long", "b")?;
    l.session[paper].body.set("mine".into());
    l.forget();
    l.session.commit()?;
    l.sends(&[
        "BEGIN IMMEDIATE",
        "SELECT id, title, shelf_id, body FROM papers WHERE id = ?",
        "UPDATE papers SET body = ? WHERE id = ?",
        "COMMIT",
    ]);
    assert_eq!(l.session[paper].title, "b");
    // Known and changed in the database.
    theirs(&l, "theirs", "b")?;
    l.session[paper].body.set("mine again".into());
    let error = l.session.flush().unwrap_err();
    assert_eq!(
        (error.kind(), error.column_name()),
        (ErrorKind::StaleData, Some("body"))
    );
    l.session.rollback()?;
    // Never known: it cannot be compared.
    l.session.get::<Paper>(1)?;
    l.session.commit()?;
    theirs(&l, "theirs again", "c")?;
    l.session[paper].body.set("mine at last".into());
    l.session.commit()?;
    assert_eq!(l.stored()?.0, "mine at last");
    assert_eq!(l.session[paper].title, "c");
    Ok(())
}

#[test]
fn rollback_restores_what_was_unloaded_and_what_was_known() -> Result<()> {
    let (mut l, paper) = Library::with_paper()?;
    l.session[paper].body.set("mine".into());
    l.session.rollback()?;
    assert!(!l.session[paper].body.is_loaded(), "not flushed");
    l.session[paper].body.set("mine".into());
    l.session.flush()?;
    l.session.rollback()?;
    assert!(!l.session[paper].body.is_loaded(), "flushed");
    l.session.undefer(paper, Paper::BODY)?;
    l.session[paper].body.set("mine".into());
    l.session.flush()?;
    l.session[paper].body.take();
    l.session.rollback()?;
    assert_eq!(l.session[paper].body, "long".to_owned());
    assert_eq!(l.session.undefer(paper, Paper::BODY)?, "long");
    Ok(())
}

#[test]
fn savepoints_restore_it() -> Result<()> {
    let (mut l, paper) = Library::with_paper()?;
    let undone = |s: &mut Session| {
        s[paper].body.set("inner".into());
        s.flush()?;
        Paper::query().update().set(Paper::NOTE, "n").execute(s)?;
        assert_eq!(s.undefer(paper, Paper::NOTE)?.as_deref(), Some("n"));
        Err::<(), _>(selfsame::Error::new(ErrorKind::InvalidState, "no"))
    };
    assert!(l.session.savepoint(undone).is_err());
    assert!(!l.session[paper].body.is_loaded());
    assert_eq!(l.session.undefer(paper, Paper::NOTE)?, &None, "read again");
    l.session[paper].body.set("outer".into());
    assert!(l.session.savepoint(undone).is_err());
    assert_eq!(l.session[paper].body, "outer".to_owned());
    l.session.commit()?;
    assert_eq!(l.stored()?, ("outer".into(), None));
    Ok(())
}

#[test]
fn merging_leaves_an_unloaded_one_alone() -> Result<()> {
    let (mut l, paper) = Library::with_paper()?;
    let value = |body: Deferred<String>| Paper {
        id: Auto::set(1),
        body,
        shelf_id: Some(1),
        ..Paper::new("", "a")
    };
    l.session.merge(value(Deferred::UNLOADED))?;
    l.session.flush()?;
    l.sends(&[]);
    // Merged onto a row that is read, an equal value is not a change.
    l.session.expire(paper)?;
    assert_eq!(l.session.merge(value("long".into()))?, paper);
    l.session.flush()?;
    l.sends(&["SELECT id, title, shelf_id, body FROM papers WHERE id = ?"]);
    l.session.merge(value("other".into()))?;
    l.session.flush()?;
    l.sends(&["UPDATE papers SET body = ? WHERE id = ?"]);
    // Merged onto an object that does not have it, it is set.
    l.session.refresh(paper)?;
    l.forget();
    let null = Paper {
        note: None.into(),
        ..value(Deferred::UNLOADED)
    };
    l.session.merge(null)?;
    l.session.flush()?;
    l.sends(&["UPDATE papers SET note = ? WHERE id = ?"]);
    Ok(())
}

#[test]
fn a_row_that_is_taken_over_gets_its_default_and_a_changed_key_keeps_it() -> Result<()> {
    let mut l = Library::new()?;
    l.in_another_session(|other| {
        other.add(File {
            content: "text".into(),
            ..File::new("a")
        });
        Ok(())
    })?;
    let old = File::query().one(&mut l.session)?;
    l.session.delete(old)?;
    let new = l.session.add(File {
        kind: "new".into(),
        ..File::new("a")
    });
    l.forget();
    l.session.flush()?;
    l.sends(&[
        "UPDATE files SET kind = ?, version = ?, content = 'empty' WHERE name = ? AND version = ?",
    ]);
    assert_eq!(l.session.undefer(new, File::CONTENT)?, "empty");
    l.session[new].name = "b".into();
    l.session.commit()?;
    assert_eq!(l.session.undefer(new, File::SIZE)?, &5);
    Ok(())
}

#[test]
fn it_works_next_to_embedded_values() -> Result<()> {
    let mut l = Library::new()?;
    let stamp = |by: &str| Stamp {
        day: Some(3),
        ..Stamp::new(by)
    };
    l.session.add(File {
        seen: Some(stamp("ann")),
        content: "text".into(),
        ..File::new("a")
    });
    l.session.commit()?;
    l.session.clear();
    let query = File::query().undefer(File::SIZE);
    let file = query.one(&mut l.session)?;
    assert_eq!(l.session[file].seen, Some(stamp("ann")));
    assert_eq!(
        (l.session[file].size, &*l.session[file].name),
        (4.into(), "a")
    );
    assert_eq!(
        (l.session[file].version, l.session[file].content.get()),
        (1, None)
    );

    // Written while expired, merged, rolled back: each keeps its value.
    l.session.undefer(file, File::CONTENT)?;
    l.session.commit()?;
    l.session[file].content.set("longer".into());
    l.session[file].seen = Some(stamp("bob"));
    l.session.flush()?;
    assert_eq!(l.session[file].seen, Some(stamp("bob")));
    l.session.rollback()?;
    assert_eq!(l.session[file].seen, Some(stamp("ann")));
    assert_eq!(l.session[file].content, "text".to_owned());
    let value = File {
        seen: None,
        content: "merged".into(),
        version: 1,
        ..File::new("a")
    };
    assert_eq!(l.session.merge(value)?, file);
    l.session.commit()?;
    let stored = File::query().undefer(File::CONTENT).rows(&mut l.session)?;
    assert_eq!(
        (&stored[0].seen, &stored[0].content),
        (&None, &"merged".into())
    );
    Ok(())
}

#[test]
fn expressions_and_bulk_updates_write_it() -> Result<()> {
    let (mut l, paper) = Library::with_paper()?;
    let s = &mut l.session;
    s.set_expr(paper, Paper::BODY, "computed")?;
    s.flush()?;
    assert_eq!(s.undefer(paper, Paper::BODY)?, "computed");
    let update = Paper::query().update().set(Paper::BODY, "bulk");
    update.execute(s)?;
    assert_eq!(s[paper].body, "computed".to_owned(), "the last known");
    assert_eq!(s.undefer(paper, Paper::BODY)?, "bulk");
    s.rollback()?;
    assert_eq!(s.undefer(paper, Paper::BODY)?, "long");
    Ok(())
}

#[test]
fn hooks_see_it_as_it_is() -> Result<()> {
    let (mut l, paper) = Library::with_paper()?;
    l.session.hook(Hook::before_update(|paper: &mut Paper| {
        assert!(!paper.body.is_loaded());
        paper.note.set(Some("!".into()));
        Ok(())
    }));
    l.session[paper].title = "b".into();
    l.session.commit()?;
    l.sends(&[
        "UPDATE papers SET title = ?, note = ? WHERE id = ?",
        "COMMIT",
    ]);
    assert_eq!(l.stored()?, ("long".into(), Some("!".into())));
    Ok(())
}

#[test]
fn an_object_with_other_changes_is_loaded_beside_them() -> Result<()> {
    let (mut l, paper) = Library::with_paper()?;
    l.session[paper].title = "b".into();
    let loaded = |s: &mut Session| s.undefer(paper, Paper::BODY).cloned();
    assert_eq!(l.session.no_autoflush(loaded)?, "long");
    let titles = l.session.history(paper, Paper::TITLE)?;
    assert_eq!(titles, Some(("a".into(), "b".into())));
    assert_eq!(l.session.history(paper, Paper::BODY)?, None);
    l.session[paper].body.set("short".into());
    let bodies = l.session.history(paper, Paper::BODY)?;
    assert_eq!(bodies, Some(("long".into(), "short".into())));
    l.session.expire(paper)?;
    assert_eq!(l.session[paper].body, "long".to_owned());
    assert_eq!(l.session[paper].title, "a");
    Ok(())
}
