//! Association tables, and the many-to-many relations over them.

use selfsame::schema::{Column, ForeignKey, Generated, ReferentialAction, Table};

use super::relation::{can_be_listed, obstacle, stem, target};
use super::{Draft, Entity, Field, explicit_name, made_name};
use crate::inspect::{names, remarks};

/// A table with two foreign keys that together are its primary key, and without other columns.
pub(super) struct Pairing {
    /// Its index among the drafts.
    pub(super) table: usize,
    /// The side whose foreign key comes first in the table, and the other.
    ends: [End; 2],
    /// Whether the relations would create exactly this table, so that it needs no entity.
    pub(super) is_expressed: bool,
}

struct End {
    parent: usize,
    columns: Vec<String>,
    /// The relation from this end to the other.
    name: String,
}

/// Finds the association tables.
pub(super) fn pairings(drafts: &[Draft<'_>]) -> Vec<Pairing> {
    (0..drafts.len())
        .filter(|&at| !is_referenced(at, drafts))
        .filter_map(|at| pairing(at, drafts))
        .collect()
}

/// Names the relations, after those along other foreign keys.
pub(super) fn name(pairings: &mut [Pairing], drafts: &mut [Draft<'_>]) {
    let pairs: Vec<(usize, usize)> = pairings.iter().map(parents).collect();
    for pairing in pairings {
        let is_only = pairs
            .iter()
            .filter(|&&pair| pair == parents(pairing))
            .count()
            == 1;
        for (here, there) in [(0, 1), (1, 0)] {
            let (parent, other) = (pairing.ends[here].parent, pairing.ends[there].parent);
            let many = names::many(drafts[other].table.local_name());
            let column = names::field(&pairing.ends[here].columns.join("_"));
            let by_column = format!("{many}_by_{}", stem(&column));
            let table = names::field(drafts[pairing.table].table.local_name());
            let by_table = format!("{many}_by_{table}");
            let candidates = match (parent == other, is_only) {
                (true, _) => vec![by_column],
                (false, true) => vec![many, by_table],
                (false, false) => vec![by_table],
            };
            pairing.ends[here].name = drafts[parent].taken.take(&candidates);
        }
    }
}

/// The many-to-many relations of an entity.
pub(super) fn fields(
    position: usize,
    drafts: &[Draft<'_>],
    pairings: &[Pairing],
    entity: &mut Entity,
) {
    for pairing in pairings {
        let [left, right] = &pairing.ends;
        for (here, there) in [(left, right), (right, left)] {
            if here.parent != position {
                continue;
            }
            let mut attributes = Vec::new();
            if std::ptr::eq(here, left) {
                let columns = [&left.columns[..], &right.columns[..]].concat();
                let name = &drafts[pairing.table].table.name;
                let secondary = format!("{name}({})", columns.join(", "));
                attributes.push(format!("secondary = {secondary:?}"));
            }
            attributes.push(format!("back_populates = {}", names::written(&there.name)));
            entity.fields.push(Field {
                comments: Vec::new(),
                docs: Vec::new(),
                attributes,
                name: names::written(&here.name),
                ty: format!("ManyToMany<{}>", drafts[there.parent].name),
            });
        }
    }
}

/// The comment that explains the entity of an association table.
pub(super) fn comment(pairing: &Pairing, drafts: &[Draft<'_>], entity: &mut Entity) {
    let relation = |end: &End| format!("{}.{}", drafts[end.parent].name, end.name);
    let [left, right] = &pairing.ends;
    entity.comments.push(format!(
        "Its rows are the pairs of {} and {}, which would otherwise create other foreign keys or indexes.",
        relation(left),
        relation(right)
    ));
}

fn parents(pairing: &Pairing) -> (usize, usize) {
    let [left, right] = [&pairing.ends[0], &pairing.ends[1]].map(|end| end.parent);
    (left.min(right), left.max(right))
}

fn is_referenced(at: usize, drafts: &[Draft<'_>]) -> bool {
    let mut keys = drafts.iter().flat_map(|draft| &draft.table.foreign_keys);
    keys.any(|key| target(key, drafts) == Some(at))
}

fn pairing(at: usize, drafts: &[Draft<'_>]) -> Option<Pairing> {
    let table = drafts[at].table;
    let mut ends = Vec::with_capacity(2);
    for (i, key) in table.foreign_keys.iter().enumerate() {
        let parent = target(key, drafts)?;
        if obstacle(i, table, drafts[parent].table).is_some() {
            return None;
        }
        ends.push(End {
            parent,
            columns: key.columns.clone(),
            name: String::new(),
        });
    }
    ends.sort_by_key(|end| end.columns.iter().map(|name| table.position(name)).min());
    let ends: [End; 2] = ends.try_into().ok()?;
    let [left, right] = &ends;
    let width = left.columns.len() + right.columns.len();
    let is_in_one = |column: &Column| {
        left.columns.contains(&column.name) != right.columns.contains(&column.name)
    };
    let is_pure = table.columns.len() == width
        && table.primary_key.len() == width
        && table.uniques.is_empty()
        && table.checks.is_empty()
        && table
            .columns
            .iter()
            .all(|column| column.generated == Generated::No && is_in_one(column));
    let can_be_written = can_be_listed(&table.name)
        && !table.name.contains(['(', ')'])
        && table
            .columns
            .iter()
            .all(|column| can_be_listed(&column.name) && !column.name.contains(['(', ')']));
    (is_pure && can_be_written).then(|| Pairing {
        table: at,
        is_expressed: is_expressed(table, &ends, drafts),
        ends,
    })
}

/// Returns whether a table is exactly as a many-to-many relation would create it.
fn is_expressed(table: &Table, ends: &[End; 2], drafts: &[Draft<'_>]) -> bool {
    let keys = ends
        .iter()
        .flat_map(|end| drafts[end.parent].table.key_columns());
    let columns = ends.iter().flat_map(|end| &end.columns);
    let is_same = |(column, (name, key)): (&Column, (&String, &Column))| {
        column.name == *name && column.ty == key.ty && !column.nullable
    };
    let is_made = |name: &Option<String>, columns: &[String], suffix: &str| {
        explicit_name(name, &made_name(table, columns, suffix)).is_none()
    };
    let is_usual = |key: &ForeignKey| {
        is_made(&key.name, &key.columns, "fkey")
            && (key.on_delete, key.on_update)
                == (ReferentialAction::NoAction, ReferentialAction::Cascade)
    };
    table.columns.iter().zip(columns.zip(keys)).all(is_same)
        && table.primary_key.is_sorted()
        && table.foreign_keys.iter().all(is_usual)
        && matches!(&table.indexes[..], [only] if only.columns == ends[1].columns && is_made(&only.name, &only.columns, "idx"))
        && remarks(&table.remarks, table.unreadable).is_empty()
        && table.comment.is_none()
        && table.columns.iter().all(|column| {
            remarks(&column.remarks, column.unreadable).is_empty() && column.comment.is_none()
        })
}
