use selfsame::Entity;
use selfsame::entity::{BelongsTo, HasMany};
use selfsame::value::Auto;

#[derive(Entity, Clone)]
struct User {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(back_populates = owner)]
    tasks: HasMany<Task>,
}

#[derive(Entity, Clone)]
struct Task {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(references = "user.id")]
    user_id: Option<i64>,
    #[orm(back_populates = tasks)]
    user: BelongsTo<User>,
}

fn main() {}
