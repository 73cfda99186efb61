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

/// Whether one does is known to the database alone.
#[test]
fn names_that_no_row_follows_are_exchanged() -> Result<()> {
    for followed in [None, Some("c"), Some("a")] {
        let engine = Engine::new(Sqlite::memory());
        metadata![Town, Road].create_all(&engine)?;
        let mut s = Session::new(&engine);
        let towns = s.add_all([(1, "a"), (2, "b"), (3, "c")].map(|(id, name)| Town {
            name: Some(name.to_owned()),
            ..Town::new(id)
        }));
        s.commit()?;
        if let Some(name) = followed {
            let town = Some(name.to_owned());
            s.insert_all([Road {
                town,
                ..Road::new(1)
            }])?;
        }
        assert_eq!(s.get::<Road>(9)?, None);
        s[towns[0]].name = Some("b".to_owned());
        s[towns[1]].name = Some("a".to_owned());
        let exchanged = s.commit();
        assert_eq!(exchanged.is_err(), followed == Some("a"), "{followed:?}");
        if let Err(error) = exchanged {
            assert_eq!(error.kind(), ErrorKind::UniqueViolation, "{error}");
            continue;
        }
        let rows = s.sql("SELECT name FROM towns ORDER BY id", ());
        let rows = rows.all::<(String,)>()?;
        assert_eq!(rows, ["b", "a", "c"].map(|name| (name.to_owned(),)));
        let rows = s.sql("SELECT town FROM roads", ()).first::<(String,)>()?;
        assert_eq!(rows.map(|row| row.0).as_deref(), followed);
    }
    Ok(())
}
