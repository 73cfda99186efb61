// ANCHOR: entities
use selfsame::prelude::*;

#[derive(Entity, Clone, Debug)]
#[orm(table = "users")]
pub struct User {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(unique, length = 50)]
    pub name: String,
    pub age: Option<i32>,
    #[orm(back_populates = user, cascade = "all, delete-orphan")]
    pub tasks: HasMany<Task>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "tasks")]
pub struct Task {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    pub title: String,
    #[orm(default = false)]
    pub completed: bool,
    #[orm(references = "users.id")]
    pub user_id: Option<i64>,
    #[orm(back_populates = tasks)]
    pub user: BelongsTo<User>,
}
// ANCHOR_END: entities

// ANCHOR: tables
pub fn tables() -> Metadata {
    metadata![User, Task]
}
// ANCHOR_END: tables

/// Ann, who has two tasks, and Bob, who has none.
pub fn filled(engine: &Engine) -> Result<Session> {
    tables().create_all(engine)?;
    let mut session = Session::new(engine);
    session.add(User {
        age: Some(36),
        tasks: [Task::new("write"), Task::new("read")].into(),
        ..User::new("ann")
    });
    session.add(User::new("bob"));
    session.commit()?;
    Ok(session)
}
