//! Reflects tables from the information schema.

mod expression;
mod indexes;
pub(crate) mod types;

use std::collections::{HashMap, HashSet};

use selfsame::backend::{Connection, Row, Sql, Statement, StatementKind};
use selfsame::error::{Error, ErrorKind, Result};
use selfsame::schema::{
    Check, Column, ColumnType, ForeignKey, Generated, ReferentialAction, Table,
};
use selfsame::value::{ColumnValue, Param, ValueRef, ValueType};

use crate::flavor::Flavor;
use indexes::{Reported, leave_out_indexes_of_keys};

const TABLES: &str = "SELECT table_name, table_type = 'VIEW', table_comment, engine, table_type = 'SYSTEM VERSIONED', \
    coalesce(create_options LIKE '%partitioned%', FALSE), \
    engine NOT IN (SELECT engine FROM information_schema.engines WHERE transactions = 'YES') FROM information_schema.tables \
    WHERE table_schema = ? AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED', 'VIEW') ORDER BY table_name";

const COLUMNS: &str = "SELECT table_name, column_name, column_type, is_nullable = 'YES', column_default, extra, \
    nullif(generation_expression, ''), collation_name, column_comment FROM information_schema.columns WHERE table_schema = ? ORDER BY table_name, ordinal_position";

const INDEXES: &str = "SELECT table_name, index_name, seq_in_index = 1, non_unique, column_name, sub_part, index_type, coalesce(collation = 'D', FALSE) \
    FROM information_schema.statistics WHERE table_schema = ? ORDER BY table_name, index_name = 'PRIMARY' DESC, index_name, seq_in_index";

const FOREIGN_KEYS: &str = "SELECT k.table_name, k.constraint_name, k.ordinal_position = 1, k.column_name, k.referenced_table_schema, \
    k.referenced_table_name, k.referenced_column_name, r.delete_rule, r.update_rule \
    FROM information_schema.key_column_usage k JOIN information_schema.referential_constraints r \
    ON r.constraint_schema = k.constraint_schema AND r.constraint_name = k.constraint_name AND r.table_name = k.table_name \
    WHERE k.table_schema = ? AND k.referenced_table_name IS NOT NULL ORDER BY k.table_name, k.constraint_name, k.ordinal_position";

const REFERRING: &str = "SELECT k.table_schema, k.table_name, k.constraint_name, k.ordinal_position = 1, k.column_name, \
    k.referenced_column_name, r.delete_rule, r.update_rule \
    FROM information_schema.key_column_usage k JOIN information_schema.referential_constraints r \
    ON r.constraint_schema = k.constraint_schema AND r.constraint_name = k.constraint_name AND r.table_name = k.table_name \
    WHERE k.referenced_table_schema = ? AND k.referenced_table_name = (name) \
    ORDER BY k.table_schema, k.table_name, k.constraint_name, k.ordinal_position";

const CHECKS: &str = "SELECT table_name, constraint_name, check_clause, level = 'Column' FROM information_schema.check_constraints \
    WHERE constraint_schema = ? ORDER BY table_name, constraint_name";

/// The same for MySQL, where JSON is a type of its own, and all CHECK constraints belong to their table.
const CHECKS_OF_MYSQL: &str = "SELECT t.table_name, c.constraint_name, c.check_clause, FALSE \
    FROM information_schema.check_constraints c JOIN information_schema.table_constraints t \
    ON t.constraint_schema = c.constraint_schema AND t.constraint_name = c.constraint_name AND t.constraint_type = 'CHECK' \
    WHERE c.constraint_schema = ? AND t.enforced = 'YES' ORDER BY t.table_name, c.constraint_name";

const TRIGGERS: &str = "SELECT event_object_table, group_concat(trigger_name ORDER BY trigger_name SEPARATOR ', ') \
    FROM information_schema.triggers WHERE event_object_schema = ? GROUP BY event_object_table";

const SCHEMAS: &str = "SELECT table_schema, COUNT(*) FROM information_schema.tables \
    WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('mysql', 'sys', 'performance_schema', 'information_schema') \
    GROUP BY table_schema ORDER BY table_schema";

/// Returns the tables of these databases; `None` is the current one.
pub(crate) fn reflect(
    connection: &mut dyn Connection,
    schemas: &[Option<String>],
    flavor: Flavor,
) -> Result<Vec<Table>> {
    let current = current(connection)?;
    let mut tables = Vec::new();
    for schema in schemas {
        let listed = Listed {
            current: &current,
            schemas,
            schema: schema.as_deref(),
            flavor,
        };
        tables.extend(listed.tables(connection)?);
    }
    keys_of_64_bits(&mut tables);
    leave_out_keys_of_other_labels(&mut tables);
    Ok(tables)
}

/// Removes foreign keys between columns that list labels in another order: the server compares their positions, so such a key pairs other
/// labels than those that are read.
fn leave_out_keys_of_other_labels(tables: &mut [Table]) {
    let mut labels: HashMap<(String, String), Vec<String>> = HashMap::new();
    for table in &*tables {
        for column in &table.columns {
            if let ColumnType::Other { name } = &column.ty
                && matches!(types::split(name).0, "enum" | "set")
            {
                let place = (table.name.clone(), column.name.clone());
                labels.insert(place, types::labels(name));
            }
        }
    }
    let of = |table: &str, column: &String| labels.get(&(table.to_owned(), column.clone()));
    for table in tables {
        let (name, remarks) = (&table.name, &mut table.remarks);
        table.foreign_keys.retain(|key| {
            let mut pairs = key.columns.iter().zip(&key.references);
            let differing = pairs.find(|(own, other)| {
                let labels = of(name, own).zip(of(&key.table, other));
                labels.is_some_and(|(own, other)| own.iter().zip(other).any(|(a, b)| a != b))
            });
            if let Some((column, _)) = differing {
                remarks.push(format!(
                    "Not here: the foreign key {} of {} to {}, whose labels are not those of {column}: the server compares their positions.",
                    key.name.as_deref().unwrap_or_default(),
                    key.columns.join(", "),
                    key.table,
                ));
            }
            differing.is_none()
        });
    }
}

/// Returns the tables of any database that have foreign keys to this one, with these alone. `name` is its name as a literal.
pub(crate) fn referring_tables(
    connection: &mut dyn Connection,
    table: &Table,
    name: &str,
) -> Result<Vec<Table>> {
    let query = REFERRING.replace("(name)", name);
    let mut tables: Vec<Table> = Vec::new();
    let current = current(connection)?;
    let schema = table.schema.as_ref().unwrap_or(&current);
    each(connection, &query, Some(schema), &mut |row| {
        if get(row, 3)? {
            let (schema, name): (String, String) = (get(row, 0)?, get(row, 1)?);
            let mut found = Table::build(name);
            if schema != current {
                found = found.in_schema(schema);
            }
            found.foreign_keys.push(ForeignKey {
                name: Some(get(row, 2)?),
                columns: Vec::new(),
                table: table.name.clone(),
                schema: table.schema.clone(),
                references: Vec::new(),
                on_delete: action(&get::<String>(row, 6)?),
                on_update: action(&get::<String>(row, 7)?),
            });
            tables.push(found);
        }
        let last = tables.last_mut();
        if let Some(key) = last.and_then(|found| found.foreign_keys.last_mut()) {
            key.columns.push(get(row, 4)?);
            key.references.push(get(row, 5)?);
        }
        Ok(())
    })?;
    Ok(tables)
}

/// Maps `bigint unsigned` to `I64` if the server generates it or if a foreign key references such a column, because generated keys fit; other
/// such columns may contain larger values.
fn keys_of_64_bits(tables: &mut [Table]) {
    let narrowed = |column: &mut Column| {
        let is_unsigned = (column.remarks.iter())
            .any(|it| it.starts_with("Its type is bigint") && it.contains(" unsigned"));
        if is_unsigned {
            column.ty = ColumnType::I64;
        }
        is_unsigned
    };
    // Each entry is a table and a column.
    let mut counted: HashSet<(String, String)> = HashSet::new();
    for table in &mut *tables {
        for column in &mut table.columns {
            if column.generated == Generated::Key && narrowed(column) {
                counted.insert((table.name.clone(), column.name.clone()));
            }
        }
    }
    loop {
        let known = counted.len();
        for table in &mut *tables {
            for key in &table.foreign_keys {
                for (column, reference) in key.columns.iter().zip(&key.references) {
                    let leads_there = counted.contains(&(key.table.clone(), reference.clone()));
                    let own = table.columns.iter_mut().find(|it| it.name == *column);
                    if leads_there && own.is_some_and(narrowed) {
                        counted.insert((table.name.clone(), column.clone()));
                    }
                }
            }
        }
        if counted.len() == known {
            return;
        }
    }
}

/// Returns the databases that have tables, with the number of tables.
pub(crate) fn schemas(connection: &mut dyn Connection) -> Result<Vec<(String, u64)>> {
    let mut schemas = Vec::new();
    each(connection, SCHEMAS, None, &mut |row| {
        let count: i64 = get(row, 1)?;
        schemas.push((get(row, 0)?, count.unsigned_abs()));
        Ok(())
    })?;
    Ok(schemas)
}

fn current(connection: &mut dyn Connection) -> Result<String> {
    let mut current = None;
    each(connection, "SELECT DATABASE()", None, &mut |row| {
        current = get(row, 0)?;
        Ok(())
    })?;
    current.ok_or_else(|| {
        let message = "no database is selected: name one in the URL";
        Error::new(ErrorKind::Configuration, message)
    })
}

/// One of the databases to read.
struct Listed<'a> {
    current: &'a str,
    schemas: &'a [Option<String>],
    schema: Option<&'a str>,
    flavor: Flavor,
}

impl Listed<'_> {
    fn tables(&self, connection: &mut dyn Connection) -> Result<Vec<Table>> {
        let place = self.schema.unwrap_or(self.current);
        let mut tables: Vec<Table> = Vec::new();
        each(connection, TABLES, Some(place), &mut |row| {
            let name: String = get(row, 0)?;
            let mut table = Table::build(self.named(self.schema, &name));
            table.schema = self.schema.map(str::to_owned);
            let (comment, engine): (String, Option<String>) = (get(row, 2)?, get(row, 3)?);
            if get(row, 1)? {
                table = table.view();
            } else {
                table.comment = Some(comment).filter(|comment| !comment.is_empty());
                // NULL for a table that cannot be opened.
                table.without_transactions = get::<Option<bool>>(row, 6)?.unwrap_or_default();
                if let Some(engine) = engine.filter(|engine| engine != "InnoDB") {
                    let lacks = match table.without_transactions {
                        true => "has no transactions and may have",
                        false => "may have",
                    };
                    let remark = format!("Its engine is {engine}, which {lacks} no foreign keys.");
                    table.remarks.push(remark);
                }
                if get(row, 4)? {
                    table.remarks.push(
                        "It is WITH SYSTEM VERSIONING: the server keeps earlier rows.".into(),
                    );
                }
                if get(row, 5)? {
                    table.remarks.push("It is partitioned.".into());
                }
            }
            tables.push(table);
            Ok(())
        })?;
        each(connection, TRIGGERS, Some(place), &mut |row| {
            if let Some(table) = self.find(&mut tables, row)? {
                let remark = format!("It has triggers: {}.", get::<String>(row, 1)?);
                table.remarks.push(remark);
            }
            Ok(())
        })?;
        let tables = &mut tables;
        // JSON is text with a CHECK constraint.
        let mut documents: HashSet<(String, String)> = HashSet::new();
        let mut checks: Vec<(String, Check)> = Vec::new();
        let query = match self.flavor {
            Flavor::MariaDb => CHECKS,
            Flavor::MySql => CHECKS_OF_MYSQL,
        };
        each(connection, query, Some(place), &mut |row| {
            let (table, name): (String, String) = (get(row, 0)?, get(row, 1)?);
            let condition = self.expression(get(row, 2)?);
            if get(row, 3)? && is_json(&condition, &name) {
                documents.insert((table, name));
                return Ok(());
            }
            let name = Some(name);
            checks.push((table, Check { name, condition }));
            Ok(())
        })?;
        // The columns by table.
        let mut hidden: HashMap<String, Vec<String>> = HashMap::new();
        each(connection, COLUMNS, Some(place), &mut |row| {
            let Some(table) = self.find(tables, row)? else {
                return Ok(());
            };
            let key = (get(row, 0)?, get(row, 1)?);
            if is_of_versions(row)? {
                hidden.entry(key.0).or_default().push(key.1);
                return Ok(());
            }
            let mut column = self.column(row, documents.contains(&key))?;
            if let Generated::Default(default) = &mut column.generated {
                *default = without_database(default, place);
            }
            if table.is_view() {
                column.generated = Generated::No;
            }
            table.columns.push(column);
            Ok(())
        })?;
        for view in tables.iter_mut().filter(|table| table.is_view()) {
            if view.columns.is_empty() {
                let remark = "It cannot be read: what it selects from has changed.";
                view.remarks.push(remark.to_owned());
            }
        }
        each(
            connection,
            FOREIGN_KEYS,
            Some(place),
            &mut |row| match self.find(tables, row)? {
                Some(table) => self.add_foreign_key_column(table, row),
                None => Ok(()),
            },
        )?;
        for (name, columns) in &hidden {
            let name = self.named(self.schema, name);
            if let Some(table) = tables.iter_mut().find(|table| table.name == name) {
                let remark = format!(
                    "Not here: {}, by which the server tells earlier rows.",
                    columns.join(", ")
                );
                table.remarks.push(remark);
            }
        }
        let mut indexes = Vec::new();
        each(connection, INDEXES, Some(place), &mut |row| {
            Reported::read(row, &mut indexes)
        })?;
        for index in indexes {
            let name = self.named(self.schema, &index.table);
            if let Some(table) = tables.iter_mut().find(|table| table.name == name) {
                let hidden = hidden.get(&index.table).map_or(&[][..], Vec::as_slice);
                index.add_to(table, hidden)?;
            }
        }
        for (name, check) in checks {
            let name = self.named(self.schema, &name);
            if let Some(table) = tables.iter_mut().find(|table| table.name == name) {
                table.checks.push(check);
            }
        }
        tables.iter_mut().for_each(leave_out_indexes_of_keys);
        Ok(std::mem::take(tables))
    }

    /// Returns a table's qualified name.
    fn named(&self, schema: Option<&str>, name: &str) -> String {
        match schema {
            Some(schema) => format!("{schema}.{name}"),
            None => name.to_owned(),
        }
    }

    /// Returns the table of a row, by its first column; `None` if it is neither a table nor a view.
    fn find<'t>(&self, tables: &'t mut [Table], row: &dyn Row) -> Result<Option<&'t mut Table>> {
        let name: String = get(row, 0)?;
        let name = self.named(self.schema, &name);
        Ok(tables.iter_mut().find(|table| table.name == name))
    }

    fn add_foreign_key_column(&self, table: &mut Table, row: &dyn Row) -> Result<()> {
        let (there, target): (String, String) = (get(row, 4)?, get(row, 5)?);
        let is_first: bool = get(row, 2)?;
        let own = self.schema.unwrap_or(self.current);
        let listed = self.schemas.iter().find(|schema| {
            let named = schema.as_deref().unwrap_or(self.current);
            named == there && (there != own || schema.as_deref() == self.schema)
        });
        let Some(schema) = listed else {
            if is_first {
                let (name, column): (String, String) = (get(row, 1)?, get(row, 3)?);
                let remark = format!(
                    "Not here: the foreign key {name} of {column} to {there}.{target}, a table of another schema."
                );
                table.remarks.push(remark);
            }
            return Ok(());
        };
        if is_first {
            table.foreign_keys.push(ForeignKey {
                name: Some(get(row, 1)?),
                columns: Vec::new(),
                table: self.named(schema.as_deref(), &target),
                schema: schema.clone(),
                references: Vec::new(),
                on_delete: action(&get::<String>(row, 7)?),
                on_update: action(&get::<String>(row, 8)?),
            });
        }
        if let Some(key) = table.foreign_keys.last_mut() {
            key.columns.push(get(row, 3)?);
            key.references.push(get(row, 6)?);
        }
        Ok(())
    }

    fn column(&self, row: &dyn Row, is_document: bool) -> Result<Column> {
        let written: String = get(row, 2)?;
        let (ty, is_exact) = match is_document {
            true => (ColumnType::Json, true),
            false => types::column_type(&written),
        };
        let mut column = Column::new(get::<String>(row, 1)?, ty);
        column.nullable = get(row, 3)?;
        if !is_exact {
            column.remarks.push(format!("Its type is {written}."));
        }
        if let Some(collation) = get::<Option<String>>(row, 7)?
            && !is_document
            && collation != self.flavor.collation()
        {
            column
                .remarks
                .push(format!("Its collation is {collation}."));
        }
        column.comment = Some(get(row, 8)?).filter(|comment: &String| !comment.is_empty());
        let default: Option<String> = get(row, 4)?;
        let extra: String = get(row, 5)?;
        let computed = get::<Option<String>>(row, 6)?.map(|it| self.expression(it));
        let default = default.map(|default| self.default(default, &written, &extra));
        column.generated = match (default, computed) {
            _ if extra.contains("auto_increment") => Generated::Key,
            (_, Some(expression)) => Generated::Computed(expression),
            (Some(default), _) if types::is_zero_date(&column.ty, &default) => {
                let remark = format!("Its default is {default}, which is no date.");
                column.remarks.push(remark);
                Generated::No
            }
            (Some(default), _) if default != "NULL" => Generated::Default(default),
            _ => Generated::No,
        };
        if let Some(at) = extra.find("on update ") {
            let remark = format!("It changes by itself: {}.", &extra[at..]);
            column.remarks.push(remark);
        }
        Ok(column)
    }

    /// Converts a reported expression to one that can be used in a statement.
    fn expression(&self, reported: String) -> String {
        match self.flavor {
            Flavor::MariaDb => reported,
            Flavor::MySql => expression::written(&reported),
        }
    }

    /// Converts a reported default to one that can be used in a statement: MySQL reports the value of a literal.
    fn default(&self, reported: String, ty: &str, extra: &str) -> String {
        use ValueType as V;
        let is_number = || {
            let name = types::split(ty).0;
            let name = name.split(' ').next().unwrap_or_default();
            let is_plain = name.ends_with("int") || matches!(name, "float" | "double");
            let value = types::column_type(ty).0.value_type();
            let is_integer = matches!(value, V::Bool | V::I16 | V::I32 | V::I64);
            is_plain
                || is_integer
                || matches!(value, V::F32 | V::F64 | V::Decimal | V::Bytes | V::Uuid)
        };
        match self.flavor {
            Flavor::MySql if extra.contains("DEFAULT_GENERATED") => expression::written(&reported),
            Flavor::MySql if !is_number() => {
                let escaped = reported.replace('\\', r"\\").replace('\'', "''");
                format!("'{escaped}'")
            }
            _ if ty == "uuid" => types::uuid(&reported).unwrap_or(reported),
            _ if is_number() => types::number(&reported).unwrap_or(reported),
            _ => reported,
        }
    }
}

/// Returns whether a CHECK is the one that the server adds to a JSON column. The quoting of its name depends on the session's mode.
fn is_json(condition: &str, column: &str) -> bool {
    let quoted = ['"', '`'].map(|quote| {
        let name = column.replace(quote, &format!("{quote}{quote}"));
        format!("json_valid({quote}{name}{quote})")
    });
    quoted.iter().any(|known| known == condition)
}

/// Returns whether a column is one of the two in which a system-versioned table stores the period of a row.
fn is_of_versions(row: &dyn Row) -> Result<bool> {
    let expression: Option<String> = get(row, 6)?;
    Ok(matches!(
        expression.as_deref(),
        Some("ROW START" | "ROW END")
    ))
}

/// Removes the name of the table's own database from a default: the server writes it before the name of a sequence.
fn without_database(default: &str, database: &str) -> String {
    ['"', '`']
        .iter()
        .fold(default.to_owned(), |default, quote| {
            let name = database.replace(*quote, &format!("{quote}{quote}"));
            let call = format!("nextval({quote}{name}{quote}.");
            match default.strip_prefix(&call) {
                Some(rest) => format!("nextval({rest}"),
                None => default,
            }
        })
}

fn action(rule: &str) -> ReferentialAction {
    match rule {
        "CASCADE" => ReferentialAction::Cascade,
        "SET NULL" => ReferentialAction::SetNull,
        "SET DEFAULT" => ReferentialAction::SetDefault,
        // The server checks immediately either way, and reports RESTRICT if no action was declared.
        _ => ReferentialAction::NoAction,
    }
}

type Sink<'s> = dyn FnMut(&dyn Row) -> Result<()> + 's;

fn each(
    connection: &mut dyn Connection,
    query: &str,
    param: Option<&str>,
    sink: &mut Sink<'_>,
) -> Result<()> {
    let types: Vec<ValueType> = param.iter().map(|_| ValueType::Text).collect();
    let params: Vec<Param<'_>> = param
        .iter()
        .map(|text| Param::Ref(ValueRef::Text(text)))
        .collect();
    let sql = Sql::new(StatementKind::Raw, query, types, []);
    connection.query(&Statement::new(&sql, &params), sink)
}

fn get<T: ColumnValue>(row: &dyn Row, index: usize) -> Result<T> {
    T::from_value(row.value(index, T::TYPE)?)
}
