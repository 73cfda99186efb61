//! The arms of the ORM: a fresh session for each run, dropped inside the timing.

use selfsame::session::{Handle, Session};
use selfsame::{Engine, Entity, Result};

use crate::digest::{Digest, Rows};
use crate::rows::{new_hair_color, new_name};
use crate::schema::{Post, User};

pub(crate) fn all_rows(engine: &Engine, digest: &mut Digest) -> Result<()> {
    let mut session = Session::new(engine);
    let users = User::query().rows(&mut session)?;
    digest.take((users, session), |(users, _), rows| {
        users.iter().for_each(|user| rows.user(user));
    });
    Ok(())
}

pub(crate) fn all(engine: &Engine, digest: &mut Digest) -> Result<()> {
    let mut session = Session::new(engine);
    let users = User::query().all(&mut session)?;
    digest.take((users, session), |(users, session), rows| {
        users.iter().for_each(|user| rows.user(&session[*user]));
    });
    Ok(())
}

pub(crate) fn insert(engine: &Engine, count: usize, digest: &mut Digest) -> Result<()> {
    let new = |index| User {
        hair_color: new_hair_color(index),
        ..User::new(new_name(index))
    };
    let mut session = Session::new(engine);
    let users: Vec<Handle<User>> = (0..count).map(|index| session.add(new(index))).collect();
    session.commit()?;
    digest.take((users, session), |(users, session), rows| {
        for (index, user) in users.iter().enumerate() {
            rows.add((index, *session[*user].id));
        }
    });
    Ok(())
}

pub(crate) fn get_each(engine: &Engine, keys: &[i64], digest: &mut Digest) -> Result<()> {
    let mut session = Session::new(engine);
    let users = get_each_in(&mut session, keys)?;
    digest.take((users, session), |(users, session), rows| {
        users.iter().for_each(|user| rows.user(&session[*user]));
    });
    Ok(())
}

/// From a session that has all of them in its identity map.
pub(crate) fn get_known(session: &mut Session, keys: &[i64], digest: &mut Digest) -> Result<()> {
    let users = get_each_in(session, keys)?;
    digest.take((users, session), |(users, session), rows| {
        users.iter().for_each(|user| rows.user(&session[*user]));
    });
    Ok(())
}

pub(crate) fn get_many(engine: &Engine, keys: &[i64], digest: &mut Digest) -> Result<()> {
    let mut session = Session::new(engine);
    let users = session.get_many::<User>(keys.iter().copied())?;
    digest.take((users, session), |(users, session), rows| {
        users.iter().for_each(|user| rows.user(&session[*user]));
    });
    Ok(())
}

pub(crate) fn update(engine: &Engine, hair_color: &str, digest: &mut Digest) -> Result<()> {
    let mut session = Session::new(engine);
    let users = User::query().all(&mut session)?;
    for &user in &users {
        session[user].hair_color = Some(hair_color.to_owned());
    }
    session.commit()?;
    digest.take((users, session), |(users, session), rows| {
        users.iter().for_each(|user| rows.user(&session[*user]));
    });
    Ok(())
}

pub(crate) fn associations(engine: &Engine, digest: &mut Digest) -> Result<()> {
    let mut session = Session::new(engine);
    let users = User::query()
        .with(User::POSTS.selectin().then(Post::COMMENTS.selectin()))
        .all(&mut session)?;
    digest.take((users, session), |(users, session), rows| {
        for &user in users {
            rows.user(&session[user]);
            posts(session, user, rows);
        }
    });
    Ok(())
}

fn get_each_in(session: &mut Session, keys: &[i64]) -> Result<Vec<Handle<User>>> {
    let mut users = Vec::with_capacity(keys.len());
    for &key in keys {
        users.extend(session.get::<User>(key)?);
    }
    Ok(users)
}

/// Counts only what is loaded, so that an arm that loads too little differs.
fn posts(session: &Session, user: Handle<User>, rows: &mut Rows) {
    for post in loaded(session.loaded(user, User::POSTS)) {
        rows.post(*session[user].id, &session[post]);
        for comment in loaded(session.loaded(post, Post::COMMENTS)) {
            rows.comment(*session[post].id, &session[comment]);
        }
    }
}

pub(crate) fn loaded<To>(found: Result<Option<Vec<Handle<To>>>>) -> Vec<Handle<To>> {
    found.ok().flatten().unwrap_or_default()
}
