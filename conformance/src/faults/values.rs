//! Values altered when they are stored or read.

use selfsame::value::{Date, Decimal, Time, Timestamp, TimestampTz, Value, ValueRef};

use crate::case::Capability;
use crate::faults::Fault;
use crate::faults::Group::Values;
use crate::faults::lie::Lie;

pub(super) const FAULTS: &[Fault] = &[
    Fault::new(
        "values.array_nulls_last",
        Values,
        "The NULLs of an array are moved to its end.",
        Lie::Array(nulls_last),
    )
    .needs(&[Capability::ArrayBatches])
    .suspects(&["types.all.as_arrays"]),
    Fault::new(
        "values.array_null_is_text",
        Values,
        "A NULL in an array of texts becomes the text NULL.",
        Lie::Array(null_is_text),
    )
    .needs(&[Capability::ArrayBatches])
    .suspects(&["types.all.as_arrays"]),
    Fault::new(
        "values.columns_unasked",
        Values,
        "The declared type of a column is not looked up, so the column changes some values without an error.",
        Lie::LoseTarget,
    )
    .needs(&[Capability::ConvertedValues])
    .suspects(&["types.narrow.refused_or_kept"]),
    Fault::new(
        "values.controls_stripped",
        Values,
        "Control characters other than tabs and line endings are removed from texts.",
        Lie::Store(|value| {
            text_through(value, |text| {
                let kept = |c: &char| !c.is_control() || matches!(c, '\t' | '\n' | '\r' | '\0');
                text.chars().filter(kept).collect()
            })
        }),
    )
    .suspects(&["types.text.specials"]),
    Fault::new(
        "values.line_ends_changed",
        Values,
        "A carriage return before a line feed is lost.",
        Lie::Store(|value| text_through(value, |text| text.replace("\r\n", "\n"))),
    )
    .suspects(&["types.text.specials"]),
    Fault::new(
        "values.text_trimmed_at_start",
        Values,
        "Leading white space of a text is lost.",
        Lie::Read(|value| text_through(value, |text| text.trim_start().to_owned())),
    )
    .suspects(&["types.text.specials"]),
    Fault::new(
        "values.text_cut_beyond_8000",
        Values,
        "A text is truncated to 8,000 characters.",
        Lie::Store(|value| text_through(value, |text| text.chars().take(8_000).collect())),
    )
    .beyond(8_000)
    .suspects(&["types.text.lengths"]),
    Fault::new(
        "values.leap_days_move",
        Values,
        "29 February is read as 1 March.",
        Lie::Read(|value| match value {
            ValueRef::Date(date) if matches!(date.civil(), (_, 2, 29)) => {
                Some(Value::Date(Date(date.0 + 1)))
            }
            _ => None,
        }),
    )
    .suspects(&["types.date.calendar"]),
    Fault::new(
        "values.decimal_cut_beyond_20_places",
        Values,
        "A decimal keeps at most 20 digits after the decimal point.",
        Lie::Store(|value| match value {
            ValueRef::Decimal(decimal) if decimal.scale() > 20 => {
                let cut = 10_i128.pow(decimal.scale() - 20);
                Some(Value::Decimal(Decimal::new(decimal.mantissa() / cut, 20)))
            }
            _ => None,
        }),
    )
    .suspects(&["types.decimal.scales"]),
    Fault::new(
        "values.i64_through_f64",
        Values,
        "A 64-bit integer is converted to a double and back when stored.",
        Lie::Store(i64_through_f64),
    )
    .suspects(&["types.i64"]),
    Fault::new(
        "values.i64_through_i32",
        Values,
        "A 64-bit integer is truncated to 32 bits when read.",
        Lie::Read(i64_through_i32),
    )
    .suspects(&["types.i64"]),
    Fault::new(
        "values.i64_max_minus_one",
        Values,
        "The largest 64-bit integer is stored as one less.",
        Lie::Store(|value| match value {
            ValueRef::I64(i64::MAX) => Some(Value::I64(i64::MAX - 1)),
            _ => None,
        }),
    )
    .suspects(&["types.i64.extremes"]),
    Fault::new(
        "values.f64_through_f32",
        Values,
        "A double is converted to a single and back when stored.",
        Lie::Store(f64_through_f32),
    )
    .suspects(&["types.f64"]),
    Fault::new(
        "values.nan_to_null",
        Values,
        "NaN is stored as NULL.",
        Lie::Store(|value| match value {
            ValueRef::F64(v) if v.is_nan() => Some(Value::Null),
            ValueRef::F32(v) if v.is_nan() => Some(Value::Null),
            _ => None,
        }),
    )
    .needs(&[Capability::Nan])
    .suspects(&["types.f64.nan"]),
    Fault::new(
        "values.negative_zero",
        Values,
        "The sign of a zero is lost.",
        Lie::Store(|value| match value {
            ValueRef::F64(v) if v == 0.0 && v.is_sign_negative() => Some(Value::F64(0.0)),
            _ => None,
        }),
    )
    .needs(&[Capability::NegativeZero])
    .suspects(&["types.f64.negative_zero"]),
    Fault::new(
        "values.infinity_to_null",
        Values,
        "An infinity is stored as NULL.",
        Lie::Store(|value| match value {
            ValueRef::F64(v) if v.is_infinite() => Some(Value::Null),
            _ => None,
        }),
    )
    .needs(&[Capability::Infinities])
    .suspects(&["types.f64.infinities"]),
    Fault::new(
        "values.decimal_through_f64",
        Values,
        "A decimal is converted to a double and back when read.",
        Lie::Read(decimal_through_f64),
    )
    .suspects(&["types.decimal"]),
    Fault::new(
        "values.empty_text_to_null",
        Values,
        "An empty text is stored as NULL.",
        Lie::Store(|value| match value {
            ValueRef::Text("") => Some(Value::Null),
            _ => None,
        }),
    )
    .suspects(&["types.text.empty"]),
    Fault::new(
        "values.null_to_empty_text",
        Values,
        "NULL in a text column is read as an empty text.",
        Lie::Store(|value| match value {
            ValueRef::Null => Some(Value::Text(String::new())),
            _ => None,
        }),
    )
    .suspects(&["types.text.empty"]),
    Fault::new(
        "values.text_cut_at_nul",
        Values,
        "A text ends at its first NUL.",
        Lie::Store(|value| match value {
            ValueRef::Text(v) => v
                .split_once('\0')
                .map(|(before, _)| Value::Text(before.to_owned())),
            _ => None,
        }),
    )
    .needs(&[Capability::NulInText])
    .suspects(&["types.text.nul"]),
    Fault::new(
        "values.text_cut_beyond_255",
        Values,
        "A text is truncated to 255 characters.",
        Lie::Store(|value| match value {
            ValueRef::Text(v) => v
                .char_indices()
                .nth(255)
                .map(|(end, _)| Value::Text(v[..end].to_owned())),
            _ => None,
        }),
    )
    .beyond(255)
    .suspects(&["types.text.long"]),
    Fault::new(
        "values.text_right_trimmed",
        Values,
        "Trailing spaces of a text are lost.",
        Lie::Read(|value| match value {
            ValueRef::Text(v) if v.ends_with(' ') => {
                Some(Value::Text(v.trim_end_matches(' ').to_owned()))
            }
            _ => None,
        }),
    )
    .suspects(&["types.text.trailing_spaces"]),
    Fault::new(
        "values.text_astral_to_question_mark",
        Values,
        "A character outside the Basic Multilingual Plane becomes a question mark.",
        Lie::Store(|value| match value {
            ValueRef::Text(v) if v.chars().any(|c| c > '\u{ffff}') => Some(Value::Text(
                v.chars()
                    .map(|c| if c > '\u{ffff}' { '?' } else { c })
                    .collect(),
            )),
            _ => None,
        }),
    )
    .suspects(&["types.text.unicode"]),
    Fault::new(
        "values.microseconds_cut",
        Values,
        "Times are truncated to milliseconds.",
        Lie::Read(microseconds_cut),
    )
    .suspects(&["types.timestamp", "types.time"]),
    Fault::new(
        "values.day_off_before_1970",
        Values,
        "A date before 1970 is read as the following day.",
        Lie::Read(|value| match value {
            ValueRef::Date(day) if day.0 < 0 => Some(Value::Date(selfsame::value::Date(day.0 + 1))),
            _ => None,
        }),
    )
    .suspects(&["types.date"]),
    Fault::new(
        "values.time_zone_dropped",
        Values,
        "A timestamp with a time zone is read one hour off.",
        Lie::Read(|value| match value {
            ValueRef::TimestampTz(v) => Some(Value::TimestampTz(TimestampTz(v.0 + 3_600_000_000))),
            _ => None,
        }),
    )
    .suspects(&["types.timestamptz"]),
    Fault::new(
        "values.json_integers_through_f64",
        Values,
        "Large integers in JSON documents are converted to doubles.",
        Lie::Read(json_integers_through_f64),
    )
    .suspects(&["types.json"]),
    Fault::new(
        "values.json_null_to_null",
        Values,
        "The JSON document `null` is stored as NULL.",
        Lie::Store(|value| match value {
            ValueRef::Json("null") => Some(Value::Null),
            _ => None,
        }),
    )
    .suspects(&["types.json.null"]),
    Fault::new(
        "values.uuid_byte_order",
        Values,
        "The first part of a UUID is read with its bytes swapped.",
        Lie::Read(|value| match value {
            ValueRef::Uuid(mut bytes) => {
                bytes[..4].reverse();
                Some(Value::Uuid(bytes))
            }
            _ => None,
        }),
    )
    .suspects(&["types.uuid"]),
    Fault::new(
        "values.bytes_cut_beyond_64k",
        Values,
        "A byte string is truncated to 65,536 bytes.",
        Lie::Store(|value| match value {
            ValueRef::Bytes(v) => v
                .get(..65_536)
                .filter(|start| start.len() < v.len())
                .map(|start| Value::Bytes(start.to_vec())),
            _ => None,
        }),
    )
    .beyond(65_536)
    .suspects(&["types.bytes.large"]),
];

fn nulls_last(values: &[Value]) -> Option<Vec<Value>> {
    let (mut moved, nulls): (Vec<Value>, Vec<Value>) = values
        .iter()
        .cloned()
        .partition(|value| !matches!(value, Value::Null));
    moved.extend(nulls);
    (moved != values).then_some(moved)
}

fn null_is_text(values: &[Value]) -> Option<Vec<Value>> {
    let is_text = values.iter().any(|value| matches!(value, Value::Text(_)));
    let has_null = values.iter().any(|value| matches!(value, Value::Null));
    let altered = |value: &Value| match value {
        Value::Null => Value::Text("NULL".to_owned()),
        value => value.clone(),
    };
    (is_text && has_null).then(|| values.iter().map(altered).collect())
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the mistake is the lossy conversion"
)]
fn i64_through_f64(value: ValueRef<'_>) -> Option<Value> {
    let ValueRef::I64(v) = value else { return None };
    let altered = v as f64 as i64;
    (altered != v).then_some(Value::I64(altered))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the mistake is the lossy conversion"
)]
fn i64_through_i32(value: ValueRef<'_>) -> Option<Value> {
    let ValueRef::I64(v) = value else { return None };
    let altered = i64::from(v as i32);
    (altered != v).then_some(Value::I64(altered))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the mistake is the lossy conversion"
)]
fn f64_through_f32(value: ValueRef<'_>) -> Option<Value> {
    let ValueRef::F64(v) = value else { return None };
    let altered = f64::from(v as f32);
    (altered.to_bits() != v.to_bits()).then_some(Value::F64(altered))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the mistake is the lossy conversion"
)]
fn decimal_through_f64(value: ValueRef<'_>) -> Option<Value> {
    let ValueRef::Decimal(v) = value else {
        return None;
    };
    let altered = v.mantissa() as f64 as i128;
    (altered != v.mantissa()).then_some(Value::Decimal(Decimal::new(altered, v.scale())))
}

fn json_integers_through_f64(value: ValueRef<'_>) -> Option<Value> {
    fn altered(document: &mut serde_json::Value) -> bool {
        match document {
            serde_json::Value::Number(number) => {
                let exact = number.as_i64().map(ValueRef::I64);
                let Some(Value::I64(other)) = exact.and_then(i64_through_f64) else {
                    return false;
                };
                *document = other.into();
                true
            }
            serde_json::Value::Array(items) => {
                items.iter_mut().fold(false, |any, v| altered(v) | any)
            }
            serde_json::Value::Object(map) => {
                map.values_mut().fold(false, |any, v| altered(v) | any)
            }
            _ => false,
        }
    }
    let ValueRef::Json(text) = value else {
        return None;
    };
    let mut document = serde_json::from_str(text).ok()?;
    altered(&mut document).then(|| Value::Json(document.to_string()))
}

fn microseconds_cut(value: ValueRef<'_>) -> Option<Value> {
    let cut = |micros: i64| {
        let rest = micros.rem_euclid(1000);
        (rest != 0).then_some(micros - rest)
    };
    match value {
        ValueRef::Time(v) => cut(v.0).map(|v| Value::Time(Time(v))),
        ValueRef::Timestamp(v) => cut(v.0).map(|v| Value::Timestamp(Timestamp(v))),
        ValueRef::TimestampTz(v) => cut(v.0).map(|v| Value::TimestampTz(TimestampTz(v))),
        _ => None,
    }
}

/// Returns a changed text; `None` if it does not change.
fn text_through(value: ValueRef<'_>, change: impl FnOnce(&str) -> String) -> Option<Value> {
    let ValueRef::Text(text) = value else {
        return None;
    };
    let changed = change(text);
    (changed != text).then_some(Value::Text(changed))
}
