use selfsame::Entity;
use selfsame::value::Auto;

type Maybe<T> = Option<T>;

#[derive(Entity, Clone)]
struct Measurement {
    #[orm(primary_key)]
    at: f64,
}

#[derive(Entity, Clone)]
struct Document {
    #[orm(primary_key)]
    id: Auto<uuid::Uuid>,
}

#[derive(Entity, Clone)]
struct Person {
    #[orm(primary_key)]
    id: i64,
    #[orm(length = 10)]
    born: chrono::NaiveDate,
    age: Maybe<i32>,
}

fn main() {}
