//! Values that come back from an INSERT and do not convert: the row must not stay, whether or not the flush is a single statement.

use selfsame::prelude::*;

use crate::fixture::Fixture;

/// Its key is narrower than SQLite's.
#[derive(Entity, Clone, Debug)]
#[orm(table = "narrow")]
struct Narrow {
    #[orm(primary_key)]
    id: Auto<i16>,
    name: String,
}

/// The database has another default for the rank than this.
#[derive(Entity, Clone, Debug)]
#[orm(table = "ranked")]
struct Ranked {
    #[orm(primary_key)]
    id: Auto<i64>,
    name: String,
    #[orm(server_default = "5")]
    rank: Auto<i32>,
}

/// As before, with a key that the program sets.
#[derive(Entity, Clone, Debug)]
#[orm(table = "placed")]
struct Placed {
    #[orm(primary_key)]
    place: i64,
    #[orm(server_default = "5")]
    rank: Auto<i32>,
}

fn tables(f: &mut Fixture) -> Result<()> {
    let mut session = Session::new(&f.outside);
    for statement in [
        "CREATE TABLE narrow (id INTEGER PRIMARY KEY, name TEXT NOT NULL)",
        "INSERT INTO narrow VALUES (40000, 'old')",
        "CREATE TABLE placed (place INTEGER PRIMARY KEY, rank INT NOT NULL DEFAULT 'high')",
        "CREATE TABLE ranked (id INTEGER PRIMARY KEY, name TEXT NOT NULL, rank INT NOT NULL DEFAULT 'high')",
    ] {
        session.sql(statement, ()).execute()?;
    }
    session.commit()
}

/// Checks that a commit of some new objects fails to read what came back, and leaves no row.
#[track_caller]
fn check<E: Entity>(f: &mut Fixture, rows: Vec<E>, left: u64) -> Result<()> {
    f.session.add_all(rows);
    let error = f
        .session
        .commit()
        .expect_err("a value that does not convert");
    let kinds = [ErrorKind::Conversion, ErrorKind::OutOfRange];
    assert!(kinds.contains(&error.kind()), "{error:?}");
    f.session.rollback()?;
    let counted = E::query().count(&mut Session::new(&f.outside))?;
    assert_eq!(counted, left, "rows in the database");
    Ok(())
}

#[test]
fn a_default_that_does_not_convert_leaves_no_row_with_a_given_key() -> Result<()> {
    let mut f = Fixture::new()?;
    tables(&mut f)?;
    check(&mut f, vec![Placed::new(7)], 0)?;
    check(&mut f, vec![Placed::new(7), Placed::new(8)], 0)
}

#[test]
fn a_generated_key_that_does_not_convert_leaves_no_row() -> Result<()> {
    let mut f = Fixture::new()?;
    tables(&mut f)?;
    check(&mut f, vec![Narrow::new("a")], 1)?;
    check(&mut f, vec![Narrow::new("a"), Narrow::new("b")], 1)
}

#[test]
fn a_default_that_does_not_convert_leaves_no_row() -> Result<()> {
    let mut f = Fixture::new()?;
    tables(&mut f)?;
    check(&mut f, vec![Ranked::new("a")], 0)?;
    check(&mut f, vec![Ranked::new("a"), Ranked::new("b")], 0)
}
