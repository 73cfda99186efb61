//! How the declared type of a column changes values, and which values are therefore refused.
//!
//! A column's declared type gives it an affinity. Storing a text that looks like a number in a column of numeric affinity stores the
//! number: `007` becomes 7 and cannot be read back. So parameters are checked if their column is known and could change them.

use selfsame::backend::TargetColumn;
use selfsame::schema::ColumnType;
use selfsame::value::{Decimal, Param, ValueRef, ValueType};
use selfsame::{Error, ErrorKind, Result};

/// The conversion of values that are stored in a column (<https://www.sqlite.org/datatype3.html>, "Determination Of Column
/// Affinity").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Affinity {
    Integer,
    Numeric,
    Real,
    Text,
    /// Stores everything unchanged.
    None,
}

impl Affinity {
    pub(crate) fn of(declared: &str) -> Self {
        let upper = declared.to_ascii_uppercase();
        let has = |part: &str| upper.contains(part);
        if has("INT") {
            Self::Integer
        } else if has("CHAR") || has("CLOB") || has("TEXT") {
            Self::Text
        } else if has("BLOB") || upper.is_empty() {
            Self::None
        } else if has("REAL") || has("FLOA") || has("DOUB") {
            Self::Real
        } else {
            Self::Numeric
        }
    }

    fn is_number(self) -> bool {
        matches!(self, Self::Integer | Self::Numeric | Self::Real)
    }
}

/// The values that a column would change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// All values.
    Everything,
    /// Text that looks like a number.
    Numbers,
    /// Text that looks like a number but differs from how SQLite writes that number; for a column that is read as text.
    NonCanonicalNumbers(Affinity),
    /// Decimals that are not 64-bit integers.
    Fractions,
    /// Floats that are stored as integers and not read back as the same floats.
    LargeFloats,
}

/// A parameter whose column changes some values.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    /// Its position, from 0.
    parameter: usize,
    column: String,
    declared: String,
    rule: Rule,
}

/// Returns the guard of a parameter that is written to a column, if the column changes any of its values.
///
/// # Errors
///
/// [`Unsupported`](ErrorKind::Unsupported) if SQLite computes a text for a column that changes texts.
pub(crate) fn guard(
    parameter: Option<usize>,
    column: &TargetColumn,
    declared: &str,
    affinity: Affinity,
    is_lenient: bool,
) -> Result<Option<Guard>> {
    let Some(rule) = rule(&column.ty, affinity, is_lenient) else {
        return Ok(None);
    };
    let Some(parameter) = parameter else {
        return match rule {
            Rule::Numbers | Rule::NonCanonicalNumbers(_) => Err(computed(column, declared)),
            _ => Ok(None),
        };
    };
    Ok(Some(Guard {
        parameter,
        column: column.name.clone(),
        declared: declared.to_owned(),
        rule,
    }))
}

/// Whether an affinity can change values of a type.
pub(crate) fn is_changeable(ty: &ColumnType) -> bool {
    !matches!(
        ty.value_type(),
        ValueType::Bytes
            | ValueType::Uuid
            | ValueType::Date
            | ValueType::Time
            | ValueType::Timestamp
            | ValueType::TimestampTz
    )
}

fn rule(ty: &ColumnType, affinity: Affinity, is_lenient: bool) -> Option<Rule> {
    let is_number = affinity.is_number();
    match ty.value_type() {
        ValueType::Text if is_number && matches!(ty, ColumnType::Other { .. }) => {
            Some(Rule::NonCanonicalNumbers(affinity))
        }
        ValueType::Text | ValueType::Json if is_number => Some(Rule::Numbers),
        ValueType::Decimal if affinity == Affinity::Real => Some(Rule::Everything),
        ValueType::Decimal if is_number => Some(Rule::Fractions),
        // Lenient reading accepts booleans as text.
        ValueType::Bool if affinity == Affinity::Text && is_lenient => None,
        ValueType::Bool | ValueType::I16 | ValueType::I32 | ValueType::I64 => {
            matches!(affinity, Affinity::Real | Affinity::Text).then_some(Rule::Everything)
        }
        ValueType::F32 | ValueType::F64 => match affinity {
            Affinity::Text => Some(Rule::Everything),
            Affinity::Integer | Affinity::Numeric => Some(Rule::LargeFloats),
            Affinity::Real | Affinity::None => None,
        },
        // Dates and times do not look like numbers, and every column stores blobs unchanged.
        _ => None,
    }
}

/// Refuses parameters that their columns would change.
///
/// # Errors
///
/// [`OutOfRange`](ErrorKind::OutOfRange), with the parameter's position and column.
pub(crate) fn check(guards: &[Guard], params: &[Param<'_>]) -> Result<()> {
    for guard in guards {
        let value = params.get(guard.parameter).and_then(Param::value);
        if let Some(value) = value
            && changes(guard.rule, value)
        {
            return Err(changed(guard));
        }
    }
    Ok(())
}

fn changes(rule: Rule, value: ValueRef<'_>) -> bool {
    match (rule, value) {
        (_, ValueRef::Null) => false,
        (Rule::Everything, _) => true,
        (Rule::Numbers, ValueRef::Text(text) | ValueRef::Json(text)) => is_number(text),
        (Rule::NonCanonicalNumbers(affinity), ValueRef::Text(text)) => {
            is_number(text) && !is_as_written(text, affinity)
        }
        (Rule::Fractions, ValueRef::Decimal(value)) => !is_integer(value),
        (Rule::LargeFloats, ValueRef::F32(value)) => is_large(f64::from(value)),
        (Rule::LargeFloats, ValueRef::F64(value)) => is_large(value),
        _ => false,
    }
}

/// Whether a text looks like a number to SQLite: an optional sign, digits with at most one point among them, an optional exponent;
/// with blanks around it. Some versions stop at a NUL, so the text after one is ignored.
fn is_number(text: &str) -> bool {
    let text = text.split('\0').next().unwrap_or_default();
    let text = text.trim_matches([' ', '\t', '\n', '\x0b', '\x0c', '\r']);
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (number, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_exponent = |text: &str| {
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        !digits.is_empty() && are_digits(digits)
    };
    are_digits(whole)
        && are_digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(is_exponent)
}

/// Whether a text that looks like a number is written as SQLite writes that number after storing it in a column of this affinity.
fn is_as_written(text: &str, affinity: Affinity) -> bool {
    // Floats of more than 15 digits are rounded when written.
    const EXACT: usize = 15;
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    match unsigned.split_once('.') {
        None => {
            let integer: Option<i64> = text.parse().ok();
            affinity != Affinity::Real && integer.is_some_and(|value| value.to_string() == text)
        }
        Some((whole, fraction)) => {
            let is_usual_whole = whole == "0" || !whole.is_empty() && !whole.starts_with('0');
            // In columns of other affinities, a number without a fraction becomes an integer.
            let is_usual_fraction = match fraction {
                "0" => affinity == Affinity::Real && unsigned != "0.0",
                _ => !fraction.is_empty() && !fraction.ends_with('0'),
            };
            let is_small = whole == "0" && fraction.starts_with("000");
            is_usual_whole
                && is_usual_fraction
                && !is_small
                && whole.len() + fraction.len() <= EXACT
                && unsigned
                    .bytes()
                    .all(|byte| byte.is_ascii_digit() || byte == b'.')
        }
    }
}

/// Whether a decimal is stored as an integer of the same value; text with a point goes through a float.
fn is_integer(value: Decimal) -> bool {
    let Some(unit) = 10_i128.checked_pow(value.scale()) else {
        return value.mantissa() == 0;
    };
    if value.mantissa() % unit != 0 {
        return false;
    }
    let most: i128 = match value.scale() {
        0 => i64::MAX.into(),
        _ => 1 << 53,
    };
    (-most..=most).contains(&(value.mantissa() / unit))
}

/// Whether a float is stored as an integer from which it is not read back, because two integers there share a float.
fn is_large(value: f64) -> bool {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    const LAST: f64 = 9_223_372_036_854_775_808.0;
    let size = value.abs();
    size > EXACT && size <= LAST && value.fract() == 0.0
}

#[cold]
fn changed(guard: &Guard) -> Error {
    Error::new(
        ErrorKind::OutOfRange,
        format!(
            "SQLite would store another value: the column is declared as {}",
            shown(&guard.declared)
        ),
    )
    .column(&guard.column)
    .parameter(guard.parameter + 1)
}

#[cold]
fn computed(column: &TargetColumn, declared: &str) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!(
            "a text that SQLite computes could become a number: the column is declared as {}",
            shown(declared)
        ),
    )
    .column(&column.name)
}

fn shown(declared: &str) -> &str {
    match declared {
        "" => "nothing",
        declared => declared,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rusqlite::Connection;

    /// Returns the storage class and the text of what a column stores for a text.
    fn stored(declared: &str, text: &str) -> (String, String) {
        let connection = Connection::open_in_memory().expect("SQLite");
        connection
            .execute_batch(&format!("CREATE TABLE t (v {declared})"))
            .expect("a table");
        connection
            .execute("INSERT INTO t VALUES (?1)", [text])
            .expect("a row");
        let row = connection.query_row("SELECT typeof(v), CAST(v AS TEXT) FROM t", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        });
        row.expect("the row")
    }

    fn check_text(text: &str) {
        for (declared, affinity) in [
            ("INTEGER", Affinity::Integer),
            ("NUMERIC", Affinity::Numeric),
            ("REAL", Affinity::Real),
        ] {
            let (class, as_text) = stored(declared, text);
            let is_converted = class != "text";
            assert!(
                is_number(text) == is_converted || text.contains('\0') && is_number(text),
                "{text:?} in {declared} is a {class}"
            );
            if !changes(Rule::NonCanonicalNumbers(affinity), ValueRef::Text(text)) {
                assert_eq!(as_text, text, "in {declared}");
            }
        }
    }

    #[test]
    fn texts_that_become_numbers() {
        for text in [
            "007",
            "7",
            "-7",
            "+5",
            "1e5",
            "1E+5",
            "1e",
            "e5",
            " 12 ",
            "\t12\n",
            "\u{b}1",
            "\u{c}1",
            "\u{a0}1",
            "0x1",
            "1.0",
            "1.",
            ".5",
            ".",
            "-",
            "",
            " ",
            "1.5",
            "-1.5",
            "0.5",
            "-0.0",
            "0.0",
            "-0",
            "0.0001",
            "0.00001",
            "1_000",
            "1,5",
            "inf",
            "Infinity",
            "nan",
            "1e400",
            "12 3",
            "1.2.3",
            "- 1",
            "12\0",
            "12\0x",
            "9223372036854775807",
            "9223372036854775808",
            "-9223372036854775808",
            "9007199254740993.0",
            "123456789012345.6",
            "12345678901234.5",
            "0.123456789012345",
            "0.1234567890123456",
            "１２",
            "1e5.0",
        ] {
            check_text(text);
        }
        for text in ["7", "-7", "1.5", "0.25"] {
            assert!(!changes(
                Rule::NonCanonicalNumbers(Affinity::Numeric),
                ValueRef::Text(text)
            ));
            assert!(changes(Rule::Numbers, ValueRef::Text(text)));
        }
    }

    proptest! {
        #[test]
        fn texts_of_any_form(text in "[ ]?[-+]?[0-9]{0,4}[.]?[0-9]{0,4}(e[-+]?[0-9]{0,2})?[ ]?") {
            check_text(&text);
        }

        #[test]
        fn decimals_of_any_form(mantissa in -2_000_000_i64..2_000_000, scale in 0_u32..7) {
            let value = Decimal::new(mantissa.into(), scale);
            let (class, text) = stored("NUMERIC", &value.to_string());
            let is_same = class == "integer" && text.parse().ok() == Some(value);
            prop_assert_eq!(is_integer(value), is_same);
        }
    }

    #[test]
    fn affinities_are_those_of_the_documentation() {
        for (declared, affinity) in [
            ("INT", Affinity::Integer),
            ("UNSIGNED BIG INT", Affinity::Integer),
            ("CHARINT", Affinity::Integer),
            ("NATIVE CHARACTER(70)", Affinity::Text),
            ("CLOB", Affinity::Text),
            ("BLOB", Affinity::None),
            ("", Affinity::None),
            ("DOUBLE PRECISION", Affinity::Real),
            ("FLOAT", Affinity::Real),
            ("FLOATING POINT", Affinity::Integer),
            ("NUMERIC", Affinity::Numeric),
            ("DECIMAL(10,5)", Affinity::Numeric),
            ("BOOLEAN", Affinity::Numeric),
            ("STRING", Affinity::Numeric),
            ("JSON", Affinity::Numeric),
        ] {
            assert_eq!(Affinity::of(declared), affinity, "{declared}");
        }
    }

    #[test]
    fn large_floats() {
        for (value, expected) in [
            (9_007_199_254_740_992.0, false),
            (9_007_199_254_740_994.0, true),
            (-9.0e18, true),
            (1.0e19, false),
            (1.5, false),
            (f64::INFINITY, false),
        ] {
            assert_eq!(is_large(value), expected, "{value}");
        }
    }
}
