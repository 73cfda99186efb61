//! PostgreSQL over `postgres`: prepared statements, multi-row INSERTs, and loops where no multi-row form exists.

use std::collections::HashMap;

use postgres::types::ToSql;
use postgres::{Client as Driver, GenericClient, NoTls, Row, Statement};

use super::{Client, Comment, NewUser, Post, Tree, User, grow};
use crate::Result;

pub(crate) struct PostgresClient {
    pub(crate) driver: Driver,
    prepared: Option<Prepared>,
    /// INSERTs, by their number of rows.
    inserts: HashMap<usize, Statement>,
    /// Other statements, by their text.
    others: HashMap<&'static str, Statement>,
}

/// The statements that can be prepared once the tables exist.
#[derive(Clone)]
struct Prepared {
    users: Statement,
    get: Statement,
    update: Statement,
    posts: Statement,
    comments: Statement,
}

impl PostgresClient {
    pub(crate) fn connect(url: &str) -> Result<Self> {
        Ok(Self {
            driver: Driver::connect(url, NoTls)?,
            prepared: None,
            inserts: HashMap::new(),
            others: HashMap::new(),
        })
    }

    fn prepared(&mut self) -> Result<Prepared> {
        if let Some(prepared) = &self.prepared {
            return Ok(prepared.clone());
        }
        let prepared = Prepared {
            users: self
                .driver
                .prepare("SELECT id, name, hair_color FROM users")?,
            get: self
                .driver
                .prepare("SELECT id, name, hair_color FROM users WHERE id = $1")?,
            update: self
                .driver
                .prepare("UPDATE users SET hair_color = $1 WHERE id = $2")?,
            posts: self.driver.prepare(
                "SELECT id, user_id, title, body FROM posts WHERE user_id = ANY($1) ORDER BY id",
            )?,
            comments: self.driver.prepare(
                "SELECT id, post_id, text FROM comments WHERE post_id = ANY($1) ORDER BY id",
            )?,
        };
        Ok(self.prepared.insert(prepared).clone())
    }

    /// The driver, and one of its statements, prepared at its first use.
    pub(crate) fn statement(&mut self, text: &'static str) -> Result<(&mut Driver, Statement)> {
        let statement = match self.others.get(text) {
            Some(statement) => statement.clone(),
            None => {
                let statement = self.driver.prepare(text)?;
                self.others.insert(text, statement.clone());
                statement
            }
        };
        Ok((&mut self.driver, statement))
    }

    /// An INSERT of this many users that returns their keys.
    pub(crate) fn insert_of(&mut self, rows: usize) -> Result<Statement> {
        if let Some(insert) = self.inserts.get(&rows) {
            return Ok(insert.clone());
        }
        let values: Vec<String> = (0..rows)
            .map(|row| format!("(${}, ${})", 2 * row + 1, 2 * row + 2))
            .collect();
        let insert = self.driver.prepare(&format!(
            "INSERT INTO users (name, hair_color) VALUES {} RETURNING id",
            values.join(", ")
        ))?;
        self.inserts.insert(rows, insert.clone());
        Ok(insert)
    }
}

impl Client for PostgresClient {
    fn batch(&mut self, text: &str) -> Result<()> {
        Ok(self.driver.batch_execute(text)?)
    }

    fn texts(&mut self, text: &str) -> Result<Vec<String>> {
        let rows = self.driver.query(text, &[])?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    fn users(&mut self) -> Result<Vec<User>> {
        let prepared = self.prepared()?;
        let mut transaction = self.driver.transaction()?;
        all_users(&mut transaction, &prepared)
    }

    // A single statement needs no transaction.
    fn insert(&mut self, users: &[NewUser]) -> Result<Vec<i64>> {
        let insert = self.insert_of(users.len())?;
        let params: Vec<&(dyn ToSql + Sync)> = users
            .iter()
            .flat_map(|user| [&user.name as &(dyn ToSql + Sync), &user.hair_color])
            .collect();
        let rows = self.driver.query(&insert, &params)?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    fn get_each(&mut self, keys: &[i64]) -> Result<Vec<User>> {
        let prepared = self.prepared()?;
        let mut transaction = self.driver.transaction()?;
        keys.iter()
            .map(|key| user(&transaction.query_one(&prepared.get, &[key])?))
            .collect()
    }

    fn update(&mut self, hair_color: &str) -> Result<Vec<User>> {
        let prepared = self.prepared()?;
        let mut transaction = self.driver.transaction()?;
        let mut users = all_users(&mut transaction, &prepared)?;
        for user in &mut users {
            user.hair_color = Some(hair_color.to_owned());
            transaction.execute(&prepared.update, &[&user.hair_color, &user.id])?;
        }
        transaction.commit()?;
        Ok(users)
    }

    fn tree(&mut self) -> Result<Tree> {
        let prepared = self.prepared()?;
        let mut transaction = self.driver.transaction()?;
        let users = all_users(&mut transaction, &prepared)?;
        let keys: Vec<i64> = users.iter().map(|user| user.id).collect();
        let posts = transaction.query(&prepared.posts, &[&keys])?;
        let posts: Vec<Post> = posts.iter().map(post).collect::<Result<_>>()?;
        let keys: Vec<i64> = posts.iter().map(|post| post.id).collect();
        let comments = transaction.query(&prepared.comments, &[&keys])?;
        let comments = comments.iter().map(comment).collect::<Result<_>>()?;
        Ok(grow(users, posts, comments))
    }
}

fn all_users(client: &mut impl GenericClient, prepared: &Prepared) -> Result<Vec<User>> {
    client
        .query(&prepared.users, &[])?
        .iter()
        .map(user)
        .collect()
}

pub(crate) fn user(row: &Row) -> Result<User> {
    Ok(User {
        id: row.try_get(0)?,
        name: row.try_get(1)?,
        hair_color: row.try_get(2)?,
    })
}

fn post(row: &Row) -> Result<Post> {
    Ok(Post {
        id: row.try_get(0)?,
        user_id: row.try_get(1)?,
        title: row.try_get(2)?,
        body: row.try_get(3)?,
    })
}

pub(crate) fn comment(row: &Row) -> Result<Comment> {
    Ok(Comment {
        id: row.try_get(0)?,
        post_id: row.try_get(1)?,
        text: row.try_get(2)?,
    })
}
