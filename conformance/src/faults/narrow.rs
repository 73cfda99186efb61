//! Values altered in one narrow case: one length, one character, one day.

use selfsame::backend::Row;
use selfsame::value::{Date, Decimal, Time, Timestamp, TimestampTz, Value, ValueRef, ValueType};

use crate::case::Capability;
use crate::faults::Fault;
use crate::faults::Group::Values;
use crate::faults::lie::Lie;

macro_rules! null {
    ($id:literal, $sentence:literal, $suspect:literal, $to:ident, $value:expr) => {
        Fault::new(
            concat!("values.", $id),
            Values,
            $sentence,
            Lie::ReadAs(|row: &dyn Row, index, ty| {
                (ty == ValueType::$to && row.value(index, ty).ok()?.is_null()).then_some($value)
            }),
        )
        .suspects(&[$suspect])
    };
}

pub(super) const FAULTS: &[Fault] = &[
    stored!(
        "text_of_256_loses_a_byte",
        "A text of exactly 256 bytes loses its last character.",
        "types.text",
        |value| text(value, |text| shorter(text, text.len() == 256))
    ),
    stored!(
        "text_of_65536_is_empty",
        "A text of exactly 65,536 bytes is stored empty.",
        "types.text",
        |value| text(value, |text| match text.len() {
            65_536 => String::new(),
            _ => text.to_owned(),
        })
    ),
    stored!(
        "text_of_spaces_is_empty",
        "A text of spaces only is stored empty.",
        "types.text",
        |value| text(value, |text| match text.trim_matches(' ') {
            "" => String::new(),
            _ => text.to_owned(),
        })
    ),
    stored!(
        "backslash_escapes_read",
        "A backslash and an n are stored as a line feed.",
        "types.text",
        |value| text(value, |text| text.replace("\\n", "\n"))
    ),
    stored!(
        "backslash_at_end_lost",
        "A backslash at the end of a text is lost.",
        "types.text",
        |value| text(value, |text| text
            .strip_suffix('\\')
            .unwrap_or(text)
            .to_owned())
    ),
    stored!(
        "no_break_space_is_a_space",
        "A no-break space is stored as a space.",
        "types.text",
        |value| text(value, |text| text.replace('\u{a0}', " "))
    ),
    stored!(
        "line_separator_is_line_feed",
        "The line separator U+2028 is stored as a line feed.",
        "types.text",
        |value| text(value, |text| text.replace('\u{2028}', "\n"))
    ),
    stored!(
        "last_code_point_lost",
        "The code point U+10FFFF is lost.",
        "types.text",
        |value| text(value, |text| text.replace('\u{10ffff}', ""))
    ),
    stored!(
        "joiners_lost",
        "Zero-width joiners are lost.",
        "types.text",
        |value| text(value, |text| text.replace('\u{200d}', ""))
    ),
    stored!(
        "delete_character_lost",
        "The control character U+007F is lost.",
        "types.text",
        |value| text(value, |text| text.replace('\u{7f}', ""))
    ),
    stored!(
        "carriage_return_is_line_feed",
        "A lone carriage return is stored as a line feed.",
        "types.text",
        |value| text(value, |text| match text.contains("\r\n") {
            true => text.to_owned(),
            false => text.replace('\r', "\n"),
        })
    ),
    stored!(
        "percent_doubled",
        "A percent sign in a text is doubled.",
        "types.text",
        |value| text(value, |text| text.replace('%', "%%"))
    ),
    stored!(
        "text_cut_at_comment",
        "A text ends at two hyphens.",
        "types.text",
        |value| text(value, |text| text
            .split("--")
            .next()
            .unwrap_or(text)
            .to_owned())
    ),
    stored!(
        "text_cut_at_semicolon",
        "A text ends at its first semicolon.",
        "types.text",
        |value| text(value, |text| text
            .split(';')
            .next()
            .unwrap_or(text)
            .to_owned())
    ),
    stored!(
        "bytes_cut_beyond_255",
        "A byte string is truncated to 255 bytes.",
        "types.bytes",
        |value| bytes(value, |bytes| bytes[..bytes.len().min(255)].to_vec())
    ),
    stored!(
        "bytes_of_65536_are_empty",
        "A byte string of exactly 65,536 bytes is stored empty.",
        "types.bytes",
        |value| bytes(value, |bytes| match bytes.len() {
            65_536 => Vec::new(),
            _ => bytes.to_vec(),
        })
    ),
    stored!(
        "bytes_cut_beyond_1_mib",
        "A byte string of more than a mebibyte loses its last byte.",
        "types.bytes",
        |value| bytes(value, |bytes| bytes
            [..bytes.len() - usize::from(bytes.len() > 1 << 20)]
            .to_vec())
    ),
    stored!(
        "decimal_zero_loses_its_scale",
        "The decimal 0.00 is stored as 0.",
        "types.decimal",
        |value| match value {
            ValueRef::Decimal(zero) if zero.mantissa() == 0 && zero.scale() > 0 =>
                Some(Value::Decimal(Decimal::new(0, 0))),
            _ => None,
        }
    )
    .needs(&[Capability::DecimalScale]),
    stored!(
        "decimal_wraps_at_64_bits",
        "A decimal whose digits do not fit 64 bits keeps only the low 64 bits of them.",
        "types.decimal",
        |value| match value {
            ValueRef::Decimal(wide) if wide.mantissa() > i128::from(u64::MAX) =>
                Some(Value::Decimal(Decimal::new(
                    wide.mantissa() & i128::from(u64::MAX),
                    wide.scale()
                ))),
            _ => None,
        }
    ),
    stored!(
        "i64_beyond_53_bits_is_even",
        "An odd integer beyond 2^53 is stored as the even one below.",
        "types.i64",
        |value| match value {
            ValueRef::I64(odd) if odd > 1 << 53 && odd % 2 == 1 && odd != i64::MAX =>
                Some(Value::I64(odd - 1)),
            _ => None,
        }
    ),
    stored!(
        "negative_infinity_is_positive",
        "Negative infinity is stored as infinity.",
        "types.f64",
        |value| match value {
            ValueRef::F64(f64::NEG_INFINITY) => Some(Value::F64(f64::INFINITY)),
            _ => None,
        }
    )
    .needs(&[Capability::Infinities]),
    stored!(
        "largest_double_is_less",
        "The largest double is stored as the one before it.",
        "types.f64",
        |value| match value {
            ValueRef::F64(f64::MAX) => Some(Value::F64(f64::MAX.next_down())),
            _ => None,
        }
    ),
    stored!(
        "false_to_null",
        "False is stored as NULL.",
        "types.bool",
        |value| match value {
            ValueRef::Bool(false) => Some(Value::Null),
            _ => None,
        }
    ),
    stored!(
        "midnight_to_null",
        "Midnight is stored as NULL.",
        "types.time",
        |value| match value {
            ValueRef::Time(Time(0)) => Some(Value::Null),
            _ => None,
        }
    ),
    stored!(
        "first_microsecond_is_midnight",
        "The first microsecond of a day is stored as midnight.",
        "types.time",
        |value| match value {
            ValueRef::Time(Time(1)) => Some(Value::Time(Time(0))),
            _ => None,
        }
    ),
    stored!(
        "epoch_to_null",
        "The timestamp 1970-01-01 00:00 is stored as NULL.",
        "types.timestamp",
        |value| match value {
            ValueRef::Timestamp(Timestamp(0)) => Some(Value::Null),
            _ => None,
        }
    ),
    stored!(
        "zoned_epoch_to_null",
        "The timestamp with time zone 1970-01-01 00:00 is stored as NULL.",
        "types.timestamptz",
        |value| match value {
            ValueRef::TimestampTz(TimestampTz(0)) => Some(Value::Null),
            _ => None,
        }
    ),
    stored!(
        "last_microsecond_before_1970_lost",
        "The last microsecond before 1970 is stored as 1970.",
        "types.timestamp",
        |value| match value {
            ValueRef::Timestamp(Timestamp(-1)) => Some(Value::Timestamp(Timestamp(0))),
            _ => None,
        }
    ),
    stored!(
        "zoned_years_beyond_2038_lost",
        "A timestamp with time zone after January 2038 is stored as one 136 years earlier.",
        "types.timestamptz",
        |value| match value {
            ValueRef::TimestampTz(at) if at.0 > i64::from(i32::MAX) * 1_000_000 => Some(
                Value::TimestampTz(TimestampTz(at.0 - (1_i64 << 32) * 1_000_000))
            ),
            _ => None,
        }
    ),
    stored!(
        "julian_days",
        "A date before October 15, 1582 is stored ten days late.",
        "types.date",
        |value| match value {
            ValueRef::Date(day) if day.0 < -141_427 => Some(Value::Date(Date(day.0 + 10))),
            _ => None,
        }
    ),
    stored!(
        "uuid_version_forced",
        "The version digit of a UUID is stored as 4.",
        "types.uuid",
        |value| match value {
            ValueRef::Uuid(mut bytes) => {
                let before = bytes;
                bytes[6] = bytes[6] & 0x0f | 0x40;
                (bytes != before).then_some(Value::Uuid(bytes))
            }
            _ => None,
        }
    ),
    stored!(
        "json_empty_text_to_null",
        "The JSON document \"\" is stored as null.",
        "types.json",
        |value| match value {
            ValueRef::Json("\"\"") => Some(Value::Json("null".to_owned())),
            _ => None,
        }
    ),
    stored!(
        "json_empty_list_is_an_object",
        "An empty JSON array is stored as an empty object.",
        "types.json",
        |value| match value {
            ValueRef::Json("[]") => Some(Value::Json("{}".to_owned())),
            _ => None,
        }
    ),
    stored!(
        "json_depth_cut",
        "Brackets of JSON beyond 32 levels are lost.",
        "types.json",
        |value| match value {
            ValueRef::Json(deep) if deep.starts_with("[[") => {
                let open = deep.bytes().take_while(|byte| *byte == b'[').count();
                (open > 32)
                    .then(|| Value::Json(deep[open - 32..deep.len() - (open - 32)].to_owned()))
            }
            _ => None,
        }
    ),
    null!(
        "null_is_zero_in_i32",
        "NULL in a column of 32-bit integers is read as 0.",
        "types.i32",
        I32,
        Value::I32(0)
    ),
    null!(
        "null_is_zero_in_i64",
        "NULL in a column of 64-bit integers is read as 0.",
        "types.i64",
        I64,
        Value::I64(0)
    ),
    null!(
        "null_is_zero_in_f64",
        "NULL in a column of doubles is read as 0.",
        "types.f64",
        F64,
        Value::F64(0.0)
    ),
    null!(
        "null_is_zero_in_f32",
        "NULL in a column of singles is read as 0.",
        "types.f32",
        F32,
        Value::F32(0.0)
    ),
    null!(
        "null_is_zero_in_decimals",
        "NULL in a decimal column is read as 0.",
        "types.decimal",
        Decimal,
        Value::Decimal(Decimal::new(0, 0))
    ),
    null!(
        "null_is_midnight",
        "NULL in a column of times is read as midnight.",
        "types.time",
        Time,
        Value::Time(Time(0))
    ),
    null!(
        "null_is_the_epoch",
        "NULL in a column of timestamps is read as 1970-01-01 00:00.",
        "types.timestamp",
        Timestamp,
        Value::Timestamp(Timestamp(0))
    ),
    null!(
        "null_is_the_zoned_epoch",
        "NULL in a column of timestamps with time zone is read as 1970-01-01 00:00.",
        "types.timestamptz",
        TimestampTz,
        Value::TimestampTz(TimestampTz(0))
    ),
    null!(
        "null_is_json_null",
        "NULL in a JSON column is read as the document null.",
        "types.json",
        Json,
        Value::Json("null".to_owned())
    ),
];

fn shorter(text: &str, is_cut: bool) -> String {
    let mut text = text.to_owned();
    if is_cut {
        text.pop();
    }
    text
}

fn text(value: ValueRef<'_>, change: impl FnOnce(&str) -> String) -> Option<Value> {
    let ValueRef::Text(text) = value else {
        return None;
    };
    let changed = change(text);
    (changed != text).then_some(Value::Text(changed))
}

fn bytes(value: ValueRef<'_>, change: impl FnOnce(&[u8]) -> Vec<u8>) -> Option<Value> {
    let ValueRef::Bytes(bytes) = value else {
        return None;
    };
    let changed = change(bytes);
    (changed != bytes).then_some(Value::Bytes(changed))
}
