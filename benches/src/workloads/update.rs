//! Loading users, changing one column of each, and committing.

use selfsame_gate::Law;

use crate::Result;
use crate::digest::Digest;
use crate::raw::{self, MariaDbClient, PostgresClient};
use crate::workload::{Arm, Backend, Declaration, PLAIN, Reset, Round, Way};
use crate::{core, orm};

/// Changes one column of all users.
pub(crate) static UPDATE: Declaration = Declaration {
    name: "update",
    law: |backend| match backend {
        // The ORM runs one prepared statement for each row.
        Backend::Sqlite | Backend::MariaDb => Law::Rows,
        Backend::Postgres => Law::Constant,
    },
    reset: Reset::Once(recolored),
    arms: &[
        (Arm::Raw, Way::Client(raw)),
        (
            Arm::Tuned,
            Way::Raw {
                sqlite: None,
                postgres: Some(tuned_postgres),
                mariadb: Some(tuned_mariadb),
            },
        ),
        (
            Arm::Core,
            Way::Engine(|engine, round, digest| core::change(engine, &round.hair_color(), digest)),
        ),
        (
            Arm::Tracked,
            Way::Engine(|engine, round, digest| orm::update(engine, &round.hair_color(), digest)),
        ),
    ],
    ..PLAIN
};

/// Gives all users a hair color that no round uses.
fn recolored(backend: Backend, _: usize) -> Vec<String> {
    let mut statements = vec!["UPDATE users SET hair_color = 'hair color 0000000'".to_owned()];
    if backend == Backend::Postgres {
        statements.push("VACUUM users".to_owned());
    }
    statements
}

fn raw(client: &mut dyn raw::Client, round: &Round, digest: &mut Digest) -> Result<()> {
    let users = client.update(&round.hair_color())?;
    digest.take(users, |users, rows| {
        users.iter().for_each(|user| rows.raw_user(user));
    });
    Ok(())
}

fn tuned_postgres(client: &mut PostgresClient, round: &Round, digest: &mut Digest) -> Result<()> {
    let hair_color = round.hair_color();
    let (_, select) = client.statement("SELECT id, name, hair_color FROM users")?;
    let (driver, update) = client.statement(
        "UPDATE users AS t SET hair_color = v.c FROM UNNEST($1::text[], $2::bigint[]) AS v(c, k) WHERE t.id = v.k",
    )?;
    let mut transaction = driver.transaction()?;
    let found = transaction.query(&select, &[])?;
    let mut users: Vec<raw::User> = found
        .iter()
        .map(raw::postgres::user)
        .collect::<Result<_>>()?;
    for user in &mut users {
        user.hair_color = Some(hair_color.clone());
    }
    let colors: Vec<Option<&str>> = users
        .iter()
        .map(|user| user.hair_color.as_deref())
        .collect();
    let keys: Vec<i64> = users.iter().map(|user| user.id).collect();
    transaction.execute(&update, &[&colors, &keys])?;
    transaction.commit()?;
    digest.take(users, |users, rows| {
        users.iter().for_each(|user| rows.raw_user(user));
    });
    Ok(())
}

fn tuned_mariadb(client: &mut MariaDbClient, round: &Round, digest: &mut Digest) -> Result<()> {
    let hair_color = round.hair_color();
    let mut transaction = client.begin()?;
    let mut users = raw::mariadb::all_users(&mut transaction)?;
    for user in &mut users {
        user.hair_color = Some(hair_color.clone());
    }
    raw::mariadb::recolor(&mut transaction, &users)?;
    transaction.commit()?;
    digest.take(users, |users, rows| {
        users.iter().for_each(|user| rows.raw_user(user));
    });
    Ok(())
}
