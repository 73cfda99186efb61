//! Values written and read: a value that would be altered is refused.

use gluesql::core::chrono::{DateTime, NaiveDate, NaiveTime, Timelike};
use gluesql::core::translate::{IntoParamLiteral, ParamLiteral};
use gluesql::prelude::Value as Stored;
use selfsame::value::{Date, Decimal, Param, Time, Timestamp, TimestampTz, ValueRef, ValueType};
use selfsame::{Error, ErrorKind, Result};

/// A parameter as it is stored.
pub(crate) fn to_stored(param: &Param<'_>, index: usize) -> Result<ParamLiteral> {
    let Some(value) = param.value() else {
        return Err(Error::unsupported("gluesql", "an array as a parameter"));
    };
    literal(value).ok_or_else(|| {
        let message = format!("parameter {index} is nothing that the engine stores");
        Error::new(ErrorKind::OutOfRange, message).parameter(index)
    })
}

fn literal(value: ValueRef<'_>) -> Option<ParamLiteral> {
    Some(match value {
        ValueRef::Null => ParamLiteral::null(),
        ValueRef::Bool(value) => value.into_param_literal(),
        ValueRef::I16(value) => value.into_param_literal(),
        ValueRef::I32(value) => value.into_param_literal(),
        ValueRef::I64(value) => value.into_param_literal(),
        ValueRef::F32(value) if value.is_finite() && !is_negative_zero(value.into()) => {
            value.into_param_literal()
        }
        ValueRef::F64(value) if value.is_finite() && !is_negative_zero(value) => {
            value.into_param_literal()
        }
        ValueRef::F32(_) | ValueRef::F64(_) => return None,
        ValueRef::Text(text) if text.contains('\0') => return None,
        ValueRef::Text(text) | ValueRef::Json(text) => text.into_param_literal(),
        ValueRef::Bytes(bytes) => bytes.into_param_literal(),
        ValueRef::Uuid(uuid) => uuid::Uuid::from_bytes(uuid).into_param_literal(),
        ValueRef::Decimal(value) => {
            rust_decimal::Decimal::try_from_i128_with_scale(value.mantissa(), value.scale())
                .ok()?
                .into_param_literal()
        }
        ValueRef::Date(date) => day(date.0)?.into_param_literal(),
        ValueRef::Time(Time(micros)) => {
            let seconds = u32::try_from(micros / 1_000_000).ok()?;
            let nanos = u32::try_from(micros % 1_000_000).ok()? * 1_000;
            NaiveTime::from_num_seconds_from_midnight_opt(seconds, nanos)?.into_param_literal()
        }
        ValueRef::Timestamp(Timestamp(micros)) | ValueRef::TimestampTz(TimestampTz(micros)) => {
            DateTime::from_timestamp_micros(micros)?
                .naive_utc()
                .into_param_literal()
        }
    })
}

/// The engine compares both zeros as equal and keeps the first.
fn is_negative_zero(value: f64) -> bool {
    value == 0.0 && value.is_sign_negative()
}

fn epoch() -> NaiveDate {
    NaiveDate::default()
}

fn day(days: i32) -> Option<NaiveDate> {
    let days = gluesql::core::chrono::TimeDelta::try_days(days.into())?;
    epoch().checked_add_signed(days)
}

/// Returns `None` for a value of another type: nothing is converted. The engine has one type for timestamps with and without a zone.
pub(crate) fn decode(stored: &Stored, ty: ValueType) -> Option<ValueRef<'_>> {
    use ValueType as T;
    Some(match (stored, ty) {
        (Stored::Null, _) => ValueRef::Null,
        (Stored::Bool(value), T::Bool | T::Native) => ValueRef::Bool(*value),
        (Stored::I16(value), T::I16 | T::Native) => ValueRef::I16(*value),
        (Stored::I32(value), T::I32 | T::Native) => ValueRef::I32(*value),
        (Stored::I64(value), T::I64 | T::Native) => ValueRef::I64(*value),
        (
            Stored::I16(_) | Stored::I32(_) | Stored::I64(_) | Stored::I128(_) | Stored::U64(_),
            T::I16 | T::I32 | T::I64,
        ) => integer(stored, ty)?,
        (Stored::F32(value), T::F32 | T::Native) => ValueRef::F32(*value),
        (Stored::F64(value), T::F64 | T::Native) => ValueRef::F64(*value),
        (Stored::F32(value), T::F64) => ValueRef::F64((*value).into()),
        (Stored::Decimal(value), T::Decimal | T::Native) => {
            ValueRef::Decimal(Decimal::new(value.mantissa(), value.scale()))
        }
        (Stored::Str(text), T::Text | T::Native) => ValueRef::Text(text),
        (Stored::Str(text), T::Json) => ValueRef::Json(text),
        (Stored::Bytea(bytes), T::Bytes | T::Native) => ValueRef::Bytes(bytes),
        (Stored::Uuid(value), T::Uuid | T::Native) => ValueRef::Uuid(value.to_be_bytes()),
        (Stored::Date(date), T::Date | T::Native) => {
            let days = date.signed_duration_since(epoch()).num_days();
            ValueRef::Date(Date(days.try_into().ok()?))
        }
        (Stored::Time(time), T::Time | T::Native) => {
            let micros = i64::from(time.num_seconds_from_midnight()) * 1_000_000;
            ValueRef::Time(Time(micros + i64::from(time.nanosecond() / 1_000)))
        }
        (Stored::Timestamp(at), T::Timestamp | T::Native) => {
            ValueRef::Timestamp(Timestamp(at.and_utc().timestamp_micros()))
        }
        (Stored::Timestamp(at), T::TimestampTz) => {
            ValueRef::TimestampTz(TimestampTz(at.and_utc().timestamp_micros()))
        }
        _ => return None,
    })
}

/// An integer of one width as one of another, if it fits.
fn integer(stored: &Stored, ty: ValueType) -> Option<ValueRef<'static>> {
    let value = match stored {
        Stored::I16(value) => i128::from(*value),
        Stored::I32(value) => i128::from(*value),
        Stored::I64(value) => i128::from(*value),
        Stored::I128(value) => *value,
        // Of a function: no column is of this type.
        Stored::U64(value) => i128::from(*value),
        _ => return None,
    };
    Some(match ty {
        ValueType::I16 => ValueRef::I16(value.try_into().ok()?),
        ValueType::I32 => ValueRef::I32(value.try_into().ok()?),
        _ => ValueRef::I64(value.try_into().ok()?),
    })
}
