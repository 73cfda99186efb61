//! Decodes columns as the requested type.

use std::fmt;

use rusqlite::types::ValueRef as Stored;
use selfsame::backend::Row;
use selfsame::value::{Decimal, ValueRef, ValueType};
use selfsame::{Error, ErrorKind, Result};

use crate::statement::{CurrentRow, utf8};
use crate::{lenient, temporal};

impl Row for CurrentRow<'_> {
    fn len(&self) -> usize {
        self.columns()
    }

    fn name(&self, index: usize) -> &str {
        self.column_name(index)
    }

    #[inline]
    fn value(&self, index: usize, ty: ValueType) -> Result<ValueRef<'_>> {
        let stored = self.stored(index)?;
        match stored.and_then(|stored| decode(stored, ty)) {
            Some(value) => Ok(value),
            None => Err(self.mismatch(index, ty)),
        }
    }

    #[inline]
    fn text(&self, index: usize) -> Result<Option<&str>> {
        match self.stored_text(index) {
            Some(text) => Ok(text),
            None => Err(self.mismatch(index, ValueType::Text)),
        }
    }

    #[inline]
    fn i64(&self, index: usize) -> Result<Option<i64>> {
        match self.stored_integer(index) {
            Some(value) => Ok(value),
            None => Err(self.mismatch(index, ValueType::I64)),
        }
    }
}

impl CurrentRow<'_> {
    /// Returns the error for a column that cannot be decoded.
    #[cold]
    fn mismatch(&self, index: usize, ty: ValueType) -> Error {
        match self.stored(index) {
            Ok(Some(stored)) => mismatch(stored, ty).column(self.column_name(index)),
            Ok(None) => no_such_column(index, self.columns()),
            Err(error) => error,
        }
    }
}

/// Returns `None` if the stored value is not of the type, or does not fit it.
#[inline]
fn decode(stored: Stored<'_>, ty: ValueType) -> Option<ValueRef<'_>> {
    use ValueType as T;
    Some(match (stored, ty) {
        (Stored::Null, _) => ValueRef::Null,
        (Stored::Integer(value), T::I64 | T::Native) => ValueRef::I64(value),
        (Stored::Text(text), T::Text | T::Native) => ValueRef::Text(utf8(text)?),
        (Stored::Integer(value), T::I32) => ValueRef::I32(i32::try_from(value).ok()?),
        (Stored::Integer(value), T::I16) => ValueRef::I16(i16::try_from(value).ok()?),
        (Stored::Integer(0), T::Bool) => ValueRef::Bool(false),
        (Stored::Integer(1), T::Bool) => ValueRef::Bool(true),
        (Stored::Real(value), T::F64 | T::Native) => ValueRef::F64(value),
        (Stored::Real(value), T::F32) => ValueRef::F32(single(value)?),
        // An expression, or a column that was not declared as a float, may yield an integer.
        (Stored::Integer(value), T::F64) => ValueRef::F64(whole(value)?),
        (Stored::Integer(value), T::F32) => ValueRef::F32(single(whole(value)?)?),
        (Stored::Blob(bytes), T::Bytes | T::Native) => ValueRef::Bytes(bytes),
        (Stored::Blob(bytes), T::Uuid) => ValueRef::Uuid(bytes.try_into().ok()?),
        (Stored::Text(text), T::Json) => ValueRef::Json(utf8(text)?),
        (Stored::Text(text), T::Decimal) => ValueRef::Decimal(utf8(text)?.parse().ok()?),
        (Stored::Integer(value), T::Decimal) => ValueRef::Decimal(Decimal::new(value.into(), 0)),
        (Stored::Text(text), T::Date) => ValueRef::Date(temporal::read_date(text)?),
        (Stored::Text(text), T::Time) => ValueRef::Time(temporal::read_time(text)?),
        (Stored::Text(text), T::Timestamp) => ValueRef::Timestamp(temporal::read_timestamp(text)?),
        (Stored::Text(text), T::TimestampTz) => {
            ValueRef::TimestampTz(temporal::read_instant(text)?)
        }
        _ => return None,
    })
}

/// Converts a double to a single-precision float if that is exact.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a double that a single cannot hold is detected by converting back"
)]
fn single(value: f64) -> Option<f32> {
    let single = value as f32;
    (f64::from(single).to_bits() == value.to_bits()).then_some(single)
}

/// Converts an integer to a double, up to 2^53: beyond, several integers share a double.
#[expect(
    clippy::cast_precision_loss,
    reason = "every integer up to 2^53 is a double"
)]
fn whole(value: i64) -> Option<f64> {
    (value.unsigned_abs() <= 1 << 53).then_some(value as f64)
}

#[cold]
fn mismatch(stored: Stored<'_>, ty: ValueType) -> Error {
    if let (Stored::Text(_), ValueType::Text) = (stored, ty) {
        return Error::new(ErrorKind::Conversion, "the stored text is not valid UTF-8");
    }
    let class = match stored {
        Stored::Null => "NULL",
        Stored::Integer(_) => "an integer",
        Stored::Real(_) => "a real",
        Stored::Text(_) => "a text",
        Stored::Blob(_) => "a blob",
    };
    let advice = advice(stored, ty);
    Error::new(
        ErrorKind::Conversion,
        format!("the column contains {class} that is not a valid {ty:?}{advice}"),
    )
}

/// Names the reading option that accepts the value, if there is one.
fn advice(stored: Stored<'_>, ty: ValueType) -> &'static str {
    let reads = |ty| {
        let native = decode(stored, ValueType::Native);
        native.is_some_and(|native| lenient::read(native, ty).is_some())
    };
    match (stored, ty) {
        (Stored::Text(_), ValueType::TimestampTz) if reads(ty) => {
            " in the form that this backend writes, with the offset +00:00, which CURRENT_TIMESTAMP lacks; `Sqlite::lenient` (`reading=lenient` in a URL) reads it"
        }
        _ if reads(ty) => {
            " in the form that this backend writes; `Sqlite::lenient` (`reading=lenient` in a URL) reads it"
        }
        (_, ValueType::Date) if reads(ValueType::Timestamp) => {
            ", because it has a time of day; a field of a timestamp, with `Sqlite::lenient`, reads it"
        }
        (Stored::Text(_), ValueType::Uuid) => {
            ", which is stored as a blob of 16 bytes; a field of text (`String`) reads it"
        }
        (Stored::Blob(_), ValueType::Uuid) => {
            ", which has 16 bytes; a field of bytes (`Vec<u8>`) reads it"
        }
        (Stored::Real(_), ValueType::Text) => "; an `f64` field reads it",
        (Stored::Real(_), ValueType::Decimal) => {
            ", which is rounded to 53 bits; a column of text keeps decimals (`DECIMAL TEXT COLLATE decimal`, which `create_all` declares), and an `f64` field reads the real"
        }
        (Stored::Integer(_), ValueType::Text) => "; an integer field reads it",
        (Stored::Integer(_), ValueType::Bool) => ", which is 0 or 1; an integer field reads it",
        (Stored::Integer(_), ValueType::I16 | ValueType::I32) => {
            ", because it is too large; an `i64` field reads it"
        }
        _ => "",
    }
}

#[cold]
fn no_such_column(index: usize, columns: usize) -> Error {
    Error::new(
        ErrorKind::Conversion,
        format!("the row has {columns} columns, but column {index} was requested"),
    )
}

impl fmt::Debug for CurrentRow<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CurrentRow")
            .field("columns", &self.columns())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(stored: Stored<'_>, ty: ValueType, expected: Option<ValueRef<'_>>) {
        assert_eq!(decode(stored, ty), expected, "{stored:?} as {ty:?}");
    }

    #[test]
    fn what_fits_is_read() {
        check(
            Stored::Integer(1),
            ValueType::Bool,
            Some(ValueRef::Bool(true)),
        );
        check(
            Stored::Integer(-32_768),
            ValueType::I16,
            Some(ValueRef::I16(i16::MIN)),
        );
        check(Stored::Integer(3), ValueType::F64, Some(ValueRef::F64(3.0)));
        check(Stored::Real(0.5), ValueType::F32, Some(ValueRef::F32(0.5)));
        check(
            Stored::Real(f64::INFINITY),
            ValueType::F32,
            Some(ValueRef::F32(f32::INFINITY)),
        );
        check(
            Stored::Integer(-7),
            ValueType::Decimal,
            Some(ValueRef::Decimal(Decimal::new(-7, 0))),
        );
        check(Stored::Null, ValueType::Uuid, Some(ValueRef::Null));
    }

    #[test]
    fn a_refused_value_says_what_reads_it() {
        for (stored, ty, wanted) in [
            (
                Stored::Real(0.5),
                ValueType::Decimal,
                "an `f64` field reads",
            ),
            (
                Stored::Real(0.5),
                ValueType::Decimal,
                "DECIMAL TEXT COLLATE decimal",
            ),
            (
                Stored::Real(f64::INFINITY),
                ValueType::Text,
                "an `f64` field reads it",
            ),
            (
                Stored::Integer(1),
                ValueType::Text,
                "an integer field reads it",
            ),
        ] {
            let error = mismatch(stored, ty);
            assert!(error.message().contains(wanted), "{error}");
        }
    }

    #[test]
    fn nothing_is_altered() {
        for (stored, ty) in [
            (Stored::Integer(2), ValueType::Bool),
            (Stored::Integer(32_768), ValueType::I16),
            (Stored::Integer(1 << 31), ValueType::I32),
            (Stored::Real(1.0), ValueType::I64),
            (Stored::Text(b"1"), ValueType::I64),
            (Stored::Integer(1), ValueType::Text),
            (Stored::Blob(b"x"), ValueType::Text),
            (Stored::Text(b"x"), ValueType::Bytes),
            (Stored::Text(b"\xff"), ValueType::Text),
            (Stored::Real(0.1), ValueType::F32),
            (Stored::Real(1e300), ValueType::F32),
            (Stored::Integer((1 << 53) + 1), ValueType::F64),
            (Stored::Real(0.5), ValueType::Decimal),
            (Stored::Text(b"1e5"), ValueType::Decimal),
            (Stored::Blob(&[0; 15]), ValueType::Uuid),
            (Stored::Text(b"2023-02-29"), ValueType::Date),
            (Stored::Text(b"0000-01-01"), ValueType::Date),
            (Stored::Text(b"12024-01-01"), ValueType::Date),
            (Stored::Text(b"24:00:00"), ValueType::Time),
            (
                Stored::Text(b"5000000-01-01 00:00:00"),
                ValueType::Timestamp,
            ),
            (Stored::Text(b"2024-01-01"), ValueType::Timestamp),
            (Stored::Text(b"x"), ValueType::Timestamp),
            (Stored::Text(b"2024-01-01 00:00:00"), ValueType::TimestampTz),
            (Stored::Text(b"\xff"), ValueType::Json),
        ] {
            check(stored, ty, None);
        }
    }
}
