//! The tables of the workloads: those of Diesel's benchmarks, so that figures can be compared.

use selfsame::entity::{BelongsTo, HasMany};
use selfsame::metadata::Metadata;
use selfsame::value::Auto;
use selfsame::{Entity, metadata};

/// `users(id, name, hair_color NULL)`.
#[derive(Entity, Clone, Debug)]
#[orm(table = "users")]
pub struct User {
    /// Counted by the database.
    #[orm(primary_key)]
    pub id: Auto<i64>,
    /// Never NULL.
    pub name: String,
    /// NULL for some.
    pub hair_color: Option<String>,
    /// What the user wrote.
    #[orm(back_populates = user)]
    pub posts: HasMany<Post>,
}

/// `posts(id, user_id, title, body NULL)`.
#[derive(Entity, Clone, Debug)]
#[orm(table = "posts")]
pub struct Post {
    /// Counted by the database.
    #[orm(primary_key)]
    pub id: Auto<i64>,
    /// Its author.
    #[orm(references = "users.id", index)]
    pub user_id: i64,
    /// Never NULL.
    pub title: String,
    /// NULL for some.
    pub body: Option<String>,
    /// Its author.
    #[orm(back_populates = posts)]
    pub user: BelongsTo<User>,
    /// What was said about it.
    #[orm(back_populates = post)]
    pub comments: HasMany<Comment>,
}

/// `comments(id, post_id, text)`.
#[derive(Entity, Clone, Debug)]
#[orm(table = "comments")]
pub struct Comment {
    /// Counted by the database.
    #[orm(primary_key)]
    pub id: Auto<i64>,
    /// What it is about.
    #[orm(references = "posts.id", index)]
    pub post_id: i64,
    /// Never NULL.
    pub text: String,
    /// What it is about.
    #[orm(back_populates = comments)]
    pub post: BelongsTo<Post>,
}

/// All three tables.
pub fn tables() -> Metadata {
    metadata![User, Post, Comment]
}
