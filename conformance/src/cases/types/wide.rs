//! Rows of many columns and of long values: every type in every place, and content that tells its place.

use selfsame::schema::{Column, ColumnType, Table};
use selfsame::value::{Value, ValueType};

use crate::case::Cover::Contract;
use crate::case::{Case, CaseResult};
use crate::check::shown;
use crate::context::Context;
use crate::database::{Database, Typed, int, value_table};
use crate::domain::{TYPES, came_back, extremes};

pub(super) const CASES: &[Case] = &[
    Case::core("types.rows.wide", wide)
        .since(29)
        .promise("In a row of many columns a value of any type, or NULL, is stored and read back unchanged in every place: in an INSERT, a batch and an UPDATE, in the order of the table and in reverse.")
        .hint("Look for a buffer, a mask of NULLs or a type that is kept from another column.")
        .covers(&[Contract(3), Contract(4), Contract(7), Contract(12), Contract(15), Contract(48)]),
    Case::core("types.long.pieces", pieces)
        .since(29)
        .promise("Long texts, byte strings and documents are read back in one piece, each byte in its place, also with a character of several bytes at the end of any block.")
        .hint("The message names the first place that differs: look for the size of a buffer there.")
        .covers(&[Contract(7), Contract(9), Contract(12), Contract(19)]),
    Case::core("types.long.rows", rows)
        .since(29)
        .promise("Rows of several long values, and results of many such rows, come back whole, once and in order, whatever their sizes are together.")
        .hint("Look for a limit of the size of a row, or of what is fetched at once.")
        .covers(&[Contract(9), Contract(44)]),
];

/// The number of columns of each type in the wide table.
const ROUNDS: usize = 3;

/// Every type several times, so that each stands in many places, beside many others and next to itself.
fn wide_types() -> Vec<ValueType> {
    let rounds = (0..ROUNDS).flat_map(|round| {
        let mut types = TYPES;
        types.rotate_left(round * 4);
        types
    });
    rounds
        .chain(TYPES.into_iter().flat_map(|ty| [ty; 2]))
        .collect()
}

/// The value of a column in a row: every extreme of its type in turn, or NULL.
fn cell(of: &[Vec<Value>], row: usize, column: usize) -> Value {
    let values = &of[column];
    match (row + column) % 5 {
        0 if row % 4 != 3 => Value::Null,
        _ => values[(row + column * 3) % values.len()].clone(),
    }
}

fn wide(context: &mut Context) -> CaseResult {
    const ROWS: usize = 24;
    let claims = context.capabilities();
    let mut types = wide_types();
    let most = claims.max_parameters.unwrap_or(usize::MAX);
    types.truncate(most.saturating_sub(1));
    let values: Vec<Vec<Value>> = types.iter().map(|ty| extremes(*ty, &claims)).collect();
    let mut table = Table::build("wide").column(Column::new("id", ColumnType::I64));
    for (at, ty) in types.iter().enumerate() {
        table = table.column(Column::new(format!("c{at}"), ColumnType::of(*ty)).nullable());
    }
    let mut database = Database::open(context)?;
    database.create(&table.primary_key(["id"]))?;
    let names: Vec<String> = (0..types.len()).map(|at| format!("[c{at}]")).collect();
    let insert = format!(
        "INSERT INTO [wide] ([id], {}) VALUES (?{})",
        names.join(", "),
        ", ?".repeat(types.len())
    );
    let row = |number: usize| -> Vec<Typed> {
        let cells = types.iter().enumerate();
        cells
            .map(|(at, ty)| Typed::new(*ty, cell(&values, number, at)))
            .collect()
    };
    let with_id = |number: usize| -> Vec<Typed> {
        let mut all = row(number);
        all.insert(0, int(i64::try_from(number).unwrap_or_default()));
        all
    };
    let insert_types: Vec<ValueType> = with_id(0).iter().map(|typed| typed.ty).collect();
    // Every third row is inserted alone, every third in a batch, and every third by an UPDATE of a row of NULLs.
    for number in (0..ROWS).step_by(3) {
        database.execute(&insert, &with_id(number))?;
    }
    let batch: Vec<Vec<Typed>> = (1..ROWS).step_by(3).map(with_id).collect();
    database.execute_each(&insert, &insert_types, &batch)?;
    let set: Vec<String> = names.iter().map(|name| format!("{name} = ?")).collect();
    let update = format!("UPDATE [wide] SET {} WHERE [id] = ?", set.join(", "));
    for number in (2..ROWS).step_by(3) {
        let id = int(i64::try_from(number).unwrap_or_default());
        database.execute(
            "INSERT INTO [wide] ([id]) VALUES (?)",
            std::slice::from_ref(&id),
        )?;
        let mut params = row(number);
        params.push(id);
        database.execute(&update, &params)?;
    }
    for reversed in [false, true] {
        let mut order: Vec<usize> = (0..types.len()).collect();
        if reversed {
            order.reverse();
        }
        let columns: Vec<&str> = order.iter().map(|at| names[*at].as_str()).collect();
        let read: Vec<ValueType> = order.iter().map(|at| types[*at]).collect();
        let select = format!("SELECT {} FROM [wide] ORDER BY [id]", columns.join(", "));
        let found = database.rows(&select, &[], &read)?;
        check_eq!(found.len(), ROWS, "every row must be there");
        for (number, found) in found.iter().enumerate() {
            for (place, (at, found)) in order.iter().zip(found).enumerate() {
                let wanted = cell(&values, number, *at);
                check!(
                    came_back(found, &wanted, &claims),
                    "{:?} in place {place} of row {number}: {} was read back as {}",
                    types[*at],
                    shown(&wanted),
                    shown(found)
                );
            }
        }
    }
    Ok(())
}

/// A text in which every place is different: numbers, with a character of this many bytes after each.
fn numbered(length: usize, letter: &str) -> String {
    let mut text = String::with_capacity(length + 16);
    let mut number = 0_u32;
    while text.len() < length {
        text.push_str(&format!("{number:x}{letter}"));
        number += 1;
    }
    while text.len() > length {
        text.pop();
    }
    text
}

/// A text that is longer than a block, with a character that begins this many bytes before the end of the block.
fn across(block: usize, letter: &str, before: usize) -> String {
    let mut text = numbered(block - before, ".");
    text.push_str(letter);
    text.push_str(&numbered(block / 4 + 3, "-"));
    text
}

/// The sizes of blocks, in bytes.
fn blocks() -> impl Iterator<Item = usize> {
    let small = [
        128, 255, 256, 512, 1_000, 1_024, 2_000, 2_048, 4_000, 4_096, 8_000, 8_060,
    ];
    let large = [
        8_192, 10_000, 16_384, 32_767, 32_768, 65_535, 65_536, 131_072, 262_144,
    ];
    small.into_iter().chain(large)
}

/// The first place where two values differ, and their lengths.
fn difference(found: &Value, wanted: &Value) -> Option<String> {
    let bytes = |value: &Value| match value {
        Value::Text(text) | Value::Json(text) => text.clone().into_bytes(),
        Value::Bytes(bytes) => bytes.clone(),
        other => shown(other).into_bytes(),
    };
    let (found, wanted) = (bytes(found), bytes(wanted));
    let place = found.iter().zip(&wanted).position(|(a, b)| a != b);
    let is_same = place.is_none() && found.len() == wanted.len();
    (!is_same).then(|| {
        format!(
            "it differs at byte {}, and has {} bytes instead of {}",
            place.unwrap_or(found.len().min(wanted.len())),
            found.len(),
            wanted.len()
        )
    })
}

fn pieces(context: &mut Context) -> CaseResult {
    let claims = context.capabilities();
    let mut texts = Vec::new();
    for block in blocks() {
        for letter in ["é", "ﬃ", "😀"] {
            for before in 1..letter.len() {
                texts.push(Value::Text(across(block, letter, before)));
            }
        }
        for length in [block - 1, block, block + 1, 2 * block] {
            texts.push(Value::Text(numbered(length, ".")));
        }
    }
    texts.push(Value::Text(numbered(3 << 20, ".")));
    let separators = ["\n", "\r\n", "\t", "'", "\\", "%"];
    texts.extend(separators.map(|separator| Value::Text(numbered(20_000, separator))));
    let bytes = |text: &Value| match text {
        // Every byte, also the one that ends a text.
        Value::Text(text) => Some(Value::Bytes((0..=255).cycle().take(text.len()).collect())),
        _ => None,
    };
    let byte_strings: Vec<Value> = texts.iter().filter_map(bytes).collect();
    let documents: Vec<Value> = texts
        .iter()
        .filter_map(|text| match text {
            Value::Text(text) => Some(Value::Json(format!("{{\"text\":[1,{text:?}]}}"))),
            _ => None,
        })
        .collect();
    for (name, ty, values) in [
        ("texts", ValueType::Text, texts),
        ("bytes", ValueType::Bytes, byte_strings),
        ("documents", ValueType::Json, documents),
    ] {
        let mut database = Database::open(context)?;
        database.create(&value_table(name, ColumnType::of(ty)))?;
        let insert = format!("INSERT INTO [{name}] ([id], [v]) VALUES (?, ?)");
        let update = format!("UPDATE [{name}] SET [v] = ? WHERE [id] = ?");
        let select = format!("SELECT [v] FROM [{name}] WHERE [id] = ?");
        let mut wanted: Vec<(i64, &Value)> = Vec::new();
        database.in_transaction(|database| {
            let mut batch = Vec::new();
            for (value, id) in values.iter().zip(0..) {
                let typed = Typed::new(ty, value.clone());
                match id % 3 {
                    0 => drop(database.execute(&insert, &[int(id), typed])?),
                    1 => batch.push(vec![int(id), typed]),
                    _ => {
                        let none = Typed::new(ty, Value::Null);
                        database.execute(&insert, &[int(id), none])?;
                        database.execute(&update, &[typed, int(id)])?;
                    }
                }
                wanted.push((id, value));
            }
            database.execute_each(&insert, &[ValueType::I64, ty], &batch)?;
            Ok(())
        })?;
        for (id, wanted) in wanted {
            let found = database.column(&select, &[int(id)], ty)?;
            let found = found.first().unwrap_or(&Value::Null);
            if came_back(found, wanted, &claims) {
                continue;
            }
            let differs = difference(found, wanted);
            let differs = differs.unwrap_or_else(|| "it is of another kind".to_owned());
            check!(false, "{ty:?} number {id}: {differs}");
        }
    }
    Ok(())
}

fn rows(context: &mut Context) -> CaseResult {
    let text = || ColumnType::Text { length: None };
    let mut table = Table::build("long").column(Column::new("id", ColumnType::I64));
    for name in ["a", "b", "c", "d"] {
        table = table.column(Column::new(name, text()).nullable());
    }
    table = table
        .column(Column::new("e", ColumnType::Bytes).nullable())
        .column(Column::new("f", text()).nullable());
    let mut database = Database::open(context)?;
    database.create(&table.primary_key(["id"]))?;
    // The sizes of the rows are around those of pages, blocks and messages.
    let sizes = [
        10, 500, 1_000, 2_000, 2_020, 4_090, 8_190, 16_400, 20, 33_000, 5,
    ];
    let row = |id: usize| -> Vec<Value> {
        let size = sizes[id % sizes.len()];
        let part = |name: &str| match (id + name.len()) % 4 {
            0 => Value::Null,
            _ => Value::Text(numbered(size + name.len(), name)),
        };
        let bytes = numbered(size, "/").into_bytes();
        vec![
            part("a"),
            part("bé"),
            part("c"),
            part("ddd"),
            Value::Bytes(bytes),
            part("ff"),
        ]
    };
    const ROWS: usize = 110;
    let types = [
        ValueType::I64,
        ValueType::Text,
        ValueType::Text,
        ValueType::Text,
        ValueType::Text,
        ValueType::Bytes,
        ValueType::Text,
    ];
    let insert =
        "INSERT INTO [long] ([id], [a], [b], [c], [d], [e], [f]) VALUES (?, ?, ?, ?, ?, ?, ?)";
    let all: Vec<Vec<Typed>> = (0..ROWS)
        .map(|id| {
            let cells = row(id).into_iter().zip(&types[1..]);
            std::iter::once(int(i64::try_from(id).unwrap_or_default()))
                .chain(cells.map(|(value, ty)| Typed::new(*ty, value)))
                .collect()
        })
        .collect();
    database.in_transaction(|database| {
        let (alone, batch) = all.split_at(ROWS / 2);
        for row in alone {
            database.execute(insert, row)?;
        }
        database.execute_each(insert, &types, batch)?;
        Ok(())
    })?;
    for order in ["ASC", "DESC"] {
        let select =
            format!("SELECT [id], [a], [b], [c], [d], [e], [f] FROM [long] ORDER BY [id] {order}");
        let found = database.rows(&select, &[], &types)?;
        check_eq!(found.len(), ROWS, "every row must come, once");
        for (place, found) in found.iter().enumerate() {
            let id = match order {
                "ASC" => place,
                _ => ROWS - 1 - place,
            };
            check_eq!(
                found.first(),
                all[id].first().map(|typed| &typed.value),
                "the key of row {place}"
            );
            for (column, (found, wanted)) in found.iter().zip(&all[id]).enumerate() {
                check!(
                    *found == wanted.value,
                    "column {column} of row {id}: {:?}",
                    difference(found, &wanted.value)
                );
            }
        }
    }
    Ok(())
}
