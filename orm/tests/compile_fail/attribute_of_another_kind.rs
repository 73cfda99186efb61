use selfsame::Entity;
use selfsame::entity::HasMany;
use selfsame::value::Auto;

#[derive(Entity, Clone)]
struct User {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(length = 50)]
    age: i32,
    #[orm(precision = (10, 2))]
    name: String,
    #[orm(server_default = "0")]
    visits: i64,
    #[orm(cascade = "all")]
    title: String,
    #[orm(unique, column = "t")]
    tasks: HasMany<User>,
}

fn main() {}
