//! Resolves the targets of foreign keys, once all tables are known.

use selfsame::schema::{ColumnType, ForeignKey, Table};

use crate::types;

/// Completes foreign keys that omit columns, and reports those whose target does not exist.
pub(super) fn resolve(tables: &mut [Table]) {
    point_at_keys(tables);
    remove_dangling_foreign_keys(tables);
    fit_types(tables);
}

/// Completes foreign keys that name no columns: they reference the other table's key. Foreign keys name tables and columns in
/// any case.
fn point_at_keys(tables: &mut [Table]) {
    /// A table's name, its key, and all of its columns.
    type Known = (String, Vec<String>, Vec<String>);
    let known: Vec<Known> = tables
        .iter()
        .map(|table| {
            let key = table.key_columns().map(|column| column.name.clone());
            let columns = table.columns.iter().map(|column| column.name.clone());
            (table.name.clone(), key.collect(), columns.collect())
        })
        .collect();
    for foreign_key in tables.iter_mut().flat_map(|table| &mut table.foreign_keys) {
        let of = |(name, ..): &&Known| name.eq_ignore_ascii_case(&foreign_key.table);
        let Some((name, key, columns)) = known.iter().find(of) else {
            continue;
        };
        foreign_key.table.clone_from(name);
        if foreign_key.references.is_empty() {
            foreign_key.references.clone_from(key);
        }
        for reference in &mut foreign_key.references {
            let same = |column: &&String| column.eq_ignore_ascii_case(reference);
            if let Some(column) = columns.iter().find(same) {
                reference.clone_from(column);
            }
        }
    }
}

/// Removes foreign keys to tables or columns that do not exist: SQLite accepts them, and then refuses to write to the table.
/// `create_all` could not create them.
fn remove_dangling_foreign_keys(tables: &mut [Table]) {
    let misfits: Vec<Vec<Option<String>>> = tables
        .iter()
        .map(|table| {
            let keys = table.foreign_keys.iter();
            keys.map(|key| misfit(key, tables)).collect()
        })
        .collect();
    for (table, misfits) in tables.iter_mut().zip(misfits) {
        let mut kept = Vec::new();
        for (key, misfit) in table.foreign_keys.drain(..).zip(misfits) {
            let Some(reason) = misfit else {
                kept.push(key);
                continue;
            };
            let columns = key.columns.join(", ");
            table.remarks.push(format!(
                "Not here: the foreign key of {columns} to {:?}, for {reason}.",
                key.table
            ));
        }
        table.foreign_keys = kept;
    }
}

/// Returns the reason why a foreign key has no valid target.
fn misfit(key: &ForeignKey, tables: &[Table]) -> Option<String> {
    let same = |table: &&Table| table.name.eq_ignore_ascii_case(&key.table);
    let Some(parent) = tables.iter().find(same) else {
        return Some("there is no such table".to_owned());
    };
    if key.references.is_empty() {
        return Some("it has no primary key".to_owned());
    }
    if key.references.len() != key.columns.len() {
        let columns = key.references.len();
        return Some(format!("its key has {columns} columns"));
    }
    let is_missing = |name: &&String| parent.position(name).is_none();
    if let Some(missing) = key.references.iter().find(is_missing) {
        return Some(format!("it has no column {missing:?}"));
    }
    let is_same = |columns: &[&String]| {
        let names = |column: &&String| key.references.contains(column);
        columns.len() == key.references.len() && columns.iter().all(names)
    };
    let primary: Vec<&String> = parent.key_columns().map(|column| &column.name).collect();
    let mut uniques = parent.uniques.iter();
    let is_unique = is_same(&primary)
        || uniques.any(|unique| is_same(&unique.columns.iter().collect::<Vec<_>>()));
    (!is_unique).then(|| format!("nothing there is unique by {}", key.references.join(", ")))
}

/// Gives a column the type of the key that it references, if that compares as SQLite compares the foreign key: an integer can be as
/// large as the key, because every integer has 64 bits. A column of an unknown type stores numbers, so it is neither a text nor a decimal,
/// and one without a type has no affinity, which it would get from an unknown type.
fn fit_types(tables: &mut [Table]) {
    let fits = |own: &ColumnType, wanted: &ColumnType| match (own, wanted) {
        (ColumnType::Other { .. }, ColumnType::Other { .. }) => false,
        (ColumnType::Other { .. }, ColumnType::Text { .. } | ColumnType::Decimal { .. }) => {
            types::is_untyped(own)
        }
        (ColumnType::Other { .. }, _) => true,
        // If two foreign keys share a column, the wider key decides.
        _ => width(own).is_some_and(|own| width(wanted).is_some_and(|wanted| own < wanted)),
    };
    // A key may reference another one, so types propagate until nothing changes.
    loop {
        let mut fitted: Vec<(usize, usize, ColumnType)> = Vec::new();
        for (at, table) in tables.iter().enumerate() {
            for key in &table.foreign_keys {
                let same = |other: &&Table| other.name.eq_ignore_ascii_case(&key.table);
                let Some(target) = tables.iter().find(same) else {
                    continue;
                };
                for (column, reference) in key.columns.iter().zip(&key.references) {
                    let (Some(here), Some(there)) =
                        (table.position(column), target.position(reference))
                    else {
                        continue;
                    };
                    let (own, wanted) = (&table.columns[here].ty, &target.columns[there].ty);
                    if fits(own, wanted) {
                        fitted.push((at, here, wanted.clone()));
                    }
                }
            }
        }
        let mut changed = false;
        for (table, column, ty) in fitted {
            let own = &mut tables[table].columns[column].ty;
            if fits(own, &ty) {
                *own = ty;
                changed = true;
            }
        }
        if !changed {
            return;
        }
    }
}

/// The bits of an integer; `None` for other types.
fn width(ty: &ColumnType) -> Option<u8> {
    match ty {
        ColumnType::I16 => Some(16),
        ColumnType::I32 => Some(32),
        ColumnType::I64 => Some(64),
        _ => None,
    }
}
