//! Implementations for types of other crates, behind features of the same names.

#[cfg(any(
    feature = "chrono",
    feature = "jiff",
    feature = "rust_decimal",
    feature = "serde_json",
    feature = "uuid"
))]
use super::{ColumnValue, Param, ValueRef, ValueType};
#[cfg(any(
    feature = "chrono",
    feature = "jiff",
    feature = "rust_decimal",
    feature = "serde_json",
    feature = "uuid"
))]
use crate::error::Result;

#[cfg(any(
    feature = "chrono",
    feature = "jiff",
    feature = "rust_decimal",
    feature = "uuid"
))]
macro_rules! by_conversion {
    ($ty:ty, $variant:ident, $to:expr, $from:expr) => {
        impl ColumnValue for $ty {
            type Base = $ty;
            const TYPE: ValueType = ValueType::$variant;

            fn to_param(&self) -> Param<'_> {
                Param::Ref(ValueRef::$variant($to(self)))
            }

            fn from_value(value: ValueRef<'_>) -> Result<Self> {
                match value {
                    ValueRef::$variant(value) => $from(value).ok_or_else(|| {
                        crate::value::column_value::out_of_range(stringify!($variant))
                    }),
                    other => Err(other.mismatch(Self::TYPE)),
                }
            }
        }
    };
}

#[cfg(feature = "uuid")]
by_conversion!(uuid::Uuid, Uuid, |v: &uuid::Uuid| *v.as_bytes(), |v| Some(
    uuid::Uuid::from_bytes(v)
));

#[cfg(feature = "rust_decimal")]
by_conversion!(
    rust_decimal::Decimal,
    Decimal,
    |v: &rust_decimal::Decimal| super::Decimal::new(v.mantissa(), v.scale()),
    |v: super::Decimal| rust_decimal::Decimal::try_from_i128_with_scale(v.mantissa(), v.scale())
        .ok()
);

#[cfg(feature = "chrono")]
mod chrono_types {
    use super::{ColumnValue, Param, Result, ValueRef, ValueType};
    use crate::value::{Date, Time, Timestamp, TimestampTz};
    use chrono::{
        DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike, Utc,
    };

    const EPOCH: NaiveDate = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();

    by_conversion!(
        NaiveDate,
        Date,
        |v: &NaiveDate| Date(v.num_days_from_ce() - EPOCH.num_days_from_ce()),
        |v: Date| EPOCH.checked_add_signed(TimeDelta::days(i64::from(v.0)))
    );
    // Nanoseconds are rounded down to the microsecond; a leap second counts as the last microsecond before it.
    by_conversion!(
        NaiveTime,
        Time,
        |v: &NaiveTime| Time(
            i64::from(v.num_seconds_from_midnight()) * 1_000_000
                + i64::from(v.nanosecond() / 1000).min(999_999)
        ),
        |v: Time| {
            let seconds = u32::try_from(v.0.div_euclid(1_000_000)).ok()?;
            let nanos = u32::try_from(v.0.rem_euclid(1_000_000)).ok()? * 1000;
            NaiveTime::from_num_seconds_from_midnight_opt(seconds, nanos)
        }
    );
    by_conversion!(
        NaiveDateTime,
        Timestamp,
        |v: &NaiveDateTime| Timestamp(micros(&v.and_utc())),
        |v: Timestamp| DateTime::from_timestamp_micros(v.0).map(|v| v.naive_utc())
    );
    by_conversion!(
        DateTime<Utc>,
        TimestampTz,
        |v: &DateTime<Utc>| TimestampTz(micros(v)),
        |v: TimestampTz| DateTime::from_timestamp_micros(v.0)
    );

    /// `timestamp_micros` would count a leap second as the second after it.
    fn micros(v: &DateTime<Utc>) -> i64 {
        v.timestamp() * 1_000_000 + i64::from(v.timestamp_subsec_micros().min(999_999))
    }
}

#[cfg(feature = "jiff")]
mod jiff_types {
    use super::{ColumnValue, Param, Result, ValueRef, ValueType};
    use crate::value::{Date, Time, Timestamp, TimestampTz};
    use jiff::civil;

    fn from_date(v: &civil::Date) -> Date {
        let (month, day) = (v.month().unsigned_abs(), v.day().unsigned_abs());
        Date::from_civil(i32::from(v.year()), month, day)
            .expect("a jiff date is a day of the calendar")
    }

    fn to_date(v: Date) -> Option<civil::Date> {
        let (year, month, day) = v.civil();
        civil::Date::new(
            i16::try_from(year).ok()?,
            i8::try_from(month).ok()?,
            i8::try_from(day).ok()?,
        )
        .ok()
    }

    fn from_time(v: &civil::Time) -> Time {
        let seconds =
            (i64::from(v.hour()) * 60 + i64::from(v.minute())) * 60 + i64::from(v.second());
        Time(seconds * 1_000_000 + i64::from(v.subsec_nanosecond()) / 1000)
    }

    fn to_time(v: Time) -> Option<civil::Time> {
        let (hour, minute, second, micro) = v.hms_micro();
        let narrow = |v: u8| i8::try_from(v).ok();
        civil::Time::new(
            narrow(hour)?,
            narrow(minute)?,
            narrow(second)?,
            i32::try_from(micro).ok()? * 1000,
        )
        .ok()
    }

    /// `as_microsecond` would round to zero.
    fn from_instant(v: &jiff::Timestamp) -> TimestampTz {
        let micros = i64::try_from(v.as_nanosecond().div_euclid(1000));
        TimestampTz(micros.expect("the years of jiff are within 64 bits of microseconds"))
    }

    by_conversion!(civil::Date, Date, from_date, to_date);
    by_conversion!(civil::Time, Time, from_time, to_time);
    by_conversion!(
        civil::DateTime,
        Timestamp,
        |v: &civil::DateTime| Timestamp::new(from_date(&v.date()), from_time(&v.time())),
        |v: Timestamp| {
            let (date, time) = v.split();
            Some(to_date(date)?.to_datetime(to_time(time)?))
        }
    );
    by_conversion!(
        jiff::Timestamp,
        TimestampTz,
        from_instant,
        |v: TimestampTz| jiff::Timestamp::from_microsecond(v.0).ok()
    );
}

#[cfg(feature = "serde_json")]
use crate::error::{Error, ErrorKind};

#[cfg(feature = "serde_json")]
impl ColumnValue for serde_json::Value {
    type Base = serde_json::Value;
    const TYPE: ValueType = ValueType::Json;

    fn to_param(&self) -> Param<'_> {
        Param::Owned(super::Value::Json(self.to_string()))
    }

    fn from_value(value: ValueRef<'_>) -> Result<Self> {
        let refused = |message| Error::new(ErrorKind::Conversion, message);
        match value {
            ValueRef::Json(text) if has_inexact_integer(text) => Err(refused(
                "the document contains an integer that `serde_json::Value` cannot represent exactly: map the column as text (`db_type`)",
            )),
            ValueRef::Json(text) => serde_json::from_str(text).map_err(|error| {
                refused("the column does not hold a valid JSON document").with_source(error)
            }),
            other => Err(other.mismatch(Self::TYPE)),
        }
    }
}

/// Whether a document contains an integer beyond 64 bits that would be read as a different float. A float that a database wrote as an
/// integer is accepted: it has the float's digits followed by zeros.
#[cfg(feature = "serde_json")]
fn has_inexact_integer(document: &str) -> bool {
    let mut rest = document;
    while let Some(at) = rest.find(|c: char| matches!(c, '"' | '-' | '0'..='9')) {
        rest = &rest[at..];
        if let Some(text) = rest.strip_prefix('"') {
            rest = after_string(text);
            continue;
        }
        let end = rest
            .find(|c: char| !matches!(c, '0'..='9' | '.' | 'e' | 'E' | '+' | '-'))
            .unwrap_or(rest.len());
        let number = &rest[..end];
        rest = &rest[end..];
        let fits = number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok();
        let number = number.trim_start_matches('-');
        if fits || !number.bytes().all(|b| b.is_ascii_digit()) {
            continue;
        }
        let read: f64 = number.parse().unwrap_or(f64::INFINITY);
        let shortest = format!("{read:e}");
        let digits = shortest
            .split('e')
            .next()
            .unwrap_or_default()
            .replace('.', "");
        if !read.is_finite() || number.trim_end_matches('0') != digits.trim_end_matches('0') {
            return true;
        }
    }
    false
}

/// The text after a JSON string whose opening quote was consumed.
#[cfg(feature = "serde_json")]
fn after_string(text: &str) -> &str {
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()),
            b'"' => return &text[at + 1..],
            _ => {}
        }
    }
    ""
}

#[cfg(all(
    test,
    feature = "chrono",
    feature = "rust_decimal",
    feature = "uuid",
    feature = "serde_json"
))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check<T: ColumnValue + PartialEq + std::fmt::Debug>(value: T) {
        let param = value.to_param();
        let neutral = param.value().expect("one value");
        assert_eq!(neutral.value_type(), Some(T::TYPE));
        assert_eq!(T::from_value(neutral).expect("converts back"), value);
        assert!(T::from_value(ValueRef::Null).is_err());
    }

    proptest! {
        #[test]
        fn every_type_converts_back(
            micros in -62_135_596_800_000_000i64..=253_402_300_799_999_999,
            bytes in any::<[u8; 16]>(),
            mantissa in any::<i64>(),
            scale in 0u32..=28,
        ) {
            let instant = chrono::DateTime::from_timestamp_micros(micros).expect("in range");
            check(instant);
            check(instant.naive_utc());
            check(instant.date_naive());
            check(instant.time());
            check(uuid::Uuid::from_bytes(bytes));
            check(rust_decimal::Decimal::from_i128_with_scale(i128::from(mantissa), scale));
            check(serde_json::json!({ "n": mantissa, "deep": [null, "é", { "b": bytes }] }));
            #[cfg(feature = "jiff")]
            {
                let stamp = jiff::Timestamp::from_microsecond(micros).expect("in range");
                check(stamp);
                let civil = stamp.to_zoned(jiff::tz::TimeZone::UTC).datetime();
                check(civil);
                check(civil.date());
                check(civil.time());
            }
        }
    }

    #[test]
    fn integers_in_documents_are_exact_or_refused() {
        let read = |text: &str| serde_json::Value::from_value(ValueRef::Json(text));
        let whole = format!("17976931348623157{}", "0".repeat(292));
        for (text, value) in [
            (whole.as_str(), serde_json::json!(f64::MAX)),
            ("[100000000000000000000]", serde_json::json!([1e20])),
            ("18446744073709551615", serde_json::json!(u64::MAX)),
            ("-9223372036854775808", serde_json::json!(i64::MIN)),
            (
                r#"{"a\"1234567890123456789012345": "1234567890123456789012345"}"#,
                serde_json::json!({"a\"1234567890123456789012345": "1234567890123456789012345"}),
            ),
            ("0.30000000000000004", serde_json::json!(0.1 + 0.2)),
        ] {
            assert_eq!(read(text).expect("exact"), value, "{text}");
        }
        for text in [
            "1234567890123456789012345",
            "[1, {\"a\": -1234567890123456789012345}]",
            "18446744073709551617",
            "-9223372036854775809",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_leap_second_is_the_last_microsecond_before_it() {
        for year in [1968, 2016] {
            let date = chrono::NaiveDate::from_ymd_opt(year, 12, 31).expect("a date");
            let leap = date.and_hms_milli_opt(23, 59, 59, 1_500).expect("a time");
            let last = date.and_hms_micro_opt(23, 59, 59, 999_999).expect("a time");
            assert_eq!(leap.time().to_param(), last.time().to_param());
            assert_eq!(leap.to_param(), last.to_param());
            assert_eq!(leap.and_utc().to_param(), last.and_utc().to_param());
        }
    }

    #[test]
    fn the_neutral_form_agrees_with_the_calendar() {
        let date = chrono::NaiveDate::from_ymd_opt(1600, 2, 29).expect("a leap year");
        assert_eq!(
            date.to_param().value(),
            Some(ValueRef::Date("1600-02-29".parse().expect("a date")))
        );
    }
}
