use chrono::Duration;
use selfsame::backend::{Sql, StatementKind};
use selfsame::dialect::DatePart;
use selfsame::sql::{cast, date_part, json_text};
use selfsame_postgres::Postgres;

// ANCHOR: entity
use chrono::{DateTime, Utc};
use selfsame::prelude::*;
use selfsame::query::Query;

#[derive(Entity, Clone, Debug)]
#[orm(table = "articles")]
pub struct Article {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    pub title: String,
    pub facts: serde_json::Value,
    #[orm(default = Utc::now())]
    pub created_at: DateTime<Utc>,
    #[orm(default = Utc::now())]
    pub updated_at: DateTime<Utc>,
    pub updated_by: Option<String>,
    pub deleted_at: Option<DateTime<Utc>>,
}
// ANCHOR_END: entity

// ANCHOR: audit
fn sessions(engine: &Engine) -> SessionFactory {
    SessionFactory::new(engine).hook(Hook::before_update(|article: &mut Article| {
        article.updated_at = Utc::now();
        Ok(())
    }))
}

fn session_of(sessions: &SessionFactory, user: &str) -> Session {
    let mut session = sessions.session();
    let user = user.to_owned();
    session.hook(Hook::before_update(move |article: &mut Article| {
        article.updated_by = Some(user.clone());
        Ok(())
    }));
    session
}
// ANCHOR_END: audit

// ANCHOR: soft
impl Article {
    pub fn live() -> Query<Article> {
        Article::query().filter(Article::DELETED_AT.is_null())
    }
}

fn refuse_deletion() -> Hook {
    Hook::before_delete(|_: &Article| {
        let message = "articles are not deleted: set `deleted_at`";
        Err(Error::new(ErrorKind::Validation, message))
    })
}
// ANCHOR_END: soft

// ANCHOR: search
pub struct Search {
    pub words: Vec<String>,
    pub since: Option<DateTime<Utc>>,
    pub newest_first: bool,
}

impl Search {
    pub fn query(&self) -> Query<Article> {
        let mut query = Article::live();
        if let Some(since) = self.since {
            query = query.filter(Article::CREATED_AT.ge(since));
        }
        let words = self.words.iter().map(|word| Article::TITLE.contains(word));
        if let Some(any) = words.reduce(|left, right| left.or(right)) {
            query = query.filter(any);
        }
        match self.newest_first {
            true => query.order_by(Article::CREATED_AT.desc()),
            false => query.order_by(Article::TITLE.asc()),
        }
    }
}
// ANCHOR_END: search

// ANCHOR: failure
#[derive(Debug, PartialEq)]
enum Failure {
    TitleTaken,
    Database(ErrorKind),
}

fn rename(session: &mut Session, article: Handle<Article>, title: &str) -> Result<(), Failure> {
    let mut taken = false;
    let outcome = session.transaction(|session| {
        let same = Article::live().filter(Article::TITLE.eq(title));
        taken = same.exists(session)?;
        if taken {
            return Err(Error::new(ErrorKind::Validation, "the title is taken")); // rolls back
        }
        session[article].title = title.to_owned();
        Ok(())
    });
    match outcome {
        Err(_) if taken => Err(Failure::TitleTaken),
        outcome => outcome.map_err(|error| Failure::Database(error.kind())),
    }
}
// ANCHOR_END: failure

pub(crate) fn run(engine: Engine) -> Result<()> {
    metadata![Article].create_all(&engine)?;
    let sessions = sessions(&engine).hook(refuse_deletion());
    let mut session = session_of(&sessions, "ann");
    let facts = |pages: i32| serde_json::json!({ "pages": pages, "tags": ["orm"] });
    let handles = session.add_all([
        Article::new("Handles", facts(3)),
        Article::new("Hooks", facts(5)),
        Article::new("Sessions", facts(8)),
    ]);
    session.commit()?;
    let (handle, hook) = (handles[0], handles[1]);
    assert_eq!(session[handle].updated_by, None);
    session[handle].title = "Handles and slots".to_owned();
    session.commit()?;
    session.refresh(handle)?;
    assert_eq!(session[handle].updated_by.as_deref(), Some("ann"));
    assert!(session[handle].updated_at >= session[handle].created_at);
    session[hook].title = "Hooks".to_owned(); // no change: no hook, no UPDATE
    selfsame::assert_statements!(session, 1, { session.flush()? });
    session.commit()?;

    // ANCHOR: retire
    session[hook].deleted_at = Some(Utc::now());
    session.commit()?;
    assert_eq!(Article::live().count(&mut session)?, 2);
    session.delete(hook)?;
    assert!(session.commit().is_err());
    session.rollback()?;
    // ANCHOR_END: retire
    assert_eq!(Article::query().count(&mut session)?, 3);

    let search = Search {
        words: vec!["Handles".to_owned(), "Sessions".to_owned()],
        since: Some(Utc::now() - Duration::days(1)),
        newest_first: false,
    };
    assert_eq!(search.query().all(&mut session)?, [handle, handles[2]]);

    let taken = rename(&mut session, handle, "Sessions");
    assert_eq!(taken, Err(Failure::TitleTaken));
    assert_eq!(rename(&mut session, handle, "Handles"), Ok(()));

    // ANCHOR: json
    let pages = || cast::<i32, _>(json_text(Article::FACTS, ["pages"]));
    let long: Vec<String> = Article::query()
        .filter(pages().ge(5))
        .order_by(pages().desc())
        .select(Article::TITLE)
        .all(&mut session)?;
    assert_eq!(long, ["Sessions", "Hooks"]);
    // ANCHOR_END: json

    // ANCHOR: objects
    let keys: Vec<i64> = session
        .sql("SELECT id FROM articles WHERE lower(title) = ?", ("hooks",))
        .all()?;
    let found = session.get_many::<Article>(keys)?;
    assert_eq!(found, [hook]);
    // ANCHOR_END: objects

    full_text(&engine, &mut session)?;

    // ANCHOR: dates
    let week_ago = Utc::now() - Duration::days(7);
    let recent = Article::query()
        .filter(Article::CREATED_AT.ge(week_ago))
        .count(&mut session)?;
    assert_eq!(recent, 3);
    let by_year: Vec<(Option<i32>, i64)> = Article::query()
        .select((date_part(DatePart::Year, Article::CREATED_AT), count_all()))
        .group_by(date_part(DatePart::Year, Article::CREATED_AT))
        .all(&mut session)?;
    // ANCHOR_END: dates
    assert!(!by_year.is_empty());

    // ANCHOR: stream
    let mut length = 0;
    Article::query().for_each(&mut session, |article| {
        length += article.title.len(); // one row in memory at a time
        Ok(())
    })?;
    // ANCHOR_END: stream
    assert!(length > 0);

    let acme = tenant("postgres://app@localhost/app", "acme")?;
    assert_eq!(acme.dialect().name(), "postgres");
    session.commit()?; // a database in memory has one connection
    let engines = Engines {
        primary: engine.clone(),
        replica: engine,
    };
    let count = engines.read(|session| Article::live().count(session))?;
    assert_eq!(count, 2);
    let add = |session: &mut Session| Ok(session.add(Article::new("Hints", facts(1))));
    let refused = engines.read(add).map_err(|error| error.kind());
    assert_eq!(refused, Err(ErrorKind::ReadOnly));
    assert!(engines.write(add).is_ok());
    Ok(())
}

fn full_text(engine: &Engine, session: &mut Session) -> Result<()> {
    // ANCHOR: full_text
    let matches = match engine.dialect().name() {
        "postgres" => "to_tsvector('english', title) @@ plainto_tsquery('english', ?)",
        "mariadb" => "MATCH (title) AGAINST (?)", // needs a FULLTEXT index
        _ => "lower(title) LIKE '%' || lower(?) || '%'", // or a virtual table of FTS5
    };
    // ANCHOR_END: full_text
    if engine.dialect().name() == "mariadb" {
        session.commit()?;
        let index = "CREATE FULLTEXT INDEX articles_title ON articles (title)";
        let index = Sql::new(StatementKind::Ddl, index, [], []);
        engine.connect()?.execute(&index, &[])?;
    }
    // ANCHOR: matching
    let statement = format!("SELECT id FROM articles WHERE {matches} ORDER BY id");
    let keys: Vec<i64> = session.sql(statement, ("sessions",)).all()?;
    let articles = session.get_many::<Article>(keys)?;
    // ANCHOR_END: matching
    let titles: Vec<&str> = articles.iter().map(|&a| &*session[a].title).collect();
    assert_eq!(titles, ["Sessions"]);
    Ok(())
}

// ANCHOR: tenant
fn tenant(url: &str, schema: &str) -> Result<Engine> {
    Ok(Engine::new(Postgres::url(url)?.schema(schema)))
}
// ANCHOR_END: tenant

// ANCHOR: replica
pub struct Engines {
    pub primary: Engine,
    pub replica: Engine,
}

impl Engines {
    pub fn read<T>(&self, work: impl FnOnce(&mut Session) -> Result<T>) -> Result<T> {
        let options = TransactionOptions::new().read_only();
        Session::new(&self.replica).transaction_with(options, work)
    }

    pub fn write<T>(&self, work: impl FnOnce(&mut Session) -> Result<T>) -> Result<T> {
        Session::new(&self.primary).transaction(work)
    }
}
// ANCHOR_END: replica
