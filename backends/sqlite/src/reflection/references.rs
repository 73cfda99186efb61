//! Resolves the targets of foreign keys, once all tables are known.

use selfsame::schema::{ColumnType, ForeignKey, Table};

/// Completes foreign keys that omit columns, and reports those whose target does not exist.
pub(super) fn resolve(tables: &mut [Table]) {
    point_at_keys(tables);
    remove_dangling_foreign_keys(tables);
    widen_integers(tables);
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

/// Every integer in SQLite has 64 bits, whatever its type is called, so a column that references a key can be as large as the
/// key.
fn widen_integers(tables: &mut [Table]) {
    let is_integer =
        |ty: &ColumnType| matches!(ty, ColumnType::I16 | ColumnType::I32 | ColumnType::I64);
    // A key may reference another one, so widths propagate until nothing changes.
    loop {
        let mut wider: Vec<(usize, usize, ColumnType)> = Vec::new();
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
                    if own != wanted && is_integer(own) && is_integer(wanted) {
                        wider.push((at, here, wanted.clone()));
                    }
                }
            }
        }
        let mut changed = false;
        for (table, column, ty) in wider {
            let own = &mut tables[table].columns[column].ty;
            // If two foreign keys share a column, the wider key decides.
            if width(own) < width(&ty) {
                *own = ty;
                changed = true;
            }
        }
        if !changed {
            return;
        }
    }
}

fn width(ty: &ColumnType) -> u8 {
    match ty {
        ColumnType::I16 => 16,
        ColumnType::I32 => 32,
        _ => 64,
    }
}
