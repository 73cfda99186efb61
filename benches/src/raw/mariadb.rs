//! MariaDB over `mysql`: statements that the driver keeps prepared, multi-row INSERTs, and loops where no multi-row form exists.

use mysql::prelude::Queryable;
use mysql::{Conn, Opts, OptsBuilder, Params, Transaction, TxOpts, Value};

use super::sqlite::placeholders;
use super::{Client, Comment, NewUser, Post, Tree, User, grow};
use crate::Result;

/// How many statements are kept prepared: the driver's 32 would be enough.
const KEPT: usize = 64;

/// The SQL modes of the ORM's connections, which the workloads' queries need: strict, and `||` concatenates.
const SETTINGS: &str = "SET NAMES utf8mb4 COLLATE utf8mb4_nopad_bin, \
    SESSION sql_mode = 'STRICT_ALL_TABLES,ANSI_QUOTES,PIPES_AS_CONCAT'";

pub(crate) const ALL_USERS: &str = "SELECT id, name, hair_color FROM users";

pub(crate) struct MariaDbClient(pub(crate) Conn);

impl MariaDbClient {
    /// Connects by a URL of the backend, without its options, which the driver does not know.
    pub(crate) fn connect(url: &str) -> Result<Self> {
        let (address, _) = url.split_once('?').unwrap_or((url, ""));
        let address = match address.strip_prefix("mariadb://") {
            Some(rest) => format!("mysql://{rest}"),
            None => address.to_owned(),
        };
        let options = OptsBuilder::from_opts(Opts::from_url(&address)?)
            .prefer_socket(false)
            .stmt_cache_size(KEPT)
            .init(vec![SETTINGS]);
        Ok(Self(Conn::new(options)?))
    }

    pub(crate) fn begin(&mut self) -> Result<Transaction<'_>> {
        Ok(self.0.start_transaction(TxOpts::default())?)
    }
}

impl Client for MariaDbClient {
    fn batch(&mut self, text: &str) -> Result<()> {
        Ok(self.0.query_drop(text)?)
    }

    fn texts(&mut self, text: &str) -> Result<Vec<String>> {
        Ok(self.0.query(text)?)
    }

    fn users(&mut self) -> Result<Vec<User>> {
        all_users(&mut self.begin()?)
    }

    // A single statement needs no transaction.
    fn insert(&mut self, users: &[NewUser]) -> Result<Vec<i64>> {
        let text = format!("{} RETURNING id", insert_of(users.len()));
        Ok(self.0.exec(text, values(users))?)
    }

    fn get_each(&mut self, keys: &[i64]) -> Result<Vec<User>> {
        let mut transaction = self.begin()?;
        let got = keys.iter().map(|key| get(&mut transaction, *key));
        got.collect()
    }

    fn update(&mut self, hair_color: &str) -> Result<Vec<User>> {
        let mut transaction = self.begin()?;
        let mut users = all_users(&mut transaction)?;
        for user in &mut users {
            user.hair_color = Some(hair_color.to_owned());
            transaction.exec_drop(
                "UPDATE users SET hair_color = ? WHERE id = ?",
                (&user.hair_color, user.id),
            )?;
        }
        transaction.commit()?;
        Ok(users)
    }

    fn tree(&mut self) -> Result<Tree> {
        let mut transaction = self.begin()?;
        let users = all_users(&mut transaction)?;
        let list = placeholders(users.len());
        let posts: Vec<Post> = transaction.exec_map(
            format!(
                "SELECT id, user_id, title, body FROM posts WHERE user_id IN ({list}) ORDER BY id"
            ),
            keys(users.iter().map(|user| user.id)),
            |(id, user_id, title, body)| Post {
                id,
                user_id,
                title,
                body,
            },
        )?;
        let list = placeholders(posts.len());
        let comments = transaction.exec_map(
            format!("SELECT id, post_id, text FROM comments WHERE post_id IN ({list}) ORDER BY id"),
            keys(posts.iter().map(|post| post.id)),
            comment,
        )?;
        Ok(grow(users, posts, comments))
    }
}

pub(crate) fn all_users(driver: &mut impl Queryable) -> Result<Vec<User>> {
    Ok(driver.exec_map(ALL_USERS, (), user)?)
}

pub(crate) fn get(driver: &mut impl Queryable, key: i64) -> Result<User> {
    let found = driver.exec_first(
        "SELECT id, name, hair_color FROM users WHERE id = ?",
        (key,),
    )?;
    Ok(found.map(user).ok_or("no such user")?)
}

pub(crate) fn user((id, name, hair_color): (i64, String, Option<String>)) -> User {
    User {
        id,
        name,
        hair_color,
    }
}

pub(crate) fn comment((id, post_id, text): (i64, i64, String)) -> Comment {
    Comment { id, post_id, text }
}

/// An INSERT of this many users.
pub(crate) fn insert_of(rows: usize) -> String {
    let values = vec!["(?, ?)"; rows].join(", ");
    format!("INSERT INTO users (name, hair_color) VALUES {values}")
}

/// The parameters of [`insert_of`].
pub(crate) fn values(users: &[NewUser]) -> Params {
    let both = |user: &NewUser| [Value::from(&user.name), Value::from(&user.hair_color)];
    Params::Positional(users.iter().flat_map(both).collect())
}

/// The parameters of a list.
pub(crate) fn keys(keys: impl Iterator<Item = i64>) -> Params {
    Params::Positional(keys.map(Value::from).collect())
}

/// Changes any number of colors with one prepared statement; only a JSON parameter allows this.
pub(crate) fn recolor(driver: &mut impl Queryable, users: &[User]) -> Result<()> {
    let pairs: Vec<(i64, &Option<String>)> = users
        .iter()
        .map(|user| (user.id, &user.hair_color))
        .collect();
    let document = serde_json::to_string(&pairs)?;
    Ok(driver.exec_drop(
        "UPDATE users u JOIN JSON_TABLE(?, '$[*]' COLUMNS (k BIGINT PATH '$[0]', c LONGTEXT PATH '$[1]')) v ON u.id = v.k \
         SET u.hair_color = v.c",
        (document,),
    )?)
}

/// Deletes users by one list.
pub(crate) fn delete(driver: &mut impl Queryable, users: &[User]) -> Result<()> {
    let list = placeholders(users.len());
    Ok(driver.exec_drop(
        format!("DELETE FROM users WHERE id IN ({list})"),
        keys(users.iter().map(|user| user.id)),
    )?)
}
