//! Converts tables to entities; comments state what an entity cannot express.

mod column;
mod pairing;
mod relation;

use std::collections::BTreeSet;

use selfsame::schema::{Column, ColumnType, Deferrable, Generated, Index, Table};
use selfsame::value::ValueType;

use super::names::{self, Taken};
use super::remarks;
use pairing::Pairing;
use relation::Link;

/// Entities for tables, ready to be written.
#[derive(Debug, Default)]
pub(super) struct Module {
    /// The types of `selfsame::value` that the fields use.
    pub(super) imports: BTreeSet<&'static str>,
    pub(super) enums: Vec<Enumeration>,
    pub(super) entities: Vec<Entity>,
    /// Tables that cannot be mapped by an entity, one sentence each.
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

/// An entity, as a struct.
#[derive(Debug)]
pub(super) struct Entity {
    pub(super) name: String,
    /// What the mapping cannot express.
    pub(super) comments: Vec<String>,
    /// The lines of its doc comment.
    pub(super) docs: Vec<String>,
    /// Its attributes, each in a separate `#[orm(…)]`.
    pub(super) attributes: Vec<String>,
    pub(super) fields: Vec<Field>,
}

/// A field of an entity.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) comments: Vec<String>,
    /// The lines of its doc comment.
    pub(super) docs: Vec<String>,
    /// The contents of its `#[orm(…)]`.
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
                Some(reason) => {
                    let name = &table.name;
                    module
                        .left_out
                        .push(format!("Table {name:?} has no entity: {reason}."));
                    let remarks = remarks(&table.remarks, table.unreadable).into_iter();
                    let remarks = remarks.map(|remark| format!("Table {name:?}: {remark}"));
                    module.left_out.extend(remarks);
                }
                None => drafts.push(Draft::new(table, &mut module.types)),
            }
        }
        let mut pairings = pairing::pairings(&drafts);
        let links = relation::links(&mut drafts, &pairings);
        pairing::name(&mut pairings, &mut drafts);
        for (position, draft) in drafts.iter().enumerate() {
            let mut pairings_here = pairings.iter();
            if pairings_here.any(|pairing| pairing.table == position && pairing.is_expressed) {
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
        let variant = |label: &String| {
            let mut names = vec![names::variant(label)];
            if let Some(stem) = names[0].strip_suffix('_') {
                names.push(format!("{stem}Value"));
            }
            (taken.take(&names), label.clone())
        };
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

/// For a table without a primary key, the first UNIQUE constraint whose columns are never NULL is used as one, if an entity can have such a
/// key.
pub(super) fn with_key(table: &Table) -> Table {
    let mut table = table.clone();
    if let Some(reason) = unfit_key(&table) {
        let columns: Vec<&str> = table.key_columns().map(|it| it.name.as_str()).collect();
        let columns = columns.join(", ");
        let remark = format!("Not here: its primary key ({columns}), for {reason}.");
        table.remarks.push(remark);
        table.primary_key.clear();
    }
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

/// Returns why a table cannot be an entity.
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
    match table.columns.is_empty() {
        true => Some("it has no columns that can be read"),
        false => None,
    }
}

/// Returns why an entity cannot have the primary key of a table.
fn unfit_key(table: &Table) -> Option<&'static str> {
    if table.primary_key.len() > 4 {
        return Some("a key has at most four columns");
    }
    let is_computed = |column: &Column| matches!(column.generated, Generated::Computed(_));
    if table.key_columns().any(is_computed) {
        return Some("a key cannot be computed");
    }
    match table.key_columns().all(|column| can_be_key(&column.ty)) {
        true => None,
        false => Some("a key cannot be a float or JSON"),
    }
}

/// Whether values of the type are compared exactly and by their contents.
fn can_be_key(ty: &ColumnType) -> bool {
    match ty {
        ColumnType::Array(element) => can_be_key(element),
        ty => !matches!(
            ty.value_type(),
            ValueType::F32 | ValueType::F64 | ValueType::Json
        ),
    }
}

/// Returns the attributes for the name and the schema of the table.
fn place(table: &Table) -> Vec<String> {
    let schema = table.schema.as_ref();
    let schema = schema.map(|schema| format!("schema = {schema:?}"));
    let mut place = vec![format!("table = {:?}", table.local_name())];
    place.extend(schema);
    if table.is_view() {
        place.push("view".to_owned());
    } else if table.primary_key.is_empty() {
        place.push("read_only".to_owned());
    }
    place
}

/// Returns a comment of the database as a doc comment if possible, otherwise as an attribute.
fn commented(comment: Option<&String>) -> (Vec<String>, Option<String>) {
    let Some(comment) = comment else {
        return (Vec::new(), None);
    };
    // Text that rustdoc would read as code, links or tags is quoted.
    let is_plain = |line: &str| {
        line.trim() == line && !line.contains(|c: char| c.is_control() || "`[]<>\\*_#".contains(c))
    };
    match comment.split('\n').all(is_plain) && !comment.trim().is_empty() {
        true => {
            let lines = comment.split('\n').map(str::to_owned).collect();
            (lines, Some("comment".to_owned()))
        }
        // The database does not keep an empty comment, and the attribute rejects one.
        false if comment.trim().is_empty() => (Vec::new(), None),
        false => (Vec::new(), Some(format!("comment = {comment:?}"))),
    }
}

fn entity(
    position: usize,
    drafts: &[Draft<'_>],
    (links, pairings): (&[Link], &[Pairing]),
    module: &mut Module,
) -> Entity {
    let draft = &drafts[position];
    let table = draft.table;
    let (docs, comment) = commented(table.comment.as_ref());
    let mut attributes = place(table);
    attributes.extend(comment);
    let mut entity = Entity {
        name: draft.name.clone(),
        comments: remarks(&table.remarks, table.unreadable),
        docs,
        attributes,
        fields: Vec::new(),
    };
    for column in 0..table.columns.len() {
        entity.fields.push(column::field(draft, column, module));
    }
    indexes(draft, "unique", &table.uniques, &mut entity);
    indexes(draft, "index", &table.indexes, &mut entity);
    for (i, check) in table.checks.iter().enumerate() {
        let made = made_name(table, &[(i + 1).to_string()], "check");
        let condition = &check.condition;
        entity
            .attributes
            .push(match explicit_name(&check.name, &made) {
                Some(name) => format!("check(name = {name:?}, condition = {condition:?})"),
                None => format!("check = {condition:?}"),
            });
    }
    relation::foreign_keys(draft, drafts, &mut entity);
    relation::fields(position, drafts, links, &mut entity);
    pairing::fields(position, drafts, pairings, &mut entity);
    if let Some(pairing) = pairings.iter().find(|pairing| pairing.table == position) {
        pairing::comment(pairing, drafts, &mut entity);
    }
    entity
}

/// UNIQUE constraints or indexes: of one column on its field, of several on the struct.
fn indexes(draft: &Draft<'_>, attribute: &str, indexes: &[Index], entity: &mut Entity) {
    let suffix = if attribute == "unique" { "key" } else { "idx" };
    for (i, index) in indexes.iter().enumerate() {
        let made = made_name(draft.table, &index.columns, suffix);
        let name = explicit_name(&index.name, &made);
        let is_second = indexes[..i]
            .iter()
            .any(|other| other.columns == index.columns);
        if is_second && name.is_none() {
            let columns = index.columns.join(", ");
            entity
                .comments
                .push(format!("There is a second {attribute} ({columns})."));
            continue;
        }
        match &index.columns[..] {
            [only] if !is_second && index.deferrable == Deferrable::No => {
                if let Some(column) = draft.table.position(only) {
                    let field = &mut entity.fields[column];
                    match name {
                        Some(name) => field.attributes.push(format!("{attribute} = {name:?}")),
                        None => column::add(field, attribute),
                    }
                }
            }
            several => {
                let name = name.map(|name| format!(", name = {name:?}"));
                let deferrable = match index.deferrable {
                    Deferrable::No => "",
                    Deferrable::InitiallyImmediate => ", deferrable = \"initially immediate\"",
                    Deferrable::InitiallyDeferred => ", deferrable = \"initially deferred\"",
                };
                entity.attributes.push(format!(
                    "{attribute}({}{}{deferrable})",
                    draft.field_list(several),
                    name.unwrap_or_default()
                ));
            }
        }
    }
}

/// Returns the default name of a constraint or an index.
fn made_name(table: &Table, columns: &[String], suffix: &str) -> String {
    format!("{}_{}_{suffix}", table.local_name(), columns.join("_"))
}

/// Returns the name if an attribute must state it, because it differs from the default.
fn explicit_name<'n>(name: &'n Option<String>, made: &str) -> Option<&'n str> {
    let name = name.as_deref();
    name.filter(|name| *name != made && !name.trim().is_empty())
}
