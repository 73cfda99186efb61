//! Formats and parses dates of the years 1 to 9999 and times as stored text, faster than the general formatter and parser.
//!
//! The output is the same as that of `Display`; fractions with fewer zeros are read too.

use selfsame::schema::ColumnType;
use selfsame::value::{Date, Time, Timestamp, TimestampTz, ValueType};

pub(crate) fn write_date(date: Date, out: &mut String) {
    let (year, month, day) = date.civil();
    write_number(year.unsigned_abs(), 4, out);
    out.push('-');
    write_number(month.into(), 2, out);
    out.push('-');
    write_number(day.into(), 2, out);
}

pub(crate) fn write_time(time: Time, out: &mut String) {
    let (hour, minute, second, micro) = time.hms_micro();
    write_number(hour.into(), 2, out);
    out.push(':');
    write_number(minute.into(), 2, out);
    out.push(':');
    write_number(second.into(), 2, out);
    out.push('.');
    write_number(micro, 6, out);
}

pub(crate) fn write_timestamp(stamp: Timestamp, out: &mut String) {
    let (date, time) = stamp.split();
    write_date(date, out);
    out.push(' ');
    write_time(time, out);
}

pub(crate) fn write_instant(instant: TimestampTz, out: &mut String) {
    write_timestamp(Timestamp(instant.0), out);
    out.push_str("+00:00");
}

/// Returns the equivalent forms of a bound time of day, alone or at the end of a timestamp.
pub(crate) fn equal_forms(parameter: &str, ty: &ColumnType) -> Vec<String> {
    let Some(zone) = zone(ty) else {
        return Vec::new();
    };
    // The end of the milliseconds' digits.
    let end = match ty.value_type() {
        ValueType::Time => 12,
        _ => 23,
    };
    let millis = format!(
        "CASE substr({parameter}, {}, 3) WHEN '000' THEN substr({parameter}, 1, {end}){zone} ELSE {parameter} END",
        end + 1
    );
    let least = least_form(parameter, ty).unwrap_or_default();
    vec![parameter.to_owned(), least, millis]
}

/// Returns the form without trailing zeros of the fraction.
pub(crate) fn least_form(parameter: &str, ty: &ColumnType) -> Option<String> {
    let zone = zone(ty)?;
    let local = match ty.value_type() {
        ValueType::TimestampTz => format!("substr({parameter}, 1, 26)"),
        _ => parameter.to_owned(),
    };
    Some(format!("rtrim(rtrim({local}, '0'), '.'){zone}"))
}

/// Returns an expression that gives a time all six fractional digits. Text in a form that is not read stays unchanged.
pub(crate) fn canonical_form(operand: &str, ty: &ColumnType) -> Option<String> {
    const DIGITS: usize = 7;
    let shortest = match ty.value_type() {
        ValueType::Time => 8,
        ValueType::Timestamp | ValueType::TimestampTz => 19,
        _ => return None,
    };
    let (local, suffix, is_zone) = match ty.value_type() {
        ValueType::TimestampTz => (
            format!("substr({operand}, 1, length({operand}) - 6)"),
            " || '+00:00'",
            format!(" AND substr({operand}, -6) = '+00:00'"),
        ),
        _ => (operand.to_owned(), "", String::new()),
    };
    let zone = if is_zone.is_empty() { 0 } else { 6 };
    let (least, most) = (shortest + zone, shortest + DIGITS + zone);
    Some(format!(
        "CASE WHEN typeof({operand}) = 'text' AND length({operand}) BETWEEN {least} AND {most}{is_zone} \
         THEN {local} || substr('.000000', length({local}) - {before}){suffix} ELSE {operand} END",
        before = shortest - 1,
    ))
}

/// Returns the text after the fraction of a stored time.
fn zone(ty: &ColumnType) -> Option<&'static str> {
    match ty.value_type() {
        ValueType::Time | ValueType::Timestamp => Some(""),
        ValueType::TimestampTz => Some(" || '+00:00'"),
        _ => None,
    }
}

/// Parses a date with a year of four digits.
pub(crate) fn read_date(text: &[u8]) -> Option<Date> {
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text else {
        return None;
    };
    let year = number(&[y1, y2, y3, y4])?;
    let date = Date::from_civil(
        year.try_into().ok()?,
        number(&[m1, m2])?.try_into().ok()?,
        number(&[d1, d2])?.try_into().ok()?,
    )?;
    (date >= Date::MIN_COMMON).then_some(date)
}

/// Parses a time of day with as many digits as [`equal_forms`] covers: six, three, none, or up to the last digit that is
/// not 0. Conditions would not match another form.
pub(crate) fn read_time(text: &[u8]) -> Option<Time> {
    let (&[h1, h2, b':', m1, m2, b':', s1, s2], fraction) = text.split_first_chunk()? else {
        return None;
    };
    let micro = match fraction {
        [] => 0,
        [b'.', digits @ ..] if is_common_fraction(digits) => {
            let missing = u32::try_from(6 - digits.len()).ok()?;
            number(digits)?.checked_mul(10_u32.pow(missing))?
        }
        _ => return None,
    };
    Time::from_hms_micro(
        number(&[h1, h2])?.try_into().ok()?,
        number(&[m1, m2])?.try_into().ok()?,
        number(&[s1, s2])?.try_into().ok()?,
        micro,
    )
}

fn is_common_fraction(digits: &[u8]) -> bool {
    match digits.len() {
        3 | 6 => true,
        1..6 => digits.last() != Some(&b'0'),
        _ => false,
    }
}

pub(crate) fn read_timestamp(text: &[u8]) -> Option<Timestamp> {
    let (date, rest) = text.split_at_checked(10)?;
    let time = rest.strip_prefix(b" ")?;
    Some(Timestamp::new(read_date(date)?, read_time(time)?))
}

pub(crate) fn read_instant(text: &[u8]) -> Option<TimestampTz> {
    let local = text.strip_suffix(b"+00:00")?;
    Some(TimestampTz(read_timestamp(local)?.0))
}

fn write_number(mut number: u32, digits: usize, out: &mut String) {
    let mut text = ['0'; 6];
    for digit in text[..digits].iter_mut().rev() {
        *digit = char::from_digit(number % 10, 10).unwrap_or('0');
        number /= 10;
    }
    out.extend(&text[..digits]);
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |number, digit| {
        digit
            .is_ascii_digit()
            .then(|| number * 10 + u32::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns timestamps all over the years 1 to 9999, each with another time of day.
    fn stamps() -> impl Iterator<Item = Timestamp> {
        let (first, last) = (-62_135_596_800_000_000, 253_402_300_799_999_999);
        let between = (first..last).step_by(79_191_234_567_891);
        between.chain([first, -1, 0, last]).map(Timestamp)
    }

    #[test]
    fn what_is_written_is_what_display_writes_and_is_read() {
        let mut text = String::new();
        for stamp in stamps() {
            let (date, time) = stamp.split();
            text.clear();
            write_date(date, &mut text);
            assert_eq!(text, date.to_string());
            assert_eq!(read_date(text.as_bytes()), Some(date));
            text.clear();
            write_time(time, &mut text);
            assert_eq!(text, time.to_string());
            assert_eq!(read_time(text.as_bytes()), Some(time));
            text.clear();
            write_timestamp(stamp, &mut text);
            assert_eq!(text, stamp.to_string());
            assert_eq!(read_timestamp(text.as_bytes()), Some(stamp));
            text.clear();
            let instant = TimestampTz(stamp.0);
            write_instant(instant, &mut text);
            assert_eq!(text, instant.to_string());
            assert_eq!(read_instant(text.as_bytes()), Some(instant));
        }
    }

    /// Returns the text that SQLite computes from a text in one form of a type.
    fn in_one_form(text: &str, ty: &ColumnType) -> String {
        let connection = rusqlite::Connection::open_in_memory().expect("SQLite");
        let form = canonical_form("?1", ty).expect("a time");
        let read = connection.query_row(&format!("SELECT {form}"), [text], |row| row.get(0));
        read.expect("a text")
    }

    #[test]
    fn equal_times_have_one_form() {
        let (stamp, instant) = (ColumnType::Timestamp, ColumnType::TimestampTz);
        for (text, ty, wanted) in [
            ("12:30:00", &ColumnType::Time, "12:30:00.000000"),
            ("12:30:00.1", &ColumnType::Time, "12:30:00.100000"),
            ("12:30:00.120", &ColumnType::Time, "12:30:00.120000"),
            ("12:30:00.123456", &ColumnType::Time, "12:30:00.123456"),
            ("2024-02-29 12:30:00", &stamp, "2024-02-29 12:30:00.000000"),
            (
                "2024-02-29 12:30:00.5",
                &stamp,
                "2024-02-29 12:30:00.500000",
            ),
            (
                "2024-02-29 12:30:00+00:00",
                &instant,
                "2024-02-29 12:30:00.000000+00:00",
            ),
            (
                "2024-02-29 12:30:00.120+00:00",
                &instant,
                "2024-02-29 12:30:00.120000+00:00",
            ),
        ] {
            assert_eq!(in_one_form(text, ty), wanted);
        }
        // A text that cannot be read must not become one that can.
        for (text, ty) in [
            ("", &stamp),
            ("12:30", &ColumnType::Time),
            ("12:30:00.1234567", &ColumnType::Time),
            ("2024-02-29 12:30:00.1234567", &stamp),
            ("2024-02-29", &stamp),
            ("2024-02-29 12:30:00.1234567+00:00", &instant),
            ("2024-02-29 12:30:00+02:00", &instant),
            ("2024-02-29 12:30:00", &instant),
        ] {
            assert_eq!(in_one_form(text, ty), text);
        }
    }

    #[test]
    fn the_forms_that_conditions_find_are_read() {
        let time = |micro| Time::from_hms_micro(12, 0, 0, micro);
        for (text, wanted) in [
            ("12:00:00", time(0)),
            ("12:00:00.000", time(0)),
            ("12:00:00.120", time(120_000)),
            ("12:00:00.12", time(120_000)),
            ("12:00:00.000001", time(1)),
            ("12:00", None),
            ("12:00:00.", None),
            ("12:00:00.0", None),
            ("12:00:00.1200", None),
            ("12:00:00.0000001", None),
            ("12:00:00.1a3", None),
        ] {
            assert_eq!(read_time(text.as_bytes()), wanted, "{text}");
        }
        let expected = "2024-02-29 10:30:00Z".parse().ok();
        for (text, wanted) in [
            ("2024-02-29 10:30:00+00:00", expected),
            ("2024-02-29 10:30:00.000+00:00", expected),
            ("2024-02-29T10:30:00+00:00", None),
            ("2024-02-29 12:30:00+02:00", None),
            ("2024-02-29 10:30:00Z", None),
        ] {
            assert_eq!(read_instant(text.as_bytes()), wanted, "{text}");
        }
    }
}
