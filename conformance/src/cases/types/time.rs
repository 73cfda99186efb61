//! Dates and times: order, precision, instants.

use selfsame::schema::ColumnType;
use selfsame::value::{Date, Time, Timestamp, TimestampTz, Value, ValueType};

use super::keeps;
use crate::case::Cover::Contract;
use crate::case::{Case, CaseResult};
use crate::context::Context;
use crate::database::{Database, Typed, int, value_table};

pub(super) const CASES: &[Case] = &[
    Case::core("types.time.microseconds", microseconds)
        .promise("Times and timestamps keep every microsecond: no rounding, not even of the last one before midnight.")
        .hint("Check the precision of the column's type and of the driver's.")
        .covers(&[Contract(15)]),
    Case::core("types.date.before_1970", |c| {
        keeps(c, ValueType::Date, Value::Date(Date(-1)))
    })
    .promise("The day before 1970-01-01 is 1969-12-31, not the day after or before.")
    .hint("Round down, not towards zero, when computing days from a signed count.")
    .covers(&[Contract(14)]),
    Case::core("types.date.order", order)
        .promise("Dates sort chronologically over the whole range, with years of one digit and of four.")
        .hint("A text column needs four-digit years.")
        .covers(&[Contract(14)]),
    Case::core("types.timestamptz.instant", instant)
        .promise("A timestamp with a time zone is compared and read back as the same instant, whatever the time zone of the server or connection.")
        .hint("Send and read instants in UTC.")
        .covers(&[Contract(16)]),
];

fn microseconds(context: &mut Context) -> CaseResult {
    const LAST: i64 = 86_399_999_999;
    keeps(context, ValueType::Time, Value::Time(Time(LAST)))?;
    let mut database = Database::open(context)?;
    database.create(&value_table("moments", ColumnType::Timestamp))?;
    let stored = [123_456, -1, 1_700_000_000_000_001].map(|v| Value::Timestamp(Timestamp(v)));
    for (value, id) in stored.iter().zip(1..) {
        database.execute(
            "INSERT INTO [moments] ([id], [v]) VALUES (?, ?)",
            &[int(id), Typed::new(ValueType::Timestamp, value.clone())],
        )?;
    }
    let found = database.column(
        "SELECT [v] FROM [moments] ORDER BY [id]",
        &[],
        ValueType::Timestamp,
    )?;
    check_eq!(found, stored, "every microsecond must be kept");
    Ok(())
}

fn order(context: &mut Context) -> CaseResult {
    let mut database = Database::open(context)?;
    database.create(&value_table("t", ColumnType::Date))?;
    let days = [Date::MAX_COMMON.0, 0, Date::MIN_COMMON.0, -1, 19_782];
    for (day, id) in days.into_iter().zip(1..) {
        database.execute(
            "INSERT INTO [t] ([id], [v]) VALUES (?, ?)",
            &[int(id), Typed::new(ValueType::Date, Value::Date(Date(day)))],
        )?;
    }
    let found = database.integers("SELECT [id] FROM [t] ORDER BY [v]", &[])?;
    check_eq!(found, [3, 4, 2, 5, 1], "days must sort by time");
    Ok(())
}

fn instant(context: &mut Context) -> CaseResult {
    let mut database = Database::open(context)?;
    database.create(&value_table("t", ColumnType::TimestampTz))?;
    let moments = [1_700_000_000_000_000, 1_700_000_000_000_001, -5];
    for (moment, id) in moments.into_iter().zip(1..) {
        let value = Value::TimestampTz(TimestampTz(moment));
        database.execute(
            "INSERT INTO [t] ([id], [v]) VALUES (?, ?)",
            &[int(id), Typed::new(ValueType::TimestampTz, value)],
        )?;
    }
    let bound = Value::TimestampTz(TimestampTz(1_700_000_000_000_000));
    let found = database.integers(
        "SELECT [id] FROM [t] WHERE [v] > ?",
        &[Typed::new(ValueType::TimestampTz, bound)],
    )?;
    check_eq!(found, [2], "instants must compare to the microsecond");
    let found = database.column(
        "SELECT [v] FROM [t] ORDER BY [v]",
        &[],
        ValueType::TimestampTz,
    )?;
    check_eq!(
        found,
        [-5, 1_700_000_000_000_000, 1_700_000_000_000_001]
            .map(|v| Value::TimestampTz(TimestampTz(v))),
        "instants must be read back unchanged, in order"
    );
    Ok(())
}
