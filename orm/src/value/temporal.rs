//! Dates and times, with their ISO 8601 text, which databases without such types store.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, ErrorKind};

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// A day: the number of days since 1970-01-01 in the proleptic Gregorian calendar.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Date(pub i32);

/// A time of day: microseconds since midnight, 0 up to (not including) 86,400,000,000.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Time(pub i64);

/// A date and time of day without a zone: microseconds since 1970-01-01 00:00:00.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(pub i64);

/// An instant: microseconds since the Unix epoch, without the original time zone.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TimestampTz(pub i64);

impl Date {
    /// The first day of year 1.
    pub const MIN_COMMON: Self = Self(-719_162);
    /// The last day of year 9999. All backends support the days from [`MIN_COMMON`](Self::MIN_COMMON) to this one.
    pub const MAX_COMMON: Self = Self(2_932_896);

    /// Creates a date from year, month and day; `None` if there is no such day.
    pub fn from_civil(year: i32, month: u8, day: u8) -> Option<Self> {
        if !(1..=12).contains(&month) || day == 0 || day > days_in_month(year, month) {
            return None;
        }
        // Counts from 1 March, so that the leap day is the last of its year (Howard Hinnant, "chrono-Compatible
        // Low-Level Date Algorithms").
        let (month, day) = (i64::from(month), i64::from(day));
        let year = i64::from(year) - i64::from(month <= 2);
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        i32::try_from(era * 146_097 + day_of_era - 719_468)
            .ok()
            .map(Self)
    }

    /// Returns year, month (1 to 12) and day (1 to 31).
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "each quotient is within its unit"
    )]
    pub fn civil(self) -> (i32, u8, u8) {
        let days = i64::from(self.0) + 719_468;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 {
            shifted + 3
        } else {
            shifted - 9
        };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        (year as i32, month as u8, day as u8)
    }
}

fn days_in_month(year: i32, month: u8) -> u8 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl Time {
    /// Creates a time of day; `None` if a part is out of range.
    pub fn from_hms_micro(hour: u8, minute: u8, second: u8, micro: u32) -> Option<Self> {
        if hour > 23 || minute > 59 || second > 59 || micro > 999_999 {
            return None;
        }
        let seconds = (i64::from(hour) * 60 + i64::from(minute)) * 60 + i64::from(second);
        Some(Self(seconds * MICROS_PER_SECOND + i64::from(micro)))
    }

    /// Returns hour, minute, second and microsecond.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "each remainder is within its unit"
    )]
    pub fn hms_micro(self) -> (u8, u8, u8, u32) {
        let seconds = self.0 / MICROS_PER_SECOND;
        let micro = (self.0 % MICROS_PER_SECOND) as u32;
        (
            (seconds / 3600) as u8,
            (seconds / 60 % 60) as u8,
            (seconds % 60) as u8,
            micro,
        )
    }
}

impl Timestamp {
    /// Combines a date and a time of day.
    pub fn new(date: Date, time: Time) -> Self {
        Self(i64::from(date.0) * MICROS_PER_DAY + time.0)
    }

    /// Splits it into the date and the time of day.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "i64 microseconds span fewer days than an i32 counts"
    )]
    pub fn split(self) -> (Date, Time) {
        (
            Date(self.0.div_euclid(MICROS_PER_DAY) as i32),
            Time(self.0.rem_euclid(MICROS_PER_DAY)),
        )
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        let sign = if year < 0 { "-" } else { "" };
        write!(f, "{sign}{:04}-{month:02}-{day:02}", year.unsigned_abs())
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hour, minute, second, micro) = self.hms_micro();
        write!(f, "{hour:02}:{minute:02}:{second:02}.{micro:06}")
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (date, time) = self.split();
        write!(f, "{date} {time}")
    }
}

/// Always in UTC: `2024-02-29 12:00:00.000000+00:00`.
impl fmt::Display for TimestampTz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+00:00", Timestamp(self.0))
    }
}

fn refused(what: &str) -> Error {
    Error::new(ErrorKind::Conversion, format!("not an ISO 8601 {what}"))
}

fn number<T: FromStr>(text: &str, digits: usize) -> Option<T> {
    (text.len() == digits && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

impl FromStr for Date {
    type Err = Error;

    /// Parses `2024-02-29`; a leading `-` makes the year negative.
    fn from_str(text: &str) -> Result<Self, Error> {
        let parse = || {
            let (sign, body) = text.strip_prefix('-').map_or((1, text), |body| (-1, body));
            let (rest, day) = body.rsplit_once('-')?;
            let (year, month) = rest.rsplit_once('-')?;
            let year: i32 = number(year, year.len().clamp(4, 7))?;
            Self::from_civil(sign * year, number(month, 2)?, number(day, 2)?)
        };
        parse().ok_or_else(|| refused("date"))
    }
}

impl FromStr for Time {
    type Err = Error;

    /// Parses `12:30`, `12:30:15` and `12:30:15.123456`; digits beyond the microsecond are refused.
    fn from_str(text: &str) -> Result<Self, Error> {
        let parse = || {
            let mut parts = text.splitn(3, ':');
            let (hour, minute) = (number(parts.next()?, 2)?, number(parts.next()?, 2)?);
            let (second, fraction) = match parts.next() {
                None => ("00", ""),
                Some(rest) => rest.split_once('.').unwrap_or((rest, "")),
            };
            if fraction.len() > 6 {
                return None;
            }
            let micro = number(&format!("{fraction:0<6}"), 6)?;
            Self::from_hms_micro(hour, minute, number(second, 2)?, micro)
        };
        parse().ok_or_else(|| refused("time"))
    }
}

impl FromStr for Timestamp {
    type Err = Error;

    /// Parses a date and a time separated by a space or `T`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let (date, time) = text
            .split_once([' ', 'T'])
            .ok_or_else(|| refused("timestamp"))?;
        let (date, time): (Date, Time) = (date.parse()?, time.parse()?);
        // The range of dates is larger than that of timestamps.
        i64::from(date.0)
            .checked_mul(MICROS_PER_DAY)
            .and_then(|micros| micros.checked_add(time.0))
            .map(Self)
            .ok_or_else(|| refused("timestamp"))
    }
}

impl FromStr for TimestampTz {
    type Err = Error;

    /// Parses a timestamp followed by `Z` or an offset: `+00`, `+0000` or `+00:00`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let parse = || {
            if let Some(body) = text.strip_suffix('Z') {
                return Some((body, 0));
            }
            // The date contains hyphens too: the offset's sign is after the time's first colon.
            let from = text.find(':')?;
            let at = from + text[from..].find(['+', '-'])?;
            let sign = if text.as_bytes()[at] == b'-' { -1 } else { 1 };
            let digits: String = text[at + 1..].chars().filter(|c| *c != ':').collect();
            let hours: i64 = number(digits.get(..2)?, 2)?;
            let minutes: i64 = if digits.len() == 2 {
                0
            } else {
                number(digits.get(2..)?, 2)?
            };
            Some((&text[..at], sign * (hours * 60 + minutes)))
        };
        let (body, offset) = parse().ok_or_else(|| refused("timestamp with an offset"))?;
        let local: Timestamp = body.parse()?;
        local
            .0
            .checked_sub(offset * 60 * MICROS_PER_SECOND)
            .map(Self)
            .ok_or_else(|| refused("timestamp with an offset"))
    }
}

macro_rules! debug_as_display {
    ($($ty:ty),*) => {$(
        impl fmt::Debug for $ty {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )*};
}
debug_as_display!(Date, Time, Timestamp, TimestampTz);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_days() {
        for (text, days) in [
            ("1970-01-01", 0),
            ("2000-02-29", 11_016),
            ("0001-01-01", -719_162),
            ("9999-12-31", 2_932_896),
            ("-0043-03-15", -735_160),
            ("-5877641-06-23", i32::MIN),
            ("5881580-07-11", i32::MAX),
        ] {
            assert_eq!(text.parse::<Date>().unwrap(), Date(days));
            assert_eq!(Date(days).to_string(), text);
        }
        assert_eq!(
            (Date::MIN_COMMON.to_string(), Date::MAX_COMMON.to_string()),
            ("0001-01-01".into(), "9999-12-31".into())
        );
    }

    #[test]
    fn instants_with_offsets() {
        let parse = |text: &str| text.parse::<TimestampTz>().unwrap().to_string();
        assert_eq!(
            parse("2024-03-01T00:30:00.5+02:00"),
            "2024-02-29 22:30:00.500000+00:00"
        );
        assert_eq!(
            parse("1969-12-31 23:59:59.999999Z"),
            "1969-12-31 23:59:59.999999+00:00"
        );
        assert_eq!(
            parse("2024-03-01 00:00:00-0530"),
            "2024-03-01 05:30:00.000000+00:00"
        );
        assert_eq!(
            parse("2024-03-01 00:00+01"),
            "2024-02-29 23:00:00.000000+00:00"
        );
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "2024-02-30",
            "2023-02-29",
            "24-01-01",
            "2024-13-01",
            "2024-1-1",
            "+2024-01-01",
        ] {
            assert!(text.parse::<Date>().is_err(), "{text:?}");
        }
        for text in [
            "",
            "24:00",
            "12:60",
            "12:00:61",
            "12:00:00.1234567",
            "1:00",
            "12:00:00.-1",
        ] {
            assert!(text.parse::<Time>().is_err(), "{text:?}");
        }
        for text in [
            "2024-01-01 00:00:00",
            "2024-01-01 00:00:00+",
            "2024-01-01 00:00:00+1",
            "2024-01-01 00:00:00+é",
            "5000000-01-01 00:00:00Z",
        ] {
            assert!(text.parse::<TimestampTz>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn dates_round_trip(days in Date::MIN_COMMON.0..=Date::MAX_COMMON.0) {
            prop_assert_eq!(Date(days).to_string().parse::<Date>().unwrap(), Date(days));
            let (year, month, day) = Date(days).civil();
            prop_assert_eq!(Date::from_civil(year, month, day), Some(Date(days)));
        }

        #[test]
        fn timestamps_round_trip(micros in -62_135_596_800_000_000i64..=253_402_300_799_999_999) {
            let stamp = Timestamp(micros);
            prop_assert_eq!(stamp.to_string().parse::<Timestamp>().unwrap(), stamp);
            prop_assert_eq!(TimestampTz(micros).to_string().parse::<TimestampTz>().unwrap(), TimestampTz(micros));
            let (date, time) = stamp.split();
            prop_assert_eq!(Timestamp::new(date, time), stamp);
        }
    }
}
