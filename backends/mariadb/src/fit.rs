//! Columns that would store a parameter as another value: integers and floats round, and so do fewer digits than the value has.
//!
//! The server converts what is assigned to a column, at most with a note. So the types of written columns are asked for, once for each
//! prepared statement, where the mapping has a type whose values could be changed.

use std::fmt::Write as _;

use mysql::Column;
use mysql::consts::ColumnType as Kind;
use selfsame::backend::{Target, TargetColumn};
use selfsame::dialect::Dialect as _;
use selfsame::error::{Error, ErrorKind, Result};
use selfsame::schema::ColumnType;
use selfsame::value::{Decimal, Param, ValueRef, ValueType};

use crate::dialect::MariaDbDialect;
use crate::row::BINARY;

/// A parameter whose column changes some values.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    /// From 0.
    position: usize,
    column: String,
    rule: Rule,
}

/// Which values are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// Floats that a single has too.
    Single,
    /// Numbers with so many digits after the decimal point.
    Scale(u32),
    /// Floats nearest to numbers with so many digits after the decimal point; `single` if a single must have them, too.
    Fixed { digits: u32, single: bool },
    /// Years of four digits: others are taken for those of this century or the last one.
    Year,
    /// Times with so many digits after the second.
    Digits(u32),
    /// Bytes of this length, to which others are filled up.
    Length(u32),
}

/// Returns a query for the columns of a target that may change values; `None` if there are none.
pub(crate) fn question(target: &Target) -> Option<String> {
    let mut columns = target
        .columns()
        .iter()
        .filter(|column| is_changeable(column));
    let dialect = MariaDbDialect::default();
    let quoted = |name: &str| {
        let mut out = String::new();
        dialect.quote(name, &mut out);
        out
    };
    let mut out = format!("SELECT {}", quoted(&columns.next()?.name));
    for column in columns {
        let written = write!(out, ", {}", quoted(&column.name));
        written.expect("writing to a String does not fail");
    }
    out.push_str(" FROM ");
    if let Some(schema) = target.schema() {
        out.push_str(&quoted(schema));
        out.push('.');
    }
    out.push_str(&quoted(target.table()));
    out.push_str(" LIMIT 0");
    Some(out)
}

/// A column whose mapping says by which name the database knows it is read again after it is written.
fn is_changeable(column: &TargetColumn) -> bool {
    let is_declared = matches!(column.ty, ColumnType::Declared { .. });
    !is_declared
        && matches!(
            column.ty.value_type(),
            ValueType::F32
                | ValueType::F64
                | ValueType::Decimal
                | ValueType::Bytes
                | ValueType::Time
                | ValueType::Timestamp
                | ValueType::TimestampTz
        )
}

/// Returns the guards of a target, by the types that its columns have: those of the [`question`].
pub(crate) fn guards(target: &Target, found: &[Column]) -> Vec<Guard> {
    let columns = target.columns().iter().enumerate();
    let asked = columns.filter(|(_, column)| is_changeable(column));
    let mut guards = Vec::new();
    for ((at, column), found) in asked.zip(found) {
        let Some(rule) = rule(column.ty.value_type(), found) else {
            continue;
        };
        let own = target.parameters().filter(|&(_, number)| number == at);
        guards.extend(own.map(|(position, _)| Guard {
            position,
            column: column.name.clone(),
            rule,
        }));
    }
    guards
}

fn rule(mapped: ValueType, column: &Column) -> Option<Rule> {
    const DIGITS: u32 = 6;
    /// What a `float` or `double` without a number of digits has.
    const NOT_FIXED: u32 = 31;
    let decimals = u32::from(column.decimals());
    let is_number = matches!(mapped, ValueType::F32 | ValueType::F64 | ValueType::Decimal);
    match column.column_type() {
        Kind::MYSQL_TYPE_YEAR if is_number => Some(Rule::Year),
        Kind::MYSQL_TYPE_TINY
        | Kind::MYSQL_TYPE_SHORT
        | Kind::MYSQL_TYPE_INT24
        | Kind::MYSQL_TYPE_LONG
        | Kind::MYSQL_TYPE_LONGLONG
            if is_number =>
        {
            Some(Rule::Scale(0))
        }
        Kind::MYSQL_TYPE_NEWDECIMAL if mapped == ValueType::Decimal => Some(Rule::Scale(decimals)),
        Kind::MYSQL_TYPE_FLOAT | Kind::MYSQL_TYPE_DOUBLE if is_number && decimals < NOT_FIXED => {
            let is_single = column.column_type() == Kind::MYSQL_TYPE_FLOAT;
            Some(Rule::Fixed {
                digits: decimals,
                single: is_single,
            })
        }
        Kind::MYSQL_TYPE_FLOAT if mapped == ValueType::F64 => Some(Rule::Single),
        Kind::MYSQL_TYPE_TIME | Kind::MYSQL_TYPE_DATETIME | Kind::MYSQL_TYPE_TIMESTAMP => {
            let is_time = matches!(
                mapped,
                ValueType::Time | ValueType::Timestamp | ValueType::TimestampTz
            );
            (is_time && decimals < DIGITS).then_some(Rule::Digits(decimals))
        }
        Kind::MYSQL_TYPE_STRING if mapped == ValueType::Bytes => {
            let is_binary = column.character_set() == BINARY;
            is_binary.then_some(Rule::Length(column.column_length()))
        }
        _ => None,
    }
}

/// Refuses parameters that their columns would change.
///
/// # Errors
///
/// [`OutOfRange`](ErrorKind::OutOfRange), with the column.
pub(crate) fn check(guards: &[Guard], params: &[Param<'_>]) -> Result<()> {
    for guard in guards {
        let value = params.get(guard.position).and_then(Param::value);
        if value.is_some_and(|value| !keeps(guard.rule, value)) {
            return Err(changed(guard));
        }
    }
    Ok(())
}

fn keeps(rule: Rule, value: ValueRef<'_>) -> bool {
    match (rule, value) {
        (Rule::Single, ValueRef::F64(value)) => is_single(value),
        (Rule::Fixed { digits, .. }, ValueRef::F32(value)) => {
            fixed(value.into(), digits).parse() == Ok(value)
        }
        (Rule::Fixed { digits, single }, ValueRef::F64(value)) => {
            fixed(value, digits).parse() == Ok(value) && (!single || is_single(value))
        }
        (Rule::Fixed { digits, .. }, ValueRef::Decimal(value)) => has_scale(value, digits),
        (Rule::Scale(0), ValueRef::F32(value)) => value.fract() == 0.0,
        (Rule::Scale(0), ValueRef::F64(value)) => value.fract() == 0.0,
        (Rule::Scale(scale), ValueRef::Decimal(value)) => has_scale(value, scale),
        (Rule::Year, ValueRef::F32(value)) => is_year(value.into()),
        (Rule::Year, ValueRef::F64(value)) => is_year(value),
        (Rule::Year, ValueRef::Decimal(value)) => {
            has_scale(value, 0) && (value >= Decimal::new(100, 0) || value.mantissa() == 0)
        }
        (Rule::Digits(digits), ValueRef::Time(time)) => has_digits(time.0, digits),
        (Rule::Digits(digits), ValueRef::Timestamp(stamp)) => has_digits(stamp.0, digits),
        (Rule::Digits(digits), ValueRef::TimestampTz(instant)) => has_digits(instant.0, digits),
        (Rule::Length(length), ValueRef::Bytes(bytes)) => {
            // Longer ones are refused by the server.
            usize::try_from(length).is_ok_and(|length| bytes.len() >= length)
        }
        _ => true,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a double that a single cannot hold is detected by converting back"
)]
fn is_single(value: f64) -> bool {
    f64::from(value as f32).to_bits() == value.to_bits()
}

/// A float rounded to so many digits after the decimal point.
fn fixed(value: f64, digits: u32) -> String {
    let digits = digits as usize;
    format!("{value:.digits$}")
}

fn is_year(value: f64) -> bool {
    value.fract() == 0.0 && (value == 0.0 || value >= 100.0)
}

/// Whether a decimal has no more digits after the decimal point, but for zeros.
fn has_scale(value: Decimal, scale: u32) -> bool {
    let excess = value.scale().saturating_sub(scale);
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
    let (does, advice) = match guard.rule {
        Rule::Single => ("round it to a `float`".to_owned(), "map it as `f32`"),
        Rule::Scale(scale) | Rule::Fixed { digits: scale, .. } => (
            format!("round it to {scale} digits after the decimal point"),
            "round it before",
        ),
        Rule::Year => (
            "take it for a year of four digits".to_owned(),
            "give all digits of the year",
        ),
        Rule::Digits(digits) => (
            format!("cut it to {digits} digits after the second"),
            "round it before, or map it with `db_type = \"…\"`, as the column is declared",
        ),
        Rule::Length(length) => (
            format!("fill it up to {length} bytes"),
            "map it with `db_type = \"…\"`, as the column is declared",
        ),
    };
    Error::new(
        ErrorKind::OutOfRange,
        format!("MariaDB would store another value, because the column would {does}: {advice}"),
    )
    .column(&guard.column)
    .parameter(guard.position + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame::value::{Time, Timestamp};

    #[test]
    fn what_a_column_keeps() {
        let with_digits = |single| Rule::Fixed { digits: 2, single };
        let decimal = |mantissa, scale| ValueRef::Decimal(Decimal::new(mantissa, scale));
        for (rule, value, is_kept) in [
            (Rule::Single, ValueRef::F64(0.5), true),
            (Rule::Single, ValueRef::F64(0.1), false),
            (with_digits(false), ValueRef::F64(1.05), true),
            (with_digits(false), ValueRef::F64(1.005), false),
            (with_digits(true), ValueRef::F32(0.25), true),
            (with_digits(true), ValueRef::F32(0.1), true),
            (with_digits(true), ValueRef::F32(0.125), false),
            (with_digits(true), ValueRef::F64(0.1), false),
            (Rule::Scale(0), ValueRef::F64(3.0), true),
            (Rule::Scale(0), ValueRef::F32(0.5), false),
            (Rule::Scale(0), decimal(15, 1), false),
            (Rule::Scale(2), decimal(1550, 3), true),
            (Rule::Scale(2), decimal(1555, 3), false),
            (Rule::Year, decimal(7, 0), false),
            (Rule::Year, decimal(2007, 0), true),
            (Rule::Year, ValueRef::F64(1.5), false),
            (Rule::Year, decimal(0, 0), true),
            (Rule::Digits(0), ValueRef::Time(Time(600_000)), false),
            (Rule::Digits(3), ValueRef::Timestamp(Timestamp(1_000)), true),
            (Rule::Length(4), ValueRef::Bytes(b"ab"), false),
            (Rule::Length(2), ValueRef::Bytes(b"ab"), true),
            (Rule::Length(2), ValueRef::Null, true),
        ] {
            assert_eq!(keeps(rule, value), is_kept, "{value:?} for {rule:?}");
        }
    }
}
