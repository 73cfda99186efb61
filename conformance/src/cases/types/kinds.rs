//! Values by kind and position, not only at the extremes of their types: each special character in each position, each length around a power of
//! two, each scale, the corner cases of the calendar, each notation of a document.

use selfsame::dialect::DatePart;
use selfsame::metadata;
use selfsame::prelude::*;
use selfsame::schema::ColumnType;
use selfsame::sql::{date_part, select};
use selfsame::value::{Date, Decimal, Time, Timestamp, TimestampTz, Value, ValueType};

use crate::case::Cover::Contract;
use crate::case::{Capability, Case, CaseResult};
use crate::check::shown;
use crate::context::Context;
use crate::database::{Database, Typed, int, value_table};
use crate::domain::came_back;

pub(super) const CASES: &[Case] = &[
    Case::core("types.text.specials", specials)
        .since(17)
        .promise("Every control character, space, combining mark and line ending is preserved at the start, in the middle, at the end and alone, and is found by `=`.")
        .hint("Text must not be trimmed, normalized or given other line endings.")
        .covers(&[Contract(7), Contract(8), Contract(10)]),
    Case::core("types.text.lengths", lengths)
        .since(17)
        .promise("Texts and byte strings of every length around a power of two are read back complete.")
        .hint("Check the driver's buffer sizes and limits.")
        .covers(&[Contract(9), Contract(12)]),
    Case::core("types.decimal.scales", scales)
        .since(17)
        .needs(&[Capability::ExactDecimals])
        .promise("Decimals of every scale up to 28 digits are read back with the same value, and sort numerically.")
        .hint("Never go through a float; distinguish zeros after the decimal point from zeros before it.")
        .covers(&[Contract(4)]),
    Case::core("types.date.calendar", calendar)
        .since(17)
        .promise("The first and last days of months and years, leap days and the days of calendar reforms are read back unchanged in every type that holds a date.")
        .hint("Days are counted in the proleptic Gregorian calendar, before 1970 too.")
        .covers(&[Contract(14), Contract(15), Contract(16)]),
    Case::core("queries.functions.calendar", date_parts)
        .since(17)
        .needs(&[Capability::DateParts])
        .promise("Year, month, day, weekday and day of the year are right on the first and last days of months and in leap years, before 1970 too.")
        .hint("See `Dialect::date_part`; weekdays count from 0 for Sunday.")
        .covers(&[Contract(14)]),
    Case::core("types.json.forms", forms)
        .since(17)
        .promise("A JSON document is read back as the same document however it is written: escapes, white space, empty names, deep and wide nesting.")
        .hint("Bind the document's text; if the backend claims to keep the text, keep every character.")
        .covers(&[Contract(19)]),
    Case::core("types.enum.case", labels)
        .since(17)
        .promise("Enum labels that differ only in case stay distinct, in storage and in conditions.")
        .hint("Text is compared case-sensitively.")
        .covers(&[Contract(20)]),
];

/// Stores all values in one batch, reads them back in order, and finds each by `=` if the type has it.
pub(super) fn keep(context: &Context, name: &str, ty: ValueType, stored: &[Value]) -> CaseResult {
    keep_unasked(context, name, ty, stored)?;
    if ty == ValueType::Json {
        return Ok(());
    }
    let mut database = Database::open(context)?;
    let select = format!("SELECT [id] FROM [{name}] WHERE [v] = ? ORDER BY [id]");
    for value in stored {
        let found = database.integers(&select, &[Typed::new(ty, value.clone())])?;
        let same = stored
            .iter()
            .zip(1..)
            .filter(|(other, _)| match (*other, value) {
                (Value::Decimal(a), Value::Decimal(b)) => a.compare(*b).is_eq(),
                (other, value) => other == value,
            });
        let wanted: Vec<i64> = same.map(|(_, id)| id).collect();
        check_eq!(found, wanted, "`= {}` must find its own row", shown(value));
    }
    Ok(())
}

/// Stores all values in one batch, and reads them back in order.
pub(super) fn keep_unasked(
    context: &Context,
    name: &str,
    ty: ValueType,
    stored: &[Value],
) -> CaseResult {
    let capabilities = context.capabilities();
    let mut database = Database::open(context)?;
    database.create(&value_table(name, ColumnType::of(ty)))?;
    let rows: Vec<Vec<Typed>> = stored
        .iter()
        .zip(1..)
        .map(|(value, id)| vec![int(id), Typed::new(ty, value.clone())])
        .collect();
    let insert = format!("INSERT INTO [{name}] ([id], [v]) VALUES (?, ?)");
    if capabilities.transactions {
        database.begin_write()?;
    }
    database.execute_each(&insert, &[ValueType::I64, ty], &rows)?;
    if capabilities.transactions {
        database.commit()?;
    }
    let found = database.column(&format!("SELECT [v] FROM [{name}] ORDER BY [id]"), &[], ty)?;
    check_eq!(
        found.len(),
        stored.len(),
        "every row of {name} must be there"
    );
    for (found, stored) in found.iter().zip(stored) {
        check!(
            came_back(found, stored, &capabilities),
            "{} must be read back unchanged, was read back as {}",
            shown(stored),
            shown(found)
        );
    }
    Ok(())
}

fn specials(context: &mut Context) -> CaseResult {
    let controls = ('\u{1}'..='\u{1f}').chain(['\u{7f}', '\u{85}', '\u{9f}']);
    let nul = context.capabilities().nul_in_text.then_some('\0');
    let spaces = [
        ' ', '\u{a0}', '\u{ad}', '\u{2003}', '\u{200b}', '\u{200d}', '\u{2028}', '\u{2029}',
        '\u{202e}', '\u{2060}', '\u{3000}', '\u{feff}',
    ];
    let marks = [
        '\u{301}',
        '\u{1100}',
        'İ',
        'ı',
        'ß',
        'ſ',
        '\u{fb03}',
        '\u{fffd}',
        '\u{ffff}',
        '\u{10000}',
        '\u{1f469}',
        '\u{10ffff}',
        '\'',
        '"',
        '\\',
        '`',
        '%',
        '_',
        '?',
        '$',
        ':',
        ';',
        '{',
        ',',
    ];
    let mut stored = vec![
        Value::Text("\r\n".to_owned()),
        Value::Text("a\r\nb".to_owned()),
    ];
    for c in controls.chain(nul).chain(spaces).chain(marks) {
        let places = [
            format!("{c}"),
            format!("{c}{c}"),
            format!("{c}ab"),
            format!("a{c}b"),
            format!("ab{c}"),
            format!("a{c}"),
        ];
        stored.extend(places.map(Value::Text));
    }
    keep(context, "specials", ValueType::Text, &stored)
}

fn lengths(context: &mut Context) -> CaseResult {
    let lengths: Vec<usize> = (0..=17_u32)
        .flat_map(|power| {
            let length = 1_usize << power;
            [length - 1, length, length + 1]
        })
        .chain([
            254, 255, 256, 999, 1_000, 3_999, 4_000, 4_001, 7_999, 8_000, 65_535,
        ])
        .collect();
    let narrow = lengths
        .iter()
        .map(|&length| "abcdefgh ".chars().cycle().take(length).collect());
    let wide = lengths
        .iter()
        .map(|&length| "é😀z".chars().cycle().take(length).collect());
    let texts: Vec<Value> = narrow.chain(wide).map(Value::Text).collect();
    keep(context, "texts", ValueType::Text, &texts)?;
    let bytes = lengths
        .iter()
        .map(|&length| (0..=255_u8).cycle().take(length).collect());
    keep(
        context,
        "bytes",
        ValueType::Bytes,
        &bytes.map(Value::Bytes).collect::<Vec<_>>(),
    )
}

fn scales(context: &mut Context) -> CaseResult {
    let mut decimals = Vec::new();
    for scale in 0..=28 {
        for mantissa in [
            0,
            1,
            -1,
            10,
            5,
            -105,
            10_i128.pow(scale),
            -(10_i128.pow(scale)) + 1,
            1_234_567_890_123_456_789_012_345_678,
            -9_999_999_999_999_999_999_999_999_999,
        ] {
            decimals.push(Decimal::new(mantissa, scale));
        }
    }
    let stored: Vec<Value> = decimals.iter().copied().map(Value::Decimal).collect();
    keep(context, "decimals", ValueType::Decimal, &stored)?;
    let mut database = Database::open(context)?;
    let found = database.column(
        "SELECT [v] FROM [decimals] ORDER BY [v]",
        &[],
        ValueType::Decimal,
    )?;
    decimals.sort_by(|a, b| a.compare(*b));
    let found = found.iter().map(|value| match value {
        Value::Decimal(decimal) => Some(*decimal),
        _ => None,
    });
    for (found, wanted) in found.zip(decimals) {
        check!(
            found.is_some_and(|found| found.compare(wanted).is_eq()),
            "decimals must sort as numbers: {wanted} must come where {found:?} came"
        );
    }
    Ok(())
}

fn is_leap(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_of(month: u8, year: i32) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Returns the first and last days of each month of years that calendars treat specially.
fn corners() -> Vec<Date> {
    let years = [
        1, 4, 99, 100, 400, 999, 1000, 1581, 1582, 1600, 1700, 1752, 1899, 1900, 1904, 1969, 1970,
        1972, 1999, 2000, 2001, 2023, 2024, 2038, 2100, 2400, 9999,
    ];
    let mut days = Vec::new();
    for year in years {
        for month in 1..=12 {
            for day in [1, days_of(month, year)] {
                days.extend(Date::from_civil(year, month, day));
            }
        }
        days.extend(Date::from_civil(year, 2, 28));
    }
    let reforms = [
        (1582, 10, 4),
        (1582, 10, 5),
        (1582, 10, 15),
        (1752, 9, 3),
        (2038, 1, 19),
    ];
    days.extend(
        reforms
            .iter()
            .filter_map(|&(y, m, d)| Date::from_civil(y, m, d)),
    );
    days
}

fn calendar(context: &mut Context) -> CaseResult {
    let days = corners();
    let dates: Vec<Value> = days.iter().copied().map(Value::Date).collect();
    keep(context, "days", ValueType::Date, &dates)?;
    let last = Time::from_hms_micro(23, 59, 59, 999_999).unwrap_or(Time(0));
    let moments = days
        .iter()
        .flat_map(|&day| [Timestamp::new(day, Time(0)), Timestamp::new(day, last)]);
    let local: Vec<Value> = moments.clone().map(Value::Timestamp).collect();
    keep(context, "moments", ValueType::Timestamp, &local)?;
    let instants: Vec<Value> = moments
        .map(|at| Value::TimestampTz(TimestampTz(at.0)))
        .collect();
    keep(context, "instants", ValueType::TimestampTz, &instants)?;
    let times = (0..24).flat_map(|hour| {
        [(0, 0, 0), (0, 0, 1), (59, 59, 999_999), (7, 8, 90_000)]
            .map(|(minute, second, micro)| Time::from_hms_micro(hour, minute, second, micro))
    });
    let times: Vec<Value> = times.flatten().map(Value::Time).collect();
    keep(context, "times", ValueType::Time, &times)
}

/// A day, in the three types that hold one.
#[derive(Entity, Clone, Debug)]
#[orm(table = "corners")]
struct Corner {
    #[orm(primary_key)]
    id: i64,
    day: Date,
    local: Timestamp,
    instant: TimestampTz,
}

fn date_parts(context: &mut Context) -> CaseResult {
    let engine = Engine::from_backend(context.backend());
    metadata![Corner].create_all(&engine)?;
    let mut session = Session::new(&engine);
    let late = Time::from_hms_micro(23, 58, 57, 999_999).unwrap_or(Time(0));
    let days = corners();
    let rows = days.iter().zip(1..).map(|(&day, id)| {
        let at = Timestamp::new(day, late);
        Corner::new(id, day, at, TimestampTz(at.0))
    });
    session.insert_all(rows.collect::<Vec<_>>())?;
    macro_rules! parts {
        ($column:expr) => {
            select((
                date_part(DatePart::Year, $column),
                date_part(DatePart::Month, $column),
                date_part(DatePart::Day, $column),
                date_part(DatePart::Weekday, $column),
                date_part(DatePart::YearDay, $column),
            ))
            .from(Corner::table())
            .order_by(Corner::ID.asc())
            .all(&mut session)?
        };
    }
    let wanted: Vec<_> = days
        .iter()
        .map(|day| {
            let (year, month, number) = day.civil();
            let before: i32 = (1..month)
                .map(|month| i32::from(days_of(month, year)))
                .sum();
            // 1970-01-01 was a Thursday.
            let weekday = (day.0 + 4).rem_euclid(7);
            let year_day = before + i32::from(number);
            let (month, number) = (i32::from(month), i32::from(number));
            (
                Some(year),
                Some(month),
                Some(number),
                Some(weekday),
                Some(year_day),
            )
        })
        .collect();
    for (found, what) in [
        (parts!(Corner::DAY), "days"),
        (parts!(Corner::LOCAL), "timestamps"),
        (parts!(Corner::INSTANT), "instants"),
    ] {
        for ((found, wanted), day) in found.iter().zip(&wanted).zip(&days) {
            check_eq!(found, wanted, "the parts of {what} on {day}");
        }
    }
    let times = select((
        date_part(DatePart::Hour, Corner::LOCAL),
        date_part(DatePart::Minute, Corner::LOCAL),
        date_part(DatePart::Second, Corner::INSTANT),
    ))
    .from(Corner::table())
    .distinct()
    .all(&mut session)?;
    check_eq!(
        times,
        [(Some(23), Some(58), Some(57))],
        "the parts of a time of day"
    );
    Ok(())
}

fn forms(context: &mut Context) -> CaseResult {
    let mut forms = vec![
        "\"\\u0041\\u00e9\\ud83d\\ude00\"",
        "\"\\/\\\"\\\\\\b\\f\\n\\r\\t\"",
        "\"\u{7f}\u{2028}\"",
        " { \"a\" : [ 1 , 2 ] } ",
        "{\n\t\"b\": true,\r\n\t\"a\": false\n}",
        "{\"\":{\"\":[]}}",
        "{\"b\":1,\"a\":2}",
        "[[],{},\"\",0,null,true,false]",
        "[0,-1,9223372036854775807,-9223372036854775808]",
        "0.5",
        "-0.25",
        "\"null\"",
        "\"{\\\"a\\\":1}\"",
        "\"'; --\"",
        "\"%_\\\\\"",
    ];
    if context.capabilities().json_text_kept {
        // Other texts of the same documents: only if the backend claims to keep the text.
        forms.extend([
            "{\"a\":1,\"a\":2}",
            "1e2",
            "1E+2",
            "100.0",
            "1.50",
            "-0",
            "-0.0",
            "123456789012345678901234567890",
            "0.1000000000000000055511151231257827",
            "[1 ]",
            "\"\\u0000\"",
        ]);
    }
    let stored: Vec<Value> = forms
        .into_iter()
        .map(|form| Value::Json(form.to_owned()))
        .collect();
    keep(context, "forms", ValueType::Json, &stored)
}

#[derive(DbEnum, Clone, Copy, Debug, PartialEq)]
enum Grade {
    #[orm(label = "a")]
    Low,
    #[orm(label = "A")]
    High,
    #[orm(label = "á")]
    Marked,
    #[orm(label = "a ")]
    Spaced,
}

const GRADES: [Grade; 4] = [Grade::Low, Grade::High, Grade::Marked, Grade::Spaced];

/// Something graded.
#[derive(Entity, Clone, Debug)]
#[orm(table = "graded")]
struct Graded {
    #[orm(primary_key)]
    id: i64,
    grade: Grade,
}

fn labels(context: &mut Context) -> CaseResult {
    let engine = Engine::from_backend(context.backend());
    metadata![Graded].create_all(&engine)?;
    let mut session = Session::new(&engine);
    let rows = GRADES
        .iter()
        .zip(1..)
        .map(|(&grade, id)| Graded::new(id, grade));
    session.insert_all(rows.collect::<Vec<_>>())?;
    for (grade, id) in GRADES.into_iter().zip(1..) {
        let found = Graded::query()
            .filter(Graded::GRADE.eq(grade))
            .rows(&mut session)?;
        let found: Vec<(i64, Grade)> = found.iter().map(|row| (row.id, row.grade)).collect();
        check_eq!(found, [(id, grade)], "each label must find its own row");
    }
    Ok(())
}
