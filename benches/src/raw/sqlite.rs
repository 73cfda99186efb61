//! SQLite over `rusqlite`: cached statements, a loop over rows, one transaction.

use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::{Connection, OpenFlags, Row, params, params_from_iter};

use super::{Client, Comment, NewUser, Post, Tree, User, grow};
use crate::Result;

/// How many statements are kept prepared: the driver's 16 would be enough.
const KEPT: usize = 64;

pub(crate) struct SqliteClient(pub(crate) Connection);

impl SqliteClient {
    /// A separate database in memory, of the same kind as the ORM's arms use.
    pub(crate) fn open() -> Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let connection = Connection::open_with_flags(
            format!("file:/selfsame-benches-raw-{number}?vfs=memdb"),
            OpenFlags::SQLITE_OPEN_READ_WRITE
                | OpenFlags::SQLITE_OPEN_CREATE
                | OpenFlags::SQLITE_OPEN_URI
                | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        connection.set_prepared_statement_cache_capacity(KEPT);
        connection.execute_batch("PRAGMA foreign_keys = ON")?;
        Ok(Self(connection))
    }
}

impl Client for SqliteClient {
    fn batch(&mut self, text: &str) -> Result<()> {
        Ok(self.0.execute_batch(text)?)
    }

    fn texts(&mut self, text: &str) -> Result<Vec<String>> {
        let mut select = self.0.prepare(text)?;
        let texts = select.query_map([], |row| row.get(0))?;
        Ok(texts.collect::<Result<_, _>>()?)
    }

    fn users(&mut self) -> Result<Vec<User>> {
        let transaction = self.0.transaction()?;
        all_users(&transaction)
    }

    fn insert(&mut self, users: &[NewUser]) -> Result<Vec<i64>> {
        // A single statement needs no transaction.
        if let [user] = users {
            return Ok(vec![insert_one(&self.0, user)?]);
        }
        let transaction = self.0.transaction()?;
        let keys = insert_each(&transaction, users)?;
        transaction.commit()?;
        Ok(keys)
    }

    fn get_each(&mut self, keys: &[i64]) -> Result<Vec<User>> {
        let transaction = self.0.transaction()?;
        keys.iter().map(|key| get(&transaction, *key)).collect()
    }

    fn update(&mut self, hair_color: &str) -> Result<Vec<User>> {
        let transaction = self.0.transaction()?;
        let mut users = all_users(&transaction)?;
        {
            let mut update =
                transaction.prepare_cached("UPDATE users SET hair_color = ?1 WHERE id = ?2")?;
            for user in &mut users {
                user.hair_color = Some(hair_color.to_owned());
                update.execute(params![user.hair_color, user.id])?;
            }
        }
        transaction.commit()?;
        Ok(users)
    }

    fn tree(&mut self) -> Result<Tree> {
        let transaction = self.0.transaction()?;
        let users = all_users(&transaction)?;
        let posts = posts_of(&transaction, &users)?;
        let comments = comments_on(&transaction, &posts)?;
        Ok(grow(users, posts, comments))
    }
}

pub(crate) fn all_users(connection: &Connection) -> Result<Vec<User>> {
    let mut select = connection.prepare_cached("SELECT id, name, hair_color FROM users")?;
    let users = select.query_map([], user)?.collect::<Result<_, _>>()?;
    Ok(users)
}

fn insert_each(connection: &Connection, users: &[NewUser]) -> Result<Vec<i64>> {
    let mut insert =
        connection.prepare_cached("INSERT INTO users (name, hair_color) VALUES (?1, ?2)")?;
    users
        .iter()
        .map(|user| Ok(insert.insert(params![user.name, user.hair_color])?))
        .collect()
}

fn insert_one(connection: &Connection, user: &NewUser) -> Result<i64> {
    let mut insert =
        connection.prepare_cached("INSERT INTO users (name, hair_color) VALUES (?1, ?2)")?;
    Ok(insert.insert(params![user.name, user.hair_color])?)
}

fn get(connection: &Connection, key: i64) -> Result<User> {
    let mut select =
        connection.prepare_cached("SELECT id, name, hair_color FROM users WHERE id = ?1")?;
    Ok(select.query_row([key], user)?)
}

fn posts_of(connection: &Connection, users: &[User]) -> Result<Vec<Post>> {
    let text = format!(
        "SELECT id, user_id, title, body FROM posts WHERE user_id IN ({}) ORDER BY id",
        placeholders(users.len())
    );
    let mut select = connection.prepare_cached(&text)?;
    let posts = select.query_map(params_from_iter(users.iter().map(|user| user.id)), |row| {
        Ok(Post {
            id: row.get(0)?,
            user_id: row.get(1)?,
            title: row.get(2)?,
            body: row.get(3)?,
        })
    })?;
    Ok(posts.collect::<Result<_, _>>()?)
}

fn comments_on(connection: &Connection, posts: &[Post]) -> Result<Vec<Comment>> {
    let text = format!(
        "SELECT id, post_id, text FROM comments WHERE post_id IN ({}) ORDER BY id",
        placeholders(posts.len())
    );
    let mut select = connection.prepare_cached(&text)?;
    let comments = select.query_map(params_from_iter(posts.iter().map(|post| post.id)), |row| {
        Ok(Comment {
            id: row.get(0)?,
            post_id: row.get(1)?,
            text: row.get(2)?,
        })
    })?;
    Ok(comments.collect::<Result<_, _>>()?)
}

pub(crate) fn user(row: &Row<'_>) -> rusqlite::Result<User> {
    Ok(User {
        id: row.get(0)?,
        name: row.get(1)?,
        hair_color: row.get(2)?,
    })
}

pub(crate) fn placeholders(count: usize) -> String {
    vec!["?"; count].join(", ")
}
