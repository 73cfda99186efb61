use selfsame::entity::BelongsTo;
use selfsame::value::Auto;
use selfsame::{Embedded, Entity};

#[derive(Embedded, Clone)]
#[orm(table = "keys")]
struct Key {
    #[orm(primary_key)]
    id: i64,
}

#[derive(Embedded, Clone)]
struct Owned {
    owner_id: i64,
    owner: BelongsTo<User>,
}

#[derive(Embedded, Clone)]
struct Pair(i64, i64);

#[derive(Embedded, Clone)]
struct Address {
    street: String,
}

#[derive(Entity, Clone)]
struct User {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(flatten, length = 5, lazy = "joined")]
    home: Address,
    #[orm(prefix = "x_")]
    name: String,
}

fn main() {
    let _ = User::HOME.street.eq(1);
    let _ = User::HOME.city;
}
