//! Values as keys: of `get` and `get_many`, and along a foreign key in both directions.

use selfsame::entity::Many;
use selfsame::prelude::*;
use selfsame::record::{Record, RecordKey, Records};
use selfsame::schema::{Column, ColumnType, Table};
use selfsame::value::{Value, ValueType};

use super::super::paths::KEYS;
use super::{class, operands, same};
use crate::case::{CaseResult, Failure};
use crate::check::shown;
use crate::context::Context;
use crate::world::World;

/// Owners whose key has one type, each with one row that references it.
struct Owners {
    ty: ValueType,
    world: World,
    owners: Records,
    owned: Records,
    members: String,
    /// With the numbers of their rows, from 1.
    keys: Vec<(i64, Value)>,
}

pub(super) fn check(context: &mut Context) -> CaseResult {
    let capabilities = context.capabilities();
    for ty in KEYS {
        if ty == ValueType::Decimal && !capabilities.exact_decimals {
            continue;
        }
        let owners = Owners::stored(context, ty)?;
        found_by_key(&owners)?;
        to_owner(&owners)?;
        to_members(&owners)?;
    }
    Ok(())
}

impl Owners {
    fn stored(context: &Context, ty: ValueType) -> CaseResult<Self> {
        let (owners, owned) = (
            format!("owners_{ty:?}").to_lowercase(),
            format!("owned_{ty:?}").to_lowercase(),
        );
        let tables = Metadata::of_records([
            Table::build(&owners)
                .column(Column::new("k", ColumnType::of(ty)))
                .column(Column::new("n", ColumnType::I64))
                .primary_key(["k"]),
            Table::build(&owned)
                .column(Column::new("id", ColumnType::I64))
                .column(Column::new("owner_id", ColumnType::of(ty)).nullable())
                .primary_key(["id"])
                .foreign_key(["owner_id"], &owners, ["k"]),
        ]);
        let keys = operands(ty, &context.capabilities(), context.seed())?;
        let keys = keys.into_iter().filter(is_short);
        let all = Self {
            ty,
            world: World::of(context, &tables)?,
            owners: tables.records(&owners)?,
            owned: tables.records(&owned)?,
            members: owned,
            keys: (1..).zip(keys).collect(),
        };
        let mut session = all.world.session();
        for (n, key) in &all.keys {
            let mut owner = all.owners.record();
            owner.set("k", key.clone())?;
            owner.set("n", *n)?;
            session.add(owner);
            let mut owned = all.owned.record();
            owned.set("id", *n)?;
            owned.set("owner_id", key.clone())?;
            session.add(owned);
        }
        all.done("an INSERT of keys", session.commit())?;
        Ok(all)
    }

    /// Returns the result of an operation that must work for every type.
    fn done<T>(&self, path: &str, result: selfsame::Result<T>) -> CaseResult<T> {
        let ty = self.ty;
        result.map_err(|error| {
            Failure::Assertion(format!("{ty:?} through {path} must work: {error}"))
        })
    }

    /// Checks that a row was found, and that it is the row of this key.
    fn check_found(
        &self,
        path: &str,
        session: &Session,
        found: Option<Handle<Record>>,
        (n, key): &(i64, Value),
    ) -> CaseResult {
        let ty = self.ty;
        let Some(found) = found else {
            let message = format!(
                "{ty:?} through {path}: {} {} must be found",
                class(key),
                shown(key)
            );
            return Err(Failure::Assertion(message));
        };
        let number: i64 = session[found].get("n")?;
        check_eq!(
            number,
            *n,
            "{ty:?} through {path}: the row of {}",
            shown(key)
        );
        let own = session[found].value("k").unwrap_or(&Value::Null);
        check!(
            same(own, key),
            "{ty:?} through {path}: the key {} became {}",
            shown(key),
            shown(own)
        );
        Ok(())
    }
}

/// Returns whether the key fits in an index on every database.
fn is_short(key: &Value) -> bool {
    const MOST: usize = 300;
    match key {
        Value::Text(text) => text.len() <= MOST,
        Value::Bytes(bytes) => bytes.len() <= MOST,
        _ => true,
    }
}

fn key_of(value: &Value) -> RecordKey {
    RecordKey::new([value.clone()])
}

fn found_by_key(all: &Owners) -> CaseResult {
    let mut session = all.world.session();
    for key in &all.keys {
        let path = "get";
        let found = all.done(path, all.owners.get(&mut session, key_of(&key.1)))?;
        all.check_found(path, &session, found, key)?;
    }
    drop(session);
    let path = "get_many";
    let mut session = all.world.session();
    let keys = all.keys.iter().map(|(_, key)| key_of(key));
    let found = all.done(path, all.owners.get_many(&mut session, keys))?;
    check_eq!(
        found.len(),
        all.keys.len(),
        "{:?} through {path}: the number of rows",
        all.ty
    );
    for (found, key) in found.into_iter().zip(&all.keys) {
        all.check_found(path, &session, Some(found), key)?;
    }
    Ok(())
}

fn to_owner(all: &Owners) -> CaseResult {
    for path in ["a lazy owner", "a selectin owner"] {
        let mut session = all.world.session();
        let order = all.owned.column::<i64>("id")?.asc();
        let query = all.owned.query().order_by(order);
        let query = match path {
            "a lazy owner" => query,
            _ => query.with("owner"),
        };
        let found = all.done(path, query.all(&mut session))?;
        check_eq!(found.len(), all.keys.len(), "{:?} through {path}", all.ty);
        for (owned, key) in found.into_iter().zip(&all.keys) {
            let owner = all.done(path, session.load(owned, "owner"))?.pop();
            all.check_found(path, &session, owner, key)?;
        }
    }
    Ok(())
}

fn to_members(all: &Owners) -> CaseResult {
    for path in ["lazy members", "selectin members", "joined members"] {
        let mut session = all.world.session();
        let order = all.owners.column::<i64>("n")?.asc();
        let query = all.owners.query().order_by(order);
        let relation = all.owners.relation::<Many>(&all.members)?;
        let query = match path {
            "lazy members" => query,
            "selectin members" => query.with(relation.selectin()),
            _ => query.with(relation.joined()),
        };
        let found = all.done(path, query.all(&mut session))?;
        check_eq!(found.len(), all.keys.len(), "{:?} through {path}", all.ty);
        for (owner, key) in found.into_iter().zip(&all.keys) {
            all.check_found(path, &session, Some(owner), key)?;
            let members = all.done(path, session.load(owner, all.members.as_str()))?;
            let ids = members
                .iter()
                .map(|&member| session[member].get::<i64>("id"))
                .collect::<selfsame::Result<Vec<_>>>()?;
            check_eq!(
                ids,
                [key.0],
                "{:?} through {path}: the members of {} {}",
                all.ty,
                class(&key.1),
                shown(&key.1)
            );
        }
    }
    Ok(())
}
