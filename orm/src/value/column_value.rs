//! `ColumnValue`: Rust types that columns can hold.

use std::fmt;
use std::ops::Deref;

use super::{Date, Decimal, Param, Time, Timestamp, TimestampTz, Value, ValueRef, ValueType};
use crate::backend::Row;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::ColumnType;

/// A Rust type that can be a field of an entity, a parameter, or a result column.
///
/// A newtype implements it through its inner value:
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
/// `from_value(x.to_param())` must return a value equal to `x`; `to_param` must return a value of [`TYPE`](Self::TYPE) or NULL.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be stored in a column",
    label = "not a column type",
    note = "columns hold bool, i16, i32, i64, f32, f64, String, Vec<u8>, dates, UUIDs, decimals, JSON, enums with #[derive(DbEnum)], Option, Auto and Vec of these",
    note = "for your own type, implement `selfsame::value::ColumnValue`"
)]
pub trait ColumnValue: Clone + Send + Sync + 'static {
    /// The type that expressions compare it as: the type without `Option` and `Auto`, or the inner type of a newtype.
    type Base;
    /// The neutral type.
    const TYPE: ValueType;
    /// Whether the column may be NULL.
    const NULLABLE: bool = false;
    /// Whether the attribute `length` is allowed: for texts, but not for the labels of an enum.
    const TAKES_LENGTH: bool = matches!(Self::TYPE, ValueType::Text);

    /// Returns the column's type in a schema; by default the one corresponding to [`TYPE`](Self::TYPE).
    fn column_type() -> ColumnType {
        ColumnType::of(Self::TYPE)
    }

    /// Converts the value to a parameter, borrowed where possible.
    fn to_param(&self) -> Param<'_>;

    /// Converts a column's value that was decoded as [`TYPE`](Self::TYPE).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conversion`] if the value is NULL and the type is not nullable, or if it is out of range.
    fn from_value(value: ValueRef<'_>) -> Result<Self>;

    /// Reads column `index` of a row as [`TYPE`](Self::TYPE) and converts it with [`from_value`](Self::from_value).
    ///
    /// # Errors
    ///
    /// Errors of reading the row, and those of [`from_value`](Self::from_value).
    #[inline]
    fn from_row(row: &dyn Row, index: usize) -> Result<Self> {
        row.value(index, Self::TYPE).and_then(Self::from_value)
    }

    /// Reads column `index` of a row like [`from_row`](Self::from_row), with NULL as `None`.
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

    /// Returns whether the database generates the value. Only an [`Auto`] can be unset.
    fn is_unset(&self) -> bool {
        false
    }
}

/// The error for NULL in a type that is not nullable.
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

            /// Accepts an integer of another width if it fits, such as that of a foreign key narrower than the key it references.
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
/// It dereferences to the value once it is known, and panics before; [`get`](Self::get) does not panic.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Auto<T>(Option<T>);

impl<T> Auto<T> {
    /// Not set: the database generates the value.
    pub const UNSET: Self = Self(None);

    /// Sets the value explicitly.
    pub const fn set(value: T) -> Self {
        Self(Some(value))
    }

    /// Returns the value, if it is known.
    pub const fn get(&self) -> Option<&T> {
        self.0.as_ref()
    }

    /// Returns the value, if it is known.
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
/// If the value is not known yet, because the object was not flushed.
impl<T> Deref for Auto<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match &self.0 {
            Some(value) => value,
            None => panic!(
                "the database has not generated this value yet: flush the session first, or use `Auto::get`"
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
    /// Converts the value to a `T`.
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

/// The error for a value that the neutral form, or the Rust type, cannot represent.
#[cold]
pub(crate) fn out_of_range(what: &str) -> Error {
    Error::new(ErrorKind::Conversion, format!("the {what} is out of range"))
}
