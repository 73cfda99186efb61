//! Reads the tables of a database.
//!
//! CHECK constraints, collations and the names of constraints are read from the text of the definition. Properties that a [`Table`]
//! cannot express become remarks of the table.

mod definition;
mod references;

use selfsame::backend::{Connection, Row, Sql, Statement, StatementKind};
use selfsame::schema::{
    Column, ColumnType, ForeignKey, Generated, Index, ReferentialAction, Table,
};
use selfsame::value::ColumnValue;
use selfsame::{Error, ErrorKind, Result};

use crate::types;
use definition::{Definition, name_of};

/// Returns the tables and views of these databases by name, without internal ones and the shadow tables of virtual tables; `None` is the main database, whose tables
/// have no schema name.
pub(crate) fn reflect(
    connection: &mut dyn Connection,
    schemas: &[Option<String>],
) -> Result<Vec<Table>> {
    let mut attached: Vec<String> = Vec::new();
    each(
        connection,
        "SELECT name FROM pragma_database_list",
        &mut |row| {
            attached.push(get(row, 0)?);
            Ok(())
        },
    )?;
    let is_there = |schema: &&Option<String>| {
        let name = schema.as_deref();
        name.is_none_or(|name| attached.iter().any(|known| known == name))
    };
    let mut tables = Vec::new();
    for schema in schemas.iter().filter(is_there) {
        let found = reflect_one(connection, schema.as_deref().unwrap_or("main"))?;
        tables.extend(found.into_iter().map(|table| match schema {
            Some(schema) => in_schema(table, schema),
            None => table,
        }));
    }
    Ok(tables)
}

/// Foreign keys reference tables of the same database.
fn in_schema(table: Table, schema: &str) -> Table {
    let mut table = table.in_schema(schema);
    for key in &mut table.foreign_keys {
        key.table = format!("{schema}.{}", key.table);
        key.schema = Some(schema.to_owned());
    }
    table
}

/// Returns the tables that have foreign keys to this one, with these.
pub(crate) fn referring_tables(
    connection: &mut dyn Connection,
    table: &Table,
) -> Result<Vec<Table>> {
    let schema = table.schema.as_deref().unwrap_or("main");
    let name = format!("'{}'", table.local_name().replace('\'', "''"));
    let query = within(schema, REFERRING).replace("(referred)", &name);
    let mut tables: Vec<Table> = Vec::new();
    each(connection, &query, &mut |row| {
        let name: String = get(row, 0)?;
        if tables.last().is_none_or(|last| last.name != name) {
            tables.push(Table::build(name));
        }
        let last = tables.last_mut();
        last.map_or(Ok(()), |found| add_foreign_key_column(found, row))
    })?;
    for key in tables.iter_mut().flat_map(|found| &mut found.foreign_keys) {
        if key.references.is_empty() {
            let columns = table.key_columns();
            key.references = columns.map(|column| column.name.clone()).collect();
        }
    }
    Ok(match &table.schema {
        Some(schema) => tables
            .into_iter()
            .map(|found| in_schema(found, schema))
            .collect(),
        None => tables,
    })
}

/// Like `FOREIGN_KEYS`.
const REFERRING: &str = "SELECT s.name, f.seq, f.\"table\", f.\"from\", f.\"to\", f.on_delete, f.on_update \
    FROM (SELECT name FROM sqlite_schema WHERE type = 'table') s, pragma_foreign_key_list(s.name, 'main') f \
    WHERE f.\"table\" = (referred) COLLATE NOCASE ORDER BY s.name, f.id DESC, f.seq";

/// Returns the databases that have tables, with the number of tables.
pub(crate) fn schemas(connection: &mut dyn Connection) -> Result<Vec<(String, u64)>> {
    let sql = Sql::new(StatementKind::Select, SCHEMAS, [], []);
    let mut found = Vec::new();
    connection.query(&Statement::new(&sql, &[]), &mut |row| {
        let tables: i64 = get(row, 1)?;
        found.push((get(row, 0)?, tables.unsigned_abs()));
        Ok(())
    })?;
    Ok(found)
}

const SCHEMAS: &str = "SELECT schema, count(*) FROM pragma_table_list \
    WHERE type = 'table' AND substr(name, 1, 7) <> 'sqlite_' GROUP BY schema ORDER BY schema";

fn reflect_one(connection: &mut dyn Connection, schema: &str) -> Result<Vec<Table>> {
    let each = |connection: &mut dyn Connection, query: &str, sink: &mut Sink<'_>| {
        each(
            connection,
            &within(schema, &format!("{LISTED}{query}")),
            sink,
        )
    };
    let mut tables: Vec<Reflected> = Vec::new();
    each(connection, TABLES, &mut |row| {
        let definition: String = get(row, 2)?;
        let mut table = Table::build(get::<String>(row, 0)?);
        if get(row, 3)? {
            table.remarks.push("It is STRICT.".into());
        }
        if get(row, 4)? {
            table.remarks.push("It is WITHOUT ROWID.".into());
        }
        if contains_keyword(&definition, "DEFERRABLE") {
            let remark = "It has constraints that wait for COMMIT (DEFERRABLE).";
            table.remarks.push(remark.into());
        }
        if contains_keyword(&definition, "CONFLICT") {
            let remark =
                "What breaks its constraints may do something else than fail (ON CONFLICT).";
            table.remarks.push(remark.into());
        }
        let never_reuses = contains_keyword(&definition, "AUTOINCREMENT");
        let definition = Definition::of(&definition);
        table.checks.clone_from(&definition.checks);
        tables.push(Reflected {
            table,
            key: Vec::new(),
            key_is_rowid: get(row, 1)?,
            never_reuses,
            definition,
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
    for reflected in &mut tables {
        reflected.name_uniques();
    }
    each(connection, OTHER_INDEXES, &mut |row| {
        let definition: String = get(row, 1)?;
        let definition = definition.trim_end();
        let remark = match get(row, 2)? {
            true => format!("Only partly here: {definition}."),
            false => format!("Not here: {definition}."),
        };
        find(&mut tables, row)?.table.remarks.push(remark);
        Ok(())
    })?;
    each(connection, FOREIGN_KEYS, &mut |row| {
        add_foreign_key_column(&mut find(&mut tables, row)?.table, row)
    })?;
    for reflected in &mut tables {
        reflected.name_foreign_keys();
    }
    let mut tables: Vec<Table> = tables.into_iter().map(|found| found.table).collect();
    references::resolve(&mut tables);
    tables.append(&mut views(connection, schema)?);
    tables.sort_by(|a, b| a.name.cmp(&b.name));
    each(connection, TRIGGERS, &mut |row| {
        let name: String = get(row, 0)?;
        let is_of = |table: &&mut Table| table.name.eq_ignore_ascii_case(&name);
        if let Some(table) = tables.iter_mut().find(is_of) {
            let remark = format!("It has triggers: {}.", get::<String>(row, 1)?);
            table.remarks.push(remark);
        }
        Ok(())
    })?;
    Ok(tables)
}

/// Reads views and virtual tables one by one, because one with an invalid definition cannot be read.
fn views(connection: &mut dyn Connection, schema: &str) -> Result<Vec<Table>> {
    let mut views = Vec::new();
    each(connection, &within(schema, VIEWS), &mut |row| {
        let mut view = Table::build(get::<String>(row, 0)?).view();
        if get(row, 1)? {
            let definition: String = get(row, 2)?;
            view.remarks
                .push(format!("It is a virtual table: {definition}."));
        }
        views.push(view);
        Ok(())
    })?;
    for view in &mut views {
        let literal = format!("'{}'", view.name.replace('\'', "''"));
        let query = VIEW_COLUMNS.replace("(listed.name)", &format!("({literal}, 'main')"));
        let mut columns = Vec::new();
        let read = each(connection, &within(schema, &query), &mut |row| {
            let declared: String = get(row, 1)?;
            let ty = types::reflected(&declared);
            columns.push(Column::new(get::<String>(row, 0)?, ty).nullable());
            Ok(())
        });
        match read {
            Ok(()) => view.columns = columns,
            Err(error) => {
                let about = error.entity_name().map(|name| format!("{name}: "));
                let about = about.unwrap_or_default();
                let remark = format!("Its columns cannot be read: {about}{}.", error.message());
                view.remarks.push(remark);
            }
        }
    }
    Ok(views)
}

/// Rewrites a query about the main database for another one.
fn within(schema: &str, query: &str) -> String {
    if schema == "main" {
        return query.to_owned();
    }
    let literal = format!("'{}'", schema.replace('\'', "''"));
    let quoted = format!("\"{}\"", schema.replace('"', "\"\""));
    query
        .replace("'main'", &literal)
        .replace("sqlite_schema", &format!("{quoted}.sqlite_schema"))
        .replace("(listed.name)", &format!("(listed.name, {literal})"))
        .replace("(i.name)", &format!("(i.name, {literal})"))
}

/// Every query starts with the relevant tables.
const LISTED: &str = "WITH listed AS (SELECT l.name, s.sql, l.strict, l.wr FROM pragma_table_list l \
    JOIN sqlite_schema s ON s.type = 'table' AND s.name = l.name \
    WHERE l.schema = 'main' AND l.type = 'table' AND substr(l.name, 1, 7) <> 'sqlite_') ";

const VIEWS: &str = "SELECT l.name, l.type = 'virtual', s.sql FROM pragma_table_list l \
    JOIN sqlite_schema s ON s.type IN ('view', 'table') AND s.name = l.name \
    WHERE l.schema = 'main' AND l.type IN ('view', 'virtual') AND substr(l.name, 1, 7) <> 'sqlite_' ORDER BY l.name";

const TRIGGERS: &str = "SELECT tbl_name, group_concat(name, ', ') FROM \
    (SELECT tbl_name, name FROM sqlite_schema WHERE type = 'trigger' ORDER BY name) GROUP BY lower(tbl_name)";

const VIEW_COLUMNS: &str = "SELECT c.name, c.type FROM pragma_table_xinfo(listed.name) c WHERE c.hidden <> 1 ORDER BY c.cid";

/// A primary key without an index is the rowid, if it is a single INTEGER column.
const TABLES: &str = "SELECT listed.name, \
    NOT EXISTS (SELECT 1 FROM pragma_index_list(listed.name) WHERE origin = 'pk'), listed.sql, \
    listed.strict, listed.wr FROM listed ORDER BY listed.name";

const COLUMNS: &str = "SELECT listed.name, c.name, c.type, c.\"notnull\", c.dflt_value, c.pk, c.hidden > 1 \
    FROM listed, pragma_table_xinfo(listed.name) c WHERE c.hidden <> 1 ORDER BY listed.name, c.cid";

/// Oldest first: SQLite lists the newest first.
const INDEXES: &str = "SELECT listed.name, i.name, i.\"unique\", c.seqno, c.name, i.origin = 'c' \
    FROM listed, pragma_index_list(listed.name) i, pragma_index_info(i.name) c \
    WHERE i.origin <> 'pk' AND NOT i.partial \
    AND NOT EXISTS (SELECT 1 FROM pragma_index_info(i.name) e WHERE e.name IS NULL) \
    ORDER BY listed.name, i.seq DESC, c.seqno";

/// Indexes with more than columns: partial, over an expression, descending, or with another collation than the column's, as named in
/// the text of the index.
const OTHER_INDEXES: &str = "SELECT listed.name, s.sql, NOT i.partial \
    AND NOT EXISTS (SELECT 1 FROM pragma_index_info(i.name) e WHERE e.name IS NULL) \
    FROM listed, pragma_index_list(listed.name) i JOIN sqlite_schema s ON s.type = 'index' AND s.name = i.name \
    WHERE s.sql IS NOT NULL AND (i.partial OR EXISTS (SELECT 1 FROM pragma_index_xinfo(i.name) x \
        WHERE x.key AND (x.name IS NULL OR x.\"desc\")) OR upper(s.sql) LIKE '% COLLATE %') \
    ORDER BY listed.name, i.seq DESC";

/// In the order of the table: SQLite lists them in reverse.
const FOREIGN_KEYS: &str = "SELECT listed.name, f.seq, f.\"table\", f.\"from\", f.\"to\", f.on_delete, f.on_update \
    FROM listed, pragma_foreign_key_list(listed.name) f ORDER BY listed.name, f.id DESC, f.seq";

struct Reflected {
    table: Table,
    /// The key's columns: the position in the key, and the position in the table.
    key: Vec<(i64, usize)>,
    key_is_rowid: bool,
    never_reuses: bool,
    /// The parts of its CREATE TABLE that only the text contains.
    definition: Definition,
}

impl Reflected {
    fn add_column(&mut self, row: &dyn Row) -> Result<()> {
        let declared: String = get(row, 2)?;
        let place_in_key: i64 = get(row, 5)?;
        let mut column = Column::new(get::<String>(row, 1)?, types::reflected(&declared));
        column.nullable = !get::<bool>(row, 3)? && place_in_key == 0;
        let default: Option<String> = get(row, 4)?;
        if let Some(expression) = default.filter(|text| !text.eq_ignore_ascii_case("NULL")) {
            column.generated = Generated::Default(default_clause(expression));
        }
        let said = self.definition.column(&column.name);
        if get(row, 6)?
            && let Some(expression) = said.and_then(|said| said.computed.clone())
        {
            column.generated = Generated::Computed(expression);
        }
        let is_own = |collation: &&String| {
            let is_decimal = matches!(column.ty, ColumnType::Decimal { .. });
            collation.eq_ignore_ascii_case("BINARY")
                || is_decimal && collation.eq_ignore_ascii_case("decimal")
        };
        let collation = said.and_then(|said| said.collation.as_ref());
        if let Some(collation) = collation.filter(|name| !is_own(name)) {
            let remark = format!("Its collation is {collation}.");
            column.remarks.push(remark);
        }
        if types::is_float_of_digits(&declared) {
            column.remarks.push(format!(
                "It is declared {declared}, which SQLite stores as a 64-bit float: a `Decimal` needs a column of text (`DECIMAL TEXT COLLATE decimal`)."
            ));
        }
        if place_in_key > 0 {
            self.key.push((place_in_key, self.table.columns.len()));
            self.key_is_rowid &= declared.eq_ignore_ascii_case("INTEGER");
        }
        self.table.columns.push(column);
        Ok(())
    }

    /// The index of a constraint has an internal name.
    fn name_uniques(&mut self) {
        for unique in &mut self.table.uniques {
            if unique.name.is_none() {
                unique.name = name_of(&self.definition.uniques, &unique.columns);
            }
        }
    }

    fn name_foreign_keys(&mut self) {
        for key in &mut self.table.foreign_keys {
            key.name = name_of(&self.definition.foreign_keys, &key.columns);
        }
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

/// Returns the table of a row, by its first column.
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
            name: get::<bool>(row, 5)?.then_some(name),
            ..Index::default()
        });
    }
    if let Some(index) = indexes.last_mut() {
        index.columns.push(get(row, 4)?);
    }
    Ok(())
}

fn add_foreign_key_column(table: &mut Table, row: &dyn Row) -> Result<()> {
    if get::<i64>(row, 1)? == 0 {
        let mut act = |when: &str, text: String| {
            action(&text).unwrap_or_else(|| {
                let remark = format!("A foreign key does something unknown ON {when}: {text}.");
                table.remarks.push(remark);
                ReferentialAction::NoAction
            })
        };
        let (on_delete, on_update) = (act("DELETE", get(row, 5)?), act("UPDATE", get(row, 6)?));
        table.foreign_keys.push(ForeignKey {
            name: None,
            columns: Vec::new(),
            table: get(row, 2)?,
            schema: None,
            references: Vec::new(),
            on_delete,
            on_update,
        });
    }
    if let Some(key) = table.foreign_keys.last_mut() {
        key.columns.push(get(row, 3)?);
        key.references.extend(get::<Option<String>>(row, 4)?);
    }
    Ok(())
}

fn action(text: &str) -> Option<ReferentialAction> {
    Some(match text {
        "NO ACTION" => ReferentialAction::NoAction,
        "RESTRICT" => ReferentialAction::Restrict,
        "CASCADE" => ReferentialAction::Cascade,
        "SET NULL" => ReferentialAction::SetNull,
        "SET DEFAULT" => ReferentialAction::SetDefault,
        _ => return None,
    })
}

/// Formats an expression for DEFAULT: anything except a literal needs parentheses, which SQLite does not keep.
fn default_clause(expression: String) -> String {
    let is_word = |text: &str| {
        text.bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.'))
    };
    // SQLite reads a double-quoted name that does not exist as a string, and a DEFAULT cannot refer to columns.
    if let Some(text) = expression
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .filter(|text| !text.replace("\"\"", "").contains('"'))
    {
        let text = text.replace("\"\"", "\"").replace('\'', "''");
        return format!("'{text}'");
    }
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

/// Returns whether a keyword occurs in a CREATE TABLE.
fn contains_keyword(definition: &str, wanted: &str) -> bool {
    definition
        .split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .any(|word| word.eq_ignore_ascii_case(wanted))
}

type Sink<'s> = dyn FnMut(&dyn Row) -> Result<()> + 's;

fn each(connection: &mut dyn Connection, query: &str, sink: &mut Sink<'_>) -> Result<()> {
    let sql = Sql::new(StatementKind::Select, query, [], []);
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
        for (text, literal) in [(r#""x""#, "'x'"), (r#""it's ""so""""#, r#"'it''s "so"'"#)] {
            assert_eq!(default_clause(text.to_owned()), literal);
        }
        for text in ["datetime('now')", "'a' || 'b'", "1 + 1", "- -1"] {
            assert_eq!(default_clause(text.to_owned()), format!("({text})"));
        }
    }
}
