//! Three rows for every table: different ones, of which two are referenced and one is not.

use std::collections::HashMap;

use selfsame::prelude::*;
use selfsame::record::{Record, Records};
use selfsame::schema::{Column, ColumnType, ForeignKey, Generated, Table};
use selfsame::value::{Value, ValueType};

const ROWS: usize = 3;

/// Values that a constraint or a type of its own asks for: table, column, and the value of each row as text. An empty one is NULL, and a
/// row of which one is `-` is left out.
pub(crate) type Filling = (&'static str, &'static str, [&'static str; ROWS]);

/// A table with its rows.
type Filled<'t> = HashMap<&'t str, (&'t Table, Vec<Vec<Value>>)>;

/// Fills the tables through records, and returns those that stay empty, with the reason.
pub(crate) fn fill(engine: &Engine, fillings: &[Filling]) -> selfsame::Result<Vec<String>> {
    let mut tables = super::plain::tables(engine)?;
    // The others cannot be changed through objects.
    tables.retain(|table| !table.primary_key.is_empty());
    let mut filled = Filled::new();
    for table in &tables {
        let rows = stored(engine, table)?;
        if !rows.is_empty() {
            filled.insert(&table.name, (table, rows));
        }
    }
    let mut empty = Vec::new();
    // A round for each step that parents can be away; the later ones leave out references that may be NULL.
    for round in 0..8 {
        empty.clear();
        for table in &tables {
            if filled.contains_key(&*table.name) {
                continue;
            }
            let Some(rows) = rows(table, &filled, fillings, round >= 4) else {
                empty.push(format!("{}: its parents are not filled", table.name));
                continue;
            };
            match insert(engine, table, &rows) {
                Ok(()) => drop(filled.insert(&table.name, (table, rows))),
                Err(error) => empty.push(format!("{}: {error}", table.name)),
            }
        }
    }
    Ok(empty)
}

/// The rows that the schema's own statements inserted.
fn stored(engine: &Engine, table: &Table) -> selfsame::Result<Vec<Vec<Value>>> {
    let records = Records::new(table.clone());
    let value = |row: &Record, column: &Column| row.value(&column.name).cloned();
    let values = |row: &Record| {
        let columns = table.columns.iter();
        columns
            .map(|column| value(row, column).unwrap_or(Value::Null))
            .collect()
    };
    let rows = records.query().rows(&mut Session::new(engine))?;
    Ok(rows.iter().map(values).collect())
}

fn insert(engine: &Engine, table: &Table, rows: &[Vec<Value>]) -> selfsame::Result<()> {
    let records = Records::new(table.clone());
    let mut session = Session::new(engine);
    for row in rows {
        if row.contains(&left_out()) {
            continue;
        }
        let mut record = records.record();
        for (column, value) in table.columns.iter().zip(row) {
            let is_computed = matches!(column.generated, Generated::Computed(_));
            if *value != Value::Null && !is_computed {
                record.set(&column.name, value.clone())?;
            }
        }
        session.add(record);
    }
    session.commit()
}

/// The rows of a table; `None` if one needs a parent that is not there yet.
fn rows(
    table: &Table,
    filled: &Filled<'_>,
    fillings: &[Filling],
    is_late: bool,
) -> Option<Vec<Vec<Value>>> {
    let value = |column: &Column, row: usize| match filling(table, column, fillings) {
        Some(values) => parsed(column, values[row]),
        None => sample(&column.ty, row).unwrap_or(Value::Null),
    };
    let values = |row| {
        table
            .columns
            .iter()
            .map(|column| value(column, row))
            .collect()
    };
    let mut rows: Vec<Vec<Value>> = (0..ROWS).map(values).collect();
    for key in &table.foreign_keys {
        // Keys that share a column reference the same row.
        let mut keys = table.foreign_keys.iter();
        let shares = |other: &ForeignKey| other.columns.iter().any(|it| key.columns.contains(it));
        let number = keys.position(shares).unwrap_or_default();
        let here: Vec<usize> = key
            .columns
            .iter()
            .filter_map(|it| table.position(it))
            .collect();
        let is_nullable = here.iter().all(|&at| table.columns[at].nullable);
        let itself = (table, rows.clone());
        let parents = match key.table == table.name {
            true => Some(&itself),
            false => filled.get(&*key.table),
        };
        for (row, values) in rows.iter_mut().enumerate() {
            let is_root = key.table == table.name && row == 0 && is_nullable;
            let referenced = parents.and_then(|(parent, rows)| {
                let row = &rows[parent_of(table, key, number, row)];
                let there = key.references.iter();
                there
                    .map(|name| Some(row[parent.position(name)?].clone()))
                    .collect()
            });
            let referenced: Vec<Value> = match referenced {
                Some(referenced) if !is_root => referenced,
                _ if is_root || is_nullable && is_late => vec![Value::Null; here.len()],
                _ if here
                    .iter()
                    .all(|&at| filling(table, &table.columns[at], fillings).is_some()) =>
                {
                    continue;
                }
                _ => return None,
            };
            for (&at, value) in here.iter().zip(referenced) {
                if filling(table, &table.columns[at], fillings).is_none() {
                    values[at] = value;
                }
            }
        }
    }
    Some(rows)
}

fn filling<'f>(
    table: &Table,
    column: &Column,
    fillings: &'f [Filling],
) -> Option<&'f [&'static str; ROWS]> {
    let mut fillings = fillings.iter();
    let found = fillings.find(|(name, of, _)| *name == table.name && *of == column.name);
    found.map(|(_, _, values)| values)
}

/// Which row of its parents a row references: the first or second one, or each its own where they must differ.
fn parent_of(table: &Table, key: &ForeignKey, number: usize, row: usize) -> usize {
    let primary: Vec<&String> = table.key_columns().map(|column| &column.name).collect();
    let uniques = table
        .uniques
        .iter()
        .map(|unique| unique.columns.iter().collect());
    let mut sets = std::iter::once(primary).chain(uniques);
    let is_one_to_one =
        sets.any(|set| !set.is_empty() && set.iter().all(|it| key.columns.contains(it)));
    match (is_one_to_one, number % 2) {
        (true, _) => row,
        (false, 0) => [0, 1, 1][row],
        (false, _) => [0, 0, 1][row],
    }
}

/// A value of a type, another for each row; `None` if it is not known, so that the column is left to the database.
fn sample(ty: &ColumnType, row: usize) -> Option<Value> {
    let n = row + 1;
    let text = match ty {
        ColumnType::Enum { labels, .. } => labels[row % labels.len()].to_owned(),
        ColumnType::NativeEnum { labels, .. } => labels[row % labels.len()].clone(),
        ColumnType::Array(element) => match sample(element, row)? {
            Value::Text(text) if matches!(**element, ColumnType::Array(_)) => format!("{{{text}}}"),
            Value::I16(number) => format!("{{{number}}}"),
            Value::I32(number) => format!("{{{number}}}"),
            Value::I64(number) => format!("{{{number}}}"),
            Value::F64(number) => format!("{{{number}}}"),
            Value::Text(text) => format!(
                "{{\"{}\"}}",
                text.replace('\\', "\\\\").replace('"', "\\\"")
            ),
            _ => return None,
        },
        ColumnType::Decimal {
            precision: Some((_, 0)),
        } => return Some(Value::Decimal(n.to_string().parse().ok()?)),
        // MariaDB: bytes in a form of its own.
        ColumnType::Declared { name, .. } if name == "point" => return None,
        ColumnType::Other { name } => of_type(name, n)?,
        ColumnType::Text { length: Some(..5) } => ["a", "b", "c"][row].to_owned(),
        _ => return of_value(ty.value_type(), n),
    };
    Some(Value::Text(text))
}

fn of_value(ty: ValueType, n: usize) -> Option<Value> {
    let number = i16::try_from(n).expect("a small number");
    let day = format!("2024-01-0{n}");
    Some(match ty {
        ValueType::Bool => Value::Bool(n % 2 == 1),
        ValueType::I16 => Value::I16(number),
        ValueType::I32 => Value::I32(number.into()),
        ValueType::I64 => Value::I64(number.into()),
        ValueType::F32 => Value::F32(f32::from(number) + 0.5),
        ValueType::F64 => Value::F64(f64::from(number) + 0.5),
        ValueType::Bytes => Value::Bytes(vec![0, u8::try_from(n).expect("a small number")]),
        ValueType::Decimal => Value::Decimal(format!("{n}.5").parse().ok()?),
        ValueType::Uuid => Value::Uuid([u8::try_from(n).expect("a small number"); 16]),
        ValueType::Date => Value::Date(day.parse().ok()?),
        ValueType::Time => Value::Time(format!("12:00:0{n}").parse().ok()?),
        ValueType::Timestamp => Value::Timestamp(format!("{day} 12:00:00").parse().ok()?),
        ValueType::TimestampTz => Value::TimestampTz(format!("{day}T12:00:00Z").parse().ok()?),
        ValueType::Json => Value::Json(format!("{{\"a\":{n}}}")),
        _ => Value::Text(format!("row {n}")),
    })
}

/// Texts of the databases' own types.
fn of_type(name: &str, n: usize) -> Option<String> {
    let base = name.split('(').next().unwrap_or(name).trim();
    Some(match base {
        "char" | "character" | "bpchar" | "varchar" | "character varying" | "\"char\"" => {
            ["a", "b", "c"][n - 1].to_owned()
        }
        "enum" => name.split('\'').nth(2 * n - 1)?.to_owned(),
        "citext" | "name" | "STRING" | "UNTYPED BLOB" => format!("Row {n}"),
        "inet" | "inet4" => format!("10.0.0.{n}"),
        "inet6" => format!("2001:db8::{n}"),
        "cidr" => format!("10.{n}.0.0/16"),
        "macaddr" => format!("08:00:2b:01:02:0{n}"),
        "macaddr8" => format!("08:00:2b:01:02:03:04:0{n}"),
        "interval" => format!("{n} days"),
        "timetz" | "time with time zone" => format!("1{n}:00:00+00"),
        "money" => format!("${n}.50"),
        "bit" => {
            let width = name.trim_start_matches("bit(").trim_end_matches(')');
            let width: usize = width.parse().unwrap_or(1);
            format!("{:0width$b}", n % (1 << width))
        }
        "bit varying" | "varbit" => format!("{n:b}"),
        "tsvector" | "tsquery" => format!("'word{n}'"),
        "tsrange" | "tstzrange" => format!("[\"2024-01-0{n} 00:00:00\",\"2024-01-0{n} 12:00:00\")"),
        "daterange" => format!("[2024-01-0{n},2024-01-0{})", n + 1),
        "int4range" | "int8range" | "numrange" | "float_range" => format!("[{n}0,{n}5)"),
        "int4multirange" | "int8multirange" | "nummultirange" => format!("{{[{n}0,{n}5)}}"),
        "point" => format!("({n},{n})"),
        "box" => format!("({n},{n}),(0,0)"),
        "polygon" => format!("((0,0),({n},{n}),({n},0))"),
        "xml" => format!("<a>{n}</a>"),
        "json" => format!("{{\"a\" : {n}}}"),
        "oid" | "xid8" => n.to_string(),
        "pg_lsn" => format!("0/{n}"),
        "regclass" => ["pg_class", "pg_type", "pg_proc"][n - 1].to_owned(),
        "hstore" => format!("\"a\"=>\"{n}\""),
        "ltree" => format!("a.b{n}"),
        "int2vector" => format!("{n} 2"),
        "year" | "YEAR" => format!("200{n}"),
        "integer" | "positive" | "small" | "count_of" | "above_zero" => n.to_string(),
        _ => return None,
    })
}

/// Marks a row that is not inserted.
fn left_out() -> Value {
    Value::Text("left out".to_owned())
}

/// A value of a column's type that was given as text.
fn parsed(column: &Column, text: &str) -> Value {
    let value = match column.ty.value_type() {
        ValueType::I16 => text.parse().ok().map(Value::I16),
        ValueType::I32 => text.parse().ok().map(Value::I32),
        ValueType::I64 => text.parse().ok().map(Value::I64),
        ValueType::Date => text.parse().ok().map(Value::Date),
        ValueType::Timestamp => text.parse().ok().map(Value::Timestamp),
        ValueType::Decimal => text.parse().ok().map(Value::Decimal),
        ValueType::Json => Some(Value::Json(text.to_owned())),
        _ => Some(Value::Text(text.to_owned())),
    };
    match text {
        "" if column.nullable => Value::Null,
        "-" => left_out(),
        _ => value.expect("a value of the column's type"),
    }
}
