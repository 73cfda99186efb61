//! `Decimal`: an exact decimal number.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use crate::error::{Error, ErrorKind};

/// An exact decimal number: `mantissa / 10^scale`. `1.0` and `1.00` differ in scale and are equal, as they are to databases;
/// [`Decimal::compare`] is the numeric order.
///
/// The mantissa is stored in two halves so that a [`ValueRef`](crate::value::ValueRef) fits four words.
#[derive(Clone, Copy)]
pub struct Decimal {
    high: i64,
    low: u64,
    scale: u32,
}

impl Decimal {
    /// The maximum scale that [`FromStr`] accepts.
    pub const MAX_SCALE: u32 = 38;

    /// Creates `mantissa / 10^scale`.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "splits the number into its two halves"
    )]
    pub const fn new(mantissa: i128, scale: u32) -> Self {
        Self {
            high: (mantissa >> 64) as i64,
            low: mantissa as u64,
            scale,
        }
    }

    /// Returns the digits as an integer.
    pub const fn mantissa(self) -> i128 {
        ((self.high as i128) << 64) | self.low as i128
    }

    /// Describes why a column of `precision` digits, `scale` of them after the decimal point, would round or refuse the value; `None` if
    /// it fits. Trailing zeros are not counted: 3.0000 is 3.00.
    pub(crate) fn misfit(self, precision: u32, scale: u32) -> Option<String> {
        let value = self.without_zeros(scale);
        let digits = value
            .mantissa()
            .unsigned_abs()
            .checked_ilog10()
            .map_or(0, |log| log + 1);
        let whole = digits.saturating_sub(value.scale);
        if value.scale > scale {
            return Some(format!(
                "the number has {} digits after the decimal point, but the column allows {scale}",
                value.scale
            ));
        }
        let most = precision.saturating_sub(scale);
        (whole > most).then(|| {
            format!(
                "the number has {whole} digits before the decimal point, but the column allows {most}"
            )
        })
    }

    /// Removes zeros at the end of the fraction, down to this scale.
    fn without_zeros(self, scale: u32) -> Self {
        let (mut mantissa, mut digits) = (self.mantissa(), self.scale);
        if mantissa == 0 {
            return Self::new(0, digits.min(scale));
        }
        while digits > scale && mantissa % 10 == 0 {
            mantissa /= 10;
            digits -= 1;
        }
        Self::new(mantissa, digits)
    }

    /// Returns the number of digits after the decimal point.
    pub const fn scale(self) -> u32 {
        self.scale
    }

    /// Returns whether a column with this scale stores the number without rounding; a negative scale rounds digits before the decimal
    /// point.
    pub fn fits_scale(self, scale: impl Into<i64>) -> bool {
        let excess = i64::from(self.scale).saturating_sub(scale.into());
        let Ok(excess) = u32::try_from(excess) else {
            return true;
        };
        match 10_i128.checked_pow(excess) {
            Some(unit) => self.mantissa() % unit == 0,
            None => self.mantissa() == 0,
        }
    }

    /// Compares two numbers, regardless of scale.
    pub fn compare(self, other: Self) -> Ordering {
        let scale = self.scale.max(other.scale);
        match (self.rescaled(scale), other.rescaled(scale)) {
            (Some(a), Some(b)) => a.cmp(&b),
            // The number that overflows at the common scale has the greater absolute value, so its sign decides.
            (None, _) => self.mantissa().cmp(&0),
            (Some(_), None) => 0.cmp(&other.mantissa()),
        }
    }

    /// The same number without trailing zeros in its fraction.
    pub(crate) fn normalized(self) -> Self {
        let (mut mantissa, mut scale) = (self.mantissa(), self.scale);
        if mantissa == 0 {
            return Self::new(0, 0);
        }
        while scale > 0 && mantissa % 10 == 0 {
            mantissa /= 10;
            scale -= 1;
        }
        Self::new(mantissa, scale)
    }

    fn rescaled(self, scale: u32) -> Option<i128> {
        if self.mantissa() == 0 {
            return Some(0);
        }
        self.mantissa()
            .checked_mul(10i128.checked_pow(scale - self.scale)?)
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.compare(*other).is_eq()
    }
}

impl Eq for Decimal {}

/// Orders by numeric value.
impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        self.compare(*other)
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Decimal {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let number = self.normalized();
        (number.high, number.low, number.scale).hash(state);
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mantissa, scale) = (self.mantissa(), self.scale as usize);
        let sign = if mantissa < 0 { "-" } else { "" };
        let digits = mantissa.unsigned_abs().to_string();
        if scale == 0 {
            return write!(f, "{sign}{digits}");
        }
        let zeros = (scale + 1).saturating_sub(digits.len());
        let padded = "0".repeat(zeros) + &digits;
        let (whole, fraction) = padded.split_at(padded.len() - scale);
        write!(f, "{sign}{whole}.{fraction}")
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Decimal {
    type Err = Error;

    /// Parses `-12.340`; the scale is the number of digits after the decimal point. Exponents are not accepted.
    fn from_str(text: &str) -> Result<Self, Error> {
        let parsed = Self::parsed(text).filter(|decimal| decimal.scale <= Self::MAX_SCALE);
        parsed.ok_or_else(|| {
            Error::new(
                ErrorKind::Conversion,
                "not a decimal number of at most 38 digits",
            )
        })
    }
}

impl Decimal {
    /// Parses what `Display` writes, of any scale.
    pub(crate) fn parsed(text: &str) -> Option<Self> {
        let (negative, body) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let (whole, fraction) = body.split_once('.').unwrap_or((body, ""));
        let scale = u32::try_from(fraction.len()).ok()?;
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let mut mantissa: i128 = 0;
        for byte in whole.bytes().chain(fraction.bytes()) {
            if !byte.is_ascii_digit() {
                return None;
            }
            let digit = i128::from(byte - b'0');
            let shifted = mantissa.checked_mul(10)?;
            mantissa = match negative {
                true => shifted.checked_sub(digit)?,
                false => shifted.checked_add(digit)?,
            };
        }
        Some(Self::new(mantissa, scale))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn scales_that_keep_a_number() {
        for (mantissa, digits, scale, fits) in [
            (1_550, 3, 2, true),
            (1_555, 3, 2, false),
            (15, 1, 0, false),
            (15, 1, 9, true),
            (1_200, 0, -2, true),
            (1_250, 0, -2, false),
            (0, 40, -40, true),
            (1, 40, 0, false),
        ] {
            let number = Decimal::new(mantissa, digits);
            assert_eq!(number.fits_scale(scale), fits, "{number} at {scale}");
        }
    }

    #[test]
    fn text_keeps_the_scale() {
        assert_eq!(Decimal::new(1, 70_000).to_string().len(), 70_002);
        for text in [
            "0",
            "0.00",
            "-0.5",
            "12.340",
            "-99999999999999999999999999999999999999",
            "0.000001",
        ] {
            assert_eq!(text.parse::<Decimal>().unwrap().to_string(), text);
        }
        for text in [
            "",
            ".",
            "1e5",
            "1.2.3",
            "--1",
            " 1",
            "999999999999999999999999999999999999999999",
        ] {
            assert_eq!(
                text.parse::<Decimal>().unwrap_err().kind(),
                ErrorKind::Conversion,
                "{text:?}"
            );
        }
    }

    #[test]
    fn order_is_numeric() {
        let compare = |a: &str, b: &str| a.parse::<Decimal>().unwrap().compare(b.parse().unwrap());
        assert_eq!(compare("1.0", "1.00"), Ordering::Equal);
        assert_eq!(compare("9", "10.5"), Ordering::Less);
        assert_eq!(compare("-1.1", "-1.2"), Ordering::Greater);
        assert_eq!(
            compare("99999999999999999999999999999999999999", "1.5"),
            Ordering::Greater
        );
        let seventeen = "1.70000000000000000000000000000000000000";
        assert_eq!(compare("1.8", seventeen), Ordering::Greater);
        assert_eq!(compare("-1.8", seventeen), Ordering::Less);
        assert_eq!(compare(seventeen, "1.8"), Ordering::Less);
        assert_eq!(
            Decimal::new(0, 0).compare(Decimal::new(-1, 60)),
            Ordering::Greater
        );
    }

    fn check_fit(text: &str, precision: u32, scale: u32, fits: bool) {
        let decimal: Decimal = text.parse().expect("a decimal");
        assert_eq!(
            decimal.misfit(precision, scale).is_none(),
            fits,
            "{text} in ({precision}, {scale})"
        );
    }

    #[test]
    fn decimals_fit_by_their_digits() {
        check_fit("12345678.90", 10, 2, true);
        check_fit("123456789.90", 10, 2, false);
        check_fit("1.5", 10, 2, true);
        check_fit("1.555", 10, 2, false);
        check_fit("1.5500", 10, 2, true);
        check_fit("0.000", 2, 2, true);
        check_fit("100.000", 3, 0, true);
        check_fit("1000.000", 3, 0, false);
        check_fit("0.001", 3, 3, true);
        check_fit("-1.001", 3, 3, false);
        check_fit("0", 2, 2, true);
    }

    proptest! {
        #[test]
        fn round_trips(mantissa in any::<i128>(), scale in 0u32..=38) {
            let decimal = Decimal::new(mantissa, scale);
            prop_assert_eq!(decimal.mantissa(), mantissa);
            if mantissa.unsigned_abs() < 10u128.pow(38) {
                prop_assert_eq!(decimal.to_string().parse::<Decimal>().unwrap(), decimal);
            }
        }
    }
}
