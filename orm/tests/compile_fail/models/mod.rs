//! The entities that the mistakes are made with.
#![allow(dead_code)]

use selfsame::Entity;
use selfsame::entity::{BelongsTo, HasMany};
use selfsame::value::Auto;

#[derive(Entity, Clone, Debug)]
#[orm(table = "users")]
pub struct User {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    pub name: String,
    pub age: Option<i32>,
    #[orm(back_populates = user)]
    pub tasks: HasMany<Task>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "tasks")]
pub struct Task {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    pub title: String,
    #[orm(references = "users.id")]
    pub user_id: i64,
    #[orm(back_populates = tasks)]
    pub user: BelongsTo<User>,
}
