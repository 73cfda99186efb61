use selfsame::value::Auto;
use selfsame::{Embedded, Entity};

#[derive(Embedded, Clone)]
struct Address {
    street: String,
}

#[derive(Clone)]
struct Point;

#[derive(Entity, Clone)]
struct User {
    #[orm(primary_key)]
    id: Auto<i64>,
    home: Address,
    #[orm(flatten)]
    at: Point,
}

fn main() {}
