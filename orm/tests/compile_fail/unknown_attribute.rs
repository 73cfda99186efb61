use selfsame::Entity;
use selfsame::entity::HasMany;
use selfsame::value::Auto;

#[derive(Entity, Clone)]
#[orm(tabel = "users")]
struct User {
    #[orm(primary_kay)]
    id: Auto<i64>,
    #[orm(primary_key)]
    number: i64,
    #[orm(sorted = "name")]
    tasks: HasMany<User>,
}

fn main() {}
