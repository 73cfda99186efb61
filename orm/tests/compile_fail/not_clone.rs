use selfsame::Entity;
use selfsame::value::Auto;

#[derive(Entity)]
struct User {
    #[orm(primary_key)]
    id: Auto<i64>,
}

fn main() {}
