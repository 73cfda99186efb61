//! Hints for violated foreign keys: which columns refer to other tables, which rows may refer to this one, and the relations that set them.
//!
//! SQLite does not say which foreign key is violated; the other databases name the constraint, but not the relation.

use crate::entity::{Mapper, RelationKind, in_order_of};
use crate::error::{Error, ErrorKind};
use crate::render::foreign_key_name;
use crate::schema::{ForeignKey, ReferentialAction, Table};
use crate::session::Session;
use crate::session::write::plan::Step;

/// The effect of a statement on the rows of a table.
enum Written<'a> {
    /// Inserted rows, in which these foreign keys are not all NULL.
    Inserted { keys: Vec<&'a ForeignKey> },
    /// Updated these columns, with foreign keys that are not all NULL.
    Updated {
        keys: Vec<&'a ForeignKey>,
        columns: Vec<&'a str>,
    },
    /// Deleted rows.
    Deleted,
}

/// A foreign key that may be violated, with the name of a relation along it.
struct Suspect {
    constraint: String,
    /// `house_id` → `houses`, or the table and columns that refer to the written row.
    place: [String; 2],
    relation: Option<String>,
    is_own: bool,
    /// Whether the statement could violate it, as far as the session knows.
    is_likely: bool,
}

impl Session {
    /// Adds a hint to the error of a step: which foreign key may be violated.
    #[cold]
    pub(in crate::session) fn hint_of_step(&self, error: Error, step: &Step) -> Error {
        if let Some((store, columns, slots)) = step.written() {
            return match step {
                Step::Insert { .. } => self.hint_of_new_rows(error, store, columns, slots),
                _ => self.hint_of_update(error, store, columns, slots),
            };
        }
        match step {
            Step::Delete { store, .. } => self.hint_of_deletion(error, *store),
            Step::Associate { association, .. } => {
                let table = self.associations[usize::from(*association)]
                    .association
                    .table();
                let keys = table.foreign_keys.iter().collect();
                self.hint(error, table, None, &Written::Inserted { keys })
            }
            _ => error,
        }
    }

    /// Adds a hint to the error of new rows: which foreign key may be violated.
    #[cold]
    pub(in crate::session) fn hint_of_new_rows(
        &self,
        error: Error,
        store: u16,
        columns: &[usize],
        slots: &[u32],
    ) -> Error {
        let mapper = &self.entry(store).mapper;
        let keys = self.keys_that_are_set(store, columns, slots);
        self.hint(
            error,
            mapper.table(),
            Some(mapper),
            &Written::Inserted { keys },
        )
    }

    /// Adds a hint to the error of updated rows: which foreign key may be violated, or which rows may refer to the old values. Without
    /// `slots`, any of the columns may be the cause.
    #[cold]
    pub(in crate::session) fn hint_of_update(
        &self,
        error: Error,
        store: u16,
        columns: &[usize],
        slots: &[u32],
    ) -> Error {
        let mapper = &self.entry(store).mapper;
        let table = mapper.table();
        let names = columns.iter().map(|&at| &*table.columns[at].name);
        let written = Written::Updated {
            keys: self.keys_that_are_set(store, columns, slots),
            columns: names.collect(),
        };
        self.hint(error, table, Some(mapper), &written)
    }

    /// The foreign keys of written columns that are not NULL in all rows.
    fn keys_that_are_set(&self, store: u16, columns: &[usize], slots: &[u32]) -> Vec<&ForeignKey> {
        let table = self.entry(store).mapper.table();
        let is_set = |key: &&ForeignKey| {
            let of_key: Vec<usize> = positions(table, &key.columns);
            of_key.iter().any(|column| columns.contains(column))
                && (slots.is_empty()
                    || slots
                        .iter()
                        .any(|&slot| self.foreign_key((store, slot), &of_key).is_some()))
        };
        table.foreign_keys.iter().filter(is_set).collect()
    }

    /// Adds a hint to the error of deleted rows: which rows may still refer to them.
    #[cold]
    pub(in crate::session) fn hint_of_deletion(&self, error: Error, store: u16) -> Error {
        let mapper = &self.entry(store).mapper;
        self.hint(error, mapper.table(), Some(mapper), &Written::Deleted)
    }

    fn hint(
        &self,
        error: Error,
        table: &Table,
        mapper: Option<&Mapper>,
        written: &Written<'_>,
    ) -> Error {
        if error.kind() != ErrorKind::ForeignKeyViolation {
            return error;
        }
        let mut suspects = self.suspects(table, mapper, written);
        let named = |suspect: &Suspect| error.constraint_name() == Some(&*suspect.constraint);
        let is_named = suspects.iter().any(named);
        if is_named {
            suspects.retain(named);
        }
        // A named constraint may be one that the session thinks unlikely: a trigger can violate it, for example.
        if !is_named || suspects.iter().any(|suspect| suspect.is_likely) {
            suspects.retain(|suspect| suspect.is_likely);
        }
        let (own, others): (Vec<Suspect>, Vec<Suspect>) =
            suspects.into_iter().partition(|suspect| suspect.is_own);
        match advice(&own, &others, written) {
            Some(advice) => error.hint(advice),
            None => error,
        }
    }

    /// The foreign keys of a table, and those that reference it from tables that the session knows.
    fn suspects(
        &self,
        table: &Table,
        mapper: Option<&Mapper>,
        written: &Written<'_>,
    ) -> Vec<Suspect> {
        let longest = self.engine.capabilities().max_identifier;
        let own = table.foreign_keys.iter().map(|key| Suspect {
            constraint: foreign_key_name(table, key, longest).into_owned(),
            place: [key.columns.join(", "), key.table.clone()],
            relation: mapper.and_then(|mapper| parent(mapper, key)),
            is_own: true,
            is_likely: match written {
                Written::Inserted { keys } | Written::Updated { keys, .. } => keys.contains(&key),
                Written::Deleted => false,
            },
        });
        let mapped = self.stores.iter().map(|entry| entry.mapper.table());
        let secondary = self
            .associations
            .iter()
            .map(|entry| entry.association.table());
        let mut seen: Vec<&str> = Vec::new();
        let others = mapped.chain(secondary).filter(|other| {
            let is_first = !seen.contains(&&*other.name);
            seen.push(&other.name);
            is_first
        });
        let others = others.flat_map(|other| {
            let keys = other.foreign_keys.iter();
            let keys = keys.filter(|key| key.table == table.name);
            keys.map(move |key| Suspect {
                constraint: foreign_key_name(other, key, longest).into_owned(),
                place: [other.name.clone(), key.columns.join(", ")],
                relation: mapper.and_then(|mapper| children(mapper, other, key)),
                is_own: false,
                is_likely: match written {
                    Written::Deleted => is_refused(key.on_delete),
                    Written::Inserted { .. } => false,
                    Written::Updated { columns, .. } => {
                        is_refused(key.on_update)
                            && key.references.iter().any(|name| columns.contains(&&**name))
                    }
                },
            })
        });
        own.chain(others).collect()
    }
}

fn is_refused(action: ReferentialAction) -> bool {
    matches!(
        action,
        ReferentialAction::NoAction | ReferentialAction::Restrict
    )
}

fn advice(own: &[Suspect], others: &[Suspect], written: &Written<'_>) -> Option<String> {
    let mut advice: Vec<String> = Vec::new();
    match own {
        [] => {}
        [
            Suspect {
                place: [columns, table],
                relation,
                ..
            },
        ] => advice.push(match relation {
            Some(relation) => format!(
                "`{columns}` must refer to a row of `{table}`; the relation `{relation}` sets it"
            ),
            None => format!("`{columns}` must refer to a row of `{table}`"),
        }),
        several => advice.push(format!(
            "one of these refers to no row: {}",
            list(several, |[columns, table]| format!(
                "`{columns}` to `{table}`"
            ))
        )),
    }
    if !others.is_empty() {
        let others = list(others, |[table, columns]| {
            format!("`{table}` by `{columns}`")
        });
        advice.push(match written {
            Written::Deleted => format!(
                "a row may still refer to it, of {others}; delete such rows first, or set a `cascade`"
            ),
            _ => format!(
                "a row may still refer to the old value, of {others}; declare `on_update = \"cascade\"` for that foreign key"
            ),
        });
    }
    (!advice.is_empty()).then(|| advice.join("; "))
}

fn list(suspects: &[Suspect], place: impl Fn(&[String; 2]) -> String) -> String {
    let shown = suspects.iter().map(|suspect| {
        let place = place(&suspect.place);
        match &suspect.relation {
            Some(relation) => format!("{place} (relation `{relation}`)"),
            None => place,
        }
    });
    shown.collect::<Vec<_>>().join(", ")
}

fn positions(table: &Table, columns: &[String]) -> Vec<usize> {
    let positions = columns.iter().map(|name| table.position(name));
    positions.collect::<Option<_>>().unwrap_or_default()
}

/// The relation of a mapping along one of its own foreign keys.
fn parent(mapper: &Mapper, key: &ForeignKey) -> Option<String> {
    let columns = positions(mapper.table(), &key.columns);
    let mut relations = mapper.relations().iter().zip(mapper.resolved().ok()?);
    let found = relations.find(|(declared, resolved)| {
        resolved.kind == RelationKind::BelongsTo
            && in_order_of(&columns, &resolved.local).is_some()
            && (declared.target)().table().name == key.table
    });
    found.map(|(declared, _)| declared.name().to_owned())
}

/// The relation of the referenced mapping to the rows of the table that has the foreign key.
fn children(mapper: &Mapper, child: &Table, key: &ForeignKey) -> Option<String> {
    let columns = positions(child, &key.columns);
    let mut relations = mapper.relations().iter().zip(mapper.resolved().ok()?);
    let found = relations.find(|(declared, resolved)| {
        resolved.kind != RelationKind::BelongsTo
            && resolved.through.is_none()
            && in_order_of(&columns, &resolved.remote).is_some()
            && (declared.target)().table().name == child.name
    });
    found.map(|(declared, _)| declared.name().to_owned())
}
