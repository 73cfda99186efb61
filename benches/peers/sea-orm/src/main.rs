//! SeaORM: `peer-sea-orm [postgres URL]`, its statements as its guides write them.

use std::hint::black_box;

use lockstep::{Found, New, Peer, Result, Workload, serve};
use sea_orm::entity::prelude::*;
use sea_orm::{
    ActiveValue::Set, ConnectOptions, Database, DatabaseTransaction, LoaderTrait, QueryOrder,
    TransactionTrait,
};
use tokio::runtime::Runtime;

mod users {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "users")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub name: String,
        pub hair_color: Option<String>,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(has_many = "super::posts::Entity")]
        Posts,
    }

    impl Related<super::posts::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Posts.def()
        }
    }

    impl ActiveModelBehavior for ActiveModel {}
}

mod posts {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "posts")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub user_id: i64,
        pub title: String,
        pub body: Option<String>,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(
            belongs_to = "super::users::Entity",
            from = "Column::UserId",
            to = "super::users::Column::Id"
        )]
        User,
        #[sea_orm(has_many = "super::comments::Entity")]
        Comments,
    }

    impl Related<super::users::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::User.def()
        }
    }

    impl Related<super::comments::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Comments.def()
        }
    }

    impl ActiveModelBehavior for ActiveModel {}
}

mod comments {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "comments")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub post_id: i64,
        pub text: String,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(
            belongs_to = "super::posts::Entity",
            from = "Column::PostId",
            to = "super::posts::Column::Id"
        )]
        Post,
    }

    impl Related<super::posts::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Post.def()
        }
    }

    impl ActiveModelBehavior for ActiveModel {}
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (url, is_postgres) = match words[..] {
        [] => ("sqlite::memory:", false),
        ["postgres", url] => (url, true),
        _ => return Err("usage: peer-sea-orm [postgres URL]".into()),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut options = ConnectOptions::new(url);
    // One connection, without a liveness check at each checkout; statements are not logged.
    options
        .min_connections(1)
        .max_connections(1)
        .test_before_acquire(false)
        .sqlx_logging(false);
    let database = runtime.block_on(Database::connect(options))?;
    serve(SeaOrm {
        runtime,
        database,
        is_postgres,
    })
}

struct SeaOrm {
    runtime: Runtime,
    database: DatabaseConnection,
    is_postgres: bool,
}

impl Peer for SeaOrm {
    fn create(&mut self, tables: &[&str]) -> Result<()> {
        let drop = ["comments", "posts", "users"].map(|name| format!("DROP TABLE IF EXISTS {name}"));
        self.batch(&drop)?;
        let tables: Vec<String> = tables.iter().map(|&table| table.to_owned()).collect();
        self.batch(&tables)
    }

    fn batch(&mut self, statements: &[String]) -> Result<()> {
        self.runtime.block_on(async {
            for text in statements {
                self.database.execute_unprepared(text).await?;
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
        let work = work(&self.database, workload, new, keys, found);
        self.runtime.block_on(work)
    }
}

async fn work(
    database: &DatabaseConnection,
    workload: Workload,
    new: &New,
    keys: &[i64],
    found: &mut Found,
) -> Result<()> {
    match workload {
        Workload::Load => add_users(users::Entity::find().all(database).await?, found),
        Workload::Insert => {
            let new = (0..new.count)
                .map(New::user)
                .map(|(name, color)| users::ActiveModel {
                    name: Set(name),
                    hair_color: Set(color),
                    ..Default::default()
                });
            let keys = users::Entity::insert_many(new)
                .exec_with_returning_keys(database)
                .await?;
            keys.iter().for_each(|&key| found.key(key));
            black_box(keys);
        }
        Workload::Get => {
            let transaction = database.begin().await?;
            let mut all = Vec::with_capacity(keys.len());
            for &key in keys {
                all.extend(users::Entity::find_by_id(key).one(&transaction).await?);
            }
            transaction.commit().await?;
            add_users(all, found);
        }
        Workload::Update => {
            let transaction = database.begin().await?;
            let users = users::Entity::find().all(&transaction).await?;
            let mut all = Vec::with_capacity(users.len());
            for user in users {
                let mut user: users::ActiveModel = user.into();
                user.hair_color = Set(Some(new.color.clone()));
                all.push(user.update(&transaction).await?);
            }
            transaction.commit().await?;
            add_users(all, found);
        }
        Workload::Delete => {
            let transaction = database.begin().await?;
            delete(&transaction).await?;
            transaction.commit().await?;
            let left = users::Entity::find().count(database).await?;
            found.row(&["left", &left.to_string()]);
        }
        // SeaORM has no unit of work that would look for referencing rows.
        Workload::DeleteRelated => return Err("no such thing".into()),
        Workload::Associations => {
            let transaction = database.begin().await?;
            associations(&transaction, found).await?;
            transaction.commit().await?;
        }
    }
    Ok(())
}

async fn delete(transaction: &DatabaseTransaction) -> Result<()> {
    for user in users::Entity::find().all(transaction).await? {
        user.delete(transaction).await?;
    }
    Ok(())
}

async fn associations(transaction: &DatabaseTransaction, found: &mut Found) -> Result<()> {
    let users = users::Entity::find().all(transaction).await?;
    let by_id = posts::Entity::find().order_by_asc(posts::Column::Id);
    let posts_of = users.load_many(by_id, transaction).await?;
    let counts: Vec<usize> = posts_of.iter().map(Vec::len).collect();
    let posts: Vec<posts::Model> = posts_of.into_iter().flatten().collect();
    let by_id = comments::Entity::find().order_by_asc(comments::Column::Id);
    let comments = posts.load_many(by_id, transaction).await?;
    let mut both = posts.into_iter().zip(comments);
    let tree: Vec<_> = users
        .into_iter()
        .zip(counts)
        .map(|(user, count)| (user, both.by_ref().take(count).collect::<Vec<_>>()))
        .collect();
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
    Ok(())
}

fn add_users(users: Vec<users::Model>, found: &mut Found) {
    for user in &users {
        found.user(user.id, &user.name, user.hair_color.as_deref());
    }
    black_box(users);
}
