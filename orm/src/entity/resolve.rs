//! Resolving declared relations: their columns, association tables and inverses.

use std::sync::Arc;

use super::association;
use super::{Cascade, Fetch, Mapper, RelationDescriptor, RelationKind, Through};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::ForeignKey;
use crate::value::ValueType;

/// A relation whose columns and inverse are resolved.
#[derive(Clone, Debug)]
pub struct ResolvedRelation {
    /// Which side holds the key.
    pub kind: RelationKind,
    /// The columns on the declaring side.
    pub local: Arc<[usize]>,
    /// The columns on the target's side, in the same order.
    pub remote: Arc<[usize]>,
    /// The target's relation that is the inverse.
    pub inverse: Option<u16>,
    /// Whether the foreign key is NOT NULL.
    pub required: bool,
    /// The cascades.
    pub cascade: Cascade,
    /// Whether the database deletes or sets NULL in unloaded objects when the owner is deleted.
    pub passive_deletes: bool,
    /// How it is loaded.
    pub fetch: Fetch,
    /// The order of a collection: columns of the target, and whether descending.
    pub order_by: Vec<(usize, bool)>,
    /// The association table of a many-to-many relation; the columns of both sides are then their primary keys.
    pub through: Option<Through>,
}

/// The position of each key column among `others`, if both have the same columns.
pub(crate) fn in_order_of(key: &[usize], others: &[usize]) -> Option<Vec<usize>> {
    let place = |column: &usize| others.iter().position(|other| other == column);
    match key.len() == others.len() {
        true => key.iter().map(place).collect(),
        false => None,
    }
}

/// Finds the columns and the inverse of each relation of a mapper.
pub(super) fn resolve(mapper: &Mapper) -> Result<Vec<Arc<ResolvedRelation>>> {
    mapper
        .relations
        .iter()
        .map(|relation| resolve_one(mapper, relation).map(Arc::new))
        .collect()
}

fn resolve_one(mapper: &Mapper, relation: &RelationDescriptor) -> Result<ResolvedRelation> {
    let target = relation.target();
    let side = format!("{}.{}", mapper.name, relation.name);
    if let Some(keyless) = [mapper, &*target].iter().find(|end| !end.has_key()) {
        let message = format!(
            "{side}: {} has no primary key, so it cannot take part in a relation",
            keyless.name
        );
        return Err(Error::new(ErrorKind::Mapping, message));
    }
    let owns = relation.kind == RelationKind::BelongsTo;
    let (child, parent) = if owns {
        (mapper, &*target)
    } else {
        (&*target, mapper)
    };
    let inverse = find_inverse(mapper, relation, &target, &side)?;
    if relation.kind == RelationKind::ManyToMany {
        return resolve_many_to_many(mapper, relation, &target, inverse, &side);
    }
    // The columns named by the inverse relation apply to this one too.
    let named = match inverse {
        Some(index) if relation.key.is_empty() => &target.relations[usize::from(index)].key,
        _ => &relation.key,
    };
    let foreign_key = find_foreign_key(child, parent, named, &side)?;
    let position = |mapper: &Mapper, name: &String| position(mapper, name, &side);
    let here = foreign_key
        .columns
        .iter()
        .map(|c| position(child, c))
        .collect::<Result<Vec<_>>>()?;
    let there = foreign_key
        .references
        .iter()
        .map(|c| position(parent, c))
        .collect::<Result<Vec<_>>>()?;
    // A foreign key may list the columns in another order than the primary key.
    let (mut here, mut there) = (here, there);
    if let Some(order) = in_order_of(&parent.table.primary_key, &there) {
        here = order.iter().map(|&at| here[at]).collect();
        there.clone_from(&parent.table.primary_key);
    } else {
        return Err(Error::new(
            ErrorKind::Mapping,
            format!(
                "{side}: its foreign key must reference the primary key of {}",
                parent.table.name
            ),
        ));
    }
    for (&a, &b) in here.iter().zip(&there) {
        let is_integer = |ty| matches!(ty, ValueType::I16 | ValueType::I32 | ValueType::I64);
        let (here, there) = (child.types[a], parent.types[b]);
        // Integers of different widths are compared by value.
        if here != there && !(is_integer(here) && is_integer(there)) {
            let (a, b) = (&child.table.columns[a].name, &parent.table.columns[b].name);
            let tables = (&child.table.name, &parent.table.name);
            return Err(Error::new(
                ErrorKind::Mapping,
                format!(
                    "{side}: {}.{a} and {}.{b} have different types",
                    tables.0, tables.1
                ),
            ));
        }
    }
    // One NULL column suffices for the relation to be empty.
    let required = !here
        .iter()
        .any(|&column| child.table.columns[column].nullable);
    Ok(ResolvedRelation {
        kind: relation.kind,
        order_by: order_by(relation, &target, &side)?,
        local: if owns { &here } else { &there }.as_slice().into(),
        remote: if owns { there } else { here }.into(),
        inverse,
        required,
        cascade: relation.cascade,
        passive_deletes: relation.passive_deletes,
        fetch: relation.fetch,
        through: None,
    })
}

fn resolve_many_to_many(
    mapper: &Mapper,
    relation: &RelationDescriptor,
    target: &Mapper,
    inverse: Option<u16>,
    side: &str,
) -> Result<ResolvedRelation> {
    if relation.cascade.delete_orphan {
        let message = format!("{side}: a many-to-many relation cannot have delete-orphan");
        return Err(Error::new(ErrorKind::Mapping, message));
    }
    let through = association::through(mapper, relation, target, inverse, side)?;
    Ok(ResolvedRelation {
        kind: relation.kind,
        local: mapper.table.primary_key.as_slice().into(),
        remote: target.table.primary_key.as_slice().into(),
        inverse,
        required: false,
        cascade: relation.cascade,
        passive_deletes: relation.passive_deletes,
        fetch: relation.fetch,
        order_by: order_by(relation, target, side)?,
        through: Some(through),
    })
}

fn order_by(
    relation: &RelationDescriptor,
    target: &Mapper,
    side: &str,
) -> Result<Vec<(usize, bool)>> {
    let order = relation.order_by.iter().map(|text| {
        let (name, descending) = match text.trim().rsplit_once(' ') {
            Some((name, "desc" | "DESC")) => (name.trim(), true),
            Some((name, "asc" | "ASC")) => (name.trim(), false),
            _ => (text.trim(), false),
        };
        position(target, name, side).map(|column| (column, descending))
    });
    order.collect()
}

fn position(mapper: &Mapper, name: &str, side: &str) -> Result<usize> {
    mapper.table.position(name).ok_or_else(|| {
        Error::new(
            ErrorKind::Mapping,
            format!("{side}: table {} has no column `{name}`", mapper.table.name),
        )
    })
}

fn find_inverse(
    mapper: &Mapper,
    relation: &RelationDescriptor,
    target: &Mapper,
    side: &str,
) -> Result<Option<u16>> {
    let Some(name) = &relation.back_populates else {
        return Ok(None);
    };
    let other = format!("{}.{name}", target.name);
    let Some(index) = target
        .relations
        .iter()
        .position(|candidate| candidate.name == *name)
    else {
        return Err(Error::new(
            ErrorKind::Mapping,
            format!("{side} back-populates {other}, which is not a relation"),
        ));
    };
    let inverse = &target.relations[index];
    if inverse.back_populates.as_deref() != Some(&relation.name)
        || inverse.target().table.name != mapper.table.name
    {
        let message = format!("{side} back-populates {other}, which does not back-populate {side}");
        return Err(Error::new(ErrorKind::Mapping, message));
    }
    let message = match (relation.kind, inverse.kind) {
        (RelationKind::ManyToMany, RelationKind::ManyToMany) if std::ptr::eq(relation, inverse) => {
            format!("{side} cannot back-populate itself")
        }
        (RelationKind::ManyToMany, RelationKind::ManyToMany) => {
            return Ok(u16::try_from(index).ok());
        }
        (RelationKind::ManyToMany, _) | (_, RelationKind::ManyToMany) => {
            format!("{side} and {other}: both must be a ManyToMany")
        }
        (RelationKind::BelongsTo, RelationKind::BelongsTo) => {
            format!("{side} and {other}: exactly one of them must be a BelongsTo")
        }
        (RelationKind::BelongsTo, _) | (_, RelationKind::BelongsTo) => {
            return Ok(u16::try_from(index).ok());
        }
        _ => format!("{side} and {other}: exactly one of them must be a BelongsTo"),
    };
    Err(Error::new(ErrorKind::Mapping, message))
}

fn find_foreign_key<'t>(
    child: &'t Mapper,
    parent: &Mapper,
    named: &[String],
    side: &str,
) -> Result<&'t ForeignKey> {
    let fits = |key: &&ForeignKey| {
        key.table == parent.table.name && (named.is_empty() || key.columns == named)
    };
    let candidates: Vec<&ForeignKey> = child.table.foreign_keys.iter().filter(fits).collect();
    match candidates[..] {
        [only] => Ok(only),
        [] => Err(Error::new(
            ErrorKind::Mapping,
            format!(
                "{side}: table {} has no foreign key{} that references {}",
                child.table.name,
                if named.is_empty() {
                    String::new()
                } else {
                    format!(" on ({})", named.join(", "))
                },
                parent.table.name
            ),
        )),
        _ => Err(Error::new(
            ErrorKind::Mapping,
            format!(
                "{side}: table {} has several foreign keys that reference {}; choose one with `key = \"…\"`",
                child.table.name, parent.table.name
            ),
        )),
    }
}
