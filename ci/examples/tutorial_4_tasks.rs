//! Tutorial 4: create, read, update and delete; a user and its tasks; what keeps data safe.
//!
//! `cargo run -p selfsame-ci --example tutorial_4_tasks [URL]`

use std::error::Error;
use std::io::Write;

use selfsame::prelude::*;
use selfsame_sqlite::testing::TempDatabase;

/// A task. A field that is not an `Option` is NOT NULL.
#[derive(Entity, Clone, Debug)]
#[orm(table = "tasks")]
struct Task {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(length = 100)]
    title: String,
    #[orm(default = false)]
    completed: bool,
}

/// A user with tasks.
#[derive(Entity, Clone, Debug)]
#[orm(table = "users")]
struct User {
    #[orm(primary_key)]
    id: Auto<i64>,
    name: String,
    #[orm(back_populates = user)]
    tasks: HasMany<UserTask>,
}

/// A task of a user.
#[derive(Entity, Clone, Debug)]
#[orm(table = "user_tasks")]
struct UserTask {
    #[orm(primary_key)]
    id: Auto<i64>,
    title: String,
    #[orm(references = "users.id")]
    user_id: Option<i64>,
    #[orm(back_populates = tasks)]
    user: BelongsTo<User>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = TempDatabase::new()?;
    let file = folder.directory().join("tasks.db");
    let url = std::env::args()
        .nth(1)
        .unwrap_or_else(|| format!("sqlite:{}", file.display()));
    let engine = Engine::from_url(
        &url,
        &[&selfsame_sqlite::SCHEME, &selfsame_postgres::SCHEME],
    )?;
    run(&engine.echo(Echo::Sql), &mut std::io::stdout())
}

/// Runs the steps; the code is the same for every database.
pub(crate) fn run(engine: &Engine, out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    metadata![Task, User, UserTask].create_all(engine)?;
    let mut session = Session::new(engine);
    tasks(&mut session, out)?;
    users(&mut session, out)?;
    safety(&mut session, out)?;
    session.close();
    Ok(())
}

fn tasks(session: &mut Session, out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    // Create.
    let task1 = Task::new("Learn SQL");
    let task2 = Task::new("Learn an ORM");
    let (task1, task2) = session.add_all((task1, task2));
    session.commit()?;

    // Read: all, and by key.
    for task in Task::query().order_by(Task::ID.asc()).all(session)? {
        writeln!(out, "{} {}", session[task].title, session[task].completed)?;
    }
    let id = *session[task1].id;
    let task = session.get::<Task>(id)?.ok_or("the task is there")?;
    writeln!(out, "{}", session[task].title)?;

    // Update: two attributes, one statement.
    session[task].title = "Learn more SQL".into();
    session[task].completed = true;
    session.commit()?;
    let done = Task::query()
        .filter(Task::COMPLETED.eq(true))
        .all(session)?;
    writeln!(out, "done: {}", session[done[0]].title)?;

    // Delete, and count the rest.
    session.delete(task2)?;
    session.commit()?;
    writeln!(out, "{} left", Task::query().count(session)?)?;
    Ok(())
}

fn users(session: &mut Session, out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    let user = User::new("ann");
    let [task1, task2] = [UserTask::new("write"), UserTask::new("read")];
    let (user, task1, task2) = session.add_all((user, task1, task2));
    session.push(user, User::TASKS, task1)?;
    session.set(task2, UserTask::USER, Some(user))?;
    session.commit()?;

    // No join is written.
    for task in session.load(user, User::TASKS)? {
        let owner = session.load(task, UserTask::USER)?.ok_or("it has a user")?;
        writeln!(out, "{}: {}", session[owner].name, session[task].title)?;
    }
    Ok(())
}

fn safety(session: &mut Session, out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    // Values are sent as parameters, never as part of the SQL.
    let name = "x'; DROP TABLE users; --";
    let robert = session.add(User::new(name));
    session.commit()?;
    let found = User::query().filter(User::NAME.eq(name)).all(session)?;
    writeln!(out, "{}", found == [robert])?;

    // A value that does not fit its column is rejected before a statement is sent; the error names the column, never the value.
    session.add(Task::new("x".repeat(101)));
    let error = session.commit().err().ok_or("the title is too long")?;
    writeln!(out, "{error}")?;
    session.rollback()?;
    Ok(())
}
