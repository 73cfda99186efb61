//! Transactions that read one row, change it and commit, one after the other. For concurrent sessions see [`throughput`](crate::throughput).

use mysql::prelude::Queryable;
use selfsame::session::Session;
use selfsame::{Engine, Result as OrmResult};
use selfsame_gate::Law;

use crate::Result;
use crate::digest::Digest;
use crate::raw::{self, MariaDbClient, PostgresClient};
use crate::schema::User;
use crate::workload::{Arm, Declaration, PLAIN, Reset, Round, Way};

/// A transaction for each user.
pub(crate) static TX: Declaration = Declaration {
    name: "tx",
    law: |_| Law::Rows,
    growth: &[1, 10, 100],
    reset: Reset::Once(|_, _| {
        vec!["UPDATE users SET hair_color = 'hair color 0000000'".to_owned()]
    }),
    arms: &[
        (
            Arm::Raw,
            Way::Raw {
                sqlite: Some(raw_sqlite),
                postgres: Some(raw_postgres),
                mariadb: Some(raw_mariadb),
            },
        ),
        (Arm::Tracked, Way::Engine(tracked)),
    ],
    ..PLAIN
};

fn raw_sqlite(
    connection: &mut rusqlite::Connection,
    round: &Round,
    digest: &mut Digest,
) -> Result<()> {
    let color = round.hair_color();
    for key in &round.keys {
        let name = one_sqlite(connection, *key, &color)?;
        digest.take(name, |name, rows| rows.add((key, name)));
    }
    Ok(())
}

/// Runs one transaction, and returns the name of the user.
pub(crate) fn one_sqlite(
    connection: &mut rusqlite::Connection,
    key: i64,
    color: &str,
) -> Result<String> {
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let user = transaction
        .prepare_cached("SELECT id, name, hair_color FROM users WHERE id = ?1")?
        .query_row([key], raw::sqlite::user)?;
    transaction
        .prepare_cached("UPDATE users SET hair_color = ?1 WHERE id = ?2")?
        .execute(rusqlite::params![color, key])?;
    transaction.commit()?;
    Ok(user.name)
}

fn raw_postgres(client: &mut PostgresClient, round: &Round, digest: &mut Digest) -> Result<()> {
    let color = round.hair_color();
    for key in &round.keys {
        let name = one_postgres(client, *key, &color)?;
        digest.take(name, |name, rows| rows.add((key, name)));
    }
    Ok(())
}

/// Runs one transaction, and returns the name of the user.
pub(crate) fn one_postgres(client: &mut PostgresClient, key: i64, color: &str) -> Result<String> {
    let (_, select) = client.statement("SELECT id, name, hair_color FROM users WHERE id = $1")?;
    let (driver, update) = client.statement("UPDATE users SET hair_color = $1 WHERE id = $2")?;
    let mut transaction = driver.transaction()?;
    let user = raw::postgres::user(&transaction.query_one(&select, &[&key])?)?;
    transaction.execute(&update, &[&color, &key])?;
    transaction.commit()?;
    Ok(user.name)
}

fn raw_mariadb(client: &mut MariaDbClient, round: &Round, digest: &mut Digest) -> Result<()> {
    let color = round.hair_color();
    for key in &round.keys {
        let name = one_mariadb(client, *key, &color)?;
        digest.take(name, |name, rows| rows.add((key, name)));
    }
    Ok(())
}

/// Runs one transaction, and returns the name of the user.
pub(crate) fn one_mariadb(client: &mut MariaDbClient, key: i64, color: &str) -> Result<String> {
    let mut transaction = client.begin()?;
    let user = raw::mariadb::get(&mut transaction, key)?;
    let update = "UPDATE users SET hair_color = ? WHERE id = ?";
    transaction.exec_drop(update, (color, key))?;
    transaction.commit()?;
    Ok(user.name)
}

fn tracked(engine: &Engine, round: &Round, digest: &mut Digest) -> OrmResult<()> {
    let color = round.hair_color();
    for key in &round.keys {
        let name = one_tracked(engine, *key, &color)?;
        digest.take(name, |name, rows| rows.add((key, name)));
    }
    Ok(())
}

/// Runs one transaction in a separate session, and returns the name of the user.
pub(crate) fn one_tracked(engine: &Engine, key: i64, color: &str) -> OrmResult<String> {
    let options = selfsame::session::TransactionOptions::new().writes();
    let mut session = Session::new(engine);
    session.transaction_with(options, |session| {
        let user = session
            .get::<User>(key)?
            .ok_or_else(|| selfsame::Error::new(selfsame::ErrorKind::NoRow, "no such user"))?;
        session[user].hair_color = Some(color.to_owned());
        Ok(session[user].name.clone())
    })
}
