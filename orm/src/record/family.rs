//! Mappings of a set of tables, with declared relations and those derived from foreign keys.

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustc_hash::{FxBuildHasher, FxHashMap};

use super::declare::{ColumnRole, Declaration, Declared, RecordRelation};
use super::pairing::{Pairing, pairings};
use crate::entity::{Mapper, RelationKind, in_order_of};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::{ForeignKey, ReferentialAction, Table};
use crate::value::ValueType;

/// Tables and their mappings.
#[derive(Clone)]
pub(crate) struct Family {
    /// A mapping for each table that is not an association table.
    pub(crate) mappers: Vec<Arc<Mapper>>,
    /// The association tables, which are not mapped.
    pub(crate) others: Vec<Table>,
}

/// The mappings by table name. They refer to each other, so they are never freed, like those of entities.
#[derive(Clone, Default)]
pub(super) struct Members(Arc<OnceLock<HashMap<String, Arc<Mapper>>>>);

/// A set of tables that was mapped before.
struct Known {
    tables: Vec<Table>,
    declared: Vec<Declared>,
    family: Family,
}

/// All sets mapped so far, by a hash of the tables' and columns' names.
static KNOWN: Mutex<FxHashMap<u64, Vec<Known>>> = Mutex::new(HashMap::with_hasher(FxBuildHasher));

fn names_of(tables: &[Table]) -> Vec<(&str, Vec<&str>)> {
    fn columns(table: &Table) -> Vec<&str> {
        table.columns.iter().map(|column| &*column.name).collect()
    }
    let tables = tables.iter();
    tables.map(|table| (&*table.name, columns(table))).collect()
}

/// A relation with the index of its table.
type Owned = (usize, RecordRelation);

impl Family {
    /// Maps each table to records, or returns the existing mappings of the same tables and relations: mappings are never freed, and a
    /// program may reflect repeatedly. A foreign key that references the primary key of a listed table, with columns of the same types,
    /// becomes a relation on both sides, and an association table a many-to-many relation, unless something else is declared.
    pub(crate) fn new(tables: Vec<Table>, declared: Vec<Declared>) -> Result<Self> {
        let hash = FxBuildHasher.hash_one(names_of(&tables));
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        let alike = known.entry(hash).or_default();
        let same = alike
            .iter()
            .find(|known| known.tables == tables && known.declared == declared);
        if let Some(known) = same {
            return Ok(known.family.clone());
        }
        let family = Self::map(tables.clone(), declared.clone())?;
        alike.push(Known {
            tables,
            declared,
            family: family.clone(),
        });
        Ok(family)
    }

    fn map(tables: Vec<Table>, declared: Vec<Declared>) -> Result<Self> {
        let pairings = pairings(&tables);
        let is_mapped = |at: usize| pairings.iter().all(|pairing| pairing.table != at);
        let mut names = Names::new(&tables);
        let mut relations = Vec::with_capacity(declared.len());
        let mut columns = Vec::new();
        for (table, declaration) in declared {
            let relation = match declaration {
                Declaration::Relation(relation) => relation,
                Declaration::Column(column, role) => {
                    let found = tables.iter().position(|known| known.name == table);
                    let owner = found.filter(|&at| is_mapped(at));
                    let owner = owner.ok_or_else(|| unknown_table(&table))?;
                    let index = check_role(&tables[owner], &column, &role)?;
                    columns.push((owner, index, role));
                    continue;
                }
            };
            let mapped = |name: &str| {
                let found = tables.iter().position(|table| table.name == name);
                let found = found.filter(|&at| is_mapped(at) && !tables[at].primary_key.is_empty());
                found.ok_or_else(|| not_mapped(&table, &relation.name, name))
            };
            let owner = mapped(&table)?;
            mapped(&relation.target)?;
            names.claim(owner, &table, &relation.name)?;
            relations.push((owner, relation));
        }
        let along_keys = along_foreign_keys(&tables, &pairings, &relations, &mut names);
        let over_pairs = over_pairings(&tables, &pairings, &relations, &mut names);
        relations.extend(along_keys);
        relations.extend(over_pairs);
        let is_mapped: Vec<bool> = (0..tables.len()).map(is_mapped).collect();
        Self::of(tables, &is_mapped, relations, columns)
    }

    fn of(
        tables: Vec<Table>,
        is_mapped: &[bool],
        mut relations: Vec<Owned>,
        mut columns: Vec<(usize, usize, ColumnRole)>,
    ) -> Result<Self> {
        let members = Members::default();
        let (mut mappers, mut others) = (Vec::new(), Vec::new());
        for (position, table) in tables.into_iter().enumerate() {
            if !is_mapped[position] {
                others.push(table);
                continue;
            }
            let mut mapper = Mapper::new(table.name.clone(), table);
            for (_, relation) in relations.extract_if(.., |(owner, _)| *owner == position) {
                mapper = mapper.relation(relation.into_descriptor(&members));
            }
            let mut deferred = Vec::new();
            for (_, column, role) in columns.extract_if(.., |(owner, ..)| *owner == position) {
                mapper = match role {
                    ColumnRole::Version if mapper.version_column().is_some() => {
                        let message = "a table can have only one version column";
                        let error = Error::new(ErrorKind::Mapping, message);
                        return Err(mapper.column_error(column, error));
                    }
                    ColumnRole::Version => mapper.version(column),
                    ColumnRole::Validated(rule) => mapper.rule(column, rule),
                    ColumnRole::Deferred => {
                        deferred.push(column);
                        mapper
                    }
                };
            }
            deferred.sort_unstable();
            deferred.dedup();
            if let Some(&column) = deferred.iter().find(|at| mapper.guard().contains(at)) {
                let message = "a version cannot be deferred, because every write checks it";
                let error = Error::new(ErrorKind::Mapping, message);
                return Err(mapper.column_error(column, error));
            }
            mappers.push(mapper.defer(&deferred).shared());
        }
        members.complete(&mappers);
        Ok(Self { mappers, others })
    }
}

impl Members {
    pub(super) fn of(&self, name: &str) -> Arc<Mapper> {
        let mapper = self.0.get().and_then(|mappers| mappers.get(name));
        Arc::clone(mapper.expect("mappers are available only once the family is complete"))
    }

    fn complete(&self, mappers: &[Arc<Mapper>]) {
        let by_name = mappers
            .iter()
            .map(|mapper| (mapper.table().name.clone(), Arc::clone(mapper)));
        let _ = self.0.set(by_name.collect());
    }
}

/// The names in use in each table, of columns and relations.
struct Names(Vec<HashSet<String>>);

impl Names {
    fn new(tables: &[Table]) -> Self {
        let columns = |table: &Table| table.columns.iter().map(|c| c.name.clone()).collect();
        Self(tables.iter().map(columns).collect())
    }

    /// Reserves a declared name.
    fn claim(&mut self, table: usize, table_name: &str, name: &str) -> Result<()> {
        if self.0[table].insert(name.to_owned()) {
            return Ok(());
        }
        let message = format!("it has a column or another relation named {name}");
        Err(Error::new(ErrorKind::Mapping, message).entity(table_name))
    }

    /// Reserves the first free name, or the last with a number appended.
    fn take(&mut self, table: usize, names: &[String]) -> String {
        let last = names.last().cloned().unwrap_or_default();
        let numbered = (2..).map(|number| format!("{last}_{number}"));
        names
            .iter()
            .cloned()
            .chain(numbered)
            .find(|name| self.0[table].insert(name.clone()))
            .unwrap_or_default()
    }
}

fn not_mapped(table: &str, relation: &str, missing: &str) -> Error {
    let message = format!(
        "the relation {relation}: {missing} is not a listed table with a primary key, or it is an association table, which is not mapped"
    );
    Error::new(ErrorKind::Mapping, message).entity(table)
}

fn unknown_table(table: &str) -> Error {
    let message = "it is not a listed table, or it is an association table, which is not mapped";
    Error::new(ErrorKind::Mapping, message).entity(table)
}

/// Finds a column, and refuses those that cannot have the role.
fn check_role(table: &Table, column: &str, role: &ColumnRole) -> Result<usize> {
    let refused = |message: &str| {
        let error = Error::new(ErrorKind::Mapping, message);
        error.entity(&table.name).column(column)
    };
    let Some(index) = table.position(column) else {
        return Err(refused("the table has no such column"));
    };
    let definition = &table.columns[index];
    let is_key = table.primary_key.is_empty() || table.primary_key.contains(&index);
    let is_integer = matches!(
        definition.ty.value_type(),
        ValueType::I16 | ValueType::I32 | ValueType::I64
    );
    let mut references = table.foreign_keys.iter().flat_map(|key| &key.columns);
    match role {
        ColumnRole::Version if !is_integer || definition.nullable => {
            Err(refused("a version must be an integer that is NOT NULL"))
        }
        ColumnRole::Version if is_key => Err(refused(
            "a version cannot be the primary key, because it changes with each UPDATE",
        )),
        ColumnRole::Deferred if is_key => Err(refused(
            "a deferred column is loaded by the primary key, so it cannot be one",
        )),
        ColumnRole::Deferred if references.any(|name| name == column) => Err(refused(
            "a foreign key cannot be deferred, because relations use it in memory",
        )),
        _ => Ok(index),
    }
}

fn along_foreign_keys(
    tables: &[Table],
    pairings: &[Pairing],
    declared: &[Owned],
    names: &mut Names,
) -> Vec<Owned> {
    let mut relations = Vec::new();
    for (child, table) in tables.iter().enumerate() {
        let is_mapped = !table.primary_key.is_empty();
        if !is_mapped || pairings.iter().any(|pairing| pairing.table == child) {
            continue;
        }
        for (i, key) in table.foreign_keys.iter().enumerate() {
            let Some(parent) = tables.iter().position(|other| other.name == key.table) else {
                continue;
            };
            let is_second = table.foreign_keys[..i]
                .iter()
                .any(|other| other.columns == key.columns);
            let is_declared = || {
                let mut declared = declared.iter();
                declared.any(|relation| is_along(relation, (child, table), parent, key))
            };
            if is_second || !can_be_followed(table, key, &tables[parent]) || is_declared() {
                continue;
            }
            relations.extend(both_sides(tables, (child, key), parent, names));
        }
    }
    relations
}

/// Whether a declared relation uses a foreign key.
fn is_along(
    (owner, relation): &Owned,
    (child, table): (usize, &Table),
    parent: usize,
    key: &ForeignKey,
) -> bool {
    let of_ends = match relation.kind {
        RelationKind::BelongsTo => *owner == child && relation.target == key.table,
        RelationKind::ManyToMany => false,
        _ => *owner == parent && relation.target == table.name,
    };
    of_ends && (relation.key.is_empty() || relation.key == key.columns)
}

/// The relations of a foreign key: to the referenced table, and back.
fn both_sides(
    tables: &[Table],
    (child, key): (usize, &ForeignKey),
    parent: usize,
    names: &mut Names,
) -> [Owned; 2] {
    let table = &tables[child];
    let columns = key.columns.join("_");
    let stem = stem(&columns);
    let to_parent = table.foreign_keys.iter();
    let is_only =
        child != parent && to_parent.filter(|other| other.table == key.table).count() == 1;
    let there = tables[parent].local_name();
    let mut up = vec![
        stem.to_owned(),
        there.to_owned(),
        format!("{columns}_{there}"),
    ];
    if child == parent {
        up.remove(1);
    }
    let here = table.local_name();
    let down = [here.to_owned(), format!("{here}_by_{stem}")];
    let up = names.take(child, &up);
    let down = names.take(parent, if is_only { &down } else { &down[1..] });
    let kind = match is_unique(table, &key.columns) {
        true => RelationKind::HasOne,
        false => RelationKind::HasMany,
    };
    let belongs_to = RecordRelation::belongs_to(up.clone(), key.table.clone())
        .key(key.columns.clone())
        .back_populates(down.clone());
    let has = RecordRelation::new(kind, down, table.name.clone())
        .key(key.columns.clone())
        .back_populates(up)
        .on_delete(key.on_delete);
    [(child, belongs_to), (parent, has)]
}

/// The relations through association tables, on both sides.
fn over_pairings(
    tables: &[Table],
    pairings: &[Pairing],
    declared: &[Owned],
    names: &mut Names,
) -> Vec<Owned> {
    let mut relations = Vec::new();
    for pairing in pairings {
        let table = &tables[pairing.table];
        let is_declared = declared.iter().any(|(_, relation)| {
            let secondary = relation.secondary.as_ref();
            secondary.is_some_and(|(name, _)| *name == table.name)
        });
        if is_declared {
            continue;
        }
        let (left, right) = (&pairing.left, &pairing.right);
        let is_only = pairings
            .iter()
            .filter(|other| other.ends() == pairing.ends())
            .count()
            == 1;
        let mut name = |from: usize, here: &[String], to: usize| {
            let target = tables[to].local_name();
            let by_column = format!("{target}_by_{}", stem(&here.join("_")));
            let by_table = format!("{target}_by_{}", table.local_name());
            match (from == to, is_only) {
                (true, _) => names.take(from, &[by_column]),
                (false, true) => names.take(from, &[target.to_owned(), by_table]),
                (false, false) => names.take(from, &[by_table]),
            }
        };
        let there = name(left.end, &left.columns, right.end);
        let back = name(right.end, &right.columns, left.end);
        let columns = [&left.columns[..], &right.columns[..]].concat();
        let to_right = RecordRelation::many_to_many(there.clone(), tables[right.end].name.clone())
            .secondary(table.name.clone(), columns)
            .back_populates(back.clone());
        let to_left =
            RecordRelation::many_to_many(back, tables[left.end].name.clone()).back_populates(there);
        relations.extend([(left.end, to_right), (right.end, to_left)]);
    }
    relations
}

fn stem(columns: &str) -> &str {
    columns.strip_suffix("_id").unwrap_or(columns)
}

/// Whether a foreign key can be a relation: it references the primary key, with columns of the same types. With SET DEFAULT only the
/// database knows what its rows reference after a deletion.
pub(super) fn can_be_followed(child: &Table, key: &ForeignKey, parent: &Table) -> bool {
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
    !there.is_empty()
        && key.on_delete != ReferentialAction::SetDefault
        && in_order_of(&parent.primary_key, &there).is_some()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Column, ColumnType};

    fn tables(more: &[&str]) -> Vec<Table> {
        let names = ["id", "name"].into_iter().chain(more.iter().copied());
        let columns = names
            .map(|name| Column::new(name, ColumnType::I64))
            .collect();
        vec![Table {
            primary_key: vec![0],
            columns,
            ..Table::build("mapped_again")
        }]
    }

    #[test]
    fn mapping_the_same_tables_again_returns_the_same_mappings() -> Result<()> {
        let first = Family::new(tables(&[]), Vec::new())?;
        for _ in 0..1_000 {
            let again = Family::new(tables(&[]), Vec::new())?;
            assert!(Arc::ptr_eq(&first.mappers[0], &again.mappers[0]));
        }
        let other = Family::new(tables(&["more"]), Vec::new())?;
        assert!(!Arc::ptr_eq(&first.mappers[0], &other.mappers[0]));
        let declared = || {
            let relation = RecordRelation::belongs_to("like", "mapped_again").key(["name"]);
            let relation = Declaration::Relation(relation);
            vec![("mapped_again".to_owned(), relation)]
        };
        let declares = Family::new(tables(&[]), declared())?;
        assert!(!Arc::ptr_eq(&first.mappers[0], &declares.mappers[0]));
        let again = Family::new(tables(&[]), declared())?;
        assert!(Arc::ptr_eq(&declares.mappers[0], &again.mappers[0]));
        Ok(())
    }
}
