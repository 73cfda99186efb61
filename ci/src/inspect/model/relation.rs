//! Foreign keys, and the relations over them.

use selfsame::schema::{ForeignKey, ReferentialAction, Table};
use selfsame::value::ValueType;

use super::pairing::Pairing;
use super::{Draft, Entity, Field, explicit_name, made_name};
use crate::inspect::names;

/// A foreign key with a relation on both sides.
pub(super) struct Link {
    child: usize,
    parent: usize,
    /// The columns of the child.
    columns: Vec<String>,
    /// The relation of the child, and that of the parent.
    names: [String; 2],
    /// A parent has at most one child.
    is_single: bool,
    /// What the database does to the children when a parent is deleted.
    on_delete: ReferentialAction,
    /// Whether the child's relation must name its columns.
    is_ambiguous: bool,
}

/// Finds the foreign keys that relations can follow, and names the relations. Those of association tables become many-to-many relations.
pub(super) fn links(drafts: &mut [Draft<'_>], pairings: &[Pairing]) -> Vec<Link> {
    let mut links = Vec::new();
    for child in 0..drafts.len() {
        if pairings.iter().any(|pairing| pairing.table == child) {
            continue;
        }
        let table = drafts[child].table;
        for (i, key) in table.foreign_keys.iter().enumerate() {
            let Some(parent) = target(key, drafts) else {
                continue;
            };
            if obstacle(i, table, drafts[parent].table).is_some() {
                continue;
            }
            let names = [
                name_of_parent(child, parent, key, drafts),
                name_of_children(child, parent, key, drafts),
            ];
            let usual = drafts[child].field_list(&key.columns) == format!("{}_id", names[0]);
            links.push(Link {
                child,
                parent,
                columns: key.columns.clone(),
                is_single: is_unique(table, &key.columns),
                on_delete: key.on_delete,
                is_ambiguous: table.foreign_keys.len() > 1 && !usual,
                names,
            });
        }
    }
    links
}

/// The relations of an entity: first those to its parents, then those to its children.
pub(super) fn fields(position: usize, drafts: &[Draft<'_>], links: &[Link], entity: &mut Entity) {
    for link in links.iter().filter(|link| link.child == position) {
        let mut attributes = vec![format!(
            "back_populates = {}",
            names::written(&link.names[1])
        )];
        if link.is_ambiguous {
            attributes.push(format!("key = {:?}", link.columns.join(", ")));
        }
        entity.fields.push(Field {
            comments: Vec::new(),
            docs: Vec::new(),
            attributes,
            name: names::written(&link.names[0]),
            ty: format!("BelongsTo<{}>", drafts[link.parent].name),
        });
    }
    for link in links.iter().filter(|link| link.parent == position) {
        let kind = if link.is_single { "HasOne" } else { "HasMany" };
        let mut attributes = vec![format!(
            "back_populates = {}",
            names::written(&link.names[0])
        )];
        match link.on_delete {
            ReferentialAction::Cascade => attributes
                .extend(["cascade = \"merge, delete\"", "passive_deletes"].map(str::to_owned)),
            ReferentialAction::SetNull => attributes.push("passive_deletes".to_owned()),
            _ => {}
        }
        entity.fields.push(Field {
            comments: Vec::new(),
            docs: Vec::new(),
            attributes,
            name: names::written(&link.names[1]),
            ty: format!("{kind}<{}>", drafts[link.child].name),
        });
    }
}

/// Adds the foreign keys of an entity: those of one column to its field, those of several to the struct. What cannot be expressed becomes a
/// comment.
pub(super) fn foreign_keys(draft: &Draft<'_>, drafts: &[Draft<'_>], entity: &mut Entity) {
    let table = draft.table;
    for (i, key) in table.foreign_keys.iter().enumerate() {
        let columns = key.columns.join(", ");
        let Some(parent) = target(key, drafts) else {
            entity.comments.push(format!(
                "Not here: the foreign key ({columns}), for its table {:?} has no entity.",
                key.table
            ));
            continue;
        };
        let parent = drafts[parent].table;
        let is_first = !table.foreign_keys[..i]
            .iter()
            .any(|other| other.columns == key.columns);
        if !add_key(draft, key, parent, is_first, entity) {
            entity.comments.push(format!(
                "Not here: the foreign key ({columns}) to {:?}, whose names cannot be written in an attribute.",
                key.table
            ));
        } else if let Some(reason) = obstacle(i, table, parent) {
            entity.comments.push(format!(
                "No relation follows the foreign key ({columns}): {reason}."
            ));
        }
    }
}

/// Adds the attribute of a foreign key; returns false if its names cannot be written in one.
fn add_key(
    draft: &Draft<'_>,
    key: &ForeignKey,
    parent: &Table,
    is_first: bool,
    entity: &mut Entity,
) -> bool {
    let made = made_name(draft.table, &key.columns, "fkey");
    let name = explicit_name(&key.name, &made);
    let mut actions = Vec::new();
    for (when, action) in [("on_delete", key.on_delete), ("on_update", key.on_update)] {
        if action != ReferentialAction::NoAction {
            let words = action.as_sql().to_lowercase();
            actions.push(format!("{when} = {words:?}"));
        }
    }
    if let ([column], [reference]) = (&key.columns[..], &key.references[..])
        && is_first
        && !reference.contains('.')
        && let Some(position) = draft.table.position(column)
    {
        let attributes = &mut entity.fields[position].attributes;
        attributes.push(format!(
            "references = {:?}",
            format!("{}.{reference}", parent.name)
        ));
        attributes.extend(name.map(|name| format!("foreign_key = {name:?}")));
        attributes.append(&mut actions);
        return true;
    }
    if key.columns.len() != key.references.len()
        || parent.name.contains('(')
        || !can_be_listed(&parent.name)
        || !key.references.iter().all(|name| can_be_listed(name))
    {
        return false;
    }
    let references = format!("{}({})", parent.name, key.references.join(", "));
    let mut parts = vec![
        format!("columns({})", draft.field_list(&key.columns)),
        format!("references = {references:?}"),
    ];
    parts.append(&mut actions);
    parts.extend(name.map(|name| format!("name = {name:?}")));
    entity
        .attributes
        .push(format!("foreign_key({})", parts.join(", ")));
    true
}

/// Whether a name can be written in a comma-separated list.
pub(super) fn can_be_listed(name: &str) -> bool {
    !name.contains(',') && name.trim() == name
}

/// The table that a foreign key refers to. SQLite ignores the case of its name.
pub(super) fn target(key: &ForeignKey, drafts: &[Draft<'_>]) -> Option<usize> {
    let find = |is: &dyn Fn(&str) -> bool| drafts.iter().position(|draft| is(&draft.table.name));
    let found = find(&|name| name == key.table)
        .or_else(|| find(&|name| name.eq_ignore_ascii_case(&key.table)))?;
    let parent = drafts[found].table;
    let has = |column: &String| parent.position(column).is_some();
    key.references.iter().all(has).then_some(found)
}

/// Returns why no relation can follow the foreign key at this position.
pub(super) fn obstacle(position: usize, child: &Table, parent: &Table) -> Option<&'static str> {
    let key = &child.foreign_keys[position];
    let of = |table: &Table, names: &[String]| -> Vec<usize> {
        names
            .iter()
            .filter_map(|name| table.position(name))
            .collect()
    };
    let (here, there) = (of(child, &key.columns), of(parent, &key.references));
    if child.primary_key.is_empty() {
        return Some("the table has no primary key");
    }
    let is_key = |columns: &[usize]| {
        let mut columns = columns.to_vec();
        columns.sort_unstable();
        let mut key = parent.primary_key.clone();
        key.sort_unstable();
        columns == key
    };
    if !is_key(&there) {
        return Some("it does not refer to the primary key");
    }
    let is_integer = |ty| matches!(ty, ValueType::I16 | ValueType::I32 | ValueType::I64);
    let types = |&(&a, &b): &(&usize, &usize)| {
        let here = child.columns[a].ty.value_type();
        let there = parent.columns[b].ty.value_type();
        here == there || (is_integer(here) && is_integer(there))
    };
    if !here.iter().zip(&there).all(|pair| types(&pair)) {
        return Some("its columns are of other types than those that it refers to");
    }
    if child.foreign_keys[..position]
        .iter()
        .any(|other| other.columns == key.columns)
    {
        return Some("there is one over the same columns");
    }
    if !key.columns.iter().all(|name| can_be_listed(name)) {
        return Some("its columns cannot be written in an attribute");
    }
    let is_made = |&column: &usize| {
        let column = &child.columns[column];
        column.nullable && column.generated != selfsame::schema::Generated::No
    };
    match here.iter().any(is_made) {
        true => Some("a column of it may be NULL and has a default"),
        false => None,
    }
}

fn is_unique(table: &Table, columns: &[String]) -> bool {
    let same = |others: &[&String]| {
        others.len() == columns.len() && others.iter().all(|&other| columns.contains(other))
    };
    let key: Vec<&String> = table.key_columns().map(|column| &column.name).collect();
    same(&key)
        || table
            .uniques
            .iter()
            .any(|unique| same(&unique.columns.iter().collect::<Vec<_>>()))
}

/// The name of a column without its suffix `_id`.
pub(super) fn stem(column: &str) -> &str {
    column.strip_suffix("_id").unwrap_or(column)
}

/// `author` for a column `author_id`, otherwise the parent's name.
fn name_of_parent(
    child: usize,
    parent: usize,
    key: &ForeignKey,
    drafts: &mut [Draft<'_>],
) -> String {
    let column = names::field(&key.columns.join("_"));
    let mut candidates = Vec::new();
    let stem = column.strip_suffix("_id").map(str::to_owned);
    candidates.extend(stem.map(names::writable));
    if child != parent {
        candidates.push(names::one(drafts[parent].table.local_name()));
    }
    candidates.push(format!("{column}_row"));
    drafts[child].taken.take(&candidates)
}

/// `books`, or `books_by_author` if the child has several foreign keys to this table.
fn name_of_children(
    child: usize,
    parent: usize,
    key: &ForeignKey,
    drafts: &mut [Draft<'_>],
) -> String {
    let table = drafts[child].table;
    let name = match is_unique(table, &key.columns) {
        true => names::one(table.local_name()),
        false => names::many(table.local_name()),
    };
    let column = names::field(&key.columns.join("_"));
    let by = format!("{name}_by_{}", stem(&column));
    let mut keys = table.foreign_keys.iter();
    let is_only = keys.all(|other| other == key || target(other, drafts) != Some(parent));
    let candidates = match is_only && child != parent {
        true => vec![name, by],
        false => vec![by],
    };
    drafts[parent].taken.take(&candidates)
}
