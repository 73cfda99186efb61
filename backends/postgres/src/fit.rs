//! Columns that would store a parameter as another value: integers, single-precision floats and columns with fewer digits round; texts
//! lose trailing blanks, or are truncated; an `oid` loses its sign.
//!
//! The server converts an assigned value to the column's type without an error. So the types of written columns are queried, once for each
//! table and connection, if the mapping has a type whose values could be changed.

use postgres_types::Type;
use selfsame::backend::{Target, TargetColumn};
use selfsame::error::{Error, ErrorKind};
use selfsame::schema::ColumnType;
use selfsame::value::{Decimal, Param, ValueRef, ValueType};
use tokio_postgres::Row;

use crate::settings::identifier;

/// Selects the columns of a table that may change values, with their types and type modifiers. A domain has those of its base type.
///
/// Every user may read the catalog. Describing a SELECT would work too, but only if statements are prepared.
pub(crate) const DECLARED_COLUMNS: &str = "\
WITH RECURSIVE declared (name, type, modifier) AS ( \
    SELECT attname::text, atttypid, atttypmod \
    FROM pg_catalog.pg_attribute \
    WHERE attrelid = pg_catalog.to_regclass($1) AND attnum > 0 AND NOT attisdropped \
    UNION ALL \
    SELECT declared.name, base.typbasetype, base.typtypmod \
    FROM declared JOIN pg_catalog.pg_type base ON base.oid = declared.type \
    WHERE base.typtype = 'd') \
SELECT name, type, modifier FROM declared \
WHERE type IN (18, 19, 20, 21, 23, 26, 700, 701) \
    OR type IN (1042, 1043, 1083, 1114, 1184, 1700) AND (modifier >= 0 OR type = 1042)";

/// A column of a table as the server declares it.
#[derive(Clone, Debug)]
pub(crate) struct Declared {
    name: String,
    ty: Type,
    modifier: i32,
}

impl Declared {
    /// Reads a row of the result of [`DECLARED_COLUMNS`].
    pub(crate) fn read(row: &Row) -> Result<Self, tokio_postgres::Error> {
        let oid: u32 = row.try_get(1)?;
        Ok(Self {
            name: row.try_get(0)?,
            ty: Type::from_oid(oid).unwrap_or(Type::UNKNOWN),
            modifier: row.try_get(2)?,
        })
    }
}

/// A parameter whose column may change its value.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    /// Its position, from 0.
    position: usize,
    column: String,
    declared: String,
    rule: Rule,
}

/// The values that a column stores unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// Floats that single precision represents exactly.
    Single,
    /// Decimals with at most this many digits after the decimal point, which may be negative.
    Scale(i32),
    /// Times with at most this many fractional digits.
    Digits(u32),
    /// Texts without trailing blanks, which a `char(n)` cannot distinguish from its padding.
    Unpadded,
    /// Texts of at most this many characters: trailing blanks of longer ones are truncated.
    Characters(usize),
    /// Texts of at most this many bytes: longer ones are truncated.
    Bytes(usize),
    /// Texts of one byte.
    OneByte,
    /// Integers from zero on.
    NotNegative,
    /// Integers of at most this many significant bits, which a float represents exactly.
    Bits(u32),
}

/// Returns the name of the table as SQL writes it, if the statement writes columns that may change values.
pub(crate) fn table(target: &Target) -> Option<String> {
    target
        .columns()
        .iter()
        .find(|column| is_changeable(column))?;
    let table = identifier(target.table());
    Some(match target.schema() {
        Some(schema) => format!("{}.{table}", identifier(schema)),
        None => table,
    })
}

/// Whether the column may change values. If the mapping names the database's type, the column is read back after it is written, so only
/// values that would be lost are refused.
fn is_changeable(column: &TargetColumn) -> bool {
    match column.ty {
        ColumnType::Declared { .. } | ColumnType::NativeEnum { .. } | ColumnType::Array(_) => false,
        _ => matches!(
            column.ty.value_type(),
            ValueType::Text
                | ValueType::I16
                | ValueType::I32
                | ValueType::I64
                | ValueType::F64
                | ValueType::Decimal
                | ValueType::Time
                | ValueType::Timestamp
                | ValueType::TimestampTz
        ),
    }
}

/// Returns the guards of a target, given the declared columns of its table.
pub(crate) fn guards(target: &Target, declared: &[Declared]) -> Vec<Guard> {
    let mut guards = Vec::new();
    for (at, column) in target.columns().iter().enumerate() {
        let found = declared.iter().find(|found| found.name == column.name);
        let Some(found) = found.filter(|_| is_changeable(column)) else {
            continue;
        };
        let Some(rule) = rule(column.ty.value_type(), &found.ty, found.modifier) else {
            continue;
        };
        let is_read_again = matches!(column.ty, ColumnType::Other { .. });
        if is_read_again && !matches!(rule, Rule::Bytes(_) | Rule::OneByte) {
            continue;
        }
        let own = target.parameters().filter(|&(_, number)| number == at);
        guards.extend(own.map(|(position, _)| Guard {
            position,
            column: column.name.clone(),
            declared: as_declared(&found.ty, found.modifier, rule),
            rule,
        }));
    }
    guards
}

/// The offset of type modifiers.
const HEADER: i32 = 4;
/// The length of a `name` in a server with the default NAMEDATALEN.
const NAME: usize = 63;

fn rule(mapped: ValueType, ty: &Type, modifier: i32) -> Option<Rule> {
    match (mapped, ty) {
        (ValueType::F64, &Type::FLOAT4) => Some(Rule::Single),
        (
            ValueType::F64 | ValueType::Decimal,
            &Type::INT2 | &Type::INT4 | &Type::INT8 | &Type::OID,
        ) => Some(Rule::Scale(0)),
        (ValueType::Decimal, &Type::NUMERIC) if modifier >= HEADER => {
            Some(Rule::Scale(scale(modifier)))
        }
        (ValueType::I16 | ValueType::I32 | ValueType::I64, &Type::NUMERIC) => {
            let scale = scale(modifier);
            (modifier >= HEADER && scale < 0).then_some(Rule::Scale(scale))
        }
        (ValueType::I16 | ValueType::I32, &Type::OID) => Some(Rule::NotNegative),
        (ValueType::I32 | ValueType::I64, &Type::FLOAT4) => Some(Rule::Bits(f32::MANTISSA_DIGITS)),
        (ValueType::I64, &Type::FLOAT8) => Some(Rule::Bits(f64::MANTISSA_DIGITS)),
        (ValueType::Time, &Type::TIME)
        | (ValueType::Timestamp, &Type::TIMESTAMP)
        | (ValueType::TimestampTz, &Type::TIMESTAMPTZ) => {
            let digits = u32::try_from(modifier).ok()?;
            (digits < 6).then_some(Rule::Digits(digits))
        }
        (ValueType::Text, &Type::BPCHAR) => Some(Rule::Unpadded),
        (ValueType::Text, &Type::VARCHAR) => {
            let length = usize::try_from(modifier - HEADER).ok()?;
            Some(Rule::Characters(length))
        }
        (ValueType::Text, &Type::NAME) => Some(Rule::Bytes(NAME)),
        (ValueType::Text, &Type::CHAR) => Some(Rule::OneByte),
        _ => None,
    }
}

/// Returns the scale of a `numeric` with a precision: a signed number of eleven bits.
fn scale(modifier: i32) -> i32 {
    ((modifier.wrapping_sub(HEADER) & 0x7ff) ^ 0x400) - 0x400
}

fn as_declared(ty: &Type, modifier: i32, rule: Rule) -> String {
    match rule {
        Rule::Unpadded if modifier >= HEADER => format!("char({})", modifier - HEADER),
        Rule::Characters(length) => format!("varchar({length})"),
        Rule::OneByte => "\"char\"".to_owned(),
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
    let value = match value {
        ValueRef::I16(value) => ValueRef::I64(value.into()),
        ValueRef::I32(value) => ValueRef::I64(value.into()),
        value => value,
    };
    match (rule, value) {
        (Rule::Scale(scale), ValueRef::I64(value)) => {
            Decimal::new(value.into(), 0).fits_scale(scale)
        }
        (Rule::NotNegative, ValueRef::I64(value)) => value >= 0,
        (Rule::Bits(most), ValueRef::I64(value)) => {
            value == 0
                || i64::BITS - value.unsigned_abs().leading_zeros() - value.trailing_zeros() <= most
        }
        (Rule::Single, ValueRef::F64(value)) => is_single(value),
        (Rule::Scale(scale), ValueRef::Decimal(value)) => value.fits_scale(scale),
        (Rule::Scale(0), ValueRef::F64(value)) => value.fract() == 0.0,
        (Rule::Digits(digits), ValueRef::Time(time)) => has_digits(time.0, digits),
        (Rule::Digits(digits), ValueRef::Timestamp(stamp)) => has_digits(stamp.0, digits),
        (Rule::Digits(digits), ValueRef::TimestampTz(instant)) => has_digits(instant.0, digits),
        (Rule::Unpadded, ValueRef::Text(text)) => !text.ends_with(' '),
        (Rule::Characters(most), ValueRef::Text(text)) => {
            // The server truncates only blanks, and refuses longer texts otherwise.
            !text.ends_with(' ') || text.len() <= most || text.chars().count() <= most
        }
        (Rule::Bytes(most), ValueRef::Text(text)) => text.len() <= most,
        (Rule::OneByte, ValueRef::Text(text)) => text.len() <= 1,
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

fn has_digits(micros: i64, digits: u32) -> bool {
    micros % 10_i64.pow(6_u32.saturating_sub(digits)) == 0
}

#[cold]
fn changed(guard: &Guard) -> Error {
    let declared = &guard.declared;
    let (how, advice) = match guard.rule {
        Rule::Digits(_) => (
            "rounded",
            format!(": round the value, or map it with `db_type = \"{declared}\"`"),
        ),
        Rule::Single => ("rounded", ": map it as `f32`".to_owned()),
        Rule::Scale(_) | Rule::Bits(_) => ("rounded", String::new()),
        Rule::Unpadded | Rule::Characters(_) => (
            "without the blanks at its end",
            ": remove them first".to_owned(),
        ),
        Rule::Bytes(most) => ("cut off", format!(", of {most} bytes")),
        Rule::OneByte => ("cut off", ", of one byte".to_owned()),
        Rule::NotNegative => ("without its sign", String::new()),
    };
    let message = format!(
        "PostgreSQL would store the value {how}, as the type of the column is {declared}{advice}"
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
            (
                ValueType::I32,
                Type::FLOAT4,
                -1,
                ValueRef::I32(-(1 << 24)),
                true,
            ),
            (
                ValueType::I32,
                Type::FLOAT4,
                -1,
                ValueRef::I32((1 << 24) + 1),
                false,
            ),
            (
                ValueType::I64,
                Type::FLOAT4,
                -1,
                ValueRef::I64(i64::MIN),
                true,
            ),
            (ValueType::I64, Type::FLOAT8, -1, ValueRef::I64(0), true),
            (
                ValueType::I64,
                Type::FLOAT8,
                -1,
                ValueRef::I64((1 << 53) + 1),
                false,
            ),
            (
                ValueType::I64,
                Type::FLOAT8,
                -1,
                ValueRef::I64((1 << 54) + 4),
                true,
            ),
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
                ValueType::I32,
                Type::NUMERIC,
                (3 << 16) + 0x7ff + 4,
                ValueRef::I32(15),
                false,
            ),
            (
                ValueType::I64,
                Type::NUMERIC,
                (3 << 16) + 0x7ff + 4,
                ValueRef::I64(-20),
                true,
            ),
            (
                ValueType::I16,
                Type::NUMERIC,
                (3 << 16) + 4,
                ValueRef::I16(15),
                true,
            ),
            (ValueType::I16, Type::NUMERIC, -1, ValueRef::I16(15), true),
            (ValueType::I32, Type::OID, -1, ValueRef::I32(-1), false),
            (ValueType::I32, Type::OID, -1, ValueRef::I32(1), true),
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
            (ValueType::Text, Type::BPCHAR, 9, ValueRef::Text("AB"), true),
            (
                ValueType::Text,
                Type::BPCHAR,
                9,
                ValueRef::Text("AB "),
                false,
            ),
            (
                ValueType::Text,
                Type::BPCHAR,
                -1,
                ValueRef::Text(" "),
                false,
            ),
            (
                ValueType::Text,
                Type::VARCHAR,
                6,
                ValueRef::Text("ä "),
                true,
            ),
            (
                ValueType::Text,
                Type::VARCHAR,
                6,
                ValueRef::Text("ä  "),
                false,
            ),
            (
                ValueType::Text,
                Type::VARCHAR,
                -1,
                ValueRef::Text("ä  "),
                true,
            ),
            (
                ValueType::Text,
                Type::NAME,
                -1,
                ValueRef::Text(&"n".repeat(63)),
                true,
            ),
            (
                ValueType::Text,
                Type::NAME,
                -1,
                ValueRef::Text(&"n".repeat(64)),
                false,
            ),
            (ValueType::Text, Type::CHAR, -1, ValueRef::Text("r"), true),
            (ValueType::Text, Type::CHAR, -1, ValueRef::Text(""), true),
            (ValueType::Text, Type::CHAR, -1, ValueRef::Text("ä"), false),
            (ValueType::Text, Type::TEXT, -1, ValueRef::Text("a  "), true),
        ] {
            let kept = rule(mapped, &ty, modifier).is_none_or(|rule| keeps(rule, value));
            assert_eq!(kept, is_kept, "{value:?} in {ty} with {modifier}");
        }
    }
}
