//! Converts neutral values to the driver's parameters.

use mysql::Value;
use selfsame::error::{Error, ErrorKind, Result};
use selfsame::value::{Date, Decimal, Param, Timestamp, ValueRef};

use crate::flavor::Flavor;

/// A day in microseconds.
const DAY: i64 = 86_400_000_000;
/// The maximum number of digits of a `decimal(65,30)` after the decimal point.
const SCALE: u32 = 30;

/// Converts the parameters of a statement, in order.
pub(crate) fn bound(params: &[Param<'_>], flavor: Flavor) -> Result<Vec<Value>> {
    let values = params.iter().enumerate();
    values
        .map(|(at, param)| match param.value() {
            Some(value) => to_driver(value, flavor).map_err(|what| refused(at + 1, what)),
            None => Err(Error::unsupported(
                flavor.dialect(),
                "an array as a parameter",
            )),
        })
        .collect()
}

/// Converts a value; the error describes a value that the server would change.
fn to_driver(value: ValueRef<'_>, flavor: Flavor) -> Result<Value, &'static str> {
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
        ValueRef::Json(text) if depth(text) > flavor.max_json_depth() => return Err(TOO_DEEP),
        ValueRef::Json(text) if flavor == Flavor::MySql && !keeps_numbers(text) => {
            return Err(TOO_LONG);
        }
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

const TOO_DEEP: &str = "a document of more levels than the server accepts";
const TOO_LONG: &str = "a document with a number of more digits than the server keeps";
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

/// Returns whether MySQL, which reads a document's numbers as 64-bit integers or doubles, keeps them unchanged.
fn keeps_numbers(document: &str) -> bool {
    let is_of_number = |c: char| matches!(c, '0'..='9' | '.' | 'e' | 'E' | '+' | '-');
    let (mut rest, mut is_in_text) = (document, false);
    while let Some(c) = rest.chars().next() {
        let taken = match c {
            '\\' if is_in_text => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            '"' => {
                is_in_text = !is_in_text;
                1
            }
            '-' | '0'..='9' if !is_in_text => {
                let end = rest.find(|c| !is_of_number(c)).unwrap_or(rest.len());
                if !keeps_number(&rest[..end]) {
                    return false;
                }
                end
            }
            c => c.len_utf8(),
        };
        rest = &rest[taken..];
    }
    true
}

fn keeps_number(number: &str) -> bool {
    if number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok() {
        return true;
    }
    let nearest = number.parse::<f64>().unwrap_or(f64::NAN);
    digits(&format!("{nearest:e}")) == digits(number)
        && as_mysql_reads(number).to_bits() == nearest.abs().to_bits()
}

/// Returns the absolute value of a number with a fraction or an exponent, or of one too long for an integer, as MySQL reads it: its parser
/// computes in doubles, and may miss the nearest one.
#[expect(clippy::cast_precision_loss, reason = "the parser rounds here, too")]
fn as_mysql_reads(number: &str) -> f64 {
    let (number, most) = match number.strip_prefix('-') {
        Some(number) => (number, 1 << 63),
        None => (number, u64::MAX),
    };
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    fn digits(text: &str) -> impl Iterator<Item = u64> {
        text.bytes().map(|digit| u64::from(digit - b'0'))
    }
    let (mut exact, mut double) = (0_u64, None);
    // The first digit is not counted.
    let mut significant = whole.len() - 1;
    for digit in digits(whole) {
        let next = exact.checked_mul(10).and_then(|it| it.checked_add(digit));
        match (double, next.filter(|&it| it <= most)) {
            (None, Some(next)) => exact = next,
            (before, _) => {
                double = Some(before.unwrap_or(exact as f64) * 10.0 + digit as f64);
            }
        }
    }
    let mut scale = exponent.parse::<i32>().unwrap_or(i32::MIN);
    let mut rest = digits(fraction);
    if double.is_none() {
        while exact < 1 << 53
            && let Some(digit) = rest.next()
        {
            exact = exact * 10 + digit;
            scale = scale.saturating_sub(1);
            significant += usize::from(exact != 0);
        }
    }
    let mut double = double.unwrap_or(exact as f64);
    for digit in rest {
        if significant < 17 {
            double = double * 10.0 + digit as f64;
            scale = scale.saturating_sub(1);
            significant += usize::from(double > 0.0);
        }
    }
    let scaled = |double: f64, scale: i32| {
        let power = format!("1e{}", scale.unsigned_abs());
        let power = power.parse::<f64>().unwrap_or(f64::INFINITY);
        if scale < 0 {
            double / power
        } else {
            double * power
        }
    };
    match scale {
        ..-308 => scaled(scaled(double, -308), scale.saturating_add(308)),
        _ => scaled(double, scale),
    }
}

/// Returns the significant digits of a number, and the place of the first one.
fn digits(number: &str) -> Option<(String, i64)> {
    let number = number.trim_start_matches('-');
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let significant = all.trim_start_matches('0');
    let zeros = all.len() - significant.len();
    let place = exponent.parse::<i64>().ok()? + i64::try_from(whole.len()).ok()?;
    match significant.trim_end_matches('0') {
        "" => Some((String::new(), 0)),
        digits => Some((digits.to_owned(), place - i64::try_from(zeros).ok()?)),
    }
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
            let error = bound(&[Param::Ref(value)], Flavor::MariaDb).expect_err("refused");
            assert_eq!(error.kind(), ErrorKind::OutOfRange, "{value:?}");
        }
        let error = bound(&[Param::Column(&[])], Flavor::MariaDb).expect_err("refused");
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
    fn numbers_that_documents_do_not_keep_are_known() {
        for (document, is_kept) in [
            (
                "[0, -1, 18446744073709551615, 0.1, 1.50, 1e3, 100e-2, -0.0, 1e300]",
                true,
            ),
            (
                r#"{"12345678901234567890123": "\"12345678901234567890123"}"#,
                true,
            ),
            ("12345678901234567890123", false),
            ("[1000000000000000000000]", true),
            ("3.14159265358979323846", false),
            ("1e400", false),
            ("[0.30000000000000004, 3.141592653589793, 5e-324]", true),
            ("9088544342.689998", false),
            ("9088544342.689999", false),
            ("0.38120423768821243", false),
        ] {
            assert_eq!(keeps_numbers(document), is_kept, "{document}");
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
            let values = bound(&[Param::Ref(value)], Flavor::MariaDb);
            assert_eq!(values.expect("bound"), [sent]);
        }
    }
}
