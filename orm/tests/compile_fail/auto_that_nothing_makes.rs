use selfsame::Entity;
use selfsame::value::Auto;

#[derive(Entity, Clone)]
struct Event {
    #[orm(primary_key)]
    name: Auto<String>,
    at: Auto<i64>,
}

#[derive(Entity, Clone)]
struct Entry {
    #[orm(primary_key)]
    book: i64,
    #[orm(primary_key)]
    line: Auto<i64>,
}

#[derive(Entity, Clone)]
struct Visit {
    #[orm(primary_key, autoincrement)]
    id: i64,
}

#[derive(Entity, Clone)]
struct Note {
    #[orm(primary_key)]
    id: Option<i64>,
}

fn main() {}
