use selfsame::Entity;
use selfsame::entity::HasMany;
use selfsame::value::Auto;

#[derive(Clone)]
struct Task;

#[derive(Entity, Clone)]
struct User {
    #[orm(primary_key)]
    id: Auto<i64>,
    tasks: HasMany<Task>,
}

fn main() {}
