//! Loading rows and deleting each: of an entity with collections that must be checked, and of one without.

use mysql::prelude::Queryable;
use selfsame::session::Session;
use selfsame::sql::delete_from;
use selfsame::{Engine, Entity, Result as OrmResult};
use selfsame_gate::Law;

use crate::Result;
use crate::digest::Digest;
use crate::raw::{self, MariaDbClient, PostgresClient};
use crate::schema::{Comment, User};
use crate::workload::{Arm, Backend, Declaration, PLAIN, Reset, Round, USERS, Way};
use crate::{core, rows};

/// Users, whose collections of posts are empty.
pub(crate) static DELETE: Declaration = Declaration {
    name: "delete",
    law,
    reset: Reset::Always(users_again),
    arms: &[
        (
            Arm::Raw,
            Way::Raw {
                sqlite: Some(raw_sqlite),
                postgres: Some(raw_postgres),
                mariadb: Some(raw_mariadb),
            },
        ),
        (
            Arm::Tuned,
            Way::Raw {
                sqlite: Some(tuned_sqlite),
                postgres: Some(tuned_postgres),
                mariadb: Some(tuned_mariadb),
            },
        ),
        (Arm::Core, Way::Engine(core_arm)),
        (Arm::Tracked, Way::Engine(tracked)),
    ],
    ..PLAIN
};

/// Comments, which belong to a post and have no collections.
pub(crate) static DELETE_PLAIN: Declaration = Declaration {
    name: "delete_plain",
    law,
    rows: rows::comments,
    reset: Reset::Always(comments_again),
    leaves: &[USERS, "SELECT text FROM comments"],
    arms: &[
        (
            Arm::Raw,
            Way::Raw {
                sqlite: Some(plain_sqlite),
                postgres: Some(plain_postgres),
                mariadb: Some(plain_mariadb),
            },
        ),
        (Arm::Tracked, Way::Engine(plain_tracked)),
    ],
    ..PLAIN
};

fn law(backend: Backend) -> Law {
    match backend {
        Backend::Sqlite | Backend::MariaDb => Law::Batches(512),
        Backend::Postgres => Law::Constant,
    }
}

fn users_again(_: Backend, size: usize) -> Vec<String> {
    let mut statements = vec!["DELETE FROM users".to_owned()];
    statements.extend(rows::users(size));
    statements
}

fn comments_again(_: Backend, size: usize) -> Vec<String> {
    let mut statements = vec![
        "DELETE FROM comments".to_owned(),
        "DELETE FROM posts".to_owned(),
        "DELETE FROM users".to_owned(),
    ];
    statements.extend(rows::comments(size));
    statements
}

fn digest_users(users: Vec<raw::User>, digest: &mut Digest) {
    digest.take(users, |users, rows| {
        users.iter().for_each(|user| rows.raw_user(user));
    });
}

fn raw_sqlite(connection: &mut rusqlite::Connection, _: &Round, digest: &mut Digest) -> Result<()> {
    let transaction = connection.transaction()?;
    let users = raw::sqlite::all_users(&transaction)?;
    {
        let mut delete = transaction.prepare_cached("DELETE FROM users WHERE id = ?1")?;
        for user in &users {
            delete.execute([user.id])?;
        }
    }
    transaction.commit()?;
    digest_users(users, digest);
    Ok(())
}

fn tuned_sqlite(
    connection: &mut rusqlite::Connection,
    _: &Round,
    digest: &mut Digest,
) -> Result<()> {
    let transaction = connection.transaction()?;
    let users = raw::sqlite::all_users(&transaction)?;
    for chunk in users.chunks(512) {
        let text = format!(
            "DELETE FROM users WHERE id IN ({})",
            raw::sqlite::placeholders(chunk.len())
        );
        let keys = chunk.iter().map(|user| user.id);
        transaction
            .prepare_cached(&text)?
            .execute(rusqlite::params_from_iter(keys))?;
    }
    transaction.commit()?;
    digest_users(users, digest);
    Ok(())
}

fn raw_postgres(client: &mut PostgresClient, _: &Round, digest: &mut Digest) -> Result<()> {
    let (_, select) = client.statement("SELECT id, name, hair_color FROM users")?;
    let (driver, delete) = client.statement("DELETE FROM users WHERE id = $1")?;
    let mut transaction = driver.transaction()?;
    let found = transaction.query(&select, &[])?;
    let users: Vec<raw::User> = found
        .iter()
        .map(raw::postgres::user)
        .collect::<Result<_>>()?;
    for user in &users {
        transaction.execute(&delete, &[&user.id])?;
    }
    transaction.commit()?;
    digest_users(users, digest);
    Ok(())
}

fn tuned_postgres(client: &mut PostgresClient, _: &Round, digest: &mut Digest) -> Result<()> {
    let (_, select) = client.statement("SELECT id, name, hair_color FROM users")?;
    let (driver, delete) = client.statement("DELETE FROM users WHERE id = ANY($1)")?;
    let mut transaction = driver.transaction()?;
    let found = transaction.query(&select, &[])?;
    let users: Vec<raw::User> = found
        .iter()
        .map(raw::postgres::user)
        .collect::<Result<_>>()?;
    let keys: Vec<i64> = users.iter().map(|user| user.id).collect();
    transaction.execute(&delete, &[&keys])?;
    transaction.commit()?;
    digest_users(users, digest);
    Ok(())
}

fn raw_mariadb(client: &mut MariaDbClient, _: &Round, digest: &mut Digest) -> Result<()> {
    let mut transaction = client.begin()?;
    let users = raw::mariadb::all_users(&mut transaction)?;
    for user in &users {
        transaction.exec_drop("DELETE FROM users WHERE id = ?", (user.id,))?;
    }
    transaction.commit()?;
    digest_users(users, digest);
    Ok(())
}

fn tuned_mariadb(client: &mut MariaDbClient, _: &Round, digest: &mut Digest) -> Result<()> {
    let mut transaction = client.begin()?;
    let users = raw::mariadb::all_users(&mut transaction)?;
    raw::mariadb::delete(&mut transaction, &users)?;
    transaction.commit()?;
    digest_users(users, digest);
    Ok(())
}

fn core_arm(engine: &Engine, _: &Round, digest: &mut Digest) -> OrmResult<()> {
    let mut connection = core::begun(engine)?;
    let users = connection.all(&core::users())?;
    for (id, _, _) in &users {
        connection.write(&delete_from(User::table()).filter(User::ID.eq(**id)))?;
    }
    connection.commit()?;
    drop(connection);
    core::digest_users(users, digest);
    Ok(())
}

fn tracked(engine: &Engine, _: &Round, digest: &mut Digest) -> OrmResult<()> {
    let mut session = Session::new(engine);
    let users = User::query().all(&mut session)?;
    // A digest needs the rows, which must be read before the deletion; a timed run needs none.
    digest.peek(|rows| users.iter().for_each(|user| rows.user(&session[*user])));
    for &user in &users {
        session.delete(user)?;
    }
    session.commit()?;
    digest.take((users, session), |_, _| {});
    Ok(())
}

fn digest_comments(comments: Vec<raw::Comment>, digest: &mut Digest) {
    digest.take(comments, |comments, rows| {
        comments
            .iter()
            .for_each(|comment| rows.raw_comment(1, comment));
    });
}

fn plain_sqlite(
    connection: &mut rusqlite::Connection,
    _: &Round,
    digest: &mut Digest,
) -> Result<()> {
    let transaction = connection.transaction()?;
    let comments: Vec<raw::Comment> = {
        let mut select = transaction.prepare_cached("SELECT id, post_id, text FROM comments")?;
        let found = select.query_map([], |row| {
            Ok(raw::Comment {
                id: row.get(0)?,
                post_id: row.get(1)?,
                text: row.get(2)?,
            })
        })?;
        found.collect::<Result<_, _>>()?
    };
    {
        let mut delete = transaction.prepare_cached("DELETE FROM comments WHERE id = ?1")?;
        for comment in &comments {
            delete.execute([comment.id])?;
        }
    }
    transaction.commit()?;
    digest_comments(comments, digest);
    Ok(())
}

fn plain_postgres(client: &mut PostgresClient, _: &Round, digest: &mut Digest) -> Result<()> {
    let (_, select) = client.statement("SELECT id, post_id, text FROM comments")?;
    let (driver, delete) = client.statement("DELETE FROM comments WHERE id = $1")?;
    let mut transaction = driver.transaction()?;
    let found = transaction.query(&select, &[])?;
    let comments: Vec<raw::Comment> = found
        .iter()
        .map(raw::postgres::comment)
        .collect::<Result<_>>()?;
    for comment in &comments {
        transaction.execute(&delete, &[&comment.id])?;
    }
    transaction.commit()?;
    digest_comments(comments, digest);
    Ok(())
}

fn plain_mariadb(client: &mut MariaDbClient, _: &Round, digest: &mut Digest) -> Result<()> {
    let mut transaction = client.begin()?;
    let comments: Vec<raw::Comment> = transaction.exec_map(
        "SELECT id, post_id, text FROM comments",
        (),
        raw::mariadb::comment,
    )?;
    for comment in &comments {
        transaction.exec_drop("DELETE FROM comments WHERE id = ?", (comment.id,))?;
    }
    transaction.commit()?;
    digest_comments(comments, digest);
    Ok(())
}

fn plain_tracked(engine: &Engine, _: &Round, digest: &mut Digest) -> OrmResult<()> {
    let mut session = Session::new(engine);
    let comments = Comment::query().all(&mut session)?;
    digest.peek(|rows| {
        comments
            .iter()
            .for_each(|comment| rows.comment(1, &session[*comment]));
    });
    for &comment in &comments {
        session.delete(comment)?;
    }
    session.commit()?;
    digest.take((comments, session), |_, _| {});
    Ok(())
}
