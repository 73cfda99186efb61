//! Values of each type, on every path: the same two checks for each type.

mod conversion;
mod everywhere;
mod forms;
mod kinds;
mod magnitudes;
mod narrow;
mod numbers;
mod paths;
mod sequences;
mod text;
mod time;
mod turns;
mod wide;

#[cfg(test)]
pub(crate) use conversion::pairs as conversions;
use selfsame::ErrorKind;
use selfsame::schema::ColumnType;
use selfsame::value::{Value, ValueType};

use crate::case::Cover::{self, Contract};
use crate::case::{Capability, Case, CaseResult};
use crate::context::Context;
use crate::database::{Database, Typed, int, null, value_table};
use crate::domain::{came_back, extremes, values};

pub(super) const LISTS: &[&[Case]] = &[
    conversion::CASES,
    everywhere::CASES,
    forms::CASES,
    kinds::CASES,
    magnitudes::CASES,
    narrow::CASES,
    sequences::CASES,
    CASES,
    numbers::CASES,
    text::CASES,
    time::CASES,
    paths::CASES,
    wide::CASES,
    turns::CASES,
];

const CASES: &[Case] = &[
    round_trip_case("types.bool.round_trip", &[Contract(5)], |c| {
        round_trip(c, ValueType::Bool)
    }),
    extremes_case("types.bool.extremes", &[Contract(5)], |c| {
        ends(c, ValueType::Bool)
    }),
    round_trip_case("types.i16.round_trip", &[Contract(1)], |c| {
        round_trip(c, ValueType::I16)
    }),
    extremes_case("types.i16.extremes", &[Contract(1)], |c| {
        ends(c, ValueType::I16)
    }),
    round_trip_case("types.i32.round_trip", &[Contract(1)], |c| {
        round_trip(c, ValueType::I32)
    }),
    extremes_case("types.i32.extremes", &[Contract(1)], |c| {
        ends(c, ValueType::I32)
    }),
    round_trip_case("types.i64.round_trip", &[Contract(1), Contract(2)], |c| {
        round_trip(c, ValueType::I64)
    }),
    extremes_case("types.i64.extremes", &[Contract(1), Contract(2)], |c| {
        ends(c, ValueType::I64)
    }),
    round_trip_case("types.f32.round_trip", &[Contract(3)], |c| {
        round_trip(c, ValueType::F32)
    }),
    extremes_case("types.f32.extremes", &[Contract(3)], |c| {
        ends(c, ValueType::F32)
    }),
    round_trip_case("types.f64.round_trip", &[Contract(3)], |c| {
        round_trip(c, ValueType::F64)
    }),
    extremes_case("types.f64.extremes", &[Contract(3)], |c| {
        ends(c, ValueType::F64)
    }),
    round_trip_case(
        "types.text.round_trip",
        &[Contract(7), Contract(8), Contract(10)],
        |c| round_trip(c, ValueType::Text),
    ),
    extremes_case(
        "types.text.extremes",
        &[Contract(6), Contract(7), Contract(8)],
        |c| ends(c, ValueType::Text),
    ),
    round_trip_case("types.bytes.round_trip", &[Contract(12)], |c| {
        round_trip(c, ValueType::Bytes)
    }),
    extremes_case("types.bytes.extremes", &[Contract(12)], |c| {
        ends(c, ValueType::Bytes)
    }),
    round_trip_case("types.decimal.round_trip", &[Contract(4)], |c| {
        round_trip(c, ValueType::Decimal)
    }),
    extremes_case("types.decimal.extremes", &[Contract(4)], |c| {
        ends(c, ValueType::Decimal)
    }),
    round_trip_case("types.uuid.round_trip", &[Contract(13)], |c| {
        round_trip(c, ValueType::Uuid)
    }),
    extremes_case("types.uuid.extremes", &[Contract(13)], |c| {
        ends(c, ValueType::Uuid)
    }),
    round_trip_case("types.date.round_trip", &[Contract(14)], |c| {
        round_trip(c, ValueType::Date)
    }),
    extremes_case("types.date.extremes", &[Contract(14)], |c| {
        ends(c, ValueType::Date)
    }),
    round_trip_case("types.time.round_trip", &[Contract(15)], |c| {
        round_trip(c, ValueType::Time)
    }),
    extremes_case("types.time.extremes", &[Contract(15)], |c| {
        ends(c, ValueType::Time)
    }),
    round_trip_case("types.timestamp.round_trip", &[Contract(15)], |c| {
        round_trip(c, ValueType::Timestamp)
    }),
    extremes_case(
        "types.timestamp.extremes",
        &[Contract(14), Contract(15)],
        |c| ends(c, ValueType::Timestamp),
    ),
    round_trip_case("types.timestamptz.round_trip", &[Contract(16)], |c| {
        round_trip(c, ValueType::TimestampTz)
    }),
    extremes_case(
        "types.timestamptz.extremes",
        &[Contract(14), Contract(16)],
        |c| ends(c, ValueType::TimestampTz),
    ),
    round_trip_case("types.json.round_trip", &[Contract(19)], |c| {
        round_trip(c, ValueType::Json)
    }),
    extremes_case("types.json.extremes", &[Contract(18), Contract(19)], |c| {
        ends(c, ValueType::Json)
    }),
];

const fn round_trip_case(
    id: &'static str,
    covers: &'static [Cover],
    run: fn(&mut Context) -> CaseResult,
) -> Case {
    Case::core(id, run)
        .promise(
            "A value of this type, NULL included, comes back as it was stored, by INSERT and by UPDATE, and = finds it, or the \
             identity of a row and the notice of changes cannot be trusted.",
        )
        .hint("Compare what is bound with what is decoded: no path may go through a narrower or a textual form.")
        .covers(covers)
}

const fn extremes_case(
    id: &'static str,
    covers: &'static [Cover],
    run: fn(&mut Context) -> CaseResult,
) -> Case {
    Case::core(id, run)
        .promise("The type's extremes and the values that databases tend to alter are read back unchanged.")
        .hint("A value that the column cannot hold must be refused, never altered; declare the limit in the capabilities.")
        .covers(covers)
}

/// Whether the type has `=`.
fn is_comparable(ty: ValueType) -> bool {
    ty != ValueType::Json
}

fn round_trip(context: &mut Context, ty: ValueType) -> CaseResult {
    let capabilities = context.capabilities();
    let mut database = Database::open(context)?;
    database.create(&value_table("t", ColumnType::of(ty)))?;
    let drawn = values(ty, &capabilities);
    let pairs = (drawn.clone(), drawn);
    context.property(&pairs, |context, (inserted, updated)| {
        database.execute("DELETE FROM [t]", &[])?;
        insert(&mut database, 1, ty, &inserted)?;
        read_back(context, &mut database, ty, &inserted, "INSERT")?;
        database.execute(
            "UPDATE [t] SET [v] = ? WHERE [id] = ?",
            &[Typed::new(ty, updated.clone()), int(1)],
        )?;
        read_back(context, &mut database, ty, &updated, "UPDATE")
    })
}

/// Stores each extreme in a separate row, all in one batch, and reads them back.
fn ends(context: &mut Context, ty: ValueType) -> CaseResult {
    let capabilities = context.capabilities();
    let mut database = Database::open(context)?;
    database.create(&value_table("t", ColumnType::of(ty)))?;
    let mut stored = extremes(ty, &capabilities);
    stored.push(Value::Null);
    let rows: Vec<Vec<Typed>> = stored
        .iter()
        .zip(1..)
        .map(|(value, id)| vec![int(id), Typed::new(ty, value.clone())])
        .collect();
    database.execute_each(
        "INSERT INTO [t] ([id], [v]) VALUES (?, ?)",
        &[ValueType::I64, ty],
        &rows,
    )?;
    let found = database.column("SELECT [v] FROM [t] ORDER BY [id]", &[], ty)?;
    check_eq!(
        found.len(),
        stored.len(),
        "every row of the batch must be there"
    );
    for (found, stored) in found.iter().zip(&stored) {
        check!(
            came_back(found, stored, &capabilities),
            "{stored:?} must be read back unchanged, was read back as {found:?}"
        );
    }
    Ok(())
}

fn insert(database: &mut Database, id: i64, ty: ValueType, value: &Value) -> CaseResult {
    database.execute(
        "INSERT INTO [t] ([id], [v]) VALUES (?, ?)",
        &[int(id), Typed::new(ty, value.clone())],
    )?;
    Ok(())
}

/// Checks that the only row has the value, and that `=` finds it.
fn read_back(
    context: &Context,
    database: &mut Database,
    ty: ValueType,
    stored: &Value,
    path: &str,
) -> CaseResult {
    let found = database.column("SELECT [v] FROM [t] WHERE [id] = ?", &[int(1)], ty)?;
    let [found] = &found[..] else {
        check!(
            false,
            "the row must exist once, but exists {} times",
            found.len()
        );
        return Ok(());
    };
    check!(
        came_back(found, stored, &context.capabilities()),
        "{} must be read back unchanged from {path}, was read back as {}",
        crate::check::shown(stored),
        crate::check::shown(found)
    );
    if stored.as_ref().is_null() || !is_comparable(ty) {
        return Ok(());
    }
    let keys = database.integers(
        "SELECT [id] FROM [t] WHERE [v] = ?",
        &[Typed::new(ty, stored.clone())],
    )?;
    check_eq!(
        keys,
        [1],
        "`= {}` must find the row",
        crate::check::shown(stored)
    );
    Ok(())
}

/// Stores a value and returns the value that is read back.
fn stored_and_read(context: &Context, ty: ValueType, value: Value) -> CaseResult<Value> {
    let mut database = Database::open(context)?;
    database.create(&value_table("t", ColumnType::of(ty)))?;
    insert(&mut database, 1, ty, &value)?;
    let mut found = database.column("SELECT [v] FROM [t]", &[], ty)?;
    check_eq!(found.len(), 1, "the row must exist once");
    Ok(found.swap_remove(0))
}

/// Checks that a value is read back unchanged.
fn keeps(context: &Context, ty: ValueType, value: Value) -> CaseResult {
    let found = stored_and_read(context, ty, value.clone())?;
    check!(
        came_back(&found, &value, &context.capabilities()),
        "{} must be read back unchanged, was read back as {}",
        crate::check::shown(&value),
        crate::check::shown(&found)
    );
    Ok(())
}

/// Checks that a value outside the declared domain is refused, and that no row was written.
fn refuses(
    context: &mut Context,
    capability: Capability,
    ty: ValueType,
    value: Value,
) -> CaseResult {
    let mut database = Database::open(context)?;
    database.create(&value_table("t", ColumnType::of(ty)))?;
    let result = database.execute(
        "INSERT INTO [t] ([id], [v]) VALUES (?, ?)",
        &[int(1), Typed::new(ty, value.clone())],
    );
    if result.is_ok() {
        let found = database.column("SELECT [v] FROM [t]", &[], ty)?;
        check!(
            found.len() == 1 && found[0].as_ref().same(value.as_ref()),
            "{capability} is not claimed, so {value:?} must be refused; it was changed to {found:?}"
        );
        context.note(format!(
            "{capability} is not claimed, but {value:?} was read back unchanged"
        ));
        return Ok(());
    }
    check!(
        matches!(&result, Err(error) if matches!(error.kind(), ErrorKind::OutOfRange | ErrorKind::Unsupported)),
        "{capability} is not claimed, so {value:?} must be refused as out of range, returned {result:?}"
    );
    if let Err(error) = &result
        && error.kind() == ErrorKind::OutOfRange
    {
        check_eq!(
            error.parameter_position(),
            Some(2),
            "the error must tell the position of the refused parameter, from 1"
        );
    }
    check_eq!(
        database.count("t")?,
        0,
        "a refused value must not leave a row"
    );
    refuses_everywhere(&mut database, &Typed::new(ty, value))
}

/// Checks that a value is refused whichever statement it is for, and that the error tells its position if it is out of range.
fn refuses_everywhere(database: &mut Database, value: &Typed) -> CaseResult {
    let insert = "INSERT INTO [t] ([id], [v]) VALUES (?, ?)";
    let none = null(value.ty);
    database.execute(insert, &[int(1), none.clone()])?;
    let update = "UPDATE [t] SET [v] = ? WHERE [id] = ?";
    let bad = [int(2), value.clone()];
    let batch = [vec![int(2), none.clone()], bad.to_vec()];
    let types = [ValueType::I64, value.ty];
    let refusals = [
        (
            "an UPDATE",
            1,
            database.execute(update, &[value.clone(), int(1)]).map(drop),
        ),
        (
            "a condition",
            2,
            database
                .rows(
                    "SELECT [id] FROM [t] WHERE [id] = ? AND [v] = ?",
                    &bad,
                    &[ValueType::I64],
                )
                .map(drop),
        ),
        (
            "the third of several values",
            3,
            database
                .execute(
                    "INSERT INTO [t] ([v], [id]) VALUES (?, 8), (?, 9), (?, 10)",
                    &[none.clone(), none, value.clone()],
                )
                .map(drop),
        ),
        (
            "a batch",
            2,
            database.execute_each(insert, &types, &batch).map(drop),
        ),
    ];
    for (what, position, refusal) in refusals {
        let told = match &refusal {
            Err(error) if error.kind() == ErrorKind::OutOfRange => error.parameter_position(),
            // A condition may be compared as it is.
            Ok(()) if what == "a condition" => Some(position),
            Err(error) if error.kind() == ErrorKind::Unsupported => Some(position),
            _ => None,
        };
        check_eq!(
            told,
            Some(position),
            "the position of the refused parameter in {what}, which returned {refusal:?}"
        );
    }
    Ok(())
}
