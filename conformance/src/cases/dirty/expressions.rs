//! Expressions for many rows: few statements, with the same effect as one statement per row.

use selfsame::prelude::*;
use selfsame::{ErrorKind, Result};

use crate::case::Cover::Rule;
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::world::{Letter, Task, User, World};

pub(super) const CASES: &[Case] = &[
    Case::core("dirty.expression.many", many)
        .since(18)
        .needs(&[Capability::Transactions])
        .promise("Setting many rows to one expression, with equal or different parameters and with other columns, takes few batches, and each row gets its own value.")
        .hint("Report how many rows matched; accept parameters in the SET clause of an UPDATE of many rows.")
        .covers(&[Rule(10), Rule(13)]),
    Case::core("dirty.expression.versions", versions)
        .since(18)
        .needs(&[Capability::Transactions])
        .promise("An UPDATE of many rows by an expression increments their versions; one stale row among them is named, and all are undone.")
        .hint("Report how many rows matched.")
        .covers(&[Rule(10), Rule(18), Rule(19)]),
    Case::core("dirty.expression.released", released)
        .since(18)
        .needs(&[Capability::Transactions, Capability::ForeignKeys])
        .promise("A row set by an expression, whose parent is new or deleted, is written in foreign key order like any other.")
        .hint("Suspect the ORM: nothing here depends on the backend.")
        .covers(&[Rule(10), Rule(12), Rule(25)]),
];

fn many(context: &mut Context) -> CaseResult {
    const COUNT: i32 = 150;
    let world = World::new(context)?;
    let names: Vec<String> = (0..COUNT).map(|i| format!("user {i}")).collect();
    world.with_users(&names.iter().map(String::as_str).collect::<Vec<_>>())?;
    let mut session = world.session();
    let users = User::query().order_by(User::ID.asc()).all(&mut session)?;
    for (&user, i) in users.iter().zip(0..) {
        session[user].age = Some(i);
    }
    session.flush()?;
    type Change = fn(&mut Session, Handle<User>, i32) -> Result<()>;
    type Expected = fn(i32) -> i32;
    let changes: [(Change, Expected, &str); 3] = [
        (
            |s, user, _| s.set_expr(user, User::AGE, User::AGE + 1),
            |age| age + 1,
            "one more",
        ),
        (
            |s, user, i| s.set_expr(user, User::AGE, User::AGE * 2 + i),
            |age| age * 3,
            "by parameters of their own",
        ),
        (
            |s, user, i| {
                s[user].score = Some(f64::from(i));
                s.set_expr(user, User::AGE, User::AGE - 1)
            },
            |age| age - 1,
            "beside another column",
        ),
    ];
    for (change, wanted, what) in changes {
        let before = world_ages(&mut session)?;
        for (&user, age) in users.iter().zip(&before) {
            change(&mut session, user, age.unwrap_or_default())?;
        }
        world.sent();
        session.flush()?;
        let sent = world.sent();
        check!(
            sent.update >= 1 && sent.update <= before.len() / 50,
            "{what}: a few batches, sent {sent:?}"
        );
        let wanted: Vec<Option<i32>> = before.iter().map(|age| age.map(wanted)).collect();
        check_eq!(
            world_ages(&mut session)?,
            wanted,
            "{what}: each row has its own value"
        );
    }
    User::query().all(&mut session)?;
    check_eq!(session[users[7]].score, Some(24.0), "the other column");
    session.commit()?;
    Ok(())
}

fn world_ages(session: &mut Session) -> Result<Vec<Option<i32>>> {
    User::query()
        .order_by(User::ID.asc())
        .select(User::AGE)
        .all(session)
}

fn versions(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    let mut session = world.session();
    let names = ["a", "b", "c", "d"];
    let letters = session.add_all(names.map(|name| Letter::new(name, "x")));
    session.commit()?;
    Letter::query().all(&mut session)?;
    session[letters[1]].text = "y".to_owned();
    session.flush()?;
    for letter in letters {
        session.set_expr(letter, Letter::TEXT, Letter::TEXT.concat("!"))?;
    }
    session.commit()?;
    Letter::query().all(&mut session)?;
    let rows = letters.map(|letter| (session[letter].text.clone(), session[letter].version));
    let row = |text: &str, version| (text.to_owned(), version);
    check_eq!(
        rows,
        [row("x!", 2), row("y!", 3), row("x!", 2), row("x!", 2)],
        "texts and versions"
    );
    // Another client changes the version of one row that the session has read.
    session.commit()?;
    let mut other = world.session();
    let stale = Letter::query()
        .order_by(Letter::NAME.asc())
        .all(&mut other)?;
    other.commit()?;
    session
        .sql(
            "UPDATE letters SET version = version + 5 WHERE name = 'c'",
            (),
        )
        .execute()?;
    session.commit()?;
    for letter in stale {
        other.set_expr(letter, Letter::TEXT, Letter::TEXT.concat("?"))?;
    }
    let error = other.commit().err();
    check!(
        matches!(&error, Some(error) if error.kind() == ErrorKind::StaleData && error.key_text() == Some("\"c\"")),
        "the stale row must be named, returned {error:?}"
    );
    other.rollback()?;
    let texts = Letter::query()
        .order_by(Letter::NAME.asc())
        .select(Letter::TEXT)
        .all(&mut other)?;
    check_eq!(texts, ["x!", "y!", "x!", "x!"], "none is written");
    Ok(())
}

fn released(context: &mut Context) -> CaseResult {
    let world = World::new(context)?;
    world.with_tasks("ann", &["t", "u", "v"])?;
    let mut session = world.session();
    let ann = User::query().one(&mut session)?;
    let carl = session.add(User::new("carl"));
    session.flush()?;
    let tasks = Task::query().order_by(Task::ID.asc()).all(&mut session)?;
    for &task in &tasks {
        session.set_expr(task, Task::TITLE, Task::TITLE.concat("!"))?;
    }
    session.delete(ann)?;
    let bob = session.add(User::new("bob"));
    session.set(tasks[1], Task::USER, Some(bob))?;
    let key = session[carl].id.get().copied();
    session.set_blind(tasks[2], Task::USER_ID, key)?;
    session.commit()?;
    let keys = [bob, carl].map(|user| session[user].id.get().copied());
    let rows: Vec<_> = world
        .tasks()?
        .into_iter()
        .map(|task| (task.title, task.user_id))
        .collect();
    check_eq!(
        rows,
        [
            ("t!".to_owned(), None),
            ("u!".to_owned(), keys[0]),
            ("v!".to_owned(), keys[1])
        ],
        "the tasks"
    );
    Ok(())
}
