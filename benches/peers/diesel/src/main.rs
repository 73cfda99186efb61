//! Diesel: `peer-diesel [postgres URL]`, its statements as its guides write them.

use std::hint::black_box;

use diesel::associations::HasTable;
use diesel::prelude::*;
use diesel::{insert_into, sql_query, update};
use lockstep::{Found, New, Peer, Result, Workload, serve};

// `libsqlite3-sys` builds the SQLite that Diesel links.
use libsqlite3_sys as _;

diesel::table! {
    users (id) {
        id -> BigInt,
        name -> Text,
        hair_color -> Nullable<Text>,
    }
}

diesel::table! {
    posts (id) {
        id -> BigInt,
        user_id -> BigInt,
        title -> Text,
        body -> Nullable<Text>,
    }
}

diesel::table! {
    comments (id) {
        id -> BigInt,
        post_id -> BigInt,
        text -> Text,
    }
}

diesel::joinable!(posts -> users (user_id));
diesel::joinable!(comments -> posts (post_id));
diesel::allow_tables_to_appear_in_same_query!(users, posts, comments);

#[derive(Identifiable, Queryable, Selectable, AsChangeset)]
#[diesel(table_name = users)]
struct User {
    id: i64,
    name: String,
    hair_color: Option<String>,
}

#[derive(Identifiable, Queryable, Selectable, Associations)]
#[diesel(table_name = posts, belongs_to(User))]
struct Post {
    id: i64,
    user_id: i64,
    title: String,
    body: Option<String>,
}

#[derive(Identifiable, Queryable, Selectable, Associations)]
#[diesel(table_name = comments, belongs_to(Post))]
struct Comment {
    id: i64,
    post_id: i64,
    text: String,
}

// A column without a value is inserted as NULL. SQLite has no DEFAULT keyword in VALUES, so otherwise Diesel would insert row by row.
#[derive(Insertable)]
#[diesel(table_name = users, treat_none_as_default_value = false)]
struct NewUser {
    name: String,
    hair_color: Option<String>,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        [] => {
            let mut connection = SqliteConnection::establish("file:/peer-diesel?vfs=memdb")?;
            sql_query("PRAGMA foreign_keys = ON").execute(&mut connection)?;
            serve(Sqlite(connection))
        }
        ["postgres", url] => serve(Postgres(PgConnection::establish(url)?)),
        _ => Err("usage: peer-diesel [postgres URL]".into()),
    }
}

struct Sqlite(SqliteConnection);

struct Postgres(PgConnection);

fn left(count: i64, found: &mut Found) {
    found.row(&["left", &count.to_string()]);
}

fn add_users(users: Vec<User>, found: &mut Found) {
    for user in &users {
        found.user(user.id, &user.name, user.hair_color.as_deref());
    }
    black_box(users);
}

/// The same source for both: the types of Diesel's statements name their database.
macro_rules! peer {
    ($peer:ident, $is_postgres:literal) => {
        impl Peer for $peer {
            fn create(&mut self, tables: &[&str]) -> Result<()> {
                for table in ["comments", "posts", "users"] {
                    sql_query(format!("DROP TABLE IF EXISTS {table}")).execute(&mut self.0)?;
                }
                for table in tables {
                    sql_query(*table).execute(&mut self.0)?;
                }
                Ok(())
            }

            fn batch(&mut self, statements: &[String]) -> Result<()> {
                for text in statements {
                    sql_query(text).execute(&mut self.0)?;
                }
                Ok(())
            }

            fn is_postgres(&self) -> bool {
                $is_postgres
            }

            fn run(
                &mut self,
                workload: Workload,
                new: &New,
                keys: &[i64],
                found: &mut Found,
            ) -> Result<()> {
                let connection = &mut self.0;
                match workload {
                    Workload::Load => {
                        let users = users::table.select(User::as_select()).load(connection)?;
                        add_users(users, found);
                    }
                    Workload::Insert => {
                        let new: Vec<NewUser> = (0..new.count)
                            .map(New::user)
                            .map(|(name, hair_color)| NewUser { name, hair_color })
                            .collect();
                        let keys: Vec<i64> = insert_into(users::table)
                            .values(&new)
                            .returning(users::id)
                            .get_results(connection)?;
                        keys.iter().for_each(|&key| found.key(key));
                        black_box((new, keys));
                    }
                    Workload::Get => {
                        let users = connection.transaction(|connection| {
                            let get = |&key| {
                                users::table
                                    .find(key)
                                    .select(User::as_select())
                                    .get_result(connection)
                            };
                            keys.iter().map(get).collect::<QueryResult<Vec<User>>>()
                        })?;
                        add_users(users, found);
                    }
                    Workload::Update => {
                        let users = connection.transaction(|connection| {
                            let mut all: Vec<User> =
                                users::table.select(User::as_select()).load(connection)?;
                            for user in &mut all {
                                user.hair_color = Some(new.color.clone());
                                update(users::table.find(user.id))
                                    .set(users::hair_color.eq(&user.hair_color))
                                    .execute(connection)?;
                            }
                            QueryResult::Ok(all)
                        })?;
                        add_users(users, found);
                    }
                    Workload::Delete => {
                        let users = connection.transaction(|connection| {
                            let all: Vec<User> =
                                users::table.select(User::as_select()).load(connection)?;
                            for user in &all {
                                diesel::delete(users::table.find(user.id)).execute(connection)?;
                            }
                            QueryResult::Ok(all)
                        })?;
                        left(User::table().count().get_result(connection)?, found);
                        black_box(users);
                    }
                    // Diesel has no unit of work that would look for referencing rows.
                    Workload::DeleteRelated => return Err("no such thing".into()),
                    Workload::Associations => {
                        let (users, posts, comments) = connection.transaction(|connection| {
                            let users: Vec<User> =
                                users::table.select(User::as_select()).load(connection)?;
                            let posts: Vec<Post> = Post::belonging_to(&users)
                                .select(Post::as_select())
                                .order(posts::id)
                                .load(connection)?;
                            let comments: Vec<Comment> = Comment::belonging_to(&posts)
                                .select(Comment::as_select())
                                .order(comments::id)
                                .load(connection)?;
                            QueryResult::Ok((users, posts, comments))
                        })?;
                        let comments = comments.grouped_by(&posts);
                        let posts = posts.into_iter().zip(comments).grouped_by(&users);
                        let tree: Vec<_> = users.into_iter().zip(posts).collect();
                        for (user, posts) in &tree {
                            found.user(user.id, &user.name, user.hair_color.as_deref());
                            for (post, comments) in posts {
                                let body = post.body.as_deref();
                                found.post(post.user_id, post.id, &post.title, body);
                                for comment in comments {
                                    found.comment(comment.post_id, comment.id, &comment.text);
                                }
                            }
                        }
                        black_box(tree);
                    }
                }
                Ok(())
            }
        }
    };
}

peer!(Sqlite, false);
peer!(Postgres, true);
