//! Phases of a session: closures that do not nest, hooks that change objects, panics.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use selfsame::prelude::*;
use selfsame::session::TransactionOptions;
use selfsame::{Error, ErrorKind};

use crate::case::Cover::Rule;
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::world::{Task, User, World};

pub(super) const CASES: &[Case] = &[
    Case::core("sessions.transaction.nested", nested)
        .since(17)
        .needs(&[Capability::Transactions])
        .promise("Inside a transaction's closure, `transaction`, `retry`, `commit` and `rollback` are refused with an error that suggests `savepoint`, and have no effect.")
        .suspects_orm()
        .covers(&[Rule(32)]),
    Case::core("sessions.transaction.panic", panic_in_transaction)
        .since(17)
        .needs(&[Capability::Transactions])
        .promise("A panic in a transaction's closure rolls it back: nothing half-done is committed later, and none of its options stay in effect.")
        .hint("ROLLBACK must undo what was flushed.")
        .covers(&[Rule(32), Rule(36)]),
    Case::full("sessions.savepoint.panic", panic_in_savepoint)
        .since(17)
        .needs(&[Capability::Transactions, Capability::Savepoints])
        .promise("A panic in a savepoint's closure rolls back the savepoint, and the outer transaction continues.")
        .hint("ROLLBACK TO must undo what was flushed inside.")
        .covers(&[Rule(32), Rule(36)]),
    Case::core("sessions.hooks.written_along", written_along)
        .since(17)
        .needs(&[Capability::Transactions])
        .promise("Objects that a hook adds, changes or relates after a flush are written in the same commit, also in `transaction`.")
        .suspects_orm()
        .covers(&[Rule(36)]),
    Case::full("sessions.hooks.before_savepoint", before_savepoint)
        .since(17)
        .needs(&[Capability::Transactions, Capability::Savepoints])
        .promise("Changes that a hook makes after the flush that opens a savepoint belong to the outer transaction and survive the savepoint's rollback.")
        .suspects_orm()
        .covers(&[Rule(32), Rule(36)]),
    Case::core("sessions.hooks.endless", endless)
        .since(17)
        .needs(&[Capability::Transactions])
        .promise("A hook that changes something after every flush ends the commit with an error, and nothing is committed.")
        .hint("ROLLBACK must undo the flushes.")
        .covers(&[Rule(36)]),
    Case::core("sessions.hooks.panic", panic_in_hook)
        .since(17)
        .needs(&[Capability::Transactions])
        .promise("After a panic in any hook nothing half-done is committed, and `rollback` or `close` makes the session usable again.")
        .hint("ROLLBACK must undo the flush.")
        .covers(&[Rule(36)]),
    Case::core("sessions.fields.refused", refused_fields)
        .since(17)
        .needs(&[Capability::Transactions])
        .promise("A stale handle in a relation field is refused by the flush before anything is sent: earlier flushes stand, and the object is not written without the relation.")
        .suspects_orm()
        .covers(&[Rule(4)]),
];

fn changed_mind<T>() -> selfsame::Result<T> {
    Err(Error::new(ErrorKind::InvalidState, "a change of mind"))
}

fn nested(context: &mut Context) -> CaseResult {
    type Nested = fn(&mut Session) -> selfsame::Result<()>;
    let all: [(&str, Nested); 5] = [
        ("transaction", |s| {
            s.transaction(|s| Ok(s.add(User::new("inner")))).map(drop)
        }),
        ("transaction_with", |s| {
            let options = TransactionOptions::new();
            s.transaction_with(options, |s| Ok(s.add(User::new("inner"))))
                .map(drop)
        }),
        ("retry", |s| {
            s.retry(2, |s| Ok(s.add(User::new("inner")))).map(drop)
        }),
        ("commit", Session::commit),
        ("rollback", Session::rollback),
    ];
    let world = World::new(context)?;
    for (name, nested) in all {
        for fails in [true, false] {
            let mut session = world.session();
            let mut refused = None;
            let result = session.transaction(|s| {
                s.add(User::new("before"));
                s.flush()?;
                refused = Some(nested(s));
                s.add(User::new("after"));
                if fails { changed_mind() } else { Ok(()) }
            });
            let names_savepoint = matches!(
                &refused,
                Some(Err(error)) if error.kind() == ErrorKind::InvalidState
                    && error.to_string().contains("savepoint")
            );
            check!(
                names_savepoint,
                "`{name}` inside a transaction must be refused and name `savepoint`, returned {refused:?}"
            );
            check_eq!(result.is_err(), fails, "the outer closure ends as it says");
            session.commit()?;
            let names: Vec<String> = world.users()?.into_iter().map(|user| user.name).collect();
            let wanted: &[&str] = if fails { &[] } else { &["before", "after"] };
            check_eq!(names, wanted, "`{name}` must change nothing");
        }
        world.empty(&["users"])?;
    }
    Ok(())
}

/// Runs work that must panic.
fn panics(session: &mut Session, work: impl FnOnce(&mut Session)) -> CaseResult {
    let panicked = catch_unwind(AssertUnwindSafe(|| work(session))).is_err();
    check!(panicked, "a panic must reach the program");
    Ok(())
}

fn half(session: &mut Session) -> selfsame::Result<()> {
    session.add(User::new("half"));
    session.flush()?;
    session.add(User::new("pending"));
    std::panic::panic_any("in a closure")
}

fn panic_in_transaction(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let mut session = world.session();
    panics(&mut session, |s| drop(s.transaction(half)))?;
    panics(&mut session, |s| drop(s.retry(3, half)))?;
    panics(&mut session, |s| {
        drop(s.no_autoflush(|s| s.transaction(half)))
    })?;
    session.add(User::new("next"));
    check_eq!(
        User::query().count(&mut session)?,
        1,
        "queries must flush again"
    );
    session.commit()?;
    check_eq!(
        world.users()?.len(),
        1,
        "nothing incomplete may be committed"
    );
    Ok(())
}

fn panic_in_savepoint(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let mut session = world.session();
    let ann = session.add(User::new("ann"));
    panics(&mut session, |s| {
        drop(s.savepoint(|s| {
            s[ann].age = Some(3);
            half(s)
        }));
    })?;
    check_eq!(session[ann].age, None, "the savepoint must be undone");
    session.commit()?;
    let users = world.users()?;
    check_eq!(users.len(), 1, "changes inside must be undone");
    check_eq!(users[0].age, None, "and what is outside must be unchanged");
    Ok(())
}

/// Calls a hook only the first time.
fn once(
    work: impl Fn(&mut Session) -> selfsame::Result<()> + Send + Sync + 'static,
) -> impl Fn(&mut Session) -> selfsame::Result<()> + Send + Sync + 'static {
    let is_done = AtomicBool::new(false);
    move |session| match is_done.swap(true, Ordering::Relaxed) {
        true => Ok(()),
        false => work(session),
    }
}

fn written_along(context: &mut Context) -> CaseResult {
    type End = fn(&mut Session) -> selfsame::Result<()>;
    let ends: [(&str, End); 2] = [
        ("commit", Session::commit),
        ("transaction", |s| s.transaction(|_| Ok(()))),
    ];
    let world = World::new(context)?;
    for (name, end) in ends {
        let mut session = world.session();
        let bob = session.add(User::new("bob"));
        let old = session.add(Task::new("old"));
        session.commit()?;
        let ann = session.add(User::new("ann"));
        session.hook(Hook::after_flush(once(move |s| {
            s.add(Task {
                user: ann.into(),
                ..Task::new("new")
            });
            s.set(old, Task::USER, Some(ann))?;
            s[bob].age = Some(77);
            Ok(())
        })));
        end(&mut session)?;
        check!(
            !session.in_transaction(),
            "`{name}` must end the transaction"
        );
        let (users, tasks) = (world.users()?, world.tasks()?);
        check_eq!(users[0].age, Some(77), "a changed column, after `{name}`");
        let ann = users[1].id.get().copied();
        let owners: Vec<Option<i64>> = tasks.iter().map(|task| task.user_id).collect();
        check_eq!(
            owners,
            [ann, ann],
            "an added and a related object, after `{name}`"
        );
        session[bob].age = Some(78);
        session.commit()?;
        check_eq!(world.users()?[0].age, Some(78), "the next change");
        world.empty(&["tasks", "users"])?;
    }
    Ok(())
}

fn before_savepoint(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let mut session = world.session();
    let bob = session.add(User::new("bob"));
    session.commit()?;
    session.hook(Hook::after_flush(once(move |s| {
        s.add(Task::new("audit"));
        s[bob].age = Some(77);
        Ok(())
    })));
    session.add(User::new("ann"));
    let undone = session.savepoint(|_| changed_mind::<()>());
    check!(undone.is_err(), "the closure's error must be reported");
    session.commit()?;
    check_eq!(
        world.tasks()?.len(),
        1,
        "objects added by the hook must be written"
    );
    check_eq!(
        world.users()?[0].age,
        Some(77),
        "changes by the hook must be written"
    );
    Ok(())
}

fn endless(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let mut session = world.session();
    session.hook(Hook::after_flush(|s| {
        s.add(Task::new("more"));
        Ok(())
    }));
    session.add(User::new("ann"));
    let result = session.commit();
    check!(
        matches!(&result, Err(error) if error.kind() == ErrorKind::InvalidState),
        "the commit must be refused, returned {result:?}"
    );
    session.rollback()?;
    check_eq!(world.users()?.len(), 0, "nothing may be committed");
    check_eq!(world.tasks()?.len(), 0, "nothing may be committed");
    Ok(())
}

fn panic_in_hook(context: &mut Context) -> CaseResult {
    fn boom() {
        std::panic::panic_any("in a hook")
    }
    fn of_session() -> impl Fn(&mut Session) -> selfsame::Result<()> + Send + Sync + 'static {
        once(|_| {
            boom();
            Ok(())
        })
    }
    fn of_end() -> impl Fn(&mut Session) + Send + Sync + 'static {
        let work = of_session();
        move |session| drop(work(session))
    }
    fn of_user() -> impl Fn() + Send + Sync + 'static {
        let is_done = AtomicBool::new(false);
        move || {
            if !is_done.swap(true, Ordering::Relaxed) {
                boom();
            }
        }
    }
    macro_rules! user_hook {
        ($name:ident) => {
            || {
                let work = of_user();
                Hook::$name::<User>(move |_| {
                    work();
                    Ok(())
                })
            }
        };
    }
    type Made = fn() -> Hook;
    let hooks: [(&str, Made); 13] = [
        ("before_flush", || Hook::before_flush(of_session())),
        ("after_flush", || Hook::after_flush(of_session())),
        ("before_commit", || Hook::before_commit(of_session())),
        ("after_commit", || Hook::after_commit(of_end())),
        ("before_rollback", || Hook::before_rollback(of_end())),
        ("after_rollback", || Hook::after_rollback(of_end())),
        ("before_insert", user_hook!(before_insert)),
        ("after_insert", user_hook!(after_insert)),
        ("before_update", user_hook!(before_update)),
        ("after_update", user_hook!(after_update)),
        ("before_delete", user_hook!(before_delete)),
        ("after_delete", user_hook!(after_delete)),
        ("load", user_hook!(load)),
    ];
    let world = World::new(context)?;
    for (name, hook) in hooks {
        for closes in [false, true] {
            let keys = world.with_users(&["changed", "deleted"])?;
            let mut session = world.session();
            let deleted = session.get::<User>(keys[1])?;
            session.hook(hook());
            let ends_in_rollback = name.ends_with("rollback");
            panics(&mut session, |s| {
                let mut work = || -> selfsame::Result<()> {
                    let changed = s.get::<User>(keys[0])?;
                    s.add(User::new("half"));
                    if let Some((changed, deleted)) = changed.zip(deleted) {
                        s[changed].age = Some(5);
                        s.delete(deleted)?;
                    }
                    if ends_in_rollback {
                        s.flush()?;
                        return s.rollback();
                    }
                    s.commit()
                };
                drop(work());
            })?;
            let is_committed = name == "after_commit";
            if !is_committed && !ends_in_rollback {
                let refused = session.commit().map_err(|error| error.kind());
                check_eq!(
                    refused,
                    Err(ErrorKind::PendingRollback),
                    "a commit after a panic in `{name}`"
                );
            }
            if closes {
                session.close();
            } else {
                session.rollback()?;
            }
            session.add(User::new("next"));
            session.commit()?;
            let names: Vec<String> = world.users()?.into_iter().map(|user| user.name).collect();
            let wanted: &[&str] = match is_committed {
                true => &["changed", "half", "next"],
                false => &["changed", "deleted", "next"],
            };
            check_eq!(names, wanted, "the rows after a panic in `{name}`");
            world.empty(&["users"])?;
        }
    }
    Ok(())
}

fn refused_fields(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let mut session = world.session();
    let stale = session.add(User::new("stale"));
    session.take(stale)?;
    session.add(User::new("kept"));
    session.flush()?;
    let task = session.add(Task {
        user: stale.into(),
        ..Task::new("without")
    });
    for what in ["first", "second"] {
        let refused = session.commit().map_err(|error| error.kind());
        check_eq!(
            refused,
            Err(ErrorKind::StaleHandle),
            "the {what} commit must be refused"
        );
    }
    session.take(task)?;
    session.commit()?;
    check_eq!(world.users()?.len(), 1, "earlier flushes must stay");
    check_eq!(world.tasks()?.len(), 0, "the object must not be written");
    Ok(())
}
