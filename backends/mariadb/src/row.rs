//! Converts rows: the driver's values to neutral ones, borrowed from the driver's row.

use mysql::Value;
use mysql::consts::ColumnFlags;
use mysql::consts::ColumnType as Kind;
use selfsame::backend::Row;
use selfsame::error::{Error, ErrorKind, Result};
use selfsame::value::{Date, Decimal, Time, Timestamp, TimestampTz, ValueRef, ValueType};

/// The number of the character set `binary`.
const BINARY: u16 = 63;

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
                "the row has {} columns, but column {index} was requested",
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
        (ValueType::Native, found) => Ok(found),
        (ValueType::Bool | ValueType::I16 | ValueType::I32 | ValueType::I64, found) => {
            integer(bits(found, column)?, wanted)
        }
        (ValueType::Decimal, found) => bits(found, column)?.converted(wanted),
        // The server would compare bytes with it as a number.
        (ValueType::Bytes, ValueRef::Bytes(_)) if column.column_type() == Kind::MYSQL_TYPE_BIT => {
            let message = "a BIT is a number: an integer field reads it, or a `Decimal`";
            Err(Error::new(ErrorKind::Conversion, message))
        }
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
        (_, found) => found.converted(wanted),
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
        let message = "the server does not say how an expression of type BIT is encoded: add 0 to it, or cast it";
        return Err(Error::new(ErrorKind::Conversion, message));
    }
    let number = bytes
        .iter()
        .fold(0, |value: i128, byte| (value << 8) + i128::from(*byte));
    Ok(i64::try_from(number).map_or(whole(number), ValueRef::I64))
}

fn whole(value: i128) -> ValueRef<'static> {
    ValueRef::Decimal(Decimal::new(value, 0))
}

/// A boolean is an integer, 0 or 1.
fn integer(found: ValueRef<'_>, wanted: ValueType) -> Result<ValueRef<'_>> {
    match (wanted, found.value_type()) {
        (ValueType::Bool, Some(ValueType::I16 | ValueType::I32 | ValueType::I64)) => {
            match found.converted(ValueType::I64)? {
                ValueRef::I64(0) => Ok(ValueRef::Bool(false)),
                ValueRef::I64(1) => Ok(ValueRef::Bool(true)),
                _ => Err(Error::new(
                    ErrorKind::Conversion,
                    "the value does not fit Bool: it is neither 0 nor 1",
                )),
            }
        }
        _ => found.converted(wanted),
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
        Value::Time(..) => return Err(unreadable("a value that is not a time of day")),
        Value::Bytes(ref bytes) => match kind {
            Kind::MYSQL_TYPE_NEWDECIMAL | Kind::MYSQL_TYPE_DECIMAL => {
                ValueRef::Decimal(decimal(text(bytes)?).ok_or_else(no_decimal)?)
            }
            // MySQL reports it as binary.
            Kind::MYSQL_TYPE_JSON => ValueRef::Text(text(bytes)?),
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

/// Parses a decimal without the trailing zeros that the column adds to its fraction.
fn decimal(text: &str) -> Option<Decimal> {
    let text = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => text,
    };
    text.parse().ok()
}

fn uuid(text: &str) -> Option<[u8; 16]> {
    let dashes = [8, 13, 18, 23];
    let is_written = text.len() == 36 && dashes.iter().all(|&at| text.as_bytes()[at] == b'-');
    let digits: String = text.split('-').collect();
    let number = u128::from_str_radix(&digits, 16).ok();
    number
        .filter(|_| is_written && digits.len() == 32 && !digits.starts_with('+'))
        .map(u128::to_be_bytes)
}

fn text(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|_| no_value())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_uuid_is_read_as_one() {
        let written = "01234567-89ab-cdef-0123-456789abcdef";
        assert_eq!(
            uuid(written).map(u128::from_be_bytes),
            Some(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef)
        );
        for other in [
            "+1234567-89ab-cdef-0123-456789abcdef",
            "0123456789abcdef0123456789abcdef",
            "01234567-89ab-cdef-0123-456789abcdeg",
            "01234567-89ab-cdef-01234-56789abcdef",
        ] {
            assert_eq!(uuid(other), None, "{other}");
        }
    }
}
