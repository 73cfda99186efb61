//! Converts neutral values to the driver's parameters.

use mysql::Value;
use selfsame::error::{Error, ErrorKind, Result};
use selfsame::value::{Date, Decimal, Param, Timestamp, ValueRef};

use crate::dialect::MAX_JSON_DEPTH;

/// Microseconds.
const DAY: i64 = 86_400_000_000;
/// The maximum numbers of digits of a `decimal(65,30)` after and before the decimal point.
const SCALE: u32 = 30;

/// Converts the parameters of a statement, in order.
pub(crate) fn bound(params: &[Param<'_>]) -> Result<Vec<Value>> {
    let values = params.iter().enumerate();
    values
        .map(|(at, param)| match param.value() {
            Some(value) => to_driver(value).map_err(|what| refused(at + 1, what)),
            None => Err(Error::unsupported("mariadb", "an array as a parameter")),
        })
        .collect()
}

/// Refuses values that the server would change, with a description.
fn to_driver(value: ValueRef<'_>) -> Result<Value, &'static str> {
    Ok(match value {
        ValueRef::Null => Value::NULL,
        ValueRef::Bool(value) => Value::Int(value.into()),
        ValueRef::I16(value) => Value::Int(value.into()),
        ValueRef::I32(value) => Value::Int(value.into()),
        ValueRef::I64(value) => Value::Int(value),
        ValueRef::F32(value) if !value.is_finite() => return Err(NOT_FINITE),
        ValueRef::F64(value) if !value.is_finite() => return Err(NOT_FINITE),
        ValueRef::F32(value) => Value::Float(value),
        ValueRef::F64(value) => Value::Double(value),
        ValueRef::Json(text) if depth(text) > MAX_JSON_DEPTH => return Err(TOO_DEEP),
        ValueRef::Text(text) | ValueRef::Json(text) => Value::Bytes(text.as_bytes().to_vec()),
        ValueRef::Bytes(bytes) => Value::Bytes(bytes.to_vec()),
        ValueRef::Decimal(value) => Value::Bytes(decimal(value)?.into_bytes()),
        ValueRef::Uuid(uuid) => Value::Bytes(uuid.to_vec()),
        ValueRef::Date(value) => date(value)?,
        ValueRef::Time(value) if !(0..DAY).contains(&value.0) => {
            return Err("a time outside its day");
        }
        ValueRef::Time(value) => {
            let (hour, minute, second, micro) = value.hms_micro();
            Value::Time(false, 0, hour, minute, second, micro)
        }
        ValueRef::Timestamp(value) => timestamp(value)?,
        ValueRef::TimestampTz(value) => timestamp(Timestamp(value.0))?,
    })
}

const TOO_DEEP: &str = "a document of more than 31 levels, which the server rejects";
const NOT_FINITE: &str = "NaN or infinite, which no column supports";

fn date(value: Date) -> Result<Value, &'static str> {
    if !(Date::MIN_COMMON..=Date::MAX_COMMON).contains(&value) {
        return Err("a day outside the years 1 to 9999");
    }
    let (year, month, day) = value.civil();
    let year = u16::try_from(year).map_err(|_| "a day outside the years 1 to 9999")?;
    Ok(Value::Date(year, month, day, 0, 0, 0, 0))
}

fn timestamp(value: Timestamp) -> Result<Value, &'static str> {
    let (day, time) = value.split();
    let (hour, minute, second, micro) = time.hms_micro();
    match date(day)? {
        Value::Date(year, month, day, ..) => {
            Ok(Value::Date(year, month, day, hour, minute, second, micro))
        }
        other => Ok(other),
    }
}

/// Formats a decimal that fits the widest column: the server would round more digits after the decimal point.
fn decimal(value: Decimal) -> Result<String, &'static str> {
    const TOO_FINE: &str = "a decimal of more than 30 digits after the decimal point";
    let (mut mantissa, mut scale) = (value.mantissa(), value.scale());
    while scale > SCALE {
        if mantissa % 10 != 0 {
            return Err(TOO_FINE);
        }
        mantissa /= 10;
        scale -= 1;
    }
    let text = Decimal::new(mantissa, scale).to_string();
    let whole = text.trim_start_matches('-').split('.').next();
    if whole.is_some_and(|whole| whole.len() > 35) {
        return Err("a decimal of more than 35 digits before the decimal point");
    }
    Ok(text)
}

/// Returns the nesting depth of a document.
fn depth(document: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut bytes = document.bytes();
    let mut in_text = false;
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' if in_text => {
                bytes.next();
            }
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cold]
fn refused(position: usize, what: &str) -> Error {
    let message = format!("parameter {position} is {what}");
    Error::new(ErrorKind::OutOfRange, message).parameter(position)
}

#[cfg(test)]
mod tests {
    use selfsame::value::{Time, TimestampTz};

    use super::*;

    #[test]
    fn what_the_server_would_bend_is_refused() {
        for value in [
            ValueRef::F32(f32::NAN),
            ValueRef::F64(f64::NEG_INFINITY),
            ValueRef::Date(Date(i32::MIN)),
            ValueRef::Time(Time(DAY)),
            ValueRef::Timestamp(Timestamp(i64::MAX)),
            ValueRef::TimestampTz(TimestampTz(i64::MIN)),
            ValueRef::Decimal(Decimal::new(1, 31)),
            ValueRef::Decimal(Decimal::new(10_i128.pow(35), 0)),
        ] {
            let error = bound(&[Param::Ref(value)]).expect_err("refused");
            assert_eq!(error.kind(), ErrorKind::OutOfRange, "{value:?}");
        }
        let error = bound(&[Param::Column(&[])]).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }

    #[test]
    fn levels_of_documents_are_counted() {
        for (document, levels) in [
            ("1", 0),
            ("[1,[2],{}]", 2),
            (r#"{"a":"[[[\"[","b":[{}]}"#, 3),
        ] {
            assert_eq!(depth(document), levels, "{document}");
        }
    }

    #[test]
    fn values_are_sent_as_they_are() {
        let bytes = |text: &str| Value::Bytes(text.as_bytes().to_vec());
        for (value, sent) in [
            (ValueRef::Decimal(Decimal::new(150, 2)), bytes("1.50")),
            (
                ValueRef::Decimal(Decimal::new(10, 31)),
                bytes("0.000000000000000000000000000001"),
            ),
            (ValueRef::Uuid([7; 16]), Value::Bytes(vec![7; 16])),
            (ValueRef::Date(Date(0)), Value::Date(1970, 1, 1, 0, 0, 0, 0)),
            (
                ValueRef::Timestamp(Timestamp(-1)),
                Value::Date(1969, 12, 31, 23, 59, 59, 999_999),
            ),
        ] {
            assert_eq!(bound(&[Param::Ref(value)]).expect("bound"), [sent]);
        }
    }
}
