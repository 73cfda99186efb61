//! Unique values and keys that pass to other rows while rows move to new parents, in one flush.

use std::sync::{Arc, Mutex};

use selfsame::prelude::*;
use selfsame::session::Hook;
use selfsame::{ErrorKind, Result};

use crate::fixture::{Fixture, House, Room};

/// Has a unique name, and at most one key.
#[derive(Entity, Clone, Debug)]
#[orm(table = "halls")]
struct Hall {
    #[orm(primary_key)]
    code: String,
    #[orm(unique)]
    name: Option<String>,
    #[orm(back_populates = hall)]
    chairs: HasMany<Chair>,
    #[orm(back_populates = hall)]
    door: HasOne<Door>,
}

/// Is always in a hall; its place in a row is unique.
#[derive(Entity, Clone, Debug)]
#[orm(table = "chairs", unique(line, position))]
struct Chair {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(references = "halls.code")]
    hall_code: String,
    line: Option<i64>,
    position: i32,
    #[orm(back_populates = chairs)]
    hall: BelongsTo<Hall>,
}

/// A hall has one.
#[derive(Entity, Clone, Debug)]
#[orm(table = "doors")]
struct Door {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(unique, references = "halls.code")]
    hall_code: Option<String>,
    color: Option<String>,
    #[orm(back_populates = door)]
    hall: BelongsTo<Hall>,
}

/// A wagon of a train, which pulls at most one other.
#[derive(Entity, Clone, Debug)]
#[orm(table = "wagons")]
struct Wagon {
    #[orm(primary_key)]
    id: Auto<i64>,
    name: String,
    #[orm(unique, references = "wagons.id")]
    next_id: Option<i64>,
    next: BelongsTo<Wagon>,
}

fn halls() -> Result<Session> {
    let engine = Engine::new(selfsame_sqlite::Sqlite::memory());
    metadata![Hall, Chair, Door, Wagon].create_all(&engine)?;
    Ok(Session::new(&engine))
}

fn hall(code: &str, name: &str) -> Hall {
    Hall {
        name: Some(name.to_owned()),
        ..Hall::new(code)
    }
}

fn chair(hall: &str, line: Option<i64>, position: i32) -> Chair {
    Chair {
        line,
        ..Chair::new(hall, position)
    }
}

fn codes(s: &mut Session) -> Result<Vec<(i64, String)>> {
    s.sql("SELECT id, hall_code FROM chairs ORDER BY id", ())
        .all()
}

#[test]
fn a_column_that_was_null_in_between_has_its_value_afterwards() -> Result<()> {
    let mut s = halls()?;
    s.add(Hall::new("a"));
    let [one, two] = s.add_all([1, 2].map(|position| chair("a", Some(7), position)));
    s.commit()?;
    s.get::<Chair>(1)?;
    s.get::<Chair>(2)?;
    // Only the position changes; the line is the nullable column of the constraint.
    (s[one].position, s[two].position) = (2, 1);
    s.commit()?;
    let rows = s.sql("SELECT line, position FROM chairs ORDER BY id", ());
    let rows = rows.all::<(Option<i64>, i32)>()?;
    assert_eq!(rows, [(Some(7), 2), (Some(7), 1)]);
    s.refresh(one)?;
    assert_eq!(s[one].line, Some(7));
    Ok(())
}

#[test]
fn a_column_that_was_null_in_between_may_be_set_to_an_expression() -> Result<()> {
    let mut s = halls()?;
    s.add(Hall::new("a"));
    let [one, two] = s.add_all([1, 2].map(|position| chair("a", Some(7), position)));
    s.commit()?;
    s.get::<Chair>(1)?;
    s.get::<Chair>(2)?;
    (s[one].position, s[two].position) = (2, 1);
    for chair in [one, two] {
        s.set_expr(chair, Chair::HALL_CODE, Chair::HALL_CODE.concat(""))?;
    }
    s.commit()?;
    let rows = s.sql("SELECT line, position FROM chairs ORDER BY id", ());
    let rows = rows.all::<(Option<i64>, i32)>()?;
    assert_eq!(rows, [(Some(7), 2), (Some(7), 1)]);
    Ok(())
}

#[test]
fn a_row_moves_by_its_column_to_a_new_one_while_the_old_one_gives_its_name_away() -> Result<()> {
    let mut s = halls()?;
    let old = s.add(hall("old", "name"));
    let door = s.add(Door {
        hall_code: Some("old".to_owned()),
        ..Door::new()
    });
    s.commit()?;
    s.get::<Hall>("old".to_owned())?;
    s.get::<Door>(1)?;
    s.add(hall("new", "other"));
    s.add(hall("taker", "name"));
    s[door].hall_code = Some("new".to_owned());
    s.delete(old)?;
    s.commit()?;
    s.refresh(door)?;
    assert_eq!(s[door].hall_code.as_deref(), Some("new"));
    Ok(())
}

#[test]
fn a_required_reference_moves_by_its_column_to_a_new_row_in_time() -> Result<()> {
    let mut s = halls()?;
    let old = s.add(hall("old", "name"));
    let chair = s.add(chair("old", None, 1));
    s.commit()?;
    s.get::<Hall>("old".to_owned())?;
    s.get::<Chair>(1)?;
    s.add(hall("new", "other"));
    s.add(hall("taker", "name"));
    s[chair].hall_code = "new".to_owned();
    s.delete(old)?;
    s.commit()?;
    assert_eq!(codes(&mut s)?, [(1, "new".to_owned())]);
    Ok(())
}

#[test]
fn a_required_child_moves_to_a_new_row_while_another_takes_the_name_of_the_old() -> Result<()> {
    let mut s = halls()?;
    let gone = s.add(hall("gone", "name"));
    let it = s.add(chair("gone", None, 1));
    s.commit()?;
    s.get::<Hall>("gone".to_owned())?;
    s.get::<Chair>(1)?;
    let new = s.add(Hall::new("new"));
    s.add(hall("taker", "name"));
    s.set(it, Chair::HALL, new)?;
    s.delete(gone)?;
    s.commit()?;
    assert_eq!(codes(&mut s)?, [(1, "new".to_owned())]);
    Ok(())
}

#[test]
fn the_new_parent_itself_takes_the_name_of_the_old() -> Result<()> {
    let mut s = halls()?;
    let gone = s.add(hall("gone", "name"));
    let it = s.add(chair("gone", None, 1));
    s.commit()?;
    s.get::<Hall>("gone".to_owned())?;
    s.get::<Chair>(1)?;
    let new = s.add(hall("new", "name"));
    s.set(it, Chair::HALL, new)?;
    s.delete(gone)?;
    s.commit()?;
    assert_eq!(codes(&mut s)?, [(1, "new".to_owned())]);
    let names = s
        .sql("SELECT code, name FROM halls", ())
        .all::<(String, String)>()?;
    assert_eq!(names, [("new".to_owned(), "name".to_owned())]);
    Ok(())
}

#[test]
fn a_required_child_moves_to_a_new_row_while_another_takes_the_key_of_the_old() -> Result<()> {
    let mut f = Fixture::new()?;
    let s = &mut f.session;
    let [gone, other] = s.add_all(["gone", "other"].map(House::new));
    let room = s.add(Room {
        house: gone.into(),
        ..Room::new("room", 0)
    });
    s.commit()?;
    House::query().all(s)?;
    s.load(gone, House::ROOMS)?;
    let called = Arc::new(Mutex::new(Vec::new()));
    let note = |what: &'static str| {
        let called = Arc::clone(&called);
        move |house: &House| {
            let mut called = called.lock().expect("no panic");
            called.push(format!("{what} {}", house.street));
            Ok(())
        }
    };
    s.hook(Hook::after_insert(note("inserted")));
    s.hook(Hook::after_update(note("updated")));
    s.hook(Hook::after_delete(note("deleted")));
    let new = s.add(House::new("new"));
    s.set(room, Room::HOUSE, new)?;
    s.delete(gone)?;
    s[other].id = Auto::set(1);
    s.commit()?;
    s.refresh(room)?;
    assert_eq!(Some(s[room].house_id), s[new].id.get().copied());
    let mut called = called.lock().expect("no panic").clone();
    called.sort();
    assert_eq!(called, ["deleted gone", "inserted new", "updated other"]);
    f.holds::<House>(2);
    Ok(())
}

#[test]
fn a_unique_reference_passes_on_when_its_row_moves_to_a_new_one() -> Result<()> {
    let mut s = halls()?;
    let one = s.add(Hall::new("one"));
    let [first, second] = s.add_all([Door::new(), Door::new()]);
    s.set(first, Door::HALL, Some(one))?;
    s.commit()?;
    Door::query().all(&mut s)?;
    s.get::<Hall>("one".to_owned())?;
    let new = s.add(Hall::new("new"));
    s.set(first, Door::HALL, Some(new))?;
    s.set(second, Door::HALL, Some(one))?;
    s.commit()?;
    let rows = s.sql("SELECT hall_code FROM doors ORDER BY id", ());
    assert_eq!(
        rows.all::<(String,)>()?,
        [("new".to_owned(),), ("one".to_owned(),)]
    );
    Ok(())
}

#[test]
fn a_new_row_comes_between_two_of_a_chain() -> Result<()> {
    let mut s = halls()?;
    let last = s.add(Wagon::new("last"));
    let first = s.add(Wagon {
        next: last.into(),
        ..Wagon::new("first")
    });
    s.commit()?;
    Wagon::query().all(&mut s)?;
    let new = s.add(Wagon {
        next: last.into(),
        ..Wagon::new("new")
    });
    s.set(first, Wagon::NEXT, Some(new))?;
    s.commit()?;
    let rows = s.sql(
        "SELECT a.name, b.name FROM wagons a JOIN wagons b ON b.id = a.next_id ORDER BY a.id",
        (),
    );
    let pair = |one: &str, two: &str| (one.to_owned(), two.to_owned());
    assert_eq!(
        rows.all::<(String, String)>()?,
        [pair("first", "new"), pair("new", "last")]
    );
    Ok(())
}

/// References itself.
#[derive(Entity, Clone, Debug)]
#[orm(table = "roots")]
struct Root {
    #[orm(primary_key)]
    code: String,
    #[orm(references = "roots.code")]
    root_code: String,
    root: BelongsTo<Root>,
}

#[test]
fn a_new_row_with_a_key_of_the_program_may_require_itself() -> Result<()> {
    let engine = Engine::new(selfsame_sqlite::Sqlite::memory());
    metadata![Root].create_all(&engine)?;
    let mut s = Session::new(&engine);
    let root = s.add(Root::new("a", ""));
    s.set(root, Root::ROOT, root)?;
    s.commit()?;
    let rows = s.sql("SELECT root_code FROM roots", ());
    assert_eq!(rows.all::<(String,)>()?, [("a".to_owned(),)]);
    Ok(())
}

/// The database ignores the case of its name.
#[derive(Entity, Clone, Debug)]
#[orm(table = "nicks")]
struct Nick {
    #[orm(primary_key)]
    id: i64,
    #[orm(unique)]
    name: String,
}

#[test]
fn a_name_that_differs_only_in_case_is_freed_before_it_is_taken() -> Result<()> {
    for collation in ["NOCASE", "BINARY"] {
        let engine = Engine::new(selfsame_sqlite::Sqlite::memory());
        let mut s = Session::new(&engine);
        let table = format!(
            "CREATE TABLE nicks (id BIGINT PRIMARY KEY, name TEXT NOT NULL COLLATE {collation}, UNIQUE (name))"
        );
        s.sql(&table, ()).execute()?;
        s.commit()?;
        let [ann, bob] = s.add_all([(1, "ann"), (2, "bob")].map(|(id, name)| Nick::new(id, name)));
        s.commit()?;
        Nick::query().all(&mut s)?;
        s.delete(ann)?;
        s[bob].name = "ANN".to_owned();
        s.add(Nick::new(3, "BOB"));
        s.commit()?;
        let rows = s.sql("SELECT id, name FROM nicks ORDER BY id", ());
        let rows = rows.all::<(i64, String)>()?;
        assert_eq!(
            rows,
            [(2, "ANN".to_owned()), (3, "BOB".to_owned())],
            "{collation}"
        );
    }
    Ok(())
}

#[test]
fn names_that_differ_in_case_are_not_taken_for_exchanged() -> Result<()> {
    let engine = Engine::new(selfsame_sqlite::Sqlite::memory());
    metadata![Nick].create_all(&engine)?;
    let mut s = Session::new(&engine);
    let [one, two] = s.add_all([(1, "a"), (2, "b")].map(|(id, name)| Nick::new(id, name)));
    s.commit()?;
    Nick::query().all(&mut s)?;
    s[one].name = "B".to_owned();
    s[two].name = "A".to_owned();
    s.commit()?;
    let rows = s.sql("SELECT name FROM nicks ORDER BY id", ());
    assert_eq!(
        rows.all::<(String,)>()?,
        [("B".to_owned(),), ("A".to_owned(),)]
    );
    // But these are, and both columns are NOT NULL.
    s.get::<Nick>(1)?;
    s.get::<Nick>(2)?;
    s[one].name = "A".to_owned();
    s[two].name = "B".to_owned();
    let error = s.commit().expect_err("a swap");
    assert_eq!(error.kind(), ErrorKind::UniqueViolation);
    Ok(())
}
