//! New, changed and deleted users in one flush, a third each, as in EF Core's benchmarks.

use mysql::prelude::Queryable;
use selfsame::session::Session;
use selfsame::{Engine, Entity, Result as OrmResult};
use selfsame_gate::Law;

use crate::Result;
use crate::digest::Digest;
use crate::raw::{self, MariaDbClient, PostgresClient};
use crate::rows::{self, new_hair_color, new_name};
use crate::schema::User;
use crate::workload::{Arm, Backend, Declaration, PLAIN, Reset, Round, Way};

/// Loads two thirds of the rows, changes a column in one third, deletes the other, and adds a new third.
pub(crate) static MIXED_FLUSH: Declaration = Declaration {
    name: "mixed_flush",
    law: |backend| match backend {
        Backend::Sqlite | Backend::MariaDb => Law::Rows,
        Backend::Postgres => Law::Constant,
    },
    rows: |size| rows::users(size - size / 3),
    reset: Reset::Always(again),
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
                sqlite: None,
                postgres: Some(tuned_postgres),
                mariadb: Some(tuned_mariadb),
            },
        ),
        (Arm::Tracked, Way::Engine(tracked)),
    ],
    // The keys of new rows may or may not be greater than those of deleted ones.
    leaves: &["SELECT name || '|' || coalesce(hair_color, '~') FROM users"],
    ..PLAIN
};

fn again(backend: Backend, size: usize) -> Vec<String> {
    let there = size - size / 3;
    let mut statements = vec!["DELETE FROM users".to_owned()];
    statements.extend(rows::users(there));
    if backend == Backend::Postgres {
        statements.push(format!(
            "SELECT setval(pg_get_serial_sequence('users', 'id'), {there})"
        ));
    }
    statements
}

/// The number of rows that are changed, and of those that are added.
fn third(size: usize) -> usize {
    size / 3
}

fn new_ones(size: usize) -> impl Iterator<Item = (String, Option<String>)> {
    (0..third(size)).map(|index| (new_name(index), new_hair_color(index)))
}

fn raw_sqlite(
    connection: &mut rusqlite::Connection,
    round: &Round,
    digest: &mut Digest,
) -> Result<()> {
    let color = round.hair_color();
    let transaction = connection.transaction()?;
    let mut users = raw::sqlite::all_users(&transaction)?;
    {
        let mut insert =
            transaction.prepare_cached("INSERT INTO users (name, hair_color) VALUES (?1, ?2)")?;
        for new in new_ones(round.size) {
            insert.insert(rusqlite::params![new.0, new.1])?;
        }
        let mut update =
            transaction.prepare_cached("UPDATE users SET hair_color = ?1 WHERE id = ?2")?;
        for user in &mut users[..third(round.size)] {
            user.hair_color = Some(color.clone());
            update.execute(rusqlite::params![user.hair_color, user.id])?;
        }
        let mut delete = transaction.prepare_cached("DELETE FROM users WHERE id = ?1")?;
        for user in &users[third(round.size)..] {
            delete.execute([user.id])?;
        }
    }
    transaction.commit()?;
    digest_users(users, digest);
    Ok(())
}

fn raw_postgres(client: &mut PostgresClient, round: &Round, digest: &mut Digest) -> Result<()> {
    let color = round.hair_color();
    let (_, select) = client.statement("SELECT id, name, hair_color FROM users ORDER BY id")?;
    let (_, insert) =
        client.statement("INSERT INTO users (name, hair_color) VALUES ($1, $2) RETURNING id")?;
    let (_, update) = client.statement("UPDATE users SET hair_color = $1 WHERE id = $2")?;
    let (driver, delete) = client.statement("DELETE FROM users WHERE id = $1")?;
    let mut transaction = driver.transaction()?;
    let found = transaction.query(&select, &[])?;
    let mut users: Vec<raw::User> = found
        .iter()
        .map(raw::postgres::user)
        .collect::<Result<_>>()?;
    for new in new_ones(round.size) {
        transaction.query_one(&insert, &[&new.0, &new.1])?;
    }
    for user in &mut users[..third(round.size)] {
        user.hair_color = Some(color.clone());
        transaction.execute(&update, &[&user.hair_color, &user.id])?;
    }
    for user in &users[third(round.size)..] {
        transaction.execute(&delete, &[&user.id])?;
    }
    transaction.commit()?;
    digest_users(users, digest);
    Ok(())
}

fn tuned_postgres(client: &mut PostgresClient, round: &Round, digest: &mut Digest) -> Result<()> {
    let color = round.hair_color();
    let (_, select) = client.statement("SELECT id, name, hair_color FROM users ORDER BY id")?;
    let (_, insert) = client.statement(
        "INSERT INTO users (name, hair_color) SELECT v.n, v.c FROM UNNEST($1::text[], $2::text[]) WITH ORDINALITY AS v(n, c, o) \
         ORDER BY v.o RETURNING id",
    )?;
    let (_, update) = client.statement(
        "UPDATE users AS t SET hair_color = v.c FROM UNNEST($1::text[], $2::bigint[]) AS v(c, k) WHERE t.id = v.k",
    )?;
    let (driver, delete) = client.statement("DELETE FROM users WHERE id = ANY($1)")?;
    let mut transaction = driver.transaction()?;
    let found = transaction.query(&select, &[])?;
    let mut users: Vec<raw::User> = found
        .iter()
        .map(raw::postgres::user)
        .collect::<Result<_>>()?;
    let (names, colors): (Vec<_>, Vec<_>) = new_ones(round.size).unzip();
    transaction.query(&insert, &[&names, &colors])?;
    let changed = &mut users[..third(round.size)];
    for user in &mut *changed {
        user.hair_color = Some(color.clone());
    }
    let colors: Vec<Option<&str>> = changed
        .iter()
        .map(|user| user.hair_color.as_deref())
        .collect();
    let keys: Vec<i64> = changed.iter().map(|user| user.id).collect();
    transaction.execute(&update, &[&colors, &keys])?;
    let keys: Vec<i64> = users[third(round.size)..]
        .iter()
        .map(|user| user.id)
        .collect();
    transaction.execute(&delete, &[&keys])?;
    transaction.commit()?;
    digest_users(users, digest);
    Ok(())
}

fn by_key_mariadb(driver: &mut impl Queryable) -> Result<Vec<raw::User>> {
    let text = format!("{} ORDER BY id", raw::mariadb::ALL_USERS);
    Ok(driver.exec_map(text, (), raw::mariadb::user)?)
}

fn raw_mariadb(client: &mut MariaDbClient, round: &Round, digest: &mut Digest) -> Result<()> {
    let color = round.hair_color();
    let mut transaction = client.begin()?;
    let mut users = by_key_mariadb(&mut transaction)?;
    for new in new_ones(round.size) {
        transaction.exec_drop("INSERT INTO users (name, hair_color) VALUES (?, ?)", new)?;
        transaction.last_insert_id().ok_or("no key")?;
    }
    for user in &mut users[..third(round.size)] {
        user.hair_color = Some(color.clone());
        transaction.exec_drop(
            "UPDATE users SET hair_color = ? WHERE id = ?",
            (&user.hair_color, user.id),
        )?;
    }
    for user in &users[third(round.size)..] {
        transaction.exec_drop("DELETE FROM users WHERE id = ?", (user.id,))?;
    }
    transaction.commit()?;
    digest_users(users, digest);
    Ok(())
}

fn tuned_mariadb(client: &mut MariaDbClient, round: &Round, digest: &mut Digest) -> Result<()> {
    let color = round.hair_color();
    let mut transaction = client.begin()?;
    let mut users = by_key_mariadb(&mut transaction)?;
    let new: Vec<raw::NewUser> = new_ones(round.size)
        .map(|(name, hair_color)| raw::NewUser { name, hair_color })
        .collect();
    if !new.is_empty() {
        transaction.exec_drop(
            raw::mariadb::insert_of(new.len()),
            raw::mariadb::values(&new),
        )?;
    }
    let (changed, deleted) = users.split_at_mut(third(round.size));
    for user in &mut *changed {
        user.hair_color = Some(color.clone());
    }
    raw::mariadb::recolor(&mut transaction, changed)?;
    raw::mariadb::delete(&mut transaction, deleted)?;
    transaction.commit()?;
    digest_users(users, digest);
    Ok(())
}

fn digest_users(users: Vec<raw::User>, digest: &mut Digest) {
    digest.take(users, |users, rows| {
        users.iter().for_each(|user| rows.raw_user(user));
    });
}

fn tracked(engine: &Engine, round: &Round, digest: &mut Digest) -> OrmResult<()> {
    let color = round.hair_color();
    let mut session = Session::new(engine);
    let users = User::query().order_by(User::ID.asc()).all(&mut session)?;
    for (name, hair_color) in new_ones(round.size) {
        session.add(User {
            hair_color,
            ..User::new(name)
        });
    }
    for &user in &users[..third(round.size)] {
        session[user].hair_color = Some(color.clone());
    }
    digest.peek(|rows| users.iter().for_each(|user| rows.user(&session[*user])));
    for &user in &users[third(round.size)..] {
        session.delete(user)?;
    }
    session.commit()?;
    digest.take((users, session), |_, _| {});
    Ok(())
}
