//! Everything that can be stored as one type, read as every other type: the result is the same value or an error, never an altered value.

use selfsame::ErrorKind;
use selfsame::backend::Statement;
use selfsame::schema::ColumnType;
use selfsame::value::{Decimal, Value, ValueRef, ValueType};

use crate::case::Cover::Contract;
use crate::case::{Case, CaseResult};
use crate::check::shown;
use crate::context::Context;
use crate::database::{Database, Typed, int, value_table};
use crate::domain::{TYPES, came_back, extremes};

pub(super) const CASES: &[Case] = &[
    Case::core("types.conversion.matrix", matrix)
    .since(17)
    .promise("Reading a value as another type gives the same value or a conversion error, for every pair of types.")
    .hint("Decode by the requested type: check ranges, fractions and syntax, and return `Conversion` for everything else.")
    .covers(&[Contract(1), Contract(2), Contract(4), Contract(22)]),
    Case::core("types.conversion.alone", alone)
        .since(25)
        .promise("`Row::text` and `Row::i64` give what `Row::value` gives, or its error, for values of every type; a column that a result does not have is an error.")
        .hint("A faster way must check as much as the usual one.")
        .covers(&[Contract(1), Contract(6), Contract(22)]),
];

/// Returns the values to store: the extremes of the type, and values that look like another type.
fn stored(ty: ValueType, context: &Context) -> Vec<Value> {
    let mut values = extremes(ty, &context.capabilities());
    let texts: &[&str] = match ty {
        ValueType::Text => &[
            "5",
            "-7",
            "+7",
            "007",
            "1.50",
            "1e3",
            "9223372036854775808",
            "true",
            "t",
            "NaN",
            "0x10",
            "1_000",
            "5 apples",
            "2024-02-29",
            "2023-02-29",
            "12:34:56.5",
            "25:00:00",
            "2024-02-29 12:34:56",
            "01020304-0506-0708-090a-0b0c0d0e0f10",
            "{}",
            "[1",
        ],
        ValueType::Json => &["5", "-1.5", "\"5\"", "\"true\"", "\"2024-02-29\""],
        _ => &[],
    };
    values.extend(texts.iter().map(|text| match ty {
        ValueType::Json => Value::Json((*text).to_owned()),
        _ => Value::Text((*text).to_owned()),
    }));
    match ty {
        ValueType::Bytes => values.extend([
            Value::Bytes(b"5".to_vec()),
            Value::Bytes(b"true".to_vec()),
            Value::Bytes((1..=16).collect()),
            Value::Bytes(vec![0xff; 8]),
        ]),
        ValueType::F32 => values.extend([1.0, 3.0, 0.5, 1e10].map(Value::F32)),
        ValueType::F64 => {
            values.extend([1.0, 300.0, 70_000.0, 3e9, 1e19, 0.5, 1e300].map(Value::F64));
        }
        ValueType::Decimal => {
            let decimals = [(300, 0), (70_000, 0), (150, 2), (10, 1), (1, 0)];
            values.extend(decimals.map(|(m, scale)| Value::Decimal(Decimal::new(m, scale))));
        }
        ValueType::I16 | ValueType::I32 => {}
        ValueType::I64 => values.extend([2, 300, 70_000, 1 << 40].map(Value::I64)),
        _ => {}
    }
    values
}

/// Returns every pair of stored and read types. The inventory test compares it with the existing types.
pub(crate) fn pairs() -> impl Iterator<Item = (ValueType, ValueType)> {
    TYPES
        .into_iter()
        .flat_map(|stored| TYPES.into_iter().map(move |wanted| (stored, wanted)))
}

fn matrix(context: &mut Context) -> CaseResult {
    let mut database = Database::open(context)?;
    for ty in TYPES {
        let name = format!("as_{ty:?}").to_lowercase();
        database.create(&value_table(&name, ColumnType::of(ty)))?;
        let stored = stored(ty, context);
        for (value, id) in stored.iter().zip(1..) {
            let insert = format!("INSERT INTO [{name}] ([id], [v]) VALUES (?, ?)");
            database.execute(&insert, &[int(id), Typed::new(ty, value.clone())])?;
        }
        for (_, wanted) in pairs().filter(|(from, _)| *from == ty) {
            for (value, id) in stored.iter().zip(1..) {
                let select = format!("SELECT [v] FROM [{name}] WHERE [id] = ?");
                let found = match database.column(&select, &[int(id)], wanted) {
                    Ok(found) => found,
                    Err(error) => {
                        check_eq!(
                            error.kind(),
                            ErrorKind::Conversion,
                            "{} as {wanted:?} must be that or a conversion error",
                            shown(value)
                        );
                        check_eq!(
                            error.column_name(),
                            Some("v"),
                            "the column that the error of {} as {wanted:?} names",
                            shown(value)
                        );
                        continue;
                    }
                };
                check!(
                    found == [Value::Null] || !is_bent(ty, wanted),
                    "{} must not be read as {wanted:?}, but was read as {}",
                    shown(value),
                    shown(&found)
                );
                check_eq!(found.len(), 1, "the row must come");
                let is_same = match wanted == ty {
                    true => came_back(&found[0], value, &context.capabilities()),
                    false => is_same(value, &found[0], context),
                };
                check!(
                    is_same,
                    "{} read as {wanted:?} gave {}",
                    shown(value),
                    shown(&found[0])
                );
            }
        }
    }
    let again = database.integers("SELECT [id] FROM [as_i64] WHERE [id] = ?", &[int(1)])?;
    check_eq!(
        again,
        [1],
        "the connection must stay usable after its errors"
    );
    Ok(())
}

fn alone(context: &mut Context) -> CaseResult {
    let mut database = Database::open(context)?;
    for ty in TYPES {
        let name = format!("alone_{ty:?}").to_lowercase();
        database.create(&value_table(&name, ColumnType::of(ty)))?;
        let insert = format!("INSERT INTO [{name}] ([id], [v]) VALUES (?, ?)");
        let values = stored(ty, context).into_iter().chain([Value::Null]);
        for (value, id) in values.zip(1..) {
            database.execute(&insert, &[int(id), Typed::new(ty, value)])?;
        }
        let query = format!("SELECT [v] FROM [{name}] ORDER BY [id]");
        // Read it as its own type first, since some backends prepare for the types that are read.
        for columns in [[ty], [ValueType::Text], [ValueType::I64]] {
            let sql = database.sql(&query, &[], &columns);
            let mut wrong = None;
            let read = database
                .connection
                .query(&Statement::new(&sql, &[]), &mut |row| {
                    let text = row.text(0).map(|text| match text {
                        Some(text) => Value::Text(text.to_owned()),
                        None => Value::Null,
                    });
                    let integer = row
                        .i64(0)
                        .map(|integer| integer.map_or(Value::Null, Value::I64));
                    for (how, found, wanted) in [
                        ("text", text, row.value(0, ValueType::Text)),
                        ("integer", integer, row.value(0, ValueType::I64)),
                    ] {
                        let found = found.ok();
                        let wanted = wanted.ok().map(ValueRef::to_owned);
                        if found != wanted {
                            wrong = Some(format!("the {how} alone is {found:?}, not {wanted:?}"));
                        }
                    }
                    let missing = [
                        row.value(1, ty).is_ok(),
                        row.text(1).is_ok(),
                        row.i64(1).is_ok(),
                    ];
                    if missing.contains(&true) {
                        wrong = Some("a column that is not there was read".to_owned());
                    }
                    Ok(())
                });
            // Some databases refuse to return a column as another type.
            check!(
                read.is_ok() || columns != [ty],
                "every row of {ty:?} must be readable, returned {read:?}"
            );
            check!(
                wrong.is_none(),
                "a value of {ty:?}: {}",
                wrong.unwrap_or_default()
            );
        }
    }
    Ok(())
}

/// Returns whether a value of one type is never a value of the other, however it is stored: a text is not a number, and a number is not a text.
/// An engine may store a type that it does not have (a decimal, a day) as a text or a number; such values cannot be told apart.
fn is_bent(stored: ValueType, wanted: ValueType) -> bool {
    let is_text = |ty| matches!(ty, ValueType::Text | ValueType::Json);
    let is_number = |ty| {
        use ValueType::{Bool, F32, F64, I16, I32, I64};
        matches!(ty, Bool | I16 | I32 | I64 | F32 | F64)
    };
    (is_text(stored) && is_number(wanted)) || (is_number(stored) && wanted == ValueType::Text)
}

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// Returns whether two values of different types are the same value.
fn is_same(stored: &Value, found: &Value, context: &Context) -> bool {
    use Value::{Bytes, Date, Json, Text, Time, Timestamp, TimestampTz, Uuid};
    match (stored, found) {
        (Text(text) | Json(text), Text(other) | Json(other)) => {
            let (a, b) = (Json(text.clone()), Json(other.clone()));
            text == other || came_back(&a, &b, &context.capabilities().with_json_text_kept(false))
        }
        (Date(day), Timestamp(at)) | (Timestamp(at), Date(day))
            if at.0 == i64::from(day.0) * MICROS_PER_DAY =>
        {
            true
        }
        (Date(day), TimestampTz(at)) | (TimestampTz(at), Date(day))
            if at.0 == i64::from(day.0) * MICROS_PER_DAY =>
        {
            true
        }
        (Timestamp(a), TimestampTz(b)) | (TimestampTz(b), Timestamp(a)) => a.0 == b.0,
        (_, Time(time)) if !(0..MICROS_PER_DAY).contains(&time.0) => false,
        (Bytes(bytes), Uuid(uuid)) | (Uuid(uuid), Bytes(bytes)) => bytes == uuid,
        (Text(text) | Json(text), Bytes(bytes)) | (Bytes(bytes), Text(text) | Json(text)) => {
            text.as_bytes() == bytes || text.trim_start_matches("\\x") == hex(bytes)
        }
        (Text(text) | Json(text), other) | (other, Text(text) | Json(text)) => means(text, other),
        (a, b) => match (Number::of(a), Number::of(b)) {
            (Some(a), Some(b)) => a.is(b),
            _ => false,
        },
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns whether a text represents a value.
fn means(text: &str, value: &Value) -> bool {
    let text = text.trim().trim_matches('"');
    match value {
        Value::Bool(true) => ["true", "t", "1"].contains(&text),
        Value::Bool(false) => ["false", "f", "0"].contains(&text),
        Value::F32(float) => text
            .parse::<f32>()
            .is_ok_and(|read| is_float(read.into(), (*float).into())),
        Value::F64(float) => text.parse::<f64>().is_ok_and(|read| is_float(read, *float)),
        Value::Decimal(decimal) => text
            .parse()
            .is_ok_and(|read: Decimal| read.compare(*decimal).is_eq()),
        Value::Uuid(uuid) => text.replace('-', "").to_lowercase() == hex(uuid),
        Value::Date(date) => text == written_date(*date),
        Value::Time(time) => without_zeros(text) == written_time(*time),
        Value::Timestamp(at) => is_written_timestamp(text, *at),
        Value::TimestampTz(at) => is_written_timestamp(
            text.trim_end_matches('Z')
                .trim_end_matches(":00")
                .trim_end_matches("+00"),
            selfsame::value::Timestamp(at.0),
        ),
        other => match Number::of(other) {
            Some(Number::Integer(integer)) => text.parse() == Ok(integer),
            _ => false,
        },
    }
}

fn is_float(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan())
}

fn written_date(date: selfsame::value::Date) -> String {
    let (year, month, day) = date.civil();
    format!("{year:04}-{month:02}-{day:02}")
}

fn written_time(time: selfsame::value::Time) -> String {
    let (hour, minute, second, micro) = time.hms_micro();
    without_zeros(&format!("{hour:02}:{minute:02}:{second:02}.{micro:06}")).to_owned()
}

fn is_written_timestamp(text: &str, at: selfsame::value::Timestamp) -> bool {
    let (date, time) = at.split();
    let text = text.replacen('T', " ", 1);
    without_zeros(&text) == format!("{} {}", written_date(date), written_time(time))
        || (time.0 == 0 && text == written_date(date))
}

/// Returns a time without the zeros at the end of its fraction.
fn without_zeros(text: &str) -> &str {
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => text,
    }
}

/// A number of any type, for comparison by value.
#[derive(Clone, Copy)]
enum Number {
    Integer(i128),
    Decimal(Decimal),
    Float(f64),
}

impl Number {
    /// Converts a value to a number. Days and times are counts: an engine may store them as numbers, and then cannot tell the two apart.
    fn of(value: &Value) -> Option<Self> {
        Some(match value {
            Value::Bool(truth) => Self::Integer((*truth).into()),
            Value::I16(integer) => Self::Integer((*integer).into()),
            Value::I32(integer) => Self::Integer((*integer).into()),
            Value::I64(integer) => Self::Integer((*integer).into()),
            Value::Date(date) => Self::Integer(date.0.into()),
            Value::Time(time) => Self::Integer(time.0.into()),
            Value::Timestamp(at) => Self::Integer(at.0.into()),
            Value::TimestampTz(at) => Self::Integer(at.0.into()),
            Value::Decimal(decimal) => Self::Decimal(*decimal),
            Value::F32(float) => Self::Float((*float).into()),
            Value::F64(float) => Self::Float(*float),
            _ => return None,
        })
    }

    fn is(self, other: Self) -> bool {
        match (self, other) {
            (Self::Integer(a), Self::Integer(b)) => a == b,
            (Self::Integer(a), Self::Decimal(b)) | (Self::Decimal(b), Self::Integer(a)) => {
                b.compare(Decimal::new(a, 0)).is_eq()
            }
            (Self::Decimal(a), Self::Decimal(b)) => a.compare(b).is_eq(),
            (Self::Float(a), Self::Float(b)) => is_float(a, b),
            (Self::Float(float), Self::Integer(integer))
            | (Self::Integer(integer), Self::Float(float)) => {
                format!("{float:.0}") == integer.to_string() && float.fract() == 0.0
            }
            // A float cannot be a tenth: compare with the nearest float.
            (Self::Float(float), Self::Decimal(decimal))
            | (Self::Decimal(decimal), Self::Float(float)) => decimal
                .to_string()
                .parse()
                .is_ok_and(|nearest: f64| is_float(nearest, float)),
        }
    }
}
