//! Converts the server's types to neutral ones.

use std::borrow::Cow;

use selfsame::schema::ColumnType;
use selfsame::value::ValueType;

/// Returns the neutral type of a column for a type as the server writes it, such as `varchar(50)`, and whether `create_all` creates the
/// same type from it.
pub(crate) fn column_type(written: &str) -> (ColumnType, bool) {
    // MariaDB writes in a comment that a column is compressed.
    let comment = written.split_once(" /*!");
    if let Some((plain, _)) = comment.filter(|_| written.ends_with("*/")) {
        return (column_type(plain).0, false);
    }
    if let Some(plain) = written.strip_suffix(" zerofill") {
        return (column_type(plain).0, false);
    }
    let written = canonical(written);
    let (name, modifiers) = split(&written);
    let length = modifiers.parse::<u32>().ok();
    let other = || {
        let name = written.clone().into_owned();
        (ColumnType::Other { name }, true)
    };
    let declared = |usual| ColumnType::named(&*written, usual);
    if let Some(signed) = name.strip_suffix(" unsigned") {
        let ty = match signed {
            "tinyint" => ColumnType::I16,
            "smallint" | "mediumint" => ColumnType::I32,
            "int" => ColumnType::I64,
            "bigint" => ColumnType::Decimal {
                precision: Some((20, 0)),
            },
            _ => column_type(signed).0,
        };
        return (ty, false);
    }
    match (name, length) {
        ("tinyint", Some(1)) => (ColumnType::Bool, written.ends_with(')')),
        ("bit", Some(1)) => (ColumnType::Bool, false),
        ("bit", Some(2..=15)) => (ColumnType::I16, false),
        ("bit", Some(16..=31)) => (ColumnType::I32, false),
        // Half of the values of 64 bits do not fit, and are refused when they are read.
        ("bit", Some(32..=64)) => (ColumnType::I64, false),
        ("tinyint", _) => (ColumnType::I16, false),
        ("smallint", None) => (ColumnType::I16, true),
        ("mediumint", None) => (ColumnType::I32, false),
        ("int", None) => (ColumnType::I32, true),
        ("bigint", None) => (ColumnType::I64, true),
        ("year", _) => (ColumnType::I16, false),
        ("float", None) => (ColumnType::F32, written == name),
        ("double", None) => (ColumnType::F64, written == name),
        ("longtext", None) => (ColumnType::Text { length: None }, true),
        ("tinytext" | "text" | "mediumtext", None) => (ColumnType::Text { length: None }, false),
        ("varchar", Some(_)) => (ColumnType::Text { length }, true),
        ("char", Some(_)) => (ColumnType::Text { length }, false),
        ("longblob", None) => (ColumnType::Bytes, true),
        ("tinyblob" | "blob" | "mediumblob", None) => (ColumnType::Bytes, false),
        ("binary", Some(16)) => (ColumnType::Uuid, true),
        ("binary", Some(_)) => (declared(ColumnType::Bytes), true),
        ("varbinary", Some(_)) => (ColumnType::Bytes, false),
        // In the form in which the server stores them and accepts them again.
        (
            "geometry" | "point" | "linestring" | "polygon" | "multipoint" | "multilinestring"
            | "multipolygon" | "geometrycollection" | "geomcollection",
            None,
        ) => (ColumnType::Bytes, false),
        ("decimal", _) => {
            let (ty, is_exact) = decimal(modifiers);
            (ty, is_exact && written.ends_with(')'))
        }
        ("uuid", None) => (ColumnType::Uuid, false),
        // A type of MySQL; MariaDB reports the text type that its `json` stands for.
        ("json", None) => (ColumnType::Json, true),
        ("date", None) => (ColumnType::Date, true),
        ("time", Some(6)) => (ColumnType::Time, true),
        ("time", _) => (declared(ColumnType::Time), true),
        ("datetime", Some(6)) => (ColumnType::Timestamp, true),
        ("datetime", _) => (declared(ColumnType::Timestamp), true),
        // Its range ends in 2038.
        ("timestamp", _) => (declared(ColumnType::TimestampTz), true),
        _ => other(),
    }
}

/// Returns whether the default of a column of this type is a date without year, month or day, such as `'0000-00-00 00:00:00'`: strict mode
/// refuses to create it, and no neutral value can represent it.
pub(crate) fn is_zero_date(ty: &ColumnType, default: &str) -> bool {
    let is_date = matches!(
        ty.value_type(),
        ValueType::Date | ValueType::Timestamp | ValueType::TimestampTz
    );
    let Some(literal) = default.strip_prefix('\'').filter(|_| is_date) else {
        return false;
    };
    let date = literal.split([' ', '\'']).next().unwrap_or(literal);
    let mut parts = date.split('-');
    parts.any(|part| !part.is_empty() && part.bytes().all(|digit| digit == b'0'))
}

/// The default of a numeric column as the server writes it for a column of the mapped type: without the zeros of ZEROFILL, and the bits of a BIT
/// as a number.
pub(crate) fn number(default: &str) -> Option<String> {
    let bits = default.strip_prefix("b'");
    if let Some(bits) = bits.and_then(|bits| bits.strip_suffix('\'')) {
        return u64::from_str_radix(bits, 2)
            .ok()
            .map(|bits| bits.to_string());
    }
    let is_plain = default
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let short = default.trim_start_matches('0');
    (is_plain && short.len() < default.len()).then(|| match short.starts_with(|c: char| c != '.') {
        true => short.to_owned(),
        false => format!("0{short}"),
    })
}

/// The default of a `uuid` column for a column of the mapped type, which stores the bytes.
pub(crate) fn uuid(default: &str) -> Option<String> {
    let text = default.strip_prefix('\'')?.strip_suffix('\'')?;
    let digits = text.replace('-', "").to_ascii_lowercase();
    let is_uuid = digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_uuid.then(|| format!("unhex('{digits}')"))
}

/// The labels of a type as the server writes it: `enum('a','it''s','a\\\\b')`.
pub(crate) fn labels(declared: &str) -> Vec<String> {
    let mut labels = Vec::new();
    let mut rest = declared.chars();
    while rest.any(|c| c == '\'') {
        let mut label = String::new();
        while let Some(c) = rest.next() {
            let mut next = rest.clone();
            match (c, next.next()) {
                ('\'', Some('\'')) => {
                    label.push('\'');
                    rest = next;
                }
                ('\'', _) => break,
                ('\\', Some(c)) => {
                    label.push(match c {
                        'n' => '\n',
                        'r' => '\r',
                        '0' => '\0',
                        c => c,
                    });
                    rest = next;
                }
                (c, _) => label.push(c),
            }
        }
        labels.push(label);
    }
    labels
}

fn decimal(modifiers: &str) -> (ColumnType, bool) {
    let precision = modifiers
        .split_once(',')
        .and_then(|(precision, scale)| precision.parse().ok().zip(scale.parse().ok()));
    let precision = precision.filter(|precision| *precision != (65, 30));
    (ColumnType::Decimal { precision }, true)
}

/// Removes the display widths that older servers write.
pub(crate) fn canonical(written: &str) -> Cow<'_, str> {
    let (name, modifiers) = split(written);
    let is_integer = ["tinyint", "smallint", "mediumint", "int", "bigint"]
        .iter()
        .any(|integer| name.split(' ').next() == Some(integer));
    if is_integer && !modifiers.is_empty() && !(name == "tinyint" && modifiers == "1") {
        let suffix = written.split_once(')').map_or("", |(_, suffix)| suffix);
        return format!("{}{suffix}", name.split(' ').next().unwrap_or(name)).into();
    }
    written.into()
}

/// A type's name and the contents of its parentheses: `varchar(50)` is `varchar` and `50`. The name ends at the parenthesis.
pub(crate) fn split(written: &str) -> (&str, &str) {
    match written.split_once('(') {
        Some((name, rest)) => (name, rest.split_once(')').map_or(rest, |(inner, _)| inner)),
        None => (written, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_as_the_server_writes_them() {
        let text = |length| ColumnType::Text { length };
        let other = |name: &str| ColumnType::Other { name: name.into() };
        let declared = |name: &str, usual| (ColumnType::named(name, usual), true);
        for (written, expected) in [
            ("tinyint(1)", (ColumnType::Bool, true)),
            ("bit(1)", (ColumnType::Bool, false)),
            ("bit(8)", (ColumnType::I16, false)),
            ("bit(64)", (ColumnType::I64, false)),
            ("point", (ColumnType::Bytes, false)),
            ("enum('a /*!b','c')", (other("enum('a /*!b','c')"), true)),
            ("tinyint(4)", (ColumnType::I16, false)),
            ("smallint(6)", (ColumnType::I16, true)),
            ("int(11)", (ColumnType::I32, true)),
            ("int(10) unsigned", (ColumnType::I64, false)),
            ("bigint(20)", (ColumnType::I64, true)),
            (
                "bigint(20) unsigned",
                (
                    ColumnType::Decimal {
                        precision: Some((20, 0)),
                    },
                    false,
                ),
            ),
            ("varchar(50)", (text(Some(50)), true)),
            ("longtext", (text(None), true)),
            ("text", (text(None), false)),
            (
                "decimal(65,30)",
                (ColumnType::Decimal { precision: None }, true),
            ),
            (
                "decimal(10,2)",
                (
                    ColumnType::Decimal {
                        precision: Some((10, 2)),
                    },
                    true,
                ),
            ),
            (
                "decimal(10,2) unsigned",
                (
                    ColumnType::Decimal {
                        precision: Some((10, 2)),
                    },
                    false,
                ),
            ),
            ("blob /*!100301 COMPRESSED*/", (ColumnType::Bytes, false)),
            ("datetime(6)", (ColumnType::Timestamp, true)),
            ("datetime", declared("datetime", ColumnType::Timestamp)),
            (
                "timestamp(3)",
                declared("timestamp(3)", ColumnType::TimestampTz),
            ),
            ("time", declared("time", ColumnType::Time)),
            ("binary(4)", declared("binary(4)", ColumnType::Bytes)),
            ("binary(16)", (ColumnType::Uuid, true)),
            ("float(7,4)", (ColumnType::F32, false)),
            ("double unsigned", (ColumnType::F64, false)),
            ("double(10,3) unsigned zerofill", (ColumnType::F64, false)),
            ("int(6) unsigned zerofill", (ColumnType::I64, false)),
            ("tinyint(1) unsigned", (ColumnType::Bool, false)),
            ("enum('a','b(1)')", (other("enum('a','b(1)')"), true)),
            ("inet6", (other("inet6"), true)),
        ] {
            assert_eq!(column_type(written), expected, "{written}");
        }
    }

    #[test]
    fn defaults_of_uuids() {
        let bytes = "unhex('6f9619ff8b86d011b42d00c04fc964ff')";
        for (default, expected) in [
            ("'6F9619FF-8B86-D011-B42D-00C04FC964FF'", Some(bytes)),
            ("'6f9619ff8b86d011b42d00c04fc964ff'", Some(bytes)),
            ("uuid()", None),
            ("'x'", None),
        ] {
            assert_eq!(uuid(default).as_deref(), expected, "{default}");
        }
    }

    #[test]
    fn defaults_of_numbers() {
        for (default, expected) in [
            ("b'101'", Some("5")),
            ("00042", Some("42")),
            ("000", Some("0")),
            ("00.50", Some("0.50")),
            ("001.50", Some("1.50")),
            ("10", None),
            ("-1", None),
            ("(1 + 2)", None),
            ("b'x'", None),
            ("NULL", None),
        ] {
            assert_eq!(number(default).as_deref(), expected, "{default}");
        }
    }

    #[test]
    fn defaults_that_are_no_dates() {
        for (ty, default, expected) in [
            ("datetime", "'0000-00-00 00:00:00'", true),
            ("timestamp(6)", "'0000-00-00 00:00:00.000000'", true),
            ("date", "'0000-00-00'", true),
            ("date", "'2024-00-01'", true),
            ("date", "'2024-10-20'", false),
            ("datetime", "'2000-01-10 00:00:00'", false),
            ("datetime", "current_timestamp()", false),
            ("varchar(20)", "'0000-00-00'", false),
            ("time", "'00:00:00'", false),
        ] {
            let (column, _) = column_type(ty);
            assert_eq!(is_zero_date(&column, default), expected, "{ty} {default}");
        }
    }
}
