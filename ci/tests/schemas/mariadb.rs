//! Entities of a database (mariadb), written by `selfsame inspect`.
//!
//! Triggers are left out. Anything else that an entity cannot express is a comment on the entity or field.
//!
//! Table "broken" has no entity: it has no columns that can be read.
//!
//! Table "broken": It cannot be read: what it selects from has changed.

use selfsame::prelude::*;
use selfsame::value::{Date, Decimal, Time, Timestamp, TimestampTz};

/// Every table that has an entity.
pub fn metadata() -> Metadata {
    metadata![
        Award,
        Log,
        Member,
        NamedPet,
        Owner,
        Pet,
        Team,
        Ticket,
        Token,
    ]
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "awards")]
#[orm(
    foreign_key(columns(team_id, nick), references = "members(team_id, nick)", name = "awards_member")
)]
pub struct Award {
    // Its type is int(10) unsigned.
    #[orm(primary_key)]
    pub id: Auto<i64>,
    // Its type is bigint(20) unsigned.
    pub team_id: Option<i64>,
    // Its type is char(10).
    // Its collation is utf8mb4_general_ci.
    #[orm(length = 10)]
    pub nick: Option<String>,
    // Its type is bigint(20) unsigned.
    #[orm(precision = (20, 0), index = "since")]
    pub since: Option<Decimal>,
    #[orm(back_populates = awards)]
    pub member: BelongsTo<Member>,
}

// Its engine is MyISAM, which has no transactions and may have no foreign keys.
#[derive(Entity, Clone, Debug)]
#[orm(table = "logs")]
#[orm(read_only)]
pub struct Log {
    #[orm(db_type = "datetime")]
    pub at: Option<Timestamp>,
    // Its type is text.
    // Its collation is utf8mb4_general_ci.
    pub line: Option<String>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "members")]
pub struct Member {
    // Its type is bigint(20) unsigned.
    #[orm(primary_key, references = "teams.id", foreign_key = "members_team")]
    pub team_id: i64,
    // Its type is char(10).
    // Its collation is utf8mb4_general_ci.
    #[orm(primary_key, length = 10)]
    pub nick: String,
    #[orm(back_populates = members)]
    pub team: BelongsTo<Team>,
    #[orm(back_populates = member)]
    pub awards: HasMany<Award>,
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

// Not here: the index note_begins (note(10)), BTREE.
// Not here: the index note_words (note), FULLTEXT.
/// Who owns pets
#[derive(Entity, Clone, Debug)]
#[orm(table = "owners")]
#[orm(comment)]
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
    #[orm(server_default = "0")]
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
    pub note: Option<String>,
    // Its type is mediumblob.
    pub data: Option<Vec<u8>>,
    // It changes by itself: on update current_timestamp().
    #[orm(db_type = "timestamp", server_default = "current_timestamp()")]
    pub seen: Auto<TimestampTz>,
    pub born_on: Option<Date>,
    #[orm(db_type = "time")]
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

#[derive(Entity, Clone, Debug)]
#[orm(table = "teams")]
pub struct Team {
    // Its type is bigint(20) unsigned.
    #[orm(primary_key)]
    pub id: Auto<i64>,
    // Its collation is utf8mb4_general_ci.
    #[orm(length = 20)]
    pub name: String,
    // Its type is bigint(20) unsigned.
    #[orm(precision = (20, 0), server_default = "18446744073709551615")]
    pub hash: Auto<Decimal>,
    #[orm(db_type = "datetime")]
    pub at: Option<Timestamp>,
    // It changes by itself: on update current_timestamp(3).
    #[orm(db_type = "timestamp(3)", server_default = "current_timestamp(3)")]
    pub changed: Auto<TimestampTz>,
    #[orm(computed = "char_length(\"name\")")]
    pub len: Auto<Option<i32>>,
    #[orm(back_populates = team)]
    pub members: HasMany<Member>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "tickets")]
pub struct Ticket {
    #[orm(primary_key, server_default = "nextval(\"counter\")")]
    pub id: Auto<i64>,
    // Its collation is utf8mb4_general_ci.
    #[orm(length = 20)]
    pub title: String,
    #[orm(back_populates = ticket)]
    pub tokens: HasMany<Token>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "tokens")]
pub struct Token {
    // Its type is char(36).
    // Its collation is utf8mb4_general_ci.
    #[orm(primary_key, length = 36, server_default = "uuid()")]
    pub id: Auto<String>,
    #[orm(
        index = "ticket_id",
        references = "tickets.id",
        foreign_key = "tokens_ticket"
    )]
    pub ticket_id: Option<i64>,
    // Its type is uuid.
    #[orm(server_default = "uuid()")]
    pub uid: Auto<uuid::Uuid>,
    #[orm(db_type = "inet6")]
    pub address: Option<String>,
    // Its collation is utf8mb4_general_ci.
    #[orm(length = 20, server_default = "'it''s a \\\\ b'")]
    pub words: Auto<Option<String>>,
    #[orm(server_default = "(1 + 2)")]
    pub n: Auto<Option<i32>>,
    #[orm(server_default = "5")]
    pub hidden: Auto<Option<i32>>,
    // Its type is point.
    pub place: Option<Vec<u8>>,
    // Its type is bit(64).
    pub wide: Option<i64>,
    #[orm(back_populates = tokens)]
    pub ticket: BelongsTo<Ticket>,
}
