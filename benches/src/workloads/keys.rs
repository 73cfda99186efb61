//! Users by key: one after the other, from an empty identity map and from a full one, and all at once.

use mysql::prelude::Queryable;
use selfsame::session::Session;
use selfsame::{Engine, Entity, Result as OrmResult};
use selfsame_gate::Law;

use crate::Result;
use crate::digest::Digest;
use crate::raw::{self, MariaDbClient, PostgresClient};
use crate::schema::User;
use crate::workload::{Arm, Backend, Declaration, PLAIN, Reset, Round, Way};
use crate::{core, orm};

/// Every user by key, one after the other, from an empty identity map.
pub(crate) static COLD: Declaration = Declaration {
    name: "pk_cold",
    law: |_| Law::Rows,
    growth: &[1, 10, 100, 1_000],
    arms: &[
        (Arm::Raw, Way::Client(raw_each)),
        (
            Arm::Core,
            Way::Engine(|engine, round, digest| core::get_each(engine, &round.keys, digest)),
        ),
        (
            Arm::Tracked,
            Way::Engine(|engine, round, digest| orm::get_each(engine, &round.keys, digest)),
        ),
    ],
    ..PLAIN
};

/// The same from an identity map that holds all of them. The raw arm has no identity map, so it reads.
pub(crate) static WARM: Declaration = Declaration {
    name: "pk_warm",
    reset: Reset::Warm(warm),
    arms: &[
        (Arm::Raw, Way::Client(raw_each)),
        (
            Arm::Tracked,
            Way::Session(|session, round, digest| orm::get_known(session, &round.keys, digest)),
        ),
    ],
    ..PLAIN
};

/// All users by their keys at once. The raw arm reads one after the other.
pub(crate) static MANY: Declaration = Declaration {
    name: "pk_many",
    law: |backend| match backend {
        Backend::Sqlite => Law::Batches(512),
        Backend::Postgres => Law::Constant,
        Backend::MariaDb => Law::Batches(512),
    },
    arms: &[
        (Arm::Raw, Way::Client(raw_each)),
        (
            Arm::Tuned,
            Way::Raw {
                sqlite: Some(tuned_sqlite),
                postgres: Some(tuned_postgres),
                mariadb: Some(tuned_mariadb),
            },
        ),
        (
            Arm::Core,
            Way::Engine(|engine, round, digest| core::get_many(engine, &round.keys, digest)),
        ),
        (
            Arm::Tracked,
            Way::Engine(|engine, round, digest| orm::get_many(engine, &round.keys, digest)),
        ),
    ],
    ..PLAIN
};

fn warm(engine: &Engine) -> OrmResult<Session> {
    let mut session = Session::new(engine);
    User::query().all(&mut session)?;
    Ok(session)
}

fn raw_each(client: &mut dyn raw::Client, round: &Round, digest: &mut Digest) -> Result<()> {
    let users = client.get_each(&round.keys)?;
    digest_users(users, digest);
    Ok(())
}

fn digest_users(users: Vec<raw::User>, digest: &mut Digest) {
    digest.take(users, |users, rows| {
        users.iter().for_each(|user| rows.raw_user(user));
    });
}

fn tuned_sqlite(
    connection: &mut rusqlite::Connection,
    round: &Round,
    digest: &mut Digest,
) -> Result<()> {
    let transaction = connection.transaction()?;
    let mut users = Vec::with_capacity(round.keys.len());
    for keys in round.keys.chunks(512) {
        let text = format!(
            "SELECT id, name, hair_color FROM users WHERE id IN ({})",
            raw::sqlite::placeholders(keys.len())
        );
        let mut select = transaction.prepare_cached(&text)?;
        let found = select.query_map(rusqlite::params_from_iter(keys), raw::sqlite::user)?;
        for user in found {
            users.push(user?);
        }
    }
    drop(transaction);
    digest_users(users, digest);
    Ok(())
}

fn tuned_postgres(client: &mut PostgresClient, round: &Round, digest: &mut Digest) -> Result<()> {
    let (driver, select) =
        client.statement("SELECT id, name, hair_color FROM users WHERE id = ANY($1)")?;
    let found = driver.query(&select, &[&round.keys])?;
    let users = found
        .iter()
        .map(raw::postgres::user)
        .collect::<Result<_>>()?;
    digest_users(users, digest);
    Ok(())
}

fn tuned_mariadb(client: &mut MariaDbClient, round: &Round, digest: &mut Digest) -> Result<()> {
    let list = raw::sqlite::placeholders(round.keys.len());
    let users = client.0.exec_map(
        format!("{} WHERE id IN ({list})", raw::mariadb::ALL_USERS),
        raw::mariadb::keys(round.keys.iter().copied()),
        raw::mariadb::user,
    )?;
    digest_users(users, digest);
    Ok(())
}
