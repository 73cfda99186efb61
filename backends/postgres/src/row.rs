//! Converts rows: PostgreSQL's binary format to neutral values, borrowed from the driver's buffer.

use std::error::Error as StdError;

use postgres_types::{FromSql, Type};
use selfsame::backend::Row;
use selfsame::error::{Error, ErrorKind, Result};
use selfsame::value::{Date, Time, Timestamp, TimestampTz, ValueRef, ValueType};

use crate::numeric::{self, NotDecimal};
use crate::param::{EPOCH_DAYS, EPOCH_MICROS, MICROS_PER_DAY, is_text};

/// One row of the driver.
pub(crate) struct PostgresRow<'a>(pub(crate) &'a tokio_postgres::Row);

impl Row for PostgresRow<'_> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn name(&self, index: usize) -> &str {
        self.0
            .columns()
            .get(index)
            .map_or("", |column| column.name())
    }

    fn value(&self, index: usize, ty: ValueType) -> Result<ValueRef<'_>> {
        let Some(column) = self.0.columns().get(index) else {
            return Err(Error::new(
                ErrorKind::Conversion,
                format!(
                    "the row has {} columns, but column {index} was requested",
                    self.0.len()
                ),
            )
            .column(index.to_string()));
        };
        let bytes: Option<Bytes<'_>> = self
            .0
            .try_get(index)
            .map_err(|_| unreadable().column(column.name()))?;
        match bytes {
            None => Ok(ValueRef::Null),
            Some(Bytes(bytes)) => {
                decode(bytes, column.type_(), ty).map_err(|error| error.column(column.name()))
            }
        }
    }
}

/// The bytes of a column of any type.
struct Bytes<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Bytes<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Self(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

fn decode<'a>(bytes: &'a [u8], ty: &Type, wanted: ValueType) -> Result<ValueRef<'a>> {
    let found = native(bytes, ty);
    match wanted {
        // A value without a neutral form can still be shown.
        ValueType::Text if found.is_err() => {
            special(bytes, ty).map_or(found, |text| Ok(ValueRef::Text(text)))
        }
        // The server rounds a float that is written into a column of integers or singles, and a guard refuses that only in
        // the ORM's own statements. So such a column is not read as wider floats either.
        ValueType::F32 if *ty != Type::FLOAT4 => Err(found?.mismatch(wanted)),
        ValueType::F64 if !matches!(*ty, Type::FLOAT4 | Type::FLOAT8) => {
            Err(found?.mismatch(wanted))
        }
        _ => found?.converted(wanted),
    }
}

/// Returns the text of a value without a neutral form.
fn special(bytes: &[u8], ty: &Type) -> Option<&'static str> {
    let infinite = |is_positive: bool| if is_positive { "infinity" } else { "-infinity" };
    Some(match *ty {
        Type::DATE => match i32::from_be_bytes(fixed(bytes).ok()?) {
            i32::MAX => infinite(true),
            i32::MIN => infinite(false),
            _ => return None,
        },
        Type::TIMESTAMP | Type::TIMESTAMPTZ => match i64::from_be_bytes(fixed(bytes).ok()?) {
            i64::MAX => infinite(true),
            i64::MIN => infinite(false),
            _ => return None,
        },
        Type::TIME => match i64::from_be_bytes(fixed(bytes).ok()?) {
            MICROS_PER_DAY => "24:00:00",
            _ => return None,
        },
        Type::NUMERIC => numeric::special(bytes)?,
        _ => return None,
    })
}

/// Reads the neutral value that is nearest to the column's type.
fn native<'a>(bytes: &'a [u8], ty: &Type) -> Result<ValueRef<'a>> {
    Ok(match *ty {
        Type::INT8 => ValueRef::I64(i64::from_be_bytes(fixed(bytes)?)),
        Type::INT4 => ValueRef::I32(i32::from_be_bytes(fixed(bytes)?)),
        Type::INT2 => ValueRef::I16(i16::from_be_bytes(fixed(bytes)?)),
        Type::BOOL => ValueRef::Bool(fixed::<1>(bytes)? != [0]),
        Type::FLOAT8 => ValueRef::F64(f64::from_be_bytes(fixed(bytes)?)),
        Type::FLOAT4 => ValueRef::F32(f32::from_be_bytes(fixed(bytes)?)),
        Type::BYTEA => ValueRef::Bytes(bytes),
        Type::NUMERIC => ValueRef::Decimal(numeric::decode(bytes).map_err(not_decimal)?),
        Type::UUID => ValueRef::Uuid(fixed(bytes)?),
        Type::DATE => ValueRef::Date(date(i32::from_be_bytes(fixed(bytes)?))?),
        Type::TIME => ValueRef::Time(time(i64::from_be_bytes(fixed(bytes)?))?),
        Type::TIMESTAMP => ValueRef::Timestamp(Timestamp(instant(bytes)?)),
        Type::TIMESTAMPTZ => ValueRef::TimestampTz(TimestampTz(instant(bytes)?)),
        Type::JSON => ValueRef::Json(text(bytes)?),
        Type::JSONB => match bytes.split_first() {
            Some((1, document)) => ValueRef::Json(text(document)?),
            _ => return Err(unreadable()),
        },
        Type::OID => ValueRef::I64(u32::from_be_bytes(fixed(bytes)?).into()),
        // The result of a function that returns void.
        Type::VOID => ValueRef::Null,
        // The zero value is shown as an empty text.
        Type::CHAR => ValueRef::Text(text(bytes)?.trim_end_matches('\0')),
        // The padding of a `char(n)` has no meaning: the server ignores it in comparisons.
        Type::BPCHAR => ValueRef::Text(text(bytes)?.trim_end_matches(' ')),
        _ if is_text(ty) => ValueRef::Text(text(bytes)?),
        _ => {
            return Err(Error::new(
                ErrorKind::Conversion,
                format!(
                    "values of type {ty} are not read: cast the column to text in the statement"
                ),
            ));
        }
    })
}

fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N]> {
    bytes.try_into().map_err(|_| unreadable())
}

fn text(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|_| unreadable())
}

fn date(days: i32) -> Result<Date> {
    if days == i32::MAX || days == i32::MIN {
        return Err(infinite("date"));
    }
    days.checked_add(EPOCH_DAYS).map(Date).ok_or_else(too_far)
}

fn time(micros: i64) -> Result<Time> {
    // PostgreSQL distinguishes 24:00:00 from 00:00:00.
    if (0..MICROS_PER_DAY).contains(&micros) {
        Ok(Time(micros))
    } else {
        Err(Error::new(
            ErrorKind::Conversion,
            "the time is 24:00:00, which the neutral form cannot hold",
        ))
    }
}

fn instant(bytes: &[u8]) -> Result<i64> {
    let micros = i64::from_be_bytes(fixed(bytes)?);
    if micros == i64::MAX || micros == i64::MIN {
        return Err(infinite("timestamp"));
    }
    micros.checked_add(EPOCH_MICROS).ok_or_else(too_far)
}

#[cold]
fn infinite(what: &str) -> Error {
    Error::new(
        ErrorKind::Conversion,
        format!("the {what} is infinite, which has no neutral form"),
    )
}

#[cold]
fn too_far() -> Error {
    Error::new(
        ErrorKind::Conversion,
        "the date or time is later than the neutral form can hold",
    )
}

#[cold]
fn not_decimal(reason: NotDecimal) -> Error {
    Error::new(
        ErrorKind::Conversion,
        match reason {
            NotDecimal::Special => "the numeric is NaN or infinite, which has no neutral form",
            NotDecimal::TooLong => "the numeric has more than 38 digits",
            NotDecimal::Malformed => return unreadable(),
        },
    )
}

#[cold]
fn unreadable() -> Error {
    Error::new(
        ErrorKind::Conversion,
        "the server sent bytes that are not a value of the column's type",
    )
}
