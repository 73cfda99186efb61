//! Generated batches: rows of any width, around every size at which a statement may be split.

use proptest::prelude::*;
use selfsame::dialect::Batch;
use selfsame::prelude::*;
use selfsame::schema::{Column, ColumnType, Generated, Table};
use selfsame::value::Value;

use crate::case::Cover::{Contract, Rule};
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::database::Database;
use crate::property::Inputs;

pub(super) const CASES: &[Case] = &[Case::full("writes.drawn.batches", batches)
    .since(19)
    .needs(&[Capability::Transactions, Capability::GeneratedKeys])
    .promise("Batches of any width are complete around every number of rows, parameters or bytes at which statements are split, and each row keeps its own key.")
    .hint("See `Dialect::batch` and `Capabilities::max_parameters`; a split batch must keep its order.")
    .covers(&[Contract(48), Contract(55), Contract(49), Rule(13)])];

/// Numbers of rows or parameters at which engines, drivers and this library split statements.
const CUTS: [usize; 9] = [1, 2, 100, 256, 512, 999, 1_000, 32_766, 65_535];
/// The maximum number of rows; more take too long.
const MOST_ROWS: usize = 4_000;

#[derive(Clone, Debug)]
struct Drawn {
    /// The number of columns besides the key.
    width: usize,
    rows: usize,
    /// The length of the text in each row.
    text: usize,
}

fn drawn(limit: Option<usize>) -> impl Strategy<Value = Drawn> {
    let mut cuts = CUTS.to_vec();
    cuts.extend(limit.filter(|limit| *limit > 1));
    (
        1_usize..24,
        proptest::sample::select(cuts),
        any::<bool>(),
        -1_i64..=1,
        prop_oneof![4 => Just(1_usize), 1 => Just(300), 1 => Just(9_000)],
    )
        .prop_map(|(width, cut, in_parameters, beside, text)| {
            // The limit is a number of parameters, or of rows.
            let rows = if in_parameters {
                cut / (width + 1)
            } else {
                cut
            };
            let rows = rows.saturating_add_signed(isize::try_from(beside).unwrap_or_default());
            let most = if text > 1_000 { 2_000 } else { MOST_ROWS };
            Drawn {
                width,
                rows: rows.clamp(1, most),
                text,
            }
        })
}

fn smaller(drawn: &Drawn) -> Vec<Drawn> {
    let mut all = Vec::new();
    for rows in [1, drawn.rows / 2, drawn.rows - 1] {
        all.push(Drawn {
            rows: rows.max(1),
            ..drawn.clone()
        });
    }
    for width in [1, drawn.width / 2, drawn.width - 1] {
        all.push(Drawn {
            width: width.max(1),
            ..drawn.clone()
        });
    }
    all.push(Drawn {
        text: 1,
        ..drawn.clone()
    });
    all.retain(|other| {
        (other.rows, other.width, other.text) < (drawn.rows, drawn.width, drawn.text)
            || other.text < drawn.text
            || other.width < drawn.width
    });
    all
}

fn table(width: usize) -> Table {
    let mut table = Table::build("batch")
        .column(Column::new("id", ColumnType::I64).generated(Generated::Key))
        .column(Column::new("text", ColumnType::Text { length: None }));
    for place in 0..width {
        table = table.column(Column::new(column(place), ColumnType::I64).nullable());
    }
    table.primary_key(["id"])
}

fn column(place: usize) -> String {
    format!("c{place}")
}

/// Returns the value in a column of a row; some are NULL.
fn value(row: usize, place: usize) -> Value {
    match (row + place) % 7 {
        3 => Value::Null,
        _ => Value::I64(i64::try_from(row * 100 + place).unwrap_or_default()),
    }
}

fn batches(context: &mut Context) -> CaseResult {
    let limit = context.capabilities().max_parameters;
    // If each row is sent as a separate statement, there is nothing to split.
    let count = match context.dialect().batch() {
        Batch::Rows => 2,
        _ => context.cases().div_ceil(8),
    };
    let inputs = Inputs {
        strategy: drawn(limit),
        count,
        show: |drawn| format!("{drawn:?}"),
        smaller,
        kept: Vec::new(),
        keep: |_| None,
    };
    context.property_of(&inputs, |context, drawn| {
        let engine = Engine::from_backend(context.backend());
        let metadata = Metadata::of_records([table(drawn.width)]);
        metadata.drop_all(&engine)?;
        metadata.create_all(&engine)?;
        once(context, &engine, &metadata, &drawn)
    })
}

fn once(context: &Context, engine: &Engine, metadata: &Metadata, drawn: &Drawn) -> CaseResult {
    let records = metadata.records("batch")?;
    let mut session = Session::new(engine);
    let mut handles = Vec::new();
    for row in 0..drawn.rows {
        let mut record = records.record();
        record.set("text", format!("{row} {}", "x".repeat(drawn.text)))?;
        for place in 0..drawn.width {
            record.set(&column(place), value(row, place))?;
        }
        handles.push(session.add(record));
    }
    let committed = session.commit();
    check!(
        committed.is_ok(),
        "the batch must be written, returned {committed:?}"
    );
    let mut keys = Vec::new();
    for &handle in &handles {
        keys.push(session.try_ref(handle)?.get::<i64>("id")?);
    }
    check_rows(engine, metadata, drawn, &keys, |row, place| {
        value(row, place)
    })?;
    for (row, &handle) in handles.iter().enumerate().step_by(2) {
        session.refresh(handle)?;
        session[handle].set(&column(0), value(row + 5, 0))?;
        if row > 400 {
            break;
        }
    }
    session.commit()?;
    let changed = |row: usize| row.is_multiple_of(2) && row <= 402;
    check_rows(engine, metadata, drawn, &keys, |row, place| match place {
        0 if changed(row) => value(row + 5, 0),
        _ => value(row, place),
    })?;
    for &handle in &handles[..drawn.rows - 1] {
        session.delete(handle)?;
    }
    session.commit()?;
    let mut database = Database::open(context)?;
    let left = database.integers("SELECT [id] FROM [batch]", &[])?;
    check_eq!(
        left,
        keys[drawn.rows - 1..].to_vec(),
        "the rows that are left"
    );
    Ok(())
}

/// Checks that every row is found under the key of its object, with the values written.
fn check_rows(
    engine: &Engine,
    metadata: &Metadata,
    drawn: &Drawn,
    keys: &[i64],
    wanted: impl Fn(usize, usize) -> Value,
) -> CaseResult {
    let records = metadata.records("batch")?;
    let mut session = Session::new(engine);
    let mut found = records.query().rows(&mut session)?;
    check_eq!(found.len(), drawn.rows, "how many rows were written");
    let mut order: Vec<(i64, usize)> = keys.iter().copied().zip(0..).collect();
    order.sort_unstable();
    let mut by_key = Vec::new();
    for record in found.drain(..) {
        by_key.push((record.get::<i64>("id")?, record));
    }
    by_key.sort_by_key(|(key, _)| *key);
    for ((key, record), (wanted_key, row)) in by_key.iter().zip(&order) {
        check_eq!(key, wanted_key, "the keys, in their order");
        let text: String = record.get("text")?;
        check!(
            text == format!("{row} {}", "x".repeat(drawn.text)),
            "the object of row {row} got the key {key}, whose row is {}",
            crate::check::shown(&text)
        );
        for place in 0..drawn.width {
            let found = record.value(&column(place)).cloned();
            check_eq!(
                found,
                Some(wanted(*row, place)),
                "column {place} of row {row}"
            );
        }
    }
    Ok(())
}
