//! Toasty: `peer-toasty [postgres URL]`, its statements as its guide writes them. Keys are unsigned, as there: with signed ones Toasty 0.11
//! ends in `not yet implemented` where it follows a relation.

use std::hint::black_box;

use lockstep::{Found, New, Peer, Result, Workload, serve};
use toasty::{Db, Deferred, Executor};
use tokio::runtime::Runtime;

#[derive(Debug, toasty::Model)]
#[table = "users"]
struct User {
    #[key]
    #[auto]
    id: u64,
    name: String,
    hair_color: Option<String>,
    #[has_many]
    posts: Deferred<Vec<Post>>,
}

#[derive(Debug, toasty::Model)]
#[table = "posts"]
struct Post {
    #[key]
    #[auto]
    id: u64,
    #[index]
    user_id: u64,
    #[belongs_to(key = user_id, references = id)]
    user: Deferred<User>,
    title: String,
    body: Option<String>,
    #[has_many]
    comments: Deferred<Vec<Comment>>,
}

#[derive(Debug, toasty::Model)]
#[table = "comments"]
struct Comment {
    #[key]
    #[auto]
    id: u64,
    #[index]
    post_id: u64,
    #[belongs_to(key = post_id, references = id)]
    post: Deferred<Post>,
    text: String,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (url, is_postgres) = match words[..] {
        [] => ("sqlite::memory:".to_owned(), false),
        ["postgres", url] => (url.to_owned(), true),
        _ => return Err("usage: peer-toasty [postgres URL]".into()),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let database = runtime.block_on(async {
        let mut builder = Db::builder();
        builder.models(toasty::models!(User, Post, Comment));
        builder.max_pool_size(1);
        builder.connect(&url).await
    })?;
    let mut peer = Toasty {
        runtime,
        database,
        is_postgres,
    };
    if !is_postgres {
        peer.batch(&["PRAGMA foreign_keys = ON".to_owned()])?;
    }
    serve(peer)
}

struct Toasty {
    runtime: Runtime,
    database: Db,
    is_postgres: bool,
}

impl Peer for Toasty {
    fn create(&mut self, tables: &[&str]) -> Result<()> {
        let drop =
            ["comments", "posts", "users"].map(|name| format!("DROP TABLE IF EXISTS {name}"));
        self.batch(&drop)?;
        let tables: Vec<String> = tables.iter().map(|&table| table.to_owned()).collect();
        self.batch(&tables)
    }

    fn batch(&mut self, statements: &[String]) -> Result<()> {
        self.runtime.block_on(async {
            for text in statements {
                toasty::sql::statement(text.as_str())
                    .exec(&mut self.database)
                    .await?;
            }
            Ok(())
        })
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
        let work = work(&mut self.database, workload, new, keys, found);
        self.runtime.block_on(work)
    }
}

async fn work(
    database: &mut Db,
    workload: Workload,
    new: &New,
    keys: &[i64],
    found: &mut Found,
) -> Result<()> {
    match workload {
        Workload::Load => add_users(User::all().exec(database).await?, found),
        Workload::Insert => {
            let mut many = User::create_many();
            for (name, color) in (0..new.count).map(New::user) {
                many = many.item(User::create().name(name).hair_color(color));
            }
            let users = many.exec(database).await?;
            users.iter().for_each(|user| found.key(key(user.id)));
            black_box(users);
        }
        Workload::Get => {
            let mut transaction = database.transaction().await?;
            let mut all = Vec::with_capacity(keys.len());
            for &key in keys {
                all.push(User::get_by_id(&mut transaction, key.cast_unsigned()).await?);
            }
            transaction.commit().await?;
            add_users(all, found);
        }
        Workload::Update => {
            let mut transaction = database.transaction().await?;
            let mut all = User::all().exec(&mut transaction).await?;
            for user in &mut all {
                user.update()
                    .hair_color(Some(new.color.clone()))
                    .exec(&mut transaction)
                    .await?;
            }
            transaction.commit().await?;
            add_users(all, found);
        }
        Workload::Delete => {
            let mut transaction = database.transaction().await?;
            for user in User::all().exec(&mut transaction).await? {
                user.delete().exec(&mut transaction).await?;
            }
            transaction.commit().await?;
            let left = User::all().count().exec(database).await?;
            found.row(&["left", &left.to_string()]);
        }
        // Toasty's `delete` of a model with relations is the one above.
        Workload::DeleteRelated => return Err("no such thing".into()),
        Workload::Associations => {
            let mut transaction = database.transaction().await?;
            let users = tree(&mut transaction).await?;
            transaction.commit().await?;
            for user in &users {
                found.user(key(user.id), &user.name, user.hair_color.as_deref());
                for post in user.posts.get() {
                    let (user, id) = (key(post.user_id), key(post.id));
                    found.post(user, id, &post.title, post.body.as_deref());
                    for comment in post.comments.get() {
                        found.comment(key(comment.post_id), key(comment.id), &comment.text);
                    }
                }
            }
            black_box(users);
        }
    }
    Ok(())
}

fn key(key: u64) -> i64 {
    key.cast_signed()
}

async fn tree(executor: &mut dyn Executor) -> Result<Vec<User>> {
    let users = User::all()
        .include(User::fields().posts().comments())
        .exec(executor)
        .await?;
    Ok(users)
}

fn add_users(users: Vec<User>, found: &mut Found) {
    for user in &users {
        found.user(key(user.id), &user.name, user.hair_color.as_deref());
    }
    black_box(users);
}
