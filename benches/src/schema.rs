//! The tables of the workloads: those of Diesel's benchmarks, so that figures can be compared; a tree, and films.

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

/// A node of a tree.
#[derive(Entity, Clone, Debug)]
#[orm(table = "nodes")]
pub struct Node {
    /// Counted by the database.
    #[orm(primary_key)]
    pub id: Auto<i64>,
    /// Never NULL.
    pub label: String,
    /// NULL for the root.
    #[orm(references = "nodes.id", index)]
    pub parent_id: Option<i64>,
    /// What it hangs from.
    #[orm(back_populates = children)]
    pub parent: BelongsTo<Node>,
    /// What hangs from it.
    #[orm(back_populates = parent, cascade = "all")]
    pub children: HasMany<Node>,
}

/// `films(id, title, year)`.
#[derive(Entity, Clone, Debug)]
#[orm(table = "films")]
pub struct Film {
    /// Counted by the database.
    #[orm(primary_key)]
    pub id: Auto<i64>,
    /// Never NULL.
    pub title: String,
    /// When it came out.
    pub year: i32,
}

/// `people(id, name)`.
#[derive(Entity, Clone, Debug)]
#[orm(table = "people")]
pub struct Person {
    /// Counted by the database.
    #[orm(primary_key)]
    pub id: Auto<i64>,
    /// Never NULL.
    pub name: String,
}

/// `cast_members(film_id, person_id, position)`: `cast` is a word of SQL.
#[derive(Entity, Clone, Debug)]
#[orm(table = "cast_members")]
pub struct CastMember {
    /// The film.
    #[orm(primary_key, references = "films.id")]
    pub film_id: i64,
    /// Who is in it.
    #[orm(primary_key, references = "people.id")]
    pub person_id: i64,
    /// The place in the list.
    pub position: i32,
    /// Who is in it.
    pub person: BelongsTo<Person>,
}

/// `reviews(id, film_id, author_id, stars, body)`.
#[derive(Entity, Clone, Debug)]
#[orm(table = "reviews")]
pub struct Review {
    /// Counted by the database; the newest is the greatest.
    #[orm(primary_key)]
    pub id: Auto<i64>,
    /// What it is about.
    #[orm(references = "films.id", index)]
    pub film_id: i64,
    /// Who wrote it.
    #[orm(references = "people.id")]
    pub author_id: i64,
    /// 1 to 5.
    pub stars: i32,
    /// Never NULL.
    pub body: String,
    /// Who wrote it.
    #[orm(key = "author_id")]
    pub author: BelongsTo<Person>,
}

/// All tables.
pub fn tables() -> Metadata {
    metadata![User, Post, Comment, Node, Film, Person, CastMember, Review]
}
