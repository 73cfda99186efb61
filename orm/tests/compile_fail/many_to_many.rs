use selfsame::Entity;
use selfsame::entity::{HasMany, ManyToMany};
use selfsame::value::Auto;

#[derive(Entity, Clone)]
struct User {
    #[orm(primary_key)]
    id: Auto<i64>,
    // Neither side has an association table.
    tags: ManyToMany<Tag>,
    // No columns.
    #[orm(secondary = "user_tags")]
    other_tags: ManyToMany<Tag>,
    // A column is named twice.
    #[orm(secondary = "user_tags(tag_id, tag_id)")]
    same_tags: ManyToMany<Tag>,
    // Two keys of one column are two columns.
    #[orm(secondary = "friends(a, b, c)")]
    friends: ManyToMany<User>,
    // A tag has many users, and no one of them owns it.
    #[orm(secondary = "owned(user_id, tag_id)", cascade = "all, delete-orphan")]
    owned: ManyToMany<Tag>,
    // Its columns are in the association table.
    #[orm(secondary = "keyed(user_id, tag_id)", key = "tag_id")]
    keyed: ManyToMany<Tag>,
    // A foreign key needs no association table.
    #[orm(secondary = "kept(user_id, tag_id)")]
    kept: HasMany<Tag>,
    // It would be read in one direction only.
    #[orm(secondary = "peers(a, b)", back_populates = peers)]
    peers: ManyToMany<Self>,
}

#[derive(Entity, Clone)]
struct Tag {
    #[orm(primary_key)]
    id: Auto<i64>,
}

fn main() {}
