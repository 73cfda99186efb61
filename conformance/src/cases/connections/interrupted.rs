//! Programs of every kind, in which one call to the backend fails: each call in turn, in each way. Afterwards the database, the session and the
//! next users of the pool are checked.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use selfsame::prelude::*;
use selfsame::sql::{count_all, select};
use selfsame::{Error, ErrorKind, Result};

use crate::case::Cover::{Contract, Rule};
use crate::case::{Capability, Case, CaseResult, Failure};
use crate::context::Context;
use crate::interrupt::{COMMIT, How, Interrupted, Plan};
use crate::world::{Task, User, World};

/// Shared by all programs.
const NEEDS: &[Capability] = &[
    Capability::Transactions,
    Capability::GeneratedKeys,
    Capability::SecondConnection,
];

pub(super) const CASES: &[Case] = &[
    Case::full("connections.interrupted.graph", |c| interrupted(c, &GRAPH))
        .since(19)
        .needs(NEEDS)
        .promise("Whichever backend call fails while an object graph is committed, and however: all or nothing is written, the outcome is reported or ambiguous, and the pool serves the next user.")
        .hint("After an error inside a transaction, a rollback must work; a lost connection must report itself as lost.")
        .covers(&[Contract(58), Contract(77), Contract(78), Contract(79), Rule(18)]),
    Case::full("connections.interrupted.retry", |c| interrupted(c, &RETRY))
        .since(19)
        .needs(NEEDS)
        .promise("A transaction retried after a conflict is written exactly once, wherever the conflict or another failure occurs.")
        .hint("ROLLBACK must undo the first attempt completely.")
        .covers(&[Contract(78), Contract(79), Rule(37)]),
    Case::full("connections.interrupted.savepoint", |c| interrupted(c, &SAVEPOINT))
        .since(19)
        .needs(&[Capability::Transactions, Capability::GeneratedKeys, Capability::SecondConnection, Capability::Savepoints])
        .promise("Whichever backend call around a savepoint fails, the transaction is not half written, and the pool serves the next user.")
        .hint("If a savepoint cannot be created, released or rolled back to, the transaction must end.")
        .covers(&[Contract(66), Contract(67), Contract(78), Rule(32)]),
    Case::full("connections.interrupted.stream", |c| interrupted(c, &STREAM))
        .since(19)
        .needs(NEEDS)
        .promise("A result that breaks off in the middle is an error, never a short result, and its transaction writes nothing.")
        .hint("Stop reading at the sink's error, and leave the connection ready for the next statement.")
        .covers(&[Contract(44), Contract(78), Rule(18)]),
    Case::full("connections.interrupted.bulk", |c| interrupted(c, &BULK))
        .since(19)
        .needs(NEEDS)
        .promise("Whichever backend call of a batch fails, all rows are written or none.")
        .hint("The transaction of a batch that stops in the middle is rolled back.")
        .covers(&[Contract(53), Contract(78), Contract(79), Rule(18)]),
];

/// A program that starts with two people with tasks.
struct Program {
    run: fn(&mut Session) -> Result<()>,
    /// The rows after the program.
    after: fn() -> Vec<String>,
}

const GRAPH: Program = Program {
    run: |session| {
        let ann = User::query().filter(User::NAME.eq("ann")).one(session)?;
        session.load(ann, User::TASKS)?;
        session[ann].age = Some(31);
        let task = Task::query().filter(Task::TITLE.eq("sow")).one(session)?;
        session.delete(task)?;
        let cy = session.add(User::new("cy"));
        for title in ["mend", "milk", "mow"] {
            let task = session.add(Task::new(title));
            session.set(task, Task::USER, Some(cy))?;
        }
        session.commit()
    },
    after: || {
        rows(&[
            "ann Some(31)",
            "bob None",
            "cy None",
            "ann: reap",
            "bob: bake",
            "cy: mend",
            "cy: milk",
            "cy: mow",
        ])
    },
};

const RETRY: Program = Program {
    run: |session| {
        session.retry(2, |session| {
            let bob = User::query().filter(User::NAME.eq("bob")).one(session)?;
            let age = session[bob].age.unwrap_or(40);
            session[bob].age = Some(age + 1);
            let task = session.add(Task::new("brew"));
            session.set(task, Task::USER, Some(bob))
        })
    },
    after: || {
        rows(&[
            "ann Some(30)",
            "bob Some(41)",
            "ann: reap",
            "ann: sow",
            "bob: bake",
            "bob: brew",
        ])
    },
};

const SAVEPOINT: Program = Program {
    run: |session| {
        session.transaction(|session| {
            session.add(User::new("cy"));
            session.savepoint(|session| {
                session.add(User::new("dora"));
                Ok(())
            })?;
            let undone: Result<()> = session.savepoint(|session| {
                session.add(User::new("eve"));
                session.flush()?;
                Err(Error::new(ErrorKind::Validation, "a change of mind"))
            });
            match undone {
                Err(error) if error.kind() == ErrorKind::Validation => {}
                other => return other,
            }
            let bob = User::query().filter(User::NAME.eq("bob")).one(session)?;
            session[bob].age = Some(7);
            Ok(())
        })
    },
    after: || {
        rows(&[
            "ann Some(30)",
            "bob Some(7)",
            "cy None",
            "dora None",
            "ann: reap",
            "ann: sow",
            "bob: bake",
        ])
    },
};

const STREAM: Program = Program {
    run: |session| {
        let mut titles = Vec::new();
        Task::query()
            .order_by(Task::TITLE.asc())
            .select(Task::TITLE)
            .for_each(session, |title| {
                titles.push(title);
                Ok(())
            })?;
        if titles.len() != 3 {
            let message = format!("{} of 3 rows came, and no error", titles.len());
            return Err(Error::new(ErrorKind::NoRow, message));
        }
        let ann = User::query().filter(User::NAME.eq("ann")).one(session)?;
        session[ann].age = Some(99);
        session.commit()
    },
    after: || {
        rows(&[
            "ann Some(99)",
            "bob None",
            "ann: reap",
            "ann: sow",
            "bob: bake",
        ])
    },
};

const BULK: Program = Program {
    run: |session| {
        session.transaction(|session| {
            let people = ["cy", "dora", "eve", "finn"].map(User::new);
            session.insert_all(people)?;
            let unknown = User::query().filter(User::AGE.is_null());
            unknown.update().set(User::AGE, 18).execute(session)?;
            Task::query()
                .filter(Task::TITLE.ne("bake"))
                .delete()
                .execute(session)?;
            Ok(())
        })
    },
    after: || {
        rows(&[
            "ann Some(30)",
            "bob Some(18)",
            "cy Some(18)",
            "dora Some(18)",
            "eve Some(18)",
            "finn Some(18)",
            "bob: bake",
        ])
    },
};

fn rows(rows: &[&str]) -> Vec<String> {
    rows.iter().map(|&row| row.to_owned()).collect()
}

fn before() -> Vec<String> {
    rows(&[
        "ann Some(30)",
        "bob None",
        "ann: reap",
        "ann: sow",
        "bob: bake",
    ])
}

/// Deletes all rows, and writes those with which every program starts.
fn refill(world: &World) -> CaseResult {
    world.empty(&["tasks", "users"])?;
    let mut session = world.session();
    let ann = session.add(User {
        age: Some(30),
        ..User::new("ann")
    });
    let bob = session.add(User::new("bob"));
    for (title, user) in [("sow", ann), ("reap", ann), ("bake", bob)] {
        let task = session.add(Task::new(title));
        session.set(task, Task::USER, Some(user))?;
    }
    session.commit()?;
    Ok(())
}

/// Returns the rows that another connection sees.
fn seen(world: &World) -> CaseResult<Vec<String>> {
    let mut connected = world.engine.connect()?;
    let users = select((User::ID, User::NAME, User::AGE))
        .from(User::table())
        .order_by(User::NAME.asc());
    let users = connected.all(&users)?;
    let tasks = select((Task::TITLE, Task::USER_ID)).from(Task::table());
    let mut tasks: Vec<String> = connected
        .all(&tasks)?
        .into_iter()
        .map(|(title, owner)| {
            let name = users.iter().find(|(id, _, _)| id.get().copied() == owner);
            format!("{}: {title}", name.map_or("nobody", |(_, name, _)| name))
        })
        .collect();
    tasks.sort();
    let users = users.iter().map(|(_, name, age)| format!("{name} {age:?}"));
    Ok(users.chain(tasks).collect())
}

/// More calls than any program makes.
const MOST_CALLS: u64 = 400;

/// How long the pool may take to return a connection: short, so that a lost slot is noticed quickly.
const POOL_TIMEOUT: Duration = Duration::from_millis(500);

fn interrupted(context: &mut Context, program: &Program) -> CaseResult {
    let world = World::new(context)?;
    refill(&world)?;
    check_eq!(seen(&world)?, before(), "the initial rows");
    let mut struck = 0;
    for how in How::ALL {
        for at in 1..=MOST_CALLS {
            check!(at < MOST_CALLS, "the program must complete");
            if once(context, &world, program, at, how)?.is_none() {
                break;
            }
            struck += 1;
        }
    }
    context.note(format!("{struck} faults, one at each call"));
    check!(
        struck > How::ALL.len() * 8,
        "only {struck} calls were struck"
    );
    Ok(())
}

/// Runs the program with one fault; returns the call that failed, or `None` if the program ended before it.
fn once(
    context: &Context,
    world: &World,
    program: &Program,
    at: u64,
    how: How,
) -> CaseResult<Option<String>> {
    let plan = Plan::new(at, how);
    let backend = Interrupted::new(context.backend(), Arc::clone(&plan));
    let engine = Engine::new(backend).pool_size(2).pool_timeout(POOL_TIMEOUT);
    let mut session = Session::new(&engine);
    let result = catch_unwind(AssertUnwindSafe(|| (program.run)(&mut session)));
    let rolled_back = catch_unwind(AssertUnwindSafe(|| session.rollback()));
    let call = plan.struck();
    let what = format!(
        "{how:?} at call {at}, {}",
        call.as_deref().unwrap_or("none")
    );
    let state = seen(world)?;
    let is_before = state == before();
    check!(
        is_before || state == (program.after)(),
        "{what}: the program is half written: {state:?} after {result:?}"
    );
    outcome(&what, call.as_deref(), how, &result, is_before)?;
    if call.is_some() && is_before && rolled_back.is_ok() {
        // The session was rolled back, so the same program must now succeed completely.
        let again = catch_unwind(AssertUnwindSafe(|| (program.run)(&mut session)));
        let state = seen(world)?;
        check!(
            matches!(again, Ok(Ok(()))) && state == (program.after)(),
            "{what}: the same again on the session that was rolled back gave {again:?}, and {state:?}"
        );
    }
    // A reset that panics does so here.
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(session)));
    check!(
        dropped.is_ok() || how.panics(),
        "{what}: dropping the session panicked"
    );
    serves_the_next(&what, how, &engine)?;
    drop(engine);
    refill(world)?;
    Ok(call.or_else(|| plan.struck()))
}

type Ran = std::thread::Result<Result<()>>;

/// Checks that the reported outcome matches the rows.
fn outcome(
    what: &str,
    call: Option<&str>,
    how: How,
    result: &Ran,
    is_before: bool,
) -> Result<(), Failure> {
    let is_lost_commit = call == Some(COMMIT) && how.loses();
    match result {
        Ok(Ok(())) => {
            check!(
                !is_before,
                "{what}: reported as done, but nothing is written"
            );
        }
        Ok(Err(error)) if error.kind() == ErrorKind::AmbiguousCommit => {
            check!(
                is_lost_commit && how != How::LostUnsent,
                "{what}: reported as ambiguous without a COMMIT in progress: {error}"
            );
        }
        Ok(Err(error)) => {
            check!(
                is_before,
                "{what}: reported as failed ({error}), but everything is written"
            );
            check!(
                !is_lost_commit || how == How::LostUnsent,
                "{what}: the outcome is unknown, but it is reported as {:?}",
                error.kind()
            );
            check!(
                error.kind() != ErrorKind::NoRow,
                "{what}: rows are missing without an error: {error}"
            );
        }
        Err(_) => check!(how.panics(), "{what}: an unexpected panic"),
    }
    Ok(())
}

/// Checks that every slot of the pool gives a working connection, without any state of its previous user.
fn serves_the_next(what: &str, how: How, engine: &Engine) -> CaseResult {
    let mut connections = Vec::new();
    for place in 1..=2 {
        let taken = catch_unwind(AssertUnwindSafe(|| engine.connect()));
        let taken = match taken {
            Ok(Ok(taken)) => taken,
            // The fault may not have acted yet: then a reset or a connect after the program's end fails.
            Ok(Err(error)) if error.message().contains("planted") => engine.connect()?,
            Ok(Err(error)) => {
                check!(false, "{what}: place {place} of the pool gave {error}");
                continue;
            }
            Err(_) => engine.connect()?,
        };
        connections.push(taken);
    }
    for mut connected in connections {
        check!(
            !connected.in_transaction(),
            "{what}: the next user must not be in a transaction"
        );
        let count = select(count_all()).from(User::table());
        // The failing call may be its statement or its reset.
        let used = catch_unwind(AssertUnwindSafe(|| {
            let counted = connected.all(&count);
            drop(connected);
            counted
        }));
        let planted = match &used {
            Ok(Err(error)) => error.message().contains("planted"),
            Ok(Ok(counted)) => counted.len() == 1,
            Err(_) => how.panics(),
        };
        check!(planted, "{what}: the next user's statement gave {used:?}");
    }
    Ok(())
}
