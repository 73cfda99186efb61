//! Dates, times and booleans in the forms that other programs store: those that SQLite's date functions read, and some more.

use std::cmp::Ordering;

use selfsame::backend::Row;
use selfsame::schema::ColumnType;
use selfsame::value::{Date, Time, Timestamp, TimestampTz, ValueRef, ValueType};
use selfsame::{ErrorKind, Result};

/// A row whose values may be stored in other forms.
pub(crate) struct LenientRow<'r>(pub(crate) &'r dyn Row);

impl Row for LenientRow<'_> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn name(&self, index: usize) -> &str {
        self.0.name(index)
    }

    fn value(&self, index: usize, ty: ValueType) -> Result<ValueRef<'_>> {
        let error = match self.0.value(index, ty) {
            Err(error) if error.kind() == ErrorKind::Conversion => error,
            read => return read,
        };
        let stored = self.0.value(index, ValueType::Native)?;
        read(stored, ty).ok_or(error)
    }
}

/// Reads a value that is not stored in the usual form.
pub(crate) fn read(stored: ValueRef<'_>, ty: ValueType) -> Option<ValueRef<'static>> {
    Some(match (ty, stored) {
        (ValueType::Bool, ValueRef::Text(text)) => ValueRef::Bool(truth(text)?),
        (ValueType::Date, stored) => {
            let (date, time) = instant(stored)?.split();
            // A date with a time of day would lose it.
            (time == Time(0)).then_some(ValueRef::Date(date))?
        }
        (ValueType::Time, ValueRef::Text(text)) => {
            // Rails stores a time of day with this date.
            let clock = text.strip_prefix("2000-01-01 ").unwrap_or(text);
            ValueRef::Time(time(clock)?)
        }
        (ValueType::Timestamp, stored) => ValueRef::Timestamp(instant(stored)?),
        (ValueType::TimestampTz, stored) => ValueRef::TimestampTz(TimestampTz(instant(stored)?.0)),
        _ => return None,
    })
}

/// The name of the collation that compares dates and times by their meaning.
pub(crate) const TEMPORAL_COLLATION: &std::ffi::CStr = c"selfsame_moment";

/// Returns an expression for a column that compares by the values as read.
pub(crate) fn compared(column: &str, ty: &ColumnType) -> Option<String> {
    Some(match ty.value_type() {
        ValueType::Bool => format!(
            "CASE WHEN typeof({column}) <> 'text' THEN {column} \
             WHEN lower(trim({column})) IN ('t', 'true', 'y', 'yes', '1') THEN 1 \
             WHEN lower(trim({column})) IN ('f', 'false', 'n', 'no', '0') THEN 0 ELSE {column} END"
        ),
        ValueType::Date | ValueType::Timestamp | ValueType::TimestampTz => {
            // Julian days are read with milliseconds.
            let micros = format!(
                "CASE WHEN {column} >= 0 AND {column} < {LAST_JULIAN_DAY:?} \
                 THEN CAST(round(({column} - {JULIAN_EPOCH:?}) * 86400000.0) AS INTEGER) * 1000 \
                 ELSE CAST(round({column} * 1000000.0) AS INTEGER) END"
            );
            let fraction = format!("((({micros}) % 1000000 + 1000000) % 1000000)");
            format!(
                "CASE typeof({column}) \
                 WHEN 'integer' THEN strftime('%Y-%m-%d %H:%M:%S', {column}, 'unixepoch') \
                 WHEN 'real' THEN strftime('%Y-%m-%d %H:%M:%S', (({micros}) - {fraction}) / 1000000, 'unixepoch') || printf('.%06d', {fraction}) \
                 ELSE {column} END COLLATE selfsame_moment"
            )
        }
        ValueType::Time => format!(
            "CASE WHEN substr({column}, 1, 11) = '2000-01-01 ' THEN substr({column}, 12) ELSE {column} END COLLATE selfsame_moment"
        ),
        _ => return None,
    })
}

/// Orders dates and times in any form; other texts come last, ordered by their bytes.
pub(crate) fn compare_temporal(a: &str, b: &str) -> Ordering {
    match (sort_key(a), sort_key(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.cmp(b),
    }
}

/// A time of day sorts before a date.
fn sort_key(text: &str) -> Option<(bool, i64)> {
    match written(text) {
        Some(instant) => Some((true, instant.0)),
        None => Some((false, time(text)?.0)),
    }
}

fn truth(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "t" | "true" | "y" | "yes" | "1" => Some(true),
        "f" | "false" | "n" | "no" | "0" => Some(false),
        _ => None,
    }
}

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;
/// Days from noon of Julian day 0 to midnight of 1970-01-01.
const JULIAN_EPOCH: f64 = 2_440_587.5;
/// The last Julian day that SQLite supports, at the end of the year 9999.
const LAST_JULIAN_DAY: f64 = 5_373_484.5;

/// Reads an instant in UTC: a text with or without a time and an offset, whole seconds since 1970, or a Julian day.
fn instant(stored: ValueRef<'_>) -> Option<Timestamp> {
    let micros = match stored {
        ValueRef::Text(text) => return written(text),
        ValueRef::I64(seconds) => seconds.checked_mul(SECOND)?,
        ValueRef::F64(days) if (0.0..LAST_JULIAN_DAY).contains(&days) => {
            rounded((days - JULIAN_EPOCH) * 86_400_000.0)?.checked_mul(1000)?
        }
        ValueRef::F64(seconds) => rounded(seconds * 1_000_000.0)?,
        _ => return None,
    };
    let stamp = Timestamp(micros);
    // Only the years that can be stored.
    let (date, _) = stamp.split();
    let (year, _, _) = date.civil();
    (1..=9999).contains(&year).then_some(stamp)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "what an i64 cannot hold is found by the comparison"
)]
fn rounded(value: f64) -> Option<i64> {
    let value = value.round();
    (value.abs() < 9.0e18).then_some(value as i64)
}

/// `2024-02-29`, `2024-02-29 12:30`, `2024-02-29T12:30:00.1234567Z`, `2024-02-29 12:30:00 +02:00`.
fn written(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let (day, rest) = text.split_at_checked(10)?;
    let date: Date = day.parse().ok()?;
    let rest = rest.trim_start_matches([' ', 'T']);
    if rest.is_empty() {
        return Some(Timestamp::new(date, Time(0)));
    }
    let (clock, offset) = match rest.find(['Z', 'z', '+', '-']) {
        Some(at) => (rest[..at].trim_end(), offset(&rest[at..])?),
        None => (rest, 0),
    };
    let local = Timestamp::new(date, time(clock)?);
    Some(Timestamp(local.0.checked_sub(offset)?))
}

/// Microseconds east of Greenwich.
fn offset(text: &str) -> Option<i64> {
    if text.eq_ignore_ascii_case("Z") {
        return Some(0);
    }
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let digits: String = digits.chars().filter(|&c| c != ':').collect();
    let number = |from: usize| -> Option<i64> {
        let part = digits.get(from..from + 2)?;
        part.bytes().all(|b| b.is_ascii_digit()).then_some(())?;
        part.parse().ok()
    };
    let minutes = match digits.len() {
        2 => 0,
        4 => number(2)?,
        _ => return None,
    };
    let seconds = sign * (number(0)? * 60 + minutes) * 60;
    (seconds.abs() * SECOND < DAY).then_some(seconds * SECOND)
}

/// Reads a time of day; digits beyond microseconds are ignored.
fn time(text: &str) -> Option<Time> {
    match text.split_once('.') {
        Some((whole, fraction)) if fraction.len() > 6 && fraction.is_ascii() => {
            let is_number = fraction.bytes().all(|b| b.is_ascii_digit());
            is_number.then(|| format!("{whole}.{}", &fraction[..6]).parse().ok())?
        }
        _ => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(text: &str) -> Option<Timestamp> {
        Some(text.parse().expect("a timestamp"))
    }

    #[test]
    fn dates_of_others_are_read() {
        for (text, wanted) in [
            ("2024-02-29", "2024-02-29 00:00:00"),
            ("2024-02-29 12:30", "2024-02-29 12:30:00"),
            ("2024-02-29T12:30:00Z", "2024-02-29 12:30:00"),
            ("2024-02-29T12:30:00.5+02:00", "2024-02-29 10:30:00.5"),
            ("2024-02-29 12:30:00 -0130", "2024-02-29 14:00:00"),
            ("2024-02-29 12:30:00+02", "2024-02-29 10:30:00"),
            ("2024-02-29 12:30:00+23:59", "2024-02-28 12:31:00"),
            ("2024-02-29 12:30:00.1234567", "2024-02-29 12:30:00.123456"),
        ] {
            assert_eq!(instant(ValueRef::Text(text)), stamp(wanted), "{text}");
        }
        assert_eq!(
            instant(ValueRef::I64(1_709_209_800)),
            stamp("2024-02-29 12:30:00")
        );
        assert_eq!(
            instant(ValueRef::F64(2_460_370.020_833_333)),
            stamp("2024-02-29 12:30:00")
        );
        assert_eq!(
            instant(ValueRef::F64(1_709_209_800.5)),
            stamp("2024-02-29 12:30:00.5")
        );
        assert_eq!(
            read(ValueRef::Text("2024-02-29 00:00:00"), ValueType::Date),
            Some(ValueRef::Date("2024-02-29".parse().expect("a day")))
        );
        assert_eq!(
            read(ValueRef::Text("2000-01-01 12:30:00"), ValueType::Time),
            Some(ValueRef::Time("12:30:00".parse().expect("a time")))
        );
        assert_eq!(
            read(ValueRef::Text("2024-02-29 12:30:00"), ValueType::Time),
            None
        );
        assert_eq!(
            read(ValueRef::Text("t"), ValueType::Bool),
            Some(ValueRef::Bool(true))
        );
    }

    #[test]
    fn other_texts_than_dates_are_refused() {
        for text in [
            "",
            "2024",
            "2024-02-30",
            "2024-02-29 25:00",
            "2024-02-29 12:30 CET",
            "2024-02-29 12:30+24:00",
            "2024-02-29 12:30+2",
            "now",
        ] {
            assert_eq!(instant(ValueRef::Text(text)), None, "{text}");
        }
        // Milliseconds since 1970, read as seconds, would be beyond the year 9999.
        assert_eq!(instant(ValueRef::I64(1_709_209_800_000)), None);
        assert_eq!(
            read(ValueRef::Text("2024-02-29 12:30:00"), ValueType::Date),
            None
        );
        assert_eq!(read(ValueRef::Text("maybe"), ValueType::Bool), None);
        assert_eq!(read(ValueRef::I64(1), ValueType::Uuid), None);
    }
}
