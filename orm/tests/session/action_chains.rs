//! Chains of foreign keys' actions, also through rows that are not in memory: what they change is read again, and rows that the flush has
//! just set to follow them are not lost.

use selfsame::prelude::*;
use selfsame::{Entity, ErrorKind, Result, assert_statements};
use selfsame_sqlite::Sqlite;

#[derive(Entity, Clone, Debug)]
#[orm(table = "makers")]
struct Maker {
    #[orm(primary_key)]
    id: i64,
    #[orm(unique)]
    code: String,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "models")]
struct Model {
    #[orm(primary_key)]
    id: i64,
    #[orm(references = "makers.id", on_delete = "cascade")]
    maker: i64,
    #[orm(
        unique,
        references = "makers.code",
        on_update = "cascade",
        on_delete = "set null"
    )]
    code: Option<String>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "parts")]
struct Part {
    #[orm(primary_key)]
    id: i64,
    #[orm(references = "models.id", on_delete = "cascade")]
    model: i64,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "tags")]
struct Tag {
    #[orm(primary_key)]
    id: i64,
    #[orm(
        references = "models.code",
        on_update = "cascade",
        on_delete = "set null"
    )]
    code: Option<String>,
    #[orm(references = "parts.id", on_delete = "set null")]
    part: Option<i64>,
}

/// Two makers, each with a model, a part and a tag, all known except models. Model 3 of the first maker has no code.
fn known() -> Result<Session> {
    let engine = Engine::new(Sqlite::memory());
    metadata![Maker, Model, Part, Tag].create_all(&engine)?;
    let mut s = Session::new(&engine);
    for (id, code) in [(1, "a"), (2, "b")] {
        s.add(Maker::new(id, code));
        s.add(Model {
            code: Some(code.to_owned()),
            ..Model::new(id, id)
        });
        s.add(Part::new(id, id));
        s.add(Tag {
            code: Some(code.to_owned()),
            part: Some(id),
            ..Tag::new(id)
        });
    }
    s.add(Model::new(3, 1));
    s.commit()?;
    s.clear();
    Maker::query().all(&mut s)?;
    assert_eq!(s.get::<Model>(9)?, None);
    Part::query().all(&mut s)?;
    Tag::query().all(&mut s)?;
    Ok(s)
}

fn maker(s: &mut Session, id: i64) -> Result<Handle<Maker>> {
    Ok(s.get(id)?.expect("it has a row"))
}

fn undo() -> selfsame::Error {
    selfsame::Error::new(ErrorKind::InvalidState, "undo")
}

/// Compares what `get` finds with the rows.
fn assert_as_stored(s: &mut Session, place: &str) -> Result<()> {
    for id in [1, 2] {
        let part = s.get::<Part>(id)?.map(|part| s[part].model);
        let tag = s.get::<Tag>(id)?;
        let tag = tag.map(|tag| (s[tag].code.clone(), s[tag].part));
        let rows = s.sql("SELECT model FROM parts WHERE id = ?", (id,));
        assert_eq!(part, rows.first::<(i64,)>()?.map(|row| row.0), "{place}");
        let rows = s.sql("SELECT code, part FROM tags WHERE id = ?", (id,));
        assert_eq!(tag, rows.first()?, "{place}");
    }
    Ok(())
}

#[test]
fn rows_behind_unknown_ones_are_read_again() -> Result<()> {
    type Change = fn(&mut Session, Handle<Maker>) -> Result<()>;
    let changes: [(&str, Change); 3] = [
        ("deleted", |s, maker| s.delete(maker)),
        ("renamed", |s, maker| {
            s[maker].code = "c".to_owned();
            Ok(())
        }),
        ("computed", |s, maker| {
            s.set_expr(maker, Maker::CODE, Maker::CODE.concat("c"))
        }),
    ];
    for (name, change) in changes {
        for undone in [false, true] {
            let mut s = known()?;
            let first = maker(&mut s, 1)?;
            let done = s.savepoint(|s| {
                change(s, first)?;
                s.flush()?;
                assert_as_stored(s, name)?;
                match undone {
                    true => Err(undo()),
                    false => Ok(()),
                }
            });
            assert_eq!(done.is_err(), undone, "{name}");
            assert_as_stored(&mut s, name)?;
            s.commit()?;
            assert_as_stored(&mut s, name)?;
        }
    }
    Ok(())
}

/// A row in memory whose parent is known to stay is not read again.
#[test]
fn rows_of_known_parents_stay_known() -> Result<()> {
    let mut s = known()?;
    Model::query().all(&mut s)?;
    let first = maker(&mut s, 1)?;
    s.delete(first)?;
    s.flush()?;
    assert_statements!(s, 0, {
        s.get::<Part>(2)?;
        s.get::<Tag>(2)?;
    });
    assert_as_stored(&mut s, "all are known")
}

/// Each row would be deleted or released with the model or part that it was just set to reference.
#[test]
fn new_references_to_rows_that_go_are_refused() -> Result<()> {
    type Change = fn(&mut Session) -> Result<()>;
    let changes: [(&str, &str, Change); 7] = [
        ("assigned", "model", |s| {
            let part = s.get::<Part>(2)?.expect("it has a row");
            s[part].model = 1;
            Ok(())
        }),
        ("blind", "model", |s| {
            let part = s.get::<Part>(2)?.expect("it has a row");
            s.set_blind(part, Part::MODEL, 1)
        }),
        ("computed", "model", |s| {
            let part = s.get::<Part>(2)?.expect("it has a row");
            s.set_expr(part, Part::MODEL, Part::MODEL - 1)
        }),
        ("new", "model", |s| {
            s.add(Part::new(3, 1));
            Ok(())
        }),
        ("assigned to be released", "part", |s| {
            let tag = s.get::<Tag>(2)?.expect("it has a row");
            s[tag].part = Some(1);
            Ok(())
        }),
        ("computed to be released", "part", |s| {
            let tag = s.get::<Tag>(2)?.expect("it has a row");
            s.set_expr(tag, Tag::PART, Tag::PART - 1)
        }),
        ("new to be released", "part", |s| {
            let part = Some(1);
            s.add(Tag {
                part,
                ..Tag::new(3)
            });
            Ok(())
        }),
    ];
    for (name, column, change) in changes {
        for models_known in [true, false] {
            let mut s = known()?;
            if models_known {
                Model::query().all(&mut s)?;
            }
            let first = maker(&mut s, 1)?;
            change(&mut s)?;
            s.delete(first)?;
            let error = s.commit().expect_err(name);
            assert_eq!(error.kind(), ErrorKind::InvalidState, "{name}: {error}");
            assert_eq!(error.column_name(), Some(column), "{name}: {error}");
            s.rollback()?;
            assert_as_stored(&mut s, name)?;
            assert_eq!(Maker::query().count(&mut s)?, 2, "{name}");
        }
    }
    Ok(())
}

/// The database computes a reference to the deleted row itself.
#[test]
fn a_computed_reference_to_a_deleted_row_is_refused() -> Result<()> {
    let mut s = known()?;
    let model = s.get::<Model>(2)?.expect("it has a row");
    let first = maker(&mut s, 1)?;
    s.set_expr(model, Model::MAKER, Model::MAKER - 1)?;
    s.delete(first)?;
    let error = s.commit().expect_err("the model would be deleted");
    assert_eq!(error.kind(), ErrorKind::InvalidState, "{error}");
    assert_eq!(error.column_name(), Some("maker"), "{error}");
    Ok(())
}

/// They are set to others in the same flush, or to ones that stay.
#[test]
fn references_to_rows_that_stay_are_kept() -> Result<()> {
    let mut s = known()?;
    let first = maker(&mut s, 1)?;
    let part = s.get::<Part>(1)?.expect("it has a row");
    let tag = s.get::<Tag>(1)?.expect("it has a row");
    s[part].model = 2;
    s.set_blind(tag, Tag::CODE, None::<String>)?;
    s.delete(first)?;
    s.commit()?;
    assert_as_stored(&mut s, "kept")?;
    assert_eq!(Part::query().count(&mut s)?, 2);
    assert_eq!(s[tag].part, Some(1));
    Ok(())
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "lands")]
struct Land {
    #[orm(primary_key)]
    code: String,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "towns")]
struct Town {
    #[orm(primary_key, references = "lands.code", on_update = "cascade")]
    land: String,
    #[orm(primary_key)]
    number: i64,
}

#[derive(Entity, Clone, Debug)]
#[orm(
    table = "streets",
    foreign_key(
        columns(land, town),
        references = "towns(land, number)",
        on_update = "cascade"
    )
)]
struct Street {
    #[orm(primary_key)]
    id: i64,
    land: String,
    town: i64,
    name: String,
}

#[test]
fn a_key_is_followed_behind_unknown_rows() -> Result<()> {
    for towns_known in [true, false] {
        let engine = Engine::new(Sqlite::memory());
        metadata![Land, Town, Street].create_all(&engine)?;
        let mut s = Session::new(&engine);
        let land = s.add(Land::new("a"));
        s.add(Town::new("a", 1));
        let street = s.add(Street::new(1, "a", 1, "old"));
        s.commit()?;
        if !towns_known {
            let town = s.get::<Town>(("a".to_owned(), 1))?.expect("it has a row");
            s.expunge(town)?;
        }
        s.refresh(land)?;
        s.refresh(street)?;
        s[land].code = "b".to_owned();
        s.flush()?;
        s.get::<Street>(1)?;
        assert_eq!(s[street].land, "b", "{towns_known}");
        s[street].name = "new".to_owned();
        s.commit()?;
        let row = s.sql("SELECT land, name FROM streets", ());
        assert_eq!(
            row.one::<(String, String)>()?,
            ("b".to_owned(), "new".to_owned())
        );
    }
    Ok(())
}
