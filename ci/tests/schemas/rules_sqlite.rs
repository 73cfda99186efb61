//! Entities of a database (sqlite), written by `selfsame inspect`.
//!
//! Triggers are left out. Anything else that an entity cannot express is a comment on the entity or field.

use selfsame::prelude::*;

/// Every table that has an entity.
pub fn metadata() -> Metadata {
    metadata![
        ByCode,
        Cascade,
        CascadesOn,
        Egg,
        HalfRequired,
        Hen,
        History,
        Kept,
        LetGo,
        LineNote,
        Line,
        MatchFull,
        Named,
        Node,
        Parent,
        Place,
        Required,
        Restricted,
        SetDefault,
        SetNull,
        SharesKey,
        Tagged,
        Tag,
        Tree,
        Unique,
        Watched,
    ]
}

// No relation follows the foreign key (code): it does not refer to the primary key.
#[derive(Entity, Clone, Debug)]
#[orm(table = "by_code")]
pub struct ByCode {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    // Its collation is NOCASE.
    #[orm(references = "parents.code")]
    pub code: Option<String>,
    pub note: Option<String>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "cascades")]
pub struct Cascade {
    #[orm(primary_key)]
    pub id: Auto<i64>,
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

// It is WITHOUT ROWID.
#[derive(Entity, Clone, Debug)]
#[orm(table = "cascades_on")]
pub struct CascadesOn {
    #[orm(primary_key, references = "cascades.id", on_delete = "cascade")]
    pub cascade_id: i64,
    #[orm(primary_key)]
    pub line: String,
    pub note: Option<String>,
    #[orm(back_populates = cascades_ons)]
    pub cascade: BelongsTo<Cascade>,
}

// It has constraints that wait for COMMIT (DEFERRABLE).
#[derive(Entity, Clone, Debug)]
#[orm(table = "eggs")]
pub struct Egg {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(references = "hens.id")]
    pub hen_id: i64,
    pub name: Option<String>,
    #[orm(back_populates = eggs)]
    pub hen: BelongsTo<Hen>,
    #[orm(back_populates = egg)]
    pub hens: HasMany<Hen>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "half_required")]
#[orm(foreign_key(columns(a, b), references = "places(a, b)"))]
pub struct HalfRequired {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    pub a: i64,
    pub b: Option<String>,
    pub note: Option<String>,
    #[orm(back_populates = half_requireds)]
    pub place: BelongsTo<Place>,
}

// It has constraints that wait for COMMIT (DEFERRABLE).
#[derive(Entity, Clone, Debug)]
#[orm(table = "hens")]
pub struct Hen {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(references = "eggs.id")]
    pub egg_id: i64,
    pub name: Option<String>,
    #[orm(back_populates = hens)]
    pub egg: BelongsTo<Egg>,
    #[orm(back_populates = hen)]
    pub eggs: HasMany<Egg>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "history")]
pub struct History {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    pub what: Option<String>,
}

// It has triggers: keep.
#[derive(Entity, Clone, Debug)]
#[orm(table = "kept")]
pub struct Kept {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    pub name: Option<String>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "let_go")]
pub struct LetGo {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(references = "parents.id")]
    pub parent_id: Option<i64>,
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
    pub id: Auto<i64>,
    pub parent_id: Option<i64>,
    pub line: Option<i64>,
    pub note: Option<String>,
    #[orm(back_populates = line_notes)]
    pub parent_id_line_row: BelongsTo<Line>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "lines")]
pub struct Line {
    #[orm(primary_key, references = "parents.id", on_delete = "cascade")]
    pub parent_id: i64,
    #[orm(primary_key)]
    pub line: i64,
    pub price: f64,
    pub amount: i64,
    #[orm(computed = "price * amount")]
    pub total: Auto<Option<f64>>,
    #[orm(computed = "amount || ' pieces'")]
    pub words: Auto<Option<String>>,
    #[orm(back_populates = lines)]
    pub parent: BelongsTo<Parent>,
    #[orm(back_populates = parent_id_line_row, passive_deletes)]
    pub line_notes: HasMany<LineNote>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "match_full")]
#[orm(foreign_key(columns(a, b), references = "places(a, b)"))]
pub struct MatchFull {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    pub a: Option<i64>,
    pub b: Option<String>,
    pub note: Option<String>,
    #[orm(back_populates = match_fulls)]
    pub place: BelongsTo<Place>,
}

// It has triggers: put_named.
#[derive(Entity, Clone, Debug)]
#[orm(table = "named")]
#[orm(view)]
pub struct Named {
    pub id: Option<i64>,
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
#[orm(table = "parents")]
pub struct Parent {
    #[orm(primary_key, autoincrement)]
    pub id: Auto<i64>,
    // Its collation is NOCASE.
    #[orm(unique)]
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

// It is STRICT.
// It is WITHOUT ROWID.
#[derive(Entity, Clone, Debug)]
#[orm(table = "places")]
pub struct Place {
    #[orm(primary_key)]
    pub a: i64,
    #[orm(primary_key)]
    pub b: String,
    pub note: Option<String>,
    #[orm(back_populates = place)]
    pub half_requireds: HasMany<HalfRequired>,
    #[orm(back_populates = place)]
    pub match_fulls: HasMany<MatchFull>,
}

// It is STRICT.
#[derive(Entity, Clone, Debug)]
#[orm(table = "required")]
pub struct Required {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(references = "parents.id")]
    pub parent_id: i64,
    pub note: Option<String>,
    #[orm(back_populates = requireds)]
    pub parent: BelongsTo<Parent>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "restricted")]
pub struct Restricted {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(references = "parents.id", on_delete = "restrict")]
    pub parent_id: Option<i64>,
    pub note: Option<String>,
    #[orm(back_populates = restricteds)]
    pub parent: BelongsTo<Parent>,
}

// No relation follows the foreign key (node_id): a column of it may be NULL and has a default.
#[derive(Entity, Clone, Debug)]
#[orm(table = "set_default")]
pub struct SetDefault {
    #[orm(primary_key)]
    pub id: Auto<i64>,
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
    pub id: Auto<i64>,
    #[orm(references = "nodes.id", on_delete = "set null")]
    pub node_id: Option<i64>,
    #[orm(references = "cascades.id", on_delete = "set null")]
    pub cascade_id: Option<i64>,
    #[orm(back_populates = set_nulls)]
    pub node: BelongsTo<Node>,
    #[orm(back_populates = set_nulls)]
    pub cascade: BelongsTo<Cascade>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "shares_key")]
pub struct SharesKey {
    #[orm(primary_key, references = "parents.id", on_delete = "cascade")]
    pub id: Auto<i64>,
    pub note: Option<String>,
    #[orm(back_populates = shares_key)]
    pub parent: BelongsTo<Parent>,
}

// It is WITHOUT ROWID.
// Its rows are the pairs of Parent.tags and Tag.parents, which would otherwise create other foreign keys or indexes.
#[derive(Entity, Clone, Debug)]
#[orm(table = "tagged")]
pub struct Tagged {
    #[orm(primary_key, references = "parents.id")]
    pub parent_id: i64,
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

#[derive(Entity, Clone, Debug)]
#[orm(table = "trees")]
pub struct Tree {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(references = "trees.id", on_delete = "set null")]
    pub up: Option<i64>,
    #[orm(references = "trees.id")]
    pub root: Option<i64>,
    pub note: Option<String>,
    #[orm(back_populates = trees_by_up, key = "up")]
    pub up_row: BelongsTo<Tree>,
    #[orm(back_populates = trees_by_root, key = "root")]
    pub root_row: BelongsTo<Tree>,
    #[orm(back_populates = up_row, passive_deletes)]
    pub trees_by_up: HasMany<Tree>,
    #[orm(back_populates = root_row)]
    pub trees_by_root: HasMany<Tree>,
}

// Not here: CREATE UNIQUE INDEX uniques_lower ON uniques (lower(name)).
// Not here: CREATE UNIQUE INDEX uniques_some ON uniques (kind) WHERE a > 1.
#[derive(Entity, Clone, Debug)]
#[orm(table = "uniques")]
pub struct Unique {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    pub name: Option<String>,
    pub kind: Option<String>,
    pub a: Option<i64>,
}

// It has triggers: bump, remember.
#[derive(Entity, Clone, Debug)]
#[orm(table = "watched")]
pub struct Watched {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    pub name: Option<String>,
    #[orm(server_default = "0")]
    pub version: Auto<i64>,
}
