//! Many rows: inserted with and without returning their keys, and read as a stream.

use std::io::Write as _;

use mysql::prelude::Queryable;
use postgres::fallible_iterator::FallibleIterator as _;
use selfsame::session::Session;
use selfsame::sql::insert_into;
use selfsame::{Engine, Entity, Result as OrmResult};

use crate::Result;
use crate::digest::Digest;
use crate::raw::{self, MariaDbClient, PostgresClient};
use crate::rows::{self, new_hair_color, new_name};
use crate::schema::User;
use crate::workload::{Arm, Declaration, PLAIN, Reset, Round, Way};
use crate::workloads::insert::{emptied, law, new_users};
use crate::{core, orm};

/// The number of rows in one INSERT of the servers' raw arms: a statement takes at most 65,535 parameters, and each row two.
const ROWS: usize = 1_000;

/// Inserts rows without returning their keys.
pub(crate) static INSERT: Declaration = Declaration {
    name: "bulk_insert",
    sizes: &[1_000, 100_000],
    telling: &[100_000],
    gate: 1_000,
    law,
    rows: rows::none,
    reset: Reset::Once(emptied),
    arms: &[
        (
            Arm::Raw,
            Way::Raw {
                sqlite: Some(|connection, round, digest| {
                    insert_sqlite(connection, round, digest, false)
                }),
                postgres: Some(|client, round, digest| {
                    insert_postgres(client, round, digest, false)
                }),
                mariadb: Some(|client, round, digest| insert_mariadb(client, round, digest, false)),
            },
        ),
        (
            Arm::Tuned,
            Way::Raw {
                sqlite: None,
                postgres: Some(copy_postgres),
                mariadb: None,
            },
        ),
        (Arm::Core, Way::Engine(insert_core)),
        (Arm::Untracked, Way::Engine(insert_untracked)),
    ],
    ..PLAIN
};

/// Inserts rows and returns their keys.
pub(crate) static KEYS: Declaration = Declaration {
    name: "bulk_keys",
    sizes: &[1_000, 100_000],
    telling: &[100_000],
    gate: 1_000,
    law,
    rows: rows::none,
    reset: Reset::Once(emptied),
    arms: &[
        (
            Arm::Raw,
            Way::Raw {
                sqlite: Some(|connection, round, digest| {
                    insert_sqlite(connection, round, digest, true)
                }),
                postgres: Some(|client, round, digest| {
                    insert_postgres(client, round, digest, true)
                }),
                mariadb: Some(|client, round, digest| insert_mariadb(client, round, digest, true)),
            },
        ),
        (
            Arm::Tracked,
            Way::Engine(|engine, round, digest| orm::insert(engine, round.size, digest)),
        ),
    ],
    ..PLAIN
};

/// Sums up rows as they are read.
pub(crate) static STREAM: Declaration = Declaration {
    name: "bulk_stream",
    sizes: &[1_000, 500_000],
    telling: &[500_000],
    gate: 1_000,
    arms: &[
        (
            Arm::Raw,
            Way::Raw {
                sqlite: Some(stream_sqlite),
                postgres: Some(stream_postgres),
                mariadb: Some(stream_mariadb),
            },
        ),
        (Arm::Core, Way::Engine(stream_core)),
        (Arm::Untracked, Way::Engine(stream_untracked)),
    ],
    ..PLAIN
};

fn digest_keys(keys: Vec<i64>, keep: bool, digest: &mut Digest) {
    digest.take(keys, |keys, rows| {
        if keep {
            keys.iter().enumerate().for_each(|key| rows.add(key));
        }
    });
}

fn insert_sqlite(
    connection: &mut rusqlite::Connection,
    round: &Round,
    digest: &mut Digest,
    keep: bool,
) -> Result<()> {
    let users = new_users(round.size);
    let transaction = connection.transaction()?;
    let mut keys = Vec::new();
    {
        let mut insert =
            transaction.prepare_cached("INSERT INTO users (name, hair_color) VALUES (?1, ?2)")?;
        for user in &users {
            let key = insert.insert(rusqlite::params![user.name, user.hair_color])?;
            if keep {
                keys.push(key);
            }
        }
    }
    transaction.commit()?;
    digest_keys(keys, keep, digest);
    Ok(())
}

fn insert_postgres(
    client: &mut PostgresClient,
    round: &Round,
    digest: &mut Digest,
    keep: bool,
) -> Result<()> {
    let users = new_users(round.size);
    let mut statements = Vec::new();
    for chunk in users.chunks(ROWS) {
        statements.push(client.insert_of(chunk.len())?);
    }
    let mut transaction = client.driver.transaction()?;
    let mut keys = Vec::new();
    for (chunk, insert) in users.chunks(ROWS).zip(&statements) {
        let params: Vec<&(dyn postgres::types::ToSql + Sync)> = chunk
            .iter()
            .flat_map(|user| {
                [
                    &user.name as &(dyn postgres::types::ToSql + Sync),
                    &user.hair_color,
                ]
            })
            .collect();
        for row in transaction.query(insert, &params)? {
            if keep {
                keys.push(row.try_get(0)?);
            }
        }
    }
    transaction.commit()?;
    digest_keys(keys, keep, digest);
    Ok(())
}

fn insert_mariadb(
    client: &mut MariaDbClient,
    round: &Round,
    digest: &mut Digest,
    keep: bool,
) -> Result<()> {
    let users = new_users(round.size);
    let mut transaction = client.begin()?;
    let mut keys: Vec<i64> = Vec::new();
    for chunk in users.chunks(ROWS) {
        let (text, values) = (
            raw::mariadb::insert_of(chunk.len()),
            raw::mariadb::values(chunk),
        );
        match keep {
            true => keys.extend(transaction.exec::<i64, _, _>(text + " RETURNING id", values)?),
            false => transaction.exec_drop(text, values)?,
        }
    }
    transaction.commit()?;
    digest_keys(keys, keep, digest);
    Ok(())
}

/// COPY, which returns nothing.
fn copy_postgres(client: &mut PostgresClient, round: &Round, digest: &mut Digest) -> Result<()> {
    let users = new_users(round.size);
    let mut copy = client
        .driver
        .copy_in("COPY users (name, hair_color) FROM STDIN")?;
    let mut line = Vec::new();
    for user in &users {
        // These names contain nothing that needs to be escaped.
        let color = user.hair_color.as_deref().unwrap_or("\\N");
        writeln!(line, "{}\t{color}", user.name)?;
        if line.len() > 1 << 16 {
            copy.write_all(&line)?;
            line.clear();
        }
    }
    copy.write_all(&line)?;
    copy.finish()?;
    digest_keys(Vec::new(), false, digest);
    Ok(())
}

fn insert_core(engine: &Engine, round: &Round, digest: &mut Digest) -> OrmResult<()> {
    let users = (0..round.size).map(|index| (new_name(index), new_hair_color(index)));
    let insert = insert_into(User::table())
        .columns((User::NAME, User::HAIR_COLOR))
        .rows(users);
    let mut connection = core::begun(engine)?;
    connection.write(&insert)?;
    connection.commit()?;
    drop(connection);
    digest_keys(Vec::new(), false, digest);
    Ok(())
}

fn insert_untracked(engine: &Engine, round: &Round, digest: &mut Digest) -> OrmResult<()> {
    let users = (0..round.size).map(|index| User {
        hair_color: new_hair_color(index),
        ..User::new(new_name(index))
    });
    let mut session = Session::new(engine);
    session.insert_all(users)?;
    session.commit()?;
    drop(session);
    digest_keys(Vec::new(), false, digest);
    Ok(())
}

/// Adds a row to the sums over a stream.
fn sum(total: u64, id: i64, name: &str, color: Option<&str>) -> u64 {
    let text = name.len() + color.map_or(0, str::len);
    total
        .wrapping_add(id.unsigned_abs())
        .wrapping_add(u64::try_from(text).unwrap_or(0))
}

fn digest_sum(total: u64, digest: &mut Digest) {
    digest.take(total, |total, rows| rows.add(*total));
}

fn stream_sqlite(
    connection: &mut rusqlite::Connection,
    _: &Round,
    digest: &mut Digest,
) -> Result<()> {
    let transaction = connection.transaction()?;
    let mut total = 0;
    {
        let mut select = transaction.prepare_cached("SELECT id, name, hair_color FROM users")?;
        for user in select.query_map([], raw::sqlite::user)? {
            let user = user?;
            total = sum(total, user.id, &user.name, user.hair_color.as_deref());
        }
    }
    drop(transaction);
    digest_sum(total, digest);
    Ok(())
}

fn stream_postgres(client: &mut PostgresClient, _: &Round, digest: &mut Digest) -> Result<()> {
    let (driver, select) = client.statement("SELECT id, name, hair_color FROM users")?;
    let mut transaction = driver.transaction()?;
    let mut total = 0;
    {
        let none: [&str; 0] = [];
        let mut found = transaction.query_raw(&select, none)?;
        while let Some(row) = found.next()? {
            let user = raw::postgres::user(&row)?;
            total = sum(total, user.id, &user.name, user.hair_color.as_deref());
        }
    }
    drop(transaction);
    digest_sum(total, digest);
    Ok(())
}

fn stream_mariadb(client: &mut MariaDbClient, _: &Round, digest: &mut Digest) -> Result<()> {
    let mut transaction = client.begin()?;
    let mut total = 0;
    for row in transaction.exec_iter(raw::mariadb::ALL_USERS, ())? {
        let user = raw::mariadb::user(mysql::from_row_opt(row?)?);
        total = sum(total, user.id, &user.name, user.hair_color.as_deref());
    }
    drop(transaction);
    digest_sum(total, digest);
    Ok(())
}

fn stream_core(engine: &Engine, _: &Round, digest: &mut Digest) -> OrmResult<()> {
    let mut total = 0;
    let mut connection = core::begun(engine)?;
    connection.for_each(&core::users(), |(id, name, color): core::Row| {
        total = sum(total, *id, &name, color.as_deref());
        Ok(())
    })?;
    drop(connection);
    digest_sum(total, digest);
    Ok(())
}

fn stream_untracked(engine: &Engine, _: &Round, digest: &mut Digest) -> OrmResult<()> {
    let mut total = 0;
    let mut session = Session::new(engine);
    User::query().for_each(&mut session, |user| {
        total = sum(total, *user.id, &user.name, user.hair_color.as_deref());
        Ok(())
    })?;
    drop(session);
    digest_sum(total, digest);
    Ok(())
}
