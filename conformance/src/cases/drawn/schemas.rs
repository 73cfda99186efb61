//! Drawn schemas with rows: made, filled, read back, compared with what was declared, dropped.

use proptest::prelude::*;
use selfsame::prelude::*;
use selfsame::record::{Record, RecordRelation, RecordTables};
use selfsame::schema::{Column, ColumnType, Generated, Table};
use selfsame::value::{Value, ValueType};
use selfsame::{Error, ErrorKind};

use super::without_one;
use crate::case::Cover::{Contract, Rule};
use crate::case::{Capability, Case, CaseResult, Failure};
use crate::context::Context;
use crate::domain::{TYPES, came_back, extremes, values};
use crate::property::Inputs;

pub(super) const CASES: &[Case] = &[Case::full("schema.drawn.round_trip", round_trip)
    .since(19)
    .needs(&[
        Capability::Transactions,
        Capability::ForeignKeys,
        Capability::GeneratedKeys,
    ])
    .promise("Any schema of a few tables is created, filled, read back and reflected as declared, and dropped completely.")
    .hint("Look at the smallest schema that fails: it has one type, name, key or reference that matters.")
    .covers(&[Contract(73), Contract(74), Contract(41), Contract(47), Rule(14), Rule(16), Rule(39), Rule(40)])];

/// Names that need quotes, somewhere.
const NAMES: [&str; 12] = [
    "t", "order", "Größe", "a b", "it's", "a\"b", "a`b", "日本", "per%cent", "x;y", "Select", "a.b",
];

/// How the rows of a table are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    /// Counted by the database.
    Counted,
    /// One text of the program's.
    Text,
    /// One number of the program's.
    Number,
    /// A number and a text.
    Composite,
}

#[derive(Clone, Debug)]
struct DrawnColumn {
    name: usize,
    ty: ValueType,
    nullable: bool,
}

#[derive(Clone, Debug)]
struct DrawnTable {
    name: usize,
    key: Key,
    columns: Vec<DrawnColumn>,
    /// A value for each column, of each row.
    rows: Vec<Vec<Value>>,
    /// Tables that it refers to, by number, its own among them; and for each row which of their rows.
    refers: Vec<(usize, Vec<Option<usize>>)>,
}

/// Tables, whose references count round.
type Schema = Vec<DrawnTable>;

/// No table gets more rows.
const MOST_ROWS: usize = 5;

fn tables(context: &Context) -> impl Strategy<Value = Schema> + use<> {
    let capabilities = context.capabilities();
    let column =
        (0..NAMES.len(), 0..TYPES.len(), any::<bool>()).prop_map(|(name, ty, nullable)| {
            DrawnColumn {
                name,
                ty: TYPES[ty],
                nullable,
            }
        });
    let key = prop_oneof![
        4 => Just(Key::Counted),
        1 => Just(Key::Text),
        1 => Just(Key::Number),
        1 => Just(Key::Composite),
    ];
    let refers = proptest::collection::vec(
        (
            0_usize..8,
            proptest::collection::vec(proptest::option::of(0..MOST_ROWS), MOST_ROWS),
        ),
        0..3,
    );
    let table = (
        0..NAMES.len(),
        key,
        proptest::collection::vec(column, 1..6),
        refers,
    )
        .prop_flat_map(move |(name, key, columns, refers)| {
            let row: Vec<BoxedStrategy<Value>> = columns
                .iter()
                .map(|column| {
                    let first = extremes(column.ty, &capabilities).swap_remove(0);
                    let nullable = column.nullable;
                    values(column.ty, &capabilities)
                        .prop_map(move |value| match value {
                            Value::Null if !nullable => first.clone(),
                            value => value,
                        })
                        .boxed()
                })
                .collect();
            let rows = proptest::collection::vec(row, 0..=MOST_ROWS);
            rows.prop_map(move |rows| DrawnTable {
                name,
                key,
                columns: columns.clone(),
                rows,
                refers: refers.clone(),
            })
        });
    proptest::collection::vec(table, 1..=8)
}

impl DrawnTable {
    fn named(&self, number: usize) -> String {
        format!("{}{number}", NAMES[self.name])
    }

    fn column_name(&self, place: usize) -> String {
        format!("{} {place}", NAMES[self.columns[place].name])
    }

    /// The columns of the key: their names and types.
    fn key_columns(&self) -> Vec<(&'static str, ColumnType)> {
        let text = ColumnType::Text { length: Some(40) };
        match self.key {
            Key::Counted | Key::Number => vec![("id", ColumnType::I64)],
            Key::Text => vec![("id", text)],
            Key::Composite => vec![("id", ColumnType::I32), ("Key's part", text)],
        }
    }

    /// The key of a row, unless the database counts it.
    fn key_of(&self, row: usize) -> Vec<Value> {
        let number = i64::try_from(row).unwrap_or_default() * 7 - 3;
        let text = format!("{}'{row}", NAMES[self.name]);
        match self.key {
            Key::Counted => Vec::new(),
            Key::Text => vec![Value::Text(text)],
            Key::Number => vec![Value::I64(number)],
            // Two rows share each half.
            Key::Composite => {
                let half = i32::try_from(row / 2).unwrap_or_default();
                vec![Value::I32(half), Value::Text(format!("{}", row % 2))]
            }
        }
    }
}

fn declared(schema: &Schema) -> Vec<Table> {
    let table = |(number, drawn): (usize, &DrawnTable)| {
        let mut table = Table::build(drawn.named(number));
        let mut key = Vec::new();
        for (name, ty) in drawn.key_columns() {
            let column = Column::new(name, ty);
            table = table.column(match drawn.key {
                Key::Counted => column.generated(Generated::Key),
                _ => column,
            });
            key.push(name);
        }
        for (place, column) in drawn.columns.iter().enumerate() {
            let declared = Column::new(drawn.column_name(place), ColumnType::of(column.ty));
            table = table.column(match column.nullable {
                true => declared.nullable(),
                false => declared,
            });
        }
        table = table.primary_key(key);
        for (place, (target, _)) in drawn.refers.iter().enumerate() {
            let target = target % schema.len();
            let columns = schema[target].key_columns();
            let own: Vec<String> = columns.iter().map(|(name, _)| to(place, name)).collect();
            for ((_, ty), name) in columns.iter().zip(&own) {
                table = table.column(Column::new(name.clone(), ty.clone()).nullable());
            }
            let referred: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
            table = table.foreign_key(own, schema[target].named(target), referred);
        }
        table
    };
    schema.iter().enumerate().map(table).collect()
}

/// The column of reference `place` that holds a part of the key.
fn to(place: usize, part: &str) -> String {
    format!("to{place} {part}")
}

fn mapped(schema: &Schema) -> selfsame::Result<Metadata> {
    let mut tables = RecordTables::new(declared(schema));
    for (number, drawn) in schema.iter().enumerate() {
        for (place, (target, _)) in drawn.refers.iter().enumerate() {
            let target = target % schema.len();
            let parts = schema[target].key_columns();
            let key = parts.iter().map(|(part, _)| to(place, part));
            let relation =
                RecordRelation::belongs_to(format!("r{place}"), schema[target].named(target));
            tables = tables.relation(drawn.named(number), relation.key(key));
        }
    }
    tables.metadata()
}

fn round_trip(context: &mut Context) -> CaseResult {
    let inputs = Inputs {
        strategy: tables(context),
        count: context.cases().div_ceil(4),
        show,
        smaller,
        kept: Vec::new(),
        keep: |_| None,
    };
    let mut left: Option<Metadata> = None;
    context.property_of(&inputs, |context, schema| {
        let engine = Engine::from_backend(context.backend());
        if let Some(left) = left.take() {
            left.drop_all(&engine)?;
        }
        let metadata = mapped(&schema)?;
        left = Some(metadata.clone());
        once(context, &engine, &schema, &metadata)
    })
}

fn once(context: &Context, engine: &Engine, schema: &Schema, metadata: &Metadata) -> CaseResult {
    metadata.create_all(engine)?;
    let mut session = Session::new(engine);
    let mut handles: Vec<Vec<Handle<Record>>> = Vec::new();
    for (number, drawn) in schema.iter().enumerate() {
        let records = metadata.records(&drawn.named(number))?;
        let mut added = Vec::new();
        for (row, values) in drawn.rows.iter().enumerate() {
            let mut record = records.record();
            for ((name, _), value) in drawn.key_columns().iter().zip(drawn.key_of(row)) {
                record.set(name, value)?;
            }
            for (place, value) in values.iter().enumerate() {
                record.set(&drawn.column_name(place), value.clone())?;
            }
            added.push(session.add(record));
        }
        handles.push(added);
    }
    for (number, drawn) in schema.iter().enumerate() {
        for (place, (target, rows)) in drawn.refers.iter().enumerate() {
            let target = target % schema.len();
            for (&child, parent) in handles[number].iter().zip(rows) {
                if let Some(&parent) = parent.and_then(|row| handles[target].get(row)) {
                    session.push(child, format!("r{place}").as_str(), parent)?;
                }
            }
        }
    }
    let committed = session.commit();
    check!(
        committed.is_ok(),
        "rows that the schema allows must be written, returned {committed:?}"
    );
    read_back(context, engine, schema, metadata, &session, &handles)?;
    drop(session);
    match metadata.diff(engine) {
        Ok(differences) => check!(
            differences.is_empty(),
            "the tables must be reflected as declared, found {differences:?}"
        ),
        Err(error) if error.kind() == ErrorKind::Unsupported => {}
        Err(error) => return Err(error.into()),
    }
    metadata.drop_all(engine)?;
    let again = metadata.create_all(engine).and_then(|()| {
        let first = metadata.records(&schema[0].named(0))?;
        first.query().count(&mut Session::new(engine))
    });
    check!(
        matches!(again, Ok(0)),
        "tables that were dropped must be created again, and empty: {again:?}"
    );
    Ok(metadata.drop_all(engine)?)
}

fn read_back(
    context: &Context,
    engine: &Engine,
    schema: &Schema,
    metadata: &Metadata,
    written: &Session,
    handles: &[Vec<Handle<Record>>],
) -> CaseResult {
    let capabilities = context.capabilities();
    // The keys, as the session that wrote the rows has them.
    let key = |table: usize, row: usize| -> Result<Vec<Value>, Error> {
        let record = written.try_ref(handles[table][row])?;
        let names = schema[table].key_columns();
        let parts = names.iter().map(|(name, _)| record.value(name).cloned());
        Ok(parts.map(|value| value.unwrap_or(Value::Null)).collect())
    };
    let mut session = Session::new(engine);
    for (number, drawn) in schema.iter().enumerate() {
        let records = metadata.records(&drawn.named(number))?;
        let found = records.query().rows(&mut session)?;
        check_eq!(found.len(), drawn.rows.len(), "the rows of table {number}");
        for (row, values) in drawn.rows.iter().enumerate() {
            let key_values = key(number, row)?;
            let mut of_key = found.iter().filter(|record| {
                drawn
                    .key_columns()
                    .iter()
                    .zip(&key_values)
                    .all(|((name, _), value)| record.value(name) == Some(value))
            });
            let (Some(record), None) = (of_key.next(), of_key.next()) else {
                let message = format!("row {row} of table {number} must be there once by its key");
                return Err(Failure::Assertion(message));
            };
            for (place, value) in values.iter().enumerate() {
                let found = record.value(&drawn.column_name(place)).cloned();
                let found = found.unwrap_or(Value::Null);
                check!(
                    came_back(&found, value, &capabilities),
                    "column {place} of row {row} of table {number} contained {}, and was read back as {}",
                    crate::check::shown(value),
                    crate::check::shown(&found)
                );
            }
            for (place, (target, rows)) in drawn.refers.iter().enumerate() {
                let target = target % schema.len();
                let parent = rows[row].filter(|parent| *parent < schema[target].rows.len());
                let wanted = parent.map(|parent| key(target, parent)).transpose()?;
                for (part, (name, _)) in schema[target].key_columns().iter().enumerate() {
                    let found = record
                        .value(&to(place, name))
                        .cloned()
                        .unwrap_or(Value::Null);
                    let wanted = wanted.as_ref().map_or(Value::Null, |key| key[part].clone());
                    check_eq!(
                        found,
                        wanted,
                        "reference {place} of row {row} of table {number}"
                    );
                }
            }
        }
    }
    Ok(())
}

/// The schema as lines: a table, its columns, its rows.
fn show(schema: &Schema) -> String {
    let mut out = String::new();
    for (number, drawn) in schema.iter().enumerate() {
        out.push_str(&format!(
            "table {:?}, key {:?}",
            drawn.named(number),
            drawn.key
        ));
        for (place, (target, rows)) in drawn.refers.iter().enumerate() {
            let target = target % schema.len();
            let links: Vec<String> = drawn
                .rows
                .iter()
                .zip(rows)
                .map(|(_, link)| link.map_or("–".to_owned(), |row| row.to_string()))
                .collect();
            let name = schema[target].named(target);
            out.push_str(&format!(
                "; to{place} refers to {name:?}, rows {}",
                links.join(" ")
            ));
        }
        out.push('\n');
        for (place, column) in drawn.columns.iter().enumerate() {
            let nullable = if column.nullable { ", nullable" } else { "" };
            let name = drawn.column_name(place);
            out.push_str(&format!("  {name:?}: {:?}{nullable}\n", column.ty));
        }
        for row in &drawn.rows {
            let values: Vec<String> = row.iter().map(|v| crate::check::shown(v)).collect();
            out.push_str(&format!("  row: {}\n", values.join(", ")));
        }
    }
    out
}

/// One part less, anywhere; then plainer parts.
fn smaller(schema: &Schema) -> Vec<Schema> {
    let mut all: Vec<Schema> = Vec::new();
    if schema.len() > 1 {
        for gone in 0..schema.len() {
            let mut fewer = schema.clone();
            let count = fewer.len();
            fewer.remove(gone);
            for table in &mut fewer {
                table.refers.retain(|(target, _)| target % count != gone);
                for (target, _) in &mut table.refers {
                    *target %= count;
                    *target -= usize::from(*target > gone);
                }
            }
            all.push(fewer);
        }
    }
    for number in 0..schema.len() {
        let mut with = |change: DrawnTable| {
            let mut changed = schema.clone();
            changed[number] = change;
            all.push(changed);
        };
        let drawn = &schema[number];
        for refers in without_one(&drawn.refers) {
            with(DrawnTable {
                refers,
                ..drawn.clone()
            });
        }
        for gone in 0..drawn.rows.len() {
            let mut fewer = drawn.clone();
            fewer.rows.remove(gone);
            for (_, links) in &mut fewer.refers {
                links.remove(gone);
                links.push(None);
            }
            with(fewer);
        }
        if drawn.columns.len() > 1 {
            for gone in 0..drawn.columns.len() {
                let mut fewer = drawn.clone();
                fewer.columns.remove(gone);
                for row in &mut fewer.rows {
                    row.remove(gone);
                }
                with(fewer);
            }
        }
        if drawn.name != 0 {
            with(DrawnTable {
                name: 0,
                ..drawn.clone()
            });
        }
        if drawn.key != Key::Counted {
            with(DrawnTable {
                key: Key::Counted,
                ..drawn.clone()
            });
        }
        for place in 0..drawn.columns.len() {
            if drawn.columns[place].name != 0 {
                let mut plainer = drawn.clone();
                plainer.columns[place].name = 0;
                with(plainer);
            }
        }
    }
    all
}
