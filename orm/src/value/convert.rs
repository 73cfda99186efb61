//! Converts values between types without loss, for backends whose databases return a wider type than was requested.

use super::{Decimal, ValueRef, ValueType};
use crate::error::{Error, ErrorKind, Result};

impl ValueRef<'_> {
    /// Returns the value as one of another type that holds it exactly: integers of any width, whole decimals as integers (a SUM of integers
    /// is a decimal in many databases), integers as decimals or doubles, singles as doubles, doubles as singles. NULL, and any
    /// value for [`ValueType::Native`], is returned as it is.
    ///
    /// ```
    /// use selfsame::value::{Decimal, ValueRef, ValueType};
    ///
    /// let sum = ValueRef::Decimal(Decimal::new(700, 2));
    /// assert_eq!(sum.converted(ValueType::I64)?, ValueRef::I64(7));
    /// assert!(ValueRef::I64(70_000).converted(ValueType::I16).is_err());
    /// assert!(ValueRef::Text("7").converted(ValueType::I64).is_err());
    /// # Ok::<(), selfsame::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Conversion`](ErrorKind::Conversion) if the types have nothing in common, or the value does not fit. It does not contain the value.
    #[inline]
    pub fn converted(self, wanted: ValueType) -> Result<Self> {
        match wanted == ValueType::Native || self.value_type().is_none_or(|own| own == wanted) {
            true => Ok(self),
            false => self.converted_to_other(wanted),
        }
    }

    fn converted_to_other(self, wanted: ValueType) -> Result<Self> {
        let fitting = match (wanted, self) {
            (ValueType::I16 | ValueType::I32 | ValueType::I64, Self::Decimal(value)) => {
                whole(value).and_then(|value| narrowed(value, wanted))
            }
            (ValueType::F64, Self::F32(value)) => Some(Self::F64(value.into())),
            (ValueType::F32, Self::F64(value)) => single(value).map(Self::F32),
            (wanted, found) => match (wanted, found.integer()) {
                (ValueType::I16 | ValueType::I32 | ValueType::I64, Some(value)) => {
                    narrowed(value, wanted)
                }
                (ValueType::Decimal, Some(value)) => {
                    Some(Self::Decimal(Decimal::new(value.into(), 0)))
                }
                (ValueType::F64, Some(value)) => double(value).map(Self::F64),
                _ => return Err(found.mismatch(wanted)),
            },
        };
        fitting.ok_or_else(|| does_not_fit(wanted))
    }
}

fn narrowed(value: i64, wanted: ValueType) -> Option<ValueRef<'static>> {
    Some(match wanted {
        ValueType::I16 => ValueRef::I16(value.try_into().ok()?),
        ValueType::I32 => ValueRef::I32(value.try_into().ok()?),
        _ => ValueRef::I64(value),
    })
}

fn whole(value: Decimal) -> Option<i64> {
    let unit = 10_i128.checked_pow(value.scale())?;
    match value.mantissa() % unit {
        0 => i64::try_from(value.mantissa() / unit).ok(),
        _ => None,
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "every integer up to 2^53 is a double"
)]
fn double(value: i64) -> Option<f64> {
    (value.unsigned_abs() <= 1 << 53).then_some(value as f64)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a double that a single cannot hold is detected by converting back"
)]
fn single(value: f64) -> Option<f32> {
    let single = value as f32;
    (f64::from(single).to_bits() == value.to_bits()).then_some(single)
}

#[cold]
fn does_not_fit(wanted: ValueType) -> Error {
    Error::new(
        ErrorKind::Conversion,
        format!("the value does not fit {wanted:?}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_exact_is_converted() {
        let decimal = |mantissa, scale| ValueRef::Decimal(Decimal::new(mantissa, scale));
        for (value, wanted, expected) in [
            (ValueRef::I64(7), ValueType::I16, Some(ValueRef::I16(7))),
            (ValueRef::I16(7), ValueType::I64, Some(ValueRef::I64(7))),
            (ValueRef::I64(1 << 31), ValueType::I32, None),
            (decimal(70, 1), ValueType::I32, Some(ValueRef::I32(7))),
            (decimal(75, 1), ValueType::I32, None),
            (decimal(i128::MAX, 0), ValueType::I64, None),
            (ValueRef::I32(-7), ValueType::Decimal, Some(decimal(-7, 0))),
            (ValueRef::I32(3), ValueType::F64, Some(ValueRef::F64(3.0))),
            (ValueRef::I64((1 << 53) + 1), ValueType::F64, None),
            (ValueRef::F32(0.5), ValueType::F64, Some(ValueRef::F64(0.5))),
            (ValueRef::F64(0.5), ValueType::F32, Some(ValueRef::F32(0.5))),
            (ValueRef::F64(0.1), ValueType::F32, None),
            (ValueRef::F64(1.0), ValueType::I64, None),
            (ValueRef::I64(1), ValueType::Bool, None),
            (ValueRef::Text("7"), ValueType::I64, None),
            (ValueRef::Null, ValueType::I64, Some(ValueRef::Null)),
            (
                ValueRef::Text("7"),
                ValueType::Native,
                Some(ValueRef::Text("7")),
            ),
        ] {
            let found = value.converted(wanted);
            assert_eq!(found.ok(), expected, "{value:?} as {wanted:?}");
        }
    }
}
