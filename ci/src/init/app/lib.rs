//! The entities of this application, users and their tasks, and its operations.

use selfsame::prelude::*;

/// A person with tasks.
#[derive(Entity, Clone, Debug)]
#[orm(table = "users")]
pub struct User {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(unique, length = 50)]
    pub name: String,
    #[orm(back_populates = user, cascade = "all, delete-orphan")]
    pub tasks: HasMany<Task>,
}

/// Something to be done.
#[derive(Entity, Clone, Debug)]
#[orm(table = "tasks")]
pub struct Task {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(length = 200)]
    pub title: String,
    #[orm(default = false)]
    pub completed: bool,
    #[orm(references = "users.id")]
    pub user_id: Option<i64>,
    #[orm(back_populates = tasks)]
    pub user: BelongsTo<User>,
}

/// The tables of this application.
pub fn tables() -> Metadata {
    metadata![User, Task]
}

/// Adds a task for the user with this name, and the user if it does not exist.
///
/// # Errors
///
/// Errors of the query.
pub fn add_task(session: &mut Session, name: &str, title: &str) -> Result<Handle<Task>> {
    let found = User::query()
        .filter(User::NAME.eq(name))
        .one_or_none(session)?;
    let user = match found {
        Some(user) => user,
        None => session.add(User::new(name)),
    };
    let task = session.add(Task {
        user: user.into(),
        ..Task::new(title)
    });
    Ok(task)
}

/// Returns user name and title of the open tasks, in the order in which they were added.
///
/// # Errors
///
/// Errors of the query.
pub fn open_tasks(session: &mut Session) -> Result<Vec<(String, String)>> {
    Task::query()
        .join(Task::USER)
        .filter(Task::COMPLETED.eq(false))
        .order_by(Task::ID.asc())
        .select((User::NAME, Task::TITLE))
        .all(session)
}
