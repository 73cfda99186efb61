//! Converts parameters to PostgreSQL's binary format.

use std::error::Error as StdError;
use std::fmt;

use bytes::{BufMut, BytesMut};
use postgres_types::{Format, IsNull, Kind, ToSql, Type};
use selfsame::error::{Error, ErrorKind, Result};
use selfsame::value::{Date, Decimal, Param, Time, Timestamp, TimestampTz, ValueRef, ValueType};

use crate::numeric;

/// The number of days from 1970-01-01 to 2000-01-01, PostgreSQL's epoch.
pub(crate) const EPOCH_DAYS: i32 = 10_957;
/// The same in microseconds.
pub(crate) const EPOCH_MICROS: i64 = EPOCH_DAYS as i64 * MICROS_PER_DAY;
/// The number of microseconds in a day.
pub(crate) const MICROS_PER_DAY: i64 = 86_400_000_000;

/// The type to declare for a parameter; the server infers [`Type::UNKNOWN`].
pub(crate) fn declared_type(ty: ValueType, param: &Param<'_>) -> Type {
    match param {
        Param::Column(values) => {
            let first = || values.iter().find_map(|value| value.value_type());
            array_type(match ty {
                ValueType::Native => first().unwrap_or(ValueType::Text),
                known => known,
            })
        }
        _ => scalar_type(ty),
    }
}

fn scalar_type(ty: ValueType) -> Type {
    match ty {
        ValueType::Bool => Type::BOOL,
        ValueType::I16 => Type::INT2,
        ValueType::I32 => Type::INT4,
        ValueType::I64 => Type::INT8,
        ValueType::F32 => Type::FLOAT4,
        ValueType::F64 => Type::FLOAT8,
        ValueType::Text => Type::TEXT,
        ValueType::Bytes => Type::BYTEA,
        ValueType::Decimal => Type::NUMERIC,
        ValueType::Uuid => Type::UUID,
        ValueType::Date => Type::DATE,
        ValueType::Time => Type::TIME,
        ValueType::Timestamp => Type::TIMESTAMP,
        ValueType::TimestampTz => Type::TIMESTAMPTZ,
        ValueType::Json => Type::JSONB,
        _ => Type::UNKNOWN,
    }
}

fn array_type(ty: ValueType) -> Type {
    match ty {
        ValueType::Bool => Type::BOOL_ARRAY,
        ValueType::I16 => Type::INT2_ARRAY,
        ValueType::I32 => Type::INT4_ARRAY,
        ValueType::I64 => Type::INT8_ARRAY,
        ValueType::F32 => Type::FLOAT4_ARRAY,
        ValueType::F64 => Type::FLOAT8_ARRAY,
        ValueType::Text => Type::TEXT_ARRAY,
        ValueType::Bytes => Type::BYTEA_ARRAY,
        ValueType::Decimal => Type::NUMERIC_ARRAY,
        ValueType::Uuid => Type::UUID_ARRAY,
        ValueType::Date => Type::DATE_ARRAY,
        ValueType::Time => Type::TIME_ARRAY,
        ValueType::Timestamp => Type::TIMESTAMP_ARRAY,
        ValueType::TimestampTz => Type::TIMESTAMPTZ_ARRAY,
        ValueType::Json => Type::JSONB_ARRAY,
        _ => Type::UNKNOWN,
    }
}

/// A parameter to be sent. Its `Debug` form shows only the position, because the driver logs parameters with it.
#[derive(Clone, Copy)]
pub(crate) struct Bound<'a> {
    /// Its position, from 1 as in the text.
    pub(crate) position: usize,
    /// Its type in the statement.
    pub(crate) declared: ValueType,
    /// Whether the statement may store it, so that it must be readable again.
    pub(crate) is_stored: bool,
    /// The value.
    pub(crate) param: &'a Param<'a>,
}

impl fmt::Debug for Bound<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${}", self.position)
    }
}

impl ToSql for Bound<'_> {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        check_room(out)?;
        let is_too_long = |value: &ValueRef<'_>| matches!(value, ValueRef::Decimal(decimal) if numeric::readable(*decimal).is_none());
        let is_refused = self.is_stored
            && match self.param {
                Param::Column(values) => values.iter().any(is_too_long),
                param => param.value().as_ref().is_some_and(is_too_long),
            };
        let written = match self.param {
            _ if is_refused => Err(too_long()),
            Param::Ref(value) => self.scalar(*value, ty, out),
            Param::Owned(value) => self.scalar(value.as_ref(), ty, out),
            Param::Column(values) => array(values, ty, out),
        };
        let written = written.and_then(|is_null| check_room(out).map(|()| is_null));
        written.map_err(|error| {
            let message = format!("parameter {}: {}", self.position, error.message());
            Error::new(error.kind(), message)
                .parameter(self.position)
                .into()
        })
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn to_sql_checked(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        self.to_sql(ty, out)
    }

    fn encode_format(&self, ty: &Type) -> Format {
        if self.is_literal(ty) {
            Format::Text
        } else {
            Format::Binary
        }
    }
}

impl Bound<'_> {
    /// Returns whether this is text for a type that the server inferred: then it is sent like a literal, and the server
    /// parses it.
    fn is_literal(&self, ty: &Type) -> bool {
        self.declared == ValueType::Native
            && matches!(self.param.value(), Some(ValueRef::Text(_)))
            && !is_text(ty)
    }

    fn scalar(&self, value: ValueRef<'_>, ty: &Type, out: &mut BytesMut) -> Result<IsNull> {
        match value {
            ValueRef::Text(literal) if self.is_literal(ty) => {
                text(literal, out).map(|()| IsNull::No)
            }
            _ => encode(value, ty, out),
        }
    }
}

/// Returns whether the binary format of the type is its text.
pub(crate) fn is_text(ty: &Type) -> bool {
    matches!(
        *ty,
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN
    ) || matches!(ty.kind(), Kind::Enum(_))
}

fn array(values: &[ValueRef<'_>], ty: &Type, out: &mut BytesMut) -> Result<IsNull> {
    let Kind::Array(element) = ty.kind() else {
        return Err(Error::new(
            ErrorKind::Conversion,
            format!("a list of values where a single {ty} is needed"),
        ));
    };
    out.put_i32(i32::from(!values.is_empty()));
    out.put_i32(i32::from(values.iter().any(|value| value.is_null())));
    out.put_u32(element.oid());
    if values.is_empty() {
        return Ok(IsNull::No);
    }
    out.put_i32(length(values.len())?);
    out.put_i32(1);
    for value in values {
        let start = out.len();
        out.put_i32(-1);
        check_room(out)?;
        if let IsNull::No = encode(*value, element, out)? {
            let written = length(out.len() - start - 4)?;
            out[start..start + 4].copy_from_slice(&written.to_be_bytes());
        }
    }
    Ok(IsNull::No)
}

/// The server closes the connection after a message of more than a gibibyte, and does not accept such values.
const LONGEST_MESSAGE: usize = 1 << 30;

fn check_room(out: &BytesMut) -> Result<()> {
    if out.len() >= LONGEST_MESSAGE {
        return Err(out_of_range(
            "the parameters of the statement are longer in total than PostgreSQL accepts",
        ));
    }
    Ok(())
}

fn length(length: usize) -> Result<i32> {
    i32::try_from(length).map_err(|_| out_of_range("longer than PostgreSQL accepts"))
}

fn encode(value: ValueRef<'_>, ty: &Type, out: &mut BytesMut) -> Result<IsNull> {
    match (value, ty) {
        (ValueRef::Null, _) => return Ok(IsNull::Yes),
        (ValueRef::Bool(v), &Type::BOOL) => out.put_u8(v.into()),
        (ValueRef::I16(v), _) => integer(v.into(), ty, out)?,
        (ValueRef::I32(v), _) => integer(v.into(), ty, out)?,
        (ValueRef::I64(v), _) => integer(v, ty, out)?,
        (ValueRef::F32(v), &Type::FLOAT4) => out.put_f32(v),
        (ValueRef::F32(v), &Type::FLOAT8) => out.put_f64(v.into()),
        (ValueRef::F64(v), &Type::FLOAT8) => out.put_f64(v),
        (ValueRef::Text(v), _) if is_text(ty) => text(v, out)?,
        (ValueRef::Bytes(v), &Type::BYTEA) => out.put_slice(v),
        (ValueRef::Decimal(v), &Type::NUMERIC) => decimal(v, out)?,
        (ValueRef::Uuid(v), &Type::UUID) => out.put_slice(&v),
        (ValueRef::Date(v), &Type::DATE) => out.put_i32(days(v)?),
        (ValueRef::Time(v), &Type::TIME) => out.put_i64(time(v)?),
        (ValueRef::Timestamp(Timestamp(v)), &Type::TIMESTAMP)
        | (ValueRef::TimestampTz(TimestampTz(v)), &Type::TIMESTAMPTZ) => out.put_i64(micros(v)?),
        (ValueRef::Json(v), &Type::JSON) => text(v, out)?,
        (ValueRef::Json(v), &Type::JSONB) => {
            // The version byte of the binary format.
            out.put_u8(1);
            text(v, out)?;
        }
        _ => return Err(value.mismatch(format_args!("{ty}"))),
    }
    Ok(IsNull::No)
}

fn integer(value: i64, ty: &Type, out: &mut BytesMut) -> Result<()> {
    let refused = |_| out_of_range(&format!("an integer beyond the range of {ty}"));
    match *ty {
        Type::INT8 => out.put_i64(value),
        Type::INT4 => out.put_i32(value.try_into().map_err(refused)?),
        Type::INT2 => out.put_i16(value.try_into().map_err(refused)?),
        Type::OID => out.put_u32(value.try_into().map_err(refused)?),
        Type::NUMERIC => decimal(Decimal::new(value.into(), 0), out)?,
        _ => return Err(ValueRef::I64(value).mismatch(format_args!("{ty}"))),
    }
    Ok(())
}

fn decimal(value: Decimal, out: &mut BytesMut) -> Result<()> {
    numeric::encode(value, out).ok_or_else(too_long)
}

#[cold]
fn too_long() -> Error {
    out_of_range("a decimal of more than 38 digits")
}

fn text(value: &str, out: &mut BytesMut) -> Result<()> {
    if value.as_bytes().contains(&0) {
        return Err(out_of_range(
            "PostgreSQL cannot store the NUL character in text",
        ));
    }
    out.put_slice(value.as_bytes());
    Ok(())
}

fn days(Date(days): Date) -> Result<i32> {
    // The smallest and the largest number represent the infinities.
    days.checked_sub(EPOCH_DAYS)
        .filter(|days| *days != i32::MIN)
        .ok_or_else(|| out_of_range("a date earlier than PostgreSQL can store"))
}

fn time(Time(micros): Time) -> Result<i64> {
    if (0..MICROS_PER_DAY).contains(&micros) {
        Ok(micros)
    } else {
        Err(out_of_range("not a time of day"))
    }
}

fn micros(micros: i64) -> Result<i64> {
    micros
        .checked_sub(EPOCH_MICROS)
        .filter(|micros| *micros != i64::MIN)
        .ok_or_else(|| out_of_range("a timestamp earlier than PostgreSQL can store"))
}

#[cold]
fn out_of_range(what: &str) -> Error {
    Error::new(ErrorKind::OutOfRange, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(param: Param<'_>, ty: &Type) -> Error {
        let bound = Bound {
            position: 2,
            declared: ValueType::Text,
            is_stored: true,
            param: &param,
        };
        let error = bound
            .to_sql(ty, &mut BytesMut::new())
            .err()
            .expect("is refused");
        *error.downcast::<Error>().expect("our own error")
    }

    fn encoded(value: ValueRef<'_>, ty: &Type) -> Vec<u8> {
        let mut out = BytesMut::new();
        encode(value, ty, &mut out).expect("encodes");
        out.to_vec()
    }

    #[test]
    fn integers_widen_and_narrow_within_range() {
        assert_eq!(
            encoded(ValueRef::I16(-2), &Type::INT8),
            (-2i64).to_be_bytes()
        );
        assert_eq!(encoded(ValueRef::I64(7), &Type::INT2), 7i16.to_be_bytes());
        let error = refused(Param::Ref(ValueRef::I64(70_123)), &Type::INT2);
        assert_eq!(error.kind(), ErrorKind::OutOfRange);
        assert!(!format!("{error:?}").contains("70123"), "{error:?}");
    }

    #[test]
    fn a_value_of_another_type_is_refused_by_position() {
        let error = refused(Param::Ref(ValueRef::Text("marker")), &Type::INT8);
        assert_eq!(error.kind(), ErrorKind::Conversion);
        assert_eq!(error.to_string(), "parameter 2: expected int8, found Text");
        let error = refused(Param::Column(&[ValueRef::Null]), &Type::INT8);
        assert_eq!(error.kind(), ErrorKind::Conversion);
    }

    #[test]
    fn what_the_database_cannot_hold_is_refused() {
        for (value, ty) in [
            (ValueRef::Text("a\0b"), Type::TEXT),
            (ValueRef::Json("\"a\0b\""), Type::JSONB),
            (ValueRef::Date(Date(i32::MIN)), Type::DATE),
            (ValueRef::Date(Date(i32::MIN + EPOCH_DAYS)), Type::DATE),
            (ValueRef::Time(Time(MICROS_PER_DAY)), Type::TIME),
            (ValueRef::Timestamp(Timestamp(i64::MIN)), Type::TIMESTAMP),
            (
                ValueRef::TimestampTz(TimestampTz(i64::MIN + EPOCH_MICROS)),
                Type::TIMESTAMPTZ,
            ),
        ] {
            assert_eq!(
                refused(Param::Ref(value), &ty).kind(),
                ErrorKind::OutOfRange,
                "{ty}"
            );
        }
    }

    #[test]
    fn arrays_hold_nulls() {
        let mut out = BytesMut::new();
        let values = [ValueRef::I16(1), ValueRef::Null];
        array(&values, &Type::INT2_ARRAY, &mut out).expect("encodes");
        let mut expected = Vec::new();
        for word in [1, 1, 21, 2, 1, 2] {
            expected.put_i32(word);
        }
        expected.put_i16(1);
        expected.put_i32(-1);
        assert_eq!(out.to_vec(), expected);
        out.clear();
        array(&[], &Type::INT2_ARRAY, &mut out).expect("encodes");
        assert_eq!(out.len(), 12);
    }

    #[test]
    fn the_drivers_log_shows_no_value() {
        let bound = Bound {
            position: 1,
            declared: ValueType::Text,
            is_stored: true,
            param: &Param::Ref(ValueRef::Text("marker")),
        };
        assert_eq!(format!("{bound:?}"), "$1");
    }
}
