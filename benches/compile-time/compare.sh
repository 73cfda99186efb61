#!/usr/bin/env bash
# What 50 entities of 12 columns and 3 relations cost the compiler, beside the same tables in Diesel.
#
#     benches/compile-time/compare.sh [ENTITIES [ROUNDS]]      50 entities (at least 4), 3 rounds
#
# Writes two crates, each a separate workspace, that declare the same tables and use each of them: add a row, find rows by a
# condition in an order, follow a relation, change a row, delete one. Their dependencies are built first and not counted. Each round builds
# only the crate itself, one ORM after the other: a check, a debug build, a debug build after one line changed, a release build. Printed
# are medians of the processor's seconds, which other work on the machine disturbs least. Needs the package registry.
set -euo pipefail
cd "$(dirname "$0")/../.."

entities=${1:-50}
rounds=${2:-3}
root=$PWD
out=${CARGO_TARGET_DIR:-$root/target}/compile-time
unset CARGO_TARGET_DIR
mkdir -p "$out"/{selfsame,diesel}/src

# Entity n refers to the one before it, in whose collection it is, and to the one before that.
back() { echo $((($1 - 1 + entities - $2) % entities + 1)); }

selfsame_manifest() {
    cat <<TOML
[package]
name = "entities"
version = "0.0.0"
edition = "2024"

[dependencies]
selfsame = { path = "$root/orm" }
selfsame-sqlite = { path = "$root/backends/sqlite" }

[workspace]
TOML
}

selfsame_entity() {
    local n=$1 parent owner child
    parent=$(back "$n" 1) owner=$(back "$n" 2) child=$(back "$n" -1)
    cat <<RUST
use crate::{e$child::Entity$child, e$owner::Entity$owner, e$parent::Entity$parent};
use selfsame::prelude::*;

#[derive(Entity, Clone, Debug)]
#[orm(table = "e$n")]
pub struct Entity$n {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(unique, length = 50)]
    pub name: String,
    pub title: Option<String>,
    pub size: i32,
    pub weight: f64,
    pub price: Option<f64>,
    #[orm(index)]
    pub place: i64,
    pub note: Option<String>,
    #[orm(default = false)]
    pub active: bool,
    pub payload: Option<Vec<u8>>,
    #[orm(references = "e$parent.id")]
    pub parent_id: Option<i64>,
    #[orm(references = "e$owner.id")]
    pub owner_id: Option<i64>,
    #[orm(back_populates = children)]
    pub parent: BelongsTo<Entity$parent>,
    pub owner: BelongsTo<Entity$owner>,
    #[orm(back_populates = parent)]
    pub children: HasMany<Entity$child>,
}

pub fn work(session: &mut Session) -> selfsame::Result<()> {
    let added = session.add(Entity$n { note: Some("new".into()), ..Entity$n::new("ann", 3, 0.5, 7) });
    session.flush()?;
    let found = Entity$n::query()
        .filter(Entity$n::PLACE.gt(3).and(Entity$n::NAME.like("a%")))
        .order_by(Entity$n::NAME.asc())
        .all(session)?;
    for entity in found {
        for child in session.load(entity, Entity$n::CHILDREN)? {
            session[child].active = true;
        }
        session[entity].size += 1;
    }
    session.delete(added)?;
    session.flush()
}
RUST
}

selfsame_main() {
    for n in $(seq "$entities"); do echo "mod e$n;"; done
    cat <<'RUST'
use selfsame::prelude::*;

fn main() -> selfsame::Result<()> {
    let session = &mut Session::new(&Engine::new(selfsame_sqlite::Sqlite::memory()));
RUST
    for n in $(seq "$entities"); do echo "    e$n::work(session)?;"; done
    printf '    session.commit()\n}\n'
}

diesel_manifest() {
    cat <<'TOML'
[package]
name = "entities"
version = "0.0.0"
edition = "2024"

[dependencies]
diesel = { version = "2", features = ["sqlite", "returning_clauses_for_sqlite_3_35"] }
libsqlite3-sys = { version = "*", features = ["bundled"] }

[workspace]
TOML
}

# As Diesel's own `print-schema` writes it.
diesel_schema() {
    local n all=
    for n in $(seq "$entities"); do
        all+="e$n,"
        cat <<RUST
diesel::table! {
    e$n (id) {
        id -> BigInt,
        name -> Text,
        title -> Nullable<Text>,
        size -> Integer,
        weight -> Double,
        price -> Nullable<Double>,
        place -> BigInt,
        note -> Nullable<Text>,
        active -> Bool,
        payload -> Nullable<Binary>,
        parent_id -> Nullable<BigInt>,
        owner_id -> Nullable<BigInt>,
    }
}
RUST
    done
    echo "diesel::allow_tables_to_appear_in_same_query!($all);"
}

diesel_entity() {
    local n=$1 parent owner child
    parent=$(back "$n" 1) owner=$(back "$n" 2) child=$(back "$n" -1)
    cat <<RUST
use crate::schema::e$n;
use crate::{e$child::Entity$child, e$owner::Entity$owner, e$parent::Entity$parent};
use diesel::prelude::*;

#[derive(Queryable, Selectable, Identifiable, Associations, AsChangeset, Clone, Debug)]
#[diesel(table_name = e$n)]
#[diesel(belongs_to(Entity$parent, foreign_key = parent_id))]
#[diesel(belongs_to(Entity$owner, foreign_key = owner_id))]
pub struct Entity$n {
    pub id: i64,
    pub name: String,
    pub title: Option<String>,
    pub size: i32,
    pub weight: f64,
    pub price: Option<f64>,
    pub place: i64,
    pub note: Option<String>,
    pub active: bool,
    pub payload: Option<Vec<u8>>,
    pub parent_id: Option<i64>,
    pub owner_id: Option<i64>,
}

#[derive(Insertable, Default)]
#[diesel(table_name = e$n)]
pub struct New$n {
    pub name: String,
    pub title: Option<String>,
    pub size: i32,
    pub weight: f64,
    pub price: Option<f64>,
    pub place: i64,
    pub note: Option<String>,
    pub active: bool,
    pub payload: Option<Vec<u8>>,
    pub parent_id: Option<i64>,
    pub owner_id: Option<i64>,
}

pub fn work(connection: &mut SqliteConnection) -> QueryResult<()> {
    let new = New$n { name: "ann".into(), size: 3, weight: 0.5, place: 7, note: Some("new".into()), ..New$n::default() };
    let added: i64 = diesel::insert_into(e$n::table).values(&new).returning(e$n::id).get_result(connection)?;
    let found: Vec<Entity$n> = e$n::table
        .filter(e$n::place.gt(3).and(e$n::name.like("a%")))
        .order(e$n::name.asc())
        .select(Entity$n::as_select())
        .load(connection)?;
    let children: Vec<Entity$child> = Entity$child::belonging_to(&found).select(Entity$child::as_select()).load(connection)?;
    for mut child in children {
        child.active = true;
        diesel::update(&child).set(&child).execute(connection)?;
    }
    for mut entity in found {
        entity.size += 1;
        diesel::update(&entity).set(&entity).execute(connection)?;
    }
    diesel::delete(e$n::table.find(added)).execute(connection)?;
    Ok(())
}
RUST
}

diesel_main() {
    echo 'mod schema;'
    for n in $(seq "$entities"); do echo "mod e$n;"; done
    cat <<'RUST'
use diesel::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let connection = &mut SqliteConnection::establish(":memory:")?;
RUST
    for n in $(seq "$entities"); do echo "    e$n::work(connection)?;"; done
    printf '    Ok(())\n}\n'
}

write() {
    local orm=$1 n
    "${orm}_manifest" >"$out/$orm/Cargo.toml"
    for n in $(seq "$entities"); do "${orm}_entity" "$n" >"$out/$orm/src/e$n.rs"; done
    "${orm}_main" >"$out/$orm/src/main.rs"
    [ "$orm" = selfsame ] || diesel_schema >"$out/$orm/src/schema.rs"
}

# The processor's seconds that a command took, user and system.
seconds() {
    local TIMEFORMAT='%U %S'
    { time "$@" >/dev/null 2>"$out/log"; } 2>&1 | awk '{ printf "%.1f\n", $1 + $2 }'
}

build() {
    local orm=$1
    shift
    cargo "$@" --manifest-path "$out/$orm/Cargo.toml" || { cat "$out/log" >&2; exit 1; }
}

median() { sort -n "$1" | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'; }

orms=(selfsame diesel)
kinds=(check debug again release)
for orm in "${orms[@]}"; do
    write "$orm"
    # The first build is of the dependencies too.
    for kind in check build 'build --release'; do
        # shellcheck disable=SC2086
        build "$orm" $kind --quiet
    done
done
rm -f "$out"/*.seconds
for _ in $(seq "$rounds"); do
    for orm in "${orms[@]}"; do
        main=$out/$orm/src/main.rs
        (cd "$out/$orm" && cargo clean --quiet -p entities && cargo clean --quiet --release -p entities)
        seconds build "$orm" check >>"$out/$orm.check.seconds"
        seconds build "$orm" build >>"$out/$orm.debug.seconds"
        sed -i 's/"ann"/"bob"/' "$out/$orm/src/e1.rs"
        seconds build "$orm" build >>"$out/$orm.again.seconds"
        sed -i 's/"bob"/"ann"/' "$out/$orm/src/e1.rs"
        seconds build "$orm" build --release >>"$out/$orm.release.seconds"
    done
done

printf '%d entities of 12 columns and 3 relations, %d rounds; processor seconds, medians\n\n' "$entities" "$rounds"
printf '| build | selfsame | diesel | ratio |\n|---|---|---|---|\n'
for kind in "${kinds[@]}"; do
    ours=$(median "$out/selfsame.$kind.seconds") theirs=$(median "$out/diesel.$kind.seconds")
    printf '| %s | %s | %s | %s |\n' "$kind" "$ours" "$theirs" "$(awk "BEGIN { printf \"%.2f\", $ours / $theirs }")"
done
