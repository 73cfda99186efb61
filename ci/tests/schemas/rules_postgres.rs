//! Entities of a database (postgres), written by `selfsame inspect`.
//!
//! Triggers are left out. Anything else that an entity cannot express is a comment on the entity or field.

use selfsame::prelude::*;
use selfsame::value::Decimal;

/// Every table that has an entity.
pub fn metadata() -> Metadata {
    metadata![
        AlsoInRound,
        ByArray,
        ByCode,
        ByLevel,
        Cascade,
        CascadesOn,
        Egg,
        HalfNull,
        HalfRequired,
        Hen,
        History,
        InRound,
        Kept,
        LetGo,
        LineNote,
        Line,
        MatchFull,
        MatchSimple,
        Named,
        Node,
        OfArray,
        OfLevel,
        Parent,
        Place,
        Required,
        Restricted,
        SetDefault,
        SetNull,
        SharesKey,
        Tagged,
        Tag,
        Unique,
        Watched,
    ]
}

#[derive(DbEnum, Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[orm(db_type = "level")]
pub enum Level {
    #[orm(label = "low")]
    Low,
    #[orm(label = "high")]
    High,
    #[orm(label = "top")]
    Top,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "also_in_rounds")]
pub struct AlsoInRound {
    // Its numbers are those of a shared sequence: nextval('rounds'::regclass).
    #[orm(primary_key)]
    pub id: Auto<i32>,
    pub note: Option<String>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "by_array")]
pub struct ByArray {
    #[orm(primary_key)]
    pub parts: Vec<i32>,
    pub note: Option<String>,
    #[orm(back_populates = by_array)]
    pub of_arrays: HasMany<OfArray>,
}

// No relation follows the foreign key (code): it does not refer to the primary key.
#[derive(Entity, Clone, Debug)]
#[orm(table = "by_code")]
pub struct ByCode {
    #[orm(primary_key)]
    pub id: i32,
    #[orm(db_type = "character(4)", references = "parents.code")]
    pub code: Option<String>,
    pub note: Option<String>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "by_level")]
pub struct ByLevel {
    #[orm(primary_key)]
    pub level: Level,
    pub note: Option<String>,
    #[orm(back_populates = by_level)]
    pub of_levels: HasMany<OfLevel>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "cascades")]
pub struct Cascade {
    #[orm(primary_key)]
    pub id: i32,
    #[orm(references = "nodes.id", on_delete = "cascade", on_update = "cascade")]
    pub node_id: i64,
    pub note: Option<String>,
    #[orm(back_populates = cascades)]
    pub node: BelongsTo<Node>,
    #[orm(back_populates = cascade, cascade = "merge, delete", passive_deletes)]
    pub cascades_ons: HasMany<CascadesOn>,
    #[orm(back_populates = cascade, passive_deletes)]
    pub set_nulls: HasMany<SetNull>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "cascades_on")]
pub struct CascadesOn {
    #[orm(primary_key)]
    pub id: i32,
    #[orm(references = "cascades.id", on_delete = "cascade")]
    pub cascade_id: i32,
    pub note: Option<String>,
    #[orm(back_populates = cascades_ons)]
    pub cascade: BelongsTo<Cascade>,
}

// Only partly here: the constraint eggs_hen_id_fkey, FOREIGN KEY (hen_id) REFERENCES hens(id) DEFERRABLE INITIALLY DEFERRED.
#[derive(Entity, Clone, Debug)]
#[orm(table = "eggs")]
pub struct Egg {
    #[orm(primary_key)]
    pub id: i32,
    #[orm(references = "hens.id")]
    pub hen_id: i32,
    pub name: Option<String>,
    #[orm(back_populates = eggs)]
    pub hen: BelongsTo<Hen>,
    #[orm(back_populates = egg)]
    pub hens: HasMany<Hen>,
}

// Only partly here: the constraint half_null_a_b_fkey, FOREIGN KEY (a, b) REFERENCES places(a, b) ON DELETE SET NULL (b).
#[derive(Entity, Clone, Debug)]
#[orm(table = "half_null")]
#[orm(
    foreign_key(columns(a, b), references = "places(a, b)", on_delete = "set null")
)]
pub struct HalfNull {
    #[orm(primary_key)]
    pub id: i32,
    pub a: i32,
    pub b: Option<i32>,
    pub note: Option<String>,
    #[orm(back_populates = half_nulls)]
    pub place: BelongsTo<Place>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "half_required")]
#[orm(foreign_key(columns(a, b), references = "places(a, b)"))]
pub struct HalfRequired {
    #[orm(primary_key)]
    pub id: i32,
    pub a: i32,
    pub b: Option<i32>,
    pub note: Option<String>,
    #[orm(back_populates = half_requireds)]
    pub place: BelongsTo<Place>,
}

// Only partly here: the constraint hens_egg_id_fkey, FOREIGN KEY (egg_id) REFERENCES eggs(id) DEFERRABLE INITIALLY DEFERRED.
#[derive(Entity, Clone, Debug)]
#[orm(table = "hens")]
pub struct Hen {
    #[orm(primary_key)]
    pub id: i32,
    #[orm(references = "eggs.id")]
    pub egg_id: i32,
    pub name: Option<String>,
    #[orm(back_populates = hens)]
    pub egg: BelongsTo<Egg>,
    #[orm(back_populates = hen)]
    pub eggs: HasMany<Egg>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "history")]
pub struct History {
    // It is GENERATED ALWAYS AS IDENTITY.
    #[orm(primary_key)]
    pub id: Auto<i64>,
    pub what: Option<String>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "in_rounds")]
pub struct InRound {
    // Its numbers are those of a shared sequence: nextval('rounds'::regclass).
    #[orm(primary_key)]
    pub id: Auto<i32>,
    #[orm(references = "in_rounds.id", on_delete = "set null")]
    pub up: Option<i32>,
    pub note: Option<String>,
    #[orm(back_populates = in_rounds_by_up)]
    pub up_row: BelongsTo<InRound>,
    #[orm(back_populates = up_row, passive_deletes)]
    pub in_rounds_by_up: HasMany<InRound>,
}

// It has triggers: keep.
#[derive(Entity, Clone, Debug)]
#[orm(table = "kept")]
pub struct Kept {
    #[orm(primary_key)]
    pub id: i32,
    pub name: Option<String>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "let_go")]
pub struct LetGo {
    #[orm(primary_key)]
    pub id: i32,
    #[orm(references = "parents.id")]
    pub parent_id: Option<i32>,
    pub note: Option<String>,
    #[orm(back_populates = let_gos)]
    pub parent: BelongsTo<Parent>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "line_notes")]
#[orm(
    foreign_key(columns(parent_id, line), references = "lines(parent_id, line)", on_delete = "set null")
)]
pub struct LineNote {
    #[orm(primary_key)]
    pub id: i32,
    pub parent_id: Option<i32>,
    pub line: Option<i64>,
    pub note: Option<String>,
    #[orm(back_populates = line_notes)]
    pub parent_id_line_row: BelongsTo<Line>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "lines")]
pub struct Line {
    #[orm(primary_key, references = "parents.id", on_delete = "cascade")]
    pub parent_id: i32,
    // It is GENERATED ALWAYS AS IDENTITY.
    #[orm(primary_key)]
    pub line: Auto<i64>,
    #[orm(precision = (8, 2))]
    pub price: Decimal,
    pub amount: i32,
    #[orm(computed = "(price * (amount)::numeric)")]
    pub total: Auto<Option<Decimal>>,
    #[orm(back_populates = lines)]
    pub parent: BelongsTo<Parent>,
    #[orm(back_populates = parent_id_line_row, passive_deletes)]
    pub line_notes: HasMany<LineNote>,
}

// Only partly here: the constraint match_full_a_b_fkey, FOREIGN KEY (a, b) REFERENCES places(a, b) MATCH FULL.
#[derive(Entity, Clone, Debug)]
#[orm(table = "match_full")]
#[orm(foreign_key(columns(a, b), references = "places(a, b)"))]
pub struct MatchFull {
    #[orm(primary_key)]
    pub id: i32,
    pub a: Option<i32>,
    pub b: Option<i32>,
    pub note: Option<String>,
    #[orm(back_populates = match_fulls)]
    pub place: BelongsTo<Place>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "match_simple")]
#[orm(foreign_key(columns(a, b), references = "places(a, b)"))]
pub struct MatchSimple {
    #[orm(primary_key)]
    pub id: i32,
    pub a: Option<i32>,
    pub b: Option<i32>,
    pub note: Option<String>,
    #[orm(back_populates = match_simples)]
    pub place: BelongsTo<Place>,
}

// It has triggers: put_named.
#[derive(Entity, Clone, Debug)]
#[orm(table = "named")]
#[orm(view)]
pub struct Named {
    pub id: Option<i32>,
    pub name: Option<String>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "nodes")]
pub struct Node {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    pub name: Option<String>,
    #[orm(back_populates = node, cascade = "merge, delete", passive_deletes)]
    pub cascades: HasMany<Cascade>,
    #[orm(back_populates = node, passive_deletes)]
    pub set_nulls: HasMany<SetNull>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "of_array")]
pub struct OfArray {
    #[orm(primary_key)]
    pub id: i32,
    #[orm(references = "by_array.parts")]
    pub parts: Option<Vec<i32>>,
    pub note: Option<String>,
    #[orm(back_populates = of_arrays)]
    pub by_array: BelongsTo<ByArray>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "of_level")]
pub struct OfLevel {
    #[orm(primary_key)]
    pub id: i32,
    #[orm(references = "by_level.level")]
    pub level: Option<Level>,
    pub levels: Option<Vec<Level>>,
    #[orm(back_populates = of_levels)]
    pub by_level: BelongsTo<ByLevel>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "parents")]
pub struct Parent {
    // It is GENERATED ALWAYS AS IDENTITY.
    #[orm(primary_key)]
    pub id: Auto<i32>,
    #[orm(unique, db_type = "character(4)")]
    pub code: String,
    pub name: Option<String>,
    #[orm(back_populates = parent)]
    pub let_gos: HasMany<LetGo>,
    #[orm(back_populates = parent, cascade = "merge, delete", passive_deletes)]
    pub lines: HasMany<Line>,
    #[orm(back_populates = parent)]
    pub requireds: HasMany<Required>,
    #[orm(back_populates = parent)]
    pub restricteds: HasMany<Restricted>,
    #[orm(back_populates = parent, cascade = "merge, delete", passive_deletes)]
    pub shares_key: HasOne<SharesKey>,
    #[orm(secondary = "tagged(parent_id, tag)", back_populates = parents)]
    pub tags: ManyToMany<Tag>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "places")]
pub struct Place {
    #[orm(primary_key)]
    pub a: i32,
    #[orm(primary_key)]
    pub b: i32,
    pub note: Option<String>,
    #[orm(back_populates = place, passive_deletes)]
    pub half_nulls: HasMany<HalfNull>,
    #[orm(back_populates = place)]
    pub half_requireds: HasMany<HalfRequired>,
    #[orm(back_populates = place)]
    pub match_fulls: HasMany<MatchFull>,
    #[orm(back_populates = place)]
    pub match_simples: HasMany<MatchSimple>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "required")]
pub struct Required {
    #[orm(primary_key)]
    pub id: i32,
    #[orm(references = "parents.id")]
    pub parent_id: i32,
    pub note: Option<String>,
    #[orm(back_populates = requireds)]
    pub parent: BelongsTo<Parent>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "restricted")]
pub struct Restricted {
    #[orm(primary_key)]
    pub id: i32,
    #[orm(references = "parents.id", on_delete = "restrict")]
    pub parent_id: Option<i32>,
    pub note: Option<String>,
    #[orm(back_populates = restricteds)]
    pub parent: BelongsTo<Parent>,
}

// No relation follows the foreign key (node_id): a column of it may be NULL and has a default.
#[derive(Entity, Clone, Debug)]
#[orm(table = "set_default")]
pub struct SetDefault {
    #[orm(primary_key)]
    pub id: i32,
    #[orm(
        server_default = "3",
        references = "nodes.id",
        on_delete = "set default"
    )]
    pub node_id: Auto<Option<i64>>,
    pub note: Option<String>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "set_null")]
pub struct SetNull {
    #[orm(primary_key)]
    pub id: i32,
    #[orm(references = "nodes.id", on_delete = "set null")]
    pub node_id: Option<i64>,
    #[orm(references = "cascades.id", on_delete = "set null")]
    pub cascade_id: Option<i32>,
    #[orm(back_populates = set_nulls)]
    pub node: BelongsTo<Node>,
    #[orm(back_populates = set_nulls)]
    pub cascade: BelongsTo<Cascade>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "shares_key")]
pub struct SharesKey {
    #[orm(primary_key, references = "parents.id", on_delete = "cascade")]
    pub id: i32,
    pub note: Option<String>,
    #[orm(back_populates = shares_key)]
    pub parent: BelongsTo<Parent>,
}

// Its rows are the pairs of Parent.tags and Tag.parents, which would otherwise create other foreign keys or indexes.
#[derive(Entity, Clone, Debug)]
#[orm(table = "tagged")]
pub struct Tagged {
    #[orm(primary_key, references = "parents.id")]
    pub parent_id: i32,
    #[orm(primary_key, references = "tags.tag")]
    pub tag: String,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "tags")]
pub struct Tag {
    #[orm(primary_key)]
    pub tag: String,
    #[orm(back_populates = tags)]
    pub parents: ManyToMany<Parent>,
}

// Only partly here: CREATE UNIQUE INDEX uniques_a_b_key ON uniques USING btree (a, b) NULLS NOT DISTINCT.
// Not here: CREATE UNIQUE INDEX uniques_lower ON uniques USING btree (lower(name)).
// Not here: CREATE UNIQUE INDEX uniques_some ON uniques USING btree (kind) WHERE (a > 1).
#[derive(Entity, Clone, Debug)]
#[orm(table = "uniques")]
#[orm(unique(a, b))]
pub struct Unique {
    #[orm(primary_key)]
    pub id: i32,
    pub name: Option<String>,
    pub kind: Option<String>,
    pub a: Option<i32>,
    pub b: Option<i32>,
}

// It has triggers: bump, remember.
#[derive(Entity, Clone, Debug)]
#[orm(table = "watched")]
pub struct Watched {
    #[orm(primary_key)]
    pub id: i32,
    pub name: Option<String>,
    #[orm(server_default = "0")]
    pub version: Auto<i32>,
}
