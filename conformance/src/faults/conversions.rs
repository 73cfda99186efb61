//! Values coerced to a type that they do not have.

use selfsame::backend::Row;
use selfsame::value::{Date, Time, Value, ValueRef, ValueType};

use crate::faults::Fault;
use crate::faults::Group::Values;
use crate::faults::lie::Lie;

/// A value of one type, read as another type, and the result of the coercion.
macro_rules! altered {
    ($id:literal, $sentence:literal, $from:ident => $to:ident, $alter:expr) => {
        Fault::new(
            concat!("values.", $id),
            Values,
            $sentence,
            Lie::ReadAs(|row, index, ty| {
                if ty != ValueType::$to || row.value(index, ty).is_ok() {
                    return None;
                }
                let alter: fn(ValueRef<'_>) -> Option<Value> = $alter;
                alter(row.value(index, ValueType::$from).ok()?)
            }),
        )
        .suspects(&["types.conversion"])
    };
}

/// NULL, read as a type, and the result of the coercion.
macro_rules! null {
    ($id:literal, $sentence:literal, $to:ident, $value:expr) => {
        Fault::new(
            concat!("values.", $id),
            Values,
            $sentence,
            Lie::ReadAs(|row: &dyn Row, index, ty| {
                (ty == ValueType::$to && row.value(index, ty).ok()?.is_null()).then_some($value)
            }),
        )
        .suspects(&[
            "types.bool",
            "types.date",
            "types.i16",
            "types.bytes",
            "types.uuid",
        ])
    };
}

pub(super) const FAULTS: &[Fault] = &[
    altered!("text_read_as_integer", "A text of digits is read as an integer.", Text => I64, |value| text(value)?.trim().parse().ok().map(Value::I64)),
    altered!("text_read_as_float", "A text that looks like a float is read as one.", Text => F64, |value| text(value)?.parse().ok().map(Value::F64)),
    altered!("text_read_as_bool", "The texts `true` and `false` are read as booleans.", Text => Bool, |value| text(value)?.parse().ok().map(Value::Bool)),
    altered!("integer_read_as_float", "An integer is read as a float.", I64 => F64, |value| match value {
        #[expect(clippy::cast_precision_loss, reason = "the mistake is the conversion")]
        ValueRef::I64(value) => Some(Value::F64(value as f64)),
        _ => None,
    }),
    altered!("integer_read_as_text", "An integer is read as a text of its digits.", I64 => Text, |value| match value {
        ValueRef::I64(value) => Some(Value::Text(value.to_string())),
        _ => None,
    }),
    altered!("integer_read_as_bool", "An integer other than 0 is read as true.", I64 => Bool, |value| match value {
        ValueRef::I64(value) => Some(Value::Bool(value != 0)),
        _ => None,
    }),
    altered!("integer_wraps_in_16_bits", "An integer that does not fit 16 bits is truncated to them.", I64 => I16, |value| match value {
        #[expect(clippy::cast_possible_truncation, reason = "the mistake is the conversion")]
        ValueRef::I64(value) => Some(Value::I16(value as i16)),
        _ => None,
    }),
    altered!("integer_saturates_in_32_bits", "An integer that does not fit 32 bits is read as the greatest one that does.", I64 => I32, |value| match value {
        ValueRef::I64(value) => Some(Value::I32(if value < 0 { i32::MIN } else { i32::MAX })),
        _ => None,
    }),
    altered!("float_read_as_integer", "A float without a fraction is read as an integer.", F64 => I64, |value| match value {
        #[expect(clippy::cast_possible_truncation, reason = "the mistake is the conversion")]
        ValueRef::F64(value) if value.fract() == 0.0 => Some(Value::I64(value as i64)),
        _ => None,
    }),
    altered!("double_read_as_single", "A double is rounded to a single.", F64 => F32, |value| match value {
        #[expect(clippy::cast_possible_truncation, reason = "the mistake is the conversion")]
        ValueRef::F64(value) => Some(Value::F32(value as f32)),
        _ => None,
    }),
    altered!("float_read_as_text", "A float is read as its digits.", F64 => Text, |value| match value {
        ValueRef::F64(value) => Some(Value::Text(value.to_string())),
        _ => None,
    }),
    altered!("bytes_read_as_text", "A byte string is read as a text.", Bytes => Text, |value| match value {
        ValueRef::Bytes(value) => Some(Value::Text(String::from_utf8_lossy(value).into_owned())),
        _ => None,
    }),
    altered!("timestamp_read_as_day", "A timestamp is read as its date.", Timestamp => Date, |value| match value {
        ValueRef::Timestamp(at) => Some(Value::Date(Date(i32::try_from(at.0.div_euclid(86_400_000_000)).ok()?))),
        _ => None,
    }),
    altered!("timestamp_read_as_time", "A timestamp is read as its time of day.", Timestamp => Time, |value| match value {
        ValueRef::Timestamp(at) => Some(Value::Time(Time(at.0.rem_euclid(86_400_000_000)))),
        _ => None,
    }),
    altered!("decimal_read_as_integer", "A decimal is read as an integer, without its fraction.", Decimal => I64, |value| match value {
        ValueRef::Decimal(value) => i64::try_from(value.mantissa() / 10_i128.pow(value.scale())).ok().map(Value::I64),
        _ => None,
    }),
    altered!("bool_read_as_text", "A boolean is read as a text.", Bool => Text, |value| match value {
        ValueRef::Bool(value) => Some(Value::Text(value.to_string())),
        _ => None,
    }),
    null!(
        "null_is_false",
        "NULL in a boolean column is read as false.",
        Bool,
        Value::Bool(false)
    ),
    null!(
        "null_is_zero",
        "NULL in a column of 16-bit integers is read as 0.",
        I16,
        Value::I16(0)
    ),
    null!(
        "null_is_1970",
        "NULL in a date column is read as 1970-01-01.",
        Date,
        Value::Date(Date(0))
    ),
    null!(
        "null_is_no_bytes",
        "NULL in a column of byte strings is read as an empty one.",
        Bytes,
        Value::Bytes(Vec::new())
    ),
    null!(
        "null_is_nil",
        "NULL in a UUID column is read as the nil UUID.",
        Uuid,
        Value::Uuid([0; 16])
    ),
];

fn text(value: ValueRef<'_>) -> Option<&str> {
    match value {
        ValueRef::Text(text) => Some(text),
        _ => None,
    }
}
