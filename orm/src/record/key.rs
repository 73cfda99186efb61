//! The primary key of a record.

use std::cmp::Ordering;
use std::fmt::{self, Debug};
use std::hash::{Hash, Hasher};

use crate::entity::Key;
use crate::error::Result;
use crate::value::{ColumnValue, Param, Value, ValueRef};

/// The primary key of a [`Record`](super::Record): one value for each of its columns.
///
/// Converts from one value or a tuple: `1.into()`, `("de", 7).into()`.
#[derive(Clone)]
pub struct RecordKey(Vec<Value>);

impl RecordKey {
    /// Creates a key from one value for each column of the primary key, in its order: for tables that are known only at run time.
    ///
    /// ```
    /// use selfsame::record::RecordKey;
    /// use selfsame::value::Value;
    ///
    /// let of_values = RecordKey::new([Value::Text("de".to_owned()), Value::I64(7)]);
    /// assert_eq!(of_values, RecordKey::from(("de", 7_i64)));
    /// ```
    pub fn new(values: impl IntoIterator<Item = Value>) -> Self {
        Self(values.into_iter().collect())
    }

    /// The key of these values; `None` if one of them is NULL.
    pub(crate) fn of(values: &[ValueRef<'_>]) -> Option<Self> {
        let is_null = values.iter().any(|value| value.is_null());
        (!is_null).then(|| Self(values.iter().copied().map(ValueRef::to_owned).collect()))
    }

    pub(crate) fn into_values(self) -> Vec<Value> {
        self.0
    }
}

impl Key for RecordKey {
    fn params<'a>(&'a self, out: &mut Vec<Param<'a>>) {
        out.extend(self.0.iter().map(|value| Param::Ref(value.as_ref())));
    }

    fn from_values(values: &[ValueRef<'_>]) -> Result<Self> {
        match values.iter().find(|value| value.is_null()) {
            Some(null) => Err(null.mismatch("key")),
            None => Ok(Self(
                values.iter().copied().map(ValueRef::to_owned).collect(),
            )),
        }
    }

    fn position(&self) -> Option<usize> {
        match self.0[..] {
            [Value::I64(key)] => usize::try_from(key).ok(),
            [Value::I32(key)] => usize::try_from(key).ok(),
            [Value::I16(key)] => usize::try_from(key).ok(),
            _ => None,
        }
    }
}

impl<T: ColumnValue> From<T> for RecordKey {
    fn from(value: T) -> Self {
        Self(vec![value.into()])
    }
}

impl From<&str> for RecordKey {
    fn from(value: &str) -> Self {
        Self(vec![value.into()])
    }
}

macro_rules! from_tuples {
    ($($($name:ident $value:ident),*;)*) => {$(
        impl<$($name: Into<Value>),*> From<($($name,)*)> for RecordKey {
            fn from(($($value,)*): ($($name,)*)) -> Self {
                Self(vec![$($value.into()),*])
            }
        }
    )*};
}
from_tuples!(
    A a, B b;
    A a, B b, C c;
    A a, B b, C c, D d;
);

/// Compares column by column. All values of a column have the same type, except that a foreign key may be an integer of another width.
impl Ord for RecordKey {
    fn cmp(&self, other: &Self) -> Ordering {
        let parts = self.0.iter().zip(&other.0).map(|(a, b)| compare(a, b));
        parts
            .fold(Ordering::Equal, Ordering::then)
            .then(self.0.len().cmp(&other.0.len()))
    }
}

impl PartialOrd for RecordKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for RecordKey {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for RecordKey {}

impl Hash for RecordKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0
            .iter()
            .for_each(|value| hash_value(value.as_ref(), state));
    }
}

/// Hashes a part of a key: equal values have equal hashes.
pub(crate) fn hash_value<H: Hasher>(value: ValueRef<'_>, state: &mut H) {
    match value {
        ValueRef::Null => {}
        ValueRef::Bool(v) => v.hash(state),
        ValueRef::I16(v) => i64::from(v).hash(state),
        ValueRef::I32(v) => i64::from(v).hash(state),
        ValueRef::I64(v) => v.hash(state),
        ValueRef::F32(v) => v.to_bits().hash(state),
        ValueRef::F64(v) => v.to_bits().hash(state),
        ValueRef::Text(v) | ValueRef::Json(v) => v.hash(state),
        ValueRef::Bytes(v) => v.hash(state),
        ValueRef::Decimal(v) => v.normalized().hash(state),
        ValueRef::Uuid(v) => v.hash(state),
        ValueRef::Date(v) => v.hash(state),
        ValueRef::Time(v) => v.hash(state),
        ValueRef::Timestamp(v) => v.hash(state),
        ValueRef::TimestampTz(v) => v.hash(state),
    }
}

fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::F32(a), Value::F32(b)) => a.total_cmp(b),
        (Value::F64(a), Value::F64(b)) => a.total_cmp(b),
        (Value::Text(a), Value::Text(b)) | (Value::Json(a), Value::Json(b)) => a.cmp(b),
        (Value::Bytes(a), Value::Bytes(b)) => a.cmp(b),
        (Value::Decimal(a), Value::Decimal(b)) => a.compare(*b),
        (Value::Uuid(a), Value::Uuid(b)) => a.cmp(b),
        (Value::Date(a), Value::Date(b)) => a.cmp(b),
        (Value::Time(a), Value::Time(b)) => a.cmp(b),
        (Value::Timestamp(a), Value::Timestamp(b)) => a.cmp(b),
        (Value::TimestampTz(a), Value::TimestampTz(b)) => a.cmp(b),
        (a, b) => match (a.as_ref().integer(), b.as_ref().integer()) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => a.as_ref().value_type().cmp(&b.as_ref().value_type()),
        },
    }
}

/// Shown like keys of entities: one value, or a tuple.
impl Debug for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |value: &Value| match value {
            Value::I16(v) => v.to_string(),
            Value::I32(v) => v.to_string(),
            Value::I64(v) => v.to_string(),
            Value::Text(v) => format!("{v:?}"),
            other => format!("{other:?}"),
        };
        let parts: Vec<String> = self.0.iter().map(show).collect();
        match &parts[..] {
            [only] => f.write_str(only),
            several => write!(f, "({})", several.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_compared_by_their_values() {
        let key = |values: &[ValueRef<'_>]| RecordKey::of(values).expect("a key");
        assert_eq!(RecordKey::from(7_i64), key(&[ValueRef::I64(7)]));
        assert!(RecordKey::from(("a", 2)) < RecordKey::from(("b", 1)));
        assert!(RecordKey::from(("a", 1)) < RecordKey::from(("a", 2)));
        assert_eq!(RecordKey::of(&[ValueRef::I64(1), ValueRef::Null]), None);
        assert_eq!(format!("{:?}", RecordKey::from(("a", 2))), r#"("a", 2)"#);
        assert_eq!(format!("{:?}", RecordKey::from(7)), "7");
        // A foreign key may be narrower than the key that it references.
        let by_key = std::collections::HashMap::from([(RecordKey::from(-7_i64), 1)]);
        assert_eq!(by_key.get(&key(&[ValueRef::I16(-7)])), Some(&1));
        assert!(key(&[ValueRef::I32(9)]) < RecordKey::from(10_i64));
    }
}
