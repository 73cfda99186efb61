//! Foreign keys: references to missing rows, keys that are equal only in the database, and lookups without an index.

use selfsame::backend::{Sql, StatementKind};
use selfsame::engine::Connected;
use selfsame::schema::{ColumnType, ForeignKey, Table};
use selfsame::value::{ValueRef, ValueType};
use selfsame::{ErrorKind, Result};

use super::guarded;
use super::verdict::{Severity, TableAudit};

/// Reports keys that several rows have. A table is read together with the rows of tables that inherit from it, and no constraint covers all of
/// them.
pub(super) fn repeated_keys(
    connected: &mut Connected,
    table: &Table,
    audit: &mut TableAudit,
) -> Result<()> {
    if table.primary_key.is_empty() || table.is_view() {
        return Ok(());
    }
    let names = Names(connected);
    let columns: Vec<String> = table
        .key_columns()
        .map(|column| names.quoted(&column.name))
        .collect();
    let given: Vec<String> = columns
        .iter()
        .map(|name| format!("{name} IS NOT NULL"))
        .collect();
    let text = format!(
        "SELECT count(*) FROM (SELECT 1 AS one FROM {} WHERE {} GROUP BY {} HAVING count(*) > 1) AS repeated",
        names.place(table),
        given.join(" AND "),
        columns.join(", ")
    );
    let repeated = guarded(connected, |connected| count(connected, &text, Vec::new()))?;
    if repeated > 0 {
        let key: Vec<&str> = table.key_columns().map(|it| it.name.as_str()).collect();
        let message = "several rows have the same key, so a session would map them to one object";
        audit.add(Severity::Silent, Some(&key.join(", ")), message.to_owned());
        add_rows(audit, repeated);
    }
    Ok(())
}

/// Checks the foreign keys of a table against the tables that they reference.
pub(super) fn check(
    connected: &mut Connected,
    table: &Table,
    tables: &[Table],
    audit: &mut TableAudit,
) -> Result<()> {
    for key in &table.foreign_keys {
        let columns = key.columns.join(", ");
        let Some(parent) = tables.iter().find(|other| other.name == key.table) else {
            continue;
        };
        // MariaDB and MySQL create an index for each foreign key, and report it like any other.
        let has_indexes = matches!(connected.dialect().name(), "mariadb" | "mysql");
        if !has_indexes && !has_index(table, key) {
            let message = format!(
                "no index starts with the foreign key to {}: loading its children scans the whole table",
                key.table
            );
            audit.add(Severity::Slow, Some(&columns), message);
        }
        let lost = guarded(connected, |connected| {
            let text = orphans(connected, table, key, parent);
            count(connected, &text, own_types(table, key))
        });
        let lost = match lost {
            // A relation along this key cannot be loaded either.
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                audit.add(Severity::Loud, Some(&columns), error.message().to_owned());
                continue;
            }
            lost => lost?,
        };
        if lost > 0 {
            let (severity, message) = match hides_rows(connected, parent)? {
                true => (
                    Severity::Note,
                    format!(
                        "its foreign key references a row of {} that is missing or that row-level security hides from this role",
                        key.table
                    ),
                ),
                false => (
                    Severity::Loud,
                    format!("its foreign key references a missing row of {}", key.table),
                ),
            };
            audit.add(severity, Some(&columns), message);
            add_rows(audit, lost);
        }
        let bent = guarded(connected, |connected| {
            let text = unequal(connected, table, key, parent);
            count(connected, &text, own_types(table, key))
        })?;
        if bent > 0 {
            let message = format!(
                "the key of {} is equal in the database but different in memory (letter case, spaces)",
                key.table
            );
            audit.add(Severity::Silent, Some(&columns), message);
            add_rows(audit, bent);
        }
    }
    Ok(())
}

/// Returns whether row-level security applies to this role's reading of the table.
fn hides_rows(connected: &mut Connected, table: &Table) -> Result<bool> {
    if connected.dialect().name() != "postgres" {
        return Ok(false);
    }
    let place = Names(connected).place(table).replace('\'', "''");
    let text = format!("SELECT row_security_active('{place}'::regclass)::int::bigint");
    guarded(connected, |connected| {
        Ok(count(connected, &text, Vec::new())? == 1)
    })
}

fn add_rows(audit: &mut TableAudit, rows: u64) {
    if let Some(finding) = audit.findings.last_mut() {
        finding.rows = rows;
    }
}

/// Returns whether an index starts with the key's columns, in any order.
fn has_index(table: &Table, key: &ForeignKey) -> bool {
    let begins = |columns: &[&String]| {
        columns
            .get(..key.columns.len())
            .is_some_and(|first| key.columns.iter().all(|column| first.contains(&column)))
    };
    let primary: Vec<&String> = table.key_columns().map(|column| &column.name).collect();
    let mut indexes = table.uniques.iter().chain(&table.indexes);
    begins(&primary) || indexes.any(|index| begins(&index.columns.iter().collect::<Vec<_>>()))
}

/// Finds rows whose foreign key is complete but references nothing.
fn orphans(connected: &Connected, table: &Table, key: &ForeignKey, parent: &Table) -> String {
    let names = Names(connected);
    let given: Vec<String> = key
        .columns
        .iter()
        .map(|column| format!("c.{} IS NOT NULL", names.quoted(column)))
        .collect();
    format!(
        "SELECT count(*) FROM {} AS c WHERE {} AND NOT EXISTS (SELECT 1 FROM {} AS p WHERE {})",
        names.place(table),
        given.join(" AND "),
        names.place(parent),
        names.pairs(key)
    )
}

/// Finds rows whose foreign key equals a row's key in the database but has other bytes.
fn unequal(connected: &Connected, table: &Table, key: &ForeignKey, parent: &Table) -> String {
    let names = Names(connected);
    let database = connected.dialect().name();
    let texts = key
        .columns
        .iter()
        .zip(&key.references)
        .filter(|(column, _)| {
            let column = table.position(column).map(|at| &table.columns[at]);
            column.is_some_and(|column| column.ty.value_type() == ValueType::Text)
        });
    let differs: Vec<String> = texts
        .map(|(here, there)| {
            let (here, there) = (names.quoted(here), names.quoted(there));
            match database {
                "sqlite" => format!("CAST(c.{here} AS BLOB) <> CAST(p.{there} AS BLOB)"),
                "postgres" => format!(
                    "CAST(c.{here} AS text) COLLATE \"C\" <> CAST(p.{there} AS text) COLLATE \"C\""
                ),
                // The columns may have different character sets.
                _ => format!(
                    "BINARY CONVERT(c.{here} USING utf8mb4) <> BINARY CONVERT(p.{there} USING utf8mb4)"
                ),
            }
        })
        .collect();
    let differs = match differs.is_empty() {
        true => "1 = 0".to_owned(),
        false => differs.join(" OR "),
    };
    format!(
        "SELECT count(*) FROM {} AS c JOIN {} AS p ON {} WHERE {differs}",
        names.place(table),
        names.place(parent),
        names.pairs(key)
    )
}

/// Quotes names as the database's SQL does.
struct Names<'c>(&'c Connected);

impl Names<'_> {
    fn quoted(&self, name: &str) -> String {
        let mut out = String::new();
        self.0.dialect().quote(name, &mut out);
        out
    }

    fn place(&self, table: &Table) -> String {
        let name = self.quoted(table.local_name());
        match &table.schema {
            Some(schema) => format!("{}.{name}", self.quoted(schema)),
            None => name,
        }
    }

    fn pairs(&self, key: &ForeignKey) -> String {
        let pairs: Vec<String> = key
            .columns
            .iter()
            .zip(&key.references)
            // The collation is the parent's, which SQLite takes from the left.
            .map(|(here, there)| format!("p.{} = c.{}", self.quoted(there), self.quoted(here)))
            .collect();
        pairs.join(" AND ")
    }
}

/// Returns the types of a foreign key that only the database can compare.
fn own_types(table: &Table, key: &ForeignKey) -> Vec<String> {
    let columns = table.columns.iter();
    let columns = columns.filter(|column| key.columns.contains(&column.name));
    let own = columns.filter_map(|column| match &column.ty {
        ColumnType::Other { name } => Some(name.clone()),
        _ => None,
    });
    own.collect()
}

fn count(connected: &mut Connected, text: &str, compared_types: Vec<String>) -> Result<u64> {
    let sql = Sql::new(StatementKind::Raw, text, [], [ValueType::I64]);
    let sql = sql.with_compared_types(compared_types);
    let mut found = 0;
    connected.query(&sql, &[], &mut |row| {
        if let ValueRef::I64(rows) = row.value(0, ValueType::I64)? {
            found = rows.unsigned_abs();
        }
        Ok(())
    })?;
    Ok(found)
}
