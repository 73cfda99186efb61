//! What an entity can say of a table, and what it cannot.

mod column;
mod pairing;
mod relation;

use std::collections::BTreeSet;

use selfsame::schema::{ColumnType, Index, Table};
use selfsame::value::ValueType;

use super::names::{self, Taken};
use pairing::Pairing;
use relation::Link;

/// Entities for tables, ready to be written.
#[derive(Debug, Default)]
pub(super) struct Module {
    /// Types of `selfsame::value` that the fields name.
    pub(super) imports: BTreeSet<&'static str>,
    pub(super) enums: Vec<Enumeration>,
    pub(super) entities: Vec<Entity>,
    /// Tables that no entity can stand for: one sentence each.
    pub(super) left_out: Vec<String>,
    types: Taken,
}

/// An enum type of the database.
#[derive(Debug)]
pub(super) struct Enumeration {
    pub(super) name: String,
    /// Its name in the database, as SQL writes it.
    pub(super) db_type: String,
    /// Variants and their labels.
    pub(super) variants: Vec<(String, String)>,
}

/// A struct.
#[derive(Debug)]
pub(super) struct Entity {
    pub(super) name: String,
    /// What the mapping does not say.
    pub(super) comments: Vec<String>,
    /// What stands in its `#[orm(…)]`, each in one of its own.
    pub(super) attributes: Vec<String>,
    pub(super) fields: Vec<Field>,
}

/// A field of it.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) comments: Vec<String>,
    /// What stands in its one `#[orm(…)]`.
    pub(super) attributes: Vec<String>,
    pub(super) name: String,
    pub(super) ty: String,
}

/// A table with the names that its entity and its columns get.
struct Draft<'t> {
    table: &'t Table,
    name: String,
    /// The field of each column.
    fields: Vec<String>,
    taken: Taken,
}

impl Module {
    /// Entities for these tables.
    pub(super) fn of(tables: &[Table]) -> Self {
        let mut module = Self {
            types: Taken::new(names::TYPES),
            ..Self::default()
        };
        let mut drafts = Vec::new();
        let tables: Vec<Table> = tables.iter().map(with_key).collect();
        for table in &tables {
            match refusal(table) {
                Some(reason) => module
                    .left_out
                    .push(format!("Table {:?} has no entity: {reason}.", table.name)),
                None => drafts.push(Draft::new(table, &mut module.types)),
            }
        }
        let mut pairings = pairing::pairings(&drafts);
        let links = relation::links(&mut drafts, &pairings);
        pairing::name(&mut pairings, &mut drafts);
        for (position, draft) in drafts.iter().enumerate() {
            let mut pairings_here = pairings.iter();
            if pairings_here.any(|pairing| pairing.table == position && pairing.is_said) {
                continue;
            }
            let entity = entity(position, &drafts, (&links, &pairings), &mut module);
            debug_assert_eq!(entity.name, draft.name);
            module.entities.push(entity);
        }
        module
    }
}

impl Module {
    /// The enum of a type of the database.
    fn enumeration(&mut self, db_type: &str, labels: &[String]) -> String {
        if let Some(known) = self.enums.iter().find(|known| known.db_type == db_type) {
            return known.name.clone();
        }
        let plain = db_type.rsplit('.').next().unwrap_or(db_type);
        let name = names::entity(plain.trim_matches('"'));
        let name = self.types.take(&[name.clone(), format!("{name}Kind")]);
        let mut taken = Taken::default();
        let variant = |label: &String| (taken.take(&[names::variant(label)]), label.clone());
        let variants = labels.iter().map(variant).collect();
        self.enums.push(Enumeration {
            name: name.clone(),
            db_type: db_type.to_owned(),
            variants,
        });
        name
    }
}

impl<'t> Draft<'t> {
    fn new(table: &'t Table, types: &mut Taken) -> Self {
        let name = names::entity(table.local_name());
        let name = types.take(&[name.clone(), format!("{name}Row")]);
        let mut taken = Taken::default();
        let columns = table.columns.iter();
        Self {
            table,
            name,
            fields: columns
                .map(|column| taken.take(&[names::field(&column.name)]))
                .collect(),
            taken,
        }
    }

    /// The fields of columns, as they are written in an attribute.
    fn field_list(&self, columns: &[String]) -> String {
        let field = |name: &String| {
            let position = self.table.position(name)?;
            Some(names::written(&self.fields[position]))
        };
        columns
            .iter()
            .filter_map(field)
            .collect::<Vec<_>>()
            .join(", ")
    }
}

/// A table without a primary key takes the first UNIQUE constraint whose columns are never NULL for one.
pub(super) fn with_key(table: &Table) -> Table {
    let mut table = table.clone();
    if !table.primary_key.is_empty() {
        return table;
    }
    let positions = |unique: &Index| -> Option<Vec<usize>> {
        let columns = unique.columns.iter();
        let positions: Option<Vec<usize>> = columns.map(|name| table.position(name)).collect();
        positions.filter(|positions| {
            let is_key =
                |&at: &usize| !table.columns[at].nullable && can_be_key(&table.columns[at].ty);
            positions.len() <= 4 && positions.iter().all(is_key)
        })
    };
    let found = table.uniques.iter().enumerate();
    let found = found
        .filter_map(|(at, unique)| Some((at, positions(unique)?)))
        .next();
    if let Some((at, key)) = found {
        let columns = table.uniques.remove(at).columns.join(", ");
        table.remarks.push(format!(
            "It has no primary key: its UNIQUE ({columns}) stands for one here."
        ));
        table.primary_key = key;
    }
    table
}

/// Why a table cannot be an entity.
pub(super) fn refusal(table: &Table) -> Option<&'static str> {
    if table.name.trim().is_empty() {
        return Some("its name is blank");
    }
    if table
        .columns
        .iter()
        .any(|column| column.name.trim().is_empty())
    {
        return Some("the name of a column is blank");
    }
    match table.primary_key.len() {
        0 => return Some("it has no primary key"),
        1..=4 => {}
        _ => return Some("its primary key has more than four columns"),
    }
    match table.key_columns().all(|column| can_be_key(&column.ty)) {
        true => None,
        false => Some("a primary key cannot be a float or JSON"),
    }
}

/// Whether values of the type are compared exactly, and by what they hold.
fn can_be_key(ty: &ColumnType) -> bool {
    match ty {
        ColumnType::Array(element) => can_be_key(element),
        ty => !matches!(
            ty.value_type(),
            ValueType::F32 | ValueType::F64 | ValueType::Json
        ),
    }
}

/// Where the table is, each in an attribute of its own.
fn place(table: &Table) -> Vec<String> {
    let schema = table.schema.as_ref();
    let schema = schema.map(|schema| format!("schema = {schema:?}"));
    let mut place = vec![format!("table = {:?}", table.local_name())];
    place.extend(schema);
    place
}

fn entity(
    position: usize,
    drafts: &[Draft<'_>],
    (links, pairings): (&[Link], &[Pairing]),
    module: &mut Module,
) -> Entity {
    let draft = &drafts[position];
    let table = draft.table;
    let mut entity = Entity {
        name: draft.name.clone(),
        comments: table.remarks.clone(),
        attributes: place(table),
        fields: Vec::new(),
    };
    for column in 0..table.columns.len() {
        entity.fields.push(column::field(draft, column, module));
    }
    indexes(draft, "unique", &table.uniques, &mut entity);
    indexes(draft, "index", &table.indexes, &mut entity);
    for check in &table.checks {
        entity
            .attributes
            .push(format!("check = {:?}", check.condition));
    }
    relation::foreign_keys(draft, drafts, &mut entity);
    relation::fields(position, drafts, links, &mut entity);
    pairing::fields(position, drafts, pairings, &mut entity);
    if let Some(pairing) = pairings.iter().find(|pairing| pairing.table == position) {
        pairing::comment(pairing, drafts, &mut entity);
    }
    forgotten_names(table, &mut entity);
    entity
}

/// UNIQUE constraints or indexes: of one column on its field, of several on the struct.
fn indexes(draft: &Draft<'_>, attribute: &str, indexes: &[Index], entity: &mut Entity) {
    for (i, index) in indexes.iter().enumerate() {
        if indexes[..i]
            .iter()
            .any(|other| other.columns == index.columns)
        {
            let columns = index.columns.join(", ");
            entity
                .comments
                .push(format!("There is a second {attribute} ({columns})."));
            continue;
        }
        match &index.columns[..] {
            [only] => {
                if let Some(column) = draft.table.position(only) {
                    column::add(&mut entity.fields[column], attribute);
                }
            }
            several => entity
                .attributes
                .push(format!("{attribute}({})", draft.field_list(several))),
        }
    }
}

/// Says which names `create_all` will not give again.
fn forgotten_names(table: &Table, entity: &mut Entity) {
    let made = |columns: &[String], suffix: &str| {
        format!("{}_{}_{suffix}", table.local_name(), columns.join("_"))
    };
    let indexes = |indexes: &'static str, list: &[Index]| -> Vec<(Option<String>, String)> {
        list.iter()
            .map(|index| (index.name.clone(), made(&index.columns, indexes)))
            .collect()
    };
    let mut named = indexes("key", &table.uniques);
    named.extend(indexes("idx", &table.indexes));
    for key in &table.foreign_keys {
        named.push((key.name.clone(), made(&key.columns, "fkey")));
    }
    for (i, check) in table.checks.iter().enumerate() {
        named.push((check.name.clone(), made(&[(i + 1).to_string()], "check")));
    }
    let forgotten: Vec<String> = named
        .into_iter()
        .filter_map(|(name, made)| name.filter(|name| *name != made))
        .collect();
    if !forgotten.is_empty() {
        entity.comments.push(format!(
            "These constraints and indexes get other names: {}.",
            forgotten.join(", ")
        ));
    }
}
