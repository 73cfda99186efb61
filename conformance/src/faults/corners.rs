//! Values altered in corner cases that few programs meet.

use selfsame::value::{Date, Decimal, Time, Timestamp, TimestampTz, Value, ValueRef};

use crate::case::Capability;
use crate::faults::Fault;

pub(super) const FAULTS: &[Fault] = &[
    stored!(
        "text_cut_beyond_65535",
        "A text is truncated to 65,535 bytes.",
        "types.text.lengths",
        |value| text(value, |text| {
            let end = (0..=65_535).rev().find(|end| text.is_char_boundary(*end));
            text.get(..end.unwrap_or(0)).unwrap_or(text).to_owned()
        })
    )
    .beyond(65_535),
    stored!(
        "text_cut_beyond_1_mib",
        "A text of more than a mebibyte loses its last character.",
        "types.text",
        |value| text(value, |text| {
            let mut text = text.to_owned();
            if text.len() > 1 << 20 {
                text.pop();
            }
            text
        })
    )
    .beyond(1 << 20),
    stored!(
        "bytes_cut_at_zero",
        "A byte string ends at its first zero byte.",
        "types.bytes",
        |value| bytes(value, |bytes| {
            bytes
                .iter()
                .copied()
                .take_while(|byte| *byte != 0)
                .collect()
        })
    ),
    stored!(
        "bytes_lose_zeros_at_end",
        "Trailing zero bytes are lost.",
        "types.bytes",
        |value| bytes(value, |bytes| {
            let end = bytes
                .iter()
                .rposition(|byte| *byte != 0)
                .map_or(0, |last| last + 1);
            bytes[..end].to_vec()
        })
    ),
    stored!(
        "bytes_empty_to_null",
        "An empty byte string is stored as NULL.",
        "types.bytes",
        |value| match value {
            ValueRef::Bytes([]) => Some(Value::Null),
            _ => None,
        }
    ),
    stored!(
        "bytes_backslash_doubled",
        "A backslash byte is doubled.",
        "types.bytes",
        |value| bytes(value, |bytes| {
            bytes
                .iter()
                .flat_map(|byte| vec![*byte; if *byte == b'\\' { 2 } else { 1 }])
                .collect()
        })
    ),
    stored!(
        "decimal_zeros_at_end_lost",
        "Trailing zeros of a decimal are lost.",
        "types.decimal",
        |value| match value {
            ValueRef::Decimal(value) => {
                let (mut mantissa, mut scale) = (value.mantissa(), value.scale());
                while scale > 0 && mantissa % 10 == 0 {
                    (mantissa, scale) = (mantissa / 10, scale - 1);
                }
                (scale != value.scale()).then(|| Value::Decimal(Decimal::new(mantissa, scale)))
            }
            _ => None,
        }
    )
    .needs(&[Capability::DecimalScale]),
    stored!(
        "decimal_sign_lost_below_one",
        "A decimal between −1 and 0 loses its sign.",
        "types.decimal",
        |value| match value {
            ValueRef::Decimal(value)
                if value.mantissa() < 0 && value.mantissa() / 10_i128.pow(value.scale()) == 0 =>
            {
                Some(Value::Decimal(Decimal::new(
                    -value.mantissa(),
                    value.scale(),
                )))
            }
            _ => None,
        }
    ),
    stored!(
        "i64_min_plus_one",
        "The smallest 64-bit integer is stored as one more.",
        "types.i64",
        |value| match value {
            ValueRef::I64(i64::MIN) => Some(Value::I64(i64::MIN + 1)),
            _ => None,
        }
    ),
    stored!(
        "i32_min_plus_one",
        "The smallest 32-bit integer is stored as one more.",
        "types.i32",
        |value| match value {
            ValueRef::I32(i32::MIN) => Some(Value::I32(i32::MIN + 1)),
            _ => None,
        }
    ),
    stored!(
        "i16_min_plus_one",
        "The smallest 16-bit integer is stored as one more.",
        "types.i16",
        |value| match value {
            ValueRef::I16(i16::MIN) => Some(Value::I16(i16::MIN + 1)),
            _ => None,
        }
    ),
    read!(
        "leap_year_ends_early",
        "The last day of a leap year is read as the first day of the next year.",
        "types.date",
        |value| match value {
            ValueRef::Date(day) => {
                let is_last = matches!(day.civil(), (year, 12, 31) if Date::from_civil(year, 2, 29).is_some());
                is_last.then(|| Value::Date(Date(day.0 + 1)))
            }
            _ => None,
        }
    ),
    read!(
        "century_is_a_leap_year",
        "Dates after February 1900 in that year are read one day late.",
        "types.date",
        |value| match value {
            ValueRef::Date(day) if matches!(day.civil(), (1900, 3..=12, _)) =>
                Some(Value::Date(Date(day.0 + 1))),
            _ => None,
        }
    ),
    read!(
        "short_years_completed",
        "A year below 100 is read as a year of the twentieth century.",
        "types.date",
        |value| match value {
            ValueRef::Date(day) => {
                let (year, month, of_month) = day.civil();
                (0..100)
                    .contains(&year)
                    .then(|| Date::from_civil(year + 1900, month, of_month))
                    .flatten()
                    .map(Value::Date)
            }
            _ => None,
        }
    ),
    read!(
        "years_beyond_2038_lost",
        "A timestamp after January 2038 is read as one 136 years earlier.",
        "types.timestamp",
        |value| match value {
            ValueRef::Timestamp(at) if at.0 > i64::from(i32::MAX) * 1_000_000 => Some(
                Value::Timestamp(Timestamp(at.0 - (1_i64 << 32) * 1_000_000))
            ),
            _ => None,
        }
    ),
    read!(
        "microseconds_cut_before_1970",
        "A timestamp before 1970 loses its fractional seconds.",
        "types.timestamp",
        |value| match value {
            ValueRef::Timestamp(at) if at.0 < 0 && at.0 % 1_000_000 != 0 => Some(Value::Timestamp(
                Timestamp(at.0 - at.0.rem_euclid(1_000_000))
            )),
            _ => None,
        }
    ),
    read!(
        "zoned_microseconds_cut",
        "A timestamp with a time zone is truncated to milliseconds.",
        "types.timestamptz",
        |value| match value {
            ValueRef::TimestampTz(at) if at.0 % 1_000 != 0 => Some(Value::TimestampTz(
                TimestampTz(at.0 - at.0.rem_euclid(1_000))
            )),
            _ => None,
        }
    ),
    stored!(
        "last_microsecond_is_midnight",
        "The last microsecond of a day is stored as midnight.",
        "types.time",
        |value| match value {
            ValueRef::Time(Time(86_399_999_999)) => Some(Value::Time(Time(0))),
            _ => None,
        }
    ),
    stored!(
        "subnormals_are_zero",
        "A subnormal double is stored as 0.",
        "types.f64",
        |value| match value {
            ValueRef::F64(value) if value.is_subnormal() => Some(Value::F64(0.0)),
            _ => None,
        }
    ),
    stored!(
        "single_subnormals_are_zero",
        "A subnormal single is stored as 0.",
        "types.f32",
        |value| match value {
            ValueRef::F32(value) if value.is_subnormal() => Some(Value::F32(0.0)),
            _ => None,
        }
    ),
    stored!(
        "float_of_15_digits",
        "A double is stored with 15 digits.",
        "types.f64",
        |value| match value {
            ValueRef::F64(value) if value.is_finite() => {
                let cut: f64 = format!("{value:.14e}").parse().ok()?;
                (cut.to_bits() != value.to_bits()).then_some(Value::F64(cut))
            }
            _ => None,
        }
    ),
    stored!(
        "single_of_6_digits",
        "A single is stored with 6 digits.",
        "types.f32",
        |value| match value {
            ValueRef::F32(value) if value.is_finite() => {
                let cut: f32 = format!("{value:.5e}").parse().ok()?;
                (cut.to_bits() != value.to_bits()).then_some(Value::F32(cut))
            }
            _ => None,
        }
    ),
    stored!(
        "single_infinity_to_null",
        "An infinite single is stored as NULL.",
        "types.f32",
        |value| match value {
            ValueRef::F32(value) if value.is_infinite() => Some(Value::Null),
            _ => None,
        }
    )
    .needs(&[Capability::Infinities]),
    stored!(
        "byte_order_mark_stripped",
        "A byte order mark at the start of a text is lost.",
        "types.text",
        |value| text(value, |text| {
            text.trim_start_matches('\u{feff}').to_owned()
        })
    ),
    stored!(
        "text_composed",
        "A letter followed by a combining acute accent is stored as one character.",
        "types.text",
        |value| text(value, |text| { text.replace("e\u{301}", "é") })
    ),
    stored!(
        "text_null_to_null",
        "The text NULL is stored as NULL.",
        "types.text",
        |value| match value {
            ValueRef::Text("NULL") => Some(Value::Null),
            _ => None,
        }
    ),
    stored!(
        "zeros_before_digits_lost",
        "Leading zeros of a text of digits are lost.",
        "types.text",
        |value| text(value, |text| {
            match text.parse::<u64>() {
                Ok(number) => number.to_string(),
                Err(_) => text.to_owned(),
            }
        })
    ),
    stored!(
        "line_end_at_end_lost",
        "A line feed at the end of a text is lost.",
        "types.text",
        |value| text(value, |text| {
            text.strip_suffix('\n').unwrap_or(text).to_owned()
        })
    ),
    stored!(
        "tabs_are_spaces",
        "A tab is stored as a space.",
        "types.text",
        |value| text(value, |text| text.replace('\t', " "))
    ),
    stored!(
        "quotes_doubled",
        "A single quote in a text is doubled.",
        "types.text",
        |value| text(value, |text| text.replace('\'', "''"))
    ),
    stored!(
        "text_folded",
        "The letter ß is stored as ss.",
        "types.text",
        |value| text(value, |text| text.replace('ß', "ss"))
    ),
    read!(
        "json_members_sorted",
        "The members of a JSON document are read in alphabetical order.",
        "types.json",
        |value| match value {
            ValueRef::Json(text) => {
                let sorted: serde_json::Value = serde_json::from_str(text).ok()?;
                let sorted = sorted.to_string();
                (sorted.len() == text.len() && sorted != text).then_some(Value::Json(sorted))
            }
            _ => None,
        }
    )
    .needs(&[Capability::JsonTextKept]),
    read!(
        "json_spaces_lost",
        "Spaces after the colons of a JSON document are lost.",
        "types.json",
        |value| match value {
            ValueRef::Json(text) => text
                .contains(": ")
                .then(|| Value::Json(text.replace(": ", ":"))),
            _ => None,
        }
    )
    .needs(&[Capability::JsonTextKept]),
    stored!(
        "uuid_nil_to_null",
        "The nil UUID is stored as NULL.",
        "types.uuid",
        |value| match value {
            ValueRef::Uuid(bytes) if bytes == [0; 16] => Some(Value::Null),
            _ => None,
        }
    ),
];

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
