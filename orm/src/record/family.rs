//! Mappings of tables that refer to each other, with relations along their foreign keys.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use super::Record;
use crate::entity::{Mapper, RelationDescriptor, RelationKind};
use crate::schema::{ForeignKey, Table};
use crate::session::new_store;

/// The mappings by table. Each leads to the others, so they live as long as the program, as those of entities do.
type Family = Arc<OnceLock<HashMap<String, Arc<Mapper>>>>;

/// A relation to be: of which table, by which name, along which columns.
struct Side {
    owner: usize,
    kind: RelationKind,
    name: String,
    target: String,
    columns: Vec<String>,
    other: String,
}

/// Maps each table to records. A foreign key that refers to the primary key of a listed table, with columns of the same types, becomes
/// a relation on both sides.
pub(crate) fn family(tables: Vec<Table>) -> Vec<Arc<Mapper>> {
    let mut sides = sides(&tables);
    let family = Family::default();
    let mut mappers = Vec::with_capacity(tables.len());
    for (position, table) in tables.into_iter().enumerate() {
        let mut mapper = Mapper::new(table.name.clone(), table);
        for side in sides.extract_if(.., |side| side.owner == position) {
            mapper = mapper.relation(descriptor(&family, side));
        }
        mappers.push(mapper.shared());
    }
    let by_name = mappers
        .iter()
        .map(|mapper| (mapper.table().name.clone(), Arc::clone(mapper)));
    let _ = family.set(by_name.collect());
    mappers
}

fn descriptor(family: &Family, side: Side) -> RelationDescriptor {
    let family = Arc::clone(family);
    let name = side.target.clone();
    let target = move || {
        let mapper = family.get().and_then(|mappers| mappers.get(&name));
        Arc::clone(mapper.expect("the family is complete before anybody has a mapper of it"))
    };
    let store = {
        let target = target.clone();
        move || new_store::<Record>(target())
    };
    RelationDescriptor::between(side.kind, &side.name, &side.target, target, store)
        .key(side.columns)
        .back_populates(&side.other)
}

fn sides(tables: &[Table]) -> Vec<Side> {
    let mut taken: Vec<HashSet<String>> = tables
        .iter()
        .map(|table| {
            table
                .columns
                .iter()
                .map(|column| column.name.clone())
                .collect()
        })
        .collect();
    let mut sides = Vec::new();
    for (child, table) in tables.iter().enumerate() {
        for (i, key) in table.foreign_keys.iter().enumerate() {
            let Some(parent) = tables.iter().position(|other| other.name == key.table) else {
                continue;
            };
            let is_second = table.foreign_keys[..i]
                .iter()
                .any(|other| other.columns == key.columns);
            if is_second || !can_be_followed(table, key, &tables[parent]) {
                continue;
            }
            let columns = key.columns.join("_");
            let stem = columns.strip_suffix("_id").unwrap_or(&columns);
            let is_only = child != parent
                && table
                    .foreign_keys
                    .iter()
                    .filter(|other| other.table == key.table)
                    .count()
                    == 1;
            let mut up = vec![
                stem.to_owned(),
                key.table.clone(),
                format!("{columns}_{}", key.table),
            ];
            if child == parent {
                up.remove(1);
            }
            let down = [table.name.clone(), format!("{}_by_{stem}", table.name)];
            let up = take(&mut taken[child], &up);
            let down = take(&mut taken[parent], if is_only { &down } else { &down[1..] });
            let kind = match is_unique(table, &key.columns) {
                true => RelationKind::HasOne,
                false => RelationKind::HasMany,
            };
            sides.push(Side {
                owner: child,
                kind: RelationKind::BelongsTo,
                name: up.clone(),
                target: key.table.clone(),
                columns: key.columns.clone(),
                other: down.clone(),
            });
            sides.push(Side {
                owner: parent,
                kind,
                name: down,
                target: table.name.clone(),
                columns: key.columns.clone(),
                other: up,
            });
        }
    }
    sides
}

/// The first name that is free, or the last with a number behind it.
fn take(taken: &mut HashSet<String>, names: &[String]) -> String {
    let last = names.last().cloned().unwrap_or_default();
    let numbered = (2..).map(|number| format!("{last}_{number}"));
    names
        .iter()
        .cloned()
        .chain(numbered)
        .find(|name| taken.insert(name.clone()))
        .unwrap_or_default()
}

fn can_be_followed(child: &Table, key: &ForeignKey, parent: &Table) -> bool {
    let of = |table: &Table, names: &[String]| -> Vec<usize> {
        names
            .iter()
            .filter_map(|name| table.position(name))
            .collect()
    };
    let (here, there) = (of(child, &key.columns), of(parent, &key.references));
    let is_alike = |(&a, &b): (&usize, &usize)| {
        child.columns[a].ty.value_type() == parent.columns[b].ty.value_type()
    };
    there == parent.primary_key
        && here.len() == there.len()
        && here.iter().zip(&there).all(is_alike)
}

fn is_unique(table: &Table, columns: &[String]) -> bool {
    let is_same = |others: &mut dyn Iterator<Item = &String>| {
        let others: HashSet<&String> = others.collect();
        others == columns.iter().collect()
    };
    is_same(&mut table.key_columns().map(|column| &column.name))
        || table
            .uniques
            .iter()
            .any(|unique| is_same(&mut unique.columns.iter()))
}
