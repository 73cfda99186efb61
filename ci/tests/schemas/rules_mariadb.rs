//! Entities of a database (mariadb), written by `selfsame inspect`.
//!
//! Triggers are left out. Anything else that an entity cannot express is a comment on the entity or field.

use selfsame::prelude::*;
use selfsame::value::Decimal;

/// Every table that has an entity.
pub fn metadata() -> Metadata {
    metadata![
        ByCode,
        ByLevel,
        Cascade,
        CascadesOn,
        History,
        InRound,
        LetGo,
        Line,
        Node,
        OfLevel,
        Parent,
        Required,
        SetNull,
        Tagged,
        Tag,
        Tree,
        Watched,
    ]
}

// No relation follows the foreign key (code): it does not refer to the primary key.
#[derive(Entity, Clone, Debug)]
#[orm(table = "by_code")]
pub struct ByCode {
    #[orm(primary_key)]
    pub id: i32,
    // Its type is char(4).
    // Its collation is latin1_swedish_ci.
    #[orm(
        length = 4,
        references = "parents.code",
        foreign_key = "by_code_ibfk_1"
    )]
    pub code: Option<String>,
    // Its collation is latin1_swedish_ci.
    #[orm(length = 20)]
    pub note: Option<String>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "by_level")]
pub struct ByLevel {
    // Its collation is latin1_swedish_ci.
    #[orm(primary_key, db_type = "enum('low','high','top')")]
    pub level: String,
    // Its collation is latin1_swedish_ci.
    #[orm(length = 20)]
    pub note: Option<String>,
    #[orm(back_populates = by_level)]
    pub of_levels: HasMany<OfLevel>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "cascades")]
pub struct Cascade {
    #[orm(primary_key)]
    pub id: i32,
    #[orm(
        references = "nodes.id",
        foreign_key = "cascades_ibfk_1",
        on_delete = "cascade",
        on_update = "cascade"
    )]
    pub node_id: i64,
    // Its collation is latin1_swedish_ci.
    #[orm(length = 20)]
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
    #[orm(
        primary_key,
        references = "cascades.id",
        foreign_key = "cascades_on_ibfk_1",
        on_delete = "cascade"
    )]
    pub cascade_id: i32,
    // Its type is char(5).
    // Its collation is latin1_swedish_ci.
    #[orm(primary_key, length = 5)]
    pub line: String,
    // Its collation is latin1_swedish_ci.
    #[orm(length = 20)]
    pub note: Option<String>,
    #[orm(back_populates = cascades_ons)]
    pub cascade: BelongsTo<Cascade>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "history")]
pub struct History {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    // Its collation is latin1_swedish_ci.
    #[orm(length = 20)]
    pub what: Option<String>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "in_rounds")]
pub struct InRound {
    #[orm(primary_key, server_default = "nextval(\"rounds\")")]
    pub id: Auto<i64>,
    // Its collation is latin1_swedish_ci.
    #[orm(length = 20)]
    pub note: Option<String>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "let_go")]
pub struct LetGo {
    #[orm(primary_key)]
    pub id: i32,
    // Its type is int(10) unsigned.
    #[orm(references = "parents.id", foreign_key = "let_go_ibfk_1")]
    pub parent_id: Option<i64>,
    // Its collation is latin1_swedish_ci.
    #[orm(length = 20)]
    pub note: Option<String>,
    #[orm(back_populates = let_gos)]
    pub parent: BelongsTo<Parent>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "lines")]
pub struct Line {
    // Its type is int(10) unsigned.
    #[orm(
        primary_key,
        references = "parents.id",
        foreign_key = "lines_ibfk_1",
        on_delete = "cascade"
    )]
    pub parent_id: i64,
    #[orm(primary_key, index = "line")]
    pub line: Auto<i32>,
    #[orm(precision = (8, 2))]
    pub price: Decimal,
    pub amount: i32,
    #[orm(precision = (12, 2), computed = "\"price\" * \"amount\"")]
    pub total: Auto<Option<Decimal>>,
    #[orm(back_populates = lines)]
    pub parent: BelongsTo<Parent>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "nodes")]
pub struct Node {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    // Its collation is latin1_swedish_ci.
    #[orm(length = 20)]
    pub name: Option<String>,
    #[orm(back_populates = node, cascade = "merge, delete", passive_deletes)]
    pub cascades: HasMany<Cascade>,
    #[orm(back_populates = node, passive_deletes)]
    pub set_nulls: HasMany<SetNull>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "of_level")]
pub struct OfLevel {
    #[orm(primary_key)]
    pub id: i32,
    // Its collation is latin1_swedish_ci.
    #[orm(
        db_type = "enum('low','high','top')",
        references = "by_level.level",
        foreign_key = "of_level_ibfk_1"
    )]
    pub level: Option<String>,
    #[orm(back_populates = of_levels)]
    pub by_level: BelongsTo<ByLevel>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "parents")]
pub struct Parent {
    // Its type is int(10) unsigned.
    #[orm(primary_key)]
    pub id: Auto<i64>,
    // Its type is char(4).
    // Its collation is latin1_swedish_ci.
    #[orm(length = 4, unique = "code")]
    pub code: String,
    // Its collation is latin1_swedish_ci.
    #[orm(length = 20)]
    pub name: Option<String>,
    #[orm(back_populates = parent)]
    pub let_gos: HasMany<LetGo>,
    #[orm(back_populates = parent, cascade = "merge, delete", passive_deletes)]
    pub lines: HasMany<Line>,
    #[orm(back_populates = parent)]
    pub requireds: HasMany<Required>,
    #[orm(secondary = "tagged(parent_id, tag)", back_populates = parents)]
    pub tags: ManyToMany<Tag>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "required")]
pub struct Required {
    #[orm(primary_key)]
    pub id: i32,
    // Its type is int(10) unsigned.
    #[orm(references = "parents.id", foreign_key = "required_ibfk_1")]
    pub parent_id: i64,
    // Its collation is latin1_swedish_ci.
    #[orm(length = 20)]
    pub note: Option<String>,
    #[orm(back_populates = requireds)]
    pub parent: BelongsTo<Parent>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "set_null")]
pub struct SetNull {
    #[orm(primary_key)]
    pub id: i32,
    #[orm(
        references = "nodes.id",
        foreign_key = "set_null_ibfk_1",
        on_delete = "set null"
    )]
    pub node_id: Option<i64>,
    #[orm(
        references = "cascades.id",
        foreign_key = "set_null_ibfk_2",
        on_delete = "set null"
    )]
    pub cascade_id: Option<i32>,
    #[orm(back_populates = set_nulls)]
    pub node: BelongsTo<Node>,
    #[orm(back_populates = set_nulls)]
    pub cascade: BelongsTo<Cascade>,
}

// Its rows are the pairs of Parent.tags and Tag.parents, which would otherwise create other foreign keys or indexes.
#[derive(Entity, Clone, Debug)]
#[orm(table = "tagged")]
pub struct Tagged {
    // Its type is int(10) unsigned.
    #[orm(primary_key, references = "parents.id", foreign_key = "tagged_ibfk_1")]
    pub parent_id: i64,
    // Its collation is latin1_swedish_ci.
    #[orm(
        primary_key,
        length = 20,
        references = "tags.tag",
        foreign_key = "tagged_ibfk_2"
    )]
    pub tag: String,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "tags")]
pub struct Tag {
    // Its collation is latin1_swedish_ci.
    #[orm(primary_key, length = 20)]
    pub tag: String,
    #[orm(back_populates = tags)]
    pub parents: ManyToMany<Parent>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "trees")]
pub struct Tree {
    #[orm(primary_key)]
    pub id: i32,
    #[orm(
        references = "trees.id",
        foreign_key = "trees_ibfk_1",
        on_delete = "set null"
    )]
    pub up: Option<i32>,
    #[orm(references = "trees.id", foreign_key = "trees_ibfk_2")]
    pub root: Option<i32>,
    // Its collation is latin1_swedish_ci.
    #[orm(length = 20)]
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

// It has triggers: bump, remember.
#[derive(Entity, Clone, Debug)]
#[orm(table = "watched")]
pub struct Watched {
    #[orm(primary_key)]
    pub id: i32,
    // Its collation is latin1_swedish_ci.
    #[orm(length = 20)]
    pub name: Option<String>,
    #[orm(server_default = "0")]
    pub version: Auto<i32>,
}
