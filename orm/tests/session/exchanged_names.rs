//! Exchanging unique values that other rows reference: these follow, and lose nothing.

use selfsame::Result;
use selfsame::prelude::*;
use selfsame_sqlite::Sqlite;

/// Its name may be NULL, by which an exchange goes.
#[derive(Entity, Clone, Debug)]
#[orm(table = "towns")]
struct Town {
    #[orm(primary_key)]
    id: i64,
    #[orm(unique)]
    name: Option<String>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "roads")]
struct Road {
    #[orm(primary_key)]
    id: i64,
    #[orm(references = "towns.name", on_update = "cascade")]
    town: Option<String>,
}

#[test]
fn names_that_other_rows_follow_are_not_exchanged_by_way_of_null() -> Result<()> {
    let engine = Engine::new(Sqlite::memory());
    metadata![Town, Road].create_all(&engine)?;
    let mut s = Session::new(&engine);
    let named = |name: &str| Some(name.to_owned());
    let town = |(id, name)| Town {
        name: named(name),
        ..Town::new(id)
    };
    let [a, b] = s.add_all([(1, "a"), (2, "b")].map(town));
    let road = |(id, name)| Road {
        town: named(name),
        ..Road::new(id)
    };
    s.add_all([(1, "a"), (2, "b")].map(road));
    s.commit()?;

    s[a].name = named("b");
    s[b].name = named("a");
    let error = s.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UniqueViolation, "{error}");
    s.rollback()?;

    s[a].name = named("unused");
    s.flush()?;
    s[b].name = named("a");
    s.flush()?;
    s[a].name = named("b");
    s.commit()?;
    let rows = s.sql("SELECT id, town FROM roads ORDER BY id", ());
    let rows = rows.all::<(i64, Option<String>)>()?;
    assert_eq!(rows, [(1, named("b")), (2, named("a"))]);
    Ok(())
}
