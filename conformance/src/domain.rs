//! Values of each neutral type: unusual values from a list, others generated.

use proptest::prelude::*;
use proptest::strategy::BoxedStrategy;
use selfsame::dialect::Capabilities;
use selfsame::value::{Date, Decimal, Time, Timestamp, TimestampTz, Value, ValueType};

/// Every neutral type that a column can have.
pub(crate) const TYPES: [ValueType; 15] = [
    ValueType::Bool,
    ValueType::I16,
    ValueType::I32,
    ValueType::I64,
    ValueType::F32,
    ValueType::F64,
    ValueType::Text,
    ValueType::Bytes,
    ValueType::Decimal,
    ValueType::Uuid,
    ValueType::Date,
    ValueType::Time,
    ValueType::Timestamp,
    ValueType::TimestampTz,
    ValueType::Json,
];

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// Returns the extreme values of a type, and those that backends are known to alter.
pub(crate) fn extremes(ty: ValueType, capabilities: &Capabilities) -> Vec<Value> {
    let last_micro = i64::from(Date::MAX_COMMON.0) * MICROS_PER_DAY + MICROS_PER_DAY - 1;
    let first_micro = i64::from(Date::MIN_COMMON.0) * MICROS_PER_DAY;
    let micros = [first_micro, -1_000_001, -1, 0, 1, 999_999, last_micro];
    match ty {
        ValueType::Bool => vec![Value::Bool(false), Value::Bool(true)],
        ValueType::I16 => [i16::MIN, -1, 0, 1, i16::MAX].map(Value::I16).into(),
        ValueType::I32 => [i32::MIN, -1, 0, 1, i32::MAX].map(Value::I32).into(),
        ValueType::I64 => [
            i64::MIN,
            i64::MIN + 1,
            -(1 << 53) - 1,
            -1,
            0,
            (1 << 31) + 1,
            (1 << 53) + 1,
            i64::MAX - 1,
            i64::MAX,
        ]
        .map(Value::I64)
        .into(),
        ValueType::F32 => [
            f32::MIN,
            -1.5,
            0.0,
            f32::from_bits(1),
            f32::MIN_POSITIVE,
            0.1,
            f32::MAX,
        ]
        .map(Value::F32)
        .into(),
        ValueType::F64 => [
            f64::MIN,
            -1.5,
            0.0,
            f64::from_bits(1),
            f64::MIN_POSITIVE,
            0.1,
            1.0 / 3.0,
            9_007_199_254_740_993.0,
            f64::MAX,
        ]
        .map(Value::F64)
        .into(),
        ValueType::Text | ValueType::Native => {
            let mut texts = vec![
                "",
                " ",
                "a",
                "trailing  ",
                "'\"\\%_\n\r\t`;--",
                "ß e\u{301} é",
                "😀🏳️‍🌈",
                // Before the previous text by code points, after it in UTF-16.
                "ﬃ",
                "NULL",
            ];
            if capabilities.nul_in_text {
                texts.push("before\0after");
            }
            texts
                .into_iter()
                .map(|v| Value::Text(v.to_owned()))
                .collect()
        }
        ValueType::Bytes => vec![
            Value::Bytes(Vec::new()),
            Value::Bytes(vec![0]),
            Value::Bytes((0..=255).collect()),
        ],
        ValueType::Decimal => [
            Decimal::new(0, 0),
            Decimal::new(0, 2),
            Decimal::new(1, 1),
            Decimal::new(100, 2),
            Decimal::new(-1, 10),
            Decimal::new(9_007_199_254_740_993, 0),
            Decimal::new(12_345_678_901_234_567_890_123_456_789, 10),
            Decimal::new(-9_999_999_999_999_999_999_999_999_999, 28),
        ]
        .map(Value::Decimal)
        .into(),
        ValueType::Uuid => vec![
            Value::Uuid([0; 16]),
            // Some databases compare the last bytes first.
            Value::Uuid([2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            Value::Uuid([255; 16]),
            Value::Uuid([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]),
        ],
        ValueType::Date => [
            Date::MIN_COMMON.0,
            -25_509,
            -1,
            0,
            19_782,
            Date::MAX_COMMON.0,
        ]
        .map(|day| Value::Date(Date(day)))
        .into(),
        ValueType::Time => [0, 1, 999, 1_000, MICROS_PER_DAY / 2, MICROS_PER_DAY - 1]
            .map(|v| Value::Time(Time(v)))
            .into(),
        ValueType::Timestamp => micros.map(|v| Value::Timestamp(Timestamp(v))).into(),
        ValueType::TimestampTz => micros.map(|v| Value::TimestampTz(TimestampTz(v))).into(),
        ValueType::Json => [
            "null",
            "true",
            "\"\"",
            "[]",
            "{}",
            "9007199254740993",
            "{\"a\":[1,{\"b\":null}],\"é\":\"😀\"}",
        ]
        .map(|v| Value::Json(v.to_owned()))
        .into(),
        _ => Vec::new(),
    }
}

/// Generates values of a type, including NULL, within the limits that the backend claims.
pub(crate) fn values(ty: ValueType, capabilities: &Capabilities) -> BoxedStrategy<Value> {
    let by_hand = proptest::sample::select(extremes(ty, capabilities));
    prop_oneof![
        1 => Just(Value::Null),
        2 => by_hand,
        7 => drawn(ty, capabilities),
    ]
    .boxed()
}

fn drawn(ty: ValueType, capabilities: &Capabilities) -> BoxedStrategy<Value> {
    let days = Date::MIN_COMMON.0..=Date::MAX_COMMON.0;
    let micros = i64::from(Date::MIN_COMMON.0) * MICROS_PER_DAY
        ..i64::from(Date::MAX_COMMON.0) * MICROS_PER_DAY;
    match ty {
        ValueType::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        ValueType::I16 => any::<i16>().prop_map(Value::I16).boxed(),
        ValueType::I32 => any::<i32>().prop_map(Value::I32).boxed(),
        ValueType::I64 => any::<i64>().prop_map(Value::I64).boxed(),
        ValueType::F32 => {
            use proptest::num::f32::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL};
            (POSITIVE | NEGATIVE | NORMAL | SUBNORMAL)
                .prop_map(Value::F32)
                .boxed()
        }
        ValueType::F64 => {
            use proptest::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL};
            (POSITIVE | NEGATIVE | NORMAL | SUBNORMAL)
                .prop_map(Value::F64)
                .boxed()
        }
        ValueType::Text | ValueType::Native => {
            let nul = capabilities.nul_in_text;
            proptest::collection::vec(any::<char>(), 0..40)
                .prop_map(move |chars| {
                    let kept = chars.into_iter().filter(|&c| nul || c != '\0');
                    Value::Text(kept.collect())
                })
                .boxed()
        }
        ValueType::Bytes => proptest::collection::vec(any::<u8>(), 0..80)
            .prop_map(Value::Bytes)
            .boxed(),
        ValueType::Decimal => (-10_i128.pow(28)..10_i128.pow(28), 0_u32..=28)
            .prop_map(|(mantissa, scale)| Value::Decimal(Decimal::new(mantissa, scale)))
            .boxed(),
        ValueType::Uuid => any::<[u8; 16]>().prop_map(Value::Uuid).boxed(),
        ValueType::Date => days.prop_map(|v| Value::Date(Date(v))).boxed(),
        ValueType::Time => (0..MICROS_PER_DAY)
            .prop_map(|v| Value::Time(Time(v)))
            .boxed(),
        ValueType::Timestamp => micros.prop_map(|v| Value::Timestamp(Timestamp(v))).boxed(),
        ValueType::TimestampTz => micros
            .prop_map(|v| Value::TimestampTz(TimestampTz(v)))
            .boxed(),
        ValueType::Json => documents()
            .prop_map(|document| Value::Json(document.to_string()))
            .boxed(),
        _ => Just(Value::Null).boxed(),
    }
}

/// Generates JSON documents without fractions; the precision of fractions is tested separately.
fn documents() -> impl Strategy<Value = serde_json::Value> {
    let text = || {
        proptest::collection::vec(any::<char>().prop_filter("no NUL", |&c| c != '\0'), 0..10)
            .prop_map(|chars| chars.into_iter().collect::<String>())
    };
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        text().prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            proptest::collection::btree_map(text(), inner, 0..4)
                .prop_map(|map| map.into_iter().collect::<serde_json::Value>()),
        ]
    })
}

/// Returns whether a stored value was read back unchanged. Floats are compared by their bits, decimals with their scale if the backend keeps
/// it, and JSON by content unless the backend keeps the text.
pub(crate) fn came_back(found: &Value, stored: &Value, capabilities: &Capabilities) -> bool {
    match (found, stored) {
        (Value::Json(a), Value::Json(b)) if !capabilities.json_text_kept => {
            let parsed = |text: &str| serde_json::from_str::<serde_json::Value>(text);
            matches!((parsed(a), parsed(b)), (Ok(a), Ok(b)) if a == b)
        }
        // Decimals are equal whatever their scales.
        (Value::Decimal(a), Value::Decimal(b)) => {
            a.compare(*b).is_eq() && (!capabilities.decimal_scale_kept || a.scale() == b.scale())
        }
        _ => found.as_ref().same(stored.as_ref()),
    }
}
