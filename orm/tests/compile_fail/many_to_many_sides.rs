use selfsame::Entity;
use selfsame::entity::{BelongsTo, HasMany, ManyToMany};
use selfsame::value::Auto;

#[derive(Entity, Clone)]
struct User {
    #[orm(primary_key)]
    id: Auto<i64>,
    // It follows a foreign key.
    #[orm(secondary = "a(user_id, tag_id)", back_populates = owned_by)]
    a: ManyToMany<Tag>,
    // It is a column.
    #[orm(secondary = "b(user_id, tag_id)", back_populates = label)]
    b: ManyToMany<Tag>,
    // It leads to tags.
    #[orm(secondary = "c(user_id, tag_id)", back_populates = similar)]
    c: ManyToMany<Tag>,
    // There is none.
    #[orm(secondary = "d(user_id, tag_id)", back_populates = nothing)]
    d: ManyToMany<Tag>,
    // It goes through an association table.
    #[orm(back_populates = users)]
    e: HasMany<Tag>,
}

#[derive(Entity, Clone)]
struct Tag {
    #[orm(primary_key)]
    id: Auto<i64>,
    label: String,
    #[orm(references = "user.id")]
    owner_id: Option<i64>,
    owned_by: BelongsTo<User>,
    #[orm(secondary = "similar(a, b)")]
    similar: ManyToMany<Tag>,
    #[orm(secondary = "user_tags(tag_id, user_id)")]
    users: ManyToMany<User>,
}

fn main() {}
