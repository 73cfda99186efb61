use selfsame::Entity;
use selfsame::entity::{BelongsTo, HasMany};
use selfsame::value::Auto;

#[derive(Entity, Clone)]
struct User {
    #[orm(primary_key)]
    id: Auto<i64>,
    // It leads to a project.
    #[orm(back_populates = project)]
    tasks: HasMany<Task>,
    // It is a column.
    #[orm(back_populates = title)]
    done: HasMany<Task>,
    // It has many itself.
    #[orm(back_populates = watchers)]
    watched: HasMany<Task>,
}

#[derive(Entity, Clone)]
struct Project {
    #[orm(primary_key)]
    id: Auto<i64>,
}

#[derive(Entity, Clone)]
struct Task {
    #[orm(primary_key)]
    id: Auto<i64>,
    title: String,
    #[orm(references = "project.id")]
    project_id: i64,
    // It leads to tasks, not to a column of them.
    #[orm(back_populates = id)]
    project: BelongsTo<Project>,
    watchers: HasMany<User>,
}

fn main() {}
