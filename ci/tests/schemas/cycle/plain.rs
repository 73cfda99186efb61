//! The database without the mapper: its rows as text, and what plain SQL would make of them.

use std::collections::BTreeMap;

use selfsame::prelude::*;
use selfsame::schema::{Table, TableKind};

/// A row as the database writes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row {
    /// The condition that finds it: `"id" = '1'`.
    pub(super) is: String,
    text: String,
}

/// Every row of every table, as the database returns them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Dump(BTreeMap<String, Vec<Row>>);

impl Dump {
    pub(super) fn rows(&self, table: &str) -> &[Row] {
        self.0.get(table).map_or(&[], Vec::as_slice)
    }

    /// What another dump has otherwise: `- table: row` is only here, `+ table: row` only there. The order of rows is nothing.
    pub(super) fn differences(&self, other: &Self) -> Vec<String> {
        let texts = |dump: &Self| -> Vec<String> {
            let rows = dump.0.iter();
            rows.flat_map(|(table, rows)| {
                rows.iter().map(move |row| format!("{table}: {}", row.text))
            })
            .collect()
        };
        let (here, mut there) = (texts(self), texts(other));
        let mut lines = Vec::new();
        for text in here {
            match there.iter().position(|it| *it == text) {
                Some(at) => drop(there.swap_remove(at)),
                None => lines.push(format!("- {text}")),
            }
        }
        lines.extend(there.into_iter().map(|text| format!("+ {text}")));
        lines
    }
}

/// The tables of a database. What is unique is the key of one that has no other, as for the entities that are written for it.
pub(super) fn tables(engine: &Engine) -> selfsame::Result<Vec<Table>> {
    let mut tables = engine.connect()?.reflect()?;
    tables.retain(|table| table.kind == TableKind::Table);
    for table in &mut tables {
        if let (true, Some(unique)) = (table.primary_key.is_empty(), table.uniques.first()) {
            let columns = unique.columns.iter();
            table.primary_key = columns.filter_map(|it| table.position(it)).collect();
        }
    }
    Ok(tables)
}

/// A database and its tables.
pub(super) struct Plain {
    engine: Engine,
    tables: Vec<Table>,
    dump: String,
}

impl Plain {
    pub(super) fn of(engine: &Engine, moving: &[(&str, &str)]) -> selfsame::Result<Self> {
        let mut plain = Self {
            engine: engine.clone(),
            tables: tables(engine)?,
            dump: String::new(),
        };
        let selects: Vec<String> = plain
            .tables
            .iter()
            .filter(|table| !table.columns.is_empty())
            .map(|table| plain.select(table, moving))
            .collect();
        plain.dump = selects.join(" UNION ALL ");
        Ok(plain)
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(super) fn dump(&self, session: &mut Session) -> selfsame::Result<Dump> {
        let mut tables: BTreeMap<String, Vec<Row>> = BTreeMap::new();
        let rows: Vec<(String, String, String)> = session.sql(self.dump.clone(), ()).all()?;
        for (table, is, text) in rows {
            tables.entry(table).or_default().push(Row { is, text });
        }
        Ok(Dump(tables))
    }

    /// What the statements would make of the database; the error of the one that is refused.
    pub(super) fn would(&self, statements: &[String]) -> selfsame::Result<Dump> {
        let mut session = Session::new(&self.engine);
        for statement in statements {
            session.sql(statement.clone(), ()).execute()?;
        }
        self.settle(&mut session)?;
        self.dump(&mut session)
    }

    /// Checks what is deferred until the commit.
    pub(super) fn settle(&self, session: &mut Session) -> selfsame::Result<()> {
        match self.engine.dialect().name() {
            "postgres" => session
                .sql("SET CONSTRAINTS ALL IMMEDIATE", ())
                .execute()
                .map(drop),
            "sqlite" => {
                let sql = "SELECT count(*) FROM pragma_foreign_key_check";
                // Where a foreign key leads nowhere, SQLite cannot tell.
                match session.sql(sql, ()).one::<i64>() {
                    Ok(1..) => {
                        let kind = selfsame::ErrorKind::ForeignKeyViolation;
                        Err(selfsame::Error::new(kind, "a deferred foreign key"))
                    }
                    _ => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    pub(super) fn update<'s>(
        &self,
        table: &Table,
        values: impl Iterator<Item = (&'s str, &'s String)>,
        is: &str,
    ) -> String {
        let set: Vec<String> = values
            .map(|(name, value)| format!("{} = {value}", self.quote(name)))
            .collect();
        format!(
            "UPDATE {} SET {} WHERE {is}",
            self.name(table),
            set.join(", ")
        )
    }

    pub(super) fn delete(&self, table: &Table, is: &str) -> String {
        format!("DELETE FROM {} WHERE {is}", self.name(table))
    }

    /// The value of a column of another row. In a FROM of its own, as MariaDB wants it.
    pub(super) fn of_row(&self, table: &Table, column: usize, is: &str) -> String {
        let column = self.quote(&table.columns[column].name);
        format!(
            "(SELECT it FROM (SELECT {column} AS it FROM {} WHERE {is}) AS other)",
            self.name(table)
        )
    }

    /// Statements that let those go that refer to a row: NULL where it may be, and no pair where a table holds nothing else.
    pub(super) fn released(&self, table: &Table, is: &str) -> Vec<String> {
        let mut statements = Vec::new();
        for other in &self.tables {
            for key in other
                .foreign_keys
                .iter()
                .filter(|key| key.table == table.name)
            {
                let quoted = |names: &[String]| -> Vec<String> {
                    names.iter().map(|name| self.quote(name)).collect()
                };
                let columns = quoted(&key.columns);
                let refers = format!(
                    "({}) IN (SELECT * FROM (SELECT {} FROM {} WHERE {is}) AS gone)",
                    columns.join(", "),
                    quoted(&key.references).join(", "),
                    self.name(table)
                );
                let is_pair =
                    other.foreign_keys.len() == 2 && other.primary_key.len() == other.columns.len();
                // A column of another foreign key is left to that one.
                let is_nullable = |name: &String| {
                    let at = other.position(name).expect("a column");
                    let keys = other.foreign_keys.iter();
                    other.columns[at].nullable
                        && keys.filter(|key| key.columns.contains(name)).count() == 1
                };
                if is_pair {
                    statements.push(format!("DELETE FROM {} WHERE {refers}", self.name(other)));
                } else if key.columns.iter().any(is_nullable) {
                    let nulls = key.columns.iter().filter(|name| is_nullable(name));
                    let nulls: Vec<String> = nulls
                        .map(|name| format!("{} = NULL", self.quote(name)))
                        .collect();
                    let name = self.name(other);
                    statements.push(format!(
                        "UPDATE {name} SET {} WHERE {refers}",
                        nulls.join(", ")
                    ));
                }
            }
        }
        statements
    }

    /// Selects a table's name, and of each row the condition and the text.
    fn select(&self, table: &Table, moving: &[(&str, &str)]) -> String {
        let name = table.name.replace('\'', "''");
        let is_moving = |column: &str| moving.contains(&(&*table.name, column));
        let columns = table.columns.iter().map(|column| column.name.as_str());
        let still: Vec<String> = columns
            .filter(|column| !is_moving(column))
            .map(|column| self.quote(column))
            .collect();
        let key = table.key_columns().map(|column| self.quote(&column.name));
        let (conditions, text): (Vec<String>, String) = match self.engine.dialect().name() {
            "postgres" => (
                key.map(|key| format!("'{} = ' || quote_literal({key}::text)", escaped(&key)))
                    .collect(),
                format!("ROW({})::text", still.join(", ")),
            ),
            "sqlite" => (
                key.map(|key| format!("'{} IS ' || quote({key})", escaped(&key)))
                    .collect(),
                quoted_all(&still),
            ),
            _ => (
                key.map(|key| format!("'{} = ', QUOTE({key})", escaped(&key)))
                    .collect(),
                format!(
                    "CONCAT_WS(',', {})",
                    still
                        .iter()
                        .map(|it| format!("COALESCE(HEX(CONCAT({it}, '')), '-')"))
                        .collect::<Vec<_>>()
                        .join(", ")
                ),
            ),
        };
        let condition = match (self.engine.dialect().name(), conditions.is_empty()) {
            (_, true) => "''".to_owned(),
            ("postgres" | "sqlite", _) => conditions.join(" || ' AND ' || "),
            _ => format!("CONCAT({})", conditions.join(", ' AND ', ")),
        };
        format!(
            "SELECT '{name}', {condition}, {text} FROM {}",
            self.name(table)
        )
    }

    fn name(&self, table: &Table) -> String {
        match &table.schema {
            Some(schema) => format!("{}.{}", self.quote(schema), self.quote(table.local_name())),
            None => self.quote(&table.name),
        }
    }

    fn quote(&self, name: &str) -> String {
        let mut quoted = String::new();
        self.engine.dialect().quote(name, &mut quoted);
        quoted
    }
}

/// A name inside of a text literal.
fn escaped(name: &str) -> String {
    name.replace('\'', "''")
}

/// SQLite: the literals of columns, joined in a tree, as an expression has a greatest depth.
fn quoted_all(columns: &[String]) -> String {
    match columns {
        [] => "''".to_owned(),
        [column] => format!("quote({column})"),
        _ => {
            let (left, right) = columns.split_at(columns.len() / 2);
            format!("({} || ',' || {})", quoted_all(left), quoted_all(right))
        }
    }
}
