//! `ColumnValue`: what a Rust type is in a column.

use std::fmt;
use std::ops::Deref;

use super::{Date, Decimal, Param, Time, Timestamp, TimestampTz, Value, ValueRef, ValueType};
use crate::backend::Row;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::ColumnType;

/// A Rust type that can be a field of an entity, a parameter and a column of a result.
///
/// A newtype implements it by its inner value:
///
/// ```
/// use selfsame::value::{ColumnValue, Param, ValueRef, ValueType};
///
/// #[derive(Clone, Debug)]
/// struct Email(String);
///
/// impl ColumnValue for Email {
///     type Base = String;
///     const TYPE: ValueType = ValueType::Text;
///     fn to_param(&self) -> Param<'_> {
///         self.0.to_param()
///     }
///     fn from_value(value: ValueRef<'_>) -> selfsame::Result<Self> {
///         String::from_value(value).map(Email)
///     }
/// }
/// ```
///
/// # Contract
///
/// `from_value(x.to_param())` must give back an equal `x`; `to_param` must give a value of [`TYPE`](Self::TYPE) or NULL.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be stored in a column",
    label = "not a column type",
    note = "columns hold bool, i16, i32, i64, f32, f64, String, Vec<u8>, dates, UUIDs, decimals, JSON, enums with #[derive(DbEnum)], Option, Auto and Vec of these",
    note = "for a type of your own implement `selfsame::value::ColumnValue`"
)]
pub trait ColumnValue: Clone + Send + Sync + 'static {
    /// What it is compared as: itself without `Option` and `Auto`, or the inner type of a newtype.
    type Base;
    /// The neutral type.
    const TYPE: ValueType;
    /// Whether the column may be NULL.
    const NULLABLE: bool = false;
    /// Whether `length` may be given to its column: to texts, but not to labels of an enum.
    const TAKES_LENGTH: bool = matches!(Self::TYPE, ValueType::Text);

    /// The column's type in a schema; by default the one that belongs to [`TYPE`](Self::TYPE).
    fn column_type() -> ColumnType {
        ColumnType::of(Self::TYPE)
    }

    /// The value as a parameter, borrowed where possible.
    fn to_param(&self) -> Param<'_>;

    /// The value of a column that was decoded as [`TYPE`](Self::TYPE).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conversion`] if the value is NULL and the type is not nullable, or does not fit.
    fn from_value(value: ValueRef<'_>) -> Result<Self>;

    /// The value of column `index` of a row: [`from_value`](Self::from_value) of what the row gives as [`TYPE`](Self::TYPE).
    ///
    /// # Errors
    ///
    /// What the row gives, and as [`from_value`](Self::from_value).
    #[inline]
    fn from_row(row: &dyn Row, index: usize) -> Result<Self> {
        row.value(index, Self::TYPE).and_then(Self::from_value)
    }

    /// The same of a column that may be NULL, which is `None`.
    ///
    /// # Errors
    ///
    /// As [`from_row`](Self::from_row).
    #[inline]
    fn from_row_or_null(row: &dyn Row, index: usize) -> Result<Option<Self>> {
        match row.value(index, Self::TYPE)? {
            ValueRef::Null => Ok(None),
            value => Self::from_value(value).map(Some),
        }
    }

    /// Whether the database is to make the value. Only [`Auto`] is ever unset.
    fn is_unset(&self) -> bool {
        false
    }
}

/// The error of a NULL where a value must be.
#[cold]
fn null(ty: ValueType) -> Error {
    ValueRef::Null.mismatch(ty)
}

macro_rules! by_variant {
    ($($ty:ty => $variant:ident),* $(,)?) => {$(
        impl ColumnValue for $ty {
            type Base = $ty;
            const TYPE: ValueType = ValueType::$variant;

            #[inline]
            fn to_param(&self) -> Param<'_> {
                Param::Ref(ValueRef::$variant(*self))
            }

            #[inline]
            fn from_value(value: ValueRef<'_>) -> Result<Self> {
                match value {
                    ValueRef::$variant(value) => Ok(value),
                    other => Err(other.mismatch(Self::TYPE)),
                }
            }
        }
    )*};
}
by_variant!(
    bool => Bool, f32 => F32, f64 => F64, Decimal => Decimal, Date => Date,
    Time => Time, Timestamp => Timestamp, TimestampTz => TimestampTz,
);

macro_rules! integers {
    ($($ty:ty => $variant:ident { $($direct:tt)* }),* $(,)?) => {$(
        impl ColumnValue for $ty {
            type Base = $ty;
            const TYPE: ValueType = ValueType::$variant;

            #[inline]
            fn to_param(&self) -> Param<'_> {
                Param::Ref(ValueRef::$variant(*self))
            }

            /// An integer of another width is taken if it fits: that of a foreign key whose column is narrower than the key.
            #[inline]
            fn from_value(value: ValueRef<'_>) -> Result<Self> {
                match value {
                    ValueRef::$variant(value) => Ok(value),
                    other => other
                        .integer()
                        .and_then(|value| value.try_into().ok())
                        .ok_or_else(|| other.mismatch(Self::TYPE)),
                }
            }

            $($direct)*
        }
    )*};
}
integers!(
    i16 => I16 {},
    i32 => I32 {},
    i64 => I64 {
        #[inline]
        fn from_row(row: &dyn Row, index: usize) -> Result<Self> {
            row.i64(index)?.ok_or_else(|| null(Self::TYPE))
        }

        #[inline]
        fn from_row_or_null(row: &dyn Row, index: usize) -> Result<Option<Self>> {
            row.i64(index)
        }
    },
);

impl ColumnValue for String {
    type Base = String;
    const TYPE: ValueType = ValueType::Text;

    #[inline]
    fn to_param(&self) -> Param<'_> {
        Param::Ref(ValueRef::Text(self))
    }

    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<Self> {
        match value {
            ValueRef::Text(text) => Ok(text.to_owned()),
            other => Err(other.mismatch(Self::TYPE)),
        }
    }

    #[inline]
    fn from_row(row: &dyn Row, index: usize) -> Result<Self> {
        match row.text(index)? {
            Some(text) => Ok(text.to_owned()),
            None => Err(null(Self::TYPE)),
        }
    }

    #[inline]
    fn from_row_or_null(row: &dyn Row, index: usize) -> Result<Option<Self>> {
        Ok(row.text(index)?.map(str::to_owned))
    }
}

impl ColumnValue for Vec<u8> {
    type Base = Vec<u8>;
    const TYPE: ValueType = ValueType::Bytes;

    fn to_param(&self) -> Param<'_> {
        Param::Ref(ValueRef::Bytes(self))
    }

    fn from_value(value: ValueRef<'_>) -> Result<Self> {
        match value {
            ValueRef::Bytes(bytes) => Ok(bytes.to_owned()),
            other => Err(other.mismatch(Self::TYPE)),
        }
    }
}

impl<T: ColumnValue> ColumnValue for Option<T> {
    type Base = T::Base;
    const TYPE: ValueType = T::TYPE;
    const NULLABLE: bool = true;
    const TAKES_LENGTH: bool = T::TAKES_LENGTH;

    fn column_type() -> ColumnType {
        T::column_type()
    }

    #[inline]
    fn to_param(&self) -> Param<'_> {
        match self {
            Some(value) => value.to_param(),
            None => Param::Ref(ValueRef::Null),
        }
    }

    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<Self> {
        match value {
            ValueRef::Null => Ok(None),
            value => T::from_value(value).map(Some),
        }
    }

    #[inline]
    fn from_row(row: &dyn Row, index: usize) -> Result<Self> {
        T::from_row_or_null(row, index)
    }
}

/// A value that the database generates unless it is set: a generated key, a server default, a computed column.
///
/// It dereferences to the value once it is known; [`get`](Self::get) asks without panicking.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Auto<T>(Option<T>);

impl<T> Auto<T> {
    /// Not set: the database decides.
    pub const UNSET: Self = Self(None);

    /// Set by the program.
    pub const fn set(value: T) -> Self {
        Self(Some(value))
    }

    /// The value, if it is known.
    pub const fn get(&self) -> Option<&T> {
        self.0.as_ref()
    }

    /// The value, if it is known.
    pub fn into_inner(self) -> Option<T> {
        self.0
    }
}

impl<T> Default for Auto<T> {
    fn default() -> Self {
        Self::UNSET
    }
}

impl<T> From<T> for Auto<T> {
    fn from(value: T) -> Self {
        Self::set(value)
    }
}

/// # Panics
///
/// If the value is not known yet: the object was not flushed.
impl<T> Deref for Auto<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match &self.0 {
            Some(value) => value,
            None => panic!(
                "the database has not made this value yet: flush the session first, or ask with `Auto::get`"
            ),
        }
    }
}

impl<T: PartialEq> PartialEq<T> for Auto<T> {
    fn eq(&self, other: &T) -> bool {
        self.0.as_ref() == Some(other)
    }
}

impl<T: fmt::Debug> fmt::Debug for Auto<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(value) => value.fmt(f),
            None => f.write_str("auto"),
        }
    }
}

impl<T: ColumnValue> ColumnValue for Auto<T> {
    type Base = T::Base;
    const TYPE: ValueType = T::TYPE;
    const NULLABLE: bool = T::NULLABLE;
    const TAKES_LENGTH: bool = T::TAKES_LENGTH;

    fn column_type() -> ColumnType {
        T::column_type()
    }

    #[inline]
    fn to_param(&self) -> Param<'_> {
        match &self.0 {
            Some(value) => value.to_param(),
            None => Param::Ref(ValueRef::Null),
        }
    }

    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<Self> {
        T::from_value(value).map(Self::set)
    }

    #[inline]
    fn from_row(row: &dyn Row, index: usize) -> Result<Self> {
        T::from_row(row, index).map(Self::set)
    }

    fn is_unset(&self) -> bool {
        self.0.is_none()
    }
}

impl Value {
    /// The value as `T`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conversion`] if it is of another type.
    pub fn get<T: ColumnValue>(&self) -> Result<T> {
        T::from_value(self.as_ref())
    }
}

impl<T: ColumnValue> From<T> for Value {
    fn from(value: T) -> Self {
        match value.to_param() {
            Param::Ref(value) => value.to_owned(),
            Param::Owned(value) => value,
            Param::Column(_) => unreachable!("a single value is never a column of values"),
        }
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

/// The error of a value that exists in Rust and has no place in the neutral form (or the other way round).
#[cold]
pub(crate) fn out_of_range(what: &str) -> Error {
    Error::new(
        ErrorKind::Conversion,
        format!("{what} is outside the range of its neutral form"),
    )
}
