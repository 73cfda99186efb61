//! Values written and read: a value that would be altered is refused.

use selfsame::value::{Date, Decimal, Param, Time, Timestamp, TimestampTz, ValueRef, ValueType};
use selfsame::{Error, ErrorKind, Result};
use turso::Value as Stored;

/// A parameter as it is stored.
pub(crate) fn to_stored(param: &Param<'_>, index: usize) -> Result<Stored> {
    let refused = |what: &str| {
        let message = format!("parameter {index} is {what}");
        Err(Error::new(ErrorKind::OutOfRange, message).parameter(index))
    };
    let Some(value) = param.value() else {
        return Err(Error::unsupported("turso", "an array as a parameter"));
    };
    Ok(match value {
        ValueRef::Null => Stored::Null,
        ValueRef::Bool(value) => Stored::Integer(value.into()),
        ValueRef::I16(value) => Stored::Integer(value.into()),
        ValueRef::I32(value) => Stored::Integer(value.into()),
        ValueRef::I64(value) => Stored::Integer(value),
        ValueRef::F32(value) if value.is_nan() => return refused("NaN"),
        ValueRef::F64(value) if value.is_nan() => return refused("NaN"),
        ValueRef::F32(value) => Stored::Real(value.into()),
        ValueRef::F64(value) => Stored::Real(value),
        ValueRef::Text(text) if text.contains('\0') => return refused("a text with NUL"),
        ValueRef::Text(text) | ValueRef::Json(text) => Stored::Text(text.to_owned()),
        ValueRef::Bytes(bytes) => Stored::Blob(bytes.to_vec()),
        ValueRef::Uuid(uuid) => Stored::Blob(uuid.to_vec()),
        ValueRef::Decimal(value) => Stored::Text(value.to_string()),
        ValueRef::Date(date) => Stored::Integer(date.0.into()),
        ValueRef::Time(time) => Stored::Integer(time.0),
        ValueRef::Timestamp(at) => Stored::Integer(at.0),
        ValueRef::TimestampTz(at) => Stored::Integer(at.0),
    })
}

/// Returns `None` for a value of another type: nothing is converted.
pub(crate) fn decode(stored: &Stored, ty: ValueType) -> Option<ValueRef<'_>> {
    use ValueType as T;
    Some(match (stored, ty) {
        (Stored::Null, _) => ValueRef::Null,
        (Stored::Integer(value), T::I64 | T::Native) => ValueRef::I64(*value),
        (Stored::Integer(value), T::I32) => ValueRef::I32((*value).try_into().ok()?),
        (Stored::Integer(value), T::I16) => ValueRef::I16((*value).try_into().ok()?),
        (Stored::Integer(value @ 0..=1), T::Bool) => ValueRef::Bool(*value == 1),
        (Stored::Integer(days), T::Date) => ValueRef::Date(Date((*days).try_into().ok()?)),
        (Stored::Integer(micros @ 0..86_400_000_000), T::Time) => ValueRef::Time(Time(*micros)),
        (Stored::Integer(micros), T::Timestamp) => ValueRef::Timestamp(Timestamp(*micros)),
        (Stored::Integer(micros), T::TimestampTz) => ValueRef::TimestampTz(TimestampTz(*micros)),
        (Stored::Integer(value), T::Decimal) => ValueRef::Decimal(Decimal::new((*value).into(), 0)),
        (Stored::Real(value), T::F64 | T::Native) => ValueRef::F64(*value),
        (Stored::Real(value), T::F32) => ValueRef::F32(single(*value)?),
        (Stored::Text(text), T::Text | T::Native) => ValueRef::Text(text),
        (Stored::Text(text), T::Json) => ValueRef::Json(text),
        (Stored::Text(text), T::Decimal) => ValueRef::Decimal(text.parse().ok()?),
        (Stored::Blob(bytes), T::Bytes | T::Native) => ValueRef::Bytes(bytes),
        (Stored::Blob(bytes), T::Uuid) => ValueRef::Uuid(bytes.as_slice().try_into().ok()?),
        _ => return None,
    })
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the way back shows whether it fits"
)]
fn single(value: f64) -> Option<f32> {
    let single = value as f32;
    (f64::from(single) == value).then_some(single)
}
