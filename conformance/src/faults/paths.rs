//! Values altered on one path only: in one kind of statement, in conditions, in the result of a function.

use selfsame::backend::StatementKind;
use selfsame::value::{Decimal, Timestamp, TimestampTz, Value};

use crate::case::Capability;
use crate::faults::Fault;
use crate::faults::Group::{Queries, Values};
use crate::faults::lie::Lie;
use crate::faults::text::places;

/// Alters parameters of one kind of statement that contains one of these words.
macro_rules! sent {
    ($id:literal, $sentence:literal, $kind:ident, $words:expr, $suspects:expr, $change:expr) => {
        Fault::new(
            concat!("values.", $id),
            Values,
            $sentence,
            Lie::Params(|_, kind, text, params| {
                let has = |word: &&str| !places(text, word).is_empty();
                let is_meant = kind == StatementKind::$kind && $words.iter().any(has);
                let mut altered = params.to_vec();
                (is_meant && change_all(&mut altered, $change)).then_some(altered)
            }),
        )
        .suspects($suspects)
    };
}

/// Alters values in the results of statements that contain this word.
macro_rules! returned {
    ($id:literal, $sentence:literal, $kinds:expr, $word:literal, $suspects:expr, $change:expr) => {
        Fault::new(
            concat!("queries.", $id),
            Queries,
            $sentence,
            Lie::Cells(
                |kind, text| {
                    let kinds: fn(StatementKind) -> bool = $kinds;
                    kinds(kind) && !places(text, $word).is_empty()
                },
                |rows| {
                    rows.iter_mut()
                        .fold(false, |changed, row| change_all(row, $change) | changed)
                },
            ),
        )
        .suspects($suspects)
    };
}

pub(super) const FAULTS: &[Fault] = &[
    sent!(
        "double_is_single_in_update",
        "An UPDATE stores a double as a single.",
        Update,
        [" SET "],
        &["types.f64", "types."],
        through_single
    ),
    sent!(
        "decimal_zeros_lost_in_update",
        "An UPDATE stores a decimal without its trailing zeros.",
        Update,
        [" SET "],
        &["types.decimal", "types."],
        without_zeros
    )
    .needs(&[Capability::DecimalScale]),
    sent!(
        "negative_zero_lost_in_update",
        "An UPDATE stores a negative zero as zero.",
        Update,
        [" SET "],
        &["types.f64", "dirty.", "types."],
        |value| match value {
            Value::F64(zero) if *zero == 0.0 && zero.is_sign_negative() => Some(Value::F64(0.0)),
            _ => None,
        }
    )
    .needs(&[Capability::NegativeZero]),
    sent!(
        "json_spaces_lost_in_update",
        "An UPDATE stores a JSON document without its spaces.",
        Update,
        [" SET "],
        &["types.json", "types."],
        |value| match value {
            Value::Json(text) if text.contains(": ") => Some(Value::Json(text.replace(": ", ":"))),
            _ => None,
        }
    )
    .needs(&[Capability::JsonTextKept]),
    sent!(
        "text_trimmed_in_delete",
        "A DELETE compares with a text without its trailing spaces.",
        Delete,
        [" WHERE "],
        &["writes.delete", "writes.", "types."],
        trimmed
    ),
    sent!(
        "microseconds_cut_in_delete",
        "A DELETE compares with a timestamp without its microseconds.",
        Delete,
        [" WHERE "],
        &["writes.delete", "writes.", "types."],
        without_microseconds
    ),
    sent!(
        "bytes_cut_in_delete",
        "A DELETE compares with a byte string that ends at its first zero byte.",
        Delete,
        [" WHERE "],
        &["writes.delete", "writes.", "types."],
        cut_at_zero
    ),
    sent!(
        "uuid_swapped_in_delete",
        "A DELETE compares with a UUID whose first bytes are swapped.",
        Delete,
        [" WHERE "],
        &["writes.delete", "writes.", "types."],
        |value| match value {
            Value::Uuid(bytes) => {
                let mut swapped = *bytes;
                swapped[..4].reverse();
                (swapped != *bytes).then_some(Value::Uuid(swapped))
            }
            _ => None,
        }
    ),
    sent!(
        "double_is_single_in_delete",
        "A DELETE compares with a double as a single.",
        Delete,
        [" WHERE "],
        &["writes.delete", "writes.", "types."],
        through_single
    ),
    sent!(
        "text_trimmed_in_upsert",
        "An upsert stores texts without their trailing spaces.",
        Insert,
        UPSERT,
        &["writes.upsert", "writes.", "types."],
        trimmed
    )
    .needs(&[Capability::Upsert]),
    sent!(
        "microseconds_cut_in_upsert",
        "An upsert stores timestamps without their microseconds.",
        Insert,
        UPSERT,
        &["writes.upsert", "writes.", "types."],
        without_microseconds
    )
    .needs(&[Capability::Upsert]),
    sent!(
        "decimal_through_double_in_upsert",
        "An upsert stores decimals as doubles.",
        Insert,
        UPSERT,
        &["writes.upsert", "writes.", "types."],
        decimal_through_double
    )
    .needs(&[Capability::Upsert]),
    sent!(
        "integer_through_double_between",
        "BETWEEN compares with 64-bit integers as doubles.",
        Select,
        [" BETWEEN "],
        &["queries.operands.comparison", "queries."],
        integer_through_double
    ),
    sent!(
        "decimal_through_double_in_list",
        "IN compares with decimals as doubles.",
        Select,
        [" IN ("],
        &["types.decimal", "queries."],
        decimal_through_double
    ),
    sent!(
        "microseconds_cut_in_comparison",
        "A comparison by <= compares with a timestamp without its microseconds.",
        Select,
        [" <= "],
        &["types.time", "queries."],
        without_microseconds
    ),
    sent!(
        "microseconds_cut_after",
        "A comparison by > compares with a timestamp without its microseconds.",
        Select,
        [" > "],
        &["types.time", "queries."],
        without_microseconds
    ),
    sent!(
        "bytes_cut_in_order",
        "A comparison by < compares with a byte string that ends at its first zero byte.",
        Select,
        [" < "],
        &["types.bytes", "queries."],
        cut_at_zero
    ),
    sent!(
        "text_cut_in_comparison",
        "A comparison of texts by > ends at the 64th character.",
        Select,
        [" > "],
        &["types.text", "queries."],
        |value| match value {
            Value::Text(text) => {
                let end = text.char_indices().nth(64)?.0;
                Some(Value::Text(text[..end].to_owned()))
            }
            _ => None,
        }
    ),
    returned!(
        "microseconds_cut_when_returned",
        "RETURNING loses the microseconds of timestamps.",
        is_write,
        " RETURNING ",
        &["writes.returning", "flush.", "types."],
        without_microseconds
    )
    .needs(&[Capability::Returning]),
    returned!(
        "texts_trimmed_when_returned",
        "RETURNING trims texts.",
        is_write,
        " RETURNING ",
        &["writes.returning", "flush.", "types."],
        trimmed
    )
    .needs(&[Capability::Returning]),
    returned!(
        "integers_through_doubles_when_returned",
        "RETURNING converts 64-bit integers to doubles and back.",
        is_write,
        " RETURNING ",
        &["writes.returning", "flush.", "types."],
        integer_through_double
    )
    .needs(&[Capability::Returning]),
    returned!(
        "decimals_through_doubles_when_returned",
        "RETURNING converts decimals to doubles and back.",
        is_write,
        " RETURNING ",
        &["writes.returning", "flush.", "types."],
        decimal_through_double
    )
    .needs(&[Capability::Returning]),
    returned!(
        "bytes_cut_when_returned",
        "RETURNING ends byte strings at their first zero byte.",
        is_write,
        " RETURNING ",
        &["writes.returning", "flush.", "types."],
        cut_at_zero
    )
    .needs(&[Capability::Returning]),
    returned!(
        "sum_through_a_double",
        "SUM of integers computes with doubles.",
        is_select,
        "SUM(",
        &["queries.groups.aggregates", "queries."],
        integer_through_double
    ),
    returned!(
        "sum_of_decimals_through_a_double",
        "SUM of decimals computes with doubles.",
        is_select,
        "SUM(",
        &["queries.functions.computed_decimals", "queries."],
        decimal_through_double
    )
    .needs(&[Capability::ExactDecimals]),
    returned!(
        "max_through_a_double",
        "MAX of integers returns a double.",
        is_select,
        "MAX(",
        &["queries.groups.aggregates", "queries."],
        integer_through_double
    ),
    returned!(
        "min_through_a_double",
        "MIN of integers returns a double.",
        is_select,
        "MIN(",
        &["queries.groups.aggregates", "queries."],
        integer_through_double
    ),
    returned!(
        "max_of_instants_cut",
        "MAX of timestamps loses their microseconds.",
        is_select,
        "MAX(",
        &["queries.groups.aggregates", "queries."],
        without_microseconds
    ),
    returned!(
        "min_of_texts_trimmed",
        "MIN of texts loses trailing spaces.",
        is_select,
        "MIN(",
        &["queries.groups.aggregates", "queries."],
        trimmed
    ),
    returned!(
        "max_of_decimals_through_a_double",
        "MAX of decimals returns a double.",
        is_select,
        "MAX(",
        &["queries.groups.aggregates", "queries."],
        decimal_through_double
    )
    .needs(&[Capability::ExactDecimals]),
    returned!(
        "coalesce_through_a_double",
        "COALESCE of integers returns a double.",
        is_select,
        "COALESCE(",
        &["queries.operands.choice", "queries."],
        integer_through_double
    ),
    returned!(
        "coalesce_of_instants_cut",
        "COALESCE of timestamps loses their microseconds.",
        is_select,
        "COALESCE(",
        &["queries.operands.choice", "queries."],
        without_microseconds
    ),
    returned!(
        "case_through_a_single",
        "CASE of doubles returns a single.",
        is_select,
        "CASE WHEN ",
        &["queries.operands.choice", "queries."],
        through_single
    ),
    returned!(
        "group_keys_through_doubles",
        "GROUP BY converts 64-bit integers to doubles and back.",
        is_select,
        " GROUP BY ",
        &["queries.group", "queries."],
        integer_through_double
    ),
    returned!(
        "group_keys_without_microseconds",
        "GROUP BY loses the microseconds of timestamps.",
        is_select,
        " GROUP BY ",
        &["queries.group", "queries."],
        without_microseconds
    ),
    returned!(
        "union_through_doubles",
        "UNION converts 64-bit integers to doubles and back.",
        is_select,
        " UNION ",
        &["queries.union", "queries."],
        integer_through_double
    ),
    returned!(
        "union_of_decimals_loses_zeros",
        "UNION loses trailing zeros of decimals.",
        is_select,
        " UNION ",
        &["queries.union", "queries."],
        without_zeros
    )
    .needs(&[Capability::DecimalScale]),
    returned!(
        "union_trims_texts",
        "UNION loses trailing spaces of texts.",
        is_select,
        " UNION ",
        &["queries.union", "queries."],
        trimmed
    ),
    returned!(
        "window_through_doubles",
        "Window functions convert 64-bit integers to doubles and back.",
        is_select,
        " OVER (",
        &["queries.groups.windows", "queries."],
        integer_through_double
    )
    .needs(&[Capability::Windows]),
    returned!(
        "joined_instants_cut",
        "A join loses the microseconds of timestamps.",
        is_select,
        " JOIN ",
        &["queries.groups.joins", "relations.", "queries."],
        without_microseconds
    ),
    returned!(
        "joined_integers_through_doubles",
        "A join converts 64-bit integers to doubles and back.",
        is_select,
        " JOIN ",
        &["queries.groups.joins", "relations.", "queries."],
        integer_through_double
    ),
    returned!(
        "distinct_trims_texts",
        "DISTINCT loses trailing spaces of texts.",
        is_select,
        "SELECT DISTINCT ",
        &["queries.distinct", "queries."],
        trimmed
    ),
    returned!(
        "sorted_instants_cut",
        "ORDER BY loses the microseconds of timestamps.",
        is_select,
        " ORDER BY ",
        &["types.time", "queries."],
        without_microseconds
    ),
];

/// The clauses that turn an INSERT into an upsert.
const UPSERT: [&str; 2] = [" ON CONFLICT ", " ON DUPLICATE KEY UPDATE "];

fn is_select(kind: StatementKind) -> bool {
    kind == StatementKind::Select
}

fn is_write(kind: StatementKind) -> bool {
    kind.is_write()
}

/// Changes all values; returns whether any value has changed.
fn change_all(values: &mut [Value], change: impl Fn(&Value) -> Option<Value>) -> bool {
    let mut changed = false;
    for value in values {
        if let Some(other) = change(value) {
            *value = other;
            changed = true;
        }
    }
    changed
}

#[expect(clippy::cast_possible_truncation, reason = "that is the fault")]
fn through_single(value: &Value) -> Option<Value> {
    let Value::F64(double) = value else {
        return None;
    };
    let single = f64::from(*double as f32);
    (single.to_bits() != double.to_bits() && !double.is_nan()).then_some(Value::F64(single))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "that is the fault"
)]
fn integer_through_double(value: &Value) -> Option<Value> {
    let Value::I64(integer) = value else {
        return None;
    };
    let through = *integer as f64 as i64;
    (through != *integer).then_some(Value::I64(through))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "that is the fault"
)]
fn decimal_through_double(value: &Value) -> Option<Value> {
    let Value::Decimal(decimal) = value else {
        return None;
    };
    let through = Decimal::new(decimal.mantissa() as f64 as i128, decimal.scale());
    (through.mantissa() != decimal.mantissa()).then_some(Value::Decimal(through))
}

fn without_zeros(value: &Value) -> Option<Value> {
    let Value::Decimal(decimal) = value else {
        return None;
    };
    let (mut mantissa, mut scale) = (decimal.mantissa(), decimal.scale());
    while scale > 0 && mantissa % 10 == 0 {
        mantissa /= 10;
        scale -= 1;
    }
    (scale != decimal.scale()).then(|| Value::Decimal(Decimal::new(mantissa, scale)))
}

fn trimmed(value: &Value) -> Option<Value> {
    let Value::Text(text) = value else {
        return None;
    };
    let trimmed = text.trim_end_matches(' ');
    (trimmed != text).then(|| Value::Text(trimmed.to_owned()))
}

fn cut_at_zero(value: &Value) -> Option<Value> {
    let Value::Bytes(bytes) = value else {
        return None;
    };
    let end = bytes.iter().position(|byte| *byte == 0)?;
    Some(Value::Bytes(bytes[..end].to_vec()))
}

fn without_microseconds(value: &Value) -> Option<Value> {
    let cut = |micros: i64| micros.div_euclid(1_000) * 1_000;
    match value {
        Value::Timestamp(at) if cut(at.0) != at.0 => Some(Value::Timestamp(Timestamp(cut(at.0)))),
        Value::TimestampTz(at) if cut(at.0) != at.0 => {
            Some(Value::TimestampTz(TimestampTz(cut(at.0))))
        }
        _ => None,
    }
}
