//! Entities of a database (postgres), written by `selfsame inspect`.
//!
//! Triggers are left out. Anything else that an entity cannot express is a comment on the entity or field.

use selfsame::prelude::*;
use selfsame::value::{Date, Decimal, Time, Timestamp, TimestampTz};

/// Every table that has an entity.
pub fn metadata() -> Metadata {
    metadata![
        Acct,
        Child,
        Crate,
        Cur,
        EmbeddedRow,
        Event,
        Fallback,
        Feeling,
        Fell,
        Felt,
        HookRow,
        Host,
        Job,
        Keyless,
        KeylessNote,
        Lent,
        Log,
        Narrow,
        Noted,
        OddValue,
        Owned,
        Owner,
        Ping,
        Rate,
        Refer,
        Reversed,
        Slot,
        Tenant,
        Thing,
        Type,
        Version,
        Wide,
    ]
}

#[derive(DbEnum, Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[orm(db_type = "mood")]
pub enum Mood {
    #[orm(label = "calm")]
    Calm,
    #[orm(label = "it's odd")]
    ItSOdd,
    #[orm(label = "Self")]
    Self_,
    #[orm(label = "1st")]
    Value1st,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "acct")]
pub struct Acct {
    #[orm(primary_key)]
    pub id: i32,
    pub name: Option<String>,
}

// Not here: the foreign key child_acct_id_fkey of acct_id to elsewhere.acct, a table of another schema.
#[derive(Entity, Clone, Debug)]
#[orm(table = "child")]
pub struct Child {
    #[orm(primary_key)]
    pub id: i32,
    pub acct_id: Option<i32>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "crates")]
pub struct Crate {
    #[orm(primary_key)]
    pub id: i32,
    #[orm(back_populates = crate_)]
    pub versions: HasMany<Version>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "cur")]
pub struct Cur {
    #[orm(primary_key, db_type = "character(5)")]
    pub code: String,
    pub name: Option<String>,
    #[orm(back_populates = cur)]
    pub rates: HasMany<Rate>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "embedded")]
pub struct EmbeddedRow {
    #[orm(primary_key)]
    pub id: i32,
}

// It is partitioned by RANGE (at).
#[derive(Entity, Clone, Debug)]
#[orm(table = "events")]
pub struct Event {
    #[orm(primary_key)]
    pub id: i64,
    #[orm(primary_key)]
    pub at: Date,
    pub what: Option<String>,
    #[orm(back_populates = event_at_row)]
    pub noteds: HasMany<Noted>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "fallbacks")]
pub struct Fallback {
    #[orm(primary_key)]
    pub id: i32,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "feelings")]
pub struct Feeling {
    #[orm(primary_key)]
    pub mood: Mood,
    pub words: String,
    #[orm(back_populates = feeling, cascade = "merge, delete", passive_deletes)]
    pub felts: HasMany<Felt>,
}

// Only partly here: the constraint fell_fallback_id_fkey, FOREIGN KEY (fallback_id) REFERENCES fallbacks(id) ON DELETE SET DEFAULT DEFERRABLE INITIALLY DEFERRED.
// No relation follows the foreign key (fallback_id): a column of it may be NULL and has a default.
#[derive(Entity, Clone, Debug)]
#[orm(table = "fell")]
pub struct Fell {
    #[orm(primary_key)]
    pub id: i32,
    #[orm(
        server_default = "1",
        references = "fallbacks.id",
        on_delete = "set default"
    )]
    pub fallback_id: Auto<Option<i32>>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "felt")]
pub struct Felt {
    #[orm(primary_key)]
    pub id: i32,
    #[orm(references = "feelings.mood", on_delete = "cascade")]
    pub mood: Option<Mood>,
    #[orm(back_populates = felts)]
    pub feeling: BelongsTo<Feeling>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "hooks")]
pub struct HookRow {
    #[orm(primary_key)]
    pub id: i32,
    pub deferred: Option<bool>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "hosts")]
pub struct Host {
    #[orm(primary_key, db_type = "inet")]
    pub address: String,
    pub name: Option<String>,
    #[orm(back_populates = host)]
    pub pings: HasMany<Ping>,
}

// Only partly here: CREATE INDEX jobs_newest ON jobs USING btree (id DESC).
// Not here: CREATE INDEX jobs_tags ON jobs USING gin (tags).
// Not here: CREATE UNIQUE INDEX jobs_one_calm ON jobs USING btree (took) WHERE (mood = 'calm'::mood).
#[derive(Entity, Clone, Debug)]
#[orm(table = "jobs")]
#[orm(check(name = "jobs_mood_check", condition = "(mood <> 'Self'::mood)"))]
pub struct Job {
    // It is GENERATED ALWAYS AS IDENTITY.
    #[orm(primary_key, index = "jobs_newest")]
    pub id: Auto<i64>,
    #[orm(server_default = "'calm'::mood")]
    pub mood: Auto<Mood>,
    pub before: Option<Mood>,
    pub moods: Option<Vec<Mood>>,
    #[orm(server_default = "'{}'::text[]")]
    pub tags: Auto<Vec<String>>,
    pub sizes: Option<Vec<i32>>,
    #[orm(db_type = "inet")]
    pub address: Option<String>,
    #[orm(db_type = "cidr")]
    pub net: Option<String>,
    #[orm(db_type = "macaddr")]
    pub mac: Option<String>,
    #[orm(db_type = "interval")]
    pub took: Option<String>,
    #[orm(db_type = "time with time zone")]
    pub at_zone: Option<String>,
    #[orm(db_type = "money")]
    pub price: Option<String>,
    #[orm(db_type = "bit(3)")]
    pub flags: Option<String>,
    #[orm(db_type = "bit varying(8)")]
    pub more_flags: Option<String>,
    #[orm(db_type = "tsvector")]
    pub words: Option<String>,
    #[orm(db_type = "tstzrange")]
    pub period: Option<String>,
    #[orm(db_type = "int4multirange")]
    pub parts: Option<String>,
    #[orm(db_type = "point")]
    pub place: Option<String>,
    #[orm(db_type = "xml")]
    pub doc: Option<String>,
    // Its type is json.
    pub old: Option<serde_json::Value>,
    #[orm(db_type = "oid")]
    pub class: Option<String>,
    // Its type is the domain positive, mapped as its base type.
    pub grade: Option<i32>,
    // Its type is the domain count_of, mapped as its base type.
    pub amount: i32,
    #[orm(db_type = "timestamp(3) without time zone")]
    pub short: Option<Timestamp>,
    // Its type is character varying(3)[].
    #[orm(db_type = "character varying(3)[]")]
    pub label: Option<Vec<String>>,
    #[orm(db_type = "cidr[]")]
    pub nets: Option<Vec<String>>,
}

// It has no primary key: its UNIQUE (name) stands for one here.
#[derive(Entity, Clone, Debug)]
#[orm(table = "keyless")]
pub struct Keyless {
    #[orm(primary_key)]
    pub name: String,
    pub hits: Option<i32>,
    #[orm(back_populates = keyless_row)]
    pub keyless_notes: HasMany<KeylessNote>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "keyless_notes")]
pub struct KeylessNote {
    #[orm(primary_key)]
    pub id: i32,
    #[orm(references = "keyless.name")]
    pub keyless: Option<String>,
    #[orm(back_populates = keyless_notes)]
    pub keyless_row: BelongsTo<Keyless>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "lent")]
pub struct Lent {
    #[orm(primary_key)]
    pub id: i32,
    #[orm(references = "owners.id", on_delete = "set null")]
    pub owner_id: Option<i32>,
    #[orm(back_populates = lents)]
    pub owner: BelongsTo<Owner>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "logs")]
#[orm(read_only)]
pub struct Log {
    pub at: Option<Timestamp>,
    pub line: Option<String>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "narrow")]
pub struct Narrow {
    #[orm(primary_key)]
    pub id: i32,
    #[orm(references = "wide.id")]
    pub wide_id: Option<i32>,
    #[orm(references = "narrow.id")]
    pub small: Option<i16>,
    #[orm(back_populates = narrows)]
    pub wide: BelongsTo<Wide>,
    #[orm(back_populates = narrows_by_small, key = "small")]
    pub small_row: BelongsTo<Narrow>,
    #[orm(back_populates = small_row)]
    pub narrows_by_small: HasMany<Narrow>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "noted")]
#[orm(foreign_key(columns(event, at), references = "events(id, at)"))]
pub struct Noted {
    #[orm(primary_key)]
    pub id: i32,
    pub event: Option<i64>,
    pub at: Option<Date>,
    #[orm(back_populates = noteds)]
    pub event_at_row: BelongsTo<Event>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "odd_values")]
pub struct OddValue {
    #[orm(primary_key)]
    pub id: i32,
    pub day: Option<Date>,
    pub number: Option<Decimal>,
    pub at_time: Option<Time>,
    pub at: Option<TimestampTz>,
    pub doc: Option<serde_json::Value>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "owned")]
pub struct Owned {
    #[orm(primary_key)]
    pub id: i32,
    #[orm(references = "owners.id", on_delete = "cascade")]
    pub owner_id: i32,
    #[orm(back_populates = owneds)]
    pub owner: BelongsTo<Owner>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "owners")]
pub struct Owner {
    #[orm(primary_key)]
    pub id: i32,
    #[orm(back_populates = owner, passive_deletes)]
    pub lents: HasMany<Lent>,
    #[orm(back_populates = owner, cascade = "merge, delete", passive_deletes)]
    pub owneds: HasMany<Owned>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "pings")]
pub struct Ping {
    #[orm(primary_key)]
    pub id: i32,
    #[orm(db_type = "inet", references = "hosts.address")]
    pub address: String,
    #[orm(back_populates = pings)]
    pub host: BelongsTo<Host>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "rate")]
pub struct Rate {
    #[orm(primary_key)]
    pub id: i32,
    #[orm(db_type = "character(5)", references = "cur.code")]
    pub cur_code: Option<String>,
    #[orm(precision = (12, 2), server_default = "0")]
    pub per: Auto<Decimal>,
    #[orm(back_populates = rates)]
    pub cur: BelongsTo<Cur>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "refers")]
#[orm(foreign_key(columns(c, a), references = "reversed(c, a)"))]
pub struct Refer {
    #[orm(primary_key)]
    pub id: i32,
    pub c: Option<i32>,
    pub a: Option<i32>,
    #[orm(back_populates = refers)]
    pub reversed: BelongsTo<Reversed>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "reversed")]
pub struct Reversed {
    #[orm(primary_key = 2)]
    pub a: i32,
    pub b: Option<String>,
    #[orm(primary_key = 1)]
    pub c: i32,
    #[orm(back_populates = reversed)]
    pub refers: HasMany<Refer>,
}

// Not here: the constraint slots_during_excl, EXCLUDE USING gist (during WITH &&).
#[derive(Entity, Clone, Debug)]
#[orm(table = "slots")]
pub struct Slot {
    #[orm(primary_key)]
    pub id: i32,
    #[orm(db_type = "tsrange")]
    pub during: Option<String>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "tenants")]
pub struct Tenant {
    #[orm(primary_key)]
    pub tenant: i32,
    // It is GENERATED ALWAYS AS IDENTITY.
    #[orm(primary_key)]
    pub id: Auto<i64>,
    pub name: String,
    #[orm(identity)]
    pub place: Auto<i64>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "things")]
pub struct Thing {
    #[orm(primary_key)]
    pub id: i32,
    #[orm(references = "types.id")]
    pub type_id: Option<i32>,
    #[orm(references = "types.id")]
    pub other_type_id: Option<i32>,
    #[orm(back_populates = things_by_type)]
    pub r#type: BelongsTo<Type>,
    #[orm(back_populates = things_by_other_type)]
    pub other_type: BelongsTo<Type>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "types")]
pub struct Type {
    #[orm(primary_key)]
    pub id: i32,
    #[orm(back_populates = r#type)]
    pub things_by_type: HasMany<Thing>,
    #[orm(back_populates = other_type)]
    pub things_by_other_type: HasMany<Thing>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "versions")]
pub struct Version {
    #[orm(primary_key)]
    pub id: i32,
    #[orm(references = "crates.id")]
    pub crate_id: Option<i32>,
    #[orm(back_populates = versions)]
    pub crate_: BelongsTo<Crate>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "wide")]
pub struct Wide {
    #[orm(primary_key)]
    pub id: i64,
    pub name: Option<String>,
    #[orm(back_populates = wide)]
    pub narrows: HasMany<Narrow>,
}
