//! Columns that would store a parameter as another value: integers and singles round, and so do fewer digits than the value has.
//!
//! The server converts what is assigned to a column without a word. So the types of written columns are asked for, once for each prepared
//! statement, where the mapping has a type whose values could be changed.

use std::fmt::Write as _;

use postgres_types::Type;
use selfsame::backend::{Target, TargetColumn};
use selfsame::error::{Error, ErrorKind};
use selfsame::schema::ColumnType;
use selfsame::value::{Decimal, Param, ValueRef, ValueType};

use crate::settings::identifier;

/// A parameter whose column changes some values.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    /// From 0.
    position: usize,
    column: String,
    declared: String,
    rule: Rule,
}

/// Which values are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// Floats that a single has too.
    Single,
    /// Decimals with so many digits after the decimal point, which may be negative.
    Scale(i32),
    /// Times with so many digits after the second.
    Digits(u32),
}

/// Returns a query for the columns of a target that may change values; `None` if there are none.
pub(crate) fn question(target: &Target) -> Option<String> {
    let mut columns = target
        .columns()
        .iter()
        .filter(|column| is_changeable(column));
    let first = columns.next()?;
    let mut out = format!("SELECT {}", identifier(&first.name));
    for column in columns {
        let written = write!(out, ", {}", identifier(&column.name));
        written.expect("writing to a String does not fail");
    }
    out.push_str(" FROM ");
    if let Some(schema) = target.schema() {
        out.push_str(&identifier(schema));
        out.push('.');
    }
    out.push_str(&identifier(target.table()));
    Some(out)
}

/// A column whose mapping says by which name the database knows it is read again after it is written.
fn is_changeable(column: &TargetColumn) -> bool {
    let is_declared = matches!(column.ty, ColumnType::Declared { .. });
    !is_declared
        && matches!(
            column.ty.value_type(),
            ValueType::F64
                | ValueType::Decimal
                | ValueType::Time
                | ValueType::Timestamp
                | ValueType::TimestampTz
        )
}

/// Returns the guards of a target, by the types that its columns have: those of the [`question`].
pub(crate) fn guards(target: &Target, found: &[tokio_postgres::Column]) -> Vec<Guard> {
    let columns = target.columns().iter().enumerate();
    let asked = columns.filter(|(_, column)| is_changeable(column));
    let mut guards = Vec::new();
    for ((at, column), found) in asked.zip(found) {
        let Some(rule) = rule(column.ty.value_type(), found.type_(), found.type_modifier()) else {
            continue;
        };
        let own = target.parameters().filter(|&(_, number)| number == at);
        guards.extend(own.map(|(position, _)| Guard {
            position,
            column: column.name.clone(),
            declared: declared(found.type_(), rule),
            rule,
        }));
    }
    guards
}

fn rule(mapped: ValueType, ty: &Type, modifier: i32) -> Option<Rule> {
    /// What the modifier of a type is counted from.
    const HEADER: i32 = 4;
    match (mapped, ty) {
        (ValueType::F64, &Type::FLOAT4) => Some(Rule::Single),
        (
            ValueType::F64 | ValueType::Decimal,
            &Type::INT2 | &Type::INT4 | &Type::INT8 | &Type::OID,
        ) => Some(Rule::Scale(0)),
        (ValueType::Decimal, &Type::NUMERIC) if modifier >= HEADER => {
            // Eleven bits with a sign.
            let scale = (modifier - HEADER) & 0x7ff;
            Some(Rule::Scale((scale ^ 0x400) - 0x400))
        }
        (ValueType::Time, &Type::TIME)
        | (ValueType::Timestamp, &Type::TIMESTAMP)
        | (ValueType::TimestampTz, &Type::TIMESTAMPTZ) => {
            let digits = u32::try_from(modifier).ok()?;
            (digits < 6).then_some(Rule::Digits(digits))
        }
        _ => None,
    }
}

fn declared(ty: &Type, rule: Rule) -> String {
    match rule {
        Rule::Digits(digits) => format!("{}({digits})", ty.name()),
        Rule::Scale(scale) if *ty == Type::NUMERIC => format!("numeric with a scale of {scale}"),
        _ => ty.name().to_owned(),
    }
}

/// Refuses parameters that their columns would change.
///
/// # Errors
///
/// [`OutOfRange`](ErrorKind::OutOfRange), with the column.
pub(crate) fn check(guards: &[Guard], params: &[Param<'_>]) -> Result<(), Error> {
    for guard in guards {
        let is_kept = match params.get(guard.position) {
            Some(Param::Column(values)) => values.iter().all(|value| keeps(guard.rule, *value)),
            Some(param) => param.value().is_none_or(|value| keeps(guard.rule, value)),
            None => true,
        };
        if !is_kept {
            return Err(changed(guard));
        }
    }
    Ok(())
}

fn keeps(rule: Rule, value: ValueRef<'_>) -> bool {
    match (rule, value) {
        (Rule::Single, ValueRef::F64(value)) => is_single(value),
        (Rule::Scale(scale), ValueRef::Decimal(value)) => has_scale(value, scale),
        (Rule::Scale(0), ValueRef::F64(value)) => value.fract() == 0.0,
        (Rule::Digits(digits), ValueRef::Time(time)) => has_digits(time.0, digits),
        (Rule::Digits(digits), ValueRef::Timestamp(stamp)) => has_digits(stamp.0, digits),
        (Rule::Digits(digits), ValueRef::TimestampTz(instant)) => has_digits(instant.0, digits),
        _ => true,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a double that a single cannot hold is detected by converting back"
)]
fn is_single(value: f64) -> bool {
    value.is_nan() || f64::from(value as f32).to_bits() == value.to_bits()
}

/// Whether a decimal is a multiple of the unit of a scale.
fn has_scale(value: Decimal, scale: i32) -> bool {
    let excess = i64::from(value.scale()) - i64::from(scale);
    let Ok(excess) = u32::try_from(excess) else {
        return true;
    };
    match 10_i128.checked_pow(excess) {
        Some(unit) => value.mantissa() % unit == 0,
        None => value.mantissa() == 0,
    }
}

fn has_digits(micros: i64, digits: u32) -> bool {
    micros % 10_i64.pow(6_u32.saturating_sub(digits)) == 0
}

#[cold]
fn changed(guard: &Guard) -> Error {
    let advice = match guard.rule {
        Rule::Digits(_) => format!(
            ": round the value, or map it with `db_type = \"{}\"`",
            guard.declared
        ),
        Rule::Single => ": map it as `f32`".to_owned(),
        Rule::Scale(_) => String::new(),
    };
    let message = format!(
        "PostgreSQL would store the value rounded, as the type of the column is {}{advice}",
        guard.declared
    );
    Error::new(ErrorKind::OutOfRange, message)
        .column(&guard.column)
        .parameter(guard.position + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame::value::{Time, Timestamp};

    #[test]
    fn what_a_column_keeps() {
        let decimal = |mantissa, scale| ValueRef::Decimal(Decimal::new(mantissa, scale));
        for (mapped, ty, modifier, value, is_kept) in [
            (ValueType::F64, Type::FLOAT4, -1, ValueRef::F64(0.5), true),
            (ValueType::F64, Type::FLOAT4, -1, ValueRef::F64(0.1), false),
            (
                ValueType::F64,
                Type::FLOAT4,
                -1,
                ValueRef::F64(f64::NAN),
                true,
            ),
            (
                ValueType::F64,
                Type::FLOAT4,
                -1,
                ValueRef::F64(1e300),
                false,
            ),
            (ValueType::F64, Type::FLOAT8, -1, ValueRef::F64(0.1), true),
            (ValueType::Decimal, Type::INT4, -1, decimal(15, 1), false),
            (ValueType::Decimal, Type::INT4, -1, decimal(20, 1), true),
            (ValueType::Decimal, Type::NUMERIC, -1, decimal(1, 30), true),
            // numeric(10, 2), and numeric(3, -1).
            (
                ValueType::Decimal,
                Type::NUMERIC,
                (10 << 16) + 2 + 4,
                decimal(1555, 3),
                false,
            ),
            (
                ValueType::Decimal,
                Type::NUMERIC,
                (10 << 16) + 2 + 4,
                decimal(1550, 3),
                true,
            ),
            (
                ValueType::Decimal,
                Type::NUMERIC,
                (3 << 16) + 0x7ff + 4,
                decimal(15, 0),
                false,
            ),
            (
                ValueType::Decimal,
                Type::NUMERIC,
                (3 << 16) + 0x7ff + 4,
                decimal(20, 0),
                true,
            ),
            (
                ValueType::Time,
                Type::TIME,
                0,
                ValueRef::Time(Time(600_000)),
                false,
            ),
            (
                ValueType::Time,
                Type::TIME,
                1,
                ValueRef::Time(Time(600_000)),
                true,
            ),
            (
                ValueType::Timestamp,
                Type::TIMESTAMP,
                6,
                ValueRef::Timestamp(Timestamp(1)),
                true,
            ),
            (
                ValueType::Timestamp,
                Type::TIMESTAMP,
                -1,
                ValueRef::Timestamp(Timestamp(1)),
                true,
            ),
            (
                ValueType::Timestamp,
                Type::TIMESTAMP,
                3,
                ValueRef::Timestamp(Timestamp(-1)),
                false,
            ),
        ] {
            let kept = rule(mapped, &ty, modifier).is_none_or(|rule| keeps(rule, value));
            assert_eq!(kept, is_kept, "{value:?} in {ty} with {modifier}");
        }
    }
}
