//! Records, in the same session as entities.

use selfsame::entity::{Many, One, Required};
use selfsame::prelude::*;
use selfsame::record::{Record, Records};
use selfsame::schema::{Column, ColumnType, Generated, Table};
use selfsame::{Error, ErrorKind, Result};

use crate::fixture::{Author, Fixture};

fn shelves() -> Table {
    Table::build("racks")
        .column(Column::new("id", ColumnType::I64).generated(Generated::Key))
        .column(Column::new("label", ColumnType::Text { length: Some(20) }))
        .column(Column::new("height", ColumnType::I32).nullable())
        .column(
            Column::new("state", ColumnType::Text { length: None })
                .generated(Generated::Default("'new'".to_owned())),
        )
        .primary_key(["id"])
}

fn boxes() -> Table {
    Table::build("crates")
        .column(Column::new("id", ColumnType::I64).generated(Generated::Key))
        .column(Column::new("what", ColumnType::Text { length: None }))
        .column(Column::new("rack_id", ColumnType::I64).nullable())
        .primary_key(["id"])
        .foreign_key(["rack_id"], "racks", ["id"])
}

/// Two tables in the fixture's database, with their mappings.
fn records(f: &Fixture) -> Result<[Records; 2]> {
    let metadata = Metadata::of_records([shelves(), boxes()]);
    metadata.create_all(&f.outside)?;
    Ok([metadata.records("racks")?, metadata.records("crates")?])
}

fn named(records: &Records, column: &str, value: &str) -> Result<Record> {
    let mut record = records.record();
    record.set(column, value)?;
    Ok(record)
}

#[test]
fn records_are_written_together_with_entities() -> Result<()> {
    let mut f = Fixture::new()?;
    let [racks, crates] = records(&f)?;
    let ann = f.session.add(Author::new("ann"));
    let rack = f.session.add(named(&racks, "label", "a")?);
    let book = f.session.add(named(&crates, "what", "books")?);
    assert_eq!(f.session.state(rack), State::Pending);
    f.session.push(book, "rack", rack)?;
    f.session.commit()?;
    f.sends(&[
        "BEGIN IMMEDIATE",
        "INSERT INTO authors (name, age, height) 1",
        "INSERT INTO racks (label, height) 1",
        "INSERT INTO crates (what, rack_id) 1",
        "COMMIT",
    ]);
    assert_eq!(f.session[ann].id, 1);
    assert_eq!(f.session[rack].get::<i64>("id")?, 1);
    assert_eq!(f.session[rack].get::<String>("state")?, "new");
    assert_eq!(f.session[book].get::<Option<i64>>("rack_id")?, Some(1));
    Ok(())
}

#[test]
fn one_row_is_one_record_and_only_what_changed_is_written() -> Result<()> {
    let mut f = Fixture::new()?;
    let [racks, _] = records(&f)?;
    let rack = f.session.add(named(&racks, "label", "a")?);
    f.session.flush()?;
    f.forget();
    assert_eq!(racks.get(&mut f.session, 1)?, Some(rack));
    f.sends(&[]);
    f.session[rack].set("label", "b")?;
    f.session[rack].set("label", "a")?;
    f.session[rack].set("height", 3)?;
    assert!(f.session.is_modified(rack)?);
    f.session.flush()?;
    f.sends(&["UPDATE racks SET height = ? WHERE id = ?"]);
    f.session.rollback()?;
    assert_eq!(f.session.state(rack), State::Transient);
    assert_eq!(racks.get(&mut f.session, 1)?, None);

    let rack = f.session.add(named(&racks, "label", "c")?);
    f.session.commit()?;
    f.session[rack].set("label", "d")?;
    f.session.rollback()?;
    assert_eq!(f.session[rack].get::<String>("label")?, "c");
    f.session.delete(rack)?;
    f.session.commit()?;
    assert_eq!(f.session.state(rack), State::Detached);
    let error = f.session.try_ref(rack).expect_err("has gone");
    assert_eq!(error.kind(), ErrorKind::StaleHandle);
    Ok(())
}

#[test]
fn records_are_found_by_conditions() -> Result<()> {
    let mut f = Fixture::new()?;
    let [racks, _] = records(&f)?;
    for (label, height) in [("a", 1), ("b", 2), ("c", 3)] {
        let mut rack = named(&racks, "label", label)?;
        rack.set("height", height)?;
        f.session.add(rack);
    }
    let height = || racks.column::<i32>("height");
    let query = racks
        .query()
        .filter(height()?.gt(1))
        .order_by(height()?.desc());
    let found = query.all(&mut f.session)?;
    let labels: Result<Vec<String>> = found
        .iter()
        .map(|&rack| f.session[rack].get("label"))
        .collect();
    assert_eq!(labels?, ["c", "b"]);
    assert_eq!(
        query.clone().limit(1).offset(1).all(&mut f.session)?,
        found[1..]
    );
    assert_eq!(query.first(&mut f.session)?, Some(found[0]));
    assert_eq!(query.count(&mut f.session)?, 2);
    let one = racks
        .query()
        .filter(racks.column::<String>("label")?.eq("b"));
    assert_eq!(one.one(&mut f.session)?, found[1]);
    let error = query.one(&mut f.session).expect_err("there are two");
    assert_eq!(error.kind(), ErrorKind::MultipleRows);
    Ok(())
}

#[test]
fn relations_of_records_follow_foreign_keys() -> Result<()> {
    let mut f = Fixture::new()?;
    let [racks, crates] = records(&f)?;
    let [a, b] = ["a", "b"].map(|label| named(&racks, "label", label));
    let (a, b) = (f.session.add(a?), f.session.add(b?));
    let book = f.session.add(named(&crates, "what", "books")?);
    f.session.push(a, "crates", book)?;
    f.session.commit()?;
    assert_eq!(f.session.load(book, "rack")?, [a]);
    assert_eq!(f.session.load(a, "crates")?, [book]);
    f.session.push(book, "rack", b)?;
    assert_eq!(f.session.load(a, "crates")?, []);
    assert_eq!(f.session.load(b, "crates")?, [book]);
    f.session.commit()?;
    assert_eq!(f.session[book].get::<i64>("rack_id")?, 2);

    let kind = |result: Result<()>| result.map_err(|error: Error| error.kind());
    assert_eq!(kind(f.session.push(a, "rack", b)), Err(ErrorKind::Mapping));
    assert_eq!(
        kind(f.session.push(book, "rack", book)),
        Err(ErrorKind::Mapping)
    );
    Ok(())
}

#[test]
fn keys_of_several_columns_and_of_other_types() -> Result<()> {
    let mut f = Fixture::new()?;
    let seats = Metadata::reflect(&f.outside)?.records("seats")?;
    let seat = |place: &str| -> Result<Record> {
        let mut seat = named(&seats, "place", place)?;
        seat.set("row", 1)?;
        seat.set("taken", false)?;
        Ok(seat)
    };
    let (a, b) = (f.session.add(seat("a")?), f.session.add(seat("b")?));
    f.session.commit()?;
    assert_eq!(seats.get(&mut f.session, (1, "b"))?, Some(b));
    assert_eq!(seats.get(&mut f.session, (1_i64, "a"))?, Some(a));
    assert_eq!(seats.get(&mut f.session, (2, "a"))?, None);
    f.session[a].set("place", "c")?;
    f.session.commit()?;
    assert_eq!(seats.get(&mut f.session, (1, "c"))?, Some(a));

    f.session.add(seat("b")?);
    let error = f.session.flush().expect_err("one key twice");
    assert_eq!(error.kind(), ErrorKind::IdentityConflict);
    f.session.rollback()?;
    let wrong = seats.get(&mut f.session, 1).expect_err("too few values");
    assert_eq!(wrong.kind(), ErrorKind::Conversion);
    let wrong = seats
        .get(&mut f.session, ("a", "b"))
        .expect_err("another type");
    assert_eq!(
        (wrong.kind(), wrong.column_name()),
        (ErrorKind::Conversion, Some("row"))
    );
    Ok(())
}

#[test]
fn records_come_back_with_a_savepoint_and_leave_their_parent() -> Result<()> {
    let mut f = Fixture::new()?;
    let [racks, crates] = records(&f)?;
    let rack = f.session.add(named(&racks, "label", "a")?);
    let book = f.session.add(named(&crates, "what", "books")?);
    f.session.push(book, "rack", rack)?;
    f.session.commit()?;
    let undone: Result<()> = f.session.savepoint(|session| {
        session[rack].set("label", "b")?;
        session.flush()?;
        Err(Error::new(ErrorKind::InvalidState, "go back"))
    });
    assert!(undone.is_err());
    assert_eq!(f.session[rack].get::<String>("label")?, "a");
    f.session[book].set("rack_id", None::<i64>)?;
    f.session.commit()?;
    assert_eq!(f.session.load(book, "rack")?, []);
    assert_eq!(f.session.load(rack, "crates")?, []);

    let unnamed = f.session.add(racks.record());
    let error = f.session.flush().expect_err("no label");
    assert_eq!(error.kind(), ErrorKind::NotNullViolation);
    f.session.rollback()?;
    assert_eq!(f.session.state(unnamed), State::Transient);
    Ok(())
}

#[test]
fn one_session_takes_one_mapping_of_a_table() -> Result<()> {
    let mut f = Fixture::new()?;
    let authors = Metadata::reflect(&f.outside)?.records("authors")?;
    f.session.add(Author::new("ann"));
    f.session.add(named(&authors, "name", "bob")?);
    let error = f.session.flush().expect_err("two mappings");
    assert_eq!(error.kind(), ErrorKind::Mapping);
    assert!(
        error
            .message()
            .contains("the table authors is mapped by Author too"),
        "{error}"
    );
    Ok(())
}

#[test]
fn a_database_is_mapped_by_its_own_word() -> Result<()> {
    let mut f = Fixture::new()?;
    f.in_another_session(|session| {
        session.add(Author::new("ann"));
        Ok(())
    })?;
    let reflected = Metadata::reflect(&f.outside)?;
    for mapper in reflected.mappers() {
        mapper.resolved()?;
    }
    let authors = reflected.records("authors")?;
    let books = reflected.records("books")?;
    let ann = authors.query().one(&mut f.session)?;
    let book = f.session.add(named(&books, "title", "t")?);
    f.session.push(ann, "books", book)?;
    f.session.commit()?;
    assert_eq!(f.session.load(book, "author")?, [ann]);
    let mut session = Session::new(&f.outside);
    let key = books.get(&mut session, 1)?.expect("a book");
    assert_eq!(session[key].get::<i64>("author_id")?, 1);
    let error = reflected.records("nothing").expect_err("no such table");
    assert_eq!(error.kind(), ErrorKind::Mapping);
    Ok(())
}

#[test]
fn relations_are_values_that_know_how_many_they_lead_to() -> Result<()> {
    let mut f = Fixture::new()?;
    let [racks, crates] = records(&f)?;
    let inside = racks.relation::<Many>("crates")?;
    let rack_of = crates.relation::<One>("rack")?;
    assert_eq!(
        format!("{inside:?} {rack_of:?}"),
        "racks.crates crates.rack"
    );

    let [low, high] = [
        named(&racks, "label", "low")?,
        named(&racks, "label", "high")?,
    ];
    let [low, high] = f.session.add_all([low, high]);
    let [a, b] = [named(&crates, "what", "a")?, named(&crates, "what", "b")?];
    let [a, b] = f.session.add_all([a, b]);
    f.session.push(low, inside.clone(), a)?;
    f.session.set(b, rack_of.clone(), Some(low))?;
    assert_eq!(f.session.load(low, inside.clone())?, [a, b]);
    f.session.replace(high, inside.clone(), [b])?;
    f.session.remove(low, inside.clone(), a)?;
    assert_eq!(f.session.load(low, inside.clone())?, []);
    assert_eq!(f.session.loaded(high, inside.clone())?, Some(vec![b]));
    f.session.commit()?;
    f.session.clear();
    let b = crates.get(&mut f.session, 2)?.expect("it was written");
    let high = f.session.load(b, rack_of.clone())?.expect("it is there");
    assert_eq!(f.session[high].get::<String>("label")?, "high");
    f.session.set(b, rack_of.clone(), None)?;
    f.session.set(b, "rack", Some(high))?;
    assert_eq!(f.session.load(high, "crates")?, [b]);

    let kind = |found: Result<()>| found.expect_err("refused").kind();
    let a = crates.get(&mut f.session, 1)?.expect("it was written");
    // With the wrong cardinality, of another table, and to a record of another table.
    assert_eq!(
        kind(racks.relation::<One>("crates").map(drop)),
        ErrorKind::Mapping
    );
    assert_eq!(
        kind(crates.relation::<Many>("rack").map(drop)),
        ErrorKind::Mapping
    );
    assert_eq!(
        kind(crates.relation::<Required>("rack").map(drop)),
        ErrorKind::Mapping
    );
    assert_eq!(
        kind(f.session.load(b, inside.clone()).map(drop)),
        ErrorKind::Mapping
    );
    assert_eq!(
        kind(f.session.push(high, inside.clone(), high)),
        ErrorKind::Mapping
    );
    assert_eq!(
        kind(f.session.set(high, "crates", Some(b))),
        ErrorKind::Mapping
    );
    assert_eq!(
        kind(f.session.replace(b, "rack", [high, high])),
        ErrorKind::InvalidState
    );
    assert_eq!(
        kind(f.session.remove(high, inside, a)),
        ErrorKind::InvalidState
    );
    f.session.commit()?;
    Ok(())
}

#[test]
fn columns_of_records_are_values() -> Result<()> {
    let mut f = Fixture::new()?;
    let [racks, crates] = records(&f)?;
    let rack = f.session.add(named(&racks, "label", "a")?);
    f.session.commit()?;
    let height = || racks.column::<i32>("height");
    f.session[rack].set("height", 1)?;
    f.session.flush()?;
    f.session.set_expr(rack, height()?, height()? + 2)?;
    assert_eq!(f.session.dirty::<Record>(), [rack]);
    f.session.flush()?;
    f.session.refresh(rack)?;
    assert_eq!(f.session[rack].get::<i32>("height")?, 3);
    f.session[rack].set("height", 4)?;
    assert_eq!(f.session.history(rack, height()?)?, Some((3, 4)));

    let kind = |found: Result<()>| found.expect_err("refused").kind();
    // A column of another table, of an alias, and an expression are not columns of the table.
    let what = crates.column::<String>("what")?;
    assert_eq!(
        kind(f.session.history(rack, what).map(drop)),
        ErrorKind::Mapping
    );
    let other = racks.alias("other").column::<i32>("height")?;
    assert_eq!(
        kind(f.session.history(rack, other).map(drop)),
        ErrorKind::Mapping
    );
    let sum = height()? + 1;
    assert_eq!(
        kind(f.session.set_expr(rack, sum, height()?)),
        ErrorKind::Mapping
    );
    // Rows of two tables cannot share an INSERT.
    let mixed = [named(&racks, "label", "x")?, named(&crates, "what", "x")?];
    assert_eq!(
        kind(f.session.insert_all(mixed).map(drop)),
        ErrorKind::Mapping
    );
    // But they are merged together.
    let merged = f
        .session
        .merge_all([named(&racks, "label", "x")?, named(&crates, "what", "x")?])?;
    f.session.commit()?;
    assert_eq!(f.session[merged[1]].table().name, "crates");
    Ok(())
}

/// Each child is one row that is loaded and one that is not; `rests` has a default, which only the database writes.
#[test]
fn deleting_a_record_leaves_children_to_on_delete() -> Result<()> {
    let mut f = Fixture::new()?;
    for sql in [
        "CREATE TABLE tops (id INTEGER PRIMARY KEY)",
        "CREATE TABLE falls (id INTEGER PRIMARY KEY, top_id INTEGER REFERENCES tops ON DELETE CASCADE)",
        "CREATE TABLE hangs (id INTEGER PRIMARY KEY, fall_id INTEGER NOT NULL REFERENCES falls ON DELETE CASCADE)",
        "CREATE TABLE floats (id INTEGER PRIMARY KEY, top_id INTEGER REFERENCES tops ON DELETE SET NULL)",
        "CREATE TABLE rests (id INTEGER PRIMARY KEY, top_id INTEGER DEFAULT 2 REFERENCES tops ON DELETE SET DEFAULT)",
        "INSERT INTO tops VALUES (1), (2)",
        "INSERT INTO falls VALUES (1, 1), (2, 1), (3, 2)",
        "INSERT INTO hangs VALUES (1, 1), (2, 2), (3, 3)",
        "INSERT INTO floats VALUES (1, 1), (2, 1)",
        "INSERT INTO rests VALUES (1, 1), (2, 1)",
    ] {
        f.session.sql(sql, ()).execute()?;
    }
    f.session.commit()?;
    let metadata = Metadata::reflect(&f.outside)?;
    let mut loaded = Vec::new();
    for name in ["falls", "hangs", "floats", "rests"] {
        loaded.extend(metadata.records(name)?.get(&mut f.session, 1)?);
    }
    let top = metadata.records("tops")?.get(&mut f.session, 1)?;
    f.session.delete(top.expect("is there"))?;
    f.session.commit()?;
    let mut left = |sql: &str| f.session.sql(sql, ()).all::<(i64, Option<i64>)>();
    assert_eq!(left("SELECT id, top_id FROM falls")?, [(3, Some(2))]);
    assert_eq!(left("SELECT id, fall_id FROM hangs")?, [(3, Some(3))]);
    assert_eq!(
        left("SELECT id, top_id FROM floats")?,
        [(1, None), (2, None)]
    );
    assert_eq!(
        left("SELECT id, top_id FROM rests")?,
        [(1, Some(2)), (2, Some(2))]
    );
    let states: Vec<State> = loaded.iter().map(|&it| f.session.state(it)).collect();
    assert_eq!(states[0], State::Detached);
    f.session.refresh(loaded[3])?;
    assert_eq!(f.session[loaded[3]].get::<Option<i64>>("top_id")?, Some(2));
    Ok(())
}
