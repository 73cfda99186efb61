//! [`Rule`]: the values that a column of a declared type stores unchanged.

use std::net::{Ipv4Addr, Ipv6Addr};

use selfsame::value::{Decimal, ValueRef, ValueType};

use crate::reflection::types::{labels, split};

/// The values that a column stores unchanged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// Floats that a single-precision float can hold too.
    Single,
    /// Numbers with at most this many digits after the decimal point.
    Scale(u32),
    /// Floats nearest to numbers with at most this many digits after the decimal point; if `single`, also representable in single
    /// precision.
    Fixed { digits: u32, single: bool },
    /// Years of four digits: the server takes shorter ones for years of this century or the last.
    Year,
    /// Times with at most this many digits after the decimal point of the seconds.
    Digits(u32),
    /// Bytes of at least this length: the server pads shorter values, and refuses longer ones.
    Length(usize),
    /// Whole numbers that are not negative: a 64-bit column stores a negative one as a number that is too great to be read.
    NotNegative,
    /// Texts of at most this many characters. The server refuses longer ones, unless the excess consists of blanks.
    Characters(usize),
    /// Like `Characters`, without a blank at the end.
    Stripped(usize),
    /// Texts of at most this many bytes.
    Bytes(usize),
    /// Exactly one of these labels: the server accepts others by their numbers, or in another case.
    Label(Vec<String>),
    /// Some of these labels in this order, separated by commas.
    Labels(Vec<String>),
    /// UUIDs in lower case with all hyphens.
    Uuid,
    /// IPv4 addresses: four numbers.
    Inet4,
    /// IPv6 addresses in their shortest form.
    Inet6,
    /// No text or bytes: the column's values are not read as such.
    OtherKind,
}

impl Rule {
    /// Returns the rule of a column for the values of a mapped type; `None` if the column keeps or refuses all values, or if none can be
    /// read.
    pub(super) fn of(mapped: ValueType, declared: &str) -> Option<Self> {
        use ValueType as V;
        let (name, modifiers) = split(declared);
        let name = name.split(' ').next().unwrap_or(name);
        let length = modifiers.parse().ok();
        // Digits after the decimal point.
        let scale = modifiers.split_once(',').map(|(_, scale)| scale.parse());
        let scale = scale.and_then(Result::ok);
        Some(match (mapped, name) {
            (V::I16 | V::I32 | V::I64 | V::F32 | V::F64 | V::Decimal, "year") => Self::Year,
            (
                V::F32 | V::F64 | V::Decimal,
                "tinyint" | "smallint" | "mediumint" | "int" | "bigint",
            ) => Self::Scale(0),
            (V::Decimal, "decimal") => Self::Scale(scale.unwrap_or_default()),
            (V::F32 | V::F64 | V::Decimal, "float" | "double") if scale.is_some() => Self::Fixed {
                digits: scale?,
                single: name == "float",
            },
            (V::F64, "float") => Self::Single,
            (V::Time | V::Timestamp | V::TimestampTz, "time" | "datetime" | "timestamp") => {
                const DIGITS: u32 = 6;
                let digits = modifiers.parse().unwrap_or_default();
                (digits < DIGITS).then_some(Self::Digits(digits))?
            }
            (V::Bytes, "binary") => Self::Length(length?),
            (V::I16 | V::I32 | V::I64 | V::Decimal, "bit") => Self::NotNegative,
            (V::Text | V::Json, "char") => Self::Stripped(length?),
            (V::Text | V::Json, "varchar") => Self::Characters(length?),
            (V::Text | V::Json, "tinytext") => Self::Bytes(0xff),
            (V::Text | V::Json, "text") => Self::Bytes(0xffff),
            (V::Text | V::Json, "mediumtext") => Self::Bytes(0xff_ffff),
            (V::Text | V::Json, "enum") => Self::Label(labels(declared)),
            (V::Text | V::Json, "set") => Self::Labels(labels(declared)),
            (V::Text, "uuid") => Self::Uuid,
            (V::Text, "inet4") => Self::Inet4,
            (V::Text, "inet6") => Self::Inet6,
            (
                V::Text,
                "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" | "float"
                | "double" | "bit" | "year" | "date" | "time" | "datetime" | "timestamp" | "binary"
                | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" | "json",
            )
            | (V::Bytes, "bit") => Self::OtherKind,
            _ => return None,
        })
    }

    /// Returns whether a column stores a value unchanged, or refuses it.
    pub(super) fn keeps(&self, value: ValueRef<'_>) -> bool {
        match (self, value) {
            (Self::Single, ValueRef::F64(value)) => is_single(value),
            (Self::Fixed { digits, .. }, ValueRef::F32(value)) => {
                fixed(value.into(), *digits).parse() == Ok(value)
            }
            (Self::Fixed { digits, single }, ValueRef::F64(value)) => {
                fixed(value, *digits).parse() == Ok(value) && (!single || is_single(value))
            }
            (Self::Scale(0), ValueRef::F32(value)) => value.fract() == 0.0,
            (Self::Scale(0), ValueRef::F64(value)) => value.fract() == 0.0,
            (Self::Scale(scale) | Self::Fixed { digits: scale, .. }, ValueRef::Decimal(value)) => {
                value.fits_scale(*scale)
            }
            (Self::Year, ValueRef::I16(value)) => is_year(value.into()),
            (Self::Year, ValueRef::I32(value)) => is_year(value.into()),
            (Self::Year, ValueRef::I64(value)) => value == 0 || value >= 100,
            (Self::Year, ValueRef::F32(value)) => is_year(value.into()),
            (Self::Year, ValueRef::F64(value)) => is_year(value),
            (Self::Year, ValueRef::Decimal(value)) => {
                value.fits_scale(0) && (value >= Decimal::new(100, 0) || value.mantissa() == 0)
            }
            (Self::Digits(digits), ValueRef::Time(time)) => has_digits(time.0, *digits),
            (Self::Digits(digits), ValueRef::Timestamp(stamp)) => has_digits(stamp.0, *digits),
            (Self::Digits(digits), ValueRef::TimestampTz(instant)) => {
                has_digits(instant.0, *digits)
            }
            (Self::NotNegative, ValueRef::I64(value)) => value >= 0,
            (Self::NotNegative, ValueRef::Decimal(value)) => {
                value.mantissa() >= 0 && value.fits_scale(0)
            }
            (Self::Length(bytes), ValueRef::Bytes(value)) => value.len() >= *bytes,
            (Self::OtherKind, ValueRef::Bytes(_)) => false,
            (rule, ValueRef::Text(text) | ValueRef::Json(text)) => rule.keeps_text(text),
            _ => true,
        }
    }

    fn keeps_text(&self, text: &str) -> bool {
        match self {
            Self::Characters(most) => {
                text.len() <= *most || !text.ends_with(is_blank) || text.chars().count() <= *most
            }
            Self::Stripped(most) => {
                !text.ends_with(' ') && Self::Characters(*most).keeps_text(text)
            }
            Self::Bytes(most) => text.len() <= *most || !text.ends_with(is_blank),
            Self::Label(labels) => labels.iter().any(|label| label == text),
            Self::Labels(labels) => {
                let mut labels = labels.iter();
                text.is_empty() || text.split(',').all(|one| labels.any(|label| label == one))
            }
            Self::Uuid => is_uuid(text),
            Self::Inet4 => text.parse::<Ipv4Addr>().is_ok(),
            Self::Inet6 => text.parse().is_ok_and(|address| inet6(address) == text),
            Self::OtherKind => false,
            _ => true,
        }
    }
}

/// Whether the server cuts this character from the end of a text that is too long.
fn is_blank(c: char) -> bool {
    c.is_ascii_whitespace() || c == '\u{b}'
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a double that a single cannot hold is detected by converting back"
)]
fn is_single(value: f64) -> bool {
    f64::from(value as f32).to_bits() == value.to_bits()
}

/// Formats a float with this many digits after the decimal point.
fn fixed(value: f64, digits: u32) -> String {
    let digits = digits as usize;
    format!("{value:.digits$}")
}

fn is_year(value: f64) -> bool {
    value.fract() == 0.0 && (value == 0.0 || value >= 100.0)
}

fn has_digits(micros: i64, digits: u32) -> bool {
    micros % 10_i64.pow(6_u32.saturating_sub(digits)) == 0
}

fn is_uuid(text: &str) -> bool {
    let is_fitting = |(at, byte): (usize, u8)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
    };
    text.len() == 36 && text.bytes().enumerate().all(is_fitting)
}

/// Formats an address as the server does: the longest sequence of zeros is omitted, even of a single one, and the last two groups of an
/// IPv4-mapped address are written as an IPv4 address.
fn inet6(address: Ipv6Addr) -> String {
    let parts = address.segments();
    let zeros = |from: usize| parts[from..].iter().take_while(|part| **part == 0).count();
    let (mut gap, mut length) = (0, 0);
    for from in 0..parts.len() {
        if zeros(from) > length {
            (gap, length) = (from, zeros(from));
        }
    }
    let hexadecimal = |parts: &[u16]| {
        let parts = parts.iter().map(|part| format!("{part:x}"));
        parts.collect::<Vec<_>>().join(":")
    };
    let [.., a, b, c, d] = address.octets();
    match (gap, length, parts[5]) {
        (0, 6, _) => format!("::{a}.{b}.{c}.{d}"),
        (0, 5, 0xffff) => format!("::ffff:{a}.{b}.{c}.{d}"),
        (_, 0, _) => hexadecimal(&parts),
        _ => format!(
            "{}::{}",
            hexadecimal(&parts[..gap]),
            hexadecimal(&parts[gap + length..])
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame::value::{Time, Timestamp};

    #[test]
    fn what_a_column_keeps() {
        use ValueType as V;
        let decimal = |mantissa, scale| ValueRef::Decimal(Decimal::new(mantissa, scale));
        let text = ValueRef::Text;
        for (mapped, declared, value, is_kept) in [
            (V::F64, "float", ValueRef::F64(0.5), true),
            (V::F64, "float unsigned", ValueRef::F64(0.1), false),
            (V::F64, "double(10,2)", ValueRef::F64(1.05), true),
            (V::F64, "double(10,2)", ValueRef::F64(1.005), false),
            (V::F32, "float(7,2)", ValueRef::F32(0.25), true),
            (V::F32, "float(7,2)", ValueRef::F32(0.1), true),
            (V::F32, "float(7,2)", ValueRef::F32(0.125), false),
            (V::F64, "float(7,2)", ValueRef::F64(0.1), false),
            (V::F64, "bigint unsigned", ValueRef::F64(3.0), true),
            (V::F32, "int(11)", ValueRef::F32(0.5), false),
            (V::Decimal, "int(5) unsigned", decimal(15, 1), false),
            (V::Decimal, "decimal(10,2)", decimal(1550, 3), true),
            (V::Decimal, "decimal(10,2)", decimal(1555, 3), false),
            (V::Decimal, "decimal(10,0)", decimal(5, 1), false),
            (V::Decimal, "year(4)", decimal(7, 0), false),
            (V::Decimal, "year(4)", decimal(2007, 0), true),
            (V::F64, "year(4)", ValueRef::F64(1.5), false),
            (V::Decimal, "year(4)", decimal(0, 0), true),
            (V::I16, "year(4)", ValueRef::I16(99), false),
            (V::I64, "year(4)", ValueRef::I64(1999), true),
            (V::Time, "time", ValueRef::Time(Time(600_000)), false),
            (
                V::Timestamp,
                "datetime(3)",
                ValueRef::Timestamp(Timestamp(1_000)),
                true,
            ),
            (
                V::Timestamp,
                "datetime(6)",
                ValueRef::Timestamp(Timestamp(1)),
                true,
            ),
            (V::I64, "bit(64)", ValueRef::I64(-1), false),
            (V::I64, "bit(64)", ValueRef::I64(i64::MAX), true),
            (V::Bytes, "binary(4)", ValueRef::Bytes(b"ab"), false),
            (V::Bytes, "binary(2)", ValueRef::Bytes(b"ab"), true),
            (V::Bytes, "bit(9)", ValueRef::Bytes(b"\0a"), false),
            (V::Decimal, "bit(64)", decimal(1 << 63, 0), true),
            (V::Decimal, "bit(64)", decimal(-1, 0), false),
            (V::Decimal, "bit(8)", decimal(15, 1), false),
            (V::Bytes, "binary(2)", ValueRef::Null, true),
            (V::Text, "char(4)", text("ab "), false),
            (V::Json, "char(4)", ValueRef::Json("{} "), false),
            (V::Text, "varchar(2)", text("ä "), true),
            (V::Text, "varchar(2)", text("ab "), false),
            // The server refuses it.
            (V::Text, "varchar(2)", text("abc"), true),
            (V::Text, "enum('a','it''s (1)')", text("it's (1)"), true),
            (V::Text, "enum('a','b')", text("2"), false),
            (V::Text, "set('a','b')", text("a,b"), true),
            (V::Text, "set('a','b')", text("b,a"), false),
            (V::Text, "set('a','b')", text(""), true),
            (V::Text, "inet6", text("::1"), true),
            (V::Text, "inet6", text("::102:304"), false),
            (V::Text, "inet6", text("::1.2.3.4"), true),
            (V::Text, "enum('a\\\\b')", text("a\\b"), true),
            (V::Text, "decimal(5,2)", text("1.00"), false),
            (V::Text, "longtext", text(" "), true),
            (V::Text, "json", text("{}"), false),
        ] {
            let kept = Rule::of(mapped, declared).is_none_or(|rule| rule.keeps(value));
            assert_eq!(kept, is_kept, "{value:?} as {mapped:?} in {declared}");
        }
    }
}
