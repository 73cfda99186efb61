//! Version columns and computed columns.

use selfsame::backend::{Sql, StatementKind};
use selfsame::prelude::*;
use selfsame::{ErrorKind, Result};

use crate::fixture::{Draft, Fixture, Line};

fn saved(names: &[&str]) -> Result<(Fixture, Vec<Handle<Draft>>)> {
    let mut f = Fixture::new()?;
    let drafts = names.iter().map(|name| Draft::new(*name, "first"));
    let drafts = f.session.add_all(drafts.collect::<Vec<_>>());
    f.session.commit()?;
    for draft in Draft::query().all(&mut f.session)? {
        assert_eq!(f.session[draft].version, 1);
    }
    f.forget();
    Ok((f, drafts))
}

#[test]
fn a_version_counts_the_updates() -> Result<()> {
    let (mut f, drafts) = saved(&["a"])?;
    for version in 2..4 {
        f.session[drafts[0]].text.push('!');
        f.session.flush()?;
        assert_eq!(f.session[drafts[0]].version, version);
    }
    f.sends(&[
        "UPDATE drafts SET text = ?, version = ? WHERE name = ? AND version = ?",
        "UPDATE drafts SET text = ?, version = ? WHERE name = ? AND version = ?",
    ]);
    f.session.rollback()?;
    assert_eq!(f.session[drafts[0]].version, 1);
    Ok(())
}

#[test]
fn it_does_not_move_without_a_change_nor_by_the_program() -> Result<()> {
    let (mut f, drafts) = saved(&["a"])?;
    f.session[drafts[0]].text = "first".into();
    f.session[drafts[0]].version = 77;
    f.session.flush()?;
    f.sends(&[]);
    assert_eq!(f.session[drafts[0]].version, 1);
    f.session[drafts[0]].version = 77;
    f.session[drafts[0]].text = "second".into();
    f.session.commit()?;
    let draft = f.session.get::<Draft>("a".to_owned())?;
    assert_eq!(draft.map(|draft| f.session[draft].version), Some(2));
    let mut new = Draft::new("b", "");
    new.version = 9;
    let new = f.session.add(new);
    f.session.flush()?;
    assert_eq!(f.session[new].version, 1);
    Ok(())
}

/// After each write to `a`, another session writes to `b`.
fn follow(f: &Fixture) -> Result<()> {
    let text = "CREATE TRIGGER follow AFTER UPDATE ON drafts WHEN NEW.name = 'a' \
                BEGIN UPDATE drafts SET version = version + 1 WHERE name = 'b'; END";
    let sql = Sql::new(StatementKind::Raw, text, [], []);
    f.outside.connect()?.execute(&sql, &[]).map(drop)
}

#[test]
fn a_row_that_another_wrote_is_stale() -> Result<()> {
    let (mut f, drafts) = saved(&["a", "b", "c"])?;
    f.session.rollback()?;
    follow(&f)?;
    for &draft in &drafts {
        f.session[draft].text = "mine".into();
    }
    let error = f.session.flush().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StaleData);
    assert_eq!(error.entity_name(), Some("Draft"));
    assert_eq!(error.key_text(), Some("\"b\""));
    f.session.rollback()?;

    Draft::query().all(&mut f.session)?;
    f.session[drafts[0]].text = "mine".into();
    f.session.delete(drafts[1])?;
    let error = f.session.flush().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StaleData);
    assert_eq!(error.key_text(), Some("\"b\""));
    f.session.rollback()?;
    f.holds::<Draft>(3);
    Ok(())
}

#[test]
fn writes_while_expired_continue_from_the_new_version() -> Result<()> {
    let (mut f, drafts) = saved(&["a"])?;
    f.session.commit()?;
    f.in_another_session(|other| {
        let draft = other.get::<Draft>("a".to_owned())?.expect("a draft");
        other[draft].text = "theirs".into();
        Ok(())
    })?;
    f.session[drafts[0]].origin_name = Some("a".into());
    f.session.flush()?;
    assert_eq!(f.session[drafts[0]].version, 3);
    assert_eq!(f.session[drafts[0]].text, "theirs");
    f.session.delete(drafts[0])?;
    f.session.commit()?;
    f.holds::<Draft>(0);
    Ok(())
}

#[test]
fn computed_columns_are_read_back_and_never_written() -> Result<()> {
    let mut f = Fixture::new()?;
    let lines = f.session.add_all([2, 3].map(|amount| Line {
        total: Auto::set(-1),
        ..Line::new(10, amount)
    }));
    f.session.flush()?;
    assert_eq!(lines.map(|line| *f.session[line].total), [20, 30]);
    f.forget();
    f.session[lines[0]].amount = 5;
    f.session[lines[0]].total = Auto::set(7);
    f.session[lines[1]].total = Auto::set(7);
    f.session.flush()?;
    f.sends(&["UPDATE lines SET amount = ? WHERE id = ?"]);
    assert_eq!(*f.session[lines[1]].total, 30, "taken back");
    assert!(f.session.is_expired(lines[0])?);
    f.session.get::<Line>(1)?;
    assert_eq!(*f.session[lines[0]].total, 50);
    f.session.rollback()?;
    assert_eq!(f.session.take(lines[0])?.amount, 2);
    Ok(())
}

#[test]
fn a_bulk_update_counts_the_versions_of_its_rows() -> Result<()> {
    let (mut f, drafts) = saved(&["a", "b"])?;
    let update = Draft::query().filter(Draft::NAME.eq("a")).update();
    assert_eq!(update.set(Draft::TEXT, "bulk").execute(&mut f.session)?, 1);
    for &draft in &drafts {
        f.session.refresh(draft)?;
    }
    let versions: Vec<i32> = drafts
        .iter()
        .map(|&draft| f.session[draft].version)
        .collect();
    assert_eq!(versions, [2, 1]);
    // An explicit value is kept.
    let update = Draft::query().update().set(Draft::VERSION, 7);
    assert_eq!(update.execute(&mut f.session)?, 2);
    f.session.refresh(drafts[1])?;
    assert_eq!(f.session[drafts[1]].version, 7);
    Ok(())
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "notes")]
struct Note {
    #[orm(primary_key)]
    id: i64,
    text: String,
    #[orm(version)]
    version: i16,
}

#[test]
fn the_last_version_of_a_narrow_type_is_not_passed() -> Result<()> {
    let f = Fixture::new()?;
    metadata![Note].create_all(&f.outside)?;
    let mut session = Session::new(&f.engine);
    let note = session.add(Note::new(7, "a"));
    session.flush()?;
    session[note].text = "b".into();
    session.flush()?;
    assert_eq!(session[note].version, 2);
    Note::query()
        .update()
        .set(Note::VERSION, i16::MAX)
        .execute(&mut session)?;
    session.refresh(note)?;
    session[note].text = "c".into();
    let error = session.flush().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutOfRange);
    assert_eq!(error.entity_name(), Some("Note"));
    assert_eq!(error.key_text(), Some("7"));
    Ok(())
}
