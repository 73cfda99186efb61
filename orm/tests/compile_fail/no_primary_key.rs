use selfsame::Entity;

#[derive(Entity, Clone)]
struct User {
    name: String,
}

fn main() {}
