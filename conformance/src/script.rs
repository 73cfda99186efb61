//! Statements with parameters as literals, for a client of the database.

use std::fmt::Write as _;

use selfsame::backend::Sql;
use selfsame::value::{Param, ValueRef};

/// Formats one statement for a client.
pub(crate) fn statement(sql: &Sql, params: &[Param<'_>]) -> String {
    let mut out = with_literals(sql.text(), params);
    out.push(';');
    out
}

/// Replaces `?1`, `$1` and `?` with literals, outside of quotes.
fn with_literals(text: &str, params: &[Param<'_>]) -> String {
    let mut out = String::with_capacity(text.len() + params.len() * 8);
    let mut chars = text.char_indices().peekable();
    let mut quote = None;
    let mut unnumbered = 0;
    while let Some((at, c)) = chars.next() {
        match quote {
            Some(open) if c == open => quote = None,
            None if matches!(c, '\'' | '"' | '`') => quote = Some(c),
            _ => {}
        }
        if quote.is_some() || !matches!(c, '?' | '$') {
            out.push(c);
            continue;
        }
        let rest = &text[at + 1..];
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let place = if digits > 0 {
            rest[..digits].parse::<usize>().ok()
        } else if c == '?' {
            unnumbered += 1;
            Some(unnumbered)
        } else {
            None
        };
        match place.and_then(|place| params.get(place.checked_sub(1)?)) {
            Some(param) => {
                literal(param, &mut out);
                for _ in 0..digits {
                    chars.next();
                }
            }
            None => out.push(c),
        }
    }
    out
}

fn literal(param: &Param<'_>, out: &mut String) {
    match param {
        Param::Ref(value) => scalar(*value, out),
        Param::Owned(value) => scalar(value.as_ref(), out),
        Param::Column(values) => array(values, out),
    }
}

fn scalar(value: ValueRef<'_>, out: &mut String) {
    let written = match value {
        ValueRef::Null => write!(out, "NULL"),
        ValueRef::Bool(value) => write!(out, "{}", if value { "TRUE" } else { "FALSE" }),
        ValueRef::I16(value) => write!(out, "{value}"),
        ValueRef::I32(value) => write!(out, "{value}"),
        ValueRef::I64(value) => write!(out, "{value}"),
        ValueRef::F32(value) if value.is_finite() => write!(out, "{value:?}"),
        ValueRef::F64(value) if value.is_finite() => write!(out, "{value:?}"),
        ValueRef::Decimal(value) => write!(out, "{value}"),
        ValueRef::Bytes(bytes) => {
            out.push_str("X'");
            hex(bytes, out);
            out.push('\'');
            return;
        }
        other => {
            let mut text = String::new();
            plain(other, &mut text);
            write!(out, "'{}'", text.replace('\'', "''"))
        }
    };
    written.expect("writing to a String does not fail");
}

/// Writes an array as `'{1,NULL,"a"}'`; the statement has its type.
fn array(values: &[ValueRef<'_>], out: &mut String) {
    let elements: Vec<String> = values
        .iter()
        .map(|value| {
            if value.is_null() {
                return "NULL".to_owned();
            }
            let mut text = String::new();
            plain(*value, &mut text);
            format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
        })
        .collect();
    let text = format!("{{{}}}", elements.join(","));
    write!(out, "'{}'", text.replace('\'', "''")).expect("writing to a String does not fail");
}

/// Writes a value as text, without quotes.
fn plain(value: ValueRef<'_>, out: &mut String) {
    let written = match value {
        ValueRef::Text(text) | ValueRef::Json(text) => write!(out, "{text}"),
        ValueRef::Date(value) => write!(out, "{value}"),
        ValueRef::Time(value) => write!(out, "{value}"),
        ValueRef::Timestamp(value) => write!(out, "{value}"),
        ValueRef::TimestampTz(value) => write!(out, "{value}"),
        ValueRef::F32(value) => write!(out, "{value:?}"),
        ValueRef::F64(value) => write!(out, "{value:?}"),
        ValueRef::Uuid(bytes) => {
            for (at, byte) in bytes.iter().enumerate() {
                let dash = if matches!(at, 4 | 6 | 8 | 10) {
                    "-"
                } else {
                    ""
                };
                write!(out, "{dash}{byte:02x}").expect("writing to a String does not fail");
            }
            return;
        }
        ValueRef::Bytes(bytes) => {
            out.push_str("\\x");
            hex(bytes, out);
            return;
        }
        other => {
            scalar(other, out);
            return;
        }
    };
    written.expect("writing to a String does not fail");
}

fn hex(bytes: &[u8], out: &mut String) {
    for byte in bytes {
        write!(out, "{byte:02x}").expect("writing to a String does not fail");
    }
}

#[cfg(test)]
mod tests {
    use selfsame::backend::StatementKind;
    use selfsame::value::Value;

    use super::*;

    fn check(text: &str, params: &[Param<'_>], expected: &str) {
        let sql = Sql::new(StatementKind::Select, text, [], []);
        assert_eq!(statement(&sql, params), expected);
    }

    #[test]
    fn parameters_become_literals() {
        let params = [
            Param::Ref(ValueRef::I64(-7)),
            Param::Owned(Value::Text("it's $1".to_owned())),
            Param::Ref(ValueRef::Null),
        ];
        check(
            "SELECT ?1, ?2, ?3, ?1, '?1', \"a?1\"",
            &params,
            "SELECT -7, 'it''s $1', NULL, -7, '?1', \"a?1\";",
        );
        check(
            "SELECT $1::bigint, $2",
            &params,
            "SELECT -7::bigint, 'it''s $1';",
        );
        check("SELECT ?, ?", &params, "SELECT -7, 'it''s $1';");
        check("SELECT $4, a ? b", &params[..0], "SELECT $4, a ? b;");
    }

    #[test]
    fn arrays_and_bytes_are_text() {
        let column = [
            ValueRef::I32(1),
            ValueRef::Null,
            ValueRef::Text("a\"b\\c'd"),
            ValueRef::Bytes(&[0, 255]),
        ];
        check(
            "SELECT $1::text[]",
            &[Param::Column(&column)],
            r#"SELECT '{"1",NULL,"a\"b\\c''d","\\x00ff"}'::text[];"#,
        );
        check(
            "SELECT ?1",
            &[Param::Ref(ValueRef::Bytes(&[0, 255]))],
            "SELECT X'00ff';",
        );
    }

    #[test]
    fn other_values_are_quoted() {
        let uuid = [0x12, 0x34, 0x56, 0x78, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
        check(
            "SELECT ?1, ?2, ?3, ?4",
            &[
                Param::Ref(ValueRef::Uuid(uuid)),
                Param::Ref(ValueRef::F64(f64::INFINITY)),
                Param::Ref(ValueRef::F64(1.0)),
                Param::Ref(ValueRef::Json("{}")),
            ],
            "SELECT '12345678-0001-0203-0405-060708090a0b', 'inf', 1.0, '{}';",
        );
    }
}
