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

/// A key that the database generates.
#[derive(Entity, Clone, Debug)]
#[orm(table = "hens")]
struct NewHen {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(references = "eggs.id")]
    egg_id: i64,
    egg: BelongsTo<NewEgg>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "eggs")]
struct NewEgg {
    #[orm(primary_key)]
    id: i64,
    #[orm(references = "hens.id")]
    hen_id: i64,
    hen: BelongsTo<NewHen>,
}

#[test]
fn a_row_with_a_generated_key_is_inserted_first_whichever_is_added_first() -> Result<()> {
    for hen_is_first in [true, false] {
        let mut s = hens_and_eggs("DEFERRABLE INITIALLY DEFERRED")?;
        let (hen, egg) = match hen_is_first {
            true => {
                let hen = s.add(NewHen::new(0));
                (hen, s.add(NewEgg::new(7, 0)))
            }
            false => {
                let egg = s.add(NewEgg::new(7, 0));
                (s.add(NewHen::new(0)), egg)
            }
        };
        s.set(hen, NewHen::EGG, egg)?;
        s.set(egg, NewEgg::HEN, hen)?;
        s.commit()?;
        let hens: Vec<(i64, i64)> = s.sql("SELECT id, egg_id FROM hens", ()).all()?;
        let eggs: Vec<(i64, i64)> = s.sql("SELECT id, hen_id FROM eggs", ()).all()?;
        assert_eq!((hens, eggs), (vec![(1, 7)], vec![(7, 1)]));
    }
    Ok(())
}

/// A part, and the one that it fits to.
#[derive(Entity, Clone, Debug)]
#[orm(table = "parts")]
struct Part {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(references = "parts.id")]
    other_id: i64,
    other: BelongsTo<Part>,
}

#[test]
fn of_two_rows_of_one_table_the_one_with_a_generated_key_is_inserted_first() -> Result<()> {
    for keys in [[None, Some(7)], [Some(7), None]] {
        let mut s = Session::new(&Engine::new(Sqlite::memory()));
        let table = "CREATE TABLE parts (id INTEGER PRIMARY KEY, other_id INTEGER NOT NULL REFERENCES parts DEFERRABLE INITIALLY DEFERRED)";
        s.sql(table, ()).execute()?;
        s.commit()?;
        let part = |key: Option<i64>| Part {
            id: key.map_or(Auto::UNSET, Auto::set),
            ..Part::new(0)
        };
        let [one, two] = s.add_all(keys.map(part));
        s.set(one, Part::OTHER, two)?;
        s.set(two, Part::OTHER, one)?;
        s.commit()?;
        let rows = s.sql("SELECT id, other_id FROM parts ORDER BY id", ());
        assert_eq!(rows.all::<(i64, i64)>()?, [(1, 7), (7, 1)]);
    }
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
