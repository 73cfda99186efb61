//! What tables a database has.
//!
//! SQLite tells neither CHECKs nor the names of constraints. What a [`Table`] cannot say is left out: indexes of a part of the rows or
//! of an expression.

mod computed;

use selfsame::backend::{Connection, Row, Sql, Statement, StatementKind};
use selfsame::schema::{Column, ForeignKey, Generated, Index, ReferentialAction, Table};
use selfsame::value::ColumnValue;
use selfsame::{Error, ErrorKind, Result};

use crate::types;

/// The tables of the main database by name, without SQLite's own and those of virtual tables.
pub(crate) fn reflect(connection: &mut dyn Connection) -> Result<Vec<Table>> {
    let mut tables: Vec<Reflected> = Vec::new();
    each(connection, TABLES, &mut |row| {
        tables.push(Reflected {
            table: Table::build(get::<String>(row, 0)?),
            key: Vec::new(),
            key_is_rowid: get(row, 1)?,
            never_reuses: says_autoincrement(&get::<String>(row, 2)?),
            definition: get(row, 2)?,
        });
        Ok(())
    })?;
    each(connection, COLUMNS, &mut |row| {
        find(&mut tables, row)?.add_column(row)
    })?;
    for reflected in &mut tables {
        reflected.finish_key();
    }
    each(connection, INDEXES, &mut |row| {
        add_index_column(&mut find(&mut tables, row)?.table, row)
    })?;
    each(connection, FOREIGN_KEYS, &mut |row| {
        add_foreign_key_column(&mut find(&mut tables, row)?.table, row)
    })?;
    let mut tables: Vec<Table> = tables.into_iter().map(|found| found.table).collect();
    point_at_keys(&mut tables);
    Ok(tables)
}

/// Every query begins with the tables that count.
const LISTED: &str = "WITH listed AS (SELECT l.name, s.sql FROM pragma_table_list l \
    JOIN sqlite_schema s ON s.type = 'table' AND s.name = l.name \
    WHERE l.schema = 'main' AND l.type = 'table' AND substr(l.name, 1, 7) <> 'sqlite_') ";

/// A key that has no index of its own is the rowid, if its column is one and an INTEGER.
const TABLES: &str = "SELECT listed.name, \
    NOT EXISTS (SELECT 1 FROM pragma_index_list(listed.name) WHERE origin = 'pk'), listed.sql \
    FROM listed ORDER BY listed.name";

const COLUMNS: &str = "SELECT listed.name, c.name, c.type, c.\"notnull\", c.dflt_value, c.pk, c.hidden > 1 \
    FROM listed, pragma_table_xinfo(listed.name) c WHERE c.hidden <> 1 ORDER BY listed.name, c.cid";

/// The oldest first; SQLite lists the youngest first.
const INDEXES: &str = "SELECT listed.name, i.name, i.\"unique\", c.seqno, c.name \
    FROM listed, pragma_index_list(listed.name) i, pragma_index_info(i.name) c \
    WHERE i.origin <> 'pk' AND NOT i.partial \
    AND NOT EXISTS (SELECT 1 FROM pragma_index_info(i.name) e WHERE e.name IS NULL) \
    ORDER BY listed.name, i.seq DESC, c.seqno";

/// The first of the table first; SQLite lists the last first.
const FOREIGN_KEYS: &str = "SELECT listed.name, f.seq, f.\"table\", f.\"from\", f.\"to\", f.on_delete, f.on_update \
    FROM listed, pragma_foreign_key_list(listed.name) f ORDER BY listed.name, f.id DESC, f.seq";

struct Reflected {
    table: Table,
    /// The key's columns: place in the key, position in the table.
    key: Vec<(i64, usize)>,
    key_is_rowid: bool,
    never_reuses: bool,
    /// The text of its CREATE TABLE.
    definition: String,
}

impl Reflected {
    fn add_column(&mut self, row: &dyn Row) -> Result<()> {
        let declared: String = get(row, 2)?;
        let place_in_key: i64 = get(row, 5)?;
        let mut column = Column::new(get::<String>(row, 1)?, types::reflected(&declared));
        column.nullable = !get::<bool>(row, 3)? && place_in_key == 0;
        if let Some(expression) = get::<Option<String>>(row, 4)? {
            column.generated = Generated::Default(default_clause(expression));
        }
        if get(row, 6)?
            && let Some(expression) = computed::expression(&self.definition, &column.name)
        {
            column.generated = Generated::Computed(expression);
        }
        if place_in_key > 0 {
            self.key.push((place_in_key, self.table.columns.len()));
            self.key_is_rowid &= declared.eq_ignore_ascii_case("INTEGER");
        }
        self.table.columns.push(column);
        Ok(())
    }

    fn finish_key(&mut self) {
        self.key.sort_unstable();
        self.table.primary_key = self.key.iter().map(|&(_, position)| position).collect();
        if let (true, [only]) = (self.key_is_rowid, &self.table.primary_key[..]) {
            self.table.columns[*only].generated = match self.never_reuses {
                true => Generated::KeyNeverReused,
                false => Generated::Key,
            };
        }
    }
}

/// The table that a row is about: its first column.
fn find<'t>(tables: &'t mut [Reflected], row: &dyn Row) -> Result<&'t mut Reflected> {
    let name: String = get(row, 0)?;
    match tables.binary_search_by(|found| found.table.name.cmp(&name)) {
        Ok(position) => Ok(&mut tables[position]),
        Err(_) => Err(Error::new(
            ErrorKind::Serialization,
            "the schema changed while it was read",
        )
        .entity(name)),
    }
}

fn add_index_column(table: &mut Table, row: &dyn Row) -> Result<()> {
    let unique: bool = get(row, 2)?;
    let name: String = get(row, 1)?;
    let indexes = if unique {
        &mut table.uniques
    } else {
        &mut table.indexes
    };
    if get::<i64>(row, 3)? == 0 {
        indexes.push(Index {
            // A UNIQUE constraint and a unique index are one to us, and SQLite does not tell the constraint's name.
            name: (!unique).then_some(name),
            columns: Vec::new(),
        });
    }
    if let Some(index) = indexes.last_mut() {
        index.columns.push(get(row, 4)?);
    }
    Ok(())
}

fn add_foreign_key_column(table: &mut Table, row: &dyn Row) -> Result<()> {
    if get::<i64>(row, 1)? == 0 {
        table.foreign_keys.push(ForeignKey {
            name: None,
            columns: Vec::new(),
            table: get(row, 2)?,
            references: Vec::new(),
            on_delete: action(&get::<String>(row, 5)?)?,
            on_update: action(&get::<String>(row, 6)?)?,
        });
    }
    if let Some(key) = table.foreign_keys.last_mut() {
        key.columns.push(get(row, 3)?);
        key.references.extend(get::<Option<String>>(row, 4)?);
    }
    Ok(())
}

/// Foreign keys that name no columns refer to the other table's key.
fn point_at_keys(tables: &mut [Table]) {
    let keys: Vec<(String, Vec<String>)> = tables
        .iter()
        .map(|table| {
            let key = table.key_columns().map(|column| column.name.clone());
            (table.name.clone(), key.collect())
        })
        .collect();
    let pointless = tables
        .iter_mut()
        .flat_map(|table| &mut table.foreign_keys)
        .filter(|key| key.references.is_empty());
    for foreign_key in pointless {
        let of = |(name, _): &&(String, _)| name.eq_ignore_ascii_case(&foreign_key.table);
        if let Some((_, key)) = keys.iter().find(of) {
            foreign_key.references.clone_from(key);
        }
    }
}

fn action(text: &str) -> Result<ReferentialAction> {
    match text {
        "NO ACTION" => Ok(ReferentialAction::NoAction),
        "RESTRICT" => Ok(ReferentialAction::Restrict),
        "CASCADE" => Ok(ReferentialAction::Cascade),
        "SET NULL" => Ok(ReferentialAction::SetNull),
        other => Err(Error::unsupported("reflection", other)),
    }
}

/// An expression as it may stand behind DEFAULT: anything but a literal needs parentheses, which SQLite does not keep.
fn default_clause(expression: String) -> String {
    let is_word = |text: &str| {
        text.bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.'))
    };
    let number = expression.strip_prefix(['-', '+']).unwrap_or(&expression);
    let quoted = expression
        .strip_prefix(['x', 'X'])
        .unwrap_or(&expression)
        .strip_prefix('\'')
        .and_then(|rest| rest.strip_suffix('\''));
    let is_literal =
        is_word(number) || quoted.is_some_and(|text| !text.replace("''", "").contains('\''));
    if is_literal {
        return expression;
    }
    format!("({expression})")
}

fn says_autoincrement(definition: &str) -> bool {
    definition
        .split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .any(|word| word.eq_ignore_ascii_case("AUTOINCREMENT"))
}

fn each(
    connection: &mut dyn Connection,
    query: &str,
    sink: &mut dyn FnMut(&dyn Row) -> Result<()>,
) -> Result<()> {
    let sql = Sql::new(StatementKind::Select, format!("{LISTED}{query}"), [], []);
    connection.query(&Statement::new(&sql, &[]), sink)
}

fn get<T: ColumnValue>(row: &dyn Row, index: usize) -> Result<T> {
    T::from_value(row.value(index, T::TYPE)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_literals_go_without_parentheses() {
        for text in ["1", "-1.5", "NULL", "CURRENT_TIMESTAMP", "'it''s'", "x'00'"] {
            assert_eq!(default_clause(text.to_owned()), text);
        }
        for text in ["datetime('now')", "'a' || 'b'", "1 + 1", "- -1"] {
            assert_eq!(default_clause(text.to_owned()), format!("({text})"));
        }
    }
}
