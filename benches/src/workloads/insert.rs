//! New users in one transaction, with the keys that the database generates.

use mysql::prelude::Queryable;
use selfsame_gate::Law;

use crate::Result;
use crate::digest::Digest;
use crate::orm;
use crate::raw::{self, MariaDbClient, PostgresClient};
use crate::rows::{self, new_hair_color, new_name};
use crate::workload::{Arm, Backend, Declaration, PLAIN, Reset, Round, Way};

/// New users, whose keys are returned.
pub(crate) static INSERT: Declaration = Declaration {
    name: "insert",
    sizes: &[1, 10, 25, 50, 100, 1_000],
    telling: &[1, 1_000],
    growth: &[1, 10, 100, 1_000, 10_000, 100_000, 1_000_000],
    law,
    rows: rows::none,
    reset: Reset::Once(emptied),
    arms: &[
        (Arm::Raw, Way::Client(raw)),
        (
            Arm::Tuned,
            Way::Raw {
                sqlite: Some(tuned_sqlite),
                postgres: Some(tuned_postgres),
                mariadb: Some(tuned_mariadb),
            },
        ),
        (
            Arm::Tracked,
            Way::Engine(|engine, round, digest| orm::insert(engine, round.size, digest)),
        ),
    ],
    ..PLAIN
};

/// The growth of the number of statements: SQLite and MariaDB take many rows in one VALUES list, PostgreSQL arrays of any length.
pub(crate) fn law(backend: Backend) -> Law {
    match backend {
        Backend::Sqlite | Backend::MariaDb => Law::Batches(64),
        Backend::Postgres => Law::Constant,
    }
}

pub(crate) fn emptied(backend: Backend, _: usize) -> Vec<String> {
    match backend {
        Backend::Sqlite => vec!["DELETE FROM users".to_owned()],
        Backend::Postgres => vec!["TRUNCATE users RESTART IDENTITY CASCADE".to_owned()],
        // TRUNCATE is refused if a foreign key references the table.
        Backend::MariaDb => vec![
            "DELETE FROM users".to_owned(),
            "ALTER TABLE users AUTO_INCREMENT = 1".to_owned(),
        ],
    }
}

pub(crate) fn new_users(size: usize) -> Vec<raw::NewUser> {
    let new = |index| raw::NewUser {
        name: new_name(index),
        hair_color: new_hair_color(index),
    };
    (0..size).map(new).collect()
}

fn raw(client: &mut dyn raw::Client, round: &Round, digest: &mut Digest) -> Result<()> {
    let users = new_users(round.size);
    let keys = client.insert(&users)?;
    digest_keys((users, keys), digest);
    Ok(())
}

fn digest_keys(found: (Vec<raw::NewUser>, Vec<i64>), digest: &mut Digest) {
    digest.take(found, |(_, keys), rows| {
        keys.iter().enumerate().for_each(|key| rows.add(key));
    });
}

/// Many rows per statement. Within one transaction no other session can take keys in between.
fn tuned_sqlite(
    connection: &mut rusqlite::Connection,
    round: &Round,
    digest: &mut Digest,
) -> Result<()> {
    const ROWS: usize = 64;
    let users = new_users(round.size);
    let transaction = connection.transaction()?;
    let mut keys = Vec::with_capacity(users.len());
    for chunk in users.chunks(ROWS) {
        let values = vec!["(?, ?)"; chunk.len()].join(", ");
        let text = format!("INSERT INTO users (name, hair_color) VALUES {values}");
        let mut insert = transaction.prepare_cached(&text)?;
        let params = chunk
            .iter()
            .flat_map(|user| [&user.name as &dyn rusqlite::ToSql, &user.hair_color]);
        insert.execute(rusqlite::params_from_iter(params))?;
        let last = transaction.last_insert_rowid();
        keys.extend((last - i64::try_from(chunk.len())? + 1)..=last);
    }
    transaction.commit()?;
    digest_keys((users, keys), digest);
    Ok(())
}

/// One array per column: one prepared statement for any number of rows.
fn tuned_postgres(client: &mut PostgresClient, round: &Round, digest: &mut Digest) -> Result<()> {
    let users = new_users(round.size);
    let (driver, insert) = client.statement(
        "INSERT INTO users (name, hair_color) SELECT v.n, v.c FROM UNNEST($1::text[], $2::text[]) WITH ORDINALITY AS v(n, c, o) \
         ORDER BY v.o RETURNING id",
    )?;
    let names: Vec<&str> = users.iter().map(|user| &*user.name).collect();
    let colors: Vec<Option<&str>> = users
        .iter()
        .map(|user| user.hair_color.as_deref())
        .collect();
    let found = driver.query(&insert, &[&names, &colors])?;
    let keys = found
        .iter()
        .map(|row| Ok(row.try_get(0)?))
        .collect::<Result<_>>()?;
    digest_keys((users, keys), digest);
    Ok(())
}

/// Many rows per statement, for which the server reports the first key: the keys of one INSERT are consecutive.
fn tuned_mariadb(client: &mut MariaDbClient, round: &Round, digest: &mut Digest) -> Result<()> {
    const ROWS: usize = 1_000;
    let users = new_users(round.size);
    let mut transaction = client.begin()?;
    let mut keys = Vec::with_capacity(users.len());
    for chunk in users.chunks(ROWS) {
        let text = raw::mariadb::insert_of(chunk.len());
        transaction.exec_drop(text, raw::mariadb::values(chunk))?;
        let first = transaction.last_insert_id().ok_or("no key")?;
        let first = i64::try_from(first)?;
        keys.extend(first..first + i64::try_from(chunk.len())?);
    }
    transaction.commit()?;
    digest_keys((users, keys), digest);
    Ok(())
}
