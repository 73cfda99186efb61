//! Selfsame, and raw SQL over the driver that it uses: `peer-selfsame [raw]`.

use std::collections::HashMap;
use std::hint::black_box;

use lockstep::{Found, New, Peer, Result, Workload, serve};
use rusqlite::{Connection, OpenFlags, params};
use selfsame::backend::{Sql, StatementKind};
use selfsame::prelude::*;
use selfsame_postgres::Postgres;
use selfsame_sqlite::Sqlite;

#[derive(Entity, Clone, Debug)]
#[orm(table = "users")]
struct User {
    #[orm(primary_key)]
    id: Auto<i64>,
    name: String,
    hair_color: Option<String>,
    #[orm(back_populates = user)]
    posts: HasMany<Post>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "posts")]
struct Post {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(references = "users.id", index)]
    user_id: i64,
    title: String,
    body: Option<String>,
    #[orm(back_populates = posts)]
    user: BelongsTo<User>,
    #[orm(back_populates = post)]
    comments: HasMany<Comment>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "comments")]
struct Comment {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(references = "posts.id", index)]
    post_id: i64,
    text: String,
    #[orm(back_populates = comments)]
    post: BelongsTo<Post>,
}

/// A user with columns only.
#[derive(Entity, Clone, Debug)]
#[orm(table = "users")]
struct Bare {
    #[orm(primary_key)]
    id: Auto<i64>,
    name: String,
    hair_color: Option<String>,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        [] => serve(Orm {
            engine: Engine::new(Sqlite::memory()),
            is_postgres: false,
        }),
        ["raw"] => serve(Raw(open_sqlite()?)),
        ["postgres", url] => serve(Orm {
            engine: Engine::new(Postgres::url(url)?),
            is_postgres: true,
        }),
        ["raw", "postgres", url] => serve(RawPostgres::connect(url)?),
        ["create-database", url, name] => {
            let mut client = postgres::Client::connect(url, postgres::NoTls)?;
            client.batch_execute(&format!("DROP DATABASE IF EXISTS {name}"))?;
            Ok(client.batch_execute(&format!("CREATE DATABASE {name}"))?)
        }
        _ => Err("usage: peer-selfsame [raw] [postgres URL] | create-database URL NAME".into()),
    }
}

struct Orm {
    engine: Engine,
    is_postgres: bool,
}

impl Peer for Orm {
    fn create(&mut self, tables: &[&str]) -> Result<()> {
        for table in ["comments", "posts", "users"] {
            self.batch(&[format!("DROP TABLE IF EXISTS {table}")])?;
        }
        let tables: Vec<String> = tables.iter().map(|&table| table.to_owned()).collect();
        self.batch(&tables)
    }

    fn batch(&mut self, statements: &[String]) -> Result<()> {
        let mut connection = self.engine.connect()?;
        for text in statements {
            connection.execute(&Sql::new(StatementKind::Raw, text, [], []), &[])?;
        }
        Ok(())
    }

    fn is_postgres(&self) -> bool {
        self.is_postgres
    }

    fn run(
        &mut self,
        workload: Workload,
        new: &New,
        keys: &[i64],
        found: &mut Found,
    ) -> Result<()> {
        let mut session = Session::new(&self.engine);
        let users = match workload {
            Workload::Load => User::query().all(&mut session)?,
            Workload::Insert => {
                let users = (0..new.count).map(New::user).map(|(name, hair_color)| User {
                    hair_color,
                    ..User::new(name)
                });
                let users: Vec<Handle<User>> = users.map(|user| session.add(user)).collect();
                session.commit()?;
                users.iter().for_each(|&user| found.key(*session[user].id));
                black_box((users, session));
                return Ok(());
            }
            Workload::Get => {
                let mut users = Vec::with_capacity(keys.len());
                for &key in keys {
                    users.extend(session.get::<User>(key)?);
                }
                users
            }
            Workload::Update => {
                let users = User::query().all(&mut session)?;
                for &user in &users {
                    session[user].hair_color = Some(new.color.clone());
                }
                session.commit()?;
                users
            }
            Workload::Delete => return delete::<Bare>(session, found),
            Workload::DeleteRelated => return delete::<User>(session, found),
            Workload::Associations => {
                let along = User::POSTS.selectin().then(Post::COMMENTS.selectin());
                User::query().with(along).all(&mut session)?
            }
        };
        for &user in &users {
            let it = &session[user];
            found.user(*it.id, &it.name, it.hair_color.as_deref());
            if workload != Workload::Associations || !found.is_wanted() {
                continue;
            }
            for post in session.loaded(user, User::POSTS)?.unwrap_or_default() {
                let it = &session[post];
                found.post(it.user_id, *it.id, &it.title, it.body.as_deref());
                for comment in session.loaded(post, Post::COMMENTS)?.unwrap_or_default() {
                    let it = &session[comment];
                    found.comment(it.post_id, *it.id, &it.text);
                }
            }
        }
        black_box((users, session));
        Ok(())
    }
}

fn delete<E: Entity>(mut session: Session, found: &mut Found) -> Result<()> {
    let users = E::query().all(&mut session)?;
    for &user in &users {
        session.delete(user)?;
    }
    session.commit()?;
    left(E::query().count(&mut session)?, found);
    black_box((users, session));
    Ok(())
}

/// Adds the number of remaining rows.
fn left(count: u64, found: &mut Found) {
    found.row(&["left", &count.to_string()]);
}

struct RawUser {
    id: i64,
    name: String,
    hair_color: Option<String>,
}

struct RawPost {
    id: i64,
    user_id: i64,
    title: String,
    body: Option<String>,
}

struct RawComment {
    id: i64,
    post_id: i64,
    text: String,
}

/// Users with their posts with their comments.
type Tree = Vec<(RawUser, Vec<(RawPost, Vec<RawComment>)>)>;

struct Raw(Connection);

fn open_sqlite() -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags("file:/peer-raw?vfs=memdb", flags)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.execute_batch("PRAGMA foreign_keys = ON")?;
    Ok(connection)
}

impl Peer for Raw {
    fn create(&mut self, tables: &[&str]) -> Result<()> {
        for table in ["comments", "posts", "users"] {
            self.0.execute_batch(&format!("DROP TABLE IF EXISTS {table}"))?;
        }
        Ok(self.0.execute_batch(&tables.join(";"))?)
    }

    fn batch(&mut self, statements: &[String]) -> Result<()> {
        statements
            .iter()
            .try_for_each(|text| Ok(self.0.execute_batch(text)?))
    }

    fn run(
        &mut self,
        workload: Workload,
        new: &New,
        keys: &[i64],
        found: &mut Found,
    ) -> Result<()> {
        match workload {
            Workload::Load => {
                let transaction = self.0.transaction()?;
                add_users(users(&transaction)?, found);
            }
            Workload::Insert => {
                let keys = insert(&mut self.0, new.count)?;
                keys.iter().for_each(|&key| found.key(key));
                black_box(keys);
            }
            Workload::Get => {
                let transaction = self.0.transaction()?;
                let text = "SELECT id, name, hair_color FROM users WHERE id = ?1";
                let mut all = Vec::with_capacity(keys.len());
                for key in keys {
                    let mut select = transaction.prepare_cached(text)?;
                    all.push(select.query_row([key], user)?);
                }
                add_users(all, found);
            }
            Workload::Update => {
                let transaction = self.0.transaction()?;
                let mut all = users(&transaction)?;
                {
                    let text = "UPDATE users SET hair_color = ?1 WHERE id = ?2";
                    let mut update = transaction.prepare_cached(text)?;
                    for user in &mut all {
                        user.hair_color = Some(new.color.clone());
                        update.execute(params![user.hair_color, user.id])?;
                    }
                }
                transaction.commit()?;
                add_users(all, found);
            }
            Workload::Delete | Workload::DeleteRelated => {
                let transaction = self.0.transaction()?;
                let all = users(&transaction)?;
                {
                    let mut delete =
                        transaction.prepare_cached("DELETE FROM users WHERE id = ?1")?;
                    for user in &all {
                        delete.execute([user.id])?;
                    }
                }
                transaction.commit()?;
                let mut count = self.0.prepare_cached("SELECT count(*) FROM users")?;
                let count: i64 = count.query_row([], |row| row.get(0))?;
                left(u64::try_from(count)?, found);
                black_box(all);
            }
            Workload::Associations => {
                let tree = sqlite_tree(&mut self.0)?;
                tell_tree(tree, found);
            }
        }
        Ok(())
    }
}

fn user(row: &rusqlite::Row<'_>) -> rusqlite::Result<RawUser> {
    Ok(RawUser {
        id: row.get(0)?,
        name: row.get(1)?,
        hair_color: row.get(2)?,
    })
}

fn users(connection: &Connection) -> Result<Vec<RawUser>> {
    let mut select = connection.prepare_cached("SELECT id, name, hair_color FROM users")?;
    let users = select.query_map([], user)?;
    Ok(users.collect::<Result<_, _>>()?)
}

fn insert(connection: &mut Connection, count: usize) -> Result<Vec<i64>> {
    let text = "INSERT INTO users (name, hair_color) VALUES (?1, ?2)";
    let new: Vec<_> = (0..count).map(New::user).collect();
    if let [(name, color)] = &new[..] {
        // A single statement needs no transaction.
        return Ok(vec![
            connection.prepare_cached(text)?.insert(params![name, color])?,
        ]);
    }
    let transaction = connection.transaction()?;
    let mut keys = Vec::with_capacity(count);
    {
        let mut insert = transaction.prepare_cached(text)?;
        for (name, color) in &new {
            keys.push(insert.insert(params![name, color])?);
        }
    }
    transaction.commit()?;
    Ok(keys)
}

fn sqlite_tree(connection: &mut Connection) -> Result<Tree> {
    let transaction = connection.transaction()?;
    let all = users(&transaction)?;
    let list = |count: usize| vec!["?"; count].join(", ");
    let text = format!(
        "SELECT id, user_id, title, body FROM posts WHERE user_id IN ({}) ORDER BY id",
        list(all.len())
    );
    let mut select = transaction.prepare_cached(&text)?;
    let ids = rusqlite::params_from_iter(all.iter().map(|user| user.id));
    let posts = select.query_map(ids, |row| {
        Ok(RawPost {
            id: row.get(0)?,
            user_id: row.get(1)?,
            title: row.get(2)?,
            body: row.get(3)?,
        })
    })?;
    let posts: Vec<RawPost> = posts.collect::<Result<_, _>>()?;
    let text = format!(
        "SELECT id, post_id, text FROM comments WHERE post_id IN ({}) ORDER BY id",
        list(posts.len())
    );
    let mut select = transaction.prepare_cached(&text)?;
    let ids = rusqlite::params_from_iter(posts.iter().map(|post| post.id));
    let comments = select.query_map(ids, |row| {
        Ok(RawComment {
            id: row.get(0)?,
            post_id: row.get(1)?,
            text: row.get(2)?,
        })
    })?;
    Ok(grow(all, posts, comments.collect::<Result<_, _>>()?))
}

fn grow(users: Vec<RawUser>, posts: Vec<RawPost>, comments: Vec<RawComment>) -> Tree {
    let mut of_post: HashMap<i64, Vec<RawComment>> = HashMap::with_capacity(posts.len());
    for comment in comments {
        of_post.entry(comment.post_id).or_default().push(comment);
    }
    let mut of_user: HashMap<i64, Vec<_>> = HashMap::with_capacity(users.len());
    for post in posts {
        let comments = of_post.remove(&post.id).unwrap_or_default();
        let posts: &mut Vec<_> = of_user.entry(post.user_id).or_default();
        posts.push((post, comments));
    }
    let grown = users.into_iter().map(|user| {
        let posts = of_user.remove(&user.id).unwrap_or_default();
        (user, posts)
    });
    grown.collect()
}

fn add_users(users: Vec<RawUser>, found: &mut Found) {
    for user in &users {
        found.user(user.id, &user.name, user.hair_color.as_deref());
    }
    black_box(users);
}

fn tell_tree(tree: Tree, found: &mut Found) {
    for (user, posts) in &tree {
        found.user(user.id, &user.name, user.hair_color.as_deref());
        for (post, comments) in posts {
            found.post(post.user_id, post.id, &post.title, post.body.as_deref());
            for comment in comments {
                found.comment(comment.post_id, comment.id, &comment.text);
            }
        }
    }
    black_box(tree);
}

/// Raw SQL on PostgreSQL: prepared statements, and a loop over rows.
struct RawPostgres {
    client: postgres::Client,
    prepared: HashMap<String, postgres::Statement>,
}

impl RawPostgres {
    fn connect(url: &str) -> Result<Self> {
        Ok(Self {
            client: postgres::Client::connect(url, postgres::NoTls)?,
            prepared: HashMap::new(),
        })
    }

    fn prepare(&mut self, text: &str) -> Result<postgres::Statement> {
        if let Some(known) = self.prepared.get(text) {
            return Ok(known.clone());
        }
        let new = self.client.prepare(text)?;
        self.prepared.insert(text.to_owned(), new.clone());
        Ok(new)
    }
}

fn postgres_user(row: &postgres::Row) -> Result<RawUser> {
    Ok(RawUser {
        id: row.try_get(0)?,
        name: row.try_get(1)?,
        hair_color: row.try_get(2)?,
    })
}

impl Peer for RawPostgres {
    fn create(&mut self, tables: &[&str]) -> Result<()> {
        self.prepared.clear();
        let drop = "DROP TABLE IF EXISTS comments, posts, users";
        self.client.batch_execute(drop)?;
        Ok(self.client.batch_execute(&tables.join(";"))?)
    }

    fn batch(&mut self, statements: &[String]) -> Result<()> {
        Ok(self.client.batch_execute(&statements.join(";"))?)
    }

    fn is_postgres(&self) -> bool {
        true
    }

    fn run(
        &mut self,
        workload: Workload,
        new: &New,
        keys: &[i64],
        found: &mut Found,
    ) -> Result<()> {
        let all = self.prepare("SELECT id, name, hair_color FROM users")?;
        let load = |transaction: &mut postgres::Transaction<'_>| -> Result<Vec<RawUser>> {
            let rows = transaction.query(&all, &[])?;
            rows.iter().map(postgres_user).collect()
        };
        match workload {
            Workload::Load => add_users(load(&mut self.client.transaction()?)?, found),
            Workload::Insert => {
                let new: Vec<_> = (0..new.count).map(New::user).collect();
                let values = (0..new.len()).map(|at| format!("(${}, ${})", 2 * at + 1, 2 * at + 2));
                let insert = self.prepare(&format!(
                    "INSERT INTO users (name, hair_color) VALUES {} RETURNING id",
                    values.collect::<Vec<_>>().join(", ")
                ))?;
                let mut parameters: Vec<&(dyn postgres::types::ToSql + Sync)> = Vec::new();
                for (name, color) in &new {
                    parameters.push(name);
                    parameters.push(color);
                }
                let rows = self.client.query(&insert, &parameters)?;
                for row in &rows {
                    found.key(row.try_get(0)?);
                }
            }
            Workload::Get => {
                let get = self.prepare("SELECT id, name, hair_color FROM users WHERE id = $1")?;
                let mut transaction = self.client.transaction()?;
                let mut all = Vec::with_capacity(keys.len());
                for key in keys {
                    all.push(postgres_user(&transaction.query_one(&get, &[key])?)?);
                }
                add_users(all, found);
            }
            Workload::Update => {
                let update = self.prepare("UPDATE users SET hair_color = $1 WHERE id = $2")?;
                let mut transaction = self.client.transaction()?;
                let mut users = load(&mut transaction)?;
                for user in &mut users {
                    user.hair_color = Some(new.color.clone());
                    transaction.execute(&update, &[&user.hair_color, &user.id])?;
                }
                transaction.commit()?;
                add_users(users, found);
            }
            Workload::Delete | Workload::DeleteRelated => {
                let delete = self.prepare("DELETE FROM users WHERE id = $1")?;
                let mut transaction = self.client.transaction()?;
                let users = load(&mut transaction)?;
                for user in &users {
                    transaction.execute(&delete, &[&user.id])?;
                }
                transaction.commit()?;
                let count: i64 = self.client.query_one("SELECT count(*) FROM users", &[])?.try_get(0)?;
                left(u64::try_from(count)?, found);
            }
            Workload::Associations => {
                let posts = self.prepare(
                    "SELECT id, user_id, title, body FROM posts WHERE user_id = ANY($1) ORDER BY id",
                )?;
                let comments = self.prepare(
                    "SELECT id, post_id, text FROM comments WHERE post_id = ANY($1) ORDER BY id",
                )?;
                let mut transaction = self.client.transaction()?;
                let users = load(&mut transaction)?;
                let ids: Vec<i64> = users.iter().map(|user| user.id).collect();
                let post = |row: &postgres::Row| -> Result<RawPost> {
                    Ok(RawPost {
                        id: row.try_get(0)?,
                        user_id: row.try_get(1)?,
                        title: row.try_get(2)?,
                        body: row.try_get(3)?,
                    })
                };
                let rows = transaction.query(&posts, &[&ids])?;
                let posts: Vec<RawPost> = rows.iter().map(post).collect::<Result<_>>()?;
                let ids: Vec<i64> = posts.iter().map(|post| post.id).collect();
                let comment = |row: &postgres::Row| -> Result<RawComment> {
                    Ok(RawComment {
                        id: row.try_get(0)?,
                        post_id: row.try_get(1)?,
                        text: row.try_get(2)?,
                    })
                };
                let rows = transaction.query(&comments, &[&ids])?;
                let comments = rows.iter().map(comment).collect::<Result<_>>()?;
                tell_tree(grow(users, posts, comments), found);
            }
        }
        Ok(())
    }
}
