//! Rows that require each other by foreign keys which are checked at COMMIT.

use selfsame::prelude::*;
use selfsame::{ErrorKind, Result};
use selfsame_sqlite::Sqlite;

#[derive(Entity, Clone, Debug)]
#[orm(table = "hens")]
struct Hen {
    #[orm(primary_key)]
    id: i64,
    #[orm(references = "eggs.id")]
    egg_id: i64,
    egg: BelongsTo<Egg>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "eggs")]
struct Egg {
    #[orm(primary_key)]
    id: i64,
    #[orm(references = "hens.id")]
    hen_id: i64,
    hen: BelongsTo<Hen>,
}

fn hens_and_eggs(checked: &str) -> Result<Session> {
    let mut session = Session::new(&Engine::new(Sqlite::memory()));
    for (table, column, other) in [("hens", "egg_id", "eggs"), ("eggs", "hen_id", "hens")] {
        let sql = format!(
            "CREATE TABLE {table} (id INTEGER PRIMARY KEY, {column} INTEGER NOT NULL REFERENCES {other} {checked})"
        );
        session.sql(sql, ()).execute()?;
    }
    session.commit()?;
    Ok(session)
}

/// A hen and an egg that are new and require each other.
fn add_both(session: &mut Session, id: i64) -> Result<(Handle<Hen>, Handle<Egg>)> {
    let (hen, egg) = (session.add(Hen::new(id, 0)), session.add(Egg::new(id, 0)));
    session.set(hen, Hen::EGG, egg)?;
    session.set(egg, Egg::HEN, hen)?;
    Ok((hen, egg))
}

#[test]
fn rows_whose_keys_are_known_are_inserted_before_those_that_they_require() -> Result<()> {
    let mut s = hens_and_eggs("DEFERRABLE INITIALLY DEFERRED")?;
    s.add(Hen::new(1, 2));
    s.add(Egg::new(2, 1));
    s.commit()?;
    let (hen, egg) = add_both(&mut s, 10)?;
    s.commit()?;
    assert_eq!((s[hen].egg_id, s[egg].hen_id), (10, 10));
    // An order exists, whichever table comes first.
    let old = s.get::<Hen>(1)?.expect("a hen");
    let egg = s.add(Egg::new(3, 0));
    s.set(egg, Egg::HEN, old)?;
    let hen = s.add(Hen::new(4, 0));
    s.set(hen, Hen::EGG, egg)?;
    s.commit()?;
    let rows: Vec<(i64, i64)> = s.sql("SELECT id, egg_id FROM hens ORDER BY id", ()).all()?;
    assert_eq!(rows, [(1, 2), (4, 3), (10, 10)]);
    let rows: Vec<(i64, i64)> = s.sql("SELECT id, hen_id FROM eggs ORDER BY id", ()).all()?;
    assert_eq!(rows, [(2, 1), (3, 1), (10, 10)]);
    Ok(())
}

#[test]
fn a_cycle_of_keys_that_are_checked_at_once_is_refused() -> Result<()> {
    let mut s = hens_and_eggs("")?;
    let (hen, egg) = add_both(&mut s, 1)?;
    let error = s.commit().expect_err("none can be first");
    assert_eq!(error.kind(), ErrorKind::CircularDependency, "{error}");
    s.rollback()?;
    assert_eq!(s.state(hen), State::Transient);
    assert_eq!(s.state(egg), State::Transient);
    Ok(())
}

#[test]
fn a_commit_that_violates_a_deferred_key_leaves_nothing() -> Result<()> {
    let mut s = hens_and_eggs("DEFERRABLE INITIALLY DEFERRED")?;
    let hen = s.add(Hen::new(1, 99));
    let error = s.commit().expect_err("there is no egg");
    assert_eq!(error.kind(), ErrorKind::ForeignKeyViolation, "{error}");
    let error = s.flush().expect_err("waits for a rollback");
    assert_eq!(error.kind(), ErrorKind::PendingRollback);
    s.rollback()?;
    assert_eq!(s.state(hen), State::Transient);
    assert_eq!(Hen::query().count(&mut s)?, 0);
    let (hen, _) = add_both(&mut s, 2)?;
    s.commit()?;
    s[hen].egg_id = 99;
    let error = s.commit().expect_err("there is no such egg");
    assert_eq!(error.kind(), ErrorKind::ForeignKeyViolation, "{error}");
    s.rollback()?;
    assert_eq!(s[hen].egg_id, 2);
    assert!(!s.is_modified(hen)?);
    Ok(())
}
