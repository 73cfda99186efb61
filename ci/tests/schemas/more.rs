//! Entities of a database (postgres), written by `selfsame inspect`.
//!
//! Triggers are left out. Anything else that an entity cannot express is a comment on the entity or field.
//!
//! Table "nothing" has no entity: it has no columns that can be read.

use selfsame::prelude::*;
use selfsame::value::{Date, Decimal, Timestamp, TimestampTz};

/// Every table that has an entity.
pub fn metadata() -> Metadata {
    metadata![
        Adult,
        BitKey,
        DirectionKey,
        FoldedChildren,
        FoldedKey,
        Kind,
        Line,
        Measured,
        MoneyKey,
        OidKey,
        Pair,
        People,
        RangeKey,
        SmallKey,
        WideKey,
        Year,
    ]
}

#[derive(DbEnum, Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[orm(db_type = "\"order\"")]
pub enum Order {
    #[orm(label = "asc")]
    Asc,
    #[orm(label = "desc")]
    Desc,
}

#[derive(DbEnum, Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[orm(db_type = "\"Other Place\".\"Mood\"")]
pub enum Mood {
    #[orm(label = "Up")]
    Up,
    #[orm(label = "down")]
    Down,
    #[orm(label = "a,\"b\\c")]
    ABC,
    #[orm(label = "type")]
    Type,
}

/// Whoever may vote.
#[derive(Entity, Clone, Debug)]
#[orm(table = "adults")]
#[orm(view)]
#[orm(comment)]
pub struct Adult {
    pub id: Option<i32>,
    /// As in people
    #[orm(comment)]
    pub name: Option<String>,
    pub born: Option<Date>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "bit_keys")]
pub struct BitKey {
    #[orm(primary_key, db_type = "bit(4)")]
    pub flags: String,
    #[orm(primary_key, db_type = "time with time zone")]
    pub zone: String,
    pub words: Option<String>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "direction_keys")]
pub struct DirectionKey {
    #[orm(primary_key)]
    pub direction: Order,
    #[orm(primary_key)]
    pub mood: Mood,
    pub words: Option<String>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "folded_children")]
pub struct FoldedChildren {
    #[orm(primary_key)]
    pub id: i32,
    #[orm(
        db_type = "citext",
        references = "folded_keys.name",
        on_update = "cascade"
    )]
    pub name: Option<String>,
    #[orm(back_populates = folded_childrens)]
    pub folded_key: BelongsTo<FoldedKey>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "folded_keys")]
pub struct FoldedKey {
    #[orm(primary_key, db_type = "citext")]
    pub name: String,
    pub hits: Option<i32>,
    #[orm(back_populates = folded_key)]
    pub folded_childrens: HasMany<FoldedChildren>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "kinds")]
pub struct Kind {
    // It is GENERATED ALWAYS AS IDENTITY.
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(db_type = "citext")]
    pub folded: Option<String>,
    #[orm(db_type = "hstore")]
    pub pairs: Option<String>,
    #[orm(db_type = "ltree")]
    pub tree: Option<String>,
    #[orm(db_type = "vector")]
    pub near: Option<String>,
    // Its type is the domain feeling, mapped as its base type.
    pub feeling: Mood,
    pub maybe: Option<Mood>,
    pub all_moods: Option<Vec<Mood>>,
    // Its type is the domain moods, mapped as its base type.
    pub domain_of_moods: Option<Vec<Mood>>,
    #[orm(server_default = "'asc'::\"order\"")]
    pub direction: Auto<Option<Order>>,
    pub directions: Option<Vec<Order>>,
    #[orm(db_type = "address")]
    pub home: Option<String>,
    #[orm(db_type = "address[]")]
    pub homes: Option<Vec<String>>,
    #[orm(db_type = "float_range")]
    pub weights: Option<String>,
    #[orm(db_type = "nummultirange")]
    pub multi: Option<String>,
    #[orm(db_type = "small[]")]
    pub smalls: Option<Vec<String>>,
    #[orm(db_type = "positive[]")]
    pub several: Option<Vec<String>>,
    // Its type is the domain words, mapped as its base type.
    pub tags: Option<Vec<String>>,
    pub matrix: Option<Vec<Vec<i32>>>,
    pub cube: Option<Vec<Vec<Vec<f64>>>>,
    pub bools: Option<Vec<bool>>,
    pub shorts: Option<Vec<i16>>,
    pub longs: Option<Vec<i64>>,
    // Its type is numeric(10,2)[].
    pub numbers: Option<Vec<Decimal>>,
    pub days: Option<Vec<Date>>,
    pub moments: Option<Vec<TimestampTz>>,
    pub ids: Option<Vec<uuid::Uuid>>,
    pub bytes: Option<Vec<Vec<u8>>>,
    pub docs: Option<Vec<serde_json::Value>>,
    #[orm(db_type = "interval[]")]
    pub spans: Option<Vec<String>>,
    #[orm(db_type = "box[]")]
    pub boxes: Option<String>,
    #[orm(db_type = "character(3)[]")]
    pub codes: Option<Vec<String>>,
    #[orm(db_type = "int2vector")]
    pub system: Option<String>,
    #[orm(db_type = "\"char\"")]
    pub one: Option<String>,
    #[orm(db_type = "name")]
    pub called: Option<String>,
    #[orm(db_type = "time with time zone")]
    pub at_zone: Option<String>,
    #[orm(db_type = "money")]
    pub cash: Option<String>,
    #[orm(db_type = "bit varying(8)")]
    pub flags: Option<String>,
    #[orm(db_type = "bit(3)[]")]
    pub bits: Option<Vec<String>>,
    #[orm(db_type = "tsquery")]
    pub search: Option<String>,
    #[orm(db_type = "xml")]
    pub page: Option<String>,
    #[orm(db_type = "regclass")]
    pub class: Option<String>,
    pub r#type: Option<String>,
    #[orm(column = "a.b")]
    pub a_b: Option<String>,
    #[orm(column = "quote\"d")]
    pub quote_d: Option<String>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "lines")]
#[orm(read_only)]
pub struct Line {
    #[orm(index = "lines_at")]
    pub at: Option<Timestamp>,
    pub line: Option<String>,
    pub five: Option<serde_json::Value>,
}

// Not here: its primary key (at), for a key cannot be a float or JSON.
#[derive(Entity, Clone, Debug)]
#[orm(table = "measured")]
#[orm(read_only)]
pub struct Measured {
    pub at: f64,
    pub value: Option<String>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "money_keys")]
pub struct MoneyKey {
    #[orm(primary_key, db_type = "money")]
    pub price: String,
    pub words: Option<String>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "oid_keys")]
pub struct OidKey {
    #[orm(primary_key, db_type = "oid")]
    pub class: String,
    pub words: Option<String>,
}

// Its rows are the pairs of People.peoples_by_person and People.peoples_by_friend, which would otherwise create other foreign keys or indexes.
#[derive(Entity, Clone, Debug)]
#[orm(table = "pairs")]
pub struct Pair {
    #[orm(primary_key, references = "people.id")]
    pub person: i32,
    #[orm(primary_key, references = "people.id", foreign_key = "friend_of")]
    pub friend: i32,
}

// Its primary key is called otherwise: people_key, PRIMARY KEY (id).
/// Who works here.
#[derive(Entity, Clone, Debug)]
#[orm(table = "people")]
#[orm(comment)]
#[orm(unique(name, born, name = "name and date"))]
#[orm(index(born, name = "by birth, again"))]
#[orm(index(boss, born, name = "by_boss_and_birth"))]
#[orm(check(name = "high", condition = "(height > (0)::double precision)"))]
#[orm(check(name = "grown", condition = "(born < '2020-01-01'::date)"))]
pub struct People {
    #[orm(primary_key)]
    pub id: i32,
    /// First the family name,
    /// then the given one
    #[orm(comment, unique = "People's names")]
    pub name: String,
    #[orm(comment = "See [the law] for <details>", index = "by_birth")]
    pub born: Option<Date>,
    #[orm(
        references = "people.id",
        foreign_key = "to the boss",
        on_delete = "set null"
    )]
    pub boss: Option<i32>,
    #[orm(comment = "    in metres \\ \"barefoot\"")]
    pub height: Option<f64>,
    #[orm(back_populates = peoples_by_boss)]
    pub boss_row: BelongsTo<People>,
    #[orm(back_populates = boss_row, passive_deletes)]
    pub peoples_by_boss: HasMany<People>,
    #[orm(
        secondary = "pairs(person, friend)",
        back_populates = peoples_by_friend
    )]
    pub peoples_by_person: ManyToMany<People>,
    #[orm(back_populates = peoples_by_person)]
    pub peoples_by_friend: ManyToMany<People>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "range_keys")]
pub struct RangeKey {
    #[orm(primary_key, db_type = "int4range")]
    pub during: String,
    pub words: Option<String>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "small_keys")]
pub struct SmallKey {
    // Its type is the domain small, mapped as its base type.
    #[orm(primary_key)]
    pub small: i32,
    pub words: Option<String>,
}

// Not here: its primary key (a, b, c, d, e), for a key has at most four columns.
#[derive(Entity, Clone, Debug)]
#[orm(table = "wide_key")]
#[orm(read_only)]
pub struct WideKey {
    pub a: i32,
    pub b: i32,
    pub c: i32,
    pub d: i32,
    pub e: i32,
}

// It is a materialized view.
#[derive(Entity, Clone, Debug)]
#[orm(table = "years")]
#[orm(view)]
pub struct Year {
    pub year: Option<Decimal>,
    pub people: Option<i64>,
}
