//! The entities of the ORM's cases, and an engine that counts statements.

use std::sync::{Arc, Mutex, PoisonError};

use selfsame::backend::{Sql, StatementKind};
use selfsame::engine::Event;
use selfsame::prelude::*;

use crate::case::CaseResult;
use crate::context::Context;

/// A user with tasks; deleting a user keeps the tasks without an owner.
#[derive(Entity, Clone, Debug)]
#[orm(table = "users")]
pub(crate) struct User {
    #[orm(primary_key)]
    pub(crate) id: Auto<i64>,
    #[orm(unique, length = 50)]
    pub(crate) name: String,
    pub(crate) age: Option<i32>,
    pub(crate) score: Option<f64>,
    pub(crate) photo: Option<Vec<u8>>,
    #[orm(back_populates = user)]
    pub(crate) tasks: HasMany<Task>,
}

/// A task that may have an owner.
#[derive(Entity, Clone, Debug)]
#[orm(table = "tasks")]
pub(crate) struct Task {
    #[orm(primary_key)]
    pub(crate) id: Auto<i64>,
    pub(crate) title: String,
    #[orm(default = false)]
    pub(crate) done: bool,
    #[orm(references = "users.id")]
    pub(crate) user_id: Option<i64>,
    #[orm(back_populates = tasks)]
    pub(crate) user: BelongsTo<User>,
}

/// A folder owns its papers: they are deleted with it, or when they are removed from it.
#[derive(Entity, Clone, Debug)]
#[orm(table = "folders")]
pub(crate) struct Folder {
    #[orm(primary_key)]
    pub(crate) id: Auto<i64>,
    pub(crate) label: String,
    #[orm(back_populates = folder, cascade = "all, delete-orphan")]
    pub(crate) papers: HasMany<Paper>,
}

/// A paper requires its folder.
#[derive(Entity, Clone, Debug)]
#[orm(table = "papers")]
pub(crate) struct Paper {
    #[orm(primary_key)]
    pub(crate) id: Auto<i64>,
    pub(crate) title: String,
    #[orm(references = "folders.id")]
    pub(crate) folder_id: i64,
    #[orm(back_populates = papers)]
    pub(crate) folder: BelongsTo<Folder>,
}

/// A seat with a composite key that the program assigns.
#[derive(Entity, Clone, Debug)]
#[orm(table = "seats")]
pub(crate) struct Seat {
    #[orm(primary_key)]
    pub(crate) block: String,
    #[orm(primary_key)]
    pub(crate) number: i32,
    pub(crate) guest: Option<String>,
}

/// A node of a tree: a self-referential relation.
#[derive(Entity, Clone, Debug)]
#[orm(table = "nodes")]
pub(crate) struct Node {
    #[orm(primary_key)]
    pub(crate) id: Auto<i64>,
    pub(crate) label: String,
    #[orm(references = "nodes.id")]
    pub(crate) parent_id: Option<i64>,
    #[orm(back_populates = children)]
    pub(crate) parent: BelongsTo<Node>,
    #[orm(back_populates = parent, order_by = "label desc")]
    pub(crate) children: HasMany<Node>,
}

/// A letter with a version column; the program assigns its key.
#[derive(Entity, Clone, Debug)]
#[orm(table = "letters")]
pub(crate) struct Letter {
    #[orm(primary_key)]
    pub(crate) name: String,
    pub(crate) text: String,
    #[orm(version)]
    pub(crate) version: i64,
}

/// A line of a bill; the database computes its total.
#[derive(Entity, Clone, Debug)]
#[orm(table = "bill_lines")]
pub(crate) struct BillLine {
    #[orm(primary_key)]
    pub(crate) number: i32,
    pub(crate) price: i64,
    pub(crate) amount: i64,
    #[orm(computed = "price * amount")]
    pub(crate) total: Auto<i64>,
}

/// A light of one colour.
#[derive(Entity, Clone, Debug)]
#[orm(table = "lamps")]
pub(crate) struct Lamp {
    #[orm(primary_key)]
    pub(crate) id: Auto<i64>,
    pub(crate) colour: Colour,
    pub(crate) before: Option<Colour>,
}

/// Stored as text, with custom labels.
#[derive(DbEnum, Clone, Copy, Debug, PartialEq)]
pub(crate) enum Colour {
    Red,
    #[orm(label = "dark green")]
    DarkGreen,
}

/// An engine on the database of a case, with the tables of the entities above, that counts statements.
pub(crate) struct World {
    pub(crate) engine: Engine,
    seen: Arc<Mutex<Vec<Seen>>>,
}

#[derive(Clone, Debug)]
struct Seen {
    kind: StatementKind,
    text: String,
}

/// The number of statements sent of each kind; a batch counts as one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) select: usize,
    pub(crate) insert: usize,
    pub(crate) update: usize,
    pub(crate) delete: usize,
    pub(crate) transaction: usize,
}

impl Sent {
    pub(crate) const NOTHING: Self = Self {
        select: 0,
        insert: 0,
        update: 0,
        delete: 0,
        transaction: 0,
    };

    /// Returns all except transaction commands.
    pub(crate) fn rows(self) -> usize {
        self.select + self.insert + self.update + self.delete
    }
}

impl World {
    /// Creates the tables.
    pub(crate) fn new(context: &Context) -> CaseResult<Self> {
        let tables = metadata![User, Task, Folder, Paper, Seat, Node, Lamp, Letter];
        Self::of(context, &tables)
    }

    /// Creates these tables instead.
    pub(crate) fn of(context: &Context, tables: &Metadata) -> CaseResult<Self> {
        let engine = Engine::from_backend(context.backend());
        tables.create_all(&engine)?;
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        engine.observe(move |event: &Event<'_>| {
            log.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(Seen {
                    kind: event.sql.kind(),
                    text: event.sql.text().to_owned(),
                });
        });
        Ok(Self { engine, seen })
    }

    pub(crate) fn session(&self) -> Session {
        Session::new(&self.engine)
    }

    /// Deletes all rows of some tables, in this order.
    pub(crate) fn empty(&self, tables: &[&str]) -> CaseResult {
        let mut connection = self.engine.connect()?;
        for table in tables {
            let mut text = "DELETE FROM ".to_owned();
            self.engine.dialect().quote(table, &mut text);
            let sql = Sql::new(StatementKind::Delete, text, [], []);
            connection.execute(&sql, &[])?;
        }
        Ok(())
    }

    /// Returns the statements sent since the last call.
    pub(crate) fn sent(&self) -> Sent {
        let mut sent = Sent::default();
        for seen in self.drain() {
            match seen.kind {
                StatementKind::Select => sent.select += 1,
                StatementKind::Insert => sent.insert += 1,
                StatementKind::Update => sent.update += 1,
                StatementKind::Delete => sent.delete += 1,
                StatementKind::Transaction => sent.transaction += 1,
                _ => {}
            }
        }
        sent
    }

    /// Returns the SQL of one kind sent since the last call.
    pub(crate) fn texts(&self, kind: StatementKind) -> Vec<String> {
        let all = self.drain();
        all.into_iter()
            .filter(|seen| seen.kind == kind)
            .map(|seen| seen.text)
            .collect()
    }

    fn drain(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads all users from the database, by key.
    pub(crate) fn users(&self) -> CaseResult<Vec<User>> {
        let mut session = self.session();
        let users = User::query().order_by(User::ID.asc()).rows(&mut session)?;
        drop(session);
        self.drain();
        Ok(users)
    }

    /// Reads all tasks from the database, by key.
    pub(crate) fn tasks(&self) -> CaseResult<Vec<Task>> {
        let mut session = self.session();
        let tasks = Task::query().order_by(Task::ID.asc()).rows(&mut session)?;
        drop(session);
        self.drain();
        Ok(tasks)
    }

    /// Reads all papers from the database, by key.
    pub(crate) fn papers(&self) -> CaseResult<Vec<Paper>> {
        let mut session = self.session();
        let papers = Paper::query()
            .order_by(Paper::ID.asc())
            .rows(&mut session)?;
        drop(session);
        self.drain();
        Ok(papers)
    }

    /// Commits users with these names in a separate session, and returns their keys.
    pub(crate) fn with_users(&self, names: &[&str]) -> CaseResult<Vec<i64>> {
        let mut session = self.session();
        let handles = session.add_all(
            names
                .iter()
                .map(|&name| User::new(name))
                .collect::<Vec<_>>(),
        );
        session.commit()?;
        let keys = handles
            .into_iter()
            .filter_map(|handle| session[handle].id.get().copied())
            .collect();
        self.drain();
        Ok(keys)
    }

    /// Commits a user with tasks of these titles, and returns the user's key.
    pub(crate) fn with_tasks(&self, name: &str, titles: &[&str]) -> CaseResult<i64> {
        let mut session = self.session();
        let user = session.add(User::new(name));
        for &title in titles {
            let task = session.add(Task::new(title));
            session.set(task, Task::USER, Some(user))?;
        }
        session.commit()?;
        let key = session[user].id.get().copied().unwrap_or(-1);
        self.drain();
        Ok(key)
    }
}
