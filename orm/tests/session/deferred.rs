//! Deferred columns: read only on request, and written only if set.

mod changes;

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

/// Its key is its name; it has a version, and generated columns.
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

    /// A paper `a` with the body `long`, on a shelf with a map; its deferred columns are not loaded.
    fn with_paper() -> Result<(Self, Handle<Paper>)> {
        let mut library = Self::new()?;
        library.in_another_session(|other| {
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

    fn in_another_session<T>(&self, work: impl FnOnce(&mut Session) -> Result<T>) -> Result<T> {
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

    /// The row's value, read without the session under test.
    fn stored(&self) -> Result<(String, Option<String>)> {
        self.in_another_session(|other| {
            Paper::query().select((Paper::BODY, Paper::NOTE)).one(other)
        })
    }
}

const SELECT: &str = "SELECT id, title, shelf_id FROM papers";

#[test]
fn queries_omit_them_by_default() -> Result<()> {
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
fn relations_omit_them_and_load_them_on_request() -> Result<()> {
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
fn filtered_loading_loads_them() -> Result<()> {
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
fn nested_relations_of_mapped_objects_are_loaded() -> Result<()> {
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

    // Loaded values are kept, like those of other columns.
    l.session.commit()?;
    l.in_another_session(|other| {
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
    l.in_another_session(|other| {
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
fn values_without_a_session_load_it_on_request() -> Result<()> {
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
    // It can be loaded again by its key.
    let merged = s.merge(value)?;
    assert_eq!(s.undefer(merged, Paper::BODY)?, "long");
    Ok(())
}

#[test]
fn loading_errors_are_reported() -> Result<()> {
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
    l.in_another_session(|other| {
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
