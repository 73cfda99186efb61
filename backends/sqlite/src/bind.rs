//! Converts parameters to the form that SQLite stores.

use std::fmt::Write as _;

use selfsame::value::{Date, Decimal, Param, Timestamp, ValueRef};
use selfsame::{Error, ErrorKind, Result};

use crate::temporal;

/// The form in which a parameter is bound.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Binding<'p, 's> {
    Null,
    Integer(i64),
    Real(f64),
    /// The parameter's own text.
    KeptText(&'p str),
    /// The parameter's own bytes.
    KeptBlob(&'p [u8]),
    /// Text formatted for this binding.
    MadeText(&'s str),
    Uuid([u8; 16]),
}

/// Returns the binding of parameter `index` (from 1); `scratch` holds formatted text.
///
/// # Errors
///
/// [`OutOfRange`](ErrorKind::OutOfRange) for a value that SQLite would change or could not order.
#[inline]
pub(crate) fn binding<'p, 's>(
    param: &'p Param<'p>,
    index: i32,
    scratch: &'s mut String,
) -> Result<Binding<'p, 's>> {
    let Some(value) = param.value() else {
        return Err(Error::unsupported("sqlite", "an array as a parameter"));
    };
    let refused = |what: &str| refused(index, what);
    Ok(match value {
        ValueRef::Null => Binding::Null,
        ValueRef::Bool(value) => Binding::Integer(i64::from(value)),
        ValueRef::I16(value) => Binding::Integer(i64::from(value)),
        ValueRef::I32(value) => Binding::Integer(i64::from(value)),
        ValueRef::I64(value) => Binding::Integer(value),
        ValueRef::F32(value) if value.is_nan() => return Err(refused(NAN)),
        ValueRef::F64(value) if value.is_nan() => return Err(refused(NAN)),
        ValueRef::F32(value) => Binding::Real(f64::from(value)),
        ValueRef::F64(value) => Binding::Real(value),
        ValueRef::Text(text) | ValueRef::Json(text) => Binding::KeptText(text),
        ValueRef::Bytes(bytes) => Binding::KeptBlob(bytes),
        ValueRef::Uuid(uuid) => Binding::Uuid(uuid),
        ValueRef::Decimal(value) if !has_text(value) => return Err(refused(DECIMAL)),
        ValueRef::Decimal(value) => made(scratch, |out| {
            write!(out, "{value}").expect("writing to a String does not fail");
        }),
        ValueRef::Date(value) if !is_common(value) => return Err(refused(YEAR)),
        ValueRef::Date(value) => made(scratch, |out| temporal::write_date(value, out)),
        ValueRef::Time(value) if !(0..DAY).contains(&value.0) => return Err(refused(TIME)),
        ValueRef::Time(value) => made(scratch, |out| temporal::write_time(value, out)),
        ValueRef::Timestamp(value) if !is_common(value.split().0) => return Err(refused(YEAR)),
        ValueRef::Timestamp(value) => made(scratch, |out| temporal::write_timestamp(value, out)),
        ValueRef::TimestampTz(value) if !is_common(Timestamp(value.0).split().0) => {
            return Err(refused(YEAR));
        }
        ValueRef::TimestampTz(value) => made(scratch, |out| temporal::write_instant(value, out)),
    })
}

const NAN: &str = "NaN, which SQLite would store as NULL";
const DECIMAL: &str = "a decimal of more than 38 digits after the decimal point or beyond 128 bits";
const YEAR: &str = "a day outside the years 1 to 9999";
const TIME: &str = "a time outside its day";

/// Microseconds.
const DAY: i64 = 86_400_000_000;

#[cold]
fn refused(index: i32, what: &str) -> Error {
    Error::new(
        ErrorKind::OutOfRange,
        format!("parameter {index} is {what}"),
    )
    .parameter(usize::try_from(index).unwrap_or_default())
}

/// Returns whether the text of a decimal parses to the same decimal.
fn has_text(value: Decimal) -> bool {
    value.scale() <= Decimal::MAX_SCALE && value.mantissa() != i128::MIN
}

fn is_common(date: Date) -> bool {
    (Date::MIN_COMMON..=Date::MAX_COMMON).contains(&date)
}

fn made<'p, 's>(scratch: &'s mut String, write: impl FnOnce(&mut String)) -> Binding<'p, 's> {
    scratch.clear();
    write(scratch);
    Binding::MadeText(scratch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame::value::{Time, TimestampTz};

    fn check_refused(value: ValueRef<'_>) {
        let error = binding(&Param::Ref(value), 3, &mut String::new()).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::OutOfRange, "{value:?}");
        assert!(error.message().starts_with("parameter 3 is "));
    }

    #[test]
    fn what_sqlite_would_alter_is_refused() {
        check_refused(ValueRef::F32(f32::NAN));
        check_refused(ValueRef::F64(f64::NAN));
        check_refused(ValueRef::Date(Date(Date::MAX_COMMON.0 + 1)));
        check_refused(ValueRef::Date(Date(i32::MIN)));
        check_refused(ValueRef::Time(Time(DAY)));
        check_refused(ValueRef::Time(Time(-1)));
        check_refused(ValueRef::Timestamp(Timestamp(i64::MAX)));
        check_refused(ValueRef::TimestampTz(TimestampTz(i64::MIN)));
        check_refused(ValueRef::Decimal(Decimal::new(i128::MIN, 0)));
        check_refused(ValueRef::Decimal(Decimal::new(1, 39)));
    }

    #[test]
    fn an_array_is_not_a_parameter() {
        let error = binding(&Param::Column(&[]), 1, &mut String::new()).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
}
