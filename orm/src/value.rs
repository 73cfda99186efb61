//! Values in a neutral form, exchanged between Rust types, the SQL renderer and backends.
//!
//! | Rust | [`ValueType`] | represented as |
//! |---|---|---|
//! | `bool` | `Bool` | |
//! | `i16`, `i32`, `i64` | `I16`, `I32`, `I64` | |
//! | `f32`, `f64` | `F32`, `F64` | compared bit by bit in change detection |
//! | `String` | `Text` | UTF-8 |
//! | `Vec<u8>` | `Bytes` | |
//! | [`Decimal`], `rust_decimal::Decimal` | `Decimal` | 128-bit mantissa and a scale |
//! | `uuid::Uuid` | `Uuid` | 16 bytes, most significant first |
//! | [`Date`], `chrono::NaiveDate`, `jiff::civil::Date` | `Date` | days since 1970-01-01 |
//! | [`Time`], `chrono::NaiveTime`, `jiff::civil::Time` | `Time` | microseconds since midnight |
//! | [`Timestamp`], `chrono::NaiveDateTime`, `jiff::civil::DateTime` | `Timestamp` | microseconds since 1970-01-01 00:00, no zone |
//! | [`TimestampTz`], `chrono::DateTime<Utc>`, `jiff::Timestamp` | `TimestampTz` | microseconds since the Unix epoch, an instant |
//! | `serde_json::Value` | `Json` | its text |
//! | an enum with `#[derive(DbEnum)]` | `Text` | its label |
//! | `Vec<T>` of these, but `Vec<u8>` | `Text` | the text of an array, `{1,2}` |
//! | `Option<T>` | as `T` | `None` is NULL |

mod array;
mod column_value;
mod convert;
mod decimal;
mod deferred;
mod external;
mod temporal;

pub use column_value::{Auto, ColumnValue};
pub use decimal::Decimal;
pub use deferred::Deferred;
pub use temporal::{Date, Time, Timestamp, TimestampTz};

use crate::error::{Error, ErrorKind};

/// The type of a value, which tells a backend how to bind a parameter and decode a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ValueType {
    /// True or false.
    Bool,
    /// 16-bit signed integer.
    I16,
    /// 32-bit signed integer.
    I32,
    /// 64-bit signed integer.
    I64,
    /// IEEE 754 binary32.
    F32,
    /// IEEE 754 binary64.
    F64,
    /// Unicode text.
    Text,
    /// Any bytes.
    Bytes,
    /// An exact decimal number.
    Decimal,
    /// A UUID.
    Uuid,
    /// A date of the proleptic Gregorian calendar.
    Date,
    /// A time of day.
    Time,
    /// A date and time of day without a zone.
    Timestamp,
    /// An instant.
    TimestampTz,
    /// A JSON document.
    Json,
    /// The database's own type, only for columns of raw SQL: the backend chooses the closest neutral type.
    Native,
}

/// A borrowed value: a parameter or a column of a row. `Copy`, 32 bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ValueRef<'a> {
    /// SQL NULL.
    Null,
    /// See [`ValueType::Bool`].
    Bool(bool),
    /// See [`ValueType::I16`].
    I16(i16),
    /// See [`ValueType::I32`].
    I32(i32),
    /// See [`ValueType::I64`].
    I64(i64),
    /// See [`ValueType::F32`].
    F32(f32),
    /// See [`ValueType::F64`].
    F64(f64),
    /// See [`ValueType::Text`].
    Text(&'a str),
    /// See [`ValueType::Bytes`].
    Bytes(&'a [u8]),
    /// See [`ValueType::Decimal`].
    Decimal(Decimal),
    /// See [`ValueType::Uuid`].
    Uuid([u8; 16]),
    /// See [`ValueType::Date`].
    Date(Date),
    /// See [`ValueType::Time`].
    Time(Time),
    /// See [`ValueType::Timestamp`].
    Timestamp(Timestamp),
    /// See [`ValueType::TimestampTz`].
    TimestampTz(TimestampTz),
    /// The text of a JSON document. JSON's `null` is `Json("null")`; SQL's NULL is [`ValueRef::Null`].
    Json(&'a str),
}

impl<'a> ValueRef<'a> {
    /// Returns the type of this value; `None` for NULL, which has every type.
    pub fn value_type(self) -> Option<ValueType> {
        Some(match self {
            Self::Null => return None,
            Self::Bool(_) => ValueType::Bool,
            Self::I16(_) => ValueType::I16,
            Self::I32(_) => ValueType::I32,
            Self::I64(_) => ValueType::I64,
            Self::F32(_) => ValueType::F32,
            Self::F64(_) => ValueType::F64,
            Self::Text(_) => ValueType::Text,
            Self::Bytes(_) => ValueType::Bytes,
            Self::Decimal(_) => ValueType::Decimal,
            Self::Uuid(_) => ValueType::Uuid,
            Self::Date(_) => ValueType::Date,
            Self::Time(_) => ValueType::Time,
            Self::Timestamp(_) => ValueType::Timestamp,
            Self::TimestampTz(_) => ValueType::TimestampTz,
            Self::Json(_) => ValueType::Json,
        })
    }

    /// Returns whether this is SQL NULL.
    pub fn is_null(self) -> bool {
        matches!(self, Self::Null)
    }

    /// Returns whether two values are the same in change detection: floats are compared bit by bit, everything else by equality.
    ///
    /// So a NaN is the same as itself, and decimals are equal regardless of scale.
    #[inline]
    pub fn same(self, other: ValueRef<'_>) -> bool {
        match (self, other) {
            // The most common types first: this runs for every column of every changed object.
            (Self::Text(a), ValueRef::Text(b)) => a == b,
            (Self::I64(a), ValueRef::I64(b)) => a == b,
            (Self::Null, ValueRef::Null) => true,
            (Self::F32(a), ValueRef::F32(b)) => a.to_bits() == b.to_bits(),
            (Self::F64(a), ValueRef::F64(b)) => a.to_bits() == b.to_bits(),
            (a, b) => a == b || a.integer().is_some_and(|a| b.integer() == Some(a)),
        }
    }

    /// The value of an integer of any width.
    #[inline]
    pub(crate) fn integer(self) -> Option<i64> {
        match self {
            Self::I16(value) => Some(value.into()),
            Self::I32(value) => Some(value.into()),
            Self::I64(value) => Some(value),
            _ => None,
        }
    }

    /// Returns an owned copy.
    pub fn to_owned(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(v) => Value::Bool(v),
            Self::I16(v) => Value::I16(v),
            Self::I32(v) => Value::I32(v),
            Self::I64(v) => Value::I64(v),
            Self::F32(v) => Value::F32(v),
            Self::F64(v) => Value::F64(v),
            Self::Text(v) => Value::Text(v.to_owned()),
            Self::Bytes(v) => Value::Bytes(v.to_owned()),
            Self::Decimal(v) => Value::Decimal(v),
            Self::Uuid(v) => Value::Uuid(v),
            Self::Date(v) => Value::Date(v),
            Self::Time(v) => Value::Time(v),
            Self::Timestamp(v) => Value::Timestamp(v),
            Self::TimestampTz(v) => Value::TimestampTz(v),
            Self::Json(v) => Value::Json(v.to_owned()),
        }
    }

    /// Returns the error for a value that is not of the wanted type. It does not contain the value.
    #[cold]
    pub fn mismatch(self, wanted: impl std::fmt::Debug) -> Error {
        let message = match self.value_type() {
            None => format!("expected {wanted:?}, found NULL"),
            Some(found) => format!("expected {wanted:?}, found {found:?}"),
        };
        Error::new(ErrorKind::Conversion, message)
    }
}

/// An owned value. Its borrowed form is [`ValueRef`].
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// See [`ValueType::Bool`].
    Bool(bool),
    /// See [`ValueType::I16`].
    I16(i16),
    /// See [`ValueType::I32`].
    I32(i32),
    /// See [`ValueType::I64`].
    I64(i64),
    /// See [`ValueType::F32`].
    F32(f32),
    /// See [`ValueType::F64`].
    F64(f64),
    /// See [`ValueType::Text`].
    Text(String),
    /// See [`ValueType::Bytes`].
    Bytes(Vec<u8>),
    /// See [`ValueType::Decimal`].
    Decimal(Decimal),
    /// See [`ValueType::Uuid`].
    Uuid([u8; 16]),
    /// See [`ValueType::Date`].
    Date(Date),
    /// See [`ValueType::Time`].
    Time(Time),
    /// See [`ValueType::Timestamp`].
    Timestamp(Timestamp),
    /// See [`ValueType::TimestampTz`].
    TimestampTz(TimestampTz),
    /// See [`ValueRef::Json`].
    Json(String),
}

impl Value {
    /// Returns the borrowed form.
    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Self::Null => ValueRef::Null,
            Self::Bool(v) => ValueRef::Bool(*v),
            Self::I16(v) => ValueRef::I16(*v),
            Self::I32(v) => ValueRef::I32(*v),
            Self::I64(v) => ValueRef::I64(*v),
            Self::F32(v) => ValueRef::F32(*v),
            Self::F64(v) => ValueRef::F64(*v),
            Self::Text(v) => ValueRef::Text(v),
            Self::Bytes(v) => ValueRef::Bytes(v),
            Self::Decimal(v) => ValueRef::Decimal(*v),
            Self::Uuid(v) => ValueRef::Uuid(*v),
            Self::Date(v) => ValueRef::Date(*v),
            Self::Time(v) => ValueRef::Time(*v),
            Self::Timestamp(v) => ValueRef::Timestamp(*v),
            Self::TimestampTz(v) => ValueRef::TimestampTz(*v),
            Self::Json(v) => ValueRef::Json(v),
        }
    }
}

/// One parameter of a statement.
#[derive(Clone, Debug, PartialEq)]
pub enum Param<'a> {
    /// A borrowed value: the usual case, without a copy.
    Ref(ValueRef<'a>),
    /// A value that had to be created (a JSON document's text, a converted newtype).
    Owned(Value),
    /// A whole column of values as one array. Only sent to backends whose dialect uses [`Batch::Arrays`](crate::dialect::Batch::Arrays);
    /// the statement's parameter type is the element type.
    Column(&'a [ValueRef<'a>]),
}

impl Param<'_> {
    /// The absent value of a [`Deferred`] column that is not loaded. It is never sent.
    pub const ABSENT: Param<'static> = Param::Column(&[]);

    /// Returns the value; `None` for a [`Param::Column`].
    #[inline]
    pub fn value(&self) -> Option<ValueRef<'_>> {
        match self {
            Self::Ref(value) => Some(*value),
            Self::Owned(value) => Some(value.as_ref()),
            Self::Column(_) => None,
        }
    }
}

impl<'a> From<ValueRef<'a>> for Param<'a> {
    fn from(value: ValueRef<'a>) -> Self {
        Self::Ref(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_four_words() {
        assert_eq!(size_of::<ValueRef<'_>>(), 32);
        assert_eq!(size_of::<crate::Result<ValueRef<'_>>>(), 32);
    }

    #[test]
    fn floats_are_the_same_by_their_bits() {
        assert!(ValueRef::F64(f64::NAN).same(ValueRef::F64(f64::NAN)));
        assert!(!ValueRef::F64(0.0).same(ValueRef::F64(-0.0)));
        assert!(!ValueRef::F32(0.0).same(ValueRef::Null));
    }

    #[test]
    fn owned_and_borrowed_agree() {
        for value in [
            ValueRef::Text("é"),
            ValueRef::Null,
            ValueRef::Bytes(&[0, 255]),
            ValueRef::Json("null"),
        ] {
            assert_eq!(value.to_owned().as_ref(), value);
        }
    }
}
