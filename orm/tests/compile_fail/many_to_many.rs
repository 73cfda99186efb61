use selfsame::Entity;
use selfsame::value::Auto;

#[derive(Clone)]
struct ManyToMany<T>(Vec<T>);

#[derive(Entity, Clone)]
struct Tag {
    #[orm(primary_key)]
    id: Auto<i64>,
    users: ManyToMany<Tag>,
}

fn main() {}
