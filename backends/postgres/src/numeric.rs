//! The binary format of `numeric`: groups of four decimal digits.

use bytes::BufMut;
use selfsame::value::Decimal;

const POSITIVE: u16 = 0x0000;
const NEGATIVE: u16 = 0x4000;
/// The maximum number of digits of the neutral form.
const DIGITS: u32 = 38;
/// The largest scale that `numeric` holds.
const MAX_SCALE: u32 = 16_383;

/// The reason why a `numeric` has no neutral form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotDecimal {
    /// NaN or an infinity.
    Special,
    /// More than 38 digits.
    TooLong,
    /// Not the bytes of a `numeric`.
    Malformed,
}

/// Returns the text of a `numeric` that is NaN or infinite.
pub(crate) fn special(bytes: &[u8]) -> Option<&'static str> {
    match u16::from_be_bytes(bytes.get(4..6)?.try_into().ok()?) {
        0xC000 => Some("NaN"),
        0xD000 => Some("Infinity"),
        0xF000 => Some("-Infinity"),
        _ => None,
    }
}

/// Reads a `numeric`, and keeps its display scale.
pub(crate) fn decode(bytes: &[u8]) -> Result<Decimal, NotDecimal> {
    let mut words = bytes
        .chunks_exact(2)
        .map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    let mut word = || words.next().ok_or(NotDecimal::Malformed);
    let (count, weight, sign, scale) =
        (word()?, word()?.cast_signed(), word()?, u32::from(word()?));
    let negative = match sign {
        POSITIVE => false,
        NEGATIVE => true,
        _ => return Err(NotDecimal::Special),
    };
    if scale > DIGITS {
        return Err(NotDecimal::TooLong);
    }
    let mut mantissa: i128 = 0;
    for index in 0..i64::from(count) {
        let group = i128::from(word()?);
        // The number of digits in this group after the last digit of the scale.
        let beyond = 4 * (index - i64::from(weight)) - i64::from(scale);
        mantissa = if beyond <= 0 {
            append(mantissa, 4, group)?
        } else {
            let unused = power(beyond.min(4))?;
            if group % unused != 0 {
                return Err(NotDecimal::Malformed);
            }
            append(mantissa, 4 - beyond.min(4), group / unused)?
        };
    }
    // Trailing groups of zeros are not sent.
    let missing = i64::from(scale) + 4 * (i64::from(weight) + 1 - i64::from(count));
    if missing > 0 && mantissa != 0 {
        mantissa = append(mantissa, missing, 0)?;
    }
    if mantissa >= power(i64::from(DIGITS))? {
        return Err(NotDecimal::TooLong);
    }
    Ok(Decimal::new(
        if negative { -mantissa } else { mantissa },
        scale,
    ))
}

/// Returns the decimal in a form that can be read again, perhaps with fewer trailing zeros; `None` if there is no such form.
pub(crate) fn readable(decimal: Decimal) -> Option<Decimal> {
    let (mut mantissa, mut scale) = (decimal.mantissa(), decimal.scale());
    if mantissa == 0 {
        return Some(Decimal::new(0, scale.min(DIGITS)));
    }
    while scale > DIGITS || mantissa.unsigned_abs() >= 10u128.pow(DIGITS) {
        if scale == 0 || mantissa % 10 != 0 {
            return None;
        }
        (mantissa, scale) = (mantissa / 10, scale - 1);
    }
    Some(Decimal::new(mantissa, scale))
}

/// Writes a `numeric`; `None` if its scale exceeds that of `numeric`.
pub(crate) fn encode(decimal: Decimal, out: &mut impl BufMut) -> Option<()> {
    let decimal = readable(decimal).unwrap_or(decimal);
    let scale = decimal.scale();
    if scale > MAX_SCALE {
        return None;
    }
    let mut rest = decimal.mantissa().unsigned_abs();
    // The lowest group first, padded with zeros if the scale does not end on a group.
    let mut groups: Vec<u16> = Vec::new();
    let odd = scale % 4;
    if odd > 0 {
        let low = 10u128.pow(odd);
        groups.push(group(rest % low * 10u128.pow(4 - odd)));
        rest /= low;
    }
    while rest > 0 {
        groups.push(group(rest % 10_000));
        rest /= 10_000;
    }
    let mut weight = i64::try_from(groups.len()).ok()? - i64::from(scale.div_ceil(4)) - 1;
    let zeros = groups.iter().take_while(|group| **group == 0).count();
    groups.drain(..zeros);
    if groups.is_empty() {
        weight = 0;
    }
    out.put_u16(u16::try_from(groups.len()).ok()?);
    out.put_i16(i16::try_from(weight).ok()?);
    out.put_u16(if decimal.mantissa() < 0 {
        NEGATIVE
    } else {
        POSITIVE
    });
    out.put_u16(u16::try_from(scale).ok()?);
    for group in groups.iter().rev() {
        out.put_u16(*group);
    }
    Some(())
}

fn append(mantissa: i128, digits: i64, more: i128) -> Result<i128, NotDecimal> {
    if mantissa == 0 {
        return Ok(more);
    }
    mantissa
        .checked_mul(power(digits)?)
        .and_then(|shifted| shifted.checked_add(more))
        .ok_or(NotDecimal::TooLong)
}

fn power(exponent: i64) -> Result<i128, NotDecimal> {
    u32::try_from(exponent)
        .ok()
        .and_then(|exponent| 10i128.checked_pow(exponent))
        .ok_or(NotDecimal::TooLong)
}

fn group(digits: u128) -> u16 {
    u16::try_from(digits).expect("a group is less than 10,000")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes(count: u16, weight: i16, sign: u16, scale: u16, groups: &[u16]) -> Vec<u8> {
        let mut out = Vec::new();
        out.put_u16(count);
        out.put_i16(weight);
        out.put_u16(sign);
        out.put_u16(scale);
        groups.iter().for_each(|group| out.put_u16(*group));
        out
    }

    fn written(text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        encode(text.parse().expect("a decimal"), &mut out).expect("fits");
        out
    }

    #[test]
    fn zeros_that_are_too_many_are_left_out() {
        for (text, expected) in [
            (
                format!("1.{}", "0".repeat(38)),
                Some(format!("1.{}", "0".repeat(37))),
            ),
            (
                format!("0.{}", "0".repeat(38)),
                Some(format!("0.{}", "0".repeat(38))),
            ),
            (
                format!("-10.{}", "0".repeat(37)),
                Some(format!("-10.{}", "0".repeat(36))),
            ),
            (format!("1{}", "0".repeat(38)), None),
        ] {
            let decimal = text.parse().expect("a decimal");
            let shortened = readable(decimal).map(|decimal| decimal.to_string());
            assert_eq!(shortened, expected, "{text}");
        }
        let zero = readable(Decimal::new(0, 40));
        assert_eq!(zero.map(Decimal::scale), Some(DIGITS));
    }

    #[test]
    fn known_bytes_both_ways() {
        // The bytes that the server's `numeric_send` returns.
        for (text, expected) in [
            ("0", bytes(0, 0, POSITIVE, 0, &[])),
            ("0.00", bytes(0, 0, POSITIVE, 2, &[])),
            ("12345.678", bytes(3, 1, POSITIVE, 3, &[1, 2345, 6780])),
            ("-0.00000001", bytes(1, -2, NEGATIVE, 8, &[1])),
            ("100000000", bytes(1, 2, POSITIVE, 0, &[1])),
            ("1.50", bytes(2, 0, POSITIVE, 2, &[1, 5000])),
        ] {
            assert_eq!(written(text), expected, "{text}");
            assert_eq!(decode(&expected).expect("decodes").to_string(), text);
        }
    }

    #[test]
    fn what_has_no_neutral_form_is_refused() {
        for sign in [0xC000, 0xD000, 0xF000] {
            assert_eq!(decode(&bytes(0, 0, sign, 0, &[])), Err(NotDecimal::Special));
        }
        assert_eq!(
            decode(&bytes(1, 9, POSITIVE, 0, &[100])),
            Err(NotDecimal::TooLong)
        );
        assert_eq!(
            decode(&bytes(0, 0, POSITIVE, 39, &[])),
            Err(NotDecimal::TooLong)
        );
        assert_eq!(
            decode(&bytes(1, i16::MAX, POSITIVE, 0, &[1])),
            Err(NotDecimal::TooLong)
        );
        assert_eq!(
            decode(&bytes(2, 0, POSITIVE, 0, &[1])),
            Err(NotDecimal::Malformed)
        );
        assert_eq!(
            decode(&bytes(2, 0, POSITIVE, 1, &[1, 1])),
            Err(NotDecimal::Malformed)
        );
        assert_eq!(decode(&[]), Err(NotDecimal::Malformed));
        let ten = 10_i128.pow(DIGITS);
        for decimal in [
            Decimal::new(1, 39),
            Decimal::new(ten, 0),
            Decimal::new(-ten, 38),
            Decimal::new(i128::MIN, 0),
        ] {
            let is_readable = readable(decimal).is_some();
            assert_eq!(is_readable, decimal.mantissa() == -ten, "{decimal}");
        }
        assert_eq!(encode(Decimal::new(1, 16_384), &mut Vec::new()), None);
    }

    proptest! {
        #[test]
        fn round_trips(mantissa in -(10i128.pow(38) - 1)..10i128.pow(38), scale in 0u32..=38) {
            let decimal = Decimal::new(mantissa, scale);
            let mut out = Vec::new();
            prop_assert_eq!(encode(decimal, &mut out), Some(()));
            prop_assert_eq!(decode(&out), Ok(decimal));
        }

        #[test]
        fn any_bytes_are_safe(input in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = decode(&input);
        }
    }
}
