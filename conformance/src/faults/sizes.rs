//! Faults that act only above a certain size.

use selfsame::backend::StatementKind;
use selfsame::value::{Value, ValueRef};

use crate::faults::Fault;
use crate::faults::Group::{Queries, Writes};
use crate::faults::lie::{Delivery, Lie};
use crate::faults::text::places;

macro_rules! row_lost {
    ($id:literal, $beyond:literal, $sentence:literal) => {
        Fault::new(
            concat!("queries.", $id),
            Queries,
            $sentence,
            Lie::Deliver(|place| (place == $beyond).then_some(Delivery::Never)),
        )
        .beyond($beyond)
        .suspects(&["queries.stream", "writes.sizes", "queries."])
    };
}

pub(super) const FAULTS: &[Fault] = &[
    row_lost!(
        "row_lost_beyond_256",
        256,
        "The 257th row of a result is lost."
    ),
    row_lost!(
        "row_lost_beyond_4096",
        4_096,
        "The 4,097th row of a result is lost."
    ),
    row_lost!(
        "row_lost_beyond_9999",
        9_999,
        "The 10,000th row of a result is lost."
    ),
    row_lost!(
        "row_lost_beyond_32767",
        32_767,
        "The 32,768th row of a result is lost."
    ),
    row_lost!(
        "row_lost_beyond_65535",
        65_535,
        "The 65,536th row of a result is lost."
    ),
    Fault::new(
        "queries.row_twice_beyond_1000",
        Queries,
        "The 1,001st row of a result is returned twice.",
        Lie::Deliver(|place| (place == 1_000).then_some(Delivery::Twice)),
    )
    .beyond(1_000)
    .suspects(&["queries.stream"]),
    Fault::new(
        "queries.list_cut_beyond_256",
        Queries,
        "A list of more than 256 parameters loses the last one.",
        Lie::Params(|_, kind, text, params| {
            (kind == StatementKind::Select)
                .then(|| last_repeated(text, params, 256))
                .flatten()
        }),
    )
    .beyond(256)
    .suspects(&["queries.in", "writes.sizes"]),
    Fault::new(
        "queries.long_list_cut_beyond_1000",
        Queries,
        "A list sent as one parameter loses its values beyond 1,000.",
        Lie::Params(|_, kind, _, params| {
            (kind == StatementKind::Select)
                .then(|| list_cut(params, 1_000))
                .flatten()
        }),
    )
    .beyond(1_000)
    .suspects(&["queries.in", "writes.sizes"]),
    Fault::new(
        "writes.long_list_cut_beyond_1000",
        Writes,
        "In UPDATE and DELETE, a list sent as one parameter loses its values beyond 1,000.",
        Lie::Params(|_, kind, _, params| {
            (kind != StatementKind::Select)
                .then(|| list_cut(params, 1_000))
                .flatten()
        }),
    )
    .beyond(1_000)
    .suspects(&["writes.sizes"]),
    Fault::new(
        "queries.long_list_cut_beyond_32767",
        Queries,
        "A list sent as one parameter loses its values beyond 32,767.",
        Lie::Params(|_, _, _, params| list_cut(params, 32_767)),
    )
    .beyond(32_767)
    .suspects(&["queries.in", "writes.sizes"]),
    Fault::new(
        "writes.parameter_lost_beyond_255",
        Writes,
        "The 256th parameter of a statement is NULL.",
        Lie::Params(|_, kind, _, params| {
            let mut altered = params.to_vec();
            let lost = altered.get_mut(255)?;
            let acts = kind == StatementKind::Insert && !matches!(lost, Value::Null);
            *lost = Value::Null;
            acts.then_some(altered)
        }),
    )
    .beyond(255)
    .suspects(&["writes.batch", "writes.sizes"]),
    Fault::new(
        "writes.parameters_wrap_at_32766",
        Writes,
        "The 32,766th parameter of a statement is the first.",
        Lie::Params(|_, _, _, params| {
            let mut altered = params.to_vec();
            let last = altered.get_mut(32_765)?;
            let acts = params.first() != Some(last);
            last.clone_from(params.first()?);
            acts.then_some(altered)
        }),
    )
    .beyond(32_765)
    .suspects(&["writes.batch", "writes.drawn.batches", "queries.in"]),
    Fault::new(
        "writes.last_row_repeats_beyond_256",
        Writes,
        "In an INSERT of more than 256 rows, the last row has the last value of the row before.",
        Lie::Params(|_, kind, text, params| row_repeated(kind, text, params, 256)),
    )
    .beyond(256)
    .suspects(&["writes.batch", "writes.sizes", "writes.drawn"]),
    Fault::new(
        "writes.last_row_repeats_beyond_1000",
        Writes,
        "In an INSERT of more than 1,000 rows, the last row has the last value of the row before.",
        Lie::Params(|_, kind, text, params| row_repeated(kind, text, params, 1_000)),
    )
    .beyond(1_000)
    .suspects(&["writes.batch", "writes.sizes", "writes.drawn"]),
    Fault::new(
        "writes.batch_loses_last_row_beyond_1000",
        Writes,
        "A batch of more than 1,000 rows loses its last row.",
        Lie::LoseLast(1_000),
    )
    .beyond(1_000)
    .suspects(&["writes.batch"]),
    Fault::new(
        "writes.long_values_share_a_buffer",
        Writes,
        "Of two long texts of equal length in a row, the second is stored as the first.",
        Lie::Params(|_, kind, _, params| {
            let is_long = |value: &Value| matches!(value, Value::Text(text) if text.len() > 4_096);
            let mut altered = params.to_vec();
            for at in 1..altered.len() {
                if is_long(&params[at - 1])
                    && is_long(&params[at])
                    && length(&params[at - 1]) == length(&params[at])
                {
                    altered[at].clone_from(&params[at - 1]);
                }
            }
            (kind == StatementKind::Insert && altered != params).then_some(altered)
        }),
    )
    .suspects(&["types.all", "types.text", "writes.drawn"]),
];

fn length(value: &Value) -> usize {
    match value.as_ref() {
        ValueRef::Text(text) => text.len(),
        _ => 0,
    }
}

fn last_repeated(text: &str, params: &[Value], beyond: usize) -> Option<Vec<Value>> {
    places(text, " IN (").first()?;
    let [.., before, last] = params else {
        return None;
    };
    (params.len() > beyond && before != last).then(|| {
        let mut altered = params.to_vec();
        altered.pop();
        altered.push(before.clone());
        altered
    })
}

/// Truncates JSON arrays in the parameters to this many elements.
fn list_cut(params: &[Value], most: usize) -> Option<Vec<Value>> {
    let mut cut = false;
    let altered = params.iter().map(|value| match value {
        Value::Text(text) if text.starts_with('[') && text.len() > most => {
            match serde_json::from_str::<Vec<serde_json::Value>>(text) {
                Ok(mut list) if list.len() > most => {
                    cut = true;
                    list.truncate(most);
                    Value::Text(serde_json::Value::Array(list).to_string())
                }
                _ => value.clone(),
            }
        }
        value => value.clone(),
    });
    let altered: Vec<Value> = altered.collect();
    cut.then_some(altered)
}

fn row_repeated(
    kind: StatementKind,
    text: &str,
    params: &[Value],
    beyond: usize,
) -> Option<Vec<Value>> {
    let rows = places(text, "), (").len() + 1;
    if kind != StatementKind::Insert || rows <= beyond || !params.len().is_multiple_of(rows) {
        return None;
    }
    let width = params.len() / rows;
    let (last, before) = (params.last()?, params.get(params.len() - 1 - width)?);
    (last != before).then(|| {
        let mut altered = params.to_vec();
        altered.pop();
        altered.push(before.clone());
        altered
    })
}
