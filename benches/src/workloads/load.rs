//! Loading users: all of them, and those of a hair color with their posts.

use mysql::prelude::Queryable;
use postgres::GenericClient;
use selfsame::sql::Select;
use selfsame::{Engine, Entity, Result as OrmResult, session::Session};

use crate::Result;
use crate::digest::Digest;
use crate::raw::{self, MariaDbClient, PostgresClient};
use crate::workload::{Arm, Declaration, PLAIN, Round, Way};
use crate::{core, orm, rows, schema};

/// All users.
pub(crate) static TRIVIAL: Declaration = Declaration {
    name: "trivial",
    sizes: &[1, 10, 100, 1_000, 10_000],
    telling: &[100, 10_000],
    gate: 1_000,
    growth: &[1, 10, 100, 1_000, 10_000, 100_000, 1_000_000],
    arms: &[
        (Arm::Raw, Way::Client(raw_all)),
        (
            Arm::Core,
            Way::Engine(|engine, _, digest| core::all(engine, digest)),
        ),
        (
            Arm::Untracked,
            Way::Engine(|engine, _, digest| orm::all_rows(engine, digest)),
        ),
        (
            Arm::Tracked,
            Way::Engine(|engine, _, digest| orm::all(engine, digest)),
        ),
    ],
    ..PLAIN
};

/// Users with black hair, with their posts, if any: one statement with a LEFT JOIN. Every second user matches, with a post.
pub(crate) static MEDIUM: Declaration = Declaration {
    name: "medium",
    sizes: &[1, 10, 100, 1_000, 10_000],
    telling: &[100, 10_000],
    gate: 1_000,
    rows: rows::users_with_posts,
    arms: MEDIUM_ARMS,
    ..PLAIN
};

/// The same with users who have no posts.
pub(crate) static MEDIUM_EMPTY: Declaration = Declaration {
    name: "medium_empty",
    sizes: &[1, 10, 100, 1_000, 10_000],
    telling: &[10_000],
    gate: 1_000,
    rows: rows::users_of_two,
    arms: MEDIUM_ARMS,
    ..PLAIN
};

const MEDIUM_ARMS: &[(Arm, Way)] = &[
    (
        Arm::Raw,
        Way::Raw {
            sqlite: Some(medium_sqlite),
            postgres: Some(medium_postgres),
            mariadb: Some(medium_mariadb),
        },
    ),
    (Arm::Core, Way::Engine(medium_core)),
    (Arm::Tracked, Way::Engine(medium_tracked)),
];

fn raw_all(client: &mut dyn raw::Client, _: &Round, digest: &mut Digest) -> Result<()> {
    let users = client.users()?;
    digest.take(users, |users, rows| {
        users.iter().for_each(|user| rows.raw_user(user));
    });
    Ok(())
}

const MEDIUM_SQL: &str = "SELECT u.id, u.name, u.hair_color, p.id, p.user_id, p.title, p.body \
     FROM users u LEFT JOIN posts p ON p.user_id = u.id WHERE u.hair_color = 'black'";

type Pairs = Vec<(raw::User, Option<raw::Post>)>;

fn medium_sqlite(
    connection: &mut rusqlite::Connection,
    _: &Round,
    digest: &mut Digest,
) -> Result<()> {
    let transaction = connection.transaction()?;
    let pairs: Pairs = {
        let mut select = transaction.prepare_cached(MEDIUM_SQL)?;
        let pairs = select.query_map([], |row| {
            let user = raw::sqlite::user(row)?;
            let post = match row.get(3)? {
                None => None,
                Some(id) => Some(raw::Post {
                    id,
                    user_id: row.get(4)?,
                    title: row.get(5)?,
                    body: row.get(6)?,
                }),
            };
            Ok((user, post))
        })?;
        pairs.collect::<Result<_, _>>()?
    };
    drop(transaction);
    digest_pairs(pairs, digest);
    Ok(())
}

fn medium_postgres(client: &mut PostgresClient, _: &Round, digest: &mut Digest) -> Result<()> {
    let (driver, select) = client.statement(MEDIUM_SQL)?;
    let mut transaction = driver.transaction()?;
    let pair = |row: &postgres::Row| {
        let post = match row.try_get(3)? {
            None => None,
            Some(id) => Some(raw::Post {
                id,
                user_id: row.try_get(4)?,
                title: row.try_get(5)?,
                body: row.try_get(6)?,
            }),
        };
        Ok((raw::postgres::user(row)?, post))
    };
    let found = GenericClient::query(&mut transaction, &select, &[])?;
    let pairs: Pairs = found.iter().map(pair).collect::<Result<_>>()?;
    drop(transaction);
    digest_pairs(pairs, digest);
    Ok(())
}

fn medium_mariadb(client: &mut MariaDbClient, _: &Round, digest: &mut Digest) -> Result<()> {
    type Found = (
        i64,
        String,
        Option<String>,
        Option<i64>,
        Option<i64>,
        Option<String>,
        Option<String>,
    );
    let mut transaction = client.begin()?;
    let mut pairs: Pairs = Vec::new();
    for row in transaction.exec_iter(MEDIUM_SQL, ())? {
        let (id, name, color, post, user, title, body): Found = mysql::from_row_opt(row?)?;
        let post = match (post, user, title) {
            (Some(id), Some(user_id), Some(title)) => Some(raw::Post {
                id,
                user_id,
                title,
                body,
            }),
            _ => None,
        };
        pairs.push((raw::mariadb::user((id, name, color)), post));
    }
    drop(transaction);
    digest_pairs(pairs, digest);
    Ok(())
}

fn digest_pairs(pairs: Pairs, digest: &mut Digest) {
    digest.take(pairs, |pairs, rows| {
        for (user, post) in pairs {
            rows.raw_user(user);
            if let Some(post) = post {
                rows.raw_post(user.id, post);
            }
        }
    });
}

fn medium_core(engine: &Engine, _: &Round, digest: &mut Digest) -> OrmResult<()> {
    use schema::{Post, User};
    let query: Select<_> = User::query()
        .left_join(User::POSTS)
        .filter(User::HAIR_COLOR.eq("black"))
        .select((
            User::ID,
            User::NAME,
            User::HAIR_COLOR,
            Post::ID.nullable(),
            Post::USER_ID.nullable(),
            Post::TITLE.nullable(),
            Post::BODY,
        ));
    let mut connection = engine.connect()?;
    connection.begin(selfsame::dialect::Begin::default())?;
    let pairs = connection.all(&query)?;
    drop(connection);
    digest.take(pairs, |pairs, rows| {
        for (id, name, color, post, user, title, body) in pairs {
            rows.add(("user", **id, name, color));
            if let (Some(post), Some(user), Some(title)) = (post, user, title) {
                rows.add(("post", **id, *post, *user, title, body));
            }
        }
    });
    Ok(())
}

fn medium_tracked(engine: &Engine, _: &Round, digest: &mut Digest) -> OrmResult<()> {
    use schema::User;
    let mut session = Session::new(engine);
    let users = User::query()
        .filter(User::HAIR_COLOR.eq("black"))
        .with(User::POSTS.joined())
        .all(&mut session)?;
    digest.take((users, session), |(users, session), rows| {
        for &user in users {
            rows.user(&session[user]);
            for post in orm::loaded(session.loaded(user, User::POSTS)) {
                rows.post(*session[user].id, &session[post]);
            }
        }
    });
    Ok(())
}
