//! Numbers: NaN, infinities, the sign of zero, scale, narrowing.

use selfsame::ErrorKind;
use selfsame::schema::ColumnType;
use selfsame::value::{Decimal, Value, ValueType};

use super::{keeps, refuses};
use crate::case::Cover::Contract;
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::database::{Database, Typed, int, value_table};

pub(super) const CASES: &[Case] = &[
    Case::extra("types.f64.nan", |c| keeps(c, ValueType::F64, Value::F64(f64::NAN)))
        .needs(&[Capability::Nan])
        .refusal(|c| refuses(c, Capability::Nan, ValueType::F64, Value::F64(f64::NAN)))
        .promise("NaN is read back as NaN where claimed and refused where not: a NaN that turns into NULL is a lost value.")
        .hint("SQLite silently stores NaN as NULL: check before binding.")
        .covers(&[Contract(3), Contract(22)]),
    Case::extra("types.f64.infinities", infinities)
        .needs(&[Capability::Infinities])
        .refusal(|c| {
            refuses(
                c,
                Capability::Infinities,
                ValueType::F64,
                Value::F64(f64::INFINITY),
            )
        })
        .promise("Both infinities are read back where claimed and refused where not.")
        .hint("Do not send floats as text.")
        .covers(&[Contract(3), Contract(22)]),
    Case::extra("types.f32.infinities", |c| {
        keeps(c, ValueType::F32, Value::F32(f32::INFINITY))
    })
    .since(20)
    .needs(&[Capability::Infinities])
    .promise("An infinite single is read back where infinities are claimed.")
    .hint("Check single-precision floats as well as doubles.")
    .covers(&[Contract(3)]),
    Case::extra("types.f64.negative_zero", |c| keeps(c, ValueType::F64, Value::F64(-0.0)))
        .needs(&[Capability::NegativeZero])
        .promise("The sign of zero is preserved where claimed, because changes are detected by bits.")
        .hint("An engine that stores whole floats as integers loses the sign: do not claim it there.")
        .covers(&[Contract(3)]),
    Case::core("types.decimal.scale", scale)
        .needs(&[Capability::DecimalScale])
        .promise("1.0 and 1.00 are read back with the scale that they were stored with.")
        .hint("Keep decimals as the database's exact type without a scale, or as text.")
        .covers(&[Contract(4)]),
    Case::core("types.decimal.order", decimal_order)
        .needs(&[Capability::ExactDecimals])
        .promise("Decimals sort and compare numerically, not as text; otherwise a range query returns wrong rows.")
        .hint("A text column needs a numeric collation.")
        .covers(&[Contract(4)]),
    Case::core("types.conversion.narrow", narrow)
        .promise("Reading an integer as a type that it does not fit is a conversion error; it is never truncated.")
        .hint("Use checked conversions when a column is decoded.")
        .covers(&[Contract(22)]),
    Case::core("types.conversion.mismatch", mismatch)
        .promise("Reading a text as a number is a conversion error, never zero and never a panic.")
        .hint("Check the value's type before decoding it.")
        .covers(&[Contract(22)]),
];

fn infinities(context: &mut Context) -> CaseResult {
    let capabilities = context.capabilities();
    let mut database = Database::open(context)?;
    database.create(&value_table("t", ColumnType::F64))?;
    for (id, value) in [(1, f64::INFINITY), (2, f64::NEG_INFINITY)] {
        database.execute(
            "INSERT INTO [t] ([id], [v]) VALUES (?, ?)",
            &[int(id), Typed::new(ValueType::F64, Value::F64(value))],
        )?;
    }
    let found = database.column("SELECT [v] FROM [t] ORDER BY [id]", &[], ValueType::F64)?;
    check!(capabilities.infinities, "the case needs infinities");
    check_eq!(
        found,
        [Value::F64(f64::INFINITY), Value::F64(f64::NEG_INFINITY)],
        "both infinities must be read back"
    );
    Ok(())
}

fn decimals(database: &mut Database, values: &[Decimal]) -> CaseResult {
    database.create(&value_table("t", ColumnType::Decimal { precision: None }))?;
    for (value, id) in values.iter().zip(1..) {
        database.execute(
            "INSERT INTO [t] ([id], [v]) VALUES (?, ?)",
            &[
                int(id),
                Typed::new(ValueType::Decimal, Value::Decimal(*value)),
            ],
        )?;
    }
    Ok(())
}

fn scale(context: &mut Context) -> CaseResult {
    let mut database = Database::open(context)?;
    let stored = [
        Decimal::new(10, 1),
        Decimal::new(100, 2),
        Decimal::new(1, 0),
    ];
    decimals(&mut database, &stored)?;
    let found = database.column("SELECT [v] FROM [t] ORDER BY [id]", &[], ValueType::Decimal)?;
    // As text: decimals are equal whatever their scales.
    let texts: Vec<String> = found.iter().map(|value| format!("{value:?}")).collect();
    let wanted = stored.map(|decimal| format!("{:?}", Value::Decimal(decimal)));
    check_eq!(texts, wanted, "the scale must be kept");
    Ok(())
}

fn decimal_order(context: &mut Context) -> CaseResult {
    let mut database = Database::open(context)?;
    let stored = [
        Decimal::new(10, 0),
        Decimal::new(95, 1),
        Decimal::new(-3, 0),
        Decimal::new(-21, 0),
        Decimal::new(9_007_199_254_740_993, 0),
        Decimal::new(9_007_199_254_740_992, 0),
    ];
    decimals(&mut database, &stored)?;
    let found = database.integers("SELECT [id] FROM [t] ORDER BY [v]", &[])?;
    check_eq!(found, [4, 3, 2, 1, 6, 5], "decimals must sort by number");
    let found = database.integers(
        "SELECT [id] FROM [t] WHERE [v] > ? ORDER BY [id]",
        &[Typed::new(
            ValueType::Decimal,
            Value::Decimal(Decimal::new(99, 1)),
        )],
    )?;
    check_eq!(found, [1, 5, 6], "`> 9.9` must compare by number");
    Ok(())
}

fn narrow(context: &mut Context) -> CaseResult {
    let mut database = Database::open(context)?;
    database.create(&value_table("t", ColumnType::I64))?;
    database.execute(
        "INSERT INTO [t] ([id], [v]) VALUES (?, ?)",
        &[int(1), int(1 << 40)],
    )?;
    let found = database.column("SELECT [v] FROM [t]", &[], ValueType::I32);
    check!(
        matches!(&found, Err(error) if error.kind() == ErrorKind::Conversion),
        "2^40 read as a 32-bit integer must be a conversion error, was {found:?}"
    );
    let found = database.column("SELECT [v] FROM [t]", &[], ValueType::I64)?;
    check_eq!(
        found,
        [Value::I64(1 << 40)],
        "the connection must stay usable after a conversion error"
    );
    Ok(())
}

fn mismatch(context: &mut Context) -> CaseResult {
    let mut database = Database::open(context)?;
    database.create(&value_table("t", ColumnType::Text { length: None }))?;
    database.execute(
        "INSERT INTO [t] ([id], [v]) VALUES (?, ?)",
        &[int(1), crate::database::text("abc")],
    )?;
    for ty in [
        ValueType::I64,
        ValueType::F64,
        ValueType::Uuid,
        ValueType::Timestamp,
    ] {
        let found = database.column("SELECT [v] FROM [t]", &[], ty);
        check!(
            matches!(&found, Err(error) if error.kind() == ErrorKind::Conversion),
            "a text read as {ty:?} must be a conversion error, was {found:?}"
        );
    }
    Ok(())
}
