//! Days of the years 1 to 9999 and times as the text that is stored, without the detour through the general formatter and parser.
//!
//! What is written is what `Display` writes; what others wrote otherwise is left to `FromStr`.

use selfsame::value::{Date, Time, Timestamp, TimestampTz};

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

/// A day of a year of four digits.
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

pub(crate) fn read_time(text: &[u8]) -> Option<Time> {
    let &[h1, h2, b':', m1, m2, b':', s1, s2, b'.', ref micro @ ..] = text else {
        return parsed(text);
    };
    if micro.len() != 6 {
        return parsed(text);
    }
    Time::from_hms_micro(
        number(&[h1, h2])?.try_into().ok()?,
        number(&[m1, m2])?.try_into().ok()?,
        number(&[s1, s2])?.try_into().ok()?,
        number(micro)?,
    )
}

pub(crate) fn read_timestamp(text: &[u8]) -> Option<Timestamp> {
    let (date, rest) = text.split_at_checked(10)?;
    let (b' ' | b'T', time) = rest.split_first()? else {
        return None;
    };
    Some(Timestamp::new(read_date(date)?, read_time(time)?))
}

pub(crate) fn read_instant(text: &[u8]) -> Option<TimestampTz> {
    if let Some(local) = text.strip_suffix(b"+00:00") {
        return Some(TimestampTz(read_timestamp(local)?.0));
    }
    read_date(text.get(..10)?)?;
    parsed(text)
}

fn parsed<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    str::from_utf8(text).ok()?.parse().ok()
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

    /// Days all over the years 1 to 9999, each with another time of day.
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

    #[test]
    fn other_forms_are_read_too() {
        let noon = Time::from_hms_micro(12, 0, 0, 0);
        assert_eq!(
            (read_time(b"12:00"), read_time(b"12:00:00.0")),
            (noon, noon)
        );
        let expected = "2024-02-29 10:30:00Z".parse().ok();
        for text in ["2024-02-29T12:30:00+02:00", "2024-02-29 10:30Z"] {
            assert_eq!(read_instant(text.as_bytes()), expected, "{text}");
        }
    }
}
