//! Deferred columns: neither read nor written unless they are asked for or set.

use std::sync::{Arc, Mutex, PoisonError};

use selfsame::engine::Event;
use selfsame::prelude::*;
use selfsame::schema::Table;
use selfsame::sql::RowLock;
use selfsame::{ErrorKind, Result};
use selfsame_sqlite::Sqlite;

/// Two deferred columns around one that is not.
#[derive(Entity, Clone, Debug)]
#[orm(table = "papers")]
struct Paper {
    #[orm(primary_key)]
    id: Auto<i64>,
    body: Deferred<String>,
    title: String,
    #[orm(length = 5)]
    note: Deferred<Option<String>>,
    #[orm(references = "shelves.id")]
    shelf_id: Option<i64>,
    #[orm(back_populates = papers)]
    shelf: BelongsTo<Shelf>,
    #[orm(secondary = "paper_topics(paper_id, topic_id)", back_populates = papers)]
    topics: ManyToMany<Topic>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "shelves")]
struct Shelf {
    #[orm(primary_key)]
    id: Auto<i64>,
    label: String,
    map: Deferred<Option<Vec<u8>>>,
    #[orm(back_populates = shelf)]
    papers: HasMany<Paper>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "topics")]
struct Topic {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(back_populates = topics)]
    papers: ManyToMany<Paper>,
}

/// Its key is its name; it has a version, and columns that the database makes.
#[derive(Entity, Clone, Debug)]
#[orm(table = "files")]
struct File {
    #[orm(server_default = "'empty'")]
    content: Deferred<String>,
    #[orm(flatten, prefix = "seen_")]
    seen: Option<Stamp>,
    #[orm(primary_key)]
    name: String,
    #[orm(computed = "length(content)")]
    size: Deferred<i64>,
    #[orm(default = "plain")]
    kind: Deferred<String>,
    #[orm(version)]
    version: i64,
}

/// Part of a file.
#[derive(Embedded, Clone, Debug, PartialEq)]
struct Stamp {
    by: String,
    day: Option<i32>,
}

struct Library {
    session: Session,
    outside: Engine,
    sent: Arc<Mutex<Vec<String>>>,
}

impl Library {
    fn new() -> Result<Self> {
        let database = Sqlite::memory();
        let (engine, outside) = (Engine::new(database.clone()), Engine::new(database));
        metadata![Paper, Shelf, Topic, File].create_all(&outside)?;
        let sent = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&sent);
        engine.observe(move |event: &Event<'_>| {
            let mut text = event.sql.text().replace('"', "");
            text.retain(|char| !char.is_ascii_digit());
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            log.push(text);
        });
        Ok(Self {
            session: Session::new(&engine),
            outside,
            sent,
        })
    }

    /// A paper `a` with the body `long`, on a shelf with a map, mapped and unloaded.
    fn with_paper() -> Result<(Self, Handle<Paper>)> {
        let mut library = Self::new()?;
        library.behind(|other| {
            let shelf = other.add(Shelf {
                map: Some(vec![7]).into(),
                ..Shelf::new("top")
            });
            let paper = other.add(Paper::new("long", "a"));
            other.set(paper, Paper::SHELF, Some(shelf))
        })?;
        let paper = Paper::query().one(&mut library.session)?;
        library.forget();
        Ok((library, paper))
    }

    fn behind<T>(&self, work: impl FnOnce(&mut Session) -> Result<T>) -> Result<T> {
        let mut session = Session::new(&self.outside);
        let result = work(&mut session)?;
        session.commit()?;
        Ok(result)
    }

    fn sent(&self) -> Vec<String> {
        std::mem::take(&mut *self.sent.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn forget(&self) {
        self.sent();
    }

    #[track_caller]
    fn sends(&self, expected: &[&str]) {
        assert_eq!(self.sent(), expected);
    }

    /// What the row has, read past the session under test.
    fn stored(&self) -> Result<(String, Option<String>)> {
        self.behind(|other| Paper::query().select((Paper::BODY, Paper::NOTE)).one(other))
    }
}

const SELECT: &str = "SELECT id, title, shelf_id FROM papers";

#[test]
fn what_is_read_by_default_leaves_them_out() -> Result<()> {
    let (mut l, paper) = Library::with_paper()?;
    let s = &mut l.session;
    assert_eq!(s[paper].title, "a");
    assert_eq!((s[paper].shelf_id, s[paper].body.get()), (Some(1), None));
    assert!(s.debug(paper).contains("body: Deferred(unloaded)"));
    s.refresh(paper)?;
    s.commit()?;
    s.get::<Paper>(1)?;
    s.clear();
    let papers = Paper::query()
        .filter(Paper::BODY.starts_with("lo"))
        .order_by(Paper::BODY.asc())
        .lock(RowLock::for_update())
        .all(s);
    assert!(papers.is_err() || !s[papers?[0]].body.is_loaded());
    let sent = l.sent();
    let reads = sent.iter().filter(|text| text.starts_with("SELECT"));
    assert!(reads.clone().count() >= 2);
    for read in reads {
        let columns = read.split(" FROM ").next().unwrap_or_default();
        assert!(
            !columns.contains("body") && !columns.contains("note"),
            "{read}"
        );
    }
    Ok(())
}

#[test]
fn relations_leave_them_out_and_take_them_along_when_told() -> Result<()> {
    let (mut l, paper) = Library::with_paper()?;
    let topic = l.session.add(Topic::new());
    l.session.push(paper, Paper::TOPICS, topic)?;
    l.session.commit()?;
    l.session.clear();
    l.forget();

    let shelves = Shelf::query().with(Shelf::PAPERS.joined().undefer(Paper::NOTE));
    let shelf = shelves.undefer(Shelf::MAP).one(&mut l.session)?;
    let paper = l.session.load(shelf, Shelf::PAPERS)?[0];
    assert_eq!(l.session[shelf].map, Some(vec![7]));
    assert_eq!(l.session[paper].title, "a");
    assert_eq!(l.session[paper].note.get(), Some(&None));
    assert!(!l.session[paper].body.is_loaded());
    assert_eq!(l.sent().len(), 2, "BEGIN and one SELECT");

    for load in [Paper::SHELF.selectin(), Paper::SHELF.joined()] {
        l.session.clear();
        l.forget();
        let query = Paper::query().with(load.undefer(Shelf::MAP));
        let paper = query.one(&mut l.session)?;
        let shelf = l.session.load(paper, Paper::SHELF)?.expect("a shelf");
        assert_eq!(l.session[shelf].map, Some(vec![7]));
        assert!(l.sent().len() <= 2);
    }

    l.session.clear();
    l.forget();
    let load = Topic::PAPERS.selectin().undefer(Paper::BODY);
    let topic = Topic::query()
        .with(load.then(Paper::SHELF.selectin()))
        .one(&mut l.session)?;
    let paper = l.session.load(topic, Topic::PAPERS)?[0];
    assert_eq!(l.session[paper].body, "long".to_owned());
    assert_eq!(
        (&*l.session[paper].title, l.session[paper].shelf_id),
        ("a", Some(1))
    );
    assert_eq!(l.sent().len(), 3);
    Ok(())
}

#[test]
fn filtered_loading_takes_them_along() -> Result<()> {
    let (mut l, _) = Library::with_paper()?;
    l.session.clear();
    l.forget();
    let long = Shelf::PAPERS.filter(Paper::BODY.eq("long"));
    let load = long.limit(2).undefer(Paper::NOTE);
    let shelf = Shelf::query().with(load).one(&mut l.session)?;
    let papers = l
        .session
        .filtered(shelf, Shelf::PAPERS)?
        .unwrap_or_default();
    assert_eq!(l.session[papers[0]].note.get(), Some(&None));
    assert_eq!(l.session[papers[0]].title, "a");
    assert!(!l.session[papers[0]].body.is_loaded());
    assert_eq!(l.sent().len(), 2);
    Ok(())
}

#[test]
fn what_a_relation_leads_to_is_loaded_though_it_is_mapped() -> Result<()> {
    let (mut l, paper) = Library::with_paper()?;
    let shelf = l.session.load(paper, Paper::SHELF)?.expect("a shelf");
    assert!(!l.session[shelf].map.is_loaded());
    l.forget();
    let query = Paper::query().with(Paper::SHELF.selectin().undefer(Shelf::MAP));
    query.all(&mut l.session)?;
    assert_eq!(l.session[shelf].map, Some(vec![7]));
    l.sends(&[SELECT, "SELECT id, label, map FROM shelves WHERE id = ?"]);
    query.all(&mut l.session)?;
    l.sends(&[SELECT]);
    Ok(())
}

#[test]
fn a_query_undefers_in_its_own_statement() -> Result<()> {
    let (mut l, paper) = Library::with_paper()?;
    let query = Paper::query().undefer(Paper::NOTE).undefer(Paper::BODY);
    assert_eq!(query.all(&mut l.session)?, [paper]);
    l.sends(&["SELECT id, title, shelf_id, note, body FROM papers"]);
    assert_eq!(l.session[paper].body, "long".to_owned());
    assert_eq!(l.session[paper].note, None);

    // What is loaded stays, as every other column does.
    l.session.commit()?;
    l.behind(|other| {
        let paper = Paper::query().one(other)?;
        other[paper].body.set("theirs".into());
        Ok(())
    })?;
    assert_eq!(l.session[paper].body, "long".to_owned());
    let same = query.one(&mut l.session)?;
    assert_eq!(l.session[same].body, "theirs".to_owned());
    l.session[paper].title = "b".into();
    Paper::query().populate_existing().all(&mut l.session)?;
    assert!(!l.session[paper].body.is_loaded());
    query.clone().populate_existing().all(&mut l.session)?;
    assert_eq!(l.session[paper].body, "theirs".to_owned());
    assert_eq!(query.count(&mut l.session)?, 1);
    Ok(())
}

#[test]
fn one_is_loaded_by_one_select_and_then_by_none() -> Result<()> {
    let (mut l, paper) = Library::with_paper()?;
    assert_eq!(l.session.undefer(paper, Paper::BODY)?, "long");
    assert_eq!(l.session.undefer(paper, Paper::BODY)?, "long");
    l.sends(&["SELECT id, title, shelf_id, body FROM papers WHERE id = ?"]);
    assert_eq!(l.session.undefer(paper, Paper::NOTE)?, &None);
    assert_eq!(l.session.undefer(paper, Paper::NOTE)?, &None);
    l.sends(&["SELECT id, title, shelf_id, note FROM papers WHERE id = ?"]);
    assert!(!l.session.is_modified(paper)?);
    l.session.flush()?;
    l.sends(&[]);
    Ok(())
}

#[test]
fn many_are_loaded_by_one_select() -> Result<()> {
    let mut l = Library::new()?;
    l.behind(|other| {
        other.add_all(
            (0..5)
                .map(|n| Paper::new(format!("body {n}"), "x"))
                .collect::<Vec<_>>(),
        );
        Ok(())
    })?;
    let papers = Paper::query().all(&mut l.session)?;
    l.session.undefer(papers[2], Paper::BODY)?;
    l.forget();
    let log = l.session.log_statements();
    l.session.undefer_all(papers.clone(), Paper::BODY)?;
    log.expect(1);
    for (n, &paper) in papers.iter().enumerate() {
        assert_eq!(l.session[paper].body, format!("body {n}"));
    }
    l.session.undefer_all(papers, Paper::BODY)?;
    assert_eq!(l.sent().len(), 1);
    Ok(())
}

#[test]
fn an_unloaded_one_is_set_without_being_loaded() -> Result<()> {
    let (mut l, paper) = Library::with_paper()?;
    l.session[paper].body.set("new".into());
    assert!(l.session.is_modified(paper)?);
    assert_eq!(l.session.dirty::<Paper>(), [paper]);
    assert!(l.session.debug(paper).contains("changed: body"));
    let error = l.session.history(paper, Paper::BODY).unwrap_err();
    assert_eq!(
        (error.kind(), error.column_name()),
        (ErrorKind::NotLoaded, Some("body"))
    );
    assert_eq!(l.session.history(paper, Paper::NOTE)?, None);
    assert_eq!(l.session.undefer(paper, Paper::BODY)?, "new");
    l.session.flush()?;
    l.sends(&["UPDATE papers SET body = ? WHERE id = ?"]);
    l.session[paper].note.set(None);
    l.session.commit()?;
    l.sends(&["UPDATE papers SET note = ? WHERE id = ?", "COMMIT"]);
    assert_eq!(l.stored()?, ("new".into(), None));
    Ok(())
}

#[test]
fn a_loaded_one_is_written_if_it_differs() -> Result<()> {
    let (mut l, paper) = Library::with_paper()?;
    l.session.undefer(paper, Paper::BODY)?;
    l.forget();
    l.session[paper].body.set("long".into());
    assert!(!l.session.is_modified(paper)?);
    l.session.flush()?;
    l.sends(&[]);
    l.session[paper].body.get_mut().expect("a body").push('!');
    let history = l.session.history(paper, Paper::BODY)?;
    assert_eq!(history, Some(("long".into(), "long!".into())));
    l.session.flush()?;
    l.sends(&["UPDATE papers SET body = ? WHERE id = ?"]);

    // Nothing is written for one that is let go of.
    l.session[paper].body.take();
    assert!(!l.session.is_modified(paper)?);
    l.session.flush()?;
    l.sends(&[]);
    assert_eq!(l.session.undefer(paper, Paper::BODY)?, "long!");
    Ok(())
}

#[test]
fn set_and_then_loaded_it_is_compared_with_what_was_loaded() -> Result<()> {
    let (mut l, paper) = Library::with_paper()?;
    l.session[paper].body.set("long".into());
    l.session
        .no_autoflush(|s| Paper::query().undefer(Paper::BODY).one(s))?;
    l.forget();
    assert!(!l.session.is_modified(paper)?);
    l.session.flush()?;
    l.sends(&[]);
    Ok(())
}

#[test]
fn a_new_one_leaves_it_to_the_database() -> Result<()> {
    let mut l = Library::new()?;
    let files = l.session.add_all([
        File::new("a"),
        File {
            content: "text".into(),
            ..File::new("b")
        },
    ]);
    l.session.flush()?;
    l.sends(&[
        "BEGIN IMMEDIATE",
        "INSERT INTO files (seen_by, seen_day, name, kind, version) VALUES (?, ?, ?, ?, ?)",
        "INSERT INTO files (content, seen_by, seen_day, name, kind, version) VALUES (?, ?, ?, ?, ?, ?)",
    ]);
    assert_eq!(l.session[files[0]].kind, "plain".to_owned());
    assert!(
        !l.session[files[0]].content.is_loaded(),
        "nor is it read back"
    );
    assert_eq!(l.session.undefer(files[0], File::CONTENT)?, "empty");
    assert_eq!(l.session.undefer(files[1], File::SIZE)?, &4);
    l.session[files[1]].content.set("longer".into());
    l.session[files[0]].size.set(77);
    l.session[files[1]].size.set(77);
    l.session.commit()?;
    assert_eq!(l.session.undefer(files[1], File::SIZE)?, &6);
    assert_eq!(l.session[files[1]].version, 2);

    l.session.add(Paper::new("body", "without a note"));
    l.session.commit()?;
    assert_eq!(l.stored()?, ("body".into(), None));
    Ok(())
}

#[test]
fn a_new_one_without_what_it_must_have_is_refused() -> Result<()> {
    let mut l = Library::new()?;
    let unset = || Paper {
        body: Deferred::UNLOADED,
        ..Paper::new("", "a")
    };
    l.session.add(unset());
    let error = l.session.flush().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Validation);
    assert_eq!(
        (error.entity_name(), error.column_name()),
        (Some("Paper"), Some("body"))
    );
    l.session.rollback()?;
    let error = l.session.insert_all([unset()]).unwrap_err();
    assert_eq!(
        (error.kind(), error.column_name()),
        (ErrorKind::Validation, Some("body"))
    );
    l.session.rollback()?;
    l.sends(&[]);
    let rows = [
        Paper::new("b", "x"),
        Paper {
            note: Some("n".into()).into(),
            ..Paper::new("c", "y")
        },
    ];
    assert_eq!(l.session.insert_all(rows)?, 2);
    Ok(())
}

#[test]
fn a_value_that_does_not_fit_is_refused() -> Result<()> {
    let (mut l, paper) = Library::with_paper()?;
    l.session[paper].note.set(Some("too long".into()));
    let error = l.session.flush().unwrap_err();
    assert_eq!(
        (error.kind(), error.column_name()),
        (ErrorKind::OutOfRange, Some("note"))
    );
    Ok(())
}

#[test]
fn expired_it_stays_readable_and_is_unloaded_when_its_row_is_read() -> Result<()> {
    let (mut l, paper) = Library::with_paper()?;
    l.session.undefer(paper, Paper::BODY)?;
    l.session.commit()?;
    l.behind(|other| {
        let paper = Paper::query().one(other)?;
        other[paper].body.set("theirs".into());
        Ok(())
    })?;
    assert_eq!(l.session[paper].body, "long".to_owned());
    l.session.get::<Paper>(1)?;
    assert!(!l.session[paper].body.is_loaded());
    l.session.undefer(paper, Paper::BODY)?;
    l.session.commit()?;
    l.forget();
    assert_eq!(
        l.session.undefer(paper, Paper::BODY)?,
        "theirs",
        "read again"
    );
    assert_eq!(l.sent().len(), 2, "BEGIN and one SELECT");
    l.session.refresh(paper)?;
    assert!(!l.session[paper].body.is_loaded());
    Ok(())
}

#[test]
fn a_change_of_an_expired_one_is_merged_or_stale() -> Result<()> {
    let (mut l, paper) = Library::with_paper()?;
    let theirs = |l: &Library, body: &str, title: &str| {
        l.behind(|other| {
            let paper = Paper::query().one(other)?;
            other[paper].body.set(body.to_owned());
            other[paper].title = title.to_owned();
            Ok(())
        })
    };
    // Known and unmoved: merged onto the fresh row.
    l.session.undefer(paper, Paper::BODY)?;
    l.session.commit()?;
    theirs(&l, "long", "b")?;
    l.session[paper].body.set("mine".into());
    l.forget();
    l.session.commit()?;
    l.sends(&[
        "BEGIN IMMEDIATE",
        "SELECT id, title, shelf_id, body FROM papers WHERE id = ?",
        "UPDATE papers SET body = ? WHERE id = ?",
        "COMMIT",
    ]);
    assert_eq!(l.session[paper].title, "b");
    // Known and moved.
    theirs(&l, "theirs", "b")?;
    l.session[paper].body.set("mine again".into());
    let error = l.session.flush().unwrap_err();
    assert_eq!(
        (error.kind(), error.column_name()),
        (ErrorKind::StaleData, Some("body"))
    );
    l.session.rollback()?;
    // Never known: there is nothing to compare with.
    l.session.get::<Paper>(1)?;
    l.session.commit()?;
    theirs(&l, "theirs again", "c")?;
    l.session[paper].body.set("mine at last".into());
    l.session.commit()?;
    assert_eq!(l.stored()?.0, "mine at last");
    assert_eq!(l.session[paper].title, "c");
    Ok(())
}

#[test]
fn rollback_restores_what_was_unloaded_and_what_was_known() -> Result<()> {
    let (mut l, paper) = Library::with_paper()?;
    l.session[paper].body.set("mine".into());
    l.session.rollback()?;
    assert!(!l.session[paper].body.is_loaded(), "not flushed");
    l.session[paper].body.set("mine".into());
    l.session.flush()?;
    l.session.rollback()?;
    assert!(!l.session[paper].body.is_loaded(), "flushed");
    l.session.undefer(paper, Paper::BODY)?;
    l.session[paper].body.set("mine".into());
    l.session.flush()?;
    l.session[paper].body.take();
    l.session.rollback()?;
    assert_eq!(l.session[paper].body, "long".to_owned());
    assert_eq!(l.session.undefer(paper, Paper::BODY)?, "long");
    Ok(())
}

#[test]
fn savepoints_restore_it() -> Result<()> {
    let (mut l, paper) = Library::with_paper()?;
    let undone = |s: &mut Session| {
        s[paper].body.set("inner".into());
        s.flush()?;
        Paper::query().update().set(Paper::NOTE, "n").execute(s)?;
        assert_eq!(s.undefer(paper, Paper::NOTE)?.as_deref(), Some("n"));
        Err::<(), _>(selfsame::Error::new(ErrorKind::InvalidState, "no"))
    };
    assert!(l.session.savepoint(undone).is_err());
    assert!(!l.session[paper].body.is_loaded());
    assert_eq!(l.session.undefer(paper, Paper::NOTE)?, &None, "read again");
    l.session[paper].body.set("outer".into());
    assert!(l.session.savepoint(undone).is_err());
    assert_eq!(l.session[paper].body, "outer".to_owned());
    l.session.commit()?;
    assert_eq!(l.stored()?, ("outer".into(), None));
    Ok(())
}

#[test]
fn merging_leaves_an_unloaded_one_alone() -> Result<()> {
    let (mut l, paper) = Library::with_paper()?;
    let value = |body: Deferred<String>| Paper {
        id: Auto::set(1),
        body,
        shelf_id: Some(1),
        ..Paper::new("", "a")
    };
    l.session.merge(value(Deferred::UNLOADED))?;
    l.session.flush()?;
    l.sends(&[]);
    // Onto a row that is read, an equal one is equal.
    l.session.expire(paper)?;
    assert_eq!(l.session.merge(value("long".into()))?, paper);
    l.session.flush()?;
    l.sends(&["SELECT id, title, shelf_id, body FROM papers WHERE id = ?"]);
    l.session.merge(value("other".into()))?;
    l.session.flush()?;
    l.sends(&["UPDATE papers SET body = ? WHERE id = ?"]);
    // Onto an object that does not have it, it is set.
    l.session.refresh(paper)?;
    l.forget();
    let null = Paper {
        note: None.into(),
        ..value(Deferred::UNLOADED)
    };
    l.session.merge(null)?;
    l.session.flush()?;
    l.sends(&["UPDATE papers SET note = ? WHERE id = ?"]);
    Ok(())
}

#[test]
fn a_row_that_is_taken_over_and_a_changed_key_keep_it() -> Result<()> {
    let mut l = Library::new()?;
    l.behind(|other| {
        other.add(File {
            content: "text".into(),
            ..File::new("a")
        });
        Ok(())
    })?;
    let old = File::query().one(&mut l.session)?;
    l.session.delete(old)?;
    let new = l.session.add(File {
        kind: "new".into(),
        ..File::new("a")
    });
    l.forget();
    l.session.flush()?;
    l.sends(&["UPDATE files SET kind = ?, version = ? WHERE name = ? AND version = ?"]);
    assert_eq!(l.session.undefer(new, File::CONTENT)?, "text");
    l.session[new].name = "b".into();
    l.session.commit()?;
    assert_eq!(l.session.undefer(new, File::SIZE)?, &4);
    Ok(())
}

#[test]
fn it_stands_beside_embedded_values() -> Result<()> {
    let mut l = Library::new()?;
    let stamp = |by: &str| Stamp {
        day: Some(3),
        ..Stamp::new(by)
    };
    l.session.add(File {
        seen: Some(stamp("ann")),
        content: "text".into(),
        ..File::new("a")
    });
    l.session.commit()?;
    l.session.clear();
    let query = File::query().undefer(File::SIZE);
    let file = query.one(&mut l.session)?;
    assert_eq!(l.session[file].seen, Some(stamp("ann")));
    assert_eq!(
        (l.session[file].size, &*l.session[file].name),
        (4.into(), "a")
    );
    assert_eq!(
        (l.session[file].version, l.session[file].content.get()),
        (1, None)
    );

    // Written while expired, merged, rolled back: each stays in its place.
    l.session.undefer(file, File::CONTENT)?;
    l.session.commit()?;
    l.session[file].content.set("longer".into());
    l.session[file].seen = Some(stamp("bob"));
    l.session.flush()?;
    assert_eq!(l.session[file].seen, Some(stamp("bob")));
    l.session.rollback()?;
    assert_eq!(l.session[file].seen, Some(stamp("ann")));
    assert_eq!(l.session[file].content, "text".to_owned());
    let value = File {
        seen: None,
        content: "merged".into(),
        version: 1,
        ..File::new("a")
    };
    assert_eq!(l.session.merge(value)?, file);
    l.session.commit()?;
    let stored = File::query().undefer(File::CONTENT).rows(&mut l.session)?;
    assert_eq!(
        (&stored[0].seen, &stored[0].content),
        (&None, &"merged".into())
    );
    Ok(())
}

#[test]
fn values_outside_of_a_session_have_it_when_told() -> Result<()> {
    let (mut l, paper) = Library::with_paper()?;
    let s = &mut l.session;
    let row = &Paper::query().rows(s)?[0];
    assert_eq!((&*row.title, row.body.get()), ("a", None));
    let row = &Paper::query().undefer(Paper::BODY).rows(s)?[0];
    assert_eq!((&*row.title, &row.body), ("a", &"long".into()));
    let bodies = Paper::query().select((Paper::BODY,)).all(s)?;
    assert_eq!(bodies, [("long".to_owned(),)]);
    let value = s.expunge(paper)?;
    assert!(!value.body.is_loaded());
    // It can come back by its key.
    let merged = s.merge(value)?;
    assert_eq!(s.undefer(merged, Paper::BODY)?, "long");
    Ok(())
}

#[test]
fn expressions_and_bulk_updates_write_it() -> Result<()> {
    let (mut l, paper) = Library::with_paper()?;
    let s = &mut l.session;
    s.set_expr(paper, Paper::BODY, "computed")?;
    s.flush()?;
    assert_eq!(s.undefer(paper, Paper::BODY)?, "computed");
    let update = Paper::query().update().set(Paper::BODY, "bulk");
    update.execute(s)?;
    assert_eq!(s[paper].body, "computed".to_owned(), "the last known");
    assert_eq!(s.undefer(paper, Paper::BODY)?, "bulk");
    s.rollback()?;
    assert_eq!(s.undefer(paper, Paper::BODY)?, "long");
    Ok(())
}

#[test]
fn hooks_see_it_as_it_is() -> Result<()> {
    let (mut l, paper) = Library::with_paper()?;
    l.session.hook(Hook::before_update(|paper: &mut Paper| {
        assert!(!paper.body.is_loaded());
        paper.note.set(Some("!".into()));
        Ok(())
    }));
    l.session[paper].title = "b".into();
    l.session.commit()?;
    l.sends(&[
        "UPDATE papers SET title = ?, note = ? WHERE id = ?",
        "COMMIT",
    ]);
    assert_eq!(l.stored()?, ("long".into(), Some("!".into())));
    Ok(())
}

#[test]
fn an_object_with_other_changes_is_loaded_beside_them() -> Result<()> {
    let (mut l, paper) = Library::with_paper()?;
    l.session[paper].title = "b".into();
    let loaded = |s: &mut Session| s.undefer(paper, Paper::BODY).cloned();
    assert_eq!(l.session.no_autoflush(loaded)?, "long");
    let titles = l.session.history(paper, Paper::TITLE)?;
    assert_eq!(titles, Some(("a".into(), "b".into())));
    assert_eq!(l.session.history(paper, Paper::BODY)?, None);
    l.session[paper].body.set("short".into());
    let bodies = l.session.history(paper, Paper::BODY)?;
    assert_eq!(bodies, Some(("long".into(), "short".into())));
    l.session.expire(paper)?;
    assert_eq!(l.session[paper].body, "long".to_owned());
    assert_eq!(l.session[paper].title, "a");
    Ok(())
}

#[test]
fn what_cannot_be_loaded_is_told() -> Result<()> {
    let (mut l, paper) = Library::with_paper()?;
    let s = &mut l.session;
    let kind = |result: Result<()>| result.unwrap_err().kind();
    let title = s.undefer(paper, Paper::TITLE).map(drop);
    assert_eq!(kind(title), ErrorKind::Mapping);
    let title = Paper::query().undefer(Paper::TITLE);
    assert_eq!(kind(title.all(s).map(drop)), ErrorKind::Mapping);
    assert_eq!(kind(title.rows(s).map(drop)), ErrorKind::Mapping);
    for load in [Shelf::PAPERS.selectin(), Shelf::PAPERS.joined()] {
        let query = Shelf::query().with(load.undefer(Paper::TITLE));
        assert_eq!(kind(query.all(s).map(drop)), ErrorKind::Mapping);
    }
    let new = s.add(File::new("new"));
    let unsaved = s.undefer(new, File::CONTENT).map(drop);
    assert_eq!(kind(unsaved), ErrorKind::InvalidState);
    assert_eq!(s.undefer(new, File::KIND)?, "plain");
    s.take(new)?;
    s.commit()?;
    l.behind(|other| {
        let paper = Paper::query().one(other)?;
        other.delete(paper)
    })?;
    let gone = l.session.undefer(paper, Paper::BODY).unwrap_err();
    assert_eq!(
        (gone.kind(), gone.key_text()),
        (ErrorKind::StaleData, Some("1"))
    );
    l.session.expunge(paper)?;
    let stale = l.session.undefer(paper, Paper::BODY).map(drop);
    assert_eq!(kind(stale), ErrorKind::StaleHandle);
    Ok(())
}

#[test]
fn in_the_schema_it_is_a_column_as_any_other() -> Result<()> {
    let l = Library::new()?;
    let table: &Table = Paper::table();
    let body = &table.columns[1];
    assert_eq!((&*body.name, body.nullable), ("body", false));
    assert!(table.columns[3].nullable);
    let metadata = metadata![Paper, Shelf, Topic, File];
    assert!(metadata.diff(&l.outside)?.is_empty());
    Ok(())
}
