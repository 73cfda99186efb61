//! Entities of a database (sqlite), written by `selfsame inspect`.
//!
//! Triggers are left out. Anything else that an entity cannot express is a comment on the entity or field.

use selfsame::prelude::*;
use selfsame::value::{Date, Timestamp};

/// Every table that has an entity.
pub fn metadata() -> Metadata {
    metadata![
        Children,
        Crate,
        DateRow,
        EmbeddedRow,
        Loose,
        Parent,
        Quoted,
        Reversed,
        Strict,
        Thing,
        Type,
        Version,
    ]
}

// Not here: the foreign key of gone_id to "gone", for there is no such table.
#[derive(Entity, Clone, Debug)]
#[orm(table = "children")]
pub struct Children {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(references = "parents.id", on_delete = "set default")]
    pub parent_id: Option<i64>,
    pub gone_id: Option<i64>,
    #[orm(back_populates = childrens)]
    pub parent: BelongsTo<Parent>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "crates")]
pub struct Crate {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(back_populates = crate_)]
    pub versions: HasMany<Version>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "dates")]
pub struct DateRow {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    pub day: Option<Date>,
    pub made: Option<Timestamp>,
    pub seen: Option<Timestamp>,
    pub is_done: Option<bool>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "embedded")]
pub struct EmbeddedRow {
    #[orm(primary_key)]
    pub id: Auto<i64>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "loose")]
pub struct Loose {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(db_type = "MONEY")]
    pub a: Option<String>,
    pub b: Option<i64>,
    pub c: Option<String>,
    pub d: Option<Vec<u8>>,
    #[orm(db_type = "UNTYPED BLOB")]
    pub e: Option<String>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "parents")]
pub struct Parent {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(back_populates = parent)]
    pub childrens: HasMany<Children>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "quoted")]
pub struct Quoted {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(server_default = "'x'")]
    pub a: Auto<Option<String>>,
    pub b: Option<String>,
}

// It is WITHOUT ROWID.
#[derive(Entity, Clone, Debug)]
#[orm(table = "reversed")]
pub struct Reversed {
    #[orm(primary_key = 2)]
    pub a: i64,
    pub b: Option<String>,
    #[orm(primary_key = 1)]
    pub c: i64,
}

// It is STRICT.
// Not here: CREATE UNIQUE INDEX strict_some ON strict (name) WHERE id > 5.
// Only partly here: CREATE INDEX strict_newest ON strict (id DESC).
#[derive(Entity, Clone, Debug)]
#[orm(table = "strict")]
pub struct Strict {
    #[orm(primary_key, index = "strict_newest")]
    pub id: Auto<i64>,
    pub name: String,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "things")]
pub struct Thing {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(references = "types.id")]
    pub type_id: Option<i64>,
    #[orm(references = "types.id")]
    pub other_type_id: Option<i64>,
    #[orm(back_populates = things_by_type)]
    pub r#type: BelongsTo<Type>,
    #[orm(back_populates = things_by_other_type)]
    pub other_type: BelongsTo<Type>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "types")]
pub struct Type {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(back_populates = r#type)]
    pub things_by_type: HasMany<Thing>,
    #[orm(back_populates = other_type)]
    pub things_by_other_type: HasMany<Thing>,
}

// It has constraints that wait for COMMIT (DEFERRABLE).
#[derive(Entity, Clone, Debug)]
#[orm(table = "versions")]
pub struct Version {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(references = "crates.id")]
    pub crate_id: Option<i64>,
    #[orm(back_populates = versions)]
    pub crate_: BelongsTo<Crate>,
}
