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

#[test]
fn a_row_takes_the_name_of_one_that_takes_its_key() -> Result<()> {
    for new in [None, Some("c")] {
        let engine = Engine::new(Sqlite::memory());
        metadata![Town, Road].create_all(&engine)?;
        let mut s = Session::new(&engine);
        let town = |(id, name): (i64, Option<&str>)| Town {
            name: name.map(str::to_owned),
            ..Town::new(id)
        };
        let [a, b] = s.add_all([(1, Some("a")), (2, None)].map(town));
        let road = s.add(Road {
            town: Some("a".to_owned()),
            ..Road::new(1)
        });
        s.commit()?;
        s[b].name = Some("a".to_owned());
        s[a].name = new.map(str::to_owned);
        s[b].id = 3;
        s[a].id = 2;
        s.commit()?;
        assert_eq!(s.get::<Town>(2)?, Some(a));
        let rows = s.sql("SELECT id, name FROM towns ORDER BY id", ());
        let rows = rows.all::<(i64, Option<String>)>()?;
        let new = new.map(str::to_owned);
        assert_eq!(rows, [(2, new.clone()), (3, Some("a".to_owned()))]);
        s.refresh(road)?;
        assert_eq!(s[road].town, new);
    }
    Ok(())
}

/// Neither value may be NULL.
#[derive(Entity, Clone, Debug)]
#[orm(table = "lockers")]
struct Locker {
    #[orm(primary_key)]
    id: i64,
    #[orm(unique)]
    code: i64,
    #[orm(unique)]
    place: i64,
    #[orm(version)]
    version: i32,
}

#[test]
fn rows_take_values_of_different_constraints_from_each_other() -> Result<()> {
    let engine = Engine::new(Sqlite::memory());
    metadata![Locker].create_all(&engine)?;
    let mut s = Session::new(&engine);
    let lockers = s.add_all([1, 2, 3].map(|id| Locker::new(id, id, id)));
    s.commit()?;
    // A circle of codes and places, each handed on once.
    s[lockers[0]].code = 2;
    s[lockers[1]].code = 20;
    s[lockers[1]].place = 3;
    s[lockers[2]].place = 30;
    s[lockers[2]].code = 1;
    s.commit()?;
    s[lockers[0]].code = 3;
    s.commit()?;
    let rows = s.sql("SELECT code, place FROM lockers ORDER BY id", ());
    assert_eq!(rows.all::<(i64, i64)>()?, [(3, 1), (20, 3), (1, 30)]);
    s[lockers[0]].code = 20;
    s[lockers[1]].code = 3;
    let error = s.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UniqueViolation, "{error}");
    s.rollback()
}

/// Its reference is unique, so that other rows may reference it.
#[derive(Entity, Clone, Debug)]
#[orm(table = "stops")]
struct Stop {
    #[orm(primary_key)]
    id: i64,
    #[orm(unique, references = "towns.id")]
    town_id: Option<i64>,
}

/// A session on a database with a table that no entity maps, whose rows follow names or stops by this action.
fn beside_an_unknown_table(action: &str) -> Result<Session> {
    let engine = Engine::new(Sqlite::memory());
    metadata![Town, Stop].create_all(&engine)?;
    let mut s = Session::new(&engine);
    for (table, column) in [("walls", "name TEXT"), ("signs", "town_id INTEGER")] {
        let (name, _) = column.split_once(' ').unwrap_or_default();
        let referred = if name == "name" { "TOWNS" } else { "Stops" };
        let sql = format!(
            "CREATE TABLE {table} (id INTEGER PRIMARY KEY, {column} DEFAULT NULL \
             REFERENCES {referred}({name}) ON UPDATE {action})"
        );
        s.sql(&*sql, ()).execute()?;
    }
    let towns = [(1, "a"), (2, "b"), (3, "c")].map(|(id, name)| Town {
        name: Some(name.to_owned()),
        ..Town::new(id)
    });
    s.add_all(towns);
    s.add_all([1, 2].map(|id| Stop {
        town_id: Some(id),
        ..Stop::new(id)
    }));
    s.commit()?;
    Ok(s)
}

#[test]
fn rows_of_unknown_tables_that_would_follow_to_null_stop_an_exchange() -> Result<()> {
    for action in [
        "CASCADE",
        "SET NULL",
        "SET DEFAULT",
        "NO ACTION",
        "RESTRICT",
    ] {
        let mut refused = Vec::new();
        for followed in [None, Some("c"), Some("a"), Some("b")] {
            let mut s = beside_an_unknown_table(action)?;
            let owned = followed.map(str::to_owned);
            let inserted = s.sql("INSERT INTO walls (name) VALUES (?)", (owned.clone(),));
            inserted.execute()?;
            s.commit()?;
            let [a, b] = [1, 2].map(|id| s.get::<Town>(id));
            let (a, b) = (a?.unwrap(), b?.unwrap());
            s[a].name = Some("b".to_owned());
            s[b].name = Some("a".to_owned());
            let exchanged = s.commit();
            let expected = match (followed, action) {
                _ if exchanged.is_err() => owned,
                (Some("a"), "CASCADE") => Some("b".to_owned()),
                (Some("b"), "CASCADE") => Some("a".to_owned()),
                (Some("a" | "b"), _) => None,
                _ => owned,
            };
            if let Err(error) = &exchanged {
                refused.push((followed, error.kind()));
                s.rollback()?;
            }
            let rows = s.sql("SELECT name FROM walls", ());
            assert_eq!(rows.all::<(Option<String>,)>()?, [(expected,)], "{action}");
        }
        let expected = match action {
            "CASCADE" => vec![(Some("b"), ErrorKind::UniqueViolation)],
            "SET NULL" | "SET DEFAULT" => vec![],
            _ => ["a", "b"]
                .map(|name| (Some(name), ErrorKind::ForeignKeyViolation))
                .to_vec(),
        };
        assert_eq!(refused, expected, "{action}");
    }
    Ok(())
}

/// A foreign key compares by the collation of the column that it references.
#[test]
fn rows_that_follow_a_name_in_another_case_stop_an_exchange() -> Result<()> {
    for followed in ["A", "B"] {
        let engine = Engine::new(Sqlite::memory());
        let mut s = Session::new(&engine);
        for sql in [
            "CREATE TABLE towns (id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE UNIQUE)",
            "CREATE TABLE walls (name TEXT REFERENCES towns(name) ON UPDATE CASCADE)",
            "INSERT INTO towns VALUES (1, 'a'), (2, 'b')",
        ] {
            s.sql(sql, ()).execute()?;
        }
        s.sql("INSERT INTO walls VALUES (?)", (followed,))
            .execute()?;
        s.commit()?;
        let [a, b] = [1, 2].map(|id| s.get::<Town>(id));
        let (a, b) = (a?.unwrap(), b?.unwrap());
        s[a].name = Some("b".to_owned());
        s[b].name = Some("a".to_owned());
        if let Err(error) = s.commit() {
            assert_eq!(error.kind(), ErrorKind::UniqueViolation, "{error}");
            s.rollback()?;
        }
        let orphans = s.sql(
            "SELECT count(*) FROM walls w LEFT JOIN towns t ON t.name = w.name WHERE t.id IS NULL",
            (),
        );
        assert_eq!(orphans.one::<(i64,)>()?, (0,), "{followed}");
    }
    Ok(())
}

#[test]
fn a_refused_exchange_names_the_table_that_follows() -> Result<()> {
    let mut s = beside_an_unknown_table("CASCADE")?;
    s.sql("INSERT INTO walls (name) VALUES ('a'), ('b')", ())
        .execute()?;
    let [a, b] = [1, 2].map(|id| s.get::<Town>(id));
    let (a, b) = (a?.unwrap(), b?.unwrap());
    s[a].name = Some("b".to_owned());
    s[b].name = Some("a".to_owned());
    let error = s.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UniqueViolation);
    assert_eq!(error.entity_name(), Some("Town"));
    assert_eq!(error.column_name(), Some("name"));
    assert!(error.to_string().contains("walls"), "{error}");
    Ok(())
}

/// A changed key is written after the references to it became NULL.
#[test]
fn a_reference_that_unknown_rows_follow_does_not_pass_through_null() -> Result<()> {
    for is_followed in [false, true] {
        let mut s = beside_an_unknown_table("CASCADE")?;
        if is_followed {
            s.sql("INSERT INTO signs (town_id) VALUES (1)", ())
                .execute()?;
            s.commit()?;
        }
        let town = s.get::<Town>(1)?.unwrap();
        s.get::<Stop>(1)?;
        s[town].id = 9;
        let changed = s.commit();
        if let Err(error) = &changed {
            assert_eq!(error.kind(), ErrorKind::UniqueViolation, "{error}");
            s.rollback()?;
        }
        let rows = s.sql("SELECT town_id FROM signs", ());
        let expected = if changed.is_ok() { 9 } else { 1 };
        let expected: Vec<(Option<i64>,)> = is_followed
            .then_some((Some(expected),))
            .into_iter()
            .collect();
        assert_eq!(rows.all::<(Option<i64>,)>()?, expected);
        if !is_followed {
            changed?;
        }
    }
    Ok(())
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "partners")]
struct Partner {
    #[orm(primary_key)]
    id: i64,
    #[orm(unique, references = "partners.id")]
    partner_id: Option<i64>,
}

/// Rows that refer to each other are deleted once one of them no longer does.
#[test]
fn a_reference_that_is_cut_for_a_deletion_takes_no_unknown_row_along() -> Result<()> {
    for is_followed in [false, true] {
        let engine = Engine::new(Sqlite::memory());
        metadata![Partner].create_all(&engine)?;
        let mut s = Session::new(&engine);
        for sql in [
            "CREATE TABLE desks (partner_id INTEGER REFERENCES partners(partner_id) ON UPDATE CASCADE ON DELETE RESTRICT)",
            "INSERT INTO partners VALUES (1, NULL), (2, 1)",
            "UPDATE partners SET partner_id = 2 WHERE id = 1",
        ] {
            s.sql(sql, ()).execute()?;
        }
        if is_followed {
            s.sql("INSERT INTO desks VALUES (1), (2)", ()).execute()?;
        }
        s.commit()?;
        for partner in Partner::query().all(&mut s)? {
            s.delete(partner)?;
        }
        let deleted = s.commit();
        assert_eq!(deleted.is_err(), is_followed, "{deleted:?}");
        s.rollback()?;
        let rows = s.sql("SELECT partner_id FROM desks ORDER BY 1", ());
        let expected = if is_followed { &[(1,), (2,)][..] } else { &[] };
        assert_eq!(rows.all::<(i64,)>()?, expected);
    }
    Ok(())
}
