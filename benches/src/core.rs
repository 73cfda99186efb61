//! The arms of the expression language: statements on a connection, without a session.

use selfsame::dialect::Begin;
use selfsame::engine::Connected;
use selfsame::sql::{Select, select, update};
use selfsame::value::Auto;
use selfsame::{Engine, Entity, Result};

use crate::digest::Digest;
use crate::schema::User;

pub(crate) type Row = (Auto<i64>, String, Option<String>);

pub(crate) fn all(engine: &Engine, digest: &mut Digest) -> Result<()> {
    let mut connection = begun(engine)?;
    let users = connection.all(&users())?;
    drop(connection);
    digest_users(users, digest);
    Ok(())
}

pub(crate) fn get_each(engine: &Engine, keys: &[i64], digest: &mut Digest) -> Result<()> {
    let mut connection = begun(engine)?;
    let found = keys
        .iter()
        .map(|key| connection.one(&users().filter(User::ID.eq(*key))));
    let found = found.collect::<Result<Vec<Row>>>()?;
    drop(connection);
    digest_users(found, digest);
    Ok(())
}

pub(crate) fn get_many(engine: &Engine, keys: &[i64], digest: &mut Digest) -> Result<()> {
    let mut connection = begun(engine)?;
    let found = connection.all(&users().filter(User::ID.in_(keys.to_vec())))?;
    drop(connection);
    digest_users(found, digest);
    Ok(())
}

pub(crate) fn change(engine: &Engine, hair_color: &str, digest: &mut Digest) -> Result<()> {
    let mut connection = begun(engine)?;
    let mut found = connection.all(&users())?;
    for (id, _, color) in &mut found {
        *color = Some(hair_color.to_owned());
        let change = update(User::table())
            .set(User::HAIR_COLOR, hair_color)
            .filter(User::ID.eq(**id));
        connection.write(&change)?;
    }
    connection.commit()?;
    drop(connection);
    digest_users(found, digest);
    Ok(())
}

pub(crate) fn users() -> Select<Row> {
    select((User::ID, User::NAME, User::HAIR_COLOR)).from(User::table())
}

pub(crate) fn begun(engine: &Engine) -> Result<Connected> {
    let mut connection = engine.connect()?;
    connection.begin(Begin::default())?;
    Ok(connection)
}

pub(crate) fn digest_users(users: Vec<Row>, digest: &mut Digest) {
    digest.take(users, |users, rows| {
        for (id, name, hair_color) in users {
            rows.add(("user", **id, name, hair_color));
        }
    });
}
