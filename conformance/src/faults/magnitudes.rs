//! Numbers, dates and times altered beyond one magnitude or at one point in time.

use selfsame::value::{Date, Decimal, Time, Timestamp, TimestampTz, Value, ValueRef};

use crate::case::Capability;
use crate::faults::Fault;

/// Changes some integers of one width.
macro_rules! integer {
    ($id:literal, $sentence:literal, $ty:ident, $suspect:literal, $alter:expr) => {
        stored!($id, $sentence, $suspect, |value| match value {
            ValueRef::$ty(value) => {
                let alter: fn(_) -> _ = $alter;
                let altered = alter(value);
                (altered != value).then_some(Value::$ty(altered))
            }
            _ => None,
        })
    };
}

/// Changes some timestamps, in microseconds since 1970.
macro_rules! moment {
    ($id:literal, $sentence:literal, $ty:ident, $suspect:literal, $alter:expr) => {
        stored!($id, $sentence, $suspect, |value| match value {
            ValueRef::$ty($ty(at)) => {
                let alter: fn(i64) -> i64 = $alter;
                let altered = alter(at);
                (altered != at).then_some(Value::$ty($ty(altered)))
            }
            _ => None,
        })
    };
}

const HOUR: i64 = 3_600_000_000;

pub(super) const FAULTS: &[Fault] = &[
    integer!(
        "i64_of_31_bits_negative",
        "The integer 2^31 is stored as its negative.",
        I64,
        "types.integers",
        |value: i64| if value == 1 << 31 { -value } else { value }
    ),
    integer!(
        "i64_of_32_bits_is_zero",
        "The integer 2^32 is stored as 0.",
        I64,
        "types.integers",
        |value: i64| if value == 1 << 32 { 0 } else { value }
    ),
    integer!(
        "i64_below_32_bits_wraps",
        "The integer −2^31 − 1 is stored as 2^31 − 1.",
        I64,
        "types.integers",
        |value: i64| if value == -(1 << 31) - 1 {
            (1 << 31) - 1
        } else {
            value
        }
    ),
    integer!(
        "i64_of_63_bits_is_less",
        "The integer 2^62 is stored as one less.",
        I64,
        "types.integers",
        |value: i64| value - i64::from(value == 1 << 62)
    ),
    integer!(
        "i32_through_f32",
        "A 32-bit integer beyond 2^24 is stored as an even one.",
        I32,
        "types.integers",
        |value: i32| if value > 1 << 24 { value & !1 } else { value }
    ),
    integer!(
        "i32_of_16_bits_negative",
        "The 32-bit integer 2^15 is stored as its negative.",
        I32,
        "types.integers",
        |value: i32| if value == 1 << 15 { -value } else { value }
    ),
    integer!(
        "i16_of_8_bits_negative",
        "A 16-bit integer from 128 to 255 is stored as the negative one of the same 8 bits.",
        I16,
        "types.integers",
        |value: i16| if (128..=255).contains(&value) {
            value - 256
        } else {
            value
        }
    ),
    stored!(
        "float_of_16_digits",
        "A double is stored with 16 digits.",
        "types.floats",
        |value| match value {
            ValueRef::F64(value) if value.is_finite() => {
                let cut: f64 = format!("{value:.15e}").parse().ok()?;
                (cut.to_bits() != value.to_bits()).then_some(Value::F64(cut))
            }
            _ => None,
        }
    ),
    stored!(
        "single_of_8_digits",
        "A single is stored with 8 digits.",
        "types.floats",
        |value| match value {
            ValueRef::F32(value) if value.is_finite() => {
                let cut: f32 = format!("{value:.7e}").parse().ok()?;
                (cut.to_bits() != value.to_bits()).then_some(Value::F32(cut))
            }
            _ => None,
        }
    ),
    stored!(
        "largest_single_is_infinite",
        "The largest single is stored as infinity.",
        "types.floats",
        |value| match value {
            ValueRef::F32(f32::MAX) => Some(Value::F32(f32::INFINITY)),
            _ => None,
        }
    )
    .needs(&[Capability::Infinities]),
    stored!(
        "infinity_is_the_largest",
        "Infinity is stored as the largest double.",
        "types.floats",
        |value| match value {
            ValueRef::F64(f64::INFINITY) => Some(Value::F64(f64::MAX)),
            _ => None,
        }
    )
    .needs(&[Capability::Infinities]),
    stored!(
        "negative_infinite_single_is_positive",
        "A negative infinite single is stored as the positive one.",
        "types.floats",
        |value| match value {
            ValueRef::F32(f32::NEG_INFINITY) => Some(Value::F32(f32::INFINITY)),
            _ => None,
        }
    )
    .needs(&[Capability::Infinities]),
    stored!(
        "single_nan_is_zero",
        "A single that is NaN is stored as 0.",
        "types.floats",
        |value| match value {
            ValueRef::F32(value) if value.is_nan() => Some(Value::F32(0.0)),
            _ => None,
        }
    )
    .needs(&[Capability::Nan]),
    stored!(
        "single_negative_zero",
        "The sign of a zero of single precision is lost.",
        "types.floats",
        |value| match value {
            ValueRef::F32(value) if value == 0.0 && value.is_sign_negative() => {
                Some(Value::F32(0.0))
            }
            _ => None,
        }
    )
    .needs(&[Capability::NegativeZero]),
    stored!(
        "large_doubles_rounded",
        "A whole double from 2^53 to 2^63 is stored as a multiple of 1,024.",
        "types.floats",
        |value| match value {
            ValueRef::F64(value) if (9_007_199_254_740_992.0..9.2e18).contains(&value.abs()) => {
                let altered = (value / 1_024.0).trunc() * 1_024.0;
                (altered.to_bits() != value.to_bits()).then_some(Value::F64(altered))
            }
            _ => None,
        }
    ),
    stored!(
        "decimal_of_28_digits_rounded",
        "The last of 28 digits of a decimal is stored as 0.",
        "types.decimal",
        |value| match value {
            ValueRef::Decimal(value) if value.mantissa().abs() >= 10_i128.pow(27) => {
                let altered = value.mantissa() / 10 * 10;
                (altered != value.mantissa())
                    .then(|| Value::Decimal(Decimal::new(altered, value.scale())))
            }
            _ => None,
        }
    ),
    stored!(
        "decimal_of_nine_places_cut",
        "A decimal with exactly nine digits after the decimal point loses the last one.",
        "types.decimal",
        |value| match value {
            ValueRef::Decimal(value) if value.scale() == 9 && value.mantissa() % 10 != 0 => {
                Some(Value::Decimal(Decimal::new(value.mantissa() / 10, 8)))
            }
            _ => None,
        }
    ),
    stored!(
        "negative_decimal_wraps_at_64_bits",
        "A negative decimal whose digits do not fit 64 bits is stored as the smallest that do.",
        "types.decimal",
        |value| match value {
            ValueRef::Decimal(value) if value.mantissa() < i128::from(i64::MIN) => Some(
                Value::Decimal(Decimal::new(i128::from(i64::MIN), value.scale()))
            ),
            _ => None,
        }
    ),
    stored!(
        "noon_is_midnight",
        "The hour after noon is stored as the hour after midnight.",
        "types.time",
        |value| match value {
            ValueRef::Time(Time(at)) if (12 * HOUR..13 * HOUR).contains(&at) => {
                Some(Value::Time(Time(at - 12 * HOUR)))
            }
            _ => None,
        }
    ),
    stored!(
        "time_loses_its_last_digit",
        "The last digit of the microseconds of a time is lost.",
        "types.time",
        |value| match value {
            ValueRef::Time(Time(at)) if at % 10 != 0 => Some(Value::Time(Time(at - at % 10))),
            _ => None,
        }
    ),
    moment!(
        "summer_time_gap_moved",
        "A timestamp in the hour that summer time leaves out on 31 March 2024 is stored an hour later.",
        Timestamp,
        "types.timestamp",
        |at| match at.div_euclid(HOUR) {
            475_514 => at + HOUR,
            _ => at,
        }
    ),
    moment!(
        "summer_time_is_subtracted",
        "A timestamp in July is stored an hour earlier.",
        Timestamp,
        "types.timestamp",
        |at| match i32::try_from(at.div_euclid(24 * HOUR)).map(|day| Date(day).civil()) {
            Ok((_, 7, _)) => at - HOUR,
            _ => at,
        }
    ),
    moment!(
        "autumn_hour_moved",
        "An instant in the second hour that winter time repeats on 27 October 2024 is stored as the first.",
        TimestampTz,
        "types.timestamptz",
        |at| match at.div_euclid(HOUR) {
            480_553 => at - HOUR,
            _ => at,
        }
    ),
    moment!(
        "nanoseconds_overflow",
        "A timestamp after the year 2262 is stored as one 584 years earlier.",
        Timestamp,
        "types.timestamp",
        |at| match at > i64::MAX / 1_000 {
            true => at.wrapping_mul(1_000) / 1_000,
            false => at,
        }
    ),
    moment!(
        "nanoseconds_underflow",
        "An instant before the year 1677 is stored as one 584 years later.",
        TimestampTz,
        "types.timestamptz",
        |at| match at < i64::MIN / 1_000 {
            true => at.wrapping_mul(1_000) / 1_000,
            false => at,
        }
    ),
    moment!(
        "last_microsecond_of_a_second_is_the_next",
        "A timestamp in the last microsecond of a second is stored as the next second.",
        Timestamp,
        "types.timestamp",
        |at| at + i64::from(at.rem_euclid(1_000_000) == 999_999)
    ),
    moment!(
        "seconds_of_instants_lost",
        "An instant is stored without its seconds if they are 59.",
        TimestampTz,
        "types.timestamptz",
        |at| match at.div_euclid(1_000_000).rem_euclid(60) {
            59 => at - 59_000_000,
            _ => at,
        }
    ),
    moment!(
        "timestamp_through_a_double",
        "A timestamp is stored as a double of seconds.",
        Timestamp,
        "types.timestamp",
        through_a_double
    ),
    stored!(
        "last_day_is_null",
        "The day 9999-12-31 is stored as NULL.",
        "types.date",
        |value| match value {
            ValueRef::Date(day) if matches!(day.civil(), (9999, 12, 31)) => Some(Value::Null),
            _ => None,
        }
    ),
    stored!(
        "first_day_is_null",
        "The day 0001-01-01 is stored as NULL.",
        "types.date",
        |value| match value {
            ValueRef::Date(day) if matches!(day.civil(), (1, 1, 1)) => Some(Value::Null),
            _ => None,
        }
    ),
    stored!(
        "year_2100_is_a_leap_year",
        "A day after February 2100 in that year is stored a day early.",
        "types.date",
        |value| match value {
            ValueRef::Date(day) if matches!(day.civil(), (2100, 3..=12, _)) => {
                Some(Value::Date(Date(day.0 - 1)))
            }
            _ => None,
        }
    ),
    stored!(
        "days_beyond_16_bits_wrap",
        "A day more than 65,535 days after 1970 is stored as one 65,536 days earlier.",
        "types.date",
        |value| match value {
            ValueRef::Date(day) if day.0 > 65_535 => Some(Value::Date(Date(day.0 - 65_536))),
            _ => None,
        }
    ),
];

#[expect(
    clippy::cast_possible_truncation,
    reason = "the mistake is the lossy conversion"
)]
fn through_a_double(at: i64) -> i64 {
    (at as f64 / 1e6 * 1e6) as i64
}
