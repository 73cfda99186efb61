//! What tables the current schema has.
//!
//! What a [`Table`] cannot say is left out: indexes of a part of the rows or of an expression, exclusion constraints. A computed column
//! is an ordinary one, a domain is its base type, and a type that has no neutral form is text.

use selfsame::backend::{Connection, Row, Sql, Statement, StatementKind};
use selfsame::schema::{
    Check, Column, ColumnType, ForeignKey, Generated, Index, ReferentialAction, Table,
};
use selfsame::value::ColumnValue;
use selfsame::{Error, ErrorKind, Result};

/// The tables by name.
pub(crate) fn reflect(connection: &mut dyn Connection) -> Result<Vec<Table>> {
    let mut tables: Vec<Table> = Vec::new();
    each(connection, TABLES, &mut |row| {
        tables.push(Table::build(get::<String>(row, 0)?));
        Ok(())
    })?;
    for (query, add) in [
        (
            COLUMNS,
            add_column as fn(&mut Table, &dyn Row) -> Result<()>,
        ),
        (PRIMARY_KEYS, add_key_column),
        (INDEXES, add_index_column),
        (FOREIGN_KEYS, add_foreign_key_column),
        (CHECKS, add_check),
    ] {
        each(connection, query, &mut |row| {
            add(find(&mut tables, row)?, row)
        })?;
    }
    Ok(tables)
}

/// Every query begins with the tables that count.
const LISTED: &str = "WITH listed AS (SELECT c.oid, c.relname::text COLLATE \"C\" AS name FROM pg_catalog.pg_class c \
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p')) ";

const TABLES: &str = "SELECT name FROM listed ORDER BY name";

const COLUMNS: &str = "SELECT listed.name, a.attname, \
    format_type(CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END, \
                CASE t.typtype WHEN 'd' THEN t.typtypmod ELSE a.atttypmod END), \
    NOT a.attnotnull, a.attidentity <> '', pg_get_expr(d.adbin, d.adrelid), a.attgenerated <> '' \
    FROM listed JOIN pg_catalog.pg_attribute a ON a.attrelid = listed.oid AND a.attnum > 0 AND NOT a.attisdropped \
    JOIN pg_catalog.pg_type t ON t.oid = a.atttypid \
    LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
    ORDER BY listed.name, a.attnum";

const PRIMARY_KEYS: &str = "SELECT listed.name, a.attname \
    FROM listed JOIN pg_catalog.pg_constraint k ON k.conrelid = listed.oid AND k.contype = 'p' \
    CROSS JOIN LATERAL unnest(k.conkey) WITH ORDINALITY AS p (number, place) \
    JOIN pg_catalog.pg_attribute a ON a.attrelid = listed.oid AND a.attnum = p.number \
    ORDER BY listed.name, p.place";

const INDEXES: &str = "SELECT listed.name, c.relname, i.indisunique, p.place = 1, a.attname \
    FROM listed JOIN pg_catalog.pg_index i ON i.indrelid = listed.oid \
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid \
    CROSS JOIN LATERAL unnest(i.indkey::smallint[]) WITH ORDINALITY AS p (number, place) \
    JOIN pg_catalog.pg_attribute a ON a.attrelid = listed.oid AND a.attnum = p.number \
    WHERE NOT i.indisprimary AND i.indpred IS NULL AND i.indexprs IS NULL AND p.place <= i.indnkeyatts \
    ORDER BY listed.name, c.oid, p.place";

const FOREIGN_KEYS: &str = "SELECT listed.name, k.conname, p.place = 1, a.attname, there.relname, b.attname, \
    k.confdeltype, k.confupdtype \
    FROM listed JOIN pg_catalog.pg_constraint k ON k.conrelid = listed.oid AND k.contype = 'f' \
    JOIN pg_catalog.pg_class there ON there.oid = k.confrelid \
    CROSS JOIN LATERAL unnest(k.conkey, k.confkey) WITH ORDINALITY AS p (number, there, place) \
    JOIN pg_catalog.pg_attribute a ON a.attrelid = listed.oid AND a.attnum = p.number \
    JOIN pg_catalog.pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = p.there \
    ORDER BY listed.name, k.oid, p.place";

const CHECKS: &str = "SELECT listed.name, k.conname, pg_get_expr(k.conbin, k.conrelid) \
    FROM listed JOIN pg_catalog.pg_constraint k ON k.conrelid = listed.oid AND k.contype = 'c' \
    ORDER BY listed.name, k.oid";

fn add_column(table: &mut Table, row: &dyn Row) -> Result<()> {
    let mut column = Column::new(get::<String>(row, 1)?, column_type(&get::<String>(row, 2)?));
    column.nullable = get(row, 3)?;
    let default: Option<String> = get(row, 5)?;
    column.generated = match default {
        _ if get(row, 4)? => Generated::Key,
        // A serial column.
        Some(default) if default.starts_with("nextval(") => Generated::Key,
        Some(expression) if get(row, 6)? => Generated::Computed(expression),
        Some(default) => Generated::Default(default),
        None => Generated::No,
    };
    table.columns.push(column);
    Ok(())
}

fn add_key_column(table: &mut Table, row: &dyn Row) -> Result<()> {
    let name: String = get(row, 1)?;
    let position = table.position(&name).ok_or_else(|| changed(&name))?;
    table.primary_key.push(position);
    Ok(())
}

fn add_index_column(table: &mut Table, row: &dyn Row) -> Result<()> {
    let indexes = if get(row, 2)? {
        &mut table.uniques
    } else {
        &mut table.indexes
    };
    if get(row, 3)? {
        indexes.push(Index {
            name: Some(get(row, 1)?),
            columns: Vec::new(),
        });
    }
    if let Some(index) = indexes.last_mut() {
        index.columns.push(get(row, 4)?);
    }
    Ok(())
}

fn add_foreign_key_column(table: &mut Table, row: &dyn Row) -> Result<()> {
    if get(row, 2)? {
        table.foreign_keys.push(ForeignKey {
            name: Some(get(row, 1)?),
            columns: Vec::new(),
            table: get(row, 4)?,
            references: Vec::new(),
            on_delete: action(&get::<String>(row, 6)?)?,
            on_update: action(&get::<String>(row, 7)?)?,
        });
    }
    if let Some(key) = table.foreign_keys.last_mut() {
        key.columns.push(get(row, 3)?);
        key.references.push(get(row, 5)?);
    }
    Ok(())
}

fn add_check(table: &mut Table, row: &dyn Row) -> Result<()> {
    table.checks.push(Check {
        name: Some(get(row, 1)?),
        condition: get(row, 2)?,
    });
    Ok(())
}

fn action(code: &str) -> Result<ReferentialAction> {
    match code {
        "a" => Ok(ReferentialAction::NoAction),
        "r" => Ok(ReferentialAction::Restrict),
        "c" => Ok(ReferentialAction::Cascade),
        "n" => Ok(ReferentialAction::SetNull),
        _ => Err(Error::unsupported("reflection", "SET DEFAULT")),
    }
}

/// The neutral type of a type as the server writes it: `character varying(50)`.
fn column_type(written: &str) -> ColumnType {
    let (name, modifiers) = written.split_once('(').unwrap_or((written, ""));
    let mut modifiers = modifiers
        .split([',', ')'])
        .map_while(|number| number.parse().ok());
    match name {
        "boolean" => ColumnType::Bool,
        "smallint" => ColumnType::I16,
        "integer" => ColumnType::I32,
        "bigint" => ColumnType::I64,
        "real" => ColumnType::F32,
        "double precision" => ColumnType::F64,
        "character varying" | "character" => ColumnType::Text {
            length: modifiers.next(),
        },
        "bytea" => ColumnType::Bytes,
        "numeric" => ColumnType::Decimal {
            precision: modifiers.next().zip(modifiers.next()),
        },
        "uuid" => ColumnType::Uuid,
        "date" => ColumnType::Date,
        "json" | "jsonb" => ColumnType::Json,
        _ if written.starts_with("timestamp") && written.ends_with("with time zone") => {
            ColumnType::TimestampTz
        }
        _ if written.starts_with("timestamp") => ColumnType::Timestamp,
        _ if written.starts_with("time") && written.ends_with("without time zone") => {
            ColumnType::Time
        }
        _ => ColumnType::Text { length: None },
    }
}

/// The table that a row is about: its first column.
fn find<'t>(tables: &'t mut [Table], row: &dyn Row) -> Result<&'t mut Table> {
    let name: String = get(row, 0)?;
    match tables.binary_search_by(|table| table.name.cmp(&name)) {
        Ok(position) => Ok(&mut tables[position]),
        Err(_) => Err(changed(&name)),
    }
}

#[cold]
fn changed(name: &str) -> Error {
    Error::new(
        ErrorKind::Serialization,
        "the schema changed while it was read",
    )
    .entity(name)
}

fn each(
    connection: &mut dyn Connection,
    query: &str,
    sink: &mut dyn FnMut(&dyn Row) -> Result<()>,
) -> Result<()> {
    let sql = Sql::new(StatementKind::Raw, format!("{LISTED}{query}"), [], []);
    connection.query(&Statement::new(&sql, &[]), sink)
}

fn get<T: ColumnValue>(row: &dyn Row, index: usize) -> Result<T> {
    T::from_value(row.value(index, T::TYPE)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_as_the_server_writes_them() {
        let text = |length| ColumnType::Text { length };
        for (written, expected) in [
            ("character varying(50)", text(Some(50))),
            ("character varying", text(None)),
            ("text", text(None)),
            ("interval", text(None)),
            ("integer[]", text(None)),
            ("numeric", ColumnType::Decimal { precision: None }),
            (
                "numeric(10,2)",
                ColumnType::Decimal {
                    precision: Some((10, 2)),
                },
            ),
            ("timestamp(3) with time zone", ColumnType::TimestampTz),
            ("timestamp without time zone", ColumnType::Timestamp),
            ("time without time zone", ColumnType::Time),
            ("time with time zone", text(None)),
        ] {
            assert_eq!(column_type(written), expected, "{written}");
        }
    }
}
