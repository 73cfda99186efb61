//! The raw arms: each workload as well-written code over the driver. The other arms are compared with them, so do not change them without a
//! reason.

pub(crate) mod mariadb;
pub(crate) mod postgres;
pub(crate) mod sqlite;

pub(crate) use self::mariadb::MariaDbClient;
pub(crate) use self::postgres::PostgresClient;
pub(crate) use self::sqlite::SqliteClient;

use std::collections::HashMap;

use crate::Result;

/// A row of `users`.
#[derive(Debug)]
pub(crate) struct User {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) hair_color: Option<String>,
}

/// A row of `users` that has no key yet.
#[derive(Debug)]
pub(crate) struct NewUser {
    pub(crate) name: String,
    pub(crate) hair_color: Option<String>,
}

/// A row of `posts`.
#[derive(Debug)]
pub(crate) struct Post {
    pub(crate) id: i64,
    pub(crate) user_id: i64,
    pub(crate) title: String,
    pub(crate) body: Option<String>,
}

/// A row of `comments`.
#[derive(Debug)]
pub(crate) struct Comment {
    pub(crate) id: i64,
    pub(crate) post_id: i64,
    pub(crate) text: String,
}

/// Users with their posts with their comments.
pub(crate) type Tree = Vec<(User, Vec<(Post, Vec<Comment>)>)>;

/// A connection of a driver, which can run the workloads.
pub(crate) trait Client {
    /// Runs statements that return no results.
    fn batch(&mut self, text: &str) -> Result<()>;

    /// Returns the first column of a query, as text.
    fn texts(&mut self, text: &str) -> Result<Vec<String>>;

    /// Returns all users.
    fn users(&mut self) -> Result<Vec<User>>;

    /// Inserts users in one transaction, and returns their keys in the order of the users.
    fn insert(&mut self, users: &[NewUser]) -> Result<Vec<i64>>;

    /// Returns the users with these keys, one after the other, in one transaction.
    fn get_each(&mut self, keys: &[i64]) -> Result<Vec<User>>;

    /// Loads all users, changes the hair color of each, and writes them, in one transaction.
    fn update(&mut self, hair_color: &str) -> Result<Vec<User>>;

    /// Returns all users with their posts and comments, in one transaction.
    fn tree(&mut self) -> Result<Tree>;
}

/// The raw arm's connection.
pub(crate) enum Raw {
    Sqlite(SqliteClient),
    Postgres(Box<PostgresClient>),
    MariaDb(Box<MariaDbClient>),
}

impl Raw {
    pub(crate) fn client(&mut self) -> &mut dyn Client {
        match self {
            Self::Sqlite(client) => client,
            Self::Postgres(client) => &mut **client,
            Self::MariaDb(client) => &mut **client,
        }
    }
}

/// Puts posts under their users and comments under their posts.
fn grow(users: Vec<User>, posts: Vec<Post>, comments: Vec<Comment>) -> Tree {
    let mut of_post: HashMap<i64, Vec<Comment>> = HashMap::with_capacity(posts.len());
    for comment in comments {
        of_post.entry(comment.post_id).or_default().push(comment);
    }
    let mut of_user: HashMap<i64, Vec<(Post, Vec<Comment>)>> = HashMap::with_capacity(users.len());
    for post in posts {
        let comments = of_post.remove(&post.id).unwrap_or_default();
        of_user
            .entry(post.user_id)
            .or_default()
            .push((post, comments));
    }
    users
        .into_iter()
        .map(|user| {
            let posts = of_user.remove(&user.id).unwrap_or_default();
            (user, posts)
        })
        .collect()
}
