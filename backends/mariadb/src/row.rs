//! Converts rows: the driver's values to neutral ones, borrowed from the driver's row.

use mysql::Value;
use mysql::consts::ColumnFlags;
use mysql::consts::ColumnType as Kind;
use selfsame::backend::Row;
use selfsame::error::{Error, ErrorKind, Result};
use selfsame::value::{Date, Decimal, Time, Timestamp, TimestampTz, ValueRef, ValueType};

/// The number of the character set `binary`.
pub(crate) const BINARY: u16 = 63;

/// One row of the driver.
pub(crate) struct MariaDbRow(pub(crate) mysql::Row);

impl Row for MariaDbRow {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn name(&self, index: usize) -> &str {
        let column = self.0.columns_ref().get(index);
        let name = column.map(|column| std::str::from_utf8(column.name_ref()));
        name.and_then(Result::ok).unwrap_or("")
    }

    fn value(&self, index: usize, ty: ValueType) -> Result<ValueRef<'_>> {
        let (Some(column), Some(value)) = (self.0.columns_ref().get(index), self.0.as_ref(index))
        else {
            let message = format!(
                "the row has {} columns, and no column {index}",
                self.0.len()
            );
            return Err(Error::new(ErrorKind::Conversion, message).column(index.to_string()));
        };
        decode(value, column, ty).map_err(|error| error.column(self.name(index)))
    }
}

fn decode<'v>(value: &'v Value, column: &mysql::Column, wanted: ValueType) -> Result<ValueRef<'v>> {
    let found = native(value, column)?;
    match (wanted, found) {
        (ValueType::Native, found) | (_, found @ ValueRef::Null) => Ok(found),
        (ValueType::Bool | ValueType::I16 | ValueType::I32 | ValueType::I64, found) => {
            integer(bits(found, column)?, wanted)
        }
        (ValueType::F64, ValueRef::F32(value)) => Ok(ValueRef::F64(value.into())),
        (ValueType::F64, ValueRef::I16(_) | ValueRef::I32(_) | ValueRef::I64(_)) => double(found),
        (ValueType::F32, ValueRef::F64(value)) => single(value),
        (ValueType::Decimal, ValueRef::I16(value)) => Ok(whole(value.into())),
        (ValueType::Decimal, ValueRef::I32(value)) => Ok(whole(value.into())),
        (ValueType::Decimal, ValueRef::I64(value)) => Ok(whole(value.into())),
        (ValueType::Json, ValueRef::Text(text)) => Ok(ValueRef::Json(text)),
        (ValueType::Uuid, ValueRef::Bytes(bytes)) => <[u8; 16]>::try_from(bytes)
            .map(ValueRef::Uuid)
            .map_err(|_| found.mismatch(wanted)),
        (ValueType::Uuid, ValueRef::Text(text)) => uuid(text)
            .map(ValueRef::Uuid)
            .ok_or_else(|| found.mismatch(wanted)),
        (ValueType::TimestampTz, ValueRef::Timestamp(Timestamp(micros))) => {
            Ok(ValueRef::TimestampTz(TimestampTz(micros)))
        }
        (_, found) if found.value_type() == Some(wanted) => Ok(found),
        (_, found) => Err(found.mismatch(wanted)),
    }
}

/// Returns the value of a BIT column as the number that the server uses.
///
/// MIN and MAX of such a column return decimal digits but are declared as BIT. Anything but a column of a table is therefore ambiguous.
///
/// # Errors
///
/// [`Conversion`](ErrorKind::Conversion) for a BIT that is not a column of a table.
fn bits<'v>(found: ValueRef<'v>, column: &mysql::Column) -> Result<ValueRef<'v>> {
    let (Kind::MYSQL_TYPE_BIT, ValueRef::Bytes(bytes)) = (column.column_type(), found) else {
        return Ok(found);
    };
    if column.org_table_ref().is_empty() {
        let message = "the server does not tell how an expression of type BIT is encoded: add 0 to it, or cast it";
        return Err(Error::new(ErrorKind::Conversion, message));
    }
    let number = bytes.iter().try_fold(0_i64, |value, byte| {
        value.checked_mul(256)?.checked_add((*byte).into())
    });
    Ok(number.map_or(found, ValueRef::I64))
}

fn whole(value: i128) -> ValueRef<'static> {
    ValueRef::Decimal(Decimal::new(value, 0))
}

/// Reads an integer of any width that fits, or a whole decimal, because SUM returns decimals. A boolean is 0 or 1.
fn integer(found: ValueRef<'_>, wanted: ValueType) -> Result<ValueRef<'_>> {
    let value: Option<i64> = match found {
        ValueRef::I16(value) => Some(value.into()),
        ValueRef::I32(value) => Some(value.into()),
        ValueRef::I64(value) => Some(value),
        ValueRef::Decimal(value) if wanted != ValueType::Bool => {
            let unit = 10_i128.checked_pow(value.scale());
            let is_whole = |unit: &i128| value.mantissa() % unit == 0;
            let whole = unit.filter(is_whole).map(|unit| value.mantissa() / unit);
            whole.and_then(|whole| i64::try_from(whole).ok())
        }
        found => return Err(found.mismatch(wanted)),
    };
    let fitting = value.and_then(|value| {
        Some(match (wanted, value) {
            (ValueType::Bool, 0) => ValueRef::Bool(false),
            (ValueType::Bool, 1) => ValueRef::Bool(true),
            (ValueType::I16, value) => ValueRef::I16(value.try_into().ok()?),
            (ValueType::I32, value) => ValueRef::I32(value.try_into().ok()?),
            (ValueType::I64, value) => ValueRef::I64(value),
            _ => return None,
        })
    });
    fitting.ok_or_else(|| does_not_fit(wanted))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "every integer up to 2^53 is a double"
)]
fn double(found: ValueRef<'_>) -> Result<ValueRef<'_>> {
    match integer(found, ValueType::I64)? {
        ValueRef::I64(value) if value.unsigned_abs() <= 1 << 53 => Ok(ValueRef::F64(value as f64)),
        _ => Err(does_not_fit(ValueType::F64)),
    }
}

/// Expressions of singles are doubles.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a double that a single cannot hold is found out by the way back"
)]
fn single(value: f64) -> Result<ValueRef<'static>> {
    let single = value as f32;
    match f64::from(single).to_bits() == value.to_bits() {
        true => Ok(ValueRef::F32(single)),
        false => Err(does_not_fit(ValueType::F32)),
    }
}

/// Reads the neutral value that is nearest to the column's type.
fn native<'v>(value: &'v Value, column: &mysql::Column) -> Result<ValueRef<'v>> {
    let kind = column.column_type();
    Ok(match *value {
        Value::NULL => ValueRef::Null,
        Value::Int(value) => narrow(value, kind, column),
        Value::UInt(value) => match i64::try_from(value) {
            Ok(value) => narrow(value, kind, column),
            Err(_) => whole(value.into()),
        },
        Value::Float(value) => ValueRef::F32(value),
        Value::Double(value) => ValueRef::F64(value),
        Value::Date(year, month, day, hour, minute, second, micro) => {
            let date = Date::from_civil(year.into(), month, day)
                .filter(|_| year > 0)
                .ok_or_else(|| unreadable("a zero date, which has no neutral form"))?;
            let time = Time::from_hms_micro(hour, minute, second, micro);
            match kind {
                Kind::MYSQL_TYPE_DATE | Kind::MYSQL_TYPE_NEWDATE => ValueRef::Date(date),
                _ => ValueRef::Timestamp(Timestamp::new(date, time.ok_or_else(no_value)?)),
            }
        }
        Value::Time(false, 0, hour, minute, second, micro) => {
            let time = Time::from_hms_micro(hour, minute, second, micro);
            ValueRef::Time(time.ok_or_else(no_value)?)
        }
        Value::Time(..) => return Err(unreadable("a time that is no time of day")),
        Value::Bytes(ref bytes) => match kind {
            Kind::MYSQL_TYPE_NEWDECIMAL | Kind::MYSQL_TYPE_DECIMAL => {
                ValueRef::Decimal(decimal(text(bytes)?).ok_or_else(no_decimal)?)
            }
            Kind::MYSQL_TYPE_BIT | Kind::MYSQL_TYPE_GEOMETRY => ValueRef::Bytes(bytes),
            _ if column.character_set() == BINARY => ValueRef::Bytes(bytes),
            _ => ValueRef::Text(text(bytes)?),
        },
    })
}

fn narrow(value: i64, kind: Kind, column: &mysql::Column) -> ValueRef<'static> {
    let is_unsigned = column.flags().contains(ColumnFlags::UNSIGNED_FLAG);
    let small = i16::try_from(value).map(ValueRef::I16);
    let middle = i32::try_from(value).map(ValueRef::I32);
    let found = match (kind, is_unsigned) {
        (Kind::MYSQL_TYPE_TINY | Kind::MYSQL_TYPE_YEAR, _) => small,
        (Kind::MYSQL_TYPE_SHORT, false) => small,
        (Kind::MYSQL_TYPE_SHORT, true) | (Kind::MYSQL_TYPE_INT24, _) => middle,
        (Kind::MYSQL_TYPE_LONG, false) => middle,
        _ => return ValueRef::I64(value),
    };
    found.unwrap_or(ValueRef::I64(value))
}

/// Removes the trailing zeros of a decimal's fraction, which the column adds.
fn decimal(text: &str) -> Option<Decimal> {
    let text = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => text,
    };
    text.parse().ok()
}

fn uuid(text: &str) -> Option<[u8; 16]> {
    let bytes = text.as_bytes();
    let dashes = [8, 13, 18, 23];
    if bytes.len() != 36 || dashes.iter().any(|&at| bytes[at] != b'-') {
        return None;
    }
    let mut digits = bytes.iter().filter(|&&byte| byte != b'-');
    let mut out = [0; 16];
    for byte in &mut out {
        let mut digit = || char::from(*digits.next()?).to_digit(16);
        *byte = u8::try_from(digit()? * 16 + digit()?).ok()?;
    }
    digits.next().is_none().then_some(out)
}

fn text(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|_| no_value())
}

#[cold]
fn does_not_fit(wanted: ValueType) -> Error {
    unreadable(&format!("a value that does not fit {wanted:?}"))
}

#[cold]
fn no_decimal() -> Error {
    unreadable("a decimal of more than 38 digits")
}

#[cold]
fn no_value() -> Error {
    unreadable("no value of the column's type")
}

#[cold]
fn unreadable(what: &str) -> Error {
    Error::new(ErrorKind::Conversion, format!("the server sent {what}"))
}
