//! Numbers on both sides of every power of two and ten, and times on both sides of the hours in which clocks change.

use selfsame::value::{Date, Decimal, Timestamp, TimestampTz, Value, ValueType};

use super::kinds::{keep, keep_unasked};
use crate::case::Cover::Contract;
use crate::case::{Case, CaseResult};
use crate::context::Context;

pub(super) const CASES: &[Case] = &[
    Case::core("types.integers.powers", integers)
        .since(22)
        .promise("Integers of each width on both sides of every power of two and of ten, of both signs, are read back unchanged and found by `=`.")
        .hint("Look for a conversion through a narrower integer, a float or a text.")
        .covers(&[Contract(1), Contract(2)]),
    Case::core("types.floats.powers", floats)
        .since(22)
        .promise("Floats of each width beside every power of two and of ten, of both signs, and each claimed special value, are read back bit for bit.")
        .hint("Send floats in binary, or as text with 9 and 17 digits.")
        .covers(&[Contract(3)]),
    Case::core("types.decimal.powers", decimals)
        .since(22)
        .promise("Decimals on both sides of every power of two and of ten, of both signs and several scales, are read back with the same value.")
        .hint("Look for a conversion through 64 bits or through a float.")
        .covers(&[Contract(4)]),
    Case::core("types.time.clocks", clocks)
        .since(22)
        .promise("Timestamps in hours that clocks leave out or repeat, at ends of seconds, hours, days and of 32-bit and 64-bit counts, are read back unchanged, with and without a zone.")
        .hint("A timestamp without a zone has no summer time; an instant is sent and read in UTC.")
        .covers(&[Contract(15), Contract(16)]),
];

fn integers(context: &mut Context) -> CaseResult {
    let powers = (0..63).map(|power| 1_i128 << power);
    let tens = (0..19).map(|power| 10_i128.pow(power));
    let mut numbers: Vec<i128> = powers
        .chain(tens)
        .chain([i128::from(i64::MAX)])
        .flat_map(|number| [number - 1, number, number + 1])
        .flat_map(|number| [number, -number])
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    let fitting = |make: fn(i128) -> Option<Value>| -> Vec<Value> {
        numbers.iter().filter_map(|number| make(*number)).collect()
    };
    let small = fitting(|number| i16::try_from(number).ok().map(Value::I16));
    let middle = fitting(|number| i32::try_from(number).ok().map(Value::I32));
    let large = fitting(|number| i64::try_from(number).ok().map(Value::I64));
    keep(context, "small", ValueType::I16, &small)?;
    keep(context, "middle", ValueType::I32, &middle)?;
    keep(context, "large", ValueType::I64, &large)
}

fn floats(context: &mut Context) -> CaseResult {
    let capabilities = context.capabilities();
    let special = |value: f64| {
        (!value.is_nan() || capabilities.nan)
            && (!value.is_infinite() || capabilities.infinities)
            && (value != 0.0 || value.is_sign_positive() || capabilities.negative_zero)
    };
    let bases = (-1_074..1_024)
        .step_by(7)
        .map(|power| 2_f64.powi(power))
        .chain((-300..300).step_by(3).map(|power| 10_f64.powi(power)))
        .chain((50..70).map(|power| 2_f64.powi(power)))
        .chain([f64::MAX, f64::MIN_POSITIVE, f64::EPSILON]);
    let doubles = bases
        .flat_map(|value| [value.next_down(), value, value.next_up()])
        .chain([0.0, f64::NAN])
        .flat_map(|value| [value, -value])
        .filter(|value| special(*value));
    let doubles: Vec<Value> = doubles.map(Value::F64).collect();
    keep_unasked(context, "doubles", ValueType::F64, &doubles)?;
    let bases = (-149..128)
        .map(|power| 2_f32.powi(power))
        .chain((-37..38).map(|power| 10_f32.powi(power)))
        .chain([f32::MAX, f32::MIN_POSITIVE, f32::EPSILON]);
    let singles = bases
        .flat_map(|value| [value.next_down(), value, value.next_up()])
        .chain([0.0, f32::NAN])
        .flat_map(|value| [value, -value])
        .filter(|value| special((*value).into()));
    let singles: Vec<Value> = singles.map(Value::F32).collect();
    keep_unasked(context, "singles", ValueType::F32, &singles)
}

fn decimals(context: &mut Context) -> CaseResult {
    let powers = (0..93).map(|power| 1_i128 << power);
    let tens = (0..28).map(|power| 10_i128.pow(power));
    let most = 10_i128.pow(28);
    let numbers = powers
        .chain(tens)
        .flat_map(|number| [number - 1, number, number + 1])
        .filter(|number| *number < most)
        .flat_map(|number| [number, -number]);
    let stored: Vec<Value> = numbers
        .flat_map(|number| [0, 1, 9, 28].map(|scale| Value::Decimal(Decimal::new(number, scale))))
        .collect();
    keep_unasked(context, "decimals", ValueType::Decimal, &stored)
}

/// Days on which clocks change somewhere, and days on which none do.
const DAYS: [(i32, u8, u8); 12] = [
    (1916, 4, 30),
    (1945, 8, 14),
    (1970, 1, 1),
    (1996, 10, 27),
    (2011, 12, 30),
    (2016, 12, 31),
    (2024, 1, 15),
    (2024, 3, 10),
    (2024, 3, 31),
    (2024, 7, 15),
    (2024, 10, 27),
    (2024, 11, 3),
];

fn clocks(context: &mut Context) -> CaseResult {
    const SECOND: i64 = 1_000_000;
    const HOUR: i64 = 3_600 * SECOND;
    let days = DAYS
        .iter()
        .filter_map(|&(year, month, day)| Date::from_civil(year, month, day));
    let hours =
        days.flat_map(|day| (0..24).map(move |hour| i64::from(day.0) * 24 * HOUR + hour * HOUR));
    let within = [
        0,
        1,
        SECOND / 2,
        SECOND - 1,
        30 * 60 * SECOND,
        HOUR - SECOND,
        HOUR - 1,
    ];
    let counts = [
        i64::from(i32::MIN) * SECOND,
        i64::from(i32::MAX) * SECOND,
        i64::from(u32::MAX) * SECOND,
        i64::MIN / 1_000,
        i64::MAX / 1_000,
        1 << 53,
        -(1 << 53),
    ];
    let moments: Vec<i64> = hours
        .flat_map(|hour| within.map(|later| hour + later))
        .chain(
            counts
                .iter()
                .flat_map(|count| [count - SECOND, count - 1, *count, count + 1, count + SECOND]),
        )
        .collect();
    let local: Vec<Value> = moments
        .iter()
        .map(|at| Value::Timestamp(Timestamp(*at)))
        .collect();
    keep_unasked(context, "local", ValueType::Timestamp, &local)?;
    let instants: Vec<Value> = moments
        .iter()
        .map(|at| Value::TimestampTz(TimestampTz(*at)))
        .collect();
    keep_unasked(context, "instants", ValueType::TimestampTz, &instants)
}
