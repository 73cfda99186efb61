use selfsame::Entity;

#[derive(Entity, Clone)]
struct Pair(i64, String);

#[derive(Entity, Clone)]
enum Choice {
    One,
}

#[derive(Entity, Clone)]
struct Nothing;

#[derive(Entity, Clone)]
struct Borrowed<'a> {
    #[orm(primary_key)]
    name: &'a str,
}

#[derive(Entity, Clone)]
struct Versioned<T> {
    #[orm(primary_key)]
    id: i64,
    value: T,
}

fn main() {}
