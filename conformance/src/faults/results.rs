//! Values in the wrong place of a result, and wrong reports about a result.

use selfsame::backend::StatementKind;
use selfsame::value::Value;

use crate::faults::Fault;
use crate::faults::Group::{Queries, Writes};
use crate::faults::lie::Lie;

/// Alters the values of all queries.
macro_rules! cells {
    ($id:literal, $sentence:literal, $change:expr) => {
        Fault::new(
            concat!("queries.", $id),
            Queries,
            $sentence,
            Lie::Cells(
                |kind, _| kind == StatementKind::Select,
                |rows| {
                    let change: fn(&mut Vec<Vec<Value>>) -> bool = $change;
                    change(rows)
                },
            ),
        )
        .suspects(&["queries.stream", "types.", "queries."])
    };
}

pub(super) const FAULTS: &[Fault] = &[
    cells!(
        "null_repeats_the_row_before",
        "NULL is read as the value of the same column in the row before.",
        |rows| {
            let mut changed = false;
            for at in 1..rows.len() {
                let (before, now) = rows.split_at_mut(at);
                for (value, above) in now[0].iter_mut().zip(&before[at - 1]) {
                    if matches!(value, Value::Null) && !matches!(above, Value::Null) {
                        value.clone_from(above);
                        changed = true;
                    }
                }
            }
            changed
        }
    ),
    cells!(
        "text_keeps_the_end_of_the_row_before",
        "A text that is shorter than the one in the row before ends in the rest of it.",
        |rows| {
            let mut changed = false;
            let original = rows.clone();
            for at in 1..rows.len() {
                for (value, above) in rows[at].iter_mut().zip(&original[at - 1]) {
                    if let (Value::Text(text), Value::Text(above)) = (value, above)
                        && let Some(rest) = above.get(text.len()..)
                        && !rest.is_empty()
                    {
                        text.push_str(rest);
                        changed = true;
                    }
                }
            }
            changed
        }
    ),
    cells!(
        "text_cut_to_the_row_before",
        "A text that is longer than the one in the first row is cut to its length.",
        |rows| {
            let mut changed = false;
            let Some(first) = rows.first().cloned() else {
                return false;
            };
            for row in rows.iter_mut().skip(1) {
                for (value, first) in row.iter_mut().zip(&first) {
                    if let (Value::Text(text), Value::Text(first)) = (value, first)
                        && !first.is_empty()
                        && text.len() > first.len()
                        && text.is_char_boundary(first.len())
                    {
                        text.truncate(first.len());
                        changed = true;
                    }
                }
            }
            changed
        }
    ),
    cells!(
        "columns_beyond_16_are_null",
        "The 17th and later columns of a result are NULL.",
        |rows| set_null(rows, |column, _| column >= 16)
    ),
    cells!(
        "columns_beyond_64_are_null",
        "The 65th and later columns of a result are NULL.",
        |rows| set_null(rows, |column, _| column >= 64)
    ),
    cells!(
        "columns_beyond_256_are_null",
        "The 257th and later columns of a result are NULL.",
        |rows| set_null(rows, |column, _| column >= 256)
    ),
    cells!(
        "last_of_64_rows_lost",
        "A result of exactly 64 rows loses the last.",
        |rows| rows.len() == 64 && rows.pop().is_some()
    ),
    cells!(
        "last_of_200_rows_lost",
        "A result of exactly 200 rows loses the last.",
        |rows| rows.len() == 200 && rows.pop().is_some()
    ),
    cells!(
        "last_of_2048_rows_lost",
        "A result of exactly 2,048 rows loses the last.",
        |rows| rows.len() == 2_048 && rows.pop().is_some()
    ),
    cells!(
        "last_column_stale_beyond_1000",
        "From the 1,001st row of a result on, the last column repeats that of the 1,000th.",
        |rows| {
            let Some(kept) = rows.get(999).and_then(|row| row.last()).cloned() else {
                return false;
            };
            let mut changed = false;
            for row in rows.iter_mut().skip(1_000) {
                if let Some(last) = row.last_mut()
                    && *last != kept
                {
                    last.clone_from(&kept);
                    changed = true;
                }
            }
            changed
        }
    ),
    cells!(
        "zero_is_null",
        "An integer 0 is read as NULL if another column of the row is NULL.",
        |rows| {
            let with_null: Vec<bool> = rows.iter().map(|row| row.contains(&Value::Null)).collect();
            let mut changed = false;
            for (row, _) in rows.iter_mut().zip(with_null).filter(|(_, null)| *null) {
                for value in row
                    .iter_mut()
                    .filter(|value| matches!(value, Value::I64(0)))
                {
                    *value = Value::Null;
                    changed = true;
                }
            }
            changed
        }
    ),
    cells!(
        "equal_values_told_once",
        "Of two equal texts in a row the second is read as NULL.",
        |rows| {
            let mut changed = false;
            for row in rows {
                for at in 1..row.len() {
                    let is_again =
                        matches!(&row[at], Value::Text(_)) && row[..at].contains(&row[at]);
                    if is_again {
                        row[at] = Value::Null;
                        changed = true;
                    }
                }
            }
            changed
        }
    ),
    Fault::new(
        "queries.names_in_lower_case",
        Queries,
        "The names of columns are returned in lower case.",
        Lie::Name(|name| {
            let lower = name.to_lowercase();
            (lower != name).then_some(lower)
        }),
    )
    .suspects(&["queries.columns.names", "queries.identifiers"]),
    Fault::new(
        "queries.names_cut_to_30",
        Queries,
        "The names of columns are truncated to 30 characters.",
        Lie::Name(|name| {
            let end = name.char_indices().nth(30)?.0;
            Some(name[..end].to_owned())
        }),
    )
    .suspects(&["queries.columns.names", "schema.names"]),
    Fault::new(
        "queries.names_lose_spaces",
        Queries,
        "Spaces in the names of columns are returned as underscores.",
        Lie::Name(|name| name.contains(' ').then(|| name.replace(' ', "_"))),
    )
    .suspects(&["queries.columns.names", "queries.identifiers"]),
    Fault::new(
        "queries.error_of_the_reader_lost",
        Queries,
        "The error of a reader that stops is reported as an error of the database.",
        Lie::BlurStop,
    )
    .suspects(&["queries.stream.stop"]),
    Fault::new(
        "writes.last_outcome_untold",
        Writes,
        "The outcome of the last row of a batch is not reported.",
        Lie::SkipLastOutcome,
    )
    .suspects(&["writes.batch"]),
];

fn set_null(rows: &mut [Vec<Value>], is_null: impl Fn(usize, &Value) -> bool) -> bool {
    let mut changed = false;
    for row in rows {
        for (column, value) in row.iter_mut().enumerate() {
            if !matches!(value, Value::Null) && is_null(column, value) {
                *value = Value::Null;
                changed = true;
            }
        }
    }
    changed
}
