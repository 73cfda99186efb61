//! Records in sessions: merging, hooks, lists; and two mappings of the same table.

use std::sync::{Arc, Mutex};

use selfsame::entity::{Many, One};
use selfsame::prelude::*;
use selfsame::record::{Record, RecordRelation, RecordTables, Records};
use selfsame::schema::{Column, ColumnType, Table};
use selfsame::value::Value;
use selfsame::{Error, ErrorKind, Result};

use crate::fixture::{Album, Author, Fixture, Seat, Track};

fn with<const N: usize>(records: &Records, values: [(&str, Value); N]) -> Record {
    let mut record = records.record();
    for (column, value) in values {
        record.set(column, value).expect("a value that fits");
    }
    record
}

fn named(records: &Records, name: &str) -> Record {
    with(records, [("name", name.into())])
}

/// The mappings of albums and tracks, with one row each.
fn albums(f: &Fixture) -> Result<[Records; 2]> {
    f.in_another_session(|session| {
        session.add(Album {
            tracks: [Track::new("one", 0)].into(),
            ..Album::new("a")
        });
        Ok(())
    })?;
    let shown = Metadata::reflect(&f.outside)?;
    Ok([shown.records("albums")?, shown.records("tracks")?])
}

#[test]
fn related_records_are_added_together() -> Result<()> {
    let mut f = Fixture::new()?;
    let [albums, tracks] = albums(&f)?;
    let track = |title: &str| with(&tracks, [("title", title.into())]);
    let mut album = with(&albums, [("title", "b".into())]);
    album.relate("tracks", track("x"))?;
    album.relate("tracks", track("y"))?;
    let copy = album.clone();
    let album = f.session.add(album);
    assert_eq!(f.session.load(album, "tracks")?.len(), 2);
    f.session.commit()?;
    f.holds::<Track>(3);
    let copy = f.session.add(copy);
    assert_eq!(f.session.load(copy, "tracks")?.len(), 2);

    // Records related to a record in the session wait for the flush; in a to-one relation the last one counts.
    let other = f.session.add(track("z"));
    f.session[other].relate("album", copy)?;
    f.session[other].relate("album", album)?;
    assert_eq!(f.session.load(other, "album")?, []);
    f.session.flush()?;
    assert_eq!(f.session.load(other, "album")?, [album]);
    f.session.commit()?;

    let kind = |result: Result<()>| result.expect_err("refused").kind();
    assert_eq!(
        kind(albums.record().relate("tracks", albums.record())),
        ErrorKind::Mapping
    );
    assert_eq!(
        kind(albums.record().relate("track", track("t"))),
        ErrorKind::Mapping
    );
    f.session[other].relate("album", other)?;
    assert_eq!(kind(f.session.flush()), ErrorKind::Mapping);
    f.session.rollback()?;
    let mut album = with(&albums, [("title", "c".into())]);
    album.relate("tracks", other)?;
    let refused = f.session.insert_all([album]).map(drop);
    assert_eq!(kind(refused), ErrorKind::InvalidState);
    Ok(())
}

#[test]
fn a_record_is_laid_over_the_one_of_its_key() -> Result<()> {
    let mut f = Fixture::new()?;
    f.in_another_session(|session| Ok(session.add(Author::new("ann"))))?;
    let authors = Metadata::reflect(&f.outside)?.records("authors")?;
    let aged = |age: i32| with(&authors, [("id", 1_i64.into()), ("age", age.into())]);
    let ann = f.session.merge(aged(3))?;
    f.sends(&["BEGIN", "SELECT authors WHERE id = ?"]);
    assert_eq!(
        f.session[ann].get::<String>("name")?,
        "ann",
        "it was not set, and stays"
    );
    f.session.flush()?;
    f.sends(&["UPDATE authors SET age = ? WHERE id = ?"]);
    assert_eq!(f.session.merge(aged(3))?, ann);
    f.session.flush()?;
    f.sends(&[]);
    let cleared = with(&authors, [("id", 1_i64.into()), ("age", Value::Null)]);
    f.session.merge(cleared)?;
    assert_eq!(f.session[ann].get::<Option<i32>>("age")?, None);
    let keyless = f.session.merge(named(&authors, "bob"))?;
    let mut unknown = named(&authors, "carl");
    unknown.set("id", 9)?;
    let unknown = f.session.merge(unknown)?;
    let states = [keyless, unknown].map(|author| f.session.state(author));
    assert_eq!(
        states,
        [State::Persistent, State::Pending],
        "the second looked for its row"
    );
    f.session.commit()?;
    f.holds::<Author>(3);
    Ok(())
}

#[test]
fn merge_cascades_by_default() -> Result<()> {
    let mut f = Fixture::new()?;
    let [albums, tracks] = albums(&f)?;
    let graph = |albums: &Records, tracks: &Records| -> Result<Record> {
        let mut album = with(albums, [("id", 1_i64.into()), ("title", "A".into())]);
        album.relate(
            "tracks",
            with(tracks, [("id", 1_i64.into()), ("title", "One".into())]),
        )?;
        album.relate("tracks", with(tracks, [("title", "two".into())]))?;
        Ok(album)
    };
    let album = f.session.merge(graph(&albums, &tracks)?)?;
    let titles = |f: &mut Fixture, album| -> Result<Vec<String>> {
        let tracks = f.session.load(album, "tracks")?;
        tracks
            .iter()
            .map(|&track| f.session[track].get("title"))
            .collect()
    };
    assert_eq!(titles(&mut f, album)?, ["One", "two"]);
    f.session.commit()?;
    f.holds::<Track>(2);

    let shown = Metadata::reflect(&f.outside)?;
    let plain =
        |name: &str| (**shown.tables().iter().find(|t| t.name == name).expect(name)).clone();
    let without =
        RecordRelation::has_many("tracks", "tracks").cascade(selfsame::entity::Cascade::NONE);
    let tables = RecordTables::new([plain("albums"), plain("tracks")]);
    let tables = tables.relation("albums", without).metadata()?;
    let (albums, tracks) = (tables.records("albums")?, tables.records("tracks")?);
    f.session.clear();
    let album = f.session.merge(graph(&albums, &tracks)?)?;
    assert_eq!(titles(&mut f, album)?, ["One", "two"], "nothing came along");
    Ok(())
}

#[derive(Clone, Default)]
struct Calls(Arc<Mutex<Vec<String>>>);

impl Calls {
    fn add(&self, event: &str, record: &Record) -> Result<()> {
        let name: String = record.get("name")?;
        self.0
            .lock()
            .expect("a list of calls")
            .push(format!("{event} {name}"));
        Ok(())
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().expect("a list of calls"))
    }
}

#[test]
fn hooks_are_called_for_the_records_of_a_table() -> Result<()> {
    let mut f = Fixture::new()?;
    let shown = Metadata::reflect(&f.outside)?;
    let (authors, books) = (shown.records("authors")?, shown.records("books")?);
    let calls = Calls::default();
    let tell = |event: &'static str| {
        let calls = calls.clone();
        move |record: &Record| calls.add(event, record)
    };
    let trim = |event: &'static str| {
        let calls = calls.clone();
        move |record: &mut Record| {
            let name: String = record.get("name")?;
            record.set("name", name.trim())?;
            calls.add(event, record)
        }
    };
    for hook in [
        Hook::before_insert(trim("before insert")),
        Hook::after_insert(tell("after insert")),
        Hook::before_update(trim("before update")),
        Hook::after_update(tell("after update")),
        Hook::before_delete(tell("before delete")),
        Hook::after_delete(tell("after delete")),
        Hook::load(tell("load")),
    ] {
        f.session.hook(hook.of_table("authors"));
    }
    let ann = f.session.add(named(&authors, " ann "));
    f.session
        .add(with(&books, [("title", "not requested".into())]));
    f.session.commit()?;
    assert_eq!(calls.take(), ["before insert ann", "after insert ann"]);
    f.session[ann].set("name", " Ann")?;
    f.session.commit()?;
    assert_eq!(calls.take(), ["before update Ann", "after update Ann"]);
    f.session.delete(ann)?;
    f.session.commit()?;
    assert_eq!(calls.take(), ["before delete Ann", "after delete Ann"]);
    f.in_another_session(|session| Ok(session.add(Author::new("bob"))))?;
    authors.query().all(&mut f.session)?;
    authors.query().all(&mut f.session)?;
    assert_eq!(calls.take(), ["load bob"]);

    // Entities of the table are not its records.
    let mut session = Session::new(&f.outside);
    session.hook(Hook::before_insert(|_: &mut Record| {
        Err(Error::new(ErrorKind::Validation, "not called"))
    }));
    session.add(Seat::new(1, "a", false));
    session.flush()?;
    let refuse = |_: &mut Record| Err(Error::new(ErrorKind::Validation, "no"));
    let mut session = Session::new(&f.outside);
    session.hook(Hook::before_insert(refuse).of_table("books"));
    session.add(with(&books, [("title", "t".into())]));
    let error = session.flush().expect_err("refused");
    assert_eq!(
        (error.kind(), error.message()),
        (ErrorKind::Validation, "no")
    );
    Ok(())
}

#[test]
fn the_records_of_a_table_are_listed_by_what_becomes_of_them() -> Result<()> {
    let mut f = Fixture::new()?;
    let shown = Metadata::reflect(&f.outside)?;
    let (authors, books) = (shown.records("authors")?, shown.records("books")?);
    assert_eq!(f.session.new_objects::<Record>(), []);
    let [a, b, c] = ["a", "b", "c"].map(|name| f.session.add(named(&authors, name)));
    let book = f.session.add(with(&books, [("title", "t".into())]));
    assert_eq!(f.session.new_objects::<Record>(), [a, b, c, book]);
    f.session.commit()?;
    assert_eq!(f.session.persistent::<Record>(), [a, b, c, book]);
    f.session[b].set("name", "B")?;
    f.session.delete(c)?;
    assert_eq!(f.session.dirty::<Record>(), [b]);
    assert_eq!(f.session.deleted::<Record>(), [c]);
    let name = || authors.column::<String>("name");
    assert_eq!(
        f.session.history(b, name()?)?,
        Some(("b".to_owned(), "B".to_owned()))
    );
    let age = authors.column::<Option<i32>>("age");
    assert_eq!(f.session.history(b, age?)?, None);
    assert_eq!(f.session.history(a, name()?)?, None);
    for foreign in [
        f.session.history(a, books.column::<String>("title")?),
        f.session.history(a, selfsame::sql::lower(name()?)),
    ] {
        let error = foreign.expect_err("no column of this table");
        assert_eq!(error.kind(), ErrorKind::Mapping);
    }
    Ok(())
}

#[test]
fn lists_are_kept_in_documents() -> Result<()> {
    let mut f = Fixture::new()?;
    let text = || ColumnType::Text { length: None };
    let tables = Metadata::of_records([Table::build("notes")
        .column(Column::new("name", text()))
        .column(Column::new("labels", ColumnType::Json))
        .column(Column::new("picture", ColumnType::Bytes).nullable())
        .primary_key(["name"])]);
    tables.create_all(&f.outside)?;
    let notes = tables.records("notes")?;
    let mut note = named(&notes, "n");
    note.set("labels", Value::Json(r#"["a", "b"]"#.to_owned()))?;
    note.set("picture", vec![1_u8, 2])?;
    f.session.add(note);
    f.session.commit()?;
    let mut session = Session::new(&f.outside);
    let note = notes.get(&mut session, "n")?.expect("a note");
    assert_eq!(session[note].get::<Vec<u8>>("picture")?, [1, 2]);
    let Some(Value::Json(labels)) = session[note].value("labels") else {
        panic!("a document");
    };
    assert_eq!(labels.replace(' ', ""), r#"["a","b"]"#);
    Ok(())
}

/// Whether an error reports two mappings of the same table.
fn is_refused<T: std::fmt::Debug>(result: Result<T>) -> bool {
    let error = result.expect_err("two mappings");
    error.kind() == ErrorKind::Mapping && error.message().contains("is mapped by")
}

#[test]
fn a_row_is_never_an_entity_and_a_record_in_one_session() -> Result<()> {
    let mut f = Fixture::new()?;
    f.in_another_session(|session| Ok(session.add(Author::new("ann"))))?;
    let shown = Metadata::reflect(&f.outside)?;
    let (authors, books) = (shown.records("authors")?, shown.records("books")?);
    let ann = f.session.get::<Author>(1)?.expect("an author");
    // Every time, with or without autoflush, and by every method.
    for _ in 0..2 {
        assert!(is_refused(authors.get(&mut f.session, 1)));
        assert!(is_refused(authors.query().all(&mut f.session)));
        assert!(is_refused(
            f.session.no_autoflush(|s| authors.query().all(s))
        ));
        assert!(is_refused(authors.get_many(&mut f.session, [1, 2])));
        let all = authors.query().update().set_named("age", 3);
        assert!(is_refused(all.execute(&mut f.session)));
        assert!(is_refused(authors.query().delete().execute(&mut f.session)));
    }
    // Queries that bypass the identity map have no second object.
    assert_eq!(authors.query().rows(&mut f.session)?.len(), 1);
    assert_eq!(authors.query().count(&mut f.session)?, 1);
    let book = f.session.add(with(
        &books,
        [("title", "t".into()), ("author_id", 1_i64.into())],
    ));
    f.session.commit()?;
    assert!(is_refused(f.session.load(book, "author")));
    assert!(is_refused(books.query().with("author").all(&mut f.session)));
    let joined = books.relation::<One>("author")?.joined();
    assert!(is_refused(books.query().with(joined).all(&mut f.session)));
    let books_of = authors.relation::<Many>("books")?.filter(true);
    let mut other = Session::new(&f.outside);
    other.get::<crate::fixture::Book>(1)?;
    assert!(is_refused(authors.query().with(books_of).all(&mut other)));
    drop(other);
    f.session[ann].age = Some(1);
    f.session.commit()?;

    // A new object fails each flush until a rollback; everything else works.
    let bob = f.session.add(named(&authors, "bob"));
    assert!(is_refused(f.session.flush()));
    f.session.rollback()?;
    assert_eq!(f.session.state(bob), State::Transient);
    f.session[ann].age = Some(2);
    f.session.commit()?;
    let bob = f.session.take(bob)?;
    f.session.clear();
    f.session.add(bob);
    f.session.commit()?;
    assert!(is_refused(f.session.get::<Author>(1)));
    assert!(is_refused(Author::query().all(&mut f.session)));
    f.session.add(Author::new("u"));
    assert!(is_refused(f.session.flush()));
    f.session.rollback()?;

    // Two reflections of the same database return the same mappings; mapping a single table creates another.
    let again = Metadata::reflect(&f.outside)?.records("authors")?;
    assert_eq!(again.query().all(&mut f.session)?.len(), 2);
    let alone = selfsame::record::Records::new((**Author::table()).clone());
    assert!(is_refused(alone.query().all(&mut f.session)));
    Ok(())
}
