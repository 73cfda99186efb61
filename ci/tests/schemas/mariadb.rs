//! Entities of a database (mariadb), written by `selfsame inspect`.
//!
//! Triggers are not here. What else an entity cannot say is a comment of it or of its field.
//!
//! Table "broken" has no entity: it has no columns that can be read.
//!
//! Table "broken": It cannot be read: what it selects from has changed.

use selfsame::prelude::*;
use selfsame::value::{Date, Decimal, Time, Timestamp, TimestampTz};

/// Every table that has an entity.
pub fn metadata() -> Metadata {
    metadata![
        Log,
        NamedPet,
        Owner,
        Pet,
    ]
}

// Its engine is MyISAM, which may have no transactions and no foreign keys.
#[derive(Entity, Clone, Debug)]
#[orm(table = "logs")]
#[orm(read_only)]
pub struct Log {
    // Its type is datetime.
    pub at: Option<Timestamp>,
    // Its type is text.
    // Its collation is utf8mb4_general_ci.
    pub line: Option<String>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "named_pets")]
#[orm(view)]
pub struct NamedPet {
    pub id: i64,
    // Its collation is latin1_swedish_ci.
    #[orm(length = 20)]
    pub name: String,
    // Its collation is utf8mb4_general_ci.
    #[orm(length = 100)]
    pub email: String,
}

// Only partly here: the index note_begins over note, BTREE.
// Only partly here: the index note_words over note, FULLTEXT.
/// Who owns pets
#[derive(Entity, Clone, Debug)]
#[orm(table = "owners")]
#[orm(comment)]
#[orm(index(note, name = "note_words"))]
pub struct Owner {
    // Its type is int(10) unsigned.
    #[orm(primary_key)]
    pub id: Auto<i64>,
    // Its collation is utf8mb4_general_ci.
    #[orm(length = 100, unique = "email")]
    pub email: String,
    // Its type is bigint(20) unsigned.
    #[orm(precision = (20, 0))]
    pub score: Option<Decimal>,
    // Its collation is utf8mb3_general_ci.
    #[orm(db_type = "enum('cat','dog''s')", server_default = "'cat'")]
    pub kind: Auto<String>,
    // Its collation is utf8mb3_general_ci.
    #[orm(db_type = "set('fish','meat')")]
    pub likes: Option<String>,
    pub is_old: Option<bool>,
    // Its type is bit(1).
    #[orm(server_default = "b'0'")]
    pub is_new: Auto<bool>,
    // Its type is bit(8).
    pub flags: Option<i16>,
    // Its type is year(4).
    pub born: Option<i16>,
    // Its type is char(3).
    // Its collation is utf8mb3_general_ci.
    #[orm(length = 3)]
    pub code: Option<String>,
    // Its type is tinyint(4).
    pub small: Option<i16>,
    // Its type is mediumint(9).
    pub middle: Option<i32>,
    // Its type is text.
    // Its collation is utf8mb3_general_ci.
    #[orm(index = "note_begins")]
    pub note: Option<String>,
    // Its type is mediumblob.
    pub data: Option<Vec<u8>>,
    // Its type is timestamp.
    // It changes by itself: on update current_timestamp().
    #[orm(server_default = "current_timestamp()")]
    pub seen: Auto<TimestampTz>,
    pub born_on: Option<Date>,
    // Its type is time.
    pub woke: Option<Time>,
    pub document: Option<serde_json::Value>,
    #[orm(back_populates = owner, cascade = "merge, delete", passive_deletes)]
    pub pets_by_owner: HasMany<Pet>,
}

// No relation follows the foreign key (owner_email): it does not refer to the primary key.
#[derive(Entity, Clone, Debug)]
#[orm(table = "pets")]
pub struct Pet {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    // Its type is int(10) unsigned.
    #[orm(
        index = "owner_id",
        references = "owners.id",
        foreign_key = "pets_owner",
        on_delete = "cascade"
    )]
    pub owner_id: Option<i64>,
    // Its collation is utf8mb4_general_ci.
    #[orm(length = 100, references = "owners.email", foreign_key = "pets_email")]
    pub owner_email: Option<String>,
    // Its collation is latin1_swedish_ci.
    #[orm(length = 20)]
    pub name: String,
    #[orm(back_populates = pets_by_owner)]
    pub owner: BelongsTo<Owner>,
}
