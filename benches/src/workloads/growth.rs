//! Operations of a session with many objects in memory, whose cost per object must not grow.

use selfsame::session::{Handle, Session};
use selfsame::{Engine, Entity, Result as OrmResult};
use selfsame_gate::Law;

use crate::digest::Digest;
use crate::rows::{self, new_name};
use crate::schema::{Comment, Post, User};
use crate::workload::{Arm, Backend, Declaration, PLAIN, Reset, Round, Way};

const SIZES: &[usize] = &[1, 10, 100, 1_000, 10_000, 100_000];

macro_rules! growth {
    ($($(#[$doc:meta])* $declared:ident = $name:literal, $rows:expr, $law:expr, $reset:expr, $run:ident;)*) => {$(
        $(#[$doc])*
        pub(crate) static $declared: Declaration = Declaration {
            name: $name,
            growth: SIZES,
            law: $law,
            rows: $rows,
            reset: $reset,
            arms: &[(Arm::Tracked, Way::Engine($run))],
            leaves: &[],
            timed: false,
            ..PLAIN
        };
    )*};
}

growth! {
    /// A user with many posts, each with a comment, flushed.
    GRAPH = "grow_graph", rows::none, batches, Reset::Always(empty), graph;
    /// Many posts pushed to one collection.
    PUSH = "grow_push", rows::none, batches, Reset::Always(empty), push;
    /// Loaded and changed objects, expunged one by one.
    EXPUNGE = "grow_expunge", rows::users, |_| Law::Constant, Reset::Nothing, expunge;
    /// Added objects, expunged one by one.
    EXPUNGE_PENDING = "grow_expunge_pending", rows::none, |_| Law::Constant, Reset::Nothing, expunge_pending;
    /// Loaded objects expired and read again.
    REFRESH = "grow_refresh", rows::users, |_| Law::Constant, Reset::Nothing, refresh;
    /// Changed objects, overwritten with their rows in the database.
    POPULATE = "grow_populate", rows::users, |_| Law::Constant, Reset::Nothing, populate;
    /// Objects changed in one savepoint each; half of the savepoints are rolled back.
    SAVEPOINT = "grow_savepoint", rows::users, |_| Law::Rows, Reset::Nothing, savepoint;
    /// All rows changed by one statement, with their objects in memory.
    BULK_UPDATE = "grow_bulk_update", rows::users, |_| Law::Constant, Reset::Nothing, bulk_update;
    /// Each way to load a relation eagerly.
    LOADERS = "grow_loaders", rows::users_with_posts, batches, Reset::Nothing, loaders;
    /// Values merged into a session that has their objects, and into one that does not.
    MERGE = "grow_merge", rows::users, |_| Law::Rows, Reset::Nothing, merge;
    /// Deletes that are rolled back.
    ROLLBACK = "grow_rollback", rows::users, batches, Reset::Nothing, rollback;
}

fn batches(_: Backend) -> Law {
    Law::Batches(32)
}

fn empty(backend: Backend, _: usize) -> Vec<String> {
    match backend {
        Backend::Sqlite | Backend::MariaDb => vec![
            "DELETE FROM comments".to_owned(),
            "DELETE FROM posts".to_owned(),
            "DELETE FROM users".to_owned(),
        ],
        Backend::Postgres => vec!["TRUNCATE users RESTART IDENTITY CASCADE".to_owned()],
    }
}

fn graph(engine: &Engine, round: &Round, digest: &mut Digest) -> OrmResult<()> {
    let mut session = Session::new(engine);
    let post = |index| Post {
        comments: [Comment::new(0, "said")].into(),
        ..Post::new(0, format!("Post {index}"))
    };
    session.add(User {
        posts: (0..round.size).map(post).collect(),
        ..User::new("ann")
    });
    session.commit()?;
    digest.take(session, |_, _| {});
    Ok(())
}

fn push(engine: &Engine, round: &Round, digest: &mut Digest) -> OrmResult<()> {
    let mut session = Session::new(engine);
    let user = session.add(User::new("ann"));
    for index in 0..round.size {
        let post = session.add(Post::new(0, format!("Post {index}")));
        session.push(user, User::POSTS, post)?;
    }
    session.commit()?;
    digest.take(session, |_, _| {});
    Ok(())
}

fn changed(session: &mut Session) -> OrmResult<Vec<Handle<User>>> {
    let users = User::query().all(session)?;
    for &user in &users {
        session[user].hair_color = Some("changed".to_owned());
    }
    Ok(users)
}

fn expunge(engine: &Engine, _: &Round, digest: &mut Digest) -> OrmResult<()> {
    let mut session = Session::new(engine);
    for user in changed(&mut session)? {
        session.expunge(user)?;
    }
    digest.take(session, |_, _| {});
    Ok(())
}

fn expunge_pending(engine: &Engine, round: &Round, digest: &mut Digest) -> OrmResult<()> {
    let mut session = Session::new(engine);
    let users: Vec<_> = (0..round.size)
        .map(|index| session.add(User::new(new_name(index))))
        .collect();
    for user in users {
        session.expunge(user)?;
    }
    digest.take(session, |_, _| {});
    Ok(())
}

fn refresh(engine: &Engine, _: &Round, digest: &mut Digest) -> OrmResult<()> {
    let mut session = Session::new(engine);
    User::query().all(&mut session)?;
    session.expire_all();
    let users = User::query().all(&mut session)?;
    digest.take((users, session), |_, _| {});
    Ok(())
}

fn populate(engine: &Engine, _: &Round, digest: &mut Digest) -> OrmResult<()> {
    let mut session = Session::new(engine);
    changed(&mut session)?;
    session.no_autoflush(|session| User::query().populate_existing().all(session))?;
    digest.take(session, |_, _| {});
    Ok(())
}

fn savepoint(engine: &Engine, _: &Round, digest: &mut Digest) -> OrmResult<()> {
    let mut session = Session::new(engine);
    let users = User::query().all(&mut session)?;
    for (index, user) in users.into_iter().enumerate() {
        let undone = session.savepoint(|session| {
            session[user].hair_color = Some("changed".to_owned());
            match index.is_multiple_of(2) {
                true => Ok(()),
                false => Err(selfsame::Error::new(
                    selfsame::ErrorKind::Validation,
                    "not wanted",
                )),
            }
        });
        debug_assert_eq!(undone.is_ok(), index.is_multiple_of(2));
    }
    session.rollback()?;
    digest.take(session, |_, _| {});
    Ok(())
}

fn bulk_update(engine: &Engine, round: &Round, digest: &mut Digest) -> OrmResult<()> {
    let mut session = Session::new(engine);
    User::query().all(&mut session)?;
    User::query()
        .update()
        .set(User::HAIR_COLOR, Some(round.hair_color()))
        .execute(&mut session)?;
    session.commit()?;
    digest.take(session, |_, _| {});
    Ok(())
}

fn loaders(engine: &Engine, _: &Round, digest: &mut Digest) -> OrmResult<()> {
    for query in [
        User::query().with(User::POSTS.selectin()),
        User::query().with(User::POSTS.joined()),
    ] {
        let mut session = Session::new(engine);
        let users = query.all(&mut session)?;
        digest.take((users, session), |_, _| {});
    }
    let mut session = Session::new(engine);
    let posts = Post::query()
        .with(Post::USER.selectin())
        .all(&mut session)?;
    digest.take((posts, session), |_, _| {});
    Ok(())
}

fn merge(engine: &Engine, round: &Round, digest: &mut Digest) -> OrmResult<()> {
    let mut session = Session::new(engine);
    User::query().all(&mut session)?;
    for &key in &round.keys {
        session.merge(User {
            id: key.into(),
            ..User::new("merged")
        })?;
    }
    session.no_autoflush(|session| {
        for index in 0..round.size {
            session.merge(User {
                id: (rows::key(index) + 1_000_000_000).into(),
                ..User::new("new")
            })?;
        }
        Ok(())
    })?;
    session.rollback()?;
    digest.take(session, |_, _| {});
    Ok(())
}

fn rollback(engine: &Engine, _: &Round, digest: &mut Digest) -> OrmResult<()> {
    let mut session = Session::new(engine);
    for user in User::query().all(&mut session)? {
        session.delete(user)?;
    }
    session.flush()?;
    session.rollback()?;
    digest.take(session, |_, _| {});
    Ok(())
}
