use selfsame::Entity;
use selfsame::entity::BelongsTo;
use selfsame::value::Auto;

#[derive(Entity, Clone)]
struct Transfer {
    #[orm(primary_key)]
    id: Auto<i64>,
    #[orm(references = "account.id")]
    from: i64,
    #[orm(references = "account.id")]
    to: i64,
    account: BelongsTo<Account>,
    #[orm(key = "form")]
    source: BelongsTo<Account>,
    #[orm(key = "id")]
    identity: BelongsTo<Account>,
}

#[derive(Entity, Clone)]
struct Account {
    #[orm(primary_key)]
    id: Auto<i64>,
    parent: BelongsTo<Account>,
}

fn main() {}
