use selfsame::Entity;
use selfsame::value::Auto;

#[derive(Entity, Clone)]
struct OptionalVersion {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(version)]
    version: Option<i32>,
}

#[derive(Entity, Clone)]
struct TextVersion {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(version)]
    version: String,
}

#[derive(Entity, Clone)]
struct TwoVersions {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(version)]
    one: i32,
    #[orm(version)]
    two: i64,
}

#[derive(Entity, Clone)]
struct KeyVersion {
    #[orm(primary_key, version)]
    id: i64,
}

fn main() {}
