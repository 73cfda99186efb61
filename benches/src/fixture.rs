//! `Fixture`: one workload at one size on one database, with every arm that can do it.

use std::fmt;

use selfsame::backend::{Sql, StatementKind};
use selfsame::session::Session;
use selfsame::{Engine, Entity};
use selfsame_postgres::testing::{Database, Server};
use selfsame_sqlite::Sqlite;

use crate::digest::Digest;
use crate::raw::{self, Client, PostgresClient, SqliteClient};
use crate::rows::{new_hair_color, new_name, shuffled_keys, statements};
use crate::schema::{User, tables};
use crate::workload::{Arm, Backend, Workload};
use crate::{Error, Result, core, orm};

/// Where the tables of a workload are made.
#[derive(Clone, Debug)]
pub enum Site {
    /// A SQLite database in memory, one for the raw arm and one for the ORM's.
    Sqlite,
    /// A schema of this PostgreSQL server, shared by all arms.
    Postgres(Server),
}

/// One workload at one size, ready to run.
pub struct Fixture {
    workload: Workload,
    size: usize,
    engine: Engine,
    raw: Box<dyn Client>,
    keys: Vec<i64>,
    /// The session of [`Workload::PkWarm`].
    warm: Option<Session>,
    /// How often the rows were changed since they were prepared.
    round: u64,
    backend: Backend,
    /// Dropped last: closing it drops the tables.
    _database: Option<Database>,
}

impl Site {
    /// The backend.
    pub fn backend(&self) -> Backend {
        match self {
            Self::Sqlite => Backend::Sqlite,
            Self::Postgres(_) => Backend::Postgres,
        }
    }
}

impl Fixture {
    /// Makes the tables and their rows.
    ///
    /// # Errors
    ///
    /// Whatever the database gives.
    pub fn new(site: &Site, workload: Workload, size: usize) -> Result<Self> {
        let (engine, raw, database): (_, Box<dyn Client>, _) = match site {
            Site::Sqlite => (
                Engine::new(Sqlite::memory()),
                Box::new(SqliteClient::open()?),
                None,
            ),
            Site::Postgres(server) => {
                let database = server.database()?;
                let raw = PostgresClient::connect(&database.url())?;
                (
                    Engine::new(database.backend()),
                    Box::new(raw),
                    Some(database),
                )
            }
        };
        let mut fixture = Self {
            workload,
            size,
            engine,
            raw,
            keys: shuffled_keys(size),
            warm: None,
            round: 0,
            backend: site.backend(),
            _database: database,
        };
        tables().create_all(&fixture.engine)?;
        if fixture.shares_tables() {
            for text in statements(workload, size) {
                fixture.raw.batch(&text)?;
            }
            fixture.raw.batch("ANALYZE")?;
            return Ok(fixture);
        }
        for sql in tables().create_statements(fixture.engine.dialect(), |_| Ok(false))? {
            fixture.raw.batch(sql.text())?;
        }
        for text in statements(workload, size) {
            fixture.raw.batch(&text)?;
            fixture.batch(&text)?;
        }
        Ok(fixture)
    }

    /// The workload.
    pub fn workload(&self) -> Workload {
        self.workload
    }

    /// How many users it has.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The backend that it runs on.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// The ORM's engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Puts the tables into the state in which runs begin. Not to be timed.
    ///
    /// # Errors
    ///
    /// Whatever the database gives.
    pub fn prepare(&mut self, arm: Arm) -> Result<()> {
        self.round = 0;
        self.warm = None;
        match (self.workload, self.backend) {
            (Workload::Insert, Backend::Sqlite) => self.batch_as(arm, "DELETE FROM users"),
            // By the arm's own connection: the others read the catalogue anew at their next statement.
            (Workload::Insert, Backend::Postgres) => {
                self.batch_as(arm, "TRUNCATE users RESTART IDENTITY CASCADE")
            }
            (Workload::Update, Backend::Sqlite) => self.batch_as(arm, &recolor()),
            (Workload::Update, Backend::Postgres) => {
                self.raw.batch(&recolor())?;
                self.raw.batch("VACUUM users")
            }
            (Workload::PkWarm, _) if arm == Arm::Tracked => {
                let mut session = Session::new(&self.engine);
                User::query().all(&mut session)?;
                self.warm = Some(session);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Runs the workload once.
    ///
    /// # Errors
    ///
    /// That the workload has no such arm; whatever the database gives.
    pub fn run(&mut self, arm: Arm, digest: &mut Digest) -> Result<()> {
        self.round += 1;
        match arm {
            Arm::Raw => self.run_raw(digest),
            Arm::Tracked => self.run_tracked(digest),
            Arm::Untracked => self.run_untracked(digest),
            Arm::Core => self.run_core(digest),
        }
    }

    /// Checks that all arms read the same and leave the same behind.
    ///
    /// # Errors
    ///
    /// Which arm differs; whatever the database gives.
    pub fn check_parity(&mut self) -> Result<()> {
        let expected = self.checksum(Arm::Raw)?;
        for &arm in self.workload.arms() {
            if self.checksum(arm)? != expected {
                return Err(format!(
                    "{} {} on {}: the {arm} arm reads or writes something else than the raw one",
                    self.workload, self.size, self.backend
                )
                .into());
            }
        }
        Ok(())
    }

    /// What one run of an arm reads and what it leaves in the table.
    fn checksum(&mut self, arm: Arm) -> Result<Option<u64>> {
        self.prepare(arm)?;
        let mut digest = Digest::on();
        self.run(arm, &mut digest)?;
        self.warm = None;
        match arm {
            Arm::Raw => {
                let users = self.raw.users()?;
                digest.take(users, |users, rows| {
                    users.iter().for_each(|user| rows.raw_user(user));
                });
            }
            _ => orm::all_rows(&self.engine, &mut digest)?,
        }
        Ok(digest.sum())
    }

    fn run_raw(&mut self, digest: &mut Digest) -> Result<()> {
        match self.workload {
            Workload::Trivial => {
                let users = self.raw.users()?;
                digest.take(users, |users, rows| {
                    users.iter().for_each(|user| rows.raw_user(user));
                });
            }
            Workload::Insert => {
                let new = |index| raw::NewUser {
                    name: new_name(index),
                    hair_color: new_hair_color(index),
                };
                let users: Vec<raw::NewUser> = (0..self.size).map(new).collect();
                let keys = self.raw.insert(&users)?;
                digest.take((users, keys), |(_, keys), rows| {
                    keys.iter().enumerate().for_each(|key| rows.add(key));
                });
            }
            Workload::PkCold | Workload::PkWarm | Workload::PkMany => {
                let users = self.raw.get_each(&self.keys)?;
                digest.take(users, |users, rows| {
                    users.iter().for_each(|user| rows.raw_user(user));
                });
            }
            Workload::Update => {
                let users = self.raw.update(&hair_color(self.round))?;
                digest.take(users, |users, rows| {
                    users.iter().for_each(|user| rows.raw_user(user));
                });
            }
            Workload::Associations => {
                let tree = self.raw.tree()?;
                digest.take(tree, |tree, rows| {
                    for (user, posts) in tree {
                        rows.raw_user(user);
                        for (post, comments) in posts {
                            rows.raw_post(user.id, post);
                            comments
                                .iter()
                                .for_each(|comment| rows.raw_comment(post.id, comment));
                        }
                    }
                });
            }
        }
        Ok(())
    }

    fn run_tracked(&mut self, digest: &mut Digest) -> Result<()> {
        let engine = &self.engine;
        match self.workload {
            Workload::Trivial => orm::all(engine, digest)?,
            Workload::Insert => orm::insert(engine, self.size, digest)?,
            Workload::PkCold => orm::get_each(engine, &self.keys, digest)?,
            Workload::PkWarm => {
                let session = self.warm.as_mut().ok_or("the map was not warmed")?;
                orm::get_known(session, &self.keys, digest)?;
            }
            Workload::PkMany => orm::get_many(engine, &self.keys, digest)?,
            Workload::Update => orm::update(engine, &hair_color(self.round), digest)?,
            Workload::Associations => orm::associations(engine, digest)?,
        }
        Ok(())
    }

    fn run_untracked(&self, digest: &mut Digest) -> Result<()> {
        match self.workload {
            Workload::Trivial => Ok(orm::all_rows(&self.engine, digest)?),
            workload => Err(no_such_arm(workload, Arm::Untracked)),
        }
    }

    fn run_core(&self, digest: &mut Digest) -> Result<()> {
        let engine = &self.engine;
        match self.workload {
            Workload::Trivial => core::all(engine, digest)?,
            Workload::PkCold => core::get_each(engine, &self.keys, digest)?,
            Workload::PkMany => core::get_many(engine, &self.keys, digest)?,
            Workload::Update => core::change(engine, &hair_color(self.round), digest)?,
            workload => return Err(no_such_arm(workload, Arm::Core)),
        }
        Ok(())
    }

    fn shares_tables(&self) -> bool {
        self.backend == Backend::Postgres
    }

    /// Runs a statement in the database of an arm.
    fn batch_as(&mut self, arm: Arm, text: &str) -> Result<()> {
        match arm {
            Arm::Raw => self.raw.batch(text),
            _ => self.batch(text),
        }
    }

    fn batch(&self, text: &str) -> Result<()> {
        let sql = Sql::new(StatementKind::Raw, text, [], []);
        self.engine.connect()?.execute(&sql, &[])?;
        Ok(())
    }
}

#[cold]
fn no_such_arm(workload: Workload, arm: Arm) -> Error {
    format!("{workload} has no {arm} arm").into()
}

impl fmt::Debug for Fixture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fixture")
            .field("workload", &self.workload)
            .field("size", &self.size)
            .field("backend", &self.backend)
            .finish_non_exhaustive()
    }
}

/// As long for every round, so that rows stay where they are.
fn hair_color(round: u64) -> String {
    format!("hair color {round:07}")
}

/// Gives all users the hair color of no round.
fn recolor() -> String {
    format!("UPDATE users SET hair_color = '{}'", hair_color(0))
}
