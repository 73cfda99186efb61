//! Arrays: a `Vec` of values in one column.
//!
//! They are exchanged as text in PostgreSQL's array syntax, `{1,2,NULL}`, and stored like that in databases without arrays.

use std::fmt::Write as _;

use super::{ColumnValue, Decimal, Param, Value, ValueRef, ValueType};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::ColumnType;

/// An array: `Vec<String>`, `Vec<Option<i64>>`, `Vec<Vec<f64>>`; but a `Vec<u8>` is bytes.
impl<T: ColumnValue> ColumnValue for Vec<T> {
    type Base = Self;
    const TYPE: ValueType = ValueType::Text;
    const TAKES_LENGTH: bool = false;

    fn column_type() -> ColumnType {
        ColumnType::Array(Box::new(T::column_type()))
    }

    fn to_param(&self) -> Param<'_> {
        let is_nested = is_array(&T::column_type());
        let mut text = String::from("{");
        for (i, element) in self.iter().enumerate() {
            if i > 0 {
                text.push(',');
            }
            let param = element.to_param();
            write(
                param.value().unwrap_or(ValueRef::Null),
                is_nested,
                &mut text,
            );
        }
        text.push('}');
        Param::Owned(Value::Text(text))
    }

    fn from_value(value: ValueRef<'_>) -> Result<Self> {
        let ValueRef::Text(text) = value else {
            return Err(value.mismatch("array"));
        };
        let is_nested = is_array(&T::column_type());
        let element = |element: Option<String>| match element {
            None => T::from_value(ValueRef::Null),
            Some(text) => T::from_value(read(T::TYPE, &text)?.as_ref()),
        };
        elements(text, is_nested)?
            .into_iter()
            .map(element)
            .collect()
    }
}

fn is_array(ty: &ColumnType) -> bool {
    matches!(ty, ColumnType::Array(_))
}

fn write(value: ValueRef<'_>, is_nested: bool, out: &mut String) {
    let written = match value {
        ValueRef::Null => out.write_str("NULL"),
        ValueRef::Bool(v) => out.write_str(if v { "t" } else { "f" }),
        ValueRef::I16(v) => write!(out, "{v}"),
        ValueRef::I32(v) => write!(out, "{v}"),
        ValueRef::I64(v) => write!(out, "{v}"),
        ValueRef::F32(v) => write!(out, "{v}"),
        ValueRef::F64(v) => write!(out, "{v}"),
        ValueRef::Decimal(v) => write!(out, "{v}"),
        ValueRef::Date(v) => write!(out, "\"{v}\""),
        ValueRef::Time(v) => write!(out, "\"{v}\""),
        ValueRef::Timestamp(v) => write!(out, "\"{v}\""),
        ValueRef::TimestampTz(v) => write!(out, "\"{v}\""),
        ValueRef::Uuid(v) => {
            let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
            let parts = [&v[..4], &v[4..6], &v[6..8], &v[8..10], &v[10..]];
            out.write_str(&parts.map(hex).join("-"))
        }
        ValueRef::Bytes(v) => {
            out.push_str("\"\\\\x");
            for byte in v {
                out.push_str(&format!("{byte:02x}"));
            }
            out.write_str("\"")
        }
        ValueRef::Text(v) if is_nested => out.write_str(v),
        ValueRef::Text(v) | ValueRef::Json(v) => {
            out.push('"');
            for c in v.chars() {
                if matches!(c, '"' | '\\') {
                    out.push('\\');
                }
                out.push(c);
            }
            out.write_str("\"")
        }
    };
    written.expect("a String accepts any text");
}

/// Splits an array into the texts of its elements, `None` for NULL; nested arrays are left as text.
fn elements(text: &str, is_nested: bool) -> Result<Vec<Option<String>>> {
    let inner = text
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
        .ok_or_else(|| match text.starts_with('[') {
            true => refused("the array has a lower bound other than 1"),
            false => refused("the text is not an array"),
        })?;
    let mut found = Vec::new();
    let mut rest = inner;
    while !rest.is_empty() {
        let element;
        (element, rest) = match rest.chars().next() {
            Some('{') if is_nested => nested(rest)?,
            Some('{') => return Err(refused("the array has more dimensions than its Rust type")),
            Some('"') => quoted(&rest[1..])?,
            _ => {
                let end = rest.find(',').unwrap_or(rest.len());
                let word = &rest[..end];
                let is_null = word.eq_ignore_ascii_case("NULL");
                ((!is_null).then(|| word.to_owned()), &rest[end..])
            }
        };
        found.push(element);
        rest = match rest.strip_prefix(',') {
            Some(after) if !after.is_empty() => after,
            None if rest.is_empty() => rest,
            _ => return Err(refused("the text is not an array")),
        };
    }
    Ok(found)
}

/// Parses a quoted element after its opening quote; returns it and the rest.
fn quoted(text: &str) -> Result<(Option<String>, &str)> {
    let mut element = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((Some(element), &text[at + 1..])),
            '\\' => element.extend(chars.next().map(|(_, escaped)| escaped)),
            c => element.push(c),
        }
    }
    Err(refused("the text is not an array"))
}

/// Splits off a nested array as text; returns it and the rest.
fn nested(text: &str) -> Result<(Option<String>, &str)> {
    let (mut depth, mut in_quotes) = (0_u32, false);
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '"' => in_quotes = !in_quotes,
            '{' if !in_quotes => depth += 1,
            '}' if !in_quotes => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Ok((Some(text[..=at].to_owned()), &text[at + 1..]));
        }
    }
    Err(refused("the text is not an array"))
}

/// Parses the text of an element.
fn read(ty: ValueType, text: &str) -> Result<Value> {
    let unreadable = || refused(&format!("an element of the array is not a {ty:?}"));
    let value = match ty {
        ValueType::Bool => match text {
            "t" | "true" => Some(Value::Bool(true)),
            "f" | "false" => Some(Value::Bool(false)),
            _ => None,
        },
        ValueType::I16 => text.parse().ok().map(Value::I16),
        ValueType::I32 => text.parse().ok().map(Value::I32),
        ValueType::I64 => text.parse().ok().map(Value::I64),
        ValueType::F32 => text.parse().ok().map(Value::F32),
        ValueType::F64 => text.parse().ok().map(Value::F64),
        ValueType::Decimal => Decimal::parsed(text).map(Value::Decimal),
        ValueType::Date => text.parse().ok().map(Value::Date),
        ValueType::Time => text.parse().ok().map(Value::Time),
        ValueType::Timestamp => text.parse().ok().map(Value::Timestamp),
        ValueType::TimestampTz => text.parse().ok().map(Value::TimestampTz),
        ValueType::Text | ValueType::Native => Some(Value::Text(text.to_owned())),
        ValueType::Json => Some(Value::Json(text.to_owned())),
        ValueType::Uuid => {
            let digits: String = text.chars().filter(|&c| c != '-').collect();
            let bytes = hexadecimal(&digits).and_then(|bytes| bytes.try_into().ok());
            bytes.map(Value::Uuid)
        }
        ValueType::Bytes => text
            .strip_prefix("\\x")
            .and_then(hexadecimal)
            .map(Value::Bytes),
    };
    value.ok_or_else(unreadable)
}

fn hexadecimal(digits: &str) -> Option<Vec<u8>> {
    if !digits.len().is_multiple_of(2) || !digits.is_ascii() {
        return None;
    }
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).ok())
        .collect()
}

#[cold]
fn refused(what: &str) -> Error {
    Error::new(ErrorKind::Conversion, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Date;

    fn check<T: ColumnValue + PartialEq + std::fmt::Debug>(array: Vec<T>, text: &str) {
        let param = array.to_param();
        assert_eq!(param.value(), Some(ValueRef::Text(text)));
        let read = Vec::<T>::from_value(ValueRef::Text(text));
        assert_eq!(read.expect("converts back"), array);
    }

    #[test]
    fn arrays_are_texts_and_back() {
        check(Vec::<i32>::new(), "{}");
        check(vec![1_i64, -2], "{1,-2}");
        check(vec![Some(true), None], "{t,NULL}");
        let texts = ["", "a,b", "it's \"so\" \\", "NULL", "{é}"].map(str::to_owned);
        check(
            texts.to_vec(),
            r#"{"","a,b","it's \"so\" \\","NULL","{é}"}"#,
        );
        check(vec![f64::INFINITY, 0.1], "{inf,0.1}");
        check(vec![vec![1_i16, 2], vec![3, 4]], "{{1,2},{3,4}}");
        check(
            vec![vec!["a\"}".to_owned()], vec!["{".to_owned()]],
            r#"{{"a\"}"},{"{"}}"#,
        );
        check(vec![vec![0_u8, 255]], r#"{"\\x00ff"}"#);
        check(vec![Decimal::new(150, 2)], "{1.50}");
        let small = format!("{{0.{}1}}", "0".repeat(38));
        check(vec![Decimal::new(1, 39)], &small);
        check(
            vec![Decimal::new(i128::MIN, 0)],
            "{-170141183460469231731687303715884105728}",
        );
        check(
            vec!["2024-02-29".parse::<Date>().expect("a day")],
            r#"{"2024-02-29"}"#,
        );
    }

    #[test]
    fn invalid_arrays_are_refused() {
        for text in ["", "1", "{1", "{a}", "{1,}", "{1}2", "{{1}}", "[0:1]={1,2}"] {
            let error = Vec::<i32>::from_value(ValueRef::Text(text)).expect_err(text);
            assert_eq!(error.kind(), ErrorKind::Conversion, "{text}");
        }
        assert!(Vec::<i32>::from_value(ValueRef::Text("{NULL}")).is_err());
        assert!(Vec::<i32>::from_value(ValueRef::Text("{\"1\"")).is_err());
    }
}
