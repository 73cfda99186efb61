use selfsame::Entity;
use selfsame::entity::{BelongsTo, HasMany};
use selfsame::value::Auto;

#[derive(Entity, Clone)]
#[orm(table = users, unique(nmae), foreign_key(columns(a, b), references = "t(x)"))]
struct User {
    #[orm(primary_key = true)]
    id: Auto<i64>,
    #[orm(primary_key)]
    number: i64,
    #[orm(unique, unique, length = "50")]
    name: String,
    #[orm(precision = 10)]
    balance: selfsame::value::Decimal,
    #[orm(references = "users")]
    a: i64,
    #[orm(references = "user.number", on_delete = "vanish")]
    b: i64,
    #[orm(on_update = "cascade")]
    c: i64,
    #[orm(column = "c")]
    d: i64,
    #[orm(back_populates = "tasks", key = "b")]
    user: BelongsTo<User>,
    #[orm(cascade = "everything")]
    tasks: HasMany<User>,
    #[orm(cascade = "delete-orphan", lazy = "eager")]
    others: HasMany<User>,
}

fn main() {}
